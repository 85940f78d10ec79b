"""What a class does with its attributes: which function reads or changes them, and what they hold."""

from __future__ import annotations

import ast
import bisect
import enum
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from flake8_aiguard import knowledge
from flake8_aiguard.index import Scope
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.receivers import first_parameter
from flake8_aiguard.scopes import Kind as ScopeKind
from flake8_aiguard.shapes import argument, end_of, last_name, start_of

_EMPTY = frozenset({"list", "dict", "set", "deque", "defaultdict", "OrderedDict", "Counter"})
_HEAPS = frozenset(
    {"heapify", "heappop", "heappush", "heappushpop", "heapreplace", "insort", "insort_left", "insort_right"}
)
_Place = TypeVar("_Place", ast.Attribute, ast.Subscript)
Method: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


class Kind(enum.Enum):
    """What a mention of an attribute does with it."""

    READ = enum.auto()
    BIND = enum.auto()
    AUGMENT = enum.auto()
    ITEM = enum.auto()
    CALL = enum.auto()


WRITES: Final = frozenset({Kind.BIND, Kind.AUGMENT, Kind.ITEM, Kind.CALL})


@dataclass(frozen=True, slots=True, eq=False)
class Access:
    """One mention of an attribute in a method, or in a function within a method.

    Attributes:
        name: the attribute.
        kind: BIND (or ``del``), AUGMENT (``self.x += 1``), ITEM (``self.x[k] = v``, ``del self.x[k]``), CALL of a method that
            changes a container in place (``self.x.append(v)``), else READ.
        node: the attribute expression.
        function: the function that runs it.
        method: the name of the method that changes it, for CALL.
    """

    name: str
    kind: Kind
    node: ast.Attribute
    function: Method
    method: str = ""


