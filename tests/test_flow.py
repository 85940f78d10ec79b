"""Path reasoning: tables of small cases, programs that are run to compare, and growth."""

from __future__ import annotations

import ast
import contextlib
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flake8_aiguard.defuse import DefUse
from flake8_aiguard.flow import Outcome, Release, release

# --- release on all paths -----------------------------------------------------------------------------------


def is_f(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "f"


def is_lock(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "lock"


def releasing(is_resource: Callable[[ast.expr], bool]) -> Callable[[ast.AST], bool]:
    """`f.close()`, `f.release()`, `close(f)`, `with f`, `with closing(f)`."""

    def releases(node: ast.AST) -> bool:
        if isinstance(node, ast.withitem):
            context = node.context_expr
            held = context.args if isinstance(context, ast.Call) else [context]
            return any(is_resource(getattr(part, "target", part)) for part in held)
        assert isinstance(node, ast.Call)
        if isinstance(node.func, ast.Attribute):
            return node.func.attr in ("close", "release", "aclose") and is_resource(node.func.value)
        return (
            isinstance(node.func, ast.Name) and node.func.id == "close" and any(map(is_resource, node.args))
        )

    return releases


def acquires(value: ast.expr) -> bool:
    """Whether a value is `acquire(...)`, awaited or conditional."""
    if isinstance(value, ast.IfExp):
        return acquires(value.body)
    call = value.value if isinstance(value, ast.Await) else value
    if not isinstance(call, ast.Call):
        return False
    return "acquire" in (getattr(call.func, "id", None), getattr(call.func, "attr", None))


def parents(tree: ast.AST) -> Callable[[ast.AST], ast.AST | None]:
    known = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    return known.get


def outcome_of(source: str) -> Outcome:
    """The verdict on the one acquisition in the last function, or in the module."""
    tree = ast.parse(textwrap.dedent(source))
    bodies = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    body: Any = bodies[-1] if bodies else tree
    is_resource = is_lock if "lock" in source else is_f
    found: list[Any] = []
    for node in ast.walk(body):
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.Expr, ast.NamedExpr, ast.withitem)):
            value = node.context_expr if isinstance(node, ast.withitem) else node.value
            if value is not None and acquires(value):
                found.append(node)
    return release(found[0], parent=parents(tree), is_resource=is_resource, releases=releasing(is_resource))


@pytest.mark.parametrize(
    ("end", "lines"),
    [
        ("f.close()\nexcept OSError:\n    log()", (3, 5)),
        ("f.close()\nexcept OSError:\n    log()\nreturn 1", (3, 5)),
        ("f.close()\nexcept KeyError:\n    raise\nexcept OSError:\n    log()", (3, 7)),
        ("f.close()\nexcept OSError:\n    return 1", None),  # the return says it
        ("pass\nexcept OSError:\n    log()\nelse:\n    f.close()", (3, 5)),
        ("pass\nexcept OSError:\n    log()\nf.close()", None),
    ],
)
def test_which_handler_swallows_what_leaks(end: str, lines: tuple[int, int] | None) -> None:
    body = textwrap.indent(f"f = acquire()\ntry:\n    work(f)\n    {end}", "    ")
    swallowed = outcome_of(f"def g():\n{body}").swallowed
    found = swallowed and (getattr(swallowed[0], "lineno", 0) - 1, swallowed[1].lineno - 1)
    assert found == lines


def in_function(source: str) -> str:
    return "def run(self, a, xs):\n" + textwrap.indent(textwrap.dedent(source).strip("\n"), "    ") + "\n"


ALWAYS, NEVER, EXCEPTION = Release.ALWAYS, Release.NEVER, Release.EXCEPTION
SOME_PATH, REBOUND, UNKNOWN = Release.SOME_PATH, Release.REBOUND, Release.UNKNOWN

