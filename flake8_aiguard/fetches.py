"""Fetches of everything: calls that bring all rows of a table or store, without a condition or a limit."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.index import FUNCTIONS
from flake8_aiguard.module import Module
from flake8_aiguard.nouns import says
from flake8_aiguard.queries import READS, Queries, Query
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import chain, dotted, hides_arguments, last_name, own_nodes
from flake8_aiguard.wordings import name_words

_LONGEST_CHAIN: Final = 40
_VIEWS: Final = ("append", "copy", "extend", "get", "items", "keys", "values")
# What narrows a SELECT or makes rows of it that are not the table's.
_PARTIAL: Final = regex(
    r"\b(where|limit|top|fetch\s+first|group\s+by|having|distinct|join|union)\b|\b(count|sum|min|max|avg)\s*\("
    r"|\bfrom\s+[\w.]+\(",  # a function, which may have its own
    re.IGNORECASE,
)
_FROM: Final = regex(r"\bfrom\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fetch:
    """A fetch of everything.

    Attributes:
        call: the outermost call of its chain.
        shown: the chain as a message shows it.
        promised: whether only the name of a function says so.
    """

    call: ast.Call
    shown: str
    promised: bool = False


class Fetches:
    """The fetches of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._queries = Queries(module)

    def names(self) -> frozenset[str]:
        """The last identifiers of the calls to ask about."""
        prefixes = tuple(_words("prefixes"))
        promised = {name for name in self._module.index.names_called() if name.startswith(prefixes)}
        return _ends() | promised

    def of(self, call: ast.Call) -> Fetch | None:
        """Whether a call, with the chain before it, fetches everything.

        Args:
            call: the outermost call of a chain.

        Returns:
            The fetch; ``None`` where a condition, a limit or a key is given, or where what is sent cannot be seen.
        """
        if hides_arguments(call):
            return None
        if self._is_scan(call) or self._is_promised(call):
            return Fetch(call, f"{dotted(call.func) or last_name(call.func)}()", not self._is_scan(call))
        names: list[str] = []
        for inner in self._chain(call):
            query = self._queries.of(inner)
            if query is not None:
                names += [last_name(item.func) or "" for item in (inner, *query.chain)]
                return self._fetch(call, query, names)
            names.append(last_name(inner.func) or "")
        if names[:1] == ["fetchall"] and isinstance(call.func, ast.Attribute):
            before = self._executed(call, call.func.value)
            return None if before is None else self._fetch(call, before, names)
        return None

    def _chain(self, call: ast.Call) -> Iterator[ast.Call]:
        """The calls of a chain, and of what its first name is bound to: ``result = execute(...)``, ``async with execute(...) as result``."""
        last = call
        for inner in _chain(call):
            last = inner
            yield inner
        start = last.func.value if isinstance(last.func, ast.Attribute) else None
        if isinstance(start, ast.Name):
            resolved = self._module.scopes.resolve(start)
            bindings = [] if resolved is None else resolved[1]
            if (
                len(bindings) == 1
                and bindings[0].kind in (Kind.ASSIGN, Kind.WITH)
                and bindings[0].value is not None
            ):
                yield from _chain(bindings[0].value)

    def _fetch(self, call: ast.Call, query: Query, names: Collection[str]) -> Fetch | None:
        if query.row["effect"] == "write" or query.row["kind"] not in ("sql", "orm"):
            return None
        if not _words("one").isdisjoint(names) or not _words("limits").isdisjoint(names):
            return None
        is_lazy = bool(query.row.get("lazy"))
        if not is_lazy and last_name(call.func) not in _words("rows"):
            return None
        statement = self._queries.statement(query)
        if statement is None:
            return Fetch(call, chain(call)) if "statement" not in query.row else None
        return Fetch(call, chain(call)) if self._is_whole(statement) else None

    def _is_whole(self, statement: ast.expr) -> bool:
        """Whether a statement is seen to select all rows of a table."""
        if isinstance(statement, ast.Name):
            resolved = self._module.scopes.resolve(statement)
            if resolved is None or len(resolved[1]) != 1 or resolved[1][0].value is None:
                return False
            statement = resolved[1][0].value
        if self._queries.verb(statement) not in READS:
            return False
        parts = self._queries.parts(statement)
        if parts is not None:
            texts = [part for part in parts if isinstance(part, str)]
            is_table = any(_FROM.search(text) for text in texts)
            return is_table and len(texts) == len(parts) and not any(map(_PARTIAL.search, texts))
        names = [last_name(inner.func) or "" for inner in _chain(statement)]
        return _words("limits").isdisjoint(names) and not any(
            isinstance(item, ast.Attribute) and item.attr in ("func", "count") for item in ast.walk(statement)
        )

    def _executed(self, call: ast.Call, cursor: ast.expr) -> Query | None:
        """The query that a cursor was given last before its rows are fetched."""
        index, name = self._module.index, dotted(cursor)
        function = index.function(call)
        before = [
            item
            for item in index.calls_named(("execute",))
            if isinstance(item.func, ast.Attribute)
            and dotted(item.func.value) == name is not None
            and index.function(item) is function
            and item.lineno < call.lineno
        ]
        return self._queries.of(max(before, key=lambda item: item.lineno)) if before else None

    def _is_scan(self, call: ast.Call) -> bool:
        row = knowledge.by_call("queries.everything").get(self._module.called(call) or "")
        return row is not None and not any(item.arg in row["keywords"] for item in call.keywords)

    def _is_promised(self, call: ast.Call) -> bool:
        """Whether a function by its name fetches everything, and nothing in this file says that it does not."""
        name = last_name(call.func) or ""
        for row in knowledge.rows("queries.everything"):
            if name.startswith(tuple(row.get("prefixes", ())) or ("\0",)):
                if call.args or any(item.arg not in row["stores"] for item in call.keywords):
                    return False
                if name.endswith(tuple(row["catalogue"])):
                    return False
                is_function = isinstance(call.func, ast.Name) or self._module.qualname(call.func) is not None
                if is_function and name.endswith(tuple(row["in_process"])):
                    return False
                if name.startswith("get_") and (_is_some(name) or self._is_entity(call, row)):
                    return False
                body = self._module.receivers.definition(call.func)
                if isinstance(body, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    return self._asks(body)
                return not isinstance(call.func, ast.Attribute) or name not in self._in_memory
        return False

    @functools.cached_property
    def _in_memory(self) -> frozenset[str]:
        """The methods of this file that only hand out what their object holds: ``return list(self._users.values())``."""
        index = self._module.index
        return frozenset(
            function.name
            for function in index.nodes(ast.FunctionDef)
            if index.class_of(function) is not None and self._holds(function)
        )

    def _holds(self, function: ast.FunctionDef) -> bool:
        """Whether a function returns something, and calls nothing but built-ins and views of dicts."""
        nodes = list(own_nodes(function))
        return any(isinstance(node, ast.Return) and node.value is not None for node in nodes) and all(
            last_name(node.func) in _VIEWS or (self._module.qualname(node.func) or "").startswith("builtins.")
            for node in nodes
            if isinstance(node, ast.Call)
        )

    def _is_entity(self, call: ast.Call, row: knowledge.Row) -> bool:
        """Whether a receiver is an object that the function has just got, or a part of its own object, and nothing says that it keeps data."""
        if not isinstance(call.func, ast.Attribute):
            return False
        receiver = call.func.value
        found: list[ast.expr] = []
        is_own = isinstance(receiver, ast.Attribute) and last_name(receiver.value) == "self"
        if isinstance(self._module.index.parent(call), ast.Await):
            return False  # goes somewhere
        if isinstance(receiver, ast.Name):
            resolved = self._module.scopes.resolve(receiver)
            local = {Kind.ASSIGN, Kind.ANNOTATED, Kind.FOR}
            if resolved is None or not isinstance(resolved[0], FUNCTIONS):
                return False
            if any(item.kind not in local for item in resolved[1]):
                return False
            found = [item.value for item in resolved[1] if item.value is not None]
        elif not isinstance(receiver, (ast.Attribute, ast.Call)) or self._module.qualname(call.func):
            return False
        said = {
            word
            for value in (receiver, *found)
            for node in ast.walk(value)
            if isinstance(node, (ast.Name, ast.Attribute))
            for word in name_words(last_name(node) or "")
        }
        if isinstance(receiver, ast.Attribute) and not is_own:
            said = set(name_words(receiver.attr))  # a part of a client is not the client
        stores = said.intersection(row["receivers"])
        return not stores or (is_own and stores.issubset(row["managers"]))

    def _asks(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Whether a function of this file goes to a store itself."""
        return any(
            self._module.index.function(call) is function and self._queries.of(call) is not None
            for call in self._calls
        )

    @functools.cached_property
    def _calls(self) -> list[ast.Call]:
        return list(self._module.index.calls_named(self._queries.names()))


def _is_some(name: str) -> bool:
    """Whether a getter names one kind of what a machine or network has few of: ``get_all_volume_groups``."""
    kind = name.partition("_all_")[2]
    return "_" in kind and says(kind) == "chosen"


def _chain(node: ast.expr) -> Iterator[ast.Call]:
    """The calls of a chain, last one first."""
    for _ in range(_LONGEST_CHAIN):
        if isinstance(node, ast.Await):
            node = node.value
        elif isinstance(node, ast.Call):
            yield node
            node = node.func
        elif isinstance(node, ast.Attribute):
            node = node.value
        else:
            return


@knowledge.cached
def _ends() -> frozenset[str]:
    """The last calls of the chains that may bring everything."""
    lazy = {
        method for row in knowledge.rows("queries.receiver") if row.get("lazy") for method in row["methods"]
    }
    return (_words("rows") | _words("methods") | lazy) - _words("limits")


@knowledge.cached
def _words(column: str) -> frozenset[str]:
    return frozenset(word for row in knowledge.rows("queries.everything") for word in row.get(column, ()))
