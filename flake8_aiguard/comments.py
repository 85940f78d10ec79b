"""Comment tokens of one file, tokenised only when asked for."""

from __future__ import annotations

import functools
import io
import tokenize
from collections.abc import Mapping, Sequence


class Comments:
    """The comments of a file.

    Args:
        lines: its physical lines, with their ends.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines

    @functools.cached_property
    def all(self) -> Mapping[int, str]:
        """The comment of each line that has one, from its ``#`` on; lines count from 1."""
        return _tokenise(self._lines)

    def before(self, line: int) -> Mapping[int, str]:
        """The comments above a line: the head of a file, without tokenising the rest.

        Args:
            line: the first line that is no longer read.
        """
        return _tokenise(self._lines[: line - 1])


def _tokenise(lines: Sequence[str]) -> dict[int, str]:
    found: dict[int, str] = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO("".join(lines)).readline):
            if token.type == tokenize.COMMENT:
                found[token.start[0]] = token.string
    except (tokenize.TokenError, SyntaxError):
        pass  # a statement cut off by ``before``, or text that only ast.parse accepts: what came before it counts
    return found
