"""Guards: conditions under which a function refuses to go on, when two are the same, and whether what they ask still holds."""

from __future__ import annotations

import ast
import bisect
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from flake8_aiguard import knowledge
from flake8_aiguard.children import children
from flake8_aiguard.index import FUNCTIONS, Scope
from flake8_aiguard.memo import lazy, memoised
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import blocks, dotted, end_of, holds, last_name, names_in, root, start_of

_Def = ast.FunctionDef | ast.AsyncFunctionDef
_Position: TypeAlias = tuple[int, int]
_DEPTH: Final = 12  # of a condition that is compared
_NEAREST: Final = 4  # equal guards before a node that are looked at
_PAIR: Final = 2
_ATTRIBUTES: Final = ("builtins.getattr", "builtins.hasattr")
_HOPS: Final = 60  # blocks around a node
_LEAVES: Final = frozenset({ast.Break, ast.Continue, ast.Raise, ast.Return})
_ANYTHING: Final = "."  # what any call may change
_OTHERS: Final = "~"  # what may change while others run
_SCALARS: Final = ("bytes", "number", "str", "tuple")
_CONTAINER: Final = regex(
    r"list|dict|map|set|queue|stack|buf|deque|heap|batch|data|pending|cache", re.IGNORECASE
)
_LOCK: Final = regex(r"lock|mutex|sem(aphore)?$|cond(ition)?$|guard", re.IGNORECASE)
_FILLS: Final = ("add", "append", "appendleft", "clear", "extend", "pop", "put", "set", "update")
_NOTES: Final = frozenset(
    {"critical", "debug", "error", "exception", "info", "log", "print", "warn", "warning"}
)


@dataclass(frozen=True, slots=True, eq=False)
class Guard:
    """An ``if`` that leaves where a condition holds.

    Attributes:
        statement: the ``if``.
        error: the class of the exception that it raises, as the file spells it; the kind of the statement where it raises none.
    """

    statement: ast.If
    error: str

    @property
    def test(self) -> ast.expr:
        """The condition."""
        return self.statement.test