RELEASES: list[tuple[Release, str]] = [
    # straight lines
    (ALWAYS, "f = acquire()\nf.close()"),
    (ALWAYS, "f = acquire()\nn = a\nn += 1\nself.x = a[0]\nf.close()"),
    (ALWAYS, "f: object = acquire()\nf.close()"),
    (EXCEPTION, "f = acquire()\nf.write(a)\nf.close()"),
    (EXCEPTION, "f = acquire()\nyield f\nf.close()"),
    (EXCEPTION, "f = acquire()\nimport json\nf.close()"),
    (EXCEPTION, "f = acquire()\nassert a > 1\nf.close()"),
    (ALWAYS, "f = acquire()\nassert a.stdout is not None\nf.close()"),
    (ALWAYS, "f = acquire()\nassert f\nf.close()"),
    (EXCEPTION, "f = acquire()\nx = [line for line in f]\nf.close()"),
    (ALWAYS, "f = acquire()\ng = lambda: a()\nf.close()"),
    (ALWAYS, "f = acquire()\ndef g():\n    return a()\nf.close()"),
    (EXCEPTION, "f = acquire()\n@a()\ndef g():\n    pass\nf.close()"),
    (EXCEPTION, "f = acquire()\nclass C:\n    x = a()\nf.close()"),
    (ALWAYS, "f = acquire()\nclass C:\n    def x(self):\n        a()\nf.close()"),
    (NEVER, "f = acquire()"),
    (NEVER, "f = acquire()\nf.read()"),
    (NEVER, "f = acquire()\nn: int"),
    (ALWAYS, "with closing(f := acquire()):\n    f.read()"),
    (NEVER, "f = acquire()\nreturn a"),
    (NEVER, "f = acquire()\nraise ValueError(a)"),
    (NEVER, "f = acquire()\nwhile True:\n    f.read()"),
    (ALWAYS, "f = acquire()\nx = f.close() or a()"),
    (EXCEPTION, "f = acquire()\nx = a(f.read(), f.close())"),
    (EXCEPTION, "f = acquire()\nf.close(a())"),
    (ALWAYS, "f = acquire()\nx = a(f.close(), f.read())"),
    # early exits
    (SOME_PATH, "f = acquire()\nif a:\n    return None\nf.close()"),
    (SOME_PATH, "f = acquire()\nif a:\n    f.close()\n    return 1\nreturn 2"),
    (ALWAYS, "f = acquire()\nif a:\n    f.close()\n    return 1\nf.close()"),
    (EXCEPTION, "f = acquire()\nif a:\n    raise ValueError\nf.close()"),
    (ALWAYS, "f = acquire()\nif a:\n    sys.exit(1)\nf.close()"),
    (ALWAYS, "f = acquire()\nif a:\n    raise SystemExit(2)\nf.close()"),
    (ALWAYS, "f = acquire()\nif a:\n    os._exit(1)\nf.close()"),
    (EXCEPTION, "f = acquire()\nif a:\n    sys.exit(f.read())\nf.close()"),
    (SOME_PATH, "f = acquire()\ntry:\n if a:\n  sys.exit(1)\nexcept SystemExit:\n return\nf.close()"),
    (NEVER, "try:\n    f = acquire()\n    sys.exit()\nfinally:\n    return"),
    # try
    (ALWAYS, "f = acquire()\ntry:\n    f.read()\nfinally:\n    f.close()"),
    (ALWAYS, "f = acquire()\ntry:\n    return f.read()\nfinally:\n    f.close()"),
    (ALWAYS, "try:\n    f = acquire()\n    f.read()\nfinally:\n    f.close()"),
    (EXCEPTION, "f = acquire()\na()\ntry:\n    f.read()\nfinally:\n    f.close()"),
    (ALWAYS, "f = acquire()\nn = a\ntry:\n    f.read()\nfinally:\n    f.close()"),
    (ALWAYS, "f = acquire()\ntry:\n    f.read()\nexcept Exception:\n    f.close()\n    raise\nf.close()"),
    (ALWAYS, "f = acquire()\ntry:\n    f.read()\nexcept:\n    f.close()\n    raise\nelse:\n    f.close()"),
    (UNKNOWN, "f = acquire()\ntry:\n    f.read()\nexcept KeyError:\n    f.close()\n    raise\nf.close()"),
    (EXCEPTION, "f = acquire()\ntry:\n    f.read()\nexcept KeyError:\n    sys.exit(1)\nf.close()"),
    (SOME_PATH, "f = acquire()\ntry:\n f.read()\nexcept E:\n f.close()\n raise\nexcept a:\n return\nf.close()"),
    (ALWAYS, "f = acquire()\ntry:\n    f.read()\nexcept Exception:\n    pass\nf.close()"),
    (ALWAYS, "f = acquire()\ntry:\n    f.read()\nexcept:\n    pass\nf.close()"),
    (ALWAYS, "f = acquire()\ntry:\n    f.read()\nexcept (KeyError, Exception):\n    pass\nf.close()"),
    (SOME_PATH, "f = acquire()\ntry:\n    f.read()\nexcept Exception:\n    return None\nf.close()"),
    (SOME_PATH, "f = acquire()\ntry:\n    f.read()\n    f.close()\nexcept OSError:\n    a = 1"),
    (EXCEPTION, "f = acquire()\ntry:\n    f.read()\n    f.close()\nexcept OSError:\n    raise ValueError"),
    (SOME_PATH, "f = acquire()\ntry:\n    f.read()\nexcept Exception:\n    f.close()"),
    (ALWAYS, "f = acquire()\ntry:\n try:\n  f.read()\n finally:\n  a()\nfinally:\n f.close()"),
    (ALWAYS, "f = acquire()\ntry:\n    f.read()\nfinally:\n    log('closing')\n    f.close()"),
    (ALWAYS, "f = acquire()\ntry:\n f.read()\nexcept Exception:\n log(a)\n f.close()\n raise\nf.close()"),
    (EXCEPTION, "f = acquire()\ntry:\n    f.read()\nexcept Exception:\n    a()\nf.close()"),
    (NEVER, "f = acquire()\ntry:\n    f.read()\nfinally:\n    return 1"),
    (ALWAYS, "f = acquire()\ntry:\n    f.read()\nfinally:\n    f.close()\n    return 1"),
    (ALWAYS, "f = acquire()\nwhile True:\n try:\n  f.read()\n finally:\n  break\nf.close()"),
    (SOME_PATH, "f = acquire()\nwhile True:\n try:\n  return a()\n finally:\n  if a: break\nf.close()"),
    (ALWAYS, "f = acquire()\ntry:\n    x = 1\nexcept Exception:\n    return\nf.close()"),
    (EXCEPTION, "f = acquire()\ntry:\n    pass\nfinally:\n    pass\na()\nf.close()"),
    (ALWAYS, "try:\n f = acquire()\nexcept OSError:\n return None\ntry:\n f.read()\nfinally:\n f.close()"),
    (ALWAYS, "try:\n f = acquire()\nexcept OSError:\n return None\nelse:\n with f:\n  f.read()"),
    (SOME_PATH, "try:\n    f = acquire()\n    f.read()\nexcept OSError:\n    return None\nf.close()"),
    (EXCEPTION, "try:\n    a()\nexcept OSError:\n    f = acquire()\n    f.read()\n    f.close()"),
    (ALWAYS, "try:\n    a()\nfinally:\n    f = acquire()\n    f.close()"),
    (SOME_PATH, "try:\n    f = acquire()\n    f.read()\nexcept ValueError:\n    pass\nelse:\n    f.close()"),
    # with
    (ALWAYS, "f = acquire()\nwith f:\n    return f.read()"),
    (ALWAYS, "f = acquire()\nwith closing(f) as g, open(a) as h:\n    g.read()"),
    (ALWAYS, "if a:\n    f = acquire()\nelse:\n    f = other()\nwith f:\n    f.read()"),
    (EXCEPTION, "f = acquire()\nwith open(a) as g:\n    g.read()\nf.close()"),
    (EXCEPTION, "f = acquire()\nwith self.guard:\n    n = 1\nf.close()"),
    (EXCEPTION, "f = acquire()\nwith open(a) as g, f:\n    pass"),
    (EXCEPTION, "f = acquire()\nwith suppress(OSError):\n    f.read()\nf.close()"),
    (ALWAYS, "f = acquire()\nwith contextlib.suppress(Exception):\n    f.read()\nf.close()"),
    (SOME_PATH, "f = acquire()\nwith suppress(OSError):\n    f.read()\n    f.close()"),
    (NEVER, "with acquire() as f:\n    f.read()"),
    (ALWAYS, "with acquire() as f:\n    try:\n        f.read()\n    finally:\n        f.close()"),
    (EXCEPTION, "with acquire() as f, a():\n    n = 1\nf.close()"),
    # guards
    (ALWAYS, "f = None\nif a:\n    f = acquire()\ntry:\n    n = 1\nfinally:\n    if f:\n        f.close()"),
    (ALWAYS, "f = None\ntry:\n if a:\n  f = acquire()\n a()\nfinally:\n if f is not None:\n  f.close()"),
    (ALWAYS, "f = acquire(a) if a else None\ntry:\n    a()\nfinally:\n    if f:\n        f.close()"),
    (ALWAYS, "f = acquire()\ntry:\n    f.read()\nfinally:\n    if not f.closed:\n        f.close()"),
    (ALWAYS, "f = acquire()\ntry:\n f.read()\nfinally:\n if f is not None and not f.closed:\n  f.close()"),
    (ALWAYS, "f = acquire()\ntry:\n    f.read()\nfinally:\n    if f.is_connected():\n        f.close()"),
    (ALWAYS, "f = acquire()\ntry:\n    f.read()\nfinally:\n    if 'f' in locals():\n        f.close()"),
    (ALWAYS, "f = acquire()\ntry:\n f.read()\nfinally:\n if f is None:\n  pass\n else:\n  f.close()"),
    (ALWAYS, "f = acquire()\nf and f.close()"),
    (ALWAYS, "f = acquire()\nf.close() if f else None"),
    (ALWAYS, "f = acquire()\nwhile not f.closed:\n    f.close()"),
    (NEVER, "f = acquire()\nif not f:\n    f.close()"),
    (ALWAYS, "if (f := acquire()):\n    f.close()"),
    (ALWAYS, "if (f := acquire()) is not None:\n    f.close()"),
    (NEVER, "if f := acquire():\n    f.read()"),
    # conditions that tell whether there is something to release
    (UNKNOWN, "f = acquire()\nif a:\n    f.close()"),
    (UNKNOWN, "f = acquire()\na and f.close()"),
    (UNKNOWN, "f = acquire()\nf.close() if a else None"),
    (UNKNOWN, "if a:\n    f = acquire()\nif a:\n    f.close()"),
    (UNKNOWN, "f = acquire() if a else sys.stdout\ntry:\n f.read()\nfinally:\n if a:\n  f.close()"),
    (EXCEPTION, "f = acquire()\nf.read()\nif a:\n    f.close()"),
    (UNKNOWN, "f = acquire()\nif a == 1:\n    f.close()\nelif a == 2:\n    pass\nelse:\n    f.close()"),
    (UNKNOWN, "f = acquire()\nmatch a:\n    case 1:\n        f.close()\n    case _:\n        pass"),
    (UNKNOWN, "f = acquire()\ndel f"),
    (UNKNOWN, "f = acquire()\n[f.close() for x in xs]"),
    # branches
    (ALWAYS, "f = acquire()\nif a:\n    f.close()\nelse:\n    f.close()"),
    (ALWAYS, "f = acquire()\nmatch a:\n    case 1:\n        f.close()\n    case _:\n        f.close()"),
    (SOME_PATH, "f = acquire()\nmatch a:\n    case 1:\n        return\n    case _:\n        f.close()"),
    (REBOUND, "f = acquire()\nmatch a:\n    case [f, *_]:\n        pass\nf.close()"),
    # loops
    (ALWAYS, "for x in xs:\n    f = acquire()\n    f.close()"),
    (EXCEPTION, "for x in xs:\n    f = acquire()\n    f.read()\n    f.close()"),
    (ALWAYS, "for x in xs:\n    f = acquire()\n    try:\n        f.read()\n    finally:\n        f.close()"),
    (REBOUND, "for x in xs:\n    f = acquire()\nf.close()"),
    (REBOUND, "for x in xs:\n    f = acquire()\n    if a:\n        continue\n    f.close()"),
    (SOME_PATH, "for x in xs:\n    f = acquire()\n    if a:\n        break\n    f.close()"),
    (ALWAYS, "for x in xs:\n f = acquire()\n if a:\n  break\n f.close()\nelse:\n return\nf.close()"),
    (NEVER, "for x in xs:\n    f = acquire()\n    f.read()"),
    (NEVER, "while True:\n    f = acquire()\n    f.read()"),
    (ALWAYS, "f = acquire()\nwhile True:\n    if a:\n        break\nf.close()"),
    (ALWAYS, "f = acquire()\nwhile True:\n    if a:\n        f.close()\n        return"),
    (SOME_PATH, "f = acquire()\nwhile a:\n    f.close()\n    break"),
    (ALWAYS, "f = acquire()\nwhile a:\n    n = 1\nelse:\n    f.close()"),
    (SOME_PATH, "f = acquire()\nwhile a:\n    if n:\n        break\nelse:\n    f.close()"),
    (EXCEPTION, "f = acquire()\nfor x in xs:\n    n = x\nf.close()"),
    (ALWAYS, "f = None\nwhile a:\n    if f:\n        f.close()\n    f = acquire()\nif f:\n    f.close()"),
    (ALWAYS, "f = None\nwhile a:\n    if f is None:\n        f = acquire()\nif f:\n    f.close()"),
    (REBOUND, "while (f := acquire()):\n    if a:\n        f.close()\n        return"),
    # binding again
    (REBOUND, "f = acquire()\nf = other()\nf.close()"),
    (REBOUND, "f = acquire()\nf.read()\nf = None"),
    (UNKNOWN, "f = acquire()\nf = f or a\nf.close()"),
    (REBOUND, "f = acquire()\nf = f.read()\nreturn f"),
    (REBOUND, "f = acquire()\nfor f in xs:\n    pass\nf.close()"),
    (REBOUND, "f = acquire()\nimport json as f\nf.close()"),
    (REBOUND, "f = acquire()\nwith other() as f:\n    pass\nf.close()"),
    (REBOUND, "f = acquire()\n(f, g) = a, a\nf.close()"),
    (REBOUND, "f = acquire()\ndef f():\n    pass"),
    (REBOUND, "f = acquire()\nn = (f := a)\nf.close()"),
    # locks
    (ALWAYS, "self.lock.acquire()\ntry:\n    a()\nfinally:\n    self.lock.release()"),
    (EXCEPTION, "self.lock.acquire()\na()\nself.lock.release()"),
    (SOME_PATH, "self.lock.acquire()\nif a:\n    return\nself.lock.release()"),
    (NEVER, "self.lock.acquire()\na()"),
    (ALWAYS, "with self.lock:\n    self.lock.release()\n    a()\n    self.lock.acquire()\n    a()"),
    (ALWAYS, "try:\n self.lock.acquire()\n a()\nfinally:\n if self.lock.locked():\n  self.lock.release()"),
]  # fmt: skip


