"""Findings accepted once, and findings on changed lines alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import harness
import pytest

from flake8_aiguard import baseline
from flake8_aiguard.baseline import Key, Row

CALL = "requests.delete('https://example.org')\n"
ONE = f"import requests\n\n\ndef fetch():\n    return {CALL}"
FILE = ".aiguard-baseline.json"


def run(folder: Path, *arguments: str) -> harness.Flake8:
    done = subprocess.run(
        [sys.executable, "-m", "flake8_aiguard", *arguments],
        cwd=folder,
        env=harness.environment(),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return harness.Flake8(done.returncode, done.stdout, done.stderr)


def check(folder: Path, *arguments: str) -> harness.Flake8:
    return run(folder, "check", *arguments)


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(
        ["git", *identity, *arguments], cwd=folder, env=harness.environment(), check=True, capture_output=True
    )


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with two findings, in a package and in a script."""
    git(tmp_path, "init", "-q")
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "orders.py").write_text(ONE, encoding="utf-8")
    (tmp_path / "my script.py").write_text(f"import requests\n\n{CALL}", encoding="utf-8")
    return tmp_path


@pytest.fixture
def accepted(tree: Path) -> Path:
    """The same with a baseline of both."""
    assert run(tree, "baseline", ".").out == f"{FILE}: AIG014 2\n"
    return tree


# -- written


def test_what_is_accepted_is_quiet_under_check_and_flake8(accepted: Path) -> None:
    rows = json.loads((accepted / FILE).read_text(encoding="utf-8"))["findings"]
    assert [(row["path"], row["code"], row["name"], row["count"]) for row in rows] == [
        ("my script.py", "AIG014", "", 1),
        ("service/orders.py", "AIG014", "fetch", 1),
    ]
    for _ in range(2):  # with what the cache keeps, too
        cold = check(accepted, ".")
        assert (cold.status, cold.out, cold.err) == (0, "", "")
    assert harness.flake8(accepted, "--select=AIG", ".").out == ""
    assert harness.flake8(accepted, "--select=AIG", "--jobs=2", ".").out == ""
    assert harness.flake8(accepted / "service", "--select=AIG", "orders.py").out == "", "from a folder below"
    assert check(accepted / "service", ".").out == ""
    assert check(accepted, "--aiguard-baseline=", ".").codes == ["AIG014", "AIG014"]


def test_a_new_baseline_does_not_replace_one(accepted: Path) -> None:
    edit(accepted / "my script.py", CALL, CALL + "requests.post('https://example.org')\n")
    before = (accepted / FILE).read_bytes()
    done = run(accepted, "baseline", ".")
    assert done.status == 2
    assert done.err.startswith(f"flake8-aiguard: {FILE}: exists already; --update")
    assert (accepted / FILE).read_bytes() == before


@pytest.mark.parametrize("options", [["--accept"], ["--reason", "why"], ["--accept", "--reason", "  "]])
def test_growing_takes_a_reason(accepted: Path, options: list[str]) -> None:
    done = run(accepted, "baseline", *options, ".")
    assert done.status == 2
    assert "--accept and --reason TEXT belong together" in done.err


def test_it_is_one_of_files(tree: Path) -> None:
    done = run(tree, "baseline", "-")
    assert (done.status, done.out) == (2, "")
    assert done.err == "flake8-aiguard: a baseline is one of files: give a path instead of -\n"
    assert not (tree / FILE).exists()


def test_there_must_be_one_to_update(tree: Path) -> None:
    done = run(tree, "baseline", "--update", ".")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("flake8-aiguard: there is no baseline yet")


# -- matched


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def fetch", "x = 1\n\n\ndef fetch"),
        (CALL, 'requests.delete(\n        "https://example.org",  # here\n    )\n'),
    ],
)
def test_moved_and_laid_out_anew_is_the_same(accepted: Path, old: str, new: str) -> None:
    edit(accepted / "service" / "orders.py", old, new)
    assert check(accepted, ".").status == 0
    assert harness.flake8(accepted, "--select=AIG", ".").status == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("example.org", "example.com"),
        ("def fetch", "def other"),
        (CALL, CALL + f"\n\ndef more():\n    {CALL}"),
    ],
)
def test_another_one_is_new(accepted: Path, old: str, new: str) -> None:
    edit(accepted / "service" / "orders.py", old, new)
    done = check(accepted, ".")
    assert [(item.path, item.code) for item in done.reported] == [("service/orders.py", "AIG014")]
    assert f"not in {FILE}: AIG014 +1" in done.err
    assert harness.flake8(accepted, "--select=AIG", ".").reported == done.reported


