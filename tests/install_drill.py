"""Run the Python blocks of a README with a local cluster in place of its scheduler; used by `install_drill.sh`."""

import re
import sys
from pathlib import Path


def task(shift=0.0, *, rng):
    """What the README's ensemble runs, a thousand times."""
    return shift + rng.standard_normal()


if __name__ == "__main__":
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert blocks
    for block in blocks:
        cluster = "Client(n_workers=2, threads_per_worker=1, dashboard_address=None)"
        local = block.replace('Client("scheduler:8786")', cluster)
        exec(compile(local, sys.argv[1], "exec"), {"task": task, "__name__": "__main__"})
        print(f"a block of {len(block.splitlines())} lines ran")
