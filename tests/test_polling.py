"""What a condition asks: this process, the time, or something else."""

from __future__ import annotations

import ast
import textwrap

import harness
import pytest

from flake8_aiguard.module import Module
from flake8_aiguard.polling import Asked, Conditions
from flake8_aiguard.settings import Settings

SOURCE = """
import os, threading, time
from multiprocessing import Value as Level
from multiprocessing.synchronize import Event as Shared
import requests
from pathlib import Path

flag = False
limit = 30
names = []

class Job:
    def __init__(self):
        self.done = False
        self.items = {}
        self.timeout = 3
        self.client = requests.Session()

    @property
    def idle(self):
        with self.lock:
            return not self.items

    @property
    def remote(self):
        return self.client.get("u", timeout=1).ok

    def is_done(self):
        return self.done

    def run(self, thread: threading.Thread, path: Path, proc, other, table, start, shared: Shared, level: Level):
        while CONDITION:
            pass
"""


def asked(condition: str, turn: dict[str, str] | None = None, counted: tuple[str, ...] = ()) -> Asked:
    return ask(condition, turn, counted)[1]


def ask(
    condition: str, turn: dict[str, str] | None = None, counted: tuple[str, ...] = ()
) -> tuple[Conditions, Asked]:
    tree, lines = harness.parse(textwrap.dedent(SOURCE).replace("CONDITION", condition))
    module = Module.of(tree, "example.py", lines, Settings())
    (loop,) = module.index.nodes(ast.While)
    values = {name: [ast.parse(value, mode="eval").body] for name, value in (turn or {}).items()}
    conditions = Conditions(module)
    return conditions, conditions.asked([loop.test], values, counted)


@pytest.mark.parametrize(
    ("condition", "kinds"),
    [
        ("not flag", ["flag"]),
        ("not names", ["container"]),
        ("self.done is False", ["flag"]),
        ("self.is_done()", ["flag"]),
        ("self.idle", ["container"]),
        ("len(self.items) < 3", ["container"]),
        ("start not in self.items", ["container"]),
        ("self.items.get(start) is None", ["container"]),
        ("table[start] == 'pending'", ["container"]),
        ("start not in table", ["container"]),
        ("thread.is_alive()", ["thread"]),
        ("proc.poll() is None", ["process"]),
        ("thread.is_alive() and not self.done", ["flag", "thread"]),
        ("True", []),
        ("start", []),
        ("limit", []),
    ],
)
def test_states_of_this_process(condition: str, kinds: list[str]) -> None:
    found = asked(condition)
    assert found.is_known
    assert sorted(state.kind for state in found.states) == kinds


@pytest.mark.parametrize(
    "condition",
    [
        "self.remote",
        "self.client.get('u', timeout=1).ok",
        "other.status",
        "other.done()",
        "other.poll() is None",
        "table.get(start)",
        "self.missing.state",
        "unknown(flag)",
        "not path.exists()",
        "os.path.exists(start)",
        "shared.is_set()",
        "level.value > 3",
        "os.getloadavg()[0] > 1",
    ],
)
def test_what_is_unknown(condition: str) -> None:
    assert not asked(condition).is_known


@pytest.mark.parametrize(
    "condition", ["time.time() - start < self.timeout", "time.monotonic() < start", "time.time() < limit"]
)
def test_limits_are_no_states(condition: str) -> None:
    found = asked(condition)
    assert found.is_timed
    assert found.is_known
    assert not found.states


def test_a_limit_is_none_anywhere_in_the_condition() -> None:
    assert not asked("not (self.timeout and time.time() > start + self.timeout)").states


def test_a_count_of_the_turns_is_a_limit() -> None:
    assert not asked("start < self.timeout", counted=("start",)).states
    assert asked("start < self.timeout").states


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("start not in self.items", True),
        ("self.items.get(start) is None", True),
        ("not self.items.get(start)", True),
        ("(found := self.items.get(start)) is None", True),
        ("not table[start]", True),
        ("table[start] == 'pending'", False),
        ("table[start] not in ('a', 'b')", False),
        ("not names", False),
        ("len(names) < 3", False),
    ],
)
def test_whether_a_condition_asks_only_for_presence(condition: str, expected: bool) -> None:
    conditions, found = ask(condition)
    assert [conditions.asks_for_presence(state) for state in found.states] == [expected]


def test_names_stand_for_what_a_turn_assigns() -> None:
    assert not asked("start", {"start": "unknown()"}).is_known
    assert asked("start", {"start": "time.time()"}).is_timed
