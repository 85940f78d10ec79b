"""Untyped data: parsed text, the body of a request, an event, and what is annotated ``dict`` or ``Any``."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.classes import Classes
from flake8_aiguard.index import FUNCTIONS, Scope
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.scopes import Binding, Kind
from flake8_aiguard.shapes import argument, is_none, last_name, string

_STEPS: Final = 12  # from a lookup back to where the data comes from
_PARTS: Final = 40  # of one annotation
_LOOKUPS: Final = ("get", "pop")
_SAME_ITEMS: Final = (
    "builtins.dict",
    "builtins.iter",
    "builtins.list",
    "builtins.reversed",
    "builtins.sorted",
    "builtins.tuple",
)
_DISPLAYS: Final = (ast.Dict, ast.DictComp, ast.List, ast.ListComp, ast.Set, ast.SetComp, ast.Tuple)
_WRAPPERS: Final = ("Annotated", "ClassVar", "Final", "NotRequired", "Optional", "ReadOnly", "Required")
_DECODERS: Final = ("cls", "object_hook", "object_pairs_hook", "type")
_NO_TYPE: Final = ("ClassVar", "Final", "TypeAlias")
_WHERE: Final = {
    "event": "the event",
    "file": "a file",
    "json": "JSON",
    "request": "the request",
    "response": "a response",
    "toml": "TOML",
    "yaml": "YAML",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What an annotation promises.

    Attributes:
        annotation: the annotation, stripped of what says optional; ``None`` where it promises nothing.
        scope: where its names are looked up.
        optional: whether it admits ``None``.
    """

    annotation: ast.expr | None
    scope: Scope
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Data:
    """A value of which nothing is known but what its shape says.

    Attributes:
        shape: what its annotation promises.
        origin: where it comes from, as a message says it: ``JSON``, ``the request``; ``""`` for what is only annotated so.
        is_text: whether it is a mapping of which every value is a ``str``.
    """

    shape: Shape
    origin: str = ""
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class Lookup:
    """One lookup in untyped data.

    Attributes:
        node: the lookup.
        container: what is asked.
        key: what for.
        data: what is known of the container.
        may_miss: whether it is ``None`` where the key is missing.
        has_default: whether it is something else there.
    """

    node: ast.expr
    container: ast.expr
    key: ast.expr
    data: Data
    may_miss: bool
    has_default: bool


