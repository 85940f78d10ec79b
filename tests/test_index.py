"""The one walk: buckets, parents, and what encloses a node."""

from __future__ import annotations

import ast
import sysconfig
from pathlib import Path

import pytest
from questions import asked, module

from flake8_aiguard.index import Index

LEAVES = (ast.expr_context, ast.operator, ast.boolop, ast.unaryop, ast.cmpop, ast.type_ignore)
STDLIB = Path(sysconfig.get_paths()["stdlib"])


def _described(node: ast.AST | None) -> str:
    name = getattr(node, "name", "")
    return f"{type(node).__name__} {name}".strip()


@pytest.mark.parametrize(
    "name", ["ast.py", "typing.py", "dataclasses.py", "asyncio/tasks.py", "json/decoder.py"]
)
def test_the_walk_visits_every_node_but_leaves(name: str) -> None:
    tree = ast.parse((STDLIB / name).read_text(encoding="utf-8"))
    index = Index(tree)
    expected = [node for node in ast.walk(tree) if not isinstance(node, LEAVES)]
    visited = [node for cls in {type(node) for node in expected} for node in index.nodes(cls)]
    assert len(visited) == len(set(visited)) == len(expected)
    assert set(visited) == set(expected)


def test_new_syntax_is_walked() -> None:
    source = """
        match ask(point):
            case {"x": [Point(x=0, y=y), *others], **rest} if ask(others):
                pass
    """
    found = module(source)
    assert len(asked(found)) == 2
    assert len(found.index.nodes(ast.MatchMapping)) == 1
    assert len(found.index.nodes(ast.MatchStar)) == 1


def test_buckets_are_in_document_order() -> None:
    found = module("a(b(c()), *d(), e=f())\ng()\nasync def h():\n    i()\n")
    names = [call.func.id for call in found.index.nodes(ast.Call) if isinstance(call.func, ast.Name)]
    assert names == ["a", "b", "c", "d", "f", "g", "i"]


def test_parents_lead_to_the_module() -> None:
    found = module("def f():\n    return ask(x)\n")
    (node,) = asked(found)
    assert [type(outer) for outer in found.index.ancestors(node)] == [
        ast.Call,
        ast.Return,
        ast.FunctionDef,
        ast.Module,
    ]
    assert found.index.parent(found.tree) is None


def test_statement() -> None:
    found = module("if a:\n    x = [ask(y) for y in z]\n")
    (node,) = asked(found)
    statement = found.index.statement(node)
    assert isinstance(statement, ast.Assign)
    assert found.index.statement(statement) is statement


@pytest.mark.parametrize(
    ("source", "scope", "function"),
    [
        ("ask(x)", "Module", "NoneType"),
        ("def f():\n    ask(x)", "FunctionDef f", "FunctionDef f"),
        ("async def f():\n    if a:\n        ask(x)", "AsyncFunctionDef f", "AsyncFunctionDef f"),
        ("def f(a=ask(x)): pass", "Module", "NoneType"),
        ("def f(a: ask(x)): pass", "Module", "NoneType"),
        ("def f() -> ask(x): pass", "Module", "NoneType"),
        ("def g():\n    @ask(x)\n    def f(): pass", "FunctionDef g", "FunctionDef g"),
        ("f = lambda: ask(x)", "Lambda", "Lambda"),
        ("f = lambda a=ask(x): a", "Module", "NoneType"),
        ("class A:\n    ask(x)", "ClassDef A", "NoneType"),
        ("class A(ask(x)): pass", "Module", "NoneType"),
        ("def f():\n    class A:\n        ask(x)", "ClassDef A", "FunctionDef f"),
        ("class A:\n    def f(self):\n        ask(x)", "FunctionDef f", "FunctionDef f"),
        ("[ask(x) for x in y]", "ListComp", "NoneType"),
        ("def f():\n    {x for x in y if ask(x)}", "SetComp", "FunctionDef f"),
        ("[x for x in ask(y)]", "Module", "NoneType"),
        ("[x for z in y for x in ask(z)]", "ListComp", "NoneType"),
        ("async def f():\n    return lambda: ask(x)", "Lambda", "Lambda"),
    ],
)
def test_scope_and_function(source: str, scope: str, function: str) -> None:
    found = module(source)
    (node,) = asked(found)
    assert _described(found.index.scope(node)) == scope
    assert _described(found.index.function(node)) == function


