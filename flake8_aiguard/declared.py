"""What ``Final`` and ``MappingProxyType`` declare immutable, and who changes it all the same."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from flake8_aiguard.classes import Classes, ending, is_expected_to_raise
from flake8_aiguard.constants import Constants
from flake8_aiguard.index import TRIES
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Binding, Kind
from flake8_aiguard.shapes import argument, last_name, string
from flake8_aiguard.writes import How, Write, Writes

_FINAL: Final = frozenset({"typing.Final", "typing_extensions.Final"})
_AROUND_FINAL: Final = frozenset(
    f"{module}.{name}" for module in ("typing", "typing_extensions") for name in ("Annotated", "ClassVar")
)
_READ_ONLY: Final = (
    "AbstractSet",
    "Collection",
    "FrozenSet",
    "Iterable",
    "Mapping",
    "MappingProxyType",
    "Sequence",
    "frozenset",
)
_FINAL_TEXT: Final = regex(r"\s*(\w+\.)?Final\b")
_FINAL_READ_ONLY: Final = regex(rf"\s*(\w+\.)?Final\[(\w+\.)*({'|'.join(_READ_ONLY)})\b")


class Declared:
    """What one file declares immutable.

    Args:
        module: the file.
        classes: its classes.
        writes: its writes.
        constants: its constants.
    """

    def __init__(self, module: Module, classes: Classes, writes: Writes, constants: Constants) -> None:
        self._module = module
        self._classes = classes
        self._writes = writes
        self._known = constants

    def finals(self) -> Iterator[tuple[ast.AnnAssign, Write]]:
        """The declarations of ``Final`` names and attributes, each with a write that it forbids."""
        if "Final" not in self._module.source:
            return
        for node in self._module.index.nodes(ast.AnnAssign):
            inner = self._final(node.annotation)
            if inner is None:
                continue
            for write in self._after_final(node):
                if write.how is How.CHANGED and (
                    not self._is_constant_value(node, inner)
                    or self._known.is_on_purpose(write.node, last_name(node.target) or "", is_final=True)
                ):
                    continue
                yield node, write

    def proxies(self) -> Iterator[tuple[ast.Call, ast.expr, Write]]:
        """The calls of ``MappingProxyType``, each with its source and a later change of it."""
        for call in self._module.index.calls_named(("MappingProxyType",)):
            source = argument(call, "mapping", 0)
            if self._module.qualname(call.func) == "types.MappingProxyType" and source is not None:
                for write in self._behind(call, source):
                    yield call, source, write

    # -- Final

    def _final(self, annotation: ast.expr) -> ast.expr | None:
        """What a ``Final`` annotation holds; itself, where it holds nothing."""
        node = annotation
        while isinstance(node, ast.Subscript) and self._module.qualname(node.value) in _AROUND_FINAL:
            node = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) and node.slice.elts else node.slice
        text = string(node)
        if text is not None:
            return node if _FINAL_TEXT.match(text) else None
        base = node.value if isinstance(node, ast.Subscript) else node
        if self._module.qualname(base) not in _FINAL:
            return None
        return node.slice if isinstance(node, ast.Subscript) else node

    def _after_final(self, node: ast.AnnAssign) -> Iterator[Write]:
        """The writes to what is declared Final that are not its initialisation."""
        index = self._module.index
        target = node.target
        owner: ast.AST | None = None
        if isinstance(target, ast.Name):
            scope = self._module.scopes.owner(index.scope(target), target.id)
            if scope is None:
                return
            for write in self._writes.to_variable(scope, target.id):
                statement = index.statement(write.node)
                if index.function(node) is not None and self._declares(statement):
                    continue  # the same constant, spelled out on two ways through one function
                if statement is node or (node.value is None and write.how is not How.CHANGED):
                    continue
                if not self._excludes(node, statement) and (
                    write.how is not How.CHANGED or index.function(write.node) is not index.function(node)
                ):
                    yield write
            owner = scope
        elif isinstance(target, ast.Attribute):
            owner = self._classes.around(target)
        if isinstance(owner, ast.ClassDef):
            for write in self._writes.to_attribute(last_name(target) or ""):
                assert write.receiver is not None
                kind = self._classes.of(write.receiver)
                if (
                    isinstance(kind, ast.ClassDef)
                    and owner in self._classes.lineage(kind)
                    and index.statement(write.node) is not node
                    and not self._classes.is_building(write.node, write.receiver)
                    and not is_expected_to_raise(self._module, write.node)
                ):
                    yield write

    def _declares(self, statement: ast.stmt) -> bool:
        return isinstance(statement, ast.AnnAssign) and self._final(statement.annotation) is not None

    def _excludes(self, one: ast.AST, other: ast.AST) -> bool:
        """Whether two statements stand in different branches of one ``if``, ``try`` or ``match``."""
        index = self._module.index
        path = {one: one}
        child = one
        for outer in index.ancestors(one):
            path[outer] = child
            child = outer
        child = other
        for outer in index.ancestors(other):
            if outer in path:
                fields = [
                    name
                    for side in (child, path[outer])
                    for name, value in ast.iter_fields(outer)
                    if value is side or (isinstance(value, list) and side in value)
                ]
                return isinstance(outer, (ast.If, ast.Match, *TRIES)) and (
                    fields[0] != fields[-1] or isinstance(outer, ast.Match)
                )
            child = outer
        return False

    def _is_constant_value(self, node: ast.AnnAssign, inner: ast.expr) -> bool:
        """Whether a Final value is not to change either: a read-only type, or a display with content."""
        base = inner.value if isinstance(inner, ast.Subscript) else inner
        if ending(self._module, base) in _READ_ONLY or _FINAL_READ_ONLY.match(string(inner) or ""):
            return True
        name = last_name(node.target) or ""
        if node.value is None or self._known.is_state(name):
            return False
        # What starts empty is there to be filled, unless all objects of a class share it or it is named as a constant.
        is_shared = isinstance(self._module.index.scope(node), ast.ClassDef) or (
            name.isupper() and not name.startswith("_") and self._module.index.function(node) is None
        )
        return self._known.has_content(node.value) or (is_shared and self._known.is_container(node.value))

    # -- a MappingProxyType's source

    def _behind(self, call: ast.Call, source: ast.expr) -> Iterator[Write]:
        """The changes of a proxy's source after the proxy was made."""
        index = self._module.index
        if isinstance(source, ast.Name):
            scope = self._module.scopes.owner(index.scope(source), source.id)
            bindings = [] if scope is None else self._module.scopes.bindings(scope, source.id)
            if scope is None or len(bindings) != 1 or not self._is_filled(bindings[0]):
                return
            for write in self._writes.to_variable(scope, source.id):
                if write.how is not How.CHANGED or write.deep:
                    continue
                if isinstance(scope, ast.Module):
                    if not self._known.is_on_purpose(write.node, source.id):
                        yield write
                elif write.node.lineno > call.lineno and not self._excludes(
                    index.statement(call), index.statement(write.node)
                ):
                    yield write
        elif isinstance(source, ast.Attribute) and isinstance(
            index.statement(call), (ast.Assign, ast.AnnAssign)
        ):
            owner = self._classes.of(source.value)
            if not isinstance(owner, ast.ClassDef):
                return
            values = [
                parent.value
                for store in self._module.receivers.attribute_stores(owner, source.attr)
                if isinstance(parent := index.parent(store), (ast.Assign, ast.AnnAssign))
            ]
            if len(values) != 1 or values[0] is None or not self._known.has_content(values[0]):
                return
            for write in self._writes.to_attribute(source.attr):
                if (
                    write.how is How.CHANGED
                    and not write.deep
                    and write.receiver is not None
                    and self._classes.of(write.receiver) is owner
                    and not self._classes.is_building(write.node, write.receiver)
                ):
                    yield write

    def _is_filled(self, binding: Binding) -> bool:
        """Whether a source is bound to something that was complete when it was wrapped."""
        if binding.kind is Kind.PARAMETER:
            return True
        value = binding.value
        if isinstance(value, ast.Call) and (value.args or value.keywords):
            return ending(self._module, value.func) not in (
                "defaultdict",
                "WeakValueDictionary",
                "WeakKeyDictionary",
            )
        return value is not None and (self._known.has_content(value) or _are_flags(value))


def _are_flags(value: ast.expr) -> bool:
    """Whether a dict says for each key whether it is on: a view of it shows all there are."""
    return isinstance(value, ast.Dict) and any(
        isinstance(item, ast.Constant) and isinstance(item.value, bool) for item in value.values
    )
