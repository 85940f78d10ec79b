"""Which input a condition checks, and how sure it is that it checks it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from flake8_aiguard import knowledge
from flake8_aiguard.index import COMPREHENSIONS
from flake8_aiguard.inputs import MAX_STEPS, Input, Inputs
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import dotted, is_none, last_name, names_in, string

_MAX_NODES: Final = 200  # of a test and the locals in it
MATCHES: Final = ("fullmatch", "match", "search")  # methods that ask a pattern
_SCALARS: Final = frozenset(f"builtins.{name}" for name in ("bool", "bytes", "float", "int", "str"))
_CLASS: Final = regex(r"_*[A-Z]\w*[a-z]\w*")
_WITHOUT_TRUTH: Final = frozenset(
    (
        "builtins.object",
        "typing.Generic",
        "typing.Protocol",
        "typing_extensions.Generic",
        "typing_extensions.Protocol",
    )
)
_ORDERING: Final = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


@dataclass(frozen=True, slots=True)
class Atom:
    """A condition of a test that holds no ``and``, ``or`` and ``not``.

    Attributes:
        node: the condition.
        negated: whether it stands under ``not``.
        alone: whether it narrows a type: it has to hold by itself.
    """

    node: ast.expr
    negated: bool = False
    alone: bool = True


# What is checked, and whether that is sure: without a message, some shapes are more often an invariant than a check.
Check: TypeAlias = tuple[Input, bool]


class Checks:
    """The conditions of one file.

    Args:
        module: the file.
        inputs: its inputs.
    """

    def __init__(self, module: Module, inputs: Inputs) -> None:
        self._module = module
        self._inputs = inputs
        self._narrowing_types: dict[ast.expr, bool] = {}

    def checked(self, atom: Atom, depth: int = 0) -> Check | None:
        """The input whose value a condition checks.

        Args:
            atom: the condition.
            depth: how many conditions hold it: ``all(all(...) for ...)``.

        Returns:
            The input, and whether it is sure that the condition checks it; ``None`` where it narrows a type, or is about
            something else.
        """
        condition = atom.node.value if isinstance(atom.node, ast.Await) else atom.node
        if isinstance(condition, ast.Compare) and _is_match(condition.left):
            condition = condition.left
        if depth > MAX_STEPS or is_narrowing(condition):
            return None
        if isinstance(condition, ast.Compare):
            return self._compared(condition)
        if isinstance(condition, ast.Call) and self._inputs.input(condition) is None:
            return self._asked(condition, depth)
        found = self._inputs.view(condition)
        return None if found is None else self._tested(found, atom)

    def tells_type(self, condition: ast.expr) -> bool:
        """Whether a condition asks for a type or an identity, not for a value.

        Args:
            condition: without ``and``, ``or`` and ``not``.
        """
        return is_narrowing(condition) or (
            isinstance(condition, ast.Call)
            and self._is_type_question(condition, self._module.qualname(condition.func))
        )

    def _tested(self, found: Input, atom: Atom) -> Check | None:
        """A value whose truth is tested: narrowing, where it may be ``None``."""
        if found.part == "attribute" and found.annotation is not None:
            return found, False
        if found.optional and not found.part and atom.alone and not atom.negated:
            return (found, False) if found.annotation is None else None
        is_narrowed = found.optional or not atom.negated  # ``not session`` says that it is None
        if not found.part and atom.alone and is_narrowed and self._narrows(atom.node, found.annotation):
            return None
        return found, _is_near(found)

    def _narrows(self, node: ast.expr, annotation: ast.expr | None) -> bool:
        """Whether the truth of a name says no more than that it is there: its annotation is a class without a truth value."""
        if annotation is None or not isinstance(node, (ast.Name, ast.Attribute)):
            return False
        if annotation not in self._narrowing_types:
            self._narrowing_types[annotation] = self._is_plain_class(annotation)
        return self._narrowing_types[annotation]

    def _is_plain_class(self, annotation: ast.expr) -> bool:
        name = self._module.receivers.annotated(annotation)
        if name is not None:
            return _CLASS.fullmatch(name.rpartition(".")[2]) is not None and not _is_valued(name)
        origin = annotation.value if isinstance(annotation, ast.Subscript) else annotation
        written = string(origin) or dotted(origin) or ""
        bindings = self._module.scopes.bindings(self._module.index.tree, written.partition("[")[0])
        stack = [binding.node for binding in bindings if len(bindings) == 1]
        seen = set(stack)
        for found in stack:
            if not isinstance(found, ast.ClassDef) or any(
                self._module.scopes.bindings(found, method) for method in ("__bool__", "__len__")
            ):
                return False
            for base in found.bases:
                origin = base.value if isinstance(base, ast.Subscript) else base
                inner = self._module.receivers.definition(origin)
                if inner is None:
                    outer = self._module.qualname(origin)
                    if outer is None or (_is_valued(outer) and outer not in _WITHOUT_TRUTH):
                        return False
                elif inner not in seen:
                    seen.add(inner)
                    stack.append(inner)
        return bool(stack)

    def _compared(self, node: ast.Compare) -> Check | None:
        operands = [node.left, *node.comparators][:MAX_STEPS]
        views = [self._inputs.view(operand) for operand in operands]
        subject = next((view for view in views if view is not None), None)
        if subject is None or self._is_identity(node, views):
            return None
        sure = _is_near(subject)
        if not isinstance(node.ops[0], _ORDERING) and subject.annotation is not None:
            parts = [
                view for view in views if view is not None and view.name == subject.name and view.attributes
            ]
            sure = sure and (not parts or all(map(_is_literal, node.comparators)))
        place = views.index(subject)
        for position, operand in enumerate(operands):
            ground = self._ground(operand, subject)
            if ground == "fixed":
                continue
            operator = node.ops[max(position - 1, 0)]
            if isinstance(operator, _ORDERING):
                # a limit may be computed here, but a computed value on the left, or between two limits, is a result
                is_between = 0 < position < len(operands) - 1
                is_result = (position < place or is_between) and not isinstance(operand, ast.Attribute)
                if ground == "result" or (ground == "local" and is_result):
                    return None
                sure = sure and not (ground == "state" and is_result)
            elif isinstance(operator, (ast.In, ast.NotIn)) and position:
                if ground == "result":
                    return None
                sure = sure and ground == "state" and self._is_scalar(subject)
            elif ground != "state":
                return None
            else:
                sure = sure and any(map(self._is_length, operands))
        return subject, sure

    def _is_identity(self, node: ast.Compare, views: list[Input | None]) -> bool:
        """Whether an object of a class is compared with another one: which objects there are is up to the program."""
        if not isinstance(node.ops[0], (ast.Eq, ast.NotEq)):
            return False
        sides = [node.left, *node.comparators]
        return all(
            isinstance(side, (ast.Name, ast.Attribute)) and not (last_name(side) or "").isupper()
            for side in sides
        ) and any(
            view is not None and view.is_passed and not view.part and self._narrows(side, view.annotation)
            for side, view in zip(sides, views, strict=False)
        )

    def _is_length(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Call) and self._module.qualname(node.func) == "builtins.len"

    def _is_scalar(self, found: Input) -> bool:
        annotation = found.annotation
        return annotation is not None and self._module.receivers.annotated(annotation) in _SCALARS

    def _ground(self, node: ast.expr, subject: Input) -> str:
        """What an input is compared with.

        Returns:
            ``fixed`` for literals, globals and other input, ``state`` of the object, ``local`` for what was computed here,
            ``result`` for what was computed from the same input.
        """
        ground = "fixed"
        stack: list[tuple[ast.AST, bool]] = [(node, False)]
        for _ in range(_MAX_NODES):
            if not stack:
                return ground
            item, computed = stack.pop()
            if isinstance(item, ast.expr) and self._inputs.input(item) is not None:
                if computed and any(self._is_named(name, subject) for name in names_in(item)):
                    return "result"
                continue
            if isinstance(item, ast.Attribute) and item.attr.isupper():
                continue
            if isinstance(item, ast.Call) and not self._inputs.is_view(item):
                if any(self._is_named(name, subject) for name in names_in(item)):
                    return "result"
                if computed:
                    ground = "local"
            elif computed and (is_empty(item) or isinstance(item, COMPREHENSIONS)):
                ground = "local"
            if not isinstance(item, ast.Name):
                stack.extend((child, computed) for child in ast.iter_child_nodes(item))
                continue
            resolved = self._module.scopes.resolve(item)
            if resolved is None or isinstance(resolved[0], (ast.Module, ast.ClassDef)):
                continue
            if self._module.receivers.class_behind(item) is not None:
                ground = "state" if ground == "fixed" else ground
                continue
            binding = resolved[1][0]
            if len(resolved[1]) == 1 and binding.value is not None:
                stack.append((binding.value, True))
            elif binding.kind not in (Kind.IMPORT, Kind.FUNCTION, Kind.CLASS):
                ground = "local"
        return "local"

    def _is_named(self, name: ast.Name, subject: Input) -> bool:
        found = self._inputs.input(name)
        return found is not None and found.name == subject.name

    def _asked(self, call: ast.Call, depth: int) -> Check | None:
        """The input that a call decides on."""
        name = self._module.qualname(call.func)
        if self._is_type_question(call, name):
            return None
        if name in ("builtins.all", "builtins.any") and len(call.args) == 1:
            return self._every(call.args[0], depth)
        if self._inputs.is_view(call):
            found = self._inputs.view(call)
            if found is None:
                return None
            is_state = (
                found.attributes and found.annotation is not None and not all(map(_is_literal, call.args))
            )
            return found, _is_near(found) and not is_state
        method = last_name(call.func) or ""
        is_predicate = decides(call)
        for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
            found = self._inputs.view(argument)
            if found is not None:
                return found, _is_near(found) and is_predicate
        if isinstance(call.func, ast.Attribute) and not method.startswith("_"):
            found = self._inputs.view(call.func.value)
            return None if found is None or found.attributes > 1 else (found, is_predicate)
        return None

    def _is_type_question(self, call: ast.Call, name: str | None) -> bool:
        row = _narrowing()
        return (
            name in row["calls"]
            or last_name(call.func) in row["names"]
            or ((last_name(call.func) or "").endswith(tuple(row["suffixes"])))
        )

    def _every(self, argument: ast.expr, depth: int) -> Check | None:
        """The input of which ``all`` or ``any`` checks every element."""
        if isinstance(argument, (ast.GeneratorExp, ast.ListComp)):
            if self._is_hidden(argument.generators[0].iter):
                return None
            conditions = [argument.elt]
        elif isinstance(argument, (ast.List, ast.Tuple)):
            conditions = argument.elts
        else:
            found = self._inputs.view(argument)
            return None if found is None else (found, True)
        parts = (part for condition in conditions for part in atoms(condition))
        checks = (self.checked(replace(part, alone=False), depth + 1) for part in parts)
        return next((check for check in checks if check is not None), None)

    def _is_hidden(self, looped: ast.expr) -> bool:
        """Whether a loop goes through what another object keeps for itself: how that was built is asked."""
        return (
            isinstance(looped, ast.Attribute)
            and looped.attr.startswith("_")
            and isinstance(looped.value, ast.Name)
            and self._module.receivers.class_behind(looped.value) is None
        )


def atoms(test: ast.expr) -> Iterator[Atom]:
    stack = [Atom(test)]
    while stack:
        atom = stack.pop()
        node = atom.node
        if isinstance(node, ast.BoolOp):
            # under not, and means or
            alone = atom.alone and isinstance(node.op, ast.Or) is atom.negated
            stack.extend(replace(atom, node=value, alone=alone) for value in reversed(node.values))
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            stack.append(replace(atom, node=node.operand, negated=not atom.negated))
        else:
            yield atom


def decides(call: ast.Call) -> bool:
    """Whether the name of what is called says that it decides whether a value is right: ``is_valid_host(host)``.

    Args:
        call: a condition.
    """
    method = last_name(call.func) or ""
    words = re.findall(r"[a-z]+", re.sub(r"([A-Z])", r"_\1", method).lower())
    return method in MATCHES or not _predicates().isdisjoint(words)


def is_narrowing(node: ast.expr) -> bool:
    """Whether a comparison tells types or identities apart: with ``None``, of ``type(x)``, by ``is`` with another object."""
    if not isinstance(node, ast.Compare):
        return False
    operands = [node.left, *node.comparators]
    if any(map(is_none, operands)) or any(
        (isinstance(item, ast.Call) and last_name(item.func) == "type")
        or (isinstance(item, ast.Attribute) and "__class__" in (item.attr, last_name(item.value)))
        for item in operands
    ):
        return True
    if isinstance(node.ops[0], ast.In) and isinstance(node.comparators[0], (ast.List, ast.Set, ast.Tuple)):
        return all(_is_singleton(item) for item in node.comparators[0].elts)  # of a type with three values
    if any(isinstance(operator, ast.IsNot) for operator in node.ops) and all(
        isinstance(item, ast.Attribute) for item in node.comparators
    ):
        return True  # a sentinel
    return any(isinstance(operator, (ast.Is, ast.IsNot)) for operator in node.ops) and not all(
        isinstance(item, ast.Constant) or (isinstance(item, ast.Attribute) and item.attr.isupper())
        for item in node.comparators
    )


def _is_singleton(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, bool))


def is_empty(node: ast.AST) -> bool:
    """Whether a value is a collection that is yet to be filled."""
    if isinstance(node, (ast.List, ast.Set)):
        return not node.elts
    return (isinstance(node, ast.Dict) and not node.keys) or (isinstance(node, ast.Call) and not node.args)


def _is_match(node: ast.expr) -> bool:
    """Whether an expression matches a pattern: that the match is not ``None`` narrows nothing."""
    return isinstance(node, ast.Call) and last_name(node.func) in MATCHES


def _is_near(found: Input) -> bool:
    """Whether a value is near to what was passed: far inside of an object of known type, its own consistency is checked."""
    return found.attributes < (3 if found.annotation is None else 2)


def _is_literal(node: ast.expr) -> bool:
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return all(isinstance(item, ast.Constant) for item in node.elts)
    return isinstance(node, ast.Constant)


def _is_valued(name: str) -> bool:
    """Whether the truth of a type says something about its value: a text, a number, a container."""
    return name.partition(".")[0] in _value_types("modules") or name.endswith(tuple(_value_types("suffixes")))


@knowledge.cached
def _value_types(column: str) -> frozenset[str]:
    return frozenset(word for row in knowledge.rows("untrusted.value_type") for word in row.get(column, ()))


@knowledge.cached
def _predicates() -> frozenset[str]:
    return frozenset(word for row in knowledge.rows("untrusted.predicate") for word in row["words"])


@knowledge.cached
def _narrowing() -> dict[str, frozenset[str]]:
    rows = knowledge.rows("untrusted.narrowing")
    return {
        column: frozenset(name for row in rows for name in row.get(column, ()))
        for column in ("calls", "names", "suffixes")
    }
