"""What the project's own Ruff configuration already reports.

An approximation of Ruff's configuration that errs towards "not reported": so it answers where there is no
configuration, and where one is not understood. It does not see Ruff's command line, a configuration of the
user, nor ``.gitignore``.

Sources: docs.astral.sh/ruff/configuration, docs.astral.sh/ruff/settings, and Ruff 0.17 itself, with which the
tests compare.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from flake8_aiguard import toml
from flake8_aiguard.regex import regex

Version: TypeAlias = tuple[int, ...]

_TABLE: Final = Path(__file__).parent / "ruff_defaults.toml"
_LAST: Final = 9999  # stands for the last patch of a minor version
_TOKEN: Final = regex(
    r"(?P<folders>\A\*\*/|/\*\*/)|\[[!^]?(?P<members>\]?[^\]]*)\]|\\(?P<escaped>.)|(?P<char>.)", re.DOTALL
)
_WILDCARDS: Final = {"*": ".*", "?": ".", "{": "(?:", ",": "|", "}": ")"}
_CLAUSE: Final = regex(r"\s*(===|==|!=|<=|>=|~=|<|>|)\s*(\d+(?:\.\d+)*)(\.\*)?\s*")


class _NotUnderstood(Exception):
    """A configuration that Ruff refuses, or whose meaning this module does not know."""


def reports(code: str, filename: str) -> bool:
    """Whether Ruff, configured as the project has it, looks for a code in a file.

    Args:
        code: a Ruff code: ``SIM115``.
        filename: the file; for ``stdin`` and ``-``, a file in the working directory is meant.

    Returns:
        True only where the nearest Ruff configuration surely enables the code for the file.
    """
    return _reports(code, os.path.abspath("stdin.py" if filename in ("stdin", "-") else filename))


def configuration_of(filename: str) -> str | None:
    """The Ruff configuration that applies to a file; ``None`` without one."""
    return _config_file(os.path.dirname(os.path.abspath(filename)))


def external(path: str) -> tuple[str, ...] | None:
    """The prefixes of codes of other tools, whose ``noqa`` comments Ruff leaves alone.

    Args:
        path: a configuration.

    Returns:
        Its ``external``; ``None`` where the configuration is not understood.
    """
    try:
        return next((layer.external for layer in _layers(path) if layer.external is not None), ())
    except _NotUnderstood:
        return None


@functools.lru_cache(maxsize=1024)
def _reports(code: str, path: str) -> bool:
    found = _config_file(os.path.dirname(path))
    configuration = _configuration(found) if found else None
    if found is None or configuration is None or not configuration.reports(code, path):
        return False
    # A folder with a configuration of its own may be excluded by one above it.
    root = os.path.dirname(found)
    while (found := _config_file(os.path.dirname(root))) and os.path.dirname(found) != root:
        configuration = _configuration(found)
        if configuration is None or configuration.excludes(root):
            return False
        root = os.path.dirname(found)
    return True


# -- finding and reading configurations


@functools.lru_cache(maxsize=1024)
def _config_file(folder: str) -> str | None:
    """The configuration that applies to the files of a folder: the nearest one upwards."""
    for name in (".ruff.toml", "ruff.toml"):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
    path = os.path.join(folder, "pyproject.toml")
    if os.path.isfile(path) and _has_ruff_table(path):
        return path
    parent = os.path.dirname(folder)
    return None if parent == folder else _config_file(parent)


def _has_ruff_table(path: str) -> bool:
    try:
        return "ruff" in _mapping(_toml(path), "tool")
    except _NotUnderstood:
        return True


@functools.lru_cache(maxsize=1024)
def _toml(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if path.endswith("pyproject.toml") and "ruff" not in text:
            return {}
        return toml.parsed(text)
    except (OSError, ValueError) as error:
        raise _NotUnderstood from error


@functools.lru_cache(maxsize=1024)
def _configuration(path: str) -> _Configuration | None:
    try:
        layers = list(_layers(path))[::-1]
        return _Configuration(layers, os.path.dirname(path))
    except _NotUnderstood:
        return None


def _layers(path: str) -> Iterator[_Layer]:
    """A configuration, then the one that it extends, and so on."""
    seen = set()
    following: str | None = path
    while following is not None:
        if following in seen:
            raise _NotUnderstood
        seen.add(following)
        layer = _Layer(following)
        yield layer
        following = layer.extend


class _Layer:
    """The settings of one file; ``None`` for what it does not set."""

    def __init__(self, path: str) -> None:
        root = os.path.dirname(path)
        options = _toml(path)
        if os.path.basename(path) == "pyproject.toml":
            options = _mapping(_mapping(options, "tool"), "ruff")
        # Ruff still takes the keys of `lint` at the top level, key by key.
        lint = options | _mapping(options, "lint")
        own_lint = _mapping(options, "lint")

        extend = _typed(options, "extend", str)
        if extend is not None:
            extend = os.path.expanduser(os.path.expandvars(extend))
            extend = os.path.normpath(os.path.join(root, extend))
        self.extend: str | None = extend
        self.required_version: str | None = _typed(options, "required-version", str)
        self.preview: bool | None = _typed(options, "preview", bool)
        self.lint_preview: bool | None = _typed(own_lint, "preview", bool)
        self.explicit: bool | None = _typed(lint, "explicit-preview-rules", bool)
        self.select = _strings(lint, "select")
        self.external = _strings(lint, "external")
        self.extend_select = _strings(lint, "extend-select") or ()
        self.ignore = (_strings(lint, "ignore") or ()) + (_strings(lint, "extend-ignore") or ())
        self.file_ignores = _file_ignores(lint, "per-file-ignores", root)
        self.extend_file_ignores = _file_ignores(lint, "extend-per-file-ignores", root) or ()
        self.include = _patterns(options, "include", root)
        self.extend_include = _patterns(options, "extend-include", root) or ()
        self.exclude = _patterns(options, "exclude", root)
        self.extend_exclude = _patterns(options, "extend-exclude", root) or ()
        self.lint_exclude = _patterns(own_lint, "exclude", root)


def _typed(table: Mapping[str, Any], key: str, kind: type) -> Any:
    value = table.get(key)
    if value is not None and not isinstance(value, kind):
        raise _NotUnderstood
    return value


def _mapping(table: Mapping[str, Any], key: str) -> dict[str, Any]:
    found: dict[str, Any] | None = _typed(table, key, dict)
    return found or {}


def _strings(table: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    value = _typed(table, key, list)
    if value is None:
        return None
    if not all(isinstance(item, str) for item in value):
        raise _NotUnderstood
    return tuple(value)


# -- patterns


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A pattern of ``include`` or ``exclude``: below its folder and, without a folder in it, as it stands."""

    below: re.Pattern[str]
    bare: re.Pattern[str] | None

    @classmethod
    def of(cls, pattern: str, root: str) -> _Pattern:
        return cls(_below(pattern, root), None if "/" in pattern else _regex(pattern))

    def matches(self, text: str) -> bool:
        return bool(self.below.fullmatch(text) or (self.bare is not None and self.bare.fullmatch(text)))


