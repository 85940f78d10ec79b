"""AIG005: a cache or queue that only grows."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Mapping
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.askers import Askers
from flake8_aiguard.caches import MAKERS, Cache, Caches
from flake8_aiguard.capacity import Bounds
from flake8_aiguard.channels import FIELDS, Channels
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.domains import Domains
from flake8_aiguard.entries import Entries
from flake8_aiguard.index import Function
from flake8_aiguard.lasting import Lasting
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import argument, chain, dotted, last_name, own_nodes, parameters

_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
_ON_PURPOSE: Final = regex(
    r"unbounded|unlimited|infinite|no (?:upper )?(?:limit|bound)|bounded by|never (?:grows|more than)|at most|small number|few entries"
    r"|limited (?:number|set)|finite|on purpose|deliberate|intentional",
    re.IGNORECASE,
)
_ACCEPTED: Final = regex(r"#\s*noqa:.*\bB019\b")
# There is one object of such a class, as a rule, or one for each declaration; the process needs them to its end.
_ONE: Final = regex(
    r"\w*(?:Api|App|Application|Backend|Bot|Broker|Client|Controller|Driver|Gateway|Hub|Manager|Server|Supervisor"
    r"|Column|Descriptor|Extension|Field|Plugin)"
)
# But one for each of those who use it, where it is made with who they are.
_SOMEBODYS: Final = regex(r"(?:access|refresh|user)_token|(?:account|customer|tenant|user)(?:_id|name)?")
_TEST_FOLDERS: Final = ("testing/",)  # helpers for tests, which other packages import
_RUNS: Final = ("etl/", "ingestion/")
_ONCE: Final = regex(r"\b(?:once (?:for|per)|only once|(?:log|warn|report)\w* once)\b", re.IGNORECASE)
_DIRECTIVE: Final = regex(r"#\s*(?:noqa|type:|pylint:|pyright:|pragma:|fmt:)", re.IGNORECASE)
_WORDS: Final = 3  # a comment of fewer words gives no reason


class UnboundedBuffer(Checker):
    """Cache or queue without a bound, which grows for as long as the process runs.

    Why: one entry for each argument ever seen, or each item that the consumer has not reached yet, is memory that never comes
    back. It passes every test, and the process is killed in its third week.

    Bad::

        import functools

        @functools.lru_cache(maxsize=None)
        def profile(user_id: str) -> dict:
            return load_profile(user_id)

    Good::

        import functools

        @functools.lru_cache(maxsize=4096)
        def profile(user_id: str) -> dict:
            return load_profile(user_id)

    Limits: three kinds. A remembered function counts where a parameter's name says that there may be any number of values (``user_id``, ``query``,
    ``url``, ``n``). A dict counts as a cache where one function looks a key up and stores what a call computes, nothing in the file removes entries, and
    the object lives on: by what its class is called (``...Manager``, ``...Client``, ``...Store``), where it is kept, or who asks it. A queue counts where a public function or a loop
    without an end feeds it, and a loop at its other end waits, does slow work or hands each item to somebody else.

    - Silent on parameters of a finite domain: ``bool``, enumerations, ``Literal``, classes, names such as ``region`` or ``model_name``, what callers
      leave at a default, and keys that another mapping or list of the file has refused before.
    - Silent where what is kept is meant to be shared: clients, connections, locks, parsers, loggers, modules, what ``enter_context()`` opens.
    - Silent on dicts that are no copies: registries (``register_...``), settings with a setter, states (``previous_results``),
      classes ``Memory...`` and ``Fake...``, indexes of another dict.
    - Silent where entries are removed, counted or expire, the dict is replaced or handed on, and where ``cache_clear`` is mentioned.
    - Silent on objects that serve one request or run, on methods of what there is one of without other arguments, in closures, in scripts, whose
      memory is freed when they end, and in helpers of tests.
    - Silent on ``SimpleQueue``, the queues of ``multiprocessing``, queues for answers, results, connections and permits by their names, and local queues,
      unless an endless producer and a consumer stand in the file.
    - Silent where the consumer takes a whole backlog or only moves items on, where the producer may not wait (callbacks, start and stop, a
      coroutine at a queue of threads) or waits for an answer itself, and where something looks at the size.
    - Silent where a comment says why there is no bound, or a ``noqa`` for B019 accepts the cache of a method. What other files evict or feed is not seen.
    """

    code = "AIG005"
    slug = "unbounded-buffer"
    since = "0.1.0"
    severity = "warning"
    message = (
        "{call} keeps the result of {function}() for every {parameter} as long as the process runs; {advice}"
    )
    in_tests = False
    ruff = "B019 reports caches on methods, bounded or not."

    def _applies(self) -> bool:
        return super()._applies() and not self.module.matches(_TEST_FOLDERS)

    def is_possible(self) -> bool:
        index = self.module.index
        return (
            not index.packages.isdisjoint(_packages())
            or not index.names_called().isdisjoint(_makers())
            or not all(node.keys for node in index.nodes(ast.Dict))
        )

    def call_names(self) -> frozenset[str]:
        return _call_names()

    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        yield from self._mapping(node)
        yield from self._channel(node)
        yield from self._wrapped(node)

    def finish(self) -> Iterator[Finding]:
        """Decorators, dicts that are used as caches, and ``create_memory_object_stream[int](...)``, which no name leads to."""
        index = self.module.index
        if self._memo_names:
            functions: list[_FUNCTIONS] = [*index.nodes(ast.FunctionDef), *index.nodes(ast.AsyncFunctionDef)]
            for function in functions:
                if function.decorator_list:
                    yield from self._decorated(function)
        if self.module.says("create_memory_object_stream["):
            for call in index.nodes(ast.Call):
                if isinstance(call.func, ast.Subscript):
                    yield from self._channel(call)
        for cache in self._caches.unbounded():
            if self._bounds.ends_soon or self._is_explained(cache.target):
                continue
            yield from self.found(
                cache.target,
                message="{name} keeps an entry for every {key} it is asked for, and nothing here removes one; use {advice}",
                name=chain(cache.target),
                key=cache.key,
                advice=self._replacement(cache),
            )

    def _replacement(self, cache: Cache) -> str:
        """``lru_cache`` would keep the instance of a method, and the coroutine instead of its result."""
        index = self.module.index
        function = index.function(cache.write)
        evicting = "a mapping that evicts, such as cachetools.LRUCache"
        if isinstance(function, ast.FunctionDef) and index.class_of(function) is None:
            return f"functools.lru_cache(maxsize=...) or {evicting}"
        return evicting

    # -- decorators that remember

    def _decorated(self, function: _FUNCTIONS) -> Iterator[Finding]:
        for decorator in function.decorator_list:
            name = last_name(decorator.func if isinstance(decorator, ast.Call) else decorator)
            call = self._memo(decorator) if name in self._memo_names else None
            if call is not None:
                yield from self._remembered(decorator, call, function)

    def _wrapped(self, node: ast.Call) -> Iterator[Finding]:
        """``load = functools.cache(load)`` and ``lru_cache(maxsize=None)(load)``."""
        index = self.module.index
        parent = index.parent(node)
        if isinstance(parent, ast.Call) and parent.func is node and parent.args:
            made: ast.expr = node
            given = parent.args[0]
        elif (
            len(node.args) == 1
            and not node.keywords
            and isinstance(node.args[0], (ast.Name, ast.Attribute, ast.Lambda))
        ):
            made, given = node.func, node.args[0]
        else:
            return
        if index.function(node) is not None:
            return
        function = given if isinstance(given, ast.Lambda) else self.module.receivers.definition(given)
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            return
        call = self._memo(made)
        if call is not None:
            yield from self._remembered(node, call, function)

    @functools.cached_property
    def _memo_names(self) -> frozenset[str]:
        """The last identifiers under which the file may know a decorator that remembers."""
        known, index = _memos_by_package(), self.module.index
        names = knowledge.names_of(known, index.packages)
        if not names:
            return names
        imported = [
            item
            for item in index.nodes(ast.alias)
            if item.name in names or item.name.partition(".")[0] in known
        ]
        if not imported:
            return frozenset()  # from functools import partial
        known_as = {*names, *(item.asname for item in imported if item.asname)}
        for assign in self.module.tree.body:
            if isinstance(assign, ast.Assign) and isinstance(assign.targets[0], ast.Name):
                value = assign.value.func if isinstance(assign.value, ast.Call) else assign.value
                if last_name(value) in known_as:
                    known_as.add(assign.targets[0].id)
        return frozenset(known_as)

    def _memo(self, decorator: ast.expr) -> str | None:
        """How a decorator without a bound is shown; ``None`` for others."""
        found = self._bounds.value(decorator)
        call = found if isinstance(found, ast.Call) else None
        name = self.module.qualname(found if call is None else call.func)
        row = knowledge.by_call("buffers.memo").get(name or "")
        if row is None or not self._is_unbounded_memo(call, row):
            return None
        shown = dotted(found if call is None else call.func)
        size = None if call is None or not row["maxsize"] else argument(call, row["maxsize"], 0)
        return f"@{shown}" if size is None else f"@{shown}({row['maxsize']}={ast.unparse(size)})"

    def _is_unbounded_memo(self, call: ast.Call | None, row: knowledge.Row) -> bool:
        if call is None:
            return bool(row["default"] == "unbounded")
        keywords = self.module.receivers.keywords(call)
        if keywords is None or not keywords.keys().isdisjoint(row["limits"]):
            return False
        if any(isinstance(item, ast.Starred) for item in call.args):
            return False
        size = keywords.get(row["maxsize"] or row["store"]) or (call.args[0] if call.args else None)
        if row["store"]:
            return isinstance(size, ast.Dict) or (
                isinstance(size, ast.Call) and self.module.qualname(size.func) == "builtins.dict"
            )
        if not row["maxsize"] or size is None:
            return row["default"] == "unbounded" and not (call.args and row["limits"])
        return self._bounds.is_infinite(size, zero=False)

    def _remembered(self, node: ast.expr, call: str, function: Function) -> Iterator[Finding]:
        owner = self.module.index.class_of(function)
        if not self._lasts(function, owner):
            return
        name = "the lambda" if isinstance(function, ast.Lambda) else function.name
        open_ = self._domains.unbounded(function)
        is_of_instance = owner is not None and not self._is_shared(function)
        asked = self._askers.may_be_many if owner is None else self._askers.is_certain
        if not is_of_instance and not any(asked(function, item.arg) for item in open_):
            return
        ruff = "B019" if is_of_instance else None
        is_kept = (
            ruff is not None
            and owner is not None
            and not self._domains.is_enum(owner)
            and not any(
                (last_name(base) or "").endswith("Module") for base in owner.bases
            )  # a layer of the model
        )
        if not (open_ or is_kept) or self._bounds.ends_soon or self._is_explained(node):
            return
        if (
            _gives_nothing(function)
            or _says_once(function)
            or _expires(node)
            or (is_kept and self._is_accepted(node))
        ):
            return
        if self._entries.makes_resource(function):
            return
        if is_kept and owner is not None and (self._is_of_run(owner) or self._is_one(owner)):
            open_ = [item for item in open_ if self._askers.may_be_many(function, item.arg)]
            open_ = [item for item in open_ if not self._askers.is_of_program(function, item.arg)]
            if not open_ or self._is_of_run(owner):
                return
        if open_ and is_kept and owner is not None:
            yield from self.found(
                node,
                message="{call} keeps the result of {function}() for every {parameter}, and every {owner} it is called on, as long as "
                "the process runs; keep the results in a bounded mapping of the instance",
                call=call,
                function=name,
                parameter=open_[0].arg,
                owner=owner.name,
                ruff=ruff,
            )
        elif open_:
            yield from self.found(
                node,
                call=call,
                function=name,
                parameter=open_[0].arg,
                advice="use functools.lru_cache(maxsize=...)"
                if call.rpartition(".")[2].removeprefix("@") == "cache"
                else "give it a maxsize",
                ruff=ruff,
            )
        elif owner is not None:
            yield from self.found(
                node,
                message="{call} keeps every {owner} alive whose {function}() was called; {advice}",
                call=call,
                owner=owner.name,
                function=name,
                advice="it only reads an attribute, so drop the cache"
                if _only_reads(function)
                else "keep the result in an attribute of the instance",
                ruff=ruff,
            )

    def _is_accepted(self, node: ast.expr) -> bool:
        """Whether the project has Ruff or flake8-bugbear look for caches on methods, and accepts this one."""
        return any(_ACCEPTED.search(line) for line in self.module.lines[node.lineno - 1 : node.end_lineno])

    def _lasts(self, function: Function, owner: ast.ClassDef | None) -> bool:
        """Whether the cache of a function lives as long as the process, and nothing clears it."""
        if self.module.index.function(owner or function) is not None:
            return False
        if isinstance(function, ast.Lambda):
            return True
        return function.name not in self._cleared

    def _is_of_run(self, owner: ast.ClassDef) -> bool:
        """Whether a class is a source or the like of a pipeline: there is one object for each run."""
        return self.module.matches(_RUNS) and not _ONE.fullmatch(owner.name)

    def _is_one(self, owner: ast.ClassDef) -> bool:
        """Whether the instances of a class do not differ, or its name says that one serves as long as the process runs."""
        bases = (self.module.receivers.definition(base) for base in owner.bases)
        family = [owner, *(base for base in bases if isinstance(base, ast.ClassDef))]
        made = next(
            (
                item
                for kind in family
                for item in kind.body
                if isinstance(item, ast.FunctionDef) and item.name == "__init__"
            ),
            None,
        )
        takes = [] if made is None else [item.arg for item in parameters(made)]
        if len(takes) == 1:
            return True
        is_called_one = _ONE.fullmatch(owner.name) is not None and not any(map(_SOMEBODYS.fullmatch, takes))
        return is_called_one or self._is_made_on_import(owner)

    def _is_made_on_import(self, owner: ast.ClassDef) -> bool:
        """Whether the file makes instances of a class on import only, which the process keeps in any case."""
        index = self.module.index
        made = [
            call
            for call in index.calls_named((owner.name,))
            if self.module.receivers.definition(call.func) is owner
        ]
        return bool(made) and all(index.function(call) is None for call in made)

    def _is_shared(self, function: Function) -> bool:
        """Whether a function in a class is no method of its instances."""
        return isinstance(function, ast.Lambda) or any(
            dotted(item) in ("classmethod", "staticmethod") for item in function.decorator_list
        )

    @functools.cached_property
    def _cleared(self) -> frozenset[str]:
        """The functions whose cache the file clears."""
        if not self.module.says("cache_clear"):
            return frozenset()
        return frozenset(
            (dotted(node.value) or "").rpartition(".")[2]
            for node in self.module.index.nodes(ast.Attribute)
            if node.attr in ("cache_clear", "cache_invalidate")
        )

    # -- caches with a size

    def _mapping(self, node: ast.Call) -> Iterator[Finding]:
        row = knowledge.by_call("buffers.cache").get(self.module.qualname(node.func) or "")
        if row is None:
            return
        keywords = self.module.receivers.keywords(node) or {}
        size = keywords.get(row["maxsize"]) or argument(node, None, 0)
        if size is None or not self._bounds.is_infinite(size, zero=False):
            return
        target = self._lasting.target(node)
        holder = None if target is None else self._lasting.holder(target)
        if (holder is not None and holder.is_local) or self._is_explained(node) or self._bounds.ends_soon:
            return
        yield from self.found(
            node,
            message="{call}({size}) "
            + ("keeps every key until its time is over" if row.get("expires") else "never evicts")
            + ", however many keys it is given; give it a maxsize that memory allows",
            call=chain(node.func),
            size=ast.unparse(size),
        )

    # -- queues

    def _channel(self, node: ast.Call) -> Iterator[Finding]:
        channel = self._channels.unbounded(node)
        if channel is None or self._bounds.ends_soon or self._is_explained(node, zero=True):
            return
        yield from self.found(
            node,
            message="{name} grows without a bound while {put}() is faster than its consumer; give {call}() a {size} ({advice})",
            name=channel.name,
            put=dotted(channel.put.func) or channel.row["put"][0],
            call=_made(node, channel.row),
            size=channel.row["maxsize"],
            advice=channel.row["advice"],
        )

    # -- what they share

    def _is_explained(self, node: ast.expr, *, zero: bool = False) -> bool:
        """Whether a comment on the line or directly above says that there is no bound on purpose."""
        statement = self.module.index.statement(node)
        first, last = min(statement.lineno, node.lineno), node.end_lineno or node.lineno
        lines = self.module.lines
        while first > 1 and lines[first - 2].lstrip().startswith("#"):
            first -= 1
        # The lines as they are: tokenising the file for a word in a comment costs more than the whole rule.
        texts = [line[line.index("#") :] for line in lines[first - 1 : last] if "#" in line]
        is_stated = zero and isinstance(node, ast.Call) and bool(_sizes(node))
        return any(map(_ON_PURPOSE.search, texts)) or (
            is_stated and any(len(item.split()) > _WORDS and not _DIRECTIVE.match(item) for item in texts)
        )

    @functools.cached_property
    def _bounds(self) -> Bounds:
        return Bounds(self.module)

    @functools.cached_property
    def _domains(self) -> Domains:
        return Domains(self.module)

    @functools.cached_property
    def _askers(self) -> Askers:
        return Askers(self.module, self._domains)

    @functools.cached_property
    def _entries(self) -> Entries:
        return Entries(self.module)

    @functools.cached_property
    def _lasting(self) -> Lasting:
        return Lasting(self.module)

    @functools.cached_property
    def _channels(self) -> Channels:
        return Channels(self.module, self._bounds, self._lasting)

    @functools.cached_property
    def _caches(self) -> Caches:
        return Caches(self.module, self._domains, self._lasting, self._askers)


def _only_reads(function: Function) -> bool:
    """Whether a method returns an attribute and computes nothing."""
    if isinstance(function, ast.Lambda) or len(function.body) > 1:
        return False
    only = function.body[0]
    return isinstance(only, ast.Return) and dotted(only.value) is not None


def _gives_nothing(function: Function) -> bool:
    """Whether a function is remembered so that it runs once: it returns nothing."""
    return not isinstance(function, ast.Lambda) and not any(
        isinstance(node, (ast.Yield, ast.YieldFrom))
        or (isinstance(node, ast.Return) and node.value is not None)
        for node in own_nodes(function)
    )


def _says_once(function: Function) -> bool:
    """Whether a function is remembered so that it logs something once: its docstring says so."""
    return (
        isinstance(function, _FUNCTIONS)
        and _ONCE.search(ast.get_docstring(function, clean=False) or "") is not None
        and any(
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("debug", "info", "warn", "warning", "error")
            for node in own_nodes(function)
        )
    )


def _expires(node: ast.expr) -> bool:
    """Whether what is remembered is dropped after a time: ``ttl_cache(maxsize=None, ttl=60)``."""
    return isinstance(node, ast.Call) and any(item.arg == "ttl" for item in node.keywords)


def _made(node: ast.Call, row: knowledge.Row) -> str:
    """The construction as it is written; that of a field is its factory."""
    made = node.func.value if isinstance(node.func, ast.Subscript) else node.func
    if any(item.arg in ("default_factory", "factory") for item in node.keywords):
        return str(row["calls"][-1])
    return dotted(made) or str(row["calls"][-1])


def _sizes(node: ast.Call) -> list[ast.expr]:
    """What the call gives as a size, the factory of a field left out."""
    named = [item.value for item in node.keywords if item.arg in ("maxsize", "max_buffer_size")]
    return [*node.args[:1], *named]


@knowledge.cached
def _call_names() -> frozenset[str]:
    return frozenset().union(
        *(knowledge.last_names(f"buffers.{array}") for array in ("cache", "memo", "queue")), FIELDS
    )


@knowledge.cached
def _makers() -> frozenset[str]:
    return _call_names() | MAKERS


@knowledge.cached
def _packages() -> frozenset[str]:
    """The packages of what no call with a known name leads to: decorators, ``create_memory_object_stream[int](...)``."""
    return frozenset({"anyio", *(name.partition(".")[0] for name in knowledge.by_call("buffers.memo"))})


@knowledge.cached
def _memos_by_package() -> Mapping[str, frozenset[str]]:
    found = knowledge.by_package(knowledge.by_call("buffers.memo"))
    return {package: names for package, names in found.items() if names}
