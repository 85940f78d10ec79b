"""Regular expressions that are compiled when they are first asked."""

from __future__ import annotations

import re

import pytest

from flake8_aiguard.regex import regex


def test_nothing_is_compiled_before_the_first_question(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    compile_now = re.compile

    def noted(pattern: str, flags: int = 0) -> re.Pattern[str]:
        compiled.append(pattern)
        return compile_now(pattern, flags)

    monkeypatch.setattr(re, "compile", noted)
    word = regex(r"\w+", re.ASCII)
    assert compiled == []
    assert [word.findall("one two"), word.findall("three")] == [["one", "two"], ["three"]]
    assert compiled == [r"\w+"]


def test_it_answers_like_the_pattern() -> None:
    word = regex(r"(?P<first>a)b", re.IGNORECASE)
    found = word.fullmatch("AB")
    assert found is not None and found["first"] == "A"
    assert word.sub("-", "ab cd") == "- cd"
    assert word.pattern == r"(?P<first>a)b"
    assert word.flags & re.IGNORECASE
    assert regex(rb"a+").match(b"aab") is not None


def test_a_wrong_expression_says_so_when_it_is_asked() -> None:
    with pytest.raises(re.error):
        regex("(").search("")
