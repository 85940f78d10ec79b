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
from flake8_aiguard.settings import Settings

if TYPE_CHECKING:
    from flake8_aiguard.astgrep.rulefiles import Rule

_MIGRATIONS: Final = ("migrations/", "versions/", "delta/")
_ONCE: Final = frozenset({"AIG205", "AIG206", "AIG207"})  # what a statement that runs once may be


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
    included, on strings that reach ``execute()``, ``text()``, ``read_sql()`` and the like, directly or through a name that is
    assigned once; the message names the rule. Silent where the statement does not parse, and, for rules about something
    missing, where a hole in the string may be just that. An UPDATE or DELETE of all rows is left alone in migrations.
    """

    code = "AIG029"
    slug = "inefficient-sql"
    since = "0.1.0"
    severity = "warning"
    message = "{message} ({rule})"
    in_tests = False
    ruff = "Ruff has nothing for this pattern."
    settings = ("rule-dirs", "scan-select", "scan-ignore", "scan-extend-select")

    def start(self) -> None:
        self.statements = sql.Statements(self.module)

    def call_names(self) -> Collection[str]:
        return self.statements.names()

    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        for statement in self.statements.sent_by(node):
            for found in sql.evaluate(self.module, statement, _rules(self.options)):
                if found.rule.code in _ONCE and self._is_migration:
                    continue
                text = self.message.format(message=found.message, rule=f"{found.rule.code} {found.rule.slug}")
                yield Finding(found.line, found.column, f"{self.code} {text} [{self.slug}]")

    @functools.cached_property
    def _is_migration(self) -> bool:
        """Whether the file changes a database once: there, all rows are meant."""
        return self.module.matches(_MIGRATIONS) or "alembic" in self.module.index.packages


@functools.lru_cache(maxsize=4)
def _rules(settings: Settings) -> tuple[Rule, ...]:
    """The SQL rules that report by these settings; none without the extra."""
    try:
        languages.prepare()
    except MissingExtraError:
        return ()
    from flake8_aiguard.astgrep import rulefiles, selection  # they import the packages of the extra

    chosen = selection.chosen(
        rulefiles.load(settings.rule_dirs),
        settings.scan_select,
        settings.scan_ignore,
        settings.scan_extend_select,
    )
    return tuple(rule for rule in chosen if rule.language == "sql")
