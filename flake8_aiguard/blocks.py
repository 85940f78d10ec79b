"""How a block of statements may end, and which statements and calls running it runs."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from flake8_aiguard.index import FUNCTIONS, TRIES
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import last_name

Block: TypeAlias = "Iterable[ast.stmt]"

_EXITS: Final = regex(r"_?exit(_json)?|fail(_json\w*)?|abort|quit|die|fatal|skip|sys_exit")
NESTED: Final = (*FUNCTIONS, ast.ClassDef)


def outcomes(block: Block) -> set[str]:
    """How statements may end: ``fall``, ``continue``, ``break``, ``return``, ``raise``.

    Args:
        block: the statements.

    Returns:
        The ways; an inner loop is taken to end by itself, and to hold a ``return`` if one stands in it.
    """
    stack = [iter(block)]
    return _outcomes(list(stack[0]), 0)


_DEEPEST: Final = 40  # blocks in blocks that are looked into; an elif chain counts once


def _outcomes(block: list[ast.stmt], depth: int) -> set[str]:
    found: set[str] = set()
    if depth > _DEEPEST:
        return {"fall", "continue"}
    for item in block:
        ends = ends_of(item, depth)
        found |= ends - {"fall"}
        if "fall" not in ends:
            return found
    return found | {"fall"}


def ends_of(item: ast.stmt, depth: int = 0) -> set[str]:
    """How one statement may end, as :func:`outcomes` says; ``depth`` counts the blocks around it."""
    if isinstance(item, ast.Continue):
        return {"continue"}
    if isinstance(item, ast.Break):
        return {"break"}
    if isinstance(item, ast.Return):
        return {"return"}
    if isinstance(item, ast.Raise):
        return {"raise"}
    if (
        isinstance(item, ast.Expr)
        and isinstance(item.value, ast.Call)
        and _EXITS.fullmatch(called_name(item.value))
    ):
        return {"raise"}  # sys.exit(), module.fail_json()
    if isinstance(item, ast.If):
        found: set[str] = set()
        branch: list[ast.stmt] = [item]
        while len(branch) == 1 and isinstance(branch[0], ast.If):
            found |= _outcomes(branch[0].body, depth + 1)
            branch = branch[0].orelse
        return found | _outcomes(branch, depth + 1)
    if isinstance(item, (ast.With, ast.AsyncWith)):
        return _outcomes(item.body, depth + 1)
    if isinstance(item, TRIES):
        found = _outcomes([*item.body, *item.orelse], depth + 1)
        for handler in item.handlers:
            found |= _outcomes(handler.body, depth + 1)
        last = _outcomes(item.finalbody, depth + 1)
        return found if "fall" in last else last
    if isinstance(item, (ast.For, ast.AsyncFor, ast.While)):
        inner = _outcomes(item.body, depth + 1) & {"return", "raise"}
        return inner | {"fall"}
    if isinstance(item, ast.Match):
        found = {"fall"}
        for case in item.cases:
            found |= _outcomes(case.body, depth + 1)
        return found
    return {"fall"}


def statements_in(block: Block, stop: ast.stmt | None = None) -> Iterator[ast.stmt]:
    """The statements of blocks and of those within, not of nested functions; up to one of them."""
    stack = list(block)[::-1]
    while stack:
        item = stack.pop()
        if item is stop:
            return
        yield item
        if not isinstance(item, NESTED):
            inner = [part for part in ast.iter_child_nodes(item) if isinstance(part, ast.stmt)]
            inner += [
                part
                for group in ast.iter_child_nodes(item)
                if isinstance(group, (ast.ExceptHandler, ast.match_case))
                for part in group.body
            ]
            stack += inner[::-1]


def calls_in(node: ast.AST) -> Iterator[ast.Call]:
    """The calls that running a node makes, nested functions left out."""
    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, ast.Call):
            yield item
        if not isinstance(item, NESTED):
            stack.extend(ast.iter_child_nodes(item))


def called_name(call: ast.Call) -> str:
    """The last identifier of what is called."""
    return last_name(call.func) or ""


def bound_by(item: ast.stmt) -> list[ast.expr]:
    """What an assignment binds."""
    if isinstance(item, ast.Assign):
        return item.targets
    return [item.target] if isinstance(item, (ast.AugAssign, ast.AnnAssign)) else []
