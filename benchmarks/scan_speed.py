"""How long `flake8-aiguard scan` takes next to `ast-grep scan`, on the same rules and the same generated tree, in one run.

Usage: python benchmarks/scan_speed.py [--files N] [--rounds N]

The tree has 2,000 files with 200,000 lines by default, half SQL and half YAML, with a finding here and there. Both commands run as
users run them, from start to exit; the best round of each counts. Exits with 1 where ours takes more than four times as long.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from pathlib import Path

import tree_sitter_sql._binding as binding

from flake8_aiguard.astgrep import rulefiles

BOUND = 4.0
LINES = 100
SQL = (
    "SELECT id, cents FROM orders WHERE customer_id = {n} AND created > '2026-01-01';\n",
    "SELECT c.name, o.cents\nFROM customers AS c\nJOIN orders AS o ON o.customer_id = c.id\nWHERE c.id = {n};\n",
    "INSERT INTO payments (id, cents) VALUES ({n}, 100), ({n}, 200) ON CONFLICT (id) DO NOTHING;\n",
    "UPDATE orders SET state = 'paid', cents = cents + {n} WHERE id = {n};\n",
    "CREATE TABLE t{n} (\n    id bigint PRIMARY KEY,\n    name text NOT NULL,\n    created timestamptz DEFAULT now()\n);\n",
)
BAD_SQL = (
    "SELECT * FROM orders WHERE id = {n};\n",
    "DELETE FROM sessions;\n",
    "SELECT id FROM a WHERE b NOT IN (SELECT c FROM d);\n",
    "SELECT id FROM orders WHERE date(created) = '2026-01-{n}' ORDER BY random();\n",
)
YAML = (
    "service{n}:\n  image: shop:{n}\n  replicas: 3\n  environment:\n    BROKER: kafka:9092\n    LEVEL: info\n",
    "queue{n}:\n  - name: orders\n    size: {n}\n    timeout: 30\n  - name: payments\n    size: 100\n",
    "limits{n}: {{cpu: 500m, memory: 256Mi}}\n",
)
BAD_YAML = (
    "upstream{n}:\n  read_timeout: 0\n",
    "env{n}:\n  PYTHONOPTIMIZE: '1'\n",
    "producer{n}:\n  acks: 0\n",
)


def text(rng: random.Random, good: tuple[str, ...], bad: tuple[str, ...]) -> str:
    """A file of about LINES lines, one part in fifteen with a finding."""
    parts: list[str] = []
    lines = 0
    while lines < LINES:
        part = rng.choice(bad if rng.random() < 1 / 15 else good).format(n=len(parts) + 1)
        parts.append(part)
        lines += part.count("\n")
    return "".join(parts)


def generate(folder: Path, files: int) -> int:
    """Write the tree, and return how many lines it has."""
    rng = random.Random(6)
    lines = 0
    for number in range(files):
        kind = "sql" if number % 2 else "yaml"
        content = text(rng, SQL, BAD_SQL) if kind == "sql" else text(rng, YAML, BAD_YAML)
        path = folder / f"d{number % 40}" / f"f{number}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        lines += content.count("\n")
    return lines


def timed(command: list[str], folder: Path) -> tuple[float, str]:
    """Seconds and output of a command that may end with findings."""
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, encoding="utf-8")
    if done.returncode not in (0, 1):
        raise SystemExit(f"{command[0]}: exit {done.returncode}\n{done.stderr}")
    return time.perf_counter() - start, done.stdout


def main() -> int:
    """Print both times and their ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    tool = shutil.which("ast-grep", path=sysconfig.get_path("scripts")) or shutil.which("ast-grep")
    if tool is None:
        raise SystemExit("ast-grep is not installed; it comes with the extra 'test'")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = generate(folder / "tree", arguments.files)
        for part in ("rules", "utils"):
            shutil.copytree(rulefiles.HERE / part, folder / part)
        language = {
            "libraryPath": binding.__file__,
            "languageSymbol": "tree_sitter_sql",
            "extensions": ["sql"],
        }
        configuration = {
            "ruleDirs": ["rules"],
            "utilDirs": ["utils"],
            "customLanguages": {"sql": {**language, "expandoChar": "_"}},
        }
        (folder / "sgconfig.yml").write_text(json.dumps(configuration), encoding="utf-8")
        theirs = [tool, "scan", "--custom-languages", "allow", "--json=stream", "tree"]
        ours = [sys.executable, "-m", "flake8_aiguard", "scan", "--select", "AIG", "--format", "json", "tree"]
        rounds = [(timed(theirs, folder), timed(ours, folder)) for _ in range(arguments.rounds)]
        found = Counter(
            item["ruleId"].split("-")[0] for item in map(json.loads, rounds[0][0][1].splitlines())
        )
        if found != Counter(item["code"] for item in json.loads(rounds[0][1][1])):
            raise SystemExit("the two report different findings")
    best = [min(seconds for seconds, _ in column) for column in zip(*rounds, strict=True)]
    ratio = best[1] / best[0]
    print(f"{arguments.files} files, {lines} lines, {sum(found.values())} findings, the same in both")
    print(
        f"ast-grep scan {best[0]:.2f} s, flake8-aiguard scan {best[1]:.2f} s, ratio {ratio:.2f} (bound {BOUND})"
    )
    return int(ratio > BOUND)


if __name__ == "__main__":
    sys.exit(main())
