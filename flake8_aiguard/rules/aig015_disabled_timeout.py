"""AIG015: a timeout that is switched off."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable, Collection, Iterator, Mapping

from flake8_aiguard import knowledge
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import argument, chain, dotted, is_constant, is_none, last_name, string
from flake8_aiguard.timeouts import Timeouts

_INFINITE = regex(r"\s*\+?inf(inity)?\s*", re.IGNORECASE)
_STAYS_OPEN = regex(
    r"\b(stream|sse\b|server.sent|web ?sockets?\b|long.?poll|long.?(lived|running)|subscri|stays? open|keeps? open"
    r"|listens?\b|watch)",
    re.IGNORECASE,
)
_REASON = regex(r"(?<![.\w])(time.?outs?|deadlines?|indefinitely|waits?|waiting)\b(?![=(])", re.IGNORECASE)
_LEFT_OPEN = regex(r"\b(T[O]DO|F[I]XME|X{3})\b")
_SENTENCE = 5  # words; fewer only repeat the code
_HTTPX_PARTS = 4
_SEVERAL_PARTS = (2, _HTTPX_PARTS)  # (connect, read) of requests, (connect, read, write, pool) of httpx
_READ = 1
_CONNECTS = ("connect", "connect_ex")
_SERVES = ("bind", "listen", "accept", "recvfrom", "sendto")
_RECEIVES = ("recv", "recv_into", "recvmsg")
_LISTENS = regex(r"\b(blocking|listens?|waits? (for|until))\b", re.IGNORECASE)


class DisabledTimeout(Checker):
    """Timeout of a network call or client that is switched off.

    Why: somebody had a limit, or the library sets one, and ``timeout=None`` takes it away: usually to get past one slow
    answer. From then on a peer that goes silent holds its worker forever, with no error and no log line.

    Bad::

        import httpx

        async def fetch(url):
            async with httpx.AsyncClient(timeout=None) as client:
                return (await client.get(url)).json()

    Good::

        import httpx

        async def fetch(url):
            async with httpx.AsyncClient(timeout=30) as client:
                return (await client.get(url)).json()

    Limits: knows ``None``, ``float("inf")``, ``math.inf``, ``sys.maxsize``, and 0 where the library reads it as no limit,
    written in the call, in a ``**`` dict or in a variable that is bound once. Silent where ``None`` is a normal wait
    (queues, events, subprocesses, websockets, blocking reads of Redis), on parameters that are passed on, on
    ``read=None`` beside other limits, on ``stream=True``, on a timeout of httpx with one limit for streams, where a comment at the place says that
    the connection stays open or speaks of the wait, under ``asyncio.timeout``, ``wait_for`` and their like, in tests, and in files that mock
    the network. ``settimeout(None)`` counts on a socket that connects to a peer in this file, and that no other function says it
    listens to. An attribute that holds ``None`` is not followed. Silent on a client all of whose requests in the file are given a limit,
    or stand under ``wait_for`` and the like.
    """

    code = "AIG015"
    slug = "disabled-timeout"
    since = "0.1.0"
    severity = "warning"
    message = "{call}({given}) has no limit and waits forever when the peer goes silent; {advice}"
    in_tests = False
    ruff = (
        "Ruff's S113 (opt-in) reports `timeout=None` for functions of requests and httpx and for httpx's clients; sessions, "
        "other clients, and other ways to switch a limit off are only ours."
    )

    def start(self) -> None:
        self._timeouts = Timeouts(self.module)

    def call_names(self) -> Collection[str] | None:
        if self._timeouts.is_mocked:
            return ()
        names = self._timeouts.call_names(_names_by_package())
        return names and {*names, "partial"}

    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        if not _may_be_off(node) and node not in self._objects:
            return
        name = self.module.called(node) or ""
        row = _others().get(name)
        if name == "functools.partial":
            name = self._name(node.args[0]) if node.args else ""
            row = _calls().get(name)
            if row is not None:
                yield from self._call(node, name, row, {})
        elif row is None:
            row = self._timeouts.row(node, name, _calls()) or self._timeouts.stub_row(node)
            if row is not None:
                yield from self._call(node, name, row, _positional(node, row))
        elif "parts" in row:
            yield from self._object(node, row)
        elif "takes" in row:
            yield from self._misread(node, row)
        else:
            yield from self._setter(node, row)

    @functools.cached_property
    def _objects(self) -> frozenset[ast.Call]:
        """The calls that may build a timeout, which may lack a limit without any argument that says so."""
        names = knowledge.last_names("disabled_timeouts.object")
        return frozenset(self.module.index.calls_named(names))

    def _name(self, function: ast.expr) -> str:
        """The canonical name of a function or method that is passed on."""
        name = self.module.qualname(function)
        if name is None and isinstance(function, ast.Attribute):
            return f"{self.module.type_of(function.value)}.{function.attr}"
        return name or ""

    # -- a call's own timeout

    def _call(
        self, node: ast.Call, name: str, row: knowledge.Row, given: dict[str, ast.expr]
    ) -> Iterator[Finding]:
        # What is written out counts, whatever else ** may bring.
        given |= {item.arg: item.value for item in node.keywords if item.arg is not None}
        given |= self.module.receivers.keywords(node) or {}
        for keyword in (*row.get("keywords", ()), row.get("dsn", "")):
            value = given.get(keyword)
            text = None if value is None else self._off(value, row)
            if value is None or text is None or self._is_normal(node, row) or self._says_so(value):
                continue
            yield from self.found(
                _place(node, value),
                call=dotted(node.func) or name,
                given=f"{row['keywords'][0] if keyword == row.get('dsn') else keyword}={text}",
                advice=self._advice(self._literal(value), row),
                ruff="S113" if self._ruff_reports(node) else None,
            )
            return

    def _off(self, value: ast.expr, row: knowledge.Row) -> str | None:
        """How a value that is no limit reads; ``None`` for one that is a limit, or may be."""
        literal = self._literal(value)
        if isinstance(literal, ast.Tuple):
            return self._off_in_pair(literal, row)
        if is_none(literal):
            return "None" if self._none_is_forever(row) else None
        if is_constant(literal, 0) or self._is_zero_in_dsn(literal, row):
            return "0" if row.get("zero_means") == "forever" else None
        return None if row.get("none_means") == "normal" else self._endless(literal)

    def _is_zero_in_dsn(self, literal: ast.expr, row: knowledge.Row) -> bool:
        names = "|".join(row.get("keywords", ()))
        return re.search(rf"\b(?:{names})\s*=\s*'?0(?!\d)", string(literal) or "") is not None

    def _off_in_pair(self, value: ast.Tuple, row: knowledge.Row) -> str | None:
        parts = [self._literal(part) for part in value.elts]
        off = [number for number, part in enumerate(parts) if is_none(part) or self._endless(part)]
        if not off or len(parts) not in _SEVERAL_PARTS or not self._none_is_forever(row):
            return None
        if off == [_READ] and len(parts) == _HTTPX_PARTS:
            return None  # a stream, as it says
        shown = (ast.unparse(part) if isinstance(part, ast.Constant) else "..." for part in value.elts)
        return f"({', '.join(shown)})"

    def _literal(self, value: ast.expr) -> ast.expr:
        """The value itself, or what a variable is bound to once."""
        if isinstance(value, ast.Name):
            resolved = self.module.scopes.resolve(value)
            bindings = resolved[1] if resolved is not None else []
            if len(bindings) == 1 and bindings[0].kind in (Kind.ASSIGN, Kind.ANNOTATED):
                return bindings[0].value or value
        return value

    def _endless(self, value: ast.expr) -> str | None:
        if isinstance(value, ast.Call):
            text = string(argument(value, None, 0))
            if text and _INFINITE.fullmatch(text) and self.module.qualname(value.func) == "builtins.float":
                return f'float("{text}")'
            return None
        name = self.module.qualname(value)
        return dotted(value) if name in _endless_names() else None

    def _none_is_forever(self, row: knowledge.Row) -> bool:
        means = row.get("none_means")
        if means == "default":
            return row["default"] in ("none", "socket") and not self._timeouts.sets_default(row)
        return bool(means == "forever")

    def _advice(self, value: ast.expr, row: knowledge.Row) -> str:
        if isinstance(value, ast.Tuple):
            return "give every part a number of seconds"
        if any(name.startswith("httpx") for name in (*row.get("types", ()), *row.get("calls", ()))):
            return "give a number of seconds, or httpx.Timeout(30, read=None) where only the answer may take long"
        return "give a number of milliseconds" if row.get("unit") == "ms" else "give a number of seconds"

    # -- where no limit is meant

    def _is_normal(self, node: ast.Call, row: knowledge.Row, *, partly: bool = False) -> bool:
        """Whether the wait may last: a stream, a limit around it, a comment that says so.

        Args:
            node: the call that is given no limit.
            row: its row.
            partly: whether it is given other limits: those of a stream that may take long to read.
        """
        return (
            (partly and last_name(node.func) == "stream")
            or is_constant(argument(node, "stream"), True)
            or ((partly or "none_for_part" not in row) and self._waits_on_purpose(node, row))
            or self._timeouts.is_guarded(node)
            or self._says_so(node)
            or self._is_used_under_limit(node)
        )

    def _is_used_under_limit(self, client: ast.Call) -> bool:
        """Whether all requests that the file makes through a client stand under a limit of their own."""
        name = self.module.called(client) or ""
        methods = {full.rpartition(".")[2] for full in _calls() if full.startswith(f"{name}.")}
        requests = [
            call
            for call in self.module.index.calls_named(methods)
            if isinstance(call.func, ast.Attribute)
            and client in self.module.receivers.origin(call.func.value).calls
        ]
        return bool(requests) and all(
            self._timeouts.is_guarded(call) or self._has_own_limit(call) for call in requests
        )

    def _has_own_limit(self, request: ast.Call) -> bool:
        limit = argument(request, "timeout")
        if limit is None:
            return False
        parts = [limit]
        if isinstance(limit, ast.Call):
            parts = [*limit.args, *(item.value for item in limit.keywords)]
        return not all(
            is_none(self._literal(part)) or is_constant(part, 0) or self._endless(part) for part in parts
        )

    def _waits_on_purpose(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether what a call builds is used for what may never come."""
        methods = row.get("none_for")
        if methods is None:
            return False
        receivers = [
            call.func.value
            for call in self.module.index.calls_named({*methods, "send"})
            if isinstance(call.func, ast.Attribute)
            and (call.func.attr in methods or is_constant(argument(call, "stream"), True))
        ]
        return any(node in self.module.receivers.origin(receiver).calls for receiver in receivers)

    def _says_so(self, node: ast.expr) -> bool:
        statement = self.module.index.statement(node)
        lines = (statement.lineno, *range(node.lineno, (node.end_lineno or node.lineno) + 1))
        return any(
            _STAYS_OPEN.search(text) or _gives_reason(text) for text in self.module.comments.near(*lines)
        )

    # -- timeout objects, attributes, and the rest

    def _object(self, node: ast.Call, row: knowledge.Row) -> Iterator[Finding]:
        keywords = self.module.receivers.keywords(node)
        if keywords is None or any(isinstance(item, ast.Starred) for item in node.args):
            return
        given = dict(zip(row["parameters"], node.args, strict=False)) | keywords
        off = {name for name, value in given.items() if self._is_off(value, row)}
        limited = given.keys() - off
        whole, read, parts = row.get("whole"), row["read"], row["parts"]
        if whole in limited or (not off and row["left_out"] == "on"):
            return
        otherwise = row.get("otherwise")
        if otherwise in given:
            (off if otherwise in off else limited).update(set(parts) - given.keys())
        unlimited = [
            part for part in row["required"] if part in off or (part == read and part not in limited)
        ]
        if not unlimited or (unlimited == [read] and read in given and limited.intersection(parts)):
            return
        taker = _taker(self.module.index.parent, node)
        if self._is_normal(node, row) or (
            taker is not None
            and self._is_normal(
                taker,
                _calls().get(self.module.called(taker) or "", {}),
                partly=not limited.isdisjoint(parts),
            )
        ):
            return
        if taker is not None and not (node.args or node.keywords) and self._is_of_project(taker):
            return  # filler for a parameter
        yield from self.found(
            node,
            message="{call}() sets {parts} and waits forever when the peer goes silent; {advice}",
            call=chain(node.func),
            parts=f"neither {' nor '.join([whole, *unlimited])}"
            if whole
            else f"no limit for {', '.join(unlimited)}",
            advice=row["advice"],
        )

    def _is_of_project(self, call: ast.Call) -> bool:
        """Whether a call is of a plain function of the project, not of a client."""
        package = (self.module.called(call) or "").partition(".")[0]
        known = {name.partition(".")[0] for name in (*_calls(), *_others())}
        return isinstance(call.func, ast.Name) and package not in known

    def _is_off(self, value: ast.expr, row: knowledge.Row) -> bool:
        literal = self._literal(value)
        zero = is_constant(literal, 0) and row.get("zero_means") == "forever"
        return is_none(literal) or zero or self._endless(literal) is not None

    def _misread(self, node: ast.Call, row: knowledge.Row) -> Iterator[Finding]:
        value = argument(node, row["keyword"])
        if value is not None and is_none(self._literal(value)):
            yield from self.found(
                _place(node, value),
                message="{call}({keyword}=None) reads as no limit, but {takes} for it; {advice}",
                call=chain(node.func),
                **{name: row[name] for name in ("keyword", "takes", "advice")},
            )

    def _setter(self, node: ast.Call, row: knowledge.Row) -> Iterator[Finding]:
        value = argument(node, None, row["position"])
        if value is None or not is_none(self._literal(value)) or not self._connects(node):
            return
        if not (self._timeouts.is_guarded(node) or self._says_so(node) or self._is_listened_to(node)):
            yield from self.found(
                node,
                call=chain(node.func),
                given="None",
                advice="keep a number of seconds for reading and writing",
            )

    def _connects(self, node: ast.Call) -> bool:
        """Whether the socket of a method call connects to a peer, and serves none."""
        assert isinstance(node.func, ast.Attribute)
        origin = self.module.receivers.origin(node.func.value)
        if not origin.calls:
            return False
        used = {
            call.func.attr
            for call in self.module.index.calls_named({*_CONNECTS, *_SERVES})
            if isinstance(call.func, ast.Attribute)
            and not origin.variables.isdisjoint(self.module.receivers.origin(call.func.value).variables)
        }
        built = {self.module.called(call) for call in origin.calls}
        connects = "socket.create_connection" in built or not used.isdisjoint(_CONNECTS)
        return connects and used.isdisjoint(_SERVES)

    def _is_listened_to(self, node: ast.Call) -> bool:
        """Whether another function says of itself that it waits for what the socket's peer sends, whenever that is."""
        assert isinstance(node.func, ast.Attribute)
        index, receivers = self.module.index, self.module.receivers
        variables = receivers.origin(node.func.value).variables
        readers = {
            index.function(call)
            for call in index.calls_named(_RECEIVES)
            if isinstance(call.func, ast.Attribute)
            and not variables.isdisjoint(receivers.origin(call.func.value).variables)
        } - {index.function(node)}
        return any(
            isinstance(reader, ast.FunctionDef)
            and _LISTENS.search(f"{reader.name.replace('_', ' ')}. {ast.get_docstring(reader)}") is not None
            for reader in readers
        )

    def finish(self) -> Iterator[Finding]:
        """The attributes that are assigned no limit."""
        if self._timeouts.is_mocked or self.module.index.packages.isdisjoint(_attribute_packages()):
            return
        for node in self.module.index.nodes(ast.Assign):
            target = node.targets[0]
            if not isinstance(target, ast.Attribute) or not is_none(self._literal(node.value)):
                continue
            row = _attributes().get(target.attr, ())
            if row and self.module.type_of(target.value) in row and not self._says_so(target):
                yield from self.found(
                    node,
                    message="{call} = None takes away its limit, and calls wait forever when the peer goes silent; {advice}",
                    call=dotted(target) or target.attr,
                    advice="give a number of seconds",
                )

    def _ruff_reports(self, node: ast.Call) -> bool:
        """Whether Ruff's S113 reports the call: a literal ``timeout=None``, for requests none it sees as well."""
        written = argument(node, "timeout")
        if is_none(written) and self._timeouts.ruff_resolves(node, "httpx"):
            return True
        return (written is None or is_none(written)) and self._timeouts.ruff_resolves(node, "requests")


