"""The command ``doctor``."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from test_baseline import CALL, ONE, check, run

HEALTHY = "[flake8]\nextend-select = AIG, E9\nrequire-plugins = flake8-aiguard\n"


def diagnosed(folder: Path) -> tuple[int, list[str]]:
    done = run(folder, "doctor")
    assert "Traceback" not in done.err, done.err
    lines = [line for line in done.out.splitlines() if "the extra sql is missing" not in line]
    return done.status, lines


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".flake8").write_text(HEALTHY, encoding="utf-8")
    (tmp_path / "orders.py").write_text(ONE, encoding="utf-8")
    return tmp_path


def test_nothing_to_say(project: Path) -> None:
    (project / "ruff.toml").write_text('[lint]\nselect = ["F"]\nexternal = ["AIG"]\n', encoding="utf-8")
    assert diagnosed(project) == (0, ["nothing to act on"])


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        (".flake8", "[flake8]\nselect = E,F\n", ".flake8:2: select leaves out our rules; write: extend-select = AIG"),
        (".flake8", "[flake8]\nselect = AIG\n", ".flake8:2: select leaves out E9, so that a file that does not parse"),
        (".flake8", f"{HEALTHY}extend-select=\nextend-ignore = AIG\n", ".flake8"),
        (".flake8", "[flake8]\nextend-ignore = AIG\n", ".flake8:2: AIG001, "),
        (".flake8", f"{HEALTHY}aiguard-gate = all\n", ".flake8:4: unknown setting aiguard-gate; did you mean gates?"),
        ("setup.cfg", "[flake8]\nmax-line-length = 9\n", ".flake8:1: flake8 does not read it, as setup.cfg has [flake8] too"),
        ("pyproject.toml", "[tool.aiguard]\n\nteste = []\n", "pyproject.toml:3: unknown setting teste; did you mean tests?"),
        ("pyproject.toml", '[tool.aiguard]\nbaseline = "known.json"\n', "pyproject.toml: the setting baseline names known.json"),
        ("pyproject.toml", '[tool.ruff]\nline-length = 9\n', "pyproject.toml: Ruff deletes noqa comments of our codes"),
        ("pyproject.toml", '[tool.flake8]\nextend-select = "AIG"\n', "pyproject.toml:1: flake8 does not read it without Flake8-pyproject"),
        (".ruff.toml", 'line-length = 9\n', ".ruff.toml: Ruff deletes noqa comments of our codes (RUF100, RUF102); write under [lint]"),
        ("tox.ini", "[flake8]\nmax-line-length = 9\n", ".flake8:1: flake8 does not read it, as tox.ini has [flake8] too"),
        ("ruff.toml", '[lint]\nselect = ["F"]\nexternal = ["V"]\n', "ruff.toml:3: Ruff deletes noqa comments of our codes"),
        ("a.py", "x = 1  # noqa: AIG014 no more\n", "a.py:1: AIG014: unused"),
        ("a.py", "x = 1  # noqa : AIG014\n", "a.py:1: all codes: it silences all codes"),
        ("a.py", f"import requests\n{CALL.strip()}  # noqa\n", "a.py:2: all codes (AIG014): it silences more than it names"),
        ("a.py", "# flake8: noqa: AIG014\n", "a.py:1: whole file: it skips the whole file"),
    ],
)  # fmt: skip
def test_problems(project: Path, name: str, text: str, wanted: str) -> None:
    (project / name).write_text(text, encoding="utf-8")
    if wanted == ".flake8":  # a key that stands twice
        done = run(project, "doctor")
        assert done.status == 2
        assert done.err.startswith("flake8-aiguard: ")
        return
    status, lines = diagnosed(project)
    assert status == 1
    assert [line for line in lines if line.startswith(wanted)], lines
    assert lines[-1] == "1 to act on"


URL = "https://example.org/flake8-aiguard"
HOOK = "repos:\n- repo: {repo}\n  rev: v1\n  hooks:\n  - id: check-yaml\n  - id: {hook}\n"


@pytest.mark.skipif(importlib.util.find_spec("yaml") is None, reason="comes with the extra 'sql'")
@pytest.mark.parametrize(
    ("repo", "hook", "wanted"),
    [
        (URL, "aiguard", ""),
        (URL, "aiguard\n    args: [--select=AIG0, '--select=AIG014,E9']", ""),
        (URL, "aiguard\n    args: [--exit-zero]", ""),
        (URL, "aiguard\n    args: ['--select=F,E']", "6: args select F,E, which leaves out our rules; write: --select=AIG,E9"),
        (URL, "aiguard-flake8\n    args: [--select, 'AIG014']", "6: args select no E9, so that a file that does not parse"),
        (URL, "aiguard\n    args: ['--extend-ignore=E1,AIG']", "6: args ignore E1,AIG, and with it all of our rules"),
        (URL, "flake8-aiguard", "6: there is no hook flake8-aiguard; write one of aiguard, aiguard-flake8"),
        (URL, "aiguard-config", ""),
        (URL, "aiguard-config\n    additional_dependencies: [PyYAML]", "6: additional_dependencies replaces that of the hook and lacks ast-grep-py, tree-sitter-sql;"),
        ("local", "aiguard\n    entry: flake8\n    args: ['--select=E']", "6: args select E, which"),
        ("https://example.org/pycqa/flake8", "flake8\n    args: ['--select=E']", ""),
        ("https://example.org/pycqa/flake8", "flake8\n    args: ['--select=E']\n    additional_dependencies: [flake8_aiguard==1]", "6: args select E, which"),
        ("https://example.org/other", "flake8\n    args: ['--select=E']\n    additional_dependencies: [flake8_aiguard==1]", ""),
    ],
)  # fmt: skip
def test_pre_commit(project: Path, repo: str, hook: str, wanted: str) -> None:
    text = HOOK.format(repo=repo, hook=hook).replace(
        "id: check-yaml", "id: flake8-aiguard-x" if repo != URL else "id: aiguard"
    )
    (project / ".pre-commit-config.yaml").write_text(text, encoding="utf-8")
    status, lines = diagnosed(project)
    assert status == bool(wanted)
    assert lines[0].startswith(f".pre-commit-config.yaml:{wanted}" if wanted else "nothing to act on"), lines
    assert len(lines) == (2 if wanted else 1)


@pytest.mark.skipif(importlib.util.find_spec("yaml") is None, reason="comes with the extra 'sql'")
@pytest.mark.parametrize(
    "text", ["repos: [", "[]", "", "repos: 3", "repos: [{repo: x}]", "repos: [{repo: x, hooks: [3]}]"]
)
def test_a_broken_configuration_of_pre_commit(project: Path, text: str) -> None:
    (project / ".pre-commit-config.yaml").write_text(text, encoding="utf-8")
    status, lines = diagnosed(project)
    assert status == 1
    assert lines[0].startswith(".pre-commit-config.yaml: is no valid configuration of pre-commit (")


def test_a_stale_baseline(project: Path) -> None:
    assert run(project, "baseline", ".").status == 0
    assert diagnosed(project)[0] == 0
    (project / "orders.py").write_text("", encoding="utf-8")
    assert diagnosed(project) == (
        1,
        [
            ".aiguard-baseline.json: orders.py: AIG014 is gone (1); run `flake8-aiguard baseline --update`",
            "1 to act on",
        ],
    )


def test_what_is_left_to_ruff_is_a_note(project: Path) -> None:
    (project / "ruff.toml").write_text('[lint]\nselect = ["S113"]\nexternal = ["AIG"]\n', encoding="utf-8")
    assert diagnosed(project) == (
        0,
        [
            "ruff.toml: note: findings left to Ruff, which reports the same: AIG014 1 (defer-to-ruff)",
            "nothing to act on",
        ],
    )


def test_some_ignored_rules_are_a_note(project: Path) -> None:
    (project / ".flake8").write_text("[flake8]\nextend-ignore = AIG013, AIG014\n", encoding="utf-8")
    assert diagnosed(project) == (0, [".flake8:2: note: AIG013, AIG014 ignored", "nothing to act on"])


def test_the_missing_extra_is_a_note(project: Path) -> None:
    installed = importlib.util.find_spec("ast_grep_py") is not None
    assert ("the extra sql is missing" in run(project, "doctor").out) is not installed


def test_a_broken_configuration_is_one_clear_line(project: Path) -> None:
    (project / ".flake8").write_text("[flake8]\nselect = AIG\nselect = E9\n", encoding="utf-8")
    for done in (run(project, "doctor"), check(project, ".")):
        assert (done.status, done.out) == (2, "")
        assert done.err.startswith("flake8-aiguard: ")
        assert len(done.err.splitlines()) == 1
