"""What the SQL grammar does not know of the dialects, replaced by what it reads, at the same length."""

from __future__ import annotations

import re
from typing import Final

from flake8_aiguard.regex import regex

_HIDDEN: Final = regex(
    r"""
    (?P<quoted> '(?:[^']|'')*' | "[^"]*" | --[^\n]* | /\*.*?\*/ )
    | \b(?:  # asked once for each place: most places are inside of a word
        (?P<number> interval[ \t]+(?:'[^'\n]*'|[\w.:$]+)[ \t]+(?:microsecond|second|minute|hour|day|week|month|quarter|year)\b )
        | (?P<equal> (?:glob|match|regexp)\b(?=\s+['"?%:$\d]) | rlike\b )
        | (?P<blank>
            for\s+(?:no\s+key\s+)?(?:update|share|key\s+share)\b(?:\s+of\s+[\w.]+)?(?:\s+nowait|\s+skip\s+locked)?
            | collate\s+[\w"]+ | escape\s+'[^']*' | indexed\s+by\s+\w+ | not\s+indexed\b | at\s+time\s+zone\s+'[^']*'
            | or\s+(?:rollback|abort|fail)(?=\s+into\b) | or(?=\s+ignore\s+into\b) | insert\s+or\s+(?=replace\s+into\b)
            | nulls\s+(?:first|last)\b | with\s+rollup\b | with\s*\(\s*(?:nolock|holdlock|readpast|rowlock|updlock|tablock)\b[\w\s,]*\)
            | with\s*\(\s*\w+\s*=\s*[\w.]+(?:\s*,\s*\w+\s*=\s*[\w.]+)*\s*\) | within\s+group\s*\([^()]*\) | tablesample\s+\w+\s*\([^()]*\)
            | (?:not\s+)?deferrable\b(?:\s+initially\s+(?:deferred|immediate))?
        )
    )
    | (?P<operator> <=> )
    | (?P<joined> (?<=[\d')])::\w+(?:\(\d+\))?(?:\[\])? | (?<=\))\s*include\s*\([^()]*\) | (?<=\()\s*(?:both|leading|trailing)\b )
    """,
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
# What stands in each text that the expression finds, all words of one line: it is slow.
_SIGNS: Final = tuple(
    tuple(line.split())
    for line in """
    interval
    for update
    share
    collate
    escape
    indexed
    time zone
    ::
    rollback into
    abort into
    fail into
    ignore into
    insert replace
    nulls
    rollup
    with lock
    with =
    readpast
    within
    tablesample
    include
    deferrable
    both
    leading
    trailing
    glob
    match
    regexp
    rlike
    <=>
    """.strip().splitlines()
)
_TARGET: Final = regex(
    r"(\bon\s+conflict)(?:\s*\((?:[^()]|\([^()]*\))*\)(?:\s*where\b(?:(?!\bdo\b)[^;])*)?|\s+on\s+constraint\s+\S+)(?=\s*\bdo\b)",
    re.IGNORECASE,
)
_ARGUMENTS: Final = regex(r"\b(?:position|trim|substring)\s*\(([^()]*)\)", re.IGNORECASE)
_BETWEEN: Final = regex(r"'(?:[^']|'')*'|\b(?:from|for|in)\b", re.IGNORECASE)
_NAMED: Final = r"(?!j+\b)[\w.]+(?:\s+(?:as\s+)?(?!(?:j+|where|returning)\b)\w+)?"  # what Jinja fills in may be a condition
_USING: Final = regex(
    r"(\bdelete\s+from\s+\S+)(?:\s+(?:as\s+)?(?!where|using|returning|limit|order)\w+)?"
    rf"(?:(?:\s+using\s[^;]+?)?(?=\s+where\b)|\s+using\s+{_NAMED}(?:\s*,\s*{_NAMED})*(?=\s+returning\b|\s*;|\s*\Z))",
    re.IGNORECASE,
)


def readable(text: str) -> str:
    """A text of SQL as the grammar can read it.

    Args:
        text: statements in some dialect.

    Returns:
        Text of the same length and lines: blanks for row locks, collations and the like, numbers for MySQL's intervals.
    """
    lowered = text.lower()
    if any(all(word in lowered for word in sign) for sign in _SIGNS):
        text = _HIDDEN.sub(_replaced, text)
    if "delete" in lowered:
        text = _USING.sub(_only_head, text)
    if "conflict" in lowered:
        text = _TARGET.sub(_only_head, text)
    if "position" in lowered or "trim" in lowered or "substring" in lowered:
        text = _ARGUMENTS.sub(_listed, text)
    return text


def _replaced(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind == "number":
        return "7" * len(match[0])
    if kind in ("equal", "operator"):
        return "=".ljust(len(match[0]))
    return match[0] if kind == "quoted" else _blank(match[0])


def _only_head(match: re.Match[str]) -> str:
    return match[1] + _blank(match[0][len(match[1]) :])


def _listed(match: re.Match[str]) -> str:
    """``substring(a from 1 for 2)`` with commas between its arguments."""
    given = _BETWEEN.sub(lambda word: word[0] if word[0][0] == "'" else ",".ljust(len(word[0])), match[1])
    return match[0].replace(match[1], given) if match[1] else match[0]


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)
