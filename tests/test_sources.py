"""Where values come from outside."""

from __future__ import annotations

import ast

import harness
import pytest

from flake8_aiguard.module import Module
from flake8_aiguard.settings import Settings


def kind(source: str) -> str | None:
    """Return the kind of the source that the value of the last assignment to ``x`` is."""
    tree, lines = harness.parse(source)
    module = Module(tree, "example.py", lines, Settings())
    assign = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)][-1]
    row = module.sources.row(assign.value)
    return None if row is None else str(row["kind"])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import json as j\nx = j.loads(t)\n", "json"),
        ("from json import loads as parse\nx = parse(t)\n", "json"),
        ("import json\njson = make()\nx = json.loads(t)\n", None),
        ("import sys\nx = sys.argv\n", "argv"),
        ("from os import environ\nx = environ\n", "environment"),
        ("import os\nx = os.environ['A']\n", None),  # a part of a source is not the source itself
        ("x = input()\n", "input"),
        ("def input(): ...\nx = input()\n", None),
        ("from flask import request\nx = request.args\n", "request"),
        ("import argparse\np = argparse.ArgumentParser()\nx = p.parse_args()\n", "argv"),
        ("def main(parser):\n    x = parser.parse_args()\n", "argv"),
        ("def main(thing):\n    x = thing.parse_args()\n", None),
        ("with open(p) as f:\n    x = f.read()\n", "file"),
        ("async def view(request):\n    x = await request.json()\n", "request"),
        ("def view(request):\n    x = request.POST\n", "request"),
        ("def view(request):\n    request = make()\n    x = request.POST\n", None),
        ("from lib import Request\ndef view(request: Request):\n    x = request.POST\n", None),
        ("from django.http import HttpRequest\ndef view(r: HttpRequest):\n    x = r.POST\n", "request"),
        ("class View:\n    def get(self):\n        x = self.request.GET\n", "request"),
        ("def view(other):\n    x = other.request.GET\n", None),
        ("def lambda_handler(event, context):\n    x = event\n", "event"),
        ("def on_click(event, context):\n    x = event\n", None),
        ("import requests\nr = requests.get(u)\nx = r.json()\n", "response"),
    ],
)
def test_a_source_is_told_by_its_name_type_or_place(source: str, expected: str | None) -> None:
    assert kind(source) == expected
