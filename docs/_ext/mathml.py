"""Mathematics as MathML: rendered when the pages are built, without a script or a network when they are read."""

import re

from docutils import nodes
from latex2mathml.converter import convert


def inline(writer, node):
    """A formula in a line."""
    writer.body.append(_mathml(_tex(node), "inline"))
    raise nodes.SkipNode


def displayed(writer, node):
    """A formula on a line of its own, which scrolls where it is wider than the page."""
    identifiers = "".join(f' id="{name}"' for name in node["ids"][:1])
    tex = re.sub(r"(\\operatorname\{\w+\})_(\{[^{}]*\}|\w)", r"\\underset{\2}{\1}", _tex(node))
    writer.body.append(f'<div class="equation"{identifiers}>{_mathml(tex, "block")}</div>')
    raise nodes.SkipNode


def _tex(node):
    """The formula in the commands that the converter knows."""
    return node.astext().strip().replace("{aligned}", "{align*}")


def _mathml(tex, display):
    """MathML as browsers know it, who align the cells of a table by their style."""
    return re.sub(r'columnalign="(\w+)"', r'style="text-align: \1"', convert(tex, display=display))


def setup(app):
    """Register the renderer under the name `mathml`."""
    app.add_html_math_renderer("mathml", (inline, None), (displayed, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
