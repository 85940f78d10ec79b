"""What the entries of a cache are."""

from __future__ import annotations

import ast

import pytest
from questions import module

from flake8_aiguard.entries import Entries


def asked(source: str) -> tuple[Entries, ast.FunctionDef]:
    """The entries of a source, and its last function."""
    found = module("import requests\n" + source)
    return Entries(found), found.index.nodes(ast.FunctionDef)[-1]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Client(key)", True),
        ("get_shop_client(key)", True),
        ("await connect(key)", True),
        ("create_engine(key)", True),
        ("asyncio.Lock()", True),
        ("(create_engine(key), 1)", True),
        ("Shop(api_key=key)", True),
        ("Shop(base_url)", True),
        ("type('Shop', (), {})", True),
        ("found or Client(key)", True),
        ("Shop(key)", False),
        ("load(api_key=key)", False),
        ("clock(key)", False),
        ("guess_type(key)", False),
        ("client.get(key)", False),
    ],
)
def test_resources(value: str, expected: bool) -> None:
    entries, function = asked(f"def f(key, found):\n    made = {value}\n    return made\n")
    assign = function.body[0]
    assert isinstance(assign, ast.Assign)
    assert entries.is_resource(assign.value, function) is expected
    assert entries.makes_resource(function) is expected


@pytest.mark.parametrize(
    ("declaration", "expected"),
    [
        ("shop_clients = {}", True),
        ("POOLS = {}", True),
        ("_lock_by_id = {}", True),
        ("found: dict[str, Client] = {}", True),
        ("found: 'dict[str, Client]' = {}", False),
        ("found: dict[str, 'Client | None'] = {}", True),
        ("found: dict[Client, str] = {}", False),
        ("clocks = {}", False),
        ("found = {}", False),
    ],
)
def test_dicts_of_resources(declaration: str, expected: bool) -> None:
    found = module(declaration)
    assign = found.tree.body[0]
    assert isinstance(assign, (ast.Assign, ast.AnnAssign))
    target = assign.targets[0] if isinstance(assign, ast.Assign) else assign.target
    assert Entries(found).are_resources(target) is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def shop_client(key): return key", True),
        ("def f(key) -> ShopClient: return key", True),
        ("def f(key) -> 'type[Shop]': return key", True),
        ("def f(key):\n    if key: return Client(key)\n    return None", False),
        ("def f(key): print(Client(key))", False),
    ],
)
def test_functions_that_make_resources(source: str, expected: bool) -> None:
    entries, function = asked(source)
    assert entries.makes_resource(function) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("requests.get(key)", True),
        ("with urlopen(key) as page: page.read()", True),
        ("self.fetch_one(key)", True),
        ("self.load(key)", False),
    ],
)
def test_what_is_fetched(body: str, expected: bool) -> None:
    entries, function = asked(f"def f(self, key):\n    {body}\n")
    assert entries.is_fetched(function) is expected


@pytest.mark.parametrize(
    ("parameters", "test", "expected"),
    [
        ("key, keep", "keep", True),
        ("key, keep=False", "keep", True),
        ("key, skip=False", "not skip", True),
        ("key, keep=True", "keep", False),
        ("key", "key", False),
        ("key", "found", False),
        ("key, keep", "keep > 3", False),
    ],
)
def test_optional_entries(parameters: str, test: str, expected: bool) -> None:
    entries, function = asked(
        f"def f({parameters}):\n    found = g()\n    if {test}:\n        C[key] = found\n"
    )
    branch = function.body[1]
    assert isinstance(branch, ast.If)
    write = branch.body[0]
    assert isinstance(write, ast.Assign)
    assert isinstance(write.targets[0], ast.Subscript)
    assert entries.is_optional(write, write.targets[0].slice, function) is expected


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("with open(key) as file: text = file.read()", True),
        ("with key.open() as file: text = file.read()", True),
        ("with open(other) as file: text = file.read()", False),
        ("if key: pass", False),
    ],
)
def test_keys_that_are_files(before: str, expected: bool) -> None:
    entries, function = asked(f"def f(key, other):\n    {before}\n    C[key] = g()\n")
    write = function.body[1]
    assert isinstance(write, ast.Assign)
    assert isinstance(write.targets[0], ast.Subscript)
    assert entries.is_checked(write, write.targets[0].slice, function) is expected
