"""Prices and discounts, reloaded while orders are priced."""

import time
from collections.abc import Callable


class PriceList:
    def __init__(self, load: Callable[[], dict[str, int]]) -> None:
        self._load = load
        self._state: tuple[dict[str, int], float] = ({}, 0.0)

    def refresh(self) -> None:
        # One rebind: whoever prices an order sees the old list or the new one, never half of each.
        self._state = (dict(self._load()), time.time())

    def quote(self, article: str) -> int:
        prices, _ = self._state
        return prices[article]
