"""Our rules in flake8's own frame, without the plugins of others: what ``check`` and the commands beside it look at."""

from __future__ import annotations

import argparse
import configparser
import contextlib
import functools
import gc
import os
import sys
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import flake8
from flake8 import checker as flake8_checker
from flake8 import exceptions, style_guide
from flake8.main import options as flake8_options
from flake8.options import aggregator, config, manager
from flake8.plugins import finder, reporter
from flake8.processor import FileProcessor
from flake8.violation import Violation

from flake8_aiguard import discovery, others, ruff, suppressions, workers
from flake8_aiguard.baseline import Key, Matches
from flake8_aiguard.cache import Cache, Result
from flake8_aiguard.changes import Changes, ChangesError
from flake8_aiguard.checker import Checker
from flake8_aiguard.errors import MisuseError
from flake8_aiguard.identity import Identity
from flake8_aiguard.suppressions import Suppression

if TYPE_CHECKING:
    from flake8_aiguard.astgrep.rulefiles import Rule

_PACKAGE: Final = "flake8-aiguard"
_MANY: Final = 200  # files from which on a terminal shows how far a run is

_Statistics = dict[str, int]
_Outcome = tuple[str, list[Result], _Statistics, "str | None"]


class CheckError(MisuseError):
    """The run cannot go on; the text names the place and the remedy."""


@contextlib.contextmanager
def clear_errors() -> Iterator[None]:
    """Make a :class:`CheckError` of what flake8, git and the configuration may raise."""
    try:
        yield
    except (exceptions.ExecutionError, ChangesError, configparser.Error) as error:
        raise CheckError(" ".join(str(error).split())) from None
    except exceptions.EarlyQuit:
        raise CheckError("stopped; nothing was reported") from None


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
        _look_for(options)
        guide = style_guide.StyleGuideManager(options, reporter.make(plugins.reporters, options))
        files = Files(guide, plugins, argv)
        files.start()
        files.run()
        files.stop()
        return files


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
    plugins = finder.load_plugins([plugin for plugin in ours if not _is_rule(plugin)], wanted)
    rules = [finder.LoadedPlugin(plugin, _Rule(plugin), {}) for plugin in ours if _is_rule(plugin)]
    tree = sorted([*rules, *plugins.checkers.tree], key=lambda loaded: loaded.plugin)
    plugins = plugins._replace(checkers=plugins.checkers._replace(tree=tree))
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
    options.filenames = options.filenames or ["."]
    # pycodestyle, which brings E9 into flake8's default selection, is not here.
    options.extended_default_select = [*options.extended_default_select, "AIG", "E9"]
    if plugins.checkers.tree:
        Checker.parse_options(options)
    return plugins, options


def _is_ours(plugin: finder.Plugin) -> bool:
    if plugin.entry_point.group == "flake8.report":
        return True
    return plugin.package == _PACKAGE or plugin.entry_point.value.startswith("flake8_aiguard.")


def _is_rule(plugin: finder.Plugin) -> bool:
    return plugin.package == _PACKAGE and plugin.entry_point.group == "flake8.extension"


class _Rule:
    """A rule of the package, which is imported for the first file that asks: often all results are kept ones."""

    def __init__(self, plugin: finder.Plugin) -> None:
        self._entry = plugin.entry_point

    add_options = staticmethod(Checker.add_options)

    @functools.cached_property
    def loaded(self) -> type[Checker]:
        rule: type[Checker] = self._entry.load()
        return rule

    @property
    def name(self) -> str:
        return self._entry.value.replace(":", ".")


def _class(plugin: finder.LoadedPlugin) -> type[Checker]:
    rule: type[Checker] = plugin.obj.loaded if isinstance(plugin.obj, _Rule) else plugin.obj
    return rule


def _full_name(plugin: finder.LoadedPlugin) -> str:
    if isinstance(plugin.obj, _Rule):
        return plugin.obj.name
    return f"{plugin.obj.__module__}.{plugin.obj.__qualname__}"


def _look_for(options: argparse.Namespace) -> None:
    """flake8 reports a missing path as E902, which a selection may leave out: nothing was checked then."""
    for path in options.filenames:
        if path != "-" and not os.path.lexists(path):
            raise CheckError(f"{path}: no such file or folder; correct the path")


# -- one file


