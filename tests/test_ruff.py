"""What the project's own Ruff configuration reports: by example, and against the installed Ruff.

``python tests/test_ruff.py`` renews the table of Ruff's rules and defaults from the installed Ruff.
"""

from __future__ import annotations

import importlib.util
import json
import random
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from flake8_aiguard import ruff

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLE = Path(ruff.__file__).parent / "ruff_defaults.toml"
OLDEST = (0, 4, 0)
needs_ruff = pytest.mark.skipif(importlib.util.find_spec("ruff") is None, reason="ruff is not installed")

HEAD = """\
# Ruff's rules, and what it enables without `select`. `python tests/test_ruff.py` renews this from the
# installed Ruff. `since`: first version; `preview_adds`, `preview_drops`: what preview mode changes.
"""


def run_ruff(*arguments: str, cwd: Path) -> str:
    command = [sys.executable, "-m", "ruff", *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def enabled(folder: Path, config: str) -> set[str]:
    """All codes that Ruff enables with this configuration, before per-file ignores."""
    (folder / "ruff.toml").write_text(config, encoding="utf-8")
    (folder / "empty.py").touch()
    shown = run_ruff("check", "--show-settings", "empty.py", cwd=folder)
    rules = shown.partition("linter.rules.enabled = [")[2].partition("\n]")[0]
    return set(re.findall(r"\(([A-Z]+\d+)\)", rules))


def minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def installed_table(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows that the installed Ruff gives."""
    version = run_ruff("--version", cwd=folder).split()[1]
    rules = json.loads(run_ruff("rule", "--all", "--output-format", "json", cwd=folder))
    stable: dict[tuple[int, ...], list[str]] = defaultdict(list)
    others: dict[str, list[str]] = defaultdict(list)
    for rule in rules:
        ((status, details),) = rule["status"].items()
        if rule["code"] is None:
            continue
        if status == "Stable":
            since = tuple(int(part) for part in details["since"].removeprefix("v").split("."))
            stable[max(since, OLDEST)].append(rule["code"])
        else:
            others[status].append(rule["code"])
    preview, plain = enabled(folder, "preview = true"), enabled(folder, "")
    shown = run_ruff("check", "--show-settings", "empty.py", cwd=folder)
    included, excluded = (
        re.findall(r'"(.*)"', shown.partition(f"file_resolver.{name} = [")[2].partition("\n]")[0])
        for name in ("include", "exclude")
    )
    listed = f"ruff {version}: ruff rule --all --output-format json"
    settings = f"ruff {version}: ruff check --show-settings"
    default = {
        "since": minor(version),
        "select": sorted(plain),
        "preview_adds": sorted(preview - plain),
        "preview_drops": sorted(plain - preview),
        "source": f"{settings}, without and with preview",
    }
    return {
        "default": [default],
        "stable": [
            {"since": minor(".".join(map(str, since))), "codes": sorted(codes), "source": listed}
            for since, codes in sorted(stable.items())
        ],
        "preview": [{"since": minor(version), "codes": sorted(others["Preview"]), "source": listed}],
        "removed": [{"codes": sorted(others["Removed"]), "source": listed}],
        "included": [{"patterns": included, "source": settings}],
        "excluded": [{"patterns": excluded, "source": settings}],
    }


def committed_table() -> dict[str, list[dict[str, Any]]]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def render(table: Mapping[str, Iterable[Mapping[str, Any]]]) -> str:
    parts = [HEAD]
    for array, rows in table.items():
        for row in rows:
            parts.append(f"\n[[{array}]]\n")
            for key, value in row.items():
                if isinstance(value, dict):
                    pairs = "".join(f"{name} = {json.dumps(to)}\n" for name, to in value.items())
                    parts.append(f"\n[{array}.{key}]\n{pairs}")
                else:
                    parts.append(f"{key} = {_wrapped(value)}\n")
    return "".join(parts)


def _wrapped(value: str | list[str]) -> str:
    if isinstance(value, str) or len(value) < 8:
        return json.dumps(value)
    lines = [""]
    for item in value:
        if len(lines[-1]) > 100:
            lines.append("")
        lines[-1] += f" {json.dumps(item)},"
    return "[\n" + "".join(f"   {line}\n" for line in lines) + "]"


def renewed_table(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The committed table with the rows of the installed Ruff in place of those that it gives."""
    fresh = installed_table(folder)
    kept = committed_table()
    since = fresh["default"][0]["since"]
    defaults = [row for row in kept["default"] if row["since"] != since] + fresh["default"]
    removed = set(fresh["removed"][0]["codes"]) - {code for row in kept["renamed"] for code in row["names"]}
    fresh["removed"][0]["codes"] = sorted(removed)
    return {**fresh, "default": defaults, "renamed": kept["renamed"]}


@needs_ruff
def test_table_is_that_of_the_installed_ruff(tmp_path: Path) -> None:
    fresh, kept = renewed_table(tmp_path), committed_table()
    if (
        fresh["default"][-1]["source"] != kept["default"][-1]["source"]
    ):  # preview changes with every patch version
        for table in (fresh, kept):
            table["preview"] = []
            for array in ("default", "stable", "removed", "included", "excluded"):
                for row in table[array]:
                    row.update(source="", preview_adds=[], preview_drops=[])
    assert fresh == kept, "python tests/test_ruff.py renews the table; read its diff before committing"


@needs_ruff
def test_renamed_codes(tmp_path: Path) -> None:
    names = committed_table()["renamed"][0]["names"]
    (tmp_path / "empty.py").touch()
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--ignore", ",".join(names), "empty.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)
    assert dict(re.findall(r"`(\w+)` has been remapped to `(\w+)`", done.stderr)) == names


# -- by example


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


class Project:
    """Files below a folder, and the question that the rules ask."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def reports(self, code: str, name: str = "src/a.py") -> bool:
        return ruff.reports(code, str(self.folder / name))


def test_without_configuration(project: Project) -> None:
    project.write("pyproject.toml", "[project]\nname = 'ruff'\n[tool.other]\n")
    assert not project.reports("SIM115")


@pytest.mark.parametrize(
    ("config", "code", "expected"),
    [
        ("", "SIM115", True),
        ("", "B019", True),
        ("", "ASYNC251", True),
        ("", "PLW2101", True),
        ("", "RUF017", True),
        ("", "FURB129", True),
        ("", "C400", True),
        ("", "S101", False),
        ("", "S113", False),
        ("", "PERF401", False),
        ("", "PLR6201", False),
        ("", "NOPE1", False),
        ("lint.select = ['S']", "S113", True),
        ("lint.select = ['S']", "SIM115", False),
        ("lint.select = ['PL']", "PLW2101", True),
        ("lint.select = ['P']", "PLW2101", False),
        ("lint.select = ['ALL']", "S101", True),
        ("lint.select = ['ALL']", "PLR6201", False),
        ("preview = true\nlint.select = ['ALL']", "PLR6201", True),
        ("preview = true\nlint.select = ['ALL']\nlint.explicit-preview-rules = true", "PLR6201", False),
        ("preview = true\nlint.select = ['PLR6201']\nlint.explicit-preview-rules = true", "PLR6201", True),
        ("preview = true", "ASYNC250", True),
        ("preview = true\nlint.preview = false", "ASYNC250", False),
        ("preview = true\nlint.explicit-preview-rules = true", "FURB113", False),
        ("preview = true", "FURB113", True),
        ("preview = true", "S102", False),
        ("lint.select = []", "SIM115", False),
        ("lint.ignore = ['SIM']", "SIM115", False),
        ("lint.ignore = ['SIM', 'ANN101', 'TCH001']", "B019", True),
        ("lint.select = ['SIM115']\nlint.ignore = ['SIM']", "SIM115", True),
        ("lint.select = ['SIM']\nlint.ignore = ['SIM1']", "SIM115", False),
        ("lint.select = ['SIM']\nlint.ignore = ['SIM']", "SIM115", False),
        ("lint.extend-select = ['S101']", "S101", True),
        ("lint.extend-select = ['S101']", "B019", True),
        ("lint.extend-ignore = ['B']", "B019", False),
        ("lint.select = ['TRIO']", "ASYNC110", True),
        ("lint.ignore = ['TRIO']", "ASYNC116", False),
        ("select = ['S101']\nlint.ignore = ['B']", "S101", True),
        ("select = ['S101']\nlint.select = ['B']", "S101", False),
        ("required-version = '>=0.5'", "SIM115", True),
        ("required-version = '<0.16'", "SIM115", False),
        ("required-version = '==0.16.4'", "SIM115", True),
        ("required-version = '0.15.1'\nlint.select = ['SIM']", "SIM115", True),
        ("required-version = '~=0.9.3'\nlint.select = ['RUF']", "RUF040", False),
        ("required-version = '~=0.10.0'\nlint.select = ['RUF']", "RUF040", True),
        ("required-version = '~=0.9'\nlint.select = ['RUF']", "RUF040", True),
        ("required-version = '>=0.9,<1, !=0.10.1'", "SIM115", True),
        ("required-version = '==0.8.*'\nlint.select = ['ASYNC']", "ASYNC250", False),
        ("required-version = '<=0.15.0'\nlint.select = ['ASYNC']", "ASYNC250", True),
        ("required-version = '>0.14.2,<0.15'\nlint.select = ['ASYNC']", "ASYNC250", False),
    ],
)
def test_selection(project: Project, config: str, code: str, expected: bool) -> None:
    project.write("ruff.toml", config)
    assert project.reports(code) is expected


@pytest.mark.parametrize(
    "config",
    [
        "lint.select = 'B'",
        "lint.select = ['B', 1]",
        "lint.select = ['B'",
        "lint = 3",
        "lint.select = ['B']\nlint.ignore = ['open-file-with-context-handler']",
        "lint.select = ['B']\nlint.per-file-ignores = {'*.pyi' = ['correctness']}",
        "lint.select = ['B']\nlint.per-file-ignores = ['*.pyi']",
        "lint.select = ['B']\nexclude = ['[z']",
        "lint.select = ['B']\nexclude = ['[a--b]']",
        "lint.select = ['B']\nexclude = ['[z-a]']",
        "lint.select = ['B']\nexclude = ['{a']",
        "lint.select = ['B']\nexclude = ['a}']",
        "lint.select = ['B']\nextend = 'missing.toml'",
        "lint.select = ['B']\nextend = 'ruff.toml'",
        "lint.select = ['B']\nrequired-version = 'latest'",
        "lint.select = ['B']\nrequired-version = '==0.1.*'",
        "lint.select = ['B']\nrequired-version = '<0.9,>0.12'",
        "lint.select = ['B']\nrequired-version = '~=0.12.3,<0.12.3'",
    ],
)
def test_not_understood(project: Project, config: str) -> None:
    project.write("ruff.toml", config)
    assert not project.reports("B019")


def test_the_nearest_configuration_counts(project: Project) -> None:
    project.write("pyproject.toml", "[tool.ruff]\nlint.select = ['B']\n")
    project.write("src/pyproject.toml", "[project]\nname = 'src'\n")
    assert project.reports("B019")
    project.write("lib/pyproject.toml", "[tool.ruff]\nlint.select = ['SIM']\n")
    assert not project.reports("B019", "lib/a.py")
    assert project.reports("SIM115", "lib/a.py")
    project.write("app/pyproject.toml", "[tool.ruff]\nlint.select = ['S101']\n")
    project.write("app/ruff.toml", "lint.select = ['S102']\n")
    project.write("app/.ruff.toml", "lint.select = ['S103']\n")
    assert [code for code in ("S101", "S102", "S103") if project.reports(code, "app/deep/a.py")] == ["S103"]
    for broken in ("[tool.ruff\n", "tool = 'ruff'\n", "[tool]\nruff = 3\n"):
        project.write(f"{len(broken)}/pyproject.toml", broken)
        assert not project.reports("B019", f"{len(broken)}/a.py")


def test_extend(project: Project) -> None:
    project.write("base/ruff.toml", "extend = 'deep.toml'\nlint.ignore = ['SIM115']\nexclude = ['vendor']\n")
    project.write("base/deep.toml", "lint.select = ['SIM', 'S101']\n")
    project.write("ruff.toml", "extend = 'base/ruff.toml'\nlint.extend-select = ['B019']\n")
    codes = ("SIM115", "SIM117", "S101", "B019", "RUF017")
    assert [code for code in codes if project.reports(code)] == ["SIM117", "S101", "B019"]
    assert not project.reports("B019", "vendor/a.py")


def test_ignored_where_nothing_is_selected(project: Project) -> None:
    project.write("base.toml", "lint.select = []\nlint.ignore = ['B']\n")
    project.write("ruff.toml", "extend = 'base.toml'\nlint.select = ['B', 'SIM']\n")
    assert not project.reports("B019")
    assert project.reports("SIM115")


def test_circular_extend(project: Project) -> None:
    project.write("ruff.toml", "extend = 'other.toml'\n")
    project.write("other.toml", "extend = 'ruff.toml'\nlint.select = ['B']\n")
    assert not project.reports("B019")


@pytest.mark.parametrize(
    ("config", "silent"),
    [
        ("exclude = ['src']", ["src/a.py", "src/pkg/b.py"]),
        ("extend-exclude = ['src/pkg']", ["src/pkg/b.py"]),
        ("exclude = ['b.py']", ["src/pkg/b.py"]),
        ("exclude = ['pkg/b.py']", []),
        ("exclude = ['**/pkg']", ["src/pkg/b.py"]),
        ("exclude = ['src/*/']", ["src/a.py", "src/pkg/b.py"]),
        ("lint.exclude = ['pkg']", []),
        ("lint.exclude = ['src/pkg/*']", ["src/pkg/b.py"]),
        ("include = ['src/**/b.py']", ["src/a.py", "tests/test_c.py"]),
        ("lint.per-file-ignores = {'tests/*' = ['B']}", ["tests/test_c.py"]),
        ("lint.per-file-ignores = {'tests/*' = ['SIM']}", []),
        ("lint.per-file-ignores = {'tests' = ['B']}", []),
        ("lint.per-file-ignores = {'!src/**' = ['ALL']}", ["tests/test_c.py"]),
        ("lint.per-file-ignores = {'{a,test_?}.py' = ['B019']}", ["src/a.py", "tests/test_c.py"]),
        ("lint.extend-per-file-ignores = {'[!a].py' = ['B019']}", ["src/pkg/b.py"]),
    ],
)
def test_files(project: Project, config: str, silent: list[str]) -> None:
    project.write("ruff.toml", f"{config}\n[lint.pylint]\n")
    names = ["src/a.py", "src/pkg/b.py", "tests/test_c.py"]
    assert [name for name in names if not project.reports("B019", name)] == silent


def test_files_that_ruff_leaves_out_by_itself(project: Project) -> None:
    project.write("ruff.toml", "")
    names = ["a.py", "a.pyi", "script", "venv/a.py", "node_modules/x/a.py", "event/a.py"]
    assert [name for name in names if project.reports("B019", name)] == ["a.py", "a.pyi", "event/a.py"]


def test_a_folder_with_glob_characters(tmp_path: Path) -> None:
    project = Project(tmp_path / "a[b]{c}")
    project.write("ruff.toml", "lint.per-file-ignores = {'src/*' = ['B']}\n")
    assert not project.reports("B019", "src/a.py")
    assert project.reports("B019", "lib/a.py")


def test_a_configuration_above_may_exclude_a_folder(project: Project) -> None:
    project.write("ruff.toml", "exclude = ['vendor']\n")
    project.write("vendor/ruff.toml", "")
    project.write("lib/ruff.toml", "")
    assert not project.reports("B019", "vendor/a.py")
    assert project.reports("B019", "lib/a.py")


def test_standard_input_is_in_the_working_directory(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("ruff.toml", "")
    (tmp_path / "src").mkdir()
    monkeypatch.chdir(tmp_path / "src")
    assert ruff.reports("B019", "stdin")
    assert ruff.reports("B019", "-")
    assert ruff.reports("B019", "a.py")


# -- against Ruff

SOURCE = """\
import functools
import threading
import time

import requests


class Thing:
    @functools.lru_cache
    def cached(self):
        return 1


async def work():
    time.sleep(1)


def run(lists, names):
    handle = open("x")
    assert handle
    requests.get("u")
    with threading.Lock():
        total = sum(lists, [])
    out = []
    for name in names:
        out.append(name + "x")
    for line in handle.readlines():
        print(line, total, out, list(n for n in names), names in (1, 2))
"""


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


CODES = words("SIM115 S101 S113 B019 ASYNC251 PLW2101 PERF401 C400 FURB129 RUF017 PLR6201 RUF029 T201")
FILES = words("a.py src/pkg/b.py src/pkg/test_b.py tests/unit/conftest.py gen/x_pb2.py src/nested/f.py")
SELECTORS = words(
    """ALL SIM SIM1 SIM115 S S1 S101 S113 B B0 B019 ASYNC ASYNC2 ASYNC251 PL PLW PLW2 PLW2101 PERF PERF4
    C C4 C400 FURB FURB1 FURB129 RUF RUF0 RUF017 RUF029 PLR PLR6201 E F T T20 T201 TRIO U TCH001"""
)
PATTERNS = words(
    """*.py tests/* tests/** tests test_*.py src/**/*.py **/pkg/* **/conftest.py src/pkg/b.py
    ./src/* ?.py {src,tests}/** *_pb2.py gen gen/ gen/* [ab].py [!a].py b.py **/nested ../*/a.py
    src */pkg src/*/?.py !src/** !tests/*"""
)


def configuration(chance: random.Random, extend: str | None = None) -> str:
    """A random ruff.toml."""

    def some(most: int, pool: Iterable[str]) -> list[str]:
        return [chance.choice(list(pool)) for _ in range(chance.randint(0, most))]

    def table() -> str:
        rows = (
            f"{json.dumps(pattern)} = {json.dumps(some(3, SELECTORS))}"
            for pattern in dict.fromkeys(some(3, PATTERNS))
        )
        return "{" + ", ".join(rows) + "}"

    plain = [pattern for pattern in PATTERNS if not pattern.startswith("!")]
    likely: list[tuple[float, str, str]] = [
        (0.2, "exclude", json.dumps(some(2, plain))),
        (0.2, "extend-exclude", json.dumps(some(2, plain))),
        (0.1, "include", json.dumps(some(3, [*plain, "*.py"]))),
        (0.2, "preview", chance.choice(["true", "false"])),
        (0.6, "lint.select", json.dumps(some(5, SELECTORS))),
        (0.4, "lint.extend-select", json.dumps(some(3, SELECTORS))),
        (0.6, "lint.ignore", json.dumps(some(4, SELECTORS))),
        (0.1, "lint.extend-ignore", json.dumps(some(3, SELECTORS))),
        (0.1, "extend-select", json.dumps(some(3, SELECTORS))),
        (0.4, "lint.per-file-ignores", table()),
        (0.2, "lint.extend-per-file-ignores", table()),
        (0.1, "lint.exclude", json.dumps(some(2, plain))),
        (0.2, "lint.preview", chance.choice(["true", "false"])),
        (0.1, "lint.explicit-preview-rules", chance.choice(["true", "false"])),
    ]
    lines = [f"{key} = {value}" for likelihood, key, value in likely if chance.random() < likelihood]
    return "\n".join([f"extend = {json.dumps(extend)}"] * bool(extend) + lines) + "\n"


@needs_ruff
@pytest.mark.parametrize("seed", range(30))
def test_as_the_installed_ruff_reports(project: Project, seed: int) -> None:
    chance = random.Random(seed)
    for name in FILES:
        project.write(name, SOURCE)
    extend = None
    if chance.random() < 0.5:
        extend = chance.choice(["base.toml", "conf/base.toml"])
        deep = "deep.toml" if chance.random() < 0.3 else None
        project.write(str(Path(extend).with_name("deep.toml")), configuration(chance))
        project.write(extend, configuration(chance, deep))
    project.write(chance.choice([".ruff.toml", "ruff.toml"]), configuration(chance, extend))
    if chance.random() < 0.2:
        project.write("src/nested/ruff.toml", configuration(chance))
    shown = json.loads(run_ruff("check", "--no-cache", "--output-format", "json", ".", cwd=project.folder))
    real = {
        (Path(item["filename"]).relative_to(project.folder).as_posix(), item["code"])
        for item in shown
        if item["code"] in CODES
    }
    assert {(name, code) for name in FILES for code in CODES if project.reports(code, name)} == real


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        TABLE.write_text(render(renewed_table(Path(scratch))), encoding="utf-8")
