"""What customers still owe."""

import sqlite3


def open_cents(db: sqlite3.Connection, customer: str) -> int:
    row = db.execute("SELECT sum(cents) FROM invoices WHERE customer = ?", (customer,)).fetchone()
    return int(row[0] or 0)


def unpaid(db: sqlite3.Connection) -> list[tuple[str, int]]:
    return db.execute("SELECT customer, cents FROM invoices WHERE paid = 0").fetchall()
