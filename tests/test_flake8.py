"""The rules as plugins of the real flake8."""

from __future__ import annotations

import collections
from pathlib import Path

import harness
import pytest

from flake8_aiguard import catalog

SAMPLE = "import requests\n\nrequests.get('https://example.org')\n"
# AIG019 is exempt in tests, so it shows whether names and settings arrive.
CHECKED = "def public(value):\n    assert value > 0\n    return value\n"
LOCAL = "[flake8:local-plugins]\nextension =\n    AIG014 = flake8_aiguard.rules.aig014_missing_timeout:MissingTimeout\n"
START_METHOD = """\
import multiprocessing
import sys

from flake8.main.cli import main

if __name__ == "__main__":
    multiprocessing.set_start_method({method!r})
    sys.exit(main(sys.argv[1:]))
"""


def write(folder: Path, **files: str) -> None:
    """Write files; ``__`` in a name is a slash."""
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def findings(run: harness.Flake8) -> list[tuple[str, int, str]]:
    return [(item.path, item.line, item.code) for item in run.reported]


def test_installed_rules_are_the_catalogue(tmp_path: Path) -> None:
    """A rule without an installed entry point would be silent: install again with `pip install -e .`."""
    for rule in catalog.rules():
        (tmp_path / f"{rule.code.lower()}.py").write_text(harness.bad_example(rule), encoding="utf-8")
    run = harness.flake8(tmp_path, "--select=AIG,E9", "--aiguard-gates=all", ".")
    assert (run.status, run.err) == (1, "")
    for rule in catalog.rules():
        own = [item for item in run.reported if item.path == f"{rule.code.lower()}.py"]
        assert rule.code in {item.code for item in own}, rule.code
        assert all(item.text.endswith(f" [{catalog.find(item.code).slug}]") for item in own)
    # The same files with a noqa on each reported line.
    by_path = collections.defaultdict(list)
    for item in run.reported:
        by_path[item.path].append(item)
    for path in tmp_path.glob("*.py"):
        source = path.read_text(encoding="utf-8")
        lines, last = source.splitlines(), harness.last_lines(source)
        codes: dict[int, set[str]] = {}
        for item in by_path[path.name]:
            codes.setdefault(last.get(item.line, item.line), set()).add(item.code)
        for line, found in codes.items():
            lines[line - 1] += f"  # noqa: {','.join(sorted(found))}"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    silenced = harness.flake8(tmp_path, "--select=AIG,E9", "--aiguard-gates=all", ".")
    assert (silenced.status, silenced.out, silenced.err) == (0, "", "")


def test_names_lines_and_columns(tmp_path: Path) -> None:
    write(tmp_path, example="import requests\nü = 'ü', requests.get('https://example.org')\n")
    [item] = harness.flake8(tmp_path, "--select=AIG,E9").reported
    assert (item.path, item.line, item.column, item.code) == ("example.py", 2, 10, "AIG014")
    assert "requests.get" in item.text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ["AIG014"]),
        (["--select=AIG,E9"], ["AIG014"]),
        (["--select=AIG014"], ["AIG014"]),
        (["--select=AIG019"], []),
        (["--select=E,F"], []),
        (["--select=E,F", "--extend-select=AIG"], ["AIG014"]),
        (["--extend-ignore=AIG014"], []),
        (["--extend-ignore=AIG01"], []),
        (["--extend-ignore=AIG019"], ["AIG014"]),
        (["--per-file-ignores=example.py:AIG014"], []),
        (["--per-file-ignores=other.py:AIG014"], ["AIG014"]),
    ],
)
def test_selection(tmp_path: Path, arguments: list[str], expected: list[str]) -> None:
    write(tmp_path, example=SAMPLE)
    run = harness.flake8(tmp_path, *arguments, "example.py")
    assert (run.codes, run.err) == (expected, "")
    assert run.status == bool(expected)


def test_configuration_file(tmp_path: Path) -> None:
    write(tmp_path, one=SAMPLE, two=SAMPLE)
    (tmp_path / "setup.cfg").write_text("[flake8]\nselect = AIG\nper-file-ignores =\n    two.py: AIG014\n")
    assert findings(harness.flake8(tmp_path)) == [("one.py", 3, "AIG014")]


