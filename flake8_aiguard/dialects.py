"""What the SQL grammar does not know of the dialects, replaced by what it reads, at the same length."""

from __future__ import annotations

import re
from typing import Final

from flake8_aiguard.regex import regex

_HIDDEN: Final = regex(
    r"""
    (?P<quoted> '(?:[^']|'')*' | "[^"]*" | --[^\n]* | /\*.*?\*/ )
    | (?P<number> \binterval[ \t]+(?:'[^'\n]*'|[\w.:$]+)[ \t]+(?:microsecond|second|minute|hour|day|week|month|quarter|year)\b )
    | (?P<blank>
        \bfor\s+(?:no\s+key\s+)?(?:update|share|key\s+share)\b(?:\s+of\s+[\w.]+)?(?:\s+nowait|\s+skip\s+locked)?
        | \bcollate\s+[\w"]+ | \bescape\s+'[^']*' | \bindexed\s+by\s+\w+ | \bnot\s+indexed\b | \bat\s+time\s+zone\s+'[^']*'
        | (?<=[\d')])::\w+(?:\(\d+\))?(?:\[\])?
        | \bor\s+(?:rollback|abort|fail)(?=\s+into\b) | \bor(?=\s+ignore\s+into\b) | \binsert\s+or\s+(?=replace\s+into\b)
        | \bnulls\s+(?:first|last)\b | \bwith\s+rollup\b | \bwith\s*\(\s*(?:nolock|holdlock|readpast|rowlock|updlock|tablock)\b[\w\s,]*\)
        | \bwith\s*\(\s*\w+\s*=\s*[\w.]+(?:\s*,\s*\w+\s*=\s*[\w.]+)*\s*\) | \bwithin\s+group\s*\([^()]*\) | \btablesample\s+\w+\s*\([^()]*\) | (?<=\))\s*include\s*\([^()]*\)
        | \b(?:not\s+)?deferrable\b(?:\s+initially\s+(?:deferred|immediate))? | (?<=\()\s*(?:both|leading|trailing)\b
    )
    | (?P<equal> (?:\b(?:glob|match|regexp)\b(?=\s+['"?%:$\d]) | \brlike\b | <=>) )
    """,
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
# What stands in each text that the expression finds: it is slow.
_SIGNS: Final = (
    *("interval", "for", "collate", "escape", "indexed", "time zone", "::", "or ", "nulls", "rollup", "with"),
    *(
        "tablesample",
        "include",
        "deferrable",
        "both",
        "leading",
        "trailing",
        "glob",
        "match",
        "regexp",
        "rlike",
        "<=>",
    ),
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
    if any(sign in lowered for sign in _SIGNS):
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
    if kind == "equal":
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
