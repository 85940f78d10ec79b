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


def test_asked_once_and_answered_once() -> None:
    once = "    def take(self): return self.q.get()\n"
    assert fed(in_class("queue.Queue()", get=once)) == []
    looped = "def put(self, xs):\n        for x in xs: self.q.put(x)"
    assert fed(in_class("queue.Queue()", looped, once)) == [("self.q", "self.q.put")]


def test_a_consumer_elsewhere() -> None:
    assert fed(in_class("queue.Queue()", get="")) == [("self.q", "self.q.put")]
    assert fed(in_class("queue.Queue()", get="    def run(self): start(self.q)\n")) == []


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
    assert fed("q = queue.Queue()\ndef f(x): q.put(x)\ndef g():\n    for _ in x: q.get()") == [("q", "q.put")]
    assert fed("s, r = trio.open_memory_channel(math.inf)\nasync def f(x): await s.send(x)") == [
        ("s", "s.send")
    ]
    assert fed("s, r = anyio.create_memory_object_stream[int](math.inf)\ndef f(x): s.send_nowait(x)")
    assert fed(
        "q = janus.Queue()\ndef f(x): q.sync_q.put(x)\nasync def g():\n    while 1: await q.async_q.get()"
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
    ("put", "get"),
    [
        ("def put(self, item): self.q.put_nowait(item)", GET),
        ("def on_tick(self, item): self.q.put(item)", GET),
        ("def put(self, other): other.q.put(1 + other)", GET),
        (
            "def put(self, item):\n        if item not in self.seen:\n            self.seen.add(item)\n            self.q.put(item)",
            GET,
        ),
        ("def put(self, item):\n        item.status = 1\n        self.q.put(item)", GET),
        (
            "def put(self, item): self.q.put(item)",
            "    def run(self):\n        while True: self.put(self.q.get())\n".replace(
                "self.put(", "item = ("
            ).replace("())", "()); self.put(item)"),
        ),
        (
            "def put(self, f): self.q.put((f, 1))",
            "    def run(self):\n        while True:\n            f, x = self.q.get()\n            f(x)\n",
        ),
        (
            "def put(self, job): self.q.put(job)",
            "    def run(self):\n        while True:\n            job = self.q.get()\n            job.run()\n",
        ),
    ],
)
def test_queues_that_a_bound_would_break(put: str, get: str) -> None:
    assert fed(in_class("asyncio.Queue()")) == [("self.q", "self.q.put")]
    assert fed(in_class("asyncio.Queue()", put, get)) == []


@pytest.mark.parametrize(
    ("made", "put", "get"),
    [
        ("queue.Queue()", "def put(self, item): self.q.put_nowait(item)", GET),
        ("asyncio.Queue()", "async def on_tick(self, item): await self.q.put(item)", GET),
        ("asyncio.Queue()", "def put(self, item):\n        if item not in self.known: self.q.put(item)", GET),
        (
            "queue.Queue()",
            "def put(self, item): self.q.put(item)",
            GET + "            start(self.put(1))\n".replace("            ", "    def go(self): ", 1),
        ),
        (
            "queue.Queue()",
            "def put(self, f): self.q.put((1, f))",
            "    def run(self):\n        while True:\n            x, f = self.q.get()\n            f(x)\n",
        ),
    ],
)
def test_queues_that_can_wait(made: str, put: str, get: str) -> None:
    assert [name for name, _ in fed(in_class(made, put, get))] == ["self.q"]
