"""TOML, whose parser is slow and imported for the first file: most runs read none."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any


def parsed(text: str) -> dict[str, Any]:
    """The tables of a text.

    Raises:
        ValueError: it is not valid TOML.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)


def packaged(path: Path) -> dict[str, Any]:
    """The tables of a file of this package, which are kept as Python keeps the bytecode of a module: beside it, where that can be.

    Parsing all of them takes a tenth of a second, which each process of a run would need.

    Args:
        path: the file; it holds tables, texts and numbers.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not valid TOML.
    """
    info = path.stat()
    stamp = [info.st_mtime_ns, info.st_size]
    kept = Path(importlib.util.cache_from_source(os.fspath(path))).with_name(f"{path.name}.json")
    with contextlib.suppress(OSError, TypeError, ValueError):
        known, tables = json.loads(kept.read_bytes())
        if known == stamp and isinstance(tables, dict):
            return tables
    tables = parsed(path.read_text(encoding="utf-8"))
    if not sys.dont_write_bytecode:
        _keep(kept, [stamp, tables])
    return tables


def _keep(path: Path, content: object) -> None:
    """Write a file whole; where that is not possible, the next process parses again."""
    part = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with contextlib.suppress(OSError, TypeError, ValueError):
        text = json.dumps(content)
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
