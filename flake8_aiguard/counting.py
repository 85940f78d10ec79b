"""Where code compares a count with a limit: what is refused, what happens to it, and what adds to the count.

Names tell counts and limits; their words are in the table ``counting.word``.
"""

from __future__ import annotations

import ast
import bisect
import itertools
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, cast

from flake8_aiguard.index import FUNCTIONS, Function
from flake8_aiguard.memo import lazy, memoised
from flake8_aiguard.module import Module
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import dotted, following, is_constant, last_name, start_of
from flake8_aiguard.wordings import name_of, name_words, words

_OPS: Final[dict[type[ast.cmpop], str]] = {ast.Gt: ">", ast.GtE: ">=", ast.Lt: "<", ast.LtE: "<="}
_MIRRORED: Final = {">": "<", "<": ">", ">=": "<=", "<=": ">="}
_NEGATED: Final = {">": "<=", "<=": ">", "<": ">=", ">=": "<"}
LEAVES: Final = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_CASTS: Final = frozenset({"int", "len", "sum", "float"})
_ALIAS_DEPTH: Final = 3
_FAR: Final = 40  # statements of a block after the one that asks
_MADE: Final = frozenset({"decode", "dumps", "encode", "getvalue", "read"})
_SETTERS: Final = frozenset({"set", "setex", "hset"})


@dataclass(frozen=True, slots=True)
class Guard:
    """A comparison with a limit that decides what runs, read as ``value > bound`` or ``value >= bound``.

    Attributes:
        node: the comparison.
        value: what is compared.
        bound: the limit.
        strict: whether it asks ``>``, so that the limit itself is within.
        holder: the statement that asks.
        above: what runs where the value is above, nothing in a ``return``.
        within: what runs otherwise.
        rest: what runs afterwards, in both cases, unless the branch leaves.
        above_alone: whether a value above is enough for ``above``.
        within_alone: whether a value within is enough for ``within``.
        is_within: whether the condition holds where the value is within.
    """

    node: ast.Compare
    value: ast.expr
    bound: ast.expr
    strict: bool
    holder: ast.stmt
    above: tuple[ast.stmt, ...]
    within: tuple[ast.stmt, ...]
    rest: tuple[ast.stmt, ...]
    above_alone: bool
    within_alone: bool
    is_within: bool

    @property
    def op(self) -> str:
        """The operator of the reading."""
        return ">" if self.strict else ">="


