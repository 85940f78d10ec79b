"""Whether a pass that builds a list and a pass over that list may be one."""

from __future__ import annotations

import ast
from typing import Final

from flake8_aiguard.index import FUNCTIONS
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import last_name, names_in, root

_LAZY: Final = frozenset(f"builtins.{name}" for name in ("map", "filter", "zip", "enumerate"))
_VIEWS: Final = frozenset({"items", "keys", "values"})
_STARTS: Final = regex(
    r"_?(submit|create_task|ensure_future|start_soon|apply_async|map_async|remote|delay|spawn|start|launch|schedule|enqueue|fork|defer"
    r"|run_in_executor|to_thread|run_coroutine_threadsafe|subscribe|connect|acquire)(_|$)|(Thread|Process|Popen|Timer)$"
)
# Methods by which an item leaves the collection that holds it.
_LEAVES: Final = regex(
    r"(_?(remove|delete|discard|pop|close|cancel|unlink|destroy|kill|detach|unregister|unsubscribe|disconnect|stop|terminate"
    r"|release|clear|drop|move|rename|reparent|replace|insert|append|add|extract|decompose|unwrap))(_|$)"
)
_HANDLES: Final = regex(
    r"(^|_)(cur|cursor|conn|connection|session|db|database|engine|query|queryset|qs|result|resultset|rs|stmt|reader|response|resp"
    r"|stream|handle|pipe|stdout|stderr|socket|sock|queue|q|transaction|tx)$"
)


