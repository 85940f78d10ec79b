"""AIG008: one task for each item, however many items there are."""

from __future__ import annotations

import ast
import functools
from collections.abc import Collection, Iterator
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.bounds import is_part_name
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.children import walk
from flake8_aiguard.fanout import FanOut, FanOuts
from flake8_aiguard.index import COMPREHENSIONS, Loop
from flake8_aiguard.limiters import Limiters, is_worker_name
from flake8_aiguard.loops import sleeps
from flake8_aiguard.receivers import Definition
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import chain, dotted, last_name, own_nodes, parameters, root, string
from flake8_aiguard.traffic import Traffic, says_traffic

_PACKAGES: Final = ("asyncio", "anyio", "trio", "tornado")
# Where a model plans the queries.
_PLANNERS: Final = frozenset(
    {"crewai", "haystack", "langchain", "langchain_core", "langgraph", "llama_index", "tavily"}
)
_LONGEST: Final = 60
# Functions that end what exists already, and what waits for its end.
_ENDING: Final = regex(
    r"_*(?:a|async_)?(cancel|cleanup|close|disconnect|dispose|drain|exit|join|kill|shutdown|stop|teardown|tear_down|terminate|unload"
    r")(_|$)|__aexit__$|_*on_?(shutdown|stop|exit|close)|_+del__$"
)
_WAITING: Final = regex(r"_*(?:a|async_)?wait(_|$)")
_ENDING_ALL: Final = regex(r"_*(?:a|async_)?(clear|delete|remove)_all(_|$)")
_BEGINNING: Final = regex(
    r"_*(?:a|async_)?(connect|evaluate|init|open|prepare|ready|reset|set_?up|start|warm_?up)"
)
# What brings an object up to date, or turns it into another form.
_RENEWING: Final = regex(
    r"_*(?:a|async_)?((as|to)_|(dump|read_data|refresh|render|resolve|result|serialize|update|validate)(_|$))"
)
_PEERS: Final = regex(r"(^|_)(address(es|s)?|endpoints|hosts|ur[il]s)$")
# Members of a cluster, by their number or as the keys of what was sorted by them: "node_id", "for node, rows in rows_by_node.items()".
_MEMBER: Final = regex(
    r"_*(?:\w+_)?(?:broker|node|rank|replica|server|shard|worker)_?(?:id|idx|index|name|no|num|number|uid)s?"
)
_CLUSTER: Final = regex(r"_*(?:\w+_)?(?:broker|node|rank|replica|shard)")
# What an attribute is called that holds as many as the data has.
_DATA: Final = regex(
    r"(^|_)(addresses|chunks|clients|customers|documents|docs|entries|events|files|followers|hosts|ids?|images|items|jobs|keys|lines"
    r"|links|members|messages|names|orders|pages|paths|prompts|queries|recipients|records|requests|rows|segments|sockets|subscribers"
    r"|symbols|tasks|texts|ur[il]s|users|uuids|websockets)$"
)
_DICTS: Final = frozenset({"Dict", "Mapping", "MutableMapping", "OrderedDict", "defaultdict", "dict"})
_VIEWS: Final = ("items", "keys", "values")
_PROBES: Final = regex(r"_*(?:a|async_|check_|run_)?(?:health|heartbeat|ping|probe)")
# Callbacks, the next item of a stream, and objects that can be awaited.
_NOTICE: Final = regex(r"_*(?:async_)?on_|_*a?next(_|$)|cls$|_*[A-Z][a-z]")


