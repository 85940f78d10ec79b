"""Copies of this checkout, for tests that write into one or install it, and commands run in them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import harness

_LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist")


def copy(folder: Path) -> Path:
    """Copy the checkout to a folder that does not exist yet, without git's data and what tools leave."""
    shutil.copytree(harness.ROOT, folder, ignore=_LEFT_OUT)
    shutil.copy(harness.ROOT / ".pre-commit-hooks.yaml", folder)
    return folder


def run(folder: Path, *command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, without the variables that point Python, git or pytest elsewhere."""
    environment = {key: value for key, value in harness.environment().items() if not key.startswith("PYTEST")}
    return subprocess.run(
        [os.fspath(part) for part in command],
        cwd=folder,
        env=environment | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        encoding="utf-8",
        errors="replace",
        timeout=300,
    )


def succeed(folder: Path, *command: str | Path, **variables: str) -> str:
    """Run a command that must succeed, and return its output.

    Raises:
        AssertionError: it failed; the text holds what it printed.
    """
    done = run(folder, *command, **variables)
    assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout
