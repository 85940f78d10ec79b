"""What code, tables, pages and metadata say of each other agrees."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import harness
import pytest

import flake8_aiguard
from flake8_aiguard import catalog, docs
from flake8_aiguard.checker import Checker

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RULES = catalog.rules()
KNOWLEDGE = sorted((harness.ROOT / "flake8_aiguard" / "knowledge").glob("*.toml"))
each_rule = pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.code) for rule in RULES])


def toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def entry_points() -> dict[str, str]:
    return {rule.code: f"{rule.__module__}:{rule.__qualname__}" for rule in RULES}


def test_there_are_rules() -> None:
    assert RULES, "flake8_aiguard/rules holds no rule"


@pytest.mark.parametrize("attribute", ["code", "slug", "message"])
def test_no_two_rules_share(attribute: str) -> None:
    counts = Counter(getattr(rule, attribute) for rule in RULES)
    assert [value for value, count in counts.items() if count > 1] == []


@each_rule
def test_names_follow_code_and_slug(rule: type[Checker]) -> None:
    assert re.fullmatch(r"AIG0(?!00)[0-9]{2}", rule.code)
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)+", rule.slug)
    assert rule.__module__ == f"flake8_aiguard.rules.{rule.code.lower()}_{rule.slug.replace('-', '_')}"
    assert rule.__name__ == "".join(word.capitalize() for word in rule.slug.split("-"))
    assert rule.code not in catalog.RETIRED


@each_rule
def test_attributes_are_sound(rule: type[Checker]) -> None:
    assert rule.severity in {"error", "warning", "note"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", rule.since)
    version = flake8_aiguard.__version__
    assert [*map(int, rule.since.split("."))] <= [*map(int, version.split("."))], (
        "since is later than the version"
    )
    assert isinstance(rule.triggers, tuple), "triggers is a tuple of words"
    assert isinstance(rule.settings, tuple), "settings is a tuple of keys"


@each_rule
def test_message_is_one_line_and_does_not_suggest_to_suppress(rule: type[Checker]) -> None:
    assert rule.message == rule.message.strip() != ""
    assert "\n" not in rule.message
    assert not re.search(r"noqa|suppress|ignore this|disable this", rule.message, re.IGNORECASE)


@each_rule
def test_docstring_has_its_sections(rule: type[Checker]) -> None:
    text = docs.sections(rule)
    assert text.summary.endswith(".")
    assert len(text.summary) <= 100, "the summary stands in a table: at most 100 characters"


@each_rule
def test_bad_example_gives_this_code_and_good_example_none(rule: type[Checker]) -> None:
    text = docs.sections(rule)
    settings = {"gates": "all"} if rule.gate else None
    bad = harness.check_source(text.bad, settings=settings)
    assert {found.code for found in bad} == {rule.code}, bad
    assert harness.check_source(text.good, settings=settings) == []


def test_page_names_the_settings_that_exist() -> None:
    known = set(
        re.findall(r"`([a-z][a-z-]*)`", (harness.ROOT / "docs" / "settings.md").read_text(encoding="utf-8"))
    )
    named = {key for rule in RULES for key in docs.settings_of(rule)}
    assert named <= known, f"no such setting: {sorted(named - known)}"


def test_declared_entry_points_are_the_classes() -> None:
    declared = toml(harness.ROOT / "pyproject.toml")["project"]["entry-points"]["flake8.extension"]
    assert declared == entry_points()
    assert list(declared) == sorted(declared), "keep the entry points in order of their codes"


def test_installed_entry_points_are_the_classes() -> None:
    points = importlib.metadata.entry_points(group="flake8.extension")
    installed = {
        point.name: point.value for point in points if point.dist and point.dist.name == "flake8-aiguard"
    }
    assert installed == entry_points(), "the installation is older than the rules: repeat `pip install -e .`"


def test_pages_are_current() -> None:
    stale = docs.stale(docs.render(harness.ROOT))
    assert [path.relative_to(harness.ROOT).as_posix() for path in stale] == [], "run `flake8-aiguard docs`"


@each_rule
def test_rule_has_enough_fixtures(rule: type[Checker]) -> None:
    paths = [path for path in harness.fixture_paths() if path.parent.name == rule.code]
    fixtures = [harness.load(path) for path in paths if not harness.needs_newer_python(path)]
    assert sum(len(fixture.marks) for fixture in fixtures) >= 6, "six marks or more"
    assert sum(len(fixture.near_misses) for fixture in fixtures) >= 6, (
        "six near misses ('# ok: reason') or more"
    )


def test_changelog_names_every_rule() -> None:
    named = set(re.findall(r"\bAIG[0-9]{3}\b", (harness.ROOT / "CHANGELOG.md").read_text(encoding="utf-8")))
    assert {rule.code for rule in RULES} <= named


@pytest.mark.parametrize("path", KNOWLEDGE, ids=lambda path: path.stem)
def test_every_row_of_knowledge_has_a_source(path: Path) -> None:
    rows = [
        (name, row)
        for name, table in toml(path).items()
        for row in (table if isinstance(table, list) else [table])
        if isinstance(row, dict)
    ]
    assert rows, "a table without rows"
    without = [(name, row) for name, row in rows if not str(row.get("source", "")).strip()]
    assert without == []


def test_readme_names_every_hook() -> None:
    manifest = (harness.ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    readme = (harness.ROOT / "README.md").read_text(encoding="utf-8")
    ids = re.findall(r"^- id: (\S+)$", manifest, re.MULTILINE)
    assert ids
    assert [name for name in ids if f"id: {name}" not in readme] == []


def test_nothing_shipped_is_left_unfinished() -> None:
    unfinished = re.compile(r"TODO|FIXME|XXX|raise NotImplementedError")
    shipped = [
        path
        for folder in ("flake8_aiguard", "hooks")
        for path in sorted((harness.ROOT / folder).rglob("*"))
        if path.suffix in {".py", ".toml", ".yml", ".yaml"}
    ]
    assert shipped
    assert [path for path in shipped if unfinished.search(path.read_text(encoding="utf-8"))] == []
