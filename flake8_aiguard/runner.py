"""``flake8-aiguard check``: our rules in flake8's own frame, without the plugins of others."""

from __future__ import annotations

import argparse
import configparser
import contextlib
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import flake8
from flake8 import checker as flake8_checker
from flake8 import exceptions, style_guide
from flake8.main import options as flake8_options
from flake8.options import aggregator, config, manager
from flake8.plugins import finder, reporter
from flake8.violation import Violation

from flake8_aiguard import baseline as baselines
from flake8_aiguard import others, ruff, workers
from flake8_aiguard import suppressions as listing
from flake8_aiguard.astgrep.errors import ScanError
from flake8_aiguard.baseline import Key, Known, Row, relative
from flake8_aiguard.cache import Cache, Result
from flake8_aiguard.changes import Changes, ChangesError
from flake8_aiguard.checker import Checker
from flake8_aiguard.identity import Identity
from flake8_aiguard.settings import upwards
from flake8_aiguard.workers import WorkerError

_PACKAGE: Final = "flake8-aiguard"
_MANY: Final = 200  # files from which on a terminal shows how far a run is

_ERRORS: Final = (exceptions.ExecutionError, ChangesError, ScanError, WorkerError, configparser.Error)

_Statistics = dict[str, int]
_Outcome = tuple[str, list[Result], _Statistics, "str | None"]


class CheckError(Exception):
    """The run cannot go on; the text names the place and the remedy."""


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
    with _clear_errors():
        reported = _report(files)
        options = files.options
        if not options.quiet and not options.since:
            _say_what_is_stale(files)
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
    rules = {plugin.entry_name for plugin in files.plugins.tree}
    wrong = shown = 0
    for name, results in sorted(files.raw):
        for item in listing.suppressions(name, files.options, results, rules):
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
    with _clear_errors():
        if files.options.since:
            raise CheckError("a baseline holds all findings; leave out --since")
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
        print(f"{os.path.relpath(path)}: {_amount(_by_rule(rows))}")
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


def _amount(counts: Counter[str], sign: str = "") -> str:
    return ", ".join(f"{code} {sign}{count}" for code, count in sorted(counts.items())) or "no findings"


def _say_what_is_stale(files: Files) -> None:
    """The difference to the baseline, for people: the document on stdout has no place for it."""
    path = Checker.baseline.path
    if path is None:
        return
    shown = os.path.relpath(path)
    new = Counter(item.code for _, item in files.new)
    if new:
        print(f"flake8-aiguard: not in {shown}: {_amount(new, '+')}", file=sys.stderr)
    stale = files.stale()
    for key, count in sorted(stale.items()):
        place = f" in {key.name}" if key.name else ""
        print(f"flake8-aiguard: {shown}: gone: {key.path}: {key.code}{place} ({count})", file=sys.stderr)
    if stale:
        print("flake8-aiguard: run `flake8-aiguard baseline --update`", file=sys.stderr)


@contextlib.contextmanager
def _clear_errors() -> Iterator[None]:
    try:
        yield
    except _ERRORS as error:
        raise CheckError(" ".join(str(error).split())) from None
    except exceptions.EarlyQuit:
        raise CheckError("stopped; nothing was reported") from None


def checked(argv: Sequence[str]) -> Files:
    """Look at files, and report nothing yet.

    Args:
        argv: see :func:`check`.

    Returns:
        The files and what was found in them.

    Raises:
        CheckError: see :func:`check`.
        SystemExit: see :func:`check`.
    """
    with _clear_errors():
        return _looked_at(argv)


def _looked_at(argv: Sequence[str]) -> Files:
    plugins, options = parse(argv)
    _look_for(options)
    guide = style_guide.StyleGuideManager(options, reporter.make(plugins.reporters, options))
    files = Files(guide, plugins.checkers, argv)
    files.start()
    files.run()
    files.stop()
    return files


def _report(files: Files) -> int:
    formatter = files.style_guide.formatter
    formatter.start()
    _found, reported = files.report()
    if not files.options.no_scan and not files.options.since:
        reported += others.report(files.style_guide, files.options)
    if files.options.statistics:
        formatter.show_statistics(files.style_guide.stats)
    formatter.stop()
    return reported


# -- options


