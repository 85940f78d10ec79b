"""AIG002: a connection, session or client that some path does not close."""

from __future__ import annotations

import ast
import functools
from collections.abc import Collection, Iterator

from flake8_aiguard import knowledge
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.flow import Release
from flake8_aiguard.handles import Handles, Leak
from flake8_aiguard.held import Held
from flake8_aiguard.index import TRIES, Scope
from flake8_aiguard.memo import memoised
from flake8_aiguard.oneoff import OneOff
from flake8_aiguard.scopes import Kind, Use
from flake8_aiguard.shapes import argument, dotted, is_none, last_name

_OPENERS = "connections.opener"
_CALLED = ".__call__"
_LENT = ("bind", "conn", "connection")
_GIVEN = (ast.Name, ast.Attribute, ast.Subscript)
_TEST_FOLDERS = ("*_test/", "features/steps/", "features/*", "*/features/environment.py")


class UnclosedConnection(Checker):
    """Connection, session or client that is not closed on every path.

    Why: an open connection keeps a socket here and a slot on the server until the garbage collector finds it, and the
    ``close()`` after the work is not reached when the work raises. ``with sqlite3.connect(...)`` looks safe and is not:
    it commits, and leaves the connection open.

    Bad::

        import sqlite3

        def names(path):
            with sqlite3.connect(path) as conn:
                return conn.execute("SELECT name FROM users").fetchall()

    Good::

        import sqlite3
        from contextlib import closing

        def names(path):
            with closing(sqlite3.connect(path)) as conn, conn:
                return conn.execute("SELECT name FROM users").fetchall()

    Limits: reports a connection, session or client that some path leaves open, in a local variable or in ``self.x`` within its
    class: there only where the class shows how it is closed and forgets this one, or where a refresh replaces it.

    - What is returned, yielded, stored, used by a nested function or passed to a call that may own it is its new owner's, as is
      the client whose database or collection is. A function of this file does not own what it neither closes nor keeps.
    - Silent for variables of a module, which are singletons, and for what ``main()``, a command or a script leaves open.
    - In tests and migrations, only what warns when it is collected is reported.
    - Silent for what is opened only where none was given (``session or Session()``), and for a session that has made no request yet.
    - Silent for SQLAlchemy engines, the connection of one with ``StaticPool``, and sessions that borrow a ``bind`` or ``connection``.
    - Not followed: connections that a pool lends (``getconn()``), and ``http.client`` on a socket that ``finally`` closes.
    """

    code = "AIG002"
    slug = "unclosed-connection"
    since = "0.1.0"
    severity = "warning"
    message = "the {noun} that {call}() opens inside an expression is never {released}; {advice}"

    def call_names(self) -> Collection[str]:
        names = knowledge.names_of(_names(), self.module.index.packages)
        return names | self._makers if names else names

    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        row = self._row(node)
        if (
            row is None
            or self._is_shared(node, row)
            or self._is_substitute(node)
            or self._is_passing(node, row)
        ):
            return
        if self._is_first_of_two(node) or self.module.is_to_fail(node):
            return
        leak = self._held.leak(node, row) or self._local_leak(node, row)
        if leak is None or not self._handles.is_new(node, leak):
            return
        yield from self.found(
            node,
            message=self._message(node, row, leak),
            advice=_advice(row, leak),
            duty=getattr(leak.where, "name", ""),
            **self._handles.words(node, row, leak),
        )

    @functools.cached_property
    def _handles(self) -> Handles:
        return Handles(self.module)

    @functools.cached_property
    def _once(self) -> OneOff:
        return OneOff(self.module)

    @functools.cached_property
    def _held(self) -> Held:
        return Held(self.module, self._handles)

    # -- what is opened

    @functools.cached_property
    def _makers(self) -> set[str]:
        """The last identifiers of what gives a session for each call: ``Session = sessionmaker(engine)``."""
        makers = {
            name.removesuffix(_CALLED) for name in knowledge.by_call(_OPENERS) if name.endswith(_CALLED)
        }
        found: set[str] = set()
        for call in self.module.index.calls_named({name.rpartition(".")[2] for name in makers}):
            parent = self.module.index.parent(call)
            if self.module.called(call) in makers and isinstance(parent, (ast.Assign, ast.AnnAssign)):
                targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
                found.update(name for name in map(last_name, targets) if name is not None)
        return found

    def _row(self, node: ast.Call) -> knowledge.Row | None:
        rows = knowledge.by_call(_OPENERS)
        row = rows.get(self.module.called(node) or "")
        if row is not None:
            return row
        kind = self.module.type_of(node.func)
        return None if kind is None else rows.get(kind + _CALLED)

    def _is_shared(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether it works on what somebody else has opened."""
        keywords = self.module.receivers.keywords(node)
        if keywords is None:
            return "shared" in row
        if any(self._is_given(keywords[name]) for name in row.get("shared", ()) if name in keywords):
            return True
        lenders = row.get("lenders", ())
        return bool(lenders) and any(
            self.module.type_of(value) in lenders or self._is_bind(value)
            for value in (*node.args, *keywords.values())
        )

    def _is_passing(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether it is a connection of an engine that this function makes, with a pool that keeps none for later."""
        if "pools" not in row or not isinstance(node.func, ast.Attribute):
            return False
        function = self.module.index.function(node)
        engine = self.module.receivers.origin(node.func.value)
        if function is None or not engine.known or not engine.calls:
            return False
        return all(
            self.module.index.function(call) is function
            and self._pool(call).startswith("sqlalchemy.")
            and self._pool(call).rpartition(".")[2] in row["pools"]
            for call in engine.calls
        )

    def _pool(self, engine: ast.Call) -> str:
        """The canonical name of the pool that an engine is made with."""
        pool = argument(engine, "poolclass")
        return "" if pool is None else self.module.qualname(pool) or ""

    def _is_bind(self, value: ast.expr) -> bool:
        """Whether a value is a connection that somebody lends: ``op.get_bind()``, a parameter ``bind`` or ``connection``."""
        if isinstance(value, ast.Name):
            resolved = self.module.scopes.resolve(value)
            binding = resolved[1][0] if resolved is not None and len(resolved[1]) == 1 else None
            if binding is not None and binding.kind is Kind.PARAMETER:
                return value.id in _LENT or (self._once.is_migration and value.id != "engine")
            value = value if binding is None or binding.value is None else binding.value
        return isinstance(value, ast.Call) and last_name(value.func) == "get_bind"

    def _is_given(self, value: ast.expr) -> bool:
        """Whether a value is not made in this function."""
        if isinstance(value, ast.Name):
            resolved = self.module.scopes.resolve(value)
            if resolved is not None and resolved[0] is self.module.index.function(value):
                return any(binding.kind is Kind.PARAMETER for binding in resolved[1])
        return not isinstance(value, ast.Call) and not is_none(value)

    def _is_substitute(self, node: ast.Call) -> bool:
        """Whether it is opened only where nobody has given one: ``session or Session()``, ``if session is None: ...``.

        Who opens it here would have to close it only in that case.
        """
        value: ast.AST = node
        parent = self.module.index.parent(value)
        if isinstance(parent, ast.Await):
            value, parent = parent, self.module.index.parent(parent)
        while isinstance(parent, (ast.BoolOp, ast.IfExp)):
            others = parent.values if isinstance(parent, ast.BoolOp) else [parent.body, parent.orelse]
            if any(isinstance(item, _GIVEN) for item in others if item is not value):
                return True
            value, parent = parent, self.module.index.parent(parent)
        if not isinstance(parent, ast.Assign) or not isinstance(parent.targets[0], ast.Name):
            return False
        return self._may_be_given(self.module.index.scope(parent), parent.targets[0].id)

    @memoised
    def _may_be_given(self, scope: Scope, name: str) -> bool:
        return any(
            binding.kind is Kind.PARAMETER or isinstance(binding.value, _GIVEN)
            for binding in self.module.scopes.bindings(scope, name)
        )

    def _is_first_of_two(self, node: ast.Call) -> bool:
        """Whether something is opened through it at once, which is reported instead."""
        attribute = self.module.index.parent(node)
        call = self.module.index.parent(attribute) if isinstance(attribute, ast.Attribute) else None
        return isinstance(call, ast.Call) and call.func is attribute and self._row(call) is not None

    # -- what is meant

    def _local_leak(self, node: ast.Call, row: knowledge.Row) -> Leak | None:
        """How a connection leaks that is kept in no attribute; ``None`` where it is meant to stay open."""
        leak = None if self._handles.is_lent(node) else self._handles.leak(node, row)
        if leak is None or self._is_on_closed_socket(leak, row):
            return None
        function = self.module.index.function(node)
        if function is None:  # a singleton of the module, or a script's
            is_kept = leak.name is not None or self._handles.is_bound_through(node, row)
            is_meant = self._once.is_in_main(node) or (is_kept and not self._is_trap(node, row, leak))
        elif self._is_test or self._once.is_migration:
            is_meant = "warns" not in row or leak.release is Release.EXCEPTION
        elif isinstance(self.module.index.parent(node), ast.Expr):
            is_meant = True  # nothing holds it: gone at once
        else:
            is_repeated = any(True for _ in self.module.index.loops(node))
            is_meant = "warns" not in row and not is_repeated and self._once.ends_after(node)
        return None if is_meant else leak

    @functools.cached_property
    def _is_test(self) -> bool:
        """Whether the file is a test, or in a folder that only tests of behaviour and packages' tests are called."""
        return self._once.is_test or self.module.matches(_TEST_FOLDERS)

    def _is_on_closed_socket(self, leak: Leak, row: knowledge.Row) -> bool:
        """Whether it is given a socket, ``conn.sock = sock``, that is closed whatever happens."""
        index = self.module.index
        for use in leak.uses if "socket" in row else ():
            target = index.parent(use)
            if not isinstance(target, ast.Attribute) or target.attr != row["socket"]:
                continue
            given = index.parent(target)
            if not isinstance(given, ast.Assign) or target not in given.targets:
                continue
            socket = dotted(given.value)
            if socket is not None and self._is_closed_around(given, socket):
                return True
        return False

    def _is_closed_around(self, node: ast.stmt, name: str) -> bool:
        """Whether a ``finally`` or a ``with`` around a statement closes a variable."""
        for item in self.module.index.with_items(node):
            entered = item.context_expr
            if isinstance(entered, ast.Call) and self.module.qualname(entered.func) == "contextlib.closing":
                entered = entered.args[0] if entered.args else entered
            if name in (dotted(entered), dotted(item.optional_vars)):
                return True
        return any(
            dotted(call.func) == f"{name}.close"
            for block in self.module.index.ancestors(node)
            if isinstance(block, TRIES)
            and self.module.index.function(block) is self.module.index.function(node)
            for statement in block.finalbody
            for call in ast.walk(statement)
            if isinstance(call, ast.Call)
        )

    # -- the finding

    def _is_trap(self, node: ast.Call, row: knowledge.Row, leak: Leak) -> bool:
        """Whether a ``with`` statement is taken for one that closes."""
        if row["with"] != "commits":
            return False
        parent = self.module.index.parent(node)
        opened = parent if isinstance(parent, ast.NamedExpr) else node
        return any(self.module.scopes.use_of(use)[0] is Use.ENTERED for use in (opened, *leak.uses))

    def _message(self, node: ast.Call, row: knowledge.Row, leak: Leak) -> str | None:
        if leak.name is not None and "." in leak.name:
            return _REPLACED if leak.release is Release.REBOUND else _FORGOTTEN
        if self._is_trap(node, row, leak) and leak.release is Release.NEVER:
            return _TRAP
        return _MESSAGES[leak.release] if leak.name else None


_TRAP = (
    "a with statement commits and does not close the {noun} of {call}(); "
    "enter both: with contextlib.closing({call}(...)) as conn, conn:"
)
_FORGOTTEN = "{name}, the {noun} of {call}(), is still open after {duty}(), and nothing else closes it; call {name}.{release}() there"
_REPLACED = (
    "{name} is bound to a new {noun} of {call}() while the one before is open; call {name}.{release}() first"
)
_MESSAGES = {
    Release.NEVER: "the {noun} that {call}() opens is bound to {name} and never {released}; {advice}",
    Release.EXCEPTION: "the {noun} {name} of {call}() is not {released} when {raising} on line {line} raises; {advice}",
    Release.SOME_PATH: "the {noun} {name} of {call}() is not {released} {ends}; {advice}",
    Release.REBOUND: "the {noun} {name} of {call}() is not {released} {ends}; {advice}",
}


def _advice(row: knowledge.Row, leak: Leak) -> str:
    """What to do instead, for the message."""
    in_finally = f"call {leak.name or 'its'}{'.' if leak.name else ' '}{row['close'][0]}() in finally"
    if row["with"] == "closes":
        use = "use an async with statement" if row.get("async") else "use a with statement"
    elif row.get("async"):
        return in_finally
    else:
        use = "use contextlib.closing()"
    if leak.release in (Release.EXCEPTION, Release.SOME_PATH):
        return f"{use}, or {in_finally}"
    return f"{use}, a with statement alone only commits" if row["with"] == "commits" else use


@knowledge.cached
def _names() -> dict[str, frozenset[str]]:
    known = knowledge.by_call(_OPENERS)
    others = [other for other, name in knowledge.aliases().items() if name in known]
    return dict(knowledge.by_package([*known, *others]))
