"""Changes of a fixture that must not change its findings, and changes that must silence them."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import harness
import pytest
from harness import Fixture, Mark

ASYNC_ONLY = (
    "AIG006",
    "AIG007",
    "AIG009",
)  # AIG008: sync code starts tasks too, with run_until_complete(gather(...))


class Rewritten(NamedTuple):
    """A changed source, and which line each old line became."""

    source: str
    line: Callable[[int], int]


def same(line: int) -> int:
    return line


# -- transformations: each returns None where it does not apply ---------------------------------------------------


def code_start(tree: ast.Module) -> ast.stmt | None:
    """Return the first statement that is neither the docstring nor a ``__future__`` import."""
    for position, node in enumerate(tree.body):
        docstring = position == 0 and ast.get_docstring(tree, clean=False) is not None
        if not docstring and not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            return node
    return None


def first_line(node: ast.stmt) -> int:
    """Return the line on which a statement starts, its decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(item.lineno for item in decorators)])


def unrelated_import(source: str) -> Rewritten | None:
    """Add an import that no rule cares for."""
    tree, lines = harness.parse(source)
    start = code_start(tree)
    if start is None:
        return None
    # Behind the first import: a comment directly above the first statement keeps its place.
    after = (
        start.end_lineno or 0 if isinstance(start, (ast.Import, ast.ImportFrom)) else first_line(start) - 1
    )
    if any(node is not start and first_line(node) <= after <= (node.end_lineno or 0) for node in tree.body):
        return None
    lines.insert(after, "import colorsys\n")
    return Rewritten("".join(lines), lambda line: line + (line > after))


def wrapped(source: str) -> Rewritten | None:
    """Put the whole module under ``if True:``."""
    tree, lines = harness.parse(source)
    if not tree.body or code_start(tree) is not tree.body[0]:
        return None
    inside = set(string_lines(source))
    before = first_line(tree.body[0]) - 1
    indented = [
        line if number in inside or not line.strip() else f"    {line}"
        for number, line in enumerate(lines[before:], before + 1)
    ]
    source = "".join([*lines[:before], "if True:\n", *indented])
    return Rewritten(source, lambda line: line + (line > before))


def string_lines(source: str) -> Iterator[int]:
    """Yield the lines that start inside a string."""
    starts: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        name = tokenize.tok_name[token.type]
        if name in ("FSTRING_START", "TSTRING_START"):
            starts.append(token.start[0])
        elif name in ("FSTRING_END", "TSTRING_END"):
            yield from range(starts.pop() + 1, token.end[0] + 1)
        elif name == "STRING":
            yield from range(token.start[0] + 1, token.end[0] + 1)


def aliased_modules(source: str) -> Rewritten | None:
    """Turn ``import x`` into ``import x as x_alias``."""
    tree, _ = harness.parse(source)
    return renamed(
        source,
        [
            alias
            for node in tree.body
            if isinstance(node, ast.Import)
            for alias in node.names
            if alias.asname is None and "." not in alias.name
        ],
    )


def aliased_names(source: str) -> Rewritten | None:
    """Turn ``from m import f`` into ``from m import f as f_alias``."""
    tree, _ = harness.parse(source)
    return renamed(
        source,
        [
            alias
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and not node.level and node.module != "__future__"
            for alias in node.names
            if alias.asname is None and alias.name != "*"
        ],
    )


def renamed(source: str, aliases: list[ast.alias]) -> Rewritten | None:
    """Give imported names an alias, where all their uses are plain loads of a name."""
    tree, lines = harness.parse(source)
    counts = Counter(name for node in ast.walk(tree) for name in bound_or_quoted(node))
    edits = []
    for alias in aliases:
        name = alias.name
        if counts[name] > 1:
            continue
        uses = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name]
        # The alias keeps to the conventions for variables, constants and classes.
        new = name + ("_alias" if name.islower() else "_ALIAS" if name.isupper() else "Alias")
        edits += [(alias.lineno, alias.col_offset, name, f"{name} as {new}")]
        edits += [(use.lineno, use.col_offset, name, new) for use in uses]
    encoded = [line.encode() for line in lines]
    for line, column, old, replacement in sorted(edits, reverse=True):
        text = encoded[line - 1]
        # Positions inside of f-strings are approximate before Python 3.12.
        if not text.startswith(old.encode(), column):
            return None
        encoded[line - 1] = text[:column] + replacement.encode() + text[column + len(old.encode()) :]
    return Rewritten(b"".join(encoded).decode(), same) if edits else None


