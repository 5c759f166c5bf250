"""`python -m derivations [NAME ...] [--out DIR]`."""

import argparse
import sys

from derivations.command import configure, run

parser = argparse.ArgumentParser(prog="python -m derivations", description="Run the derivations.")
configure(parser)
sys.exit(run(parser.parse_args()))
