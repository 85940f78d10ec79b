"""How many items an iterable has."""

from __future__ import annotations

import ast

import pytest

from flake8_aiguard.module import Module
from flake8_aiguard.settings import Settings

SETUP = """
import enum, heapq, itertools, more_itertools
from typing import Literal
import os, numpy as np
NAMES = load()
table = {"a": [1]}
others = {}
class Color(enum.Enum):
    RED = 1
def both():
    return [1, 2]
def chunks(items, size): ...
class Holder:
    fixed = (1, 2)
    def __init__(self, given):
        self.given = given
        self.empty = []
    def method(self, items, pair: tuple[int, int], *spelled, n_workers=2, total_pages=3):
        few = [1]
        few.append(2)
        grown = []
        for item in items:
            grown.append(item)
        guarded = []
        for item in items:
            if len(guarded) < n_workers:
                guarded.append(item)
        filtered = []
        for item in items:
            if item.size < n_workers:
                filtered.append(item)
        cut = items
        cut = cut[:5]
        checked = load()
        assert len(checked) <= 100
        query = select().limit(5)
        PROBE
"""


def bounds(expression: str) -> str | None:
    """Return the unbounded part of an expression in the method above, as text."""
    source = SETUP.replace("PROBE", f"probe({expression})")
    tree = ast.parse(source)
    module = Module(tree, "x.py", source.splitlines(keepends=True), Settings())
    call = next(iter(module.index.calls_named(("probe",))))
    found = module.bounds.unbounded(call.args[0])
    return None if found is None else ast.unparse(found)


@pytest.mark.parametrize(
    "expression",
    [
        *(
            "(1, 2)",
            "[items]",
            "{1: items}",
            "'abc'",
            "range(10)",
            "range(n_workers)",
            "range(0, len(items), 5)",
        ),
        *(
            "NAMES",
            "Color",
            "both()",
            "pair",
            "spelled",
            "few",
            "cut",
            "checked",
            "self.fixed",
            "items[:5]",
            "items[-5:]",
        ),
        *(
            "itertools.islice(items, 3)",
            "itertools.batched(items, 3)",
            "heapq.nlargest(2, items)",
            "chunks(items, 3)",
        ),
        *(
            "enumerate(few)",
            "zip(items, few)",
            "itertools.chain(few, NAMES)",
            "few + [3]",
            "sorted(few)",
            "'a b'.split()",
        ),
        *(
            "load(limit=5)",
            "load(items, max_results)",
            "np.array_split(items, 4)",
            "plugins()",
            "items.servers",
            "self.config['urls']",
            "self.given.settings.urls",
            "os.environ['X'].split()",
            "TABLE[items]",
            "self.handlers[items]",
            "self.handlers.get(items)",
            "table[items]",
            "[x for n, x in enumerate(items) if n < pair]",
            "guarded",
            "run(query)",
            "run('select 1 limit 5')",
            "{**{}}.items()",
            "[x for x in few]",
            "unknown",
        ),
    ],
)
def test_bounded(expression: str) -> None:
    assert bounds(expression) is None


@pytest.mark.parametrize(
    ("expression", "part"),
    [
        ("items", "items"),
        ("enumerate(items)", "items"),
        ("zip(items, grown)", "items"),
        ("grown", "grown"),
        ("filtered", "filtered"),
        ("others[items]", "others[items]"),
        ("self.kwargs['urls']", "self.kwargs['urls']"),
        ("self.args.get('urls')", "self.args.get('urls')"),
        ("np.array_split(items, len(items))", "items"),
        ("self.given['urls']", "self.given['urls']"),
        ("load(items, max_tokens)", "load(items, max_tokens)"),
        ("[x for n, x in enumerate(items) if n > pair]", "items"),
        ("[x for x in items if x < pair]", "items"),
        ("self.given", "self.given"),
        ("self.empty", "self.empty"),
        ("self.unknown", "self.unknown"),
        ("load(items)", "load(items)"),
        ("load(limit=None)", "load(limit=None)"),
        ("await_(items)[0]", "await_(items)[0]"),
        ("items[1:]", "items"),
        ("items[:-1]", "items"),
        ("itertools.islice(items, 3, None)", "items"),
        ("range(len(items))", "range(len(items))"),
        ("range(1, total_pages + 1)", "range(1, total_pages + 1)"),
        ("few + items", "items"),
        ("items or few", "items"),
        ("[*few, *items]", "items"),
        ("{**items}", "items"),
        ("[y for x in items for y in few]", "items"),
        ("map(str, items)", "items"),
        ("items.values()", "items"),
        ("set(items) - set(few)", "items"),
    ],
)
def test_unbounded(expression: str, part: str) -> None:
    assert bounds(expression) == part


def test_deep_expressions_are_left_alone() -> None:
    assert bounds("sorted(" * 50 + "items" + ")" * 50) is None
