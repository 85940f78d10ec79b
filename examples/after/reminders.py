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
    done = set(paid)
    mails = {customer.number: customer.mail for customer in customers}
    return [
        (mails[order.customer], order.cents)
        for order in orders
        if order.number not in done and order.customer in mails
    ]
