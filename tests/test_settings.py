"""The settings: their table, where they are read from, and which counts."""

from __future__ import annotations

import argparse
import configparser
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from flake8.exceptions import ExecutionError
from flake8.options import aggregator
from flake8.options.manager import OptionManager

from flake8_aiguard import settings
from flake8_aiguard.settings import Settings, TableRow, is_test_path

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_TESTS = Settings().tests
LIST = 'use a list of strings, such as ["first", "second"]'


def manager() -> OptionManager:
    return OptionManager(version="0", plugin_versions="", parents=[], formatter_names=[])


def parsed(*argv: str, config: str = "") -> argparse.Namespace:
    """What flake8 hands to plugins for this command line and configuration file."""
    cfg = configparser.RawConfigParser()
    cfg.read_string(config)
    option_manager = manager()
    settings.add_options(option_manager)
    return aggregator.aggregate_options(option_manager, cfg, str(Path.cwd()), list(argv))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Writes a pyproject.toml into an empty repository, which is the working directory."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> Path:
        (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
        return tmp_path

    return write


# -- defaults and precedence


def test_defaults(project: Callable[[str], Path]) -> None:
    project("[project]\nname = 'x'\n")
    assert settings.from_options(parsed()) == Settings(
        gates="generated",
        tests=("tests/", "test_*.py", "*_test.py", "conftest.py"),
        vendored=(
            "_vendor/",
            "_vendored/",
            "vendor/",
            "vendored/",
            "vendoring/",
            "third_party/",
            "thirdparty/",
            "node_modules/",
            "site-packages/",
        ),
        defer_to_ruff=True,
        blocking_metadata=False,
        write_once=(),
        generated_from=(),
        provenance_required=("model", "timestamp", "task_id", "confidence"),
        adr_pattern=r"ADR-\d+",
        adr_dir="",
        baseline=".aiguard-baseline.json",
        require_reason=False,
        tables=(),
    )


ALL_KEYS = r"""
[tool.aiguard]
gates = "all"
tests = ["checks/"]
vendored = ["extern/"]
defer-to-ruff = false
blocking-metadata = true
write-once = ["acme.routing:Router._routes", "acme:TABLE"]
generated-from = ["acme.provenance"]
provenance-required = ["model", "reviewer"]
adr-pattern = 'DR \d{4}'
adr-dir = "docs/adr"
baseline = "lint/known.json"
require-reason = true

[[tool.aiguard.table]]
table = "timeouts.call"
calls = ["acme.fetch"]
"""


def test_all_keys_from_pyproject(project: Callable[[str], Path]) -> None:
    project(ALL_KEYS)
    assert settings.from_options(parsed()) == Settings(
        gates="all",
        tests=("checks/",),
        vendored=("extern/",),
        defer_to_ruff=False,
        blocking_metadata=True,
        write_once=("acme.routing:Router._routes", "acme:TABLE"),
        generated_from=("acme.provenance",),
        provenance_required=("model", "reviewer"),
        adr_pattern=r"DR \d{4}",
        adr_dir="docs/adr",
        baseline="lint/known.json",
        require_reason=True,
        tables=(TableRow("timeouts.call", {"calls": ["acme.fetch"]}, "pyproject.toml"),),
    )


def test_all_keys_from_flake8(project: Callable[[str], Path]) -> None:
    project("")
    config = r"""[flake8]
aiguard-gates = all
aiguard-tests = checks/, *_spec.py
aiguard-vendored = extern/, six.py
aiguard_defer_to_ruff = False
aiguard-blocking-metadata = yes
aiguard-write-once = acme.routing:Router._routes, acme:TABLE
aiguard-generated-from =
    acme.one,
    acme.two
aiguard-provenance-required = model, task_id
aiguard-adr-pattern = DR \d{4}
aiguard-adr-dir = records
"""
    assert settings.from_options(parsed(config=config)) == Settings(
        gates="all",
        tests=("checks/", "*_spec.py"),
        vendored=("extern/", "six.py"),
        defer_to_ruff=False,
        blocking_metadata=True,
        write_once=("acme.routing:Router._routes", "acme:TABLE"),
        generated_from=("acme.one", "acme.two"),
        provenance_required=("model", "task_id"),
        adr_pattern=r"DR \d{4}",
        adr_dir="records",
    )


def test_precedence(project: Callable[[str], Path]) -> None:
    project(ALL_KEYS)
    config = "[flake8]\naiguard-gates = off\naiguard-defer-to-ruff = true\n"
    found = settings.from_options(parsed("--aiguard-gates=generated", config=config))
    assert (found.gates, found.defer_to_ruff, found.blocking_metadata) == ("generated", True, True)
    assert settings.from_options(parsed(config=config)).gates == "off"


def test_an_empty_list_is_given(project: Callable[[str], Path]) -> None:
    project("")
    assert settings.from_options(parsed("--aiguard-tests=")).tests == ()


def test_options_without_ours(project: Callable[[str], Path]) -> None:
    project(ALL_KEYS)
    assert settings.from_options(argparse.Namespace()).gates == "all"


# -- which pyproject.toml


def test_nearest_file_with_the_table(project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    root = project(ALL_KEYS)
    inner = root / "service" / "src"
    inner.mkdir(parents=True)
    (root / "service" / "pyproject.toml").write_text("[tool.other]\n", encoding="utf-8")
    monkeypatch.chdir(inner)
    found = settings.from_options(parsed())
    assert found.gates == "all"
    assert found.tables[0].origin == str(Path("..", "..", "pyproject.toml"))
    (root / "service" / "pyproject.toml").write_text("[tool.aiguard]\n", encoding="utf-8")
    assert settings.from_options(parsed()).gates == "generated"


def test_not_beyond_the_repository(project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    root = project(ALL_KEYS)
    inner = root / "checkout" / "src"
    inner.mkdir(parents=True)
    (root / "checkout" / ".git").write_text("gitdir: elsewhere\n", encoding="utf-8")
    monkeypatch.chdir(inner)
    assert settings.from_options(parsed()).gates == "generated"


def test_same_options_are_read_once(project: Callable[[str], Path]) -> None:
    project(ALL_KEYS)
    options = parsed()
    first = settings.from_options(options)
    project("[tool.aiguard]\n")
    assert settings.from_options(options) is first
    assert settings.from_options(parsed()).gates == "generated"


def test_same_options_elsewhere_are_read_again(
    project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project(ALL_KEYS)
    options = parsed()
    assert settings.from_options(options).gates == "all"
    (root / "other" / ".git").mkdir(parents=True)
    monkeypatch.chdir(root / "other")
    assert settings.from_options(options).gates == "generated"


# -- errors and warnings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[tool.aiguard]\ngates = "some"\n',
            'pyproject.toml: gates = \'some\' is not valid; use one of "generated", "all", "off"',
        ),
        (
            "[tool.aiguard]\ngates = [1]\n",
            'pyproject.toml: gates = [1] is not valid; use one of "generated", "all", "off"',
        ),
        (
            '[tool.aiguard]\ndefer-to-ruff = "true"\n',
            "pyproject.toml: defer-to-ruff = 'true' is not valid; use true or false",
        ),
        (
            "[tool.aiguard]\nblocking-metadata = 1\n",
            "pyproject.toml: blocking-metadata = 1 is not valid; use true or false",
        ),
        (
            '[tool.aiguard]\ntests = "tests/"\n',
            "pyproject.toml: tests = 'tests/' is not valid; " + LIST,
        ),
        (
            '[tool.aiguard]\ntests = ["a", ""]\n',
            "pyproject.toml: tests = ['a', ''] is not valid; " + LIST,
        ),
        (
            '[tool.aiguard]\nwrite-once = ["acme.routing:Router._routes", "acme.Router._routes"]\n',
            (
                "pyproject.toml: write-once = ['acme.routing:Router._routes', 'acme.Router._routes'] is not valid; "
                "'acme.Router._routes' is no name of an attribute; "
                'write it as "package.module:Class._attribute"'
            ),
        ),
        (
            '[tool.aiguard]\nwrite-once = ["acme/routing.py:Router._routes"]\n',
            (
                "pyproject.toml: write-once = ['acme/routing.py:Router._routes'] is not valid; "
                "'acme/routing.py:Router._routes' is no name of an attribute; "
                'write it as "package.module:Class._attribute"'
            ),
        ),
        (
            '[tool.aiguard]\nwrite-once = "acme:Router._routes"\n',
            "pyproject.toml: write-once = 'acme:Router._routes' is not valid; " + LIST,
        ),
        (
            '[tool.aiguard]\ngenerated-from = ["acme/tags.py"]\n',
            (
                "pyproject.toml: generated-from = ['acme/tags.py'] is not valid; "
                'use names of modules, such as ["package.module"]'
            ),
        ),
        (
            '[tool.aiguard]\nprovenance-required = ["task-id"]\n',
            (
                "pyproject.toml: provenance-required = ['task-id'] is not valid; "
                'use names of keyword arguments, such as ["model", "task_id"]'
            ),
        ),
        (
            "[tool.aiguard]\nadr-pattern = 'ADR-('\n",
            (
                "pyproject.toml: adr-pattern = 'ADR-(' is not valid; "
                "use a regular expression (missing ), unterminated subpattern at position 4)"
            ),
        ),
        (
            '[tool.aiguard]\nadr-pattern = "x*"\n',
            "pyproject.toml: adr-pattern = 'x*' is not valid; use a regular expression that needs some text",
        ),
        (
            '[tool.aiguard]\nadr-dir = ["docs"]\n',
            "pyproject.toml: adr-dir = ['docs'] is not valid; use a string",
        ),
        (
            "[tool.aiguard]\ntable = 3\n",
            "pyproject.toml: table = 3 is not valid; write each row under [[tool.aiguard.table]]",
        ),
        (
            '[[tool.aiguard.table]]\ncalls = ["a.b"]\n',
            (
                "pyproject.toml: [[tool.aiguard.table]]: table = None is not valid; "
                'name the table to extend as "file.array", such as "timeouts.call"'
            ),
        ),
        (
            '[[tool.aiguard.table]]\ntable = "timeouts"\n',
            (
                "pyproject.toml: [[tool.aiguard.table]]: table = 'timeouts' is not valid; "
                'name the table to extend as "file.array", such as "timeouts.call"'
            ),
        ),
        (
            "[tool]\naiguard = 3\n",
            "pyproject.toml: tool.aiguard = 3 is not valid; write the settings under [tool.aiguard]",
        ),
    ],
)
def test_wrong_value(project: Callable[[str], Path], text: str, message: str) -> None:
    project(text)
    with pytest.raises(ExecutionError) as caught:
        settings.from_options(parsed())
    assert str(caught.value) == message


def test_records_are_looked_for_beside_the_file(
    project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project('[tool.aiguard]\nadr-dir = "docs/adr"\n') / "service"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert settings.from_options(parsed()).adr_dir == "../docs/adr"


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("gates=some", 'aiguard-gates = \'some\' is not valid; use one of "generated", "all", "off"'),
        ("defer-to-ruff=maybe", "aiguard-defer-to-ruff = 'maybe' is not valid; use true or false"),
        (
            "write-once=acme.routing:Router._routes,acme:",
            (
                "aiguard-write-once = ['acme.routing:Router._routes', 'acme:'] is not valid; "
                "'acme:' is no name of an attribute; write it as \"package.module:Class._attribute\""
            ),
        ),
        (
            "generated-from=acme.one,two-three",
            (
                "aiguard-generated-from = ['acme.one', 'two-three'] is not valid; "
                'use names of modules, such as ["package.module"]'
            ),
        ),
    ],
)
def test_wrong_value_from_flake8(project: Callable[[str], Path], argument: str, message: str) -> None:
    project("")
    with pytest.raises(ExecutionError) as caught:
        settings.from_options(parsed(f"--aiguard-{argument}"))
    assert str(caught.value) == f"command line or [flake8]: {message}"


