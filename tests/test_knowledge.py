"""The tables and their loader."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from harness import check_source

from flake8_aiguard import knowledge

FETCH = {"calls": ["mylib.fetch"], "keywords": ["timeout"], "default": "none", "finite": False}


@pytest.fixture(autouse=True)
def _no_user_rows() -> Iterator[None]:
    yield
    knowledge.use_rows([])


@pytest.mark.parametrize("table", knowledge.tables())
def test_every_row_has_a_source_and_fits_its_table(table: str) -> None:
    assert knowledge.rows(table)
    for row in knowledge.rows(table):
        assert row.get("source"), row
        knowledge.check(table, row)


@pytest.mark.parametrize("table", knowledge.tables())
def test_no_name_stands_in_two_rows(table: str) -> None:
    names = [
        name
        for row in knowledge.rows(table)
        for name in (
            *row.get("calls", ()),
            *(f"{t}.{m}" for t in row.get("types", ()) for m in row.get("methods", ())),
        )
    ]
    assert sorted(names) == sorted(set(names))


def test_a_call_opens_a_file_or_a_connection() -> None:
    assert not knowledge.by_call("resources.opener").keys() & knowledge.by_call("connections.opener").keys()


def test_users_rows_come_last_and_caches_follow() -> None:
    assert "mylib.fetch" not in knowledge.by_call("timeouts.call")
    knowledge.use_rows([("timeouts.call", FETCH)])
    assert knowledge.rows("timeouts.call")[-1]["calls"] == ["mylib.fetch"]
    assert "mylib.fetch" in knowledge.by_call("timeouts.call")
    assert "fetch" in knowledge.last_names("timeouts.call")
    knowledge.use_rows([])
    assert "mylib.fetch" not in knowledge.by_call("timeouts.call")


@pytest.mark.parametrize(
    ("table", "row", "message"),
    [
        ("timeout.call", {"calls": ["f"]}, "no table 'timeout.call'; did you mean 'timeouts.call'"),
        ("timeouts.call", {"cals": ["f"]}, "no column 'cals'; did you mean 'calls'"),
        ("timeouts.call", {"calls": "f"}, "takes list, not 'f'"),
        ("timeouts.call", {"calls": [1]}, "takes a list of strings"),
        ("timeouts.call", {"calls": ["f"], "default": "none"}, "needs the column 'finite', such as False"),
        ("blocking.call", {"calls": ["f"], "kind": "sleep"}, "needs the column 'instead', such as 'await"),
    ],
)
def test_wrong_rows_are_named_with_the_remedy(table: str, row: knowledge.Row, message: str) -> None:
    with pytest.raises(knowledge.KnowledgeError, match=message):
        knowledge.check(table, row)


def test_methods_are_looked_up_by_type() -> None:
    assert knowledge.by_call("types.factory")["sqlite3.connect"]["returns"] == "sqlite3.Connection"


def test_names_by_the_packages_that_lead_to_them() -> None:
    names = knowledge.by_package(["concurrent.futures.Future.result", "sqlite3.connect", "builtins.open"])
    assert names["sqlite3"] == {"connect"}
    assert "result" in names["concurrent"]
    assert "result" in names["asyncio"], "run_coroutine_threadsafe() returns a concurrent.futures.Future"
    assert "result" not in names["sqlite3"]


def test_names_that_a_file_can_call_by_what_it_imports() -> None:
    names = knowledge.by_package(["requests.get", "requests.Session.post", "httpx.get", "builtins.open"])
    assert knowledge.names_of(names, {"requests", "builtins", "os"}) == {"get", "post", "open"}
    assert knowledge.names_of(names, frozenset()) == frozenset()


def test_a_users_row_extends_its_rule() -> None:
    source = "import mylib\nmylib.fetch(u)\nmylib.fetch(u, timeout=3)\n"
    assert check_source(source, codes=["AIG014"]) == []
    found = check_source(source, codes=["AIG014"], settings={"table": [{"table": "timeouts.call", **FETCH}]})
    assert [item.line for item in found] == [2]
