"""AIG025: one query or request for each item of a loop."""

from __future__ import annotations

import ast
import bisect
import functools
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.index import COMPREHENSIONS, FUNCTIONS, TRIES, Function, Loop
from flake8_aiguard.loops import Place, Variable, contains
from flake8_aiguard.queries import READS, WRITES, Queries, Query, shown
from flake8_aiguard.shapes import (
    argument,
    dotted,
    hides_arguments,
    is_none,
    names_in,
    parameters,
    root,
    string,
    text_parts,
)

_LOOPS: Final[tuple[type[ast.AST], ...]] = (ast.For, ast.AsyncFor, ast.While, *COMPREHENSIONS)
_TEST_CODE: Final = ("test/", "testing/", "testing.py")
_Helper = ast.FunctionDef | ast.AsyncFunctionDef

# A hole after these is the name of a table or column: each item then has a statement of its own.
_BEFORE_A_NAME: Final = re.compile(
    r"(?:\b(?:FROM|JOIN|INTO|UPDATE|TABLE|SELECT|DISTINCT|BY|AS|USING|ON|WHERE|AND|OR|SET|ONLY)\s+|[.`\"\[\w]"
    r"|\b(?!IN\b|VALUES\b)\w+\s*\(|\b(?:SELECT|BY)\b[^()]*,\s*)$",
    re.IGNORECASE,
)
_MANY: Final = re.compile(
    r"\bIN\s*(?:\(\s*(?:\0|%s|%\(\w+\)s|:\w+|\?)\s*\)|%s|%\(\w+\)s|:\w+|\?|\0)|\bANY\s*\(|\bOFFSET\b|\bI?LIKE\s+[%:?$\0]",
    re.IGNORECASE,
)
# Locks, sequences, catalogues: what is asked is not the rows of a table.
_NO_LOOKUP: Final = re.compile(
    r"\bFOR\s+UPDATE\b|\bRETURNING\b|\bnextval\b|\bpg_\w+|\binformation_schema\b|\bsqlite_master\b|\bmysql\.\w"
    r"|\bORDER\s+BY\b.*\bLIMIT\b",
    re.IGNORECASE | re.DOTALL,
)
_CALL_ONLY: Final = re.compile(r"\s*SELECT\b", re.IGNORECASE)
_FROM: Final = re.compile(r"\bFROM\b", re.IGNORECASE)
_MAKERS: Final = frozenset(("add", "create", "ensure", "generate", "insert", "make", "new", "register"))
_LOCKS: Final = ("select_for_update", "with_for_update")
_ORDERINGS: Final = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_RANGES: Final = ("__gt", "__gte", "__lt", "__lte", "__range")
_PAGE_PARAMETER: Final = re.compile(r"(?:page|offset|start|skip|cursor|from)\w*=$", re.IGNORECASE)
_PATTERN_LOOKUP: Final = re.compile(r"__i?(?:contains|startswith|endswith|regex)$|__search$")
_BATCHES: Final = re.compile(r"(?:^|_)(?:i?chunk|batch|slice|grouper|paginat)", re.IGNORECASE)
_SPECIAL: Final = re.compile(r"cache|memo|task|remote|flow|loader", re.IGNORECASE)
_ASYNC: Final = re.compile(r"async|aio|^databases\.", re.IGNORECASE)
# What makes each turn a unit of its own.
_UNITS: Final = re.compile(r"atomic|begin|lock|mutex|savepoint|transaction", re.IGNORECASE)
_GROWING: Final = ("add", "append", "appendleft", "extend", "put", "update")
_KEYS: Final = frozenset(("id", "pk"))
_COUNTS: Final = ("acount", "aggregate", "aaggregate", "count")
_LOOKUP: Final = 15  # statements of a function that looks something up
_LINKS: Final = 5  # assignments between the parts of a statement
_FEW: Final = 4  # statements of a loop that does nothing but write


