"""Dicts that are used as caches and that nothing empties."""

from __future__ import annotations

import ast

import pytest
from questions import module

from flake8_aiguard.askers import Askers
from flake8_aiguard.caches import Caches
from flake8_aiguard.domains import Domains
from flake8_aiguard.lasting import Lasting

HIT = "    if key not in CACHE:\n        CACHE[key] = load(key)\n    return CACHE[key]\n"


def caches(source: str) -> list[tuple[str, str]]:
    """Target and key of each cache."""
    found = module(source)
    domains = Domains(found)
    known = Caches(found, domains, Lasting(found), Askers(found, domains)).unbounded()
    return [(ast.unparse(cache.target), cache.key) for cache in known]


@pytest.mark.parametrize(
    "body",
    [
        HIT,
        "    if key in CACHE:\n        return CACHE[key]\n    CACHE[key] = load(key)\n    return CACHE[key]\n",
        "    if key in CACHE.keys():\n        return CACHE[key]\n    CACHE[key] = load(key)\n",
        "    if key in CACHE:\n        x = CACHE[key]\n    else:\n        x = CACHE[key] = load(key)\n    return x\n",
        "    x = CACHE.get(key)\n    if x is None:\n        x = CACHE[key] = load(key)\n    return x\n",
        "    x = CACHE.get(key)\n    if not x:\n        CACHE[key] = x = load(key)\n    return x\n",
        "    x = CACHE.get(key)\n    if x is not None:\n        return x\n    CACHE[key] = load(key)\n",
        "    if (x := CACHE.get(key)) is None:\n        x = load(key)\n        CACHE[key] = x\n    return x\n",
        "    try:\n        return CACHE[key]\n    except KeyError:\n        x = CACHE[key] = load(key)\n        return x\n",
        "    try:\n        return CACHE[key]\n    except KeyError:\n        pass\n    CACHE[key] = load(key)\n",
        "    with suppress(KeyError):\n        return CACHE[key]\n    CACHE[key] = load(key)\n",
        "    with LOCK:\n        if key in CACHE:\n            return CACHE[key]\n    x, y = load(key)\n    CACHE[key] = x\n",
        "    return CACHE.setdefault(key, load(key))\n",
        "    while wait():\n        if key not in CACHE:\n            CACHE[key] = load(key)\n    return CACHE[key]\n",
    ],
)
def test_hits_and_misses(body: str) -> None:
    assert caches(f"CACHE = {{}}\ndef f(key):\n{body}") == [("CACHE", "key")]


@pytest.mark.parametrize(
    "body",
    [
        "    CACHE[key] = load(key)\n    return CACHE[key]\n",
        "    if key in CACHE:\n        raise KeyError\n    CACHE[key] = load(key)\n    return CACHE[key]\n",
        "    if key in CACHE:\n        return None\n    CACHE[key] = load(key)\n",
        "    if key not in OTHER:\n        CACHE[key] = load(key)\n    return CACHE[key]\n",
        "    if other not in CACHE:\n        CACHE[key] = load(key)\n    return CACHE[key]\n",
        "    if key not in CACHE:\n        CACHE[key] = value\n    return CACHE[key]\n",
        "    if key not in CACHE:\n        CACHE[key] = []\n    return CACHE[key]\n",
        "    if key not in CACHE:\n        CACHE[key] = set()\n    CACHE[key].add(1)\n",
        "    if key not in CACHE:\n        CACHE[key] = load(key)\n    CACHE[key].append(1)\n",
        "    CACHE.setdefault(key, load(key))\n",
    ],
)
def test_no_caches(body: str) -> None:
    assert caches(f"CACHE = {{}}\nOTHER = {{}}\ndef f(key, value=1, other=2):\n{body}") == []


@pytest.mark.parametrize(
    "more",
    [
        "CACHE.clear()",
        "CACHE.pop(1)",
        "CACHE.popitem()",
        "del CACHE[1]",
        "def g():\n    global CACHE\n    CACHE = {}",
        "trim(CACHE)",
        "def g(): return CACHE",
        "OTHER = CACHE",
        "if len(CACHE) > 10: stop()",
        "def g():\n    c = CACHE\n    c.clear()",
        "x = [CACHE]",
        "CACHE = load(1)",
    ],
)
def test_what_may_empty_it(more: str) -> None:
    assert caches(f"CACHE = {{}}\ndef f(key):\n{HIT}{more}\n") == []


