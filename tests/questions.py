"""Small sources for the tests of the layers: ``ask(x)`` marks the expressions that a test asks about."""

from __future__ import annotations

import ast
import textwrap

from flake8_aiguard.module import Module
from flake8_aiguard.settings import Settings

ATTEMPTS = """
for attempt in {items}:
    try:
        return client.get()
    except OSError:
        {handler}
"""
"""A loop of attempts, to be filled with what it goes over and what its handler does."""


def attempting(loop: str, before: str = "") -> Module:
    """The module of one function with a loop of attempts in it, after the statements ``before``."""
    body = textwrap.indent(textwrap.dedent(before) + textwrap.dedent(loop), "    ")
    return module(f"import time\nLIMIT = 4\ndef f(client, n, log, xs):\n{body}")


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
