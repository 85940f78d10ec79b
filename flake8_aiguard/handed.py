"""What a file hands to its own functions, threads and objects: the values that their parameters get."""

from __future__ import annotations

import ast
import functools
from collections import Counter, defaultdict
from typing import Final, TypeAlias

from flake8_aiguard import arguments
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import argument, parameters

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

_DEPTH: Final = 4
# What runs a function that it is given: with a tuple of arguments, or with those that follow it.
_WITH_TUPLE: Final = frozenset({"Process", "Thread", "Timer", "apply", "apply_async"})
_WITH_REST: Final = frozenset({"run_in_executor", "spawn", "start_soon", "submit", "to_thread"})


class Handed:
    """The values that the parameters of one file's functions get.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def type_of(self, node: ast.expr, depth: int = _DEPTH) -> str | None:
        """The type of a parameter without an annotation, or of an attribute that a constructor sets to one.

        Args:
            node: the mention of the parameter, or ``self.attribute``.
            depth: through how many calls it is followed.

        Returns:
            The type on which all calls and starts of the function in this file agree; ``None`` where there are none, or one that
            cannot be read.
        """
        parameter = self._parameter(node)
        if parameter is None or not depth:
            return None
        given = self.given(*parameter)
        types = {self._module.type_of(value) or self.type_of(value, depth - 1) for value in given}
        return types.pop() if len(types) == 1 else None

    def is_handed_often(self, node: ast.expr) -> bool:
        """Whether several threads, tasks or objects share what a parameter or attribute holds: one value, given in a loop or in several places."""
        parameter = self._parameter(node)
        given = [] if parameter is None else self.given(*parameter)
        values = [value for value in given if not self._is_called_with(value, parameter)]
        texts = Counter(map(ast.unparse, values))
        return any(
            not isinstance(value, ast.Call)
            and (texts[ast.unparse(value)] > 1 or self._is_shared_by_turns(value))
            for value in values
        )

    def _is_called_with(self, value: ast.expr, parameter: tuple[_Function, str] | None) -> bool:
        """Whether a plain call gives a value to a function: it returns before the next one. An object lives on."""
        if parameter is None or parameter[0].name == "__init__":
            return False
        outer = self._module.index.parent(value)
        call = self._module.index.parent(outer) if isinstance(outer, ast.keyword) else outer
        return (
            isinstance(call, ast.Call)
            and self._module.receivers.definition(call.func) is parameter[0]
            and isinstance(parameter[0], ast.FunctionDef)
        )

    def _is_shared_by_turns(self, value: ast.expr) -> bool:
        """Whether a loop gives the same value in each turn, one that was bound before it."""
        resolved = self._module.scopes.resolve(value) if isinstance(value, ast.Name) else None
        bound = [] if resolved is None else [getattr(item.node, "lineno", 0) for item in resolved[1]]
        return any(
            not any(
                getattr(loop, "lineno", 0) <= line <= (getattr(loop, "end_lineno", 0) or 0) for line in bound
            )
            for loop in self._module.index.loops(value)
        )

    def _parameter(self, node: ast.expr) -> tuple[_Function, str] | None:
        """The parameter without an annotation that an expression is, by its function and name."""
        if isinstance(node, ast.Attribute):
            owner = self._module.receivers.class_behind(node.value)
            stores = [] if owner is None else self._module.receivers.attribute_stores(owner, node.attr)
            assign = self._module.index.parent(stores[0]) if len(stores) == 1 else None
            value = assign.value if isinstance(assign, ast.Assign) else None
            return self._parameter(value) if isinstance(value, ast.Name) else None
        resolved = self._module.scopes.resolve(node) if isinstance(node, ast.Name) else None
        if resolved is None or [binding.kind for binding in resolved[1]] != [Kind.PARAMETER]:
            return None
        function, bound = resolved[0], resolved[1][0].node
        if not isinstance(function, _Function) or not isinstance(bound, ast.arg) or bound.annotation:
            return None
        return function, bound.arg

    @memoised
    def given(self, function: _Function, name: str) -> list[ast.expr]:
        """What the calls and starts of a function in this file give to a parameter; nothing where one of them cannot be read."""
        owner = self._module.index.class_of(function)
        if owner is not None and function.name != "__init__":
            target: _Function | ast.ClassDef = function
        else:
            target = function if owner is None else owner
        if name not in {item.arg for item in parameters(function)}:
            return []
        position = arguments.place(self._module.index, function, name)
        found = []
        for mention in self._mentions.get(target.name, ()):
            is_called = (
                isinstance(outer := self._module.index.parent(mention), ast.Call) and outer.func is mention
            )
            if self._module.receivers.definition(mention) is not target or not (
                is_called or target is function
            ):
                continue  # nor a class in an annotation
            value = self._value(mention, name, position)
            if value is None:
                return []
            found.append(value)
        return found

    def _value(self, mention: ast.expr, name: str, position: int | None) -> ast.expr | None:
        """What a call, or the start of a thread, task or process, gives to a parameter of the function that it mentions."""
        parent = self._module.index.parent(mention)
        if isinstance(parent, ast.Call) and parent.func is mention:
            return argument(parent, name, position)
        call = self._module.index.parent(parent) if isinstance(parent, ast.keyword) else parent
        if not isinstance(call, ast.Call):
            return None
        runs = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if runs in _WITH_REST and mention in call.args and position is not None:
            rest = call.args[call.args.index(mention) + 1 :]
            return rest[position] if position < len(rest) else None
        if runs not in _WITH_TUPLE:
            return None
        named = {item.arg: item.value for item in call.keywords}
        by_name, by_place = named.get("kwargs"), named.get("args")
        if by_place is None and mention in call.args:
            by_place = next(iter(call.args[call.args.index(mention) + 1 :]), None)
        if isinstance(by_name, ast.Dict):
            for key, value in zip(by_name.keys, by_name.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == name:
                    return value
        if isinstance(by_place, (ast.Tuple, ast.List)) and position is not None:
            return by_place.elts[position] if position < len(by_place.elts) else None
        return None

    @functools.cached_property
    def _mentions(self) -> dict[str, list[ast.Name | ast.Attribute]]:
        """Where the file reads each name, of a variable or an attribute."""
        found: dict[str, list[ast.Name | ast.Attribute]] = defaultdict(list)
        for name in self._module.index.nodes(ast.Name):
            if isinstance(name.ctx, ast.Load):
                found[name.id].append(name)
        for attribute in self._module.index.nodes(ast.Attribute):
            if isinstance(attribute.ctx, ast.Load):
                found[attribute.attr].append(attribute)
        return found
