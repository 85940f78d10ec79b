"""``flake8-aiguard scan``: what it reads, prints, writes and returns."""

from __future__ import annotations

import difflib
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from flake8.exceptions import ExecutionError
from flake8.formatting.base import BaseFormatter
from flake8.violation import Violation

from flake8_aiguard.astgrep import engine, files, rulefiles, scan, selection
from flake8_aiguard.astgrep.engine import Finding
from flake8_aiguard.astgrep.errors import OutputError, PathError
from flake8_aiguard.astgrep.rulefiles import Rule
from flake8_aiguard.astgrep.scan import Scanned
from flake8_aiguard.baseline import Baseline, Matches
from flake8_aiguard.files import write_whole
from flake8_aiguard.settings import Settings


@dataclass(frozen=True, slots=True)
class Request:
    """The arguments of the command; ``None`` for what is not given.

    Attributes:
        paths: files and folders.
        settings: the settings of the project.
        baseline: what was accepted before.
        formatter: prints the findings; without one they are printed as ``format`` says.
        format: ``text`` or ``json``.
        output: a file that takes the findings instead of stdout.
        select: report these rules only.
        ignore: do not report these.
        extend_select: report these, too.
        fix: whether to write the safe fixes.
        jobs: how many processes.
    """

    paths: Sequence[str]
    settings: Settings = field(default_factory=Settings)
    baseline: Baseline = field(default_factory=Baseline)
    formatter: BaseFormatter | None = None
    format: str = "text"
    output: str | None = None
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] | None = None
    fix: bool = False
    jobs: int | None = None


def run(request: Request) -> int:
    """Run the command: findings on stdout, everything else on stderr.

    Args:
        request: the arguments.

    Returns:
        0 without findings, 1 with some.

    Raises:
        ScanError: a path, a code or a rule file is wrong, or the output cannot be written.
        WorkerError: a worker was killed.
        OSError: a fix cannot be written.
    """
    for path in request.paths:
        if not os.path.lexists(path):
            raise PathError(f"{path}: no such file or folder")
    rules = chosen(request.settings, request.select, request.ignore, request.extend_select)
    matches = Matches(request.baseline)
    new: Counter[str] = Counter()
    output = _output(request)
    for scanned in scan.scan(request.paths, rules, request.jobs, aside=aside(request.settings)):
        after = _fixed(scanned, rules) if request.fix else scanned
        if after.passed_over:
            print(f"flake8-aiguard: {_one_line(after.path)}: {after.passed_over}", file=sys.stderr)
            continue
        known = matches.known(after.path)
        if known is not None:
            left = [item for item in after.findings if not known.covers(item.code, item.identity)]
            after = replace(after, findings=left)
        matches.meet(after.path, known)
        new.update(item.code for item in after.findings)
        output.add(after)
    output.close()
    codes = {rule.code for rule in rules}
    stale = matches.stale(request.paths, lambda code, _name: code in codes)
    for line in matches.difference(new, stale):
        print(f"flake8-aiguard: {line}", file=sys.stderr)
    return int(bool(new))


def aside(configured: Settings) -> tuple[str, ...]:
    """Patterns of the files in folders that only the project's own rules look at: tests, and what it carries."""
    return (*configured.tests, *configured.vendored)


def chosen(
    configured: Settings,
    select: Sequence[str] | None = None,
    ignore: Sequence[str] | None = None,
    extend_select: Sequence[str] | None = None,
) -> tuple[Rule, ...]:
    """The rules that report: by the command line, and by the settings where it says nothing.

    Raises:
        ScanError: a code or a rule file is wrong.
    """
    return selection.chosen(
        rulefiles.load(configured.rule_dirs),
        configured.scan_select if select is None else select,
        configured.scan_ignore if ignore is None else ignore,
        configured.scan_extend_select if extend_select is None else extend_select,
    )


class _Output(Protocol):
    """Takes the files one by one, and is closed at the end."""

    def add(self, scanned: Scanned) -> None: ...

    def close(self) -> None: ...


def _output(request: Request) -> _Output:
    if request.formatter is not None:
        return _Formatted(request.formatter)
    return _Plain(request.format, request.output)


class _Plain:
    """Text, printed as it comes, or one JSON document; to a file it is written whole."""

    def __init__(self, format: str, path: str | None) -> None:
        self._path = path
        self._records: list[dict[str, Any]] | None = [] if format == "json" else None
        self._lines: list[str] = []

    def add(self, scanned: Scanned) -> None:
        if self._records is not None:
            self._records.extend(map(_record, scanned.findings))
        elif self._path is not None:
            self._lines += _lines(scanned)
        else:
            print(*_lines(scanned), sep="", end="")

    def close(self) -> None:
        if self._records is not None:
            self._lines.append(json.dumps(self._records, indent=2) + "\n")
        if self._path is None:
            print(*self._lines, sep="", end="")
            return
        try:
            write_whole(Path(self._path), "".join(self._lines))
        except OSError as error:
            raise OutputError(
                f"{self._path}: cannot be written ({error.strerror}); nothing of it was changed"
            ) from error


class _Formatted:
    """A formatter of flake8, which ``check`` uses, too."""

    def __init__(self, formatter: BaseFormatter) -> None:
        self._formatter = formatter
        formatter.start()

    def add(self, scanned: Scanned) -> None:
        for item in scanned.findings:
            text = f"{item.message} [{item.slug}]"
            self._formatter.handle(Violation(item.code, scanned.path, item.line, item.column, text, None))

    def close(self) -> None:
        try:
            self._formatter.stop()
        except ExecutionError as error:
            raise OutputError(str(error)) from None


def _fixed(scanned: Scanned, rules: tuple[Rule, ...]) -> Scanned:
    """A file after its fixes are written."""
    count = sum(finding.edit is not None for finding in scanned.findings)
    if not count:
        return scanned
    files.write(scanned.path, scanned.mark + engine.apply(scanned.text, scanned.findings))
    again = scan.scan_file(scanned.path, rules)
    left = sum(finding.edit is not None for finding in again.findings)
    print(f"flake8-aiguard: {_one_line(scanned.path)}: fixed {count - left}", file=sys.stderr)
    return again


def _record(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "slug": finding.slug,
        "path": finding.path,
        "line": finding.line,
        "column": finding.column,
        "end_line": finding.end_line,
        "end_column": finding.end_column,
        "message": finding.message,
        "severity": finding.severity,
        "url": finding.url,
        "fix": finding.edit.text if finding.edit else None,
    }


def _lines(scanned: Scanned) -> Iterator[str]:
    path = _one_line(scanned.path)
    for finding in scanned.findings:
        place = f"{path}:{finding.line}:{finding.column}"
        yield f"{place}: {finding.code} {_one_line(finding.message)} [{finding.slug}]\n"
    if scanned.text:
        before = scanned.text.splitlines()
        after = engine.apply(scanned.text, scanned.findings).splitlines()
        for line in difflib.unified_diff(before, after, path, path, lineterm="", n=0):
            yield f"{_one_line(line)}\n"


def _one_line(text: str) -> str:
    """Text without what moves a terminal's cursor; tabs are kept."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\t" else repr(char)[1:-1] for char in text)
