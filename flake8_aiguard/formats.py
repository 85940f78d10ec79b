"""How findings are printed: formatters of flake8, for people, CI services and agents.

A flake8 run loads this module whether or not its formatters are used: what only one of them needs is imported there.
"""

from __future__ import annotations

import abc
import argparse
import hashlib
import importlib.metadata
import json
import linecache
import os
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from flake8.exceptions import ExecutionError
from flake8.formatting.base import BaseFormatter
from flake8.statistics import Statistics
from flake8.violation import Violation

import flake8_aiguard
from flake8_aiguard.checker import Checker
from flake8_aiguard.files import write_whole
from flake8_aiguard.regex import regex

if TYPE_CHECKING:
    from flake8_aiguard.astgrep.rulefiles import Rule

_SLUG: Final = regex(r"(?P<message>.*) \[(?P<slug>[a-z0-9-]+)\]", re.DOTALL)
_SPAN: Final = regex(r"@?[\w.]+|[^\w\s]+|\S")
# Rules of flake8 itself, which stand beside ours.
_OTHERS: Final = {"E9": ("syntax-error", "error"), "": ("flake8", "warning")}
_GITLAB: Final = {"error": "major", "warning": "minor", "note": "info"}
_GITHUB: Final = {"error": "error", "warning": "warning", "note": "notice"}
_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """One finding, as the formats show it.

    Attributes:
        code: ``AIG014``.
        slug: ``missing-timeout``; for the codes of flake8 itself, what they are.
        path: the file, with slashes.
        line: its line, from 1.
        column: its column in characters, from 1.
        message: what is wrong and what to do instead.
        severity: ``error``, ``warning`` or ``note``.
        source: the source line, without its end.
        fingerprint: the same while code, path and source line stay, wherever the line moves to.
    """

    code: str
    slug: str
    path: str
    line: int
    column: int
    message: str
    severity: str
    source: str
    fingerprint: str


class Formatter(BaseFormatter, abc.ABC):
    """Collects the findings and prints them in one piece at the end of the run.

    ``--output-file`` is written whole or not at all, and replaces what an earlier run has left.
    """

    def after_init(self) -> None:
        """Start with no findings."""
        self._found: list[Violation] = []
        self._notes: list[str] = []

    def start(self) -> None:
        """Open nothing: the file is replaced in :meth:`stop`."""

    def handle(self, error: Violation) -> None:
        """Take a finding."""
        self._found.append(error)

    def show_statistics(self, statistics: Statistics) -> None:
        """Leave the counts to stderr: the output is one document."""
        for code in statistics.error_codes():
            found = list(statistics.statistics_for(code))
            self._notes.append(f"{sum(item.count for item in found):<5} {code} {found[0].message}")

    def show_benchmarks(self, benchmarks: list[tuple[str, float]]) -> None:
        """Leave the numbers to stderr: the output is one document."""
        self._notes.extend(f"{value:<10} {name}" for name, value in benchmarks)

    def stop(self) -> None:
        """Print everything.

        Raises:
            ExecutionError: the output file cannot be written.
        """
        text = self.document()
        if self.filename:
            try:
                write_whole(Path(self.filename), text)
            except OSError as error:
                raise ExecutionError(
                    f"{self.filename}: cannot be written ({error.strerror}); nothing of it was changed"
                ) from error
        if not self.filename or self.options.tee:
            sys.stdout.flush()
            sys.stdout.buffer.write(text.encode(errors="surrogateescape"))
            sys.stdout.buffer.flush()
        for note in self._notes:
            print(note, file=sys.stderr)

    def document(self) -> str:
        """Everything that was found so far, as this format has it."""
        return self.render(_entries(self._found))

    @abc.abstractmethod
    def render(self, entries: list[Entry]) -> str:
        """The whole output.

        Args:
            entries: the findings, in the order of the run.
        """


