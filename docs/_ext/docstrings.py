"""Docstrings as numpydoc reads them: a closing paragraph `Source: ...` is a section of references."""


def cite(app, what, name, obj, options, lines):
    """Turn the paragraph into a section, in place."""
    for number, line in enumerate(lines):
        if line.startswith("Source: "):
            lines[number:number + 1] = ["References", "----------", line.removeprefix("Source: ")]
            break


def setup(app):
    """Run before numpydoc does, whose priority is 500."""
    app.connect("autodoc-process-docstring", cite, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
