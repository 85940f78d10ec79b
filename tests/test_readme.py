"""What README.md says is so: its examples, its commands, its configuration."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import harness
import pytest
import yaml
from test_meta import tomllib

from flake8_aiguard import catalog

README = (harness.ROOT / "README.md").read_text(encoding="utf-8")
IMPORTS = "import json\nimport sqlite3\nimport requests\nfrom pathlib import Path\n\nURL = 'https://api.example'\n\n"


def section(title: str) -> str:
    """The text below a heading of the second or third level, up to the next one of any."""
    found = re.search(rf"^###? {re.escape(title)}\n(.*?)(?=^##|\Z)", README, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def command(name: str) -> str:
    [found] = re.findall(rf"<!-- command: {name} -->\n```sh\n(.*?)\n```", README, re.DOTALL)
    return str(found)


EXAMPLES = blocks(section("What it catches that Ruff does not"), "python")


def module(example: str) -> str:
    """An example with its imports; ``path`` is a Path, as its ``open()`` says."""
    return IMPORTS + example.replace("def restore(path)", "def restore(path: Path)")


def test_three_examples() -> None:
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize("example", EXAMPLES, ids=["session", "handle", "query"])
def test_examples_are_reported_where_they_say(example: str) -> None:
    lines = module(example).splitlines()
    [found] = harness.check_source(module(example), "shop/orders.py")
    [(marked, code)] = [
        (number, mark[1])
        for number, line in enumerate(lines, 1)
        if (mark := re.search(r"#.*\b(AIG\d{3})$", line))
    ]
    assert found.code == code
    # A handle is reported where it is opened, and marked where it leaks.
    assert found.line == marked or f"on line {marked} raises" in found.text
    [repair] = [line.partition("# after: ")[2] for line in lines if "# after: " in line]
    if "GROUP BY" not in repair:  # that one says in words what to do
        indent = " " * (len(lines[marked - 1]) - len(lines[marked - 1].lstrip()))
        repaired = "\n".join([*lines[: found.line - 1], indent + repair]) + "\n"
        assert harness.check_source(repaired, "shop/orders.py") == []


@pytest.mark.parametrize("example", EXAMPLES, ids=["session", "handle", "query"])
def test_ruff_does_not_report_the_examples(example: str, tmp_path: Path) -> None:
    pytest.importorskip("ruff", reason="needs Ruff")
    (tmp_path / "orders.py").write_text(module(example), encoding="utf-8")
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--isolated",
            "--select=ALL",
            "--output-format=json",
            "orders.py",
        ],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    codes = {item["code"] for item in json.loads(run.stdout)}
    assert codes, run
    assert codes.isdisjoint({"S113", "SIM115", "PERF401", "ASYNC210"})


# -- the two commands


def test_the_main_command_prints_what_was_planted() -> None:
    """What .ci/run does with a fresh environment, here with this one."""
    create, install, run = command("main").split(" && ")
    assert create == "python3 -m venv .venv"
    assert shlex.split(install)[:4] == [".venv/bin/python", "-m", "pip", "install"]
    program, *arguments = shlex.split(run)
    assert program == ".venv/bin/flake8"
    done = harness.flake8(harness.ROOT, *arguments)
    assert (done.status, done.err) == (1, "")
    assert {rule.code for rule in catalog.rules()} == set(done.codes)
    assert {item.path.split("/")[1] for item in done.reported} == {"before"}


def test_the_test_command_installs_what_the_tests_import() -> None:
    create, install, run = command("tests").split(" && ")
    assert create == "python3 -m venv .venv"
    [extra] = re.findall(r"'\.\[(\w+)\]'", install)
    extras = tomllib.loads((harness.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    assert any(item.startswith("ruff") for item in extras[extra])
    [itself] = [item for item in extras[extra] if item.startswith("flake8-aiguard[")]
    assert "test" in itself
    assert shlex.split(run)[:3] == [".venv/bin/python", "-m", "pytest"]


# -- the configurations


def test_flake8_section_is_read(tmp_path: Path) -> None:
    [ini] = blocks(section("Adding it to a project"), "ini")
    parser = ConfigParser()
    parser.read_string(ini)
    assert dict(parser["flake8"]) == {"extend-select": "AIG", "require-plugins": "flake8-aiguard"}
    (tmp_path / ".flake8").write_text(ini, encoding="utf-8")
    (tmp_path / "shop.py").write_text(
        "import requests\n\nrequests.get('https://shop.example')\n", encoding="utf-8"
    )
    run = harness.flake8(tmp_path)
    assert (run.codes, run.err) == (["AIG014"], "")


def test_settings_are_read(tmp_path: Path) -> None:
    [toml] = blocks(section("Settings"), "toml")
    (tmp_path / "pyproject.toml").write_text(toml, encoding="utf-8")
    (tmp_path / "shop.py").write_text("import ourlib.http\n\nourlib.http.fetch(1)\n", encoding="utf-8")
    run = harness.flake8(tmp_path, "--select=AIG")
    assert (run.codes, run.err) == (["AIG014"], "")


def test_ruff_is_told_of_the_codes() -> None:
    [toml] = blocks(section("Next to Ruff"), "toml")
    assert tomllib.loads(toml) == {"tool": {"ruff": {"lint": {"external": ["AIG"]}}}}


def test_pre_commit_hooks_exist() -> None:
    [text] = blocks(section("As a pre-commit hook"), "yaml")
    manifest = yaml.safe_load((harness.ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    [repo] = yaml.safe_load(text)["repos"]
    assert [hook["id"] for hook in repo["hooks"]] == ["aiguard"]
    assert set(re.findall(r"- id: (\S+)", text)) == {hook["id"] for hook in manifest}


@pytest.mark.parametrize(
    "name", ["README.md", "docs/architecture.md", "docs/ci.md", "docs/settings.md", "docs/agents.md"]
)
def test_no_sentence_stands_twice(name: str) -> None:
    """What two branches wrote at the same place: git keeps both."""
    text = (harness.ROOT / name).read_text(encoding="utf-8")
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    heads = [line[:70] for line in prose.splitlines() if len(line) > 70 and not line.startswith("|")]
    assert [head for head in dict.fromkeys(heads) if heads.count(head) > 1] == []


def test_the_page_on_layers_names_each_module_once() -> None:
    page = (harness.ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    layers = re.findall(r"^([a-z_, ]+?)  +\S", blocks(page, "")[0], re.MULTILINE)
    names = [name for group in layers for name in group.split(", ")]
    assert len(names) > 50
    assert [name for name in dict.fromkeys(names) if names.count(name) > 1] == []
    package = harness.ROOT / "flake8_aiguard"
    modules = {path.stem for path in package.glob("*.py")} | {
        path.name for path in package.iterdir() if path.is_dir()
    }
    assert set(names) - modules <= {"hooks"}
