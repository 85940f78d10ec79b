"""What bounds how many tasks of a fan-out run at once."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Mapping
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.index import FUNCTIONS
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.receivers import Definition
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import is_constant, is_none, last_name, own_nodes

# Names of semaphores, limiters and capacities, of what is wrapped in them, and of what runs in batches.
_WORDS: Final = regex(
    r"(^|_)sem(a|s)?(_|$)|semaphore|limiter|throttl|rate_?limit|bulkhead|token_bucket"
    r"|max_?concurren|concurrency|num_concurrent|concurrent_(limit|requests|tasks)|max_(parallel|workers|in_flight|at_once)"
    r"|(num|n)_workers|(batch|chunk)_size|data_?loader|loading_context|parallelism|(?<!un)(limited|bounded)(?!_?buffer)",
    re.IGNORECASE,
)
_NO_LIMITER: Final = regex(r"error|exception|exceeded|retry", re.IGNORECASE)
_CLIENT: Final = regex(r"(Client|LLM|Service)$")
_CAMEL: Final = regex(r"(?<=[a-z0-9])(?=[A-Z])")
_WORKER: Final = regex(
    r"(^|_)((worker|consumer)s?|consume)(_|$)|(^|_)(work|loop|forever|listen|listener|monitor|watcher|poller|serve)$"
)

_NAMED: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_PLAIN: Final = frozenset({"classmethod", "final", "override", "staticmethod"})


class Limiters:
    """The limiters of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def bound(
        self, node: ast.AST, called: Definition | None, runs: ast.expr, call: ast.Call | None = None
    ) -> bool:
        """Whether something bounds how many coroutines run at once that a node starts.

        Looks for a semaphore, limiter or capacity by type, name or ``acquire()`` in the functions and classes around the node
        and in the function that is called, and for a client with an explicit limit on its connections that may get there.

        Args:
            node: where the tasks are started.
            called: the function of this file whose coroutine runs, if it is one.
            runs: the function whose coroutine runs.
            call: the call of it, if there is one.
        """
        around = list(self._around(node))
        if called is None and isinstance(runs, ast.Name):
            # A function of another module does not take what other methods of the class take.
            around = [region for region in around if not isinstance(region, ast.ClassDef)]
        regions = [*around, *([] if called is None else [called])]
        return (
            self._is_elsewhere(runs, call)
            or any(self._holds_token(region) for region in regions)
            or any(maker in regions or self._reaches(maker, around) for maker in self._limited_clients)
        )

    def _is_elsewhere(self, runs: ast.expr, call: ast.Call | None) -> bool:
        """Whether a client of the project's own that stands in another file does the work, with the limiter that it may have.

        Its method runs, one of what it holds (``self.hub.connection.get``), or a function that it is handed to.
        """
        receiver = runs.value if isinstance(runs, ast.Attribute) else None
        given = [] if call is None else [*call.args, *(item.value for item in call.keywords)]
        if any(_CLIENT.search(self._of_project(item)) for item in (receiver, *given) if item is not None):
            return True
        while isinstance(receiver, ast.Attribute):
            receiver = receiver.value
            if self._of_project(receiver):
                return True
        return False

    def _of_project(self, node: ast.expr) -> str:
        """The type of an object whose class stands in another file of the project, or an empty string."""
        kind = self._module.type_of(node) or ""
        folders = self._module.filename.replace("\\", "/").split("/")[:-1]
        return kind if kind.startswith(".") or kind.partition(".")[0] in folders else ""

    def _around(self, node: ast.AST) -> Iterator[ast.AST]:
        """The functions and classes that a node stands in, and their base classes; the module for code that runs on import."""
        index = self._module.index
        if index.function(node) is None:
            yield self._module.tree
        for parent in index.ancestors(node):
            if isinstance(parent, (*FUNCTIONS, ast.ClassDef)):
                yield parent
            if isinstance(parent, ast.ClassDef):
                bases = (self._module.receivers.definition(base) for base in parent.bases)
                yield from (base for base in bases if base is not None)

    @memoised
    def _holds_token(self, region: ast.AST) -> bool:
        stack: list[ast.AST] = list(ast.iter_child_nodes(region))
        while stack:
            node = stack.pop()
            if self._is_token(node):
                return True
            stack.extend(ast.iter_child_nodes(node))
        return False

    def _is_token(self, node: ast.AST) -> bool:
        if isinstance(node, (ast.Name, ast.Attribute)):
            return _is_limiter_name(last_name(node) or "")
        if isinstance(node, ast.arg):
            return _is_limiter_name(node.arg)
        if isinstance(node, ast.keyword):
            return node.arg is not None and _is_limiter_name(node.arg)
        if isinstance(node, ast.withitem):
            return self._is_limiter(node.context_expr)
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and node.func.attr == "acquire":
                return self._gives_capacity(node.func.value)
            return self._module.called(node) in knowledge.by_call("fanout.limited")
        return False

    def _is_limiter(self, context: ast.expr) -> bool:
        while isinstance(context, ast.Call):
            context = context.func
        if isinstance(context, ast.Attribute) and self._module.type_of(context) is None:
            context = context.value if context.attr in ("acquire", "hold") else context
        return self._module.type_of(context) in _limiters()

    def _gives_capacity(self, receiver: ast.expr) -> bool:
        """Whether what is acquired has places for some: no lock, and no pool of connections, whose default does not count."""
        kind = self._module.type_of(receiver)
        if kind is None:
            return "lock" not in (last_name(receiver) or "").lower()
        return kind in _limiters() or kind not in _locks() | knowledge.by_call("fanout.limit").keys()

    # -- clients

    @functools.cached_property
    def _limited_clients(self) -> frozenset[ast.AST | None]:
        """The functions that make a client or pool with an explicit limit on its connections; None for the module itself."""
        rows = knowledge.by_call("fanout.limit")
        index = self._module.index
        if not _client_packages() & index.packages:
            return frozenset()
        return frozenset(
            index.function(call)
            for call in index.calls_named(knowledge.last_names("fanout.limit"))
            if (row := rows.get(self._module.called(call) or "")) is not None
            and any(self._limits(item, row) for item in call.keywords)
        )

    def _reaches(self, maker: ast.AST | None, regions: list[ast.AST]) -> bool:
        """Whether a client that a function makes can be the one of some regions: it is handed out, kept, or given to one of them."""
        if maker is None or maker in regions or isinstance(maker, ast.Lambda):
            return True
        names = {region.name for region in regions if isinstance(region, _NAMED)}
        for item in ast.walk(maker):
            if isinstance(item, ast.Call):
                if last_name(item.func) in names:
                    return True
            elif isinstance(item, (ast.Yield, ast.YieldFrom, ast.Global)):
                return True
            elif isinstance(item, ast.Return):
                kind = item.value and self._module.type_of(item.value)
                if kind and kind.partition(".")[0] in _client_packages():
                    return True
            elif isinstance(item, ast.Attribute) and isinstance(item.ctx, ast.Store):
                return True
        return False

    def _limits(self, keyword: ast.keyword, row: knowledge.Row) -> bool:
        if keyword.arg is None:
            return True
        if keyword.arg not in row["keywords"] or is_none(keyword.value):
            return False
        if row.get("object", False):  # of another module: somebody chose it
            return self._module.qualname(keyword.value) is not None
        return not (row["zero"] and is_constant(keyword.value, 0))

    # -- workers and pools

    @memoised
    def is_worker(self, function: Definition) -> bool:
        """Whether a function works off a queue, ``while True: item = await queue.get()``, or has the name of a worker and
        loops, or leaves its body to others."""
        index = self._module.index
        if _WORKER.search(function.name) and (
            not isinstance(function, ast.AsyncFunctionDef)
            or not _is_plain(function)
            or any(isinstance(item, (ast.For, ast.AsyncFor, ast.While)) for item in own_nodes(function))
        ):
            return True
        return any(
            index.function(call) is function
            and not call.args
            and isinstance(index.parent(call), ast.Await)
            and any(isinstance(loop, ast.While) for loop in index.loops(call))
            for call in index.calls_named(("get", "receive"))
        )

    @memoised
    def is_pool_bound(self, function: Definition) -> bool:
        """Whether a coroutine function waits for nothing but a pool of threads, which bounds itself, or for nothing at all.

        What never waits runs from start to end, one after the other. Coroutine functions of the file that it awaits are
        followed; one that is decorated, or whose body others write, may wait for anything.
        """
        seen: set[Definition] = set()
        stack: list[Definition] = [function]
        while stack:
            item = stack.pop()
            if item in seen:
                continue
            seen.add(item)
            if not isinstance(item, ast.AsyncFunctionDef) or not _is_plain(item) or item in self._streams:
                return False
            for waiting in self._awaits.get(item, ()):
                call = waiting.value
                if not isinstance(call, ast.Call):
                    return False
                if not self.is_pooled(call.func):
                    called = self._module.receivers.definition(call.func)
                    if called is None:
                        return False
                    stack.append(called)
        return True

    def is_pooled(self, function: ast.expr) -> bool:
        """Whether a function that is called hands its work to a pool of threads or processes, or to a cluster (Ray's ``remote()``)."""
        func = function.func if isinstance(function, ast.Call) else function  # sync_to_async(f)(x)
        if self._module.qualname(func) in knowledge.by_call("fanout.pool"):
            return True
        return last_name(func) in ("remote", "run_in_executor", "submit")

    @functools.cached_property
    def _awaits(self) -> Mapping[ast.AST | None, list[ast.Await]]:
        found: dict[ast.AST | None, list[ast.Await]] = {}
        for item in self._module.index.nodes(ast.Await):
            found.setdefault(self._module.index.function(item), []).append(item)
        return found

    @functools.cached_property
    def _streams(self) -> frozenset[ast.AST | None]:
        """The functions that wait in an ``async for`` or ``async with``."""
        index = self._module.index
        loops = (item.iter for item in index.nodes(ast.comprehension) if item.is_async)
        return frozenset(
            map(index.function, [*index.nodes(ast.AsyncFor), *index.nodes(ast.AsyncWith), *loops])
        )


def _is_plain(function: ast.AsyncFunctionDef) -> bool:
    """Whether a function is what its body says: no decorator wraps it, and the body is more than a placeholder."""
    if any(last_name(item) not in _PLAIN for item in function.decorator_list):
        return False
    return not all(
        isinstance(item, (ast.Pass, ast.Raise))
        or (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant))
        for item in function.body
    )


@functools.lru_cache(maxsize=4096)
def _is_limiter_name(name: str) -> bool:
    return bool(_WORDS.search(_CAMEL.sub("_", name))) and not _NO_LIMITER.search(name)


def is_worker_name(name: str) -> bool:
    """Whether the name of a function of which the file shows no more says that it is a worker."""
    return bool(_WORKER.search(name))


@knowledge.cached
def _client_packages() -> frozenset[str]:
    return frozenset(name.partition(".")[0] for name in knowledge.by_call("fanout.limit"))


@knowledge.cached
def _limiters() -> frozenset[str]:
    return frozenset(name for row in knowledge.rows("locks.lock") if row["limiter"] for name in row["types"])


@knowledge.cached
def _locks() -> frozenset[str]:
    return frozenset(name for row in knowledge.rows("locks.lock") for name in row["types"])
