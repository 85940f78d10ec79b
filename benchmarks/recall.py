"""What share of planted regressions each rule finds in code that it does not know.

``python benchmarks/recall.py`` takes the snippets of ``planted/<code>.py``, puts each into the middle of a file of Django's
wheel (pinned, fetched once with pip; the one that ``overhead.py`` measures) and runs the rule on the result. How the
numbers come about:

- A snippet is written from the rule's specification alone, as a teammate or an assistant would write it, and stays whether
  the rule finds it or not. The line to be reported carries ``# planted``; where the cause has two ends, as the check and the
  use of a queue, either one counts.
- The file around it is chosen at random, always the same one: where the rule reports nothing, where it may report (no tests,
  no migrations), and where no name of the module would change what the snippet means.
- Files are checked as flake8 does in a project without configuration; for a gate, with ``gates = "all"``.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import random
import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE), str(HERE.parent / "tests")]  # this checkout, installed or not

from overhead import PACKAGE, BenchmarkError, Source, fetch, read

from flake8_aiguard import catalog

harness: Any = importlib.import_module("harness")

SEED: Final = 20251121
SMALLEST: Final = 60  # lines of a file that has a middle
UNIT: Final = 20  # --min counts in this many snippets
EXEMPT: Final = re.compile(r"test|(^|/)migrations/")  # where rules are silent by definition
TITLE: Final = re.compile(r"^# --- (\S+)\n", re.MULTILINE)
MARK: Final = "# planted"


@dataclass(frozen=True, slots=True)
class Snippet:
    """One planted regression: its text, and the lines of it (from 1) of which one must be reported."""

    name: str
    text: str
    marks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Host:
    """A file that takes snippets: what its module binds, and the line before which they go."""

    source: Source
    bound: dict[str, str | None]
    line: int


def snippets(path: Path) -> list[Snippet]:
    """Read the snippets of a rule.

    Args:
        path: the file; each snippet stands below a comment ``# --- name``.

    Raises:
        BenchmarkError: it holds no snippet, a name twice, or one that does not parse or has no mark.
    """
    _, *parts = TITLE.split(path.read_text(encoding="utf-8"))
    found: dict[str, Snippet] = {}
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        text = text.strip("\n") + "\n"
        marks = tuple(number for number, line in enumerate(text.splitlines(), 1) if line.endswith(MARK))
        try:
            ast.parse(text)
        except SyntaxError as error:
            raise BenchmarkError(f"{path.name}: {name} does not parse: {error}") from error
        if not marks:
            raise BenchmarkError(f"{path.name}: {name} has no line that ends with '{MARK}'")
        if name in found:
            raise BenchmarkError(f"{path.name}: {name} stands there twice")
        found[name] = Snippet(name, text, marks)
    if not found:
        raise BenchmarkError(f"{path.name}: no snippet; each starts with '# --- name'")
    return list(found.values())


def bound(tree: ast.Module) -> dict[str, str | None]:
    """Return the names that a module binds, with what is imported under each, ``None`` for anything else."""
    names: dict[str, str | None] = {}

    def bind(name: str, target: str | None) -> None:
        names[name] = target if names.get(name, target) == target else None

    stack: list[ast.AST] = [*tree.body]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Import):
            for alias in node.names:
                package = alias.name.split(".")[0]
                bind(alias.asname or package, alias.name if alias.asname else package)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                bind(alias.asname or alias.name, f"{'.' * node.level}{node.module or ''}.{alias.name}")
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bind(node.name, None)
        else:
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                bind(node.id, None)
            stack.extend(ast.iter_child_nodes(node))
    return names


def middle(tree: ast.Module, lines: int) -> int | None:
    """Return the line, nearest to the middle of a file, before which a statement of the module may be put.

    Args:
        tree: the module.
        lines: the number of lines of the file.

    Returns:
        The line of a statement in the middle half of the file, ``None`` when there is none.
    """
    starts: list[int] = []
    for before, statement in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            starts.clear()
            continue
        decorators = getattr(statement, "decorator_list", [])
        start = min(node.lineno for node in (statement, *decorators))
        if start > (before.end_lineno or before.lineno) and lines <= 4 * start <= 3 * lines:
            starts.append(start)
    return min(starts, key=lambda start: abs(2 * start - lines), default=None)


def hosts(sources: Iterable[Source]) -> Iterator[Host]:
    """Yield the files that can take a snippet of any rule."""
    for source in sources:
        if len(source.lines) < SMALLEST or EXEMPT.search(source.filename):
            continue
        tree = ast.parse(source.text)
        names = bound(tree)
        line = middle(tree, len(source.lines))
        if line is not None and "*" not in names:
            yield Host(source, names, line)


def fits(host: Host, snippet: Snippet) -> bool:
    """Whether a snippet's names mean the same inside a file: none is bound there otherwise."""
    tree = ast.parse(snippet.text)
    own = bound(tree)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | own.keys()
    shared = used & host.bound.keys()
    return all(host.bound[name] is not None and host.bound[name] == own.get(name) for name in shared)


def plant(host: Host, snippet: Snippet) -> tuple[str, list[int]]:
    """Put a snippet into a file.

    Returns:
        The text, and the lines of which one must be reported.

    Raises:
        BenchmarkError: the text does not parse.
    """
    lines = host.source.lines
    head, tail = lines[: host.line - 1], lines[host.line - 1 :]
    text = "".join([*head, "\n\n", snippet.text, "\n\n", *tail])
    try:
        ast.parse(text)
    except SyntaxError as error:
        raise BenchmarkError(f"{snippet.name} in {host.source.filename} does not parse: {error}") from error
    offset = len(head) + 2
    return text, [offset + mark for mark in snippet.marks]