class UnboundedFanOut(Checker):
    """One task for each item of an iterable, however many items there are.

    Why: with ten items it is fast. With ten thousand, as many requests leave at once: the peer answers 429 or falls over,
    the pool of connections runs dry, timeouts fire while tasks wait for each other, and all results are in memory together.

    Bad::

        import asyncio

        async def fetch_all(client, urls):
            return await asyncio.gather(*[client.get(url) for url in urls])

    Good::

        import asyncio

        async def fetch_all(client, urls):
            slots = asyncio.Semaphore(20)

            async def fetch(url):
                async with slots:
                    return await client.get(url)

            return await asyncio.gather(*[fetch(url) for url in urls])

    Limits: reports ``asyncio``, the task groups of ``anyio`` and ``trio``, ``tornado.gen.multi`` and ``tqdm.asyncio`` where a ``for`` or
    a comprehension over a parameter, attribute or call gives each task its item. What runs must be known to leave the process: a function
    of the file that makes such a call, a row of the tables, names such as ``fetch`` or ``api.orders()``, a path or an address as argument.

    - Silent under a semaphore, limiter or something acquired in the functions and classes around, or in the local function that
      the tasks run (one call is followed); with an explicit limit of connections on the client or pool.
    - Silent for slices with an end, batches, ``limit=``, a length that is checked, one item or a list (``[tag] if isinstance(tag, str) else tag``),
      and loops that sleep or await each item in its turn.
    - Silent where the name says that somebody chose the items: ``n_workers``, ``plugins``, ``servers``, ``attachments``, the ``search_queries`` that a model plans, the ``devices`` of
      an installation, ``self.config[...]``, tables of the module and classes.
    - Silent on what an object holds by a name that says nothing of data (``self.actions``), dicts of the object itself, what one
      answer lists, and on ending or renewing what exists (``close()``, ``update()``).
    - Silent on tasks that were started before, workers that loop, items that are called themselves (``handler(event)``),
      work within the process, datagrams, and a client of the project's own from another file, which may bound itself.
    - Of what comes in over time, the messages of a broker count (``async for record in AIOKafkaConsumer(...)``), and what a caller gives
      as ``AsyncIterator`` or the like.
    - Not followed: ``while`` loops, ``*args``, and coroutines made in another function.
    """

    code = "AIG008"
    slug = "unbounded-fan-out"
    since = "0.1.0"
    severity = "warning"
    message = (
        "{call}() starts {started} for every item of {items} at once, however many there are; "
        "bound it with a semaphore, a fixed number of workers or batches"
    )
    in_tests = False

    def is_possible(self) -> bool:
        module = self.module
        return not module.index.packages.isdisjoint(_PACKAGES) or "taskgroup" in module.source

    def call_names(self) -> Collection[str]:
        return self._fan_outs.names()

    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        for fan_out in self._fan_outs.started(node):
            if fan_out.loop not in self._reported and not self._is_excused(fan_out):
                if fan_out.loop is not None:
                    self._reported.add(fan_out.loop)
                name = last_name(fan_out.runs)
                yield from self.found(
                    node,
                    call=chain(node.func),
                    started="a task" if name is None else f"{dotted(fan_out.runs) or name}()",
                    items=self._text(fan_out.items),
                )
                return

    def _is_excused(self, fan_out: FanOut) -> bool:
        limiters = self._limiters
        name = last_name(fan_out.runs) or ""
        called = self._fan_outs.definition(fan_out)
        if _ENDING.match(name) or _WAITING.match(name) or _NOTICE.match(name):
            return True
        if called is None and is_worker_name(name):
            return True
        if fan_out.is_dispatch:
            return True  # callbacks and stages that may wait for each other
        is_stream = self._is_stream(fan_out)
        if (
            fan_out.is_own
            and not is_stream
            and (
                (isinstance(fan_out.items, ast.Attribute) and not says_traffic(name))
                or _BEGINNING.match(name)
                or _RENEWING.match(name)
                or any(
                    is_part_name(last_name(item) or "", own=True)
                    for item in (fan_out.items, root(fan_out.runs))
                )
            )
        ):
            return True  # an object's own parts, such as its devices, and parts that are made ready
        asked = root(fan_out.runs)
        is_method = (
            isinstance(fan_out.runs, ast.Attribute)
            and isinstance(asked, ast.Name)
            and asked.id == fan_out.item
        )
        is_call = fan_out.item == "call" or (fan_out.item or "").endswith("_call")
        if is_call and (self.module.says("FunctionCall") or self.module.says("tool_call")):
            return True  # what one answer of a model asks for
        if last_name(fan_out.items) == "queries" and not self.module.index.packages.isdisjoint(_PLANNERS):
            return True  # what a model has planned
        if is_part_name(fan_out.item, own=is_method) or _is_for_each_member(fan_out):
            return True  # "for server in load()"
        around = getattr(self.module.index.function(fan_out.node), "name", "")
        if _ENDING.match(around) or _ENDING_ALL.match(around):
            return True
        if "batch_load" in around:  # what a data loader calls with so many keys
            return True
        if limiters.is_pooled(fan_out.runs):
            return True
        if called is not None and (
            limiters.is_worker(called) or limiters.is_pool_bound(called) or self._is_no_coroutine(called)
        ):
            return True
        if self._is_paced(fan_out) or self._is_slow(fan_out) or _is_numbered_part(fan_out):
            return True
        if (
            self._is_one_or_several(fan_out)
            or (not is_stream and self._is_registry(fan_out.items))
            or self._is_of_answer(fan_out)
        ):
            return True
        if limiters.bound(fan_out.node, called, fan_out.runs, fan_out.call):
            return True
        return not (
            self._goes_outside(fan_out, called) or (is_stream and called is not None and _awaits(called))
        )

    def _is_paced(self, fan_out: FanOut) -> bool:
        """Whether a loop that sleeps on every turn asks the object's own peers, ``self._urls``, or whether they are well."""
        items = fan_out.items
        is_own = isinstance(items, ast.Attribute) and dotted(items) == f"self.{items.attr}"
        is_asked = _PROBES.match(last_name(fan_out.runs) or "") and _PEERS.search(f"{fan_out.item}s")
        return bool(is_asked or (is_own and _PEERS.search(last_name(items) or "") is not None)) and any(
            isinstance(loop, ast.While) and sleeps(loop) for loop in self.module.index.loops(fan_out.node)
        )

    def _is_slow(self, fan_out: FanOut) -> bool:
        """Whether a loop waits twice or more before each task that it starts and lets go, also for something outside: it is slower
        than they."""
        index, loop = self.module.index, fan_out.loop
        if not isinstance(loop, ast.For) or not isinstance(index.parent(fan_out.node), ast.Expr):
            return False
        around = set(index.ancestors(fan_out.node))
        asked = [
            item.value
            for item in index.nodes(ast.Await)
            if isinstance(item.value, ast.Call)
            and item.lineno < fan_out.node.lineno
            and loop in index.loops(item)
            and index.parent(index.statement(item)) in around
        ]
        return len(asked) > 1 and any(
            self._traffic.is_known(call.func, call.args, None, counted=False) for call in asked
        )

    def _is_stream(self, fan_out: FanOut) -> bool:
        """Whether a loop takes what comes in over time, from a broker or a caller's iterator, while the tasks of the last ones wait."""
        items = fan_out.items
        if not isinstance(fan_out.loop, ast.AsyncFor):
            return False
        if self.module.type_of(items) in _streams():
            return True
        return (
            isinstance(items, ast.Attribute)
            and f"{self.module.type_of(items.value)}.{items.attr}" in _streams()
        )

    def _is_one_or_several(self, fan_out: FanOut) -> bool:
        """Whether a parameter is one item or a list, and the function makes a list of the one: ``[tag] if isinstance(tag, str) else
        tag`` is how a caller writes out a few."""
        scopes, index = self.module.scopes, self.module.index
        resolved = scopes.resolve(fan_out.items) if isinstance(fan_out.items, ast.Name) else None
        for binding in () if resolved is None else resolved[1]:
            value: ast.expr | None = binding.value
            test: ast.expr | None = None
            if isinstance(value, ast.IfExp):
                test, value = value.test, value.body if isinstance(value.body, ast.List) else value.orelse
            elif value is not None:
                around = index.parent(index.statement(value))
                test = around.test if isinstance(around, ast.If) else None
            item = value.elts[0] if isinstance(value, ast.List) and len(value.elts) == 1 else None
            if isinstance(item, ast.Name) and test is not None and _asks_type(test, item.id):
                kinds = scopes.resolve(item)
                if kinds is not None and any(known.kind is Kind.PARAMETER for known in kinds[1]):
                    return True
        return False

    def _is_registry(self, items: ast.expr) -> bool:
        """Whether what an object holds is gone through, by a name that says nothing of data: its connections, its actions.

        They are alive in this process, and what brought them in has bounded them; so has it the dicts of the object itself.
        """
        if not isinstance(items, ast.Attribute):
            return False
        if not _DATA.search(items.attr.lower().partition("_by_")[0]):
            return True
        if dotted(root(items)) != "self":
            return False
        view = self.module.index.parent(items)
        if isinstance(view, ast.Attribute) and view.attr in _VIEWS:
            return True
        owner = self.module.receivers.class_behind(items.value)
        stores = [] if owner is None else self.module.receivers.attribute_stores(owner, items.attr)
        return any(_is_dict(self.module.index.parent(store)) for store in stores)

    def _is_of_answer(self, fan_out: FanOut) -> bool:
        """Whether a method without arguments goes through what one answer lists: ``(await self.get())["devices"]``, those of its account."""
        items, function = fan_out.items, self.module.index.function(fan_out.node)
        if not isinstance(items, ast.Subscript) or string(items.slice) is None:
            return False
        answer: ast.expr | None = items.value
        if isinstance(answer, ast.Name):
            bindings = (self.module.scopes.resolve(answer) or (None, []))[1]
            answer = bindings[0].value if len(bindings) == 1 else None
        return (
            isinstance(answer, ast.Await)
            and isinstance(function, ast.AsyncFunctionDef)
            and [item.arg for item in parameters(function)] == ["self"]
        )

    def _goes_outside(self, fan_out: FanOut, called: Definition | None) -> bool:
        """Whether a task is known to wait for a network, a disk, a database or another process."""
        index = self.module.index
        call = fan_out.call
        given = fan_out.node.args[1:] if call is None else call.args
        if call is not None and _is_timed(call):
            return False
        awaited = not fan_out.is_own and isinstance(index.parent(fan_out.items), ast.Await)
        return self._traffic.is_known(fan_out.runs, given, called, counted=awaited)

    def _is_no_coroutine(self, function: Definition) -> bool:
        """Whether a function starts its work itself and gives a future: a data loader that collects what it is asked for."""
        if not isinstance(function, ast.FunctionDef):
            return False
        returned = self.module.bounds.returned(function)
        return bool(returned) and not any(isinstance(value, (ast.Call, ast.IfExp)) for value in returned)

    def _text(self, node: ast.expr) -> str:
        """The source of an expression, on one line and not too long."""
        lines = self.module.lines[node.lineno - 1 : node.end_lineno]
        encoded = "".join(lines).encode()
        last = len(lines[-1].encode()) if lines else 0
        text = encoded[node.col_offset : len(encoded) - last + (node.end_col_offset or 0)].decode(
            errors="replace"
        )
        text = " ".join(text.split())
        if len(text) <= _LONGEST:
            return text
        short = dotted(node.func) or last_name(node.func) if isinstance(node, ast.Call) else None
        return f"{short}(...)" if short else "an iterable"

    @functools.cached_property
    def _reported(self) -> set[Loop]:
        """The loops that have their finding: one is enough for both branches of an ``if``."""
        return set()

    @functools.cached_property
    def _fan_outs(self) -> FanOuts:
        return FanOuts(self.module)

    @functools.cached_property
    def _limiters(self) -> Limiters:
        return Limiters(self.module)

    @functools.cached_property
    def _traffic(self) -> Traffic:
        return Traffic(self.module)