def test_one_entry_covers_one_finding(accepted: Path) -> None:
    edit(accepted / "my script.py", CALL, CALL * 3)
    done = check(accepted, ".")
    assert [item.line for item in done.reported] == [4, 5]
    assert harness.flake8(accepted, "--select=AIG", ".").reported == done.reported


def test_what_a_noqa_silences_uses_up_no_entry(accepted: Path) -> None:
    edit(accepted / "my script.py", CALL, CALL.replace("\n", "  # noqa: AIG014 -- a test host\n") + CALL)
    done = check(accepted, ".")
    assert (done.status, done.out, done.err) == (0, "", "")
    assert harness.flake8(accepted, "--select=AIG", ".").status == 0


def test_tags_in_comments_and_whole_files_are_recognised(tree: Path) -> None:
    tags = "# @generated(model='m')\nx = 1\n"
    (tree / "tags.py").write_text(tags, encoding="utf-8")
    assert set(check(tree, "tags.py").codes) == {"AIG030"}
    assert run(tree, "baseline", "tags.py").status == 0
    (tree / "tags.py").write_text(f'"""Text."""\n{tags}', encoding="utf-8")
    assert check(tree, "tags.py").status == 0


# -- shrunk and grown


def test_what_is_gone_is_named_and_dropped(accepted: Path) -> None:
    edit(accepted / "my script.py", CALL, "")
    done = check(accepted, ".")
    assert (done.status, done.out) == (0, "")
    assert f"{FILE}: gone: my script.py: AIG014 (1)" in done.err
    assert "baseline --update" in done.err
    updated = run(accepted, "baseline", "--update", ".")
    assert (updated.status, updated.out) == (0, f"{FILE}: 1 dropped, 0 added\n")
    assert check(accepted, ".").err == ""


def test_a_deleted_file_is_gone(accepted: Path) -> None:
    (accepted / "my script.py").unlink()
    assert "gone: my script.py" in check(accepted, ".").err
    assert check(accepted, "service").err == "", "it was not asked for"


@pytest.mark.parametrize("arguments", [["service"], ["--select=AIG019", "."], ["--since=HEAD", "."]])
def test_what_took_no_part_is_not_gone(accepted: Path, arguments: list[str]) -> None:
    git(accepted, "add", "-A")
    git(accepted, "commit", "-q", "-m", "first")
    edit(accepted / "my script.py", CALL, "")
    assert check(accepted, *arguments).err == ""


def test_nobody_knows_what_is_gone_from_a_file_that_does_not_parse(accepted: Path) -> None:
    edit(accepted / "my script.py", CALL, "def f(:\n")
    done = check(accepted, ".")
    assert (done.codes, done.err) == (["E999"], f"flake8-aiguard: not in {FILE}: E999 +1\n")


def test_update_names_what_is_new_and_leaves_it_out(accepted: Path) -> None:
    edit(accepted / "my script.py", CALL, CALL * 2)
    before = (accepted / FILE).read_bytes()
    done = run(accepted, "baseline", "--update", ".")
    assert done.status == 1
    assert "my script.py:4:1: AIG014" in done.out
    assert (accepted / FILE).read_bytes() == before


def test_accept_adds_what_is_new_with_its_reason(accepted: Path) -> None:
    edit(accepted / "my script.py", CALL, CALL * 2)
    done = run(accepted, "baseline", "--accept", "--reason", "replaced in\nMay", ".")
    assert done.status == 0
    assert f"{FILE}: 0 dropped, 1 added" in done.out
    rows = json.loads((accepted / FILE).read_text(encoding="utf-8"))["findings"]
    assert [row.get("reason") for row in rows] == [None, "replaced in May", None]
    assert check(accepted, ".").status == 0
    edit(accepted / "my script.py", CALL * 2, "")
    assert run(accepted, "baseline", "--update", ".").out == f"{FILE}: 2 dropped, 0 added\n"


