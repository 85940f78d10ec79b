"""What is declared immutable, and who changes it."""

from __future__ import annotations

import pytest
from questions import module

from flake8_aiguard.classes import Classes
from flake8_aiguard.constants import Constants
from flake8_aiguard.declared import Declared
from flake8_aiguard.frozen import Frozen
from flake8_aiguard.writes import Writes

HEAD = (
    "from typing import Final\nfrom types import MappingProxyType\nfrom dataclasses import dataclass, field\n"
)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("X: Final = 1\nX = 2", [2]),
        ("X: Final = 1\nX += 2", [2]),
        ("X: Final = 1\ndel X", [2]),
        ("X: int = 1\nX = 2", []),
        ("X: Final = [1]\ndef f(): X.append(2)", [2]),
        ("X: Final = []\ndef f(): X.append(2)", [2]),
        ("def g():\n    X: Final = []\n    def f(): X.append(2)", []),
        ("X: Final = make()\ndef f(): X.append(2)", []),
        ("X: 'Final' = 1\nX = 2", [2]),
        ("if a:\n    X: Final = 1\nelse:\n    X = 2", []),
        ("class A:\n    def __init__(self): self.x: Final = 1\n    def f(self): self.x = 2", [3]),
    ],
)
def test_final(source: str, expected: list[int]) -> None:
    found = module(HEAD + source)
    declared = Declared(found, Classes(found), Writes(found), Constants(found))
    assert [write.node.lineno - 3 for _, write in declared.finals()] == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a = {1: 2}\nb = MappingProxyType(a)\ndef f(): a[1] = 3", [3]),
        ("a = {1: 2}\nb = MappingProxyType(dict(a))\ndef f(): a[1] = 3", []),
        ("a = {}\nb = MappingProxyType(a)\ndef f(): a[1] = 3", []),
    ],
)
def test_sources_of_read_only_views(source: str, expected: list[int]) -> None:
    found = module(HEAD + source)
    declared = Declared(found, Classes(found), Writes(found), Constants(found))
    assert [write.node.lineno - 3 for _, _, write in declared.proxies()] == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("object.__setattr__(self, 'x', 1)", [("x", "A")]),
        ("self.__dict__['x'] = 1", [("x", "A")]),
        ("object.__setattr__(self, '_x', 1)", []),
        ("object.__setattr__(self, 'late', 1)", []),
        ("if self.x is None: object.__setattr__(self, 'x', 1)", []),
        ("setattr(other, 'x', 1)", []),
    ],
)
def test_frozen(line: str, expected: list[tuple[str, str]]) -> None:
    found = module(
        f"{HEAD}@dataclass(frozen=True)\nclass A:\n    x: int\n    late: int = field(init=False)\n    def f(self, other):\n        {line}\n"
    )
    bypasses = Frozen(found, Classes(found), Writes(found)).bypasses()
    assert [(item.name, item.owner.name) for item in bypasses] == expected