@pytest.mark.parametrize(("expected", "source"), RELEASES, ids=[source for _, source in RELEASES])
def test_release(expected: Release, source: str) -> None:
    assert outcome_of(in_function(source)).release is expected


@pytest.mark.parametrize(
    ("source", "where"),
    [
        ("f = acquire()\nf.write(a)\nf.close()", "f.write(a)"),
        ("f = acquire()\nx = a(b(f), c)\nf.close()", "b(f)"),
        ("f = acquire()\nif a:\n    return 7\nf.close()", "return 7"),
        ("f = acquire()\nif a:\n    raise KeyError(8)\nf.close()", "KeyError(8)"),
        ("f = acquire()\nif a:\n    raise missing\nf.close()", "raise missing"),
        ("f = acquire()\nf = other()\nf.close()", "f = other()"),
        ("f = acquire()\nf.read()", None),
        ("for x in xs:\n    f = acquire()\nf.close()", "f = acquire()"),
        ("f = acquire()\nfor x in xs:\n    pass\nf.close()", "xs"),
        ("f = acquire()\ntry:\n    f.read()\nexcept KeyError:\n    return 1\nf.close()", "return 1"),
        ("f = acquire()\ntry:\n    f.read()\nexcept Exception:\n    pass\na()\nf.close()", "a()"),
        ("f = acquire()\nwith suppress(Exception):\n    f.read()\na()\nf.close()", "a()"),
    ],
)
def test_where_it_leaks(source: str, where: str | None) -> None:
    node = outcome_of(in_function(source)).where
    assert (node and ast.unparse(node)) == where


