"""What a class does with its attributes, under which locks, and what may run in between."""

from __future__ import annotations

import ast

import pytest
from questions import asked, module

from flake8_aiguard.attributes import Kind
from flake8_aiguard.locking import ANY
from flake8_aiguard.rules.aig010_unlocked_shared_update import UnlockedSharedUpdate
from flake8_aiguard.shared_state import SharedState

HEAD = "import asyncio, threading\n"


def state_of(source: str) -> tuple[SharedState, ast.ClassDef]:
    """Return the shared state of a source and its last class."""
    found = module(HEAD + source)
    return SharedState(found), found.index.nodes(ast.ClassDef)[-1]


def method(body: str, head: str = "def f(self):") -> str:
    indented = "".join(f"        {line}\n" for line in body.splitlines())
    return f"class C:\n    lock = threading.Lock()\n    {head}\n{indented}"


@pytest.mark.parametrize(
    ("line", "kind", "changing"),
    [
        ("self.x = 1", Kind.BIND, ""),
        ("del self.x", Kind.BIND, ""),
        ("a, self.x = 1, 2", Kind.BIND, ""),
        ("self.x += 1", Kind.AUGMENT, ""),
        ("self.x[0] = 1", Kind.ITEM, ""),
        ("self.x[0][1] += 1", Kind.ITEM, ""),
        ("del self.x[:]", Kind.ITEM, ""),
        ("self.x.append(1)", Kind.CALL, "append"),
        ("self.x[0].clear()", Kind.CALL, "clear"),
        ("self.x.get(1)", Kind.READ, ""),
        ("print(self.x[0])", Kind.READ, ""),
        ("self.x.y = 1", Kind.READ, ""),
    ],
)
def test_what_a_mention_does(line: str, kind: Kind, changing: str) -> None:
    state, owner = state_of(method(line))
    (access,) = state.attributes.accesses(owner)["x"]
    assert (access.kind, access.method) == (kind, changing)
    assert access.function.name == "f"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("[]", True),
        ("dict(a=1)", True),
        ("{key: 1 for key in names}", True),
        ("given or []", True),
        ("None", None),
        ("given", None),
        ("0", False),
        ("Connection()", False),
    ],
)
def test_containers_by_what_they_are_bound_to(value: str, expected: bool | None) -> None:
    state, owner = state_of(f"class C:\n    def __init__(self, given):\n        self.x = {value}\n")
    assert state.attributes.is_container(owner, "x") is expected


def test_containers_by_annotation_and_base_class() -> None:
    state, owner = state_of(
        "class B:\n    y: dict[str, int]\nclass C(B):\n    def __init__(self, x: list[int]):\n        self.x = x\n"
    )
    assert state.attributes.is_container(owner, "x") is True
    assert state.attributes.is_container(owner, "y") is True
    assert state.attributes.is_container(owner, "z") is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("ask(1)", set()),
        ("with self.lock:\n    ask(1)", {"lock"}),
        ("with open('x'), self.lock:\n    ask(1)", {"lock"}),
        ("with self.lock:\n    pass\nask(1)", set()),
        ("lock = self.lock\nwith lock:\n    ask(1)", {"lock"}),
        ("self.lock.acquire()\nask(1)\nself.lock.release()", {"lock"}),
        ("self.lock.acquire()\nself.lock.release()\nask(1)", set()),
        ("stack.enter_context(self.lock)\nask(1)", {"lock"}),
        ("with self.locks[1]:\n    ask(1)", {ANY}),
        ("with lock_for(1):\n    ask(1)", {ANY}),
        ("with self.block:\n    ask(1)", set()),
        ("with self.lock:\n    def g():\n        ask(1)\n    start(g)", set()),
    ],
)
def test_locks_that_are_held(body: str, expected: set[str]) -> None:
    state, _ = state_of(method(body))
    (node,) = asked(state.module)
    assert state.locking.held(node) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("    def a(self):\n        with self.lock:\n            self._f()\n", {"lock"}),
        (
            "    def a(self):\n        with self.lock:\n            self._f()\n    def b(self):\n        self._f()\n",
            set(),
        ),
        ("    def a(self):\n        threading.Thread(target=self._f)\n", set()),
        ("    def __init__(self):\n        self._f()\n", {ANY}),
        ("", {ANY}),
    ],
)
def test_locks_that_callers_hold(source: str, expected: set[str]) -> None:
    state, _ = state_of(method("ask(1)", "def _f(self):") + source)
    (node,) = asked(state.module)
    assert state.locking.held(node) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("ask(1)\nawait g()\nask(2)", True),
        ("ask(1)\nask(2)\nawait g()", False),
        ("await g()\nask(1)\nask(2)", False),
        ("ask(1)\nif x:\n    await g()\nask(2)", True),
        ("ask(1)\nif x:\n    await g()\n    return\nask(2)", False),
        ("ask(1)\nif x:\n    await g()\nelse:\n    ask(2)", False),
        ("ask(1)\nasync for x in y:\n    pass\nask(2)", True),
        ("async with x:\n    ask(1)\nask(2)", True),
        ("ask(1)\nasync def h():\n    await g()\nask(2)", False),
        ("try:\n    return ask(1)\nexcept KeyError:\n    await g()\n    ask(2)", True),
    ],
)
def test_what_lets_other_tasks_run(body: str, expected: bool) -> None:
    state, _ = state_of(method(body, "async def f(self):"))
    first, last = asked(state.module)
    assert state.suspensions.between(first, last) is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("class C:\n    def f(self):\n        threading.Thread(target=g)\n", {"thread"}),
        ("class C(threading.Thread):\n    pass\n", {"thread"}),
        ("class C:\n    def __init__(self):\n        self.l = asyncio.Lock()\n", {"task"}),
        ("class C:\n    async def f(self):\n        loop.run_in_executor(None, g)\n", {"task", "thread"}),
        ("class C:\n    def f(self):\n        pass\n", set()),
    ],
)
def test_concurrency_that_a_class_shows(source: str, expected: set[str]) -> None:
    state, owner = state_of(source)
    assert state.concurrency.of(owner) == expected


