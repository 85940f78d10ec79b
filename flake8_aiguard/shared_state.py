"""What a class does with its attributes: which function reads or changes them, how, and under which locks."""

from __future__ import annotations

import ast
import bisect
import enum
import functools
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from flake8_aiguard import knowledge
from flake8_aiguard.children import children
from flake8_aiguard.defuse import DefUse
from flake8_aiguard.index import FUNCTIONS, TRIES, Scope
from flake8_aiguard.locking import ANY, Locking, is_lockish, lock_rows
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.receivers import first_parameter
from flake8_aiguard.scopes import Kind as ScopeKind
from flake8_aiguard.shapes import argument, is_none, last_name, root

_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_ORDERS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_EMPTY = frozenset({"list", "dict", "set", "deque", "defaultdict", "OrderedDict", "Counter"})
_STARTS = ("create_task", "ensure_future", "gather", "start_soon", "TaskGroup")
_ASKING = frozenset(
    {"getattr", "hasattr", "id", "isinstance", "len", "print", "repr", "setattr", "str", "super", "type"}
)
_NEAR = 12  # statements back
_Position = tuple[int, int]
_Place = TypeVar("_Place", ast.Attribute, ast.Subscript)
Method: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


class Kind(enum.Enum):
    """What a mention of an attribute does with it."""

    READ = enum.auto()
    BIND = enum.auto()
    AUGMENT = enum.auto()
    ITEM = enum.auto()
    CALL = enum.auto()


WRITES: Final = frozenset({Kind.BIND, Kind.AUGMENT, Kind.ITEM, Kind.CALL})


@dataclass(frozen=True, slots=True, eq=False)
class Access:
    """One mention of an attribute in a method, or in a function within a method.

    Attributes:
        name: the attribute.
        kind: BIND (or ``del``), AUGMENT (``self.x += 1``), ITEM (``self.x[k] = v``, ``del self.x[k]``), CALL of a method that
            changes a container in place (``self.x.append(v)``), else READ.
        node: the attribute expression.
        function: the function that runs it.
        method: the name of the method that changes it, for CALL.
    """

    name: str
    kind: Kind
    node: ast.Attribute
    function: Method
    method: str = ""


