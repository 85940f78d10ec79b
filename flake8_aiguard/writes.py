"""What changes a variable or an attribute: rebinding, deletion, a change of its value in place."""

from __future__ import annotations

import ast
import dataclasses
import enum
import functools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.index import FUNCTIONS, Scope
from flake8_aiguard.module import Module
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import argument, default, dotted, parameters, string

_SETTERS: Final = {"setattr": 3, "delattr": 2, "__setattr__": 3, "__delattr__": 2}
_DICT_METHODS: Final = ("__delitem__", "__setitem__", "clear", "pop", "popitem", "setdefault", "update")


class How(enum.Enum):
    """What a write does."""

    REBOUND = enum.auto()
    DELETED = enum.auto()
    CHANGED = enum.auto()


@dataclass(frozen=True, slots=True)
class Write:
    """One write.

    Attributes:
        node: the node that a person would change: the target, or the call.
        how: what it does.
        text: how the code spells it: ``LIMITS.update()``, ``LIMITS['a'] = ...``.
        receiver: the object whose attribute is written; ``None`` for a variable.
        bypasses: whether it goes round the ``__setattr__`` of the object's class.
        alias: the local variable that it goes through.
        deep: whether it changes an attribute of the value, not the value as a container.
    """

    node: ast.expr
    how: How
    text: str
    receiver: ast.expr | None = None
    bypasses: bool = False
    alias: str | None = None
    deep: bool = False


