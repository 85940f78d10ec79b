"""Statements that look bad and are meant: what the code around them, and the file's own tables, say for them."""

from __future__ import annotations

import ast
import functools
import re
from dataclasses import dataclass, field
from typing import Final

from flake8_aiguard.ddl import NAME, READS, Script, plain
from flake8_aiguard.index import Function
from flake8_aiguard.module import Module
from flake8_aiguard.nulls import Nulls
from flake8_aiguard.oneoff import OneOff
from flake8_aiguard.regex import regex
from flake8_aiguard.rows import Rows, Use
from flake8_aiguard.shapes import identifiers, last_name, names_in, parameters
from flake8_aiguard.sql import HOLE, Statement, Statements, sinks
from flake8_aiguard.tables import Tables

# What a statement may cost that runs once.
_COSTS: Final = frozenset(
    {"AIG201", "AIG203", "AIG204", "AIG205", "AIG206", "AIG207", "AIG208", "AIG209", "AIG215", "AIG216"}
)
_FROM: Final = regex(rf"\s*from\s*\(*\s*({NAME})", re.IGNORECASE)
_INSERTED: Final = regex(rf"\s*insert\s+(?:or\s+\w+\s+)?into\s+({NAME})", re.IGNORECASE)
# Rows go by the order of their columns, which another migration may have changed.
_COPIED_ROWS: Final = regex(
    rf"\s*insert\s+(?:or\s+\w+\s+)?into\s+({NAME})\s+select\s+(?:distinct\s+)?", re.IGNORECASE
)
_VERSION: Final = regex(r"^_*(?:new|old|te?mp)_+|_*(?:backup|bak|copy|new|old|te?mp|v?\d+)$", re.IGNORECASE)
_HEAD: Final = r"(?:[\s(]|--[^\n]*\n|/\*.*?\*/)*select\s+(?:distinct\s+|all\s+)?"
_OUTERMOST: Final = regex(rf"{_HEAD}$", re.IGNORECASE | re.DOTALL)
_COMPARED: Final = regex(
    r"\b(?:where|and|or|order\s+by|group\s+by|on)\s+\(*\s*(?:\w+\.)?[\"`\[]?([A-Za-z_]\w*)", re.IGNORECASE
)
_KEY_OF_ANY: Final = regex(
    r"(?:_?id|pk|rowid|_?key|uuid|guid|oid|ctid|rownum|not|exists|hole_.*)", re.IGNORECASE
)
_PROBE: Final = regex(
    r"\brownum\s*(?:<\s*2|<?=\s*1)|\blimit\s+1\b|\bfetch\s+first\s+(?:1\s+)?row|\bselect\s+top\s*\(?\s*1\b",
    re.IGNORECASE,
)
_COPIED: Final = ("scaffold/", "scaffolds/", "scaffolding/")  # what a generator copies, to be rewritten
_ROWID: Final = regex(r"\browid\s*,\s*$", re.IGNORECASE)  # with what ``*`` leaves out: a whole row is wanted
_NO_ROWS: Final = regex(r"\blimit\s+0\s*;?\s*$", re.IGNORECASE)
_NTH: Final = regex(r"\blimit\s+1\s+offset\b|\boffset\s+\S+\s+limit\s+1\s*;?\s*$", re.IGNORECASE)  # no page
_SKIPPED: Final = regex(r"\boffset\s+(\S+)", re.IGNORECASE)
_FEW: Final = frozenset(map(str, range(11)))  # rows that cost nothing to skip
_PAGE: Final = regex(r"(^|_)page(_|$)")
_TOTAL: Final = regex(rf"\bselect\s+count\(\s*(?:\*|\w+)\s*\)[^;()]{{0,60}}?\sfrom\s+({NAME})", re.IGNORECASE)
_FUNCTION: Final = regex(r"\s*from\s+[A-Za-z_][\w.]*\(", re.IGNORECASE)
_ROW_FACTORY: Final = regex(
    r"\brow_factory\s*=(?!\s*None\b)|\b(?:Real)?DictCursor\b|\b(?:dictionary|as_dict)\s*=\s*True\b"
)
_IN: Final = regex(r"\bin\s*\(\s*select\s+$", re.IGNORECASE)
_VERSIONED: Final = regex(rf"_v(?:\d+|{HOLE})$", re.IGNORECASE)  # whose columns stay as they are
_STAR_FIRST: Final = regex(rf"{_HEAD}\*", re.IGNORECASE | re.DOTALL)
_DERIVED: Final = regex(r"\b(?:from|join|lateral)\s*$", re.IGNORECASE)
_WRITTEN: Final = regex(rf"\s*(?:delete\s+from|update)\s+(?:only\s+)?({NAME})", re.IGNORECASE)
_FILLED_OR_DELETED: Final = regex(
    r"\binto\s+(?P<filled>[{%]|[\w.\"`\[\]]+)|\bdelete\s+from\s+(?P<deleted>[\w.\"`]+)[^;]{0,40}?\swhere\b",
    re.IGNORECASE,
)
_NOTHING_SET: Final = regex(r"\bset\s+(\w+)\s*=\s*\1\s*;?\s*$", re.IGNORECASE)  # to run the triggers
_DDL: Final = regex(
    r"\b(?:(?:create|drop|alter)\s+(?:or\s+replace\s+|temp\w*\s+)?(?:table|mapping|view|keyspace)|vacuum)\b",
    re.IGNORECASE,
)
# `clear()`, `reset_all()`, `delete_database()`: not `delete()`, nor `clear_sessions()`, which may mean some.
_EMPTIES: Final = regex(
    r"(?:a?(?:(?:clear|drain|empty|erase|flush|purge|reset)"
    r"|(?:clean|clear|delete|drop|empty|erase|flush|purge|remove|reset)"
    r"_(?:all(?:_\w+)?|cache|data|database|db|everything|entries|history|index|items|logs?|queue|rows|state|storage|store|table|tables))"
    r"|(?:\w+_)?(?:truncate|wipe)(?:_\w+)?)(?:_a?sync)?"
)
_SOME: Final = regex(r"_(?:done|expired|finished|obsolete|old|orphan\w*|outdated|stale|unused)(?:_|$)")
_WHOLE_TABLE: Final = regex(
    rf"\s*select\s+(?:\*|[\w.,\s\"]+?)\s+from\s+({NAME})(?:\s+limit\s+1)?\s*;?\s*$", re.IGNORECASE
)
_READ_WHOLE: Final = regex(
    rf"\s*(?:insert\s+into\s+[\w.\"`]+(?:\s*\([^()]*\))?\s+)?select\s+(?:\*|[\w.,\s\"]+?)\s+from\s+({NAME})(?:\s+order\s+by\s+[\w.,\s\"]+)?\s*;?\s*$",
    re.IGNORECASE,
)
# "Delete all rows.", "Remove every entry from the table": not "all rows of a user", which is a condition.
_SAID: Final = regex(
    r"\b(?:clear|delete|drop|empt|erase|flush|purge|remove|reset|wipe)\w*\s+(?:out\s+)?(?:all|every|everything)\b"
    r"(?:\s+(?:of\s+)?(?:the\s+)?\w+)?(?:\s+(?:from|in|of)\s+(?:the|this)(?:\s+\w+)?\s+(?:cache|database|db|queue|store|table))?"
    r"\s*(?:[.,;!]|$|\n\n)",
    re.IGNORECASE,
)
_EQUAL: Final = regex(
    r"\b(?:where|and)\s+(?:\w+\.)?[\"`\[]?(\w+)[\"`\]]?\s*==?\s*(?:%s|%\(|\?|:\w|\$\d|\d|'|hole_)",
    re.IGNORECASE,
)
_COLUMN: Final = regex(r"[A-Za-z_]\w*(?!\w*\s*\()")


