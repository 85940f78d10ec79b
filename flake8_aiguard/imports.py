"""Expressions to canonical dotted names, per scope and aware of shadowing."""

from __future__ import annotations

import ast
import builtins

from flake8_aiguard import knowledge
from flake8_aiguard.index import Index, Scope
from flake8_aiguard.scopes import Binding, Kind, Scopes
from flake8_aiguard.shapes import is_none

_BUILTINS = frozenset(dir(builtins))


class Imports:
    """The canonical names of one file.

    Args:
        index: the file's index.
        scopes: its symbol tables.
    """

    def __init__(self, index: Index, scopes: Scopes) -> None:
        self._index = index
        self._scopes = scopes
        self._aliases = knowledge.aliases()
        self._names: dict[tuple[Scope, str], str | None] = {}

    def qualname(self, node: ast.expr, scope: Scope | None = None) -> str | None:
        """The canonical dotted name that an expression refers to through imports.

        Args:
            node: a name or a chain of attributes on a name.
            scope: where to look names up; needed only for a node that is not of the tree, as in a parsed annotation.

        Returns:
            ``requests.get``, ``builtins.open``, ``.utils.fetch`` (relative imports keep their dots); ``None`` through calls
            and subscripts, for a name that is bound in another way, and where the candidates disagree.
        """
        attributes: list[str] = []
        while isinstance(node, ast.Attribute):
            attributes.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        name = self._name(self._index.scope(node) if scope is None else scope, node.id)
        if name is None:
            return None
        aliases = self._aliases
        for attribute in reversed(attributes):
            name = name + attribute if name.endswith(".") else f"{name}.{attribute}"
            name = aliases.get(name, name)
        return name

    def imported(self, node: ast.expr) -> str | None:
        """The dotted name of an expression as import statements alone spell it, which is what Ruff resolves.

        Args:
            node: a name or a chain of attributes on a name.

        Returns:
            As :meth:`qualname`, but ``requests.api.get`` stays itself, and a name that is assigned has none.
        """
        attributes: list[str] = []
        while isinstance(node, ast.Attribute):
            attributes.append(node.attr)
            node = node.value
        resolved = self._scopes.resolve(node) if isinstance(node, ast.Name) else None
        if resolved is None:
            return self.qualname(node) if isinstance(node, ast.Name) and not attributes else None
        aliases = [binding.node for binding in resolved[1] if isinstance(binding.node, ast.alias)]
        names = {self.spelled(alias) for alias in aliases}
        if len(names) != 1 or len(aliases) != len(resolved[1]):
            return None
        return ".".join((*names, *reversed(attributes)))

    def _name(self, scope: Scope, identifier: str) -> str | None:
        owner = self._scopes.owner(scope, identifier)
        if owner is None:
            return f"builtins.{identifier}" if identifier in _BUILTINS else None
        key = (owner, identifier)
        if key not in self._names:
            self._names[key] = None  # a name that is defined by itself has none
            self._names[key] = self._agreed(self._scopes.bindings(owner, identifier))
        return self._names[key]

    def _agreed(self, bindings: list[Binding]) -> str | None:
        found: str | None = None
        # ``try: import x; except ImportError: x = None`` is x where it is used.
        several = len(bindings) > 1
        for binding in bindings:
            if several and binding.kind is Kind.ASSIGN and is_none(binding.value):
                continue
            name = self._target(binding)
            if name is None or (found is not None and name != found):
                return None
            found = name
        return found

    def _target(self, binding: Binding) -> str | None:
        if binding.kind is Kind.IMPORT and isinstance(binding.node, ast.alias):
            return self._imported(binding.node)
        if binding.kind is Kind.ASSIGN and isinstance(binding.value, (ast.Name, ast.Attribute)):
            return self.qualname(binding.value)
        return None

    def _imported(self, alias: ast.alias) -> str:
        name = self.spelled(alias)
        return self._aliases.get(name, name)

    def spelled(self, alias: ast.alias) -> str:
        """The dotted name that an import statement spells for one of its aliases; relative imports keep their dots."""
        statement = self._index.parent(alias)
        if isinstance(statement, ast.ImportFrom):
            module = "." * statement.level + (statement.module or "")
            return f"{module}{alias.name}" if module.endswith(".") or not module else f"{module}.{alias.name}"
        return alias.name if alias.asname else alias.name.partition(".")[0]