class QueryInLoop(Checker):
    """Query or HTTP read for each item of a loop, where one for all of them would do.

    Why: each turn waits for a round trip. Ten rows in the test database take ten milliseconds; ten thousand in
    production are a request that times out and a database that answers the same question ten thousand times.

    Bad::

        def names(session, orders):
            found = []
            for order in orders:
                user = session.get(User, order.user_id)
                found.append(user.name)
            return found

    Good::

        from sqlalchemy import select

        def names(session, orders):
            wanted = {order.user_id for order in orders}
            users = session.scalars(select(User).where(User.id.in_(wanted)))
            by_id = {user.id: user for user in users}
            return [by_id[order.user_id].name for order in orders]

    Limits: a receiver counts by its type, or by a name such as ``cursor``, ``session`` or ``Model.objects`` together
    with what the call shows. Follows one call to a function or method of the same file. Of writes, reports SQL
    statements and ``commit()``. Silent on few, fixed items, forms, attempts, pages, batches and streams; on statements that
    differ in their tables or columns; on compound keys and bounds of ranges (of an ORM), of which no list can be made; on URLs
    whose host may differ, and all URLs in a script; on lookups behind a dict or a cache, or in place of a value that is not
    there; where the loop ends at the first match, when enough is found or after the query, adds to what it goes over, or yields the
    answers; in one branch of several operations, after another answer about the item, after a write to the same table, and
    for groups of the same rows; in loops in an ``except`` clause; below an ``if`` that
    asks for the same item, which is reported; on databases in this process (duckdb); on calls that run concurrently; and
    in migrations, seeds, repairs and helpers of tests.
    """

    code = "AIG025"
    slug = "query-in-loop"
    since = "0.1.0"
    severity = "warning"
    message = "{call} makes one round trip for each {item}; use {batch} instead"
    in_tests = False
    ruff = "Ruff has nothing for this pattern."

    def __init__(self, tree: ast.Module, filename: str, lines: Sequence[str]) -> None:
        super().__init__(tree, filename, lines)
        self._queries = Queries(self.module)
        self._candidates: defaultdict[Function, list[ast.Call]] = defaultdict(list)
        self._helpers: dict[_Helper, list[Query]] = {}
        self._reported: set[ast.expr] = set()
        self._places: dict[Loop, Place] = {}
        self._asking: set[ast.stmt] = set()  # the ifs whose test makes a reported query

    def call_names(self) -> Collection[str]:
        if not any(map(self.module.index.nodes, _LOOPS)):
            return ()
        return self._queries.names() | {"commit"}

    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        is_commit = isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
        if not is_commit and not self._queries.may_be(node):
            return
        function = self.module.index.function(node)
        if function is not None:
            self._candidates[function].append(node)
        if next(self.module.index.loops(node), None) is None:
            return
        if self._is_one_off_file or self._is_one_off(function):
            return
        if is_commit:
            yield from self._commit(node)
        elif (query := self._query(node)) is not None:
            yield from self._direct(query)

    def finish(self) -> Iterator[Finding]:
        """Calls in loops, of functions in this file that make a query with one of their parameters."""
        if not self._candidates or self._is_one_off_file:
            return
        names = {function.name for function in self._candidates if isinstance(function, _Helper)}
        for call in self.module.index.calls_named(names):
            if (call.args or call.keywords) and next(self.module.index.loops(call), None) is not None:
                helper = self.module.receivers.definition(call.func)
                if isinstance(helper, _Helper) and self._lookups(helper):
                    yield from self._one_call_away(call, helper)

    def _lookups(self, helper: _Helper) -> list[Query]:
        """The queries of a function that looks something up and does little else."""
        if helper not in self._helpers:
            found = [
                query
                for call in self._candidates.get(helper, ())
                if (query := self._query(call)) is not None and not self._is_conditional(call, helper)
            ]
            self._helpers[helper] = found if found and self._is_lookup(helper) else []
        return self._helpers[helper]

    def _is_conditional(self, call: ast.Call, helper: _Helper) -> bool:
        """Whether a helper makes its query only now and then: under a condition, in a loop, after an error."""
        return any(
            isinstance(outer, (ast.If, ast.IfExp, ast.Match, ast.ExceptHandler))
            for outer in self._outwards(call, helper)
        )

    def _query(self, call: ast.Call) -> Query | None:
        query = self._queries.of(call)
        return None if query is None or query.row["effect"] == "write" else query

    # -- the three findings

    def _direct(self, query: Query) -> Iterator[Finding]:
        if query.top in self._reported:
            return
        for loop in self.module.index.loops(query.call):
            place = self._place(loop)
            if not self._asks_for_each(query, place):
                continue
            if not self._could_be_one(query, place) or self._is_meant(query.top, place):
                return
            node = next((call for call in query.bound if contains(loop, call)), query.top)
            if node not in self._reported:
                self._reported |= {node, query.top}
                if isinstance(statement := self.module.index.statement(node), ast.If):
                    self._asking.add(statement)
                yield from self.found(
                    node,
                    call=shown(node),
                    item=self._item(query.arguments, place),
                    batch=self._batch(query, place),
                )
            return

    def _one_call_away(self, call: ast.Call, helper: _Helper) -> Iterator[Finding]:
        index = self.module.index
        if index.function(call) is helper or hides_arguments(call):
            return  # a function that calls itself goes down a tree
        for loop in index.loops(call):
            around = self._place(loop)
            given = self._given(call, helper)
            if not any(self.module.loops.dependents(value, around) for value in given.values()):
                continue
            if self._is_meant(call, around) or self._is_one_off(index.function(call)):
                return
            place = Place(around.loop, around.targets, given, helper)
            for query in self._lookups(helper):
                if (
                    query.top not in self._reported
                    and self._asks_for_each(query, place)
                    and not self._is_remembered(query.top, helper, place)
                    and self._could_be_one(query, place)
                    and not self._writes(query, place)
                ):
                    yield from self.found(
                        call,
                        message="{call} makes one round trip for each {item}, by {query}; use {batch} instead",
                        call=shown(call),
                        query=shown(query.top),
                        item=self._item(list(given.values()), around),
                        batch=self._batch(query, place),
                    )
                    return
            return

    def _commit(self, node: ast.Call) -> Iterator[Finding]:
        index, loops = self.module.index, self.module.loops
        assert isinstance(node.func, ast.Attribute)
        receiver = node.func.value
        loop = next(index.loops(node), None)
        if not isinstance(loop, (ast.For, ast.AsyncFor)) or not self._ends_transaction(node, receiver):
            return
        place = self._place(loop)
        inside = list(_walk(loop))
        if self._is_meant(node, place) or any(
            isinstance(item, (ast.If, ast.Match)) for item in self._outwards(node, loop)
        ):
            return
        variable = loops.variable(receiver) if isinstance(receiver, ast.Name) else None
        if variable is not None and loops.writes(variable, loop):
            return  # a session for each item is a unit of work of its own
        if any(isinstance(item, (*TRIES, ast.For, ast.AsyncFor, ast.While)) for item in inside) or not any(
            self._saves(item, place) for item in inside
        ):
            return
        yield from self.found(
            node,
            message="{call} ends a transaction for each {item}; commit once after the loop, or once for each batch",
            call=shown(node),
            item=_item(place),
        )

    def _ends_transaction(self, node: ast.Call, receiver: ast.expr) -> bool:
        if self.module.called(node) in knowledge.by_call("queries.commit"):
            return True
        last = (dotted(receiver) or "").rpartition(".")[2].strip("_")
        return self.module.type_of(receiver) is None and any(
            last in row.get("names", ()) for row in knowledge.rows("queries.commit")
        )

    def _saves(self, node: ast.AST, place: Place) -> bool:
        """Whether a node writes what depends on the item."""
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
            return bool(self.module.loops.dependents(node.targets[0].value, place))
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in _known("save")
        ):
            return any(self.module.loops.dependents(value, place) for value in node.args)
        return False

    # -- does each item ask?

    def _place(self, loop: Loop) -> Place:
        if loop not in self._places:
            place = self.module.loops.place(loop)
            if any(map(self.module.loops.is_small, _iterables(loop))):
                place = Place(loop, frozenset())  # few, fixed items
            self._places[loop] = place
        return self._places[loop]

    def _given(self, call: ast.Call, helper: _Helper) -> dict[Variable, ast.expr]:
        """The arguments of a call by the parameters of the function."""
        positional = [*helper.args.posonlyargs, *helper.args.args]
        bound = self.module.index.class_of(helper) is not None and not any(
            dotted(item) == "staticmethod" for item in helper.decorator_list
        )
        given = dict(zip((item.arg for item in positional[bound:]), call.args, strict=False))
        known = {item.arg for item in parameters(helper)}
        given |= {item.arg: item.value for item in call.keywords if item.arg in known}
        return {(helper, name): value for name, value in given.items()}

    def _asks_for_each(self, query: Query, place: Place) -> bool:
        return bool(place.targets) and any(
            self.module.loops.dependents(value, place) for value in self._arguments(query)
        )

    def _arguments(self, query: Query) -> list[ast.expr]:
        if "url" not in query.row:
            return query.arguments
        url = self._url(query)
        sent = [item.value for item in query.call.keywords if item.arg in _known("request")]
        return [*([] if url is None else [url]), *query.call.args[query.row["url"] + 1 :], *sent]

    # -- could one query do?

    def _could_be_one(self, query: Query, place: Place) -> bool:
        loops = self.module.loops
        if query.receiver is not None and loops.dependents(query.receiver, place):
            return False  # a store for each item
        mentions = [
            name
            for value in self._arguments(query)
            for inner in (value, *loops.values(value, place))
            for name in loops.dependents(inner, place)
        ]
        if any(self._is_apart(name, query, place) or self._is_changed(name, place) for name in mentions):
            return False
        if any(self._knows_answer(value, query.top, place) for value in self._arguments(query)):
            return False  # the next page
        if any(self._is_made(value, place) for value in self._arguments(query)) or self._is_row_of_its_own(
            query, place
        ):
            return False
        if self._is_walk(query, place) or self._is_typed_in(query, place):
            return False
        if self._is_partition(query, place) or self._is_after_write(query, place):
            return False
        if "url" in query.row:
            return not self._is_script and self._is_one_host(query, place)
        return self._is_one_statement(query, place)

    def _is_made(self, value: ast.expr, place: Place) -> bool:
        """Whether a key is of something that this turn of the loop has made."""
        return any(
            isinstance(item, ast.Call) and not _MAKERS.isdisjoint(_words(_last(item.func)))
            for inner in self.module.loops.values(value, place)
            for item in (inner, inner.value if isinstance(inner, ast.Await) else inner)
        )

    def _is_row_of_its_own(self, query: Query, place: Place) -> bool:
        """Whether a query locks its row, or asks for a range, which no list of keys replaces."""
        calls = [query.call]
        while isinstance(calls[-1].func, ast.Attribute) and isinstance(calls[-1].func.value, ast.Call):
            calls.append(calls[-1].func.value)
        if any(_last(call.func) in _LOCKS for call in calls):
            return True
        if any(
            (item.arg or "").endswith(_RANGES) and self.module.loops.dependents(item.value, place)
            for call in calls
            for item in call.keywords
        ):
            return True
        return self._has_compound_key(query, place)

    def _has_compound_key(self, query: Query, place: Place) -> bool:
        """Whether an item gives two or more columns, or a bound of a range, of which no list can be made."""
        loops = self.module.loops
        constants = [item.value for call in (query.call, *query.chain) for item in call.keywords]
        pairs: list[tuple[str, ast.expr]] = []
        for value in query.arguments:
            for part in loops.values(value, place):
                for item in () if value in constants else ast.walk(part):
                    if isinstance(item, ast.Compare) and len(item.ops) == 1:
                        if isinstance(item.ops[0], _ORDERINGS) and loops.dependents(item, place):
                            return True
                        if isinstance(item.ops[0], ast.Eq):
                            pairs += ((ast.dump(side), side) for side in (item.left, item.comparators[0]))
                    elif isinstance(item, ast.Call) and _last(item.func) == "filter_by":
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
        for call in self.module.index.calls_named(("save",)):
            stored = call.func.value if isinstance(call.func, ast.Attribute) else None
            if isinstance(stored, ast.Name) and stored.id == name.id and contains(place.loop, call):
                return (stored.lineno, stored.col_offset) < (name.lineno, name.col_offset)
        return False

    def _is_walk(self, query: Query, place: Place) -> bool:
        """Whether a ``while`` around the call goes on to the next node or page by an argument of it."""
        loops = self.module.loops
        for outer in self._outwards(query.top, place.loop):
            if isinstance(outer, ast.While):
                steps = {
                    loops.variable(name) for name in names_in(outer.test) if isinstance(name.ctx, ast.Load)
                }
                for value in self._arguments(query):
                    for inner in (value, *loops.values(value, place)):
                        for name in names_in(inner):
                            variable = loops.variable(name)
                            if variable is not None and variable in steps and loops.writes(variable, outer):
                                return True
        return False

    def _is_typed_in(self, query: Query, place: Place) -> bool:
        """Whether each item is a form that a person has filled in: there are few."""
        return any(
            isinstance(item, ast.Attribute) and item.attr == "cleaned_data"
            for value in self._arguments(query)
            if self.module.loops.dependents(value, place)
            for inner in self.module.loops.behind(value, place.loop)
            for item in ast.walk(inner)
        )

    def _is_partition(self, query: Query, place: Place) -> bool:
        """Whether the items are the groups of the very rows that are asked for: each is worked on by itself."""
        stores = {dotted(_start(query.top)), None if query.receiver is None else dotted(query.receiver)} - {
            None
        }
        return any(
            isinstance(item, ast.Call) and _last(item.func) == "distinct" and dotted(_start(item)) in stores
            for iterable in _iterables(place.loop)
            for value in self.module.loops.values(iterable, place)
            for item in ast.walk(value)
        )

    def _is_after_write(self, query: Query, place: Place) -> bool:
        """Whether this turn of the loop has changed the table before: what it says then could not be asked earlier."""
        store = dotted(query.receiver) if query.receiver is not None else None
        position = (query.call.lineno, query.call.col_offset)
        return (
            store is not None
            and "." in store
            and any(
                isinstance(item, ast.Call)
                and _last(item.func) in _known("act") | {"update"}
                and (item.end_lineno or 0, item.end_col_offset or 0) <= position
                and isinstance(item.func, ast.Attribute)
                and dotted(_start(item)) == store
                for item in _walk(place.called or place.loop)
            )
        )

    @functools.cached_property
    def _is_script(self) -> bool:
        """Whether the file runs by itself, once: whoever starts it waits."""
        return any(
            isinstance(item.left, ast.Name) and item.left.id == "__name__"
            for item in self.module.index.nodes(ast.Compare)
        )

    def _is_apart(self, name: ast.Name, query: Query, place: Place) -> bool:
        """Whether a name that depends on the item stands for a table, a column, a page or a whole batch."""
        index, loops = self.module.index, self.module.loops
        counts = _counts(place.loop) and place.called is None
        child: ast.AST = name
        is_whole = not isinstance(index.parent(name), (ast.Attribute, ast.Subscript))
        if is_whole and _BATCHES.search(name.id):
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
                    and parent.arg in _known("page")
                ):
                    return True
            elif isinstance(parent, ast.Dict):
                if child in parent.keys and query.row["kind"] == "orm":
                    return True
                if (
                    counts
                    and child in parent.values
                    and string(parent.keys[parent.values.index(child)]) in _known("page")
                ):
                    return True
            elif isinstance(parent, ast.Call) and child is not parent.func:
                called = self._queries.word(parent.func)
                if called in _known("operator") | _known("name") | _known("paging") or (
                    called in _known("entity") and child in parent.args and is_whole
                ):
                    return True
            if isinstance(parent, ast.stmt) or parent is query.top:
                return False
            child = parent
        return False

    def _is_one_statement(self, query: Query, place: Place) -> bool:
        loops, statement = self.module.loops, self._queries.statement(query)
        if statement is None:
            return True
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

    def _is_one_construct(self, value: ast.expr, place: Place, links: int = _LINKS) -> bool:
        """Whether an SQLAlchemy statement is for the same table each time; how another value is built is not seen."""
        loops, start = self.module.loops, root(value)
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
            if is_name and self.module.loops.dependents(part, place):
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
        if any(isinstance(item, (ast.If, ast.Match, *TRIES)) for item in self._outwards(query.top, loop)):
            return False
        return len(loop.body) <= _FEW and not any(
            (isinstance(item, ast.Attribute) and item.attr in _known("outcome"))
            or (
                isinstance(item, ast.Call)
                and item is not query.call
                and _last(item.func) == _last(query.call.func)
            )
            for item in _walk(loop)
        )

    def _url(self, query: Query) -> ast.expr | None:
        url = argument(query.call, query.row["url_keyword"], query.row["url"])
        if isinstance(url, ast.Call) and self.module.qualname(url.func) == "urllib.request.Request":
            writes = argument(url, "data", 1) is not None or argument(url, "method") is not None
            return None if writes else argument(url, "url", 0)
        return url

    def _is_one_host(self, query: Query, place: Place) -> bool:
        loops, url = self.module.loops, self._url(query)
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
        return any(contains(loop, call) for call in self.module.index.calls_named(("sleep",)))

    def _batch(self, query: Query, place: Place) -> str:
        if self._writes(query, place):
            return "one set-based statement for all of them"
        batch: str = query.row["batch"]
        if "batch_by_field" not in query.row:
            return batch
        fields = [
            (item.arg or "").removesuffix("__exact")
            for call in (query.call, *query.chain)
            for item in call.keywords
            if self.module.loops.dependents(item.value, place)
        ]
        if len(fields) != 1 or not fields[0] or fields[0].endswith("__iexact"):
            return "one query for all of them"
        (field,) = fields
        method = _last(query.call.func)
        if method in _COUNTS:
            return f'one query with filter({field}__in=...), values("{field}") and annotate()'
        if method in ("aexists", "exists"):
            return f'one query with filter({field}__in=...) and values_list("{field}", flat=True)'
        by_field: str = query.row["batch_by_field"]
        return batch if field in _KEYS else by_field.replace("{field}", field)

    def _item(self, used: Collection[ast.expr], place: Place) -> str:
        """How a message calls what the loop goes over: the variables that matter to the query."""
        loops = self.module.loops
        alone = [Place(place.loop, frozenset((target,))) for target in place.targets]
        names = [
            name
            for one in alone
            for _, name in one.targets
            if any(loops.dependents(value, one) for value in used)
        ]
        return ", ".join(sorted(names)) or _item(place)

    def _writes(self, query: Query, place: Place) -> bool:
        statement = self._queries.statement(query)
        return statement is not None and any(
            self._queries.verb(value) in WRITES for value in self.module.loops.values(statement, place)
        )

    # -- is the loop meant to ask one by one?

    def _is_meant(self, node: ast.expr, place: Place) -> bool:
        loop = place.loop
        return (
            self._is_split(loop)
            or self._grows(loop)
            or self._falls_back(loop)
            or self._runs_once(node, loop)
            or any(item in self._asking for item in self._outwards(node, loop))
            or self._is_handed_on(node)
            or self._is_dispatched(node, place)
            or self._is_instead(node, place)
            or self._depends_on_answer(node, place)
            or any(self._is_seldom(item, place) for item in self._outwards(node, loop))
            or self._ends_early(node, place)
            or self._is_streamed(node, place)
            or self._is_remembered(node, loop, place)
        )

    def _is_split(self, loop: Loop) -> bool:
        """Whether the loop goes over batches, pages, attempts or a stream."""
        for iterable in _iterables(loop):
            words = {word for name in _identifiers(iterable) for word in _words(name)}
            called = self.module.qualname(iterable.func) if isinstance(iterable, ast.Call) else None
            made = [
                _last(iterable),
                *(_last(item.func) for item in ast.walk(iterable) if isinstance(item, ast.Call)),
            ]
            if called == "itertools.count" or any(map(_BATCHES.search, made)) or words & _known("stream"):
                return True
            if called == "builtins.range":
                assert isinstance(iterable, ast.Call)
                named = {word for name in _target_names(loop) for word in _words(name)}
                if (
                    len(iterable.args) == 3
                    or named & (_known("page") | _known("attempt"))
                    or any(map(_BATCHES.search, named))
                ):
                    return True
        return False

    def _grows(self, loop: Loop) -> bool:
        """Whether the loop adds to what it goes over: a walk through a tree, level by level."""
        names = {item.id for item in _iterables(loop) if isinstance(item, ast.Name)}
        return not isinstance(loop, COMPREHENSIONS) and any(
            isinstance(call.func, ast.Attribute)
            and isinstance(call.func.value, ast.Name)
            and call.func.value.id in names
            and contains(loop, call)
            for call in (self.module.index.calls_named(_GROWING) if names else ())
        )

    def _is_dispatched(self, node: ast.expr, place: Place) -> bool:
        """Whether the call stands in one branch of several that tell kinds of items apart: operations, not rows."""
        for outer in self._outwards(node, place.loop):
            if not isinstance(outer, ast.If) or contains(outer.test, node):
                continue
            parent = self.module.index.parent(outer)
            other = outer.orelse[0] if len(outer.orelse) == 1 else None
            before = parent if isinstance(parent, ast.If) and parent.orelse == [outer] else None
            for branch in (other, before):
                if isinstance(branch, ast.If):
                    subject = _subject(outer.test)
                    if subject is not None and subject == _subject(branch.test):
                        return bool(self.module.loops.dependents(outer.test, place))
        return False

    def _is_instead(self, node: ast.expr, place: Place) -> bool:
        """Whether the call only stands in for a value that is not there: ``known or fetch(item)``."""
        child: ast.AST = node
        for outer in self._outwards(node, place.loop):
            if isinstance(outer, ast.BoolOp) and isinstance(outer.op, ast.Or):
                if isinstance(outer.values[0], (ast.Name, ast.Attribute)) and child is not outer.values[0]:
                    return isinstance(self.module.index.parent(outer), (ast.Assign, ast.Call, ast.keyword))
            elif isinstance(outer, ast.IfExp) and child is not outer.test:
                value = outer.body if child is outer.orelse else outer.orelse
                if dotted(value) is not None and dotted(value) in {
                    dotted(name) for name in names_in(outer.test)
                }:
                    return True
            elif isinstance(outer, ast.stmt):
                return False
            child = outer
        return False

    def _depends_on_answer(self, node: ast.expr, place: Place) -> bool:
        """Whether another question about the item, to the same client, decides if this one is asked."""
        function = node.func if isinstance(node, ast.Call) else None
        client = dotted(function.value) if isinstance(function, ast.Attribute) else None
        if client is None:
            return False
        for outer in self._outwards(node, place.loop):
            if not isinstance(outer, ast.If) or contains(outer.test, node):
                continue
            for item in ast.walk(outer.test):
                if (
                    isinstance(item, ast.Call)
                    and isinstance(item.func, ast.Attribute)
                    and dotted(item.func.value) == client
                    and any(self.module.loops.dependents(value, place) for value in item.args)
                ):
                    helper = self.module.receivers.definition(item.func)
                    if helper is None or (isinstance(helper, _Helper) and self._candidates.get(helper)):
                        return True
        return False

    def _runs_once(self, node: ast.expr, loop: Loop) -> bool:
        """Whether the loop is left after the call: by the statement that it stands in, or at the end of a block around it."""
        index = self.module.index
        child: ast.AST = index.statement(node)
        if isinstance(loop, COMPREHENSIONS) or child is loop:
            return False
        for parent in index.ancestors(child):
            last: list[ast.AST] = [child]
            for name in ("body", "orelse", "finalbody"):
                block = getattr(parent, name, None)
                if isinstance(block, list) and block and _is_within(block, child):
                    last.append(block[-1])
                    if name == "body" and isinstance(parent, TRIES):
                        last += parent.orelse[-1:]
            if any(
                isinstance(item, (ast.Return, ast.Raise))
                or (isinstance(item, ast.Break) and next(index.loops(item), None) is loop)
                for item in last
            ):
                return True
            if parent is loop:
                break
            child = parent
        return False

    @functools.cached_property
    def _handler_lines(self) -> tuple[list[int], list[int]]:
        """The first and last lines of the outermost ``except`` clauses, in order."""
        firsts: list[int] = []
        lasts: list[int] = []
        for handler in sorted(self.module.index.nodes(ast.ExceptHandler), key=lambda item: item.lineno):
            if not lasts or handler.lineno > lasts[-1]:
                firsts.append(handler.lineno)
                lasts.append(handler.end_lineno or handler.lineno)
        return firsts, lasts

    def _is_in_handler(self, loop: Loop) -> bool:
        """Whether a loop is the way out after an error, for all items at once as a rule."""
        firsts, lasts = self._handler_lines
        at = bisect.bisect_right(firsts, loop.lineno) - 1
        return at >= 0 and loop.lineno <= lasts[at]

    def _falls_back(self, loop: Loop) -> bool:
        """Whether the loop is the other branch of one statement for all items, for databases that lack it."""
        if self._is_in_handler(loop):
            return True
        branch = self.module.index.parent(loop)
        if not isinstance(branch, ast.If):
            return False
        other = branch.orelse if loop in branch.body else branch.body
        return any(
            isinstance(item, ast.Call) and self._queries.word(item.func) in _known("bulk")
            for statement in other
            for item in ast.walk(statement)
        )

    def _is_handed_on(self, node: ast.expr) -> bool:
        """Whether the call runs beside others: its coroutine is passed on or collected, not awaited."""
        index = self.module.index
        child: ast.AST = node
        for parent in index.ancestors(node):
            if (
                isinstance(parent, ast.Call)
                and child is not parent.func
                and self._queries.word(parent.func) in _known("hand-on")
            ):
                return True
            if isinstance(parent, (ast.stmt, ast.Lambda)):
                break
            child = parent
        parent_ = index.parent(node)
        if not isinstance(node, ast.Call) or isinstance(parent_, (ast.Await, ast.withitem, ast.AsyncFor)):
            return False
        helper = self.module.receivers.definition(node.func)
        if isinstance(helper, ast.AsyncFunctionDef):
            return not (isinstance(parent_, ast.comprehension) and parent_.is_async)
        collected = isinstance(parent_, (*COMPREHENSIONS, ast.Call, ast.Starred, ast.Tuple))
        kind = self.module.called(node)
        return (
            collected
            and helper is None
            and index.in_async(node)
            and (kind is None or bool(_ASYNC.search(kind)))
        )

    def _is_seldom(self, outer: ast.AST, place: Place) -> bool:
        """Whether a block around the call runs only now and then, or is a unit of its own.

        Every hundredth turn, after an error, where a mapping does not have the answer; under a lock or in a transaction.
        """
        if isinstance(outer, (ast.With, ast.AsyncWith)):
            return any(
                _UNITS.search(name) for item in outer.items for name in _identifiers(item.context_expr)
            )
        if isinstance(outer, ast.If):
            loops = self.module.loops
            tested = [
                value for name in names_in(outer.test) for value in (outer.test, *loops.values(name, place))
            ]
            return any(
                self._asks_mapping(item, place) for value in tested for item in ast.walk(value)
            ) or any(
                isinstance(item, ast.BinOp) and isinstance(item.op, ast.Mod) for item in ast.walk(outer.test)
            )
        return isinstance(outer, ast.ExceptHandler)

    def _asks_mapping(self, node: ast.AST, place: Place) -> bool:
        """Whether a node is ``known.get(item.id)``."""
        loops = self.module.loops
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "get"
            and any(loops.dependents(value, place) for value in node.args[:1])
            and not loops.dependents(node.func.value, place)
            and self._query(node) is None
        )

    def _ends_early(self, node: ast.expr, place: Place) -> bool:
        """Whether the loop ends at the first match: what is found decides whether the next item is asked for."""
        loop = place.loop
        if isinstance(loop, COMPREHENSIONS):
            taker = self.module.index.parent(loop)
            return (
                isinstance(loop, ast.GeneratorExp)
                and isinstance(taker, ast.Call)
                and self.module.qualname(taker.func) in ("builtins.any", "builtins.all", "builtins.next")
            )
        for leave in _walk(loop):
            if not isinstance(leave, (ast.Break, ast.Return)) or leave.lineno < node.lineno:
                continue
            outer = list(self._outwards(leave, loop))
            if any(isinstance(item, ast.ExceptHandler) for item in outer) or (
                isinstance(leave, ast.Break) and next(self.module.index.loops(leave)) is not loop
            ):
                continue
            tests = [item.test for item in outer if isinstance(item, ast.If)]
            decides = [
                test for test in tests if contains(test, node) or self._knows_answer(test, node, place)
            ]
            if any(self._is_enough(test, loop) for test in tests):
                return True
            if not tests or (
                decides and not (isinstance(leave, ast.Return) and _is_failure(leave, tests[0]))
            ):
                return True
        return False

    def _is_enough(self, test: ast.expr, loop: Loop) -> bool:
        """Whether a condition asks if the loop has collected as much as is wanted: ``len(found) >= limit``."""
        sized = {
            dotted(item.left.args[0])
            for item in ast.walk(test)
            if isinstance(item, ast.Compare)
            and isinstance(item.ops[0], (ast.Eq, *_ORDERINGS))
            and isinstance(item.left, ast.Call)
            and _last(item.left.func) == "len"
            and len(item.left.args) == 1
        } - {None}
        return bool(sized) and any(
            isinstance(call.func, ast.Attribute) and dotted(call.func.value) in sized and contains(loop, call)
            for call in self.module.index.calls_named(_GROWING)
        )

    def _is_streamed(self, node: ast.expr, place: Place) -> bool:
        """Whether a generator yields the answer: its consumer decides how many are asked for."""
        return any(
            contains(item.value, node) or self._knows_answer(item.value, node, place)
            for item in _walk(place.loop)
            if isinstance(item, (ast.Yield, ast.YieldFrom)) and item.value is not None
        )

    def _is_remembered(self, node: ast.expr, region: ast.AST, place: Place) -> bool:
        """Whether the answer is kept in a mapping that is asked first."""
        kept: set[str] = set()
        asked: set[str] = set()
        for item in _walk(region):
            if isinstance(item, ast.Assign):
                if contains(item.value, node) or self._knows_answer(item.value, node, place):
                    kept |= {
                        dotted(target.value) or ""
                        for target in item.targets
                        if isinstance(target, ast.Subscript)
                    }
            elif isinstance(item, ast.Compare):
                if isinstance(item.ops[0], (ast.In, ast.NotIn)):
                    asked.add(dotted(item.comparators[0]) or "")
            elif (
                isinstance(item, ast.Call)
                and isinstance(item.func, ast.Attribute)
                and item.func.attr == "get"
            ):
                asked.add(dotted(item.func.value) or "")
        return bool((kept & asked) - {""})

    def _knows_answer(self, value: ast.expr, node: ast.expr, place: Place) -> bool:
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
                for item in _walk(place.called or place.loop)
                if isinstance(item, ast.Call)
                and isinstance(item.func, ast.Attribute)
                and item.func.attr.startswith("fetch")
                and dotted(item.func.value) == cursor
            ]
        return any(self.module.loops.comes_from(value, answer, place) for answer in answers) or any(
            contains(value, answer) for answer in answers[1:]
        )

    # -- where it never counts

    @functools.cached_property
    def _is_one_off_file(self) -> bool:
        """Whether the file is a migration, a seed or a command, by its path."""
        name = self.module.filename.replace("\\", "/").rpartition("/")[2].removesuffix(".py")
        return bool(_known("one-off file") & _words(name)) or self.module.matches(
            (*_one_off_folders(), *_TEST_CODE)
        )

    def _is_one_off(self, function: ast.AST | None) -> bool:
        """Whether a function is a migration or fills a database once."""
        if self._is_alembic:
            return True
        while isinstance(function, FUNCTIONS):
            if _words(getattr(function, "name", "")) & _known("one-off function"):
                return True
            if any(
                item.arg == "schema_editor" or "migration" in _words(item.arg)
                for item in parameters(function)
            ):
                return True
            function = self.module.index.function(function)
        return False

    @functools.cached_property
    def _is_alembic(self) -> bool:
        return "alembic" in self.module.source and any(
            isinstance(parent := self.module.index.parent(item), ast.ImportFrom)
            and parent.module == "alembic"
            for item in self.module.index.nodes(ast.alias)
        )

    def _is_lookup(self, helper: _Helper) -> bool:
        """Whether a function looks something up and does little else; its answers are not kept, it runs here."""
        if any(_SPECIAL.search(name) for item in helper.decorator_list for name in _identifiers(item)):
            return False
        if _words(helper.name) & _known("verb"):
            return False
        statements = 0
        for item in _walk(helper):
            statements += isinstance(item, ast.stmt)
            if statements > _LOOKUP or (isinstance(item, ast.Call) and _last(item.func) in _known("act")):
                return False
        return True

    def _outwards(self, node: ast.AST, region: ast.AST) -> Iterator[ast.AST]:
        for parent in self.module.index.ancestors(node):
            if parent is region:
                return
            yield parent


