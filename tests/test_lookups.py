"""How a function asks a mapping for a key."""

from __future__ import annotations

import ast

import pytest
from questions import module

from flake8_aiguard.lookups import Lookup

KEY = "def f(c, k, o):\n    {0}"


def lookup(body: str) -> tuple[Lookup, ast.FunctionDef]:
    """The lookup of ``c[k]`` in the function ``f``."""
    found = module(KEY.format(body))
    function = found.index.nodes(ast.FunctionDef)[0]
    asked: dict[str, list[ast.expr]] = {"c": []}
    for node in ast.walk(function):
        is_get = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if is_get or (isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load)):
            asked["c"].append(node)
    entry = ast.parse("c[k]", mode="eval").body
    assert isinstance(entry, ast.Subscript)
    return Lookup(found, asked, entry.value, entry.slice, function), function


@pytest.mark.parametrize(
    ("test", "hit", "miss"),
    [
        ("k in c", True, False),
        ("k not in c", False, True),
        ("not k in c", False, True),
        ("k in c.keys()", True, False),
        ("k in c and o", True, False),
        ("c.get(k)", True, False),
        ("not c.get(k)", False, True),
        ("c.get(k) is None", False, True),
        ("c.get(k) is not None", True, False),
        ("(v := c.get(k)) is not None", True, False),
        ("o in c", False, False),
        ("k in o", False, False),
        ("o", False, False),
    ],
)
def test_conditions(test: str, hit: bool, miss: bool) -> None:
    known, function = lookup(f"if {test}: pass")
    statement = function.body[0]
    assert isinstance(statement, ast.If)
    assert (known.is_hit(statement.test), known.is_miss(statement.test)) == (hit, miss)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("if k in c: return c[k]\n    here", True),
        ("v = c.get(k)\n    if v: return v\n    here", True),
        ("with o:\n        if k in c: return c[k]\n    here", True),
        ("try: return c[k]\n    except KeyError: pass\n    here", True),
        ("with o: return c[k]\n    here", True),
        ("if k in c: o()\n    here", False),
        ("if k in c: raise o\n    here", False),
        ("if o: return c[k]\n    here", False),
    ],
)
def test_leaving_with_the_entry(body: str, expected: bool) -> None:
    known, function = lookup(body)
    assert known.leaves_before(function.body[-1], function) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return c[k]", True),
        ("v = c.get(k)\n    return v", True),
        ("o(c[k])", True),
        ("return c[k].name", True),
        ("c[k].append(o)", False),
        ("if c.get(k): o()", False),
        ("v = c.get(k)\n    if v is None: o()", False),
    ],
)
def test_entries_that_go_on(body: str, expected: bool) -> None:
    known, _ = lookup(body)
    assert any(map(known.is_used, known.entries())) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("c[k] = g()\n    c[k].set(1)", True),
        ("c[k] = g()\n    c[k].name = 1", True),
        ("c[k] = g()\n    e = c[k]\n    e.set_name(1)", True),
        ("c[k] = g()\n    e = c[k]\n    e.name = 1", True),
        ("c[k] = g()\n    e = c[k]\n    e.send(1)", False),
        ("c[k] = g()\n    return c[k].name", False),
        ("c[k] = g(c[k].set(1))", False),
    ],
)
def test_entries_that_are_set_up_later(body: str, expected: bool) -> None:
    found, function = lookup(body)
    assert found.is_configured(function.body[0]) is expected
