"""Refunds that the payment provider announces."""

import json


class Refunds:
    def __init__(self) -> None:
        self._cents: dict[str, int] = {}

    def announce(self, body: str) -> None:
        message = json.loads(body)
        order = message.get("order")
        cents = message.get("cents")
        if not isinstance(order, str) or not isinstance(cents, int):
            raise TypeError("a refund has an order and an amount in cents")
        self.add(order, cents)

    def add(self, order: str, cents: int) -> None:
        if cents <= 0:
            raise ValueError("a refund is positive")
        self._book(order, cents)

    def _book(self, order: str, cents: int) -> None:
        self._cents[order] = self._cents.get(order, 0) + cents
