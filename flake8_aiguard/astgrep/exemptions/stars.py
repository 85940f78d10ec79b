"""What `*` is read for: whole rows, steps, and columns that the text lists itself (AIG201)."""

from __future__ import annotations

import functools
import itertools
import re
from typing import Final

from flake8_aiguard.astgrep import folders, query
from flake8_aiguard.astgrep.source import Source, flat
from flake8_aiguard.ddl import NAME, is_of_an_extension, plain
from flake8_aiguard.regex import regex

_I: Final = re.IGNORECASE
_FUNCTION: Final = regex(
    r"\*\s*(?:except\b|replace\b|from\s+(?:only\s+|stream\s+)?(?:%|[\w.]+\s*\())", _I
)  # what no list can say
_UNION: Final = regex(r"\bunion\b(?:\s+(?:all|distinct)\b)?", _I)
_UNITED: Final = regex(r"\bunion\s+(?:(?:all|distinct)\s+)?select\s+\Z", _I)
_BARE: Final = regex(r"\bselect\s+\*\s*(?:,|from\b)", _I)
_EXPECTING: Final = regex(
    r"\bconstraint\s+\S+\s+expect\b", _I
)  # a table of Databricks that drops bad rows of another
_STAR: Final = regex(r"(?:\bselect|,)\s*(?:all\s+|distinct\s+)?\*", _I)
_READS_ALL: Final = regex(r"(?:\bselect|\bdistinct|\ball|,|\b(?P<owner>\w+)[\"`]?\.)\s*\*(?!\s*except\b)", _I)
_COPIED_IN: Final = regex(
    r"(?:\s|--[^\n]*\n|\{#(?:(?!#\}).)*#\})*select\s+\*\s+from\s+\{\{-?\s*"
    r"(?:source\s*\([^()]*\)|ref\s*\(\s*['\"](?:\w*_)?(?:seeds?|raw)(?:_\w*)?['\"]\s*\))\s*-?\}\}(?:\s|;|--[^\n]*(?:\n|\Z))*",
    _I | re.DOTALL,
)  # the whole model
_SHOWN: Final = regex(r"/(?:marts?|intermediate|reports?|reporting)/|/(?:fct|dim|int|mart|rpt)_[^/]*$", _I)
_OUTER_JOIN: Final = regex(r"\b(?:left|right|full)\s+(?:outer\s+)?join\s*\(\s*$", _I)
_NAMED_FOR_OUTER_JOIN: Final = regex(
    r"\)\s*(?:as\s+)?(\w+)(?:\s+(?P<joined>(?:left|right|full)\s+(?:outer\s+)?join))?", _I
)
_FILTERED: Final = regex(
    r"\*\s*from\b(?!.*\b(?:join|group|order|limit|fetch|union|except|intersect|offset)\b).*\bwhere\b",
    _I | re.DOTALL,
)
_LOCKED: Final = regex(r"\bfor\s+(?:no\s+key\s+)?update\b", _I)
_STEPPED: Final = regex(r"\b(?:insert|update|delete|for\s+\w+\s+in)\b", _I)
_AND_MORE: Final = regex(r"\*\s*,")
_READERS: Final = 8  # of one CTE
_CTE_BEGINS: Final = regex(
    r"(?:\bwith\s+(?:recursive\s+)?|,\s*)(\w+)\s*(?:\([^)]*\)\s*)?as\s+(?:not\s+materialized\s+)?\(\s*$", _I
)
_RETURNS: Final = regex(rf"\breturns\s+(?:setof\s+)?({NAME})", _I)
_COPIED: Final = regex(rf"\binsert\s+(?:\w+\s+)?into\s+({NAME})\s*$", _I)
_TESTED: Final = regex(r"\bexists\s*\($", _I)
_COUNTED: Final = regex(r"\bselect\s+count\s*\(\s*[*1]\s*\)\s*(?:(?:as\s+)?\w+\s*)?from\s*\($", _I)
_PERFORMED: Final = regex(r"(?:^|\bbegin|\bthen|\belse|\bloop)\s*perform\b", _I)
_OPERATOR: Final = regex(r"\b(union|except|intersect|minus)\b(?!\s*\()", _I)
_NEXT_STAR: Final = regex(r"\s*(?:(?:all|distinct)\s+)?select\s+\*", _I)
_SELECT: Final = regex(r"\bselect\b\s*(\*?)(\s*except\b)?", _I)
_LIST_BEGINS: Final = regex(r"\s*select\s+$", _I)
_MANY: Final = regex(r"\bwhere\b|\bjoin\b|,", _I)


