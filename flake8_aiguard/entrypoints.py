"""Functions that a framework calls once for each request, task, event or message."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from flake8_aiguard import arguments, knowledge
from flake8_aiguard.imports import Imports
from flake8_aiguard.index import Index
from flake8_aiguard.knowledge import Row
from flake8_aiguard.memo import memoised
from flake8_aiguard.receivers import Receivers
from flake8_aiguard.scopes import Scopes
from flake8_aiguard.shapes import argument, last_name, string

_Def = ast.FunctionDef | ast.AsyncFunctionDef
_MAX_BASES: Final = 8  # base classes that are followed within the file
_PATH_KEYWORDS: Final = ("path", "rule", "uri")
_DECORATING: Final = 3  # calls around a handler: app.route("/x")(login(f))


@dataclass(frozen=True, slots=True)
class Entry:
    """A function that a framework calls.

    Attributes:
        function: the function.
        kind: ``request``, ``task``, ``event``, ``message``, ``tool`` or ``connection``, as in ``entrypoints.toml``.
    """

    function: _Def
    kind: str


class Entrypoints:
    """The request handlers and tasks of one file, by ``entrypoints.toml``.

    Args:
        index: the file's index.
        scopes: its symbol tables.
        imports: its canonical names.
        receivers: its receiver types.
    """

    def __init__(self, index: Index, scopes: Scopes, imports: Imports, receivers: Receivers) -> None:
        self._index = index
        self._scopes = scopes
        self._imports = imports
        self._receivers = receivers
        self._registered: dict[ast.AST, str] | None = None

    def around(self, node: ast.AST) -> Entry | None:
        """The handler or task that runs a node, itself or in a function within it.

        Args:
            node: any node.

        Returns:
            The innermost one, or ``None``.
        """
        function = self._index.function(node)
        while function is not None:
            kind = self.kind(function)
            if kind is not None and isinstance(function, _Def):
                return Entry(function, kind)
            function = self._index.function(function)
        return None

    @memoised
    def kind(self, function: ast.AST) -> str | None:
        """What a framework calls a function for.

        Args:
            function: a function of the file.

        Returns:
            ``request``, ``task``, ``event``, ``message``, ``tool`` or ``connection``; ``None`` for any other function.
        """
        if not isinstance(function, _Def):
            return None
        found = (self._decorated(item) for item in function.decorator_list)
        kind = next((item for item in found if item is not None), None)
        return kind or self._registrations().get(function) or self._view(function) or self._signed(function)

    # -- decorators

    def _decorated(self, decorator: ast.expr) -> str | None:
        """The kind of handler that a decorator makes."""
        function = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = self._imports.qualname(function)
        row = _rows("decorator", "calls").get(name or "")
        if row is not None:
            return str(row["kind"])
        if not isinstance(function, ast.Attribute):
            return None
        owner = self._receivers.type_of(function.value)
        if owner is not None:
            row = knowledge.by_call("entrypoints.decorator").get(f"{owner}.{function.attr}")
            if row is not None:
                return str(row["kind"])
        receiver = self._called(function.value)
        has_arguments = isinstance(decorator, ast.Call) and bool(decorator.args)
        for row in _by_method().get(function.attr, ()):
            if row.get("paths") and isinstance(decorator, ast.Call) and _is_path(decorator):
                return str(row["kind"])
            is_usual = owner is None and _is_called(receiver, row.get("receivers", ()))
            if is_usual and (has_arguments or not row.get("paths")):
                return str(row["kind"])
        return None

    def _called(self, node: ast.expr) -> str:
        """The last word of a name, as it is called where it is imported from."""
        return (self._imports.qualname(node) or last_name(node) or "").rpartition(".")[2]

    # -- registered by a call

    def _registrations(self) -> Mapping[ast.AST, str]:
        """The functions that calls of this file register as handlers, with their kinds."""
        if self._registered is None:
            self._registered = {}
            functions: list[_Def] = [
                *self._index.nodes(ast.FunctionDef),
                *self._index.nodes(ast.AsyncFunctionDef),
            ]
            names = {function.name for function in functions}
            for call in self._index.calls_named(_registering()):
                values = [item for item in self._given(call) if last_name(item) in names]
                kind = self._registers(call) if values else None
                if kind is not None:
                    for value in values:
                        function = self._receivers.definition(value)
                        if isinstance(function, _Def):
                            self._registered.setdefault(function, kind)
        return self._registered

    def _given(self, call: ast.Call) -> Iterator[ast.expr]:
        """What a call is given, and what its result is called with: ``app.route("/x")(f)``; decorators are undone."""
        outer = self._index.parent(call)
        given = [*call.args, *(item.value for item in call.keywords)]
        if isinstance(outer, ast.Call) and outer.func is call:
            given += outer.args
        for value in given:
            for _ in range(_DECORATING):
                if isinstance(value, ast.Call) and len(value.args) == 1:
                    value = value.args[0]
            yield value

    def _registers(self, call: ast.Call) -> str | None:
        name = self._imports.qualname(call.func)
        row = knowledge.by_call("entrypoints.registration").get(name or "")
        if row is None and isinstance(call.func, ast.Attribute):
            row = _any_receiver().get(call.func.attr)
        # or a decorator that is called: task = shared_task(f)
        return self._decorated(call) if row is None else str(row["kind"])

    # -- classes and signatures

    def _view(self, function: _Def) -> str | None:
        """The kind of a method of a class-based view or task."""
        owner = self._index.class_of(function)
        if owner is None or (function.name.startswith("_") and function.name != "__call__"):
            return None
        names = self._parameters(function)
        bases = list(self._bases(owner))
        for row in knowledge.rows("entrypoints.view"):
            if "methods" in row and function.name not in row["methods"]:
                continue
            if not _starts_with(names, row.get("parameters", ())):
                continue
            for base in bases:
                name = self._imports.qualname(base)
                known = name in row.get("bases", ())
                if known or self._called(base).endswith(tuple(row.get("base_suffixes", ()))):
                    return str(row["kind"])
        return None

    def _bases(self, owner: ast.ClassDef) -> Iterator[ast.expr]:
        """The base classes of a class and of its bases in this file."""
        seen = [owner]
        for known in seen:
            for base in known.bases:
                yield base
                definition = self._receivers.definition(base)
                if isinstance(definition, ast.ClassDef) and definition not in seen:
                    seen.append(definition)
            if len(seen) > _MAX_BASES:
                return

    def _parameters(self, function: _Def) -> list[str]:
        """The names of the positional parameters, without self and leading underscores."""
        return [name.lstrip("_") or "*" for name in arguments.positional(self._index, function)]

    def _signed(self, function: _Def) -> str | None:
        """The kind that the name and the parameters of a function show."""
        in_class = self._index.class_of(function) is not None
        if function.name.startswith("__") and function.name != "__call__":
            return None
        if any("fixture" in self._called(_callee(item)) for item in function.decorator_list):
            return None
        names = self._parameters(function)
        for row in knowledge.rows("entrypoints.signature"):
            if in_class and not row.get("methods"):
                continue
            if not any(fnmatchcase(function.name, pattern) for pattern in row.get("functions", "*")):
                continue
            if "annotations" in row and not self._takes(function, row["annotations"]):
                continue
            if not _starts_with(names, row.get("parameters", ()), exact=row.get("exact", False)):
                continue
            if "modules" in row and not self._imports_any(row["modules"]):
                continue
            return str(row["kind"])
        return None

    def _takes(self, function: _Def, types: Sequence[str]) -> bool:
        spec = function.args
        return any(
            item.annotation is not None and self._receivers.annotated(item.annotation) in types
            for item in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)
        )

    def _imports_any(self, modules: Sequence[str]) -> bool:
        return any(f"{name}.".startswith(f"{module}.") for name in self._modules() for module in modules)

    @memoised
    def _modules(self) -> frozenset[str]:
        """The dotted names that the file's imports spell."""
        found = set()
        for alias in self._index.nodes(ast.alias):
            statement = self._index.parent(alias)
            if isinstance(statement, ast.Import):
                found.add(alias.name)
            elif isinstance(statement, ast.ImportFrom) and not statement.level:
                found.add(f"{statement.module}.{alias.name}")
        return frozenset(found)

    # -- what stands for the request

    def is_ambient(self, node: ast.expr) -> bool:
        """Whether an expression names the request at hand: ``flask.request``, ``flask.g.user``.

        Args:
            node: a name or attribute.
        """
        while isinstance(node, (ast.Name, ast.Attribute)):
            if self._imports.qualname(node) in _ambient():
                return True
            if not isinstance(node, ast.Attribute):
                return False
            node = node.value
        return False


