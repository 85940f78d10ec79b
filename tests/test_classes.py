"""Of which class an expression is an object, and whether that is frozen."""

from __future__ import annotations

import ast

import pytest
from questions import asked, module

from flake8_aiguard.classes import Classes


def named(source: str) -> list[str | None]:
    """The classes of what is asked, by name."""
    found = module(source)
    classes = Classes(found)
    kinds = [classes.of(node) for node in asked(found)]
    return [kind.name if isinstance(kind, ast.ClassDef) else kind for kind in kinds]


A = "class A:\n    pass\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a = A()\nask(a)", "A"),
        ("def f(a: A): ask(a)", "A"),
        ("def f(a: 'A | None'): ask(a)", "A"),
        ("from typing import Optional\ndef f(a: Optional[A]): ask(a)", "A"),
        ("def f(a: 'list[A]'): ask(a)", "builtins.list"),
        ("def f(a: 'A | int'): ask(a)", None),
        ("def f(a: 'A +'): ask(a)", None),
        ("def f(a): ask(a)", None),
        ("def f(c):\n    a = A() if c else None\n    ask(a)", None),
        ("ask(A)", "A"),
        ("ask(A())", "A"),
        ("a = A()\na = B()\nask(a)", None),
        ("from lib import B\nask(B())", "lib.B"),
        ("from lib import B as C\ndef f(b: C): ask(b)", "lib.B"),
        ("from .lib import B\nb = B()\nask(b)", ".lib.B"),
        ("import lib\ndef f(b: 'lib.B'): ask(b)", "lib.B"),
        ("from lib import TABLE\nask(TABLE)", None),
        ("class B:\n    def f(self): ask(self)", "B"),
        ("class B:\n    def f(self):\n        def g(): ask(self)", "B"),
        ("class B(A):\n    def f(self): ask(super())", "B"),
        ("class B:\n    @classmethod\n    def f(cls): ask(cls.__new__(cls))", "B"),
        ("class B:\n    def f(self): ask(type(self))", "B"),
        ("class B:\n    def f(self, other: 'Self'): ask(other)", "B"),
        ("class B:\n    a: A\n    def f(self): ask(self.a)", "A"),
        ("class B:\n    def __init__(self, a: A):\n        self.a = a\n    def f(self): ask(self.a)", "A"),
        ("class B:\n    def __init__(self):\n        self.a: A = x\n    def f(self): ask(self.a)", "A"),
        (
            "class B:\n    def __init__(self):\n        self.a = A()\nclass C(B):\n    def f(self): ask(self.a)",
            "A",
        ),
    ],
)
def test_of(source: str, expected: str | None) -> None:
    assert named(A + source) == [expected]


def test_lineage_names_what_is_imported() -> None:
    found = module(
        "from lib import X\nclass A(X): pass\nclass B(A, Generic[T]): pass\nclass C(B, unknown()): pass"
    )
    a, b, c = found.index.nodes(ast.ClassDef)
    classes = Classes(found)
    assert classes.lineage(b) == (b, a, "", "lib.X")
    assert classes.lineage("lib.X") == ("lib.X",)
    assert not classes.is_closed(c)
    assert classes.lineage(module("class A(A): pass").index.nodes(ast.ClassDef)[0])


@pytest.mark.parametrize(
    ("source", "frozen"),
    [
        ("from dataclasses import dataclass\n@dataclass(frozen=True)\nclass A: pass", True),
        ("from dataclasses import dataclass\n@dataclass(frozen=flag)\nclass A: pass", False),
        ("from dataclasses import dataclass\n@dataclass\nclass A: pass", False),
        ("from dataclasses import dataclass\n@dataclass(**options)\nclass A: pass", False),
        ("from attrs import frozen\n@frozen\nclass A: pass", True),
        ("from attrs import frozen\n@frozen(frozen=False)\nclass A: pass", False),
        ("from pydantic import BaseModel\nclass A(BaseModel, frozen=True): pass", True),
        ("from pydantic import BaseModel\nclass A(BaseModel):\n    model_config = {'frozen': True}", True),
        (
            "from pydantic import BaseModel\nclass A(BaseModel):\n    class Config:\n        frozen = True",
            True,
        ),
        ("from pydantic import BaseModel\nclass A(BaseModel): pass", False),
        ("class A(Base, frozen=True): pass", False),
    ],
)
def test_frozen(source: str, frozen: bool) -> None:
    found = module(source)
    assert (Classes(found).frozen(found.index.nodes(ast.ClassDef)[0]) is not None) is frozen


@pytest.mark.parametrize(
    ("method", "building"),
    [
        ("def __init__(self):\n        ask(self)", True),
        ("def __init__(self, other):\n        ask(other)", False),
        ("def __init__(self):\n        def f(): ask(self)\n        f()", True),
        ("def __init__(self):\n        def f(): ask(self)\n        self.f = f", False),
        ("def __init__(self):\n        self.f = lambda: ask(self)", False),
        ("def __init__(self): self._f()\n    def _f(self): ask(self)", True),
        ("def __init__(self): self._f()\n    def g(self): self._f()\n    def _f(self): ask(self)", False),
        ("def __init__(self): self.f()\n    def f(self): ask(self)", False),
        ("def _f(self): ask(self)", False),
        ("def _f(self):\n        ask(self)\n        self._f()", False),
        ("def f(self):\n        new = copy(self)\n        ask(new)", True),
        ("@classmethod\n    def f(cls):\n        new = cls()\n        ask(new)", True),
        ("@validator('x')\n    def f(self): ask(self)", True),
    ],
)
def test_is_building(method: str, building: bool) -> None:
    found = module(f"class A:\n    {method}")
    (node,) = asked(found)
    assert Classes(found).is_building(node, node) is building
