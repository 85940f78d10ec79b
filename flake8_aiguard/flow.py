"""Path reasoning within one function: whether a resource is released on all paths.

Interprets the structured statements of one function (or of the module body) abstractly, and never enters nested
functions.
"""

from __future__ import annotations

import ast
import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from flake8_aiguard.children import children
from flake8_aiguard.index import COMPREHENSIONS, TRIES, Try
from flake8_aiguard.shapes import (
    block_of,
    captures,
    dotted,
    evaluated_outside,
    holds,
    is_irrefutable,
    last_name,
    place_in,
    single_targets,
    swallows,
)

# The two facts a path carries, as bits: the resource is held; it is not (not yet, no longer, or no longer
# followed).
_OPEN = 1
_DONE = 2

_NAMESPACES = frozenset({"locals", "globals", "vars", "dir"})
_EXITS = ("fall", "brk", "cont", "ret", "exc", "stop")
_RAISING = frozenset(
    {
        ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.ListComp, ast.SetComp, ast.DictComp, ast.Raise,
        ast.Assert, ast.Import, ast.ImportFrom, ast.For, ast.AsyncFor, ast.With, ast.AsyncWith,
    }
)  # fmt: skip
_OPERATIONS = frozenset({ast.BinOp, ast.Subscript})
_SAFE = (ast.Add, ast.Sub, ast.Mult, ast.BitAnd, ast.BitOr, ast.BitXor)  # of numbers: no zero to divide by
_PLAIN = (
    ast.Name,
    ast.Constant,
    ast.BinOp,
    ast.UnaryOp,
    ast.Compare,
)  # their own parts are looked at by themselves
_LEAVES = frozenset({"sys.exit", "exit", "quit", "builtins.exit", "builtins.quit"})
_KILLS = frozenset({"os._exit", "os.abort"})
_CATCH_ALL: frozenset[str | None] = frozenset({"Exception", "BaseException"})
_BROAD = _CATCH_ALL | {"OSError", "IOError", "EnvironmentError"}
_CATCH_EXIT = frozenset({"BaseException", "SystemExit"})
_OPEN_STATE = {"closed": False, "is_closed": False, "is_open": True, "is_connected": True, "locked": True}
# Types of plain values, by their last names: what is open is none of them.
_VALUES = frozenset(
    {
        "str", "bytes", "bytearray", "int", "float", "list", "tuple", "dict", "Path", "PurePath",
        "text_type", "string_types", "binary_type",
    }
)  # fmt: skip
_MAX_DEPTH = 60


Swallowed: TypeAlias = "tuple[ast.AST, ast.ExceptHandler]"


class Release(enum.Enum):
    """How the paths that follow an acquisition treat the resource."""

    ALWAYS = "released on every path"
    NEVER = "released on no path"
    EXCEPTION = "released on every normal path; leaks when something raises"
    SOME_PATH = "left open by a normal path: an early return, a branch, a break"
    REBOUND = "bound again while open"
    UNKNOWN = "not modelled"


@dataclass(frozen=True)
class Outcome:
    """The verdict on one acquisition.

    Attributes:
        release: the verdict.
        where: the raising node, `return` or binding that leaks it, if any.
        swallowed: where that path goes on after an error: what raises, and the handler that swallows it.
    """

    release: Release
    where: ast.AST | None = None
    swallowed: Swallowed | None = field(default=None, compare=False)


def release(
    acquire: ast.stmt | ast.NamedExpr | ast.withitem,
    *,
    parent: Callable[[ast.AST], ast.AST | None],
    is_resource: Callable[[ast.expr], bool],
    releases: Callable[[ast.AST], bool],
    harmless: Callable[[ast.Call], bool] = lambda call: False,
    qualname: Callable[[ast.expr], str | None] | None = None,
    same: Callable[[ast.expr], bool] = lambda value: False,
    strict: bool = False,
    since: tuple[int, int] = (0, 0),
    unopened: Callable[[ast.ExceptHandler], bool] = lambda handler: False,
) -> Outcome:
    """Follow one acquired resource along all paths to the ends of its function (or of the module).

    Every call, await, yield, import, iteration and `with` entry may raise. Cleanup code that releases (an
    `except` or `finally` block) is trusted to reach its release. An exception may enter any handler, and
    passes them all unless one is bare, names `Exception` or `BaseException`, or releases: that one is taken
    to name what is raised. `sys.exit()` ends the process: nothing leaks there. Where one branch of an `if` on
    an unrelated condition releases and the other does not, the condition is taken to tell whether there is
    something to release: that path is no longer followed.

    Args:
        acquire: The statement, walrus or `with` item after which the resource is held; if it raises, nothing
            is held.
        parent: The parent of a node (`Index.parent`).
        is_resource: Whether an expression is the resource (`f`, `self._lock`): for guards and rebinding.
        releases: Whether a call (`f.close()`) or an `ast.withitem` (`with f`, `with closing(f)`) releases it.
        harmless: Whether a call is taken not to raise.
        qualname: The canonical name of a function (`sys.exit`); without it, names are taken as they are written.
        same: Whether a value is the resource itself, so that binding it again loses nothing: `conn = conn.execution_options()`.
        strict: Whether subscripts are taken to raise too, as are operators and augmented assignments unless they add up
            plain names, constants and attributes of ``self``; and a handler that releases to catch only what it names.

        since: The line and column from which on something may be lost: what stands before it is taken not to raise.
        unopened: Whether a handler catches only what the acquisition itself raises, so that nothing is held in it.
    Returns:
        The gravest verdict over all paths. `UNKNOWN` where a path is not followed and no other path leaks,
        and for an acquisition in a class body, a comprehension or a compound statement's header other than
        `if`, `while` and `with`. A resource that nothing releases is `NEVER`, also where a loop binds it
        again; `REBOUND` is a binding that hides it from a release, or from the end of the body.
    """
    return _Tracker(
        acquire, parent, is_resource, releases, harmless, qualname or dotted, same, strict, since, unopened
    ).follow()


