"""Refunds that the payment provider announces."""

import json


class Refunds:
    def __init__(self) -> None:
        self._cents: dict[str, int] = {}

    def announce(self, body: str) -> None:
        message = json.loads(body)
        order: str = message.get("order")
        cents: int = message["cents"]
        self.add(order, cents)

    def add(self, order: str, cents: int) -> None:
        if cents <= 0:
            raise ValueError("a refund is positive")
        self._book(order, cents)

    def _book(self, order: str, cents: int) -> None:
        if cents <= 0:
            raise ValueError("a refund is positive")
        self._cents[order] = self._cents.get(order, 0) + cents
