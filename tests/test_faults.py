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

# No file can hold more than 100 bytes.
LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
from flake8_aiguard.cli import main
sys.exit(main(sys.argv[1:]))
"""
# Rules that take their time, so that a signal finds the run at work.
# A shell starts its background jobs with Ctrl-C ignored, the test run perhaps among them.
SLOW = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from flake8_aiguard.checker import Checker
from flake8_aiguard.cli import main
def slow(rule):
    print("at work", flush=True)
    time.sleep(60)
Checker.findings = slow
sys.exit(main(sys.argv[1:]))
"""


# The same for rules of scan, in files that are many enough for workers.
SLOW_SCAN = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from flake8_aiguard.astgrep import scan
from flake8_aiguard.cli import main
def slow(path, rules):
    print("at work", flush=True)
    time.sleep(60)
scan.scan_file = slow
sys.exit(main(sys.argv[1:]))
"""
# What a file system that is mounted read-only says to everybody; the bits of permissions say nothing to root.
READ_ONLY = """
import builtins, errno, os, sys, tempfile
from flake8_aiguard.cli import main
def refuse(*arguments, **named):
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))
os.mkdir = os.unlink = os.replace = os.chmod = tempfile.mkstemp = refuse
real = builtins.open
def only_read(file, mode="r", *arguments, **named):
    return refuse() if set(mode) & set("wax+") else real(file, mode, *arguments, **named)
builtins.open = only_read
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a.py", "b.py", "c.py"):
        (tmp_path / name).write_text(ONE, encoding="utf-8")
    return tmp_path


def started(folder: Path, script: str, *arguments: str) -> harness.Flake8:
    """Run a script in a folder, with arguments."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", script, *arguments],
        cwd=folder,
        env=harness.environment(),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return harness.Flake8(done.returncode, done.stdout, done.stderr)


def test_a_full_disk(tree: Path) -> None:
    (tree / "out.json").write_text("old", encoding="utf-8")
    done = started(tree, LIMITED, "check", "--format=aiguard-json", "--output-file=out.json", ".")
    assert (done.status, done.out) == (2, "")
    assert done.err.splitlines() == [
        "flake8-aiguard: .aiguard_cache: File too large; results are not kept for the next run",
        "flake8-aiguard: out.json: cannot be written (File too large); nothing of it was changed",
    ]
    assert (tree / "out.json").read_text(encoding="utf-8") == "old"
    done = started(tree, LIMITED, "baseline", "--no-cache", ".")
    assert done.err == (
        "flake8-aiguard: .aiguard-baseline.json: cannot be written (File too large); it is as it was\n"
    )
    assert [path for path in tree.rglob("*") if path.suffix in (".partial", ".json")] == [tree / "out.json"]


@pytest.mark.parametrize(
    "simulated",
    [True, pytest.param(False, marks=pytest.mark.skipif(os.geteuid() == 0, reason="root may write"))],
)
@pytest.mark.parametrize("jobs", ["--jobs=1", "--jobs=2"])
def test_a_read_only_tree(tree: Path, simulated: bool, jobs: str) -> None:
    (tree / "out.json").write_text("old", encoding="utf-8")
    (tree / "out.json").chmod(0o444)
    before = sorted(tree.rglob("*"))
    if not simulated:
        tree.chmod(0o555)
    try:
        script = (
            READ_ONLY if simulated else "import sys\nfrom flake8_aiguard.cli import main\nsys.exit(main())"
        )
        why = "Read-only file system" if simulated else "Permission denied"
        kept = f"flake8-aiguard: .aiguard_cache: {why}; results are not kept for the next run\n"
        done = started(tree, script, "check", jobs, "--select=AIG", ".")
        assert (done.status, done.codes, done.err) == (1, ["AIG014"] * 3, kept)
        done = started(tree, script, "check", jobs, "--format=aiguard-json", "--output-file=out.json", ".")
        assert (done.status, done.out) == (2, "")
        assert (
            done.err
            == f"{kept}flake8-aiguard: out.json: cannot be written ({why}); nothing of it was changed\n"
        )
        done = started(tree, script, "baseline", "--no-cache", jobs, ".")
        assert (done.status, done.out) == (2, "")
        assert (
            done.err
            == f"flake8-aiguard: .aiguard-baseline.json: cannot be written ({why}); it is as it was\n"
        )
        assert started(tree, script, "check", "--suppressions", jobs, ".").status == 0
    finally:
        tree.chmod(0o755)
    assert sorted(tree.rglob("*")) == before
    assert (tree / "out.json").read_text(encoding="utf-8") == "old"


def test_ten_thousand_files(tmp_path: Path) -> None:
    for folder in range(100):
        (tmp_path / f"part{folder}").mkdir()
        for number in range(100):
            text = ONE if number == 50 else f"x = {number}\n"
            (tmp_path / f"part{folder}" / f"m{number}.py").write_text(text, encoding="utf-8")
    cold, warm = (run(tmp_path, "check", "--jobs=2", ".") for _ in range(2))
    assert cold.codes == ["AIG014"] * 100
    assert (warm.status, warm.out, warm.err) == (cold.status, cold.out, cold.err) == (1, cold.out, "")


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", ["scan", "check"])
def test_a_stopped_scan_leaves_nobody_behind(tmp_path: Path, number: signal.Signals, command: str) -> None:
    pytest.importorskip("ast_grep_py", reason="comes with the extra 'sql'")
    for item in range(150):
        (tmp_path / f"q{item}.sql").write_text("DELETE FROM rows;\n", encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_SCAN, command, "--jobs=2", "--output-file=out.txt", "."],
        cwd=tmp_path,
        env=harness.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    os.killpg(process.pid, number) if number == signal.SIGINT else os.kill(process.pid, number)
    _out, err = process.communicate(timeout=30)
    assert err.startswith("flake8-aiguard: stopped")
    assert len(err.splitlines()) == 1
    assert process.returncode == 2
    assert not (tmp_path / "out.txt").exists()


def test_a_killed_worker_of_a_scan(tmp_path: Path) -> None:
    pytest.importorskip("ast_grep_py", reason="comes with the extra 'sql'")
    for item in range(150):
        (tmp_path / f"q{item}.sql").write_text("DELETE FROM rows;\n", encoding="utf-8")
    script = SLOW_SCAN.replace("time.sleep(60)", "import os; os.kill(os.getpid(), 9)")
    for command in ("scan", "check"):
        done = started(tmp_path, script, command, "--jobs=2", "--output-file=out.txt", ".")
        assert done.status == 2
        assert done.err.startswith("flake8-aiguard: a worker was killed, perhaps for lack of memory; ")
        assert len(done.err.splitlines()) == 1
        assert not (tmp_path / "out.txt").exists()


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
