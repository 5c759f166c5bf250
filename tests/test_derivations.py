"""Every derivation holds, and every shipped function is the one that was derived."""

import pytest

from derivations import command, report

SLOW: set[str] = set()
NAMES = [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in command.names()]


def test_scripts_are_numbered_without_gaps():
    assert [int(name[1:3]) for name in command.names()] == list(range(1, len(command.names()) + 1))


@pytest.mark.parametrize("name", NAMES)
def test_derivation_holds(name):
    script = command.load(name)
    found = report.examine(script)
    assert found.count("symbolic") + found.count("numeric") > 0
    assert found.name == name
    assert all(match.worst <= match.tolerance for match in found.matches)
    page = report.render(found)
    assert page.startswith(f"# {found.title}\n")
    assert page.count("$$") == 2 * len(found.steps)
