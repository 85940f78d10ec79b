"""Which input a condition checks, who decides, and what programmers agree on."""

from __future__ import annotations

import ast

import pytest
from questions import module

from flake8_aiguard.agreements import Agreements
from flake8_aiguard.callers import Callers
from flake8_aiguard.checks import Checks, atoms
from flake8_aiguard.inputs import Inputs
from flake8_aiguard.module import Module
from flake8_aiguard.permissions import Permissions
from flake8_aiguard.repeats import Repeats


def an_assert(found: Module) -> ast.Assert:
    """The first assert of a source."""
    node = found.index.nodes(ast.Assert)[0]
    assert isinstance(node, ast.Assert)
    return node


def test_atoms_are_told_whether_they_hold_alone() -> None:
    test = ast.parse("a and not (b or c) and (d or not e)", mode="eval").body
    told = [(ast.unparse(atom.node), atom.negated, atom.alone) for atom in atoms(test)]
    assert told == [
        ("a", False, True),
        ("b", True, True),
        ("c", True, True),
        ("d", False, False),
        ("e", True, False),
    ]


@pytest.mark.parametrize(
    ("test", "name", "sure"),
    [
        ("count > 0", "count", True),
        ("len(names) == 2", "names", True),
        ("all(name for name in names)", "names", True),
        ("is_valid(names)", "names", True),
        ("register(names)", "names", False),
        ("count == self.count", "count", False),
    ],
)
def test_checked(test: str, name: str, sure: bool) -> None:
    found = module(f"class C:\n    def f(self, count, names):\n        assert {test}\n")
    (atom,) = atoms(an_assert(found).test)
    check = Checks(found, Inputs(found)).checked(atom)
    assert check is not None
    assert (check[0].name, check[1]) == (name, sure)


@pytest.mark.parametrize("test", ["count is not None", "isinstance(count, int)", "self.ready", "done() > 0"])
def test_checks_no_input(test: str) -> None:
    found = module(f"class C:\n    def f(self, count):\n        assert {test}\n")
    (atom,) = atoms(an_assert(found).test)
    assert Checks(found, Inputs(found)).checked(atom) is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("assert line.startswith('/'), m; line = line[1:]", True),
        ("assert line.startswith('/'), m; line = line.removeprefix('/')", True),
        ("assert line.startswith('/'), m; other = m[1:]", False),
        ("assert line not in self.known, m; self.known.add(line)", True),
        ("assert line not in self.known, m; self.known[line] = m", True),
        ("assert line not in self.known, m; self.names.add(line)", False),
        ("assert not line[m]; del line[m]", True),
        ("assert not line[m]; del line[0]", False),
        ("assert (line / 'a.toml').exists(), m", True),
        ("assert line.exists(), m", False),
        ("x = run()\n        if not x: assert line, 'a line is needed'", True),
        ("x = run()\n        if x: assert line, 'a line is needed'", False),
        ("assert not (line and m), m", True),
    ],
)
def test_covers(body: str, expected: bool) -> None:
    found = module(f"class C:\n    def f(self, line, m):\n        {body}\n")
    node = an_assert(found)
    inputs = Inputs(found)
    atom = next(iter(atoms(node.test)))
    value = inputs.input(next(item for item in ast.walk(node.test) if getattr(item, "id", "") == "line"))  # type: ignore[arg-type]
    assert value is not None
    assert Agreements(found, inputs).covers(atom, value, node) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("assert i < len(xs); x = xs[i]", True),
        ("assert i < len(xs); x = xs[j]", False),
        ("assert len(xs) == 2; a, b = xs", True),
        ("assert len(xs) == 2; assert ready; a, b = xs", True),
        ("assert len(xs) == 3; a, b = xs", False),
        ("assert len(xs) == 2; a, *b = xs", False),
        ("assert all(k in d for k in ks); xs = [d[k] for k in ks]", True),
        ("assert any(k in d for k in ks); x = d[ks[0]]", True),
        ("assert any(k in d for k in ks); x = [d.get(k) for k in ks]", False),
        ("assert any(k in d for k in ks); x = [d[k] for k in js]", False),
        ("assert 'k' not in o; f(k=1, **o)", True),
        ("assert 'k' not in o; f(j=1, **o)", False),
        ("assert 'k' not in o; f(k=1)", False),
    ],
)
def test_repeats(body: str, expected: bool) -> None:
    found = module(body)
    assert Repeats(found).holds(an_assert(found)) is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(xs):\n    assert len(xs) > 1, m\ndef g():\n    ys = build()\n    f(ys)\n", True),
        ("def f(xs):\n    assert len(xs) > 1, m\ndef g(ys):\n    f(ys)\n", False),
        ("def f(xs):\n    assert len(xs) > 1, m\ndef g(o):\n    ys = o.pop('ys')\n    f(ys)\n", False),
        ("def f(xs):\n    assert len(xs) > 1, m\nys = build()\nf(ys)\n", False),
        ("def f(xs):\n    assert xs > 1, m\ndef g():\n    ys = build()\n    f(ys)\n", False),
        ("def f(xs):\n    assert len(xs) > 1, m\n", False),
    ],
)
def test_settle(source: str, expected: bool) -> None:
    found = module(source)
    node = an_assert(found)
    inputs = Inputs(found)
    condition = next(iter(atoms(node.test))).node
    value = inputs.view(next(item for item in ast.walk(node.test) if getattr(item, "id", "") == "xs"))  # type: ignore[arg-type]
    assert value is not None
    assert Callers(found, inputs).settle(condition, value, node) is expected


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("user.is_admin", "user.is_admin"),
        ("user.is_admin is True", "user.is_admin"),
        ("user.has_perm('a')", "user.has_perm()"),
        ("token == expected", "token"),
        ("order.total == 3", None),
        ("user.name", None),
    ],
)
def test_permissions(test: str, expected: str | None) -> None:
    found = module(f"assert {test}")
    assert Permissions(found).named(an_assert(found).test) == expected
