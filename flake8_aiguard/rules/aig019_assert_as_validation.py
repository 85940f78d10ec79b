"""AIG019: an assert checks what can really be wrong, and ``python -O`` removes the check."""

from __future__ import annotations

import ast
import functools
import itertools
import re
from collections.abc import Iterator
from typing import Final, TypeAlias

from flake8_aiguard import knowledge
from flake8_aiguard.agreements import Agreements
from flake8_aiguard.callers import Callers
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.checks import Atom, Checks, atoms, is_narrowing
from flake8_aiguard.evidence import Evidence, says_form
from flake8_aiguard.foregone import Foregone
from flake8_aiguard.inputs import Inputs, spoken
from flake8_aiguard.permissions import Permissions
from flake8_aiguard.regex import regex
from flake8_aiguard.repeats import Repeats
from flake8_aiguard.shapes import explains, last_name, string, text_parts
from flake8_aiguard.signatures import Signatures
from flake8_aiguard.tensors import Tensors

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
        "debug*.py",
        "*_debug.py",
    ),
)
_TEST_MODULES: Final = ("pytest", "_pytest", "unittest")
_TESTING: Final = regex(r"test_|Test|(\w+_)?assert|(check|expect|verify)_(\w+_)?test(_|$)")
_DEBUGGING: Final = ("typing.TYPE_CHECKING", "typing_extensions.TYPE_CHECKING", "builtins.__debug__")
_PROMISED: Final = regex(r"AssertionError|\braises an assertion\b")
_STYLE: Final = 5  # asserts of a file about what the program itself knows
_NEVER: Final = regex(
    r"\b(unreachable|(can|could|must|should|will)( ?not|n't| never) (happen|occur|be reached|get here)|"
    r"never (happens?|reached)|internal( logic)? error|bug|consistency|sanity|please report)\b",
    re.IGNORECASE,
)
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


_MISSING: Final = {
    "exists": "FileNotFoundError",
    "is_dir": "NotADirectoryError",
    "is_file": "FileNotFoundError",
    "isdir": "NotADirectoryError",
    "isfile": "FileNotFoundError",
}
_UNBUILT: Final = regex(
    r"\bnot (yet )?(been )?implemented\b|\bnot yet supported\b|\bunimplemented\b", re.IGNORECASE
)

