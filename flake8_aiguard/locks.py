"""What becomes of a lock that is taken: whether every path gives it back, and who else may."""

from __future__ import annotations

import ast
import functools
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from flake8_aiguard import flow, knowledge
from flake8_aiguard.flow import Release
from flake8_aiguard.index import TRIES, Function, Scope
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import ESCAPES, Kind, Use
from flake8_aiguard.shapes import dotted, last_name

_NAMED = regex(r"(^|_)(r|w)?(lock|mutex|sem|sema|semaphore|cond|condition)s?\d*$", re.IGNORECASE)
_LOGS = regex(r"log(ger|ging)?\.(debug|info|warning|error|exception|critical|log)$", re.IGNORECASE)
_STATE = ("locked", "notify", "notify_all")
_SEES_ONLY = (Use.METHOD_CALL, Use.ATTRIBUTE, Use.TESTED, Use.ENTERED)
_MOST_HELD = 50  # acquisitions followed to the end of one body: each costs a walk of it


@dataclass(frozen=True, slots=True)
class Taken:
    """A call that takes a lock and waits for it.

    Attributes:
        call: the call.
        receiver: the lock.
        release: the method that gives back what the call takes.
        row: what is known about it; ``None`` for a lock by its name, whose type the file does not show.
    """

    call: ast.Call
    receiver: ast.expr
    release: str
    row: knowledge.Row | None


@dataclass(frozen=True, slots=True)
class Held:
    """A lock that some path does not give back.

    Attributes:
        release: which paths: ``NEVER``, ``SOME_PATH``, ``EXCEPTION``, or ``REBOUND`` where a loop comes back to take it again.
        where: the raising node, the likeliest one, or the ``return`` that leaves it locked, where there is one.
    """

    release: Release
    where: ast.AST | None = None


@dataclass(frozen=True, slots=True)
class _Key:
    """What a receiver is, as far as it can be told: two are equal where they may be one lock."""

    owner: Scope | None
    name: str
    is_attribute: bool


