"""What depends on the variable of a loop, and what a loop runs over."""

from __future__ import annotations

import ast

import pytest
from questions import asked, module

from flake8_aiguard.loops import Place


def names(source: str) -> list[list[str]]:
    """The names that depend on the loop, for each ``ask(...)``."""
    found = module(source)
    return [
        sorted(
            {
                name.id
                for name in found.loops.dependents(node, found.loops.place(next(found.index.loops(node))))
            }
        )
        for node in asked(found)
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("for x in xs: ask(x + y)", ["x"]),
        ("for i, (x, y) in xs: ask(f(y))", ["y"]),
        ("[ask(x.id) for x in xs]", ["x"]),
        ("[ask(y) for x in xs for y in x]", ["y"]),
        ("for x in xs:\n    a = x.id\n    b = [a]\n    ask(b)", ["b"]),
        ("for x in xs:\n    with open(x) as f: ask(f)", ["f"]),
        ("for x in xs:\n    for y in x.ys: z = y\n    ask(z)", ["z"]),
        ("for x in xs:\n    if (y := x.y): ask(y)", ["y"]),
        ("for x in xs:\n    a, b = f(x), 1\n    ask(b)", ["b"]),
        ("d = {}\nfor x in xs:\n    d['id'] = x\n    ask(d)", ["d"]),
        ("for x in xs:\n    match x:\n        case {'id': a, **b}: ask(a + b)", ["a", "b"]),
        ("for x in xs:\n    match load(x):\n        case [a, *b]: ask(a + b)", ["a", "b"]),
        ("for x in xs:\n    match y:\n        case str(a): ask(a)", []),
        ("d = {}\nfor x in xs:\n    d.update(id=x)\n    ask(d)", ["d"]),
        ("d = {}\nfor x in xs:\n    d[x] = 1\n    ask(d)", []),
        ("a = []\nfor x in xs:\n    a.append(x)\n    ask(a)", []),
        ("n = 0\nfor x in xs:\n    n += x\n    ask(n)", []),
        ("a = x = 1\nfor y in ys: ask(a + x)", []),
        ("for x in xs: ask([x for x in zs])", []),
        ("while i < len(xs):\n    ask(xs[i])\n    i += 1", ["i"]),
        ("while i < 3:\n    ask(i)\n    i += 1", []),
        ("xs = f()\nwhile xs:\n    x = xs.pop()\n    ask(x)", ["x"]),
        ("xs = f()\nwhile xs:\n    x = xs.pop()\n    xs.extend(x.children)\n    ask(x)", []),
        ("while True:\n    x = f()\n    ask(x)", []),
    ],
)
def test_dependents(source: str, expected: list[str]) -> None:
    assert names(source) == [expected]


def test_a_parameter_depends_as_its_argument_does() -> None:
    found = module(
        """
        def load(key, other):
            where = f(key)
            return ask(where, other)

        for x in xs:
            load(x.id, 1)
        """
    )
    helper = found.index.nodes(ast.FunctionDef)[0]
    call = next(iter(found.index.calls_named({"load"})))
    place = found.loops.place(found.index.nodes(ast.For)[0])
    given = {(helper, "key"): call.args[0], (helper, "other"): call.args[1]}
    inside = Place(place.loop, place.targets, given, helper)
    query = next(iter(found.index.calls_named({"ask"})))
    assert [name.id for name in found.loops.dependents(query, inside)] == ["where"]
    assert found.loops.dependents(query, place) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("for x in xs:\n    ask(token)\n    token = page.next\n    page = get(token)", True),
        ("for x in xs:\n    ask(offset)\n    offset += len(get(offset))", True),
        ("for x in xs:\n    ask(x)\n    x = get(x)", False),
        ("for x in xs:\n    ask(a)\n    b = get(a)", False),
    ],
)
def test_what_comes_from_the_turn_before(source: str, expected: bool) -> None:
    found = module(source)
    place = found.loops.place(found.index.nodes(ast.For)[0])
    call = next(iter(found.index.calls_named({"get"})))
    assert found.loops.comes_from(asked(found)[0], call, place) is expected


def test_values_are_those_of_the_turn_then_the_only_one() -> None:
    found = module(
        """
        base = "a"
        other = 1
        other = 2
        for x in xs:
            url = base if x else "b"
            ask(url)
            ask(other)
            ask(x)
        """
    )
    place = found.loops.place(found.index.nodes(ast.For)[0])
    values = [sorted(ast.unparse(item) for item in found.loops.values(node, place)) for node in asked(found)]
    assert values == [["'a'", "'b'"], ["other"], ["x"]]


@pytest.mark.parametrize(
    ("iterable", "expected"),
    [
        ("(1, 2)", True),
        ("{'a': 1}.items()", True),
        ("range(3)", True),
        ("range(1000)", False),
        ("range(0, 128, 16)", True),
        ("range(0, 1280, 16)", False),
        ("range(0, 128, 0)", False),
        ("range(n)", False),
        ("range(MAX_RETRIES)", True),
        ("KINDS", True),
        ("settings.LANGUAGES", True),
        ("Color", True),
        ("sorted(KINDS)", True),
        ("enumerate(['a', 'b'])", True),
        ("xs[:3]", True),
        ("xs[-5:]", True),
        ("xs[3:]", False),
        ("xs[:n]", False),
        ("itertools.islice(xs, 5)", True),
        ("local", True),
        ("grown", False),
        ("xs", False),
        ("[*xs]", False),
        ("get(3)", False),
    ],
)
def test_few_fixed_items(iterable: str, expected: bool) -> None:
    found = module(f"import itertools\nlocal = [1]\ngrown = [1]\ngrown.append(2)\nask({iterable})")
    assert found.loops.is_small(asked(found)[0]) is expected


@pytest.mark.parametrize(
    ("grows", "expected"),
    [
        ("if extra: few.append(extra)", True),
        ("few.insert(0, extra)", True),
        ("few.extend(extra)", False),
        ("for x in extra: few.append(x)", False),
        ("while extra(): few.append(1)", False),
        ("def inner(): few.append(extra)", False),
        ("few[extra] = 1", False),
    ],
)
def test_one_more_item_leaves_a_display_small(grows: str, expected: bool) -> None:
    found = module(f"def f(first, extra):\n    few = [first]\n    {grows}\n    ask(few)")
    assert found.loops.is_small(asked(found)[0]) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("ask(p)", ["p"]),
        ("a = p.id\n    b = f(a)\n    ask(b)", ["b", "f(a)", "p.id"]),
        ("with open(p) as g:\n        ask(g)", ["g", "open(p)"]),
        ("a = 1\n    a = 2\n    ask(a)", ["1", "2", "a"]),
        ("ask(OUTSIDE)", ["OUTSIDE"]),
    ],
)
def test_what_a_value_is_computed_from(body: str, expected: list[str]) -> None:
    found = module(f"OUTSIDE = 1\ndef f(p):\n    {body}\n")
    function = found.tree.body[1]
    assert sorted(ast.unparse(item) for item in found.loops.behind(asked(found)[0], function)) == expected
