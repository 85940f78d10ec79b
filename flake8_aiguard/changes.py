"""Which lines of the work tree differ from a revision, as git says."""

from __future__ import annotations

import os
import subprocess
from collections import defaultdict
from typing import Final

from flake8_aiguard.errors import ChangesError
from flake8_aiguard.regex import regex

_HUNK: Final = regex(rb"@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@")
_DIFF: Final = (
    *("diff", "--no-color", "--no-ext-diff", "--no-textconv", "--find-renames", "--submodule=short"),
    *("--ignore-submodules", "--unified=0", "--inter-hunk-context=0"),
)


class Changes:
    """The changed lines of all files of a repository.

    Args:
        revision: a commit, branch or tag.
        only: the one file to look at; a renamed one is new then.

    Raises:
        ChangesError: no git, no repository, or no such revision.
    """

    def __init__(self, revision: str, only: str | None = None) -> None:
        try:
            self._root = os.fsdecode(_git("rev-parse", "--show-toplevel").rstrip(b"\n"))
        except ChangesError as error:
            raise ChangesError(f"--since needs a git repository: {error}") from None
        try:
            commit = _git(
                "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
            ).decode()
        except ChangesError:
            raise ChangesError(
                f"--since {revision}: no such revision; in a shallow clone, fetch it first"
            ) from None
        paths = () if only is None else (os.path.realpath(only),)
        names = _git(*_DIFF, "--name-only", "-z", commit.strip(), "--", *paths, cwd=self._root).split(b"\0")[
            :-1
        ]
        self._lines: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        path = ""
        left = iter(names)
        for line in _git(*_DIFF, "--patch", commit.strip(), "--", *paths, cwd=self._root).split(b"\n"):
            if line.startswith(b"diff --git "):  # lines of a file start with a blank, + or -
                path = self._absolute(next(left))
            elif (hunk := _HUNK.match(line)) is not None:
                self._lines[path].append((int(hunk[1]), int(hunk[2] or 1)))
        others = _git("ls-files", "--others", "--exclude-standard", "-z", "--", *paths, cwd=self._root)
        self._new = {self._absolute(name) for name in others.split(b"\0") if name}

    def _absolute(self, name: bytes) -> str:
        return os.path.realpath(os.path.join(self._root, os.fsdecode(name)))

    def has(self, filename: str) -> bool:
        """Whether a file differs, or is new."""
        path = os.path.realpath(filename)
        return path in self._new or path in self._lines

    def touch(self, filename: str, first: int, last: int) -> bool:
        """Whether some of these lines differ, or a line between them is gone.

        Args:
            filename: the file.
            first: the first line, from 1.
            last: the last one.
        """
        path = os.path.realpath(filename)
        if path in self._new:
            return True
        for start, count in self._lines.get(path, ()):
            # of a hunk without new lines, git names the line before the gap
            if first <= start < last if count == 0 else start <= last and first < start + count:
                return True
        return False


def _git(*arguments: str, cwd: str | None = None) -> bytes:
    try:
        done = subprocess.run(
            ("git", "--literal-pathspecs", *arguments), cwd=cwd, capture_output=True, check=False
        )
    except OSError as error:
        raise ChangesError(f"git cannot be run ({error.strerror})") from None
    if done.returncode:
        text = " ".join(done.stderr.decode(errors="replace").split())
        raise ChangesError(text or f"git {arguments[0]}: exit {done.returncode}")
    return done.stdout
