"""Comparisons of a count with a limit: branches, counts and what adds to them."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest
from questions import module

from flake8_aiguard.counting import Counts, Guard, inner, is_length, is_limit, refuses


def guard(source: str, value: str | None = None) -> tuple[Guard, Counts, ast.FunctionDef]:
    """The guard whose value has this text, the first one for ``None``; its limits and its function."""
    found = module(dedent(source))
    limits = Counts(found)
    guards = [item for node in found.index.nodes(ast.Compare) for item in limits.guards(node)]
    chosen = next(item for item in guards if value in (None, ast.unparse(item.value)))
    function = found.index.function(chosen.node)
    assert isinstance(function, ast.FunctionDef)
    return chosen, limits, function


def texts(body: tuple[ast.stmt, ...]) -> list[str]:
    return [ast.unparse(item) for item in body]


@pytest.mark.parametrize(
    ("test", "strict", "is_within"),
    [
        ("n > limit", True, False),
        ("n >= limit", False, False),
        ("n <= limit", True, True),
        ("n < limit", False, True),
        ("limit < n", True, False),
        ("not n <= limit", True, False),
        ("not n > limit", True, True),
    ],
)
def test_both_readings_ask_whether_the_value_is_above(test: str, strict: bool, is_within: bool) -> None:
    found, _, _ = guard(
        f"def f(n, limit):\n    if {test}:\n        a()\n    else:\n        b()\n    c()", "n"
    )
    assert (found.strict, found.is_within, found.op) == (strict, is_within, ">" if strict else ">=")
    assert texts(found.above) == ["b()" if is_within else "a()"]
    assert texts(found.within) == ["a()" if is_within else "b()"]
    assert texts(found.rest) == ["c()"]


@pytest.mark.parametrize(
    ("test", "above", "within"),
    [
        ("n > m or x", True, False),
        ("n > m and x", False, True),
        ("not (n <= m and x)", True, False),
        ("not (n <= m or x)", False, True),
        ("0 < n <= m", True, False),
        ("not 0 < n <= m", True, False),
    ],
)
def test_what_else_must_hold(test: str, above: bool, within: bool) -> None:
    found = module(f"def f(n, m, x):\n    if {test}:\n        return")
    (node,) = found.index.nodes(ast.Compare)
    (item,) = (item for item in Counts(found).guards(node) if ast.unparse(item.bound) == "m")
    assert (item.above_alone, item.within_alone) == (above, within)


@pytest.mark.parametrize("test", ["print(n > m)", "x = n > m", "[i for i in n if i > m]", "f(-(n > m))"])
def test_what_decides_nothing_is_no_guard(test: str) -> None:
    found = module(f"def f(n, m):\n    {test}")
    (node,) = found.index.nodes(ast.Compare)
    assert Counts(found).guards(node) == []


def test_rest_leaves_the_blocks_around_but_not_the_loop() -> None:
    found, _, _ = guard(
        """
        def f(n, m, lock):
            for item in n:
                with lock:
                    if item > m:
                        return
                    a()
                b()
            c()
        """
    )
    assert texts(found.rest) == ["a()", "b()"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("len(self.xs)", True),
        ("self.active", True),
        ("self.counts[k]", True),
        ("self.hits.get(k, 0)", True),
        ("int(store.get(k) or 0)", True),
        ("self.size", False),
        ("n + 1", False),
        ("name", False),
        ("3", False),
    ],
)
def test_counts(value: str, expected: bool) -> None:
    found = module(f"def f(self, store, k, n, name):\n    ask({value})")
    (call,) = (item for item in found.index.nodes(ast.Call) if ast.unparse(item.func) == "ask")
    assert Counts(found).is_count(call.args[0]) is expected


def test_stores_of_a_count_through_local_names() -> None:
    found, limits, _ = guard(
        """
        def f(self, key, limit):
            window = self.calls[key]
            count = len(window)
            if count > limit:
                return
        """
    )
    assert limits.stores(found.value) == {"count", "window", "self.calls"}


@pytest.mark.parametrize(
    ("before", "counted"),
    [
        ("pass", False),
        ("self.calls.append(1)", True),
        ("self.other.append(1)", False),
        ("self.calls[key] = 1", True),
        ("self._note()", True),
        ("self._other()", False),
        ("record_call(key)", True),
        ("if key:\n        self.calls.append(1)\n        return", False),
        ("if key:\n        self.calls.append(1)", True),
    ],
)
def test_is_counted_before(before: str, counted: bool) -> None:
    source = f"""
class C:
  def f(self, key, limit):
    {before}
    if len(self.calls) > limit:
        return
    self.calls.append(2)
  def _note(self):
    self.calls.append(3)
  def _other(self):
    self.others.append(3)
"""
    found, limits, function = guard(source)
    assert limits.is_counted(found, function) is counted


def test_callers_that_count_before_and_after() -> None:
    source = """
        class C:
            def ok(self):
                return self.used <= self.limit
            def before(self):
                self.used += 1
                return self.ok()
            def after(self):
                if self.ok():
                    self.used += 1
        """
    found, limits, function = guard(source, "self.used")
    assert sorted(limits.added_by_callers(found, function)) == [False, True]
    assert limits.is_added_in_file(found)


def test_limits_by_name_and_number() -> None:
    def limit(text: str, *, room: bool = False) -> bool:
        return is_limit(ast.parse(text, mode="eval").body, room=room)

    assert all(
        map(limit, ("MAX_ITEMS", "self.limit", "config['max_jobs']", "c.get('quota')", "maxItems", "10"))
    )
    assert not any(map(limit, ("other", "1", "1.5", "'10'", "pool_size", "climax", "f(limit)")))
    assert limit("pool_size", room=True)


def test_small_questions() -> None:
    def expr(text: str) -> ast.expr:
        return ast.parse(text, mode="eval").body

    assert is_length(expr("len(x) or 0"))
    assert not is_length(expr("size(x)"))
    assert ast.unparse(inner(expr("int(await f() or 0)"))) == "f()"
    assert refuses(ast.parse("raise X").body)
    assert refuses(module("def f():\n    return False, 'x'").index.nodes(ast.FunctionDef)[0].body)
    assert not refuses(module("def f():\n    return True").index.nodes(ast.FunctionDef)[0].body)
