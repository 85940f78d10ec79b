"""What changes a variable or an attribute."""

from __future__ import annotations

import ast

import pytest
from questions import module

from flake8_aiguard.writes import How, Write, Writes


def to_variable(source: str) -> list[Write]:
    """The writes to the module's variable X."""
    found = module(source)
    return list(Writes(found).to_variable(found.tree, "X"))


def to_attribute(source: str) -> list[Write]:
    """The writes to the attribute x of anything."""
    return list(Writes(module(source)).to_attribute("x"))


@pytest.mark.parametrize(
    ("source", "how", "text"),
    [
        ("X = 1", How.REBOUND, "X = ..."),
        ("X: int = 1", How.REBOUND, "X = ..."),
        ("X += 1", How.REBOUND, "the augmented assignment to X"),
        ("del X", How.DELETED, "del X"),
        ("for X in y: pass", How.REBOUND, "X = ..."),
        ("def f():\n    global X\n    X = 2", How.REBOUND, "X = ..."),
        ("import a as X\nX[0] = 1", How.CHANGED, "X[0] = ..."),
        ("import a as X\nX[i]['long'].b = 1", How.CHANGED, "X[...]['long'].b = ..."),
        ("import a as X\ndel X[0]", How.CHANGED, "del X[0]"),
        ("import a as X\nX[0] += 1", How.CHANGED, "the augmented assignment to X[0]"),
        ("import a as X\nX.append(1)", How.CHANGED, "X.append()"),
        ("import a as X\nX['a'].setdefault(1, 2)", How.CHANGED, "X['a'].setdefault()"),
        ("import a as X, heapq as h\nh.heappush(X, 1)", How.CHANGED, "h.heappush(X)"),
        ("import a as X\ndict.update(X, a=1)", How.CHANGED, "dict.update(X)"),
    ],
)
def test_a_write_to_a_variable(source: str, how: How, text: str) -> None:
    found = to_variable(source)
    assert [(write.how, write.text, write.alias) for write in found] == [(how, text, None)]


@pytest.mark.parametrize(
    "source",
    [
        "import a as X\nX.get(1)",
        "import a as X\nX[0]",
        "import a as X\ny = X.copy()\ny[0] = 1",
        "import a as X\nsorted(X)",
        "import a as X\nsend(X.append)",
        "import a as X\nheappush(X, 1)",
        "import a as X\ndef f():\n    X = []\n    X.append(1)",
    ],
)
def test_no_write_to_a_variable(source: str) -> None:
    assert to_variable(source) == []


@pytest.mark.parametrize(
    "body",
    [
        "y = X\n    y[0] = 1",
        "y: list = X\n    y.append(1)",
        "y = z or X\n    y.append(1)",
        "y = z if z else X['a']\n    y.append(1)",
        "if (y := X):\n        y.append(1)",
        "if z:\n        y = X\n    else:\n        y = []\n    y.append(1)",
    ],
)
def test_through_a_local_name(body: str) -> None:
    (write,) = to_variable(f"import a as X\ndef f(z):\n    {body}")
    assert (write.how, write.alias) == (How.CHANGED, "y")


def test_through_a_default() -> None:
    (write,) = to_variable("import a as X\ndef f(a, y=X, *, b=1):\n    y.append(1)")
    assert write.alias == "y"


@pytest.mark.parametrize(
    "body",
    [
        "y = X\n    y = list(y)\n    y.append(1)",
        "if z:\n        y = X\n    else:\n        y = []\n        y.append(1)",
        "y = []\n    y.append(1)\n    y = X",
    ],
)
def test_only_where_the_name_still_holds_it(body: str) -> None:
    assert to_variable(f"import a as X\ndef f(z):\n    {body}") == []


@pytest.mark.parametrize(
    ("source", "how", "receiver", "bypasses"),
    [
        ("a.x = 1", How.REBOUND, "a", False),
        ("del a.b.x", How.DELETED, "a.b", False),
        ("a.x.append(1)", How.CHANGED, "a", False),
        ("setattr(a, 'x', 1)", How.REBOUND, "a", False),
        ("delattr(a, 'x')", How.DELETED, "a", False),
        ("object.__setattr__(a, 'x', 1)", How.REBOUND, "a", True),
        ("f = object.__setattr__\nf(a, 'x', 1)", How.REBOUND, "a", True),
        ("object.__delattr__(a, 'x')", How.DELETED, "a", True),
        ("super().__setattr__('x', 1)", How.REBOUND, "super()", True),
        ("a.__setattr__('x', 1)", How.REBOUND, "a", False),
        ("a.__dict__['x'] = 1", How.REBOUND, "a", True),
        ("del a.__dict__['x']", How.DELETED, "a", True),
        ("vars(a)['x'] = 1", How.REBOUND, "a", True),
        ("a.__dict__.update(x=1)", How.REBOUND, "a", True),
        ("a.__dict__.update({'x': 1})", How.REBOUND, "a", True),
        ("a.__dict__.pop('x')", How.REBOUND, "a", True),
    ],
)
def test_a_write_to_an_attribute(source: str, how: How, receiver: str, bypasses: bool) -> None:
    (write,) = to_attribute(source)
    assert write.receiver is not None
    assert (write.how, ast.unparse(write.receiver), write.bypasses) == (how, receiver, bypasses)


@pytest.mark.parametrize(
    "source",
    [
        "a.y = 1",
        "a.x.get(1)",
        "setattr(a, name, 1)",
        "setattr(a, *args)",
        "def setattr(*a): pass\nsetattr(a, 'x', 1)",
        "a.__dict__['x']",
        "a.__dict__.get('x')",
        "vars()['x'] = 1",
    ],
)
def test_no_write_to_an_attribute(source: str) -> None:
    assert to_attribute(source) == []


def test_names_that_are_values_have_none() -> None:
    source = "object.__setattr__(a, name, 1)\na.__dict__.update(values)\na.__dict__.clear()"
    assert [name for name, _ in Writes(module(source)).by_name] == [None, None, None]
