"""Orders in SQLite, and their export."""

import json
import sqlite3


class Orders:
    def __init__(self, path: str) -> None:
        self.db = sqlite3.connect(path)

    def totals(self, customers: list[str]) -> dict[str, int]:
        totals = {}
        for customer in customers:
            row = self.db.execute("SELECT sum(cents) FROM orders WHERE customer = ?", (customer,)).fetchone()
            totals[customer] = row[0] or 0
        return totals

    def restore(self, path: str) -> int:
        dump = open(path, encoding="utf-8")
        orders = json.load(dump)
        self.db.executemany("INSERT INTO orders VALUES (?, ?, ?)", orders)
        dump.close()
        return len(orders)
