"""What somebody who sets up the project relies on."""

import ast
import importlib.machinery
import importlib.util
import re
import shutil
import stat
import tomllib
from pathlib import Path

import pytest

from tests.conftest import fail_in_ci

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = (ROOT / "outreach/settings.py").read_text()


def variables_read_by_settings() -> set[str]:
    """The first argument of each ``env.x("NAME")`` and ``required_in_production("NAME")``."""
    names = set()
    for call in (node for node in ast.walk(ast.parse(SETTINGS)) if isinstance(node, ast.Call)):
        function = ast.unparse(call.func)
        if re.fullmatch(r"env\.\w+|required_in_production", function) and call.args:
            name = call.args[0]
            if isinstance(name, ast.Constant):
                names.add(name.value)
    return names


def variables_of_the_example() -> list[str]:
    return re.findall(r"(?m)^#?([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text())


def test_env_example_names_every_variable_once_and_no_other():
    assert sorted(variables_of_the_example()) == sorted(variables_read_by_settings())


def test_env_example_explains_every_variable():
    blocks = re.split(r"\n(?=#[^A-Z])", (ROOT / ".env.example").read_text())
    unexplained = [block for block in blocks if re.match(r"#?[A-Z][A-Z_]+=", block)]
    assert unexplained == []


def test_env_example_changes_nothing_when_copied_as_it_is():
    active = [
        line for line in (ROOT / ".env.example").read_text().splitlines() if line and not line.startswith("#")
    ]
    assert active == []


@pytest.fixture(scope="module")
def pin():
    loader = importlib.machinery.SourceFileLoader("pin", str(ROOT / ".ci/pin"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("pin", loader))
    loader.exec_module(module)
    return module


def test_every_installed_distribution_is_pinned(pin, capsys):
    if shutil.which("uv") is None:
        pytest.fail("uv is not installed: python3 -m pip install uv")
    assert pin.check() == 0, capsys.readouterr().err


def test_pins_replace_the_old_ones_and_touch_nothing_else(pin):
    before = "[project]\nname = 'x'\n\n[tool.uv]\npackage = false\n\n[tool.ruff]\nline-length = 110\n"
    once = pin.with_pins(before, ["a==1", "b==2 ; (python_version < '3.12')"])
    twice = pin.with_pins(once, ["a==2"])
    assert tomllib.loads(once)["tool"]["uv"]["constraint-dependencies"] == [
        "a==1",
        "b==2 ; (python_version < '3.12')",
    ]
    assert tomllib.loads(twice)["tool"]["uv"]["constraint-dependencies"] == ["a==2"]
    assert pin.without_pins(twice) == before


def test_every_dependency_says_what_it_is_for():
    text = (ROOT / "pyproject.toml").read_text()
    lines = [line for line in text.splitlines() if re.match(r'    "[a-z0-9-]+(\[[a-z,-]+\])?~=', line)]
    bare = [line for line in lines if "  #" not in line]
    assert len(lines) > 20
    assert bare == []


def test_ci_script_runs_and_stops_at_the_first_failure():
    script = ROOT / ".ci/run"
    assert script.stat().st_mode & stat.S_IXUSR
    assert "set -euo pipefail" in script.read_text()
    assert "\nuv run pytest\n" in script.read_text()


@pytest.mark.parametrize(
    ("ci", "keywords", "outcome"),
    [("true", {}, "failed"), ("true", {"bluesky": True}, "skipped"), ("", {}, "skipped")],
)
def test_skip_in_ci_is_a_failure_unless_it_needs_bluesky(monkeypatch, ci, keywords, outcome):
    monkeypatch.setenv("CI", ci)
    skip = ("tests/test_x.py", 1, "Skipped: no browser here")
    report = pytest.TestReport("tests/test_x.py::test_x", ("", 1, ""), {}, "skipped", skip, "setup")
    fail_in_ci(report, keywords)
    assert report.outcome == outcome
    assert "no browser here" in str(report.longrepr)
