"""The audit trail of orders."""

import sqlite3
from contextlib import closing


def record(path: str, order: int, event: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT INTO audit VALUES (?, ?)", (order, event))


def events(path: str, order: int) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return [event for (event,) in db.execute("SELECT event FROM audit WHERE order_id = ?", (order,))]
