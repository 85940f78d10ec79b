"""What the rules cost next to parsing: index, each rule and all of them, as ratios to ``ast.parse``.

``python benchmarks/overhead.py`` measures on Django's wheel (pinned, fetched once with pip) and exits with 1 when a bound
is exceeded. How the numbers come about:

- One process, default garbage collection, process CPU time, best of five rounds; each number has its own best round.
- In a round, each file is parsed and discarded (``parse``), then parsed again, indexed, checked and discarded. Side by
  side, as a busy machine then slows both down; file by file, as each tree that is kept makes the collector, and so
  parsing, dearer. A tree that outlives its file is reported like an exceeded bound.
- ``all`` runs from the tree to the end of the last rule, and on through discarding what was built: a run of its own, as
  reading the clock before and after each rule costs as much as a small rule does.
- ``shared`` is what some rule asks for first and the others find: the source text, the symbol tables, the calls by name.
- A rule's number is the time of its own run, with the index built before and ``shared`` taken out. Rules run in the order of
  their codes; canonical names and receiver types are derived name by name, and count for the first rule that asks for one.
- Memory, on the ten largest files: the highest peak while one of them is parsed, and while it is checked, its tree
  included, as ``tracemalloc`` sees it.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import gc
import json
import platform
import subprocess
import sys
import tempfile
import time
import tokenize
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # measure this checkout, installed or not

from flake8_aiguard import catalog
from flake8_aiguard.checker import Checker
from flake8_aiguard.index import Index
from flake8_aiguard.module import Module

PACKAGE: Final = "django==5.2.8"
LARGEST: Final = 10
NOTHING: Final = ast.Module(body=[], type_ignores=[])


class BenchmarkError(Exception):
    """Nothing can be measured; the text says why."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file of the measured tree."""

    filename: str
    lines: list[str]
    text: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """The highest ratios allowed."""

    all: float
    index: float
    rule: float