def star(source: Source, start: int, end: int) -> bool:
    """AIG201: the row type is the contract, or the columns are those that the text lists itself."""
    first, last = source.around(start)
    if _UNITED.search(source.code, max(start - 80, first), start) and _is_reported_once(source, first, last):
        return True
    text = source.flat(start, last)
    relations = query.relations(text)
    names = [name for name, _ in relations]
    if not names or _FUNCTION.match(text):
        return bool(_FUNCTION.match(text))
    if _is_whole_row(source, start, names):
        return True
    if (
        "{{" in names or "{{" in text
    ):  # the whole of a model is what is read of it; the steps within name their columns later
        return (
            first > source.statement(start)[0]
            or not source.is_template
            or (_COPIED_IN.fullmatch(source.text) is not None and not _SHOWN.search(source.path))
            or re.search(r"\bunion\b", text, _I) is not None
        )
    if all(_has_known_columns(source, name, start, last) for name in names) and not _fills_a_list(
        source, first, start, names
    ):
        return True
    if _PERFORMED.search(source.code, source.statement(start)[0], start):
        return True  # only FOUND is asked for
    if _COUNTED.search(query.before(source, first)) or _TESTED.search(query.before(source, first)):
        return True
    copied = _COPIED.search(
        re.sub(r"\bselect\s+(?:all\s+|distinct\s+)?$", "", query.before(source, start), flags=_I)
    )
    if (
        copied is None  # by the order of their columns, which the step before may have changed
        and source.runs_once(start)
        and _STEPPED.search(source.code, source.statement(start)[0], start)
    ):
        return True
    if len(names) > 1:
        return False
    if _EXPECTING.search(source.code[first:start]):
        return True
    if (
        _is_narrowed(source, start, text)
        or _is_filtered_for_join(source, start, text)
        or _is_own_table(source, start, names[0])
    ):
        return True
    routine = source.routine(start)
    if routine >= 0 and plain(names[0]) in map(plain, _RETURNS.findall(source.code[routine:start])):
        return True
    if copied is None:
        return False
    old, new = plain(names[0]), plain(copied[1])
    return old == new or ((old in new or new in old) and not source.script.emptied.isdisjoint({old, new}))


@functools.lru_cache(maxsize=8)
def _is_reported_once(source: Source, first: int, last: int) -> bool:
    """Whether a query is a UNION of stars, each of one relation, of which the first is reported.

    Args:
        source: the text.
        first: where the query begins.
        last: where it ends.
    """
    text = source.flat(first, last)
    if not all(_BARE.search(branch) and len(query.relations(branch)) == 1 for branch in _UNION.split(text)):
        return False
    begin = _STAR.search(text)
    return begin is not None and not star(source, first + begin.end() - 1, first + begin.end())


def _is_narrowed(source: Source, start: int, text: str) -> bool:
    """Whether a CTE locks or adds to the rows of one table, and all that is read of it has a name.

    Args:
        source: the text.
        start: where `*` stands.
        text: the flat text of the subquery from there on.
    """
    first = source.around(start)[0]
    if source.is_mysql or _OPERATOR.search(source.flat(*source.around(start))):
        return False
    adds = _AND_MORE.match(text) is not None
    cte = _CTE_BEGINS.search(query.before(source, first))
    if cte is None:
        return False
    if _LOCKED.search(text):
        return _is_read_by_name(source, cte[1], start) is not False
    return (adds or folders.is_warehouse(source)) and _is_read_by_name(source, cte[1], start) is True


def _is_filtered_for_join(source: Source, start: int, text: str) -> bool:
    """Whether `*` only carries the condition of one table into an outer join, whose query names the columns.

    Args:
        source: the text.
        start: where `*` stands.
        text: the flat text of the subquery from there on.
    """
    first, last = source.around(start)
    named = _NAMED_FOR_OUTER_JOIN.match(source.code, last)
    if (
        named is None
        or source.is_mysql
        or not _FILTERED.match(text)
        or not _LIST_BEGINS.match(source.code[first:start])
    ):
        return False
    if not (named["joined"] or _OUTER_JOIN.search(query.before(source, first))):
        return False
    readers = _READS_ALL.finditer(source.flat(*source.around(first - 1)))
    return all(star["owner"] and star["owner"].lower() != named[1].lower() for star in readers)


