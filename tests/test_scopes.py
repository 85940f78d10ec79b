"""Bindings, uses and escapes."""

from __future__ import annotations

import ast

import pytest
from questions import asked, module

from flake8_aiguard.scopes import ESCAPES, Kind, Use


@pytest.mark.parametrize(
    ("source", "scope", "kinds"),
    [
        ("x = 1\nask(x)", "Module", [Kind.ASSIGN]),
        ("import x\nask(x)", "Module", [Kind.IMPORT]),
        ("import x.y\nask(x)", "Module", [Kind.IMPORT]),
        ("def f(x): ask(x)", "FunctionDef", [Kind.PARAMETER]),
        ("def f(*x): ask(x)", "FunctionDef", [Kind.PARAMETER]),
        ("g = lambda x: ask(x)", "Lambda", [Kind.PARAMETER]),
        ("x = 1\ndef f():\n    ask(x)\n    x = 2", "FunctionDef", [Kind.ASSIGN]),
        ("def f():\n    global x\n    x = 2\n    ask(x)", "Module", [Kind.ASSIGN]),
        (
            "def f():\n    x = 1\n    def g():\n        nonlocal x\n        x = 2\n        ask(x)",
            "FunctionDef",
            [Kind.ASSIGN] * 2,
        ),
        ("class A:\n    x = 1\n    ask(x)", "ClassDef", [Kind.ASSIGN]),
        ("x = 1\nclass A:\n    x = 2\n    def f(self): ask(x)", "Module", [Kind.ASSIGN]),
        ("[ask(x) for x in y]", "ListComp", [Kind.FOR]),
        ("x = 1\n[x for x in ask(x)]", "Module", [Kind.ASSIGN]),
        ("[(x := z) for z in y]\nask(x)", "Module", [Kind.ASSIGN]),
        ("with a as x: ask(x)", "Module", [Kind.WITH]),
        ("with a as (x, y): ask(x)", "Module", [Kind.ASSIGN]),
        ("for x in y: ask(x)", "Module", [Kind.FOR]),
        ("x: int = 1\nask(x)", "Module", [Kind.ANNOTATED]),
        ("x = 1\nx += 1\nask(x)", "Module", [Kind.ASSIGN, Kind.AUGMENTED]),
        ("try: pass\nexcept E as x: ask(x)", "Module", [Kind.OTHER]),
        ("match y:\n    case [x, *z]: ask(x)", "Module", [Kind.OTHER]),
        ("match y:\n    case {**x}: ask(x)", "Module", [Kind.OTHER]),
        ("def x(): pass\nask(x)", "Module", [Kind.FUNCTION]),
        ("class x: pass\nask(x)", "Module", [Kind.CLASS]),
        ("x = 1\ndel x\nask(x)", "Module", [Kind.ASSIGN, Kind.DELETE]),
    ],
)
def test_resolve(source: str, scope: str, kinds: list[Kind]) -> None:
    found = module(source)
    (node,) = asked(found)
    assert isinstance(node, ast.Name)
    resolved = found.scopes.resolve(node)
    assert resolved is not None
    owner, bindings = resolved
    assert type(owner).__name__ == scope
    assert [binding.kind for binding in bindings] == kinds


@pytest.mark.parametrize(
    "source", ["ask(x)", "from y import *\nask(x)", "class A:\n    x = 1\n    def f(self): ask(x)"]
)
def test_names_that_the_file_does_not_bind(source: str) -> None:
    found = module(source)
    (node,) = asked(found)
    assert isinstance(node, ast.Name)
    assert found.scopes.resolve(node) is None
    assert found.scopes.star_imports is ("*" in source)


def test_unpacked_values() -> None:
    found = module("a, b = open(p), 2\nask(a)\n(c, d) = f()\nask(c)\n")
    first, second = asked(found)
    assert isinstance(first, ast.Name)
    assert isinstance(second, ast.Name)
    values = [found.scopes.resolve(name)[1][0].value for name in (first, second)]  # type: ignore[index]
    assert isinstance(values[0], ast.Call)
    assert values[1] is None


def test_uses_follow_the_scope_of_the_name() -> None:
    found = module(
        """
        x = 1
        def f():
            x = 2
            print(x)
            def g():
                return x
        def h(x):
            return x
        print(x)
        """
    )
    f = found.index.nodes(ast.FunctionDef)[0]
    assert [use.lineno for use in found.scopes.uses(f, "x")] == [5, 7]
    assert [use.lineno for use in found.scopes.uses(found.tree, "x")] == [10]
    assert found.scopes.uses(f, "y") == []


@pytest.mark.parametrize(
    ("statement", "use"),
    [
        ("return x", Use.RETURNED),
        ("return x, 1", Use.RETURNED),
        ("return [x] if a else None", Use.RETURNED),
        ("return a or x", Use.RETURNED),
        ("yield x", Use.YIELDED),
        ("yield from x", Use.YIELDED),
        ("y = x", Use.STORED),
        ("self.y = x", Use.STORED),
        ("y[0] = {'k': x}", Use.STORED),
        ("y += x", Use.STORED),
        ("if (y := x): pass", Use.STORED),
        ("f(x)", Use.PASSED),
        ("f(key=x)", Use.PASSED),
        ("f(*[x])", Use.PASSED),
        ("return f(x)", Use.PASSED),
        ("x.close()", Use.METHOD_CALL),
        ("return x.read()", Use.METHOD_CALL),
        ("x()", Use.METHOD_CALL),
        ("f(x.close)", Use.METHOD_PASSED),
        ("return x.close", Use.METHOD_PASSED),
        ("x.mode", Use.ATTRIBUTE),
        ("x[0]", Use.SUBSCRIPT),
        ("y[x]", Use.OTHER),
        ("if x: pass", Use.TESTED),
        ("if not x: pass", Use.TESTED),
        ("if x is None: pass", Use.TESTED),
        ("while x and y: pass", Use.TESTED),
        ("y = 1 if x else 2", Use.TESTED),
        ("assert x", Use.TESTED),
        ("with x: pass", Use.ENTERED),
        ("with x as y: pass", Use.ENTERED),
        ("for y in x: pass", Use.ITERATED),
        ("[y for y in x]", Use.ITERATED),
        ("[x for y in z]", Use.STORED),
        ("await x", Use.AWAITED),
        ("def g(): return x", Use.CLOSED_OVER),
        ("g = lambda: x.close()", Use.CLOSED_OVER),
    ],
)
def test_use(statement: str, use: Use) -> None:
    found = module(f"async def f():\n    x = open(p)\n    {statement}\n")
    f = found.index.nodes(ast.AsyncFunctionDef)[0]
    (name,) = found.scopes.uses(f, "x")
    assert found.scopes.use(name)[0] is use


def test_the_node_that_decides_a_use() -> None:
    found = module("def f():\n    x = open(p)\n    return g(key=(x, 1))\n")
    (name,) = found.scopes.uses(found.index.nodes(ast.FunctionDef)[0], "x")
    use, decider = found.scopes.use(name)
    assert use in ESCAPES
    assert isinstance(decider, ast.Call)
    assert isinstance(decider.func, ast.Name)
    assert decider.func.id == "g"


def test_names() -> None:
    found = module("import os.path\nA = 1\ndef f(x):\n    global B\n    B = y = x\nfor c in A: pass\n")
    assert set(found.scopes.names()) == {"os", "A", "f", "x", "B", "y", "c"}
    assert not module("pass\n").scopes.names()
