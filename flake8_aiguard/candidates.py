"""Where one glance shows that attributes may be changed in turns: classes and methods worth a closer look."""

from __future__ import annotations

import ast
import bisect
from collections import defaultdict
from collections.abc import Collection

from flake8_aiguard.attributes import Attributes, Method, changing_methods, is_empty
from flake8_aiguard.concurrency import Concurrency
from flake8_aiguard.memo import lazy
from flake8_aiguard.module import Module
from flake8_aiguard.shapes import root


class Candidates:
    """The candidates of one file.

    Args:
        module: the file.
        attributes: its attributes.
        concurrency: what it starts.
    """

    def __init__(self, module: Module, attributes: Attributes, concurrency: Concurrency) -> None:
        self._index = module.index
        self._attributes = attributes
        self._concurrency = concurrency

    def task_writers(self) -> Collection[ast.ClassDef]:
        """The classes in which an ``async def`` changes something and waits, as far as one glance shows."""
        index = self._index
        waiting: set[ast.AST | None] = {
            index.function(node)
            for kind in (ast.Await, ast.AsyncFor, ast.AsyncWith)
            for node in index.nodes(kind)
        }
        owners: set[ast.ClassDef | None] = set()
        for function in waiting:
            if isinstance(function, ast.AsyncFunctionDef):
                nodes = [
                    *(
                        node
                        for node in self._attributes.within(ast.Attribute, function)
                        if not _is_load(node)
                    ),
                    *(
                        node
                        for node in self._attributes.within(ast.Subscript, function)
                        if not _is_load(node)
                    ),
                ]
                owners |= {self._own_class(node) for node in nodes if index.function(node) is function}
        calls = index.calls_named(changing_methods()) if waiting else ()
        owners |= {self._own_class(node) for node in calls if index.function(node) in waiting}
        return {owner for owner in owners if owner is not None}

    def _own_class(self, node: ast.expr) -> ast.ClassDef | None:
        """The class on an attribute of whose object a store or a method call may be one: ``self.x``, ``self.x[k]``."""
        start = root(node.func if isinstance(node, ast.Call) else node)
        owner = self._attributes.owner(node) if isinstance(start, ast.Name) else None
        if (
            owner is None
            or not isinstance(start, ast.Name)
            or start.id not in self._attributes.instance_names(owner)
        ):
            return None
        return owner

    def refillers(self, methods: Collection[str]) -> list[Method]:
        """The methods that twice or more set or delete an item of an attribute, or call one of these methods of it, as far as
        one glance shows."""
        changed = [store.value for store in self._item_stores]
        calls = self._index.calls_named(methods)
        changed += [call.func.value for call in calls if isinstance(call.func, ast.Attribute)]
        lines = sorted(node.lineno for node in changed if _is_own(node))
        if len(lines) < 2:
            return []
        functions: list[Method] = [
            *self._index.nodes(ast.FunctionDef),
            *self._index.nodes(ast.AsyncFunctionDef),
        ]
        found = []
        for function in functions:
            second = bisect.bisect_left(lines, function.lineno) + 1
            if second < len(lines) and lines[second] <= (function.end_lineno or 0):
                found.append(function)
        return found

    @lazy
    def _item_stores(self) -> list[ast.Subscript]:
        return [node for node in self._index.nodes(ast.Subscript) if node.ctx.__class__ is not ast.Load]

    def emptied(self) -> dict[ast.ClassDef, set[tuple[str, str]]]:
        """The attributes that methods of each class empty, and these methods, as far as one glance shows."""
        found: defaultdict[ast.ClassDef, set[tuple[str, str]]] = defaultdict(set)
        if not self._index.nodes(ast.AsyncFunctionDef) and not self._concurrency.imports_runners:
            return found
        nodes: list[ast.expr] = []
        for call in self._index.calls_named(("clear",)):
            nodes += [call.func.value] if isinstance(call.func, ast.Attribute) else []
        for delete in self._index.nodes(ast.Delete):
            nodes += [target.value for target in delete.targets if isinstance(target, ast.Subscript)]
        assigns: list[ast.Assign | ast.AnnAssign] = [
            *self._index.nodes(ast.Assign),
            *self._index.nodes(ast.AnnAssign),
        ]
        for assign in assigns:
            if isinstance(assign.value, ast.Tuple) or is_empty(assign.value):
                for target in assign.targets if isinstance(assign, ast.Assign) else (assign.target,):
                    nodes += target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]
        for node in nodes:
            function = self._index.function(node) if isinstance(node, ast.Attribute) else None
            owner = None if function is None else self._attributes.owner(function)
            if owner is not None and isinstance(node, ast.Attribute) and isinstance(function, Method):
                found[owner].add((node.attr, function.name))
        return found


def _is_load(node: ast.Attribute | ast.Subscript) -> bool:
    return node.ctx.__class__ is ast.Load


def _is_own(node: ast.expr) -> bool:
    """Whether an expression is an attribute of a name, or an item of one."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
