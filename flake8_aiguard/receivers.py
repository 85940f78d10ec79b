"""Receiver types, one hop: what a name or an attribute was built from."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.imports import Imports
from flake8_aiguard.index import Index, Scope
from flake8_aiguard.scopes import Binding, Kind, Scopes
from flake8_aiguard.shapes import argument, is_none, root, string

_WRAPPERS: Final = frozenset(
    f"{module}.{name}"
    for module in ("typing", "typing_extensions")
    for name in ("Optional", "Annotated", "ClassVar", "Final", "Required", "NotRequired", "ReadOnly")
)
_UNIONS: Final = frozenset({"typing.Union", "typing_extensions.Union"})
_ANY_STREAM: Final = frozenset(
    {"io.BufferedIOBase", "io.IOBase", "io.RawIOBase", "io.TextIOBase"}
)  # in memory, too
_NONE: Final = "None"
_SEQUENCES: Final = frozenset(f"builtins.{name}" for name in ("iter", "list", "reversed", "sorted", "tuple"))
# Generic classes, by what their last argument is: the value of a key, or an item.
_MAPPINGS: Final = frozenset(
    {"builtins.dict", "collections.OrderedDict", "collections.defaultdict"}
    | {f"collections.abc.{name}" for name in ("Mapping", "MutableMapping")}
    | {f"typing.{name}" for name in ("DefaultDict", "Dict", "Mapping", "MutableMapping", "OrderedDict")}
)
_COLLECTIONS: Final = frozenset(
    {"builtins.frozenset", "builtins.list", "builtins.set", "collections.deque"}
    | {
        f"{module}.{name}"
        for module in ("collections.abc", "typing")
        for name in ("Collection", "Iterable", "Iterator", "MutableSequence", "Sequence")
    }
    | {f"typing.{name}" for name in ("Deque", "FrozenSet", "List", "Set")}
)
_TAKEN_BY: Final = {
    "get": _MAPPINGS,
    "setdefault": _MAPPINGS,
    "pop": _MAPPINGS | _COLLECTIONS,
    "popleft": _COLLECTIONS,
}
_PAIR: Final = 2
_MAX_DEPTH: Final = 40  # longer chains of calls and names are nobody's receiver
_HARMLESS: Final = frozenset({"copy", "get", "items", "keys", "pop", "values"})
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Variable = tuple[Scope, str]


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where the value of an expression comes from, as far as this file shows it; one object for each variable.

    Attributes:
        variables: the variables and attributes it passes through: the scope or class that holds each, and its name.
        calls: the calls that build it.
        known: whether every path ends at a call or at ``None``; ``False`` where a parameter is among them.
    """

    variables: frozenset[Variable]
    calls: tuple[ast.Call, ...]
    known: bool


