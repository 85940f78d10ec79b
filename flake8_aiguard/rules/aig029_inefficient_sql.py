"""AIG029: SQL in Python that the rules of ``flake8-aiguard scan`` report."""

from __future__ import annotations

import ast
import functools
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Final

from flake8_aiguard import sql
from flake8_aiguard.astgrep import languages
from flake8_aiguard.astgrep.errors import MissingExtraError
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.meant import Meant

if TYPE_CHECKING:
    from flake8_aiguard.astgrep.rulefiles import Rule

_COUNTED: Final = "`*` brings every column of every row only to count the rows; say `SELECT count(*)`"


class InefficientSql(Checker):
    """SQL in a Python string that reads too much, changes too much, or breaks on a NULL.

    Why: the database does what the text says. No Python linter reads it, and with the ten rows of a test every statement
    is fast.

    Bad::

        def overdue(db, day):
            return db.execute("SELECT * FROM invoices WHERE date(due) < ?", (day,)).fetchall()

    Good::

        def overdue(db, day):
            return db.execute("SELECT id, cents FROM invoices WHERE due < ?", (day,)).fetchall()

    Limits: needs the extra ``sql``, and is inactive without it. Evaluates the SQL rules AIG2xx, those of ``rule-dirs``
    included, on strings that reach ``execute()``, ``text()``, ``read_sql()`` and the like, directly or through a name, a class constant
    or an attribute of ``self`` that is assigned once; the message names the rule. Silent where the statement does not parse, where it asks the database's own
    tables, and, for rules about something missing, where a hole in the string may be just that. In migrations (files in ``migrations/``, and those of Alembic that stand in ``versions/`` or
    say which one came before), and in functions named so or called by these alone, only what may
    go wrong is reported, not what is slow once; so in commands, in ``main()``, and, but for a missing WHERE, in text that a generator copies (``scaffold/``). NOT IN is left alone over columns that the file declares without NULL, in SQL or for SQLAlchemy. ``SELECT *`` is left alone where the table is a variable, nothing tells its
    columns, and the rows are handed on or all are asked for, or ``rowid, *`` asks for more than all, where nobody fetches the one row that is asked for, where the rows are only asked for (``if cursor.fetchone()``) or described (``cursor.description``), and where one
    row, or any of a table that the file creates, is mapped as a whole; rows that only become objects,
    ``Model(**row)``, have a class that names the columns, a row that an object keeps beside what is read of it, rows that are handed on as ``dict(row)``, or under a ``row_factory``, one who reads them by name, and a table named by the version of its columns, ``orders_v7``, gets no others.
    ``IN (SELECT * ...)`` takes one column and no other. An UPDATE or DELETE of
    all rows is left alone beside DDL, where the rows are written anew, where a loop runs over the tables, where another branch
    has the condition, below ``if truncate:``, in methods called ``clear()``, ``reset()`` or ``reset_...()`` without parameters (with SQLite, which has no TRUNCATE, in any function that says
    so), where the docstring says that all rows go, or the function has read them all before, and for a table whose one row or value the file fetches without a condition, or that the file creates for one row (``CHECK (id = 1)``). ``LIMIT 1 OFFSET n`` and ``OFFSET 5`` are no pages; one
    by its number is left alone where a method with a base class passes on its parameter ``offset``, or the function counts the
    table for its pages. A slow condition is
    left alone beside one on a key that the file creates.
    """

    code = "AIG029"
    slug = "inefficient-sql"
    since = "0.1.0"
    severity = "warning"
    message = "{message} ({rule})"
    in_tests = False
    ruff = "Ruff has nothing for this pattern."
    settings = ("rule-dirs", "scan-select", "scan-ignore", "scan-extend-select")

    @functools.cached_property
    def statements(self) -> sql.Statements:
        """The statements of the file."""
        return sql.Statements(self.module)

    def is_possible(self) -> bool:
        """Whether the file calls something that takes a statement, has a string that begins like one, and there are rules for it."""
        return (
            not sql.sinks().isdisjoint(self.module.index.names_called())
            and self.statements.has_any
            and bool(self._rules)
        )

    @property
    def _rules(self) -> tuple[Rule, ...]:
        options = self.options
        return _rules(options.rule_dirs, options.scan_select, options.scan_ignore, options.scan_extend_select)

    def call_names(self) -> Collection[str]:
        return sql.sinks()

    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        rules = self._rules
        for statement in self.statements.sent_by(node):
            wanted = rules
            if self._meant.is_star_meant(statement, node):  # asked first, as parsing costs more
                wanted = tuple(rule for rule in rules if rule.code != "AIG201")
            for found in sql.evaluate(self.module, statement, wanted):
                code = found.rule.code
                if self._meant.is_meant(code, found.start, found.end, statement, node):
                    continue
                is_counted = code == "AIG201" and self._meant.is_counted(found.start, statement, node)
                message = _COUNTED if is_counted else found.message
                text = self.message.format(message=message, rule=f"{code} {found.rule.slug}")
                yield Finding(found.line, found.column, f"{self.code} {text} [{self.slug}]")

    @functools.cached_property
    def _meant(self) -> Meant:
        return Meant(self.module, self.statements)


@functools.lru_cache(maxsize=4)
def _rules(
    folders: tuple[str, ...], select: tuple[str, ...], ignore: tuple[str, ...], extend: tuple[str, ...]
) -> tuple[Rule, ...]:
    """The SQL rules that report by these settings; none without the extra."""
    try:
        languages.prepare()
    except MissingExtraError:
        return ()
    from flake8_aiguard.astgrep import rulefiles, selection  # they import the packages of the extra

    chosen = selection.chosen(rulefiles.load(folders), select, ignore, extend)
    return tuple(rule for rule in chosen if rule.language == "sql")
