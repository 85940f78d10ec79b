"""The commands ``check``, ``check --suppressions`` and ``baseline``: what they print, write and return."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from flake8_aiguard import baseline as baselines
from flake8_aiguard.baseline import Key, Row, relative
from flake8_aiguard.checker import Checker
from flake8_aiguard.frame import CheckError, clear_errors
from flake8_aiguard.runner import Files, checked
from flake8_aiguard.settings import upwards


def check(argv: Sequence[str]) -> int:
    """Check files as ``flake8 ARGV`` would, with our rules and syntax errors alone.

    Args:
        argv: flake8's arguments, ``--no-cache``, ``--since`` and ``--suppressions``.

    Returns:
        0 without findings (or with ``--exit-zero``), 1 with findings.

    Raises:
        CheckError: a setting or a path is wrong, or a worker was killed.
        SystemExit: the arguments are malformed, or ask for help or version.
    """
    if "--suppressions" in argv:
        return suppressions([item for item in argv if item != "--suppressions"])
    files = checked(argv)
    with clear_errors():
        reported = _report(files)
        options = files.options
        if not options.quiet and not options.since:
            for line in files.matches.difference(Counter(item.code for _, item in files.new), files.stale()):
                print(f"flake8-aiguard: {line}", file=sys.stderr)
    if options.count:
        print(reported)
    return int(reported > 0 and not options.exit_zero)


def suppressions(argv: Sequence[str]) -> int:
    """List the noqa comments that concern our rules.

    Args:
        argv: see :func:`check`.

    Returns:
        1 where a comment does not do what it says, or has no reason and must have one; else 0.

    Raises:
        CheckError: see :func:`check`.
        SystemExit: see :func:`check`.
    """
    files = checked((*argv, "--disable-noqa"))
    wrong = shown = 0
    for item in files.suppressions():
        problem = item.problem
        if not problem and not item.reason and Checker.options.require_reason:
            problem = "no reason; say behind the codes why the finding is right to stay"
        shown, wrong = shown + 1, wrong + bool(problem)
        print(f"{item.path}:{item.line}: {item.codes}: {problem or item.reason or 'no reason'}")
    print(f"flake8-aiguard: {shown} suppressions, {wrong} to act on", file=sys.stderr)
    return int(wrong > 0 and not files.options.exit_zero)


def baseline(argv: Sequence[str]) -> int:
    """Accept the findings of today, or bring the file of those accepted up to date.

    Args:
        argv: ``--update``, ``--accept --reason TEXT``, and flake8's arguments.

    Returns:
        0 when the baseline says what is there, 1 where new findings are not in it.

    Raises:
        CheckError: see :func:`check`; the file exists already or not yet, or cannot be written.
        SystemExit: the arguments are malformed, or ask for help.
    """
    parser = argparse.ArgumentParser(
        prog="flake8-aiguard baseline",
        usage="%(prog)s [-h] [--update | --accept --reason TEXT] [PATH ...] [options of flake8-aiguard check]",
        description="Write the findings of today to a file: from then on, check and flake8 report new ones alone.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--update", action="store_true", help="drop what is gone; name what is new, and exit 1"
    )
    parser.add_argument("--accept", action="store_true", help="drop what is gone, and add what is new")
    parser.add_argument(
        "--reason", default="", metavar="TEXT", help="with --accept: why; it stands in the file"
    )
    known, rest = parser.parse_known_args(argv)
    reason = " ".join(known.reason.split())
    if known.accept != bool(reason):
        parser.error("--accept and --reason TEXT belong together: the baseline grows for a reason")
    files = checked(rest)
    with clear_errors():
        if files.options.since:
            raise CheckError("a baseline holds all findings; leave out --since")
        if "-" in files.options.filenames:
            raise CheckError("a baseline is one of files: give a path instead of -")
        return _update(files, accept=known.accept, update=known.update, reason=reason)


def _update(files: Files, *, accept: bool, update: bool, reason: str) -> int:
    before = Checker.baseline
    if before.path is None:
        if accept or update:
            raise CheckError(
                "there is no baseline yet; run `flake8-aiguard baseline` without an option first"
            )
        path = _place()
        rows = _rows(files, path.parent, "")
        _write(path, rows)
        print(f"{os.path.relpath(path)}: {baselines.amount(_by_rule(rows))}")
        return 0
    shown = os.path.relpath(before.path)
    if not (accept or update):
        raise CheckError(
            f"{shown}: exists already; --update drops what is gone, --accept --reason TEXT adds what is new"
        )
    stale = files.stale()
    added = _rows(files, before.path.parent, reason)
    rows = baselines.shrunk(before.rows, stale) + (added if accept else [])
    if stale or (accept and added):
        _write(before.path, rows)
    print(f"{shown}: {stale.total()} dropped, {sum(row.count for row in added) if accept else 0} added")
    return int(_report(files) > 0 and not accept)


def _place() -> Path:
    """Where a new baseline belongs: the root of the repository, else the working directory."""
    here = os.getcwd()
    *_, top = upwards(here)
    folder = top if os.path.exists(os.path.join(top, ".git")) else here
    name = Checker.options.baseline
    if not name:
        raise CheckError('the setting baseline is empty: give it a name, such as ".aiguard-baseline.json"')
    return Path(folder, name)


def _rows(files: Files, folder: Path, reason: str) -> list[Row]:
    """What the run has found beyond the baseline; files that do not parse and rules that failed are no part of it."""
    return [
        Row(Key(relative(name, folder), item.code, item.identity.name, item.identity.statement), 1, reason)
        for name, item in files.new
        if item.identity is not None
    ]


def _write(path: Path, rows: Sequence[Row]) -> None:
    try:
        baselines.write(path, rows)
    except OSError as error:
        raise CheckError(
            f"{os.path.relpath(path)}: cannot be written ({error.strerror}); it is as it was"
        ) from None


def _by_rule(rows: Iterable[Row]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row.key.code] += row.count
    return counts


def _report(files: Files) -> int:
    formatter = files.style_guide.formatter
    formatter.start()
    reported = files.report()
    if files.options.statistics:
        formatter.show_statistics(files.style_guide.stats)
    formatter.stop()
    return reported
