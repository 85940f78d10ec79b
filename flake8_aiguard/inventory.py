"""The tagged code below some paths, for an audit to read: ``flake8-aiguard rules --generated``."""

from __future__ import annotations

import ast
import configparser
import math
import os
import tokenize
import warnings
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flake8 import discover_files
from flake8.exceptions import ExecutionError

from flake8_aiguard import generated, provenance, settings
from flake8_aiguard.errors import MisuseError
from flake8_aiguard.generated import Tag
from flake8_aiguard.module import Module
from flake8_aiguard.settings import Settings


class InventoryError(MisuseError):
    """A path or the configuration is wrong; the text says which, and what to do."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """Tagged code.

    Attributes:
        path: its file.
        line: the line of its tag.
        kind: ``file``, ``class`` or ``function``.
        name: its dotted name within the file; ``None`` for a file.
        model: what the tag says; ``None`` where it says nothing that can be read. So for the next three.
        timestamp: see ``model``.
        task_id: see ``model``.
        confidence: see ``model``.
        other: the values of other keys.
        unreadable: the keys whose value only a run of the code can tell.
    """

    path: str
    line: int
    kind: str
    name: str | None
    model: object
    timestamp: object
    task_id: object
    confidence: object
    other: Mapping[str, object]
    unreadable: tuple[str, ...]


def tagged(paths: Sequence[str]) -> Iterator[Tagged | str]:
    """List the tagged code, with the settings of the project around the working directory.

    Args:
        paths: files and folders; in folders, the files that flake8 would check.

    Yields:
        The tagged code, file after file; between them, as text, each file that cannot be read, and why.

    Raises:
        InventoryError: a path does not exist, or the configuration is wrong.
    """
    for path in paths:
        if not os.path.exists(path):
            raise InventoryError(f"{path}: no such file or folder")
    try:
        options = settings.project_options()
        chosen = settings.from_options(options)
    except (ExecutionError, configparser.Error, ValueError) as error:
        raise InventoryError(str(error)) from error
    seen: set[str] = set()
    for path in paths:
        files = sorted(_files(path, options))
        if not files:
            yield f"{path}: holds no file that flake8 would check"
        for file in files:
            if file not in seen:
                seen.add(file)
                yield from _in_file(file, chosen)


def _files(path: str, options: Namespace) -> Iterator[str]:
    found = discover_files.expand_paths(
        paths=[path],
        stdin_display_name="",
        filename_patterns=options.filename,
        exclude=[*options.exclude, *options.extend_exclude],
    )
    return map(os.path.normpath, found)


def _in_file(path: str, chosen: Settings) -> Iterator[Tagged | str]:
    try:
        with tokenize.open(path) as file:
            lines = file.readlines()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse("".join(lines))
    except OSError as error:
        yield f"{path}: cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        yield f"{path}: cannot be read: {error}"
    except SyntaxError as error:
        yield f"{path}:{error.lineno or 1}: cannot be parsed: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        yield f"{path}: cannot be parsed: {error or type(error).__name__}"
    else:
        if any(generated.WORD in line for line in lines):
            module = Module(tree, path, lines, chosen)
            yield from (_tagged(module, tag) for tag in module.generated.tags)


def _tagged(module: Module, tag: Tag) -> Tagged:
    entries = provenance.read(module, tag).entries
    values = {key: _plain(entry.value) for key, entry in entries.items() if entry.is_known}
    target = tag.target
    kind = {ast.Module: "file", ast.ClassDef: "class"}.get(type(target), "function")
    name = None
    if not isinstance(target, ast.Module):
        around = module.index.ancestors(target)
        names = [target.name, *(item.name for item in around if isinstance(item, generated.Definition))]
        name = ".".join(reversed(names))
    return Tagged(
        path=module.filename,
        line=tag.line,
        kind=kind,
        name=name,
        model=values.get("model"),
        timestamp=values.get("timestamp"),
        task_id=values.get("task_id"),
        confidence=values.get("confidence"),
        other={key: value for key, value in values.items() if key not in generated.KEYS},
        unreadable=tuple(key for key, entry in entries.items() if not entry.is_known),
    )


def _plain(value: object) -> object:
    """A value that JSON can hold: text and numbers as they are, all else as Python writes it."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, (int, float)) and abs(value) < 1e15 and not math.isnan(value):
        return value
    return provenance.shown(value)
