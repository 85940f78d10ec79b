"""What in a project's configuration silences our findings, or deletes the comments about them."""

from __future__ import annotations

import argparse
import configparser
import importlib.util
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flake8 import style_guide
from flake8.options import config

from flake8_aiguard import precommit, ruff, runner, settings, toml
from flake8_aiguard.checker import Checker

_PYPROJECT = "pyproject.toml"
_FILES = (".flake8", "tox.ini", "setup.cfg")
_EXTRA = ("ast_grep_py", "tree_sitter_sql", "yaml")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Something to know about the configuration.

    Attributes:
        place: file and, where there is one, line.
        text: what is wrong, and the line to write.
        is_problem: whether somebody must act; otherwise it is worth a look.
    """

    place: str
    text: str
    is_problem: bool = True


def diagnose(paths: Sequence[str]) -> Iterator[Diagnosis]:
    """Look at the configuration of the working directory, and at the comments in some files.

    Args:
        paths: files and folders.

    Yields:
        What was found: the configuration of flake8, settings, Ruff, the extra, the baseline, pre-commit, comments.

    Raises:
        CheckError: a file of the configuration cannot be read, or a path does not exist.
    """
    files = runner.checked(["--no-cache", "--disable-noqa", *paths])
    rules = sorted(plugin.entry_name for plugin in files.plugins.tree)
    yield from _flake8(files.options, rules)
    yield from _unknown_settings()
    yield from _ruff(files, rules)
    if not all(map(importlib.util.find_spec, _EXTRA)):
        text = "the extra sql is missing, so that nothing looks at SQL; run pip install 'flake8-aiguard[sql]'"
        yield Diagnosis("flake8-aiguard", text, is_problem=False)
    yield from _baseline(files)
    yield from _pre_commit()
    for item in files.suppressions():
        if item.problem:
            yield Diagnosis(f"{item.path}:{item.line}", f"{item.codes}: {item.problem}")
        elif item.codes.startswith(("all codes", "whole file")):
            text = f"{item.codes}: it silences more than it names; write `# noqa: CODE` and a reason"
            yield Diagnosis(f"{item.path}:{item.line}", text)


def _flake8(options: argparse.Namespace, rules: Sequence[str]) -> Iterator[Diagnosis]:
    cfg, folder = config.load_config(None, [])
    path = next((path for name in _FILES if _has_section(path := os.path.join(folder, name))), None)
    if path is not None:
        # flake8 reads the first of them alone, in this order
        first = next(name for name in reversed(_FILES) if _has_section(os.path.join(folder, name)))
        path = os.path.join(folder, first)
        for name in _FILES:
            if name != first and _has_section(other := os.path.join(folder, name)):
                text = f"flake8 does not read it, as {first} has [flake8] too; move its lines there"
                yield Diagnosis(_place(other, r"\[flake8\]"), text)
    if _has_flake8_table(_PYPROJECT):
        if importlib.util.find_spec("flake8p") is not None:
            path = _PYPROJECT  # read instead of all others
        else:
            text = (
                "flake8 does not read it without Flake8-pyproject; install that, or move its lines to .flake8"
            )
            yield Diagnosis(_place(_PYPROJECT, r"\[tool\.flake8\]"), text)
    decider = style_guide.DecisionEngine(options)
    silent = [rule for rule in rules if decider.decision_for(rule) is not style_guide.Decision.Selected]
    if silent == list(rules) and options.select is not None and path is not None:
        text = "select leaves out our rules; write: extend-select = AIG"
        yield Diagnosis(_place(path, r"select\b"), text)
    elif silent and path is not None:
        text = f"{', '.join(silent)} ignored" + ("; take AIG out of it" if silent == list(rules) else "")
        yield Diagnosis(_place(path, r"(extend[-_])?ignore\b"), text, is_problem=silent == list(rules))
    # E9 comes with pycodestyle, unless a select leaves it out
    if options.select and decider.decision_for("E999") is not style_guide.Decision.Selected and path:
        text = (
            "select leaves out E9, so that a file that does not parse passes; write: extend-select = AIG, E9"
        )
        yield Diagnosis(_place(path, r"select\b"), text)
    if path is not None and "flake8" in cfg:
        for key in cfg["flake8"]:
            known = key.replace("_", "-")
            if known.startswith("aiguard-") and (hint := settings.unknown(known.removeprefix("aiguard-"))):
                yield Diagnosis(_place(path, re.escape(key)), f"unknown setting {key}; {hint}")


def _has_section(path: str) -> bool:
    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding="utf-8")
    except (UnicodeDecodeError, configparser.Error):
        return False
    return "flake8" in parser


def _has_flake8_table(path: str) -> bool:
    try:
        with open(path, encoding="utf-8") as file:
            return "flake8" in toml.parsed(file.read()).get("tool", {})
    except (OSError, ValueError, TypeError):
        return False


def _unknown_settings() -> Iterator[Diagnosis]:
    path, table = settings.project_table(os.getcwd())
    if path is None:
        return
    for key in table:
        if key != "table" and (hint := settings.unknown(key)):
            yield Diagnosis(_place(path, re.escape(key)), f"unknown setting {key}; {hint}")


def _ruff(files: runner.Files, rules: Sequence[str]) -> Iterator[Diagnosis]:
    path = ruff.configuration_of("stdin.py")
    if path is None:
        return
    external = ruff.external(path)
    if external is None:
        text = "its configuration is not understood; all findings are reported"
        yield Diagnosis(os.path.relpath(path), text, is_problem=False)
        return
    if not all(rule.startswith(external) for rule in rules):
        section = "tool.ruff.lint" if os.path.basename(path) == "pyproject.toml" else "lint"
        text = f'Ruff deletes noqa comments of our codes (RUF100, RUF102); write under [{section}]: external = ["AIG"]'
        yield Diagnosis(_place(path, r"external\b"), text)
    left = Counter(
        item.code for name, results in files.raw for item in results if files.is_left_to_ruff(item, name)
    )
    if left:
        text = ", ".join(f"{code} {count}" for code, count in sorted(left.items()))
        text = f"findings left to Ruff, which reports the same: {text} (defer-to-ruff)"
        yield Diagnosis(os.path.relpath(path), text, is_problem=False)


def _baseline(files: runner.Files) -> Iterator[Diagnosis]:
    path = Checker.baseline.path
    if path is not None:
        shown = os.path.relpath(path)
        for key, count in sorted(files.stale().items()):
            text = f"{key.path}: {key.code} is gone ({count}); run `flake8-aiguard baseline --update`"
            yield Diagnosis(shown, text)
    elif Checker.options.baseline not in ("", settings.Settings().baseline):
        text = f"the setting baseline names {Checker.options.baseline}, which does not exist"
        yield Diagnosis("pyproject.toml", text)


def _pre_commit() -> Iterator[Diagnosis]:
    paths = (os.path.join(folder, precommit.FILE) for folder in settings.upwards(os.getcwd()))
    path = next(filter(os.path.isfile, paths), None)
    if path is None:
        return
    shown = os.path.relpath(path)
    try:
        with open(path, encoding="utf-8") as file:
            for line, text in precommit.problems(file.read()):
                yield Diagnosis(f"{shown}:{line}", text)
    except ImportError:
        yield Diagnosis(shown, "not looked at, as the extra sql is missing", is_problem=False)
    except (OSError, ValueError) as error:
        yield Diagnosis(shown, str(error))


def _place(path: str, start: str) -> str:
    """A file and the number of its first line that starts so; the file alone where none does."""
    shown = os.path.relpath(path)
    pattern = re.compile(rf'\s*"?{start}')
    with open(path, encoding="utf-8") as file:
        numbers = (number for number, line in enumerate(file, 1) if pattern.match(line))
        return f"{shown}:{number}" if (number := next(numbers, None)) else shown
