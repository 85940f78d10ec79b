"""Work that is spread over processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import harness
import pytest

from flake8_aiguard.workers import Job, WorkerError, spread

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
_added = 0


class OddError(Exception):
    """An error that pickle cannot make again."""

    def __init__(self, *, item: int) -> None:
        super().__init__(f"odd: {item}")


def start(number: int) -> None:
    global _added
    _added = number


def add(item: int) -> int:
    if item % 7 == 0:
        time.sleep(0.01)  # others overtake it
    return item + _added


def fail(item: int) -> int:
    if item == 30:
        raise ValueError("thirty")
    return item


def fail_oddly(item: int) -> int:
    raise OddError(item=item)


def die(item: int) -> int:
    if item == 30:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def refuse(number: int) -> None:
    raise ValueError(f"no start with {number}")


@pytest.mark.parametrize("items", [0, 1, 2, 5, 100])
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_outcomes_are_in_order(items: int, workers: int) -> None:
    assert list(spread(Job(start, (1000,), add, range(items)), workers)) == list(range(1000, 1000 + items))
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize(
    ("job", "error", "text"),
    [
        (Job(start, (0,), fail, range(100)), ValueError, "thirty"),
        (Job(start, (0,), fail_oddly, range(100)), RuntimeError, "OddError: odd: "),
        (Job(refuse, (3,), add, range(100)), ValueError, "no start with 3"),
        pytest.param(Job(start, (0,), die, range(100)), WorkerError, "a worker was killed", marks=posix),
    ],
)
def test_what_a_worker_raises_ends_all(job: Job[int, int], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text) as raised:
        list(spread(job, 2))
    assert multiprocessing.active_children() == []
    if error is not WorkerError:
        assert "_serve" in str(raised.value.__cause__), "where it was raised"


def test_nobody_waits_for_workers_whose_outcomes_nobody_wants() -> None:
    outcomes = spread(Job(start, (0,), add, range(1000)), 2)
    assert next(outcomes) == 0
    assert len(multiprocessing.active_children()) == 2
    outcomes.close()  # type: ignore[attr-defined]
    assert multiprocessing.active_children() == []


@posix
def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    script = (
        "import sys, time\nfrom flake8_aiguard.workers import Job, spread\n"
        "def start():\n    pass\n"
        "def work(item):\n    return item\n"
        "for item in spread(Job(start, (), work, range(10)), 3):\n"
        "    print('at work', flush=True)\n    time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=harness.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    process.kill()
    # workers hold the pipes too: they are at their end when the last one is gone
    _out, err = process.communicate(timeout=30)
    assert err == ""
