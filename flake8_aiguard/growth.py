"""In which loop a value grows on every turn, and keeps what it has gathered so far."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from flake8_aiguard.children import walk
from flake8_aiguard.few import Few
from flake8_aiguard.index import Loop
from flake8_aiguard.loops import SMALL, Variable, iterables
from flake8_aiguard.module import Module
from flake8_aiguard.nouns import says
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import block_of, dotted, is_constant, last_name, names_in, string
from flake8_aiguard.wordings import name_words

_GENERIC = frozenset({"input", "inputs", "output", "outputs", "values"})  # of these there may be any number
_PAGES = frozenset({"cursor", "offset", "page"})
_VIEWS = frozenset({"copy", "items", "keys", "values"})
GROWS = frozenset({"append", "appendleft", "extend", "insert", "add", "update", "setdefault"})
"""The methods that put something into a collection."""


class Growth:
    """The loops of one file in which values grow.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._few = Few(module)
        self._restarting: dict[tuple[ast.AST, str], bool] = {}

    def loop(self, node: ast.AST, target: ast.expr) -> Loop | None:
        """The loop in which a value grows: over many items, and never starting it afresh.

        Args:
            node: what makes it grow.
            target: the variable, attribute or item that holds it.

        Returns:
            ``None`` where the innermost loop has few turns, runs on only after an error, or is left right after.
        """
        loop = next(self._module.index.loops(node), None)
        if loop is None or self._is_short(loop) or self.is_last(node, loop):
            return None
        if any(isinstance(item, ast.ExceptHandler) for item in self._module.index.outwards(node, loop)):
            return None  # as often as something fails
        key = dotted(target.value if isinstance(target, ast.Subscript) else target)
        if (key is not None and key.endswith("__")) or self._is_chosen(node, loop):
            return None
        return None if key is None or self._is_started(key, target, loop) else loop

    def loops(self, node: ast.AST, target: ast.expr) -> list[Loop]:
        """The loops in which a value that grows in the innermost one is not started afresh, that one first.

        Args:
            node: what makes it grow.
            target: the variable, attribute or item that holds it.
        """
        key = dotted(target.value if isinstance(target, ast.Subscript) else target)
        spans: list[Loop] = []
        for loop in self._module.index.loops(node):
            if spans and (key is None or self._is_started(key, target, loop)):
                break
            spans.append(loop)
        return spans

    def is_of_few(self, loops: Sequence[Loop]) -> bool:
        """Whether all of these loops go over few items, or over the parts of what a loop around them goes over.

        Those are few as well: ``for edge in edges: pair = (); for node in edge: pair += (node,)``.

        Args:
            loops: the loops in which a value is not started afresh.
        """
        return all(
            not isinstance(loop, ast.While)
            and any(self._few.items(part) or self.is_part(part) for part in iterables(loop))
            for loop in loops
        )

    def is_chosen(self, node: ast.expr) -> bool:
        """Whether somebody chose what a collection holds, by its name: ``step_outputs``.

        Args:
            node: the collection.
        """
        name = last_name(node) or ""
        return says(name) == "chosen" and name not in _GENERIC

    def is_part(self, node: ast.expr) -> bool:
        """Whether a collection is a part of what a loop goes over: ``edge``, ``entry.names``, ``row[2]``; not records, by their name.

        Args:
            node: the collection.
        """
        if says(last_name(node) or "") == "data":
            return False
        while isinstance(node, (ast.Attribute, ast.Subscript)):
            node = node.value
        variable = self._module.loops.variable(node) if isinstance(node, ast.Name) else None
        return variable is not None and all(
            item.kind is Kind.FOR or self._is_unpacked(item.node)
            for item in self._module.scopes.bindings(*variable)
        )

    def _is_unpacked(self, name: ast.AST) -> bool:
        """Whether a loop takes an item apart: ``for key, values in groups``."""
        pair = self._module.index.parent(name)
        loop = self._module.index.parent(pair) if isinstance(pair, ast.Tuple) else None
        return isinstance(loop, (ast.For, ast.AsyncFor)) and loop.target is pair

    def is_last(self, node: ast.AST, loop: Loop) -> bool:
        """Whether the loop is left right after."""
        statement: ast.AST = self._module.index.statement(node)
        while statement is not loop:
            parent = self._module.index.parent(statement)
            if parent is None or isinstance(parent, ast.Module):
                break
            blocks: list[list[ast.AST]] = [getattr(parent, field, []) for field in ("body", "orelse")]
            if any(
                statement in block and isinstance(block[-1], (ast.Return, ast.Break, ast.Raise))
                for block in blocks
            ):
                return True
            statement = parent
        return False

    def _is_started(self, name: str, target: ast.expr, loop: Loop) -> bool:
        """Whether a loop assigns the variable, or what holds it, without its own old value."""
        # a container gets new strings: d.append("")
        starts = {"clear", *GROWS} if isinstance(target, ast.Subscript) else {"clear"}
        for item in walk(loop):
            if isinstance(item, (ast.Name, ast.Attribute)) and not isinstance(item.ctx, ast.Load):
                stored = dotted(item)
                if stored is not None and (stored == name or name.startswith(f"{stored}.")):
                    parent = self._module.index.parent(item)
                    if isinstance(parent, ast.AugAssign):
                        continue
                    value = parent.value if isinstance(parent, ast.Assign) else None
                    if value is None or not any(
                        isinstance(part, ast.expr) and dotted(part) == stored for part in walk(value)
                    ):
                        return True
            elif (isinstance(item, ast.Attribute) and item.attr in starts and dotted(item.value) == name) or (
                isinstance(item, ast.Call) and self._restarts(item, name)
            ):
                return True
        key = target.slice if isinstance(target, ast.Subscript) else None
        keys = set() if key is None else {self._module.loops.variable(part) for part in names_in(key)}
        return any(
            item in self._module.loops.place(loop).targets
            or self._is_set_before(item, target, loop)
            or (self._module.loops.writes(item, loop) and self._is_continuation(target, loop))
            for item in keys
            if item is not None
        )

    def _restarts(self, call: ast.Call, name: str) -> bool:
        """Whether a method of the same object that a loop calls starts an attribute afresh: ``self.flush()``."""
        if not name.startswith("self.") or dotted(call.func) != f"self.{last_name(call.func)}":
            return False
        method = self._module.receivers.definition(call.func)
        if method is None:
            return False
        if (method, name) not in self._restarting:
            self._restarting[method, name] = self._sets_afresh(method, name)
        return self._restarting[method, name]

    def _sets_afresh(self, method: ast.AST, name: str) -> bool:
        return isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)) and any(
            isinstance(item, ast.Assign)
            and isinstance(item.value, (ast.Constant, ast.List, ast.Tuple, ast.Dict))
            and any(dotted(target) == name for target in item.targets)
            for item in walk(method)
        )

    def _is_set_before(self, variable: Variable, node: ast.AST, loop: Loop) -> bool:
        """Whether every turn that reaches a node has set a variable before: ``key = line[:3]; fields[key] += line``."""
        index = self._module.index
        stores = [index.statement(binding.node) for binding in self._module.scopes.bindings(*variable)]
        child: ast.AST = index.statement(node)
        for outer in (*index.outwards(child, loop), loop):
            if isinstance(child, ast.stmt):
                block, line = block_of(outer, child), child.lineno
                if any(item in block and item.lineno < line for item in stores):
                    return True
            child = outer
        return False

    def _is_continuation(self, node: ast.AST, loop: Loop) -> bool:
        """Whether a statement adds to a field what is indented below it: few lines, of one entry among many."""
        for item in self._module.index.ancestors(node):
            if item is loop:
                break
            if isinstance(item, ast.If) and any(
                (string(part) or "x").isspace()
                or (isinstance(part, ast.Attribute) and part.attr == "isspace")
                for part in walk(item.test)
                if isinstance(part, ast.expr)
            ):
                return True
        return False

    def _is_short(self, loop: Loop) -> bool:
        if isinstance(loop, ast.While):
            return _is_halved(loop) or _is_counted(loop)
        return self._few.turns(loop)

    def _is_chosen(self, node: ast.AST, loop: Loop) -> bool:
        """Whether a value grows for one item that a literal names: ``for kind in kinds: if kind == "image": ...``."""
        if not isinstance(loop, (ast.For, ast.AsyncFor)):
            return False
        index = self._module.index
        child: ast.AST = node
        for outer in index.outwards(node, loop):
            test = outer.test if isinstance(outer, ast.If) and child in outer.body else None
            if (
                isinstance(test, ast.Compare)
                and isinstance(test.ops[0], ast.Eq)
                and isinstance(test.comparators[0], ast.Constant)
                and dotted(test.left) == dotted(loop.target) is not None
            ):
                return True
            if (
                isinstance(outer, ast.If)
                and child in (*outer.body, *outer.orelse)
                and self._is_unended(outer, loop)
            ):
                return True
            child = outer
        return False

    def _is_unended(self, choice: ast.If, loop: ast.For | ast.AsyncFor) -> bool:
        """Whether an ``if`` asks for the end of a line among those of ``splitlines(True)``: the last one alone has none."""
        if not isinstance(loop.iter, ast.Call) or last_name(loop.iter.func) != "splitlines":
            return False
        return bool(loop.iter.args or loop.iter.keywords) and any(
            string(part) in ("\n", "\r\n") for part in walk(choice.test) if isinstance(part, ast.expr)
        )


