"""What becomes of an opened resource: who holds it, and whether it is released on every path."""

from __future__ import annotations

import ast
import itertools
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from flake8_aiguard import arguments, flow, knowledge
from flake8_aiguard.children import walk
from flake8_aiguard.flow import Release
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Use
from flake8_aiguard.shapes import argument, dotted, is_constant, last_name, own_nodes, root, string

_Body: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Module
_ENTERS = ("__enter__", "__aenter__")
_EXITS = ("__exit__", "__aexit__")
# Loggers handle their errors, and come from anywhere.
_LOGS = regex(r"log(ger|ging)?\.(debug|info|warning|error|exception|critical|log)$", re.IGNORECASE)
_NEVER_FAIL = frozenset(
    (
        *("append", "encode", "endswith", "extend", "getvalue", "is_set", "items", "keys", "lower", "lstrip"),
        *("rstrip", "splitlines", "startswith", "strip", "upper", "values"),
    )
)  # methods of lists, dicts, texts and events
_READERS = ("resources.reader", "connections.reader")
_HARMLESS = ("resources.harmless", "connections.harmless")
_CLOSING = ("contextlib.aclosing", "contextlib.closing")
_MOST_OPEN = 50  # resources followed to the end of one body: each costs a walk of it


@dataclass(frozen=True, slots=True)
class Leak:
    """A resource that some path does not release.

    Attributes:
        name: the local variable that holds it; ``None`` where it is used inside an expression.
        release: which paths: never ``ALWAYS`` or ``UNKNOWN``.
        where: the raising node, the ``return`` or the binding that leaks it, where there is one.
        uses: the loads of the variable.
        swallowed: what raises and the handler that swallows it, where the path that leaks goes through one.
    """

    name: str | None
    release: Release
    where: ast.AST | None = None
    uses: tuple[ast.Name, ...] = ()
    swallowed: flow.Swallowed | None = None


@dataclass(frozen=True, slots=True)
class _Variable:
    """The local variables that an opened resource is bound to, and what binds them: a statement, walrus or ``with``."""

    names: tuple[str, ...]
    acquire: ast.Assign | ast.AnnAssign | ast.NamedExpr | ast.withitem
    body: _Body


