"""By what a finding is recognised when its line has moved."""

from __future__ import annotations

import ast
import contextlib
import hashlib
from typing import Final

from flake8_aiguard.index import COMPREHENSIONS, Index
from flake8_aiguard.results import Identity

# Fields that say nothing that a reader would call a change.
_LEFT_OUT: Final = frozenset(("ctx", "kind", "type_comment", "type_ignores"))


class Identities:
    """The identities of the nodes of one tree.

    Args:
        index: its index.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._known: dict[ast.AST, Identity] = {}

    def of(self, node: ast.AST) -> Identity:
        """The identity of a node of this tree."""
        if isinstance(node, ast.Module):
            return Identity("", "module", 1, 1)
        root = node
        if not isinstance(node, (ast.ExceptHandler, ast.match_case)):
            with contextlib.suppress(KeyError):  # a tag in a comment has a tree of its own
                root = self._index.statement(node)
        if root not in self._known:  # a statement may be long, and hold many findings
            self._known[root] = Identity(_name(self._index, root), *_head(root))
        return self._known[root]


def hashed(text: str) -> str:
    """What stands for a text, as for a statement in :class:`Identity`."""
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()


def _name(index: Index, node: ast.AST) -> str:
    names = []
    scope = index.scope(node)
    while not isinstance(scope, ast.Module):
        if not isinstance(scope, COMPREHENSIONS):
            names.append("<lambda>" if isinstance(scope, ast.Lambda) else scope.name)
        scope = index.scope(scope)
    return ".".join(reversed(names))


def _head(root: ast.AST) -> tuple[str, int, int]:
    """Hash, first and last line of a statement without the statements in it."""
    digest = hashlib.blake2b(digest_size=8)
    first = last = getattr(root, "lineno", 1)
    has_body = False
    stack: list[object] = [root]
    while stack:
        item = stack.pop()
        if not isinstance(item, ast.AST):
            # repr() refuses integers of thousands of digits
            text = format(item, "x") if type(item) is int else repr(item)
            digest.update(f"{text}\0".encode(errors="surrogatepass"))
            continue
        digest.update(f"{type(item).__name__}\0".encode())
        if item is not root and isinstance(item, (ast.expr, ast.keyword, ast.arg, ast.alias, ast.pattern)):
            first, last = min(first, item.lineno), max(last, item.end_lineno or last)
        for field in item._fields:
            value = getattr(item, field, None)
            if value is None or value == [] or field in _LEFT_OUT:
                continue
            if not isinstance(value, list):
                stack += (value, field)
            elif isinstance(value[0], (ast.stmt, ast.excepthandler, ast.match_case)):
                has_body = True
            else:
                stack += (*value, field)
    if not has_body:
        last = getattr(root, "end_lineno", None) or last
    return digest.hexdigest(), first, last
