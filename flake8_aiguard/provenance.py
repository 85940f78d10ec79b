"""What a ``@generated(...)`` tag says, read from the tree: none of the code is imported or run."""

from __future__ import annotations

import ast
import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flake8_aiguard import arguments
from flake8_aiguard.generated import Tag
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import default, is_none, parameters, string, text_parts

_ASSIGNED: Final = (Kind.ASSIGN, Kind.ANNOTATED)
_MAX_STEPS: Final = 8  # from constant to constant
_MAX_SHOWN: Final = 60

# ISO 8601-1:2019: calendar, week and ordinal dates, basic and extended. Python writes a space for the T.
_TIMESTAMP: Final = regex(
    r"(?P<year>\d{4})"
    r"(?:-(?P<month>\d\d)-(?P<day>\d\d)|(?P<month_>\d\d)(?P<day_>\d\d)"
    r"|-?W(?P<week>\d\d)-?(?P<weekday>[1-7])|-?(?P<ordinal>\d{3}))"
    r"[Tt ](?P<hour>[01]\d|2[0-4])"
    r"(?::?(?P<minute>[0-5]\d)(?::?(?P<second>[0-5]\d|60))?)?(?:[.,](?P<fraction>\d+))?"
    r"(?P<offset>[Zz]|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """The value of one key of a tag.

    Attributes:
        node: where the tag gives it: its own argument, or the tag as a whole for a default of the decorator.
        source: the expression that holds it: the argument, or what the constant there is bound to.
        is_known: whether it can be read without running the code.
        value: the value, where it is known.
    """

    node: ast.expr
    source: ast.expr
    is_known: bool
    value: object


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a tag gives.

    Attributes:
        entries: the values by key.
        unnamed: how many values are given by position, where the parameters of ``generated`` are not in the file.
        is_complete: whether these are all; ``*args``, ``**kwargs`` and a decorator made by a call may hide others.
    """

    entries: Mapping[str, Entry]
    unnamed: int
    is_complete: bool

    def missing(self, required: Sequence[str]) -> list[str]:
        """The required keys that the tag does not give."""
        return [key for key in required if key not in self.entries]


def read(module: Module, tag: Tag) -> Metadata:
    """Read a tag: its arguments, a module-level dict literal behind ``**``, defaults of a decorator in the file.

    Args:
        module: the file.
        tag: one of its tags.

    Returns:
        What it gives.
    """
    call = tag.call
    names, given, is_complete = _decorator(module, tag)
    unnamed = 0
    for position, argument in enumerate(call.args if call is not None else ()):
        if isinstance(argument, ast.Starred):
            is_complete = False
        elif position < len(names):
            given[names[position]] = argument, argument
        else:
            unnamed += 1
    for keyword in call.keywords if call is not None else ():
        if keyword.arg is not None:
            given[keyword.arg] = keyword.value, keyword.value
            continue
        shared = _shared(module, keyword.value)
        is_complete = is_complete and shared is not None
        given |= {key: (keyword.value, value) for key, value in (shared or {}).items()}
    entries = {key: _entry(module, node, value) for key, (node, value) in given.items()}
    return Metadata(entries, unnamed, is_complete)


def _decorator(module: Module, tag: Tag) -> tuple[list[str], dict[str, tuple[ast.expr, ast.expr]], bool]:
    """What a decorator of this file adds: the names of its parameters, its defaults, and whether that is all."""
    if isinstance(tag.target, ast.Module):
        return [], {}, True
    name = tag.node.func if isinstance(tag.node, ast.Call) else tag.node
    definition = module.receivers.definition(name)
    if isinstance(definition, ast.ClassDef):
        methods = (item for item in definition.body if isinstance(item, ast.FunctionDef))
        definition = next((item for item in methods if item.name == "__init__"), None)
        if definition is None:
            return [], {}, False  # a dataclass, or an inherited constructor
    if definition is not None:
        defaults = ((item.arg, default(definition, item)) for item in parameters(definition))
        given = {
            key: (tag.node, value) for key, value in defaults if value is not None and not is_none(value)
        }
        return arguments.positional(module.index, definition), given, True
    made_by = _assigned(module, name)
    if not isinstance(made_by, ast.Call):
        return [], {}, True
    given = {item.arg: (tag.node, item.value) for item in made_by.keywords if item.arg is not None}
    partial = module.qualname(made_by.func) == "functools.partial"
    return [], given, partial and len(given) == len(made_by.keywords)


def _shared(module: Module, node: ast.expr) -> Mapping[str, ast.expr] | None:
    """The items of a module-level dict literal; ``None`` for anything else."""
    resolved = module.scopes.resolve(node) if isinstance(node, ast.Name) else None
    is_ours = (
        resolved is not None and resolved[0] is module.tree and isinstance(_assigned(module, node), ast.Dict)
    )
    return module.receivers.mapping(node) if is_ours else None


# -- values


def _entry(module: Module, node: ast.expr, value: ast.expr) -> Entry:
    source = value
    for _ in range(_MAX_STEPS):
        constant = _assigned(module, source)
        if constant is None:
            break
        source = constant
    parts = text_parts(source)
    texts = [part for part in parts or () if isinstance(part, str)]
    if parts and len(texts) == len(parts):
        return Entry(node, source, True, "".join(texts))
    try:
        return Entry(node, source, True, ast.literal_eval(source))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return Entry(node, source, False, None)


def _assigned(module: Module, node: ast.expr) -> ast.expr | None:
    """What a constant of this file is bound to: a name, ``Class.NAME``, ``META["key"]`` with one assignment."""
    if isinstance(node, ast.Subscript):
        key = string(node.slice)
        return None if key is None else (module.receivers.mapping(node.value) or {}).get(key)
    if isinstance(node, ast.Name):
        resolved = module.scopes.resolve(node)
        bindings = [] if resolved is None else resolved[1]
    elif isinstance(node, ast.Attribute) and (owner := module.receivers.class_behind(node.value)) is not None:
        bindings = module.scopes.bindings(owner, node.attr)
        if module.receivers.attribute_stores(owner, node.attr):
            return None
    else:
        return None
    return bindings[0].value if len(bindings) == 1 and bindings[0].kind in _ASSIGNED else None


def shown(value: object) -> str:
    """A value as a message shows it: one line, not long."""
    try:
        text = repr(value)
    except ValueError:  # more digits than Python converts
        text = "..."
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 3]}..."


