"""The command line: results as lines and JSON, one-line errors, and commands that need a checkout."""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gmm_flatness import ConvergenceError, DomainError, StabilityError, cli

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
    assert lines.keys() == found.keys()
    for name, value in found.items():
        assert (float(lines[name]) == pytest.approx(value, rel=1e-9)) if isinstance(value, float) else (
            lines[name] == str(value))


def test_every_option_reaches_the_library(capsys):
    cli.main(["solve", "erm", "--alpha", "2", "--delta", "0.5", "--rho", "0.3", "--loss", "hebb", "--norm", "4",
              "--bias", "0.25", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (found["delta"], found["rho"], found["loss"], found["bias"]) == (0.5, 0.3, "hebb", 0.25)
    assert found["q"] == pytest.approx(4.0, rel=1e-12)


def test_the_bayes_error_is_the_closed_form_of_the_gaussian_prior(capsys):
    assert cli.main(["solve", "bayes_error", "--alpha", "3", "--delta", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bayes_error"] == pytest.approx(0.1932381154, rel=1e-9)     # H(√0.75)
    assert cli.main(["solve", "oracle_error", "--alpha", "3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["oracle_error"] == pytest.approx(0.1586552539, rel=1e-9)   # H(1)
    cli.main(["solve", "bayes_overlap", "--alpha", "3", "--prior", "rademacher", "--json"])
    assert json.loads(capsys.readouterr().out)["bayes_overlap"] > 0.75


def test_an_infinite_response_is_valid_json(capsys):
    cli.main(["solve", "erm", "--alpha", "0.5", "--loss", "square", "--ridge", "0", "--json"])
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail)["V"] == "inf"


@pytest.mark.parametrize(("options", "words"), [
    (["solve", "erm", "--alpha", "-1", "--loss", "square", "--ridge", "1"], "--alpha = -1.0 is"),
    (["solve", "erm", "--alpha", "1", "--loss", "sqare", "--ridge", "1"], "'square'"),
    (["solve", "erm", "--alpha", "1", "--loss", "square"], "exactly one of --ridge (λ ≥ 0) and --norm"),
    (["solve", "erm", "--alpha", "1", "--loss", "hebb", "--ridge", "1"], "bias"),
    (["solve", "bayes_error", "--alpha", "1", "--prior", "flat"], "'rademacher'"),
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

    assert cli._guarded(run, argparse.Namespace()) == status
    assert capsys.readouterr().err.count("\n") == 1


def test_bugs_keep_their_traceback():
    with pytest.raises(ZeroDivisionError):
        cli._guarded(lambda args: 1 / 0, argparse.Namespace())


@pytest.mark.parametrize(("error", "message"), [
    (DomainError("train_error", 2, "less"), "--train-error = 2 is not allowed: less"),
    (DomainError("q", 2, "less than norm"), "q = 2 is not allowed: less than norm"),
    (DomainError("norm, q", "both", "one of norm and q"), "--norm, q = 'both' is not allowed: one of --norm and q"),
    (StabilityError("norm", 1, "stable; allow_unstable=True returns norm", threshold=0.5),
     "--norm = 1 is not allowed: stable; --allow-unstable returns norm (threshold 0.5)"),
])
def test_errors_name_the_options_that_were_typed(error, message):
    assert cli.as_typed(error, argparse.Namespace(train_error=2, norm=1, allow_unstable=False)) == message


def run_command(*argv, **options):
    code = "import sys; from gmm_flatness.cli import main; sys.exit(main())"
    return subprocess.run([sys.executable, "-c", code, *argv], cwd=PACKAGE.parent, text=True, stderr=subprocess.PIPE,
                          env={**os.environ, "COLUMNS": "200", "PYTHONUNBUFFERED": ""}, **options)


@pytest.mark.parametrize("argv", [
    ["--help"], ["--version"], ["solve", "--help"], ERM, [*ERM, "--json"],
    ["check", "--fast", "--only", "hebb/alpha0.5"], ["derive", "d01"], ["figures", "--help"],
    ["mlp", "bench", "--help"]])
def test_a_closed_pipe_is_silent(argv):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = run_command(*argv, stdout=writer)
    finally:
        os.close(writer)
    assert (done.stderr, done.returncode) == ("", 141)


def test_a_curve_goes_to_a_pipe_and_its_reasons_too(tmp_path):
    argv = ["solve", "hard_margin", "--alpha", "0.5:9.5:3", "--csv", "--plot", str(tmp_path / "margin.png")]
    done = run_command(*argv, stdout=subprocess.PIPE)
    header, *rows = done.stdout.splitlines()
    assert (done.returncode, done.stderr, header.split(",")[0]) == (1, "", "alpha")
    assert [row.split(",")[0] for row in rows] == ["0.5", "5.0", "9.5"] and "--alpha = 9.5 is not allowed" in rows[2]
    assert (tmp_path / "margin.png").read_bytes().startswith(b"\x89PNG")


def test_the_lines_of_a_check_appear_as_its_cases_end():
    code = "import sys; from gmm_flatness.cli import main; sys.exit(main())"
    argv = ["check", "--fast", "--only", "hebb", "--workers", "1"]
    with subprocess.Popen([sys.executable, "-c", code, *argv], cwd=PACKAGE.parent, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        first = process.stdout.readline()
        running = process.poll() is None
        process.stdout.close()  # as `| head -1` does
        assert first.split()[0] == "1/8" and running
        assert process.stderr.read() == "" and process.wait() == 141


@pytest.mark.parametrize("argv", [[], ["solve"], ["check"], ["figures"], ["derive"], ["mlp"], ["mlp", "bench"],
                                  ["mlp", "correlate"], ["mlp", "correlate", "nets"],
                                  ["mlp", "correlate", "settings"]])
def test_every_help_fits_a_hundred_columns_and_shows_an_example(argv):
    done = run_command(*argv, "--help", stdout=subprocess.PIPE)
    assert done.returncode == 0 and "example:\n  gmm-flatness " in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


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
