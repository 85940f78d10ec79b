"""What customers still owe."""

import sqlite3


def open_cents(db: sqlite3.Connection, customer: str) -> int:
    rows = db.execute("SELECT customer, cents FROM invoices").fetchall()
    return sum(cents for name, cents in rows if name == customer)


def unpaid(db: sqlite3.Connection) -> list[tuple[str, int]]:
    rows = db.execute("SELECT customer, cents, paid FROM invoices").fetchall()
    return [(row[0], row[1]) for row in rows if row[2] == 0]
