"""Globals and attributes, and every mention of them."""

from __future__ import annotations

import ast

import pytest
from questions import asked, module

from flake8_aiguard.lasting import Lasting

CLASS = """\
class Base:
    shared = {}

class Client(Base):
    def __init__(self):
        self.cache = {}

    def get(self, key):
        cache = self.cache
        return cache[key], self.cache.get(key), self.shared

class Other:
    def __init__(self):
        self.cache = {}

    def get(self):
        return self.cache

def clear(client):
    client.cache.clear()
    ask(client)
"""


def test_attributes_are_found_on_any_receiver_but_others_of_the_file() -> None:
    found = module(CLASS)
    lasting = Lasting(found)
    store = next(node for node in found.index.nodes(ast.Attribute) if isinstance(node.ctx, ast.Store))
    holder = lasting.holder(store)
    assert holder is not None and holder.is_attribute
    mentions = sorted({ast.unparse(node) for node in lasting.mentions(holder)})
    assert mentions == ["cache", "client.cache", "self.cache"]
    assert [ast.unparse(node) for node in lasting.stores(holder)] == ["self.cache"]
    assert lasting.is_made_once(store)


def test_a_base_class_declares_what_its_children_use() -> None:
    found = module(CLASS)
    lasting = Lasting(found)
    mention = next(node for node in found.index.nodes(ast.Attribute) if node.attr == "shared")
    holder = lasting.holder(mention)
    assert holder is not None and isinstance(holder.owner, ast.ClassDef) and holder.owner.name == "Base"


def test_locals_are_local() -> None:
    found = module("def f():\n    x = {}\n    ask(x)\ny = 1\nask(y)\nask(z)")
    holders = [Lasting(found).holder(node) for node in asked(found)]
    assert [holder and holder.is_local for holder in holders] == [True, False, None]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = make()", "x"),
        ("x: int = make()", "x"),
        ("self.x = y or make()", "self.x"),
        ("x = make() if y else None", "x"),
        ("a, b = make()", "(a, b)"),
        ("from dataclasses import field\nclass C:\n    x: int = field(default_factory=lambda: make())", "x"),
        ("f(make())", None),
        ("x = f(make())", None),
        ("x = lambda: make()", None),
    ],
)
def test_targets(source: str, expected: str | None) -> None:
    found = module(source)
    call = next(iter(found.index.calls_named(("make",))))
    target = Lasting(found).target(call)
    assert (target and ast.unparse(target)) == expected


def test_names_in_text() -> None:
    found = module("getattr(self, '_cache').clear()\nsetattr(x, name, 1)\nself.getattr('a', 'b')")
    assert Lasting(found).named_in_text() == {"_cache"}