def reported(code: str, filename: str, text: str) -> list[int]:
    """Return the lines that a rule reports.

    Raises:
        BenchmarkError: the rule failed.
    """
    settings = {"gates": "all"} if catalog.find(code).gate else None
    try:
        return [found.line for found in harness.check_source(text, filename, [code], settings)]
    except harness.InternalError as error:
        raise BenchmarkError(str(error)) from error


def measure(code: str, planted: Sequence[Snippet], files: Sequence[Host]) -> dict[str, Any]:
    """Plant the snippets of one rule, each in a file of its own choice, and run the rule.

    Args:
        code: the rule.
        planted: its snippets.
        files: the files to choose from.

    Returns:
        The numbers, as ``--json`` prints them.

    Raises:
        BenchmarkError: no file takes a snippet, or the rule failed.
    """
    clean: dict[str, bool] = {}
    elsewhere = 0
    rows: list[dict[str, Any]] = []
    for snippet in planted:
        order = random.Random(f"{SEED} {code} {snippet.name}").sample(files, len(files))
        for host in order:
            filename = host.source.filename
            if not fits(host, snippet):
                continue
            if filename not in clean:
                clean[filename] = not reported(code, filename, host.source.text)
            if clean[filename]:
                break
        else:
            raise BenchmarkError(f"{code}: no clean file takes {snippet.name}")
        text, marks = plant(host, snippet)
        lines = reported(code, filename, text)
        found = any(line in marks for line in lines)
        elsewhere += sum(line not in marks for line in lines)
        rows.append({"name": snippet.name, "file": filename, "line": marks[0], "found": found})
    return {
        "slug": catalog.find(code).slug,
        "planted": len(rows),
        "found": sum(row["found"] for row in rows),
        "missed": [row["name"] for row in rows if not row["found"]],
        "elsewhere": elsewhere,
        "snippets": rows,
    }


def below(rules: dict[str, Any], least: int) -> list[str]:
    """Return a line for each rule that finds fewer than this many of twenty."""
    return [
        f"{code}: found {rule['found']} of {rule['planted']}, below {least} of {UNIT}"
        for code, rule in rules.items()
        if rule["found"] * UNIT < least * rule["planted"]
    ]


def table(numbers: dict[str, Any]) -> str:
    """Return the numbers as a table for people."""
    rows = [
        f"planted in clean files of {numbers['tree']} ({numbers['files']:,} to choose from)",
        "",
        f"{'':<36}{'planted':>9}{'found':>7}{'recall':>8}{'elsewhere':>11}",
    ]
    for code, rule in numbers["rules"].items():
        name, recall = f"{code} {rule['slug']}", rule["found"] / rule["planted"]
        rows.append(f"{name:<36}{rule['planted']:>9}{rule['found']:>7}{recall:>8.2f}{rule['elsewhere']:>11}")
    missed = [
        f"missed: {code} {row['name']} ({row['file']}:{row['line']})"
        for code, rule in numbers["rules"].items()
        for row in rule["snippets"]
        if not row["found"]
    ]
    return "\n".join([*rows, "", *missed]).rstrip()


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description="Share of planted regressions that each rule finds.")
    parser.add_argument(
        "--tree", type=Path, help=f"plant in the files below this folder instead of {PACKAGE}"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=HERE.parent / ".cache" / "benchmarks",
        help="where downloads are kept (%(default)s)",
    )
    parser.add_argument(
        "--planted", type=Path, default=HERE / "planted", help="the folder of the snippets (%(default)s)"
    )
    parser.add_argument(
        "--rule", action="append", help="measure only this rule, by code or slug; may be repeated"
    )
    parser.add_argument(
        "--min", type=int, default=16, help=f"how many of {UNIT} a rule must find (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Plant, check, print, compare.

    Args:
        argv: the command line without the program; ``sys.argv`` by default.

    Returns:
        0; 1 when a rule finds too few; 2 when nothing could be measured.
    """
    args = arguments().parse_args(argv)
    try:
        if args.rule:
            codes = sorted(catalog.find(rule).code for rule in args.rule)
        else:
            codes = sorted(path.stem for path in args.planted.glob("AIG*.py"))
        if not codes:
            raise BenchmarkError(f"no snippets in {args.planted}")
        planted = {code: snippets(args.planted / f"{code}.py") for code in codes}
        tree: Path = args.tree if args.tree is not None else fetch(args.cache)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the files' own, such as invalid escapes
            files = list(hosts(read(tree)[0]))
            rules = {code: measure(code, planted[code], files) for code in codes}
    except (BenchmarkError, catalog.CatalogError, catalog.UnknownRuleError, OSError) as error:
        print(f"recall: {error}", file=sys.stderr)
        return 2
    missed = below(rules, args.min)
    numbers = {
        "tree": tree.resolve().name,
        "files": len(files),
        "seed": SEED,
        "rules": rules,
        "min": args.min,
        "below": missed,
    }
    print(json.dumps(numbers, indent=2) if args.json else table(numbers))
    for line in missed:
        print(f"recall: {line}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
