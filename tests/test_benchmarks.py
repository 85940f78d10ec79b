"""The benchmarks run, count what they say and fail when they should; how long anything takes is not tested here."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import harness
import pytest

from flake8_aiguard import catalog, knowledge
from flake8_aiguard.checker import Checker, Finding

PACKAGE = harness.ROOT / "flake8_aiguard"
LENIENT = ["--rounds", "1", "--max-all", "1e9", "--max-index", "1e9", "--max-rule", "1e9"]


class Rule(Checker):
    """Reports each assert."""

    code = "AIG901"
    slug = "assert"
    message = "assert"
    kept: ClassVar[list[ast.AST]] = []

    def visit_Assert(self, node: ast.Assert) -> Iterator[Finding]:
        yield from self.found(node)


class Failing(Rule):
    def visit_Assert(self, node: ast.Assert) -> Iterator[Finding]:
        raise ValueError("bad rule")


class Keeping(Rule):
    def visit_Assert(self, node: ast.Assert) -> Iterator[Finding]:
        self.kept.append(self.module.tree)
        yield from self.found(node)


def script(monkeypatch: pytest.MonkeyPatch, name: str) -> ModuleType:
    """Load a script as a module."""
    monkeypatch.setattr(sys, "path", [*sys.path])  # the script adds the checkout
    spec = importlib.util.spec_from_file_location(name, harness.ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def overhead(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return script(monkeypatch, "overhead")


@pytest.fixture
def recall(overhead: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return script(monkeypatch, "recall")


@pytest.fixture
def gil(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return script(monkeypatch, "gil")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with two files that parse and one that does not."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "one.py").write_text("import json\nassert json\nassert True\n", encoding="utf-8")
    (folder / "two.py").write_text("x = 1\n", encoding="utf-8")
    (folder / "broken.py").write_text("def f(:\n", encoding="utf-8")
    return folder


def use(overhead: ModuleType, monkeypatch: pytest.MonkeyPatch, *rules: type[Checker]) -> None:
    monkeypatch.setattr(overhead.catalog, "rules", lambda: rules)


def numbers(overhead: ModuleType, capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, Any]:
    assert overhead.main([*LENIENT, "--json", *argv]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_measures_index_and_every_rule_on_our_own_package(
    overhead: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    found = numbers(overhead, capsys, "--tree", str(PACKAGE))
    files = list(PACKAGE.rglob("*.py"))
    assert found["tree"] == {
        "name": "flake8_aiguard",
        "files": len(files),
        "lines": sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files),
        "skipped": 0,
    }
    assert list(found["rules"]) == [rule.code for rule in catalog.rules()]
    for row in (found["parse"], found["index"], found["shared"], found["all"], *found["rules"].values()):
        assert row["seconds"] >= 0
        assert row["ratio"] == pytest.approx(row["seconds"] / found["parse"]["seconds"], abs=0.01)
    parts = (
        found["index"]["seconds"]
        + found["shared"]["seconds"]
        + sum(row["seconds"] for row in found["rules"].values())
    )
    assert 0 < found["index"]["seconds"] < found["all"]["seconds"]
    assert parts < 2 * found["all"]["seconds"]  # clocks around every rule make the parts dearer
    assert found["memory"]["parse"] > 0 and found["memory"]["check"] > 0
    assert found["kept"] == found["exceeded"] == []


def test_nothing_costs_far_more_than_its_bound(
    overhead: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bounds proper are measured on Django and a quiet machine; here what is left of them under any load."""
    bounds = ["--max-index", "0.4", "--max-all", "1.5", "--max-rule", "0.5"]
    attempts = []
    for _ in range(3):  # other load can spoil a measurement, but not better one
        if overhead.main(["--tree", str(PACKAGE), "--rounds", "1", *bounds]) == 0:
            return
        attempts.append(capsys.readouterr().err)
    pytest.fail("".join(attempts))


