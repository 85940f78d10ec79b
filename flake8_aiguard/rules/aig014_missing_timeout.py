"""AIG014: a network call without a timeout."""

from __future__ import annotations

import ast
import functools
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from flake8_aiguard import knowledge
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.inline import is_inline
from flake8_aiguard.receivers import Origin
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import (
    argument,
    dotted,
    is_constant,
    is_none,
    last_name,
    parameters,
    string,
    text_parts,
)
from flake8_aiguard.timeouts import Timeouts, mocks

_FILLED_IN = "\0"  # stands for what an f-string fills in
_NO_NETWORK = ("file:", "data:")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_THIS_HOST = regex(
    r"(https?|wss?)://([^/@]*@)?(localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])([:/?#]|$)", re.IGNORECASE
)
_OWN = ("as_uri", "getsockname")
_HOST = regex(r"(https?|wss?)://([^/@\0]*@)?[^/\0]*\w\.\w", re.IGNORECASE)
_TEST_CODE = ("test/", "testing/", "test_utils/", "testutils/", "*_testutils/", "tests.py")
_EVENTS = regex(r"event-stream|SSEClient|(?:\b|_)sse(?:\b|_)", re.IGNORECASE)


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

    Limits: knows the clients whose current release waits forever; httpx, aiohttp, boto3, redis, psycopg 3 and others have a finite
    default. ``timeout=None`` is AIG015's. Subclasses in the file are not followed.

    - Silent where ``*args`` or ``**kwargs`` may carry the timeout (a local dict is read), or a DSN that is not written out may.
    - Silent under ``asyncio.timeout``, ``wait_for`` and their like, and in a function that is only used under one.
    - Silent on a session with an adapter or a ``request`` of its own, or where each session of the file has ``request`` replaced.
    - Silent in a file that mocks the network or calls ``socket.setdefaulttimeout`` (which requests ignores, though), and below a test for ``file:``.
    - Silent on addresses of this host, in tests on those that a server, the test case or the command line has as an attribute, and on paths below one
      that is filled in.
    - Silent on gRPC stubs whose channel the project's own code makes or pings, or that lead to a socket of this host, and on streams of server-sent events.
    """

    code = "AIG014"
    slug = "missing-timeout"
    since = "0.1.0"
    severity = "warning"
    message = "{call}() waits {waits}; {advice}"
    ruff = "Ruff's S113 (opt-in) reports the functions of requests; sessions and all other clients are only ours."

    def start(self) -> None:
        self._timeouts = Timeouts(self.module)
        self._answers: dict[tuple[object, ...], bool] = {}  # so that each question is answered once in a file

    def call_names(self) -> Collection[str] | None:
        return () if self._timeouts.is_mocked else self._timeouts.call_names(_names_by_package())

    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        name = self.module.called(node) or ""
        row = self._timeouts.row(node, name, _unbounded()) or self._timeouts.stub_row(node)
        if row is None or not self._lacks(node, row) or self._is_bounded(node, name, row):
            return
        if self._is_event_stream(node) or self._is_own_peer(node) or self._is_of_file(node):
            return
        advice = row.get("advice") or f"pass {row.get('keywords', ('timeout',))[0]}="
        yield from self.found(
            node,
            message="{call}() sets no timeout and waits {waits}; {advice}"
            if row.get("on") == "constructor"
            else None,
            call=dotted(node.func) or name,
            waits=row.get("waits", "forever when the peer goes silent"),
            advice=advice,
            waivers=("S113", "W3101", "MISSING-TIMEOUT"),
            ruff="S113" if self._timeouts.ruff_resolves(node, "requests") else None,
        )

    # -- what the call itself says

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
            dsn = keywords.get(row["dsn"], argument(node, None, row["dsn_position"]))
            return not (self._may_carry(dsn, row) or self._is_over_socket(dsn, keywords, row))
        return True

    def _is_over_socket(
        self, dsn: ast.expr | None, keywords: Mapping[str, ast.expr], row: knowledge.Row
    ) -> bool:
        """Whether neither a DSN nor the keywords name a host, so that a socket of this one is meant."""
        hosts = row.get("hosts")
        text = "" if dsn is None else self._text(dsn) or "://"
        return (
            hosts is not None
            and bool(text or keywords)
            and keywords.keys().isdisjoint(hosts)
            and not any(word in text for word in (*hosts, "://"))
        )

    def _is_local(self, node: ast.Call, keywords: Mapping[str, ast.expr]) -> bool:
        """Whether the call opens a file by its URL, a socket by its path, or what this process or host listens on itself."""
        host = string(keywords.get("host"))
        if host is not None and (host.startswith("/") or host in _LOOPBACK):
            return True
        if any(self._is_this_host(item) for item in (keywords.get("url"), *node.args[:2])):
            return True
        target = keywords.get("url", keywords.get("address", argument(node, None, 0)))
        if target is None:
            return False
        own = any(isinstance(part, ast.Attribute) and part.attr in _OWN for part in ast.walk(target))
        return (
            own or is_inline(self.module, node) or (self._text(target) or "").lower().startswith(_NO_NETWORK)
        )

    def _is_of_file(self, node: ast.AST) -> bool:
        """Whether a test around a call says that the URL is that of a file: ``if url.startswith("file:")``."""
        if not self.module.says("file"):
            return False
        index = self.module.index
        function = index.function(node)
        for parent in index.ancestors(node):
            if parent is function:
                break
            if isinstance(parent, ast.If) and node in parent.body and self._asks_for_file(parent.test):
                return True
            if isinstance(parent, ast.IfExp) and node is parent.body and self._asks_for_file(parent.test):
                return True
            node = parent
        return False

    def _asks_for_file(self, test: ast.expr) -> bool:
        test = self._bound(test) or test
        if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
            return any(map(self._asks_for_file, test.values))
        if isinstance(test, ast.Compare):
            is_same = isinstance(test.ops[0], ast.Eq) and last_name(test.left) in ("scheme", "protocol")
            return is_same and string(test.comparators[0]) == "file"
        if not isinstance(test, ast.Call) or last_name(test.func) != "startswith" or not test.args:
            return False
        starts = test.args[0].elts if isinstance(test.args[0], ast.Tuple) else test.args[:1]
        return all((string(item) or "").startswith(_NO_NETWORK) for item in starts)

    def _is_own_peer(self, node: ast.Call) -> bool:
        """Whether a test asks what it has started itself: its address is an attribute of a server or of the test case."""
        if self.module.matches(_TEST_CODE):
            return not self._names_host(node)
        if not self.module.is_test or self._names_host(node):
            return False
        given = (*node.args[:2], *(keyword.value for keyword in node.keywords))
        if any(map(self._is_path_of_server, given)):
            return True
        parts = [part for item in given for part in ast.walk(self._bound(item) or item)]
        if "argparse" in self.module.index.packages:  # run by hand: the address is an argument
            bound = (self._bound(part) for part in tuple(parts))
            parts += [part for value in bound if value is not None for part in ast.walk(value)]
        if any(isinstance(part, ast.Attribute) for part in parts):
            return True
        # url = f"{self.server}/a" ... url = f"{self.server}/b"
        return any(
            values
            and all(any(isinstance(part, ast.Attribute) for part in ast.walk(value)) for value in values)
            for values in map(self._assigned, given)
        )

    def _is_path_of_server(self, node: ast.expr) -> bool:
        """Whether a URL is a path below an address that is filled in: ``f"{API_ROOT}groups/"``, ``worker + "/stop"``."""
        parts = text_parts(self._bound(node) or node) or [""]
        is_filled_in = isinstance(parts[0], ast.expr) and self._text(parts[0]) is None
        return is_filled_in and any(isinstance(part, str) and "/" in part for part in parts)

    def _assigned(self, node: ast.expr) -> list[ast.expr]:
        """What a name is assigned, each time; nothing where it gets a value in another way as well."""
        bindings = (self.module.scopes.resolve(node) or (None, []))[1] if isinstance(node, ast.Name) else []
        values = [item.value for item in bindings if item.kind is Kind.ASSIGN and item.value is not None]
        return values if len(values) == len(bindings) else []

    def _names_host(self, node: ast.Call) -> bool:
        """Whether a host of the network is written out: what a test starts itself has an address that it asks for."""
        for item in (*node.args[:2], *(keyword.value for keyword in node.keywords)):
            host = item.elts[0] if isinstance(item, ast.Tuple) and item.elts else item
            text = self._text(host) or ""
            if _HOST.match(text) or re.fullmatch(r"[\w-]+(\.[\w-]+)*\.[a-z]+", text, re.IGNORECASE):
                return True
        return False

    def _is_event_stream(self, node: ast.Call) -> bool:
        """Whether a call subscribes to server-sent events: a stream that may be silent for as long as nothing happens."""
        is_streamed = any(item.arg == "stream" and is_constant(item.value, True) for item in node.keywords)
        if not is_streamed:
            return False
        function = self.module.index.function(node) or self.module.index.tree
        first, last = getattr(function, "lineno", 1), getattr(function, "end_lineno", None)
        return _EVENTS.search("".join(self.module.lines[first - 1 : last])) is not None

    def _is_this_host(self, url: ast.expr | None) -> bool:
        """Whether a URL is written out as far as its host, and that is this one: ``"http://localhost:%d/rpc" % port``."""
        values: list[ast.expr | None] = [url]
        if isinstance(url, ast.Name):
            values = [item.value for item in (self.module.scopes.resolve(url) or (None, []))[1]]
        return bool(values) and all(map(self._starts_at_this_host, values))

    def _starts_at_this_host(self, url: ast.expr | None) -> bool:
        if isinstance(url, ast.Call) and last_name(url.func) == "Request" and url.args:
            url = url.args[0]
        parts = None if url is None else text_parts(self._bound(url) or url)
        text = "".join(
            part if isinstance(part, str) else self._text(part) or _FILLED_IN for part in parts or ()
        )
        return _THIS_HOST.match(text) is not None

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
            node = self._bound(node)
        if isinstance(node, ast.JoinedStr):
            return "".join(_FILLED_IN if (text := string(value)) is None else text for value in node.values)
        return string(node)

    def _bound(self, node: ast.AST) -> ast.expr | None:
        """What a name is bound to, where that is once."""
        resolved = self.module.scopes.resolve(node) if isinstance(node, ast.Name) else None
        if resolved is None or len(resolved[1]) != 1:
            return None
        binding = resolved[1][0]
        return binding.value if binding.kind in (Kind.ASSIGN, Kind.ANNOTATED) else None

    # -- what bounds it from outside

    def _is_bounded(self, node: ast.Call, name: str, row: knowledge.Row) -> bool:
        return (
            self._timeouts.sets_default(row)
            or name.partition(".")[0] in self._patched
            or self._is_given_to_constructor(node, row)
            or self._is_set_on_receiver(node, row)
            or self._is_set_on_all(node, row)
            or self._is_mocked(node)
            or self._timeouts.is_guarded(node)
        )

    def _is_mocked(self, node: ast.Call) -> bool:
        """Whether the test around the call takes a fixture that answers its requests."""
        function = self.module.index.function(node)
        return function is not None and any(item.arg in mocks() for item in parameters(function))

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

    def _is_set_on_all(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether the receiver comes from elsewhere, and every session of the file has ``request`` replaced: this one, too."""
        if "request" not in row.get("receiver_attributes", ()) or "request" not in self._set_on:
            return False
        if not isinstance(node.func, ast.Attribute) or self.module.receivers.origin(node.func.value).calls:
            return False
        made = [
            call
            for call in self.module.index.calls_named({name.rpartition(".")[2] for name in row["types"]})
            if self.module.type_of(call) in row["types"]
        ]
        return bool(made) and self._set_on["request"].issuperset(made)

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