def test_async_functions_and_modules() -> None:
    source = "async def run(a):\n    f = await acquire()\n    {}\n"
    assert outcome_of(source.format("async with f:\n        await a()")).release is ALWAYS
    assert outcome_of(source.format("await f.aclose()")).release is ALWAYS
    assert outcome_of(source.format("await a\n    await f.aclose()")).release is EXCEPTION
    assert outcome_of(source.format("async for x in a:\n        f.close()")).release is SOME_PATH
    assert outcome_of("f = acquire()\ntry:\n    f.read()\nfinally:\n    f.close()\n").release is ALWAYS
    assert outcome_of("f = acquire()\nf.read()\n").release is NEVER


@pytest.mark.skipif(sys.version_info < (3, 11), reason="except* is new in Python 3.11")
def test_except_star() -> None:
    source = "f = acquire()\ntry:\n    f.read()\nexcept* {}:\n    f.close()\n    raise\nf.close()"
    assert outcome_of(in_function(source.format("Exception"))).release is ALWAYS
    assert outcome_of(in_function(source.format("KeyError"))).release is UNKNOWN


@pytest.mark.parametrize(
    ("expected", "source"),
    [
        (ALWAYS, "f = acquire()\ncalm()\nf.close()"),
        (ALWAYS, "f = acquire()\nx = [calm(), *xs]\nif calm(a):\n    pass\nf.close()"),
        (EXCEPTION, "f = acquire()\ncalm(f.read())\nf.close()"),
        (EXCEPTION, "f = acquire()\ncalm().x()\nf.close()"),
        (EXCEPTION, "f = acquire()\ncalm(f.write(a), f.close())"),
    ],
)
def test_harmless_calls_do_not_raise(expected: Release, source: str) -> None:
    tree = ast.parse(in_function(source))
    function: Any = tree.body[0]

    def is_calm(call: ast.Call) -> bool:
        return isinstance(call.func, ast.Name) and call.func.id == "calm"

    outcome = release(
        function.body[0], parent=parents(tree), is_resource=is_f, releases=releasing(is_f), harmless=is_calm
    )
    assert outcome.release is expected


@pytest.mark.parametrize(
    "source",
    [
        "a /= b",
        "a.b -= 1",
        "x = a[0]",
        "a[0] = 1",
        "del a[0]",
        "x = a % 1",
        "x = a + b[0]",
        "if a[0]:\n    pass",
    ],
)
def test_operations_raise_in_strict_terms(source: str) -> None:
    tree = ast.parse(in_function(f"f = acquire()\n{source}\nf.close()"))
    function: Any = tree.body[0]
    verdicts = [
        release(
            function.body[0],
            parent=parents(tree),
            is_resource=is_f,
            releases=releasing(is_f),
            strict=strict,
        ).release
        for strict in (False, True)
    ]
    assert verdicts == [ALWAYS, EXCEPTION]


@pytest.mark.parametrize(
    "source", ["a += 1", "self.n -= b", "x = a + 1 - b * c", "x = (y := a + 1)", "if a > b | c:\n    pass"]
)
def test_sums_of_plain_names_do_not_raise(source: str) -> None:
    tree = ast.parse(in_function(f"f = acquire()\n{source}\nf.close()"))
    function: Any = tree.body[0]
    outcome = release(
        function.body[0], parent=parents(tree), is_resource=is_f, releases=releasing(is_f), strict=True
    )
    assert outcome.release is ALWAYS


def test_a_handler_catches_only_what_it_names_in_strict_terms() -> None:
    source = "f = acquire()\ntry:\n    a()\nexcept KeyError:\n    f.close()\n    raise\nf.close()"
    tree = ast.parse(in_function(source))
    function: Any = tree.body[0]
    outcome = release(
        function.body[0], parent=parents(tree), is_resource=is_f, releases=releasing(is_f), strict=True
    )
    assert outcome.release is EXCEPTION


def test_names_are_canonical() -> None:
    tree = ast.parse("import sys as s\ndef run():\n    f = acquire()\n    s.exit()\n")
    function: Any = tree.body[-1]
    names = {"s.exit": "sys.exit"}
    verdicts = [
        release(
            function.body[0],
            parent=parents(tree),
            is_resource=is_f,
            releases=releasing(is_f),
            qualname=qualname,
        ).release
        for qualname in (None, lambda node: names.get(ast.unparse(node)))
    ]
    assert verdicts == [NEVER, ALWAYS]


def test_acquisitions_in_other_places_are_unknown() -> None:
    tree = ast.parse("class C:\n f = acquire()\nlambda: (f := acquire())\n[f := acquire() for x in xs]\n"
                     "for x in (f := acquire()): pass\nassert (f := acquire())\n")  # fmt: skip
    for acquire in ast.walk(tree):
        if isinstance(acquire, (ast.Assign, ast.NamedExpr)):
            outcome = release(acquire, parent=parents(tree), is_resource=is_f, releases=releasing(is_f))
            assert outcome == Outcome(UNKNOWN)


def test_long_and_deep_code() -> None:
    chain = "if a == 0:\n    f.close()\n" + "".join(
        f"elif a == {i}:\n    f.close()\n" for i in range(1, 1200)
    )
    assert outcome_of(in_function("f = acquire()\n" + chain + "else:\n    f.close()")).release is ALWAYS
    assert outcome_of(in_function("f = acquire()\n" + chain + "else:\n    return")).release is SOME_PATH
    head, last, tail = chain.rpartition("    f.close()")
    held = head + "    f = acquire()\n" + last + tail
    assert outcome_of(in_function(held)).release is ALWAYS
    for head, end in (("if a:", UNKNOWN), ("while a:", SOME_PATH), ("with a:", EXCEPTION), ("try:", ALWAYS)):
        lines = ["f = acquire()"]
        lines += ["    " * depth + head for depth in range(90)]
        lines += ["    " * 90 + "f.close()"]
        if head == "try:":
            lines += ["    " * depth + "finally: n = 1" for depth in reversed(range(90))]
        assert outcome_of("def run(a):\n" + textwrap.indent("\n".join(lines), " ")).release is end
    total = "f = acquire()\nn = " + " + ".join(["a"] * 800) + "\nm = " + "a" + ".b()" * 400 + "\nf.close()"
    assert outcome_of(in_function(total)).release is EXCEPTION


# Programs that are run: every choice a condition, an iterable or a call makes is enumerated.


class Failed(Exception):
    pass


class Endless(BaseException):
    """The run makes too many choices."""


