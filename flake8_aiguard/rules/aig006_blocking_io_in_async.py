"""AIG006: a call that holds the event loop while it waits for something outside."""

from __future__ import annotations

import ast
import bisect
import functools
import math
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase

from flake8_aiguard import knowledge
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.eventloop import EventLoop, is_migration, is_shutdown, is_startup
from flake8_aiguard.index import COMPREHENSIONS, TRIES, Try
from flake8_aiguard.memo import memoised
from flake8_aiguard.receivers import Origin, Variable
from flake8_aiguard.scopes import Binding, Kind, Use
from flake8_aiguard.shapes import argument, calls_before, dotted, is_constant, last_name, names_in, string

# Conditions of a row that arguments which are not written out may meet.
_CONDITIONS = ("flag", "timeout", "needs", "blocking", "nonblocking")
# What nobody minds in a test, and what in a command that has its event loop for itself.
_FINE_IN_TESTS = ("file", "process")
_FINE_IN_COMMANDS = ("file", "input")
_READS = ("read_bytes", "read_text")
_TAKERS = ("extend", "join", "writelines")  # methods that iterate over what they are given
_WRITES = ("write", "writelines")
_TOUCHES = ("close", "fileno", "name", "seek", "tell")
_HEAD = 64 * 1024  # bytes of a file that are read at once, from the page cache as a rule
_TEMPORARY = ("tempfile.NamedTemporaryFile", "tempfile.TemporaryFile")
_CANCELLED = (
    *("anyio.get_cancelled_exc_class", "asyncio.CancelledError", "asyncio.exceptions.CancelledError"),
    *("builtins.BaseException", "concurrent.futures.CancelledError", "trio.Cancelled"),
)
_MAX_STEPS = 50  # from a path to the parts that it is built of
_IN_MEMORY = frozenset({"io.BytesIO", "io.StringIO"})
_START_TASKS = (
    *("TaskGroup", "as_completed", "create_task", "create_task_group", "ensure_future", "gather"),
    *("open_nursery", "run_in_executor", "run_coroutine_threadsafe", "start_soon", "to_thread"),
)
_START_SERVERS = (
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
_ENTRIES = ("iterdir", "scandir")
_WHOLE_WRITES = ("write_bytes", "write_text")
_BESIDE_SERVICE = ("benchmark/", "benchmarks/", "*benchmark*.py", "testing/")
_COMMAND_LINES = ("cli/", "cli.py", "*_cli.py", "scripts/", "management/commands/")


class BlockingIoInAsync(Checker):
    """Blocking call in ``async def``: while it waits, the event loop runs nothing else.

    Why: one event loop serves all tasks of a process. A call that waits for the network, a disk, a process or
    another thread without ``await`` stops every one of them: requests queue up, timeouts fire late,
    heartbeats are missed. Nothing fails in a test with one client.

    Bad::

        import requests

        class Prices:
            def __init__(self):
                self.session = requests.Session()

            async def fetch(self, url):
                return self.session.get(url, timeout=10).json()

    Good::

        import httpx

        class Prices:
            def __init__(self):
                self.client = httpx.AsyncClient()

            async def fetch(self, url):
                return (await self.client.get(url, timeout=10)).json()

    Limits: a sync function that blocks is not followed into the coroutine that calls it. Cheap calls on one
    directory entry (``os.path.exists``, ``Path.mkdir``, ``any(path.iterdir())``) are reported only with ``blocking-metadata``,
    or not at all. An open file is reported where it is opened, not at each read, and not at all where threads or a process do the
    reading, where it is only passed on to a function that nothing is known of (which wants a sync file), or where no more
    than a head of up to 64 KiB is read. A temporary file is reported at the first write of something that is no constant.
    Files are fine in ``finally`` and in handlers of ``BaseException`` and ``CancelledError``, where an ``await`` may be
    cancelled itself; in a file that runs an event loop and starts no other task or server on it, or runs it from
    ``__main__`` without a server; in folders and modules of a command line or of scripts. Silent for a queue or a future that is
    asked first (``empty()``, ``done()``), for ``put()`` on a
    queue without a bound, on a socket with ``setblocking()``, for files and processes in tests, for files and
    ``input()`` in commands of click, typer and cyclopts, for files in ``startup()``, ``lifespan()``, ``shutdown()``, migrations and
    the like, for one file that comes with the code (a path of ``__file__`` and constants), for a constant that is written where
    no file is yet, for benchmarks, and for what ``main()`` does before it first
    waits, when ``asyncio.run`` starts it. A process that is kept on an object is reported where something waits for it.
    ``with lock:`` on a thread's lock is reported only where its body awaits; leaving
    a ``with ThreadPoolExecutor()``, and ending an executor in ``finally``, is not.
    """

    code = "AIG006"
    slug = "blocking-io-in-async"
    since = "0.1.0"
    severity = "error"
    message = "{call}() stops the event loop, and with it every task, until it returns; {instead}"
    triggers = ("async def",)
    ruff = (
        "Ruff has ASYNC210, ASYNC220, ASYNC221, ASYNC222, ASYNC230 and ASYNC251 (default) and ASYNC212, "
        "ASYNC240 and ASYNC250 (opt-in): functions of some modules, httpx.Client and Path in a name that is "
        "bound once; all other clients, attributes, databases, locks, queues and threads are only ours."
    )
    settings = ("blocking-metadata",)

    def call_names(self) -> Collection[str] | None:
        if not self.module.index.nodes(ast.AsyncFunctionDef):
            return ()
        names = _names_by_package()
        found = frozenset[str]().union(*(names.get(item, ()) for item in self.module.index.packages))
        return None if "*" in found else found

    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        if not self._loop.runs(node):
            return
        row = self._row(node)
        if row is None or not self._blocks(node, row) or self._is_excused(node, row):
            return
        yield from self.found(
            node,
            call=dotted(node.func) or self.module.called(node),
            instead=row["instead"],
            ruff=self._ruff_code(node),
        )

    def visit_With(self, node: ast.With) -> Iterator[Finding]:
        """A thread's lock that is held while other tasks run."""
        for item in node.items:
            lock = item.context_expr
            row = _methods().get(f"{self.module.type_of(lock)}.acquire")
            if row is not None and row.get("task_deadlock", False) and node in self._awaiting:
                yield from self.found(
                    lock,
                    message="{lock} is held across an await: a second task that enters it stops the event "
                    "loop, and the first never gets to release it; {instead}",
                    lock=dotted(lock) or "the lock",
                    instead=row["instead"],
                )

    @functools.cached_property
    def _loop(self) -> EventLoop:
        return EventLoop(self.module)

    # -- which row

    @memoised
    def _row(self, node: ast.Call) -> knowledge.Row | None:
        name = self.module.qualname(node.func)
        if name is not None:
            return knowledge.by_call("blocking.call").get(name) or _methods().get(name)
        if not isinstance(node.func, ast.Attribute):
            return None
        owner, between = node.func.value, list[str]()
        while (receiver := self.module.type_of(owner)) is None:
            if not isinstance(owner, ast.Attribute):
                return None
            between.append(owner.attr)
            owner = owner.value
        return _method(receiver, node.func.attr, between)

    # -- whether it blocks

    def _blocks(self, node: ast.Call, row: knowledge.Row) -> bool:
        if row.get("metadata", False) and not self.options.blocking_metadata:
            return False
        if self.module.is_test and row["kind"] in _FINE_IN_TESTS:
            return False
        if self._is_beside_service or (row["kind"] == "file" and self._is_command_line):
            return False
        return self._waits(node, row) and (not row.get("bounded", False) or self._is_bounded(node))

    @functools.cached_property
    def _is_beside_service(self) -> bool:
        """Whether the file measures or tests a service, by its path."""
        return self.module.matches(_BESIDE_SERVICE)

    @functools.cached_property
    def _is_command_line(self) -> bool:
        """Whether the file is a part of a command line or a script, by its path: one task, and somebody who waits for it."""
        return self.module.matches(_COMMAND_LINES)

    def _waits(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether the arguments let the call wait."""
        keywords = self.module.receivers.keywords(node)
        if keywords is None or any(isinstance(item, ast.Starred) for item in node.args):
            return not any(condition in row for condition in _CONDITIONS)

        def given(name: str) -> ast.expr | None:
            return keywords.get(row.get(name, ""), argument(node, None, row.get(f"{name}_position")))

        flag, timeout, needed = given("flag"), given("timeout"), given("needs")
        if flag is not None and not (isinstance(flag, ast.Constant) and flag.value):
            return False
        if isinstance(timeout, ast.Constant) and timeout.value == 0:
            return False
        if "needs" in row and (needed is None or (isinstance(needed, ast.Constant) and not needed.value)):
            return False
        if "blocking" in row:
            return self._mentions(node, row["blocking"])
        return "nonblocking" not in row or not self._mentions(node, row["nonblocking"])

    def _mentions(self, node: ast.Call, names: Collection[str]) -> bool:
        """Whether one of these names stands among the arguments, as in ``os.WNOHANG | os.WUNTRACED``."""
        stack: list[ast.expr] = [*node.args, *(item.value for item in node.keywords)]
        seen: set[ast.expr] = set()
        while stack:
            item = stack.pop()
            if item in seen:
                continue
            seen.add(item)
            if isinstance(item, ast.BinOp):
                stack += (item.left, item.right)
            elif self.module.qualname(item) in names:
                return True
            elif isinstance(item, ast.Name):
                bindings = (self.module.scopes.resolve(item) or (None, []))[1]
                # FLAGS = os.WNOHANG | os.WUNTRACED
                if len(bindings) == 1 and isinstance(bindings[0].value, ast.BinOp):
                    stack += (bindings[0].value.left, bindings[0].value.right)
        return False

    def _is_bounded(self, node: ast.Call) -> bool:
        """Whether a queue was built with a bound, so that ``put()`` may have to wait."""
        for built in self._origin(node).calls:
            bound = argument(built, "maxsize", 0)
            if bound is not None and not isinstance(bound, ast.UnaryOp) and not is_constant(bound, 0):
                return True
        return False

    # -- why it is no finding of its own

    def _is_excused(self, node: ast.Call, row: knowledge.Row) -> bool:
        return (
            self._is_handed_over(node)
            or self._is_reported_before(node, row)
            or self._is_in_memory(node, row)
            or self._is_beside_code(node, row)
            or self._is_glance(node)
            or self._is_constant_once(node, row)
            or self._is_process_of_class(node)
            or self._is_no_pipe(node, row)
            or self._is_free(node, row)
            or self._is_asked_first(node, row)
            or self._runs_alone(node, row)
            or ((row["kind"] == "file" or _ends_executor(node)) and self._is_cleanup(node))
        )

    def _is_handed_over(self, node: ast.Call) -> bool:
        """Whether the file that the call opens is read and written elsewhere, or not at all.

        Elsewhere is in threads, by a process, or by a function that nothing is known of: it wants a sync file.
        """
        if self.module.type_of(node) != "io.IOBase":
            return False
        parent = self.module.index.parent(node)
        if isinstance(parent, ast.Attribute):
            return parent.attr in _TOUCHES or self._reads_head(parent, node)
        how, by = self.module.scopes.use_of(node)
        if how is Use.PASSED and isinstance(by, ast.Call):
            row = self._handover(by)
            return bool(row.get("opened", False)) if row is not None else not self._reads(by)
        return self._is_name_handed_over(node, parent)

    def _is_name_handed_over(self, node: ast.Call, parent: ast.AST | None) -> bool:
        """Whether all uses of the name that a ``with`` or an assignment gives to the result hand it over."""
        index, scopes = self.module.index, self.module.scopes
        while isinstance(parent, ast.IfExp):
            parent = index.parent(parent)
        if isinstance(parent, ast.withitem):
            target = parent.optional_vars
        else:
            target = parent.targets[0] if isinstance(parent, ast.Assign) else None
        if not isinstance(target, ast.Name):
            return False
        owner = scopes.owner(index.scope(target), target.id)
        uses = [] if owner is None else scopes.uses(owner, target.id)
        block = index.parent(parent) if isinstance(parent, ast.withitem) else None
        if isinstance(block, ast.With):
            end = block.end_lineno or 0
            first, last = (
                bisect.bisect_left(uses, line, key=lambda use: use.lineno) for line in (block.lineno, end + 1)
            )
            uses = uses[first:last]
        return bool(uses) and all(self._hands_over(use, node) for use in uses)

    def _hands_over(self, use: ast.Name, opening: ast.Call) -> bool:
        how, by = self.module.scopes.use(use)
        if how is Use.PASSED and isinstance(by, ast.Call):
            row = self._row(by)
            if row is not None and self._blocks(by, row):
                # what reads or writes all of the file is the cause, and reported itself
                return not self._is_in_memory(by, row)
            return not self._reads(by)
        parent = self.module.index.parent(use)
        if isinstance(parent, ast.Attribute):
            if parent.attr in _TOUCHES or self._reads_head(parent, opening):
                return True
            taker = self.module.index.parent(parent)
            # map(f.write, lines)
            return how is Use.METHOD_PASSED and not (isinstance(taker, ast.Call) and self._reads(taker))
        # files={"image": (name, file)}: for a client, which reads it itself
        return how is Use.ENTERED or (how is Use.STORED and isinstance(parent, (ast.Tuple, ast.Dict)))

    def _reads(self, call: ast.Call) -> bool:
        """Whether a call reads or writes the open file that it is given, or hands it back."""
        if self.module.called(call) == "functools.partial":
            taker = self.module.index.parent(call)
            return isinstance(taker, ast.Call) and taker.func is not call and self._reads(taker)
        return last_name(call.func) in _TAKERS or self.module.called(call) in _names("blocking.reader")

    def _reads_head(self, method: ast.Attribute, opening: ast.Call) -> bool:
        """Whether a method reads no more than the first bytes of the file, once."""
        index = self.module.index
        call = index.parent(method)
        if method.attr != "read" or not isinstance(call, ast.Call) or len(call.args) != 1:
            return False
        size = call.args[0]
        if isinstance(size, ast.Name):
            bindings = (self.module.scopes.resolve(size) or (None, []))[1]
            size = bindings[0].value or size if len(bindings) == 1 else size
        factors = (
            (size.left, size.right)
            if isinstance(size, ast.BinOp) and isinstance(size.op, ast.Mult)
            else (size,)
        )
        numbers = [
            item.value for item in factors if isinstance(item, ast.Constant) and type(item.value) is int
        ]
        return (
            len(numbers) == len(factors)
            and math.prod(numbers) <= _HEAD
            and index.function(call) is index.function(opening)
            and next(index.loops(call), None) is next(index.loops(opening), None)
        )

    def _handover(self, node: ast.Call) -> knowledge.Row | None:
        return knowledge.by_call("blocking.handover").get(self.module.called(node) or "")

    def _is_in_memory(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether the file or the archive is one in memory."""
        return row["kind"] == "file" and not _IN_MEMORY.isdisjoint(self.module.receivers.given_types(node))

    def _is_beside_code(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether one file that comes with the code is read: small, and in the page cache after the first time."""
        if row["kind"] != "file":
            return False
        if last_name(node.func) in _READS:
            path = node.func.value if isinstance(node.func, ast.Attribute) else None
        else:
            mode = argument(node, "mode", 1)
            is_open = self.module.qualname(node.func) == "builtins.open" and node.args
            path = node.args[0] if is_open and (mode is None or string(mode) in ("r", "rb", "rt")) else None
        return path is not None and self._is_packaged(path)

    def _is_packaged(self, path: ast.expr) -> bool:
        """Whether a path is built of ``__file__`` and constants alone."""
        stack, is_packaged = [path], False
        for _ in range(_MAX_STEPS):
            if not stack:
                break
            item = stack.pop()
            if isinstance(item, ast.Name) and item.id == "__file__":
                is_packaged = True
            elif isinstance(item, ast.Name):
                bindings = (self.module.scopes.resolve(item) or (None, []))[1]
                if len(bindings) != 1 or bindings[0].kind is not Kind.ASSIGN or bindings[0].value is None:
                    return False
                stack.append(bindings[0].value)
            elif isinstance(item, ast.Call):
                stack += item.args
                if isinstance(item.func, ast.Attribute) and self.module.qualname(item.func) is None:
                    stack.append(item.func.value)
            elif isinstance(item, ast.BinOp):
                stack += (item.left, item.right)
            elif isinstance(item, (ast.Attribute, ast.Subscript)):
                stack.append(item.value)
            elif not isinstance(item, ast.Constant):
                return False
        return is_packaged and not stack

    def _is_glance(self, node: ast.Call) -> bool:
        """Whether only the first entry of a directory is asked for: ``any(path.iterdir())``."""
        taker = self.module.index.parent(node)
        return (
            last_name(node.func) in _ENTRIES
            and isinstance(taker, ast.Call)
            and self.module.qualname(taker.func) in ("builtins.any", "builtins.next")
        )

    def _is_constant_once(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether constant text is written where no file is yet: ``if not path.exists(): path.write_text(TEMPLATE)``."""
        if last_name(node.func) not in _WHOLE_WRITES or not isinstance(node.func, ast.Attribute):
            return False
        content = node.args[0] if node.args else None
        while isinstance(content, ast.Name):
            bindings = (self.module.scopes.resolve(content) or (None, []))[1]
            content = bindings[0].value if len(bindings) == 1 else None
        branch = self.module.index.parent(self.module.index.statement(node))
        test = branch.test if isinstance(branch, ast.If) else None
        asked = test.operand if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) else None
        return (
            isinstance(content, ast.Constant)
            and isinstance(asked, ast.Call)
            and last_name(asked.func) in ("exists", "is_file")
            and isinstance(asked.func, ast.Attribute)
            and dotted(node.func.value) in (dotted(asked.func.value), *map(dotted, asked.args[:1]))
        )

    def _is_process_of_class(self, node: ast.Call) -> bool:
        """Whether a process is kept on an object, or handed back: others poll and end it as what it is.

        Waiting for it is what blocks, and is reported where it happens.
        """
        if self.module.qualname(node.func) != "subprocess.Popen":
            return False
        parent = self.module.index.parent(node)
        return isinstance(parent, ast.Return) or (
            isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Attribute)
        )

    def _is_no_pipe(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether the process was started without a pipe at this stream, which is ``None`` then."""
        pipe = node.func.value if isinstance(node.func, ast.Attribute) else None
        if not isinstance(pipe, ast.Attribute) or self.module.type_of(pipe) != "subprocess.PIPE":
            return False
        origin = self.module.receivers.origin(pipe.value)
        given = [self.module.receivers.keywords(call) for call in origin.calls]
        return origin.known and all(found is not None and pipe.attr not in found for found in given)

    def _is_free(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether nobody else can hold a lock yet, or its constructor says not to wait for it."""
        if row["kind"] != "lock":
            return False
        built = self._origin(node).calls
        if any(self._gives_up(call, row) for call in built):
            return True
        functions = {self.module.index.function(call) for call in built}
        is_local = isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)
        return (
            bool(row.get("task_deadlock", False))
            and is_local
            and functions == {self.module.index.function(node)}
        )

    def _gives_up(self, built: ast.Call, row: knowledge.Row) -> bool:
        timeout, flag = (argument(built, row.get(key)) for key in ("timeout", "flag"))
        return is_constant(timeout, 0) or is_constant(flag, False)

    def _is_reported_before(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether another blocking call is the cause: earlier in the chain, or the one that opens the file."""
        for call in calls_before(node):
            found = self._row(call)
            if found is not None and self._blocks(call, found):
                return True
        if not row.get("once", False):
            return False
        function = self.module.index.function(node)
        origin = self._origin(node)
        if origin.calls and all(self.module.qualname(item.func) in _TEMPORARY for item in origin.calls):
            return not self._is_first_write(node, origin)
        return any(
            self._row(opening) is None or self.module.index.function(opening) is function
            for opening in origin.calls
        )

    def _is_first_write(self, node: ast.Call, origin: Origin) -> bool:
        """Whether a method writes to a temporary file what may be large, for the first time."""
        if last_name(node.func) not in _WRITES or all(isinstance(item, ast.Constant) for item in node.args):
            return False
        return (
            self._first_writes.setdefault((origin.variables, self.module.index.function(node)), node) is node
        )

    @functools.cached_property
    def _first_writes(self) -> dict[tuple[frozenset[Variable], ast.AST | None], ast.Call]:
        return {}

    def _is_asked_first(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether the code asks the object if it would block, tells it not to, or waits for it in another way."""
        called, passed = tuple(row.get("unless_called", ())), tuple(row.get("unless_passed", ()))
        if not called and not passed:
            return False
        variables = self._origin(node).variables
        if (called, passed) not in self._asked:
            self._asked[called, passed] = frozenset(self._asked_variables(called, passed))
        if not variables.isdisjoint(self._asked[called, passed]):
            return True
        # What as_completed() yields has a result.
        return bool(passed) and any(
            item.kind is Kind.FOR for variable in variables for item in self.module.scopes.bindings(*variable)
        )

    @functools.cached_property
    def _asked(self) -> dict[tuple[tuple[str, ...], tuple[str, ...]], frozenset[Variable]]:
        return {}

    def _asked_variables(self, called: Collection[str], passed: Collection[str]) -> Iterator[Variable]:
        """The variables on which one of these methods is called, or which one of these functions is given."""
        origin = self.module.receivers.origin
        for call in self.module.index.calls_named({name.rpartition(".")[2] for name in (*called, *passed)}):
            if isinstance(call.func, ast.Attribute) and call.func.attr in called:
                yield from origin(call.func.value).variables
            elif self.module.qualname(call.func) in passed:
                for name in (name for item in call.args for name in names_in(item)):
                    yield from origin(name).variables

    def _runs_alone(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether no other task is there yet: at startup, in ``main()`` before its first ``await``, in a command.

        A sleep that costs nothing to replace is none the better for it.
        """
        function = self.module.index.function(node)
        if row["kind"] == "sleep" or not isinstance(function, ast.AsyncFunctionDef):
            return False
        if row["kind"] in _FINE_IN_COMMANDS and self._loop.is_command(function):
            return True
        if row["kind"] == "file" and (is_startup(function) or is_migration(function)):
            return True
        if (row["kind"] == "file" or _ends_executor(node)) and is_shutdown(function):
            return True
        if row["kind"] == "file" and self._is_script:
            return True
        if row["kind"] in _FINE_IN_COMMANDS and self._is_dialogue:
            return True
        return self._loop.is_before_first_wait(node)

    def _is_cleanup(self, node: ast.AST) -> bool:
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
                isinstance(node, ast.ExceptHandler) and self._catches_cancellation(node)
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

    def _catches_cancellation(self, handler: ast.ExceptHandler) -> bool:
        caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        return any(
            item is None
            or self.module.qualname(item.func if isinstance(item, ast.Call) else item) in _CANCELLED
            for item in caught
        )

    @functools.cached_property
    def _is_dialogue(self) -> bool:
        """Whether the file runs an event loop of its own and starts nothing else on it: a script, or one that talks to its user."""
        return self._has_loop and next(self.module.index.calls_named(_START_TASKS), None) is None

    @functools.cached_property
    def _is_script(self) -> bool:
        """Whether the file runs an event loop of its own from ``__main__``, for its own tasks alone."""
        return self._has_loop and any(
            isinstance(item.left, ast.Name) and item.left.id == "__name__"
            for item in self.module.index.nodes(ast.Compare)
        )

    @functools.cached_property
    def _has_loop(self) -> bool:
        """Whether the file runs an event loop, and no server on it."""
        index = self.module.index
        runners = _names("blocking.runner")
        runs = any(
            self.module.called(call) in runners
            for call in index.calls_named({name.rpartition(".")[2] for name in runners})
        )
        return (
            runs
            and next(index.calls_named(_START_SERVERS), None) is None
            and not any(map(self.module.entrypoints.kind, index.nodes(ast.AsyncFunctionDef)))
        )

    @functools.cached_property
    def _awaiting(self) -> set[ast.AST]:
        """The ``with`` statements whose body lets other tasks run."""
        index = self.module.index
        found: set[ast.AST] = set()
        seen: set[ast.AST] = set()
        for node in self._loop.waiting_points:
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

    def _origin(self, method: ast.Call) -> Origin:
        """Where the receiver of a method comes from; nothing is known of ``read = Path.read_text; read(path)``."""
        if isinstance(method.func, ast.Attribute):
            return self.module.receivers.origin(method.func.value)
        return Origin(frozenset(), (), known=False)

    # -- what Ruff reports

    def _ruff_code(self, node: ast.Call) -> str | None:
        """Ruff's code where Ruff reports this very call, or an earlier one of its chain."""
        scope = self.module.index.scope(node)
        while isinstance(scope, COMPREHENSIONS):
            scope = self.module.index.scope(scope)
        if not isinstance(scope, ast.AsyncFunctionDef):
            return None
        found = (self._code_for(call, scope) for call in (node, *calls_before(node)))
        return next((code for code in found if code is not None), None)

    def _code_for(self, node: ast.Call, scope: ast.AsyncFunctionDef) -> str | None:
        row = self._row(node)
        code: str | None = None if row is None else row.get("ruff")
        if row is None or code is None:
            return None
        name = self.module.imports.imported(node.func)
        if name is not None:
            return code if name in row.get("calls", ()) else None
        if "types" not in row or not isinstance(node.func, ast.Attribute):
            return None
        receiver = node.func.value
        if isinstance(receiver, ast.Call):
            return code if self._constructs(receiver, row) and code != "ASYNC212" else None
        if not isinstance(receiver, ast.Name):
            return None
        resolved = self.module.scopes.resolve(receiver)
        if resolved is None:
            return None
        seen = [item for item in resolved[1] if resolved[0] is not scope or _is_before(item.node, receiver)]
        if len(seen) != 1:
            return None
        bound = seen[0].node
        if isinstance(bound, ast.Name) and self.module.index.scope(bound) is not resolved[0]:
            return None  # by a global statement
        return code if self._ruff_types(seen[0], row, code) else None

    def _ruff_types(self, binding: Binding, row: knowledge.Row, code: str) -> bool:
        """Whether Ruff takes the type of a variable from this binding."""
        if code != "ASYNC230" and binding.annotation is not None:
            if binding.kind is Kind.ANNOTATED and binding.value is None:
                return False
            return not any(
                isinstance(item, ast.Constant) and isinstance(item.value, str)
                for item in ast.walk(binding.annotation)
            ) and "Annotated" not in ast.dump(binding.annotation)
        return isinstance(binding.value, ast.Call) and self._constructs(binding.value, row)

    def _constructs(self, call: ast.Call, row: knowledge.Row) -> bool:
        return (
            self.module.imports.imported(call.func) is not None
            and self.module.receivers.annotated(call.func) in row["types"]
        )


@knowledge.cached
def _names_by_package() -> Mapping[str, frozenset[str]]:
    return knowledge.by_package((*knowledge.by_call("blocking.call"), *_methods()))


def _methods() -> Mapping[str, knowledge.Row]:
    return knowledge.by_call("blocking.method")


@knowledge.cached
def _names(table: str) -> frozenset[str]:
    return frozenset(knowledge.by_call(table))


def _method(receiver: str, method: str, between: Collection[str]) -> knowledge.Row | None:
    """The row of a method of a typed receiver, or of what a chain of attributes leads to from there."""
    keys = [f"{receiver}.{method}", f"{receiver}.*"]
    while receiver:
        receiver = receiver.rpartition(".")[0]
        keys.append(f"{receiver}.*.*")
    row = next((row for key in keys if (row := _methods().get(key)) is not None), None)
    if (
        row is None
        or method.startswith("_")
        or any(fnmatchcase(method, name) for name in row.get("except", ()))
    ):
        return None
    if between and (not row.get("chain", False) or not set(between).isdisjoint(row.get("not_through", ()))):
        return None
    return row


def _ends_executor(node: ast.Call) -> bool:
    """Whether a call waits for what an executor still has to do, as leaving its ``with`` does."""
    return last_name(node.func) == "shutdown"


def _is_in_finally(node: ast.AST, block: Try) -> bool:
    """Whether a child of a ``try`` stands in its ``finally``, which comes last."""
    return bool(block.finalbody) and getattr(node, "lineno", 0) >= block.finalbody[0].lineno


def _is_before(binding: ast.AST, use: ast.Name) -> bool:
    line: int = getattr(binding, "lineno", 0)
    return (line, getattr(binding, "col_offset", 0)) <= (use.lineno, use.col_offset)
