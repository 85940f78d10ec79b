"""Writes in a coroutine that rest on what an attribute was before an ``await``."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from flake8_aiguard import harms, knowledge
from flake8_aiguard.attributes import WRITES, Access, Kind
from flake8_aiguard.bounds import words_pattern
from flake8_aiguard.classes import serves_one_request
from flake8_aiguard.grounds import original
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import last_name, parameters
from flake8_aiguard.shared_state import SharedState
from flake8_aiguard.steps import is_of_task

_ALONE = regex(r"_*run(?:_forever|_loop)?")
_CHEAP = regex(
    r"_*(?:parse|decode|encode|normali[sz]e|format|(?:de)?seriali[sz]e|hash|digest|validate|compile|render)(?:_\w+)?"
)
_READS = regex(
    r"_*(?:a|async_)?(?:count|describe|fetch|find|get|has|head|is|list|load|look_?up|query|read|retrieve|search|select)(?:_|$)"
)
# Reads that name what they read, and what is no mere value when it comes back.
_READS_IT = regex(r"_*(?:a|async_)?(?:describe|find|get|list|look_?up|query|read|retrieve|search|select)_\w+")
_MADE = regex(
    r"_*(?:\w+_)?(?:or_)?(?:connect|create|launch|log_?in|make|open|register|spawn|start)(?:_\w+)?"
    r"|\w*(?:channel|client|conn|connection|cursor|engine|file|lock|pool|process|session|socket|stream|task|transport|worker)",
    re.IGNORECASE,
)
_SCALARS = regex(r"(?:is_\w+|status|status_code|ok|name|count|size|length)")
_NAMES = regex(
    r"_*(?:full_|qual(?:ified)?_|model_|tool_|plugin_|provider_|property_|setting_|template_)name|collection(?:_id)?"
)
_EXPIRES = regex(r"(?:^|_)(?:now|ttl|time|monotonic|expir\w*|deadline|timestamp)(?:_|$)", re.IGNORECASE)
_PLAIN_VALUES = frozenset({"bool", "bytes", "float", "from_bytes", "hexdigest", "int", "len", "str"})
_ADDS = frozenset({"add", "append", "appendleft", "extend", "insert", "setdefault", "update"})
_PASSES = regex(r"ttl|expir|timed", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Stale:
    """A write after an ``await``.

    Attributes:
        node: where it stands.
        name: the attribute.
        harm: what two callers do twice who both pass the check before it: ``fetch``, ``work``, ``open`` or ``count``; ``""``
            where the new value is computed from the old one.
    """

    node: ast.Attribute
    name: str
    harm: str = ""


def stale_writes(state: SharedState, owner: ast.ClassDef) -> Iterator[Stale]:
    """The writes after an ``await`` that rest on what the attribute was before it.

    Args:
        state: the shared state of the file.
        owner: a class with coroutines that write attributes.

    Yields:
        One write for each statement.
    """
    reported: set[ast.stmt] = set()
    if state.concurrency.is_for_one(owner) or serves_one_request(state.module, owner):
        return
    for name, accesses in state.attributes.accesses(owner).items():
        mentions = Counter(item.function for item in accesses)
        for write in accesses:
            function = write.function
            if not isinstance(function, ast.AsyncFunctionDef) or function.name in _single_methods():
                continue
            if write.kind not in WRITES or (
                mentions[function] < 2 and not state.mentions.augments(write.node)
            ):
                continue
            if not _is_update(state, owner, write):
                continue
            stale = _stale_read(state, write)
            read = stale or _stale_condition(state, owner, write)
            if read is None or _is_exclusive(state, read, write) or _is_rechecked(state, write):
                continue
            if _is_private(state, owner, write, accesses) or _is_of_one_task(state, owner, write, accesses):
                continue
            if function.name.startswith("_") and not state.concurrency.starts(owner):
                continue  # nothing shows that it runs twice at once
            if state.concurrency.is_of_one_call(owner):
                continue
            if stale and (is_of_task(state, write) or state.attributes.holds_bytes(owner, name)):
                continue  # bytes that arrive in order have one reader
            statement = state.module.index.statement(write.node)
            if statement in reported:
                continue
            harm = "" if stale else harms.harm(state, write)
            if harm == "fetch" and _is_by_name(state, write):
                continue  # of these there are few, and all callers come to the same
            if harm and not harms.is_worth_a_lock(state, read, write, harm):
                continue
            if not state.locking.is_explained(statement):
                reported.add(statement)
                yield Stale(write.node, name, harm)


def _is_by_name(state: SharedState, write: Access) -> bool:
    """Whether an entry stands under the name of a part of the program or its configuration."""
    slot = state.module.index.parent(write.node)
    key = slot.slice if isinstance(slot, ast.Subscript) else None
    return key is not None and _NAMES.fullmatch(last_name(key) or "") is not None


def _is_private(state: SharedState, owner: ast.ClassDef, write: Access, accesses: list[Access]) -> bool:
    """Whether an attribute belongs to the one method that runs as long as its object, which starts nothing beside itself, or to
    a generator, which has one reader."""
    return (
        (_ALONE.fullmatch(write.function.name) is not None or state.suspensions.is_stream(write.function))
        and not state.concurrency.starts(owner)
        and all(item.function is write.function or state.locking.is_setup(item.function) for item in accesses)
    )


def _is_of_one_task(state: SharedState, owner: ast.ClassDef, write: Access, accesses: list[Access]) -> bool:
    """Whether one task of the class drives all that gives an attribute new values; others may take out what it has put in."""
    name = write.function.name
    if not name.startswith("_") or name.endswith("__"):
        return False  # others may call it too
    return state.concurrency.is_driven(owner, write.function) and all(
        item.kind not in WRITES
        or not (_is_update(state, owner, item) or item.kind is Kind.AUGMENT)
        or state.mentions.binds_constant(item)
        or item.function is write.function
        or state.locking.is_setup(item.function)
        or state.concurrency.is_driven(owner, item.function)
        for item in accesses
    )


def _is_update(state: SharedState, owner: ast.ClassDef, access: Access) -> bool:
    if access.kind is Kind.CALL:
        return (
            access.method in _ADDS - {"setdefault"}
            and state.attributes.is_container(owner, access.name) is not False
        )
    if access.kind is Kind.AUGMENT and state.attributes.is_container(owner, access.name):
        return False  # grows in place
    if state.mentions.recounts(access) and state.attributes.is_container(owner, access.name):
        return False  # grows by what is put before or behind it
    return access.kind in WRITES and not state.mentions.deletes(access)


def _is_exclusive(state: SharedState, read: ast.expr, write: Access) -> bool:
    """Whether nobody else can write between the read and the write."""
    holds = state.locking.holds(read) & state.locking.holds(write.node)
    return bool(holds) or state.grounds.is_claimed(read, write)


def _stale_read(state: SharedState, write: Access) -> ast.expr | None:
    """The read before an ``await`` from which a write computes the new value."""
    value = state.mentions.assigned(write.node)
    if value is None:
        return None
    statement = state.module.index.statement(write.node)
    if isinstance(statement, ast.AugAssign):
        return statement.target if state.suspensions.between(statement.target, statement) else None
    key = state.mentions.key(write.node)
    expressions = list(state.grounds.sources(value))
    kept = original(value)
    if isinstance(kept, ast.Name) and (state.grounds.is_chosen(kept) or _rolls_back(state, statement)):
        return None  # puts back what was there, or was given
    branches = (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,)
    if any(
        isinstance(item, ast.BinOp) and any(_is_given(state, write, side) for side in (item.left, item.right))
        for item in branches
    ):
        return None  # the caller may say where to begin, and the attribute is for the one who does not
    if isinstance(value, ast.UnaryOp) and _is_stored_before(state, value, write):
        return None  # shows what was stored
    if isinstance(value, ast.BoolOp) and state.mentions.is_read(value.values[0], write):
        return None  # keeps what is there: ``self.x or await f()``
    reads = [
        read
        for item in expressions
        for read in state.mentions.reads(item, write)
        if key in (None, state.mentions.key(read)) and not _only_filters(state, read)
    ]
    stale = [read for read in reads if state.suspensions.between(read, statement)]
    return stale[0] if len(stale) == len(reads) > 0 else None


def _is_given(state: SharedState, write: Access, value: ast.expr) -> bool:
    """Whether a value is what the caller gives, and the attribute only where it gives nothing."""
    return (
        isinstance(value, ast.Name)
        and any(item.arg == value.id for item in parameters(write.function))
        and any(
            next(state.mentions.reads(item, write), None) is not None for item in state.grounds.sources(value)
        )
    )


def _only_filters(state: SharedState, read: ast.expr) -> bool:
    """Whether a read only decides which items of something else stay: ``[p for p in names if p != self.last]``."""
    child: ast.AST = read
    for outer in state.module.index.ancestors(read):
        if isinstance(outer, ast.comprehension):
            return child in outer.ifs
        if isinstance(outer, ast.stmt):
            return False
        child = outer
    return False


def _stale_condition(state: SharedState, owner: ast.ClassDef, write: Access) -> ast.expr | None:
    """The read before an ``await`` on whose outcome a write relies: ``if k not in self.c: self.c[k] = await f()``."""
    value = state.mentions.assigned(write.node)
    if isinstance(value, ast.Constant) and write.kind is not Kind.AUGMENT:
        return None
    is_single = write.kind is Kind.BIND or (
        write.kind is Kind.ITEM and state.mentions.has_fixed_key(write.node)
    )
    if is_single and (
        value is None or not (harms.opens(state, write, value) or state.mentions.recounts(write))
    ):
        return None
    statement = state.module.index.statement(write.node)
    if _may_repeat(state, owner, write, value):
        return None
    for test, truth in state.grounds.conditions(statement):
        read = None if state.grounds.is_asserted(test) else state.grounds.asks(test, truth, write)
        if read is not None and _is_in_one_loop(state, owner, read, write):
            return None
        if read is not None and truth is not None and state.suspensions.between(read, statement):
            if state.grounds.asks_instead(read, test, statement):
                continue
            counts = write.kind is Kind.AUGMENT and state.suspensions.repeats_between(read, statement)
            return None if counts else read
    read = state.grounds.missed(write)
    return read if read is not None and state.suspensions.between(read, statement) else None


def _rolls_back(state: SharedState, statement: ast.stmt) -> bool:
    """Whether a statement runs when something has failed, and puts a saved value back."""
    return any(isinstance(item, ast.ExceptHandler) for item in state.module.index.ancestors(statement))


def _is_stored_before(state: SharedState, value: ast.UnaryOp, write: Access) -> bool:
    """``await config.set(not shown)`` before ``self.shown = not shown``: a switch whose state stands elsewhere."""
    text = ast.dump(value)
    return any(
        isinstance(item.value, ast.Call) and any(ast.dump(given) == text for given in item.value.args)
        for item in state.module.index.nodes(ast.Await)
        if state.module.index.function(item) is write.function and item.lineno < write.node.lineno
    )


def _is_in_one_loop(state: SharedState, owner: ast.ClassDef, read: ast.expr, write: Access) -> bool:
    """Whether a loop of one call checks, awaits and writes an entry for each of its items, one after the other."""
    if write.kind not in (Kind.ITEM, Kind.CALL) or state.mentions.augments(write.node):
        return False
    loops = list(state.module.index.loops(write.node))
    return any(loop in loops for loop in state.module.index.loops(read))


def _may_repeat(state: SharedState, owner: ast.ClassDef, write: Access, value: ast.expr | None) -> bool:
    """Whether it does no harm that two callers bring in the same entry: a member of a set for which nothing else was done, a
    value that its own time or that of its cache replaces, or one that is only computed."""
    if write.kind is Kind.CALL:
        return write.method == "add" and not state.grounds.is_worked_on(write)
    if write.kind is not Kind.ITEM or value is None:
        return False
    if is_of_task(state, write):
        return True
    if any(_PASSES.search(name) for name in state.attributes.constructors(owner, write.name)):
        return True
    if isinstance(value, ast.Tuple):
        return any(_EXPIRES.search(last_name(node) or "") for item in value.elts for node in ast.walk(item))
    awaited = list(state.grounds.awaited(value))
    if not awaited and _only_prepares(state, write):
        return True
    if awaited and all(_CHEAP.fullmatch(last_name(call.func) or "") for call in awaited):
        return True
    if _only_looks_up(state, write, value):
        return True
    return _is_scalar(state, write, value) and all(map(_only_reads, awaited or _awaits(state, write)))


def _only_looks_up(state: SharedState, write: Access, value: ast.expr) -> bool:
    """Whether all that a function awaits before a write is a look-up (``await store.get_profile(k)``), and the entry is its outcome
    or made of it: both callers come to the same one."""
    names = [last_name(call.func) or "" for call in _awaits(state, write)]
    if not names or not all(_READS_IT.fullmatch(name) and not _MADE.fullmatch(name) for name in names):
        return False
    made = [item for item in state.grounds.sources(value) if isinstance(item, ast.Call)]
    return not any(_MADE.fullmatch(last_name(item.func) or "") for item in made)


def _only_prepares(state: SharedState, write: Access) -> bool:
    """Whether all that a function awaits before a write is that its own object has read what it is made of: ``await
    self.read()``, whose outcome it does not use."""
    awaits = [
        item
        for item in state.module.index.nodes(ast.Await)
        if state.module.index.function(item) is write.function and item.lineno <= write.node.lineno
    ]
    return bool(awaits) and all(
        isinstance(state.module.index.statement(item), ast.Expr)
        and isinstance(item.value, ast.Call)
        and not item.value.args
        and not item.value.keywords
        and isinstance(item.value.func, ast.Attribute)
        and _READS.match(item.value.func.attr) is not None
        and ast.dump(item.value.func.value) == ast.dump(write.node.value)
        for item in awaits
    )


def _awaits(state: SharedState, write: Access) -> list[ast.Call]:
    """The awaited calls before a write."""
    return [
        item.value
        for item in state.module.index.nodes(ast.Await)
        if isinstance(item.value, ast.Call)
        and state.module.index.function(item) is write.function
        and item.lineno <= write.node.lineno
    ]


def _only_reads(call: ast.Call) -> bool:
    """Whether a second call does no harm: it asks for something."""
    return _READS.match(last_name(call.func) or "") is not None or _asks_configuration(call)


def _asks_configuration(call: ast.Call) -> bool:
    """``self.config.guild(guild).locale()``."""
    node: ast.expr = call
    while isinstance(node, (ast.Call, ast.Attribute)):
        if isinstance(node, ast.Attribute) and _is_configuration(node.attr):
            return True
        node = node.func if isinstance(node, ast.Call) else node.value
    return isinstance(node, ast.Name) and _is_configuration(node.id)


def _is_configuration(name: str) -> bool:
    return words_pattern("configuration").search(name.lower()) is not None


def _is_scalar(state: SharedState, write: Access, value: ast.expr) -> bool:
    """Whether a value is a text, a number or a truth value, so that it does not matter whose copy of it stays."""
    items = list(state.grounds.sources(value)) if isinstance(value, ast.Name) else [value]
    return all(_is_scalar_part(item, write) for item in items)


def _is_scalar_part(item: ast.expr, write: Access) -> bool:
    if isinstance(item, ast.Await):
        return isinstance(item.value, ast.Call) and (
            _asks_configuration(item.value) or _names_scalar(write.function.returns)
        )
    if isinstance(item, ast.BoolOp):
        return _is_scalar_part(item.values[-1], write)
    if isinstance(item, ast.Attribute):
        return _SCALARS.fullmatch(item.attr) is not None
    if isinstance(item, ast.Call):
        if last_name(item.func) == "get" and write.name in ast.dump(item.func):
            return True  # what was found there before
        if last_name(item.func) == "getattr":
            return isinstance(item.args[-1], ast.Constant)
        return last_name(item.func) in _PLAIN_VALUES
    return isinstance(item, (ast.Compare, ast.Constant, ast.JoinedStr, ast.Name, ast.UnaryOp))


def _names_scalar(annotation: ast.expr | None) -> bool:
    """Whether an annotation is ``str``, ``int | None``, ``Optional[bool]``."""
    if isinstance(annotation, ast.BinOp):
        return _names_scalar(annotation.left) and _names_scalar(annotation.right)
    if isinstance(annotation, ast.Subscript) and last_name(annotation.value) == "Optional":
        return _names_scalar(annotation.slice)
    if isinstance(annotation, ast.Constant):
        return annotation.value is None
    return isinstance(annotation, ast.Name) and annotation.id in ("bool", "float", "int", "str")


def _is_rechecked(state: SharedState, write: Access) -> bool:
    """Whether a condition asks for the attribute again, with no ``await`` between it and the write."""
    statement = state.module.index.statement(write.node)
    return any(
        truth is None or not state.suspensions.between(read, statement)
        for test, truth in state.grounds.conditions(statement)
        for read in state.mentions.reads(test, write)
    )


@knowledge.cached
def _single_methods() -> frozenset[str]:
    return frozenset(name for row in knowledge.rows("shared_state.single") for name in row["methods"])
