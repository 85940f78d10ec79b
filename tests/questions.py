"""Small sources for the tests of the layers: ``ask(x)`` marks the expressions that a test asks about."""

from __future__ import annotations

import ast
import textwrap

from flake8_aiguard.module import Module
from flake8_aiguard.settings import Settings


def module(source: str, settings: Settings | None = None, filename: str = "example.py") -> Module:
    """Parse a source into a module."""
    source = textwrap.dedent(source)
    return Module(ast.parse(source), filename, source.splitlines(keepends=True), settings or Settings())


def asked(found: Module) -> list[ast.expr]:
    """The arguments of all ``ask(...)`` calls, in document order."""
    return [
        call.args[0]
        for call in found.index.nodes(ast.Call)
        if isinstance(call.func, ast.Name) and call.func.id == "ask"
    ]