SLICES = {
    "without self.lock": """
class C:
    def __init__(self):
        self.lock = threading.Lock()
        self.x = 0
    def up(self):
        with self.lock:
            self.x += 1
    def reset(self):
        self.x = 0
""",
    "during the await": """
class C:
    async def up(self):
        value = self.x
        await asyncio.sleep(0)
        self.x = value + 1
""",
    "change one after the other": """
class C:
    def reload(self, new):
        self.x.update(new)
        self.y.clear()
""",
    "between the read and the reset": """
class C:
    def __init__(self):
        self.thread = threading.Thread(target=self.flush)
        self.x = []
    def add(self, item):
        self.x.append(item)
    def flush(self):
        batch = self.x
        self.x = []
        print(batch)
""",
}


@pytest.mark.parametrize(("message", "source"), SLICES.items())
def test_each_slice_finds_its_own_pattern(message: str, source: str) -> None:
    source = HEAD + source
    rule = UnlockedSharedUpdate(ast.parse(source), "example.py", source.splitlines(keepends=True))
    ((_, _, text, _),) = rule.run()
    assert text.startswith("AIG010 ")
    assert "self.x" in text
    assert message in text


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("made = C()\n    await made.act()", True),
        ("made = C()\n    print(made.items)", True),
        ("made = C()\n    group.create_task(made.act())", False),
        ("made = C()\n    later(made.act)", False),
        ("made = C()\n    return made", False),
        ("made = C()\n    keep(lambda: made.items)", False),
        ("self.made = C()", False),
        ("pass", False),
    ],
)
def test_objects_in_a_local_name_that_goes_nowhere_are_of_one_call(line: str, expected: bool) -> None:
    state, owner = state_of(
        f"class C:\n    async def act(self):\n        pass\nasync def turn(self, group):\n    {line}\n"
    )
    assert state.concurrency.is_of_one_call(owner) is expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("self.guard = threading.Lock()", True),
        ("self.guard = given", True),
        ("self.guard: threading.Lock", True),
        ("self.guard = None", False),
        ("self.other = 1", False),
    ],
)
def test_locks_that_the_file_shows(line: str, expected: bool) -> None:
    state, owner = state_of(f"class C:\n    def __init__(self, given):\n        {line}\n")
    assert state.takers.is_bound(owner, "guard") is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("given", True),
        ("given or self.x", True),
        ("self.x if given else None", True),
        ("self.x + 1", False),
        ("make(self.x)", False),
    ],
)
def test_values_that_are_chosen_and_not_computed(value: str, expected: bool) -> None:
    state, owner = state_of(method(f"new = {value}\nself.x = new", "def f(self, given):"))
    (write,) = (item for item in state.attributes.accesses(owner)["x"] if item.kind is Kind.BIND)
    name = state.mentions.assigned(write.node)
    assert isinstance(name, ast.Name)
    assert state.grounds.is_chosen(name) is expected