def is_paged(loop: Loop) -> bool:
    """Whether a ``while`` asks for one page after another: its names or keys speak of pages, cursors or offsets.

    Args:
        loop: the loop.
    """
    if not isinstance(loop, ast.While):
        return False
    told = (
        last_name(item) or string(item)
        for item in walk(loop)
        if isinstance(item, (ast.Attribute, ast.Constant, ast.Name))
    )
    return any(not _PAGES.isdisjoint(name_words(name)) for name in told if name)


def _is_counted(loop: ast.While) -> bool:
    """Whether a loop ends after a few turns that it counts: ``while rest and n < 10``, ``while rest and len(parts) < DEPTH``."""
    tests = (
        loop.test.values if isinstance(loop.test, ast.BoolOp) and isinstance(loop.test.op, ast.And) else []
    )
    counted = {
        dotted(item.target)
        for item in walk(loop)
        if isinstance(item, ast.AugAssign) and is_constant(item.value, 1)
    }
    return any(
        isinstance(test, ast.Compare)
        and isinstance(test.ops[0], (ast.Lt, ast.LtE))
        and (
            (dotted(test.left) in counted - {None} and _is_few(test.comparators[0]))
            or (_is_length(test.left) and _is_named(test.comparators[0]))
        )
        for test in (*tests, loop.test)
    )


