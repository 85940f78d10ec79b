"""Whether a size bounds a buffer, and whether a process lives long enough to need one."""

from __future__ import annotations

import pytest
from questions import asked, module

from flake8_aiguard.capacity import Bounds


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("ask(None)", True),
        ("import math\nask(math.inf)", True),
        ("from math import inf\nask(inf)", True),
        ("import numpy as np\nask(np.inf)", True),
        ("import sys\nask(sys.maxsize)", True),
        ("ask(float('inf'))", True),
        ("ask(float('Infinity'))", True),
        ("ask(10_000_000_000)", True),
        ("LIMIT = None\nask(LIMIT)", True),
        ("A = None\nB = A\ndef f(): ask(B)", True),
        ("ask(float('1e3'))", False),
        ("ask(128)", False),
        ("ask(0)", False),
        ("ask(-1)", False),
        ("LIMIT = 128\nask(LIMIT)", False),
        ("LIMIT = None\nLIMIT = 5\nask(LIMIT)", False),
        ("def f(size=None): ask(size)", False),
        ("ask('inf')", False),
    ],
)
def test_infinite_sizes(source: str, expected: bool) -> None:
    found = module(source)
    assert [Bounds(found).is_infinite(size, zero=False) for size in asked(found)] == [expected]


@pytest.mark.parametrize(("text", "expected"), [("0", True), ("-1", True), ("1", False), ("ZERO", True)])
def test_zero_may_be_no_bound(text: str, expected: bool) -> None:
    found = module(f"ZERO = 0\nask({text})")
    assert [Bounds(found).is_infinite(size, zero=True) for size in asked(found)] == [expected]


@pytest.mark.parametrize(
    ("source", "filename", "expected"),
    [
        ("x = 1", "shop/prices.py", False),
        ("x = 1", "scripts/prices.py", True),
        ("x = 1", "shop/management/commands/prices.py", True),
        ("x = 1", "setup.py", True),
        ("#!/usr/bin/env python3\nx = 1", "prices.py", True),
        ("import argparse\nif __name__ == '__main__': main()", "prices.py", True),
        ("import sys\nif '__main__' == __name__: main(sys.argv)", "prices.py", True),
        ("if __name__ == '__main__': main()", "prices.py", False),
        ("import argparse\nimport flask\nif __name__ == '__main__': main()", "prices.py", False),
        ("#!/usr/bin/env python3\nwhile True: work()", "prices.py", False),
        ("#!/usr/bin/env python3\nserver.serve_forever()", "prices.py", False),
        ("from ansible.module_utils.basic import AnsibleModule\nwhile True: work()", "prices.py", True),
    ],
)
def test_programs_that_end(source: str, filename: str, expected: bool) -> None:
    assert Bounds(module(source, filename=filename)).ends_soon is expected
