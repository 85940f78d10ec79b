"""Which queries of a loop one query for all items could replace, and which by their nature ask for one."""

from __future__ import annotations

import ast
import functools
import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from flake8_aiguard.index import COMPREHENSIONS, TRIES, Loop
from flake8_aiguard.loops import Place, Variable, contains, iterables
from flake8_aiguard.module import Module
from flake8_aiguard.queries import READS, WRITES, Queries, Query, known
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import (
    argument,
    dotted,
    last_name,
    names_in,
    own_nodes,
    root,
    start_of,
    string,
    text_parts,
    words,
)

# A hole after these is the name of a table or column: each item then has a statement of its own.
_BEFORE_A_NAME: Final = regex(
    r"(?:\b(?:FROM|JOIN|INTO|UPDATE|TABLE|SELECT|DISTINCT|BY|AS|USING|ON|WHERE|AND|OR|SET|ONLY)\s+|[.`\"\[\w]"
    r"|\b(?!IN\b|VALUES\b)\w+\s*\(|\b(?:SELECT|BY)\b[^()]*,\s*)$",
    re.IGNORECASE,
)
_MANY: Final = regex(
    r"\bIN\s*(?:\(\s*(?:\0|%s|%\(\w+\)s|:\w+|\?)\s*\)|%s|%\(\w+\)s|:\w+|\?|\0)|\bANY\s*\(|\bOFFSET\b|\bI?LIKE\s+[%:?$\0]",
    re.IGNORECASE,
)
# Locks, sequences, catalogues: what is asked is not the rows of a table.
_NO_LOOKUP: Final = regex(
    r"\bFOR\s+UPDATE\b|\bRETURNING\b|\bnextval\b|\bpg_\w+|\binformation_schema\b|\bsqlite_master\b|\bmysql\.\w"
    r"|\bORDER\s+BY\b.*\bLIMIT\b",
    re.IGNORECASE | re.DOTALL,
)
_CALL_ONLY: Final = regex(r"\s*SELECT\b", re.IGNORECASE)
_FROM: Final = regex(r"\bFROM\b", re.IGNORECASE)
MAKERS: Final = frozenset(("add", "create", "ensure", "generate", "insert", "make", "new", "register"))
_TABLES: Final = ("Table", "aliased", "get_model", "table")
_LOCKS: Final = ("select_for_update", "with_for_update")
ORDERINGS: Final = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_RANGES: Final = ("__gt", "__gte", "__lt", "__lte", "__range")
_PAGE_PARAMETER: Final = regex(r"(?:page|offset|start|skip|cursor|from)\w*=$", re.IGNORECASE)
_PATTERN_LOOKUP: Final = regex(r"__i?(?:contains|startswith|endswith|regex)$|__search$")
BATCHES: Final = regex(r"(?:^|_)(?:i?chunk|batch|slice|grouper|paginat)", re.IGNORECASE)
_CURSOR: Final = regex(r"cur(?:s|sor)?$", re.IGNORECASE)
_KEYS: Final = frozenset(("id", "pk"))
_COUNTS: Final = ("acount", "aggregate", "aaggregate", "count")
_LINKS: Final = 5  # assignments between the parts of a statement
_FEW: Final = 4  # statements of a loop that does nothing but write


