"""The command ``check --suppressions``."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_baseline import check

CALL = "requests.get('https://example.org')"
IMPORT = "import requests\n"


def listed(folder: Path, code: str, *arguments: str) -> tuple[int, list[str]]:
    (folder / "a.py").write_text(code, encoding="utf-8")
    done = check(folder, "--suppressions", *arguments, ".")
    assert done.err.startswith("flake8-aiguard: "), done.err
    return done.status, [line.removeprefix("a.py:") for line in done.out.splitlines()]


@pytest.mark.parametrize(
    ("comment", "status", "words"),
    [
        ("# noqa: AIG014 -- a test host", 0, "AIG014: a test host"),
        ("# noqa: AIG014 a test host", 0, "AIG014: a test host"),
        ("# noqa: E501,AIG014 # a test host", 0, "AIG014: a test host"),
        ("# noqa: AIG014  # pragma: no cover", 0, "AIG014: no reason"),
        ("# noqa: AIG0", 0, "AIG0: no reason"),
        ("# noqa: AIG019 asked for", 1, "AIG019: unused: it silences nothing here; delete it"),
        ("# noqa: AIG099", 1, "AIG099: there is no such rule; delete it"),
        ("# noqa: AIG101 guard of another command", 0, "AIG101: guard of another command"),
        ("# noqa: aig014", 1, "aig014: flake8 reads capitals alone; write AIG014"),
        ("# noqa: aig019", 1, "aig019: unused: it silences nothing here; delete it"),
        (
            "# noqa: AIG201 all columns are shown",
            1,
            "AIG201: in Python the code of SQL is AIG029; delete it, or",
        ),
        ("# noqa: AIG301 a workflow", 1, "AIG301: unused: it silences nothing here; delete it"),
        ("# noqa", 0, "all codes (AIG014): no reason"),
        ("# noqa : AIG014", 1, "all codes: it silences all codes; write `# noqa: CODE`"),
        ("# noqa: AIG", 1, "all codes: it silences all codes; write `# noqa: CODE`"),
        ("#noqa: AIG014", 1, "#noqa: flake8 does not read it; write `# noqa: CODE`"),
    ],
)
def test_comments(tmp_path: Path, comment: str, status: int, words: str) -> None:
    found, lines = listed(tmp_path, f"{IMPORT}{CALL}  {comment}\n")
    assert found == status
    [line] = lines
    assert line.startswith(f"2: {words}")


def test_what_is_no_concern_of_ours(tmp_path: Path) -> None:
    code = f'{IMPORT}x = 1  # noqa\ny = 1  # noqa: E501\n"""Write `# noqa: AIG014` with a reason."""\n'
    assert listed(tmp_path, code) == (0, [])


@pytest.mark.parametrize(
    ("comment", "status", "words"),
    [
        ("# flake8: noqa", 0, "whole file (AIG014 1): no reason"),
        ("# flake8: noqa: AIG014", 1, "whole file: it skips the whole file, for all codes"),
    ],
)
def test_whole_files(tmp_path: Path, comment: str, status: int, words: str) -> None:
    found, [line] = listed(tmp_path, f"{comment}\n{IMPORT}{CALL}\n")
    assert found == status
    assert line.startswith(f"1: {words}")


def test_a_statement_over_several_lines(tmp_path: Path) -> None:
    code = f"{IMPORT}requests.get('''a  # noqa: AIG014 first\n''')  # noqa: AIG014 second\n"
    status, lines = listed(tmp_path, code)
    assert status == 1
    assert lines[0] == "2: AIG014: first"
    assert lines[1].startswith("3: AIG014: unused")


def test_several_codes_are_judged_one_by_one(tmp_path: Path) -> None:
    status, lines = listed(tmp_path, f"{IMPORT}{CALL}  # noqa: AIG014, AIG019 asked for\n")
    assert (status, lines[0]) == (1, "2: AIG014: asked for")
    assert lines[1].startswith("2: AIG019: unused")


def test_require_reason(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.aiguard]\nrequire-reason = true\n", encoding="utf-8")
    status, [line] = listed(tmp_path, f"{IMPORT}{CALL}  # noqa: AIG014\n")
    assert status == 1
    assert line.startswith("2: AIG014: no reason; say behind the codes")
    assert listed(tmp_path, f"{IMPORT}{CALL}  # noqa: AIG014 a test host\n")[0] == 0


def test_nothing_is_unused_in_a_file_that_does_not_parse(tmp_path: Path) -> None:
    assert listed(tmp_path, "def f(:\n    x = 1  # noqa: AIG014 later\n")[0] == 0
