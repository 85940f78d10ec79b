"""Which calls fetch everything."""

from __future__ import annotations

import ast

import pytest
from questions import module

from flake8_aiguard.fetches import Fetches


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("cur.execute('SELECT a FROM t').fetchall()", True),
        ("cur.execute('SELECT a FROM t WHERE a = 1').fetchall()", False),
        ("cur.execute('SELECT a FROM t limit 3').fetchall()", False),
        ("cur.execute('SELECT count(*) FROM t').fetchall()", False),
        ("cur.execute(f'SELECT a FROM t {where}').fetchall()", False),
        ("cur.execute('SELECT a FROM t').fetchone()", False),
        ("cur.execute('DELETE FROM t').fetchall()", False),
        ("cur.execute(sql).fetchall()", False),
        ("session.query(User).all()", True),
        ("session.query(User).order_by(User.name).all()", True),
        ("session.query(User).filter(User.a == 1).all()", False),
        ("session.query(User).first()", False),
        ("session.query(User.id, User.name).join(Order).all()", False),
        ("User.query.all()", True),
        ("get_all_users()", True),
        ("api.list_all_users()", True),
        ("get_all_users(3)", False),
        ("get_all_users(limit=3)", False),
        ("get_all_users(**given)", False),
        ("get_users()", False),
    ],
)
def test_of(call: str, expected: bool) -> None:
    found = module(f"rows = {call}")
    node = found.index.nodes(ast.Assign)[0].value
    assert isinstance(node, ast.Call)
    assert (Fetches(found).of(node) is not None) is expected


def test_statement_before_the_fetch() -> None:
    found = module(
        """
        def f(cur):
            cur.execute("SELECT a FROM t WHERE b")
            cur.execute("SELECT a FROM t")
            return cur.fetchall()
        """
    )
    call = next(iter(found.index.calls_named(("fetchall",))))
    fetch = Fetches(found).of(call)
    assert fetch is not None
    assert fetch.shown == "cur.fetchall()"
    assert not fetch.promised


def test_function_of_this_file_counts_where_it_asks_a_store() -> None:
    found = module(
        """
        def get_all_kinds():
            return ["a", "b"]

        def get_all_users(cur):
            return cur.execute("SELECT a FROM t").fetchall()

        get_all_kinds()
        get_all_users()
        """
    )
    calls = [
        call
        for call in found.index.calls_named(("get_all_kinds", "get_all_users"))
        if found.index.function(call) is None
    ]
    assert [Fetches(found).of(call) is not None for call in calls] == [False, True]
