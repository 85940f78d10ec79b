"""Containers that a method fills anew or empties step by step, while others use them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from flake8_aiguard.attributes import Access, Kind, Method
from flake8_aiguard.index import Function
from flake8_aiguard.locking import is_lifecycle_name, is_lockish, is_setup_name
from flake8_aiguard.receivers import first_parameter
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import is_constant, last_name, start_of, string
from flake8_aiguard.shared_state import SharedState
from flake8_aiguard.takers import is_named_for

_REFRESHES = frozenset(
    {"refresh", "reload", "rotate", "swap", "resync", "resynchronize", "rebuild", "repopulate", "reconfigure"}
)
_UPDATES = frozenset({"apply", "replace", "update"})
_SETTINGS = frozenset({"config", "configuration", "settings"})
_SAYS_REFRESH = ("refresh", "reload", "rotat", "swap", "resync", "re-sync", "rebuild", "repopulat")
_SAYS_UPDATE = regex(r"\W*updat(?:e|es|ing)\b[^.\n]*\b(?:config|configuration|settings)\b", re.IGNORECASE)
_BATCHES = regex(
    r"batch|buffer|buf(?:_|$)|pending|queue|backlog|outbox|spool|prox(?:y|ies)|collect|accumul", re.IGNORECASE
)
_SENDS = regex(r"(?:^|_)(?:flush|drain|send|publish|push|export|swap|ship|deliver|upload|forward)(?:_|$)")
_VERSION = regex(r"(?:^|_)(?:epoch|generation|revision|serial|version)(?:_|$)")
_HEAD = 40  # characters, for the first two words of a docstring
_BULK = frozenset({"clear", "difference_update", "extend", "intersection_update", "update"})
_ADDS = frozenset({"add", "append", "appendleft", "extend", "insert", "setdefault", "update"})


@dataclass(frozen=True, slots=True)
class Step:
    """A change that others can see half of.

    Attributes:
        node: the statement.
        name: the container.
        other: the container that changes last, or the method whose additions are lost.
    """

    node: ast.stmt
    name: str
    other: str


def torn_refreshes(state: SharedState) -> Iterator[Step]:
    """Where a method that reloads shared state changes two or more containers in place, one after the other."""
    for method in state.candidates.refillers(_BULK):
        owner = state.attributes.owner(method) if _refreshes(method) else None
        if owner is not None and method in owner.body:
            yield from _torn(state, owner, method)


def _torn(state: SharedState, owner: ast.ClassDef, method: Method) -> Iterator[Step]:
    changes: list[Access] = []
    for name, accesses in state.attributes.accesses(owner).items():
        inside = [
            item
            for item in accesses
            if item.function is method
            and name != "__dict__"
            and not _is_undone(state, item)
            and not _repoints(state, item)
            and not _permutes(state, item)
        ]
        refill = next((item for item in inside if _refills(state, owner, item)), None)
        if refill is not None and not state.locking.held(refill.node) and not state.mentions.is_new(refill):
            changes.append(refill)
    changes.sort(key=lambda item: start_of(item.node))
    if len(changes) < 2 or not _has_readers(state, owner, method, changes):
        return
    if not _combines(state, owner, method, changes) or _runs_once(state, method):
        return
    if (
        state.concurrency.is_for_one(owner)
        or not _brings_news(state, owner, method, {item.name for item in changes})
        or _moves_one_entry(state, changes)
        or _only_clears(state, owner, changes)
        or _counts_versions(method)
    ):
        return
    if not any(item.kind is Kind.ITEM or item.method in _BULK for item in changes):
        return  # grows only
    first, last = changes[0], changes[-1]
    if state.concurrency.of(owner) == {"task"} and not state.suspensions.between(first.node, last.node):
        return  # no task runs between the two
    yield Step(state.module.index.statement(first.node), first.name, last.name)


def _combines(state: SharedState, owner: ast.ClassDef, method: Method, changes: list[Access]) -> bool:
    """Whether somebody can see half of a change: of one entry only who reads two of the containers, or where the class shows
    nobody else."""
    if len({state.mentions.key(item.node) if item.kind is Kind.ITEM else None for item in changes}) > 1:
        return True
    if any(item.kind is not Kind.ITEM for item in changes):
        return True
    users: dict[ast.AST, set[str]] = {}
    for change in changes:
        for item in state.attributes.accesses(owner)[change.name]:
            if item.function is not method and not state.locking.is_setup(item.function):
                users.setdefault(item.function, set()).update({item.name} if item.kind is Kind.READ else ())
    return not users or any(len(names) > 1 for names in users.values())


def _runs_once(state: SharedState, method: Method) -> bool:
    """Whether a method returns at once where its flag says that it has run: ``if self.built: return``."""
    for first, second in zip(method.body, method.body[1:4], strict=False):
        if (
            isinstance(first, ast.If)
            and isinstance(first.test, ast.Attribute)
            and isinstance(first.body[-1], ast.Return)
            and isinstance(second, ast.Assign)
            and is_constant(second.value, True)
            and last_name(second.targets[0]) == first.test.attr
        ):
            return True
    return False


def _is_undone(state: SharedState, access: Access) -> bool:
    """Whether a change stands in a handler that leaves: what was to follow has failed, and what follows it does not happen."""
    return any(
        isinstance(outer, ast.ExceptHandler) and isinstance(outer.body[-1], (ast.Raise, ast.Return))
        for outer in state.module.index.outwards(access.node, access.function)
    )


def _repoints(state: SharedState, access: Access) -> bool:
    """Whether a loop over the keys of a container gives each a value that was made before: ``for k in list(self.x): self.x[k] = new[k]``."""
    index = state.module.index
    assign = index.statement(access.node)
    value = assign.value if access.kind is Kind.ITEM and isinstance(assign, ast.Assign) else None
    if not isinstance(value, ast.Subscript) or not isinstance(value.value, ast.Name):
        return False
    return any(
        isinstance(outer, ast.For)
        and isinstance(outer.target, ast.Name)
        and state.mentions.key(access.node) == ast.dump(ast.Name(outer.target.id, ast.Load()))
        and any(isinstance(item, ast.Attribute) and item.attr == access.name for item in ast.walk(outer.iter))
        for outer in index.outwards(access.node, access.function)
    )


def _permutes(state: SharedState, access: Access) -> bool:
    """Whether entries of a container change places, and nothing new comes in: ``self.x[i], self.x[j] = self.x[j], self.x[i]``."""
    value = state.mentions.assigned(access.node)
    return (
        access.kind is Kind.ITEM
        and isinstance(value, ast.Tuple)
        and all(next(state.mentions.reads(item, access), None) is not None for item in value.elts)
    )


def _only_clears(state: SharedState, owner: ast.ClassDef, changes: list[Access]) -> bool:
    """Whether all that is done to attributes of which nothing is known is ``clear()``: handlers, for all the file says."""
    return all(
        item.kind is Kind.CALL
        and item.method == "clear"
        and state.attributes.is_container(owner, item.name) is not True
        for item in changes
    )


def _brings_news(state: SharedState, owner: ast.ClassDef, method: Method, changed: set[str]) -> bool:
    """Whether a method puts something new in, itself or by what it calls; not where it only empties."""
    first = first_parameter(method)
    for call in (node for node in ast.walk(method) if isinstance(node, ast.Call)):
        given = [last_name(item) for item in call.args]
        if last_name(call.func) == "super" or (first is not None and first.arg in given):
            return True  # fill(self)
        if not changed.isdisjoint(given):
            return True  # fill(self.routes)
    for name, accesses in state.attributes.accesses(owner).items():
        for access in (item for item in accesses if item.function is method):
            if access.kind is Kind.READ:
                if state.mentions.is_called(access.node):
                    return True
            elif access.kind is Kind.CALL:
                if access.method in _ADDS:
                    return True
            elif access.kind is Kind.BIND:
                if (
                    not state.mentions.resets(access)
                    and state.attributes.is_container(owner, name) is not False
                ):
                    return True
            elif not state.mentions.deletes(access):
                return True
    return False


def _moves_one_entry(state: SharedState, changes: list[Access]) -> bool:
    """Whether the entries of one key are replaced, the old ones taken out first: what was opened for it is opened anew."""
    keys = {state.mentions.key(item.node) for item in changes if item.kind is Kind.ITEM}
    return (
        len(keys) == 1
        and all(item.kind is Kind.ITEM for item in changes)
        and any(state.mentions.deletes(item) for item in changes)
    )


def _counts_versions(method: Method) -> bool:
    """Whether a method ends by counting up a version, by which readers know that what they have is old."""
    last = method.body[-1]
    return isinstance(last, ast.AugAssign) and _VERSION.search(last_name(last.target) or "") is not None


def _refreshes(function: Method) -> bool:
    """Whether the name or the docstring of a function says that it reloads what the object holds."""
    words = function.name.split("_")
    if words[0] == "test":
        return False
    if not _REFRESHES.isdisjoint(words) or (
        not _UPDATES.isdisjoint(words) and not _SETTINGS.isdisjoint(words)
    ):
        return True
    first = function.body[0]
    text = string(first.value) if isinstance(first, ast.Expr) else None
    if text is None:
        return False
    begins = text[:_HEAD].lower().split(None, 2)[:2]
    return any(word.startswith(_SAYS_REFRESH) for word in begins) or _SAYS_UPDATE.match(text) is not None


def _refills(state: SharedState, owner: ast.ClassDef, access: Access) -> bool:
    if state.attributes.is_container(owner, access.name) is False:
        return False
    if access.kind is Kind.ITEM:
        return not state.mentions.drops_if_there(access) and not _brings_in(state, access)
    return access.kind is Kind.CALL and access.method in _BULK | _ADDS


def _brings_in(state: SharedState, access: Access) -> bool:
    """Whether an entry is set where some key is missing: it is new, and nobody has seen an old one."""
    return any(
        truth is not None and state.grounds.asks_for_key(test, truth)
        for test, truth in state.grounds.conditions(state.module.index.statement(access.node))
    )


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
        item.function in others
        for change in changes
        for item in state.attributes.accesses(owner)[change.name]
    )


def lost_additions(state: SharedState) -> Iterator[Step]:
    """Where one method of a batching class takes what another one adds to, in a class that shows concurrency."""
    for owner, emptied in state.candidates.emptied().items():
        yield from _lost(state, owner, emptied)


def _lost(state: SharedState, owner: ast.ClassDef, emptied: set[tuple[str, str]]) -> Iterator[Step]:
    names = {name for name, function in emptied if _batches(owner, name, function)}
    concurrency = state.concurrency.of(owner) if names and not state.concurrency.is_for_one(owner) else ()
    for name in sorted(names) if concurrency else ():
        accesses = state.attributes.accesses(owner).get(name, [])
        if not state.attributes.is_container(owner, name):
            continue
        adders = [item.function for item in accesses if _adds(item) and not state.locking.held(item.node)]
        for reset in accesses:
            function = reset.function
            if not adders or not state.mentions.resets(reset) or state.locking.held(reset.node):
                continue
            taken = _taken(state, reset, accesses)
            if (
                taken is None
                or not _batches(owner, name, function.name)
                or state.suspensions.is_stream(function)
            ):
                continue
            other = next((item for item in adders if item is not function), function)
            last = _taken(state, reset, accesses[::-1])
            if last is not None and _is_shut(state, owner, last, other):
                continue
            if state.concurrency.is_driven(owner, function) and all(
                state.concurrency.is_driven(owner, item) for item in adders
            ):
                continue
            if other is function and (
                _starts_empty(state, reset, accesses) or _is_either(state, reset, accesses)
            ):
                continue
            statement = state.module.index.statement(reset.node)
            if (
                state.suspensions.between(taken.node, statement)
                and not _goes_through_all(state, owner, taken, statement)
            ) or (
                "thread" in concurrency
                and other is not function
                and _runs_beside(state, owner, name, function, other)
            ):
                yield Step(statement, name, other.name)


def _adds(access: Access) -> bool:
    return access.kind is Kind.ITEM or (access.kind is Kind.CALL and access.method in _ADDS)


def _taken(state: SharedState, reset: Access, accesses: list[Access]) -> Access | None:
    """The read by which a function takes what a container holds, before it resets it."""
    before = (item for item in accesses if item.function is reset.function and item.kind is Kind.READ)
    return next(
        (
            item
            for item in before
            if state.mentions.takes(item.node)
            and not _only_empties(state, item)
            and item.node.lineno <= reset.node.lineno
        ),
        None,
    )


def _goes_through_all(state: SharedState, owner: ast.ClassDef, taken: Access, reset: ast.stmt) -> bool:
    """Whether a loop goes through a list itself, with what is added meanwhile, and nobody else runs between its end and the reset."""
    loop = state.module.index.parent(taken.node)
    return (
        isinstance(loop, ast.For)
        and state.module.index.parent(reset) is state.module.index.parent(loop)
        and not state.suspensions.after(loop, reset)
        and all(
            isinstance(value, ast.List) or (isinstance(value, ast.Call) and last_name(value.func) == "list")
            for value, _ in state.attributes.values(owner, taken.name)
        )
    )


def _is_shut(state: SharedState, owner: ast.ClassDef, taken: Access, adder: Function) -> bool:
    """Whether a flag that keeps others from adding is set before a container is taken: ``self.accepts = False``."""
    return any(
        state.mentions.binds_constant(item)
        and item.function is taken.function
        and item.node.lineno < taken.node.lineno
        and any(other.function is adder and other.kind is Kind.READ for other in accesses)
        for accesses in state.attributes.accesses(owner).values()
        for item in accesses
    )


def _starts_empty(state: SharedState, reset: Access, accesses: list[Access]) -> bool:
    """Whether a function that alone fills a container makes it anew before: it serves that one call."""
    return any(
        item.function is reset.function
        and item.kind is Kind.BIND
        and item.node.lineno < reset.node.lineno
        and state.mentions.resets(item)
        for item in accesses
    )


def _is_either(state: SharedState, reset: Access, accesses: list[Access]) -> bool:
    """Whether one step of a framework's object either adds or resets, and nothing else uses the container: the framework calls an
    override that calls the method of its base class for one item after the other."""
    function, index = reset.function, state.module.index
    if any(item.function is not function and not state.locking.is_setup(item.function) for item in accesses):
        return False
    overrides = any(
        isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Call)
        and last_name(call.func.value.func) == "super"
        and index.function(call) is function
        for call in index.calls_named((function.name,))
    )
    added = [index.statement(item.node) for item in accesses if _adds(item)]
    cleared = index.statement(reset.node)
    return overrides and any(
        isinstance(branch, ast.If)
        and cleared in branch.body + branch.orelse
        and all(item in (branch.orelse if cleared in branch.body else branch.body) for item in added)
        for branch in (index.parent(cleared),)
    )


def _only_empties(state: SharedState, read: Access) -> bool:
    """Whether a loop goes over a container only to empty what is in it: nothing is handed on."""
    loop = state.module.index.statement(read.node)
    return isinstance(loop, ast.For) and all(
        isinstance(item, ast.Expr)
        and isinstance(item.value, ast.Call)
        and last_name(item.value.func) == "clear"
        for item in loop.body
    )


def _batches(owner: ast.ClassDef, name: str, function: str) -> bool:
    """Whether names say that what is collected is handed on, and not that the object ends."""
    if is_setup_name(function) or is_lifecycle_name(function):
        return False
    return any(map(_BATCHES.search, (owner.name, name))) or _SENDS.search(function) is not None


def _runs_beside(state: SharedState, owner: ast.ClassDef, name: str, one: Function, other: Function) -> bool:
    """Whether two functions run in different threads: one of them only is started as such, or a lock, if not one that is there
    for something else, says that many come."""
    if state.concurrency.starts_threads(owner):
        return state.locking.is_started(one) is not state.locking.is_started(other)
    locks = [
        key
        for family in state.attributes.family(owner)
        for key, items in state.attributes.accesses(family).items()
        if is_lockish(items[0].node)
    ]
    return not locks or any(is_named_for(key, name) for key in locks)
