"""What a query is read for: subqueries in its list, pages, counts, and DISTINCT (AIG204, AIG209, AIG214, AIG215, AIG216)."""

from __future__ import annotations

import re
from typing import Final

from flake8_aiguard.astgrep import folders, query
from flake8_aiguard.astgrep.source import Source, flat
from flake8_aiguard.ddl import NAME, plain
from flake8_aiguard.regex import regex

_I: Final = re.IGNORECASE
_BEHIND_HAVING: Final = regex(r"\b(?:order\s+by|on\s+(?:conflict|duplicate))\b", _I)
_GUARD: Final = regex(r"\bset\s+@(\w+)\s*:?=\s*\(\s*select\s+if\s*\(\s*$", _I)
_BRANCH: Final = regex(r"\b(?:then|else)\s*(?:\w+\s*)?\(?\s*$", _I)
_TESTED: Final = regex(r"\bexists\s*\($", _I)
_SELECT: Final = regex(r"\bselect\b\s*(\*?)(\s*except\b)?", _I)
_OF_AGGREGATE: Final = regex(rf"\(\s*select\s+(?:all\s+)?(?:\w+\s*\(\s*)?{query.AGGREGATE}\s*\(", _I)
_OF_FUNCTION: Final = regex(r"\bfrom\s+[\w.\"]+\s*\((?!.*(?:\bjoin\b|,))", _I | re.DOTALL)
_AGGREGATED: Final = regex(
    rf"\b{query.AGGREGATE}\s*\(\s*\)(?:(?!\bfrom\b)[^,])*?[\"`]?(\w+)[\"`]?\s*(?:,|\bfrom\b)", _I
)
_FROM_ON: Final = regex(r"\bfrom\b", _I)
_DISTINCT: Final = regex(r"\(\s*select\s+distinct\b", _I)
_IN_AGGREGATE: Final = regex(rf"\b{query.AGGREGATE}\s*\($", _I)
_DELETED: Final = regex(r"\s*delete\b", _I)
_ROW_BEFORE: Final = regex(r"\blimit\s+1\s+offset\s+[1-9]\b", _I)
_ONE_ROW: Final = regex(
    r"\bwhere\s+(?:\w+\.)?id\s*=\s*(?:[$:@]\w+|\?|\d+|')|\blimit\s+1\b(?!\s*,)|\bfetch\s+first\s+(?:1\s+)?row\s+only\b",
    _I,
)
_GIVES_ROWS: Final = regex(
    r"\b(?:from|union|unnest|generate_\w+|\w+_(?:each|elements|keys|table|matches)\w*)\b", _I
)
_READ_AS_TABLE: Final = regex(r"\b(?:from|join|as|materialized|lateral)\s*\($", _I)
_LOOPED: Final = regex(r"\bfor\s+\w+\s+in\s+(?:select\s+)?$", _I)
_ONE_COLUMN: Final = regex(r"\bdistinct\s+[\w.\"]+\s*$", _I)
_SET_RETURNING: Final = regex(rf"\blateral\b|(?:\bfrom|\bjoin|,)\s*(?!using\b|on\b){NAME}\s*\(", _I)
_LINK: Final = regex(r"\b(\w+)\.[\"`]?\w+[\"`]?\s*=\s*(\w+)\.[\"`]?\w+", _I)
_QUALIFIED: Final = regex(r"\b(\w+)\.[\"`]?(\w+)")
_COMBINED: Final = regex(r"\b(?:union|except|intersect|minus|all|distinct|as|with)\s*\Z", _I)
_UNNAMED: Final = regex(r"\b(?:using|natural|cross)\b", _I)


def is_kept(source: Source, start: int, end: int) -> bool:
    """AIG209: no page, but the newest rows, which a DELETE of the others keeps, or the last row but one."""
    if _DELETED.match(source.code, source.statement(start)[0]):
        return True
    first, last = source.around(start)
    return first > source.statement(start)[0] and _ROW_BEFORE.search(source.flat(first, last)) is not None


def is_called_otherwise(source: Source, start: int, end: int) -> bool:
    """AIG215: HAVING asks for the alias of an aggregate in another spelling."""
    first, last = source.around(start)
    aliases = {name.lower() for name in _AGGREGATED.findall(source.flat(first, start))}
    having = _BEHIND_HAVING.split(source.code[end:last], maxsplit=1)[0]
    return any(word.lower() in aliases for word in query.WORD.findall(having.replace('"', " ")))


def is_needed_anyway(source: Source, start: int, end: int) -> bool:
    """AIG216: the statement asks for the same number again, or decides once which statement a script prepares."""
    guard = _GUARD.search(query.before(source, start))
    if guard and re.search(rf"\bprepare\s+\w+\s+from\s+@{guard[1]}\b", source.text[end:], _I):
        return True
    opening = source.code.find("(", start, end)
    counted = " ".join(source.code[opening : source.closing(opening, end) + 1].split())
    return " ".join(source.code[slice(*source.statement(start))].split()).count(counted) > 1


