"""Which files a run looks at: those that flake8 would, at a tenth of the time.

flake8 compares each name with each pattern before it asks whether it is Python at all; here all patterns are one regular expression, and
an absolute path is made once for a folder. ``tests/test_discovery.py`` holds both equal.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable, Iterator, Sequence


class Excluded:
    """The patterns of ``exclude`` and ``extend-exclude``.

    Args:
        patterns: as flake8 has them, those with a slash from the root of the file system.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._match = _matcher(patterns) if patterns else None

    def has(self, path: str) -> bool:
        """Whether flake8 would leave out this very path; folders above it are not looked at."""
        return self._has(os.path.basename(path), os.path.abspath(path))

    def below(self, path: str) -> bool:
        """Whether flake8 would leave out a path, or a folder above it."""
        while path not in ("", os.curdir, os.sep):
            if self.has(path):
                return True
            path = os.path.dirname(path)
        return False

    def entries(self, folder: str, names: Sequence[str]) -> Iterator[str]:
        """The names in a folder that are left."""
        absolute = os.path.join(os.path.abspath(folder), "")
        return (name for name in names if not self._has(name, f"{absolute}{name}"))

    def _has(self, name: str, absolute: str) -> bool:
        if self._match is None:
            return False
        is_name = name not in (os.curdir, os.pardir)
        return bool(
            (is_name and self._match(os.path.normcase(name))) or self._match(os.path.normcase(absolute))
        )


def files(paths: Sequence[str], wanted: Sequence[str], excluded: Excluded, stdin: str) -> Iterator[str]:
    """List the files to check.

    Args:
        paths: files, which are taken whatever their name, folders, and ``-``.
        wanted: the patterns of names, of which one must match.
        excluded: what to leave out.
        stdin: the name that is shown for ``-``.

    Yields:
        Each file, as often as it is asked for.
    """
    is_wanted = _matcher(wanted) if wanted else None
    for path in paths or ["."]:
        if path == "-":
            if stdin == "stdin" or not excluded.has(stdin):
                yield path
        elif excluded.has(path):
            continue
        elif not os.path.isdir(path):
            yield path
        else:
            for folder, folders, names in os.walk(path):
                folders[:] = excluded.entries(folder, folders)
                if is_wanted is not None:
                    names = [
                        name for name in names if is_wanted(os.path.normcase(os.path.join(folder, name)))
                    ]
                yield from (os.path.join(folder, name) for name in excluded.entries(folder, names))


def _matcher(patterns: Sequence[str]) -> Callable[[str], object]:
    return re.compile("|".join(fnmatch.translate(os.path.normcase(pattern)) for pattern in patterns)).match
