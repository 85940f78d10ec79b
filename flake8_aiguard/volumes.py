"""How sure it is that a collection has as many items as the data: by its name, its source, or since a caller must give it."""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterable, Iterator
from typing import Final, TypeGuard

from flake8_aiguard.amounts import ROW_READERS, Amounts
from flake8_aiguard.index import COMPREHENSIONS, Loop
from flake8_aiguard.lists import collection
from flake8_aiguard.loops import Variable, iterables
from flake8_aiguard.module import Module
from flake8_aiguard.nouns import forms, is_many, says
from flake8_aiguard.scopes import Kind
from flake8_aiguard.searches import Searches
from flake8_aiguard.shapes import dotted, last_name, string

_HOPS: Final = 8  # variables and calls that are looked through


class Volume(enum.IntEnum):
    """How sure it is that a collection grows with the data."""

    UNKNOWN = 0  # nothing says so
    GIVEN = 1  # a caller must give it, and nothing says how many items it has
    DATA = 2  # records by its name, or what was read or fetched


class Volumes:
    """The collections of one file that are searched, and that loops run over.

    Args:
        module: the file.
        searches: its searches.
        amounts: how many items its collections have.
    """

    def __init__(self, module: Module, searches: Searches, amounts: Amounts) -> None:
        self._module = module
        self._searches = searches
        self._amounts = amounts
        self._known: dict[Variable, Volume] = {}

    def meet(self, searched: ast.expr, loop: Loop | ast.comprehension, *, keyed: bool = False) -> bool:
        """Whether both a collection and the loop that searches it grow with the data, one of them for certain.

        Args:
            searched: the collection.
            loop: the loop, or the part of a comprehension.
            keyed: whether what is looked for is what records are known by, so that the items of both are records.
        """
        inner, outer = self.of(searched), self._turns(searched, loop)
        if keyed and not inner and self._is_fed(searched):
            inner = Volume.GIVEN
        if inner and self._is_of_itself(searched, loop):
            return True
        if keyed and Volume.UNKNOWN not in (inner, outer) and self._are_several(searched):
            return True
        return Volume.UNKNOWN not in (inner, outer) and Volume.DATA in (inner, outer)

    def _are_several(self, node: ast.expr) -> bool:
        """Whether a collection is more than the parts of one thing, by its name or the caller's duty to give a list: not ``title``."""
        return (last_name(collection(self._module, node)) or "").endswith("s") or self._amounts.is_asked_for(
            node
        )

    def _is_of_itself(self, searched: ast.expr, loop: Loop | ast.comprehension) -> bool:
        """``for x in xs: xs.index(x)``."""
        outer = [loop.iter] if isinstance(loop, ast.comprehension) else iterables(loop)
        name = dotted(searched)
        return name is not None and any(dotted(collection(self._module, item)) == name for item in outer)

    def _turns(self, searched: ast.expr, loop: Loop | ast.comprehension) -> Volume:
        """How sure it is that a loop, or one around it that leaves the collection alone, has as many turns as the data."""
        if isinstance(loop, ast.comprehension):
            return self.of(loop.iter)
        around = [item for item in self._module.index.loops(loop) if self._searches.stays(searched, item)]
        return max(self._of_loop(item, searched) for item in (loop, *around))

    def _of_loop(self, loop: Loop, searched: ast.expr) -> Volume:
        if isinstance(loop, ast.While):
            is_walk = self._searches.grows(searched, loop) and is_many(last_name(searched) or "")
            is_drained = isinstance(loop.test, (ast.Name, ast.Attribute))
            return (
                Volume.DATA
                if is_walk or (is_drained and self.of(loop.test) is Volume.DATA)
                else Volume.UNKNOWN
            )
        return self._most(iterables(loop), _HOPS)

    def of(self, node: ast.expr) -> Volume:
        """How sure it is that a collection grows with the data.

        Args:
            node: the collection.
        """
        return self._of(node, _HOPS)

    def _most(self, nodes: Iterable[ast.expr], hops: int) -> Volume:
        return max((self._of(item, hops) for item in nodes), default=Volume.UNKNOWN)

    def _of(self, node: ast.expr, hops: int) -> Volume:
        node = collection(self._module, node.value if isinstance(node, ast.Await) else node)
        if not hops:
            return Volume.UNKNOWN
        if isinstance(node, ast.Name):
            return self._of_name(node, hops - 1)
        if isinstance(node, ast.Attribute):
            if (
                is_many(node.attr)
                or self._amounts.is_read(node)
                or self._module.qualname(node) == "sys.stdin"
            ):
                return Volume.DATA
            return (
                Volume.GIVEN if self._amounts.is_given(node) and says(node.attr) is None else Volume.UNKNOWN
            )
        if isinstance(node, ast.Call):
            return self._of_call(node, hops - 1)
        if isinstance(node, COMPREHENSIONS):
            return self._most((part.iter for part in node.generators), hops - 1)
        if isinstance(node, ast.Subscript):
            key = string(node.slice)
            if key is not None:
                return Volume.DATA if is_many(key) else Volume.UNKNOWN
            return self._of(node.value, hops - 1)
        if isinstance(node, (ast.BinOp, ast.BoolOp, ast.IfExp)):
            parts = (item for item in ast.iter_child_nodes(node) if isinstance(item, ast.expr))
            return self._most(parts, hops - 1)
        return Volume.UNKNOWN

    def _is_fed(self, node: ast.expr) -> bool:
        """Whether another method of the object adds what its caller gives: ``self._pending_ids.append(message_id)``."""
        if not isinstance(node, ast.Attribute) or says(node.attr) not in (None, "data"):
            return False
        index = self._module.index
        here = index.function(node)
        owner = None if here is None else index.class_of(here)
        if owner is None:
            return False
        for call in index.calls_named(("append",)):
            method, function = call.func, index.function(call)
            if (
                isinstance(method, ast.Attribute)
                and dotted(method.value) == dotted(node)
                and function is not None
                and function is not here
                and index.class_of(function) is owner
                and any(isinstance(item, ast.Name) and self._amounts.is_parameter(item) for item in call.args)
            ):
                return True
        return False

    def _of_call(self, call: ast.Call, hops: int) -> Volume:
        called = last_name(call.func) or ""
        if says(called) != "chosen" and (self._amounts.is_reading(call) or is_many(called)):
            return Volume.DATA
        qualname = self._module.qualname(call.func) or ""
        if qualname == "builtins.range":
            return self._most((item.args[0] for item in call.args if _measures(item)), hops)
        if qualname in ROW_READERS:
            return Volume.DATA
        if qualname.startswith("builtins."):  # set(xs), map(f, xs)
            return self._most(call.args, hops)
        if not isinstance(call.func, ast.Attribute):  # late = overdue(orders)
            return min(self._most(call.args, hops), Volume.GIVEN)
        key = string(call.args[0]) if call.args else None
        if called == "get" and key is not None:
            return Volume.DATA if is_many(key) else Volume.UNKNOWN
        of_receiver = self._of(call.func.value, hops)
        return (
            max(of_receiver, Volume.GIVEN) if called.endswith("s") and says(called) is None else of_receiver
        )

    def _of_name(self, node: ast.Name, hops: int) -> Volume:
        if self._amounts.is_optional(node):
            return Volume.GIVEN if is_many(node.id) else Volume.UNKNOWN
        if is_many(node.id) or self._amounts.is_read(node):
            return Volume.DATA
        variable = self._module.loops.variable(node)
        if variable is None:
            return Volume.UNKNOWN
        if variable not in self._known:
            self._known[variable] = Volume.UNKNOWN  # what is made of itself says nothing
            self._known[variable] = self._of_variable(node, variable, hops)
        return self._known[variable]

    def _of_variable(self, node: ast.Name, variable: Variable, hops: int) -> Volume:
        bindings = self._module.scopes.bindings(*variable)
        if any(item.kind is Kind.PARAMETER for item in bindings):
            is_chosen = says(node.id) in ("chosen", "single") and not self._amounts.is_asked_for(node)
            is_open = not is_chosen and "result" not in forms(node.id)  # as many as a search was asked for
            return Volume.GIVEN if is_open else Volume.UNKNOWN
        values = [item.value for item in bindings if item.value is not None and item.kind is not Kind.FOR]
        return self._most([*values, *self._added(variable)], hops)

    def _added(self, variable: Variable) -> Iterator[ast.expr]:
        """What the loops go over that add to a list, and what it is extended by."""
        index = self._module.index
        for use in self._module.scopes.uses(*variable):
            method = index.parent(use)
            call = index.parent(method) if isinstance(method, ast.Attribute) else None
            if not isinstance(method, ast.Attribute) or not isinstance(call, ast.Call):
                continue
            if method.attr == "extend":
                yield from call.args
            if method.attr in ("append", "extend", "insert"):
                for loop in index.loops(call):
                    yield from iterables(loop)


def _measures(number: ast.expr) -> TypeGuard[ast.Call]:
    """Whether a number is how many items a collection has: ``len(xs)``."""
    return isinstance(number, ast.Call) and last_name(number.func) == "len" and bool(number.args)
