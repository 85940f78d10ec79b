"""What goes wrong around a run: a clear line, exit code 2, and nothing lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import harness
import pytest
from test_baseline import CALL, ONE, git, run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits are those of POSIX")

LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
from flake8_aiguard.cli import main
sys.exit(main(sys.argv[1:]))
"""
# Rules that take their time, so that a signal finds the run at work.
SLOW = """
import sys, time
from flake8_aiguard.checker import Checker
from flake8_aiguard.cli import main
def slow(rule):
    print("at work", flush=True)
    time.sleep(60)
Checker.findings = slow
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a.py", "b.py", "c.py"):
        (tmp_path / name).write_text(ONE, encoding="utf-8")
    return tmp_path


def limited(folder: Path, *arguments: str) -> harness.Flake8:
    """Run where no file can hold more than 100 bytes."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", LIMITED, *arguments],
        cwd=folder,
        env=harness.environment(),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return harness.Flake8(done.returncode, done.stdout, done.stderr)


def test_a_full_disk(tree: Path) -> None:
    (tree / "out.json").write_text("old", encoding="utf-8")
    done = limited(tree, "check", "--format=aiguard-json", "--output-file=out.json", ".")
    assert (done.status, done.out) == (2, "")
    assert done.err.splitlines() == [
        "flake8-aiguard: .aiguard_cache: File too large; results are not kept for the next run",
        "flake8-aiguard: out.json: cannot be written (File too large); nothing of it was changed",
    ]
    assert (tree / "out.json").read_text(encoding="utf-8") == "old"
    done = limited(tree, "baseline", "--no-cache", ".")
    assert done.err == (
        "flake8-aiguard: .aiguard-baseline.json: cannot be written (File too large); it is as it was\n"
    )
    assert [path for path in tree.rglob("*") if path.suffix in (".partial", ".json")] == [tree / "out.json"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device")
def test_a_full_device_behind_stdout(tree: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "flake8_aiguard", "check", "."],
            cwd=tree,
            env=harness.environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            check=False,
        )
    assert (done.returncode, done.stderr) == (2, "flake8-aiguard: [Errno 28] No space left on device\n")


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_leaves_nothing_behind(tree: Path, jobs: int, number: signal.Signals) -> None:
    if jobs == 1 and number == signal.SIGTERM:
        pytest.skip("without workers, the process simply ends")
    command = [sys.executable, "-c", SLOW, "check", "--output-file=out.txt", f"--jobs={jobs}", "."]
    process = subprocess.Popen(
        command,
        cwd=tree,
        env=harness.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does
        else:
            os.kill(process.pid, number)
        # workers hold the pipes too: they are at their end when the last one is gone
        _out, err = process.communicate(timeout=30)
        assert err == "flake8-aiguard: stopped; nothing was reported\n"
        assert process.returncode == 2
        assert not (tree / "out.txt").exists()
    finally:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                break
            time.sleep(0.1)


def test_without_git(tree: Path) -> None:
    git(tree, "init", "-q")
    script = "import os, sys\nos.environ['PATH'] = ''\nfrom flake8_aiguard.cli import main\nsys.exit(main(sys.argv[1:]))\n"
    for arguments, status in ((["check", "--since=HEAD", "."], 2), (["hook", "generic", "a.py"], 2)):
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            cwd=tree,
            env=harness.environment(),
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == status
        if arguments[0] == "check":
            assert done.stderr.startswith("flake8-aiguard: --since needs a git repository: git cannot be run")
        else:
            assert done.stderr.startswith("AIG014"), "all lines count where nobody knows which are new"


def test_files_that_cannot_be_read_or_parsed(tree: Path) -> None:
    (tree / "binary.py").write_bytes(bytes(range(256)))
    (tree / "empty.py").write_bytes(b"")
    (tree / "latin.py").write_bytes("# caf\xe9\n".encode("latin-1") + CALL.encode())
    (tree / "gone.py").symlink_to(tree / "nowhere.py")
    done = run(tree, "check", "--no-cache", ".")
    assert done.status == 1
    found = [(item.path, item.code) for item in done.reported]
    assert [item for item in found if item[1] == "AIG014"] == [
        (name, "AIG014") for name in ("a.py", "b.py", "c.py")
    ]
    assert {path for path, code in found if code.startswith("E9")} >= {"binary.py", "gone.py"}
    assert "Traceback" not in done.err
    assert run(tree, "check", "--suppressions", "--no-cache", ".").status == 0
