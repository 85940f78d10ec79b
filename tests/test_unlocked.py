"""The ways in which shared attributes go wrong: without the lock, stale, torn and lost."""

from __future__ import annotations

import ast

import pytest
from questions import module

from flake8_aiguard.locksets import unlocked_writes
from flake8_aiguard.refills import lost_additions, torn_refreshes
from flake8_aiguard.shared_state import SharedState
from flake8_aiguard.stale import stale_writes

HEAD = "import asyncio, threading\nfrom collections import deque\nclass C:\n"
LOCKED = """\
    def __init__(self):
        self._lock = threading.Lock()
        self.n = 0
        self.found = []
        self.hints = deque()
    def add(self, item):
        with self._lock:
            self.n += 1
            self.found.append(item)
            self._log(item)
    def _log(self, item):
        self.hints.append(item)
"""


def state_of(source: str) -> tuple[SharedState, ast.ClassDef]:
    """Return the shared state of a class body and the class."""
    found = module(HEAD + source)
    return SharedState(found), found.index.nodes(ast.ClassDef)[-1]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("def f(self): self.n -= 1", [("n", "_lock", "add", ())]),
        ("def f(self): self.n = 0", [("n", "_lock", "add", ())]),
        ("def _f(self): self.n = 0", []),
        ("def f(self):\n        self.open()\n        self.n = 0", []),
        ("def f(self): self.n -= 1; self.found.pop()", [("n", "_lock", "add", ("found",))]),
        ("def f(self): self.hints.append(1)", []),
        ("def f(self): self.hints.clear()", [("hints", "_lock", "_log", ())]),
        ("def f(self):\n        with self._lock: self.n -= 1", []),
        ("def f(self): return self.n", []),
    ],
)
def test_writes_without_the_lock(method: str, expected: list[tuple[str, str, str, tuple[str, ...]]]) -> None:
    state, owner = state_of(f"{LOCKED}    {method}\n")
    found = [(item.name, item.lock, item.holder, item.others) for item in unlocked_writes(state, owner)]
    assert found == expected


def test_methods_that_may_run_under_a_lock() -> None:
    state, owner = state_of(LOCKED + "    def other(self): pass\n")
    names = {getattr(function, "name", "") for function in state.takers.may_hold(owner)}
    assert names == {"add", "_log"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("self.n = self.n + await g()", [("n", "")]),
        ("self.n = self.n or await g()", []),
        ("self.n, self.m = self.n + await g(), self.m", [("n", "")]),
        ("if k not in self.n: self.n[k] = await g(k)", [("n", "fetch")]),
        ("if k not in self.n: self.n[k] = await open_pool(k)", [("n", "open")]),
        ("if self.n < 3:\n            await g()\n            self.n += 1", [("n", "count")]),
        ("# one task only: atomic\n        self.n = self.n + await g()", []),
    ],
)
def test_stale_writes(body: str, expected: list[tuple[str, str]]) -> None:
    state, owner = state_of(f"    async def f(self, k):\n        {body}\n")
    assert [(item.name, item.harm) for item in stale_writes(state, owner)] == expected


@pytest.mark.parametrize(
    ("head", "body", "expected"),
    [
        ("def reload(self, d):", "self.a.update(d); self.b.clear()", [("a", "b")]),
        ("def fill(self, d):", "self.a.update(d); self.b.clear()", []),
        ("def reload(self, d):", "self.a.update(d)", []),
        ("def reload(self, d):", "if d not in self.a: self.a[d] = self.b[d] = 1", []),
    ],
)
def test_torn_refreshes(head: str, body: str, expected: list[tuple[str, str]]) -> None:
    made = (
        "    def __init__(self): self.a, self.b = {}, {}\n    def get(self, k): return self.a[k], self.b[k]\n"
    )
    state, _ = state_of(f"{made}    {head}\n        {body}\n")
    assert [(item.name, item.other) for item in torn_refreshes(state)] == expected


def test_lost_additions() -> None:
    state, _ = state_of(
        """\
    def __init__(self):
        self.batch = []
        threading.Thread(target=self.flush).start()
    def add(self, item): self.batch.append(item)
    def flush(self):
        send(self.batch)
        self.batch = []
"""
    )
    assert [(item.name, item.other) for item in lost_additions(state)] == [("batch", "add")]
