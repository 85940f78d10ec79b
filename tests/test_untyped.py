"""Lookups in untyped data."""

from __future__ import annotations

import ast

import pytest
from questions import asked, module

from flake8_aiguard.untyped import Untyped
from flake8_aiguard.untyped import asked as asked_for

HEAD = """
import json
from typing import Any, Mapping, Optional, TypedDict, Union

class Row(TypedDict):
    id: int

Alias = dict[str, Any]
"""


def lookup(body: str, parameters: str = "text") -> list[str | None]:
    """The origin of the data of each question, ``None`` where it is no lookup in untyped data."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    found = module(f"{HEAD}\ndef f({parameters}):\n{lines}\n")
    untyped = Untyped(found)
    answers = (untyped.lookup(node) for node in asked(found))
    return [None if answer is None else answer.data.origin for answer in answers]


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ("dict", [""]),
        ("dict[str, Any]", [""]),
        ("'dict[str, Any]'", [""]),
        ("Mapping[str, object]", [""]),
        ("Any", [""]),
        ("Optional[dict]", [""]),
        ("dict | None", [""]),
        ("Union[dict, None]", [""]),
        ("Alias", [""]),
        ("dict[str, int]", [None]),
        ("dict[str, Row]", [None]),
        ("dict[str, dict[str, Any]]", [None]),
        ("dict[str, int | str]", [None]),
        ("dict | list", [None]),
        ("Row", [None]),
        ("'not a type('", [None]),
        ("str", [None]),
        ("list[Any]", [""]),
        ("tuple[Any, ...]", [""]),
        ("tuple[int, Any]", [None]),
    ],
)
def test_annotations(annotation: str, expected: list[str | None]) -> None:
    assert lookup("ask(data['k'])", f"data: {annotation}") == expected


def test_two_steps() -> None:
    assert lookup("ask(data['a']['b'])\nask(data['a'])", "data: dict[str, dict[str, Any]]") == ["", None]


@pytest.mark.parametrize(
    "body",
    [
        "data = json.loads(text)\nask(data['a'])",
        "ask(json.loads(text).get('a'))",
        "data = json.loads(text).copy()\nask(data.pop('a', 1))",
        "for item in json.loads(text): ask(item['a'])",
        "for _, item in enumerate(sorted(json.loads(text))): ask(item['a'])",
        "for _, item in json.loads(text).items(): ask(item['a'])",
        "for item in json.loads(text)['a'].values(): ask(item['a'])",
        "[ask(item['a']) for item in json.loads(text)]",
        "data: Any = json.loads(text)\nask(data['a'])",
        "data = json.loads(text) or {}\nask(data['a'])",
        "if data := json.loads(text): ask(data['a'])",
        "data = json.loads(text)\ninner = data['a']\nask(inner[0]['b'])",
        "rows = [json.loads(line) for line in text]\nfor row in rows: ask(row['a'])",
        "for row in map(json.loads, text): ask(row['a'])",
        "ask(dict(json.loads(text))['a'])",
        "data = 1\ndata = json.loads(text)\nask(data['a'])",
    ],
)
def test_parsed(body: str) -> None:
    assert lookup(body) == ["JSON"]


@pytest.mark.parametrize(
    "body",
    [
        "data = {'a': 1}\nask(data['a'])",
        "data: dict[str, Any] = {'a': 1}\nask(data['a'])",
        "data: dict[str, Any] = dict(a=1)\nask(data['a'])",
        "data = json.loads(text)\ndata = Row(data)\nask(data['a'])",
        "data = json.loads(text)\nif data: data = text.split()\nask(data[0])",
        "data = json.loads(text)\nask(data['a':'b'])",
        "data = json.loads(text)\nask(int(data['a']))",
        "for key, _ in json.loads(text).items(): ask(key['a'])",
        "data, more = json.loads(text), text\nask(more['a'])",
        "data = data['a']\nask(data['a'])",
        "ask(text['a'])",
    ],
)
def test_not_untyped(body: str) -> None:
    assert lookup(body) == [None]


def test_names_of_a_registry() -> None:
    body = "ask(data[name]['a'])\nask(data['x']['a'])\nask(json.loads(name)[name]['a'])"
    assert lookup(body, "data: dict[str, Any], name") == [None, "", "JSON"]


def test_attributes() -> None:
    found = module(
        """
        import json
        from typing import Any

        class A:
            declared: dict[str, Any]

            def __init__(self, text, given: dict):
                self.parsed = json.loads(text)
                self.given: dict = given
                self.filled: dict[str, Any] = {}
                self.either = json.loads(text)
                self.either = None

            def f(self):
                ask(self.declared["a"])
                ask(self.parsed["a"])
                ask(self.given["a"])
                ask(self.filled["a"])
                ask(self.either["a"])
                ask(self.unknown["a"])
        """
    )
    untyped = Untyped(found)
    assert [untyped.lookup(node) is not None for node in asked(found)] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


def test_functions_of_this_file() -> None:
    found = module(
        """
        from typing import Any
        def load() -> dict[str, Any]: ...
        def typed() -> dict[str, int]: ...
        def bare(): ...
        def first(*args: Any, **kwargs: Any):
            ask(load()["a"])
            ask(typed()["a"])
            ask(bare()["a"])
            ask(kwargs["a"])
        """
    )
    untyped = Untyped(found)
    assert [untyped.lookup(node) is not None for node in asked(found)] == [True, False, False, False]


def test_what_a_lookup_says() -> None:
    found = module(
        "def f(data: dict):\n    ask(data.get('a'))\n    ask(data.get('a', 1))\n    ask(data['a'])"
    )
    untyped = Untyped(found)
    answers = [untyped.lookup(node) for node in asked(found)]
    assert [(item.may_miss, item.has_default) for item in answers if item] == [
        (True, False),
        (False, True),
        (False, False),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("d['k']", False),
        ("d.get('k')", True),
        ("d.get('k', None)", True),
        ("d.get('k', 0)", False),
        ("d.pop('k')", False),
        ("d[1:2]", None),
        ("d.get()", None),
        ("d.get(1, 2, 3)", None),
        ("d.find('k')", None),
    ],
)
def test_asked(text: str, expected: bool | None) -> None:
    container, _, may_miss = asked_for(ast.parse(text, mode="eval").body)
    assert (None if container is None else may_miss) is expected


def test_long_chains_end() -> None:
    assert lookup(f"data = json.loads(text)\nask(data{'[0]' * 300})") == [None]
    annotation = " | ".join(f"A{number}" for number in range(500))
    assert lookup("ask(data['a'])", f"data: {annotation}") == [None]
