"""Every rule of the ast-grep directory on its cases, in our runner and in ast-grep itself."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sysconfig
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import harness
import pytest

pytest.importorskip("ast_grep_py", reason="comes with the extra 'sql'")
yaml = pytest.importorskip("yaml", reason="comes with the extra 'sql'")

from flake8_aiguard.astgrep import engine, masking, rulefiles, scan
from flake8_aiguard.astgrep.rulefiles import Rule

CASES = harness.ROOT / "tests" / "astgrep"
RULES = {rule.id: rule for rule in rulefiles.packaged()}
SQL = [f"AIG{number}" for number in range(201, 218)]
CONFIGURATION = [f"AIG{number}" for number in range(301, 311)]
each_rule = pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.id) for rule in RULES.values()])


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def cases(rule: Rule) -> dict[str, Any]:
    return read(CASES / f"{rule.id}-test.yml")


def tool() -> str:
    """The command ast-grep, of this environment or on PATH."""
    found = shutil.which("ast-grep", path=sysconfig.get_path("scripts")) or shutil.which("ast-grep")
    if found is None:
        pytest.skip("ast-grep-cli comes with the extra 'test'")
    return found


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with our rules and cases, and the configuration that ast-grep itself needs."""
    import tree_sitter_sql._binding as binding

    folder = tmp_path_factory.mktemp("ast-grep")
    for name in ("rules", "utils"):
        shutil.copytree(rulefiles.HERE / name, folder / name)
    shutil.copytree(CASES, folder / "cases", ignore=shutil.ignore_patterns("corpus"))
    configuration = {
        "ruleDirs": ["rules"],
        "utilDirs": ["utils"],
        "testConfigs": [{"testDir": "cases"}],
        "customLanguages": {
            "sql": {
                "libraryPath": binding.__file__,
                "languageSymbol": "tree_sitter_sql",
                "extensions": ["sql"],
                "expandoChar": "_",
            }
        },
    }
    (folder / "sgconfig.yml").write_text(json.dumps(configuration), encoding="utf-8")
    return folder


def test_all_rules_are_there() -> None:
    assert sorted({rule.code for rule in RULES.values()}) == SQL + CONFIGURATION
    assert {rule.code for rule in RULES.values() if rule.is_opt_in} == {
        "AIG211",
        "AIG213",
        "AIG214",
        "AIG217",
    }
    assert Counter((rule.code, rule.language) for rule in RULES.values()).most_common(1)[0][1] == 1


@each_rule
def test_a_rule_says_all_about_itself(rule: Rule) -> None:
    path = Path(rule.origin)
    assert path.parent.name == rule.language
    assert path.name == f"{rule.code.lower()}-{rule.slug}.yml"
    assert rule.id in {rule.code, f"{rule.code}-{rule.language}"}
    assert rule.url == f"docs/rules/{rule.code.lower()}-{rule.slug}.md"
    assert rule.words or rule.prefilter is not None
    assert rule.note
    assert rule.severity in {"error", "warning", "note"}
    assert not re.search(r"noqa|suppress", rule.message, re.IGNORECASE)
    same = [other for other in RULES.values() if other.code == rule.code]
    assert {(other.slug, other.severity, other.note) for other in same} == {
        (rule.slug, rule.severity, rule.note)
    }


@each_rule
def test_examples_are_what_they_say(rule: Rule) -> None:
    every = [other for other in RULES.values() if other.language == rule.language]
    bad = engine.evaluate(
        rule.metadata["bad"], "x", rule.language, [r for r in every if not r.is_opt_in or r == rule]
    )
    assert {found.code for found in bad} == {rule.code}
    assert engine.evaluate(rule.metadata["good"], "x", rule.language, every) == []


@each_rule
def test_cases(rule: Rule) -> None:
    written = cases(rule)
    assert written["id"] == rule.id
    assert len(set(written["valid"])) >= 4
    assert len(set(written["invalid"])) >= 4
    wrong = [text for text in written["valid"] if engine.evaluate(text, "x", rule.language, [rule])]
    assert wrong == [], "false alarms"
    wrong = [text for text in written["invalid"] if not engine.evaluate(text, "x", rule.language, [rule])]
    assert wrong == [], "missed alarms"


def spans(rule: Rule, text: str) -> Iterator[tuple[int, int]]:
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for found in engine.evaluate(text, "x", rule.language, [rule]):
        yield starts[found.line - 1] + found.column - 1, starts[found.end_line - 1] + found.end_column - 1


@each_rule
def test_spans_and_fixes_are_those_of_the_snapshot(rule: Rule) -> None:
    snapshots = read(CASES / "__snapshots__" / f"{rule.id}-snapshot.yml")["snapshots"]
    assert set(snapshots) == set(cases(rule)["invalid"]), (
        "run `ast-grep test --update-all` and read the difference"
    )
    for text, expected in snapshots.items():
        primary = next(label for label in expected["labels"] if label["style"] == "primary")
        if rule.language != "sql" or masking.mask_templates(text) == text:  # ast-grep masks no placeholders
            assert next(spans(rule, text)) == (primary["start"], primary["end"]), text
        found = engine.evaluate(text, "x", rule.language, [rule])
        assert engine.apply(text, found) == expected.get("fixed", text)


def test_ast_grep_passes_the_same_cases(project: Path) -> None:
    done = subprocess.run(
        [tool(), "test", "--custom-languages", "allow"],
        cwd=project,
        check=False,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(RULES)} passed; 0 failed" in done.stdout


def test_the_engines_agree_on_real_files(project: Path) -> None:
    shutil.copytree(CASES / "corpus", project / "corpus")
    done = subprocess.run(
        [tool(), "scan", "--custom-languages", "allow", "--no-ignore", "hidden", "--json=stream", "corpus"],
        cwd=project,
        check=False,
        capture_output=True,
        encoding="utf-8",
    )
    theirs = sorted(
        (
            item["file"],
            item["range"]["start"]["line"] + 1,
            item["range"]["start"]["column"] + 1,
            item["range"]["end"]["line"] + 1,
            item["range"]["end"]["column"] + 1,
            RULES[item["ruleId"]].code,
            " ".join(item["message"].split()),
        )
        for item in map(json.loads, done.stdout.splitlines())
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        ours = sorted(
            (f.path, f.line, f.column, f.end_line, f.end_column, f.code, f.message)
            for scanned in scan.scan(["corpus"], tuple(RULES.values()), jobs=1)
            for f in scanned.findings
        )
    assert ours == theirs
    assert len({found[5] for found in ours}) >= 15, "a corpus with many rules in it"
