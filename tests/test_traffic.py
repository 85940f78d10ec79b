"""Which coroutines are known to go outside of the process."""

from __future__ import annotations

import ast

import pytest

from flake8_aiguard.module import Module
from flake8_aiguard.settings import Settings
from flake8_aiguard.traffic import Traffic, says_traffic

SOURCE = """
import aiofiles
import httpx
async def opened(p):
    async with aiofiles.open(p) as f:
        return await f.read()
async def helped(p):
    return await opened(p)
async def farther(p):
    return await helped(p)
async def computed(p, engine):
    return await engine.encode(p)
async def stub(p):
    raise NotImplementedError
async def f(client: httpx.AsyncClient, tool, x, path, orders_api, cache):
    {call}
"""


def is_known(call: str, *, counted: bool = False) -> bool:
    source = SOURCE.format(call=call)
    module = Module(ast.parse(source), "x.py", source.splitlines(keepends=True), Settings())
    node = max(module.index.nodes(ast.Call), key=lambda item: (item.lineno, -item.col_offset))
    called = module.receivers.definition(node.func)
    return Traffic(module).is_known(node.func, node.args, called, counted=counted)


@pytest.mark.parametrize(
    "call",
    [
        "opened(x)",
        "helped(x)",
        "client.get(x)",
        "tool.fetch_page(x)",
        "orders_api.confirm(x)",
        "cache.load(x)",
        "tool.read_file(x)",
        "tool.prepare(path)",
        "computed(client.get(x))",
    ],
)
def test_known(call: str) -> None:
    assert is_known(call)


@pytest.mark.parametrize(
    "call", ["farther(x)", "computed(path)", "stub(x)", "tool.prepare(x)", "cache.render(x)", "tool.load(x)"]
)
def test_unknown(call: str) -> None:
    assert not is_known(call)


def test_the_rows_of_a_query_count_where_nothing_is_known() -> None:
    assert is_known("tool.prepare(x)", counted=True)
    assert not is_known("computed(x)", counted=True)


def test_names() -> None:
    assert [
        name for name in ("fetch", "async_fetch_page", "_send", "prefetch", "load", "") if says_traffic(name)
    ] == [
        "fetch",
        "async_fetch_page",
        "_send",
    ]
