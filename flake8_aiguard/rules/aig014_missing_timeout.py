"""AIG014: a network call without a timeout."""

from __future__ import annotations

import ast
import functools
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from flake8_aiguard import knowledge
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.receivers import Origin
from flake8_aiguard.scopes import Kind, Use
from flake8_aiguard.shapes import argument, dotted, is_constant, is_none, parameters, root, string

_FILLED_IN = "\0"  # stands for what an f-string fills in
_NO_NETWORK = ("file:", "data:")
_OWN = ("as_uri", "getsockname")
_LIMITS = ("timeout", "deadline")
_STREAMS = re.compile(r"stream|watch|subscribe|listen|tail|follow", re.IGNORECASE)
_STUB_METHODS = ("with_call",)
_STREAM_USES = (Use.ITERATED, Use.ENTERED)


class MissingTimeout(Checker):
    """Network call that can wait forever because no timeout is given.

    Why: without a timeout the call waits as long as the peer keeps the connection open and says nothing. One such peer
    takes a worker, then all of them: no error, no log line, and no retry ever starts.

    Bad::

        import requests

        class Prices:
            def __init__(self):
                self.session = requests.Session()

            def fetch(self, url):
                return self.session.get(url).json()

    Good::

        import requests

        class Prices:
            def __init__(self):
                self.session = requests.Session()

            def fetch(self, url):
                return self.session.get(url, timeout=10).json()

    Limits: knows the clients whose current release waits forever; httpx, aiohttp, boto3, redis, psycopg 3 and others
    have a finite default. Silent where ``*args`` or ``**kwargs`` may carry the timeout (a local dict is read), where a
    DSN that is not written out may, under ``asyncio.timeout``, ``wait_for`` and their like, in a function that is only
    used under one, on a session with an adapter or a ``request`` of its own, and in a file that mocks the network or
    calls ``socket.setdefaulttimeout`` (which requests ignores, though). Subclasses in the file are not followed.
    ``timeout=None`` is AIG015's.
    """

    code = "AIG014"
    slug = "missing-timeout"
    since = "0.1.0"
    severity = "warning"
    message = "{call}() waits forever when the peer goes silent; {advice}"
    ruff = "Ruff's S113 (opt-in) reports the functions of requests; sessions and all other clients are only ours."

    def __init__(self, tree: ast.Module, filename: str, lines: Sequence[str]) -> None:
        super().__init__(tree, filename, lines)
        # Answers, so that each question is answered once in a file.
        self._answers: dict[tuple[object, ...], bool] = {}
        self._under_limit: dict[ast.AST, bool] = {}
        self._only_under_limit: dict[ast.AST, bool] = {}

    def call_names(self) -> Collection[str] | None:
        packages = self.module.index.packages
        if not packages.isdisjoint(_mocks()):
            return ()
        if self._may_have_stubs:
            return None  # a stub has methods of any name
        return knowledge.names_of(_names_by_package(), packages)

    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        name = self.module.called(node) or ""
        row = self._call_row(node, name) or self._stub_row(node)
        if row is None or not self._lacks(node, row) or self._is_bounded(node, name, row):
            return
        advice = row.get("advice") or f"pass {row.get('keywords', ('timeout',))[0]}="
        yield from self.found(
            node,
            message="{call}() sets no timeout and waits forever when the peer goes silent; {advice}"
            if row.get("on") == "constructor"
            else None,
            call=dotted(node.func) or name,
            advice=advice,
            ruff="S113" if self._ruff_reports(node) else None,
        )

    # -- what the call itself says

    def _call_row(self, node: ast.Call, name: str) -> knowledge.Row | None:
        row = _unbounded().get(name)
        if row is None or name in row.get("calls", ()):
            return row
        # A method needs its receiver: the arguments of Session.get(session, url) count from another place.
        return row if self.module.qualname(node.func) is None else None

    def _lacks(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether the call reaches the network and is certain to carry no timeout."""
        keywords = self.module.receivers.keywords(node)
        if keywords is None or any(isinstance(item, ast.Starred) for item in node.args):
            return False
        if any(name in keywords for name in (*row.get("keywords", ()), *row.get("unless", ()))):
            return False
        if argument(node, None, row.get("position")) is not None:
            return False
        if "connects_with" in row:
            host = keywords.get(row["connects_with"], argument(node, None, row["connects_position"]))
            if host is None or is_constant(host, ""):
                return False
        if self._is_local(node, keywords):
            return False
        if "url" in row:
            url = keywords.get(row["url"], argument(node, None, row["url_position"]))
            if not (self._text(url) or "").startswith(("http:", "https:")):
                return False
        if "dsn" in row:
            return not self._may_carry(
                keywords.get(row["dsn"], argument(node, None, row["dsn_position"])), row
            )
        return True

    def _is_local(self, node: ast.Call, keywords: Mapping[str, ast.expr]) -> bool:
        """Whether the call opens a file by its URL, a socket by its path, or what this process listens on itself."""
        if (string(keywords.get("host")) or "").startswith("/"):
            return True
        target = keywords.get("url", keywords.get("address", argument(node, None, 0)))
        if target is None:
            return False
        own = any(isinstance(part, ast.Attribute) and part.attr in _OWN for part in ast.walk(target))
        return own or (self._text(target) or "").lower().startswith(_NO_NETWORK)

    def _may_carry(self, dsn: ast.expr | None, row: knowledge.Row) -> bool:
        """Whether a DSN sets the timeout, or may because it is not written out."""
        if dsn is None:
            return False
        text = self._text(dsn)
        if text is None or any(word in text for word in row["dsn_keywords"]):
            return True
        # What fills in one value of "host={} dbname={}" brings no other key.
        return not all(re.search(r"\w=\s*'?$", piece) for piece in text.split(_FILLED_IN)[:-1])

    def _text(self, node: ast.expr | None) -> str | None:
        """The text of a literal, of an f-string with its gaps marked, or of a name that is bound to one once."""
        if isinstance(node, ast.Name):
            resolved = self.module.scopes.resolve(node)
            if resolved is None or len(resolved[1]) != 1:
                return None
            binding = resolved[1][0]
            node = binding.value if binding.kind in (Kind.ASSIGN, Kind.ANNOTATED) else None
        if isinstance(node, ast.JoinedStr):
            return "".join(_FILLED_IN if (text := string(value)) is None else text for value in node.values)
        return string(node)

    # -- what bounds it from outside

    def _is_bounded(self, node: ast.Call, name: str, row: knowledge.Row) -> bool:
        return (
            self._calls_limit(row)
            or name.partition(".")[0] in self._patched
            or self._is_given_to_constructor(node, row)
            or self._is_set_on_receiver(node, row)
            or self._is_mocked(node)
            or self._is_guarded(node)
        )

    def _calls_limit(self, row: knowledge.Row) -> bool:
        """Whether the file sets a default for all calls."""
        limits = {"socket.setdefaulttimeout", *row.get("unless_called", ())}
        for call in self.module.index.calls_named({limit.rpartition(".")[2] for limit in limits}):
            if self.module.called(call) in limits and not is_none(argument(call, "timeout", 0)):
                return True
        return False

    def _is_mocked(self, node: ast.Call) -> bool:
        """Whether the test around the call takes a fixture that answers its requests."""
        function = self.module.index.function(node)
        return function is not None and any(item.arg in _mocks() for item in parameters(function))

    def _is_given_to_constructor(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether the receiver has a timeout from its constructor, or may have because that is not in the file."""
        names = row.get("constructor_keywords")
        if names is None or not isinstance(node.func, ast.Attribute):
            return False
        origin = self.module.receivers.origin(node.func.value)
        key = (origin, *names)
        if key not in self._answers:
            gives = any(self._gives(call, names, row) for call in origin.calls)
            self._answers[key] = gives or not origin.known or not origin.calls
        return self._answers[key]

    def _gives(self, call: ast.Call, names: list[str], row: knowledge.Row) -> bool:
        keywords = self.module.receivers.keywords(call)
        if keywords is None or any(isinstance(item, ast.Starred) for item in call.args):
            return True
        if any(name in keywords for name in names):
            return True
        if argument(call, None, row.get("constructor_position")) is not None:
            return True
        own = _unbounded().get(self.module.called(call) or "")
        # One that connects at once lacks a timeout itself: reported there. Otherwise its positions tell.
        return own is not None and (
            self._lacks(call, own) or argument(call, None, own.get("position")) is not None
        )

    def _is_set_on_receiver(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether a method or an attribute of the receiver, or of what the call builds, sets a timeout."""
        setters = [*row.get("receiver_methods", ()), *row.get("receiver_attributes", ())]
        if not setters:
            return False
        if any(node in self._set_on[name] for name in setters if name in self._set_on):
            return True
        if not isinstance(node.func, ast.Attribute):
            return False
        setters.append(node.func.attr)
        origin = self.module.receivers.origin(node.func.value)
        key = (origin, *setters)
        if key not in self._answers:
            objects = _objects(origin)
            found = (self._set_on[name] for name in setters if name in self._set_on)
            self._answers[key] = any(not objects.isdisjoint(those) for those in found)
        return self._answers[key]

    @functools.cached_property
    def _set_on(self) -> dict[str, set[object]]:
        """The objects whose method of this name is called, or whose attribute is assigned, to set a timeout."""
        found: dict[str, set[object]] = defaultdict(set)
        seen: set[tuple[str, Origin]] = set()
        methods, attributes = _setters()
        receivers = self.module.receivers
        touched = [
            call.func
            for call in self.module.index.calls_named(methods)
            if isinstance(call.func, ast.Attribute) and self._sets_limit(call)
        ]
        touched += [store for store in self._stores if store.attr in attributes]
        for attribute in touched:
            origin = receivers.origin(attribute.value)
            if (attribute.attr, origin) not in seen:
                seen.add((attribute.attr, origin))
                found[attribute.attr] |= _objects(origin)
        return found

    @functools.cached_property
    def _stores(self) -> list[ast.Attribute]:
        """The attributes that are assigned anything but ``None``."""
        parent = self.module.index.parent
        return [
            node
            for node in self.module.index.nodes(ast.Attribute)
            if node.ctx.__class__ is ast.Store and not is_none(getattr(parent(node), "value", None))
        ]

    def _sets_limit(self, call: ast.Call) -> bool:
        """Whether ``settimeout(...)`` or ``mount(...)`` gives a limit, or may."""
        given = [*call.args[-1:], *(item.value for item in call.keywords)]
        return not given or not all(
            is_none(item) or is_constant(item, True) or self._is_plain(item) for item in given
        )

    def _is_plain(self, adapter: ast.expr) -> bool:
        """Whether an adapter is of a type that sets no timeout: the library's, or a subclass in this file that names none."""
        plain = _plain_types()
        if self.module.type_of(adapter) in plain:
            return True
        origin = self.module.receivers.origin(adapter)
        classes = [self.module.receivers.definition(call.func) for call in origin.calls]
        return bool(classes) and origin.known and all(self._names_no_limit(found, plain) for found in classes)

    def _names_no_limit(self, found: ast.AST | None, plain: Collection[str]) -> bool:
        return (
            isinstance(found, ast.ClassDef)
            and all(self.module.qualname(base) in plain for base in found.bases)
            and not any("timeout" in word for node in ast.walk(found) for word in _words(node))
        )

    @functools.cached_property
    def _patched(self) -> set[str]:
        """The packages of which the file replaces a function or a method that the table knows."""
        names = knowledge.last_names("timeouts.call") | _setters()[1]
        stores = (self.module.qualname(store) for store in self._stores if store.attr in names)
        return {name.partition(".")[0] for name in stores if name is not None}

    def _is_guarded(self, node: ast.AST) -> bool:
        """Whether a limit stands around a node, or around every use of its function."""
        if not self._limits:
            return False
        if self._is_under_limit(node):
            return True
        function = self.module.index.function(node)
        while isinstance(function, ast.Lambda):
            function = self.module.index.function(function)
        if function is None:
            return False
        if function not in self._only_under_limit:
            uses = self._uses(function)
            self._only_under_limit[function] = bool(uses) and all(map(self._is_under_limit, uses))
        return self._only_under_limit[function]

    def _is_under_limit(self, node: ast.AST) -> bool:
        memo, parent_of, limits = self._under_limit, self.module.index.parent, self._limits
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

    @functools.cached_property
    def _limits(self) -> dict[ast.AST | None, list[ast.expr | ast.keyword]]:
        """What limits the time of its statements (``with``, a decorated function) or of these arguments (a call)."""
        index = self.module.index
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
            if any(self._limits_time(item.context_expr) for item in block.items):
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

    def _limits_time(self, node: ast.expr) -> bool:
        """Whether a context manager, decorator or call limits time: by the table, or by its name."""
        called = node.func if isinstance(node, ast.Call) else node
        row = knowledge.by_call("timeouts.guard").get(self.module.qualname(called) or "")
        if row is None:
            last = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            return any(word in last.lower() for word in _LIMITS)
        return not isinstance(node, ast.Call) or not is_none(argument(node, "timeout", row["position"]))

    def _uses(self, function: ast.AST) -> list[ast.expr]:
        """The mentions of a function in the file."""
        assert isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        if self.module.index.class_of(function) is None:
            return list(self.module.scopes.uses(self.module.index.scope(function), function.name))
        definition = self.module.receivers.definition
        return [node for node in self._attributes.get(function.name, ()) if definition(node) is function]

    @functools.cached_property
    def _attributes(self) -> dict[str, list[ast.Attribute]]:
        found: dict[str, list[ast.Attribute]] = defaultdict(list)
        for node in self.module.index.nodes(ast.Attribute):
            found[node.attr].append(node)
        return found

    # -- gRPC stubs

    @functools.cached_property
    def _may_have_stubs(self) -> bool:
        index = self.module.index
        suffixes, channels = _stubs()
        if not channels.isdisjoint(index.packages):
            return True
        names = [alias.name for alias in index.nodes(ast.alias)]
        names += [statement.module or "" for statement in index.nodes(ast.ImportFrom)]
        return any(suffix in name for name in names for suffix in suffixes)

    def _stub_row(self, node: ast.Call) -> knowledge.Row | None:
        """The row of a unary call of a gRPC stub."""
        method = node.func
        if isinstance(method, ast.Attribute) and method.attr in _STUB_METHODS:
            method = method.value
        if not isinstance(method, ast.Attribute):
            return None
        for row in knowledge.rows("timeouts.stub"):
            if self._is_stub(method.value, row):
                return None if self._has_configured_channel or self._is_stream(node, method.attr) else row
        return None

    def _is_stub(self, receiver: ast.expr, row: knowledge.Row) -> bool:
        if _names_stub(self.module.type_of(receiver), row):
            return True
        origin = self.module.receivers.origin(receiver)
        key = (origin, row["type_suffix"])
        if key not in self._answers:
            built = all(self._builds_stub(call, row) for call in origin.calls)
            self._answers[key] = built and bool(origin.calls)
        return self._answers[key]

    def _builds_stub(self, call: ast.Call, row: knowledge.Row) -> bool:
        name = self.module.qualname(call.func)
        if _names_stub(name, row):
            return True
        channel = argument(call, "channel", 0)
        built_from = None if channel is None else self.module.type_of(channel)
        return name is not None and name.endswith(row["type_suffix"]) and built_from in row["built_from"]

    @functools.cached_property
    def _has_configured_channel(self) -> bool:
        """Whether a channel of the file has what may set deadlines."""
        for row in knowledge.rows("timeouts.stub"):
            for call in self.module.index.calls_named({name.rpartition(".")[2] for name in row["channels"]}):
                keywords = self.module.receivers.keywords(call)
                if keywords is None or any(name in keywords for name in row["channel_keywords"]):
                    return True
        return False

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
        use, parent = self.module.scopes.use_of(node)
        if use is Use.STORED and isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
            return self._is_iterated(parent.targets[0])
        return use in _STREAM_USES

    def _is_iterated(self, target: ast.Name) -> bool:
        scopes = self.module.scopes
        owner = scopes.owner(self.module.index.scope(target), target.id)
        key = (owner, target.id)
        if key not in self._answers:
            uses = [] if owner is None else scopes.uses(owner, target.id)
            self._answers[key] = any(scopes.use(name)[0] in _STREAM_USES for name in uses)
        return self._answers[key]

    # -- the file

    def _ruff_reports(self, node: ast.Call) -> bool:
        """Whether Ruff's S113 resolves the call: a function of requests through an import of that very package."""
        first = root(node.func)
        resolved = self.module.scopes.resolve(first) if isinstance(first, ast.Name) else None
        if resolved is None or not (self.module.called(node) or "").startswith("requests."):
            return False
        depth = (dotted(node.func) or "").count(".")
        return all(self._binds_requests(binding.node, depth) for binding in resolved[1])

    def _binds_requests(self, alias: ast.AST, depth: int) -> bool:
        if not isinstance(alias, ast.alias):
            return False
        statement = self.module.index.parent(alias)
        if isinstance(statement, ast.ImportFrom):
            return statement.module == "requests" and not statement.level and depth == 0
        return depth == 1 and (alias.name if alias.asname else alias.name.partition(".")[0]) == "requests"


@knowledge.cached
def _unbounded() -> Mapping[str, knowledge.Row]:
    """The rows of calls that wait forever, by canonical name."""
    return {
        name: row for name, row in knowledge.by_call("timeouts.call").items() if not row.get("finite", False)
    }


@knowledge.cached
def _names_by_package() -> Mapping[str, frozenset[str]]:
    return knowledge.by_package(_unbounded())


@knowledge.cached
def _stubs() -> tuple[tuple[str, ...], frozenset[str]]:
    """What the modules of stubs are named, and the packages of their channels."""
    rows = knowledge.rows("timeouts.stub")
    channels = frozenset(name.partition(".")[0] for row in rows for name in row["built_from"])
    return tuple(row["module_suffix"] for row in rows), channels


@knowledge.cached
def _mocks() -> frozenset[str]:
    return frozenset(name for row in knowledge.rows("timeouts.mock") for name in row["modules"])


@knowledge.cached
def _setters() -> tuple[frozenset[str], frozenset[str]]:
    """The methods and the attributes of receivers that may set a timeout; a method that is replaced counts as one."""
    rows = knowledge.rows("timeouts.call")
    methods = {name for row in rows for name in row.get("receiver_methods", ())}
    attributes = {name for row in rows for name in row.get("receiver_attributes", ())}
    attributes.update(name for row in rows if "receiver_attributes" in row for name in row.get("methods", ()))
    return frozenset(methods), frozenset(attributes)


@knowledge.cached
def _plain_types() -> frozenset[str]:
    return frozenset(
        name for row in knowledge.rows("timeouts.call") for name in row.get("receiver_plain", ())
    )


def _objects(origin: Origin) -> set[object]:
    return {*origin.variables, *origin.calls}


def _words(node: ast.AST) -> Iterator[str]:
    """The identifiers and strings that a node holds itself."""
    return (value for _, value in ast.iter_fields(node) if isinstance(value, str))


def _names_stub(name: str | None, row: knowledge.Row) -> bool:
    module, _, last = (name or "").rpartition(".")
    suffix: str = row["module_suffix"]
    return last.endswith(row["type_suffix"]) and module.endswith(suffix)
