"""Prices and the discounts of a customer."""

from dataclasses import dataclass, replace

DEFAULT_DISCOUNTS = {"newsletter": 5, "birthday": 10}


@dataclass(frozen=True)
class Price:
    cents: int
    currency: str = "EUR"

    def reduced(self, percent: int) -> "Price":
        return replace(self, cents=self.cents * (100 - percent) // 100)


class Catalogue:
    def __init__(self, prices: dict[str, Price]) -> None:
        self._prices = dict(prices)  # aiguard: write-once

    def price(self, article: str, customer: dict) -> Price:
        discounts = dict(customer.get("discounts") or DEFAULT_DISCOUNTS)
        if customer.get("staff"):
            discounts["staff"] = 20
        return self._prices[article].reduced(sum(discounts.values()))

    def changed(self, article: str, price: Price) -> "Catalogue":
        return Catalogue({**self._prices, article: price})