def test_broken_toml_names_the_line(project: Callable[[str], Path]) -> None:
    project("[tool.aiguard]\n\ngates = \n")
    with pytest.raises(ExecutionError, match=r"\Apyproject\.toml: is not valid TOML; .*\bline 3\b[^\n]*\Z"):
        settings.from_options(parsed())


def test_wrong_encoding(project: Callable[[str], Path]) -> None:
    (project("") / "pyproject.toml").write_bytes(b"[tool.aiguard]\n# \xff\n")
    with pytest.raises(ExecutionError, match=r"\Apyproject\.toml: is not UTF-8"):
        settings.from_options(parsed())


def test_broken_toml_without_our_table_is_not_our_business(project: Callable[[str], Path]) -> None:
    project("[tool.other\n")
    assert settings.from_options(parsed()) == Settings()


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("gate", "did you mean gates?"),
        ("defer_to_ruff", "did you mean defer-to-ruff?"),
        ("tables", "did you mean table?"),
        (
            "zzz",
            (
                "known are gates, tests, vendored, defer-to-ruff, blocking-metadata, write-once, generated-from, "
                "provenance-required, adr-pattern, adr-dir, rule-dirs, scan-select, scan-ignore, "
                "scan-extend-select, baseline, require-reason, docs-url and table"
            ),
        ),
    ],
)
def test_unknown_key(
    project: Callable[[str], Path], capsys: pytest.CaptureFixture[str], key: str, hint: str
) -> None:
    project(f'[tool.aiguard]\n{key} = "all"\nblocking-metadata = true\n')
    options = parsed()
    assert settings.from_options(options) == Settings(blocking_metadata=True)
    settings.from_options(options)
    shown = capsys.readouterr()
    assert shown.err == f"pyproject.toml: [tool.aiguard] has the unknown key {key}; {hint}\n"
    assert shown.out == ""


