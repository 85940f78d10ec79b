"""Coupons: each may be redeemed so often."""

from collections import Counter


class Redemptions:
    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used: Counter[str] = Counter()

    def allow(self, coupon: str) -> bool:
        if self.used[coupon] > self.limit:
            return False
        self.used[coupon] += 1
        return True