class Locks:
    """The locks of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._index = module.index
        self._held: Counter[Function | None] = Counter()

    def taken(self, call: ast.Call) -> Taken | None:
        """The lock that a call waits for.

        Args:
            call: the call.

        Returns:
            ``None`` for any other call. A receiver of unknown type counts where its name says that it is a lock and the
            function that takes it gives it back as well; a parameter without an annotation does not.
        """
        if not isinstance(call.func, ast.Attribute) or text_of(call.func.value) is None:
            return None
        receiver, method = call.func.value, call.func.attr
        kind = self._module.type_of(receiver)
        if kind is not None:
            row = rows().get(kind)
            if row is None or method not in row["acquire"] or not row["release"]:
                return None
            return Taken(call, receiver, row["release"][row["acquire"].index(method)], row)
        if method != "acquire" or not _NAMED.search(_name(receiver)):
            return None
        if self._is_untyped_parameter(receiver):
            return None
        is_built = self._module.qualname(receiver) is not None or self._is_of_known_class(receiver)
        function = self._index.function(call)
        taken = Taken(call, receiver, "release", None)
        pairs = [item for item in self.releases(taken) if self._index.function(item) is function]
        return None if is_built or not pairs else taken

    def _is_untyped_parameter(self, receiver: ast.expr) -> bool:
        """Whether a receiver is whatever the caller passes."""
        resolved = self._module.scopes.resolve(receiver) if isinstance(receiver, ast.Name) else None
        return resolved is not None and all(
            item.kind is Kind.PARAMETER and item.annotation is None for item in resolved[1]
        )

    def _is_of_known_class(self, receiver: ast.expr) -> bool:
        """Whether the file shows what a receiver is, and that it is no lock of the table."""
        origin = self._module.receivers.origin(receiver)
        return any(
            self._module.qualname(call.func) is not None or self._module.receivers.definition(call.func)
            for call in origin.calls
            if (last_name(call.func) or "")[:1].isupper()
        )

    def held(self, taken: Taken, acquire: ast.Expr) -> Held | None:
        """How a lock stays locked.

        Args:
            taken: what is taken.
            acquire: the statement that takes it.

        Returns:
            ``None`` where every path gives it back, or where this cannot be told.
        """
        function = self._index.function(acquire)
        if self._held[function] > _MOST_HELD:
            return None
        outcome = self._follow(taken, acquire, strict=False)
        is_clean = outcome.release in (Release.ALWAYS, Release.UNKNOWN)
        if is_clean and not self._is_cleaned_up(taken, acquire):
            outcome = self._follow(taken, acquire, strict=True)
        is_again = outcome.release is Release.REBOUND and outcome.where is acquire
        if is_again and taken.row is not None and taken.row["limiter"]:
            return None  # a counter
        if is_again or outcome.release in (Release.NEVER, Release.SOME_PATH, Release.EXCEPTION):
            self._held[function] += 1
            where = outcome.where
            if outcome.release is Release.EXCEPTION:
                grave = self._follow(taken, acquire, strict=False, skip_cheap=True)
                where = grave.where if grave.release is Release.EXCEPTION else where
            return Held(outcome.release, where)
        return None

    def _follow(
        self, taken: Taken, acquire: ast.Expr, *, strict: bool, skip_cheap: bool = False
    ) -> flow.Outcome:
        text = text_of(taken.receiver)
        helpers = self._helpers(self._key(taken.receiver), taken.release)

        def is_lock(node: ast.expr) -> bool:
            return text_of(node) == text

        def releases(node: ast.AST) -> bool:
            if isinstance(node, ast.withitem):
                return is_lock(node.context_expr) and self._is_around(node, acquire)
            if not isinstance(node, ast.Call):
                return False
            if isinstance(node.func, ast.Attribute) and node.func.attr == taken.release:
                return is_lock(node.func.value)
            return bool(helpers) and self._module.receivers.definition(node.func) in helpers

        def is_harmless(call: ast.Call) -> bool:
            if isinstance(call.func, ast.Attribute) and call.func.attr in _STATE and is_lock(call.func.value):
                return True
            if self._is_quiet(call) or (skip_cheap and self._is_cheap(call)):
                return True
            return not strict and self._module.called(call) in knowledge.by_call("resources.harmless")

        return flow.release(
            acquire,
            parent=self._index.parent,
            is_resource=is_lock,
            releases=releases,
            harmless=is_harmless,
            qualname=self._module.qualname,
            strict=strict,
        )

    def _is_around(self, item: ast.withitem, node: ast.AST) -> bool:
        statement = self._index.parent(item)
        return any(outer is statement for outer in self._index.ancestors(node))

    def _is_cleaned_up(self, taken: Taken, acquire: ast.Expr) -> bool:
        """Whether something else than the next statements gives the lock back: a ``finally``, a handler, a helper, ``with``."""
        block = getattr(self._index.parent(acquire), "body", [])
        for mention in self.releases(taken):
            statement = self._index.statement(mention)
            if statement in block and isinstance(statement, ast.Expr) and statement.lineno > acquire.lineno:
                return False
        return True

    # -- who gives it back

    def releases(self, taken: Taken) -> list[ast.Attribute]:
        """Where the file calls or mentions the method that gives this lock back, in document order."""
        return self._mentions(self._key(taken.receiver), taken.release)

    def _own_releases(self, taken: Taken) -> Iterator[ast.Attribute]:
        """Those in the function that takes it."""
        function = self._index.function(taken.call)
        return (item for item in self.releases(taken) if self._index.function(item) is function)

    def may_be_released_elsewhere(self, taken: Taken) -> bool:
        """Whether the function that takes a lock asks whether it is still taken before it gives it back, and others give it back
        as well: it waits for them, and ``with`` would release it twice."""
        own = list(self._own_releases(taken))
        return len(own) < len(self.releases(taken)) and any(
            isinstance(outer, ast.If)
            and isinstance(outer.test, ast.Call)
            and last_name(outer.test.func) == "locked"
            for item in own
            for outer in (self._index.parent(self._index.statement(item)),)
        )

    def is_taken_in_branch(self, taken: Taken) -> bool:
        """Whether an ``if`` decides if a lock is taken, and the function gives it back behind that ``if``."""
        outer = self._index.parent(self._index.statement(taken.call))
        end = getattr(outer, "end_lineno", 0)
        return isinstance(outer, ast.If) and any(item.lineno > end for item in self._own_releases(taken))

    def _key(self, receiver: ast.expr) -> _Key:
        """What a receiver is: a variable of a scope, or an attribute of a class; of any class, where the file does not say."""
        if isinstance(receiver, ast.Subscript):
            receiver = receiver.value
        if isinstance(receiver, ast.Name):
            bindings = (self._module.scopes.resolve(receiver) or (None, []))[1]
            other_name = bindings[0].value if len(bindings) == 1 else None
            if isinstance(other_name, ast.Attribute):
                return self._key(other_name)  # seats = self.seats
            return _Key(
                self._module.scopes.owner(self._index.scope(receiver), receiver.id), receiver.id, False
            )
        if isinstance(receiver, ast.Attribute):
            return _Key(self._module.receivers.class_behind(receiver.value), receiver.attr, True)
        return _Key(None, "", False)

    @memoised
    def _mentions(self, lock: _Key, method: str) -> list[ast.Attribute]:
        return [
            node for node in self._attributes.get(method, ()) if self._may_be(self._key(node.value), lock)
        ]

    def _may_be(self, one: _Key, other: _Key) -> bool:
        if one.name != other.name or one.is_attribute is not other.is_attribute:
            return False
        if one.owner is other.owner:
            return True
        if not one.is_attribute:
            return False
        return one.owner is None or other.owner is None or self._are_related(one.owner, other.owner)

    @memoised
    def _are_related(self, one: Scope, other: Scope) -> bool:
        return not self._lines(one).isdisjoint(self._lines(other))

    @memoised
    def _lines(self, owner: Scope) -> frozenset[ast.AST]:
        """A class and its base classes in this file."""
        found: set[ast.AST] = set()
        stack: list[ast.AST] = [owner]
        while stack:
            item = stack.pop()
            if item not in found and isinstance(item, ast.ClassDef):
                found.add(item)
                stack += [base for base in map(self._module.receivers.definition, item.bases) if base]
        return frozenset(found)

    @memoised
    def _takers(self, lock: _Key) -> frozenset[ast.AST | None]:
        return frozenset(
            self._index.function(node) for method in acquiring() for node in self._mentions(lock, method)
        )

    @memoised
    def _helpers(self, lock: _Key, method: str) -> frozenset[ast.AST]:
        """The functions of the file that give a lock back and do not take it."""
        functions = {self._index.function(node) for node in self._mentions(lock, method)}
        return frozenset(item for item in functions - self._takers(lock) if item is not None)

    def is_handed_over(self, taken: Taken) -> bool:
        """Whether something else gives it back: a callback, a function that only releases, the one it is passed to."""
        lock = self._key(taken.receiver)
        if any(not self._only_helps(item, lock) for item in self._helpers(lock, taken.release)):
            return True
        return any(not self._is_called(item) for item in self.releases(taken)) or self._is_shared(
            taken.receiver
        )

    @memoised
    def _only_helps(self, helper: ast.AST, lock: _Key) -> bool:
        """Whether a function that gives the lock back is called by those who take it, and by nobody else."""
        name = getattr(helper, "name", None)
        mentions = [*self._attributes.get(name or "", ()), *self._names.get(name or "", ())]
        return bool(mentions) and all(
            self._is_called(item) and self._index.function(item) in self._takers(lock) for item in mentions
        )

    def _is_called(self, node: ast.expr) -> bool:
        parent = self._index.parent(node)
        return isinstance(parent, ast.Call) and parent.func is node

    def _is_shared(self, receiver: ast.expr) -> bool:
        """Whether the lock itself is passed on, returned or stored elsewhere."""
        scopes = self._module.scopes
        if isinstance(receiver, ast.Name):
            resolved = scopes.resolve(receiver)
            if resolved is None:
                return True
            return any(scopes.use_of(use)[0] in ESCAPES for use in scopes.uses(resolved[0], receiver.id))
        if isinstance(receiver, ast.Attribute):
            lock = self._key(receiver)
            return any(
                scopes.use_of(node)[0] in ESCAPES
                for node in self._attributes.get(receiver.attr, ())
                if isinstance(node.ctx, ast.Load) and self._may_be(self._key(node), lock)
            )
        return True

    @functools.cached_property
    def _attributes(self) -> dict[str, list[ast.Attribute]]:
        found: defaultdict[str, list[ast.Attribute]] = defaultdict(list)
        for node in self._index.nodes(ast.Attribute):
            found[node.attr].append(node)
        return found

    @functools.cached_property
    def _names(self) -> dict[str, list[ast.Name]]:
        found: defaultdict[str, list[ast.Name]] = defaultdict(list)
        for node in self._index.nodes(ast.Name):
            found[node.id].append(node)
        return found

    def is_counter(self, taken: Taken) -> bool:
        """Whether a semaphore is taken in one function and given back in another."""
        function = self._index.function(taken.call)
        is_limiter = taken.row is not None and taken.row["limiter"]
        return is_limiter and all(self._index.function(item) is not function for item in self.releases(taken))

    def is_drained(self, taken: Taken) -> bool:
        """Whether all of a semaphore is taken on purpose, by a loop over a number that gives nothing back."""
        loop = next(iter(self._index.loops(taken.call)), None)
        if (
            not self._is_limiter(taken)
            or not isinstance(loop, ast.For)
            or not isinstance(loop.iter, ast.Call)
        ):
            return False
        if self._module.qualname(loop.iter.func) != "builtins.range":
            return False
        return loop not in self._releasing_loops(self._key(taken.receiver), taken.release)

    @memoised
    def _releasing_loops(self, lock: _Key, method: str) -> frozenset[ast.AST]:
        return frozenset(loop for item in self._mentions(lock, method) for loop in self._index.loops(item))

    def is_also_entered(self, taken: Taken) -> bool:
        """Whether a semaphore is also taken by a ``with`` statement of the file, which gives back what that one takes."""
        return self._is_limiter(taken) and self._is_entered(self._key(taken.receiver))

    @memoised
    def _is_entered(self, lock: _Key) -> bool:
        mentions = (self._attributes if lock.is_attribute else self._names).get(lock.name, ())
        return any(
            isinstance(self._index.parent(item), ast.withitem) and self._may_be(self._key(item), lock)
            for item in mentions
        )

    def _is_limiter(self, taken: Taken) -> bool:
        return "sem" in _name(taken.receiver).lower() if taken.row is None else bool(taken.row["limiter"])

    def is_private(self, taken: Taken) -> bool:
        """Whether nothing but one run of a function sees a lock, which keeps nobody out then: built there, and kept there."""
        row, receiver = taken.row, taken.receiver
        if row is None or not isinstance(receiver, ast.Name):
            return False
        # Other processes know a lock on a file by its path.
        if row["runs"] not in ("thread", "task") and not row["types"][0].startswith("multiprocessing."):
            return False
        resolved = self._module.scopes.resolve(receiver)
        if resolved is None or resolved[0] is not self._index.function(taken.call):
            return False
        return self._stays(resolved[0], receiver.id)

    def is_given_to_tasks(self, taken: Taken) -> bool:
        """Whether a lock is a local that ends with the exception, and that the function nested for its tasks gives back."""
        receiver, function = taken.receiver, self._index.function(taken.call)
        resolved = self._module.scopes.resolve(receiver) if isinstance(receiver, ast.Name) else None
        if (
            resolved is None
            or resolved[0] is not function
            or not all(self._is_construction(item.value) for item in resolved[1])
        ):
            return False
        helpers = self._helpers(self._key(receiver), taken.release)
        return any(self._index.function(item) is function and self._is_task(item) for item in helpers)

    def _is_task(self, function: ast.AST) -> bool:
        """Whether a function is handed over, or its coroutine is, and not run where it is mentioned."""
        for mention in self._names.get(getattr(function, "name", ""), ()):
            call: ast.AST | None = mention
            if self._is_called(mention):
                call = self._index.parent(mention)
                if not isinstance(function, ast.AsyncFunctionDef):
                    continue
            if isinstance(self._index.parent(call), (ast.Call, ast.keyword)):  # type: ignore[arg-type]
                return True
        return False

    @memoised
    def _stays(self, owner: Scope, name: str) -> bool:
        """Whether a function builds a variable's value and does no more than ask it."""
        scopes = self._module.scopes
        return all(self._is_construction(item.value) for item in scopes.bindings(owner, name)) and all(
            scopes.use(use)[0] in _SEES_ONLY for use in scopes.uses(owner, name)
        )

    def _is_construction(self, value: ast.expr | None) -> bool:
        if not isinstance(value, ast.Call) or self._module.receivers.definition(value.func) is not None:
            return False
        return (last_name(value.func) or "")[:1].isupper()

    def is_signal(self, taken: Taken) -> bool:
        """Whether a lock is taken as soon as it is built, and handed to others only then: they wait for its release."""
        if not isinstance(taken.receiver, ast.Name):
            return False
        resolved = self._module.scopes.resolve(taken.receiver)
        function = self._index.function(taken.call)
        if resolved is None or resolved[0] is not function:
            return False
        uses = self._module.scopes.uses(resolved[0], taken.receiver.id)
        shared = [use for use in uses if self._module.scopes.use(use)[0] in ESCAPES]
        return bool(shared) and all(use.lineno > taken.call.lineno for use in shared)

    def is_own(self, taken: Taken) -> bool:
        """Whether the lock is built in this file, and is no parameter or import."""
        receiver = taken.receiver
        if isinstance(receiver, ast.Name):
            resolved = self._module.scopes.resolve(receiver)
            if resolved is None or any(item.kind is Kind.PARAMETER for item in resolved[1]):
                return False
        origin = self._module.receivers.origin(receiver)
        return origin.known and bool(origin.calls)

    def enclosing_try(self, taken: Taken, acquire: ast.Expr) -> ast.stmt | None:
        """A statement that may raise before the lock is taken, though the ``finally`` of their ``try`` gives it back.

        Args:
            taken: what is taken.
            acquire: the statement that takes it.

        Returns:
            The first such statement of the ``try``; ``None`` where there is none, or the ``finally`` asks before it releases.
        """
        block = self._index.parent(acquire)
        if not isinstance(block, TRIES) or acquire not in block.body or not block.finalbody:
            return None
        text = text_of(taken.receiver)
        mentions = [
            self._index.statement(item)
            for item in self.releases(taken)
            if text_of(item.value) == text and self._is_called(item)
        ]
        if not any(statement in block.finalbody for statement in mentions):
            return None
        before = block.body[: block.body.index(acquire)]
        start, end = block.lineno, acquire.lineno
        if any(start <= statement.lineno < end for statement in mentions):
            return None  # given back for a while
        return next((item for item in before if self._raises(item)), None)

    def _raises(self, statement: ast.stmt) -> bool:
        for node in ast.walk(statement):
            if isinstance(node, (ast.Await, ast.Raise, ast.Subscript)):
                return True
            if isinstance(node, ast.Call) and not self._is_quiet(node):
                return True
        return False

    def _is_quiet(self, call: ast.Call) -> bool:
        """Whether a call does not raise: it logs, or only looks at the time or an event."""
        return self._module.called(call) in knowledge.by_call("locks.quiet") or bool(
            _LOGS.search(dotted(call.func) or "")
        )

    def _is_cheap(self, call: ast.Call) -> bool:
        """Whether a call raises for a wrong type at most: no name for a message while there is a graver one."""
        calls, methods = _cheap()
        name = self._module.called(call)
        return name in calls or (
            self._module.qualname(call.func) is None
            and isinstance(call.func, ast.Attribute)
            and (
                call.func.attr in methods
                or isinstance(call.func.value, ast.Constant)
                or (call.func.attr == "pop" and len(call.args) == 2)  # of a dict, with a default
            )
        )


