"""Loops that ask one by one for a reason that can be seen."""

from __future__ import annotations

import ast
import bisect
import functools
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from flake8_aiguard.amounts import Amounts
from flake8_aiguard.batching import BATCHES, MAKERS, ORDERINGS, Batching
from flake8_aiguard.index import COMPREHENSIONS, TRIES, Function, Loop, Try
from flake8_aiguard.lists import collection
from flake8_aiguard.loops import Place, contains, iterables, target_names
from flake8_aiguard.memo import lazy, memoised
from flake8_aiguard.module import Module
from flake8_aiguard.nouns import forms, says
from flake8_aiguard.queries import Queries, Query, known
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import (
    dotted,
    end_of,
    identifiers,
    is_constant,
    is_none,
    last_name,
    names_in,
    own_nodes,
    start_of,
    string,
    words,
)

_Helper = ast.FunctionDef | ast.AsyncFunctionDef
_ASYNC: Final = regex(r"async|aio|^databases\.", re.IGNORECASE)
# What makes each turn a unit of its own.
_UNITS: Final = regex(r"atomic|begin|lock|mutex|savepoint|transaction", re.IGNORECASE)
_REASON: Final = regex(
    r"\bone[ -](at[ -]a[ -]time|by[ -]one)\b|\bn ?\+ ?1\b|\b(no|cannot|can't|cannot be|does not support|doesn't support) (bulk|batch)",
    re.IGNORECASE,
)
_REPORTS: Final = regex(r"(?:log_?)?(?:debug|info|warn|warning|error|exception)|print|log|echo")
_ABSENT: Final = regex(r"DoesNotExist$|\bNoResultFound$")
_IDENTITY: Final = regex(r"(?:^|_)(?:id|key|name|pk|slug|uuid)$", re.IGNORECASE)
_IDS: Final = ("id", "_id", "pk", "uuid")
_STEPS: Final = frozenset({"migrate", "migration"})
_RUNS: Final = ("execute", "executescript")
_FIRST: Final = 4  # bindings of what a loop goes over
_ACCESS: Final = frozenset({"get", "items", "pop", "values"})  # of a dict, whatever else is called so
_GROWING: Final = ("add", "append", "appendleft", "extend", "put", "update")


