"""Findings that were accepted once: written, matched, shrunk."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from flake8_aiguard.files import write_whole
from flake8_aiguard.results import Identity
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


class Matches:
    """What a baseline covers of the findings of a run, and which of its entries no finding has met.

    Args:
        baseline: the baseline.
    """

    def __init__(self, baseline: Baseline) -> None:
        self._baseline = baseline
        self._met: dict[str, Known | None] = {}

    def known(self, filename: str) -> Known | None:
        """The accepted findings of a file, to be met; ``None`` without any."""
        return self._baseline.known(filename)

    def meet(self, filename: str, known: Known | None) -> None:
        """A file took part in the run: what is left of its entries is gone."""
        self._met[filename] = known

    def stale(self, roots: Iterable[str], took_part: Callable[[str, str], bool]) -> Counter[Key]:
        """The entries that no finding has met.

        Args:
            roots: the files and folders of the run; a file below that was deleted is gone, too.
            took_part: whether a rule reports in a file, by code and name.

        Returns:
            How many findings of each kind are gone, of the files and rules that took part.
        """
        found: Counter[Key] = Counter()
        path = self._baseline.path
        if path is None:
            return found
        names = {relative(name, path.parent): name for name in self._met}
        folders = [Path(os.path.abspath(root)) for root in roots]
        for key, count in self._baseline.counts.items():
            name = names.get(key.path)
            place = path.parent / key.path
            if name is not None:
                known = self._met[name]
                count = 0 if known is None else known.left(key)
            elif place.exists() or not any(root in Path(os.path.abspath(place)).parents for root in folders):
                continue
            if count and took_part(key.code, name or os.path.relpath(place)):
                found[key] = count
        return found

    def difference(self, new: Counter[str], stale: Counter[Key]) -> Iterator[str]:
        """What a run says of the baseline, for people: a document has no place for it.

        Args:
            new: how many findings of each rule it does not cover.
            stale: how many of each kind are gone.

        Yields:
            Lines; none without a baseline, or a difference.
        """
        if self._baseline.path is None:
            return
        shown = os.path.relpath(self._baseline.path)
        if new:
            yield f"not in {shown}: {amount(new, '+')}"
        for key, count in sorted(stale.items()):
            place = f" in {key.name}" if key.name else ""
            yield f"{shown}: gone: {key.path}: {key.code}{place} ({count})"
        if stale:
            yield "run `flake8-aiguard baseline --update`"


def amount(counts: Counter[str], sign: str = "") -> str:
    """How many findings of each rule, as text."""
    return ", ".join(f"{code} {sign}{count}" for code, count in sorted(counts.items())) or "no findings"


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
