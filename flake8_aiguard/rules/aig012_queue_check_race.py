"""AIG012: a queue is asked for its size, then used as if the answer still held."""

from __future__ import annotations

import ast
import bisect
import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from flake8_aiguard import knowledge
from flake8_aiguard.capacity import Bounds
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.children import walk
from flake8_aiguard.handed import Handed
from flake8_aiguard.index import Scope
from flake8_aiguard.memo import memoised
from flake8_aiguard.numeric import number
from flake8_aiguard.regex import regex
from flake8_aiguard.rivals import GETS, PUTS, Rivals
from flake8_aiguard.scopes import ESCAPES, Kind
from flake8_aiguard.shapes import argument, chain, default, dotted, end_of, following, is_constant, start_of

_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_WORD = regex(r"\w+")
_TEARDOWN = regex(r"(^|_)(close|reset|shut_?down|stop|tear_?down|zap)(_|$)", re.IGNORECASE)
_ENDS = ("__exit__", "__aexit__", "__del__")
_NEAR = 3  # statements after a check that left where it had to
_Place: TypeAlias = tuple[int, int]
_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_UNRELIABLE = (
    "{check}() of a queue between processes is not reliable, so {call}() may wait forever or stop too early; "
    "call {instead}() and handle {error}"
)
_LATE = (
    "join() before {call}() may wait forever: a process that has put more than the pipe holds does not end before it is taken; "
    "call {call}() once for each result first, then join()"
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

    Limits: reports ``while``, ``if`` and ``for _ in range(jobs.qsize())`` on queues of ``queue``, ``asyncio`` and ``multiprocessing`` whose
    construction or annotation is in the file, where a second consumer (for a put, a producer) is proved: several functions take from the queue,
    several threads or tasks run the one that does, or it is handed to several. ``empty()`` of ``multiprocessing`` is unreliable by itself and always counts.

    - Silent on a queue with one consumer, whoever puts: one thread or task that is started once, an attribute that only its object
      takes from, a local queue that never leaves its function.
    - Silent under a lock, after all threads or processes were joined without a timeout, and where ``close()``, ``reset()`` or ``__exit__``
      empties what is left without waiting.
    - Silent on a non-waiting call under a handler for ``Empty`` or ``Full``, and in ``asyncio`` without an ``await`` between check
      and call: nothing else runs there.
    - Silent where a loop without end empties the queue in each turn, and where the function that takes from it makes it anew.
    - ``put_nowait()`` and ``get_nowait()`` alone count only on a positive bound, where neither the function nor a caller in the file handles
      ``Full`` or ``Empty`` and no loop fills the queue to its bound.
    - Silent where ``asyncio`` has just said that there is an item or room (``except QueueFull: jobs.get_nowait()``), and where the docstring says
      what is raised.
    - A loop that takes the results of several processes after their ``join()`` is reported for that.
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

    def visit_For(self, node: ast.For) -> Iterator[Finding]:
        yield from self._counted(node.iter, node.body)

    def visit_ListComp(self, node: ast.ListComp) -> Iterator[Finding]:
        yield from self._counted(node.generators[0].iter, [node.elt])

    def visit_If(self, node: ast.If) -> Iterator[Finding]:
        yield from self._guarded(node.test, True, node.body)
        if isinstance(node.body[-1], _LEAVES):
            yield from self._guarded(node.test, False, node.orelse or self._next(node))
        elif node.orelse:
            yield from self._guarded(node.test, False, node.orelse)

    def _next(self, node: ast.If) -> list[ast.stmt]:
        """What runs directly after an ``if`` whose body leaves."""
        return following(self.module.index.parent(node), node, _NEAR)

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
        if row["runs"] == "task" and self._is_told(
            node, queue, row["full" if name == "get_nowait" else "empty"]
        ):
            return
        function = self.module.index.function(node)
        if function is not None and self._callers_handle(function, errors):
            return
        if name == "put_nowait" and (
            self._has_made_room(node, queue)
            or self._is_filling(node, queue)
            or (row["runs"] == "task" and self._is_first(node, queue))
        ):
            return
        if self._is_said(node, errors):
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

    def _is_first(self, node: ast.Call, queue: ast.expr) -> bool:
        """Whether the function has just made the queue, and put nothing into it: no other task has run since."""
        index = self.module.index
        function = index.function(node)
        made = list(self._rivals.constructions(queue)) if isinstance(queue, ast.Name) else []
        if len(made) != 1 or index.function(made[0]) is not function:
            return False
        if next(index.loops(node), None) is not next(index.loops(made[0]), None):
            return False
        waits = (*index.nodes(ast.Await), *index.nodes(ast.AsyncFor), *index.nodes(ast.AsyncWith))
        puts = [call for call in index.calls_named(PUTS) if self._is_of(call, queue) and call is not node]
        return not any(
            made[0].lineno < getattr(item, "lineno", 0) <= node.lineno and index.function(item) is function
            for item in (*waits, *index.nodes(ast.Yield), *puts)
        )

    def _is_filling(self, node: ast.Call, queue: ast.expr) -> bool:
        """Whether a loop puts as many items as there is room for: ``for _ in range(size)``."""
        sizes = {
            ast.unparse(bound)
            for call in self._rivals.constructions(queue)
            if (bound := argument(call, "maxsize", 0)) is not None
        }
        return any(
            isinstance(loop, (ast.For, ast.AsyncFor))
            and isinstance(loop.iter, ast.Call)
            and self.module.qualname(loop.iter.func) == "builtins.range"
            and ast.unparse(loop.iter.args[-1]) in sizes | {f"{dotted(queue)}.maxsize"}
            for loop in self.module.index.loops(node)
        )

    def _is_said(self, node: ast.Call, errors: list[str]) -> bool:
        """Whether the docstring of the function says that the error goes to the caller."""
        function = self.module.index.function(node)
        text = ast.get_docstring(function) or "" if isinstance(function, _Function) else ""
        return not {name.rpartition(".")[2] for name in errors}.isdisjoint(_WORD.findall(text))

    def _has_made_room(self, node: ast.Call, queue: ast.expr) -> bool:
        """Whether an item was taken just before, under the lock that all who put hold."""
        identity, function = self._rivals.identity(queue), self.module.index.function(node)
        puts = [
            call
            for call in self.module.index.calls_named(PUTS)
            if isinstance(call.func, ast.Attribute) and self._rivals.identity(call.func.value) == identity
        ]
        return all(map(self._is_locked, puts)) and any(
            isinstance(call.func, ast.Attribute)
            and self.module.index.function(call) is function
            and self._rivals.identity(call.func.value) == identity
            and call.lineno < node.lineno
            for call in self.module.index.calls_named(("get_nowait",))
        )

    def _is_told(self, node: ast.Call, queue: ast.expr, opposite: list[str]) -> bool:
        """Whether the queue has just said what the call needs, and no other task runs in between.

        ``except QueueFull: jobs.get_nowait(); jobs.put_nowait(job)`` without an ``await``.
        """
        index = self.module.index
        handler = next((item for item in index.ancestors(node) if isinstance(item, ast.ExceptHandler)), None)
        if handler is None or index.function(handler) is not index.function(node):
            return False
        if any(isinstance(item, (ast.Await, ast.AsyncFor, ast.AsyncWith)) for item in walk(handler)):
            return False
        if next(index.loops(node), None) is not next(index.loops(handler), None):
            return False
        assert isinstance(node.func, ast.Attribute)
        other = GETS if node.func.attr == "put_nowait" else PUTS
        before = [
            call
            for call in index.calls_named(other)
            if self._is_of(call, queue) and call.lineno < node.lineno
        ]
        if other is GETS:
            return any(handler in index.ancestors(call) for call in before)
        return self._catches(handler.type, opposite) and any(
            handler in index.handlers(call) for call in before
        )

    def _is_of(self, call: ast.Call, queue: ast.expr) -> bool:
        return isinstance(call.func, ast.Attribute) and dotted(call.func.value) == dotted(queue)

    def _counted(self, iterable: ast.expr, body: Sequence[ast.stmt | ast.expr]) -> Iterator[Finding]:
        """The calls in a loop that takes as many items as there were when it began: ``for _ in range(jobs.qsize())``."""
        if not isinstance(iterable, ast.Call) or not isinstance(iterable.func, ast.Name):
            return
        size = iterable.args[-1] if iterable.func.id == "range" and iterable.args else None
        if isinstance(size, ast.Call) and isinstance(size.func, ast.Attribute) and size.func.attr == "qsize":
            yield from self._relied(iterable, [(size.func, GETS)], body)

    def _guarded(self, test: ast.expr, truth: bool, body: list[ast.stmt]) -> Iterator[Finding]:
        """The calls in what runs where a condition has this truth, and that rely on what it asked."""
        yield from self._relied(test, _checks(test, truth), body)

    def _relied(
        self,
        test: ast.expr,
        checks: Iterable[tuple[ast.Attribute, tuple[str, ...]]],
        body: Sequence[ast.stmt | ast.expr],
    ) -> Iterator[Finding]:
        for check, methods in checks:
            queue = check.value
            row = self._row(queue)
            if row is None or not self._is_shared(queue):
                continue
            text = dotted(queue)
            for call in self._calls(body, text, methods):
                if call in self._reported:
                    continue  # two checks of one queue
                is_between = self._awaits_between(check, test, body[0], call)
                if (
                    not self._holds(call, row, methods)
                    and (is_between or not self._rivals.are_tasks(queue, row, methods))
                    and self._rivals.has_rivals(queue, row, call, methods)
                ):
                    self._reported.add(call)
                    getting = methods is GETS
                    errors = row["empty"] if getting else row["full"]
                    message = _UNRELIABLE if row["runs"] == "process" else None
                    if self._rivals.is_drained_late(row, call):
                        message = _LATE
                    yield from self.found(
                        call,
                        message=message,
                        check=chain(check),
                        call=chain(call.func),
                        runs=row["runs"],
                        verb="take the item" if getting else "fill the queue",
                        instead=methods[1] if errors else methods[0],
                        error=errors[0] if errors else "a sentinel that ends the loop",
                    )
                break

    def _calls(
        self, body: Sequence[ast.stmt | ast.expr], queue: str | None, methods: tuple[str, ...]
    ) -> Iterator[ast.Call]:
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

    def _holds(self, call: ast.Call, row: knowledge.Row, methods: tuple[str, ...]) -> bool:
        """Whether the answer still holds at the call, or the call copes with the other answer."""
        assert isinstance(call.func, ast.Attribute)
        errors = row["empty"] if methods is GETS else row["full"]
        waits = not call.func.attr.endswith("_nowait") and not _is_nonblocking(call, methods)
        if not waits and self._is_handled(call, errors):
            return True
        if argument(call, "timeout", 1 if methods is GETS else 2) and self._is_handled(call, errors):
            return True
        outer = self.module.index.parent(call)
        if isinstance(outer, ast.Call) and self.module.called(outer) == "asyncio.wait_for":
            return self._is_handled(call, ["builtins.TimeoutError", "asyncio.TimeoutError"])
        if self._is_teardown(call, waits=waits):
            return True
        return self._is_locked(call)

    def _is_teardown(self, call: ast.Call, *, waits: bool) -> bool:
        """Whether a function that ends an object, or puts everything back, takes what was left over, and no loop takes from the queue as well."""
        index = self.module.index
        function = index.function(call)
        if not isinstance(function, _Function) or (function.name not in _ENDS and waits):
            return False
        if function.name not in _ENDS and _TEARDOWN.search(function.name) is None:
            return False
        assert isinstance(call.func, ast.Attribute)
        identity = self._rivals.identity(call.func.value)
        return not any(
            isinstance(other.func, ast.Attribute)
            and index.function(other) is not function
            and self._rivals.identity(other.func.value) == identity
            and next(index.loops(other), None) is not None
            for other in index.calls_named(GETS)
        )

    def _awaits_between(
        self, check: ast.expr, test: ast.expr, first: ast.stmt | ast.expr, call: ast.Call
    ) -> bool:
        """Whether another task may run after the check: an ``await`` between it and the call, in the condition or in what runs after it."""
        own = self.module.index.parent(call)
        until = (
            own if isinstance(own, ast.Await) else call
        )  # ``await queue.get()`` suspends only while it is empty
        return self._suspends(start_of(check), end_of(test)) or self._suspends(
            start_of(first), start_of(until)
        )

    def _suspends(self, start: _Place, end: _Place) -> bool:
        """Whether an ``await`` stands between two places."""
        return bisect.bisect_left(self._awaits, start) < bisect.bisect_left(self._awaits, end)

    @functools.cached_property
    def _awaits(self) -> list[_Place]:
        index = self.module.index
        awaiting: list[ast.Await | ast.AsyncFor | ast.AsyncWith] = [
            *index.nodes(ast.Await),
            *index.nodes(ast.AsyncFor),
            *index.nodes(ast.AsyncWith),
        ]
        return sorted(start_of(node) for node in awaiting)

    # -- the queue

    @functools.cached_property
    def _reported(self) -> set[ast.Call]:
        return set()

    @functools.cached_property
    def _handed(self) -> Handed:
        return Handed(self.module)

    @functools.cached_property
    def _rivals(self) -> Rivals:
        return Rivals(self.module, self._handed)

    def _row(self, queue: ast.expr) -> knowledge.Row | None:
        """The row of a queue: by its type, by that of what it is built on, or by what the file hands to the parameter that it is."""
        found = self.module.type_of(queue)
        if found is not None:
            return _queues().get(found)
        for base in self.module.receivers.inherited(queue):
            if base in _queues():
                return _queues()[base]
        handed = self._handed.type_of(queue)
        return None if handed is None else _queues().get(handed)

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

    def _is_bounded(self, queue: ast.expr) -> bool:
        """Whether every construction of the queue in the file gives a positive bound: a number, a constant, a parameter with such a default."""
        key = self._rivals.identity(queue)
        if key not in self._bounded:
            bounds = [argument(call, "maxsize", 0) for call in self._rivals.constructions(queue)]
            self._bounded[key] = bool(bounds) and all(map(self._is_positive, bounds))
        return self._bounded[key]

    def _is_positive(self, bound: ast.expr | None) -> bool:
        """Whether a bound is known to be a positive number."""
        if isinstance(bound, ast.Attribute):
            owner = self.module.receivers.class_behind(bound.value)
            bindings = [] if owner is None else self.module.scopes.bindings(owner, bound.attr)
            bound = bindings[0].value if len(bindings) == 1 else None
        resolved = self.module.scopes.resolve(bound) if isinstance(bound, ast.Name) else None
        if resolved is not None and [binding.kind for binding in resolved[1]] == [Kind.PARAMETER]:
            function, parameter = resolved[0], resolved[1][0].node
            assert isinstance(function, _Function | ast.Lambda) and isinstance(parameter, ast.arg)
            bound = default(function, parameter)
            if bound is None:
                return True  # who has to give one gives a number
        found = None if bound is None else number(Bounds(self.module).value(bound))
        return found is not None and found > 0

    @functools.cached_property
    def _bounded(self) -> dict[tuple[object, str], bool]:
        return {}

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
        return any(
            self._is_handled(call, errors) and self._may_call(call, function)
            for call in self.module.index.calls_named({name})
        )

    def _may_call(self, call: ast.Call, function: ast.AST) -> bool:
        """Whether a call may be one of a function, as far as its receiver says: a queue has methods of these names, too."""
        found = self.module.receivers.definition(call.func)
        if found is not None or not isinstance(call.func, ast.Attribute):
            return found is function
        return self._row(call.func.value) is None

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
                yield node.func, PUTS
            elif node.func.attr in ("empty", "qsize") and truth is (node.func.attr == "qsize"):
                yield node.func, GETS


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


def _is_nonblocking(call: ast.Call, methods: tuple[str, ...]) -> bool:
    block = argument(call, "block", 0 if methods is GETS else 1)
    return is_constant(block, False)