class OneByOne:
    """The loops of one file.

    Args:
        module: the file.
        queries: its queries.
        batching: what one query could replace.
        candidates: the calls in each function that may be queries, as far as they are known.
    """

    def __init__(
        self,
        module: Module,
        queries: Queries,
        batching: Batching,
        candidates: Mapping[Function, Sequence[ast.Call]],
    ) -> None:
        self._module = module
        self._queries = queries
        self._batching = batching
        self._candidates = candidates
        self._amounts = Amounts(module)

    @memoised
    def is_over_data(self, loop: Loop) -> bool:
        """Whether a loop shows that it has as many turns as the data: by a noun, by a query that it goes over, or by its caller.

        Args:
            loop: the loop.

        Returns:
            False for what is a handful as a rule: the parts of one record, what was found in one text, what somebody chose.
        """
        parts = iterables(loop)
        if not parts:
            return True  # a while says nothing
        place = Place(loop, frozenset())
        given = [collection(self._module, part) for part in parts]
        values = [
            value for part in (*parts, *given) for value in (part, *self._module.loops.values(part, place))
        ]
        names = [*target_names(loop)]
        for value in values:
            counts = isinstance(value, ast.Call) and last_name(value.func) == "range"
            names += self._amounts.named(value, with_arguments=counts)
        if any(map(_is_row, names)):
            return True
        if any(self._is_answer(item) for value in values for item in ast.walk(value)):
            return True
        if self._asks_by_id(loop):
            return True
        return any(
            self._amounts.is_parameter(item)
            and not self._amounts.is_optional(item)
            and says(last_name(item) or "") != "chosen"
            for item in given
        )

    def _asks_by_id(self, loop: Loop) -> bool:
        """Whether the items are records, whatever they are called: the loop uses the id of each."""
        for name in target_names(loop):
            places = self._ids.get(name, ())
            at = bisect.bisect_left(places, start_of(loop))
            if at < len(places) and places[at] < end_of(loop):
                return True
        return False

    @lazy
    def _ids(self) -> Mapping[str, Sequence[tuple[int, int]]]:
        """Where the file asks for the id of what a name holds: ``order.id``, ``order["id"]``, in document order."""
        found: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        nodes: list[ast.Attribute | ast.Subscript] = [
            *self._module.index.nodes(ast.Attribute),
            *self._module.index.nodes(ast.Subscript),
        ]
        for node in nodes:
            if isinstance(node.value, ast.Name) and isinstance(node.ctx, ast.Load) and _part(node) in _IDS:
                found[node.value.id].append(start_of(node))
        return {name: sorted(places) for name, places in found.items()}

    def _is_answer(self, node: ast.AST) -> bool:
        """Whether a node may be a query, or asks a store for its keys: ``redis.keys(pattern)``."""
        if not isinstance(node, ast.Call):
            return False
        if (node.args or node.keywords) and "key" in forms(last_name(node.func) or ""):
            return True
        return (
            isinstance(node.func, ast.Attribute)
            and node.func.attr not in _ACCESS
            and self._queries.may_be(node)
        )

    def is_meant(self, node: ast.expr, place: Place) -> bool:
        """Whether the loop asks one by one on purpose, or asks a few times only.

        Args:
            node: the query, or the call of a function that makes it.
            place: the loop around it.
        """
        loop = place.loop
        return (
            self._is_for_one(loop)
            or self._is_explained(node, loop)
            or self._is_split(loop)
            or self._grows(loop)
            or self._falls_back(loop)
            or self._runs_once(node, loop)
            or self._records_script(node, loop)
            or self._migrates(loop)
            or self._is_exported(place)
            or self._has_own_session(node, loop)
            or self._is_handed_on(node)
            or self._is_dispatched(node, place)
            or self._is_chosen(node, place)
            or self._is_instead(node, place)
            or self._is_other_way(node, place)
            or self._fills_gaps(node, place)
            or self._is_checked_alone(node, loop)
            or self._depends_on_answer(node, place)
            or self._decides_by_another(node, place)
            or any(self._is_seldom(item, place) for item in self._module.index.outwards(node, loop))
            or self._ends_early(node, place)
            or self._is_streamed(node, place)
            or self.is_remembered(node, loop, place)
        )

    def _is_for_one(self, loop: Loop) -> bool:
        """Whether a loop stands below ``if len(items) == 1``."""
        sizes = {f"len({ast.unparse(iterable)})" for iterable in iterables(loop) if dotted(iterable)}
        return bool(sizes) and any(
            isinstance(outer, ast.If)
            and isinstance(outer.test, ast.Compare)
            and isinstance(outer.test.ops[0], ast.Eq)
            and is_constant(outer.test.comparators[0], 1)
            and ast.unparse(outer.test.left) in sizes
            and _is_within(outer.body, loop)
            for outer in self._module.index.ancestors(loop)
        )

    def _is_explained(self, node: ast.expr, loop: Loop) -> bool:
        """Whether the comment above the query or its loop says that it asks one by one, and so that somebody has thought of it."""
        lines = {self._module.index.statement(node).lineno, getattr(loop, "lineno", node.lineno)}
        return any(_REASON.search(text) for text in self._module.comments.near(*lines))

    def _records_script(self, node: ast.expr, loop: Loop) -> bool:
        """Whether each turn first runs its item as a script, of which the query notes that it has run: ``execute(sql)``."""
        first = loop.body[0] if isinstance(loop, (ast.For, ast.AsyncFor)) else None
        call = first.value if isinstance(first, ast.Expr) else None
        call = call.value if isinstance(call, ast.Await) else call
        return (
            isinstance(call, ast.Call)
            and last_name(call.func) in _RUNS
            and len(call.args) == 1
            and not call.keywords
            and isinstance(call.args[0], ast.Name)
            and call.args[0].id in target_names(loop)
            and not contains(call, node)
        )

    def _migrates(self, loop: Loop) -> bool:
        """Whether the turns are the steps of a migration, by what they call."""
        return any(
            isinstance(item, ast.Call) and not _STEPS.isdisjoint(words(last_name(item.func) or ""))
            for item in own_nodes(loop)
        )

    def _is_exported(self, place: Place) -> bool:
        """Whether each turn writes a file of its own: an export, whose answers are not held in memory together."""
        inside = list(own_nodes(place.loop))
        return any(
            isinstance(item, ast.Attribute)
            and item.attr in ("write_bytes", "write_text")
            and bool(self._module.loops.dependents(item.value, place))
            for item in inside
        ) or any(
            isinstance(item, (ast.With, ast.AsyncWith))
            and any(
                isinstance(call := part.context_expr, ast.Call)
                and last_name(call.func) == "open"
                and any((string(value) or "").startswith(("w", "x")) for value in call.args[1:2])
                for part in item.items
            )
            for item in inside
        )

    def _has_own_session(self, node: ast.expr, loop: Loop) -> bool:
        """Whether each turn opens a session for its query and awaits other work after it: none is held open meanwhile."""
        if not isinstance(loop, (ast.For, ast.AsyncFor)):
            return False
        root = names_in(node)
        for item in self._module.index.outwards(node, loop):
            opened = (
                {name.id for name in names_in(item.items[0].optional_vars)}
                if isinstance(item, ast.AsyncWith) and len(item.items) == 1 and item.items[0].optional_vars
                else set()
            )
            if opened and any(name.id in opened for name in root):
                tried = isinstance(self._module.index.parent(item), TRIES)
                return tried and any(
                    isinstance(other, ast.Await)
                    and not contains(item, other)
                    and isinstance(other.value, ast.Call)
                    for other in own_nodes(loop)
                )
        return False

    def is_crawl(self, node: ast.Call, place: Place) -> bool:
        """Whether a loop goes down a tree that a service keeps, or each answer leads to further requests.

        Args:
            node: a request.
            place: the loop around it.
        """
        function = self._module.index.function(node)
        for call in own_nodes(place.loop):
            if not isinstance(call, ast.Call) or call is node:
                continue
            if function is not None and self._module.receivers.definition(call.func) is function:
                return True
            if (
                isinstance(call.func, ast.Attribute)
                and isinstance(node.func, ast.Attribute)
                and dotted(call.func.value) == dotted(node.func.value) is not None
                and next(self._module.index.loops(call), None) is not place.loop
            ):
                return True
        return False

    def is_of_one_or_many(self, loop: Loop) -> bool:
        """Whether a loop goes over what may be one text too, ``[q] if isinstance(q, str) else q``: one, as its callers know it.

        Args:
            loop: a loop with requests.
        """
        scopes, index = self._module.scopes, self._module.index
        for iterable in iterables(loop):
            resolved = scopes.resolve(iterable) if isinstance(iterable, ast.Name) else None
            bindings = resolved[1][:_FIRST] if resolved else ()
            values = [iterable, *(item.value for item in bindings)]
            for value in values:
                if value is None:
                    continue
                outer: ast.AST | None = (
                    value if isinstance(value, ast.IfExp) else index.parent(index.statement(value))
                )
                one = (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,)
                if (
                    isinstance(outer, (ast.If, ast.IfExp))
                    and isinstance(outer.test, ast.Call)
                    and last_name(outer.test.func) == "isinstance"
                    and len(outer.test.args) == 2
                    and any(
                        isinstance(item, ast.List)
                        and len(item.elts) == 1
                        and ast.dump(item.elts[0]) == ast.dump(outer.test.args[0])
                        for item in one
                    )
                ):
                    return True
        return False

    def fails_alone(self, node: ast.expr, loop: Loop) -> bool:
        """Whether each turn tolerates its own failure: says so in an ``except`` clause, and the loop goes on with the next item.

        Args:
            node: a request.
            loop: the loop around it.
        """
        return any(
            isinstance(outer, TRIES) and _is_within(outer.body, node) and self._goes_on(outer)
            for outer in self._module.index.outwards(node, loop)
        )

    def _is_checked_alone(self, node: ast.expr, loop: Loop) -> bool:
        """Whether each item is checked by itself: that it has no row is reported, and the loop goes on."""
        return any(
            isinstance(outer, TRIES)
            and _is_within(outer.body, node)
            and any(map(self._catches_absence, outer.handlers))
            and self._goes_on(outer)
            for outer in self._module.index.outwards(node, loop)
        )

    def _catches_absence(self, handler: ast.ExceptHandler) -> bool:
        caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        return any(
            _ABSENT.search(self._module.qualname(item) or last_name(item) or "")
            for item in caught
            if item is not None
        )

    @memoised
    def _goes_on(self, tried: Try) -> bool:
        """Whether the clauses of a ``try`` log or print what went wrong, and leave neither the loop nor the function."""
        handled = [item for handler in tried.handlers for item in own_nodes(handler)]
        return any(
            isinstance(item, ast.Call) and _REPORTS.fullmatch(last_name(item.func) or "") for item in handled
        ) and not any(isinstance(item, (ast.Raise, ast.Return, ast.Break)) for item in handled)

    def decides_what_is_yielded(self, node: ast.expr, place: Place) -> bool:
        """Whether the answer decides if a generator yields the item: its consumer decides how many are asked for.

        Args:
            node: the query.
            place: the loop around it.
        """
        return any(
            self._batching.knows_answer(outer.test, node, place)
            for item in own_nodes(place.loop)
            if isinstance(item, ast.Yield)
            for outer in self._module.index.outwards(item, place.loop)
            if isinstance(outer, ast.If)
        )

    def _is_split(self, loop: Loop) -> bool:
        """Whether the loop goes over batches, pages, attempts or a stream."""
        for iterable in iterables(loop):
            parts = {word for name in identifiers(iterable) for word in words(name)}
            called = self._module.qualname(iterable.func) if isinstance(iterable, ast.Call) else None
            made = [
                *(last_name(item.func) or "" for item in ast.walk(iterable) if isinstance(item, ast.Call)),
            ]
            named_for = last_name(iterable) or ""
            if named_for.endswith("s"):  # the rows of one batch are rows
                made.append(named_for)
            if called == "itertools.count" or any(map(BATCHES.search, made)) or parts & known("stream"):
                return True
            if called == "builtins.range":
                assert isinstance(iterable, ast.Call)
                named = {word for name in target_names(loop) for word in words(name)}
                if (
                    len(iterable.args) == 3
                    or named & (known("page") | known("attempt"))
                    or any(map(BATCHES.search, named))
                ):
                    return True
        return False

    def _grows(self, loop: Loop) -> bool:
        """Whether the loop adds to what it goes over: a walk through a tree, level by level."""
        names = {item.id for item in iterables(loop) if isinstance(item, ast.Name)}
        return not isinstance(loop, COMPREHENSIONS) and any(
            isinstance(call.func, ast.Attribute)
            and isinstance(call.func.value, ast.Name)
            and call.func.value.id in names
            and contains(loop, call)
            for call in (self._module.index.calls_named(_GROWING) if names else ())
        )

    def _is_dispatched(self, node: ast.expr, place: Place) -> bool:
        """Whether the call stands in one branch of several that tell kinds of items apart: operations, not rows."""
        for outer in self._module.index.outwards(node, place.loop):
            if not isinstance(outer, ast.If) or contains(outer.test, node):
                continue
            parent = self._module.index.parent(outer)
            other = outer.orelse[0] if len(outer.orelse) == 1 else None
            before = parent if isinstance(parent, ast.If) and parent.orelse == [outer] else None
            for branch in (other, before):
                if isinstance(branch, ast.If):
                    subject = _subject(outer.test)
                    if subject is not None and subject == _subject(branch.test):
                        return bool(self._module.loops.dependents(outer.test, place))
        return False

    def _is_chosen(self, node: ast.expr, place: Place) -> bool:
        """Whether the call is for the one item that a parameter names: ``if item.name == name``."""
        loops = self._module.loops
        for outer in self._module.index.outwards(node, place.loop):
            if not isinstance(outer, ast.If) or not _is_within(outer.body, node):
                continue
            for test in outer.test.values if isinstance(outer.test, ast.BoolOp) else [outer.test]:
                if (
                    not isinstance(test, ast.Compare)
                    or len(test.ops) != 1
                    or not isinstance(test.ops[0], ast.Eq)
                    or (isinstance(outer.test, ast.BoolOp) and isinstance(outer.test.op, ast.Or))
                ):
                    continue
                for own, other in (
                    (test.left, test.comparators[0]),
                    (test.comparators[0], test.left),
                ):
                    resolved = self._module.scopes.resolve(other) if isinstance(other, ast.Name) else None
                    if (
                        resolved is not None
                        and [item.kind for item in resolved[1]] == [Kind.PARAMETER]
                        and _IDENTITY.search(_part(own) or "")
                        and loops.dependents(own, place)
                    ):
                        return True
        return False

    def asks_shared_handle(self, query: Query, place: Place) -> bool:
        """Whether what is asked for is computed with an object of ``self``, such as a browser, that all turns share: they follow one another anyway.

        Args:
            query: a request.
            place: the loop around it.
        """
        loops = self._module.loops
        return any(
            isinstance(call, ast.Call)
            and any(
                isinstance(given, ast.Attribute)
                and self._module.receivers.class_behind(given.value) is not None
                and not loops.dependents(given, place)
                for given in call.args
            )
            and any(isinstance(given, ast.Name) and loops.dependents(given, place) for given in call.args)
            for argument in query.arguments
            for value in loops.behind(argument, place.loop)[1:]
            for call in ast.walk(value)
        )

    def _is_instead(self, node: ast.expr, place: Place) -> bool:
        """Whether the call only stands in for a value that is not there: ``known or fetch(item)``."""
        child: ast.AST = node
        for outer in self._module.index.outwards(node, place.loop):
            if isinstance(outer, ast.BoolOp) and isinstance(outer.op, ast.Or):
                if isinstance(outer.values[0], (ast.Name, ast.Attribute)) and child is not outer.values[0]:
                    return isinstance(self._module.index.parent(outer), (ast.Assign, ast.Call, ast.keyword))
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

    def _is_other_way(self, node: ast.expr, place: Place) -> bool:
        """Whether the branch above takes the item from a mapping: ``if known: known[item.id]``, and only ``else`` asks."""
        loops = self._module.loops
        for outer in self._module.index.outwards(node, place.loop):
            if isinstance(outer, ast.If) and outer.orelse and _is_within(outer.orelse, node):
                given = {dotted(name) for name in names_in(outer.test)}
                if any(
                    isinstance(item, ast.Subscript)
                    and dotted(item.value) in given
                    and loops.dependents(item.slice, place)
                    for statement in outer.body
                    for item in ast.walk(statement)
                ):
                    return True
        return False

    def _fills_gaps(self, node: ast.expr, place: Place) -> bool:
        """Whether the turn makes what it does not find, ``found or create(item.key)``, which later turns may ask for."""
        return any(
            isinstance(item, ast.BoolOp)
            and isinstance(item.op, ast.Or)
            and isinstance(made := item.values[-1], ast.Call)
            and not MAKERS.isdisjoint(words(last_name(made.func) or ""))
            and any(self._module.loops.dependents(value, place) for value in made.args)
            and self._batching.knows_answer(item.values[0], node, place)
            for item in own_nodes(place.loop)
        )

    def _depends_on_answer(self, node: ast.expr, place: Place) -> bool:
        """Whether another question about the item, to the same client, decides if this one is asked."""
        function = node.func if isinstance(node, ast.Call) else None
        client = dotted(function.value) if isinstance(function, ast.Attribute) else None
        if client is None:
            return False
        for outer in self._module.index.outwards(node, place.loop):
            if not isinstance(outer, ast.If) or contains(outer.test, node):
                continue
            for item in ast.walk(outer.test):
                if (
                    isinstance(item, ast.Call)
                    and isinstance(item.func, ast.Attribute)
                    and dotted(item.func.value) == client
                    and any(self._module.loops.dependents(value, place) for value in item.args)
                ):
                    helper = self._module.receivers.definition(item.func)
                    if helper is None or (isinstance(helper, _Helper) and self._candidates.get(helper)):
                        return True
        return False

    def _decides_by_another(self, node: ast.expr, place: Place) -> bool:
        """Whether a loop that its first refusal leaves asks by a field of what another call of the turn has fetched.

        ``version = load(item.href)``, ``repo = get(pk=version.repo_id)``, ``if not allowed(repo): return False``.
        """
        index, loop = self._module.index, place.loop
        if not isinstance(node, ast.Call) or not isinstance(loop, (ast.For, ast.AsyncFor)):
            return False
        if not any(
            isinstance(item, ast.If) and isinstance(item.body[-1], (ast.Return, ast.Raise))
            for item in loop.body
        ):
            return False
        given = [
            value
            for value in (*node.args, *(item.value for item in node.keywords))
            if self._module.loops.dependents(value, place)
        ]
        return bool(given) and all(
            isinstance(value, ast.Attribute)
            and isinstance(value.value, ast.Name)
            and (variable := self._module.loops.variable(value.value)) is not None
            and all(
                isinstance(binding.value, ast.Call)
                and index.statement(binding.node) in loop.body
                and any(self._module.loops.dependents(part, place) for part in binding.value.args)
                for binding in self._module.scopes.bindings(*variable)
            )
            for value in given
        )

    def _runs_once(self, node: ast.expr, loop: Loop) -> bool:
        """Whether the loop is left after the call: by the statement that it stands in, or at the end of a block around it."""
        index = self._module.index
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
        for handler in sorted(self._module.index.nodes(ast.ExceptHandler), key=lambda item: item.lineno):
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
        branch = self._module.index.parent(loop)
        if not isinstance(branch, ast.If):
            return False
        other = branch.orelse if loop in branch.body else branch.body
        return any(
            isinstance(item, ast.Call) and self._queries.word(item.func) in known("bulk")
            for statement in other
            for item in ast.walk(statement)
        )

    def _is_handed_on(self, node: ast.expr) -> bool:
        """Whether the call runs beside others: its coroutine is passed on or collected, not awaited."""
        index = self._module.index
        child: ast.AST = node
        for parent in index.ancestors(node):
            if (
                isinstance(parent, ast.Call)
                and child is not parent.func
                and self._queries.word(parent.func) in known("hand-on")
            ):
                return True
            if isinstance(parent, (ast.stmt, ast.Lambda)):
                break
            child = parent
        parent_ = index.parent(node)
        if not isinstance(node, ast.Call) or isinstance(parent_, (ast.Await, ast.withitem, ast.AsyncFor)):
            return False
        helper = self._module.receivers.definition(node.func)
        if isinstance(helper, ast.AsyncFunctionDef):
            return not (isinstance(parent_, ast.comprehension) and parent_.is_async)
        collected = isinstance(parent_, (*COMPREHENSIONS, ast.Call, ast.Starred, ast.Tuple))
        kind = self._module.called(node)
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
            return any(_UNITS.search(name) for item in outer.items for name in identifiers(item.context_expr))
        if isinstance(outer, ast.If):
            loops = self._module.loops
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
        loops = self._module.loops
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "get"
            and any(loops.dependents(value, place) for value in node.args[:1])
            and not loops.dependents(node.func.value, place)
            and self._queries.lookup(node) is None
        )

    def _ends_early(self, node: ast.expr, place: Place) -> bool:
        """Whether the loop ends at the first match: what is found decides whether the next item is asked for."""
        loop = place.loop
        if isinstance(loop, COMPREHENSIONS):
            taker = self._module.index.parent(loop)
            return (
                isinstance(loop, ast.GeneratorExp)
                and isinstance(taker, ast.Call)
                and self._module.qualname(taker.func) in ("builtins.any", "builtins.all", "builtins.next")
            )
        for leave in own_nodes(loop):
            if not isinstance(leave, (ast.Break, ast.Return)) or leave.lineno < node.lineno:
                continue
            outer = list(self._module.index.outwards(leave, loop))
            if any(isinstance(item, ast.ExceptHandler) for item in outer) or (
                isinstance(leave, ast.Break) and next(self._module.index.loops(leave)) is not loop
            ):
                continue
            tests = [item.test for item in outer if isinstance(item, ast.If)]
            decides = [
                test
                for test in tests
                if contains(test, node) or self._batching.knows_answer(test, node, place)
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
            and isinstance(item.ops[0], (ast.Eq, *ORDERINGS))
            and isinstance(item.left, ast.Call)
            and last_name(item.left.func) == "len"
            and len(item.left.args) == 1
        } - {None}
        return bool(sized) and any(
            isinstance(call.func, ast.Attribute) and dotted(call.func.value) in sized and contains(loop, call)
            for call in self._module.index.calls_named(_GROWING)
        )

    def _is_streamed(self, node: ast.expr, place: Place) -> bool:
        """Whether a generator yields the answer: its consumer decides how many are asked for."""
        return any(
            contains(item.value, node) or self._batching.knows_answer(item.value, node, place)
            for item in own_nodes(place.loop)
            if isinstance(item, (ast.Yield, ast.YieldFrom)) and item.value is not None
        )

    def is_remembered(self, node: ast.expr, region: ast.AST, place: Place) -> bool:
        """Whether the answer is kept in a mapping that is asked first.

        Args:
            node: the query.
            region: where to look for the mapping: the loop, or the function that makes the query.
            place: the loop.
        """
        kept: set[str] = set()
        asked: set[str] = set()
        for item in own_nodes(region):
            if isinstance(item, ast.Assign):
                if contains(item.value, node) or self._batching.knows_answer(item.value, node, place):
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


