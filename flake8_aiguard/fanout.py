"""Where one task is started for each item of an iterable."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.bounds import ORDER, is_allowance
from flake8_aiguard.index import COMPREHENSIONS, Loop
from flake8_aiguard.loops import contains
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.receivers import Definition
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import argument, last_name, names_in

_DEPTH: Final = 8  # variables and wrappers that are looked through
_ADDS: Final = frozenset({"append", "add", "appendleft", "insert"})
_EXTENDS: Final = frozenset({"extend", "update"})
_HANDS_OVER: Final = frozenset({"add", "append", "push", "put", "send"})
_VIEWS: Final = frozenset({"values", "items", "keys", "copy"})
_PARTIAL: Final = frozenset({"functools.partial"})
_SLEEPS: Final = frozenset({"asyncio.sleep", "anyio.sleep", "trio.sleep"})
_STREAM: Final = regex(
    r"listen|channel|conn|socket|(^|_)ws$|watch|accept|incoming|notif|changes|serve|request", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class FanOut:
    """Tasks that are started, one for each item.

    Attributes:
        node: the call that starts them.
        runs: the function whose coroutine each of them runs.
        call: the call of that function; ``None`` where it is handed over: ``map(fetch, urls)``.
        items: the part of an iterable that decides how many there are.
        item: the variable of the loop, ``""`` where it is unpacked.
        is_own: whether it is a method of each item itself that is given nothing of another one: ``plugin.start(app)``.
        is_dispatch: whether each item is itself what is called: ``handler(event)``, ``guarded(handler(event))``.
        loop: the loop that repeats it; ``None`` for ``map(fetch, urls)``.
    """

    node: ast.Call
    runs: ast.expr
    call: ast.Call | None
    items: ast.expr
    item: str = ""
    is_own: bool = False
    is_dispatch: bool = False
    loop: Loop | None = None


class FanOuts:
    """The unbounded fan-outs of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._index = module.index

    def names(self) -> frozenset[str]:
        """The last identifiers of the calls that start tasks."""
        return knowledge.last_names("fanout.join") | knowledge.last_names("fanout.spawn")

    def started(self, call: ast.Call) -> Iterator[FanOut]:
        """The fan-outs that a call starts, for each iterable behind its arguments.

        ``gather(*[f(x) for x in xs])`` starts them itself, ``tg.create_task(f(x))`` together with the loop around it. Tasks that
        exist already are none.
        """
        row = knowledge.by_call("fanout.join").get(self._module.called(call) or "")
        if row is not None:
            for element in self._joined(call, row):
                found = self._fan_out(call, element, call)
                if found is not None:
                    yield found
            return
        row = self._spawn_row(call)
        if row is not None and not self._is_joined(call):
            for element in self._spawned(call, row):
                found = self._fan_out(call, element, self._group(call))
                if found is not None:
                    yield found

    def definition(self, fan_out: FanOut) -> Definition | None:
        """The function of this file whose coroutine the tasks run."""
        return self._module.receivers.definition(fan_out.runs)

    # -- what is started

    def _joined(self, call: ast.Call, row: knowledge.Row) -> Iterator[ast.expr]:
        if row["takes"] == "each":
            for item in call.args:
                if isinstance(item, ast.Starred):
                    yield from self._elements(item.value, _DEPTH)
        elif (given := argument(call, "fs", 0)) is not None:
            yield from self._elements(given, _DEPTH)

    def _spawned(self, call: ast.Call, row: knowledge.Row) -> Iterator[ast.expr]:
        """What a call starts; for each item of a loop over coroutines, what these are."""
        if self._is_awaited_at_once(call):
            return
        if row["takes"] == "function":
            yield call
            return
        coroutine = argument(call, "coro", 0)
        coroutine = None if coroutine is None else self._unwrapped(coroutine)
        iterable = self._iterable_of(coroutine) if isinstance(coroutine, ast.Name) else None
        if iterable is None:
            yield call
        else:
            yield from self._elements(iterable, _DEPTH)

    def _is_awaited_at_once(self, call: ast.Call) -> bool:
        """Whether the statement that starts a task waits for it: ``await link(ensure_future(x))``, not ``await q.put(...)``."""
        for parent in self._index.ancestors(call):
            if isinstance(parent, ast.Await):
                waited = parent.value
                name = last_name(waited.func) if isinstance(waited, ast.Call) and waited is not call else None
                return name not in _HANDS_OVER
            if isinstance(parent, (ast.stmt, ast.Lambda, *COMPREHENSIONS)):
                return False
        return False

    def _elements(self, node: ast.expr, depth: int) -> Iterator[ast.expr]:
        """The expressions that make the items of an iterable, as far as the function shows them; ``map(...)`` is its own."""
        if not depth:
            return
        depth -= 1
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
            item = self._unwrapped(node.elt)
            iterable = self._iterable_of(item) if isinstance(item, ast.Name) else None
            if iterable is None:
                yield node.elt
            else:
                yield from self._elements(iterable, depth)
        elif isinstance(node, ast.DictComp):
            yield from (node.value, node.key)
        elif isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            for item in node.elts:
                if isinstance(item, ast.Starred):
                    yield from self._elements(item.value, depth)
                else:
                    yield item
        elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.BitOr)):
            yield from self._elements(node.left, depth)
            yield from self._elements(node.right, depth)
        elif isinstance(node, ast.IfExp):
            yield from self._elements(node.body, depth)
            yield from self._elements(node.orelse, depth)
        elif isinstance(node, ast.NamedExpr):
            yield from self._elements(node.value, depth)
        elif isinstance(node, ast.Name):
            for value, is_item in self._put_into(node):
                if is_item:
                    yield value
                else:
                    yield from self._elements(value, depth)
        elif isinstance(node, ast.Call):
            yield from self._called_elements(node, depth)

    def _called_elements(self, call: ast.Call, depth: int) -> Iterator[ast.expr]:
        name = self._module.qualname(call.func)
        row = knowledge.by_call("fanout.iterable").get(name or "")
        if name in ("builtins.map", "itertools.starmap") and call.args:
            function = self._module.qualname(call.args[0]) or ""
            if function in knowledge.by_call("fanout.spawn") or function in knowledge.by_call(
                "fanout.wrapper"
            ):
                for item in call.args[1:]:
                    yield from self._elements(item, depth)
            else:
                yield call
        elif row is not None and row["items"] == "all":
            for item in call.args[row["first"] : row.get("last")]:
                yield from self._elements(item, depth)
        elif isinstance(call.func, ast.Attribute) and call.func.attr in _VIEWS and not call.args:
            yield from self._elements(call.func.value, depth)

    def _put_into(self, use: ast.Name) -> Iterator[tuple[ast.expr, bool]]:
        """What a variable of the function holds where it is used: other iterables, and (true) single items."""
        index, scopes = self._index, self._module.scopes
        function = index.function(use)
        scope = scopes.owner(index.scope(use), use.id)
        if scope is None or scope is not (function or self._module.tree):
            return
        flow = self._module.def_use(function or self._module.tree)
        reaching = flow.definitions(use)
        for binding in scopes.bindings(scope, use.id):
            statement = index.parent(binding.node)
            if reaching is not None and statement not in reaching and binding.node not in reaching:
                continue
            if isinstance(statement, ast.AugAssign):
                yield statement.value, False
                yield from self._put_into_before(statement, use)
            elif binding.value is not None and binding.kind in (Kind.ASSIGN, Kind.ANNOTATED):
                yield binding.value, False
        for other in scopes.uses(scope, use.id):
            added = self._added(other)
            if added is not None and other is not use:
                held = flow.definitions(other)
                if reaching is None or held is None or held & reaching:
                    yield added

    def _put_into_before(self, statement: ast.AugAssign, use: ast.Name) -> Iterator[tuple[ast.expr, bool]]:
        """What ``tasks`` held before ``tasks += more``."""
        for binding in self._module.scopes.bindings(self._module.index.scope(use), use.id):
            value = binding.value if binding.kind in (Kind.ASSIGN, Kind.ANNOTATED) else None
            if value is not None and value.lineno < statement.lineno:
                yield value, False

    def _added(self, use: ast.Name) -> tuple[ast.expr, bool] | None:
        parent = self._index.parent(use)
        outer = None if parent is None else self._index.parent(parent)
        if isinstance(parent, ast.Subscript) and parent.value is use and isinstance(outer, ast.Assign):
            return outer.value, True
        if isinstance(parent, ast.Attribute) and isinstance(outer, ast.Call) and outer.args:
            if parent.attr in _ADDS:
                return outer.args[-1], True
            if parent.attr in _EXTENDS:
                return outer.args[0], False
        return None

    # -- how often

    def _fan_out(self, node: ast.Call, element: ast.expr, until: ast.AST | None) -> FanOut | None:
        """The fan-out of one element, if a loop repeats it for each item of something unbounded before the tasks are awaited."""
        what = self._runs(element, node)
        if what is None:
            return None
        runs, call = what
        if call is None and isinstance(element, ast.Call) and element is not node:  # map(fetch, urls)
            parts = (self._module.bounds.unbounded(item) for item in element.args[1:])
            items = next((part for part in parts if part is not None), None)
            return None if items is None else FanOut(node, runs, None, items)
        places = self._module.loops
        for loop in self._index.loops(element):
            if until is not None and contains(loop, until):
                break
            if self._is_throttled(loop, element) or _is_stream(loop):
                return None
            items = self._module.bounds.over(loop)
            place = places.place(loop)
            if items is not None and places.dependents(element, place):
                given = [] if call is None else [*call.args, *(item.value for item in call.keywords)]
                is_own = bool(places.dependents(runs, place)) and not any(
                    places.dependents(item, place) for item in given
                )
                handed = [*node.args, *given, *(element.args if isinstance(element, ast.Call) else ())]
                called = [runs, *(item.func for item in handed if isinstance(item, ast.Call))]
                is_dispatch = any(
                    isinstance(item, ast.Name) and places.variable(item) in place.targets for item in called
                )
                return FanOut(node, runs, call, items, _item_name(loop), is_own, is_dispatch, loop)
        return None

    def _runs(self, element: ast.expr, node: ast.Call) -> tuple[ast.expr, ast.Call | None] | None:
        """The function whose coroutine an element is, with its call; ``None`` for a task that exists, or is reported elsewhere."""
        looked = 0
        while looked < _DEPTH:
            looked += 1
            if isinstance(element, ast.IfExp):
                element = element.body if isinstance(element.body, ast.Call) else element.orelse
            if isinstance(element, ast.Name):
                values = self._values(element)
                if values is None:
                    return None
                element = values
            if not isinstance(element, ast.Call):
                return None
            if self._module.qualname(element.func) in ("builtins.map", "itertools.starmap"):
                return self._function(element.args[0]), None
            row = self._spawn_row(element)
            if row is not None and element is not node and not self._is_joined(element):
                return None  # reported where it is started
            if row is not None and row["takes"] == "function":
                return (self._function(element.args[0]), None) if element.args else None
            inner = self._given(element)
            if inner is None:
                return (element.func, element) if row is None else None
            element = inner
        return None

    def _unwrapped(self, node: ast.expr) -> ast.expr:
        """What ``wait_for(x, 5)``, and ``create_task(x)`` right within a ``gather``, are given."""
        for _ in range(_DEPTH):
            if not isinstance(node, ast.Call) or (self._spawn_row(node) and not self._is_joined(node)):
                break
            inner = self._given(node)
            if inner is None:
                break
            node = inner
        return node

    def _given(self, call: ast.Call) -> ast.expr | None:
        """The coroutine that a call which starts or waits for one is given."""
        row = self._spawn_row(call)
        if row is not None and row["takes"] == "coroutine":
            return argument(call, "coro", 0)
        return (
            argument(call, "fut", 0)
            if self._module.called(call) in knowledge.by_call("fanout.wrapper")
            else None
        )

    def _values(self, name: ast.Name) -> ast.expr | None:
        """The call whose coroutine a turn of the loop puts into a name; ``None`` for the variable of a loop."""
        loops = self._module.loops
        loop = next(self._index.loops(name), None)
        if loop is None:
            return None
        found = (value for value in loops.values(name, loops.place(loop)) if isinstance(value, ast.Call))
        return next(found, None)

    def _function(self, node: ast.expr) -> ast.expr:
        """The function in ``partial(f, x)`` and ``lambda x: f(x)``."""
        if isinstance(node, ast.Lambda) and isinstance(node.body, ast.Call):
            return node.body.func
        if isinstance(node, ast.Call) and self._module.qualname(node.func) in _PARTIAL and node.args:
            return node.args[0]
        return node

    def _iterable_of(self, name: ast.Name) -> ast.expr | None:
        """What the loop or comprehension runs over whose variable a name is."""
        variable = self._module.loops.variable(name)
        for loop in self._index.loops(name):
            if isinstance(loop, ast.While):
                continue
            pairs = (
                [(item.target, item.iter) for item in loop.generators]
                if isinstance(loop, COMPREHENSIONS)
                else [(loop.target, loop.iter)]
            )
            for target, iterable in pairs:
                if any(self._module.loops.variable(bound) == variable for bound in names_in(target)):
                    return iterable
        return None

    def _spawn_row(self, call: ast.Call) -> knowledge.Row | None:
        rows = knowledge.by_call("fanout.spawn")
        row = rows.get(self._module.called(call) or "")
        if row is None and isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
            kind = self._entered(call.func.value)
            row = None if kind is None else rows.get(f"{kind}.{call.func.attr}")
        return row

    def _entered(self, name: ast.Name) -> str | None:
        """The type of what an exit stack has entered: ``tg = await stack.enter_async_context(TaskGroup())``."""
        resolved = self._module.scopes.resolve(name)
        value = resolved[1][0].value if resolved is not None and len(resolved[1]) == 1 else None
        call = value.value if isinstance(value, ast.Await) else None
        if not isinstance(call, ast.Call) or last_name(call.func) != "enter_async_context" or not call.args:
            return None
        return self._module.type_of(call.args[0])

    def _is_joined(self, call: ast.Call) -> bool:
        """Whether what a call starts goes straight into a ``gather`` around it, which is then the one to report."""
        for parent in self._index.ancestors(call):
            if isinstance(parent, ast.stmt):
                return False
            if isinstance(parent, ast.Call) and self._is_join(parent):
                return True
        return False

    def _is_join(self, call: ast.Call) -> bool:
        return (self._module.called(call) or "") in knowledge.by_call("fanout.join")

    def _group(self, call: ast.Call) -> ast.AST | None:
        """The ``with`` statement at whose end the tasks of a task group have ended."""
        receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
        resolved = self._module.scopes.resolve(receiver) if isinstance(receiver, ast.Name) else None
        for binding in () if resolved is None else resolved[1]:
            if binding.kind is Kind.WITH:
                return self._index.statement(binding.node)
        return None

    # -- loops that wait

    def _is_throttled(self, loop: Loop, element: ast.expr) -> bool:
        """Whether a loop waits for what it has started, sleeps between two starts, or stops after a number of them."""
        return loop in self._throttled or self._is_awaited(loop, element)

    @functools.cached_property
    def _throttled(self) -> frozenset[Loop]:
        found: set[Loop] = set()
        joins = knowledge.by_call("fanout.join")
        for call in self._index.calls_named(knowledge.last_names("fanout.join") | {"sleep"}):
            name = self._module.called(call)
            if name in _SLEEPS or name in joins:
                found.update(self._index.loops(call))
        for leave in self._index.nodes(ast.Break):
            test = next((item for item in self._index.ancestors(leave) if isinstance(item, ast.If)), None)
            loop = next(self._index.loops(leave), None)
            if test is not None and loop is not None and _counts(test.test):
                found.add(loop)
        return frozenset(found)

    @memoised
    def _is_awaited(self, loop: Loop, node: ast.expr) -> bool:
        """``task = create_task(f(x))``, and ``await task`` in the same turn, or of the list that it is put into."""
        if isinstance(loop, COMPREHENSIONS):
            return False
        awaited = self._awaited.get(loop)
        if not awaited:
            return False
        holders = set(self._holders(node))
        holders.update(*(self._holders(use) for use in self._uses_in(loop, holders)))
        return not holders.isdisjoint(awaited)

    def _holders(self, value: ast.expr) -> Iterator[str]:
        """The variables that a value is put into: ``task = value``, ``tasks.append((x, value))``."""
        node: ast.AST = value
        parent = self._index.parent(node)
        while isinstance(parent, (ast.Tuple, ast.List)):
            node, parent = parent, self._index.parent(parent)
        if isinstance(parent, ast.Assign):
            for target in parent.targets:
                item = target.value if isinstance(target, ast.Subscript) else target
                if isinstance(item, ast.Name):
                    yield item.id
        elif isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute):
            holder = parent.func.value
            if parent.func.attr in _ADDS and isinstance(holder, ast.Name) and node is not parent.func:
                yield holder.id

    def _uses_in(self, loop: Loop, names: set[str]) -> Iterator[ast.Name]:
        scope = self._index.scope(loop)
        for name in names:
            owner = self._module.scopes.owner(scope, name)
            uses = () if owner is None else self._module.scopes.uses(owner, name)
            yield from (use for use in uses if contains(loop, use))

    @functools.cached_property
    def _awaited(self) -> Mapping[Loop, set[str]]:
        """The names that an ``await`` in a loop waits for, or hands to what it waits for."""
        found: dict[Loop, set[str]] = {}
        for item in self._index.nodes(ast.Await):
            names = {part.id for part in (item.value, *_arguments(item.value)) if isinstance(part, ast.Name)}
            for loop in self._index.loops(item):
                found.setdefault(loop, set()).update(names)
        return found