# -- flake8


def test_options_are_registered_once() -> None:
    option_manager = manager()
    settings.add_options(option_manager)
    settings.add_options(option_manager)
    assert [option.long_option_name for option in option_manager.options] == [
        "--aiguard-gates",
        "--aiguard-tests",
        "--aiguard-vendored",
        "--aiguard-defer-to-ruff",
        "--aiguard-blocking-metadata",
        "--aiguard-write-once",
        "--aiguard-generated-from",
        "--aiguard-provenance-required",
        "--aiguard-adr-pattern",
        "--aiguard-adr-dir",
        "--aiguard-rule-dirs",
        "--aiguard-scan-select",
        "--aiguard-scan-ignore",
        "--aiguard-scan-extend-select",
        "--aiguard-baseline",
        "--aiguard-require-reason",
        "--aiguard-docs-url",
    ]
    assert vars(option_manager.parse_args([])) == {
        "filenames": [],
        "aiguard_gates": None,
        "aiguard_tests": None,
        "aiguard_vendored": None,
        "aiguard_defer_to_ruff": None,
        "aiguard_blocking_metadata": None,
        "aiguard_write_once": None,
        "aiguard_generated_from": None,
        "aiguard_provenance_required": None,
        "aiguard_adr_pattern": None,
        "aiguard_adr_dir": None,
        "aiguard_rule_dirs": None,
        "aiguard_scan_select": None,
        "aiguard_scan_ignore": None,
        "aiguard_scan_extend_select": None,
        "aiguard_baseline": None,
        "aiguard_require_reason": None,
        "aiguard_docs_url": None,
    }
    assert "(default: generated)" in " ".join(option_manager.parser.format_help().split())


