"""AIG019: an assert checks what can really be wrong, and ``python -O`` removes the check."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from flake8_aiguard import knowledge
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.index import COMPREHENSIONS
from flake8_aiguard.inputs import MAX_STEPS, Input, Inputs, spoken
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import dotted, is_none, last_name, names_in, string

_MAX_NODES: Final = 200  # of a test and the locals in it

_TEST_CODE: Final = (
    *("benchmark/", "benchmarks/", "features/steps/", "*_test/"),
    *("test/", "testing/", "*_tests/", "test_*/", "testing_*/", "tests.py", "*_tests.py", "testing.py"),
    *(
        "_testing.py",
        "testing_*.py",
        "test*util*.py",
        "*smoke*.py",
        "*test_helper*.py",
        "*test_case*.py",
        "*testcase*.py",
    ),
)
_TEST_MODULES: Final = ("pytest", "_pytest", "unittest")
_DEBUGGING: Final = ("typing.TYPE_CHECKING", "typing_extensions.TYPE_CHECKING", "builtins.__debug__")
_SCALARS: Final = frozenset(f"builtins.{name}" for name in ("bool", "bytes", "float", "int", "str"))
_NEVER: Final = re.compile(
    r"\b(unreachable|(can|could|must|should|will)( ?not|n't| never) (happen|occur|be reached|get here)|"
    r"never (happens?|reached)|internal( logic)? error|bug|sanity)\b",
    re.IGNORECASE,
)
_CLASS: Final = re.compile(r"_*[A-Z]\w*[a-z]\w*")
_WITHOUT_TRUTH: Final = frozenset(
    (
        "builtins.object",
        "typing.Generic",
        "typing.Protocol",
        "typing_extensions.Generic",
        "typing_extensions.Protocol",
    )
)
_CUTTING: Final = ("partition", "removeprefix", "removesuffix", "replace", "rpartition", "rsplit", "split")
_EXISTENCE: Final = ("exists", "is_dir", "is_file", "isdir", "isfile")
_ORDERING: Final = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_CALLED: Final = (
    "python -O skips {what} together with this assert; run it before, and check its result with if and raise"
)
_CAUGHT: Final = (
    "python -O removes this check of {what}, and with it the way into the except clause that catches AssertionError; "
    "raise an exception of your own there"
)
_ASSIGNED: Final = (
    "python -O skips the assignment to {what} together with this assert; assign it before the assert"
)
_PERMISSION: Final = "python -O removes this permission check of {what}; raise PermissionError instead"
_STATUS: Final = "python -O removes this check of {what}; {instead} instead"


@dataclass(frozen=True, slots=True)
class _Atom:
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
_Check: TypeAlias = tuple[Input, bool]


class AssertAsValidation(Checker):
    """Input, permission, status or a call with an effect that hangs on an ``assert``.

    Why: ``python -O`` and ``PYTHONOPTIMIZE`` remove every assert, together with the calls inside it. What was checked in
    development is unchecked in production, and the wrong value, the stranger or the failed response goes on.

    Bad::

        def transfer(user, cents):
            assert user.is_admin
            assert cents > 0, "the amount must be positive"

    Good::

        def transfer(user, cents):
            if not user.is_admin:
                raise PermissionError("only an admin may transfer")
            if cents <= 0:
                raise ValueError("the amount must be positive")

    Limits: input is a parameter of a public function (also a field in ``__post_init__``), a source that the tables name, and
    a local bound from one of these by attribute, item, ``.get`` or loop. Silent: type narrowing (``isinstance``, ``is not
    None``, the truth of an optional value, or of a required parameter whose annotation is a class that is no text, number or
    container), markers of code that cannot be reached, the last ``else`` of a chain over the
    same value, what is compared with a result computed here, a parameter that a loop has shortened before, ``i < len(xs)`` directly before
    ``xs[i]`` and ``len(xs) == 2`` before ``a, b = xs``, which raise by themselves, ``startswith`` before the statement that
    takes the prefix off, ``key not in self.known`` before the statement that stores it there, files at a fixed place below a
    path, a flag under ``if not result``, the context that click hands over, ``TYPE_CHECKING`` and ``__debug__`` blocks, test
    helpers and benchmarks. For checks against the object's own state, or by a function that nothing is known of, only an assert with a
    message counts, and parameters only in modules whose path has no leading underscore and no folder ``internal``. An assert without a message is taken to be between
    programmers where this file calls the function, or callers spell the value out (``kind == "a" or kind == "b"``), or it says
    which calls are served (``mode == 1``, ``not dry``, ``len(a) == len(b)``; in a method that calls its ``super()``, with a message
    too); so is, with or without, ``not (a and b)`` and ``not b`` under ``if a``.
    """

    code = "AIG019"
    slug = "assert-as-validation"
    since = "0.1.0"
    severity = "warning"
    message = "python -O removes this check of {what}; raise ValueError instead"
    triggers = ("assert",)
    in_tests = False
    ruff = "Ruff has S101 (opt-in), which reports every assert, and RUF018 (default) for an assignment inside one."

    def __init__(self, tree: ast.Module, filename: str, lines: Sequence[str]) -> None:
        super().__init__(tree, filename, lines)
        self.inputs = Inputs(self.module)
        self._places: dict[ast.AST, bool] = {}
        self._narrowing_types: dict[ast.expr, bool] = {}

    def visit_Assert(self, node: ast.Assert) -> Iterator[Finding]:
        if self._is_meant(node):
            return
        finding = self._effect(node)
        if finding is None:
            atoms = list(_atoms(node.test))
            results = (judge(atom) for judge in (self._permission, self._status) for atom in atoms)
            finding = next((found for found in results if found is not None), None)
            finding = finding or self._validation(atoms, node)
        if finding is not None:
            message, what = finding
            if message is self.message and self._is_caught(node):
                message = _CAUGHT
            ruff = "RUF018 S101" if message is _ASSIGNED else "S101"
            yield from self.found(node, message=message, what=what, ruff=ruff)

    # -- asserts that are meant as such

    def _is_meant(self, node: ast.Assert) -> bool:
        return (
            isinstance(node.test, (ast.Constant, ast.Tuple))
            or _NEVER.search(string(node.msg) or "") is not None
            or self._is_in_test_code
            or self._is_apart(node)
            or self._is_repeated_by_index(node)
            or self._is_repeated_by_unpacking(node)
        )

    @functools.cached_property
    def _is_in_test_code(self) -> bool:
        """Whether the file is a helper of tests, by its path or its imports."""
        index = self.module.index
        modules = [statement.module or "" for statement in index.nodes(ast.ImportFrom) if not statement.level]
        modules += [alias.name for statement in index.nodes(ast.Import) for alias in statement.names]
        return self.module.matches(_TEST_CODE) or any(
            name.partition(".")[0] in _TEST_MODULES for name in modules
        )

    def _is_apart(self, node: ast.AST) -> bool:
        """Whether a node stands in a test, an assertion helper, or a block for debugging or type checkers."""
        path: list[ast.AST] = []
        found = False
        while node not in self._places:
            path.append(node)
            parent = self.module.index.parent(node)
            if parent is None:
                break
            if isinstance(parent, ast.If):
                if self.module.is_one_of(parent.test, _DEBUGGING):
                    rest = parent.orelse[0].lineno if parent.orelse else None
                    found = rest is None or getattr(node, "lineno", 0) < rest
            elif isinstance(parent, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                found = parent.name.startswith(("test_", "Test", "assert"))
            if found:
                break
            node = parent
        found = found or self._places.get(node, False)
        self._places.update(dict.fromkeys(path, found))
        return found

    def _is_caught(self, node: ast.Assert) -> bool:
        """Whether a handler around the assert waits for just this error."""
        return any(
            isinstance(part, ast.Name) and part.id == "AssertionError"
            for handler in self.module.index.handlers(node)
            if handler.type is not None
            for part in ast.walk(handler.type)
        )

    def _is_repeated_by_index(self, node: ast.Assert) -> bool:
        """Whether ``assert i < len(xs)`` stands directly before ``xs[i]``, which raises IndexError without it."""
        test = node.test
        if not isinstance(test, ast.Compare) or len(test.ops) != 1:
            return False
        smaller, larger = test.left, test.comparators[0]
        if isinstance(test.ops[0], ast.Gt):
            smaller, larger = larger, smaller
        elif not isinstance(test.ops[0], ast.Lt):
            return False
        if not isinstance(larger, ast.Call) or len(larger.args) != 1 or last_name(larger.func) != "len":
            return False
        items = dotted(larger.args[0])
        after = self._next_statement(node, skips_asserts=False)
        return after is not None and any(
            isinstance(item, ast.Subscript)
            and dotted(item.value) == items is not None
            and _is_same(item.slice, smaller)
            for item in _own_nodes(after)
        )

    def _is_repeated_by_unpacking(self, node: ast.Assert) -> bool:
        """Whether ``assert len(pair) == 2`` stands directly before ``a, b = pair``, which raises ValueError without it."""
        test = node.test
        if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.Eq):
            return False
        sized, size = test.left, test.comparators[0]
        after = self._next_statement(node)
        if not isinstance(after, ast.Assign) or not isinstance(size, ast.Constant):
            return False
        target = after.targets[0]
        return (
            isinstance(sized, ast.Call)
            and last_name(sized.func) == "len"
            and len(sized.args) == 1
            and isinstance(target, (ast.Tuple, ast.List))
            and len(target.elts) == size.value
            and not any(isinstance(item, ast.Starred) for item in target.elts)
            and dotted(after.value) == dotted(sized.args[0]) is not None
        )

    def _next_statement(self, node: ast.Assert, *, skips_asserts: bool = True) -> ast.stmt | None:
        """The statement after an assert in its block."""
        parent = self.module.index.parent(node)
        for name in ("body", "orelse", "finalbody"):
            block: list[ast.stmt] = getattr(parent, name, None) or []
            if node in block[:-1]:
                for after in block[block.index(node) + 1 :]:
                    if not isinstance(after, ast.Assert):
                        return after
                    if not skips_asserts:
                        return None
        return None

    # -- side effects

    def _effect(self, node: ast.Assert) -> tuple[str, str] | None:
        """What the assert does, besides asking."""
        stack: list[ast.AST] = [node.test]
        while stack:
            item = stack.pop()
            if isinstance(item, ast.Call) and self._has_effect(item):
                return _CALLED, f"{spoken(item.func)}()"
            if isinstance(item, (ast.Yield, ast.YieldFrom)):
                return _CALLED, "the yield"
            if isinstance(item, ast.NamedExpr) and self._is_used_elsewhere(item, node):
                return _ASSIGNED, repr(item.target.id)
            if not isinstance(item, ast.Lambda):
                stack.extend(reversed(list(ast.iter_child_nodes(item))))
        return None

    def _has_effect(self, call: ast.Call) -> bool:
        row = knowledge.by_call("untrusted.effect").get(self.module.called(call) or "")
        if row is not None:
            return not ("fresh" in row and call.args and self._is_fresh(call.args[0], row))
        if not isinstance(call.func, ast.Attribute) or self.module.qualname(call.func) is not None:
            return False
        receiver, method = call.func.value, call.func.attr
        if method in _effects():
            return True
        if self.module.type_of(receiver) is not None or (method == "get" and call.args):
            return False
        return ((last_name(receiver) or "").lstrip("_"), method) in _effects_of_receivers()

    def _is_fresh(self, first: ast.expr, row: knowledge.Row) -> bool:
        return isinstance(first, ast.GeneratorExp) or (
            isinstance(first, ast.Call) and self.module.qualname(first.func) in row["fresh"]
        )

    def _is_used_elsewhere(self, walrus: ast.NamedExpr, node: ast.Assert) -> bool:
        scopes = self.module.scopes
        resolved = scopes.resolve(walrus.target)
        return resolved is not None and any(
            self.module.index.statement(use) is not node for use in scopes.uses(resolved[0], walrus.target.id)
        )

    # -- permissions

    def _permission(self, atom: _Atom) -> tuple[str, str] | None:
        condition = atom.node
        if isinstance(condition, ast.Compare):
            compared = self._compared_permission(condition)
            if compared is not None:
                return _PERMISSION, compared
            if not any(
                isinstance(side, ast.Constant) and isinstance(side.value, bool)
                for side in condition.comparators
            ):
                return None
            condition = condition.left
        if isinstance(condition, ast.Await):
            condition = condition.value
        if isinstance(condition, ast.Call):
            if self._decides(condition):
                return _PERMISSION, f"{spoken(condition.func)}()"
        elif last_name(condition) in _authorisation("role") or self._names_a_right(condition):
            return _PERMISSION, spoken(condition)
        return None

    def _decides(self, call: ast.Call) -> bool:
        """Whether a call decides who may do something."""
        if self.module.called(call) in _authorisation("check", "calls"):
            return True
        name = last_name(call.func)
        if name in _authorisation("role") or name in _authorisation("check"):
            return True
        if self._names_a_right(call.func):
            return True
        return _has_prefix(name, _authorisation("check", "prefixes")) and any(map(self._is_user, call.args))

    def _names_a_right(self, node: ast.expr) -> bool:
        if not isinstance(node, ast.Attribute):
            return False
        if node.attr in _authorisation("check"):
            return True
        return _has_prefix(node.attr, _authorisation("check", "prefixes")) and self._is_user(node.value)

    def _compared_permission(self, node: ast.Compare) -> str | None:
        """The credential, role or owner that a comparison is about."""
        if len(node.ops) != 1 or _is_narrowing(node):
            return None
        sides = (node.left, node.comparators[0])
        for side, other in (sides, sides[::-1]):
            name = last_name(side) or ""
            if (
                isinstance(side, ast.Attribute)
                and name in _authorisation("membership")
                and self._is_user(side.value)
            ):
                return spoken(side)
            if isinstance(node.ops[0], (ast.Eq, ast.NotEq)):
                if isinstance(side, ast.Attribute) and self._is_owner(name, other):
                    return spoken(side)
                is_secret = name in _authorisation("secret") or name.endswith(
                    tuple(_authorisation("secret", "suffixes"))
                )
                if is_secret and not isinstance(other, ast.Constant):
                    return spoken(side)
        return None

    def _is_user(self, node: ast.expr) -> bool:
        """Whether an expression is, or is part of, who acts: ``user``, ``request.user``, ``current_user.id``."""
        return not _authorisation("membership", "receivers").isdisjoint(self._words(node))

    def _is_owner(self, name: str, other: ast.expr) -> bool:
        """Whether an attribute of this name, compared with the other side, asks whose a thing is."""
        words = self._words(other)
        rows = (row for row in knowledge.rows("untrusted.authorisation") if row["kind"] == "owner")
        return any(name in row["names"] and not words.isdisjoint(row["receivers"]) for row in rows)

    def _words(self, node: ast.expr) -> set[str]:
        return set((self.module.qualname(node) or dotted(node) or "").lower().split("."))

    # -- statuses

    def _status(self, atom: _Atom) -> tuple[str, str] | None:
        if _is_narrowing(atom.node):
            return None
        compared = isinstance(atom.node, ast.Compare)
        operands = (
            [atom.node.left, *atom.node.comparators] if isinstance(atom.node, ast.Compare) else [atom.node]
        )
        for operand in operands:
            while isinstance(operand, ast.BinOp):
                operand = operand.left
            row = self._status_row(operand)
            if row is not None and (compared or not isinstance(operand, ast.Name)):
                return _STATUS.replace("{instead}", row["instead"]), spoken(operand)
        return None

    def _status_row(self, node: ast.expr) -> knowledge.Row | None:
        if isinstance(node, ast.Name):
            resolved = self.module.scopes.resolve(node)
            if resolved is None or len(resolved[1]) != 1 or resolved[1][0].value is None:
                return None
            value = resolved[1][0].value
            return None if isinstance(value, ast.Name) else self._status_row(value)
        if isinstance(node, ast.Call) and not node.args and isinstance(node.func, ast.Attribute):
            node = node.func
        if isinstance(node, ast.Subscript):
            key = string(node.slice)
            return next(
                (row for row in knowledge.rows("untrusted.status") if key in row.get("keys", ())), None
            )
        if not isinstance(node, ast.Attribute):
            return None
        for row in knowledge.rows("untrusted.status"):
            if node.attr in row["names"]:
                if "types" not in row:
                    return row
                kind = self.module.type_of(node.value)
                if kind in row["types"] or (
                    kind is None and (last_name(node.value) or "").lstrip("_") in row["receivers"]
                ):
                    return row
        return None

    # -- input

    def _validation(self, atoms: list[_Atom], node: ast.Assert) -> tuple[str, str] | None:
        checks = [(atom, self._checked(atom)) for atom in atoms]
        # ``not strict or done(result)`` is about the result: alternatives count if all of them are about input
        is_whole = all(atom.alone or check or _is_narrowing(atom.node) for atom, check in checks)
        for atom, check in checks:
            if check is None or not (atom.alone or is_whole) or self._is_last_case(atom.node, node):
                continue
            value, sure = check
            if value.is_passed and (
                self._is_leftover(atom, value, node)
                or self._is_shortened(value, node)
                or self._is_agreed(atom, node)
                or self._is_known_form(atom, node)
                or self._is_registration(atom, node)
                or self._is_layout(atom.node, value)
                or self._is_of_result(atom, node)
            ):
                continue
            if sure or _is_text(node.msg):
                return self.message, str(value)
        return None

    def _is_agreed(self, atom: _Atom, node: ast.Assert) -> bool:
        """Whether an assert without a message is between programmers: callers in this file, a word that they all spell out."""
        function = self.module.index.function(node)
        if self._is_exclusion(node):
            return True
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return False
        if _is_protocol(atom) and function.name != "__init__" and self._is_override(function):
            return True
        if node.msg is not None:
            return False
        if _is_spelled_out(atom, function) or _is_protocol(atom):
            return True
        calls = self.module.index.calls_named((function.name,))
        return any(self.module.receivers.definition(call.func) is function for call in calls)

    def _is_known_form(self, atom: _Atom, node: ast.Assert) -> bool:
        """Whether the next statement takes off what the assert says is there: ``assert s.startswith("/"); s = s[1:]``.

        Who calls it has told the value by this very form.
        """
        condition = atom.node
        if isinstance(condition, ast.Call) and last_name(condition.func) in ("startswith", "endswith"):
            value = condition.func.value if isinstance(condition.func, ast.Attribute) else None
        elif isinstance(condition, ast.Compare) and isinstance(condition.ops[0], ast.In):
            value = condition.comparators[0] if string(condition.left) is not None else None
        else:
            return False
        name = None if value is None else dotted(value)
        after = self._next_statement(node)
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
                for item in _own_nodes(after)
            )
        )

    def _is_registration(self, atom: _Atom, node: ast.Assert) -> bool:
        """Whether ``assert key not in self.known`` stands before the statement that stores it there: the object's own state."""
        condition = atom.node
        if not isinstance(condition, ast.Compare) or not isinstance(condition.ops[0], (ast.In, ast.NotIn)):
            return False
        if isinstance(condition.ops[0], ast.NotIn) is atom.negated:
            return False
        stored = dotted(condition.comparators[0])
        parent = self.module.index.parent(node)
        block = getattr(parent, "body", [])
        after = block[block.index(node) + 1 :] if node in block else []
        return (
            stored is not None
            and "." in stored
            and any(
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
                for item in _own_nodes(statement)
            )
        )

    def _is_layout(self, condition: ast.expr, value: Input) -> bool:
        """Whether it asks for a file at a fixed place below the value, or for what the function has written itself."""
        if not isinstance(condition, ast.Call) or last_name(condition.func) not in _EXISTENCE:
            return False
        path = condition.args[0] if condition.args else getattr(condition.func, "value", None)
        if isinstance(path, ast.BinOp):
            return isinstance(path.op, ast.Div) and string(path.right) is not None
        if isinstance(path, ast.Call):
            return last_name(path.func) == "join" and len(path.args) > 1 and string(path.args[-1]) is not None
        function = self.module.index.function(condition)
        return any(
            item.lineno < condition.lineno and self.module.index.function(item) is function
            for item in self.module.index.nodes(ast.Yield)
        )

    def _is_of_result(self, atom: _Atom, node: ast.Assert) -> bool:
        """Whether a flag is asserted where a result says that it must be set: ``if not found: assert dry_run``."""
        parent = self.module.index.parent(node)
        if not isinstance(atom.node, ast.Name) or not isinstance(parent, ast.If) or node not in parent.body:
            return False
        missing = parent.test.operand if isinstance(parent.test, ast.UnaryOp) else None
        if isinstance(parent.test, ast.Compare) and is_none(parent.test.comparators[0]):
            missing = parent.test.left
        return (
            isinstance(missing, ast.Name)
            and self.inputs.input(missing) is None
            and self._is_computed(missing)
        )

    def _is_computed(self, name: ast.Name) -> bool:
        resolved = self.module.scopes.resolve(name)
        return (
            resolved is not None
            and resolved[0] is self.module.index.function(name)
            and all(binding.kind is Kind.ASSIGN for binding in resolved[1])
        )

    def _is_override(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Whether a method extends that of a base class, whose parameters it has to take."""
        return any(
            isinstance(call.func, ast.Attribute)
            and isinstance(call.func.value, ast.Call)
            and last_name(call.func.value.func) == "super"
            and self.module.index.function(call) is function
            for call in self.module.index.calls_named((function.name,))
        )

    def _is_exclusion(self, node: ast.Assert) -> bool:
        """Whether arguments exclude each other: which ones a call gives stands in the program, not in its data."""
        test = node.test
        inner = test.operand if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) else None
        if isinstance(inner, ast.BoolOp) and isinstance(inner.op, ast.And):
            return all(isinstance(value, ast.Name) for value in inner.values)
        parent = self.module.index.parent(node)
        return (
            isinstance(inner, ast.Name)
            and isinstance(parent, ast.If)
            and any(
                view is not None and view.is_passed for view in map(self.inputs.view, names_in(parent.test))
            )
        )

    def _is_leftover(self, atom: _Atom, value: Input, node: ast.Assert) -> bool:
        """Whether the assert says that nothing is left of a collection from which everything was taken out."""
        is_compared = isinstance(atom.node, ast.Compare) and _is_empty(atom.node.comparators[0])
        function = self.module.index.function(node)
        return (atom.negated or is_compared) and any(
            isinstance(call.func, ast.Attribute)
            and dotted(call.func.value) == value.name
            and self.module.index.function(call) is function
            for call in self.module.index.calls_named(("pop", "popitem", "remove", "discard"))
        )

    def _is_shortened(self, value: Input, node: ast.Assert) -> bool:
        """Whether a loop before the assert has taken items out of the parameter: what it says is a postcondition."""
        function = self.module.index.function(node)
        return self._shortened.get((function, value.name), node.lineno) < node.lineno

    @functools.cached_property
    def _shortened(self) -> dict[tuple[ast.AST | None, str], int]:
        """The first line where a loop takes an item out of a variable, by function and name."""
        index = self.module.index
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

    def _is_last_case(self, condition: ast.expr, node: ast.Assert) -> bool:
        """Whether the assert opens the ``else`` of a chain that compared the same value: what remains, not a check."""
        parent = self.module.index.parent(node)
        if not isinstance(parent, ast.If) or not parent.orelse or parent.orelse[0] is not node:
            return False
        sides = [item.left for item in (condition, parent.test) if isinstance(item, ast.Compare)]
        return len(sides) == 2 and dotted(sides[0]) == dotted(sides[1]) is not None

    def _checked(self, atom: _Atom, depth: int = 0) -> _Check | None:
        """The input whose value a condition checks."""
        condition = atom.node.value if isinstance(atom.node, ast.Await) else atom.node
        if isinstance(condition, ast.Compare) and _is_match(condition.left):
            condition = condition.left
        if depth > MAX_STEPS or _is_narrowing(condition):
            return None
        if isinstance(condition, ast.Compare):
            return self._compared(condition)
        if isinstance(condition, ast.Call) and self.inputs.input(condition) is None:
            return self._asked(condition, depth)
        found = self.inputs.view(condition)
        return None if found is None else self._tested(found, atom)

    def _tested(self, found: Input, atom: _Atom) -> _Check | None:
        """A value whose truth is tested: narrowing, where it may be ``None``."""
        if found.part == "attribute" and found.annotation is not None:
            return found, False
        if found.optional and not found.part and atom.alone and not atom.negated:
            return (found, False) if found.annotation is None else None
        if not found.part and atom.alone and not atom.negated and self._narrows(atom.node, found.annotation):
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
        name = self.module.receivers.annotated(annotation)
        if name is not None:
            return _CLASS.fullmatch(name.rpartition(".")[2]) is not None and not _is_valued(name)
        origin = annotation.value if isinstance(annotation, ast.Subscript) else annotation
        written = string(origin) or dotted(origin) or ""
        bindings = self.module.scopes.bindings(self.module.index.tree, written.partition("[")[0])
        stack = [binding.node for binding in bindings if len(bindings) == 1]
        seen = set(stack)
        for found in stack:
            if not isinstance(found, ast.ClassDef) or any(
                self.module.scopes.bindings(found, method) for method in ("__bool__", "__len__")
            ):
                return False
            for base in found.bases:
                origin = base.value if isinstance(base, ast.Subscript) else base
                inner = self.module.receivers.definition(origin)
                if inner is None:
                    outer = self.module.qualname(origin)
                    if outer is None or (_is_valued(outer) and outer not in _WITHOUT_TRUTH):
                        return False
                elif inner not in seen:
                    seen.add(inner)
                    stack.append(inner)
        return bool(stack)

    def _compared(self, node: ast.Compare) -> _Check | None:
        operands = [node.left, *node.comparators][:MAX_STEPS]
        views = [self.inputs.view(operand) for operand in operands]
        subject = next((view for view in views if view is not None), None)
        if subject is None:
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
                # a limit may be computed here, but a computed value on the left is a result
                is_result = position < place and not isinstance(operand, ast.Attribute)
                if ground == "result" or (ground == "local" and is_result):
                    return None
            elif isinstance(operator, (ast.In, ast.NotIn)) and position:
                if ground == "result":
                    return None
                sure = sure and ground == "state" and self._is_scalar(subject)
            elif ground != "state":
                return None
            else:
                sure = sure and any(map(self._is_length, operands))
        return subject, sure

    def _is_length(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Call) and self.module.qualname(node.func) == "builtins.len"

    def _is_scalar(self, found: Input) -> bool:
        annotation = found.annotation
        return annotation is not None and self.module.receivers.annotated(annotation) in _SCALARS

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
            if isinstance(item, ast.expr) and self.inputs.input(item) is not None:
                if computed and any(self._is_named(name, subject) for name in names_in(item)):
                    return "result"
                continue
            if isinstance(item, ast.Attribute) and item.attr.isupper():
                continue
            if isinstance(item, ast.Call) and not self.inputs.is_view(item):
                if any(self._is_named(name, subject) for name in names_in(item)):
                    return "result"
                if computed:
                    ground = "local"
            elif computed and (_is_empty(item) or isinstance(item, COMPREHENSIONS)):
                ground = "local"
            if not isinstance(item, ast.Name):
                stack.extend((child, computed) for child in ast.iter_child_nodes(item))
                continue
            resolved = self.module.scopes.resolve(item)
            if resolved is None or isinstance(resolved[0], (ast.Module, ast.ClassDef)):
                continue
            if self.module.receivers.class_behind(item) is not None:
                ground = "state" if ground == "fixed" else ground
                continue
            binding = resolved[1][0]
            if len(resolved[1]) == 1 and binding.value is not None:
                stack.append((binding.value, True))
            elif binding.kind not in (Kind.IMPORT, Kind.FUNCTION, Kind.CLASS):
                ground = "local"
        return "local"

    def _is_named(self, name: ast.Name, subject: Input) -> bool:
        found = self.inputs.input(name)
        return found is not None and found.name == subject.name

    def _asked(self, call: ast.Call, depth: int) -> _Check | None:
        """The input that a call decides on."""
        name = self.module.qualname(call.func)
        if self._is_type_question(call, name):
            return None
        if name in ("builtins.all", "builtins.any") and len(call.args) == 1:
            return self._every(call.args[0], depth)
        if self.inputs.is_view(call):
            found = self.inputs.view(call)
            if found is None:
                return None
            is_state = (
                found.attributes and found.annotation is not None and not all(map(_is_literal, call.args))
            )
            return found, _is_near(found) and not is_state
        method = last_name(call.func) or ""
        words = re.findall(r"[a-z]+", re.sub(r"([A-Z])", r"_\1", method).lower())
        is_predicate = not _predicates().isdisjoint(words)
        for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
            found = self.inputs.view(argument)
            if found is not None:
                return found, _is_near(found) and is_predicate
        if isinstance(call.func, ast.Attribute) and not method.startswith("_"):
            found = self.inputs.view(call.func.value)
            return None if found is None or found.attributes > 1 else (found, is_predicate)
        return None

    def _is_type_question(self, call: ast.Call, name: str | None) -> bool:
        row = _narrowing()
        return (
            name in row["calls"]
            or last_name(call.func) in row["names"]
            or ((last_name(call.func) or "").endswith(tuple(row["suffixes"])))
        )

    def _every(self, argument: ast.expr, depth: int) -> _Check | None:
        """The input of which ``all`` or ``any`` checks every element."""
        if isinstance(argument, (ast.GeneratorExp, ast.ListComp)):
            conditions = [argument.elt]
        elif isinstance(argument, (ast.List, ast.Tuple)):
            conditions = argument.elts
        else:
            found = self.inputs.view(argument)
            return None if found is None else (found, True)
        atoms = (atom for condition in conditions for atom in _atoms(condition))
        checks = (self._checked(replace(atom, alone=False), depth + 1) for atom in atoms)
        return next((check for check in checks if check is not None), None)


def _atoms(test: ast.expr) -> Iterator[_Atom]:
    stack = [_Atom(test)]
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


def _is_spelled_out(atom: _Atom, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a condition is about what callers write literally: one of some words, the keywords of a call."""
    node = atom.node
    if not isinstance(node, ast.Compare) or len(node.ops) != 1:
        return False
    if isinstance(node.ops[0], (ast.In, ast.NotIn)):
        keywords = function.args.kwarg
        return keywords is not None and dotted(node.comparators[0]) == keywords.arg
    return isinstance(node.ops[0], ast.Eq) and not atom.alone and string(node.comparators[0]) is not None


def _is_protocol(atom: _Atom) -> bool:
    """Whether a condition says which calls this implementation serves: a flag that is off, one value, lists of one length."""
    node = atom.node
    if isinstance(node, ast.Name):
        return atom.negated
    if (
        not isinstance(node, ast.Compare)
        or not isinstance(node.ops[0], (ast.Eq, ast.Is))
        or len(node.ops) != 1
    ):
        return False
    sides = (node.left, node.comparators[0])
    if any(isinstance(side, ast.Constant) for side in sides):
        return any(isinstance(side, ast.Name) for side in sides)
    return any(isinstance(side, ast.Call) and last_name(side.func) == "len" for side in sides)


def _is_narrowing(node: ast.expr) -> bool:
    """Whether a comparison tells types or identities apart: with ``None``, of ``type(x)``, by ``is`` with another object."""
    if not isinstance(node, ast.Compare):
        return False
    operands = [node.left, *node.comparators]
    if any(map(is_none, operands)) or any(
        isinstance(item, ast.Call) and last_name(item.func) == "type" for item in operands
    ):
        return True
    return any(isinstance(operator, (ast.Is, ast.IsNot)) for operator in node.ops) and not all(
        isinstance(item, ast.Constant) or (isinstance(item, ast.Attribute) and item.attr.isupper())
        for item in node.comparators
    )


def _is_match(node: ast.expr) -> bool:
    """Whether an expression matches a pattern: that the match is not ``None`` narrows nothing."""
    return isinstance(node, ast.Call) and last_name(node.func) in ("match", "fullmatch", "search")


def _is_near(found: Input) -> bool:
    """Whether a value is near to what was passed: far inside of an object of known type, its own consistency is checked."""
    return found.attributes < (3 if found.annotation is None else 2)


def _is_empty(node: ast.AST) -> bool:
    """Whether a value is a collection that is yet to be filled."""
    if isinstance(node, (ast.List, ast.Set)):
        return not node.elts
    return (isinstance(node, ast.Dict) and not node.keys) or (isinstance(node, ast.Call) and not node.args)


def _is_literal(node: ast.expr) -> bool:
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return all(isinstance(item, ast.Constant) for item in node.elts)
    return isinstance(node, ast.Constant)


def _is_text(message: ast.expr | None) -> bool:
    """Whether a message says something to a person, and does not only show values."""
    return message is not None and not isinstance(
        message, (ast.Tuple, ast.List, ast.Dict, ast.Name, ast.Attribute)
    )


def _own_nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement, those of the blocks in it left out."""
    yield statement
    for child in ast.iter_child_nodes(statement):
        if not isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            yield from ast.walk(child)


def _is_same(left: ast.expr, right: ast.expr) -> bool:
    """Whether two expressions are the same name, attribute or constant."""
    if isinstance(left, ast.Constant) and isinstance(right, ast.Constant):
        return bool(left.value == right.value)
    return dotted(left) == dotted(right) is not None


def _is_valued(name: str) -> bool:
    """Whether the truth of a type says something about its value: a text, a number, a container."""
    return name.partition(".")[0] in _value_types("modules") or name.endswith(tuple(_value_types("suffixes")))


def _has_prefix(name: str | None, prefixes: Collection[str]) -> bool:
    return name is not None and name.startswith(tuple(prefixes))


@knowledge.cached
def _authorisation(kind: str, column: str = "names") -> frozenset[str]:
    rows = knowledge.rows("untrusted.authorisation")
    return frozenset(name for row in rows if row["kind"] == kind for name in row.get(column, ()))


@knowledge.cached
def _value_types(column: str) -> frozenset[str]:
    return frozenset(word for row in knowledge.rows("untrusted.value_type") for word in row.get(column, ()))


@knowledge.cached
def _effects() -> frozenset[str]:
    rows = knowledge.rows("untrusted.effect")
    return frozenset(
        name
        for row in rows
        if "types" not in row and "receivers" not in row
        for name in row.get("methods", ())
    )


@knowledge.cached
def _effects_of_receivers() -> frozenset[tuple[str, str]]:
    return frozenset(
        (receiver, method)
        for row in knowledge.rows("untrusted.effect")
        for receiver in row.get("receivers", ())
        for method in row.get("methods", ())
    )


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
