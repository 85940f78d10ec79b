"""Which calls take a timeout, and what bounds their wait from outside."""

from __future__ import annotations

import ast

import pytest
from questions import asked, module

from flake8_aiguard import knowledge
from flake8_aiguard.timeouts import Timeouts


def call(source: str) -> tuple[Timeouts, ast.Call, str]:
    """The first thing that a source asks about: a call, and what it calls."""
    found = module(source)
    node = asked(found)[0]
    if isinstance(node, ast.Await):
        node = node.value
    assert isinstance(node, ast.Call)
    return Timeouts(found), node, found.called(node) or ""


@pytest.mark.parametrize(
    ("source", "keyword"),
    [
        ("import requests\nask(requests.get(u))", "timeout"),
        ("from redis import Redis as R\nask(R())", "socket_timeout"),
        ("import requests\ns = requests.Session()\nask(s.get(u))", "timeout"),
        ("import requests\nask(requests.Session.get(s, u))", None),  # the arguments count from another place
        ("ask(requests.get(u))", None),
    ],
)
def test_row_of_a_call(source: str, keyword: str | None) -> None:
    timeouts, node, name = call(source)
    row = timeouts.row(node, name, knowledge.by_call("timeouts.call"))
    assert (None if row is None else row["keywords"][0]) == keyword


@pytest.mark.parametrize(
    ("body", "guarded"),
    [
        ("async with asyncio.timeout(5):\n        ask(c.get(u))", True),
        ("async with asyncio.timeout(None):\n        ask(c.get(u))", False),
        ("await asyncio.wait_for(ask(c.get(u)), 5)", True),
        ("await asyncio.wait_for(ask(c.get(u)), None)", False),
        ("ask(c.get(u))", False),
    ],
)
def test_limit_around_a_call(body: str, guarded: bool) -> None:
    timeouts, node, _ = call(f"import asyncio\nasync def f(c, u):\n    {body}\n")
    assert timeouts.is_guarded(node) is guarded


def test_function_that_is_only_used_under_a_limit() -> None:
    used = "import asyncio\nasync def f(c):\n    ask(c.get())\nasync def g(c):\n    await asyncio.wait_for(f(c), 5)\n"
    timeouts, node, _ = call(used)
    assert timeouts.is_guarded(node)
    timeouts, node, _ = call(used + "async def h(c):\n    await f(c)\n")
    assert not timeouts.is_guarded(node)


@pytest.mark.parametrize(
    ("method", "is_unary"), [("Get(key)", True), ("WatchKeys(key)", False), ("Send(iter(keys))", False)]
)
def test_unary_call_of_a_stub(method: str, is_unary: bool) -> None:
    timeouts, node, _ = call(
        f"import grpc\nfrom a_pb2_grpc import AStub\ns = AStub(grpc.insecure_channel(h))\nx = ask(s.{method})\n"
    )
    assert (timeouts.stub_row(node) is not None) is is_unary


@pytest.mark.parametrize(
    ("source", "resolved"),
    [
        ("import requests\nask(requests.get(u))", True),
        ("import requests as rq\nask(rq.get(u))", True),
        ("from requests import get\nask(get(u))", True),
        ("from requests.api import get\nask(get(u))", False),
        ("from requests import Session\nask(Session().get(u))", False),  # a method, which Ruff does not know
        ("import httpx\nask(httpx.get(u))", False),
    ],
)
def test_what_ruff_resolves(source: str, resolved: bool) -> None:
    timeouts, node, _ = call(source)
    assert timeouts.ruff_resolves(node, "requests") is resolved


def test_default_for_the_whole_file() -> None:
    row = knowledge.by_call("timeouts.call")["imaplib.IMAP4"]
    assert Timeouts(module("import socket\nsocket.setdefaulttimeout(5)")).sets_default(row)
    assert not Timeouts(module("import socket\nsocket.setdefaulttimeout(None)")).sets_default(row)


def test_file_that_answers_its_own_requests() -> None:
    assert Timeouts(module("import responses")).is_mocked
    assert not Timeouts(module("import requests")).is_mocked
