"""Which argument a parameter gets."""

from __future__ import annotations

import ast

import pytest

from flake8_aiguard import arguments
from flake8_aiguard.index import Index

SOURCE = """
def plain(a, b=1, *rest, key=None, **more): ...

class C:
    def method(self, a, b): ...

    @staticmethod
    def static(a, b): ...

    @classmethod
    def of_class(cls, a, b): ...
"""


def _functions() -> tuple[Index, dict[str, ast.FunctionDef]]:
    tree = ast.parse(SOURCE)
    return Index(tree), {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def _call(text: str) -> ast.Call:
    node = ast.parse(text, mode="eval").body
    assert isinstance(node, ast.Call)
    return node


@pytest.mark.parametrize(
    ("function", "names"),
    [("plain", ["a", "b"]), ("method", ["a", "b"]), ("static", ["a", "b"]), ("of_class", ["a", "b"])],
)
def test_positional_parameters_leave_the_object_out(function: str, names: list[str]) -> None:
    index, functions = _functions()
    assert arguments.positional(index, functions[function]) == names


@pytest.mark.parametrize(
    ("function", "parameter", "place"),
    [
        ("plain", "b", 1),
        ("plain", "key", None),
        ("plain", "rest", None),
        ("method", "self", None),
        ("method", "b", 1),
    ],
)
def test_the_place_of_a_parameter(function: str, parameter: str, place: int | None) -> None:
    index, functions = _functions()
    assert arguments.place(index, functions[function], parameter) == place


@pytest.mark.parametrize(
    ("call", "function", "parameter", "given"),
    [
        ("plain(x, y)", "plain", "b", "y"),
        ("plain(x, b=y)", "plain", "b", "y"),
        ("plain(x)", "plain", "b", None),
        ("plain(*xs, y)", "plain", "b", None),
        ("plain(x, key=y)", "plain", "key", "y"),
        ("c.method(x, y)", "method", "b", "y"),
        ("C.static(x, y)", "static", "b", "y"),
    ],
)
def test_what_a_call_gives(call: str, function: str, parameter: str, given: str | None) -> None:
    index, functions = _functions()
    found = arguments.given(index, _call(call), functions[function], parameter)
    assert (None if found is None else ast.unparse(found)) == given


@pytest.mark.parametrize(
    ("call", "function", "parameter"),
    [
        ("plain(x, it)", "plain", "b"),
        ("plain(x, key=it)", "plain", "key"),
        ("c.method(x, it)", "method", "b"),
        ("plain(x, 1, it)", "plain", None),
        ("plain(x, other=it)", "plain", None),
    ],
)
def test_the_parameter_that_gets_an_argument(call: str, function: str, parameter: str | None) -> None:
    index, functions = _functions()
    node = _call(call)
    value = next(item for item in ast.walk(node) if isinstance(item, ast.Name) and item.id == "it")
    assert arguments.receiver(index, node, functions[function], value) == parameter
