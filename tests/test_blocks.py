"""How blocks of statements may end."""

from __future__ import annotations

import pytest
from questions import module

from flake8_aiguard.blocks import outcomes


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("pass", {"fall"}),
        ("if a:\n    return\nelif b:\n    continue\nelse:\n    raise", {"return", "continue", "raise"}),
        ("if a:\n    break", {"break", "fall"}),
        ("for x in y:\n    break", {"fall"}),
        ("while a:\n    return", {"return", "fall"}),
        ("try:\n    f()\nexcept E:\n    raise\nfinally:\n    g()", {"fall", "raise"}),
        ("with a:\n    return", {"return"}),
        ("match a:\n    case 1:\n        return", {"return", "fall"}),
        ("sys.exit(1)\nreturn", {"raise"}),
    ],
)
def test_outcomes(block: str, expected: set[str]) -> None:
    assert outcomes(module(block).tree.body) == expected