def _gives_reason(text: str) -> bool:
    """Whether a comment says something about waiting, more than that there is no timeout."""
    return (
        _REASON.search(text) is not None
        and len(text.split()) >= _SENTENCE
        and _LEFT_OPEN.search(text) is None
    )


def _may_be_off(node: ast.Call) -> bool:
    """Whether arguments may be no limit, as far as their syntax says: asked before any name is resolved."""
    values = (*node.args, *(item.value for item in node.keywords))
    return any(
        not isinstance(value, ast.Constant)
        or value.value in (None, 0)
        or (isinstance(value.value, str) and "timeout" in value.value)
        for value in values
    )


def _positional(node: ast.Call, row: knowledge.Row) -> dict[str, ast.expr]:
    """The timeout and the DSN that a call is given by position."""
    timeout = argument(node, None, row.get("position"))
    dsn = argument(node, None, row.get("dsn_position"))
    found = {} if timeout is None else {row["keywords"][0]: timeout}
    return found if dsn is None else {row["dsn"]: dsn, **found}


def _place(node: ast.Call, value: ast.expr) -> ast.AST:
    """What a person would change: the argument, or the call where a variable brings it."""
    if any(value is item for item in node.args):
        return value
    return next((item for item in node.keywords if item.value is value), node)


def _taker(parent: Callable[[ast.AST], ast.AST | None], value: ast.expr) -> ast.Call | None:
    """The call that a value is an argument of."""
    outer = parent(value)
    if isinstance(outer, ast.keyword):
        outer = parent(outer)
    return outer if isinstance(outer, ast.Call) else None