@pytest.mark.parametrize(
    "more",
    [
        "print(CACHE)",
        "for x in CACHE: print(x)",
        "def g(): return sorted(CACHE.items())",
        "def g(): return 1 in CACHE",
        "if CACHE: print(1)",
        "def g():\n    c = CACHE\n    return c.get(1)",
        "CACHE.update(a=1)",
        "log(f'{CACHE}')",
    ],
)
def test_what_leaves_it_alone(more: str) -> None:
    assert caches(f"CACHE = {{}}\ndef f(key):\n{HIT}{more}\n") == [("CACHE", "key")]


@pytest.mark.parametrize("made", ["{}", "dict()", "OrderedDict()", "defaultdict(dict)"])
def test_how_it_is_made(made: str) -> None:
    assert caches(
        f"from collections import *\nfrom collections import OrderedDict, defaultdict\nCACHE = {made}\ndef f(key):\n{HIT}"
    )


@pytest.mark.parametrize(
    "made", ["{1: 2}", "dict(a=1)", "WeakValueDictionary()", "load()", "None", "LRU(10)"]
)
def test_what_else_it_may_be(made: str) -> None:
    assert caches(f"CACHE = {made}\ndef f(key):\n{HIT}") == []


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("(a, b)", "(a, b)"),
        ("f'{b}:{a}'", "b"),
        ("str(a)", "a"),
        ("a.email", "a.email"),
        ("self_key(a)", "a"),
        ("type(a)", None),
        ("a.__class__", None),
        ("a.region", None),
        ("len(KNOWN)", None),
        ("a % 7", None),
        ("TABLE[a]", None),
        ("'constant'", None),
    ],
)
def test_keys(key: str, expected: str | None) -> None:
    found = caches(
        f"CACHE = {{}}\nTABLE = {{1: 2}}\ndef f(a, b):\n    key = {key}\n"
        "    if key not in CACHE:\n        CACHE[key] = load(key)\n    return CACHE[key]\n"
    )
    assert found == ([] if expected is None else [("CACHE", expected)])


@pytest.mark.parametrize(
    ("name", "attribute", "expected"),
    [
        ("PriceService", "_prices", True),
        ("PriceStorage", "_prices", True),
        ("Prices", "_cache", False),
        ("Prices", "_prices", False),
        ("PriceResolver", "_prices", False),
        ("PriceVisitor", "_cache", False),
        ("PriceParser", "_cache", False),
    ],
)
def test_objects_that_live_on(name: str, attribute: str, expected: bool) -> None:
    source = (
        f"class {name}:\n    def __init__(self):\n        self.{attribute} = {{}}\n    def get(self, key):\n"
        f"        if key not in self.{attribute}:\n            self.{attribute}[key] = load(key)\n"
        f"        return self.{attribute}[key]\n"
    )
    assert bool(caches(source)) is expected
    assert not caches(f"{source}def f(x):\n    found = {name}()\n    return found.get(x)\n")
    assert not caches("def f():\n" + "".join(f"    {line}\n" for line in source.splitlines()))


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("prices = Prices()", True),
        ("def start():\n    global prices\n    prices = Prices()", True),
        ("def start(app):\n    app.state.prices = Prices()", True),
        ("def start(self):\n    self.prices = Prices()", False),
        ("def one(key):\n    return Prices().get(key)", False),
    ],
)
def test_objects_that_are_kept(after: str, expected: bool) -> None:
    source = (
        "class Prices:\n    def __init__(self):\n        self._found = {}\n    def get(self, key):\n"
        "        if key not in self._found:\n            self._found[key] = load(key)\n        return self._found[key]\n"
    )
    assert bool(caches(f"{source}{after}\n")) is expected


@pytest.mark.parametrize(
    "text", ["Make one per order.", "Lives for a single request only. Created for each order."]
)
def test_objects_that_are_said_to_be_short_lived(text: str) -> None:
    source = (
        "class PriceManager:\n    {0}\n    def __init__(self):\n        self._found = {{}}\n    def get(self, key):\n"
        "        if key not in self._found:\n            self._found[key] = load(key)\n        return self._found[key]\n"
    )
    assert caches(source.format('"""Prices of the shop."""'))
    assert not caches(source.format(f'"""{text}"""'))
