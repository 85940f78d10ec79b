"""The one walk over a tree: node buckets, parents, and what encloses a node."""

from __future__ import annotations

import ast
import itertools
import sys
from collections import defaultdict
from collections.abc import Collection, Iterator, KeysView, Mapping
from typing import Any, Final, TypeAlias, TypeVar, cast

from flake8_aiguard.children import FIELDS
from flake8_aiguard.memo import lazy

Node = TypeVar("Node", bound=ast.AST)
Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension: TypeAlias = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Loop: TypeAlias = ast.For | ast.AsyncFor | ast.While | Comprehension
Scope: TypeAlias = ast.Module | ast.ClassDef | Function | Comprehension

FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
if sys.version_info >= (3, 11):
    Try: TypeAlias = ast.Try | ast.TryStar
    TRIES: Final = (ast.Try, ast.TryStar)
else:
    Try: TypeAlias = ast.Try
    TRIES: Final = (ast.Try,)
COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_WITHS: Final = (ast.With, ast.AsyncWith)
_COMPREHENDS: Final = (*COMPREHENSIONS, ast.comprehension)
_NONE: Final[list[Any]] = []
_NAMED: Final = frozenset({ast.Attribute, ast.Name})
# What may end a climb: most parents are passed by one look at their class.
_AROUND_SCOPES: Final = frozenset((*FUNCTIONS, ast.ClassDef, ast.Module, *_COMPREHENDS))
_AROUND_LOOPS: Final = frozenset((*FUNCTIONS, ast.For, ast.AsyncFor, ast.While, *_COMPREHENDS))

# The fields of each node class that hold nodes, last one first: the walk pushes them on a stack.
_LAST_FIRST: Final = {cls: fields[::-1] for cls, fields in FIELDS.items()}


