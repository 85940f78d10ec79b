"""Bytes that a loop gathers: whether they stay short, come all at once, or are needed whole on every turn."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Final

from flake8_aiguard.children import walk
from flake8_aiguard.index import Loop
from flake8_aiguard.loops import contains
from flake8_aiguard.module import Module
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import dotted, is_constant, last_name, words

_HEADERS: Final = ("struct.pack", "builtins.int.to_bytes")
_ADDRESSES: Final = frozenset({"inet_aton", "inet_pton"})  # a header holds few of them
_READS: Final = frozenset({"read", "recv"})
_CHARACTERS: Final = frozenset({"byte", "ch", "char", "getc", "getch", "nextch", "nextchar"})


class Bytestrings:
    """The bytes that the loops of one file gather.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def is_message(self, target: ast.expr) -> bool:
        """Whether bytes begin with a packed header: one message of a protocol, which is short."""
        variable = self._module.loops.variable(target) if isinstance(target, ast.Name) else None
        return variable is not None and any(
            isinstance(item.value, ast.Call) and self._module.qualname(item.value.func) in _HEADERS
            for item in self._module.scopes.bindings(*variable)
            if item.kind is Kind.ASSIGN
        )

    def is_drained(self, added: ast.expr, loop: Loop) -> bool:
        """Whether a loop adds what a ``read()`` without a size gives (all on the first turn, nothing on the next), or addresses."""
        values = self._added(added, loop)
        if any(isinstance(value, ast.Call) and last_name(value.func) in _ADDRESSES for value in values):
            return True
        return bool(values) and all(
            isinstance(value, ast.Call)
            and last_name(value.func) == "read"
            and not value.args
            and not value.keywords
            for value in values
        )

    def is_word(self, added: ast.expr, loop: Loop) -> bool:
        """Whether a loop adds one character at a time up to one that ends a word or number: ``while c != b":": s += c``."""
        calls = self._added(added, loop)
        if not calls or not all(
            isinstance(call, ast.Call)
            and (
                (len(call.args) == 1 and is_constant(call.args[0], 1) and last_name(call.func) in _READS)
                or (not call.args and not _CHARACTERS.isdisjoint(words(last_name(call.func) or "")))
            )
            for call in calls
        ):
            return False
        tests = [item.test for item in walk(loop) if isinstance(item, ast.If)]
        tests += [loop.test] if isinstance(loop, ast.While) else []
        return any(
            isinstance(part, ast.Compare)
            and dotted(part.left) == dotted(added) is not None
            and isinstance(part.ops[0], (ast.Eq, ast.NotEq, ast.In, ast.NotIn))
            and not (isinstance(end := part.comparators[0], ast.Constant) and not end.value)
            for test in tests
            for part in walk(test)
        )

    def is_needed(
        self, node: ast.stmt, target: ast.expr, loop: Loop, is_last: Callable[[ast.AST], bool]
    ) -> bool:
        """Whether each turn hands the bytes so far to a call or looks something up by them: their copy is needed.

        Args:
            node: the statement that adds to them.
            target: the accumulator.
            loop: the loop.
            is_last: whether the loop is left right after a node.
        """
        name, index = dotted(target), self._module.index
        for item in walk(loop):
            if not isinstance(item, (ast.Name, ast.Attribute)) or dotted(item) != name:
                continue
            if not isinstance(item.ctx, ast.Load) or index.statement(item) is node:
                continue
            used: ast.AST = item
            outer = index.parent(used)
            while isinstance(outer, (ast.BinOp, ast.Tuple)):
                used, outer = outer, index.parent(outer)
            if isinstance(outer, ast.Call):
                is_whole = used in outer.args and last_name(outer.func) != "len"
            elif isinstance(outer, ast.Subscript):
                is_whole = outer.slice is used
            else:
                is_whole = isinstance(outer, ast.keyword)
            if is_whole and not is_last(item):
                return True
        return False

    def _added(self, added: ast.expr, loop: Loop) -> list[ast.expr]:
        """What a loop adds: the expression, or what it binds the variable to."""
        variable = self._module.loops.variable(added) if isinstance(added, ast.Name) else None
        if variable is None:
            return [added]
        bound = (item.value for item in self._module.scopes.bindings(*variable))
        return [value for value in bound if value is not None and contains(loop, value)]
