"""Which rules report: codes that are selected, ignored or added."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from flake8_aiguard.astgrep.errors import SelectionError
from flake8_aiguard.astgrep.rulefiles import Rule


def chosen(
    rules: Sequence[Rule], select: Sequence[str], ignore: Sequence[str], extend_select: Sequence[str]
) -> tuple[Rule, ...]:
    """Choose rules by their codes or the beginnings of these, in upper or lower case.

    Args:
        rules: all rules.
        select: report these; empty means all but the opt-in ones.
        ignore: leave out these. Where one rule is both selected and ignored, the longer name counts.
        extend_select: report these, too.

    Returns:
        The rules that report.

    Raises:
        SelectionError: a name begins no rule's code.
    """
    codes = [rule.code.lower() for rule in rules]
    for name in (*select, *ignore, *extend_select):
        if not name or not any(code.startswith(name.lower()) for code in codes):
            near = difflib.get_close_matches(name.lower(), codes, 1, cutoff=0.0)
            hint = "".join(f"; the nearest is {rule.code}" for rule in rules if [rule.code.lower()] == near)
            raise SelectionError(f"no rule of the scan has a code that begins with {name!r}{hint}")

    def longest(rule: Rule, names: Sequence[str]) -> int:
        return max((len(name) for name in names if rule.code.lower().startswith(name.lower())), default=-1)

    found = []
    for rule in rules:
        wanted = longest(rule, (*select, *extend_select))
        if not select and not rule.is_opt_in:
            wanted = max(wanted, 0)
        if rule.severity != "off" and wanted > longest(rule, ignore):
            found.append(rule)
    return tuple(found)
