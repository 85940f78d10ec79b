"""``flake8-aiguard scan``: what it reads, prints, writes and returns."""

from __future__ import annotations

import configparser
import difflib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flake8.exceptions import ExecutionError

from flake8_aiguard import settings
from flake8_aiguard.astgrep import engine, files, rulefiles, scan, selection
from flake8_aiguard.astgrep.engine import Finding
from flake8_aiguard.astgrep.errors import PathError, ScanError
from flake8_aiguard.astgrep.rulefiles import Rule
from flake8_aiguard.astgrep.scan import Scanned
from flake8_aiguard.settings import Settings


@dataclass(frozen=True, slots=True)
class Request:
    """The arguments of the command; ``None`` for what is not given."""

    paths: Sequence[str]
    format: str = "text"
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
        ScanError: a path, a code, the configuration or a rule file is wrong.
        OSError: a fix cannot be written.
    """
    for path in request.paths:
        if not os.path.lexists(path):
            raise PathError(f"{path}: no such file or folder")
    configured = _settings()
    rules = chosen(configured, request)
    records: list[dict[str, Any]] = []
    has_findings = False
    for scanned in scan.scan(request.paths, rules, request.jobs, aside(configured)):
        after = _fixed(scanned, rules) if request.fix else scanned
        if after.passed_over:
            print(f"flake8-aiguard: {_one_line(after.path)}: {after.passed_over}", file=sys.stderr)
        has_findings = has_findings or bool(after.findings)
        if request.format == "json":
            records.extend(map(_record, after.findings))
        else:
            print(*_lines(after), sep="", end="")
    if request.format == "json":
        print(json.dumps(records, indent=2))
    return int(has_findings)


def _settings() -> Settings:
    try:
        return settings.from_options(settings.project_options())
    except (ExecutionError, configparser.Error, ValueError) as error:
        raise ScanError(str(error)) from error


def aside(configured: Settings) -> tuple[str, ...]:
    """Patterns of the files in folders that only the project's own rules look at: tests, and what it carries."""
    return (*configured.tests, *configured.vendored)


def chosen(configured: Settings, request: Request) -> tuple[Rule, ...]:
    """The rules that report: by the command line, and by the settings where it says nothing.

    Raises:
        ScanError: a code or a rule file is wrong.
    """
    return selection.chosen(
        rulefiles.load(configured.rule_dirs),
        configured.scan_select if request.select is None else request.select,
        configured.scan_ignore if request.ignore is None else request.ignore,
        configured.scan_extend_select if request.extend_select is None else request.extend_select,
    )


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
    return "".join(char if char.isprintable() or char == "\t" else repr(char)[1:-1] for char in text)
