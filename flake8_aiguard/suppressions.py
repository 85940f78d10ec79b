"""The ``noqa`` comments that concern our rules: what they silence, why, and which of them do not do what they say."""

from __future__ import annotations

import argparse
import io
import os
import re
import tokenize
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from flake8 import defaults
from flake8.processor import FileProcessor
from flake8.violation import Violation

from flake8_aiguard.regex import regex
from flake8_aiguard.results import Result

UNUSED: Final = "unused: it silences nothing here; delete it"
UNKNOWN: Final = "there is no such rule; delete it"
_OURS: Final = regex(r"\bAIG\d*\b|\bai-?guard\b", re.IGNORECASE)
_UNREAD: Final = regex(r"#noqa\b")
_RULE: Final = regex(r"AIG0\d\d")
_SQL: Final = regex(r"AIG2\d*")
_CONFIGURATION: Final = regex(r"AIG3\d*")
_BETWEEN: Final = regex(r"[,\s]+")
_FOR_TOOLS: Final = regex(r"\s*(pragma|type|nosec|pylint|pyright|fmt|isort|mypy|ruff|noqa)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Suppression:
    """A comment that silences findings, or was meant to.

    Attributes:
        path: its file.
        line: its line.
        codes: what it names, or why it names nothing.
        reason: what its author says.
        problem: why it does not do what it says; empty where it does.
    """

    path: str
    line: int
    codes: str
    reason: str
    problem: str = ""


def suppressions(
    path: str, options: argparse.Namespace, results: Sequence[Result], rules: Collection[str]
) -> list[Suppression]:
    """The suppressions of a file.

    Args:
        path: the file.
        options: flake8's options.
        results: what would be reported if there were none.
        rules: the codes that took part.

    Returns:
        Those that name or silence our codes, by line.
    """
    try:
        processor = FileProcessor(path, options)
    except OSError:
        return []
    processor.strip_utf_bom()
    if "noqa" not in "".join(processor.lines).lower():
        return []
    return sorted(_File(processor, results, rules).all(), key=lambda item: item.line)


class _File:
    def __init__(self, processor: FileProcessor, results: Sequence[Result], rules: Collection[str]) -> None:
        self._processor = processor
        self._path = os.path.normpath(processor.filename)
        self._results = results
        self._rules = rules
        self._parses = not any(item.code.startswith("E9") for item in results)
        self._comments = _comments(processor.lines)

    def all(self) -> Iterator[Suppression]:
        lines = self._processor.lines
        for number, text in enumerate(lines, 1):
            if (match := defaults.NOQA_FILE.match(text)) is not None and number in self._comments:
                yield from self._file_wide(number, text[match.end() :])
                continue
            match = defaults.NOQA_INLINE_REGEXP.search(text)
            if match is None:
                comment = self._comments.get(number, "")
                if _UNREAD.search(comment) and _OURS.search(comment):
                    problem = "flake8 does not read it; write `# noqa: CODE`, with a blank behind the #"
                    yield Suppression(self._path, number, "#noqa", "", problem)
            elif match["codes"] is None:
                yield from self._blanket(number, text[match.end() :])
            else:
                yield from self._named(number, _BETWEEN.split(match["codes"]), text[match.end() :])

    def _file_wide(self, number: int, rest: str) -> Iterator[Suppression]:
        found = Counter(item.code for item in self._results if item.code.startswith("AIG"))
        silenced = ", ".join(f"{code} {count}" for code, count in sorted(found.items()))
        if _OURS.search(rest):
            problem = (
                "it skips the whole file, for all codes; write `# noqa: CODE` on the line of the finding"
            )
            yield Suppression(self._path, number, "whole file", "", problem)
        elif silenced:
            yield Suppression(self._path, number, f"whole file ({silenced})", _reason(rest))

    def _blanket(self, number: int, rest: str) -> Iterator[Suppression]:
        silenced = sorted({item.code for item in self._silenced(number) if item.code.startswith("AIG")})
        if number in self._comments and _OURS.search(rest):
            problem = "it silences all codes; write `# noqa: CODE`, the colon right behind noqa"
            yield Suppression(self._path, number, "all codes", "", problem)
        elif silenced:
            yield Suppression(self._path, number, f"all codes ({', '.join(silenced)})", _reason(rest))

    def _named(self, number: int, codes: Sequence[str], rest: str) -> Iterator[Suppression]:
        silenced = self._silenced(number)
        for code in codes:
            if not code.upper().startswith("AIG"):
                continue
            used = any(_silences(code, item) for item in silenced)
            if not used and number not in self._comments:
                continue  # a text about noqa
            problem = "" if used else self._unused(code, silenced)
            yield Suppression(self._path, number, code, _reason(rest), problem)

    def _unused(self, code: str, silenced: Sequence[Result]) -> str:
        if not self._parses:
            return ""
        if any(_silences(code.upper(), item) for item in silenced):
            return f"flake8 reads capitals alone; write {code.upper()}"
        code = code.upper()
        if _SQL.fullmatch(code):
            return "in Python the code of SQL is AIG029; delete it, or write that"
        if _CONFIGURATION.fullmatch(code) or any(rule.startswith(code) for rule in self._rules):
            return UNUSED
        return UNKNOWN if _RULE.fullmatch(code) else ""

    def _silenced(self, number: int) -> list[Result]:
        """What flake8 would look for in the logical line around a line, if its comment is the one that counts."""
        logical = self._processor.noqa_line_for
        text = logical(number)
        if text is None or (first := defaults.NOQA_INLINE_REGEXP.search(text)) is None:
            return []
        top = number
        while logical(top - 1) is text:
            top -= 1
        before = sum(map(len, self._processor.lines[top - 1 : number - 1]))
        if not before <= first.start() < before + len(self._processor.lines[number - 1]):
            return []
        return [item for item in self._results if logical(item.line) is text]


def _silences(code: str, item: Result) -> bool:
    return Violation(item.code, "", item.line, 1, item.text, f"# noqa: {code}").is_inline_ignored(False)


def _comments(lines: Sequence[str]) -> dict[int, str]:
    found = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO("".join(lines)).readline):
            if token.type == tokenize.COMMENT:
                found[token.start[0]] = token.string
    except (tokenize.TokenError, SyntaxError):
        pass  # what stands before is known
    return found


def _reason(rest: str) -> str:
    parts = (part for part in rest.split("#") if not _FOR_TOOLS.match(part))
    return " ".join("".join(parts).split()).strip(" -:;,()\N{EN DASH}\N{EM DASH}")
