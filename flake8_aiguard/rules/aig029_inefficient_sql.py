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

    Limits: needs the extra ``sql``, and is inactive without it. Evaluates the SQL rules AIG2xx, those of ``rule-dirs`` included, on strings that
    reach ``execute()``, ``text()``, ``read_sql()`` and the like, directly or through a name, a class constant or an attribute of ``self`` that is
    assigned once; the message names the rule.

    - Silent where the statement does not parse, asks the database's own tables, or has a hole where the missing clause may be.
    - In migrations, commands, ``main()`` and functions that run once, only what may go wrong is reported, not what is slow once.
    - ``SELECT *`` is left alone where the table is a variable and nothing tells its columns, where rows become objects or mappings that name the
      columns (``Model(**row)``, ``dict(row)``, a ``row_factory``), and where they are only asked for, described or not fetched.
    - An UPDATE or DELETE of all rows is left alone where the code means all: beside DDL, before the rows are written anew, in ``clear()`` and
      ``reset()``, below ``if truncate:``, by the docstring, and for tables of one row.
    - NOT IN is left alone over columns that the file declares without NULL, a slow condition beside one on a key that the file creates.
    - ``LIMIT 1 OFFSET n`` is no page, nor is an ``offset`` that a method with a base class passes on.
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
