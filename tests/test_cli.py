"""The command line: results as lines and JSON, one-line errors, and commands that need a checkout."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gmm_flatness import ConvergenceError, DomainError, cli

PACKAGE = Path(cli.__file__).parent
ERM = ["solve", "erm", "--alpha", "2", "--loss", "square", "--ridge", "0.1"]


def test_erm_prints_the_check_point_of_the_square_loss(capsys):
    assert cli.main([*ERM, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    expected = {"m": 0.4779625, "q": 0.5899346, "V": 0.8442888, "test_error": 0.2668760, "train_error": 0.0425783}
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=6e-8)
    assert (found["alpha"], found["delta"], found["rho"], found["loss"]) == (2.0, 1.0, 0.5, "square")
    assert found["stable"] is True and found["residual"] < 1e-10


def test_lines_say_the_same_as_json(capsys):
    cli.main([*ERM, "--json"])
    found = json.loads(capsys.readouterr().out)
    cli.main(ERM)
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines == {name: str(value) for name, value in found.items()}


def test_every_option_reaches_the_library(capsys):
    cli.main(["solve", "erm", "--alpha", "2", "--delta", "0.5", "--rho", "0.3", "--loss", "hebb", "--norm", "4",
              "--bias", "0.25", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (found["delta"], found["rho"], found["loss"], found["bias"]) == (0.5, 0.3, "hebb", 0.25)
    assert found["q"] == pytest.approx(4.0, rel=1e-12)


def test_bayes_prints_the_closed_form_of_the_gaussian_prior(capsys):
    assert cli.main(["solve", "bayes", "--alpha", "3", "--delta", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["overlap"] == pytest.approx(0.75, rel=1e-14)
    assert found["test_error"] == pytest.approx(0.1932381154, rel=1e-9)     # H(√0.75)
    assert found["oracle_error"] == pytest.approx(0.1586552539, rel=1e-9)   # H(1)
    cli.main(["solve", "bayes", "--alpha", "3", "--prior", "rademacher", "--json"])
    assert json.loads(capsys.readouterr().out)["overlap"] > 0.75


def test_an_infinite_response_is_valid_json(capsys):
    cli.main(["solve", "erm", "--alpha", "0.5", "--loss", "square", "--ridge", "0", "--json"])
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail)["V"] == "inf"


@pytest.mark.parametrize(("options", "words"), [
    (["solve", "erm", "--alpha", "-1", "--loss", "square", "--ridge", "1"], "alpha = -1.0"),
    (["solve", "erm", "--alpha", "1", "--loss", "sqare", "--ridge", "1"], "'square'"),
    (["solve", "erm", "--alpha", "1", "--loss", "square"], "exactly one of ridge"),
    (["solve", "erm", "--alpha", "1", "--loss", "hebb", "--ridge", "1"], "bias"),
    (["solve", "bayes", "--alpha", "1", "--prior", "flat"], "'rademacher'"),
])
def test_what_the_library_refuses_is_one_line_and_status_2(capsys, options, words):
    assert cli.main(options) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and words in err and err.startswith("gmm-flatness: ")


@pytest.mark.parametrize(("error", "status"), [
    (DomainError("x", 1, "2"), 2), (ConvergenceError("missed"), 2), (OSError(28, "No space left on device"), 2),
    (KeyboardInterrupt(), 130)])
def test_expected_errors_have_a_status(capsys, error, status):
    def run(args):
        raise error

    assert cli._guarded(run, None) == status
    assert capsys.readouterr().err.count("\n") == 1


def test_bugs_keep_their_traceback():
    with pytest.raises(ZeroDivisionError):
        cli._guarded(lambda args: 1 / 0, None)


@pytest.mark.parametrize("argv", [
    [], ["unknown"], ["--", "solve"], ["solve"], ["solve", "erm"], ["solve", "erm", "--alpha", "x"]])
def test_a_wrong_command_line_shows_the_usage(capsys, argv):
    with pytest.raises(SystemExit) as stop:
        cli.main(argv)
    assert stop.value.code == 2 and "usage: gmm-flatness" in capsys.readouterr().err


def test_help_lists_the_commands_without_loading_them():
    code = """
import sys
from gmm_flatness.cli import main
try:
    main(["--help"])
except SystemExit:
    sys.exit(any(name.endswith("command") for name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0
    assert all(name in done.stdout for name in cli._COMMANDS)


@pytest.mark.parametrize("name", ["solve", "figures", "derive", "mlp"])
def test_every_command_explains_itself(capsys, name):
    with pytest.raises(SystemExit) as stop:
        cli.main([name, "--help"])
    assert stop.value.code == 0 and f"usage: gmm-flatness {name}" in capsys.readouterr().out


@pytest.fixture
def installed(tmp_path):
    """The package alone, as it would be in site-packages."""
    shutil.copytree(PACKAGE, tmp_path / "site" / "gmm_flatness", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "site"


def run_installed(site, folder, *argv):
    code = "import sys; from gmm_flatness.cli import main; sys.exit(main(sys.argv[1:]))"
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"}
    return subprocess.run([sys.executable, "-c", code, *argv], cwd=folder, env=environment, capture_output=True,
                          text=True)


@pytest.mark.parametrize("name", ["figures", "derive"])
def test_outside_a_checkout_its_commands_say_so(installed, tmp_path, name):
    done = run_installed(installed, tmp_path, name)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"gmm-flatness: {name} works in a checkout of the project only, where its scripts are\n"


def test_inside_a_checkout_they_run_whatever_is_installed(installed):
    done = run_installed(installed, PACKAGE.parent, "figures", "--help")
    assert done.returncode == 0 and "--only" in done.stdout
