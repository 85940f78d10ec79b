"""Every rule reports on its own fixtures exactly what their marks say."""

from __future__ import annotations

import ast
from pathlib import Path

import harness
import pytest

from flake8_aiguard import catalog


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(
            path,
            id=f"{path.parent.name}/{path.name}",
            marks=pytest.mark.skipif(harness.needs_newer_python(path), reason="needs a newer Python"),
        )
        for path in harness.fixture_paths()
    ],
)
def test_findings_equal_marks(path: Path) -> None:
    fixture = harness.load(path)
    differences = harness.compare(fixture.marks, fixture.check())
    assert not differences, "\n" + differences.render(f"tests/fixtures/{fixture.name}")


def test_every_folder_is_a_rule_and_every_rule_has_a_folder() -> None:
    folders = {path.parent.name for path in harness.fixture_paths()}
    assert folders == {rule.code for rule in catalog.rules()}


def test_no_two_fixtures_hold_the_same_code() -> None:
    seen: dict[str, str] = {}
    for fixture in harness.fixtures():
        tree, _ = harness.parse(fixture.source)
        key = repr((ast.dump(tree), fixture.filename, fixture.settings))
        assert key not in seen, f"{fixture.name} repeats {seen[key]}"
        seen[key] = fixture.name
