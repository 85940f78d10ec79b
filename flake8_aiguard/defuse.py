"""Path reasoning within one function: which definitions of a name reach which of its uses.

Interprets the structured statements of one function (or of the module body) abstractly; nested functions count as uses.
"""

from __future__ import annotations

import ast
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeAlias

from flake8_aiguard.children import children
from flake8_aiguard.index import COMPREHENSIONS, TRIES, Comprehension, Function, Try
from flake8_aiguard.shapes import (
    captures,
    dotted,
    evaluated_outside,
    is_irrefutable,
    single_targets,
    swallows,
)

_MAX_DEFINITIONS = 64
_HIDING = frozenset({"locals", "vars", "eval", "exec", "globals"})
_NO_NAMES: Mapping[str, ast.comprehension] = {}


class DefUse:
    """Reaching definitions of the local names of one function, lambda or module body.

    A definition is the node that binds: `ast.arg`, the assignment statement, `ast.NamedExpr`, the `for`
    statement, `ast.withitem`, `ast.alias`, `ast.ExceptHandler`, the capturing pattern, the nested `def` or
    `class`, or, for the names of a comprehension, its `ast.comprehension`. A use is a loaded `ast.Name` (an
    augmented assignment uses its target).

    Branches join, loops carry their definitions round, and a handler sees every definition of its `try` body.
    A use in a nested function sees every definition of the name.
    """

    def __init__(self, function: Function | ast.Module) -> None:
        compiled = _Compiler(function)
        self._function = function  # its nodes must live as long as their ids are used here
        self._bound = compiled.bound
        self._unknown = compiled.unknown
        self._hidden = compiled.hidden
        self._inner = {id(use): node for use, node in compiled.inner}
        self._closure = {id(use) for loads in compiled.closure.values() for use in loads}
        runner = _Runner()
        for argument in compiled.arguments:
            runner.write(argument.arg, argument)
        runner.run(compiled.ops)
        self._values = runner.values
        self._by_name = runner.by_name
        self._names: dict[int, dict[str, None]] = {}  # in order
        for name, nodes in compiled.bound.items():
            for node in nodes:
                self._names.setdefault(id(node), {})[name] = None
        for use, node in compiled.inner:
            self._by_name.setdefault(use.id, []).append(use)
            self._names.setdefault(id(node), {})[use.id] = None
        for name, loads in compiled.closure.items():
            self._by_name.setdefault(name, []).extend(loads)
        self._reverse: dict[str, dict[int, list[ast.Name]] | None] = {}

    def definitions(self, use: ast.Name) -> frozenset[ast.AST] | None:
        """The definitions that may reach a use.

        Returns:
            The binding nodes (empty where none reaches it), or `None` where they are unknown: the name is not
            bound here, is `global` or `nonlocal`, rebound by a nested function, may have been deleted, stands
            beside `exec` or a star import, or has more than 64 reaching definitions.
        """
        inner = self._inner.get(id(use))
        if inner is not None:
            return frozenset({inner})
        name = use.id
        if self._unknown is None or name in self._unknown or name not in self._bound:
            return None
        if id(use) in self._closure:
            nodes = self._bound[name]
            return frozenset(nodes) if len(nodes) <= _MAX_DEFINITIONS else None
        if id(use) not in self._values:
            return None
        return _flatten(self._values[id(use)])

    def uses(self, definition: ast.AST) -> tuple[ast.Name, ...] | None:
        """The uses that a definition may reach, in the order of the code, those in nested functions last.

        Returns:
            `None` where they are unknown: not a definition here, a use of the name has unknown definitions,
            or `locals()` or `eval` may read it.
        """
        names = self._names.get(id(definition))
        if names is None or self._hidden:
            return None
        found: list[ast.Name] = []
        for name in names:
            if name not in self._reverse:
                self._reverse[name] = self._uses_of(name)
            reverse = self._reverse[name]
            if reverse is None:
                return None
            found += reverse.get(id(definition), ())
        return tuple(found)

    def _uses_of(self, name: str) -> dict[int, list[ast.Name]] | None:
        if self._unknown is None or name in self._unknown:
            return None
        reverse: dict[int, list[ast.Name]] = {}
        for use in self._by_name.get(name, ()):
            definitions = self.definitions(use)
            if definitions is None:
                return None
            for definition in definitions:
                reverse.setdefault(id(definition), []).append(use)
        return reverse