class Untyped:
    """The untyped data of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._classes = Classes(module)
        self._open: set[ast.AST] = set()  # names whose data is being looked for

    def lookup(self, node: ast.expr) -> Lookup | None:
        """The lookup in untyped data that an expression is: nothing says what type its value has.

        Args:
            node: ``data["id"]``, ``data.get("id")``.

        Returns:
            The lookup; ``None`` for any other expression, and where the data or its annotation gives the value a type.
        """
        container, key, may_miss = asked(node)
        if container is None or key is None:
            return None
        data = self.data(container)
        if data is None:
            return None
        inner = self._element(data)
        if inner is None or not self.is_any(inner.shape):
            return None
        has_default = not may_miss and isinstance(node, ast.Call) and len(node.args) + len(node.keywords) > 1
        return Lookup(node, container, key, data, may_miss, has_default)

    def is_any(self, shape: Shape) -> bool:
        """Whether an annotation promises nothing: ``Any``, ``object``."""
        if shape.annotation is None:
            return True
        name = self._module.imports.qualname(shape.annotation, shape.scope)
        return name in _any_names() or (self._called(shape.annotation, shape.scope) or "").endswith(
            _any_suffixes()
        )

    # -- where data comes from

    def data(self, node: ast.expr, steps: int = _STEPS) -> Data | None:
        """What is known of an expression that is untyped data; ``None`` for any other.

        Args:
            node: an expression.
            steps: through how many expressions it is followed.
        """
        if steps == 0:
            return None
        if isinstance(node, ast.Await):
            return self.data(node.value, steps - 1)
        row = self._module.sources.row(node)
        if row is not None:
            return self._sourced(node, row)
        container, key, _ = asked(node)
        if container is not None and key is not None:
            found = self.data(container, steps - 1)
            if found is None or not (found.origin or is_fixed(key)):
                return None  # or what the program registers under names of its own
            return self._element(found)
        if isinstance(node, ast.Name):
            return self._named(node, steps)
        if isinstance(node, ast.Attribute):
            return self._attribute(node, steps)
        if isinstance(node, ast.Call):
            return self._returned(node, steps)
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            return self.data(node.values[0], steps - 1)
        if isinstance(node, (ast.ListComp, ast.GeneratorExp)):
            found = self.data(node.elt, steps - 1)  # what a lookup in the list gives
            return found if found is not None and self.is_any(found.shape) else None
        return self.data(node.value, steps - 1) if isinstance(node, ast.NamedExpr) else None

    def _sourced(self, node: ast.expr, row: knowledge.Row) -> Data | None:
        """The data of a source of ``untrusted.toml``."""
        called = node.value if isinstance(node, ast.Await) else node
        called = called.func if isinstance(called, ast.Call) else called
        name, last = self._module.qualname(called), last_name(called)
        if name in _named("exempt", "calls") or name in _named("opaque", "names"):
            return None
        is_request = row["kind"] == "request"
        if is_request and name is None and last in _named("opaque", "attributes"):
            return None
        is_text = is_request and (
            name in _named("text", "names") or (name is None and last in _named("text", "attributes"))
        )
        if not row.get("untyped") and not is_text:
            return None
        call = node.value if isinstance(node, ast.Await) else node
        if isinstance(call, ast.Call) and any(item.arg in _DECODERS for item in call.keywords):
            return None  # which make objects of what they parse
        return Data(Shape(None, self._module.tree), _WHERE[row["kind"]], is_text)

    def _returned(self, call: ast.Call, steps: int) -> Data | None:
        """What a call returns: ``response.json()``, a function of this file that is annotated so, ``list(data)``."""
        function = call.func
        definition = self._module.receivers.definition(function)
        if isinstance(definition, (ast.FunctionDef, ast.AsyncFunctionDef)):
            returns = definition.returns
            return None if returns is None else self._annotated(returns, self._module.index.scope(definition))
        name = self._module.qualname(function)
        if name == "builtins.map" and call.args:
            row = knowledge.by_call("untrusted.source").get(self._module.qualname(call.args[0]) or "")
            return None if row is None else self._sourced(call.args[0], row)
        if name in _SAME_ITEMS and call.args:
            return self.data(call.args[0], steps - 1)
        if isinstance(function, ast.Attribute) and name is None:
            if function.attr == "json" and not call.args and self._module.type_of(function.value) is None:
                return Data(Shape(None, self._module.tree), "a response")
            if function.attr == "copy" and not call.args:
                return self.data(function.value, steps - 1)
        return None

    def _named(self, node: ast.Name, steps: int) -> Data | None:
        resolved = self._module.scopes.resolve(node)
        if resolved is None or node in self._open:
            return None
        owner, bindings = resolved
        if len(bindings) > 1:
            bindings = self._reaching(node, owner, bindings)
        self._open.add(node)
        found = [self._bound(binding, owner, steps - 1) for binding in bindings]
        self._open.remove(node)
        known = [item for item in found if item is not None]
        if not known or len(known) < len(found):
            return None
        return next((item for item in known if item.origin), known[0])

    def _reaching(self, node: ast.Name, owner: Scope, bindings: list[Binding]) -> list[Binding]:
        """The bindings whose value a mention of a name may have."""
        here = self._module.index.function(node)
        if isinstance(owner, (*FUNCTIONS, ast.Module)) and here is (
            None if owner is self._module.tree else owner
        ):
            known = self._definitions(owner, node.id)
            definitions = self._module.def_use(owner).definitions(node) or ()
            found = [
                binding for item, binding in known.items() if item in definitions
            ]  # in the order of the file
            return found if len(found) == len(definitions) else []
        return bindings

    @memoised
    def _definitions(self, owner: Scope, name: str) -> dict[ast.AST, Binding]:
        return {self._definition(item.node): item for item in self._module.scopes.bindings(owner, name)}

    def _definition(self, target: ast.AST) -> ast.AST:
        """The node that :class:`DefUse` takes for the definition of a target."""
        if not isinstance(target, ast.Name):
            return target
        binders = (ast.stmt, ast.NamedExpr, ast.withitem, ast.comprehension)
        return next(outer for outer in self._module.index.ancestors(target) if isinstance(outer, binders))

    def _bound(self, binding: Binding, owner: Scope, steps: int) -> Data | None:
        if binding.kind is Kind.PARAMETER:
            return self._parameter(binding, owner)
        if binding.kind is Kind.ANNOTATED and binding.annotation is not None:
            return self._declared(binding.annotation, owner, [binding.value], steps)
        if binding.kind is Kind.ASSIGN and binding.value is not None:
            return self.data(binding.value, steps)
        looped = self._looped(binding)
        found = None if looped is None else self.data(looped, steps)
        return None if found is None else self._element(found)

    def _looped(self, binding: Binding) -> ast.expr | None:
        """What a loop takes the values of a variable from: ``for item in data``, ``for key, value in data.items()``."""
        index = self._module.index
        target, parent = binding.node, index.parent(binding.node)
        position = None
        if isinstance(parent, ast.Tuple):
            position = next(number for number, item in enumerate(parent.elts) if item is target)
            parent = index.parent(parent)
        if not isinstance(parent, (ast.For, ast.AsyncFor, ast.comprehension)):
            return None
        looped = parent.iter
        if isinstance(looped, ast.Call) and isinstance(looped.func, ast.Attribute) and not looped.args:
            wanted = {"items": 1, "values": None}
            if looped.func.attr in wanted:
                return looped.func.value if position == wanted[looped.func.attr] else None
        if (
            isinstance(looped, ast.Call)
            and position == 1
            and self._module.qualname(looped.func) == "builtins.enumerate"
        ):
            return argument(looped, "iterable", 0)
        return looped if position is None else None

    def _parameter(self, binding: Binding, owner: Scope) -> Data | None:
        """A parameter that is annotated so, of a handler the body that its framework parsed."""
        spec = self._module.index.parent(binding.node)
        if binding.annotation is None or not isinstance(spec, ast.arguments):
            return None
        if binding.node in (spec.vararg, spec.kwarg):
            return None
        found = self._annotated(binding.annotation, self._module.index.scope(owner))
        kind = self._module.entrypoints.kind(owner) if found is not None else None
        if found is None or kind not in ("event", "message", "request"):
            return found
        return replace(found, origin=f"the {kind}")

    def _declared(
        self, annotation: ast.expr, scope: Scope, values: list[ast.expr | None], steps: int
    ) -> Data | None:
        """An annotated variable; ``None`` for one that the code itself fills."""
        found = self._annotated(annotation, scope)
        given = [value for value in values if value is not None and not is_none(value)]
        if found is None or any(self._is_built(value) for value in given):
            return None
        origins = (self.data(value, steps) for value in given)
        return next((replace(found, origin=item.origin) for item in origins if item is not None), found)

    def _is_built(self, value: ast.expr) -> bool:
        if isinstance(value, ast.BoolOp):
            return all(self._is_built(item) for item in value.values)
        if isinstance(value, ast.Call):
            return (self._module.qualname(value.func) or "") in _named("generic", "names")
        return isinstance(value, _DISPLAYS)

    def _attribute(self, node: ast.Attribute, steps: int) -> Data | None:
        """A field that is annotated so, or holds what one method parsed."""
        owner = self._classes.of(node.value)
        if not isinstance(owner, ast.ClassDef):
            return None
        return self._field(owner, node.attr, steps)

    def _field(self, owner: ast.ClassDef, name: str, steps: int) -> Data | None:
        index = self._module.index
        values: list[ast.expr | None] = []
        annotation, scope = None, index.scope(owner)
        for binding in self._classes.bindings(owner, name):
            annotation = binding.annotation or annotation
            values.append(binding.value)
        for store in self._module.receivers.attribute_stores(owner, name):
            parent = index.parent(store)
            if isinstance(parent, ast.AnnAssign):
                annotation, scope = parent.annotation, index.scope(parent)
            values.append(parent.value if isinstance(parent, (ast.Assign, ast.AnnAssign)) else None)
        if annotation is not None:
            return self._declared(annotation, scope, values, steps - 1)
        found = [None if value is None else self.data(value, steps - 1) for value in values]
        return found[0] if found and None not in found else None

    # -- what annotations promise

    def _annotated(self, annotation: ast.expr, scope: Scope) -> Data | None:
        """The data of an annotation that promises a container of something, or nothing."""
        shape = self.shape(annotation, scope)
        if shape is None or (not self.is_any(shape) and self._generic(shape) is None):
            return None
        return Data(shape)

    def _element(self, data: Data) -> Data | None:
        """What a lookup in a value gives, as far as its annotation says."""
        shape = self.element(data.shape)
        return None if shape is None else replace(data, shape=shape)

    def element(self, shape: Shape) -> Shape | None:
        """What an annotation promises of the values in a container.

        Args:
            shape: the annotation of the container.

        Returns:
            The shape of its values; ``None`` for what is no container, or has values of several types.
        """
        if self.is_any(shape):
            return Shape(None, shape.scope)
        row, annotation = self._generic(shape), shape.annotation
        if row is None:
            return None
        if not isinstance(annotation, ast.Subscript):
            return Shape(None, shape.scope)
        parts = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        if row["element"] >= len(parts) or (
            not row["mapping"] and len(parts) > 1 and not _is_repeated(parts)
        ):
            return None
        return self.shape(parts[row["element"]], shape.scope)

    def _generic(self, shape: Shape) -> knowledge.Row | None:
        """The row of the container that an annotation names."""
        node = shape.annotation
        base = node.value if isinstance(node, ast.Subscript) else node
        name = None if base is None else self._module.imports.qualname(base, shape.scope)
        return _generics().get(name or "")

    def is_mapping(self, data: Data) -> bool:
        """Whether a value is looked up by key, as far as its annotation says."""
        row = self._generic(data.shape)
        return row is None or bool(row["mapping"])

    def shape(self, annotation: ast.expr, scope: Scope) -> Shape | None:
        """What an annotation promises, through quotes, aliases of this file and what only says optional or final.

        Args:
            annotation: the annotation.
            scope: where its names are looked up.

        Returns:
            The shape; ``None`` for a union of several types, and for what only says final.
        """
        found = self.shapes(annotation, scope)
        return found[0] if len(found) == 1 else None

    def shapes(self, annotation: ast.expr, scope: Scope) -> list[Shape]:
        """As :meth:`shape`, for each type of a union; none for what only says final or is too long."""
        optional = False
        stack, found = [annotation], list[ast.expr]()
        for _ in range(_PARTS):
            if not stack:
                break
            node = stack.pop()
            inner = self._unwrapped(node, scope)
            if is_none(node):
                optional = True
            elif inner is None:
                found.append(node)
            else:
                optional = optional or self._called(node, scope) == "Optional"
                stack += inner
        if stack or any(self._called(item, scope) in _NO_TYPE for item in found):
            return []
        return [Shape(item, scope, optional) for item in found]

    def _unwrapped(self, node: ast.expr, scope: Scope) -> list[ast.expr] | None:
        """The parts of an annotation that names no type itself; ``None`` for one that does."""
        text = string(node)
        if text is not None:
            try:
                return [ast.parse(text, mode="eval").body]
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return [node.left, node.right]
        if isinstance(node, ast.Subscript):
            inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            name = self._called(node, scope)
            if name == "Union":
                return inner
            return inner[:1] if name in _WRAPPERS else None
        if isinstance(node, ast.Name):
            owner = self._module.scopes.owner(scope, node.id)
            if owner is not None:
                return self._alias(owner, node.id)
        return None

    def _called(self, annotation: ast.expr, scope: Scope) -> str | None:
        """The last word of what an annotation names or is made by, as it is called where it is imported from."""
        base = annotation.value if isinstance(annotation, ast.Subscript) else annotation
        name = self._module.imports.qualname(base, scope)
        return last_name(base) if name is None else name.rpartition(".")[2]

    @memoised
    def _alias(self, owner: Scope, name: str) -> list[ast.expr] | None:
        """What a name stands for that the file binds to another type: ``Json = dict[str, Any]``."""
        bindings = self._module.scopes.bindings(owner, name)
        value = bindings[0].value if len(bindings) == 1 else None
        is_type = isinstance(value, (ast.Name, ast.Attribute, ast.Subscript)) or (
            isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr)
        )
        return [value] if value is not None and is_type else None


def asked(node: ast.expr) -> tuple[ast.expr | None, ast.expr | None, bool]:
    """What a lookup asks, for which key, and whether it gives ``None`` where that is missing.

    Args:
        node: ``data["id"]``, ``data.get("id")``, ``data.pop("id")``.

    Returns:
        Container, key, and whether it may miss; ``None`` for both where the node is no lookup.
    """
    if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice):
        return node.value, node.slice, False
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LOOKUPS:
        key, default = argument(node, "key", 0), argument(node, "default", 1)
        if key is not None and len(node.args) <= 2:
            missing = default is None and node.func.attr == "get"
            return node.func.value, key, missing or is_none(default)
    return None, None, False


def is_fixed(key: ast.expr) -> bool:
    """Whether a key is written out, or a constant."""
    return isinstance(key, ast.Constant) or (last_name(key) or "").isupper()


def _is_repeated(parts: list[ast.expr]) -> bool:
    return len(parts) == 2 and isinstance(parts[1], ast.Constant) and parts[1].value is Ellipsis


@knowledge.cached
def _generics() -> dict[str, knowledge.Row]:
    return {name: row for row in knowledge.rows("untyped.generic") for name in row["names"]}


@knowledge.cached
def _any_names() -> frozenset[str]:
    return _named("untyped", "names")


@knowledge.cached
def _any_suffixes() -> tuple[str, ...]:
    return tuple(_named("untyped", "suffixes"))


@knowledge.cached
def _named(table: str, column: str) -> frozenset[str]:
    return frozenset(name for row in knowledge.rows(f"untyped.{table}") for name in row.get(column, ()))
