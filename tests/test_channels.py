"""Queues without a bound, who feeds them and who empties them."""

from __future__ import annotations

import ast

import pytest
from questions import module

from flake8_aiguard.capacity import Bounds
from flake8_aiguard.channels import Channels
from flake8_aiguard.lasting import Lasting

GET = "    def run(self):\n        while True: handle(self.q.get())\n"


def fed(source: str) -> list[tuple[str, str]]:
    """The name of each unbounded channel, and the call that feeds it."""
    found = module("import asyncio, janus, math, queue, trio, anyio, threading\n" + source)
    channels = Channels(found, Bounds(found), Lasting(found))
    known = (channels.unbounded(call) for call in found.index.nodes(ast.Call))
    return [(item.name, ast.unparse(item.put.func)) for item in known if item is not None]


def in_class(made: str, put: str = "def put(self, item): self.q.put(item)", get: str = GET) -> str:
    if made.startswith("asyncio.") and put.startswith("def put("):
        put = f"async {put}"
    return f"class C:\n    def __init__(self, size=9, *args):\n        self.q = {made}\n    {put}\n{get}"


@pytest.mark.parametrize(
    "made",
    [
        "queue.Queue()",
        "queue.PriorityQueue()",
        "queue.LifoQueue(maxsize=0)",
        "queue.Queue(-1)",
        "asyncio.Queue()",
        "asyncio.Queue(loop=size)",
        "queue.Queue(math.inf)",
        "size or queue.Queue()",
    ],
)
def test_no_bound(made: str) -> None:
    assert fed(in_class(made)) == [("self.q", "self.q.put")]


@pytest.mark.parametrize(
    "made",
    [
        "queue.Queue(5)",
        "queue.Queue(maxsize=size)",
        "queue.Queue(*args)",
        "queue.Queue(**size)",
        "queue.SimpleQueue()",
        "multiprocessing.Queue()",
        "trio.open_memory_channel(0)",
        "make(queue.Queue())",
    ],
)
def test_a_bound_or_none_of_ours(made: str) -> None:
    assert fed(in_class(made)) == []


@pytest.mark.parametrize(
    "put",
    [
        "def put(self): self.q.put(None)",
        "def put(self): self.q.put('stop')",
        "def put(self): self.q.put(STOP)",
        "def close(self, x): self.q.put(x)",
        "def put(self, call): self.q.put(call)",
        "def put(self, xs):\n        for x in xs: self.q.put(x)\n        self.q.join()",
        "def put(self, x):\n        self.slots.acquire()\n        self.q.put(x)",
        "def put(self, x):\n        if self.q.qsize() < 9: self.q.put(x)",
        "def put(self, x):\n        self.q.put(self.q.get())",
    ],
)
def test_what_does_not_feed(put: str) -> None:
    assert fed(in_class("queue.Queue()", put)) == []


def test_made_and_filled_in_one_place() -> None:
    assert (
        fed(
            "class C:\n    def __init__(self, xs):\n        self.q = queue.Queue()\n        for x in xs: self.q.put(x)\n"
            + GET
        )
        == []
    )


@pytest.mark.parametrize(
    "get",
    [
        "    def run(self): start(self.q)\n",
        "    def take(self): return self.q.get()\n",
        "    def run(self):\n        while True: self.items.append(self.q.get())\n",
        "    def run(self):\n        while not self.q.empty(): handle(self.q.get())\n",
        "    def run(self):\n        for _ in range(9): handle(self.q.get())\n",
        "    def run(self):\n        while True: yield handle(self.q.get())\n",
        "    def run(self):\n        while True: self.rest.put(self.q.get())\n",
        "    def run(self):\n        while True: handle(self.q.get(), self.q.get_nowait())\n",
        "    def run(self):\n        while True: self.show(self.q.get())\n    def show(self, x): print(x)\n",
    ],
)
def test_no_slow_work_at_its_other_end(get: str) -> None:
    looped = "def put(self):\n        while True: self.q.put(read())"
    assert fed(in_class("queue.Queue()", get=get)) == fed(in_class("queue.Queue()", looped, get)) == []


@pytest.mark.parametrize(
    "get",
    [
        "    def run(self):\n        while not self.stopped: self.client.index(self.q.get())\n",
        "    def run(self):\n        while True:\n            x = self.q.get()\n            time.sleep(x)\n",
        "    def run(self):\n        while (x := self.q.get()) is not None: upload(x)\n",
        "    def run(self):\n        while True: self.show(self.q.get())\n    def show(self, x): upload(x)\n",
    ],
)
def test_slow_work_at_its_other_end(get: str) -> None:
    assert fed("import time\n" + in_class("queue.Queue()", get=get)) == [("self.q", "self.q.put")]


@pytest.mark.parametrize("name", ["results", "response_queue", "_free", "pool", "error_q", "outqueue"])
def test_answers_and_pools(name: str) -> None:
    assert (
        fed(
            in_class("queue.Queue()").replace("self.q", f"self.{name}")
            + GET.replace("self.q", f"self.{name}")
        )
        == []
    )


def test_two_constructions_are_one_queue() -> None:
    again = "    def reset(self): self.q = queue.Queue()\n"
    assert len(fed(in_class("queue.Queue()", get=GET + again))) == 1


