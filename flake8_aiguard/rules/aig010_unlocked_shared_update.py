"""AIG010: state that several threads or tasks share is changed where another one may be halfway through it."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.locksets import unlocked_writes
from flake8_aiguard.oneoff import OneOff
from flake8_aiguard.refills import lost_additions, torn_refreshes
from flake8_aiguard.shapes import start_of
from flake8_aiguard.shared_state import SharedState
from flake8_aiguard.stale import Stale, stale_writes

_CALLED = "self.{name} is written without self.{lock} when {caller}() is the caller, while {holder}() holds it to work with it; take the lock in {caller}()"
_STALE = (
    "self.{name} may have changed during the await since it was read, and this write undoes that; "
    "read it again after the await, or hold one asyncio.Lock around both"
)
_CHECKED = {
    "fetch": "two callers that both miss the entry of self.{name} both fetch it, for the await stands between the check and the write; "
    "keep the pending future in the dict, or hold one asyncio.Lock around both",
    "work": "two callers that both miss the entry of self.{name} both do the work before this write; "
    "check again after the await, or hold one asyncio.Lock around both",
    "open": "two callers that both find self.{name} missing both open one, and one of the two stays open unused; "
    "keep the pending future in the attribute, or hold one asyncio.Lock around both",
    "count": "two callers that both pass the check of self.{name} before the await both change it; "
    "change it before the await, or hold one asyncio.Lock around both",
}
_TORN = (
    "self.{name} and self.{other} change one after the other, and who reads in between sees new beside old; "
    "build the new values first, then rebind one attribute that holds them all"
)
_LOST = (
    "what {other}() adds to self.{name} between the read and the reset is lost; "
    "hold one lock in both, or swap before anything else can run"
)


class UnlockedSharedUpdate(Checker):
    """Shared state that is updated without its lock, across an await, or in several steps.

    Why: each update is right while one thread or task runs. Under load another one comes in between: it reads half of the
    new state, or loses what the first one wrote, and nothing fails but the numbers.

    Bad::

        import time

        class Registry:
            def __init__(self, source):
                self._source = source
                self._endpoints = {}
                self._cache = {}
                self._refreshed_at = 0.0

            def refresh(self):
                self._endpoints.update(self._source())
                self._cache.clear()
                self._refreshed_at = time.time()

            def resolve(self, name):
                return self._cache.get(name) or self._endpoints[name]

    Good::

        import time

        class Registry:
            def __init__(self, source):
                self._source = source
                self._state = ({}, {}, 0.0)

            def refresh(self):
                self._state = (dict(self._source()), {}, time.time())

            def resolve(self, name):
                endpoints, cache, _ = self._state
                return cache.get(name) or endpoints[name]

    Limits: four patterns on attributes of the own object or class, no general race detector. Whether callers run side by
    side is not proven: a cache that lives for one request is reported too. Globals, attributes of other objects and
    changes through local names are not followed.

    (1) An attribute that one method changes under a lock of the object and another one writes without it. The lock must be
    held at half of the uses, or around a change under a name that says nothing but lock or names the attribute; the file
    must show where it comes from, and that a write in between would tear something: it rests on what was read (``self.n += 1``),
    or who holds the lock goes through all items or changes what it has read.

    - Silent where each use is a single step, where one assignment replaces a flag or value, for ``pop(key, default)`` and
      ``append()`` alone, and for fixed values where something begins or ends.
    - Where some callers hold the lock, the message names one that does not. Silent where they do (all of them, a name ending in ``_locked``, a docstring, a decorator), in
      constructors and what only they call, and where only what ends the object takes the lock.
    - Silent where the class waits for a thread or event under the lock, for the last value of a measurement (``last_latency_ms``), and in files that
      stand in for a device (``virtual_printer.py``).
    - Silent for locks between hosts or of files, locks of another purpose by name or comment, and where a comment says why none
      is needed. Locks of asyncio count only where one is held across an ``await``.

    (2) In ``async def``: a value computed from a read before an ``await`` and written after it, and an entry, member, count
    or connection that is checked, awaited and then written, where the ``await`` makes, fetches, starts or changes something.

    - Silent where one lock is around both, the check is repeated, or the entry or a flag is set before the ``await``.
    - Silent for values that are chosen and not computed, read again cheaply, or hold their own expiry; for counts of
      attempts and failures; for an attribute filled once with anything but a connection, pool or client; for entries under the
      name of a part of the program (``tool_name``).
    - Silent where one task drives all writers, where all await one shared task, where the coroutine awaits nothing that
      suspends, and for what only ``run()``, one call's local object or one request uses. Private coroutines are taken to run one at a time.

    (3) A method that refreshes, reloads, rotates, swaps or applies a configuration, by name or docstring, and changes two or
    more containers in place without a lock, one of them by more than adding to it.

    - Silent where nothing new comes in, where entries of one key are replaced one for one, where a flag lets it run once, where
      the same method made the containers, where a version is counted up at its end, and in classes whose other methods use none of them.

    (4) A container that one method of a batching class adds to and another takes and resets, where the class starts threads,
    has a lock or is asynchronous (for tasks, with an ``await`` between taking and resetting).

    - Silent where ``run()`` drives both, a flag has shut out who adds, and in generators.
    - In (2) to (4), silent for iterators, mocks and classes whose docstring says that they are not for concurrent use.
    """

    code = "AIG010"
    slug = "unlocked-shared-update"
    since = "0.1.0"
    severity = "warning"
    message = "self.{name} is written without self.{lock}, which {holder}() holds to work with it; take the lock here too"
    ruff = "Ruff has nothing for this pattern."

    def finish(self) -> Iterator[Finding]:
        if not self.module.index.nodes(ast.ClassDef) or OneOff(self.module).is_stand_in:
            return
        state = SharedState(self.module)
        for owner in state.takers.lock_takers():
            for update in unlocked_writes(state, owner):
                others = "".join(f", and for self.{name}" for name in update.others)
                yield from self.found(
                    update.node,
                    message=(_CALLED if update.caller else self.message) + others,
                    name=update.name,
                    lock=update.lock,
                    holder=update.holder,
                    caller=update.caller or "",
                )
        for owner in state.candidates.task_writers():
            stale: defaultdict[ast.AST | None, list[Stale]] = defaultdict(list)
            for write in stale_writes(state, owner):
                if write.harm:
                    yield from self.found(write.node, message=_CHECKED[write.harm], name=write.name)
                else:
                    stale[self.module.index.function(write.node)].append(write)
            for writes in stale.values():
                first, *rest = sorted(writes, key=lambda item: start_of(item.node))
                names = dict.fromkeys(item.name for item in rest if item.name != first.name)
                also = "".join(f"; the same for self.{name}" for name in names)
                yield from self.found(first.node, message=_STALE + also, name=first.name)
        for step in torn_refreshes(state):
            yield from self.found(step.node, message=_TORN, name=step.name, other=step.other)
        for step in lost_additions(state):
            yield from self.found(step.node, message=_LOST, name=step.name, other=step.other)
