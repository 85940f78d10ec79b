"""What is a list, as far as the file proves it, and what an expression passes through."""

from __future__ import annotations

import ast
from collections.abc import Collection
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.loops import Variable
from flake8_aiguard.memo import lazy, memoised
from flake8_aiguard.module import Module
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import last_name, single_targets

_HOPS: Final = 12
_VIEWS: Final = frozenset({"values", "items", "copy"})
WRAPPERS: Final = frozenset(
    f"builtins.{name}" for name in ("enumerate", "list", "sorted", "reversed", "tuple", "iter")
)
# what may be a list: displays, and what is built of other variables
_LISTS: Final = frozenset(
    (ast.List, ast.ListComp, ast.Tuple, ast.BinOp, ast.BoolOp, ast.IfExp, ast.Name, ast.Subscript)
)


class Lists:
    """The lists of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def is_built(self, node: ast.expr) -> bool:
        """Whether a list is built on the spot: a comprehension, ``list(xs)``, ``sorted(xs)``."""
        if isinstance(node, (ast.ListComp, ast.GeneratorExp)):
            return True
        return isinstance(node, ast.Call) and self._module.qualname(node.func) in (
            "builtins.list",
            "builtins.sorted",
        )

    def is_list(self, node: ast.expr) -> bool:
        """Whether a collection is proved to be a list: by all assignments, an annotation or a call known to give one."""
        if not self._may_be_list(node):
            return False
        kind = self._module.kinds.of(node)
        if kind is not None:
            return kind == "list"
        variable = self._module.loops.variable(node) if isinstance(node, ast.Name) else None
        if variable is None or not isinstance(node, ast.Name):
            return False
        return self._holds_list(variable) or self._is_bound_anew(node, variable)

    def _may_be_list(self, node: ast.expr) -> bool:
        """The cheap question before the kind of a variable."""
        if isinstance(node, ast.Attribute):
            return isinstance(node.value, ast.Name) and node.attr in self._attributes
        resolved = self._module.scopes.resolve(node) if isinstance(node, ast.Name) else None
        return resolved is not None and any(
            binding.annotation is not None or self._may_give_list(binding.value) for binding in resolved[1]
        )

    @lazy
    def _list_calls(self) -> Collection[ast.AST]:
        """The calls that may give a list."""
        index = self._module.index
        functions: list[ast.FunctionDef | ast.AsyncFunctionDef] = [
            *index.nodes(ast.FunctionDef),
            *index.nodes(ast.AsyncFunctionDef),
        ]
        annotated = {function.name for function in functions if function.returns is not None}
        return set(index.calls_named(_list_names() | annotated))

    def _may_give_list(self, value: ast.expr | None) -> bool:
        if isinstance(value, ast.Await):
            value = value.value
        return value.__class__ in _LISTS or value in self._list_calls

    @lazy
    def _attributes(self) -> Collection[str]:
        """The attributes that may hold a list."""
        index = self._module.index
        found = {last_name(item.target) or "" for item in index.nodes(ast.AnnAssign)}
        for item in index.nodes(ast.Assign):
            if self._may_give_list(item.value):
                found |= {last_name(target) or "" for target in single_targets(item.targets)}
        return found

    def _is_bound_anew(self, name: ast.Name, variable: Variable) -> bool:
        """Whether a parameter was made a list before: ``ids = list(ids)``."""
        scope, bindings = variable[0], self._module.scopes.bindings(*variable)
        if (
            not isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef))
            or not any(binding.kind is Kind.PARAMETER for binding in bindings)
            or not any(self._is_made_list(binding.value) for binding in bindings)
        ):
            return False
        definitions = self._module.def_use(scope).definitions(name)
        return bool(definitions) and all(
            isinstance(item, ast.Assign) and self._is_made_list(item.value) for item in definitions or ()
        )

    def _is_made_list(self, value: ast.expr | None) -> bool:
        return value is not None and (self._module.kinds.of(value) == "list" or self._gives_list(value))

    @memoised
    def _holds_list(self, variable: Variable) -> bool:
        bindings = self._module.scopes.bindings(*variable)
        values = [binding.value for binding in bindings if binding.kind is not Kind.AUGMENTED]
        return bool(values) and all(
            binding.kind is Kind.AUGMENTED
            or binding.kind is Kind.ASSIGN
            and self._is_made_list(binding.value)
            for binding in bindings
        )

    def _gives_list(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Await):
            node = node.value
        if not isinstance(node, ast.Call):
            return False
        if isinstance(node.func, ast.Attribute) and node.func.attr in _list_methods():
            return True
        definition = self._module.receivers.definition(node.func)
        return (
            isinstance(definition, (ast.FunctionDef, ast.AsyncFunctionDef))
            and definition.returns is not None
            and self._module.receivers.annotated(definition.returns) in ("builtins.list", "typing.List")
        )


def collection(module: Module, node: ast.expr) -> ast.expr:
    """What an expression passes through: ``xs`` of ``enumerate(xs)``, ``d`` of ``d.values()``."""
    for _ in range(_HOPS):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            node = node.value
        elif not isinstance(node, ast.Call):
            break
        elif isinstance(node.func, ast.Attribute) and node.func.attr in _VIEWS and not node.args:
            node = node.func.value
        elif node.args and module.qualname(node.func) in WRAPPERS:
            node = node.args[0]
        else:
            break
    return node


@knowledge.cached
def _list_names() -> frozenset[str]:
    """The last identifiers of the calls known to give a list."""
    rows = (row for row in knowledge.rows("kinds.call") if row["kind"] == "list")
    calls = {name.rpartition(".")[2] for row in rows for name in row["calls"]}
    return _list_methods() | calls | {"split", "rsplit", "copy"}


@knowledge.cached
def _list_methods() -> frozenset[str]:
    return frozenset(name for row in knowledge.rows("searches.list") for name in row["methods"])
