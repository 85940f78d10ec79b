"""Writes of an attribute without the lock under which the rest of its class works with it."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from flake8_aiguard.attributes import WRITES, Access, Kind, Method
from flake8_aiguard.children import walk
from flake8_aiguard.lifecycles import begins_anew
from flake8_aiguard.locking import ANY, is_ending_name, is_setup_name
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import dotted, last_name, start_of
from flake8_aiguard.shared_state import SharedState
from flake8_aiguard.steps import breaks_steps, calls_without, is_called_under, is_change, is_write
from flake8_aiguard.takers import is_named_for

_PURPOSES = regex(
    r"(?:io|writ|sen[dt]|print|output|file|log|console|std|connect|conn|init|start|shutdown|stop|clos|reload|remov|setup|sock"
    r"|transport|wire|recv|build|once|publish|subscri|pubsub|flush)",
    re.IGNORECASE,
)
_MEASURED = regex(
    r"_*last_\w*(?:duration|elapsed|latency|seconds|_ms|time)\w*|\w*(?:latency|latencies)(?:_ms)?"
)
_GUARDS = regex(r"\b(?:guard|protect|serialis|serializ)", re.IGNORECASE)
_WORD = regex(r"[A-Za-z][a-z]*")
# Who puts single members in and takes single ones out may come before or after anybody else who does.
_SINGLE = frozenset({"add", "append", "discard", "remove"})
_CUSTOM = 5  # writers without a lock for each one that holds it
_ATOMIC = frozenset({"append", "appendleft"})


@dataclass(frozen=True, slots=True)
class Unlocked:
    """A write without the lock.

    Attributes:
        node: where it stands.
        name: the attribute.
        lock: the lock.
        holder: a method that holds it to work with the attribute.
        caller: a method that calls the one of the write without the lock, where others call it under the lock.
        others: further attributes that the same function writes without the same lock.
    """

    node: ast.Attribute
    name: str
    lock: str
    holder: str
    caller: str | None = None
    others: tuple[str, ...] = ()


def unlocked_writes(state: SharedState, owner: ast.ClassDef) -> Iterator[Unlocked]:
    """The writes without the lock under which other methods of the class work with the attribute.

    Args:
        state: the shared state of the file.
        owner: a class that takes locks.

    Yields:
        One write for each function and lock.
    """
    found: defaultdict[tuple[ast.AST, str], list[Unlocked]] = defaultdict(list)
    holders = state.takers.may_hold(owner)
    for name, own in state.attributes.accesses(owner).items():
        written = [item for item in own if item.kind in WRITES and not is_setup_name(item.function.name)]
        # From what is cheap to know to what is dear.
        if not written or not any(
            state.takers.runs_in(item, holders)
            for family in state.attributes.family(owner)
            for item in state.attributes.accesses(family).get(name, ())
        ):
            continue
        if _share_lock(state, written):
            continue
        guarded = _by_lock(state, owner, name)
        if (
            not guarded
            or state.locking.runs(own[0].node) is not None
            or state.attributes.is_property(owner, name)
        ):
            continue
        outside = [
            item
            for item in own
            if is_write(state, owner, item)
            and _holds_no_lock_or_another(state, item)
            and not state.mentions.is_new(item)
            and not begins_anew(state, item, own)
            and not _is_setter(item)
            and not _is_own_entry(state, item)
            and not _is_handed_out(state, item)
        ]
        reported: set[ast.AST] = set()
        for lock, uses in guarded.items() if outside else ():
            inside = [item for item in uses if not _runs_in_pool(state, item.function)]
            if all(is_ending_name(item.function.name) for item in inside):
                continue  # only for the end of the object
            settled = [item for item in inside if not state.takers.fills_once(item)]
            updates = [
                (write.function, Unlocked(write.node, name, lock, witness.name))
                for write in outside
                if write.function not in reported
                and _is_majority(state, owner, lock, write, inside)
                and not _is_handed_over(state, owner, write.function, inside)
                and (witness := _witness(state, owner, lock, settled, write)) is not None
                and (breaks_steps(state, owner, lock, write) or _is_waited_for(state, owner, lock, write))
                and not is_called_under(state, owner, lock, write.function)
                and not _is_chosen(state, write, inside)
                and not _is_noted(state, write)
                and not _is_awaited_by_holder(state, owner, lock, write)
                and not _would_block(state, write, lock)
            ]
            if (
                not updates
                or not state.takers.is_bound(owner, lock)
                or not state.takers.is_always_bound(owner, lock)
                or _is_of_many(state, owner, lock)
            ):
                continue
            if not _is_guarded(state, owner, name, lock, inside) or _is_exception(state, owner, lock, name):
                continue
            if any(_is_awaited_under(state, item) for item in inside):
                continue
            is_said = _is_said_for_others(state, owner, lock, name)
            for function, update in updates:
                if is_said and isinstance(state.module.index.parent(update.node), ast.AugAssign):
                    continue  # a mere count
                if function not in reported and not state.locking.is_explained(update.node):
                    reported.add(function)
                    caller = calls_without(state, owner, lock, function)
                    found[function, lock].append(
                        replace(update, caller=None if caller is None else caller.name)
                    )
    for same in found.values():
        same.sort(key=lambda item: start_of(item.node))
        yield replace(same[0], others=tuple(item.name for item in same[1:]))


def _share_lock(state: SharedState, written: list[Access]) -> bool:
    """Whether one lock, or one of which the file does not show which it is, is held at all of these accesses."""
    locks = [state.locking.held(item.node) for item in written]
    return all(locks) and (any(ANY in held for held in locks) or bool(frozenset.intersection(*locks)))


def _holds_no_lock_or_another(state: SharedState, access: Access) -> bool:
    """Whether an access stands under no lock, or changes what is there under locks that the file shows."""
    held = state.locking.held(access.node)
    return not held or (ANY not in held and is_change(state, access))


def _is_majority(
    state: SharedState, owner: ast.ClassDef, lock: str, write: Access, inside: list[Access]
) -> bool:
    """Whether a write stands under no lock, or under another one than most of what uses the attribute."""
    held = state.locking.held(write.node)
    if not held or state.takers.is_task_lock(owner, lock):
        return not held
    return lock not in held and 2 * len(inside) > state.takers.uses(owner, write.name)


def _is_chosen(state: SharedState, write: Access, inside: list[Access]) -> bool:
    """Whether its function does the same with the lock in one branch and without it in the other, by a condition that is for this."""
    text = ast.dump(state.module.index.statement(write.node))
    return any(
        item.function is write.function
        and ast.dump(state.module.index.statement(item.node)) == text
        and not state.suspensions.leads_to(item.node, write.node)
        and not state.suspensions.leads_to(write.node, item.node)
        for item in inside
    )


def _is_noted(state: SharedState, write: Access) -> bool:
    """Whether a write notes the last value of a measurement, for whoever shows it."""
    statement = state.module.index.statement(write.node)
    return isinstance(statement, ast.Assign) and _MEASURED.fullmatch(write.name) is not None


def _is_awaited_by_holder(state: SharedState, owner: ast.ClassDef, lock: str, write: Access) -> bool:
    """Whether a private function may run in a thread for which somebody waits under the lock: each would wait for the other."""
    index = state.module.index
    return write.function.name.startswith("_") and any(
        isinstance(call.func, ast.Attribute)
        and len(call.args) < 2
        and index.class_of(index.function(call) or call) is owner
        and lock in state.locking.held(call)
        and (awaited := dotted(call.func.value) or "").startswith("self.")
        and awaited != f"self.{lock}"
        for call in index.calls_named(("join", "wait"))
    )


def _would_block(state: SharedState, write: Access, lock: str) -> bool:
    """Whether a coroutine that took a lock of threads could stop the loop for good: another coroutine waits while it holds it."""
    index = state.module.index
    return isinstance(write.function, ast.AsyncFunctionDef) and any(
        state.locking.lock(entered.context_expr) == lock
        for item in index.nodes(ast.Await)
        for entered in index.with_items(item)
        if isinstance(index.parent(entered), ast.With)
    )


def _is_own_entry(state: SharedState, write: Access) -> bool:
    """Whether a function that runs as a thread only stores an entry under the key that whoever started it has given it."""
    function = write.function
    if write.kind is not Kind.ITEM or not isinstance(state.module.index.statement(write.node), ast.Assign):
        return False
    slot = state.module.index.parent(write.node)
    key = slot.slice if isinstance(slot, ast.Subscript) else None
    arguments = function.args
    given = {item.arg for item in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    return isinstance(key, ast.Name) and key.id in given and state.locking.is_started(function)


def _is_handed_out(state: SharedState, write: Access) -> bool:
    """Whether ``return self.d.pop(key, default)`` is all that a method does: one step, which no other change can split."""
    call = state.module.index.parent(state.module.index.parent(write.node) or write.node)
    return (
        write.method == "pop"
        and isinstance(call, ast.Call)
        and len(call.args) == 2
        and isinstance(state.module.index.parent(call), ast.Return)
        and len(write.function.body) == 1
    )


def _runs_in_pool(state: SharedState, function: Method) -> bool:
    """Whether a function within a method only runs in the pool of a ``with`` there: it has ended when the method goes on."""
    index = state.module.index
    around = index.function(function)
    if around is None:
        return False
    uses = [
        item
        for item in state.module.scopes.uses(around, function.name)
        if not (isinstance(call := index.parent(item), ast.Call) and call.func is item)
    ]
    return bool(uses) and all(_is_submitted(state, item) for item in uses)


def _is_submitted(state: SharedState, use: ast.expr) -> bool:
    """Whether a mention hands a function to an executor of a ``with`` statement around it."""
    index = state.module.index
    call = index.parent(use)
    if not isinstance(call, ast.Call) or last_name(call.func) not in ("map", "submit"):
        return False
    return any(
        isinstance(item.context_expr, ast.Call)
        and (last_name(item.context_expr.func) or "").endswith("Executor")
        for item in index.with_items(call)
    )


def _is_handed_over(state: SharedState, owner: ast.ClassDef, function: Method, inside: list[Access]) -> bool:
    """Whether a method that nobody in the file calls may be called back under the lock: who holds it hands out the object."""
    if state.locking.is_mentioned(function):
        return False
    return any(
        state.takers.hands_out(item.function)
        for item in inside
        if state.module.index.class_of(item.function) is owner
    )


def _is_of_many(state: SharedState, owner: ast.ClassDef, lock: str) -> bool:
    """Whether a lock comes out of a mapping of the module, ``_locks[key]``: it guards what all objects of one key share."""
    values = [value for value, _ in state.attributes.values(owner, lock) if value is not None]
    for value in values:
        table = value.value if isinstance(value, ast.Subscript) else None
        resolved = state.module.scopes.resolve(table) if isinstance(table, ast.Name) else None
        if resolved is None or not isinstance(resolved[0], ast.Module):
            return False
    return bool(values)


def _is_setter(write: Access) -> bool:
    """Whether a property's setter does nothing else than to bind what it is given."""
    return (
        write.kind is Kind.BIND
        and any(
            isinstance(item, ast.Attribute) and item.attr == "setter"
            for item in write.function.decorator_list
        )
        and isinstance(write.function.body[-1], ast.Assign)
        and isinstance(write.function.body[-1].value, ast.Name)
    )


