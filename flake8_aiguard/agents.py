"""What a coding agent hears about the file that it has just changed.

The protocol of Claude Code: a PostToolUse hook gets the event as JSON on stdin; with exit code 2 the model reads stderr, with any other
it reads nothing. Source: docs.claude.com/en/docs/claude-code/hooks.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Iterator, Sequence

from flake8.violation import Violation

from flake8_aiguard.changes import Changes
from flake8_aiguard.errors import ChangesError
from flake8_aiguard.formats import Agent
from flake8_aiguard.frame import CheckError
from flake8_aiguard.runner import checked

_DONE, _NOT_CHECKED, _FINDINGS = 0, 1, 2


def hook(agent: str, paths: Sequence[str], time_limit: float) -> int:
    """Check the changed lines of the files that an agent has edited.

    Args:
        agent: ``claude-code``, whose event is read from stdin, or ``generic``.
        paths: the files, for ``generic``.
        time_limit: seconds after which the process ends.

    Returns:
        0 in silence; 2 with findings on stderr; 1 where the check could not be made, and stderr says why.
    """
    with _limited(time_limit):
        try:
            if agent == "claude-code":
                paths = _edited(sys.stdin.buffer.read())
            told = [text for path in paths if _is_python(path) and (text := _findings(path))]
        except (CheckError, ValueError) as error:
            print(f"flake8-aiguard: not checked: {error}", file=sys.stderr)
            return _NOT_CHECKED
    sys.stderr.write("".join(told))
    return _FINDINGS if told else _DONE


def _edited(event: bytes) -> list[str]:
    """The file of an event; the working directory becomes the event's, whose configuration counts."""
    try:
        data = json.loads(event)
        given = data.get("tool_input", {})
        path = given.get("file_path") if isinstance(given, dict) else None
        folder = data.get("cwd")
    except (ValueError, AttributeError, RecursionError):
        raise ValueError("stdin holds no event of a hook, a JSON object") from None
    if isinstance(folder, str) and os.path.isdir(folder):
        os.chdir(folder)
    return [path] if isinstance(path, str) else []


def _is_python(path: str) -> bool:
    return path.endswith((".py", ".pyi")) and os.path.isfile(path)


def _findings(path: str) -> str:
    path = os.path.relpath(path)
    files = checked(["--no-cache", "--jobs=1", path])
    formatter = Agent(files.options)
    changes = None
    with contextlib.suppress(ChangesError):  # without a commit, all lines are new
        changes = Changes("HEAD", path) if files.new else None
    for name, item in files.new:
        place = item.identity
        if changes is None or place is None or changes.touch(name, place.first, place.last):
            formatter.handle(Violation(item.code, name, item.line, item.column + 1, item.text, None))
    return formatter.document()


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """End the process after a time, whatever it is doing."""

    def give_up() -> None:
        os.write(2, f"flake8-aiguard: not checked: it took more than {seconds:g} s\n".encode())
        os._exit(_NOT_CHECKED)

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
