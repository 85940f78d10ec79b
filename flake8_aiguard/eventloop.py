"""What runs on the event loop of a coroutine, and where other tasks wait for it."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Collection, Sequence
from typing import Final

from flake8_aiguard.blocking import names
from flake8_aiguard.index import COMPREHENSIONS, TRIES, Comprehension, Try
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Use
from flake8_aiguard.shapes import argument, is_none, last_name, parameters, string, words

_CANCELLED: Final = (
    *("anyio.get_cancelled_exc_class", "asyncio.CancelledError", "asyncio.exceptions.CancelledError"),
    *("builtins.BaseException", "concurrent.futures.CancelledError", "trio.Cancelled"),
)
_START_TASKS: Final = (
    *("TaskGroup", "as_completed", "create_task", "create_task_group", "ensure_future", "gather"),
    *("open_nursery", "run_in_executor", "run_coroutine_threadsafe", "start_soon", "to_thread"),
)
_START_SERVERS: Final = (
    *(
        "create_datagram_endpoint",
        "create_server",
        "create_unix_server",
        "run_app",
        "run_forever",
        "run_polling",
    ),
    *("run_webhook", "serve", "serve_forever", "start_polling", "start_server", "start_unix_server"),
)
_COORDINATE: Final = (
    *("BoundedSemaphore", "CapacityLimiter", "Condition", "Event", "Lock", "Queue", "Semaphore"),
    *("call_later", "call_soon", "call_soon_threadsafe", "open_memory_channel", "start"),
)
_OTHER_TASKS: Final = frozenset((*_START_TASKS, *_START_SERVERS)) - {"run_in_executor", "to_thread"}
_CONSUMERS: Final = ("extend", "join", "update")
_STARTUPS: Final = ("on_startup", "prep", "setup", "startup")
_STARTUPS_WITHOUT_ARGUMENTS: Final = ("init", "initialise", "initialize", "start")
_STARTUP_PREFIXES: Final = ("bootstrap_", "init_", "initialise_", "initialize_", "setup_", "startup_")
_LOOPS: Final = frozenset({"event_loop", "loop", "running_loop"})
_OWN_LOOP: Final = regex(
    r"\b(dedicated|own|separate)\b[^.]{0,40}\b(thread|event loop)|\bnever (on )?the (application|main) event loop",
    re.IGNORECASE,
)
_DIALOGUE: Final = 3  # questions of a coroutine that is a dialogue
_QUESTIONS: Final = ("confirm", "getpass", "input", "prompt", "waitKey")
_ASKERS: Final = frozenset({"InquirerPy", "inquirer", "pick", "questionary"})
_EXITS: Final = ("builtins.exit", "os._exit", "sys.exit")
_RUNS: Final = frozenset({"run", "sync"})  # self._run_async(capture())
_REGISTERS: Final = ("add_event_handler", "register_listener")
_SHUTDOWNS: Final = ("on_shutdown", "shutdown", "teardown")
_MIGRATING: Final = frozenset({"legacy", "migrate", "migration", "migrations"})


class EventLoop:
    """What one file shows of its event loop.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self.module = module

    def runs(self, node: ast.Call) -> bool:
        """Whether a call runs in a coroutine, where it stands, and is no coroutine itself."""
        return (
            self.module.index.in_async(node)
            and not self._is_awaited(node)
            and not self._is_lazy(node)
            and not self.is_driven
            and not self._is_synchronous(node)
        )

    @functools.cached_property
    def is_driven(self) -> bool:
        """Whether the file runs coroutines to their end itself, ``coroutine.send(None)``, so that there is no event loop."""
        return any(
            len(call.args) == 1
            and is_none(call.args[0])
            and isinstance(call.func, ast.Attribute)
            and isinstance(parent := self.module.index.parent(call), ast.Expr)
            and self._ends_by_stop(parent)
            for call in self.module.index.calls_named(("send",))
        )

    def _ends_by_stop(self, statement: ast.stmt) -> bool:
        """Whether a statement is tried until ``StopIteration`` brings the answer."""
        block = self.module.index.parent(statement)
        return isinstance(block, TRIES) and any(
            last_name(handler.type) == "StopIteration" for handler in block.handlers
        )

    def _is_synchronous(self, node: ast.AST) -> bool:
        """Whether a call runs only where its source was made one of plain functions: below ``if _IS_SYNC:``."""
        if not self._synchronous:
            return False
        index = self.module.index
        statement = index.statement(node)
        return statement in self._synchronous or any(
            outer in self._synchronous for outer in index.ancestors(statement)
        )

    @functools.cached_property
    def _synchronous(self) -> frozenset[ast.stmt]:
        """The statements directly below ``if _IS_SYNC:`` or ``if loop is None:``, or in the ``else`` of the opposite."""
        found: list[ast.stmt] = []
        for branch in self.module.index.nodes(ast.If):
            test, block = branch.test, branch.body
            if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
                test, block = test.operand, branch.orelse
            if isinstance(test, ast.Compare) and is_none(test.comparators[0]):
                if isinstance(test.ops[0], ast.IsNot):
                    block = branch.orelse if block is branch.body else branch.body
                if (last_name(test.left) or "").strip("_").lower() in _LOOPS:
                    found += block
            elif (last_name(test) or "").strip("_").lower() == "is_sync":
                found += block
        return frozenset(found)

    def is_before_first_wait(self, node: ast.expr) -> bool:
        """Whether no other task is there yet: in ``main()`` or a command, before its first ``await``."""
        function = self.module.index.function(node)
        if not isinstance(function, ast.AsyncFunctionDef):
            return False
        first = self._first_waits.get(function)
        if first is None or not (self.is_command(function) or self._is_started_by_runner(function)):
            return False
        return max(item.end_lineno or 0 for item in (node, *self.module.index.loops(node))) < first

    def is_between_tasks(self, node: ast.expr) -> bool:
        """Whether no other task is there: in what a runner starts, where all that the file starts besides is waited for on the spot."""
        index = self.module.index
        function = index.function(node)
        return (
            isinstance(function, ast.AsyncFunctionDef)
            and self._has_loop
            and self._is_started_by_runner(function)
            and all(map(self._is_joined, index.calls_named(_OTHER_TASKS)))
            and not any(isinstance(index.parent(item), ast.AsyncWith) for item in index.with_items(node))
        )

    def _is_joined(self, call: ast.Call) -> bool:
        """``await asyncio.gather(...)``, by that name in whatever module."""
        return last_name(call.func) == "gather" and isinstance(self.module.index.parent(call), ast.Await)

    def is_command(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Whether a decorator makes the function a command of a command line."""
        commands = names("blocking.command")
        stack, seen = [function], {function}
        while stack:
            for item in stack.pop().decorator_list:
                decorator = item.func if isinstance(item, ast.Call) else item
                if self.module.qualname(decorator) in commands:
                    return True
                if isinstance(decorator, ast.Attribute):
                    if f"{self.module.type_of(decorator.value)}.{decorator.attr}" in commands:
                        return True
                    # A function under @click.group() is a group: @cli.command().
                    group = self.module.receivers.definition(decorator.value)
                    if isinstance(group, (ast.FunctionDef, ast.AsyncFunctionDef)) and group not in seen:
                        seen.add(group)
                        stack.append(group)
        return False

    def _is_started_by_runner(self, function: ast.AsyncFunctionDef) -> bool:
        """Whether ``asyncio.run`` and the like are all that starts a coroutine in this file."""
        if function not in self._started:
            uses: Sequence[ast.expr] = self.module.scopes.uses(
                self.module.index.scope(function), function.name
            )
            if self.module.index.class_of(function) is not None:
                uses = [item for item in self.module.index.nodes(ast.Attribute) if item.attr == function.name]
            self._started[function] = bool(uses) and all(map(self._is_given_to_runner, uses))
        return self._started[function]

    @functools.cached_property
    def _started(self) -> dict[ast.AST, bool]:
        return {}

    def _is_given_to_runner(self, use: ast.expr) -> bool:
        parent = self.module.index.parent(use)
        if isinstance(parent, ast.Call) and parent.func is use:
            parent = self.module.index.parent(parent)
        return isinstance(parent, ast.Call) and self.module.called(parent) in names("blocking.runner")

    @functools.cached_property
    def _first_waits(self) -> dict[ast.AST, int]:
        """The line of the first place in each coroutine where other tasks may run."""
        index = self.module.index
        found: dict[ast.AST, int] = {}
        for node in self.waiting_points:
            function = index.function(node)
            if function is not None:
                found[function] = min(node.lineno, found.get(function, node.lineno))
        return found

    @functools.cached_property
    def waiting_points(self) -> list[ast.Await | ast.AsyncFor | ast.AsyncWith]:
        """The places in the file where other tasks may run."""
        index = self.module.index
        return [*index.nodes(ast.Await), *index.nodes(ast.AsyncFor), *index.nodes(ast.AsyncWith)]

    def is_cleanup(self, node: ast.AST) -> bool:
        """Whether a node runs when its task may be cancelled, so that an ``await`` in its place may not get through."""
        index = self.module.index
        function = index.function(node)
        path: list[ast.AST] = []
        found = False
        for parent in index.ancestors(node):
            if node in self._cleanups or node is function:
                break
            path.append(node)
            found = (isinstance(parent, TRIES) and _is_in_finally(node, parent)) or (
                isinstance(node, ast.ExceptHandler) and self._tidies_up(node)
            )
            if found:
                break
            node = parent
        found = found or self._cleanups.get(node, False)
        self._cleanups.update(dict.fromkeys(path, found))
        return found

    @functools.cached_property
    def _cleanups(self) -> dict[ast.AST, bool]:
        return {}

    def _tidies_up(self, handler: ast.ExceptHandler) -> bool:
        last = handler.body[-1]
        if isinstance(last, ast.Raise) and last.exc is None:
            return True  # tidies up after a failure, and lets it go on
        caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        return any(
            item is None
            or self.module.qualname(item.func if isinstance(item, ast.Call) else item) in _CANCELLED
            for item in caught
        )

    @functools.cached_property
    def is_dialogue(self) -> bool:
        """Whether the file asks its user at a terminal, or runs an event loop of its own and starts nothing else on it."""
        if not _ASKERS.isdisjoint(self.module.index.packages):
            return True
        return self._has_loop and not self.module.index.calls_named(_START_TASKS)

    def is_registered(self, function: ast.AsyncFunctionDef, events: Collection[str]) -> bool:
        """Whether the file registers a function for one of these events: ``app.register_listener(clean_up, "after_server_stop")``."""
        return any(
            any(string(item) in events for item in call.args)
            and any(self.module.receivers.definition(item) is function for item in call.args)
            for call in self.module.index.calls_named(_REGISTERS)
        )

    def is_own_thread(self, node: ast.Call) -> bool:
        """Whether a coroutine joins the thread of the file on whose event loop it is run from outside, and that is itself: it raises at once."""
        index, receivers = self.module.index, self.module.receivers
        function = index.function(node)
        if not isinstance(node.func, ast.Attribute) or function is None:
            return False
        sent = [
            call
            for call in index.calls_named(("run_coroutine_threadsafe",))
            if call.args
            and isinstance(call.args[0], ast.Call)
            and receivers.definition(call.args[0].func) is function
        ]
        if not sent:
            return False
        targets = [
            receivers.definition(target)
            for call in receivers.origin(node.func.value).calls
            if (target := argument(call, "target", 1)) is not None
        ]
        return any(index.function(call) in targets for call in index.calls_named(("run_forever",)) if targets)

    def ends_process(self, function: ast.AsyncFunctionDef) -> bool:
        """Whether a coroutine exits, which only what has the process for itself may do: ``sys.exit(1)``."""
        return any(
            self.module.index.function(call) is function and self.module.qualname(call.func) in _EXITS
            for call in self.module.index.calls_named(("exit", "_exit"))
        )

    def is_waited_for(self, function: ast.AsyncFunctionDef) -> bool:
        """Whether a sync function makes a coroutine and hands it to what runs it: it waits for the result, as for a call."""
        around = self.module.index.scope(function)
        if not isinstance(around, ast.FunctionDef):
            return False
        uses = self.module.scopes.uses(around, function.name)
        return bool(uses) and all(map(self._is_run, uses))

    def _is_run(self, use: ast.expr) -> bool:
        call = self.module.index.parent(use)
        runner = self.module.index.parent(call) if isinstance(call, ast.Call) and call.func is use else None
        return isinstance(runner, ast.Call) and not _RUNS.isdisjoint(words(last_name(runner.func) or ""))

    def is_conversation(self, function: ast.AsyncFunctionDef) -> bool:
        """Whether a coroutine asks its user again and again: waiting is what it is for."""
        asked = sum(
            self.module.index.function(call) is function for call in self.module.index.calls_named(_QUESTIONS)
        )
        return asked >= _DIALOGUE

    @functools.cached_property
    def is_shared(self) -> bool:
        """Whether the file shows other tasks on its event loop: it starts or coordinates some, serves, or handles what a framework sends."""
        index = self.module.index
        return (
            not index.names_called().isdisjoint(_OTHER_TASKS)
            or any(
                (self.module.qualname(call.func) or "").partition(".")[0] in ("anyio", "asyncio", "trio")
                for call in index.calls_named(_COORDINATE)
            )
            or any(map(self.module.entrypoints.kind, index.nodes(ast.AsyncFunctionDef)))
        )

    @functools.cached_property
    def is_script(self) -> bool:
        """Whether the file runs an event loop of its own from ``__main__``, for its own tasks alone."""
        return self._has_loop and any(
            isinstance(item.left, ast.Name) and item.left.id == "__name__"
            for item in self.module.index.nodes(ast.Compare)
        )

    @functools.cached_property
    def _has_loop(self) -> bool:
        """Whether the file runs an event loop, and no server on it."""
        index = self.module.index
        runners = names("blocking.runner")
        runs = any(
            self.module.called(call) in runners
            for call in index.calls_named({name.rpartition(".")[2] for name in runners})
        )
        return (
            runs
            and not index.calls_named(_START_SERVERS)
            and not any(map(self.module.entrypoints.kind, index.nodes(ast.AsyncFunctionDef)))
        )

    @functools.cached_property
    def awaiting(self) -> set[ast.AST]:
        """The ``with`` statements whose body lets other tasks run."""
        index = self.module.index
        found: set[ast.AST] = set()
        seen: set[ast.AST] = set()
        for node in self.waiting_points:
            function = index.function(node)
            child: ast.AST = node
            for parent in index.ancestors(node):
                if child in seen or parent is function:
                    break
                seen.add(child)
                if isinstance(parent, ast.With) and isinstance(child, ast.stmt):
                    found.add(parent)
                child = parent
        return found

    def _is_awaited(self, node: ast.expr) -> bool:
        """Whether the result is awaited or entered as only an asynchronous twin's can be."""
        parent = self.module.index.parent(node)
        while isinstance(parent, ast.IfExp) and node is not parent.test:
            node, parent = parent, self.module.index.parent(parent)
        if isinstance(parent, ast.withitem):
            return isinstance(self.module.index.parent(parent), ast.AsyncWith)
        if isinstance(parent, ast.comprehension):
            return bool(parent.is_async) and node is parent.iter
        return isinstance(parent, ast.Await) or (isinstance(parent, ast.AsyncFor) and node is parent.iter)

    def _is_lazy(self, node: ast.expr) -> bool:
        """Whether a generator expression around the call runs elsewhere, for all this function shows."""
        scope = self.module.index.scope(node)
        while isinstance(scope, COMPREHENSIONS):
            if isinstance(scope, ast.GeneratorExp) and not self._is_consumed(scope):
                return True
            scope = self.module.index.scope(scope)
        return False

    def _is_consumed(self, generator: Comprehension) -> bool:
        use, by = self.module.scopes.use_of(generator)
        if use is Use.PASSED and isinstance(by, ast.Call):
            if isinstance(by.func, ast.Attribute) and by.func.attr in _CONSUMERS:
                return True
            return (self.module.qualname(by.func) or "").startswith("builtins.")
        return use is Use.ITERATED or isinstance(self.module.index.parent(generator), ast.Starred)


def is_startup(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function's name says that it runs before there is anything to serve: ``lifespan()``, ``startup()``.

    What starts with arguments (``start(job)``) may start again and again.
    """
    name = function.name.strip("_")
    if name in _STARTUPS_WITHOUT_ARGUMENTS:
        return all(item.arg in ("self", "cls", "app", "loop") for item in parameters(function))
    return (
        name in _STARTUPS
        or "lifespan" in name
        or name.startswith(_STARTUP_PREFIXES)
        or _handles(function, "startup")
    )


def has_own_loop(function: ast.AsyncFunctionDef) -> bool:
    """Whether a docstring says that the coroutine runs on an event loop of its own, in a thread that is there to wait."""
    return _OWN_LOOP.search(" ".join((ast.get_docstring(function) or "").split())) is not None


def is_shutdown(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function's name or decorator says that it runs when nothing is served any more: ``@app.on_event("shutdown")``."""
    return function.name.strip("_") in _SHUTDOWNS or _handles(function, "shutdown")


def _handles(function: ast.FunctionDef | ast.AsyncFunctionDef, event: str) -> bool:
    """Whether a decorator registers a function for an event in the life of a server."""
    return any(
        isinstance(item, ast.Call)
        and last_name(item.func) == "on_event"
        and string(argument(item, "event_type", 0)) == event
        for item in function.decorator_list
    )


def migrates(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function's name says that it moves what an older version left behind, which it does once."""
    return not _MIGRATING.isdisjoint(function.name.split("_"))


def _is_in_finally(node: ast.AST, block: Try) -> bool:
    """Whether a child of a ``try`` stands in its ``finally``, which comes last."""
    return bool(block.finalbody) and getattr(node, "lineno", 0) >= block.finalbody[0].lineno
