"""Which locks are held where: by ``with``, by ``acquire()``, and by every caller of a private function."""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.index import Function
from flake8_aiguard.memo import lazy, memoised
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import argument, dotted, is_constant, last_name, start_of, string

ANY: Final = "*"  # some lock, which one is not known
_ANY: Final = frozenset({ANY})
_OUTSIDE: Final = ("process", "host")
_NONE: Final[frozenset[str]] = frozenset()
_LOCKISH = regex(
    r"(?<![bc])(?<!un)lock|mutex|critical|synchroni[sz]ed|(?:^|_)cond(?:ition)?s?(?:$|_)", re.IGNORECASE
)
_HELD = regex(
    r"\b(?:lock|mutex)s?\b.{0,30}\b(?:held|hold|holds|holding|acquired|owned|taken)\b"
    r"|\b(?:hold|holds|holding|held|under|acquired?|owns?|takes?|taken|with|within|inside)\b.{0,30}\b(?:lock|mutex)\b"
    r"|\block_?held\b",
    re.IGNORECASE | re.DOTALL,
)
_DECLINES = regex(
    r"\bno lock\b|\bavoid(?:s|ing)? (?:the |a )?lock|\block (?:is )?not needed|\bneeds? no lock",
    re.IGNORECASE,
)
_EXPLAINS = regex(
    r"\batomic|\bGIL\b|lock-?free|thread-?safe|\bbenign\b|never blocks|without (?:the|a|any|holding|taking)\b.{0,20}lock"
    r"|\b(?:no|not|n't)\b.{0,20}(?:\b|_)lock|(?:\b|_)lock(?:ing)?\b.{0,30}(?:\bnot\b|n't\b|\bunnecessary|\bheld)|single[- ]thread",
    re.IGNORECASE,
)
_CLOSE: Final = 6  # lines
_SETUP = regex(r"_*(?:a?sync_|do_|on_)?(?:set_?up|initiali[sz]e|init|startup)(?:_\w+)?")
_ENDS: Final = (
    "stop|close|shutdown|disconnect|cancel|clean_?up|terminate|tear_?down|finali[sz]e|exit|abort|destroy|graceful_shutdown|kill"
    "|dispose|join"
)
_ENDING = regex(rf"_*(?:a_?|async_|do_|on_)?(?:{_ENDS})(?:_\w+)?|__a?exit__|__del__")
_LIFECYCLE = regex(
    rf"_*(?:a_?|async_|do_|on_)?(?:re)?(?:start|open|connect|launch|login|reset|clear|{_ENDS})(?:_\w+)?"
)
_ENTERS: Final = ("enter_context", "enter_async_context")
_LOCKS: Final = ("acquire_lock", "_acquire", "_acquire_lock", "lock", "_lock")
_UNLOCKS: Final = ("release_lock", "_release", "_release_lock", "unlock", "_unlock")
_Position = tuple[int, int]
_Span = tuple[_Position, _Position]


