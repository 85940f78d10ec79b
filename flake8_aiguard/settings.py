"""The one table of settings, how they are read, and their page in the documentation."""

from __future__ import annotations

import argparse
import fnmatch
import functools
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Final, TypeVar

from flake8.exceptions import ExecutionError
from flake8.main.options import register_default_options
from flake8.options import aggregator, config
from flake8.options.manager import OptionManager

from flake8_aiguard import toml
from flake8_aiguard.regex import regex

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row that a user adds to a knowledge table.

    Attributes:
        table: the table, ``file.array``.
        columns: the row; its columns are checked where the table is loaded.
        origin: the file that it stands in, for error messages.
    """

    table: str
    columns: Mapping[str, Any]
    origin: str


def _setting(default: T, help: str, choices: tuple[str, ...] = (), since: str = "0.1.0") -> T:
    metadata = {"help": help, "choices": choices, "since": since}
    declared: T = field(default=default, metadata=metadata)
    return declared


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a run, declared here and nowhere else.

    A key is the attribute's name with ``-`` for ``_``; its type is that of its default.
    """

    gates: str = _setting(
        "generated",
        "Where the gates, rules that not everybody wants everywhere, report: in code tagged as generated, "
        "in all code, or nowhere.",
        choices=("generated", "all", "off"),
    )
    tests: tuple[str, ...] = _setting(
        ("tests/", "test_*.py", "*_test.py", "conftest.py"),
        "Files exempt from the rules that do not report in tests. A pattern that ends in / names a folder "
        "anywhere in the path, one with another / the whole path from the working directory, any other the "
        "file's name.",
    )
    vendored: tuple[str, ...] = _setting(
        (
            *("_vendor/", "_vendored/", "vendor/", "vendored/", "vendoring/", "third_party/", "thirdparty/"),
            *("node_modules/", "site-packages/"),
        ),
        "Files that the project carries and does not maintain: no rule reports there. Patterns as in `tests`.",
    )
    defer_to_ruff: bool = _setting(
        True,
        "Leave out a finding where the project's own Ruff configuration enables Ruff's code for that very "
        "shape, or a `noqa` beside it names that code.",
    )
    blocking_metadata: bool = _setting(
        False,
        "AIG006 also reports calls that only ask for file metadata, such as os.path.exists, in async code.",
    )
    write_once: tuple[str, ...] = _setting(
        (),
        "AIG011: attributes and variables of modules that nothing changes after they are set, such as "
        "`package.module:Class._attribute` or `package.module:NAME`; the comment `# aiguard: write-once` says the "
        "same where one is set.",
    )
    generated_from: tuple[str, ...] = _setting(
        (),
        "Modules from which an imported `generated` tags code; one defined in the file or imported "
        "relatively always does.",
    )
    provenance_required: tuple[str, ...] = _setting(
        ("model", "timestamp", "task_id", "confidence"),
        "AIG030: the keys that every @generated(...) tag must give.",
    )
    adr_pattern: str = _setting(
        r"ADR-\d+",
        "AIG016: what the citation of a decision record looks like in a comment, as a regular expression.",
    )
    adr_dir: str = _setting(
        "",
        "AIG016: the folder of the decision records, from the folder of pyproject.toml; a citation without a file "
        "there, such as `0012-use-queues.md` for ADR-12, is reported. Empty: citations are taken as they are.",
    )
    rule_dirs: tuple[str, ...] = _setting(
        (),
        "Folders with ast-grep rules of the project's own, for `flake8-aiguard scan` and AIG029; a folder `utils` "
        "within holds global utility rules. In `pyproject.toml` they are relative to it.",
    )
    scan_select: tuple[str, ...] = _setting(
        (),
        "The rules of `flake8-aiguard scan` and AIG029 that report, by code or its beginning; none means all but "
        "the opt-in ones.",
    )
    scan_ignore: tuple[str, ...] = _setting(
        (),
        "The rules of `flake8-aiguard scan` and AIG029 that do not report; where one is selected, too, the longer "
        "name counts.",
    )
    scan_extend_select: tuple[str, ...] = _setting(
        (),
        "Rules of `flake8-aiguard scan` and AIG029 that report besides the others: the opt-in ones.",
    )
    baseline: str = _setting(
        ".aiguard-baseline.json",
        "The file of findings accepted once, looked for from the working directory up to the root of the "
        "repository; empty for none.",
    )
    require_reason: bool = _setting(
        False,
        "`check --suppressions` also fails on a noqa comment of our codes without a reason behind the codes.",
    )
    docs_url: str = _setting(
        "",
        "Where you publish `docs/`, such as `https://lint.example.org/aiguard`: `--format=aiguard-sarif` then gives each rule the "
        "address of its page (`helpUri`). Without it the whole page stands in the report.",
    )
    tables: tuple[TableRow, ...] = ()