def bound_or_quoted(node: ast.AST) -> Iterator[str]:
    """Yield the names that a node binds, deletes, declares or holds in a string."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield from re.findall(r"\w+", node.value)
    elif isinstance(node, ast.alias):
        yield (node.asname or node.name).split(".")[0]
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, (ast.Global, ast.Nonlocal)):
        yield from node.names
    elif isinstance(node, ast.MatchMapping):
        yield node.rest or ""
    elif isinstance(getattr(node, "name", None), str):
        yield node.name  # type: ignore[attr-defined]


class _Sync(ast.NodeTransformer):
    """Take ``async`` and ``await`` away."""

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self.generic_visit(ast.FunctionDef(**vars(node)))

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        return self.generic_visit(ast.For(**vars(node)))

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        return self.generic_visit(ast.With(**vars(node)))

    def visit_Await(self, node: ast.Await) -> ast.AST:
        return self.visit(node.value)  # type: ignore[no-any-return]

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        node.is_async = 0
        return self.generic_visit(node)


def without_async(source: str) -> str:
    """Return the source with every coroutine turned into a plain function."""
    tree, _ = harness.parse(source)
    return ast.unparse(_Sync().visit(tree))


# -- same findings ------------------------------------------------------------------------------------------------

TRANSFORMATIONS = (unrelated_import, wrapped, aliased_modules, aliased_names)
# Where names are the point: the fixture, and why.
UNSAFE = {
    (
        aliased_names,
        "AIG019/permissions.py",
    ): "who acts is told by the words of a name, as it stands in the code",
}


def cases() -> Iterator[tuple[Callable[[str], Rewritten | None], Path]]:
    for path in harness.fixture_paths():
        if not harness.needs_newer_python(path):
            source = path.read_text(encoding="utf-8")
            for transform in TRANSFORMATIONS:
                name = f"{path.parent.name}/{path.name}"
                if (transform, name) not in UNSAFE and transform(source) is not None:
                    yield transform, path


@pytest.mark.parametrize(
    ("transform", "path"),
    [pytest.param(*case, id=f"{case[1].parent.name}/{case[1].name}-{case[0].__name__}") for case in cases()],
)
def test_same_findings(transform: Callable[[str], Rewritten | None], path: Path) -> None:
    fixture = harness.load(path)
    rewritten = transform(fixture.source)
    assert rewritten is not None
    expected = [Mark(rewritten.line(mark.line), mark.code, "", mark.line) for mark in fixture.marks]
    found = harness.check_source(rewritten.source, fixture.filename, [fixture.code], fixture.settings)
    differences = harness.compare(expected, found)
    lines = rewritten.source.splitlines()
    shown = [lines[line - 1] for line, _ in differences.missed_alarms + differences.false_alarms]
    assert not differences, "\n".join(["", differences.render(fixture.name), *shown])


def test_transformations_reach_most_fixtures() -> None:
    reach = Counter(transform for transform, _ in cases())
    fixtures = len(harness.fixtures())
    assert reach[unrelated_import] > 0.8 * fixtures
    assert reach[wrapped] > 0.5 * fixtures
    assert reach[aliased_modules] > 0.3 * fixtures


@pytest.mark.parametrize(
    ("transform", "source", "expected"),
    [
        (
            unrelated_import,
            '"""Doc."""\nfrom __future__ import annotations\nimport a\na\n',
            '"""Doc."""\nfrom __future__ import annotations\nimport a\nimport colorsys\na\n',
        ),
        (unrelated_import, "# head\n@d\ndef f(): ...\n", "# head\nimport colorsys\n@d\ndef f(): ...\n"),
        (unrelated_import, "import a; a\n", None),
        (
            wrapped,
            "# head\nx = '''\ny\n'''\n\nz = 1\n",
            "# head\nif True:\n    x = '''\ny\n'''\n\n    z = 1\n",
        ),
        (wrapped, '"""Doc."""\nx = 1\n', None),
        (
            aliased_modules,
            "import a, b.c\na.f(a, x.a, a=1)\n",
            "import a as a_alias, b.c\na_alias.f(a_alias, x.a, a=1)\n",
        ),
        (aliased_modules, "import a\ndef f(a): ...\n", None),
        (aliased_modules, "import a\npatch('a.f')\n", None),
        (
            aliased_names,
            "from m import (\n    f,\n)\nü = f()\n",
            "from m import (\n    f as f_alias,\n)\nü = f_alias()\n",
        ),
        (aliased_names, "from . import f\nf()\n", None),
    ],
)
def test_transformations(
    transform: Callable[[str], Rewritten | None], source: str, expected: str | None
) -> None:
    rewritten = transform(source)
    assert (rewritten and rewritten.source) == expected


# -- silence ------------------------------------------------------------------------------------------------------


def test_without_async_nothing_blocks_an_event_loop() -> None:
    rules = {code for code in ASYNC_ONLY if code in {rule.code for rule in harness.selected(None)}}
    assert rules
    checked = 0
    for fixture in harness.fixtures():
        if "async def" not in fixture.source:
            continue
        source = without_async(fixture.source)
        checked += 1
        found = harness.check_source(source, fixture.filename, rules, fixture.settings)
        assert not found, f"{fixture.name}\n{source}"
    assert checked >= len(rules)


def test_async_is_stripped() -> None:
    source = "async def f(x):\n    async with a as b:\n        async for c in await d(): [e async for e in await x]\n"
    assert without_async(source) == (
        "def f(x):\n    with a as b:\n        for c in d():\n            [e for e in x]"
    )


class _Under(ast.NodeTransformer):
    """Puts the body of every function under a block of a rarer kind."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.body = [self._block(node.body)]
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.body = [self._block(node.body)]
        return node

    def _block(self, body: list[ast.stmt]) -> ast.stmt:
        block = ast.parse(BLOCKS[self._kind]).body[0]
        for node in ast.walk(block):
            for field in ("body", "orelse", "finalbody"):
                inner = getattr(node, field, None)
                if inner and isinstance(inner[0], ast.Expr) and isinstance(inner[0].value, ast.Constant):
                    setattr(node, field, body)
        return block


