"""Who takes the locks of a class, where these come from, and what holding one says."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Collection, Mapping

from flake8_aiguard import knowledge
from flake8_aiguard.attributes import Access, Attributes, Kind, Method
from flake8_aiguard.children import walk
from flake8_aiguard.concurrency import Concurrency
from flake8_aiguard.locking import ANY, Locking, is_lockish, lock_rows
from flake8_aiguard.memo import lazy, memoised
from flake8_aiguard.module import Module
from flake8_aiguard.receivers import first_parameter
from flake8_aiguard.shapes import is_none, last_name, start_of

_ASKING = frozenset(
    {"getattr", "hasattr", "id", "isinstance", "len", "print", "repr", "setattr", "str", "super", "type"}
)

_GENERIC = frozenset(
    {
        "",
        "lock",
        "rlock",
        "mutex",
        "guard",
        "do",
        "the",
        "my",
        "thread",
        "sync",
        "state",
        "data",
        "cond",
        "condition",
    }
)


class Takers:
    """The functions of one file that take locks of their class.

    Args:
        module: the file.
        attributes: its attributes.
        concurrency: what it starts.
        locking: its locks.
    """

    def __init__(
        self, module: Module, attributes: Attributes, concurrency: Concurrency, locking: Locking
    ) -> None:
        self._module = module
        self._index = module.index
        self._attributes = attributes
        self._concurrency = concurrency
        self._locking = locking

    def lock_takers(self) -> list[ast.ClassDef]:
        """The classes whose code, or that of their bases in this file, takes a lock."""
        takers = {self._attributes.owner(function) for function in self._takers}
        if takers <= {None}:
            return []
        return [
            owner
            for owner in self._index.nodes(ast.ClassDef)
            if not takers.isdisjoint(self._attributes.family(owner))
        ]

    @lazy
    def _takers(self) -> set[ast.AST]:
        """The functions that take a lock of the class."""
        index = self._index
        found = {function for function in self._locking.acquirers() if function is not None}
        blocks: list[ast.With | ast.AsyncWith] = [*index.nodes(ast.With), *index.nodes(ast.AsyncWith)]
        for block in blocks:
            items = (item.context_expr for item in block.items)
            known = [item for item in items if self._may_lock(item)]
            function = index.function(block) if known else None
            if function is None or function in found:
                continue
            if any(self._locking.lock(item) not in (None, ANY) for item in known):
                found.add(function)
        return found

    @memoised
    def may_hold(self, owner: ast.ClassDef) -> set[ast.AST]:
        """The functions of a class and its bases in this file that take a lock, and the methods that these call, and so on."""
        found = set(self._takers)
        stack = list(found)
        called: defaultdict[ast.AST, set[str]] = defaultdict(set)
        methods: dict[str, ast.AST] = {}
        for family in self._attributes.family(owner):
            for item in family.body:
                if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    methods.setdefault(item.name, item)
            for name, accesses in self._attributes.accesses(family).items():
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

    @lazy
    def _knows_locks(self) -> bool:
        names = _lock_names() if self._concurrency.imports_runners else frozenset()
        return not names.isdisjoint(self._index.names_called()) or any(
            alias.name in names for alias in self._index.nodes(ast.alias)
        )

    @lazy
    def _defined_here(self) -> frozenset[str]:
        index = self._index
        functions: list[Method] = [*index.nodes(ast.FunctionDef), *index.nodes(ast.AsyncFunctionDef)]
        return frozenset(function.name for function in functions)

    @memoised
    def is_bound(self, owner: ast.ClassDef, lock: str) -> bool:
        """Whether the file shows what a lock is: its type, or, where it deals with threads or tasks at all, where the class or a base
        of this file gets it from."""
        return (
            self._concurrency.imports_runners
            and any(
                annotation is not None or (value is not None and not is_none(value))
                for value, annotation in self._attributes.values(owner, lock)
            )
        ) or any(
            self._locking.runs(access.node)
            for family in self._attributes.family(owner)
            for access in self._attributes.accesses(family).get(lock, ())
        )

    @memoised
    def is_always_bound(self, owner: ast.ClassDef, lock: str) -> bool:
        """Whether an object has a lock whatever it was made with, not only in one branch of its constructor."""
        for family in self._attributes.family(owner):
            blocks = [
                self._branch(store, lock) for store in self._module.receivers.attribute_stores(family, lock)
            ]
            branches = [block for block in blocks if block is not None]
            if blocks and len(branches) == len(blocks) and len({id(block[0]) for block in branches}) == 1:
                return len({block[1] for block in branches}) > 1
        return True

    def _branch(self, store: ast.Attribute, lock: str) -> tuple[ast.If, bool] | None:
        """The ``if`` in whose branch a constructor binds a lock, and which branch; ``None`` where it asks for the lock itself."""
        child: ast.AST = self._index.statement(store)
        parent = self._index.parent(child)
        if not isinstance(parent, ast.If) or lock in ast.dump(parent.test):
            return None
        return parent, child in parent.body

    @memoised
    def is_task_lock(self, owner: ast.ClassDef, lock: str) -> bool:
        """Whether a lock of a class keeps out tasks only."""
        for family in self._attributes.family(owner):
            for access in self._attributes.accesses(family).get(lock, ()):
                runs = self._locking.runs(access.node)
                item = self._index.parent(access.node)
                if runs:
                    return runs == "task"
                if isinstance(item, ast.withitem):
                    return any(item in block.items for block in self._index.nodes(ast.AsyncWith))
        return False

    @memoised
    def uses(self, owner: ast.ClassDef, name: str) -> int:
        """How often a class uses an attribute, once it is set up."""
        accesses = self._attributes.accesses(owner).get(name, ())
        return sum(not self._locking.is_setup(item.function) for item in accesses)

    @memoised
    def mentioning(self, owner: ast.ClassDef, name: str) -> frozenset[Method]:
        """The functions of a class that mention an attribute."""
        return frozenset(item.function for item in self._attributes.accesses(owner).get(name, ()))

    @memoised
    def is_waited_for(self, owner: ast.ClassDef, lock: str, name: str) -> bool:
        """Whether a lock is a condition and an attribute what its waiters ask for: ``while not self.ready: self.cond.wait()``."""
        asked = {
            item.node for item in self._attributes.accesses(owner).get(name, ()) if item.kind is Kind.READ
        }
        for call in self._index.calls_named(("wait", "wait_for")):
            if not isinstance(call.func, ast.Attribute) or self._locking.lock(call.func.value) != lock:
                continue
            questions = [loop.test for loop in self._index.loops(call) if isinstance(loop, ast.While)]
            if call.func.attr == "wait_for":
                questions += call.args[:1]
            if any(node in asked for question in questions for node in walk(question)):
                return True
        return False

    def fills_once(self, access: Access) -> bool:
        """Whether an access under a lock is part of what is done once: its function asks for a flag before it takes the lock
        and again under it (double-checked locking)."""
        for name, accesses in self._attributes.own(access.node).items():
            if name != access.name:
                tests = [
                    item
                    for item in accesses
                    if item.function is access.function
                    and item.kind is Kind.READ
                    and isinstance(self._index.statement(item.node), ast.If)
                    and start_of(item.node) < start_of(access.node)
                ]
                held = {bool(self._locking.held(item.node)) for item in tests}
                if len(held) == 2:
                    return True
        return False

    @memoised
    def hands_out(self, function: Method) -> bool:
        """Whether a method hands its object to another function while it holds a lock."""
        first = first_parameter(function)
        return first is not None and any(
            isinstance(item, ast.Name) and item.id == first.arg and self._locking.held(call)
            for call in self._handing.get(function, ())
            for item in call.args
        )

    @lazy
    def _handing(self) -> Mapping[ast.AST | None, list[ast.Call]]:
        """The calls with arguments, by function, without those of built-in functions that ask what something is."""
        found: defaultdict[ast.AST | None, list[ast.Call]] = defaultdict(list)
        for call in self._index.nodes(ast.Call):
            if call.args and last_name(call.func) not in _ASKING:
                found[self._index.function(call)].append(call)
        return found


def is_named_for(lock: str, name: str) -> bool:
    """Whether the name of a lock says nothing but that it is one, or names the attribute."""
    words = set(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", lock).lower().split("_")) - _GENERIC
    return not words or any(word.removesuffix("s") in name.lower() for word in words)


@knowledge.cached
def _lock_names() -> frozenset[str]:
    return frozenset(name.rpartition(".")[2] for name in lock_rows())
