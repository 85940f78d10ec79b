"""The formatters, through flake8 and through ``check``."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import harness
import pytest
from test_check import CALL, check

SOURCE = "import requests\n\n\ndef fetch(url):\n\treturn requests.get(url), 'ü'\n"
FORMATS = ("agent", "github", "gitlab", "json", "sarif", "text")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "my orders").mkdir()
    (tmp_path / "my orders" / "a,b%.py").write_text(SOURCE, encoding="utf-8")
    twice = (CALL + CALL.splitlines()[-1] + "\n").replace(".get(", ".delete(")
    (tmp_path / "call.py").write_text(twice, encoding="utf-8")
    (tmp_path / "broken.py").write_text("def f(:\n", encoding="utf-8")
    return tmp_path


def loaded(run: harness.Flake8) -> Any:
    assert run.err == ""
    return json.loads(run.out)


@pytest.mark.parametrize("name", FORMATS)
def test_check_and_flake8_print_the_same(tree: Path, name: str) -> None:
    run = check(tree, f"--format=aiguard-{name}", ".")
    assert run.status == 1
    assert run.out == harness.flake8(tree, f"--format=aiguard-{name}", "--select=AIG,E9", ".").out
    assert run.out.endswith("\n")


def test_text(tree: Path) -> None:
    lines = check(tree, "--format=aiguard-text", "my orders").out.splitlines()
    assert lines[0].startswith("my orders/a,b%.py:5:9: AIG014 missing-timeout: requests.get() waits forever")
    assert "[missing-timeout]" not in lines[0]
    assert lines[1:] == ["    \treturn requests.get(url), 'ü'", "    \t       ^^^^^^^^^^^^"]
    coloured = check(tree, "--format=aiguard-text", "--color=always", "my orders").out
    assert "\x1b[31mAIG014 missing-timeout\x1b[m" in coloured


def test_json(tree: Path) -> None:
    broken, first, second, spaced = loaded(check(tree, "--format=aiguard-json", "."))
    assert (broken["code"], broken["slug"], broken["severity"]) == ("E999", "syntax-error", "error")
    assert {key: first[key] for key in ("code", "slug", "path", "line", "column", "severity", "source")} == {
        "code": "AIG014",
        "slug": "missing-timeout",
        "path": "call.py",
        "line": 3,
        "column": 1,
        "severity": "warning",
        "source": "requests.delete('https://example.org')",
    }
    assert first["fingerprint"] != second["fingerprint"]
    assert (spaced["path"], spaced["column"]) == ("my orders/a,b%.py", 9)


@pytest.mark.parametrize(("name", "empty"), [("json", []), ("gitlab", [])])
def test_nothing_found_is_a_whole_document(tmp_path: Path, name: str, empty: object) -> None:
    (tmp_path / "clean.py").write_text("x = 1\n", encoding="utf-8")
    run = check(tmp_path, f"--format=aiguard-{name}", ".")
    assert (run.status, loaded(run)) == (0, empty)
    assert loaded(check(tmp_path, "--format=aiguard-sarif", "."))["runs"][0]["results"] == []


def test_sarif(tree: Path) -> None:
    report = loaded(check(tree, "--format=aiguard-sarif", "."))
    [run] = report["runs"]
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert set(rules) == {"AIG014", "E999"}
    rule = rules["AIG014"]
    assert rule["name"] == "missing-timeout"
    assert rule["defaultConfiguration"] == {"level": "warning"}
    assert rule["shortDescription"]["text"] and rule["help"]["markdown"].startswith(
        "# AIG014 missing-timeout"
    )
    last = run["results"][-1]
    assert run["tool"]["driver"]["rules"][last["ruleIndex"]]["id"] == last["ruleId"] == "AIG014"
    place = last["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "my%20orders/a%2Cb%25.py"
    assert place["region"] == {"startLine": 5, "startColumn": 9}


def test_fingerprints_survive_moved_lines(tree: Path) -> None:
    def fingerprints() -> list[str]:
        [run] = loaded(check(tree, "--format=aiguard-sarif", "call.py"))["runs"]
        return [item["partialFingerprints"]["aiguard/v1"] for item in run["results"]]

    before = fingerprints()
    text = (tree / "call.py").read_text(encoding="utf-8")
    (tree / "call.py").write_text(text.replace("\n\n", "\n\nx = 1\n\n", 1), encoding="utf-8")
    assert fingerprints() == before
    (tree / "call.py").write_text(text.replace("example.org", "example.com", 1), encoding="utf-8")
    assert fingerprints() != before


@pytest.fixture(scope="session")
def sarif(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Validates SARIF 2.1.0, by the schema in the npm package of the format's own tool: no package of PyPI has it."""
    jsonschema = pytest.importorskip("jsonschema", reason="comes with the extra 'test'")
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("npm")
    done = subprocess.run(
        [npm, "pack", "--silent", "@microsoft/sarif-multitool-linux@5.7.0"],
        cwd=folder,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    if done.returncode:
        pytest.skip(f"npm cannot fetch the schema: {done.stderr}")
    [archive] = folder.glob("*.tgz")
    with tarfile.open(archive) as packed:
        content = packed.extractfile("package/sarif-2.1.0.json")
        assert content is not None
        found = json.load(content)
    archive.unlink()
    return jsonschema.Draft202012Validator(found)


def test_sarif_follows_its_schema(tree: Path, sarif: Any) -> None:
    (tree / "rows.sql").write_text("DELETE FROM rows;\n", encoding="utf-8")
    (tree / "pyproject.toml").write_text(
        '[tool.aiguard]\ndocs-url = "https://example.org"\n', encoding="utf-8"
    )
    report = json.loads(check(tree, "--format=aiguard-sarif", ".").out)
    assert [error.message for error in sarif.iter_errors(report)] == []
    (tree / "clean.py").write_text("", encoding="utf-8")
    assert sarif.is_valid(json.loads(check(tree, "--format=aiguard-sarif", "clean.py").out))
    [run] = report["runs"]
    for broken in (
        {**run["results"][0], "level": "fatal"},
        {**run["results"][0], "message": "text"},
        {**run["results"][0], "rule": "AIG014"},
    ):
        assert not sarif.is_valid({**report, "runs": [{**run, "results": [broken]}]})


def test_github(tree: Path) -> None:
    *_, last = check(tree, "--format=aiguard-github", ".").out.splitlines()
    start, text = last.removeprefix("::").split("::", 1)
    assert start == "warning file=my orders/a%2Cb%25.py,line=5,col=9,title=AIG014 missing-timeout"
    assert text.startswith("requests.get() waits forever")


def test_gitlab(tree: Path) -> None:
    last = loaded(check(tree, "--format=aiguard-gitlab", "."))[-1]
    assert (last["check_name"], last["severity"]) == ("AIG014 missing-timeout", "minor")
    assert last["location"] == {
        "path": "my orders/a,b%.py",
        "positions": {"begin": {"line": 5, "column": 9}},
    }


def test_fingerprints_are_unique(tmp_path: Path) -> None:
    call = "    requests.delete('https://example.org')\n"
    (tmp_path / "same.py").write_text(f"import requests\n\n\ndef f():\n{call * 3}", encoding="utf-8")
    (tmp_path / "also.py").write_text(f"import requests\n\n\ndef f():\n{call * 3}", encoding="utf-8")
    found = loaded(check(tmp_path, "--format=aiguard-gitlab", "."))
    assert len(found) == len({item["fingerprint"] for item in found}) == 6


def test_agent(tree: Path) -> None:
    run = check(tree, "--format=aiguard-agent", ".")
    lines = run.out.splitlines()
    assert lines[0] == "AIG014 missing-timeout: 3"
    assert lines[1].startswith("  call.py:3: requests.delete() waits forever")
    assert "E999 syntax-error: 1" in lines
    assert "noqa" not in run.out
    assert "ignore" not in run.out


@pytest.mark.parametrize("name", FORMATS)
def test_an_output_file_is_replaced(tree: Path, name: str) -> None:
    path = tree / "reports" / "out.txt"
    argv = (f"--format=aiguard-{name}", f"--output-file={path}", ".")
    assert check(tree, *argv).out == ""
    once = path.read_text(encoding="utf-8")
    assert once == check(tree, *argv, "--tee").out
    assert path.read_text(encoding="utf-8") == once
    assert stat.S_IMODE(path.stat().st_mode) & 0o444
    assert list(path.parent.iterdir()) == [path]


def test_an_output_file_that_cannot_be_written(tree: Path) -> None:
    (tree / "reports").write_text("a file in the way", encoding="utf-8")
    run = check(tree, "--format=aiguard-json", "--output-file=reports/out.json", ".")
    assert (run.status, run.out) == (2, "")
    assert run.err.startswith("flake8-aiguard: reports/out.json: cannot be written (")
    assert len(run.err.splitlines()) == 1


def test_statistics_stay_out_of_the_document(tree: Path) -> None:
    run = check(tree, "--format=aiguard-json", "--statistics", ".")
    assert len(json.loads(run.out)) == 4
    assert run.err.splitlines()[0].split()[:2] == ["3", "AIG014"]
