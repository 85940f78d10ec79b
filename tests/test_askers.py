"""Whether a file shows that a function that keeps results may be asked for any number of keys."""

from __future__ import annotations

import ast

import pytest
from questions import module

from flake8_aiguard.askers import Askers
from flake8_aiguard.domains import Domains


def may_be_many(source: str, name: str) -> bool:
    """The answer for a parameter of the first function of a source."""
    found = module(source)
    function = found.index.nodes(ast.FunctionDef)[0]
    return Askers(found, Domains(found)).may_be_many(function, name)


@pytest.mark.parametrize(
    ("source", "name", "expected"),
    [
        ("def page(url): ...", "url", True),
        ("def _page(url): ...", "url", True),
        ("def page(feature): ...", "feature", False),
        ("def page(name): ...", "name", True),
        ("def _page(name): ...", "name", False),
        ("def _page(name): ...\nfor item in rows:\n    _page(item)", "name", True),
        ("def _page(name): ...\nfound = [_page(item) for item in rows]", "name", True),
        ("def _page(name): ...\ndef show(name):\n    return _page(name)", "name", True),
        ("def _page(name): ...\ndef _show(name):\n    return _page(name)", "name", False),
        ("def _page(name): ...\n_page('start')", "name", False),
        ("def page_config(name): ...", "name", False),
        ("def from_text(value): ...", "value", False),
        ("def size(path): ...", "path", False),
        ("import flask\ndef size(path): ...", "path", True),
        ("def size(path): ...\nasync def show(): ...", "path", True),
        ("def files(repo_id, token): ...", "token", False),
        ("def files(token): ...", "token", True),
    ],
)
def test_names_and_callers(source: str, name: str, expected: bool) -> None:
    assert may_be_many(source, name) is expected


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ("", True),
        (": str", True),
        (": UUID", True),
        (": int | None", True),
        (": Order", False),
        (": 'Order'", False),
    ],
)
def test_objects_of_the_program_leave_doubt(annotation: str, expected: bool) -> None:
    found = module(f"def total(order{annotation}): ...")
    function = found.index.nodes(ast.FunctionDef)[0]
    assert Askers(found, Domains(found)).is_certain(function, "order") is expected
