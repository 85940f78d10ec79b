"""The results of earlier runs, by the content of files."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

import flake8

from flake8_aiguard.files import write_whole
from flake8_aiguard.identity import Identity

FOLDER: Final = ".aiguard_cache"
_PACKAGE: Final = Path(__file__).parent


class Result(NamedTuple):
    """One result of a file, as flake8's ``FileChecker`` keeps it, and what Ruff calls it.

    Attributes:
        code: ``AIG014`` or ``E999``.
        line: its line, from 1.
        column: its column, as the rule gave it.
        text: the message without the code.
        noqa_line: the source of the logical line, in which a ``noqa`` counts.
        ruff: Ruff's codes for this very shape, with spaces between them.
        identity: by what it is recognised when its line has moved; ``None`` for what is no finding of a rule.
    """

    code: str
    line: int
    column: int
    text: str
    noqa_line: str | None
    ruff: str | None = None
    identity: Identity | None = None


class Cache:
    """Results on disk, one file for each checked file.

    An entry counts only for the same content, name, settings and versions. It is written beside its place and moved there, so
    that runs at the same time see a whole one; what is damaged is as good as absent.

    Args:
        root: the folder that ``.aiguard_cache`` stands in.
        given: what the results depend on besides the file: settings, options, rules.

    Attributes:
        fault: why an entry could not be written, if one could not; nothing more is written then.
    """

    def __init__(self, root: Path, given: Iterable[object]) -> None:
        self._folder = root / FOLDER
        self._given = _digest(repr((*_versions(), *given)).encode())
        self.fault: str | None = None

    def key(self, filename: str, content: bytes) -> str:
        """What an entry must say to count for a file with this content."""
        return _digest(b"\0".join((self._given.encode(), os.fsencode(filename), content)))

    def read(self, filename: str, key: str) -> list[Result] | None:
        """The results of a file.

        Args:
            filename: its name.
            key: what :meth:`key` gave for it.

        Returns:
            The results; ``None`` without an entry that counts.
        """
        try:
            head, _, text = self._path(filename).read_text(encoding="utf-8").partition("\n")
            if head != _head(key, text):
                return None
            return [_result(*row) for row in json.loads(text)]
        except (OSError, ValueError, TypeError):
            return None

    def write(self, filename: str, key: str, results: list[Result]) -> None:
        """Keep the results of a file; where that fails, :attr:`fault` says why."""
        if self.fault is not None:
            return
        text = json.dumps(results, ensure_ascii=True)
        try:
            self._make_folder()
            write_whole(self._path(filename), f"{_head(key, text)}\n{text}")
        except OSError as error:
            self.fault = f"{self._folder.name}: {error.strerror or error}"

    def _path(self, filename: str) -> Path:
        name = _digest(os.fsencode(os.path.abspath(filename)))
        return self._folder / name[:2] / f"{name[2:]}.json"

    def _make_folder(self) -> None:
        ignore = self._folder / ".gitignore"
        if not ignore.exists():
            write_whole(ignore, "*\n")


def _result(*row: Any) -> Result:
    result = Result(*row)
    return result if result.identity is None else result._replace(identity=Identity(*result.identity))


def _head(key: str, text: str) -> str:
    return f"{key} {_digest(text.encode())}"


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _versions() -> tuple[Any, ...]:
    """What may change the results of the same file: this Python, flake8, and the files of this package."""
    files = sorted(path for path in _PACKAGE.rglob("*") if path.suffix in (".py", ".toml", ".yml"))
    stamps = [(path.name, info.st_size, info.st_mtime_ns) for path in files for info in (path.stat(),)]
    return (sys.version, flake8.__version__, stamps)
