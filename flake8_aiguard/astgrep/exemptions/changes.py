"""What a change of rows or tables meets: all rows, locks, defaults and conflicts (AIG205, AIG211, AIG212, AIG213, AIG217)."""

from __future__ import annotations

import itertools
import re
from typing import Final

from flake8_aiguard.astgrep import folders, query
from flake8_aiguard.astgrep.source import Source, flat
from flake8_aiguard.ddl import NAME, READS, plain
from flake8_aiguard.regex import regex

_I: Final = re.IGNORECASE
_SET: Final = regex(r"\bset\b(.*?)(?=\bfrom\b|\breturning\b|\border\s+by\b|\Z)", _I | re.DOTALL)
_UPDATED_AS: Final = regex(rf"update\s+(?:only\s+)?{NAME}\s+(?:as\s+)?(?!set\b)(\w+)", _I)
_ASSIGNED: Final = regex(r"\s*(?:\w+\.)?[\"`\[]?(\w+)[\"`\]]?\s*=(.*)", re.DOTALL)
_CALL: Final = regex(r"\b([A-Za-z_]\w*)\s*\(", _I)
_FIXED: Final = frozenset(
    {
        "now",
        "cast",
        "clock_timestamp",
        "curdate",
        "current_timestamp",
        "curtime",
        "date",
        "datetime",
        "getdate",
        "getutcdate",
        "strftime",
        "sysdate",
        "sysdatetime",
        "sysutcdatetime",
        "to_date",
        "unix_timestamp",
        "unixepoch",
        "utc_timestamp",
    }
)
_TIME: Final = regex(r"\(|\bcurrent_\w+|\blocaltime", _I)
_QUERY: Final = regex(r"\s*\(\s*select\b", _I)
_OWNER: Final = regex(r"(\w+)[\"`]?\.")
_BRANCH: Final = regex(r"\b(?:else|elseif|elsif|when)\b", _I)
_STRING: Final = regex(r"'(?:[^']|'')*'")
_BARE_DELETE: Final = regex(rf"\s*delete\s+from\s+(?:only\s+)?({NAME})\s*", _I)
_FILLS: Final = regex(r";\s*(?:insert\s+into|copy|alter\s+table)\s", _I)
_ALTERED_NEXT: Final = regex(rf";\s*(?:alter|drop)\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?({NAME})", _I)
_LOCKED: Final = regex(
    r"\balter\s+table\s[^;]*?\b(?:add\s+(?:constraint\s+\S+\s+)?primary\s+key|(?:alter|modify)\s+(?:column\s+)?\S+\s+(?:set\s+data\s+)?type"
    r"|disable\s+trigger)",
    _I,
)
_COLUMN_ALTERED: Final = regex(
    rf"\b(?:add|modify|change|alter)\s+(?:column\s+)?(?:if\s+not\s+exists\s+)?(?!column\b|constraint\b|table\b)({NAME})",
    _I,
)
_DRIZZLE: Final = "--> statement-breakpoint"  # which runs all migrations in one transaction
_OFFLINE: Final = regex(
    r"/sql/[^/.]+\.[^/.]+\.sql$|/changes/\d+\.\d+[^/]*/|/(?:upgrades?|updates?|archives?|install|patches)/"
    r"|/(?:v\d[\d.]*|\d+\.\d[\d.]*)-(?:to-)?v?\d[\d.]*/"  # from one version to the next
    r"|/(?:set_?up|install|init|upgrade|update)(?:[_.-][^/]*)?\.sql$|\d\.\d+[^/]*?-+v?\d+\.\d[^/]*\.sql$"
)
_MOVED: Final = regex(r"/(?:migrate|seed)[_-][^/]*\.sql$")
# The parts of a schema, numbered in the order in which an installation runs them: `30-schema.sql`, `60-indexes.sql`.
_PART: Final = regex(
    r"/\d+[-_](?:schema|tables?|ind(?:ex|exes|ices)|constraints?|keys|func(?:tion)?s?|triggers?|views?)\.sql$",
    _I,
)
_VERSIONS: Final = regex(
    r"(?:\w+\.)?(?:\w*_)?(?:(?:db|schema)_?(?:versions?|migrations?)|migrations?(?:_history)?|alembic_version)"
)
_NEAR: Final = 10  # statements back
_INDEX: Final = regex(rf"\bindex\s+(?:if\s+(?:not\s+)?exists\s+)?({NAME})", _I)
_OF_INDEX: Final = regex(r"\s*(?:drop|create\s+(?:unique\s+)?)\s*index\b", _I)
_SCAN: Final = regex(
    r"\badd\s+(?:constraint\s+\S+\s+)?check\b(?!.*\bnot\s+valid\b)|\bset\s+not\s+null\b"
    r"|\badd\s+(?:constraint\s+\S+\s+)?unique\b(?!\s+using\b)"
    r"|\balter\s+(?:column\s+)?\S+\s+(?:set\s+data\s+)?type\b",
    _I | re.DOTALL,
)
_REFERRING: Final = regex(r"\bforeign\s+key\s*\(\s*([^,)]+?)\s*\)", _I)
_FILLED: Final = regex(r"\bdefault\b(?!\s+null\b)|\b(?:small|big)?serial\d?\b|\bgenerated\b|\bidentity\b", _I)
_STABLE: Final = regex(
    r"\bdefault\s+\(?\s*(?:(?:session|current)_user|user|current_(?:role|catalog|schema|date|time|timestamp)"
    r"|localtime|localtimestamp|(?:now|transaction_timestamp|statement_timestamp)\s*\()",
    _I,
)
# What MySQL fills them with is no date, and refused by default (MySQL 8.4, section 5.1.11: NO_ZERO_DATE).
_DATED: Final = regex(rf"{NAME}\s+(?:date|datetime|timestamp)\b", _I)
_DELETED_BY: Final = regex(rf"\s*delete\s+from\s+({NAME})\s+where\b", _I)
_WHOLE_ROWS: Final = regex(rf"\s*insert\s+into\s+{NAME}\s+\(?\s*select\b", _I)  # no list of columns
_RETURNED: Final = regex(r"\breturning\b([^;]*)", _I)
_RETURNED_NAME: Final = regex(r"[\w\"`]+|\*", _I)
_ON_ERROR: Final = regex(r"^[ \t]*\\(set|unset)[ \t]+ON_ERROR_STOP\b[ \t]*(\w*)", re.MULTILINE)
_BUILT_BEFORE: Final = regex(r"\bindex\s+if\s+not\s+exists\b", _I)
_AGAIN: Final = regex(r"\bon\s+(?:conflict|duplicate\s+key)\b|\binsert\s+(?:or\s+)?(?:ignore|replace)\b", _I)
_INSERT: Final = regex(rf"\s*(?:set\s+\w+\s+on\s+)?insert\s+(?:\w+\s+)?into\s+({NAME})\s*(\([^)]*\))?", _I)