def parse(argv: Sequence[str]) -> tuple[finder.Plugins, argparse.Namespace]:
    """Find configuration and plugins as flake8 does, and keep our rules and all formatters.

    Args:
        argv: the arguments.

    Returns:
        The plugins and the options.

    Raises:
        ExecutionError: a configuration file, a setting or a plugin is wrong.
    """
    first = flake8_options.stage1_arg_parser()
    known, rest = first.parse_known_args(argv)
    if known.output_file:
        rest.extend(("--output-file", known.output_file))
    flake8.configure_logging(known.verbose, known.output_file)
    cfg, folder = config.load_config(known.config, known.append_config, isolated=known.isolated)
    wanted = finder.parse_plugin_options(
        cfg, folder, enable_extensions=known.enable_extensions, require_plugins=known.require_plugins
    )
    ours = [plugin for plugin in finder.find_plugins(cfg, wanted) if _is_ours(plugin)]
    plugins = finder.load_plugins(ours, wanted)
    known_options = manager.OptionManager(
        version=flake8.__version__,
        plugin_versions=plugins.versions_str(),
        parents=[first],
        formatter_names=list(plugins.reporters),
    )
    flake8_options.register_default_options(known_options)
    known_options.register_plugins(plugins)
    known_options.add_option("--no-cache", action="store_true", help="Check all files anew.")
    known_options.add_option(
        "--no-scan", action="store_true", help="Leave SQL and configuration files to `flake8-aiguard scan`."
    )
    known_options.add_option(
        "--since",
        metavar="REV",
        help="Report only statements with lines that git says were changed since REV.",
    )
    known_options.add_option(
        "--suppressions",
        action="store_true",
        help="List the noqa comments of these rules with their reasons; fail on those that silence nothing.",
    )
    try:
        options = aggregator.aggregate_options(known_options, cfg, folder, rest)
    except ValueError as error:  # flake8 lets it through: a code that cannot be one
        raise exceptions.ExecutionError(str(error)) from None
    # pycodestyle, which brings E9 into flake8's default selection, is not here.
    options.extended_default_select = [*options.extended_default_select, "AIG", "E9"]
    if plugins.checkers.tree:
        Checker.parse_options(options)
    return plugins, options


def _is_ours(plugin: finder.Plugin) -> bool:
    if plugin.entry_point.group == "flake8.report":
        return True
    return plugin.package == _PACKAGE or plugin.entry_point.value.startswith("flake8_aiguard.")


def _look_for(options: argparse.Namespace) -> None:
    """flake8 reports a missing path as E902, which a selection may leave out: nothing was checked then."""
    for path in options.filenames:
        if path != "-" and not os.path.lexists(path):
            raise CheckError(f"{path}: no such file or folder; correct the path")


# -- files


class _File(flake8_checker.FileChecker):
    """One file: the tree alone, as no rule of ours asks for tokens.

    Attributes:
        more: what Ruff calls a result and how it is recognised, by its place in the results.
    """

    def __init__(self, filename: str, plugins: finder.Checkers, options: argparse.Namespace) -> None:
        self.more: dict[int, tuple[str | None, Identity | None]] = {}
        super().__init__(filename=filename, plugins=plugins, options=options)

    def run_ast_checks(self) -> None:
        assert self.processor is not None
        try:
            tree = self.processor.build_ast()
        except ValueError as error:  # a null byte, before CPython 3.12
            raise SyntaxError(str(error)) from None
        for plugin in self.plugins.tree:
            rule: Checker = plugin.obj(tree, self.processor.filename, self.processor.lines)
            for finding in rule.findings():
                self.report(None, finding.line, finding.column, finding.text)
                self.more[len(self.results) - 1] = (finding.ruff, rule.identity(finding))

    def process_tokens(self) -> None:
        pass


class _Run:
    """What is the same for all files of a run.

    Args:
        plugins: the rules.
        options: flake8's options.
    """

    def __init__(self, plugins: finder.Checkers, options: argparse.Namespace) -> None:
        self._plugins = plugins
        self._options = options
        self._cache: Cache | None = None
        if not options.no_cache:
            rules = sorted(f"{item.obj.__module__}.{item.obj.__qualname__}" for item in plugins.tree)
            given = (Checker.options, options.disable_noqa, rules)
            self._cache = Cache(Path.cwd(), given)

    def check(self, filename: str) -> _Outcome:
        """The results of a file: the kept ones of an earlier run, or new ones."""
        cache, key = self._cache, None
        if cache is not None and filename != "-":
            with contextlib.suppress(OSError), open(filename, "rb") as content:
                key = cache.key(filename, content.read())
            kept = None if key is None else cache.read(filename, key)
            if kept is not None:
                return filename, kept, {}, None
        file = _File(filename, self._plugins, self._options)
        name, found, statistics = file.run_checks()
        results = [Result(*item, *file.more.get(number, ())) for number, item in enumerate(found)]
        if cache is None or key is None:
            return name, results, statistics, None
        cache.write(filename, key, results)
        return name, results, statistics, cache.fault


