# --- select-star-literal
def orders(connection):
    """Return all open orders."""
    cursor = connection.cursor()
    cursor.execute("SELECT * FROM orders WHERE state = 'open'")  # planted
    return [row[0] for row in cursor]


# --- select-star-f-string
def names_of(connection, table):
    """Return the names that a table holds."""
    cursor = connection.cursor()
    cursor.execute(f"SELECT * FROM {table}")  # planted
    return [row["name"] for row in cursor.fetchmany(100)]


# --- delete-all
def clear_sessions(connection):
    """Forget the sessions that have ended."""
    connection.execute("DELETE FROM sessions")  # planted
    connection.commit()


# --- update-all
def close(connection, state):
    """Close an order."""
    connection.execute("UPDATE orders SET state = ?", (state,))  # planted
    connection.commit()


# --- not-in
def without_complaint(connection):
    """Return the customers who never complained."""
    query = "SELECT id FROM customers WHERE id NOT IN (SELECT customer_id FROM complaints)"  # planted
    return connection.execute(query).fetchall()


# --- distinct-in
def buyers(cursor):
    """Return the customers who bought something."""
    cursor.execute("SELECT id, email FROM customers WHERE id IN (SELECT DISTINCT customer_id FROM orders)")  # planted
    return cursor.fetchall()


# --- like-suffix
def by_domain(cursor):
    """Return the customers of a company."""
    cursor.execute("SELECT id FROM customers WHERE email LIKE '%@example.org'")  # planted
    return cursor.fetchall()


# --- like-concatenated
def search(cursor, word):
    """Return the articles with a word in their title."""
    cursor.execute("SELECT id FROM articles WHERE title LIKE '%' || ?", (word,))  # planted
    return cursor.fetchall()


# --- date-of-column
def created_on(connection, day):
    """Return the orders of a day."""
    sql = "SELECT id, cents FROM orders WHERE date(created) = ?"  # planted
    return connection.execute(sql, (day,)).fetchall()


# --- cast-of-column
async def paid_on(pool, day):
    """Return the payments of a day."""
    return await pool.fetch("SELECT id FROM payments WHERE paid::date = $1", day)  # planted


# --- extract-year
def of_year(cursor, year):
    """Return the invoices of a year."""
    cursor.execute("SELECT id FROM invoices WHERE extract(year FROM due) = %s", (year,))  # planted
    return cursor.fetchall()


# --- random-order
def some(cursor):
    """Return a few articles to recommend."""
    cursor.execute("SELECT id, title FROM articles ORDER BY random() LIMIT 5")  # planted
    return cursor.fetchall()


# --- offset-parameter
def page(cursor, number):
    """Return a page of articles."""
    cursor.execute("SELECT id, title FROM articles ORDER BY id LIMIT 20 OFFSET ?", (number * 20,))  # planted
    return cursor.fetchall()


# --- offset-percent
def page_of(cursor, size, start):
    """Return a page of orders."""
    cursor.execute("SELECT id FROM orders ORDER BY id LIMIT %s OFFSET %s", (size, start))  # planted
    return cursor.fetchall()


# --- limit-comma
def slice_of(cursor, start, size):
    """Return some log lines."""
    cursor.execute("SELECT line FROM logs ORDER BY id LIMIT ?, ?", (start, size))  # planted
    return cursor.fetchall()


# --- comma-join
def pairs(cursor):
    """Return customers and their orders."""
    cursor.execute("SELECT c.name, o.cents FROM customers AS c, orders AS o")  # planted
    return cursor.fetchmany(50)


# --- having-column
def open_states(cursor):
    """Count the open orders."""
    cursor.execute("SELECT state, count(*) FROM orders GROUP BY state HAVING state = 'open'")  # planted
    return cursor.fetchone()


# --- count-exists
def busy(cursor):
    """Return the customers with orders."""
    cursor.execute("SELECT c.id FROM customers AS c WHERE (SELECT count(*) FROM orders AS o WHERE o.buyer = c.id) > 0")  # planted
    return cursor.fetchall()


# --- sqlalchemy-text
from sqlalchemy import text


def everything(connection):
    """Return the configuration."""
    return connection.execute(text("SELECT * FROM settings WHERE scope = :scope"), {"scope": "shop"}).first()  # planted


# --- pandas
import pandas


def frame(engine):
    """Load the payments of this year."""
    return pandas.read_sql_query("SELECT * FROM payments WHERE year = 2026", engine)  # planted


# --- formatted
def emptied(cursor, table):
    """Empty a table before it is filled again."""
    cursor.execute("DELETE FROM {}".format(table))  # planted