class Choices:
    """Replays a list of choices, then takes the first option each time."""

    def __init__(self, replay: list[int], deviations: int) -> None:
        self.replay = replay
        self.deviations = deviations
        self.taken: list[tuple[int, int]] = []

    def take(self, options: int) -> int:
        index = len(self.taken)
        if index >= 60:
            raise Endless
        choice = self.replay[index] if index < len(self.replay) else 0
        self.taken.append((choice, options))
        return choice

    def following(self) -> list[int] | None:
        """The next list to replay, depth first, with few choices that are not the first option."""
        taken = self.taken[: 5 * self.deviations]
        while taken:
            choice, options = taken.pop()
            if choice + 1 < options and sum(earlier > 0 for earlier, _ in taken) < self.deviations:
                return [earlier for earlier, _ in taken] + [choice + 1]
        return None


class Condition:
    def __init__(self, choices: Choices) -> None:
        self.choices = choices

    def __bool__(self) -> bool:
        return self.choices.take(2) == 1

    @property
    def type(self) -> type[Exception] | tuple[()]:
        """The type that a handler names: the one that is raised, or another."""
        return Failed if self.choices.take(2) else ()

    def fail(self) -> None:
        """A call that may raise."""
        if self.choices.take(2):
            raise Failed

    def __iter__(self) -> Iterator[int]:
        while choice := self.choices.take(3):
            if choice == 2:
                raise Failed
            yield 1


class Resource:
    def __init__(self, opened: list[Resource]) -> None:
        self.closed = False
        opened.append(self)


class Entered:
    def __init__(self, closes: Resource | None = None) -> None:
        self.closes = closes

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        close(self.closes)


def close(resource: Resource | None) -> None:
    if resource is not None:
        resource.closed = True


def runs(
    source: str, names: Callable[[Choices], dict[str, Any]], deviations: int = 4
) -> Iterator[tuple[dict[str, Any], str]]:
    """The names and the end ("return", "raise", "exit") of every run that ends."""
    code = compile(source, "<program>", "exec")
    replay: list[int] | None = []
    while replay is not None:
        choices = Choices(replay, deviations)
        space = names(choices)
        exec(code, space)  # noqa: S102
        end = "return"
        try:
            space["run"]()
        except SystemExit:
            end = "exit"
        except Endless:
            end = "endless"
        except Exception:  # noqa: BLE001
            end = "raise"
        if end != "endless":
            yield space, end
        replay = choices.following()


