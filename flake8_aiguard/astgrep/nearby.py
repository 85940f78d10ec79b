"""What the statements around an SQL finding, and the other members of its query, say for it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from flake8_aiguard.astgrep.source import Source
from flake8_aiguard.ddl import NAME, plain

_I: Final = re.IGNORECASE
_OPERATOR: Final = re.compile(r"\b(union|except|intersect|minus)\b(?!\s*\()", _I)
_NEXT_STAR: Final = re.compile(r"\s*(?:(?:all|distinct)\s+)?select\s+\*", _I)
_SELECT: Final = re.compile(r"\bselect\b\s*(\*?)(\s*except\b)?", _I)
_EXTENSION: Final = re.compile(
    r"(?:bdr|citus|cron|partman|pgagent|pglogical|pgq|repmgr|spock|timescaledb_information)\.", _I
)
_MANY: Final = re.compile(r"\bwhere\b|\bjoin\b|,", _I)
_ALTERED_NEXT: Final = re.compile(
    rf";\s*(?:alter|drop)\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?({NAME})", _I
)
_CONDITION: Final = re.compile(r"\b(?:and|where|on|having|when)\b", _I)
_LIKE: Final = re.compile(r"([\w.]+)[\"`)\]]*\s+i?like\b", _I)
_WILD: Final = re.compile(r"\s*(?:concat(?:_ws)?\s*)?\(?\s*[EeNn]?['\"][%_]", _I)
_WRAPPED: Final = re.compile(r"\s*\(?\s*'%'\s*\|\|.*?\|\|\s*'%'", _I | re.DOTALL)
_NEAR: Final = 10  # statements back
_INDEX: Final = re.compile(rf"\bindex\s+(?:if\s+(?:not\s+)?exists\s+)?({NAME})", _I)
_OF_INDEX: Final = re.compile(r"\s*(?:drop|create\s+(?:unique\s+)?)\s*index\b", _I)
_SCAN: Final = re.compile(
    r"\badd\s+(?:constraint\s+\S+\s+)?check\b(?!.*\bnot\s+valid\b)|\bset\s+not\s+null\b"
    r"|\balter\s+(?:column\s+)?\S+\s+(?:set\s+data\s+)?type\b",
    _I | re.DOTALL,
)
_REFERRING: Final = re.compile(r"\bforeign\s+key\s*\(\s*([^,)]+?)\s*\)", _I)
_FILLED: Final = re.compile(
    r"\bdefault\b(?!\s+null\b)|\b(?:small|big)?serial\d?\b|\bgenerated\b|\bidentity\b", _I
)
_SET_RETURNING: Final = re.compile(rf"\blateral\b|(?:\bfrom|\bjoin|,)\s*(?!using\b|on\b){NAME}\s*\(", _I)
_LINK: Final = re.compile(r"\b(\w+)\.[\"`]?\w+[\"`]?\s*=\s*(\w+)\.[\"`]?\w+", _I)
_COMBINED: Final = re.compile(r"\b(?:union|except|intersect|minus|all|distinct|as|with)\s*\Z", _I)
_UNNAMED: Final = re.compile(r"\b(?:using|natural|cross)\b", _I)


def is_whole_row(source: Source, start: int, names: list[str]) -> bool:
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
    if not is_derived and plain(names[0]) in source.row_types:
        return True
    final = list(_SELECT.finditer(source.flat(opening, closing)))
    if first > opening and final and final[-1][2] and _is_cte(source, names[0], opening, start):
        return True
    alone = not source.code[:opening].strip() and not source.code[closing + 1 :].strip()
    return (
        source.is_file
        and alone
        and _EXTENSION.match(names[0]) is not None
        and not _MANY.search(source.code, start)
    )


def _is_cte(source: Source, name: str, start: int, end: int) -> bool:
    return re.search(rf"(?:\bwith|,)\s+{re.escape(name)}\s+as\s*\(", source.code[start:end], _I) is not None


def is_altered_next(source: Source, start: int, name: str) -> bool:
    """Whether the statement that follows alters or drops the table.

    Args:
        source: the text.
        start: where the statement stands.
        name: the table.
    """
    found = _ALTERED_NEXT.match(source.code, source.statement(start)[1])
    return found is not None and plain(found[1]) == plain(name)


def is_said_before(source: Source, start: int, parameters: set[str]) -> bool:
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
        for match in _LIKE.finditer(head, begin)
    )


def is_over_tables(source: Source, start: int, relations: list[tuple[str, str]]) -> bool:
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
    for match in _LIKE.finditer(tail, 0, stop.start() if stop else len(tail)):
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


def has_no_index(source: Source, columns: Iterable[str], relations: list[tuple[str, str]]) -> bool:
    """Whether the file creates the tables of some columns, and no index that begins with one of them.

    Args:
        source: the text.
        columns: the columns, with or without their table.
        relations: what the query reads.
    """
    for column in columns:
        owner, _, name = column.rpartition(".")
        tables = [
            source.own_table(relation)
            for relation, alias in relations
            if not owner or owner in (alias.lower(), plain(relation))
        ]
        if not tables or any(table is not None and name in table.keys for table in tables):
            return False
        if not any(table is not None and name in table.columns for table in tables):
            return False
    return True


def is_built_under_lock(source: Source, start: int, table: str) -> bool:
    """Whether an index takes the place of the one that the file drops, or its table is scanned or written anyway.

    Args:
        source: the text.
        start: where the index is created.
        table: its table.
    """
    if source.speaks_of_sqlite:
        return True
    first, last = source.statement(start)
    name = _INDEX.search(source.code, first, last)
    for _ in range(_NEAR):
        begin, until = source.statement(max(first - 1, 0))
        dropped = _INDEX.search(source.code, begin, until) if first else None
        if dropped is None or not _OF_INDEX.match(source.code, begin):
            break
        is_drop = source.code[begin:until].lstrip().lower().startswith("drop")
        if is_drop and name is not None and plain(dropped[1]) == plain(name[1]):
            return True
        first = begin
    if any(_SCAN.search(statement) for statement in source.of_table("alter", table, len(source.code))):
        return True
    return any(
        not re.search(r"\b(?:where|from)\b", statement, _I)
        for statement in source.of_table("update", table, start)
    )


def is_key_empty(source: Source, start: int, end: int, table: str) -> bool:
    """Whether the file adds the column of a foreign key, and fills it with nothing but NULL.

    Args:
        source: the text.
        start: where the key is added.
        end: where its statement part ends.
        table: its table.
    """
    key = _REFERRING.search(source.code, start, end)
    if key is None:
        return False
    column = rf"[\"`\[]?{re.escape(plain(key[1]))}[\"`\]]?(?!\w)"
    added = re.compile(rf"\badd\s+(?:column\s+)?(?:if\s+not\s+exists\s+)?{column}([^,]*)", _I)
    own = [match for statement in source.of_table("alter", table, end) for match in added.finditer(statement)]
    if not own or any(_FILLED.search(match[1]) for match in own):
        return False
    filled = re.compile(rf"(?:\bset|,)\s*{column}\s*=(?!\s*null\b)", _I)
    return not any(filled.search(statement) for statement in source.of_table("update", table, start))


def is_no_test(query: str, selected: str, relations: list[tuple[str, str]]) -> bool:
    """Whether EXISTS cannot say a join: a function gives rows, a table only links those of the list, or it has no end.

    Args:
        query: the flat query from its list on.
        selected: its list.
        relations: what it reads.
    """
    if _SET_RETURNING.search(query) or _is_unended(query):
        return True
    names = {(alias or plain(name)).lower() for name, alias in relations if name != "("}
    listed = {name for name in names if re.search(rf"(?<![\w.]){re.escape(name)}[\"`]?\.", selected, _I)}
    if len(listed) < 2 or listed == names or _UNNAMED.search(query):
        return False
    links = [{one.lower(), two.lower()} for one, two in _LINK.findall(query)]
    return bool(links) and not any(link <= listed for link in links)


def _is_unended(query: str) -> bool:
    """Whether another statement begins with no semicolon between."""
    return any(
        match.start() and not _COMBINED.search(query[max(match.start() - 200, 0) : match.start()])
        for match in re.finditer(r"\n\s*(select\b)", query, _I)
    )
