"""Regular expressions that are compiled when they are first asked: a run needs a third of them, and compiling all took half of its imports."""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


class _Regex:
    """Stands for a pattern, and has all that it has.

    Args:
        pattern: the expression.
        flags: as :func:`re.compile` takes them.
    """

    def __init__(self, pattern: str | bytes, flags: int) -> None:
        self._given: tuple[Any, int] = pattern, flags

    def __getattr__(self, name: str) -> Any:
        value = getattr(re.compile(*self._given), name)  # re remembers what it has compiled
        if not name.startswith("__"):
            setattr(self, name, value)  # the next question does not come here
        return value


def regex(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """As :func:`re.compile`, on the first use: for the constants of a module.

    Args:
        pattern: the expression.
        flags: as :func:`re.compile` takes them.

    Returns:
        What answers like the pattern. It is none for :func:`re.search` and its like: call its own methods.
    """
    return cast("re.Pattern[AnyStr]", _Regex(pattern, flags))
