"""`.ci/run`: its parts, run by bash on small stand-ins; all of it takes minutes and is not run here."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import harness
import pytest
from test_meta import toml

SCRIPT = (harness.ROOT / ".ci" / "run").read_text(encoding="utf-8")
STEPS = dict(re.findall(r'^step "([^"$]*)" (.*)$', SCRIPT, re.MULTILINE))


def function(name: str) -> str:
    """The text of one function of the script."""
    [found] = re.findall(
        rf"^{name}\(\) \{{\n.*?^\}}\n|^{name}\(\) \{{.*\}}\n", SCRIPT, re.MULTILINE | re.DOTALL
    )
    return str(found)


def bash(folder: Path, *parts: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-uo", "pipefail", "-c", "\n".join(parts)],
        cwd=folder,
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )


def test_all_steps_are_there() -> None:
    assert list(STEPS) == [
        "README: main command",
        "set-up for the checks",
        "ruff check",
        "ruff format",
        "mypy",
        "flake8 on ourselves",
        "flake8 on real packages",
        "pages are current",
        "README: test command",
    ]
    assert STEPS["README: test command"] == 'run_readme tests "$work/tests"'
    assert STEPS["mypy"].endswith("/mypy --strict")
    assert STEPS["flake8 on ourselves"].endswith("/flake8 flake8_aiguard hooks tests benchmarks")
    assert STEPS["pages are current"].endswith("/flake8-aiguard docs --check")


def test_a_failed_step_fails_the_run(tmp_path: Path) -> None:
    end = SCRIPT[SCRIPT.index('if [ "${#failed[@]}"') :]
    steps = ("failed=()", function("step"), "step one true", "step two false", "step three true")
    run = bash(tmp_path, *steps, end)
    assert run.returncode == 1
    assert run.stdout.splitlines()[-1] == "FAILED: two"
    assert "--- three: ok" in run.stdout, "one failure does not hide the next"
    assert bash(tmp_path, "failed=()", function("step"), "step one true", end).returncode == 0


@pytest.mark.parametrize("name", ["main", "tests"])
def test_commands_are_taken_from_the_page_as_they_stand(name: str, tmp_path: Path) -> None:
    readme = (harness.ROOT / "README.md").read_text(encoding="utf-8")
    [expected] = re.findall(rf"<!-- command: {name} -->\n```sh\n(.*?\n)```", readme, re.DOTALL)
    (tmp_path / "README.md").write_text(readme, encoding="utf-8")
    parts = (f"root={tmp_path}", function("readme_command"))
    assert bash(tmp_path, *parts, f"readme_command {name}").stdout == expected
    # It is what runs, where the run says.
    changed = readme.replace(expected, "echo 'from the page' > ran\nexit 3\n")
    (tmp_path / "README.md").write_text(changed, encoding="utf-8")
    (tmp_path / "copy").mkdir()
    run = bash(tmp_path, *parts, function("run_readme"), f"run_readme {name} {tmp_path}/copy")
    assert (run.returncode, (tmp_path / "copy" / "ran").read_text()) == (3, "from the page\n")
    (tmp_path / "README.md").write_text(readme.replace(f"<!-- command: {name} -->", ""), encoding="utf-8")
    missing = bash(tmp_path, *parts, function("run_readme"), f"run_readme {name} {tmp_path}/copy")
    assert missing.returncode == 1
    assert f"no fenced block follows <!-- command: {name} -->" in missing.stderr


@pytest.mark.parametrize(
    ("printed", "code", "expected", "complaint"),
    [
        ("a.py:1:1: AIG001 one\na.py:2:1: AIG002 two", 1, 0, ""),
        ("a.py:1:1: AIG001 one", 1, 1, "examples/: no finding of AIG002"),
        ("a.py:1:1: AIG001 one\na.py:2:1: AIG002 two", 0, 1, "the main command ended with 0"),
        ("Traceback", 2, 1, "the main command ended with 2"),
    ],
)
def test_the_main_command_has_to_show_every_rule(
    tmp_path: Path, printed: str, code: int, expected: int, complaint: str
) -> None:
    rules = tmp_path / "main" / "flake8_aiguard" / "rules"
    rules.mkdir(parents=True)
    for name in ("aig001_one", "aig002_two"):
        (rules / f"{name}.py").touch()
    stand_in = f"run_readme() {{ printf '%s\\n' \"{printed}\"; return {code}; }}"
    run = bash(tmp_path, f"work={tmp_path}", stand_in, function("main_command"), "main_command")
    assert run.returncode == expected
    assert complaint in run.stderr


def test_other_interpreters_are_found_and_those_that_do_not_run_are_not(tmp_path: Path) -> None:
    for name, script in {
        "python3": "echo 11",
        "python3.10": "exit 0",
        "python3.11": "exit 0",
        "python3.12": "exit 1",
        "python3.13": "exit 0",
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    pyenv = tmp_path / "pyenv" / "versions" / "3.12.4" / "bin"
    pyenv.mkdir(parents=True)
    (pyenv / "python3").write_text("#!/bin/sh\nexit 0\n")
    (pyenv / "python3").chmod(0o755)
    run = bash(
        tmp_path,
        function("interpreters"),
        "interpreters",
        PATH=f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin",
        PYENV_ROOT=str(tmp_path / "pyenv"),
    )
    found = {line for line in run.stdout.splitlines() if line.startswith(str(tmp_path))}
    assert found == {str(tmp_path / "python3.10"), str(pyenv / "python3"), str(tmp_path / "python3.13")}


def test_what_other_interpreters_leave_out_exists_and_is_not_the_rules() -> None:
    text = function("on_interpreter")
    [names] = re.findall(r'left_out="(.*?)"', text, re.DOTALL)
    assert "in $left_out" in text
    assert [name for name in names.split() if not (harness.TESTS / f"test_{name}.py").is_file()] == []
    assert {"rules", "meta", "flow", "flake8"}.isdisjoint(names.split())
    assert "-m pytest" in text


def test_classifiers_name_versions_that_the_run_looks_for() -> None:
    classifiers = toml(harness.ROOT / "pyproject.toml")["project"]["classifiers"]
    minors = {found[1] for item in classifiers if (found := re.search(r":: 3\.(\d+)$", item))}
    [looked_for] = re.findall(r"for minor in ([\d ]+); do", function("interpreters"))
    assert minors
    assert minors <= set(looked_for.split())
    assert min(minors, key=int) == "10"