class Batching:
    """The queries in the loops of one file, and what could take their place.

    Args:
        module: the file.
        queries: its queries.
    """

    def __init__(self, module: Module, queries: Queries) -> None:
        self._module = module
        self._queries = queries

    def arguments(self, query: Query) -> list[ast.expr]:
        """What a query is asked with; of a request, its URL and what it sends, not its timeout or headers."""
        if "url" not in query.row:
            return query.arguments
        url = self._url(query)
        sent = [item.value for item in query.call.keywords if item.arg in known("request")]
        return [*([] if url is None else [url]), *query.call.args[query.row["url"] + 1 :], *sent]

    def could_be_one(self, query: Query, place: Place) -> bool:
        """Whether one query could ask for all items.

        Args:
            query: a query in a loop, or in a function that the loop calls.
            place: the loop, whose variable the query depends on.

        Returns:
            False also where that cannot be known: another table, host or page each time, a key of several columns, a row
            that this turn has made, locked or changed.
        """
        loops = self._module.loops
        if query.receiver is not None and loops.dependents(query.receiver, place):
            return False  # a store for each item
        if self._is_member(place) or (self._queries.is_in_memory and self._queries.is_sqlite(query)):
            return False
        mentions = [
            name
            for value in self.arguments(query)
            for inner in (value, *loops.values(value, place))
            for name in loops.dependents(inner, place)
        ]
        if any(
            self._is_apart(name, query, place) or self._is_changed(name, place) or self._is_table(name, place)
            for name in mentions
        ):
            return False
        if any(self.knows_answer(value, query.top, place) for value in self.arguments(query)):
            return False  # the next page
        statement = self._queries.statement(query)  # ``insert(Table)`` makes no key
        keys = (value for value in self.arguments(query) if value is not statement)
        if any(self._is_made(value, place) for value in keys) or self._is_row_of_its_own(query, place):
            return False
        if self._is_walk(query, place) or self._is_typed_in(query, place) or self._reads_more(query, place):
            return False
        if self._is_partition(query, place) or self._is_after_write(query, place):
            return False
        if self._is_narrowed(query, place):
            return False
        if "url" in query.row:
            return not self._is_script and self._is_one_host(query, place)
        return self._is_one_statement(query, place)

    def _reads_more(self, query: Query, place: Place) -> bool:
        """Whether the loop, or the helper that makes the query, reads what only the answer for one item has."""
        key: str | None = query.row.get("unless_read")
        region = self._module.index.function(query.call) or place.loop
        return key is not None and any(string(item) == key for item in own_nodes(region))

    def _is_made(self, value: ast.expr, place: Place) -> bool:
        """Whether a key is of something that this turn of the loop has made."""
        return any(
            isinstance(item, ast.Call) and not MAKERS.isdisjoint(words(last_name(item.func) or ""))
            for inner in self._module.loops.values(value, place)
            for item in (inner, inner.value if isinstance(inner, ast.Await) else inner)
        )

    def _is_row_of_its_own(self, query: Query, place: Place) -> bool:
        """Whether a query locks its row, or asks for a range, which no list of keys replaces."""
        calls = [query.call]
        while isinstance(calls[-1].func, ast.Attribute) and isinstance(calls[-1].func.value, ast.Call):
            calls.append(calls[-1].func.value)
        named = {last_name(call.func) for call in (*calls, *query.chain, *self._built_by(query, place))}
        if not named.isdisjoint(_LOCKS):
            return True
        if {"limit", "order_by"} <= named:
            return True  # the latest for each
        if any(
            (item.arg or "").endswith(_RANGES) and self._module.loops.dependents(item.value, place)
            for call in calls
            for item in call.keywords
        ):
            return True
        return self._has_compound_key(query, place)

    def _built_by(self, query: Query, place: Place) -> list[ast.Call]:
        """The calls in the statement that a query is given."""
        statement = self._queries.statement(query)
        values = [] if statement is None else self._module.loops.values(statement, place)
        return [item for value in values for item in ast.walk(value) if isinstance(item, ast.Call)]

    def _has_compound_key(self, query: Query, place: Place) -> bool:
        """Whether an item gives two or more columns, or a bound of a range, of which no list can be made."""
        loops = self._module.loops
        constants = [item.value for call in (query.call, *query.chain) for item in call.keywords]
        pairs: list[tuple[str, ast.expr]] = []
        for value in query.arguments:
            for part in loops.values(value, place):
                for item in () if value in constants else ast.walk(part):
                    if isinstance(item, ast.Compare) and len(item.ops) == 1:
                        if isinstance(item.ops[0], ORDERINGS) and loops.dependents(item, place):
                            return True
                        if isinstance(item.ops[0], ast.Eq):
                            pairs += ((ast.dump(side), side) for side in (item.left, item.comparators[0]))
                    elif isinstance(item, ast.Call) and last_name(item.func) == "filter_by":
                        pairs += ((key.arg, key.value) for key in item.keywords if key.arg is not None)
        if query.row["kind"] == "orm":
            pairs += (
                (key.arg, key.value)
                for call in (query.call, *query.chain)
                for key in call.keywords
                if key.arg is not None
            )
        return len({key for key, value in pairs if loops.dependents(value, place)}) > 1

    def _is_changed(self, name: ast.Name, place: Place) -> bool:
        """Whether the loop stores what a name stands for: nothing could have been asked about it before."""
        for call in self._module.index.calls_named(("save",)):
            stored = call.func.value if isinstance(call.func, ast.Attribute) else None
            if isinstance(stored, ast.Name) and stored.id == name.id and contains(place.loop, call):
                return start_of(stored) < start_of(name)
        return False

    def _is_table(self, name: ast.Name, place: Place) -> bool:
        """Whether a name stands for a table that this turn has looked up: another statement for each."""
        return any(
            isinstance(value, ast.Call) and last_name(value.func) in _TABLES
            for value in self._module.loops.values(name, place)
        )

    def _is_walk(self, query: Query, place: Place) -> bool:
        """Whether a ``while`` around the call goes on to the next node or page by an argument of it."""
        loops = self._module.loops
        for outer in self._module.index.outwards(query.top, place.loop):
            if isinstance(outer, ast.While):
                steps = {
                    loops.variable(name) for name in names_in(outer.test) if isinstance(name.ctx, ast.Load)
                }
                for value in self.arguments(query):
                    for inner in (value, *loops.values(value, place)):
                        for name in names_in(inner):
                            variable = loops.variable(name)
                            if variable is not None and variable in steps and loops.writes(variable, outer):
                                return True
        return False

    def _is_typed_in(self, query: Query, place: Place) -> bool:
        """Whether each item is a form that a person has filled in: there are few."""
        return self._module.says("cleaned_data") and any(
            isinstance(item, ast.Attribute) and item.attr == "cleaned_data"
            for value in self.arguments(query)
            if self._module.loops.dependents(value, place)
            for inner in self._module.loops.behind(value, place.loop)
            for item in ast.walk(inner)
        )

    def _is_member(self, place: Place) -> bool:
        """Whether each item is a member of an enumeration: only its ``value`` and ``name`` are taken. There are few."""
        for variable in place.targets:
            taken = set()
            for attribute in self._taken(variable, place.loop):
                taken.add(attribute)
                if attribute not in ("value", "name"):
                    break  # loops may stand in one another: no look at all uses in each
            if "value" in taken and taken <= {"value", "name"}:
                return True
        return False

    def _taken(self, variable: Variable, loop: Loop) -> Iterator[str | None]:
        """What a loop takes of a variable, attribute by attribute; ``None`` where the value itself is used."""
        uses = self._module.scopes.uses(*variable)
        first = bisect_left(uses, loop.lineno, key=lambda use: use.lineno)
        for use in map(uses.__getitem__, range(first, len(uses))):
            if use.lineno > (loop.end_lineno or 0):
                break
            if contains(loop, use):
                yield getattr(self._module.index.parent(use), "attr", None)

    def _is_partition(self, query: Query, place: Place) -> bool:
        """Whether the items are the groups of the very rows that are asked for: each is worked on by itself."""
        stores = {dotted(_start(query.top)), None if query.receiver is None else dotted(query.receiver)} - {
            None
        }
        return any(
            isinstance(item, ast.Call)
            and last_name(item.func) in ("distinct", "values", "values_list")
            and dotted(_start(item)) in stores
            and (last_name(item.func) == "distinct" or self._is_in_set(item))
            for iterable in iterables(place.loop)
            for value in self._module.loops.values(iterable, place)
            for item in ast.walk(value)
        )

    def _is_in_set(self, node: ast.expr) -> bool:
        parent = self._module.index.parent(node)
        return isinstance(parent, ast.Call) and self._module.qualname(parent.func) == "builtins.set"

    def _is_after_write(self, query: Query, place: Place) -> bool:
        """Whether this turn of the loop has changed the table before: what it says then could not be asked earlier."""
        store = dotted(query.receiver) if query.receiver is not None else None
        position = start_of(query.call)
        return (
            store is not None
            and "." in store
            and any(
                isinstance(item, ast.Call)
                and last_name(item.func) in known("act") | {"update"}
                and (item.end_lineno or 0, item.end_col_offset or 0) <= position
                and isinstance(item.func, ast.Attribute)
                and (dotted(_start(item)) == store or self._is_row_of(item.func.value, store, place))
                for item in own_nodes(place.called or place.loop)
            )
        )

    def _is_row_of(self, node: ast.expr, store: str, place: Place) -> bool:
        """Whether a name is that of the item in a loop over rows of a table."""
        return (
            isinstance(node, ast.Name)
            and self._module.loops.variable(node) in place.targets
            and any(
                isinstance(value, ast.Call) and dotted(_start(value)) == store
                for iterable in iterables(place.loop)
                for value in self._module.loops.values(iterable, place)
            )
        )

    def _is_narrowed(self, query: Query, place: Place) -> bool:
        """Whether the item adds conditions to the query further down: ``rows = rows.filter(kind=item.kind)``."""
        statement = self._module.index.statement(query.top)
        name = statement.targets[0] if isinstance(statement, ast.Assign) else None
        if not isinstance(name, ast.Name) or query.row["kind"] != "orm":
            return False
        return any(
            isinstance(item, ast.Assign)
            and item.lineno > statement.lineno
            and isinstance(item.targets[0], ast.Name)
            and item.targets[0].id == name.id
            and isinstance(item.value, ast.Call)
            and last_name(item.value.func) in ("exclude", "filter", "filter_by", "where")
            and isinstance(start := _start(item.value), ast.Name)
            and start.id == name.id
            and any(
                self._module.loops.dependents(value, place)
                for value in (*item.value.args, *(key.value for key in item.value.keywords))
            )
            for item in own_nodes(place.called or place.loop)
        )

    @functools.cached_property
    def _is_script(self) -> bool:
        """Whether the file runs by itself, once: whoever starts it waits."""
        return any(
            isinstance(item.left, ast.Name) and item.left.id == "__name__"
            for item in self._module.index.nodes(ast.Compare)
        )

    def _is_apart(self, name: ast.Name, query: Query, place: Place) -> bool:
        """Whether a name that depends on the item stands for a table, a column, a page or a whole batch."""
        index, loops = self._module.index, self._module.loops
        counts = _counts(place.loop) and place.called is None
        child: ast.AST = name
        is_whole = not isinstance(index.parent(name), (ast.Attribute, ast.Subscript))
        if is_whole and BATCHES.search(name.id):
            return True
        for parent in index.ancestors(name):
            if isinstance(parent, ast.Slice):
                return True
            if isinstance(parent, ast.Subscript) and child is parent.slice and loops.is_small(parent.value):
                return True  # a constant maps the items to few values
            if isinstance(parent, ast.keyword):
                if parent.arg is None:
                    pass
                elif (
                    (
                        parent.arg.endswith("__in")
                        or _PATTERN_LOOKUP.search(parent.arg)
                        or parent.arg in query.row.get("store", ())
                    )
                    or counts
                    and parent.arg in known("page")
                ):
                    return True
            elif isinstance(parent, ast.Dict):
                if child in parent.keys and query.row["kind"] == "orm":
                    return True
                if (
                    counts
                    and child in parent.values
                    and string(parent.keys[parent.values.index(child)]) in known("page")
                ):
                    return True
            elif isinstance(parent, ast.Call) and child is not parent.func:
                called = self._queries.word(parent.func)
                if called in known("operator") | known("name") | known("paging") or (
                    called in known("entity") and child in parent.args and is_whole
                ):
                    return True
            if isinstance(parent, ast.stmt) or parent is query.top:
                return False
            child = parent
        return False

    def _is_one_statement(self, query: Query, place: Place) -> bool:
        loops, statement = self._module.loops, self._queries.statement(query)
        if statement is None:
            return True
        if self._queries.is_sqlite(query) and self._has_two_parameters(query, statement, place):
            return False  # no list can be made of them, and asking costs no round trip
        writes = False
        for value in loops.values(statement, place):
            verb = self._queries.verb(value)
            writes = writes or verb in WRITES
            parts = self._queries.parts(value)
            if parts is not None:
                if (verb is not None and verb not in READS | WRITES) or not self._is_one_text(parts, place):
                    return False
            elif _is_filled_in(value) and loops.dependents(value, place):
                return False  # a template behind a name: the item may stand for a table
            elif not self._is_one_construct(value, place):
                return False
        return not writes or self._only_writes(query, place)

    def _has_two_parameters(self, query: Query, statement: ast.expr, place: Place) -> bool:
        """Whether a SELECT takes two parameters that depend on the item."""
        if self._queries.verb(statement) != "SELECT":
            return False
        given = argument(query.call, "parameters", query.row.get("statement", 0) + 1)
        parts = given.elts if isinstance(given, (ast.Tuple, ast.List)) else []
        return sum(bool(self._module.loops.dependents(item, place)) for item in parts) > 1

    def _is_one_construct(self, value: ast.expr, place: Place, links: int = _LINKS) -> bool:
        """Whether an SQLAlchemy statement is for the same table each time; how another value is built is not seen."""
        loops, start = self._module.loops, root(value)
        if self._queries.verb(value) is not None:
            return not (isinstance(start, ast.Name) and loops.dependents(start, place))
        if not loops.dependents(value, place):
            return True
        if not isinstance(start, ast.Name) or start is value or not links:
            return False
        behind = [item for item in loops.values(start, place) if root(item) is not start]
        built = [item for item in behind if self._queries.verb(item) is not None]
        return bool(built) and all(self._is_one_construct(item, place, links - 1) for item in built)

    def _is_one_text(self, parts: list[str | ast.expr], place: Place) -> bool:
        before = ""
        for part in parts:
            if isinstance(part, str):
                before += part
                continue
            is_name = not before or (before.count("'") % 2 == 0 and _BEFORE_A_NAME.search(before))
            if is_name and self._module.loops.dependents(part, place):
                return False
            before += "\0"
        if _CALL_ONLY.match(before) and not _FROM.search(before):
            return False  # asks a function of the database, not a table
        return not _MANY.search(before) and not _NO_LOOKUP.search(before)

    def _only_writes(self, query: Query, place: Place) -> bool:
        """Whether all that the loop does is to write, and nobody looks after each write: its key, count or failure."""
        loop = place.loop
        if isinstance(loop, COMPREHENSIONS) or _counts(loop):
            return not _counts(loop)
        if any(
            isinstance(item, (ast.If, ast.Match, *TRIES))
            for item in self._module.index.outwards(query.top, loop)
        ):
            return False
        return len(loop.body) <= _FEW and not any(
            (isinstance(item, ast.Attribute) and item.attr in known("outcome"))
            or (
                isinstance(item, ast.Call)
                and item is not query.call
                and last_name(item.func) == last_name(query.call.func)
            )
            for item in own_nodes(loop)
        )

    def _url(self, query: Query) -> ast.expr | None:
        url = argument(query.call, query.row["url_keyword"], query.row["url"])
        if isinstance(url, ast.Call) and self._module.qualname(url.func) == "urllib.request.Request":
            writes = argument(url, "data", 1) is not None or argument(url, "method") is not None
            return None if writes else argument(url, "url", 0)
        return url

    def _is_one_host(self, query: Query, place: Place) -> bool:
        loops, url = self._module.loops, self._url(query)
        if url is None:
            return False
        for value in loops.values(url, place):
            if not loops.dependents(value, place):
                continue
            parts = text_parts(value)
            if parts is None:
                if not isinstance(value, ast.BinOp) or loops.dependents(_leftmost(value), place):
                    return False
                continue
            before = ""
            for part in parts:
                if isinstance(part, str):
                    before += part
                elif loops.dependents(part, place):
                    host = before.partition("://")[2] if "://" in before else before
                    if not before or ("://" in before and not re.search(r"[/?]", host)):
                        return False
                    if _counts(place.loop) and _PAGE_PARAMETER.search(before):
                        return False
                else:
                    before += "\0/"
        return not self._waits(place.loop)

    def _waits(self, loop: Loop) -> bool:
        """Whether the loop sleeps: it spreads its requests on purpose."""
        return any(contains(loop, call) for call in self._module.index.calls_named(("sleep", "throttle")))

    def is_sqlite(self, query: Query) -> bool:
        """Whether a query is a statement of SQLite, or its parameters are written as sqlite3 has them."""
        if self._queries.is_sqlite(query):
            return True
        statement = self._queries.statement(query)
        parts = None if statement is None else self._queries.parts(statement)
        return any("?" in part for part in parts or () if isinstance(part, str))

    def writes(self, query: Query, place: Place) -> bool:
        """Whether the SQL of a query changes rows."""
        statement = self._queries.statement(query)
        return statement is not None and any(
            self._queries.verb(value) in WRITES for value in self._module.loops.values(statement, place)
        )

    def _begins_to_write(self, query: Query) -> bool:
        """Whether a statement that is put together step by step begins as a write: ``begin + rest``, ``begin += ...``."""
        value = self._queries.statement(query)
        for _ in range(_LINKS):
            if isinstance(value, ast.Call) and value.args:
                value = value.args[0]  # text(...)
            elif isinstance(value, ast.BinOp):
                value = _leftmost(value)
            elif isinstance(value, ast.Name):
                resolved = self._module.scopes.resolve(value)
                value = min(
                    (item.value for item in (resolved[1] if resolved else ()) if item.value is not None),
                    key=lambda item: item.lineno,
                    default=None,
                )
            else:
                break
        return value is not None and self._queries.verb(value) in WRITES

    def knows_answer(self, value: ast.expr, node: ast.expr, place: Place) -> bool:
        """Whether a value is computed from the answer to a query, or from what the same cursor fetched."""
        answers: list[ast.AST] = [node]
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "execute"
        ):
            cursor = dotted(node.func.value)
            answers += [
                item
                for item in own_nodes(place.called or place.loop)
                if isinstance(item, ast.Call)
                and isinstance(item.func, ast.Attribute)
                and item.func.attr.startswith("fetch")
                and dotted(item.func.value) == cursor
            ]
            for item in own_nodes(place.called or place.loop):
                if isinstance(item, (ast.For, ast.AsyncFor, ast.comprehension)):
                    answers += [item.iter] if dotted(item.iter) == cursor else []
                elif isinstance(item, ast.Call) and cursor is not None and _CURSOR.search(cursor):
                    answers += [given for given in item.args if dotted(given) == cursor]
        return any(self._module.loops.comes_from(value, answer, place) for answer in answers) or any(
            contains(value, answer) for answer in answers[1:]
        )

    def advice(self, query: Query, place: Place) -> str:
        """What to use in the place of the queries, as the end of a message."""
        if self.writes(query, place) or self._begins_to_write(query):
            if "batch_write" in query.row:
                return str(query.row["batch_write"])
            if self.is_sqlite(query):
                return "executemany()"
            return "one set-based statement for all of them"
        batch: str = query.row["batch"]
        if "batch_by_field" not in query.row:
            return batch
        fields = [
            (item.arg or "").removesuffix("__exact")
            for call in (query.call, *query.chain)
            for item in call.keywords
            if self._module.loops.dependents(item.value, place)
        ]
        if len(fields) != 1 or not fields[0] or fields[0].endswith("__iexact"):
            return "one query for all of them"
        (field,) = fields
        method = last_name(query.call.func)
        if method in _COUNTS:
            return f'one query with filter({field}__in=...), values("{field}") and annotate()'
        if method in ("aexists", "exists"):
            return f'one query with filter({field}__in=...) and values_list("{field}", flat=True)'
        by_field: str = query.row["batch_by_field"]
        return batch if field in _KEYS else by_field.replace("{field}", field)


def _start(call: ast.Call) -> ast.expr:
    """What a chain of calls starts from: ``Order.objects`` of ``Order.objects.filter(...).update(...)``."""
    node: ast.expr = call
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    return node


def _counts(loop: Loop) -> bool:
    """Whether the variable of a loop is a number."""
    return any(
        isinstance(item, ast.Call) and last_name(item.func) in ("range", "count") for item in iterables(loop)
    )


def _is_filled_in(node: ast.expr) -> bool:
    """Whether a text is made by ``template.format(...)`` or ``template % ...``."""
    if isinstance(node, ast.Call):
        return last_name(node.func) == "format"
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod)


def _leftmost(node: ast.expr) -> ast.expr:
    while isinstance(node, ast.BinOp):
        node = node.left
    return node
