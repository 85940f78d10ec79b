"""AIG006: a call that holds the event loop while it waits for something outside."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Collection, Iterator

from flake8_aiguard import knowledge
from flake8_aiguard.blocking import Blocking, methods, names_by_package
from flake8_aiguard.causes import Causes
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.eventloop import EventLoop, has_own_loop, is_shutdown, is_startup, migrates
from flake8_aiguard.filework import FileWork
from flake8_aiguard.index import COMPREHENSIONS
from flake8_aiguard.openings import Openings
from flake8_aiguard.receivers import Origin, Variable
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Binding, Kind
from flake8_aiguard.shapes import argument, calls_before, chain, dotted, last_name, start_of, string, words

# What nobody minds in a test, and what in a command that has its event loop for itself.
_FINE_IN_TESTS = ("file", "process", "sleep")
_FINE_IN_COMMANDS = ("file", "input")
_FINE_IN_COMMAND_LINES = ("file", "lock", "process", "queue", "thread")
_THREADS = ("lock", "thread")  # a test waits for its own threads, and for so long at most
_CREATES = regex(r"\s*(CREATE|ALTER)\b", re.IGNORECASE)
_WRITES = ("write", "writelines")
_TEMPORARY = ("tempfile.NamedTemporaryFile", "tempfile.TemporaryFile")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_IN_A_THREAD = "what it is handed to wants a sync file: run both in a thread with asyncio.to_thread()"
_BESIDE_SERVICE = ("_tests/", "*_fixture.py", "benchmark/", "benchmarks/", "*benchmark*.py", "testing/")
# By what is waited for, the codes of Ruff (until 0.4 ASYNC100 to ASYNC102) and flake8-async: who waives one has decided, whether or not they see this very call.
_WAIVERS = {
    "file": ("ASYNC101", "ASYNC230", "ASYNC231", "ASYNC232", "ASYNC240"),
    "http": ("ASYNC100", "ASYNC210", "ASYNC211", "ASYNC212"),
    "input": ("ASYNC250",),
    "process": ("ASYNC101", "ASYNC102", "ASYNC220", "ASYNC221", "ASYNC222"),
    "sleep": ("ASYNC101", "ASYNC251"),
}
_ENDING = (
    "after_server_stop",
    "shutdown",
)  # what is registered for these runs when nothing is served any more
_JOBS = ("app/tasks/",)  # a worker runs each in its turn
_PROMPTING = ("command/", "commands/")  # of bots too, but those ask nobody at a terminal
_COMMAND_LINES = ("cli/", "cli.py", "*_cli.py", "cmds/", "scripts/", "management/commands/")


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

    Limits: a sync function that blocks is not followed into the coroutine that calls it. Of several calls with one cause
    (the body of a ``with`` whose own call blocks, one statement, a row of short statements on one file) only the first is reported.
    Cheap calls on one directory entry (``os.path.exists``, ``Path.mkdir``) are reported only with ``blocking-metadata``.

    - A file is reported where something shows that it may be large or is used often: in a loop, in a handler of requests, where its path
      or what is written comes from a parameter, a loop or an ``await``, with its path written out in the call, and for whole trees of folders.
    - An open file is reported where it is opened; a file kept on an object where it is read; a temporary file at the first write
      of something that is no constant.
    - Silent on files of constants and attributes alone, of settings, certificates, tokens and ignore files, one that comes with the code, one small
      text read whole, heads and chunks of at most 128 KiB, empty files and files that only lock.
    - Silent on files that threads or a process read, that are yielded, or that are passed on to a function that nothing is known of.
    - Silent in ``finally`` and handlers where an ``await`` may be cancelled, at start and end (``startup()``, ``lifespan()``,
      ``shutdown()``), in migrations and jobs, in coroutines that the file runs itself (``coroutine.send(None)``), below ``if _IS_SYNC``, for files of evaluations and benchmarks (``eval/``, ``benchmarks/``), and in a program that starts no other task on its loop.
    - Silent in command lines and scripts for files, processes, threads, queues and ``input()``; in tests for files, processes,
      sleeps and waits with a limit.
    - Silent on a queue or future that is asked first (``empty()``, ``done()``, ``select``), ``put()`` on a queue without a bound,
      sockets with ``setblocking()``, and SQLite in memory.
    - ``with lock:`` on a thread's lock is reported only where its body awaits; leaving a ``with ThreadPoolExecutor()`` is not. A process
      kept on an object is reported where something waits for it.
    - A ``noqa`` with ASYNC100 to ASYNC102, or ASYNC210 to ASYNC251, waives every call of that kind (unless ``defer-to-ruff = false``).
    """

    code = "AIG006"
    slug = "blocking-io-in-async"
    since = "0.1.0"
    severity = "error"
    message = "{call}() stops the event loop, and with it every task, until it returns; {instead}"
    ruff = (
        "Ruff has ASYNC210, ASYNC220, ASYNC221, ASYNC222, ASYNC230 and ASYNC251 (default) and ASYNC212, "
        "ASYNC240 and ASYNC250 (opt-in): functions of some modules, httpx.Client and Path in a name that is "
        "bound once; all other clients, attributes, databases, locks, queues and threads are only ours."
    )
    settings = ("blocking-metadata",)

    def is_possible(self) -> bool:
        index = self.module.index
        # A coroutine of Twisted runs on its reactor, where nothing that the messages advise works.
        is_twisted = "twisted" in index.packages and index.packages.isdisjoint(("anyio", "asyncio", "trio"))
        return bool(index.nodes(ast.AsyncFunctionDef)) and not is_twisted

    def start(self) -> None:
        self._candidates: list[tuple[ast.Call, knowledge.Row]] = []

    def call_names(self) -> Collection[str] | None:
        found = knowledge.names_of(names_by_package(), self.module.index.packages)
        return None if "*" in found else found

    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        if not self._loop.runs(node):
            return
        row = self._calls.row(node)
        if row is not None and self._blocks(node, row) and not self._is_excused(node, row):
            self._candidates.append((node, row))
        yield from ()

    def finish(self) -> Iterator[Finding]:
        """The calls that are left, from top to bottom: the first one of each cause."""
        self._candidates.sort(key=lambda found: (found[0].lineno, found[0].col_offset))
        causes = Causes(self.module)
        for node, row in self._candidates:
            if causes.is_first(node, row):
                yield from self.found(
                    node,
                    call=dotted(node.func) or self.module.called(node) or chain(node.func),
                    instead=_IN_A_THREAD if self._openings.is_passed(node) else row["instead"],
                    ruff=self._ruff_code(node),
                    waivers=_WAIVERS.get(row["kind"], ()),
                )

    def visit_With(self, node: ast.With) -> Iterator[Finding]:
        """A thread's lock that is held while other tasks run."""
        for item in node.items:
            lock = item.context_expr
            row = methods().get(f"{self.module.type_of(lock)}.acquire")
            if row is None or not row.get("task_deadlock", False) or self._loop.is_driven:
                continue
            if node in self._loop.awaiting:
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

    @functools.cached_property
    def _calls(self) -> Blocking:
        return Blocking(self.module)

    @functools.cached_property
    def _openings(self) -> Openings:
        return Openings(self.module)

    @functools.cached_property
    def _file_work(self) -> FileWork:
        return FileWork(self.module)

    # -- whether it blocks

    def _blocking_row(self, node: ast.Call) -> knowledge.Row | None:
        row = self._calls.row(node)
        return row if row is not None and self._blocks(node, row) else None

    def _blocks(self, node: ast.Call, row: knowledge.Row) -> bool:
        if row.get("metadata", False) and not self.options.blocking_metadata:
            return False
        if self.module.is_test and row["kind"] in _FINE_IN_TESTS:
            return False
        if self._is_beside_service or (row["kind"] in _FINE_IN_COMMAND_LINES and self._is_command_line):
            return False
        if row["kind"] == "file" and self.module.matches(_JOBS):
            return False
        if self.module.is_test and row["kind"] in _THREADS and _has_literal_timeout(node, row):
            return False
        return self._calls.waits(node, row) and (
            not row.get("bounded", False) or self._calls.is_bounded(node)
        )

    @functools.cached_property
    def _is_beside_service(self) -> bool:
        """Whether the file measures or tests a service, by its path."""
        return self.module.matches(_BESIDE_SERVICE)

    @functools.cached_property
    def _has_memory_only(self) -> bool:
        """Whether each SQLite database of the file is one in memory: ``sqlite3.connect(":memory:")``."""
        made = [
            call
            for call in self.module.index.calls_named(("connect",))
            if self.module.called(call) == "sqlite3.connect"
        ]
        return bool(made) and all(string(argument(call, "database", 0)) == ":memory:" for call in made)

    @functools.cached_property
    def _is_command_line(self) -> bool:
        """Whether the file is a part of a command line or a script, by its path: one task, and somebody who waits for it."""
        return self.module.matches(_COMMAND_LINES)

    @functools.cached_property
    def _is_prompting(self) -> bool:
        """Whether the file is a part of a command line, or a command that starts no other task: its user is who waits."""
        return self._is_command_line or (self.module.matches(_PROMPTING) and not self._loop.is_shared)

    @functools.cached_property
    def _is_for_one(self) -> bool:
        """Whether the file opens the browser of its user: it serves nobody else."""
        return any(
            self.module.qualname(call.func) == "webbrowser.open"
            for call in self.module.index.calls_named(("open",))
        )

    # -- why it is no finding of its own

    def _is_excused(self, node: ast.Call, row: knowledge.Row) -> bool:
        return (
            self._openings.is_handed_over(node, self._blocking_row)
            or self._is_reported_before(node, row)
            or self._openings.is_in_memory(node, row)
            or self._openings.is_beside_code(node, row)
            or self._openings.is_small(node, row)
            or self._openings.is_kept(node)
            or self._openings.is_temporary_text(node)
            or self._openings.is_listing(node, self._blocking_row)
            or self._openings.is_glance(node)
            or self._openings.is_constant_once(node)
            or self._openings.is_lock_file(node)
            or self._openings.is_empty(node)
            or (row["kind"] == "file" and self._openings.is_one_text(node))
            or (row["kind"] == "file" and "metadata" not in row and not self._file_work.is_worth(node))
            or (row["kind"] == "thread" and self._loop.is_own_thread(node))
            or (self._has_memory_only and _is_sqlite(row))
            or self._is_process_of_class(node)
            or self._calls.is_no_pipe(node)
            or self._calls.is_of_ended_process(node)
            or self._calls.is_free(node, row)
            or self._calls.is_ready_or_raises(node)
            or self._calls.is_asked_first(node, row)
            or self._runs_alone(node, row)
            or self._is_deprecated(node)
            or (self.module.is_test and self.module.is_to_fail(node))
            or ((row["kind"] == "file" or _ends_executor(node)) and self._loop.is_cleanup(node))
        )

    def _is_deprecated(self, node: ast.Call) -> bool:
        """Whether a decorator says that the function or its class is on its way out: nobody rewrites it."""
        if not self.module.says("deprecated"):
            return False
        around = (item for item in self._scopes_around(node) if isinstance(item, _DEFINITIONS))
        return any(
            "deprecated" in (last_name(item), (self.module.qualname(item) or "").rpartition(".")[2])
            for definition in around
            for item in (d.func if isinstance(d, ast.Call) else d for d in definition.decorator_list)
        )

    def _scopes_around(self, node: ast.AST) -> Iterator[ast.AST]:
        while not isinstance(node, ast.Module):
            node = self.module.index.scope(node)
            yield node

    def _is_process_of_class(self, node: ast.Call) -> bool:
        """Whether a process is kept on an object, or handed back: others poll and end it as what it is.

        Waiting for it is what blocks, and is reported where it happens.
        """
        if self.module.qualname(node.func) != "subprocess.Popen":
            return False
        parent = self.module.index.parent(node)
        if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
            return self._openings.is_given_back(parent.targets[0])
        return isinstance(parent, ast.Return) or (
            isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Attribute)
        )

    def _is_reported_before(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether another blocking call is the cause: earlier in the chain, or the one that opens the file."""
        for call in calls_before(node):
            found = self._calls.row(call)
            if found is not None and self._blocks(call, found):
                return True
        if not row.get("once", False):
            return False
        function = self.module.index.function(node)
        origin = self._calls.origin(node)
        if origin.calls and all(self.module.qualname(item.func) in _TEMPORARY for item in origin.calls):
            return not self._is_first_write(node, origin)
        return any(
            self._calls.row(opening) is None or self.module.index.function(opening) is function
            for opening in origin.calls
        )

    def _is_first_write(self, node: ast.Call, origin: Origin) -> bool:
        """Whether a method writes to a temporary file what may be large, for the first time."""
        if last_name(node.func) not in _WRITES or all(isinstance(item, ast.Constant) for item in node.args):
            return False
        if self._is_short_text(node, origin):
            return False
        return (
            self._first_writes.setdefault((origin.variables, self.module.index.function(node)), node) is node
        )

    def _is_short_text(self, node: ast.Call, origin: Origin) -> bool:
        """Whether a variable is written to a temporary text file at once: a script or a page for a program."""
        modes = (string(argument(call, "mode", 0)) for call in origin.calls)
        return (
            len(node.args) == 1
            and isinstance(node.args[0], ast.Name)
            and last_name(node.func) == "write"
            and next(self.module.index.loops(node), None) is None
            and all(mode is not None and "b" not in mode for mode in modes)
        )

    @functools.cached_property
    def _first_writes(self) -> dict[tuple[frozenset[Variable], ast.AST | None], ast.Call]:
        return {}

    def _runs_alone(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether no other task is there yet: at startup, in ``main()`` before its first ``await``, in a command.

        A sleep that costs nothing to replace is none the better for it.
        """
        function = self.module.index.function(node)
        if row["kind"] == "sleep" or not isinstance(function, ast.AsyncFunctionDef):
            return False
        if row["kind"] in _FINE_IN_COMMANDS and (
            self._loop.is_command(function)
            or "cli" in words(function.name)
            or self._loop.ends_process(function)
        ):
            return True
        if row["kind"] == "file" and self._loop.is_waited_for(function):
            return True
        if has_own_loop(function):
            return True
        if row["kind"] in _FINE_IN_COMMANDS and self._loop.is_conversation(function):
            return True
        if row["kind"] == "file" and (is_startup(function) or migrates(function)):
            return True
        if row["kind"] == "database" and is_startup(function) and _sets_up(node):
            return True
        if (row["kind"] == "file" or _ends_executor(node)) and (
            is_shutdown(function) or self._loop.is_registered(function, _ENDING)
        ):
            return True
        if row["kind"] == "file" and (self._loop.is_script or self._loop.is_between_tasks(node)):
            return True
        if row["kind"] in _FINE_IN_COMMANDS and self._loop.is_dialogue:
            return True
        if row["kind"] == "input" and self._is_prompting and not self._is_in_session(node):
            return True
        if row["kind"] == "file" and self._is_for_one:
            return True
        return self._loop.is_before_first_wait(node)

    def _is_in_session(self, node: ast.Call) -> bool:
        """Whether an ``async with`` around a call holds something open that may have to answer meanwhile."""
        return any(
            isinstance(self.module.index.parent(item), ast.AsyncWith)
            for item in self.module.index.with_items(node)
        )

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
        row = self._calls.row(node)
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


def _ends_executor(node: ast.Call) -> bool:
    """Whether a call waits for what an executor still has to do, as leaving its ``with`` does."""
    return last_name(node.func) == "shutdown"


def _sets_up(node: ast.Call) -> bool:
    """Whether a statement creates a table or the like, where there is none yet."""
    return _CREATES.match(string(argument(node, None, 0)) or "") is not None


def _has_literal_timeout(node: ast.Call, row: knowledge.Row) -> bool:
    """Whether a number at the call says how long it waits at most."""
    given = argument(node, row.get("timeout"), row.get("timeout_position"))
    return isinstance(given, ast.Constant) and isinstance(given.value, (int, float))


def _is_before(binding: ast.AST, use: ast.Name) -> bool:
    line: int = getattr(binding, "lineno", 0)
    return (line, getattr(binding, "col_offset", 0)) <= start_of(use)


def _is_sqlite(row: knowledge.Row) -> bool:
    return "sqlite3.connect" in row.get("calls", ()) or any(
        name.startswith("sqlite3.") for name in row.get("types", ())
    )
