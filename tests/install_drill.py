"""Run the cells of a tutorial on a local Dask cluster; used by `install_drill.sh`."""

import re
import sys
from pathlib import Path

if __name__ == "__main__":
    text, names = Path(sys.argv[1]).read_text(encoding="utf-8"), {"__name__": "__main__"}
    cells = re.findall(r"^```\{code-cell\} ipython3\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert any("dask.distributed" in cell for cell in cells)
    for cell in cells:
        exec(compile(cell, sys.argv[1], "exec"), names)
    assert names["find_spec"]("distributed") and names["elsewhere"] == names["one"]
    print(f"{len(cells)} cells ran")
