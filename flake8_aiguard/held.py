"""What a class does with a resource that it keeps in an attribute of its instances."""

from __future__ import annotations

import ast
from collections import defaultdict

from flake8_aiguard import knowledge
from flake8_aiguard.flow import Release
from flake8_aiguard.handles import Handles, Leak
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.receivers import first_parameter
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Use
from flake8_aiguard.shapes import dotted, is_none, start_of, string

_Method = ast.FunctionDef | ast.AsyncFunctionDef

_FIRST = frozenset({"__init__", "__post_init__", "__attrs_post_init__", "__new__"})
_MOST_LOADS = 300  # of attributes of one name, which each class of a file looks through
_DUTIES = frozenset({"close", "aclose", "__exit__", "__aexit__"})
_EXITS = frozenset({"__exit__", "__aexit__"})
# Bases that have nothing of a connection to close.
_PLAIN_BASES = frozenset(
    {
        "abc.ABC", "builtins.object", "contextlib.AbstractAsyncContextManager", "contextlib.AbstractContextManager",
        "contextlib.AsyncContextDecorator", "contextlib.ContextDecorator", "typing.AsyncContextManager",
        "typing.ContextManager", "typing.Generic", "typing.Protocol",
    }
)  # fmt: skip
_REPLACES = regex(
    r"(^|_)(re(fresh|load|new|set|build|create|configure|place|init\w*)|rotate|update|swap|switch|renew)(_|$)"
)


