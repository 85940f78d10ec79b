"""The command ``flake8-aiguard``, the pages it writes and the rules it starts."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import checkout
import harness
import pytest

import flake8_aiguard
from flake8_aiguard import catalog, docs, files, scaffold
from flake8_aiguard.astgrep import languages
from flake8_aiguard.checker import Checker
from flake8_aiguard.cli import main

Capture = pytest.CaptureFixture[str]
FIRST = catalog.rules()[0]


@pytest.fixture
def in_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(harness.ROOT)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return checkout.copy(tmp_path / "copy")


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return checkout.run(folder, sys.executable, "-m", "flake8_aiguard", *arguments)


# -- rules, explain --------------------------------------------------------------------------------


def test_rules_lists_every_rule_in_order(capsys: Capture) -> None:
    assert main(["rules"]) == 0
    lines = capsys.readouterr().out.splitlines()
    scan_rules = [group[0] for group in catalog.scan_rules().values()]
    named = [*catalog.rules(), *scan_rules]
    assert [line.split()[:2] for line in lines] == [[rule.code, rule.slug] for rule in named]
    for line, rule in zip(lines, catalog.rules(), strict=False):
        assert f"  {catalog.default(rule)}  " in line
        assert line.endswith(docs.sections(rule).summary)
    for line, scan_rule in zip(lines[len(catalog.rules()) :], scan_rules, strict=True):
        assert f"  {catalog.scan_default(scan_rule)}  " in line
        assert line.endswith(scan_rule.metadata["summary"])


def test_rules_as_json(capsys: Capture) -> None:
    assert main(["rules", "--format", "json"]) == 0
    records = json.loads(capsys.readouterr().out)
    codes = [*(rule.code for rule in catalog.rules()), *catalog.scan_rules()]
    assert [record["code"] for record in records] == codes
    assert all((harness.ROOT / record["page"]).is_file() for record in records)
    record = records[0]
    assert record["slug"] == FIRST.slug
    assert record["summary"] == docs.sections(FIRST).summary
    assert (harness.ROOT / record["page"]).is_file()


@pytest.mark.parametrize(
    ("gate", "in_tests", "expected"),
    [
        (False, True, "on"),
        (False, False, "on, not in tests"),
        (True, True, "gate: generated code only"),
        (True, False, "gate: generated code only, not in tests"),
    ],
)
def test_default_says_where_a_rule_reports(gate: bool, in_tests: bool, expected: str) -> None:
    rule = type("Rule", (FIRST,), {"gate": gate, "in_tests": in_tests})
    assert catalog.default(rule) == expected


@pytest.mark.parametrize("name", [FIRST.code, FIRST.code.lower(), FIRST.slug, FIRST.slug.upper()])
def test_explain_takes_code_or_slug_in_any_case(name: str, capsys: Capture) -> None:
    assert main(["explain", name]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"# {FIRST.code} {FIRST.slug}\n")
    assert docs.sections(FIRST).bad in out
    assert docs.sections(FIRST).good in out


@pytest.mark.parametrize("name", ["AIG203", "aig203", "distinct-in-subquery"])
def test_explain_knows_the_rules_of_scan(name: str, capsys: Capture) -> None:
    assert main(["explain", name]) == 0
    out = capsys.readouterr().out
    assert out.startswith("# AIG203 distinct-in-subquery\n")
    assert (
        "```sql\nSELECT id FROM customers WHERE id IN (SELECT DISTINCT customer_id FROM orders);\n```" in out
    )
    assert "- Fix: `flake8-aiguard scan --fix` writes it\n" in out


def test_without_the_extra_the_rules_of_scan_are_missed_aloud(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(languages, "_ready", False)
    monkeypatch.setitem(sys.modules, "ast_grep_py", None)
    assert main(["rules"]) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == len(catalog.rules())
    assert (
        'rules, and AIG029 is inactive: ast_grep_py is not installed; pip install "flake8-aiguard[sql]"'
        in (captured.err)
    )
    assert main(["explain", "AIG203"]) == 2
    assert "ast_grep_py is not installed" in capsys.readouterr().err
    assert main(["explain", FIRST.code]) == 0


@pytest.mark.parametrize("name", [f"{FIRST.code}x", f"{FIRST.slug}s"])
def test_explain_names_the_nearest_rule_for_an_unknown_one(name: str, capsys: Capture) -> None:
    assert main(["explain", name]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("flake8-aiguard: ")
    assert repr(name) in captured.err
    assert f"{FIRST.code} {FIRST.slug}" in captured.err
    assert captured.err.count("\n") == 1


def test_explain_says_why_a_code_is_retired(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "RETIRED", {"AIG098": "merged into AIG001"})
    assert main(["explain", "aig098"]) == 0
    assert capsys.readouterr().out == "AIG098 is retired: merged into AIG001\n"


@pytest.mark.parametrize("arguments", [[], ["lint"], ["explain"], ["rules", "--format", "xml"], ["new"]])
def test_misuse_exits_with_2(arguments: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as error:
        main(arguments)
    assert error.value.code == 2
    assert "usage: flake8-aiguard" in capsys.readouterr().err


def test_version(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as done:
        main(["--version"])
    assert done.value.code == 0
    assert capsys.readouterr().out == f"flake8-aiguard {flake8_aiguard.__version__}\n"


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = [sys.executable, "-m", "flake8_aiguard", "rules"]
    with subprocess.Popen(
        command, cwd=harness.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_page_is_printed_where_the_terminal_lacks_utf8(copied: Path) -> None:
    (path,) = (copied / "flake8_aiguard" / "rules").glob(f"{FIRST.code.lower()}_*.py")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("    Why: ", "    Why: \N{RIGHTWARDS ARROW} ", 1), encoding="utf-8")
    done = checkout.run(
        copied, sys.executable, "-m", "flake8_aiguard", "explain", FIRST.code, PYTHONIOENCODING="ascii"
    )
    assert done.returncode == 0, done.stderr
    assert "\\u2192" in done.stdout


# -- catalog ---------------------------------------------------------------------------------------


def test_a_rule_file_without_a_rule_is_named(copied: Path) -> None:
    (copied / "flake8_aiguard" / "rules" / "aig097_empty_file.py").write_text("X = 1\n", encoding="utf-8")
    done = command(copied, "rules")
    assert done.returncode == 2
    assert "aig097_empty_file.py" in done.stderr
    assert "exactly one Checker subclass; found none" in done.stderr


# -- docs ------------------------------------------------------------------------------------------


def documented(docstring: str | None) -> type[Checker]:
    return type("Documented", (FIRST,), {"__doc__": docstring})


DOCSTRING = """Summary of it.

    Why: first line
    and second.

    A paragraph with ``code``.

    Bad::

        if a:
            b()

        c()

    Good::

        d()

    Limits: none.
    """


def test_docstring_is_split_into_sections() -> None:
    assert docs.sections(documented(DOCSTRING)) == docs.Sections(
        summary="Summary of it.",
        why="first line\nand second.\n\nA paragraph with `code`.",
        bad="if a:\n    b()\n\nc()",
        good="d()",
        limits="none.",
    )


@pytest.mark.parametrize(
    ("docstring", "problem"),
    [
        (None, "found none"),
        (DOCSTRING.replace("Limits: none.", ""), "found Why: Bad:: Good::"),
        (DOCSTRING.replace("Bad::", "Good::"), "'Good::' stands twice"),
        (DOCSTRING.replace("Good::", "X").replace("Bad::", "Good::").replace("X", "Bad::"), "in this order"),
        (DOCSTRING.replace("        d()", ""), "'Good::' is empty"),
        (DOCSTRING.replace("Limits: none.", "Limits:"), "'Limits:' is empty"),
        (DOCSTRING.replace("Summary of it.", ""), "summary is missing"),
        (DOCSTRING.replace("Summary of it.", "Summary\n    of it."), "one line"),
        (DOCSTRING.replace("        d()", "    d()"), "must be indented"),
        (DOCSTRING.replace("Good::", "Good:: text"), "no text beside the header"),
    ],
)
def test_a_malformed_docstring_names_class_and_section(docstring: str | None, problem: str) -> None:
    with pytest.raises(docs.DocsError, match="Documented: docstring: ") as error:
        docs.sections(documented(docstring))
    assert problem in str(error.value)


def test_page_says_everything_about_a_rule() -> None:
    attributes = {
        "__doc__": DOCSTRING,
        "code": "AIG096",
        "slug": "made-up",
        "severity": "note",
        "since": "0.1.0",
        "gate": True,
        "in_tests": False,
        "ruff": "S999 (opt-in) reports half of it.",
        "settings": ("blocking-metadata",),
    }
    rule = type("MadeUp", (FIRST,), attributes)
    text = docs.page(rule)
    assert docs.page_name(rule) == "aig096-made-up.md"
    assert text.startswith("# AIG096 made-up\n\nSummary of it.\n")
    for line in ("- Severity: note", "- Since: 0.1.0", "- Default: gate: generated code only, not in tests"):
        assert f"\n{line}\n" in text
    assert "**Bad:**\n\n```python\nif a:\n    b()\n\nc()\n```\n" in text
    assert "**Good:**\n\n```python\nd()\n```\n" in text
    assert "**Ruff:** S999 (opt-in) reports half of it.\n" in text
    assert "**Settings:** `blocking-metadata`, `gates`, `tests`, `defer-to-ruff`: see [settings]" in text


def test_table_is_inserted_between_the_markers() -> None:
    text = docs.table("docs/rules/")
    readme = docs.insert_table(f"before\n{docs.BEGIN}\nold\n{docs.END}\nafter\n", text)
    assert readme.startswith(f"before\n{docs.BEGIN}\n\n| Code |")
    assert readme.endswith(f"|\n\n{docs.END}\nafter\n")
    assert "old" not in readme
    assert f"[{FIRST.code}](docs/rules/{docs.page_name(FIRST)})" in readme
    assert docs.insert_table(readme, text) == readme


@pytest.mark.parametrize("readme", ["", docs.BEGIN, f"{docs.END}{docs.BEGIN}", f"{docs.BEGIN}{docs.END}" * 2])
def test_missing_markers_are_an_error(readme: str) -> None:
    with pytest.raises(docs.DocsError, match=r"README\.md: expected one line"):
        docs.insert_table(readme, "")


def test_docs_check_lists_what_differs_and_docs_repairs_it(copied: Path) -> None:
    assert command(copied, "docs", "--check").returncode == 0
    page = copied / "docs" / "rules" / docs.page_name(FIRST)
    page.write_text(page.read_text(encoding="utf-8") + "edited by hand\n", encoding="utf-8")
    (copied / "docs" / "settings.md").unlink()
    (copied / "docs" / "rules" / "aig099-gone-rule.md").write_text("# AIG099\n", encoding="utf-8")

    checked = command(copied, "docs", "--check")
    differing = ["docs/rules/aig099-gone-rule.md", f"docs/rules/{page.name}", "docs/settings.md"]
    assert checked.returncode == 1
    assert sorted(checked.stdout.splitlines()) == sorted(differing)
    assert "run `flake8-aiguard docs`" in checked.stderr
    assert "edited by hand" in page.read_text(encoding="utf-8"), "--check writes nothing"

    written = command(copied, "docs")
    assert (written.returncode, sorted(written.stdout.splitlines())) == (0, sorted(differing))
    again = command(copied, "docs", "--check")
    assert (again.returncode, again.stdout) == (0, "")
    assert not (copied / "docs" / "rules" / "aig099-gone-rule.md").exists()


@pytest.mark.parametrize("arguments", [["docs"], ["docs", "--check"], ["new", "shiny-thing"]])
def test_outside_a_checkout_is_misuse(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert "not in a source checkout of flake8-aiguard" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_checkout_of_another_installation_is_refused(
    copied: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(copied / "docs")
    assert main(["new", "shiny-thing"]) == 2
    assert "run `pip install -e .` in the checkout first" in capsys.readouterr().err
    assert list(copied.rglob("*shiny*")) == []


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    files.write_whole(path, "first\n")
    with pytest.raises(UnicodeEncodeError):
        files.write_whole(path, "second \ud800\n")
    assert path.read_bytes() == b"first\n"
    assert list(tmp_path.iterdir()) == [path]


# -- new -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("in_checkout")
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["Shiny-Thing"], "slug 'Shiny-Thing': expected two or more lower-case words"),
        (["shiny_thing"], "slug 'shiny_thing': expected"),
        (["shiny"], "slug 'shiny': expected"),
        (["../shiny-thing"], "slug '../shiny-thing': expected"),
        ([FIRST.slug], f"slug '{FIRST.slug}': another rule has it"),
        (["shiny-thing", "--code", FIRST.code], f"code {FIRST.code}: taken by {FIRST.slug}"),
        (["shiny-thing", "--code", FIRST.code.lower()], f"code {FIRST.code}: taken by {FIRST.slug}"),
        (["shiny-thing", "--code", "AIG101"], "code 'AIG101': expected one between AIG001 and AIG099"),
        (["shiny-thing", "--code", "AIG000"], "code 'AIG000': expected one between AIG001 and AIG099"),
    ],
)
def test_new_refuses(arguments: list[str], problem: str, capsys: Capture) -> None:
    assert main(["new", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"flake8-aiguard: {problem}")
    assert captured.out == ""


def test_new_takes_the_lowest_free_code_and_never_a_retired_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = tuple(
        type("Rule", (FIRST,), {"code": code, "slug": code.lower()}) for code in ("AIG001", "AIG003")
    )
    monkeypatch.setattr(catalog, "rules", lambda: rules)
    assert scaffold.plan(harness.ROOT, "shiny-thing").code == "AIG002"
    monkeypatch.setattr(catalog, "RETIRED", {"AIG002": "no longer needed"})
    assert scaffold.plan(harness.ROOT, "shiny-thing").code == "AIG004"
    assert scaffold.plan(harness.ROOT, "shiny-thing", "aig030").code == "AIG030"
    with pytest.raises(scaffold.ScaffoldError, match=r"retired \(no longer needed\)"):
        scaffold.plan(harness.ROOT, "shiny-thing", "AIG002")


def test_new_adds_its_lines_in_order_of_the_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "rules", lambda: ())
    (tmp_path / "pyproject.toml").write_text(
        '[project.entry-points."flake8.extension"]\nAIG001 = "a:A"\nAIG004 = "d:D"\n\n[tool.x]\nAIG005 = 1\n',
        encoding="utf-8",
    )
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- AIG001 a:\n  continued.\n\n"
        "## [0.1.0]\n\n### Added\n\n- AIG009 x.\n",
        encoding="utf-8",
    )
    scaffold.write(scaffold.plan(tmp_path, "shiny-thing", "AIG005"))
    scaffold.write(scaffold.plan(tmp_path, "dull-thing", "AIG003"))
    assert (tmp_path / "pyproject.toml").read_text(encoding="utf-8") == (
        '[project.entry-points."flake8.extension"]\nAIG001 = "a:A"\n'
        'AIG003 = "flake8_aiguard.rules.aig003_dull_thing:DullThing"\nAIG004 = "d:D"\n'
        'AIG005 = "flake8_aiguard.rules.aig005_shiny_thing:ShinyThing"\n\n[tool.x]\nAIG005 = 1\n'
    )
    assert (tmp_path / "CHANGELOG.md").read_text(encoding="utf-8") == (
        "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- AIG001 a:\n  continued.\n"
        "- AIG003 dull-thing.\n- AIG005 shiny-thing.\n\n"
        "## [0.1.0]\n\n### Added\n\n- AIG009 x.\n"
    )
    with pytest.raises(scaffold.ScaffoldError, match=r"aig005_shiny_thing\.py: exists already"):
        scaffold.write(scaffold.plan(tmp_path, "shiny-thing", "AIG005"))


def test_new_fills_an_empty_section_and_names_a_missing_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "rules", lambda: ())
    (tmp_path / "pyproject.toml").write_text('[project.entry-points."flake8.extension"]\n', encoding="utf-8")
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text("## [Unreleased]\n\n## [0.1.0]\n\n### Added\n\n- AIG009 x.\n", encoding="utf-8")
    with pytest.raises(
        scaffold.ScaffoldError, match=r"CHANGELOG\.md: the section \[Unreleased\], Added is missing"
    ):
        scaffold.plan(tmp_path, "shiny-thing")
    changelog.write_text("## [Unreleased]\n\n### Added", encoding="utf-8")
    scaffold.write(scaffold.plan(tmp_path, "shiny-thing"))
    assert changelog.read_text(encoding="utf-8") == "## [Unreleased]\n\n### Added\n\n- AIG001 shiny-thing.\n"


def test_a_new_rule_works_and_passes_the_tests_of_every_rule(copied: Path) -> None:
    started = command(copied, "new", "shiny-thing", "--code", "AIG095")
    assert started.returncode == 0, started.stderr
    rule = "flake8_aiguard/rules/aig095_shiny_thing.py"
    fixture = "tests/fixtures/AIG095/shiny_thing.py"
    for path in (rule, fixture):
        assert path in started.stdout
        ast.parse((copied / path).read_text(encoding="utf-8"))
    assert "pip install -e ." in started.stdout
    assert command(copied, "docs").stdout.splitlines() == [
        "README.md",
        "docs/rules/README.md",
        "docs/rules/aig095-shiny-thing.md",
    ]
    chosen = "AIG095 or not AIG and not installed and not new_rule_works"
    tests = ("tests/test_meta.py", "tests/test_rules.py")
    out = checkout.succeed(
        copied, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", chosen, *tests
    )
    assert "failed" not in out
    assert "passed" in out

    again = command(copied, "new", "shiny-thing")
    assert again.returncode == 2
    assert "another rule has it" in again.stderr


def test_a_new_rule_is_clean_by_our_own_checks(copied: Path) -> None:
    pytest.importorskip("mypy", reason="comes with the extra 'dev'")
    pytest.importorskip("ruff", reason="comes with the extra 'dev'")
    assert command(copied, "new", "shiny-thing", "--code", "AIG095").returncode == 0
    rule = "flake8_aiguard/rules/aig095_shiny_thing.py"
    checkout.succeed(copied, sys.executable, "-m", "ruff", "check", rule)
    checkout.succeed(copied, sys.executable, "-m", "ruff", "format", "--check", rule)
    checkout.succeed(copied, sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", rule)
