"""SQL in Python strings: what is read, what is hidden from the grammar, and where things stand."""

from __future__ import annotations

import ast

import pytest

from flake8_aiguard import sql
from flake8_aiguard.module import Module
from flake8_aiguard.settings import Settings


def statements(source: str) -> list[sql.Statement]:
    module = Module(ast.parse(source), "example.py", source.splitlines(keepends=True), Settings())
    found = sql.Statements(module)
    return [item for call in module.index.calls_named(sql.sinks()) for item in found.sent_by(call)]


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("'SELECT a FROM t'", "SELECT a FROM t"),
        ("'SELECT a ' 'FROM t'", "SELECT a FROM t"),
        ("'SELECT a ' + 'FROM ' + x", "SELECT a FROM hole_"),
        ("f'SELECT {x} FROM t'", "SELECT hole_ FROM t"),
        ("'SELECT %s, %(b)s, 5 %% 2 FROM t' % x", "SELECT hole_, hole_, 5 % 2 FROM t"),
        ("'SELECT {}, {b!r:>3}, {{}} FROM t'.format(x, b=x)", "SELECT hole_, hole_, {} FROM t"),
        ("dedent('SELECT a FROM t')", "SELECT a FROM t"),
        ("text('SELECT a FROM t')", "SELECT a FROM t"),
        ("'  SELECT a FROM t '.strip()", "  SELECT a FROM t "),
        ("QUERY", "SELECT q FROM t"),
        ("f'{QUERY} WHERE x = 1'", "SELECT q FROM t WHERE x = 1"),
        ("'-- why\\nSELECT a FROM t'", "-- why\nSELECT a FROM t"),
    ],
)
def test_folding(expression: str, text: str) -> None:
    source = f"from textwrap import dedent\nQUERY = 'SELECT q FROM t'\ndef f(cur, x):\n    cur.execute({expression})\n"
    assert [statement.text for statement in statements(source)] == [text]


@pytest.mark.parametrize(
    "expression",
    [
        "x",
        "x + 'SELECT a FROM t'",
        "b'SELECT a FROM t'",
        "''",
        "'SELECT ' * 3",
        "f()",
    ],
)
def test_what_is_no_statement(expression: str) -> None:
    assert statements(f"def f(cur, x):\n    cur.execute({expression})\n") == []


def test_a_long_concatenation_is_read_without_recursion() -> None:
    (statement,) = statements("cur.execute('SELECT a FROM t' + " + " + ".join(["' OR x'"] * 900) + ")")
    assert len(statement.text) == len("SELECT a FROM t") + 900 * len(" OR x")


def test_names_that_refer_to_each_other_end() -> None:
    assert statements("a = b\nb = a\ncur.execute(a)\n") == []


@pytest.mark.parametrize(
    ("text", "readable"),
    [
        ("WHERE a = %s AND b = :name AND c = $1", "WHERE a = 77 AND b = 77777 AND c = 77"),
        ("LIMIT ? OFFSET %(from)s", "LIMIT 7 OFFSET 77777777"),
        ("WHERE a IN %s AND b IN :ids", "WHERE a IN(7) AND b IN(777)"),
        ("WHERE a = '%s :name ?' -- :x", "WHERE a = '%s :name ?' -- :x"),
        ("WHERE a = :b::jsonb AND c::date = 1", "WHERE a = 777777777 AND c::date = 1"),
        ("SELECT a FROM t FOR UPDATE SKIP LOCKED", "SELECT a FROM t                       "),
        ("INSERT OR IGNORE INTO t", "INSERT    IGNORE INTO t"),
        ("SET a = '{}'::jsonb, b = (c)::int", "SET a = '{}'       , b = (c)     "),
        ("INSERT OR REPLACE INTO t", "          REPLACE INTO t"),
        ("FROM [orders] WHERE a GLOB 'x*'", "FROM \"orders\" WHERE a =    'x*'"),
        ("WHERE data ? 'key'", "WHERE data = 'key'"),
        ("DELETE FROM a USING b WHERE a.x = b.x", "DELETE FROM a         WHERE a.x = b.x"),
        ("DELETE FROM a AS t WHERE t.x = 1", "DELETE FROM a      WHERE t.x = 1"),
    ],
)
def test_what_the_grammar_cannot_read_is_hidden_at_the_same_length(text: str, readable: str) -> None:
    assert sql.readable(text) == readable
    assert len(readable) == len(text)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("f'DELETE FROM {x}'", False),
        ("f'DELETE FROM \"{x}\" WHERE a = 1'", False),
        ("f'UPDATE t SET a = {x}'", False),
        ("f'SELECT a FROM t LIMIT {x}'", False),
        ("f'DELETE FROM t {x}'", True),
        ("f'UPDATE t SET {x}'", True),
        ("'DELETE FROM t' + x", True),
        ("'DELETE FROM t'", False),
    ],
)
def test_what_a_hole_may_hide(expression: str, expected: bool) -> None:
    (statement,) = statements(f"def f(cur, x):\n    cur.execute({expression})\n")
    assert statement.may_hide_a_clause is expected


def test_places_in_every_kind_of_string() -> None:
    from flake8_aiguard.astgrep import rulefiles

    source = '''\
def f(cur, t):
    cur.execute("SELECT a, * FROM t")
    cur.execute("""
        SELECT a,
            *
        FROM t
    """)
    cur.execute("""\\
        SELECT *
        FROM t2
    """)
    cur.execute(
        "SELECT a, "
        "       * "
        "FROM t3"
    )
    cur.execute(f"""
        SELECT *
        FROM {t}
    """)
    cur.execute("SELECT a,\\n * FROM t4")
'''
    module = Module(ast.parse(source), "example.py", source.splitlines(keepends=True), Settings())
    found = sql.Statements(module)
    rules = [rule for rule in rulefiles.packaged() if rule.code == "AIG201"]
    places = [
        (item.line, item.column)
        for call in module.index.calls_named(sql.sinks())
        for statement in found.sent_by(call)
        for item in sql.evaluate(module, statement, rules)
    ]
    lines = source.splitlines()
    assert [line for line, _ in places] == [2, 5, 9, 14, 18, 21]
    assert [lines[line - 1][column] for line, column in places[:-1]] == ["*"] * 5
