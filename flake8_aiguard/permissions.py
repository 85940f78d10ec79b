"""Which conditions decide who may do something: permissions, roles, owners, secrets."""

from __future__ import annotations

import ast
from collections.abc import Collection
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.checks import is_narrowing
from flake8_aiguard.inputs import spoken
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import dotted, last_name, parameters

_LOGGED_IN: Final = ("is_anonymous", "is_authenticated", "is_logged_in")
_WALL: Final = regex(r"(Is|^|[a-z])Authenticated|LoginRequired|PermissionRequired|login_required")
_OF_REQUEST: Final = frozenset(("req", "request", "session"))
_COUNTED: Final = ("_num_token", "_per_token")
_COUNTS: Final = ("max_", "min_", "n_", "num_")
_OF_TEXT: Final = tuple(
    f"{word}_"
    for word in ("bos", "end", "eos", "image", "mask", "next", "pad", "prev", "sep", "start", "stop", "unk")
)  # tokens of a language model's text
_TEXTS: Final = (
    "lexer",
    "line",
    "lines",
    "tokenizer",
    "tokens",
)  # where these are parameters, a token is a word


class Permissions:
    """The permission checks of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def named(self, condition: ast.expr) -> str | None:
        """What decides who may do something, where a condition asks it.

        Args:
            condition: without ``and``, ``or`` and ``not``.

        Returns:
            As a message names it; ``None`` where the condition asks something else.
        """
        if isinstance(condition, ast.Compare):
            compared = self._compared_permission(condition)
            if compared is not None:
                return compared
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
                return f"{spoken(condition.func)}()"
        elif last_name(condition) in _authorisation("role") or self._names_a_right(condition):
            return spoken(condition)
        return None

    def is_for_anybody(self, condition: ast.expr) -> bool:
        """Whether a condition that has to hold asks for someone who has not logged in, which is no right: ``is_anonymous(user)``.

        Args:
            condition: without ``and``, ``or`` and ``not``.
        """
        asked = condition.func if isinstance(condition, ast.Call) else condition
        return last_name(asked) == "is_anonymous"

    def is_own_login(self, condition: ast.expr) -> bool:
        """Whether a condition asks if the program itself is logged in somewhere: ``self.cloud.is_logged_in``, of no request.

        Args:
            condition: without ``and``, ``or`` and ``not``.
        """
        return (
            isinstance(condition, ast.Attribute)
            and condition.attr in _LOGGED_IN
            and _OF_REQUEST.isdisjoint(self._words(condition.value))
            and not self._is_user(condition.value)
        )

    def is_asked_before(self, condition: ast.expr) -> bool:
        """Whether a condition asks if anybody is logged in where the view lets nobody else through, by its class or a decorator.

        Args:
            condition: without ``and``, ``or`` and ``not``.
        """
        if last_name(condition) not in _LOGGED_IN:
            return False
        function = self._module.index.function(condition)
        return function is not None and (self._is_behind_login(function) or self._is_called_behind(function))

    def _is_behind_login(self, function: ast.AST) -> bool:
        guards: list[ast.expr] = list(getattr(function, "decorator_list", ()))
        owner = self._module.index.class_of(function)
        if owner is not None:
            guards += [*owner.bases, *owner.decorator_list]
            guards += (
                statement.value
                for statement in owner.body
                if isinstance(statement, ast.Assign) and dotted(statement.targets[0]) == "permission_classes"
            )
        return any(
            _WALL.search(item.attr if isinstance(item, ast.Attribute) else item.id) is not None
            for guard in guards
            for item in ast.walk(guard)
            if isinstance(item, (ast.Attribute, ast.Name))
        )

    def _is_called_behind(self, function: ast.AST) -> bool:
        """Whether a private helper is called by such views alone."""
        name = getattr(function, "name", "")
        if not name.startswith("_") or name.startswith("__"):
            return False
        callers = [self._module.index.function(call) for call in self._module.index.calls_named((name,))]
        return bool(callers) and all(
            caller is not None and self._is_behind_login(caller) for caller in callers
        )

    def _decides(self, call: ast.Call) -> bool:
        """Whether a call decides who may do something."""
        if self._module.called(call) in _authorisation("check", "calls"):
            return True
        name = last_name(call.func)
        if name == "has_role" and len(call.args) > 1 and not any(map(self._is_user, (call.func, *call.args))):
            return False  # a table of roles is asked for an entry
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
        return _has_prefix(f"{node.attr}_", _authorisation("check", "prefixes")) and self._is_user(node.value)

    def _compared_permission(self, node: ast.Compare) -> str | None:
        """The credential, role or owner that a comparison is about."""
        if len(node.ops) != 1 or is_narrowing(node):
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
                if (
                    is_secret
                    and isinstance(node.ops[0], ast.Eq)
                    and not isinstance(other, ast.Constant)
                    and not self._is_of_code(side, other)
                ):
                    return spoken(side)
        return None

    def _is_of_code(self, side: ast.expr, other: ast.expr) -> bool:
        """Whether a word for a credential means something else: a number of tokens, the tokens of a line, two signatures."""
        name = last_name(side) or ""
        if name.startswith(_COUNTS) or name.endswith(_COUNTED):
            return True
        if isinstance(other, ast.Subscript) and (last_name(other.value) or "").endswith(("ids", "tokens")):
            return True  # the next one of a text
        if any(
            item.startswith(_OF_TEXT) and item.endswith("_token") for item in (name, last_name(other) or "")
        ):
            return True
        if isinstance(side, ast.Attribute) and isinstance(other, ast.Attribute):
            pair = (dotted(side.value) or "", dotted(other.value) or "")
            return (
                side.attr == other.attr
                and pair[0] != pair[1]
                and len({item.rstrip("0123456789") for item in pair}) == 1
            )
        function = self._module.index.function(side)
        if name != "token" or not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return False
        return any(parameter.arg in _TEXTS for parameter in parameters(function))

    def _is_user(self, node: ast.expr) -> bool:
        """Whether an expression is, or is part of, who acts: ``user``, ``request.user``, ``current_user.id``."""
        return not _authorisation("membership", "receivers").isdisjoint(self._words(node))

    def _is_owner(self, name: str, other: ast.expr) -> bool:
        """Whether an attribute of this name, compared with the other side, asks whose a thing is."""
        words = self._words(other)
        rows = (row for row in knowledge.rows("untrusted.authorisation") if row["kind"] == "owner")
        return any(name in row["names"] and not words.isdisjoint(row["receivers"]) for row in rows)

    def _words(self, node: ast.expr) -> set[str]:
        return set((self._module.qualname(node) or dotted(node) or "").lower().split("."))


def _has_prefix(name: str | None, prefixes: Collection[str]) -> bool:
    return name is not None and name.startswith(tuple(prefixes))


@knowledge.cached
def _authorisation(kind: str, column: str = "names") -> frozenset[str]:
    rows = knowledge.rows("untrusted.authorisation")
    return frozenset(name for row in rows if row["kind"] == kind for name in row.get(column, ()))