class Writes:
    """The writes of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._index = module.index
        self._scopes = module.scopes

    # -- questions

    def to_variable(self, scope: Scope, name: str, *, in_place: bool = True) -> Iterator[Write]:
        """The writes to a variable, its first binding included; parameters, definitions and imports are none.

        Args:
            scope: the scope that owns it.
            name: its identifier.
            in_place: whether its value can be changed in place.
        """
        for binding in self._scopes.bindings(scope, name):
            if isinstance(binding.node, ast.Name):
                how = How.DELETED if binding.kind is Kind.DELETE else How.REBOUND
                yield Write(binding.node, how, self._spelled(binding.node))
        for use in self._scopes.uses(scope, name) if in_place else ():
            yield from self.changes(use)

    def to_attribute(self, name: str) -> Iterator[Write]:
        """The writes to an attribute of any object, by its name.

        Args:
            name: the attribute.

        Yields:
            Targets, changes in place, and what ``setattr`` and ``__dict__`` write under a literal name.
        """
        for node in self._attributes.get(name, ()):
            if isinstance(node.ctx, ast.Load):
                for change in self.changes(node):
                    yield dataclasses.replace(change, receiver=node.value)
            else:
                how = How.DELETED if isinstance(node.ctx, ast.Del) else How.REBOUND
                yield Write(node, how, self._spelled(node), node.value)
        for written, write in self.by_name:
            if written == name:
                yield write

    @functools.cached_property
    def _attributes(self) -> dict[str, list[ast.Attribute]]:
        found: dict[str, list[ast.Attribute]] = defaultdict(list)
        for node in self._index.nodes(ast.Attribute):
            found[node.attr].append(node)
        return found

    # -- a change in place

    def changes(self, node: ast.expr, *, alias: bool = True) -> Iterator[Write]:
        """The changes of a value in place through one mention of it.

        Args:
            node: a load of a variable or attribute.
            alias: whether a local variable that is bound to nothing else is followed, one hop.
        """
        index = self._index
        place: ast.expr = node
        deep = False
        while True:
            parent = index.parent(place)
            if isinstance(parent, ast.Subscript) and place is parent.value:
                place = parent
            elif isinstance(parent, ast.Attribute):
                call = index.parent(parent)
                if isinstance(call, ast.Call) and call.func is parent:
                    if parent.attr in _mutators():
                        yield Write(call, How.CHANGED, f"{_text(parent)}()", deep=deep)
                    return
                place, deep = parent, True
            else:
                break
            if not isinstance(place.ctx, ast.Load):
                yield Write(place, How.CHANGED, self._spelled(place), deep=deep)
                return
        if isinstance(parent, ast.Call) and parent.args and parent.args[0] is place:
            name = self._module.qualname(parent.func)
            if name in knowledge.by_call("writes.function"):
                yield Write(parent, How.CHANGED, f"{dotted(parent.func)}({_text(place)})", deep=deep)
        elif alias and not deep and not _is_slice(place):
            yield from self._through_alias(place, parent)

    def _through_alias(self, value: ast.expr, parent: ast.AST | None) -> Iterator[Write]:
        """The changes through a name for the same value: ``x = LIMITS``, ``x = x or LIMITS``, ``def f(x=LIMITS)``."""
        index = self._index
        node: ast.AST = value
        while isinstance(parent, ast.BoolOp) or (isinstance(parent, ast.IfExp) and node is not parent.test):
            node, parent = parent, index.parent(parent)
        definition: ast.AST | None = None
        if isinstance(parent, ast.arguments) and isinstance(function := index.parent(parent), FUNCTIONS):
            definition = next(
                (item for item in parameters(function) if default(function, item) is value), None
            )
        elif isinstance(parent, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and parent.value is node:
            function = index.function(parent)
            definition = parent
        else:
            return
        if function is None or definition is None:
            return
        names = [definition.arg] if isinstance(definition, ast.arg) else _bound_names(definition)
        candidates = (
            use
            for name in names
            for use in self._scopes.uses(function, name)
            if next(self.changes(use, alias=False), None) is not None
        )
        if next(candidates, None) is None:
            return  # spares the paths of a function that changes nothing
        for use in self._module.def_use(function).uses(definition) or ():
            for change in self.changes(use, alias=False):
                yield Write(change.node, change.how, change.text, alias=use.id, deep=change.deep)

    def _spelled(self, target: ast.Name | ast.Attribute | ast.Subscript) -> str:
        """A target as the code writes to it."""
        if isinstance(target.ctx, ast.Del):
            return f"del {_text(target)}"
        is_augmented = isinstance(self._index.parent(target), ast.AugAssign)
        return f"the augmented assignment to {_text(target)}" if is_augmented else f"{_text(target)} = ..."

    # -- setattr and __dict__

    @functools.cached_property
    def by_name(self) -> list[tuple[str | None, Write]]:
        """The writes of attributes whose name is a value: ``setattr``, ``__setattr__``, ``__dict__``, ``vars()``.

        The name is ``None`` where it is no literal.
        """
        found: list[tuple[str | None, Write]] = []
        for call in self._index.calls_named(_SETTERS):
            found += self._set(call)
        for node in self._index.nodes(ast.Attribute):
            if node.attr == "__dict__":
                found += self._in_dict(node, node.value)
        for call in self._index.calls_named(("vars",)):
            if len(call.args) == 1 and self._module.qualname(call.func) == "builtins.vars":
                found += self._in_dict(call, call.args[0])
        return found

    def _set(self, call: ast.Call) -> Iterator[tuple[str | None, Write]]:
        """``setattr(obj, name, value)``, ``object.__setattr__(obj, ...)``, ``super().__setattr__(...)``."""
        function = call.func
        count = len(call.args)
        if count == 0 or any(isinstance(item, ast.Starred) for item in call.args) or call.keywords:
            return
        if isinstance(function, ast.Attribute) and function.attr.startswith("__"):
            wanted = _SETTERS[function.attr]
            bypasses = True
            if count == wanted:
                receiver, name = call.args[0], call.args[1]
            elif count == wanted - 1:
                receiver, name = function.value, call.args[0]
                bypasses = isinstance(receiver, ast.Call)
            else:
                return
        else:
            known = (self._module.qualname(function) or "").removeprefix("builtins.")
            bypasses = known.startswith("object.")
            if count != _SETTERS.get(known.removeprefix("object."), 0):
                return
            receiver, name = call.args[0], call.args[1]
        spelled = dotted(function) or f"super().{getattr(function, 'attr', '')}"
        how = How.DELETED if "del" in spelled.rpartition(".")[2] else How.REBOUND
        yield string(name), Write(call, how, f"{spelled}()", receiver, bypasses)

    def _in_dict(self, node: ast.expr, receiver: ast.expr) -> Iterator[tuple[str | None, Write]]:
        parent = self._index.parent(node)
        if isinstance(parent, ast.Subscript) and parent.value is node:
            if isinstance(parent.ctx, ast.Load):
                return
            how = How.DELETED if isinstance(parent.ctx, ast.Del) else How.REBOUND
            yield string(parent.slice), Write(parent, how, self._spelled(parent), receiver, True)
        elif isinstance(parent, ast.Attribute) and parent.attr in _DICT_METHODS:
            call = self._index.parent(parent)
            if isinstance(call, ast.Call) and call.func is parent:
                names: set[str | None] = set()
                if parent.attr in ("pop", "setdefault", "__setitem__", "__delitem__"):
                    names.add(string(argument(call, None, 0)))
                elif parent.attr == "update":
                    names.update(item.arg for item in call.keywords)
                    for item in call.args:
                        names.update(map(string, item.keys) if isinstance(item, ast.Dict) else (None,))
                else:
                    names.add(None)
                for name in sorted(names, key=str):
                    yield name, Write(call, How.REBOUND, f"{_text(parent)}()", receiver, True)


def _is_slice(node: ast.expr) -> bool:
    """Whether an expression is a part of a list, which is a new list: ``HOSTS[:]``."""
    return isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice)


def _bound_names(definition: ast.AST) -> list[str]:
    """The plain names that an assignment binds."""
    targets = (
        definition.targets if isinstance(definition, ast.Assign) else [getattr(definition, "target", None)]
    )
    return [target.id for target in targets if isinstance(target, ast.Name)]


@knowledge.cached
def _mutators() -> frozenset[str]:
    return frozenset(name for row in knowledge.rows("writes.mutator") for name in row["methods"])


def _text(node: ast.expr) -> str:
    """How code spells a place, subscripts shortened: ``LIMITS[...].hosts``."""
    parts: list[str] = []
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        if isinstance(node, ast.Attribute):
            parts.append(f".{node.attr}")
        else:
            key = node.slice
            shown = repr(key.value) if isinstance(key, ast.Constant) and len(repr(key.value)) < 30 else "..."
            parts.append(f"[{shown}]")
        node = node.value
    start = (
        node.id
        if isinstance(node, ast.Name)
        else f"{dotted(node.func) or '...'}(...)"
        if isinstance(node, ast.Call)
        else "..."
    )
    return start + "".join(reversed(parts))
