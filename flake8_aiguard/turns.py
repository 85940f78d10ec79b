"""What one turn of a loop does with the one thing that it awaits."""

from __future__ import annotations

import ast
import re
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.index import COMPREHENSIONS, Comprehension
from flake8_aiguard.loops import Place, Variable
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import dotted, last_name, names_in, root, single_targets, start_of
from flake8_aiguard.sharing import Sharing, words

_COLLECTS: Final = frozenset({"add", "append", "appendleft", "extend", "insert", "update"})
_CONTAINERS: Final = frozenset(
    (
        *(f"builtins.{name}" for name in ("dict", "list", "set")),
        *(f"collections.{name}" for name in ("OrderedDict", "defaultdict", "deque")),
    )
)
_REPORTS: Final = regex(r"(?:\w*_)?log(?:ger|ging)?|print|console|progress|pbar|bar", re.IGNORECASE)
_DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)


class Turns:
    """The turns of the loops of one file.

    Args:
        module: the file.
        sharing: what its calls share.
    """

    def __init__(self, module: Module, sharing: Sharing) -> None:
        self._module = module
        self._sharing = sharing

    def collects(self, node: ast.Await, call: ast.Call, loop: ast.For | Comprehension) -> bool:
        """Whether a turn awaits nothing else, and only puts the result into a local collection.

        Args:
            node: what the turn awaits.
            call: the call in it.
            loop: the innermost loop around it.
        """
        if not self._is_alone(node, loop):
            return False
        if isinstance(loop, COMPREHENSIONS):
            return self._is_plain(loop)
        return self._is_collected(node, call, loop)

    def _is_alone(self, node: ast.Await, loop: ast.For | Comprehension) -> bool:
        """Whether a turn of the loop awaits nothing else."""
        index = self._module.index
        if isinstance(loop, ast.For):
            return sum(isinstance(inner, ast.Await) for item in loop.body for inner in ast.walk(item)) == 1
        others = sum(
            isinstance(inner, ast.Await) and next(index.loops(inner), None) is loop
            for inner in ast.walk(loop)
        )
        return others == 1 and not any(item.is_async for item in loop.generators)

    def _is_plain(self, loop: Comprehension) -> bool:
        """Whether a comprehension collects what it awaits: not as a condition, and with no name that a turn leaves behind."""
        return not any(
            isinstance(inner, (ast.Await, ast.NamedExpr))
            for item in loop.generators
            for test in item.ifs
            for inner in ast.walk(test)
        )

    def _is_collected(self, node: ast.Await, call: ast.Call, loop: ast.For) -> bool:
        """Whether the body only awaits, computes from the result, and puts it into local collections."""
        if loop.orelse:
            return False
        results: set[Variable] = set()
        changed: set[Variable] = set()
        assigned: set[Variable] = set()
        kept = mixed = False
        stack: list[ast.stmt] = list(reversed(loop.body))
        while stack:
            item = stack.pop()
            if isinstance(item, ast.If):
                stack += [*reversed(item.orelse), *reversed(item.body)]
                continue
            if isinstance(item, ast.Pass) or _is_text(item) or _is_report(item):
                continue
            value, target = _stored(item)
            if value is None or target is None:
                return False
            holds = any(inner is node for inner in ast.walk(value)) or any(
                self._variable(name) in results for name in names_in(value)
            )
            if isinstance(item, (ast.Assign, ast.AnnAssign)) and isinstance(target, (ast.Name, ast.Tuple)):
                for name in single_targets([target]):
                    variable = self._variable(name) if isinstance(name, ast.Name) else None
                    if variable is None:
                        return False
                    assigned.add(variable)
                    if holds:
                        results.add(variable)
                continue
            collection = self._variable(root(target))
            if collection is None or not self._is_local_collection(collection, loop):
                return False
            changed.add(collection)
            kept = kept or holds
            if not holds and not isinstance(target, ast.Subscript):
                mixed = True  # the order of what is awaited and what is not
        return kept and not mixed and self._is_used_as_such(call, loop, changed, assigned)

    def _is_used_as_such(
        self, call: ast.Call, loop: ast.For, changed: set[Variable], assigned: set[Variable]
    ) -> bool:
        """Whether nothing but the collecting reads a collection, and no call of the body may change what the await needs."""
        needed = {self._variable(name) for name in names_in(call)} - {None}
        place = self._module.loops.place(loop)
        for item in loop.body:
            for inner in ast.walk(item):
                if (
                    isinstance(inner, ast.Name)
                    and self._variable(inner) in changed
                    and not self._collects(inner)
                ):
                    return False
                if isinstance(inner, (ast.NamedExpr, ast.Lambda, ast.Yield, ast.YieldFrom, *COMPREHENSIONS)):
                    return False
                if (
                    isinstance(inner, ast.Call)
                    and inner is not call
                    and isinstance(inner.func, ast.Attribute)
                ):
                    start = self._variable(root(inner.func))
                    if (
                        start in needed
                        and start not in place.targets
                        and start not in assigned
                        and not self._is_harmless(inner)
                    ):
                        return False
        return True

    def _collects(self, name: ast.Name) -> bool:
        """Whether a mention of a collection stands in ``found.append(...)``, ``found[k] = ...`` or ``found += ...``."""
        index = self._module.index
        if not isinstance(name.ctx, ast.Load):
            return isinstance(index.parent(name), ast.AugAssign)
        parent = index.parent(name)
        if isinstance(parent, ast.Subscript) and parent.value is name:
            if isinstance(parent.ctx, ast.Store):
                return not isinstance(index.parent(parent), ast.AugAssign)
            parent = index.parent(parent)
        call = index.parent(parent) if isinstance(parent, ast.Attribute) else None
        return (
            isinstance(parent, ast.Attribute)
            and parent.attr in _COLLECTS
            and isinstance(index.parent(call or parent), ast.Expr)
        )

    def _is_harmless(self, call: ast.Call) -> bool:
        """Whether a call beside the await leaves the objects that it needs as they are."""
        if _REPORTS.fullmatch((dotted(call.func) or "").rpartition(".")[0].rpartition(".")[2]):
            return True
        wrapper = self._module.qualname(call.func) in knowledge.by_call("awaits.wrapper")
        function = self._module.receivers.definition(call.func)
        return wrapper or (
            isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
            and not self._sharing.keeps_state(function)
        )

    @memoised
    def _is_local_collection(self, variable: Variable, loop: ast.For) -> bool:
        """Whether a variable is a list, dict or set of this very function, made outside of the loop."""
        if variable[0] is not self._module.index.function(loop):
            return False
        bindings = [
            item for item in self._module.scopes.bindings(*variable) if item.kind is not Kind.AUGMENTED
        ]
        return bool(bindings) and all(
            item.value is not None and self._is_collection(item.value) and not _is_within(item.node, loop)
            for item in bindings
        )

    def _is_collection(self, value: ast.expr) -> bool:
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult):
            return isinstance(value.left, ast.List) or isinstance(value.right, ast.List)
        return isinstance(value, _DISPLAYS) or (
            isinstance(value, ast.Call) and self._module.qualname(value.func) in _CONTAINERS
        )

    def is_independent(self, call: ast.Call, place: Place) -> bool:
        """Whether a call depends on the loop's variable, and on nothing else that a turn changes."""
        loops = self._module.loops
        if not loops.dependents(call, place):
            return False
        seen: set[Variable] = set()
        stack: list[ast.AST] = [call]
        while stack:
            node = stack.pop()
            if any(isinstance(inner, (ast.NamedExpr, ast.Lambda)) for inner in ast.walk(node)):
                return False
            for name in names_in(node):
                variable = self._variable(name)
                if variable is None or variable in seen:
                    continue
                seen.add(variable)
                writes = (
                    [] if isinstance(place.loop, COMPREHENSIONS) else self._body_writes(variable, place.loop)
                )
                if not writes:
                    continue
                if (
                    variable in place.targets
                    or len(writes) > 1
                    or not self._is_derived(writes[0], call, place)
                ):
                    return False
                stack.append(writes[0])
        return True

    def _body_writes(self, variable: Variable, loop: ast.AST) -> list[ast.expr]:
        """The names that the body of a loop binds a variable by."""
        if not isinstance(loop, ast.For):
            return []
        first, last = loop.body[0].lineno, loop.end_lineno or loop.lineno
        return [
            item.node
            for item in self._module.scopes.bindings(*variable)
            if isinstance(item.node, ast.Name)
            and first <= item.node.lineno <= last
            and start_of(item.node) >= (first, loop.body[0].col_offset)
        ]

    def _is_derived(self, target: ast.expr, call: ast.Call, place: Place) -> bool:
        """Whether a name is bound before the call, on every turn, to something that is computed without an effect."""
        assert isinstance(place.loop, ast.For)
        statement = self._module.index.statement(target)
        if statement not in place.loop.body or not isinstance(statement, (ast.Assign, ast.AnnAssign)):
            return False
        if (
            start_of(statement)
            > (
                call.lineno,
                call.col_offset,
            )
            or statement.value is None
        ):
            return False
        return not any(
            isinstance(inner, (ast.Await, ast.Yield))
            or (isinstance(inner, ast.Call) and not self._is_pure(inner))
            for inner in ast.walk(statement.value)
        )

    def _is_pure(self, call: ast.Call) -> bool:
        if isinstance(call.func, ast.Attribute) and isinstance(
            call.func.value, (ast.Constant, ast.JoinedStr)
        ):
            return True
        last = last_name(call.func) or ""
        return last in words("pure") or last[:1].isupper()

    def _variable(self, name: ast.expr) -> Variable | None:
        return self._module.loops.variable(name) if isinstance(name, ast.Name) else None


