"""Asserts in code on tensors, where they are the custom: what kernels and layers are called with stands in the program."""

from __future__ import annotations

import ast
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.children import walk
from flake8_aiguard.evidence import OUTSIDE
from flake8_aiguard.memo import lazy
from flake8_aiguard.module import Module
from flake8_aiguard.shapes import explains, last_name, names_in, parameters, words

_CONSTRUCTORS: Final = ("__init__", "__new__", "__post_init__")


class Tensors:
    """The asserts of one file that say how tensors have to be laid out.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def covers(self, condition: ast.expr, node: ast.Assert) -> bool:
        """Whether a condition on an argument is between those who write kernels and layers.

        Args:
            condition: the condition.
            node: the assert that it stands in.

        Returns:
            In a file that imports a language for kernels: ``True``. In one that imports a tensor library: whether the
            assert says nothing in words, or stands in ``forward`` or another method of an object that was configured by
            its constructor, or the condition asks for a layout, whether two values are equal, or in a layer whether
            sizes fit. In one that imports a library for arrays: whether it asks for one size that was taken from
            a layout, and is always the same. Elsewhere ``False``.
        """
        if not self._imported.isdisjoint(_words("kernels")):
            return True
        if self._imported.isdisjoint(_words("packages")):
            return not self._imported.isdisjoint(_words("arrays")) and (
                _is_fixed_size(condition) and self._takes_layout(condition)
            )
        return (
            not explains(node.msg)
            or self._asks_layout(condition)
            or self._is_in_forward(condition)
            or self._is_in_method(condition)
            or _compares_computed(condition)
        )

    @lazy
    def _imported(self) -> set[str]:
        """The parts of the names that the file imports: a project may hand ``triton`` on from a module of its own."""
        index = self._module.index
        names = [alias.name for alias in index.nodes(ast.alias)]
        names += [statement.module or "" for statement in index.nodes(ast.ImportFrom)]
        return {part for name in names for part in name.split(".")}

    def _asks_layout(self, condition: ast.expr) -> bool:
        """Whether a condition asks how a tensor is laid out, or for a number taken from that: ``rows, columns = x.shape``."""
        return (
            _tells_layout(condition)
            or (_fits(condition) and self._is_in_layer(condition))
            or self._takes_layout(condition)
        )

    def _takes_layout(self, condition: ast.expr) -> bool:
        """Whether a condition asks for a number that was taken from a layout."""
        resolved = map(self._module.scopes.resolve, names_in(condition))
        bound = (binding.node for found in resolved if found is not None for binding in found[1])
        values = (
            getattr(self._module.index.statement(node), "value", None)
            for node in bound
            if isinstance(node, ast.Name)
        )
        return any(value is not None and _tells_layout(value) for value in values)

    def _is_in_forward(self, node: ast.expr) -> bool:
        """Whether a node stands in the pass of a layer, which other layers call."""
        function = self._module.index.function(node)
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) or function.name != "forward":
            return False
        owner = self._module.index.class_of(function)
        bases = [] if owner is None else owner.bases
        return any(
            (self._module.qualname(base) or "").partition(".")[0] in _words("packages") for base in bases
        ) or any(
            item.annotation is not None and (last_name(item.annotation) or "").endswith("Tensor")
            for item in parameters(function)
        )

    def _is_in_method(self, node: ast.expr) -> bool:
        """Whether a node stands in a method that is no constructor, on no options from a command line or file."""
        function = self._module.index.function(node)
        return (
            isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
            and function.name not in _CONSTRUCTORS
            and self._module.index.class_of(function) is not None
            and all(OUTSIDE.isdisjoint(words(name.id)) for name in names_in(node))
        )

    def _is_in_layer(self, node: ast.expr) -> bool:
        """Whether a node stands in a layer: a class with a method ``forward``, or derived from a ``Module``."""
        function = self._module.index.function(node)
        owner = None if function is None else self._module.index.class_of(function)
        return owner is not None and (
            bool(self._module.scopes.bindings(owner, "forward"))
            or any((last_name(base) or "").endswith("Module") for base in owner.bases)
        )


def _is_fixed_size(condition: ast.expr) -> bool:
    """Whether a condition compares a local with one number: ``windows == 1``."""
    return (
        isinstance(condition, ast.Compare)
        and isinstance(condition.left, ast.Name)
        and isinstance(condition.ops[0], ast.Eq)
        and isinstance(condition.comparators[0], ast.Constant)
    )


def _compares_computed(condition: ast.expr) -> bool:
    """Whether two values that both stand in no literal have to be equal: sizes of neighbours, a number and its conversion."""
    return (
        isinstance(condition, ast.Compare)
        and isinstance(condition.ops[0], ast.Eq)
        and all(
            isinstance(side, (ast.Name, ast.Attribute)) for side in (condition.left, condition.comparators[0])
        )
    )


def _fits(condition: ast.expr) -> bool:
    """Whether a condition says that sizes fit each other: divisible, a product, lists of one length."""
    if not isinstance(condition, ast.Compare) or not isinstance(condition.ops[0], (ast.Eq, ast.NotEq)):
        return False
    sides = (condition.left, condition.comparators[0])
    if all(isinstance(side, ast.Call) and last_name(side.func) == "len" for side in sides):
        return True
    return any(isinstance(side, ast.BinOp) and isinstance(side.op, (ast.Mod, ast.Mult)) for side in sides)


def _tells_layout(node: ast.expr) -> bool:
    return any(isinstance(item, ast.Attribute) and item.attr in _words("layout") for item in walk(node))


@knowledge.cached
def _words(column: str) -> frozenset[str]:
    return frozenset(word for row in knowledge.rows("untrusted.tensor") for word in row.get(column, ()))
