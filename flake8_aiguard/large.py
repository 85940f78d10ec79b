"""Accumulators that get large, as the code shows: over records, over what is read or received, or over all that a caller gives."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Final

from flake8_aiguard.amounts import Amounts
from flake8_aiguard.children import walk
from flake8_aiguard.growth import GROWS
from flake8_aiguard.index import COMPREHENSIONS, Loop
from flake8_aiguard.lists import collection
from flake8_aiguard.loops import iterables
from flake8_aiguard.module import Module
from flake8_aiguard.nouns import forms, is_many, says
from flake8_aiguard.searches import Searches
from flake8_aiguard.shapes import dotted, last_name, names_in
from flake8_aiguard.volumes import Volume, Volumes
from flake8_aiguard.wordings import first_word

_WALKED: Final = frozenset({"node", "vertex"})  # of a graph, which has any number of them
_READS: Final = frozenset({"read", "read1", "readline", "recv", "recv_into", "recvfrom", "receive"})
_READ: Final = frozenset({"download", "fetch", "load", "query", "read"})
_ANYTHING: Final = frozenset(
    {"array", "batch", "data", "element", "entry", "frame", "group", "list", "node", "object", "page", "part"}
    | {"section", "sequence", "signal", "stream", "value", "vertex", "x"}
)  # a caller may give any number of them
_MANY: Final = 1000
_PARTS: Final = frozenset({"block", "chunk", "packet", "piece"})  # of what comes in parts, as it is long


class Large:
    """The accumulators of one file that get large.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        amounts = Amounts(module)
        self._volumes = Volumes(module, Searches(module, amounts), amounts)

    def grows(self, target: ast.expr, loops: Sequence[Loop]) -> bool:
        """Whether what a loop gathers gets as large as the data.

        Args:
            target: the accumulator.
            loops: the loops in which it is not started afresh, the innermost first.
        """
        return is_many(last_name(target) or "") or any(map(self._is_long, loops))

    def joins_read(self, parts: Sequence[ast.expr | None], loop: Loop) -> bool:
        """Whether what is joined on a turn was read in that turn: a table from a file, a database or a service.

        Args:
            parts: what is joined.
            loop: the loop.
        """
        place = self._module.loops.place(loop)
        values = [
            value for part in parts if part is not None for value in self._module.loops.values(part, place)
        ]
        return any(
            isinstance(item, ast.Call) and first_word(last_name(item.func) or "") in _READ
            for value in values
            for item in walk(value)
        )

    def are_read(self, items: ast.expr) -> bool:
        """Whether each item of a collection was read, as a whole file or answer: ``list(pool.map(load_report, paths))``.

        Args:
            items: the collection.
        """
        node = items
        variable = self._module.loops.variable(node) if isinstance(node, ast.Name) else None
        bindings = [] if variable is None else self._module.scopes.bindings(*variable)
        if len(bindings) == 1 and bindings[0].value is not None:
            node = bindings[0].value
        while (
            isinstance(node, ast.Call) and last_name(node.func) in ("list", "tuple") and len(node.args) == 1
        ):
            node = node.args[0]
        if isinstance(node, (ast.GeneratorExp, ast.ListComp)):
            made = node.elt.value if isinstance(node.elt, ast.Await) else node.elt
            reader = made.func if isinstance(made, ast.Call) else None
        else:
            is_map = isinstance(node, ast.Call) and last_name(node.func) == "map" and bool(node.args)
            reader = node.args[0] if is_map and isinstance(node, ast.Call) else None
        return reader is not None and first_word(last_name(reader) or "") in _READ

    def has_long(self, pop: ast.Call, items: ast.expr) -> bool:
        """Whether a list that is used up from the front gets as long as the data, or as a caller likes.

        Args:
            pop: the call that takes the first item.
            items: the list.
        """
        if self._volumes.of(items) is not Volume.UNKNOWN:
            return True
        taken = self._module.index.parent(pop)
        named = (name.id for target in getattr(taken, "targets", ()) for name in names_in(target))
        return any(says(name) == "data" or not _WALKED.isdisjoint(forms(name)) for name in named)

    def of(self, items: ast.expr) -> bool:
        """Whether a collection has as many items as the data, or as many as a caller likes.

        Args:
            items: the collection.
        """
        volume = self._volumes.of(items)
        return (
            volume is Volume.DATA
            or _is_texts(items)
            or (volume is Volume.GIVEN and self.is_of_anything(items))
        )

    def is_of_anything(self, items: ast.expr) -> bool:
        """Whether a collection is called no more than a collection: ``values``, ``lists``, ``xs``.

        Args:
            items: the collection.
        """
        if isinstance(items, COMPREHENSIONS):
            return any(self.is_of_anything(part.iter) for part in items.generators)
        return not _ANYTHING.isdisjoint(forms(last_name(collection(self._module, items)) or ""))

    def _is_walk(self, loop: ast.While) -> bool:
        """Whether a loop walks over a tree or graph: it puts into the list that it runs on what hangs on the item that it takes."""
        waiting = dotted(loop.test)
        return waiting is not None and any(
            isinstance(item, ast.Attribute) and item.attr in GROWS and dotted(item.value) == waiting
            for item in walk(loop)
        )

    def _is_long_range(self, items: ast.expr) -> bool:
        """Whether a loop goes over many items, or counts them: ``range(len(rows))``, ``range(0, 96_000, 32)``."""
        if not isinstance(items, ast.Call) or self._module.qualname(items.func) != "builtins.range":
            return self.of(items)
        return any(
            self.of(number.args[0])
            if isinstance(number, ast.Call) and last_name(number.func) == "len" and number.args
            else isinstance(number, ast.Constant) and isinstance(number.value, int) and number.value > _MANY
            for argument in items.args
            for number in walk(argument)
        )

    def _is_long(self, loop: Loop) -> bool:
        if isinstance(loop, ast.While):
            return self._is_walk(loop) or any(
                isinstance(item, ast.Call) and last_name(item.func) in _READS for item in walk(loop)
            )
        if isinstance(loop, ast.AsyncFor) or any(map(self._is_long_range, iterables(loop))):
            return True
        return isinstance(loop, ast.For) and not _PARTS.isdisjoint(forms(last_name(loop.target) or ""))


def _is_texts(items: ast.expr) -> bool:
    """Whether a name is the plural of a text: ``texts``, not ``text``, whose letters a loop may go over."""
    return (last_name(items) or "").endswith("texts")
