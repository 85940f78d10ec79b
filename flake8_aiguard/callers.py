"""Asserts on arguments that the file itself has settled: what its own callers compute, what a sibling method refuses."""

from __future__ import annotations

import ast
import itertools
import re
from typing import Final, TypeAlias

from flake8_aiguard.checks import Atom, atoms
from flake8_aiguard.children import walk
from flake8_aiguard.foregone import facts
from flake8_aiguard.index import COMPREHENSIONS
from flake8_aiguard.inputs import Input, Inputs
from flake8_aiguard.module import Module
from flake8_aiguard.receivers import first_parameter
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import argument, default, is_named_constant, last_name, parameters, string

_Def: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

_FAR: Final = 3  # attributes from a parameter of a known type: the inside of an object
_TAGS: Final = frozenset(
    ("event", "event_type", "kind", "message_type", "name", "op", "opcode", "path", "scheme", "tag", "type")
)
_COPYING: Final = (
    "array",
    "asarray",
    "list",
    "reversed",
    "sorted",
    "tuple",
)  # as many items as they were given
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
        self._handing: dict[_Def, list[ast.Call]] = {}  # the calls in a function that hand a variable on
        self._known_calls: dict[_Def, list[ast.Call]] = {}

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
                    or self._is_unused(function, condition, value.name)
                    or self._is_spelled_out(function, value.name)
                )
            )
            or self._is_only_told(function, condition, value.name, node)
            or self._is_refused(function)
            or self._is_repeated(condition, function, value.name)
            or function.name.startswith(
                "visit_"
            )  # a dispatcher calls it with nodes that the program has built
            or (
                (value.part == "item" or _is_measured(condition))
                and self._comes_computed(function, value.name)
            )
        )

    def have_asked(self, node: ast.Assert) -> bool:
        """Whether every call in this file stands in a branch that has asked what the assert asks: nothing else gets there.

        Args:
            node: the assert.
        """
        function = self._module.index.function(node)
        conditions = list(atoms(node.test))
        if not isinstance(function, _Def) or len(conditions) != 1:
            return False
        asked = conditions[0]
        calls = [call for call in self._calls(function) if self._module.index.function(call) is not function]
        return bool(calls) and all(self._is_asked(asked, function, call) for call in calls)

    def _is_asked(self, asked: Atom, function: _Def, call: ast.Call) -> bool:
        """Whether a branch around a call asks for a condition, in the words of the caller."""
        index = self._module.index
        text = self._in_words_of(asked.node, function, call)
        inner: ast.AST = call
        for branch in index.ancestors(call):
            if isinstance(branch, _Def):
                break
            if isinstance(branch, ast.If) and inner is not branch.test:
                found = facts(branch.test)
                if inner in branch.orelse:
                    found = {(known, not negated) for known, negated in found} if len(found) == 1 else set()
                if any(_is_same(text, known) and negated is asked.negated for known, negated in found):
                    return True
            inner = branch
        return False

    def _in_words_of(self, condition: ast.expr, function: _Def, call: ast.Call) -> str:
        """The text of a condition on parameters, with what a call passes for them."""
        text = ast.unparse(condition)
        for item in ast.walk(condition):
            if not isinstance(item, (ast.Name, ast.Attribute)):
                continue
            view = self._inputs.input(item)
            if view is not None and view.is_passed and not view.part:
                given = self._passed(function, view.name, call)
                if given is not None:
                    parts = re.split(rf"(?<![\w.]){re.escape(ast.unparse(item))}\b", text)
                    text = ast.unparse(given).join(parts)
        return text

    def _is_repeated(self, condition: ast.expr, function: _Def, name: str) -> bool:
        """Whether a function of this file that gets the argument handed on asserts the same: there it is reported."""
        text = ast.unparse(condition)
        if function not in self._handing:
            self._handing[function] = [
                call
                for call in walk(function)
                if isinstance(call, ast.Call) and any(isinstance(item, ast.Name) for item in call.args)
            ]
        for call in self._handing[function]:
            if not any(isinstance(item, ast.Name) and item.id == name for item in call.args):
                continue
            called = self._module.receivers.definition(call.func)
            if isinstance(called, _Def) and any(
                isinstance(item, ast.Assert) and ast.unparse(item.test) == text for item in called.body
            ):
                return called is not function
        return False

    def _is_refused(self, function: _Def) -> bool:
        """Whether the class has a method that says beforehand what this one takes: ``can_load`` beside ``load``."""
        owner = self._module.index.class_of(function)
        return owner is not None and bool(self._module.scopes.bindings(owner, f"can_{function.name}"))

    def _is_unused(self, function: _Def, condition: ast.expr, name: str) -> bool:
        """Whether nothing but the assert asks for an argument that a protocol demands: one number of ``*args``, a default.

        No result depends on it then.
        """
        parameter = next((item for item in parameters(function) if item.arg == name), None)
        if parameter is None or not isinstance(condition, ast.Compare):
            return False
        is_rest = parameter is function.args.vararg and isinstance(condition.ops[0], ast.Eq)
        is_given = default(function, parameter) is not None and isinstance(condition.ops[0], (ast.Eq, ast.In))
        uses = list(itertools.islice(self._module.scopes.uses(function, name), 2))
        return (is_rest or is_given) and len(uses) == 1 and uses[0] in ast.walk(condition)

    def _is_only_told(self, function: _Def, condition: ast.expr, name: str, node: ast.Assert) -> bool:
        """Whether a method gets a word that it needs for nothing, as its namesakes in other classes: a dispatcher has called by it."""
        namesakes = (item for item in self._module.index.nodes(type(function)) if item.name == function.name)
        return (
            isinstance(condition, ast.Compare)
            and isinstance(condition.ops[0], ast.Eq)
            and isinstance(condition.left, ast.Name)
            and string(condition.comparators[0]) is not None
            and all(
                self._module.index.statement(use) is node for use in self._module.scopes.uses(function, name)
            )
            and any(
                item is not function and any(parameter.arg == name for parameter in parameters(item))
                for item in namesakes
            )
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
        return [self._passed(function, name, call) for call in self._calls(function)]

    def _calls(self, function: _Def) -> list[ast.Call]:
        """The calls of a function in this file, of a constructor those of its class."""
        if function not in self._known_calls:
            owner = self._module.index.class_of(function)
            called: ast.AST = function if owner is None or function.name != "__init__" else owner
            self._known_calls[function] = [
                call
                for call in self._module.index.calls_named((getattr(called, "name", ""),))
                if self._module.receivers.definition(call.func) is called
            ]
        return self._known_calls[function]

    def _passed(self, function: _Def, name: str, call: ast.Call) -> ast.expr | None:
        """What a call of a function passes for one of its parameters."""
        positional = [item.arg for item in (*function.args.posonlyargs, *function.args.args)]
        if self._module.index.class_of(function) is not None and first_parameter(function) is not None:
            del positional[0]
        return argument(call, name, positional.index(name) if name in positional else None)

    def _is_own(self, node: ast.expr) -> bool:
        """Whether a value was computed in the function that it stands in, from no data from outside."""
        index = self._module.index
        if index.function(node) is None:
            return False
        if isinstance(node, ast.Call) and len(node.args) == 1 and last_name(node.func) in _COPYING:
            return self._is_own(node.args[0])
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


def _is_same(text: str, known: str) -> bool:
    """Whether two conditions are the same, but for the object that holds one of them: ``self.user.is_admin``, ``user.is_admin``."""
    return text == known or ("." in known and text.endswith(f".{known}"))


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
    return name in _TAGS and (
        string(condition.comparators[0]) is not None or is_named_constant(condition.comparators[0])
    )
