"""How attempts that all fail go on."""

from __future__ import annotations

import pytest
from questions import ATTEMPTS, attempting

from flake8_aiguard.attempts import attempt_loops
from flake8_aiguard.courses import Course, Courses


def course(loop: str, before: str = "") -> Course:
    found = attempting(loop, before)
    attempts = attempt_loops(found)
    assert len(attempts) == 1
    return Courses(found).course(attempts[0], attempts[0].handlers[0])


def seconds(course: Course) -> list[list[float | None]]:
    return [[pause.seconds for pause in gap] for gap in course.gaps]


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
    result = course(ATTEMPTS.format(items=items, handler=handler))
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
