"""Answers that one object remembers."""

from __future__ import annotations

from flake8_aiguard.memo import memoised


class Adder:
    def __init__(self) -> None:
        self.asked: list[tuple[int, ...]] = []

    @memoised
    def add(self, *numbers: int) -> int:
        """Add."""
        self.asked.append(numbers)
        return sum(numbers)


def test_each_question_is_answered_once_by_each_object() -> None:
    one, other = Adder(), Adder()
    assert [one.add(1, 2), one.add(1, 2), one.add(2, 2), other.add(1, 2)] == [3, 3, 4, 3]
    assert one.asked == [(1, 2), (2, 2)]
    assert other.asked == [(1, 2)]


def test_the_method_keeps_its_name_and_its_docstring() -> None:
    assert Adder.add.__name__ == "add"
    assert Adder.add.__doc__ == "Add."
