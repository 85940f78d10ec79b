"""Loops that attempt something until it succeeds."""

from __future__ import annotations

import pytest
from questions import ATTEMPTS, attempting

from flake8_aiguard.attempts import AttemptLoops, Attempts


def found(loop: str, before: str = "") -> tuple[AttemptLoops, list[Attempts]]:
    loops = AttemptLoops(attempting(loop, before))
    return loops, [*loops.all()]


@pytest.mark.parametrize(
    "loop",
    [
        ATTEMPTS.format(items="range(3)", handler="pass"),
        ATTEMPTS.format(items="itertools.count()", handler="continue").replace(
            "for", "import itertools\nfor", 1
        ),
        ATTEMPTS.format(items="(1, 2, 4)", handler="time.sleep(attempt)"),
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
        ATTEMPTS.format(items="xs", handler="continue"),
        ATTEMPTS.format(items="range(3)", handler="raise"),
        ATTEMPTS.format(items="range(3)", handler="exit()"),
        ATTEMPTS.format(items="range(3)", handler="return None"),
        ATTEMPTS.format(items="range(3)", handler="pass").replace("return client.get()", "client.get()"),
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
        given = [attempts[0], *(attempts[0].handlers[:1] if question == "may_pause" else ())]
        assert getattr(loops, question)(*given) is expected, (call, handler, question)
