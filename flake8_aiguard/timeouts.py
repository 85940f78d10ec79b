"""Which calls take a timeout, by the table, and what bounds their wait from outside."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.memo import lazy
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Use
from flake8_aiguard.shapes import argument, dotted, is_none, last_name, root, text_parts

_LIMITS: Final = ("timeout", "deadline")
_STREAMS: Final = regex(r"stream|watch|subscri|listen|tail|follow", re.IGNORECASE)
_STUB_METHODS: Final = ("with_call",)
_KEEPALIVE: Final = "grpc.keepalive_time_ms"
_STREAM_USES: Final = (Use.ITERATED, Use.ENTERED)
_STREAM_METHODS: Final = ("done_writing", "read", "write")  # what a call has that is no unary one


class Timeouts:
    """The calls of one file that take a timeout.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        # Answers, so that each question is answered once in a file.
        self._answers: dict[tuple[object, ...], bool] = {}
        self._under_limit: dict[ast.AST, bool] = {}
        self._only_under_limit: dict[ast.AST, bool] = {}

    def call_names(self, rows: Mapping[str, frozenset[str]]) -> Collection[str] | None:
        """The last identifiers of the calls that may be in these rows or are those of a gRPC stub.

        Args:
            rows: identifiers by package, of :func:`knowledge.by_package`.

        Returns:
            The identifiers; ``None`` for all, where a stub may have methods of any name.
        """
        if self._may_have_stubs:
            return None
        return knowledge.names_of(rows, self._module.index.packages)

    def row(self, node: ast.Call, name: str, table: Mapping[str, knowledge.Row]) -> knowledge.Row | None:
        """The row of a call.

        Args:
            node: the call.
            name: what it calls; see :meth:`Module.called`.
            table: the rows by canonical name.
        """
        row = table.get(name)
        if row is None or name in row.get("calls", ()):
            return row
        # A method needs its receiver: the arguments of Session.get(session, url) count from another place.
        return row if self._module.qualname(node.func) is None else None

    @property
    def is_mocked(self) -> bool:
        """Whether the file answers its requests itself."""
        return not self._module.index.packages.isdisjoint(mocks())

    def sets_default(self, row: knowledge.Row) -> bool:
        """Whether the file sets a default for all calls of a row."""
        limits = {"socket.setdefaulttimeout", *row.get("unless_called", ())}
        for call in self._module.index.calls_named({limit.rpartition(".")[2] for limit in limits}):
            if self._module.called(call) in limits and not is_none(argument(call, "timeout", 0)):
                return True
        return False

    # -- limits around a call

    def is_guarded(self, node: ast.AST) -> bool:
        """Whether a limit stands around a node, or around every use of its function."""
        if not self._limits:
            return False
        if self._is_under_limit(node):
            return True
        function = self._module.index.function(node)
        while isinstance(function, ast.Lambda):
            function = self._module.index.function(function)
        if function is None:
            return False
        if function not in self._only_under_limit:
            uses = self._uses(function)
            self._only_under_limit[function] = bool(uses) and all(map(self._is_under_limit, uses))
        return self._only_under_limit[function]

    def _is_under_limit(self, node: ast.AST) -> bool:
        memo, parent_of, limits = self._under_limit, self._module.index.parent, self._limits
        path: list[ast.AST] = []
        found = False
        child: ast.AST | None = node
        while child is not None:
            if child in memo:
                found = memo[child]
                break
            path.append(child)
            parent = parent_of(child)
            if parent in limits and (isinstance(child, ast.stmt) or child in limits[parent]):
                found = True
                break
            child = parent
        memo.update(dict.fromkeys(path, found))
        return found

    @lazy
    def _limits(self) -> dict[ast.AST | None, list[ast.expr | ast.keyword]]:
        """What limits the time of its statements (``with``, a decorated function) or of these arguments (a call)."""
        index = self._module.index
        found: dict[ast.AST | None, list[ast.expr | ast.keyword]] = {}
        for call in index.calls_named(knowledge.last_names("timeouts.guard")):
            if self._limits_time(call):
                found[call] = [*call.args, *call.keywords]
                parent = index.parent(call)
                if (
                    isinstance(parent, ast.Call) and parent.func is not call
                ):  # stack.enter_context(asyncio.timeout(5))
                    found[index.function(call)] = []
        blocks: list[ast.With | ast.AsyncWith] = [*index.nodes(ast.With), *index.nodes(ast.AsyncWith)]
        for block in blocks:
            if any(self._limits_time(self._made(item.context_expr)) for item in block.items):
                found[block] = []
        functions: list[ast.FunctionDef | ast.AsyncFunctionDef] = [
            *index.nodes(ast.FunctionDef),
            *index.nodes(ast.AsyncFunctionDef),
        ]
        for function in functions:
            if any(self._limits_time(decorator) for decorator in function.decorator_list):
                found[function] = []
        found.pop(None, None)
        return found

    def _made(self, context: ast.expr) -> ast.expr:
        """What a context manager was made by: ``budget = asyncio.timeout_at(deadline)``, ``async with budget``."""
        resolved = self._module.scopes.resolve(context) if isinstance(context, ast.Name) else None
        value = resolved[1][0].value if resolved is not None and len(resolved[1]) == 1 else None
        return context if value is None else value

    def _limits_time(self, node: ast.expr) -> bool:
        """Whether a context manager, decorator or call limits time: by the table, or by its name."""
        called = node.func if isinstance(node, ast.Call) else node
        row = knowledge.by_call("timeouts.guard").get(self._module.qualname(called) or "")
        if row is None:
            last = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            return any(word in last.lower() for word in _LIMITS)
        return not isinstance(node, ast.Call) or not is_none(argument(node, "timeout", row["position"]))

    def _uses(self, function: ast.AST) -> list[ast.expr]:
        """The mentions of a function in the file."""
        assert isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        if self._module.index.class_of(function) is None:
            return list(self._module.scopes.uses(self._module.index.scope(function), function.name))
        definition = self._module.receivers.definition
        return [node for node in self._attributes.get(function.name, ()) if definition(node) is function]

    @lazy
    def _attributes(self) -> dict[str, list[ast.Attribute]]:
        found: dict[str, list[ast.Attribute]] = defaultdict(list)
        for node in self._module.index.nodes(ast.Attribute):
            found[node.attr].append(node)
        return found

    # -- gRPC stubs

    @lazy
    def _may_have_stubs(self) -> bool:
        index = self._module.index
        suffixes, channels = _stubs()
        if not channels.isdisjoint(index.packages):
            return True
        names = [alias.name for alias in index.nodes(ast.alias)]
        names += [statement.module or "" for statement in index.nodes(ast.ImportFrom)]
        return any(suffix in name for name in names for suffix in suffixes)

    def stub_row(self, node: ast.Call) -> knowledge.Row | None:
        """The row of a unary call of a gRPC stub; ``None`` where the channel may set deadlines."""
        method = node.func
        if isinstance(method, ast.Attribute) and method.attr in _STUB_METHODS:
            method = method.value
        if not isinstance(method, ast.Attribute):
            return None
        for row in knowledge.rows("timeouts.stub"):
            if self._is_stub(method.value, row):
                is_other = (
                    self._has_configured_channel
                    or self._is_stream(node, method.attr)
                    or self._has_foreign_channel(method.value, row)
                )
                return None if is_other else row
        return None

    def _is_stub(self, receiver: ast.expr, row: knowledge.Row) -> bool:
        if _names_stub(self._module.type_of(receiver), row):
            return True
        origin = self._module.receivers.origin(receiver)
        key = (origin, row["type_suffix"])
        if key not in self._answers:
            built = all(self._builds_stub(call, row) for call in origin.calls)
            self._answers[key] = built and bool(origin.calls)
        return self._answers[key]

    def _builds_stub(self, call: ast.Call, row: knowledge.Row) -> bool:
        name = self._module.qualname(call.func)
        if _names_stub(name, row):
            return True
        channel = argument(call, "channel", 0)
        built_from = None if channel is None else self._module.type_of(channel)
        return name is not None and name.endswith(row["type_suffix"]) and built_from in row["built_from"]

    @lazy
    def _has_configured_channel(self) -> bool:
        """Whether a channel of the file has what may set deadlines, or leads to a socket of this host."""
        for row in knowledge.rows("timeouts.stub"):
            for call in self._module.index.calls_named({name.rpartition(".")[2] for name in row["channels"]}):
                keywords = self._module.receivers.keywords(call)
                if keywords is None or any(name in keywords for name in row["channel_keywords"]):
                    return True
                target = keywords.get("target", argument(call, None, 0))
                first = None if target is None else next(iter(text_parts(target) or ()), None)
                if isinstance(first, str) and first.startswith("unix:"):
                    return True
        return False

    def _has_foreign_channel(self, stub: ast.expr, row: knowledge.Row) -> bool:
        """Whether pings end calls on a dead connection, or the project's own code makes the channel, which may set deadlines."""
        if self._module.says(_KEEPALIVE):
            return True
        receivers = self._module.receivers
        origin = receivers.origin(stub)
        key = (origin, "channel")
        if key not in self._answers:
            channels = (argument(call, "channel", 0) for call in origin.calls)
            self._answers[key] = any(
                self._module.qualname(made.func) not in row["channels"]
                for channel in channels
                if channel is not None and self._module.type_of(channel) not in row["built_from"]
                for made in receivers.origin(channel).calls
            )
        return self._answers[key]

    def _is_stream(self, node: ast.Call, method: str) -> bool:
        """Whether what a stub's method returns or takes is a stream: those are meant to stay open."""
        given = argument(node, None, 0)
        if isinstance(given, ast.Call):
            given = given.func
        last = (given.attr if isinstance(given, ast.Attribute) else getattr(given, "id", "")) or ""
        if (
            isinstance(given, ast.GeneratorExp)
            or _STREAMS.search(method)
            or re.search("iter|stream|gen", last.lower())
        ):
            return True
        use, parent = self._module.scopes.use_of(node)
        if use is Use.STORED and isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
            return self._is_iterated(parent.targets[0])
        return use in _STREAM_USES

    def _is_iterated(self, target: ast.Name) -> bool:
        scopes = self._module.scopes
        owner = scopes.owner(self._module.index.scope(target), target.id)
        key = (owner, target.id)
        if key not in self._answers:
            uses = [] if owner is None else scopes.uses(owner, target.id)
            self._answers[key] = any(map(self._is_streamed, uses))
        return self._answers[key]

    def _is_streamed(self, use: ast.Name) -> bool:
        how, by = self._module.scopes.use(use)
        return how in _STREAM_USES or (isinstance(by, ast.Call) and last_name(by.func) in _STREAM_METHODS)

    # -- Ruff

    def ruff_resolves(self, node: ast.Call, package: str) -> bool:
        """Whether Ruff resolves a call to a function of a package: through an import of that very package."""
        first = root(node.func)
        resolved = self._module.scopes.resolve(first) if isinstance(first, ast.Name) else None
        if resolved is None or not (self._module.called(node) or "").startswith(f"{package}."):
            return False
        text = dotted(node.func)
        return text is not None and all(
            self._binds(binding.node, package, text.count(".")) for binding in resolved[1]
        )

    def _binds(self, alias: ast.AST, package: str, depth: int) -> bool:
        if not isinstance(alias, ast.alias):
            return False
        statement = self._module.index.parent(alias)
        if isinstance(statement, ast.ImportFrom):
            return statement.module == package and not statement.level and depth == 0
        return depth == 1 and (alias.name if alias.asname else alias.name.partition(".")[0]) == package


@knowledge.cached
def _stubs() -> tuple[tuple[str, ...], frozenset[str]]:
    """What the modules of stubs are named, and the packages of their channels."""
    rows = knowledge.rows("timeouts.stub")
    channels = frozenset(name.partition(".")[0] for row in rows for name in row["built_from"])
    return tuple(row["module_suffix"] for row in rows), channels


@knowledge.cached
def mocks() -> frozenset[str]:
    """Packages and fixtures that answer requests."""
    return frozenset(name for row in knowledge.rows("timeouts.mock") for name in row["modules"])


def _names_stub(name: str | None, row: knowledge.Row) -> bool:
    module, _, last = (name or "").rpartition(".")
    suffix: str = row["module_suffix"]
    return last.endswith(row["type_suffix"]) and module.endswith(suffix)