BLOCKS = {
    "case": "match kind:\n    case 1:\n        pass\n    case _ if ready:\n        ...\n",
    "handler": "try:\n    pass\nexcept OSError as error:\n    ...\n",
    "for-else": "for item in items:\n    pass\nelse:\n    ...\n",
    "finally": "try:\n    pass\nfinally:\n    ...\n",
}


def under(kind: str, source: str) -> str:
    return ast.unparse(ast.fix_missing_locations(_Under(kind).visit(harness.parse(source)[0])))


def test_a_body_is_put_under_a_block() -> None:
    source = "def f():\n    return 1\n"
    assert under("case", source) == (
        "def f():\n    match kind:\n        case 1:\n            pass\n"
        "        case _ if ready:\n            return 1"
    )
    assert under("finally", source).splitlines()[-2:] == ["    finally:", "        return 1"]


@pytest.mark.parametrize("kind", BLOCKS)
def test_no_rule_breaks_under_a_rarer_block(kind: str) -> None:
    """No claim about the findings: the harness raises what a rule raises."""
    read = 0
    for path in harness.fixture_paths():
        if not harness.needs_newer_python(path):
            fixture = harness.load(path)
            found = harness.check_source(
                under(kind, fixture.source), fixture.filename, None, fixture.settings
            )
            read += bool(found)
    assert read > 50