def test_rows_are_sorted_and_merged(tmp_path: Path) -> None:
    first, second = Key("a.py", "AIG014", "f", "1"), Key("b.py", "AIG001", "", "2")
    baseline.write(tmp_path / FILE, [Row(second, 1), Row(first, 1), Row(first, 2), Row(first, 1, "why")])
    rows = json.loads((tmp_path / FILE).read_text(encoding="utf-8"))["findings"]
    assert [(row["path"], row["count"], row.get("reason")) for row in rows] == [
        ("a.py", 3, None),
        ("a.py", 1, "why"),
        ("b.py", 1, None),
    ]


# -- damage


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"version": 2, "findings": []}', '{"version": 1}', '{"version": 1, "findings": [1]}',
     '{"version": 1, "findings": [{"path": "a", "code": "AIG014", "name": "", "statement": "1", "count": "2"}]}'],
)  # fmt: skip
def test_a_damaged_file_is_an_error(tree: Path, text: str) -> None:
    (tree / FILE).write_text(text, encoding="utf-8")
    for command in (["check", "."], ["baseline", "--update", "."]):
        done = run(tree, *command)
        assert (done.status, done.out) == (2, "")
        assert done.err.startswith(f"flake8-aiguard: {FILE}: is not a valid baseline (")
        assert len(done.err.splitlines()) == 1
    assert f"{FILE}: is not a valid baseline" in harness.flake8(tree, "--select=AIG", ".").out


def test_a_file_that_cannot_be_written(tree: Path) -> None:
    (tree / "pyproject.toml").write_text(
        '[tool.aiguard]\nbaseline = "my script.py/known.json"\n', encoding="utf-8"
    )
    done = run(tree, "baseline", ".")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(
        f"flake8-aiguard: {os.path.join('my script.py', 'known.json')}: cannot be written"
    )


# -- changed lines


@pytest.fixture
def committed(tree: Path) -> Path:
    (tree / "long.py").write_text(
        "import requests\n\nrequests.post(\n    'https://example.org',\n    data='x',\n    timeout=3,\n)\n"
        "if True:\n    requests.delete('https://example.org')\n",
        encoding="utf-8",
    )
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "first")
    return tree


def lines(done: harness.Flake8) -> list[tuple[str, int]]:
    return [(item.path, item.line) for item in done.reported]


def test_since_reports_changed_lines_and_new_files(committed: Path) -> None:
    assert lines(check(committed, "--since=HEAD", ".")) == []
    edit(committed / "service" / "orders.py", ONE, ONE + "\n\ndef more():\n    return " + CALL)
    (committed / 'ümlaut " new.py').write_text(f"import requests\n{CALL}", encoding="utf-8")
    assert lines(check(committed, "--since=HEAD", ".")) == [
        ("service/orders.py", 9),
        ('ümlaut " new.py', 2),
    ]
    assert lines(check(committed / "service", "--since=HEAD", ".")) == [("orders.py", 9)]


def test_a_line_that_went_out_of_a_statement_counts(committed: Path) -> None:
    edit(committed / "long.py", "    timeout=3,\n", "")
    assert lines(check(committed, "--since=HEAD", ".")) == [("long.py", 3)]


def test_a_renamed_file_is_not_new(committed: Path) -> None:
    git(committed, "mv", "service/orders.py", "service/sold.py")
    assert lines(check(committed, "--since=HEAD", ".")) == []
    edit(committed / "service" / "sold.py", "    return", "    x = 1\n    return")
    assert lines(check(committed, "--since=HEAD", ".")) == []
    edit(committed / "service" / "sold.py", "example.org", "example.com")
    assert lines(check(committed, "--since=HEAD", ".")) == [("service/sold.py", 6)]


def test_since_needs_a_revision_and_a_repository(
    committed: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for revision in ("nowhere", "--output=x"):
        done = check(committed, f"--since={revision}", ".")
        assert (done.status, done.out) == (2, "")
        assert done.err.startswith(f"flake8-aiguard: --since {revision}: no such revision")
    done = check(tmp_path_factory.mktemp("bare"), "--since=HEAD", ".")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("flake8-aiguard: --since needs a git repository")
    assert check(committed, "--since=HEAD", "-").status == 2
