"""What several calls share that run at once: whether it takes them all, or one after the other."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.index import COMPREHENSIONS, Function
from flake8_aiguard.loops import Place
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import last_name, root

_TIMEOUTS: Final = frozenset(
    (
        *(f"asyncio.{name}" for name in ("timeout", "timeout_at")),
        "async_timeout.timeout",
        *(f"{module}.{name}" for module in ("anyio", "trio") for name in ("fail_after", "move_on_after")),
    )
)
_CLIENT: Final = regex(r"client|http|api", re.IGNORECASE)
_LIMITER: Final = regex(r"sem(?:aphore)?$|lock|limit|throttl|mutex|gate", re.IGNORECASE)
_BATCHES: Final = regex(r"batch|chunk|window|pages?$", re.IGNORECASE)
_SESSION: Final = regex(r"(?:\w*_)?session")


class Sharing:
    """The shared objects of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def comes_in_batches(self, place: Place) -> bool:
        """Whether a loop runs over batches, which somebody cut so that one follows the other."""
        iterable = place.loop.iter if isinstance(place.loop, ast.For) else None
        if isinstance(place.loop, COMPREHENSIONS):
            iterable = place.loop.generators[-1].iter
        return isinstance(iterable, ast.Call) and bool(_BATCHES.search(last_name(iterable.func) or ""))

    def allows_many(self, item: ast.withitem) -> bool:
        """Whether what a ``with`` around the loop holds is a client or a time limit: no lock, no transaction."""
        context = item.context_expr
        if (self._module.type_of(context) or "") in _types("client"):
            return True
        if isinstance(context, ast.Call) and self._module.qualname(context.func) in _TIMEOUTS:
            return True
        name = last_name(item.optional_vars)
        return name is not None and bool(_CLIENT.search(name))

    def is_serial(self, node: ast.expr) -> bool:
        """Whether an object takes one call after the other."""
        parts: list[ast.expr] = [node]
        while isinstance(parts[-1], (ast.Attribute, ast.Call, ast.Subscript)):
            last = parts[-1]
            parts.append(last.func if isinstance(last, ast.Call) else last.value)
        found = {self._module.type_of(part) or "" for part in parts}
        if found & _types("serial"):
            return True
        if found & _types("client"):
            return False
        return any(self._is_serial_name((last_name(part) or "").strip("_").lower()) for part in parts)

    def _is_serial_name(self, name: str) -> bool:
        if _SESSION.fullmatch(name):
            return not (self._imports("client") and not self._imports("serial"))
        return name in _known_serial()

    def _imports(self, array: str) -> bool:
        return not self._module.index.packages.isdisjoint(
            name.partition(".")[0] for name in _types(array) if not name.startswith("asyncio.")
        )

    @memoised
    def keeps_state(self, function: Function) -> bool:
        """Whether a function of this file sleeps, takes a lock or a permit, or changes what outlives its call."""
        for node in ast.walk(function):
            if isinstance(node, (ast.Global, ast.Nonlocal, ast.Yield, ast.YieldFrom)):
                return True
            if isinstance(node, ast.Call):
                last = last_name(node.func) or ""
                if last in ("sleep", "acquire") or (
                    isinstance(node.func, ast.Attribute)
                    and last in words("change")
                    and isinstance(root(node.func), ast.Name)
                    and not self._is_own(root(node.func), function)
                ):
                    return True
            if isinstance(node, ast.withitem):
                context = node.context_expr
                if _LIMITER.search(last_name(_callee(context)) or "") or self.is_serial(context):
                    return True
            if (
                isinstance(node, (ast.Attribute, ast.Subscript))
                and isinstance(node.ctx, (ast.Store, ast.Del))
                and not self._is_own(root(node), function)
            ):
                return True
        return False

    def _is_own(self, start: ast.expr, function: Function) -> bool:
        """Whether a chain starts from a variable that the function itself makes."""
        variable = self._module.loops.variable(start) if isinstance(start, ast.Name) else None
        return (
            variable is not None
            and variable[0] is function
            and all(item.kind is not Kind.PARAMETER for item in self._module.scopes.bindings(*variable))
        )


def _callee(node: ast.expr) -> ast.expr:
    """The function of a call, the expression itself for others."""
    while isinstance(node, ast.Call):
        node = node.func
    return node


def words(effect: str) -> frozenset[str]:
    """The words of ``awaits.verb`` with an effect."""
    return _verbs()[effect]


@knowledge.cached
def _verbs() -> Mapping[str, frozenset[str]]:
    return {row["effect"]: frozenset(row["words"]) for row in knowledge.rows("awaits.verb")}


@knowledge.cached
@knowledge.cached
def _types(array: str) -> frozenset[str]:
    return frozenset(name for row in knowledge.rows(f"awaits.{array}") for name in row["types"])


@knowledge.cached
@knowledge.cached
def _known_serial() -> frozenset[str]:
    return frozenset(name for row in knowledge.rows("awaits.serial") for name in row["names"])