def _awaits(function: Definition) -> bool:
    """Whether a coroutine waits for anything."""
    return any(isinstance(item, (ast.Await, ast.AsyncFor, ast.AsyncWith)) for item in own_nodes(function))


@knowledge.cached
def _streams() -> frozenset[str]:
    return frozenset(name for row in knowledge.rows("fanout.stream") for name in row["names"])


def _is_dict(store: ast.AST | None) -> bool:
    """Whether a statement gives an attribute a dict: ``self.known = {}``, ``self.known: dict[str, Known] = known``."""
    if isinstance(store, ast.AnnAssign):
        base = store.annotation.value if isinstance(store.annotation, ast.Subscript) else store.annotation
        return last_name(base) in _DICTS
    value = store.value if isinstance(store, ast.Assign) else None
    values: list[ast.expr | None] = [value]
    if isinstance(value, ast.IfExp):
        values = [value.body, value.orelse]
    elif isinstance(value, ast.BoolOp):
        values = [*value.values]
    return any(
        isinstance(item, (ast.Dict, ast.DictComp))
        or (isinstance(item, ast.Call) and last_name(item.func) in _DICTS)
        for item in values
    )


def _is_for_each_member(fan_out: FanOut) -> bool:
    """Whether a loop runs over the members of a cluster: ``for node_id in groups``, ``for node, rows in rows_by_node.items()``."""
    loop = fan_out.loop
    if loop is None or isinstance(loop, ast.While):
        return False
    target = loop.generators[-1].target if isinstance(loop, COMPREHENSIONS) else loop.target
    first = target.elts[0] if isinstance(target, ast.Tuple) and target.elts else target
    name = first.id if isinstance(first, ast.Name) else ""
    return bool(_MEMBER.fullmatch(name) or (first is not target and _CLUSTER.fullmatch(name)))


