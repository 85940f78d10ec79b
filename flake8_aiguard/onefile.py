"""One file in flake8's frame: read, parsed and shown to the rules."""

from __future__ import annotations

import argparse
import codecs
import io
import tokenize

from flake8 import checker as flake8_checker
from flake8.plugins import finder
from flake8.processor import FileProcessor

from flake8_aiguard.results import Identity, Result


def checked(
    filename: str, plugins: finder.Checkers, options: argparse.Namespace, *, shows_lines: bool
) -> tuple[str, list[Result], bytes | None]:
    """Check one file.

    Args:
        filename: its name, or ``-``.
        plugins: the rules, all of them imported.
        options: flake8's options.
        shows_lines: whether the output holds the source as flake8 gives it.

    Returns:
        Its name as it is shown, the results, and the very bytes that were looked at; ``None`` for stdin and for a file that cannot
        be read.
    """
    file = _File(filename, plugins, options, shows_lines=shows_lines)
    name, found, _statistics = file.run_checks()
    results = [Result(*item, *file.more.get(number, ())) for number, item in enumerate(found)]
    content = file.processor.content if isinstance(file.processor, _Source) else None
    return name, results, content


class _Source(FileProcessor):
    """flake8's view of a file, without what makes no difference to a file that says nothing of flake8 and noqa.

    Attributes:
        content: its bytes; ``None`` for stdin.
    """

    content: bytes | None = None

    def __init__(self, filename: str, options: argparse.Namespace, *, shows_lines: bool) -> None:
        super().__init__(filename, options)
        text = "".join(self.lines).lower()
        self._names_flake8 = "flake8" in text
        self._needs_lines = shows_lines or filename == "-" or "noqa" in text

    def read_lines_from_filename(self) -> list[str]:
        """The lines as flake8 reads them, of bytes that are read once: the results of others must never be kept under their key."""
        with open(self.filename, "rb") as file:
            self.content = file.read()
        try:
            return _lines(self.content, _encoding(self.content))
        except (SyntaxError, UnicodeError):
            return _lines(self.content, "latin-1")

    def should_ignore_file(self) -> bool:
        """Whether ``flake8: noqa`` stands in it."""
        return self._names_flake8 and super().should_ignore_file()

    def noqa_line_for(self, line_number: int) -> str | None:
        """The logical line of a line, for which all is tokenized; the line itself where no noqa can stand in it."""
        if self._needs_lines:
            return super().noqa_line_for(line_number)
        return self.lines[line_number - 1] if 0 < line_number <= len(self.lines) else None


def _encoding(content: bytes) -> str:
    """What Python takes for the encoding of a source; without a look at its letters where nothing names one."""
    end = content.find(b"\n", content.find(b"\n") + 1)
    if b"coding" not in content[: None if end < 0 else end] and not content.startswith(codecs.BOM_UTF8):
        return "utf-8"
    return tokenize.detect_encoding(io.BytesIO(content).readline)[0]


def _lines(content: bytes, encoding: str) -> list[str]:
    return io.TextIOWrapper(io.BytesIO(content), encoding).readlines()


class _File(flake8_checker.FileChecker):
    """One file: the tree alone, as no rule of ours asks for tokens.

    Attributes:
        more: what Ruff calls a result and how it is recognised, by its place in the results.
    """

    def __init__(
        self, filename: str, plugins: finder.Checkers, options: argparse.Namespace, *, shows_lines: bool
    ) -> None:
        self.more: dict[int, tuple[str | None, Identity | None]] = {}
        self._shows_lines = shows_lines
        super().__init__(filename=filename, plugins=plugins, options=options)

    def _make_processor(self) -> FileProcessor | None:
        try:
            return _Source(self.filename, self.options, shows_lines=self._shows_lines)
        except OSError as error:
            self.report("E902", 0, 0, f"{type(error).__name__}: {error}")
            return None

    def run_ast_checks(self) -> None:
        assert self.processor is not None
        try:
            tree = self.processor.build_ast()
        except ValueError as error:  # a null byte, before CPython 3.12
            raise SyntaxError(str(error)) from None
        for plugin in self.plugins.tree:
            rule = plugin.obj(tree, self.processor.filename, self.processor.lines)
            for finding in rule.findings():
                self.report(None, finding.line, finding.column, finding.text)
                self.more[len(self.results) - 1] = (finding.ruff, rule.identity(finding))

    def process_tokens(self) -> None:
        pass
