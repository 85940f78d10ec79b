"""What number an expression is."""

from __future__ import annotations

import ast

import pytest

from flake8_aiguard.numeric import number, truth

KNOWN = {"attempt": 3.0, "self.limit": 5.0, "zero": 0.0}


def parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", 7),
        ("-0.5", -0.5),
        ("True", None),
        ("'7'", None),
        ("0.5 * attempt", 1.5),
        ("2 ** attempt - 1", 7),
        ("1 << attempt", 8),
        ("self.limit // 2", 2),
        ("min(30, 2 ** attempt)", 8),
        ("max(1, zero)", 1),
        ("float(attempt)", 3),
        ("timedelta(seconds=4)", 4),
        ("attempt if attempt > 1 else 9", 3),
        ("unknown * 2", None),
        ("unknown if unknown else 1", None),
        ("random() + 1", None),
        ("1 / zero", None),
        ("2 ** 10 ** 9", None),
        ("attempt * 2 if unknown else 1", None),
        ("+" * 50 + "1", None),
    ],
)
def test_number(text: str, expected: float | None) -> None:
    assert number(parsed(text), KNOWN.get) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("attempt == self.limit - 2", True),
        ("attempt < 3", False),
        ("not zero", True),
        ("attempt and zero", False),
        ("unknown or attempt", True),
        ("unknown and zero", False),
        ("unknown and attempt", None),
        ("1 < attempt < 9", None),
        ("attempt is None", None),
        ("True", True),
    ],
)
def test_truth(text: str, expected: bool | None) -> None:
    assert truth(parsed(text), KNOWN.get) is expected