class Receivers:
    """The types of receivers in one file.

    A type is the canonical dotted name of a class, as the tables write it. Where two bindings disagree there is none;
    ``None`` beside a type is no disagreement.

    Args:
        index: the file's index.
        scopes: its symbol tables.
        imports: its canonical names.
    """

    def __init__(self, index: Index, scopes: Scopes, imports: Imports) -> None:
        self._index = index
        self._scopes = scopes
        self._imports = imports
        self._depth = 0
        self._changing = 0  # how many variables are followed through what they become
        self._types: dict[ast.expr, str | None] = {}
        self._variables: dict[tuple[Scope, str], str | None] = {}
        self._fields: dict[ast.ClassDef, dict[str, str | None]] = {}
        self._stores: defaultdict[str, list[ast.Attribute]] | None = None
        self._stores_of: dict[str, defaultdict[ast.ClassDef | None, list[ast.Attribute]]] = {}
        self._origins: dict[Variable, Origin] = {}
        self._mappings: dict[Variable, dict[str, ast.expr] | None] = {}

    # -- questions

    def type_of(self, node: ast.expr) -> str | None:
        """The type of an expression.

        Args:
            node: a name, an attribute, a construction.

        Returns:
            ``requests.Session``; ``None`` where it is not known.
        """
        found = self._type(node)
        return None if found == _NONE else found

    def definition(self, node: ast.expr) -> Definition | None:
        """The definition in this file that a name, ``self.method`` or ``Class.method`` refers to.

        Args:
            node: the expression, such as the function of a call.

        Returns:
            The one definition, or ``None``.
        """
        if isinstance(node, ast.Name):
            resolved = self._scopes.resolve(node)
            if resolved is None or len(resolved[1]) != 1:
                return None
            found = resolved[1][0].node
            return found if isinstance(found, Definition) else None
        if isinstance(node, ast.Attribute):
            owner = self.class_behind(node.value)
            return None if owner is None else self._method(owner, node.attr, set())
        return None

    def class_behind(self, node: ast.expr) -> ast.ClassDef | None:
        """The class of this file whose instance (``self``) or which itself (``cls``, its name) an expression is."""
        if not isinstance(node, ast.Name):
            return None
        resolved = self._scopes.resolve(node)
        if resolved is None or len(resolved[1]) != 1:
            return None
        binding = resolved[1][0]
        if binding.kind is Kind.CLASS and isinstance(binding.node, ast.ClassDef):
            return binding.node
        if binding.kind is Kind.PARAMETER and isinstance(
            resolved[0], (ast.FunctionDef, ast.AsyncFunctionDef)
        ):
            owner = self._index.class_of(resolved[0])
            if owner is not None and first_parameter(resolved[0]) is binding.node:
                return owner
        return None

    def attribute_stores(self, owner: ast.ClassDef, name: str) -> list[ast.Attribute]:
        """The targets ``self.name`` in the methods of a class."""
        if self._stores is None:
            self._stores = defaultdict(list)
            for node in self._index.nodes(ast.Attribute):
                if node.ctx.__class__ is ast.Store and node.value.__class__ is ast.Name:
                    self._stores[node.attr].append(node)
        stores = self._stores.get(name)
        if stores is None:
            return []
        by_owner = self._stores_of.get(name)
        if by_owner is None:
            by_owner = self._stores_of[name] = defaultdict(list)
            for node in stores:
                by_owner[self.class_behind(node.value)].append(node)
        return by_owner.get(owner, [])

    def annotated(self, annotation: ast.expr, scope: Scope | None = None) -> str | None:
        """The type that an annotation names: ``Optional[X]``, ``X | None``, ``Annotated[X, ...]`` and ``"X"`` are X.

        Args:
            annotation: the annotation.
            scope: where names are looked up, for a parsed annotation.

        Returns:
            The type; ``None`` where the annotation names none, or one that ``io.BytesIO`` has as well.
        """
        if isinstance(annotation, ast.Constant):
            text = string(annotation)
            if text is None:
                return _NONE if annotation.value is None else None
            try:
                parsed = ast.parse(text, mode="eval").body
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return None
            return self.annotated(parsed, self._index.scope(annotation))
        if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
            return self._agree(self.annotated(side, scope) for side in (annotation.left, annotation.right))
        if isinstance(annotation, ast.Subscript):
            base = self._imports.qualname(annotation.value, scope)
            inner = annotation.slice
            if base in _UNIONS and isinstance(inner, ast.Tuple):
                return self._agree(self.annotated(item, scope) for item in inner.elts)
            if base in _WRAPPERS or base in _UNIONS:
                first = inner.elts[0] if isinstance(inner, ast.Tuple) and inner.elts else inner
                return self.annotated(first, scope)
            return _root_type(base)
        name = self._imports.qualname(annotation, scope)
        return None if name in _ANY_STREAM else _root_type(name)

    def taken(self, node: ast.expr) -> ast.expr | None:
        """The annotation of what an expression takes out of a container: ``Job`` of ``self.jobs[name]``, where ``jobs: dict[str, Job]``.

        Args:
            node: an item, or a call of ``get``, ``pop``, ``popleft`` or ``setdefault``.

        Returns:
            ``None`` where the container is not annotated, or anything else is asked of it.
        """
        if isinstance(node, ast.Subscript):
            is_item = not isinstance(node.slice, ast.Slice)
            return self._held(node.value, _MAPPINGS | _COLLECTIONS) if is_item else None
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            return None
        kinds = _TAKEN_BY.get(node.func.attr)
        return None if kinds is None else self._held(node.func.value, kinds)

    def _held(self, container: ast.expr, kinds: frozenset[str]) -> ast.expr | None:
        """The annotation of the values or items of an annotated container of one of these kinds."""
        annotation = self._annotation(container)
        while True:
            if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
                annotation = annotation.left if is_none(annotation.right) else annotation.right
            elif not isinstance(annotation, ast.Subscript):
                return None
            elif (base := self._imports.qualname(annotation.value)) in _WRAPPERS:
                inner = annotation.slice
                annotation = inner.elts[0] if isinstance(inner, ast.Tuple) and inner.elts else inner
            else:
                break
        if base not in kinds:
            return None
        inner = annotation.slice
        if base in _MAPPINGS:
            return inner.elts[1] if isinstance(inner, ast.Tuple) and len(inner.elts) == _PAIR else None
        return None if isinstance(inner, ast.Tuple) else inner

    def _annotation(self, node: ast.expr) -> ast.expr | None:
        """The annotation of a variable, or of an attribute of ``self``."""
        if isinstance(node, ast.Name):
            resolved = self._scopes.resolve(node)
            bindings = [] if resolved is None else resolved[1]
        else:
            owner = self.class_behind(node.value) if isinstance(node, ast.Attribute) else None
            if owner is None or not isinstance(node, ast.Attribute):
                return None
            owner = self._declaring(owner, node.attr)
            for store in self.attribute_stores(owner, node.attr):
                parent = self._index.parent(store)
                if isinstance(parent, ast.AnnAssign):
                    return parent.annotation
            bindings = self._scopes.bindings(owner, node.attr)
        return next(
            (
                binding.annotation
                for binding in bindings
                if binding.kind in (Kind.ANNOTATED, Kind.PARAMETER)
                and not (isinstance(binding.node, ast.arg) and self._is_variadic(binding.node))
            ),
            None,
        )

    def origin(self, node: ast.expr) -> Origin:
        """Where the value of an expression comes from.

        Args:
            node: a name, an attribute, a construction.

        Returns:
            The variables that it passes through and the calls that build it. What ``with`` binds is built by the call in its
            item, ``closing(f())`` by ``f()``.
        """
        key = self._variable(node)
        if key is None:
            return self._trace(node)
        if key not in self._origins:
            self._origins[key] = self._trace(node)
        return self._origins[key]

    def inherited(self, node: ast.expr) -> list[str]:
        """The classes from outside that the class of an instance inherits from, where that class is in this file.

        Args:
            node: ``self``, or what a construction of the class is bound to.

        Returns:
            Their canonical names, nearest first.
        """
        owner = self.class_behind(node)
        if owner is not None:
            owners: list[Definition | None] = [owner]
        else:
            origin = self.origin(node)
            owners = [self.definition(call.func) for call in origin.calls] if origin.known else []
        stack = [item for item in owners if isinstance(item, ast.ClassDef)]
        if len(stack) != len(owners):
            return []
        found: list[str] = []
        seen = set(stack)
        while stack:
            item = stack.pop()
            found += filter(None, (_root_type(self._imports.qualname(base)) for base in item.bases))
            bases = [base for base in self._bases(item) if base not in seen]
            seen.update(bases)
            stack += reversed(bases)
        return found

    def given_types(self, call: ast.Call) -> set[str]:
        """The types of what is given to a call and to the constructors of its receiver."""
        built = self.origin(call.func.value).calls if isinstance(call.func, ast.Attribute) else ()
        given = (
            value
            for item in (call, *built)
            for value in (*item.args, *(keyword.value for keyword in item.keywords))
        )
        return {found for value in given if (found := self.type_of(value)) is not None}

    def keywords(self, call: ast.Call) -> dict[str, ast.expr] | None:
        """The keyword arguments of a call, those of ``**`` included.

        Args:
            call: the call.

        Returns:
            Value by name; ``None`` where a ``**`` hides some: anything but a dict display, ``dict(a=1)``, or a variable that is
            bound once, to one of them, and only read, unpacked or given constant keys.
        """
        found: dict[str, ast.expr] = {}
        for item in call.keywords:
            if item.arg is not None:
                found[item.arg] = item.value
            elif (inner := self.mapping(item.value)) is not None:
                found.update(inner)
            else:
                return None
        return found

    def mapping(self, node: ast.expr) -> dict[str, ast.expr] | None:
        """The items of a dict whose keys are known, as :meth:`keywords` reads it behind ``**``.

        Args:
            node: a dict display, ``dict(a=1)``, or a variable.

        Returns:
            Value by key; not to be changed. ``None`` where it may hold others.
        """
        if not isinstance(node, ast.Name):
            return self._display(node)
        key = self._variable(node)
        if key is None:
            return None
        if key not in self._mappings:
            self._mappings[key] = self._dict_variable(*key)
        return self._mappings[key]

    def _dict_variable(self, scope: Scope, name: str) -> dict[str, ast.expr] | None:
        bindings = self._scopes.bindings(scope, name)
        if (
            len(bindings) != 1
            or bindings[0].kind not in (Kind.ASSIGN, Kind.ANNOTATED)
            or bindings[0].value is None
        ):
            return None
        found = self._display(bindings[0].value)
        if found is None:
            return None
        found = dict(found)
        for use in self._scopes.uses(scope, name):
            parent = self._index.parent(use)
            if (
                isinstance(parent, ast.Subscript)
                and use is parent.value
                and not isinstance(parent.ctx, ast.Load)
            ):
                key, statement = string(parent.slice), self._index.parent(parent)
                if key is None:
                    return None
                found[key] = statement.value if isinstance(statement, ast.Assign) else parent
            elif not (
                (isinstance(parent, ast.Subscript) and use is parent.value)
                or (isinstance(parent, ast.keyword) and parent.arg is None)
                or (isinstance(parent, ast.Attribute) and parent.attr in _HARMLESS)
            ):
                return None
        return found

    def _display(self, node: ast.expr) -> dict[str, ast.expr] | None:
        if isinstance(node, ast.Dict):
            keys = [string(key) for key in node.keys]
            return None if None in keys else dict(zip(keys, node.values, strict=True))  # type: ignore[arg-type]
        if (
            isinstance(node, ast.Call)
            and self._imports.qualname(node.func) == "builtins.dict"
            and not node.args
        ):
            named = {item.arg: item.value for item in node.keywords if item.arg is not None}
            return named if len(named) == len(node.keywords) else None
        return None

    # -- derivation

    def _variable(self, node: ast.expr) -> Variable | None:
        if isinstance(node, ast.Name):
            scope = self._scopes.owner(self._index.scope(node), node.id)
            return None if scope is None else (scope, node.id)
        if isinstance(node, ast.Attribute):
            owner = self.class_behind(node.value)
            if owner is not None:
                return self._declaring(owner, node.attr), node.attr
        return None

    def _declaring(self, owner: ast.ClassDef, name: str) -> ast.ClassDef:
        """The class or base class in this file that declares an attribute; the class itself where none does."""
        seen = {owner}
        stack = [owner]
        while stack:
            candidate = stack.pop()
            if self._is_declared(candidate, name):
                return candidate
            bases = [base for base in self._bases(candidate) if base not in seen]
            seen.update(bases)
            stack.extend(reversed(bases))
        return owner

    def _trace(self, start: ast.expr) -> Origin:
        variables: set[Variable] = set()
        calls: list[ast.Call] = []
        known = True
        stack = [start]
        while stack:
            node = stack.pop()
            if isinstance(node, (ast.Await, ast.NamedExpr)):
                stack.append(node.value)
            elif isinstance(node, ast.IfExp):
                stack += (node.body, node.orelse)
            elif isinstance(node, ast.BoolOp):
                stack += node.values
            elif isinstance(node, ast.Call):
                row = knowledge.by_call("types.enter").get(self._imports.qualname(node.func) or "")
                inner = (
                    argument(node, None, row["argument"]) if row is not None and "argument" in row else None
                )
                if inner is None:
                    calls.append(node)
                else:
                    stack.append(inner)
            elif not is_none(node):
                key = self._variable(node)
                if key is None:
                    known = False
                elif key not in variables:
                    variables.add(key)
                    values = self._values(key)
                    known = known and values is not None
                    stack += values or ()
        return Origin(frozenset(variables), tuple(calls), known)

    def _values(self, variable: Variable) -> list[ast.expr] | None:
        """What is assigned to a variable; ``None`` where that is not all it may hold."""
        found: list[ast.expr] = []
        scope, name = variable
        for binding in self._scopes.bindings(scope, name):
            if binding.kind in (Kind.ASSIGN, Kind.ANNOTATED, Kind.WITH):
                if binding.value is not None:
                    found.append(binding.value)
                elif binding.kind is not Kind.ANNOTATED:
                    return None
            elif binding.kind is not Kind.DELETE:
                return None
        for store in self.attribute_stores(scope, name) if isinstance(scope, ast.ClassDef) else ():
            parent = self._index.parent(store)
            if isinstance(parent, ast.withitem):
                found.append(parent.context_expr)
            elif not isinstance(parent, (ast.Assign, ast.AnnAssign)):
                return None
            elif parent.value is not None:
                found.append(parent.value)
        return found or None

    def _agree(self, types: Iterable[str | None]) -> str | None:
        found: str | None = _NONE
        for item in types:
            if item is None or (found != _NONE and item not in (found, _NONE)):
                return None
            if item != _NONE:
                found = item
        return found

    def _type(self, node: ast.expr) -> str | None:
        if node not in self._types:
            self._types[node] = None  # a value that is defined by itself has no type
            if self._depth < _MAX_DEPTH:
                self._depth += 1
                self._types[node] = self._derive(node)
                self._depth -= 1
        elif self._types[node] is None and isinstance(node, ast.Name) and self._changing:
            return self._name(node)  # one of those from which this question came
        return self._types[node]

    def _derive(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Name):
            return self._name(node)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.Call):
            return self._call(node, awaited=False)
        if isinstance(node, ast.Await) and isinstance(node.value, ast.Call):
            return self._call(node.value, awaited=True)
        if isinstance(node, ast.NamedExpr):
            return self._type(node.value)
        if isinstance(node, ast.IfExp):
            return self._agree((self._type(node.body), self._type(node.orelse)))
        if isinstance(node, ast.BoolOp):
            return self._agree(self._type(value) for value in node.values)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            return self._path(node)
        if isinstance(node, ast.Subscript):
            return self._special(node.value, "__getitem__") or self._given_by(self.taken(node))
        if is_none(node):
            return _NONE
        return None

    def _given_by(self, annotation: ast.expr | None) -> str | None:
        return None if annotation is None else self.annotated(annotation)

    def _path(self, node: ast.BinOp) -> str | None:
        left: ast.expr = node
        while isinstance(left, ast.BinOp) and isinstance(left.op, ast.Div):
            left = left.left
        found = self._type(left)
        return found if found in ("pathlib.Path", "anyio.Path", "trio.Path") else None

    def _name(self, node: ast.Name) -> str | None:
        owner = self._scopes.owner(self._index.scope(node), node.id)
        if owner is None:
            return None
        key = (owner, node.id)
        if key not in self._variables:
            self._variables[key] = None
            bindings = [
                item for item in self._scopes.bindings(owner, node.id) if item.kind is not Kind.DELETE
            ]
            # image = image.resize(...): what it was before decides first
            changes = [item for item in bindings if _is_change(item, node.id)]
            found = self._agree(self._bound(item) for item in bindings if item not in changes)
            if changes and found is not None:
                self._variables[key] = found
                self._changing += 1
                found = self._agree((found, *map(self._bound, changes)))
                self._changing -= 1
            self._variables[key] = found
        return self._variables[key]

    def _bound(self, binding: Binding) -> str | None:
        if binding.annotation is not None and binding.kind in (Kind.ANNOTATED, Kind.PARAMETER):
            parameter = binding.node
            if isinstance(parameter, ast.arg) and self._is_variadic(parameter):
                return None
            return self.annotated(binding.annotation)
        if binding.value is None:
            iterated = self._iterated(binding.node)
            return self._value(binding.node) if iterated is None else self._element(iterated)
        if binding.kind is Kind.ASSIGN:
            return self._type(binding.value)
        if binding.kind is Kind.WITH:
            return self._entered(binding.value)
        if binding.kind is Kind.FOR:
            return self._element(binding.value)
        return None

    def _iterated(self, target: ast.AST) -> ast.expr | None:
        """What a loop takes the values of a variable from, beside others: ``for i, x in enumerate(xs)``, ``zip(xs, ys)``."""
        unpacked = self._index.parent(target)
        loop = self._index.parent(unpacked) if isinstance(unpacked, ast.Tuple) else None
        if not isinstance(loop, (ast.For, ast.comprehension)) or not isinstance(loop.iter, ast.Call):
            return None
        assert isinstance(unpacked, ast.Tuple)
        position = next((number for number, item in enumerate(unpacked.elts) if item is target), -1)
        name = self._imports.qualname(loop.iter.func)
        if name == "builtins.enumerate" and position == 1:
            return argument(loop.iter, "iterable", 0)
        return argument(loop.iter, None, position) if name == "builtins.zip" and position >= 0 else None

    def _value(self, target: ast.AST) -> str | None:
        """The type of a variable that a loop takes from the values of an annotated mapping: ``for key, value in pairs.items()``."""
        unpacked = self._index.parent(target)
        loop = self._index.parent(unpacked) if isinstance(unpacked, ast.Tuple) else None
        if not isinstance(loop, (ast.For, ast.comprehension)) or not isinstance(unpacked, ast.Tuple):
            return None
        pairs = loop.iter
        while isinstance(pairs, ast.Call) and pairs.args and self._imports.qualname(pairs.func) in _SEQUENCES:
            pairs = pairs.args[0]
        if len(unpacked.elts) != _PAIR or unpacked.elts[1] is not target or not isinstance(pairs, ast.Call):
            return None
        if not isinstance(pairs.func, ast.Attribute) or pairs.func.attr != "items":
            return None
        return self._given_by(self._held(pairs.func.value, _MAPPINGS))

    def _is_variadic(self, parameter: ast.arg) -> bool:
        spec = self._index.parent(parameter)
        return isinstance(spec, ast.arguments) and parameter in (spec.vararg, spec.kwarg)

    def _call(self, node: ast.Call, *, awaited: bool) -> str | None:
        name = self._imports.qualname(node.func)
        if name is None and isinstance(node.func, ast.Attribute):
            receiver = self.type_of(node.func.value)
            name = None if receiver is None else f"{receiver}.{node.func.attr}"
        row = None if name is None else knowledge.by_call("types.factory").get(name)
        if row is None:
            if awaited:
                return None
            taken = self.taken(node)
            if taken is not None:
                return self.annotated(taken)
            if name is None or not name.rpartition(".")[2][:1].isupper():
                return self._special(node.func, "__call__")
            return self._stub(name, node) or (None if name.startswith(".") else _root_type(name))
        if bool(row.get("awaited", False)) is not awaited and not row.get("awaitable", False):
            return None
        returns: str = row["returns"]
        position = row.get("service_argument")
        if position is not None:
            service = string(argument(node, "service_name", position))
            return None if service is None else returns.format(service)
        return returns

    def _special(self, node: ast.expr, method: str) -> str | None:
        """The type that a special method of a typed object returns."""
        receiver = self.type_of(node)
        row = None if receiver is None else knowledge.by_call("types.factory").get(f"{receiver}.{method}")
        return None if row is None else str(row["returns"])

    def _stub(self, name: str, node: ast.Call) -> str | None:
        """The type of a generated gRPC client, known by its module, its name and the channel that it is built on."""
        for row in knowledge.rows("types.stub"):
            module, _, last = name.rpartition(".")
            if module.endswith(row["module_suffix"]) and last.endswith(row["type_suffix"]):
                channel = argument(node, "channel", 0)
                if channel is not None and self.type_of(channel) == row["built_from"]:
                    return str(row["returns"])
        return None

    def _entered(self, node: ast.expr) -> str | None:
        call = node.value if isinstance(node, ast.Await) else node
        if isinstance(call, ast.Call):
            name = self._imports.qualname(call.func)
            if name is None and isinstance(call.func, ast.Attribute):
                name = f"{self.type_of(call.func.value)}.{call.func.attr}"
            row = knowledge.by_call("types.enter").get(name or "")
            if row is not None:
                if "returns" in row:
                    returns: str = row["returns"]
                    return returns
                inner = argument(call, None, row["argument"])
                return None if inner is None else self._type(inner)
        return self._type(node)

    def _element(self, node: ast.expr) -> str | None:
        while isinstance(node, ast.Call) and node.args and self._imports.qualname(node.func) in _SEQUENCES:
            node = node.args[0]
        rows = knowledge.by_call("types.element")
        name = None
        if isinstance(node, ast.Call):
            name = self._imports.qualname(node.func)
            if name is None and isinstance(node.func, ast.Attribute):
                name = f"{self.type_of(node.func.value)}.{node.func.attr}"
        row = rows.get(name or "") or rows.get(f"{self.type_of(node)}.__iter__")
        if row is not None:
            return str(row["yields"])
        if not isinstance(node, ast.Call):
            return self._given_by(self._held(node, _COLLECTIONS))
        if not isinstance(node.func, ast.Attribute) or node.func.attr != "values":
            return None
        return self._given_by(self._held(node.func.value, _MAPPINGS))

    # -- attributes

    def _attribute(self, node: ast.Attribute) -> str | None:
        owner = self.class_behind(node.value)
        if owner is not None:
            return self._field(owner, node.attr, set())
        receiver = self.type_of(node.value)
        if receiver is None:
            return None
        row = _attribute_rows().get(f"{receiver}.{node.attr}")
        return self._special(node.value, "__getattr__") if row is None else str(row["returns"])

    def _field(self, owner: ast.ClassDef, name: str, seen: set[ast.ClassDef]) -> str | None:
        fields = self._fields.setdefault(owner, {})
        if name not in fields:
            fields[name] = None
            fields[name] = self._own_field(owner, name)
            if fields[name] == _NONE and not self._is_declared(owner, name):
                seen.add(owner)
                inherited = (self._field(base, name, seen) for base in self._bases(owner) if base not in seen)
                fields[name] = next((found for found in inherited if found is not None), None)
        return fields[name]

    def _is_declared(self, owner: ast.ClassDef, name: str) -> bool:
        return bool(self.attribute_stores(owner, name) or self._scopes.bindings(owner, name))

    def _own_field(self, owner: ast.ClassDef, name: str) -> str | None:
        declared = self._scopes.bindings(owner, name)
        for binding in declared:
            if binding.annotation is not None:
                return self.annotated(binding.annotation)
        stores = self.attribute_stores(owner, name)
        for store in stores:
            parent = self._index.parent(store)
            if isinstance(parent, ast.AnnAssign):
                return self.annotated(parent.annotation)
        return self._agree((*(self._bound(binding) for binding in declared), *map(self._stored, stores)))

    def _stored(self, target: ast.Attribute) -> str | None:
        parent = self._index.parent(target)
        if isinstance(parent, ast.Assign):
            return self._type(parent.value)
        if isinstance(parent, ast.withitem):
            return self._entered(parent.context_expr)
        return None

    def _bases(self, owner: ast.ClassDef) -> list[ast.ClassDef]:
        found = (self.definition(base) for base in owner.bases)
        return [base for base in found if isinstance(base, ast.ClassDef)]

    def _method(
        self, owner: ast.ClassDef, name: str, seen: set[ast.ClassDef]
    ) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        seen.add(owner)
        bindings = self._scopes.bindings(owner, name)
        if bindings:
            found = bindings[0].node
            is_method = len(bindings) == 1 and isinstance(found, (ast.FunctionDef, ast.AsyncFunctionDef))
            return found if is_method and isinstance(found, (ast.FunctionDef, ast.AsyncFunctionDef)) else None
        if self.attribute_stores(owner, name):
            return None
        inherited = (self._method(base, name, seen) for base in self._bases(owner) if base not in seen)
        return next((method for method in inherited if method is not None), None)


