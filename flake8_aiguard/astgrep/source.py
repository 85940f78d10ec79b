"""A text of SQL as its statements: what it says of its database, its tables and parameters, beyond one statement's tree."""

from __future__ import annotations

import bisect
import functools
import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from flake8_aiguard import ddl
from flake8_aiguard.astgrep import masking
from flake8_aiguard.ddl import NAME, plain

_SILENT: Final = re.compile(
    r"'(?:[^']|'')*'|\"[^\"\n]*\"|--[^\n]*|/\*.*?\*/|\bis\s+(\$\w*\$).*?\1", re.DOTALL | re.IGNORECASE
)
_RECORDED: Final = re.compile(
    r"^(?:mysql>|MariaDB \[[^\]\n]*\]>|sqlite>|\w+=[#>] |\+--[-+]+\+[ \t]*$)", re.MULTILINE
)
_TEMPLATE: Final = re.compile(r"\{\{-?\s*(?:config|ref|source|dbt_utils\.)")
_MYSQL: Final = re.compile(
    r"`|\bengine\s*=|\bauto_increment\b|\bint(?:eger)?\s*\(\d+\)|\bunsigned\b|\bdrop\s+index\s+\w+\s+on\b"
    r"|\badd\s+(?:column\s+)?\w+\s[^;]*?\safter\s+\w+\s*[,;]|\bmodify\s+(?:column\s+)?\w+\s+\w+",
    re.IGNORECASE,
)
_OTHER: Final = re.compile(
    r"\bautoincrement\b|^\s*pragma\s|\bvarchar2\b|\bnvarchar\b|\bidentity\s*\(\s*\d|^\s*go\s*$|\[dbo\]|\bdbo\.|^/\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_MADE: Final = re.compile(
    rf"\bcreate\s[^;(]*?\b(?:table|view)\s+(?:if\s+not\s+exists\s+)?({NAME})", re.IGNORECASE
)
_RENAMED: Final = re.compile(
    rf"\balter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?({NAME})\s+rename\s+to\s+({NAME})", re.IGNORECASE
)
_PARENT: Final = re.compile(rf"\binherits\s*\(\s*({NAME})", re.IGNORECASE)
_ROUTINE: Final = re.compile(
    r"\bcreate\s+(?:or\s+replace\s+)?(?:definer\s*=\s*\S+\s+)?(?:function|procedure)\s+[^\s(]+\s*(?=\()",
    re.IGNORECASE,
)
_DECLARED: Final = re.compile(
    r"(?:\bdeclare\s|;)\s*(\w+)\s+(?:constant\s+)?[\w.%\"]+(?:\s*\([\d, ]*\))?(?:\[\])?\s*(?=;|:=|=|\bdefault\b)",
    re.IGNORECASE,
)
_MODE: Final = re.compile(r"\s*(?:(?:in\s+out|inout|in|out|variadic)\s+)?[\"`@]?(\w+)", re.IGNORECASE)
_EMPTIED: Final = re.compile(
    rf"\b(?:drop\s+table(?:\s+if\s+exists)?|truncate(?:\s+table)?)\s+(?:only\s+)?({NAME})"
    rf"|\bdelete\s+from\s+({NAME})\s*(?:;|\Z)",
    re.IGNORECASE,
)
_FILLED: Final = re.compile(rf"\binto\s+({NAME})", re.IGNORECASE)
_DATABASE: Final = re.compile(r"\b(?:create|drop)\s+database\b", re.IGNORECASE)
_ASKING: Final = re.compile(r"[?@]|\$\d")
_CHANGED: Final = re.compile(
    rf"\b(?:update|delete\s+from)\s+(?:only\s+)?({NAME})[^;]*\bwhere\b", re.IGNORECASE
)
_ROWS: Final = re.compile(r"\s*insert\s+(?:\w+\s+)?into\s", re.IGNORECASE)
_NUMBERED: Final = re.compile(
    r"/(?:migrations?|versions|delta|changes|patches|upgrades?|updates?|archives?|seeds?)/|/[vV]?\d[^/]*$|\d+\.\d+[^/]*$"
)
_ALTERED: Final = re.compile(
    r"\b(?:alter|drop)\s+(?:table|index|view|function)\s|\bupdate\s+\S+\s+set\s", re.IGNORECASE
)
_NEXT_ROW: Final = re.compile(r"\)\s*,\s*\(")
_ONCE: Final = re.compile(
    r"\bcreate\s+(?:unlogged\s+|virtual\s+|unique\s+)?(?:table|index|view|function|type|schema|sequence|trigger|user|role)\s"
    r"(?!\s*if\s+not\s)|\badd\s+column\s+(?!if\s)",
    re.IGNORECASE,
)
_VERB: Final = re.compile(
    rf"\b(alter\s+table|update)\s+(?:if\s+exists\s+)?(?:only\s+)?({NAME})", re.IGNORECASE
)
_COMMENT: Final = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_ROW_TYPE: Final = re.compile(
    r"([\w.\"]+)%\s*rowtype\b|\breturns\s+setof\s+([\w.\"]+)", re.IGNORECASE
)  # no NAME, which holds quotes and dollars of bodies
_FEW: Final = 5
_LARGEST: Final = 2_000_000
_FILES: Final = 50  # that are read around one


