"""URLs that hold what they name: ``data:text/plain,...``, for which nothing is opened and nobody is asked."""

from __future__ import annotations

import ast

from flake8_aiguard.index import FUNCTIONS
from flake8_aiguard.module import Module
from flake8_aiguard.shapes import argument, block_of, dotted, string, text_parts


def is_inline(module: Module, node: ast.Call) -> bool:
    """Whether ``urlopen()`` only decodes what the URL itself holds, by its text or by a condition around or before it.

    Args:
        module: the file.
        node: a call.
    """
    url = argument(node, "url", 0)
    if url is None or module.called(node) != "urllib.request.urlopen":
        return False
    text = next(iter(text_parts(url) or ()), None)
    if isinstance(text, str):
        return text.startswith("data:")
    child: ast.AST = node
    for parent in module.index.ancestors(node):
        if isinstance(parent, ast.If) and child in parent.body and _asks_for_data(parent.test, url):
            return True
        if isinstance(child, ast.stmt):
            for item in block_of(parent, child):
                if item is child:
                    break
                if isinstance(item, ast.If) and isinstance(item.body[-1], (ast.Return, ast.Raise)):
                    test = item.test
                    if isinstance(test, ast.UnaryOp) and _asks_for_data(test.operand, url):
                        return True
        if isinstance(parent, FUNCTIONS):
            break
        child = parent
    return False


def _asks_for_data(test: ast.expr, url: ast.expr) -> bool:
    """Whether a condition, or a part that must hold too, is ``url.startswith("data:")``."""
    parts = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]
    return any(
        isinstance(part, ast.Call)
        and isinstance(part.func, ast.Attribute)
        and part.func.attr == "startswith"
        and dotted(part.func.value) == dotted(url) is not None
        and len(part.args) == 1
        and (string(part.args[0]) or "").startswith("data:")
        for part in parts
    )