class Index:
    """All nodes of one tree, by class, with their parents.

    Args:
        tree: the tree; it is not changed.

    Attributes:
        tree: the tree.
        buckets: what :meth:`nodes` gives, by class; not to be changed.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self._parents: dict[ast.AST, ast.AST] = {}
        self.buckets: defaultdict[type[ast.AST], list[Any]] = defaultdict(list)
        self._scopes: dict[ast.AST, Scope] = {}
        self._loops: dict[ast.AST, Loop | None] = {}
        self._statements: dict[ast.AST, ast.stmt] = {}
        self._walk()

    def _walk(self) -> None:
        parents, buckets, children = self._parents, self.buckets, _LAST_FIRST
        # Three of four nodes are of these classes: no look at their fields.
        attribute, name, constant, call = ast.Attribute, ast.Name, ast.Constant, ast.Call
        attributes, names, constants, calls = (buckets[cls] for cls in (attribute, name, constant, call))
        stack: list[Any] = [self.tree]
        pop, push = stack.pop, stack.append
        while stack:
            node = pop()
            cls = node.__class__
            while cls is attribute or cls is call:
                if cls is attribute:
                    attributes.append(node)
                    child = node.value
                else:
                    calls.append(node)
                    for item in node.keywords[::-1]:
                        parents[item] = node
                        push(item)
                    for item in node.args[::-1]:
                        parents[item] = node
                        push(item)
                    child = node.func
                parents[child] = node
                node, cls = child, child.__class__
            if cls is name:
                names.append(node)
                continue
            if cls is constant:
                constants.append(node)
                continue
            buckets[cls].append(node)
            for field in children[cls]:
                child = getattr(node, field)
                if not child:
                    continue  # most lists are empty
                if child.__class__ is list:
                    for item in child[::-1]:
                        if item is not None:
                            parents[item] = node
                            push(item)
                else:
                    parents[child] = node
                    push(child)

    def nodes(self, cls: type[Node], /) -> list[Node]:
        """The nodes of exactly this class, in document order.

        Args:
            cls: a class of the ``ast`` module.

        Returns:
            The index's own list: not to be changed.
        """
        return self.buckets.get(cls, _NONE)

    def parent(self, node: ast.AST) -> ast.AST | None:
        """The parent of a node; ``None`` for the module."""
        return self._parents.get(node)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """The parents of a node, innermost first."""
        parents = self._parents
        parent = parents.get(node)
        while parent is not None:
            yield parent
            parent = parents.get(parent)

    def outwards(self, node: ast.AST, region: ast.AST) -> Iterator[ast.AST]:
        """The ancestors of a node that stand within a region around it, outwards."""
        for parent in self.ancestors(node):
            if parent is region:
                return
            yield parent

    def statement(self, node: ast.AST) -> ast.stmt:
        """The innermost statement that holds the node; the node itself, if it is one.

        Args:
            node: any node below the module.

        Returns:
            The statement.

        Raises:
            KeyError: the node is not of this tree, or is the module.
        """
        memo, path = self._statements, []
        while node not in memo:
            if isinstance(node, ast.stmt):
                memo[node] = node
                break
            path.append(node)
            node = self._parents[node]
        found = memo[node]
        for passed in path:
            memo[passed] = found
        return found

    def scope(self, node: ast.AST) -> Scope:
        """The node whose scope an expression or statement is evaluated in.

        Decorators, defaults, annotations and base classes belong to the scope around their definition, the first
        iterable of a comprehension to the scope around the comprehension.

        Args:
            node: any node; for a function, class or comprehension: the scope that it stands in.

        Returns:
            A module, class, function, lambda or comprehension.
        """
        memo, parents, path = self._scopes, self._parents, []
        found: Scope
        while True:
            known = memo.get(node)
            if known is not None:
                found = known
                break
            parent = parents.get(node)
            if parent is None:
                found = self.tree
                break
            path.append(node)
            if parent.__class__ not in _AROUND_SCOPES:
                pass
            elif isinstance(parent, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                if isinstance(node, ast.stmt):
                    found = parent
                    break
            elif isinstance(parent, ast.Lambda):
                if node is parent.body:
                    found = parent
                    break
            elif isinstance(parent, _COMPREHENDS):
                owner = self._comprehension(node, parent)
                if owner is not None:
                    found = owner
                    break
            elif isinstance(parent, ast.Module):
                found = parent
                break
            node = parent
        for passed in path:
            memo[passed] = found
        return found

    def _comprehension(
        self, node: ast.AST, parent: Comprehension | ast.comprehension
    ) -> Comprehension | None:
        """The comprehension that evaluates its part ``node`` for each turn; its first iterable is evaluated outside."""
        if not isinstance(parent, ast.comprehension):
            return None if isinstance(node, ast.comprehension) else parent
        owner = cast("Comprehension", self._parents[parent])
        return None if node is parent.iter and parent is owner.generators[0] else owner

    def function(self, node: ast.AST) -> Function | None:
        """The function or lambda that runs a node.

        Comprehensions run in their function, and a class body runs where it stands.

        Args:
            node: any node; for a function: the one around it.

        Returns:
            The innermost function, or ``None`` for code that runs on import.
        """
        scope = self.scope(node)
        while not isinstance(scope, FUNCTIONS):
            if scope is self.tree:
                return None
            scope = self.scope(scope)
        return scope

    def class_of(self, function: ast.AST) -> ast.ClassDef | None:
        """The class whose body directly holds this function; ``None`` for other functions."""
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return None
        scope = self.scope(function)
        return scope if isinstance(scope, ast.ClassDef) else None

    def in_async(self, node: ast.AST) -> bool:
        """Whether the function that runs a node is an ``async def``."""
        return isinstance(self.function(node), ast.AsyncFunctionDef)

    def loops(self, node: ast.AST) -> Iterator[Loop]:
        """The loops and comprehensions that run a node again and again, within its function.

        The iterable of a ``for``, the first iterable of a comprehension and the ``else`` of a loop are evaluated once
        and so are not in the loop; the test of a ``while`` is.

        Args:
            node: any node.

        Yields:
            The loops, innermost first.
        """
        loop = self._loop(node)
        while loop is not None:
            yield loop
            loop = self._loop(loop)

    def _loop(self, node: ast.AST) -> Loop | None:
        memo, parents, path = self._loops, self._parents, []
        found: Loop | None = None
        while True:
            if node in memo:
                found = memo[node]
                break
            path.append(node)
            parent = parents.get(node)
            if parent is None:
                break
            if parent.__class__ not in _AROUND_LOOPS:
                pass
            elif isinstance(parent, (ast.For, ast.AsyncFor)):
                if isinstance(node, ast.stmt) and not _in_else(node, parent):
                    found = parent
                    break
            elif isinstance(parent, ast.While):
                if not _in_else(node, parent):
                    found = parent
                    break
            elif isinstance(parent, _COMPREHENDS):
                owner = self._comprehension(node, parent)
                if owner is not None:
                    found = owner
                    break
            elif isinstance(parent, (ast.FunctionDef, ast.AsyncFunctionDef)):
                if isinstance(node, ast.stmt):
                    break
            elif isinstance(parent, ast.Lambda) and node is parent.body:
                break
            node = parent
        for passed in path:
            memo[passed] = found
        return found

    def handlers(self, node: ast.AST) -> Iterator[ast.ExceptHandler]:
        """The ``except`` clauses that see what is raised at a node, innermost first, within its function.

        Args:
            node: any node.
        """
        for child, parent in self._outwards(node):
            if isinstance(parent, TRIES) and isinstance(child, ast.stmt):
                rest: list[ast.stmt | ast.ExceptHandler] = [
                    *parent.handlers,
                    *parent.orelse,
                    *parent.finalbody,
                ]
                after = rest[0]
                if (child.lineno, child.col_offset) < (after.lineno, after.col_offset):
                    yield from parent.handlers

    def with_items(self, node: ast.AST) -> Iterator[ast.withitem]:
        """The items of the ``with`` statements whose body runs a node, innermost statement first, within its function.

        Args:
            node: any node.
        """
        parents, function = self._parents, self.function(node)
        child, parent = node, parents.get(node)
        while parent is not None and parent is not function:
            if isinstance(parent, _WITHS) and isinstance(child, ast.stmt):
                yield from parent.items
            child, parent = parent, parents.get(parent)

    def _outwards(self, node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
        """The pairs of child and parent from a node outwards, to the function that runs it."""
        function = self.function(node)
        child = node
        for parent in self.ancestors(node):
            if parent is function:
                return
            yield child, parent
            child = parent

    @lazy
    def packages(self) -> frozenset[str]:
        """The top-level packages that the file imports, ``builtins`` and, for relative imports, ``""`` among them."""
        found = {alias.name.partition(".")[0] for item in self.nodes(ast.Import) for alias in item.names}
        for statement in self.nodes(ast.ImportFrom):
            found.add("" if statement.level else (statement.module or "").partition(".")[0])
        return frozenset(found | {"builtins"})

    def calls_named(self, names: Collection[str]) -> Collection[ast.Call]:
        """The calls whose function ends in one of these identifiers: the cheap way to candidates.

        ``from m import f as g``, ``import m as f`` and ``f = m.g`` are undone file-wide, so a call may come up that resolves to
        something else; it never misses one that resolves by name.

        Args:
            names: identifiers such as ``sleep``.

        Returns:
            Each call once: identifier after identifier as they first come up, and in document order for each.
        """
        calls = self._by_name
        if len(names) > len(calls):
            found = [name for name in calls if name in names]
        else:
            found = [name for name in names if name in calls]
        if len(found) < 2:
            return calls[found[0]] if found else ()
        lists = sorted(
            (calls[name] for name in found), key=lambda named: (named[0].lineno, named[0].col_offset)
        )
        return dict.fromkeys(itertools.chain.from_iterable(lists))

    def calls_to(self, name: str) -> list[ast.Call]:
        """As :meth:`calls_named`, for one identifier, in document order; not to be changed."""
        return self._by_name.get(name, _NONE)

    def names_called(self) -> KeysView[str]:
        """The identifiers that :meth:`calls_named` has calls for."""
        return self._by_name.keys()

    @lazy
    def _by_name(self) -> Mapping[str, list[ast.Call]]:
        return self._calls_by_name()

    def _calls_by_name(self) -> defaultdict[str, list[ast.Call]]:
        attribute, name_class = ast.Attribute, ast.Name
        aliases: defaultdict[str, set[str]] = defaultdict(set)
        for imported in self.nodes(ast.alias):
            if imported.asname:
                aliases[imported.asname].add(imported.name.rpartition(".")[2])
        for assign in self.nodes(ast.Assign):
            value = assign.value
            if value.__class__ in _NAMED:
                name = value.attr if value.__class__ is attribute else value.id  # type: ignore[attr-defined]
                for target in assign.targets:
                    if isinstance(target, ast.Name):
                        aliases[target.id] |= {name} | aliases.get(name, set())
        calls: defaultdict[str, list[ast.Call]] = defaultdict(list)
        for call in self.nodes(ast.Call):
            function = call.func
            if function.__class__ is attribute:
                calls[function.attr].append(call)
            elif function.__class__ is name_class:
                name = function.id
                calls[name].append(call)
                if name in aliases:
                    for other in aliases[name]:
                        calls[other].append(call)
        return calls


def _in_else(node: ast.AST, loop: ast.For | ast.AsyncFor | ast.While) -> bool:
    if not loop.orelse or not isinstance(node, ast.stmt):
        return False
    first = loop.orelse[0]
    return (node.lineno, node.col_offset) >= (first.lineno, first.col_offset)
