"""flake8's configuration, options and plugins for a run of our rules, without the plugins of others.

What only some runs need is imported for them, the rules first of all: often all results are kept ones.
"""

from __future__ import annotations

import argparse
import configparser
import contextlib
import functools
import os
from collections.abc import Iterator, Sequence
from typing import Any, Final

import flake8
from flake8 import exceptions
from flake8.main import options as flake8_options
from flake8.options import aggregator, config, manager
from flake8.plugins import finder

from flake8_aiguard.checker import Checker
from flake8_aiguard.errors import ChangesError, MisuseError

_PACKAGE: Final = "flake8-aiguard"


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
    plugins = _loaded(finder.find_plugins(cfg, wanted), wanted)
    known_options = manager.OptionManager(
        version=flake8.__version__,
        plugin_versions=plugins.versions_str(),
        parents=[first],
        formatter_names=list(plugins.reporters),
    )
    known_options.parser.prog = "flake8-aiguard check"
    flake8_options.register_default_options(known_options)
    known_options.register_plugins(plugins)
    _add_options(known_options)
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


def _add_options(known: manager.OptionManager) -> None:
    known.add_option("--no-cache", action="store_true", help="Check all files anew.")
    known.add_option(
        "--no-scan", action="store_true", help="Leave SQL and configuration files to `flake8-aiguard scan`."
    )
    known.add_option(
        "--since",
        metavar="REV",
        help="Report only statements with lines that git says were changed since REV.",
    )
    known.add_option(
        "--suppressions",
        action="store_true",
        help="List the noqa comments of these rules with their reasons; fail on those that silence nothing.",
    )


def look_for(options: argparse.Namespace) -> None:
    """See that the paths of a run exist: flake8 reports a missing one as E902, which a selection may leave out.

    Raises:
        CheckError: one does not.
    """
    for path in options.filenames:
        if path != "-" and not os.path.lexists(path):
            raise CheckError(f"{path}: no such file or folder; correct the path")


# -- plugins


def _loaded(found: Sequence[finder.Plugin], wanted: finder.PluginOptions) -> finder.Plugins:
    """Our rules, also those that a project registers itself, and all formatters."""
    ours = [plugin for plugin in found if plugin.package == _PACKAGE]
    others = [
        plugin
        for plugin in found
        if plugin.package != _PACKAGE
        and (
            plugin.entry_point.group == "flake8.report"
            or plugin.entry_point.value.startswith("flake8_aiguard.")
        )
    ]
    plugins = finder.load_plugins(others, wanted)
    rules = [_later(plugin, _Rule) for plugin in ours if plugin.entry_point.group == "flake8.extension"]
    formatters = [
        _later(plugin, _Formatter) for plugin in ours if plugin.entry_point.group == "flake8.report"
    ]
    tree = sorted([*rules, *plugins.checkers.tree], key=lambda loaded: loaded.plugin)
    return plugins._replace(
        checkers=plugins.checkers._replace(tree=tree),
        reporters=plugins.reporters | {loaded.entry_name: loaded for loaded in formatters},
    )


class _Later:
    """A class of this package that is imported when somebody asks for it."""

    def __init__(self, plugin: finder.Plugin) -> None:
        self.entry = plugin.entry_point

    @functools.cached_property
    def loaded(self) -> Any:
        return self.entry.load()


class _Rule(_Later):
    add_options = staticmethod(Checker.add_options)


class _Formatter(_Later):
    def __call__(self, options: argparse.Namespace) -> Any:
        return self.loaded(options)


def _later(plugin: finder.Plugin, kind: type[_Later]) -> finder.LoadedPlugin:
    return finder.LoadedPlugin(plugin, kind(plugin), {})


def imported(plugins: finder.Checkers) -> finder.Checkers:
    """The rules, all of them imported now."""
    tree = [
        plugin._replace(obj=plugin.obj.loaded) if isinstance(plugin.obj, _Rule) else plugin
        for plugin in plugins.tree
    ]
    return plugins._replace(tree=tree)


def full_name(plugin: finder.LoadedPlugin) -> str:
    """What the class of a rule is called, with its module."""
    if isinstance(plugin.obj, _Rule):
        return plugin.obj.entry.value.replace(":", ".")
    return f"{plugin.obj.__module__}.{plugin.obj.__qualname__}"
