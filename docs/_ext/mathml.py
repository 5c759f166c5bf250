"""Mathematics as MathML: rendered when the pages are built, without a script or a network when they are read."""

from docutils import nodes
from latex2mathml.converter import convert


def inline(writer, node):
    """A formula in a line."""
    writer.body.append(convert(node.astext().strip()))
    raise nodes.SkipNode


def displayed(writer, node):
    """A formula on a line of its own, which scrolls where it is wider than the page."""
    identifiers = "".join(f' id="{name}"' for name in node["ids"][:1])
    writer.body.append(f'<div class="equation"{identifiers}>{convert(node.astext().strip(), display="block")}</div>')
    raise nodes.SkipNode


def setup(app):
    """Register the renderer under the name `mathml`."""
    app.add_html_math_renderer("mathml", (inline, None), (displayed, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