def noqa(fixture: Fixture) -> str:
    """Return the source with every mark turned into a noqa comment of the marked line."""
    _, lines = harness.parse(fixture.source)
    for mark in fixture.marks:
        text = lines[mark.comment_line - 1]
        lines[mark.comment_line - 1] = re.sub(r"\s*#\s*AIG\d{3}\b.*", "", text)
    last = harness.last_lines(fixture.source)
    for line in {last.get(mark.line, mark.line) for mark in fixture.marks}:
        text = lines[line - 1].rstrip()
        if "# noqa: " in text:  # flake8 reads one comment of a line
            text = text.replace("# noqa: ", f"# noqa: {fixture.code},", 1)
        else:
            text += f"  # noqa: {fixture.code}"
        lines[line - 1] = text + "\n"
    return "".join(lines)


def test_marks_turned_to_noqa_silence_the_real_flake8(tmp_path: Path) -> None:
    by_settings: dict[str, list[Fixture]] = {}
    for fixture in harness.fixtures():
        by_settings.setdefault(json.dumps(fixture.settings, sort_keys=True), []).append(fixture)
    for number, group in enumerate(by_settings.values()):
        folder = tmp_path / str(number)
        expected = place(group, folder)
        with harness.project([], group[0].settings) as empty:
            configuration = empty / "pyproject.toml"
            text = configuration.read_text(encoding="utf-8") if configuration.exists() else ""
        (folder / "pyproject.toml").write_text(text, encoding="utf-8")
        loud = harness.flake8(folder, "--select=AIG", "--disable-noqa", ".")
        assert own(loud) == expected, loud.err
        silent = harness.flake8(folder, "--select=AIG", ".")
        assert own(silent) == Counter(), silent.err


def place(fixtures: list[Fixture], folder: Path) -> Counter[tuple[str, str, int]]:
    """Write each fixture, marks turned to noqa, into a folder of its own; return what its marks expect."""
    expected: Counter[tuple[str, str, int]] = Counter()
    for fixture in fixtures:
        home = Path(fixture.code, fixture.path.stem)
        target = folder / home / fixture.filename
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(noqa(fixture), encoding="utf-8")
        expected.update((fixture.code, str(home), mark.line) for mark in fixture.marks)
    return expected


def own(run: harness.Flake8) -> Counter[tuple[str, str, int]]:
    """Count the findings that a rule has in its own fixtures, by code, folder and line."""
    return Counter(
        (item.code, str(Path(*parts[:2])), item.line)
        for item in run.reported
        if (parts := Path(item.path).parts)[0] == item.code
    )


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("f()  # AIG014: waits; AIG014\n", "f()  # noqa: AIG014\n"),
        ("f()  # noqa: E731  # AIG014\n", "f()  # noqa: AIG014,E731\n"),
        ("f(\n    1,\n)  # AIG014@-2\n", "f(  # noqa: AIG014\n    1,\n)\n"),
        ("f('''\n''',\n    1,\n)  # AIG014@-3\n", "f('''\n''',  # noqa: AIG014\n    1,\n)\n"),
        ("x = \\\n    f()  # AIG014@-1\n", "x = \\\n    f()  # noqa: AIG014\n"),
        ("f(  # AIG014\n    1,  # why\n)\n", "f(  # noqa: AIG014\n    1,  # why\n)\n"),
        ("# AIG014@+1\nf()  # why\n", "\nf()  # why  # noqa: AIG014\n"),
        ("def f():\n    '''\n    '''  # AIG014@-1\n", "def f():\n    '''\n    '''  # noqa: AIG014\n"),
    ],
)
def test_noqa_is_put_where_flake8_finds_it(source: str, expected: str) -> None:
    fixture = harness.read(harness.FIXTURES / "AIG014" / "example.py", source)
    rewritten = noqa(fixture)
    assert re.sub(r"^\s*\n", "\n", rewritten) == expected
