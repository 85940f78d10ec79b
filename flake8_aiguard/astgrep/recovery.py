"""Statements of SQL that the grammar reads alone, but not behind one that it does not know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import ast_grep_py

from flake8_aiguard.regex import regex

_SILENT: Final = regex(r"'(?:[^']|'')*'|\"[^\"\n]*\"|--[^\n]*|/\*.*?\*/|(\$\w*\$).*?\1", re.DOTALL)
_NO_BREAK: Final = regex(r"[^\n]")
_HEAD: Final = regex(r"\s*(?:select|insert|update|delete|with|create|alter)\b", re.IGNORECASE)


def mended(root: ast_grep_py.SgNode, text: str) -> str | None:
    """A text without the statements that break others.

    Args:
        root: the tree of the text.
        text: the text, with templates and placeholders masked.

    Returns:
        The text with blanks for these statements; ``None`` where nothing is gained by that.
    """
    if not any(map(_holds_an_end, root.find_all(kind="ERROR"))):
        return None
    pieces, kept = [], False
    done = 0
    for start, end in _broken(root):
        pieces.append(text[done:start])
        for statement, is_whole in _statements(text[start:end]):
            kept = kept or is_whole
            pieces.append(statement if is_whole else _NO_BREAK.sub(" ", statement))
        done = end
    return "".join([*pieces, text[done:]]) if kept else None


def _holds_an_end(error: ast_grep_py.SgNode) -> bool:
    """Whether a statement ends within an error."""
    text = error.text()
    if ";" not in text:
        return False
    parent = error.parent()
    return ";" in text[:-1] or (parent is not None and parent.kind() != "program")


def _broken(root: ast_grep_py.SgNode) -> Iterator[tuple[int, int]]:
    """Where what stands between two semicolons begins and ends, with an error that holds more of them."""
    start, is_broken = -1, False
    for node in root.children():
        place = node.range()
        start = place.start.index if start < 0 else start
        text = node.text()
        is_broken = is_broken or (
            ";" in text[:-1] and (node.kind() == "ERROR" or node.find(kind="ERROR") is not None)
        )
        if text.endswith(";"):
            if is_broken:
                yield start, place.end.index
            start, is_broken = -1, False
    if is_broken:
        yield start, root.range().end.index


def _statements(text: str) -> Iterator[tuple[str, bool]]:
    """The statements of a text with their semicolons, each with whether the grammar reads it whole."""
    code = _SILENT.sub(_blank, text)
    done = 0
    for end in [*(match.end() for match in re.finditer(";", code)), len(text)]:
        statement = text[done:end]
        is_whole = _HEAD.match(code, done, end) is not None
        if is_whole:
            tree = ast_grep_py.SgRoot(statement, "sql").root()
            is_whole = tree.find(kind="ERROR") is None
        yield statement, is_whole
        done = end


def _blank(found: re.Match[str]) -> str:
    return _NO_BREAK.sub(" ", found[0])
