"""The example service: each finished rule is planted in ``before``, and ``after`` is clean."""

from __future__ import annotations

from pathlib import Path

from harness import check_source

from flake8_aiguard import catalog
from flake8_aiguard.astgrep import rulefiles, scan

EXAMPLES = Path(__file__).parent.parent / "examples"


def _codes(folder: str) -> list[str]:
    return [
        found.code
        for path in sorted((EXAMPLES / folder).glob("*.py"))
        for found in check_source(path.read_text(encoding="utf-8"), f"examples/{folder}/{path.name}")
    ]


def test_every_finished_rule_is_planted_before() -> None:
    assert {rule.code for rule in catalog.rules()} == set(_codes("before"))


def test_nothing_is_reported_after() -> None:
    assert _codes("after") == []


def _scanned(folder: str) -> set[str]:
    rules = tuple(rule for rule in rulefiles.packaged() if not rule.is_opt_in)
    return {found.code for done in scan.scan([str(EXAMPLES / folder)], rules) for found in done.findings}


def test_what_is_no_python_is_planted_too() -> None:
    assert {
        "AIG202",
        "AIG203",
        "AIG205",
        "AIG207",
        "AIG209",
        "AIG301",
        "AIG302",
        "AIG303",
        "AIG304",
    } <= _scanned("before")
    assert _scanned("after") == set()


def test_both_services_have_the_same_modules() -> None:
    names = [{path.name for path in (EXAMPLES / folder).glob("*.py")} for folder in ("before", "after")]
    assert names[0] == names[1]
