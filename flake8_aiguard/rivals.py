"""Who else takes from a queue, or fills it, between the question for its size and the call that relies on the answer."""

from __future__ import annotations

import ast
import functools
from collections import defaultdict
from collections.abc import Iterator
from typing import TypeAlias

from flake8_aiguard import knowledge
from flake8_aiguard.handed import Handed
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.scopes import ESCAPES, Kind, Use
from flake8_aiguard.shapes import dotted, last_name, parameters, words

GETS = ("get", "get_nowait")
PUTS = ("put", "put_nowait")
# Words in the names of what goes on using a queue after the call has returned.
_LASTING = frozenset(
    (
        *(
            "add",
            "append",
            "apply",
            "async",
            "attach",
            "bind",
            "connect",
            "insert",
            "launch",
            "listen",
            "map",
        ),
        *(
            "put",
            "register",
            "run",
            "schedule",
            "set",
            "setdefault",
            "soon",
            "spawn",
            "starmap",
            "start",
            "submit",
        ),
        *("subscribe", "task", "thread", "threads", "update", "worker", "workers"),
    )
)
_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


class Rivals:
    """The users of the queues of one file.

    Args:
        module: the file.
        handed: what the file hands to its functions.
    """

    def __init__(self, module: Module, handed: Handed) -> None:
        self._module = module
        self._handed = handed

    def has_rivals(
        self, queue: ast.expr, row: knowledge.Row, call: ast.Call, methods: tuple[str, ...]
    ) -> bool:
        """Whether another consumer (or producer, for a put) can come between the check and the call."""
        index = self._module.index
        function = index.function(call)
        if function is None or isinstance(function, ast.Lambda):
            return True
        if self.is_drained_late(row, call):
            return True
        if self._is_joined(call, function) or self._is_called_after_joins(queue, function):
            return False
        if row["runs"] == "process":
            return not self._is_polled(queue, call)
        if self._module.type_of(queue) is None and not self._module.receivers.inherited(queue):
            return self._handed.is_handed_often(queue)
        if self._is_started_often(function):
            return True
        if methods is PUTS and self._is_offered(function):
            return True
        users = self._users(self.identity(queue), methods)
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

    def are_tasks(self, queue: ast.expr, row: knowledge.Row, methods: tuple[str, ...]) -> bool:
        """Whether only tasks of one event loop use a queue in this way, so that nobody comes in between without an ``await``.

        Args:
            queue: the queue.
            row: what is known of its class.
            methods: the calls in question, all that take or all that put.

        Returns:
            Whether it is a queue of ``asyncio``, or one of threads on which nothing but coroutines of its object make such calls.
        """
        if row["runs"] == "process":
            return False
        users = self._users(self.identity(queue), methods)
        return row["runs"] == "task" or (
            isinstance(queue, ast.Attribute)
            and self._is_own_queue(queue)
            and bool(users)
            and all(isinstance(user, ast.AsyncFunctionDef) for user in users)
        )

    def is_drained_late(self, row: knowledge.Row, call: ast.Call) -> bool:
        """Whether a loop takes the results of several processes after their ``join()``, which waits for the results to be taken."""
        index = self._module.index
        function, loop = index.function(call), next(index.loops(call), None)
        return (
            row["runs"] == "process"
            and isinstance(function, _Function)
            and isinstance(loop, ast.While)
            and self._is_joined(call, function)
            and any(
                index.function(join) is function
                and join.lineno < loop.lineno
                and isinstance(outer := next(index.loops(join), None), ast.For)
                and isinstance(join.func, ast.Attribute)
                and dotted(join.func.value) == dotted(outer.target)
                for join in index.calls_named(("join",))
            )
        )

    def _is_offered(self, function: _Function) -> bool:
        """Whether a function is a public method, or one that such a method calls: whoever has the object may call it, from any thread."""
        owner = self._module.index.class_of(function)
        if owner is None or self._is_run_elsewhere(function):
            return False
        callers = (self._module.index.function(item) for item in self._mentions.get(function.name, ()))
        return not function.name.startswith("_") or any(
            isinstance(caller, _Function)
            and not caller.name.startswith("_")
            and self._module.index.class_of(caller) is owner
            for caller in callers
        )

    def _is_joined(self, call: ast.Call, function: _Function) -> bool:
        """Whether the function has waited for the end of threads or processes before, and starts none after that."""
        index = self._module.index
        joins, starts = [
            [
                other.lineno
                for other in index.calls_named((name,))
                if index.function(other) is function
                and not other.args
                and not other.keywords  # ``join(timeout=1)`` may give up
                and other.lineno < call.lineno
            ]
            for name in ("join", "start")
        ]
        return bool(joins) and max(joins) > max(starts, default=0)

    def _is_called_after_joins(self, queue: ast.expr, function: _Function) -> bool:
        """Whether a function gets the queue only from plain calls that stand after such joins."""
        if not isinstance(queue, ast.Name):
            return False
        bindings = self._module.scopes.bindings(function, queue.id)
        if not bindings or any(binding.kind is not Kind.PARAMETER for binding in bindings):
            return False
        calls = [self._module.index.parent(mention) for mention in self._mentions.get(function.name, ())]
        return bool(calls) and all(
            isinstance(call, ast.Call)
            and self._module.receivers.definition(call.func) is function
            and isinstance(caller := self._module.index.function(call), _Function)
            and self._is_joined(call, caller)
            for call in calls
        )

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
                if self._module.receivers.definition(mention) is item:
                    caller = self._module.index.function(mention)
                    if isinstance(caller, ast.Lambda):
                        return True
                    stack += [] if caller is None else [caller]
        return False

    def _is_thread_run(self, function: _Function) -> bool:
        """``run()`` of a class that is built on another one, which may be a thread."""
        owner = self._module.index.class_of(function)
        is_run = function.name == "run" and len(parameters(function)) == 1
        return is_run and owner is not None and bool(owner.bases)

    def _is_own_queue(self, queue: ast.expr) -> bool:
        """Whether a queue is an attribute of the own object, or a local of a function that is not handed in."""
        if isinstance(queue, ast.Attribute):
            return self._module.receivers.class_behind(queue.value) is not None
        if not isinstance(queue, ast.Name):
            return False
        owner = self._module.scopes.owner(self._module.index.scope(queue), queue.id)
        if owner is None or isinstance(owner, ast.Module):
            return False
        bindings = self._module.scopes.bindings(owner, queue.id)
        if any(binding.kind is Kind.PARAMETER for binding in bindings):
            return False
        return not any(map(self._gives_away, self._module.scopes.uses(owner, queue.id)))

    def _gives_away(self, use: ast.Name) -> bool:
        """Whether a mention hands a queue to others who may take from it: to anything but a function here that only puts."""
        kind = self._module.scopes.use(use)[0]
        if kind is not Use.PASSED:
            return kind in ESCAPES and kind is not Use.CLOSED_OVER
        index = self._module.index
        call = next((item for item in index.ancestors(use) if isinstance(item, ast.Call)), None)
        if call is None:
            return True
        given = (call.func, *call.args, *(item.value for item in call.keywords))
        found = [self._module.receivers.definition(item) for item in given]
        if not any(isinstance(item, _Function) for item in found):
            return not self._is_plain(call)
        takers = {index.function(item) for item in index.calls_named(GETS)}
        return not any(isinstance(item, _Function) and item not in takers for item in found)

    def _is_plain(self, call: ast.Call) -> bool:
        """Whether a call of elsewhere returns before the next statement, and builds, starts or stores nothing by its name."""
        name = last_name(call.func) or ""
        if not name[:1].islower() or not _LASTING.isdisjoint(words(name)):
            return False
        return isinstance(self._module.index.parent(call), ast.Expr)

    def _is_main_loop(self, call: ast.Call) -> bool:
        """Whether a queue is emptied in each turn of a loop that never ends: one that takes all, and others that put."""
        inner, *outer = [*self._module.index.loops(call), None][:2]
        return (
            isinstance(inner, ast.While)
            and not isinstance(inner.test, ast.Constant)
            and any(isinstance(loop, ast.While) and isinstance(loop.test, ast.Constant) for loop in outer)
        )

    def _is_private(self, queue: ast.Attribute) -> bool:
        """Whether the name of an attribute or of its class says that nobody else takes from it."""
        owner = self._module.receivers.class_behind(queue.value)
        return queue.attr.startswith("_") or (owner is not None and owner.name.startswith("_"))

    def _is_polled(self, queue: ast.expr, call: ast.Call) -> bool:
        """Whether a queue that a function has made is asked again and again: an item that comes late is not missed."""
        index = self._module.index
        resolved = self._module.scopes.resolve(queue) if isinstance(queue, ast.Name) else None
        return (
            resolved is not None
            and not isinstance(resolved[0], ast.Module)
            and all(binding.kind is Kind.ASSIGN for binding in resolved[1])
            and len(list(index.loops(call))) > 1
        )

    def _is_made_in(self, queue: ast.expr, function: ast.AST) -> bool:
        """Whether the function that takes from a queue of its object makes it, anew for each call."""
        found = list(self.constructions(queue))
        return bool(found) and all(self._module.index.function(item) is function for item in found)

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
                self._module.index.function(mention)
                for mention in self._mentions.get(function.name, ())
                if self._module.receivers.definition(mention) is function
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
            self._module.index.function(call)
            for call in self._module.index.calls_named(methods)
            if isinstance(call.func, ast.Attribute) and self.identity(call.func.value) == queue
        )
        return {function for function in functions if isinstance(function, _Function)}

    def identity(self, queue: ast.expr) -> tuple[object, str]:
        if isinstance(queue, ast.Attribute):
            return self._module.receivers.class_behind(queue.value) or dotted(queue), queue.attr
        if isinstance(queue, ast.Name):
            return self._module.scopes.owner(self._module.index.scope(queue), queue.id), queue.id
        return queue, ""

    @memoised
    def _starts(self, function: _Function) -> list[ast.AST]:
        """Where a function is handed over to be run by something else, and where a coroutine is made."""
        found: list[ast.AST] = []
        for mention in self._mentions.get(function.name, ()):
            parent = self._module.index.parent(mention)
            is_called = isinstance(parent, ast.Call) and parent.func is mention
            is_handed_over = isinstance(parent, (ast.Call, ast.keyword)) and not is_called
            is_run = is_handed_over or (is_called and isinstance(function, ast.AsyncFunctionDef))
            if is_run and self._module.receivers.definition(mention) is function:
                found.append(mention)
        return found

    @functools.cached_property
    def _mentions(self) -> dict[str, list[ast.Name | ast.Attribute]]:
        found: dict[str, list[ast.Name | ast.Attribute]] = defaultdict(list)
        for name in self._module.index.nodes(ast.Name):
            found[name.id].append(name)
        for attribute in self._module.index.nodes(ast.Attribute):
            found[attribute.attr].append(attribute)
        return found

    def _is_started(self, function: _Function) -> bool:
        return bool(self._starts(function))

    def _is_started_often(self, function: _Function) -> bool:
        starts = self._starts(function)
        return len(starts) > 1 or any(
            any(self._module.index.loops(start)) or self._is_mapped(start) for start in starts
        )

    def _is_mapped(self, start: ast.AST) -> bool:
        parent = self._module.index.parent(start)
        return (
            isinstance(parent, ast.Call)
            and isinstance(parent.func, ast.Attribute)
            and "map" in parent.func.attr
        )

    def constructions(self, queue: ast.expr) -> Iterator[ast.Call]:
        values: list[ast.expr | None] = []
        if isinstance(queue, ast.Name):
            resolved = self._module.scopes.resolve(queue)
            values = [] if resolved is None else [binding.value for binding in resolved[1]]
        elif isinstance(queue, ast.Attribute):
            owner = self._module.receivers.class_behind(queue.value)
            if owner is not None:
                for store in self._module.receivers.attribute_stores(owner, queue.attr):
                    assign = self._module.index.parent(store)
                    if isinstance(assign, (ast.Assign, ast.AnnAssign)):
                        values.append(assign.value)
        for value in values:
            if isinstance(value, ast.Call):
                yield value


def _twin(name: str) -> str:
    """The name that a method and its asynchronous twin share: ``__next__`` and ``__anext__``, ``take`` and ``take_async``."""
    return name.strip("_").removesuffix("_async").removeprefix("async_").removeprefix("a")
