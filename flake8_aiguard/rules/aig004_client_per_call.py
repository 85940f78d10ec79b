"""AIG004: a client, pool or engine that is built again and again."""

from __future__ import annotations

import ast
import functools
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.blocks import bound_by, statements_in
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.entrypoints import Entry
from flake8_aiguard.index import COMPREHENSIONS, FUNCTIONS, TRIES, Loop
from flake8_aiguard.knowledge import Row
from flake8_aiguard.lifetimes import Lifetimes, personal
from flake8_aiguard.loops import sleeps
from flake8_aiguard.oneoff import OneOff
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import (
    argument,
    default,
    dotted,
    following,
    is_none,
    last_name,
    names_in,
    own_nodes,
    root,
    start_of,
    string,
    words,
)

_ATTEMPT: Final = regex(
    r"_*(attempts?|retry|retries|tries|try_?\w*|trial|tri)(_\w+)?|\w+_(attempt|retry|try)"
)
_RETRIES: Final = frozenset({"attempts", "retries", "retry", "tries"})
_LOOPS: Final = (ast.For, ast.AsyncFor, ast.While)
_CALLER: Final = regex(
    r"tenant|customer|current_(?!app)|(?<!_)user(?!_agent)|request(?!s|_timeout)|owner|organi[sz]ation|kwargs|^objects$"
)
_SETTINGS: Final = regex(r"(^|_)(settings|config|cfg|conf|env|app)$")
_SETTINGS_TYPE: Final = regex(r"(Settings|Config)$")
_HOST: Final = regex(r"(^|_)(base|endpoint|gateway|host|instance|mirror|node|server|upstream)(_ur[il])?$")
_URL: Final = regex(r"(^|_)(ur[il]|link|href|src)(_|$)")
_SENDS: Final = frozenset(("request", "stream", "send"))
# What takes a URL out of a request and leaves it as it is.
_READS: Final = frozenset(
    (
        "body",
        "decode",
        "dict",
        "form",
        "get",
        "get_data",
        "get_json",
        "json",
        "model_dump",
        "pop",
        "strip",
        "text",
    )
)
_MEMORY: Final = regex(r":memory:|mode=memory|^sqlite(\+\w+)?:/{0,3}$")
_STEPS: Final = 8  # assignments behind a URL that are followed
_CHEAP: Final = 2  # threads or processes of a pool
_PAIR: Final = 3  # turns that are written out
_LONG: Final = 30  # seconds between the turns of a loop that polls
_UNITS: Final = {
    "request": ("request", "at startup"),
    "task": ("task run", "when the worker starts"),
    "event": ("invocation", "at module level"),
    "message": ("message", "at startup"),
    "tool": ("tool call", "at startup"),
}


# Requests that become a connection which stays open: the client lives as long as it does.
_STAYING: Final = frozenset({"aconnect_sse", "aconnect_ws", "connect_sse", "connect_ws", "ws_connect"})
_GROUPS: Final = regex(r"(?:^|_)(?:generations|groups|keyspaces|layers|levels|phases|stages|tiers|waves)$")
_WRAPS: Final = frozenset({"enumerate", "list", "reversed", "sorted", "tqdm"})
_PROMPTS: Final = frozenset({"builtins.input", "click.prompt", "getpass.getpass", "typer.prompt"})
_STARTS: Final = frozenset({"add_task", "create_task", "ensure_future"})


