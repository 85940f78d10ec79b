"""Values that are written out in the code: literals, what is built of them, and names for one."""

from __future__ import annotations

import ast
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.module import Module
from flake8_aiguard.scopes import Kind

_MOST_PARTS: Final = 500  # of a literal that is still small
_HOPS: Final = 8  # names that lead to a literal


class Written:
    """The values that one file writes out.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def is_small(self, node: ast.expr) -> bool:
        """Whether a value is written out and small: a literal, what is built of literals, or a name for one.

        Args:
            node: the value.
        """
        stack, parts, names = [node], 0, 0
        while stack:
            item = stack.pop()
            parts += 1
            if parts > _MOST_PARTS:
                return False
            if isinstance(item, (ast.List, ast.Tuple, ast.Set)):
                stack += item.elts
            elif isinstance(item, ast.Dict):
                stack += item.values
            elif isinstance(item, ast.UnaryOp):
                stack.append(item.operand)
            elif isinstance(item, ast.Call):
                row = knowledge.by_call("cpu_bound.small").get(self._module.qualname(item.func) or "")
                given = [*item.args, *(keyword.value for keyword in item.keywords)]
                if isinstance(item.func, ast.Attribute) and item.func.attr == "encode":
                    given.append(item.func.value)
                elif row is None or any(is_large(value, row["most"]) for value in given):
                    return False
                stack += given
            elif isinstance(item, ast.Name):
                names += 1
                bindings = (self._module.scopes.resolve(item) or (None, []))[1]
                if names > _HOPS or len(bindings) != 1 or bindings[0].kind is not Kind.ASSIGN:
                    return False
                if bindings[0].value is None:
                    return False
                stack.append(bindings[0].value)
            elif not isinstance(item, ast.Constant):
                return False
        return True

    def literal(self, node: ast.expr) -> ast.expr:
        """What a name stands for that is bound once.

        Args:
            node: the name, or anything else, which stands for itself.
        """
        for _ in range(_HOPS):
            bindings = (
                (self._module.scopes.resolve(node) or (None, []))[1] if isinstance(node, ast.Name) else []
            )
            if len(bindings) != 1 or bindings[0].value is None:
                break
            node = bindings[0].value
        return node


def is_large(node: ast.expr, most: int) -> bool:
    """Whether a literal size is above a bound.

    Args:
        node: the size, or several in a tuple or list.
        most: the bound.
    """
    sizes = node.elts if isinstance(node, (ast.Tuple, ast.List)) else [node]
    return any(
        isinstance(size, ast.Constant) and isinstance(size.value, int) and size.value > most for size in sizes
    )