def _start(call: ast.Call) -> ast.expr:
    """What a chain of calls starts from: ``Order.objects`` of ``Order.objects.filter(...).update(...)``."""
    node: ast.expr = call
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    return node


def _subject(test: ast.expr) -> str | None:
    """What a condition tells kinds of apart: ``op`` of ``op == "add"`` and of ``isinstance(op, Add)``."""
    if (
        isinstance(test, ast.Compare)
        and len(test.ops) == 1
        and isinstance(test.ops[0], (ast.Eq, ast.Is, ast.In))
    ):
        return ast.dump(test.left)
    if isinstance(test, ast.Call) and _last(test.func) == "isinstance" and test.args:
        return ast.dump(test.args[0])
    return None


def _iterables(loop: Loop) -> list[ast.expr]:
    if isinstance(loop, ast.While):
        return []
    return [item.iter for item in loop.generators] if isinstance(loop, COMPREHENSIONS) else [loop.iter]


def _target_names(loop: Loop) -> list[str]:
    if isinstance(loop, ast.While):
        return []
    targets = [item.target for item in loop.generators] if isinstance(loop, COMPREHENSIONS) else [loop.target]
    return [name.id for target in targets for name in names_in(target)]


def _item(place: Place) -> str:
    """How a message calls what the loop goes over."""
    names = _target_names(place.loop) or sorted(name for _, name in place.targets)
    return ", ".join(sorted({*names} - {"_"} or {*names}))


