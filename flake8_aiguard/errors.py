"""What ends a command with one clear line and exit code 2."""

from __future__ import annotations


class ChangesError(Exception):
    """git gave no answer; the text says why, and what to do."""


class MisuseError(Exception):
    """Something around the run is wrong: arguments, configuration, files; the text names the place and the remedy."""
