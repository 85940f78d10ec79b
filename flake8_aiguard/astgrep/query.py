"""What one query reads, and the words of its expressions."""

from __future__ import annotations

import re
from typing import Final

from flake8_aiguard.astgrep.source import Source
from flake8_aiguard.ddl import NAME
from flake8_aiguard.regex import regex

_I: Final = re.IGNORECASE
_FROM: Final = regex(
    r"\bfrom\b(.*?)(?=\b(?:where|group|order|limit|union|having|window|for)\b|\Z)", _I | re.DOTALL
)
_ITEM: Final = regex(
    rf"\s*(?:only\s+|lateral\s+)?(\(|\{{\{{|:?{NAME})(?:\s*\))?\s*(?:as\s+)?(?!on\b|using\b)([\w\"`]*)",
    _I,
)
_JOINED: Final = regex(r",|\b(?:(?:natural|left|right|full|inner|outer|cross)\s+)*join\b", _I)
WORD: Final = regex(r"(?<![\w.:$@'])[A-Za-z_][\w.]*(?!\w*\s*\(|\w*')")
CONSTANT: Final = frozenset(
    {
        *(
            "null",
            "true",
            "false",
            "default",
            "interval",
            "as",
            "timestamp",
            "date",
            "time",
            "day",
            "text",
            "current_date",
        ),
        *(
            "current_time",
            "current_timestamp",
            "current_user",
            "session_user",
            "sysdate",
            "localtimestamp",
            "localtime",
        ),
    }
)
WRITTEN: Final = regex(
    rf"(?:delete\s+from|update|insert\s+(?:\w+\s+)?into|delete)\s+(?:only\s+)?({NAME})", _I
)
CHANGED: Final = regex(r"\s*(?:insert|update|delete)\b", _I)
CHANGES: Final = regex(r"\b(?:insert\s+into|update\s+[^\s;]+\s+(?:(?:as\s+)?\w+\s+)?set|delete\s+from)\b", _I)
AGGREGATE: Final = (
    r"(?:count|sum|avg|min|max|total|every|bool_and|bool_or|string_agg|group_concat|listagg|xmlagg|array_agg|stddev"
    r"|jsonb?_agg|jsonb?_object_agg|json_arrayagg|json_group_array)"
)
_BEFORE: Final = 400


def before(source: Source, place: int) -> str:
    """The code before a place."""
    return source.code[max(place - _BEFORE, 0) : place]


def relations(query: str) -> list[tuple[str, str]]:
    """The relations of a flat query and their aliases, ``(`` for a subquery."""
    found = _FROM.search(query)
    items = [] if found is None else [_ITEM.match(part) for part in _JOINED.split(found[1])]
    return [(item[1], item[2]) for item in items if item]


def cte(source: Source, name: str, start: int) -> str | None:
    """What stands in the parentheses of a CTE of the statement, the opening one included."""
    first = source.statement(start)[0]
    cte = re.compile(
        rf"(?:\bwith\s+(?:recursive\s+)?|,\s*){re.escape(name)}\s*(?:\([^)]*\)\s*)?as\s+(?:(?:not\s+)?materialized\s+)?\(",
        _I,
    ).search(source.code, first, start)
    return None if cte is None else source.code[cte.end() - 1 : source.closing(cte.end() - 1, start)]


def are_derived(relations: list[tuple[str, str]]) -> bool:
    """Whether a query reads nothing but subqueries, which have no index."""
    return bool(relations) and all(name == "(" for name, _ in relations)


def columns(expression: str, parameters: set[str]) -> set[str]:
    """The columns of an expression."""
    words = {word.lower() for word in WORD.findall(re.sub(r"::\s*\w+", "", expression))}
    no_column = CONSTANT | parameters | {"escape", "binary", "collate", "any", "all", "from", "for"}
    return {word for word in words if word not in no_column and not word.startswith("hole_")}
