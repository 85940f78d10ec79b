"""What the back office asks for every morning."""


def overdue(db, day):
    return db.execute("SELECT id, cents FROM invoices WHERE due < ?", (day,)).fetchmany(100)
