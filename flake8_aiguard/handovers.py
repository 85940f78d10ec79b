"""Loops that take a while for each item, or hand it to who may: a callback, a handler out of a table, another object."""

from __future__ import annotations

import ast
import sys
from collections import deque
from collections.abc import Collection, Iterable
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.blocking import Blocking
from flake8_aiguard.index import Loop
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import last_name, own_nodes, parameters
from flake8_aiguard.traffic import is_service, says_traffic

_Def = ast.FunctionDef | ast.AsyncFunctionDef
_COLLECTS: Final = ("add", "append", "extend")
_MOVES: Final = regex(r"_*(?:put|put_nowait|get|get_nowait|enqueue(?:_\w+)?|queue_\w+|wait|acquire|join)")
_WAITS: Final = ("shield", "wait_for")
_DEPTH: Final = 2  # the loop itself, and one function of the file that it calls


class Handovers:
    """The loops of one file that take one item after another.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._blocking = Blocking(module)

    def works(self, loop: Loop, item: ast.expr) -> bool:
        """Whether a turn of a loop waits for a network, a disk, another process or the time, or hands its item to who may.

        Args:
            loop: the loop.
            item: the call that takes an item, or the target of the loop.

        Returns:
            Whether it does. A generator does not: whoever reads it may go away.
        """
        nodes = list(own_nodes(loop))
        if any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in nodes):
            return False
        return any(self._waits(node, _DEPTH) for node in nodes) or self._hands_over(loop, item)

    def _waits(self, node: ast.AST, depth: int) -> bool:
        """Whether a node waits for more than the queues of the file."""
        if isinstance(node, (ast.AsyncFor, ast.AsyncWith)):
            return True
        if isinstance(node, ast.Await):
            call = node.value
            while isinstance(call, ast.Call) and last_name(call.func) in _WAITS and call.args:
                call = call.args[0]
            if not isinstance(call, ast.Call):
                return False
            called = self._module.receivers.definition(call.func)
            if isinstance(called, ast.AsyncFunctionDef):
                return self._does(called, depth)
            return not _MOVES.fullmatch(last_name(call.func) or "")
        return isinstance(node, ast.Call) and self._blocks(node, depth)

    def _blocks(self, call: ast.Call, depth: int) -> bool:
        """Whether a call holds the thread for a while, as the tables or its name say, or what the file shows of it."""
        called = self._module.receivers.definition(call.func)
        if isinstance(called, _Def):
            return isinstance(called, ast.FunctionDef) and self._does(called, depth)
        if self._blocking.row(call) is not None:
            return last_name(call.func) not in ("get", "put", "print")
        if isinstance(call.func, ast.Attribute) and is_service(call.func.value):
            return True
        name = last_name(call.func) or ""
        return says_traffic(name) or name.strip("_").split("_")[0] in _work_verbs()

    @memoised
    def _does(self, function: _Def, depth: int) -> bool:
        return depth > 0 and any(self._waits(node, depth - 1) for node in own_nodes(function))

    def _hands_over(self, loop: Loop, item: ast.expr) -> bool:
        """Whether a turn gives its item to something of which the file does not show that it is over at once.

        A callback, a handler that is looked up, a method of another object; also what a function of the file does so with.
        """
        nodes = list(own_nodes(loop))
        names = set() if isinstance(item, ast.Call) else set(_bound(item))
        for node in nodes:
            if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if _mentions(node.value, names, item):
                    names.update(name for target in targets for name in _bound(target))
            elif isinstance(node, ast.Call) and any(_mentions(value, names, item) for value in node.args):
                names.update(_collector(node))
        return self._gives(nodes, names, item, inner=True)

    def _gives(
        self, nodes: Iterable[ast.AST], names: Collection[str], item: ast.expr | None, *, inner: bool
    ) -> bool:
        for node in nodes:
            if not isinstance(node, ast.Call) or node is item:
                continue
            if isinstance(node.func, ast.Name) and node.func.id in names:
                continue  # what is queued are calls
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
            if any(_mentions(value, names, item) for value in given) and self._may_last(node, inner=inner):
                return True
        return False

    def _may_last(self, call: ast.Call, *, inner: bool) -> bool:
        """Whether the file does not show that a call is over at once."""
        function = call.func
        if isinstance(function, (ast.Call, ast.Subscript)):
            return True
        called = self._module.receivers.definition(function)
        if isinstance(called, _Def):
            names = {parameter.arg for parameter in parameters(called)} - {"self", "cls"}
            return inner and self._gives(own_nodes(called), names, None, inner=False)
        if isinstance(function, ast.Name):
            resolved = self._module.scopes.resolve(function)
            if resolved is None:
                return False
            return any(binding.kind in (Kind.PARAMETER, Kind.ASSIGN, Kind.FOR) for binding in resolved[1])
        if (
            not isinstance(function, ast.Attribute)
            or function.attr in _quick()
            or _MOVES.fullmatch(function.attr)
        ):
            return False
        owner = function.value
        if isinstance(owner, ast.Name) and owner.id in ("self", "cls"):
            return self._is_kept_callback(function)
        package = (self._module.qualname(owner) or "").partition(".")[0]
        return package not in sys.stdlib_module_names

    def _is_kept_callback(self, function: ast.Attribute) -> bool:
        """Whether an attribute is no method: ``self.handler(item)``."""
        owner = self._module.index.function(function)
        kind = None if owner is None else self._module.index.class_of(owner)
        return kind is not None and bool(self._module.receivers.attribute_stores(kind, function.attr))


def _bound(target: ast.expr) -> list[str]:
    return [part.id for part in ast.walk(target) if isinstance(part, ast.Name)]


def _collector(call: ast.Call) -> list[str]:
    """The variable that a call adds to: ``batch`` of ``batch.append(item)``."""
    method = call.func
    if not isinstance(method, ast.Attribute) or method.attr not in _COLLECTS:
        return []
    return _bound(method.value)


def _mentions(value: ast.expr, names: Collection[str], item: ast.expr | None) -> bool:
    return any(part is item or (isinstance(part, ast.Name) and part.id in names) for part in ast.walk(value))


@knowledge.cached
def _quick() -> frozenset[str]:
    """The methods that are over at once, whatever has them: those of containers and texts too."""
    kinds = (list, dict, set, str, bytes, bytearray, int, float, deque)
    known = (word for row in knowledge.rows("buffers.quick") for word in row["words"])
    return frozenset((*known, *(name for kind in kinds for name in dir(kind))))


@knowledge.cached
def _work_verbs() -> frozenset[str]:
    return frozenset(word for row in knowledge.rows("buffers.work") for word in row["words"])