class Handles:
    """Follows opened resources through one file.

    A resource is described by a table row: ``close`` (the methods that release it) and the optional ``awaited``,
    ``drains``, ``exhausts``, ``fluent``, ``harmless``, ``lenient`` and ``views``, as in ``resources.toml``, ``connects`` and ``with``, as
    in ``connections.toml``.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._index = module.index
        self._scopes = module.scopes
        self._left_open: Counter[_Body] = Counter()
        self._found: set[tuple[object, ...]] = set()
        self._lending: list[ast.AST] = []

    def leak(self, call: ast.Call, row: knowledge.Row) -> Leak | None:
        """How the resource that a call opens leaks.

        Args:
            call: the call.
            row: what is known about the resource.

        Returns:
            ``None`` where it is released, or where somebody else may hold it: it is returned, yielded, stored, used in a
            nested function, or passed to anything but a reader of ``resources.toml``.
        """
        value: ast.expr = call
        if row.get("awaited"):
            parent = self._index.parent(call)
            if not isinstance(parent, ast.Await):
                return None
            value = parent
        value = self._fluent_end(value, row)
        variable = self._variable(value, row)
        if variable is None:
            if self._is_released_at_once(value, row) or self.is_given_away([value], row):
                return None
            return Leak(None, Release.NEVER) if self._first_connecting([value], row) else None
        return self._leak_of(variable, row)

    def _fluent_end(self, value: ast.expr, row: knowledge.Row) -> ast.expr:
        """The last of a chain of calls that each give the resource itself: ``engine.connect().execution_options(...)``."""
        while True:
            attribute = self._index.parent(value)
            if not isinstance(attribute, ast.Attribute) or attribute.attr not in row.get("fluent", ()):
                return value
            call = self._index.parent(attribute)
            if not isinstance(call, ast.Call) or call.func is not attribute:
                return value
            outer = self._index.parent(call)
            value = outer if isinstance(outer, ast.Await) else call

    def is_bound_through(self, call: ast.Call, row: knowledge.Row) -> bool:
        """Whether a variable is bound to what needs the resource open: ``DB = MongoClient()["app"]``.

        Args:
            call: the call that opens the resource.
            row: what is known about the resource.
        """
        parent = self._index.parent(call)
        value: ast.expr = parent if isinstance(parent, ast.Await) else call
        is_derived = False
        while not (is_derived and self._scopes.use_of(value)[0] is Use.STORED):
            needs = self._dependents(value, row, None, is_derived)
            if needs is None or len(needs) != 1:
                return False
            value, is_derived = needs[0], True
        return True

    def is_new(self, call: ast.Call, leak: Leak) -> bool:
        """Whether a leak is no other branch's opening of a resource that leaks the same way, found before."""
        if leak.name is None:
            return True
        cause = (self._index.function(call), leak.name, leak.release, leak.swallowed or leak.where)
        known = cause in self._found
        self._found.add(cause)
        return not known

    def is_lent(self, call: ast.Call) -> bool:
        """Whether the function that opens a resource is the first half of a context manager."""
        function = self._index.function(call)
        return isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) and (
            function.name in _ENTERS
            or any(
                (self._module.qualname(item) or dotted(item) or "").endswith("contextmanager")
                for item in function.decorator_list
            )
        )

    def words(self, call: ast.Call, row: knowledge.Row, leak: Leak) -> dict[str, Any]:
        """What messages say about a leak.

        Args:
            call: the call that opens the resource.
            row: what is known about the resource.
            leak: how it leaks.

        Returns:
            ``call``, ``name``, ``noun``, ``released`` ("closed"), ``release`` (the method that does it), ``raising`` (what
            raises), ``line`` (where), ``ends`` (which path loses it).
        """
        return {
            "call": self._text(call),
            "name": leak.name,
            "noun": row["noun"],
            "released": row.get("released", "closed"),
            "release": row["close"][0],
            "raising": _raising(leak.where),
            "line": getattr(leak.where, "lineno", 0),
            "ends": self._ends(call, leak),
        }

    def _text(self, call: ast.Call) -> str:
        if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Call):
            inner = dotted(call.func.value.func)
            return f"{inner}(...).{call.func.attr}" if inner else call.func.attr
        return dotted(call.func) or (self._module.called(call) or "").rpartition(".")[2]

    def _ends(self, call: ast.Call, leak: Leak) -> str:
        if leak.swallowed is not None:
            raising, handler = leak.swallowed
            return f"when line {getattr(raising, 'lineno', 0)} raises, which the except in line {handler.lineno} swallows"
        if leak.where is None:
            return "on the path that runs to the end"
        line: int = getattr(leak.where, "lineno", 0)
        if leak.release is Release.SOME_PATH:
            return f"on the path that returns on line {line}"
        if leak.where is self._index.statement(call):
            return f"before the loop binds {leak.name} again"
        return f"before line {line} binds {leak.name} again"

    def _leak_of(self, variable: _Variable, row: knowledge.Row) -> Leak | None:
        uses = self._uses(variable, row)
        holders: list[ast.expr] = list(uses)
        is_left_by_with = row.get("with") != "commits"
        if isinstance(variable.acquire, ast.NamedExpr):
            if is_left_by_with and self._scopes.use_of(variable.acquire)[0] is Use.ENTERED:
                return None
            holders.append(variable.acquire)
        if self.is_given_away(holders, row, variable.body) or self._left_open[variable.body] > _MOST_OPEN:
            return None
        opened = self._first_connecting(holders, row)
        if opened is None:
            return None
        releasing = {*row["close"], *row.get("drains", ()), *(_EXITS if is_left_by_with else ())}

        def is_resource(node: ast.expr) -> bool:
            return isinstance(node, ast.Name) and node.id in variable.names

        def releases(node: ast.AST) -> bool:
            if isinstance(node, ast.withitem):
                return is_left_by_with and is_resource(node.context_expr)
            function = node.func if isinstance(node, ast.Call) else None
            return (
                isinstance(function, ast.Attribute)
                and is_resource(root(function))
                and (dotted(function) or "").partition(".")[2] in releasing
            )

        def is_same(value: ast.expr) -> bool:
            return _is_fluent(value, variable.names, row)

        def is_harmless(call: ast.Call) -> bool:
            if _position(call) < opened:
                return True
            if isinstance(call.func, ast.Attribute):
                if is_resource(call.func.value):
                    return call.func.attr in row.get("harmless", ()) or _asks_for_free_port(call)
                if string(call.func.value) is not None or (call.func.attr == "close" and not call.args):
                    return True
                if call.func.attr in _NEVER_FAIL and isinstance(
                    call.func.value, (ast.Attribute, ast.Call, ast.Name)
                ):
                    return True
                if call.func.attr == "replace" and len(call.args) == 2 and self._module.called(call) is None:
                    return True  # of a text
                if _LOGS.search(dotted(call.func) or ""):
                    return True
            name = self._module.called(call)
            if any(map(is_resource, (*call.args, *(item.value for item in call.keywords)))):
                return any("lazy" in knowledge.by_call(table).get(name or "", ()) for table in _READERS)
            return any(name in knowledge.by_call(table) for table in _HARMLESS)

        outcome = flow.release(
            variable.acquire,
            parent=self._index.parent,
            is_resource=is_resource,
            releases=releases,
            harmless=is_harmless,
            qualname=self._module.qualname,
            same=is_same,
            since=opened,
            unopened=lambda handler: self._is_unopened(handler, row),
        )
        if outcome.release in (Release.NEVER, Release.SOME_PATH):
            self._left_open[variable.body] += 1
        tolerated = [Release.ALWAYS, Release.UNKNOWN]
        if row.get("lenient"):
            tolerated += [Release.EXCEPTION, Release.SOME_PATH]
        if outcome.release in tolerated:
            return None
        where = outcome.where
        is_early = where is not None and _position(where) < opened
        if is_early and outcome.release in (Release.EXCEPTION, Release.SOME_PATH):
            return None
        if outcome.release is Release.EXCEPTION and isinstance(where, ast.expr):
            where = self._telling(where, uses, releasing)
        swallowed = outcome.swallowed
        if swallowed is not None and _position(swallowed[0]) < opened:
            swallowed = None  # what raises there leaves nothing open
        return Leak(variable.names[0], outcome.release, where, uses, swallowed)

    def _is_unopened(self, handler: ast.ExceptHandler, row: knowledge.Row) -> bool:
        """Whether a handler catches only what the opening itself raises."""
        if "errors" not in row or handler.type is None:
            return False
        caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        return all(self._module.qualname(item) in row["errors"] for item in caught)

    def _telling(self, raising: ast.expr, uses: tuple[ast.Name, ...], releasing: Collection[str]) -> ast.expr:
        """A call on the resource beside the raising node, or in its loop: it says more to a reader."""
        statement = self._index.statement(raising)
        is_entered = isinstance(raising, ast.Name)  # ``with conn``: its body is what raises
        if is_entered or isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.For)):
            end = statement.end_lineno or statement.lineno
            for use in uses:
                call = self._scopes.use(use)[1]
                if not isinstance(call, ast.Call) or not statement.lineno <= use.lineno <= end:
                    continue
                if not isinstance(call.func, ast.Attribute) or call.func.attr not in releasing:
                    return call
        return raising

    # -- what it is bound to

    def _first_connecting(self, holders: Iterable[ast.expr], row: knowledge.Row) -> tuple[int, int] | None:
        """Where the first method is called that opens the connection; ``None`` where none is.

        The start of the file where the resource is open as soon as it is made.
        """
        if "connects" not in row:
            return 0, 0
        calls = (decider for use, decider in map(self._scopes.use_of, holders) if use is Use.METHOD_CALL)
        return min(
            (
                _position(call)
                for call in calls
                if isinstance(call, ast.Call) and last_name(call.func) in row["connects"]
            ),
            default=None,
        )

    def _variable(self, value: ast.expr, row: knowledge.Row) -> _Variable | None:
        """The local variables that a value is bound to directly; ``None`` for any other use of it."""
        node: ast.expr = value
        parent = self._index.parent(node)
        while isinstance(parent, ast.BoolOp) or (isinstance(parent, ast.IfExp) and node is not parent.test):
            node, parent = parent, self._index.parent(parent)
        if isinstance(parent, (ast.Tuple, ast.List)) and isinstance(
            assign := self._index.parent(parent), ast.Assign
        ):
            targets = _unpacked(assign, node)
            parent = assign
        elif isinstance(parent, ast.Assign):
            targets = parent.targets
        elif isinstance(parent, (ast.AnnAssign, ast.NamedExpr)):
            targets = [parent.target]
        elif isinstance(parent, ast.withitem) and parent.optional_vars and row.get("with") == "commits":
            targets = [parent.optional_vars]
        else:
            return None
        names = tuple(target.id for target in targets if isinstance(target, ast.Name))
        scope = self._index.scope(parent)
        is_local = isinstance(scope, _Body) and all(
            self._scopes.owner(scope, name) is scope for name in names
        )
        if not names or len(names) < len(targets) or not is_local:
            return None
        assert isinstance(scope, _Body)
        return _Variable(names, parent, scope)

    def _uses(self, variable: _Variable, row: knowledge.Row) -> tuple[ast.Name, ...]:
        """The loads that may see the resource: all of the name, unless it is bound to something else as well."""
        body, names = variable.body, variable.names
        bindings = [item for name in names for item in self._scopes.bindings(body, name)]
        others = (item for item in bindings if item.value is None or not _is_fluent(item.value, names, row))
        if next(itertools.islice(others, len(names), None), None) is not None:
            reached = self._module.def_use(body).uses(variable.acquire)
            if reached is not None:
                return reached
        return tuple(use for name in names for use in self._scopes.uses(body, name))

    # -- who else holds it

    def _is_released_at_once(self, value: ast.expr, row: knowledge.Row) -> bool:
        use, decider = self._scopes.use_of(value)
        if (
            use is Use.METHOD_CALL
            and isinstance(decider, ast.Call)
            and isinstance(decider.func, ast.Attribute)
        ):
            return decider.func.attr in (*row["close"], *row.get("drains", ()))
        if isinstance(decider, ast.withitem) and use is Use.ENTERED:
            return row.get("with") != "commits" or decider.optional_vars is not None
        return False

    def is_given_away(
        self, holders: Iterable[ast.expr], row: knowledge.Row, owner: _Body | None = None
    ) -> bool:
        """Whether somebody else may come to hold the resource through one of these expressions."""
        waiting = [(holder, False) for holder in holders]
        seen = set(waiting)
        while waiting:
            value, is_derived = waiting.pop()
            needs = self._dependents(value, row, owner, is_derived)
            if needs is None:
                return True
            fresh = {(need, True) for need in needs} - seen
            seen |= fresh
            waiting += fresh
        return False

    def _dependents(
        self, value: ast.expr, row: knowledge.Row, owner: _Body | None, is_derived: bool
    ) -> Sequence[ast.expr] | None:
        """What is made of a resource, or of what is derived from it, and works only as long as it is open.

        ``None`` where somebody else may hold it from here on.
        """
        use, decider = self._scopes.use_of(value, owner)
        views: Collection[str] = row.get("views", ())
        if use is Use.CLOSED_OVER:
            function = self._index.function(value)
            return [function] if isinstance(function, ast.Lambda) else None
        if use is Use.STORED:
            return self._names(decider) if is_derived else None
        if isinstance(decider, ast.Call) and use is Use.PASSED:
            if isinstance(decider.func, ast.Attribute) and string(decider.func.value) is not None:
                return ()  # ``"".join(f)``
            name = self._module.called(decider) or ""
            if is_derived and name in _CLOSING:
                return ()
            reader = next((rows[name] for rows in map(knowledge.by_call, _READERS) if name in rows), None)
            if reader is None:
                return self._lent_to(decider, value, row)
            if "closes" in reader:
                return None
            if "exhausts" in reader and "exhausts" in row and not is_derived:
                return None
            is_wrapped = "wraps" in reader and ("when" not in reader or argument(decider, reader["when"]))
            return [decider] if is_wrapped else ()
        if isinstance(decider, ast.Await) and use is Use.AWAITED and is_derived:
            return [decider]
        if isinstance(decider, ast.Call) and use is Use.METHOD_CALL:
            method = decider.func.attr if isinstance(decider.func, ast.Attribute) else ""
            if method in _ENTERS and row.get("with") != "commits":
                return None
            return [decider] if method == "fileno" or method in views else ()
        if isinstance(decider, ast.Attribute) and use in (Use.ATTRIBUTE, Use.METHOD_PASSED):
            if not isinstance(decider.ctx, ast.Load):
                return ()
            return () if decider.attr in _plain_attributes() else [decider]
        if isinstance(decider, ast.Subscript) and use is Use.SUBSCRIPT:
            # A slice or a number copies what a key only leads to.
            copies = (
                isinstance(decider.slice, (ast.Constant, ast.Slice, ast.Tuple))
                and string(decider.slice) is None
            )
            return [decider] if "[]" in views and not copies else ()
        if use is Use.ITERATED:
            if isinstance(getattr(decider, "iter", value), (ast.Tuple, ast.List, ast.Set)):
                each = self._names(decider)  # ``for conn in (source, target): conn.close()``
                return None if each is None or any(self._may_release(name, row) for name in each) else each
            if "exhausts" in row and not is_derived:
                is_bound = isinstance(value, ast.Name)
                return (
                    ()
                    if isinstance(decider, ast.For) and _is_left_early(decider, by_calls=is_bound)
                    else None
                )
            outer = self._index.parent(decider)
            return [outer] if isinstance(outer, ast.GeneratorExp) else ()
        if use in (Use.TESTED, Use.ENTERED) or isinstance(decider, ast.YieldFrom):
            return ()
        return () if use is Use.OTHER and not isinstance(decider, ast.arguments) else None

    def _lent_to(self, call: ast.Call, value: ast.expr, row: knowledge.Row) -> Sequence[ast.expr] | None:
        """What a call of a function of this file makes of a resource; ``None`` where the function may release or keep it."""
        function = self._module.receivers.definition(call.func)
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) or function.decorator_list:
            return None
        is_awaited = isinstance(self._index.parent(call), ast.Await)
        name = arguments.receiver(self._index, call, function, value)
        if name is None or is_awaited is not isinstance(function, ast.AsyncFunctionDef):
            return None
        if function in self._lending or len(self._scopes.bindings(function, name)) > 1:
            return None
        uses = self._scopes.uses(function, name)
        self._lending.append(function)
        try:
            if any(self._may_release(use, row) for use in uses) or self.is_given_away(uses, row, function):
                return None
        finally:
            self._lending.pop()
        is_generator = any(isinstance(item, (ast.Yield, ast.YieldFrom)) for item in own_nodes(function))
        return [call] if is_generator else ()

    def _may_release(self, use: ast.Name, row: knowledge.Row) -> bool:
        how, decider = self._scopes.use_of(use)
        if how is Use.METHOD_CALL and isinstance(decider, ast.Call):
            return last_name(decider.func) in (*row["close"], *row.get("drains", ()), *_EXITS)
        return how is Use.ENTERED and row.get("with") != "commits"

    def _names(self, assign: ast.AST) -> list[ast.Name] | None:
        """The loads of the local variables that an assignment binds; ``None`` where it binds anything else."""
        targets = assign.targets if isinstance(assign, ast.Assign) else [getattr(assign, "target", assign)]
        scope = self._index.scope(assign)
        if len(targets) != 1 or not isinstance(scope, _Body):
            return None
        target = targets[0]
        found: list[ast.Name] = []
        for name in target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]:
            if not isinstance(name, ast.Name) or self._scopes.owner(scope, name.id) is not scope:
                return None
            found += self._scopes.uses(scope, name.id)
        return found


