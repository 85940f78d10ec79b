"""What SQL says of tables: their columns and keys, and which are those of the database itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

NAME: Final = r"[\w.\"`\[\]$]+"
_CREATED: Final = re.compile(
    r"\bcreate\s+(?:or\s+replace\s+)?(?:(?:global\s+|local\s+)?temp(?:orary)?\s+|unlogged\s+|virtual\s+)?table\s+"
    rf"(?:if\s+not\s+exists\s+)?({NAME})\s*(?:using\s+\w+\s*)?\(",
    re.IGNORECASE,
)
_INDEXED: Final = re.compile(
    rf"\bcreate\s+(?:unique\s+)?index\b[^(;]*?\son\s+(?:only\s+)?({NAME})\s*(?:using\s+\w+\s*)?\(\s*[\"`\[]?(\w+)",
    re.IGNORECASE,
)
_INDEX_ADDED: Final = re.compile(
    rf"\balter\s+table\s+({NAME})\s[^;]*?\badd\s+(?:constraint\s+\S+\s+)?(?:unique|index|key|primary\s+key)\b"
    r"[^(;]*\(\s*[\"`\[]?(\w+)",
    re.IGNORECASE,
)
_ADDED: Final = re.compile(
    rf"\balter\s+table\s+({NAME})\s+add\s+(?:column\s+)?(?:if\s+not\s+exists\s+)?(\w+)", re.IGNORECASE
)
_CONSTRAINT: Final = re.compile(
    r"(?:constraint|primary|unique|foreign|check|key|index|exclude)\b", re.IGNORECASE
)
_PRIMARY: Final = re.compile(r"primary\s+key\s*\(([^)]*)\)", re.IGNORECASE)
_KEY: Final = re.compile(
    r"\b(?:key|index|unique)\s*(?!references\b)(?:[\"`\[]?\w+[\"`\]]?\s*)?(?:using\s+\w+\s*)?\(\s*[\"`\[]?(\w+)",
    re.IGNORECASE,
)
_IS_KEY: Final = re.compile(r"\b(?:primary\s+key|unique)\b", re.IGNORECASE)
_IS_NOT_NULL: Final = re.compile(r"\b(?:primary\s+key|not\s+null|(?:small|big)?serial)\b", re.IGNORECASE)
_SYSTEM: Final = re.compile(
    r"(?:(?:main|temp)\.)?sqlite_(?:master|schema)$|information_schema\.|pg_\w+$|pg_catalog\.|sys\.|syscat\."
    r"|system(?:_\w+)?\.|mysql\.|performance_schema\.|ndbinfo\.|(?:all|dba|user)_(?:cons_columns|constraints|ind_\w+|indexes"
    r"|mviews|sequences|synonyms|tab_\w+|tables|triggers)$|v\$\w+$",
    re.IGNORECASE,
)
_READ: Final = re.compile(rf"\b(?:from|join)\s+(?:only\s+|lateral\s+)?(\(|{NAME})", re.IGNORECASE)


@dataclass(slots=True)
class Table:
    """A table that the file creates.

    Attributes:
        columns: its columns; those of a constraint are none.
        keys: the columns by which an index finds a row.
        not_null: the columns that hold no NULL.
    """

    columns: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    not_null: set[str] = field(default_factory=set)


def created(texts: Iterable[str]) -> dict[str, Table]:
    """The tables that texts of SQL create, by their plain names.

    Args:
        texts: the texts; what one creates, another may alter.
    """
    found: dict[str, Table] = {}
    texts = [text for text in texts if "create" in (low := text.lower()) or "alter" in low]
    for text in texts:
        for match in _CREATED.finditer(text):
            _fill(found.setdefault(plain(match[1]), Table()), text, match.end())
    for text in texts:
        for match in (*_INDEXED.finditer(text), *_INDEX_ADDED.finditer(text)):
            if plain(match[1]) in found:
                found[plain(match[1])].keys.add(match[2].lower())
        for match in _ADDED.finditer(text):
            if plain(match[1]) in found:
                found[plain(match[1])].columns.add(match[2].lower())
    return found


def _fill(table: Table, text: str, start: int) -> None:
    for part in _parts(text, start):
        name = re.match(r"\s*[\"`\[]?(\w+)", part)
        if name is None:
            continue
        if _CONSTRAINT.match(part.lstrip()):
            table.keys |= {match[1].lower() for match in _KEY.finditer(part)}
            table.not_null |= {
                plain(name.strip()) for match in _PRIMARY.finditer(part) for name in match[1].split(",")
            }
            continue
        table.columns.add(name[1].lower())
        if _IS_KEY.search(part):
            table.keys.add(name[1].lower())
        if _IS_NOT_NULL.search(part):
            table.not_null.add(name[1].lower())


def _parts(text: str, start: int) -> Iterator[str]:
    """The parts between the commas of a parenthesis that opens before ``start``."""
    depth, begin = 1, start
    for place in range(start, len(text)):
        letter = text[place]
        if letter == "(":
            depth += 1
        elif letter == ")":
            depth -= 1
        if depth == 0 or (letter == "," and depth == 1):
            yield text[begin:place]
            begin = place + 1
        if depth == 0:
            return


def plain(name: str) -> str:
    """The name of a table without quotes and schema, in lower case."""
    return re.sub(r"[\"`\[\]]", "", name).rpartition(".")[2].lower()


def asks_the_system(text: str) -> bool:
    """Whether a statement reads only what the database says of itself: ``pg_class``, ``information_schema.tables``.

    Args:
        text: the statement.
    """
    names = [name for name in _READ.findall(text) if name != "("]
    return bool(names) and all(map(is_of_the_system, names))


def is_of_the_system(name: str) -> bool:
    """Whether a table is one of the database itself, by its name with or without quotes."""
    return _SYSTEM.match(re.sub(r"[\"`\[\]]", "", name)) is not None
