"""AIG009: reads that could run at once, awaited one after the other."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.index import COMPREHENSIONS, Comprehension
from flake8_aiguard.loops import Place
from flake8_aiguard.queries import Queries, shown
from flake8_aiguard.shapes import last_name
from flake8_aiguard.sharing import Sharing, words
from flake8_aiguard.turns import Turns

_SPLIT: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_GROUPS: Final = {
    "trio": "a trio nursery with a CapacityLimiter",
    "anyio": "an anyio task group with a CapacityLimiter",
}


class SequentialAwait(Checker):
    """Independent reads that a loop awaits one after the other.

    Why: a hundred requests of 50 ms each take five seconds in a loop, and a tenth of one when ten run at a time. In a test with
    two items nobody sees it. The answer is a bounded number of them at once: an unbounded ``gather`` is AIG008.

    Bad::

        async def profiles(client, urls):
            found = []
            for url in urls:
                found.append(await client.get(url))
            return found

    Good::

        import asyncio

        async def profiles(client, urls):
            limit = asyncio.Semaphore(10)

            async def fetch(url):
                async with limit:
                    return await client.get(url)

            return await asyncio.gather(*(fetch(url) for url in urls))

    Limits: reports a ``for`` loop or comprehension with exactly one ``await``, of a call that reads by its name or its API (get,
    fetch, load, read, head, find ...), whose receiver or arguments depend on the loop's variable and on nothing that a turn
    changes, and whose result is collected in a local list, set or dict. Silent with ``break``, ``continue``, ``return``, ``try``,
    ``with``, another ``await`` or a statement that may have an effect in the body; on ``async for`` and ``while``; under locks,
    transactions and context managers that are no known client; on database sessions, connections, streams, queues, files and
    pages, which serve one call at a time; on batches and few, fixed items; and on functions of the file that call themselves, sleep, take a lock or
    change shared state.
    """

    code = "AIG009"
    slug = "sequential-await"
    since = "0.1.0"
    severity = "note"
    message = (
        "{call} is awaited for one {item} after the other, though none needs another's result; "
        "run a bounded number at once, with {how}"
    )
    in_tests = False
    gate = True

    def is_possible(self) -> bool:
        return bool(self.module.index.nodes(ast.Await))

    def visit_Await(self, node: ast.Await) -> Iterator[Finding]:
        loop = next(self.module.index.loops(node), None)
        if not isinstance(loop, (ast.For, ast.ListComp, ast.SetComp, ast.DictComp)):
            return
        call = self._call(node.value)
        if call is None or not self._is_read(call) or not self._turns.collects(node, call, loop):
            return
        iterables = (
            [part.iter for part in loop.generators] if isinstance(loop, COMPREHENSIONS) else [loop.iter]
        )
        if any(map(self.module.loops.is_small, iterables)):
            return
        place = self.module.loops.place(loop)
        if self._turns.is_independent(call, place) and self._may_overlap(node, call, place):
            yield from self.found(node, call=shown(call), item=_item(loop), how=self._how)

    # -- the call

    def _call(self, value: ast.expr) -> ast.Call | None:
        """The call that is waited for, a time limit or a thread around it looked through."""
        if not isinstance(value, ast.Call):
            return None
        row = knowledge.by_call("awaits.wrapper").get(self.module.qualname(value.func) or "")
        if row is None:
            return value
        inner = value.args[row["argument"]] if len(value.args) > row["argument"] else None
        if row["callable"]:
            return value if inner is not None and _reads_by_name(last_name(inner)) else None
        return inner if isinstance(inner, ast.Call) else None

    def _is_read(self, call: ast.Call) -> bool:
        query = self._queries.of(call)
        if query is not None:
            return query.row["kind"] not in ("sql", "orm") and query.row["effect"] == "read"
        return _reads_by_name(last_name(self._function(call)))

    def _function(self, call: ast.Call) -> ast.expr:
        """The function that runs: that of ``to_thread(load, path)`` is ``load``."""
        row = knowledge.by_call("awaits.wrapper").get(self.module.qualname(call.func) or "")
        return call.func if row is None else call.args[row["argument"]]

    def _may_overlap(self, node: ast.Await, call: ast.Call, place: Place) -> bool:
        """Whether several of the calls may run at once: nothing that they share serves one at a time."""
        sharing = self._sharing
        if sharing.comes_in_batches(place) or not all(
            map(sharing.allows_many, self.module.index.with_items(node))
        ):
            return False
        function = self.module.receivers.definition(self._function(call))
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) and (
            function is self.module.index.function(node) or sharing.keeps_state(function)
        ):
            return False
        shared = [call.func.value] if isinstance(call.func, ast.Attribute) else []
        shared += [*call.args, *(item.value for item in call.keywords)]
        return not any(
            sharing.is_serial(item) for item in shared if not self.module.loops.dependents(item, place)
        )

    @functools.cached_property
    def _how(self) -> str:
        """What runs a bounded number of tasks at once in the library that the file uses."""
        packages = self.module.index.packages
        if "asyncio" not in packages:
            for package, group in _GROUPS.items():
                if package in packages:
                    return group
        return "asyncio.gather() or a task group under a semaphore"

    @functools.cached_property
    def _sharing(self) -> Sharing:
        return Sharing(self.module)

    @functools.cached_property
    def _turns(self) -> Turns:
        return Turns(self.module, self._sharing)

    @functools.cached_property
    def _queries(self) -> Queries:
        return Queries(self.module)


def _item(loop: ast.For | Comprehension) -> str:
    """How the message names what a loop runs over."""
    target = loop.generators[-1].target if isinstance(loop, COMPREHENSIONS) else loop.target
    return target.id if isinstance(target, ast.Name) else "item"


def _reads_by_name(name: str | None) -> bool:
    """Whether a function's name says that it reads, and nothing in it that it changes something."""
    found = [word.lower() for word in _SPLIT.findall(name or "")]
    while found and found[0] in ("a", "async", "do", "try", "maybe", "safe"):
        found = found[1:]
    if not found or not words("write").isdisjoint(found):
        return False
    return not words("read").isdisjoint({found[0], found[0].removeprefix("a")})
