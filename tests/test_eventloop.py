"""What runs on the event loop, and what runs there alone."""

from __future__ import annotations

import ast

import pytest
from questions import module

from flake8_aiguard.eventloop import EventLoop, is_shutdown, is_startup, migrates


def loop(source: str) -> tuple[EventLoop, ast.Call]:
    """Return the event loop of a source and its one call of ``ask()``."""
    found = module(source)
    (call,) = found.index.calls_named({"ask"})
    return EventLoop(found), call


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("async def f(): ask()", True),
        ("async def f(): return [ask() for x in y]", True),
        ("async def f(): return sum(ask() for x in y)", True),
        ("async def f(): await g(ask())", True),
        ("def f():\n    async def g(): ask()", True),
        ("def f(): ask()", False),
        ("async def f():\n    def g(): ask()", False),
        ("async def f(): await g(lambda: ask())", False),
        ("async def f(): await ask()", False),
        ("async def f():\n    async with ask() as x: pass", False),
        ("async def f():\n    async for x in ask(): pass", False),
        ("async def f(): return (ask() for x in y)", False),
    ],
)
def test_runs(source: str, expected: bool) -> None:
    events, call = loop(source)
    assert events.runs(call) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("    ask()\n    await g()", True),
        ("    await g()\n    ask()", False),
        ("    while x:\n        ask()\n        await g()", False),
        ("    ask()", False),
    ],
)
def test_before_the_first_wait(body: str, expected: bool) -> None:
    events, call = loop(f"import asyncio\nasync def main():\n{body}\nasyncio.run(main())")
    assert events.is_before_first_wait(call) is expected
    events, call = loop(f"async def main():\n{body}\nserve(main)")
    assert not events.is_before_first_wait(call)


@pytest.mark.parametrize(
    ("decorator", "expected"), [("@click.command()", True), ("@app.get('/')", False), ("", False)]
)
def test_commands(decorator: str, expected: bool) -> None:
    found = module(f"import click\n{decorator}\nasync def f(): ask()")
    (function,) = found.index.nodes(ast.AsyncFunctionDef)
    assert EventLoop(found).is_command(function) is expected


def test_startup_goes_by_the_name() -> None:
    functions = module(
        "async def lifespan(app): pass\nasync def _startup(): pass\nasync def serve(): pass\n"
        "async def start(self): pass\nasync def start(self, job): pass"
    ).index
    found = [is_startup(item) for item in functions.nodes(ast.AsyncFunctionDef)]
    assert found == [True, True, False, True, False]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("shutdown", True), ("on_shutdown", True), ("_teardown", True), ("close", False), ("shut", False)],
)
def test_is_shutdown(name: str, expected: bool) -> None:
    (function,) = module(f"async def {name}(worker): ...").index.nodes(ast.AsyncFunctionDef)
    assert isinstance(function, ast.AsyncFunctionDef)
    assert is_shutdown(function) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("migrate_users", True), ("read_legacy_file", True), ("immigrate", False), ("read_file", False)],
)
def test_is_migration(name: str, expected: bool) -> None:
    (function,) = module(f"async def {name}(): ...").index.nodes(ast.AsyncFunctionDef)
    assert isinstance(function, ast.AsyncFunctionDef)
    assert migrates(function) is expected


RUN = "import asyncio\nasync def f(): ...\n"


@pytest.mark.parametrize(
    ("source", "dialogue", "script"),
    [
        (RUN, False, False),
        (f"{RUN}asyncio.run(f())", True, False),
        (f"{RUN}asyncio.create_task(f())\nasyncio.run(f())", False, False),
        (f"{RUN}asyncio.gather(f())\nif __name__ == '__main__': asyncio.run(f())", False, True),
        (f"{RUN}asyncio.start_server(f)\nif __name__ == '__main__': asyncio.run(f())", False, False),
    ],
)
def test_a_loop_of_its_own(source: str, dialogue: bool, script: bool) -> None:
    events = EventLoop(module(source))
    assert (events.is_dialogue, events.is_script) == (dialogue, script)


def test_cleanup() -> None:
    found = module(
        """
        async def f():
            try:
                ask()
            except BaseException:
                ask()
            except OSError:
                ask()
            except ValueError:
                ask()
                raise
            finally:
                ask()
        """
    )
    events = EventLoop(found)
    calls = sorted(found.index.calls_named({"ask"}), key=lambda call: call.lineno)
    assert [events.is_cleanup(call) for call in calls] == [False, True, False, True, True]