def is_no_join(source: Source, start: int, end: int) -> bool:
    """AIG204: no join says the same, a CASE asks for few rows, or the outer query has one row, or fills a table once."""
    inner = source.code[start:end]
    if _BRANCH.search(query.before(source, start)) or _TESTED.search(f"{query.before(source, start)}("):
        return True
    if not _OF_AGGREGATE.match(inner) and (
        _DISTINCT.match(inner) or query.CHANGED.match(source.code, source.statement(start)[0])
    ):
        return True
    if not _OF_AGGREGATE.match(inner) and _is_looked_up_before(source, start, end):
        return True
    first, last = source.around(start)
    while first > source.statement(start)[0]:
        if _IN_AGGREGATE.search(query.before(source, first)):
            return True
        if re.match(r"\s*select\b", source.code[first:], _I):
            break
        first, last = source.around(first - 1)
    outer = source.flat(end, last)
    relations = query.relations(outer)
    if _OF_FUNCTION.search(outer) and _OF_FUNCTION.search(flat(inner[1:-1])):
        return True  # what functions return is no table
    return _ONE_ROW.search(outer) is not None or (
        bool(relations) and all(name != "(" and _is_of_one_row(source, name, start) for name, _ in relations)
    )


def _is_looked_up_before(source: Source, start: int, end: int) -> bool:
    """Whether a subquery before this one, in the same query, reads the same row: one join serves both."""
    found = _FROM_ON.search(source.code, start, end)
    if found is None:
        return False
    row = " ".join(source.code[found.start() : end].split())
    before = " ".join(source.code[source.around(start)[0] : start].split())
    return row in before


def _is_of_one_row(source: Source, name: str, start: int) -> bool:
    """Whether a CTE of the statement has at most one row: it reads no table, one `id`, or the first row alone."""
    body = query.cte(source, name, start)
    if body is None:
        return False
    own = flat(body[1:])
    return _SELECT.match(own.lstrip()) is not None and (
        not _GIVES_ROWS.search(own) or _ONE_ROW.search(own) is not None
    )


def projects(source: Source, start: int, end: int) -> bool:
    """AIG214: one value or a set is asked for, each table gives a column, or the rows of one repeat without the join."""
    first, last = source.around(start)
    if first > source.statement(start)[0] and not _READ_AS_TABLE.search(query.before(source, first)):
        return True
    text = source.flat(start, last)
    selected = re.split(r"\bfrom\b", source.code[start:last], maxsplit=1, flags=_I)[0]
    if re.search(r"\bgroup\s+by\b", text, _I) or re.search(rf"\b{query.AGGREGATE}\s*\(", selected, _I):
        return True
    if _LOOPED.search(source.code, max(start - 80, 0), start) and _ONE_COLUMN.search(selected):
        return True  # a routine goes through the kinds that there are
    relations = query.relations(text)
    if re.match(r"\s*\*\s*$", re.sub(r"(?i)^.*?\bdistinct\b", "", selected, flags=re.DOTALL)):
        return True  # each table gives all of its columns
    if _is_no_test(text, selected, relations) or _is_needed_for_one(source, text, selected, relations):
        return True
    return len(relations) > 1 and all(
        _gives(selected, plain(name) if name != "(" else "", alias) for name, alias in relations
    )


def _gives(selected: str, name: str, alias: str) -> bool:
    """Whether a list has a column of a relation, by its alias or else its name."""
    known = alias.strip('"`') or name
    return bool(known) and re.search(rf"(?<![\w.])[\"`]?{re.escape(known)}[\"`]?\.", selected, _I) is not None


def _is_needed_for_one(source: Source, text: str, selected: str, relations: list[tuple[str, str]]) -> bool:
    """Whether each table that is only tested is found by its key, and the rows of the one that is listed repeat of themselves.

    Args:
        source: the text.
        text: the flat query from its list on.
        selected: its list.
        relations: what it reads.
    """
    listed = {column.lower() for _, column in _QUALIFIED.findall(selected)}
    keys = {
        (one.lower(), column.lower())
        for pair in _LINK.finditer(text)
        for one, column in _QUALIFIED.findall(pair[0])
    }
    for name, alias in relations:
        table = None if name == "(" else folders.table(source, name)
        if table is None or not table.unique:
            return False
        if _gives(selected, plain(name), alias):
            found = any(key <= listed for key in table.unique)
        else:
            owner = (alias or plain(name)).lower()
            found = not any(key <= {column for of, column in keys if of == owner} for key in table.unique)
        if found:
            return False
    return bool(listed) and len(relations) > 1


def _is_no_test(text: str, selected: str, relations: list[tuple[str, str]]) -> bool:
    """Whether EXISTS cannot say a join: a function gives rows, a table only links those of the list, or it has no end.

    Args:
        text: the flat query from its list on.
        selected: its list.
        relations: what it reads.
    """
    if _SET_RETURNING.search(text) or _is_unended(text):
        return True
    names = {(alias or plain(name)).lower() for name, alias in relations if name != "("}
    listed = {name for name in names if re.search(rf"(?<![\w.]){re.escape(name)}[\"`]?\.", selected, _I)}
    if len(listed) < 2 or listed == names or _UNNAMED.search(text):
        return False
    links = [{one.lower(), two.lower()} for one, two in _LINK.findall(text)]
    return bool(links) and not any(link <= listed for link in links)


def _is_unended(text: str) -> bool:
    """Whether another statement begins with no semicolon between."""
    return any(
        match.start() and not _COMBINED.search(text[max(match.start() - 200, 0) : match.start()])
        for match in re.finditer(r"\n\s*(select\b)", text, _I)
    )
