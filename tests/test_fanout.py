"""Where one task is started for each item, and what bounds how many run."""

from __future__ import annotations

import ast

import pytest

from flake8_aiguard.fanout import FanOut, FanOuts
from flake8_aiguard.limiters import Limiters
from flake8_aiguard.module import Module
from flake8_aiguard.settings import Settings


def module(source: str) -> Module:
    return Module(ast.parse(source), "x.py", source.splitlines(keepends=True), Settings())


def fan_outs(source: str) -> list[FanOut]:
    outs = FanOuts(found := module(source))
    return [item for call in found.index.calls_named(outs.names()) for item in outs.started(call)]


def test_a_fan_out_names_what_runs_and_how_often() -> None:
    (found,) = fan_outs(
        "import asyncio\nasync def f(xs):\n    await asyncio.gather(*[load(x.a) for x in xs])\n"
    )
    assert ast.unparse(found.runs) == "load"
    assert ast.unparse(found.items) == "xs"
    assert found.node.lineno == 3
    assert not found.is_own


def test_a_method_of_the_item() -> None:
    (found,) = fan_outs(
        "import asyncio\nasync def f(xs, a):\n    await asyncio.gather(*[x.load(a) for x in xs])\n"
    )
    assert found.is_own
    assert not found.is_dispatch


@pytest.mark.parametrize("element", ["x(a)", "guard(x(a))", "asyncio.shield(x(a))"])
def test_items_that_are_called_themselves(element: str) -> None:
    (found,) = fan_outs(
        f"import asyncio\nasync def f(xs, a):\n    await asyncio.gather(*[{element} for x in xs])\n"
    )
    assert found.is_dispatch


def test_what_is_started_elsewhere_is_reported_there() -> None:
    source = "import asyncio\nasync def f(xs):\n    ts = [asyncio.create_task(g(x)) for x in xs]\n    await asyncio.gather(*ts)\n"
    assert [item.node.lineno for item in fan_outs(source)] == [3]


@pytest.mark.parametrize(
    "body",
    [
        "await asyncio.gather(*ts)",
        "await asyncio.gather(*[t for t in xs])",
        "await asyncio.gather(f(1), *[f(2)])",
        "for x in xs: await asyncio.create_task(f(x))",
        "for x in xs:\n        await asyncio.sleep(1)\n        asyncio.create_task(f(x))",
        "while xs: asyncio.create_task(f(xs.pop()))",
    ],
)
def test_no_fan_out(body: str) -> None:
    assert not fan_outs(f"import asyncio\nasync def f(xs, ts):\n    {body}\n")


LIMITED = """
import asyncio
GATE = asyncio.Semaphore(2)
async def held(x):
    async with GATE:
        await f(x)
async def free(x):
    await f(x)
async def taken(pool):
    async with pool.acquire() as connection:
        await connection.run()
async def locked(lock):
    async with lock.acquire():
        pass
class Service:
    def __init__(self, max_concurrency): ...
    async def method(self):
        probe()
class Other:
    __slots__ = ("a",)
    async def method(self):
        try:
            probe()
        except RateLimitError:
            pass
"""


def test_limiters_are_found_in_functions_and_classes() -> None:
    found = module(LIMITED)
    limiters = Limiters(found)
    functions = {item.name: item for item in found.index.nodes(ast.AsyncFunctionDef)}
    in_service, in_other = found.index.calls_named(("probe",))
    own, other = ast.parse("self.ask", mode="eval").body, ast.parse("ask", mode="eval").body
    assert limiters.bound(in_service, None, own)
    assert not limiters.bound(in_service, None, other), (
        "a function of another module takes nothing of the class"
    )
    assert not limiters.bound(in_other, None, other)
    assert not limiters.bound(in_other, functions["free"], other)
    assert limiters.bound(in_other, functions["held"], other)
    assert limiters.bound(in_other, functions["taken"], other)
    assert not limiters.bound(in_other, functions["locked"], other)


def test_workers_and_pools() -> None:
    found = module(
        "import asyncio\n"
        "async def a(q):\n    while True:\n        await q.get()\n"
        "async def b(x):\n    await asyncio.to_thread(f, x)\n"
        "async def c(x):\n    await asyncio.to_thread(f, x)\n    await g(x)\n"
        "async def mail_worker(): ...\n"
    )
    limiters = Limiters(found)
    a, b, c, worker = found.index.nodes(ast.AsyncFunctionDef)
    assert limiters.is_worker(a)
    assert limiters.is_worker(worker)
    assert not limiters.is_worker(c)
    assert limiters.is_pool_bound(b)
    assert not limiters.is_pool_bound(c)
