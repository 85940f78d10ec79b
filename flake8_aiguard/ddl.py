"""What SQL says of tables: their columns and keys, what happens to them, and which are those of the database itself."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from flake8_aiguard.regex import regex

NAME: Final = r":?[\w.\"`\[\]$]+"
READS: Final = regex(rf"\b(?:from|join|update)\s+({NAME})", re.IGNORECASE)
"""The tables that a statement reads."""
_CREATED: Final = regex(
    r"\bcreate\s+(?:or\s+replace\s+)?(?:(?:global\s+|local\s+)?temp(?:orary)?\s+|unlogged\s+|virtual\s+)?table\s+"
    rf"(?:if\s+not\s+exists\s+)?({NAME})\s*(?:using\s+\w+\s*)?\(",
    re.IGNORECASE,
)
_INDEXED: Final = regex(
    rf"\bcreate\s+(unique\s+)?index\b[^(;]*?\son\s+(?:only\s+)?({NAME})\s*(?:using\s+\w+\s*)?\(([^()]*)",
    re.IGNORECASE,
)
_INDEX_ADDED: Final = regex(
    rf"\balter\s+table\s+(?:only\s+)?({NAME})\s[^;]*?\badd\s+(?:constraint\s+\S+\s+)?(unique|index|key|primary\s+key)\b"
    r"[^(;]*\(([^()]*)",
    re.IGNORECASE,
)
_ADDED: Final = regex(
    rf"\balter\s+table\s+({NAME})\s+add\s+(?:column\s+)?(?:if\s+not\s+exists\s+)?(\w+)", re.IGNORECASE
)
# A column may be called "key" or "index": what MySQL calls so has a list of columns.
_CONSTRAINT: Final = regex(
    r"(?:constraint|primary|unique|foreign|check|exclude)\b|(?:key|index)\s*(?:[\w\"`\[\]]+\s*)?\(\s*[^\d\s)]",
    re.IGNORECASE,
)
_PRIMARY: Final = regex(r"primary\s+key\s*\(([^)]*)\)", re.IGNORECASE)
_UNIQUE: Final = regex(r"\b(?:primary\s+key|unique)\b[^()]*\(([^)]*)\)", re.IGNORECASE)
_LISTED: Final = regex(r"(?:^|,)\s*[\"`\[]?(\w+)")
_KEY: Final = regex(
    r"\b(?:key|index|unique)\s*(?!references\b)(?:[\"`\[]?\w+[\"`\]]?\s*)?(?:using\s+\w+\s*)?\(\s*[\"`\[]?(\w+)",
    re.IGNORECASE,
)
_IS_KEY: Final = regex(r"\b(?:primary\s+key|unique)\b", re.IGNORECASE)
_IS_GENERATED: Final = regex(
    r"\b(?:small|big)?serial\d?\b|\bauto_?increment\b|\bidentity\b|\bgenerated\b|\binteger\s+primary\s+key\b"
    r"|\bdefault\s+\(?\s*(?:nextval|gen_random_uuid|uuid\w*|newid)\s*\(",
    re.IGNORECASE,
)
_IS_ONE: Final = regex(
    r"\bcheck\s*\(\s*[\"`\[]?\w+[\"`\]]?\s*(?:=\s*(?:\d+|'[^']*'|true)\s*)?\)", re.IGNORECASE
)
_IS_NOT_NULL: Final = regex(r"\b(?:primary\s+key|not\s+null|(?:small|big)?serial)\b", re.IGNORECASE)
_SYSTEM: Final = regex(
    r"(?:(?:main|temp)\.)?sqlite_(?:master|schema)$|(?:\S+\.)?information_schema\.|(?:pg|mz|pragma)_\w+$|pg_catalog\.|sys\.|syscat\."
    r"|system(?:_\w+)?\.|mysql\.|performance_schema\.|ndbinfo\.|(?:all|dba|user)_(?:cons_columns|constraints|ind_\w+|indexes"
    r"|mviews|sequences|synonyms|tab_\w+|tables|triggers)$|g?v\$\w+$|cdb_\w+$"
    r"|(?:snowflake\.)?(?:account|organization)_usage\.|(?:st[lv]|sv[lv]|svcs)_\w+$|sys_query_\w+$",
    re.IGNORECASE,
)
_EXTENSION: Final = regex(
    r"(?:bdr|citus|cron|partman|pgagent|pglogical|pgq|repmgr|spock|timescaledb_information)\.", re.IGNORECASE
)
_PART: Final = regex(r"[(),]")
_MADE: Final = regex(rf"\bcreate\s[^;(]*?\b(?:table|view)\s+(?:if\s+not\s+exists\s+)?({NAME})", re.IGNORECASE)
_RENAMED: Final = regex(
    rf"\balter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?({NAME})\s+rename\s+to\s+({NAME})", re.IGNORECASE
)
_PARENT: Final = regex(rf"\binherits\s*\(\s*({NAME})", re.IGNORECASE)
_EMPTIED: Final = regex(
    rf"\b(?:drop\s+table(?:\s+if\s+exists)?|truncate(?:\s+table)?)\s+(?:only\s+)?({NAME})"
    rf"|\bdelete\s+from\s+({NAME})\s*(?:;|\Z)",
    re.IGNORECASE,
)
_FILLED: Final = regex(rf"\binto\s+({NAME})", re.IGNORECASE)
_CHANGED: Final = regex(rf"\b(?:update|delete\s+from)\s+(?:only\s+)?({NAME})[^;]*\bwhere\b", re.IGNORECASE)
_VERB: Final = regex(rf"\b(alter\s+table|update)\s+(?:if\s+exists\s+)?(?:only\s+)?({NAME})", re.IGNORECASE)
_ROW_TYPE: Final = regex(
    r"([\w.\"]+)%\s*rowtype\b|\breturns\s+setof\s+([\w.\"]+)", re.IGNORECASE
)  # no NAME, which holds quotes and dollars of bodies
_READ: Final = regex(rf"\b(?:from|join)\s+(?:only\s+|lateral\s+)?(\(|{NAME})", re.IGNORECASE)
_NAMED_QUERY: Final = regex(r"(?:\bwith\s+(?:recursive\s+)?|,\s*)(\w+)\s+as\s*\(", re.IGNORECASE)
_EXTRACT: Final = regex(r"\b(?:extract|substring|trim|overlay)\s*\([^()]*\)", re.IGNORECASE)
_BESIDE: Final = regex(rf"\bfrom\s+{NAME}(?:\s+(?:as\s+)?\w+)?\s*,\s*({NAME})", re.IGNORECASE)


@dataclass(slots=True)
class Table:
    """A table that the file creates.

    Attributes:
        columns: its columns; those of a constraint are none.
        keys: the columns by which an index finds a row.
        unique: the columns of each key that no two rows share.
        not_null: the columns that hold no NULL.
        generated: the columns that the database itself numbers or fills.
        is_single: whether a key that takes one value keeps it at one row.
    """

    columns: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    unique: list[frozenset[str]] = field(default_factory=list)
    not_null: set[str] = field(default_factory=set)
    generated: set[str] = field(default_factory=set)
    is_single: bool = False


class Tables:
    """The tables that texts of SQL create, by their plain names; a table is read when it is asked for.

    Args:
        texts: the texts; what one creates, another may alter.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = [text for text in texts if "create" in (low := text.lower()) or "alter" in low]
        self._read: dict[str, Table] = {}

    @functools.cached_property
    def _begun(self) -> dict[str, list[tuple[str, int]]]:
        """Where the columns of each table begin."""
        found: dict[str, list[tuple[str, int]]] = {}
        for text in self._texts:
            for match in _CREATED.finditer(text):
                found.setdefault(plain(match[1]), []).append((text, match.end()))
        return found

    @functools.cached_property
    def _added(self) -> list[tuple[str, str]]:
        """Table and name of each column that is added later."""
        return [(plain(table), name.lower()) for text in self._texts for table, name in _ADDED.findall(text)]

    @functools.cached_property
    def _indexed(self) -> list[tuple[str, list[str], bool]]:
        """Table and columns of each index that is added later, and whether it is unique."""
        found = []
        for text in self._texts:
            found += [(table, names, bool(unique)) for unique, table, names in _INDEXED.findall(text)]
            found += [
                (table, names, kind.lower() not in ("index", "key"))
                for table, kind, names in _INDEX_ADDED.findall(text)
            ]
        return [(plain(table), _listed(names), is_unique) for table, names, is_unique in found]

    def get(self, name: str) -> Table | None:
        """A table, ``None`` where no text creates it.

        Args:
            name: its name, with or without quotes and schema.
        """
        name = plain(name)
        if name not in self._begun:
            return None
        if name not in self._read:
            self._read[name] = table = Table()
            for text, start in self._begun[name]:
                _fill(table, text, start)
            table.columns |= {column for of, column in self._added if of == name}
            for of, columns, is_unique in self._indexed:
                if of == name and columns:
                    table.keys.add(columns[0])
                    table.unique += [frozenset(columns)] if is_unique else []
        return self._read[name]

    def with_column(self, column: str) -> list[Table]:
        """The tables that have a column."""
        found = filter(None, map(self.get, self._begun))
        return [table for table in found if column in table.columns]


