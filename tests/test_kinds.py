"""Which built-in value a variable holds."""

from __future__ import annotations

import ast

import pytest
from questions import asked, module


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = []", "list"),
        ("x = [a for a in b]", "list"),
        ("x = sorted(b)", "list"),
        ("x = list(b)[1:]", "list"),
        ("x = 'a b'.split()", "list"),
        ("x = b.splitlines()", "list"),
        ("x = b.split(',')", "list"),
        ("x = b.split(4)", None),
        ("x = b.str.split(',')", None),
        ("x = ()", "tuple"),
        ("x = {}", "dict"),
        ("x = {1}", "set"),
        ("x = b''", "bytes"),
        ("x = f'{b}'", "str"),
        ("x = 'a' + b", "str"),
        ("x = '%s' % b", "str"),
        ("x = [0] * b", None),
        ("x = [0] * 3", "list"),
        ("x = 3 * 2", "number"),
        ("x = len(b)", "number"),
        ("x = [] if b else [1]", "list"),
        ("x = [] if b else ()", None),
        ("x = None\nx = []", "list"),
        ("x = None", None),
        ("x = []\nx = ()", None),
        ("x = []\nx = x + [1]", "list"),
        ("x = ''\nx = b + x", "str"),
        ("x = b\nx = x + b", None),
        ("x = []\nx += b", "list"),
        ("x: list[int] = b", "list"),
        ("x: 'list[int] | None' = None", "list"),
        ("x = b", None),
        ("x, y = [], ()", "list"),
        ("for x in b: pass", None),
        ("x = [].copy()", "list"),
        ("x = map(str, b)", "iterator"),
        ("def list(b): return 1\nx = list(b)", None),
    ],
)
def test_of(code: str, expected: str | None) -> None:
    found = module(f"{code}\nask(x)")
    assert found.kinds.of(asked(found)[0]) == expected


@pytest.mark.parametrize(
    ("stores", "expected"),
    [
        ("self.x = []", "list"),
        ("self.x = None\n        self.x = []", "list"),
        ("self.x: dict[str, int] = make()", "dict"),
        ("self.x = []\n        self.x += more", "list"),
        ("self.x = ''\n        self.x = more + self.x", "str"),
        ("self.x = []\n        self.x = more", None),
        ("self.x, self.y = [], 1", None),
    ],
)
def test_of_attribute(stores: str, expected: str | None) -> None:
    found = module(
        f"class C:\n    def __init__(self, more):\n        {stores}\n    def f(self):\n        ask(self.x)"
    )
    assert found.kinds.of(asked(found)[0]) == expected


def test_field_of_a_class() -> None:
    found = module("class C:\n    x: list[str]\n    def f(self):\n        ask(self.x)")
    assert found.kinds.of(asked(found)[0]) == "list"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ask([list(r) for r in b])", "list"),
        ("x = [f'{r}' for r in b]\nask(x)", "str"),
        ("x: list[list[int]] = b\nask(x)", "list"),
        ("x: tuple[str, ...] = b\nask(x)", "str"),
        ("x: tuple[str, int] = b\nask(x)", None),
        ("x: dict[list, int] = b\nask(x)", None),
        ("from typing import Optional\nx: Optional[list[int]] = b\nask(x)", None),
        ("x = [[1]]\nx = b\nask(x)", None),
        ("ask([1, 2])", None),
    ],
)
def test_of_items(code: str, expected: str | None) -> None:
    found = module(code)
    assert found.kinds.of_items(asked(found)[0]) == expected


def test_long_sums_do_not_nest_calls_too_deep() -> None:
    found = module(f"x = {' + '.join(['b'] * 500)}\nask(x)")
    assert found.kinds.of(asked(found)[0]) is None
    assert isinstance(found.index.nodes(ast.BinOp)[0], ast.BinOp)
