"""Spreads work over processes that share nothing: no lock and no queue that a killed one could leave taken."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Final, Generic, TypeVar, cast

from flake8_aiguard.errors import MisuseError

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_AT_ONCE: Final = 16  # items that a worker is given with one message, at most
_ROUNDS: Final = 4  # messages that each worker gets, at least, so that all end at about the same time
_AHEAD: Final = 2  # messages that wait for a worker


class WorkerError(MisuseError):
    """A worker was killed."""


@dataclass(frozen=True, slots=True)
class Job(Generic[Item, Outcome]):
    """What workers do.

    Attributes:
        start: called once in each worker; a fork finds what the parent has set up.
        arguments: its arguments.
        work: called for each item; like ``start`` a function of a module, which a spawned worker imports.
        items: what to work on.
    """

    start: Callable[..., None]
    arguments: tuple[Any, ...]
    work: Callable[[Item], Outcome]
    items: Sequence[Item]


def spread(job: Job[Item, Outcome], workers: int) -> Generator[Outcome, None, None]:
    """Work on all items in several processes.

    Whatever ends the iteration, Ctrl-C and SIGTERM included, ends the workers. When the parent is killed, they end by themselves.

    Args:
        job: the work.
        workers: how many processes.

    Yields:
        The outcomes, in the order of the items.

    Raises:
        WorkerError: a worker was killed.
        KeyboardInterrupt: Ctrl-C or SIGTERM.
        Exception: what ``start`` or ``work`` raised.
    """
    size = max(1, min(_AT_ONCE, len(job.items) // (workers * _ROUNDS)))
    left = iter([(first, first + size) for first in range(0, len(job.items), size)])
    done: dict[int, list[Outcome]] = {}
    following = 0
    with _termination_as_ctrl_c(), _started(job, workers) as connections:
        busy = {connection: 0 for connection in connections}
        for connection in [*connections] * _AHEAD:
            busy[connection] += _given(connection, next(left, None))
        while waiting := [connection for connection, count in busy.items() if count]:
            for ready in cast("list[Connection]", wait(waiting)):
                first, outcomes = _received(ready)
                busy[ready] += _given(ready, next(left, None)) - 1
                done[first] = outcomes
            while following in done:
                outcomes = done.pop(following)
                yield from outcomes
                following += len(outcomes)


def _given(connection: Connection, span: tuple[int, int] | None) -> bool:
    if span is None:
        return False
    # reading says why a worker is gone
    with _no_signals(), contextlib.suppress(BrokenPipeError, ConnectionResetError):
        connection.send(span)
    return True


def _received(connection: Connection) -> tuple[int, list[Any]]:
    try:
        with _no_signals():
            first, outcomes, error = connection.recv()
    except (EOFError, ConnectionResetError):
        raise WorkerError(
            "a worker was killed, perhaps for lack of memory; nothing more is reported; try --jobs 1"
        ) from None
    if error is not None:
        raise error[0] from RuntimeError(error[1])
    return first, outcomes


@contextlib.contextmanager
def _started(job: Job[Item, Outcome], workers: int) -> Iterator[list[Connection]]:
    processes: list[BaseProcess] = []
    connections: list[Connection] = []
    try:
        with _no_signals():
            gc.freeze()  # so that looking for cycles in a fork does not copy what it shares with the others
            for _ in range(workers):
                ours, theirs = multiprocessing.Pipe()
                process: BaseProcess = multiprocessing.get_context().Process(
                    target=_serve, args=(theirs, job), daemon=True
                )
                process.start()
                processes.append(process)
                theirs.close()  # so that the end of the worker is the end of what can be read
                connections.append(ours)
        yield connections
    finally:
        gc.unfreeze()
        with _no_signals():
            for started in processes:
                started.kill()
            for started in processes:
                started.join()
            for connection in connections:
                connection.close()


def _serve(connection: Connection, job: Job[Item, Outcome]) -> None:
    """Work until the parent closes the connection, or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets it, too, and ends its workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    parent = multiprocessing.parent_process()
    assert parent is not None
    first = 0
    try:
        job.start(*job.arguments)
        while parent.sentinel not in wait([connection, parent.sentinel]):
            first, last = connection.recv()
            connection.send((first, [job.work(item) for item in job.items[first:last]], None))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the parent has ended the run
    except Exception as error:  # noqa: BLE001 -- the parent raises it
        with contextlib.suppress(OSError):
            connection.send((first, [], (_sendable(error), traceback.format_exc())))


def _sendable(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 -- its class asks for other arguments than it keeps
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


@contextlib.contextmanager
def _no_signals() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait: a worker that starts would print a traceback, one that ends would be forgotten.

    CPython 3.12 prints a SystemError, too, where they interrupt a message.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _termination_as_ctrl_c() -> Iterator[None]:
    """A cancelled CI job leaves no workers behind: killed on the spot, this process could not end them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
