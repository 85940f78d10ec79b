"""The four shapes of limits that are off by one, each by itself."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest
from questions import module

from flake8_aiguard.boundaries import Boundaries
from flake8_aiguard.contradictions import Contradictions
from flake8_aiguard.counting import Counts, Guard


def guards(source: str) -> tuple[Boundaries, list[Guard]]:
    """The guards of a source, each comparison read from its left side."""
    found = module(dedent(source))
    limits = Counts(found)
    return Boundaries(found, limits), [
        item
        for node in found.index.nodes(ast.Compare)
        for item in limits.guards(node)
        if item.value is node.left
    ]


ADMISSION = """
class C:
    def {name}(self, key):
        {docstring}
        if self.counts[key] {op} self.limit:
            return False
        {then}
        return True
    def record(self, key):
        {elsewhere}
"""


@pytest.mark.parametrize(
    ("name", "op", "then", "elsewhere", "docstring", "expected"),
    [
        ("allow", ">", "self.counts[key] += 1", "pass", "", True),
        ("allow", ">=", "self.counts[key] += 1", "pass", "", False),
        ("step", ">", "self.counts[key] += 1", "pass", "", False),
        ("step", ">", "self.counts[key] += 1", "pass", "'Whether it is allowed.'", True),
        ("step", ">", "self.counts[key] += 1", "pass", "'Whether it is allowed, limit inclusive.'", False),
        ("allow", ">", "pass", "pass", "", True),
        ("check", ">", "pass", "pass", "", False),
        ("check", ">", "self.counts[key] += 1", "pass", "", True),
        ("check_rate", ">", "pass", "pass", "", False),
        ("check_rate", ">", "pass", "self.counts[key] += 1", "", True),
        ("check_rate", ">", "pass", "self.counts[key] += 1; self.check_rate(key)", "", False),
        ("check", ">", "pass", "self.check(key); self.counts[key] += 1", "", True),
    ],
)
def test_admission(name: str, op: str, then: str, elsewhere: str, docstring: str, expected: bool) -> None:
    source = ADMISSION.format(name=name, op=op, then=then, elsewhere=elsewhere, docstring=docstring)
    boundaries, (guard,) = guards(source)
    assert boundaries.admits_one_more(guard) is expected


@pytest.mark.parametrize(
    ("test", "body", "then", "expected"),
    [
        ("len(xs) > limit", "return", "xs.append(1)", True),
        ("len(xs) > 100", "raise X", "xs.add(1)", True),
        ("len(xs) > size", "return", "xs[1] = 2", True),
        ("len(xs) > limit", "xs.pop(0)", "xs.append(1)", True),
        ("len(xs) >= limit", "return", "xs.append(1)", False),
        ("len(xs) > limit", "return", "ys.append(1)", False),
        ("len(xs) > limit", "xs.clear()", "xs.append(1)", False),
        ("len(xs) > other", "return", "xs.append(1)", False),
        ("len(xs) > 2", "return", "xs.append(1)", False),
        ("len(xs) > limit", "log()", "xs.append(1)", False),
        ("len(xs) > limit", "return", "xs.append(1); return xs[:limit]", False),
    ],
)
def test_add_after_the_check(test: str, body: str, then: str, expected: bool) -> None:
    boundaries, (guard,) = guards(
        f"def f(xs, ys, limit, other, size):\n    if {test}:\n        {body}\n    {then}"
    )
    assert boundaries.adds_past(guard) is expected


PAIR = "def {0}(n, limit):\n    if n {1} limit:\n        {2}\n"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (("f", ">", "raise X(1)"), ("g", ">=", "raise X(2)"), True),
        (("f", ">=", "return False"), ("g", ">", "return False"), True),
        (("f", ">", "raise X(1)"), ("g", ">", "raise X(2)"), False),
        (("f", ">", "raise X(1)"), ("g", ">=", "raise Y(2)"), False),
        (("f", ">", "raise X(1)"), ("g", ">=", "return False"), False),
        (("f", ">", "return"), ("g", ">=", "return"), False),
        (("f", ">", "raise X(1)"), ("append", ">=", "raise X(2)"), False),
    ],
)
def test_two_operators(first: tuple[str, ...], second: tuple[str, ...], expected: bool) -> None:
    boundaries, both = guards(PAIR.format(*first) + PAIR.format(*second))
    assert bool(list(boundaries.disagreeing(both))) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("if n > 10:\n        raise X('n must be less than 10')", "less than 10"),
        ("assert n <= 10, 'n must be less than 10'", "less than 10"),
        ("if n >= LIMIT:\n        raise X('n must be at most 10')", "at most 10"),
        ("if n <= 10:\n        return n\n    raise X('n must be less than 10')", "less than 10"),
        ("if n > 10:\n        raise X('n must be at most 10')", None),
        ("if n > 10:\n        raise X('n must be less than 11')", None),
        ("if n > 10:\n        log.debug('n')\n    raise X('n must be less than 10')", None),
        ("if n < 10:\n        raise X('n must be less than 10')", None),
        ("if len(self.xs) >= 10:\n        raise X('at most 10')", None),
        ("if n > 10:\n        raise X('n must be less than 10')\n    if n == 10:\n        pass", None),
    ],
)
def test_text_and_operator(body: str, expected: str | None) -> None:
    found = module(f"LIMIT = 10\ndef f(self, n):\n    {body}")
    counts = Counts(found)
    guard = counts.guards(found.index.nodes(ast.Compare)[0])[0]
    claimed = Contradictions(found, counts).says_otherwise(guard)
    assert (claimed and claimed[1].text) == expected