class Programs:
    """Draws the body of a function: statements over one resource `f`."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self.draw = draw
        self.budget = 12
        self.acquired = False

    def pick(self, *options: str) -> str:
        return str(self.draw(st.sampled_from(options)))

    def simple(self, kind: str) -> list[str]:
        if kind == "acquire":
            if self.acquired:
                return ["n = 1"]
            self.acquired = True
            return ["f = acquire()"]
        return [kind]

    def block(self, depth: int, loop: bool, mode: str = "normal") -> list[str]:
        lines: list[str] = []
        for _ in range(self.draw(st.integers(1, 3))):
            lines += self.statement(depth, loop, mode)
        return lines

    def statement(self, depth: int, loop: bool, mode: str) -> list[str]:
        self.budget -= 1
        # Cleanup code that releases is trusted not to raise: there, nothing does.
        calls = {
            "normal": ["c.fail()", "close(f)", "acquire"],
            "cleanup": ["close(f)"],
            "fallback": ["c.fail()"],
        }[mode]
        simple = [
            *calls,
            "close(f)" if mode != "fallback" else "pass",
            "return 1",
            "raise Failed",
            "f = None",
            "n = 1",
        ]
        if loop:
            simple += ["break", "continue"]
        if mode == "normal":
            simple += ["sys.exit()", "n = c and c.fail()", "f and close(f)", "c.fail() or close(f)"]
        if depth > 3 or self.budget < 0:
            return self.simple(self.pick(*simple))
        if mode == "normal":
            compound = ["if", "for", "while", "with", "try", "finally"]
        else:
            compound = ["if"]
        kind = self.pick(*simple, *compound, *compound)
        if kind not in compound:
            return self.simple(kind)
        return getattr(self, f"{kind}_")(depth + 1, loop, mode)  # type: ignore[no-any-return]

    def indented(self, depth: int, loop: bool, mode: str = "normal") -> list[str]:
        return ["    " + line for line in self.block(depth, loop, mode)]

    def if_(self, depth: int, loop: bool, mode: str) -> list[str]:
        test = self.pick(
            "c", "c", "f", "not f", "f is None", "f is not None", "f and not f.closed", "c and f", "c or f"
        )
        lines = [f"if {test}:", *self.indented(depth, loop, mode)]
        for _ in range(self.draw(st.integers(0, 1))):
            lines += ["elif c:", *self.indented(depth, loop, mode)]
        if self.draw(st.booleans()):
            lines += ["else:", *self.indented(depth, loop, mode)]
        return lines

    def for_(self, depth: int, loop: bool, mode: str) -> list[str]:
        lines = ["for n in c:", *self.indented(depth, True)]
        return lines + (["else:", *self.indented(depth, loop)] if self.draw(st.booleans()) else [])

    def while_(self, depth: int, loop: bool, mode: str) -> list[str]:
        test = self.pick("c", "True", "not f", "f and c")
        lines = [f"while {test}:", "    c.fail()", *self.indented(depth, True)]
        return lines + (["else:", *self.indented(depth, loop)] if self.draw(st.booleans()) else [])

    def with_(self, depth: int, loop: bool, mode: str) -> list[str]:
        context = self.pick("entered(f)", "suppress(c.type)", "suppress(Exception)")
        return [f"with {context}:", *self.indented(depth, loop)]

    def try_(self, depth: int, loop: bool, mode: str) -> list[str]:
        lines = ["try:", *self.indented(depth, loop)]
        for caught in self.pick(
            "c.type", "Exception", "c.type c.type", "c.type Exception", "SystemExit"
        ).split():
            lines += [f"except {caught}:", *self.indented(depth, loop, self.pick("cleanup", "fallback"))]
        if self.draw(st.booleans()):
            lines += ["else:", *self.indented(depth, loop)]
        return lines + (
            ["finally:", *self.indented(depth, loop, "cleanup")] if self.draw(st.booleans()) else []
        )

    def finally_(self, depth: int, loop: bool, mode: str) -> list[str]:
        return ["try:", *self.indented(depth, loop), "finally:", *self.indented(depth, loop, "cleanup")]


@st.composite
def programs(draw: Callable[[st.SearchStrategy[Any]], Any]) -> str:
    drawing = Programs(draw)
    lines = drawing.block(0, False)
    if not drawing.acquired:
        lines = ["f = acquire()", *lines]
    return "def run():\n" + textwrap.indent("\n".join(["f = None", "n = 0", *lines]), "    ") + "\n"


def release_names(choices: Choices) -> dict[str, Any]:
    opened: list[Resource] = []
    return {
        "acquire": lambda: Resource(opened), "close": close, "c": Condition(choices), "Failed": Failed,
        "sys": sys, "entered": Entered, "suppress": contextlib.suppress, "opened": opened,
    }  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs())
def test_verdicts_agree_with_runs(source: str) -> None:
    verdict = outcome_of(source).release
    leaks: set[str] = set()
    acquired = released = False
    for space, end in runs(source, release_names):
        acquired = acquired or bool(space["opened"])
        released = released or any(resource.closed for resource in space["opened"])
        if not all(resource.closed for resource in space["opened"]):
            leaks.add(end)
    followed = not re.search(r"if c|c and|or close|c or", source)  # no condition that may tell what is held
    if verdict is ALWAYS:
        assert not leaks - {"exit"}
    elif verdict is EXCEPTION and followed:
        assert "return" not in leaks
    elif verdict is NEVER:
        assert not released
    if not acquired or verdict in (ALWAYS, UNKNOWN) or "except SystemExit" in source:  # no call raises that
        return
    wanted = {SOME_PATH: {"return"}, REBOUND: {"return", "raise", "exit"}}.get(verdict, {"return", "raise"})
    if leaks.isdisjoint(wanted):
        assert leaks_in_longer_runs(source, wanted)


def leaks_in_longer_runs(source: str, wanted: set[str]) -> bool:
    """Whether a run with many choices leaks and ends as wanted, or there are too many to tell."""
    for count, (space, end) in enumerate(runs(source, release_names, deviations=9)):
        if count > 20_000 or (end in wanted and not all(resource.closed for resource in space["opened"])):
            return True
    return False


# --- reaching definitions -----------------------------------------------------------------------------------

# The comment of a line names the lines whose definitions of `x` reach the uses of `x` on it: 0 is the
# parameter, `-` none, `?` unknown. Every line that uses `x` has one.
DEFINITIONS = [
    # straight lines
    "use(x)  # 0",
    "x = 1\nuse(x)  # 1",
    "x = 1\nx = 2\nuse(x, x)  # 2",
    "x = x + 1  # 0\nuse(x)  # 1",
    "x += 1  # 0\nuse(x)  # 1",
    "x: int = 1\nuse(x)  # 1",
    "x: int\nuse(x)  # 0",
    "(x, y), *z = a\nuse(x)  # 1",
    "*x, y = a\nuse(x)  # 1",
    "x, a[x] = 1, 2  # 1\nuse(x)  # 1",
    "x.y = 1  # 0\nx[0] = 2  # 0\nuse(x)  # 0",
    "import x\nuse(x)  # 1",
    "import x.y\nuse(x)  # 1",
    "from a import b as x\nuse(x)  # 1",
    "def x(): pass\nuse(x)  # 1",
    "class x: pass\nuse(x)  # 1",
    "return x  # 0",
    # branches
    "if a:\n    x = 1\nuse(x)  # 0,2",
    "if a:\n    x = 1\nelse:\n    x = 2\nuse(x)  # 2,4",
    "if a:\n    x = 1\nelif b:\n    x = 2\nuse(x)  # 0,2,4",
    "if a:\n    x = 1\n    return\nuse(x)  # 0",
    "if a:\n    x = 1\nelse:\n    raise E\nuse(x)  # 2",
    "if a:\n    use(x)  # 0\n    x = 1\nelse:\n    use(x)  # 0",
    "if x:  # 0\n    x = 1\n    if b:\n        x = 2\n    use(x)  # 2,4\nuse(x)  # 0,2,4",
    "return\nuse(x)  # 0",
    # loops
    "for i in a:\n    x = i\nuse(x)  # 0,2",
    "for i in a:\n    use(x)  # 0,3\n    x = i\nuse(x)  # 0,3",
    "for x in a:\n    use(x)  # 1\nuse(x)  # 0,1",
    "for x in x:  # 0\n    pass\nuse(x)  # 0,1",
    "for i in a:\n    x = 1\nelse:\n    use(x)  # 0,2\n    x = 2\nuse(x)  # 5",
    "for i in a:\n    x = 1\n    break\nelse:\n    x = 2\nuse(x)  # 2,5",
    "for i in a:\n    if b:\n        x = 1\n        continue\n    x = 2\n    break\nuse(x)  # 0,3,5",
    "while x:  # 0,2\n    x = 1\nuse(x)  # 0,2",
    "while True:\n    x = 1\n    if a:\n        break\n    x = 2\nuse(x)  # 2",
    "while True:\n    use(x)  # 0,4\n    if a: break\n    x = 1\nuse(x)  # 0,4",
    "while True:\n    x = 1\n    if a:\n        x = 2\n        break\nuse(x)  # 4",
    "while a:\n    while b:\n        use(x)  # 0,4,5\n        x = 1\n    x = 2\nuse(x)  # 0,5",
    "for i in a:\n for j in b:\n  if c:\n   x = j\n   break\n else:\n  continue\n break\nuse(x)  # 0,4",
    "for i in a:\n    x += i  # 0,2\nreturn x  # 0,2",
    "while (x := a()):\n    use(x)  # 1\n    x = 2\nuse(x)  # 1",
    # try
    "try:\n    x = 1\nexcept E:\n    use(x)  # 0,2\nuse(x)  # 0,2",
    "try:\n    x = 1\n    x = 2\nexcept E:\n    use(x)  # 0,2,3\n    raise\nuse(x)  # 3",
    "try:\n    x = a()\nexcept E:\n    x = None\nuse(x)  # 2,4",
    "try:\n    x = a()\nexcept E:\n    return\nelse:\n    use(x)  # 2\nuse(x)  # 2",
    "try:\n    x = 1\nfinally:\n    use(x)  # 0,2\nuse(x)  # 2",
    "try:\n    x = 1\nfinally:\n    x = 2\nuse(x)  # 4",
    "try:\n    pass\nexcept E as x:\n    use(x)  # 3\nuse(x)  # ?",
    "try:\n    return\nexcept E:\n    x = 1\nuse(x)  # 4",
    "while a:\n    try:\n        break\n    finally:\n        x = 1\nuse(x)  # 0,5",
    "try:\n if a:\n  x = 1\n else:\n  x = 2\n  return\nexcept E:\n use(x)  # 0,3,5",
    "try:\n    try:\n        x = 1\n    except E:\n        x = 2\nexcept F:\n    use(x)  # 0,3,5",
    "try:\n    if a:\n        x = 1\n        return\nfinally:\n    use(x)  # 0,3\nuse(x)  # 0",
    "if a:\n    try:\n        x = 1\n    finally:\n        return\nuse(x)  # 0",
    # with, match
    "with a as x:\n    use(x)  # 1\nuse(x)  # 1",
    "with a as (x, y), b(x):  # 1\n    x = 1\nuse(x)  # 2",
    "with suppress(E):\n    x = 1\nuse(x)  # 0,2",
    "match a:\n    case [x, *_]:\n        use(x)  # 2\nuse(x)  # 0,2",
    "match a:\n    case x:\n        pass\nuse(x)  # 2",
    "match a:\n case {'k': 1, **x}:\n  use(x)  # 2\n case [*x]:\n  use(x)  # 4\n case _:\n  use(x)  # 0",
    "match a:\n    case x if x:  # 2\n        return\n    case _:\n        use(x)  # 0,2",
    "match x:  # 0\n    case C.x:\n        pass\nuse(x)  # 0",
    # expressions
    "if (x := a) and x:  # 1\n    use(x)  # 1\nuse(x)  # 1",
    "use(x, x := 1)  # 0\nuse(x)  # 1",
    "use([x,  # 0\n    (x := 1), x])  # 2",
    "a and (x := 1)\nuse(x)  # 0,1",
    "y = (x := 1) if a else 2\nuse(x)  # 0,1",
    "a < (x := 1) < (y := 2)\nuse(x)  # 1",
    "[y for y in x if x]  # 0",
    "[x for x in a]  # 1\nuse(x)  # 0",
    "[x for x in x]  # 0,1\nuse(x)  # 0",
    "[(x := y) for y in a if use(x)]  # 0,1\nuse(x)  # 0,1",
    "{x: z for x in a for z in x}  # 1",
    # deletion and what cannot be known
    "del x\nuse(x)  # ?",
    "if a:\n    del x\nuse(x)  # ?",
    "del x\nx = 1\nuse(x)  # 2",
    "exec(a)\nuse(x)  # ?",
    # nested scopes
    "x = 1\ndef f():\n    use(x)  # 0,1,4\nx = 2\nuse(x)  # 4",
    "x = 1\nf = lambda: x  # 0,1",
    "def f(y=x): pass  # 0",
    "@x  # 0\ndef f(y: x) -> x: pass  # 0",
    "def f():\n    nonlocal x\n    x = 1\nuse(x)  # ?",
    "class C:\n    y = x  # 0\n    def f(self):\n        return x  # 0",
    "def f():\n    def g():\n        return x  # 0\n    return [x for y in a]  # 0",
]


def definition_lines(source: str) -> dict[int, set[str]]:
    """The definitions of each use of `x`, by line, in the notation of the cases."""
    tree = ast.parse("def run(x):\n" + textwrap.indent(source, " "))
    flow = DefUse(tree.body[0])  # type: ignore[arg-type]
    found: dict[int, set[str]] = {}
    inner = {id(name) for f in ast.walk(tree) if isinstance(f, ast.AugAssign) for name in [f.target]}
    for use in ast.walk(tree):
        if (
            isinstance(use, ast.Name)
            and use.id == "x"
            and (isinstance(use.ctx, ast.Load) or id(use) in inner)
        ):
            definitions = flow.definitions(use)
            lines = (
                {"?"} if definitions is None else {str(line_of(node) - 1) for node in definitions} or {"-"}
            )
            found.setdefault(use.lineno - 1, set()).update(lines)
    return found


def line_of(node: Any) -> int:
    if isinstance(node, ast.withitem):
        node = node.context_expr
    elif isinstance(node, ast.comprehension):
        node = node.target
    return int(node.lineno)


@pytest.mark.parametrize("source", DEFINITIONS)
def test_definitions(source: str) -> None:
    comments = {number: line.partition("  # ")[2] for number, line in enumerate(source.splitlines(), 1)}
    assert definition_lines(source) == {
        number: set(text.split(",")) for number, text in comments.items() if text
    }


def function(source: str) -> Any:
    return ast.parse(textwrap.dedent(source)).body[0]


def named(root: ast.AST, name: str) -> list[ast.Name]:
    return [node for node in ast.walk(root) if isinstance(node, ast.Name) and node.id == name]


def test_uses_mirror_definitions() -> None:
    run = function("""
        def run(a, b):
            a = b + 1
            if b:
                a = 2
                print(a)
            print(a)
            b = lambda: a
            for c in b: print(c, [d for d in c])
        """)
    flow = DefUse(run)

    def lines(definition: ast.AST) -> list[int]:
        uses = flow.uses(definition)
        assert uses is not None
        return [use.lineno for use in uses]

    first, branch, _, function_, loop = run.body
    assert lines(first) == [7, 8]
    assert lines(branch.body[0]) == [6, 7, 8]
    assert lines(function_) == [9]
    assert lines(loop) == [9, 9]
    parameter_a, parameter_b = run.args.args
    assert lines(parameter_a) == [8]
    assert lines(parameter_b) == [3, 4]
    comprehension = next(node for node in ast.walk(run) if isinstance(node, ast.comprehension))
    assert lines(comprehension) == [9]
    assert flow.uses(run) is None


@pytest.mark.parametrize(
    "body",
    ["x = 1; locals()", "x = 1; eval(a)", "x = 1; del x; print(x)", "global x; x = 1", "x = 1; exec(a)"],
)
def test_uses_unknown(body: str) -> None:
    run = function(f"def run(a):\n {body}\n print(x)\n")
    assignment = next(node for node in ast.walk(run) if isinstance(node, ast.Assign))
    assert DefUse(run).uses(assignment) is None


def test_names_that_are_not_local() -> None:
    run = function("def run():\n global y\n y = 1\n print(x, y)\n")
    flow = DefUse(run)
    assert flow.definitions(named(run, "x")[0]) is None
    assert flow.definitions(named(run, "y")[-1]) is None
    elsewhere = named(function("def other(x):\n return x\n"), "x")[0]
    assert flow.definitions(elsewhere) is None


def same(definitions: frozenset[ast.AST] | None, *nodes: ast.AST) -> bool:
    return definitions == frozenset(nodes)


def test_module_and_lambda() -> None:
    tree = ast.parse(
        "x = 1\ndef f():\n return x\nx = 2\nprint(x)\ny = 1\ndef g():\n global y\n y = 2\nprint(y)\n"
    )
    flow = DefUse(tree)
    first, _, second = tree.body[:3]
    in_function, printed = (use for use in named(tree, "x") if isinstance(use.ctx, ast.Load))
    assert same(flow.definitions(in_function), first, second)
    assert same(flow.definitions(printed), second)
    assert flow.definitions(named(tree, "y")[-1]) is None
    tree = ast.parse("global x\nx = 1\nprint(x)\n")
    assert same(DefUse(tree).definitions(named(tree, "x")[-1]), tree.body[1])
    tree = ast.parse("from a import *\nx = 1\nprint(x)\n")
    assert DefUse(tree).definitions(named(tree, "x")[-1]) is None
    function_ = ast.parse("lambda x, *y, z=1: (x, y, z)", mode="eval").body
    assert isinstance(function_, ast.Lambda) and function_.args.vararg
    flow = DefUse(function_)
    assert same(flow.definitions(named(function_, "y")[0]), function_.args.vararg)
    assert same(flow.definitions(named(function_, "z")[0]), function_.args.kwonlyargs[0])


def test_too_many_definitions_are_unknown() -> None:
    def last(count: int) -> frozenset[ast.AST] | None:
        run = function(
            "def run(x):\n" + "".join(f" if a:\n  x = {i}\n" for i in range(count)) + " return x\n"
        )
        return DefUse(run).definitions(run.body[-1].value)

    reaching = last(63)
    assert reaching is not None and len(reaching) == 64
    assert last(64) is None


# Programs that are run: every value knows the number of the definition that made it.


class Value:
    def __init__(self, number: int, choices: Choices) -> None:
        self.number = number
        self.choices = choices

    def __bool__(self) -> bool:
        return self.choices.take(2) == 1

    def __add__(self, other: Value) -> Value:
        return other

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Iterator[Value]:
        while self.choices.take(2):
            yield self


class Bindings(Programs):
    """Draws statements that bind and use `x` and `y`; the numbers of definitions and uses are their order."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        super().__init__(draw)
        self.count = 0

    def value(self) -> str:
        self.count += 1
        return f"d({self.count})"

    def use(self, name: str) -> str:
        self.count += 1
        return f"u({self.count}, {name})"

    def statement(self, depth: int, loop: bool, mode: str) -> list[str]:
        self.budget -= 1
        name = self.pick("x", "y")
        kinds = [
            "bind",
            "bind",
            "use",
            "use",
            "use",
            "augment",
            "unpack",
            "walrus",
            "list",
            "fail",
            "return",
            "copy",
            "del",
        ]
        if depth < 4 and self.budget > 0:
            kinds += ["if", "for", "while", "with", "try", "finally", "match"] * 2
        kinds += ["break", "continue"] if loop else []
        kind = self.pick(*kinds)
        simple = {
            "bind": f"{name} = {self.value()}",
            "use": self.use(name),
            "augment": f"{name} += {self.value()}",
            "unpack": f"({name}, z) = ({self.value()},) * 2",
            "walrus": f"c and ({name} := {self.value()}) and {self.use(name)}",
            "list": f"[({self.use('z')}, {self.use(name)}, {name} := {self.value()}) for z in c]",
            "fail": "c.fail()",
            "copy": f"del {name}; {name} = {self.value()}",
            "del": f"del {name}",
        }
        if kind in simple or kind in ("return", "break", "continue"):
            return [simple.get(kind, kind)]
        return getattr(self, f"{kind}_")(depth + 1, loop, mode)  # type: ignore[no-any-return]

    def if_(self, depth: int, loop: bool, mode: str) -> list[str]:
        lines = [f"if {self.pick('c', 'c', f'(x := {self.value()})')}:", *self.indented(depth, loop)]
        for _ in range(self.draw(st.integers(0, 2))):
            lines += [f"elif {self.pick('c', 'c', f'(y := {self.value()})')}:", *self.indented(depth, loop)]
        return lines + (["else:", *self.indented(depth, loop)] if self.draw(st.booleans()) else [])

    def for_(self, depth: int, loop: bool, mode: str) -> list[str]:
        lines = [f"for {self.pick('x', 'y', 'n')} in {self.value()}:", *self.indented(depth, True)]
        return lines + (["else:", *self.indented(depth, loop)] if self.draw(st.booleans()) else [])

    def while_(self, depth: int, loop: bool, mode: str) -> list[str]:
        test = self.pick("c", "True", f"(x := {self.value()})")
        lines = [f"while {test}:", "    c.fail()", *self.indented(depth, True)]
        return lines + (["else:", *self.indented(depth, loop)] if self.draw(st.booleans()) else [])

    def with_(self, depth: int, loop: bool, mode: str) -> list[str]:
        context = self.pick(f"{self.value()} as x", "suppress(c.type)")
        return [f"with {context}:", *self.indented(depth, loop)]

    def try_(self, depth: int, loop: bool, mode: str) -> list[str]:
        lines = ["try:", *self.indented(depth, loop)]
        for caught in self.pick("c.type", "Exception", "c.type c.type", "c.type Exception").split():
            lines += [f"except {caught}:", *self.indented(depth, loop)]
        if self.draw(st.booleans()):
            lines += ["else:", *self.indented(depth, loop)]
        return lines + (["finally:", *self.indented(depth, loop)] if self.draw(st.booleans()) else [])

    def finally_(self, depth: int, loop: bool, mode: str) -> list[str]:
        return ["try:", *self.indented(depth, loop), "finally:", *self.indented(depth, loop)]

    def match_(self, depth: int, loop: bool, mode: str) -> list[str]:
        lines = [f"match {self.value()}:", "    case x if c:"]
        lines += ["    " + line for line in self.indented(depth, loop)]
        lines += ["    case " + self.pick("_", "y", "{}") + ":"]
        return lines + ["    " + line for line in self.indented(depth, loop)]


