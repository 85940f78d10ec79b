"""Branches for versions of Python that are out of support."""

from __future__ import annotations

import pytest
from questions import asked, module

from flake8_aiguard.versions import is_outdated


@pytest.mark.parametrize(
    ("test", "first", "second"),
    [
        ("sys.version_info < (3, 8)", True, False),
        ("sys.version_info < (3, 10)", True, False),
        ("sys.version_info < (3, 11)", False, False),
        ("sys.version_info <= (3, 10)", False, False),
        ("sys.version_info >= (3,)", False, True),
        ("sys.version_info > (3, 10)", False, False),
        ("sys.version_info[0] < 3", True, False),
        ("sys.version_info[0] == 2", True, False),
        ("sys.version_info[0] != 2", False, True),
        ("sys.version_info[1] < 8", False, False),
        ("sys.version_info.major >= 3", False, True),
        ("sys.version_info[:2] < (3, 9)", True, False),
        ("sys.version_info[0:2] >= (3, 9)", False, True),
        ("sys.version_info[0:2] > (3, 10)", False, False),
        ("sys.version_info[1:] < (9,)", False, False),
        ("sys.version_info[:1] < (3, 9)", False, False),
        ("version_info < (3, 9)", True, False),
        ("sys.version_info < oldest", False, False),
        ("other.version_info < (3, 8)", False, False),
        ("sys.version_info", False, False),
    ],
)
def test_outdated(test: str, first: bool, second: bool) -> None:
    found = module(
        f"import sys\nfrom sys import version_info\ndef f(x, y):\n"
        f"    if {test}:\n        with x:\n            ask(x)\n    else:\n        ask(y)\n    ask(x)\n"
    )
    assert [is_outdated(found, node) for node in asked(found)] == [first, second, False]