def _is_length(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and last_name(node.func) == "len"


def _is_named(number: ast.expr) -> bool:
    """Whether a number is small, or one of the program's own constants."""
    return _is_few(number) or (isinstance(number, ast.Name) and number.id.isupper())


def _is_few(number: ast.expr) -> bool:
    return isinstance(number, ast.Constant) and isinstance(number.value, int) and number.value <= SMALL


def _is_halved(loop: ast.While) -> bool:
    """Whether each turn shifts or divides the number that the loop runs on: ``n >>= 1``, ``n, rest = divmod(n, 10)``."""
    asked = {dotted(item) for item in walk(loop.test) if isinstance(item, (ast.Name, ast.Attribute))}
    for item in loop.body:
        if isinstance(item, ast.If) and isinstance(item.body[-1], (ast.Break, ast.Return)):
            asked |= {dotted(part) for part in walk(item.test) if isinstance(part, (ast.Name, ast.Attribute))}
    return any(_divided(item) in asked - {None} for item in loop.body)


def _divided(statement: ast.stmt) -> str | None:
    """The number that a statement shifts or divides."""
    if isinstance(statement, ast.AugAssign):
        return dotted(statement.target) if isinstance(statement.op, (ast.RShift, ast.FloorDiv)) else None
    if not isinstance(statement, ast.Assign):
        return None
    target, value = statement.targets[0], statement.value
    if isinstance(value, ast.BinOp) and isinstance(value.op, (ast.RShift, ast.FloorDiv)):
        return dotted(target) if dotted(value.left) == dotted(target) else None
    if isinstance(value, ast.Call) and last_name(value.func) == "divmod" and isinstance(target, ast.Tuple):
        return dotted(target.elts[0]) if target.elts and value.args else None
    return None