_KEYS: Final[Mapping[str, Field[Any]]] = {
    item.name.replace("_", "-"): item for item in fields(Settings) if item.name != "tables"
}
_PREFIX: Final = "aiguard-"
_CONTRACT: Final = regex(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
_YES: Final = ("true", "yes", "on", "1")
_NO: Final = ("false", "no", "off", "0")


# -- values


def _checked(key: str, value: object, origin: str, shown_as: str) -> Any:
    """A value in the type of its setting, or an error that names file, key, value and remedy."""
    item = _KEYS[key]
    choices: tuple[str, ...] = item.metadata["choices"]

    def wrong(remedy: str) -> ExecutionError:
        return ExecutionError(f"{origin}: {shown_as} = {value!r} is not valid; {remedy}")

    if choices:
        if value not in choices:
            raise wrong("use one of " + ", ".join(f'"{choice}"' for choice in choices))
        return value
    if isinstance(item.default, bool):
        if not isinstance(value, bool):
            raise wrong("use true or false")
        return value
    if isinstance(item.default, str):
        if not isinstance(value, str):
            raise wrong("use a string")
        if key == "adr-pattern":
            _check_pattern(value, wrong)
        if key == "docs-url" and value and not value.startswith(("http://", "https://")):
            raise wrong("use an address that begins with https://")
        return value
    if not isinstance(value, (list, tuple)) or not all(isinstance(entry, str) and entry for entry in value):
        raise wrong('use a list of strings, such as ["first", "second"]')
    if key == "write-once":
        for entry in value:
            if not _CONTRACT.fullmatch(entry):
                raise wrong(
                    f'{entry!r} is no name of an attribute; write it as "package.module:Class._attribute"'
                )
    if key == "generated-from" and not all(
        part.isidentifier() for entry in value for part in entry.split(".")
    ):
        raise wrong('use names of modules, such as ["package.module"]')
    if key == "provenance-required" and not all(entry.isidentifier() for entry in value):
        raise wrong('use names of keyword arguments, such as ["model", "task_id"]')
    return tuple(value)


def _check_pattern(value: str, wrong: Callable[[str], ExecutionError]) -> None:
    try:
        matches_nothing = re.compile(value).search("") is not None
    except re.error as error:
        raise wrong(f"use a regular expression ({error})") from None
    if matches_nothing:
        raise wrong("use a regular expression that needs some text")


def _rows(value: object, origin: str) -> tuple[TableRow, ...]:
    """The rows of ``[[tool.aiguard.table]]``."""
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise ExecutionError(
            f"{origin}: table = {value!r} is not valid; write each row under [[tool.aiguard.table]]"
        )
    found = []
    for row in value:
        table = row.get("table")
        if not isinstance(table, str) or not re.fullmatch(r"[a-z_]+\.[a-z_]+", table):
            raise ExecutionError(
                f"{origin}: [[tool.aiguard.table]]: table = {table!r} is not valid; "
                'name the table to extend as "file.array", such as "timeouts.call"'
            )
        columns = {column: entry for column, entry in row.items() if column != "table"}
        found.append(TableRow(table, columns, origin))
    return tuple(found)


# -- flake8's options


def add_options(option_manager: OptionManager) -> None:
    """Register one option for each setting, unless another rule has done so.

    Their default is ``None``: not given. flake8 has merged command line and configuration file when a plugin
    sees the options.

    Args:
        option_manager: flake8's option manager.
    """
    for key, item in _KEYS.items():
        name = _PREFIX + key
        if name in option_manager.config_options_dict:
            return
        listed = isinstance(item.default, tuple)
        option_manager.add_option(
            f"--{name}",
            default=None,
            parse_from_config=True,
            comma_separated_list=listed,
            metavar="{" + ",".join(_accepted(item)) + "}"
            if _accepted(item)
            else "LIST"
            if listed
            else "TEXT",
            help=f"{item.metadata['help']} (default: {_shown(item.default)})".replace("%", "%%"),
        )


def _accepted(item: Field[Any]) -> tuple[str, ...]:
    return item.metadata["choices"] or (("true", "false") if isinstance(item.default, bool) else ())


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return value or "none" if isinstance(value, str) else str(value).lower()


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """The settings given on the command line or in flake8's configuration file."""
    found = {}
    for key, item in _KEYS.items():
        name = _PREFIX + key
        value = getattr(options, name.replace("-", "_"), None)
        if value is None:
            continue
        if isinstance(item.default, bool) and isinstance(value, str):
            value = {**dict.fromkeys(_YES, True), **dict.fromkeys(_NO, False)}.get(value.lower(), value)
        found[key] = _checked(key, value, "command line or [flake8]", name)
    return found


def project_options() -> argparse.Namespace:
    """flake8's options and ours, from flake8's configuration file alone.

    Raises:
        ExecutionError: the file is wrong; so do ``configparser.Error`` and ``ValueError``.
    """
    manager = OptionManager(version="", plugin_versions="", parents=[], formatter_names=[])
    register_default_options(manager)
    add_options(manager)
    return aggregator.aggregate_options(manager, *config.load_config(None, []), [])


_seen: tuple[argparse.Namespace, str, Settings] | None = None


def from_options(options: argparse.Namespace) -> Settings:
    """The settings of a run: command line, then ``[flake8]``, then ``[tool.aiguard]``, then the defaults.

    All rules hand over the same options; the files are read for the first one. A key of ``[tool.aiguard]``
    that does not exist is a warning on stderr, as another version may know it.

    Args:
        options: flake8's options.

    Returns:
        The settings.

    Raises:
        ExecutionError: a value of the wrong type or none of the choices, or a file that is not valid TOML.
    """
    global _seen
    folder = os.getcwd()
    if _seen is None or _seen[0] is not options or _seen[1] != folder:
        values = _from_project(folder)
        values.update(_given(options))
        _seen = (options, folder, Settings(**{key.replace("-", "_"): value for key, value in values.items()}))
    return _seen[2]


# -- [tool.aiguard]


def _from_project(folder: str) -> dict[str, Any]:
    """The values of the nearest pyproject.toml with a table for us."""
    path, table = project_table(folder)
    if path is None:
        return {}
    values = _values(table, os.path.relpath(path))
    here = os.path.dirname(path)
    if values.get("adr-dir"):
        values["adr-dir"] = os.path.relpath(os.path.join(here, values["adr-dir"]))
    if "rule-dirs" in values:
        values["rule-dirs"] = tuple(os.path.relpath(os.path.join(here, name)) for name in values["rule-dirs"])
    return values


def project_table(folder: str) -> tuple[str | None, Any]:
    """The nearest pyproject.toml with a table for us, up to the root of the repository.

    Args:
        folder: where to start.

    Returns:
        Its path and ``[tool.aiguard]``; ``None`` twice without one.

    Raises:
        ExecutionError: a file on the way is not valid TOML, or cannot be read.
    """
    for above in upwards(folder):
        path = os.path.join(above, "pyproject.toml")
        table = _read(path)
        if table is not None:
            return path, table
    return None, None


def upwards(folder: str) -> Iterator[str]:
    """A folder and those above it, up to the root of the repository; without one, up to the file system's."""
    while True:
        yield folder
        parent = os.path.dirname(folder)
        if parent == folder or os.path.exists(os.path.join(folder, ".git")):
            return
        folder = parent


def _read(path: str) -> object:
    """The table ``[tool.aiguard]`` of a file, ``None`` without one."""
    if not os.path.isfile(path):
        return None
    shown = os.path.relpath(path)
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        tool = toml.parsed(text).get("tool") if "aiguard" in text else None
    except OSError as error:
        raise ExecutionError(f"{shown}: cannot be read ({error.strerror}); check its permissions") from error
    except UnicodeDecodeError as error:
        raise ExecutionError(f"{shown}: is not UTF-8, as TOML must be; save it as UTF-8") from error
    except ValueError as error:
        raise ExecutionError(f"{shown}: is not valid TOML; correct it: {error}") from error
    return tool.get("aiguard") if isinstance(tool, dict) else None


def _values(table: object, origin: str) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise ExecutionError(
            f"{origin}: tool.aiguard = {table!r} is not valid; write the settings under [tool.aiguard]"
        )
    values = {}
    for key, value in table.items():
        if key == "table":
            values["tables"] = _rows(value, origin)
        elif key in _KEYS:
            values[key] = _checked(key, value, origin, key)
        else:
            _warn(key, origin)
    return values


def _warn(key: str, origin: str) -> None:
    import multiprocessing

    if multiprocessing.parent_process() is not None:
        return  # a worker of flake8: the main process has said it
    print(f"{origin}: [tool.aiguard] has the unknown key {key}; {unknown(key)}", file=sys.stderr)


def unknown(key: str) -> str:
    """What may be meant by a key that is no setting; empty for one that is."""
    if key in _KEYS:
        return ""
    import difflib

    near = difflib.get_close_matches(key, [*_KEYS, "table"], 1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(_KEYS)} and table"


# -- files by their paths


def is_test_path(filename: str, patterns: tuple[str, ...]) -> bool:
    """Whether the path of a file matches patterns: whether it is a test file, or vendored.

    Args:
        filename: the file as flake8 names it; ``stdin`` and ``-`` match nothing.
        patterns: the setting ``tests``, or another one written like it.

    Returns:
        Whether one of the patterns matches; below the working directory only the path from there counts, so
        that a checkout in a folder ``tests`` is not all tests.
    """
    if filename in ("stdin", "-"):
        return False
    is_far = os.path.isabs(filename) or os.pardir in filename
    path, around, name = _located(filename, os.getcwd() if is_far else "")
    folders, names, paths = _test_path(patterns)
    if not folders.isdisjoint(around) or names.match(name) is not None:
        return True
    return paths is not None and paths.match(path) is not None


@functools.lru_cache(maxsize=8)
def _located(filename: str, working: str) -> tuple[str, list[str], str]:
    """The path of a file from the working directory, its folders and its name: each file is asked about several times."""
    path = os.path.normpath(filename)
    if os.path.isabs(path) or path.startswith(os.pardir):
        path = os.path.normpath(os.path.join(working, path)).removeprefix(working.rstrip(os.sep) + os.sep)
    path = path.replace(os.sep, "/")
    *around, name = path.split("/")
    return path, around, name


@functools.lru_cache(maxsize=64)
def _test_path(
    patterns: tuple[str, ...],
) -> tuple[frozenset[str], re.Pattern[str], re.Pattern[str] | None]:
    """What the paths of test files look like, as it is asked for every file: folders, file names, and whole paths."""
    folders, names, paths = set(), [], []
    for pattern in patterns:
        folder = pattern.removesuffix("/")
        if "/" not in pattern:
            names.append(fnmatch.translate(pattern))
        elif folder == pattern:
            paths.append(fnmatch.translate(pattern))
        elif re.search(r"[*?\[/]", folder) is None:
            folders.add(folder)
        else:
            paths.append("(?s:.*/)?" + fnmatch.translate(f"{pattern}*"))
    return (
        frozenset(folders),
        re.compile("|".join(names) or r"(?!)"),
        re.compile("|".join(paths)) if paths else None,
    )


# -- the page


def render_docs() -> str:
    """The documentation page of all settings, as Markdown."""
    sections = []
    for key, item in _KEYS.items():
        accepted = _accepted(item)
        kind = "list of strings" if isinstance(item.default, tuple) else "string"
        if accepted:
            kind = "one of " + ", ".join(f"`{word}`" for word in accepted)
        sections.append(
            f"""\
## `{key}`

{item.metadata["help"]}

- Type: {kind}
- Default: `{_toml(item.default)}`
- Since: {item.metadata["since"]}
- flake8: `--{_PREFIX}{key}`, or `{_PREFIX}{key} =` under `[flake8]`
"""
        )
    example = "".join(f"{key} = {_toml(item.default)}\n" for key, item in _KEYS.items())
    return f"""\
# Settings

Settings stand in `pyproject.toml`, or with the prefix `aiguard-` among flake8's own options. The defaults:

```toml
[tool.aiguard]
{example}```

```ini
[flake8]
aiguard-gates = generated
aiguard-tests = tests/, test_*.py, *_test.py, conftest.py
```

The command line counts first, then `[flake8]`, then `[tool.aiguard]`, then the default. The table is taken
whole from the nearest `pyproject.toml` that has it, from the working directory up to the root of the
repository. flake8's `--isolated` does not reach plugins: the table is read all the same.

A wrong value ends the run with a message. An unknown key is a warning, as another version may know it.

{chr(10).join(sections)}
## `[[tool.aiguard.table]]`

Adds a row to a knowledge table: own wrappers, clients, decorators. `table` names the file and the array in
it, the other keys are the columns of that table, in its own format. Only in `pyproject.toml`.

```toml
[[tool.aiguard.table]]
table = "timeouts.call"
calls = ["acme.http.fetch"]
keywords = ["timeout"]
default = "none"
```
"""


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(entry) for entry in value) + "]"
    return f"'{value}'" if "\\" in str(value) else f'"{value}"'
