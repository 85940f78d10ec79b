"""Hides from the grammars what is no SQL or YAML, without moving anything: templates of dbt, Jinja and Helm, placeholders."""

from __future__ import annotations

import functools
import os
import re
from typing import Final

from flake8_aiguard import dialects
from flake8_aiguard.regex import regex

_TAGS: Final = regex(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_MACRO: Final = regex(r"\{%-?\s*(?:macro|materialization|test)\b")
_STANDALONE: Final = regex(r"\{\{-?\s*(?:config|log|print)\s*\(")
_HEADS: Final = regex(
    r"\\|^go\b|\b(?:begin|start|commit|rollback|copy|call|delimiter|top|default\s+values)\b",
    re.IGNORECASE | re.MULTILINE,
)
# What stands in each text that the expression finds: it is slow.
_HEAD_SIGNS: Final = (
    "\\",
    "go",
    "begin",
    "start",
    "commit",
    "rollback",
    "copy",
    "call",
    "delimiter",
    "top",
    "default",
)
_UNREAD: Final = regex(
    r"""
    ^[ \t]*copy\b[^;\n]*\bfrom\s+stdin\b[^;\n]*;\n(?:(?!\\\.).*\n)*\\\.                     # rows, up to the line with \.
    | ^[ \t]*(?:(?:copy|call)\s | insert\s+into\s+\S+\s+default\s+values\b) (?:[^;'] | '[^']*'){0,500};
    | ^[ \t]*(?:\\(?:(?:q?echo|warn|prompt|set|copy)\b[^\n]*|[a-zA-Z!?][^\n']*$) | delimiter[ \t][^\n]*)
    | ^[ \t]*(?:begin(?:[ ](?:deferred|immediate|exclusive))?|start|commit|rollback)(?:[ ](?:transaction|work|tran))?[ ]*;
    | (?<=select[ ])top[ ]*\(?\d+\)?(?:[ ]percent)?(?:[ ]with[ ]ties)?             # of SQL Server
    | ^[ \t]*(?P<end>go)[ \t]*;?$
    """,
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
_IN_APOSTROPHES: Final = regex(
    r"(?P<before>\b(?:insert\s+(?:or\s+\w+\s+)?into|create\s+table|table\s+if\s+(?:not\s+)?exists|alter\s+table)\s+)'(?P<name>\w+)'",
    re.IGNORECASE,
)  # a name, as SQLite takes it
_BEFORE_APOSTROPHE: Final = ("into '", "table '", "exists '")
_BRACKETS: Final = regex(r"(?<=[\s.,(])\[([A-Za-z_]\w*)\]")
_PLACEHOLDER: Final = regex(
    r"""
    '(?:[^']|'')*' | "[^"]*" | --[^\n]* | /\*.*?\*/ | (\$\w*\$).*?\1  # texts, names, comments, bodies of functions
    | :: | \b(?:from|join|into|update|table|only)\s+[:%]                   # casts; a name that is filled in
    | (?P<value> (?<![\w:.\])]):[A-Za-z_]\w*(?![\w.:(]) | (?<![\w%])%(?:\(\w+\))?s(?![\w.]) )
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


def has_macro(text: str) -> bool:
    """Tell whether a template defines macros: their bodies are fragments, no SQL."""
    return _MACRO.search(text) is not None


def mask_templates(text: str) -> str:
    """Replace the tags of Jinja and the placeholders of drivers by text of the same length and lines.

    Args:
        text: SQL, with or without tags and placeholders.

    Returns:
        The text with a name for each ``{{ expression }}``, blanks for statements and comments, and a number for each
        ``:name``, ``%s`` and ``%(name)s``.
    """
    if "{" in text:
        text = _TAGS.sub(_masked, text)
    return dialects.readable(mask_unread(mask_placeholders(text)))


@functools.lru_cache(maxsize=8)
def mask_unread(text: str) -> str:
    """Replace the commands of a client, and statements that say nothing and confuse the grammar, by blanks."""
    if "].[" in text or "[dbo]" in text:
        text = _BRACKETS.sub(r'"\1"', text)
    lowered = text.lower()
    if "'" in text and any(sign in lowered for sign in _BEFORE_APOSTROPHE):
        text = _IN_APOSTROPHES.sub(r'\g<before>"\g<name>"', text)
    if any(sign in lowered for sign in _HEAD_SIGNS) and _HEADS.search(text):
        return _UNREAD.sub(_ended, text)
    return text


def names_in_apostrophes(text: str) -> bool:
    """Tell whether a table's name stands in apostrophes, which SQLite alone takes for one."""
    return _IN_APOSTROPHES.search(text) is not None


@functools.lru_cache(maxsize=8)
def mask_placeholders(text: str) -> str:
    """Replace the placeholders of drivers by numbers of the same length."""
    return _PLACEHOLDER.sub(_number, text) if "%" in text or ":" in text else text


def _number(found: re.Match[str]) -> str:
    return "7" * len(found[0]) if found["value"] else found[0]


def _masked(tag: re.Match[str]) -> str:
    text = tag[0]
    blank = _blank(tag)
    if not text.startswith("{{") or _STANDALONE.match(text):
        return blank
    first = text.split("\n", 1)[0]
    return "j" * len(first) + blank[len(first) :]


def _ended(found: re.Match[str]) -> str:
    return _blank(found) if not found["end"] else ";".ljust(len(found[0]))


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found[0])


def is_helm_template(path: str) -> bool:
    """Tell whether a file is a template of a Helm chart: below ``templates``, beside ``Chart.yaml``."""
    folder = os.path.dirname(os.path.abspath(path))
    while (parent := os.path.dirname(folder)) != folder:
        if os.path.basename(folder) == "templates" and os.path.exists(os.path.join(parent, "Chart.yaml")):
            return True
        folder = parent
    return False
