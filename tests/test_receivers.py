"""Receiver types, one hop."""

from __future__ import annotations

import ast

import pytest
from questions import asked, module

SESSION = "import requests, typing\nfrom typing import Optional, Annotated\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("s = requests.Session()\nask(s)", "requests.Session"),
        ("s = requests.session()\nask(s)", "requests.Session"),
        ("with requests.Session() as s: ask(s)", "requests.Session"),
        ("s = requests.Session()\ndef f(): ask(s)", "requests.Session"),
        ("ask(requests.Session())", "requests.Session"),
        ("def f(s: requests.Session): ask(s)", "requests.Session"),
        ("def f(s: 'requests.Session'): ask(s)", "requests.Session"),
        ("def f(s: 'Optional[requests.Session]' = None): ask(s)", "requests.Session"),
        ("def f(s: Optional[requests.Session]): ask(s)", "requests.Session"),
        ("def f(s: typing.Union[requests.Session, None]): ask(s)", "requests.Session"),
        ("def f(s: requests.Session | None): ask(s)", "requests.Session"),
        ("def f(s: Annotated[requests.Session, 1]): ask(s)", "requests.Session"),
        ("def f(s: requests.Session | int): ask(s)", None),
        ("def f(s: 'not valid('): ask(s)", None),
        ("def f(s: list[requests.Session]): ask(s)", "builtins.list"),
        ("def f(*s: requests.Session): ask(s)", None),
        ("def f(s): ask(s)", None),
        ("def f(s=requests.Session()): ask(s)", None),
        ("s = None\ns = requests.Session()\nask(s)", "requests.Session"),
        ("s = requests.Session()\ns = other()\nask(s)", None),
        ("s = requests.Session() if x else None\nask(s)", "requests.Session"),
        ("s = requests.Session() if x else other()\nask(s)", None),
        ("def f(s=None):\n    s = s or requests.Session()\n    ask(s)", None),
        ("if (s := requests.Session()): ask(s)", "requests.Session"),
        ("a, s = 1, requests.Session()\nask(s)", "requests.Session"),
        ("a, s = requests.Session()\nask(s)", None),
        ("s: requests.Session\nask(s)", "requests.Session"),
        ("s = requests.Session().headers\nask(s)", None),
        ("s = requests.get\nask(s)", None),
        ("def f():\n    s = requests.Session()\n    s = s\n    ask(s)", None),
        ("class requests:\n    pass\ns = requests.Session()\nask(s)", None),
        ("from .http import Session\nask(Session())", None),
    ],
)
def test_names(source: str, expected: str | None) -> None:
    found = module(SESSION + source)
    (node,) = asked(found)
    assert found.type_of(node) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("def __init__(self): self.s = requests.Session()\n    def f(self): ask(self.s)", "requests.Session"),
        ("def f(self): ask(self.s)\n    def g(self): self.s = requests.Session()", "requests.Session"),
        ("s = requests.Session()\n    def f(self): ask(self.s)", "requests.Session"),
        ("s: requests.Session\n    def f(self): ask(self.s)", "requests.Session"),
        (
            "s = None\n    def g(self): self.s = requests.Session()\n    def f(self): ask(self.s)",
            "requests.Session",
        ),
        ("def g(self, s: requests.Session): self.s = s\n    def f(self): ask(self.s)", "requests.Session"),
        ("def g(self): self.s: requests.Session = make()\n    def f(self): ask(self.s)", "requests.Session"),
        ("def g(self, s): self.s = s\n    def f(self): ask(self.s)", None),
        ("def g(self, s): self.s = s or requests.Session()\n    def f(self): ask(self.s)", None),
        (
            "def g(self): self.s = requests.Session()\n    def h(self): self.s = 1\n    def f(self): ask(self.s)",
            None,
        ),
        ("def __init__(this): this.s = requests.Session()\n    def f(me): ask(me.s)", "requests.Session"),
        (
            "def __init__(self): self.s = requests.Session()\n    def f(self):\n        def g(): ask(self.s)",
            "requests.Session",
        ),
        (
            "def __init__(self): self.s = requests.Session()\n    @staticmethod\n    def f(self): ask(self.s)",
            None,
        ),
        ("def __init__(self): self.s = requests.Session()\n    def f(self, other): ask(other.s)", None),
        (
            "@classmethod\n    def make(cls): cls.s = requests.Session()\n    def f(self): ask(self.s)",
            "requests.Session",
        ),
        (
            "def __enter__(self):\n        with requests.Session() as self.s: pass\n    def f(self): ask(self.s)",
            "requests.Session",
        ),
    ],
)
def test_attributes(body: str, expected: str | None) -> None:
    found = module(f"{SESSION}class A:\n    {body}\n")
    (node,) = asked(found)
    assert found.type_of(node) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("n = Net()\nask(n)", ["torch.nn.Module"]),
        ("def f(x):\n    n = Deep() if x else None\n    ask(n)", ["torch.nn.Module"]),
        ("def f(n): ask(n)", []),
        ("n = Net()\nn = other()\nask(n)", []),
        ("class A(Deep):\n    def f(self): ask(self)", ["torch.nn.Module"]),
        (
            "class A:\n    def __init__(self): self.n = Net()\n    def f(self): ask(self.n)",
            ["torch.nn.Module"],
        ),
    ],
)
def test_inherited_from_outside(source: str, expected: list[str]) -> None:
    head = "import torch\nclass Net(torch.nn.Module): pass\nclass Deep(Net): pass\n"
    found = module(head + source)
    (node,) = asked(found)
    assert found.receivers.inherited(node) == expected


