"""How many values a parameter can take."""

from __future__ import annotations

import ast

import pytest
from questions import module

from flake8_aiguard.domains import Domains

HEAD = """\
import enum
import importlib
from typing import *
from typing import Annotated, Callable, Literal, Optional, Type, Union
from shop import Order, OrderStatus

class Colour(enum.Enum):
    RED = 1

class Dark(Colour): ...

class Row: ...

TABLE = {"a": 1}
"""


def unbounded(source: str) -> list[str]:
    """The unbounded parameters of the last function of a source."""
    found = module(HEAD + source)
    function = found.index.nodes(ast.FunctionDef)[-1]
    return [item.arg for item in Domains(found).unbounded(function)]


@pytest.mark.parametrize(
    "parameters",
    [
        "",
        "x: bool",
        "x: Colour",
        "x: Dark | None",
        "x: 'Colour'",
        "x: 'Colour | None'",
        "x: Literal['a', 'b']",
        "x: Optional[Literal['a']] = None",
        "x: Union[bool, Colour, None]",
        "x: Annotated[bool, 'text']",
        "x: tuple[bool, Colour]",
        "x: type",
        "x: type[Row]",
        "x: Type[Row]",
        "x: Callable[[str], str]",
        "x: OrderStatus",
        "x=False",
        "cls",
        "func",
        "parent_class",
        "model",
        "locale: str",
        "module_name: str",
    ],
)
def test_finite(parameters: str) -> None:
    assert unbounded(f"def f({parameters}): ...") == []


@pytest.mark.parametrize(
    "parameters",
    [
        "x",
        "x: str",
        "x: int = 0",
        "x: object",
        "x: Row",
        "x: Order",
        "x: 'str | None'",
        "x: Optional[str]",
        "*x",
        "**x",
        "x=None",
    ]
    + ["x: tuple[str, bool]", "x: list[Literal['a']]", "x: 'not a type('", "x: Literal['a'] | str"],
)
def test_not_finite(parameters: str) -> None:
    assert unbounded(f"def f({parameters}): ...") == ["x"]


def test_only_those_that_are_not() -> None:
    assert unbounded("def f(a, b: bool, *, c: str, d=True): ...") == ["a", "c"]


def test_self_is_no_parameter() -> None:
    assert unbounded("class C:\n    def f(self, x): ...") == ["x"]
    assert unbounded("class C:\n    @staticmethod\n    def f(self): ...") == ["self"]


@pytest.mark.parametrize(
    "body",
    [
        "return TABLE[x]",
        "return Colour(x)",
        "return importlib.import_module(x)",
        "return getattr(enum, x)",
        "if x not in TABLE: raise KeyError(x)",
        "if x not in ('a', 'b'):\n        raise KeyError(x)",
    ],
)
def test_other_values_fail(body: str) -> None:
    assert unbounded(f"def f(x: str):\n    {body}") == []


@pytest.mark.parametrize(
    "body",
    [
        "return getattr(enum, x, None)",
        "return x[TABLE]",
        "if x in TABLE: raise KeyError(x)",
        "return rows[x]",
    ],
)
def test_other_values_may_do(body: str) -> None:
    assert unbounded(f"def f(x: str, rows=None):\n    {body}")[0] == "x"


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ("_f('a')\n_f(x='b')", []),
        ("_f(SIZE)\n_f(Row)\n_f(Colour.RED)", []),
        ("def g(y: bool): _f(y)", []),
        ("def g(y): _f(type(y))\ndef h(y): _f(y.__class__)", []),
        ("for name in ('a', 'b'): _f(name)", []),
        ("def g(y): _f(y)", ["x"]),
        ("_f(*args)", ["x"]),
        ("_f('a')\nmap(_f, rows)", ["x"]),
        ("", ["x"]),
    ],
)
def test_private_functions_and_their_calls(calls: str, expected: list[str]) -> None:
    assert unbounded(f"{calls}\ndef _f(x): ...") == expected


def test_public_functions_have_callers_elsewhere() -> None:
    assert unbounded("f('a')\ndef f(x): ...") == ["x"]


def test_recursion_ends() -> None:
    assert unbounded("def _g(y): _f(y)\ndef _f(x): _g(x)") == []


def test_enumerations() -> None:
    found = module(HEAD)
    domains = Domains(found)
    assert [domains.is_enum(item) for item in found.index.nodes(ast.ClassDef)] == [True, True, False]


@pytest.mark.parametrize(
    "body",
    [
        "spec = SPECS.get(x)\n    if spec is None:\n        return None",
        "spec = table().get(x, None)\n    if not spec:\n        raise ValueError(x)",
        "return inspect.getmembers(x)",
        "return dir(x)",
        "return importlib.metadata.distribution(x)",
    ],
)
def test_what_the_body_proves(body: str) -> None:
    assert unbounded(f"import importlib.metadata, inspect\ndef f(x):\n    {body}\n") == []


@pytest.mark.parametrize(
    "body",
    [
        "spec = SPECS.get(x)\n    if spec:\n        return None",
        "spec = SPECS.get(x)\n    if spec is None:\n        spec = load(x)",
        "spec = SPECS.get(x, 1)\n    if spec is None:\n        return None",
        "spec = the_cache.get(x)\n    if spec is None:\n        return None",
        "spec = client.get(x)\n    if spec is None:\n        return None",
    ],
)
def test_what_the_body_does_not_prove(body: str) -> None:
    assert unbounded(f"def f(x):\n    {body}\n") == ["x"]


@pytest.mark.parametrize(
    ("callers", "expected"),
    [
        ("def register_a(x): f(x)\ndef setup_b(x): f(x)", []),
        ("def register_a(x): f(x)", ["x"]),
        ("def register_a(x): f(x)\ndef load_b(x): f(x)", ["x"]),
        ("def register_a(x): f(x)\ndef setup_b(x): f(x)\nf(input())", ["x"]),
    ],
)
def test_who_registers(callers: str, expected: list[str]) -> None:
    assert unbounded(f"{callers}\ndef f(x): ...\n") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("module.__file__", []),
        ("frame.f_code.co_filename", []),
        ("getattr(module, '__file__', None)", []),
        ("getattr(module, 'path', None)", ["x"]),
        ("module.path", ["x"]),
    ],
)
def test_files_of_the_code(value: str, expected: list[str]) -> None:
    assert unbounded(f"def caller(module, frame): _f({value})\ndef _f(x): ...\n") == expected


@pytest.mark.parametrize(
    ("parameter", "fallback", "expected"),
    [
        ("x=None", "find_root()", []),
        ("x=None", "DEFAULT_PATH", []),
        ("x=None", "current_user()", ["x"]),
        ("x", "find_root()", ["x"]),
    ],
)
def test_what_is_seldom_given(parameter: str, fallback: str, expected: list[str]) -> None:
    assert unbounded(f"def f({parameter}):\n    x = x or {fallback}\n    return load(x)\n") == expected
