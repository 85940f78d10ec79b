"""Values that outlive a call: globals, class attributes and instance attributes, and every mention of them."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from flake8_aiguard.index import FUNCTIONS, Scope
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import dotted, string

_FIELDS: Final = frozenset(
    {
        "attr.Factory",
        "attr.field",
        "attr.ib",
        "attrs.Factory",
        "attrs.field",
        "dataclasses.field",
        "pydantic.Field",
        "pydantic.PrivateAttr",
    }
)
_BY_NAME: Final = ("getattr", "setattr", "delattr", "hasattr")
_MAKERS: Final = frozenset(
    {"__init__", "__new__", "__post_init__", "__attrs_post_init__", "model_post_init", "__init_subclass__"}
)


@dataclass(frozen=True, slots=True)
class Holder:
    """A variable or attribute.

    Attributes:
        owner: the module or function that holds the variable; the class of the attribute.
        name: its name.
    """

    owner: Scope
    name: str

    @property
    def is_attribute(self) -> bool:
        """Whether it is an attribute of a class or its instances."""
        return isinstance(self.owner, ast.ClassDef)

    @property
    def is_local(self) -> bool:
        """Whether it is a variable of a function."""
        return isinstance(self.owner, FUNCTIONS)


class Lasting:
    """The holders of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def holder(self, node: ast.AST) -> Holder | None:
        """The variable or attribute that an expression or target is; ``None`` for others."""
        if isinstance(node, ast.Name):
            scope = self._module.index.scope(node)
            owner = self._module.scopes.owner(scope, node.id)
            return None if owner is None else Holder(owner, node.id)
        if isinstance(node, ast.Attribute):
            behind = self._module.receivers.class_behind(node.value)
            return None if behind is None else Holder(self._declaring(behind, node.attr), node.attr)
        return None

    @memoised
    def _declaring(self, owner: ast.ClassDef, name: str) -> ast.ClassDef:
        """The class or base class in this file that gives an attribute its value; the class itself where none does."""
        seen: set[ast.ClassDef] = set()
        stack = [owner]
        while stack:
            item = stack.pop()
            if item in seen:
                continue
            seen.add(item)
            if self._module.receivers.attribute_stores(item, name) or self._module.scopes.bindings(
                item, name
            ):
                return item
            bases = (self._module.receivers.definition(base) for base in item.bases)
            stack += [base for base in bases if isinstance(base, ast.ClassDef)]
        return owner

    def target(self, value: ast.expr) -> ast.expr | None:
        """What a new value is bound to where it is made: the target of its assignment.

        Looks through ``x or new()``, ``new() if y else z`` and the ``default_factory`` of a field.

        Args:
            value: the expression that makes it.
        """
        index = self._module.index
        node: ast.AST = value
        parent = index.parent(node)
        while parent is not None:
            if isinstance(parent, (ast.Assign, ast.AnnAssign)):
                targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
                return targets[0] if parent.value is node else None
            is_field = isinstance(parent, ast.Call) and self._module.qualname(parent.func) in _FIELDS
            is_factory = isinstance(parent, ast.keyword) and parent.arg in (
                "default_factory",
                "factory",
                "default",
            )
            is_passed_on = isinstance(parent, (ast.BoolOp, ast.IfExp, ast.NamedExpr)) or (
                isinstance(parent, ast.Lambda) and parent.body is node
            )
            if not (is_field or is_factory or is_passed_on):
                return None
            if isinstance(parent, ast.Lambda) and not isinstance(
                index.parent(parent), (ast.keyword, ast.Call)
            ):
                return None
            node, parent = parent, index.parent(parent)
        return None

    def is_made_once(self, target: ast.expr) -> bool:
        """Whether a target is bound where its holder comes to life: in the module or class body, or in ``__init__``."""
        function = self._module.index.function(target)
        if function is None:
            return True
        return isinstance(target, ast.Attribute) and getattr(function, "name", "") in _MAKERS

    @memoised
    def mentions(self, holder: Holder) -> list[ast.expr]:
        """Every expression of the file that reads a holder, local aliases (``cache = self._cache``) included.

        An attribute of the same name counts on any receiver but an object of another class of the file.

        Args:
            holder: the holder.
        """
        found: list[ast.expr] = []
        stack = list(self._direct(holder))
        seen: set[Holder] = {holder}
        while stack:
            mention = stack.pop()
            found.append(mention)
            parent = self._module.index.parent(mention)
            if isinstance(parent, ast.Assign) and parent.value is mention and len(parent.targets) == 1:
                alias = self.holder(parent.targets[0]) if isinstance(parent.targets[0], ast.Name) else None
                if alias is not None and alias.is_local and alias not in seen:
                    seen.add(alias)
                    stack += self._direct(alias)
        return found

    def is_alias(self, mention: ast.expr) -> bool:
        """Whether a mention only gives its holder a local name."""
        parent = self._module.index.parent(mention)
        if not isinstance(parent, ast.Assign) or parent.value is not mention or len(parent.targets) != 1:
            return False
        target = parent.targets[0]
        alias = self.holder(target) if isinstance(target, ast.Name) else None
        if alias is None or not alias.is_local:
            return False
        return all(
            binding.kind is Kind.ASSIGN for binding in self._module.scopes.bindings(alias.owner, alias.name)
        )

    def _direct(self, holder: Holder) -> Iterator[ast.expr]:
        if not isinstance(holder.owner, ast.ClassDef):
            yield from self._module.scopes.uses(holder.owner, holder.name)
            return
        for attribute in self._attributes().get(holder.name, ()):
            if isinstance(attribute.ctx, ast.Load):
                behind = self.holder(attribute)
                if behind is None or behind == holder or self._is_below(behind.owner, holder.owner):
                    yield attribute
        yield from self._module.scopes.uses(holder.owner, holder.name)

    def stores(self, holder: Holder) -> list[ast.expr]:
        """The targets that bind a holder anew, in the file."""
        found: list[ast.expr] = [
            binding.node
            for binding in self._module.scopes.bindings(holder.owner, holder.name)
            if isinstance(binding.node, ast.expr) and not self._only_declares(binding.node)
        ]
        if holder.is_attribute:
            found += [
                attribute
                for attribute in self._attributes().get(holder.name, ())
                if not isinstance(attribute.ctx, ast.Load)
                and self.holder(attribute) in (None, holder)
                and not self._only_declares(attribute)
            ]
        return found

    def _only_declares(self, target: ast.expr) -> bool:
        parent = self._module.index.parent(target)
        return isinstance(parent, ast.AnnAssign) and parent.value is None

    def _is_below(self, owner: Scope, base: Scope) -> bool:
        return (
            isinstance(owner, ast.ClassDef)
            and isinstance(base, ast.ClassDef)
            and any(self._module.receivers.definition(item) is base for item in owner.bases)
        )

    @memoised
    def _attributes(self) -> dict[str, list[ast.Attribute]]:
        found: defaultdict[str, list[ast.Attribute]] = defaultdict(list)
        for node in self._module.index.nodes(ast.Attribute):
            found[node.attr].append(node)
        return found

    @memoised
    def named_in_text(self) -> frozenset[str]:
        """The names that ``getattr`` and its kin are given as text."""
        return frozenset(
            text
            for call in self._module.index.calls_named(_BY_NAME)
            if dotted(call.func) in _BY_NAME
            for text in map(string, call.args[1:2])
            if text is not None
        )
