"""Which files are looked at: those that flake8 finds."""

from __future__ import annotations

from pathlib import Path

import pytest
from flake8.defaults import EXCLUDE
from flake8.discover_files import expand_paths

from flake8_aiguard import discovery

NAMES = (
    "a.py", "b.pyi", "c.txt", "build/a.py", "src/a.py", "src/build/b.py", "src/deep/er/a.py", "src/deep/er/b.py", ".git/a.py",
    "a.egg/x.py", ".nox/n.py", "src/[x].py", "src/.hidden/h.py", "src/b c.py", "src/d.py/e.py", "src/x.PY",
)  # fmt: skip


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tree"
    for name in NAMES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n", encoding="utf-8")
    (folder / "link.py").symlink_to(folder / "a.py")
    (folder / "nowhere.py").symlink_to(folder / "gone.py")
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    "paths", [(), (".",), ("src", "a.py"), ("src/", "./src", "c.txt"), ("gone.py",), ("-",), ("../tree",), ("build",)]
)  # fmt: skip
@pytest.mark.parametrize(
    "exclude",
    [(), EXCLUDE, ("build",), ("*/deep/*",), ("HERE/src",), ("HERE/src/deep/er/*.py",), ("src/d*",), ("[[]x].py", "b c*"), ("tree",),
     ("..", "."), ("shown.py",)],
)  # fmt: skip
@pytest.mark.parametrize(
    "wanted", [("*.py",), ("*.py", "*.pyi"), (), ("a.*",), ("*er/a*",), ("a.py",), ("HERE/src/deep/er/a.py",)]
)
def test_files_are_those_of_flake8(
    here: Path, paths: tuple[str, ...], exclude: tuple[str, ...], wanted: tuple[str, ...]
) -> None:
    exclude, wanted = (
        tuple(pattern.replace("HERE", str(here)) for pattern in patterns) for patterns in (exclude, wanted)
    )
    for shown in ("stdin", "shown.py"):
        expected = expand_paths(
            paths=paths, stdin_display_name=shown, filename_patterns=wanted, exclude=exclude
        )
        found = discovery.files(paths, wanted, discovery.Excluded(exclude), shown)
        assert list(found) == list(expected)


def test_all_files_on_the_way_are_met(here: Path) -> None:
    met: dict[str, list[str]] = {}
    found = discovery.files(
        ("src",),
        ("*.py",),
        discovery.Excluded(("build",)),
        "stdin",
        lambda folder, names: met.update({folder: sorted(names)}),
    )
    assert len(list(found)) == 7
    assert met == {
        "src": ["[x].py", "a.py", "b c.py", "x.PY"],
        "src/.hidden": ["h.py"],
        "src/d.py": ["e.py"],
        "src/deep": [],
        "src/deep/er": ["a.py", "b.py"],
    }
