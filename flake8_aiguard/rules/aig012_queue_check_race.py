"""AIG012: a queue is asked for its size, then used as if the answer still held."""

from __future__ import annotations

import ast
import bisect
import functools
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import TypeAlias

from flake8_aiguard import knowledge
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.index import Scope
from flake8_aiguard.memo import memoised
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import ESCAPES, Kind, Use
from flake8_aiguard.shapes import argument, dotted, is_constant, parameters

_GETS = ("get", "get_nowait")
_PUTS = ("put", "put_nowait")
_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_TEARDOWN = regex(r"(^|_)(reset|tear_?down|zap)(_|$)", re.IGNORECASE)
_NEAR = 3  # statements after a check that left where it had to
_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_UNRELIABLE = (
    "{check}() of a queue between processes is not reliable, so {call}() may wait forever or stop too early; "
    "call {instead}() and handle {error}"
)


class QueueCheckRace(Checker):
    """Queue that is asked whether it is empty or full, then used as if the answer still held.

    Why: another consumer runs between the question and the call. ``get()`` then waits forever on a queue that was not
    empty a moment ago, ``put()`` on one that was not full, and the non-waiting forms raise.

    Bad::

        import queue
        import threading

        class Pool:
            def __init__(self):
                self.jobs = queue.Queue()
                self.threads = [threading.Thread(target=self.work) for _ in range(4)]

            def work(self):
                while not self.jobs.empty():
                    self.handle(self.jobs.get())

    Good::

        import queue
        import threading

        class Pool:
            def __init__(self):
                self.jobs = queue.Queue()
                self.threads = [threading.Thread(target=self.work) for _ in range(4)]

            def work(self):
                while True:
                    try:
                        job = self.jobs.get_nowait()
                    except queue.Empty:
                        return
                    self.handle(job)

    Limits: reports queues of ``queue``, ``asyncio`` and ``multiprocessing`` whose construction or annotation is in the file. A
    queue with one consumer cannot be emptied by another: a queue counts where several functions take from it, or where
    threads or tasks run the one that does, also through a function of the file that calls it. An attribute of the own object
    or a local that only goes to functions which put has one consumer, whoever else puts; a parameter, and a queue of the
    module, may have others. Not where one thread or task that is started once runs all that takes from it, where a loop
    without end empties it in each turn, or where the function that takes from it makes it anew. The queues of
    ``multiprocessing``, whose ``empty()`` is unreliable by itself (that of a ``Manager()`` is a ``queue.Queue``),
    always count, unless the function that made one asks again in each turn of a loop. Silent where the function has joined its threads
    or processes before, where one named for putting everything back (``reset``, ``teardown``) takes without waiting, where an item was taken just before, under the lock of
    all who put, on a local queue that never leaves
    its function, a non-waiting call under a handler for ``Empty`` or ``Full``, ``asyncio`` without an ``await`` between check
    and call (nothing else runs there), and code under a lock. ``put_nowait()`` and ``get_nowait()`` alone are reported only
    where the bound is a positive literal and neither the function nor a caller in the file handles ``Full`` or ``Empty``.
    """

    code = "AIG012"
    slug = "queue-check-race"
    since = "0.1.0"
    severity = "error"
    message = (
        "{check}() may no longer hold when {call}() runs: another {runs} can {verb} in between; "
        "call {instead}() and handle {error}"
    )
    ruff = "Ruff has nothing for this pattern."

    def is_possible(self) -> bool:
        return not self.module.index.names_called().isdisjoint(
            ("empty", "qsize", "full", "get_nowait", "put_nowait")
        )

    def visit_While(self, node: ast.While) -> Iterator[Finding]:
        yield from self._guarded(node.test, True, node.body)

    def visit_If(self, node: ast.If) -> Iterator[Finding]:
        yield from self._guarded(node.test, True, node.body)
        if isinstance(node.body[-1], _LEAVES):
            yield from self._guarded(node.test, False, node.orelse or self._next(node))
        elif node.orelse:
            yield from self._guarded(node.test, False, node.orelse)

    def _next(self, node: ast.If) -> list[ast.stmt]:
        """What runs directly after an ``if`` whose body leaves."""
        parent = self.module.index.parent(node)
        for name in ("body", "orelse", "finalbody"):
            block: list[ast.stmt] = getattr(parent, name, None) or []
            at = bisect.bisect_left(block, node.lineno, key=lambda statement: statement.lineno)
            if at < len(block) and block[at] is node:
                return block[at + 1 : at + 1 + _NEAR]
        return []

    def call_names(self) -> tuple[str, ...]:
        return ("get_nowait", "put_nowait")

    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        """``put_nowait`` on a bounded queue that nobody expects to be full."""
        if not isinstance(node.func, ast.Attribute):
            return
        queue = node.func.value
        row = self._row(queue)
        name = node.func.attr
        if row is None or not self._is_bounded(queue) or not self._is_shared(queue):
            return
        errors = row["full"] if name == "put_nowait" else row["empty"]
        if self._is_handled(node, errors) or self._asks_before(node, queue):
            return
        function = self.module.index.function(node)
        if function is not None and self._callers_handle(function, errors):
            return
        if name == "put_nowait" and self._has_made_room(node, queue):
            return
        yield from self.found(
            node,
            message="{call}() raises {error} when the bounded queue is {state}, and nothing here handles it; "
            "handle {error} or wait with {instead}(timeout=...)",
            call=dotted(node.func) or name,
            error=errors[0],
            state="full" if name == "put_nowait" else "empty",
            instead=name.removesuffix("_nowait"),
        )

    def _has_made_room(self, node: ast.Call, queue: ast.expr) -> bool:
        """Whether an item was taken just before, under the lock that all who put hold."""
        identity, function = self._identity(queue), self.module.index.function(node)
        puts = [
            call
            for call in self.module.index.calls_named(_PUTS)
            if isinstance(call.func, ast.Attribute) and self._identity(call.func.value) == identity
        ]
        return all(map(self._is_locked, puts)) and any(
            isinstance(call.func, ast.Attribute)
            and self.module.index.function(call) is function
            and self._identity(call.func.value) == identity
            and call.lineno < node.lineno
            for call in self.module.index.calls_named(("get_nowait",))
        )

    def _guarded(self, test: ast.expr, truth: bool, body: list[ast.stmt]) -> Iterator[Finding]:
        """The calls in what runs where a condition has this truth, and that rely on what it asked."""
        for check, methods in _checks(test, truth):
            queue = check.value
            row = self._row(queue)
            if row is None or not self._is_shared(queue):
                continue
            text = dotted(queue)
            for call in self._calls(body, text, methods):
                if not self._holds(call, test, row, methods) and self._has_rivals(queue, row, call, methods):
                    getting = methods is _GETS
                    errors = row["empty"] if getting else row["full"]
                    yield from self.found(
                        call,
                        message=_UNRELIABLE if row["runs"] == "process" else None,
                        check=dotted(check),
                        call=dotted(call.func),
                        runs=row["runs"],
                        verb="take the item" if getting else "fill the queue",
                        instead=methods[1] if errors else methods[0],
                        error=errors[0] if errors else "a sentinel that ends the loop",
                    )
                break

    def _calls(self, body: list[ast.stmt], queue: str | None, methods: tuple[str, ...]) -> Iterator[ast.Call]:
        """The calls of these methods on the queue that the statements run themselves."""
        if queue is None or not body:
            return
        function = self.module.index.function(body[0])
        stack: list[ast.AST] = list(reversed(body))
        while stack:
            node = stack.pop()
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in methods
                and dotted(node.func.value) == queue
                and self.module.index.function(node) is function
            ):
                yield node
            stack.extend(reversed(list(ast.iter_child_nodes(node))))

    def _holds(self, call: ast.Call, test: ast.expr, row: knowledge.Row, methods: tuple[str, ...]) -> bool:
        """Whether the answer still holds at the call, or the call copes with the other answer."""
        assert isinstance(call.func, ast.Attribute)
        errors = row["empty"] if methods is _GETS else row["full"]
        waits = not call.func.attr.endswith("_nowait") and not _is_nonblocking(call, methods)
        if not waits and self._is_handled(call, errors):
            return True
        if argument(call, "timeout", 1 if methods is _GETS else 2) and self._is_handled(call, errors):
            return True
        outer = self.module.index.parent(call)
        if isinstance(outer, ast.Call) and self.module.called(outer) == "asyncio.wait_for":
            return self._is_handled(call, ["builtins.TimeoutError", "asyncio.TimeoutError"])
        if row["runs"] == "task" and not self._awaits_between(test, call):
            return True
        if not waits and self._is_teardown(call):
            return True
        return self._is_locked(call)

    def _is_teardown(self, call: ast.Call) -> bool:
        """Whether a function that puts everything back takes what was left over, and no loop takes from the queue as well."""
        index = self.module.index
        function = index.function(call)
        if not isinstance(function, _Function) or _TEARDOWN.search(function.name) is None:
            return False
        assert isinstance(call.func, ast.Attribute)
        identity = self._identity(call.func.value)
        return not any(
            isinstance(other.func, ast.Attribute)
            and index.function(other) is not function
            and self._identity(other.func.value) == identity
            and next(index.loops(other), None) is not None
            for other in index.calls_named(_GETS)
        )

    def _awaits_between(self, test: ast.expr, call: ast.Call) -> bool:
        """Whether another task may run after the check: an ``await`` that stands between it and the call."""
        start, end = (test.lineno, test.col_offset), (call.lineno, call.col_offset)
        after, before = bisect.bisect_right(self._awaits, start), bisect.bisect_left(self._awaits, end)
        own = self.module.index.parent(call)
        if isinstance(own, ast.Await) and start < (own.lineno, own.col_offset):
            before -= 1  # ``await queue.get()`` suspends only while the queue is empty
        return after < before

    @functools.cached_property
    def _awaits(self) -> list[tuple[int, int]]:
        index = self.module.index
        awaiting: list[ast.Await | ast.AsyncFor | ast.AsyncWith] = [
            *index.nodes(ast.Await),
            *index.nodes(ast.AsyncFor),
            *index.nodes(ast.AsyncWith),
        ]
        return sorted((node.lineno, node.col_offset) for node in awaiting)

    # -- the queue

    def _row(self, queue: ast.expr) -> knowledge.Row | None:
        found = self.module.type_of(queue)
        return None if found is None else _queues().get(found)

    def _is_shared(self, queue: ast.expr) -> bool:
        """Whether others can reach the queue: anything but a local that never leaves its function."""
        if not isinstance(queue, ast.Name):
            return True
        owner = self.module.scopes.owner(self.module.index.scope(queue), queue.id)
        return owner is not None and self._is_reachable(owner, queue.id)

    @memoised
    def _is_reachable(self, owner: Scope, name: str) -> bool:
        scopes = self.module.scopes
        if any(binding.kind is Kind.PARAMETER for binding in scopes.bindings(owner, name)):
            return True
        return any(scopes.use(use)[0] in ESCAPES for use in scopes.uses(owner, name))

    def _has_rivals(
        self, queue: ast.expr, row: knowledge.Row, call: ast.Call, methods: tuple[str, ...]
    ) -> bool:
        """Whether another consumer (or producer, for a put) can come between the check and the call."""
        index = self.module.index
        function = index.function(call)
        if function is None or isinstance(function, ast.Lambda):
            return True
        if row["runs"] == "process":
            return not self._is_polled(queue, call)
        if self._is_joined(call, function):
            return False
        if self._is_started_often(function):
            return True
        users = self._users(self._identity(queue), methods)
        if len({self._root(user) for user in users} - {None}) == 1 and all(map(self._root, users)):
            return False
        if len({_twin(user.name) for user in users}) > 1:
            return True
        if self._is_own_queue(queue) and not self._is_run_elsewhere(function):
            return False
        if self._is_main_loop(call):
            return False
        if isinstance(queue, ast.Attribute):
            return not self._is_private(queue) and not self._is_made_in(queue, function)
        return True

    def _is_joined(self, call: ast.Call, function: _Function) -> bool:
        """Whether the function has waited for the end of threads or processes before, and starts none after that."""
        index = self.module.index
        joins, starts = [
            [
                other.lineno
                for other in index.calls_named((name,))
                if index.function(other) is function and not other.args and other.lineno < call.lineno
            ]
            for name in ("join", "start")
        ]
        return bool(joins) and max(joins) > max(starts, default=0)

    def _is_run_elsewhere(self, function: _Function) -> bool:
        """Whether threads or tasks run a function: it, or a function of the file that calls it, is started as one."""
        seen: set[ast.AST] = set()
        stack: list[ast.AST] = [function]
        while stack:
            item = stack.pop()
            if item in seen or not isinstance(item, _Function):
                continue
            seen.add(item)
            if self._is_started(item) or self._is_thread_run(item):
                return True
            for mention in self._mentions.get(item.name, ()):
                if self.module.receivers.definition(mention) is item:
                    caller = self.module.index.function(mention)
                    if isinstance(caller, ast.Lambda):
                        return True
                    stack += [] if caller is None else [caller]
        return False

    def _is_thread_run(self, function: _Function) -> bool:
        """``run()`` of a class that is built on another one, which may be a thread."""
        owner = self.module.index.class_of(function)
        is_run = function.name == "run" and len(parameters(function)) == 1
        return is_run and owner is not None and bool(owner.bases)

    def _is_own_queue(self, queue: ast.expr) -> bool:
        """Whether a queue is an attribute of the own object, or a local of a function that is not handed in."""
        if isinstance(queue, ast.Attribute):
            return self.module.receivers.class_behind(queue.value) is not None
        if not isinstance(queue, ast.Name):
            return False
        owner = self.module.scopes.owner(self.module.index.scope(queue), queue.id)
        if owner is None or isinstance(owner, ast.Module):
            return False
        bindings = self.module.scopes.bindings(owner, queue.id)
        if any(binding.kind is Kind.PARAMETER for binding in bindings):
            return False
        return not any(map(self._gives_away, self.module.scopes.uses(owner, queue.id)))

    def _gives_away(self, use: ast.Name) -> bool:
        """Whether a mention hands a queue to others who may take from it: to anything but a function here that only puts."""
        kind = self.module.scopes.use(use)[0]
        if kind is not Use.PASSED:
            return kind in ESCAPES and kind is not Use.CLOSED_OVER
        index = self.module.index
        call = next((item for item in index.ancestors(use) if isinstance(item, ast.Call)), None)
        if call is None:
            return True
        given = (call.func, *call.args, *(item.value for item in call.keywords))
        found = [self.module.receivers.definition(item) for item in given]
        takers = {index.function(item) for item in index.calls_named(_GETS)}
        return not any(isinstance(item, _Function) and item not in takers for item in found)

    def _is_main_loop(self, call: ast.Call) -> bool:
        """Whether a queue is emptied in each turn of a loop that never ends: one that takes all, and others that put."""
        inner, *outer = [*self.module.index.loops(call), None][:2]
        return (
            isinstance(inner, ast.While)
            and not isinstance(inner.test, ast.Constant)
            and any(isinstance(loop, ast.While) and isinstance(loop.test, ast.Constant) for loop in outer)
        )

    def _is_private(self, queue: ast.Attribute) -> bool:
        """Whether the name of an attribute or of its class says that nobody else takes from it."""
        owner = self.module.receivers.class_behind(queue.value)
        return queue.attr.startswith("_") or (owner is not None and owner.name.startswith("_"))

    def _is_polled(self, queue: ast.expr, call: ast.Call) -> bool:
        """Whether a queue that a function has made is asked again and again: an item that comes late is not missed."""
        index = self.module.index
        resolved = self.module.scopes.resolve(queue) if isinstance(queue, ast.Name) else None
        return (
            resolved is not None
            and not isinstance(resolved[0], ast.Module)
            and all(binding.kind is Kind.ASSIGN for binding in resolved[1])
            and len(list(index.loops(call))) > 1
        )

    def _is_made_in(self, queue: ast.expr, function: ast.AST) -> bool:
        """Whether the function that takes from a queue of its object makes it, anew for each call."""
        found = list(self._constructions(queue))
        return bool(found) and all(self.module.index.function(item) is function for item in found)

    @memoised
    def _root(self, function: _Function) -> _Function | None:
        """The one thread or task that runs a function: itself, or the only one that calls it, where that is started once."""
        seen: set[ast.AST] = set()
        while function not in seen:
            seen.add(function)
            if self._is_started(function):
                return None if self._is_started_often(function) else function
            if not function.name.startswith("_"):
                return None
            callers = {
                self.module.index.function(mention)
                for mention in self._mentions.get(function.name, ())
                if self.module.receivers.definition(mention) is function
            }
            caller = callers.pop() if len(callers) == 1 else None
            if not isinstance(caller, _Function):
                return None
            function = caller
        return None

    @memoised
    def _users(self, queue: tuple[object, str], methods: tuple[str, ...]) -> set[_Function]:
        """The functions of the file that call one of these methods on a queue."""
        functions = (
            self.module.index.function(call)
            for call in self.module.index.calls_named(methods)
            if isinstance(call.func, ast.Attribute) and self._identity(call.func.value) == queue
        )
        return {function for function in functions if isinstance(function, _Function)}

    def _identity(self, queue: ast.expr) -> tuple[object, str]:
        if isinstance(queue, ast.Attribute):
            return self.module.receivers.class_behind(queue.value) or dotted(queue), queue.attr
        if isinstance(queue, ast.Name):
            return self.module.scopes.owner(self.module.index.scope(queue), queue.id), queue.id
        return queue, ""

    @memoised
    def _starts(self, function: _Function) -> list[ast.AST]:
        """Where a function is handed over to be run by something else, and where a coroutine is made."""
        found: list[ast.AST] = []
        for mention in self._mentions.get(function.name, ()):
            parent = self.module.index.parent(mention)
            is_called = isinstance(parent, ast.Call) and parent.func is mention
            is_handed_over = isinstance(parent, (ast.Call, ast.keyword)) and not is_called
            is_run = is_handed_over or (is_called and isinstance(function, ast.AsyncFunctionDef))
            if is_run and self.module.receivers.definition(mention) is function:
                found.append(mention)
        return found

    @functools.cached_property
    def _mentions(self) -> dict[str, list[ast.Name | ast.Attribute]]:
        found: dict[str, list[ast.Name | ast.Attribute]] = defaultdict(list)
        for name in self.module.index.nodes(ast.Name):
            found[name.id].append(name)
        for attribute in self.module.index.nodes(ast.Attribute):
            found[attribute.attr].append(attribute)
        return found

    def _is_started(self, function: _Function) -> bool:
        return bool(self._starts(function))

    def _is_started_often(self, function: _Function) -> bool:
        starts = self._starts(function)
        return len(starts) > 1 or any(
            any(self.module.index.loops(start)) or self._is_mapped(start) for start in starts
        )

    def _is_mapped(self, start: ast.AST) -> bool:
        parent = self.module.index.parent(start)
        return (
            isinstance(parent, ast.Call)
            and isinstance(parent.func, ast.Attribute)
            and "map" in parent.func.attr
        )

    def _is_bounded(self, queue: ast.expr) -> bool:
        """Whether every construction of the queue in the file gives a positive literal bound."""
        key = self._identity(queue)
        if key not in self._bounded:
            bounds = [argument(call, "maxsize", 0) for call in self._constructions(queue)]
            self._bounded[key] = bool(bounds) and all(
                isinstance(bound, ast.Constant) and isinstance(bound.value, int) and bound.value > 0
                for bound in bounds
            )
        return self._bounded[key]

    @functools.cached_property
    def _bounded(self) -> dict[tuple[object, str], bool]:
        return {}

    def _constructions(self, queue: ast.expr) -> Iterator[ast.Call]:
        values: list[ast.expr | None] = []
        if isinstance(queue, ast.Name):
            resolved = self.module.scopes.resolve(queue)
            values = [] if resolved is None else [binding.value for binding in resolved[1]]
        elif isinstance(queue, ast.Attribute):
            owner = self.module.receivers.class_behind(queue.value)
            if owner is not None:
                for store in self.module.receivers.attribute_stores(owner, queue.attr):
                    assign = self.module.index.parent(store)
                    if isinstance(assign, (ast.Assign, ast.AnnAssign)):
                        values.append(assign.value)
        for value in values:
            if isinstance(value, ast.Call):
                yield value

    # -- what copes

    def _is_handled(self, node: ast.AST, errors: list[str]) -> bool:
        index = self.module.index
        caught: list[ast.expr | None] = [handler.type for handler in index.handlers(node)]
        for item in index.with_items(node):
            call = item.context_expr
            if isinstance(call, ast.Call) and self.module.called(call) == "contextlib.suppress":
                caught.extend(call.args)
        return any(self._catches(kind, errors) for kind in caught)

    def _catches(self, kind: ast.expr | None, errors: list[str]) -> bool:
        if kind is None:
            return True
        kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
        wanted = {*errors, "builtins.Exception", "builtins.BaseException"}
        last = {name.rpartition(".")[2] for name in errors}
        for item in kinds:
            name = self.module.qualname(item)
            if name in wanted or (
                isinstance(item, (ast.Attribute, ast.Name))
                and (dotted(item) or "").rpartition(".")[2] in last
            ):
                return True
        return False

    def _callers_handle(self, function: ast.AST, errors: list[str]) -> bool:
        name = getattr(function, "name", "")
        return any(self._is_handled(call, errors) for call in self.module.index.calls_named({name}))

    def _asks_before(self, node: ast.Call, queue: ast.expr) -> bool:
        """Whether the function asks the queue for its size: a check that :meth:`_guarded` has judged."""
        return (self.module.index.function(node), dotted(queue)) in self._asked

    @functools.cached_property
    def _asked(self) -> set[tuple[ast.AST | None, str | None]]:
        return {
            (self.module.index.function(call), dotted(call.func.value))
            for call in self.module.index.calls_named(("empty", "full", "qsize"))
            if isinstance(call.func, ast.Attribute)
        }

    def _is_locked(self, node: ast.AST) -> bool:
        for item in self.module.index.with_items(node):
            held = item.context_expr
            kind = self.module.type_of(held) or dotted(held) or ""
            if (
                kind.rpartition(".")[2]
                .lower()
                .strip("_")
                .endswith(("lock", "mutex", "condition", "cond", "semaphore"))
            ):
                return True
        return False


