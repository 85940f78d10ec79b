"""Whether the uses of an attribute under a lock are several steps, which a write without the lock can come between."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from typing import Final

from flake8_aiguard.attributes import WRITES, Access, Kind, Method
from flake8_aiguard.index import TRIES
from flake8_aiguard.locking import ANY, is_lifecycle_name
from flake8_aiguard.shapes import end_of, last_name, start_of
from flake8_aiguard.shared_state import SharedState
from flake8_aiguard.suspensions import Position

_TAKES: Final = frozenset({"pop", "popitem", "popleft", "remove"})
_GONE: Final = frozenset({"IndexError", "KeyError", "LookupError", "ValueError"})
# Keys that stand for the task or thread itself, or for an object that the caller has in hand.
_OWN: Final = frozenset({"current_task", "current_thread", "get_ident", "get_native_id", "id"})
_REENTRANT: Final = frozenset({"Condition", "RLock"})


def breaks_steps(state: SharedState, owner: ast.ClassDef, lock: str, write: Access) -> bool:
    """Whether a write without the lock does harm: it rests on what its function has read, it comes between the steps of a
    function that holds the lock, or nobody works with what was read without it. Else each use is one step, before or after the rest.
    """
    used = [
        item
        for family in state.attributes.family(owner)
        for item in state.attributes.accesses(family).get(write.name, ())
        if not state.locking.is_setup(item.function)
    ]
    held = {item for item in used if not state.locking.held(item.node).isdisjoint((lock, ANY))}
    if _is_attempt(state, write) or is_of_task(state, write):
        return False
    if all(
        item in held or item.function is write.function or is_write(state, owner, item) or _only_returns(item)
        for item in used
        if not is_lifecycle_name(item.function.name)
    ):
        return True
    if _is_compound(state, write):
        return True
    if _rests_on(state, write, _first_reads(state, owner, (item for item in used if item not in held))):
        return True
    reads = _first_reads(state, owner, held)
    return any(
        _is_looped_over(state, item)
        or (is_write(state, owner, item) and (_is_compound(state, item) or _rests_on(state, item, reads)))
        for item in held
    )


def is_called_under(state: SharedState, owner: ast.ClassDef, lock: str, function: Method) -> bool:
    """Whether a method that holds the lock uses a public one: who took the lock there again would wait for itself."""
    return not function.name.startswith("_") and any(
        lock in state.locking.held(use) for use in _uses_under(state, owner, lock, function)
    )


def calls_without(state: SharedState, owner: ast.ClassDef, lock: str, function: Method) -> Method | None:
    """A method that uses another one without the lock, where some do so under it: there it is to be taken."""
    uses = _uses_under(state, owner, lock, function)
    if not any(lock in state.locking.held(use) for use in uses):
        return None
    callers = [state.module.index.function(use) for use in uses if not {lock, ANY} & state.locking.held(use)]
    return next((item for item in callers if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef))), None)


def _uses_under(state: SharedState, owner: ast.ClassDef, lock: str, function: Method) -> list[ast.Attribute]:
    """The uses of a method on objects of its class, where whoever holds the lock must not take it again."""
    if not _REENTRANT.isdisjoint(state.attributes.constructors(owner, lock)):
        return []
    index = state.module.index
    uses: list[ast.expr] = [call.func for call in index.calls_named((function.name,))]
    if any(isinstance(item, ast.Attribute) and item.attr == "setter" for item in function.decorator_list):
        uses += [item for item in index.nodes(ast.Attribute) if isinstance(item.ctx, ast.Store)]
    return [
        item
        for item in uses
        if isinstance(item, ast.Attribute)
        and item.attr == function.name
        and state.module.receivers.class_behind(item.value) is owner
    ]


def is_of_task(state: SharedState, write: Access) -> bool:
    """Whether an entry stands under the task or thread that writes it, or the identity of its object: no other one asks for it."""
    slot = state.module.index.parent(write.node)
    call = state.module.index.parent(slot) if isinstance(slot, ast.Attribute) else None
    key = slot.slice if isinstance(slot, ast.Subscript) else next(iter(getattr(call, "args", ())), None)
    return key is not None and any(
        isinstance(item, ast.Call) and last_name(item.func) in _OWN for item in state.grounds.sources(key)
    )


def is_write(state: SharedState, owner: ast.ClassDef, access: Access) -> bool:
    if access.kind is Kind.CALL:
        return state.attributes.is_container(owner, access.name) is True
    return access.kind in WRITES


def is_change(state: SharedState, access: Access) -> bool:
    """Whether a write changes what was there, instead of binding a new value."""
    value = state.mentions.assigned(access.node)
    return access.kind is not Kind.BIND or (
        value is not None
        and any(
            next(state.mentions.reads(item, access), None) is not None
            for item in state.grounds.sources(value)
        )
    )


def _only_returns(access: Access) -> bool:
    """Whether a method does nothing but hand back an attribute or something of it."""
    return isinstance(access.function.body[-1], ast.Return) and not any(
        isinstance(item, ast.stmt) and not isinstance(item, (ast.Expr, ast.Return))
        for item in access.function.body
    )


def _is_attempt(state: SharedState, write: Access) -> bool:
    """Whether a write takes out what is there, and a handler around it knows what to do where another one was first."""
    if write.method not in _TAKES:
        return False
    child: ast.AST = write.node
    for outer in state.module.index.outwards(write.node, write.function):
        if isinstance(outer, TRIES) and child in outer.body:
            kinds = [handler.type for handler in outer.handlers]
            named = [
                item for kind in kinds for item in (kind.elts if isinstance(kind, ast.Tuple) else [kind])
            ]
            if any(last_name(item) in _GONE for item in named):
                return True
        child = outer
    return False


def _is_compound(state: SharedState, write: Access) -> bool:
    """Whether a write reads and writes in one statement: ``self.n += 1``, ``self.counts[key] += 1``."""
    return state.mentions.augments(write.node) or (write.kind is Kind.BIND and is_change(state, write))


def _first_reads(
    state: SharedState, owner: ast.ClassDef, accesses: Iterable[Access]
) -> dict[Method, Position]:
    """Where each function first reads an attribute."""
    found: dict[Method, Position] = {}
    for item in accesses:
        if not is_write(state, owner, item):
            start = start_of(item.node)
            found[item.function] = min(start, found.get(item.function, start))
    return found


def _rests_on(state: SharedState, write: Access, reads: Mapping[Method, Position]) -> bool:
    """Whether the function has read the attribute before it writes it."""
    first = reads.get(write.function)
    return first is not None and first < end_of(state.module.index.statement(write.node))


def _is_looped_over(state: SharedState, access: Access) -> bool:
    """Whether a loop goes through an attribute, which must not change meanwhile: ``for job in self.jobs.values()``."""
    index = state.module.index
    node: ast.AST = access.node
    parent = index.parent(node)
    while isinstance(parent, (ast.Attribute, ast.Call)):
        if isinstance(parent, ast.Call) and parent.func is not node:
            return False  # list(self.jobs) is a copy
        node, parent = parent, index.parent(parent)
    return isinstance(parent, (ast.AsyncFor, ast.For, ast.comprehension)) and parent.iter is node
