"""The time of all rules grows no faster than the file."""

from __future__ import annotations

import ast
import gc
import statistics
import textwrap
import time
from collections.abc import Callable
from typing import TypeAlias

import harness
import pytest

LONGEST = 9.6  # t(8x) / t(1x), from the design: never loosened
SHORTEST_RUN = 0.02

IMPORTS = "import asyncio, queue, sqlite3, subprocess, time, requests\n"

# Candidates of many rules: what a function does with a file, a queue, the network and a database.
SYNC = """\
f = open(p)
data = json.load(f)
f.close()
assert data["id"] == p
response = requests.get(p)
session = requests.Session()
session.get(p, timeout=None)
q = queue.Queue()
while not q.empty():
    q.get()
connection = sqlite3.connect(p)
for item in data:
    row = connection.execute("SELECT * FROM t WHERE id = ?", (item,)).fetchone()
    data = data + [row]
lock.acquire()
try:
    subprocess.Popen(p).wait()
except OSError:
    time.sleep(5)
lock.release()
"""
ASYNC = """\
time.sleep(1)
response = requests.get(p)
with open(p) as f:
    data = f.read()
rows = await asyncio.gather(*[fetch(item) for item in data])
for item in rows:
    self.rows[item] = await fetch(item)
"""


def indented(text: str, levels: int = 1) -> str:
    return textwrap.indent(text, " " * levels)


def many_functions(size: int) -> str:
    return "".join(
        f"def f{i}(p, lock):\n{indented(SYNC)}\nasync def g{i}(self, p):\n{indented(ASYNC)}\n"
        for i in range(size)
    )


def one_long_function(size: int) -> str:
    return f"def f(p, lock):\n{indented(SYNC * size)}\nasync def g(self, p):\n{indented(ASYNC * size)}\n"


def one_long_module(size: int) -> str:
    return "p = lock = None\n" + SYNC * size


def many_bindings_of_one_name(size: int) -> str:
    body = "x = open(p)\nx.read()\nx = requests.Session()\nx.get(p)\nx = queue.Queue()\nx.get()\n"
    branch = f"if p:\n{indented(body)}else:\n{indented(body)}"
    return f"def f(p):\n{indented((body + branch) * size)}\nasync def g(p):\n{indented(body * size)}\n"


def long_literal(size: int) -> str:
    row = "    (1, 'a', open(p).read(), requests.get(p), {'k': [x for x in p if x in q], **p}, lambda: time.sleep(1)),\n"
    return f"async def f(p, q):\n return [\n{row * (5 * size)} ]\n"


def deep_nesting(size: int, depth: int) -> str:
    headers = (
        "for x in p:\n",
        "if x:\n",
        "while x:\n",
        "with x:\n",
        "try:\n",
        "async with x:\n",
        "async for x in p:\n",
    )
    body = "f = open(p)\nassert f.read() == p\nrequests.get(x)\nx = connection.execute(x).fetchone()\nf.close()\n"
    opened, closed = [], []
    for level in range(depth):
        header = headers[level % len(headers)]
        opened.append(indented(header, level + 1) + indented(body, level + 2))
        if header == "try:\n":
            closed.append(indented("finally:\n", level + 1) + indented(body, level + 2))
    function = "".join(opened + closed[::-1])
    return "".join(f"async def f{i}(p, connection, x):\n{function}\n" for i in range(size))


def deep_expressions(size: int, depth: int) -> str:
    chain = "requests.get(p)" + ".filter(open(p).read())" * depth
    total = " + ".join(["requests.get(p).text"] * depth)
    return "".join(f"async def f{i}(p):\n x = {chain}\n return {total}\n" for i in range(size))


# A shape gives the source for a size (found by trying) and a factor (1 to 8).
SHAPES: dict[str, Callable[[int, int], str]] = {
    "many functions": lambda size, factor: many_functions(size * factor),
    "one long function": lambda size, factor: one_long_function(size * factor),
    "one long module": lambda size, factor: one_long_module(size * factor),
    "many bindings of one name": lambda size, factor: many_bindings_of_one_name(size * factor),
    "a long literal": lambda size, factor: long_literal(size * factor),
    "deep nesting": lambda size, factor: deep_nesting(size, 11 * factor),
    "deep expressions": lambda size, factor: deep_expressions(size, 60 * factor),
}


Parsed: TypeAlias = tuple[ast.Module, list[str]]


def parsed_files(make: Callable[[int], str]) -> dict[int, list[Parsed]]:
    """Parse eight files at 1x, four at 2x, two at 4x and one at 8x.

    So all four sizes mean the same work, and the small ones do not profit from the machine's caches.
    """
    gc.disable()  # so many trees alive: the collector would walk them again and again
    try:
        return {factor: [harness.parse(make(factor)) for _ in range(8 // factor)] for factor in (1, 2, 4, 8)}
    finally:
        gc.enable()
        gc.collect()


def growth(files: dict[int, list[Parsed]]) -> list[float]:
    """Return the time of all rules on one file at 1x, 2x, 4x and 8x, as multiples of the first.

    Each is the median of five runs; the sizes take turns, so that they see the same load of the machine.
    """
    times: dict[int, list[float]] = {factor: [] for factor in files}
    for _ in range(5):
        for factor, parsed in files.items():
            times[factor].append(seconds(parsed) / len(parsed))
    return [round(statistics.median(runs) / statistics.median(times[1]), 2) for runs in times.values()]


def seconds(parsed: list[Parsed]) -> float:
    """Return the process time of all rules on these files."""
    rules = harness.selected(None)
    start = time.process_time()
    for tree, lines in parsed:
        harness.run(rules, tree, lines, "example.py")
    return time.process_time() - start


def suitable(make: Callable[[int, int], str]) -> int:
    """Return the size at which a file at 1x takes long enough to measure."""
    size = 4
    seconds([harness.parse(IMPORTS + make(size, 1))])  # loads the tables
    while (taken := seconds([harness.parse(IMPORTS + make(size, 1))])) < SHORTEST_RUN:
        size += 1 + int(size * min(SHORTEST_RUN / taken - 1, 4))
    return size


@pytest.mark.parametrize("shape", SHAPES)
def test_time_grows_with_the_file(shape: str) -> None:
    attempts = []
    with harness.project(harness.selected(None)):
        size = suitable(SHAPES[shape])
        files = parsed_files(lambda factor: IMPORTS + SHAPES[shape](size, factor))
        # Other load can spoil a measurement, but not better one: of three, one must hold.
        for _ in range(3):
            attempts.append(growth(files))
            if attempts[-1][-1] <= LONGEST:
                return
    pytest.fail(f"{shape}, size {size}: times at 1x, 2x, 4x, 8x as multiples of the first: {attempts}")


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_hold_candidates_and_grow(shape: str) -> None:
    small, large = (IMPORTS + SHAPES[shape](2, factor) for factor in (1, 8))
    reported = [len(harness.check_source(source)) for source in (small, large)]
    assert 0 < reported[0] < reported[1]
