"""How much of the SQL in Python strings the grammar can read, before and after masking.

Usage: python benchmarks/sql_parsing.py FOLDER...

Each folder is an unpacked package. Counted are the strings that reach a database by AIG029's sinks and begin with SELECT, INSERT,
UPDATE, DELETE or WITH. "untuned" parses them as they stand, a name in each hole; "masked" hides what belongs to a dialect.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import ast_grep_py

from flake8_aiguard import sql
from flake8_aiguard.astgrep import languages
from flake8_aiguard.module import Module
from flake8_aiguard.settings import Settings

DML = re.compile(
    r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*(select|insert|update|delete|with)\b", re.IGNORECASE | re.DOTALL
)


def statements(path: Path) -> Iterator[str]:
    """The text of every counted statement of a file."""
    try:
        source = path.read_text(encoding="utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    found = sql.Statements(Module(tree, str(path), source.splitlines(keepends=True), Settings()))
    module = Module(tree, str(path), source.splitlines(keepends=True), Settings())
    for call in module.index.calls_named(sql.sinks()):
        for statement in found.sent_by(call):
            if DML.match(statement.text):
                yield statement.text


def fails(text: str) -> bool:
    """Whether the grammar finds an error."""
    return ast_grep_py.SgRoot(text, "sql").root().find(kind="ERROR") is not None


def main() -> int:
    """Print a line a folder and one for all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--show", action="store_true", help="print the statements that still fail")
    arguments = parser.parse_args()
    languages.prepare()
    total = untuned = masked = 0
    for folder in arguments.folders:
        texts = [text for path in sorted(folder.rglob("*.py")) for text in statements(path)]
        before = sum(map(fails, texts))
        left = [text for text in texts if fails(sql.readable(text))]
        total, untuned, masked = total + len(texts), untuned + before, masked + len(left)
        print(row(folder.name, len(texts), before, len(left)))
        if arguments.show:
            print(*left, sep="\n--\n")
    print(row("all", total, untuned, masked))
    return 0


def row(name: str, count: int, untuned: int, masked: int) -> str:
    """A line of the result."""
    share = [f"{100 * failing / count:.1f} %" if count else "-" for failing in (untuned, masked)]
    return f"{name:32} {count:6} statements, fail untuned {untuned:5} ({share[0]}), masked {masked:5} ({share[1]})"


if __name__ == "__main__":
    sys.exit(main())
