"""The audit trail of orders."""

import sqlite3


def record(path: str, order: int, event: str) -> None:
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO audit VALUES (?, ?)", (order, event))


def events(path: str, order: int) -> list[str]:
    with sqlite3.connect(path) as db:
        return [event for (event,) in db.execute("SELECT event FROM audit WHERE order_id = ?", (order,))]
