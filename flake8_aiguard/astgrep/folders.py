"""What the files of SQL around one say: the tables that they create, and another database than PostgreSQL."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from flake8_aiguard import ddl
from flake8_aiguard.astgrep.source import Source
from flake8_aiguard.regex import regex

_LARGEST: Final = 2_000_000  # characters that are read of a folder
_FILES: Final = 400  # that are read of a folder around one
_NUMBERED: Final = regex(r"[vV]?\d")
_INDEXES: Final = regex(r"(?i)ind(?:ex(?:es)?|ices)")
_CREATING: Final = regex(r"create (?:unique )?(?:table|index)\b")


def table(source: Source, name: str) -> ddl.Table | None:
    """A table, where a file or one around it creates it.

    Args:
        source: the text of the file.
        name: the table's name.
    """
    own = source.tables.get(name)
    return own if own is not None else _table(_folders_of(source), ddl.plain(name))


def parents(source: Source) -> frozenset[str]:
    """The tables that others inherit from in the files around, which mostly have no rows of their own."""
    return _parents(_folders_of(source))


def beside(source: Source) -> Iterator[Source]:
    """The other files of SQL in the folder."""
    folders = _folders_of(source)
    return (other for other in _in(folders[0]) if other.path != source.path) if folders else iter(())


def near(source: Source) -> Iterator[Source]:
    """The files of SQL in the folder, the folders around and those in these that create tables or indexes.

    A folder of indexes lies beside the one of the tables.
    """
    around = _folders_of(source)
    above, name = os.path.split(around[0]) if around else ("", "")
    if above not in around and _INDEXES.fullmatch(name):
        around = (*around, above)
    return (other for _, other in _near(around) if other.path != source.path)


def is_warehouse(source: Source) -> bool:
    """Whether a file, or one beside it, says that it is of a database without indexes."""
    return source.is_of_a_warehouse or any(map(_are_of_a_warehouse, _folders_of(source)[:1]))


def is_postgresql(source: Source) -> bool:
    """Whether nothing in a file, or in those beside it, says that it is of another database."""
    if "postgres" in source.path.lower().rpartition("/")[2]:
        return True
    if source.is_file and _has_files_for_sqlite(os.path.dirname(source.path)):
        return False  # what has no file for each database is for all
    return not any(text.is_of_another_database for text in itertools.chain([source], beside(source)))


def _folders_of(source: Source) -> tuple[str, ...]:
    return _folders(os.path.dirname(source.path)) if source.is_file else ()


@functools.lru_cache(maxsize=64)
def _folders(folder: str) -> tuple[str, ...]:
    """A folder, and of the two above it those with files of SQL, or with folders of numbered migrations."""
    found = [folder]
    for above in list(map(str, Path(folder).parents))[:2]:
        if os.path.exists(os.path.join(found[-1], ".git")):
            break
        is_numbered = above == os.path.dirname(folder) and _NUMBERED.match(os.path.basename(folder))
        if os.path.isdir(above) and (is_numbered or any(name.endswith(".sql") for name in os.listdir(above))):
            found.append(above)
    return tuple(found)


def _read(paths: Iterator[Path]) -> Iterator[Source]:
    left = _LARGEST
    for path in itertools.islice(sorted(paths), _FILES):
        try:
            if (size := path.stat().st_size) <= left:
                left -= size
                yield Source(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError):
            continue


@functools.lru_cache(maxsize=64)
def _has_files_for_sqlite(folder: str) -> bool:
    """Whether a folder, or one beside it, has a file for SQLite alone."""
    return any(any(Path(folder).glob(pattern)) for pattern in ("*.sql.sqlite", "../*/*.sql.sqlite"))


@functools.lru_cache(maxsize=64)
def _are_of_a_warehouse(folder: str) -> bool:
    return any(text.is_of_a_warehouse for text in _in(folder))


@functools.lru_cache(maxsize=8)
def _in(folder: str) -> tuple[Source, ...]:
    return tuple(_read(Path(folder).glob("*.sql")))


def _near(folders: tuple[str, ...]) -> Iterator[tuple[str, Source]]:
    """The files of some folders, and of the folders in these, that create something; each with its text in lower case."""
    return itertools.chain.from_iterable(map(_creating, folders))


@functools.lru_cache(maxsize=16)
def _creating(folder: str) -> tuple[tuple[str, Source], ...]:
    paths = {path for pattern in ("*.sql", "*/*.sql") for path in Path(folder).glob(pattern)}
    read = ((other.text.lower(), other) for other in _read(iter(paths)))
    return tuple((low, other) for low, other in read if _CREATING.search(low))


@functools.lru_cache(maxsize=256)
def _table(folders: tuple[str, ...], name: str) -> ddl.Table | None:
    return ddl.Tables(other.code for low, other in _near(folders) if name in low).get(name)


@functools.lru_cache(maxsize=8)
def _parents(folders: tuple[str, ...]) -> frozenset[str]:
    return frozenset().union(*(ddl.Script(other.text).parents for _, other in _near(folders)))
