"""`python -m figures`: the same as `gmm-flatness figures`."""

import sys

from gmm_flatness.cli import main

sys.exit(main(["figures", *sys.argv[1:]]))
