"""Code that never runs."""

from __future__ import annotations

import pytest
from questions import asked, module

from flake8_aiguard.unreached import is_unreached


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
        ("six.PY2", True, False),
        ("not six.PY2", False, True),
        ("six.PY3", False, True),
        ("other.PY2", False, False),
    ],
)
def test_outdated(test: str, first: bool, second: bool) -> None:
    found = module(
        f"import six, sys\nfrom sys import version_info\ndef f(x, y):\n"
        f"    if {test}:\n        with x:\n            ask(x)\n    else:\n        ask(y)\n    ask(x)\n"
    )
    assert [is_unreached(found, node) for node in asked(found)] == [first, second, False]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return\n    ask(x)", True),
        ("raise x\n    ask(x)", True),
        ("ask(x)\n    return", False),
        ("if x:\n        return\n    ask(x)", False),
        ("return\n    with x:\n        ask(x)", True),
        ("try:\n        return x\n    finally:\n        ask(x)", False),
        ("try:\n        return x\n    except x:\n        ask(x)", False),
        ("for y in x:\n        continue\n        ask(x)", True),
        ("for y in x:\n        break\n    else:\n        ask(x)", False),
        ("while x:\n        break\n    ask(x)", False),
        ("return lambda: ask(x)", False),
    ],
)
def test_behind_a_jump(body: str, expected: bool) -> None:
    found = module(f"def f(x):\n    {body}\n")
    assert [is_unreached(found, node) for node in asked(found)] == [expected]