def _is_guarded(state: SharedState, owner: ast.ClassDef, name: str, lock: str, inside: list[Access]) -> bool:
    """Whether a lock is there for an attribute: it is held at half of the uses and in half of the functions that use it, or
    around a change of it while the lock's name speaks of nothing else."""
    if is_named_for(lock, name) and any(
        is_write(state, owner, item)
        and (
            is_change(state, item)
            or any(other.kind is Kind.READ and other.function is item.function for other in inside)
        )
        for item in inside
    ):
        return True
    used = [
        item
        for family in state.attributes.family(owner)
        for item in state.attributes.accesses(family).get(name, ())
        if not state.locking.is_setup(item.function)
    ]
    held = [item for item in used if not state.locking.held(item.node).isdisjoint((lock, ANY))]
    users, holders = ({item.function for item in items} for items in (used, held))
    return 2 * len(held) >= len(used) and 2 * len(holders) >= len(users)


def _is_said_for_others(state: SharedState, owner: ast.ClassDef, lock: str, name: str) -> bool:
    """Whether the comment where a lock is made says what it guards, and names other attributes only."""
    for value, _ in state.attributes.values(owner, lock):
        text = "" if value is None else " ".join(state.module.comments.near(value.lineno))
        said = _stems(text) if _GUARDS.search(text) else set()
        if said and said.isdisjoint(_stems(name)):
            return any(
                not said.isdisjoint(_stems(other))
                for other, accesses in state.attributes.accesses(owner).items()
                if any(lock in state.locking.held(item.node) for item in accesses)
            )
    return False