@knowledge.cached
def _cheap() -> tuple[Collection[str], Collection[str]]:
    found = knowledge.rows("locks.cheap")
    calls, methods = (
        [name for row in found for name in row.get(column, ())] for column in ("calls", "methods")
    )
    return frozenset(calls), frozenset(methods)


@knowledge.cached
def rows() -> dict[str, knowledge.Row]:
    """The rows of ``locks.toml`` by type."""
    return {kind: row for row in knowledge.rows("locks.lock") for kind in row["types"]}


@knowledge.cached
def acquiring() -> Collection[str]:
    """The methods that take a lock and wait for it."""
    return frozenset(method for row in rows().values() for method in row["acquire"])


def text_of(receiver: ast.AST) -> str | None:
    """The text of a chain of names and simple keys, ``self.locks[key]``; ``None`` for anything else.

    This is text, to compare two receivers in one function.
    """
    parts: list[str] = []
    while isinstance(receiver, (ast.Attribute, ast.Subscript)):
        if isinstance(receiver, ast.Attribute):
            parts.append(f".{receiver.attr}")
        else:
            key = (
                repr(receiver.slice.value)
                if isinstance(receiver.slice, ast.Constant)
                else dotted(receiver.slice)
            )
            if key is None:
                return None
            parts.append(f"[{key}]")
        receiver = receiver.value
    return "".join((receiver.id, *reversed(parts))) if isinstance(receiver, ast.Name) else None


def _name(receiver: ast.expr) -> str:
    """The last identifier of a lock: ``locks`` of ``self.locks[key]``."""
    return last_name(receiver.value if isinstance(receiver, ast.Subscript) else receiver) or ""
