"""Prices and discounts, reloaded while orders are priced."""

import time
from collections.abc import Callable


class PriceList:
    def __init__(self, load: Callable[[], dict[str, int]]) -> None:
        self._load = load
        self._prices: dict[str, int] = {}
        self._quotes: dict[str, int] = {}
        self._loaded_at = 0.0

    def refresh(self) -> None:
        self._prices.update(self._load())
        self._quotes.clear()
        self._loaded_at = time.time()

    def quote(self, article: str) -> int:
        if article not in self._quotes:
            self._quotes[article] = self._prices[article]
        return self._quotes[article]
