"""What kind of built-in value a variable holds: a list, a tuple, a string ..., as far as the file proves it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.imports import Imports
from flake8_aiguard.index import Index, Scope
from flake8_aiguard.memo import memoised
from flake8_aiguard.receivers import Receivers
from flake8_aiguard.scopes import Binding, Kind, Scopes
from flake8_aiguard.shapes import dotted, is_constant, is_none, last_name, string

_DEPTH: Final = 12  # of expressions and variables behind one answer
_NONE: Final = "none"  # beside another kind, it is no disagreement
_DISPLAYS: Final[Mapping[type[ast.AST], str]] = {
    ast.List: "list",
    ast.ListComp: "list",
    ast.Tuple: "tuple",
    ast.Dict: "dict",
    ast.DictComp: "dict",
    ast.Set: "set",
    ast.SetComp: "set",
    ast.JoinedStr: "str",
    ast.GeneratorExp: "iterator",
}
_CONSTANTS: Final[Mapping[type, str]] = {
    str: "str",
    bytes: "bytes",
    int: "number",
    float: "number",
    complex: "number",
    bool: "number",
    type(None): _NONE,
}
_ANNOTATIONS: Final[Mapping[str, str]] = {
    **{f"builtins.{name}": name for name in ("list", "tuple", "dict", "set", "str", "bytes", "bytearray")},
    **{f"typing.{name}": name.lower() for name in ("List", "Tuple", "Dict", "Set")},
    "builtins.frozenset": "set",
    "typing.FrozenSet": "set",
    "builtins.int": "number",
    "builtins.float": "number",
}
_SEQUENCES: Final = frozenset({"list", "tuple", "str", "bytes"})
_COLLECTIONS: Final = frozenset(
    {"Collection", "Iterable", "Iterator", "List", "Sequence", "Set", "Tuple", "list", "set", "tuple"}
)
_PARTS: Final = frozenset({"split", "rsplit", "splitlines"})
_TEXTS: Final = frozenset({"join", "strip", "lower", "upper", "replace", "format", "decode", "title"})


class Kinds:
    """The kinds of built-in values in one file.

    Args:
        index: the file's index.
        scopes: its symbol tables.
        imports: its canonical names.
        receivers: its types.
    """

    def __init__(self, index: Index, scopes: Scopes, imports: Imports, receivers: Receivers) -> None:
        self._index = index
        self._scopes = scopes
        self._imports = imports
        self._receivers = receivers
        self._depth = 0
        self._open: set[tuple[ast.AST, str]] = set()  # variables whose kind is being looked for

    def of(self, node: ast.expr) -> str | None:
        """The kind of a value.

        Args:
            node: an expression.

        Returns:
            ``list``, ``tuple``, ``dict``, ``set``, ``str``, ``bytes``, ``bytearray``, ``number`` or ``iterator``; ``None`` where
            it is not known, and where two assignments disagree.
        """
        found = self._of(node)
        return None if found == _NONE else found

    def of_items(self, node: ast.expr) -> str | None:
        """The kind of the items of a collection: of what a comprehension collects, or what an annotation says it holds.

        Args:
            node: an expression, or a variable that is bound once.

        Returns:
            As :meth:`of`.
        """
        resolved = self._scopes.resolve(node) if isinstance(node, ast.Name) else None
        if resolved is not None:
            binding = resolved[1][0]
            if len(resolved[1]) > 1:
                return None
            if binding.annotation is not None:
                return self._annotated_items(binding.annotation)
            if binding.kind is not Kind.ASSIGN or binding.value is None:
                return None
            node = binding.value
        return self.of(node.elt) if isinstance(node, (ast.GeneratorExp, ast.ListComp)) else None

    def _of(self, node: ast.expr) -> str | None:
        if self._depth >= _DEPTH:
            return None
        self._depth += 1
        try:
            return self._find(node)
        finally:
            self._depth -= 1

    def _find(self, node: ast.expr) -> str | None:
        display = _DISPLAYS.get(type(node))
        if display is not None:
            return display
        if isinstance(node, ast.Constant):
            return _CONSTANTS.get(type(node.value))
        if isinstance(node, ast.Name):
            owner = self._scopes.owner(self._index.scope(node), node.id)
            return None if owner is None else self._guarded(owner, node.id)
        if isinstance(node, ast.Attribute):
            behind = self._receivers.class_behind(node.value)
            return None if behind is None else self._guarded(behind, f".{node.attr}")
        if isinstance(node, ast.Call):
            return self._called(node)
        if isinstance(node, ast.BinOp):
            return self._computed(node)
        if isinstance(node, ast.IfExp):
            return self._agree((node.body, node.orelse))
        if isinstance(node, ast.BoolOp):
            return self._agree(node.values)
        if isinstance(node, ast.NamedExpr):
            return self._of(node.value)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            found = self._of(node.value)
            return found if found in _SEQUENCES else None
        return None

    def _agree(self, nodes: Iterable[ast.expr]) -> str | None:
        return _one(self._of(node) for node in nodes)

    def _computed(self, node: ast.BinOp) -> str | None:
        left = self._of(node.left)
        if isinstance(node.op, ast.Mod) and left in ("str", "bytes"):
            return left
        right = self._of(node.right)
        if isinstance(node.op, ast.Mult) and "number" in (left, right):
            other = right if left == "number" else left
            return other if other in _SEQUENCES else left if left == right else None
        if left == right == "number":
            return left
        if isinstance(node.op, ast.Add):
            # What can be added to a list or a string is one; _NONE is the variable itself.
            found = next((kind for kind in (left, right) if kind in _SEQUENCES), None)
            return _NONE if found is None and _NONE in (left, right) else found
        if isinstance(node.op, ast.BitOr) and left in ("dict", "set", _NONE):
            return left
        if isinstance(node.op, (ast.BitAnd, ast.Sub)) and left == "set":
            return left
        return None

    def _called(self, call: ast.Call) -> str | None:
        name = self._imports.qualname(call.func)
        if name is not None:
            row = _calls().get(name)
            return None if row is None else str(row["kind"])
        if not isinstance(call.func, ast.Attribute):
            return None
        method, receiver = call.func.attr, call.func.value
        if method == "copy" and not call.args:
            return self._of(receiver)
        kind = self._of(receiver)
        if kind == "str":
            return "list" if method in _PARTS else "str" if method in _TEXTS else None
        if kind is None and method in _PARTS and not isinstance(receiver, ast.Attribute):
            # text.split(): of what else there is, a tensor takes numbers, and Series.str is an attribute
            texts = [string(item) is not None for item in call.args]
            return "list" if all(texts) and (texts or method == "splitlines" or not call.keywords) else None
        return None

    # -- variables

    def _guarded(self, owner: Scope, name: str) -> str | None:
        """The kind of a variable, or with a dot of an attribute; ``_NONE`` where its own value asks: ``xs = xs + [x]``."""
        if (owner, name) in self._open:
            return _NONE
        self._open.add((owner, name))
        try:
            return self._settled(owner, name)
        finally:
            self._open.remove((owner, name))

    @memoised
    def _settled(self, owner: Scope, name: str) -> str | None:
        attribute = name.lstrip(".")
        found = [
            self._bound(item)
            for item in self._scopes.bindings(owner, attribute)
            if item.kind is not Kind.AUGMENTED
        ]
        if attribute != name and isinstance(owner, ast.ClassDef):
            found += [
                self._stored(target)
                for target in self._receivers.attribute_stores(owner, attribute)
                if not isinstance(self._index.parent(target), ast.AugAssign)
            ]
        return _one(found)

    def _bound(self, binding: Binding) -> str | None:
        if binding.annotation is not None:
            return self._annotated(binding.annotation)
        if binding.kind is Kind.ASSIGN and binding.value is not None:
            return self._of(binding.value)
        return None

    def _stored(self, target: ast.Attribute) -> str | None:
        parent = self._index.parent(target)
        if isinstance(parent, (ast.Tuple, ast.List, ast.Starred)):
            # *lines, self.rest = self.rest.split(b"\n")
            value = getattr(self._index.statement(target), "value", None)
            name = dotted(target)
            own = value is not None and any(dotted(item) == name for item in ast.walk(value))
            return _NONE if own else None
        if isinstance(parent, ast.AnnAssign):
            return self._annotated(parent.annotation)
        if isinstance(parent, ast.Assign) and target in parent.targets:
            return self._of(parent.value)
        return None

    def _annotated(self, annotation: ast.expr) -> str | None:
        if is_none(annotation):
            return _NONE
        name = self._receivers.annotated(annotation)
        return None if name is None else _ANNOTATIONS.get(name)

    def _annotated_items(self, annotation: ast.expr) -> str | None:
        """``list`` of ``Iterable[list[int]]``."""
        if not isinstance(annotation, ast.Subscript) or last_name(annotation.value) not in _COLLECTIONS:
            return None
        held = annotation.slice
        if isinstance(held, ast.Tuple):
            is_repeated = len(held.elts) == 2 and is_constant(held.elts[1], ...)
            return self._annotated(held.elts[0]) if is_repeated else None
        return self._annotated(held)


def _one(kinds: Iterable[str | None]) -> str | None:
    found = set(kinds)
    known = found - {_NONE}
    return known.pop() if len(known) == 1 else (_NONE if found == {_NONE} else None)


@knowledge.cached
def _calls() -> Mapping[str, knowledge.Row]:
    return knowledge.by_call("kinds.call")
