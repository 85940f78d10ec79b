"""Which queries of a loop one query could replace, and which loops ask one by one on purpose."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from questions import module

from flake8_aiguard.batching import Batching
from flake8_aiguard.module import Module
from flake8_aiguard.onebyone import OneByOne
from flake8_aiguard.oneoff import OneOff
from flake8_aiguard.queries import Queries, Query


def queries_of(found: Module) -> Iterator[Query]:
    """The queries of a source, in document order."""
    known = Queries(found)
    for call in found.index.nodes(ast.Call):
        if known.may_be(call) and (query := known.of(call)) is not None:
            yield query


def in_loop(body: str) -> tuple[Module, Query]:
    """The module and the one query of a loop over ``items``."""
    found = module(f"def f(session, items, limit):\n    for item in items:\n        {body}\n")
    return found, next(queries_of(found))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("Book.objects.get(pk=item)", True),
        ("Book.objects.get(title=item.title, lent=True)", True),
        ("Book.objects.get(title=item.title, year=item.year)", False),
        ("Book.objects.get(year__gte=item.year)", False),
        ("session.query(Book).filter(Book.title == item.title).first()", True),
        ("session.query(Book).filter(Book.title == item.title, Book.year == item.year).first()", False),
        ("session.query(Book).filter(Book.year < item.year).first()", False),
        ("Book.objects.get(pk=item.cleaned_data['book'])", False),
    ],
)
def test_could_be_one(body: str, expected: bool) -> None:
    found, query = in_loop(body)
    (loop,) = found.index.nodes(ast.For)
    assert isinstance(loop, ast.For)
    batching = Batching(found, Queries(found))
    assert batching.could_be_one(query, found.loops.place(loop)) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("print(Book.objects.get(pk=item))", False),
        ("return Book.objects.get(pk=item)", True),
        ("items.append(Book.objects.get(pk=item))", True),
        ("print(item or Book.objects.get(pk=item))", True),
        ("print(limit if limit is not None else Book.objects.get(pk=item))", True),
        ("known = Book.objects.get(pk=item); found.add(known)\n        if len(found) >= limit: break", True),
        (
            "known = Book.objects.get(pk=item); found.add(known)\n        if len(items) >= limit: continue",
            False,
        ),
    ],
)
def test_is_meant(body: str, expected: bool) -> None:
    found, query = in_loop(body)
    (loop,) = found.index.nodes(ast.For)
    assert isinstance(loop, ast.For)
    known = Queries(found)
    one = OneByOne(found, known, Batching(found, known), {})
    assert one.is_meant(query.top, found.loops.place(loop)) is expected


def test_operations_are_told_apart_by_a_chain() -> None:
    found = module(
        """
        for item in items:
            if item.op == "add":
                print(item)
            elif item.op == "show":
                Book.objects.get(pk=item.id)
            if item.kind == "book":
                Book.objects.get(pk=item.id)
        """
    )
    (loop,) = found.index.nodes(ast.For)
    assert isinstance(loop, ast.For)
    known = Queries(found)
    one = OneByOne(found, known, Batching(found, known), {})
    assert [one.is_meant(query.top, found.loops.place(loop)) for query in queries_of(found)] == [True, False]


def test_an_answer_of_the_same_client_decides() -> None:
    found = module(
        """
        for key in keys:
            if redis.type(key) == "string":
                redis.get(key)
            if other.type(key) == "string":
                redis.get(key)
        """
    )
    (loop,) = found.index.nodes(ast.For)
    assert isinstance(loop, ast.For)
    known = Queries(found)
    one = OneByOne(found, known, Batching(found, known), {})
    gets = [query for query in queries_of(found) if query.call.lineno in (4, 6)]
    assert [one.is_meant(query.top, found.loops.place(loop)) for query in gets] == [True, False]


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("shop/migrations/0002.py", True),
        ("shop/seed_prices.py", True),
        ("shop/testing/users.py", True),
        ("shop/repair_orders.py", True),
        ("shop/orders.py", False),
    ],
)
def test_one_off_files(filename: str, expected: bool) -> None:
    assert OneOff(module("x = 1", filename=filename)).is_file is expected


def test_one_off_functions() -> None:
    found = module(
        """
        def migrate_prices(): ...
        def fill(migration_name): ...
        def prices(): ...
        """
    )
    one_off = OneOff(found)
    assert [one_off.runs(function) for function in found.index.nodes(ast.FunctionDef)] == [True, True, False]