def _stems(text: str) -> set[str]:
    """The words of a text or an identifier, without the s of the plural."""
    return {word.lower().removesuffix("s") for word in _WORD.findall(text)}


def _is_awaited_under(state: SharedState, access: Access) -> bool:
    """Whether whoever holds the lock sleeps until an attribute has changed: who took the lock to change it would never come to it."""
    index = state.module.index
    return access.kind is Kind.READ and any(
        isinstance(outer, ast.While)
        and access.node in walk(outer.test)
        and any(isinstance(call, ast.Call) and last_name(call.func) == "sleep" for call in walk(outer))
        for outer in index.outwards(access.node, access.function)
    )


def _is_exception(state: SharedState, owner: ast.ClassDef, lock: str, name: str) -> bool:
    """Whether writing without a lock is the custom of a class: it is held for one purpose, and most writers do without."""
    writers: dict[Method, bool] = {}
    for family in state.attributes.family(owner):
        for item in state.attributes.accesses(family).get(name, ()):
            if is_write(state, owner, item) and not state.locking.is_setup(item.function):
                held = not state.locking.held(item.node).isdisjoint((lock, ANY))
                writers[item.function] = writers.get(item.function, False) or held
    return len(writers) - sum(writers.values()) > _CUSTOM * max(1, sum(writers.values()))


