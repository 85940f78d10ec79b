"""Which columns that a subquery selects hold no NULL, as the file's own tables say: in SQL, or as classes of SQLAlchemy."""

from __future__ import annotations

import ast
import functools
import re
from typing import Final

from flake8_aiguard.ddl import NAME, READS, plain
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import is_constant, last_name, string
from flake8_aiguard.tables import Tables

_SELECTED: Final = regex(
    rf"(?:\(|\bunion\s+(?:all\s+)?|\bintersect\s+)\s*select\s+(?:distinct\s+)?(?:\w+\.)?[\"`\[]?(\w+)[\"`\]]?\s+from\s+({NAME}|\()",
    re.IGNORECASE,
)
_SELECT: Final = regex(r"\bselect\b", re.IGNORECASE)
_TESTED: Final = regex(r"(?:\w+\.)?[\"`\[]?(\w+)[\"`\]]?\s+not\s+in\s*$", re.IGNORECASE)
_JOIN: Final = regex(r"\bjoin\b", re.IGNORECASE)
_COLUMNS: Final = ("Column", "mapped_column")


class Nulls:
    """The columns without NULL of one file.

    Args:
        module: the file.
        tables: the tables that its SQL creates.
    """

    def __init__(self, module: Module, tables: Tables) -> None:
        self._module = module
        self._tables = tables

    def are_impossible(self, text: str, start: int, end: int, *, is_migration: bool) -> bool:
        """Whether the column that a subquery selects holds no NULL: by its table, or as the key that is asked for.

        Args:
            text: the statement.
            start: where the subquery behind NOT IN begins.
            end: where it ends.
            is_migration: whether an ``id`` is taken for a key, which nobody can change later.
        """
        inner = text[start:end]
        selected = [(match[1].lower(), match[2]) for match in _SELECTED.finditer(inner)]
        if not selected or _SELECTED.match(inner) is None:
            return False
        if not _JOIN.search(inner):
            is_id = is_migration and all(column == "id" for column, _ in selected)
            is_each = len(selected) == len(_SELECT.findall(inner))
            if is_id or (is_each and all(self._is_never(column, table) for column, table in selected)):
                return True
        tested = _TESTED.search(text[:start])
        tables = {plain(name) for name in READS.findall(text)}
        return tested is not None and tested[1].lower() == selected[0][0] and len(tables) == 1

    def _is_never(self, column: str, table: str) -> bool:
        created = self._tables.created(table)
        if created is not None and column in created.not_null:
            return True
        declared = self._declared.get((plain(table), column))
        return bool(declared) and all(declared or ())

    @functools.cached_property
    def _declared(self) -> dict[tuple[str, str], list[bool]]:
        """Whether each declaration of a column in Python, by table and column, forbids NULL."""
        found: dict[tuple[str, str], list[bool]] = {}
        for call in self._module.index.calls_named(_COLUMNS):
            owner = self._module.index.parent(call)
            forbids = any(
                (item.arg == "primary_key" and is_constant(item.value, True))
                or (item.arg == "nullable" and is_constant(item.value, False))
                for item in call.keywords
            )
            name = string(call.args[0]) if call.args else None
            tables: list[str] = []
            if isinstance(owner, ast.Call):
                tables = [text for text in map(string, owner.args) if text is not None]
            elif isinstance(owner, (ast.Assign, ast.AnnAssign)):
                target = owner.targets[0] if isinstance(owner, ast.Assign) else owner.target
                name = name or last_name(target)
                tables = self._of_class(self._module.index.parent(owner))
            for table in tables:
                for called in {table, *self._renamed.get(table, ())}:
                    found.setdefault((plain(called), (name or "").lower()), []).append(forbids)
        return found

    def _of_class(self, owner: ast.AST | None) -> list[str]:
        """The table of a mapped class."""
        return [
            text
            for item in getattr(owner, "body", ())
            if isinstance(item, ast.Assign) and last_name(item.targets[0]) == "__tablename__"
            for text in [string(item.value)]
            if text is not None
        ]

    @functools.cached_property
    def _renamed(self) -> dict[str, set[str]]:
        """What the file renames its tables to."""
        found: dict[str, set[str]] = {}
        for call in self._module.index.calls_named(("rename_table",)):
            names = [string(item) for item in call.args[:2]]
            if len(names) == 2 and names[0] and names[1]:
                found.setdefault(names[0], set()).add(names[1])
        return found