class _Source(FileProcessor):
    """flake8's view of a file, without what makes no difference to a file that says nothing of flake8 and noqa."""

    def __init__(self, filename: str, options: argparse.Namespace, *, shows_lines: bool) -> None:
        super().__init__(filename, options)
        text = "".join(self.lines).lower()
        self._names_flake8 = "flake8" in text
        self._needs_lines = shows_lines or filename == "-" or "noqa" in text

    def should_ignore_file(self) -> bool:
        """Whether ``flake8: noqa`` stands in it."""
        return self._names_flake8 and super().should_ignore_file()

    def noqa_line_for(self, line_number: int) -> str | None:
        """The logical line of a line, for which all is tokenized; the line itself where no noqa can stand in it."""
        if self._needs_lines:
            return super().noqa_line_for(line_number)
        return self.lines[line_number - 1] if 0 < line_number <= len(self.lines) else None


class _File(flake8_checker.FileChecker):
    """One file: the tree alone, as no rule of ours asks for tokens.

    Attributes:
        more: what Ruff calls a result and how it is recognised, by its place in the results.
    """

    def __init__(
        self, filename: str, plugins: finder.Checkers, options: argparse.Namespace, *, shows_lines: bool
    ) -> None:
        self.more: dict[int, tuple[str | None, Identity | None]] = {}
        self._shows_lines = shows_lines
        super().__init__(filename=filename, plugins=plugins, options=options)

    def _make_processor(self) -> FileProcessor | None:
        try:
            return _Source(self.filename, self.options, shows_lines=self._shows_lines)
        except OSError as error:
            self.report("E902", 0, 0, f"{type(error).__name__}: {error}")
            return None

    def run_ast_checks(self) -> None:
        assert self.processor is not None
        try:
            tree = self.processor.build_ast()
        except ValueError as error:  # a null byte, before CPython 3.12
            raise SyntaxError(str(error)) from None
        for plugin in self.plugins.tree:
            rule = _class(plugin)(tree, self.processor.filename, self.processor.lines)
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
                sorted(map(_full_name, plugins.tree)),
                shows_lines,
            )
            self._cache = Cache(Path.cwd(), given)

    def kept(self, filename: str) -> list[Result] | None:
        """What an earlier run has found in the same file, if that is known."""
        key = self._key(filename)
        return None if self._cache is None or key is None else self._cache.read(filename, key)

    def check(self, filename: str) -> _Outcome:
        """The results of a file, which are kept for the next run."""
        key = self._key(filename)
        file = _File(filename, self._plugins, self._options, shows_lines=self._shows_lines)
        name, found, statistics = file.run_checks()
        results = [Result(*item, *file.more.get(number, ())) for number, item in enumerate(found)]
        if self._cache is None or key is None:
            return name, results, statistics, None
        self._cache.write(filename, key, results)
        return name, results, statistics, self._cache.fault

    def prepare(self) -> None:
        """Import the rules, before workers are forked."""
        for plugin in self._plugins.tree:
            _class(plugin)

    def _key(self, filename: str) -> str | None:
        if self._cache is not None and filename != "-":
            with contextlib.suppress(OSError), open(filename, "rb") as content:
                return self._cache.key(filename, content.read())
        return None


def _made(plugins: finder.Plugins, options: argparse.Namespace) -> _Run:
    formatter = reporter.make(plugins.reporters, options)
    is_known = type(formatter).__module__.startswith(("flake8.", "flake8_aiguard."))
    return _Run(plugins.checkers, options, shows_lines=options.show_source or not is_known)


