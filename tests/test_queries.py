"""Which calls make a round trip, and what their SQL says."""

from __future__ import annotations

import ast

import pytest
from questions import asked, module

from flake8_aiguard.queries import Queries


def of(source: str) -> tuple[str, str] | None:
    """Kind and effect of the query that ``ask(...)`` holds."""
    found = module(source)
    queries = Queries(found)
    calls = [node for node in ast.walk(asked(found)[0]) if isinstance(node, ast.Call)]
    rows = [query.row for call in calls if (query := queries.of(call)) is not None]
    assert len(rows) < 2
    return (rows[0]["kind"], rows[0]["effect"]) if rows else None


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import requests\nask(requests.get(u))", ("http", "read")),
        ("import requests as r\nask(r.request('GET', u))", ("http", "read")),
        ("import requests\nask(requests.request('POST', u))", None),
        ("import requests\nask(requests.request(verb, u))", None),
        ("from urllib.request import urlopen as get\nask(get(u))", ("http", "read")),
        ("import sqlite3\nask(sqlite3.connect(p).execute(q))", ("sql", "statement")),
        ("ask(cursor.execute('SELECT 1'))", ("sql", "statement")),
        ("ask(self._cur2.execute('select 1'))", ("sql", "statement")),
        ("ask(connection.cursor().execute('SELECT 1'))", ("sql", "statement")),
        ("ask(cursor.execute(QUERIES.user_sql, (1,)))", ("sql", "statement")),
        ("ask(cursor.execute(command))", None),
        ("ask(cursor.execute('run this'))", None),
        ("ask(executor.execute('SELECT 1'))", None),
        ("import requests\ncursor = requests.Session()\nask(cursor.execute('SELECT 1'))", None),
        ("ask(session.get(User, 1))", ("orm", "read")),
        ("ask(session.get('user', 1))", None),
        ("ask(session.query(User).filter(a).first())", ("orm", "read")),
        ("ask(session.other(User).filter(a).first())", None),
        ("ask(User.objects.filter(a=1).first())", ("orm", "read")),
        ("ask(user.objects.first())", None),
        ("ask(User.objects.create(a=1))", ("orm", "write")),
        ("ask(db.users.find_one({'a': 1}))", ("document", "read")),
        ("ask(db.users.find_one(a))", None),
    ],
)
def test_calls(source: str, expected: tuple[str, str] | None) -> None:
    assert of(source) == expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("for x in User.objects.filter(a=1): ask", True),
        ("len(User.objects.filter(a=1))", True),
        ("if User.objects.filter(a=1): ask", True),
        ("User.objects.filter(a=1)[0]", True),
        ("list(User.objects.filter(a=1)[:3])", True),
        ("xs = User.objects.filter(a=1)\nfor x in xs: ask", True),
        ("xs = User.objects.filter(a=1)\nxs.count()", True),
        ("xs = User.objects.filter(a=1)\nf(xs)", False),
        ("xs = User.objects.filter(a=1)[:3]", False),
        ("f(User.objects.filter(a=1))", False),
        ("x in User.objects.filter(a=1)", True),
        ("y = [*User.objects.filter(a=1)]", True),
    ],
)
def test_a_lazy_query_counts_where_it_is_consumed(statement: str, expected: bool) -> None:
    found = module(statement)
    call = next(iter(found.index.calls_named({"filter"})))
    assert (Queries(found).of(call) is not None) is expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("'SELECT 1'", "SELECT"),
        ("f'  (select {x})'", "SELECT"),
        ("'-- why\\n/* what */ insert into t'", "INSERT"),
        ("'a' + b", "A"),
        ("f'{x} FROM t'", None),
        ("sa.text('DELETE FROM t').bindparams(a=1)", "DELETE"),
        ("sa.select(User).where(a)", "SELECT"),
        ("users.update().where(a)", "UPDATE"),
        ("build(a)", None),
    ],
)
def test_verbs(statement: str, expected: str | None) -> None:
    found = module(f"import sqlalchemy as sa\nask({statement})")
    assert Queries(found).verb(asked(found)[0]) == expected
