"""Prices and the discounts of a customer."""

from dataclasses import dataclass

DEFAULT_DISCOUNTS = {"newsletter": 5, "birthday": 10}


@dataclass(frozen=True)
class Price:
    cents: int
    currency: str = "EUR"

    def reduce(self, percent: int) -> "Price":
        object.__setattr__(self, "cents", self.cents * (100 - percent) // 100)
        return self


class Catalogue:
    def __init__(self, prices: dict[str, Price]) -> None:
        self._prices = dict(prices)  # aiguard: write-once

    def price(self, article: str, customer: dict) -> Price:
        discounts = customer.get("discounts") or DEFAULT_DISCOUNTS
        if customer.get("staff"):
            discounts["staff"] = 20
        return self._prices[article].reduce(sum(discounts.values()))

    def change(self, article: str, price: Price) -> None:
        self._prices[article] = price
