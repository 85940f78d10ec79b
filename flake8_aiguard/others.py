"""What ``check`` reports besides Python: the findings of ``scan`` in SQL and configuration files."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from typing import Final

from flake8 import style_guide, utils

from flake8_aiguard.astgrep import languages
from flake8_aiguard.astgrep.errors import MissingExtraError
from flake8_aiguard.checker import Checker

_LOG: Final = logging.getLogger(__name__)
_LANGUAGES: Final = frozenset({"bash", "hcl", "json", "sql", "yaml"})  # those of the packaged rules


def report(guide: style_guide.StyleGuideManager, options: argparse.Namespace) -> int:
    """Report what ``scan`` finds in the files and folders of a run of ``check``.

    Args:
        guide: takes the findings, with flake8's selection, per-file-ignores and formatter.
        options: flake8's options; what ``exclude`` leaves out is left out here, too.

    Returns:
        How many findings were reported. Without the extra ``sql`` none, and a line on stderr where a file was not looked at.

    Raises:
        ScanError: a rule file or a code in the settings is wrong.
    """
    paths = [path for path in options.filenames if os.path.isdir(path) or is_other(path)]
    if not paths:
        return 0
    try:
        languages.prepare()
    except MissingExtraError as error:
        from flake8_aiguard.astgrep import files

        if any(is_other(path) for path, _ in files.below(paths, _LANGUAGES)):
            print(f"flake8-aiguard: SQL and configuration were not looked at: {error}", file=sys.stderr)
        return 0
    from flake8_aiguard.astgrep import command, scan  # they import the packages of the extra

    jobs = None if options.jobs.is_auto else options.jobs.n_jobs
    reported = 0
    rules = command.chosen(Checker.options, command.Request(paths))
    for scanned in scan.scan(paths, rules, jobs, command.aside(Checker.options)):
        if _is_excluded(scanned.path, options):
            continue
        if scanned.passed_over:
            print(f"flake8-aiguard: {scanned.path}: {scanned.passed_over}", file=sys.stderr)
        for found in scanned.findings:
            text = f"{found.message} [{found.slug}]"
            reported += guide.handle_error(found.code, scanned.path, found.line, found.column - 1, text)
    return reported


def is_other(path: str) -> bool:
    """Whether a path is a file in a language of the packaged rules."""
    return os.path.isfile(path) and languages.of_file(path) in _LANGUAGES


def _is_excluded(path: str, options: argparse.Namespace) -> bool:
    """Whether flake8 would leave out a file, or a folder above it."""
    patterns = (*options.exclude, *options.extend_exclude)
    while path not in ("", os.curdir, os.sep):
        if utils.matches_filename(path, patterns, '"%(path)s" has %(whether)sbeen excluded', _LOG):
            return True
        path = os.path.dirname(path)
    return False
