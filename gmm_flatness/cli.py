"""`gmm-flatness`: one subcommand a module, loaded when it is chosen.

A command module has `configure(parser)` and `run(args) -> int`. What the library refuses becomes one line
that names the option, and exit status 2; where nobody reads the output on, status 141, in silence; a traceback means a
bug.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from gmm_flatness._version import __version__
from gmm_flatness.errors import ConvergenceError, DomainError

_COMMANDS = {
    "solve": ("gmm_flatness._solve_command", "compute a point or a curve and print, store or draw it"),
    "check": ("gmm_flatness.checks.command", "set theory against simulation; the exit status is the verdict"),
    "figures": ("figures.command", "bring the figures and their page up to date (in a checkout)"),
    "derive": ("derivations.command", "run the symbolic derivations (in a checkout)"),
    "mlp": ("gmm_flatness.studies.network_command", "train and measure the multi-layer companion"),
}

_EXAMPLES = {
    "": "gmm-flatness solve erm --alpha 2 --loss square --ridge 0.01:10:20:log --plot curve.png",
    "solve": "gmm-flatness solve erm --alpha 2 --loss square --ridge 0.1\n"
             "  gmm-flatness solve bayes_error --alpha 0.1:10:50:log --csv bayes.csv\n"
             "  gmm-flatness solve CALCULATION --help",
    "check": "gmm-flatness check --fast --only square --only hinge --json found.json",
    "figures": "gmm-flatness figures --fast --only f01",
    "derive": "gmm-flatness derive d01 d12 --out pages",
    "mlp": "gmm-flatness mlp bench --fast --data digits",
}


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """At most 100 columns; examples keep their lines."""

    def __init__(self, prog: str):
        super().__init__(prog, max_help_position=28, width=min(shutil.get_terminal_size().columns, 100) - 2)


class Parser(argparse.ArgumentParser):
    """The parser of a command and of what is below it, where `-1:1:11` is a value."""

    def __init__(self, *, example: str = "", **options):
        super().__init__(**{"formatter_class": HelpFormatter, **options})
        self._negative_number_matcher = re.compile(r"-\.?\d")
        self.example = example
        self.details: Callable[[], str] = str

    def format_help(self) -> str:
        """The help, with the details and the example of the command below it."""
        parts = [part for part in (self.details(), self.example and f"example:\n  {self.example}") if part]
        self.epilog = "\n\n".join(parts) or self.epilog
        return super().format_help()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; `sys.argv` unless given. Returns the exit status."""
    try:
        try:
            return _run(list(sys.argv[1:] if argv is None else argv))
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still to be flushed
        return 128 + signal.SIGPIPE


def _run(argv: list[str]) -> int:
    parser = Parser(prog="gmm-flatness", example=_EXAMPLES[""], description="Wide flat minima in Gaussian-mixture "
                    "classification: theory, simulation and an MLP companion.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    subparsers = {name: commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.",
                                            example=_EXAMPLES[name]) for name, (_, text) in _COMMANDS.items()}
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
    except BrokenPipeError:
        raise
    except DomainError as error:
        return _complain(as_typed(error, args), 2)
    except (ConvergenceError, OSError) as error:
        return _complain(str(error), 2)
    except KeyboardInterrupt:
        return _complain("interrupted", 130)
    finally:
        signal.signal(signal.SIGTERM, before)


def as_typed(error: DomainError, args: argparse.Namespace) -> str:
    """The message with options in place of the parameters that they set."""
    options = {name: f"--{name.replace('_', '-')}" for name in vars(args)}

    def option(word: re.Match) -> str:
        return options.get(word[1], word[0])

    parameter = re.sub(r"(\w+)", option, error.parameter)
    allowed = re.sub(r"\b(\w+)=True\b", option, error.allowed)
    if "," in error.parameter:  # which of several, says what is allowed
        allowed = re.sub(r"\b(\w+)\b", option, allowed)
    return str(DomainError(parameter, error.value, allowed, threshold=error.threshold))


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