def test_types_given_to_a_call_and_to_the_constructor_of_its_receiver() -> None:
    found = module(
        """
        import io, requests, zipfile
        archive = zipfile.ZipFile(io.BytesIO(data))
        archive.extractall(path, requests.Session())
        """
    )
    (call,) = found.index.calls_named({"extractall"})
    assert found.receivers.given_types(call) == {"io.BytesIO", "requests.Session"}


def test_fields_of_dataclasses_and_bases() -> None:
    found = module(
        """
        import requests, dataclasses
        class Base:
            def __init__(self): self.session = requests.Session()
        @dataclasses.dataclass
        class Child(Base):
            other: requests.Session | None = None
            def f(self):
                ask(self.session)
                ask(self.other)
        """
    )
    assert [found.type_of(node) for node in asked(found)] == ["requests.Session"] * 2


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import sqlite3\nc = sqlite3.connect(p)\nask(c)", "sqlite3.Connection"),
        ("import sqlite3\nc = sqlite3.connect(p)\nask(c.cursor())", "sqlite3.Cursor"),
        ("import sqlite3\nc = sqlite3.connect(p).cursor()\nask(c)", "sqlite3.Cursor"),
        (
            "import sqlite3\nfrom contextlib import closing\nwith closing(sqlite3.connect(p)) as c: ask(c)",
            "sqlite3.Connection",
        ),
        ("from pathlib import Path\nask(Path(p) / 'a' / b)", "pathlib.Path"),
        ("from pathlib import Path\np = Path(q)\nask(p.parent)", "pathlib.Path"),
        ("from pathlib import Path\nask(Path.home() / 'x')", "pathlib.Path"),
        ("from pathlib import Path\nfor p in Path(q).glob('*'): ask(p)", "pathlib.Path"),
        ("ask(a / b)", None),
        ("from pathlib import Path\np = Path(q)\np = p / 'a'\nask(p)", "pathlib.Path"),
        (
            "from PIL import Image\ni = Image.open(p)\ni = i.convert('L').resize((1, 2))\nask(i)",
            "PIL.Image.Image",
        ),
        ("from PIL import Image\ni = Image.open(p)\ni = i.getdata()\nask(i)", None),
        ("from PIL import Image\ni = i.resize((1, 2))\nask(i)", None),
        ("from PIL import Image\ni = Image.open(p)\ni = i.resize(ask(i))", "PIL.Image.Image"),
        ("from PIL import Image\ni = Image.open(p)\ni = ask(i)", None),
        ("import pypdf\nfor page in pypdf.PdfReader(p).pages: ask(page)", "pypdf.PageObject"),
        (
            "import pypdf\npages = pypdf.PdfReader(p).pages\nfor i, page in enumerate(pages, 1): ask(page)",
            "pypdf.PageObject",
        ),
        ("import pypdf\npages = pypdf.PdfReader(p).pages\nfor i, page in enumerate(pages, 1): ask(i)", None),
        (
            "import pypdf\npages = pypdf.PdfReader(p).pages\nfor page, x in zip(pages, xs): ask(page)",
            "pypdf.PageObject",
        ),
        ("import pypdf\npages = pypdf.PdfReader(p).pages\nfor page, x in zip(pages, xs): ask(x)", None),
        (
            "import pypdf\npages = pypdf.PdfReader(p).pages\n[ask(page) for i, page in enumerate(pages)]",
            "pypdf.PageObject",
        ),
        (
            "import pypdf\npages = pypdf.PdfReader(p).pages\nfor (i, page), x in zip(pages, xs): ask(page)",
            None,
        ),
        ("import pypdf\nr = pypdf.PdfReader(p)\nask(r.pages[0])", "pypdf.PageObject"),
        ("import fitz\nfor page in fitz.open(p): ask(page)", "pymupdf.Page"),
        ("import pymongo\nask(pymongo.MongoClient()['db'].users)", "pymongo.collection.Collection"),
        ("import pymongo\nask(pymongo.MongoClient().db)", "pymongo.database.Database"),
        (
            "from sqlalchemy.orm import sessionmaker\nmake = sessionmaker()\nask(make())",
            "sqlalchemy.orm.Session",
        ),
        (
            "import grpc\nfrom . import shop_pb2_grpc\nc = grpc.insecure_channel(a)\nask(shop_pb2_grpc.ShopStub(c))",
            "grpc.Stub",
        ),
        ("import grpc\nfrom . import shop_pb2_grpc\nask(shop_pb2_grpc.ShopStub(c))", None),
        ("import queue\nask(queue.LifoQueue())", "queue.Queue"),
        ("import boto3\nask(boto3.client('s3'))", "boto3.client.s3"),
        ("import boto3\nask(boto3.client(name))", None),
        ("import asyncpg\nasync def f(): ask(await asyncpg.connect())", "asyncpg.Connection"),
        ("import asyncpg\nasync def f(): ask(asyncpg.connect())", None),
    ],
)
def test_tables_name_what_calls_return(source: str, expected: str | None) -> None:
    found = module(source)
    (node,) = asked(found)
    assert found.type_of(node) == expected


