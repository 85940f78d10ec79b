"""What the back office asks for every morning."""


def overdue(db, day):
    return db.execute("SELECT id, cents FROM invoices WHERE date(due) < ?", (day,)).fetchmany(100)