_Found: TypeAlias = tuple[str, str, str]  # the message, what it is about, and what to do instead


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

    Limits: input is a parameter of a public function, a field in ``__post_init__``, data from a source that the tables name
    (request, ``argv``, environment, JSON, file), and a local bound from one of these by attribute, item, ``.get`` or loop. An assert
    without words must refuse values (a limit, a comparison with literals, a pattern, ``is_valid()``), or the argument must be one of a
    contract: described in the docstring, of plain type or default, refused elsewhere by ``raise``, or named for data (``rows``, ``email``).

    - Silent on types alone: ``isinstance``, ``is not None``, sentinels, the truth of an optional value, the values of the own ``Literal``.
    - Silent in code that cannot be reached, under ``TYPE_CHECKING`` and ``__debug__``, in helpers of tests, benchmarks and modules for
      debugging, and in modules whose path has a leading underscore or a folder ``internal``.
    - Silent where the author has decided: ``nosec``, ``noqa: S101``, a comment that says checked before, invariant or sanity, a docstring
      that promises an ``AssertionError``.
    - Silent where the answer is known before: a branch, ``if`` or assert around or above asks the same, every call in the file
      stands in such a branch or passes literals, the function that gets the argument asserts it, ``raise_for_status()`` has refused the rest.
    - Silent where Python raises by itself further down: ``i < len(xs)`` before ``xs[i]``, ``key in d`` before ``d[key]``,
      ``os.path.exists(path)`` before ``open(path)``, ``text`` before ``int(text)``.
    - Silent between programmers: a prefix before it is taken off, which one of two arguments is there, walls of bare type
      asserts, a decorator's own arguments, methods ``visit_...``, the state and insides of an object, arithmetic with the own state.
    - Silent, without words in the message, where arguments must fit each other, the file itself calls the function, or the check says
      which calls are served (``mode == 1``) and neither docstring, type, default nor ``raise`` speaks of the argument.
    - In code on tensors (``torch``, ``jax``) asserts are the custom: only those that say in words what is wrong count, none about shape,
      dtype or device, and beside the constructor only those on options.
    """

    code = "AIG019"
    slug = "assert-as-validation"
    since = "0.1.0"
    severity = "warning"
    message = "python -O removes this check of {what}; raise {instead} instead"
    in_tests = False
    ruff = "Ruff has S101 (opt-in), which reports every assert, and RUF018 (default) for an assignment inside one."

    def start(self) -> None:
        self.inputs = Inputs(self.module)
        self._checks = Checks(self.module, self.inputs)
        self._agreements = Agreements(self.module, self.inputs)
        self._callers = Callers(self.module, self.inputs)
        self._evidence = Evidence(self.module, self.inputs)
        self._foregone = Foregone(self.module)
        self._permissions = Permissions(self.module)
        self._repeats = Repeats(self.module)
        self._signatures = Signatures(self.module)
        self._tensors = Tensors(self.module)
        self._places: dict[ast.AST, bool] = {}

    def visit_Assert(self, node: ast.Assert) -> Iterator[Finding]:
        if self._is_meant(node):
            return
        finding = self._effect(node)
        if finding is None:
            parts = [part for part in atoms(node.test) if not self._permissions.is_asked_before(part.node)]
            results = (judge(part) for judge in (self._permission, self._status) for part in parts)
            finding = next((found for found in results if found is not None), None)
            finding = finding or self._validation(parts, node)
        if (
            finding is not None
            and not self._is_for_programmers(finding[0], node)
            and (finding[0] in (_CALLED, _ASSIGNED) or not self._is_settled(node))
        ):
            message, what, instead = finding
            if message is _STATUS and self._foregone.follows_refusal(node):
                return
            if message is self.message and self._is_caught(node):
                message = _CAUGHT
            ruff = "RUF018 S101" if message is _ASSIGNED else "S101"
            yield from self.found(node, message=message, what=what, instead=instead, ruff=ruff)

    def _is_settled(self, node: ast.Assert) -> bool:
        return self._foregone.holds(node) or self._callers.have_asked(node)

    # -- asserts that are meant as such

    def _is_meant(self, node: ast.Assert) -> bool:
        return (
            isinstance(node.test, (ast.Constant, ast.Tuple))
            or _NEVER.search(_said(node.msg)) is not None
            or self._is_in_test_code
            or self._is_apart(node)
            or self._is_promised(node)
            or (self._repeats.holds(node) and not self._explains(node))
        )

    def _is_for_programmers(self, message: str, node: ast.Assert) -> bool:
        """Whether a comment says that the assert may stay; what an assert does beside its check is lost all the same."""
        if message in (_CALLED, _ASSIGNED):
            return False
        if self._signatures.is_accepted(node):
            return True
        return (message is self.message or message is _PERMISSION) and self._signatures.is_explained(node)

    def _is_promised(self, node: ast.Assert) -> bool:
        """Whether the docstring of the function promises an assertion: callers may catch it."""
        function = self.module.index.function(node)
        return (
            isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
            and (self.module.says("AssertionError") or self.module.says("assertion"))
            and _PROMISED.search(ast.get_docstring(function, clean=False) or "") is not None
        )

    def _explains(self, node: ast.Assert) -> bool:
        """Whether the assert says in words what is wrong with data from outside: an IndexError would not."""
        if " " not in _said(node.msg):
            return False
        views = map(self.inputs.view, _operands(node.test))
        return any(view is not None and not view.is_passed for view in views)

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
                found = _TESTING.match(parent.name) is not None
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

    # -- side effects

    def _effect(self, node: ast.Assert) -> _Found | None:
        """What the assert does, besides asking."""
        stack: list[ast.AST] = [node.test]
        while stack:
            item = stack.pop()
            if isinstance(item, ast.Call) and self._has_effect(item):
                return _CALLED, f"{spoken(item.func)}()", ""
            if isinstance(item, (ast.Yield, ast.YieldFrom)):
                return _CALLED, "the yield", ""
            if isinstance(item, ast.NamedExpr) and self._is_used_elsewhere(item, node):
                return _ASSIGNED, repr(item.target.id), ""
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
        """Whether an iterator was made for this call alone: nobody takes another item from it."""
        if not isinstance(first, ast.Call):
            return isinstance(first, ast.GeneratorExp)
        name = self.module.qualname(first.func)
        return name in row["fresh"] or last_name(first.func) in row["fresh_methods"]

    def _is_used_elsewhere(self, walrus: ast.NamedExpr, node: ast.Assert) -> bool:
        scopes = self.module.scopes
        resolved = scopes.resolve(walrus.target)
        return resolved is not None and any(
            self.module.index.statement(use) is not node for use in scopes.uses(resolved[0], walrus.target.id)
        )

    # -- permissions and statuses

    def _permission(self, atom: Atom) -> _Found | None:
        if atom.negated and self._permissions.is_own_login(atom.node):
            return None
        if not atom.negated and self._permissions.is_for_anybody(atom.node):
            return None
        named = self._permissions.named(atom.node)
        return None if named is None else (_PERMISSION, named, "PermissionError")

    def _status(self, atom: Atom) -> _Found | None:
        if is_narrowing(atom.node):
            return None
        compared = isinstance(atom.node, ast.Compare)
        for operand in _operands(atom.node):
            while isinstance(operand, ast.BinOp):
                operand = operand.left
            row = self._status_row(operand)
            if row is not None and (compared or not isinstance(operand, ast.Name)):
                return _STATUS, spoken(operand), row["instead"]
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

    def _validation(self, parts: list[Atom], node: ast.Assert) -> _Found | None:
        checks = [(atom, self._checks.checked(atom)) for atom in parts]
        if not any(check for _, check in checks) or self._signatures.holds(node):
            return None
        # ``not strict or done(result)`` is about the result: alternatives count if all of them are about input
        is_whole = all(atom.alone or check or is_narrowing(atom.node) for atom, check in checks)
        for atom, check in checks:
            if check is None or not (atom.alone or is_whole) or self._foregone.decides(atom.node, node):
                continue
            value, sure = check
            if self._repeats.is_by_conversion(atom.node, node):
                continue
            if value.is_passed and (
                self._agreements.covers(atom, value, node)
                or self._foregone.follows_change(value.name, node)
                or self._foregone.follows_narrowing(atom.node, node)
                or self._tensors.covers(atom.node, node)
                or self._callers.settle(atom.node, value, node)
                or (value.optional and self._repeats.is_by_call(atom.node, node))
                or (not explains(node.msg) and self._repeats.is_by_format(node))
            ):
                continue
            if explains(node.msg) or (
                sure
                and (
                    not value.is_passed
                    or (
                        self._evidence.holds(atom.node, value, node)
                        and not (
                            says_form(atom.node)
                            and not self._evidence.is_contract(value, node)
                            and self._is_in_style
                        )
                    )
                    or self._is_caught(node)
                )
            ):
                return self.message, str(value), self._error(atom, node)
        return None

    @functools.cached_property
    def _is_in_style(self) -> bool:
        """Whether asserts without words are how this file states what the program knows: of its own state, of results."""
        found = (
            item
            for item in self.module.index.nodes(ast.Assert)
            if isinstance(item, ast.Assert) and self._states(item)
        )
        return len(list(itertools.islice(found, _STYLE))) == _STYLE

    def _states(self, node: ast.Assert) -> bool:
        """Whether an assert without words is about no input, no type, and nobody's permission or status."""
        if explains(node.msg) or isinstance(node.test, (ast.Constant, ast.Tuple)) or self._effect(node):
            return False
        parts = list(atoms(node.test))
        return not any(
            self._checks.checked(part) or self._permission(part) or self._status(part) for part in parts
        ) and not all(self._checks.tells_type(part.node) for part in parts)

    def _error(self, atom: Atom, node: ast.Assert) -> str:
        """The exception that says what is wrong: with a path, the number of arguments, or what is not built yet."""
        if _UNBUILT.search(_said(node.msg)) is not None:
            return "NotImplementedError"
        condition = atom.node
        asked = last_name(condition.func) if isinstance(condition, ast.Call) else None
        if asked in _MISSING:
            return "FileExistsError" if atom.negated else _MISSING[asked]
        function = self.module.index.function(node)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            rest = {item.arg for item in (function.args.vararg, function.args.kwarg) if item is not None}
            if any(_counted(operand) in rest for operand in _operands(condition)):
                return "TypeError"
        return "ValueError"


def _counted(node: ast.expr) -> str | None:
    """The name of a collection that is counted: itself where it should be empty, in ``len(...)``, in ``bool(...)``."""
    if isinstance(node, ast.Call) and len(node.args) == 1 and last_name(node.func) in ("bool", "len"):
        node = node.args[0]
    return node.id if isinstance(node, ast.Name) else None


def _operands(condition: ast.expr) -> list[ast.expr]:
    """What a comparison compares; itself, where it is none."""
    return [condition.left, *condition.comparators] if isinstance(condition, ast.Compare) else [condition]


def _said(message: ast.expr | None) -> str:
    """What a message says in literal text."""
    parts = () if message is None else text_parts(message) or ()
    return " ".join(part for part in parts if isinstance(part, str))


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
