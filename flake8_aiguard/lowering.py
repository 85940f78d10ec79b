"""What a function does to its names: its loads, bindings and control flow, and nothing else of the syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
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
    start_of,
    swallows,
)

_HIDING = frozenset({"locals", "vars", "eval", "exec", "globals"})
_NO_NAMES: Mapping[str, ast.comprehension] = {}


@dataclass(slots=True)
class Bind:
    """A binding of a name; `node` is `None` for `del`. A weak one may not happen."""

    name: str
    node: ast.AST | None
    weak: bool = False


@dataclass(slots=True)
class Jump:
    """`break`, `continue`, or a statement that leaves the function."""

    kind: str


@dataclass(slots=True)
class Choice:
    """An `if` chain or a `match`: each arm's test runs when the earlier ones failed."""

    arms: list[tuple[list[Op], list[Op]]]
    exhaustive: bool


@dataclass(slots=True)
class Loop:
    names: set[str]
    test: list[Op]
    body: list[Op]
    orelse: list[Op]
    forever: bool = False


@dataclass(slots=True)
class Guarded:
    """A `try` statement."""

    body: list[Op]
    handlers: list[list[Op]]
    orelse: list[Op]
    final: list[Op]


@dataclass(slots=True)
class Walrus:
    """The binding of a walrus, to be done after its value."""

    node: ast.NamedExpr


Op: TypeAlias = ast.Name | Bind | Jump | Choice | Loop | Guarded


