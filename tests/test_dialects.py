"""Dialects: hidden at the same length, so that a finding keeps its place."""

from __future__ import annotations

import pytest

from flake8_aiguard import dialects


@pytest.mark.parametrize(
    ("text", "readable"),
    [
        ("SELECT a FROM t FOR UPDATE SKIP LOCKED", "SELECT a FROM t                       "),
        ("WHERE d < now() - INTERVAL 30 DAY;", "WHERE d < now() - 777777777777777;"),
        ("WHERE d < now() - interval '1' day", "WHERE d < now() - 7777777777777777"),
        ("WHERE d < now() - interval '30 days'", "WHERE d < now() - interval '30 days'"),
        ("ORDER BY a NULLS LAST LIMIT 3", "ORDER BY a            LIMIT 3"),
        ("FROM t WITH (NOLOCK) WHERE a = 1", "FROM t               WHERE a = 1"),
        (
            "CREATE INDEX i ON t (a) WITH (fillfactor = 90);",
            "CREATE INDEX i ON t (a)                       ;",
        ),
        ("WITH nolock AS (SELECT 1)", "WITH nolock AS (SELECT 1)"),
        ("GROUP BY a WITH ROLLUP", "GROUP BY a            "),
        ("FROM t TABLESAMPLE SYSTEM (1) WHERE a", "FROM t                        WHERE a"),
        ("CREATE INDEX i ON t (a) INCLUDE (b);", "CREATE INDEX i ON t (a)            ;"),
        ("REFERENCES b (c) DEFERRABLE INITIALLY DEFERRED", "REFERENCES b (c)                              "),
        ("WHERE a RLIKE 'x' AND b <=> NULL", "WHERE a =     'x' AND b =   NULL"),
        ("ON CONFLICT (a, (b)) DO UPDATE SET c = 1", "ON CONFLICT          DO UPDATE SET c = 1"),
        ("ON CONFLICT (a)\n  WHERE b DO NOTHING", "ON CONFLICT    \n          DO NOTHING"),
        ("ON CONFLICT ON CONSTRAINT a_key DO NOTHING", "ON CONFLICT                     DO NOTHING"),
        ("substring(a FROM 1 FOR 2)", "substring(a ,    1 ,   2)"),
        ("trim(both ' from ' from a)", "trim(     ' from ' ,    a)"),
        ("position('a' in b)", "position('a' ,  b)"),
        ("SELECT 'for update' -- nulls last\n", "SELECT 'for update' -- nulls last\n"),
        ('SELECT a,\n  b COLLATE\n "C"', "SELECT a,\n  b        \n    "),
        ("DELETE FROM a USING b WHERE a.x = b.x", "DELETE FROM a         WHERE a.x = b.x"),
        ("DELETE FROM a USING b, c AS d;", "DELETE FROM a                ;"),
        ("DELETE FROM a USING b jjjjj;", "DELETE FROM a USING b jjjjj;"),  # Jinja may fill in a WHERE
        ("DELETE FROM a AS t WHERE t.x = 1", "DELETE FROM a      WHERE t.x = 1"),
        ("DELETE FROM a; SELECT b FROM c WHERE d", "DELETE FROM a; SELECT b FROM c WHERE d"),
    ],
)
def test_what_the_grammar_does_not_know_is_hidden(text: str, readable: str) -> None:
    assert dialects.readable(text) == readable
    assert len(readable) == len(text)
