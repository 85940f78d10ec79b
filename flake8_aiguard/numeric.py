"""What number an expression is."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from flake8_aiguard.shapes import dotted

Known: TypeAlias = Callable[[str], "float | None"]

_DEPTH: Final = 12
_LARGEST: Final = 1e12
COMPARES: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
"""What comparisons do with two values."""
_OPERATORS: Final[Mapping[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: lambda left, right: left * 2**right,
}
_FUNCTIONS: Final[Mapping[str, Callable[..., float]]] = {
    "abs": abs,
    "ceil": math.ceil,
    "float": float,
    "floor": math.floor,
    "int": int,
    "max": max,
    "min": min,
    "pow": pow,
    "round": round,
    "sqrt": math.sqrt,
}


def number(node: ast.expr | None, known: Known = lambda name: None, depth: int = _DEPTH) -> float | None:
    """The number that an expression is.

    Args:
        node: the expression.
        known: what it asks for the number of a name or a chain of attributes, by its text.
        depth: how deep the expression may be nested.

    Returns:
        The number; ``None`` where it is not known. Reads arithmetic, ``min()``, ``max()``, ``pow()``, rounding and ``timedelta(seconds=...)``.
    """
    found: float | None = None
    if depth == 0 or node is None:
        return None
    if isinstance(node, ast.Constant):
        value = node.value
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return value if is_number and isinstance(value, (int, float)) else None
    if isinstance(node, (ast.Name, ast.Attribute)):
        name = dotted(node)
        return None if name is None else known(name)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        found = number(node.operand, known, depth - 1)
        return found if found is None or isinstance(node.op, ast.UAdd) else -found
    if isinstance(node, ast.BinOp):
        values = [number(node.left, known, depth - 1), number(node.right, known, depth - 1)]
        if isinstance(node.op, ast.Mult) and 0 in values:
            return 0  # whatever the other one is
        return _apply(_OPERATORS.get(type(node.op)), values)
    if isinstance(node, ast.IfExp):
        test = truth(node.test, known, depth - 1)
        return None if test is None else number(node.body if test else node.orelse, known, depth - 1)
    if isinstance(node, ast.Call):
        last = (dotted(node.func) or "").rpartition(".")[2]
        if last == "timedelta" and [item.arg for item in node.keywords] == ["seconds"] and not node.args:
            return number(node.keywords[0].value, known, depth - 1)
        if not node.keywords and node.args:
            return _apply(_FUNCTIONS.get(last), [number(item, known, depth - 1) for item in node.args])
    return None


def truth(node: ast.expr, known: Known, depth: int = _DEPTH) -> bool | None:
    """Whether a condition on numbers holds; ``None`` where that is not known."""
    if depth == 0:
        return None
    if isinstance(node, ast.Constant):
        return bool(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        found = truth(node.operand, known, depth - 1)
        return None if found is None else not found
    if isinstance(node, ast.BoolOp):
        values = [truth(item, known, depth - 1) for item in node.values]
        decides = isinstance(node.op, ast.Or)
        if decides in values:
            return decides
        return None if None in values else not decides
    if isinstance(node, ast.Compare):
        if len(node.ops) != 1 or type(node.ops[0]) not in COMPARES:
            return None
        left, right = number(node.left, known, depth - 1), number(node.comparators[0], known, depth - 1)
        return None if left is None or right is None else bool(COMPARES[type(node.ops[0])](left, right))
    found_number = number(node, known, depth - 1)
    return None if found_number is None else bool(found_number)


def _apply(function: Callable[..., float] | None, values: list[float | None]) -> float | None:
    if function is None or None in values or any(abs(value or 0) > _LARGEST for value in values):
        return None
    if function is operator.pow and abs(values[1] or 0) > 64:
        return None
    try:
        found = function(*values)
    except (ArithmeticError, ValueError, TypeError):
        return None
    return found if isinstance(found, (int, float)) else None