class Passes:
    """The passes of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def is_plain(self, node: ast.expr) -> bool:
        """Whether an expression may be evaluated item by item: no ``await``, no ``:=``, nothing to be drained or started first.

        Args:
            node: a comprehension, or a call such as ``map(f, xs)``.
        """
        for item in ast.walk(node):
            if isinstance(item, (ast.Await, ast.NamedExpr, ast.Yield, ast.YieldFrom)):
                return False
            if isinstance(item, ast.comprehension) and (item.is_async or self.is_handle(item.iter)):
                return False
            if isinstance(item, ast.Call) and self._starts_or_drains(item):
                return False
        return not isinstance(node, ast.Call) or not any(map(self.is_handle, node.args))

    def _starts_or_drains(self, call: ast.Call) -> bool:
        """Whether a call starts work that goes on, or takes something out of a queue or cursor."""
        if _STARTS.match(last_name(call.func) or ""):
            return True
        return isinstance(call.func, ast.Attribute) and self.is_handle(call.func.value)

    def is_handle(self, node: ast.expr) -> bool:
        """Whether an iterable is a cursor, query or pipe, or comes from one."""
        stack: list[ast.expr] = [node]
        while stack:
            item = stack.pop()
            if _HANDLES.search((last_name(item) or "").lower()):
                return True
            if isinstance(item, ast.Call):
                stack.append(item.func)
                stack += item.args[:1]
            elif isinstance(item, (ast.Attribute, ast.Subscript)):
                stack.append(item.value)
        return False

    def are_apart(self, source: ast.AST, loop: ast.For | ast.AsyncFor) -> bool:
        """Whether a loop leaves alone what its list is built from, so that both may run item by item.

        Args:
            source: what builds the list: a comprehension, a call, or a loop that appends.
            loop: the loop over it.
        """
        if isinstance(loop, ast.AsyncFor) or self._is_used_after(loop):
            return False
        body = [item for statement in (*loop.body, *loop.orelse) for item in ast.walk(statement)]
        if any(isinstance(item, (ast.Await, ast.AsyncFor, ast.AsyncWith)) for item in body):
            return False
        own = {item.id for item in ast.walk(source) if isinstance(item, ast.Name) and _is_stored(item)}
        own |= {item.arg for item in ast.walk(source) if isinstance(item, ast.arg)}
        read = {item.id for item in names_in(source) if isinstance(item.ctx, ast.Load)} - own
        if any(
            isinstance(item, ast.Name) and item.id in read and not self._is_only_read(item) for item in body
        ):
            return False
        targets = {name.id for name in names_in(loop.target)}
        is_lent = self._is_lent(source)
        for call in body:
            if not isinstance(call, ast.Call):
                continue
            start = root(call.func)
            on_item = (
                isinstance(call.func, ast.Attribute) and isinstance(start, ast.Name) and start.id in targets
            )
            if on_item and (is_lent or _LEAVES.match(last_name(call.func) or "")):
                return False
            if (
                is_lent
                and not on_item
                and (self._module.qualname(call.func) or "").partition(".")[0] != "builtins"
                and not self._is_local_container(call.func)
            ):
                return False
        return True

    def _is_lent(self, source: ast.AST) -> bool:
        """Whether a list is built from an attribute or a global, which what the loop calls may change."""
        iterables = [item.iter for item in ast.walk(source) if isinstance(item, (ast.comprehension, ast.For))]
        if isinstance(source, ast.Call):
            iterables = source.args[last_name(source.func) in ("map", "filter") :]
        return any(map(self._is_held_elsewhere, iterables))

    def _is_held_elsewhere(self, iterable: ast.expr) -> bool:
        while isinstance(iterable, ast.Call):
            if isinstance(iterable.func, ast.Attribute) and iterable.func.attr in _VIEWS:
                iterable = iterable.func.value
            elif iterable.args and self._module.qualname(iterable.func) in _LAZY:
                iterable = iterable.args[0]
            else:
                return False  # a new value
        resolved = self._module.scopes.resolve(iterable) if isinstance(iterable, ast.Name) else None
        if resolved is not None:
            return isinstance(resolved[0], ast.Module)
        return isinstance(iterable, (ast.Attribute, ast.Subscript))

    def _is_local_container(self, function: ast.expr) -> bool:
        """Whether a call fills a collection that the function made: ``days.setdefault(...)``."""
        start = root(function)
        resolved = self._module.scopes.resolve(start) if isinstance(start, ast.Name) else None
        return (
            resolved is not None
            and isinstance(resolved[0], FUNCTIONS)
            and all(binding.kind in (Kind.ASSIGN, Kind.ANNOTATED) for binding in resolved[1])
        )

    def _is_only_read(self, name: ast.Name) -> bool:
        """Whether a mention neither changes a value nor hands it to somebody who could."""
        if not isinstance(name.ctx, ast.Load):
            return False
        parent = self._module.index.parent(name)
        if isinstance(parent, ast.Call) and parent.func is name:
            return True
        outer = parent
        while isinstance(outer, (ast.Attribute, ast.Subscript)):
            if not isinstance(outer.ctx, ast.Load):
                return False  # del self.names[name]
            outer = self._module.index.parent(outer)
        return isinstance(parent, (ast.Compare, ast.BinOp, ast.BoolOp, ast.IfExp, ast.FormattedValue)) or (
            isinstance(parent, ast.Attribute)
            and isinstance(parent.ctx, ast.Load)
            and not isinstance(self._module.index.parent(parent), ast.Call)
        )

    def _is_used_after(self, loop: ast.For) -> bool:
        """Whether the variable of a loop is used behind it, or deleted."""
        end = loop.end_lineno or loop.lineno
        for name in names_in(loop.target):
            resolved = self._module.scopes.resolve(name)
            if resolved is None:
                continue
            if any(binding.kind is Kind.DELETE for binding in resolved[1]):
                return True
            others = [
                binding.node
                for binding in resolved[1]
                if isinstance(binding.node, ast.Name) and binding.node is not name
            ]
            if not others and any(use.lineno > end for use in self._module.scopes.uses(resolved[0], name.id)):
                return True
        return False


def _is_stored(name: ast.Name) -> bool:
    return not isinstance(name.ctx, ast.Load)