_run: _Run | None = None  # of this worker


def _start_worker(argv: Sequence[str]) -> None:
    """Find plugins and options again where the worker is no fork, which has them."""
    global _run
    if _run is None:
        plugins, options = parse(argv)
        _run = _Run(plugins.checkers, options)


def _check_in_worker(filename: str) -> _Outcome:
    assert _run is not None
    return _run.check(filename)


class Files(flake8_checker.Manager):
    """flake8's manager, with workers that load our rules alone.

    Attributes:
        raw: the results of all files, those that are silenced or were accepted among them.
        new: what is to be reported.
    """

    def __init__(
        self, guide: style_guide.StyleGuideManager, plugins: finder.Checkers, argv: Sequence[str]
    ) -> None:
        super().__init__(guide, plugins, argv)
        self.new: list[tuple[str, Result]] = []
        self.raw: list[tuple[str, list[Result]]] = []
        self._run = _Run(plugins, self.options)
        self._changes = Changes(self.options.since) if self.options.since else None
        self._met: dict[str, Known | None] = {}

    def start(self) -> None:
        """Find the files: no SQL and configuration, which is not Python; with ``--since``, those that were changed."""
        super().start()
        self.filenames = tuple(name for name in self.filenames if not others.is_other(name))
        self.jobs = min(len(self.filenames), self.jobs)
        if self._changes is not None:
            if "-" in self.filenames:
                raise CheckError("--since compares files: give a path instead of -")
            self.filenames = tuple(filter(self._changes.has, self.filenames))
            self.jobs = min(len(self.filenames), self.jobs)

    def run_serial(self) -> None:
        self._take(map(self._run.check, self.filenames))

    def run_parallel(self) -> None:
        """Check the files in worker processes."""
        global _run
        _run = self._run  # a fork finds it
        job = workers.Job(_start_worker, (tuple(self.argv),), _check_in_worker, self.filenames)
        try:
            self._take(workers.spread(job, self.jobs))
        finally:
            _run = None

    def _take(self, outcomes: Iterator[_Outcome]) -> None:
        fault = None
        self.results = []
        progress = _Progress(len(self.filenames))
        with contextlib.closing(progress):
            for name, results, statistics, failed in outcomes:
                progress.step()
                fault = fault or failed
                counted = {
                    key: statistics.get(key, 0) for key in ("logical lines", "physical lines", "tokens")
                }
                self.raw.append((name, results))
                left = self._left(name, results)
                self.results.append((name, [item[:5] for item in left], counted))
        if fault is not None:
            print(f"flake8-aiguard: {fault}; results are not kept for the next run", file=sys.stderr)

    def _left(self, name: str, results: list[Result]) -> list[Result]:
        """The results of a file without what is left to Ruff, was accepted before, or stands on lines that did not change."""
        left = []
        known = Checker.baseline.known(name)
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
            self._met[name] = known
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

    def stale(self) -> Counter[Key]:
        """What the baseline has and the run has not found, for the files and rules that took part."""
        found: Counter[Key] = Counter()
        path = Checker.baseline.path
        if path is None:
            return found
        rules = {plugin.entry_name for plugin in self.plugins.tree}
        names = {relative(name, path.parent): name for name in self._met}
        for key, count in Checker.baseline.counts.items():
            name = names.get(key.path)
            if name is not None:
                known = self._met[name]
                count = 0 if known is None else known.left(key)
            elif not self._is_gone(path.parent / key.path):
                continue
            shown = name or os.path.relpath(path.parent / key.path)
            if count and key.code in rules and self._is_selected(key.code, shown):
                found[key] = count
        return found

    def _is_gone(self, path: Path) -> bool:
        """Whether a file was deleted below one of the folders that were to be checked."""
        if path.exists():
            return False
        roots = (Path(os.path.abspath(root)) for root in self.options.filenames)
        return any(root in Path(os.path.abspath(path)).parents for root in roots)

    def is_left_to_ruff(self, item: Result, filename: str) -> bool:
        """Whether the project's own Ruff configuration reports the very same."""
        if item.ruff is None or not Checker.options.defer_to_ruff:
            return False
        return any(ruff.reports(code, filename) for code in item.ruff.split())


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
