"""Which variables of a module are constants, and which code changes them on purpose."""

from __future__ import annotations

import pytest
from questions import asked, module

from flake8_aiguard.constants import Constants


@pytest.mark.parametrize(
    "source",
    [
        "LIMITS = {'a': 1}",
        "LIMITS: dict = {'a': 1}",
        "_LIMITS = ['a']",
        "LIMITS = [x for x in y]",
        "LIMITS = dict(a=1)",
        "LIMITS = set(OTHER)",
        "LIMITS = ['a'] + ['b']",
        "LIMITS = {'a': None, 'b': 1}",
        "if x:\n    LIMITS = {'a': 1}\nelse:\n    LIMITS = {'b': 1}",
        "try:\n    LIMITS = {'a': 1}\nexcept E:\n    LIMITS = {'b': 1}",
        "# The limits of all services.\nLIMITS = {'a': 1}",
        "LIMITS = ['a']\nLIMITS += ['b']",
    ],
)
def test_a_constant(source: str) -> None:
    assert [name for name, in_place in Constants(module(source)).named() if in_place] == [
        "_LIMITS" if "_LIMITS" in source else "LIMITS"
    ]


@pytest.mark.parametrize(
    "source",
    [
        "LIMITS = {}",
        "LIMITS = None",
        "LIMITS = dict()",
        "LIMITS = set([])",
        "LIMITS = [None, 0]",
        "LIMITS = {'a': {}, 'b': set()}",
        "LIMITS = {x: [] for x in y}",
        "LIMITS = load()",
        "LIMITS_CACHE = {'a': 1}",
        "limits = {'a': 1}",
        "L = {'a': 1}",
        "LIMITS = {'a': 1}  # changed at run time by the admin page",
        "# A registry.\nLIMITS = {'a': 1}",
        "for x in y:\n    LIMITS = {'a': 1}",
        "LIMITS = {'a': 1}\nLIMITS = load()",
        "class A:\n    LIMITS = {'a': 1}",
        "import x as LIMITS",
        "LIMIT = 3",
        "LIMITS = ('a', 'b')",
    ],
)
def test_none_or_none_that_code_may_change(source: str) -> None:
    assert list(Constants(module(source)).named()) == []


def test_a_rebound_number_may_change() -> None:
    source = "LIMIT = 3\nMODE = True\nCODE = 0\ndef f():\n    global LIMIT, MODE, CODE\n    LIMIT = MODE = CODE = 4"
    assert list(Constants(module(source)).named()) == [("LIMIT", False)]


def test_imported_constants_say_so() -> None:
    source = (
        "from a import DEFAULT_LIMITS as L, HANDLERS, VALID_CACHE\ndef f():\n    from .a import MAX_SIZES"
    )
    assert [name for _, name in Constants(module(source)).imported()] == ["L", "MAX_SIZES"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("ask(X)", True),
        ("def f(): ask(X)", False),
        ("def register(x): ask(X)", True),
        ("def registered(x): ask(X)", False),
        ("def reset_all(): ask(X)", True),
        ("def set_x(y): ask(X[y])", False),
        ("def set_x(y):\n    'Set the entry for all who come after.'\n    ask(X[y])", True),
        ("def set_x(): ask(X)", True),
        ("def set_y(): ask(X)", False),
        ("def settle(y): ask(X[y])", False),
        ("def __enter__(self): ask(X)", True),
        ("def __init__(self): ask(X)", False),
        ("def f(x):\n    ask(X[x])\n    return x", True),
        ("def f(x):\n    ask(X)\n    return x", False),
        ("def f(name):\n    def g(x):\n        ask(X[x])\n        return x\n    return g", True),
        ("def f(x): ask(X)\n@f\ndef g(): pass", True),
        ("def f(): ask(X)\nf()", True),
        ("def f(): ask(X)\nif __name__ == '__main__':\n    f()", False),
        ("def f(): ask(X)\nf()\ndef g(): f()", False),
        ("def f():\n    ask(X)\n    try:\n        g()\n    finally:\n        X.pop()", True),
        ("import functools\n@functools.cache\ndef f(): ask(X)", True),
        ("import functools\n@functools.cache\ndef f(x): ask(X)", False),
        ("import contextlib\n@contextlib.contextmanager\ndef f(x): ask(X)", True),
        ("class M(type):\n    def __new__(m, n, b, d): ask(X)", True),
        ("f = lambda: ask(X)", False),
    ],
)
def test_who_changes_it_on_purpose(source: str, expected: bool) -> None:
    found = module(source)
    (node,) = asked(found)
    assert Constants(found).is_on_purpose(node, "X") is expected
