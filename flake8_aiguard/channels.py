"""Queues and channels without a bound: what holds one, who feeds it, and who empties it."""

from __future__ import annotations

import ast
import functools
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.capacity import Bounds
from flake8_aiguard.children import walk
from flake8_aiguard.index import FUNCTIONS, TRIES, Function, Scope
from flake8_aiguard.lasting import Holder, Lasting
from flake8_aiguard.locking import is_lockish
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind, Use
from flake8_aiguard.shapes import (
    argument,
    dotted,
    hides_arguments,
    is_constant,
    last_name,
    own_nodes,
    parameters,
)

FIELDS: Final = frozenset({"Factory", "field", "ib"})
"""The last identifiers of calls that declare a field, with a queue as its default."""
_FACTORIES: Final = ("default_factory", "factory")
_SENTINEL: Final = regex(r"_*[A-Z][A-Z0-9_]*|_*(?:\w+_)?(?:sentinel|poison|stop|done|eof|end)")
# What comes back through such a queue was asked for, so there is no more of it than of the questions.
_ANSWERS: Final = regex(
    r"(?:\w*_)?(?:results?|resp|responses?|repl(?:y|ies)|answers?|errors?|exceptions?|excs?|futures?|done|outcomes?|out|output|acks?"
    r"|returns?|finished|completed)(?:_?(?:q|queues?|channels?))?",
    re.IGNORECASE,
)
# What is put back is what was taken.
_POOLS: Final = regex(
    r"(?:\w*_)?(?:conns?|connections?|free|idle|available|pool|ready|resources?|slots?|tokens?|permits?)(?:_\w+)?"
)
# Somebody waits for each of them.
_AWAITED: Final = regex(r"_*(?:\w+_)?(?:call|callback|fut|future|promise)")
# What says start and stop, not what there is to do.
_CONTROLS: Final = regex(
    r"_*(?:abort|cancel|clean_?up|close|configure|disable|disconnect|enable|exit|halt|join|kill|pause|quit|register|reset|resume|set|setup|shutdown|start|stop|terminate|__exit__|__aexit__|__del__)"
    r"(?:_\w+)?"
)
_OPENS: Final = regex(r"_*(?:connect|launch|open)(?:_\w+)?")
# What others call and must not be held up: the callbacks of a framework, a library or an event loop.
_CALLBACKS: Final = regex(r"_*callback|_*on_\w+|_*\w+_callback")
_NOTICES: Final = regex(
    r"_*(?:emit|fire|notify|trigger)(?:_\w+)?"
)  # of methods, which others override or subscribe to
_SUBSCRIBES: Final = regex(
    r"(?:add|attach|connect|listen|observe|on|register|set|subscribe|watch)(?:_\w+)?|\w+(?:callback|handler|listener)"
)
# What a job is asked for by the worker that runs it.
_RUNS: Final = regex(r"__call__|_*(?:execute|invoke|process|render|run)(?:_(?:job|task))?")
# What puts an item into the queue of somebody else.
_MOVES: Final = regex(r"_*(?:put|put_nowait|enqueue(?:_\w+)?|queue_\w+)")
_PROGRESS: Final = frozenset({"enqueued", "phase", "queued", "scheduled", "stage", "state", "status"})
# What stands in for the real thing in tests and demonstrations.
_DOUBLES: Final = regex(r"_*(?:Dummy|Fake|Mock|Stub)")
_SIZES: Final = frozenset({"_qsize", "maxsize", "qsize", "statistics"})
# What is put into a queue so that its consumer can say when it is done.
_FIRST: Final = 4  # bindings of a name
_HANDS_OUT: Final = ("put", "put_nowait", "set_result")  # to who waits for this answer
_PROMISES: Final = frozenset({"Condition", "Event", "Future", "create_future"})
_LIMIT: Final = regex(r"(?:^|_)(?:limits?|max(?:imum)?|capacity|quota)(?:_|$)", re.IGNORECASE)
_RUNNERS: Final = frozenset(
    {
        "anyio",
        "asyncio",
        "concurrent",
        "eventlet",
        "gevent",
        "multiprocessing",
        "threading",
        "trio",
        "twisted",
    }
)
_STOPS: Final = regex(r"_*(?:close|end|halt|shut_?down|stop|terminate)(?:_|$)")
_OPTIONAL: Final = regex(r"\b(?:None|Optional)\b")
_KNOWN_BASES: Final = sys.stdlib_module_names | {"attr", "attrs", "builtins", "pydantic"}
_STARTS: Final = ("Thread", "Process", "Timer")


@dataclass(frozen=True, slots=True)
class Channel:
    """An unbounded queue that somebody feeds and somebody else is to empty.

    Attributes:
        name: what holds it, as written.
        put: a call that feeds it.
        row: its row in ``buffers.queue``.
    """

    name: str
    put: ast.Call
    row: knowledge.Row


