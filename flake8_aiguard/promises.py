"""What a file itself promises of the dicts that it hands around: schemas of their keys, and the callers that make them."""

from __future__ import annotations

import ast
import functools
from typing import Final

from flake8_aiguard import arguments
from flake8_aiguard.children import walk
from flake8_aiguard.index import FUNCTIONS
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import last_name, string
from flake8_aiguard.untyped import Untyped

# What a schema says of one key: JSON Schema, OpenAPI, Cerberus.
_SAYS: Final = frozenset({"$ref", "allOf", "anyOf", "const", "enum", "oneOf", "type"})
# What makes a dict of all fields of an object.
_WHOLE: Final = frozenset({"_asdict", "as_dict", "asdict", "model_dump", "to_dict", "vars"})
_READS: Final = regex(r"_?from_|_?deserialize|_?handle_request|_?load|_?read|_?restore|__setstate__$")
_WRITES: Final = regex(r"_?to_|_?as_dict|_?serialize|_?dump|_?save|_?store|_?write|__getstate__$")
_DEFS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


class Promises:
    """The promises of one file.

    Args:
        module: the file.
        untyped: its untyped data.
    """

    def __init__(self, module: Module, untyped: Untyped) -> None:
        self._module = module
        self._untyped = untyped

    def is_in_schema(self, key: ast.expr) -> bool:
        """Whether a schema that the file writes out gives a key its type: ``{"properties": {"port": {"type": "integer"}}}``."""
        text = string(key)
        return text is not None and text in self._typed_keys

    @functools.cached_property
    def _typed_keys(self) -> frozenset[str]:
        found: set[str] = set()
        for node in self._module.index.nodes(ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                text = string(key) if key is not None else None
                if text is not None and isinstance(value, ast.Dict) and _is_schema(value):
                    found.add(text)
        return frozenset(found)

    def is_made_inside(self, container: ast.expr) -> bool:
        """Whether a dict is a parameter of a private function whose callers, all in this file, make it of what has types.

        Args:
            container: what is asked.
        """
        resolved = self._module.scopes.resolve(container) if isinstance(container, ast.Name) else None
        if resolved is None or [item.kind for item in resolved[1]] != [Kind.PARAMETER]:
            return False
        function = resolved[0]
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) or not isinstance(
            container, ast.Name
        ):
            return False
        if not function.name.startswith("_") or function.name.endswith("__"):
            return False
        index = self._module.index
        calls = index.calls_named((function.name,))
        given = [arguments.given(index, call, function, container.id) for call in calls]
        return bool(given) and all(value is not None and self._is_typed(value) for value in given)

    def is_written_here(self, container: ast.expr, key: ast.expr) -> bool:
        """Whether a class reads back what another method of it has written: ``from_dict`` beside ``to_dict``, ``load`` beside ``save``.

        Args:
            container: what is asked.
            key: what for.
        """
        index = self._module.index
        function = index.function(container)
        if not isinstance(function, _DEFS) or not _READS.match(function.name):
            return False
        owner, text = index.class_of(function), string(key)
        if owner is None or text is None:
            return False
        texts, is_whole = self._written(owner)
        return is_whole or text in texts

    @memoised
    def _written(self, owner: ast.ClassDef) -> tuple[frozenset[str], bool]:
        """The texts in the methods of a class that write it as a dict, and whether one writes all fields."""
        nodes = [
            node
            for writer in owner.body
            if isinstance(writer, _DEFS) and _WRITES.match(writer.name)
            for node in walk(writer)
        ]
        texts = frozenset(text for node in nodes if (text := string(node)) is not None)
        return texts, any(isinstance(node, ast.Call) and self._makes_whole(node) for node in nodes)

    def _makes_whole(self, call: ast.Call) -> bool:
        name = self._module.qualname(call.func) or last_name(call.func) or ""
        return name.rpartition(".")[2] in _WHOLE

    def _is_typed(self, value: ast.expr) -> bool:
        """Whether a value is the dict of an object: ``sample.to_dict()``, ``asdict(sample)``, perhaps through a name."""
        if isinstance(value, ast.Name):
            resolved = self._module.scopes.resolve(value)
            if resolved is None or not isinstance(resolved[0], FUNCTIONS):
                return False
            values = [item.value for item in resolved[1]]
            return bool(values) and all(item is not None and self._is_typed(item) for item in values)
        if isinstance(value, ast.Call):
            return self._makes_whole(value) and self._untyped.data(value) is None
        return isinstance(value, ast.Dict)


def _is_schema(node: ast.Dict) -> bool:
    return any(key is not None and string(key) in _SAYS for key in node.keys)
