"""What provenance tags say, and what is wrong with it."""

from __future__ import annotations

import pytest
from questions import module

from flake8_aiguard import provenance

NO_DATE = "is no ISO 8601 date and time"
NO_OFFSET = "has no offset from UTC"


@pytest.mark.parametrize(
    "value",
    [
        "2025-11-03T14:20:00Z",
        "2025-11-03T14:20:00+00:00",
        "2025-11-03T14:20:00-08:00",
        "2025-11-03T14:20:00.5+05:30",
        "2025-11-03T14:20:00,123456789Z",
        "2025-11-03T14:20Z",
        "2025-11-03T14Z",
        "2025-11-03T14+02",
        "2025-11-03T24:00:00Z",
        "2024-02-29T00:00:00Z",
        "2025-11-03t14:20:00z",
        "2025-11-03 14:20:00+00:00",
        "20251103T142000Z",
        "20251103T142000+0200",
        "2025-W45-1T14:20:00Z",
        "2020-W53-7T14:20:00Z",
        "2025W451T142000Z",
        "2024-366T14:20:00Z",
        "2025307T142000Z",
        "2016-12-31T23:59:60Z",
    ],
)
def test_timestamps_with_offset(value: str) -> None:
    assert provenance.fault("timestamp", value) is None


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("2025-11-03T14:20:00", NO_OFFSET),
        ("2025-11-03 14:20", NO_OFFSET),
        ("20251103T142000", NO_OFFSET),
        ("2025-11-03", NO_DATE),
        ("14:20:00Z", NO_DATE),
        ("", NO_DATE),
        ("now", NO_DATE),
        ("2025-11-03T14:20:00 Z", NO_DATE),
        (" 2025-11-03T14:20:00Z", NO_DATE),
        ("2025-11-03T14:20:00Z\n", NO_DATE),
        ("2025-11-03T14:20:00+2:00", NO_DATE),
        ("2025-11-03T14:20:00+24:00", NO_DATE),
        ("2025-11-03T14:20:00Europe/Berlin", NO_DATE),
        ("2025-11-31T14:20:00Z", NO_DATE),
        ("2025-00-03T14:20:00Z", NO_DATE),
        ("2025-02-29T14:20:00Z", NO_DATE),
        ("0000-01-01T00:00:00Z", NO_DATE),
        ("2025-11-03T24:00:01Z", NO_DATE),
        ("2025-11-03T14:60:00Z", NO_DATE),
        ("2025-W53-1T14:20:00Z", NO_DATE),
        ("2025-366T14:20:00Z", NO_DATE),
        ("2025-000T14:20:00Z", NO_DATE),
        ("9999-366T14:20:00Z", NO_DATE),
        ("\u0662\u0660\u0662\u0665-11-03T14:20:00Z", NO_DATE),
        ("11/03/2025 14:20", NO_DATE),
        (1762179600, NO_DATE),
        (None, NO_DATE),
        (b"2025-11-03T14:20:00Z", NO_DATE),
    ],
)
def test_malformed_timestamps(value: object, fault: str) -> None:
    assert (provenance.fault("timestamp", value) or "").startswith(fault)


@pytest.mark.parametrize("value", [0, 1, 0.0, 1.0, 0.5, 5e-324])
def test_confidence_from_0_to_1(value: float) -> None:
    assert provenance.fault("confidence", value) is None


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (1.0000001, "is not between 0 and 1"),
        (-0.1, "is not between 0 and 1"),
        (100, "is not between 0 and 1"),
        (10**400, "is not between 0 and 1"),
        (float("nan"), "is not between 0 and 1"),
        ("0.9", "is not a number"),
        ("high", "is not a number"),
        (True, "is not a number"),
        (None, "is not a number"),
        (0.5j, "is not a number"),
    ],
)
def test_malformed_confidence(value: object, fault: str) -> None:
    assert (provenance.fault("confidence", value) or "").startswith(fault)


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("model", "m", None),
        ("model", "", "names no model"),
        ("model", "\t", "names no model"),
        ("model", 3, "names no model"),
        ("task_id", "T-1", None),
        ("task_id", 17, None),
        ("task_id", False, "names no task"),
        ("task_id", "", "names no task"),
        ("reviewer", "ada", None),
        ("reviewer", 0, None),
        ("reviewer", [], None),
        ("reviewer", "", "is empty"),
        ("reviewer", None, "is empty"),
    ],
)
def test_other_keys(key: str, value: object, fault: str | None) -> None:
    found = provenance.fault(key, value)
    assert found is None if fault is None else (found or "").startswith(fault)


