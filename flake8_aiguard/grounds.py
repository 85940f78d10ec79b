"""What a write rests on: the values that it is computed from, and the conditions under which it runs."""

from __future__ import annotations

import ast
import bisect
import re
from collections.abc import Iterator

from flake8_aiguard.attributes import WRITES, Access, Attributes, Kind, changing_methods
from flake8_aiguard.children import walk
from flake8_aiguard.defuse import DefUse
from flake8_aiguard.index import FUNCTIONS, TRIES
from flake8_aiguard.mentions import Mentions, parts
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import block_of, default, is_none, last_name, names_in, parameters, start_of
from flake8_aiguard.suspensions import Suspensions

_TIMES = regex(
    r"(?:^|_)(?:now|ttl|time|monotonic|expir\w*|deadline|timestamp|age|fresh|stale)(?:_|$)", re.IGNORECASE
)
_COPIES = ("copy", "deepcopy", "dict", "list", "set", "tuple")
_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_ORDERS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_NEAR = 12  # statements back
_OF_VALUES = frozenset({"collections", "datetime", "decimal", "fractions", "pandas", "pathlib"})


class Grounds:
    """What the writes of one file rest on.

    Args:
        module: the file.
        attributes: its attributes.
        mentions: their mentions.
        suspensions: its awaits.
    """

    def __init__(
        self, module: Module, attributes: Attributes, mentions: Mentions, suspensions: Suspensions
    ) -> None:
        self._module = module
        self._index = module.index
        self._attributes = attributes
        self._mentions = mentions
        self._suspensions = suspensions

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
            for name in parts(expression):
                if not isinstance(name, ast.Name):
                    continue
                found = self._defined(self._module.def_use(function or self._module.tree), name, seen)
                stack += (value for value in found if not self._is_worker(value, name))

    def _is_worker(self, value: ast.expr, name: ast.Name) -> bool:
        """Whether a local is an object that the function has made to do something, and is asked for what came of that: ``server.port``."""
        if not isinstance(value, ast.Call) or not isinstance(self._index.parent(name), ast.Attribute):
            return False
        package = (self._module.qualname(value.func) or "").partition(".")[0]
        return (last_name(value.func) or "")[:1].isupper() and package not in _OF_VALUES

    def _held_by(self, node: ast.expr) -> Iterator[ast.expr]:
        """An expression, or what the local name that it is holds on any way to it; not what that is computed from."""
        flow = self._module.def_use(self._index.function(node) or self._module.tree)
        seen: set[ast.AST] = set()
        stack = [node]
        while stack:
            expression = stack.pop()
            yield expression
            if isinstance(expression, ast.Name):
                stack += self._defined(flow, expression, seen)

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
            block = block_of(parent, child)
            at = (
                bisect.bisect_left(block, start_of(child), key=start_of) if block else 0
            )  # a case has no place
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

    def awaited(self, value: ast.expr) -> Iterator[ast.Call]:
        """The awaited calls whose outcome an expression is."""
        for expression in self.sources(value):
            if isinstance(expression, ast.Await) and isinstance(expression.value, ast.Call):
                yield expression.value

    def is_chosen(self, name: ast.Name) -> bool:
        """Whether a local is one of some values or a copy, and none that is computed from them: ``given or self.x``."""
        flow = self._module.def_use(self._index.function(name) or self._module.tree)
        seen: set[ast.AST] = set()
        stack: list[ast.expr] = [name]
        while stack:
            held = stack.pop()
            item = original(held)
            if item is not held and self._is_changed(name):
                return False
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
            elif not isinstance(item, (ast.Attribute, ast.Await, ast.Constant)):
                return False
        return True

    def _is_changed(self, name: ast.Name) -> bool:
        """Whether a function changes in place what a local holds: ``saved[k] = v``, ``saved.append(v)``."""
        function = self._index.function(name) or self._module.tree
        slots = (
            item.value
            for item in self._attributes.within(ast.Subscript, function)
            if item.ctx.__class__ is not ast.Load
        )
        called = (
            call.func.value
            for call in self._index.calls_named(changing_methods())
            if isinstance(call.func, ast.Attribute) and self._index.function(call) is function
        )
        return any(isinstance(item, ast.Name) and item.id == name.id for item in (*slots, *called))

    def missed(self, write: Access) -> ast.Attribute | None:
        """The read of the same item that failed: ``try: return self.c[k]`` with the write in its ``except KeyError``."""
        key = self._mentions.key(write.node)
        for node in self._index.ancestors(write.node):
            if isinstance(node, FUNCTIONS):
                return None
            parent = self._index.parent(node)
            if isinstance(node, ast.ExceptHandler) and isinstance(parent, TRIES) and key is not None:
                if last_name(node.type) != "KeyError":
                    return None
                known = self._attributes.own(write.node).get(write.name, ())
                inside = (
                    item.node for item in known if start_of(parent) <= start_of(item.node) < start_of(node)
                )
                return next((item for item in inside if self._mentions.key(item) == key), None)
        return None

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
            return next(self._mentions.reads(test, write), None)
        key = self._mentions.key(write.node)
        stack = [(test, truth)]
        while stack:
            node, wanted = stack.pop()
            asked: Iterator[ast.Attribute] = iter(())
            if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
                stack.append((node.operand, not wanted))
            elif isinstance(node, ast.BoolOp):
                # "a or not in self.x", "not (a and in self.x)": it may be written while it is there
                others = node.values if isinstance(node.op, ast.Or) is wanted else []
                if not any(self._decides_alone(value, wanted, write) for value in others):
                    stack += ((value, wanted) for value in node.values)
            elif isinstance(node, ast.Compare) and len(node.ops) == 1:
                asked = self._compares(node, wanted, write, key)
            elif not wanted and write.kind in (Kind.BIND, Kind.ITEM):
                asked = self._looks_up(node, write, key)
            found = next(asked, None)
            if found is not None:
                return found
        return None

    def _decides_alone(self, operand: ast.expr, truth: bool, write: Access) -> bool:
        """Whether a part of a condition lets a write run for a reason of its own, whether or not anything is missing.

        Not where it asks for the attribute or the key, too, for the time, or for a flag that somebody has to set:
        ``if force or key not in self.c`` with ``force=False``.
        """
        slot = self._index.parent(write.node)
        key = {item.id for item in names_in(slot.slice)} if isinstance(slot, ast.Subscript) else set()
        flag, wanted = operand, truth
        while isinstance(flag, ast.UnaryOp) and isinstance(flag.op, ast.Not):
            flag, wanted = flag.operand, not wanted
        if isinstance(flag, ast.Name):
            for parameter in parameters(write.function):
                if parameter.arg == flag.id:
                    value = default(write.function, parameter)
                    return isinstance(value, ast.Constant) and bool(value.value) is wanted
        names = {item.id for item in names_in(operand)}
        if not names.isdisjoint(key) or any(
            _TIMES.search(last_name(item) or "") for item in walk(operand) if isinstance(item, ast.expr)
        ):
            return False
        held = (expression for item in (operand, *names_in(operand)) for expression in self.sources(item))
        return not any(True for expression in held for _ in self._mentions.reads(expression, write))

    def _compares(
        self, node: ast.Compare, wanted: bool, write: Access, key: str | None
    ) -> Iterator[ast.Attribute]:
        operator, left, right = node.ops[0], node.left, node.comparators[0]
        if isinstance(operator, (ast.In, ast.NotIn)):
            if isinstance(operator, ast.NotIn) is wanted and key == ast.dump(left):
                yield from self._mentions.reads(right, write)
        elif is_none(right) and isinstance(operator, (ast.Is, ast.IsNot, ast.Eq, ast.NotEq)):
            if isinstance(operator, (ast.Is, ast.Eq)) is wanted and write.kind in (Kind.BIND, Kind.ITEM):
                yield from self._looks_up(left, write, key)
        elif isinstance(operator, _ORDERS) and (
            write.kind in (Kind.AUGMENT, Kind.CALL) or self._mentions.recounts(write)
        ):
            for side in (left, right):
                for expression in self.sources(side):
                    yield from self._mentions.reads(expression, write)

    def _looks_up(self, node: ast.expr, write: Access, key: str | None) -> Iterator[ast.Attribute]:
        """The mention whose value (for a key: whose item) an expression is."""
        for expression in self._held_by(node.value if isinstance(node, ast.NamedExpr) else node):
            for read in self._mentions.reads(expression, write):
                used: ast.AST | None = read
                if key is not None and self._mentions.key(read) == key:
                    used = self._index.parent(read)
                    used = self._index.parent(used) if isinstance(used, ast.Attribute) else used
                if used is expression and (key is None) is (used is read):
                    yield read

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
            and not self._suspensions.between(read, test.values[0])
            and not any(isinstance(node, ast.Await) for node in walk(test.values[0]))
            and not self._suspensions.after(test, statement)
        )

    def is_asserted(self, test: ast.expr) -> bool:
        """Whether a condition is that of an ``assert``: what has to hold, not what may be missing."""
        return isinstance(self._index.statement(test), ast.Assert)

    def is_claimed(self, read: ast.expr, write: Access) -> bool:
        """Whether a function marks its work as begun before others can run: a flag or entry that it has asked for, or the
        attribute itself."""
        for name, accesses in self._attributes.own(write.node).items():
            own = [item for item in accesses if item.function is write.function]
            for mark in own:
                if mark.kind not in WRITES or start_of(mark.node) >= start_of(write.node):
                    continue
                if start_of(mark.node) > start_of(read) and self._suspensions.between(read, mark.node):
                    continue
                if name == write.name and start_of(mark.node) > start_of(read):
                    return True
                if name != write.name and any(self._is_asked(item, mark) for item in own):
                    return True
        return False

    def _is_asked(self, item: Access, mark: Access) -> bool:
        statement = self._index.statement(item.node)
        return (
            item.kind is Kind.READ
            and isinstance(statement, (ast.If, ast.While))
            and start_of(item.node) < start_of(mark.node)
            and not self._suspensions.between(item.node, mark.node)
        )

    def is_worked_on(self, write: Access) -> bool:
        """Whether a function awaits something for its effect alone before it adds what it gave to it: ``await send(item)``."""
        key = self._mentions.key(write.node)
        for where, node in self._suspensions.points.get(self._index.function(write.node), ()):
            call = node.value if isinstance(node, ast.Await) else None
            if where > start_of(write.node) or not isinstance(call, ast.Call):
                continue
            given = [*call.args, *(keyword.value for keyword in call.keywords)]
            if isinstance(self._index.parent(node), ast.Expr) and any(
                ast.dump(item) == key for item in given
            ):
                return True
        return False


def original(node: ast.expr) -> ast.expr:
    """What an expression is a copy of: ``saved`` of ``saved.copy()``, ``list(saved)``, ``copy.deepcopy(saved)``; else itself."""
    if not isinstance(node, ast.Call) or last_name(node.func) not in _COPIES or node.keywords:
        return node
    if len(node.args) == 1:
        return node.args[0]
    return node.func.value if isinstance(node.func, ast.Attribute) and not node.args else node