def _callee(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def _is_path(call: ast.Call) -> bool:
    """Whether the first argument of a call is the path of a route."""
    given = (argument(call, keyword, 0) for keyword in _PATH_KEYWORDS)
    path = next((item for item in given if item is not None), None)
    if isinstance(path, ast.JoinedStr) and path.values:
        path = path.values[0] if len(path.values) == 1 or string(path.values[0]) else path.values[1]
    return (string(path) or "").startswith("/")


def _is_called(name: str, words: Sequence[str]) -> bool:
    """Whether a name is one of these words or ends in one: ``users_router``."""
    return any(name == word or name.endswith(f"_{word}") for word in words)


def _starts_with(names: Sequence[str], wanted: Sequence[str], *, exact: bool = False) -> bool:
    if len(names) < len(wanted) or (exact and len(names) != len(wanted)):
        return False
    pairs = enumerate(zip(names, wanted, strict=False))
    return all(word in (name, "*") or (position > 0 and name == "*") for position, (name, word) in pairs)


@knowledge.cached
def _rows(table: str, column: str) -> Mapping[str, Row]:
    return {name: row for row in knowledge.rows(f"entrypoints.{table}") for name in row.get(column, ())}


@knowledge.cached
def _by_method() -> Mapping[str, list[Row]]:
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in knowledge.rows("entrypoints.decorator"):
        for method in row.get("methods", ()):
            if row.get("paths") or "receivers" in row:
                found[method].append(row)
    return dict(found)


@knowledge.cached
def _any_receiver() -> Mapping[str, Row]:
    return _rows("registration", "any_receiver")


@knowledge.cached
def _registering() -> frozenset[str]:
    """The last identifiers of calls that may register a function."""
    decorators = knowledge.last_names("entrypoints.decorator")
    return frozenset((*knowledge.last_names("entrypoints.registration"), *_any_receiver(), *decorators))


@knowledge.cached
def _ambient() -> frozenset[str]:
    return frozenset(_rows("ambient", "names"))