class Text(Formatter):
    """For a terminal: code, slug, message, and the source line with the place marked."""

    def render(self, entries: list[Entry]) -> str:
        """The findings as text, in colour where flake8 would use it."""
        bold, red, cyan, off = ("\x1b[1m", "\x1b[31m", "\x1b[36m", "\x1b[m") if self.color else ("",) * 4
        lines = []
        for entry in entries:
            place = f"{entry.path}:{entry.line}:{entry.column}"
            lines.append(f"{bold}{place}{off}: {red}{entry.code} {entry.slug}{off}: {entry.message}")
            if entry.source.strip():
                start = entry.column - 1
                span = _SPAN.match(entry.source, start)
                before = "".join(char if char == "\t" else " " for char in entry.source[:start])
                marks = "^" * max(1, len(span.group()) if span else 1)
                lines += [f"    {entry.source}", f"    {before}{cyan}{marks}{off}"]
        return "".join(f"{line}\n" for line in lines)


class Json(Formatter):
    """One array of objects, also where nothing was found."""

    def render(self, entries: list[Entry]) -> str:
        """The findings as JSON."""
        keys = ("code", "slug", "path", "line", "column", "message", "severity", "source", "fingerprint")
        return _json([{key: getattr(entry, key) for key in keys} for entry in entries])


class Sarif(Formatter):
    """SARIF 2.1.0, for code scanning services."""

    def render(self, entries: list[Entry]) -> str:
        """The findings as one run."""
        codes = sorted({entry.code for entry in entries})
        slugs = {entry.code: entry for entry in entries}
        rules = [_sarif_rule(code, slugs[code]) for code in codes]
        results = [
            {
                "ruleId": entry.code,
                "ruleIndex": codes.index(entry.code),
                "level": entry.severity,
                "message": {"text": entry.message},
                "locations": [
                    {
                        "physicalLocation": {
                            "artifactLocation": {"uri": quote(entry.path), "uriBaseId": "%SRCROOT%"},
                            "region": {"startLine": entry.line, "startColumn": entry.column},
                        }
                    }
                ],
                "partialFingerprints": {"aiguard/v1": entry.fingerprint},
            }
            for entry in entries
        ]
        driver = {"name": "flake8-aiguard", "version": flake8_aiguard.__version__, "rules": rules}
        run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
        return _json({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


class Github(Formatter):
    """Workflow commands of GitHub Actions: annotations of the changed lines."""

    def render(self, entries: list[Entry]) -> str:
        """One command for each finding."""
        return "".join(
            f"::{_GITHUB[entry.severity]} file={_property(entry.path)},line={entry.line},col={entry.column},"
            f"title={_property(f'{entry.code} {entry.slug}')}::{_data(entry.message)}\n"
            for entry in entries
        )


class Gitlab(Formatter):
    """GitLab's Code Quality report."""

    def render(self, entries: list[Entry]) -> str:
        """The findings as its JSON array."""
        return _json(
            [
                {
                    "description": f"{entry.code}: {entry.message}",
                    "check_name": f"{entry.code} {entry.slug}",
                    "fingerprint": entry.fingerprint,
                    "severity": _GITLAB[entry.severity],
                    "location": {
                        "path": entry.path,
                        "positions": {"begin": {"line": entry.line, "column": entry.column}},
                    },
                }
                for entry in entries
            ]
        )


class Agent(Formatter):
    """For coding agents: grouped by rule, with what to do, in few words."""

    def render(self, entries: list[Entry]) -> str:
        """The findings by rule, the most frequent first."""
        groups: defaultdict[tuple[str, str], list[Entry]] = defaultdict(list)
        for entry in entries:
            groups[entry.code, entry.slug].append(entry)
        lines = []
        for (code, slug), found in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])):
            lines.append(f"{code} {slug}: {len(found)}")
            lines += [f"  {entry.path}:{entry.line}: {entry.message}" for entry in found]
        if entries:
            lines.append("Change the code as each line says, so that the finding no longer holds.")
        return "".join(f"{line}\n" for line in lines)


