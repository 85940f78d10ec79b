"""What depends on the variable of a loop, and what a loop runs over."""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from flake8_aiguard.children import children
from flake8_aiguard.imports import Imports
from flake8_aiguard.index import COMPREHENSIONS, TRIES, Index, Loop, Scope
from flake8_aiguard.memo import memoised
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Scopes
from flake8_aiguard.shapes import dotted, last_name, names_in, start_of

Variable: TypeAlias = "tuple[Scope, str]"
Position: TypeAlias = "tuple[int, int]"

SMALL: Final = 20  # a constant number of turns up to here is no loop over data
_MOST: Final = 200  # values behind an expression that are looked at
_FEW: Final = 8  # wrappers around an iterable that are looked through
_WRAPPERS: Final = frozenset(
    (
        "itertools.chain",
        *(f"builtins.{name}" for name in ("enumerate", "zip", "sorted", "reversed", "list", "tuple", "set")),
    )
)
_VIEWS: Final = frozenset({"items", "keys", "values", "copy"})
_GROWS: Final = frozenset({"append", "extend", "add", "update", "insert", "setdefault", "appendleft"})
_GROWS_BY_ONE: Final = frozenset({"append", "add", "insert", "appendleft"})
_CONSTANT: Final = regex(r"_*[A-Z][A-Z0-9_]*")
_CLASS: Final = regex(r"_*[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*")


@dataclass(frozen=True, slots=True)
class Write:
    """A value that a variable takes.

    Attributes:
        at: where.
        value: what it is computed from.
        carries: whether the old value stays in the new one, as in ``x += 1``.
    """

    at: Position
    value: ast.expr
    carries: bool


@dataclass(slots=True)
class Place:
    """The code that one turn of a loop runs: its body and, one call away, a function of the file.

    Attributes:
        loop: the loop.
        targets: its variables.
        given: the arguments that a called function is given, by its parameters.
        called: that function.
    """

    loop: Loop
    targets: frozenset[Variable]
    given: Mapping[Variable, ast.expr] = field(default_factory=dict)
    called: ast.FunctionDef | ast.AsyncFunctionDef | None = None
    known: dict[Variable, bool] = field(default_factory=dict)