def whole_table(source: Source, start: int, end: int) -> bool:
    """AIG205: the rows of the table are those that the text itself put there, or puts there again."""
    written = query.WRITTEN.match(source.code, start)
    if written is None:
        return False
    if plain(written[1]) in source.script.made or plain(written[1]) in source.script.filled:
        return True
    if _is_altered_next(source, start, written[1]):
        return True
    for other in source.script.changed.get(plain(written[1]), ()):
        between = source.code[min(start, other) : max(start, other)]
        if _BRANCH.search(between) and source.routine(start) == source.routine(other):
            return True
    if not written[0].lower().startswith("update"):
        return (
            _resets(source, start, written[1])
            or source.is_step
            and not source.script.emptied.isdisjoint(source.script.filled)
        )  # loads anew
    if source.is_step:
        return True  # a step that fills or converts a column of all rows
    table = folders.table(source, written[1])
    if table is not None and table.is_single:
        return True
    code = source.code[start : source.around(start)[1]]
    assigned = _SET.search(flat(code))
    if assigned is None or re.match(r"from\b", code[assigned.end() :], _I):
        return False
    parameters = source.parameters(start)
    alias = _UPDATED_AS.match(code)
    owner = re.compile(rf"\b{re.escape(alias[1])}\.", _I) if alias else None
    owners = {plain(written[1]), *([alias[1].lower()] if alias else ())}
    place, values = start + assigned.start(1), []
    for part in assigned[1].split(","):
        match = _ASSIGNED.match(part)
        if match is None:
            return False
        value = source.code[place + match.start(2) : place + len(part)]
        if not _is_of_a_query(value, owners):
            values.append((match[1].lower(), owner.sub("", value) if owner else value))
        place += len(part) + 1
    fixed = [value for column, value in values if _is_fixed(column, value, parameters)]
    if len(fixed) < len(values) and all(map(_TIME.search, fixed)):
        return not _is_told_of_a_row(
            source, end, code
        )  # each row gets a value of its own, and the time of that
    return source.is_file and _are_altered(source, written[1], [column for column, _ in values])


