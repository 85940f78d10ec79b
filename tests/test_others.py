"""SQL and configuration in ``check``, ``baseline`` and ``scan``: accepted once, changed lines alone, every format."""

from __future__ import annotations

import json
from pathlib import Path

import harness
import pytest
from test_baseline import CALL, FILE, ONE, check, edit, git, run

pytest.importorskip("ast_grep_py", reason="comes with the extra 'sql'")

JOBS = "on: push\njobs:\n  build:\n    runs-on: x\n    steps:\n      - run: make\n"
WORKFLOW = ".github/workflows/build.yml"


def scan(folder: Path, *arguments: str) -> harness.Flake8:
    return run(folder, "scan", *arguments)


def places(done: harness.Flake8) -> list[tuple[str, int, str]]:
    return [(item.path, item.line, item.code) for item in done.reported]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A committed repository with a finding in Python, SQL and a workflow each."""
    git(tmp_path, "init", "-q")
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    (tmp_path / WORKFLOW).write_text(JOBS, encoding="utf-8")
    (tmp_path / "old rows.sql").write_text("DELETE FROM rows;\n", encoding="utf-8")
    (tmp_path / "orders.py").write_text(ONE, encoding="utf-8")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


@pytest.fixture
def accepted(tree: Path) -> Path:
    assert run(tree, "baseline").out == f"{FILE}: AIG014 1, AIG205 1, AIG301 1\n"
    return tree


def test_one_command_reports_all_in_one_order(tree: Path) -> None:
    assert places(check(tree)) == [
        ("orders.py", 5, "AIG014"),
        (WORKFLOW, 3, "AIG301"),
        ("old rows.sql", 1, "AIG205"),
    ]
    assert places(check(tree, "--no-scan", "orders.py", "old rows.sql")) == [("orders.py", 5, "AIG014")]
    assert places(scan(tree)) == [(WORKFLOW, 3, "AIG301"), ("old rows.sql", 1, "AIG205")]


def test_what_is_accepted_is_quiet(accepted: Path) -> None:
    rows = json.loads((accepted / FILE).read_text(encoding="utf-8"))["findings"]
    assert [(row["path"], row["code"], row["name"]) for row in rows] == [
        (WORKFLOW, "AIG301", "jobs"),
        ("old rows.sql", "AIG205", ""),
        ("orders.py", "AIG014", "fetch"),
    ]
    for done in (
        check(accepted),
        scan(accepted),
        check(accepted / ".github", "."),
        scan(accepted / ".github"),
    ):
        assert (done.status, done.out, done.err) == (0, "", "")


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (WORKFLOW, "on: push\n", "on: push\nname: build\n"),
        (WORKFLOW, "make", "make all"),
        (WORKFLOW, "  build:", "  build:  # all of it"),
        ("old rows.sql", "DELETE FROM", "-- once\nDELETE\n  FROM -- all\n "),
    ],
)
def test_moved_and_laid_out_anew_is_the_same(accepted: Path, path: str, old: str, new: str) -> None:
    edit(accepted / path, old, new)
    for done in (check(accepted), scan(accepted)):
        assert (done.status, done.out, done.err) == (0, "", "")


@pytest.mark.parametrize(
    ("path", "old", "new", "code"),
    [
        (WORKFLOW, "  build:", "  tests:", "AIG301"),
        (WORKFLOW, "jobs:\n", "jobs:\n  lint:\n    runs-on: x\n", "AIG301"),
        ("old rows.sql", "rows", "orders", "AIG205"),
        ("old rows.sql", "rows;", "rows; DELETE FROM rows;", "AIG205"),
    ],
)
def test_another_one_is_new(accepted: Path, path: str, old: str, new: str, code: str) -> None:
    edit(accepted / path, old, new)
    for done in (check(accepted), scan(accepted)):
        assert (done.status, done.codes) == (1, [code])
        assert f"not in {FILE}: {code} +1" in done.err


def test_what_is_gone_is_named_by_those_who_looked(accepted: Path) -> None:
    edit(accepted / "old rows.sql", "rows", "rows WHERE id = 1")
    gone = f"{FILE}: gone: old rows.sql: AIG205 (1)"
    assert gone in check(accepted).err
    assert gone in scan(accepted).err
    for done in (
        *(check(accepted, "--no-scan"), check(accepted, "orders.py"), check(accepted, "--select=AIG3")),
        *(scan(accepted, "--ignore", "AIG205"), scan(accepted, ".github")),
    ):
        assert done.err == ""
    assert run(accepted, "baseline", "--update").out.startswith(f"{FILE}: 1 dropped, 0 added")
    assert check(accepted).err == ""


def test_a_deleted_file_is_gone(accepted: Path) -> None:
    (accepted / "old rows.sql").unlink()
    assert "gone: old rows.sql" in check(accepted).err
    assert "gone: old rows.sql" in scan(accepted).err


def test_what_a_comment_silences_uses_up_no_entry(accepted: Path) -> None:
    edit(accepted / "old rows.sql", ";", ";  -- noqa: AIG205 a copy\nDELETE FROM rows;")
    assert check(accepted).err == scan(accepted).err == ""


def test_since_reports_changed_lines(tree: Path) -> None:
    assert places(check(tree, "--since=HEAD", ".")) == []
    edit(tree / "old rows.sql", ";\n", ";\n\nDELETE FROM\n  orders;\n")
    edit(tree / WORKFLOW, "jobs:\n", "jobs:\n  lint:\n    runs-on: x\n")
    (tree / "new.sql").write_text("DELETE FROM rows;\n", encoding="utf-8")
    assert places(check(tree, "--since=HEAD")) == [
        (WORKFLOW, 3, "AIG301"),
        ("new.sql", 1, "AIG205"),
        ("old rows.sql", 3, "AIG205"),
    ]


def test_since_reports_a_guard_that_went(tree: Path) -> None:
    edit(tree / WORKFLOW, "    runs-on: x\n", "    runs-on: x\n    timeout-minutes: 5\n")
    edit(tree / "old rows.sql", "rows;", "rows\nWHERE id = 1;")
    git(tree, "commit", "-q", "-a", "-m", "second")
    edit(tree / WORKFLOW, "    timeout-minutes: 5\n", "")
    edit(tree / "old rows.sql", "\nWHERE id = 1;", ";")
    assert places(check(tree, "--since=HEAD")) == [(WORKFLOW, 3, "AIG301"), ("old rows.sql", 1, "AIG205")]


def test_excluded_files_are_not_looked_at(tree: Path) -> None:
    (tree / ".flake8").write_text("[flake8]\nextend-exclude = old*, .github\n", encoding="utf-8")
    assert check(tree).codes == ["AIG014"]
    (tree / ".flake8").write_text("[flake8]\nper-file-ignores =\n    *.sql: AIG2\n", encoding="utf-8")
    assert sorted(check(tree).codes) == ["AIG014", "AIG301"]


def test_results_that_are_kept_are_no_configuration(tmp_path: Path) -> None:
    (tmp_path / "orders.py").write_text(ONE, encoding="utf-8")
    for _ in range(2):
        done = check(tmp_path, ".")
        assert (done.codes, done.err) == (["AIG014"], "")
    assert scan(tmp_path).status == 0


@pytest.mark.parametrize("name", ["agent", "github", "gitlab", "json", "sarif", "text"])
def test_scan_prints_what_check_prints(tree: Path, name: str) -> None:
    (tree / "orders.py").unlink()
    (tree / "lint").mkdir()
    (tree / "lint" / "own.yml").write_text(
        "id: OWN1\nlanguage: sql\nseverity: error\nmessage: no rows\nmetadata: {slug: no-rows}\n"
        "rule: {kind: object_reference, regex: ^rows$}\n",
        encoding="utf-8",
    )
    (tree / "pyproject.toml").write_text('[tool.aiguard]\nrule-dirs = ["lint"]\n', encoding="utf-8")
    done = scan(tree, f"--format=aiguard-{name}")
    assert done.status == 1
    checked = check(tree, f"--format=aiguard-{name}", "--extend-select=OWN", ".")
    assert done.out == checked.out
    for word in ("AIG205", "write-without-where", "AIG301", "OWN1", "no-rows"):
        assert word in done.out
    again = scan(tree, f"--format=aiguard-{name}", "--output-file=reports/out")
    assert (again.status, again.out, again.err) == (1, "", "")
    assert (tree / "reports" / "out").read_text(encoding="utf-8") == done.out


def test_scan_replaces_its_output_file(tree: Path) -> None:
    for name in ("text", "json"):
        printed = scan(tree, f"--format={name}").out
        (tree / "out").write_text("old\n" * 99, encoding="utf-8")
        assert scan(tree, f"--format={name}", "--output-file=out").out == ""
        assert (tree / "out").read_text(encoding="utf-8") == printed
        (tree / "out").unlink()
    for name in ("text", "aiguard-sarif"):
        done = scan(tree, f"--format={name}", "--output-file=orders.py/out")
        assert (done.status, done.out) == (2, "")
        assert done.err.startswith("flake8-aiguard: orders.py/out: cannot be written (")


def test_what_the_baseline_of_scan_may_be(accepted: Path) -> None:
    (accepted / FILE).write_text("[]", encoding="utf-8")
    done = scan(accepted)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(f"flake8-aiguard: {FILE}: is not a valid baseline (")


def test_rules_without_a_page_of_their_own_have_no_address(tree: Path) -> None:
    def rule(*arguments: str) -> dict[str, object]:
        [found] = json.loads(scan(tree, "--format=aiguard-sarif", *arguments).out)["runs"]
        rules = {item["id"]: item for item in found["tool"]["driver"]["rules"]}
        return dict(rules["AIG205"])

    found = rule()
    assert str(found["help"]["markdown"]).startswith("# AIG205 write-without-where")  # type: ignore[index]
    assert "helpUri" not in found
    (tree / "pyproject.toml").write_text(
        '[tool.aiguard]\ndocs-url = "https://lint.example.org/docs/"\n', encoding="utf-8"
    )
    assert rule()["helpUri"] == "https://lint.example.org/docs/rules/aig205-write-without-where.md"
    (tree / "pyproject.toml").write_text('[tool.aiguard]\ndocs-url = "docs"\n', encoding="utf-8")
    done = scan(tree)
    assert (done.status, done.out) == (2, "")
    assert "docs-url = 'docs' is not valid; use an address" in done.err


def test_many_files_in_several_processes(tmp_path: Path) -> None:
    for number in range(120):
        (tmp_path / f"q{number:03}.sql").write_text(f"DELETE FROM rows{number};\n", encoding="utf-8")
    one, two = scan(tmp_path, "--jobs", "1"), scan(tmp_path, "--jobs", "2")
    assert len(one.codes) == 120
    assert (two.out, two.err) == (one.out, one.err)
    (tmp_path / "a.py").write_text(f"import requests\n{CALL}", encoding="utf-8")
    assert len(check(tmp_path, "--jobs=2").codes) == 121


COMMENTS = """-- noqa: AIG205 the table is a cache
DELETE FROM rows;
DELETE FROM rows;  -- noqa: AIG206
SELECT 1;  -- noqa: AIG205, AIG299
SELECT 1;  -- noqa: AIG211 not selected here
SELECT 1;  -- noqa: L003 of another linter
-- ast-grep-ignore
DELETE FROM rows;
DELETE FROM orders; /* noqa: AIG205 */
"""


def test_suppressions(tree: Path) -> None:
    (tree / "orders.py").write_text("x = 1  # noqa: AIG014 no more\n", encoding="utf-8")
    (tree / "old rows.sql").write_text(COMMENTS, encoding="utf-8")
    edit(tree / WORKFLOW, "  build:", "  build:  # noqa: AIG301 -- runs on our own machine")
    done = check(tree, "--suppressions")
    assert done.status == 1
    assert done.out.splitlines() == [
        "orders.py:1: AIG014: unused: it silences nothing here; delete it",
        f"{WORKFLOW}:3: AIG301: runs on our own machine",
        "old rows.sql:1: AIG205: the table is a cache",
        "old rows.sql:3: AIG206: unused: it silences nothing here; delete it",
        "old rows.sql:4: AIG205: unused: it silences nothing here; delete it",
        "old rows.sql:4: AIG299: there is no such rule; delete it",
        "old rows.sql:5: AIG211: not selected here",
        "old rows.sql:7: all codes (AIG205): no reason",
        "old rows.sql:9: AIG205: no reason",
    ]
    assert done.err == "flake8-aiguard: 9 suppressions, 4 to act on\n"
    assert check(tree, "--suppressions", "--no-scan").out.splitlines() == done.out.splitlines()[:1]
    assert check(tree, "--suppressions", ".github").status == 0
    (tree / "pyproject.toml").write_text("[tool.aiguard]\nrequire-reason = true\n", encoding="utf-8")
    assert "old rows.sql:9: AIG205: no reason; say behind" in check(tree, "--suppressions").out
    assert "old rows.sql:3: AIG206: unused" in run(tree, "doctor").out