def _is_within(block: list[ast.stmt], node: ast.AST) -> bool:
    """Whether a node is a statement of a block of its parent."""
    return block[0].lineno <= getattr(node, "lineno", 0) <= block[-1].lineno


def _counts(loop: Loop) -> bool:
    """Whether the variable of a loop is a number."""
    return any(
        isinstance(item, ast.Call) and _last(item.func) in ("range", "count") for item in _iterables(loop)
    )


def _words(name: str) -> set[str]:
    return set(name.lower().split("_"))


def _identifiers(node: ast.AST) -> Iterator[str]:
    for item in ast.walk(node):
        if isinstance(item, ast.Name):
            yield item.id
        elif isinstance(item, ast.Attribute):
            yield item.attr


def _walk(region: ast.AST) -> Iterator[ast.AST]:
    """The nodes that a region runs itself: nested functions left out."""
    stack = list(ast.iter_child_nodes(region))
    while stack:
        item = stack.pop()
        if not isinstance(item, (*FUNCTIONS, ast.ClassDef)):
            yield item
            stack.extend(ast.iter_child_nodes(item))


def _last(node: ast.expr) -> str:
    """The last identifier of what is called."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _is_filled_in(node: ast.expr) -> bool:
    """Whether a text is made by ``template.format(...)`` or ``template % ...``."""
    if isinstance(node, ast.Call):
        return _last(node.func) == "format"
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod)


def _leftmost(node: ast.expr) -> ast.expr:
    while isinstance(node, ast.BinOp):
        node = node.left
    return node


def _is_failure(leave: ast.Return, test: ast.expr) -> bool:
    """Whether a function gives up there: nothing is found, so it returns nothing."""
    negative = (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)) or (
        isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Is) and is_none(test.comparators[0])
    )
    value = leave.value
    return negative and (value is None or (isinstance(value, ast.Constant) and not value.value))


@knowledge.cached
def _one_off_folders() -> tuple[str, ...]:
    return tuple(f"{name}/" for name in sorted(_known("one-off folder")))


@knowledge.cached
def _known(kind: str) -> frozenset[str]:
    """The words of one kind, as the table ``queries.word`` lists them."""
    return frozenset(
        word for row in knowledge.rows("queries.word") if row["kind"] == kind for word in row["words"]
    )
