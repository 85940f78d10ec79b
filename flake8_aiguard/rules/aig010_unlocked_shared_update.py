"""AIG010: state that several threads or tasks share is changed where another one may be halfway through it."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from flake8_aiguard import knowledge
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.index import Function
from flake8_aiguard.locking import ANY, is_setup_name
from flake8_aiguard.shapes import last_name, string
from flake8_aiguard.shared_state import WRITES, Access, Kind, Method, SharedState

_REFRESHES = frozenset(
    {"refresh", "reload", "rotate", "swap", "resync", "resynchronize", "rebuild", "repopulate"}
)
_SETTINGS = frozenset({"config", "configuration", "settings"})
_SAYS_REFRESH = ("refresh", "reload", "rotat", "swap", "resync", "re-sync", "rebuild", "repopulat")
_SAYS_UPDATE = re.compile(
    r"\W*updat(?:e|es|ing)\b[^.\n]*\b(?:config|configuration|settings)\b", re.IGNORECASE
)
_PURPOSES = re.compile(
    r"(?:io|writ|sen[dt]|print|output|file|log|console|std|connect|conn|init|start|shutdown|stop|clos|reload|remov|setup|sock"
    r"|transport|wire|recv|build|once|publish|subscri|pubsub|flush)",
    re.IGNORECASE,
)
_OPENS = re.compile(
    r"_*(?:a?connect|open|dial|login|enter_async_context)(?:_\w+)?|_*a?(?:create|make|new|open|build|start|init)_(?:\w+_)?"
    r"(?:pool|conn|connection|session|channel|socket|websocket|client|engine|driver|server|browser|producer|consumer)"
)
_LIFECYCLE = re.compile(
    r"_*(?:a_?|async_|do_|on_)?(?:re)?(?:start|open|connect|launch|login|stop|close|shutdown|disconnect|cancel|clean_?up|terminate|tear_?down"
    r"|finali[sz]e|reset|clear|exit|abort|destroy|graceful_shutdown|kill|dispose|join)(?:_\w+)?"
)
_BATCHES = re.compile(
    r"batch|buffer|buf(?:_|$)|pending|queue|backlog|outbox|spool|prox(?:y|ies)|collect|accumul", re.IGNORECASE
)
_SENDS = re.compile(r"(?:^|_)(?:flush|drain|send|publish|push|export|swap|ship|deliver|upload|forward)")
_GENERIC = frozenset(
    {
        "",
        "lock",
        "rlock",
        "mutex",
        "guard",
        "do",
        "the",
        "my",
        "thread",
        "sync",
        "state",
        "data",
        "cond",
        "condition",
    }
)
_ALONE = re.compile(r"_*run(?:_forever|_loop)?")
_CHEAP = re.compile(
    r"_*(?:parse|decode|encode|normali[sz]e|format|(?:de)?seriali[sz]e|hash|digest|validate|compile|render)(?:_\w+)?"
)
_EXPIRES = re.compile(r"(?:^|_)(?:now|ttl|time|monotonic|expir\w*|deadline|timestamp)(?:_|$)", re.IGNORECASE)
_HEAD = 40  # characters, for the first two words of a docstring
_BULK = frozenset({"clear", "difference_update", "extend", "intersection_update", "update"})
_ADDS = frozenset({"add", "append", "appendleft", "extend", "insert", "setdefault", "update"})
_STALE = (
    "self.{name} may have changed during the await since it was read, and this write undoes that; "
    "read it again after the await, or hold one asyncio.Lock around both"
)
_CHECKED = {
    "fetch": "two callers that both miss the entry of self.{name} both fetch it, for the await stands between the check and the write; "
    "keep the pending future in the dict, or hold one asyncio.Lock around both",
    "work": "two callers that both miss the entry of self.{name} both do the work before this write; "
    "set the entry before the await, or hold one asyncio.Lock around both",
    "open": "two callers that both find self.{name} missing both open one, and one of the two stays open unused; "
    "keep the pending future in the attribute, or hold one asyncio.Lock around both",
    "count": "two callers that both pass the check of self.{name} before the await both change it; "
    "change it before the await, or hold one asyncio.Lock around both",
}


@dataclass(frozen=True, slots=True)
class Update:
    """An update that another thread or task can break.

    Attributes:
        node: where it stands.
        name: the attribute.
        detail: the other part: the method that holds the lock, the second container, what two callers do twice.
        lock: the lock.
        others: further attributes that the same function writes without the same lock.
    """

    node: ast.AST
    name: str
    detail: str = ""
    lock: str = ""
    others: tuple[str, ...] = ()


def inconsistent_locksets(state: SharedState, owner: ast.ClassDef) -> Iterator[Update]:
    """Slice 1: writes without the lock under which other methods of the class work with the attribute; one finding for each
    function and lock."""
    found: defaultdict[tuple[ast.AST, str], list[Update]] = defaultdict(list)
    for name, own in state.accesses(owner).items():
        if not any(item.kind in WRITES and not is_setup_name(item.function.name) for item in own):
            continue
        guarded = _by_lock(state, owner, name)
        if not guarded or state.locking.runs(own[0].node) is not None:
            continue
        outside = [
            item
            for item in own
            if _is_write(state, owner, item) and not state.locking.held(item.node) and not state.is_new(item)
        ]
        reported: set[ast.AST] = set()
        for lock, inside in guarded.items() if outside else ():
            updates = [
                (write.function, Update(write.node, name, witness.name, lock))
                for write in outside
                if write.function not in reported
                and (witness := _witness(state, owner, lock, inside, write)) is not None
            ]
            if not updates or not state.is_bound(owner, lock):
                continue
            if not _is_guarded(state, owner, name, lock, inside):
                continue
            for function, update in updates:
                if function not in reported and not state.locking.is_explained(update.node):
                    reported.add(function)
                    found[function, lock].append(update)
    for same in found.values():
        same.sort(key=lambda item: (item.node.lineno, item.node.col_offset))  # type: ignore[attr-defined]
        yield replace(same[0], others=tuple(item.name for item in same[1:]))


def _is_guarded(state: SharedState, owner: ast.ClassDef, name: str, lock: str, inside: list[Access]) -> bool:
    """Whether a lock is there for an attribute: it is held at half of the uses and in half of the functions that use it, or
    around a change of it while the lock's name speaks of nothing else."""
    if _is_named_for(lock, name) and any(
        _is_write(state, owner, item)
        and (
            _is_change(state, item)
            or any(other.kind is Kind.READ and other.function is item.function for other in inside)
        )
        for item in inside
    ):
        return True
    used = [
        item
        for family in state.family(owner)
        for item in state.accesses(family).get(name, ())
        if not state.locking.is_setup(item.function)
    ]
    held = [item for item in used if not state.locking.held(item.node).isdisjoint((lock, ANY))]
    users, holders = ({item.function for item in items} for items in (used, held))
    return 2 * len(held) >= len(used) and 2 * len(holders) >= len(users)