@dataclass(slots=True)
class _Bind:
    """A binding of a name; `node` is `None` for `del`. A weak one may not happen."""

    name: str
    node: ast.AST | None
    weak: bool = False


@dataclass(slots=True)
class _Jump:
    """`break`, `continue`, or a statement that leaves the function."""

    kind: str


@dataclass(slots=True)
class _Choice:
    """An `if` chain or a `match`: each arm's test runs when the earlier ones failed."""

    arms: list[tuple[list[_Op], list[_Op]]]
    exhaustive: bool


@dataclass(slots=True)
class _Loop:
    names: set[str]
    test: list[_Op]
    body: list[_Op]
    orelse: list[_Op]
    forever: bool = False


@dataclass(slots=True)
class _Guarded:
    """A `try` statement."""

    body: list[_Op]
    handlers: list[list[_Op]]
    orelse: list[_Op]
    final: list[_Op]


@dataclass(slots=True)
class _Walrus:
    """The binding of a walrus, to be done after its value."""

    node: ast.NamedExpr


_Op: TypeAlias = ast.Name | _Bind | _Jump | _Choice | _Loop | _Guarded


class _Compiler:
    """One walk over a function that keeps only its loads, bindings and control flow."""

    def __init__(self, function: Function | ast.Module) -> None:
        self.bound: dict[str, list[ast.AST]] = {}
        self.unknown: set[str] | None = set()  # None: every name
        self.hidden = False
        self.closure: dict[str, list[ast.Name]] = {}
        self.inner: list[tuple[ast.Name, ast.comprehension]] = []
        self.arguments: list[ast.arg] = []
        self.loops: list[set[str]] = []
        self.module = isinstance(function, ast.Module)
        self.ops: list[_Op] = []
        if not isinstance(function, ast.Module):
            self.arguments = list(_arguments(function.args))
            for argument in self.arguments:
                self.bound.setdefault(argument.arg, []).append(argument)
        if isinstance(function, ast.Lambda):
            self.expression(function.body, self.ops)
        else:
            self.block(function.body, self.ops)

    def bind(self, name: str, node: ast.AST, ops: list[_Op], weak: bool = False) -> None:
        self.bound.setdefault(name, []).append(node)
        if self.loops:
            self.loops[-1].add(name)
        ops.append(_Bind(name, node, weak))

    def ops_of(self, stmts: list[ast.stmt]) -> list[_Op]:
        ops: list[_Op] = []
        self.block(stmts, ops)
        return ops

    def block(self, stmts: list[ast.stmt], ops: list[_Op]) -> None:
        for stmt in stmts:
            self.statement(stmt, ops)

    def statement(self, stmt: ast.stmt, ops: list[_Op]) -> None:
        if isinstance(stmt, ast.Assign):
            self.expression(stmt.value, ops)
            self.targets(stmt.targets, stmt, ops)
        elif isinstance(stmt, ast.AnnAssign):
            self.expression(stmt.annotation, ops)
            if stmt.value is not None:
                self.expression(stmt.value, ops)
                self.targets([stmt.target], stmt, ops)
            elif not isinstance(stmt.target, ast.Name):
                self.expression(stmt.target, ops)
        elif isinstance(stmt, ast.AugAssign):
            if isinstance(stmt.target, ast.Name):
                ops.append(stmt.target)
            self.expression(stmt.value, ops)
            self.targets([stmt.target], stmt, ops)
        elif isinstance(stmt, ast.If):
            self.choice(stmt, ops)
        elif isinstance(stmt, (ast.For, ast.AsyncFor, ast.While)):
            self.loop(stmt, ops)
        elif isinstance(stmt, TRIES):
            self.guarded(stmt, ops)
        elif isinstance(stmt, (ast.With, ast.AsyncWith)):
            self.context(stmt, ops)
        elif isinstance(stmt, ast.Match):
            self.match(stmt, ops)
        elif isinstance(stmt, (ast.Return, ast.Raise)):
            self.children(stmt, ops)
            ops.append(_Jump("leave"))
        elif isinstance(stmt, (ast.Break, ast.Continue)):
            ops.append(_Jump("break" if isinstance(stmt, ast.Break) else "continue"))
        elif isinstance(stmt, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self.definition(stmt, ops)
        elif isinstance(stmt, (ast.Import, ast.ImportFrom)):
            for alias in stmt.names:
                if alias.name == "*":
                    self.unknown = None
                else:
                    self.bind(alias.asname or alias.name.partition(".")[0], alias, ops)
        elif isinstance(stmt, (ast.Global, ast.Nonlocal)):
            if self.unknown is not None and not (self.module and isinstance(stmt, ast.Global)):
                self.unknown.update(stmt.names)
        elif isinstance(stmt, ast.Delete):
            for target in single_targets(stmt.targets):
                if isinstance(target, ast.Name):
                    ops.append(_Bind(target.id, None))
                    if self.loops:
                        self.loops[-1].add(target.id)
                else:
                    self.expression(target, ops)
        elif type(stmt).__name__ == "TypeAlias":
            self.closures(stmt, ops)
            for name in children(stmt):
                if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store):
                    self.bind(name.id, stmt, ops)
        else:
            self.children(stmt, ops)

    def children(self, stmt: ast.stmt, ops: list[_Op]) -> None:
        for child in children(stmt):
            if isinstance(child, ast.expr):
                self.expression(child, ops)

    def targets(self, targets: Iterable[ast.expr], node: ast.AST, ops: list[_Op]) -> None:
        for target in sorted(single_targets(targets), key=lambda target: (target.lineno, target.col_offset)):
            if isinstance(target, ast.Name):
                self.bind(target.id, node, ops)
            else:
                self.expression(target, ops)

    def choice(self, stmt: ast.If, ops: list[_Op]) -> None:
        arms: list[tuple[list[_Op], list[_Op]]] = []
        ops.append(_Choice(arms, True))
        while True:
            test: list[_Op] = []
            self.expression(stmt.test, test)
            arms.append((test, self.ops_of(stmt.body)))
            if len(stmt.orelse) != 1 or not isinstance(stmt.orelse[0], ast.If):
                break
            stmt = stmt.orelse[0]
        arms.append(([], self.ops_of(stmt.orelse)))

    def match(self, stmt: ast.Match, ops: list[_Op]) -> None:
        self.expression(stmt.subject, ops)
        arms: list[tuple[list[_Op], list[_Op]]] = []
        for case in stmt.cases:
            test: list[_Op] = []
            body: list[_Op] = []
            for part in ast.walk(case.pattern):
                if isinstance(part, (ast.MatchValue, ast.MatchClass)):
                    self.expression(part.value if isinstance(part, ast.MatchValue) else part.cls, test)
                elif isinstance(part, ast.MatchMapping):
                    for key in part.keys:
                        self.expression(key, test)
            for name, node in captures(case.pattern):
                self.bind(name, node, body)
                if case.guard is not None:
                    test.append(_Bind(name, node, weak=True))  # bound although the guard may fail
            if case.guard is not None:
                self.expression(case.guard, body)
            self.block(case.body, body)
            arms.append((test, body))
        last = stmt.cases[-1]
        ops.append(_Choice(arms, last.guard is None and is_irrefutable(last.pattern)))

    def loop(self, stmt: ast.For | ast.AsyncFor | ast.While, ops: list[_Op]) -> None:
        test: list[_Op] = []
        body: list[_Op] = []
        forever = False
        if not isinstance(stmt, ast.While):
            self.expression(stmt.iter, ops)
        names: set[str] = set()
        self.loops.append(names)
        if isinstance(stmt, ast.While):
            self.expression(stmt.test, test)
            forever = isinstance(stmt.test, ast.Constant) and bool(stmt.test.value)
        else:
            self.targets([stmt.target], stmt, body)
        self.block(stmt.body, body)
        self.leave_loop()
        ops.append(_Loop(names, test, body, self.ops_of(stmt.orelse), forever))

    def leave_loop(self) -> None:
        names = self.loops.pop()
        if self.loops:
            self.loops[-1] |= names

    def guarded(self, stmt: Try, ops: list[_Op]) -> None:
        body = self.ops_of(stmt.body)
        handlers: list[list[_Op]] = []
        for handler in stmt.handlers:
            arm: list[_Op] = []
            if handler.type is not None:
                self.expression(handler.type, arm)
            if handler.name is not None:
                self.bind(handler.name, handler, arm)
            self.block(handler.body, arm)
            if handler.name is not None:
                arm.append(_Bind(handler.name, None))
            handlers.append(arm)
        ops.append(_Guarded(body, handlers, self.ops_of(stmt.orelse), self.ops_of(stmt.finalbody)))

    def context(self, stmt: ast.With | ast.AsyncWith, ops: list[_Op]) -> None:
        inner: list[_Op] = []
        may_swallow = False
        for item in stmt.items:
            self.expression(item.context_expr, inner)
            may_swallow = may_swallow or swallows(item.context_expr)
            if item.optional_vars is not None:
                self.targets([item.optional_vars], item, inner)
        self.block(stmt.body, inner)
        if may_swallow:
            ops.append(_Guarded(inner, [[]], [], []))
        else:
            ops.extend(inner)

    def definition(self, stmt: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, ops: list[_Op]) -> None:
        for part in _outside(stmt):
            self.expression(part, ops)
        self.closures(stmt, ops)
        self.bind(stmt.name, stmt, ops)

    def closures(
        self, node: ast.AST, ops: list[_Op], local: Mapping[str, ast.comprehension] = _NO_NAMES
    ) -> None:
        """Note the names that a nested scope takes from here; a class body reads them where it stands."""
        free = _Free(node)
        loads = free.later
        if isinstance(node, ast.ClassDef):
            ops.extend(free.direct)
        else:
            loads = free.direct + loads
        if self.unknown is not None:
            self.unknown |= free.rebound
        if self.module:
            loads = loads + free.global_loads
            self.hidden = self.hidden or free.hides
            if self.unknown is not None:
                self.unknown |= free.global_rebound
        for name in loads:
            if name.id not in local:
                self.closure.setdefault(name.id, []).append(name)

    def expression(
        self,
        root: ast.AST,
        ops: list[_Op],
        weak: bool = False,
        local: Mapping[str, ast.comprehension] = _NO_NAMES,
    ) -> None:
        """Loads and bindings of an expression, in evaluation order; those that may not happen are weak."""
        stack: list[tuple[ast.AST | _Walrus, bool]] = [(root, weak)]
        while stack:
            node, weak = stack.pop()
            if isinstance(node, ast.Name):
                if node.id in local:
                    self.inner.append((node, local[node.id]))
                else:
                    ops.append(node)
            elif isinstance(node, ast.Constant):
                continue
            elif isinstance(node, ast.Attribute):
                stack.append((node.value, weak))
            elif isinstance(node, ast.Call):
                if isinstance(node.func, ast.Name) and node.func.id in _HIDING:
                    self.hide(node)
                stack.extend((keyword.value, weak) for keyword in reversed(node.keywords))
                stack.extend((argument, weak) for argument in reversed(node.args))
                stack.append((node.func, weak))
            elif isinstance(node, _Walrus):
                self.bind(node.node.target.id, node.node, ops, weak)
            elif isinstance(node, ast.NamedExpr):
                stack += [(_Walrus(node), weak), (node.value, weak)]
            elif isinstance(node, ast.Lambda):
                self.closures(node, ops, local)
                stack.extend((default, weak) for default in reversed(evaluated_outside(node)))
            elif isinstance(node, COMPREHENSIONS):
                self.comprehension(node, ops, weak, local)
            elif isinstance(node, ast.BoolOp):
                stack.extend((value, True) for value in reversed(node.values[1:]))
                stack.append((node.values[0], weak))
            elif isinstance(node, ast.IfExp):
                stack += [(node.orelse, True), (node.body, True), (node.test, weak)]
            elif isinstance(node, ast.Compare):
                stack.extend((value, True) for value in reversed(node.comparators[1:]))
                stack += [(node.comparators[0], weak), (node.left, weak)]
            else:
                stack.extend((child, weak) for child in reversed(children(node)))

    def hide(self, call: ast.Call) -> None:
        """A call that may read names by text, or bind them."""
        called = dotted(call.func)
        self.hidden = self.hidden or not (called == "vars" and call.args)
        if called == "exec" or (self.module and called in ("globals", "locals", "vars") and not call.args):
            self.unknown = None

    def comprehension(
        self, node: Comprehension, ops: list[_Op], weak: bool, local: Mapping[str, ast.comprehension]
    ) -> None:
        generators = node.generators
        self.expression(generators[0].iter, ops, weak, local)
        inner = dict(local)
        for generator in generators:
            for target in single_targets([generator.target]):
                if isinstance(target, ast.Name):
                    inner[target.id] = generator
        body: list[_Op] = []
        names: set[str] = set()
        self.loops.append(names)
        for index, generator in enumerate(generators):
            if index:
                self.expression(generator.iter, body, True, inner)
            for target in single_targets([generator.target]):
                if not isinstance(target, ast.Name):
                    self.expression(target, body, True, inner)
            for condition in generator.ifs:
                self.expression(condition, body, True, inner)
        for part in [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]:
            self.expression(part, body, True, inner)
        self.leave_loop()
        if names:
            ops.append(_Loop(names, [], body, []))  # a walrus in here is carried round
        else:
            ops.extend(body)


