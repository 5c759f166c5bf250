"""Open every page of docs/_build/html in a headless browser, at the width of a phone and of a desk.

    python docs/browser.py [--screenshots DIR]

Status 1 if a page writes an error to the console or is wider than its window, 2 if there is no browser.
"""

from __future__ import annotations

import argparse
import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HTML = Path(__file__).resolve().parent / "_build" / "html"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
           "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
           "--allow-file-access-from-files", "--enable-logging=stderr")
WIDTHS = (390, 1300)
SHOWN = ("index", "start", "theory/minimizers", "generated/gallery", "api/minimizers")
# One page at a time in a frame, and how much wider its contents are than the frame.
HARNESS = """<!doctype html><html><body><iframe id="frame" height="900"></iframe><pre id="found"></pre><script>
const frame = document.getElementById("frame"), found = [], work = WORK;
function next() {
  if (!work.length) { document.getElementById("found").textContent = JSON.stringify(found); return; }
  const [page, width] = work.shift();
  frame.width = width;
  frame.onload = () => {
    const extra = frame.contentDocument.documentElement.scrollWidth - width;
    if (extra > 1) found.push(`${page}: ${extra} pixels wider than a window of ${width}`);
    next();
  };
  frame.src = page;
}
next();
</script></body></html>"""


def main() -> int:
    """Open the pages, print what is wrong with them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--screenshots", type=Path, metavar="DIR", help="also write pictures of some pages there")
    args = parser.parse_args()
    browser = find_browser()
    if browser is None:
        print(f"no browser among {', '.join(BROWSERS)}: the pages were not opened", file=sys.stderr)
        return 2
    pages = sorted(HTML.rglob("*.html"))
    found = faults(browser, pages)
    if args.screenshots:
        photograph(browser, args.screenshots)
    print(*found, f"{len(pages)} pages opened at {len(WIDTHS)} widths: {len(found)} faults", sep="\n")
    return 1 if found or not pages else 0


def find_browser() -> str | None:
    """The path of a browser that this script can drive."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def faults(browser: str, pages: list[Path]) -> list[str]:
    """Errors on the console, and pages that are wider than their window."""
    work = [(page.resolve().as_uri(), width) for page in pages for width in WIDTHS]
    with tempfile.TemporaryDirectory() as folder:
        harness = Path(folder) / "harness.html"
        harness.write_text(HARNESS.replace("WORK", json.dumps(work)), encoding="utf-8")
        done = run(browser, "--virtual-time-budget=600000", "--dump-dom", harness.as_uri())
    wide = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    if not wide or not wide[1]:
        return [f"the browser did not finish: {done.stderr[-500:]}"]
    console = [line.partition("] ")[2] for line in done.stderr.splitlines() if re.search(r":CONSOLE[:(]", line)]
    return json.loads(html.unescape(wide[1])) + [f"console: {line}" for line in console]


def photograph(browser: str, folder: Path) -> None:
    """Pictures at both widths, light and dark."""
    folder.mkdir(parents=True, exist_ok=True)
    for page in SHOWN:
        for width in WIDTHS:
            for mode, scheme in (("light", 1), ("dark", 0)):
                target = folder / f"{page.replace('/', '-')}-{width}-{mode}.png"
                run(browser, f"--blink-settings=preferredColorScheme={scheme}", f"--screenshot={target.resolve()}",
                    f"--window-size={max(width, 500)},1600", (HTML / f"{page}.html").as_uri())


def run(browser: str, *options: str) -> subprocess.CompletedProcess:
    """One run of the browser with a profile of its own."""
    with tempfile.TemporaryDirectory() as profile:
        return subprocess.run([browser, *OPTIONS, f"--user-data-dir={profile}", *options], capture_output=True,
                              text=True, timeout=600, check=True)


if __name__ == "__main__":
    sys.exit(main())
