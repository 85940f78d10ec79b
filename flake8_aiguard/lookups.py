"""How a function asks a mapping for a key: the hit, the miss, and what becomes of the entry."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Final

from flake8_aiguard.index import TRIES, Function
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import block_of, last_name, place_in

_CONFIGURES: Final = regex(r"(?:add|configure|register|set|subscribe|update)(?:_|$)")


class Lookup:
    """How one function asks a container for one key.

    Args:
        module: the file.
        asked: the subscripts and ``get`` calls of the function, by the last identifier of what they ask.
        container: the dict.
        key: the key.
        function: the function.
    """

    def __init__(
        self,
        module: Module,
        asked: Mapping[str, list[ast.expr]],
        container: ast.expr,
        key: ast.expr,
        function: Function,
    ) -> None:
        self._module = module
        self._asked = asked
        self._container = ast.dump(container)
        self._name = last_name(container)
        self._key = ast.dump(key)
        self._function = function
        self._found: list[ast.expr] | None = None

    def _is_container(self, node: ast.expr) -> bool:
        if last_name(node) == self._name:
            return _same(node, self._container)
        return False

    def _is_entry(self, node: ast.AST) -> bool:
        """Whether a node is ``c[k]`` or ``c.get(k)``."""
        if isinstance(node, ast.Subscript):
            return (
                isinstance(node.ctx, ast.Load)
                and self._is_container(node.value)
                and _same(node.slice, self._key)
            )
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "get"
            and bool(node.args)
            and self._is_container(node.func.value)
            and _same(node.args[0], self._key)
        )

    def entries(self) -> list[ast.expr]:
        """All ``c[k]`` and ``c.get(k)`` that the function runs."""
        if self._found is None:
            self._found = [node for node in self._asked.get(self._name or "", ()) if self._is_entry(node)]
        return self._found

    def reads(self, body: list[ast.stmt]) -> bool:
        """Whether statements look the key up."""
        return any(self._is_entry(node) for statement in body for node in ast.walk(statement))

    def _is_value(self, node: ast.expr) -> bool:
        """Whether an expression is the entry, or a name that holds it."""
        if isinstance(node, ast.NamedExpr):
            node = node.value
        if isinstance(node, ast.Await):
            node = node.value
        if self._is_entry(node):
            return True
        if not isinstance(node, ast.Name):
            return False
        return any(self._holds(entry) == node.id for entry in self.entries())

    def _holds(self, entry: ast.expr) -> str | None:
        """The name that an entry is assigned to."""
        parent = self._module.index.parent(entry)
        if isinstance(parent, ast.Await):
            parent = self._module.index.parent(parent)
        if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
            return parent.targets[0].id
        if isinstance(parent, (ast.NamedExpr, ast.AnnAssign)) and isinstance(parent.target, ast.Name):
            return parent.target.id
        return None

    def is_miss(self, test: ast.expr) -> bool:
        """Whether a condition holds where the key has no entry."""
        return self._says(test, hit=False)

    def is_hit(self, test: ast.expr) -> bool:
        """Whether a condition holds only where the key has an entry."""
        return self._says(test, hit=True)

    def _says(self, test: ast.expr, *, hit: bool) -> bool:
        stack = [(test, hit)]
        while stack:
            node, wanted = stack.pop()
            if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
                stack.append((node.operand, not wanted))
            elif isinstance(node, ast.BoolOp):
                stack += [(value, wanted) for value in node.values]
            elif isinstance(node, ast.Compare):
                if len(node.ops) == 1 and self._compares(node.left, node.ops[0], node.comparators[0], wanted):
                    return True
            elif wanted and self._is_value(node):
                return True
        return False

    def _compares(self, left: ast.expr, op: ast.cmpop, right: ast.expr, wanted: bool) -> bool:
        if isinstance(op, (ast.In, ast.NotIn)):
            keys = _keyed(right)
            return isinstance(op, ast.In) is wanted and self._is_container(keys) and _same(left, self._key)
        if isinstance(op, (ast.Is, ast.IsNot, ast.Eq, ast.NotEq)):
            return isinstance(op, (ast.IsNot, ast.NotEq)) is wanted and self._is_value(left)
        return False

    def leaves_before(self, child: ast.AST, parent: ast.AST) -> bool:
        """Whether a statement before ``child`` in the same block leaves where the key has an entry."""
        block = block_of(parent, child)
        for statement in block[: place_in(block, child)]:
            if isinstance(statement, ast.If) and self.is_hit(statement.test) and _leaves(statement.body):
                return True
            inner = statement.body if isinstance(statement, (ast.With, ast.AsyncWith)) else []
            for item in inner:
                if isinstance(item, ast.If) and self.is_hit(item.test) and _leaves(item.body):
                    return True
                if isinstance(item, ast.Return) and self.reads([item]):
                    return True  # with suppress(KeyError): return c[k]
            if (
                isinstance(statement, TRIES)
                and self.reads(statement.body)
                and _leaves([*statement.body, *statement.orelse])
            ):
                return True
        return False

    def is_used(self, entry: ast.expr) -> bool:
        """Whether an entry goes on into the program: not only asked for, not only changed in place."""
        index = self._module.index
        name = self._holds(entry)
        if name is None:
            return self._goes_on(entry)
        uses = [
            use
            for use in self._module.scopes.uses(self._function, name)
            if index.function(use) is self._function
        ]
        return any(self._goes_on(use) for use in uses)

    def is_configured(self, write: ast.AST) -> bool:
        """Whether the function changes an entry after it has added it: the dict is a registry of objects, no store of results.

        Args:
            write: what adds the entry, a statement or a ``setdefault`` call.
        """
        index = self._module.index
        line: int = getattr(write, "lineno", 0)
        entries = [entry for entry in self.entries() if entry.lineno > line or self._holds(entry)]
        if isinstance(write, ast.Call):
            entries.append(write)
        for entry in entries:
            if self._is_changed(entry):
                return True
            name = self._holds(entry)
            if name is not None and any(
                index.function(use) is self._function
                and use.lineno > line
                and self._is_changed(use, by_name=True)
                for use in self._module.scopes.uses(self._function, name)
            ):
                return True
        return False

    def _is_changed(self, node: ast.expr, *, by_name: bool = False) -> bool:
        """Whether ``node.attribute = ...``, ``node[key] = ...`` or a call of one of its methods as a statement changes an object."""
        index = self._module.index
        part = index.parent(node)
        if isinstance(part, ast.Subscript) and part.value is node:
            return not by_name and isinstance(part.ctx, ast.Store)
        if not isinstance(part, ast.Attribute):
            return False
        if isinstance(part.ctx, ast.Store):
            return True
        call = index.parent(part)
        return (
            isinstance(call, ast.Call)
            and call.func is part
            and isinstance(index.parent(call), ast.Expr)
            and (not by_name or bool(_CONFIGURES.match(part.attr)))
        )

    def _goes_on(self, node: ast.expr) -> bool:
        index = self._module.index
        parent = index.parent(node)
        if isinstance(parent, ast.Attribute):
            call = index.parent(parent)
            return not isinstance(index.parent(call) if call is not None else None, ast.Expr)
        if isinstance(parent, (ast.Compare, ast.If, ast.UnaryOp, ast.Expr, ast.While, ast.Assert)):
            return False
        if isinstance(parent, ast.NamedExpr):
            return False
        return not isinstance(parent, ast.BoolOp) or not is_tested(index.parent(parent))


def _same(node: ast.expr, dumped: str) -> bool:
    """Whether a node is the same expression, be it read or written."""
    return ast.dump(node).replace("Store()", "Load()") == dumped.replace("Store()", "Load()")


def _keyed(node: ast.expr) -> ast.expr:
    """The dict behind ``c.keys()``."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "keys":
        return node.func.value
    return node


def _leaves(body: list[ast.stmt]) -> bool:
    """Whether statements end by leaving with the entry, not with an error."""
    return isinstance(body[-1], (ast.Continue, ast.Break)) or any(
        isinstance(item, ast.Return) for item in body
    )


def is_tested(node: ast.AST | None) -> bool:
    """Whether a node only asks whether its parts hold."""
    return isinstance(node, (ast.If, ast.While, ast.IfExp, ast.Assert, ast.UnaryOp, ast.BoolOp))
