"""Policies of retry libraries, and what they and attempt loops repeat."""

from __future__ import annotations

import ast

import pytest
from questions import module

from flake8_aiguard.retries import Errors, Policies, Retries, Wait

IMPORTS = """
import backoff, retrying, stamina, tenacity, urllib3
from google.api_core.retry import Retry as Google
from requests.adapters import HTTPAdapter
from tenacity import retry, retry_if_exception, retry_if_exception_type, retry_if_result
from tenacity import stop_after_attempt, stop_after_delay, wait_exponential, wait_fixed, wait_none, wait_random
ERRORS = (OSError, KeyError)
TWO = 2
"""


def policies(text: str) -> Policies:
    return Policies(module(f"{IMPORTS}\n{text}\n"))


@pytest.mark.parametrize(
    ("text", "is_bounded", "wait"),
    [
        ("retry()", False, Wait.NONE),
        ("retry(stop=stop_after_attempt(3))", True, Wait.NONE),
        ("retry(stop=tenacity.stop_never)", False, Wait.NONE),
        ("retry(stop=s, wait=wait_fixed(TWO))", True, Wait.FIXED),
        ("retry(stop=s, wait=wait_fixed(TWO) + wait_random(0, 1))", True, Wait.FINE),
        ("retry(stop=s, wait=wait_fixed(0) + wait_none())", True, Wait.NONE),
        ("retry(stop=s, wait=tenacity.wait_incrementing())", True, Wait.ZERO_FIRST),
        ("retry(stop=s, wait=tenacity.wait_incrementing(1))", True, Wait.FINE),
        ("retry(stop=s, wait=unknown())", True, Wait.FINE),
        ("retry(**options)", True, Wait.FINE),
        ("backoff.on_exception(backoff.expo, E)", False, Wait.FINE),
        ("backoff.on_exception(backoff.expo, E, max_time=None)", False, Wait.FINE),
        ("backoff.on_exception(backoff.constant, E, max_tries=9, jitter=None)", True, Wait.FIXED),
        ("backoff.on_exception(backoff.constant, E, max_tries=9)", True, Wait.FINE),
        ("stamina.retry(on=E)", True, Wait.FINE),
        ("stamina.retry(on=E, timeout=None)", True, Wait.FINE),
        ("stamina.retry(on=E, timeout=None, attempts=None)", False, Wait.FINE),
        ("retrying.retry(wait_fixed=9)", False, Wait.FIXED),
        ("retrying.retry(stop_max_delay=9, wait_incrementing_start=0)", True, Wait.ZERO_FIRST),
        ("Google()", True, Wait.FINE),
        ("Google(deadline=None)", False, Wait.FINE),
        ("Google(initial=0)", True, Wait.NONE),
        ("urllib3.Retry(3)", True, Wait.NONE),
        ("urllib3.Retry(3, backoff_factor=1)", True, Wait.FINE),
        ("urllib3.Retry(1)", True, Wait.FINE),
        ("HTTPAdapter(max_retries=3)", True, Wait.NONE),
        ("HTTPAdapter()", True, Wait.FINE),
    ],
)
def test_bounds_and_pauses(text: str, is_bounded: bool, wait: Wait) -> None:
    asked = policies(text)
    (policy,) = [item for item in asked.made() if ast.unparse(item.node) == text]
    assert (asked.is_bounded(policy), asked.wait(policy)) == (is_bounded, wait)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("retry(stop=stop_after_attempt(TWO) | stop_after_delay(9))", 2),
        ("retry(stop=stop_after_delay(9))", None),
        ("backoff.on_exception(backoff.expo, E, max_tries=5)", 5),
        ("retrying.retry(stop_max_attempt_number=3)", 3),
    ],
)
def test_attempts(text: str, expected: float | None) -> None:
    asked = policies(text)
    (policy,) = [item for item in asked.made() if ast.unparse(item.node) == text]
    assert asked.attempts(policy) == expected


@pytest.mark.parametrize(
    ("text", "names", "is_known"),
    [
        ("OSError", {"OSError"}, True),
        ("ERRORS", {"OSError", "KeyError"}, True),
        ("(a.TimeoutError, *ERRORS)", {"TimeoutError", "OSError", "KeyError"}, True),
        (
            "retry_if_exception_type(OSError) | retry_if_exception_type(KeyError)",
            {"OSError", "KeyError"},
            True,
        ),
        ("retry_if_result(f)", {"result"}, True),
        ("retry_if_exception(lambda e: isinstance(e, a.ConnectError))", {"ConnectError"}, True),
        ("retry_if_exception(lambda e: e.code == 429)", {"RateLimited"}, True),
        ("retry_if_exception(lambda e: e.code == 500)", {"?"}, True),
        ("retry_if_exception(elsewhere)", None, False),
        ("unknown(OSError)", None, False),
    ],
)
def test_errors(text: str, names: set[str] | None, is_known: bool) -> None:
    asked = policies(f"retry(retry={text})")
    (policy,) = [item for item in asked.made() if item.call and item.call.keywords]
    assert asked.errors(policy) == Errors(None if names is None else frozenset(names), is_known)


def test_kinds_of_errors() -> None:
    assert Errors(frozenset({"ConnectError", "ConnectTimeout"})).are("refused")
    assert not Errors(frozenset({"ConnectError", "ReadTimeout"})).are("refused")
    assert Errors(frozenset({"ConnectError", "DeadlockDetected"})).are("refused", "conflict")
    assert not Errors(None).are("refused")


def test_what_is_repeated() -> None:
    found = Retries(
        module(
            IMPORTS
            + """
            """
            + """
@retry
def decorated(): ask(1)
def given(): ask(2)
retryer = tenacity.Retrying()
retryer(given)
for attempt in tenacity.Retrying():
    with attempt: ask(3)
@app.task(autoretry_for=(OSError,))
def task(): ask(4)
def loop():
    for _ in range(3):
        try:
            ask(5)
            return
        except OSError:
            ask(6)
retry(stop=s)(send)(7)
tenacity.Retrying().call(lambda: ask(8))
def plain(): ask(9)
"""
        )
    ).bodies()
    repeated = {
        (item.by, call.args[0].value)
        for item in found
        for part in item.body
        for call in ast.walk(part)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "ask"
        if isinstance(call.args[0], ast.Constant)
    }
    assert repeated == {
        ("@retry", 1),
        ("tenacity.Retrying()", 2),
        ("tenacity.Retrying()", 3),
        ("autoretry_for", 4),
        ("this loop", 5),
        ("tenacity.Retrying()", 8),
    }


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("autoretry_for=(E,)", (True, Wait.FINE)),
        ("autoretry_for=(E,), max_retries=None", (False, Wait.FINE)),
        ("autoretry_for=(E,), retry_kwargs={'countdown': 0}", (True, Wait.NONE)),
        ("autoretry_for=(E,), default_retry_delay=0, retry_backoff=True", (True, Wait.FINE)),
        ("max_retries=None", None),
        ("autoretry_for=(E,), **options", None),
    ],
)
def test_tasks(options: str, expected: tuple[bool, Wait] | None) -> None:
    found = module(f"app.task({options})")
    (call,) = (item for item in found.index.nodes(ast.Call))
    assert Policies(found).task_wait(call) == expected
