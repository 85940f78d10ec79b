"""Which calls only read, and what may change what they have read."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest
from questions import module

from flake8_aiguard.reads import Reads, starts_with

HEAD = """
import requests, random, functools
from pathlib import Path

def get_user(key):
    return requests.get(f"https://x/{key}", timeout=1).json()

def get_saved(key):
    requests.post("https://x", json=key, timeout=1)
    return requests.get("https://x", timeout=1)

def get_plain(key):
    return key

def get_random(key):
    return requests.get(f"https://x/{random.randint(0, key)}", timeout=1)

@functools.cache
def get_kept(key):
    return requests.get(key, timeout=1)

def load_rows(key):
    for line in open(key):
        yield line

def check(key):
    return key > 1

def move(key):
    key.place = 1
"""


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("open(p)", True),
        ("open(p, 'rb')", True),
        ("open(p, mode='rt')", True),
        ("open(p, 'w')", False),
        ("open(p, 'r+')", False),
        ("open(p, mode)", False),
        ("open(*p)", False),
        ("Path(p).read_text()", True),
        ("requests.get(p)", True),
        ("requests.get(**p)", False),
        ("requests.post(p)", False),
        ("cur.execute('SELECT a FROM t').fetchone()", False),
        ("cur.execute('SELECT a FROM t')", False),
        ("get_user(p)", True),
        ("get_saved(p)", False),
        ("get_plain(p)", False),
        ("get_random(p)", False),
        ("get_kept(p)", False),
        ("load_rows(p)", False),
        ("p.get(1)", False),
        ("random.random()", False),
    ],
)
def test_pure_reads(call: str, expected: bool) -> None:
    found = module(f"{HEAD}\ndef f(p, mode, cur):\n    return {call}")
    node = found.index.nodes(ast.Return)[-1].value
    assert isinstance(node, ast.Call)
    assert (Reads(found).of(node) is not None) is expected


def test_a_select_counts_where_its_chain_takes_the_rows() -> None:
    found = module("def f(cur):\n    return cur.execute('SELECT a FROM t').fetchone()")
    (call,) = found.index.calls_named(("execute",))
    read = Reads(found).of(call)
    assert read is not None
    assert read.shown == "cur.execute(...).fetchone()"


def test_the_mode_is_part_of_what_is_read() -> None:
    found = module("def f(p):\n    return open(p), open(p, 'r'), open(p, mode='rb'), open(p, encoding='u8')")
    keys = [read.key for call in found.index.calls_named(("open",)) if (read := Reads(found).of(call))]
    assert len(keys) == 4
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


@pytest.mark.parametrize(
    ("between", "changed"),
    [
        ("pass", False),
        ("print(p)", False),
        ("log.info('%s', p)", False),
        ("check(p)", False),
        ("found = []; found.append(1)", False),
        ("if p:\n        return", False),
        ("p = 1", True),
        ("p.name = 1", False),
        ("p[0] = 1", True),
        ("self.key = 1", False),
        ("other = 1", False),
        ("save(1)", True),
        ("process(p)", True),
        ("unknown(p)", True),
        ("unknown(1)", False),
        ("move(p)", True),
        ("db.commit()", True),
        ("time.sleep(1)", True),
        ("found = yield p", True),
        ("with lock:\n        pass", True),
        ("with open(p) as g:\n        pass", False),
        ("with open(p, 'w') as g:\n        pass", True),
        ("for p in x:\n        pass", True),
        ("del p", True),
    ],
)
def test_what_changes_a_read(between: str, changed: bool) -> None:
    found = module(
        f"{HEAD}\ndef f(p, self, db, lock, x):\n    a = get_user(p)\n    {between}\n    b = get_user(p)"
    )
    reads = Reads(found)
    first, second = (read for call in found.index.calls_named(("get_user",)) if (read := reads.of(call)))
    assert reads.is_changed(first, second, found.index.nodes(ast.FunctionDef)[-1].body) is changed


def test_words_at_the_start_of_names() -> None:
    assert starts_with("_loadUser", "read")
    assert not starts_with("reload", "read")
    assert not starts_with("", "read")


def test_functions_that_read() -> None:
    found = module(dedent(HEAD))
    reads = Reads(found)
    names = [item.name for item in found.index.nodes(ast.FunctionDef) if reads.does_input(item)]
    assert names == ["get_user", "get_saved", "get_random", "get_kept", "load_rows"]
