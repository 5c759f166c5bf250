"""Write docs/_build: README, the pages beside this script and every derivation, as HTML with MathML.

Derivations are run anew, so a page that exists is a derivation that holds. What was written is then read back:
mathematics left in TeX or a link that leads nowhere ends the build with status 1.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

from latex2mathml.converter import convert
from markdown import Markdown
from markdown.extensions import Extension
from markdown.inlinepatterns import InlineProcessor
from markdown.treeprocessors import Treeprocessor

ROOT = Path(__file__).resolve().parents[1]
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ max-width: 52rem; margin: 2rem auto; padding: 0 1rem; font-family: sans-serif; line-height: 1.5 }}
table {{ border-collapse: collapse }}
td, th {{ border: 1px solid #ccc; padding: .2rem .6rem }}
pre {{ overflow-x: auto; background: #f6f6f6; padding: .6rem }}
math {{ font-family: "STIX Two Math", "Latin Modern Math", "Cambria Math", "DejaVu Math TeX Gyre", math }}
.equation {{ display: block; overflow-x: auto; padding: .4rem 0 }}
</style></head>
<body><nav>{navigation}</nav>
{body}
</body></html>
"""


def main() -> int:
    """Write the pages and read them back; status 1 if a derivation fails or a page has a fault."""
    sys.path.insert(0, str(ROOT))
    from derivations.command import configure, run

    target = ROOT / "docs" / "_build"
    shutil.rmtree(target, ignore_errors=True)
    parser = argparse.ArgumentParser()
    configure(parser)
    if run(parser.parse_args(["--out", str(target / "derivations")])):
        print("a derivation failed; the pages are not written", file=sys.stderr)
        return 1
    pages = {ROOT / "README.md": target / "index.html"}
    for source in (*sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"):
        pages[source] = target / f"{source.stem.lower()}.html"
    for source in sorted((target / "derivations").glob("*.md")):
        pages[source] = source.with_suffix(".html")
    found = build(pages)
    print(*found, f"{len(pages)} pages in {target}: {len(found)} faults", sep="\n")
    return 1 if found else 0


def build(pages: dict[Path, Path]) -> list[str]:
    """Write every Markdown source of `pages` to its target and return the faults of what was written."""
    titles = {source: title(source) for source in pages}
    for source, target in pages.items():
        navigation = " · ".join(
            f'<a href="{os.path.relpath(page, target.parent)}">{titles[other]}</a>' for other, page in pages.items()
            if not re.match(r"d\d\d_", other.stem))
        markdown = Markdown(extensions=["tables", "fenced_code", "toc", Mathematics(), Links(pages, source)])
        body = markdown.convert(source.read_text(encoding="utf-8"))
        html = PAGE.format(title=titles[source], navigation=navigation, body=body)
        target.write_text(html, encoding="utf-8")
    readings = {target: Reading(target) for target in pages.values()}
    return [fault for reading in readings.values() for fault in reading.faults(readings)]


def title(source: Path) -> str:
    """The first heading of a page."""
    return re.search(r"^# (.*)$", source.read_text(encoding="utf-8"), re.MULTILINE)[1]


class Mathematics(Extension):
    """`$$ displayed $$` and `$ inline $` become MathML."""

    def extendMarkdown(self, md):
        md.inlinePatterns.register(Formula(r"\$\$(.+?)\$\$", md, "block"), "displayed", 187)
        md.inlinePatterns.register(Formula(r"\$(.+?)\$", md, "inline"), "inline", 186)


class Formula(InlineProcessor):
    """One pattern of `Mathematics`; its MathML is kept from further processing."""

    def __init__(self, pattern, md, display):
        super().__init__(pattern, md)
        self.display = display

    def handleMatch(self, match, data):
        html = convert(match[1].strip(), display=self.display)
        if self.display == "block":
            html = f'<span class="equation">{html}</span>'
        return self.md.htmlStash.store(html), match.start(0), match.end(0)


class Links(Extension):
    """Links from `source` to other sources lead to the pages built from them."""

    def __init__(self, pages, source):
        super().__init__()
        self.pages, self.source = pages, source

    def extendMarkdown(self, md):
        md.treeprocessors.register(LinkRewriter(md, self.pages, self.source), "links", 0)


class LinkRewriter(Treeprocessor):
    """The tree processor of `Links`."""

    def __init__(self, md, pages, source):
        super().__init__(md)
        self.pages, self.source = pages, source

    def run(self, root):
        for link in root.iter("a"):
            address = urlsplit(link.get("href", ""))
            page = self.pages.get((self.source.parent / address.path).resolve())
            if not address.scheme and address.path and page:
                path = os.path.relpath(page, self.pages[self.source].parent)
                link.set("href", address._replace(path=path).geturl())


class Reading(HTMLParser):
    """What a browser finds in a page: its links, its anchors and its text outside of code."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.page, self.links, self.anchors, self.texts = page, [], {""}, []
        self.code = 0
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.anchors.add(attributes.get("id"))
        self.links += [attributes[name] for name in ("href", "src") if name in attributes]
        self.code += tag in ("code", "pre", "style")

    def handle_endtag(self, tag):
        self.code -= tag in ("code", "pre", "style")

    def handle_data(self, data):
        if not self.code:
            self.texts.append(data)

    def faults(self, readings: dict[Path, Reading]) -> list[str]:
        """Texts with TeX or a fence in them, and links to a file or an anchor that is not there."""
        found = [f"{self.page.name}: not rendered: {text.strip()}" for text in self.texts
                 if "$" in text or "```" in text or re.search(r"\\[A-Za-z]", text)]
        for link in self.links:
            address = urlsplit(link)
            file = (self.page.parent / address.path).resolve() if address.path else self.page
            anchors = readings[file].anchors if file in readings else {""}
            if not address.scheme and (not file.is_file() or address.fragment not in anchors):
                found.append(f"{self.page.name}: dead link: {link}")
        return found


if __name__ == "__main__":
    sys.exit(main())
