"""Asserts whose answer is known before: what was asked, asserted or changed above them has decided it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from flake8_aiguard.checks import Atom, atoms, is_narrowing
from flake8_aiguard.module import Module
from flake8_aiguard.numeric import COMPARES
from flake8_aiguard.shapes import block_of, dotted, last_name, names_in, place_in

_ROW: Final = 12  # asserts directly above


class Foregone:
    """The asserts of one file that what stands above them has decided.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def holds(self, node: ast.Assert) -> bool:
        """Whether an assert can only hold: the statement above has seen to it, or an assert above says it.

        Args:
            node: the assert.
        """
        before = list(self._above(node))
        if not before:
            return False
        first = before[0]
        if isinstance(first, ast.If) and not first.orelse and _is_opposite(first.test, node.test):
            return True  # ``if user.is_known: logout(user)`` has seen to it
        if not isinstance(node.test, ast.BoolOp) or not isinstance(node.test.op, ast.Or):
            return False
        known = {fact for item in _row(before) for fact in facts(item.test)}
        return any(known.issuperset(facts(way)) for way in node.test.values)

    def follows_change(self, name: str, node: ast.Assert) -> bool:
        """Whether the statement above calls a method of the very object that is asked, for what it does to it.

        Args:
            name: of the argument that the assert is about.
            node: the assert.
        """
        first = next(self._above(node), None)
        return (
            isinstance(first, ast.Expr)
            and isinstance(first.value, ast.Call)
            and isinstance(first.value.func, ast.Attribute)
            and dotted(first.value.func.value) == name
        )

    def follows_refusal(self, node: ast.Assert) -> bool:
        """Whether a statement above raises for the status of the response that is asked: ``response.raise_for_status()``.

        Args:
            node: the assert.
        """
        receivers = {dotted(name) for name in names_in(node.test)}
        return any(
            isinstance(item, ast.Expr)
            and isinstance(item.value, ast.Call)
            and last_name(item.value.func) == "raise_for_status"
            and not receivers.isdisjoint(
                map(dotted, (getattr(item.value.func, "value", item.value), *item.value.args))
            )
            for item in self._above(node)
        )

    def follows_narrowing(self, condition: ast.expr, node: ast.Assert) -> bool:
        """Whether the asserts above narrow the very attributes that one compares: of an object, not of a value.

        Args:
            condition: a condition of the assert.
            node: the assert.
        """
        if not isinstance(condition, ast.Compare):
            return False
        operands = [condition.left, *condition.comparators]
        narrowed = {
            ast.unparse(item.test.left)
            for item in _row(list(self._above(node)))
            if isinstance(item.test, ast.Compare) and is_narrowing(item.test)
        }
        return bool(narrowed) and all(
            isinstance(item, ast.Attribute) and ast.unparse(item) in narrowed for item in operands
        )

    def decides(self, condition: ast.expr, node: ast.Assert) -> bool:
        """Whether the branch around an assert lets nothing else through.

        That is so for ``version >= 2`` under ``if version == 2``, and in an ``else`` whose ``if`` has asked for the same:
        what remains; for the items of what a comprehension has sifted by the same condition, and for what a loop has
        found, after the loop.

        Args:
            condition: a condition of the assert.
            node: the assert.
        """
        if self._is_found(condition, node) or self._is_sifted(condition, node):
            return True
        asked = _against_constant(condition)
        inner: ast.AST = node
        for branch in self._module.index.ancestors(node):
            if isinstance(branch, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                break
            if isinstance(branch, ast.If) and inner in branch.body:
                known = _against_constant(branch.test)
                if (
                    asked is not None
                    and known is not None
                    and known[0] == asked[0]
                    and isinstance(known[1], ast.Eq)
                    and type(asked[1]) in COMPARES
                ):
                    return self._is_unchanged(condition, branch, node) and _compares(
                        known[2], asked[1], asked[2]
                    )
            elif isinstance(branch, ast.If) and self._is_rest(condition, branch, node):
                return True
            inner = branch
        return False

    def _is_found(self, condition: ast.expr, node: ast.Assert) -> bool:
        """Whether a loop that ends with ``else: raise`` has searched for what a condition asks about."""
        resolved = self._module.scopes.resolve(condition) if isinstance(condition, ast.Name) else None
        loops = [self._module.index.parent(binding.node) for binding in resolved[1]] if resolved else []
        return bool(loops) and all(
            isinstance(loop, (ast.For, ast.AsyncFor))
            and loop.orelse
            and isinstance(loop.orelse[-1], (ast.Raise, ast.Return))
            and (loop.end_lineno or loop.lineno) < node.lineno
            for loop in loops
        )

    def _is_sifted(self, condition: ast.expr, node: ast.Assert) -> bool:
        """Whether an assert in a loop asks of each item what a comprehension has sifted them by."""
        for loop in self._module.index.ancestors(node):
            if isinstance(loop, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                break
            if isinstance(loop, ast.For) and isinstance(loop.iter, ast.Name):
                resolved = self._module.scopes.resolve(loop.iter)
                sifted = [binding.value for binding in resolved[1]] if resolved is not None else []
                return any(
                    isinstance(value, (ast.ListComp, ast.SetComp))
                    and ast.unparse(value.generators[0].target) == ast.unparse(loop.target)
                    and ast.unparse(condition) in map(ast.unparse, value.generators[0].ifs)
                    for value in sifted
                )
        return False

    def _is_rest(self, condition: ast.expr, branch: ast.If, node: ast.Assert) -> bool:
        """Whether the ``if`` of an ``else`` has compared the same value, or counted with the same length."""
        if not isinstance(condition, ast.Compare):
            return False
        test: ast.expr | None = branch.test
        if isinstance(test, ast.Compare) and branch.orelse[0] is node and not is_narrowing(test):
            return dotted(test.left) == dotted(condition.left) is not None
        if not isinstance(condition.left, ast.Call):
            return False
        if isinstance(test, ast.Name):
            resolved = self._module.scopes.resolve(test)
            test = resolved[1][0].value if resolved is not None and len(resolved[1]) == 1 else None
        asked = ast.unparse(condition.left)
        return test is not None and any(
            isinstance(item, ast.BinOp) and asked in map(ast.unparse, (item.left, item.right))
            for item in ast.walk(test)
        )

    def _is_unchanged(self, condition: ast.expr, branch: ast.If, node: ast.Assert) -> bool:
        """Whether nothing between a branch and an assert in it binds what both ask for."""
        resolved = [self._module.scopes.resolve(name) for name in names_in(condition)]
        return not any(
            branch.lineno < getattr(binding.node, "lineno", 0) < node.lineno
            for found in resolved
            if found is not None
            for binding in found[1]
        )

    def _above(self, node: ast.Assert) -> Iterator[ast.stmt]:
        """The statements above an assert in its block, the next one first."""
        block = block_of(self._module.index.parent(node), node)
        at = place_in(block, node)
        yield from reversed(block[max(at - _ROW, 0) : at])


def facts(test: ast.expr) -> set[tuple[str, bool]]:
    """The conditions that all hold where a test does: the text of each, and whether it is negated.

    Args:
        test: of an ``if`` or an assert.
    """
    found = list(atoms(test))
    if not all(atom.alone for atom in found):
        return {(ast.unparse(test), False)}
    return {(ast.unparse(atom.node), atom.negated) for atom in found}


def opposite(atom: Atom) -> tuple[str, bool]:
    """A condition as :func:`facts` gives it, where it does not hold."""
    return ast.unparse(atom.node), not atom.negated


def _row(before: list[ast.stmt]) -> Iterator[ast.Assert]:
    for item in before:
        if not isinstance(item, ast.Assert):
            return
        yield item


def _is_opposite(test: ast.expr, other: ast.expr) -> bool:
    before, after = list(atoms(test)), list(atoms(other))
    return len(before) == len(after) == 1 and facts(other) == {opposite(before[0])}


def _against_constant(condition: ast.expr) -> tuple[str, ast.cmpop, object] | None:
    """The text of what a comparison asks for, how, and the constant that it is compared with."""
    if not isinstance(condition, ast.Compare) or len(condition.ops) != 1:
        return None
    limit = condition.comparators[0]
    if not isinstance(limit, ast.Constant) or not isinstance(
        condition.left, (ast.Name, ast.Attribute, ast.Call)
    ):
        return None
    return ast.unparse(condition.left), condition.ops[0], limit.value


def _compares(value: object, question: ast.cmpop, limit: object) -> bool:
    try:
        return bool(COMPARES[type(question)](value, limit))
    except TypeError:
        return False
