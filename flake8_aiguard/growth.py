"""In which loop a value grows on every turn, and keeps what it has gathered so far."""

from __future__ import annotations

import ast

from flake8_aiguard.children import walk
from flake8_aiguard.index import COMPREHENSIONS, Loop
from flake8_aiguard.module import Module
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import dotted, last_name, names_in, string

GROWS = frozenset({"append", "appendleft", "extend", "insert", "add", "update", "setdefault"})
"""The methods that put something into a collection."""


class Growth:
    """The loops of one file in which values grow.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def loop(self, node: ast.AST, target: ast.expr) -> Loop | None:
        """The loop in which a value grows: over many items, and never starting it afresh.

        Args:
            node: what makes it grow.
            target: the variable, attribute or item that holds it.

        Returns:
            ``None`` where the innermost loop has few turns, runs on only after an error, or is left right after.
        """
        loop = next(self._module.index.loops(node), None)
        if loop is None or self._is_short(loop) or self._is_last(node, loop):
            return None
        if any(isinstance(item, ast.ExceptHandler) for item in self._module.index.outwards(node, loop)):
            return None  # as often as something fails
        key = dotted(target.value if isinstance(target, ast.Subscript) else target)
        if key is not None and key.endswith("__"):
            return None
        return None if key is None or self._is_started(key, target, loop) else loop

    def _is_last(self, node: ast.AST, loop: Loop) -> bool:
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
            elif isinstance(item, ast.Attribute) and item.attr in starts and dotted(item.value) == name:
                return True
        key = target.slice if isinstance(target, ast.Subscript) else None
        keys = set() if key is None else {self._module.loops.variable(part) for part in names_in(key)}
        return any(
            item in self._module.loops.place(loop).targets
            or (self._module.loops.writes(item, loop) and self._is_continuation(target, loop))
            for item in keys
            if item is not None
        )

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
            return _is_halved(loop)
        iterables = (
            [part.iter for part in loop.generators] if isinstance(loop, COMPREHENSIONS) else [loop.iter]
        )
        return (
            any(map(self._module.loops.is_small, iterables))
            or any(map(self._is_varargs, iterables))
            or any(map(self._is_few_parts, iterables))
            or (self._module.is_test and any(map(self._is_split_parameter, iterables)))
        )

    def _is_varargs(self, items: ast.expr) -> bool:
        """Whether a loop goes over ``*args``: what a call lists."""
        function = self._module.index.function(items)
        spec = getattr(function, "args", None)
        return (
            isinstance(items, ast.Name)
            and spec is not None
            and spec.vararg is not None
            and spec.vararg.arg == items.id
        )

    def _is_few_parts(self, items: ast.expr) -> bool:
        """Whether an attribute holds so many parts as its class writes: ``self.layers = ModuleList([Layer() for _ in range(2)])``."""
        if isinstance(items, ast.Call) and last_name(items.func) in ("zip", "enumerate"):
            return any(map(self._is_few_parts, items.args))
        receivers = self._module.receivers
        owner = receivers.class_behind(items.value) if isinstance(items, ast.Attribute) else None
        if owner is None or not isinstance(items, ast.Attribute):
            return False
        stores = receivers.attribute_stores(owner, items.attr)
        parent = self._module.index.parent(stores[0]) if len(stores) == 1 else None
        value = parent.value if isinstance(parent, ast.Assign) else None
        if isinstance(value, ast.Call) and last_name(value.func) == "ModuleList" and len(value.args) == 1:
            value = value.args[0]
        if not isinstance(value, ast.ListComp) or len(value.generators) != 1:
            return False
        over = value.generators[0].iter
        return (
            isinstance(over, ast.Call)
            and self._module.qualname(over.func) == "builtins.range"
            and self._module.loops.is_small(over)
        )

    def _is_split_parameter(self, items: ast.expr) -> bool:
        """``name.split(".")`` of what a function is given: a helper of tests, which pass it a literal."""
        if not isinstance(items, ast.Call) or not isinstance(items.func, ast.Attribute):
            return False
        text = items.func.value
        variable = self._module.loops.variable(text) if isinstance(text, ast.Name) else None
        return (
            items.func.attr == "split"
            and variable is not None
            and any(item.kind is Kind.PARAMETER for item in self._module.scopes.bindings(*variable))
        )


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