@pytest.mark.parametrize(
    ("iterable", "expected"),
    [
        ("pathlib.Path().iterdir()", "pathlib.Path"),
        ("sorted(pathlib.Path().glob('*'))", "pathlib.Path"),
        ("list(reversed(list(pathlib.Path().rglob('*'))))", "pathlib.Path"),
        ("os.scandir('.')", "os.DirEntry"),
        ("sorted(xs)", None),
        ("sorted()", None),
        ("filter(None, pathlib.Path().iterdir())", None),
    ],
)
def test_elements_of_what_a_loop_goes_over(iterable: str, expected: str | None) -> None:
    found = module(f"import os, pathlib\nfor x in {iterable}:\n    ask(x)\n")
    (node,) = asked(found)
    assert found.type_of(node) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(s: dict[str, requests.Session]): ask(s['a'])", "requests.Session"),
        ("def f(s: typing.Mapping[str, requests.Session]): ask(s.get('a'))", "requests.Session"),
        ("def f(s: dict[str, requests.Session]): ask(s.setdefault('a', other()))", "requests.Session"),
        ("def f(s: dict[str, requests.Session] | None): ask(s.pop('a', None))", "requests.Session"),
        ("def f(s: Optional[dict[str, requests.Session]]): ask(s['a'])", "requests.Session"),
        ("def f(s: list[requests.Session]): ask(s[0])", "requests.Session"),
        ("def f(s: typing.Deque[requests.Session]): ask(s.popleft())", "requests.Session"),
        ("def f(s: list[requests.Session]):\n    for one in s: ask(one)", "requests.Session"),
        ("def f(s: list[requests.Session]):\n    for i, one in enumerate(s): ask(one)", "requests.Session"),
        ("def f(s: dict[str, requests.Session]):\n    for one in s.values(): ask(one)", "requests.Session"),
        (
            "def f(s: dict[str, requests.Session]):\n    for k, one in list(s.items()): ask(one)",
            "requests.Session",
        ),
        (
            "def f(s: dict[str, requests.Session]):\n    [ask(one) for k, one in s.items()]",
            "requests.Session",
        ),
        ("s: dict[str, requests.Session] = {}\nask(s['a'])", "requests.Session"),
        (
            "class A:\n    def __init__(self): self.s: dict[str, requests.Session] = {}\n    def g(self): ask(self.s['a'])",
            "requests.Session",
        ),
        (
            "class A:\n    s: dict[str, requests.Session]\n    def g(self): ask(self.s['a'])",
            "requests.Session",
        ),
        ("def f(s: dict[str, requests.Session]):\n    for one in s: ask(one)", None),
        ("def f(s: dict[str, requests.Session]):\n    for one in s.items(): ask(one)", None),
        ("def f(s: dict[str, requests.Session]):\n    for k, one in s.items(): ask(k)", None),
        ("def f(s: list[requests.Session]): ask(s[1:])", None),
        ("def f(s: list[requests.Session]): ask(s.get('a'))", None),
        ("def f(s: dict[requests.Session]): ask(s['a'])", None),
        ("def f(s: dict): ask(s['a'])", None),
        ("def f(*s: list[requests.Session]): ask(s[0])", None),
        ("def f(s: tuple[requests.Session, int]): ask(s[1])", None),
    ],
)
def test_what_is_taken_out_of_an_annotated_container(source: str, expected: str | None) -> None:
    found = module(SESSION + source)
    (node,) = asked(found)
    assert found.type_of(node) == expected


