"""What stands below a node: as ``ast.walk``, without contexts and operators, and at a third of its time."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

# Fields that never hold a node, whatever class they stand in.
_LEAF_FIELDS: Final = frozenset(
    (
        *("ctx", "op", "ops", "kind", "type_comment", "level", "id", "attr", "arg", "asname", "conversion"),
        *("simple", "type_ignores", "is_async", "module", "rest", "kwd_attrs", "str"),
    )
)
_LEAF_NAMES: Final = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.ExceptHandler,
    ast.alias,
    ast.MatchAs,
    ast.MatchStar,
)


def _child_fields(cls: type[ast.AST]) -> tuple[str, ...]:
    fields = [field for field in cls._fields if field not in _LEAF_FIELDS]
    if cls in _LEAF_NAMES or cls.__name__ in ("TypeVar", "ParamSpec", "TypeVarTuple"):
        fields.remove("name")
    if cls in (ast.Global, ast.Nonlocal):
        fields.remove("names")
    if cls in (ast.Constant, ast.MatchSingleton):
        fields.remove("value")
    return tuple(fields)


# The fields of each node class that hold nodes.
FIELDS: Final[dict[type[ast.AST], tuple[str, ...]]] = {
    cls: _child_fields(cls)
    for cls in vars(ast).values()
    if isinstance(cls, type) and issubclass(cls, ast.AST) and not getattr(cls, "__deprecated__", None)
}


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes directly below a node, in the order of its fields."""
    found: list[ast.AST] = []
    for field in FIELDS[node.__class__]:
        child = getattr(node, field)
        if not child:
            continue
        if child.__class__ is not list:
            found.append(child)
        elif None in child:
            found += [item for item in child if item is not None]
        else:
            found += child
    return found


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below a node, itself included, in no particular order."""
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        stack += children(node)