class Counts:
    """The guards of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    # -- guards

    def guards(self, node: ast.Compare) -> list[Guard]:
        """The guards that a comparison makes, each pair of ``0 < n <= limit`` read from both sides."""
        found = self._decides(node)
        if found is None:
            return []
        holder, truth, if_true, if_false = found
        if len(node.ops) > 1:
            # ``0 < n <= limit`` fails where one pair fails.
            if_true, if_false = (False, if_false) if truth else (if_true, False)
        first: tuple[ast.stmt, ...] = ()
        second: tuple[ast.stmt, ...] = ()
        rest: tuple[ast.stmt, ...] = ()
        if isinstance(holder, (ast.If, ast.While)):
            first, rest = tuple(holder.body), tuple(self._after(holder))
            second = tuple(holder.orelse) if isinstance(holder, ast.If) else ()
        elif isinstance(holder, ast.Assert):
            second = (holder,)
        guards: list[Guard] = []
        left = node.left
        for kind, right in zip(node.ops, node.comparators, strict=True):
            if type(kind) in _OPS:
                sign = _OPS[type(kind)] if truth else _NEGATED[_OPS[type(kind)]]
                for value, bound, asked in ((left, right, sign), (right, left, _MIRRORED[sign])):
                    above = asked in (">", ">=")
                    op = asked if above else _NEGATED[asked]
                    branches = (first, second) if above else (second, first)
                    alone = (if_true, if_false) if above else (if_false, if_true)
                    guards.append(
                        Guard(node, value, bound, op == ">", holder, *branches, rest, *alone, not above)
                    )
            left = right
        return guards

    def _decides(self, node: ast.expr) -> tuple[ast.stmt, bool, bool, bool] | None:
        """The statement whose condition a comparison is part of, and what the comparison means for it.

        Returns:
            The statement, whether the comparison counts as it stands (not negated), whether its truth alone makes the
            condition true, whether its failing alone makes it false.
        """
        index = self._module.index
        operators: list[ast.boolop | None] = []
        child: ast.AST = node
        parent = index.parent(child)
        while isinstance(parent, (ast.BoolOp, ast.UnaryOp)):
            if isinstance(parent, ast.UnaryOp) and not isinstance(parent.op, ast.Not):
                return None
            operators.append(parent.op if isinstance(parent, ast.BoolOp) else None)
            child, parent = parent, index.parent(parent)
        if isinstance(parent, ast.Assign):
            child, parent = self._asked_later(parent, operators)
        is_test = isinstance(parent, (ast.If, ast.While, ast.Assert)) and parent.test is child
        if not is_test and not isinstance(parent, ast.Return):
            return None
        truth, if_true, if_false = True, True, True
        for operator in reversed(operators):
            if operator is None:
                truth = not truth
            elif isinstance(operator, ast.Or) is truth:
                if_false = False
            else:
                if_true = False
        return cast("ast.stmt", parent), truth, if_true, if_false

    def _asked_later(
        self, assign: ast.Assign, operators: list[ast.boolop | None]
    ) -> tuple[ast.AST, ast.AST | None]:
        """Where an answer that a local name keeps is asked first: ``allowed = n < limit``, ``if not allowed:``."""
        target = assign.targets[0]
        resolved = self._module.scopes.resolve(target) if isinstance(target, ast.Name) else None
        if resolved is None or not isinstance(resolved[0], FUNCTIONS) or len(resolved[1]) > 1:
            return assign, None
        uses = self._module.scopes.uses(resolved[0], resolved[1][0].node.id)  # type: ignore[attr-defined]
        child: ast.AST = uses[0] if uses else assign
        parent = self._module.index.parent(child) if uses else None
        if isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not):
            operators.append(None)
            child, parent = parent, self._module.index.parent(parent)
        return child, parent

    def _after(self, statement: ast.stmt) -> list[ast.stmt]:
        """What runs after a statement, in its block and the blocks around it, within its turn of a loop."""
        index = self._module.index
        found: list[ast.stmt] = []
        child: ast.AST = statement
        for parent in index.ancestors(statement):
            found += following(parent, child, _FAR)
            if isinstance(parent, (*FUNCTIONS, ast.For, ast.AsyncFor, ast.While, ast.ClassDef)):
                break
            if found and isinstance(found[-1], LEAVES):
                break
            child = parent
        return found

    # -- what is counted

    def is_count(self, value: ast.expr) -> bool:
        """Whether an expression is how many there are: ``len(xs)``, ``self.active``, ``store.zcard(key)``."""
        stack, depth = [value], _ALIAS_DEPTH
        while stack and depth:
            depth -= 1
            node = stack.pop()
            if isinstance(node, (ast.BinOp, ast.Constant, ast.UnaryOp)):
                continue
            counted = inner(node)
            if counted is not node and is_length(node):
                return True
            name = name_of(counted)
            if name is not None and not words("count").isdisjoint(name_words(name)):
                return True
            if isinstance(counted, ast.Subscript):
                name = last_name(counted.value)
                if name is not None and not words("count").isdisjoint(name_words(name)):
                    return True
            if isinstance(counted, ast.Call):
                if isinstance(counted.func, ast.Attribute) and counted.func.attr in words("read"):
                    return True
            elif isinstance(counted, ast.Name):
                stack += self.bound(counted)[:1]
        return False

    @memoised
    def stores(self, value: ast.expr) -> frozenset[str]:
        """The texts of what a count is read from.

        Args:
            value: the count.

        Returns:
            ``self.hits`` for ``len(self.hits[user])``, and the local names on the way; ``.hits`` for a global one.
        """
        found: set[str] = set()
        stack: list[tuple[ast.expr, int]] = [(value, _ALIAS_DEPTH)]
        while stack:
            node, depth = stack.pop()
            node = inner(node)
            while isinstance(node, (ast.Subscript, ast.Call)):
                part = node.func if isinstance(node, ast.Call) else node
                node = part.value if isinstance(part, (ast.Attribute, ast.Subscript)) else part
            text = dotted(node)
            if text is None:
                continue
            if not isinstance(node, ast.Name):
                found.add(text)
                continue
            resolved = self._module.scopes.resolve(node)
            is_global = resolved is not None and isinstance(resolved[0], ast.Module)
            found.add(f".{text}" if is_global else text)
            if depth:
                stack += [(item, depth - 1) for item in self.bound(node)]
        return frozenset(found)

    def bound(self, name: ast.Name) -> list[ast.expr]:
        """What a local variable is assigned in its function, or what ``with`` binds to it; nothing where it is also bound otherwise."""
        resolved = self._module.scopes.resolve(name)
        if resolved is None or not isinstance(resolved[0], FUNCTIONS):
            return []
        plain = [item for item in resolved[1] if item.kind is not Kind.AUGMENTED]
        if any(item.kind not in (Kind.ASSIGN, Kind.ANNOTATED, Kind.WITH) for item in plain):
            return []
        return [item.value for item in plain if item.value is not None]

    def is_parameter(self, node: ast.expr) -> bool:
        """Whether an expression is a parameter that its function does not bind anew."""
        resolved = self._module.scopes.resolve(node) if isinstance(node, ast.Name) else None
        return resolved is not None and [item.kind for item in resolved[1]] == [Kind.PARAMETER]

    def is_given(self, name: ast.Name) -> bool:
        """Whether a variable is a parameter, which the function may convert."""
        resolved = self._module.scopes.resolve(name)
        kinds = set() if resolved is None else {item.kind for item in resolved[1]}
        return Kind.PARAMETER in kinds and kinds <= {Kind.PARAMETER, Kind.ASSIGN}

    def is_kept(self, value: ast.expr) -> bool:
        """Whether a count outlives the call: an attribute, what a store answers, a parameter, or a local that holds one."""
        stack, depth = [value], _ALIAS_DEPTH
        while stack and depth:
            depth -= 1
            node = inner(stack.pop())
            while isinstance(node, (ast.Subscript, ast.Call)):
                part = node.func if isinstance(node, ast.Call) else node
                if isinstance(part, ast.Attribute) and part.attr in _MADE:
                    return False  # how long a text is
                if isinstance(node, ast.Call) and self._is_converted(node):
                    return False
                node = part.value if isinstance(part, (ast.Attribute, ast.Subscript)) else part
            if isinstance(node, ast.Attribute) or (isinstance(node, ast.Name) and self._is_outer(node)):
                return True
            if isinstance(node, ast.Name):
                stack += self.bound(node)[:1]
        return False

    def _is_converted(self, call: ast.Call) -> bool:
        """Whether a call makes another value of what it is given: ``os.fsencode(path)``."""
        name = self._module.qualname(call.func)
        return name is not None and name.partition(".")[0] in sys.stdlib_module_names

    def is_state(self, value: ast.expr) -> bool:
        """Whether a count is one of what goes on: kept by the object, the module or a store, or called so; not a size that is handed in."""
        stack, depth = [value], _ALIAS_DEPTH
        while stack and depth:
            depth -= 1
            node = inner(stack.pop())
            if not words("held").isdisjoint(name_words(name_of(node) or "")):
                return True
            while isinstance(node, (ast.Subscript, ast.Call, ast.Attribute)):
                if isinstance(node, ast.Call):
                    if not isinstance(node.func, ast.Attribute) or node.func.attr in words("read"):
                        return True
                    node = node.func
                node = node.value
            if not isinstance(node, ast.Name):
                continue
            if node.id in ("self", "cls") or (self._is_outer(node) and not self.is_parameter(node)):
                return True
            stack += self.bound(node)[:1]
        return False

    def _is_outer(self, name: ast.Name) -> bool:
        resolved = self._module.scopes.resolve(name)
        if resolved is None:
            return False
        is_closed_over = resolved[0] is not self._module.index.function(name)
        return isinstance(resolved[0], (ast.Module, *FUNCTIONS)) and (
            is_closed_over or self.is_parameter(name)
        )

    def adds(self, function: Function, stores: Collection[str]) -> list[ast.expr | ast.stmt]:
        """Where a function adds to what a count is read from: ``n += 1``, ``xs.append(x)``, ``d[k] = n + 1``."""
        return [node for texts, node in self.additions(function) if not texts.isdisjoint(stores)]

    @memoised
    def additions(self, function: Function) -> list[tuple[frozenset[str], ast.expr | ast.stmt]]:
        """All that a function adds to something, in document order, each with the texts of what grows."""
        found: list[tuple[frozenset[str], ast.expr | ast.stmt]] = []
        at = bisect.bisect_left(self._growing, function.lineno, key=lambda item: item.lineno)
        for node in itertools.islice(self._growing, at, None):
            if node.lineno > (function.end_lineno or 0):
                break
            if self._module.index.function(node) is not function:
                continue
            if isinstance(node, ast.AugAssign):
                found.append((self.stores(node.target), node))
            elif isinstance(node, ast.Assign):
                found += [
                    (self.stores(target), node)
                    for target in node.targets
                    if isinstance(target, ast.Subscript) or _is_sum(node.value)
                ]
            elif isinstance(node.func, ast.Attribute):
                found.append((self.stores(node.func.value) | _first_argument(node), node))
        return sorted(found, key=lambda item: (item[1].lineno, item[1].col_offset))

    @lazy
    def _growing(self) -> list[ast.AugAssign | ast.Assign | ast.Call]:
        """The statements and calls that may add to something, by line."""
        index = self._module.index
        nodes: list[ast.AugAssign | ast.Assign | ast.Call] = [
            node for node in index.nodes(ast.AugAssign) if isinstance(node.op, ast.Add)
        ]
        nodes += [
            node
            for node in index.nodes(ast.Assign)
            if _is_sum(node.value) or any(isinstance(target, ast.Subscript) for target in node.targets)
        ]
        nodes += index.calls_named(words("add"))
        nodes += [call for call in index.calls_named(_SETTERS) if any(map(_is_sum, call.args))]
        return sorted(nodes, key=lambda item: item.lineno)

    def is_counted(self, guard: Guard, function: Function) -> bool:
        """Whether the current one may be counted before a guard asks."""
        stores = self.stores(guard.value)
        asks_store = self._is_answer(guard.value)
        at = start_of(guard.node)
        for texts, node in self.additions(function):
            if start_of(node) >= at or self._leaves_before(node, guard.holder):
                continue
            if asks_store and isinstance(node, ast.Call) or not texts.isdisjoint(stores):
                return True
        attributes = _attributes(stores)
        for call in self.calls(function):
            if start_of(call) < at and (
                self._adds_elsewhere(call, attributes) or self._adds_all(call, stores)
            ):
                return True
        return any(
            self._starts_at_one(item, guard, function) for item in self._ones
        ) or not attributes.isdisjoint(self._filled)

    def _is_answer(self, value: ast.expr) -> bool:
        """Whether a count is what a call answers, so that anything added before may be in it."""
        counted = inner(value)
        if isinstance(counted, ast.Name):
            return any(isinstance(inner(item), (ast.Call, ast.Subscript)) for item in self.bound(counted))
        return isinstance(counted, ast.Call)

    def _adds_elsewhere(self, call: ast.Call, attributes: Collection[str]) -> bool:
        """Whether a call, by its name or its definition in this file, adds to one of these attributes."""
        name = last_name(call.func) or ""
        if name not in words("add") and not words("add").isdisjoint(name_words(name)):
            return True
        if not attributes:
            return False
        definition = self._module.receivers.definition(call.func)
        return isinstance(definition, (ast.FunctionDef, ast.AsyncFunctionDef)) and any(
            not _attributes(texts).isdisjoint(attributes) for texts, _ in self.additions(definition)
        )

    def _adds_all(self, call: ast.Call, stores: Collection[str]) -> bool:
        """Whether a call adds what is there in all: ``merged.update(more)``."""
        return (
            isinstance(call.func, ast.Attribute)
            and call.func.attr in ("extend", "update")
            and not self.stores(call.func.value).isdisjoint(stores)
        )

    @lazy
    def _ones(self) -> list[ast.Assign]:
        return [item for item in self._module.index.nodes(ast.Assign) if is_constant(item.value, 1)]

    @lazy
    def _filled(self) -> frozenset[str]:
        """The fields of classes that begin with something in them: ``lanes: list[Lane] = field(default_factory=lambda: [Lane()])``."""
        index = self._module.index
        return frozenset(
            item.target.id
            for item in index.nodes(ast.AnnAssign)
            if isinstance(item.target, ast.Name)
            and isinstance(index.parent(item), ast.ClassDef)
            and item.value is not None
            and any(isinstance(node, ast.Lambda) and _is_filled(node.body) for node in ast.walk(item.value))
        )

    def _starts_at_one(self, assign: ast.Assign, guard: Guard, function: Function) -> bool:
        """Whether a count is set to one where it begins, the current one counted."""
        holder = self._module.index.parent(assign)
        if isinstance(holder, ast.If) and isinstance(holder.body[-1], LEAVES):
            return False
        stores = self.stores(guard.value)
        if self._is_of_other(assign, function):
            stores = frozenset(text for text in stores if not text.startswith("self."))
        return any(
            not self.stores(target).isdisjoint(stores)
            for target in assign.targets
            if not (isinstance(target, ast.Subscript) and is_length(guard.value))  # which adds an item
        )

    def _is_of_other(self, node: ast.AST, function: Function) -> bool:
        """Whether ``self`` is the object of another class at a node than in a function, both without bases."""
        index = self._module.index
        there = index.function(node)
        classes = [index.class_of(item) for item in (there, function) if item is not None]
        return (
            len(classes) == 2
            and classes[0] is not classes[1]
            and all(item is not None and not item.bases and not item.keywords for item in classes)
        )

    def added_by_callers(self, guard: Guard, function: Function) -> list[bool]:
        """For each caller in this file that adds to the count: whether it does so before it calls the function."""
        if isinstance(function, ast.Lambda):
            return []
        index = self._module.index
        attributes = _attributes(self.stores(guard.value))
        found: list[bool] = []
        for call in index.calls_named((function.name,)):
            caller = index.function(call)
            if caller is None or caller is function:
                continue
            for texts, node in self.additions(caller):
                if not _attributes(texts).isdisjoint(attributes):
                    found.append(start_of(node) < start_of(call))
        return found

    def is_added_in_file(self, guard: Guard) -> bool:
        """Whether some function of the file adds to the attribute that a guard asks."""
        return not self._grown.isdisjoint(_attributes(self.stores(guard.value)))

    @lazy
    def _grown(self) -> frozenset[str]:
        """The attributes and global names that some function of the file adds to."""
        index = self._module.index
        functions: list[Function] = [*index.nodes(ast.FunctionDef), *index.nodes(ast.AsyncFunctionDef)]
        return frozenset(
            name
            for function in functions
            for texts, _ in self.additions(function)
            for name in _attributes(texts)
        )

    @memoised
    def calls(self, function: Function) -> list[ast.Call]:
        """The calls that a function runs itself."""
        found = self._module.index.nodes(ast.Call)
        return [
            call
            for call in found
            if _within(call, function) and self._module.index.function(call) is function
        ]

    def _leaves_before(self, node: ast.AST, holder: ast.stmt) -> bool:
        """Whether a node is in a branch that leaves before a later statement runs."""
        index = self._module.index
        around = {holder, *index.ancestors(holder)}
        child = node
        for parent in index.ancestors(node):
            if child in around or isinstance(parent, FUNCTIONS):
                return False
            for name in ("body", "orelse"):
                block = getattr(parent, name, None)
                is_branch = isinstance(parent, (ast.If, ast.ExceptHandler)) and isinstance(block, list)
                if is_branch and block and child in block and isinstance(block[-1], LEAVES):
                    return True
            child = parent
        return False


def _is_filled(display: ast.expr) -> bool:
    return isinstance(display, (ast.List, ast.Set)) and bool(display.elts)


def grows(add: ast.AST, text: str) -> bool:
    """Whether an addition makes the very collection longer: ``xs.append(x)``, ``d[k] = v``.

    Args:
        add: the call or assignment, as :meth:`Counts.adds` gives it.
        text: what the collection is called.
    """
    if isinstance(add, ast.Call) and isinstance(add.func, ast.Attribute):
        return (dotted(add.func.value) or ast.unparse(add.func.value)) == text
    return isinstance(add, ast.Assign) and any(
        isinstance(target, ast.Subscript)
        and not isinstance(target.slice, ast.Slice)
        and (dotted(target.value) or ast.unparse(target.value)) == text
        for target in add.targets
    )


def _within(node: ast.expr, function: Function) -> bool:
    return function.lineno <= node.lineno <= (function.end_lineno or 0)


def is_length(node: ast.expr) -> bool:
    """Whether an expression is ``len(...)``, or what casts and ``or`` leave of it."""
    while isinstance(node, (ast.BoolOp, ast.NamedExpr)):
        node = node.values[0] if isinstance(node, ast.BoolOp) else node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
        return node.func.id in ("len", "sum") or (node.func.id in _CASTS and is_length(node.args[0]))
    return False


def is_limit(node: ast.expr, *, room: bool = False) -> bool:
    """Whether an expression is a limit: by its name, or a number above one.

    Args:
        node: the expression.
        room: whether ``pool_size`` counts, as for what a collection holds.
    """
    if isinstance(node, ast.Constant):
        return type(node.value) is int and node.value > 1
    name = name_of(node)
    if name is None:
        return False
    found = name_words(name)
    return not words("limit").isdisjoint(found) or (room and not words("room").isdisjoint(found))


def holds(statements: Collection[ast.stmt], node: ast.expr | ast.stmt) -> bool:
    """Whether a node is in one of these statements."""
    return any(item.lineno <= node.lineno <= (item.end_lineno or 0) for item in statements)


def leaves(body: Sequence[ast.stmt]) -> bool:
    """Whether statements end by leaving their block."""
    return bool(body) and isinstance(body[-1], LEAVES)


def refuses(body: Sequence[ast.stmt]) -> bool:
    """Whether statements end with ``raise``, or return nothing or no."""
    last = body[-1] if body else None
    return isinstance(last, ast.Raise) or (isinstance(last, ast.Return) and _is_no(last.value))


def _is_no(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Tuple) and value.elts:
        value = value.elts[0]
    return value is None or (isinstance(value, ast.Constant) and not value.value)


def inner(node: ast.expr) -> ast.expr:
    """What is counted: ``xs`` of ``len(xs)``; ``await x``, ``x or 0`` and ``int(x)`` undone."""
    while True:
        if isinstance(node, (ast.Await, ast.NamedExpr)):
            node = node.value
        elif isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            node = node.values[0]
        elif isinstance(node, (ast.GeneratorExp, ast.ListComp)):
            node = node.generators[0].iter
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in _CASTS
            and len(node.args) == 1
        ):
            node = node.args[0]
        else:
            return node


def _attributes(texts: Collection[str]) -> frozenset[str]:
    """The last identifiers of those texts that are attributes or global names."""
    return frozenset(text.rpartition(".")[2] for text in texts if "." in text)


def _first_argument(call: ast.Call) -> frozenset[str]:
    """``bisect.insort(xs, x)`` and ``heappush(xs, x)`` add to their first argument."""
    text = dotted(call.args[0]) if len(call.args) > 1 else None
    return frozenset() if text is None else frozenset({text})


def _is_sum(node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add)