class Guards:
    """The guards of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._index = module.index

    # -- what a guard is

    def of(self, statement: ast.stmt) -> Guard | None:
        """The guard that a statement is.

        Args:
            statement: an ``if`` that does nothing but leave, perhaps after a log line.
        """
        if not isinstance(statement, ast.If) or statement.body[-1].__class__ not in _LEAVES:
            return None
        if not all(_is_note(item) for item in statement.body[:-1]):
            return None
        return Guard(statement, self._error(statement.body[-1]))

    def _error(self, leaving: ast.stmt) -> str:
        if not isinstance(leaving, ast.Raise):
            return type(leaving).__name__
        call = leaving.exc if isinstance(leaving.exc, ast.Call) else None
        raised = leaving.exc if call is None else call.func
        name = None if raised is None else self._module.qualname(raised) or dotted(raised)
        if name is None or call is None:
            return name or ""
        given = [*call.args, *(item.value for item in call.keywords)]
        return " ".join((name, *filter(None, map(self._code, given))))

    def _code(self, argument: ast.expr) -> str | None:
        """The text of an argument of an exception that says more than its message: a status, an error code."""
        if isinstance(argument, ast.Constant):
            return None if isinstance(argument.value, str) else repr(argument.value)
        return self._module.qualname(argument)

    def opening(self, function: _Def) -> Iterator[Guard]:
        """The guards that raise with which a function opens; a docstring, assertions and constants may stand among them."""
        bound: set[str] = set()
        for statement in function.body:
            guard = self.of(statement)
            if guard is not None and isinstance(guard.statement.body[-1], ast.Raise):
                names = {name.id for name in names_in(guard.test)}
                if guard.error and not guard.statement.orelse and names.isdisjoint(bound):
                    yield guard
            elif isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
                bound.update(name.id for target in statement.targets for name in names_in(target))
            elif not isinstance(statement, ast.Assert) and not (
                isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            ):
                return

    # -- when two are the same

    def spelled(self, test: ast.expr, names: Mapping[str, str] | None = None) -> str | None:
        """What an expression asks, so that two that ask the same are spelled the same.

        Args:
            test: the expression.
            names: what to put for the parameters of the function that it stands in; ``""`` where that is not known.

        Returns:
            ``None`` for one with calls whose answer may change by itself, and for long ones.
        """
        return self._spell(test, names or {}, _DEPTH)

    def _spell(self, node: ast.AST, names: Mapping[str, str] | None, depth: int) -> str | None:
        """As :meth:`spelled`; with ``None`` for names as they stand, which is enough within one function."""
        if depth == 0:
            return None
        if isinstance(node, ast.Name):
            if names is None:
                return node.id
            if node.id in names:
                return names[node.id] or None
            return f"{node.id}@{id(self._module.scopes.owner(self._index.scope(node), node.id))}"
        if isinstance(node, ast.Constant):
            return f"{type(node.value).__name__} {node.value!r}"
        if isinstance(node, ast.Call) and not self.is_question(node):
            return None
        if not isinstance(node, _SPELLED):
            return None
        parts = [type(node).__name__]
        for field, value in ast.iter_fields(node):
            items = value if isinstance(value, list) else [value]
            for item in items:
                if isinstance(item, (ast.expr, ast.keyword)):
                    inner = self._spell(item, names, depth - 1)
                    if inner is None:
                        return None
                    parts.append(inner)
                elif field != "ctx" and item is not None:
                    parts.append(type(item).__name__ if isinstance(item, ast.AST) else str(item))
        return f"({' '.join(parts)})"

    def is_question(self, call: ast.Call) -> bool:
        """Whether a call only asks: nothing changes by it, and the same question has the same answer."""
        name = self._module.qualname(call.func)
        if name is not None:
            return name in _questions() or name.startswith("os.path.") or _sounds_like_question(name)
        last = last_name(call.func) or ""
        if last == "join" and not self._is_of_text(call):
            return False  # of a thread, which may end meanwhile
        return _sounds_like_question(last) or (isinstance(call.func, ast.Attribute) and last in _pure())

    def _is_of_text(self, call: ast.Call) -> bool:
        """Whether a method is one of a text, or one that is given what texts are joined from."""
        receiver = call.func.value if isinstance(call.func, ast.Attribute) else call.func
        return self._module.kinds.of(receiver) == "str" or isinstance(receiver, ast.Constant)

    # -- what comes before

    def before(self, node: ast.AST, spelled: str, error: str) -> Guard | None:
        """The guard on whose other side a node runs, and whose condition has not changed since.

        Args:
            node: a call, or another guard's statement.
            spelled: what the guard asks.
            error: what it raises.

        Returns:
            The nearest such guard, or ``None``.
        """
        return self._settled(self._equal(self._index.function(node)).get((spelled, error), []), node)

    def _settled(self, equal: list[Guard], node: ast.AST) -> Guard | None:
        """The nearest of several equal guards behind which a node runs while its answer holds."""
        end = bisect.bisect_left(equal, start_of(node), key=lambda guard: start_of(guard.statement))
        for guard in reversed(equal[max(end - _NEAREST, 0) : end]):
            if self._is_behind(guard, node) and self.holds(guard, node):
                return guard
        return None

    @memoised
    def _equal(self, function: ast.AST | None) -> dict[tuple[str, str], list[Guard]]:
        """The guards of a function by what they ask and raise, in order."""
        return self._sorted(self._by_function.get(function, ()), {})

    def _sorted(
        self, statements: Iterable[ast.If], names: Mapping[str, str] | None
    ) -> dict[tuple[str, str], list[Guard]]:
        found: defaultdict[tuple[str, str], list[Guard]] = defaultdict(list)
        for statement in statements:
            guard = self.of(statement)
            spelled = (
                self._spell(statement.test, names, _DEPTH) if guard is not None and guard.error else None
            )
            if guard is not None and spelled is not None:
                found[spelled, guard.error].append(guard)
        return found

    @lazy
    def _by_function(self) -> dict[ast.AST | None, list[ast.If]]:
        found: defaultdict[ast.AST | None, list[ast.If]] = defaultdict(list)
        for statement in self._leaving:
            found[self._holder(statement)].append(statement)
        return found

    @property
    def are_several(self) -> bool:
        """Whether the file has two guards at all."""
        return len(self._leaving) >= _PAIR

    @lazy
    def _leaving(self) -> list[ast.If]:
        return [node for node in self._index.nodes(ast.If) if node.body[-1].__class__ in _LEAVES]

    def repeated(self) -> Iterator[tuple[Guard, Guard]]:
        """The guards that ask what an earlier one in their function has settled, each with that one."""
        alike: defaultdict[str, list[ast.If]] = defaultdict(list)
        lines = self._module.lines
        for statement in self._leaving:
            test = statement.test
            # Equal conditions begin with the same text, as one formatter wrote them.
            end = test.end_col_offset if test.end_lineno == test.lineno else None
            alike[lines[test.lineno - 1][test.col_offset : end]].append(statement)
        for statements in alike.values():
            if len(statements) == 1:
                continue
            by_function: defaultdict[ast.AST | None, list[ast.If]] = defaultdict(list)
            for statement in statements:
                by_function[self._holder(statement)].append(statement)
            for some in by_function.values():
                for guards in self._sorted(some, None).values() if len(some) > 1 else ():
                    for guard in guards[1:]:
                        first = self._settled(guards, guard.statement)
                        if first is not None:
                            yield first, guard

    def _holder(self, statement: ast.AST) -> ast.AST | None:
        """As ``Index.function``, for a statement, without remembering the way there."""
        for outer in self._index.ancestors(statement):
            if outer.__class__ is ast.FunctionDef or outer.__class__ is ast.AsyncFunctionDef:
                return outer
        return None

    @lazy
    def raising(self) -> list[_Def]:
        """The functions with a guard of their own that raises; none where the file has but one such guard."""
        parent, found = self._index.parent, dict[_Def, None]()
        raising = [statement for statement in self._leaving if statement.body[-1].__class__ is ast.Raise]
        for statement in raising if len(raising) >= _PAIR else ():
            holder = parent(statement)
            if isinstance(holder, _Def):
                found[holder] = None
        return list(found)

    def is_alone(self, guard: Guard) -> bool:
        """Whether no other guard of the file asks anything like this one."""
        return self._frames[_frame(guard.test)] < _PAIR

    @lazy
    def _frames(self) -> Counter[object]:
        return Counter(_frame(statement.test) for statement in self._leaving)

    def _is_behind(self, guard: Guard, node: ast.AST) -> bool:
        """Whether a node runs only where the guard has let it pass."""
        holder = self._index.parent(guard.statement)
        child: ast.AST = node
        for outer in itertools.islice(self._index.ancestors(node), _HOPS):
            if outer is guard.statement:
                return holds(guard.statement.orelse, child)
            if outer is holder:
                return any(holds(block, child) and holds(block, guard.statement) for block in blocks(holder))
            child = outer
        return False

    # -- whether it still holds

    def holds(self, guard: Guard, node: ast.AST) -> bool:
        """Whether nothing between a guard and a node behind it can change what the guard asked.

        Args:
            guard: the guard.
            node: a node in the same function, behind it.
        """
        otherwise = guard.statement.orelse
        spans = [(start_of(otherwise[0]) if otherwise else end_of(guard.statement), _reached(node))]
        around = set(self._index.loops(guard.statement))
        spans += [(start_of(loop), end_of(loop)) for loop in self._index.loops(node) if loop not in around]
        function = self._index.function(guard.statement)
        own = (node, self._index.parent(node)) if isinstance(node, ast.Call) else ()  # f(x), await f(x)
        for name in names_in(guard.test):
            if not self._is_kept(name, guard, spans):
                return False
        asked = self._asks(guard.test)
        for what in asked:
            if any(self._changed(function, what, span, own) for span in spans):
                return False
        return True

    def _is_kept(self, name: ast.Name, guard: Guard, spans: list[tuple[_Position, _Position]]) -> bool:
        """Whether a variable is not bound again."""
        resolved = self._module.scopes.resolve(name)
        if resolved is None:
            return True  # a built-in
        owner, bindings = resolved
        if any(item.kind is Kind.IMPORT for item in bindings) and self._is_truth(name):
            return False  # whether a module is still there while the interpreter ends
        if owner is self._module.tree and self._index.function(guard.statement) is not None:
            return len(bindings) == 1
        bound = self._bound(owner, name.id)
        if bound is None:
            return False
        return not any(
            bisect.bisect_left(bound, start) < bisect.bisect_left(bound, end) for start, end in spans
        )

    def _is_truth(self, name: ast.Name) -> bool:
        """Whether nothing is asked of a value but its truth."""
        return isinstance(self._index.parent(name), (ast.BoolOp, ast.If, ast.UnaryOp))

    @memoised
    def _bound(self, owner: Scope, name: str) -> list[_Position] | None:
        """Where a variable is bound, in order; ``None`` where a nested function binds it."""
        here = owner if isinstance(owner, FUNCTIONS) else None
        bindings = self._module.scopes.bindings(owner, name)
        if any(
            self._index.function(item.node) is not here and not isinstance(item.node, ast.arg)
            for item in bindings
        ):
            return None
        return sorted(start_of(item.node) for item in bindings)

    def _asks(self, test: ast.expr) -> set[str]:
        """What a condition asks of values that may change in place, as :attr:`_events` has it."""
        found: set[str] = set()
        stack: list[ast.AST] = [test]
        while stack:
            node = stack.pop()
            if isinstance(node, ast.Call):
                name = self._module.qualname(node.func)
                if name in _ATTRIBUTES:
                    found.add(_OTHERS)  # what an object holds
                if name in _type_questions():
                    continue
                if self._asks_outside(node):
                    found.add(_ANYTHING)
                stack += [*node.args, *([node.func.value] if isinstance(node.func, ast.Attribute) else [])]
                continue
            elif isinstance(node, ast.Attribute) and self._module.qualname(node) is None:
                start = root(node)
                if isinstance(start, ast.Name) and self._module.receivers.class_behind(start) is None:
                    found |= {_OTHERS, start.id, f"{start.id}()"}
                else:
                    found |= {_ANYTHING, _OTHERS}
            elif isinstance(node, ast.Attribute):
                found.add(_OTHERS)  # a variable of another module
            elif isinstance(node, ast.Compare) and not any(
                isinstance(operator, (ast.In, ast.NotIn)) for operator in node.ops
            ):
                stack += [item for item in (node.left, *node.comparators) if not isinstance(item, ast.Name)]
                continue
            elif isinstance(node, (ast.Compare, ast.Subscript)):
                found.add(_OTHERS)  # what a container holds
                if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
                    found.add(f"{node.value.id}()")  # and whoever is given it may put in
            elif isinstance(node, ast.Name) and self._module.kinds.of(node) not in _SCALARS:
                found.add(node.id)
                if self._is_shared(node):
                    found |= {_OTHERS} if node.id.isupper() else {_ANYTHING, _OTHERS}
                if node.id.endswith("s") or _CONTAINER.search(node.id):
                    found.add(f"{node.id}()")
                elif self._is_truth(node):
                    found.add(f"{node.id}();")  # fill(schema, out)
                if self._is_lent(node):
                    found |= {_ANYTHING, _OTHERS}
            stack.extend(children(node))
        return found

    def _is_shared(self, name: ast.Name) -> bool:
        """Whether a variable is no local one: other functions may fill what it holds."""
        resolved = self._module.scopes.resolve(name)
        return resolved is not None and not isinstance(resolved[0], FUNCTIONS)

    def _is_lent(self, name: ast.Name) -> bool:
        """Whether somebody else may change what a variable holds: one of its methods, or a function that knows it, is handed over."""
        resolved = self._module.scopes.resolve(name)
        if resolved is None or not isinstance(resolved[0], FUNCTIONS):
            return False
        return self._is_lent_by(resolved[0], name.id)

    @memoised
    def _is_lent_by(self, owner: Scope, name: str) -> bool:
        index = self._index
        for use in self._module.scopes.uses(owner, name):
            attribute = index.parent(use)
            if index.function(use) is not owner:
                return True
            if isinstance(attribute, ast.Attribute) and attribute.attr in _FILLS:
                call = index.parent(attribute)
                if isinstance(call, (ast.Call, ast.keyword)) and getattr(call, "func", None) is not attribute:
                    return True  # deferred.addCallback(found.append)
        return False

    def _asks_outside(self, call: ast.Call) -> bool:
        """Whether a call asks for more than the value that it is given: a file, a lock, another thread."""
        name = self._module.qualname(call.func)
        if name is not None:
            return name not in _questions()
        last = last_name(call.func)
        return last not in _pure() or last in _volatile()

    def _changed(
        self,
        function: ast.AST | None,
        what: str,
        span: tuple[_Position, _Position],
        own: Sequence[ast.AST | None],
    ) -> bool:
        """Whether something in a stretch of a function may change a value in place."""
        events = self._events.get((function, what), [])
        first = bisect.bisect_left(events, span[0], key=lambda event: event[0])
        last = bisect.bisect_left(events, span[1], key=lambda event: event[0])
        return any(events[at][1] not in own for at in range(first, last))

    @lazy
    def _events(self) -> dict[tuple[ast.AST | None, str], list[tuple[_Position, ast.AST]]]:
        """Where each function may change a value in place.

        Under the name of a variable: what is called on it or set in it; with ``()``: where it is passed to a call, with
        ``();``: beside others to one that is there for its effect; under :data:`_OTHERS`: where others may run; under :data:`_ANYTHING`: all calls, and where others may run.
        """
        index = self._index
        found: defaultdict[tuple[ast.AST | None, str], list[tuple[_Position, ast.AST]]] = defaultdict(list)

        def note(node: ast.AST, *names: str) -> None:
            for name in names:
                found[index.function(node), name].append((start_of(node), node))

        for call in index.nodes(ast.Call):
            if self.is_question(call) or _is_logging(call):
                continue
            given = [*call.args, *(keyword.value for keyword in call.keywords)]
            receiver = root(call.func) if isinstance(call.func, ast.Attribute) else None
            names = {f"{item.id}()" for item in given if isinstance(item, ast.Name)}
            if len(given) > 1 and isinstance(index.parent(call), ast.Expr):
                names |= {f"{name};" for name in names}
            note(call, _ANYTHING, *names, *([receiver.id] if isinstance(receiver, ast.Name) else []))
        for cls in (ast.Await, ast.Yield, ast.YieldFrom, ast.AsyncFor, ast.AsyncWith):
            for suspending in index.nodes(cls):
                note(suspending, _ANYTHING, _OTHERS)
        for block in index.nodes(ast.With):
            note(block, _ANYTHING)  # perhaps a lock
            if any(map(_is_lock, block.items)):
                note(block, _OTHERS)
        targets: list[ast.Attribute | ast.Subscript] = [
            *index.nodes(ast.Attribute),
            *index.nodes(ast.Subscript),
        ]
        for target in targets:
            start = root(target) if target.ctx.__class__ is not ast.Load else None
            if isinstance(start, ast.Name):
                note(target, start.id)
        for events in found.values():
            events.sort(key=lambda event: event[0])
        return found


_SPELLED: Final = (
    ast.Attribute,
    ast.BinOp,
    ast.BoolOp,
    ast.Call,
    ast.Compare,
    ast.Dict,
    ast.List,
    ast.Set,
    ast.Subscript,
    ast.Tuple,
    ast.UnaryOp,
    ast.keyword,
)


def _frame(test: ast.expr) -> object:
    """What two conditions have in common that ask the same of different names."""
    while isinstance(test, ast.UnaryOp):
        test = test.operand
    if isinstance(test, ast.Compare):
        return tuple(operator.__class__ for operator in test.ops)
    if isinstance(test, ast.BoolOp):
        return test.op.__class__, len(test.values)
    return last_name(test.func) if isinstance(test, ast.Call) else None


def _is_lock(item: ast.withitem) -> bool:
    held = item.context_expr
    while isinstance(held, (ast.Call, ast.Subscript)):
        held = held.func if isinstance(held, ast.Call) else held.value
    return _LOCK.search(dotted(held) or "") is not None


def _is_note(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and _is_logging(statement.value)
    )


def _is_logging(call: ast.Call) -> bool:
    return last_name(call.func) in _NOTES


def _reached(node: ast.AST) -> _Position:
    """Up to where what stands before a node has run: a call runs after its arguments."""
    return end_of(node) if isinstance(node, ast.Call) else start_of(node)


def _sounds_like_question(name: str) -> bool:
    last = name.rpartition(".")[2].lstrip("_")
    return last.startswith(("is_", "has_", "can_"))


@knowledge.cached
def _questions() -> frozenset[str]:
    rows = [*knowledge.rows("untrusted.pure"), *knowledge.rows("untrusted.narrowing")]
    return frozenset(name for row in rows for name in row.get("calls", ()))


@knowledge.cached
def _type_questions() -> frozenset[str]:
    return frozenset(name for row in knowledge.rows("untrusted.narrowing") for name in row.get("calls", ()))


@knowledge.cached
def _volatile() -> frozenset[str]:
    return frozenset(name for row in knowledge.rows("guards.volatile") for name in row["methods"])


@knowledge.cached
def _pure() -> frozenset[str]:
    return frozenset(name for row in knowledge.rows("untrusted.pure") for name in row.get("methods", ()))
