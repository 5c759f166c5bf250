"""Write the site to docs/_build/html: derivations and figures are made anew, pages executed, formulas rendered.

A page that exists is a derivation that holds and an example that ran. What was written is then read back: a formula
left in TeX, a role left as text or a link that leads nowhere ends the build with status 1.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[1]
DOCS, GENERATED, HTML = ROOT / "docs", ROOT / "docs" / "generated", ROOT / "docs" / "_build" / "html"


def main() -> int:
    """Write the pages and read them back; status 1 if a derivation fails or a page has a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figures", type=Path, metavar="DIR",
                        help="folder with figures that are made already (default: figures/output, else fast ones)")
    args = parser.parse_args()
    sys.path[:0] = [str(ROOT), str(DOCS / "_ext")]
    from generated_pages import write_all

    shutil.rmtree(GENERATED, ignore_errors=True)
    if not write_all(GENERATED, args.figures):
        print("a derivation failed; the pages are not written", file=sys.stderr)
        return 1
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    built = subprocess.run([sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-n", "-b", "html",
                            "-d", str(HTML.parent / "doctrees"), str(DOCS), str(HTML)], env=environment, check=False)
    pages = sorted(HTML.rglob("*.html"))
    found = faults(pages)
    print(*found, f"{len(pages)} pages in {HTML}: {len(found)} faults", sep="\n")
    return 1 if built.returncode or found else 0


def faults(pages: list[Path]) -> list[str]:
    """What is wrong with the pages as a browser would find them."""
    readings = {page.resolve(): Reading(page.resolve()) for page in pages}
    return [fault for reading in readings.values() for fault in reading.faults(readings)]


class Reading(HTMLParser):
    """What a browser finds in a page: its links, its anchors and its text outside of code."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.page, self.links, self.loaded, self.anchors, self.texts = page, [], [], {"", None}, []
        self.code = 0
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.anchors.add(attributes.get("id"))
        self.links += [attributes[name] for name in ("href", "src") if attributes.get(name)]
        if tag not in ("a", "form"):
            self.loaded += [attributes[name] for name in ("href", "src") if attributes.get(name)]
        self.code += tag in ("code", "pre", "style", "script")

    def handle_endtag(self, tag):
        self.code -= tag in ("code", "pre", "style", "script")

    def handle_data(self, data):
        if not self.code:
            self.texts.append(data)

    def faults(self, readings: dict[Path, Reading]) -> list[str]:
        """Texts with TeX, a role or a fence in them, addresses outside that are loaded, and dead links."""
        found = [f"{self.page.name}: not rendered: {text.strip()}" for text in self.texts
                 if re.search(r"^&$|\$|```|\\[A-Za-z(\[]|\{(py:)?\w+\}`|:math:", text)]
        found += [f"{self.page.name}: loaded from elsewhere: {link}" for link in self.loaded if _is_elsewhere(link)]
        for link in self.links:
            if _is_elsewhere(link) or urlsplit(link).scheme:
                continue
            address = urlsplit(link)
            file = (self.page.parent / unquote(address.path)).resolve() if address.path else self.page
            if file.is_dir():
                file /= "index.html"
            anchors = readings[file].anchors if file in readings else {""}
            if not file.is_file() or unquote(address.fragment) not in anchors:
                found.append(f"{self.page.name}: dead link: {link}")
        return found


def _is_elsewhere(link: str) -> bool:
    """Whether a browser would ask the network for it."""
    return link.startswith("//") or urlsplit(link).scheme in ("http", "https")


if __name__ == "__main__":
    sys.exit(main())