def _is_own_table(source: Source, start: int, name: str) -> bool:
    """Whether a condition reads the table that the statement changes, which MySQL allows in a subquery of a subquery alone."""
    first = source.around(start)[0]
    opening, closing = source.statement(start)
    if first == opening or source.around(first - 1)[0] == opening:
        return False
    written = query.WRITTEN.match(source.code[opening:closing].lstrip())
    return written is not None and plain(written[1]) == plain(name)


def _is_read_by_name(source: Source, name: str, start: int) -> bool | None:
    """Whether all that the statement reads of its CTE has a name; ``None`` where it reads nothing of it.

    Args:
        source: the text.
        name: the CTE.
        start: a place in it.
    """
    last = source.around(start)[1]
    reader = re.compile(
        rf"(?:\bfrom|\bjoin|,)\s+{re.escape(name)}\b(?!\s*(?:\.|\())(?:\s+(?:as\s+)?(\w+))?", _I
    )
    found = None
    readers = list(
        itertools.islice(reader.finditer(source.code, last, source.statement(start)[1]), _READERS + 1)
    )
    if len(readers) > _READERS:
        return False  # statements that no semicolon ends
    for match in readers:
        names = (None, name.lower(), (match[1] or name).lower())
        for star in _READS_ALL.finditer(source.flat(*source.around(match.start() + 1))):
            if (star["owner"] and star["owner"].lower()) in names:
                return False
        found = True
    return found


def _fills_a_list(source: Source, first: int, start: int, names: list[str]) -> bool:
    """Whether `*` gives the columns of a table, in its order, to a UNION whose branch before lists its own.

    Args:
        source: the text.
        first: where the query begins.
        start: where `*` stands.
        names: the relations that are read.
    """
    branches = _UNION.split(source.flat(first, start))
    listed = len(branches) > 1 and _SELECT.search(branches[-2])
    return bool(
        listed
        and not _READS_ALL.search(branches[-2])
        and any(
            plain(name) in source.script.made and query.cte(source, name, start) is None for name in names
        )
    )


def _has_known_columns(source: Source, name: str, start: int, last: int) -> bool:
    if name == "(":
        opening = source.code.find("(", start, last)
        return _lists_columns(source.code[opening : source.closing(opening, last)])
    if plain(name) in source.script.made or name.lower() in ("unnest", "generate_series"):
        return True
    body = query.cte(source, name, start)
    if body is None:
        return False
    return "{{" in body or _lists_columns(body)  # all of a model is what is read of it


def _lists_columns(body: str) -> bool:
    """Whether a query in parentheses, or the first of a UNION, which names the columns for all, lists them."""
    first = _OPERATOR.split(flat(body[1:]), maxsplit=1)[0]
    return not _STAR.search(first if _SELECT.match(first.lstrip()) else body)


def _is_whole_row(source: Source, start: int, names: list[str]) -> bool:
    """Whether `*` compares whole rows, fills a row type of the file, or shows another product's table.

    Args:
        source: the text.
        start: where `*` stands.
        names: the relations that are read.
    """
    first, last = source.around(start)
    after = _OPERATOR.search(source.flat(start, last))
    if after and after[1].lower() not in ("union",) and _NEXT_STAR.match(source.code, start + after.end()):
        return True
    head = source.flat(first, start)
    before = list(_OPERATOR.finditer(head))
    if before and before[-1][1].lower() != "union":
        selects = list(_SELECT.finditer(head, 0, before[-1].start()))
        if selects and selects[-1][1] and not selects[-1][2]:
            return True
    if len(names) != 1:
        return False
    opening, closing = source.statement(start)
    is_derived = first > opening and _SELECT.match(source.code[first:start].lstrip()) is not None
    if not is_derived and plain(names[0]) in source.script.row_types:
        return True
    final = list(_SELECT.finditer(source.flat(opening, closing)))
    if first > opening and final and final[-1][2] and _is_cte(source, names[0], opening, start):
        return True
    alone = not source.code[:opening].strip() and not source.code[closing + 1 :].strip()
    return source.is_file and alone and is_of_an_extension(names[0]) and not _MANY.search(source.code, start)


def _is_cte(source: Source, name: str, start: int, end: int) -> bool:
    return re.search(rf"(?:\bwith|,)\s+{re.escape(name)}\s+as\s*\(", source.code[start:end], _I) is not None
