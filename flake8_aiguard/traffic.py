"""Which coroutines are known to wait for a network, a disk, a database or another process."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.receivers import Definition
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import last_name

_TABLES: Final = ("fanout.io", "queries.call", "queries.method", "timeouts.call", "effects.effect")
_DEPTH: Final = 2  # the function itself, and one call of the same file that it makes
_CAMEL: Final = regex(r"(?<=[a-z0-9])(?=[A-Z])")
_FILLERS: Final = frozenset({"a", "async", "do", "make", "perform", "try", "safe", "and", "one", "single"})
_PLAIN: Final = frozenset({"classmethod", "final", "override", "staticmethod"})
_CALLS: Final = ("call", "invoke")
_PROTOCOL: Final = frozenset({"aiohttp", "http", "httpx"})
_DATAGRAMS: Final = "zeroconf."  # questions to all of the local network: nothing is held for who answers
_STUBS = (ast.Pass, ast.Raise)


class Traffic:
    """The input and output of the coroutines of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def is_known(
        self, runs: ast.expr, given: Sequence[ast.expr], called: Definition | None, *, counted: bool
    ) -> bool:
        """Whether what a task runs is known to wait for something outside of this process.

        A function of the file shows it: it makes such a call, or calls one that does. Of any other the tables say it by its
        type or its name, or that it is given a path or an address.

        Args:
            runs: the function that a task runs.
            given: what it is given.
            called: its definition in this file, if there is one.
            counted: whether the number of tasks is that of the rows of an awaited query, which is reason enough where
                nothing is known about the function.

        Returns:
            Whether it is.
        """
        handed = (item for item in given if isinstance(item, ast.Call))  # guarded(fetch(url))
        if any(self._is_typed(item.func) or self._is_named(item.func, item.args) for item in handed):
            return True
        if self._sends_datagrams(runs):
            return False
        if isinstance(called, ast.AsyncFunctionDef) and not _is_placeholder(called):
            return self._does(called, _DEPTH)
        if self._is_typed(runs) or self._is_named(runs, given):
            return True
        return called is None and (counted or not _nouns("object").isdisjoint(_last_words(given)))

    @memoised
    def _does(self, function: Definition, depth: int) -> bool:
        """Whether a function of the file makes a call that goes outside."""
        for call in self._calls.get(function, ()):
            if self._sends_datagrams(call.func):
                continue
            if self._is_typed(call.func) or self._is_named(call.func, call.args):
                return True
            inner = self._module.receivers.definition(call.func) if depth > 1 else None
            if (
                isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef))
                and inner is not function
                and self._does(inner, depth - 1)
            ):
                return True
        return False

    @functools.cached_property
    def _calls(self) -> Mapping[ast.AST | None, list[ast.Call]]:
        """The calls that each function waits for: by ``await``, ``async with`` or ``async for``."""
        index = self._module.index
        found: dict[ast.AST | None, list[ast.Call]] = {}
        for node in self._waits():
            for part in ast.walk(node):
                if isinstance(part, ast.Call):
                    found.setdefault(index.function(part), []).append(part)
        return found

    def _waits(self) -> Iterator[ast.expr]:
        index = self._module.index
        yield from (item.value for item in index.nodes(ast.Await))
        for block in index.nodes(ast.AsyncWith):
            yield from (item.context_expr for item in block.items)
        yield from (loop.iter for loop in index.nodes(ast.AsyncFor))
        yield from (item.iter for item in index.nodes(ast.comprehension) if item.is_async)

    def _is_typed(self, function: ast.expr) -> bool:
        """Whether the tables know a function, or the type of the object whose method it is."""
        module = self._module
        name = module.qualname(function)
        if name is None and isinstance(function, ast.Attribute):
            kind = module.type_of(function.value)
            if kind in _types() or self._is_of_client(function.value):
                return True
            name = None if kind is None else f"{kind}.{function.attr}"
        return name is not None and any(name in knowledge.by_call(table) for table in _TABLES)

    def _is_of_client(self, resource: ast.expr) -> bool:
        """Whether an object is a part of a client that the tables know: ``self.llm.chat.completions``."""
        while isinstance(resource, ast.Attribute):
            resource = resource.value
            if self._module.type_of(resource) in _types():
                return True
        return False

    def _sends_datagrams(self, function: ast.expr) -> bool:
        if not isinstance(function, ast.Attribute):
            return False
        if function.attr == "async_request" and "zeroconf" in self._module.index.packages:
            return True
        return (self._module.type_of(function.value) or "").startswith(_DATAGRAMS)

    def _is_imported(self, name: ast.Name) -> bool:
        """Whether a function comes from another module of the project: ``from .erp import read_stock``."""
        resolved = self._module.scopes.resolve(name)
        return resolved is not None and all(
            isinstance(binding.node, ast.alias)
            and isinstance(origin := self._module.index.parent(binding.node), ast.ImportFrom)
            and origin.level > 0
            for binding in resolved[1]
        )

    def _is_named(self, function: ast.expr, given: Sequence[ast.expr]) -> bool:
        """Whether a name says it: ``fetch_page``, ``call_api``, ``api.orders``, ``cache.load``, ``read_file``, ``get(url)``."""
        name = last_name(function) or ""
        owner = _last_words([function.value]) if isinstance(function, ast.Attribute) else set()
        if says_traffic(name) or (isinstance(function, ast.Attribute) and is_service(function.value)):
            return True
        if not _PROTOCOL.isdisjoint(_words(name)):
            return True  # aiohttp_get_json()
        verb, *rest = _words(name) or [""]
        if verb in _CALLS and not _nouns("service").isdisjoint(rest[-1:]):
            return True  # call_api(), _call_s3()
        if verb not in _nouns("access"):
            return False
        if isinstance(function, ast.Name) and rest and self._is_imported(function):
            return True
        about = {*rest[-1:], *_last_words(given)}
        return not _nouns("place").isdisjoint(owner) or not _nouns("object").isdisjoint(about)


def says_traffic(name: str) -> bool:
    """Whether a function's name alone says that it goes outside of the process: ``fetch_page``, ``send``."""
    return (_words(name) or [""])[0] in _nouns("verb")


def is_service(owner: ast.expr) -> bool:
    """Whether the name of an object says that it stands for a service, a database or a store: ``self.client``, ``user_repository``."""
    return not _nouns("service").isdisjoint(_last_words([owner]))


def _is_placeholder(function: ast.AsyncFunctionDef) -> bool:
    """Whether others write the body, or a decorator wraps it."""
    return any(last_name(item) not in _PLAIN for item in function.decorator_list) or all(
        isinstance(item, _STUBS) or (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant))
        for item in function.body
    )


@functools.lru_cache(maxsize=4096)
def _words(name: str) -> list[str]:
    """The words of a name, without those before the verb."""
    words = [item for item in _CAMEL.sub("_", name).lower().split("_") if item]
    while len(words) > 1 and words[0] in _FILLERS:
        words.pop(0)
    return words


def _last_words(nodes: Iterable[ast.expr]) -> set[str]:
    """The last word of each name."""
    return {word for node in nodes for word in _words(last_name(node) or "")[-1:]}


@knowledge.cached
def _types() -> frozenset[str]:
    """The types of clients and connections, all of whose coroutines make a round trip."""
    return frozenset(
        name
        for table in ("awaits.client", "fanout.io")
        for row in knowledge.rows(table)
        if "methods" not in row
        for name in row.get("types", ())
    )


@knowledge.cached
def _nouns(kind: str) -> frozenset[str]:
    return frozenset(
        word for row in knowledge.rows("fanout.name") if row["kind"] == kind for word in row["words"]
    )