def _is_named_for(lock: str, name: str) -> bool:
    """Whether the name of a lock says nothing but that it is one, or names the attribute."""
    words = set(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", lock).lower().split("_")) - _GENERIC
    return not words or any(word.removesuffix("s") in name.lower() for word in words)


def _by_lock(state: SharedState, owner: ast.ClassDef, name: str) -> dict[str, list[Access]]:
    """What the class and its bases do with an attribute under each lock."""
    found: defaultdict[str, list[Access]] = defaultdict(list)
    for family in state.family(owner):
        for access in state.accesses(family).get(name, ()):
            for lock in state.locking.held(access.node) - {ANY}:
                found[lock].append(access)
    return found


def _is_write(state: SharedState, owner: ast.ClassDef, access: Access) -> bool:
    if access.kind is Kind.CALL:
        return state.is_container(owner, access.name) is True
    return access.kind in WRITES


def _witness(
    state: SharedState, owner: ast.ClassDef, lock: str, inside: list[Access], write: Access
) -> Method | None:
    """Another function that shows that the lock is there for the attribute, and for such a write of it."""
    inside = [item for item in inside if item.function is not write.function and not state.fills_once(item)]
    writes = [item for item in inside if _is_write(state, owner, item)]
    writers = {item.function for item in writes}
    changes = [item for item in writes if _is_change(state, item)]
    if state.is_task_lock(owner, lock) and (
        state.detaches(write)
        or not any(
            read.function is item.function and state.suspends_between(read.node, item.node)
            for item in writes
            for read in inside
        )
    ):
        return None  # no task sees half of it
    values = {item.function for item in writes if not state.binds_constant(item)}
    if not changes and not _is_change(state, write) and (len(values) < 2 or state.binds_constant(write)):
        return None  # a new value, at once: nobody sees half of it
    if not writes and len({item.function for item in inside}) < 2:
        return None
    if len(writers) < 2 and not _is_meant_for(lock, write.name):
        return None
    return next((item.function for item in (*changes, *writes, *inside)), None)


def _is_change(state: SharedState, access: Access) -> bool:
    """Whether a write changes what was there, instead of binding a new value."""
    value = state.assigned(access.node)
    return access.kind is not Kind.BIND or (
        value is not None
        and any(next(state.reads(item, access), None) is not None for item in state.sources(value))
    )


def _is_meant_for(lock: str, name: str) -> bool:
    """Whether the name of a lock does not say that it is there for something else, such as the order of what is sent."""
    other = _PURPOSES.search(lock)
    return other is None or other[0].lower() in name.lower()


def stale_updates(state: SharedState, owner: ast.ClassDef) -> Iterator[Update]:
    """Slice 2: writes after an ``await`` that rest on what the attribute was before it."""
    for name, accesses in state.accesses(owner).items():
        mentions = Counter(item.function for item in accesses)
        for write in accesses:
            function = write.function
            if not isinstance(function, ast.AsyncFunctionDef) or function.name in _single_methods():
                continue
            if write.kind not in WRITES or (mentions[function] < 2 and not state.augments(write.node)):
                continue
            if not _is_update(state, owner, write):
                continue
            stale = _stale_read(state, write)
            read = stale or _stale_condition(state, write)
            if read is None or _is_exclusive(state, read, write) or _is_rechecked(state, write):
                continue
            if _is_private(state, owner, write, accesses) or (stale and state.runs_alone(owner, function)):
                continue
            yield Update(write.node, name, "" if stale else _harm(state, write))


def _harm(state: SharedState, write: Access) -> str:
    """What two callers do who both passed the check before a write."""
    if state.key(write.node) is None or state.augments(write.node) or write.method.startswith("append"):
        return "open" if write.kind is Kind.BIND else "count"
    value = state.assigned(write.node)
    if value is None or not any(state.awaited(value)):
        return "work"
    return "open" if _opens(state, write, value) else "fetch"


def _is_private(state: SharedState, owner: ast.ClassDef, write: Access, accesses: list[Access]) -> bool:
    """Whether an attribute belongs to the one method that runs as long as its object, which starts nothing beside itself."""
    return (
        _ALONE.fullmatch(write.function.name) is not None
        and not state.starts(owner)
        and all(item.function is write.function or state.locking.is_setup(item.function) for item in accesses)
    )


def _is_update(state: SharedState, owner: ast.ClassDef, access: Access) -> bool:
    if access.kind is Kind.CALL:
        return access.method in _ADDS - {"setdefault"} and state.is_container(owner, access.name) is not False
    if access.kind is Kind.AUGMENT and state.is_container(owner, access.name):
        return False  # grows in place
    return access.kind in WRITES and not isinstance(access.node.ctx, ast.Del)


def _is_exclusive(state: SharedState, read: ast.expr, write: Access) -> bool:
    """Whether nobody else can write between the read and the write."""
    holds = state.locking.holds(read) & state.locking.holds(write.node)
    return bool(holds) or state.is_claimed(read, write)


def _stale_read(state: SharedState, write: Access) -> ast.expr | None:
    """The read before an ``await`` from which a write computes the new value."""
    value = state.assigned(write.node)
    if value is None:
        return None
    statement = state.statement(write.node)
    if isinstance(statement, ast.AugAssign):
        return statement.target if state.suspends_between(statement.target, statement) else None
    key = state.key(write.node)
    expressions = list(state.sources(value))
    if isinstance(value, ast.Name) and state.is_chosen(value):
        return None  # puts back what was there, or was given
    reads = [
        read for item in expressions for read in state.reads(item, write) if key in (None, state.key(read))
    ]
    stale = [read for read in reads if state.suspends_between(read, statement)]
    return stale[0] if len(stale) == len(reads) > 0 else None


def _stale_condition(state: SharedState, write: Access) -> ast.expr | None:
    """The read before an ``await`` on whose outcome a write relies: ``if k not in self.c: self.c[k] = await f()``."""
    value = state.assigned(write.node)
    if isinstance(value, ast.Constant) and write.kind is not Kind.AUGMENT:
        return None
    is_single = write.kind is Kind.BIND or (write.kind is Kind.ITEM and state.has_fixed_key(write.node))
    if is_single and (value is None or not _opens(state, write, value)):
        return None
    statement = state.statement(write.node)
    if _may_repeat(state, write, value):
        return None
    for test, truth in state.conditions(statement):
        read = state.asks(test, truth, write)
        if read is not None and truth is not None and state.suspends_between(read, statement):
            if state.asks_instead(read, test, statement):
                continue
            counts = write.kind is Kind.AUGMENT and state.repeats_between(read, statement)
            return None if counts else read
    read = state.missed(write)
    return read if read is not None and state.suspends_between(read, statement) else None


def _may_repeat(state: SharedState, write: Access, value: ast.expr | None) -> bool:
    """Whether it does no harm that two callers bring in the same entry: a member of a set for which nothing else was done, a
    value that its own time replaces, or one that is only computed."""
    if write.kind is Kind.CALL:
        return write.method == "add" and not state.is_worked_on(write)
    if write.kind is not Kind.ITEM or value is None:
        return False
    if isinstance(value, ast.Tuple):
        return any(_EXPIRES.search(last_name(node) or "") for item in value.elts for node in ast.walk(item))
    awaited = list(state.awaited(value))
    return bool(awaited) and all(_CHEAP.fullmatch(last_name(call.func) or "") for call in awaited)


def _opens(state: SharedState, write: Access, value: ast.expr) -> bool:
    """Whether a write keeps a connection that an ``await`` opened: the second one leaks. Not where opening it is all that a
    method is there for."""
    if _LIFECYCLE.fullmatch(write.function.name):
        return False
    return any(_OPENS.fullmatch(last_name(call.func) or "") for call in state.awaited(value))


def _is_rechecked(state: SharedState, write: Access) -> bool:
    """Whether a condition asks for the attribute again, with no ``await`` between it and the write."""
    statement = state.statement(write.node)
    return any(
        truth is None or not state.suspends_between(read, statement)
        for test, truth in state.conditions(statement)
        for read in state.reads(test, write)
    )


def torn_refresh(state: SharedState, owner: ast.ClassDef, method: Method) -> Iterator[Update]:
    """Slice 3: a method that reloads shared state changes two or more containers in place, one after the other."""
    changes: list[Access] = []
    for accesses in state.accesses(owner).values():
        inside = [item for item in accesses if item.function is method]
        refill = next((item for item in inside if _refills(state, owner, item)), None)
        if refill is not None and not state.locking.held(refill.node) and not state.is_new(refill):
            changes.append(refill)
    changes.sort(key=lambda item: (item.node.lineno, item.node.col_offset))
    if len(changes) < 2 or not _has_readers(state, owner, method, changes):
        return
    first, last = changes[0], changes[-1]
    if state.concurrency(owner) == {"task"} and not state.suspends_between(first.node, last.node):
        return  # no task runs between the two
    yield Update(state.statement(first.node), first.name, last.name)


def _refreshes(function: Method) -> bool:
    """Whether the name or the docstring of a function says that it reloads what the object holds."""
    words = function.name.split("_")
    if not _REFRESHES.isdisjoint(words) or ("update" in words and not _SETTINGS.isdisjoint(words)):
        return True
    first = function.body[0]
    text = string(first.value) if isinstance(first, ast.Expr) else None
    if text is None:
        return False
    begins = text[:_HEAD].lower().split(None, 2)[:2]
    return any(word.startswith(_SAYS_REFRESH) for word in begins) or _SAYS_UPDATE.match(text) is not None


def _refills(state: SharedState, owner: ast.ClassDef, access: Access) -> bool:
    if state.is_container(owner, access.name) is False:
        return False
    if access.kind is Kind.ITEM:
        return not state.drops_if_there(access)
    return access.kind is Kind.CALL and access.method in _BULK


def _has_readers(state: SharedState, owner: ast.ClassDef, function: ast.AST, changes: list[Access]) -> bool:
    """Whether others read what is changed; they do where the class shows nobody else who could."""
    others = [
        item
        for item in owner.body
        if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef))
        and item is not function
        and not state.locking.is_setup(item)
    ]
    return not others or any(
        item.function in others for change in changes for item in state.accesses(owner)[change.name]
    )