# -- what is wrong with a value


def fault(key: str, value: object) -> str | None:
    """What is wrong with the value of a key, and what to write; ``None`` for a sound one.

    Args:
        key: the key; what is not known may hold anything but ``None`` and the empty text.
        value: its value.
    """
    if key == "confidence":
        return _confidence_fault(value)
    if key == "timestamp":
        return _timestamp_fault(value)
    is_text = isinstance(value, str) and value.strip() != ""
    if key == "model":
        return None if is_text else 'names no model; write its name as text, such as "vendor-model-1.5"'
    if key == "task_id":
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return None if is_text or is_number else 'names no task; write its id, such as "PROJ-1234"'
    is_empty = value is None or (isinstance(value, str) and not is_text)
    return "is empty; write its value" if is_empty else None


def _confidence_fault(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "is not a number; write one from 0 to 1, such as 0.8"
    return None if 0 <= value <= 1 else "is not between 0 and 1; write a fraction such as 0.8"


def _timestamp_fault(value: object) -> str | None:
    match = _TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    if match is None or not _exists(match):
        return "is no ISO 8601 date and time; write one with its offset, such as 2025-03-01T09:30:00+01:00"
    if match["offset"] is None:
        return "has no offset from UTC, so nobody can tell which hour it was; append Z or one such as +01:00"
    return None


def _exists(match: re.Match[str]) -> bool:
    """Whether the calendar has this day, and the clock this time."""
    if match["hour"] == "24" and any(int(match[part] or 0) for part in ("minute", "second", "fraction")):
        return False
    year = int(match["year"])
    try:
        if match["week"]:
            datetime.date.fromisocalendar(year, int(match["week"]), int(match["weekday"]))
        elif match["ordinal"]:
            day = datetime.timedelta(int(match["ordinal"]) - 1)
            return day.days >= 0 and (datetime.date(year, 1, 1) + day).year == year
        else:
            datetime.date(year, int(match["month"] or match["month_"]), int(match["day"] or match["day_"]))
    except (ValueError, OverflowError):
        return False
    return True
