"""How often Python looks for cycles: trees are large and gone after their file, so every 700 objects takes a fifth of a run."""

from __future__ import annotations

import atexit
import contextlib
import gc
from collections.abc import Iterator
from typing import Final

_THRESHOLDS: Final = (100_000, 20, 20)


def collect_seldom() -> None:
    """For the rest of this process."""
    gc.set_threshold(*_THRESHOLDS)


@contextlib.contextmanager
def seldom_collected() -> Iterator[None]:
    """For a while, and not at all when the process ends, as all of its memory goes at once."""
    atexit.register(gc.freeze)
    before = gc.get_threshold()
    collect_seldom()
    try:
        yield
    finally:
        gc.set_threshold(*before)
