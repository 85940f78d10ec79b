"""What one mention of an attribute does: which key it uses, what it puts in, whether it empties or hands on what is there."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_aiguard.attributes import Access, Attributes, Kind, is_empty
from flake8_aiguard.children import children
from flake8_aiguard.index import TRIES
from flake8_aiguard.module import Module
from flake8_aiguard.shapes import last_name, start_of


class Mentions:
    """The mentions of attributes in one file.

    Args:
        module: the file.
        attributes: its attributes.
    """

    def __init__(self, module: Module, attributes: Attributes) -> None:
        self._index = module.index
        self._attributes = attributes

    def key(self, node: ast.Attribute) -> str | None:
        """The key by which a mention uses a container: ``k`` of ``self.c[k]``, ``self.c.get(k)``, ``self.c.add(k)``."""
        parent = self._index.parent(node)
        if isinstance(parent, ast.Subscript) and parent.value is node:
            return ast.dump(parent.slice)
        call = self._index.parent(parent) if isinstance(parent, ast.Attribute) else None
        if isinstance(call, ast.Call) and call.func is parent and call.args:
            return ast.dump(call.args[0])
        return None

    def has_fixed_key(self, node: ast.Attribute) -> bool:
        """Whether a mention uses one fixed item of a container, as if it were an attribute."""
        parent = self._index.parent(node)
        return isinstance(parent, ast.Subscript) and is_fixed(parent.slice)

    def is_read(self, node: ast.expr, write: Access) -> bool:
        """Whether an expression is the attribute that an access writes."""
        return (
            isinstance(node, ast.Attribute)
            and node.attr == write.name
            and isinstance(node.ctx, ast.Load)
            and isinstance(node.value, ast.Name)
            and isinstance(write.node.value, ast.Name)
            and node.value.id == write.node.value.id
        )

    def reads(self, node: ast.expr, write: Access) -> Iterator[ast.Attribute]:
        """The mentions, in an expression, of the attribute that an access writes."""
        for item in parts(node):
            if isinstance(item, ast.Attribute) and self.is_read(item, write):
                yield item

    def assigned(self, node: ast.Attribute) -> ast.expr | None:
        """The value that a statement assigns to an attribute or to its item."""
        statement = self._index.statement(node)
        if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            return statement.value
        return None

    def augments(self, node: ast.Attribute) -> bool:
        """Whether a mention is changed by ``+=`` or the like, itself or its item."""
        return isinstance(self._index.statement(node), ast.AugAssign)

    def recounts(self, access: Access) -> bool:
        """Whether an access adds to what an attribute holds, or takes away from it, as a new value: ``self.x = self.x - n``."""
        value = self.assigned(access.node) if access.kind is Kind.BIND else None
        return isinstance(value, ast.BinOp) and any(
            self.is_read(side, access) for side in (value.left, value.right)
        )

    def binds_constant(self, access: Access) -> bool:
        """Whether an access binds its attribute to a fixed value, such as ``False``, ``None`` or ``State.IDLE``."""
        value = self.assigned(access.node)
        return access.kind is Kind.BIND and value is not None and is_fixed(value)

    def resets(self, access: Access) -> bool:
        """Whether an access empties a container: ``self.x = []``, ``self.x.clear()``, ``del self.x[:]``."""
        if access.kind is Kind.CALL:
            return access.method == "clear"
        if access.kind is Kind.ITEM:
            parent = self._index.parent(access.node)
            return isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Del) and _is_whole(parent)
        value = self.assigned(access.node)
        if isinstance(value, ast.Tuple) and isinstance(self._index.parent(access.node), ast.Tuple):
            return any(is_empty(item) for item in value.elts)
        return access.kind is Kind.BIND and is_empty(value)

    def deletes(self, access: Access) -> bool:
        """Whether an access takes something out: ``del self.x[k]``, ``del self.x``."""
        item: ast.AST | None = access.node
        while isinstance(item, (ast.Attribute, ast.Subscript)):
            if isinstance(item.ctx, ast.Del):
                return True
            item = self._index.parent(item)
        return False

    def is_new(self, access: Access) -> bool:
        """Whether the function that changes a container has bound it to a new one before."""
        known = self._attributes.own(access.node).get(access.name, ())
        return access.kind in (Kind.ITEM, Kind.CALL) and any(
            item.kind is Kind.BIND
            and item.function is access.function
            and start_of(item.node) < start_of(access.node)
            for item in known
        )

    def detaches(self, access: Access) -> bool:
        """Whether one statement takes what an attribute holds and leaves a fixed value: ``x, self.x = self.x, None``."""
        value = self.assigned(access.node)
        if not isinstance(value, ast.Tuple) or access.kind is not Kind.BIND:
            return False
        return any(map(is_fixed, value.elts)) and any(self.is_read(item, access) for item in value.elts)

    def drops_if_there(self, access: Access) -> bool:
        """Whether an access deletes an entry and does not mind that it is missing: in a ``try`` with ``except KeyError``."""
        item = self._index.parent(access.node)
        if not isinstance(item, ast.Subscript) or not isinstance(item.ctx, ast.Del):
            return False
        block = self._index.parent(self._index.statement(access.node))
        if isinstance(block, TRIES):
            return any(last_name(handler.type) == "KeyError" for handler in block.handlers)
        return isinstance(block, ast.With) and any(
            isinstance(entered.context_expr, ast.Call) and last_name(entered.context_expr.func) == "suppress"
            for entered in block.items
        )

    def takes(self, node: ast.Attribute) -> bool:
        """Whether a mention hands on what a container holds: assigns, copies, passes or iterates it."""
        parent = self._index.parent(node)
        if isinstance(parent, ast.Attribute):
            return parent.attr in ("copy", "values", "items")
        if isinstance(parent, ast.Subscript):
            return _is_whole(parent)
        if isinstance(parent, ast.Call):
            return node in parent.args and last_name(parent.func) not in ("len", "bool", "print", "id")
        return isinstance(
            parent,
            (ast.Assign, ast.Tuple, ast.For, ast.AsyncFor, ast.comprehension, ast.keyword, ast.Starred),
        )

    def is_called(self, node: ast.Attribute) -> bool:
        """Whether a mention is a call of a method: ``self.load()``."""
        call = self._index.parent(node)
        return isinstance(call, ast.Call) and call.func is node


def is_fixed(node: ast.expr) -> bool:
    """Whether an expression is a literal or, by its name, a constant."""
    name = last_name(node)
    return isinstance(node, ast.Constant) or (name is not None and name.isupper())


def parts(node: ast.expr) -> Iterator[ast.AST]:
    """The nodes of an expression, but for what an ``await`` in it waits for."""
    stack: list[ast.AST] = [node]
    while stack:
        item = stack.pop()
        yield item
        if not isinstance(item, ast.Await):
            stack.extend(children(item))


def _is_whole(node: ast.Subscript) -> bool:
    return isinstance(node.slice, ast.Slice) and node.slice.lower is None and node.slice.upper is None
