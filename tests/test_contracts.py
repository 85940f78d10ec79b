"""What the project itself declares write-once."""

from __future__ import annotations

import ast
from pathlib import Path

import harness
import pytest
from questions import module

from flake8_aiguard.classes import Classes
from flake8_aiguard.contracts import Contracts
from flake8_aiguard.settings import Settings

ROUTER = "class Router:\n    def __init__(self):\n        self._routes = {}\n"


def contracts(source: str, *listed: str, filename: str = "shop/router.py") -> Contracts:
    found = module(source, Settings(write_once=listed), filename)
    return Contracts(found, Classes(found))


def kept(found: Contracts) -> list[tuple[str | None, str]]:
    return [
        (item.owner.name if isinstance(item.owner, ast.ClassDef) else item.owner, item.name)
        for item in found.kept
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("class A:\n    x = 1  # aiguard: write-once", ("A", "x")),
        ("class A:\n    x: int  # aiguard:write-once, see ADR-3", ("A", "x")),
        ("class A:\n    # aiguard: write-once\n    x = 1", ("A", "x")),
        ("class A:\n    # aiguard: write-once\n    # The table.\n    x = 1", ("A", "x")),
        ("class A:\n    x = [\n        1,\n    ]  # aiguard: write-once", ("A", "x")),
        ("class A:\n    x = [\n        # aiguard: write-once\n        1,\n    ]", ("A", "x")),
        ("class A:\n    def f(self):\n        self.x = 1  # aiguard: write-once", ("A", "x")),
        ("X = 1  # noqa: E1  # aiguard: write-once", (None, "X")),
        ("from lib import B\nb = B()\nb.x = 1  # aiguard: write-once", ("lib.B", "x")),
    ],
)
def test_a_comment_marks(source: str, expected: tuple[str | None, str]) -> None:
    found = contracts(source)
    assert (kept(found), found.missed) == ([expected], [])


@pytest.mark.parametrize(
    "source",
    [
        "# x = 1  # aiguard: write-once",
        "# say aiguard: write-once",
        "x = '# aiguard: write-once'",
        "x = 1  # aiguard: write-onces",
    ],
)
def test_other_text_marks_nothing(source: str) -> None:
    found = contracts(source)
    assert (found.kept, found.missed) == ([], [])


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("f()  # aiguard: write-once", 1),
        ("x = 1\n# aiguard: write-once\n\ny = 2", 2),
        ("def f():\n    x = 1  # aiguard: write-once", 2),
        ("# aiguard: write-once", 1),
        ("unknown.x = 1  # aiguard: write-once", 1),
    ],
)
def test_a_comment_that_marks_nothing_is_a_miss(source: str, line: int) -> None:
    found = contracts(source)
    assert found.kept == []
    assert [getattr(miss.node, "lineno", 0) for miss in found.missed] == [line]


def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    monkeypatch.chdir(tmp_path)
    for package in packages:
        (tmp_path / package).mkdir(parents=True)
        (tmp_path / package / "__init__.py").touch()


@pytest.mark.parametrize(
    ("filename", "name", "is_it"),
    [
        ("shop/router.py", "shop.router", True),
        ("src/shop/router.py", "shop.router", True),
        ("./src/shop/router.pyi", "shop.router", True),
        ("src/shop/__init__.py", "shop", True),
        ("deep/er/shop/router.py", "shop.router", True),
        ("shop/router.py", "router", True),
        ("shop/myrouter.py", "router", False),
        ("shop/router.py", "other.router", False),
        ("stdin", "stdin", False),
        ("-", "shop.router", False),
    ],
)
def test_which_file_a_module_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, filename: str, name: str, is_it: bool
) -> None:
    project(tmp_path, monkeypatch)
    found = contracts(ROUTER, f"{name}:Router._routes", filename=filename)
    assert (kept(found) == [("Router", "_routes")]) is is_it


def test_a_package_around_it_makes_it_another_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, monkeypatch, "big", "big/shop")
    assert (
        kept(contracts(ROUTER, "big.shop.router:Router._routes", filename="big/shop/router.py"))[0][0]
        == "Router"
    )
    assert kept(contracts(ROUTER, "shop.router:Router._routes", filename="big/shop/router.py")) != [
        ("Router", "_routes")
    ]


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ("shop.router:Ruoter._routes", "no class Ruoter"),
        ("shop.router:Router.Inner._routes", "no class Inner"),
        ("shop.router:Router._ruotes", "no attribute _ruotes in the class Router"),
        ("shop.router:ROUTES", "no variable ROUTES"),
        ("shop.router:Router", "no variable Router (a class or function is none: name its attribute)"),
    ],
)
def test_an_entry_that_names_nothing_is_a_miss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, what: str
) -> None:
    project(tmp_path, monkeypatch)
    (miss,) = contracts(ROUTER, entry).missed
    assert miss.text == (
        f'the setting write-once lists "{entry}", but router.py has {what}; correct or remove the entry'
    )


@pytest.mark.parametrize(
    "source",
    [
        "from lib import *",
        "def __getattr__(name): ...",
        "from lib import Router",
        "Router = make()",
        "class Router(Base): pass",
        "class Router(metaclass=Meta): pass",
        "@decorate\nclass Router: pass",
        "class Router:\n    __slots__ = ('_routes',)",
        "class Router:\n    def __getattr__(self, name): ...",
        "class Base:\n    _routes = 1\nclass Router(Base): pass",
        "class Router: pass\ndef f(r): r._routes = 1",
        "class Router: pass\nsetattr(Router, '_routes', 1)",
    ],
)
def test_what_may_have_it_is_no_miss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    project(tmp_path, monkeypatch)
    assert contracts(source, "shop.router:Router._routes").missed == []


@pytest.mark.parametrize(
    ("filename", "name", "is_missed"),
    [
        ("router.py", "router", True),
        ("src/router.py", "router", True),
        ("shop/router.py", "router", False),
        ("shop/router.py", "shop.router", True),
        ("some/where/shop/router.py", "shop.router", True),
    ],
)
def test_many_files_have_one_plain_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, filename: str, name: str, is_missed: bool
) -> None:
    project(tmp_path, monkeypatch)
    found = contracts("x = 1", f"{name}:Router._routes", filename=filename)
    assert [bool(found.missed), found.kept] == [is_missed, []]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shop.router.Router", True),
        ("shop.Router", True),
        (".router.Router", True),
        (".Router", True),
        ("..shop.router.Router", True),
        ("router.Router", False),
        ("shop.other.Router", False),
        (".other.Router", False),
        ("shop.router.Other", False),
        ("Router", False),
    ],
)
def test_names_of_a_class_in_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, expected: bool
) -> None:
    project(tmp_path, monkeypatch)
    assert contracts("", filename="src/shop/admin.py").is_same(name, "shop.router.Router") is expected


def test_flake8_reports_an_entry_that_names_nothing(tmp_path: Path) -> None:
    settings = {"write-once": ["shop:Router._ruotes"]}
    (found,) = harness.check_source(ROUTER, "shop.py", ["AIG011"], settings)
    assert (found.line, found.code) == (1, "AIG011")
    assert "shop:Router._ruotes" in found.text
    assert "shop.py has no attribute _ruotes in the class Router" in found.text