class Loops:
    """The loops of one file.

    Args:
        index: the file's index.
        scopes: its symbol tables.
        imports: its canonical names.
    """

    def __init__(self, index: Index, scopes: Scopes, imports: Imports) -> None:
        self._index = index
        self._scopes = scopes
        self._imports = imports
        self._writes: dict[Variable, tuple[list[Position], list[Write]]] = {}

    # -- variables

    def variable(self, name: ast.Name) -> Variable | None:
        """The variable that a name refers to; ``None`` where the file does not bind it."""
        owner = self._scopes.owner(self._index.scope(name), name.id)
        return None if owner is None else (owner, name.id)

    def writes(self, variable: Variable, within: ast.AST) -> list[Write]:
        """The values that a variable takes within a node, in document order.

        ``a, b = f()`` writes ``f()`` to both, ``for x in xs`` writes ``xs``, ``params["id"] = x`` writes ``x`` to ``params``, and what
        a ``case`` captures is the subject's.

        Args:
            variable: the variable.
            within: a loop, function or other node with a position.
        """
        if variable not in self._writes:
            found = sorted(self._all_writes(variable), key=lambda write: write.at)
            self._writes[variable] = ([write.at for write in found], found)
        positions, writes = self._writes[variable]
        start, end = _span(within)
        return writes[bisect_left(positions, start) : bisect_left(positions, end)]

    def _all_writes(self, variable: Variable) -> Iterator[Write]:
        scope, name = variable
        for binding in self._scopes.bindings(scope, name):
            if isinstance(binding.node, ast.Name):
                yield from self._written(binding.node)
            elif isinstance(binding.node, ast.pattern):
                outer = next(
                    item for item in self._index.ancestors(binding.node) if isinstance(item, ast.Match)
                )
                yield Write(start_of(binding.node), outer.subject, carries=False)
        for use in self._scopes.uses(scope, name):
            item = self._index.parent(use)
            if (
                isinstance(item, ast.Subscript)
                and item.value is use
                and isinstance(item.ctx, ast.Store)
                and isinstance(item.slice, ast.Constant)
            ):
                yield from self._written(item)
            elif isinstance(item, ast.Attribute) and item.attr == "update":
                call = self._index.parent(item)
                if isinstance(call, ast.Call):
                    values = [arg for arg in call.args if isinstance(arg, ast.Dict)]
                    for value in (*values, *(keyword.value for keyword in call.keywords)):
                        yield Write(start_of(call), value, carries=False)

    def _written(self, target: ast.expr) -> Iterator[Write]:
        node: ast.AST = target
        parent = self._index.parent(node)
        while isinstance(parent, (ast.Tuple, ast.List, ast.Starred)):
            node, parent = parent, self._index.parent(parent)
        value: ast.expr | None = None
        if isinstance(parent, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr)):
            value = parent.value
        elif isinstance(parent, (ast.For, ast.AsyncFor, ast.comprehension)):
            value = parent.iter
        elif isinstance(parent, ast.withitem):
            value = parent.context_expr
        if value is not None:
            yield Write(start_of(target), value, isinstance(parent, ast.AugAssign))

    # -- dependence

    def place(self, loop: Loop) -> Place:
        """What a turn of a loop runs."""
        return Place(loop, frozenset(self._targets(loop)))

    def _targets(self, loop: Loop) -> Iterator[Variable]:
        if isinstance(loop, ast.While):
            yield from self._counters(loop)
            return
        targets = (
            [item.target for item in loop.generators] if isinstance(loop, COMPREHENSIONS) else [loop.target]
        )
        for target in targets:
            for name in names_in(target):
                variable = self.variable(name)
                if variable is not None and isinstance(name.ctx, ast.Store):
                    yield variable

    def _counters(self, loop: ast.While) -> Iterator[Variable]:
        """``i`` of ``while i < len(xs)``, and ``xs`` of ``while xs: x = xs.pop()`` where nothing else touches it."""
        measured = any(
            isinstance(node, ast.Call) and self._imports.qualname(node.func) == "builtins.len"
            for node in (loop.test, *children(loop.test))
        )
        for name in names_in(loop.test):
            variable = self.variable(name)
            if variable is None:
                continue
            if (
                measured
                and any(write.carries for write in self.writes(variable, loop))
                or not self.writes(variable, loop)
                and self._is_drained(variable, loop)
            ):
                yield variable

    def _is_drained(self, variable: Variable, loop: ast.While) -> bool:
        start, end = _span(loop)
        body = _span(loop.body[0])[0]
        uses = [use for use in self._scopes.uses(*variable) if start <= start_of(use) < end]
        inside = [self._index.parent(use) for use in uses if start_of(use) >= body]
        return bool(inside) and all(
            isinstance(item, ast.Attribute) and item.attr in ("pop", "popleft", "popitem") for item in inside
        )

    def dependents(self, node: ast.AST, place: Place) -> list[ast.Name]:
        """The names below a node whose value depends on the variable of a loop, directly or through what a turn assigns."""
        found = []
        for name in names_in(node):
            if isinstance(name.ctx, ast.Load):
                variable = self.variable(name)
                if variable is not None and self._depends(variable, place):
                    found.append(name)
        return found

    def _depends(self, variable: Variable, place: Place) -> bool:
        if variable in place.known:
            return place.known[variable]
        reached_from: dict[Variable, Variable | None] = {variable: None}
        stack = [variable]
        while stack:
            item = stack.pop()
            if item in place.targets or place.known.get(item):
                step: Variable | None = item
                while step is not None:
                    place.known[step] = True
                    step = reached_from[step]
                return True
            for value in self._sources(item, place, carried=False):
                for name in names_in(value):
                    source = self.variable(name)
                    if source is not None and source not in reached_from and place.known.get(source, True):
                        reached_from[source] = item
                        stack.append(source)
        place.known.update(dict.fromkeys(reached_from, False))
        return False

    def comes_from(self, node: ast.AST, origin: ast.AST, place: Place) -> bool:
        """Whether a value is computed from another node of the loop, in this turn or the last: a page token from its page."""
        seen: set[Variable] = set()
        stack = [node]
        while stack:
            item = stack.pop()
            for name in names_in(item):
                variable = self.variable(name)
                if variable is None or variable in seen or variable in place.targets:
                    continue
                seen.add(variable)
                for value in self._sources(variable, place, carried=True):
                    if contains(value, origin):
                        return True
                    stack.append(value)
        return False

    def _sources(self, variable: Variable, place: Place, *, carried: bool) -> Iterator[ast.expr]:
        if variable in place.given:
            yield place.given[variable]
        for region in (place.loop, place.called):
            for write in () if region is None else self.writes(variable, region):
                if carried or not write.carries:
                    yield write.value

    def behind(self, node: ast.expr, region: ast.AST) -> list[ast.expr]:
        """What an expression is computed from within a region: itself, and what the region writes to its names.

        Args:
            node: the expression.
            region: a loop or function around it.

        Returns:
            The expressions, the node first; those before the region, and the parameters, are not followed. No more than
            some hundred of them.
        """
        found = [node]
        seen: set[Variable] = set()
        for item in found:
            if len(found) > _MOST:
                break
            for name in names_in(item):
                variable = self.variable(name)
                if variable is not None and variable not in seen:
                    seen.add(variable)
                    found += [write.value for write in self.writes(variable, region)[:_MOST]]
        return found

    def values(self, node: ast.expr, place: Place) -> list[ast.expr]:
        """The expressions that a name stands for: what a turn assigns to it, else what it is bound to once.

        Args:
            node: the expression.
            place: the loop.

        Returns:
            The expressions behind names; the name itself where it is a variable of the loop, a parameter or unknown.
        """
        found: list[ast.expr] = []
        seen: set[Variable] = set()
        stack = [node]
        while stack:
            item = stack.pop()
            variable = self.variable(item) if isinstance(item, ast.Name) else None
            if isinstance(item, ast.IfExp):
                stack += (item.body, item.orelse)
            elif isinstance(item, ast.Await):
                stack.append(item.value)
            elif variable is None or variable in place.targets:
                found.append(item)
            elif variable not in seen:
                seen.add(variable)
                written = list(self._sources(variable, place, carried=False)) or self._once(variable)
                if written:
                    stack += written
                else:
                    found.append(item)
        return found

    def _once(self, variable: Variable) -> list[ast.expr]:
        bindings = self._scopes.bindings(*variable)
        value = bindings[0].value if len(bindings) == 1 else None
        is_loop = isinstance(self._index.parent(bindings[0].node), (ast.For, ast.AsyncFor, ast.comprehension))
        return [] if value is None or is_loop else [value]

    # -- iterables

    def is_small(self, iterable: ast.expr) -> bool:
        """Whether an iterable has few, fixed items: a display, ``range(3)``, a constant by its name, an enumeration."""
        stack, looked = [iterable], 0
        while stack and looked < _FEW:
            node = stack.pop()
            looked += 1
            if isinstance(node, (ast.Tuple, ast.List, ast.Set, ast.Dict)):
                return not any(isinstance(item, (ast.Starred, type(None))) for item in _items(node))
            if isinstance(node, ast.Constant):
                return True
            if isinstance(node, (ast.Name, ast.Attribute)):
                last = node.id if isinstance(node, ast.Name) else node.attr
                if _CONSTANT.fullmatch(last) or _CLASS.fullmatch(last):
                    return True
                stack += self._display(node)
            elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
                return _is_few(node.slice.upper) or _is_few(_negated(node.slice.lower))
            elif isinstance(node, ast.Call):
                name = self._imports.qualname(node.func)
                if name == "builtins.range":
                    return all(_is_few(item) or _is_constant_name(item) for item in node.args) or _turns_few(
                        node.args
                    )
                if name == "itertools.islice" and len(node.args) == 2:
                    return _is_few(node.args[1])
                if name in _WRAPPERS:
                    stack += node.args[:1] if name == "builtins.enumerate" else node.args
                elif isinstance(node.func, ast.Attribute) and node.func.attr in _VIEWS:
                    stack.append(node.func.value)
        return False

    def _display(self, node: ast.expr) -> list[ast.expr]:
        """The display that a name is bound to once, where nothing grows it."""
        variable = self.variable(node) if isinstance(node, ast.Name) else None
        return [] if variable is None else self._fixed(variable)

    def _is_walked(self, use: ast.Name) -> bool:
        """Whether a loop goes over what an item is set in: a dict that grew meanwhile would end it by an error."""
        for loop in self._index.loops(use):
            for walked in iterables(loop):
                if isinstance(walked, ast.Call) and isinstance(walked.func, ast.Attribute):
                    walked = walked.func.value if walked.func.attr in _VIEWS else walked
                if isinstance(walked, ast.Name) and walked.id == use.id:
                    return True
        return False

    @memoised
    def _fixed(self, variable: Variable) -> list[ast.expr]:
        for use in self._scopes.uses(*variable):
            parent = self._index.parent(use)
            if isinstance(parent, ast.Attribute) and parent.attr in _GROWS:
                # one more item, once: xs = [a]; if b: xs.append(b)
                once = self._index.function(use) is variable[0] and not any(self._index.loops(use))
                if parent.attr not in _GROWS_BY_ONE or not once:
                    return []
            is_set = isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Store)
            if is_set and not self._is_walked(use):
                return []
        return self._once(variable)


