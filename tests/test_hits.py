"""What is fetched before a cache is asked."""

from __future__ import annotations

import ast

import pytest
from questions import module

from flake8_aiguard.hits import Hits, may_fetch
from flake8_aiguard.reads import Reads


def wasted(body: str) -> str | None:
    """The cache that makes the first assignment of a function a waste."""
    lines = "\n    ".join(body.splitlines())
    found = module(f"def f(self, k, api, cache, d, lock):\n    {lines}")
    value = found.index.nodes(ast.Assign)[0].value
    while (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and isinstance(value.func.value, ast.Call)
    ):
        value = value.func.value
    assert isinstance(value, ast.Call)
    result = Hits(found, Reads(found)).wasted(value)
    return None if result is None else result.cache


@pytest.mark.parametrize(
    ("body", "cache"),
    [
        ("v = fetch(k)\nif k in cache:\n    return cache[k]\ncache[k] = v", "cache"),
        ("v = fetch(k)\nif k in cache:\n    return cache[k]\nreturn v", "cache"),
        ("v = compute(k)\nif k in d:\n    return d[k]\nd[k] = v\nreturn v", "d"),
        ("v = compute(k)\nif k in d:\n    return d[k]\nreturn v", None),
        ("v = compute(k)\nif k in d:\n    return 1\nd[k] = v", None),
        ("v = fetch(k)\nif k not in cache:\n    cache[k] = v\nreturn cache[k]", "cache"),
        ("v = fetch(k)\nif k not in cache:\n    cache[k] = v\nreturn v", None),
        ("v = fetch(k)\nc = cache.get(k)\nif c is not None:\n    return c\nreturn v", "cache"),
        ("v = fetch(k)\nc = cache.get(k)\nif c is None:\n    cache.set(k, v)\n    c = v\nreturn c", "cache"),
        ("v = fetch(k)\nif (c := cache.get(k)):\n    return c\nreturn v", "cache"),
        ("v = fetch(k)\nif cache.exists(k):\n    return cache.read(k)\nreturn v", "cache"),
        ("v = fetch(k)\nif not cache.exists(k):\n    cache.put(k, v)\nreturn cache.read(k)", "cache"),
        ("v = fetch(k)\nif self._cached:\n    return self._cached\nreturn v", "self._cached"),
        ("v = fetch(k)\nif self.x is None:\n    self.x = v\nreturn self.x", "self.x"),
        ("v = fetch(k)\ntry:\n    return cache[k]\nexcept KeyError:\n    return v", "cache"),
        ("v = fetch(k)\nwith lock:\n    if k in cache:\n        return cache[k]\nreturn v", "cache"),
        ("v = fetch(k).json()\nif k in cache:\n    return cache[k]\nreturn v", "cache"),
        ("v = fetch(k)\nw = v.json()\nif k in cache:\n    return cache[k]\nreturn w", "cache"),
        ("v = fetch(k)\nw = v.key()\nif w in cache:\n    return cache[w]\nreturn v", None),
        ("with lock:\n    v = fetch(k)\nif k in cache:\n    return cache[k]\nreturn v", "cache"),
        ("if k in cache:\n    return 1\nv = fetch(k)\nif k in cache:\n    return cache[k]\nreturn v", None),
        ("v = fetch(k)\nlog(v)\nif k in cache:\n    return cache[k]\nreturn v", None),
        ("v = fetch(k)\nif v in cache:\n    return cache[v]\nreturn v", None),
        ("v = fetch(k)\nif k in cache:\n    return cache[k] + v\nreturn v", None),
        ("v = fetch(k)\nif k in cache:\n    log(k)\nreturn v", None),
        ("v = d.get(k)\nif k in cache:\n    return cache[k]\ncache[k] = v\nreturn v", None),
        ("v = fetch(k)\nwhile k in cache:\n    return cache[k]\nreturn v", None),
    ],
)
def test_wasted(body: str, cache: str | None) -> None:
    assert wasted(body) == cache


def test_names_that_fetch() -> None:
    assert [name for name in ("fetch_user", "_load", "urlopen", "reload", "save", "") if may_fetch(name)] == [
        "fetch_user",
        "_load",
        "urlopen",
    ]
