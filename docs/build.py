"""Write docs/_build: the README, every Markdown page beside this script and every derivation, as HTML."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import markdown

ROOT = Path(__file__).resolve().parents[1]
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{max-width:48rem;margin:2rem auto;font-family:sans-serif;line-height:1.5}}
table{{border-collapse:collapse}}td,th{{border:1px solid #ccc;padding:.2rem .6rem}}</style>
{body}</html>
"""


def main() -> None:
    """Derivations are run anew, so a page that exists is a derivation that holds."""
    sys.path.insert(0, str(ROOT))
    from derivations.command import configure, run
    from gmm_flatness.store import write_text

    target = ROOT / "docs" / "_build"
    target.mkdir(parents=True, exist_ok=True)
    parser = argparse.ArgumentParser()
    configure(parser)
    if run(parser.parse_args(["--out", str(target / "derivations")])):
        raise SystemExit("a derivation failed; its page is not written")
    pages = (ROOT / "docs", target / "derivations")
    sources = [ROOT / "README.md", *(page for folder in pages for page in sorted(folder.glob("*.md")))]
    for source in sources:
        body = markdown.markdown(source.read_text(encoding="utf-8"), extensions=["tables", "fenced_code"])
        write_text(target / f"{source.stem}.html", PAGE.format(title=source.stem, body=body))


if __name__ == "__main__":
    main()
