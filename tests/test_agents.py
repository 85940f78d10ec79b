"""The command ``hook``: what a coding agent hears about its last change."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import harness
import pytest
from test_baseline import CALL, ONE, edit, git

MORE = ONE + "\n\ndef more():\n    return " + CALL


def hook(folder: Path, *arguments: str, event: object = None, cwd: Path | None = None) -> harness.Flake8:
    text = event if isinstance(event, str) else json.dumps(event)
    done = subprocess.run(
        [sys.executable, "-m", "flake8_aiguard", "hook", *arguments],
        cwd=cwd or folder,
        env=harness.environment(),
        input=text,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=100,
    )
    return harness.Flake8(done.returncode, done.stdout, done.stderr)


def event(path: Path, **more: object) -> dict[str, object]:
    return {
        "hook_event_name": "PostToolUse",
        "tool_name": "Edit",
        "cwd": str(path.parent),
        "tool_input": {"file_path": str(path), "old_string": "a", "new_string": "b"},
        **more,
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A committed file with a finding, in a repository with a space in its name."""
    folder = tmp_path / "my project"
    folder.mkdir()
    (folder / "orders.py").write_text(ONE, encoding="utf-8")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    return folder / "orders.py"


def test_what_changed_is_told(path: Path, tmp_path: Path) -> None:
    quiet = hook(path.parent, "claude-code", event=event(path))
    assert (quiet.status, quiet.out, quiet.err) == (0, "", "")
    edit(path, ONE, MORE)
    told = hook(path.parent, "claude-code", event=event(path), cwd=tmp_path)
    assert (told.status, told.out) == (2, "")
    first, second, *rest = told.err.splitlines()
    assert first == "AIG014 missing-timeout: 1"
    assert second.startswith("  orders.py:9: requests.delete() waits forever")
    assert rest == ["Change the code as each line says, so that the finding no longer holds."]
    assert "noqa" not in told.err
    generic = hook(path.parent, "generic", "orders.py", "gone.py", "notes.txt")
    assert (generic.status, generic.err) == (2, told.err)


def test_configuration_counts(path: Path) -> None:
    edit(path, ONE, MORE)
    (path.parent / ".flake8").write_text("[flake8]\nexclude = orders.py\nquiet = 1\n", encoding="utf-8")
    assert hook(path.parent, "claude-code", event=event(path)).status == 0
    (path.parent / ".flake8").write_text("[flake8]\nquiet = 1\nformat = pylint\n", encoding="utf-8")
    assert hook(path.parent, "claude-code", event=event(path)).err.startswith("AIG014 missing-timeout: 1\n")


def test_new_files_and_files_outside_a_repository(path: Path, tmp_path: Path) -> None:
    (path.parent / "new.py").write_text(ONE, encoding="utf-8")
    assert hook(path.parent, "claude-code", event=event(path.parent / "new.py")).status == 2
    (tmp_path / "outside.py").write_text("def f(:\n", encoding="utf-8")
    told = hook(tmp_path, "claude-code", event=event(tmp_path / "outside.py"))
    assert (told.status, told.err.splitlines()[0]) == (2, "E999 syntax-error: 1")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"tool_input": None},
        {"tool_input": {"command": "ls"}},
        {"tool_input": {"file_path": "gone.py"}},
        {"tool_input": {"file_path": "notes.txt"}},
        {"tool_input": {"file_path": 3}},
    ],
)
def test_silence(path: Path, given: object) -> None:
    (path.parent / "notes.txt").write_text(ONE, encoding="utf-8")
    done = hook(path.parent, "claude-code", event=given)
    assert (done.status, done.out, done.err) == (0, "", "")


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "[" * 5, "[" * 100_000])
def test_what_is_no_event(path: Path, text: str) -> None:
    done = hook(path.parent, "claude-code", event=text)
    assert (done.status, done.out) == (1, "")
    assert done.err == "flake8-aiguard: not checked: stdin holds no event of a hook, a JSON object\n"


def test_a_broken_configuration_does_not_stop_the_agent(path: Path) -> None:
    (path.parent / ".flake8").write_text("[flake8]\naiguard-gates = some\n", encoding="utf-8")
    done = hook(path.parent, "claude-code", event=event(path))
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("flake8-aiguard: not checked: ")


def test_the_time_limit(path: Path) -> None:
    done = hook(path.parent, "claude-code", "--time-limit=0.01", event=event(path))
    assert (done.status, done.out) == (1, "")
    assert done.err == "flake8-aiguard: not checked: it took more than 0.01 s\n"


def test_the_settings_of_the_page(path: Path) -> None:
    page = (harness.ROOT / "docs" / "agents.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    [entry] = json.loads(block)["hooks"]["PostToolUse"]
    assert set(entry["matcher"].split("|")) == {"Edit", "MultiEdit", "Write"}
    [command] = entry["hooks"]
    assert (command["type"], command["command"].split()[:2]) == ("command", ["flake8-aiguard", "hook"])
    edit(path, ONE, MORE)
    assert hook(path.parent, *command["command"].split()[2:], event=event(path)).status == 2
