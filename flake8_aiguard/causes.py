"""Which blocking calls have one cause: what a ``with`` opens and its body uses, one statement, a row of the same calls."""

from __future__ import annotations

import ast
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.module import Module
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import argument, calls_before, last_name, string

_MAX_STEPS: Final = 8  # from a cursor to the pool that it came from
_BLOCKS: Final = ("body", "orelse", "finalbody")


class Causes:
    """The blocking calls of one file that were seen so far.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._seen: set[ast.Call] = set()
        self._statements: set[tuple[ast.stmt, str]] = set()

    def is_first(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether no call that was asked for before is the cause of this one as well.

        Args:
            node: a blocking call; they have to come in document order.
            row: its row of ``blocking.toml``.
        """
        place = (self._module.index.statement(node), str(row["instead"]))
        is_known = (
            place in self._statements
            or self._is_opened_around(node)
            or (row["kind"] == "file" and self._continues_row(node))
        )
        self._statements.add(place)
        self._seen.add(node)
        return not is_known

    def _is_opened_around(self, node: ast.Call) -> bool:
        """Whether the receiver comes from what a ``with`` around the call gives, and that was seen: a cursor of a pool."""
        items = {
            item.optional_vars.id: item.context_expr
            for item in reversed(list(self._module.index.with_items(node)))
            if isinstance(item.optional_vars, ast.Name)
        }
        source: ast.expr | None = node.func if items else None
        for _ in range(_MAX_STEPS):
            while isinstance(source, (ast.Attribute, ast.Call, ast.Subscript)):
                source = source.func if isinstance(source, ast.Call) else source.value
            if not isinstance(source, ast.Name):
                return False
            given = items.pop(source.id, None)
            if isinstance(given, ast.Call) and given in self._seen:
                return True
            source = given or self._assigned(source)
        return False

    def _assigned(self, name: ast.Name) -> ast.expr | None:
        """The call of which a name has its value, by the last assignment above it."""
        bindings = (self._module.scopes.resolve(name) or (None, []))[1]
        above = [item for item in bindings if getattr(item.node, "lineno", name.lineno) < name.lineno]
        last = max(above, key=lambda item: getattr(item.node, "lineno", 0), default=None)
        return last.value if last is not None and last.kind is Kind.ASSIGN else None

    def _continues_row(self, node: ast.Call) -> bool:
        """Whether the statement before does the same with another file: ``shutil.move(a, to)``, ``shutil.move(b, to)``."""
        statement = self._module.index.statement(node)
        if _head(statement) is not node:
            return False
        around = self._module.index.parent(statement)
        for name in _BLOCKS:
            block: list[ast.stmt] = getattr(around, name, None) or []
            if statement in block[1:]:
                earlier = block[block.index(statement) - 1]
                before = _head(earlier)
                return (
                    before is not None
                    and before in self._seen
                    and self._module.called(before) == self._module.called(node)
                    and string(argument(before, "mode", 1)) == string(argument(node, "mode", 1))
                    and _done_within(earlier) == _done_within(statement)
                )
        return False


def _head(statement: ast.stmt) -> ast.Call | None:
    """The call with which a short statement begins: ``open(a)`` of ``with open(a) as f: f.write(b)``, of ``open(a).close()``."""
    if isinstance(statement, ast.With):
        value = statement.items[0].context_expr if _done_within(statement) is not None else None
    else:
        value = _value(statement)
    return next(reversed([value, *calls_before(value)])) if isinstance(value, ast.Call) else None


def _done_within(statement: ast.stmt) -> str | None:
    """The last identifier of the only call that a ``with`` is for; ``None`` for all else."""
    only = statement.body[0] if isinstance(statement, ast.With) and len(statement.body) == 1 else None
    value = _value(only)
    return last_name(value.func) if isinstance(value, ast.Call) else None


def _value(statement: ast.stmt | None) -> ast.expr | None:
    return statement.value if isinstance(statement, (ast.Expr, ast.Assign)) else None
