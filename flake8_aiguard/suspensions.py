"""Where a coroutine lets other tasks run, and whether that stands on the way from one place to another."""

from __future__ import annotations

import ast
import bisect
import functools
from collections import Counter, defaultdict

from flake8_aiguard.index import FUNCTIONS
from flake8_aiguard.module import Module
from flake8_aiguard.shapes import block_of, end_of, last_name, start_of

_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)
Position = tuple[int, int]


class Suspensions:
    """The awaits of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._index = module.index

    def between(self, first: ast.AST, last: ast.AST) -> bool:
        """Whether another task may run after ``first`` was evaluated and before ``last`` takes effect.

        Args:
            first: an expression.
            last: a statement or expression of the same function, which takes effect at its end.

        Returns:
            Whether an ``await``, ``async for`` or ``async with`` stands in between, on a way from one to the other.
        """
        function = self._index.function(last)
        after, before = start_of(first), end_of(last)
        points = self.points.get(function, [])
        for where, node in points[bisect.bisect_right(points, after, key=_first) :]:
            if where > before:
                return False
            if where == before and isinstance(node, ast.AsyncWith):
                continue  # left after its last statement
            if self.leads_to(node, last) and self.leads_to(first, node):
                return True
        return False

    def after(self, first: ast.AST, last: ast.stmt) -> bool:
        points = self.points.get(self._index.function(last), [])
        return any(end_of(first) < where <= end_of(last) for where, _ in points)

    @functools.cached_property
    def points(self) -> dict[ast.AST | None, list[tuple[Position, ast.AST]]]:
        """Where each function lets other tasks run, in order."""
        index = self._index
        found: defaultdict[ast.AST | None, list[tuple[Position, ast.AST]]] = defaultdict(list)
        for wait in index.nodes(ast.Await):
            if not self._goes_on(wait):
                found[index.function(wait)].append((end_of(wait), wait))
        for loop in index.nodes(ast.AsyncFor):
            found[index.function(loop)].append((end_of(loop.iter), loop.body[0]))
        for block in index.nodes(ast.AsyncWith):
            found[index.function(block)].append((end_of(block.items[-1].context_expr), block.body[0]))
            found[index.function(block)].append((end_of(block), block))
        for points in found.values():
            points.sort(key=_first)
        return found

    def _goes_on(self, wait: ast.Await) -> bool:
        """Whether what is awaited is a coroutine of the file that itself awaits nothing: it ends before anybody else runs."""
        called = wait.value.func if isinstance(wait.value, ast.Call) else None
        if last_name(called) not in self._straight:
            return False
        assert called is not None
        return self._module.receivers.definition(called) in self._straight.values()

    @functools.cached_property
    def _straight(self) -> dict[str | None, ast.AsyncFunctionDef]:
        """The coroutines, of a name that no other function has, that do something and never suspend."""
        index = self._index
        names = Counter(item.name for item in index.nodes(ast.FunctionDef))
        names.update(item.name for item in index.nodes(ast.AsyncFunctionDef))
        suspending = {
            index.function(node)
            for kind in (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Yield)
            for node in index.nodes(kind)
        } | {index.function(node.iter) for node in index.nodes(ast.comprehension) if node.is_async}
        return {
            item.name: item
            for item in index.nodes(ast.AsyncFunctionDef)
            if names[item.name] == 1
            and item not in suspending
            and not item.decorator_list
            and any(isinstance(part, (ast.Assign, ast.AugAssign)) for part in item.body)
        }

    def leads_to(self, first: ast.AST, last: ast.AST) -> bool:
        """Whether code that stands after ``first``, or holds it, may run after it: not in another branch, nor behind a ``return``."""
        index = self._index
        goal = start_of(last)
        child: ast.AST = index.statement(first)
        while True:
            parent = index.parent(child)
            if parent is None or isinstance(parent, FUNCTIONS):
                return True
            block = block_of(parent, child)
            if block and start_of(block[0]) <= goal <= end_of(block[-1]):
                return True
            inside = not isinstance(parent, ast.match_case) and start_of(parent) <= goal <= end_of(parent)
            if inside:
                return not isinstance(parent, (ast.If, ast.Match))
            if block and isinstance(block[-1], _LEAVES):
                return False
            child = parent

    def repeats_between(self, read: ast.expr, statement: ast.stmt) -> bool:
        """Whether a statement stands in a loop that asks a condition anew, or that begins after it was asked."""
        for node in self._index.ancestors(statement):
            if isinstance(node, FUNCTIONS):
                return False
            if isinstance(node, (ast.For, ast.AsyncFor)) and start_of(node) > start_of(read):
                return True
            if isinstance(node, ast.While) and start_of(node) <= start_of(read) <= end_of(node.test):
                return True
        return False

    def is_stream(self, function: ast.AST) -> bool:
        """Whether a function is an asynchronous generator: one reader asks it for one item after the other."""
        return isinstance(function, ast.AsyncFunctionDef) and any(
            self._index.function(node) is function for node in self._index.nodes(ast.Yield)
        )


def _first(point: tuple[Position, ast.AST]) -> Position:
    return point[0]
