"""What becomes of an opened resource: the questions that rules ask about any opener."""

from __future__ import annotations

import ast
import textwrap

import harness
import pytest

from flake8_aiguard.flow import Release
from flake8_aiguard.handles import Handles, Leak
from flake8_aiguard.module import Module
from flake8_aiguard.settings import Settings

ROW = {"close": ["quit"], "source": "made up"}


def leaks(source: str, **columns: object) -> list[Leak | None]:
    """What becomes of each resource that `acquire()` opens in a source, by a row with these columns."""
    tree, lines = harness.parse(textwrap.dedent(source))
    module = Module.of(tree, "example.py", lines, Settings())
    handles = Handles(module)
    calls = [node for node in module.index.nodes(ast.Call) if module.qualname(node.func) == ".acquire"]
    return [handles.leak(call, {**ROW, **columns}) for call in calls]


def verdict(body: str, **columns: object) -> tuple[str | None, Release] | None:
    text = textwrap.indent(textwrap.dedent(body).strip("\n"), "    ")
    (found,) = leaks(f"from . import acquire\nasync def run(a):\n{text}\n", **columns)
    return found and (found.name, found.release)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("c = acquire()\nc.quit()", None),
        ("c = acquire()\nc.close()", ("c", Release.NEVER)),
        ("c = acquire()\nc.send(a)\nc.quit()", ("c", Release.EXCEPTION)),
        ("c = acquire()\nif a:\n    return\nc.quit()", ("c", Release.SOME_PATH)),
        ("c = acquire()\nc = a\nc.quit()", ("c", Release.REBOUND)),
        ("acquire().send(a)", (None, Release.NEVER)),
        ("acquire().quit()", None),
        ("with acquire() as c:\n    c.send(a)", None),
        ("c = acquire()\nwith c:\n    c.send(a)", None),
        ("c = acquire()\nreturn c", None),
        ("a(acquire())", None),
        ("c = acquire()\na.append(c)", None),
        ("c = acquire()\nreturn c.send", None),
        ("c = acquire()\nreturn c.name", ("c", Release.NEVER)),
        ("c = acquire()\nreturn lambda: c.send(a)", None),
        ("c = acquire()\nreturn (line for line in c)", None),
        ("c = acquire()\nreturn [line for line in c]", ("c", Release.NEVER)),
        ("c = acquire()\nc = c.send(a)\nreturn c", ("c", Release.REBOUND)),
        ("global c\nc = acquire()", None),
        ("self = a\nself.c = acquire()", None),
    ],
)
def test_leaks(body: str, expected: tuple[str | None, Release] | None) -> None:
    assert verdict(body) == expected


def test_columns() -> None:
    assert verdict("c = acquire()\nc.quit()", awaited=True) is None
    assert verdict("c = await acquire()\nc.send(a)\nawait c.quit()", awaited=True) == ("c", Release.EXCEPTION)
    assert verdict("c = acquire()\nc.send(a)\nc.quit()", lenient=True) is None
    assert verdict("c = acquire()\nc.send(a)\nc.quit()", harmless=["send"]) is None
    assert verdict("c = acquire()\nreturn c.load()", drains=["load"]) is None
    assert verdict("acquire().load()", drains=["load"]) is None
    assert verdict("c = acquire()\nfor x in c:\n    a += x", exhausts=True) is None
    assert verdict("c = acquire()\nfor x in c:\n    a(x)", exhausts=True) == ("c", Release.NEVER)
    assert verdict("for x in acquire():\n    a(x)", exhausts=True) is None
    assert verdict("for x in acquire():\n    raise a", exhausts=True) == (None, Release.NEVER)
    assert verdict("c = acquire()\nreturn sorted(c)", exhausts=True) is None
    assert verdict("c = acquire()\nreturn any(c)", exhausts=True) == ("c", Release.NEVER)
    assert verdict("c = acquire()\nreturn c.cursor()", views=["cursor"]) is None
    assert verdict("c = acquire()\nreturn c.cursor().fetch()", views=["cursor"]) == ("c", Release.NEVER)
    assert verdict("c = acquire()\nreturn c['x']", views=["[]"]) is None
    assert verdict("c = acquire()\nreturn c['x'][:]", views=["[]"]) == ("c", Release.NEVER)


def test_a_with_that_only_commits() -> None:
    commits = {"with": "commits"}
    assert verdict("with acquire() as c:\n    c.send(a)", **commits) == ("c", Release.NEVER)
    assert verdict("with acquire():\n    a()", **commits) == (None, Release.NEVER)
    assert verdict("with acquire() as a.c:\n    a()", **commits) is None
    assert verdict("c = acquire()\nwith c:\n    c.send(a)", **commits) == ("c", Release.NEVER)
    assert verdict("with (c := acquire()):\n    c.send(a)", **commits) == ("c", Release.NEVER)
    assert verdict("with acquire() as c:\n    c.send(a)\nc.quit()", **commits) == ("c", Release.EXCEPTION)
    assert (
        verdict("c = acquire()\ntry:\n    with c:\n        c.send(a)\nfinally:\n    c.quit()", **commits)
        is None
    )


def test_before_it_is_connected() -> None:
    connects = {"connects": ["dial"]}
    assert verdict("c = acquire()\na()\nc.dial()\nc.quit()", **connects) == ("c", Release.EXCEPTION)
    assert verdict("c = acquire()\na()\ntry:\n    c.dial()\nfinally:\n    c.quit()", **connects) is None
    assert (
        verdict("c = acquire()\nif a:\n    return\ntry:\n    c.dial()\nfinally:\n    c.quit()", **connects)
        is None
    )
    assert verdict("c = acquire()\na()", **connects) is None
    assert verdict("acquire().dial()", **connects) == (None, Release.NEVER)
    assert verdict("acquire().send()", **connects) is None


def test_what_is_derived_from_it() -> None:
    views = {"views": ["cursor"]}
    assert verdict("c = acquire()\nreturn await c.cursor()", **views) is None
    assert verdict("c = acquire()\nx, y = c.cursor()\nreturn y", **views) is None
    assert verdict("c = acquire()\nx, y = c.cursor()\nreturn y.read()", **views) == ("c", Release.NEVER)
    assert verdict("c = acquire()\nc.timeout = a") == ("c", Release.NEVER)
    assert verdict("c = acquire()\na()\nc.pool.stop()", close=["pool.stop"]) == ("c", Release.EXCEPTION)


def test_where_it_leaks() -> None:
    source = "from . import acquire\ndef run(a):\n    c = acquire()\n    c.send(a.b())\n    for x in a:\n        c.send(x)\n    c.quit()\n"
    (found,) = leaks(source)
    assert found is not None
    assert ast.unparse(found.where or ast.Pass()) == "c.send(a.b())"
    assert [use.lineno for use in found.uses] == [4, 6, 7]
    (found,) = leaks(source.replace("    c.send(a.b())\n", ""))
    assert found is not None
    assert ast.unparse(found.where or ast.Pass()) == "c.send(x)"


def test_the_uses_of_another_value_of_the_name_do_not_count() -> None:
    source = "from . import acquire\ndef run(a):\n    c = acquire()\n    c.send(a)\n    c = a\n    return c\n"
    (found,) = leaks(source)
    assert found is not None
    assert (found.release, [use.lineno for use in found.uses]) == (Release.REBOUND, [4])


def test_so_many_that_nobody_wrote_them() -> None:
    body = "".join(f"    c{i} = acquire()\n    c{i}.send(a)\n" for i in range(200))
    found = leaks(f"from . import acquire\ndef run(a):\n{body}")
    assert found[0] is not None
    assert found[-1] is None