class Channels:
    """The queues of one file.

    Args:
        module: the file.
        bounds: its bounds.
        lasting: its globals and attributes.
    """

    def __init__(self, module: Module, bounds: Bounds, lasting: Lasting) -> None:
        self._module = module
        self._bounds = bounds
        self._lasting = lasting
        self._seen: set[Holder] = set()

    def unbounded(self, call: ast.Call) -> Channel | None:
        """The channel that a call makes, where it grows whenever its consumer is slow.

        Args:
            call: the construction, or the ``field(default_factory=...)`` around it.

        Returns:
            The channel; ``None`` where it has a bound or may have one, where it ends with the function that makes it, or nothing in
            the file feeds it without looking at how much of it is left.
        """
        row = self._row(call)
        if row is None or not self._lacks_bound(call, row):
            return None
        target = self._lasting.target(call)
        if row["ends"] and isinstance(target, (ast.Tuple, ast.List)) and len(target.elts) == 2:
            holder, other = (self._lasting.holder(item) for item in target.elts)
        else:
            holder = other = None if target is None else self._lasting.holder(target)
        if holder is None or other is None or target is None or holder in self._seen:
            return None
        self._seen.add(holder)
        if any(known.fullmatch(holder.name.strip("_").lower()) for known in (_ANSWERS, _POOLS)):
            return None
        if holder.is_local:
            put = self._local_feed(holder, other, row)
        else:
            put = self._feed(holder, other, row, call)
        if put is None:
            return None
        shown = target.elts[0] if isinstance(target, (ast.Tuple, ast.List)) else target
        return Channel(dotted(shown) or holder.name, put, row)

    # -- the bound

    def _may_be_given(self, call: ast.Call) -> bool:
        """Whether the caller may hand in a queue of its own, with the bound of its choice: ``Queue() if events is None else events``."""
        outer = self._module.index.parent(call)
        others = [outer.body, outer.orelse] if isinstance(outer, ast.IfExp) else getattr(outer, "values", [])
        resolved = [self._module.scopes.resolve(item) for item in others if isinstance(item, ast.Name)]
        return any(
            binding.kind is Kind.PARAMETER for found in resolved if found is not None for binding in found[1]
        )

    def _row(self, call: ast.Call) -> knowledge.Row | None:
        table = knowledge.by_call("buffers.queue")
        made = (
            call.func.value if isinstance(call.func, ast.Subscript) else call.func
        )  # create_...[int](math.inf)
        name = self._module.qualname(made)
        if name is not None and name in table:
            return table[name]
        factory = next((item.value for item in call.keywords if item.arg in _FACTORIES), None)
        if factory is None and last_name(call.func) == "Factory":
            factory = argument(call, None, 0)
        return None if factory is None else table.get(self._module.qualname(factory) or "")

    def _lacks_bound(self, call: ast.Call, row: knowledge.Row) -> bool:
        if self._module.qualname(call.func) not in row["calls"] and not isinstance(call.func, ast.Subscript):
            return bool(row["default"] == "unbounded")  # the factory of a field
        size = argument(call, row["maxsize"], 0)
        if size is not None:
            return self._bounds.is_infinite(size, zero=row["zero"])
        return row["default"] == "unbounded" and not hides_arguments(call)

    # -- who feeds it

    def _feed(self, holder: Holder, other: Holder, row: knowledge.Row, call: ast.Call) -> ast.Call | None:
        """A call that feeds a long-lived queue from outside of its making."""
        if self._is_watched(holder, other, row) or _DOUBLES.match(getattr(holder.owner, "name", "")):
            return None
        if self._ends_together(holder) or self._is_of_framework(holder.owner):
            return None
        puts = [put for put in self._calls(holder, row["put"], row) if self._is_own(put, holder, row)]
        gets = list(self._calls(other, row["get"], row))
        if any(self._stops_loop(put, row) for put in puts):
            return None
        if self._takes_turns(puts, gets) or any(map(self._is_executed, gets)):
            return None
        maker = self._module.index.function(call)
        if maker is not None and any(self._is_filled_by(maker, put) for put in puts):
            return None
        if self._are_streamed(gets) or self._are_drained(gets) or self._are_moved(gets):
            return None
        if self._are_locked(puts) or (puts and all(map(self._is_admitted, puts))):
            return None
        if any(map(self._is_called_locked, puts)) or self._is_bounded_later(holder):
            return None
        if self._is_refused_later(puts, gets):
            return None
        closing = self._closing(puts)
        feeds = [
            put
            for put in puts
            if self._is_feed(put, gets, holder, maker)
            and self._module.index.function(put) not in closing
            and not self._shares_lock(put, gets)
        ]
        if not feeds or self._are_callbacks(feeds, row):
            return None
        if not gets and (
            self._may_be_given(call)
            or any(self._is_handed_on(mention) for mention in self._lasting.mentions(other))
        ):
            return None  # its consumer is elsewhere
        looped = [put for put in feeds if self._is_looped(put)]
        if not looped:
            feeds = [put for put in feeds if not self._is_private(put)]
            if not feeds or any(map(self._ends_consumer, puts)) or self._are_gathered(gets):
                return None
        if gets and not looped and not any(map(self._serves_on, gets)):
            return None  # asked once, answered once, however often it is tried; or a pool
        return (looped or feeds)[0]

    def _stops_loop(self, put: ast.Call, row: knowledge.Row) -> bool:
        """Whether a coroutine puts into a queue of threads: where that waits for room, nothing else in the event loop runs."""
        return (
            "queue.Queue" in row["calls"]
            and last_name(put.func) == "put"
            and isinstance(self._module.index.function(put), ast.AsyncFunctionDef)
        )

    def _serves_on(self, get: ast.Call) -> bool:
        """Whether a loop takes item after item, and does not only count how often it tries."""
        return any(
            not (
                isinstance(loop, ast.While)
                and isinstance(loop.test, ast.Compare)
                and isinstance(loop.test.ops[0], (ast.Lt, ast.LtE))
            )
            and not (
                isinstance(loop, ast.For)
                and isinstance(loop.iter, ast.Call)
                and last_name(loop.iter.func) == "range"
            )
            for loop in self._module.index.loops(get)
        )

    def _is_private(self, put: ast.Call) -> bool:
        """Whether a private function feeds a queue, of which the rest of the class says how often."""
        return getattr(self._module.index.function(put), "name", "").startswith("_")

    def _ends_consumer(self, put: ast.Call) -> bool:
        """Whether what tells the consumer to end comes through its queue: a bound would hold up who stops it."""
        function = self._module.index.function(put)
        if function is None or isinstance(function, ast.Lambda):
            return False
        if _STOPS.match(function.name) or self._is_sentinel(put):
            return True
        item = put.args[0]
        return isinstance(item, ast.Name) and any(
            parameter.arg == item.id
            and parameter.annotation is not None
            and _OPTIONAL.search(ast.unparse(parameter.annotation)) is not None
            for parameter in parameters(function)
        )

    def _are_gathered(self, gets: list[ast.Call]) -> bool:
        """Whether one function waits for an item and then takes what else there is: it deals with a whole backlog at once."""
        index = self._module.index
        waits = {index.function(get) for get in gets if last_name(get.func) in ("get", "receive")}
        takes = {
            index.function(get) for get in gets if last_name(get.func) in ("get_nowait", "receive_nowait")
        }
        return not waits.isdisjoint(takes)

    def _is_looped(self, put: ast.Call) -> bool:
        """Whether a loop feeds one queue again and again."""
        receiver = put.func.value if isinstance(put.func, ast.Attribute) else put.func
        return dotted(receiver) is not None and any(self._module.index.loops(put))

    def _is_handed_on(self, mention: ast.expr) -> bool:
        use, _ = self._module.scopes.use_of(mention)
        return use in (Use.PASSED, Use.RETURNED, Use.STORED) and not self._lasting.is_alias(mention)

    def _local_feed(self, holder: Holder, other: Holder, row: knowledge.Row) -> ast.Call | None:
        """A call in an endless loop that feeds a queue of one function, for a consumer in another."""
        puts = list(self._reached(holder, row["put"], row))
        gets = list(self._reached(other, row["get"], row))
        if any(map(self._is_streamed, gets)):
            return None
        closing = self._closing(puts)
        consumers = {self._module.index.function(get) for get in gets if any(self._module.index.loops(get))}
        for put in puts:
            producer = self._module.index.function(put)
            if producer in closing:
                continue
            if consumers - {producer} and self._is_endless(put) and not self._is_sentinel(put):
                return put
        return None

    @memoised
    def _is_of_framework(self, owner: Scope) -> bool:
        """Whether a class is built on one of another file than the standard library's: that one says when methods are called, and
        may limit or empty what is kept."""
        seen: set[Scope] = set()
        stack = [owner]
        while stack:
            item = stack.pop()
            if not isinstance(item, ast.ClassDef) or item in seen:
                continue
            seen.add(item)
            for base in item.bases:
                base = base.value if isinstance(base, ast.Subscript) else base
                found = self._module.receivers.definition(base)
                package = (self._module.qualname(base) or "").partition(".")[0]
                if isinstance(found, ast.ClassDef):
                    stack.append(found)
                elif package not in _KNOWN_BASES:
                    return True
        return False

    def _is_streamed(self, get: ast.Call) -> bool:
        """Whether a generator or iterator gives on what it takes: when its reader goes away, a bound would hold the producer up
        for ever."""
        function = self._module.index.function(get)
        if getattr(function, "name", "") in ("__next__", "__anext__"):
            return True
        return not self._yielding.isdisjoint(self._module.index.loops(get))

    def _are_streamed(self, gets: list[ast.Call]) -> bool:
        """Whether a generator alone empties a queue."""
        functions = {self._module.index.function(get) for get in gets if self._is_streamed(get)}
        return bool(functions) and all(self._module.index.function(get) in functions for get in gets)

    def _are_drained(self, gets: list[ast.Call]) -> bool:
        """Whether a queue is only emptied of what there is, in each turn of its consumer, when its owner starts or ends or nothing
        in the file runs beside it: nobody waits at its other end."""
        return bool(gets) and all(self._is_drained(get) or self._takes_all(get) for get in gets)

    def _takes_all(self, get: ast.Call) -> bool:
        """Whether a loop takes what there is and leaves when a queue is empty: ``except queue.Empty: break``."""
        index = self._module.index
        loop = next(iter(index.loops(get)), None)
        if last_name(get.func) not in ("get_nowait", "receive_nowait") or not isinstance(loop, ast.While):
            return False
        return any(
            (last_name(handler.type) or "").endswith(("Empty", "WouldBlock"))
            and isinstance(handler.body[-1], (ast.Break, ast.Return))
            for handler in index.handlers(get)
            if loop in index.ancestors(handler)
        )

    def _is_drained(self, get: ast.Call) -> bool:
        index = self._module.index
        loops, function = list(index.loops(get)), index.function(get)
        name = getattr(function, "name", "")
        return (
            len(loops) == 1
            and isinstance(loops[0], ast.While)
            and any(
                isinstance(node, ast.Attribute) and node.attr == "empty" for node in ast.walk(loops[0].test)
            )
            and (
                bool(_CONTROLS.fullmatch(name) or _OPENS.fullmatch(name))
                or index.packages.isdisjoint(_RUNNERS)
            )
        )

    @functools.cached_property
    def _yielding(self) -> frozenset[ast.AST]:
        """The loops that yield."""
        index = self._module.index
        return frozenset(
            loop
            for node in (*index.nodes(ast.Yield), *index.nodes(ast.YieldFrom))
            for loop in index.loops(node)
        )

    def _closing(self, puts: list[ast.Call]) -> set[Function | None]:
        """The producers that put a last signal in ``finally``, which a full queue would not let through."""
        index = self._module.index
        found: set[Function | None] = set()
        for put in puts:
            function, child = index.function(put), ast.AST()
            for parent in index.ancestors(put):
                if parent is function:
                    break
                if isinstance(parent, TRIES) and child in parent.finalbody:
                    found.add(function)
                child = parent
        return found

    def _is_filled_by(self, maker: Function, put: ast.Call) -> bool:
        """Whether what makes a queue also calls what fills it, before anybody could take something out."""
        return self._module.index.function(put) is not maker and maker in self._callers([put])

    def _are_locked(self, puts: list[ast.Call]) -> bool:
        """Whether one lock is held around all that feeds a queue: waiting for room, the first would keep all others out."""
        index = self._module.index
        held = [
            {dotted(item.context_expr) for item in index.with_items(put) if is_lockish(item.context_expr)}
            for put in puts
        ]
        return bool(held) and bool(set.intersection(*held) - {None})

    def _is_called_locked(self, put: ast.Call) -> bool:
        """Whether a function that feeds a queue is called under a lock: waiting for room, it would keep all others out."""
        index = self._module.index
        function = index.function(put)
        return isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and any(
            is_lockish(item.context_expr)
            for call in index.calls_named((function.name,))
            if self._module.receivers.definition(call.func) is function
            for item in index.with_items(call)
        )

    def _is_bounded_later(self, holder: Holder) -> bool:
        """Whether the file sets the bound of a queue after it was made: ``self.queue.maxsize = settings.queue_size``."""
        return self._module.says(".maxsize") and any(
            item.attr == "maxsize"
            and isinstance(item.ctx, ast.Store)
            and last_name(item.value) == holder.name
            for item in self._module.index.nodes(ast.Attribute)
        )

    def _is_admitted(self, put: ast.Call) -> bool:
        """Whether a condition compares a count with a limit before a queue is fed: ``if self.waiting < self.limit: ...``."""
        index = self._module.index
        child: ast.AST = put
        for parent in index.ancestors(put):
            if isinstance(parent, FUNCTIONS):
                break
            if isinstance(parent, ast.If) and child in parent.body and _admits(parent.test):
                return True
            child = parent
        function = index.function(put)
        return isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and any(
            isinstance(item, ast.If) and _refuses(item) for item in function.body if item.lineno < put.lineno
        )

    def _shares_lock(self, put: ast.Call, gets: list[ast.Call]) -> bool:
        """Whether a queue is fed under a lock that its consumer takes as well: waiting for room would keep it out."""
        held = self._locks_around(put)
        return bool(held) and any(not held.isdisjoint(self._locks_taken(get)) for get in gets)

    def _locks_around(self, put: ast.Call) -> set[str]:
        """What is held where a call runs, by itself or by a caller of its function."""
        index = self._module.index
        function = index.function(put)
        calls = [put]
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            calls += [
                call
                for call in index.calls_named((function.name,))
                if self._module.receivers.definition(call.func) is function
            ]
        return {
            name for call in calls for item in index.with_items(call) if (name := dotted(item.context_expr))
        }

    @memoised
    def _taken_by(self, function: Function) -> frozenset[str]:
        return frozenset(
            name
            for node in ast.walk(function)
            if isinstance(node, (ast.With, ast.AsyncWith))
            for item in node.items
            if (name := dotted(item.context_expr))
        )

    def _locks_taken(self, get: ast.Call) -> frozenset[str]:
        """What the function that empties a queue takes, around its call or after it."""
        function = self._module.index.function(get)
        return frozenset() if function is None else self._taken_by(function)

    def _is_endless(self, put: ast.Call) -> bool:
        for loop in self._module.index.loops(put):
            if isinstance(loop, ast.AsyncFor):
                return True
            if isinstance(loop, ast.While) and isinstance(loop.test, ast.Constant) and loop.test.value:
                return not any(isinstance(node, (ast.Break, ast.Return)) for node in ast.walk(loop))
        return False

    def _is_feed(self, put: ast.Call, gets: list[ast.Call], holder: Holder, maker: Function | None) -> bool:
        index = self._module.index
        function = index.function(put)
        if function is None or function is maker or self._is_sentinel(put):
            return False
        if not isinstance(function, ast.Lambda) and _CONTROLS.fullmatch(function.name):
            return False
        if any(index.function(get) is function for get in gets):
            return False  # a consumer that finds more work would wait for itself
        return (
            not self._waits(function, holder)
            and not self._is_deduplicated(put, function)
            and not self._is_answered(put, function)
            and not self._is_promised(function)
            and not self._sleeps_after(put, function)
            and self._answering.isdisjoint(index.loops(put))
        )

    @functools.cached_property
    def _answering(self) -> frozenset[ast.AST]:
        """The loops that hand answers to those who wait for them, and whom a full queue would keep waiting.

        ``self.pending[number].set_result(answer)``, also by a local name.
        """
        index = self._module.index
        found: set[ast.AST] = set()
        for call in index.calls_named(_HANDS_OUT):
            function = index.function(call)
            if isinstance(call.func, ast.Attribute) and function is not None:
                waiting = call.func.value
                values = [waiting]
                if isinstance(waiting, ast.Name):
                    bindings = self._module.scopes.bindings(function, waiting.id)[:_FIRST]
                    values = [item.value for item in bindings if item.value is not None]
                if any(map(_is_looked_up, values)):
                    found.update(index.loops(call))
        return frozenset(found)

    def _sleeps_after(self, put: ast.Call, function: Function) -> bool:
        """Whether who feeds a queue then sleeps in a loop until the answer is there."""
        return self._last_sleeps.get(function, 0) > put.lineno

    @functools.cached_property
    def _last_sleeps(self) -> dict[Function | None, int]:
        """The lines of the last calls that sleep in a loop, by function."""
        index = self._module.index
        found: dict[Function | None, int] = {}
        for call in index.calls_named(("sleep", "wait")):
            if any(index.loops(call)):
                function = index.function(call)
                found[function] = max(call.lineno, found.get(function, 0))
        return found

    def _is_promised(self, function: Function) -> bool:
        """Whether a ``submit()`` gives a future back for each item: it must not block, and the future is kept anyway."""
        return getattr(function, "name", "").lstrip("_").startswith("submit") and any(
            isinstance(node, ast.Call) and last_name(node.func) in ("Future", "create_future")
            for node in own_nodes(function)
        )

    def _are_moved(self, gets: list[ast.Call]) -> bool:
        """Whether all that takes items out puts them into another queue as they are: ``item = await q.get(); await
        self.next.put(item)``."""
        return bool(gets) and all(map(self._is_moved, gets))

    def _is_moved(self, get: ast.Call) -> bool:
        index, scopes = self._module.index, self._module.scopes
        assign = index.statement(get)
        target = assign.targets[0] if isinstance(assign, ast.Assign) else None
        if not isinstance(target, ast.Name):
            return False
        owner = scopes.owner(index.scope(target), target.id)
        calls = (
            [
                call
                for use in scopes.uses(owner, target.id)
                if isinstance(call := index.parent(use), ast.Call) and use in call.args
            ]
            if owner is not None
            else []
        )
        moves = [
            call
            for call in calls
            if _MOVES.fullmatch(last_name(call.func) or "") and not self._is_bounded(call.func)
        ]
        return bool(moves) and all(
            call in moves or last_name(call.func) == "isinstance" or call.lineno > moves[0].lineno
            for call in calls
        )

    def _is_bounded(self, method: ast.expr) -> bool:
        """Whether the file gives the queue of a method a bound, behind which items wait."""
        holder = self._lasting.holder(method.value) if isinstance(method, ast.Attribute) else None
        made = [
            getattr(self._module.index.parent(store), "value", None)
            for store in ([] if holder is None else self._lasting.stores(holder))
        ]
        return any(
            isinstance(call, ast.Call)
            and (row := self._row(call)) is not None
            and not self._lacks_bound(call, row)
            for call in made
        )

    def _is_refused_later(self, puts: list[ast.Call], gets: list[ast.Call]) -> bool:
        """Whether an error ends the consumer, and who feeds the queue refuses from then on: ``if not self.connected: raise ...``.

        With a bound, whoever has passed that check would wait for a consumer that is gone.
        """
        return bool(gets) and all(map(self._may_end, gets)) and all(map(self._is_refused, puts))

    def _may_end(self, get: ast.Call) -> bool:
        """Whether a handler outside of the consumer's loop catches whatever happens in it, and lets it end there."""
        index = self._module.index
        loops = list(index.loops(get))
        return bool(loops) and any(
            isinstance(outer, TRIES)
            and any(
                (handler.type is None or last_name(handler.type) in ("BaseException", "Exception"))
                and not any(isinstance(item, ast.Raise) for item in own_nodes(handler))
                for handler in outer.handlers
            )
            for outer in index.ancestors(loops[-1])
        )

    def _is_refused(self, put: ast.Call) -> bool:
        function = self._module.index.function(put)
        return isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and any(
            isinstance(item, ast.If)
            and isinstance(item.test, ast.UnaryOp)
            and isinstance(item.test.operand, ast.Attribute)
            and isinstance(item.body[-1], ast.Raise)
            for item in function.body
            if item.lineno < put.lineno
        )

    def _is_answered(self, put: ast.Call, function: Function) -> bool:
        """Whether who feeds a queue waits until the consumer has dealt with the item: a future that goes with it is awaited
        after it. There are no more items than callers."""
        scopes = self._module.scopes
        given = [
            name
            for item in (*put.args, *(keyword.value for keyword in put.keywords))
            for name in self._handed_in(item, function)
        ]
        for name in given:
            bindings = scopes.bindings(function, name)
            made = bindings[0].value if len(bindings) == 1 else None
            if not isinstance(made, ast.Call) or last_name(made.func) not in _PROMISES:
                continue
            uses = (use for use in scopes.uses(function, name) if use.lineno >= put.lineno)
            if any(map(self._is_waited_for, uses)):
                return True
        return False

    def _handed_in(self, item: ast.expr, function: Function) -> list[str]:
        """The variables that are put, themselves, in a tuple, or in an object that a local variable holds."""
        if isinstance(item, ast.Name):
            bindings = self._module.scopes.bindings(function, item.id)
            made = bindings[0].value if len(bindings) == 1 else None
            if isinstance(made, (ast.Call, ast.Dict, ast.Tuple)):
                return [item.id, *(node.id for node in walk(made) if isinstance(node, ast.Name))]
        return [node.id for node in walk(item) if isinstance(node, ast.Name)]

    def _is_waited_for(self, use: ast.expr) -> bool:
        """Whether a mention of a future or event waits for it: ``await future``, ``await wait_for(future, 5)``, ``done.wait()``."""
        index = self._module.index
        outer = index.parent(use)
        if isinstance(outer, ast.Attribute) and outer.attr in ("result", "wait"):
            return isinstance(index.parent(outer), ast.Call)
        while isinstance(outer, ast.Call) and last_name(outer.func) in ("shield", "wait_for"):
            use, outer = outer, index.parent(outer)
        return isinstance(outer, ast.Await)

    def _ends_together(self, holder: Holder) -> bool:
        """Whether callers wait until the consumer has done all: a method ``wait()`` joins its thread."""
        index = self._module.index
        return any(
            isinstance(function, ast.FunctionDef)
            and function.name in ("finish", "wait")
            and index.class_of(function) is holder.owner
            for call in index.calls_named(("join",))
            if not call.args
            for function in (index.function(call),)
        )

    def _is_own(self, put: ast.Call, holder: Holder, row: knowledge.Row) -> bool:
        """Whether what is fed is certainly this queue, not one of the same name in another object."""
        assert isinstance(put.func, ast.Attribute)
        receiver = put.func.value
        if isinstance(receiver, ast.Attribute) and receiver.attr in row["views"]:
            receiver = receiver.value
        found = self._lasting.holder(receiver)
        if found is None:
            return False
        if found.is_local:
            return len(self._module.scopes.bindings(found.owner, found.name)) == 1
        return True

    def _are_callbacks(self, puts: list[ast.Call], row: knowledge.Row) -> bool:
        """Whether nobody who feeds a queue can wait: with a bound, items would be lost or a foreign thread held up."""
        is_asyncio = "asyncio.Queue" in row["calls"]
        return bool(puts) and all(
            isinstance(function, ast.FunctionDef)
            and (
                (is_asyncio and last_name(put.func) == "put_nowait")
                or bool(_CALLBACKS.fullmatch(function.name))
                or (_NOTICES.fullmatch(function.name) and self._module.index.class_of(function) is not None)
                or self._is_subscribed(function)
            )
            for put in puts
            for function in (self._module.index.function(put),)
        )

    def _is_subscribed(self, function: ast.FunctionDef) -> bool:
        """Whether a function within a function is handed to what calls it back: ``channel.set_callback(keep)``."""
        index = self._module.index
        around = index.function(function)
        return around is not None and any(
            isinstance(call := index.parent(use), ast.Call)
            and use in call.args
            and _SUBSCRIBES.fullmatch(last_name(call.func) or "") is not None
            for use in self._module.scopes.uses(around, function.name)
        )

    def _takes_turns(self, puts: list[ast.Call], gets: list[ast.Call]) -> bool:
        """Whether one function both feeds and empties a queue, itself or through what it calls: it would wait for itself."""
        return not self._callers(gets).isdisjoint(self._callers(puts))

    def _callers(self, calls: list[ast.Call]) -> set[Function]:
        """The functions that make these calls, and those that call them in turn; not those that start them as tasks."""
        index, definition = self._module.index, self._module.receivers.definition
        found: set[Function] = set()
        stack = [index.function(call) for call in calls]
        while stack:
            function = stack.pop()
            if function is None or function in found:
                continue
            found.add(function)
            if isinstance(function, ast.Lambda):
                continue
            for call in index.calls_named((function.name,)):
                is_passed = isinstance(index.parent(call), (ast.Call, ast.keyword, ast.Starred, ast.List))
                if not is_passed and definition(call.func) is function:
                    stack.append(index.function(call))
        return found

    def _is_executed(self, get: ast.Call) -> bool:
        """Whether what is taken out is a piece of work that is called: a function, or a job with a method to run it."""
        index = self._module.index
        outer = index.parent(get)
        while isinstance(outer, (ast.Await, ast.Call)):
            outer = index.parent(outer)
        target = outer.targets[0] if isinstance(outer, ast.Assign) else getattr(outer, "target", None)
        if isinstance(target, (ast.Tuple, ast.List)) and target.elts:
            target = target.elts[0]
        owner = (
            self._module.scopes.owner(index.scope(target), target.id)
            if isinstance(target, ast.Name)
            else None
        )
        if owner is None or not isinstance(target, ast.Name):
            return False
        for use in self._module.scopes.uses(owner, target.id):
            called: ast.AST = use
            parent = index.parent(called)
            if isinstance(parent, ast.Subscript) and parent.value is use:
                called, parent = parent, index.parent(parent)  # entry["callback"]()
            elif isinstance(parent, ast.Attribute) and _RUNS.fullmatch(parent.attr):
                called, parent = parent, index.parent(parent)
            if isinstance(parent, ast.Call) and parent.func is called:
                return True
        return False

    def _is_deduplicated(self, put: ast.Call, function: Function) -> bool:
        """Whether each item is in the queue once at most: noted in a set that is asked first, or moved to another state."""
        asked, noted, moved = self._notes(function)
        if not asked.isdisjoint(noted):
            return True
        return any(isinstance(item, ast.Name) and item.id in moved for item in put.args)

    @memoised
    def _notes(self, function: Function) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
        """The collections that a function asks for an item, those that it adds to, and the variables whose state it sets."""
        asked: set[str | None] = set()
        noted: set[str | None] = set()
        moved: set[str] = set()
        for node in ast.walk(function):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
                asked.add(dotted(node.comparators[0]))
            elif (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "add"
            ):
                noted.add(dotted(node.func.value))
            elif isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store):
                if isinstance(node, ast.Subscript):
                    noted.add(dotted(node.value))
                elif node.attr in _PROGRESS and isinstance(node.value, ast.Name):
                    moved.add(node.value.id)
        return tuple(frozenset(filter(None, names)) for names in (asked, noted, moved))  # type: ignore[return-value]

    def _is_sentinel(self, put: ast.Call) -> bool:
        """Whether what is put is a signal, or a call that somebody waits for."""
        if not put.args:
            return True
        item = put.args[0]
        if isinstance(item, (ast.Name, ast.Attribute)):
            name = last_name(item) or ""
            return bool(_SENTINEL.fullmatch(name) or _AWAITED.fullmatch(name))
        return isinstance(item, ast.Constant)

    @memoised
    def _waits(self, function: Function, holder: Holder) -> bool:
        """Whether a function waits until all that it fed is done, or takes a permit before it feeds."""
        for call in self._module.index.calls_named(("join", "acquire")):
            if (
                isinstance(call.func, ast.Attribute)
                and self._module.index.function(call) is function
                and (call.func.attr == "acquire" or self._lasting.holder(call.func.value) == holder)
            ):
                return True
        return False

    def _is_watched(self, holder: Holder, other: Holder, row: knowledge.Row) -> bool:
        """Whether something hangs on the size of the queue, or looks into it."""
        index = self._module.index
        methods = [
            item
            for item in map(index.parent, self._lasting.mentions(holder))
            if isinstance(item, ast.Attribute) and (item.attr == "queue" or item.attr in _SIZES)
        ]
        if any(item.attr == "queue" or self._decides(item) for item in methods):
            return True
        counts = {index.function(item) for item in methods if self._counts(item)}
        return bool(counts) and any(
            index.function(get) in counts and any(index.loops(get))
            for get in self._calls(other, row["get"], row)
        )

    def _decides(self, size: ast.Attribute) -> bool:
        """Whether a condition asks for more of a size than whether it is 0."""
        for outer in self._module.index.ancestors(size):
            if isinstance(outer, ast.Compare):
                return not any(is_constant(side, 0) for side in (outer.left, *outer.comparators))
            if isinstance(outer, ast.stmt):
                break
        return False

    def _counts(self, size: ast.Attribute) -> bool:
        """Whether a size is kept, or says how often a loop turns: its reader takes as many items as there are."""
        statement = self._module.index.statement(size)
        if isinstance(statement, ast.For):
            return any(size is node for node in walk(statement.iter))
        return isinstance(statement, (ast.Assign, ast.AnnAssign))

    # -- its calls

    def _calls(self, holder: Holder, methods: list[str], row: knowledge.Row) -> Iterator[ast.Call]:
        for mention in self._lasting.mentions(holder):
            yield from self._called(mention, methods, row)

    def _called(self, mention: ast.expr, methods: list[str], row: knowledge.Row) -> Iterator[ast.Call]:
        index = self._module.index
        method = index.parent(mention)
        if isinstance(method, ast.Attribute) and method.attr in row["views"]:
            method = index.parent(method)
        if isinstance(method, ast.Attribute) and method.attr in methods:
            call = index.parent(method)
            if isinstance(call, ast.Call) and call.func is method:
                yield call

    def _reached(self, holder: Holder, methods: list[str], row: knowledge.Row) -> Iterator[ast.Call]:
        """The calls on a local variable, and on the parameters of this file's functions that it is passed for."""
        seen = {holder}
        stack = [holder]
        while stack:
            for mention in self._lasting.mentions(stack.pop()):
                yield from self._called(mention, methods, row)
                passed = self._passed(mention)
                if passed is not None and passed not in seen:
                    seen.add(passed)
                    stack.append(passed)

    def _passed(self, mention: ast.expr) -> Holder | None:
        """The parameter that a queue is passed for: ``f(q)``, ``Thread(target=f, args=(q,))``, ``start_soon(f, q)``."""
        index, definition = self._module.index, self._module.receivers.definition
        outer = index.parent(mention)
        if isinstance(outer, ast.Tuple):
            keyword = index.parent(outer)
            call = (
                index.parent(keyword) if isinstance(keyword, ast.keyword) and keyword.arg == "args" else None
            )
            if not isinstance(call, ast.Call) or last_name(call.func) not in _STARTS:
                return None
            target = argument(call, "target")
            return None if target is None else _parameter(definition(target), outer.elts.index(mention))
        if isinstance(outer, ast.keyword):
            call = index.parent(outer)
            found = definition(call.func) if isinstance(call, ast.Call) else None
            return Holder(found, outer.arg) if isinstance(found, FUNCTIONS) and outer.arg else None
        if isinstance(outer, ast.Call) and mention in outer.args:
            position = outer.args.index(mention)
            if last_name(outer.func) in ("start_soon", "submit", "run_in_executor"):
                head = 2 if last_name(outer.func) == "run_in_executor" else 1
                return (
                    _parameter(definition(outer.args[head - 1]), position - head)
                    if position >= head
                    else None
                )
            return _parameter(definition(outer.func), position)
        return None


