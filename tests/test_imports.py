"""Canonical names: what resolves, and what only looks right."""

from __future__ import annotations

import pytest
from questions import asked, module


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import requests\nask(requests.get)", "requests.get"),
        ("import requests as r\nask(r.get)", "requests.get"),
        ("from requests import get\nask(get)", "requests.get"),
        ("from requests import get as g\nask(g)", "requests.get"),
        ("import os.path\nask(os.path.exists)", "os.path.exists"),
        ("import os.path as p\nask(p.exists)", "os.path.exists"),
        ("import urllib.request, urllib.parse\nask(urllib.request.urlopen)", "urllib.request.urlopen"),
        ("def f():\n    import requests\n    ask(requests.get)", "requests.get"),
        ("def f():\n    import requests\ndef g():\n    ask(requests.get)", None),
        ("from .utils import fetch\nask(fetch)", ".utils.fetch"),
        ("from . import utils\nask(utils.fetch)", ".utils.fetch"),
        ("from .. import utils\nask(utils.fetch)", "..utils.fetch"),
        ("ask(open)", "builtins.open"),
        ("import builtins\nask(builtins.open)", "builtins.open"),
        ("from gzip import open\nask(open)", "gzip.open"),
        ("def open(): pass\nask(open)", None),
        ("ask(unknown)", None),
        ("from x import *\nask(unknown)", None),
        ("import requests\ndef f(requests):\n    ask(requests.get)", None),
        ("import requests\nrequests = {}\nask(requests.get)", None),
        ("import requests\ndef f():\n    requests = {}\n    ask(requests.get)", None),
        ("import requests\nclass A:\n    requests = {}\n    def f(self): ask(requests.get)", "requests.get"),
        ("import requests\nask(foo('x').get)", None),
        ("import requests\nask(requests.get('x').json)", None),
        ("import requests\nask(requests['x'].get)", None),
        ("import time\nsleep = time.sleep\nask(sleep)", "time.sleep"),
        ("import time\nsleep = time.sleep\nsleep = print\nask(sleep)", None),
        ("import time\ndef f(sleep=time.sleep):\n    ask(sleep)", None),
        ("x = x.y\nask(x.z)", None),
        (
            "try:\n    import requests\nexcept ImportError:\n    requests = None\nask(requests.get)",
            "requests.get",
        ),
        ("try:\n    import ujson as json\nexcept ImportError:\n    import json\nask(json.loads)", None),
        ("try:\n    import json\nexcept ImportError:\n    import json\nask(json.loads)", "json.loads"),
        ("x = None\nask(x.y)", None),
        ("for requests in xs:\n    ask(requests.get)", None),
        ("[ask(open) for open in xs]", None),
    ],
)
def test_qualname(source: str, name: str | None) -> None:
    found = module(source)
    (node,) = asked(found)
    assert found.qualname(node) == name


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("from requests.sessions import Session\nask(Session)", "requests.Session"),
        ("import requests\nask(requests.sessions.Session.get)", "requests.Session.get"),
        ("import requests.api\nask(requests.api.get)", "requests.get"),
    ],
)
def test_other_import_paths_have_one_name(source: str, name: str) -> None:
    found = module(source)
    (node,) = asked(found)
    assert found.qualname(node) == name


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import requests.api\nask(requests.api.get)", "requests.api.get"),
        ("import requests as r\nask(r.get)", "requests.get"),
        ("from time import sleep as s\nask(s)", "time.sleep"),
        ("ask(open)", "builtins.open"),
        ("ask(unknown)", None),
        ("ask(str.upper)", None),
        ("import time\nsleep = time.sleep\nask(sleep)", None),
        ("try:\n    import requests\nexcept ImportError:\n    requests = None\nask(requests.get)", None),
        ("try:\n    import json\nexcept ImportError:\n    import json\nask(json.loads)", "json.loads"),
        ("import requests\nask(requests.get('x').json)", None),
    ],
)
def test_imported_is_what_import_statements_alone_say(source: str, name: str | None) -> None:
    found = module(source)
    (node,) = asked(found)
    assert found.imports.imported(node) == name