def test_globals_and_pairs() -> None:
    assert fed("q = queue.Queue()\ndef f(x): q.put(x)\ndef g():\n    while 1: send(q.get())") == [
        ("q", "q.put")
    ]
    taken = "async def g():\n    async for x in r: await send(x)\n"
    assert fed(f"s, r = trio.open_memory_channel(math.inf)\nasync def f(x): await s.send(x)\n{taken}") == [
        ("s", "s.send")
    ]
    assert fed(
        f"s, r = anyio.create_memory_object_stream[int](math.inf)\ndef f(x): s.send_nowait(x)\n{taken}"
    )
    assert fed(
        "q = janus.Queue()\ndef f(x): q.sync_q.put(x)\nasync def g():\n    while 1: await send(await q.async_q.get())"
    )


PRODUCER = "def produce(q):\n    while True: q.put(read())\n"
CONSUMER = "def consume(q):\n    while True: handle(q.get())\n"


@pytest.mark.parametrize(
    ("source", "count"),
    [
        (f"{PRODUCER}{CONSUMER}def main():\n    q = queue.Queue()\n    run(produce(q), consume(q))", 1),
        (
            f"{PRODUCER}{CONSUMER}def main():\n    q = queue.Queue()\n    Thread(target=produce, args=(q,))\n    consume(q)",
            1,
        ),
        (
            f"{PRODUCER}{CONSUMER}def main():\n    q = queue.Queue()\n    pool.submit(produce, q)\n    consume(q=q)",
            1,
        ),
        (f"{PRODUCER}{CONSUMER}def main():\n    q = queue.Queue(5)\n    run(produce(q), consume(q))", 0),
        (f"{PRODUCER}def main():\n    q = queue.Queue()\n    produce(q)", 0),
        (f"{CONSUMER}def main(xs):\n    q = queue.Queue()\n    for x in xs: q.put(x)\n    consume(q)", 0),
        (f"{CONSUMER}def main():\n    q = queue.Queue()\n    q.put(1)\n    consume(q)", 0),
    ],
)
def test_queues_of_one_function(source: str, count: int) -> None:
    assert len(fed(source)) == count


@pytest.mark.parametrize(
    "put",
    [
        "def on_tick(self, item): self.q.put(item)",
        "async def put(self, item): self.q.put(item)",
        "def _put(self, item): self.q.put(item)",
        "def put(self, other): other.q.put(1 + other)",
        "def put(self): self.q.put(self.number)",
        "def put(self, item: str | None): self.q.put(item)",
        "def put(self, item):\n        if item not in self.seen:\n            self.seen.add(item)\n            self.q.put(item)",
        "def put(self, item):\n        item.status = 1\n        self.q.put(item)",
        "def put(self, item):\n        with self.lock: self.q.put(item)",
        "def put(self, item):\n        if self.size < self.max_size: self.q.put(item)",
        "def put(self, item):\n        if not self.connected: raise ValueError\n        self.q.put(item)",
        "def put(self, item):\n        reply = Future()\n        self.q.put((item, reply))\n        return reply",
        "def put(self, item):\n        while True:\n            time.sleep(1)\n            self.q.put(item)",
        "def put(self, item): self.q.put(item)\n    def go(self):\n        with self.lock: self.put(1)",
        "def put(self, item): self.q.put(item)\n    def close(self): self.q.put(None)",
    ],
)
def test_producers_that_wait_or_must_not(put: str) -> None:
    assert fed(in_class("queue.Queue()", put)) == []


@pytest.mark.parametrize(
    ("made", "put"),
    [
        ("queue.Queue()", "def put(self, item): self.q.put_nowait(item)"),
        (
            "queue.Queue()",
            "def put(self, item):\n        entry = {'at': 1, 'item': item}\n        self.q.put(entry)",
        ),
        ("queue.Queue()", "def put(self, items):\n        for item in items: self.q.put(item)"),
        ("queue.Queue()", "def _put(self):\n        while not self.stopped: self.q.put(self.device.read())"),
        ("asyncio.Queue()", "async def on_tick(self, item): await self.q.put(item)"),
        (
            "asyncio.Queue()",
            "async def _pump(self):\n        async for item in self.feed: await self.q.put(item)",
        ),
        (
            "asyncio.Queue()",
            "async def _pump(self):\n        async with connect() as feed:\n            while True: await self.q.put(feed.read())",
        ),
        ("queue.Queue()", "def put(self, item): self.q.put(item)\n    def go(self): self.put(1)"),
    ],
)
def test_producers_that_run_on(made: str, put: str) -> None:
    assert [name for name, _ in fed(in_class(made, put))] == ["self.q"]


def test_a_consumer_that_feeds_would_wait_for_itself() -> None:
    again = "    def run(self):\n        while True: self.put(handle(self.q.get()))\n"
    assert fed(in_class("queue.Queue()", get=again)) == []


def test_of_another_package() -> None:
    source = in_class("queue.Queue()")
    assert fed(source.replace("class C:", "class C(threading.Thread):"))
    assert fed("from frames import Frame\n" + source.replace("class C:", "class C(Frame):")) == []
