"""Which awaits of a loop could run at once: independent reads, one for each item."""

from __future__ import annotations

import ast
import functools
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.index import COMPREHENSIONS, Comprehension
from flake8_aiguard.loops import Place
from flake8_aiguard.module import Module
from flake8_aiguard.queries import Queries
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import last_name
from flake8_aiguard.sharing import Sharing, words
from flake8_aiguard.turns import Turns

_SPLIT: Final = regex(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


class Sequences:
    """The reads of one file that wait for each other without need.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def read(self, node: ast.Await) -> tuple[ast.Call, ast.For | Comprehension] | None:
        """The read that an ``await`` waits for on each turn of a loop, and the loop.

        Args:
            node: the ``await``.

        Returns:
            ``None`` unless the reads of several turns could run at once.
        """
        loop = next(self._module.index.loops(node), None)
        if not isinstance(loop, (ast.For, ast.ListComp, ast.SetComp, ast.DictComp)):
            return None
        call = self._call(node.value)
        if call is None or not self._is_read(call) or not self._turns.collects(node, call, loop):
            return None
        iterables = (
            [part.iter for part in loop.generators] if isinstance(loop, COMPREHENSIONS) else [loop.iter]
        )
        if any(map(self._module.loops.is_small, iterables)):
            return None
        place = self._module.loops.place(loop)
        is_free = self._turns.is_independent(call, place) and self._may_overlap(node, call, place)
        return (call, loop) if is_free else None

    def _call(self, value: ast.expr) -> ast.Call | None:
        """The call that is waited for, a time limit or a thread around it looked through."""
        if not isinstance(value, ast.Call):
            return None
        row = knowledge.by_call("awaits.wrapper").get(self._module.qualname(value.func) or "")
        if row is None:
            return value
        inner = value.args[row["argument"]] if len(value.args) > row["argument"] else None
        if row["callable"]:
            return value if inner is not None and _reads_by_name(last_name(inner)) else None
        return inner if isinstance(inner, ast.Call) else None

    def _is_read(self, call: ast.Call) -> bool:
        query = self._queries.of(call)
        if query is not None:
            return query.row["kind"] not in ("sql", "orm") and query.row["effect"] == "read"
        return _reads_by_name(last_name(self._function(call)))

    def _function(self, call: ast.Call) -> ast.expr:
        """The function that runs: that of ``to_thread(load, path)`` is ``load``."""
        row = knowledge.by_call("awaits.wrapper").get(self._module.qualname(call.func) or "")
        return call.func if row is None else call.args[row["argument"]]

    def _may_overlap(self, node: ast.Await, call: ast.Call, place: Place) -> bool:
        """Whether several of the calls may run at once: nothing that they share serves one at a time."""
        sharing = self._sharing
        if sharing.comes_in_batches(place) or not all(
            map(sharing.allows_many, self._module.index.with_items(node))
        ):
            return False
        function = self._module.receivers.definition(self._function(call))
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) and (
            function is self._module.index.function(node) or sharing.keeps_state(function)
        ):
            return False
        shared = [call.func.value] if isinstance(call.func, ast.Attribute) else []
        shared += [*call.args, *(item.value for item in call.keywords)]
        return not any(
            sharing.is_serial(item) for item in shared if not self._module.loops.dependents(item, place)
        )

    @functools.cached_property
    def _sharing(self) -> Sharing:
        return Sharing(self._module)

    @functools.cached_property
    def _turns(self) -> Turns:
        return Turns(self._module, self._sharing)

    @functools.cached_property
    def _queries(self) -> Queries:
        return Queries(self._module)


def _reads_by_name(name: str | None) -> bool:
    """Whether a function's name says that it reads, and nothing in it that it changes something."""
    found = [word.lower() for word in _SPLIT.findall(name or "")]
    while found and found[0] in ("a", "async", "do", "try", "maybe", "safe"):
        found = found[1:]
    if not found or not words("write").isdisjoint(found):
        return False
    return not words("read").isdisjoint({found[0], found[0].removeprefix("a")})
