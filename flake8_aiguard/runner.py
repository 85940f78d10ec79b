"""``flake8-aiguard check``: our rules in flake8's own frame, without the plugins of others."""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Final

import flake8
from flake8 import checker as flake8_checker
from flake8 import exceptions, style_guide
from flake8.main import options as flake8_options
from flake8.options import aggregator, config, manager
from flake8.plugins import finder, reporter

from flake8_aiguard import ruff
from flake8_aiguard.cache import Cache, Result
from flake8_aiguard.checker import Checker

_PACKAGE: Final = "flake8-aiguard"
_MANY: Final = 200  # files from which on a terminal shows how far a run is
_AHEAD: Final = 16  # files that a worker is given at once

_Statistics = dict[str, int]
_Outcome = tuple[str, list[Result], _Statistics, "str | None"]


class CheckError(Exception):
    """The run cannot go on; the text names the place and the remedy."""


def check(argv: Sequence[str]) -> int:
    """Check files as ``flake8 ARGV`` would, with our rules and syntax errors alone.

    Args:
        argv: flake8's arguments, and ``--no-cache``.

    Returns:
        0 without findings (or with ``--exit-zero``), 1 with findings.

    Raises:
        CheckError: a setting or a path is wrong, or a worker was killed.
        SystemExit: the arguments are malformed, or ask for help or version.
    """
    try:
        plugins, options = parse(argv)
        _look_for(options)
        formatter = reporter.make(plugins.reporters, options)
        guide = style_guide.StyleGuideManager(options, formatter)
        files = _Manager(guide, plugins.checkers, argv)
        files.start()
        files.run()
        files.stop()
        formatter.start()
        _found, reported = files.report()
        if options.statistics:
            formatter.show_statistics(guide.stats)
        formatter.stop()
    except exceptions.ExecutionError as error:
        raise CheckError(" ".join(str(error).split())) from None
    except exceptions.EarlyQuit:
        raise CheckError("stopped; nothing was reported") from None
    if options.count:
        print(reported)
    return int(reported > 0 and not options.exit_zero)


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
    try:
        options = aggregator.aggregate_options(known_options, cfg, folder, rest)
    except ValueError as error:  # flake8 lets it through: a code that cannot be one
        raise exceptions.ExecutionError(str(error)) from None
    # pycodestyle, which brings E9 into flake8's default selection, is not here.
    options.extended_default_select = [*options.extended_default_select, "E9"]
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
        ruff: what Ruff calls a result, by its place in the results.
    """

    def __init__(self, filename: str, plugins: finder.Checkers, options: argparse.Namespace) -> None:
        self.ruff: dict[int, str | None] = {}
        super().__init__(filename=filename, plugins=plugins, options=options)

    def run_ast_checks(self) -> None:
        assert self.processor is not None
        tree = self.processor.build_ast()
        for plugin in self.plugins.tree:
            rule: Checker = plugin.obj(tree, self.processor.filename, self.processor.lines)
            for finding in rule.findings():
                self.report(None, finding.line, finding.column, finding.text)
                self.ruff[len(self.results) - 1] = finding.ruff

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
        results = [Result(*item, file.ruff.get(number)) for number, item in enumerate(found)]
        if cache is None or key is None:
            return name, results, statistics, None
        cache.write(filename, key, results)
        return name, results, statistics, cache.fault


_run: _Run | None = None  # of this worker


def _start_worker(argv: Sequence[str]) -> None:
    """Leave Ctrl-C to the parent; where the worker is no fork of it, find plugins and options again."""
    global _run
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if _run is None:
        plugins, options = parse(argv)
        _run = _Run(plugins.checkers, options)


def _check_in_worker(filename: str) -> _Outcome:
    assert _run is not None
    return _run.check(filename)


class _Manager(flake8_checker.Manager):
    """flake8's manager, with workers that load our rules alone."""

    def __init__(
        self, guide: style_guide.StyleGuideManager, plugins: finder.Checkers, argv: Sequence[str]
    ) -> None:
        super().__init__(guide, plugins, argv)
        self._run = _Run(plugins, self.options)

    def run_serial(self) -> None:
        self._take(map(self._run.check, self.filenames))

    def run_parallel(self) -> None:
        global _run
        _run = self._run  # a fork finds it
        pool = None
        try:
            pool = ProcessPoolExecutor(
                self.jobs, multiprocessing.get_context(), _start_worker, (tuple(self.argv),)
            )
            ahead = max(1, min(_AHEAD, len(self.filenames) // (self.jobs * 4)))
            self._take(pool.map(_check_in_worker, self.filenames, chunksize=ahead))
        except BrokenProcessPool:
            raise CheckError(
                "a worker was killed, perhaps for lack of memory; nothing was reported; try --jobs 1"
            ) from None
        finally:
            _run = None
            if pool is not None:
                pool.shutdown(cancel_futures=True)

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
                left = [item[:5] for item in results if not self._is_left_to_ruff(item, name)]
                self.results.append((name, left, counted))
        if fault is not None:
            print(f"flake8-aiguard: {fault}; results are not kept for the next run", file=sys.stderr)

    def _is_left_to_ruff(self, item: Result, filename: str) -> bool:
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