class _Free:
    """The names that a nested function, lambda or class takes from, or rebinds in, the scopes around it."""

    def __init__(self, scope: ast.AST) -> None:
        self.direct: list[ast.Name] = []  # read when the scope itself runs
        self.later: list[ast.Name] = []  # read by functions within it
        self.global_loads: list[ast.Name] = []
        self.rebound: set[str] = set()
        self.global_rebound: set[str] = set()
        self.hides = False
        self._bound = {parameter.name for parameter in getattr(scope, "type_params", ())}
        self._declared: dict[str, bool] = {}  # name -> whether global (else nonlocal)
        self._inner: list[
            tuple[_Free, bool, frozenset[str]]
        ] = []  # scope, whether a class, names of comprehensions
        if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            self._bound.update(argument.arg for argument in _arguments(scope.args))
        self._walk(scope)
        self._resolve(isinstance(scope, ast.ClassDef))

    def _walk(self, scope: ast.AST) -> None:
        body = (
            scope.body if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) else None
        )
        roots: Iterable[ast.AST] = [scope.body] if isinstance(scope, ast.Lambda) else children(scope)
        stack: list[tuple[ast.AST, frozenset[str]]] = [(root, frozenset()) for root in body or roots]
        while stack:
            node, hidden = stack.pop()
            if isinstance(node, ast.Name):
                if node.id not in hidden:
                    if isinstance(node.ctx, ast.Load):
                        self.direct.append(node)
                    else:
                        self._bound.add(node.id)
                continue
            if isinstance(node, COMPREHENSIONS):
                generators = node.generators
                stack.append((generators[0].iter, hidden))
                bound = single_targets(generator.target for generator in generators)
                inner = hidden | {target.id for target in bound if isinstance(target, ast.Name)}
                parts = (child for child in children(node) if child is not generators[0])
                stack.extend((part, inner) for part in (*parts, generators[0].target, *generators[0].ifs))
                continue
            below: Iterable[ast.AST]
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
                self._inner.append((_Free(node), isinstance(node, ast.ClassDef), hidden))
                below = _outside(node)
            else:
                below = children(node)
            self._note(node)
            stack.extend((child, hidden) for child in below)

    def _note(self, node: ast.AST) -> None:
        """Bindings other than by name nodes."""
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self._bound.add(node.name)
        elif isinstance(node, ast.alias):
            self._bound.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            self._bound.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            self._bound.add(node.rest)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            self._declared.update(dict.fromkeys(node.names, isinstance(node, ast.Global)))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _HIDING:
            self.hides = True

    def _resolve(self, is_class: bool) -> None:
        local = self._bound - self._declared.keys()
        direct, self.direct = self.direct, []
        self._keep(direct, self.direct, local)
        visible = set() if is_class else local  # functions in a class do not see its names
        for free, runs_here, hidden in self._inner:
            self._keep(free.direct, self.direct if runs_here else self.later, visible | hidden)
            self._keep(free.later, self.later, visible | hidden)
            self.global_loads += free.global_loads
            self.rebound |= free.rebound - visible
            self.global_rebound |= free.global_rebound
            self.hides = self.hides or free.hides
        for name, is_global in self._declared.items():
            (self.global_rebound if is_global else self.rebound).add(name)
        for loads in (self.direct, self.later):
            loads.sort(key=lambda name: (name.lineno, name.col_offset))

    def _keep(self, loads: list[ast.Name], to: list[ast.Name], local: AbstractSet[str]) -> None:
        for name in loads:
            if self._declared.get(name.id):
                self.global_loads.append(name)
            elif name.id not in local:
                to.append(name)