@dataclass(frozen=True, slots=True)
class _FileIgnore:
    """A row of ``per-file-ignores``."""

    below: re.Pattern[str]
    name: re.Pattern[str]
    negated: bool
    selectors: tuple[str, ...]

    def concerns(self, path: str) -> bool:
        return bool(self.below.fullmatch(path) or self.name.fullmatch(_name(path))) != self.negated


def _below(pattern: str, root: str) -> re.Pattern[str]:
    literal = re.sub(r"[][*?{}]", r"[\g<0>]", root)
    return _regex(_posix(os.path.normpath(os.path.join(literal, pattern))))


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _posix(path: str) -> str:
    return path.replace(os.sep, "/")


def _patterns(table: Mapping[str, Any], key: str, root: str) -> tuple[_Pattern, ...] | None:
    found = _strings(table, key)
    return None if found is None else tuple(_Pattern.of(pattern, root) for pattern in found)


@functools.lru_cache(maxsize=1024)
def _regex(pattern: str) -> re.Pattern[str]:
    """The regular expression of a glob, in the dialect of Rust's globset with ``*`` matching ``/``.

    Source: docs.rs/globset, "Syntax".
    """
    parts: list[str] = []
    depth = 0
    for token in _TOKEN.finditer(pattern):
        kind, text = token.lastgroup, token[0]
        if kind == "folders":
            parts.append("(?:/?|.*/)" if token.start() == 0 and text[0] == "*" else "/(?:.*/)?")
        elif kind == "members":
            if "--" in token["members"]:  # to re, a set difference
                raise _NotUnderstood
            members = re.sub(r"([\\\[\]&|~^])", r"\\\1", token["members"])
            parts.append(f"[{'^' if text[1] in '!^' else ''}{members}]")
        elif kind == "escaped":
            parts.append(re.escape(token["escaped"]))
        elif text in _WILDCARDS and not (text in "},," and depth == 0):
            depth += (text == "{") - (text == "}")
            parts.append(_WILDCARDS[text])
        elif text == "[" or text == "}":
            raise _NotUnderstood
        else:
            parts.append(re.escape(text))
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error as error:
        raise _NotUnderstood from error