@knowledge.cached
def _plain_attributes() -> frozenset[str]:
    tables = ("resources.plain", "connections.plain")
    return frozenset(name for table in tables for row in knowledge.rows(table) for name in row["attributes"])


def _position(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def _unpacked(assign: ast.Assign, value: ast.expr) -> list[ast.expr]:
    """The targets that ``a, b = x, y`` gives a value to."""
    found: list[ast.expr] = []
    values = assign.value.elts if isinstance(assign.value, (ast.Tuple, ast.List)) else []
    for target in assign.targets:
        if isinstance(target, (ast.Tuple, ast.List)) and len(target.elts) == len(values):
            found += [item for item, given in zip(target.elts, values, strict=True) if given is value]
    return found


def _is_fluent(value: ast.expr, names: Collection[str], row: knowledge.Row) -> bool:
    """Whether a value is the resource itself: ``await conn.execution_options(...)``."""
    call = value.value if isinstance(value, ast.Await) else value
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in row.get("fluent", ())
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id in names
    )


def _raising(where: ast.AST | None) -> str:
    if isinstance(where, ast.Await):
        where = where.value
    if isinstance(where, ast.Call):
        name = dotted(where.func) or getattr(where.func, "attr", None)
        return f"{name}()" if name else "the call"
    if isinstance(where, ast.stmt):
        return f"the {type(where).__name__.lower()}"
    return "the code"


def _is_left_early(loop: ast.For, *, by_calls: bool) -> bool:
    """Whether a ``break``, ``return`` or ``raise`` ends a loop before its last item; where asked for, what a call raises, too."""
    stack: list[tuple[ast.AST, bool]] = [(item, True) for item in loop.body]
    while stack:
        node, is_own = stack.pop()
        if isinstance(node, (ast.Return, ast.Raise)) or (is_own and isinstance(node, ast.Break)):
            return True
        if by_calls and isinstance(node, ast.expr) and any(isinstance(item, ast.Call) for item in walk(node)):
            return True
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.expr)):
            continue
        is_inner = isinstance(node, (ast.For, ast.AsyncFor, ast.While))
        stack.extend((child, is_own and not is_inner) for child in ast.iter_child_nodes(node))
    return False


def _asks_for_free_port(call: ast.Call) -> bool:
    """Whether a socket is bound to whichever port is free, which fails where all are taken alone."""
    address = call.args[0] if len(call.args) == 1 else None
    return (
        isinstance(call.func, ast.Attribute)
        and call.func.attr == "bind"
        and isinstance(address, ast.Tuple)
        and len(address.elts) == 2
        and is_constant(address.elts[1], 0)
    )
