"""Our rules in flake8's own frame, without the plugins of others: what ``check`` and the commands beside it look at."""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import sys
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flake8 import exceptions, style_guide
from flake8.plugins import finder, reporter
from flake8.violation import Violation

from flake8_aiguard import discovery, garbage, others
from flake8_aiguard.astgrep import languages
from flake8_aiguard.baseline import Key, Matches
from flake8_aiguard.cache import Cache
from flake8_aiguard.checker import Checker
from flake8_aiguard.frame import CheckError, clear_errors, full_name, imported, look_for, parse
from flake8_aiguard.results import Result
from flake8_aiguard.settings import Settings

if TYPE_CHECKING:
    from flake8_aiguard.astgrep.rulefiles import Rule
    from flake8_aiguard.changes import Changes
    from flake8_aiguard.suppressions import Suppression

_MANY: Final = 200  # files from which on a terminal shows how far a run is

_Outcome = tuple[str, list[Result], "str | None"]  # a file, and the key of its results


def checked(argv: Sequence[str]) -> Files:
    """Look at files, and report nothing yet.

    Args:
        argv: flake8's arguments, and those that :func:`parse` adds.

    Returns:
        The files and what was found in them.

    Raises:
        CheckError: a setting or a path is wrong.
        MisuseError: a rule file is wrong, or a worker was killed.
        SystemExit: the arguments are malformed, or ask for help or version.
    """
    with clear_errors():
        plugins, options = parse(argv)
        look_for(options)
        guide = style_guide.StyleGuideManager(options, reporter.make(plugins.reporters, options))
        files = Files(guide, plugins, argv)
        files.start()
        files.run()
        return files


# -- one file


class _Run:
    """What is the same for all files of a run.

    Args:
        plugins: the rules.
        options: flake8's options.
        shows_lines: whether the output holds the source as flake8 gives it.
    """

    def __init__(self, plugins: finder.Checkers, options: argparse.Namespace, *, shows_lines: bool) -> None:
        self._plugins = plugins
        self._options = options
        self._shows_lines = shows_lines
        self._cache: Cache | None = None
        if not options.no_cache:
            given = (
                Checker.options,
                options.disable_noqa,
                sorted(map(full_name, plugins.tree)),
                shows_lines,
                *_around(Checker.options),
            )
            self._cache = Cache(Path.cwd(), given)

    def kept(self, filename: str) -> list[Result] | None:
        """What an earlier run has found in the same file, if that is known."""
        if self._cache is not None and filename != "-" and self._cache.has(filename):
            with contextlib.suppress(OSError), open(filename, "rb") as content:
                return self._cache.read(filename, self._cache.key(filename, content.read()))
        return None

    def check(self, filename: str) -> _Outcome:
        """The results of a file."""
        from flake8_aiguard import onefile

        name, results, content = onefile.checked(
            filename, self.imported, self._options, shows_lines=self._shows_lines
        )
        key = None if self._cache is None or content is None else self._cache.key(filename, content)
        return name, results, key

    @functools.cached_property
    def imported(self) -> finder.Checkers:
        """The rules, imported for the first who asks: best before workers are forked."""
        return imported(self._plugins)

    def keep(self, outcomes: Iterable[_Outcome]) -> Generator[_Outcome, None, None]:
        """Hand on results, and keep them for the next run: those of a run that is stopped, too."""
        if self._cache is None:
            yield from outcomes
            return
        try:
            for outcome in outcomes:
                name, results, key = outcome
                if key is not None:
                    self._cache.add(name, key, results)
                yield outcome
        finally:
            self._cache.write()
            if self._cache.fault is not None:
                text = f"{self._cache.fault}; results are not kept for the next run"
                print(f"flake8-aiguard: {text}", file=sys.stderr)


def _around(settings: Settings) -> Iterator[object]:
    """What rules look at besides the file: the packages of the extra, rules of the project's own, and the names of its decisions."""
    yield languages.installed()
    for folder in settings.rule_dirs:
        for path in sorted(Path(folder).rglob("*.y*ml")):
            yield str(path), path.read_bytes() if path.is_file() else None
    if settings.adr_dir and os.path.isdir(settings.adr_dir):
        yield sorted(os.listdir(settings.adr_dir))


