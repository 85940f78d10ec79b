"""The harness itself: a fixture cannot pass because its marks were misread."""

from __future__ import annotations

from pathlib import Path

import harness
import pytest
from harness import FIXTURES, FixtureError, Found, Mark

PATH = FIXTURES / "AIG014" / "example.py"


def marks(source: str) -> list[tuple[int, str]]:
    return [(mark.line, mark.words) for mark in harness.read(PATH, source).marks]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("f()  # AIG014\n", [(1, "")]),
        ("f()  # AIG014: waits forever\n", [(1, "waits forever")]),
        ("f(\n    1,\n)  # AIG014@-2\n", [(1, "")]),
        ("# AIG014@+1: f()\nf()\n", [(2, "f()")]),
        ("f(), f()  # AIG014: one; AIG014: two; three\n", [(1, "one"), (1, "two; three")]),
        ("f()  # type: ignore # AIG014\n", [(1, "")]),
        ("s = '# AIG014'  # ok: a mark in a string is none\n", []),
        ('s = """\n# AIG014\n"""  # AIG014@-2\n', [(1, "")]),
        ("f()  # noqa: AIG014\ng()  # ok: a noqa is no mark\n", []),
    ],
)
def test_marks(source: str, expected: list[tuple[int, str]]) -> None:
    assert marks(source) == expected


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("f()\n", "neither a mark nor"),
        ("f()  # ok\n", "cannot read '# ok'"),
        ("f()  # ok:\n", "cannot read '# ok:'"),
        ("f()  # OK: fine\n", "cannot read '# OK: fine'"),
        ("f()  # AIG014 waits\n", "cannot read '# AIG014 waits'"),
        ("f()  # aig014\n", "cannot read '# aig014'"),
        ("f()  # AIG14\n", "cannot read '# AIG14'"),
        ("f()  # AIG014@1\n", "cannot read '# AIG014@1'"),
        ("f()  # -> AIG014\n", "starts with its code"),
        ("f()  # AIG006\n", "marks AIG014 only; found AIG006"),
        ("f()  # AIG014; AIG006\n", "marks AIG014 only; found AIG006"),
        ("f()  # AIG014@-1\n", "points outside"),
        ("f()  # ok: reason # AIG014\n", "marked or near miss"),
        ("f()  # AIG014\n# filename: x.py\n", "before the first statement"),
        ("# settings: gates = all\nf()  # AIG014\n", "not TOML"),
        ("f(  # AIG014\n", "does not parse"),
    ],
)
def test_unreadable_fixtures(source: str, error: str) -> None:
    with pytest.raises(FixtureError, match=error.replace("(", r"\(")) as caught:
        harness.read(PATH, source)
    assert str(caught.value).startswith("AIG014/example.py:")


def test_directives() -> None:
    source = '# settings: gates = "all"\n# settings: tests = ["t/"]\n# filename: t/x.py\nf()  # AIG014\n'
    fixture = harness.read(PATH, source)
    assert (fixture.filename, fixture.settings) == ("t/x.py", {"gates": "all", "tests": ["t/"]})
    assert (fixture.code, fixture.name) == ("AIG014", "AIG014/example.py")


def found(line: int, text: str) -> Found:
    return Found(line, 0, text[:6], text)


def test_comparison_lists_three_kinds() -> None:
    expected = [Mark(1, "AIG014", "", 1), Mark(2, "AIG014", "waits", 2), Mark(3, "AIG014", "", 3)]
    reported = [
        found(1, "AIG014 waits"),
        found(2, "AIG014 other"),
        found(4, "AIG014 extra"),
        found(3, "AIG006 x"),
    ]
    assert harness.compare(expected, reported).render("x.py").splitlines() == [
        "missed alarms:",
        "  x.py:3: AIG014",
        "false alarms:",
        "  x.py:3: AIG006 x",
        "  x.py:4: AIG014 extra",
        "wrong text:",
        "  x.py:2: expected 'waits' in 'AIG014 other'",
    ]


def test_comparison_counts_findings_on_one_line() -> None:
    twice = [found(1, "AIG014 a"), found(1, "AIG014 b")]
    assert harness.compare([Mark(1, "AIG014", "", 1)], twice).false_alarms == [(1, "AIG014 b")]
    assert not harness.compare([Mark(1, "AIG014", "", 1), Mark(1, "AIG014", "a", 1)], twice)
    assert harness.compare([Mark(1, "AIG014", "a", 1)] * 2, twice).wrong_text == [
        (1, "expected 'a' in 'AIG014 b'")
    ]


def test_newer_python_is_read_from_the_name() -> None:
    assert harness.needs_newer_python(Path("py399_x.py"))
    assert not harness.needs_newer_python(Path("py310_x.py"))
    assert not harness.needs_newer_python(Path("copy399_x.py"))


def test_unknown_settings_are_errors() -> None:
    with pytest.raises(FixtureError, match="no such setting: gate$"):
        harness.check_source("x = 1\n", settings={"gate": "all"})


def test_lines_are_flake8s() -> None:
    _, lines = harness.parse("a = '\x0c'\r\nb = 1\r\n")
    assert lines == ["a = '\x0c'\n", "b = 1\n"]