class Held:
    """Follows ``self.x`` through the methods of its class.

    Args:
        module: the file.
        handles: what follows the resources of this file through variables.
    """

    def __init__(self, module: Module, handles: Handles) -> None:
        self._module = module
        self._index = module.index
        self._handles = handles
        self._loads: dict[str, list[ast.Attribute]] | None = None

    def leak(self, call: ast.Call, row: knowledge.Row) -> Leak | None:
        """How the resource leaks that a call opens and a method binds to ``self.x``.

        Args:
            call: the call.
            row: what is known about the resource, as in ``connections.toml``.

        Returns:
            ``NEVER`` where the class has ``close()``, ``aclose()`` or the end of a context manager, and nothing in the file
            closes ``x``; ``REBOUND`` where a method that refreshes the object binds ``x`` again without closing what
            ``__init__`` has put there; ``None`` for everything else, where somebody else may hold the resource, and where
            bases that the file does not show may close it.
        """
        target = self._target(call)
        owner = None if target is None else self._module.receivers.class_behind(target.value)
        method = self._index.function(call)
        if target is None or owner is None or not isinstance(method, _Method) or _is_of_class(method):
            return None
        if len(self._loads_of(target.attr)) > _MOST_LOADS:
            return None
        uses = self._uses(owner, target.attr)
        closers = [use for use in uses if self._closes(use, row)]
        duty = None if closers else self._duty(owner)
        if duty is None and not self._is_replaced(owner, method, target, uses, closers):
            return None
        if self._is_out_of_sight(owner, target.attr, uses, row):
            return None
        name = dotted(target)
        if duty is not None:
            return Leak(name, Release.NEVER, duty)
        return Leak(name, Release.REBOUND, self._index.statement(call))

    def _target(self, call: ast.Call) -> ast.Attribute | None:
        """The attribute that the call's value is bound to, and nothing else."""
        parent = self._index.parent(call)
        if isinstance(parent, ast.Await):
            parent = self._index.parent(parent)
        if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
            target: ast.expr = parent.targets[0]
        elif isinstance(parent, ast.AnnAssign):
            target = parent.target
        else:
            return None
        return target if isinstance(target, ast.Attribute) else None

    def _uses(self, owner: ast.ClassDef, name: str) -> list[ast.Attribute]:
        """All ``<anything>.name`` in the file that may be the owner's: others than the class may close it."""
        return [use for use in self._loads_of(name) if self._may_be(use.value, owner)]

    def _may_be(self, receiver: ast.expr, owner: ast.ClassDef) -> bool:
        """Whether an expression may be an instance of a class, or the class: it is of no other one in the file."""
        behind = self._module.receivers.class_behind(receiver)
        return behind is None or owner in self._lineage(behind) or behind in self._lineage(owner)

    @memoised
    def _lineage(self, owner: ast.ClassDef) -> dict[ast.ClassDef, bool]:
        """A class and its bases in the file, each with whether all of its own bases are known."""
        found: dict[ast.ClassDef, bool] = {}
        waiting = [owner]
        while waiting:
            current = waiting.pop()
            if current in found:
                continue
            found[current] = True
            for base in current.bases:
                known = self._module.receivers.definition(base)
                if isinstance(known, ast.ClassDef):
                    waiting.append(known)
                    continue
                name = self._module.qualname(base.value if isinstance(base, ast.Subscript) else base)
                found[current] = found[current] and name in _PLAIN_BASES
        return found

    def _loads_of(self, name: str) -> list[ast.Attribute]:
        """All ``<anything>.name`` that the file reads."""
        if self._loads is None:
            self._loads = defaultdict(list)
            for node in self._index.nodes(ast.Attribute):
                if isinstance(node.ctx, ast.Load):
                    self._loads[node.attr].append(node)
        return self._loads.get(name, [])

    def _is_out_of_sight(
        self, owner: ast.ClassDef, name: str, uses: list[ast.Attribute], row: knowledge.Row
    ) -> bool:
        """Whether others may hold the resource, or reach it by the attribute's name."""
        # What a cursor or response is given to cannot close its connection.
        if self._handles.is_given_away(uses, {**row, "views": ()}):
            return True
        if any(self._module.scopes.use_of(use)[0] is Use.ITERATED for use in uses):
            return True
        if self._uses(owner, "__dict__"):
            return True
        return any(
            bool(call.args) and self._may_be(call.args[0], owner) and string(call.args[-1]) in (None, name)
            for call in self._index.calls_named(("attrgetter", "getattr", "vars"))
        )

    def _closes(self, use: ast.Attribute, row: knowledge.Row) -> bool:
        closes_by_with = row.get("with") != "commits"
        if self._module.scopes.use_of(use)[0] is Use.ENTERED:
            return closes_by_with
        node: ast.AST | None = use
        path: list[str] = []
        while isinstance(node := self._index.parent(node), ast.Attribute):  # type: ignore[arg-type]
            path.append(node.attr)
        if not path or not isinstance(node, ast.Call):
            return False
        return ".".join(path) in row["close"] or (closes_by_with and path[-1] in _EXITS)

    # -- nothing closes it

    @memoised
    def _duty(self, owner: ast.ClassDef) -> _Method | None:
        """The method that closes the instances of a class, if the file shows all that is called there."""
        duties = [item for item in owner.body if isinstance(item, _Method) and item.name in _DUTIES]
        if not duties or not all(self._lineage(owner).values()) or not all(map(self._is_in_sight, duties)):
            return None
        return duties[0]

    def _is_in_sight(self, method: _Method) -> bool:
        """Whether a method hands ``self`` to nobody and calls nothing of it that the file does not show."""
        this = first_parameter(method)
        for node in ast.walk(method):
            if not isinstance(node, ast.Name) or this is None:
                continue
            if node.id == "super":
                return False
            parent = self._index.parent(node)
            if node.id != this.arg or (isinstance(parent, ast.Attribute) and not self._is_call(parent)):
                continue
            if not isinstance(parent, ast.Attribute) or self._module.receivers.definition(parent) is None:
                return False
        return True

    def _is_call(self, function: ast.Attribute) -> bool:
        parent = self._index.parent(function)
        return isinstance(parent, ast.Call) and parent.func is function

    # -- bound again

    def _is_replaced(
        self,
        owner: ast.ClassDef,
        method: _Method,
        target: ast.Attribute,
        uses: list[ast.Attribute],
        closers: list[ast.Attribute],
    ) -> bool:
        """Whether the method replaces what ``__init__`` has opened, and has not looked at it before."""
        if method.name in _FIRST or not _REPLACES.search(method.name):
            return False
        if not self._is_opened_first(owner, method, target.attr):
            return False
        if any(isinstance(item, ast.ExceptHandler) for item in self._index.ancestors(target)):
            return False
        before = start_of(target)
        closing = {self._index.function(use) for use in closers}
        for node in ast.walk(method):
            if not isinstance(node, ast.Attribute) or start_of(node) >= before:
                continue
            if node in uses and not self._is_mere_call(node):
                return False
            if node in closers:
                return False
            if self._is_call(node) and self._module.receivers.class_behind(node.value) is owner:
                called = self._module.receivers.definition(node)
                if called is None or called in closing:
                    return False
        if method in closing:
            return False
        return not any(
            self._index.function(use) in closing
            for use in self._loads_of(method.name)
            if self._module.receivers.class_behind(use.value) is owner
        )

    def _is_mere_call(self, use: ast.Attribute) -> bool:
        return self._module.scopes.use_of(use)[0] is Use.METHOD_CALL

    def _is_opened_first(self, owner: ast.ClassDef, method: _Method, name: str) -> bool:
        """Whether ``__init__`` opens the attribute too, or does so by the method."""
        for store in self._module.receivers.attribute_stores(owner, name):
            function = self._index.function(store)
            if (
                isinstance(function, _Method)
                and function.name in _FIRST
                and self._index.class_of(function) is owner
            ):
                value = getattr(self._index.parent(store), "value", None)
                if not is_none(value):
                    return isinstance(value, ast.Call)
        for use in self._loads_of(method.name):
            function = self._index.function(use)
            if isinstance(function, _Method) and function.name in _FIRST and self._is_call(use):
                return self._module.receivers.class_behind(use.value) is owner
        return False


def _is_of_class(method: _Method) -> bool:
    return any(dotted(item) in ("classmethod", "staticmethod") for item in method.decorator_list)