@pytest.mark.parametrize(
    ("comment", "reported"),
    [
        ("# noqa: AIG014", False),
        ("# noqa: AIG014 the caller sets one", False),
        ("# noqa: AIG001,AIG014", False),
        ("# noqa", False),
        ("# noqa: AIG019", True),
    ],
)
def test_noqa(tmp_path: Path, comment: str, reported: bool) -> None:
    write(tmp_path, example=SAMPLE.rstrip() + f"  {comment}\n")
    assert harness.flake8(tmp_path, "--select=AIG").codes == ["AIG014"] * reported
    assert harness.flake8(tmp_path, "--select=AIG", "--disable-noqa").codes == ["AIG014"]


def test_syntax_errors_stay_visible(tmp_path: Path) -> None:
    write(tmp_path, broken="def f(:\n", example=SAMPLE)
    assert harness.flake8(tmp_path, "--select=AIG,E9").codes == ["E999", "AIG014"]


@pytest.mark.parametrize(("name", "reported"), [("pkg/app.py", True), ("pkg/tests/test_app.py", False)])
def test_standard_input_has_the_display_name(tmp_path: Path, name: str, reported: bool) -> None:
    run = harness.flake8(tmp_path, "--select=AIG", f"--stdin-display-name={name}", "-", stdin=CHECKED)
    assert findings(run) == [(name, 2, "AIG019")] * reported


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("where", ["command line", "flake8 section", "pyproject"])
def test_workers_see_the_settings(tmp_path: Path, method: str, where: str) -> None:
    write(tmp_path, a=SAMPLE, b=CHECKED, tests__test_c=CHECKED, checks__d=CHECKED)
    script = tmp_path / "start"
    script.write_text(START_METHOD.format(method=method))
    arguments = []
    if where == "command line":
        arguments = ["--aiguard-tests=checks/"]
    elif where == "flake8 section":
        (tmp_path / ".flake8").write_text("[flake8]\naiguard-tests = checks/\n")
    else:
        (tmp_path / "pyproject.toml").write_text('[tool.aiguard]\ntests = ["checks/"]\n')
    run = harness.flake8(tmp_path, "-j2", "--select=AIG", *arguments, ".", script=script)
    assert run.err == ""
    assert findings(run) == [("a.py", 3, "AIG014"), ("b.py", 2, "AIG019"), ("tests/test_c.py", 2, "AIG019")]


def test_precedence_of_settings(tmp_path: Path) -> None:
    write(tmp_path, tests__test_c=CHECKED, app=CHECKED)
    (tmp_path / "pyproject.toml").write_text('[tool.aiguard]\ntests = ["app.py"]\n')
    tested, app = ("tests/test_c.py", 2, "AIG019"), ("app.py", 2, "AIG019")
    assert findings(harness.flake8(tmp_path, "--select=AIG")) == [tested]
    (tmp_path / ".flake8").write_text("[flake8]\naiguard-tests = tests/\n")
    assert findings(harness.flake8(tmp_path, "--select=AIG")) == [app]
    assert findings(harness.flake8(tmp_path, "--select=AIG", "--aiguard-tests=none/")) == [app, tested]


def test_jobs_change_nothing(tmp_path: Path) -> None:
    for number in range(6):
        write(tmp_path, **{f"m{number}": SAMPLE * (number + 1)})
    one, two = (harness.flake8(tmp_path, jobs, "--select=AIG014") for jobs in ("-j1", "-j2"))
    assert len(one.reported) == 21
    assert (one.out, one.err) == (two.out, two.err)


# -- local plugins ------------------------------------------------------------------------------------------------


def test_without_the_distribution_nothing_is_reported(tmp_path: Path) -> None:
    write(tmp_path, example=SAMPLE)
    run = harness.flake8(tmp_path, "example.py", hidden=True)
    assert (run.status, run.out, run.err) == (0, "", "")


