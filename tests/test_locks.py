"""What becomes of a lock: the questions that rules ask about any acquisition."""

from __future__ import annotations

import ast
import textwrap

import harness
import pytest

from flake8_aiguard.flow import Release
from flake8_aiguard.locks import Locks, acquiring, text_of
from flake8_aiguard.module import Module
from flake8_aiguard.settings import Settings

HEAD = "import asyncio, fasteners, threading\nlock = threading.Lock()\nsem = threading.Semaphore()\n"


def read(source: str) -> tuple[Module, Locks]:
    tree, lines = harness.parse(HEAD + textwrap.dedent(source))
    module = Module.of(tree, "example.py", lines, Settings())
    return module, Locks(module)


def verdict(body: str) -> tuple[Release, int | None] | None:
    """How the first acquisition in a function stays locked, and the line of the body where."""
    module, locks = read("def run(a):\n" + textwrap.indent(textwrap.dedent(body).strip("\n"), "    "))
    call = next(iter(module.index.calls_named(acquiring())))
    taken, acquire = locks.taken(call), module.index.statement(call)
    assert taken is not None
    assert isinstance(acquire, ast.Expr)
    held = locks.held(taken, acquire)
    line = getattr(held.where, "lineno", None) if held else None
    return held and (held.release, line and line - HEAD.count("\n") - 1)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("lock.acquire()\nlock.release()", None),
        ("lock.acquire()\na.x = 1\nlock.release()", None),
        ("lock.acquire()\na.x += 1\nlock.release()", (Release.EXCEPTION, 2)),
        ("lock.acquire()\na += 1\nlock.release()", None),
        ("lock.acquire()\na.strip()\na.x()\nlock.release()", (Release.EXCEPTION, 3)),
        ("lock.acquire()\n', '.join(a)\na()\nlock.release()", (Release.EXCEPTION, 3)),
        ("lock.acquire()\na.strip()\nint(a)\nlock.release()", (Release.EXCEPTION, 2)),
        ("lock.acquire()\na[0] = 1\nlock.release()", (Release.EXCEPTION, 2)),
        ("lock.acquire()\na()\nlock.release()", (Release.EXCEPTION, 2)),
        ("lock.acquire()\nb = a + 1\ntry:\n    a()\nfinally:\n    lock.release()", None),
        ("lock.acquire()\ntry:\n    a()\nfinally:\n    lock.release()", None),
        ("lock.acquire()\nif a:\n    return\nlock.release()", (Release.SOME_PATH, 3)),
        ("lock.acquire()\na()", (Release.NEVER, None)),
        (
            "while a:\n    lock.acquire()\n    if a():\n        continue\n    lock.release()",
            (Release.REBOUND, 2),
        ),
        (
            "while a:\n    lock.acquire()\n    if a:\n        continue\n    lock.release()",
            (Release.REBOUND, 2),
        ),
        ("while a:\n    sem.acquire()\nsem.release()", None),
        ("with lock:\n    lock.release()\n    a()\n    lock.acquire()", None),
    ],
)
def test_paths_that_leave_a_lock_locked(body: str, expected: tuple[Release, int | None] | None) -> None:
    assert verdict(body) == expected


@pytest.mark.parametrize(
    ("call", "release"),
    [
        ("lock.acquire()", "release"),
        ("fasteners.ReaderWriterLock().acquire_write_lock()", None),
        ("rw.acquire_write_lock()", "release_write_lock"),
        ("gate.acquire()", "release"),
        ("unknown_lock.acquire()", None),
        ("camera.acquire()", None),
    ],
)
def test_what_a_call_takes(call: str, release: str | None) -> None:
    module, locks = read(
        f"rw = fasteners.ReaderWriterLock()\ndef run(gate: asyncio.Lock, unknown_lock, camera):\n    {call}\n"
    )
    found = locks.taken(next(iter(module.index.calls_named(acquiring()))))
    assert (found and found.release) == release


