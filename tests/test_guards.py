"""Guards: which are the same, and whether their answer still holds."""

from __future__ import annotations

import ast

import pytest
from questions import module

from flake8_aiguard.guards import Guards


def repeated(body: str, parameters: str = "x, y, f", head: str = "") -> list[tuple[int, int]]:
    """The lines of the guards that are repeated, counted from the first of the function's body."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    found = module(f"{head}def function({parameters}):\n{lines}\n")
    start = head.count("\n") + 1
    pairs = Guards(found).repeated()
    return sorted(
        (first.statement.lineno - start, second.statement.lineno - start) for first, second in pairs
    )


GUARD = "if {}: raise ValueError('{}')\n"


def twice(test: str, between: str = "pass") -> str:
    return GUARD.format(test, 1) + between + "\n" + GUARD.format(test, 2)


@pytest.mark.parametrize(
    "test",
    [
        "not x",
        "x is None",
        "x <= 0",
        "not 0 < x < 10",
        "x < 0 or x > 100",
        "not isinstance(x, (int, str))",
        "x not in ('a', 'b')",
        "len(x) > 3",
        "not x.strip()",
        "x['a'] is None",
        "x.name == ''",
        "not x.is_valid",
        "not is_valid(x)",
        "not x.startswith('a', 1)",
        "x != x",
    ],
)
def test_same_questions(test: str) -> None:
    assert repeated(twice(test)) == [(1, 3)]


@pytest.mark.parametrize(
    "test", ["not next(x)", "not f(x)", "x.pop()", "(x := f)", "not [y for y in x]", "not await_(x)"]
)
def test_no_questions(test: str) -> None:
    assert repeated(twice(test)) == []


@pytest.mark.parametrize(
    ("test", "between", "holds"),
    [
        ("not x", "f()", True),
        ("not x", "f(x)", True),
        ("not x", "f(y, x)", False),
        ("not x", "y = f(y, x)", True),
        ("not xs", "f(xs)", False),
        ("not xs", "print(xs)", True),
        ("not x", "x.clear()", False),
        ("not x", "x.strip()", True),
        ("not x", "x['a'] = 1", False),
        ("not x", "x = y", False),
        ("not x", "for x in y: pass", False),
        ("not x", "with y as x: pass", False),
        ("not x", "del x", False),
        ("not x", "import x", False),
        ("x > 0", "f(x)", True),
        ("x > 0", "x += 1", False),
        ("isinstance(x, int)", "x.append(1)", True),
        ("x.a", "f(y)", True),
        ("x.a", "f(x)", False),
        ("x.a", "x.a = 1", False),
        ("x.a", "x.b()", False),
        ("x.a", "yield", False),
        ("x.a", "with y: pass", True),
        ("x.is_set()", "f()", False),
        ("x.is_set()", "with y: pass", False),
        ("x in y", "f(y)", True),
        ("x in ys", "f(ys)", False),
        ("x['a']", "y['a'] = 1", True),
    ],
)
def test_what_changes_the_answer(test: str, between: str, holds: bool) -> None:
    assert repeated(twice(test, between), "x, y, f, xs, ys") == ([(1, 3)] if holds else [])


def test_types_say_what_a_call_cannot_change() -> None:
    assert repeated(twice("not names", "f(names)"), "names: str, f") == [(1, 3)]
    assert repeated(twice("not names", "f(names)"), "names: list, f") == []


def test_only_behind_the_guard() -> None:
    branch = "if y:\n    " + GUARD.format("not x", 1) + GUARD.format("not x", 2)
    assert repeated(branch) == []
    caught = "try:\n    " + GUARD.format("not x", 1) + "except ValueError: pass\n" + GUARD.format("not x", 2)
    assert repeated(caught) == []
    assert repeated(GUARD.format("not x", 1) + "if y:\n    " + GUARD.format("not x", 2)) == [(1, 3)]
    assert repeated(GUARD.format("not x", 1) + "elif y:\n    " + GUARD.format("not x", 2)) == [(1, 3)]
    assert repeated(GUARD.format("not x", 1) + "def g():\n    " + GUARD.format("not x", 2)) == []


def test_a_loop_comes_round() -> None:
    loop = GUARD.format("not x", 1) + "while y:\n    " + GUARD.format("not x", 2) + "    x = f()"
    assert repeated(loop) == []
    assert repeated(loop.replace("x = f()", "y = f()")) == [(1, 3)]


def test_errors_differ() -> None:
    first, second = "if x: raise ValueError('a')\n", "if x: raise TypeError('a')\n"
    assert repeated(first + second) == []
    assert repeated("if x: raise E(400, 'a')\nif x: raise E(404, 'a')\n") == []
    assert repeated("if x: raise E(code=1)\nif x: raise E(code=1, text='b')\n") == [(1, 2)]
    assert repeated("if x: return 1\nif x: return 2\n") == [(1, 2)]
    assert repeated("if x: return 1\nif x: raise ValueError\n") == []
    assert repeated("if x: raise\nif x: raise\n") == []


def test_what_is_a_guard() -> None:
    found = module(
        """
        if a: raise ValueError
        if b:
            logger.error("b")
            raise ValueError
        if c: c = 1
        if d:
            d()
            raise ValueError
        e = 1
        """
    )
    guards = Guards(found)
    assert [guards.of(statement) is not None for statement in found.tree.body] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_opening() -> None:
    found = module(
        '''
        def f(x):
            """Doc."""
            if not x: raise ValueError
            assert x
            if x < 1: raise TypeError
            if x: return
            if x: raise KeyError
        '''
    )
    function = found.tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    assert [guard.error for guard in Guards(found).opening(function)] == [
        "builtins.ValueError",
        "builtins.TypeError",
    ]


def test_globals_that_are_bound_again() -> None:
    head = "state = 1\ndef change():\n    global state\n    state = 2\n"
    assert repeated(twice("state == 1"), head=head) == []
    assert repeated(twice("x > state"), head="state = 1\n") == [(1, 3)]


def test_own_state_and_calls() -> None:
    found = module(
        """
        class A:
            def f(self):
                if self.a: raise ValueError
                if self.a: raise ValueError
                g()
                if self.a: raise ValueError
        """
    )
    assert [second.statement.lineno for _, second in Guards(found).repeated()] == [5]


def test_deep_conditions_are_left_alone() -> None:
    assert repeated(twice("not " * 60 + "x")) == []
    assert repeated(twice(" or ".join(f"x == {number}" for number in range(300)))) == [(1, 3)]