def test_called_names_methods_by_type() -> None:
    found = module("import requests\ns = requests.Session()\ns.get(u)\nrequests.post(u)\nx.get(u)\n")
    assert [found.called(call) for call in found.index.nodes(ast.Call)] == [
        "requests.Session",
        "requests.Session.get",
        "requests.post",
        None,
    ]


def test_definitions_of_this_file() -> None:
    found = module(
        """
        def helper(): pass
        class Base:
            def inherited(self): pass
        class A(Base):
            def method(self): pass
            def f(self):
                ask(helper)
                ask(self.method)
                ask(self.inherited)
                ask(A.method)
                ask(self.missing)
                ask(A)
        def twice(): pass
        def twice(): pass
        ask(twice)
        """
    )
    names = [getattr(found.receivers.definition(node), "name", None) for node in asked(found)]
    assert names == ["helper", "method", "inherited", "method", None, "A", None]


def test_long_chains_end_without_an_answer() -> None:
    found = module("import requests\nask(requests.Session()" + ".x()" * 900 + ")\n")
    (node,) = asked(found)
    assert found.type_of(node) is None


@pytest.mark.parametrize(
    ("source", "variables", "calls", "known"),
    [
        ("s = make()\nask(s)", {"s"}, ["make"], True),
        ("s = t = make()\nask(s)", {"s"}, ["make"], True),
        ("t = make()\ns = t\nask(s)", {"s", "t"}, ["make"], True),
        ("s = None\ns = make()\nask(s)", {"s"}, ["make"], True),
        ("s = a() if x else b()\nask(s)", {"s"}, ["a", "b"], True),
        ("with make() as s: ask(s)", {"s"}, ["make"], True),
        ("import contextlib\nwith contextlib.closing(make()) as s: ask(s)", {"s"}, ["make"], True),
        ("async def f():\n    s = await make()\n    ask(s)", {"s"}, ["make"], True),
        ("ask(make())", set(), ["make"], True),
        ("s: object\ns = make()\nask(s)", {"s"}, ["make"], True),
        ("s = s\nask(s)", {"s"}, [], True),
        ("def f(s): ask(s)", {"s"}, [], False),
        ("def f(s=None):\n    s = s or make()\n    ask(s)", {"s"}, [], False),
        ("for s in make(): ask(s)", {"s"}, [], False),
        ("s = make().attribute\nask(s)", {"s"}, [], False),
        ("ask(missing)", set(), [], False),
        ("class A:\n    def g(self): self.s = make()\n    def f(self): ask(self.s)", {"s"}, ["make"], True),
        ("class A:\n    s = make()\n    def f(self): ask(self.s)", {"s"}, ["make"], True),
        ("class A:\n    def g(self, s): self.s = s\n    def f(self): ask(self.s)", {"s"}, [], False),
        (
            "class B:\n    def g(self): self.s = make()\nclass A(B):\n    def f(self): ask(self.s)",
            {"s"},
            ["make"],
            True,
        ),
        ("class A:\n    def f(self): ask(self.s)", {"s"}, [], False),
    ],
)
def test_origins(source: str, variables: set[str], calls: list[str], known: bool) -> None:
    found = module(source)
    (node,) = asked(found)
    origin = found.receivers.origin(node)
    assert {name for _, name in origin.variables} == variables
    assert sorted(ast.unparse(call.func) for call in origin.calls) == calls
    assert origin.known is known


