"""What can be wrong with a scan as a whole: each is one clear line, and exit code 2."""

from __future__ import annotations

from flake8_aiguard.errors import MisuseError


class ScanError(MisuseError):
    """Base of the errors of a scan."""


class MissingExtraError(ScanError):
    """A package of the extra ``sql`` is missing, or of a version that cannot serve."""


class RuleFileError(ScanError):
    """A rule file does not load; the text names file, line and reason."""


class SelectionError(ScanError):
    """A code that no rule has; the text names the nearest one."""


class PathError(ScanError):
    """A path does not exist."""


class OutputError(ScanError):
    """The findings cannot be written."""