def _is_row(name: str) -> bool:
    """Whether a name speaks of the rows of a table, or of what they are known by."""
    noun = forms(name)
    return not known("row").isdisjoint(noun) or (says(name) == "data" and known("handful").isdisjoint(noun))


def _part(node: ast.expr) -> str | None:
    """The attribute or key that an expression asks of an object: ``name`` of ``item.name``, ``item["name"]``, ``item.get("name")``."""
    if isinstance(node, ast.Subscript):
        return string(node.slice)
    if isinstance(node, ast.Call) and last_name(node.func) == "get" and node.args:
        return string(node.args[0])
    return node.attr if isinstance(node, ast.Attribute) else None


def _subject(test: ast.expr) -> str | None:
    """What a condition tells kinds of apart: ``op`` of ``op == "add"`` and of ``isinstance(op, Add)``."""
    if (
        isinstance(test, ast.Compare)
        and len(test.ops) == 1
        and isinstance(test.ops[0], (ast.Eq, ast.Is, ast.In))
    ):
        return ast.dump(test.left)
    if isinstance(test, ast.Call) and last_name(test.func) == "isinstance" and test.args:
        return ast.dump(test.args[0])
    return None


def _is_within(block: list[ast.stmt], node: ast.AST) -> bool:
    """Whether a node is a statement of a block of its parent."""
    return block[0].lineno <= getattr(node, "lineno", 0) <= block[-1].lineno


def _is_failure(leave: ast.Return, test: ast.expr) -> bool:
    """Whether a function gives up there: nothing is found, so it returns nothing."""
    negative = (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)) or (
        isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Is) and is_none(test.comparators[0])
    )
    value = leave.value
    return negative and (value is None or (isinstance(value, ast.Constant) and not value.value))
