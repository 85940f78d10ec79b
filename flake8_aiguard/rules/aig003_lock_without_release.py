"""AIG003: a lock that some path leaves locked."""

from __future__ import annotations

import ast
import functools
from collections.abc import Collection, Iterator

from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.flow import Release
from flake8_aiguard.locks import Held, Locks, Taken, acquiring, text_of
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import argument, chain, dotted, hides_arguments, is_constant, is_none, last_name

_ENTERS = frozenset({"__enter__", "__aenter__", "__call__", "acquire", "lock"})
_TAKES = regex(r"(^|_)(acquire|lock)(_|$)")
_GENERATORS = ("contextmanager", "fixture")


class LockWithoutRelease(Checker):
    """Lock that is taken by ``acquire()`` and not released on every path.

    Why: when the code between ``acquire()`` and ``release()`` raises or returns, the lock stays locked and everybody who
    takes it next waits forever, far from the cause.

    Bad::

        import threading

        lock = threading.Lock()

        def add(totals, name, amount):
            lock.acquire()
            totals[name] = totals.get(name, 0) + amount
            lock.release()

    Good::

        import threading

        lock = threading.Lock()

        def add(totals, name, amount):
            with lock:
                totals[name] = totals.get(name, 0) + amount

    Limits: reports ``acquire()`` as a statement of its own, where it waits for the lock. A lock whose type the file does not show counts only where its
    name says what it is and the same function releases it.

    - Not followed: an ``acquire()`` whose result is tested or kept, and parameters without an annotation.
    - Silent where locks are handed over: another function, a callback or the one that a lock is passed to may release it; there, only what raises before
      the function's own release is reported.
    - Silent in context managers, fixtures and methods such as ``acquire``, for a lock that a program takes at its start and keeps, and for
      one that a test leaves locked when it fails.
    - Silent on a lock that one function builds and keeps to itself, unless a loop takes it again; on semaphores that a loop over a number drains; and on a
      lock that is given back only if it is still ``locked()``.
    - Assigning, comparing and adding up plain names, constants and attributes of ``self`` is taken not to raise.
    """

    code = "AIG003"
    slug = "lock-without-release"
    since = "0.1.0"
    severity = "error"
    message = "{lock} is never released in this file, so the next one to take it waits forever; use {with_}"

    def call_names(self) -> Collection[str]:
        return acquiring()

    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        acquire = self._statement(node)
        taken = None if acquire is None else self._locks.taken(node)
        if acquire is None or taken is None or not self._waits(taken, acquire) or self._is_entered(acquire):
            return
        if self._locks.is_drained(taken):
            return
        held = self._locks.held(taken, acquire)
        if held is None:
            early = self._locks.enclosing_try(taken, acquire)
            if early is not None and not self._locks.is_private(taken):
                yield from self._report(taken, _TOO_EARLY, getattr(early, "lineno", 0))
        elif not self._is_meant_to_stay(taken, held, acquire):
            message = _MESSAGES.get(held.release)
            if held.release is Release.SOME_PATH and held.where is None:
                message = _END
            yield from self._report(taken, message, getattr(held.where, "lineno", 0), held.where)

    @functools.cached_property
    def _locks(self) -> Locks:
        return Locks(self.module)

    # -- what is taken

    def _statement(self, call: ast.Call) -> ast.Expr | None:
        """The statement that is nothing but this call: ``lock.acquire()``, ``await wait_for(lock.acquire(), 5)``."""
        node: ast.AST | None = self.module.index.parent(call)
        if isinstance(node, ast.Call) and self.module.qualname(node.func) == "asyncio.wait_for":
            node = self.module.index.parent(node)
        if isinstance(node, ast.Await):
            node = self.module.index.parent(node)
        return node if isinstance(node, ast.Expr) else None

    def _waits(self, taken: Taken, acquire: ast.Expr) -> bool:
        """Whether the lock is held after the statement, come what may."""
        row, call = taken.row, taken.call
        if row is None:
            return not call.args and not call.keywords
        if row["awaited"] is not isinstance(acquire.value, ast.Await) or hides_arguments(call):
            return False
        flag = argument(call, row["flag"], row.get("flag_position")) if "flag" in row else None
        return flag is None or is_none(flag) or is_constant(flag, True) or is_constant(flag, 1)

    def _is_timed(self, taken: Taken) -> bool:
        row = taken.row
        if row is None or "timeout" not in row:
            return False
        timeout = argument(taken.call, row["timeout"], row.get("timeout_position"))
        return timeout is not None and not is_none(timeout)

    # -- what is meant

    def _is_entered(self, acquire: ast.Expr) -> bool:
        """Whether the function is there to take a lock: ``__enter__``, ``acquire``, a context manager."""
        function = self.module.index.function(acquire)
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return False
        if function.name in _ENTERS:
            return True
        return any(
            (last_name(item.func if isinstance(item, ast.Call) else item) or "").endswith(_GENERATORS)
            for item in function.decorator_list
        )

    def _is_meant_to_stay(self, taken: Taken, held: Held, acquire: ast.Expr) -> bool:
        """Whether the lock may stay locked where the function is left, because somebody else releases it."""
        locks = self._locks
        is_once = held.release is Release.EXCEPTION or not any(self.module.index.loops(acquire))
        if is_once and locks.is_private(taken):
            return True
        if held.release is Release.EXCEPTION:
            return (
                self.module.is_test
                or locks.is_given_to_tasks(taken)
                or locks.is_signal(taken)
                or locks.is_counter(taken)
                or locks.may_be_released_elsewhere(taken)
            )
        function = self.module.index.function(acquire)
        name = getattr(function, "name", "")
        if _TAKES.search(name) or self._locks.is_handed_over(taken):
            return True
        if held.release is not Release.NEVER:
            return False
        if not self._locks.is_own(taken) or self._locks.releases(taken) or self._locks.is_also_entered(taken):
            return True
        keeps = taken.row is not None and taken.row["runs"] in ("process", "host")
        return keeps and (function is None or name in ("main", "__init__"))

    # -- the finding

    def _report(
        self, taken: Taken, message: str | None, line: int, where: ast.AST | None = None
    ) -> Iterator[Finding]:
        yield from self.found(
            taken.call,
            message=message,
            lock=text_of(taken.receiver) or chain(taken.receiver),
            call=dotted(taken.call.func) or taken.release,
            release=taken.release,
            line=line,
            raising=_raising(where),
            with_=self._advice(taken),
        )

    def _advice(self, taken: Taken) -> str:
        lock = text_of(taken.receiver)
        if self._is_timed(taken):
            return f"a try right after it whose finally calls {lock}.{taken.release}()"
        if self._locks.is_taken_in_branch(taken):
            return (
                f"a try around what follows whose finally calls {lock}.{taken.release}() if it was taken here"
            )
        outer = self.module.index.parent(taken.call)
        if isinstance(outer, ast.Call):  # asyncio.wait_for(lock.acquire(), 5)
            return f"a try right after it whose finally calls {lock}.{taken.release}()"
        is_awaited = isinstance(outer, ast.Await)
        enter = "async with" if is_awaited else "with"
        if taken.row is not None and taken.row.get("guards"):
            guard = taken.row["guards"][taken.row["acquire"].index(last_name(taken.call.func))]
            return f"{enter} {lock}.{guard}()"
        return f"{enter} {lock}"


_MESSAGES = {
    Release.EXCEPTION: "{lock} stays locked when {raising} on line {line} raises; use {with_}",
    Release.SOME_PATH: "{lock} stays locked on the path that returns on line {line}; use {with_}",
    Release.REBOUND: "{lock} is still locked when the loop comes back to {call}() here; use {with_}",
}
_END = "{lock} stays locked on a path that does not reach {lock}.{release}(); use {with_}"
_TOO_EARLY = (
    "the finally of this try releases {lock} also when line {line} raises before {call}() has taken it; "
    "use {with_}, or call {call}() directly before the try"
)


def _raising(where: ast.AST | None) -> str:
    """What raises, for the message."""
    node = where.value if isinstance(where, ast.Await) else where
    name = dotted(node.func) or last_name(node.func) if isinstance(node, ast.Call) else None
    return f"{name}()" if name else "the code"
