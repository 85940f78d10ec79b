"""Of which class an expression is an object, what that class is built on, and whether it is declared frozen."""

from __future__ import annotations

import ast
import functools
from collections import defaultdict, deque
from typing import Final, TypeAlias

from flake8_aiguard import knowledge
from flake8_aiguard.index import Scope
from flake8_aiguard.knowledge import Row
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.receivers import first_parameter
from flake8_aiguard.scopes import Binding, Kind
from flake8_aiguard.shapes import argument, is_constant, last_name, parameters, string

Class: TypeAlias = ast.ClassDef | str
"""A class of this file, or the dotted name of one that is imported."""

_HOPS: Final = 4
_PLAIN: Final = ("functools.total_ordering", "typing.final", "typing.runtime_checkable")
_FIELD: Final = ("pydantic.Field", "pydantic.fields.Field")
_PARTS: Final = (
    "Optional",
    "Union",
    "Annotated",
    "ClassVar",
    "Final",
    "Required",
    "NotRequired",
    "Type",
    "type",
)
_EXPECTS: Final = ("raises", "assertRaises", "assertRaisesRegex")


class Classes:
    """The classes of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    # -- whose object

    def of(self, node: ast.expr, hops: int = _HOPS) -> Class | None:
        """The class whose object an expression is, or which it is itself.

        Args:
            node: ``self``, ``cls``, ``super()``, an annotated or constructed variable, an attribute of one of these, or what is taken
                out of an annotated container.
            hops: through how many names and attributes it is followed.

        Returns:
            The class; ``None`` where it is not known, or where several bindings disagree.
        """
        module = self._module
        if hops == 0:
            return None
        if isinstance(node, ast.Call):
            if module.qualname(node.func) == "builtins.super":
                return self.around(node)
            if module.qualname(node.func) == "builtins.type" and len(node.args) == 1:
                return self.of(node.args[0], hops - 1)
            built = module.receivers.definition(node.func)
            if isinstance(built, ast.ClassDef):
                return built
            if isinstance(node.func, ast.Attribute) and node.func.attr == "__new__" and node.args:
                return self.of(node.args[0], hops - 1)
        elif isinstance(node, ast.Name):
            behind = module.receivers.class_behind(node)
            if behind is not None:
                return behind
            resolved = module.scopes.resolve(node)
            if resolved is not None:
                bindings = [binding for binding in resolved[1] if binding.kind is not Kind.DELETE]
                found = {self._bound(binding, hops) for binding in bindings}
                if len(found) == 1 and None not in found:
                    return found.pop()
        elif isinstance(node, ast.Attribute):
            if node.attr == "__class__":
                return self.of(node.value, hops - 1)
            owner = self.of(node.value, hops - 1)
            if isinstance(owner, ast.ClassDef):
                return self._attribute(owner, node.attr, hops)
        taken = module.receivers.taken(node)
        if taken is not None:
            return self.annotated(taken, module.index.scope(node))
        return module.type_of(node) or self._imported(node)

    def _imported(self, node: ast.expr) -> str | None:
        """The dotted name of the imported class that an expression is or builds; a bare name in capitals is a constant."""
        is_built = isinstance(node, ast.Call)
        name = self._module.qualname(node.func if isinstance(node, ast.Call) else node)
        last = (name or "").rpartition(".")[2]
        return name if last[:1].isupper() and (is_built or not last.isupper()) else None

    def around(self, node: ast.AST) -> ast.ClassDef | None:
        """The class in whose method a node stands."""
        for outer in self._module.index.ancestors(node):
            if isinstance(outer, ast.ClassDef):
                return outer
        return None

    def _bound(self, binding: Binding, hops: int) -> Class | None:
        if binding.annotation is not None:
            return self.annotated(binding.annotation, self._module.index.scope(binding.node))
        if binding.kind in (Kind.ASSIGN, Kind.WITH) and binding.value is not None:
            return self.of(binding.value, hops - 1)
        return None

    def _attribute(self, owner: ast.ClassDef, name: str, hops: int) -> Class | None:
        module = self._module
        for cls in self.lineage(owner):
            if isinstance(cls, str):
                continue
            for binding in module.scopes.bindings(cls, name):
                if binding.annotation is not None:
                    return self.annotated(binding.annotation, cls)
            stores = module.receivers.attribute_stores(cls, name)
            found: set[Class | None] = set()
            for store in stores:
                parent = module.index.parent(store)
                if isinstance(parent, ast.AnnAssign):
                    return self.annotated(parent.annotation, module.index.scope(parent))
                found.add(self.of(parent.value, hops - 1) if isinstance(parent, ast.Assign) else None)
            if found:
                return found.pop() if len(found) == 1 else None
        return None

    def annotated(self, annotation: ast.expr, scope: Scope) -> Class | None:
        """The class that an annotation names: ``Optional[X]``, ``X | None``, ``"X"`` and ``type[X]`` are X.

        Args:
            annotation: the annotation.
            scope: where its names are looked up.
        """
        stack, found = [annotation], set[Class]()
        while stack:
            node = stack.pop()
            text = string(node)
            if text is not None:
                try:
                    stack.append(ast.parse(text, mode="eval").body)
                except (SyntaxError, ValueError, RecursionError, MemoryError):
                    return None
            elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
                stack += (node.left, node.right)
            elif isinstance(node, ast.Subscript):
                if ending(self._module, node.value) not in _PARTS:
                    return None
                inner = node.slice
                union = ending(self._module, node.value) == "Union"
                parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
                stack += parts if union else parts[:1]
            elif not is_constant(node, None):
                one = self._named(node, scope)
                if one is None:
                    return None
                found.add(one)
        return found.pop() if len(found) == 1 else None

    def _named(self, node: ast.expr, scope: Scope) -> Class | None:
        module = self._module
        if isinstance(node, ast.Name):
            owner = module.scopes.owner(scope, node.id)
            bindings = [] if owner is None else module.scopes.bindings(owner, node.id)
            if len(bindings) == 1 and isinstance(bindings[0].node, ast.ClassDef):
                return bindings[0].node
        if ending(self._module, node) == "Self":
            while not isinstance(scope, (ast.ClassDef, ast.Module)):
                scope = module.index.scope(scope)
            return scope if isinstance(scope, ast.ClassDef) else None
        return module.imports.qualname(node, scope)

    # -- what it is built on

    @memoised
    def lineage(self, cls: Class) -> tuple[Class, ...]:
        """A class and all its base classes that the file shows, nearest first; imported ones by their names."""
        found: dict[Class, None] = {}
        stack: deque[Class] = deque([cls])
        while stack:
            item = stack.popleft()
            if item in found:
                continue
            found[item] = None
            if isinstance(item, ast.ClassDef):
                for base in item.bases:
                    plain = base.value if isinstance(base, ast.Subscript) else base
                    known = self._named(plain, self._module.index.scope(item))
                    stack.append("" if known is None else known)
        return tuple(found)

    def bindings(self, cls: Class, name: str) -> list[Binding]:
        """The bindings of a name in the body of a class or of the nearest base class in this file that has it."""
        for item in self.lineage(cls):
            found = self._module.scopes.bindings(item, name) if isinstance(item, ast.ClassDef) else []
            if found:
                return found
        return []

    def is_closed(self, cls: ast.ClassDef) -> bool:
        """Whether the file shows every base class but ``object`` and markers of ``typing`` and ``abc``."""
        return all(
            isinstance(item, ast.ClassDef) or item.startswith(("abc.", "builtins.object", "typing."))
            for item in self.lineage(cls)
        )

    # -- whether it is frozen

    @property
    def may_be_frozen(self) -> bool:
        """Whether the file imports a package whose declarations freeze classes."""
        return not self._module.index.packages.isdisjoint(_freezing_packages())

    @memoised
    def frozen(self, cls: Class) -> Row | None:
        """The row of the declaration that freezes a class of this file, or a base class of it; ``None`` without one."""
        lineage = self.lineage(cls)
        rows = knowledge.rows("immutable.base")
        model = next((row for row in rows for item in lineage if item in row["types"]), None)
        for item in lineage:
            if isinstance(item, ast.ClassDef):
                row, said = self._decorated(item)
                if said is None and model is not None:
                    row, said = model, self._configured(item, model)
                if said is not None:
                    return row if said else None
        return None

    def _decorated(self, cls: ast.ClassDef) -> tuple[Row | None, bool | None]:
        """The row of a class's decorator, and whether it freezes the class."""
        for decorator in cls.decorator_list:
            call = self._decorating(decorator)
            name = self._module.qualname(call.func if isinstance(call, ast.Call) else call)
            inner = argument(call, None, 0) if isinstance(call, ast.Call) else None
            if name == "functools.partial" and inner is not None:
                name = self._module.qualname(inner)
            row = knowledge.by_call("immutable.decorator").get(name or "")
            if row is None:
                continue
            keywords = self._module.receivers.keywords(call) if isinstance(call, ast.Call) else {}
            if keywords is None:
                return row, False
            frozen = keywords.get("frozen")
            return row, bool(row["frozen"]) if frozen is None else is_constant(frozen, True)
        return None, None

    def is_plain(self, decorator: ast.expr) -> bool:
        """Whether a class decorator is known to add no attributes that the class does not show."""
        call = self._decorating(decorator)
        name = self._module.qualname(call.func if isinstance(call, ast.Call) else call)
        return name in knowledge.by_call("immutable.decorator") or name in _PLAIN

    def _decorating(self, decorator: ast.expr) -> ast.expr:
        """The call behind a decorator that is bound once: ``value = dataclass(frozen=True)``."""
        if isinstance(decorator, ast.Name):
            resolved = self._module.scopes.resolve(decorator)
            if resolved is not None and len(resolved[1]) == 1 and isinstance(resolved[1][0].value, ast.Call):
                return resolved[1][0].value
        return decorator

    def _configured(self, cls: ast.ClassDef, row: Row) -> bool | None:
        """What a model's class keyword, ``model_config`` or ``class Config`` says of it."""
        key = row["keyword"]
        for item in cls.keywords:
            if item.arg == key:
                return is_constant(item.value, True)
        for binding in self._module.scopes.bindings(cls, "model_config"):
            value = binding.value
            if isinstance(value, ast.Dict):
                for name, item_value in zip(value.keys, value.values, strict=True):
                    if string(name) == key:
                        return is_constant(item_value, True)
            elif isinstance(value, ast.Call) and (given := argument(value, key)) is not None:
                return is_constant(given, True)
        for binding in self._module.scopes.bindings(cls, "Config"):
            if isinstance(binding.node, ast.ClassDef):
                for name, wanted in ((key, True), (row["off"], False)):
                    for inner in self._module.scopes.bindings(binding.node, name):
                        return is_constant(inner.value, wanted)
        return None

    @memoised
    def frozen_fields(self, cls: Class) -> frozenset[str]:
        """The fields of a model that are frozen one by one: ``x: int = Field(frozen=True)``."""
        return frozenset(
            statement.target.id
            for item in self.lineage(cls)
            for statement in (item.body if isinstance(item, ast.ClassDef) else ())
            if isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and isinstance(statement.value, ast.Call)
            and self._module.qualname(statement.value.func) in _FIELD
            and is_constant(argument(statement.value, "frozen"), True)
        )

    # -- while it is built

    def is_building(self, node: ast.AST, receiver: ast.expr | None) -> bool:
        """Whether an object is still being built where a node writes to it.

        Args:
            node: the write.
            receiver: the object, as the write spells it; ``None`` for a variable.

        Returns:
            Whether the node runs in a hook such as ``__init__`` on the hook's own object, in a private method that only
            hooks call, or on an object that this function has just made.
        """
        if receiver is not None and self.is_fresh(receiver):
            return True
        function = self._module.index.function(node)
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return False
        own = first_parameter(function)
        is_own = (
            receiver is None
            or isinstance(receiver, ast.Call)
            or (
                isinstance(receiver, ast.Name)
                and (own is None or receiver.id == own.arg or self._module.index.class_of(function) is None)
            )
        )
        return is_own and self._is_hook(function, _HOPS)

    def _is_hook(self, function: ast.FunctionDef | ast.AsyncFunctionDef, hops: int) -> bool:
        names, decorators = _hooks()
        if function.name in names:
            return True
        for item in function.decorator_list:
            if ending(self._module, item.func if isinstance(item, ast.Call) else item) in decorators:
                return True
        return hops > 0 and self._is_called_by_hooks(function, hops)

    @memoised
    def _is_called_by_hooks(self, function: ast.FunctionDef | ast.AsyncFunctionDef, hops: int) -> bool:
        """Whether a private or nested function is only ever called, and only by hooks."""
        index = self._module.index
        is_nested = index.function(function) is not None
        if not function.name.startswith("_") and not is_nested:
            return False
        found = False
        for mention in self._mentions.get(function.name, ()):
            call = index.parent(mention)
            caller = index.function(mention)
            if not (isinstance(call, ast.Call) and call.func is mention):
                return False
            if caller is function:
                continue  # it calls itself
            if not isinstance(caller, (ast.FunctionDef, ast.AsyncFunctionDef)):
                return False
            if not self._is_hook(caller, hops - 1):
                return False
            found = True
        return found

    @functools.cached_property
    def _mentions(self) -> dict[str, list[ast.Name | ast.Attribute]]:
        found: dict[str, list[ast.Name | ast.Attribute]] = defaultdict(list)
        for name in self._module.index.nodes(ast.Name):
            if isinstance(name.ctx, ast.Load):
                found[name.id].append(name)
        for attribute in self._module.index.nodes(ast.Attribute):
            if isinstance(attribute.ctx, ast.Load):
                found[attribute.attr].append(attribute)
        return found

    def is_fresh(self, node: ast.expr) -> bool:
        """Whether a local variable holds an object that this function has just made, to fill it."""
        if not isinstance(node, ast.Name):
            return False
        resolved = self._module.scopes.resolve(node)
        if resolved is None or isinstance(resolved[0], (ast.Module, ast.ClassDef)):
            return False
        return bool(resolved[1]) and all(self._makes(binding) for binding in resolved[1])

    def _makes(self, binding: Binding) -> bool:
        value = binding.value
        if not isinstance(value, ast.Call):
            return False
        if ending(self._module, value.func) in _fresh() or isinstance(
            value.func, ast.Call
        ):  # type(self)(...)
            return True
        # An alternative constructor fills what it has just constructed.
        around = self.around(value)
        return around is not None and self.of(value.func) is around


