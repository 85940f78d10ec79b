"""Hides from the grammars what is no SQL or YAML, without moving anything: templates of dbt, Jinja and Helm."""

from __future__ import annotations

import os
import re
from typing import Final

_TAGS: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_MACRO: Final = re.compile(r"\{%-?\s*(?:macro|materialization|test)\b")
_STANDALONE: Final = re.compile(r"\{\{-?\s*(?:config|log|print)\s*\(")


def has_macro(text: str) -> bool:
    """Tell whether a template defines macros: their bodies are fragments, no SQL."""
    return _MACRO.search(text) is not None


def mask_templates(text: str) -> str:
    """Replace the tags of Jinja by text of the same length and lines.

    Args:
        text: SQL, with or without tags.

    Returns:
        The text with a name for each ``{{ expression }}``, and blanks for statements and comments.
    """
    return _TAGS.sub(_masked, text) if "{" in text else text


def _masked(tag: re.Match[str]) -> str:
    text = tag[0]
    blank = re.sub(r"[^\n]", " ", text)
    if not text.startswith("{{") or _STANDALONE.match(text):
        return blank
    first = text.split("\n", 1)[0]
    return "j" * len(first) + blank[len(first) :]


def is_helm_template(path: str) -> bool:
    """Tell whether a file is a template of a Helm chart: below ``templates``, beside ``Chart.yaml``."""
    folder = os.path.dirname(os.path.abspath(path))
    while (parent := os.path.dirname(folder)) != folder:
        if os.path.basename(folder) == "templates" and os.path.exists(os.path.join(parent, "Chart.yaml")):
            return True
        folder = parent
    return False
