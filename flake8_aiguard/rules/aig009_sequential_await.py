"""AIG009: reads that could run at once, awaited one after the other."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from typing import Final

from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.index import COMPREHENSIONS, Comprehension
from flake8_aiguard.sequences import Sequences
from flake8_aiguard.shapes import chain

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
    transactions and context managers that are no known client; on database sessions, connections, protocols, streams, queues, files and
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
        read = self._sequences.read(node)
        if read is not None:
            call, loop = read
            yield from self.found(node, call=chain(call), item=_item(loop), how=self._how)

    @functools.cached_property
    def _sequences(self) -> Sequences:
        return Sequences(self.module)

    @functools.cached_property
    def _how(self) -> str:
        """What runs a bounded number of tasks at once in the library that the file uses."""
        packages = self.module.index.packages
        if "asyncio" not in packages:
            for package, group in _GROUPS.items():
                if package in packages:
                    return group
        return "asyncio.gather() or a task group under a semaphore"


def _item(loop: ast.For | Comprehension) -> str:
    """How the message names what a loop runs over."""
    target = loop.generators[-1].target if isinstance(loop, COMPREHENSIONS) else loop.target
    return target.id if isinstance(target, ast.Name) else "item"
