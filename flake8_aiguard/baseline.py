"""Findings that were accepted once: written, matched, shrunk."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from flake8_aiguard.files import write_whole
from flake8_aiguard.identity import Identity
from flake8_aiguard.settings import upwards

_VERSION: Final = 1


class BaselineError(Exception):
    """The baseline cannot be read; the text names file and remedy."""


class Key(NamedTuple):
    """What makes two findings the same: never a line number.

    Attributes:
        path: the file, with slashes, from the baseline's folder.
        code: the rule.
        name: the function or class around the finding.
        statement: the hash of its statement.
    """

    path: str
    code: str
    name: str
    statement: str


@dataclass(frozen=True, slots=True)
class Row:
    """Some findings of the baseline.

    Attributes:
        key: what they are.
        count: how many.
        reason: why they were added later; empty for those of the first day.
    """

    key: Key
    count: int
    reason: str = ""


class Known:
    """The accepted findings of one file, each to be met once.

    Args:
        path: the file, as its keys have it.
        counts: how many there are of each.
    """

    def __init__(self, path: str, counts: Counter[Key]) -> None:
        self._path = path
        self._left = counts.copy()

    def covers(self, code: str, identity: Identity | None) -> bool:
        """Whether a finding is one of them that was not met before; it is met now."""
        if identity is None:
            return False
        key = Key(self._path, code, identity.name, identity.statement)
        if not self._left[key]:
            return False
        self._left[key] -= 1
        return True

    def left(self, key: Key) -> int:
        """How many of a kind were not met."""
        return self._left[key]


class Baseline:
    """All accepted findings.

    Args:
        path: the file; ``None`` for no baseline.
        rows: what it holds.
    """

    def __init__(self, path: Path | None = None, rows: Sequence[Row] = ()) -> None:
        self.path = path
        self.rows = tuple(rows)
        self._files: defaultdict[str, Counter[Key]] = defaultdict(Counter)
        for row in rows:
            self._files[row.key.path][row.key] += row.count

    @classmethod
    def nearest(cls, name: str) -> Baseline:
        """The baseline of the working directory: in it or above, up to the root of the repository.

        Args:
            name: what the setting ``baseline`` says.

        Raises:
            BaselineError: the file is damaged, or of another version.
        """
        if name:
            for folder in upwards(os.getcwd()):
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    return cls(Path(path), _read(Path(path)))
        return cls()

    @property
    def counts(self) -> Counter[Key]:
        """How many findings there are of each kind."""
        return sum(self._files.values(), Counter())

    def known(self, filename: str) -> Known | None:
        """The accepted findings of a file; ``None`` without any.

        Args:
            filename: the file as flake8 names it.
        """
        if not self._files or self.path is None:
            return None
        path = relative(filename, self.path.parent)
        return Known(path, self._files[path]) if path in self._files else None


def relative(filename: str, folder: Path) -> str:
    """A file's path from a folder, with slashes."""
    return os.path.relpath(filename, folder).replace(os.sep, "/")


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write a baseline: sorted, one row a line, so that two branches seldom collide.

    Args:
        path: the file.
        rows: what it shall hold; rows of the same key and reason become one.

    Raises:
        OSError: it cannot be written; what was there is unchanged.
    """
    counts: Counter[tuple[Key, str]] = Counter()
    for row in rows:
        counts[row.key, row.reason] += row.count
    lines = []
    for (key, reason), count in sorted(counts.items()):
        if count > 0:
            shown: dict[str, Any] = {**key._asdict(), "count": count}
            lines.append("    " + json.dumps(shown | ({"reason": reason} if reason else {})))
    body = ",\n".join(lines)
    write_whole(path, f'{{\n  "version": {_VERSION},\n  "findings": [\n{body}\n  ]\n}}\n')


def shrunk(rows: Iterable[Row], stale: Counter[Key]) -> list[Row]:
    """Rows without what is stale.

    Args:
        rows: the rows.
        stale: how many findings of each kind to leave out.
    """
    left = stale.copy()
    kept = []
    for row in rows:
        gone = min(left[row.key], row.count)
        left[row.key] -= gone
        kept.append(replace(row, count=row.count - gone))
    return kept


def _read(path: Path) -> list[Row]:
    shown = os.path.relpath(path)
    remedy = "restore it from version control, or delete it and run `flake8-aiguard baseline`"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict) or data.get("version") != _VERSION:
            raise ValueError(f'"version" is not {_VERSION}')
        return [_row(item) for item in data["findings"]]
    except OSError as error:
        raise BaselineError(f"{shown}: cannot be read ({error.strerror}); check its permissions") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        what = " ".join(f"{error}".split()) or type(error).__name__
        raise BaselineError(f"{shown}: is not a valid baseline ({what}); {remedy}") from None


def _row(item: dict[str, Any]) -> Row:
    count, reason = item["count"], item.get("reason", "")
    key = Key(*(item[name] for name in Key._fields))
    if type(count) is not int or count < 1 or not all(isinstance(part, str) for part in (*key, reason)):
        raise ValueError(f"this row is not one: {json.dumps(item)}")
    return Row(key, count, reason)
