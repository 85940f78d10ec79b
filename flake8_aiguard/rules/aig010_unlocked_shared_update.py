"""AIG010: state that several threads or tasks share is changed where another one may be halfway through it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.locksets import unlocked_writes
from flake8_aiguard.oneoff import OneOff
from flake8_aiguard.refills import lost_additions, torn_refreshes
from flake8_aiguard.shared_state import SharedState
from flake8_aiguard.stale import stale_writes

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

    Limits: four patterns, on attributes of the own object or class; no general race detector.

    (1) An attribute that one method changes under a lock of the object and another one writes without any, or changes under another
    one; one finding for each method and lock. The lock must be held at half of the uses outside of constructors and in half of the methods with such
    uses, or around a change, under a name that says nothing else than lock or names the attribute (``_lock``, ``_jobs_lock``);
    the file must show where it comes from, which it does not for a lock of a base class in another file; and what the lock keeps
    together: the write rests on what its function has read (``self.n += 1``, a check), or a function that holds the lock changes what it
    has read or goes through all items, or nobody reads without the lock but to return. Silent where each use is one step, which comes
    before or after all others, or the entry is that of the running thread or task; where one that holds the lock calls the public method, which could not take it again; where the
    callers hold the lock (a private method all of whose callers do, a name ending in ``_locked``, a docstring that says so, a
    decorator that locks, by its name or as the file shows), where the function does the same in another branch with the lock, in a
    coroutine where another one awaits while it holds a lock of threads, where only what ends the object holds the lock, in constructors and what only they call, for flags and values that one assignment replaces (unless the waiters of a condition ask for them), for a
    ``return self.d.pop(key, default)`` as all that a method does, for a
    fixed value that is put in where something begins or ends (a private method, or one that does more than change attributes),
    for properties, for an entry that a thread stores under the key that it was given, where only functions of a pool that a method waits for hold it, for a method that the file does not call
    where who holds the lock hands out the object, for ``append()`` to a deque that nobody swaps, where a lock's name says that it is there for something else,
    for a count beside what the comment at the lock says that it guards, where whoever holds the lock sleeps until the write is done, in a private function of a class that waits for a thread or an event while it holds the lock (``self._thread.join()``), for the last value of a measurement (``last_latency_ms``), in files that stand in for a device (``virtual_printer.py``), for locks between hosts and those of files, where a constructor makes the lock in one branch only or takes it out of a mapping of the module,
    for handlers whose table is only looked up under
    the lock, and where a comment says why no lock is needed; for locks of asyncio only where one is held across an ``await``, in
    a plain function, which cannot wait for one, only where the holder computes its value from what it read before, and not where one statement takes the value and leaves another, puts a member in or out of a set, or takes the larger value, nor
    where all that the holder does is to put single members in and take them out.

    (2) In ``async def``: a value computed from a read before an ``await`` and written after it, ``self.n += await f()``, and an
    entry, a member, a count or a connection that is checked, awaited and then written. Silent where one lock is around both,
    where the check is repeated after the ``await``, where the entry or a flag is set before it, for results that a loop counts
    by ``+=``, for a value that is chosen and not computed (``given or self.x``) or that a parameter gives otherwise (``offset``), for an entry under the identity of an object (``id(x)``), for one that holds its own expiry, stands
    in a cache with one (``TTLCache``) or is only parsed or formatted, for a text, a number or a truth value that a call reads (``get_name()``) or the configuration
    holds, where only an answer is looked up in between: an entry is reported where the ``await`` is the value written, or makes, starts, fetches
    or changes something, calls a parameter or asks a client, where tasks are started, or the entry is a new container; for counts of failures,
    attempts, calls or turns, where a hit raises (a name that is taken), where the check is not why it is written (``a and k in self.c``
    with an ``a`` that has nothing to do with it), where one task is awaited by all (``shield``), where what is opened is kept by a method that opens and returns nothing, or that goes on to serve as long as its object
    is at work, for ``open()`` of what is no connection or the like by its name, for what a broker is only told once more (``declare_queue()``), for buffers of bytes, for a switch whose new state was stored before, for what a loop of one call checks and writes for each item, where an
    ``assert`` is the check, where all that is awaited are look-ups by name (``get_card(k)``) of anything but connections and the like, where all that is awaited is the object's own text (``await self.read()``), for a saved value that an ``except`` puts back, where a comment says that it does no harm, for a member
    of a set unless an ``await`` did something with it for its effect alone, and for an attribute that is filled once (``if
    self.x is None: self.x = await f()``) with anything but a connection, pool or client. What one task of the class drives, by awaits in place from a
    coroutine that is started once, is its own. A coroutine of the file that awaits nothing itself runs like a plain function, unless it stands there to be overridden. In a class that starts no task or
    thread and has no lock, what only ``run()`` uses is its own, and private coroutines are taken to run one at a time: two callers of
    the public method around them are not seen. So is what the file makes for one call, in a local name that goes nowhere else, and what is made with the ``Request`` that it serves; entries under the name of a part of the program (``tool_name``) are fetched twice without harm. Where the new value is what an awaited
    call makes of the old one, it is the callee's matter. Whether callers run side by side is not proven: a cache that lives for
    one request is reported too.

    (3) A method that refreshes, reloads, rotates, swaps, resyncs or rebuilds, by its name or docstring, or updates or applies a
    configuration, and changes two or more containers in place without a lock, one of them by more than adding to it. Silent for two entries of one key of which no method reads both, where a flag lets it run once, where other methods exist and none uses
    them, where the same method made the containers, for ``del`` that tolerates ``KeyError``, for entries that are only set
    where they are missing, where nothing new comes in (all is only emptied, or ``clear()`` is called on what the class does not show to be a container), for
    entries that change places, for changes in a handler that raises, where a loop over the keys gives each a value that was made before, where the entries of one key give way to new ones, where
    the method ends by counting up a version, and where only tasks use the object and no ``await`` stands in between.

    (4) A container that one method of a batching class adds to and another takes and resets, where the class starts threads,
    has a lock or is asynchronous; for tasks only with an ``await`` between taking and resetting (not after a loop over
    a list itself, which meets what is added meanwhile), and not in a generator, which has one reader.

    Silent in (4) where ``run()`` drives both, where a flag has shut out who adds, where threads show by a lock for something else only, and where one override that calls ``super()`` either adds or resets and nothing else uses it. Silent in (2) to (4) for a class whose docstring says that it is not for concurrent use, for iterators,
    mocks and what has a sequential base.

    Not followed: globals, attributes of other objects, changes through local names.
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
                    message=self.message + others,
                    name=update.name,
                    lock=update.lock,
                    holder=update.holder,
                )
        for owner in state.candidates.task_writers():
            for write in stale_writes(state, owner):
                yield from self.found(write.node, message=_CHECKED.get(write.harm, _STALE), name=write.name)
        for step in torn_refreshes(state):
            yield from self.found(step.node, message=_TORN, name=step.name, other=step.other)
        for step in lost_additions(state):
            yield from self.found(step.node, message=_LOST, name=step.name, other=step.other)
