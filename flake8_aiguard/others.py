"""What ``check`` looks at besides Python: SQL and configuration files, with the rules of ``scan``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from flake8_aiguard.astgrep import languages
from flake8_aiguard.astgrep.errors import MissingExtraError
from flake8_aiguard.cache import FOLDER
from flake8_aiguard.checker import Checker
from flake8_aiguard.results import Result

if TYPE_CHECKING:
    from flake8_aiguard.astgrep.rulefiles import Rule
    from flake8_aiguard.suppressions import Suppression

_LANGUAGES: Final = frozenset({"bash", "hcl", "json", "sql", "yaml"})  # those of the packaged rules


@dataclass(frozen=True, slots=True)
class Looked:
    """A file after a look at it.

    Attributes:
        path: the file.
        results: what was found.
        passed_over: why nothing was looked for; empty where something was.
    """

    path: str
    results: list[Result] = field(default_factory=list)
    passed_over: str = ""


def rules(options: argparse.Namespace) -> tuple[Rule, ...]:
    """The rules that look at the files and folders of a run of ``check``.

    Args:
        options: flake8's options.

    Returns:
        The rules; none without the extra ``sql``, and a line on stderr where a file is not looked at.

    Raises:
        ScanError: a rule file or a code in the settings is wrong.
    """
    paths = _paths(options)
    if not paths:
        return ()
    try:
        languages.prepare()
    except MissingExtraError as error:
        from flake8_aiguard.astgrep import files

        if any(is_other(path) for path, _ in files.below(paths, _LANGUAGES)):
            print(f"flake8-aiguard: SQL and configuration were not looked at: {error}", file=sys.stderr)
        return ()
    from flake8_aiguard.astgrep import command  # it imports the packages of the extra

    return command.chosen(Checker.options)


def look(
    options: argparse.Namespace, chosen: Sequence[Rule], wanted: Callable[[str], bool]
) -> Iterator[Looked]:
    """Look at the files of a run.

    Args:
        options: flake8's options.
        chosen: the rules.
        wanted: which files to look at, by name.

    Yields:
        The files, those without a finding included.
    """
    if not chosen:
        return
    from flake8_aiguard.astgrep import command, scan

    jobs = None if options.jobs.is_auto else options.jobs.n_jobs
    for scanned in scan.scan(_paths(options), chosen, jobs, wanted, command.aside(Checker.options)):
        yield Looked(
            scanned.path,
            [
                Result(
                    found.code,
                    found.line,
                    found.column - 1,
                    f"{found.message} [{found.slug}]",
                    None,
                    identity=found.identity,
                )
                for found in scanned.findings
            ],
            scanned.passed_over,
        )


def suppressions(
    options: argparse.Namespace, chosen: Sequence[Rule], wanted: Callable[[str], bool]
) -> Iterator[Suppression]:
    """The comments in the files of a run that concern our rules; what other linters are told is left to them.

    Args:
        options: flake8's options.
        chosen: the rules.
        wanted: which files to look at, by name.

    Yields:
        The suppressions, file by file.
    """
    if not chosen:
        return
    from flake8_aiguard.astgrep import command, rulefiles, scan
    from flake8_aiguard.suppressions import UNKNOWN, UNUSED, Suppression

    every = {rule.code for rule in rulefiles.load(Checker.options.rule_dirs)}
    codes = {rule.code for rule in chosen}
    aside = command.aside(Checker.options)
    for path, is_aside in scan.looked_at(_paths(options), chosen, wanted, aside):
        if is_aside:
            continue
        for comment, name, silenced in scan.silenced(path, chosen):
            shown = os.path.normpath(path)
            if not name:
                if silenced:
                    found = ", ".join(sorted({item.code for item in silenced}))
                    yield Suppression(shown, comment.line + 1, f"all codes ({found})", comment.reason)
                continue
            meant = {code for code in every if name.lower().startswith(code.lower())}
            if not meant and not name.upper().startswith("AIG"):
                continue
            problem = "" if silenced or meant - codes else UNUSED if meant else UNKNOWN
            yield Suppression(shown, comment.line + 1, name, comment.reason, problem)


def are_met(folder: str, names: Sequence[str]) -> bool:
    """Whether some names in a folder are those of files in a language of the packaged rules; what ``check`` keeps is not meant."""
    if FOLDER in folder.split(os.sep):
        return False
    return any(languages.of_file(name) in _LANGUAGES for name in names)


def is_other(path: str) -> bool:
    """Whether a path is a file in a language of the packaged rules."""
    return languages.of_file(path) in _LANGUAGES and os.path.isfile(path)


def _paths(options: argparse.Namespace) -> list[str]:
    return [path for path in options.filenames if os.path.isdir(path) or is_other(path)]
