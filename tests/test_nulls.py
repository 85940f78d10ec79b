"""Which columns that a subquery selects hold no NULL."""

from __future__ import annotations

import pytest
from questions import module

from flake8_aiguard.nulls import Nulls
from flake8_aiguard.tables import Tables

_FILE = """
import sqlalchemy as sa

DDL = "CREATE TABLE rooms (code text PRIMARY KEY, name text, floor int NOT NULL)"
sa.Table("shelves", meta, sa.Column("code", sa.Text, primary_key=True), sa.Column("label", sa.Text))
op.create_table("_new_loans", sa.Column("book", sa.Text, nullable=False))
op.rename_table("_new_loans", "loans")


class Reader:
    __tablename__ = "readers"
    card = mapped_column(sa.Text, nullable=False)
    mail = mapped_column(sa.Text, nullable=True)
"""


@pytest.mark.parametrize(
    ("selected", "expected"),
    [
        ("SELECT code FROM rooms", True),
        ("SELECT floor FROM rooms", True),
        ("SELECT name FROM rooms", False),
        ("SELECT code FROM shelves", True),
        ("SELECT label FROM shelves", False),
        ("SELECT card FROM readers", True),
        ("SELECT mail FROM readers", False),
        ("SELECT book FROM loans", True),
        ("SELECT book FROM other", False),
        ("SELECT code FROM rooms UNION SELECT card FROM readers", True),
        ("SELECT code FROM rooms UNION SELECT mail FROM readers", False),
        ("SELECT r.code FROM rooms r LEFT JOIN shelves s ON s.code = r.code", False),
        ("SELECT stray FROM seen", True),  # the same column of the same table
    ],
)
def test_are_impossible(selected: str, expected: bool) -> None:
    found = module(_FILE)
    text = f"DELETE FROM seen WHERE stray NOT IN ({selected})"
    start = text.index(f"({selected}")
    nulls = Nulls(found, Tables(found))
    assert nulls.are_impossible(text, start, len(text), is_migration=False) is expected


def test_an_id_in_a_migration_is_a_key() -> None:
    found = module("")
    text = "DELETE FROM seen WHERE user NOT IN (SELECT id FROM users)"
    nulls = Nulls(found, Tables(found))
    assert nulls.are_impossible(text, text.index("("), len(text), is_migration=True)
    assert not nulls.are_impossible(text, text.index("("), len(text), is_migration=False)
