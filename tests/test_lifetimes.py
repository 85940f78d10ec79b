"""How long what a call builds is held."""

from __future__ import annotations

import ast
import textwrap

import harness
import pytest

from flake8_aiguard.index import Loop
from flake8_aiguard.lifetimes import Lifetimes
from flake8_aiguard.module import Module
from flake8_aiguard.settings import Settings


def build(source: str) -> tuple[Lifetimes, ast.Call, Module]:
    """Return the lifetimes of a file and its call ``make()``."""
    tree, lines = harness.parse(source)
    module = Module(tree, "example.py", lines, Settings())
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "make"]
    assert len(calls) == 1
    return Lifetimes(module), calls[0], module


def loop_of(module: Module, call: ast.Call) -> Loop:
    return next(module.index.loops(call))


def in_loop(body: str) -> str:
    return "def f(self, xs, c=None):\n    for x in xs:\n" + textwrap.indent(textwrap.dedent(body), " " * 8)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("c = make()\nc.use(x)\n", False),
        ("make().use(x)\n", False),
        ("with make() as d:\n    found.append(d)\n", False),
        ("use(make(), x)\n", False),
        ("found.append(make())\n", True),
        ("found[x] = make()\n", True),
        ("self.c = make()\n", True),
        ("d = make()\nfound.append(d)\n", True),
        ("d = make()\nfound[x] = d\n", True),
        ("d = Holder(make())\nfound.append(d)\n", True),
        ("d = Holder(make())\nd.use()\n", False),
        ("d, e = make(), 1\nself.d = d\n", True),
        ("(d := make()).use()\n", False),
        ("d = make()\nyield d\n", True),
        ("with make() as d:\n    yield d\n", True),
        ("d = await make()\nreturn d\n", True),
        ("d = make()\nstart(lambda: d.use())\n", True),
        ("d = old or make()\nd.use()\n", True),
        ("d = old if old else make()\nd.use()\n", True),
        ("d = make() if x else None\nd.use()\n", False),
        ("if d is None:\n    d = make()\nd.use()\n", True),
        ("if x.big:\n    d = make()\n    d.use()\n", False),
        ("if x.big:\n    c = make()\nc.use()\n", True),
        ("try:\n    c.use()\nexcept OSError:\n    c = make()\n", True),
        ("global g\ng = make()\n", True),
        ("d = stack.enter_context(make())\nd.use()\n", False),
        ("setattr(x, 'd', make())\n", True),
        ("run(target=make, args=(make(),))\n", False),
    ],
)
def test_what_outlives_a_turn(body: str, expected: bool) -> None:
    source = in_loop(body)
    if "await" in body:
        source = "async " + source
    lifetimes, call, module = build(source)
    assert lifetimes.outlives(call, loop_of(module, call)) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("d = make()\nd.use()\n", False),
        ("d = make()\nreturn d.use()\n", False),
        ("d = make()\nreturn Holder(d)\n", True),
        ("self.d = make()\nself.d.use()\n", False),
        ("if not hasattr(self, 'd'):\n    self.d = make()\n", True),
        ("try:\n    return self.d\nexcept AttributeError:\n    self.d = make()\n", True),
        ("cls.d = make()\n", True),
        ("app.d = make()\n", True),
        ("d = make()\ndef g():\n    d.use()\ng()\n", False),
    ],
)
def test_what_outlives_a_run(body: str, expected: bool) -> None:
    source = "class A:\n    def f(self):\n" + textwrap.indent(body, " " * 8)
    lifetimes, call, module = build(source)
    function = module.index.function(call)
    assert isinstance(function, ast.FunctionDef)
    assert lifetimes.outlives(call, function) is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = [make() for _ in xs]\n", False),
        ("x = [make() for _ in range(n)]\n", True),
        ("x = {k: make() for k in xs}\n", True),
        ("x = [make().get(k) for k in xs]\n", False),
    ],
)
def test_what_outlives_a_comprehension(source: str, expected: bool) -> None:
    lifetimes, call, module = build(source)
    assert lifetimes.outlives(call, loop_of(module, call)) is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("for x in xs:\n    c = make()\n    c.use()\n", False),
        ("for x in xs:\n    c = make()\n    break\n", True),
        ("for x in xs:\n    c = make()\n    if c.use():\n        break\n", False),
        (
            "for x in xs:\n    try:\n        c = make()\n    except OSError:\n        pass\n    else:\n        break\n",
            True,
        ),
        ("while True:\n    with make() as c:\n        while True:\n            c.use()\n", True),
        ("for x in xs:\n    with make() as c:\n        while True:\n            c.use()\n", False),
        ("while True:\n    try:\n        use(make())\n    except OSError:\n        sleep(1)\n", True),
        (
            "while True:\n    x = get()\n    try:\n        use(make())\n    except OSError:\n        sleep(1)\n",
            False,
        ),
        ("while True:\n    use(make())\n    sleep(60)\n", True),
        ("while True:\n    use(make())\n    sleep(1)\n", False),
        ("PACE = 60\nwhile True:\n    use(make())\n    sleep(PACE)\n", True),
    ],
)
def test_loops_that_build_seldom(source: str, expected: bool) -> None:
    lifetimes, call, module = build(source)
    assert lifetimes.is_seldom(call, loop_of(module, call), 30) is expected


def test_what_a_variable_is_set_up_with() -> None:
    lifetimes, call, _ = build(
        "c = make()\nc.auth = a\nc.headers['x-key'] = b\nc.headers['accept'] = x\nc.headers.update(d)\n"
        "c.headers.update({'accept': x, 'cookie': h})\nc.mount('x', e)\nc.get(f)\nc.set(g)\n"
    )
    assert [ast.unparse(value) for value in lifetimes.setup(call)] == ["a", "b", "d", "h", "'x'", "e"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("with make() as c:\n    c.get(a)\n    c.close()\nwith other() as c:\n    c.get(b)\n", ["c.get(a)"]),
        ("make().get(a)\n", ["make().get(a)"]),
        ("c = make()\nask(a, client=c)\ndef ask(x, client):\n    client.get(x)\n", ["client.get(x)"]),
        ("c = make()\nelsewhere(c)\n", None),
        ("c = make()\nkept = c\n", None),
        ("self.c = make()\n", None),
    ],
)
def test_what_a_client_is_asked(source: str, expected: list[str] | None) -> None:
    lifetimes, call, _ = build(source)
    found = lifetimes.requests(call)
    assert (None if found is None else [ast.unparse(item) for item in found]) == expected