def _resets(source: Source, start: int, name: str) -> bool:
    """Whether the statement before or after a DELETE empties another table, too: a reset before the file fills or alters.

    Args:
        source: the text.
        start: where the DELETE stands.
        name: its table.
    """
    if not source.is_file or not _FILLS.search(source.code, start):
        return False
    first, last = source.statement(start)
    places = [first - 1] * (first > 0) + [last + 1] * (last + 1 < len(source.code))
    others = [_BARE_DELETE.fullmatch(source.code[slice(*source.statement(place))]) for place in places]
    return any(other and plain(other[1]) != plain(name) for other in others)


def _is_altered_next(source: Source, start: int, name: str) -> bool:
    """Whether the statement that follows alters or drops the table.

    Args:
        source: the text.
        start: where the statement stands.
        name: the table.
    """
    found = _ALTERED_NEXT.match(source.code, source.statement(start)[1])
    return found is not None and plain(found[1]) == plain(name)


def _are_altered(source: Source, name: str, columns: list[str]) -> bool:
    """Whether the file adds or changes each of some columns of a table: their values follow.

    Args:
        source: the text.
        name: the table.
        columns: the columns.
    """
    altered = " , ".join(source.of_table("alter", name, len(source.code))).lower()
    found = {plain(match[1]) for match in _COLUMN_ALTERED.finditer(altered)}
    return bool(columns) and found.issuperset(columns)


def _is_told_of_a_row(source: Source, end: int, code: str) -> bool:
    """Whether the function around a statement is given an id that the statement does not ask for, but one after it does.

    Args:
        source: the text.
        end: where the statement ends.
        code: the statement.
    """
    routine = source.routine(end)
    asked = {word.lower() for word in query.WORD.findall(source.code[end : source.next_routine(end)])}
    given = {name for name in source.parameters(end) if name.endswith("id") and name in asked}
    return (
        routine >= 0 and bool(given) and given.isdisjoint(word.lower() for word in query.WORD.findall(code))
    )


def _is_of_a_query(value: str, owners: set[str]) -> bool:
    """Whether a value comes from a query that names no column of the table: the same for all rows.

    Args:
        value: the value.
        owners: the table and its alias.
    """
    return _QUERY.match(value) is not None and owners.isdisjoint(map(str.lower, _OWNER.findall(value)))


def _is_fixed(column: str, value: str, parameters: set[str]) -> bool:
    """Whether a value is the same for all rows, or a step from the one that the column has."""
    known = (
        query.CONSTANT
        | parameters
        | ({column} if not _CALL.search(value) and value.strip().lower() != column else set())
    )
    words = {word.lower() for word in query.WORD.findall(_STRING.sub("''", value))}
    return all(word in known or word.startswith("hole_") for word in words) and all(
        name.lower() in _FIXED for name in _CALL.findall(value)
    )


def locked_anyway(source: Source, start: int, end: int) -> bool:
    """AIG211, AIG213: another database, a table without rows, or one that the file locks in any case."""
    if not folders.is_postgresql(source) or _OFFLINE.search(source.path) or _is_of_drizzle(source):
        return True
    first, last = source.statement(start)
    if re.match(r"create\b", source.code[start:end], _I):
        first = start  # the statement before it may lack its semicolon
    on = re.compile(rf"\b(?:on|table)\s+(?:if\s+exists\s+)?(?:only\s+)?({NAME})", _I).search(
        source.code, first, last
    )
    if on is None:
        return False
    name = plain(on[1])
    if (
        name in source.loaded
        or name in source.script.made
        or name in folders.parents(source)
        or _is_installed(source, name)
    ):
        return True
    altered = source.of_table("alter", name, len(source.code))
    if any(_LOCKED.search(statement) or _SCAN.search(statement) for statement in altered):
        return True
    if re.match(r"create\b", source.code[start:end], _I):
        return _is_built_under_lock(source, start, name)
    return _is_key_empty(source, start, end, name)


def _is_of_drizzle(source: Source) -> bool:
    return any(_DRIZZLE in text.text for text in itertools.chain([source], folders.beside(source)))


def _is_installed(source: Source, name: str) -> bool:
    """Whether a script for an empty database follows one beside or above it that creates the table, or adds to it."""

    def is_numbered(path: str) -> bool:
        return re.search(r"\d", path.rpartition("/")[2]) is not None

    stem = source.path[: -len(".sql")]
    if any(
        name in other.script.made and stem.startswith(f"{other.path[: -len('.sql')]}_")
        for other in folders.beside(source)
    ):
        return True  # a part of the schema that the other file begins
    if is_numbered(source.path):
        is_part = _PART.search(source.path) is not None
        return is_part and any(
            name in other.script.made and _PART.search(other.path) for other in folders.beside(source)
        )
    around = folders.beside(source) if source.is_step else folders.near(source)
    return any(name in other.script.made and not is_numbered(other.path) for other in around)