def unlocked_swaps(
    state: SharedState, owner: ast.ClassDef, emptied: set[tuple[str, str]]
) -> Iterator[Update]:
    """Slice 4: what one method of a batching class adds to, another one takes away, in a class that shows concurrency."""
    names = {name for name, function in emptied if _batches(owner, name, function)}
    concurrency = state.concurrency(owner) if names else ()
    for name in sorted(names) if concurrency else ():
        accesses = state.accesses(owner).get(name, [])
        if not state.is_container(owner, name):
            continue
        adders = [item.function for item in accesses if _adds(item) and not state.locking.held(item.node)]
        for reset in accesses:
            function = reset.function
            if not adders or not state.resets(reset) or state.locking.held(reset.node):
                continue
            taken = _taken(state, reset, accesses)
            if taken is None or not _batches(owner, name, function.name):
                continue
            other = next((item for item in adders if item is not function), function)
            statement = state.statement(reset.node)
            if state.suspends_between(taken.node, statement) or (
                "thread" in concurrency
                and other is not function
                and _runs_beside(state, owner, function, other)
            ):
                yield Update(statement, name, other.name)


def _adds(access: Access) -> bool:
    return access.kind is Kind.ITEM or (access.kind is Kind.CALL and access.method in _ADDS)


def _taken(state: SharedState, reset: Access, accesses: list[Access]) -> Access | None:
    """The read by which a function takes what a container holds, before it resets it."""
    before = (item for item in accesses if item.function is reset.function and item.kind is Kind.READ)
    return next(
        (item for item in before if state.takes(item.node) and item.node.lineno <= reset.node.lineno), None
    )


