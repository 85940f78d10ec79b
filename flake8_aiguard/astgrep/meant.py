"""Findings in SQL that the rest of the text, or the files around, speak against: no rule of one statement can see them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from flake8_aiguard.astgrep import nearby
from flake8_aiguard.astgrep.source import Source, flat
from flake8_aiguard.ddl import NAME, asks_the_system, is_of_the_system, plain

_I: Final = re.IGNORECASE
_EXPLAINED: Final = re.compile(r"\s*(?:explain|describe|desc)\b(?!\s*;)", _I)
_WRITTEN: Final = re.compile(
    rf"(?:delete\s+from|update|insert\s+(?:\w+\s+)?into|delete)\s+(?:only\s+)?({NAME})", _I
)
_FUNCTION: Final = re.compile(
    r"\*\s*(?:except\b|replace\b|from\s+(?:only\s+)?(?:%|[\w.]+\s*\())", _I
)  # what no list can say
_STAR: Final = re.compile(r"(?:\bselect|,)\s*(?:all\s+|distinct\s+)?\*", _I)
_FROM: Final = re.compile(
    r"\bfrom\b(.*?)(?=\b(?:where|group|order|limit|union|having|window|for)\b|\Z)", _I | re.DOTALL
)
_ITEM: Final = re.compile(
    rf"\s*(?:only\s+|lateral\s+)?(\(|\{{\{{|:?{NAME})\s*(?:as\s+)?(?!on\b|using\b)([\w\"`]*)", _I
)
_JOINED: Final = re.compile(r",|\b(?:(?:natural|left|right|full|inner|outer|cross)\s+)*join\b", _I)
_COPYING: Final = re.compile(r"\s*insert\b", _I)
_RETURNS: Final = re.compile(rf"\breturns\s+(?:setof\s+)?({NAME})", _I)
_COPIED: Final = re.compile(rf"\binsert\s+(?:\w+\s+)?into\s+({NAME})\s*$", _I)
_OPTIONAL: Final = re.compile(r"\bis\s+null\s+or\b|\bor\s+\(?[\w$.]+\s+is\s+null\b", _I)
_TESTED: Final = re.compile(r"\bexists\s*\($", _I)
_COUNTED: Final = re.compile(r"\bselect\s+count\s*\(\s*[*1]\s*\)\s*(?:(?:as\s+)?\w+\s*)?from\s*\($", _I)
_SELECTED: Final = re.compile(
    rf"\(\s*select\s+(?:distinct\s+)?(?:\w+\.)?[\"`\[]?(\w+)[\"`\]]?\s+from\s+({NAME})", _I
)
_AGGREGATE: Final = (
    r"(?:count|sum|avg|min|max|total|every|bool_and|bool_or|string_agg|group_concat|listagg|xmlagg|array_agg|stddev"
    r"|jsonb?_agg|jsonb?_object_agg|json_arrayagg|json_group_array)"
)
_OF_AGGREGATE: Final = re.compile(rf"\(\s*select\s+(?:all\s+)?(?:\w+\s*\(\s*)?{_AGGREGATE}\s*\(", _I)
_DISTINCT: Final = re.compile(r"\(\s*select\s+distinct\b", _I)
_IN_AGGREGATE: Final = re.compile(rf"\b{_AGGREGATE}\s*\($", _I)
_CUT: Final = re.compile(r"\border\s+by\b|\blimit\b|\bfetch\s+first\b", _I)
_ONE_ROW: Final = re.compile(r"\bwhere\s+(?:\w+\.)?id\s*=\s*(?:[$:@]\w+|\?|\d+|')", _I)
_SET: Final = re.compile(r"\bset\b(.*?)(?=\bfrom\b|\breturning\b|\border\s+by\b|\Z)", _I | re.DOTALL)
_ASSIGNED: Final = re.compile(r"\s*(?:\w+\.)?[\"`\[]?(\w+)[\"`\]]?\s*=(.*)", re.DOTALL)
_WORD: Final = re.compile(r"(?<![\w.:$@'])[A-Za-z_][\w.]*(?!\w*\s*\()")
_CALL: Final = re.compile(r"\b([A-Za-z_]\w*)\s*\(", _I)
_CONSTANT: Final = frozenset(
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
_FIXED: Final = frozenset(
    {
        "now",
        "current_timestamp",
        "date",
        "datetime",
        "getdate",
        "sysdate",
        "cast",
        "to_date",
        "unix_timestamp",
    }
)
_BRANCH: Final = re.compile(r"\b(?:else|elseif|elsif|when)\b", _I)
_SLOW: Final = frozenset({"AIG203", "AIG204", "AIG206", "AIG207", "AIG208", "AIG216"})
_CHANGED: Final = re.compile(r"\s*(?:insert|update|delete)\b", _I)
_STRING: Final = re.compile(r"'(?:[^']|'')*'")
_LIKE: Final = re.compile(r"\bi?like\b", _I)
_CONVERSION: Final = re.compile(r"::\s*(\w+)|\bas\s+(\w+)", _I)
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
_EQUAL: Final = re.compile(r"(?:\bwhere|\band|\bon|^)\s+(?:\w+\.)?[\"`]?(\w+)[\"`]?\s*=(?!=)", _I)
_KEY: Final = re.compile(r"(?:\w*_)?(?:id|key|uuid|guid|pk|token|slug|email|hash)", _I)
_LOCKED: Final = re.compile(
    r"\balter\s+table\s[^;]*?\b(?:add\s+(?:constraint\s+\S+\s+)?primary\s+key|(?:alter|modify)\s+(?:column\s+)?\S+\s+(?:set\s+data\s+)?type"
    r"|drop\s+constraint|disable\s+trigger)",
    _I,
)
_OFFLINE: Final = re.compile(r"/sql/[^/.]+\.[^/.]+\.sql$|/(?:upgrades?|updates?|archives?|install|patches)/")
_STABLE: Final = re.compile(
    r"\bdefault\s+\(?\s*(?:(?:session|current)_user|user|current_(?:role|catalog|schema|date|time|timestamp)"
    r"|localtime|localtimestamp|(?:now|transaction_timestamp|statement_timestamp)\s*\()",
    _I,
)
_READ_AS_TABLE: Final = re.compile(r"\b(?:from|join|as|materialized|lateral)\s*\($", _I)
_INSERT: Final = re.compile(
    rf"\s*(?:set\s+\w+\s+on\s+)?insert\s+(?:\w+\s+)?into\s+({NAME})\s*(\([^)]*\))?", _I
)


_BEFORE: Final = 400


def is_meant(code: str, source: Source, start: int, end: int) -> bool:
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
    written = _WRITTEN.search(statement)
    if (
        _EXPLAINED.match(statement)
        or (written and is_of_the_system(written[1]))
        or asks_the_system(source.code[slice(*source.around(start))])
    ):
        return True
    if code in _SLOW and source.is_file and _CHANGED.match(statement) and not source.asks:
        return True  # a script that changes rows once
    check = _CHECKS.get(code)
    return check is not None and check(source, start, end)


def _before(source: Source, place: int) -> str:
    """The code before a place."""
    return source.code[max(place - _BEFORE, 0) : place]


def _relations(query: str) -> list[tuple[str, str]]:
    """The relations of a flat query and their aliases, ``(`` for a subquery."""
    found = _FROM.search(query)
    items = [] if found is None else [_ITEM.match(part) for part in _JOINED.split(found[1])]
    return [(item[1], item[2]) for item in items if item]


def _star(source: Source, start: int, end: int) -> bool:
    """AIG201: the row type is the contract, or the columns are those that the text lists itself."""
    first, last = source.around(start)
    query = source.flat(start, last)
    relations = _relations(query)
    names = [name for name, _ in relations]
    if not names or _FUNCTION.match(query):
        return bool(_FUNCTION.match(query))
    if nearby.is_whole_row(source, start, names):
        return True
    if (
        "{{" in names or "{{" in query
    ):  # the whole of a model is what is read of it; the steps within name their columns later
        return (
            first > source.statement(start)[0]
            or not source.is_template
            or re.search(r"\bunion\b", query, _I) is not None
        )
    if all(_has_known_columns(source, name, start, last) for name in names):
        return True
    if _COUNTED.search(_before(source, first)) or _TESTED.search(_before(source, first)):
        return True
    if source.is_migration and _COPYING.match(source.code, source.statement(start)[0]):
        return True
    if len(names) > 1:
        return False
    routine = source.routine(start)
    if routine >= 0 and plain(names[0]) in map(plain, _RETURNS.findall(source.code[routine:start])):
        return True
    copied = _COPIED.search(
        re.sub(r"\bselect\s+(?:all\s+|distinct\s+)?$", "", _before(source, start), flags=_I)
    )
    if copied is None:
        return False
    old, new = plain(names[0]), plain(copied[1])
    return old in new or new in old


def _has_known_columns(source: Source, name: str, start: int, last: int) -> bool:
    if name == "(":
        opening = source.code.find("(", start, last)
        return not _STAR.search(source.code[opening : source.closing(opening, last)])
    if plain(name) in source.made:
        return True
    first = source.statement(start)[0]
    cte = re.compile(
        rf"(?:\bwith\s+(?:recursive\s+)?|,\s*){re.escape(name)}\s*(?:\([^)]*\)\s*)?as\s+(?:(?:not\s+)?materialized\s+)?\(",
        _I,
    ).search(source.code, first, start)
    return cte is not None and not _STAR.search(
        source.code[cte.end() - 1 : source.closing(cte.end() - 1, start)]
    )


def _never_null(source: Source, start: int, end: int) -> bool:
    """AIG202: the column is NOT NULL or the table's own key."""
    if re.search(r"\boid\s+not\s+in\s*$", _before(source, start), _I):
        return True  # a system column, and what is compared with it
    selected = _SELECTED.match(source.code[start:end])
    if selected is None:
        return False
    column, name = selected[1].lower(), plain(selected[2])
    if re.search(r"\b(?:left|right|full)\s+(?:outer\s+)?join\b", source.code[start:end], _I):
        return False
    if column in ("id", "rowid", "oid", "ctid") or (column.endswith("_id") and _is_own(column[:-3], name)):
        return True
    table = source.table(name)
    if table is not None:
        return column in table.not_null
    holders = source.holders(column)  # of a column that a CTE passes on
    return bool(holders) and all(column in holder.not_null for holder in holders)


def _is_own(stem: str, table: str) -> bool:
    """Whether a key is called like its table, in the singular."""
    last = table.rpartition("_")[2]
    return stem in (table, last) or any(
        name in (f"{stem}s", f"{stem}es", f"{stem[:-1]}ies") for name in (table, last)
    )


def _is_no_join(source: Source, start: int, end: int) -> bool:
    """AIG204: no join says the same, or the outer query has one row, or fills a table once."""
    inner = source.code[start:end]
    if _CUT.search(flat(inner[1:-1])) or _TESTED.search(f"{_before(source, start)}("):
        return True
    if not _OF_AGGREGATE.match(inner) and (
        _DISTINCT.match(inner) or _CHANGED.match(source.code, source.statement(start)[0])
    ):
        return True
    first, last = source.around(start)
    while first > source.statement(start)[0]:
        if _IN_AGGREGATE.search(_before(source, first)):
            return True
        if re.match(r"\s*select\b", source.code[first:], _I):
            break
        first, last = source.around(first - 1)
    return _ONE_ROW.search(source.flat(end, last)) is not None


def _whole_table(source: Source, start: int, end: int) -> bool:
    """AIG205: the rows of the table are those that the text itself put there, or puts there again."""
    written = _WRITTEN.match(source.code, start)
    if written is None:
        return False
    if plain(written[1]) in source.made or plain(written[1]) in source.filled:
        return True
    if nearby.is_altered_next(source, start, written[1]):
        return True
    for other in source.changed.get(plain(written[1]), ()):
        between = source.code[min(start, other) : max(start, other)]
        if _BRANCH.search(between) and source.routine(start) == source.routine(other):
            return True
    if not written[0].lower().startswith("update"):
        return False
    code = source.code[start : source.around(start)[1]]
    assigned = _SET.search(flat(code))
    if assigned is None or re.match(r"from\b", code[assigned.end() :], _I):
        return False
    parameters = source.parameters(start)
    place, values = start + assigned.start(1), []
    for part in assigned[1].split(","):
        match = _ASSIGNED.match(part)
        if match is None:
            return False
        values.append((match[1].lower(), source.code[place + match.start(2) : place + len(part)]))
        place += len(part) + 1
    return not all(_is_fixed(column, value, parameters) for column, value in values)


def _is_fixed(column: str, value: str, parameters: set[str]) -> bool:
    """Whether a value is the same for all rows, or a step from the one that the column has."""
    known = (
        _CONSTANT
        | parameters
        | ({column} if not _CALL.search(value) and value.strip().lower() != column else set())
    )
    words = {word.lower() for word in _WORD.findall(_STRING.sub("''", value))}
    return all(word in known or word.startswith("hole_") for word in words) and all(
        name.lower() in _FIXED for name in _CALL.findall(value)
    )


def _no_index(source: Source, start: int, end: int) -> bool:
    """AIG206: the operand is no column, the pattern is one, or the condition is left out on request."""
    code = source.code[start:end]
    like = _LIKE.search(code)
    if like is None:
        return False
    parameters = source.parameters(start)
    if not _columns(code[: like.start()], parameters) or _columns(code[like.end() :], parameters):
        return True
    around = source.flat(*source.around(start))
    relations = _relations(around)
    if _are_derived(relations) or any(plain(name) in source.filled for name, _ in relations):
        return True
    if nearby.is_said_before(source, start, parameters) or nearby.is_over_tables(
        source,
        start,
        relations or _relations(source.flat(*source.around(max(source.around(start)[0] - 1, 0)))),
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


def _are_derived(relations: list[tuple[str, str]]) -> bool:
    """Whether a query reads nothing but subqueries, which have no index."""
    return bool(relations) and all(name == "(" for name, _ in relations)


def _columns(expression: str, parameters: set[str]) -> set[str]:
    """The columns of an expression."""
    words = {word.lower() for word in _WORD.findall(re.sub(r"::\s*\w+", "", expression))}
    no_column = _CONSTANT | parameters | {"escape", "binary", "collate", "any", "all", "from", "for"}
    return {word for word in words if word not in no_column and not word.startswith("hole_")}


def _found_by_another(source: Source, start: int, end: int) -> bool:
    """AIG207: the operand is no column, has no range, or another condition finds the rows."""
    code = source.code[start:end]
    conversions = [
        (one or two).lower() for one, two in _CONVERSION.findall(source.text[start : end + 24].split("=")[0])
    ]
    is_cast = "::" in source.code[start : end + 3] or re.match(r"cast\s*\(", code, _I)
    if is_cast and conversions and conversions[-1] in _NUMBERS:
        return True
    columns = _columns(code, source.parameters(start))
    if not columns:
        return True
    first, last = source.around(start)
    if not re.search(r"\b(?:where|on)\b", source.flat(first, start), _I):
        first, last = source.around(max(first - 1, 0))
    query = source.flat(first, last)
    where = re.search(r"\b(?:where|on)\b", query, _I)
    conditions = query[where.start() :] if where else query
    if nearby.has_no_index(source, columns, _relations(query)):
        return True
    if re.search(r"\bor\b", conditions, _I):
        return False
    if _are_derived(_relations(query)):
        return True
    names = _EQUAL.findall(conditions)
    tables = [source.table(name) for name, _ in _relations(query) if name != "("]
    return any(
        _KEY.fullmatch(name) or any(table is not None and name.lower() in table.keys for table in tables)
        for name in names
    )


def _locked_anyway(source: Source, start: int, end: int) -> bool:
    """AIG211, AIG213: another database, a table without rows, or one that the file locks in any case."""
    if not source.is_postgresql or _OFFLINE.search(source.path):
        return True
    first, last = source.statement(start)
    on = re.compile(rf"\b(?:on|table)\s+(?:if\s+exists\s+)?(?:only\s+)?({NAME})", _I).search(
        source.code, first, last
    )
    if on is None:
        return False
    name = plain(on[1])
    if name in source.made or name in source.parents or _is_installed(source, name):
        return True
    if _LOCKED.search(source.code):
        return True
    if re.match(r"create\b", source.code[start:end], _I):
        return nearby.is_built_under_lock(source, start, name)
    return nearby.is_key_empty(source, start, end, name)


def _is_installed(source: Source, name: str) -> bool:
    """Whether a script for an empty database follows one beside it that creates the table."""

    def is_numbered(path: str) -> bool:
        return re.search(r"\d", path.rpartition("/")[2]) is not None

    return not is_numbered(source.path) and any(
        name in other.made and not is_numbered(other.path) for other in source.beside
    )


def _filled_anyway(source: Source, start: int, end: int) -> bool:
    """AIG212: MySQL fills the column, a default is stored once, or the table is written anew or empty."""
    first, last = source.statement(start)
    statement = source.code[first:last]
    altered = re.search(rf"\balter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?({NAME})", statement, _I)
    return (
        source.is_mysql
        or re.search(r"\bdrop\s+column\b", statement, _I) is not None
        or _STABLE.search(source.code[start : min(end + 80, last)].split(",")[0]) is not None
        or (altered is not None and plain(altered[1]) in source.made)
    )


def _projects(source: Source, start: int, end: int) -> bool:
    """AIG214: one value or a set is asked for, or each table gives a column."""
    first, last = source.around(start)
    if first > source.statement(start)[0] and not _READ_AS_TABLE.search(_before(source, first)):
        return True
    query = source.flat(start, last)
    selected = re.split(r"\bfrom\b", source.code[start:last], maxsplit=1, flags=_I)[0]
    if re.search(r"\bgroup\s+by\b", query, _I) or re.search(rf"\b{_AGGREGATE}\s*\(", selected, _I):
        return True
    relations = _relations(query)
    if nearby.is_no_test(query, selected, relations):
        return True
    return len(relations) > 1 and all(
        name != "(" and re.search(rf"(?<![\w.]){re.escape(alias or plain(name))}[\"`]?\.", selected, _I)
        for name, alias in relations
    )


def _seeds(source: Source, start: int, end: int) -> bool:
    """AIG217: the file fills a fresh database, or no key can conflict."""
    insert = _INSERT.search(source.code, start)
    if insert is None:
        return False
    name = plain(insert[1])
    statement = source.code[start : source.statement(start)[1]]
    numbered = _before(source, start) + statement
    if name in source.emptied or source.is_seed or re.search(r"\bnextval\b", numbered, _I):
        return True
    is_copy = source.routine(start) < 0 and re.search(r"\bselect\b", statement, _I)
    if source.is_file and not source.asks_in(*source.statement(start)) and (source.is_migration or is_copy):
        return True  # run once
    table = source.table(name)
    columns = {plain(column.strip()) for column in (insert[2] or "")[1:-1].split(",")}
    return table is not None and bool(insert[2]) and table.keys.isdisjoint(columns)


_CHECKS: Final[Mapping[str, Callable[[Source, int, int], bool]]] = {
    "AIG201": _star,
    "AIG202": _never_null,
    "AIG204": _is_no_join,
    "AIG205": _whole_table,
    "AIG206": _no_index,
    "AIG207": _found_by_another,
    "AIG211": _locked_anyway,
    "AIG212": _filled_anyway,
    "AIG213": _locked_anyway,
    "AIG214": _projects,
    "AIG217": _seeds,
}