@knowledge.cached
def _queues() -> dict[str, knowledge.Row]:
    return {name: row for row in knowledge.rows("queues.queue") for name in row["types"]}


def _checks(test: ast.expr, truth: bool) -> Iterator[tuple[ast.Attribute, tuple[str, ...]]]:
    """The checks that a condition makes where it has this truth: the method, and what may then be called."""
    stack = [(test, truth)]
    while stack:
        node, truth = stack.pop()
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            stack.append((node.operand, not truth))
        elif isinstance(node, ast.BoolOp):
            if isinstance(node.op, ast.And) is truth:
                stack.extend((value, truth) for value in node.values)
        elif isinstance(node, ast.Compare) and len(node.ops) == 1:
            same = _compares(node.ops[0], node.comparators[0])
            if same is not None:
                stack.append((node.left, truth is same))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "full" and not truth:
                yield node.func, _PUTS
            elif node.func.attr in ("empty", "qsize") and truth is (node.func.attr == "qsize"):
                yield node.func, _GETS


def _compares(operator: ast.cmpop, other: ast.expr) -> bool | None:
    """Whether a comparison is true where its left side is, false where it is, or says neither."""
    if (
        isinstance(operator, (ast.Is, ast.Eq))
        and isinstance(other, ast.Constant)
        and isinstance(other.value, bool)
    ):
        return other.value
    if is_constant(other, 0) and isinstance(operator, (ast.Gt, ast.NotEq, ast.Eq, ast.LtE)):
        return isinstance(operator, (ast.Gt, ast.NotEq))
    if is_constant(other, 1) and isinstance(operator, (ast.GtE, ast.Lt)):
        return isinstance(operator, ast.GtE)
    return None


def _twin(name: str) -> str:
    """The name that a method and its asynchronous twin share: ``__next__`` and ``__anext__``, ``take`` and ``take_async``."""
    return name.strip("_").removesuffix("_async").removeprefix("async_").removeprefix("a")


def _is_nonblocking(call: ast.Call, methods: tuple[str, ...]) -> bool:
    block = argument(call, "block", 0 if methods is _GETS else 1)
    return is_constant(block, False)