def _is_numbered_part(fan_out: FanOut) -> bool:
    """Whether the number of each item selects a part of the object, which has as many: ``self.urls[i]``."""
    loop, call = fan_out.loop, fan_out.call
    if call is None or loop is None or isinstance(loop, ast.While):
        return False
    part = loop.generators[0] if isinstance(loop, COMPREHENSIONS) else loop
    if not isinstance(part.iter, ast.Call) or last_name(part.iter.func) != "enumerate":
        return False
    number = part.target.elts[0] if isinstance(part.target, ast.Tuple) and part.target.elts else None
    return isinstance(number, ast.Name) and any(
        isinstance(item, ast.Subscript)
        and dotted(item.slice) == number.id
        and dotted(item.value) == f"self.{last_name(item.value)}"
        for given in (*call.args, *(keyword.value for keyword in call.keywords))
        for item in walk(given)
    )


def _asks_type(test: ast.expr, name: str) -> bool:
    """Whether a condition asks for the type of a variable."""
    return any(
        isinstance(call, ast.Call)
        and dotted(call.func) == "isinstance"
        and bool(call.args)
        and dotted(call.args[0]) == name
        for call in walk(test)
    )


def _is_timed(call: ast.Call) -> bool:
    """Whether a function or method of one's own is told when to give up: all are to answer within one time."""
    if not isinstance(call.func, ast.Name) and dotted(call.func) != f"self.{last_name(call.func)}":
        return False
    given = [*call.args, *(item.value for item in call.keywords)]
    return any(isinstance(item, ast.Name) and item.id == "timeout" for item in given)
