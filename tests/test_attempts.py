"""Loops that attempt something until it succeeds."""

from __future__ import annotations

import textwrap

import pytest
from questions import module

from flake8_aiguard.attempts import AttemptLoops, Attempts


def found(loop: str, before: str = "") -> tuple[AttemptLoops, list[Attempts]]:
    body = textwrap.indent(textwrap.dedent(before) + textwrap.dedent(loop), "    ")
    loops = AttemptLoops(module(f"import time\nLIMIT = 4\ndef f(client, n, log, xs):\n{body}"))
    return loops, [*loops.all()]


LOOP = """
for attempt in {items}:
    try:
        return client.get()
    except OSError:
        {handler}
"""


@pytest.mark.parametrize(
    "loop",
    [
        LOOP.format(items="range(3)", handler="pass"),
        LOOP.format(items="itertools.count()", handler="continue").replace("for", "import itertools\nfor", 1),
        LOOP.format(items="(1, 2, 4)", handler="time.sleep(attempt)"),
        "while True:\n    try:\n        client.get()\n    except OSError:\n        continue\n    else:\n        break\n",
        "ok = False\nwhile not ok:\n    try:\n        client.get()\n        ok = True\n    except OSError:\n        pass\n",
        "x = None\nwhile x is None and n:\n    try:\n        x = client.get()\n    except OSError:\n        n -= 1\n",
        "while n:\n    with log:\n        try:\n            return client.get()\n        except OSError:\n            n -= 1\n",
    ],
)
def test_attempts(loop: str) -> None:
    assert len(found(loop)[1]) == 1


@pytest.mark.parametrize(
    "loop",
    [
        LOOP.format(items="xs", handler="continue"),
        LOOP.format(items="range(3)", handler="raise"),
        LOOP.format(items="range(3)", handler="exit()"),
        LOOP.format(items="range(3)", handler="return None"),
        LOOP.format(items="range(3)", handler="pass").replace("return client.get()", "client.get()"),
        "for port in range(3):\n    try:\n        return client.get(port)\n    except OSError:\n        pass\n",
        "while True:\n    try:\n        client.get()\n    except OSError:\n        continue\n",
        "while n:\n    x = xs.pop()\n    try:\n        return client.get(x)\n    except OSError:\n        pass\n",
        "while True:\n    try:\n        return int(input())\n    except OSError:\n        pass\n",
        "while True:\n    if n:\n        try:\n            return client.get()\n        except OSError:\n            pass\n",
    ],
)
def test_no_attempts(loop: str) -> None:
    assert not found(loop)[1]


def test_questions_about_a_loop() -> None:
    loop = "for _ in range(3):\n    try:\n        return {}\n    except OSError as error:\n        {}\n{}"
    for call, handler, after, question, expected in [
        ("client.get()", "log.info(error)", "", "repairs", False),
        ("client.get()", "client.connect()", "", "repairs", True),
        ("client.get(n)", "n = 2", "", "changes_approach", True),
        ("client.get(n)", "last = error", "", "changes_approach", False),
        ("open(n).close()", "pass", "", "is_local", True),
        ("client.get()", "pass", "", "is_local", False),
        ("client.get()", "if error.code != 'exists': raise", "", "clashes", True),
        ("client.get()", "if error.code != 'down': raise", "", "clashes", False),
        ("client.get()", "pass", "return client.get()\n", "is_followed", True),
        ("client.get()", "pass", "return None\n", "is_followed", False),
        ("client.get()", "if n: time.sleep(1)", "", "may_pause", True),
        ("client.get()", "pass", "", "may_pause", False),
    ]:
        loops, attempts = found(loop.format(call, handler, after))
        if question == "is_local" and expected:
            loops, attempts = found(
                loop.format("os.stat(n)", handler, after).replace("for", "import os\nfor", 1)
            )
        assert getattr(loops, question)(attempts[0]) is expected, (call, handler, question)
