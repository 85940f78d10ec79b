"""What the tables say of the standard library, against the one that is installed: names, and the index of a parameter."""

from __future__ import annotations

import importlib
import inspect
import sys
import warnings
from collections.abc import Iterator

import pytest

from flake8_aiguard import knowledge

# Not in each Python from 3.10 on, or not on each platform.
NOT_EVERYWHERE = frozenset(
    (
        *("asyncio.Runner.run", "asyncio.timeout", "asyncio.timeout_at", "dbm.gnu.open", "dbm.ndbm.open"),
        *("dbm.sqlite3.open", "hashlib.file_digest", "itertools.batched", "uuid.uuid6", "uuid.uuid7"),
    )
)
MODULES = frozenset((*sys.stdlib_module_names, "builtins"))
# A column with an index, and the one with the name of the parameter.
INDICES = {
    "position": "keywords",
    **{f"{name}_position": name for name in ("dsn", "flag", "needs", "timeout", "url")},
}


def resolve(name: str) -> object:
    """What a canonical name stands for; ``None`` where this Python has no such thing."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                found: object = importlib.import_module(".".join(parts[:count]))
        except ImportError:
            continue
        for part in parts[count:]:
            found = getattr(found, part, None)
        return found
    return None


def standard(table: str) -> Iterator[tuple[str, knowledge.Row, bool]]:
    """The names of the standard library in a table, their rows, and whether they are methods."""
    for row in knowledge.rows(table):
        for name in row.get("calls", ()):
            if name.partition(".")[0] in MODULES:
                yield name, row, False
        for kind in row.get("types", ()):
            if kind.partition(".")[0] in MODULES and inspect.isclass(resolve(kind)):
                yield from ((f"{kind}.{method}", row, True) for method in row.get("methods", ()))


@pytest.mark.parametrize("table", knowledge.tables())
def test_functions_exist(table: str) -> None:
    missing = {name for name, _, is_method in standard(table) if not is_method and resolve(name) is None}
    assert missing <= NOT_EVERYWHERE


def test_an_index_is_that_of_the_parameter() -> None:
    checked: list[str] = []
    wrong: list[tuple[str, str, str, list[str]]] = []
    for table in knowledge.tables():
        for name, row, is_method in standard(table):
            function = resolve(name)
            if function is None:
                continue
            try:
                found = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
            except (TypeError, ValueError):
                continue  # written in C, and silent about it
            # Written in C, some have no names that could be compared.
            parameters = ["" if item.kind is item.POSITIONAL_ONLY else item.name for item in found]
            if is_method and next(iter(found)).name == "self":
                del parameters[0]
            for column, named in INDICES.items():
                if column not in row or named not in row or _is_past(row.get(f"{column}_until")):
                    continue
                at: int = row[column]
                if parameters[at : at + 1] == [""]:
                    continue
                names = row[named] if isinstance(row[named], list) else [row[named]]
                checked.append(name)
                if not set(parameters[at : at + 1]) & set(names):
                    wrong.append((table, name, column, parameters))
    assert wrong == []
    assert {"socket.create_connection", "urllib.request.urlopen", "threading.Thread.join"} <= set(checked)
    assert len(checked) > 30


def _is_past(last: str | None) -> bool:
    """Whether this Python is newer than the last one for which a fact holds."""
    return last is not None and sys.version_info[:2] > tuple(map(int, last.split(".")))