def made(name: str, output: str | None) -> Formatter:
    """A formatter by the name that it has for flake8, for a command that is not flake8's.

    Args:
        name: such as ``aiguard-json``.
        output: the file that it replaces; ``None`` for stdout.
    """
    classes: dict[str, Callable[[argparse.Namespace], Formatter]] = {
        "agent": Agent,
        "github": Github,
        "gitlab": Gitlab,
        "json": Json,
        "sarif": Sarif,
        "text": Text,
    }
    options = argparse.Namespace(output_file=output, color="auto", tee=False, format=name)
    return classes[name.removeprefix("aiguard-")](options)


def _entries(found: list[Violation]) -> list[Entry]:
    rules = _severities()
    seen: Counter[tuple[str, str, str]] = Counter()
    entries = []
    for item in found:
        parts = _SLUG.fullmatch(item.text)
        severity = rules.get(item.code)
        slug, default = next(value for start, value in _OTHERS.items() if item.code.startswith(start))
        if parts is not None and severity is not None:
            slug = parts["slug"]
        path = os.path.normpath(item.filename).replace(os.sep, "/")
        source = linecache.getline(item.filename, item.line_number) or (item.physical_line or "")
        source = source.splitlines()[0] if source else ""
        key = (item.code, path, " ".join(source.split()))
        seen[key] += 1
        entries.append(
            Entry(
                item.code,
                slug,
                path,
                item.line_number,
                item.column_number,
                parts["message"] if parts is not None else item.text,
                severity or default,
                source,
                hashlib.sha256("\0".join((*key, str(seen[key]))).encode(errors="replace")).hexdigest(),
            )
        )
    return entries


def _severities() -> Mapping[str, str]:
    from flake8_aiguard import catalog

    ours = {rule.code: rule.severity for rule in catalog.rules()}
    return {code: rule.severity for code, rule in _scan_rules().items()} | ours


def _scan_rules() -> Mapping[str, Rule]:
    from flake8_aiguard import catalog
    from flake8_aiguard.astgrep.errors import MissingExtraError

    try:
        return catalog.all_scan_rules(Checker.options.rule_dirs)
    except MissingExtraError:
        return {}


def _sarif_rule(code: str, entry: Entry) -> dict[str, Any]:
    """What a service shows of a rule: it may know of no page, so the whole of it stands in ``help``."""
    from flake8_aiguard import catalog, docs

    rule: dict[str, Any] = {"id": code, "name": entry.slug, "defaultConfiguration": {"level": entry.severity}}
    if (found := _scan_rules().get(code)) is not None:
        group = catalog.find_scan_rule(code)
        summary, why = found.metadata.get("summary", found.message), found.note or found.message
        page = docs.scan_page(group) if group else f"# {code} {found.slug}\n\n{why}\n"
        name = docs.scan_page_name(group[0]) if group else None
        url = found.url if found.url.startswith("http") else None
    else:
        try:
            cls = catalog.find(code)
        except catalog.UnknownRuleError:  # of flake8 itself
            return rule
        summary, why = docs.sections(cls).summary, docs.sections(cls).why
        page, name, url = docs.page(cls), docs.page_name(cls), None
    rule |= {
        "shortDescription": {"text": summary},
        "fullDescription": {"text": why},
        "help": {"text": f"{summary} More: flake8-aiguard explain {code}", "markdown": page},
    }
    address = Checker.options.docs_url or _documentation()
    if url is None and address and name is not None:
        url = f"{address.rstrip('/')}/rules/{name}"
    return rule if url is None else rule | {"helpUri": url}


def _documentation() -> str | None:
    """Where the installed distribution says that its documentation is."""
    found = importlib.metadata.metadata("flake8-aiguard").get_all("Project-URL") or []
    named = dict(item.split(", ", 1) for item in found if ", " in item)
    return named.get("Documentation")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
