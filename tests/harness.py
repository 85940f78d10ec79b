"""Runs the rules on source text and reads what a fixture expects.

A fixture is ``tests/fixtures/<code>/<what>.py``; a name that starts with ``py312_`` needs that Python. It says what the
rule of its folder reports:

- ``# AIG014`` at the end of a line: a finding on this line; one mark for each finding, ``;`` between two of them;
- ``# AIG014: words``: these words occur in its text;
- ``# AIG014@-1``: the finding is that many lines from the mark;
- ``# ok: reason``: a near miss, and why nothing is reported.

Comments before the first statement may set the stage: ``# settings: gates = "all"`` (TOML, one assignment a line) and
``# filename: tests/test_x.py`` (the path under which the file is checked).
"""

from __future__ import annotations

import ast
import contextlib
import functools
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import tokenize
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from flake8.options.manager import OptionManager

from flake8_aiguard import catalog, docs
from flake8_aiguard.checker import Checker
from flake8_aiguard.settings import Settings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
FIXTURES = TESTS / "fixtures"
DISTRIBUTION = "flake8-aiguard"

# What `python -c` runs to have flake8 without our distribution; the package itself stays importable.
_HIDDEN = f"""
import importlib.metadata, sys
every = importlib.metadata.distributions
def others(**context):
    return (found for found in every(**context) if found.metadata["Name"] != {DISTRIBUTION!r})
importlib.metadata.distributions = others
from flake8.main.cli import main
sys.exit(main(sys.argv[1:]))
"""


class FixtureError(Exception):
    """A fixture cannot be read; the text names file, line and remedy."""


class InternalError(AssertionError):
    """A rule raised instead of reporting."""


@dataclass(frozen=True, order=True, slots=True)
class Found:
    """One finding, as flake8 receives it: the column counts from 0, the text starts with the code."""

    line: int
    column: int
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """One expected finding: where it is, which words its text holds, and where the mark stands."""

    line: int
    code: str
    words: str
    comment_line: int


@dataclass(frozen=True, slots=True)
class Fixture:
    """One fixture file with what it expects."""

    path: Path
    source: str
    filename: str
    settings: Mapping[str, object]
    marks: tuple[Mark, ...]
    near_misses: tuple[int, ...]

    @property
    def code(self) -> str:
        """The code of the rule that this fixture is for: the name of its folder."""
        return self.path.parent.name

    @property
    def name(self) -> str:
        """How test ids and the cross-fire table call the fixture."""
        return f"{self.code}/{self.path.name}"

    def check(self, codes: Collection[str] | None = None) -> list[Found]:
        """Run the rule of the folder, or these rules, on the fixture."""
        return check_source(self.source, self.filename, codes or (self.code,), self.settings)


# -- running the rules --------------------------------------------------------------------------------------------


def selected(codes: Collection[str] | None) -> list[type[Checker]]:
    """Return the rule classes with these codes, all of them for ``None``.

    Raises:
        LookupError: a code that no rule has.
    """
    return list(catalog.rules()) if codes is None else [catalog.find(code) for code in sorted(codes)]


@contextlib.contextmanager
def project(rules: Iterable[type[Checker]], settings: Mapping[str, object] | None = None) -> Iterator[Path]:
    """Work in an empty project whose ``[tool.aiguard]`` holds these settings, and set the rules up for it.

    The settings take the way that they take under flake8: file, option manager, ``parse_options``.

    Raises:
        FixtureError: a setting that does not exist.
    """
    known = {"table", *(item.name.replace("_", "-") for item in fields(Settings))}
    if unknown := sorted(set(settings or ()) - known):
        raise FixtureError(f"no such setting: {', '.join(unknown)}")
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="aiguard-") as folder:
        path = Path(folder).resolve()
        (path / ".git").mkdir()
        if settings:
            lines = [f"{key} = {_toml(value)}\n" for key, value in settings.items()]
            (path / "pyproject.toml").write_text("[tool.aiguard]\n" + "".join(lines), encoding="utf-8")
        os.chdir(path)
        try:
            manager = OptionManager(version="0", plugin_versions="", parents=[], formatter_names=[])
            rules = list(rules)
            for rule in rules:
                rule.add_options(manager)
            options = manager.parse_args([])
            for rule in rules:
                rule.parse_options(options)
            yield path
        finally:
            os.chdir(before)


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


def parse(source: str) -> tuple[ast.Module, list[str]]:
    """Parse a source as flake8 does: returns the tree and the lines with their ends."""
    lines = io.StringIO(source, newline=None).readlines()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse("".join(lines)), lines


def run(rules: Iterable[type[Checker]], tree: ast.Module, lines: list[str], filename: str) -> list[Found]:
    """Run rule classes on a parsed file, as flake8 does; to be called inside :func:`project`.

    Returns:
        The findings in the order of yielding.

    Raises:
        InternalError: a rule raised.
    """
    found = []
    for rule in rules:
        for line, column, text, _ in rule(tree=tree, filename=filename, lines=lines).run():
            if text.startswith(f"{rule.code} internal error in "):
                raise InternalError(f"{filename}: {text}")
            found.append(Found(line, column, text.split(" ", 1)[0], text))
    return found


def check_source(
    source: str,
    filename: str = "example.py",
    codes: Collection[str] | None = None,
    settings: Mapping[str, object] | None = None,
) -> list[Found]:
    """Run rules on a source text exactly as flake8 would.

    Args:
        source: the text of the file.
        filename: its path, relative to an empty project.
        codes: the rules to run; ``None`` for all.
        settings: the project's ``[tool.aiguard]``.

    Returns:
        The findings, sorted.

    Raises:
        FixtureError: a setting that does not exist.
        InternalError: a rule raised.
        SyntaxError: the source does not parse.
    """
    rules = selected(codes)
    with project(rules, settings):
        return sorted(run(rules, *parse(source), filename))


# -- reading fixtures ---------------------------------------------------------------------------------------------

_SEGMENT = re.compile(r"(?:^|\s)#+\s*")
_MARK = re.compile(r"(?P<code>AIG\d{3})(?:@(?P<offset>[+-]\d+))?(?::\s*(?P<words>\S.*))?")
_LOOKS_LIKE_A_MARK = re.compile(r"AIG\d|ok\b", re.IGNORECASE)
_DIRECTIVE = re.compile(r"(settings|filename):\s*(.*)")


def fixture_paths() -> list[Path]:
    """Return every fixture, sorted."""
    return sorted(FIXTURES.glob("*/*.py"))


def needs_newer_python(path: Path) -> bool:
    """Whether the name of a fixture asks for a newer Python than this one."""
    version = re.match(r"py3(\d+)_", path.name)
    return version is not None and sys.version_info < (3, int(version[1]))


def fixtures() -> list[Fixture]:
    """Return every fixture that this Python can read, sorted by path.

    Raises:
        FixtureError: one of them cannot be read.
    """
    return [load(path) for path in fixture_paths() if not needs_newer_python(path)]


@functools.cache
def load(path: Path) -> Fixture:
    """Read one fixture file.

    Raises:
        FixtureError: it does not parse, or holds no mark, or one that cannot be read.
    """
    return read(path, path.read_text(encoding="utf-8"))


def read(path: Path, source: str) -> Fixture:
    """Read a fixture from its text.

    Args:
        path: where it stands; its folder names the rule.
        source: its text.

    Returns:
        The fixture.

    Raises:
        FixtureError: it does not parse, or holds no mark, or one that cannot be read.
    """
    name = f"{path.parent.name}/{path.name}"
    try:
        tree, lines = parse(source)
    except SyntaxError as error:
        raise FixtureError(f"{name}:{error.lineno}: does not parse: {error.msg}") from error
    first = min((node.lineno for node in tree.body), default=len(lines) + 1)
    marks: list[Mark] = []
    near_misses: list[int] = []
    toml: list[str] = []
    filename = "example.py"
    for line, comment in comments(source):
        place = f"{name}:{line}"
        kinds = set()
        for segment in filter(None, _SEGMENT.split(comment)):
            directive = _DIRECTIVE.fullmatch(segment)
            if directive:
                if line >= first:
                    raise FixtureError(f"{place}: '# {directive[1]}:' stands before the first statement")
                if directive[1] == "settings":
                    toml.append(directive[2])
                else:
                    filename = directive[2]
            elif segment.startswith("ok:") and segment[3:].strip():
                kinds.add("ok")
                near_misses.append(line)
            elif _LOOKS_LIKE_A_MARK.match(segment):
                kinds.add("mark")
                marks.extend(_marks(segment, line, path.parent.name, place))
            elif re.search(r"\bAIG\d", segment) and not segment.startswith("noqa"):
                raise FixtureError(f"{place}: a mark starts with its code; found '# {segment}'")
        if len(kinds) > 1:
            raise FixtureError(f"{place}: a line is marked or near miss, not both")
    if not marks and not near_misses:
        raise FixtureError(f"{name}: holds neither a mark nor '# ok: reason'")
    for mark in marks:
        if not 1 <= mark.line <= len(lines):
            raise FixtureError(f"{name}:{mark.comment_line}: the mark points outside the file")
    return Fixture(path, source, filename, _settings(toml, name), tuple(marks), tuple(near_misses))


def _marks(segment: str, line: int, folder: str, place: str) -> Iterator[Mark]:
    for text in re.split(r"\s*;\s*(?=AIG\d)", segment.strip()):
        mark = _MARK.fullmatch(text)
        if mark is None:
            raise FixtureError(
                f"{place}: cannot read '# {text}'; write '# {folder}', '# {folder}: words', '# {folder}@-1' or '# ok: reason'"
            )
        if mark["code"] != folder:
            raise FixtureError(f"{place}: a fixture of {folder} marks {folder} only; found {mark['code']}")
        yield Mark(line + int(mark["offset"] or 0), mark["code"], (mark["words"] or "").strip(), line)


def _settings(toml: Iterable[str], name: str) -> Mapping[str, object]:
    try:
        return tomllib.loads("\n".join(toml))
    except tomllib.TOMLDecodeError as error:
        raise FixtureError(f"{name}: '# settings:' is not TOML: {error}") from error


def comments(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of every comment token."""
    for token in tokenize.generate_tokens(io.StringIO(source, newline=None).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def last_lines(source: str) -> dict[int, int]:
    """Return, for each line, the last of the lines that flake8 searches together for a noqa comment.

    These are the lines of a multi-line string or of a continued line; lines within parentheses stand alone.
    """
    last: dict[int, int] = {}
    start = end = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in (tokenize.DEDENT, tokenize.ENDMARKER):
            start, end = start or token.start[0], max(end, token.end[0])
        if token.type in (tokenize.NL, tokenize.NEWLINE):
            last |= dict.fromkeys(range(start, end + 1), end)
            start = end = 0
    return last


# -- comparing ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Comparison:
    """How findings differ from marks: three lists of ``line: what``, all empty where they agree."""

    missed_alarms: list[tuple[int, str]] = field(default_factory=list)
    false_alarms: list[tuple[int, str]] = field(default_factory=list)
    wrong_text: list[tuple[int, str]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.missed_alarms or self.false_alarms or self.wrong_text)

    def render(self, place: str) -> str:
        """List the differences, each with file and line."""
        parts = (
            ("missed alarms", self.missed_alarms),
            ("false alarms", self.false_alarms),
            ("wrong text", self.wrong_text),
        )
        return "\n".join(
            "\n".join([f"{title}:", *(f"  {place}:{line}: {what}" for line, what in sorted(items))])
            for title, items in parts
            if items
        )


def compare(marks: Iterable[Mark], found: Iterable[Found]) -> Comparison:
    """Compare what is expected with what was found, line by line and code by code."""
    result = Comparison()
    left: dict[tuple[int, str], list[str]] = {}
    for finding in sorted(found):
        left.setdefault((finding.line, finding.code), []).append(finding.text)
    unmatched = []
    # Marks with words take their findings first; what they leave is for those without.
    for mark in sorted(marks, key=lambda mark: (not mark.words, mark.line)):
        texts = left.get((mark.line, mark.code), [])
        matching = next((text for text in texts if mark.words in text), None)
        if matching is None:
            unmatched.append(mark)
        else:
            texts.remove(matching)
    for mark in unmatched:
        texts = left.get((mark.line, mark.code), [])
        if texts:
            result.wrong_text.append((mark.line, f"expected {mark.words!r} in {texts.pop(0)!r}"))
        else:
            result.missed_alarms.append((mark.line, f"{mark.code} {mark.words}".rstrip()))
    result.false_alarms = [(line, text) for (line, _), texts in left.items() for text in texts]
    return result


# -- the real flake8 ----------------------------------------------------------------------------------------------

_LINE = re.compile(r"(?P<path>.+?):(?P<line>\d+):(?P<column>\d+): (?P<code>[A-Z]+\d+) (?P<text>.*)")


@dataclass(frozen=True, order=True, slots=True)
class Reported:
    """One line of flake8's default output; the column counts from 1."""

    path: str
    line: int
    column: int
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Flake8:
    """What one run of flake8 gave."""

    status: int
    out: str
    err: str

    @property
    def reported(self) -> list[Reported]:
        """The findings; paths are relative to the folder of the run."""
        return [
            Reported(
                line["path"].removeprefix("./"),
                int(line["line"]),
                int(line["column"]),
                line["code"],
                line["text"],
            )
            for line in map(_LINE.fullmatch, self.out.splitlines())
            if line
        ]

    @property
    def codes(self) -> list[str]:
        """The codes of the findings, in the order of the output."""
        return [item.code for item in self.reported]


def bad_example(rule: type[Checker]) -> str:
    """Return the source under ``Bad::`` in a rule's docstring."""
    return docs.sections(rule).bad + "\n"


def environment() -> dict[str, str]:
    """The environment of a subprocess: ours, without what would change Python's or git's behaviour."""
    return {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "GIT_", "FLAKE8"))
    }


def flake8(
    folder: Path, *arguments: str, hidden: bool = False, script: Path | None = None, stdin: str | None = None
) -> Flake8:
    """Run the real flake8 of this Python in a folder.

    Args:
        folder: the working directory.
        arguments: the command line.
        hidden: run it as if our distribution were not installed.
        script: a file that starts flake8 itself, in place of ``-m flake8``.
        stdin: what flake8 reads from standard input.

    Returns:
        Exit status and output.
    """
    if hidden:
        start = ["-c", _HIDDEN]
    else:
        start = ["-m", "flake8"] if script is None else [str(script)]
    done = subprocess.run(
        [sys.executable, *start, *arguments],
        check=False,
        cwd=folder,
        env=environment(),
        input=stdin or "",
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=240,
    )
    return Flake8(done.returncode, done.stdout, done.stderr)