class SharedState:
    """The attributes of the classes in one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self.module = module
        self._index = module.index
        self.locking = Locking(module)

    # -- attributes

    @memoised
    def accesses(self, owner: ast.ClassDef) -> dict[str, list[Access]]:
        """What a class does with its attributes: the mentions of each in its functions, in document order."""
        found: defaultdict[str, list[Access]] = defaultdict(list)
        names = self._instance_names(owner)
        runners: dict[tuple[Scope, str], Method | None] = {}
        for node in self._within(ast.Attribute, owner):
            name = node.value
            if isinstance(name, ast.Name) and name.id in names:
                key = (self._index.scope(name), name.id)
                if key not in runners:
                    runners[key] = self._method(node) if self._is_instance(name, key[0], owner) else None
                function = runners[key]
                if function is not None:
                    kind, method = self._kind(node)
                    found[node.attr].append(Access(node.attr, kind, node, function, method))
        return dict(found)

    def _is_instance(self, name: ast.Name, scope: Scope, owner: ast.ClassDef) -> bool:
        """Whether a name is the instance that a method of a class works on, or the class itself."""
        first = first_parameter(scope) if self._index.class_of(scope) is owner else None  # type: ignore[arg-type]
        if (
            first is not None
            and first.arg == name.id
            and len(self.module.scopes.bindings(scope, name.id)) == 1
        ):
            return True
        return self.module.receivers.class_behind(name) is owner

    def _method(self, node: ast.AST) -> Method | None:
        """The function around a node that is no lambda."""
        function = self._index.function(node)
        while isinstance(function, ast.Lambda):
            function = self._index.function(function)
        return function

    @memoised
    def _instance_names(self, owner: ast.ClassDef) -> set[str]:
        functions = (item for item in owner.body if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)))
        first = (first_parameter(function) for function in functions)
        return {owner.name, *(parameter.arg for parameter in first if parameter is not None)}

    def _kind(self, node: ast.Attribute) -> tuple[Kind, str]:
        index = self._index
        parent = index.parent(node)
        if not isinstance(node.ctx, ast.Load):
            return (Kind.AUGMENT if isinstance(parent, ast.AugAssign) else Kind.BIND), ""
        item: ast.AST = node
        while isinstance(parent, ast.Subscript) and parent.value is item:
            if not isinstance(parent.ctx, ast.Load):
                return Kind.ITEM, ""
            item, parent = parent, index.parent(parent)
        if isinstance(parent, ast.Attribute) and parent.attr in changing_methods():
            call = index.parent(parent)
            if isinstance(call, ast.Call) and call.func is parent:
                return Kind.CALL, parent.attr
        return Kind.READ, ""

    def _own(self, node: ast.AST) -> dict[str, list[Access]]:
        """What the class around a node does with its attributes."""
        owner = self.owner(node)
        return {} if owner is None else self.accesses(owner)

    @memoised
    def is_container(self, owner: ast.ClassDef, name: str) -> bool | None:
        """Whether an attribute is a list, dict, set or deque; ``None`` where the class does not show what it is."""
        seen: bool | None = None
        for value, annotation in self._values(owner, name):
            if annotation is not None:
                base = annotation.value if isinstance(annotation, ast.Subscript) else annotation
                return self.module.qualname(base) in _containers()
            if isinstance(value, (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)):
                return True
            if isinstance(value, ast.Call):
                if self._constructs(value):
                    return True
                seen = False
            elif isinstance(value, ast.Constant) and value.value is not None:
                seen = False
        return seen

    def is_property(self, owner: ast.ClassDef, name: str) -> bool:
        """Whether the class or a base of this file defines an attribute as a property, which does what its setter does."""
        return any(
            binding.kind is ScopeKind.FUNCTION
            for family in self.family(owner)
            for binding in self.module.scopes.bindings(family, name)
        )

    def constructors(self, owner: ast.ClassDef, name: str) -> Iterator[str]:
        """The last identifiers of what is called for the values of an attribute, or annotates it."""
        for value, annotation in self._values(owner, name):
            base = annotation.value if isinstance(annotation, ast.Subscript) else annotation
            for node in (base, value.func if isinstance(value, ast.Call) else None):
                yield last_name(node) or ""

    def is_deque(self, owner: ast.ClassDef, name: str) -> bool:
        """Whether an attribute is a deque, whose ``append`` and ``popleft`` are atomic."""
        found = list(self._values(owner, name))
        return bool(found) and all(
            isinstance(value, ast.Call) and self.module.qualname(value.func) == "collections.deque"
            for value, _ in found
        )

    def _constructs(self, call: ast.Call) -> bool:
        made = self.module.qualname(call.func)
        factory = argument(call, "default_factory") or argument(call, "factory")
        return made in _containers() or (
            factory is not None and self.module.qualname(factory) in _containers()
        )

    def _values(self, owner: ast.ClassDef, name: str) -> Iterator[tuple[ast.expr | None, ast.expr | None]]:
        """What an attribute is bound to and annotated with, in the class and its bases of this file."""
        parameter: ast.arg | None
        for family in self.family(owner):
            for binding in self.module.scopes.bindings(family, name):
                yield binding.value, binding.annotation
            for store in self.module.receivers.attribute_stores(family, name):
                assign = self._index.parent(store)
                if isinstance(assign, ast.AnnAssign):
                    yield assign.value, assign.annotation
                elif isinstance(assign, ast.Assign):
                    value = assign.value
                    alternatives = value.values if isinstance(value, ast.BoolOp) else [value]
                    for alternative in alternatives:
                        parameter = self._parameter(alternative)
                        yield alternative, None if parameter is None else parameter.annotation

    def _parameter(self, value: ast.expr) -> ast.arg | None:
        resolved = self.module.scopes.resolve(value) if isinstance(value, ast.Name) else None
        node = resolved[1][0].node if resolved is not None and len(resolved[1]) == 1 else None
        return node if isinstance(node, ast.arg) else None

    @memoised
    def family(self, owner: ast.ClassDef) -> tuple[ast.ClassDef, ...]:
        """A class and its bases in this file, itself first."""
        found = [owner]
        for item in found:
            bases = (self.module.receivers.definition(base) for base in item.bases)
            found += [base for base in bases if isinstance(base, ast.ClassDef) and base not in found]
        return tuple(found)

    # -- who runs

    def task_writers(self) -> Collection[ast.ClassDef]:
        """The classes in which an ``async def`` changes something and waits, as far as one glance shows."""
        index = self._index
        waiting: set[ast.AST | None] = {
            index.function(node)
            for kind in (ast.Await, ast.AsyncFor, ast.AsyncWith)
            for node in index.nodes(kind)
        }
        owners: set[ast.ClassDef | None] = set()
        for function in waiting:
            if isinstance(function, ast.AsyncFunctionDef):
                nodes = [
                    *(node for node in self._within(ast.Attribute, function) if not _is_load(node)),
                    *(node for node in self._within(ast.Subscript, function) if not _is_load(node)),
                ]
                owners |= {self._own_class(node) for node in nodes if index.function(node) is function}
        calls = index.calls_named(changing_methods()) if waiting else ()
        owners |= {self._own_class(node) for node in calls if index.function(node) in waiting}
        return {owner for owner in owners if owner is not None}

    def _within(self, kind: type[_Place], scope: ast.AST) -> list[_Place]:
        """The nodes of a class that stand in another node."""
        nodes = self._index.nodes(kind)
        first, last = (bisect.bisect_left(nodes, where, key=_start) for where in (_start(scope), _end(scope)))
        return nodes[first:last]

    def _own_class(self, node: ast.expr) -> ast.ClassDef | None:
        """The class on an attribute of whose object a store or a method call may be one: ``self.x``, ``self.x[k]``."""
        start = root(node.func if isinstance(node, ast.Call) else node)
        owner = self.owner(node) if isinstance(start, ast.Name) else None
        if owner is None or not isinstance(start, ast.Name) or start.id not in self._instance_names(owner):
            return None
        return owner

    def refillers(self, methods: Collection[str]) -> list[Method]:
        """The methods that twice or more set or delete an item of an attribute, or call one of these methods of it, as far as
        one glance shows."""
        changed = [store.value for store in self._item_stores]
        calls = self._index.calls_named(methods)
        changed += [call.func.value for call in calls if isinstance(call.func, ast.Attribute)]
        lines = sorted(node.lineno for node in changed if _is_own(node))
        if len(lines) < 2:
            return []
        functions: list[Method] = [
            *self._index.nodes(ast.FunctionDef),
            *self._index.nodes(ast.AsyncFunctionDef),
        ]
        found = []
        for function in functions:
            second = bisect.bisect_left(lines, function.lineno) + 1
            if second < len(lines) and lines[second] <= (function.end_lineno or 0):
                found.append(function)
        return found

    def emptied(self) -> dict[ast.ClassDef, set[tuple[str, str]]]:
        """The attributes that methods of each class empty, and these methods, as far as one glance shows."""
        found: defaultdict[ast.ClassDef, set[tuple[str, str]]] = defaultdict(set)
        if not self._index.nodes(ast.AsyncFunctionDef) and not self._imports_runners:
            return found
        nodes: list[ast.expr] = []
        for call in self._index.calls_named(("clear",)):
            nodes += [call.func.value] if isinstance(call.func, ast.Attribute) else []
        for delete in self._index.nodes(ast.Delete):
            nodes += [target.value for target in delete.targets if isinstance(target, ast.Subscript)]
        assigns: list[ast.Assign | ast.AnnAssign] = [
            *self._index.nodes(ast.Assign),
            *self._index.nodes(ast.AnnAssign),
        ]
        for assign in assigns:
            if isinstance(assign.value, ast.Tuple) or _is_empty(assign.value):
                for target in assign.targets if isinstance(assign, ast.Assign) else (assign.target,):
                    nodes += target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]
        for node in nodes:
            function = self._index.function(node) if isinstance(node, ast.Attribute) else None
            owner = None if function is None else self.owner(function)
            if owner is not None and isinstance(node, ast.Attribute) and isinstance(function, Method):
                found[owner].add((node.attr, function.name))
        return found

    @functools.cached_property
    def _item_stores(self) -> list[ast.Subscript]:
        return [node for node in self._index.nodes(ast.Subscript) if node.ctx.__class__ is not ast.Load]

    def lock_takers(self) -> list[ast.ClassDef]:
        """The classes whose code, or that of their bases in this file, takes a lock."""
        takers = {self.owner(function) for function in self._takers}
        if takers <= {None}:
            return []
        return [
            owner for owner in self._index.nodes(ast.ClassDef) if not takers.isdisjoint(self.family(owner))
        ]

    @functools.cached_property
    def _takers(self) -> set[ast.AST]:
        """The functions that take a lock of the class."""
        index = self._index
        found = {function for function in self.locking.acquirers() if function is not None}
        blocks: list[ast.With | ast.AsyncWith] = [*index.nodes(ast.With), *index.nodes(ast.AsyncWith)]
        for block in blocks:
            items = (item.context_expr for item in block.items)
            known = [item for item in items if self._may_lock(item)]
            function = index.function(block) if known else None
            if function is None or function in found:
                continue
            if any(self.locking.lock(item) not in (None, ANY) for item in known):
                found.add(function)
        return found

    @memoised
    def may_hold(self, owner: ast.ClassDef) -> set[ast.AST]:
        """The functions of a class and its bases in this file that take a lock, and the methods that these call, and so on."""
        found = set(self._takers)
        stack = list(found)
        called: defaultdict[ast.AST, set[str]] = defaultdict(set)
        methods: dict[str, ast.AST] = {}
        for family in self.family(owner):
            for item in family.body:
                if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    methods.setdefault(item.name, item)
            for name, accesses in self.accesses(family).items():
                for access in accesses:
                    called[access.function].add(name)
        while stack:
            for name in called[stack.pop()] & methods.keys():
                if methods[name] not in found:
                    found.add(methods[name])
                    stack.append(methods[name])
        return found

    def runs_in(self, access: Access, functions: Collection[ast.AST]) -> bool:
        """Whether an access stands in one of these functions, or in a function within one."""
        function: ast.AST | None = access.function
        while function is not None and function not in functions:
            function = self._index.function(function)
        return function is not None

    def _may_lock(self, item: ast.expr) -> bool:
        """Whether a context may be a lock: by its name, or where the file makes or imports locks, as a variable or a function."""
        if is_lockish(item):
            return True
        if not self._knows_locks:
            return False
        return not isinstance(item, ast.Call) or (last_name(item.func) or "") in self._defined_here

    @functools.cached_property
    def _knows_locks(self) -> bool:
        names = _lock_names() if self._imports_runners else frozenset()
        return not names.isdisjoint(self._index.names_called()) or any(
            alias.name in names for alias in self._index.nodes(ast.alias)
        )

    @functools.cached_property
    def _defined_here(self) -> frozenset[str]:
        index = self._index
        functions: list[Method] = [*index.nodes(ast.FunctionDef), *index.nodes(ast.AsyncFunctionDef)]
        return frozenset(function.name for function in functions)

    @functools.cached_property
    def _imports_runners(self) -> bool:
        """Whether the file imports what starts threads and tasks, or has locks."""
        return not self._index.packages.isdisjoint(_packages())

    @memoised
    def concurrency(self, owner: ast.ClassDef) -> frozenset[str]:
        """What runs the functions of a class side by side, as the class itself shows: ``thread``, ``task``, both or neither."""
        found = set()
        for family in self.family(owner):
            names = {self.module.qualname(base) or "" for base in family.bases}
            found |= {
                row["runs"] for row in knowledge.rows("shared_state.runner") if names & set(row["bases"])
            }
            found |= self._started.get(family, set())
            if any(isinstance(item, ast.AsyncFunctionDef) for item in family.body):
                found.add("task")
        return frozenset(found - {"start"})

    def starts_threads(self, owner: ast.ClassDef) -> bool:
        """Whether the code of a class starts threads itself."""
        return any("start" in self._started.get(family, ()) for family in self.family(owner))

    def starts(self, owner: ast.ClassDef) -> bool:
        """Whether the code of a class starts threads or tasks, or has a lock against them."""
        return any(
            self._started.get(family)
            or family in self._task_starters
            or any(is_lockish(items[0].node) for items in self.accesses(family).values())
            for family in self.family(owner)
        )

    @functools.cached_property
    def _task_starters(self) -> set[ast.ClassDef | None]:
        """The classes that start tasks by what they were given: ``group.create_task(...)``, ``nursery.start_soon(...)``."""
        return {self.owner(call) for call in self._index.calls_named(_STARTS)}

    @memoised
    def runs_alone(self, owner: ast.ClassDef, function: Method) -> bool:
        """Whether a coroutine is private and its class only ever awaits it in place: ``await self._m()``, and starts nothing."""
        name = function.name
        if not name.startswith("_") or name.endswith("__") or self.starts(owner):
            return False
        if self._index.class_of(function) is not owner:
            return False
        uses = [item.node for item in self.accesses(owner).get(name, ())]
        calls = [self._index.parent(use) for use in uses]
        return bool(calls) and all(
            isinstance(call, ast.Call)
            and call.func is use
            and isinstance(self._index.parent(call), ast.Await)
            for use, call in zip(uses, calls, strict=True)
        )

    @memoised
    def is_bound(self, owner: ast.ClassDef, lock: str) -> bool:
        """Whether the file shows what a lock is: its type, or where the class or a base of this file gets it from."""
        return any(
            annotation is not None or (value is not None and not is_none(value))
            for value, annotation in self._values(owner, lock)
        ) or any(
            self.locking.runs(access.node)
            for family in self.family(owner)
            for access in self.accesses(family).get(lock, ())
        )

    @functools.cached_property
    def _started(self) -> dict[ast.ClassDef | None, set[str]]:
        """What the code of each class starts or locks out."""
        found: defaultdict[ast.ClassDef | None, set[str]] = defaultdict(set)
        rows = {name: row["runs"] for row in knowledge.rows("shared_state.runner") for name in row["calls"]}
        locks = lock_rows()
        if not self._imports_runners:
            return found
        last = {name.rpartition(".")[2] for name in (*rows, *locks)}
        for call in self._index.calls_named({*last, "run_in_executor", "submit"}):
            name = self.module.called(call) or ""
            if name in rows:
                found[self.owner(call)].update(
                    (rows[name], "start") if rows[name] == "thread" else (rows[name],)
                )
            elif name.endswith(".ThreadPoolExecutor.submit") or last_name(call.func) == "run_in_executor":
                found[self.owner(call)].update(("thread", "start"))
            else:
                row = locks.get(self.module.type_of(call) or "")
                if row is not None and row["runs"] in ("thread", "task"):
                    found[self.owner(call)].add(row["runs"])
        return found

    def owner(self, node: ast.AST) -> ast.ClassDef | None:
        """The class in whose methods or body a node stands; ``None`` outside of classes."""
        scope = self._index.scope(node)
        while not isinstance(scope, ast.ClassDef):
            if isinstance(scope, ast.Module):
                return None
            scope = self._index.scope(scope)
        return scope

    # -- suspensions

    def suspends_between(self, first: ast.AST, last: ast.AST) -> bool:
        """Whether another task may run after ``first`` was evaluated and before ``last`` takes effect.

        Args:
            first: an expression.
            last: a statement or expression of the same function, which takes effect at its end.

        Returns:
            Whether an ``await``, ``async for`` or ``async with`` stands in between, on a way from one to the other.
        """
        function = self._index.function(last)
        after, before = _start(first), _end(last)
        points = self._suspensions.get(function, [])
        for where, node in points[bisect.bisect_right(points, after, key=_first) :]:
            if where > before:
                return False
            if self.leads_to(node, last) and self.leads_to(first, node):
                return True
        return False

    def _suspends_after(self, first: ast.expr, last: ast.stmt) -> bool:
        points = self._suspensions.get(self._index.function(last), [])
        return any(_end(first) < where <= _end(last) for where, _ in points)

    @functools.cached_property
    def _suspensions(self) -> dict[ast.AST | None, list[tuple[_Position, ast.AST]]]:
        """Where each function lets other tasks run, in order."""
        index = self._index
        found: defaultdict[ast.AST | None, list[tuple[_Position, ast.AST]]] = defaultdict(list)
        for wait in index.nodes(ast.Await):
            found[index.function(wait)].append((_end(wait), wait))
        for loop in index.nodes(ast.AsyncFor):
            found[index.function(loop)].append((_end(loop.iter), loop.body[0]))
        for block in index.nodes(ast.AsyncWith):
            found[index.function(block)].append((_end(block.items[-1].context_expr), block.body[0]))
            found[index.function(block)].append((_end(block), block))
        for points in found.values():
            points.sort(key=_first)
        return found

    def leads_to(self, first: ast.AST, last: ast.AST) -> bool:
        """Whether code that stands after ``first``, or holds it, may run after it: not in another branch, nor behind a ``return``."""
        index = self._index
        goal = _start(last)
        child: ast.AST = index.statement(first)
        while True:
            parent = index.parent(child)
            if parent is None or isinstance(parent, FUNCTIONS):
                return True
            block = _block(parent, child)
            if block and _start(block[0]) <= goal <= _end(block[-1]):
                return True
            inside = not isinstance(parent, ast.match_case) and _start(parent) <= goal <= _end(parent)
            if inside:
                return not isinstance(parent, (ast.If, ast.Match))
            if block and isinstance(block[-1], _LEAVES):
                return False
            child = parent

    # -- what a write depends on

    def sources(self, node: ast.expr) -> Iterator[ast.expr]:
        """An expression, and those that the local names in it were computed from, on any way to it.

        What an ``await`` waits for is not followed: its outcome is somebody else's value.
        """
        function = self._index.function(node)
        seen: set[ast.AST] = set()
        stack = [node]
        while stack:
            expression = stack.pop()
            yield expression
            for name in _parts(expression):
                if not isinstance(name, ast.Name):
                    continue
                stack += self._defined(self.module.def_use(function or self.module.tree), name, seen)

    def _defined(self, flow: DefUse, name: ast.Name, seen: set[ast.AST]) -> Iterator[ast.expr]:
        names = [name]
        while names:
            for definition in flow.definitions(names.pop()) or ():
                if definition in seen:
                    continue
                seen.add(definition)
                if isinstance(definition, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr)):
                    if isinstance(definition, ast.AugAssign) and isinstance(definition.target, ast.Name):
                        names.append(definition.target)
                    if definition.value is not None:
                        yield definition.value
                elif isinstance(definition, ast.For):
                    yield definition.iter

    def conditions(self, statement: ast.stmt) -> Iterator[tuple[ast.expr, bool | None]]:
        """The conditions that decide whether a statement runs, nearest first, and which truth leads to it.

        Those of the ``if`` and ``while`` around it, and of those before it that leave otherwise; ``None`` for a ``while`` before
        it, which has just been asked.
        """
        child: ast.AST = statement
        while child is not None and not isinstance(child, FUNCTIONS):
            parent = self._index.parent(child)
            if parent is None:
                return
            block = _block(parent, child)
            at = bisect.bisect_left(block, _start(child), key=_start)
            for before in reversed(block[max(0, at - _NEAR) : at]):
                if isinstance(before, ast.While):
                    yield before.test, None
                elif isinstance(before, ast.Assert):
                    yield before.test, True
                elif isinstance(before, ast.If) and isinstance(before.body[-1], _LEAVES):
                    yield before.test, False
            if isinstance(parent, (ast.If, ast.While)) and block:
                yield parent.test, block is parent.body
            child = parent

    def reads(self, node: ast.expr, write: Access) -> Iterator[ast.Attribute]:
        """The mentions, in an expression, of the attribute that an access writes."""
        for item in _parts(node):
            if isinstance(item, ast.Attribute) and self.is_read(item, write):
                yield item

    def is_read(self, node: ast.expr, write: Access) -> bool:
        """Whether an expression is the attribute that an access writes."""
        return (
            isinstance(node, ast.Attribute)
            and node.attr == write.name
            and isinstance(node.ctx, ast.Load)
            and isinstance(node.value, ast.Name)
            and isinstance(write.node.value, ast.Name)
            and node.value.id == write.node.value.id
        )

    def key(self, node: ast.Attribute) -> str | None:
        """The key by which a mention uses a container: ``k`` of ``self.c[k]``, ``self.c.get(k)``, ``self.c.add(k)``."""
        parent = self._index.parent(node)
        if isinstance(parent, ast.Subscript) and parent.value is node:
            return ast.dump(parent.slice)
        call = self._index.parent(parent) if isinstance(parent, ast.Attribute) else None
        if isinstance(call, ast.Call) and call.func is parent and call.args:
            return ast.dump(call.args[0])
        return None

    def missed(self, write: Access) -> ast.Attribute | None:
        """The read of the same item that failed: ``try: return self.c[k]`` with the write in its ``except KeyError``."""
        key = self.key(write.node)
        for node in self._index.ancestors(write.node):
            if isinstance(node, FUNCTIONS):
                return None
            parent = self._index.parent(node)
            if isinstance(node, ast.ExceptHandler) and isinstance(parent, TRIES) and key is not None:
                if last_name(node.type) != "KeyError":
                    return None
                known = self._own(write.node).get(write.name, ())
                inside = (item.node for item in known if _start(parent) <= _start(item.node) < _start(node))
                return next((item for item in inside if self.key(item) == key), None)
        return None

    def has_fixed_key(self, node: ast.Attribute) -> bool:
        """Whether a mention uses one fixed item of a container, as if it were an attribute."""
        parent = self._index.parent(node)
        return isinstance(parent, ast.Subscript) and is_fixed(parent.slice)

    def asks(self, test: ast.expr, truth: bool | None, write: Access) -> ast.Attribute | None:
        """The read by which a condition asks what a write is to bring in.

        Args:
            test: the condition.
            truth: its truth where the write runs; ``None``: any question about the attribute.
            write: a write of an attribute: for ``self.x = v`` the question is whether it has a value, for ``self.x[k] = v`` and
                ``self.x.add(k)`` whether the key is there, for ``self.x += 1`` and ``self.x.append(v)`` how many there are.

        Returns:
            The mention of the attribute, or ``None``.
        """
        if truth is None:
            return next(self.reads(test, write), None)
        key = self.key(write.node)
        stack = [(test, truth)]
        while stack:
            node, wanted = stack.pop()
            asked: Iterator[ast.Attribute] = iter(())
            if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
                stack.append((node.operand, not wanted))
            elif isinstance(node, ast.BoolOp):
                stack += ((value, wanted) for value in node.values)
            elif isinstance(node, ast.Compare) and len(node.ops) == 1:
                asked = self._compares(node, wanted, write, key)
            elif not wanted and write.kind in (Kind.BIND, Kind.ITEM):
                asked = self._looks_up(node, write, key)
            found = next(asked, None)
            if found is not None:
                return found
        return None

    def _compares(
        self, node: ast.Compare, wanted: bool, write: Access, key: str | None
    ) -> Iterator[ast.Attribute]:
        operator, left, right = node.ops[0], node.left, node.comparators[0]
        if isinstance(operator, (ast.In, ast.NotIn)):
            if isinstance(operator, ast.NotIn) is wanted and key == ast.dump(left):
                yield from self.reads(right, write)
        elif is_none(right) and isinstance(operator, (ast.Is, ast.IsNot, ast.Eq, ast.NotEq)):
            if isinstance(operator, (ast.Is, ast.Eq)) is wanted and write.kind in (Kind.BIND, Kind.ITEM):
                yield from self._looks_up(left, write, key)
        elif isinstance(operator, _ORDERS) and write.kind in (Kind.AUGMENT, Kind.CALL):
            for side in (left, right):
                for expression in self.sources(side):
                    yield from self.reads(expression, write)

    def _looks_up(self, node: ast.expr, write: Access, key: str | None) -> Iterator[ast.Attribute]:
        """The mention whose value (for a key: whose item) an expression is."""
        for expression in self.sources(node.value if isinstance(node, ast.NamedExpr) else node):
            for read in self.reads(expression, write):
                used: ast.AST | None = read
                if key is not None and self.key(read) == key:
                    used = self._index.parent(read)
                    used = self._index.parent(used) if isinstance(used, ast.Attribute) else used
                if used is expression and (key is None) is (used is read):
                    yield read

    def is_claimed(self, read: ast.expr, write: Access) -> bool:
        """Whether a function marks its work as begun before others can run: a flag or entry that it has asked for, or the
        attribute itself."""
        for name, accesses in self._own(write.node).items():
            own = [item for item in accesses if item.function is write.function]
            for mark in own:
                if mark.kind not in WRITES or _start(mark.node) >= _start(write.node):
                    continue
                if _start(mark.node) > _start(read) and self.suspends_between(read, mark.node):
                    continue
                if name == write.name and _start(mark.node) > _start(read):
                    return True
                if name != write.name and any(self._is_asked(item, mark) for item in own):
                    return True
        return False

    def _is_asked(self, item: Access, mark: Access) -> bool:
        statement = self._index.statement(item.node)
        return (
            item.kind is Kind.READ
            and isinstance(statement, (ast.If, ast.While))
            and _start(item.node) < _start(mark.node)
            and not self.suspends_between(item.node, mark.node)
        )

    def is_chosen(self, name: ast.Name) -> bool:
        """Whether a local is one of some values, and none that is computed from them: ``given or self.x``."""
        flow = self.module.def_use(self._index.function(name) or self.module.tree)
        seen: set[ast.AST] = set()
        stack: list[ast.expr] = [name]
        while stack:
            item = stack.pop()
            if isinstance(item, ast.BoolOp):
                stack += item.values
            elif isinstance(item, ast.IfExp):
                stack += (item.body, item.orelse)
            elif isinstance(item, ast.Name):
                for definition in flow.definitions(item) or ():
                    if isinstance(definition, (ast.Assign, ast.AnnAssign, ast.NamedExpr)):
                        stack += () if definition.value is None or definition in seen else (definition.value,)
                        seen.add(definition)
                    elif not isinstance(definition, ast.arg):
                        return False
            elif not isinstance(item, (ast.Attribute, ast.Constant)):
                return False
        return True

    def asks_for_key(self, test: ast.expr, truth: bool) -> bool:
        """Whether a condition holds where some key is missing: ``key not in known``."""
        while isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            test, truth = test.operand, not truth
        missing = ast.NotIn if truth else ast.In
        return isinstance(test, ast.Compare) and isinstance(test.ops[0], missing)

    def asks_instead(self, read: ast.expr, test: ast.expr, statement: ast.stmt) -> bool:
        """Whether the only ``await`` on the way is asked of what was found: ``if x is None or await x.is_old(): self.x = X()``."""
        return (
            isinstance(test, ast.BoolOp)
            and isinstance(test.op, ast.Or)
            and not self.suspends_between(read, test.values[0])
            and not any(isinstance(node, ast.Await) for node in ast.walk(test.values[0]))
            and not self._suspends_after(test, statement)
        )

    def is_asserted(self, test: ast.expr) -> bool:
        """Whether a condition is that of an ``assert``: what has to hold, not what may be missing."""
        return isinstance(self._index.statement(test), ast.Assert)

    def left_out(self, function: ast.AST) -> Collection[object]:
        """The fixed values that a function leaves out: ``"count"`` of ``if name != "count"``."""
        return self._left_out.get(function, ())

    @functools.cached_property
    def _left_out(self) -> Mapping[ast.AST | None, set[object]]:
        found: defaultdict[ast.AST | None, set[object]] = defaultdict(set)
        for test in self._index.nodes(ast.Compare):
            if isinstance(test.ops[0], ast.NotEq) and isinstance(test.comparators[0], ast.Constant):
                found[self._index.function(test)].add(test.comparators[0].value)
        return found

    @memoised
    def hands_out(self, function: Method) -> bool:
        """Whether a method hands its object to another function while it holds a lock."""
        first = first_parameter(function)
        return first is not None and any(
            isinstance(item, ast.Name) and item.id == first.arg and self.locking.held(call)
            for call in self._handing.get(function, ())
            for item in call.args
        )

    @functools.cached_property
    def _handing(self) -> Mapping[ast.AST | None, list[ast.Call]]:
        """The calls with arguments, by function, without those of built-in functions that ask what something is."""
        found: defaultdict[ast.AST | None, list[ast.Call]] = defaultdict(list)
        for call in self._index.nodes(ast.Call):
            if call.args and last_name(call.func) not in _ASKING:
                found[self._index.function(call)].append(call)
        return found

    def repeats_between(self, read: ast.expr, statement: ast.stmt) -> bool:
        """Whether a statement stands in a loop that asks a condition anew, or that begins after it was asked."""
        for node in self._index.ancestors(statement):
            if isinstance(node, FUNCTIONS):
                return False
            if isinstance(node, (ast.For, ast.AsyncFor)) and _start(node) > _start(read):
                return True
            if isinstance(node, ast.While) and _start(node) <= _start(read) <= _end(node.test):
                return True
        return False

    def is_worked_on(self, write: Access) -> bool:
        """Whether a function awaits something for its effect alone before it adds what it gave to it: ``await send(item)``."""
        key = self.key(write.node)
        for where, node in self._suspensions.get(self._index.function(write.node), ()):
            call = node.value if isinstance(node, ast.Await) else None
            if where > _start(write.node) or not isinstance(call, ast.Call):
                continue
            given = [*call.args, *(keyword.value for keyword in call.keywords)]
            if isinstance(self._index.parent(node), ast.Expr) and any(
                ast.dump(item) == key for item in given
            ):
                return True
        return False

    def drops_if_there(self, access: Access) -> bool:
        """Whether an access deletes an entry and does not mind that it is missing: in a ``try`` with ``except KeyError``."""
        item = self._index.parent(access.node)
        if not isinstance(item, ast.Subscript) or not isinstance(item.ctx, ast.Del):
            return False
        block = self._index.parent(self._index.statement(access.node))
        if isinstance(block, TRIES):
            return any(last_name(handler.type) == "KeyError" for handler in block.handlers)
        return isinstance(block, ast.With) and any(
            isinstance(entered.context_expr, ast.Call) and last_name(entered.context_expr.func) == "suppress"
            for entered in block.items
        )

    def detaches(self, access: Access) -> bool:
        """Whether one statement takes what an attribute holds and leaves a fixed value: ``x, self.x = self.x, None``."""
        value = self.assigned(access.node)
        if not isinstance(value, ast.Tuple) or access.kind is not Kind.BIND:
            return False
        return any(map(is_fixed, value.elts)) and any(self.is_read(item, access) for item in value.elts)

    def awaited(self, value: ast.expr) -> Iterator[ast.Call]:
        """The awaited calls whose outcome an expression is."""
        for expression in self.sources(value):
            if isinstance(expression, ast.Await) and isinstance(expression.value, ast.Call):
                yield expression.value

    def augments(self, node: ast.Attribute) -> bool:
        """Whether a mention is changed by ``+=`` or the like, itself or its item."""
        return isinstance(self._index.statement(node), ast.AugAssign)

    def assigned(self, node: ast.Attribute) -> ast.expr | None:
        """The value that a statement assigns to an attribute or to its item."""
        statement = self._index.statement(node)
        if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            return statement.value
        return None

    def is_new(self, access: Access) -> bool:
        """Whether the function that changes a container has bound it to a new one before."""
        known = self._own(access.node).get(access.name, ())
        return access.kind in (Kind.ITEM, Kind.CALL) and any(
            item.kind is Kind.BIND
            and item.function is access.function
            and _start(item.node) < _start(access.node)
            for item in known
        )

    def fills_once(self, access: Access) -> bool:
        """Whether an access under a lock is part of what is done once: its function asks for a flag before it takes the lock
        and again under it (double-checked locking)."""
        for name, accesses in self._own(access.node).items():
            if name != access.name:
                tests = [
                    item
                    for item in accesses
                    if item.function is access.function
                    and item.kind is Kind.READ
                    and isinstance(self._index.statement(item.node), ast.If)
                    and _start(item.node) < _start(access.node)
                ]
                held = {bool(self.locking.held(item.node)) for item in tests}
                if len(held) == 2:
                    return True
        return False

    def binds_constant(self, access: Access) -> bool:
        """Whether an access binds its attribute to a fixed value, such as ``False``, ``None`` or ``State.IDLE``."""
        value = self.assigned(access.node)
        return access.kind is Kind.BIND and value is not None and is_fixed(value)

    @memoised
    def is_task_lock(self, owner: ast.ClassDef, lock: str) -> bool:
        """Whether a lock of a class keeps out tasks only."""
        for family in self.family(owner):
            for access in self.accesses(family).get(lock, ()):
                runs = self.locking.runs(access.node)
                item = self._index.parent(access.node)
                if runs:
                    return runs == "task"
                if isinstance(item, ast.withitem):
                    return any(item in block.items for block in self._index.nodes(ast.AsyncWith))
        return False

    def statement(self, node: ast.AST) -> ast.stmt:
        """The statement that holds a node."""
        return self._index.statement(node)

    def resets(self, access: Access) -> bool:
        """Whether an access empties a container: ``self.x = []``, ``self.x.clear()``, ``del self.x[:]``."""
        if access.kind is Kind.CALL:
            return access.method == "clear"
        if access.kind is Kind.ITEM:
            parent = self._index.parent(access.node)
            return isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Del) and _is_whole(parent)
        value = self.assigned(access.node)
        if isinstance(value, ast.Tuple) and isinstance(self._index.parent(access.node), ast.Tuple):
            return any(_is_empty(item) for item in value.elts)
        return access.kind is Kind.BIND and _is_empty(value)

    def takes(self, node: ast.Attribute) -> bool:
        """Whether a mention hands on what a container holds: assigns, copies, passes or iterates it."""
        parent = self._index.parent(node)
        if isinstance(parent, ast.Attribute):
            return parent.attr in ("copy", "values", "items")
        if isinstance(parent, ast.Subscript):
            return _is_whole(parent)
        if isinstance(parent, ast.Call):
            return node in parent.args and last_name(parent.func) not in ("len", "bool", "print", "id")
        return isinstance(
            parent,
            (ast.Assign, ast.Tuple, ast.For, ast.AsyncFor, ast.comprehension, ast.keyword, ast.Starred),
        )


def _is_load(node: ast.Attribute | ast.Subscript) -> bool:
    return node.ctx.__class__ is ast.Load


def _is_own(node: ast.expr) -> bool:
    """Whether an expression is an attribute of a name, or an item of one."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)


