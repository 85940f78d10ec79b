"""Queues without a bound that fill up: who feeds them without waiting, and whose slow work empties them."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from flake8_aiguard import arguments, knowledge
from flake8_aiguard.capacity import Bounds
from flake8_aiguard.handovers import Handovers
from flake8_aiguard.index import FUNCTIONS, TRIES, Function, Index, Loop
from flake8_aiguard.lasting import Holder, Lasting
from flake8_aiguard.locking import is_lockish
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import (
    argument,
    dotted,
    hides_arguments,
    identifiers,
    last_name,
    own_nodes,
    parameters,
)

FIELDS: Final = frozenset({"Factory", "field", "ib"})
"""The last identifiers of calls that declare a field, with a queue as its default."""
_FACTORIES: Final = ("default_factory", "factory")
_Def = ast.FunctionDef | ast.AsyncFunctionDef
# What comes back was asked for, and what is put back was taken: there is no more of it than of the questions and of what there was.
_RETURNED: Final = regex(
    r"_*(?:\w*_)?(?:acks?|answers?|done|errors?|exceptions?|excs?|finished|completed|futures?|out|outcomes?|output|repl(?:y|ies)|resp|responses?"
    r"|results?|returns?|conns?|connections?|free|idle|available|pool|ready|resources?|slots?|tokens?|permits?)(?:_?(?:q|queues?|channels?|list))?"
    r"|_*(?:completed|done|finished|processed)_\w+"
)
# What says start and stop, not what there is to do.
_CONTROLS: Final = regex(
    r"_*(?:abort|cancel|clean_?up|close|configure|disable|disconnect|enable|exit|halt|join|kill|pause|quit|register|reset|resume|set|setup"
    r"|shut_?down|start|stop|terminate|enter|aenter|aexit|del)(?:_\w+)?"
)
# What others call and must not be held up: the callbacks of a library, notices of what has happened.
_CALLBACKS: Final = regex(r"_*(?:on_\w+|(?:\w+_)?callback|(?:emit|fire|notify|trigger)(?:_\w+)?)")
# Signals, what is called or waited for rather than worked on, and what a person types.
_SIGNALS: Final = regex(
    r"_*[A-Z][A-Z0-9_]*|_*(?:\w+_)?(?:sentinel|poison|stop|done|eof|end|call|callback|cmd|command|fut|future|promise)"
)
# What makes a producer wait for the consumer, or lets it put an item in once only: permits, answers, sets of what is known, pauses.
_GATES: Final = frozenset(
    {
        *("Condition", "Event", "Future", "create_future", "set_result"),
        *("acquire", "add", "discard", "pop", "setdefault", "sleep", "wait", "wait_for"),
        *("create_task", "gather", "start", "start_soon", "submit", "run", "wait_closed"),
    }
)
_SIZES: Final = frozenset({"_qsize", "full", "maxsize", "qsize", "queue", "statistics"})
_LIMIT: Final = regex(r"(?:^|_)(?:limits?|max(?:imum)?|capacity|quota|full)(?:_|$)", re.IGNORECASE)
_KNOWN_BASES: Final = sys.stdlib_module_names | {"attr", "attrs", "builtins", "pydantic"}
_OPTIONAL: Final = regex(r"\b(?:None|Optional)\b")
_CLOSED: Final = regex(
    r"_*(?:is_|has_)?(?:accepting|active|alive|clos(?:ed|ing)|running|shut_?down|shutting_down|started|stop(?:ped|ping|_event)?)"
)
_LISTENS: Final = regex(
    r"_*(?:consume|follow|listen|poll_forever|read_forever|stream|subscribe|tail|watch)(?:_\w+)?"
)
_SOURCE: Final = regex(
    r"_*(?:\w+_)?(?:conn|connection|consumer|feed|listener|port|pubsub|serial|sock|socket|stream|subscription|websocket|ws)"
)
_PUTS: Final = frozenset({"put", "put_nowait", "send", "send_nowait"})
_ANSWERS: Final = frozenset({"get", "result"})
_HANDS_ON: Final = (ast.Call, ast.List, ast.Return, ast.Starred, ast.Tuple, ast.keyword)
_STARTS: Final = ("Thread", "Process", "Timer")
_NAMES: Final = 4  # variables behind variables


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
        self._handovers = Handovers(module)
        self._seen: set[Holder] = set()

    def unbounded(self, call: ast.Call) -> Channel | None:
        """The channel that a call makes, where the file shows that it fills up: fed without waiting, emptied by slow work.

        Args:
            call: the construction, or the ``field(default_factory=...)`` around it.

        Returns:
            The channel; ``None`` where it has a bound or may have one, where nothing shows that more comes in than goes out, or where
            a bound would hold up somebody who must not wait.
        """
        row = self._row(call)
        if row is None or not self._lacks_bound(call, row):
            return None
        shown = target = self._lasting.target(call)
        if row["ends"] and isinstance(target, (ast.Tuple, ast.List)) and len(target.elts) == 2:
            shown = target.elts[0]
            holder, other = (self._lasting.holder(item) for item in target.elts)
        else:
            holder = other = None if target is None else self._lasting.holder(target)
        if shown is None or holder is None or other is None or holder in self._seen:
            return None
        self._seen.add(holder)
        if _RETURNED.fullmatch(holder.name.lower()) or self._is_of_framework(holder.owner):
            return None
        put = self._feed(holder, other, row, call)
        return None if put is None else Channel(dotted(shown) or holder.name, put, row)

    # -- the bound

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

    def _is_watched(self, mentions: Iterable[ast.expr]) -> bool:
        """Whether the file asks for the size of a queue, sets it later or looks into the queue."""
        parents = map(self._module.index.parent, mentions)
        return any(isinstance(item, ast.Attribute) and item.attr in _SIZES for item in parents)

    @memoised
    def _is_of_framework(self, owner: ast.AST) -> bool:
        """Whether a class is built on one of another package or file, which says when its methods are called."""
        if not isinstance(owner, ast.ClassDef):
            return False
        for base in owner.bases:
            base = base.value if isinstance(base, ast.Subscript) else base
            found = self._module.receivers.definition(base)
            if isinstance(found, ast.ClassDef):
                if found is not owner and self._is_of_framework(found):
                    return True
            elif (self._module.qualname(base) or "").partition(".")[0] not in _KNOWN_BASES:
                return True
        return False

    # -- who feeds it, and who empties it

    def _feed(self, holder: Holder, other: Holder, row: knowledge.Row, made: ast.Call) -> ast.Call | None:
        """A call that feeds a queue without waiting for its consumer."""
        feeding, emptying = self._reached(holder), self._reached(other)
        if self._is_watched((*feeding, *emptying)):
            return None
        index = self._module.index
        puts = [call for item in feeding for call in self._called(item, row["put"], row)]
        gets = [call for item in emptying for call in self._called(item, row["get"], row)]
        consumers = {index.function(loop) for loop in self._consumers(emptying, gets, row)}
        makers = {index.function(made)} - {None} if not holder.is_local else set()
        if not gets and not consumers and not self._is_kept(holder, made, emptying):
            return None  # whoever has it may empty it
        if (gets and not consumers) or not puts or not (consumers | makers).isdisjoint(self._callers(puts)):
            return None  # who feeds it would wait for itself
        is_ended = any(map(self._is_signal, puts))
        for put in puts:
            function = index.function(put)
            if not isinstance(function, _Def) or not self._can_wait(put, function, row):
                continue
            if not self._is_plain(function) or self._is_called_locked(function):
                continue
            if self._reads_on(put) or (
                not holder.is_local and not is_ended and self._is_given(put, function)
            ):
                return put
        return None

    def _is_kept(self, holder: Holder, made: ast.Call, mentions: list[ast.expr]) -> bool:
        """Whether a global or attribute keeps a queue that nobody has given, and hands it to nobody."""
        parent = self._module.index.parent
        return (
            not holder.is_local
            and isinstance(parent(made), (ast.Assign, ast.AnnAssign))
            and not any(isinstance(parent(item), _HANDS_ON) for item in mentions)
        )

    def _can_wait(self, put: ast.Call, function: _Def, row: knowledge.Row) -> bool:
        """Whether a producer may wait for room: no coroutine at a queue of threads, no callback, nothing that starts or stops."""
        is_async = isinstance(function, ast.AsyncFunctionDef)
        if "queue.Queue" in row["calls"] and is_async:
            return False
        return is_async or _CALLBACKS.fullmatch(function.name) is None

    @memoised
    def _is_plain(self, function: _Def) -> bool:
        """Whether a producer only hands on what it has: it holds no lock, counts nothing, gives no answer and waits for none."""
        if _CONTROLS.fullmatch(function.name.strip("_")):
            return False
        return not any(map(self._is_gate, own_nodes(function)))

    def _is_gate(self, node: ast.AST) -> bool:
        """Whether a part of a producer keeps it from putting in one item after another."""
        if isinstance(node, ast.Call):
            return last_name(node.func) in _GATES or (
                last_name(node.func) == "join" and not node.args
            )  # waits until all is done
        if isinstance(node, (ast.Attribute, ast.Subscript)):
            return isinstance(node.ctx, ast.Store) and not isinstance(
                self._module.index.parent(node), ast.AugAssign
            )
        if isinstance(node, (ast.With, ast.AsyncWith)):
            return any(not isinstance(item.context_expr, ast.Call) for item in node.items)
        if isinstance(node, TRIES):
            return any(map(_puts, node.finalbody))  # the end, for which there might be no room
        if isinstance(node, ast.Return):
            return _waits_for_answer(node.value)
        if isinstance(node, ast.Compare):
            return any(map(_LIMIT.search, identifiers(node)))
        if isinstance(node, ast.ExceptHandler):
            return (last_name(node.type) or "").endswith("Full")
        if isinstance(node, ast.Raise):
            return self._depends_on_consumer(node)
        return isinstance(node, (ast.Yield, ast.YieldFrom))

    def _depends_on_consumer(self, node: ast.Raise) -> bool:
        """Whether a producer refuses while its object is not connected or the like, or ends the work that both belong to."""
        index = self._module.index
        branch, function = index.parent(node), index.function(node)
        if function is not None and index.function(function) is not None:
            return True
        return isinstance(branch, ast.If) and any(
            isinstance(item, ast.Attribute)
            and isinstance(item.value, ast.Name)
            and item.value.id == "self"
            and not _CLOSED.fullmatch(item.attr)
            for item in ast.walk(branch.test)
        )

    def _reads_on(self, put: ast.Call) -> bool:
        """Whether a loop without an end of its own feeds a queue: it reads a stream, a socket, a device."""
        if self._is_signal(put):
            return False
        return any(
            isinstance(loop, ast.AsyncFor)
            or (isinstance(loop, ast.While) and _runs_on(loop.test))
            or (isinstance(loop, ast.For) and _listens(loop.iter))
            for loop in self._module.index.loops(put)
        )

    def _is_given(self, put: ast.Call, function: _Def) -> bool:
        """Whether a public function feeds a queue with what its caller gives."""
        index = self._module.index
        if function.name.startswith("_") or index.function(function) is not None:
            return False
        given = {item.arg for item in parameters(function) if not _is_optional(item)} - {"self", "cls"}
        stack: list[ast.AST] = [*put.args, *(item.value for item in put.keywords)]
        seen: set[str] = set()
        while stack:
            for name in ast.walk(stack.pop()):
                if not isinstance(name, ast.Name) or name.id in seen or _SIGNALS.fullmatch(name.id):
                    continue
                if name.id in given:
                    return True
                seen.add(name.id)
                if len(seen) <= _NAMES:
                    bindings = self._module.scopes.bindings(function, name.id)
                    stack += [item.value for item in bindings if item.value is not None]
        return False

    def _is_signal(self, put: ast.Call) -> bool:
        """Whether what is put says that there is no more, or comes from what stops the consumer, who must not wait for room."""
        if not put.args or all(isinstance(item, ast.Constant) for item in _parts(put.args[0])):
            return True
        name = last_name(put.args[0])
        function = getattr(self._module.index.function(put), "name", "").strip("_")
        return bool((name and _SIGNALS.fullmatch(name)) or _CONTROLS.fullmatch(function))

    def _is_called_locked(self, function: _Def) -> bool:
        """Whether a producer is called under a lock: waiting for room, it would keep all others out."""
        index = self._module.index
        return any(
            is_lockish(item.context_expr)
            for call in index.calls_to(function.name)
            if self._module.receivers.definition(call.func) is function
            for item in index.with_items(call)
        )

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
            for call in index.calls_to(function.name):
                is_passed = isinstance(index.parent(call), (ast.Call, ast.keyword, ast.Starred, ast.List))
                if not is_passed and definition(call.func) is function:
                    stack.append(index.function(call))
        return found

    # -- the consumer

    def _consumers(
        self, mentions: list[ast.expr], gets: list[ast.Call], row: knowledge.Row
    ) -> Iterator[Loop]:
        """The loops that take one item after another and do slow work for each."""
        index = self._module.index
        for get in gets:
            loop = next(index.loops(get), None)
            if _only_looks(get):
                continue  # takes what there is, again and again
            if not isinstance(loop, ast.While) or not _runs_on(loop.test, get):
                continue
            function = index.function(get)
            if [index.function(item) for item in gets].count(function) == 1 and self._handovers.works(
                loop, get
            ):
                yield loop  # a second get() takes what else there is
        for mention in mentions:
            over = mention if row["ends"] else self._iterated(mention, row)
            outer = index.parent(over)
            if not isinstance(outer, (ast.For, ast.AsyncFor)) or outer.iter is not over:
                continue
            if self._handovers.works(outer, outer.target):
                yield outer

    def _iterated(self, mention: ast.expr, row: knowledge.Row) -> ast.AST:
        """``iter(q.get, None)`` around a queue, or the queue."""
        parent = self._module.index.parent
        method = parent(mention)
        call = parent(method) if isinstance(method, ast.Attribute) and method.attr in row["get"] else None
        return call if isinstance(call, ast.Call) and last_name(call.func) == "iter" else mention

    # -- its calls

    def _called(self, mention: ast.expr, methods: list[str], row: knowledge.Row) -> Iterator[ast.Call]:
        index = self._module.index
        method = index.parent(mention)
        if isinstance(method, ast.Attribute) and method.attr in row["views"]:
            method = index.parent(method)
        if isinstance(method, ast.Attribute) and method.attr in methods:
            call = index.parent(method)
            if isinstance(call, ast.Call) and call.func is method:
                yield call

    def _reached(self, holder: Holder) -> list[ast.expr]:
        """The mentions of a queue, and those of the parameters of this file's functions that it is passed for."""
        found: list[ast.expr] = []
        seen = {holder}
        stack = [holder]
        while stack:
            for mention in self._lasting.mentions(stack.pop()):
                if not self._is_certain(mention):
                    continue
                found.append(mention)
                passed = self._passed(mention)
                if passed is not None and passed not in seen:
                    seen.add(passed)
                    stack.append(passed)
        return found

    def _is_certain(self, mention: ast.expr) -> bool:
        """Whether a mention is this queue for certain, not one of the same name in another object."""
        found = self._lasting.holder(mention)
        return found is not None and (
            not found.is_local or len(self._module.scopes.bindings(found.owner, found.name)) == 1
        )

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
            return (
                None if target is None else _parameter(index, definition(target), outer.elts.index(mention))
            )
        if isinstance(outer, ast.keyword):
            call = index.parent(outer)
            found = definition(call.func) if isinstance(call, ast.Call) else None
            return Holder(found, outer.arg) if isinstance(found, FUNCTIONS) and outer.arg else None
        if isinstance(outer, ast.Call) and mention in outer.args:
            position = outer.args.index(mention)
            head = {"start_soon": 1, "submit": 1, "run_in_executor": 2}.get(last_name(outer.func) or "", 0)
            if not head:
                return _parameter(index, definition(outer.func), position)
            runs = definition(outer.args[head - 1])
            return _parameter(index, runs, position - head) if position >= head else None
        return None


