"""What the SQL of a file says of its database: the dialect, the tables that it creates, their columns and keys."""

from __future__ import annotations

import ast
import functools
import re
from typing import Final

from flake8_aiguard import ddl
from flake8_aiguard.ddl import Table
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex

_SQLITE: Final = frozenset({"aiosqlite", "apsw", "pysqlite3", "sqlite3", "sqlite_utils"})
_OTHERS: Final = frozenset(
    (
        *("MySQLdb", "aiomysql", "aiopg", "asyncmy", "asyncpg", "cx_Oracle", "mariadb", "mysql", "oracledb"),
        *("psycopg", "psycopg2", "pymssql", "pymysql", "pyodbc", "snowflake", "duckdb"),
    )
)
_SAID_BY_SQLITE: Final = regex(
    r"\b(?:AUTOINCREMENT|INSERT\s+OR\s+(?:REPLACE|IGNORE)|sqlite_master|PRAGMA\s+\w+)\b", re.IGNORECASE
)


class Tables:
    """The tables of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    @functools.cached_property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite and no other, by the driver, or by words that only SQLite knows."""
        packages = self._module.index.packages
        if not _OTHERS.isdisjoint(packages):
            return False
        return not _SQLITE.isdisjoint(packages) or _SAID_BY_SQLITE.search(self._module.source) is not None

    def created(self, name: str) -> Table | None:
        """The table of a name as a statement spells it, where this file creates it.

        Args:
            name: the name, with or without quotes and schema.
        """
        return self._created.get(name)

    @functools.cached_property
    def _created(self) -> ddl.Tables:
        return ddl.Tables(
            node.value
            for node in self._module.index.nodes(ast.Constant)
            if isinstance(node.value, str) and len(node.value) > len("create table")
        )
