"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a file so that nobody ever sees a part of it, several processes at once included.

    Args:
        path: the file; its folder is made where needed.
        text: its content, with ``\\n`` at line ends.

    Raises:
        OSError: it cannot be written; what was there before is unchanged.
        UnicodeEncodeError: the text holds half a surrogate pair; the same.
    """
    import tempfile  # most runs write nothing

    path.parent.mkdir(parents=True, exist_ok=True)
    mode = _mode(path)
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
    try:
        with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(partial, mode)
        os.replace(partial, path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(partial)


def _mode(path: Path) -> int:
    """The permissions that the file has, or would have if it were opened for writing."""
    with contextlib.suppress(OSError):
        return path.stat().st_mode & 0o777
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask
