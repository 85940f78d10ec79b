"""No input crashes a rule, and no bad file costs the findings of another one."""

from __future__ import annotations

import ast
import copy
import random
import subprocess
import sys
import sysconfig
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path

import harness
import pytest
from harness import Found
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flake8_aiguard import catalog

CHUNKS = 8
SAMPLE = "import requests\n\nrequests.get('https://example.org')\n"


def assert_sound(found: list[Found], lines: list[str], place: str) -> None:
    """No finding twice, each on a line and column of the file, each line of text whole."""
    assert len(found) == len(set(found)), f"{place}: reported twice"
    for finding in found:
        assert 1 <= finding.line <= max(1, len(lines)), f"{place}: {finding}"
        text = lines[finding.line - 1] if lines else ""
        assert 0 <= finding.column <= len(text), f"{place}: {finding}"
        assert "\n" not in finding.text, f"{place}: {finding}"


# -- real code ----------------------------------------------------------------------------------------------------


def library() -> list[Path]:
    """Return the modules of the standard library, without its tests."""
    root = Path(sysconfig.get_path("stdlib"))
    skipped = {"site-packages", "dist-packages", "test", "tests", "idle_test", "__pycache__"}
    return sorted(path for path in root.rglob("*.py") if not skipped & set(path.relative_to(root).parts))


def installed() -> list[Path]:
    """Return the modules of the environment that runs the tests."""
    return sorted(Path(sysconfig.get_path("purelib")).rglob("*.py"))


def check_files(paths: list[Path]) -> int:
    """Check real files; return how many could be parsed."""
    parsed = 0
    rules = harness.selected(None)
    with harness.project(rules, {"vendored": []}):
        for path in paths:
            try:
                with tokenize.open(path) as file:
                    source = file.read()
                tree, lines = harness.parse(source)
            except (SyntaxError, UnicodeDecodeError, ValueError):
                continue
            parsed += 1
            found = harness.run(rules, tree, lines, path.name)
            assert_sound(found, lines, str(path))
            if found:
                again, _ = harness.parse(source)
                assert harness.run(rules, again, lines, path.name) == found, path
    return parsed


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_standard_library(chunk: int) -> None:
    assert check_files(library()[chunk::CHUNKS]) > 400 / CHUNKS


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_installed_packages(chunk: int) -> None:
    assert check_files(installed()[chunk::CHUNKS]) > 0


def test_hash_seed_changes_nothing() -> None:
    script = (
        "import harness\n"
        "for fixture in harness.fixtures():\n"
        "    for found in harness.check_source(fixture.source, fixture.filename, None, fixture.settings):\n"
        "        print(fixture.name, found)\n"
    )
    first, second = (
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=harness.TESTS,
            env=harness.environment() | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(harness.ROOT)},
            check=True,
            capture_output=True,
            encoding="utf-8",
        ).stdout.splitlines()
        for seed in ("0", "1")
    )
    assert first
    assert [pair for pair in zip(first, second, strict=True) if pair[0] != pair[1]] == []


# -- generated code -----------------------------------------------------------------------------------------------