@contextlib.contextmanager
def _seldom_collected() -> Iterator[None]:
    """Trees are large and gone after their file: looking for cycles every 700 objects takes a fifth of a run."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


_THRESHOLDS: Final = (100_000, 20, 20)
_run: _Run | None = None  # of this worker


def _start_worker(argv: Sequence[str]) -> None:
    """Find plugins and options again where the worker is no fork, which has them."""
    global _run
    gc.set_threshold(*_THRESHOLDS)
    if _run is None:
        _run = _made(*parse(argv))


def _check_in_worker(filename: str) -> _Outcome:
    assert _run is not None
    return _run.check(filename)


# -- all files


class Files(flake8_checker.Manager):
    """flake8's manager, with workers that load our rules alone, and SQL and configuration besides Python.

    Attributes:
        raw: the results of all Python files, those that are silenced or were accepted among them.
        new: what is to be reported.
        matches: what the baseline covers.
    """

    def __init__(
        self, guide: style_guide.StyleGuideManager, plugins: finder.Plugins, argv: Sequence[str]
    ) -> None:
        super().__init__(guide, plugins.checkers, argv)
        self.new: list[tuple[str, Result]] = []
        self.raw: list[tuple[str, list[Result]]] = []
        self.matches = Matches(Checker.baseline)
        self._run = _made(plugins, self.options)
        self._changes = Changes(self.options.since) if self.options.since else None
        self._rules = {plugin.entry_name for plugin in self.plugins.tree}
        self._scan_rules: tuple[Rule, ...] = ()
        self._excluded = discovery.Excluded(self.exclude)

    def start(self) -> None:
        """Find the files; with ``--since``, those that were changed."""
        options = self.options
        found = discovery.files(
            options.filenames, options.filename, self._excluded, options.stdin_display_name
        )
        # SQL and configuration that is asked for by name is no Python
        self.filenames = tuple(name for name in found if not others.is_other(name) and self._is_touched(name))
        if self._changes is not None and "-" in self.filenames:
            raise CheckError("--since compares files: give a path instead of -")
        self.jobs = min(len(self.filenames), self.jobs)

    def _is_touched(self, name: str) -> bool:
        return self._changes is None or name == "-" or self._changes.has(name)

    def run(self) -> None:
        """Check Python, then SQL and configuration."""
        try:
            with contextlib.closing(_Progress(len(self.filenames))) as progress, _seldom_collected():
                kept = [(name, self._run.kept(name)) for name in self.filenames]
                self._take([(name, found, {}, None) for name, found in kept if found is not None], progress)
                with contextlib.closing(
                    self._checked([name for name, found in kept if found is None])
                ) as made:
                    self._take(made, progress)
        except KeyboardInterrupt:
            raise exceptions.EarlyQuit from None
        if not self.options.no_scan:
            self._scan()

    def _checked(self, names: Sequence[str]) -> Generator[_Outcome, None, None]:
        """The results of files that nobody has kept, in worker processes where several are asked for."""
        global _run
        jobs = min(len(names), self.jobs)
        if jobs < 2:
            yield from map(self._run.check, names)
            return
        self._run.prepare()
        _run = self._run  # a fork finds it
        try:
            yield from workers.spread(
                workers.Job(_start_worker, (tuple(self.argv),), _check_in_worker, names), jobs
            )
        finally:
            _run = None

    def _take(self, outcomes: Iterable[_Outcome], progress: _Progress) -> None:
        fault = None
        for name, results, statistics, failed in outcomes:
            progress.step()
            fault = fault or failed
            self.raw.append((name, results))
            self._add(name, results, statistics)
        if fault is not None:
            print(f"flake8-aiguard: {fault}; results are not kept for the next run", file=sys.stderr)

    def _scan(self) -> None:
        self._scan_rules = others.rules(self.options)
        self._rules |= {rule.code for rule in self._scan_rules}
        for looked in others.look(self.options, self._scan_rules, self._is_scanned):
            if looked.passed_over:
                print(f"flake8-aiguard: {looked.path}: {looked.passed_over}", file=sys.stderr)
            else:
                self._add(looked.path, looked.results, {})

    def _is_scanned(self, name: str) -> bool:
        return self._is_touched(name) and not self._excluded.below(name)

    def _add(self, name: str, results: list[Result], statistics: _Statistics) -> None:
        counted = {key: statistics.get(key, 0) for key in ("logical lines", "physical lines", "tokens")}
        self.results.append((name, [item[:5] for item in self._left(name, results)], counted))

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

    def stale(self) -> Counter[Key]:
        """What the baseline has and the run has not found, for the files and rules that took part."""
        return self.matches.stale(
            self.options.filenames, lambda code, name: code in self._rules and self._is_selected(code, name)
        )

    def suppressions(self) -> Iterator[Suppression]:
        """The comments that silence our rules, or were meant to; of Python as it stands without them."""
        rules = {plugin.entry_name for plugin in self.plugins.tree}
        for name, results in sorted(self.raw):
            yield from suppressions.suppressions(name, self.options, results, rules)
        yield from others.suppressions(self.options, self._scan_rules, self._is_scanned)

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