def _item_name(loop: Loop) -> str:
    """The variable of a loop, the innermost one of a comprehension."""
    inner = loop.generators[-1] if isinstance(loop, COMPREHENSIONS) else loop
    target = None if isinstance(inner, ast.While) else inner.target
    return target.id if isinstance(target, ast.Name) else ""


def _arguments(node: ast.expr) -> list[ast.expr]:
    """The arguments of a call, without stars."""
    args = node.args if isinstance(node, ast.Call) else []
    return [item.value if isinstance(item, ast.Starred) else item for item in args]


def _is_stream(loop: Loop) -> bool:
    """Whether a loop serves who comes in over time: connections, requests, what is watched."""
    if not isinstance(loop, ast.AsyncFor):
        return False
    names = (
        item.attr if isinstance(item, ast.Attribute) else getattr(item, "id", "")
        for item in ast.walk(loop.iter)
    )
    return any(_STREAM.search(name) for name in names)


def _counts(test: ast.expr) -> bool:
    """Whether a condition compares something with a number of items that is allowed."""
    parts: Iterable[ast.expr] = test.values if isinstance(test, ast.BoolOp) else (test,)
    return any(
        isinstance(part, ast.Compare)
        and isinstance(part.ops[0], ORDER)
        and any(is_allowance(side) or _is_length(side) for side in (part.left, *part.comparators))
        for part in parts
    )


def _is_length(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and last_name(node.func) == "len"
