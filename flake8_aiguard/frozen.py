"""Writes to objects of frozen classes that go round what freezes them."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from flake8_aiguard.classes import Classes, ending, is_expected_to_raise
from flake8_aiguard.module import Module
from flake8_aiguard.scopes import Binding, Kind
from flake8_aiguard.shapes import argument, is_constant, is_none, last_name, string
from flake8_aiguard.writes import How, Write, Writes

_BYPASSES: Final = ("__setattr__", "__delattr__", "__dict__", "vars")
_IDENTITY: Final = (ast.Is, ast.IsNot)
_MEMBERSHIP: Final = (ast.In, ast.NotIn)
_PYDANTIC: Final = "model_copy(update=...)"


@dataclass(frozen=True, slots=True)
class Bypass:
    """A write to a frozen object after it was constructed.

    Attributes:
        write: the write.
        name: the attribute; ``None`` where it is not written out.
        owner: the frozen class.
        copy: the call that builds a changed copy.
    """

    write: Write
    name: str | None
    owner: ast.ClassDef
    copy: str


class Frozen:
    """The frozen classes of one file.

    Args:
        module: the file.
        classes: its classes.
        writes: its writes.
    """

    def __init__(self, module: Module, classes: Classes, writes: Writes) -> None:
        self._module = module
        self._classes = classes
        self._writes = writes

    def bypasses(self) -> Iterator[Bypass]:
        """The writes by ``object.__setattr__`` and the like, but for those that build an object or fill an attribute late."""
        if not any(word in self._module.source for word in _BYPASSES):
            return
        for name, write in self._writes.by_name:
            if not write.bypasses or write.receiver is None:
                continue
            owner = self._classes.of(write.receiver)
            if not isinstance(owner, ast.ClassDef) or (name or "").startswith("__"):
                continue
            row = self._classes.frozen(owner)
            if row is None and name not in self._classes.frozen_fields(owner):
                continue
            if not self._is_cache(owner, name, write) and not self._classes.is_building(
                write.node, write.receiver
            ):
                yield Bypass(write, name, owner, row["copy"] if row else _PYDANTIC)

    def _is_cache(self, owner: ast.ClassDef, name: str | None, write: Write) -> bool:
        """Whether an attribute is filled late on purpose, and no part of what the object was constructed with."""
        if is_expected_to_raise(self._module, write.node):
            return True
        if name is None:
            return False
        bindings = self._classes.bindings(owner, name)
        if write.how is How.DELETED and not bindings:
            return True  # no field: it was set for a while
        if any(binding.kind is Kind.FUNCTION for binding in bindings):
            return True
        if any(self._is_set_later(binding) for binding in bindings):
            return True
        if name.startswith("_") and not any(
            binding.kind is Kind.ANNOTATED and binding.value is None for binding in bindings
        ):
            return True
        return self._is_guarded(write.node, name) or self._is_own_setter(owner, write.node, bindings)

    def _is_own_setter(self, owner: ast.ClassDef, node: ast.AST, bindings: list[Binding]) -> bool:
        """Whether all that a method ``set_...`` of the class does is to fill a field that is ``None`` without it."""
        function = self._module.index.function(node)
        return (
            isinstance(function, ast.FunctionDef)
            and function.name.startswith("set_")
            and self._module.index.class_of(function) is owner
            and function.body == [self._module.index.statement(node)]
            and any(is_none(binding.value) for binding in bindings)
        )

    def _is_set_later(self, binding: Binding) -> bool:
        """Whether a field is declared ``field(init=False)``: no constructor takes it, and ``replace()`` refuses it."""
        value = binding.value
        return (
            isinstance(value, ast.Call)
            and ending(self._module, value.func) in ("field", "attrib", "ib")
            and is_constant(argument(value, "init"), False)
        )

    def _is_guarded(self, node: ast.AST, name: str) -> bool:
        """Whether a function asks whether an attribute is set: it fills it once."""
        index = self._module.index
        if name in self._asked.get(index.function(node), ()):
            return True
        caught = [outer.type for outer in index.ancestors(node) if isinstance(outer, ast.ExceptHandler)]
        return any(
            last_name(item) in ("AttributeError", "KeyError")
            for kind in caught
            for item in (kind.elts if isinstance(kind, ast.Tuple) else [kind])
        )

    @functools.cached_property
    def _asked(self) -> dict[ast.AST | None, set[str]]:
        """The attributes that the conditions in each function ask for: set or not, true or not."""
        index = self._module.index
        found: dict[ast.AST | None, set[str]] = {}
        nodes: list[ast.If | ast.IfExp] = [*index.nodes(ast.If), *index.nodes(ast.IfExp)]
        for node in nodes:
            names = found.setdefault(index.function(node), set())
            for part in ast.walk(node.test):
                asked: list[ast.expr] = []
                if isinstance(part, ast.Compare) and isinstance(part.ops[0], _IDENTITY):
                    asked = [part.left, *part.comparators]
                elif isinstance(part, ast.Compare) and isinstance(part.ops[0], _MEMBERSHIP):
                    asked = [part.left]  # what is looked for in an attribute says that it is set
                elif isinstance(part, ast.Call) and last_name(part.func) in ("hasattr", "getattr"):
                    asked = part.args
                elif isinstance(part, ast.Attribute) and _is_truth(index.parent(part)):
                    asked = [part]
                names.update(
                    item.attr if isinstance(item, ast.Attribute) else string(item) or "" for item in asked
                )
        return found


def _is_truth(parent: ast.AST | None) -> bool:
    """Whether what stands below this node is asked for its truth."""
    return isinstance(parent, (ast.If, ast.IfExp, ast.BoolOp)) or (
        isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)
    )
