"""Tests of flake8_aiguard.posts: what a POST request says of itself."""

from __future__ import annotations

import ast

import pytest
from questions import module

from flake8_aiguard.posts import Posts

ROW = {"url": 0, "url_keyword": "url"}


def _posts(source: str, filename: str = "shop.py") -> tuple[Posts, list[ast.Call]]:
    found = module(f"import requests\n{source}", filename=filename)
    calls = [call for call in found.index.calls_named(("post", "patch")) if call.args]
    return Posts(found), sorted(calls, key=lambda call: call.lineno)


@pytest.mark.parametrize(
    ("source", "is_evident"),
    [
        ("def order(u, b):\n    requests.post(u, json=b)", True),
        ("def go(u, b):\n    requests.post(u, json=b)", True),
        ("def go(u, b):\n    requests.post(u, json=b).json()", False),
        ("def go(u):\n    requests.post(u)", False),
        ("def go(u):\n    requests.post(f'{u}/orders')", True),
        ("def go(u, b):\n    requests.post(f'{u}/slots', json=b)", True),
        ("def go(u, b):\n    requests.post(f'{u}/reload', json=b)", False),
        ("def go(u, b):\n    requests.patch(f'{u}/reload', json=b)", True),
        ("def go(b):\n    requests.post(URL, json=b)", True),
        (
            "def tell(path, b):\n    requests.post(URL + path, json=b)\ndef wake(b):\n    tell('/states', b)",
            False,
        ),
        (
            "def tell(path, b):\n    requests.post(URL + path, json=b)\ndef wake(b):\n    tell('/orders', b)",
            True,
        ),
    ],
)
def test_is_evident(source: str, is_evident: bool) -> None:
    posts, calls = _posts(source)
    assert posts.is_evident(calls[0], ROW) is is_evident


@pytest.mark.parametrize(
    ("source", "filename", "only_read"),
    [
        ("def find(u, b):\n    requests.post(u, json=b)", "shop.py", True),
        ("def order(u, b):\n    requests.post(u, json=b)", "shop.py", False),
        ("", "shop.py", False),
        ("", "llm/session.py", True),
    ],
)
def test_only_read(source: str, filename: str, only_read: bool) -> None:
    posts, _ = _posts(source, filename)
    assert posts.only_read() is only_read