def _is_built_under_lock(source: Source, start: int, table: str) -> bool:
    """Whether an index takes the place of the one that the file drops, may stand already, or its table is written anyway.

    Args:
        source: the text.
        start: where the index is created.
        table: its table.
    """
    if source.speaks_of_sqlite:
        return True
    first, last = source.statement(start)
    if source.is_step and source.writes and _BUILT_BEFORE.search(source.code, first, last):
        return True  # a step that needs its transaction, and passes over the index that was built before
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
    return any(
        not re.search(r"\b(?:where|from)\b", statement, _I)
        for statement in source.of_table("update", table, start)
    )


def _is_key_empty(source: Source, start: int, end: int, table: str) -> bool:
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


def filled_anyway(source: Source, start: int, end: int) -> bool:
    """AIG212: MySQL fills the column with zero or nothing, a default is stored once, or the table is written anew or empty."""
    first, last = source.statement(start)
    statement = source.code[first:last]
    altered = re.search(rf"\balter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?({NAME})", statement, _I)
    return (
        (source.is_mysql and _DATED.match(source.code, start) is None)
        or re.search(r"\bdrop\s+column\b", statement, _I) is not None
        or _STABLE.search(source.code[start : min(end + 80, last)].split(",")[0]) is not None
        or (altered is not None and plain(altered[1]) in source.script.made)
    )


def seeds(source: Source, start: int, end: int) -> bool:
    """AIG217: the file fills a fresh database, or no key can conflict."""
    insert = _INSERT.search(source.code, start)
    if insert is None:
        return False
    name = plain(insert[1])
    statement = source.code[start : source.statement(start)[1]]
    numbered = query.before(source, start) + statement
    if _goes_on(source, start) or _VERSIONS.fullmatch(name):
        return True
    if name in source.script.emptied or re.search(r"\bnextval\b", numbered, _I) or _MOVED.search(source.path):
        return True
    asks = source.asks_in(*source.statement(start))
    if _is_put_again(source, start, name) or _is_asked_for(source, start, name):
        return True
    is_again = _AGAIN.search(source.code) is not None  # other rows of the file take a second run
    if not is_again and source.is_seed and (not asks or source.is_step or source.routine(start) >= 0):
        return True
    is_copy = source.routine(start) < 0 and _WHOLE_ROWS.match(source.code, start)
    if source.is_file and not asks and ((not is_again and source.is_migration) or is_copy):
        return True  # run once
    table = folders.table(source, name)
    if table is None:
        return False
    columns = {plain(column.strip()) for column in insert[2][1:-1].split(",")} if insert[2] else table.columns
    conflicts = [key for key in table.unique if key <= columns]
    numbered_by_it = table.generated - columns
    returned = _RETURNED.search(statement)
    if returned and all(key == columns for key in conflicts):
        return True  # DO NOTHING returns no row, and there is nothing to update
    if not conflicts or not numbered_by_it:
        return not conflicts
    # who asks for the number that the database gives wants a new row: another's must neither be kept nor overwritten
    names = set() if returned is None else {plain(name) for name in _RETURNED_NAME.findall(returned[1])}
    return bool(names & {*numbered_by_it, "*"})


def _goes_on(source: Source, start: int) -> bool:
    """Whether psql was told to go on after an error, such as that a row is there already."""
    if "ON_ERROR_STOP" not in source.text:
        return False
    told = list(_ON_ERROR.finditer(source.text, 0, start))
    return bool(told) and (told[-1][1] == "unset" or told[-1][2].lower() in ("0", "off", "false"))


def _is_put_again(source: Source, start: int, table: str) -> bool:
    """Whether the statement before deletes the rows with a text that the INSERT writes.

    Args:
        source: the text.
        start: where the INSERT stands.
        table: its table.
    """
    first, last = source.statement(start)
    begin, until = source.statement(max(first - 1, 0))
    deleted = _DELETED_BY.match(source.code, begin, until) if first else None
    if deleted is None or plain(deleted[1]) != table:
        return False
    texts = {text for text in _STRING.findall(source.text[deleted.end() : until]) if len(text) > 2}
    return bool(texts) and texts <= set(_STRING.findall(source.text[start:last]))


def _is_asked_for(source: Source, start: int, table: str) -> bool:
    """Whether the function looks first whether the row is there.

    Args:
        source: the text.
        start: where the INSERT stands.
        table: its table.
    """
    routine = source.routine(start)
    if routine < 0:
        return False
    body = source.code[routine:start]
    read = [match.end() for match in READS.finditer(body) if plain(match[1]) == table]
    return bool(read) and re.search(r"\bif\s+(?:not\s+)?found\b", body[read[-1] :], _I) is not None
