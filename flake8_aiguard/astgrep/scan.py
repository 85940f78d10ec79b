"""Scans files: finds them, hands them to worker processes, and collects what the rules say."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from flake8_aiguard import workers
from flake8_aiguard.astgrep import engine, files, languages, masking
from flake8_aiguard.astgrep.engine import Finding
from flake8_aiguard.astgrep.rulefiles import Rule
from flake8_aiguard.astgrep.suppressions import Comment

_FEW = 100


@dataclass(frozen=True, slots=True)
class Scanned:
    """One file after the scan.

    Attributes:
        path: the file.
        findings: what was found.
        text: its text without a byte order mark, where a finding has a fix.
        mark: its byte order mark, empty without one.
        passed_over: why nothing was looked for; empty where something was.
    """

    path: str
    findings: list[Finding] = field(default_factory=list)
    text: str = ""
    mark: str = ""
    passed_over: str = ""


def scan(
    paths: Sequence[str],
    rules: Sequence[Rule],
    jobs: int | None = None,
    wanted: Callable[[str], bool] | None = None,
    aside: tuple[str, ...] = (),
) -> Iterator[Scanned]:
    """Scan files and folders.

    Args:
        paths: files and folders, which exist.
        rules: the rules that report.
        jobs: how many processes; ``None`` for one per core where there are many files.
        wanted: which of the files to look at, by name; ``None`` for all.
        aside: patterns of the files in folders that only the project's own rules look at.

    Yields:
        The files in order, those without a word to say included.

    Raises:
        MissingExtraError: a package of the extra is missing.
        WorkerError: a worker was killed.
    """
    languages.prepare()
    found = list(looked_at(paths, rules, wanted, aside))
    processes = _cores() if jobs is None else jobs
    if processes < 2 or len(found) < _FEW:
        own = _own(rules)
        for path, is_aside in found:
            yield scan_file(path, own if is_aside else rules)
        return
    yield from workers.spread(workers.Job(_start, (tuple(rules),), _work, found), processes)


def looked_at(
    paths: Sequence[str],
    rules: Sequence[Rule],
    wanted: Callable[[str], bool] | None = None,
    aside: tuple[str, ...] = (),
) -> Iterator[tuple[str, bool]]:
    """The files that a scan with these arguments looks at, each with whether only the project's own rules do so."""
    for path, inside in files.below(paths, frozenset(rule.language for rule in rules)):
        if wanted is None or wanted(path):
            yield path, files.is_aside(path, inside, aside)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _own(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """The project's own rules."""
    return tuple(rule for rule in rules if not rule.is_packaged)


_rules: tuple[Rule, ...] = ()
_own_rules: tuple[Rule, ...] = ()


def _start(rules: tuple[Rule, ...]) -> None:
    """Keep the rules in a worker, so that they are not sent with each file."""
    global _rules, _own_rules
    _rules = rules
    _own_rules = _own(rules)


def _work(found: tuple[str, bool]) -> Scanned:
    path, is_aside = found
    return scan_file(path, _own_rules if is_aside else _rules)


def scan_file(path: str, rules: Sequence[Rule]) -> Scanned:
    """Scan one file.

    Args:
        path: the file.
        rules: the rules that report.

    Returns:
        What was found, or why the file was passed over.
    """
    opened = _opened(path, rules)
    if isinstance(opened, Scanned):
        return opened
    language, looking, text, mark = opened
    found = engine.evaluate(text, path, language, looking)
    return Scanned(path, found, text if any(finding.edit for finding in found) else "", mark)


def silenced(path: str, rules: Sequence[Rule]) -> Iterator[tuple[Comment, str, list[Finding]]]:
    """What the comments of one file silence.

    Args:
        path: the file.
        rules: the rules that report.

    Yields:
        Each name of each comment, with the findings that would be there without it.
    """
    opened = _opened(path, rules)
    if not isinstance(opened, Scanned):
        language, looking, text, _mark = opened
        yield from engine.silenced(text, path, language, looking)


def _opened(path: str, rules: Sequence[Rule]) -> Scanned | tuple[str, list[Rule], str, str]:
    """The language of a file, the rules for it, its text and its byte order mark; or why nothing is looked for."""
    language = languages.of_file(path)
    if language is None:
        return Scanned(path, passed_over="has no suffix of a language that is scanned")
    looking = [rule for rule in rules if rule.language == language and rule.looks_at(path)]
    if not looking:
        return Scanned(path)
    try:
        text = files.read(path)
    except files.UnreadableError as error:
        return Scanned(path, passed_over=str(error))
    if language == "yaml" and "{{" in text and masking.is_helm_template(path):
        return Scanned(path, passed_over="is a template of a Helm chart, no YAML")
    if language == "sql" and masking.has_macro(text):
        return Scanned(path, passed_over="defines macros of dbt, no statements")
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    return language, looking, text.removeprefix(mark), mark
