"""What a condition is about: NOT IN, patterns, and functions of columns (AIG202, AIG206, AIG207)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from flake8_aiguard.astgrep import folders, query
from flake8_aiguard.astgrep.source import Source, flat
from flake8_aiguard.ddl import NAME, plain
from flake8_aiguard.regex import regex

_I: Final = re.IGNORECASE
_SELECTED: Final = regex(
    r"\(\s*select\s+(?:distinct\s+)?(?:(?:min|max)\s*\(\s*)?(?:\w+\.)?[\"`\[]?(\w+)[\"`\]]?(?:\s*\))?"
    rf"(?:\s+as\s+\w+)?\s+from\s+({NAME})",
    _I,
)
_OF_ALL_ROWS: Final = regex(r"\(\s*select\s+(?:min|max)\s*\((?!.*\bgroup\s+by\b)", _I | re.DOTALL)
_PRINTED: Final = regex(
    r"::\s*text\s*(?:=|<>|~~\*?)\s*(?:any\s*\(\s*array\s*\[\s*)?'[^']*'\s*::\s*(?:text|character\s+varying)\b",
    _I,
)
_LIKE: Final = regex(r"\bi?like\b", _I)
_VIEW: Final = regex(
    r"\s*create\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+|materialized\s+|recursive\s+)?view\b", _I
)
_UPDATE: Final = regex(r"\s*update\b", _I)
_OPTIONAL: Final = regex(r"\bis\s+null\s+or\b|\bor\s+\(?[\w$.]+\s+is\s+null\b", _I)
_CONDITION: Final = regex(r"\b(?:and|where|on|having|when)\b", _I)
_LIKED: Final = regex(r"([\w.]+)[\"`)\]]*\s+i?like\b", _I)
_WILD: Final = regex(r"\s*(?:concat(?:_ws)?\s*)?\(?\s*[EeNn]?['\"][%_]", _I)
_MARK: Final = regex(r"\bi?like\s+[EeNn]?'%+[^\w'%]+%+'", _I)  # `'%[%'`: no word of an index, no trigram
_WRAPPED: Final = regex(r"\s*\(?\s*'%'\s*\|\|.*?\|\|\s*'%'", _I | re.DOTALL)
_CONVERSION: Final = regex(r"::\s*(\w+)|\bas\s+(\w+)", _I)
_NUMBERS: Final = frozenset(
    {
        "bigint",
        "decimal",
        "double",
        "float",
        "float4",
        "float8",
        "int",
        "int2",
        "int4",
        "int8",
        "integer",
        "numeric",
        "real",
        "signed",
        "smallint",
        "unsigned",
    }
)
_EQUAL: Final = regex(
    r"(?:\bwhere|\band|\bon|^)\s+(?:\w+\.)?[\"`]?(\w+)[\"`]?\s*=(?!=)(?:\s*[\"`]?(\w+)[\"`]?\.)?", _I
)
_GIVEN: Final = regex(
    r"\b(?:where|and)\s+(?:\w+\.)?[\"`]?(\w+)[\"`]?\s*(?:=\s*(?:[$:@?\d']|hole_|any\s*\()|in\s*\()", _I
)
_PREFIXES: Final = regex(r"(?:substr|substring|left)\s*\([^()]*\)\s*in\s*\(", _I)
_MANY: Final = 5  # values of a list
_OR: Final = regex(r"\bor\b", _I)
_CLAUSE: Final = regex(r"\b(?:where|on|when|group|order|limit|having|union)\b", _I)
_TESTED: Final = regex(
    r"(?<![\w.':$@])((?:\w+\.)?)[\"`]?(?!not\b)([a-z_]\w*)[\"`]?\s*(?:[<>=]|\b(?:not\s+)?(?:in|like|between)\b)"
)
_ROW: Final = regex(r"(?:id|key|uuid|guid|pk|token|slug|email|hash)", _I)
_KEY: Final = regex(r"(?:\w*_)?(?:id|key|uuid|guid|pk|token|slug|email|hash)", _I)


def never_null(source: Source, start: int, end: int) -> bool:
    """AIG202: the column is NOT NULL or the table's own key."""
    if re.search(r"\boid\s+not\s+in\s*$", query.before(source, start), _I):
        return True  # a system column, and what is compared with it
    selected = _SELECTED.match(source.code[start:end])
    if selected is None or _OF_ALL_ROWS.match(source.code[start:end]):
        return False  # the MIN of no rows is NULL
    column, name = selected[1].lower(), plain(selected[2])
    if re.search(r"\b(?:left|right|full)\s+(?:outer\s+)?join\b", source.code[start:end], _I):
        return False
    if column in ("id", "pk", "rowid", "oid", "ctid") or (
        column.endswith("_id") and _is_own(column[:-3], name)
    ):
        return True
    table = folders.table(source, name)
    if table is not None:
        return column in table.not_null
    holders = source.tables.with_column(column)  # of a column that a CTE passes on
    return bool(holders) and all(column in holder.not_null for holder in holders)


