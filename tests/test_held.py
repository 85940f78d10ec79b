"""What a class does with a resource that it keeps in an attribute."""

from __future__ import annotations

import ast
import textwrap

import harness
import pytest

from flake8_aiguard.flow import Release
from flake8_aiguard.handles import Handles
from flake8_aiguard.held import Held
from flake8_aiguard.module import Module
from flake8_aiguard.settings import Settings

ROW = {"close": ["quit", "pool.stop"], "source": "made up"}


def leaks(body: str, **columns: object) -> list[tuple[str | None, Release] | None]:
    """What becomes of each resource that `acquire()` opens in a source, by a row with these columns."""
    tree, lines = harness.parse("from . import acquire\n" + textwrap.dedent(body))
    module = Module.of(tree, "example.py", lines, Settings())
    held = Held(module, Handles(module))
    calls = [node for node in module.index.nodes(ast.Call) if module.qualname(node.func) == ".acquire"]
    found = [held.leak(call, {**ROW, **columns}) for call in calls]
    return [leak and (leak.name, leak.release) for leak in found]


def closed_by(*statements: str) -> str:
    lines = [
        "class C:",
        "    def __init__(self, a):",
        "        self.x = acquire()",
        "    def close(self):",
        *(f"        {statement}" for statement in statements),
    ]
    return "\n".join(lines) + "\n"


FORGOTTEN = [("self.x", Release.NEVER)]


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (["pass"], FORGOTTEN),
        (["self.x.send()"], FORGOTTEN),
        (["self.y.quit()"], FORGOTTEN),
        (["self.x.quit()"], [None]),
        (["self.x.pool.stop()"], [None]),
        (["with self.x:", "    pass"], [None]),
        (["for c in (self.x,):", "    c.quit()"], [None]),
        (["getattr(self, 'x').quit()"], [None]),
        (["for name in ('x', 'y'):", "    getattr(self, name).quit()"], [None]),
        (["self.__dict__.clear()"], [None]),
        (["release(self)"], [None]),
        (["super().close()"], [None]),
        (["self.stop()"], [None]),
        (["release(self.x)"], [None]),
    ],
)
def test_the_end_of_an_object(statements: list[str], expected: list[object]) -> None:
    assert leaks(closed_by(*statements)) == expected


def test_only_what_the_object_ends_with_counts() -> None:
    source = closed_by("pass")
    assert leaks(source.replace("close", "run")) == [None]
    assert leaks(source.replace("close", "__exit__")) == FORGOTTEN
    assert leaks(source.replace("close", "aclose")) == FORGOTTEN
    assert leaks(source.replace("class C:", "class C(Base):")) == [None]
    assert leaks("class Base:\n    pass\n" + source.replace("class C:", "class C(Base):")) == FORGOTTEN


def test_others_may_close_it() -> None:
    source = closed_by("pass")
    assert leaks(source + "def stop(c):\n    c.x.quit()\n") == [None]
    assert leaks(source + "class D(C):\n    def stop(self):\n        self.x.quit()\n") == [None]
    assert leaks(source + "class D:\n    def stop(self):\n        self.x.quit()\n") == FORGOTTEN


def test_a_with_that_only_commits() -> None:
    entered = closed_by("with self.x:", "    pass")
    assert leaks(entered, **{"with": "commits"}) == FORGOTTEN
    left = closed_by("self.x.__exit__(None, None, None)")
    assert leaks(left) == [None]
    assert leaks(left, **{"with": "commits"}) == FORGOTTEN


@pytest.mark.parametrize(
    ("method", "body", "is_replaced"),
    [
        ("refresh", "self.x = acquire()", True),
        ("_reset_client", "self.x.send()\n        self.x = acquire()", True),
        ("run", "self.x = acquire()", False),
        ("refresh", "self.x.quit()\n        self.x = acquire()", False),
        ("refresh", "self.stop()\n        self.x = acquire()", False),
        ("refresh", "if self.x is None:\n            self.x = acquire()", False),
        ("refresh", "old = self.x\n        self.x = acquire()\n        old.quit()", False),
    ],
)
def test_bound_again(method: str, body: str, is_replaced: bool) -> None:
    source = f"""
class C:
    def __init__(self):
        self.x = acquire()
    def {method}(self):
        {body}
    def stop(self):
        self.x.quit()
"""
    assert leaks(source) == [None, ("self.x", Release.REBOUND) if is_replaced else None]