class Attributes:
    """The attributes of the classes in one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._index = module.index

    @memoised
    def accesses(self, owner: ast.ClassDef) -> dict[str, list[Access]]:
        """What a class does with its attributes: the mentions of each in its functions, in document order."""
        found: defaultdict[str, list[Access]] = defaultdict(list)
        names = self.instance_names(owner)
        runners: dict[tuple[Scope, str], Method | None] = {}
        for node in self.within(ast.Attribute, owner):
            name = node.value
            if isinstance(name, ast.Name) and name.id in names:
                key = (self._index.scope(name), name.id)
                if key not in runners:
                    runners[key] = self._method(node) if self._is_instance(name, key[0], owner) else None
                function = runners[key]
                if function is not None:
                    kind, method = self._kind(node)
                    found[node.attr].append(Access(node.attr, kind, node, function, method))
        return dict(found)

    def _is_instance(self, name: ast.Name, scope: Scope, owner: ast.ClassDef) -> bool:
        """Whether a name is the instance that a method of a class works on, or the class itself."""
        first = first_parameter(scope) if self._index.class_of(scope) is owner else None  # type: ignore[arg-type]
        if (
            first is not None
            and first.arg == name.id
            and len(self._module.scopes.bindings(scope, name.id)) == 1
        ):
            return True
        return self._module.receivers.class_behind(name) is owner

    def _method(self, node: ast.AST) -> Method | None:
        """The function around a node that is no lambda."""
        function = self._index.function(node)
        while isinstance(function, ast.Lambda):
            function = self._index.function(function)
        return function

    @memoised
    def instance_names(self, owner: ast.ClassDef) -> set[str]:
        functions = (item for item in owner.body if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)))
        first = (first_parameter(function) for function in functions)
        return {owner.name, *(parameter.arg for parameter in first if parameter is not None)}

    def _kind(self, node: ast.Attribute) -> tuple[Kind, str]:
        index = self._index
        parent = index.parent(node)
        if not isinstance(node.ctx, ast.Load):
            return (Kind.AUGMENT if isinstance(parent, ast.AugAssign) else Kind.BIND), ""
        item: ast.AST = node
        while isinstance(parent, ast.Subscript) and parent.value is item:
            if not isinstance(parent.ctx, ast.Load):
                return Kind.ITEM, ""
            item, parent = parent, index.parent(parent)
        if isinstance(parent, ast.Attribute) and parent.attr in changing_methods():
            call = index.parent(parent)
            if isinstance(call, ast.Call) and call.func is parent:
                return Kind.CALL, parent.attr
        if isinstance(parent, ast.Call) and parent.args[:1] == [item] and last_name(parent.func) in _HEAPS:
            return Kind.CALL, last_name(parent.func) or ""
        return Kind.READ, ""

    def own(self, node: ast.AST) -> dict[str, list[Access]]:
        """What the class around a node does with its attributes."""
        owner = self.owner(node)
        return {} if owner is None else self.accesses(owner)

    @memoised
    def is_container(self, owner: ast.ClassDef, name: str) -> bool | None:
        """Whether an attribute is a list, dict, set or deque; ``None`` where the class does not show what it is."""
        seen: bool | None = None
        for value, annotation in self.values(owner, name):
            if annotation is not None:
                base = annotation.value if isinstance(annotation, ast.Subscript) else annotation
                return self._module.qualname(base) in _containers()
            if isinstance(value, (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)):
                return True
            if isinstance(value, ast.Call):
                if self._constructs(value):
                    return True
                seen = False
            elif isinstance(value, ast.Constant) and value.value is not None:
                seen = False
        return seen

    def holds_bytes(self, owner: ast.ClassDef, name: str) -> bool:
        """Whether an attribute is a buffer of bytes."""
        return any(
            (isinstance(value, ast.Constant) and isinstance(value.value, bytes))
            or (isinstance(value, ast.Call) and last_name(value.func) in ("bytearray", "bytes"))
            or last_name(annotation) in ("bytearray", "bytes")
            for value, annotation in self.values(owner, name)
        )

    def is_property(self, owner: ast.ClassDef, name: str) -> bool:
        """Whether the class or a base of this file defines an attribute as a property, which does what its setter does."""
        return any(
            binding.kind is ScopeKind.FUNCTION
            for family in self.family(owner)
            for binding in self._module.scopes.bindings(family, name)
        )

    def constructors(self, owner: ast.ClassDef, name: str) -> Iterator[str]:
        """The last identifiers of what is called for the values of an attribute, or annotates it."""
        for value, annotation in self.values(owner, name):
            base = annotation.value if isinstance(annotation, ast.Subscript) else annotation
            for node in (base, value.func if isinstance(value, ast.Call) else None):
                yield last_name(node) or ""

    def is_deque(self, owner: ast.ClassDef, name: str) -> bool:
        """Whether an attribute is a deque, whose ``append`` and ``popleft`` are atomic."""
        found = list(self.values(owner, name))
        return bool(found) and all(
            isinstance(value, ast.Call) and self._module.qualname(value.func) == "collections.deque"
            for value, _ in found
        )

    def _constructs(self, call: ast.Call) -> bool:
        made = self._module.qualname(call.func)
        factory = argument(call, "default_factory") or argument(call, "factory")
        return made in _containers() or (
            factory is not None and self._module.qualname(factory) in _containers()
        )

    def values(self, owner: ast.ClassDef, name: str) -> Iterator[tuple[ast.expr | None, ast.expr | None]]:
        """What an attribute is bound to and annotated with, in the class and its bases of this file."""
        parameter: ast.arg | None
        for family in self.family(owner):
            for binding in self._module.scopes.bindings(family, name):
                yield binding.value, binding.annotation
            for store in self._module.receivers.attribute_stores(family, name):
                assign = self._index.parent(store)
                if isinstance(assign, ast.AnnAssign):
                    yield assign.value, assign.annotation
                elif isinstance(assign, ast.Assign):
                    value = assign.value
                    alternatives = value.values if isinstance(value, ast.BoolOp) else [value]
                    for alternative in alternatives:
                        parameter = self._parameter(alternative)
                        yield alternative, None if parameter is None else parameter.annotation

    def _parameter(self, value: ast.expr) -> ast.arg | None:
        resolved = self._module.scopes.resolve(value) if isinstance(value, ast.Name) else None
        node = resolved[1][0].node if resolved is not None and len(resolved[1]) == 1 else None
        return node if isinstance(node, ast.arg) else None

    @memoised
    def family(self, owner: ast.ClassDef) -> tuple[ast.ClassDef, ...]:
        """A class and its bases in this file, itself first."""
        found = [owner]
        for item in found:
            bases = (self._module.receivers.definition(base) for base in item.bases)
            found += [base for base in bases if isinstance(base, ast.ClassDef) and base not in found]
        return tuple(found)

    def owner(self, node: ast.AST) -> ast.ClassDef | None:
        """The class in whose methods or body a node stands; ``None`` outside of classes."""
        scope = self._index.scope(node)
        while not isinstance(scope, ast.ClassDef):
            if isinstance(scope, ast.Module):
                return None
            scope = self._index.scope(scope)
        return scope

    def within(self, kind: type[_Place], scope: ast.AST) -> list[_Place]:
        """The nodes of a class that stand in another node."""
        nodes = self._index.nodes(kind)
        first, last = (
            bisect.bisect_left(nodes, where, key=start_of) for where in (start_of(scope), end_of(scope))
        )
        return nodes[first:last]


@knowledge.cached
def _containers() -> frozenset[str]:
    return frozenset(name for row in knowledge.rows("shared_state.container") for name in row["types"])


@knowledge.cached
def changing_methods() -> frozenset[str]:
    """The methods that change a container in place."""
    return frozenset(name for row in knowledge.rows("shared_state.container") for name in row["methods"])


def is_empty(node: ast.expr | None) -> bool:
    """Whether an expression is a new, empty container."""
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return not node.elts
    if isinstance(node, ast.Dict):
        return not node.keys
    if not isinstance(node, ast.Call) or last_name(node.func) not in _EMPTY:
        return False
    return not node.args or last_name(node.func) == "defaultdict" or is_empty(node.args[0])