def _is_own(stem: str, table: str) -> bool:
    """Whether a key is called like its table, in the singular."""
    return table in (stem, f"{stem}s", f"{stem}es", f"{stem[:-1]}ies")


def no_index(source: Source, start: int, end: int) -> bool:
    """AIG206: no column or no index, the pattern is a column, a key finds the rows, or the condition is left out on request."""
    code = source.code[start:end]
    like = _LIKE.search(code)
    if like is None:
        return False
    if _MARK.search(source.text, start, end):
        return True
    if folders.is_warehouse(source) or _VIEW.match(source.code, source.statement(start)[0]):
        return True  # a view says what its rows are
    if _UPDATE.match(source.code, source.statement(start)[0]) and source.is_file and not source.asks:
        return True  # a clean-up that somebody runs
    parameters = source.parameters(start)
    if not query.columns(code[: like.start()], parameters):
        return True
    around = source.flat(*source.around(start))
    relations = query.relations(around)
    if query.are_derived(relations) or any(plain(name) in source.script.filled for name, _ in relations):
        return True
    where = re.search(r"\bwhere\b", around, _I)
    conditions = around[where.start() :] if where else ""
    if not re.search(r"\bor\b", conditions, _I) and _is_found(source, relations, conditions):
        return True
    if _is_said_before(source, start, parameters) or _is_over_tables(
        source,
        start,
        relations or query.relations(source.flat(*source.around(max(source.around(start)[0] - 1, 0)))),
    ):
        return True
    first = source.statement(start)[0]
    opening, closing = source.around(start)
    while True:
        if _OPTIONAL.search(source.flat(opening, closing)):
            return True
        if opening <= first:
            return False
        opening, closing = source.around(opening - 1)


def _is_found(source: Source, relations: list[tuple[str, str]], conditions: str) -> bool:
    """Whether a key is given beside a pattern: by its name, or as the files around index it.

    Args:
        source: the text.
        relations: what the query reads.
        conditions: its conditions, which AND connects.
    """
    given = _GIVEN.findall(conditions)
    if any(map(_KEY.fullmatch, given)):
        return True
    if not given or len(relations) != 1 or relations[0][0] == "(":
        return False
    table = folders.table(source, relations[0][0])
    return table is not None and any(name.lower() in table.keys for name in given)


def _is_said_before(source: Source, start: int, parameters: set[str]) -> bool:
    """Whether a pattern with a wildcard first stands before this one in the same OR.

    Args:
        source: the text.
        start: where the condition begins.
        parameters: the names that are no columns.
    """
    first = source.around(start)[0]
    head = source.flat(first, start)
    begin = max((match.end() for match in _CONDITION.finditer(head)), default=0)
    if not re.search(r"\bor\b", head[begin:], _I):
        return False
    return any(
        match[1].lower() not in parameters | {"not"} and _WILD.match(source.text, first + match.end())
        for match in _LIKED.finditer(head, begin)
    )


def _is_over_tables(source: Source, start: int, relations: list[tuple[str, str]]) -> bool:
    """Whether an OR searches the columns of two tables, which no index of one serves.

    Args:
        source: the text.
        start: where its first pattern's condition begins.
        relations: what the query reads.
    """
    last = source.around(start)[1]
    tail = source.flat(start, last)
    stop = _CONDITION.search(tail)
    columns = []
    for match in _LIKED.finditer(tail, 0, stop.start() if stop else len(tail)):
        if not _WRAPPED.match(source.text[start + match.end() : last]):
            return False
        columns.append(match[1])
    if not re.search(r"\bor\b", tail[: stop.start() if stop else len(tail)], _I):
        return False
    owners = {_owner(source, column, relations) for column in columns}
    return len(owners) > 1 and "" not in owners


def _owner(source: Source, column: str, relations: list[tuple[str, str]]) -> str:
    """The alias of the table that has a column, in the query or in the view of the file that it reads."""
    if "." in column:
        return column.rpartition(".")[0].lower()
    if len(relations) != 1:
        return ""
    view = re.search(
        rf"\bview\s+{re.escape(relations[0][0])}\s+as\s+select\b(.*?)\bfrom\b", source.code, _I | re.DOTALL
    )
    for item in view[1].split(",") if view else ():
        own = re.fullmatch(r"\s*(\w+)\.(\w+)(?:\s+(?:as\s+)?(\w+))?\s*", item, _I)
        if own and (own[3] or own[2]).lower() == column.lower():
            return own[1].lower()
    return ""