class Locking:
    """The locks in one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._index = module.index
        self._entries: dict[Function, frozenset[str] | None] = {}
        self._asked: set[ast.AST] = set()

    def runs(self, node: ast.expr) -> str | None:
        """Whom a lock keeps out.

        Args:
            node: an attribute.

        Returns:
            ``thread``, ``task``, ``process`` or ``host``; ``""`` where only its name says that it is a lock; ``None`` where it is
            none, or more than one may hold it.
        """
        kind = self._module.type_of(node)
        row = None if kind is None else lock_rows().get(kind)
        if row is not None:
            return None if row["limiter"] and not self._is_exclusive(node) else str(row["runs"])
        return "" if _LOCKISH.search(last_name(node) or "") else None

    def _is_exclusive(self, node: ast.expr) -> bool:
        """Whether a semaphore admits one holder only."""
        calls = self._module.receivers.origin(node).calls
        counts = [argument(call, "value", 0) or argument(call, "initial_value", 0) for call in calls]
        return bool(calls) and all(count is None or is_constant(count, 1) for count in counts)

    def lock(self, node: ast.expr) -> str | None:
        """The lock that an expression takes when it is entered or acquired.

        Args:
            node: what a ``with`` enters, or the receiver of ``acquire()``.

        Returns:
            The attribute that holds the lock; :data:`ANY` where it is a lock, but no attribute of the class; ``None`` for
            anything else.
        """
        if isinstance(node, ast.Attribute) and self._module.receivers.class_behind(node.value) is not None:
            runs = self.runs(node)
            if (
                runs in _OUTSIDE and not (self._module.type_of(node) or "").startswith("multiprocessing.")
            ) or self._module.receivers.definition(node) is not None:
                return ANY  # is there for a file that others change too, or a property says what it is
            return None if runs is None else self._underlying(node)
        if isinstance(node, ast.Name):
            resolved = self._module.scopes.resolve(node)
            value = resolved[1][0].value if resolved is not None and len(resolved[1]) == 1 else None
            if isinstance(value, (ast.Attribute, ast.Subscript)):
                return self.lock(value)
            if isinstance(value, ast.IfExp):
                return self.lock(value.body) or self.lock(value.orelse)
            if self._module.receivers.class_behind(node) is not None:
                return ANY  # the object is its own lock
            return None if self.runs(node) is None else ANY
        if isinstance(node, ast.Call):
            return self._guard(node)
        return ANY if is_lockish(node) else None

    def _underlying(self, node: ast.Attribute) -> str:
        """The name of a lock; for ``Condition(self._lock)`` that of the lock it shares."""
        for call in self._module.receivers.origin(node).calls:
            shared = argument(call, "lock", 0)
            if isinstance(shared, ast.Attribute) and self.runs(shared) is not None:
                return shared.attr
        return node.attr

    def _guard(self, call: ast.Call) -> str | None:
        """The lock that a call takes: ``self._lock.write_lock()``, ``self._locked()``, ``lock_for(key)``."""
        function = call.func
        if isinstance(function, ast.Attribute):
            kind = self._module.type_of(function.value)
            row = None if kind is None else lock_rows().get(kind)
            if row is not None and function.attr in (*row.get("guards", ()), *row["acquire"], *row["nowait"]):
                return self.lock(function.value)
        definition = self._module.receivers.definition(function)
        inner = None if definition is None else self._yielded_under(definition)
        if inner is not None:
            return inner
        return ANY if is_lockish(function) else None

    def _yielded_under(self, definition: ast.AST) -> str | None:
        """The lock that a context manager of the file holds while it yields."""
        if definition in self._asked:
            return None
        self._asked.add(definition)
        for point in self._yields.get(definition, ()):
            for item in self._index.with_items(point):
                name = self.lock(item.context_expr)
                if name is not None:
                    self._asked.discard(definition)
                    return name
        self._asked.discard(definition)
        return None

    @lazy
    def _yields(self) -> dict[ast.AST | None, list[ast.Yield]]:
        found: defaultdict[ast.AST | None, list[ast.Yield]] = defaultdict(list)
        for node in self._index.nodes(ast.Yield):
            found[self._index.function(node)].append(node)
        return found

    @memoised
    def held(self, node: ast.AST) -> frozenset[str]:
        """The locks that are held where a node runs, as :meth:`lock` names them.

        Those that its ``with`` statements enter, that were acquired before it in its function, and that every caller holds;
        :data:`ANY` among them where some lock, or nobody else, may be around.
        """
        return frozenset(name for name, _ in self.holds(node))

    @memoised
    def holds(self, node: ast.AST) -> frozenset[tuple[str, object]]:
        """As :meth:`held`, each lock with what takes it: two nodes that share one run with nobody in between."""
        function = self._index.function(node)
        found: set[tuple[str, object]] = set()
        for item in self._index.with_items(node):
            name = self.lock(item.context_expr)
            if name is not None:
                found.add((name, item))
        where = start_of(node)
        found.update(region for region in self._regions.get(function, ()) if _covers(region[1], where))
        if function is not None:
            found.update((name, None) for name in self.entry(function))
        return frozenset(found)

    def acquirers(self) -> Collection[ast.AST | None]:
        """The functions that take a lock of the class by a call."""
        return [
            function for function, taken in self._regions.items() if any(name != ANY for name, _ in taken)
        ]

    @lazy
    def _regions(self) -> dict[ast.AST | None, list[tuple[str, _Span]]]:
        """What each function acquires by a call: the lock, the call, and its last release."""
        index = self._index
        found: defaultdict[ast.AST | None, list[tuple[str, _Span]]] = defaultdict(list)
        taken = list(index.calls_named(_taking()))
        if not taken:
            return found
        ends: dict[tuple[ast.AST | None, str], _Position] = {}
        for call in index.calls_named(_giving()):
            if isinstance(call.func, ast.Attribute):
                key = (index.function(call), self.lock(call.func.value) or ANY)
                ends[key] = max(start_of(call), ends.get(key, (0, 0)))
        for call in taken:
            if not isinstance(call.func, ast.Attribute):
                continue
            inner = call.args[0] if call.func.attr in _ENTERS and call.args else None
            name = self.lock(call.func.value if inner is None else inner)
            if name is None and (inner is not None or self._is_limiter(call.func.value)):
                continue
            function = index.function(call)
            end = ends.get((function, name or ANY), (sys.maxsize, 0)) if inner is None else (sys.maxsize, 0)
            found[function].append((name or ANY, (start_of(call), end)))
        return found

    def _is_limiter(self, node: ast.expr) -> bool:
        row = lock_rows().get(self._module.type_of(node) or "")
        return row is not None and bool(row["limiter"])

    def entry(self, function: Function) -> frozenset[str]:
        """The locks that are held whenever a function starts, as far as the file shows: what all its callers share.

        :data:`ANY` alone where its name, docstring or decorator says that the caller holds the lock, where it runs before
        anybody else holds the object, and for a private function that the file does not call.
        """
        if function not in self._entries:
            self._entries[function] = None
            self._entries[function] = self._entry(function)
        found = self._entries[function]
        return _ANY if found is None else found

    def _entry(self, function: Function) -> frozenset[str]:
        if isinstance(function, ast.Lambda):
            return self._asked_by(function)
        around = self._index.function(function)
        if isinstance(around, ast.FunctionDef | ast.AsyncFunctionDef) and _says_locked(around):
            return _ANY  # called back while the function around it runs
        if self.is_setup(function) or _says_locked(function) or function.name in self._called_under_lock:
            return _ANY
        if any(last_name(item) in self._locking_decorators for item in function.decorator_list):
            return _ANY
        callers = self._callers(function)
        if callers is None:
            return _NONE
        shared: frozenset[str] | None = None
        at_end: frozenset[str] | None = None
        is_called_on_setup = False
        for call in callers:
            caller = self._index.function(call)
            if caller is None or (caller in self._entries and self._entries[caller] is None):
                continue  # on import, or round a cycle
            if self.is_setup(caller):
                is_called_on_setup = True
                continue
            locks = self.held(call)
            if locks == _ANY:
                continue
            if _ENDING.fullmatch(getattr(caller, "name", "")):  # says little: nobody else may be left
                at_end = locks if at_end is None else at_end & locks
            else:
                shared = locks if shared is None else shared & locks
        if shared is None:
            shared = at_end
        if shared is None and is_called_on_setup and self._is_public(function):
            # Whoever else calls it stands in another file; a reset gives back what the constructor has set.
            return _ANY if function.name.startswith(("clear", "reset")) else _NONE
        return _ANY if shared is None else shared

    @lazy
    def _locking_decorators(self) -> set[str]:
        """The decorators of the file that call what they wrap with a lock held: ``@sync``."""
        found: set[str] = set()
        blocks: list[ast.With | ast.AsyncWith] = [
            *self._index.nodes(ast.With),
            *self._index.nodes(ast.AsyncWith),
        ]
        for block in blocks:
            inner = self._index.function(block)
            outer = None if inner is None else self._index.function(inner)
            if isinstance(outer, ast.FunctionDef) and any(
                is_lockish(item.context_expr) for item in block.items
            ):
                found.add(outer.name)
        return found

    def _asked_by(self, question: ast.Lambda) -> frozenset[str]:
        """The condition that asks a lambda while it holds its lock: ``self.cond.wait_for(lambda: self.ready)``."""
        call = self._index.parent(question)
        if (
            not isinstance(call, ast.Call)
            or not isinstance(call.func, ast.Attribute)
            or call.func.attr != "wait_for"
        ):
            return _NONE
        name = self.lock(call.func.value)
        return _NONE if name is None else frozenset({name})

    @lazy
    def _called_under_lock(self) -> set[str]:
        """The methods that users in the file call with the object's lock held: ``with pool.lock: pool.grow()``."""
        found: set[str] = set()
        blocks: list[ast.With | ast.AsyncWith] = [
            *self._index.nodes(ast.With),
            *self._index.nodes(ast.AsyncWith),
        ]
        for block in blocks:
            for item in block.items:
                held = item.context_expr
                owner = dotted(held.value) if isinstance(held, ast.Attribute) else None
                if owner is None or owner in ("self", "cls") or not _LOCKISH.search(last_name(held) or ""):
                    continue
                for node in ast.walk(block):
                    if isinstance(node, ast.Attribute) and dotted(node.value) == owner:
                        found.add(node.attr)
        return found

    def _callers(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr] | None:
        """The calls of a function; ``None`` where others call it, or it is handed over to be run.

        A public method counts as called by others, unless its own class calls it. A method in a table of handlers is called
        where its class looks into the table.
        """
        is_method = self._index.class_of(function) is not None
        is_public = self._is_public(function)
        calls: list[ast.expr] = []
        for mention in self._mentions.get(function.name, ()):
            parent = self._index.parent(mention)
            known = self._module.receivers.definition(mention) is function
            if isinstance(parent, ast.Call) and parent.func is mention:
                if known or not is_public:
                    calls.append(parent)
            elif isinstance(parent, ast.Dict) and is_method and (lookups := self._lookups(parent)):
                calls += lookups if known else ()
            elif known or (is_method and not is_public):
                if isinstance(parent, (ast.Return, ast.Assign)) and not is_method:
                    return []  # called by whoever gets it
                return None
        return None if is_public and not calls else calls

    @memoised
    def _lookups(self, table: ast.Dict) -> list[ast.expr]:
        """Where the file looks into the dict of an attribute: ``self._handlers[kind]``, ``self._handlers.get(kind)``."""
        index = self._index
        assign = index.parent(table)
        target = assign.targets[0] if isinstance(assign, ast.Assign) else getattr(assign, "target", None)
        if not isinstance(target, ast.Attribute):
            return []
        owner = self._module.receivers.class_behind(target.value)
        mentions = [
            node
            for node in self._loads[target.attr]
            if self._module.receivers.class_behind(node.value) is owner
        ]
        looked = [node for node in mentions if isinstance(index.parent(node), (ast.Subscript, ast.Attribute))]
        return list(looked) if len(looked) == len(mentions) else []

    @lazy
    def _loads(self) -> defaultdict[str, list[ast.Attribute]]:
        found: defaultdict[str, list[ast.Attribute]] = defaultdict(list)
        for node in self._index.nodes(ast.Attribute):
            if isinstance(node.ctx, ast.Load):
                found[node.attr].append(node)
        return found

    def is_mentioned(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Whether the file calls a function by its name, or hands it over, anywhere."""
        return bool(self._mentions.get(function.name))

    def is_explained(self, node: ast.AST) -> bool:
        """Whether a comment close above a node, or beside it, says why no lock is needed, or one in its method that none is taken."""
        line: int = node.lineno  # type: ignore[attr-defined]
        function = self._index.function(node)
        first = max(line - _CLOSE, 1 if function is None else function.lineno)
        comments = self._module.comments.all
        if any(_EXPLAINS.search(comments.get(number, "")) for number in range(first, line + 1)):
            return True
        while function is not None and (outer := self._index.function(function)) is not None:
            function = outer
        first = line if function is None else function.lineno
        return any(_DECLINES.search(comments.get(number, "")) for number in range(first, line + 1))

    def _is_public(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        is_method = self._index.class_of(function) is not None
        return is_method and (not function.name.startswith("_") or function.name.endswith("__"))

    @memoised
    def is_started(self, function: Function) -> bool:
        """Whether a function, or one that calls it, is handed over to be run by something else, such as a thread."""
        seen: set[Function] = {function}
        stack = [function]
        while stack:
            item = stack.pop()
            for mention in () if isinstance(item, ast.Lambda) else self._mentions.get(item.name, ()):
                parent = self._index.parent(mention)
                caller = self._index.function(mention)
                if self._module.receivers.definition(mention) is not item:
                    continue
                if not isinstance(parent, ast.Call) or parent.func is not mention:
                    return True
                if caller is not None and caller not in seen:
                    seen.add(caller)
                    stack.append(caller)
        return any(not isinstance(item, ast.Lambda) and item.name == "run" for item in seen)

    @lazy
    def _mentions(self) -> dict[str, list[ast.Name | ast.Attribute]]:
        """The loads of the names that functions of the file have."""
        index = self._index
        names = {item.name for item in index.nodes(ast.FunctionDef)}
        names |= {item.name for item in index.nodes(ast.AsyncFunctionDef)}
        found: defaultdict[str, list[ast.Name | ast.Attribute]] = defaultdict(list)
        for name in index.nodes(ast.Name):
            if name.id in names and isinstance(name.ctx, ast.Load):
                found[name.id].append(name)
        for attribute in index.nodes(ast.Attribute):
            if attribute.attr in names and isinstance(attribute.ctx, ast.Load):
                found[attribute.attr].append(attribute)
        return found

    @memoised
    def is_setup(self, function: Function) -> bool:
        """Whether a function runs before anybody else holds the object: a constructor, what only constructors call, and what
        makes the lock itself."""
        if isinstance(function, ast.Lambda):
            return False
        if self._index.class_of(function) is not None:
            if is_setup_name(function.name) or function in self._makes_lock:
                return True
        elif self._index.function(function) is not None:
            return False
        seen: set[ast.AST] = {function}
        stack: list[ast.FunctionDef | ast.AsyncFunctionDef] = [function]
        while stack:
            item = stack.pop()
            callers = None if self._is_public(item) else self._callers(item)
            if not callers:
                return False
            for call in callers:
                caller = self._index.function(call)
                if caller is None or isinstance(caller, ast.Lambda):
                    return False
                if not is_setup_name(caller.name) and caller not in seen:
                    seen.add(caller)
                    stack.append(caller)
        return True

    @lazy
    def _makes_lock(self) -> set[Function | None]:
        """The functions that bind an attribute to a new lock."""
        found: set[Function | None] = set()
        for call in self._index.calls_named({name.rpartition(".")[2] for name in lock_rows()}):
            assign = self._index.parent(call)
            target = assign.targets[0] if isinstance(assign, ast.Assign) else None
            if isinstance(target, ast.Attribute) and self._module.type_of(call) in lock_rows():
                found.add(self._index.function(call))
        return found


def _covers(span: _Span, where: _Position) -> bool:
    return span[0] <= where <= span[1]


def is_lockish(node: ast.AST) -> bool:
    """Whether an identifier in a chain of attributes, calls and subscripts names a lock."""
    return any(_LOCKISH.search(word) for word in _words(node))


def _words(node: ast.AST) -> Iterator[str]:
    """The identifiers of a chain of attributes, calls and subscripts."""
    while True:
        if isinstance(node, ast.Attribute):
            yield node.attr
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, (ast.Subscript, ast.Await)):
            node = node.value
        else:
            if isinstance(node, ast.Name):
                yield node.id
            return


def _says_locked(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether the name, a decorator or the docstring says that the lock is held."""
    if re.search(r"(?:^|_)(?<!un)locked(?:_|$)|_(?:under|with|holding|have)_lock", function.name):
        return True
    if any(map(is_lockish, function.decorator_list)):
        return True
    first = function.body[0]
    text = string(first.value) if isinstance(first, ast.Expr) else None
    return text is not None and _HELD.search(text) is not None


@knowledge.cached
def lock_rows() -> dict[str, knowledge.Row]:
    """The rows of ``locks.lock`` by type."""
    return {name: row for row in knowledge.rows("locks.lock") for name in row["types"]}


def is_setup_name(name: str) -> bool:
    """Whether a method of this name runs before anybody else holds the object."""
    return name in _setup_methods() or _SETUP.fullmatch(name) is not None


def is_lifecycle_name(name: str) -> bool:
    """Whether a method of this name begins or ends what its object does."""
    return _LIFECYCLE.fullmatch(name) is not None


def is_ending_name(name: str) -> bool:
    """Whether a method of this name ends what its object does."""
    return _ENDING.fullmatch(name) is not None


@knowledge.cached
def _taking() -> frozenset[str]:
    rows = knowledge.rows("locks.lock")
    return frozenset(
        (*(name for row in rows for name in (*row["acquire"], *row["nowait"])), *_LOCKS, *_ENTERS)
    )


@knowledge.cached
def _giving() -> frozenset[str]:
    return frozenset((*(name for row in knowledge.rows("locks.lock") for name in row["release"]), *_UNLOCKS))


@knowledge.cached
def _setup_methods() -> frozenset[str]:
    return frozenset(name for row in knowledge.rows("shared_state.setup") for name in row["methods"])
