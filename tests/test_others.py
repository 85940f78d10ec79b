"""SQL and configuration files in a run of ``check``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import harness
import pytest
from test_check import CALL, check

WORKFLOW = "on: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n      - run: make\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    (tmp_path / ".github" / "workflows" / "build.yml").write_text(WORKFLOW, encoding="utf-8")
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "clean up.sql").write_text("DELETE FROM orders;\n", encoding="utf-8")
    (tmp_path / "orders.py").write_text(CALL, encoding="utf-8")
    return tmp_path


def places(run: harness.Flake8) -> list[tuple[str, int, str]]:
    return [(item.path, item.line, item.code) for item in run.reported]


def test_one_command_reports_all(tree: Path) -> None:
    run = check(tree, ".")
    assert (run.status, run.err) == (1, "")
    assert places(run) == [
        ("orders.py", 3, "AIG014"),
        (".github/workflows/build.yml", 3, "AIG301"),
        ("db/clean up.sql", 1, "AIG205"),
    ]
    assert places(check(tree, "--no-scan", ".")) == [("orders.py", 3, "AIG014")]
    assert places(check(tree, "db/clean up.sql")) == [("db/clean up.sql", 1, "AIG205")]


def test_selection_exclusion_and_ignores_are_those_of_flake8(tree: Path) -> None:
    assert places(check(tree, "--select=AIG014", ".")) == [("orders.py", 3, "AIG014")]
    assert places(check(tree, "--exclude=db,.github", ".")) == [("orders.py", 3, "AIG014")]
    assert places(check(tree, "--per-file-ignores=db/*:AIG205", "db")) == []
    (tree / "db" / "clean up.sql").write_text("DELETE FROM orders;  -- noqa: AIG205\n", encoding="utf-8")
    assert places(check(tree, "db")) == []


def test_formats_know_the_rules(tree: Path) -> None:
    [found] = json.loads(check(tree, "--format=aiguard-json", "db").out)
    assert (found["code"], found["slug"], found["severity"]) == ("AIG205", "write-without-where", "error")
    assert found["source"] == "DELETE FROM orders;"


def test_without_the_extra_one_line_says_what_was_not_looked_at(tree: Path) -> None:
    script = (
        "import sys\nsys.modules['ast_grep_py'] = None\n"
        "from flake8_aiguard.cli import main\nsys.exit(main(['check', *sys.argv[1:]]))\n"
    )

    def run(*argv: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-c", script, *argv],
            cwd=tree,
            env=harness.environment(),
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    status, out, err = run(".")
    assert (status, out.count("AIG")) == (1, 1)
    assert err.startswith("flake8-aiguard: SQL and configuration were not looked at: ")
    assert len(err.splitlines()) == 1
    assert run("orders.py")[2] == ""
    assert run("--no-scan", ".")[2] == ""