@st.composite
def bindings(draw: Callable[[st.SearchStrategy[Any]], Any]) -> str:
    lines = Bindings(draw).block(0, False)
    return "def run(x=p, y=p):\n" + textwrap.indent("\n".join([*lines, "u(0, x)"]), "    ") + "\n"


def numbers(run: ast.FunctionDef) -> dict[int, int]:
    """Definition node -> number of the value that it binds."""
    found: dict[int, int] = {}

    def number(node: ast.AST, value: ast.AST) -> None:
        for call in ast.walk(value):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "d":
                found[id(node)] = call.args[0].value  # type: ignore[attr-defined]

    for node in ast.walk(run):
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.NamedExpr)):
            number(node, node.value)
        elif isinstance(node, ast.For):
            number(node, node.iter)
        elif isinstance(node, ast.withitem):
            number(node, node.context_expr)
        elif isinstance(node, ast.Match):
            for part in (part for case in node.cases for part in ast.walk(case.pattern)):
                number(part, node.subject)
        elif isinstance(node, ast.arg):
            found[id(node)] = 0
        elif isinstance(node, ast.comprehension):
            found[id(node)] = -1
    return found


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(bindings())
def test_definitions_agree_with_runs(source: str) -> None:
    run = ast.parse(source).body[0]
    assert isinstance(run, ast.FunctionDef)
    flow = DefUse(run)
    of = numbers(run)
    known: dict[int, set[int] | None] = {}
    for call in ast.walk(run):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "u":
            number, use = call.args
            assert (
                isinstance(number, ast.Constant)
                and isinstance(number.value, int)
                and isinstance(use, ast.Name)
            )
            definitions = flow.definitions(use)
            known[number.value] = None if definitions is None else {of[id(node)] for node in definitions}
            for definition in definitions or ():
                uses = flow.uses(definition)
                assert uses is None or use in uses

    wrong: list[tuple[int, Any]] = []

    def names(choices: Choices) -> dict[str, Any]:
        def used(number: int, value: Any) -> None:
            reaching = known[number]
            if reaching is not None and (value.number if isinstance(value, Value) else -1) not in reaching:
                wrong.append((number, value))

        return {
            "d": lambda number: Value(number, choices), "u": used, "p": Value(0, choices),
            "c": Condition(choices), "suppress": contextlib.suppress,
        }  # fmt: skip

    assert list(runs(source, names))
    assert not wrong
