"""API facts as TOML tables, a source per row, and their loader.

A table is an array in one of the files beside this module: ``blocking.call`` is the array ``call`` of ``blocking.toml``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeAlias, TypeVar, cast

from flake8_aiguard import toml

Row: TypeAlias = Mapping[str, Any]
_P = ParamSpec("_P")
_T = TypeVar("_T")

_FOLDER: Final = Path(__file__).parent
_user_rows: dict[str, tuple[Row, ...]] = {}
_caches: list[Callable[[], None]] = []


class KnowledgeError(ValueError):
    """A row that a user adds does not fit its table."""


def cached(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """``functools.cache`` for what is derived from tables: emptied when a user's rows change."""
    memo = functools.cache(function)
    _caches.append(memo.cache_clear)
    return cast("Callable[_P, _T]", memo)


def tables() -> tuple[str, ...]:
    """The names of all tables, ``file.array``, sorted."""
    return tuple(
        sorted(
            f"{file.stem}.{array}"
            for file in _FOLDER.glob("*.toml")
            for array, value in _file(file.stem).items()
            if isinstance(value, list)
        )
    )


@functools.lru_cache(maxsize=64)
def _file(stem: str) -> dict[str, Any]:
    return toml.packaged(_FOLDER / f"{stem}.toml")


def rows(table: str) -> tuple[Row, ...]:
    """The rows of a table: the packaged ones, then the user's.

    Args:
        table: ``file.array``.

    Returns:
        The rows; not to be changed.

    Raises:
        KeyError: there is no such table.
    """
    stem, _, array = table.partition(".")
    return (*_file(stem)[array], *_user_rows.get(table, ()))


def use_rows(added: Iterable[tuple[str, Row]]) -> None:
    """Add a user's rows to the tables; rows of an earlier call are dropped.

    Args:
        added: table name and row, each passed by :func:`check`.
    """
    by_table: dict[str, list[Row]] = {}
    for table, row in added:
        by_table.setdefault(table, []).append(row)
    fresh = {table: tuple(found) for table, found in by_table.items()}
    if fresh != _user_rows:
        _user_rows.clear()
        _user_rows.update(fresh)
        for clear in _caches:
            clear()


def check(table: str, row: Row) -> None:
    """Check a user's row against the packaged rows of its table.

    Args:
        table: ``file.array``.
        row: the row.

    Raises:
        KnowledgeError: the table or a column does not exist, a value has another type than in the packaged rows, or a
            column is missing that all of these have.
    """
    if table not in tables():
        raise KnowledgeError(f"there is no table {table!r}{_nearest(table, tables())}")
    columns: dict[str, set[type]] = {}
    stem, _, array = table.partition(".")
    packaged: list[Row] = _file(stem)[array]
    for known in packaged:
        for column, value in known.items():
            columns.setdefault(column, set()).add(type(value))
    for column, value in row.items():
        if column not in columns:
            raise KnowledgeError(f"table {table!r} has no column {column!r}{_nearest(column, columns)}")
        if type(value) not in columns[column]:
            wanted = " or ".join(sorted(kind.__name__ for kind in columns[column]))
            raise KnowledgeError(f"column {column!r} of table {table!r} takes {wanted}, not {value!r}")
        if isinstance(value, list) and not all(isinstance(item, str) for item in value):
            raise KnowledgeError(
                f"column {column!r} of table {table!r} takes a list of strings, not {value!r}"
            )
    for column, example in packaged[0].items():
        if column not in row and column != "source" and all(column in known for known in packaged):
            raise KnowledgeError(f"a row of table {table!r} needs the column {column!r}, such as {example!r}")


def _nearest(word: str, known: Iterable[str]) -> str:
    import difflib

    near = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(sorted(known))}"


@cached
def aliases() -> Mapping[str, str]:
    """Other import paths of an object, each with its canonical name."""
    return {name: row["is"] for row in rows("types.alias") for name in row["names"]}


@cached
def by_call(table: str) -> Mapping[str, Row]:
    """The rows of a table by canonical name: its ``calls``, and ``type.method`` for its ``types`` and ``methods``."""
    found: dict[str, Row] = {}
    for row in rows(table):
        for name in row.get("calls", ()):
            found[name] = row
        for owner in row.get("types", ()):
            for method in row.get("methods", ()):
                found[f"{owner}.{method}"] = row
    return found


@cached
def last_names(table: str) -> frozenset[str]:
    """The last identifiers of all names in a table: what to ask ``Index.calls_named`` for."""
    return frozenset(name.rpartition(".")[2] for name in by_call(table))


def by_package(names: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """The last identifiers of canonical names by the top-level packages whose import may lead to them.

    A file that imports none of these packages calls none of the names: a cheap filter before anything is resolved.

    Args:
        names: canonical names; those of ``sqlite3.Cursor`` are reached by importing ``sqlite3``, those of
            ``concurrent.futures.Future`` also by importing ``asyncio``, as ``types.toml`` says.

    Returns:
        The identifiers by package.
    """
    found: dict[str, set[str]] = {}
    for name in names:
        found.setdefault(name.partition(".")[0], set()).add(name.rpartition(".")[2])
    own = {package: frozenset(last) for package, last in found.items()}
    for start, end in _leads():
        found.setdefault(start, set()).update(own.get(end, ()))
    return {package: frozenset(last) for package, last in found.items()}


def names_of(by_package: Mapping[str, frozenset[str]], packages: AbstractSet[str]) -> frozenset[str]:
    """The identifiers of :func:`by_package` that a file with these imports can call.

    Args:
        by_package: what :func:`by_package` gave.
        packages: the top-level packages that the file imports.

    Returns:
        The identifiers.
    """
    first, *others = [by_package[package] for package in by_package.keys() & packages] or [frozenset[str]()]
    return first.union(*others) if others else first


@cached
def _leads() -> frozenset[tuple[str, str]]:
    """The pairs of packages of which the first gives objects whose types are in the second."""
    pairs = [(name, row["is"]) for row in rows("types.alias") for name in row["names"]]
    pairs += [(name, row["of"]) for row in rows("types.subtype") for name in row["types"]]
    for table in ("types.factory", "types.enter", "types.element", "types.attribute"):
        for row in rows(table):
            end = row.get("returns", row.get("yields", ""))
            pairs += [(name, end) for name in (*row.get("calls", ()), *row.get("types", ()))]
    return frozenset((start.partition(".")[0], end.partition(".")[0]) for start, end in pairs)