class Compiler:
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
        self.ops: list[Op] = []
        if not isinstance(function, ast.Module):
            self.arguments = list(_arguments(function.args))
            for argument in self.arguments:
                self.bound.setdefault(argument.arg, []).append(argument)
        if isinstance(function, ast.Lambda):
            self.expression(function.body, self.ops)
        else:
            self.block(function.body, self.ops)

    def bind(self, name: str, node: ast.AST, ops: list[Op], weak: bool = False) -> None:
        self.bound.setdefault(name, []).append(node)
        if self.loops:
            self.loops[-1].add(name)
        ops.append(Bind(name, node, weak))

    def ops_of(self, stmts: list[ast.stmt]) -> list[Op]:
        ops: list[Op] = []
        self.block(stmts, ops)
        return ops

    def block(self, stmts: list[ast.stmt], ops: list[Op]) -> None:
        for stmt in stmts:
            self.statement(stmt, ops)

    def statement(self, stmt: ast.stmt, ops: list[Op]) -> None:
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
            ops.append(Jump("leave"))
        elif isinstance(stmt, (ast.Break, ast.Continue)):
            ops.append(Jump("break" if isinstance(stmt, ast.Break) else "continue"))
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
                    ops.append(Bind(target.id, None))
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

    def children(self, stmt: ast.stmt, ops: list[Op]) -> None:
        for child in children(stmt):
            if isinstance(child, ast.expr):
                self.expression(child, ops)

    def targets(self, targets: Iterable[ast.expr], node: ast.AST, ops: list[Op]) -> None:
        for target in sorted(single_targets(targets), key=start_of):
            if isinstance(target, ast.Name):
                self.bind(target.id, node, ops)
            else:
                self.expression(target, ops)

    def choice(self, stmt: ast.If, ops: list[Op]) -> None:
        arms: list[tuple[list[Op], list[Op]]] = []
        ops.append(Choice(arms, True))
        while True:
            test: list[Op] = []
            self.expression(stmt.test, test)
            arms.append((test, self.ops_of(stmt.body)))
            if len(stmt.orelse) != 1 or not isinstance(stmt.orelse[0], ast.If):
                break
            stmt = stmt.orelse[0]
        arms.append(([], self.ops_of(stmt.orelse)))

    def match(self, stmt: ast.Match, ops: list[Op]) -> None:
        self.expression(stmt.subject, ops)
        arms: list[tuple[list[Op], list[Op]]] = []
        for case in stmt.cases:
            test: list[Op] = []
            body: list[Op] = []
            for part in ast.walk(case.pattern):
                if isinstance(part, (ast.MatchValue, ast.MatchClass)):
                    self.expression(part.value if isinstance(part, ast.MatchValue) else part.cls, test)
                elif isinstance(part, ast.MatchMapping):
                    for key in part.keys:
                        self.expression(key, test)
            for name, node in captures(case.pattern):
                self.bind(name, node, body)
                if case.guard is not None:
                    test.append(Bind(name, node, weak=True))  # bound although the guard may fail
            if case.guard is not None:
                self.expression(case.guard, body)
            self.block(case.body, body)
            arms.append((test, body))
        last = stmt.cases[-1]
        ops.append(Choice(arms, last.guard is None and is_irrefutable(last.pattern)))

    def loop(self, stmt: ast.For | ast.AsyncFor | ast.While, ops: list[Op]) -> None:
        test: list[Op] = []
        body: list[Op] = []
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
        ops.append(Loop(names, test, body, self.ops_of(stmt.orelse), forever))

    def leave_loop(self) -> None:
        names = self.loops.pop()
        if self.loops:
            self.loops[-1] |= names

    def guarded(self, stmt: Try, ops: list[Op]) -> None:
        body = self.ops_of(stmt.body)
        handlers: list[list[Op]] = []
        for handler in stmt.handlers:
            arm: list[Op] = []
            if handler.type is not None:
                self.expression(handler.type, arm)
            if handler.name is not None:
                self.bind(handler.name, handler, arm)
            self.block(handler.body, arm)
            if handler.name is not None:
                arm.append(Bind(handler.name, None))
            handlers.append(arm)
        ops.append(Guarded(body, handlers, self.ops_of(stmt.orelse), self.ops_of(stmt.finalbody)))

    def context(self, stmt: ast.With | ast.AsyncWith, ops: list[Op]) -> None:
        inner: list[Op] = []
        may_swallow = False
        for item in stmt.items:
            self.expression(item.context_expr, inner)
            may_swallow = may_swallow or swallows(item.context_expr)
            if item.optional_vars is not None:
                self.targets([item.optional_vars], item, inner)
        self.block(stmt.body, inner)
        if may_swallow:
            ops.append(Guarded(inner, [[]], [], []))
        else:
            ops.extend(inner)

    def definition(self, stmt: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, ops: list[Op]) -> None:
        for part in _outside(stmt):
            self.expression(part, ops)
        self.closures(stmt, ops)
        self.bind(stmt.name, stmt, ops)

    def closures(
        self, node: ast.AST, ops: list[Op], local: Mapping[str, ast.comprehension] = _NO_NAMES
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
        ops: list[Op],
        weak: bool = False,
        local: Mapping[str, ast.comprehension] = _NO_NAMES,
    ) -> None:
        """Loads and bindings of an expression, in evaluation order; those that may not happen are weak."""
        stack: list[tuple[ast.AST | Walrus, bool]] = [(root, weak)]
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
            elif isinstance(node, Walrus):
                self.bind(node.node.target.id, node.node, ops, weak)
            elif isinstance(node, ast.NamedExpr):
                stack += [(Walrus(node), weak), (node.value, weak)]
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
        self, node: Comprehension, ops: list[Op], weak: bool, local: Mapping[str, ast.comprehension]
    ) -> None:
        generators = node.generators
        self.expression(generators[0].iter, ops, weak, local)
        inner = dict(local)
        for generator in generators:
            for target in single_targets([generator.target]):
                if isinstance(target, ast.Name):
                    inner[target.id] = generator
        body: list[Op] = []
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
            ops.append(Loop(names, [], body, []))  # a walrus in here is carried round
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
            loads.sort(key=start_of)

    def _keep(self, loads: list[ast.Name], to: list[ast.Name], local: AbstractSet[str]) -> None:
        for name in loads:
            if self._declared.get(name.id):
                self.global_loads.append(name)
            elif name.id not in local:
                to.append(name)


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
