"""Writes where an object or its work begins or ends: nobody else is at it then, and no lock is needed."""

from __future__ import annotations

import ast

from flake8_aiguard.attributes import Access, Kind, changing_methods
from flake8_aiguard.locking import is_ending_name, is_lifecycle_name
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import last_name, string
from flake8_aiguard.shared_state import SharedState

_ENDED = regex(r"_*(?:\w+_)?(?:stopped|closed|ended|finished|terminated)|_*clean_\w+|\w+_for_tests?(?:ing)?")
_PLAIN = frozenset({"acquire", "release", "debug", "info", "warning", "error", "exception", "log", "print"})
_CHANGES = (
    *(ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Delete, ast.Pass, ast.Return),
    *(ast.With, ast.AsyncWith, ast.If, ast.For, ast.Try),
)


def begins_anew(state: SharedState, write: Access, own: list[Access]) -> bool:
    """Whether a write stands where a fixed value is put in as something begins or ends: nobody else is at work then.

    A public method that does nothing but change attributes resets them while others are.
    """
    name = write.function.name
    if (is_ending_name(name) or _ENDED.fullmatch(name)) and _takes_all_out(state, write):
        return True
    if write.kind is Kind.ITEM and _is_zeroed_first(state, write):
        return True
    if write.kind is not Kind.BIND or not any(
        item.function is write.function
        and (state.mentions.binds_constant(item) or state.mentions.resets(item))
        for item in own
    ):
        return False
    body = write.function.body
    if isinstance(body[0], ast.Expr) and string(body[0].value) is not None:
        body = body[1:]
    begins = name.startswith("_") or (is_lifecycle_name(name) and not name.startswith(("clear", "re")))
    return begins or not all(map(_only_changes, body))


def _is_zeroed_first(state: SharedState, write: Access) -> bool:
    """Whether a function begins by giving entries a fixed value, before what it is there for."""
    value = state.mentions.assigned(write.node)
    body = write.function.body
    begins = body[1:3] if isinstance(body[0], ast.Expr) and string(body[0].value) is not None else body[:2]
    return (
        isinstance(value, ast.Constant)
        and not state.mentions.augments(write.node)
        and any(
            isinstance(item, ast.For)
            and item is not body[-1]
            and item.lineno < write.node.lineno <= (item.end_lineno or 0)
            for item in begins
        )
    )


def _takes_all_out(state: SharedState, write: Access) -> bool:
    """Whether a write empties a container, drops the attribute, or takes out its entries in a loop over them."""
    if write.kind is Kind.BIND:
        return state.mentions.deletes(write)
    if write.kind is not Kind.CALL:
        return False
    return state.mentions.resets(write) or (
        write.method in ("pop", "popitem", "popleft")
        and any(
            state.mentions.is_read(item, write)
            for loop in state.module.index.loops(write.node)
            if isinstance(loop, (ast.For, ast.While))
            for item in ast.walk(loop.iter if isinstance(loop, ast.For) else loop.test)
            if isinstance(item, ast.Attribute)
        )
    )


def _only_changes(statement: ast.stmt) -> bool:
    """Whether a statement does nothing but set or change something, or say so in a log."""
    stack: list[ast.stmt] = [statement]
    while stack:
        item = stack.pop()
        if isinstance(item, ast.Expr):
            call = item.value
            if not isinstance(call, ast.Call) or last_name(call.func) not in _PLAIN | changing_methods():
                return False
        elif not isinstance(item, _CHANGES):
            return False
        for name in ("body", "orelse", "finalbody"):
            stack += getattr(item, name, ())
    return True
