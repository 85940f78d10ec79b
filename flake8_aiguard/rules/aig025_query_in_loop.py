"""AIG025: one query or request for each item of a loop."""

from __future__ import annotations

import ast
import functools
import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Final

from flake8_aiguard import arguments, knowledge
from flake8_aiguard.batching import Batching
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.index import COMPREHENSIONS, TRIES, Function, Loop
from flake8_aiguard.loops import Place, Variable, contains, iterables, target_names
from flake8_aiguard.onebyone import OneByOne
from flake8_aiguard.oneoff import OneOff
from flake8_aiguard.queries import Queries, Query, known
from flake8_aiguard.regex import regex
from flake8_aiguard.sequences import Sequences
from flake8_aiguard.shapes import (
    chain,
    dotted,
    hides_arguments,
    identifiers,
    last_name,
    own_nodes,
    parameters,
    words,
)

_LOOPS: Final[tuple[type[ast.AST], ...]] = (ast.For, ast.AsyncFor, ast.While, *COMPREHENSIONS)
_Helper = ast.FunctionDef | ast.AsyncFunctionDef

_SPECIAL: Final = regex(r"cache|memo|task|remote|flow|loader", re.IGNORECASE)
_IN_LOOP: Final = regex(
    r"\b(in|inside|within|outside|out of|after) (of )?(the|this|each) (loop|iteration)", re.IGNORECASE
)
_LOOKUP: Final = 15  # statements of a function that looks something up


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

    Limits: a receiver counts by its type, or by a name such as ``cursor``, ``session`` or ``Model.objects`` together with what the
    call shows; one call to a function or method of the same file is followed. The loop must have as many turns as the data: a noun of
    records in what it goes over (``orders``, ``user_ids``), a query behind it, a use of each item's ``id``, or a caller who must give it. Of writes,
    SQL statements and ``commit()`` count.

    - Silent on few or fixed items, members of enumerations, pages, batches and streams, retries, and what somebody chose (``languages``).
    - Silent where no one query could ask for all: objects of a store, compound keys, bounds of ranges, statements that differ in their
      tables or columns, URLs whose host may differ.
    - Silent behind a dict or cache, in the place of a missing value, for ``found or create(key)``, and where each item's failure is handled by itself.
    - Silent where the loop ends at the first match or when enough is found, adds to what it goes over, yields the answers, or
      goes down a tree.
    - Silent where each turn does other work that needs its own query: a write to the same row, a file, a session, a further
      narrowing by what the turn has fetched.
    - Silent on calls that run concurrently, databases in this process (duckdb, SQLite in memory, two columns of SQLite), and
      in generated code on what AIG009 reports.
    - Silent where a comment says that there is no bulk query, and in migrations, seeds, repairs, benchmarks, scripts that read URLs and helpers of tests.
    """

    code = "AIG025"
    slug = "query-in-loop"
    since = "0.1.0"
    severity = "warning"
    message = "{call} {cost} for each {item}; use {batch} instead"
    in_tests = False
    ruff = "Ruff has nothing for this pattern."

    def start(self) -> None:
        self._candidates: defaultdict[Function, list[ast.Call]] = defaultdict(list)
        self._queries = Queries(self.module)
        self._helpers: dict[_Helper, list[Query]] = {}
        self._reported: set[ast.expr] = set()
        self._places: dict[Loop, Place] = {}
        self._asking: set[ast.stmt] = set()  # the ifs whose test makes a reported query

    @functools.cached_property
    def _batching(self) -> Batching:
        return Batching(self.module, self._queries)

    @functools.cached_property
    def _one_by_one(self) -> OneByOne:
        return OneByOne(self.module, self._queries, self._batching, self._candidates)

    @functools.cached_property
    def _sequences(self) -> Sequences:
        return Sequences(self.module)

    @functools.cached_property
    def _one_off(self) -> OneOff:
        return OneOff(self.module)

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
        if self._one_off.is_file or self._one_off.runs(function):
            return
        if is_commit:
            yield from self._commit(node)
        elif (query := self._queries.lookup(node)) is not None:
            yield from self._direct(query)

    def finish(self) -> Iterator[Finding]:
        """Calls in loops, of functions in this file that make a query with one of their parameters."""
        if not self._candidates or self._one_off.is_file:
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
                if (query := self._queries.lookup(call)) is not None
                and not self._is_conditional(call, helper)
            ]
            self._helpers[helper] = found if found and self._is_lookup(helper) else []
        return self._helpers[helper]

    def _is_meant(self, node: ast.expr, place: Place) -> bool:
        """Whether the loop asks one by one on purpose, or below a condition that is reported itself."""
        return self._one_by_one.is_meant(node, place) or any(
            item in self._asking for item in self.module.index.outwards(node, place.loop)
        )

    def _is_one_each(self, query: Query, place: Place) -> bool:
        """Whether a request or a statement of SQLite, which costs no round trip, has a reason of its own to ask for one."""
        if "url" in query.row:
            return (
                self._one_by_one.is_crawl(query.call, place)
                or self._is_request_alone(query.call, place)
                or self._one_by_one.asks_shared_handle(query, place)
            )
        return self._queries.is_sqlite(query) and self._one_by_one.decides_what_is_yielded(query.top, place)

    def _is_request_alone(self, node: ast.expr, place: Place) -> bool:
        """Whether a request, or the call of a function that makes it, is for one by nature, or may fail without the others."""
        return self._one_by_one.is_of_one_or_many(place.loop) or self._one_by_one.fails_alone(
            node, place.loop
        )

    def _is_other_rules(self, node: ast.expr) -> bool:
        """Whether it is awaited in generated code, where AIG009 says that the turns need not wait for each other."""
        waiting = self.module.index.parent(node)
        return (
            isinstance(waiting, ast.Await)
            and self.options.gates != "off"
            and self.module.generated.covers(waiting)
            and self._sequences.read(waiting) is not None
        )

    def _is_conditional(self, call: ast.Call, region: ast.AST) -> bool:
        """Whether a helper or a loop makes a call only now and then: under a condition, after an error."""
        return any(
            isinstance(outer, (ast.If, ast.IfExp, ast.Match, ast.ExceptHandler))
            and not (isinstance(outer, ast.If) and contains(outer.test, call) and isinstance(region, _LOOPS))
            for outer in self.module.index.outwards(call, region)
        )

    # -- the three findings

    def _direct(self, query: Query) -> Iterator[Finding]:
        if query.top in self._reported:
            return
        for loop in self.module.index.loops(query.call):
            place = self._place(loop)
            if not self._asks_for_each(query, place):
                if isinstance(loop, ast.While):
                    return  # attempts, or a walk that goes on from the last answer
                continue
            if not self._one_by_one.is_over_data(loop):
                return
            if not self._batching.could_be_one(query, place) or self._is_meant(query.top, place):
                return
            if self._is_one_each(query, place):
                return
            node = next((call for call in query.bound if contains(loop, call)), query.top)
            if node not in self._reported:
                self._reported |= {node, query.top}
                if isinstance(statement := self.module.index.statement(node), ast.If):
                    self._asking.add(statement)
                if self._is_other_rules(query.call):
                    return
                yield from self.found(
                    node,
                    call=chain(node),
                    cost=self._cost(query),
                    item=self._item(query.arguments, place),
                    batch=self._batching.advice(query, place),
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
                if isinstance(loop, ast.While):
                    return
                continue
            if not self._one_by_one.is_over_data(loop):
                return
            if self._is_meant(call, around) or self._one_off.runs(index.function(call)):
                return
            place = Place(around.loop, around.targets, given, helper)
            for query in self._lookups(helper):
                if (
                    query.top not in self._reported
                    and self._asks_for_each(query, place)
                    and not self._one_by_one.is_remembered(query.top, helper, place)
                    and self._batching.could_be_one(query, place)
                    and not self._batching.writes(query, place)
                    and not (self._is_cheap_or_apart(query) and self._is_conditional(call, around.loop))
                    and not self._queries.is_local(query)
                    and not (self._batching.is_sqlite(query) and self._does_more(call, around))
                    and not ("url" in query.row and self._is_request_alone(call, around))
                ):
                    if self._is_other_rules(call):
                        return
                    yield from self.found(
                        call,
                        message="{call} {cost} for each {item}, by {query}; use {batch} instead",
                        call=chain(call),
                        cost=self._cost(query),
                        query=chain(query.top),
                        item=self._item(list(given.values()), around),
                        batch=self._batching.advice(query, place),
                    )
                    return
            return

    def _cost(self, query: Query) -> str:
        return "runs one statement" if self._queries.is_sqlite(query) else "makes one round trip"

    def _is_cheap_or_apart(self, query: Query) -> bool:
        """Whether a query costs no round trip, or asks another service."""
        return "url" in query.row or self._queries.is_sqlite(query)

    def _does_more(self, node: ast.Call, place: Place) -> bool:
        """Whether the turn also calls another function of this file: beside its work, a query without a round trip costs little."""
        return any(
            isinstance(item, ast.Call)
            and item is not node
            and isinstance(helper := self.module.receivers.definition(item.func), _Helper)
            and helper is not self.module.receivers.definition(node.func)
            for item in own_nodes(place.loop)
        )

    def _commit(self, node: ast.Call) -> Iterator[Finding]:
        index, loops = self.module.index, self.module.loops
        assert isinstance(node.func, ast.Attribute)
        receiver = node.func.value
        loop = next(index.loops(node), None)
        if not isinstance(loop, (ast.For, ast.AsyncFor)) or not self._ends_transaction(node, receiver):
            return
        place = self._place(loop)
        inside = list(own_nodes(loop))
        if self._is_meant(node, place) or any(
            isinstance(item, (ast.If, ast.Match)) for item in self.module.index.outwards(node, loop)
        ):
            return
        variable = loops.variable(receiver) if isinstance(receiver, ast.Name) else None
        if variable is not None and loops.writes(variable, loop):
            return  # a session for each item is a unit of work of its own
        if any(isinstance(item, (*TRIES, ast.For, ast.AsyncFor, ast.While)) for item in inside) or not any(
            self._saves(item, place) for item in inside
        ):
            return
        if _IN_LOOP.search(self.module.comments.above(index.statement(node).lineno)):
            return  # somebody has thought about it
        yield from self.found(
            node,
            message="{call} ends a transaction for each {item}; commit once after the loop, or once for each batch",
            call=chain(node),
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
            and node.func.attr in known("save")
        ):
            return any(self.module.loops.dependents(value, place) for value in node.args)
        return False

    # -- does each item ask?

    def _place(self, loop: Loop) -> Place:
        if loop not in self._places:
            place = self.module.loops.place(loop)
            if any(map(self.module.loops.is_small, iterables(loop))):
                place = Place(loop, frozenset())  # few, fixed items
            self._places[loop] = place
        return self._places[loop]

    def _given(self, call: ast.Call, helper: _Helper) -> dict[Variable, ast.expr]:
        """The arguments of a call by the parameters of the function."""
        names = [item.arg for item in parameters(helper)]
        given = ((name, arguments.given(self.module.index, call, helper, name)) for name in names)
        return {(helper, name): value for name, value in given if value is not None}

    def _asks_for_each(self, query: Query, place: Place) -> bool:
        return bool(place.targets) and any(
            self.module.loops.dependents(value, place) for value in self._batching.arguments(query)
        )

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

    def _is_lookup(self, helper: _Helper) -> bool:
        """Whether a function looks something up and does little else; its answers are not kept, it runs here."""
        if any(_SPECIAL.search(name) for item in helper.decorator_list for name in identifiers(item)):
            return False
        if words(helper.name) & known("verb"):
            return False
        statements = 0
        for item in own_nodes(helper):
            statements += isinstance(item, ast.stmt)
            if statements > _LOOKUP or (isinstance(item, ast.Call) and last_name(item.func) in known("act")):
                return False
        return True


def _item(place: Place) -> str:
    """How a message calls what the loop goes over."""
    names = target_names(place.loop) or sorted(name for _, name in place.targets)
    return ", ".join(sorted({*names} - {"_"} or {*names}))