@dataclass(slots=True)
class _Around:
    """What the source of a function says of tables.

    Attributes:
        has_ddl: whether it creates, drops or alters one.
        filled: the last lines that insert into a table, the empty name for one that is a variable.
        deleted: the lines that delete rows of a table with a condition.
    """

    has_ddl: bool = False
    filled: dict[str, int] = field(default_factory=dict)
    deleted: dict[str, list[int]] = field(default_factory=dict)


class Meant:
    """What speaks for the statements of one file.

    Args:
        module: the file.
        statements: its statements.
    """

    def __init__(self, module: Module, statements: Statements) -> None:
        self._module = module
        self._statements = statements
        self._rows = Rows(module)
        self._tables = Tables(module)
        self._once = OneOff(module)
        self._nulls = Nulls(module, self._tables)
        self._read: dict[Function | None, _Around] = {}
        self._made: dict[Function | None, frozenset[str]] = {}

    def is_meant(self, code: str, start: int, end: int, statement: Statement, call: ast.Call) -> bool:
        """Whether what a rule finds in a statement is meant, or no advice helps.

        Args:
            code: the rule's code.
            start: where the finding begins in the statement's text.
            end: where it ends there.
            statement: the statement.
            call: the call that takes it.
        """
        text = statement.text
        if (
            code in _COSTS
            and not (code == "AIG201" and _is_copied(text, start))
            and self._runs_once(code, call)
        ):
            return True
        if code == "AIG201":
            return self._is_whole_row_meant(start, statement, call)
        if code == "AIG202":
            return self._nulls.are_impossible(text, start, end, is_migration=self._once.is_migration)
        if code == "AIG205":
            return self._is_whole_table_meant(statement, call)
        if code == "AIG209":
            skipped = {number.strip(");") for number in _SKIPPED.findall(text)}
            return (
                _NTH.search(text) is not None
                or (bool(skipped) and skipped <= _FEW)
                or self._is_page_meant(statement, call)
            )
        if code == "AIG206":
            return "->" in text[start:end] or self._is_found_by_another(
                text
            )  # no index orders what JSON holds
        if code == "AIG207":
            return self._is_found_by_another(text) or _is_any_column(text[start:end])
        return False

    def _runs_once(self, code: str, call: ast.Call) -> bool:
        """Whether a statement may cost what it does: in a migration, a command, or text that a generator copies once.

        That all rows of a table are changed must be meant in scripts as well, but for migrations, and commands that somebody enters.
        """
        if self._once.is_migration or self._once.ends_after(call):
            return True
        return code != "AIG205" and (
            self._module.matches(_COPIED) or self._once.runs(self._module.index.function(call))
        )

    # -- SELECT *

    def is_star_meant(self, statement: Statement, call: ast.Call) -> bool:
        """Whether a statement that begins with ``SELECT *`` means all columns, and has no other star."""
        text = statement.text
        star = _STAR_FIRST.match(text)
        return (
            star is not None
            and text.count("*") == 1
            and self.is_meant("AIG201", star.end() - 1, star.end(), statement, call)
        )

    def is_counted(self, start: int, statement: Statement, call: ast.Call) -> bool:
        """Whether the rows of a ``SELECT *`` are only counted."""
        if not _OUTERMOST.match(statement.text[:start]):
            return False
        kinds = self._rows.uses(call).kinds
        return Use.COUNT in kinds and not kinds & ~(Use.COUNT | Use.TEST)

    def _is_whole_row_meant(self, start: int, statement: Statement, call: ast.Call) -> bool:
        text = statement.text
        is_outermost = _OUTERMOST.match(text[:start]) is not None
        if _ROWID.search(text[:start]) and HOLE in text[start:]:
            return True
        if is_outermost and _PROBE.search(text) and not self._rows.uses(call).kinds:
            return True  # whether there is such a table
        if self._is_any_table(start, statement):
            kinds = self._rows.uses(call).kinds if is_outermost else Use.OPEN
            compared = _COMPARED.findall(_query(text, start))
            if not kinds and any(not name.startswith(HOLE) for name in compared):
                return False  # asks for some, and takes none with all columns
            return Use.DESCRIPTION in kinds or not kinds & (Use.POSITION | Use.NAME)
        if _FUNCTION.match(text, start + 1) or _NO_ROWS.search(text) or _IN.search(text[:start]):
            return True
        table = _FROM.match(text, start + 1)
        if table and _VERSIONED.search(plain(table[1])) and not _joins(text):
            return True
        if not is_outermost:
            return _is_derived(text, start) and not _STAR_FIRST.match(text)
        uses = self._rows.uses(call)
        kinds = uses.kinds
        if Use.DESCRIPTION in kinds or not kinds:
            return bool(kinds)
        created = None
        if table and not _joins(text):
            created = self._tables.created(table[1].removesuffix(HOLE))  # "FROM notes" + where
        if created is not None and len(created.columns) == 1:
            return True
        if kinds & Use.OPEN and not kinds & ~(Use.OPEN | Use.TEST) and self._are_mappings(call):
            return True
        if Use.KEPT in kinds and Use.NAME in kinds:
            return True  # what is needed has been read, and the rest is kept on purpose
        if kinds & (Use.POSITION | Use.OPEN):
            return created is not None and Use.POSITION not in kinds and self._is_made_here(call, table)
        if kinds == Use.TEST:
            return True
        if kinds & (Use.MODEL | Use.DICT) and not kinds & ~(Use.MODEL | Use.DICT | Use.TEST):
            return True  # the class, or who gets all columns by name, says which there are
        if kinds & (Use.WHOLE | Use.MODEL | Use.DICT):
            return uses.is_one or created is not None
        if Use.NAME in kinds and created is not None:
            return uses.names >= created.columns
        return False

    def _are_mappings(self, call: ast.Call) -> bool:
        """Whether rows have names, so that all columns mean something to who gets them.

        The function says so that opens the connection, or else the file.
        """
        if (last_name(call.func) or "").startswith("read_sql"):
            return False
        function = self._module.index.function(call)
        lines = [] if function is None else self._module.lines[function.lineno - 1 : function.end_lineno]
        own = "".join(lines)
        return _ROW_FACTORY.search(own if "connect(" in own else self._module.source) is not None

    def _is_any_table(self, start: int, statement: Statement) -> bool:
        """Whether nobody can name the columns: the table is a variable, and no condition knows a column of it."""
        text = statement.text
        matches = [match for match in (_FROM.match(text, start + 1), _INSERTED.match(text)) if match]
        for match in matches:
            first = match.start(1) + match[1].rfind(".") + 1
            begins = re.compile(rf"[\"`\[]?{HOLE}").match(text, first)
            if begins and not all(map(_is_constant, statement.holes(first, match.end(1)))):
                return all(map(_KEY_OF_ANY.fullmatch, _COMPARED.findall(_query(text, start))))
        return False

    def _is_made_here(self, call: ast.Call, table: re.Match[str] | None) -> bool:
        """Whether the function creates the table itself."""
        function = self._module.index.function(call)
        if function is None or table is None:
            return False
        if function not in self._made:
            text = "".join(self._module.lines[function.lineno - 1 : function.end_lineno])
            self._made[function] = Script(text).made
        return plain(table[1]) in self._made[function]

    # -- OFFSET

    def _is_page_meant(self, statement: Statement, call: ast.Call) -> bool:
        """Whether a page is given by its place in what others have laid down: an interface, or numbered pages of so many."""
        function = self._module.index.function(call)
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return False
        names = {item.arg for item in parameters(function)}
        owner = self._module.index.class_of(function)
        if (
            "offset" in names
            and owner is not None
            and any(last_name(base) != "object" for base in owner.bases)
        ):
            # passed on as it is: another page needs another interface
            bound = self._module.scopes.bindings(function, "offset")
            return len(bound) == 1 and any(
                isinstance(use.ctx, ast.Load) and not isinstance(self._module.index.parent(use), ast.BinOp)
                for use in self._module.scopes.uses(function, "offset")
            )
        read = READS.search(statement.text)
        if read is None or not any(_PAGE.search(name) for name in names):
            return False
        lines = self._module.lines[function.lineno - 1 : function.end_lineno]
        return plain(read[1]) in {plain(match[1]) for match in _TOTAL.finditer("".join(lines))}

    # -- UPDATE and DELETE of all rows

    def _is_whole_table_meant(self, statement: Statement, call: ast.Call) -> bool:
        written = _WRITTEN.match(statement.text)
        if written is None:
            return False
        around = self._around(call)
        if around.has_ddl:
            return True
        table, is_update = written[1], statement.text.lstrip()[:1] in "uU"
        if is_update:
            created = self._tables.created(table)
            return (
                _NOTHING_SET.search(statement.text) is not None
                or plain(table) in self._of_one_row
                or (created is not None and created.is_single)
                or self._is_filled_instead(table, call)
            )
        if self._is_said(call) or self._is_read_before(table, call):
            return True
        if any(
            isinstance(hole, ast.Name) and self._is_each(hole, call)
            for hole in statement.holes(*written.span(1))
        ):
            return True
        return self._is_emptied(call) or self._is_refilled(table, call) or self._is_chosen(table, call)

    def _is_each(self, hole: ast.Name, call: ast.Call) -> bool:
        """Whether a loop runs over the tables."""
        return any(
            isinstance(loop, (ast.For, ast.AsyncFor))
            and hole.id in {name.id for name in names_in(loop.target)}
            for loop in self._module.index.loops(call)
        )

    def _is_refilled(self, table: str, call: ast.Call) -> bool:
        """Whether the function writes rows to the table later on."""
        name = "" if HOLE in table else plain(table)
        return self._around(call).filled.get(name, 0) > (call.end_lineno or 0)

    def _is_filled_instead(self, table: str, call: ast.Call) -> bool:
        """Whether the other branch of an ``if`` writes the table's first row: it has one."""
        line = self._around(call).filled.get("" if HOLE in table else plain(table), 0)
        for outer in self._module.index.ancestors(self._module.index.statement(call)):
            if isinstance(outer, ast.If) and outer.orelse:
                other = outer.body if call.lineno >= outer.orelse[0].lineno else outer.orelse
                if other[0].lineno <= line <= (other[-1].end_lineno or 0):
                    return True
        return False

    def _is_chosen(self, table: str, call: ast.Call) -> bool:
        """Whether another branch of an ``if`` deletes with a condition: then a case was found for all rows."""
        lines = self._around(call).deleted.get(plain(table), [])
        return bool(lines) and any(
            isinstance(outer, ast.If)
            and outer.orelse
            and any(outer.lineno <= line <= (outer.end_lineno or 0) for line in lines)
            for outer in self._module.index.ancestors(call)
        )

    def _is_emptied(self, call: ast.Call) -> bool:
        """Whether a condition, ``if truncate:``, or the function's name says that all goes: a method, or one of SQLite.

        A method's class keeps the table; SQLite has no TRUNCATE, elsewhere it is the better word.
        """
        index = self._module.index
        if any(
            isinstance(outer, ast.If)
            and outer.body[0].lineno <= call.lineno <= (outer.body[-1].end_lineno or 0)
            and not isinstance(outer.test, ast.UnaryOp)  # if not truncate
            and any(_EMPTIES.fullmatch(name.lower()) for name in identifiers(outer.test))
            for outer in index.ancestors(call)
        ):
            return True
        function = index.function(call)
        while function is not None:
            name = getattr(function, "name", "").strip("_").lower()
            is_all = (
                name.startswith(("purge_", "reset_"))
                and {item.arg for item in parameters(function)} <= {"self"}
                and not _SOME.search(name)
            )
            if (is_all or _EMPTIES.fullmatch(name)) and (
                "truncate" in name or index.class_of(function) is not None or self._tables.is_sqlite
            ):
                return True
            function = index.function(function)
        return False

    def _is_said(self, call: ast.Call) -> bool:
        """Whether the function's docstring says that all rows go."""
        function = self._module.index.function(call)
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return False
        return _SAID.search(ast.get_docstring(function) or "") is not None

    def _is_read_before(self, table: str, call: ast.Call) -> bool:
        """Whether the function has read all rows of the table before: it moves them."""
        function = self._module.index.function(call)
        name = plain(table)
        return function is not None and any(
            place < call.lineno and read == name for place, read in self._read_whole.get(function, ())
        )

    @functools.cached_property
    def _read_whole(self) -> dict[Function | None, list[tuple[int, str]]]:
        """The tables that each function reads from end to end, by the line."""
        found: dict[Function | None, list[tuple[int, str]]] = {}
        for call in self._module.index.calls_named(sinks()):
            for text in self._statements.texts(call):
                if whole := _READ_WHOLE.match(text):
                    function = self._module.index.function(call)
                    found.setdefault(function, []).append((call.lineno, plain(whole[1])))
        return found

    @functools.cached_property
    def _of_one_row(self) -> frozenset[str]:
        """The tables that have one row: the file fetches their row without a condition."""
        found = set()
        for call in self._module.index.calls_named(sinks()):
            for text in self._statements.texts(call):
                if (whole := _WHOLE_TABLE.match(text)) and self._rows.uses(call).is_one:
                    found.add(plain(whole[1]))
        return frozenset(found)

    # -- conditions

    def _is_found_by_another(self, text: str) -> bool:
        """Whether another condition finds the rows by a key of a table that this file creates."""
        where = text.lower().partition("where")[2]
        if " @@ " in where and " or " not in where:
            return True  # full-text search
        read = READS.search(text) or _WRITTEN.match(text)
        created = self._tables.created(read[1]) if read else None
        if created is None or " or " in where or _joins(text):
            return False
        return any(name.lower() in created.keys for name in _EQUAL.findall(text))

    # -- the code around

    def _around(self, call: ast.Call) -> _Around:
        """What the function that runs a call says of its tables; each function is read once."""
        function = self._module.index.function(call)
        if function not in self._read:
            self._read[function] = found = _Around()
            lines = [] if function is None else self._module.lines[function.lineno - 1 : function.end_lineno]
            text, first = "".join(lines), 0 if function is None else function.lineno
            found.has_ddl = _DDL.search(text) is not None
            line, place = first, 0
            for match in _FILLED_OR_DELETED.finditer(text):
                line, place = line + text.count("\n", place, match.start()), match.start()
                if match["filled"] is not None:
                    name = match["filled"]
                    found.filled["" if name[0] in "{%" else plain(name)] = line
                else:
                    found.deleted.setdefault(plain(match["deleted"]), []).append(line)
        return self._read[function]


