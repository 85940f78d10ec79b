"""Which literals are limits."""

from __future__ import annotations

import ast

import pytest
from questions import asked, module

from flake8_aiguard.limits import Limits, is_limit


def given(source: str) -> list[str]:
    """The limits of the first call that a source asks about."""
    found = module(source)
    call = asked(found)[0]
    assert isinstance(call, ast.Call)
    return [limit.text for limit in Limits(found).given(call)]


@pytest.mark.parametrize(
    "name",
    [
        *(
            "timeout",
            "READ_TIMEOUT",
            "connectTimeoutMS",
            "soft_time_limit",
            "retries",
            "max_retries",
            "MAX_ATTEMPTS",
        ),
        *(
            "max_tries",
            "retry_count",
            "backoff_factor",
            "retry_delay",
            "POLL_INTERVAL",
            "cooldown",
            "countdown",
        ),
        *(
            "pool_size",
            "maxPoolSize",
            "max_workers",
            "max_overflow",
            "rate_limit",
            "REQUESTS_PER_MINUTE",
            "QPS",
        ),
    ],
)
def test_names_of_limits(name: str) -> None:
    assert is_limit(name)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "retry",
            "limit",
            "rate",
            "interval",
            "learning_rate",
            "page_size",
            "relay",
            "country",
            "entries",
            "wait",
        ),
        *("pool", "connection", "max_length", "time", "workers"),
    ],
)
def test_names_of_other_things(name: str) -> None:
    assert not is_limit(name)


@pytest.mark.parametrize(
    ("source", "limits"),
    [
        ("ask(f(timeout=30))", ["timeout=30"]),
        ("ask(f(timeout=60 * 15, retries=3))", ["timeout=60 * 15", "retries=3"]),
        ("ask(f(timeout=(3, 30)))", ["timeout=(3, 30)"]),
        ("from datetime import timedelta as T\nask(f(timeout=T(seconds=3)))", ["timeout=T(seconds=3)"]),
        ("ask(f(rate_limit='10/m'))", ["rate_limit='10/m'"]),
        ("ask(f(timeout=0))", []),
        ("ask(f(timeout=-1))", []),
        ("ask(f(timeout=True))", []),
        ("ask(f(timeout=(3, x)))", []),
        ("ask(f(timeout=x * 2))", []),
        ("ask(f(timeout='30'))", []),
        ("ask(f(timeout=timedelta(seconds=3)))", []),  # not imported
        ("ask(f(30))", []),
        ("from urllib.request import urlopen\nask(urlopen(u, None, 5))", ["5"]),
        ("import threading\ne = threading.Event()\nask(e.wait(5))", ["5"]),
        ("from tenacity import wait_random as w\nask(w(1, 3))", ["1", "3"]),
        ("import httpx\nask(httpx.Timeout(10, read=60))", ["10", "read=60"]),
        ("import aiohttp\nask(aiohttp.TCPConnector(limit=50))", ["limit=50"]),
        ("ask(TCPConnector(limit=50))", []),
        ("from multiprocessing import Pool\nask(Pool(4))", ["4"]),
        ("from multiprocessing import Pool\nask(Pool(1))", []),
        ("import time\nask(time.sleep(2))", ["2"]),
        ("import time\nask(time.sleep(0.2))", []),
    ],
)
def test_limits_of_a_call(source: str, limits: list[str]) -> None:
    assert given(source) == limits


@pytest.mark.parametrize(
    ("decorator", "limits"),
    [
        ("retry(3)", ["3"]),
        ("own.with_retries(tries=3, code=503)", ["tries=3"]),
        ("rate_limited(5)", ["5"]),
        ("lru_cache(128)", []),
        ("retrieve(3)", []),
    ],
)
def test_limits_of_a_decorator(decorator: str, limits: list[str]) -> None:
    found = module(f"@{decorator}\ndef f():\n    pass\n")
    call = found.index.nodes(ast.Call)[0]
    assert [limit.text for limit in Limits(found).given(call)] == limits


@pytest.mark.parametrize(
    ("source", "limit"),
    [
        ("MAX_RETRIES = 3", "MAX_RETRIES = 3"),
        ("timeout: float = 2.5", "timeout = 2.5"),
        ("def f():\n    delay = 3", "delay = 3"),
        ("def f():\n    delay = 3\n    delay *= 2", None),
        ("TIMEOUT = 3\nTIMEOUT = 4", None),
        ("TIMEOUT = 0x102", None),
        ("TIMEOUT_ERROR = 3", None),
        ("HTTP_408_REQUEST_TIMEOUT = 408", None),
        ("TIMEOUT = x", None),
        ("class A:\n    MAX_RETRIES = 3", "MAX_RETRIES = 3"),
        ("class A:\n    timeout = 3", "timeout = 3"),
        ("class A:\n    timeout = 3\n    def f(self, s):\n        self.timeout = s", None),
        ("class A:\n    timeout: int = 3", None),
        ("class A(B):\n    timeout = 3", None),
        ("class AppSettings:\n    TIMEOUT = 3", None),
        ("class A(enum.Enum):\n    TIMEOUT = 3", None),
        ("a.timeout = 3", None),
    ],
)
def test_constants(source: str, limit: str | None) -> None:
    found = module(source)
    nodes: list[ast.Assign | ast.AnnAssign] = [
        *found.index.nodes(ast.Assign),
        *found.index.nodes(ast.AnnAssign),
    ]
    answer = Limits(found).constant(nodes[0])
    assert (None if answer is None else answer.text) == limit


def test_constants_of_a_settings_file() -> None:
    for filename, is_limit_there in (
        ("app/settings.py", False),
        ("settings/base.py", False),
        ("resettings/a.py", True),
    ):
        found = module("TIMEOUT = 3", filename=filename)
        assert (Limits(found).constant(found.index.nodes(ast.Assign)[0]) is not None) is is_limit_there