def ending(module: Module, node: ast.AST | None) -> str | None:
    """The last identifier of what an expression refers to, import aliases undone; of its text, where that is unknown."""
    name = module.qualname(node) if isinstance(node, (ast.Attribute, ast.Name)) else None
    return last_name(node) if name is None else name.rpartition(".")[2]


@knowledge.cached
def _hooks() -> tuple[frozenset[str], frozenset[str]]:
    rows = knowledge.rows("immutable.hook")
    return (
        frozenset(name for row in rows for name in row["functions"]),
        frozenset(name for row in rows for name in row.get("decorators", ())),
    )


@knowledge.cached
def _freezing_packages() -> frozenset[str]:
    types = (name for row in knowledge.rows("immutable.base") for name in row["types"])
    names = (*knowledge.by_call("immutable.decorator"), *types, *_FIELD)
    return frozenset(package for package, found in knowledge.by_package(names).items() if found)


@knowledge.cached
def _fresh() -> frozenset[str]:
    return frozenset(name for row in knowledge.rows("immutable.fresh") for name in row["names"])


def serves_one_request(module: Module, owner: ast.ClassDef) -> bool:
    """Whether an object of a class is made with the request that it serves, and ends with it.

    Args:
        module: the file.
        owner: the class.
    """
    return any(
        item.annotation is not None
        and (module.qualname(item.annotation) or last_name(item.annotation) or "").rpartition(".")[2]
        in ("HttpRequest", "Request")
        for made in owner.body
        if isinstance(made, ast.FunctionDef) and made.name == "__init__"
        for item in parameters(made)
    )


def is_expected_to_raise(module: Module, node: ast.AST) -> bool:
    """Whether a test expects a statement to raise: ``with pytest.raises(...)``, ``with self.assertRaises(...)``."""
    return any(
        isinstance(item.context_expr, ast.Call) and ending(module, item.context_expr.func) in _EXPECTS
        for item in module.index.with_items(module.index.statement(node))
    )
