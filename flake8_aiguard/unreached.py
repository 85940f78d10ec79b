"""Code that never runs: behind a jump, or in a branch for a Python that this plugin does not run on."""

from __future__ import annotations

import ast
from typing import Final

from flake8_aiguard.module import Module
from flake8_aiguard.numeric import COMPARES
from flake8_aiguard.shapes import following, is_constant

_OLDEST: Final = (3, 10)  # requires-python
_SIX: Final = {"six.PY2": False, "six.PY3": True}
_JUMPS: Final = (ast.Break, ast.Continue, ast.Raise, ast.Return)


def is_unreached(module: Module, node: ast.AST) -> bool:
    """Whether a node stands behind a ``return`` or the like in its block, or in a branch that no Python from 3.10 on runs.

    Such a branch is ``if sys.version_info < (3, 8)`` or ``if six.PY2``.

    Args:
        module: its file.
        node: the node.
    """
    skipped = module.shared(_behind_jumps)
    asks_version = module.says("version_info") or module.says("six")
    if not skipped and not asks_version:
        return False  # most files: no look at what stands around
    child = node
    for outer in module.index.ancestors(node):
        if child in skipped:
            return True
        if asks_version and isinstance(outer, ast.If):
            holds = _holds(module, outer.test)
            if holds is not None and child in (outer.orelse if holds else outer.body):
                return True
        child = outer
    return False


def _behind_jumps(module: Module) -> frozenset[ast.AST]:
    """The statements of a file that stand behind a jump in their block."""
    found: set[ast.AST] = set()
    for kind in _JUMPS:
        for jump in module.index.nodes(kind):
            found.update(following(module.index.parent(jump), jump))
    return frozenset(found)


def _holds(module: Module, test: ast.expr) -> bool | None:
    """What a question about the version gives on each Python from 3.10 on; ``None`` where that differs or is not known."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        opposite = _holds(module, test.operand)
        return None if opposite is None else not opposite
    if isinstance(test, (ast.Attribute, ast.Name)):
        return _SIX.get(module.qualname(test) or "")
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return None
    compare = COMPARES.get(type(test.ops[0]))
    asked, bound = test.left, _constant(test.comparators[0])
    if compare is None:
        return None
    is_major = (isinstance(asked, ast.Attribute) and asked.attr == "major") or (
        isinstance(asked, ast.Subscript) and isinstance(asked.slice, ast.Constant) and asked.slice.value == 0
    )
    is_head = isinstance(asked, ast.Subscript) and _is_head(asked.slice)  # sys.version_info[:2]
    whole = (
        asked.value if isinstance(asked, (ast.Subscript, ast.Attribute)) and (is_major or is_head) else asked
    )
    if module.qualname(whole) != "sys.version_info":
        return None
    if is_major:
        return compare(_OLDEST[0], bound) if isinstance(bound, int) else None
    if not isinstance(bound, tuple) or bound > _OLDEST or isinstance(test.ops[0], (ast.Eq, ast.NotEq)):
        return None
    # At the oldest version itself, ``<=`` and ``>`` differ from what later ones give.
    return (
        None if bound == _OLDEST and isinstance(test.ops[0], (ast.LtE, ast.Gt)) else compare(_OLDEST, bound)
    )


def _is_head(part: ast.expr) -> bool:
    """Whether a slice takes a version's first two parts or more: ``[:2]``, ``[0:3]``."""
    return (
        isinstance(part, ast.Slice)
        and part.step is None
        and (part.lower is None or is_constant(part.lower, 0))
        and isinstance(part.upper, ast.Constant)
        and isinstance(part.upper.value, int)
        and part.upper.value >= len(_OLDEST)
    )


def _constant(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None
