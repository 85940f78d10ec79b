"""Comments that silence a finding: ``noqa: AIG203`` and ``ast-grep-ignore: AIG203``, a reason behind them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import ast_grep_py

from flake8_aiguard.astgrep import languages
from flake8_aiguard.regex import regex

_CODES: Final = r"[A-Za-z][\w-]*(?:\s*,\s*[A-Za-z][\w-]*)*"
_NOQA: Final = regex(rf"(?:--|#|//|/\*)\s*noqa\s*:\s*(?!(?:dis|en)able\s*=)({_CODES})", re.IGNORECASE)
_IGNORE: Final = regex(rf"(?:--|#|//|/\*)\s*ast-grep-ignore\b(?:\s*:\s*({_CODES}))?")
_WAIVED: Final = regex(
    r"\s*(?:--[^\n]*\n\s*)*?--[ \t]*noqa[ \t]*:[ \t]*disable[ \t]*=[ \t]*all\b", re.IGNORECASE
)  # of sqlfluff
_ENABLED: Final = regex(r"--[ \t]*noqa[ \t]*:[ \t]*enable[ \t]*=", re.IGNORECASE)
_WORDS: Final = regex(r"noqa|ast-grep-ignore", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Suppressions:
    """What the comments of one file silence.

    Attributes:
        by_line: lower-case codes and ids by line, counted from 0; an empty name stands for all.
        everywhere: the same for the whole file.
    """

    by_line: dict[int, set[str]]
    everywhere: set[str]

    def cover(self, line: int, names: Sequence[str]) -> bool:
        """Tell whether a finding is silenced.

        Args:
            line: its first line, counted from 0.
            names: the code and the id of its rule.
        """
        silenced = self.by_line.get(line, set()) | self.everywhere
        return bool(silenced) and ("" in silenced or any(name.lower() in silenced for name in names))


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment that silences findings, or was meant to.

    Attributes:
        line: its line, counted from 0.
        target: the line that it speaks for; ``None`` for the whole file.
        names: what it names, as it is written; an empty name stands for all.
        reason: what its author says behind them.
    """

    line: int
    target: int | None
    names: tuple[str, ...]
    reason: str

    def covers(self, name: str, line: int, code: str) -> bool:
        """Whether one of its names is that of a finding's rule, by code or id, and stands for its line."""
        if self.target not in (None, line):
            return False
        return name.lower().startswith(code.lower()) if name else True


def read(root: ast_grep_py.SgNode, text: str, language: str) -> Suppressions:
    """Read what the comments of a file silence; sqlfluff's ``noqa: disable=all`` before all statements silences everything.

    Args:
        root: the tree.
        text: its text.
        language: its language.
    """
    found = Suppressions({}, set())
    if language == "sql" and _WAIVED.match(text) and not _ENABLED.search(text):
        found.everywhere.add("")
    for comment in comments(root, text, language):
        names = {name.lower() for name in comment.names}
        if comment.target is None:
            found.everywhere.update(names)
        else:
            found.by_line.setdefault(comment.target, set()).update(names)
    return found


def comments(root: ast_grep_py.SgNode, text: str, language: str) -> Iterator[Comment]:
    """Read the comments of a file that silence something.

    A comment alone on its line speaks for the line below, any other for its own. As ast-grep has it,
    ``ast-grep-ignore`` on the first line with a blank line below speaks for the whole file.

    Args:
        root: the tree.
        text: its text.
        language: its language.
    """
    kinds = languages.comment_kinds(language)
    if not kinds or not _WORDS.search(text):
        return
    lines = text.split("\n")
    for comment in root.find_all(any=[{"kind": kind} for kind in kinds]):
        written = comment.text()
        for pattern in (_NOQA, _IGNORE):
            if match := pattern.search(written):
                place = comment.range()
                names = tuple(name.strip() for name in (match[1] or "").split(","))
                is_alone = not lines[place.start.line][: place.start.column].strip()
                target: int | None = place.end.line + 1 if is_alone else place.start.line
                if (
                    pattern is _IGNORE
                    and is_alone
                    and not place.start.line
                    and not "".join(lines[1:2]).strip()
                ):
                    target = None
                reason = " ".join(written[match.end() :].removesuffix("*/").split()).strip(" -:;,()")
                yield Comment(place.start.line, target, names, reason)