def _file_ignores(table: Mapping[str, Any], key: str, root: str) -> tuple[_FileIgnore, ...] | None:
    found = _typed(table, key, dict)
    if found is None:
        return None
    rows = []
    for text in found:
        pattern = text.removeprefix("!")
        rows.append(
            _FileIgnore(_below(pattern, root), _regex(pattern), text != pattern, _strings(found, text) or ())
        )
    return tuple(rows)


# -- what a configuration enables


@dataclass(frozen=True, slots=True)
class _Table:
    """Ruff's rules and defaults, from ``ruff_defaults.toml``; its file patterns joined in one."""

    stable: Mapping[str, Version]
    preview: frozenset[str]
    removed: frozenset[str]
    renamed: Mapping[str, str]
    defaults: tuple[tuple[Version, Mapping[str, Any]], ...]
    included: str
    excluded: str
    first: Version
    newest: Version


@functools.lru_cache(maxsize=1024)
def _table() -> _Table:
    data = toml.packaged(_TABLE)
    stable = {code: _version(row["since"]) for row in data["stable"] for code in row["codes"]}
    return _Table(
        stable,
        frozenset(code for row in data["preview"] for code in row["codes"]),
        frozenset(code for row in data["removed"] for code in row["codes"]),
        {old: new for row in data["renamed"] for old, new in row["names"].items()},
        tuple((_version(row["since"]), row) for row in data["default"]),
        "{" + ",".join(pattern for row in data["included"] for pattern in row["patterns"]) + "}",
        "{" + ",".join(pattern for row in data["excluded"] for pattern in row["patterns"]) + "}",
        min(stable.values()),
        max(_version(row["since"]) for row in data["preview"]),
    )


def _version(text: str) -> Version:
    """A version in three parts: ``0.17`` is ``(0, 17, 0)``."""
    parts = [int(part) for part in text.split(".")]
    return (*parts, 0, 0, 0)[:3]


def _used_version(required: str | None) -> Version:
    """The highest version that ``required-version`` admits, by default the newest known one."""
    newest = (*_table().newest[:2], _LAST)
    clauses = []
    for text in (required or "").split(",") if required else ():
        found = _CLAUSE.fullmatch(text)
        if found is None:
            raise _NotUnderstood
        clauses.append((found[1], found[2], bool(found[3])))
    candidates = {newest}
    for _, text, _ in clauses:
        major, minor, patch = _version(text)
        below = (major, minor, patch - 1) if patch else (major, minor - 1, _LAST)
        candidates |= {below, (major, minor, patch), (major, minor, patch + 1)}
    admitted = [version for version in candidates if all(_admits(clause, version) for clause in clauses)]
    if not admitted or max(admitted) < _table().first:
        raise _NotUnderstood
    return max(admitted)


def _admits(clause: tuple[str, str, bool], version: Version) -> bool:
    """Whether a version fits a clause of a PEP 440 specifier."""
    operator, text, wildcard = clause
    wanted = _version(text)
    parts = text.count(".") + 1
    if operator == "~=":
        return version >= wanted and version[: parts - 1] == wanted[: parts - 1]
    same = version[:parts] == wanted[:parts] if wildcard else version == wanted
    return {
        "": same,
        "==": same,
        "===": same,
        "!=": not same,
        "<": version < wanted,
        "<=": version <= wanted,
        ">": version > wanted,
        ">=": version >= wanted,
    }[operator]


