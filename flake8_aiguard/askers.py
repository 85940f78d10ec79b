"""Who asks a cache, and with what: whether a file shows that there may be any number of keys."""

from __future__ import annotations

import ast
import functools
from typing import Final

from flake8_aiguard import arguments
from flake8_aiguard.capacity import service_packages
from flake8_aiguard.domains import Domains
from flake8_aiguard.index import COMPREHENSIONS, FUNCTIONS, Function
from flake8_aiguard.manifold import are_many, are_surely_many
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.receivers import first_parameter
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import last_name, parameters, string

_PLACE: Final = regex(r"_*(?:\w+_)?(?:file|filename|location|path|place)s?")
_CONFIGURATION: Final = regex(r"_*(?:\w+_)?(?:conf|config|configuration|options|settings)(?:_\w+)?")
_CONFIGURES: Final = regex(r"_*(?:conf|config|configuration|options|settings)_\w+")
_CONSTRUCTOR: Final = regex(r"from_\w+")  # of objects that the program names: Access.from_str(value)
_CREDENTIAL: Final = regex(r"_*(?:\w+_)?token")
# Of these there are any number; other classes are the program's own, whose objects it has made.
_OPEN_TYPES: Final = frozenset(
    {
        *("Any", "Decimal", "Hashable", "IPv4Address", "IPv6Address", "Path", "PathLike", "PurePath", "UUID"),
        *("date", "datetime", "bytes", "float", "int", "object", "str"),
    }
)


def _tells(function: Function) -> bool:
    """Whether a function tells no more than yes or no, without a branch: what is remembered is as small as it gets."""
    return (
        isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        and last_name(function.returns) == "bool"
        and isinstance(function.body[-1], ast.Return)
        and all(isinstance(item, (ast.Assign, ast.Expr)) for item in function.body[:-1])
    )


class Askers:
    """What the functions of one file that keep results are asked for.

    Args:
        module: the file.
        domains: its parameters.
    """

    def __init__(self, module: Module, domains: Domains) -> None:
        self._module = module
        self._domains = domains

    @memoised
    def may_be_many(self, function: Function, name: str) -> bool:
        """Whether a parameter may take any number of values while the process runs.

        Its name says so for certain (``user_id``, ``query``, ``url``); or it may be a name or place of which the program has
        few as well (``name``, ``path``, ``value``), and the function is public, or is given in this file what a public function
        was given, or each item of a loop.

        Args:
            function: the function that keeps results.
            name: its parameter.
        """
        if not are_many(name):
            return False
        given = None if isinstance(function, ast.Lambda) else self._parameter(function, name)
        if isinstance(function, ast.Lambda) or given is None:
            return True
        if _CONFIGURATION.fullmatch(function.name) and _CONFIGURES.fullmatch(name):
            return False
        if self.is_certain(function, name):
            return True
        if _CONFIGURATION.fullmatch(function.name) or _CONSTRUCTOR.fullmatch(function.name):
            return False
        if (_PLACE.fullmatch(name) or _tells(function)) and not self._serves:
            return False  # the files and texts that the program works on
        if _CREDENTIAL.fullmatch(name) and self._goes_along(function, given):
            return False
        return not function.name.startswith("_") or self._is_given_any(function, given)

    def is_certain(self, function: Function, name: str) -> bool:
        """Whether the name and the annotation of a parameter leave no doubt.

        Args:
            function: the function that keeps results.
            name: its parameter.
        """
        return are_surely_many(name) and not self.is_of_program(function, name)

    def is_of_program(self, function: Function, name: str) -> bool:
        """Whether a parameter is annotated as an object of a class, which the program has made: ``product: Product``.

        Args:
            function: the function that keeps results.
            name: its parameter.
        """
        given = None if isinstance(function, ast.Lambda) else self._parameter(function, name)
        annotation = None if given is None else given.annotation
        kind = last_name(annotation) or string(annotation) or ""
        return kind.isidentifier() and kind[:1].isupper() and kind not in _OPEN_TYPES

    def _parameter(self, function: Function, name: str) -> ast.arg | None:
        return next((item for item in parameters(function) if item.arg == name), None)

    def _goes_along(self, function: ast.FunctionDef | ast.AsyncFunctionDef, given: ast.arg) -> bool:
        """Whether another parameter, of which there are few, says what is asked for."""
        is_method = (
            self._module.index.class_of(function) is not None and first_parameter(function) is not None
        )
        open_ = self._domains.unbounded(function)
        return any(item is not given and item not in open_ for item in parameters(function)[is_method:])

    @functools.cached_property
    def _serves(self) -> bool:
        """Whether the file runs in a process that answers requests, as its imports and coroutines show."""
        index = self._module.index
        return bool(index.nodes(ast.AsyncFunctionDef)) or not index.packages.isdisjoint(service_packages())

    def _is_given_any(self, function: ast.FunctionDef | ast.AsyncFunctionDef, given: ast.arg) -> bool:
        """Whether a call in this file gives a private function any of many values."""
        for call in self._module.index.calls_named((function.name,)):
            value = arguments.given(self._module.index, call, function, given.arg)
            if isinstance(value, ast.Name) and self._is_any(value):
                return True
        return False

    def _is_any(self, value: ast.Name) -> bool:
        """Whether a variable is the item of a loop, or what a public function is given."""
        resolved = self._module.scopes.resolve(value)
        if resolved is None:
            return False
        owner, bindings = resolved
        if isinstance(owner, COMPREHENSIONS):
            return True
        return any(
            binding.kind is Kind.FOR
            or (
                binding.kind is Kind.PARAMETER
                and isinstance(owner, FUNCTIONS)
                and not getattr(owner, "name", "_").startswith("_")
                and are_many(value.id)
            )
            for binding in bindings
        )
