"""Which calls block, and what becomes of the files that they open."""

from __future__ import annotations

import ast

import pytest
from questions import module

from flake8_aiguard import knowledge
from flake8_aiguard.blocking import Blocking
from flake8_aiguard.openings import Openings

IMPORTS = "import queue, subprocess, threading, time, requests, os\nfrom pathlib import Path\n"


def the_call(source: str) -> tuple[Blocking, Openings, ast.Call]:
    """The layers of a source and the first call of its last statement."""
    found = module(IMPORTS + source)
    statement = found.index.tree.body[-1]
    call = next(item for item in ast.walk(statement) if isinstance(item, ast.Call))
    return Blocking(found), Openings(found), call


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("time.sleep(1)", "sleep"),
        ("requests.get('x')", "http"),
        ("s = requests.Session()\ns.get('x')", "http"),
        ("Path('x').read_text()", "file"),
        ("time.time()", None),
        ("s.get('x')", None),
    ],
)
def test_row(source: str, kind: str | None) -> None:
    blocking, _, call = the_call(source)
    row = blocking.row(call)
    assert (None if row is None else row["kind"]) == kind


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("q = queue.Queue()\nq.get()", True),
        ("q = queue.Queue()\nq.get(False)", False),
        ("q = queue.Queue()\nq.get(timeout=0)", False),
        ("k = threading.Lock()\nk.acquire(blocking=False)", False),
        ("k = threading.Lock()\nk.acquire()", True),
    ],
)
def test_waits(source: str, expected: bool) -> None:
    blocking, _, call = the_call(source)
    row = blocking.row(call)
    assert row is not None
    assert blocking.waits(call, row) is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(p):\n    with open(p) as f:\n        send(f)", True),
        ("def f(p):\n    with open(p) as f:\n        send({'a': (p, f)})", True),
        ("def f(p):\n    with open(p) as f:\n        f.read(16)", True),
        ("def f(p):\n    with open(p) as f:\n        f.read()", False),
        ("def f(p):\n    with open(p) as f:\n        send(f)\n        f.read()", False),
    ],
)
def test_is_handed_over(source: str, expected: bool) -> None:
    found = module(IMPORTS + source)
    openings = Openings(found)
    (call,) = found.index.calls_named(("open",))

    def nothing(call: ast.Call) -> knowledge.Row | None:
        return None

    assert openings.is_handed_over(call, nothing) is expected


@pytest.mark.parametrize(
    ("source", "glance", "once"),
    [
        ("any(p.iterdir())", True, False),
        ("next(p.iterdir(), None)", True, False),
        ("list(p.iterdir())", False, False),
        ("if not p.exists():\n    p.write_text('a')", False, True),
        ("A = 'a'\nif not os.path.exists(p):\n    p.write_text(A)", False, True),
        ("if not p.exists():\n    p.write_text(a.b)", False, False),
        ("if not q.exists():\n    p.write_text('a')", False, False),
        ("if p.exists():\n    p.write_text('a')", False, False),
    ],
)
def test_what_is_no_work(source: str, glance: bool, once: bool) -> None:
    found = module(IMPORTS + source)
    openings = Openings(found)
    (call,) = found.index.calls_named(("iterdir", "write_text"))
    assert (openings.is_glance(call), openings.is_constant_once(call)) == (glance, once)
