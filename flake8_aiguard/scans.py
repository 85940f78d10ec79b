"""Passes over a collection that keep the items which meet a condition, and by what the items are matched."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from flake8_aiguard.index import Comprehension
from flake8_aiguard.module import Module
from flake8_aiguard.shapes import last_name, names_in

_STARTS: Final = frozenset((ast.If, ast.Assign, ast.AnnAssign))
_WORK: Final = (ast.Assign, ast.AnnAssign)
_EQUALITIES: Final = frozenset((ast.Eq, ast.NotEq))


@dataclass(frozen=True, slots=True)
class Scan:
    """One pass over a collection that keeps the items which meet a condition.

    Attributes:
        node: what a person would change.
        iterable: the collection.
        target: what an item is bound to.
        targets: the names of the item, and of what is taken from it.
        tests: conditions without one of which an item is of no use.
        unequal: whether the conditions are what items of no use meet.
    """

    node: ast.expr | ast.stmt
    iterable: ast.expr
    target: ast.AST
    targets: frozenset[str]
    tests: tuple[ast.expr, ...]
    unequal: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """What two items are compared by.

    Attributes:
        key: the expression of the item that is searched.
        value: what it is compared with.
    """

    key: ast.expr
    value: ast.expr


class Scans:
    """The passes of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def scans(self) -> Iterator[Scan]:
        """All passes of the file over a collection that keep what meets a condition."""
        index = self._module.index
        loops: list[ast.For | ast.AsyncFor] = [*index.nodes(ast.For), *index.nodes(ast.AsyncFor)]
        for loop in loops:
            if loop.body[-1].__class__ is ast.If or loop.body[0].__class__ in _STARTS:
                yield from _of_loop(loop)
        comprehensions: list[Comprehension] = [
            *index.nodes(ast.ListComp),
            *index.nodes(ast.SetComp),
            *index.nodes(ast.DictComp),
            *index.nodes(ast.GeneratorExp),
        ]
        for node in comprehensions:
            yield from self._of_comprehension(node)
        for call in index.calls_named(("filter",)):
            if (
                len(call.args) == 2
                and isinstance(function := call.args[0], ast.Lambda)
                and self._module.qualname(call.func) == "builtins.filter"
            ):
                yield Scan(call, call.args[1], function.args, names_of(function.args), (function.body,))

    def _of_comprehension(self, node: Comprehension) -> Iterator[Scan]:
        tests = [test for part in node.generators for test in part.ifs]
        is_whole = not tests
        if not tests and isinstance(node, (ast.GeneratorExp, ast.ListComp)):
            tests = [node.elt]
        if not any(map(_may_be_equal, tests)):
            return
        call = self._module.index.parent(node)
        name = last_name(call.func) if isinstance(call, ast.Call) and node in call.args[:1] else None
        if not is_whole or name in ("any", "sum", "all"):
            outer = call if isinstance(call, ast.Call) and name is not None else node
            for part in node.generators:
                yield Scan(
                    outer,
                    part.iter,
                    part.target,
                    names_of(part.target),
                    tuple(tests),
                    is_whole and name == "all",
                )


def _of_loop(loop: ast.For | ast.AsyncFor) -> Iterator[Scan]:
    """The condition that stands before everything a loop does with an item."""
    number, last = 0, len(loop.body) - 1
    while number < last and loop.body[number].__class__ in _WORK:
        number += 1
    statement = loop.body[number]
    if not isinstance(statement, ast.If) or not _may_compare(statement):
        return
    names = set(names_of(loop.target))
    for work in loop.body[:number]:
        taken = _taken(work, names)
        if taken is None:
            return
        names |= taken
    if number == last:
        tests = [statement.test]
        while (
            len(statement.body) == 1
            and isinstance(statement.body[0], ast.If)
            and not statement.body[0].orelse
        ):
            statement = statement.body[0]
            tests.append(statement.test)
        if not isinstance(statement.body[-1], ast.Continue):
            yield Scan(loop, loop.iter, loop.target, frozenset(names), tuple(tests))
    elif len(statement.body) == 1 and isinstance(statement.body[0], ast.Continue):
        yield Scan(loop, loop.iter, loop.target, frozenset(names), (statement.test,), unequal=True)


def _may_compare(statement: ast.If) -> bool:
    """Whether an ``if`` without work in its ``else`` may ask for an equality."""
    if any(item.__class__ not in (ast.Pass, ast.Continue) for item in statement.orelse):
        return False
    return _may_be_equal(statement.test) or statement.body[0].__class__ is ast.If


def _may_be_equal(test: ast.expr) -> bool:
    """The cheap question before :func:`pairs_of`."""
    while isinstance(test, ast.UnaryOp):
        test = test.operand
    for item in test.values if isinstance(test, ast.BoolOp) else (test,):
        if item.__class__ is ast.UnaryOp:
            return True
        if (
            isinstance(item, ast.Compare)
            and item.ops[0].__class__ in _EQUALITIES
            and item.comparators[0].__class__ is not ast.Constant
        ):
            return True
    return False


def _taken(work: ast.stmt, names: Collection[str]) -> set[str] | None:
    """The names that a statement binds to something of an item; ``None`` where it does anything else."""
    if not isinstance(work, _WORK) or work.value is None:
        return None
    targets: list[ast.expr] = list(work.targets) if isinstance(work, ast.Assign) else [work.target]
    if all(item.id not in names for item in names_in(work.value)):
        return None
    found = {item.id for item in targets if isinstance(item, ast.Name)}
    return found if len(found) == len(targets) else None


def pairs_of(test: ast.expr, inner: frozenset[str], unequal: bool) -> Iterator[Match]:
    """The equalities that an item has to meet."""
    while isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, unequal = test.operand, not unequal
    joint = ast.Or if unequal else ast.And
    tests = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, joint) else [test]
    for item in tests:
        if not isinstance(item, ast.Compare) or len(item.ops) != 1:
            continue
        if not isinstance(item.ops[0], ast.NotEq if unequal else ast.Eq):
            continue
        left, right = item.left, item.comparators[0]
        if isinstance(left, ast.Constant) or isinstance(right, ast.Constant):
            continue
        for key, value in ((left, right), (right, left)):
            roots = {name.id for name in names_in(key)}
            others = {name.id for name in names_in(value)}
            if roots & inner and others and not others & inner and _is_key(key):
                yield Match(key, value)


def _is_key(node: ast.expr) -> bool:
    """Whether an expression picks something of an item, or is it; its length or class tells no two items apart."""
    return not (isinstance(node, ast.Call) and last_name(node.func) in ("len", "type", "id"))


def names_of(target: ast.AST) -> frozenset[str]:
    if isinstance(target, ast.Name):
        return frozenset((target.id,))
    if isinstance(target, ast.arguments):
        return frozenset(item.arg for item in target.args)
    return frozenset(name.id for name in names_in(target))
