"""What one turn of a loop does with the one thing that it awaits, and what the calls share."""

from __future__ import annotations

import ast

import pytest
from questions import module

from flake8_aiguard.sharing import Sharing
from flake8_aiguard.turns import Turns


def answers(body: str, head: str = "found = []") -> tuple[bool, bool]:
    """Whether the turns of the loop around the last ``await`` collect, and whether they are independent."""
    lines = "\n".join(f"    {line}" for line in [head, *body.splitlines()])
    found = module(f"async def f(xs, state, items):\n{lines}\n")
    node = found.index.nodes(ast.Await)[-1]
    loop = next(found.index.loops(node))
    assert isinstance(node.value, ast.Call)
    assert isinstance(loop, (ast.For, ast.ListComp, ast.SetComp, ast.DictComp))
    turns = Turns(found, Sharing(found))
    return (
        turns.collects(node, node.value, loop),
        turns.is_independent(node.value, found.loops.place(loop)),
    )


@pytest.mark.parametrize(
    "body",
    [
        "[await get(x) for x in xs]",
        "{x: await get(x) for x in xs if x}",
        "[y for x in xs for y in await get(x)]",
        "for x in xs: found.append(await get(x))",
        "for x in xs: found += await get(x)",
        "for i, x in enumerate(xs): found[i] = await get(x)",
        "for x in xs:\n    r = await get(x)\n    found.append(r.y)",
        "for x in xs:\n    a, b = await get(x)\n    found.extend([a, b])",
        "for x in xs:\n    if x:\n        found.append(await get(x))\n    else:\n        pass",
        "for x in xs:\n    url = f'{x}/1'\n    found.append(await get(url))",
        "for x in xs:\n    url = str(x)\n    other = url + '/'\n    found.append(await get(other))",
        "for x in xs:\n    log.info(x)\n    found.append(await get(x))",
        "for x in xs: found.append(await x.get())",
    ],
)
def test_independent_and_collected(body: str) -> None:
    assert answers(body) == (True, True)


@pytest.mark.parametrize(
    "body",
    [
        "[x for x in xs if await get(x)]",
        "for x in xs: await get(x)",
        "for x in xs: items.append(await get(x))",
        "for x in xs: state.rows = await get(x)",
        "for x in xs: state.write(await get(x))",
        "for x in xs:\n    found.append(await get(x))\n    break",
        "for x in xs:\n    await sleep(1)\n    found.append(await get(x))",
        "for x in xs:\n    try: found.append(await get(x))\n    except E: pass",
        "for x in xs:\n    with y: found.append(await get(x))",
        "for x in xs:\n    found.append(await get(x))\nelse:\n    pass",
        "for x in xs:\n    if x not in found: found.append(await get(x))",
        "for x in xs: found.append(await get(x, found))",
        "for x in xs:\n    r = await get(x)\n    found.append(1)",
        "for x in xs:\n    state.learn(x)\n    found.append(await get(x))",
        "for x in xs:\n    r = state.learn(x)\n    found.append(await state.get(x))",
        "for x in xs:\n    found = [await get(x)]",
        "for x in xs:\n    del x\n    found.append(await get(x))",
    ],
)
def test_not_just_collected(body: str) -> None:
    assert not answers(body)[0]


@pytest.mark.parametrize(
    "body",
    [
        "for x in xs: found.append(await get(state))",
        "for x in xs:\n    found.append(await get(x, state))\n    state = x",
        "for x in xs:\n    state = await get(x, state)\n    found.append(state)",
        "for x in xs:\n    state += 1\n    found.append(await get(x, state))",
        "for x in xs:\n    x = x.y\n    found.append(await get(x))",
        "for x in xs:\n    y = next(items)\n    found.append(await get(x, y))",
        "for x in xs:\n    if x:\n        y = x\n    found.append(await get(x, y))",
        "for x in xs:\n    y = x\n    y = y + 1\n    found.append(await get(x, y))",
        "[await get(x, (y := x)) for x in xs]",
        "[await get(lambda: x) for x in xs]",
    ],
)
def test_dependent(body: str) -> None:
    assert not answers(body)[1]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ("found = {}", True),
        ("found: list = []", True),
        ("found = set()", True),
        ("found = [None] * 3", True),
        ("found = [x for x in xs]", True),
        ("found = load()", False),
        ("found = items", False),
        ("found = None", False),
    ],
)
def test_local_collections(made: str, expected: bool) -> None:
    assert answers("for x in xs: found[x] = await get(x)", made)[0] is expected


SHARED = """\
import asyncio, httpx, asyncpg
from sqlalchemy.ext.asyncio import AsyncSession
async def f(client: httpx.AsyncClient, other, session, sql: AsyncSession, pool: asyncpg.Pool, self):
    ask({0})
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("client", False),
        ("other", False),
        ("pool", False),
        ("self.client", False),
        ("session", True),
        ("sql", True),
        ("self.db", True),
        ("self._conn", True),
        ("other.page.main", True),
        ("other.queue", True),
    ],
)
def test_serial_objects(text: str, expected: bool) -> None:
    found = module(SHARED.format(text))
    call = next(iter(found.index.calls_named(("ask",))))
    assert Sharing(found).is_serial(call.args[0]) is expected


def test_sessions_of_an_http_client() -> None:
    found = module("import aiohttp\nasync def f(session): ask(session)")
    assert not Sharing(found).is_serial(next(iter(found.index.calls_named(("ask",)))).args[0])


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("httpx.AsyncClient(timeout=5) as x", True),
        ("asyncio.timeout(5)", True),
        ("make() as client", True),
        ("make() as x", False),
        ("lock", False),
        ("session.begin()", False),
        ("pool.acquire() as conn", False),
    ],
)
def test_what_surrounds_the_loop(item: str, expected: bool) -> None:
    found = module(f"import asyncio, httpx\nasync def f(lock, session, pool):\n    async with {item}: pass")
    node = found.index.nodes(ast.withitem)[0]
    assert Sharing(found).allows_many(node) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return await get(x)", False),
        ("rows = []\n    rows.append(x)\n    return rows", False),
        ("row = {}\n    row['a'] = 1\n    return row", False),
        ("await asyncio.sleep(1)", True),
        ("async with self.semaphore: return x", True),
        ("async with lock: return x", True),
        ("await self.limit.acquire()", True),
        ("self.count += 1", True),
        ("self.cache[x] = await get(x)", True),
        ("self.rows.append(x)", True),
        ("x.done = True", True),
        ("global count\n    count = 1", True),
        ("yield x", True),
    ],
)
def test_functions_that_keep_state(body: str, expected: bool) -> None:
    found = module(f"import asyncio\nasync def f(self, x):\n    {body}")
    assert Sharing(found).keeps_state(found.index.nodes(ast.AsyncFunctionDef)[0]) is expected
