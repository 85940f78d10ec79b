"""What texts say of bounds."""

from __future__ import annotations

import ast

import pytest

from flake8_aiguard.shapes import text_parts
from flake8_aiguard.wordings import claims, name_of, name_words


@pytest.mark.parametrize(
    ("text", "refuses", "bound"),
    [
        ("n must be less than 10", ">=", 10),
        ("n should be shorter than 10 characters", ">=", 10),
        ("n has to be fewer than 1,000", ">=", 1000),
        ("n must be less than or equal to 10", ">", 10),
        ("n must be <= 10", ">", 10),
        ("n must be < 10", ">=", 10),
        ("n can be at most 10", ">", 10),
        ("up to 10 items", ">", 10),
        ("n must not exceed 10", ">", 10),
        ("n can't be more than 10", ">", 10),
        ("no more than 10", ">", 10),
        ("n exceeds 10", ">", 10),
        ("n is greater than 10", ">", 10),
        ("n reaches or exceeds 10", ">=", 10),
        ("n must not reach or exceed 10", ">=", 10),
        ("n is equal to or greater than 10", ">=", 10),
        ("n must be equal to or less than 10", ">", 10),
        ("n is at or above 10", ">=", 10),
        ("n must be greater than zero", "<=", 0),
        ("n must be greater than or equal to 1", "<", 1),
        ("n must be at least one", "<", 1),
        ("n cannot be less than 1", "<", 1),
        ("n must be above -1", "<=", -1),
        ("n must be larger than 0.5", "<=", 0.5),
    ],
)
def test_a_text_says_what_is_refused(text: str, refuses: str, bound: float) -> None:
    assert [(claim.refuses, claim.bound) for claim in claims([text])] == [(refuses, bound)]


@pytest.mark.parametrize(
    "text",
    [
        "less than 10",
        "use it if n is less than 10",
        "n would exceed 10",
        "n must be less than 10%",
        "n must be less than 10 * k",
        "not at most 10",
        "a -> b",
        "",
    ],
)
def test_what_is_not_clear_says_nothing_of_ten(text: str) -> None:
    assert [claim for claim in claims([text]) if claim.bound == 10] == []


def about(text: str, bound: str, value: float | None = None) -> bool:
    parts = text_parts(ast.parse(text, mode="eval").body)
    assert parts is not None
    (claim,) = claims(parts)
    return claim.is_about(ast.parse(bound, mode="eval").body, value)


def test_a_bound_is_a_hole_a_number_or_words() -> None:
    assert about('f"at most {self.limit} items"', "self.limit")
    assert not about('f"at most {self.other} items"', "self.limit")
    assert about('"at most %d items" % limit', "limit")
    assert about('"at most 10 items"', "LIMIT", 10)
    assert not about('"at most 10 items"', "LIMIT", 11)
    assert not about('"at most 10 items"', "LIMIT")
    assert about('"must not exceed the maximum length"', "max_length")
    assert about('"must not exceed {max_length}"', "max_length")
    assert not about('"must not exceed the size of a page"', "max_length")
    assert about('"slice stop must be greater than slice start"', "x.start")
    assert not about('"stop must be greater than twice start"', "x.start")


def test_the_text_of_a_claim() -> None:
    (claim,) = claims(["rows: the rows, at most 86400000 of them"])
    assert claim.text == "at most 86400000"
    assert claim.sentence >= {"rows", "of"}


def test_names() -> None:
    assert name_words("maximumItems_count") == ("max", "items", "count")
    assert name_words("_LIMIT") == ("limit",)
    names = [name_of(ast.parse(text, mode="eval").body) for text in ("a.b", "c['d']", "e.get('f', 1)", "g()")]
    assert names == ["b", "d", "f", None]