def test_one_class_alone_as_local_plugin(tmp_path: Path) -> None:
    write(tmp_path, example=SAMPLE + CHECKED, noqa=SAMPLE.rstrip() + "  # noqa: AIG014\n")
    (tmp_path / ".flake8").write_text(f"[flake8]\nselect = AIG\naiguard-gates = all\n{LOCAL}")
    run = harness.flake8(tmp_path, "-j2", hidden=True)
    assert (findings(run), run.err) == ([("example.py", 3, "AIG014")], "")


@pytest.mark.parametrize("code", ["AIG001", "AIG006", "AIG012", "AIG014", "AIG019", "AIG025"])
def test_each_class_is_a_whole_plugin(tmp_path: Path, code: str) -> None:
    """Without the distribution, and without any other of its classes: its own options, table and findings."""
    rule = catalog.find(code)
    (tmp_path / "example.py").write_text(harness.bad_example(rule), encoding="utf-8")
    (tmp_path / ".flake8").write_text(
        f"[flake8]\nselect = AIG\n[flake8:local-plugins]\nextension =\n    {code} = {rule.__module__}:{rule.__qualname__}\n"
    )
    run = harness.flake8(tmp_path, "-j1", hidden=True)
    assert (set(run.codes), run.err) == ({code}, "")
    other = harness.flake8(tmp_path, "-j1", "--aiguard-vendored=example.py", hidden=True)
    assert (other.codes, other.err) == ([], ""), "its settings come with it"


def test_local_plugin_beside_the_distribution(tmp_path: Path) -> None:
    write(tmp_path, example=SAMPLE + CHECKED)
    (tmp_path / ".flake8").write_text(f"[flake8]\nselect = AIG\naiguard-gates = all\n{LOCAL}")
    run = harness.flake8(tmp_path)
    assert (findings(run), run.err) == ([("example.py", 3, "AIG014"), ("example.py", 5, "AIG019")], "")


# -- wrong settings -----------------------------------------------------------------------------------------------

WRONG = {
    "command line": ("--aiguard-gates=sometimes", "", ""),
    "flake8 section": ("", "[flake8]\naiguard-gates = sometimes\n", ""),
    "pyproject": ("", "", '[tool.aiguard]\ngates = "sometimes"\n'),
    "wrong type": ("", "", "[tool.aiguard]\ngates = ['sometimes']\n"),
    "not TOML": ("", "", "[tool.aiguard]\ngates = sometimes\n"),
    "table row": ("", "", '[[tool.aiguard.table]]\ntable = "sometimes.never"\n'),
}


@pytest.mark.parametrize("jobs", ["-j1", "-j2"])
@pytest.mark.parametrize("case", WRONG)
def test_wrong_setting_is_one_clean_line(tmp_path: Path, case: str, jobs: str) -> None:
    argument, section, table = WRONG[case]
    write(tmp_path, a=SAMPLE, b=SAMPLE)
    (tmp_path / ".flake8").write_text(section)
    (tmp_path / "pyproject.toml").write_text(table)
    run = harness.flake8(tmp_path, jobs, *filter(None, [argument]), "a.py", "b.py")
    assert run.status not in (0, None)
    assert "Traceback" not in run.out + run.err
    assert run.reported == []
    said = [line for line in (run.out + run.err).splitlines() if "critical error" not in line]
    assert len(said) == 1, run
    assert "sometimes" in said[0] or "pyproject.toml" in said[0]
    assert table == "" or "pyproject.toml" in said[0]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_unknown_key_is_one_warning(tmp_path: Path, method: str) -> None:
    write(tmp_path, a=SAMPLE, b=SAMPLE)
    (tmp_path / "pyproject.toml").write_text('[tool.aiguard]\ngate = "all"\n')
    script = tmp_path / "start"
    script.write_text(START_METHOD.format(method=method))
    run = harness.flake8(tmp_path, "-j2", "--select=AIG", "a.py", "b.py", script=script)
    assert run.codes == ["AIG014", "AIG014"]
    [warning] = run.err.splitlines()
    assert "gate" in warning
    assert "gates" in warning