def test_counts_findings_and_files_that_do_not_parse(
    overhead: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(overhead, monkeypatch, Rule)
    found = numbers(overhead, capsys, "--tree", str(tree))
    assert found["rules"]["AIG901"]["findings"] == 2
    assert found["tree"] == {"name": "project", "files": 2, "lines": 4, "skipped": 1}
    assert found["rounds"] == 1


def test_table_has_a_row_for_everything(
    overhead: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(overhead, monkeypatch, Rule)
    assert overhead.main([*LENIENT, "--tree", str(tree)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("project: 4 lines in 2 files, 1 skipped; Python ")
    assert [line.split()[0] for line in lines[3:8]] == ["parse", "index", "shared", "AIG901", "all"]
    assert lines[6].split()[-1] == "2"


@pytest.mark.parametrize(
    ("option", "name"), [("--max-all", "all"), ("--max-index", "index"), ("--max-rule", "AIG901")]
)
def test_fails_when_a_bound_is_exceeded(
    overhead: ModuleType,
    tree: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    option: str,
    name: str,
) -> None:
    use(overhead, monkeypatch, Rule)
    assert overhead.main([*LENIENT, "--tree", str(tree), option, "0"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"overhead: {name}: ") and line.endswith(" is above 0.000")


@pytest.mark.parametrize(("rules", "bound"), [([Rule], 0.7), ([Rule] * 7, 1.0)])
def test_bound_of_all_depends_on_the_number_of_rules(
    overhead: ModuleType,
    tree: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    rules: Sequence[type[Checker]],
    bound: float,
) -> None:
    use(overhead, monkeypatch, *rules)
    overhead.main(["--tree", str(tree), "--rounds", "1", "--json"])
    assert json.loads(capsys.readouterr().out)["bounds"] == {"all": bound, "index": 0.4, "rule": 0.06}


def test_a_rule_that_fails_stops_the_benchmark(
    overhead: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(overhead, monkeypatch, Failing)
    assert overhead.main([*LENIENT, "--tree", str(tree)]) == 2
    assert capsys.readouterr().err == (
        "overhead: one.py: AIG901 internal error in assert: ValueError: bad rule\n"
    )


def test_a_tree_that_is_kept_is_reported(
    overhead: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Rule, "kept", [])
    use(overhead, monkeypatch, Keeping)
    assert overhead.main([*LENIENT, "--tree", str(tree)]) == 1
    assert capsys.readouterr().err == "overhead: one.py: its tree outlives its check\n"


def test_a_tree_without_python_cannot_be_measured(
    overhead: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert overhead.main(["--tree", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"overhead: no Python file in {tmp_path}\n"


def test_an_unknown_rule_cannot_be_measured(
    overhead: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert overhead.main(["--tree", str(tmp_path), "--rule", "AIG999"]) == 2
    assert "no rule has the code or slug 'AIG999'" in capsys.readouterr().err


def test_a_package_in_the_cache_is_not_downloaded_again(
    overhead: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overhead.subprocess, "run", lambda *_, **__: pytest.fail("downloads"))
    cached = tmp_path / "django-5.2.8"
    cached.mkdir()
    assert overhead.fetch(tmp_path) == cached


def test_the_package_is_pinned_and_comes_by_pip(
    overhead: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []

    def download(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        folder = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(folder / "package.whl", "w") as wheel:
            wheel.writestr("package/module.py", "x = 1\n")
            wheel.writestr("package/data.bin", "x")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(overhead.subprocess, "run", download)
    tree = overhead.fetch(tmp_path / "cache")
    [command] = commands
    assert command[1:4] == ["-m", "pip", "download"]
    assert "--no-deps" in command
    assert re.fullmatch(r"[a-z]+==[\d.]+", command[-1]), "one version, so that numbers can be compared"
    assert [path.name for path in tree.rglob("*.*") if path.is_file()] == ["module.py"]
    assert overhead.fetch(tmp_path / "cache") == tree
    assert len(commands) == 1


HOST = "import json\n" + "x = json\n" * 70
PLANTED = """# --- found
import json

assert json  # planted

# --- missed
x1 = 1  # planted

# --- beside
def g():
    assert x1
    return x1  # planted
"""


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A folder with three snippets, of which the rule that reports asserts finds one."""
    folder = tmp_path / "planted"
    folder.mkdir()
    (folder / "AIG901.py").write_text(PLANTED, encoding="utf-8")
    return folder


@pytest.fixture
def plots(tmp_path: Path) -> Path:
    """A folder with one file to plant in, and others that are not clean, exempt, too short or bind other names."""
    folder = tmp_path / "plots"
    (folder / "tests").mkdir(parents=True)
    (folder / "clean.py").write_text(HOST, encoding="utf-8")
    (folder / "dirty.py").write_text(HOST + "assert True\n", encoding="utf-8")
    (folder / "short.py").write_text("x = 1\n", encoding="utf-8")
    (folder / "shadow.py").write_text(HOST + "json = g = x1 = None\n", encoding="utf-8")
    (folder / "star.py").write_text(HOST + "from os import *\n", encoding="utf-8")
    (folder / "tests" / "clean.py").write_text(HOST, encoding="utf-8")
    return folder


def find(recall: ModuleType, monkeypatch: pytest.MonkeyPatch, rule: type[Checker]) -> None:
    monkeypatch.setattr(recall.catalog, "find", lambda code: rule)


def test_recall_counts_what_is_found_missed_and_reported_elsewhere(
    recall: ModuleType,
    planted: Path,
    plots: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    find(recall, monkeypatch, Rule)
    argv = ["--tree", str(plots), "--planted", str(planted), "--min", "6"]
    assert recall.main([*argv, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    row = found["rules"]["AIG901"]
    assert {snippet["file"] for snippet in row["snippets"]} == {"clean.py"}
    assert [snippet["line"] for snippet in row["snippets"]] == [39, 37, 39]
    assert (row["planted"], row["found"], row["missed"]) == (3, 1, ["missed", "beside"])
    assert row["elsewhere"] == 1
    assert found["below"] == []

    assert recall.main(argv) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[3].split() == ["AIG901", "assert", "3", "1", "0.33", "1"]
    assert lines[-1] == "missed: AIG901 beside (clean.py:39)"


def test_recall_fails_below_the_bound(
    recall: ModuleType,
    planted: Path,
    plots: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    find(recall, monkeypatch, Rule)
    assert recall.main(["--tree", str(plots), "--planted", str(planted), "--min", "7"]) == 1
    assert capsys.readouterr().err == "recall: AIG901: found 1 of 3, below 7 of 20\n"


def test_recall_stops_when_a_rule_fails(
    recall: ModuleType,
    planted: Path,
    plots: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    find(recall, monkeypatch, Failing)
    assert recall.main(["--tree", str(plots), "--planted", str(planted)]) == 2
    assert "AIG901 internal error in assert: ValueError: bad rule" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("x = 1  # planted\n", "no snippet; each starts with '# --- name'"),
        ("# --- one\nx = 1\n", "one has no line that ends with '# planted'"),
        ("# --- one\nx = (  # planted\n", "one does not parse: "),
        ("# --- one\nx = 1  # planted\n" * 2, "one stands there twice"),
    ],
)
def test_recall_refuses_snippets_that_say_nothing(
    recall: ModuleType,
    planted: Path,
    plots: Path,
    capsys: pytest.CaptureFixture[str],
    text: str,
    error: str,
) -> None:
    (planted / "AIG901.py").write_text(text, encoding="utf-8")
    assert recall.main(["--tree", str(plots), "--planted", str(planted)]) == 2
    assert f"recall: AIG901.py: {error}" in capsys.readouterr().err


def test_recall_plants_nothing_where_no_file_is_clean(
    recall: ModuleType,
    planted: Path,
    plots: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    find(recall, monkeypatch, Rule)
    (plots / "clean.py").unlink()
    assert recall.main(["--tree", str(plots), "--planted", str(planted)]) == 2
    assert capsys.readouterr().err == "recall: AIG901: no clean file takes found\n"


def test_at_least_twenty_snippets_a_rule(recall: ModuleType) -> None:
    counts = {
        path.stem: len(recall.snippets(path))
        for path in sorted((harness.ROOT / "benchmarks" / "planted").iterdir())
    }
    assert set(counts) == {rule.code for rule in catalog.rules()} - {"AIG030"}  # no tag is a regression
    assert min(counts.values()) >= 20


def test_every_row_names_cases_that_measured_it(gil: ModuleType) -> None:
    for row in (row for table in gil.TABLES for row in knowledge.rows(table)):
        assert row["measured"] and set(row["measured"]) <= set(gil.CASES), row
        assert row["gil"] in ("released", "partly", "held"), row
        assert row["milliseconds"] >= 1, row


def test_every_case_can_be_fetched(gil: ModuleType) -> None:
    assert {package for case in gil.CASES.values() for package in case.packages} <= set(gil.PINS)


def test_measures_a_call_that_holds_the_gil(gil: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["--no-fetch", "--rounds", "1", "--json", "--least", "0"]
    gil.main([*argv, "--case", "pickle.dump"])
    found = json.loads(capsys.readouterr().out)
    result = found["cases"]["pickle.dump"]
    assert result["ms"] > 0 and 0 <= result["other"] <= 1
    assert result["verdict"] == gil.verdict(result["other"])
    assert result["given"] == gil.CASES["pickle.dump"].given


def test_a_row_that_says_something_else_is_reported(gil: ModuleType) -> None:
    def lines(**numbers: float) -> list[str]:
        found: list[str] = gil.disagreements({"zlib.compress": {"ms": 50.0, **numbers}}, 1.0)
        return found

    assert lines(other=0.95) == []
    assert lines(other=0.1) == ["zlib.compress: other is [0.1], the table says released"]
    assert lines(other=0.95, ms=0.5) == ["zlib.compress: 0.50 ms is below 1.00"]
    assert gil.disagreements({"zlib.compress": {"error": "not installed"}}, 1.0) == []
    turns = {"ms": 50.0, "other": 0.0, "pause": 0.1}
    assert gil.disagreements({"numpy.linalg.det": turns}, 1.0) == [
        "numpy.linalg.det: pause is [0.1], the table says otherwise"
    ]
    assert gil.disagreements({"numpy.linalg.det": {**turns, "pause": 0.9}}, 1.0) == []


def test_an_unknown_case_cannot_be_measured(gil: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert gil.main(["--case", "none", "--no-fetch"]) == 2
    assert capsys.readouterr().err == "gil: no such case: none\n"


def test_a_failed_installation_is_reported(
    gil: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "no network")
    monkeypatch.setattr(gil.subprocess, "run", lambda *_, **__: failed)
    assert gil.main(["--case", "bcrypt.hashpw", "--cache", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "gil: pip could not install bcrypt==5.0.0: no network\n"


# -- peers.py


def test_peers_says_which_bounds_are_exceeded(monkeypatch: pytest.MonkeyPatch) -> None:
    peers = script(monkeypatch, "peers")
    costs = {tool.name: peers.Cost(4.0, 8.0, 100.0) for tool in peers.TOOLS}
    costs |= {"check, cold": peers.Cost(2.0, 4.0, 50.0), "check, warm": peers.Cost(0.2, 0.2, 50.0)}
    assert list(peers.exceeded(costs)) == [
        "EXCEEDED check, cold / flake8 --select=AIG: 0.500 (bound 0.2)",
        "check, cold / ruff: 0.500 (bound 3.0)",
        "check, warm / ruff: 0.050 (bound 1.0)",
        "check, warm / check, cold: 0.100 (bound 0.15)",
        "hook, one file / flake8 --version: 1.000 (bound 2.0)",
    ]
    lines = list(peers.report(costs))
    assert lines[-1].split() == ["ruff", "4.00", "2.00", "8.00", "2.00", "100.00", "2.00"]
    assert len(lines) == 1 + len(peers.TOOLS)


@pytest.mark.skipif(sys.platform == "win32", reason="wait4 is POSIX")
def test_peers_measures_and_names_what_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peers = script(monkeypatch, "peers")
    cost = peers.run([sys.executable, "-c", "x = bytearray(2**26); raise SystemExit(1)"], tmp_path)
    assert cost.wall > 0
    assert cost.cpu > 0
    assert cost.memory > 64
    with pytest.raises(peers.BenchmarkError, match=r"exit 3\nbroken"):
        peers.run([sys.executable, "-c", "print('broken'); raise SystemExit(3)"], tmp_path)
    (tmp_path / "django-5.2.8").mkdir()
    with pytest.raises(peers.BenchmarkError, match="holds 0 lines"):
        peers.tree(tmp_path)
