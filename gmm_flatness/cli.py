"""`gmm-flatness`: one subcommand a module, loaded when it is chosen.

A command module has `configure(parser)` and `run(args) -> int`. What the library refuses becomes one line and
exit status 2; a traceback means a bug.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from gmm_flatness._version import __version__
from gmm_flatness.errors import ConvergenceError, DomainError

_COMMANDS = {
    "solve": ("gmm_flatness._solve_command", "compute one point and print it"),
    "check": ("gmm_flatness.checks.command", "set theory against simulation; the exit status is the verdict"),
    "figures": ("figures.command", "bring the figures and their page up to date (in a checkout)"),
    "derive": ("derivations.command", "run the symbolic derivations (in a checkout)"),
    "mlp": ("gmm_flatness.studies.network_command", "train and measure the multi-layer companion"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; `sys.argv` unless given. Returns the exit status."""
    argv = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="gmm-flatness", description="Wide flat minima in Gaussian-mixture "
                                     "classification: theory, simulation and an MLP companion.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    subparsers = {name: commands.add_parser(name, help=text) for name, (_, text) in _COMMANDS.items()}
    if not argv or argv[0] not in _COMMANDS:
        parser.parse_args(argv)
        parser.error("the command comes first")
    name, module = argv[0], _COMMANDS[argv[0]][0]
    if not module.startswith("gmm_flatness.") and not _enter_checkout(module):
        return _complain(f"{name} works in a checkout of the project only, where its scripts are", 2)
    command = import_module(module)
    command.configure(subparsers[name])
    return _guarded(command.run, parser.parse_args(argv))


def _guarded(run, args: argparse.Namespace) -> int:
    """Run a command; errors that are the user's to mend become a line, and termination cleans up as interruption."""
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        return run(args)
    except (DomainError, ConvergenceError, OSError) as error:
        return _complain(str(error), 2)
    except KeyboardInterrupt:
        return _complain("interrupted", 130)
    finally:
        signal.signal(signal.SIGTERM, before)


def _enter_checkout(module: str) -> bool:
    """Make the packages of a checkout importable: the one this file is in, or else the current folder."""
    for root in (Path(__file__).parents[1], Path.cwd()):
        if all((root / f"{name.replace('.', '/')}.py").is_file() for name in (module, __name__)):
            sys.path.insert(0, str(root))
            return True
    return False


def _complain(message: str, status: int) -> int:
    print(f"gmm-flatness: {message}", file=sys.stderr)
    return status
