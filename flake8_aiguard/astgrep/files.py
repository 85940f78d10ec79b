"""Which files a scan looks at, and their text."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from flake8_aiguard.astgrep import languages
from flake8_aiguard.files import write_whole
from flake8_aiguard.settings import is_test_path

_LARGEST: Final = 5_000_000
_ASIDE: Final = (
    *("test/", "testing/", "testdata/", "test-data/", "test_data/", "testsuite/", "__tests__/"),
    *("fixtures/", "regress/", "samples/"),
    *("*.bats", "test[-_]*.sh", "*[-_]test.sh", "test_*.sql", "*_test.sql"),
    *("third-party/", "3rdparty/", "ltmain.sh"),
)
_NEVER: Final = frozenset(
    {".aiguard_cache", ".git", ".hg", ".svn", ".tox", ".venv", "__pycache__", "node_modules"}
)


class UnreadableError(Exception):
    """A file is passed over; the text says why."""


def below(paths: Sequence[str], wanted: frozenset[str]) -> Iterator[tuple[str, str]]:
    """List the files to scan.

    Args:
        paths: files, which are taken wherever they stand, and folders. In a folder that git knows, its files but for
            those that ``.gitignore`` names; in any other all, hidden ones included.
        wanted: the languages with a rule.

    Yields:
        Each file once, of folders only those of a wanted language, with its path from the folder; empty for a file
        that is named itself.
    """
    seen: set[str] = set()
    for path in paths:
        is_folder = os.path.isdir(path)
        for name in sorted(_in_folder(path)) if is_folder else [path]:
            if is_folder and (languages.of_file(name) not in wanted or not os.path.isfile(name)):
                continue  # deleted but still in git's index, or a link to nowhere
            known = os.path.realpath(name)
            if known in seen:
                continue
            seen.add(known)
            yield name, os.path.relpath(name, path) if is_folder else ""


def _in_folder(folder: str) -> Iterator[str]:
    names = _known_to_git(folder)
    if names is None:
        for here, folders, files in os.walk(folder):
            folders[:] = [name for name in folders if name not in _NEVER]
            yield from (os.path.normpath(os.path.join(here, name)) for name in files)
    else:
        yield from (os.path.normpath(os.path.join(folder, name)) for name in names)


def _known_to_git(folder: str) -> list[str] | None:
    """git's files below a folder, or those that it would add; ``None`` where git knows nothing of the folder."""
    command = ["git", "-C", folder, "-c", "core.fsmonitor=false", "ls-files", "-z"]
    try:
        done = subprocess.run(
            [*command, "--cached", "--others", "--exclude-standard", "--", "."],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError:  # no git on this machine
        return None
    if done.returncode:
        return None
    return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]


def is_aside(path: str, inside: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether a file of a folder is a test, comes from somewhere else, or is a workflow that never runs.

    Args:
        path: the file.
        inside: its path from the folder; empty for a file that is named itself, which is looked at wherever it is.
        patterns: what such files are called, as in the setting ``tests``.
    """
    if not inside:
        return False
    if _never_runs(path, inside):
        return True
    if is_test_path(inside, (*patterns, *_ASIDE)):
        return True
    folder, name = os.path.split(os.path.abspath(path))
    above, last = os.path.split(folder)
    # PostgreSQL's regression tests: what sql/NAME.sql prints is in expected/NAME.out
    return last == "sql" and os.path.exists(
        os.path.join(above, "expected", f"{os.path.splitext(name)[0]}.out")
    )


def _never_runs(path: str, inside: str) -> bool:
    """Tell whether a workflow is below the root of its git work tree, as one of vendored code: GitHub reads no such file."""
    if inside.startswith(f".github{os.sep}"):
        return False  # the folder that is scanned is a project of its own
    project, found, _ = os.path.abspath(path).rpartition(f"{os.sep}.github{os.sep}workflows{os.sep}")
    if not found or os.path.exists(os.path.join(project, ".git")):
        return False
    return any((above / ".git").exists() for above in Path(project).parents)


def read(path: str) -> str:
    """Read a file, its byte order mark and line ends included.

    Raises:
        UnreadableError: it is no regular file, too large, binary, not UTF-8, or cannot be read.
    """
    try:
        if not os.path.isfile(path):
            raise UnreadableError("is no regular file")
        if os.path.getsize(path) > _LARGEST:
            raise UnreadableError(f"is larger than {_LARGEST // 1_000_000} MB")
        data = Path(path).read_bytes()
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}") from error
    if b"\0" in data:
        raise UnreadableError("is binary")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"is not UTF-8 (byte {error.start})") from error


def write(path: str, text: str) -> None:
    """Write a file whole or not at all, with its permissions as they were.

    Raises:
        OSError: it cannot be written.
    """
    write_whole(Path(os.path.realpath(path)), text)