class _Phi:
    """A value that may come from several definitions: `operands`, and what `name` was at some `times`."""

    __slots__ = ("history", "known", "operands", "reaching", "times")

    def __init__(
        self, operands: list[_Value], history: _History | None = None, times: Sequence[int] = ()
    ) -> None:
        self.operands = operands
        self.history = history
        self.times = times
        self.reaching: frozenset[ast.AST] | None = None
        self.known = False

    def sources(self) -> Iterator[_Value]:
        yield from self.operands
        if self.history is not None:
            yield from self.history.at_any(self.times)


class _Deleted:
    """The value of a name after `del`."""


_Value: TypeAlias = ast.AST | _Phi | _Deleted | None  # None: not bound


class _History:
    """All values that a name has had, with the time of each write."""

    __slots__ = ("times", "values")

    def __init__(self) -> None:
        self.times: list[int] = []
        self.values: list[_Value] = []

    def at(self, time: int) -> _Value:
        index = bisect_right(self.times, time)
        return self.values[index - 1] if index else None

    def at_any(self, times: Sequence[int]) -> Iterator[_Value]:
        """The values at some (ascending) times; cost follows the number of writes, not of times."""
        index = 0
        for position, value in enumerate(self.values):
            index = bisect_left(times, self.times[position], index)
            if index == len(times):
                return
            if position + 1 == len(self.times) or times[index] < self.times[position + 1]:
                yield value

    def since(self, time: int) -> list[_Value]:
        return self.values[bisect_right(self.times, time) :]