class _Configuration:
    """A configuration with all that it extends.

    Args:
        layers: its files, the extended ones first.
        root: the folder of the last one.
    """

    def __init__(self, layers: list[_Layer], root: str) -> None:
        self._layers = layers
        self._root = _posix(root)
        self._version = _used_version(self._last("required_version"))
        self._preview: bool = self._last("lint_preview", self._last("preview", False))
        self._explicit: bool = self._last("explicit", False)
        self._file_ignores: tuple[_FileIgnore, ...] = self._last("file_ignores", ())
        self._file_ignores += self._all("extend_file_ignores")
        included = (_Pattern.of(_table().included, root),)
        self._include: tuple[_Pattern, ...] = self._last("include", included) + self._all("extend_include")
        excluded = (_Pattern.of(_table().excluded, root),)
        self._exclude: tuple[_Pattern, ...] = self._last("exclude", excluded) + self._all("extend_exclude")
        self._lint_exclude: tuple[_Pattern, ...] = self._last("lint_exclude", ())
        for layer in layers:
            _require_known(layer.ignore)
        for row in self._file_ignores:
            _require_known(row.selectors)

    def _last(self, name: str, default: Any = None) -> Any:
        found = [value for layer in self._layers if (value := getattr(layer, name)) is not None]
        return found[-1] if found else default

    def _all(self, name: str) -> tuple[Any, ...]:
        return tuple(value for layer in self._layers for value in getattr(layer, name))

    def reports(self, code: str, path: str) -> bool:
        """Whether a code is enabled for a file and the file is linted."""
        path = _posix(path)
        return (
            self._enables(code)
            and not any(row.concerns(path) and _best(row.selectors, code) >= 0 for row in self._file_ignores)
            and any(pattern.matches(path) for pattern in self._include)
            and not any(
                pattern.matches(path) or pattern.matches(_name(path)) for pattern in self._lint_exclude
            )
            and not self.excludes(path)
        )

    def _enables(self, code: str) -> bool:
        """Whether the selections enable a code.

        As Ruff does it: each file of the chain in turn, and of the selectors of one file the longest decides,
        ``ignore`` where ``select`` has the same. A ``select`` starts anew; where it and ``extend-select`` are
        empty, the file's ``ignore`` is handed on.
        """
        table = _table()
        if code in table.preview:
            # which earlier version had it in preview is not in the table
            if not self._preview or self._version < table.newest:
                return False
            exact = self._explicit
        elif self._version < table.stable.get(code, (_LAST,)):
            return False
        else:
            exact = False
        enabled = self._default(code)
        handed_on: tuple[str, ...] = ()
        for layer in self._layers:
            selected = _best((layer.select or ()) + layer.extend_select, code, exact)
            ignored = _best(layer.ignore + handed_on, code, exact)
            if layer.select is not None or max(selected, ignored) >= 0:
                enabled = selected > ignored
            handed_on = layer.ignore if layer.select == () == layer.extend_select else ()
        return enabled

    def _default(self, code: str) -> bool:
        row = max((row for row in _table().defaults if row[0] <= self._version), key=lambda row: row[0])[1]
        if self._preview and code in row["preview_drops"]:
            return False
        if self._preview and not self._explicit and code in row["preview_adds"]:
            return True
        return _best(row["select"], code) >= 0

    def excludes(self, path: str) -> bool:
        """Whether Ruff, run on the whole project, leaves out a file or folder, or one around it."""
        path = _posix(path)
        while len(path) > len(self._root):
            if any(pattern.matches(path) or pattern.matches(_name(path)) for pattern in self._exclude):
                return True
            path = path.rpartition("/")[0]
        return False


def _best(selectors: Iterable[str], code: str, exact: bool = False) -> int:
    """The length of the longest selector that covers a code: 0 for ``ALL``, -1 for none."""
    letters = len(code.rstrip("0123456789"))
    best = -1
    for selector in selectors:
        selector = _table().renamed.get(selector, selector)
        if exact and selector != code:
            continue
        if selector == "ALL":
            best = max(best, 0)
        elif code.startswith(selector) and (len(selector) >= letters or selector == "PL"):
            best = max(best, len(selector))
    return best


def _require_known(selectors: Iterable[str]) -> None:
    """Refuse what might ignore any rule: a name, a category, a code of another version of Ruff."""
    table = _table()
    for selector in selectors:
        if selector == "ALL" or selector in table.renamed:
            continue
        if not any(code.startswith(selector) for code in (*table.stable, *table.preview, *table.removed)):
            raise _NotUnderstood
