"""A finding carries Ruff's code exactly where Ruff reports the same."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import harness
import pytest

from flake8_aiguard import catalog
from flake8_aiguard.checker import Finding

# What of Ruff each rule meets on its own fixtures.
CODES = {
    "AIG001": ("SIM115",),
    "AIG006": tuple(f"ASYNC{number}" for number in (210, 212, 220, 221, 222, 230, 240, 250, 251)),
    "AIG013": ("ASYNC110",),
    "AIG014": ("S113",),
    "AIG015": ("S113",),
    "AIG019": ("RUF018", "S101"),
}
RUFF = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")


def ruff_findings(path: Path, codes: tuple[str, ...]) -> set[tuple[int, int, str]]:
    """Return line, column and code of what Ruff reports in a file."""
    assert RUFF is not None
    done = subprocess.run(
        [
            RUFF,
            "check",
            "--isolated",
            "--no-cache",
            "--ignore-noqa",
            "--output-format=json",
            f"--select={','.join(codes)}",
            path,
        ],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return {
        (found["location"]["row"], found["location"]["column"] - 1, found["code"])
        for found in json.loads(done.stdout)
    }


@pytest.mark.skipif(RUFF is None, reason="needs ruff")
@pytest.mark.parametrize("code", sorted(CODES))
def test_findings_carry_the_codes_of_ruff(code: str) -> None:
    rule = catalog.find(code)
    met = set()
    for fixture in harness.fixtures():
        if fixture.code != code:
            continue
        tree, lines = harness.parse(fixture.source)
        with harness.project([rule], fixture.settings):
            found: list[Finding] = []
            rule(tree, fixture.filename, lines)._check(found)
        findings = set(found)
        theirs = ruff_findings(fixture.path, CODES[code])
        for finding in findings:
            # Several calls of one line are told apart where both report calls.
            reported = {
                code
                for line, column, code in theirs
                if line == finding.line and (column == finding.column or not code.startswith("ASYNC"))
            }
            assert set((finding.ruff or "").split()) == reported, (
                f"{fixture.name}:{finding.line}: {finding.text}"
            )
            met |= reported
    assert met == set(CODES[code])