thorough = settings(
    max_examples=40, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("strategy", ["from_grammar", "from_node"])
def test_generated_syntax(strategy: str) -> None:
    hypothesmith = pytest.importorskip("hypothesmith")
    rules = harness.selected(None)
    # Trigger words in comments: no rule is skipped.
    words = "# " + " ".join(sorted({word for rule in rules for word in rule.triggers})) + "\n"

    @thorough
    @given(getattr(hypothesmith, strategy)())
    def check(source: str) -> None:
        try:
            tree, lines = harness.parse(words + source)
        except (SyntaxError, ValueError):
            return
        assert_sound(harness.run(rules, tree, lines, "example.py"), lines, source)

    with harness.project(rules):
        check()


def blocks(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    """Yield the lists of statements in a tree."""
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block:
                yield block


def delete(block: list[ast.stmt], chance: random.Random) -> None:
    block[chance.randrange(len(block))] = ast.Pass()


def duplicate(block: list[ast.stmt], chance: random.Random) -> None:
    block.insert(chance.randrange(len(block) + 1), copy.deepcopy(chance.choice(block)))


def swap(block: list[ast.stmt], chance: random.Random) -> None:
    chance.shuffle(block)


def nest(block: list[ast.stmt], chance: random.Random) -> None:
    at = chance.randrange(len(block))
    header = chance.choice(
        (
            "while x: pass",
            "if x: pass\nelse: pass",
            "try: pass\nfinally: pass",
            "class X: pass",
            "def x(self): pass",
        )
    )
    wrapper = ast.parse(header).body[0]
    wrapper.body = [block[at]]  # type: ignore[attr-defined]
    block[at] = wrapper


MUTATIONS: tuple[Callable[[list[ast.stmt], random.Random], None], ...] = (delete, duplicate, swap, nest)


def mutate(tree: ast.Module, chance: random.Random) -> str:
    """Return the source of a tree after three random changes."""
    tree = copy.deepcopy(tree)
    for _ in range(3):
        chance.choice(MUTATIONS)(chance.choice(list(blocks(tree))), chance)
    return ast.unparse(ast.fix_missing_locations(tree))


def test_mutated_fixtures() -> None:
    rules = harness.selected(None)
    reported = 0
    with harness.project(rules, {"gates": "all"}):
        for fixture in harness.fixtures():
            tree, _ = harness.parse(fixture.source)
            chance = random.Random(fixture.name)
            for _ in range(5):
                source = mutate(tree, chance)
                try:
                    mutated, lines = harness.parse(source)
                except SyntaxError:  # `return` moved into a class body, and the like
                    continue
                found = harness.run(rules, mutated, lines, fixture.filename)
                assert_sound(found, lines, f"{fixture.name}\n{source}")
                reported += len(found)
    assert reported > 0


@thorough
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_in_strings_and_comments(text: str) -> None:
    quoted = "".join(text.splitlines())
    source = f"import requests\nx = {text!r}  # {quoted}\n{text!a}, requests.get({text!r})\n"
    try:
        _, lines = harness.parse(source)
    except (SyntaxError, ValueError):
        return
    assert_sound(harness.check_source(source), lines, source)


# -- deep and large code ------------------------------------------------------------------------------------------


def elif_chain(size: int) -> str:
    branches = "".join(f"elif x == {i}:\n    x = open(p)\n    x.close()\n" for i in range(size))
    return f"def f(x, p):\n if x:\n    pass\n{branches.replace('elif', ' elif')}"


DEEP: dict[str, Callable[[int], str]] = {
    "attributes": lambda size: "x = requests.get(p)" + ".a" * size,
    "calls": lambda size: "x = requests.get(p)" + ".f(open(p))" * size,
    "subscripts": lambda size: "x = requests.get(p)" + "[x]" * size,
    "operators": lambda size: "x = " + " + ".join(["open(p).read()"] * size),
    "strings": lambda size: "execute(" + " + ".join(["'SELECT '"] * size) + ")",
    "prefixes": lambda size: "assert " + "not " * size + "requests.get(p)",
    "comparisons": lambda size: "assert " + " < ".join(["open(p).tell()"] * size),
    "conditions": lambda size: "x = " + "open(p) if p else " * size + "None",
    "lambdas": lambda size: "x = " + "lambda: " * size + "open(p)",
    "parentheses": lambda size: "x = " + "f(" * (size // 40) + "open(p)" + ")" * (size // 40),
    "comprehensions": lambda size: "x = " + "[" * (size // 60) + "open(p)" + " for _ in x]" * (size // 60),
    "elif": elif_chain,
    "statements": lambda size: "def f(p):\n" + " x = open(p)\n x.close()\n" * size,
    "blocks": lambda size: (
        "".join(" " * i + "while x:\n" for i in range(size // 40)) + " " * (size // 40) + "open(p)"
    ),
    "functions": lambda size: (
        "".join(" " * i + "async def f():\n" for i in range(size // 40))
        + " " * (size // 40)
        + "open(p).read()"
    ),
    "literal": lambda size: "x = [" + "open(p), " * 10 * size + "]",
}


@pytest.mark.parametrize("shape", DEEP)
def test_deep_code(shape: str) -> None:
    size = 3000
    while True:
        source = f"import requests\n{DEEP[shape](size)}\n"
        try:
            tree, lines = harness.parse(source)
            break
        except (RecursionError, MemoryError, SyntaxError):  # the parser's own limits
            size = size * 3 // 4
    assert size > 80 * 6
    rules = harness.selected(None)
    with harness.project(rules, {"gates": "all", "blocking-metadata": True}):
        assert_sound(harness.run(rules, tree, lines, "example.py"), lines, shape)


# -- bad files under the real flake8 ------------------------------------------------------------------------------

BAD_FILES: dict[str, bytes] = {
    "attributes.py": b"a" + b".a" * 5000 + b"\n",
    "binary.py": bytes(range(256)),
    "bom.py": b"\xef\xbb\xbf" + SAMPLE.encode(),
    "coding.py": b"# coding: nonsense\n" + SAMPLE.encode(),
    "comment.py": b"# nothing else",
    "crlf.py": SAMPLE.replace("\n", "\r\n").encode(),
    "elif.py": b"if x:\n    pass\n" + b"elif x:\n    pass\n" * 3000,
    "empty.py": b"",
    "formfeed.py": b"\x0c\n" + SAMPLE.encode().replace(b"\n\n", b"\n\x0c\n"),
    "latin.py": b"# coding: latin-1\ns = '\xe9'\n" + SAMPLE.encode(),
    "line\nbreak.py": SAMPLE.encode(),
    "literal.py": b"x = [\n" + b"    1,\n" * 50_000 + b"]\n",
    "no_end.py": SAMPLE.encode().rstrip(),
    "null.py": SAMPLE.encode() + b"\x00\n",
    "parentheses.py": b"x = " + b"(" * 500 + b")" * 500 + b"\n",
    "space in name.py": SAMPLE.encode(),
    "surrogate.py": b"s = '\\ud800'\n" + SAMPLE.encode(),
    "syntax.py": b"def f(:\n" + SAMPLE.encode(),
    "tabs.py": b"if x:\n\ty = 1\n        z = 1\n" + SAMPLE.encode(),
    "terms.py": b"x = " + b" + ".join([b"a"] * 5000) + b"\n",
    "undecodable.py": SAMPLE.encode() + b"s = '\xff'\n",
}
# Each in a run of its own: they may be more than pyflakes can take.
DEEP_FILES = ("attributes.py", "elif.py", "terms.py")
SELECT = ("--select=AIG,E9", "-j1")


def survives(run: harness.Flake8) -> bool:
    """Whether flake8 came to an end, and printed nothing but findings."""
    dead = ("critical error", "failed during execution", "Traceback")
    return run.status in (0, 1) and not run.err and not any(words in run.out for words in dead)


def last_word(err: str) -> list[str]:
    """Return which exception ended a run."""
    return [line.partition(":")[0] for line in err.splitlines()[-1:]]


def call_line(name: str) -> int | None:
    """Return the line of a bad file's network call."""
    lines = BAD_FILES[name].decode("latin-1").split("\n") if name in BAD_FILES else []
    return next((number for number, line in enumerate(lines, 1) if "requests.get" in line), None)


def errors(run: harness.Flake8, name: str) -> list[str]:
    """Return what flake8 itself reports on a file: E902, E999."""
    last = name.rpartition("\n")[2]
    return [line for line in run.out.splitlines() if line.startswith(f"{last}:") and " E9" in line]


def test_bad_files_cost_no_other_finding(tmp_path: Path) -> None:
    for name, content in BAD_FILES.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "zz_good.py").write_text(SAMPLE, encoding="utf-8")
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "dangling.py").symlink_to("nowhere.py")
    names = [*BAD_FILES, "dangling.py"]
    # What kills flake8 without us (pyflakes recurses, for example) is not ours to mend.
    shallow = [name for name in names if name not in DEEP_FILES]
    plain = {name: harness.flake8(tmp_path, *SELECT, name, hidden=True) for name in DEEP_FILES}
    together = harness.flake8(tmp_path, *SELECT, *shallow, hidden=True)
    if survives(together):
        plain |= dict.fromkeys(shallow, together)
    else:
        plain |= {name: harness.flake8(tmp_path, *SELECT, name, hidden=True) for name in shallow}
    surviving = [name for name in names if survives(plain[name])]
    assert {"syntax.py", "empty.py", "literal.py", "bom.py", "crlf.py", "formfeed.py", "latin.py"} <= set(
        surviving
    )
    # A file that flake8 can read shows its finding, whatever else is odd about it.
    expected = [
        (name, line) for name in surviving if not errors(plain[name], name) and (line := call_line(name))
    ]
    assert len(expected) >= 7

    for jobs in ("-j1", "-j2"):
        together = harness.flake8(tmp_path, "--select=AIG,E9", jobs, *surviving, "folder.py", "zz_good.py")
        assert survives(together), together
        for name in surviving:
            assert errors(together, name) == errors(plain[name], name)
        reported = [(item.path, item.line) for item in together.reported if item.code == "AIG014"]
        last_lines = [(name.rpartition("\n")[2], line) for name, line in expected]
        assert sorted(reported) == sorted([*last_lines, ("zz_good.py", 3)]), together.out

    for name in set(names) - set(surviving):
        with_us = harness.flake8(tmp_path, *SELECT, name)
        assert with_us.status == plain[name].status
        # How deep it was when recursion hit the limit differs from run to run.
        assert with_us.out.partition("(")[0] == plain[name].out.partition("(")[0]
        assert last_word(with_us.err) == last_word(plain[name].err)


# -- a rule that fails --------------------------------------------------------------------------------------------

BROKEN = """\
from flake8_aiguard.rules.aig014_missing_timeout import MissingTimeout


class Broken(MissingTimeout):
    code = "AIG999"
    slug = "broken"
    triggers = ()

    def visit_Import(self, node):
        yield from self.found(node, message="before")
        raise ValueError("two\\nlines")
"""


@pytest.mark.parametrize("jobs", ["-j1", "-j2"])
def test_a_rule_that_raises_is_reported_and_the_rest_goes_on(tmp_path: Path, jobs: str) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    (tmp_path / ".flake8").write_text(
        "[flake8:local-plugins]\nextension =\n    AIG999 = broken:Broken\npaths = .\n"
    )
    (tmp_path / "one.py").write_text("import os\n" + SAMPLE)
    (tmp_path / "two.py").write_text(SAMPLE)
    run = harness.flake8(tmp_path, jobs, "one.py", "two.py")
    assert (run.status, run.err) == (1, "")
    assert [(item.path, item.line, item.code) for item in run.reported if item.code != "AIG999"] == [
        ("one.py", 1, "F401"),
        ("one.py", 4, "AIG014"),
        ("two.py", 3, "AIG014"),
    ]
    broken = [item for item in run.reported if item.code == "AIG999"]
    internal = [item for item in broken if item.text.startswith("internal error in broken: ValueError: two")]
    assert [(item.path, item.line) for item in internal] == [("one.py", 1), ("two.py", 1)]
    assert "before [broken]" in {item.text for item in broken}
    assert len(run.out.splitlines()) == len(run.reported), "a finding is one line"


def test_every_rule_can_fail_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Iterator[None]:
        raise RecursionError("maximum recursion depth exceeded")

    tree, lines = harness.parse("x = 1\n")
    for rule in catalog.rules():
        monkeypatch.setattr(rule, "_check", fail)
        monkeypatch.setattr(rule, "_applies", lambda self: True)
        [(line, column, text, _)] = rule(tree, "example.py", lines).run()
        assert (line, column) == (1, 0)
        assert text.startswith(f"{rule.code} internal error in {rule.slug}: RecursionError: ")