def _block(parent: ast.AST, child: ast.AST) -> list[ast.stmt]:
    """The statements among which a statement stands."""
    for name in ("body", "orelse", "finalbody"):
        block: list[ast.stmt] = getattr(parent, name, None) or []
        if block and isinstance(child, ast.stmt) and _start(block[0]) <= _start(child) <= _start(block[-1]):
            return block
    return []


def _start(node: ast.AST) -> _Position:
    return node.lineno, node.col_offset  # type: ignore[attr-defined]


def _end(node: ast.AST) -> _Position:
    return node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]


def _first(point: tuple[_Position, ast.AST]) -> _Position:
    return point[0]


@knowledge.cached
def _base_rows() -> dict[str | None, str]:
    return {name: row["runs"] for row in knowledge.rows("shared_state.runner") for name in row["bases"]}


@knowledge.cached
def _lock_names() -> frozenset[str]:
    return frozenset(name.rpartition(".")[2] for name in lock_rows())


@knowledge.cached
def _packages() -> frozenset[str]:
    """The packages that start threads and tasks, or have locks."""
    calls = (name for row in knowledge.rows("shared_state.runner") for name in row["calls"])
    return frozenset(name.partition(".")[0] for name in (*calls, *lock_rows()))


@knowledge.cached
def _containers() -> frozenset[str]:
    return frozenset(name for row in knowledge.rows("shared_state.container") for name in row["types"])


@knowledge.cached
def changing_methods() -> frozenset[str]:
    """The methods that change a container in place."""
    return frozenset(name for row in knowledge.rows("shared_state.container") for name in row["methods"])


def is_fixed(node: ast.expr) -> bool:
    """Whether an expression is a literal or, by its name, a constant."""
    name = last_name(node)
    return isinstance(node, ast.Constant) or (name is not None and name.isupper())


def _parts(node: ast.expr) -> Iterator[ast.AST]:
    """The nodes of an expression, but for what an ``await`` in it waits for."""
    stack: list[ast.AST] = [node]
    while stack:
        item = stack.pop()
        yield item
        if not isinstance(item, ast.Await):
            stack.extend(children(item))


def _is_whole(node: ast.Subscript) -> bool:
    return isinstance(node.slice, ast.Slice) and node.slice.lower is None and node.slice.upper is None


def _is_empty(node: ast.expr | None) -> bool:
    """Whether an expression is a new, empty container."""
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return not node.elts
    if isinstance(node, ast.Dict):
        return not node.keys
    return isinstance(node, ast.Call) and last_name(node.func) in _EMPTY