def _is_change(binding: Binding, name: str) -> bool:
    """Whether a binding gives a variable what a method or an operator makes of its own value."""
    value = binding.value
    if binding.kind is not Kind.ASSIGN or not isinstance(value, (ast.BinOp, ast.Call)):
        return False
    start: ast.expr = value
    while isinstance(start, ast.BinOp):
        start = start.left
    if isinstance(value, ast.Call) and not isinstance(value.func, ast.Attribute):
        return False
    start = root(start)
    return isinstance(start, ast.Name) and start.id == name


def first_parameter(function: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.arg | None:
    """``self`` or ``cls``: the first parameter of a method, ``None`` for a static method."""
    if any(isinstance(item, ast.Name) and item.id == "staticmethod" for item in function.decorator_list):
        return None
    positional = (*function.args.posonlyargs, *function.args.args)
    return positional[0] if positional else None


@knowledge.cached
def _attribute_rows() -> dict[str, knowledge.Row]:
    return {
        f"{owner}.{name}": row
        for row in knowledge.rows("types.attribute")
        for owner in row["types"]
        for name in row["attributes"]
    }


@knowledge.cached
def _roots() -> dict[str, str]:
    return {name: row["of"] for row in knowledge.rows("types.subtype") for name in row["types"]}


def _root_type(name: str | None) -> str | None:
    return None if name is None else _roots().get(name, name)
