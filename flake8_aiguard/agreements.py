"""Asserts between programmers: what callers spell out, what the next statement says again, what the object knows itself."""

from __future__ import annotations

import ast
from typing import Final

from flake8_aiguard.checks import Atom, is_empty, is_narrowing
from flake8_aiguard.inputs import Input, Inputs
from flake8_aiguard.memo import lazy
from flake8_aiguard.module import Module
from flake8_aiguard.repeats import direct_nodes, next_statement
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import (
    dotted,
    explains,
    following,
    is_named_constant,
    is_none,
    last_name,
    names_in,
    string,
)

_NEAR: Final = 3  # statements after an if
_CUTTING: Final = ("partition", "removeprefix", "removesuffix", "replace", "rpartition", "rsplit", "split")
_WITH_EMPTY: Final = frozenset(
    (
        *(f"builtins.{name}" for name in ("bytes", "dict", "frozenset", "list", "set", "str", "tuple")),
        *(f"typing.{name}" for name in ("Collection", "Dict", "List", "Mapping", "Sequence", "Set", "Tuple")),
        *(f"collections.abc.{name}" for name in ("Collection", "Mapping", "Sequence", "Set")),
    )
)
_LITERALS: Final = ("typing.Literal", "typing_extensions.Literal")
_EXISTENCE: Final = ("exists", "is_dir", "is_file", "isdir", "isfile")


