"""What rules report on the fixtures of other rules is known, and changes only on purpose."""

from __future__ import annotations

import json
from collections import Counter

import harness
import pytest

TABLE = harness.TESTS / "crossfire.json"


def measure() -> dict[str, dict[str, int]]:
    """Count the findings of foreign rules on each fixture."""
    table = {}
    for fixture in harness.fixtures():
        found = harness.check_source(fixture.source, fixture.filename, None, fixture.settings)
        foreign = Counter(finding.code for finding in found if finding.code != fixture.code)
        if foreign:
            table[fixture.name] = dict(sorted(foreign.items()))
    return table


def test_crossfire_table_is_current(request: pytest.FixtureRequest) -> None:
    # What this Python cannot read stays as it was committed.
    skipped = [path for path in harness.fixture_paths() if harness.needs_newer_python(path)]
    committed = json.loads(TABLE.read_text(encoding="utf-8"))
    kept = {
        name: row for path in skipped if (row := committed.get(name := f"{path.parent.name}/{path.name}"))
    }
    now = dict(sorted((measure() | kept).items()))
    if request.config.getoption("--update-crossfire"):
        TABLE.write_text(json.dumps(now, indent=2) + "\n", encoding="utf-8")
        committed = now
    differences = [
        f"{name}: committed {committed.get(name, {})}, now {now.get(name, {})}"
        for name in sorted(committed.keys() | now.keys())
        if committed.get(name) != now.get(name)
    ]
    assert not differences, "\n".join(["--update-crossfire, where this is meant:", *differences])
