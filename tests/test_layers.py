"""Imports go one way, as docs/architecture.md says, and a flake8 run loads only what it needs."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import harness
import pytest

PACKAGE = harness.ROOT / "flake8_aiguard"

# From the top down; a module imports only from lines below its own.
LAYERS = (
    ("__main__", "hooks"),
    ("cli",),
    ("agents",),
    ("formats",),
    ("docs", "scaffold"),
    ("catalog",),
    ("rules",),
    ("locksets", "stale"),
    ("commands", "doctor", "harms", "large", "lifecycles", "refills", "steps"),
    ("callers", "joins", "runner", "shared_state", "tensors", "volumes", "worth"),
    (
        "agreements",
        "caches",
        "candidates",
        "channels",
        "declared",
        "evidence",
        "filework",
        "foregone",
        "frame",
        "grounds",
        "handling",
        "hits",
        "meant",
        "onebyone",
        "others",
        "permissions",
        "promises",
        "retries",
        "searches",
        "sequences",
        "signatures",
        "takers",
    ),
    (
        "amounts",
        "askers",
        "batching",
        "boundaries",
        "checker",
        "checks",
        "concurrency",
        "constants",
        "contracts",
        "contradictions",
        "courses",
        "effects",
        "eventloop",
        "fetches",
        "fronts",
        "frozen",
        "growth",
        "handovers",
        "held",
        "inventory",
        "lifespans",
        "limits",
        "mentions",
        "nulls",
        "oneoff",
        "openings",
        "pictures",
        "polling",
        "reads",
        "rivals",
        "sql",
        "turns",
        "untyped",
    ),
    (
        "accumulators",
        "attempts",
        "attributes",
        "blocking",
        "bytestrings",
        "capacity",
        "causes",
        "classes",
        "counting",
        "domains",
        "entries",
        "fanout",
        "few",
        "guards",
        "handed",
        "handles",
        "hashables",
        "inline",
        "inputs",
        "lasting",
        "lifetimes",
        "limiters",
        "lists",
        "locking",
        "locks",
        "lookups",
        "passes",
        "posts",
        "provenance",
        "queries",
        "repeats",
        "roundtrips",
        "rows",
        "scans",
        "sharing",
        "suspensions",
        "tables",
        "timeouts",
        "traffic",
        "unreached",
        "vectors",
        "writes",
        "written",
    ),
    ("module",),
    ("sources",),
    ("entrypoints",),
    ("arguments", "bounds", "kinds"),
    ("defuse", "generated", "loops", "receivers"),
    ("astgrep", "imports", "reaching"),
    ("baseline", "blocks", "flow", "identity", "lowering", "nouns", "numeric", "scopes", "wordings"),
    (
        "cache",
        "changes",
        "ddl",
        "dialects",
        "discovery",
        "index",
        "knowledge",
        "manifold",
        "onefile",
        "precommit",
        "reasons",
        "ruff",
        "settings",
        "shapes",
        "suppressions",
        "workers",
    ),
    ("children", "comments", "errors", "files", "garbage", "memo", "regex", "results", "toml"),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
COMMANDS = (
    "hooks",
    "cli",
    "commands",
    "doctor",
    "scaffold",
    "docs",
    "catalog",
    "inventory",
    "runner",
    "cache",
    "changes",
)


def modules() -> Iterator[tuple[str, Path]]:
    """Yield the layer and the path of every module."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts != ("__init__",):
            yield parts[0], path
    for path in sorted((harness.ROOT / "hooks").glob("*.py")):
        yield "hooks", path


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and layer of every import from our own package, wherever in the file it stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.name}:{node.lineno}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            layer = rest.split(".")[0]
            if package == PACKAGE.name and layer not in ("", "__version__"):
                yield node.lineno, layer


@pytest.mark.parametrize(
    ("layer", "path"),
    [pytest.param(layer, path, id=str(path.relative_to(harness.ROOT))) for layer, path in modules()],
)
def test_imports_go_down(layer: str, path: Path) -> None:
    assert layer in LEVEL, f"{layer} has no layer: name it in docs/architecture.md and here"
    # Inside of a package of one layer only its own parts may be imported; rules import no rules.
    own = set() if layer == "rules" else {layer} if path.parent != PACKAGE else set()
    wrong = [
        f"{path.name}:{line}: {layer} imports {other}"
        for line, other in imported(path)
        if other not in own and not LEVEL[other] > LEVEL[layer]
    ]
    assert not wrong


def test_imports_are_seen() -> None:
    seen = {other for _, path in modules() for _, other in imported(path)}
    assert {"checker", "index", "settings", "shapes"} <= seen


def test_the_page_names_every_layer() -> None:
    page = (harness.ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    block = page.split("## Layers", 1)[1].split("```")[1]
    missing = [name for name in LEVEL if name != "__main__" and name not in block]
    assert not missing


def test_flake8_loads_no_command(tmp_path: Path) -> None:
    (tmp_path / "example.py").write_text("import requests\n\nrequests.get('https://example.org')\n")
    script = tmp_path / "run.py"
    script.write_text(
        "import sys\n"
        "from flake8.main.cli import main\n"
        "main(['-j1', '--isolated', 'example.py'])\n"
        "print('loaded:', *sorted(name for name in sys.modules if name.startswith('flake8_aiguard')))\n"
    )
    done = subprocess.run(
        [sys.executable, script],
        check=True,
        cwd=tmp_path,
        env=harness.environment(),
        capture_output=True,
        encoding="utf-8",
    )
    loaded = done.stdout.partition("loaded: ")[2].split()
    assert "flake8_aiguard.checker" in loaded, done.stderr
    assert not {f"flake8_aiguard.{name}" for name in COMMANDS} & set(loaded)