def test_class_of() -> None:
    found = module("class A:\n    def f(self):\n        def g(): pass\n")
    f, g = found.index.nodes(ast.FunctionDef)
    assert _described(found.index.class_of(f)) == "ClassDef A"
    assert found.index.class_of(g) is None


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("async def f():\n    ask(x)", True),
        ("async def f():\n    [ask(x) for x in y]", True),
        ("async def f():\n    def g():\n        ask(x)", False),
        ("async def f():\n    g(lambda: ask(x))", False),
        ("def f():\n    async def g():\n        ask(x)", True),
        ("async def f(a=ask(x)): pass", False),
        ("async def f():\n    class A:\n        ask(x)", True),
    ],
)
def test_in_async(source: str, expected: bool) -> None:
    found = module(source)
    (node,) = asked(found)
    assert found.index.in_async(node) is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("for x in y:\n    ask(x)", ["For"]),
        ("for x in ask(y): pass", []),
        ("for x in y: pass\nelse:\n    ask(x)", []),
        ("for x in y:\n    if x:\n        pass\n    else:\n        ask(x)", ["For"]),
        ("while ask(x): pass", ["While"]),
        ("while x: pass\nelse: ask(x)", []),
        ("for x in y:\n    while z:\n        ask(x)", ["While", "For"]),
        ("for x in y:\n    for z in ask(x): pass", ["For"]),
        ("[ask(x) for x in y]", ["ListComp"]),
        ("[x for x in ask(y)]", []),
        ("[x for z in y for x in ask(z)]", ["ListComp"]),
        ("[x for x in y if ask(x)]", ["ListComp"]),
        ("for x in y:\n    def f():\n        ask(x)", []),
        ("for x in y:\n    f(lambda: ask(x))", []),
        ("for x in y:\n    def f(a=ask(x)): pass", ["For"]),
        ("for x in y:\n    class A:\n        ask(x)", ["For"]),
        ("async def f():\n    async for x in y:\n        {ask(x): 1 for z in x}", ["DictComp", "AsyncFor"]),
    ],
)
def test_loops(source: str, expected: list[str]) -> None:
    found = module(source)
    (node,) = asked(found)
    assert [_described(loop) for loop in found.index.loops(node)] == expected


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.sleep(1)",
        "import time as t\nt.sleep(1)",
        "from time import sleep\nsleep(1)",
        "from time import sleep as rest\nrest(1)",
        "import time\nrest = time.sleep\nrest(1)",
        "from time import sleep\nrest = sleep\nrest(1)",
        "from time import sleep as s\nrest = s\nrest(1)",
    ],
)
def test_calls_named_undoes_aliases(source: str) -> None:
    found = module(source)
    assert [call.lineno for call in found.index.calls_named({"sleep", "nap"})] == [len(source.splitlines())]


def test_calls_named_yields_each_call_once_and_no_others() -> None:
    found = module("sleep = rest\nsleep(1)\nwake(2)\nx[0](3)\n")
    assert [call.lineno for call in found.index.calls_named({"sleep", "rest"})] == [2]
    assert list(found.index.calls_named({"nothing"})) == []


def test_packages_of_a_file() -> None:
    source = (
        "import os.path as p, json\nfrom a.b import c\ndef f():\n    from . import d\n    from .e import g\n"
    )
    assert module(source).index.packages == {"os", "json", "a", "", "builtins"}


def test_names_called_are_those_that_calls_named_knows() -> None:
    index = Index(ast.parse("import m as n\nfrom m import f as g\ng()\na.b.c()\nh = m.k\nh(1)\n"))
    assert set(index.names_called()) == {"f", "g", "c", "h", "k"}
    assert all(any(index.calls_named((name,))) for name in index.names_called())


def test_outwards_stays_within_a_region() -> None:
    tree = ast.parse("for a in b:\n    if c:\n        while d:\n            e")
    index = Index(tree)
    loop = tree.body[0]
    (name,) = [item for item in index.nodes(ast.Name) if getattr(item, "id", "") == "e"]
    kinds = [type(item).__name__ for item in index.outwards(name, loop)]
    assert kinds == ["Expr", "While", "If"]
