"""Reminders: who gets one for an order that nobody has paid."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Order:
    number: int
    customer: int
    cents: int


@dataclass(frozen=True)
class Customer:
    number: int
    mail: str


def reminders(orders: list[Order], customers: list[Customer], paid: list[int]) -> list[tuple[str, int]]:
    found = []
    for order in orders:
        if order.number in paid:
            continue
        for customer in customers:
            if customer.number == order.customer:
                found.append((customer.mail, order.cents))
                break
    return found
