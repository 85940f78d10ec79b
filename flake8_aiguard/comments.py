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

    def near(self, *lines: int) -> list[str]:
        """The comments that belong to lines: at the end of one, or in the block of comments directly above.

        Args:
            *lines: the lines.

        Returns:
            One text for each comment at the end of a line and for each block, without ``#``.
        """
        found: list[str] = []
        for line in dict.fromkeys(lines):
            block = self.above(line)
            if block:
                found.append(block)
            if line in self.all:
                found.append(_text(self.all[line]))
        return found

    def above(self, line: int) -> str:
        """The text of the block of comments directly above a line, without ``#``."""
        block = []
        while self._is_comment(line - 1):
            line -= 1
            block.append(_text(self.all[line]))
        return " ".join(reversed(block))

    def _is_comment(self, line: int) -> bool:
        """Whether a line holds nothing but a comment."""
        return line in self.all and self._lines[line - 1].lstrip().startswith("#")

    def may_say(self, text: str) -> bool:
        """Whether a text stands in the file, be it in a comment: a look without tokenising."""
        return any(text in line for line in self._lines)

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


def _text(comment: str) -> str:
    return comment.lstrip("#!: ").rstrip()