class Agreements:
    """The asserts of one file that check no input, though they mention one.

    Args:
        module: the file.
        inputs: its inputs.
    """

    def __init__(self, module: Module, inputs: Inputs) -> None:
        self._module = module
        self._inputs = inputs

    def covers(self, atom: Atom, value: Input, node: ast.Assert) -> bool:
        """Whether a condition on an argument is agreed on between programmers.

        Args:
            atom: the condition.
            value: the argument that it is about.
            node: the assert that it stands in.
        """
        return (
            self._is_leftover(atom, value, node)
            or self._is_shortened(value, node)
            or self._is_bare(atom, value, node)
            or self._is_agreed(atom, value, node)
            or self._is_known_form(atom, node)
            or self._is_registration(atom, node)
            or self._is_layout(atom.node)
            or self._is_declared(atom, value)
            or self._is_of_result(atom, node)
        )

    def _is_bare(self, atom: Atom, value: Input, node: ast.Assert) -> bool:
        """Whether an assert without a message says no more than that an argument is there.

        Of a text or a collection that always is, by its annotation, it says that it is not empty. Objects are mostly
        constructed by the program itself.
        """
        if explains(node.msg) or not isinstance(atom.node, ast.Name) or atom.node.id != value.name:
            return False
        if getattr(self._module.index.function(node), "name", "") == "__init__":
            return True
        kind = None if value.annotation is None else self._module.receivers.annotated(value.annotation)
        return value.optional or kind not in _WITH_EMPTY or self._takes_first(value.name, node)

    def _takes_first(self, name: str, node: ast.Assert) -> bool:
        """Whether the next statement takes an end of a collection, and raises by itself where it is empty: ``first, *rest = args``."""
        after = next_statement(self._module, node)
        if after is None:
            return False
        if isinstance(after, ast.Assign) and isinstance(after.targets[0], (ast.Tuple, ast.List)):
            return dotted(after.value) == name
        return any(
            isinstance(item, ast.Subscript)
            and not isinstance(item.slice, ast.Slice)
            and string(item.slice) is None
            and dotted(item.value) == name
            for item in direct_nodes(after)
        )

    def _is_agreed(self, atom: Atom, value: Input, node: ast.Assert) -> bool:
        """Whether an assert without a message is between programmers: callers in this file, a word that they all spell out."""
        function = self._module.index.function(node)
        if self._is_exclusion(node):
            return True
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return False
        if _is_refused_keyword(atom, function):
            return True
        if _is_protocol(atom) and function.name != "__init__" and self._is_override(function):
            return True
        if node.msg is not None:
            return False
        if _is_spelled_out(atom, function) or _is_one_of_words(atom, node) or _is_own_existence(atom.node):
            return True
        if _is_protocol(atom) and not (value.part and isinstance(atom.node, ast.Compare)):
            return True
        calls = self._module.index.calls_named((function.name,))
        return any(self._module.receivers.definition(call.func) is function for call in calls)

    def _is_known_form(self, atom: Atom, node: ast.Assert) -> bool:
        """Whether the next statement takes off what the assert says is there: ``assert s.startswith("/"); s = s[1:]``.

        Who calls it has told the value by this very form.
        """
        condition = atom.node
        if isinstance(condition, ast.Call) and last_name(condition.func) in ("startswith", "endswith"):
            value = condition.func.value if isinstance(condition.func, ast.Attribute) else None
        elif isinstance(condition, ast.Compare) and isinstance(condition.ops[0], ast.In):
            value = condition.comparators[0] if string(condition.left) is not None else None
        else:
            value = _marked(condition)
        name = None if value is None else dotted(value)
        after = next_statement(self._module, node)
        return (
            name is not None
            and after is not None
            and any(
                (
                    isinstance(item, ast.Subscript)
                    and isinstance(item.slice, ast.Slice)
                    and dotted(item.value) == name
                )
                or (
                    isinstance(item, ast.Call)
                    and isinstance(item.func, ast.Attribute)
                    and item.func.attr in _CUTTING
                    and dotted(item.func.value) == name
                )
                for item in direct_nodes(after)
            )
        )

    def _is_registration(self, atom: Atom, node: ast.Assert) -> bool:
        """Whether ``assert key not in self.known`` stands before the statement that stores it there: nothing is checked but that it is new.

        Without a message also ``assert key in KNOWN`` before ``KNOWN[key] = value``: whoever changes it spells the key out.
        """
        condition = atom.node
        if not isinstance(condition, ast.Compare) or not isinstance(condition.ops[0], (ast.In, ast.NotIn)):
            return False
        if isinstance(condition.ops[0], ast.NotIn) is atom.negated and node.msg is not None:
            return False
        stored = dotted(condition.comparators[0])
        parent = self._module.index.parent(node)
        block = getattr(parent, "body", [])
        after = block[block.index(node) + 1 :] if node in block else []
        if isinstance(parent, ast.If) and not after:
            after = following(self._module.index.parent(parent), parent, _NEAR)
        return stored is not None and any(
            (
                isinstance(item, ast.Call)
                and isinstance(item.func, ast.Attribute)
                and item.func.attr in ("add", "append")
                and dotted(item.func.value) == stored
            )
            or (
                isinstance(item, ast.Subscript)
                and isinstance(item.ctx, ast.Store)
                and dotted(item.value) == stored
            )
            for statement in after
            for item in direct_nodes(statement)
        )

    def _is_layout(self, condition: ast.expr) -> bool:
        """Whether it asks for a file at a fixed place below the value, or for what the function has written itself."""
        if not isinstance(condition, ast.Call) or last_name(condition.func) not in _EXISTENCE:
            return False
        path = condition.args[0] if condition.args else getattr(condition.func, "value", None)
        if isinstance(path, ast.BinOp):
            return isinstance(path.op, ast.Div) and string(path.right) is not None
        if isinstance(path, ast.Call):
            return last_name(path.func) == "join" and len(path.args) > 1 and string(path.args[-1]) is not None
        function = self._module.index.function(condition)
        return any(
            item.lineno < condition.lineno and self._module.index.function(item) is function
            for item in self._module.index.nodes(ast.Yield)
        )

    def _is_declared(self, atom: Atom, value: Input) -> bool:
        """Whether the annotation of an argument lists the very values that it is asserted to be one of."""
        condition = atom.node
        if (
            value.annotation is None
            or atom.negated
            or not isinstance(condition, ast.Compare)
            or not isinstance(condition.ops[0], ast.In)
            or dotted(condition.left) != value.name
            or not isinstance(condition.comparators[0], (ast.List, ast.Set, ast.Tuple))
        ):
            return False
        declared = next(
            (
                item.slice
                for item in ast.walk(value.annotation)
                if isinstance(item, ast.Subscript) and self._module.is_one_of(item.value, _LITERALS)
            ),
            None,
        )
        values = declared.elts if isinstance(declared, ast.Tuple) else [declared]
        asserted = {ast.dump(item) for item in condition.comparators[0].elts}
        return declared is not None and all(ast.dump(item) in asserted for item in values if item is not None)

    def _is_of_result(self, atom: Atom, node: ast.Assert) -> bool:
        """Whether a flag is asserted where a result says that it must be set: ``if not found: assert dry_run``."""
        parent = self._module.index.parent(node)
        if not isinstance(atom.node, ast.Name) or not isinstance(parent, ast.If) or node not in parent.body:
            return False
        missing = parent.test.operand if isinstance(parent.test, ast.UnaryOp) else None
        if isinstance(parent.test, ast.Compare) and is_none(parent.test.comparators[0]):
            missing = parent.test.left
        return (
            isinstance(missing, ast.Name)
            and self._inputs.input(missing) is None
            and self._is_computed(missing)
        )

    def _is_computed(self, name: ast.Name) -> bool:
        resolved = self._module.scopes.resolve(name)
        return (
            resolved is not None
            and resolved[0] is self._module.index.function(name)
            and all(binding.kind is Kind.ASSIGN for binding in resolved[1])
        )

    def _is_override(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Whether a method extends that of a base class, whose parameters it has to take."""
        return any(
            isinstance(call.func, ast.Attribute)
            and isinstance(call.func.value, ast.Call)
            and last_name(call.func.value.func) == "super"
            and self._module.index.function(call) is function
            for call in self._module.index.calls_named((function.name,))
        )

    def _is_exclusion(self, node: ast.Assert) -> bool:
        """Whether arguments exclude each other, or the own state does: which ones a call gives stands in the program."""
        test = node.test
        inner = test.operand if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) else None
        if isinstance(inner, ast.BoolOp) and isinstance(inner.op, ast.And):
            return all(isinstance(value, ast.Name) or is_narrowing(value) for value in inner.values)
        if isinstance(test, ast.Compare) and all(map(is_narrowing, (test.left, *test.comparators))):
            return True  # ``(path is None) != (stream is None)``
        parent = self._module.index.parent(node)
        if not isinstance(inner, (ast.Name, ast.Attribute)) or not isinstance(parent, ast.If):
            return False
        asked = list(names_in(parent.test))
        return any(view is not None and view.is_passed for view in map(self._inputs.view, asked)) or any(
            self._module.receivers.class_behind(name) is not None for name in asked
        )

    def _is_leftover(self, atom: Atom, value: Input, node: ast.Assert) -> bool:
        """Whether the assert says that nothing is left of a collection from which everything was taken out."""
        after = next_statement(self._module, node)
        if (
            atom.negated
            and isinstance(after, ast.Delete)
            and _unparsed(after.targets[0]) == _unparsed(atom.node)
        ):
            return True
        is_compared = isinstance(atom.node, ast.Compare) and is_empty(atom.node.comparators[0])
        function = self._module.index.function(node)
        return (atom.negated or is_compared) and any(
            isinstance(call.func, ast.Attribute)
            and dotted(call.func.value) == value.name
            and self._module.index.function(call) is function
            for call in self._module.index.calls_named(("pop", "popitem", "remove", "discard"))
        )

    def _is_shortened(self, value: Input, node: ast.Assert) -> bool:
        """Whether a loop before the assert has taken items out of the parameter: what it says is a postcondition."""
        function = self._module.index.function(node)
        return self._shortened.get((function, value.name), node.lineno) < node.lineno

    @lazy
    def _shortened(self) -> dict[tuple[ast.AST | None, str], int]:
        """The first line where a loop takes an item out of a variable, by function and name."""
        index = self._module.index
        receivers: list[tuple[ast.Call | ast.Delete, ast.expr]] = [
            (call, call.func.value)
            for call in index.calls_named(("pop", "popitem", "popleft"))
            if isinstance(call.func, ast.Attribute)
        ]
        receivers += [
            (statement, target.value)
            for statement in index.nodes(ast.Delete)
            for target in statement.targets
            if isinstance(target, ast.Subscript)
        ]
        found: dict[tuple[ast.AST | None, str], int] = {}
        for node, receiver in receivers:
            if isinstance(receiver, ast.Name) and next(index.loops(node), None) is not None:
                key = (index.function(node), receiver.id)
                found[key] = min(node.lineno, found.get(key, node.lineno))
        return found


def _marked(condition: ast.expr) -> ast.expr | None:
    """The text of ``any(mark in text for mark in MARKS)``."""
    if not isinstance(condition, ast.Call) or last_name(condition.func) != "any" or len(condition.args) != 1:
        return None
    asked = getattr(condition.args[0], "elt", None)
    is_in = isinstance(asked, ast.Compare) and isinstance(asked.ops[0], ast.In)
    return asked.comparators[0] if is_in and isinstance(asked, ast.Compare) else None


def _is_spelled_out(atom: Atom, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a condition is about what callers write literally: one of some words, the keywords of a call."""
    node = atom.node
    if not isinstance(node, ast.Compare) or len(node.ops) != 1:
        return False
    if isinstance(node.ops[0], (ast.In, ast.NotIn)):
        keywords = function.args.kwarg
        return keywords is not None and dotted(node.comparators[0]) == keywords.arg
    return isinstance(node.ops[0], ast.Eq) and not atom.alone and string(node.comparators[0]) is not None


def _is_refused_keyword(atom: Atom, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether callers may not spell a keyword: ``"commit" not in kwargs``, ``not kwargs.get("commit")``. No data gets there."""
    node, keywords = atom.node, function.args.kwarg
    if keywords is None:
        return False
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
        return atom.negated and len(node.args) == 1 and dotted(node.func.value) == keywords.arg
    return (
        isinstance(node, ast.Compare)
        and isinstance(node.ops[0], (ast.In, ast.NotIn))
        and isinstance(node.ops[0], ast.In) is atom.negated
        and string(node.left) is not None
        and dotted(node.comparators[0]) == keywords.arg
    )


def _is_one_of_words(atom: Atom, node: ast.Assert) -> bool:
    """Whether a condition stands beside a word that callers spell out: ``path == "/feed" or path.startswith("/feed/")``."""
    test = node.test
    return (
        not atom.alone
        and isinstance(test, ast.BoolOp)
        and isinstance(test.op, ast.Or)
        and any(
            isinstance(item, ast.Compare)
            and isinstance(item.ops[0], ast.Eq)
            and isinstance(item.left, ast.Name)
            and bool(string(item.comparators[0]))
            for item in test.values
        )
    )


def _is_protocol(atom: Atom) -> bool:
    """Whether a condition says which calls this implementation serves: a flag that is off, one value, lists of one length."""
    node = atom.node
    if isinstance(node, ast.Name):
        return atom.negated
    if not isinstance(node, ast.Compare) or len(node.ops) != 1:
        return False
    sides = (node.left, node.comparators[0])
    if isinstance(node.ops[0], ast.In):
        return isinstance(sides[1], (ast.Tuple, ast.List, ast.Set)) and len(sides[1].elts) == 1
    if not isinstance(node.ops[0], (ast.Eq, ast.Is)):
        return False
    if any(
        isinstance(side, ast.Constant) or is_named_constant(side) or _is_empty_tuple(side) for side in sides
    ):
        return any(isinstance(side, ast.Name) for side in sides)
    return any(isinstance(side, ast.Call) and last_name(side.func) == "len" for side in sides)


def _is_empty_tuple(node: ast.expr) -> bool:
    return isinstance(node, ast.Tuple) and not node.elts


def _is_own_existence(condition: ast.expr) -> bool:
    """Whether an object asks itself if it has something: ``self.exists(key)`` is about its state."""
    return (
        isinstance(condition, ast.Call)
        and last_name(condition.func) in _EXISTENCE
        and isinstance(condition.func, ast.Attribute)
        and dotted(condition.func.value) == "self"
    )


def _unparsed(node: ast.expr) -> str | None:
    """The text of a name, attribute or item."""
    return ast.unparse(node) if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) else None
