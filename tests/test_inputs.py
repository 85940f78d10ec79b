"""What is input."""

from __future__ import annotations

import ast

import harness
import pytest

from flake8_aiguard.inputs import Input, Inputs
from flake8_aiguard.module import Module
from flake8_aiguard.settings import Settings


def looked_at(source: str, filename: str = "example.py") -> Input | None:
    """Return the input that the argument of ``look()`` shows."""
    tree, lines = harness.parse(source)
    call = next(
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "look"
    )
    return Inputs(Module(tree, filename, lines, Settings())).view(call.args[0])


def function(body: str, parameters: str = "x", name: str = "f") -> str:
    return f"def {name}({parameters}):\n" + "".join(f"    {line}\n" for line in body.splitlines())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("look(x)", "the parameter 'x'"),
        ("look(x.a['b'])", "the parameter 'x'"),
        ("look(len(x) + 1)", "the parameter 'x'"),
        ("look(x.strip().lower())", "the parameter 'x'"),
        ("look(unknown(x))", None),
        ("look(x._hidden)", None),
        ("y = x['a']\nz = y.b\nlook(z)", "the parameter 'x'"),
        ("y = unknown(x)\nlook(y)", None),
        ("x = unknown(x)\nlook(x)", None),
        ("x = int(x)\nlook(x)", "the parameter 'x'"),
        ("y = int(x)\nlook(y)", None),
        ("x = x or []\nlook(x)", "the parameter 'x'"),
        ("if x:\n    x = unknown(x)\nlook(x)", "the parameter 'x'"),
        ("if x:\n    y = x.a\nelse:\n    y = 3\nlook(y)", None),
        ("for y in x:\n    look(y)", "the parameter 'x'"),
        ("for i, y in enumerate(x):\n    look(y)", "the parameter 'x'"),
        ("for i, y in enumerate(x):\n    look(i)", None),
        ("for y, z in zip(unknown(), x):\n    look(z)", "the parameter 'x'"),
        ("for y, z in zip(unknown(), x):\n    look(y)", None),
        ("for k, v in x.items():\n    look(v)", "the parameter 'x'"),
        ("a, b = x\nlook(b)", "the parameter 'x'"),
        ("while x:\n    x = x.next\nlook(x)", "the parameter 'x'"),
        ("import json\nd = json.loads(x)\nlook(d['a'])", "'d' from JSON"),
        ("import os\nn = int(os.environ['N'])\nlook(n)", "'n' from the environment"),
    ],
)
def test_input_is_followed_by_attribute_item_and_loop(body: str, expected: str | None) -> None:
    found = looked_at(function(body))
    assert (None if found is None else str(found)) == expected


@pytest.mark.parametrize(
    ("source", "filename", "public"),
    [
        (function("look(x)"), "pkg/a.py", True),
        (function("look(x)"), "pkg/_a.py", False),
        (function("look(x)"), "pkg/_internal/a.py", False),
        (function("look(x)"), "pkg/__init__.py", True),
        (function("look(x)", name="_f"), "a.py", False),
        (function("look(x)", name="__init__"), "a.py", True),
        (function("look(x)", name="__eq__"), "a.py", False),
        (function(function("look(x)")), "a.py", False),
        ("class A:\n    def f(x):\n        look(x)\n", "a.py", False),
        ("class A:\n    @staticmethod\n    def f(x):\n        look(x)\n", "a.py", True),
        ("class A:\n    def f(self, x):\n        look(x)\n", "a.py", True),
        ("class _A:\n    def f(self, x):\n        look(x)\n", "a.py", False),
        (
            "from typing import Protocol as P\nclass A(P):\n    def f(self, x):\n        look(x)\n",
            "a.py",
            False,
        ),
        (
            "from abc import *\nclass A:\n    @abstractmethod\n    def f(self, x):\n        look(x)\n",
            "a.py",
            False,
        ),
        ("class A:\n    def f(self, x):\n        self.x = x\n        look(self.x)\n", "a.py", True),
        ("class A:\n    def f(self, x):\n        look(self.x)\n        self.x = x\n", "a.py", False),
        ("class A:\n    x: int\n    def __post_init__(self):\n        look(self.x)\n", "a.py", True),
    ],
)
def test_only_what_anybody_passes_is_input(source: str, filename: str, public: bool) -> None:
    assert (looked_at(source, filename) is not None) is public


@pytest.mark.parametrize(
    ("parameters", "optional"),
    [
        ("x", False),
        ("x=3", False),
        ("x=None", True),
        ("*, x=None", True),
        ("x: int | None", True),
        ("x: 'int | None'", True),
        ("x: Optional[int]", True),
        ("x: Any", False),
    ],
)
def test_optional_inputs(parameters: str, optional: bool) -> None:
    found = looked_at("from typing import *\n" + function("look(x)", parameters))
    assert found is not None
    assert found.optional is optional


@pytest.mark.parametrize(
    ("body", "part", "attributes"),
    [
        ("look(x)", "", 0),
        ("look(x[0])", "item", 0),
        ("look(x.a)", "attribute", 1),
        ("look(x.a[0].b)", "attribute", 2),
    ],
)
def test_how_an_input_was_reached(body: str, part: str, attributes: int) -> None:
    found = looked_at(function(body))
    assert found is not None
    assert (found.part, found.attributes) == (part, attributes)