def _stored(item: ast.stmt) -> tuple[ast.expr | None, ast.expr | None]:
    """The value that a statement keeps, and where: ``found.append(x)``, ``found[k] = x``, ``found += xs``, ``y = x``."""
    if isinstance(item, ast.Assign) and len(item.targets) == 1:
        return item.value, item.targets[0] if isinstance(
            item.targets[0], (ast.Name, ast.Tuple, ast.Subscript)
        ) else None
    if isinstance(item, ast.AnnAssign):
        return item.value, item.target if isinstance(item.target, ast.Name) else None
    if isinstance(item, ast.AugAssign) and isinstance(item.op, (ast.Add, ast.BitOr)):
        return item.value, item.target if isinstance(item.target, ast.Name) else None
    call = item.value if isinstance(item, ast.Expr) else None
    if (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in _COLLECTS
        and call.args
    ):
        return call.args[-1], call.func.value
    return None, None


def _is_text(item: ast.stmt) -> bool:
    return isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant)


def _is_report(item: ast.stmt) -> bool:
    """Whether a statement only logs or prints."""
    call = item.value if isinstance(item, ast.Expr) else None
    start = root(call.func) if isinstance(call, ast.Call) else None
    parts = (dotted(call.func) or "").split(".") if isinstance(call, ast.Call) else []
    return start is not None and any(map(_REPORTS.fullmatch, parts[:2]))


def _is_within(node: ast.AST, loop: ast.For) -> bool:
    line = getattr(node, "lineno", 0)
    return bool(loop.lineno <= line <= (loop.end_lineno or loop.lineno))