def _admits(test: ast.expr) -> bool:
    """Whether a condition holds below a limit."""
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.ops[0], (ast.Lt, ast.LtE))
        and _LIMIT.search(last_name(test.comparators[0]) or "") is not None
    )


def _refuses(statement: ast.If) -> bool:
    """Whether a statement leaves above a limit."""
    test = statement.test
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.ops[0], (ast.Gt, ast.GtE))
        and _LIMIT.search(last_name(test.comparators[0]) or "") is not None
        and isinstance(statement.body[-1], (ast.Raise, ast.Return))
    )


def _parameter(function: ast.AST | None, position: int) -> Holder | None:
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    names = [item.arg for item in (*function.args.posonlyargs, *function.args.args)]
    if names[:1] in (["self"], ["cls"]):
        names = names[1:]
    return Holder(function, names[position]) if position < len(names) else None


def _is_looked_up(value: ast.expr) -> bool:
    """Whether an expression takes an entry of a dict that an object keeps: ``self.pending.pop(number, None)``."""
    if isinstance(value, ast.Subscript):
        return isinstance(value.value, ast.Attribute)
    return (
        isinstance(value, ast.Call)
        and bool(value.args)
        and isinstance(value.func, ast.Attribute)
        and value.func.attr in ("get", "pop")
        and isinstance(value.func.value, ast.Attribute)
    )