class ClientPerCall(Checker):
    """Client, pool or engine that is built anew in a loop or for every request.

    Why: a client is built once and shared: it holds a connection pool, a TLS context, a credential chain or threads. Built
    for each item or request it throws them away each time, and a burst opens one connection for each call, until the
    server refuses.

    Bad::

        import boto3
        import requests

        def upload(paths, bucket):
            for path in paths:
                s3 = boto3.client("s3")
                s3.upload_file(path, bucket, path)

        def lambda_handler(event, context):
            session = requests.Session()
            with session:
                session.post(URL, json=event, timeout=5)

    Good::

        import boto3
        import requests

        session = requests.Session()

        def upload(paths, bucket):
            s3 = boto3.client("s3")
            for path in paths:
                s3.upload_file(path, bucket, path)

        def lambda_handler(event, context):
            session.post(URL, json=event, timeout=5)

    Limits: reports loops and comprehensions anywhere, and functions that this file shows to be request handlers or tasks: by
    decorator, registration, base class or signature. Does not follow calls: a helper that builds a client is not reported,
    though a loop may call it.

    - Silent where what is built depends on the item or request: a region, a tenant's key, what is awaited first, the caller's cookies or headers.
    - Silent where it is returned, yielded or stored, behind ``if x is None`` or a cache, and in factories, fixtures, lifespans, ``__init__`` and
      entry points.
    - Silent on shared pools and transports, on pools of one or two workers, and on threads that are joined for one group or level before the next.
    - Silent on retries and reconnects, in a turn that leaves its loop or is the first of all (``if not address: ...``), in a search that raises where no candidate answers, and in
      loops over two or three items written there, that ask one host after the other, or that wait for half a minute or a person
      in each turn.
    - Silent where a handler makes one request to a URL that is the caller's as a whole, or hands its client to a task that runs on, and
      for the client of one websocket.
    - Silent in programs that parse a command line and end. Tasks of Airflow, Prefect and the like run in processes of their own and do not count.
    """

    code = "AIG004"
    slug = "client-per-call"
    since = "0.1.0"
    severity = "warning"
    message = "{call}() builds a new {noun} {often}, with {cost}; {fix}"
    in_tests = False
    ruff = "Ruff has nothing for this pattern."

    def call_names(self) -> Collection[str]:
        index = self.module.index
        names = set(knowledge.names_of(_names_by_package(), index.packages))
        for row in knowledge.rows("clients.family"):
            if row["package"].partition(".")[0] in index.packages:
                names.update(
                    name
                    for name in index.names_called()
                    if name.endswith(row["suffix"]) or name in row["methods"]
                )
        return names

    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        row = self._row(node)
        if row is None or self._is_part_of_another(node) or self._is_light(node, row):
            return
        if self._stays_open(node):
            return
        loop = self._loop(node, row) if row.get("loops", True) else None
        if loop is not None and self._is_next_branch(node):
            return
        if loop is not None:
            where = "comprehension" if isinstance(loop, COMPREHENSIONS) else "loop"
            often, fix = f"in every turn of the {where}", f"build it once before the {where}"
        else:
            entry = self.module.entrypoints.around(node) if row.get("handlers", True) else None
            if entry is None or entry.kind not in _UNITS or self._is_meant(node, entry):
                return
            if self._is_of_request(node, row, entry):
                return
            if self._starts_work(node, entry) or self._is_of_job(node, entry):
                return
            unit, once = _UNITS[entry.kind]
            often, fix = (
                f"for every {unit}",
                row.get("fix", "build it once {once} and reuse it").format(once=once),
            )
        yield from self.found(
            node, call=_text(node), noun=row["noun"], often=often, cost=row["cost"], fix=fix
        )

    def start(self) -> None:
        self._chosen: set[tuple[ast.If, str]] = set()

    @functools.cached_property
    def _oneoff(self) -> OneOff:
        return OneOff(self.module)

    @functools.cached_property
    def _lifetimes(self) -> Lifetimes:
        return Lifetimes(self.module)

    # -- what is built

    def _row(self, node: ast.Call) -> Row | None:
        name = self.module.called(node)
        if name is None:
            return None
        row = knowledge.by_call("clients.constructor").get(name)
        if row is None:
            for family in knowledge.rows("clients.family"):
                owner, _, last = name.rpartition(".")
                built = owner if last in family["methods"] else name
                if built.startswith(f"{family['package']}.") and built.endswith(family["suffix"]):
                    return family
        return row

    def _is_part_of_another(self, node: ast.Call) -> bool:
        """Whether it is built by, or for, what is reported instead: ``boto3.Session().client("s3")``."""
        index = self.module.index
        if isinstance(node.func, ast.Attribute):
            here = next(index.loops(node), index.function(node))
            for call in self.module.receivers.origin(node.func.value).calls:
                if self._row(call) is not None and next(index.loops(call), index.function(call)) is here:
                    return True
        child: ast.AST = node
        for parent in index.ancestors(node):
            if isinstance(parent, ast.Call) and child is not parent.func and self._row(parent) is not None:
                return True
            if isinstance(parent, ast.stmt):
                return False
            child = parent
        return False

    def _is_light(self, node: ast.Call, row: Row) -> bool:
        """Whether arguments say that no pool of its own is built, or that each one is meant to be new."""
        keywords = self.module.receivers.keywords(node)
        names = (*row.get("shared", ()), *row.get("varied", ()), *row.get("sized", ()))
        if keywords is None:
            return bool(names)
        varied = (keywords[name] for name in row.get("varied", ()) if name in keywords)
        if any(self._called(value) not in row.get("alike", ()) for value in varied):
            return True
        if any(name in keywords and self._is_shared(keywords[name], row) for name in row.get("shared", ())):
            return True
        for name in row.get("sized", ()):
            size = keywords.get(name, argument(node, None, 0))
            if isinstance(size, ast.Constant) and isinstance(size.value, int) and size.value <= _CHEAP:
                return True
        given = [*node.args, *keywords.values()]
        if row.get("memory") == "default" and not given:
            return True
        return "memory" in row and any(_MEMORY.search(string(value) or "") for value in given)

    def _stays_open(self, node: ast.Call) -> bool:
        """Whether a ``with`` holds a client for one websocket or stream of events, and closes both together."""
        statement = self.module.index.statement(node)
        return isinstance(statement, (ast.With, ast.AsyncWith)) and any(
            isinstance(item, ast.Call) and last_name(item.func) in _STAYING for item in ast.walk(statement)
        )

    def _called(self, value: ast.expr) -> str | None:
        return self.module.called(value) if isinstance(value, ast.Call) else None

    def _is_shared(self, value: ast.expr, row: Row) -> bool:
        """Whether a pool or transport is not built right here, or stays in this process, or is reported itself."""
        function = self.module.index.function(value)
        behind = [value] if function is None else self.module.loops.behind(value, function)
        built = [item for item in behind if isinstance(item, ast.Call)]
        local = row.get("local", ())
        return not built or any(
            self.module.called(item) in local or (item is not value and self._row(item) is not None)
            for item in built
        )

    # -- in a loop

    def _loop(self, node: ast.Call, row: Row) -> Loop | None:
        """The loop that builds the same thing again in every turn."""
        for loop in self.module.index.loops(node):
            if self._lifetimes.outlives(node, loop) or self._depends_on_turn(node, loop):
                return None
            if self._oneoff.is_script or self._oneoff.is_test:
                return None
            if not (
                _is_retried(loop)
                or self._is_last_turn(node, loop)
                or self._is_first_time(node, loop)
                or self._is_search(loop)
                or self._shares_from_before(node, row, loop)
                or self._lifetimes.is_seldom(node, loop, _LONG)
                or _is_pair(loop)
                or self._is_probe(node, loop)
                or self._is_typed(node, loop)
                or self._is_barrier(node, row, loop)
                or self._asks_another_host(node, loop)
                or self._is_tuned(node, loop)
            ):
                return loop
        return None

    def _is_first_time(self, node: ast.Call, loop: Loop) -> bool:
        """Whether only the first turn gets there, as a condition asks for what is bound below it: ``if not address: ...``."""
        child: ast.AST = node
        for outer in self.module.index.ancestors(node):
            if outer is loop:
                return False
            if isinstance(outer, ast.If) and child in outer.body:
                test = outer.test
                if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
                    asked = dotted(test.operand)
                elif isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Is):
                    asked = dotted(test.left) if is_none(test.comparators[0]) else None
                else:
                    asked = None
                if (
                    asked is not None
                    and self._is_bound_in(outer.body, asked)
                    and not self._starts_anew(loop, outer, asked)
                ):
                    return True
            child = outer
        return False

    @staticmethod
    def _is_bound_in(block: list[ast.stmt], name: str) -> bool:
        return any(
            isinstance(item, (ast.Assign, ast.AnnAssign))
            and any(dotted(target) == name for target in bound_by(item))
            for item in statements_in(block)
        )

    def _starts_anew(self, loop: Loop, within: ast.If, name: str) -> bool:
        """Whether a turn of the loop also binds the name elsewhere."""
        if not isinstance(loop, _LOOPS):
            return True
        inside = {*statements_in(within.body)}
        bound = [item for item in statements_in(loop.body) if isinstance(item, (ast.Assign, ast.AnnAssign))]
        targets = (
            {found.id for found in names_in(loop.target)}
            if isinstance(loop, (ast.For, ast.AsyncFor))
            else set()
        )
        return name in targets or any(
            item not in inside and any(dotted(target) == name for target in bound_by(item)) for item in bound
        )

    def _is_last_turn(self, node: ast.Call, loop: Loop) -> bool:
        """Whether the loop is left after what it builds: ``client = Client(); client.stop(); break``."""
        index = self.module.index
        if next(index.loops(node)) is not loop or isinstance(loop, COMPREHENSIONS):
            return False
        statement: ast.AST = index.statement(node)
        while statement is not loop:
            around = index.parent(statement)
            if not isinstance(around, (ast.If, ast.With, ast.AsyncWith, *TRIES, *_LOOPS)):
                return False
            for block in (around.body, getattr(around, "orelse", [])):
                if statement in block and isinstance(block[-1], (ast.Break, ast.Return)):
                    return True
            statement = around
        return False

    def _shares_from_before(self, node: ast.Call, row: Row, loop: Loop) -> bool:
        """Whether all turns of a loop share the pool that was built before it: ``ClientSession(connector=connector)``."""
        keywords = self.module.receivers.keywords(node) or {}
        given = [keywords[name] for name in row.get("shared", ()) if name in keywords]
        bindings = [
            binding
            for value in given
            if isinstance(value, ast.Name)
            for binding in (self.module.scopes.resolve(value) or (None, []))[1]
        ]
        return bool(bindings) and all(
            binding.node is not None and loop not in self.module.index.ancestors(binding.node)
            for binding in bindings
        )

    def _is_search(self, loop: Loop) -> bool:
        """Whether a loop asks one candidate after the other until one answers, and fails where none does."""
        index = self.module.index
        if not isinstance(loop, (ast.For, ast.AsyncFor)):
            return False
        last = loop.orelse or following(index.parent(loop), loop, 1)
        return (
            bool(last)
            and isinstance(last[0], ast.Raise)
            and any(isinstance(item, ast.Return) and item.value is not None for item in own_nodes(loop))
        )

    def _is_probe(self, node: ast.Call, loop: Loop) -> bool:
        """Whether each turn of a loop that sleeps shares one client, which a ``with`` closes, among requests side by side."""
        statement = self.module.index.statement(node)
        if not isinstance(loop, ast.While) or not isinstance(statement, (ast.With, ast.AsyncWith)):
            return False
        return sleeps(loop) and any(
            isinstance(item, ast.Call) and self.module.qualname(item.func) == "asyncio.gather"
            for item in ast.walk(statement)
        )

    def _is_barrier(self, node: ast.Call, row: Row, loop: Loop) -> bool:
        """Whether a few groups, one after the other, have threads each, which a ``with`` joins before the next group's turn."""
        if not row.get("threads", False) or not isinstance(self.module.index.parent(node), ast.withitem):
            return False
        over = loop.iter if isinstance(loop, ast.For) else None
        while isinstance(over, ast.Call) and last_name(over.func) in _WRAPS and over.args:
            over = over.args[0]
        if isinstance(over, ast.Call):
            return bool(_GROUPS.search(last_name(over.func) or "")) or last_name(over.func) in (
                "items",
                "values",
            )
        return over is not None and bool(_GROUPS.search(last_name(over) or ""))

    def _is_typed(self, node: ast.Call, loop: Loop) -> bool:
        """Whether a person types what each turn sends in a ``with``: a connection kept meanwhile would be stale."""
        return isinstance(self.module.index.parent(node), ast.withitem) and any(
            isinstance(item, ast.Call) and self.module.qualname(item.func) in _PROMPTS
            for item in ast.walk(loop)
        )

    def _is_tuned(self, node: ast.Call, loop: Loop) -> bool:
        """Whether an argument is read from an object that the loop adjusts: ``max_workers=self.batches.max_workers``."""
        given = (*node.args, *(keyword.value for keyword in node.keywords))
        read = {dotted(item.value) for item in given if isinstance(item, ast.Attribute)} - {None, "self"}
        return bool(read) and any(
            isinstance(item, ast.Expr)
            and isinstance(item.value, ast.Call)
            and isinstance(item.value.func, ast.Attribute)
            and dotted(item.value.func.value) in read
            for item in ast.walk(loop)
        )

    def _is_next_branch(self, node: ast.Call) -> bool:
        """Whether another branch of the same ``if`` has built what the same name is bound to: one choice, one finding."""
        index = self.module.index
        statement: ast.AST = index.statement(node)
        name = dotted(statement.targets[0]) if isinstance(statement, ast.Assign) else None
        branch = index.parent(statement)
        if name is None or not isinstance(branch, ast.If):
            return False
        while isinstance(outer := index.parent(branch), ast.If) and outer.orelse == [branch]:
            branch = outer
        is_known = (branch, name) in self._chosen
        self._chosen.add((branch, name))
        return is_known

    def _asks_another_host(self, node: ast.Call, loop: Loop) -> bool:
        """Whether each turn asks another host, once or until one of them answers: there is no connection to share."""
        if not isinstance(loop, ast.For):
            return False
        sent = self._lifetimes.requests(node)
        is_left = loop in self._left
        if not sent or not all(self._starts_with_turn(_url(call), loop, whole=is_left) for call in sent):
            return False
        return is_left or (len(sent) == 1 and next(self.module.index.loops(sent[0]), None) is loop)

    def _start(self, url: ast.expr) -> ast.expr:
        """What a text begins with: ``host`` of ``f"{host}/a"``, ``host + "/a"``, ``host.url`` and ``urljoin(host, "/a")``."""
        while True:
            if isinstance(url, ast.JoinedStr) and url.values:
                url = url.values[0]
            elif isinstance(url, ast.BinOp):
                url = url.left
            elif isinstance(url, (ast.FormattedValue, ast.Attribute, ast.Subscript)):
                url = url.value
            elif (
                isinstance(url, ast.Call)
                and self.module.qualname(url.func) == "urllib.parse.urljoin"
                and url.args
            ):
                url = url.args[0]
            elif isinstance(url, ast.Call) and isinstance(url.func, ast.Attribute):
                url = url.func.value
            else:
                return url

    @functools.cached_property
    def _left(self) -> frozenset[Loop | None]:
        """The loops that a ``return`` or ``break`` leaves, those in ``except`` clauses left out."""
        index = self.module.index
        failing = {node for handler in index.nodes(ast.ExceptHandler) for node in ast.walk(handler)}
        leaves = (*index.nodes(ast.Return), *index.nodes(ast.Break))
        return frozenset(next(index.loops(leave), None) for leave in leaves if leave not in failing)

    def _starts_with_turn(self, url: ast.expr | None, loop: ast.For, *, whole: bool) -> bool:
        """Whether a URL begins with the loop's variable: ``f"{host}/status"``, or is it by its name: ``base_url``.

        Where ``whole``, also what the variable holds: ``mirror.url``.
        """
        if url is None:
            return False
        loops = self.module.loops
        place = loops.place(loop)
        for value in loops.values(url, place):
            start = self._start(value)
            if not isinstance(start, ast.Name) or loops.variable(start) not in place.targets:
                return False
            is_bare = isinstance(value, (ast.Attribute, ast.Subscript)) and not whole
            if (start is value or is_bare) and not _HOST.search(last_name(value) or ""):
                return False  # one page after the other
        return True

    def _depends_on_turn(self, node: ast.Call, loop: Loop) -> bool:
        """Whether what is built, or how it is set up, depends on the turn."""
        loops = self.module.loops
        targets = loops.place(loop).targets
        for value in self._given(node):
            for part in loops.behind(value, loop):
                for name in names_in(part):
                    variable = loops.variable(name)
                    if variable is None:
                        continue
                    # a while loop takes its item by a call: job = queue.get()
                    if variable in targets or (isinstance(loop, ast.While) and loops.writes(variable, loop)):
                        return True
        return False

    def _given(self, node: ast.Call) -> Iterator[ast.expr]:
        """What a construction is given: arguments and receiver, and what its variable is set up with afterwards."""
        yield from node.args
        for item in node.keywords:
            yield from personal(item.value) if item.arg == "headers" else (item.value,)
        if isinstance(node.func, ast.Attribute):
            yield node.func.value
        yield from self._lifetimes.setup(node)

    # -- in a handler

    def _is_meant(self, node: ast.Call, entry: Entry) -> bool:
        """Whether a handler builds one of its own on purpose: it is handed on, remembered, or differs by request."""
        return (
            self._is_remembered(node, entry)
            or self._lifetimes.outlives(node, entry.function)
            or any(self._depends_on_caller(value, entry) for value in self._given(node))
        )

    def _is_remembered(self, node: ast.Call, entry: Entry) -> bool:
        """Whether a function from the construction up to the handler remembers its result."""
        function = self.module.index.function(node)
        while function is not None:
            for item in getattr(function, "decorator_list", ()):
                name = last_name(item.func if isinstance(item, ast.Call) else item) or ""
                if "cache" in name or "memo" in name or "singleton" in name:
                    return True
            if function is entry.function:
                return False
            function = self.module.index.function(function)
        return False

    def _depends_on_caller(self, value: ast.expr, entry: Entry) -> bool:
        """Whether a value comes from the request or from the arguments of the task."""
        for part in self.module.loops.behind(value, entry.function):
            for item in ast.walk(part):
                if isinstance(item, ast.Await):
                    return True  # read from somewhere in each request
                if isinstance(item, (ast.Name, ast.Attribute)) and (
                    self.module.entrypoints.is_ambient(item) or self._says_caller(item)
                ):
                    return True
                if isinstance(item, ast.Name) and self._is_argument(item):
                    return True
        return False

    def _is_of_request(self, node: ast.Call, row: Row, entry: Entry) -> bool:
        """Whether it passes the caller's cookies on, or downloads once what the caller names."""
        sent = self._lifetimes.requests(node) if row.get("jar", False) else None
        if not sent:
            return False
        if any(
            self._passes_cookies(item.value, call)
            for call in sent
            for item in call.keywords
            if item.arg in ("cookies", "headers")
        ):
            return True
        if entry.kind != "request" or len(sent) != 1 or any(item.arg == "base_url" for item in node.keywords):
            return False
        url = _url(sent[0])
        return url is not None and self._is_given(url, entry)

    def _starts_work(self, node: ast.Call, entry: Entry) -> bool:
        """Whether a handler hands the client of a ``with`` to one function, and starts work that goes on after its answer.

        A request to start a bot or a job comes as seldom as those run long.
        """
        index = self.module.index
        item = index.parent(node)
        if not isinstance(item, ast.withitem) or not isinstance(item.optional_vars, ast.Name):
            return False
        variable = self.module.loops.variable(item.optional_vars)
        uses = [] if variable is None else self.module.scopes.uses(*variable)
        block = index.statement(node)
        inside = [use for use in uses if block in index.ancestors(use) and use is not item.optional_vars]
        if len(inside) != 1 or not isinstance(index.parent(inside[0]), ast.Call):
            return False
        called = [call for call in ast.walk(entry.function) if isinstance(call, ast.Call)]
        helpers = [
            self.module.receivers.definition(call.func) for call in called if isinstance(call.func, ast.Name)
        ]
        return any(
            last_name(call.func) in _STARTS for call in called if call is not index.parent(inside[0])
        ) or any(
            isinstance(part, ast.Call) and last_name(part.func) in _STARTS
            for helper in helpers
            if isinstance(helper, (ast.FunctionDef, ast.AsyncFunctionDef))
            for part in ast.walk(helper)
        )

    def _is_of_job(self, node: ast.Call, entry: Entry) -> bool:
        """Whether a function within a handler, which is handed to a call that runs it and polls, shares one client among all that it asks."""
        function = self.module.index.function(node)
        if function is entry.function or not isinstance(function, ast.AsyncFunctionDef):
            return False
        statement = self.module.index.statement(node)
        polls = any(isinstance(loop, ast.While) and sleeps(loop) for loop in ast.walk(statement))
        return polls and any(
            isinstance(call, ast.Call)
            and any(last_name(getattr(item, "func", item)) == function.name for item in call.args)
            for call in ast.walk(entry.function)
        )

    def _passes_cookies(self, value: ast.expr, call: ast.Call) -> bool:
        """Whether what a request sends holds the cookies of the caller: ``request.cookies``, or all of ``request.headers``."""
        function = self.module.index.function(call)
        for part in [value] if function is None else self.module.loops.behind(value, function):
            for item in ast.walk(part):
                if (
                    isinstance(item, ast.Attribute)
                    and item.attr in ("cookies", "headers")
                    and (self.module.entrypoints.is_ambient(item) or self._is_parameter(item.value))
                    and (item.attr == "cookies" or self._is_whole(item))
                ):
                    return True
                if (
                    isinstance(item, ast.Call)
                    and last_name(item.func) == "getattr"
                    and string(argument(item, None, 1)) == "cookies"
                    and self._is_parameter(item.args[0])
                ):
                    return True
        return False

    def _is_whole(self, headers: ast.Attribute) -> bool:
        """Whether more than one header by its name is taken, or the one with the cookies."""
        parent = self.module.index.parent(headers)
        key: ast.expr | None = None
        if isinstance(parent, ast.Subscript) and parent.value is headers:
            key = parent.slice
        elif isinstance(parent, ast.Attribute) and parent.attr == "get":
            call = self.module.index.parent(parent)
            key = argument(call, "key", 0) if isinstance(call, ast.Call) else None
        return key is None or (string(key) or "").lower() == "cookie"

    def _is_parameter(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and self._is_argument(node)

    def _is_given(self, url: ast.expr, entry: Entry) -> bool:
        """Whether a whole URL comes from the request: ``data.url``, ``(await request.body()).decode()``, nothing around it."""
        waiting, seen = [url], {url}
        is_given = is_url = False
        for value in waiting:
            is_url = is_url or bool(_URL.search(last_name(value) or ""))
            node = self._taken_from(value)
            if node is None or len(waiting) > _STEPS:
                return False
            if self.module.entrypoints.is_ambient(node):
                is_given = True
                continue
            variable = self.module.loops.variable(node) if isinstance(node, ast.Name) else None
            written = [] if variable is None else self.module.loops.writes(variable, entry.function)
            before = [write.value for write in written if write.at < start_of(url)]
            waiting += [item for item in before if item not in seen]
            seen.update(before)
            if not before:
                if not isinstance(node, ast.Name) or not self._is_argument(node) or self._is_injected(node):
                    return False
                is_given = True
        return is_given and is_url

    def _taken_from(self, node: ast.expr) -> ast.Name | ast.Attribute | None:
        """The name behind what is taken out of a request as it is: ``data`` of ``str(data.url)``."""
        while not isinstance(node, ast.Name):
            if isinstance(node, (ast.Await, ast.Subscript)):
                node = node.value
            elif isinstance(node, ast.Attribute):
                if self.module.entrypoints.is_ambient(node):
                    return node
                node = node.value
            elif not isinstance(node, ast.Call):
                return None
            elif isinstance(node.func, ast.Attribute) and node.func.attr in _READS:
                node = node.func
            elif self._reshapes(node):
                node = node.args[0]
            else:
                return None
        return node

    def _reshapes(self, call: ast.Call) -> bool:
        """Whether a call gives the URL that it is given, by their names: ``str(x)``, ``to_raw_url(data.url)``."""
        if not isinstance(call.func, ast.Name) or len(call.args) != 1:
            return False
        name, given = self._name_of(call.func), last_name(call.args[0]) or ""
        return name == "str" or bool(_URL.search(name) and _URL.search(given))

    def _name_of(self, node: ast.expr) -> str:
        """The last word of a name, as it is called where it is imported from."""
        return (self.module.qualname(node) or last_name(node) or "").rpartition(".")[2]

    def _is_injected(self, name: ast.Name) -> bool:
        """Whether a parameter is no part of the request: ``settings: Settings = Depends(get_settings)``."""
        resolved = self.module.scopes.resolve(name)
        if resolved is None or not isinstance(resolved[0], FUNCTIONS):
            return True
        parameter = resolved[1][0].node
        value = default(resolved[0], parameter) if isinstance(parameter, ast.arg) else None
        return isinstance(value, ast.Call) and self._name_of(value.func) in ("Depends", "Security")

    def _says_caller(self, node: ast.Name | ast.Attribute) -> bool:
        """Whether a name that the function does not bind itself says that it belongs to one caller: ``current_tenant``."""
        start = root(node)
        name = self._name_of(node)
        if not _CALLER.search(name) or _SETTINGS.search(last_name(start) or ""):
            return False
        if isinstance(node, ast.Attribute) or not isinstance(start, ast.Name):
            return True
        resolved = self.module.scopes.resolve(start)
        return resolved is None or resolved[1][0].kind in (Kind.IMPORT, Kind.FUNCTION)

    def _is_argument(self, name: ast.Name) -> bool:
        """Whether a name is what the caller passes, and not the object, the application or its settings."""
        resolved = self.module.scopes.resolve(name)
        if resolved is None or self._asks_app(name) or name.id in ("self", "cls"):
            return False
        for binding in resolved[1]:
            if binding.kind is Kind.PARAMETER:
                annotation = last_name(binding.annotation) or ""
                return not _SETTINGS.search(name.id) and not _SETTINGS_TYPE.search(annotation)
        return False

    def _asks_app(self, name: ast.Name) -> bool:
        """Whether only the application is taken from a request: ``request.app["dsn"]``."""
        parent = self.module.index.parent(name)
        return isinstance(parent, ast.Attribute) and parent.attr == "app"


def _is_retried(loop: Loop) -> bool:
    """Whether the turns of a loop are attempts at the same thing, by the name that counts them."""
    if isinstance(loop, ast.While):
        return any(_ATTEMPT.fullmatch(name.id) is not None for name in names_in(loop.test))
    part = loop.generators[0] if isinstance(loop, COMPREHENSIONS) else loop
    if isinstance(part.iter, ast.Call) and last_name(part.iter.func) == "range":
        counts = (last_name(item) for item in ast.walk(part.iter))  # range(self.retry_times + 1)
        if any(count is not None and not _RETRIES.isdisjoint(words(count)) for count in counts):
            return True
    return isinstance(part.target, ast.Name) and _ATTEMPT.fullmatch(part.target.id) is not None


def _is_pair(loop: Loop) -> bool:
    """Whether a loop goes over two or three items that are written there."""
    if not isinstance(loop, ast.For) or not isinstance(loop.iter, (ast.List, ast.Set, ast.Tuple)):
        return False
    return len(loop.iter.elts) <= _PAIR and not any(isinstance(item, ast.Starred) for item in loop.iter.elts)


def _url(call: ast.Call) -> ast.expr | None:
    """What a call of a client's method asks for: ``url`` of ``client.get(url)`` and ``client.request("GET", url)``."""
    return argument(call, "url", 1 if last_name(call.func) in _SENDS else 0)


@knowledge.cached
def _names_by_package() -> Mapping[str, frozenset[str]]:
    known = knowledge.by_call("clients.constructor")
    also = (name for name, canonical in knowledge.aliases().items() if canonical in known)
    return knowledge.by_package((*known, *also))


def _text(node: ast.Call) -> str:
    """How a message names what is called."""
    text = dotted(node.func)
    if text is None and isinstance(node.func, ast.Attribute):
        inner = node.func.value
        text = (
            f"{dotted(inner.func)}(...).{node.func.attr}" if isinstance(inner, ast.Call) else node.func.attr
        )
    return text or "this call"
