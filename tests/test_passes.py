"""Whether two passes may be one."""

from __future__ import annotations

import ast

import pytest
from questions import asked, module

from flake8_aiguard.passes import Passes


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("ask([f(x) for x in xs])", True),
        ("ask(map(str, xs))", True),
        ("ask([y for x in xs if (y := x.y)])", False),
        ("async def f(): ask([await x for x in xs])", False),
        ("async def f(): ask([x async for x in xs])", False),
        ("ask([x for x in cursor])", False),
        ("ask([x for x in session.query(X).all()])", False),
        ("ask(map(str, self.conn.execute(sql)))", False),
        ("ask([jobs_queue.get() for x in xs])", False),
        ("ask([pool.submit(f, x) for x in xs])", False),
        ("ask([Thread(target=x) for x in xs])", False),
    ],
)
def test_is_plain(source: str, expected: bool) -> None:
    found = module(source)
    assert [Passes(found).is_plain(node) for node in asked(found)] == [expected]


@pytest.mark.parametrize(
    ("source", "body", "expected"),
    [
        ("[x for x in xs]", "print(y)", True),
        ("[x for x in xs]", "ys.append(y)", True),
        ("[x for x in xs if x > n]", "print(y > n)", True),
        ("[x for x in xs]", "xs.remove(y)", False),
        ("[x for x in xs]", "f(xs)", False),
        ("[x for x in xs]", "del xs[y]", False),
        ("[x for x in xs]", "y.close()", False),
        ("[x for x in xs if x not in seen]", "seen.add(y)", False),
        ("[x for x in xs]", "y.show()", True),
        ("[x for x in self.xs]", "y.show()", False),
        ("[x for x in self.xs]", "f(y)", False),
        ("[x for x in self.xs]", "print(y)", True),
        ("[x for x in self.xs]", "ys.append(y)", True),
        ("[x for x in load()]", "f(y)", True),
        ("[x for x in SHARED]", "f(y)", False),
        ("list(map(f, xs))", "f(y)", True),
    ],
)
def test_are_apart(source: str, body: str, expected: bool) -> None:
    found = module(
        f"SHARED = []\ndef f(y): ...\ndef g(self, xs, n, seen):\n    ys = []\n    for y in {source}:\n        {body}"
    )
    (loop,) = found.index.nodes(ast.For)
    inner = loop.iter.args[0] if isinstance(loop.iter, ast.Call) else loop.iter
    assert Passes(found).are_apart(inner, loop) is expected


@pytest.mark.parametrize(
    ("after", "expected"),
    [("", True), ("print(y)", False), ("del y", False), ("for y in xs: print(y)", True)],
)
def test_the_variable_is_left_alone(after: str, expected: bool) -> None:
    found = module(f"def g(xs):\n    for y in [x for x in xs]:\n        print(y)\n    {after}")
    loop = found.index.nodes(ast.For)[0]
    assert Passes(found).are_apart(loop.iter, loop) is expected