class Source:
    """A text of SQL.

    Args:
        text: the text, templates included.
        path: its file, for those around it; a text in another language has none around.
    """

    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.path = os.path.abspath(path).replace(os.sep, "/")

    @property
    def asks(self) -> bool:
        """Whether it has placeholders."""
        return self.asks_in(0, len(self.code))

    def asks_in(self, start: int, end: int) -> bool:
        """Whether a part of it has placeholders."""
        return (
            self._masked[start:end] != self.text[start:end]
            or _ASKING.search(self.code, start, end) is not None
        )

    @functools.cached_property
    def _masked(self) -> str:
        return masking.mask_placeholders(self.text)

    @property
    def is_file(self) -> bool:
        """Whether it is a file of SQL, no string of another language."""
        return self.path.endswith(".sql")

    @functools.cached_property
    def code(self) -> str:
        """The text, with numbers for placeholders, and blanks for comments and what stands in quotes."""
        return _SILENT.sub(_blank, self._masked)

    @functools.cached_property
    def is_recorded(self) -> bool:
        """Whether it is a session of a client, or what one printed: nobody runs that."""
        return _RECORDED.search(self.code) is not None

    @functools.cached_property
    def is_template(self) -> bool:
        """Whether dbt fills it in."""
        return "{{" in self.text and _TEMPLATE.search(self.text) is not None

    @functools.cached_property
    def is_mysql(self) -> bool:
        """Whether words or a folder say MySQL."""
        folders = self.path.lower().split("/")[-4:]
        return _MYSQL.search(self.code) is not None or any(
            "mysql" in name or "maria" in name for name in folders
        )

    @functools.cached_property
    def speaks_of_sqlite(self) -> bool:
        """Whether a comment says that SQLite runs it, too."""
        return any("sqlite" in comment.lower() for comment in _COMMENT.findall(self.text))

    @functools.cached_property
    def is_postgresql(self) -> bool:
        """Whether nothing in the text, or in the files beside it, says that it is another database."""
        if "postgres" in self.path.lower().rpartition("/")[2]:
            return True
        if self._folders and any(Path(self._folders[0]).glob("*.sql.sqlite")):
            return False  # what has no file for each database is for all
        texts = itertools.chain([self.code], (other.code for other in self.beside))
        return not any(_MYSQL.search(text) or _OTHER.search(text) for text in texts)

    # -- statements

    @functools.cached_property
    def _ends(self) -> list[int]:
        return [match.start() for match in re.finditer(";", self.code)]

    def statement(self, place: int) -> tuple[int, int]:
        """Where the statement at a place begins and ends."""
        number = bisect.bisect_left(self._ends, place)
        start = self._ends[number - 1] + 1 if number else 0
        return start, self._ends[number] if number < len(self._ends) else len(self.code)

    @functools.cached_property
    def is_seed(self) -> bool:
        """Whether it fills a fresh database: it creates what cannot be created twice, or holds many rows."""
        if _DATABASE.search(self.code) or _ONCE.search(self.code):
            return True
        rows, start = 0, 0
        for end in [*self._ends, len(self.code)]:
            if _ROWS.match(self.code, start, end) and not self.asks_in(start, end):
                rows += len(_NEXT_ROW.findall(self.code, start, end)) + 1
            start = end + 1
        return rows >= _FEW

    @functools.cached_property
    def is_migration(self) -> bool:
        """Whether it runs once, as its number, folder or words say."""
        if not self.is_file:
            return False
        return _NUMBERED.search(self.path) is not None or _ALTERED.search(self.code) is not None

    def around(self, place: int) -> tuple[int, int]:
        """Where the innermost parentheses around a place begin and end; the statement where there are none."""
        start, end = self.statement(place)
        depth = 0
        for here in range(place - 1, start - 1, -1):
            depth += (self.code[here] == ")") - (self.code[here] == "(")
            if depth < 0:
                return here + 1, self.closing(here, end)
        return start, end

    def closing(self, opening: int, end: int) -> int:
        """Where the parenthesis closes that opens at a place, at most ``end``."""
        depth = 0
        for here in range(opening, end):
            depth += (self.code[here] == "(") - (self.code[here] == ")")
            if not depth:
                return here
        return end

    def flat(self, start: int, end: int) -> str:
        """A part of the code, with blanks for what stands in its parentheses."""
        return flat(self.code[start:end])

    # -- tables

    @functools.cached_property
    def made(self) -> frozenset[str]:
        """The plain names of the tables that the text creates, those included that it gives them later."""
        found = {plain(name) for name in _MADE.findall(self.code)}
        for old, new in _RENAMED.findall(self.code):
            if plain(old) in found:
                found.add(plain(new))
        return frozenset(found)

    @functools.cached_property
    def filled(self) -> frozenset[str]:
        """The plain names of the tables that the text inserts rows into."""
        return frozenset(map(plain, _FILLED.findall(self.code)))

    @functools.cached_property
    def changed(self) -> dict[str, list[int]]:
        """Where rows of a table are changed or deleted on a condition, by its plain name."""
        found: dict[str, list[int]] = {}
        for match in _CHANGED.finditer(self.code):
            found.setdefault(plain(match[1]), []).append(match.start())
        return found

    @functools.cached_property
    def emptied(self) -> frozenset[str]:
        """The plain names of the tables that the text drops, or deletes all rows of."""
        return frozenset(plain(one or two) for one, two in _EMPTIED.findall(self.code))

    def table(self, name: str) -> ddl.Table | None:
        """A table by its name, where this file or one around creates it."""
        own = self._tables.get(plain(name))
        return own if own is not None else _tables(self._folders).get(plain(name))

    def own_table(self, name: str) -> ddl.Table | None:
        """A table by its name, where this file creates it."""
        return self._tables.get(plain(name))

    @functools.cached_property
    def row_types(self) -> frozenset[str]:
        """The plain names of the tables whose row is the type of a variable, or of what a function returns."""
        return frozenset(plain(one or two) for one, two in _ROW_TYPE.findall(self.code))

    @functools.cached_property
    def _verbs(self) -> dict[tuple[str, str], list[int]]:
        found: dict[tuple[str, str], list[int]] = {}
        for match in _VERB.finditer(self.code):
            found.setdefault((match[1].split()[0].lower(), plain(match[2])), []).append(match.start())
        return found

    def of_table(self, verb: str, name: str, end: int) -> list[str]:
        """The flat statements that alter or update a table, begun before a place."""
        return [
            self.flat(start, self.statement(start)[1])
            for start in self._verbs.get((verb, plain(name)), ())
            if start < end
        ]

    def holders(self, column: str) -> list[ddl.Table]:
        """The tables of this file that have a column."""
        return [table for table in self._tables.values() if column in table.columns]

    @functools.cached_property
    def _tables(self) -> dict[str, ddl.Table]:
        return ddl.created([self.code])

    @property
    def parents(self) -> frozenset[str]:
        """The tables that others inherit from, which mostly have no rows of their own."""
        return _parents(self._folders)

    # -- files around

    @property
    def _folders(self) -> tuple[str, ...]:
        """The folder of a file of SQL, and of the two above it those with such files."""
        if not self.is_file:
            return ()
        return _folders(os.path.dirname(self.path))

    @property
    def beside(self) -> tuple[Source, ...]:
        """The other files of SQL in the folder."""
        return (
            tuple(other for other in _in(self._folders[0]) if other.path != self.path)
            if self._folders
            else ()
        )

    # -- functions

    def routine(self, place: int) -> int:
        """Where the function or procedure begins whose body a place may stand in; -1 without one."""
        number = bisect.bisect_left(self._routines, place)
        return self._routines[number - 1] if number else -1

    @functools.cached_property
    def _routines(self) -> list[int]:
        return [match.start() for match in _ROUTINE.finditer(self.code)]

    def parameters(self, place: int) -> set[str]:
        """The parameters and variables of the function at a place, in lower case."""
        start = self.routine(place)
        header = None if start < 0 else _ROUTINE.match(self.code, start)
        if header is None:
            return set()
        closing = self.closing(header.end(), len(self.code))
        parts = flat(self.code[header.end() + 1 : closing]).split(",")
        names = {match[1].lower() for part in parts if (match := _MODE.match(part))}
        return names | {name.lower() for name in _DECLARED.findall(self.code[closing:place])}