def iterables(loop: Loop) -> list[ast.expr]:
    """What a loop goes over; nothing for a ``while``."""
    if isinstance(loop, ast.While):
        return []
    return [item.iter for item in loop.generators] if isinstance(loop, COMPREHENSIONS) else [loop.iter]


def target_names(loop: Loop) -> list[str]:
    """The names of a loop's variables; none for a ``while``."""
    if isinstance(loop, ast.While):
        return []
    targets = [item.target for item in loop.generators] if isinstance(loop, COMPREHENSIONS) else [loop.target]
    return [name.id for target in targets for name in names_in(target)]


def sleeps(loop: ast.While) -> bool:
    """Whether every turn of an asynchronous loop sleeps, if need be in a ``try`` around all that it does."""
    tried = [part for item in loop.body if isinstance(item, TRIES) for part in item.body]
    return any(
        isinstance(item, ast.Expr)
        and isinstance(item.value, ast.Await)
        and isinstance(item.value.value, ast.Call)
        and last_name(item.value.value.func) == "sleep"
        for item in (*loop.body, *tried)
    )


def contains(node: ast.AST, inner: ast.AST) -> bool:
    """Whether a node holds another one of the same tree, or is it."""
    (start, end), (first, last) = _span(node), _span(inner)
    return start <= first and last <= end


def _span(node: ast.AST) -> tuple[Position, Position]:
    assert isinstance(node, (ast.expr, ast.stmt))
    return start_of(node), (node.end_lineno or node.lineno, node.end_col_offset or 0)


def _items(node: ast.Tuple | ast.List | ast.Set | ast.Dict) -> list[ast.expr] | list[ast.expr | None]:
    return node.keys if isinstance(node, ast.Dict) else node.elts


def _negated(node: ast.expr | None) -> ast.expr | None:
    return node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else None


def _is_few(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int) and node.value <= SMALL


def _turns_few(arguments: list[ast.expr]) -> bool:
    """Whether ``range()`` has few turns by its literal arguments: ``range(0, 128, 16)``."""
    numbers = [
        item.value for item in arguments if isinstance(item, ast.Constant) and isinstance(item.value, int)
    ]
    if len(numbers) < len(arguments) or not 1 <= len(numbers) <= 3 or 0 in numbers[2:]:
        return False
    return not range(*numbers)[SMALL:]


def _is_constant_name(node: ast.expr) -> bool:
    return bool(_CONSTANT.fullmatch((dotted(node) or "").rpartition(".")[2]))
