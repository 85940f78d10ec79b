# @generated(model="coder-7", timestamp="2026-11-02T09:30:00+00:00", task_id="SHOP-324", confidence=0.8)
"""The day book: what was paid on which day."""

from collections import defaultdict
from dataclasses import dataclass


@dataclass(frozen=True)
class Payment:
    day: str
    cents: int
    booked: bool


def by_day(payments: list[Payment]) -> dict[str, list[Payment]]:
    booked = [payment for payment in payments if payment.booked]
    days: dict[str, list[Payment]] = defaultdict(list)
    for payment in booked:
        days[payment.day].append(payment)
    return days


def total(payments: list[Payment]) -> int:
    return sum([payment.cents for payment in payments])
