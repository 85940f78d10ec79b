"""Findings in SQL that the rest of the text, or the files around, speak against: no rule of one statement can see them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from flake8_aiguard.astgrep import query
from flake8_aiguard.astgrep.exemptions import changes, conditions, selects, stars
from flake8_aiguard.astgrep.source import Source
from flake8_aiguard.ddl import asks_an_extension, asks_the_system, is_of_the_system
from flake8_aiguard.regex import regex

_I: Final = re.IGNORECASE
_EXPLAINED: Final = regex(r"\s*(?:explain|describe|desc)\b(?!\s*;)", _I)
_SLOW: Final = frozenset({"AIG203", "AIG204", "AIG206", "AIG207", "AIG208", "AIG216"})
_OF_MANY_ROWS: Final = _SLOW | {"AIG210"}
_CHECKS: Final[Mapping[str, Callable[[Source, int, int], bool]]] = {
    "AIG201": stars.star,
    "AIG202": conditions.never_null,
    "AIG204": selects.is_no_join,
    "AIG205": changes.whole_table,
    "AIG206": conditions.no_index,
    "AIG207": conditions.found_by_another,
    "AIG209": selects.is_kept,
    "AIG211": changes.locked_anyway,
    "AIG212": changes.filled_anyway,
    "AIG213": changes.locked_anyway,
    "AIG214": selects.projects,
    "AIG215": selects.is_called_otherwise,
    "AIG216": selects.is_needed_anyway,
    "AIG217": changes.seeds,
}


def is_exempt(code: str, source: Source, start: int, end: int) -> bool:
    """Whether a finding in SQL says nothing to its author.

    Args:
        code: the rule's code.
        source: the text.
        start: where the finding begins.
        end: where it ends.
    """
    if source.is_recorded:
        return True
    first, last = source.statement(start)
    statement = source.code[first:last]
    written = query.WRITTEN.search(statement)
    if (
        _EXPLAINED.match(statement)
        or (written and is_of_the_system(written[1]))
        or any(asks_the_system(source.code[slice(*part)]) for part in {source.around(start), (first, last)})
    ):
        return True
    if code in _OF_MANY_ROWS and (
        asks_an_extension(statement) or (code == "AIG204" and asks_an_extension(source.code[start:end]))
    ):
        return True
    if code in _SLOW and source.is_migration and query.CHANGED.match(statement) and not source.asks:
        return True  # a migration, which changes rows once
    if code in _SLOW and source.runs_once(start) and query.CHANGES.search(statement):
        return True
    check = _CHECKS.get(code)
    return check is not None and check(source, start, end)
