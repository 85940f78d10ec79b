"""Which collections a loop searches."""

from __future__ import annotations

import ast

import pytest
from questions import asked, module

from flake8_aiguard.amounts import Amounts
from flake8_aiguard.few import Few
from flake8_aiguard.joins import Joins
from flake8_aiguard.lists import Lists, collection
from flake8_aiguard.scans import Scans
from flake8_aiguard.searches import Searches


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("xs = [x for x in ys]\nask(xs)", True),
        ("xs = sorted(ys)\nask(xs)", True),
        ("xs = cursor.fetchall()\nask(xs)", True),
        ("xs = ys.tolist()\nask(xs)", True),
        ("async def f():\n    xs = await cursor.fetchall()\n    ask(xs)", True),
        ("def f() -> list[int]: ...\nxs = f()\nask(xs)", True),
        ("def f(xs):\n    xs = list(xs)\n    ask(xs)", True),
        ("def f(xs, y):\n    if y:\n        xs = list(xs)\n    ask(xs)", False),
        ("def f(xs: 'list[int] | None' = None):\n    ask(xs)", True),
        ("def f(xs): ask(xs)", False),
        ("xs = {1}\nask(xs)", False),
        ("xs = []\nxs = {1}\nask(xs)", False),
        ("class A:\n    def __init__(self): self.xs = []\n    def f(self): ask(self.xs)", True),
        ("ask(a.xs)", False),
        ("ask(xs)", False),
    ],
)
def test_is_list(source: str, expected: bool) -> None:
    found = module(source)
    assert [Lists(found).is_list(node) for node in asked(found)] == [expected]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(orders): ask(orders)", True),
        ("def f(blocked): ask(blocked)", True),
        ("def f(order_ids=None): ask(order_ids)", True),
        ("def f(blocked=None): ask(blocked)", False),
        ("def f(columns): ask(columns)", False),
        ("def f(columns_by_table): ask(columns_by_table)", False),
        ("def f(columnValues): ask(columnValues)", False),
        ("def f(text): ask(text.split())", True),
        ("def f(text): ask(text.split('\\n'))", True),
        ("def f(name): ask(name.split('.'))", False),
        ("def f(text): ask(text)", False),
        ("rows = [1, 2]\nask(rows)", False),
        ("rows = []\nwhile True:\n    rows.append(read())\nask(rows)", True),
    ],
)
def test_is_data(source: str, expected: bool) -> None:
    found = module(source)
    assert [Amounts(found).is_data(node) for node in asked(found)] == [expected]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("enumerate(users)", "users"),
        ("sorted(users.values())", "users"),
        ("self.users.items()", "self.users"),
        ("users[1:]", "users"),
        ("load(users)", "load(users)"),
        ("users.values(1)", "users.values(1)"),
    ],
)
def test_collection(call: str, expected: str) -> None:
    found = module(f"ask({call})")
    assert ast.unparse(collection(found, asked(found)[0])) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("if b.id == a.id: f(b)", ["b.id == a.id"]),
        ("if a.id == b.id: f(b)", ["b.id == a.id"]),
        ("if b.id != a.id: continue\n        f(b)", ["b.id == a.id"]),
        ("if not b.id == a.id: continue\n        f(b)", ["b.id == a.id"]),
        ("if b.on and b.id == a.id: f(b)", ["b.id == a.id"]),
        ("if b.on:\n            if b.id == a.id: f(b)", ["b.id == a.id"]),
        ("key = b.id\n        if key == a.id: f(b)", ["key == a.id"]),
        ("if b.id == a.id: continue\n        f(b)", []),
        ("if b.id == a.id: f(b)\n        else: g(b)", []),
        ("if b.id == a.id or b.x == a.x: f(b)", []),
        ("if b.id == 3: f(b)", []),
        ("if len(b) == len(a): f(b)", []),
        ("f(b)\n        if b.id == a.id: g(b)", []),
    ],
)
def test_joined(body: str, expected: list[str]) -> None:
    found = module(f"def f(rows, users):\n    for a in rows:\n      for b in users:\n        {body}")
    amounts = Amounts(found)
    joins = Joins(found, Searches(found, amounts), amounts)
    joined = [answer for scan in Scans(found).scans() if (answer := joins.joined(scan)) is not None]
    assert [f"{ast.unparse(match.key)} == {ast.unparse(match.value)}" for _, match in joined] == expected
    assert all(loop is found.index.nodes(ast.For)[0] for loop, _ in joined)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(xs): ask(xs)", False),
        ("def f(*xs): ask(xs)", True),
        ("ask([1, 2])", True),
        ("def f(path): ask(path.parts)", True),
        ("def f(record): ask(record.parts)", False),
        ("def f(rows): ask(enumerate(rows, 1))", False),
        ("def f(text): ask(text.split('/'))", True),
        ("def f(text): ask(text.split())", False),
        ("def f(text, by): ask(text.split(by, 1))", True),
        ("def f(text, by):\n    xs = text.partition(by)\n    ask(enumerate(xs))", True),
        ("def f(xs):\n    if len(xs) != 3: return\n    ask(xs)", True),
        ("def f(xs):\n    if len(xs) != 3: print(xs)\n    ask(xs)", False),
        ("def f(xs):\n    a, b = xs\n    ask(xs)", True),
        ("def f(xs):\n    a, *b = xs\n    ask(xs)", False),
        ("def f(xs):\n    xs = ys\n    ys = xs\n    ask(xs)", False),
        ("def _f(xs): ask(xs)\n_f([1])\n_f(ONE + TWO)", True),
        ("def _f(xs): ask(xs)\n_f([1])\n_f(ys)", False),
        ("def _f(xs): ask(xs)\n_f([1])\ng(_f)", False),
        ("class A:\n    def _f(self, xs): ask(xs)\n    def g(self): self._f([1])", True),
        ("class A:\n    def _f(self): ask(self)\n    def g(self): self._f()", False),
        ("class A:\n    xs = (1, 2)\n    def f(self): ask(self.xs)", True),
        (
            "class A:\n    def __init__(self): self.xs = [1]\n    def f(self, x):\n        self.xs.append(x)\n        ask(self.xs)",
            False,
        ),
        ("args = parser.parse_args()\nask(args.names)", True),
        ("import dataclasses\nask(dataclasses.fields(X))", True),
        ("def f(batch_size, n):\n    ask(range(batch_size))\n", True),
        ("def f(batch_size, n):\n    ask(range(n))\n", False),
    ],
)
def test_few(source: str, expected: bool) -> None:
    found = module(source)
    assert [Few(found).items(node) for node in asked(found)] == [expected]