def fetch(cache: Path) -> Path:
    """Return the pinned package's files, downloaded with pip when they are not in the cache.

    Args:
        cache: a folder; made if it is missing.

    Raises:
        BenchmarkError: pip could not download it.
    """
    tree = cache / PACKAGE.replace("==", "-")
    if tree.is_dir():
        return tree
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        run = subprocess.run([*pip, "--dest", folder, PACKAGE], capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if run.returncode or not wheels:
            raise BenchmarkError(f"pip could not download {PACKAGE}: {run.stderr.strip()}")
        unpacked = Path(folder, "tree")
        with zipfile.ZipFile(wheels[0]) as wheel:
            wheel.extractall(unpacked, [name for name in wheel.namelist() if name.endswith(".py")])
        unpacked.rename(tree)  # whole or not at all
    return tree


def read(tree: Path) -> tuple[list[Source], int]:
    """Read the Python files below a folder.

    Returns:
        The files that parse, and the number of those that do not.

    Raises:
        BenchmarkError: no file parses.
    """
    sources, skipped = [], 0
    for path in sorted(tree.rglob("*.py")):
        try:
            with tokenize.open(path) as file:
                lines = file.readlines()
            ast.parse("".join(lines))
        except (SyntaxError, ValueError):
            skipped += 1
        else:
            sources.append(Source(path.relative_to(tree).as_posix(), lines, "".join(lines)))
    if not sources:
        raise BenchmarkError(f"no Python file in {tree}")
    return sources, skipped


class Shared:
    """The time of what rules share, taken where it is built."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, build: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Return the function, with its time added here."""

        def timed(owner: Any) -> Any:
            start = time.process_time()
            try:
                return build(owner)
            finally:
                self.seconds += time.process_time() - start

        return timed

    @contextlib.contextmanager
    def watch(self) -> Iterator[None]:
        """Time what is built while the context is open."""
        lazy = [vars(Module)[name] for name in ("source", "scopes")]
        before = [part.func for part in lazy]
        calls = Index._calls_by_name
        for part in lazy:
            part.func = self.timed(part.func)
        Index._calls_by_name = self.timed(calls)  # type: ignore[assignment, method-assign]
        try:
            yield
        finally:
            for part, func in zip(lazy, before, strict=True):
                part.func = func
            Index._calls_by_name = calls  # type: ignore[method-assign]


class Times:
    """Measures files, one after the other, and adds up.

    Args:
        rules: the rule classes, in the order in which they run.
    """

    def __init__(self, rules: Sequence[type[Checker]]) -> None:
        self.rules = rules
        self.parse = 0.0
        self.index = 0.0
        self.shared = Shared()
        self.all = 0.0
        self.own = [0.0] * len(rules)
        self.findings = [0] * len(rules)
        self.kept: list[str] = []

    def add(self, source: Source) -> None:
        """Measure a file.

        Raises:
            BenchmarkError: a rule failed, so that its time says nothing.
        """
        clock = time.process_time
        start = clock()
        ast.parse(source.text)
        self.parse += clock() - start
        tree = ast.parse(source.text)
        self._check(tree, source)
        shared = self.shared.seconds
        tree = ast.parse(source.text)
        start = clock()
        for rule in self.rules:
            for _finding in rule(tree, source.filename, source.lines).run():
                pass
        Module.of(NOTHING, "", [], Checker.options)  # takes the slot that holds the file's module
        self.all += clock() - start
        self.shared.seconds = shared
        if sys.getrefcount(tree) > 2:  # our name and the argument
            self.kept.append(source.filename)

    def _check(self, tree: ast.Module, source: Source) -> None:
        clock = time.process_time
        start = clock()
        _ = Module.of(tree, source.filename, source.lines, Checker.options).index
        self.index += clock() - start
        for number, rule in enumerate(self.rules):
            shared = self.shared.seconds
            start = clock()
            found = list(rule(tree, source.filename, source.lines).run())
            self.own[number] += clock() - start - (self.shared.seconds - shared)
            self.findings[number] += len(found)
            for _line, _column, text, _kind in found:
                if text.startswith(f"{rule.code} internal error"):
                    raise BenchmarkError(f"{source.filename}: {text}")

    def peaks(self, source: Source) -> tuple[int, int]:
        """Return the peaks of memory, in bytes, while a file is parsed and while it is checked."""
        gc.collect()
        tracemalloc.start()
        tree = ast.parse(source.text)
        parsing = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        self._check(tree, source)
        checking = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return parsing, checking


def measure(sources: Sequence[Source], rules: Sequence[type[Checker]], rounds: int) -> dict[str, Any]:
    """Measure time and memory.

    Args:
        sources: the files.
        rules: the rule classes.
        rounds: how often to measure; the best counts.

    Returns:
        The numbers, as ``--json`` prints them.

    Raises:
        BenchmarkError: a rule failed.
    """
    runs = []
    for _ in range(rounds):
        gc.collect()
        run = Times(rules)
        with run.shared.watch():
            for source in sources:
                run.add(source)
        runs.append(run)
    base = min(run.parse for run in runs)

    def best(costs: Iterable[float]) -> dict[str, Any]:
        cost = min(costs)
        return {"seconds": round(cost, 4), "ratio": round(cost / base, 4)}

    largest = sorted(sources, key=lambda source: len(source.text))[-LARGEST:]
    parsing, checking = zip(*(Times(rules).peaks(source) for source in largest), strict=True)
    return {
        "parse": best([base]),
        "index": best(run.index for run in runs),
        "shared": best(run.shared.seconds for run in runs),
        "rules": {
            rule.code: {
                "slug": rule.slug,
                **best(run.own[number] for run in runs),
                "findings": runs[0].findings[number],
            }
            for number, rule in enumerate(rules)
        },
        "all": best(run.all for run in runs),
        "memory": {"parse": max(parsing), "check": max(checking)},
        "kept": runs[0].kept,
    }


def exceeded(numbers: dict[str, Any], bounds: Bounds) -> list[str]:
    """Return a line for each number above its bound and each tree that was kept."""
    costs = [("index", numbers["index"]["ratio"], bounds.index)]
    costs += [(code, rule["ratio"], bounds.rule) for code, rule in numbers["rules"].items()]
    costs.append(("all", numbers["all"]["ratio"], bounds.all))
    found = [f"{name}: {ratio:.3f} is above {bound:.3f}" for name, ratio, bound in costs if ratio > bound]
    return found + [f"{filename}: its tree outlives its check" for filename in numbers["kept"]]


def table(numbers: dict[str, Any]) -> str:
    """Return the numbers as a table for people."""
    tree = numbers["tree"]
    skipped = f", {tree['skipped']} skipped" if tree["skipped"] else ""
    size = f"{tree['lines']:,} lines in {tree['files']:,} files{skipped}"
    rows = [
        f"{tree['name']}: {size}; Python {numbers['python']}, best of {numbers['rounds']}",
        "",
        f"{'':<36}{'seconds':>9}{'ratio':>8}{'findings':>10}",
    ]
    for name in ("parse", "index", "shared"):
        rows.append(f"{name:<36}{numbers[name]['seconds']:>9.3f}{numbers[name]['ratio']:>8.3f}")
    for code, rule in numbers["rules"].items():
        name = f"{code} {rule['slug']}"
        rows.append(f"{name:<36}{rule['seconds']:>9.3f}{rule['ratio']:>8.3f}{rule['findings']:>10}")
    rows.append(f"{'all':<36}{numbers['all']['seconds']:>9.3f}{numbers['all']['ratio']:>8.3f}")
    memory = {name: size / 2**20 for name, size in numbers["memory"].items()}
    rows += ["", f"peak memory of one file: parse {memory['parse']:.1f} MiB, check {memory['check']:.1f} MiB"]
    return "\n".join(rows)


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description="Cost of index and rules as ratios to ast.parse.")
    parser.add_argument("--tree", type=Path, help=f"measure the files below this folder instead of {PACKAGE}")
    parser.add_argument(
        "--cache",
        type=Path,
        default=ROOT / ".cache" / "benchmarks",
        help="where downloads are kept (%(default)s)",
    )
    parser.add_argument(
        "--rule", action="append", help="measure only this rule, by code or slug; may be repeated"
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often to measure (%(default)s)")
    parser.add_argument(
        "--max-all", type=float, help="bound for all rules and the index (1.0; up to six rules: 0.7)"
    )
    parser.add_argument("--max-index", type=float, default=0.4, help="bound for the index (%(default)s)")
    parser.add_argument("--max-rule", type=float, default=0.06, help="bound for each rule (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, compare.

    Args:
        argv: the command line without the program; ``sys.argv`` by default.

    Returns:
        0; 1 when a bound is exceeded; 2 when nothing could be measured.
    """
    parser = arguments()
    args = parser.parse_args(argv)
    if args.rounds < 1:
        parser.error("--rounds must be 1 or more")
    try:
        rules = (
            sorted(map(catalog.find, args.rule), key=lambda rule: rule.code) if args.rule else catalog.rules()
        )
        tree: Path = args.tree if args.tree is not None else fetch(args.cache)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the measured code's own, such as invalid escapes
            sources, skipped = read(tree)
            numbers = measure(sources, rules, args.rounds)
    except (BenchmarkError, catalog.CatalogError, catalog.UnknownRuleError, OSError) as error:
        print(f"overhead: {error}", file=sys.stderr)
        return 2
    max_all = args.max_all if args.max_all is not None else (0.7 if len(rules) <= 6 else 1.0)
    bounds = Bounds(max_all, args.max_index, args.max_rule)
    lines = sum(len(source.lines) for source in sources)
    numbers = {
        "tree": {"name": tree.resolve().name, "files": len(sources), "lines": lines, "skipped": skipped},
        "python": platform.python_version(),
        "rounds": args.rounds,
        **numbers,
        "bounds": {"all": bounds.all, "index": bounds.index, "rule": bounds.rule},
        "exceeded": exceeded(numbers, bounds),
    }
    print(json.dumps(numbers, indent=2) if args.json else table(numbers))
    for line in numbers["exceeded"]:
        print(f"overhead: {line}", file=sys.stderr)
    return 1 if numbers["exceeded"] else 0


if __name__ == "__main__":
    sys.exit(main())
