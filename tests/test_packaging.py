"""The wheel holds what it should and nothing else, and an editable installation works."""

from __future__ import annotations

import email
import email.message
import re
import sys
import venv
import zipfile
from configparser import ConfigParser
from pathlib import Path

import checkout
import harness
import pytest
from test_meta import entry_points, toml

from flake8_aiguard import catalog

PACKAGE = harness.ROOT / "flake8_aiguard"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    source = checkout.copy(folder / "source")
    checkout.succeed(source, sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ".")
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def read(wheel: zipfile.ZipFile, name: str) -> str:
    (path,) = [path for path in wheel.namelist() if path.endswith(f".dist-info/{name}")]
    return wheel.read(path).decode("utf-8")


def metadata(wheel: zipfile.ZipFile) -> email.message.Message:
    return email.message_from_string(read(wheel, "METADATA"))


def test_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    held = {path for path in wheel.namelist() if ".dist-info/" not in path}
    expected = {
        f"flake8_aiguard/{path.relative_to(PACKAGE).as_posix()}"
        for path in PACKAGE.rglob("*")
        if path.suffix in {".py", ".toml", ".yml"} or path.name == "py.typed"
    }
    expected |= {f"flake8_aiguard/hooks/{path.name}" for path in (harness.ROOT / "hooks").glob("*.py")}
    assert held == expected
    assert {"flake8_aiguard/py.typed", "flake8_aiguard/hooks/__init__.py"} <= held


def test_wheel_declares_exactly_the_rules_that_exist(wheel: zipfile.ZipFile) -> None:
    parser = ConfigParser(delimiters="=")
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keeps the codes in upper case
    parser.read_string(read(wheel, "entry_points.txt"))
    assert dict(parser["flake8.extension"]) == entry_points()
    assert dict(parser["console_scripts"]) == {"flake8-aiguard": "flake8_aiguard.cli:main"}


def test_wheel_metadata(wheel: zipfile.ZipFile) -> None:
    data = metadata(wheel)
    required = [item for item in data.get_all("Requires-Dist", []) if "extra ==" not in item]
    assert required == ["flake8<8,>=7.2", 'tomli>=2.0; python_version < "3.11"']
    assert data["License-Expression"] == "MIT"
    assert data["Requires-Python"] == ">=3.10"
    classifiers = data.get_all("Classifier", [])
    assert {"Framework :: Flake8", "Typing :: Typed"} <= set(classifiers)
    assert [item for item in classifiers if item.startswith("License ::")] == []
    extras = toml(harness.ROOT / "pyproject.toml")["project"]["optional-dependencies"]
    assert sorted(data.get_all("Provides-Extra", [])) == sorted(extras)
    assert {"sql", "test", "dev"} <= set(extras)
    names = {re.split(r"[<>=\[]", item)[0] for item in extras["sql"]}
    assert names == {"ast-grep-py", "tree-sitter-sql", "PyYAML"}


def test_setup_cfg_is_for_flake8_alone() -> None:
    parser = ConfigParser()
    parser.read(harness.ROOT / "setup.cfg", encoding="utf-8")
    assert parser.sections() == ["flake8"]
    assert parser["flake8"]["select"] == "AIG, E9"


def test_top_level() -> None:
    """What the layout fixes is there; nothing else is a package or module beside it."""
    files = {".pre-commit-hooks.yaml", "CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml", "setup.cfg"}
    assert {name for name in files if not (harness.ROOT / name).is_file()} == set()
    folders = {path.parent.relative_to(harness.ROOT).parts[0] for path in harness.ROOT.glob("*/*.py")}
    assert (
        {"flake8_aiguard", "hooks", "tests"} <= folders <= {"flake8_aiguard", "hooks", "tests", "benchmarks"}
    )
    assert list(harness.ROOT.glob("*.py")) == []


def test_declared_packages_are_the_folders_on_disk() -> None:
    declared = toml(harness.ROOT / "pyproject.toml")["tool"]["setuptools"]["packages"]
    on_disk = {
        ".".join(path.parent.relative_to(harness.ROOT).parts)
        for pattern in ("*.py", "*.toml", "*.yml")
        for path in PACKAGE.rglob(pattern)
    }
    assert sorted(declared) == sorted({*on_disk, "flake8_aiguard.hooks"})


def test_editable_installation_in_a_fresh_environment(tmp_path: Path) -> None:
    source = checkout.copy(tmp_path / "source")
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    checkout.succeed(source, python, "-m", "pip", "install", "-q", "-e", ".")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    hooks = checkout.succeed(elsewhere, python, "-c", "import flake8_aiguard.hooks as h; print(h.__file__)")
    assert Path(hooks.strip()) == (source / "hooks" / "__init__.py").resolve()
    version = checkout.succeed(elsewhere, python, "-m", "flake8", "--version")
    assert "flake8-aiguard:" in "".join(version.split()), "flake8 wraps the line, also at hyphens"
    listed = checkout.succeed(elsewhere, python.with_name("flake8-aiguard"), "rules")
    assert [line.split()[0] for line in listed.splitlines()] == [rule.code for rule in catalog.rules()]
