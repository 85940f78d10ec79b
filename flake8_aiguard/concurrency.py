"""What runs the functions of a class side by side: threads and tasks, as the class itself shows."""

from __future__ import annotations

import ast
import re
from collections import defaultdict

from flake8_aiguard import knowledge
from flake8_aiguard.attributes import Attributes, Method
from flake8_aiguard.locking import is_lockish, lock_rows
from flake8_aiguard.memo import lazy, memoised
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import last_name

_STARTS = ("create_task", "ensure_future", "gather", "start_soon", "TaskGroup")
_FOR_ONE = regex(
    r"\bnot\b.{0,20}\b(?:support|allow|safe|intended|designed|meant|made)\w*\b.{0,20}\bconcurren"
    r"|\bconcurrent (?:access|calls|use)\b.{0,30}\bnot\b|\bnot (?:thread|task|coroutine)[- ]?safe\b|\bsingle[- ](?:consumer|threaded)\b",
    re.IGNORECASE | re.DOTALL,
)
_SOLE = regex(r"_*(?:Mock|Fake|Dummy|Stub)(?:[A-Z0-9_]\w*)?|\w+(?:Iterator|Paginator|Mock|Fake|Stub)")
_NEXT = ("__anext__", "__next__")


class Concurrency:
    """What starts threads and tasks in one file.

    Args:
        module: the file.
        attributes: its attributes.
    """

    def __init__(self, module: Module, attributes: Attributes) -> None:
        self._module = module
        self._index = module.index
        self._attributes = attributes

    @memoised
    def of(self, owner: ast.ClassDef) -> frozenset[str]:
        """What runs the functions of a class side by side, as the class itself shows: ``thread``, ``task``, both or neither."""
        found = set()
        for family in self._attributes.family(owner):
            names = {self._module.qualname(base) or "" for base in family.bases}
            found |= {
                row["runs"] for row in knowledge.rows("shared_state.runner") if names & set(row["bases"])
            }
            found |= self._started.get(family, set())
            if any(isinstance(item, ast.AsyncFunctionDef) for item in family.body):
                found.add("task")
        return frozenset(found - {"start"})

    @memoised
    def is_for_one(self, owner: ast.ClassDef) -> bool:
        """Whether a class says that several do not use it at once: its docstring, its name, that of an iterator or a mock, or its
        base, which works one after the other."""
        if any("Sequential" in (last_name(base) or "") for base in owner.bases):
            return True
        return _SOLE.fullmatch(owner.name) is not None or any(
            _FOR_ONE.search(ast.get_docstring(family, clean=False) or "") is not None
            or any(item.name in _NEXT for item in family.body if isinstance(item, Method))
            for family in self._attributes.family(owner)
        )

    @memoised
    def is_of_one_call(self, owner: ast.ClassDef) -> bool:
        """Whether the file makes objects of a class for one call each: a local name holds it, and only its methods are used."""
        made = [
            call
            for call in self._index.calls_named((owner.name,))
            if self._module.receivers.definition(call.func) is owner
        ]
        return bool(made) and all(self._is_of_local(owner, call) for call in made)

    def _is_of_local(self, owner: ast.ClassDef, made: ast.Call) -> bool:
        index = self._index
        assign, function = index.parent(made), index.function(made)
        target = assign.targets[0] if isinstance(assign, ast.Assign) else None
        if not isinstance(target, ast.Name) or not isinstance(function, Method) or function.name == "main":
            return False
        waits = {item.name for item in owner.body if isinstance(item, ast.AsyncFunctionDef)}
        for use in self._module.scopes.uses(function, target.id):
            attribute = index.parent(use)
            if not isinstance(attribute, ast.Attribute) or index.function(use) is not function:
                return False
            call = index.parent(attribute)
            if attribute.attr in waits and (call is None or not isinstance(index.parent(call), ast.Await)):
                return False
        return True

    def starts_threads(self, owner: ast.ClassDef) -> bool:
        """Whether the code of a class starts threads itself."""
        return any("start" in self._started.get(family, ()) for family in self._attributes.family(owner))

    def starts(self, owner: ast.ClassDef) -> bool:
        """Whether the code of a class starts threads or tasks, or has a lock against them."""
        return any(
            self._started.get(family)
            or family in self._task_starters
            or any(is_lockish(items[0].node) for items in self._attributes.accesses(family).values())
            for family in self._attributes.family(owner)
        )

    @lazy
    def _task_starters(self) -> set[ast.ClassDef | None]:
        """The classes that start tasks by what they were given: ``group.create_task(...)``, ``nursery.start_soon(...)``."""
        return {self._attributes.owner(call) for call in self._index.calls_named(_STARTS)}

    @memoised
    def is_driven(self, owner: ast.ClassDef, function: Method) -> bool:
        """Whether one task of the class drives a coroutine: awaited in place by coroutines that are awaited in place, up to
        ``run()``, or the one that ``create_task(self._loop())`` starts at one place that no loop repeats."""
        seen: set[Method] = set()
        stack = [function]
        while stack:
            item = stack.pop()
            if item in seen:
                continue
            seen.add(item)
            if item.name == "run" and item is not function:
                continue
            uses = self._attributes.accesses(owner).get(item.name, ())
            if not uses or self._index.class_of(item) is not owner:
                return False
            if len(uses) == 1 and item is not function and self._is_started_once(uses[0].node, item):
                continue
            for use in uses:
                call = self._index.parent(use.node)
                if not (
                    isinstance(call, ast.Call)
                    and call.func is use.node
                    and isinstance(self._index.parent(call), ast.Await)
                    and isinstance(use.function, ast.AsyncFunctionDef)
                ):
                    return False
                stack.append(use.function)
        return True

    def _is_started_once(self, use: ast.Attribute, coroutine: Method) -> bool:
        """Whether a mention of a private coroutine starts it as a task, not in a loop."""
        call = self._index.parent(use)
        start = self._index.parent(call) if isinstance(call, ast.Call) and call.func is use else None
        return (
            coroutine.name.startswith("_")
            and isinstance(start, ast.Call)
            and last_name(start.func) in ("create_task", "ensure_future")
            and not any(self._index.loops(start))
        )

    @lazy
    def _started(self) -> dict[ast.ClassDef | None, set[str]]:
        """What the code of each class starts or locks out."""
        found: defaultdict[ast.ClassDef | None, set[str]] = defaultdict(set)
        rows = {name: row["runs"] for row in knowledge.rows("shared_state.runner") for name in row["calls"]}
        locks = lock_rows()
        if not self.imports_runners:
            return found
        last = {name.rpartition(".")[2] for name in (*rows, *locks)}
        for call in self._index.calls_named({*last, "run_in_executor", "submit"}):
            name = self._module.called(call) or ""
            if name in rows:
                found[self._attributes.owner(call)].update(
                    (rows[name], "start") if rows[name] == "thread" else (rows[name],)
                )
            elif name.endswith(".ThreadPoolExecutor.submit") or last_name(call.func) == "run_in_executor":
                found[self._attributes.owner(call)].update(("thread", "start"))
            else:
                row = locks.get(self._module.type_of(call) or "")
                if row is not None and row["runs"] in ("thread", "task"):
                    found[self._attributes.owner(call)].add(row["runs"])
        return found

    @lazy
    def imports_runners(self) -> bool:
        """Whether the file imports what starts threads and tasks, or has locks."""
        return not self._index.packages.isdisjoint(_packages())


@knowledge.cached
def _packages() -> frozenset[str]:
    """The packages that start threads and tasks, or have locks."""
    calls = (name for row in knowledge.rows("shared_state.runner") for name in row["calls"])
    return frozenset(name.partition(".")[0] for name in (*calls, *lock_rows()))