def test_an_attribute_of_a_base_class_is_one_variable() -> None:
    found = module(
        """
        class Base:
            def __init__(self): self.s = make()
            def f(self): ask(self.s)
        class Child(Base):
            def g(self): ask(self.s)
        """
    )
    first, second = (found.receivers.origin(node) for node in asked(found))
    assert first is second


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("f(a=1, b=2)", ["a", "b"]),
        ("f(a=1, **{'b': 2})", ["a", "b"]),
        ("f(**dict(b=2))", ["b"]),
        ("k = {'b': 2}\nf(a=1, **k)", ["a", "b"]),
        ("k: dict = {}\nk['c'] = 3\nprint(k['c'], k.get('d'))\nf(**k)", ["c"]),
        ("k = dict(b=2)\ndef g(): f(**k)", ["b"]),
        ("f(**k)", None),
        ("def g(**k): f(**k)", None),
        ("k = {'b': 2}\nk = {}\nf(**k)", None),
        ("k = {}\nk[x] = 1\nf(**k)", None),
        ("k = {}\nk.update(x)\nf(**k)", None),
        ("k = {}\nfill(k)\nf(**k)", None),
        ("f(**{x: 1})", None),
        ("f(**{'b': 2, **x})", None),
        ("f(**dict(x))", None),
        ("f(**dict(b=2, **x))", None),
        ("dict = other\nf(**dict(b=2))", None),
        ("f(**make())", None),
    ],
)
def test_keywords_of_calls(source: str, expected: list[str] | None) -> None:
    found = module(source)
    call = next(
        call
        for call in found.index.nodes(ast.Call)
        if isinstance(call.func, ast.Name) and call.func.id == "f"
    )
    keywords = found.receivers.keywords(call)
    assert (None if keywords is None else sorted(keywords)) == expected