def test_a_lock_by_its_name_needs_its_release_beside_it() -> None:
    module, locks = read("def run():\n    jobs.my_lock.acquire()\n    jobs.my_lock.release()\n")
    found = locks.taken(next(iter(module.index.calls_named({"acquire"}))))
    assert found is not None
    assert found.row is None


def test_a_parameter_that_nothing_types_is_no_lock() -> None:
    module, locks = read("def run(my_lock):\n    my_lock.acquire()\n    my_lock.release()\n")
    assert locks.taken(next(iter(module.index.calls_named({"acquire"})))) is None


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def run():\n    lock.acquire()\n    lock.release()\n", False),
        ("def run():\n    lock.acquire()\ndef stop():\n    lock.release()\n", True),
        ("def run():\n    lock.acquire()\n    stop()\ndef stop():\n    lock.release()\n", False),
        ("def run():\n    lock.acquire()\n    later(lock.release)\n", True),
        ("def run():\n    lock.acquire()\n    later(lock)\n", True),
        ("def run():\n    lock.acquire()\ndef stop(lock):\n    lock.release()\n", False),
    ],
)
def test_who_else_may_release(source: str, expected: bool) -> None:
    module, locks = read(source)
    taken = locks.taken(next(iter(module.index.calls_named({"acquire"}))))
    assert taken is not None
    assert locks.is_handed_over(taken) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("own = threading.Lock()\n    own.acquire()\n    own.release()", True),
        ("own = threading.Lock()\n    own.acquire()\n    with own: pass", True),
        ("own = threading.Lock()\n    own.acquire()\n    start(own)", False),
        ("own = threading.Lock()\n    own.acquire()\n    start(own.release)", False),
        ("own = threading.Lock()\n    own.acquire()\n    start(lambda: own.locked())", False),
        ("own = fasteners.InterProcessLock(a)\n    own.acquire()", False),
        ("lock.acquire()", False),
    ],
)
def test_a_lock_that_only_its_function_knows(body: str, expected: bool) -> None:
    module, locks = read(f"def run(a, start):\n    {body}\n")
    taken = locks.taken(next(iter(module.index.calls_named({"acquire"}))))
    assert taken is not None
    assert locks.is_private(taken) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("for _ in range(a): sem.acquire()", True),
        ("for _ in range(a):\n        sem.acquire()\n        sem.release()", False),
        ("for _ in a: sem.acquire()", False),
        ("for _ in range(a): lock.acquire()", False),
        ("sem.acquire()", False),
    ],
)
def test_a_semaphore_that_a_loop_drains(body: str, expected: bool) -> None:
    module, locks = read(f"def run(a):\n    {body}\n")
    taken = locks.taken(next(iter(module.index.calls_named({"acquire"}))))
    assert taken is not None
    assert locks.is_drained(taken) is expected


@pytest.mark.parametrize(("name", "expected"), [("sem", True), ("lock", False)])
def test_a_semaphore_that_with_takes_too(name: str, expected: bool) -> None:
    module, locks = read(f"def run(a):\n    {name}.acquire()\ndef use():\n    with {name}: pass\n")
    taken = locks.taken(next(iter(module.index.calls_named({"acquire"}))))
    assert taken is not None
    assert locks.is_also_entered(taken) is expected


def test_classes_have_locks_of_their_own() -> None:
    module, locks = read("""
        class A:
            def __init__(self):
                self._lock = threading.Lock()
            def run(self):
                self._lock.acquire()
        class B:
            def __init__(self):
                self._lock = threading.Lock()
            def stop(self):
                self._lock.release()
    """)
    taken = locks.taken(next(iter(module.index.calls_named({"acquire"}))))
    assert taken is not None
    assert locks.releases(taken) == []
    assert locks.is_own(taken)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("a", "a"),
        ("self.a.b", "self.a.b"),
        ("a[k].b", "a[k].b"),
        ("a['k']", "a['k']"),
        ("a()", None),
        ("a[k + 1]", None),
    ],
)
def test_text_of_a_receiver(expression: str, text: str | None) -> None:
    assert text_of(ast.parse(expression, mode="eval").body) == text
