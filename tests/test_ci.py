"""The commands of docs/ci.md, run as they stand there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

import harness
import jsonschema
import pytest
import yaml
from test_baseline import ONE, git

PAGE = (harness.ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"<!-- run: (\d) -->\n```sh\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("status", "script"), COMMANDS)
def test_commands(tmp_path: Path, status: str, script: str) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "first")
    git(tmp_path, "checkout", "-q", "-b", "change")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "orders.py").write_text(ONE, encoding="utf-8")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "second")
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    command = bin_folder / "flake8-aiguard"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m flake8_aiguard "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    environment = {**harness.environment(), "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-ec", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == int(status), done.stdout + done.stderr
    if "sarif" in script:
        assert (tmp_path / "reports" / "aiguard.sarif").is_file()
    elif status == "1":
        assert "src/orders.py:5:12: AIG014" in done.stdout


@pytest.mark.parametrize(("name", "key"), [("github-workflows", "jobs"), ("gitlab-ci", "aiguard")])
def test_files_for_services_follow_their_schemas(name: str, key: str) -> None:
    text = (
        resources.files("check_jsonschema").joinpath(f"builtin_schemas/vendor/{name}.json").read_text("utf-8")
    )
    validator = jsonschema.validators.validator_for(json.loads(text))(json.loads(text))
    documents = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
    [document] = [document for document in documents if key in document]
    if name == "github-workflows":
        document = {"on": "push", **document}
    assert [error.message for error in validator.iter_errors(document)] == []
    assert not validator.is_valid({**document, key: 3})


def test_there_are_commands() -> None:
    assert len(COMMANDS) == 5