def flat(text: str) -> str:
    """A text with blanks for what stands in its parentheses."""
    found, depth = [], 0
    for letter in text:
        depth -= letter == ")"
        found.append(letter if depth <= 0 or letter == "\n" else " ")
        depth += letter == "("
    return "".join(found)


def _blank(match: re.Match[str]) -> str:
    if match[0][0] == '"':
        return match[0].replace("'", " ")  # a name, or MySQL's string with an apostrophe
    blank = re.sub(r"[^\n]", " ", match[0])
    return f"'{blank[1:-1]}'" if match[0][0] == "'" else blank


@functools.lru_cache(maxsize=64)
def _folders(folder: str) -> tuple[str, ...]:
    found = [folder]
    for above in list(map(str, Path(folder).parents))[:2]:
        if os.path.exists(os.path.join(found[-1], ".git")):
            break
        if os.path.isdir(above) and any(name.endswith(".sql") for name in os.listdir(above)):
            found.append(above)
    return tuple(found)


def _read(paths: Iterator[Path]) -> Iterator[Source]:
    for path in itertools.islice(sorted(paths), _FILES):
        try:
            if path.stat().st_size <= _LARGEST:
                yield Source(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError):
            continue


@functools.lru_cache(maxsize=8)
def _in(folder: str) -> tuple[Source, ...]:
    return tuple(_read(Path(folder).glob("*.sql")))


@functools.lru_cache(maxsize=8)
def _near(folders: tuple[str, ...]) -> tuple[Source, ...]:
    """The files of some folders, and of the folders in these, that create tables."""
    paths = {
        path for folder in folders for pattern in ("*.sql", "*/*.sql") for path in Path(folder).glob(pattern)
    }
    return tuple(other for other in _read(iter(paths)) if "create table" in other.text.lower())


@functools.lru_cache(maxsize=8)
def _tables(folders: tuple[str, ...]) -> dict[str, ddl.Table]:
    return ddl.created(other.code for other in _near(folders))


@functools.lru_cache(maxsize=8)
def _parents(folders: tuple[str, ...]) -> frozenset[str]:
    return frozenset(plain(name) for other in _near(folders) for name in _PARENT.findall(other.text))