def _batches(owner: ast.ClassDef, name: str, function: str) -> bool:
    """Whether names say that what is collected is handed on, and not that the object ends."""
    if is_setup_name(function) or _LIFECYCLE.fullmatch(function):
        return False
    return any(map(_BATCHES.search, (owner.name, name))) or _SENDS.search(function) is not None


def _runs_beside(state: SharedState, owner: ast.ClassDef, one: Function, other: Function) -> bool:
    """Whether two functions run in different threads: one of them only is started as such, or a lock says that many come."""
    if state.starts_threads(owner):
        return state.locking.is_started(one) is not state.locking.is_started(other)
    return True


@knowledge.cached
def _single_methods() -> frozenset[str]:
    return frozenset(name for row in knowledge.rows("shared_state.single") for name in row["methods"])


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

    (1) An attribute that one method changes under a lock of the object and another one writes without any; one finding for each
    method and lock. The lock must be held at half of the uses outside of constructors and in half of the methods with such
    uses, or around a change, under a name that says nothing else than lock or names the attribute (``_lock``, ``_jobs_lock``);
    and the file must show where it comes from, which it does not for a lock of a base class in another file. Silent where the
    callers hold the lock (a private method all of whose callers do, a name ending in ``_locked``, a docstring that says so, a
    decorator that locks), in constructors and what only they call, for flags and values that one assignment replaces, where a
    lock's name says that it is there for something else, for locks between processes, and where a comment says why no lock is
    needed; for locks of asyncio only where one is held across an ``await``, and not where one statement takes the value and
    leaves another.

    (2) In ``async def``: a value computed from a read before an ``await`` and written after it, ``self.n += await f()``, and an
    entry, a member, a count or a connection that is checked, awaited and then written. Silent where one lock is around both,
    where the check is repeated after the ``await``, where the entry or a flag is set before it, for results that a loop counts
    by ``+=``, for a value that is chosen and not computed (``given or self.x``), for an entry that holds its own expiry or is
    only parsed or formatted, for a member of a set unless an ``await`` did something with it for its effect alone, and for an
    attribute that is filled once (``if self.x is None: self.x = await f()``) with anything but a connection, pool or client.
    In a class that starts no task or thread and has no lock, what only ``run()`` uses is its own, and a private coroutine that
    the class only awaits in place may compute from what it read: two callers of the public method around it are not seen.
    Where the new value is what an awaited call makes of the old one, it is the callee's matter. Whether callers run side by
    side is not proven: a cache that lives for one request is reported too.

    (3) A method that refreshes, reloads, rotates, swaps, resyncs or rebuilds, by its name or docstring, or updates a
    configuration, and changes two or more containers in place without a lock. Silent where other methods exist and none uses
    them, where the same method made the containers, for ``del`` that tolerates ``KeyError``, and where only tasks use the
    object and no ``await`` stands in between.

    (4) A container that one method of a batching class adds to and another takes and resets, where the class starts threads,
    has a lock or is asynchronous; for tasks only with an ``await`` between taking and resetting.

    Not followed: globals, attributes of other objects, changes through local names.
    """

    code = "AIG010"
    slug = "unlocked-shared-update"
    since = "0.1.0"
    severity = "warning"
    message = "self.{name} is written without self.{lock}, which {detail}() holds to work with it; take the lock here too"
    ruff = "Ruff has nothing for this pattern."

    def finish(self) -> Iterator[Finding]:
        index = self.module.index
        if not index.nodes(ast.ClassDef):
            return
        state = SharedState(self.module)
        for owner in state.lock_takers():
            for update in inconsistent_locksets(state, owner):
                others = "".join(f", and for self.{name}" for name in update.others)
                yield from self.found(
                    update.node,
                    message=self.message + others,
                    name=update.name,
                    lock=update.lock,
                    detail=update.detail,
                )
        for owner in state.task_writers():
            for update in stale_updates(state, owner):
                yield from self.found(
                    update.node,
                    message=_CHECKED.get(update.detail, _STALE),
                    name=update.name,
                )
        for method, count in state.changes_in_place(_BULK).items():
            parent = index.parent(method) if count > 1 and _refreshes(method) else None
            for update in torn_refresh(state, parent, method) if isinstance(parent, ast.ClassDef) else ():
                yield from self.found(
                    update.node,
                    message="self.{name} and self.{detail} change one after the other, and who reads in between sees new beside old; "
                    "build the new values first, then rebind one attribute that holds them all",
                    name=update.name,
                    detail=update.detail,
                )
        for owner, emptied in state.emptied().items():
            for update in unlocked_swaps(state, owner, emptied):
                yield from self.found(
                    update.node,
                    message="what {detail}() adds to self.{name} between the read and the reset is lost; "
                    "hold one lock in both, or swap before anything else can run",
                    name=update.name,
                    detail=update.detail,
                )
