"""By what a finding in SQL or configuration is recognised when its line has moved."""

from __future__ import annotations

from typing import Final

import ast_grep_py

from flake8_aiguard.astgrep import languages
from flake8_aiguard.identity import hashed
from flake8_aiguard.results import Identity

# What a person would call the place of a finding: the statement, or the key with its value.
_ANCHORS: Final = {
    "sql": frozenset({"statement"}),
    "yaml": frozenset({"block_mapping_pair", "flow_pair"}),
    "json": frozenset({"pair"}),
}


def identity(node: ast_grep_py.SgNode, text: str, language: str) -> Identity:
    """The identity of a match.

    In SQL it is the whole statement; elsewhere the first line of the key with its value, or of the node, and the names around it, such as
    ``jobs.build``: what stands below may change.

    Args:
        node: the match.
        text: the text of the file before masking.
        language: its language.
    """
    around = [node, *node.ancestors()]
    kinds = _ANCHORS.get(language, frozenset())
    place = next((number for number, item in enumerate(around) if item.kind() in kinds), 0)
    anchor = around[place]
    span = anchor.range()
    said = _without_comments(anchor, text, language)
    if language != "sql":
        said = said.replace("\\\n", " ").strip().partition("\n")[0]
    names = [] if language == "sql" else [_name(item) for item in around[place + 1 :]]
    first = span.start.line + 1
    lines = text[span.start.index : span.end.index].rstrip().count("\n")
    return Identity(
        ".".join(name for name in reversed(names) if name),
        hashed(" ".join(said.split())),
        first,
        first + lines,
    )


def _without_comments(anchor: ast_grep_py.SgNode, text: str, language: str) -> str:
    pieces = []
    done, end = anchor.range().start.index, anchor.range().end.index
    kinds = languages.comment_kinds(language)
    comments = anchor.find_all(any=[{"kind": kind} for kind in kinds]) if kinds else []
    for comment in comments:
        span = comment.range()
        pieces.append(text[done : span.start.index])
        done = span.end.index
    return "".join((*pieces, text[done:end]))


def _name(node: ast_grep_py.SgNode) -> str:
    """The key of a pair, the name of a function, the type and labels of a block of HCL."""
    if node.kind() == "block":
        return " ".join(
            child.text() for child in node.children() if child.kind() in ("identifier", "string_lit")
        )
    named = node.field("key") or node.field("name")
    return "" if named is None else named.text().strip("'\"")
