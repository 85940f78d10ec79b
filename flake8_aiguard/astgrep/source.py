"""A text of SQL as its statements: what it says of its database, its tables and parameters, beyond one statement's tree.

Each answer is found once a text, and only when a finding asks for it.
"""

from __future__ import annotations

import bisect
import functools
import os
import re
from collections.abc import Iterable
from typing import Final

from flake8_aiguard import ddl
from flake8_aiguard.astgrep import masking
from flake8_aiguard.ddl import plain
from flake8_aiguard.regex import regex

_SILENT: Final = regex(
    r"'(?:[^']|'')*'|\"[^\"\n]*\"|--[^\n]*|/\*.*?\*/|\bis\s+(\$\w*\$).*?\1", re.DOTALL | re.IGNORECASE
)
_RECORDED: Final = regex(
    r"^(?:mysql>|MariaDB \[[^\]\n]*\]>|sqlite>|\w+=[#>] |\+--[-+]+\+[ \t]*$)", re.MULTILINE
)
_TEMPLATE: Final = regex(r"\{\{-?\s*(?:config|ref|source|dbt_utils\.)")
_MYSQL: Final = regex(
    r"`|\bengine\s*=|\bauto_increment\b|\bint(?:eger)? ?\(\d+\)|\bunsigned\b|\bdrop\s+index\s+\w+\s+on\b"
    r"|\badd\s+(?:column\s+)?\w+\s[^;]*?\safter\s+\w+\s*[,;]|\bmodify\s+(?:column\s+)?\w+\s+\w+",
    re.IGNORECASE,
)
_MYSQL_SIGNS: Final = (
    "`",
    "engine",
    "auto_increment",
    "int(",
    "int (",
    "integer(",
    "unsigned",
    "drop",
    "add",
    "modify",
)
_OTHER: Final = regex(
    r"\bautoincrement\b|^\s*pragma\s|\binto\s+'|\bvarchar2\b|\bnvarchar\b|\bidentity\s*\(\s*\d|\[dbo\]|\bdbo\.|^/\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_WAREHOUSE: Final = regex(
    r"\b(?:try|date_parse|approx_distinct|approx_percentile|json_extract_scalar|from_iso8601_timestamp|safe_divide|safe_cast|countif"
    r"|approx_quantiles|timestamp_diff|timestamp_trunc|try_to_\w+|object_construct|get_json_object|named_struct|collect_set"
    r"|read_files|arrayjoin|uniqexact|lowcardinality)\"?\s*\("
    r"|\bcreate\s+(?:or\s+(?:refresh|replace)\s+)?(?:streaming|live|transient)\s|\bstored\s+as\s+(?:parquet|orc|avro|textfile)\b"
    r"|\brow\s+format\s+(?:serde|delimited)\b|\btblproperties\b|\busing\s+(?:delta|iceberg|parquet)\b|\blateral\s+flatten\s*\("
    r"|\blateral\s+view\b|\b(?:dist|sort)key\b|\bdiststyle\b|\bmergetree\b|\bqualify\s+\w+\s*\(|`[\w-]+\.[\w-]+\.[\w*-]+`"
    r"|\"(?:sum|min|max|round|concat|lower|date_trunc|split_part)\"\s*\("  # as Presto prints a view
    r"|\b(?:struct|array)\s*<|::\s*variant\b|\b_(?:table_suffix|partition(?:time|date))\b",
    re.IGNORECASE,
)
# What stands in each text that the expression finds.
_WAREHOUSE_SIGNS: Final = (
    *(
        "try",
        "date_parse",
        "approx_",
        "json_extract_scalar",
        "from_iso8601",
        "safe_",
        "countif",
        "timestamp_",
        "object_construct",
    ),
    *(
        "get_json_object",
        "named_struct",
        "collect_set",
        "read_files",
        "arrayjoin",
        "uniqexact",
        "lowcardinality",
        "streaming",
        "live",
    ),
    *(
        "transient",
        "stored",
        "format",
        "tblproperties",
        "delta",
        "iceberg",
        "parquet",
        "lateral",
        "distkey",
        "sortkey",
        "diststyle",
    ),
    *("mergetree", "qualify", "`", '"(', '" (', "struct", "array", "variant", "table_suffix", "_partition"),
)
_BATCH: Final = regex(r"^[ \t]*go[ \t]*$", re.IGNORECASE | re.MULTILINE)
_ROUTINE: Final = regex(
    r"\bcreate\s+(?:or\s+replace\s+)?(?:definer\s*=\s*\S+\s+)?(?:function|procedure)\s+[^\s(]+\s*(?=\()",
    re.IGNORECASE,
)
_DECLARED: Final = regex(
    r"(?:\bdeclare\s|;)\s*(\w+)\s+(?:constant\s+)?[\w.%\"]+(?:\s*\([\d, ]*\))?(?:\[\])?\s*(?=;|:=|=|\bdefault\b)",
    re.IGNORECASE,
)
_MODE: Final = regex(r"\s*(?:(?:in\s+out|inout|in|out|variadic)\s+)?[\"`@]?(\w+)", re.IGNORECASE)
_DATABASE: Final = regex(r"\b(?:create|drop)\s+database\b", re.IGNORECASE)
_ASKING: Final = regex(r"[?@]|\$\d")
_ROWS: Final = regex(r"\s*insert\s+(?:\w+\s+)?into\s", re.IGNORECASE)
_STEPS: Final = (
    r"/(?:(?:migrations?|versions?|delta|changes|patches|upgrades?|updates?|archives?|seeds?)/"
    r"|(?:[vV]\d[\d.]*|\d+\.\d[\d.]*)-(?:to-)?[vV]?\d[\d.]*/|[^/]*upgrade[_-][^/]*\d[^/]*\.sql$"
    r"|[^/]*[_-]update[_-][vV]?\d+\.\d[\d.]*\.sql$)"  # from one version to the next
)
_NUMBERED: Final = regex(rf"{_STEPS}|/[vV]?\d[^/]*$|\d+\.\d+[^/]*$")
_STEP: Final = regex(rf"{_STEPS}|/[vV]?\d{{3,}}[_-][^/]*[A-Za-z][^/]*\.|/[vV]\d[\d._]*__[^/]*$")
_SEEDING: Final = regex(r"/[^/]*(?:seeds?|fixtures?|(?<!meta)data)(?:[_.-][^/]*)?\.sql$", re.IGNORECASE)
_ALTERED: Final = regex(r"\b(?:alter|drop)\s+(?:table|index|view|function)\s", re.IGNORECASE)
_WRITING: Final = regex(r"(?:\A|;)\s*(?:insert|update|delete|alter)\s", re.IGNORECASE)
_LOADED: Final = regex(rf"^\s*\\?copy\s+({ddl.NAME})[^;\n]*\sfrom\s", re.IGNORECASE | re.MULTILINE)
_CREATE: Final = regex(r"\s*create\b", re.IGNORECASE)
_NEXT_ROW: Final = regex(r"\)\s*,\s*\(")
_ONCE: Final = regex(
    r"\bcreate\s+(?:unlogged\s+|virtual\s+|unique\s+)?(?:table|index|view|function|type|schema|sequence|trigger|user|role)\s"
    r"(?!\s*if\s+not\s)|\badd\s+column\s+(?!if\s)",
    re.IGNORECASE,
)
_COMMENT: Final = regex(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_FEW: Final = 5
_NO_BREAK: Final = regex(r"[^\n]")
_PARENTHESIS: Final = regex(r"[()]")


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
        return _SILENT.sub(_blank, masking.mask_unread(self._masked))

    @functools.cached_property
    def is_recorded(self) -> bool:
        """Whether it is a session of a client, or what one printed: nobody runs that."""
        prompts = ("mysql>", "MariaDB [", "sqlite>", "=#", "=>", "+--")
        return any(prompt in self.text for prompt in prompts) and _RECORDED.search(self.code) is not None

    @functools.cached_property
    def is_template(self) -> bool:
        """Whether dbt fills it in."""
        return "{{" in self.text and _TEMPLATE.search(self.text) is not None

    @functools.cached_property
    def is_mysql(self) -> bool:
        """Whether words or a folder say MySQL."""
        folders = self.path.lower().split("/")[-4:]
        return self._is_said(_MYSQL_SIGNS, _MYSQL) or any(
            "mysql" in name or "maria" in name for name in folders
        )

    def _is_said(self, signs: Iterable[str], pattern: re.Pattern[str]) -> bool:
        """Whether the expression finds something; one of the signs stands in each text where it does."""
        text = self._lowered
        return any(sign in text for sign in signs) and pattern.search(self.code) is not None

    @functools.cached_property
    def _lowered(self) -> str:
        return self.text.lower()

    @functools.cached_property
    def speaks_of_sqlite(self) -> bool:
        """Whether a comment says that SQLite runs it, too."""
        return any("sqlite" in comment.lower() for comment in _COMMENT.findall(self.text))

    @functools.cached_property
    def is_of_another_database(self) -> bool:
        """Whether words say that it is not PostgreSQL's."""
        return (
            self._is_said(_MYSQL_SIGNS, _MYSQL)
            or _OTHER.search(self.code) is not None
            or _BATCH.search(self.text) is not None
            or masking.names_in_apostrophes(self.text)
        )

    @functools.cached_property
    def is_of_a_warehouse(self) -> bool:
        """Whether words say that it is of a database that keeps columns, not rows, and has no indexes."""
        return self._is_said(_WAREHOUSE_SIGNS, _WAREHOUSE)

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
        """Whether it fills a fresh database: its name says so, it creates what cannot be created twice, or holds many rows."""
        if _DATABASE.search(self.code) or _ONCE.search(self.code):
            return True
        if self.is_file and _SEEDING.search(self.path):
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

    @functools.cached_property
    def writes(self) -> bool:
        """Whether a statement of it changes rows, or alters something."""
        return _WRITING.search(self.code) is not None

    @functools.cached_property
    def loaded(self) -> frozenset[str]:
        """The tables that it loads in bulk."""
        return (
            frozenset(map(plain, _LOADED.findall(self.text))) if "copy" in self.text.lower() else frozenset()
        )

    def runs_once(self, place: int) -> bool:
        """Whether a step of a migration does what stands at a place, and leaves no function or view with it behind."""
        if not self.is_step or self.routine(place) >= 0:
            return False
        return _CREATE.match(self.code, self.statement(place)[0]) is None

    @functools.cached_property
    def is_step(self) -> bool:
        """Whether its folder, or a number and a name, say that it is one of the steps that each run once."""
        return self.is_file and _STEP.search(self.path) is not None

    def around(self, place: int) -> tuple[int, int]:
        """Where the innermost parentheses around a place begin and end; the statement where there are none."""
        start, end = self.statement(place)
        opened: list[int] = []
        for match in _PARENTHESIS.finditer(self.code, start, place):
            if match[0] == "(":
                opened.append(match.start())
            elif opened:
                opened.pop()
        return (opened[-1] + 1, self.closing(opened[-1], end)) if opened else (start, end)

    def closing(self, opening: int, end: int) -> int:
        """Where the parenthesis closes that opens at a place, at most ``end``."""
        depth = 0
        for match in _PARENTHESIS.finditer(self.code, opening, end):
            depth += 1 if match[0] == "(" else -1
            if not depth:
                return match.start()
        return end

    def flat(self, start: int, end: int) -> str:
        """A part of the code, with blanks for what stands in its parentheses."""
        return flat(self.code[start:end])

    # -- tables

    @functools.cached_property
    def script(self) -> ddl.Script:
        """What it does with its tables."""
        return ddl.Script(self.code)

    @functools.cached_property
    def tables(self) -> ddl.Tables:
        """The tables that it creates."""
        return ddl.Tables([self.code])

    def of_table(self, verb: str, name: str, end: int) -> list[str]:
        """The flat statements that alter or update a table, begun before a place."""
        return [
            self.flat(start, self.statement(start)[1])
            for start in self.script.verbs.get((verb, plain(name)), ())
            if start < end
        ]

    # -- functions

    def routine(self, place: int) -> int:
        """Where the function or procedure begins whose body a place may stand in; -1 without one."""
        number = bisect.bisect_left(self._routines, place)
        return self._routines[number - 1] if number else -1

    def next_routine(self, place: int) -> int:
        """Where the next function or procedure after a place begins; the end of the text without one."""
        number = bisect.bisect_left(self._routines, place)
        return self._routines[number] if number < len(self._routines) else len(self.code)

    @functools.cached_property
    def _routines(self) -> list[int]:
        low = self.text.lower()
        if "function" not in low and "procedure" not in low:
            return []
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
    found: list[str] = []
    depth = done = 0
    for match in _PARENTHESIS.finditer(text):
        is_opening = match[0] == "("
        if is_opening and not depth:
            found.append(text[done : match.end()])
            done = match.end()
        depth += 1 if is_opening else -1
        if not is_opening and not depth:
            found.append(_blanks(text[done : match.start()]))
            done = match.start()
    found.append(_blanks(text[done:]) if depth > 0 else text[done:])
    return "".join(found)


def _blanks(text: str) -> str:
    return " " * len(text) if "\n" not in text else _NO_BREAK.sub(" ", text)


def _blank(match: re.Match[str]) -> str:
    if match[0][0] == '"':
        return match[0].replace("'", " ")  # a name, or MySQL's string with an apostrophe
    blank = _blanks(match[0])
    return f"'{blank[1:-1]}'" if match[0][0] == "'" else blank
