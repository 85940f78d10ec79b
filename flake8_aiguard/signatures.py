"""Asserts that belong to the signature of a function: the types of its parameters, a decorator's own arguments."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from typing import Final

from flake8_aiguard.checks import is_narrowing
from flake8_aiguard.memo import lazy
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import last_name, names_in, start_of

_Def = ast.FunctionDef | ast.AsyncFunctionDef

_WALL: Final = 4  # variables whose types a function spells out
_ROW: Final = 12  # asserts under one comment
_TYPE_QUESTIONS: Final = ("isinstance", "issubclass", "callable", "type")
_CHECKED: Final = regex(
    r"\balready (been )?(checked|ensured|guaranteed|validated|verified)\b"
    r"|\b(checked|ensured|guaranteed|validated|verified) (above|before|earlier|upstream|by)\b"
    r"|\basserts? (should|must) (be true|hold)\b|\binvariants?\b|\bsanity\b"
    r"|\bdev(eloper|elopment)?[ -](only|check(s|ing)?)\b|\binternal (check|consistency|contract|state)\b"
    r"|\bprogramm(er|ing) (error|mistake)\b|\bshould(n't| not) have (been )?called\b"
    r"|\b(mypy|pyright|type[- ]checkers?)\b|^internal\.",
    re.IGNORECASE,
)
_SAYS_CHECKED: Final = regex(
    r"asserts|called|check|dev|ensured|guaranteed|internal|invariant|mypy|programm|pyright|sanity|validated|verified",
    re.IGNORECASE,
)
_ACCEPTED: Final = regex(r"\bnosec\b(?!:? *B(?!101)\d)|\bnoqa:.*\bS101\b")  # by Bandit, by Ruff
_INTERNAL: Final = regex(r"\b(internal use|internal only|only (used )?internally)\b", re.IGNORECASE)


class Signatures:
    """The asserts of one file that say what its functions are called with, to those who write the calls.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._typed_names: defaultdict[ast.AST, set[str]] = defaultdict(set)

    def holds(self, node: ast.Assert) -> bool:
        """Whether an assert is a part of the signature, or stands in a function that says it is internal."""
        function = self._module.index.function(node)
        if not isinstance(function, _Def):
            return False
        return (
            (node.msg is None and self._is_wall(function))
            or self._is_decorator(function)
            or _INTERNAL.search(ast.get_docstring(function, clean=False) or "") is not None
        )

    def is_explained(self, node: ast.Assert) -> bool:
        """Whether a comment says that the assert is there for programmers: checked before, an invariant, a type."""
        return any(map(self._is_said, {node.lineno, self._first(node)}))

    def is_accepted(self, node: ast.Assert) -> bool:
        """Whether the author has told another linter that this assert may stay."""
        lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        return any(
            _ACCEPTED.search(self._module.lines[line - 1]) is not None
            and _ACCEPTED.search(self._module.comments.all.get(line, "")) is not None
            for line in lines
        )

    def _first(self, node: ast.Assert) -> int:
        """The line of the first one in a row of asserts: the comment above it is about all, up to the next comment."""
        body: list[ast.stmt] = getattr(self._module.index.parent(node), "body", [])
        at = body.index(node) if node in body else 0
        first: ast.stmt = node
        for before in reversed(body[max(at - _ROW, 0) : at]):
            if not isinstance(before, ast.Assert) or "\n" in self._above(first.lineno).rstrip():
                break
            first = before
        return first.lineno

    def _above(self, line: int) -> str:
        """A line and what looks like comments above it: to tokenise the file costs more than all else here."""
        lines, first = self._module.lines, line - 1
        while first and lines[first - 1].lstrip().startswith("#"):
            first -= 1
        return "".join(lines[first:line])

    def _is_said(self, line: int) -> bool:
        return _SAYS_CHECKED.search(self._above(line)) is not None and any(
            map(_CHECKED.search, self._module.comments.near(line))
        )

    def _is_wall(self, function: ast.AST) -> bool:
        """Whether a function has a wall of bare asserts, most of which say the types of its variables, one after the other."""
        bare, typed = self._asserts
        return 2 * typed[function] >= bare[function] and len(self._typed_names[function]) >= _WALL

    @lazy
    def _asserts(self) -> tuple[Counter[ast.AST], Counter[ast.AST]]:
        """How many asserts without a message each function has, and how many of them say a type."""
        bare: Counter[ast.AST] = Counter()
        typed: Counter[ast.AST] = Counter()
        for item in self._module.index.nodes(ast.Assert):
            function = self._module.index.function(item)
            if isinstance(item, ast.Assert) and item.msg is None and function is not None:
                bare[function] += 1
                if _says_type(item.test):
                    typed[function] += 1
                    names = (name for name in names_in(item.test) if name.id not in _TYPE_QUESTIONS)
                    first = min(names, key=start_of, default=None)
                    self._typed_names[function].add("" if first is None else first.id)
        return bare, typed

    def _is_decorator(self, function: _Def) -> bool:
        """Whether a function makes a decorator: what it is given stands in the program, and is checked at import."""
        last = function.body[-1]
        inner = next(
            (
                item
                for item in function.body
                if isinstance(item, ast.FunctionDef)
                and isinstance(last, ast.Return)
                and isinstance(last.value, ast.Name)
                and item.name == last.value.id
            ),
            None,
        )
        if inner is None or len(inner.args.args) != 1 or inner.args.vararg or inner.args.kwarg:
            return False
        given = inner.args.args[0].arg
        made = {
            item.name
            for item in inner.body
            if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        }
        answer = inner.body[-1]
        return (
            isinstance(answer, ast.Return)
            and isinstance(answer.value, ast.Name)
            and answer.value.id in (*made, given)
        )


def _says_type(test: ast.expr) -> bool:
    """Whether a condition, or a part of it, tells types apart."""
    stack = [test]
    while stack:
        item = stack.pop()
        if isinstance(item, ast.BoolOp):
            stack += item.values
        elif isinstance(item, ast.UnaryOp):
            stack.append(item.operand)
        elif is_narrowing(item) or (isinstance(item, ast.Call) and last_name(item.func) in _TYPE_QUESTIONS):
            return True
    return False
