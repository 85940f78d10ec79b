"""The hooks of .pre-commit-hooks.yaml, run by pre-commit itself on a scratch repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import checkout
import harness
import pytest
import yaml

from flake8_aiguard import catalog, docs

RULE = next(rule for rule in catalog.rules() if not rule.gate)
EXAMPLES = docs.sections(RULE)


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    checkout.succeed(folder, "git", *identity, *arguments)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This checkout, committed, as users refer to it."""
    folder = checkout.copy(tmp_path_factory.mktemp("hooks") / "source")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "hooks")
    return folder


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose staged files hold a finding, a syntax error and what the hook leaves alone."""
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init", "-q")
    (repository / "with space.py").write_text(EXAMPLES.bad + "\n", encoding="utf-8")
    (repository / "stub.pyi").write_text("def broken(:\n", encoding="utf-8")
    (repository / "notes.txt").write_text(EXAMPLES.bad + "\n", encoding="utf-8")
    (repository / "unused.py").write_text("import os\n", encoding="utf-8")
    git(repository, "add", "-A")
    return repository


def pre_commit(repository: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run pre-commit on the staged files, as a commit does."""
    home = repository.parent / "home"
    command = (sys.executable, "-m", "pre_commit", *arguments, "--color=never")
    return checkout.run(repository, *command, PRE_COMMIT_HOME=str(home))


@pytest.mark.parametrize("hook", ["aiguard", "aiguard-flake8"])
def test_hook_reports_findings_and_then_passes(source: Path, repository: Path, hook: str) -> None:
    failing = pre_commit(repository, "try-repo", source, hook)
    out = failing.stdout
    assert failing.returncode == 1, failing.stderr
    assert re.search(rf"^with space\.py:\d+:\d+: {RULE.code} ", out, re.MULTILINE), out
    assert re.search(r"^stub\.pyi:1:\d+: E999 ", out, re.MULTILINE), out
    assert "internal error" not in out
    assert "notes.txt" not in out
    assert "F401" not in out, "the hook selects our codes and syntax errors only"

    (repository / "with space.py").write_text(EXAMPLES.good + "\n", encoding="utf-8")
    (repository / "stub.pyi").write_text("def fixed(): ...\n", encoding="utf-8")
    git(repository, "add", "-A")
    passing = pre_commit(repository, "try-repo", source, hook)
    assert passing.returncode == 0, passing.stdout
    assert "flake8-aiguard" in passing.stdout
    assert "Passed" in passing.stdout


def test_suppressions(source: Path, repository: Path) -> None:
    (repository / "with space.py").write_text(f"x = 1  # noqa: {RULE.code} no more\n", encoding="utf-8")
    git(repository, "add", "-A")
    failing = pre_commit(repository, "try-repo", source, "aiguard-suppressions")
    assert failing.returncode == 1, failing.stderr
    assert f"with space.py:1: {RULE.code}: unused" in failing.stdout
    (repository / "with space.py").write_text("x = 1\n", encoding="utf-8")
    git(repository, "add", "-A")
    passing = pre_commit(repository, "try-repo", source, "aiguard-suppressions")
    assert passing.returncode == 0, passing.stdout


