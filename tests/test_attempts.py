"""Loops that attempt something until it succeeds, and their pauses."""

from __future__ import annotations

import textwrap

import pytest
from questions import module

from flake8_aiguard.attempts import AttemptLoops, Attempts, Course, outcomes


def found(loop: str, before: str = "") -> tuple[AttemptLoops, list[Attempts]]:
    body = textwrap.indent(textwrap.dedent(before) + textwrap.dedent(loop), "    ")
    loops = AttemptLoops(module(f"import time\nLIMIT = 4\ndef f(client, n, log, xs):\n{body}"))
    return loops, [*loops.all()]


def course(loop: str, before: str = "") -> Course:
    loops, attempts = found(loop, before)
    assert len(attempts) == 1
    return loops.course(attempts[0], attempts[0].handlers[0])


def seconds(course: Course) -> list[list[float | None]]:
    return [[pause.seconds for pause in gap] for gap in course.gaps]


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


@pytest.mark.parametrize(
    ("items", "handler", "gaps", "tail", "ends"),
    [
        ("range(3)", "pass", [[], []], 0, True),
        ("range(3)", "time.sleep(2 ** attempt)", [[1], [2]], 1, True),
        ("range(1, 4)", "time.sleep(0.5 * attempt)", [[0.5], [1]], 1, True),
        ("reversed(range(3))", "time.sleep(attempt)", [[2], [1]], 1, True),
        ("range(LIMIT)", "time.sleep(n)", [[None], [None], [None]], 1, True),
        ("range(n)", "time.sleep(1)", [[1], [1], [1]], 1, True),
        ("range(3)", "time.sleep(1) if attempt else None", [[1], [1]], 1, True),
        ("(1, 2, 4)", "time.sleep(attempt)", [[1], [2]], 1, True),
    ],
)
def test_courses(items: str, handler: str, gaps: list[list[float]], tail: int, ends: bool) -> None:
    result = course(LOOP.format(items=items, handler=handler))
    assert (seconds(result), len(result.tail), result.ends) == (gaps, tail, ends)


def test_course_with_a_counter_and_a_last_attempt() -> None:
    result = course(
        """
        while True:
            try:
                return client.get()
            except OSError:
                tries += 1
                if tries >= 3:
                    raise
                time.sleep(delay)
                delay *= 2
        """,
        "tries, delay = 0, 1\ntries = 0\ndelay = 0.5\n",
    )
    assert (seconds(result), result.tail, result.ends) == ([[0.5], [1.0]], [], True)


@pytest.mark.parametrize(
    ("guard", "ends"),
    [("pass", False), ("if log.stopped(): raise", None), ("if n > 3: raise", None), ("log.debug(n)", False)],
)
def test_what_may_end_it(guard: str, ends: bool | None) -> None:
    loop = f"while True:\n    try:\n        return client.get()\n    except OSError:\n        {guard}\n        time.sleep(1)\n"
    assert course(loop).ends is ends


def test_pauses_on_a_condition_are_not_known() -> None:
    loop = "for _ in range(3):\n    try:\n        return client.get()\n    except OSError:\n        if log.on: time.sleep(1)\n"
    result = course(loop)
    assert [[pause.is_sleep for pause in gap] for gap in result.gaps] == [[False], [False]]


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