@dataclass(slots=True)
class _Running:
    """A loop under way: when it was left or continued, and what `finally` blocks bound on these ways."""

    breaks: list[int]
    continues: list[int]
    extra: dict[str, list[_Value]]


_NO_VALUES: Mapping[str, list[_Value]] = {}


def _join(values: Iterable[_Value]) -> _Value:
    distinct: list[_Value] = list({id(value): value for value in values if value is not None}.values())
    if len(distinct) > 1:
        return _Phi(distinct)
    return distinct[0] if distinct else None


def _flatten(value: _Value) -> frozenset[ast.AST] | None:
    """The definitions behind a value; `None` for a deleted name or too many of them."""
    if value is None:
        return frozenset()
    if isinstance(value, _Deleted):
        return None
    if not isinstance(value, _Phi):
        return frozenset({value})
    if not value.known:
        value.known = True
        value.reaching = _reaching(value)
    return value.reaching


def _reaching(phi: _Phi) -> frozenset[ast.AST] | None:
    found: set[ast.AST] = set()
    seen = {id(phi)}
    stack = [phi]
    while stack:
        for value in stack.pop().sources():
            if isinstance(value, _Phi):
                if id(value) not in seen:
                    seen.add(id(value))
                    stack.append(value)
            elif isinstance(value, _Deleted):
                return None
            elif value is not None:
                found.add(value)
                if len(found) > _MAX_DEFINITIONS:
                    return None
    return frozenset(found)


