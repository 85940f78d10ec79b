"""Products of vectors, which are quick whatever the size of a vector, beside those of matrices."""

from __future__ import annotations

import ast
import functools
import re
from typing import Final

from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import bound_value, dotted, last_name, root

_HOPS: Final = 8  # names that lead from an operand to where it comes from
_LOOPS: Final = (ast.For, ast.AsyncFor, ast.comprehension)
# Iterating over these gives matrices, not vectors.
_MATRICES: Final = regex(
    r"batch|block|chunk|frame|image|kernel|layer|matri|shard|tensor|weight", re.IGNORECASE
)
_NORM: Final = "numpy.linalg.norm"
_OPERANDS: Final = 2
_SEQUENCES: Final = ("List", "Sequence", "list")
_VECTORS: Final = regex(r"(?:^|_)(?:emb|embedding|vec|vector)(?:_[a-z]|_?\d)?$", re.IGNORECASE)


class Vectors:
    """The vectors of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def are_multiplied(self, node: ast.Call) -> bool:
        """Whether an operand of a product has one dimension: ``dot(a, b) / (norm(a) * norm(b))``, ``for row in rows: dot(row, b)``.

        Args:
            node: the call that multiplies.
        """
        operands = node.args[:2]
        return (
            any(self._is_vector(operand, node) for operand in operands)
            or (len(operands) == _OPERANDS and all(map(self._is_named_vector, operands)))
            or self._gives_number(node)
        )

    def _is_named_vector(self, operand: ast.expr) -> bool:
        """Whether an operand is called one vector, or annotated as a list of numbers: ``normalise(edge.embedding or [])``."""
        for _ in range(_HOPS):
            if isinstance(operand, ast.BoolOp):
                operand = operand.values[0]
            elif isinstance(operand, ast.Call) and len(operand.args) == 1 and not operand.keywords:
                operand = operand.args[0]
            else:
                break
        name = last_name(operand) or ""
        if _VECTORS.search(name) and not _MATRICES.search(name):
            return True
        bindings = (
            (self._module.scopes.resolve(operand) or (None, []))[1] if isinstance(operand, ast.Name) else []
        )
        return len(bindings) == 1 and _is_of_numbers(bindings[0].annotation)

    def _gives_number(self, node: ast.Call) -> bool:
        """Whether the product is used as one number, as only that of two vectors is: ``if dot(a, b) > least``, ``float(dot(a, b))``."""
        if self._is_number(node):
            return True
        statement = self._beyond_arithmetic(node)[1]
        if isinstance(statement, ast.AnnAssign):
            return _is_float(statement.annotation)
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        if not isinstance(target, ast.Name):
            return False
        scope = self._module.scopes.owner(self._module.index.scope(target), target.id)
        if scope is None or len(self._module.scopes.bindings(scope, target.id)) != 1:
            return False
        return any(map(self._is_number, self._module.scopes.uses(scope, target.id)))

    def _beyond_arithmetic(self, value: ast.expr) -> tuple[ast.expr, ast.AST | None]:
        """The arithmetic that an expression is a part of, and what that stands in: ``1 - value``."""
        parent = self._module.index.parent(value)
        while isinstance(parent, ast.BinOp) or (
            isinstance(parent, ast.UnaryOp) and not isinstance(parent.op, ast.Not)
        ):
            value, parent = parent, self._module.index.parent(parent)
        return value, parent

    def _is_number(self, value: ast.expr) -> bool:
        """Whether an expression stands where an array of several numbers would raise, or is declared to be a number."""
        index = self._module.index
        value, parent = self._beyond_arithmetic(value)
        if isinstance(parent, ast.Call):
            return parent.func is not value and self._module.qualname(parent.func) == "builtins.float"
        if isinstance(parent, ast.Return):
            function = index.function(parent)
            return isinstance(function, ast.AsyncFunctionDef) and _is_float(function.returns)
        if isinstance(parent, ast.FormattedValue):
            return parent.format_spec is not None
        if not isinstance(parent, ast.Compare):
            return False
        asks = index.parent(parent)
        if isinstance(asks, ast.comprehension):
            return parent in asks.ifs
        return isinstance(asks, (ast.If, ast.IfExp, ast.While, ast.Assert)) and asks.test is parent

    def _is_vector(self, operand: ast.expr, node: ast.Call) -> bool:
        if isinstance(operand, ast.Attribute) and operand.attr == "T":
            operand = operand.value
        if (self._module.index.function(node), dotted(operand)) in self._measured:
            return True
        if self._is_normalised(operand) or _is_flat(operand):
            return True
        if isinstance(operand, ast.Name):
            definitions = self._module.definitions(operand)
            return bool(definitions) and all(
                self._is_element(item, operand, node)
                or self._is_normalised(bound_value(item))
                or _is_flat(bound_value(item))
                for item in definitions
            )
        if isinstance(operand, ast.Subscript):
            index = operand.slice
            key, container = (
                index.elts[0] if isinstance(index, ast.Tuple) and index.elts else index,
                operand.value,
            )
        elif (
            isinstance(operand, ast.Call)
            and isinstance(operand.func, ast.Attribute)
            and operand.func.attr == "get"
        ):
            if not operand.args:
                return False
            key, container = operand.args[0], operand.func.value
        else:
            return False
        return not _MATRICES.search(dotted(container) or "") and self.is_from_loop(key, node)

    def _is_normalised(self, value: ast.AST | None) -> bool:
        """Whether something is divided whose length the function takes: ``a / norm(a)``."""
        return (
            isinstance(value, ast.BinOp)
            and isinstance(value.op, ast.Div)
            and (self._module.index.function(value), dotted(value.left)) in self._measured
        )

    def _is_element(self, definition: ast.AST, name: ast.Name, node: ast.Call) -> bool:
        """Whether a loop around the call binds a variable to what an array gives."""
        if not isinstance(definition, _LOOPS) or not self._is_around(definition, node):
            return False
        iterated = definition.iter
        if isinstance(iterated, ast.Call) and not isinstance(iterated.func, ast.Name):
            return False
        given = iterated.args if isinstance(iterated, ast.Call) else [iterated]
        return not any(
            _MATRICES.search(item) for item in (name.id, *(dotted(value) or "" for value in given))
        )

    def _is_around(self, loop: ast.For | ast.AsyncFor | ast.comprehension, node: ast.AST) -> bool:
        repeated = self._module.index.parent(loop) if isinstance(loop, ast.comprehension) else loop
        return any(item is repeated for item in self._module.index.loops(node))

    def is_from_loop(self, value: ast.expr, node: ast.Call) -> bool:
        """Whether a value is the item of a loop around a call, or taken from it.

        Args:
            value: the value.
            node: the call.
        """
        for _ in range(_HOPS):
            start = root(value)
            definitions = self._module.definitions(start) if isinstance(start, ast.Name) else ()
            if len(definitions) != 1:
                return False
            definition = next(iter(definitions))
            if isinstance(definition, _LOOPS):
                return self._is_around(definition, node)
            made = bound_value(definition)
            if made is None:
                return False
            value = made
        return False

    @functools.cached_property
    def _measured(self) -> set[tuple[ast.AST | None, str | None]]:
        """The variables whose length is taken, with the function that does."""
        return {
            (self._module.index.function(call), dotted(call.args[0]))
            for call in self._module.index.calls_named({"norm"})
            if len(call.args) == 1
            and not call.keywords
            and isinstance(call.args[0], (ast.Name, ast.Attribute))
            and self._module.qualname(call.func) == _NORM
        }


def _is_float(annotation: ast.expr | None) -> bool:
    return isinstance(annotation, ast.Name) and annotation.id == "float"


def _is_of_numbers(annotation: ast.expr | None) -> bool:
    """``list[float]``."""
    return (
        isinstance(annotation, ast.Subscript)
        and last_name(annotation.value) in _SEQUENCES
        and _is_float(annotation.slice)
    )


def _is_flat(value: ast.AST | None) -> bool:
    """Whether an array is made one row or column: ``a.reshape(1, -1)``, ``a.ravel()``."""
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute):
        return False
    if value.func.attr in ("flatten", "ravel"):
        return True
    shape = value.args[0].elts if value.args and isinstance(value.args[0], ast.Tuple) else value.args
    return value.func.attr == "reshape" and sorted(map(ast.unparse, shape)) in (["-1"], ["-1", "1"])