class Script:
    """What one text of SQL does with its tables, by their plain names; each question is answered once, when it is asked.

    Args:
        text: the text, with nothing in quotes and no comments.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    @functools.cached_property
    def _low(self) -> str:
        return self._text.lower()

    def _says(self, *words: str) -> bool:
        """Whether one of some words occurs: that costs less than an expression."""
        return any(word in self._low for word in words)

    @functools.cached_property
    def made(self) -> frozenset[str]:
        """The tables and views that it creates, those included that it gives the name later."""
        if not self._says("create"):
            return frozenset()
        found = {plain(name) for name in _MADE.findall(self._text)}
        for old, new in _RENAMED.findall(self._text) if self._says("rename") else ():
            if plain(old) in found:
                found.add(plain(new))
        return frozenset(found)

    @functools.cached_property
    def filled(self) -> frozenset[str]:
        """The tables that it inserts rows into."""
        return frozenset(map(plain, _FILLED.findall(self._text))) if self._says("into") else frozenset()

    @functools.cached_property
    def emptied(self) -> frozenset[str]:
        """The tables that it drops, or deletes all rows of."""
        if not self._says("drop", "truncate", "delete"):
            return frozenset()
        return frozenset(plain(one or two) for one, two in _EMPTIED.findall(self._text))

    @functools.cached_property
    def changed(self) -> dict[str, list[int]]:
        """Where it changes or deletes rows of a table on a condition."""
        found: dict[str, list[int]] = {}
        for match in _CHANGED.finditer(self._text) if self._says("where") else ():
            found.setdefault(plain(match[1]), []).append(match.start())
        return found

    @functools.cached_property
    def verbs(self) -> dict[tuple[str, str], list[int]]:
        """Where it begins to ``alter`` or ``update`` a table."""
        found: dict[tuple[str, str], list[int]] = {}
        for match in _VERB.finditer(self._text):
            found.setdefault((match[1].split()[0].lower(), plain(match[2])), []).append(match.start())
        return found

    @functools.cached_property
    def row_types(self) -> frozenset[str]:
        """The tables whose row is the type of a variable, or of what a function returns."""
        if not self._says("rowtype", "setof"):
            return frozenset()
        return frozenset(plain(one or two) for one, two in _ROW_TYPE.findall(self._text))

    @functools.cached_property
    def parents(self) -> frozenset[str]:
        """The tables that others inherit from."""
        return frozenset(map(plain, _PARENT.findall(self._text))) if self._says("inherits") else frozenset()


def _fill(table: Table, text: str, start: int) -> None:
    for part in _parts(text, start):
        name = re.match(r"\s*[\"`\[]?(\w+)", part)
        if name is None:
            continue
        if _CONSTRAINT.match(part.lstrip()):
            table.keys |= {match[1].lower() for match in _KEY.finditer(part)}
            table.unique += [frozenset(_listed(names)) for names in _UNIQUE.findall(part)]
            table.not_null |= {
                plain(name.strip()) for match in _PRIMARY.finditer(part) for name in match[1].split(",")
            }
            continue
        table.columns.add(name[1].lower())
        if _IS_KEY.search(part):
            table.keys.add(name[1].lower())
            table.unique.append(frozenset({name[1].lower()}))
            table.is_single = table.is_single or _IS_ONE.search(part) is not None
        if _IS_NOT_NULL.search(part):
            table.not_null.add(name[1].lower())
        if _IS_GENERATED.search(part):
            table.generated.add(name[1].lower())


def _listed(names: str) -> list[str]:
    """The columns of a key, in lower case."""
    return [name.lower() for name in _LISTED.findall(names)]


def _parts(text: str, start: int) -> Iterator[str]:
    """The parts between the commas of a parenthesis that opens before ``start``."""
    depth, begin = 1, start
    for match in _PART.finditer(text, start):
        depth += (match[0] == "(") - (match[0] == ")")
        if depth == 0 or (match[0] == "," and depth == 1):
            yield text[begin : match.start()]
            begin = match.end()
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
    names = _read(text)
    return bool(names) and all(map(is_of_the_system, names))


def _read(text: str) -> list[str]:
    """The tables that a statement reads, without the queries that it names itself."""
    text = _EXTRACT.sub("", text)
    own = {"(", *map(str.lower, _NAMED_QUERY.findall(text))}
    return [name for name in (*_READ.findall(text), *_BESIDE.findall(text)) if name.lower() not in own]


def is_of_an_extension(name: str) -> bool:
    """Whether a table is one in which an extension of PostgreSQL keeps its own state."""
    return _EXTENSION.match(name) is not None


def asks_an_extension(text: str) -> bool:
    """Whether a statement reads only what an extension says of itself: ``bdr.node_summary``.

    Args:
        text: the statement.
    """
    names = _read(text)
    return bool(names) and all(map(is_of_an_extension, names))


def is_of_the_system(name: str) -> bool:
    """Whether a table is one of the database itself, by its name with or without quotes."""
    return _SYSTEM.match(re.sub(r"[\"`\[\]]", "", name)) is not None