def test_prek_runs_every_hook(source: Path, repository: Path) -> None:
    scripts = sysconfig.get_path("scripts")
    prek = shutil.which("prek", path=f"{scripts}{os.pathsep}{os.environ['PATH']}")
    if prek is None:
        pytest.skip("prek is not installed")
    revision = checkout.succeed(source, "git", "rev-parse", "HEAD").strip()
    hooks = yaml.safe_load((source / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    (repository / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {source.as_posix()}\n  rev: {revision}\n  hooks:\n"
        + "".join(f"  - id: {hook['id']}\n" for hook in hooks),
        encoding="utf-8",
    )
    (repository / "unused.py").write_text(f"x = 1  # noqa: {RULE.code} no more\n", encoding="utf-8")
    (repository / "clean up.sql").write_text("DELETE FROM orders;\n", encoding="utf-8")
    git(repository, "add", "-A")

    def run() -> subprocess.CompletedProcess[str]:
        return checkout.run(
            repository, prek, "run", "--color=never", PREK_HOME=str(repository.parent / "home")
        )

    failing = run()
    assert failing.returncode == 1, failing.stderr
    parts = dict(zip([hook["id"] for hook in hooks], failing.stdout.split("- hook id: ")[1:], strict=True))
    for name in ("aiguard", "aiguard-flake8"):
        assert parts[name].startswith(f"{name}\n")
        assert re.search(rf"^  with space\.py:\d+:\d+: {RULE.code} ", parts[name], re.MULTILINE), parts[name]
        assert re.search(r"^  stub\.pyi:1:\d+: E999 ", parts[name], re.MULTILINE), parts[name]
    assert f"  unused.py:1: {RULE.code}: unused" in parts["aiguard-suppressions"]
    assert "  clean up.sql:1:1: AIG205 " in parts["aiguard-config"]

    (repository / "with space.py").write_text(EXAMPLES.good + "\n", encoding="utf-8")
    (repository / "stub.pyi").write_text("def fixed(): ...\n", encoding="utf-8")
    (repository / "unused.py").write_text("x = 1\n", encoding="utf-8")
    (repository / "clean up.sql").write_text("DELETE FROM orders WHERE id = 1;\n", encoding="utf-8")
    git(repository, "add", "-A")
    passing = run()
    assert (passing.returncode, passing.stdout.count("Passed")) == (0, 4), passing.stdout


def test_the_manifest_is_valid() -> None:
    path = harness.ROOT / ".pre-commit-hooks.yaml"
    checkout.succeed(harness.ROOT, sys.executable, "-m", "pre_commit", "validate-manifest", path)
    for hook in yaml.safe_load(path.read_text(encoding="utf-8")):
        assert hook["minimum_pre_commit_version"] == "3.2.0"
        assert hook["require_serial"], "a run has workers of its own"
        assert "--select" not in hook["entry"], "a user's args could not replace it"


def test_the_checkout_uses_its_own_hooks() -> None:
    offered = yaml.safe_load((harness.ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    config = yaml.safe_load((harness.ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    [repo] = config["repos"]
    kept = ("id", "name", "entry", "args", "types_or", "require_serial")
    assert [{key: hook.get(key) for key in kept} for hook in repo["hooks"]] == [
        {key: hook.get(key) for key in kept} for hook in offered
    ]


def test_arguments_of_the_user_replace_the_selection(source: Path, repository: Path) -> None:
    revision = checkout.succeed(source, "git", "rev-parse", "HEAD").strip()
    (repository / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {source.as_posix()}\n  rev: {revision}\n  hooks:\n"
        "  - id: aiguard-flake8\n    args: [--select=F401]\n    exclude: stub\n",
        encoding="utf-8",
    )
    git(repository, "add", "-A")
    done = pre_commit(repository, "run")
    assert done.returncode == 1, done.stderr
    assert "unused.py:1:1: F401" in done.stdout
    assert RULE.code not in done.stdout


def test_hook_for_sql_and_configuration(source: Path, repository: Path) -> None:
    workflows = repository / ".github" / "workflows"
    workflows.mkdir(parents=True)
    job = "on: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n"
    (workflows / "build.yml").write_text(job, encoding="utf-8")
    (repository / "clean up.sql").write_text("DELETE FROM orders;\n", encoding="utf-8")
    git(repository, "add", "-A")
    failing = pre_commit(repository, "try-repo", source, "aiguard-config")
    assert failing.returncode == 1, failing.stderr
    assert re.search(r"^clean up\.sql:1:1: AIG205 ", failing.stdout, re.MULTILINE), failing.stdout
    assert re.search(r"^\.github/workflows/build\.yml:3:3: AIG301 ", failing.stdout, re.MULTILINE), (
        failing.stdout
    )
    assert RULE.code not in failing.stdout, "Python is left to the other hooks"

    (workflows / "build.yml").write_text(f"{job}    timeout-minutes: 10\n", encoding="utf-8")
    (repository / "clean up.sql").write_text("DELETE FROM orders WHERE id = 1;\n", encoding="utf-8")
    git(repository, "add", "-A")
    passing = pre_commit(repository, "try-repo", source, "aiguard-config")
    assert passing.returncode == 0, passing.stdout
    assert "Passed" in passing.stdout


def test_the_hook_declares_the_packages_of_the_extra() -> None:
    manifest = (harness.ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    project = (harness.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extra = re.findall(r'"([^"]+)"', re.search(r"^sql = \[(.*?)\]", project, re.DOTALL | re.MULTILINE)[1])  # type: ignore[index]
    assert extra
    assert [package for package in extra if f'"{package}"' not in manifest] == []