def read(source: str) -> provenance.Metadata:
    found = module(source)
    (tag,) = found.generated.tags
    return provenance.read(found, tag)


def values(source: str) -> dict[str, object]:
    return {key: entry.value if entry.is_known else "?" for key, entry in read(source).entries.items()}


@pytest.mark.parametrize(
    ("before", "arguments", "expected"),
    [
        ("", 'model="a" "b", confidence=-1', {"model": "ab", "confidence": -1}),
        ("", 'model="a" + "b", task_id=f"T-{1}"', {"model": "ab", "task_id": "?"}),
        ("", "model=None, task_id=[1, 2]", {"model": None, "task_id": [1, 2]}),
        ("A = 'a'\nB = A\n", "model=B", {"model": "a"}),
        ("A = B\nB = A\n", "model=A", {"model": "?"}),
        ("A: str = 'a'\n", "model=A", {"model": "a"}),
        ("A, B = 'a', 'b'\n", "model=B", {"model": "b"}),
        ("A = 'a'\nA += 'b'\n", "model=A", {"model": "?"}),
        ("from c import A\n", "model=A", {"model": "?"}),
        ("class C:\n    A = 'a'\n", "model=C.A", {"model": "a"}),
        ("import c\n", "model=c.A", {"model": "?"}),
        ("M = {'model': 'a'}\n", "model=M['model']", {"model": "a"}),
        ("M = {'model': 'a', 'other': f()}\n", "**M", {"model": "a", "other": "?"}),
        ("M = {'model': 'a'}\n", "**M, model='b'", {"model": "b"}),
        ("M = {'model': 'a'}\nM['task_id'] = 't'\n", "**M", {"model": "a", "task_id": "t"}),
        ("M = {'model': 'a'}\nM.clear()\n", "**M", {}),
        (
            "def generated(model, *, task_id='t', confidence=None): ...\n",
            "'a'",
            {"model": "a", "task_id": "t"},
        ),
        ("class generated:\n    def __init__(self, model): ...\n", "'a'", {"model": "a"}),
        (
            "from functools import partial\ngenerated = partial(tag, model='a')\n",
            "task_id='t'",
            {"model": "a", "task_id": "t"},
        ),
    ],
)
def test_values(before: str, arguments: str, expected: dict[str, object]) -> None:
    assert values(f"{before}@generated({arguments})\ndef f(): ...\n") == expected


@pytest.mark.parametrize(
    ("source", "unnamed", "is_complete"),
    [
        ("@generated\ndef f(): ...", 0, True),
        ("@generated('a', 'b')\ndef f(): ...", 2, True),
        ("@generated(*a)\ndef f(): ...", 0, False),
        ("@generated(**a)\ndef f(): ...", 0, False),
        ("@generated(**{'model': 'a'})\ndef f(): ...", 0, False),
        ("M = {'model': 'a'}\n@generated(**M)\ndef f(): ...", 0, True),
        ("M = dict(model='a')\n@generated(**M)\ndef f(): ...", 0, False),
        ("M = {'model': 'a', **N}\n@generated(**M)\ndef f(): ...", 0, False),
        ("M = {'model': 'a'}\nfill(M)\n@generated(**M)\ndef f(): ...", 0, False),
        ("def generated(model): ...\n@generated('a', 'b')\ndef f(): ...", 1, True),
        ("generated = make('a')\n@generated()\ndef f(): ...", 0, False),
        ("generated = lambda **k: k\n@generated()\ndef f(): ...", 0, True),
        ("class generated(dict): ...\n@generated()\ndef f(): ...", 0, False),
        ("# @generated('a')\n", 1, True),
    ],
)
def test_what_may_be_hidden(source: str, unnamed: int, is_complete: bool) -> None:
    found = read(source)
    assert (found.unnamed, found.is_complete) == (unnamed, is_complete)


def test_missing_keys_in_the_order_of_the_setting() -> None:
    found = read("@generated(model='a', extra=1)\ndef f(): ...\n")
    assert found.missing(("reviewer", "model", "task_id")) == ["reviewer", "task_id"]


def test_an_entry_knows_its_argument_and_its_source() -> None:
    entry = read("A = 'a'\n\n@generated(\n    model=A,\n)\ndef f(): ...\n").entries["model"]
    assert (entry.node.lineno, entry.source.lineno) == (4, 1)


def test_a_value_is_shown_on_one_short_line() -> None:
    assert provenance.shown("a\nb") == r"'a\nb'"
    assert len(provenance.shown("a" * 1000)) == 60
    assert provenance.shown(1 << 100_000)
