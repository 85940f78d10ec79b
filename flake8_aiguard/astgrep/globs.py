"""Patterns of paths, as ast-grep writes them: ``**/``, ``*``, ``?``, ``[...]`` and ``{one,other}``."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Sequence


def matches_any(path: str, patterns: Sequence[str], *, above_here: bool) -> bool:
    """Tell whether one of some patterns names a path.

    Args:
        path: the path.
        patterns: the patterns, written from the working directory.
        above_here: whether folders above the working directory count, too: ``**/.github/**`` names files also for
            who works in ``.github``, but a checkout below a folder ``staging`` is not all staging.

    Returns:
        Whether one matches.
    """
    if not patterns:
        return False
    names = _names(path, os.getcwd())
    shown = names if above_here else names[:1]
    return any(_compiled(pattern).fullmatch(name) for pattern in patterns for name in shown)


@functools.lru_cache(maxsize=8)  # each rule asks for the same file
def _names(path: str, here: str) -> tuple[str, str]:
    """A path from the working directory, where it is below, and from the root."""
    whole = os.path.abspath(path)
    below = os.path.relpath(whole, here)
    if below.startswith(os.pardir):
        below = whole
    return below.replace(os.sep, "/").lstrip("/"), whole.replace(os.sep, "/").lstrip("/")


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts: list[str] = []
    depth = 0
    for token in re.findall(r"\*\*/|\*\*|\[[^\]]+\]|.", pattern.removeprefix("./"), re.DOTALL):
        if token == "**/":
            parts.append("(?:.*/)?")
        elif token == "**":
            parts.append(".*")
        elif token == "*":
            parts.append("[^/]*")
        elif token == "?":
            parts.append("[^/]")
        elif token.startswith("[") and len(token) > 1:
            parts.append("[" + token[1:-1].replace("\\", r"\\").replace("!", "^", token[1] == "!") + "]")
        elif token == "{":
            depth += 1
            parts.append("(?:")
        elif token == "}" and depth:
            depth -= 1
            parts.append(")")
        elif token == "," and depth:
            parts.append("|")
        else:
            parts.append(re.escape(token))
    return re.compile("".join(parts) + ")" * depth, re.DOTALL)
