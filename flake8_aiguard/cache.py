"""The results of earlier runs, by the content of files."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import flake8

from flake8_aiguard.files import write_whole
from flake8_aiguard.results import Identity, Result

FOLDER: Final = ".aiguard_cache"
_PACKAGE: Final = os.path.dirname(__file__)


class Cache:
    """Results on disk: the entries of all files in sixteen parts, by the names of the files.

    An entry counts only for the same content, name, settings and versions. A part is written beside its place and moved there, so
    that runs at the same time see a whole one; a damaged one is as good as absent.

    Args:
        root: the folder that ``.aiguard_cache`` stands in, from which names are.
        given: what the results depend on besides the file: settings, options, rules.

    Attributes:
        fault: why entries could not be written, if they could not; nothing more is written then.
    """

    def __init__(self, root: Path, given: Iterable[object]) -> None:
        self._root = root
        self._folder = root / FOLDER
        self._given = _digest(repr((*_versions(), *given)).encode()).encode()
        self._parts: dict[str, dict[str, Any] | None] = dict.fromkeys("0123456789abcdef")
        self._added: dict[str, dict[str, Any]] = {}
        self.fault: str | None = None

    def key(self, filename: str, content: bytes) -> str:
        """What an entry must say to count for a file with this content."""
        return _digest(b"\0".join((self._given, os.fsencode(filename), content)))

    def read(self, filename: str, key: str) -> list[Result] | None:
        """The results of a file.

        Args:
            filename: its name.
            key: what :meth:`key` gave for it.

        Returns:
            The results; ``None`` without an entry that counts.
        """
        try:
            known, rows = self._entry(filename)
            return [_result(*row) for row in rows] if known == key else None
        except (KeyError, TypeError, ValueError):
            return None

    def has(self, filename: str) -> bool:
        """Whether there is an entry for a file of this name, which may count: without one, nobody has to read the file."""
        try:
            return self._entry(filename) is not None
        except KeyError:
            return False

    def _entry(self, filename: str) -> Any:
        name, part = _place(filename)
        entries = self._parts[part]
        if entries is None:
            entries = self._parts[part] = self._read(part)
        return entries[name]

    def add(self, filename: str, key: str, results: list[Result]) -> None:
        """Keep the results of a file, for :meth:`write`."""
        name, part = _place(filename)
        self._added.setdefault(part, {})[name] = key, results

    def write(self) -> None:
        """Write what was added beside what others have written meanwhile; where that fails, :attr:`fault` says why."""
        try:
            if self._added:
                self._make_folder()
            for part, added in self._added.items():
                entries = {name: entry for name, entry in self._read(part).items() if self._is_there(name)}
                text = json.dumps(entries | added)
                write_whole(self._folder / f"{part}.json", f"{_digest(text.encode())}\n{text}")
        except OSError as error:
            self.fault = f"{FOLDER}: {error.strerror or error}"
        self._added.clear()

    def _read(self, part: str) -> dict[str, Any]:
        try:
            with open(os.path.join(self._folder, f"{part}.json"), encoding="utf-8") as file:
                digest, _, text = file.read().partition("\n")
            entries = json.loads(text) if digest == _digest(text.encode()) else {}
        except (OSError, ValueError, RecursionError):
            return {}
        return entries if isinstance(entries, dict) else {}

    def _is_there(self, name: str) -> bool:
        return os.path.exists(os.path.join(self._root, name))

    def _make_folder(self) -> None:
        ignore = self._folder / ".gitignore"
        if not ignore.exists():
            write_whole(ignore, "*\n")


def _place(filename: str) -> tuple[str, str]:
    """The name that a file has in the cache, and its part."""
    name = os.path.normpath(filename)
    return name, _digest(os.fsencode(name))[0]


def _result(*row: Any) -> Result:
    result = Result(*row)
    return result if result.identity is None else result._replace(identity=Identity(*result.identity))


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _versions() -> tuple[Any, ...]:
    """What may change the results of the same file: this Python, flake8, and the files of this package."""
    stamps = []
    for folder, _, names in os.walk(_PACKAGE):
        for name in names:
            if name.endswith((".py", ".toml", ".yml")):
                info = os.stat(os.path.join(folder, name))
                stamps.append((name, info.st_size, info.st_mtime_ns))
    return (sys.version, flake8.__version__, sorted(stamps))