def found_by_another(source: Source, start: int, end: int) -> bool:
    """AIG207: the operand is no column, has no range or no index, or another condition finds the rows."""
    code = source.code[start:end]
    conversions = [
        (one or two).lower() for one, two in _CONVERSION.findall(source.text[start : end + 24].split("=")[0])
    ]
    is_cast = "::" in source.code[start : end + 3] or re.match(r"cast\s*\(", code, _I)
    if is_cast and conversions and conversions[-1] in _NUMBERS:
        return True
    printed = _PRINTED.search(source.code, start, end + 60)
    if printed and "=" not in source.code[start : printed.start()]:
        return True  # what PostgreSQL prints for a plain comparison of a varchar
    columns = query.columns(code, source.parameters(start))
    if not columns or folders.is_warehouse(source):
        return True
    first, last = source.around(start)
    if not re.search(r"\b(?:where|on)\b", source.flat(first, start), _I):
        first, last = source.around(max(first - 1, 0))
    text = source.flat(first, last)
    where = re.search(r"\b(?:where|on)\b", text, _I)
    conditions = text[where.start() :] if where else text
    if _has_no_index(source, columns, query.relations(text)) or _is_computed(
        source, columns, start, first, last
    ):
        return True
    if (
        _PREFIXES.match(source.code, start)
        and source.code[end : source.closing(source.code.find("(", end), last)].count(",") >= _MANY
    ):
        return True  # no range says them
    if len(query.relations(text)) > 1 and _is_one_way(source, start, columns):
        return True
    if re.search(r"\bor\b", conditions, _I):
        return False
    if query.are_derived(query.relations(text)):
        return True
    joined = {(alias or plain(name)).lower() for name, alias in query.relations(text)}
    names = [name for name, other in _EQUAL.findall(conditions) if other.lower() not in joined]
    if any(map(_ROW.fullmatch, names)):
        return True
    read = [name for name, _ in query.relations(text) if name != "("] if names else []
    tables = [folders.table(source, name) for name in read]
    return any(table is not None and name.lower() in table.keys for table in tables for name in names)


def _is_computed(source: Source, columns: Iterable[str], start: int, first: int, last: int) -> bool:
    """Whether each column is an aggregate of a CTE or subquery, which no index holds.

    Args:
        source: the text.
        columns: the columns, with or without their table.
        start: where the condition begins.
        first: where its query begins.
        last: where it ends.
    """
    text = source.flat(first, last)
    bodies: dict[str, str | None] = {}
    for name, alias in query.relations(text):
        known = (alias or plain(name)).strip('"`').lower()
        closed = re.search(rf"\)\s*(?:as\s+)?{known}\b", text, _I) if name == "(" and known != "(" else None
        if closed:
            bodies[known] = source.code[first + text.rindex("(", 0, closed.start()) : first + closed.start()]
        else:
            bodies[known] = query.cte(source, name, start) if name != "(" else None
    for column in columns:
        owner, _, name = column.rpartition(".")
        found = [body for known, body in bodies.items() if not owner or known == owner]
        if not found or None in found:
            return False
        computed = re.compile(rf"\b{query.AGGREGATE}\s*\(\s*\)\s*(?:as\s+)?{re.escape(name)}\b", _I)
        if not any(body and computed.search(flat(body[1:])) for body in found):
            return False
    return True


def _is_one_way(source: Source, start: int, columns: set[str]) -> bool:
    """Whether a condition stands in an OR of a join with one on columns of another table, which no index serves together.

    Args:
        source: the text.
        start: where the condition begins.
        columns: its columns.
    """
    first, last = source.around(start)
    text = source.flat(first, last)
    begin = max((match.end() for match in _CLAUSE.finditer(text, 0, start - first)), default=0)
    stop = _CLAUSE.search(text, start - first)
    ends = [match.span() for match in _OR.finditer(text, begin, stop.start() if stop else len(text))]
    places = (
        [begin, *(end for _, end in ends)],
        [*(at for at, _ in ends), stop.start() if stop else len(text)],
    )
    owners = {column.rpartition(".")[0] for column in columns}
    names = source.parameters(start) | columns
    for one, two in zip(*places, strict=True):
        if one <= start - first < two:
            continue
        for owner, name in _TESTED.findall(source.code[first + one : first + two].lower()):
            if (
                (owner[:-1] not in owners)
                if owner and all(owners)
                else not (owner or any(owners) or name in names)
            ):
                return True
    return False


def _has_no_index(source: Source, columns: Iterable[str], relations: list[tuple[str, str]]) -> bool:
    """Whether the file creates the tables of some columns, and no index that begins with one of them.

    Args:
        source: the text.
        columns: the columns, with or without their table.
        relations: what the query reads.
    """
    for column in columns:
        owner, _, name = column.rpartition(".")
        tables = [
            source.tables.get(relation)
            for relation, alias in relations
            if not owner or owner in (alias.lower(), plain(relation))
        ]
        if not tables or any(table is not None and name in table.keys for table in tables):
            return False
        if not any(table is not None and name in table.columns for table in tables):
            return False
    return True