PLUGIN = """\
import ast
from flake8_aiguard import settings


class One:
    name = "one"
    version = "0"

    def __init__(self, tree: ast.AST) -> None:
        pass

    @classmethod
    def add_options(cls, option_manager):
        settings.add_options(option_manager)

    @classmethod
    def parse_options(cls, options):
        cls.settings = settings.from_options(options)

    def run(self):
        yield 1, 0, f"XYZ1 {self.settings.gates}", type(self)


class Two(One):
    pass


if __name__ == "__main__":
    import multiprocessing
    from flake8.main.cli import main

    multiprocessing.set_start_method("spawn")
    raise SystemExit(main())
"""


def flake8(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run flake8, its workers spawned, with two rules that share the settings."""
    (folder / "plugin.py").write_text(PLUGIN, encoding="utf-8")
    local = "[flake8:local-plugins]\nextension =\n  XYZ1 = plugin:One\n  XYZ2 = plugin:Two\npaths = .\n"
    (folder / ".flake8").write_text(f"[flake8]\n{local}", encoding="utf-8")
    for name in ("a.py", "b.py"):
        (folder / name).write_text("A = 1\n", encoding="utf-8")
    return subprocess.run(
        [sys.executable, "plugin.py", "--select=XYZ", *arguments, "a.py", "b.py"],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_flake8_with_workers(project: Callable[[str], Path], jobs: str) -> None:
    folder = project('[tool.aiguard]\ngates = "all"\ngats = 1\n')
    done = flake8(folder, "--jobs", jobs)
    assert done.stdout.splitlines() == [
        "a.py:1:1: XYZ1 all",
        "a.py:1:1: XYZ1 all",
        "b.py:1:1: XYZ1 all",
        "b.py:1:1: XYZ1 all",
    ]
    assert done.stderr == "pyproject.toml: [tool.aiguard] has the unknown key gats; did you mean gates?\n"
    assert done.returncode == 1


def test_flake8_shows_one_line_for_a_wrong_value(project: Callable[[str], Path]) -> None:
    done = flake8(project("[tool.aiguard]\ngates = 1\n"))
    assert done.stdout.splitlines() == [
        "There was a critical error during execution of Flake8:",
        'pyproject.toml: gates = 1 is not valid; use one of "generated", "all", "off"',
    ]
    assert done.stderr == ""
    assert done.returncode == 1


# -- test files


@pytest.mark.parametrize(
    "filename",
    [
        "tests/a.py",
        "./tests/unit/a.py",
        "src/pkg/tests/a.py",
        "test_a.py",
        "src/test_a.py",
        "src/a_test.py",
        "conftest.py",
        "src/conftest.py",
    ],
)
def test_default_test_paths(filename: str) -> None:
    assert is_test_path(filename, DEFAULT_TESTS)


@pytest.mark.parametrize(
    "filename",
    [
        "a.py",
        "src/testing.py",
        "latests/a.py",
        "test_data/a.py",
        "tests.py",
        "src/contest.py",
        "stdin",
        "-",
        "test/a.py",
    ],
)
def test_default_other_paths(filename: str) -> None:
    assert not is_test_path(filename, DEFAULT_TESTS)


@pytest.mark.parametrize(
    ("pattern", "filename", "expected"),
    [
        ("spec*/", "src/specs/deep/a.py", True),
        ("spec*/", "src/inspect/a.py", False),
        ("a/b/", "x/a/b/c.py", True),
        ("a/b/", "a/x/b/c.py", False),
        ("src/*_spec.py", "src/deep/a_spec.py", True),
        ("src/*_spec.py", "lib/src/a_spec.py", False),
        ("Test*.py", "test_a.py", False),
        ("stdin", "stdin", False),
    ],
)
def test_patterns(pattern: str, filename: str, expected: bool) -> None:
    assert is_test_path(filename, (pattern,)) is expected


def test_below_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = tmp_path / "tests" / "checkout"
    (checkout / "src").mkdir(parents=True)
    absolute = str(checkout / "src" / "a.py")
    monkeypatch.chdir(checkout)
    assert not is_test_path(absolute, ("tests/",))
    assert not is_test_path("src/a.py", ("tests/",))
    monkeypatch.chdir(checkout / "src")
    assert is_test_path("../b.py", ("tests/",))


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("pip/_vendor/idna/core.py", True),
        ("pkg/_vendored/a.py", True),
        ("vendor/a.py", True),
        ("src/vendored/a.py", True),
        ("third_party/a/b.py", True),
        ("src/thirdparty/a.py", True),
        ("web/node_modules/gyp/a.py", True),
        (".venv/lib/python3.12/site-packages/a.py", True),
        ("src/vendor.py", False),
        ("src/vendors/a.py", False),
        ("src/my_vendor/a.py", False),
    ],
)
def test_default_vendored_paths(filename: str, expected: bool) -> None:
    assert is_test_path(filename, Settings().vendored) is expected


# -- the page


def test_docs_name_every_setting() -> None:
    page = settings.render_docs()
    for key in (
        "gates",
        "tests",
        "vendored",
        "defer-to-ruff",
        "blocking-metadata",
        "generated-from",
        "provenance-required",
    ):
        assert f"\n## `{key}`\n" in page
        assert f"`--aiguard-{key}`" in page
    assert '\ntests = ["tests/", "test_*.py", "*_test.py", "conftest.py"]\n' in page
    assert '- Type: string\n- Default: `".aiguard-baseline.json"`\n' in page
    assert '- Type: one of `generated`, `all`, `off`\n- Default: `"generated"`\n' in page
    assert "\n## `[[tool.aiguard.table]]`\n" in page


def test_the_defaults_in_the_docs_are_the_defaults(project: Callable[[str], Path]) -> None:
    project(settings.render_docs().partition("```toml\n")[2].partition("```")[0])
    assert settings.from_options(parsed()) == Settings()
