"""Asserts that say again what the program asks elsewhere: right above, in what it calls, or where it is called."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from typing import Final

from flake8_aiguard.children import walk
from flake8_aiguard.index import FUNCTIONS
from flake8_aiguard.module import Module
from flake8_aiguard.shapes import argument, block_of, dotted, is_none, parameters

_ORDERING: Final = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_MOST_CALLS: Final = 20  # of one function


class Settled:
    """The asserts of one file that nothing can fail.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def holds(self, node: ast.Assert) -> bool:
        """Whether the asserts above, the functions that are called next, or all callers in this file ask the same."""
        return (
            self._is_implied(node)
            or self._is_closed(node.test, node)
            or self._is_asked_within(node)
            or self._is_asked_outside(node)
        )

    def _above(self, node: ast.Assert) -> Iterator[ast.expr]:
        """What the asserts directly above say."""
        block = block_of(self._module.index.parent(node), node)
        before = itertools.takewhile(lambda item: item is not node, block)
        for item in reversed(list(before)):
            if not isinstance(item, ast.Assert):
                break
            yield item.test

    def _is_implied(self, node: ast.Assert) -> bool:
        """Whether an alternative is what the assert directly above says: ``not fork or not wait`` below ``not fork``."""
        said = next(self._above(node), None)
        return (
            said is not None
            and isinstance(node.test, ast.BoolOp)
            and isinstance(node.test.op, ast.Or)
            and ast.dump(said) in map(ast.dump, node.test.values)
        )

    def _is_closed(self, test: ast.expr, node: ast.Assert) -> bool:
        """Whether the order of two attributes is asserted below asserts that neither is ``None``: the type of one object."""
        if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], _ORDERING):
            return False
        sides = [dotted(side) for side in (test.left, *test.comparators) if isinstance(side, ast.Attribute)]
        there = {
            dotted(above.left)
            for above in self._above(node)
            if isinstance(above, ast.Compare)
            and isinstance(above.ops[0], ast.IsNot)
            and is_none(above.comparators[0])
        }
        return (
            len(sides) > 1 and len(sides) == len(test.comparators) + 1 and there.issuperset({*sides} - {None})
        )

    # -- functions that ask the same

    def _is_asked_within(self, node: ast.Assert) -> bool:
        """Whether the function hands the argument to another one of this file, which begins with the same assert."""
        function = self._module.index.function(node)
        names = {item.id for item in walk(node.test) if isinstance(item, ast.Name)}
        if not isinstance(function, FUNCTIONS) or len(names) != 1:
            return False
        name, said = names.pop(), ast.dump(node.test)
        calls = (item for item in walk(function) if isinstance(item, ast.Call) and item.lineno > node.lineno)
        for call in calls:
            if not any(isinstance(item, ast.Name) and item.id == name for item in call.args):
                continue
            called = self._module.receivers.definition(call.func)
            if not isinstance(called, (ast.FunctionDef, ast.AsyncFunctionDef)) or called is function:
                continue
            if called.name.startswith("_"):
                continue  # where it would not be reported
            if name in (item.arg for item in parameters(called)) and any(
                isinstance(item, ast.Assert) and ast.dump(item.test) == said for item in called.body
            ):
                return True
        return False

    # -- callers that ask the same

    def _is_asked_outside(self, node: ast.Assert) -> bool:
        """Whether this file calls the function, and only in branches that have asked the very same."""
        index = self._module.index
        function = index.function(node)
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return False
        owner = index.class_of(function)
        called: ast.AST = function if owner is None or function.name != "__init__" else owner
        calls = [
            call
            for call in index.calls_named((getattr(called, "name", ""),))
            if self._module.receivers.definition(call.func) is called
        ]
        return 0 < len(calls) <= _MOST_CALLS and all(
            self._is_asked_around(call, node.test, function, is_method=owner is not None) for call in calls
        )

    def _is_asked_around(
        self,
        call: ast.Call,
        test: ast.expr,
        function: ast.FunctionDef | ast.AsyncFunctionDef,
        *,
        is_method: bool,
    ) -> bool:
        index = self._module.index
        given = _Given(function, call, is_method=is_method)
        asked = _text(given.visit(_copy(test)))
        child: ast.AST = call
        for parent in index.ancestors(call):
            if isinstance(parent, FUNCTIONS):
                break
            if isinstance(parent, ast.If) and child is not parent.test:
                if child in parent.body and asked in map(_text, _parts(parent.test)):
                    return True
                if child in parent.orelse and asked == _text(_negated(parent.test)):
                    return True
            child = parent
        return False


class _Given(ast.NodeTransformer):
    """Puts what a call passes in the place of the parameters, and of what ``__init__`` keeps them as."""

    def __init__(
        self, function: ast.FunctionDef | ast.AsyncFunctionDef, call: ast.Call, *, is_method: bool
    ) -> None:
        names = [item.arg for item in (*function.args.posonlyargs, *function.args.args)]
        if is_method:
            del names[:1]
        self._given = {
            name: value
            for position, name in enumerate(names)
            if (value := argument(call, name, position)) is not None
        }
        self._kept = {
            dotted(item.targets[0]): item.value.id
            for item in function.body
            if isinstance(item, ast.Assign) and isinstance(item.value, ast.Name)
        }

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._given.get(node.id, node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        kept = self._kept.get(dotted(node))
        if kept in self._given:
            return self._given[kept or ""]
        return self.generic_visit(node)


def _copy(node: ast.expr) -> ast.expr:
    return ast.parse(ast.unparse(node), mode="eval").body


def _negated(test: ast.expr) -> ast.expr:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    return ast.UnaryOp(ast.Not(), test)


def _parts(test: ast.expr) -> list[ast.expr]:
    """What must hold for a condition to hold."""
    return [test, *test.values] if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]


def _text(node: ast.AST) -> str:
    """The text of a condition; an object's own attribute and what it was built with are the same."""
    return ast.unparse(node).replace("self.", "")
