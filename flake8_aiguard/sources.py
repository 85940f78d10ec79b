"""Where a value comes from outside: the request, the command line, the environment, parsed data."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from flake8_aiguard import knowledge
from flake8_aiguard.entrypoints import Entrypoints
from flake8_aiguard.imports import Imports
from flake8_aiguard.index import Index
from flake8_aiguard.knowledge import Row
from flake8_aiguard.receivers import Receivers
from flake8_aiguard.scopes import Kind, Scopes
from flake8_aiguard.shapes import last_name


class Sources:
    """The sources of ``untrusted.source`` in one file.

    Args:
        index: the file's index.
        scopes: its symbol tables.
        imports: its canonical names.
        receivers: its receiver types.
        entrypoints: its handlers and tasks.
    """

    def __init__(
        self,
        index: Index,
        scopes: Scopes,
        imports: Imports,
        receivers: Receivers,
        entrypoints: Entrypoints,
    ) -> None:
        self._index = index
        self._scopes = scopes
        self._imports = imports
        self._receivers = receivers
        self._entrypoints = entrypoints

    def row(self, node: ast.expr) -> Row | None:
        """The row of the source that an expression itself is; names and parts of it are not followed.

        Args:
            node: ``json.loads(text)``, ``sys.argv``, ``request.args``, ``await request.json()``.

        Returns:
            The row, or ``None``.
        """
        if isinstance(node, ast.Await):
            node = node.value
        if isinstance(node, ast.Call):
            return self._called(node)
        name = self._imports.qualname(node)
        if name is not None:
            return _by_attribute().get(name)
        if isinstance(node, ast.Attribute):
            kind = self._receivers.type_of(node.value)
            if kind is not None:
                return _by_attribute().get(f"{kind}.{node.attr}")
            return self._of_receiver(node.value, "attributes", node.attr)
        if isinstance(node, ast.Name) and self._is_parameter(node):
            rows = (row for row in _by_parameter().get(node.id, ()) if "attributes" not in row)
            return next((row for row in rows if self._is_in(row, node)), None)
        return None

    def _called(self, call: ast.Call) -> Row | None:
        name = self._imports.qualname(call.func)
        if name is not None or not isinstance(call.func, ast.Attribute):
            return knowledge.by_call("untrusted.source").get(name or "")
        kind = self._receivers.type_of(call.func.value)
        if kind is not None:
            return knowledge.by_call("untrusted.source").get(f"{kind}.{call.func.attr}")
        return self._of_receiver(call.func.value, "methods", call.func.attr)

    def _of_receiver(self, receiver: ast.expr, column: str, member: str) -> Row | None:
        """The row of a member of a receiver without a type that is known by its name: ``request``, ``self.request``, ``parser``."""
        name = last_name(receiver)
        for row in _by_receiver().get(name or "", ()):
            if member in row.get(column, ()):
                return row
        if isinstance(receiver, ast.Attribute):
            known = self._receivers.class_behind(receiver.value) is not None
        else:
            known = isinstance(receiver, ast.Name) and self._is_parameter(receiver)
        rows = _by_parameter().get(name or "", ()) if known else ()
        return next(
            (row for row in rows if member in row.get(column, ()) and self._is_in(row, receiver)), None
        )

    def _is_parameter(self, name: ast.Name) -> bool:
        resolved = self._scopes.resolve(name)
        return resolved is not None and all(binding.kind is Kind.PARAMETER for binding in resolved[1])

    def _is_in(self, row: Row, node: ast.expr) -> bool:
        """Whether a node stands in a function of the kind that a row is about."""
        if "entry" not in row:
            return True
        function = self._index.function(node)
        return function is not None and self._entrypoints.kind(function) == row["entry"]


@knowledge.cached
def _by_attribute() -> Mapping[str, Row]:
    found = {name: row for row in knowledge.rows("untrusted.source") for name in row.get("names", ())}
    for row in knowledge.rows("untrusted.source"):
        for owner in row.get("types", ()):
            for attribute in row.get("attributes", ()):
                found[f"{owner}.{attribute}"] = row
    return found


@knowledge.cached
def _by_parameter() -> Mapping[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in knowledge.rows("untrusted.source"):
        for name in row.get("parameters", ()):
            found.setdefault(name, []).append(row)
    return found


@knowledge.cached
def _by_receiver() -> Mapping[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in knowledge.rows("untrusted.source"):
        for name in row.get("receivers", ()):
            found.setdefault(name, []).append(row)
    return found
