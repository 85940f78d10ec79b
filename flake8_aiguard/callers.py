"""Asserts on arguments that the file itself has settled: what its own callers compute, what a sibling method refuses."""

from __future__ import annotations

import ast
import itertools
from typing import Final, TypeAlias

from flake8_aiguard.index import COMPREHENSIONS
from flake8_aiguard.inputs import Input, Inputs
from flake8_aiguard.module import Module
from flake8_aiguard.receivers import first_parameter
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import argument, last_name, string

_Def: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

_FAR: Final = 3  # attributes from a parameter of a known type: the inside of an object
_TAGS: Final = frozenset(
    ("event", "event_type", "kind", "message_type", "name", "op", "opcode", "path", "scheme", "tag", "type")
)
_TAKING: Final = ("get", "getattr", "pop", "setdefault")  # hand on what they were given


class Callers:
    """What one file says of the calls of its own functions.

    Args:
        module: the file.
        inputs: its inputs.
    """

    def __init__(self, module: Module, inputs: Inputs) -> None:
        self._module = module
        self._inputs = inputs
        self._computed: dict[tuple[_Def, str], bool] = {}

    def settle(self, condition: ast.expr, value: Input, node: ast.Assert) -> bool:
        """Whether an assert on an argument is settled by the program, not by its data.

        Args:
            condition: a condition of the assert.
            value: the argument that it is about.
            node: the assert.
        """
        function = self._module.index.function(node)
        if not isinstance(function, _Def):
            return False
        return (
            (value.annotation is not None and value.attributes >= _FAR)
            or (
                node.msg is None
                and (
                    _is_tag(condition)
                    or _is_own_answer(condition)
                    or self._is_uncounted(function, condition, value.name)
                    or self._is_spelled_out(function, value.name)
                )
            )
            or self._is_refused(function)
            or function.name.startswith(
                "visit_"
            )  # a dispatcher calls it with nodes that the program has built
            or (
                (value.part == "item" or _is_measured(condition))
                and self._comes_computed(function, value.name)
            )
        )

    def _is_refused(self, function: _Def) -> bool:
        """Whether the class has a method that says beforehand what this one takes: ``can_load`` beside ``load``."""
        owner = self._module.index.class_of(function)
        return owner is not None and bool(self._module.scopes.bindings(owner, f"can_{function.name}"))

    def _is_uncounted(self, function: _Def, condition: ast.expr, name: str) -> bool:
        """Whether one number of ``*args`` is all that a function asks of them: they are there for the sake of a protocol."""
        rest = function.args.vararg
        return (
            rest is not None
            and rest.arg == name
            and isinstance(condition, ast.Compare)
            and isinstance(condition.ops[0], ast.Eq)
            and len(list(itertools.islice(self._module.scopes.uses(function, name), 2))) == 1
        )

    def _comes_computed(self, function: _Def, name: str) -> bool:
        key = (function, name)
        if key not in self._computed:
            self._computed[key] = self._is_computed(function, name)
        return self._computed[key]

    def _is_computed(self, function: _Def, name: str) -> bool:
        """Whether this file calls the function, and only with a collection or result that the callers have computed themselves."""
        given = self._given(function, name)
        return bool(given) and all(item is not None and self._is_own(item) for item in given)

    def _is_spelled_out(self, function: _Def, name: str) -> bool:
        """Whether this file calls the function more than once, and each time with a literal or a name of a module."""
        given = self._given(function, name)
        return len(given) > 1 and all(
            isinstance(item, ast.Constant) or (item is not None and self._module.qualname(item) is not None)
            for item in given
        )

    def _given(self, function: _Def, name: str) -> list[ast.expr | None]:
        """What the calls of a function in this file pass for one of its parameters."""
        index = self._module.index
        owner = index.class_of(function)
        called: ast.AST = function if owner is None or function.name != "__init__" else owner
        calls = [
            call
            for call in index.calls_named((getattr(called, "name", ""),))
            if self._module.receivers.definition(call.func) is called
        ]
        positional = [item.arg for item in (*function.args.posonlyargs, *function.args.args)]
        if owner is not None and first_parameter(function) is not None:
            del positional[0]
        position = positional.index(name) if name in positional else None
        return [argument(call, name, position) for call in calls]

    def _is_own(self, node: ast.expr) -> bool:
        """Whether a value was computed in the function that it stands in, from no data from outside."""
        index = self._module.index
        if index.function(node) is None:
            return False
        if not isinstance(node, ast.Name):
            return _is_built(node)
        resolved = self._module.scopes.resolve(node)
        if resolved is None or resolved[0] is not index.function(node) or self._inputs.view(node) is not None:
            return False
        return all(
            binding.kind in (Kind.ASSIGN, Kind.ANNOTATED) and self._is_result(binding.node)
            for binding in resolved[1]
        )

    def _is_result(self, target: ast.AST) -> bool:
        value = getattr(self._module.index.statement(target), "value", None)
        if isinstance(value, ast.Await):
            value = value.value
        if not isinstance(value, ast.Call):
            return isinstance(value, ast.expr) and _is_built(value)
        views = map(self._inputs.view, (*value.args, *(keyword.value for keyword in value.keywords)))
        return last_name(value.func) not in _TAKING and all(view is None or view.is_passed for view in views)


def _is_built(node: ast.expr) -> bool:
    """Whether an expression builds a collection."""
    return isinstance(node, (ast.Dict, ast.List, ast.Set, *COMPREHENSIONS))


def _is_measured(condition: ast.expr) -> bool:
    """Whether a condition asks for the length of something: of collections, whoever builds them knows it."""
    sides = [condition.left, *condition.comparators] if isinstance(condition, ast.Compare) else [condition]
    return any(isinstance(side, ast.Call) and last_name(side.func) == "len" for side in sides)


def _is_own_answer(condition: ast.expr) -> bool:
    """Whether an argument has to be what the function finds out by itself: ``thread_id == current_thread_id()``."""
    if not isinstance(condition, ast.Compare) or not isinstance(condition.ops[0], ast.Eq):
        return False
    sides = (condition.left, condition.comparators[0])
    return any(isinstance(side, ast.Name) for side in sides) and any(
        isinstance(side, ast.Call) and not side.args and not side.keywords for side in sides
    )


def _is_tag(condition: ast.expr) -> bool:
    """Whether a condition says which case this is, after whom a dispatcher has called: ``event["type"] == "created"``."""
    if not isinstance(condition, ast.Compare) or not isinstance(condition.ops[0], ast.Eq):
        return False
    asked = condition.left
    name = asked.attr if isinstance(asked, ast.Attribute) else None
    if isinstance(asked, ast.Subscript):
        name = string(asked.slice)
    return name in _TAGS and string(condition.comparators[0]) is not None
