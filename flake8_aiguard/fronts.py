"""Lists whose first item is taken on each turn of a loop, and whether a deque would be better."""

from __future__ import annotations

import ast
from collections.abc import Collection
from typing import Final

from flake8_aiguard.accumulators import Accumulators
from flake8_aiguard.children import walk
from flake8_aiguard.index import Loop
from flake8_aiguard.loops import SMALL
from flake8_aiguard.memo import lazy
from flake8_aiguard.module import Module
from flake8_aiguard.shapes import dotted, is_constant, last_name, names_in, string, words

_WAITS: Final = (ast.AsyncFor, ast.AsyncWith, ast.Await)
_WHOLE: Final = frozenset(
    {"body", "content", "contents", "corpus", "data", "document", "log", "output", "source", "stdout", "text"}
)
_ONLY_LISTS: Final = ("insert", "sort", "[:]")  # what a deque does not have, or not fast


class Fronts:
    """The lists of one file that are used up from the front.

    Args:
        module: the file.
        accumulators: what its loops do with their lists.
    """

    def __init__(self, module: Module, accumulators: Accumulators) -> None:
        self._module = module
        self._accumulators = accumulators

    def is_slow(self, pop: ast.Call, receiver: ast.expr, loop: Loop) -> bool:
        """Whether a list may be long, and a deque or a loop over it would do the same.

        Args:
            pop: ``xs.pop(0)``.
            receiver: the list.
            loop: the loop that takes the items.
        """
        index = self._module.index
        if (index.function(pop), dotted(receiver)) in self._windows:
            return False
        if index.parent(index.statement(pop)) is not loop:
            return False  # now and then
        *_, outermost = index.loops(pop)
        return not (
            self._accumulators.does(outermost, receiver, _ONLY_LISTS)
            or self._accumulators.is_read_whole(loop, receiver)
            or self._is_head(pop, receiver, loop)
            or self._is_cut(receiver)
            or self._is_line(receiver)
            or any(
                isinstance(item, _WAITS) or (isinstance(item, ast.Call) and last_name(item.func) == "sleep")
                for item in walk(loop)
            )  # for which each turn waits is slower
            or (isinstance(loop, ast.While) and (_is_stripped(loop, pop) or _is_shallow(loop, pop)))
        )

    def _is_head(self, pop: ast.Call, receiver: ast.expr, loop: Loop) -> bool:
        """Whether a loop ends at an item, and the rest of the list is used behind it: the lines of a header.

        ``line = lines.pop(0)``, ``while line: ...``, ``"".join(lines)``.
        """
        taken = self._module.index.parent(pop)
        variable = self._module.loops.variable(receiver) if isinstance(receiver, ast.Name) else None
        if not isinstance(loop, ast.While) or not isinstance(taken, ast.Assign) or variable is None:
            return False
        return dotted(loop.test) == dotted(taken.targets[0]) is not None and any(
            use.lineno > (loop.end_lineno or 0) for use in self._module.scopes.uses(*variable)
        )

    def _is_line(self, receiver: ast.expr) -> bool:
        """Whether a list is made of the words of one line: ``shlex.split(command)``, ``name.split(".")``."""
        resolved = self._module.scopes.resolve(receiver) if isinstance(receiver, ast.Name) else None
        made = [binding.value for binding in resolved[1]] if resolved is not None else []
        return bool(made) and all(isinstance(item, ast.Call) and self._splits_line(item) for item in made)

    def _splits_line(self, call: ast.Call) -> bool:
        if self._module.qualname(call.func) == "shlex.split":
            return True
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in ("rsplit", "split"):
            return False
        separator = string(call.args[0]) if call.args else " "
        whole = words(last_name(call.func.value) or "")
        return separator is not None and "\n" not in separator and _WHOLE.isdisjoint(whole)

    def _is_cut(self, receiver: ast.expr) -> bool:
        """Whether the first part of something, up to a length, is all that a list is given: ``lines.extend(read[:most])``."""
        given = [
            call
            for call in self._module.index.calls_named(("append", "extend", "insert"))
            if isinstance(call.func, ast.Attribute) and dotted(call.func.value) == dotted(receiver)
        ]
        return bool(given) and all(
            last_name(call.func) == "extend"
            and isinstance(part := call.args[0] if call.args else None, ast.Subscript)
            and isinstance(part.slice, ast.Slice)
            and part.slice.upper is not None
            for call in given
        )

    @lazy
    def _windows(self) -> Collection[tuple[ast.AST | None, str | None]]:
        """The lists that stay short, as somewhere in the function their first item is taken where they get too long."""
        return {
            (self._module.index.function(call), dotted(call.func.value))
            for call in self._module.index.calls_named(("pop",))
            if isinstance(call.func, ast.Attribute) and self._is_bounded(call, call.func.value)
        }

    def _is_bounded(self, node: ast.AST, receiver: ast.expr) -> bool:
        """Whether an ``if`` asks for the length before an item is taken: a window of fixed size."""
        for item in self._module.index.ancestors(node):
            if isinstance(item, (ast.If, ast.While)) and any(
                isinstance(part, ast.Call)
                and last_name(part.func) == "len"
                and part.args
                and dotted(part.args[0]) == dotted(receiver)
                for part in walk(item.test)
            ):
                return True
            if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)):
                break
        return False


def _is_stripped(loop: ast.While, pop: ast.Call) -> bool:
    """Whether a loop only takes what a list begins with, or copies a text on each turn anyway.

    ``while lines and not lines[0]: ... lines.pop(0)``, ``while "?" in text: text = text.replace("?", values.pop(0), 1)``.
    """
    name = dotted(pop.func.value) if isinstance(pop.func, ast.Attribute) else None
    if any(
        isinstance(item, ast.Subscript) and is_constant(item.slice, 0) and dotted(item.value) == name
        for item in walk(loop.test)
    ):
        return True
    if len(loop.body) != 1:
        return False
    statement = loop.body[0]
    if isinstance(statement, ast.Assign):
        asked = {item.id for item in names_in(loop.test)}
        return isinstance(statement.targets[0], ast.Name) and statement.targets[0].id in asked
    return isinstance(statement, ast.Expr) and statement.value is pop


def _is_shallow(loop: ast.While, pop: ast.Call) -> bool:
    """Whether a search goes a few steps deep, or climbs to the bases of a class.

    ``depth, node = queue.pop(0)``, ``if depth > 3: break``.
    """
    taken = {
        name.id
        for item in loop.body
        if isinstance(item, ast.Assign) and item.value is pop
        for target in item.targets
        for name in names_in(target)
    }
    return any(
        (isinstance(item, ast.Attribute) and item.attr == "__bases__")
        or (
            isinstance(item, ast.If)
            and isinstance(item.body[-1], (ast.Break, ast.Continue))
            and isinstance(item.test, ast.Compare)
            and isinstance(item.test.ops[0], (ast.Gt, ast.GtE))
            and isinstance(item.test.left, ast.Name)
            and item.test.left.id in taken
            and isinstance(most := item.test.comparators[0], ast.Constant)
            and isinstance(most.value, int)
            and most.value <= SMALL
        )
        for item in walk(loop)
    )