class _Runner:
    """Runs the operations once over a single environment.

    A branch is undone by the log of its writes, and a join looks only at what its branches wrote, so that
    cost follows the number of bindings, not the number of names times the number of branches.
    """

    def __init__(self) -> None:
        self.values: dict[int, _Value] = {}
        self.by_name: dict[str, list[ast.Name]] = {}
        self.env: dict[str, _Value] = {}
        self.log: list[tuple[str, _Value]] = []
        self.histories: dict[str, _History] = {}
        self.clock = 0
        self.alive = True
        self.loops: list[_Running] = []
        self.touched: list[set[str]] = []  # per `try` under way: names bound since

    def write(self, name: str, value: _Value) -> None:
        self.log.append((name, self.env.get(name)))
        self._set(name, value)

    def _set(self, name: str, value: _Value) -> None:
        self.env[name] = value
        if self.touched:
            self.touched[-1].add(name)
        self.clock += 1
        history = self.histories.setdefault(name, _History())
        history.times.append(self.clock)
        history.values.append(value)

    def delta(self, mark: int) -> dict[str, _Value]:
        """What has been written since a mark in the log, with its present value."""
        return {name: self.env[name] for name, _ in self.log[mark:]}

    def rollback(self, mark: int) -> None:
        before: dict[str, _Value] = {}
        for name, value in self.log[mark:]:
            before.setdefault(name, value)
        del self.log[mark:]
        for name, value in before.items():
            self._set(name, value)

    def run(self, ops: list[_Op]) -> None:
        for op in ops:
            if isinstance(op, ast.Name):
                self.values[id(op)] = self.env.get(op.id)
                self.by_name.setdefault(op.id, []).append(op)
            elif isinstance(op, _Bind):
                value: _Value = op.node or _Deleted()
                self.write(op.name, _join((self.env.get(op.name), value)) if op.weak else value)
            elif isinstance(op, _Jump):
                if self.alive and self.loops and op.kind != "leave":
                    loop = self.loops[-1]
                    (loop.breaks if op.kind == "break" else loop.continues).append(self.clock)
                self.alive = False
            elif isinstance(op, _Choice):
                self.choice(op)
            elif isinstance(op, _Loop):
                self.loop(op)
            else:
                self.guarded(op)

    def merge(self, ends: list[dict[str, _Value]], also: Mapping[str, list[_Value]] = _NO_VALUES) -> None:
        """Go on from the ends of alternatives, given by what each has written since this point."""
        written: dict[str, list[_Value]] = {}
        for end in ends:
            for name, value in end.items():
                written.setdefault(name, []).append(value)
        for name in also:
            written.setdefault(name, [])
        for name, values in written.items():
            if len(values) < len(ends):
                values.append(self.env.get(name))
            self.write(name, _join((*values, *also.get(name, ()))))
        self.alive = bool(ends)

    def choice(self, op: _Choice) -> None:
        alive = self.alive
        ends: list[dict[str, _Value]] = []
        between: dict[str, list[_Value]] = {}
        for index, (test, body) in enumerate(op.arms):
            mark = len(self.log)
            self.run(test)
            if index:  # earlier arms end without what this test binds
                for name, value in self.log[mark:]:
                    between.setdefault(name, []).append(value)
            mark = len(self.log)
            self.run(body)
            if self.alive:
                ends.append(self.delta(mark))
            self.rollback(mark)
            self.alive = alive
        if alive and not op.exhaustive:
            ends.append({})
        self.merge(ends, between)

    def loop(self, op: _Loop) -> None:
        alive = self.alive
        running = _Running([], [], {})
        heads = {name: _Phi([self.env.get(name)]) for name in op.names}
        for name, head in heads.items():
            self.write(name, head)
        self.loops.append(running)
        self.run(op.test)
        mark = len(self.log)
        self.run(op.body)
        self.loops.pop()
        for name, head in heads.items():
            if self.alive:
                head.operands.append(self.env.get(name))
            if running.continues:
                head.operands.append(
                    _Phi(running.extra.get(name, []), self.histories[name], running.continues)
                )
        self.rollback(mark)
        self.alive = alive and not op.forever
        self.run(op.orelse)
        if running.breaks:
            after = self.delta(mark) if self.alive else {}
            changed = op.names | {name for name, _ in self.log[mark:]}
            ended = self.alive
            self.rollback(mark)
            for name in changed:
                values = [after.get(name, self.env.get(name))] if ended else []
                if name in op.names:
                    values.append(_Phi(running.extra.get(name, []), self.histories[name], running.breaks))
                elif ended:
                    values.append(self.env.get(name))
                self.write(name, _join(values) if values else self.env.get(name))
            self.alive = True

    def guarded(self, op: _Guarded) -> None:
        alive = self.alive
        start, mark = self.clock, len(self.log)
        jumps = self.jumps()
        touched: set[str] = set()
        self.touched.append(touched)
        ends: list[dict[str, _Value]] = []
        self.run(op.body)
        finished, result = self.alive, self.delta(mark)
        self.rollback(mark)
        midway = {name: self.since(name, start) for name in touched}
        for handler in op.handlers:
            self.alive = alive
            for name, value in midway.items():
                self.write(name, value)
            self.run(handler)
            if self.alive:
                ends.append(self.delta(mark))
            self.rollback(mark)
        self.alive = finished
        for name, value in result.items():
            self.write(name, value)
        self.run(op.orelse)
        if self.alive:
            ends.append(self.delta(mark))
        self.rollback(mark)
        self.touched.pop()
        if self.touched:
            self.touched[-1] |= touched
        last: dict[str, _Value] = {}
        if op.final:
            for name in touched:
                self.write(name, self.since(name, start))
            self.alive = alive
            inner = len(self.log)
            self.run(op.final)
            last = self.delta(inner)
            finished = self.alive
            self.rollback(mark)
        self.merge(ends)
        for name, value in last.items():
            self.write(name, value)
        if op.final:
            self.alive = self.alive and finished
            if self.jumps() > jumps:
                for name, value in last.items():
                    self.loops[-1].extra.setdefault(name, []).append(value)

    def jumps(self) -> int:
        return len(self.loops[-1].breaks) + len(self.loops[-1].continues) if self.loops else 0

    def since(self, name: str, start: int) -> _Value:
        """Any value that a name has had since a point in time, or had then."""
        history = self.histories[name]
        return _join([history.at(start), *history.since(start)])


def _arguments(arguments: ast.arguments) -> Iterator[ast.arg]:
    yield from arguments.posonlyargs
    yield from arguments.args
    yield from arguments.kwonlyargs
    if arguments.vararg:
        yield arguments.vararg
    if arguments.kwarg:
        yield arguments.kwarg


def _outside(scope: Function | ast.ClassDef) -> list[ast.expr]:
    """What a nested definition evaluates in the scope around it."""
    if isinstance(scope, ast.ClassDef):
        return [*scope.decorator_list, *scope.bases, *(keyword.value for keyword in scope.keywords)]
    evaluated = evaluated_outside(scope)
    if not isinstance(scope, ast.Lambda):
        evaluated += [argument.annotation for argument in _arguments(scope.args) if argument.annotation]
        evaluated += [scope.returns] if scope.returns else []
    return evaluated