class _Exits:
    """How a piece of code can be left, and in which states: bits per kind of exit."""

    __slots__ = (*_EXITS, "ret_at", "exc_at", "swallowed")

    def __init__(self, fall: int = 0) -> None:
        self.fall = fall
        self.brk = self.cont = self.ret = self.exc = self.stop = 0
        self.ret_at: ast.AST | None = None
        self.exc_at: ast.AST | None = None
        self.swallowed: Swallowed | None = None  # why it falls through open

    def leave(self, other: _Exits) -> None:
        """Add every exit of `other` but falling through."""
        self.brk |= other.brk
        self.cont |= other.cont
        self.ret |= other.ret
        self.exc |= other.exc
        self.stop |= other.stop
        self.ret_at = self.ret_at or other.ret_at
        self.exc_at = self.exc_at or other.exc_at
        self.swallowed = self.swallowed or other.swallowed

    def add(self, other: _Exits) -> None:
        """Add every exit of `other`."""
        self.fall |= other.fall
        self.leave(other)

    def raise_open(self, node: ast.AST) -> None:
        self.exc |= _OPEN
        self.exc_at = self.exc_at or node

    def is_open(self) -> bool:
        return bool((self.fall | self.brk | self.cont | self.ret | self.exc) & _OPEN)


class _Tracker:
    """Propagates "held" from one acquisition, and stops where nothing is held: each statement runs once."""

    def __init__(
        self,
        acquire: ast.stmt | ast.NamedExpr | ast.withitem,
        parent: Callable[[ast.AST], ast.AST | None],
        is_resource: Callable[[ast.expr], bool],
        releases: Callable[[ast.AST], bool],
        harmless: Callable[[ast.Call], bool],
        qualname: Callable[[ast.expr], str | None],
        same: Callable[[ast.expr], bool],
        strict: bool,
        since: tuple[int, int],
        unopened: Callable[[ast.ExceptHandler], bool],
    ) -> None:
        self.since = since
        self.unopened = unopened
        self.acquire = acquire
        self.parent = parent
        self.is_resource = is_resource
        self.releases = releases
        self.harmless = harmless
        self.qualname = qualname
        self.same = same
        self.strict = strict
        self.raising = _RAISING | _OPERATIONS if strict else _RAISING
        self.holder: ast.stmt | None = None  # the statement that holds the acquisition
        self.memo: dict[tuple[int, bool], _Exits] = {}
        self.quiet = False  # in cleanup code that releases: calls do not raise
        self.released = False
        self.unsure = False
        self.rebound: list[ast.AST] = []
        self.swallows: list[Swallowed] = []  # in the order in which they are come to

    # Outwards from the acquisition

    def follow(self) -> Outcome:
        node: ast.AST | None = self.acquire
        part: ast.AST = self.acquire
        while node is not None and not isinstance(node, ast.stmt):
            if isinstance(node, (ast.Lambda, *COMPREHENSIONS)):
                return Outcome(Release.UNKNOWN)
            part, node = node, self.parent(node)
        exits = None if node is None else self._start(node, part)
        if node is None or exits is None:
            return Outcome(Release.UNKNOWN)
        return self._climb(node, exits)

    def _start(self, holder: ast.stmt, part: ast.AST) -> _Exits | None:
        """The exits of the statement that holds the acquisition in its child `part`, once it has acquired."""
        self.holder = holder
        if isinstance(holder, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr)):
            return _Exits(_OPEN)
        if isinstance(holder, ast.Return):
            out = _Exits()
            out.ret, out.ret_at = _OPEN, holder
            return out
        if isinstance(holder, (ast.With, ast.AsyncWith)) and isinstance(part, ast.withitem):
            if part is not self.acquire and self.releases(part):
                return _Exits(_DONE)  # `with closing(f := open(p))`
            return self._with(holder, holder.items[holder.items.index(part) + 1 :])
        if isinstance(holder, ast.If) and part is holder.test:
            return self._if(holder, acquired=True)
        if isinstance(holder, ast.While) and part is holder.test:
            return self._turn(holder)
        return None

    def _climb(self, stmt: ast.stmt, exits: _Exits) -> Outcome:
        """Go on after a statement that is left by `exits`, outwards, as long as the resource may be held."""
        while exits.is_open() or exits.stop & _OPEN:
            owner = self.parent(stmt)
            if isinstance(owner, ast.ClassDef):
                return Outcome(Release.UNKNOWN)
            if exits.fall & _OPEN:
                block = block_of(owner, stmt)
                rest = self.block(block, place_in(block, stmt) + 1)
                exits.fall = 0
                exits.add(rest)
                if not (exits.fall | exits.ret) & _OPEN:
                    exits.swallowed = None
            if isinstance(owner, (ast.ExceptHandler, ast.match_case)):
                above = self.parent(owner)
            else:
                above = owner
            if not isinstance(above, ast.stmt) or isinstance(above, (ast.FunctionDef, ast.AsyncFunctionDef)):
                break
            if isinstance(above, (ast.For, ast.AsyncFor, ast.While)) and not holds(above.orelse, stmt):
                exits = self._around(above, exits)
            elif isinstance(above, (ast.With, ast.AsyncWith)):
                exits = self._leave_with(above, exits)
            elif isinstance(above, TRIES):
                if owner is above and holds(above.body, stmt):
                    exits = self._handle(above, exits)
                elif above.finalbody and not holds(above.finalbody, stmt):
                    exits = self._finally(above.finalbody, exits)
            stmt = above
        return self._verdict(exits)

    def _swallowed(self, exits: _Exits) -> Swallowed | None:
        """Why a turn of the loop ends open, where an error on the way from the acquisition is the reason."""
        end = exits.swallowed
        return next(
            (
                item
                for item in self.swallows
                if end and item[1] is end[1] and _line(item[0]) > _line(self.acquire)
            ),
            None,
        )

    def _verdict(self, exits: _Exits) -> Outcome:
        normal = bool((exits.fall | exits.ret) & _OPEN)
        where = exits.ret_at if exits.ret & _OPEN else None
        known = self.released or self.unsure
        other = next((node for node in self.rebound if node is not self.holder), None)
        if self.rebound and (known or (other is not None and not normal)):
            return Outcome(Release.REBOUND, min(self.rebound, key=self._distance), self._swallowed(exits))
        if normal:
            swallowed = exits.swallowed
            if swallowed and where and _line(where) <= (swallowed[1].end_lineno or 0):
                swallowed = None  # the return is in the handler, or comes before it
            return Outcome(Release.SOME_PATH if known else Release.NEVER, where, swallowed)
        if self.rebound:
            return Outcome(Release.NEVER, self.rebound[0])
        if exits.exc & _OPEN:
            return Outcome(Release.EXCEPTION if known else Release.NEVER, exits.exc_at)
        return Outcome(Release.UNKNOWN if self.unsure else Release.ALWAYS)

    def _distance(self, rebound: ast.AST) -> tuple[int, int]:
        """How far a binding is from the acquisition: one that does not come after it comes with a turn of their loop."""
        line = _line(rebound)
        node: ast.AST | None = self.holder
        if rebound is not node and line >= _line(self.acquire):
            return line, 0
        while node is not None:
            if isinstance(node, (ast.For, ast.AsyncFor, ast.While)) and node.lineno <= line:
                return node.end_lineno or line, line
            node = self.parent(node)
        return line, 0

    # Statements, entered with the resource held

    def block(self, stmts: list[ast.stmt], start: int = 0) -> _Exits:
        """The exits of a block from its statement number `start` on."""
        out = _Exits()
        bits = _OPEN
        for index in range(start, len(stmts)):
            exits = self._run(stmts[index])
            out.leave(exits)
            bits = exits.fall | (bits & _DONE if exits.fall else 0)
            if not bits & _OPEN:
                if bits and index + 1 < len(stmts):
                    self._skip(stmts[-1], out)
                    return out
                break
        out.fall |= bits
        return out

    @staticmethod
    def _skip(last: ast.stmt, out: _Exits) -> None:
        """Nothing is held in the rest of a block: all that counts is where it may go on."""
        if isinstance(last, ast.Break):
            out.brk |= _DONE
        elif isinstance(last, ast.Continue):
            out.cont |= _DONE
        elif not isinstance(last, (ast.Return, ast.Raise)):
            out.fall |= _DONE
            out.brk |= _DONE

    def _run(self, stmt: ast.stmt) -> _Exits:
        key = (id(stmt), self.quiet)
        known = self.memo.get(key)
        if known is None:
            known = self.memo[key] = self._exits(stmt)
        return known

    def _exits(self, stmt: ast.stmt) -> _Exits:
        if isinstance(stmt, ast.If):
            return self._if(stmt)
        if isinstance(stmt, (ast.For, ast.AsyncFor)):
            return self._for(stmt)
        if isinstance(stmt, ast.While):
            return self._head(stmt)
        if isinstance(stmt, (ast.With, ast.AsyncWith)):
            return self._with(stmt, stmt.items)
        if isinstance(stmt, TRIES):
            return self._handle(stmt, self.block(stmt.body))
        if isinstance(stmt, ast.Match):
            return self._match(stmt)
        out = _Exits()
        out.fall = self._reacquire(stmt, out) if stmt is self.holder else self._simple(stmt, out)
        return out

    def _reacquire(self, holder: ast.stmt, out: _Exits) -> int:
        """A loop comes back to the acquisition, from which everything has been followed already."""
        value = (
            self.acquire.context_expr
            if isinstance(self.acquire, ast.withitem)
            else getattr(self.acquire, "value", None)
        )
        if isinstance(value, ast.expr):
            raising, _ = self._scan(value)
            if raising is not None:
                self._may_raise(raising, out)
            self._rebind(holder, value)
        return _DONE

    def _simple(self, stmt: ast.stmt, out: _Exits) -> int:
        """A statement without blocks; returns the states in which it falls through."""
        if isinstance(stmt, ast.Expr):
            return self._expression_statement(stmt.value, out)
        if isinstance(stmt, ast.Assign):
            return self._assign(stmt, stmt.value, stmt.targets, out)
        if isinstance(stmt, ast.AnnAssign):
            return self._assign(stmt, stmt.value, [stmt.target], out) if stmt.value else _OPEN
        if isinstance(stmt, ast.AugAssign):
            bits = self._eval_all((stmt.target, stmt.value), out)
            if bits & _OPEN and self.strict and not _is_plain_sum(stmt.op, stmt.target, stmt.value):
                self._may_raise(stmt, out)
            return self._forget() if self.is_resource(stmt.target) else bits
        if isinstance(stmt, ast.Return):
            bits = self._eval_all([stmt.value] if stmt.value else (), out)
            out.ret |= bits
            if bits & _OPEN:
                out.ret_at = stmt
            return 0
        if isinstance(stmt, ast.Raise):
            if dotted(stmt.exc.func if isinstance(stmt.exc, ast.Call) else stmt.exc) == "SystemExit":
                out.stop |= _OPEN
                return 0
            bits = self._eval_all([part for part in (stmt.exc, stmt.cause) if part], out)
            if bits & _OPEN:
                out.raise_open(stmt)
            out.exc |= bits
            return 0
        if isinstance(stmt, ast.Break):
            out.brk = _OPEN
            return 0
        if isinstance(stmt, ast.Continue):
            out.cont = _OPEN
            return 0
        if isinstance(stmt, ast.Assert):
            return self._assert(stmt, out)
        if isinstance(stmt, (ast.Import, ast.ImportFrom)):
            self._may_raise(stmt, out)
            names = [alias.asname or alias.name.partition(".")[0] for alias in stmt.names]
            return self._bind_names(stmt, names)
        if isinstance(stmt, ast.Delete):
            bits = self._eval_all(stmt.targets, out)
            return self._forget() if any(map(self.is_resource, single_targets(stmt.targets))) else bits
        if isinstance(stmt, (ast.FunctionDef, ast.AsyncFunctionDef)):
            bits = self._eval_all(evaluated_outside(stmt), out)
            return self._bind_names(stmt, [stmt.name]) if bits == _OPEN else bits
        if isinstance(stmt, ast.ClassDef):
            raising, special = self._scan(stmt)
            if special:
                return self._forget()
            if raising is not None:
                self._may_raise(raising, out)
            return self._bind_names(stmt, [stmt.name])
        if isinstance(stmt, (ast.Pass, ast.Global, ast.Nonlocal)) or type(stmt).__name__ == "TypeAlias":
            return _OPEN
        return self._forget()

    def _expression_statement(self, value: ast.expr, out: _Exits) -> int:
        if isinstance(value, ast.Call):
            called = self.qualname(value.func)
            if called in _LEAVES:
                out.stop |= self._eval_all(value.args, out)
                return 0
            if called in _KILLS:
                return 0
        return self._eval(value, out)

    def _assign(self, stmt: ast.stmt, value: ast.expr, targets: list[ast.expr], out: _Exits) -> int:
        bits = self._eval_all((value, *targets), out)
        if bits & _OPEN and any(map(self.is_resource, single_targets(targets))) and not self.same(value):
            self._rebind(stmt, value)
            return _DONE
        return bits

    def _assert(self, stmt: ast.Assert, out: _Exits) -> int:
        truth = self._truth(stmt.test)
        if truth is True or _narrows(stmt.test):
            return _OPEN
        bits = self._eval(stmt.test, out)
        if bits & _OPEN:
            self._may_raise(stmt, out)
        return 0 if isinstance(stmt.test, ast.Constant) else bits

    def _if(self, stmt: ast.If, acquired: bool = False) -> _Exits:
        out = _Exits()
        arms: list[tuple[bool, _Exits]] = []
        bits = _OPEN
        while True:
            truth = self._truth(stmt.test)
            if bits & _OPEN and not acquired:
                bits = bits & ~_OPEN | self._condition(stmt, truth, out)
            acquired = False
            taken, passed = self._split(stmt.test, truth, bits)
            arms.append((bool(taken & passed & _OPEN), self._enter(stmt.body, taken)))
            bits = passed
            if len(stmt.orelse) != 1 or not isinstance(stmt.orelse[0], ast.If):
                break
            stmt = stmt.orelse[0]
        rest = self._enter(stmt.orelse, bits)
        self._merge(arms, rest)
        out.add(rest)
        return out

    def _match(self, stmt: ast.Match) -> _Exits:
        out = _Exits()
        bits = self._eval(stmt.subject, out)
        arms: list[tuple[bool, _Exits]] = []
        for case in stmt.cases:
            taken = bits
            captured = (ast.Name(name, ast.Load()) for name, _ in captures(case.pattern))
            if bits & _OPEN and any(map(self.is_resource, captured)):
                self._rebind(case.pattern, stmt.subject)
                taken = _DONE
            if case.guard is not None and taken & _OPEN:
                taken = self._eval(case.guard, out)
            arms.append((bool(bits & _OPEN), self._enter(case.body, taken)))
            if case.guard is None and is_irrefutable(case.pattern):
                rest = arms.pop()[1]
                break
        else:
            rest = _Exits(bits)
        self._merge(arms, rest)
        out.add(rest)
        return out

    def _enter(self, block: list[ast.stmt], bits: int) -> _Exits:
        """The exits of a block entered in some states."""
        out = self.block(block) if bits & _OPEN else _Exits()
        if bits & _DONE:
            if block:
                self._skip(block[-1], out)
            else:
                out.fall |= _DONE
        return out

    def _merge(self, arms: list[tuple[bool, _Exits]], rest: _Exits) -> None:
        """Join alternatives into `rest`, last first; a release in only one of two makes the other unsure."""
        for both, arm in reversed(arms):
            if both and arm.fall and rest.fall and (arm.fall ^ rest.fall) & _OPEN:
                arm.fall = rest.fall = self._forget()
            rest.add(arm)

    def _condition(self, stmt: ast.If | ast.While, truth: bool | None, out: _Exits) -> int:
        """The states after a condition has been evaluated."""
        if stmt is self.holder:
            return self._reacquire(stmt, out)
        return self._eval(stmt.test, out) if truth is None else _OPEN

    @staticmethod
    def _split(test: ast.expr, truth: bool | None, bits: int) -> tuple[int, int]:
        """The states in which a condition may hold, and may fail."""
        if truth is None:
            return bits, bits
        other = 0 if isinstance(test, ast.Constant) else bits & _DONE
        return (bits, other) if truth else (other, bits)

    def _for(self, stmt: ast.For | ast.AsyncFor) -> _Exits:
        out = _Exits()
        bits = self._eval(stmt.iter, out)
        if bits & _OPEN:
            out.add(self._head(stmt))
        out.fall |= bits & _DONE
        return out

    def _head(self, stmt: ast.For | ast.AsyncFor | ast.While) -> _Exits:
        """A loop entered at the point to which each turn comes back."""
        out = _Exits()
        if isinstance(stmt, ast.While):
            bits = self._condition(stmt, self._truth(stmt.test), out)
            out.add(self._turn(stmt, bits))
            return out
        self._may_raise(stmt.iter, out)
        if any(map(self.is_resource, single_targets([stmt.target]))):
            self._rebind(stmt, stmt.iter)
            body = _Exits(_DONE)
        else:
            body = self.block(stmt.body)
        self._end_loop(stmt.orelse, _OPEN | body.fall | body.cont, body, out)
        return out

    def _turn(self, stmt: ast.While, bits: int = _OPEN) -> _Exits:
        """A `while` loop whose condition has just been evaluated."""
        out = _Exits()
        taken, passed = self._split(stmt.test, self._truth(stmt.test), bits)
        body = self._enter(stmt.body, taken)
        back = body.fall | body.cont
        if stmt is self.holder and back & _OPEN:
            self._reacquire(stmt, out)
        if back & _DONE and not isinstance(stmt.test, ast.Constant):
            passed |= _DONE
        self._end_loop(stmt.orelse, passed, body, out)
        return out

    def _around(self, stmt: ast.For | ast.AsyncFor | ast.While, body: _Exits) -> _Exits:
        """The exits of a loop whose body is left by `body`."""
        out = _Exits()
        if (body.fall | body.cont) & _OPEN:
            out.add(self._head(stmt))
        self._end_loop([], 0, body, out)
        return out

    def _end_loop(self, orelse: list[ast.stmt], done: int, body: _Exits, out: _Exits) -> None:
        out.add(self._enter(orelse, done))
        out.fall |= body.brk
        body.brk = body.cont = 0
        out.leave(body)

    def _with(self, stmt: ast.With | ast.AsyncWith, items: list[ast.withitem]) -> _Exits:
        out = _Exits()
        bits = _OPEN
        for item in items:
            if self.releases(item):
                self.released = True
                bits = _DONE
            elif stmt is self.holder and any(node is self.acquire for node in ast.walk(item)):
                bits = self._reacquire(stmt, out)
            elif not swallows(item.context_expr):
                bits = self._enter_context(stmt, item, out)
            if not bits & _OPEN:
                break
        body = self._enter(stmt.body, bits)
        out.add(self._leave_with(stmt, body))
        return out

    def _enter_context(self, stmt: ast.With | ast.AsyncWith, item: ast.withitem, out: _Exits) -> int:
        bits = self._eval(item.context_expr, out)
        if bits & _OPEN:
            self._may_raise(item.context_expr, out)
            if item.optional_vars and any(map(self.is_resource, single_targets([item.optional_vars]))):
                self._rebind(stmt, item.context_expr)
                return _DONE
        return bits

    def _leave_with(self, stmt: ast.With | ast.AsyncWith, body: _Exits) -> _Exits:
        """The exits of a `with` statement whose body is left by `body`."""
        out = _Exits()
        out.add(body)
        for item in stmt.items:
            if isinstance(self.acquire, ast.Expr) and self.releases(item):
                self.released = True  # `with lock: lock.release(); ...; lock.acquire()`
                return _Exits(_DONE)
            if isinstance(item.context_expr, ast.Call) and swallows(item.context_expr):
                out.fall |= out.exc
                if not _CATCH_ALL.isdisjoint(map(dotted, item.context_expr.args)):
                    out.exc, out.exc_at = 0, None
        return out

    def _handle(self, stmt: Try, body: _Exits) -> _Exits:
        """The exits of a `try` statement whose body is left by `body`."""
        ends = _Exits()
        ends.leave(body)
        ends.exc = ends.stop = 0
        raised, stopped = body.exc, body.stop
        passing = raised
        swallowed: Swallowed | None = None
        narrow: list[_Exits] = []  # told of last: nobody knows whether they name what is raised
        for handler in stmt.handlers:
            caught = _caught(handler)
            exits = caught & _CATCH_EXIT
            if self.unopened(handler):
                ends.add(self._enter(handler.body, _DONE))
                continue
            cleanup = self._cleanup(handler.body, raised | stopped if exits else raised)
            is_broad = not caught.isdisjoint(_BROAD)
            if is_broad:
                ends.add(cleanup)
            else:
                narrow.append(cleanup)
            if raised & cleanup.fall & _OPEN and body.exc_at is not None:
                is_first = swallowed is None or (is_broad and _caught(swallowed[1]).isdisjoint(_BROAD))
                swallowed = (body.exc_at, handler) if is_first else swallowed
            if exits:
                stopped = 0
            if caught & _CATCH_ALL:
                raised = passing = 0
            elif not self.strict and raised & _OPEN and not cleanup.is_open() and not cleanup.stop & _OPEN:
                self.unsure = True
                passing = 0
        for cleanup in narrow:
            ends.add(cleanup)
        ends.exc |= passing
        if not ends.exc & _OPEN:
            ends.exc_at = None
        ends.stop |= stopped
        undisturbed = self._enter(stmt.orelse, body.fall)
        ends.add(undisturbed)
        if not undisturbed.fall & _OPEN:
            ends.swallowed = ends.swallowed or swallowed
        if swallowed is not None:
            self.swallows.append(swallowed)
        return self._finally(stmt.finalbody, ends) if stmt.finalbody else ends

    def _finally(self, final: list[ast.stmt], ends: _Exits) -> _Exits:
        """What `finally` makes of the exits of the statements that it guards."""
        out = _Exits()
        entered = ends.fall | ends.brk | ends.cont | ends.ret | ends.exc | ends.stop
        after = {bit: self._cleanup(final, bit) for bit in (_OPEN, _DONE) if entered & bit}
        for kind in _EXITS:
            for bit, exits in after.items():
                if getattr(ends, kind) & bit:
                    setattr(out, kind, getattr(out, kind) | exits.fall)
        out.ret_at, out.exc_at = ends.ret_at, ends.exc_at
        out.swallowed = ends.swallowed
        for exits in after.values():
            out.leave(exits)
        return out

    def _cleanup(self, block: list[ast.stmt], bits: int) -> _Exits:
        """A handler or `finally` block: if it releases on every exit, its calls are trusted not to raise."""
        if self.quiet or not bits & _OPEN:
            return self._enter(block, bits)
        self.quiet = True
        exits = self._enter(block, bits)
        self.quiet = False
        return self._enter(block, bits) if exits.is_open() else exits

    # Expressions, entered with the resource held

    def _may_raise(self, node: ast.AST, out: _Exits) -> None:
        if not self.quiet and (node.lineno, node.col_offset) >= self.since:  # type: ignore[attr-defined]
            out.raise_open(node)

    def _forget(self) -> int:
        """Stop following this path."""
        self.unsure = True
        return _DONE

    def _rebind(self, node: ast.AST, value: ast.expr) -> None:
        """The resource is bound again: a leak, unless the new value still holds it (`f = f or g`)."""
        stack = [value]
        while stack:
            part = stack.pop()
            if self.is_resource(part):
                self.unsure = True
                return
            if not isinstance(part, (ast.Call, ast.Attribute, ast.Subscript)):
                stack.extend(child for child in children(part) if isinstance(child, ast.expr))
        self.rebound.append(node)

    def _bind_names(self, stmt: ast.stmt, names: Iterable[str]) -> int:
        if any(self.is_resource(ast.Name(name, ast.Load())) for name in names):
            self.rebound.append(stmt)
            return _DONE
        return _OPEN

    def _is_asked_for_key(self, node: ast.AST) -> bool:
        """``file["weights"]`` of an open HDF5 file: there may be none."""
        return (
            isinstance(node, ast.Subscript)
            and isinstance(node.ctx, ast.Load)
            and not isinstance(node.slice, (ast.Slice, ast.Tuple))
            and self.is_resource(node.value)
        )

    def _scan(self, root: ast.AST) -> tuple[ast.AST | None, bool]:
        """The first node that may raise, and whether something in here releases or binds the resource."""
        first: ast.AST | None = None
        special = False
        stack = [root]
        while (
            stack
        ):  # nodes before their children, last child first: the last raising node found is evaluated first
            node = stack.pop()
            kind = type(node)
            if kind is ast.Name or kind is ast.Constant:
                continue
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                stack.extend(evaluated_outside(node))
                continue
            if isinstance(node, ast.Call):
                first = first if self.harmless(node) else node
                special = special or self.releases(node)
            elif (kind in self.raising and not self._adds_up(node)) or self._is_asked_for_key(node):
                first = node
            elif isinstance(node, ast.GeneratorExp):
                stack.append(node.generators[0].iter)
                continue
            elif isinstance(node, ast.NamedExpr):
                special = special or self.is_resource(node.target)
            stack.extend(children(node))
        return first, special

    def _eval_all(self, parts: Iterable[ast.expr], out: _Exits, depth: int = 0) -> int:
        bits, done = _OPEN, 0
        for part in parts:
            if bits & _OPEN:
                bits = self._eval(part, out, depth)
                done |= bits & _DONE
        return bits & _OPEN | done

    def _eval(self, node: ast.expr, out: _Exits, depth: int = 0) -> int:
        """The states after an expression has been evaluated in evaluation order."""
        raising, special = self._scan(node)
        if not special:
            if raising is not None:
                self._may_raise(raising, out)
            return _OPEN
        depth += 1
        if depth > _MAX_DEPTH or isinstance(node, (ast.Lambda, *COMPREHENSIONS)):
            return self._forget()
        if isinstance(node, ast.IfExp):
            return self._eval_choice(node, out, depth)
        if isinstance(node, ast.BoolOp):
            return self._eval_bool(node, out, depth)
        if isinstance(node, ast.Call):
            parts = [node.func, *node.args, *(keyword.value for keyword in node.keywords)]
        else:
            parts = [part for part in children(node) if isinstance(part, ast.expr)]
        bits = self._eval_all(parts, out, depth)
        if bits & _OPEN and isinstance(node, ast.Call) and self.releases(node):
            self.released = True
            return _DONE
        if bits & _OPEN and isinstance(node, ast.NamedExpr) and self.is_resource(node.target):
            self._rebind(node, node.value)
            return _DONE
        if (
            bits & _OPEN
            and type(node) in self.raising
            and not (isinstance(node, ast.Call) and self.harmless(node))
            and not self._adds_up(node)
        ):
            self._may_raise(node, out)
        return bits

    @staticmethod
    def _adds_up(node: ast.AST) -> bool:
        return isinstance(node, ast.BinOp) and _is_plain_sum(node.op, node.left, node.right)

    def _eval_choice(self, node: ast.IfExp, out: _Exits, depth: int) -> int:
        truth = self._truth(node.test)
        bits = self._eval(node.test, out, depth) if truth is None else _OPEN
        taken, passed = self._split(node.test, truth, bits)
        ends = [
            self._eval(part, out, depth) if entry & _OPEN else entry
            for part, entry in ((node.body, taken), (node.orelse, passed))
        ]
        return self._either(ends[0], ends[1])

    def _eval_bool(self, node: ast.BoolOp, out: _Exits, depth: int) -> int:
        going, stopped = _OPEN, 0
        goes_on = isinstance(node.op, ast.And)
        for value in node.values:
            truth = self._truth(value)
            if going & _OPEN and truth is None:
                going = going & ~_OPEN | self._eval(value, out, depth)
            if value is not node.values[-1] and truth is not goes_on:
                stopped |= going
                if truth is not None:
                    going = 0
                    break
        return self._either(going, stopped)

    def _either(self, one: int, other: int) -> int:
        """Join two alternatives; as in `_merge`, a release in only one of them makes the other unsure."""
        if one and other and (one ^ other) & _OPEN:
            return self._forget()
        return one | other

    def _truth(self, test: ast.expr, depth: int = 0) -> bool | None:
        """The value of a condition about the resource while it is held; `None` for any other condition."""
        if self._is(test):
            return True
        if isinstance(test, ast.Constant):
            return bool(test.value)
        if depth > _MAX_DEPTH:
            return None
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            truth = self._truth(test.operand, depth + 1)
            return None if truth is None else not truth
        if isinstance(test, ast.BoolOp):
            truths = {self._truth(value, depth + 1) for value in test.values}
            decisive = isinstance(test.op, ast.Or)
            if decisive in truths:
                return decisive
            return None if None in truths else not decisive
        if isinstance(test, ast.Compare):
            return self._compare(test)
        if isinstance(test, ast.Call):
            if dotted(test.func) == "hasattr" and test.args and self._is(test.args[0]):
                return True
            if dotted(test.func) == "isinstance" and len(test.args) == 2 and self._is(test.args[0]):
                kinds = test.args[1].elts if isinstance(test.args[1], ast.Tuple) else [test.args[1]]
                return False if {last_name(kind) for kind in kinds} <= _VALUES else None
            test = test.func
        if isinstance(test, ast.Attribute) and self._is(test.value):
            return _OPEN_STATE.get(test.attr)
        return None

    def _is(self, node: ast.expr) -> bool:
        return self.is_resource(node.target if isinstance(node, ast.NamedExpr) else node)

    def _compare(self, test: ast.Compare) -> bool | None:
        if len(test.ops) != 1:
            return None
        left, op, right = test.left, test.ops[0], test.comparators[0]
        yes: tuple[type[ast.cmpop], ...]
        no: tuple[type[ast.cmpop], ...]
        if isinstance(right, ast.Constant) and right.value is None and self._is(left):
            yes, no = (ast.IsNot, ast.NotEq), (ast.Is, ast.Eq)
        elif (
            isinstance(left, ast.Constant)
            and isinstance(left.value, str)
            and isinstance(right, ast.Call)
            and dotted(right.func) in _NAMESPACES
            and self.is_resource(ast.Name(left.value, ast.Load()))
        ):
            yes, no = (ast.In,), (ast.NotIn,)
        else:
            return None
        return True if isinstance(op, yes) else False if isinstance(op, no) else None


def _is_plain_sum(operator: ast.operator, *operands: ast.expr) -> bool:
    """Whether an operation on counters and flags is one that does not raise."""
    return isinstance(operator, _SAFE) and all(
        isinstance(item, _PLAIN)
        or (isinstance(item, ast.Attribute) and isinstance(item.value, ast.Name) and item.value.id == "self")
        for item in operands
    )


def _line(node: ast.AST) -> int:
    return getattr(node, "lineno", 0)


def _caught(handler: ast.ExceptHandler) -> frozenset[str | None]:
    """The dotted names of the exceptions that a handler names; a bare one catches `BaseException`."""
    if handler.type is None:
        return frozenset({"BaseException"})
    return frozenset(
        map(dotted, handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type])
    )


def _narrows(test: ast.expr) -> bool:
    """Whether an assertion only narrows a type (`assert proc.stdout is not None`)."""
    return (
        isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.IsNot) and dotted(test.left) is not None
    )