@knowledge.cached
def _calls() -> Mapping[str, knowledge.Row]:
    """The rows of calls that take a timeout, constructors among them that a row only names for their methods."""
    constructors: dict[str, knowledge.Row] = {}
    for row in knowledge.rows("timeouts.call"):
        if "constructor_keywords" in row:
            own = {"keywords": row["constructor_keywords"], "position": row.get("constructor_position")}
            constructors |= {name: {**row, **own, "calls": [name]} for name in row["types"]}
    return {**constructors, **knowledge.by_call("timeouts.call")}


@knowledge.cached
def _others() -> Mapping[str, knowledge.Row]:
    """The rows of timeout objects, of setters and of what reads ``None`` otherwise, by canonical name."""
    return {
        name: row
        for table in ("object", "setter", "misread")
        for name, row in knowledge.by_call(f"disabled_timeouts.{table}").items()
    }


@knowledge.cached
def _names_by_package() -> Mapping[str, frozenset[str]]:
    return knowledge.by_package({**_calls(), **_others()})


@knowledge.cached
def _attributes() -> Mapping[str, frozenset[str]]:
    """The types whose attribute of this name holds the timeout."""
    rows = knowledge.rows("disabled_timeouts.attribute")
    names = {name for row in rows for name in row["attributes"]}
    return {
        name: frozenset(owner for row in rows if name in row["attributes"] for owner in row["types"])
        for name in names
    }


@knowledge.cached
def _attribute_packages() -> frozenset[str]:
    return frozenset(owner.partition(".")[0] for owners in _attributes().values() for owner in owners)


@knowledge.cached
def _endless_names() -> frozenset[str]:
    return frozenset(name for row in knowledge.rows("disabled_timeouts.endless") for name in row["names"])
