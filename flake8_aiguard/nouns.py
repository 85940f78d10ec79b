"""What the noun of a name says: that somebody chose what it holds, or that it is data."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.regex import regex

_CAMEL: Final = regex(r"(?<=[a-z0-9])(?=[A-Z])")
# "keys" of "keys_to_skip", "columns" of "columns_by_table"
_HEAD: Final = regex(r"_(?:to|for|by|of|with|in|from|per|on|not)_|_(?:list|names?|set|dict|map)(?=_|$)")
_FILTER: Final = regex(r"_*(allow(ed)?|(exclude|ignore|include|possible|skip)d?)_")  # "exclude_contracts"
_GENERIC: Final = frozenset(
    {"arr", "array", "data", "info", "list", "obj", "object", "res", "result", "str", "title", "val", "value"}
)
_LABELS: Final = frozenset({"id", "uuid"})  # what is told apart by them counts
_LISTS: Final = ("_list", "_set", "_dict", "_map")


def says(name: str) -> str | None:
    """What a name says of the number of things that it holds.

    Args:
        name: a name, snake case or camel case.

    Returns:
        ``chosen`` for as many as somebody spells out (``columns``, ``keys_to_skip``), ``option`` for lists that allow or forbid,
        ``single`` for one key or text, ``data`` for records; ``None`` for a name that says nothing.
    """
    words = _words()
    said = next((words[form] for form in forms(name) if form in words), None)
    return "option" if said is None and _FILTER.match(name) else said


def is_many(name: str) -> bool:
    """Whether a name says that it holds many records: ``users``, ``user_ids``, ``people``, ``seen``; not ``user``, nor ``group_ids``.

    Args:
        name: a name, snake case or camel case.
    """
    if not name:
        return False
    records, collective, chosen = _many()
    head, *singular = forms(name)
    if head in collective:
        return True
    snake = _CAMEL.sub("_", name).lower().strip("_")
    if not chosen.isdisjoint(snake.split("_")):
        return False
    before, _, last = _HEAD.split(snake)[0].rpartition("_")
    if before and last.removesuffix("s") in _LABELS:
        return not records.isdisjoint(forms(before))
    is_list = snake.endswith(_LISTS) or (last != head and last.endswith("s"))  # "user_list", "user_objects"
    return not records.isdisjoint((head, *singular) if is_list else singular)


def is_filter(name: str) -> bool:
    """Whether a name says that somebody wrote by hand what to leave out or to take: ``exclude_urls``.

    Args:
        name: a name, snake case.
    """
    return _FILTER.match(name) is not None


@functools.lru_cache(maxsize=4096)
def forms(name: str) -> tuple[str, ...]:
    """The noun that a name ends in, and what it may be the plural of.

    Args:
        name: a name, snake case or camel case.
    """
    snake = _CAMEL.sub("_", name).lower().strip("_").replace("stop_word", "stopword")
    before, _, head = _HEAD.split(snake)[0].rpartition("_")
    if before and head.removesuffix("s") in _GENERIC:
        head = before.rpartition("_")[2]
    forms = [head]
    if head.endswith("ies"):
        forms.append(f"{head[:-3]}y")
    if head.endswith("es"):
        forms.append(head[:-2])
    if head.endswith("s"):
        forms.append(head[:-1])
    return tuple(forms)


@knowledge.cached
def _words() -> Mapping[str, str]:
    return {word: str(row["says"]) for row in knowledge.rows("searches.noun") for word in row["words"]}


@knowledge.cached
def _many() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """The nouns of records, the names of lists that are no plural, and the words of what somebody spells out."""
    nouns = {
        word
        for row in knowledge.rows("searches.noun")
        if row["says"] == "data" and row.get("plural", True)
        for word in row["words"]
    }
    records, collective, chosen = (
        frozenset(word for row in knowledge.rows(f"searches.{table}") for word in row["words"])
        for table in ("record", "collective", "chosen")
    )
    return records | nouns, collective, chosen