def _made(plugins: finder.Plugins, options: argparse.Namespace) -> _Run:
    formatter = reporter.make(plugins.reporters, options)
    is_known = type(formatter).__module__.startswith(("flake8.", "flake8_aiguard."))
    return _Run(plugins.checkers, options, shows_lines=options.show_source or not is_known)


_run: _Run | None = None  # of this worker


def _start_worker(argv: Sequence[str]) -> None:
    """Find plugins and options again where the worker is no fork, which has them."""
    global _run
    garbage.collect_seldom()
    if _run is None:
        _run = _made(*parse(argv))


def _check_in_worker(filename: str) -> _Outcome:
    assert _run is not None
    return _run.check(filename)


# -- all files


class Files:
    """What flake8's manager does, with workers that load our rules alone, and SQL and configuration besides Python.

    Attributes:
        style_guide: flake8's, which decides what is reported, and hands it to the formatter.
        options: flake8's options.
        plugins: the rules.
        raw: the results of all Python files, those that are silenced or were accepted among them.
        new: what is to be reported.
        matches: what the baseline covers.
    """

    def __init__(
        self, guide: style_guide.StyleGuideManager, plugins: finder.Plugins, argv: Sequence[str]
    ) -> None:
        self.style_guide = guide
        self.options = guide.options
        self.plugins = plugins.checkers
        self.filenames: tuple[str, ...] = ()
        self.new: list[tuple[str, Result]] = []
        self.raw: list[tuple[str, list[Result]]] = []
        self.matches = Matches(Checker.baseline)
        self._argv = tuple(argv)
        self._results: list[tuple[str, list[Result]]] = []
        self._run = _made(plugins, self.options)
        self._changes = _changes(self.options.since)
        self._meets_others = False
        self._rules = {plugin.entry_name for plugin in self.plugins.tree}
        self._scan_rules: tuple[Rule, ...] = ()
        self._excluded = discovery.Excluded((*self.options.exclude, *self.options.extend_exclude))

    def start(self) -> None:
        """Find the files; with ``--since``, those that were changed."""
        options = self.options
        found = discovery.files(
            options.filenames, options.filename, self._excluded, options.stdin_display_name, self._meet
        )
        # SQL and configuration that is asked for by name is no Python
        self.filenames = tuple(name for name in found if not others.is_other(name) and self._is_touched(name))
        if self._changes is not None and "-" in self.filenames:
            raise CheckError("--since compares files: give a path instead of -")

    def _meet(self, folder: str, names: Sequence[str]) -> None:
        if not self._meets_others:
            self._meets_others = others.are_met(folder, names)

    def _is_touched(self, name: str) -> bool:
        return self._changes is None or name == "-" or self._changes.has(name)

    def run(self) -> None:
        """Check Python, then SQL and configuration."""
        try:
            with contextlib.closing(_Progress(len(self.filenames))) as progress, garbage.seldom_collected():
                kept = [(name, self._run.kept(name)) for name in self.filenames]
                self._take([(name, found, None) for name, found in kept if found is not None], progress)
                missing = [name for name, found in kept if found is None]
                with (
                    contextlib.closing(self._checked(missing)) as made,
                    contextlib.closing(self._run.keep(made)) as outcomes,
                ):
                    self._take(outcomes, progress)
        except KeyboardInterrupt:
            raise exceptions.EarlyQuit from None
        if not self.options.no_scan:
            self._scan()

    def _checked(self, names: Sequence[str]) -> Generator[_Outcome, None, None]:
        """The results of files that nobody has kept, in worker processes where several are asked for."""
        global _run
        jobs = min(len(names), self._jobs())
        if jobs < 2:
            yield from map(self._run.check, names)
            return
        from flake8_aiguard import workers

        _ = self._run.imported
        _run = self._run  # a fork finds it
        try:
            # large ones first, so that none of them is left to one worker when the others are done
            names = sorted(names, key=_size, reverse=True)
            yield from workers.spread(
                workers.Job(_start_worker, (self._argv,), _check_in_worker, names), jobs
            )
        finally:
            _run = None

    def _jobs(self) -> int:
        """How many workers are asked for; what comes from stdin is not divided."""
        if "-" in self.options.filenames:
            return 1
        jobs: int = (os.cpu_count() or 1) if self.options.jobs.is_auto else self.options.jobs.n_jobs
        return jobs

    def _take(self, outcomes: Iterable[_Outcome], progress: _Progress) -> None:
        for name, results, _ in outcomes:
            progress.step()
            self.raw.append((name, results))
            self._results.append((name, self._left(name, results)))

    def _scan(self) -> None:
        if not (
            self._meets_others
            or others.are_met("", self.options.filenames)
            or Checker.options.rule_dirs
            or any(row.key.code not in self._rules for row in Checker.baseline.rows)  # which may be gone
        ):
            return  # nothing to look at, for which all rules would have to be loaded
        self._scan_rules = others.rules(self.options)
        self._rules |= {rule.code for rule in self._scan_rules}
        for looked in others.look(self.options, self._scan_rules, self._is_scanned):
            if looked.passed_over:
                print(f"flake8-aiguard: {looked.path}: {looked.passed_over}", file=sys.stderr)
            else:
                self._results.append((looked.path, self._left(looked.path, looked.results)))

    def _is_scanned(self, name: str) -> bool:
        return self._is_touched(name) and not self._excluded.below(name)

    def _left(self, name: str, results: list[Result]) -> list[Result]:
        """The results of a file without what is left to Ruff, was accepted before, or stands on lines that did not change."""
        left = []
        known = self.matches.known(name)
        for item in sorted(results, key=lambda item: (item.line, item.column)):
            if self.is_left_to_ruff(item, name):
                continue
            is_new = self._is_reported(item, name)
            if is_new and known is not None and known.covers(item.code, item.identity):
                continue
            if not self._is_changed(item, name):
                continue
            if is_new:
                self.new.append((name, item))
            left.append(item)
        # Where a file does not parse, nobody knows which of its findings are gone.
        if not any(item.code.startswith("E9") for item in results):
            self.matches.meet(name, known)
        return left

    def _is_changed(self, item: Result, name: str) -> bool:
        if self._changes is None or item.identity is None:
            return True
        return self._changes.touch(name, item.identity.first, item.identity.last)

    def _is_reported(self, item: Result, name: str) -> bool:
        violation = Violation(item.code, name, item.line, item.column, item.text, item.noqa_line)
        return self._is_selected(item.code, name) and not violation.is_inline_ignored(
            self.options.disable_noqa
        )

    def _is_selected(self, code: str, name: str) -> bool:
        decider = self.style_guide.style_guide_for(name).decider
        return decider.decision_for(code) is style_guide.Decision.Selected

    def report(self) -> int:
        """Hand all results to flake8's style guide, in the order of flake8, and count those that it reports."""
        reported = 0
        for name, results in sorted(self._results, key=lambda item: item[0]):
            with self.style_guide.processing_file(name):  # type: ignore[attr-defined]  # in its types only
                for item in results:
                    reported += self.style_guide.handle_error(
                        item.code, name, item.line, item.column, item.text, item.noqa_line
                    )
        return reported

    def stale(self) -> Counter[Key]:
        """What the baseline has and the run has not found, for the files and rules that took part."""
        return self.matches.stale(
            self.options.filenames, lambda code, name: code in self._rules and self._is_selected(code, name)
        )

    def suppressions(self) -> Iterator[Suppression]:
        """The comments that silence our rules, or were meant to; of Python as it stands without them."""
        from flake8_aiguard import suppressions

        rules = {plugin.entry_name for plugin in self.plugins.tree}
        for name, results in sorted(self.raw):
            yield from suppressions.suppressions(name, self.options, results, rules)
        yield from others.suppressions(self.options, self._scan_rules, self._is_scanned)

    def is_left_to_ruff(self, item: Result, filename: str) -> bool:
        """Whether the project's own Ruff configuration reports the very same."""
        if item.ruff is None or not Checker.options.defer_to_ruff:
            return False
        from flake8_aiguard import ruff

        return any(ruff.reports(code, filename) for code in item.ruff.split())


def _size(name: str) -> int:
    try:
        return os.path.getsize(name)
    except OSError:
        return 0


def _changes(revision: str | None) -> Changes | None:
    if not revision:
        return None
    from flake8_aiguard.changes import Changes

    return Changes(revision)


class _Progress:
    """How far a run is, on a terminal.

    Args:
        files: how many there are.
    """

    def __init__(self, files: int) -> None:
        self._files, self._done = files, 0
        self._shown = files >= _MANY and sys.stderr.isatty()

    def step(self) -> None:
        """One file is done."""
        self._done += 1
        if self._shown and (self._done % 50 == 0 or self._done == self._files):
            print(f"\r{self._done}/{self._files} files", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave an empty line for what follows."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
