"""Small predicates on nodes."""

from __future__ import annotations

import ast

import pytest

from flake8_aiguard import shapes


def _call(source: str) -> ast.Call:
    node = ast.parse(source, mode="eval").body
    assert isinstance(node, ast.Call)
    return node


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("f(1, 2, 3)", "3"),
        ("f(1, timeout=4)", "4"),
        ("f(1, 2)", None),
        ("f(*a, 2, 3)", None),
        ("f(1, 2, *a)", None),
        ("f(**a)", None),
    ],
)
def test_argument(source: str, found: str | None) -> None:
    node = shapes.argument(_call(source), "timeout", 2)
    assert (None if node is None else ast.unparse(node)) == found


@pytest.mark.parametrize(("source", "hides"), [("f(1, a=2)", False), ("f(*a)", True), ("f(**a)", True)])
def test_hides_arguments(source: str, hides: bool) -> None:
    assert shapes.hides_arguments(_call(source)) is hides


@pytest.mark.parametrize(
    ("source", "value", "is_it"),
    [("0", 0, True), ("False", 0, False), ("0.0", 0, False), ("x", 0, False), ("'a'", "a", True)],
)
def test_is_constant(source: str, value: object, is_it: bool) -> None:
    assert shapes.is_constant(ast.parse(source, mode="eval").body, value) is is_it
    assert not shapes.is_constant(None, value)


def test_is_none_is_about_the_literal() -> None:
    assert shapes.is_none(ast.Constant(None))
    assert not shapes.is_none(None)
    assert not shapes.is_none(ast.Constant(0))


@pytest.mark.parametrize(
    ("source", "text"),
    [("a", "a"), ("a.b.c", "a.b.c"), ("a().b", None), ("a[0].b", None), ("'x'.join", None)],
)
def test_dotted(source: str, text: str | None) -> None:
    assert shapes.dotted(ast.parse(source, mode="eval").body) == text


@pytest.mark.parametrize(
    ("source", "text"), [("a.b[0].c(1).d", "a"), ("(await a()).b", "a"), ("'x'.join(y)", "'x'")]
)
def test_root(source: str, text: str) -> None:
    assert ast.unparse(shapes.root(ast.parse(source, mode="eval").body)) == text


def test_names_in() -> None:
    node = ast.parse("f(a, [b for b in c])", mode="eval")
    assert sorted(name.id for name in shapes.names_in(node)) == ["a", "b", "b", "c", "f"]


def test_parameters() -> None:
    function = ast.parse("def f(a, /, b, *c, d, **e): pass").body[0]
    assert isinstance(function, ast.FunctionDef)
    assert [item.arg for item in shapes.parameters(function)] == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("source", "text"), [("a", "a"), ("a.b.c", "c"), ("a().b", "b"), ("a()", None), ("1", None)]
)
def test_last_name(source: str, text: str | None) -> None:
    assert shapes.last_name(ast.parse(source, mode="eval").body) == text


@pytest.mark.parametrize(
    ("name", "text"), [("a", None), ("b", "1"), ("c", "2"), ("d", None), ("e", "3"), ("args", None)]
)
def test_default(name: str, text: str | None) -> None:
    function = ast.parse("def f(a, b=1, /, c=2, *args, d, e=3): pass").body[0]
    assert isinstance(function, ast.FunctionDef)
    parameter = next(item for item in shapes.parameters(function) if item.arg == name)
    value = shapes.default(function, parameter)
    assert (None if value is None else ast.unparse(value)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'a'", ["a"]),
        ("f'a{b}c'", ["a", "b", "c"]),
        ("'a' + b + f'{c}'", ["a", "b", "c"]),
        ("'a %s b %d%%' % (c, d)", ["a ", "c", " b ", "d", "%%"]),
        ("'a %(c)s' % {'c': d}", ["a ", "d", ""]),
        ("'a {} {b}'.format(c, b=d)", ["a ", "c", " ", "d", ""]),
        ("'a {1} {0}'.format(c, d)", ["a ", "d", " ", "c", ""]),
        ("a + b", None),
        ("a % b", None),
        ("f(a)", None),
    ],
)
def test_text_parts(text: str, expected: list[str] | None) -> None:
    parts = shapes.text_parts(ast.parse(text, mode="eval").body)
    shown = (
        None if parts is None else [part if isinstance(part, str) else ast.unparse(part) for part in parts]
    )
    assert shown == expected


def test_own_nodes_leave_nested_functions_out() -> None:
    tree = ast.parse(
        "def f():\n    a\n    def g(): b\n    lambda: c\n    class D:\n        e\n    [h for i in j]"
    )
    names = sorted(item.id for item in shapes.own_nodes(tree.body[0]) if isinstance(item, ast.Name))
    assert names == ["a", "h", "i", "j"]


def test_words_and_identifiers() -> None:
    assert shapes.words("fetch_All_2") == {"fetch", "all", "2"}
    node = ast.parse("a.b(c)[d]", mode="eval").body
    assert sorted(shapes.identifiers(node)) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("a.b()", "a.b()"),
        ("a.b(1).c()", "a.b(...).c()"),
        ("(await a.b(1)).c()", "a.b(...).c()"),
        ("a['x'].b()", "a[...].b()"),
        ("f('x').b()", "f(...).b()"),
        ("Client().a.b", "Client().a.b"),
        (f"a.{'b' * 50}(1).{'c' * 20}(2).d()", f"a.{'b' * 50}(...)...d()"),
    ],
)
def test_chain(call: str, expected: str) -> None:
    assert shapes.chain(ast.parse(call, mode="eval").body) == expected