def _query(text: str, start: int) -> str:
    """The text from a place on to the end of the query there: of the subquery, where it is one."""
    depth = 0
    for place in range(start, len(text)):
        depth += (text[place] == "(") - (text[place] == ")")
        if depth < 0:
            return text[start:place]
    return text[start:]


def _is_derived(text: str, start: int) -> bool:
    """Whether a place stands in a subquery that is read like a table."""
    depth = 0
    for place in range(start - 1, -1, -1):
        depth += (text[place] == ")") - (text[place] == "(")
        if depth < 0:
            return _DERIVED.search(text[:place]) is not None
    return False


def _joins(text: str) -> bool:
    return re.search(r"\bjoin\b", text, re.IGNORECASE) is not None


def _is_constant(hole: ast.expr | None) -> bool:
    """Whether what fills a hole is named as a constant."""
    name = hole.attr if isinstance(hole, ast.Attribute) else hole.id if isinstance(hole, ast.Name) else ""
    return name.isupper()


def _is_any_column(text: str) -> bool:
    """Whether a function is applied to no column that has a name."""
    arguments = re.sub(r"'[^']*'", "", text.partition("(")[2] or text)
    return HOLE in arguments and all(
        name == HOLE or name.lower() in ("as", "date", "from", "text", "year")
        for name in _COLUMN.findall(arguments)
    )


def _is_copied(text: str, start: int) -> bool:
    """Whether rows go from one table to another by the order of their columns; not to the same table under a new name."""
    into, read = _COPIED_ROWS.fullmatch(text[:start]), _FROM.match(text, start + 1)
    if into is None or read is None:
        return False
    return _VERSION.sub("", plain(into[1])) != _VERSION.sub("", plain(read[1]))