def _runs_on(test: ast.expr, get: ast.Call | None = None) -> bool:
    """Whether a condition says nothing of how many turns a loop has: ``True``, ``not self.stopped``, ``camera.is_open()``.

    Args:
        test: the condition.
        get: the call that takes an item, which may be the condition itself: ``(item := q.get()) is not None``.
    """
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if any(name in ("empty", "qsize") for name in identifiers(test)):
        return False
    if get is not None and any(node is get for node in ast.walk(test)):
        return True
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return isinstance(test.operand, (ast.Attribute, ast.Call, ast.Name))
    return isinstance(test, (ast.Attribute, ast.Call)) or (isinstance(test, ast.Name) and get is not None)


def _listens(over: ast.expr) -> bool:
    """Whether a loop goes over what a connection brings, for as long as it is open."""
    if isinstance(over, ast.Call):
        return isinstance(over.func, ast.Attribute) and _LISTENS.fullmatch(over.func.attr) is not None
    return (
        isinstance(over, (ast.Attribute, ast.Name)) and _SOURCE.fullmatch(last_name(over) or "") is not None
    )


def _parts(value: ast.expr) -> list[ast.expr]:
    return value.elts if isinstance(value, ast.Tuple) else [value]


def _only_looks(get: ast.Call) -> bool:
    """Whether a call takes an item only if there is one already: ``get_nowait()``, ``get(block=False)``."""
    block = argument(get, "block", 0)
    return (last_name(get.func) or "").endswith("_nowait") or (
        isinstance(block, ast.Constant) and block.value is False
    )


def _waits_for_answer(value: ast.expr | None) -> bool:
    """Whether a function returns what somebody else works out: ``await reply``, ``answers.get()``."""
    return value is not None and any(
        isinstance(node, ast.Await) or (isinstance(node, ast.Call) and last_name(node.func) in _ANSWERS)
        for node in ast.walk(value)
    )


def _puts(statement: ast.stmt) -> bool:
    """Whether a statement puts something into a queue."""
    return any(isinstance(node, ast.Call) and last_name(node.func) in _PUTS for node in ast.walk(statement))


def _is_optional(parameter: ast.arg) -> bool:
    """Whether a parameter may be ``None``, which ends the consumer."""
    return (
        parameter.annotation is not None and _OPTIONAL.search(ast.unparse(parameter.annotation)) is not None
    )


def _parameter(index: Index, function: ast.AST | None, position: int) -> Holder | None:
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    names = arguments.positional(index, function)
    return Holder(function, names[position]) if position < len(names) else None