def _by_lock(state: SharedState, owner: ast.ClassDef, name: str) -> dict[str, list[Access]]:
    """What the class and its bases do with an attribute under each lock."""
    found: defaultdict[str, list[Access]] = defaultdict(list)
    for family in state.attributes.family(owner):
        for access in state.attributes.accesses(family).get(name, ()):
            for lock in state.locking.held(access.node) - {ANY}:
                found[lock].append(access)
    return found


def _witness(
    state: SharedState, owner: ast.ClassDef, lock: str, inside: list[Access], write: Access
) -> Method | None:
    """Another function that shows that the lock is there for the attribute, and for such a write of it."""
    inside = [item for item in inside if item.function is not write.function]
    writes = [item for item in inside if is_write(state, owner, item)]
    writers = {item.function for item in writes}
    changes = [item for item in writes if is_change(state, item)]
    if state.takers.is_task_lock(owner, lock) and not _is_seen_by_tasks(state, write, inside, writes):
        return None
    if (
        write.method in _ATOMIC
        and state.attributes.is_deque(owner, write.name)
        and all(item.kind is not Kind.BIND for item in writes)
    ):
        return None  # of a deque it is atomic, and no other method swaps the deque
    values = {item.function for item in writes if not state.mentions.binds_constant(item)}
    if (
        not changes
        and not is_change(state, write)
        and (len(values) < 2 or state.mentions.binds_constant(write))
        and not _is_waited_for(state, owner, lock, write)
    ):
        return None  # a new value, at once: nobody sees half of it
    if not writes and len({item.function for item in inside}) < 2:
        return None
    if len(writers) < 2 and not _is_meant_for(lock, write.name):
        return None
    return next((item.function for item in (*changes, *writes, *inside)), None)


def _is_seen_by_tasks(state: SharedState, write: Access, inside: list[Access], writes: list[Access]) -> bool:
    """Whether a task that holds a lock of tasks lets others run between a read and a write, so that it would see this write.

    A plain function cannot wait for the lock; what it writes is lost only where the task computes its value from the read.
    """
    if state.mentions.detaches(write) or _only_grows(state, write):
        return False
    is_plain = not isinstance(write.function, ast.AsyncFunctionDef)
    if not is_plain and is_change(state, write) and any(_is_awaited(state, item) for item in writes):
        return True
    return any(
        read.function is item.function
        and not (write.method in _SINGLE and item.method in _SINGLE and read.method in _SINGLE)
        and state.suspensions.between(read.node, item.node)
        for item in writes
        if not is_plain or (item.kind is Kind.BIND and is_change(state, item))
        for read in inside
    )


def _only_grows(state: SharedState, write: Access) -> bool:
    """Whether a write puts a member in or out of a set, or takes the larger of two values: in one step, and twice is as good."""
    if write.kind is Kind.CALL:
        return write.method in ("add", "discard")
    value = state.mentions.assigned(write.node) if write.kind is Kind.BIND else None
    return isinstance(value, ast.Call) and last_name(value.func) in ("max", "min")


def _is_awaited(state: SharedState, write: Access) -> bool:
    """Whether the new value of an attribute is awaited: what others change meanwhile is overwritten."""
    value = state.mentions.assigned(write.node) if write.kind is Kind.BIND else None
    return value is not None and any(state.grounds.awaited(value))


def _is_waited_for(state: SharedState, owner: ast.ClassDef, lock: str, write: Access) -> bool:
    """Whether the waiters of a condition ask for an attribute, and a function that writes it does not notify them later."""
    return state.takers.is_waited_for(
        owner, lock, write.name
    ) and write.function not in state.takers.mentioning(owner, lock)


def _is_meant_for(lock: str, name: str) -> bool:
    """Whether the name of a lock does not say that it is there for something else, such as the order of what is sent."""
    other = _PURPOSES.search(lock)
    return other is None or other[0].lower() in name.lower()
