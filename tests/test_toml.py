"""Tables of the package are parsed once."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from flake8_aiguard import knowledge, toml


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / "facts.toml"
    path.write_text('[[call]]\nname = "a"\n', encoding="utf-8")
    return path


def test_what_was_parsed_is_kept_and_taken(path: Path) -> None:
    assert toml.packaged(path) == {"call": [{"name": "a"}]}
    [kept] = (path.parent / "__pycache__").iterdir()
    stamp, _ = json.loads(kept.read_bytes())
    kept.write_text(json.dumps([stamp, {"call": []}]), encoding="utf-8")
    assert toml.packaged(path) == {"call": []}


def test_another_file_is_parsed_anew(path: Path) -> None:
    toml.packaged(path)
    path.write_text('[[call]]\nname = "b"\n', encoding="utf-8")
    os.utime(path, ns=(1, 1))
    assert toml.packaged(path) == {"call": [{"name": "b"}]}


@pytest.mark.parametrize("text", ["", "[", "[]", "1", '[1, {"call": []}]', "\xff"])
def test_what_is_damaged_does_not_count(path: Path, text: str) -> None:
    toml.packaged(path)
    [kept] = (path.parent / "__pycache__").iterdir()
    kept.write_bytes(text.encode("latin-1"))
    assert toml.packaged(path) == {"call": [{"name": "a"}]}


def test_nothing_is_written_where_python_writes_no_bytecode(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    toml.packaged(path)
    assert not (path.parent / "__pycache__").exists()


def test_a_folder_that_cannot_be_written_is_no_fault(path: Path) -> None:
    (path.parent / "__pycache__").write_text("a file in the way", encoding="utf-8")
    assert toml.packaged(path) == {"call": [{"name": "a"}]}


def test_a_date_is_not_kept_and_no_fault(path: Path) -> None:
    path.write_text("day = 2026-01-01\n", encoding="utf-8")
    assert toml.packaged(path)["day"].year == 2026
    assert toml.packaged(path)["day"].year == 2026


def test_all_tables_can_be_kept() -> None:
    folder = Path(knowledge.__file__).parent
    for source in sorted(folder.glob("*.toml")):
        tables = toml.parsed(source.read_text(encoding="utf-8"))
        assert json.loads(json.dumps(tables)) == tables, source.name
