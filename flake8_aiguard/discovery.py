"""Which files a run looks at: those that flake8 would, at a tenth of the time.

flake8 compares the name and the path of everything with each pattern before it asks whether it is Python at all.
``tests/test_discovery.py`` holds both equal.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from flake8_aiguard.regex import regex

_GLOB: Final = regex(r"[*?[]")


class Patterns:
    """Patterns of ``fnmatch``, sorted by how they can be matched: most are a name, or ``*`` with an end.

    Args:
        patterns: the patterns.

    Attributes:
        are_ends: whether each is ``*`` with an end.
        are_of_names: whether a path without folders says as much as a whole one.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        names, ends, rest = set(), [], []
        for pattern in map(os.path.normcase, patterns):
            if not _GLOB.search(pattern):
                names.add(pattern)
            elif pattern.startswith("*") and not _GLOB.search(pattern, 1) and os.sep not in pattern:
                ends.append(pattern[1:])
            else:
                rest.append(pattern)
        self._names = frozenset(names)
        self._ends = tuple(ends)
        self._match = re.compile("|".join(map(fnmatch.translate, rest))).match if rest else None
        self.are_ends = not (names or rest)
        self.are_of_names = not rest and not any(os.sep in name for name in names)

    def match(self, text: str) -> bool:
        """Whether one of them matches a name or a path."""
        text = os.path.normcase(text)
        return (
            text in self._names
            or text.endswith(self._ends)
            or (self._match is not None and self._match(text) is not None)
        )


class Excluded:
    """The patterns of ``exclude`` and ``extend-exclude``.

    Args:
        patterns: as flake8 has them, those with a slash from the root of the file system.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = Patterns(patterns)

    def has(self, path: str) -> bool:
        """Whether flake8 would leave out this very path; folders above it are not looked at."""
        return self._has(os.path.basename(path)) or self._patterns.match(os.path.abspath(path))

    def below(self, path: str) -> bool:
        """Whether flake8 would leave out a path, or a folder above it."""
        while path not in ("", os.curdir, os.sep):
            if self.has(path):
                return True
            path = os.path.dirname(path)
        return False

    def left(self, folder: str, names: Sequence[str]) -> list[str]:
        """The names in a folder that are not left out."""
        if self._patterns.are_of_names:  # what does not match a name does not match a path that ends in it
            return [name for name in names if not self._has(name)]
        absolute = os.path.join(os.path.abspath(folder), "")
        return [
            name for name in names if not self._has(name) and not self._patterns.match(f"{absolute}{name}")
        ]

    def _has(self, name: str) -> bool:
        return name not in (os.curdir, os.pardir) and self._patterns.match(name)


def files(
    paths: Sequence[str],
    wanted: Sequence[str],
    excluded: Excluded,
    stdin: str,
    met: Callable[[str, Sequence[str]], None] = lambda folder, names: None,
) -> Iterator[str]:
    """List the files to check.

    Args:
        paths: files, which are taken whatever their name, folders, and ``-``.
        wanted: the patterns of names, of which one must match.
        excluded: what to leave out.
        stdin: the name that is shown for ``-``.
        met: is told each folder, and the names of all files in it.

    Yields:
        Each file, as often as it is asked for.
    """
    patterns = Patterns(wanted)
    for path in paths or ["."]:
        if path == "-":
            if stdin == "stdin" or not excluded.has(stdin):
                yield path
        elif excluded.has(path):
            continue
        elif not os.path.isdir(path):
            yield path
        else:
            for folder, names in _folders(path, excluded):
                met(folder, names)
                if not wanted:
                    found = names
                elif patterns.are_ends:  # an end of a name is one of its path
                    found = [name for name in names if patterns.match(name)]
                else:
                    found = [name for name in names if patterns.match(os.path.join(folder, name))]
                for name in excluded.left(folder, found):
                    yield os.path.join(folder, name)


def _folders(top: str, excluded: Excluded) -> Iterator[tuple[str, list[str]]]:
    """A folder and those below that are not left out, each with the names of its files, in the order of ``os.walk``."""
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        names, folders = [], []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if not entry.is_dir():
                        names.append(entry.name)
                    elif not entry.is_symlink():
                        folders.append(entry.name)
        except OSError:  # as flake8, which looks on
            continue
        yield folder, names
        waiting += [os.path.join(folder, name) for name in reversed(excluded.left(folder, folders))]
