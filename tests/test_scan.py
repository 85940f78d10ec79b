"""The command ``flake8-aiguard scan`` and the layers below it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import checkout
import pytest

pytest.importorskip("ast_grep_py", reason="comes with the extra 'sql'")

from flake8_aiguard.astgrep import engine, globs, languages, masking, rulefiles, selection
from flake8_aiguard.astgrep.errors import MissingExtraError, RuleFileError, SelectionError
from flake8_aiguard.cli import main

Capture = pytest.CaptureFixture[str]
RULES = rulefiles.packaged()
WORKFLOW = "on: push\njobs:\n  build:\n    runs-on: x\n"
BAD_SQL = "DELETE FROM sessions;\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test runs in a folder of its own that is no repository."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    return tmp_path


def write(path: str, text: str | bytes) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(text.encode("utf-8") if isinstance(text, str) else text)


def scanned(capsys: Capture, *arguments: str) -> tuple[int, list[str], str]:
    """Exit code, ``path:line:column: CODE`` of each line, and stderr."""
    code = main(["scan", *arguments])
    captured = capsys.readouterr()
    lines = [line for line in captured.out.splitlines() if not line.startswith(("-", "+", "@"))]
    return code, [" ".join(line.split(" ")[:2]) for line in lines], captured.err


def codes(text: str, language: str = "sql", *, opt_in: bool = False) -> list[str]:
    rules = [rule for rule in RULES if opt_in or not rule.is_opt_in]
    return [found.code for found in engine.evaluate(text, "x", language, rules)]


# -- the command -----------------------------------------------------------------------------------


def test_findings_exit_1_and_name_their_place(capsys: Capture) -> None:
    write("db/clean.sql", "SELECT id FROM orders;\n")
    write("db/purge.sql", f"SELECT id FROM orders;\n  {BAD_SQL}")
    assert main(["scan", "db"]) == 1
    captured = capsys.readouterr()
    path = os.path.join("db", "purge.sql")
    assert captured.out.startswith(
        f"{path}:2:3: AIG205 DELETE without WHERE changes every row of the table; "
    )
    assert captured.out.endswith(" [write-without-where]\n")
    assert captured.err == ""


def test_nothing_found_exits_0(capsys: Capture) -> None:
    write("clean.sql", "SELECT id FROM orders;\n")
    assert scanned(capsys) == (0, [], "")
    assert main(["scan", "--format", "json"]) == 0
    assert capsys.readouterr().out == "[]\n"


def test_json_says_everything(capsys: Capture) -> None:
    write("q.sql", "-- ä\nSELECT id FROM a WHERE 'ä' = b AND id IN (SELECT DISTINCT a_id\n FROM c);\n")
    assert main(["scan", "--format", "json", "q.sql"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert found.pop("message").startswith("DISTINCT inside IN (...)")
    assert found == {
        "code": "AIG203",
        "slug": "distinct-in-subquery",
        "path": "q.sql",
        "line": 2,
        "column": 43,
        "end_line": 2,
        "end_column": 63,
        "severity": "warning",
        "url": "docs/rules/aig203-distinct-in-subquery.md",
        "fix": "SELECT a_id",
    }


def test_hidden_folders_are_scanned_and_ignored_files_are_not(capsys: Capture) -> None:
    write(".github/workflows/ci.yml", WORKFLOW)
    write("other/ci.yml", WORKFLOW)
    write("build/old.sql", BAD_SQL)
    write(".gitignore", "build/\n")
    write("new.sql", BAD_SQL)
    subprocess.run(["git", "init", "-q", "."], check=True)
    workflow = os.path.join(".github", "workflows", "ci.yml")
    expected = [f"{workflow}:3:3: AIG301", "new.sql:1:1: AIG205"]
    assert scanned(capsys) == (1, expected, "")
    explicit = os.path.join("build", "old.sql")
    assert scanned(capsys, explicit) == (1, [f"{explicit}:1:1: AIG205"], ""), "an explicit file is scanned"


def test_without_git_everything_is_scanned(capsys: Capture) -> None:
    write(".github/workflows/ci.yml", WORKFLOW)
    write("node_modules/x/a.sql", BAD_SQL)
    assert [line.rpartition(" ")[2] for line in scanned(capsys)[1]] == ["AIG301"]


@pytest.mark.parametrize("folder", ["tests", "a/test/b", "vendor/x", "third_party", "testdata", "pg/sql"])
def test_tests_and_vendored_files_are_looked_at_only_when_named(folder: str, capsys: Capture) -> None:
    write(f"{folder}/q.sql", BAD_SQL)
    write("pg/expected/q.out", "what the statements of sql/q.sql print")
    named = os.path.normpath(f"{folder}/q.sql")
    assert scanned(capsys) == (0, [], "")
    assert scanned(capsys, named)[1] == [f"{named}:1:1: AIG205"]
    assert scanned(capsys, folder)[0] == (folder != "pg/sql"), (
        "the folder itself is named, and is no part of the path"
    )


def test_a_workflow_below_the_root_of_the_work_tree_never_runs(capsys: Capture) -> None:
    ours = os.path.join(".github", "workflows", "ci.yml")
    theirs = os.path.join("lib", "spec", ".github", "workflows", "ci.yml")
    write(ours, WORKFLOW)
    write(theirs, WORKFLOW)
    found = [f"{ours}:3:3: AIG301", f"{theirs}:3:3: AIG301"]
    assert scanned(capsys)[1] == found, "without git nobody knows the root"
    subprocess.run(["git", "init", "-q"], check=True)
    assert scanned(capsys)[1] == found[:1]
    assert scanned(capsys, "lib")[1] == []
    assert scanned(capsys, theirs)[1] == found[1:], "named itself"
    assert scanned(capsys, os.path.join("lib", "spec"))[1] == found[1:], "named as a project"
    subprocess.run(["git", "init", "-q", os.path.join("lib", "spec")], check=True)
    assert scanned(capsys, "lib")[1] == [], "git lists no files of a repository within"
    subprocess.run(["git", "init", "-q", "lib"], check=True)
    write(os.path.join("lib", ".github", "workflows", "ci.yml"), WORKFLOW)
    assert scanned(capsys, "lib")[1] == [f"{os.path.join('lib', ours)}:3:3: AIG301"]


def test_a_message_says_what_is_true_of_the_command(capsys: Capture) -> None:
    write("get.sh", "curl https://example.org/a\nsudo wget https://example.org/b\n")
    main(["scan", "--format", "json"])
    curl, wget = (found["message"] for found in json.loads(capsys.readouterr().out))
    assert curl.startswith("curl waits without end for a server that goes silent; give it --max-time, or")
    assert wget.startswith(
        "wget waits up to 15 minutes in each try, 20 by default, for a server that goes silent;"
    )
    assert "give it --timeout and --tries, or" in wget


@pytest.mark.parametrize(
    ("command", "is_file"),
    [
        ("curl -OfsS $url", True),
        ("curl -L https://example.org/a.tgz > build/a.tgz", True),
        ('curl -sSL https://example.org/a.tgz 2>> log > "$kept"', True),
        ("curl -sS https://example.org/a.rpm > $folder/a.rpm 2>&1", True),
        ("curl -sSL https://example.org/a.tgz | sudo tar -xz -C /opt", True),
        ("echo x|curl -d @- https://example.org/a.tgz | tar -xz", False),
        ("curl -sf https://example.org/a > /dev/null", False),
        ("curl -s https://example.org/a | jq .tag", False),
        ("curl -XPOST -d 'a > b' https://example.org/a", False),
    ],
)
def test_a_file_that_may_be_large_is_bounded_by_its_speed(
    capsys: Capture, command: str, is_file: bool
) -> None:
    write("get.sh", f"set -e\n{command}\n")
    main(["scan", "--format", "json"])
    (found,) = json.loads(capsys.readouterr().out)
    options = (
        "--max-time, or --speed-limit with --speed-time where the file may be large"
        if is_file
        else "--max-time"
    )
    assert f"give it {options}, or run it under" in found["message"]


def test_the_project_says_what_a_test_is(capsys: Capture) -> None:
    write("pyproject.toml", '[tool.aiguard]\ntests = ["checks/"]\nvendored = ["copied/"]\n')
    for folder in ("checks", "copied", "tests"):
        write(f"{folder}/q.sql", BAD_SQL)
    assert scanned(capsys)[1] == [f"{os.path.join('tests', 'q.sql')}:1:1: AIG205"]


def test_rules_of_the_project_look_at_its_tests(capsys: Capture) -> None:
    write("pyproject.toml", '[tool.aiguard]\nrule-dirs = ["lint/rules"]\n')
    own("id: NODROP\nlanguage: sql\nmessage: no\nrule: {kind: drop_table}\n")
    write("tests/q.sql", f"DROP TABLE a;\n{BAD_SQL}")
    assert scanned(capsys)[1] == [f"{os.path.join('tests', 'q.sql')}:1:1: NODROP"]


def test_each_file_once(capsys: Capture) -> None:
    write("a.sql", BAD_SQL)
    assert scanned(capsys, ".", "a.sql", "./a.sql")[1] == ["a.sql:1:1: AIG205"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ["AIG201", "AIG205"]),
        (["--select", "AIG201"], ["AIG201"]),
        (["--select", "aig201,AIG211"], ["AIG201", "AIG211"]),
        (["--ignore", "AIG201"], ["AIG205"]),
        (["--ignore", "AIG2"], []),
        (["--ignore", "AIG2", "--extend-select", "AIG211"], ["AIG211"]),
        (["--extend-select", "AIG211", "--extend-select", "AIG214"], ["AIG201", "AIG205", "AIG211"]),
        (["--select", "AIG2", "--ignore", "AIG201"], ["AIG205", "AIG211"]),
        (["--select", "AIG201", "--ignore", "AIG2"], ["AIG201"]),
    ],
)
def test_selection(arguments: list[str], expected: list[str], capsys: Capture) -> None:
    write("a.sql", f"SELECT * FROM orders;\n{BAD_SQL}CREATE INDEX i ON orders (id);\n")
    code, lines, _ = scanned(capsys, "a.sql", *arguments)
    assert [line.rpartition(" ")[2] for line in lines] == expected
    assert code == bool(expected)


def test_selection_from_the_settings(capsys: Capture) -> None:
    write("a.sql", f"SELECT * FROM orders;\n{BAD_SQL}CREATE INDEX i ON orders (id);\n")
    write("pyproject.toml", '[tool.aiguard]\nscan-ignore = ["AIG201"]\nscan-extend-select = ["AIG211"]\n')
    assert [line.rpartition(" ")[2] for line in scanned(capsys)[1]] == ["AIG205", "AIG211"]
    assert [line.rpartition(" ")[2] for line in scanned(capsys, "--ignore", "AIG205")[1]] == [
        "AIG201",
        "AIG211",
    ]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            ["--select", "AIG299"],
            "no rule of the scan has a code that begins with 'AIG299'; the nearest is AIG2",
        ),
        (["--ignore", "E501"], "no rule of the scan has a code that begins with 'E501'"),
        (["missing.sql"], "missing.sql: no such file or folder"),
    ],
)
def test_misuse_is_one_line_and_exits_2(arguments: list[str], problem: str, capsys: Capture) -> None:
    code, lines, error = scanned(capsys, *arguments)
    assert (code, lines) == (2, [])
    assert error.startswith(f"flake8-aiguard: {problem}")
    assert error.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--format", "xml"], ["--jobs", "0"], ["--jobs", "x"]])
def test_malformed_arguments_exit_2(arguments: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as error:
        main(["scan", *arguments])
    assert error.value.code == 2
    assert "usage: flake8-aiguard scan" in capsys.readouterr().err


def test_wrong_setting_exits_2(capsys: Capture) -> None:
    write("pyproject.toml", "[tool.aiguard]\nscan-select = 3\n")
    assert scanned(capsys) == (
        2,
        [],
        'flake8-aiguard: pyproject.toml: scan-select = 3 is not valid; use a list of strings, such as ["first", "second"]\n',
    )


def test_unreadable_files_are_named_and_the_rest_is_scanned(capsys: Capture) -> None:
    write("latin.sql", "SELECT 'ä' FROM t;".encode("latin-1"))
    write("binary.sql", b"\0\1DELETE FROM t;")
    write("empty.sql", "")
    write("huge.sql", b"-" * 5_000_001)
    write("z.sql", BAD_SQL)
    os.symlink("nowhere", "dangling.sql")
    code, lines, error = scanned(capsys, ".", "dangling.sql")
    assert (code, lines) == (1, ["z.sql:1:1: AIG205"])
    assert error.splitlines() == [
        "flake8-aiguard: binary.sql: is binary",
        "flake8-aiguard: huge.sql: is larger than 5 MB",
        "flake8-aiguard: latin.sql: is not UTF-8 (byte 8)",
        "flake8-aiguard: dangling.sql: is no regular file",
    ]


def test_an_explicit_file_of_no_language_is_named(capsys: Capture) -> None:
    write("notes.txt", BAD_SQL)
    code, lines, error = scanned(capsys, "notes.txt")
    assert (code, lines) == (0, [])
    assert error == "flake8-aiguard: notes.txt: has no suffix of a language that is scanned\n"


def test_byte_order_mark_and_line_ends_move_nothing(capsys: Capture) -> None:
    write("a.sql", "\ufeffDELETE FROM a;\r\nDELETE FROM b;\r\n")
    assert scanned(capsys)[1] == ["a.sql:1:1: AIG205", "a.sql:2:1: AIG205"]


def test_workers_find_what_one_process_finds(capsys: Capture) -> None:
    for number in range(120):
        write(f"{number:03}.sql", BAD_SQL * (number % 3))
    alone = scanned(capsys, "--jobs", "1")
    assert len(alone[1]) == 120
    assert scanned(capsys, "--jobs", "2") == alone


def test_spawned_workers_register_the_grammar_themselves() -> None:
    program = (
        "import multiprocessing, os\n"
        "from flake8_aiguard.cli import main\n"
        "if __name__ == '__main__':\n"
        "    multiprocessing.set_start_method('spawn')\n"
        "    raise SystemExit(main(['scan', '--jobs', '2', 'many']))\n"
    )
    write("run.py", program)
    for number in range(101):
        write(f"many/{number:03}.sql", BAD_SQL)
    done = checkout.run(Path.cwd(), sys.executable, "run.py")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.count("AIG205") == 101


# -- fixes -----------------------------------------------------------------------------------------

FIXABLE = "SELECT a FROM t\r\nWHERE a IN (SELECT DISTINCT b FROM u) -- ä\r\n"


def test_a_fix_is_shown_and_nothing_is_written(capsys: Capture) -> None:
    write("a.sql", FIXABLE)
    assert main(["scan", "a.sql"]) == 1
    out = capsys.readouterr().out
    assert "-WHERE a IN (SELECT DISTINCT b FROM u) -- ä\n+WHERE a IN (SELECT b FROM u) -- ä\n" in out
    assert Path("a.sql").read_bytes() == FIXABLE.encode("utf-8")


def test_fix_writes_and_reports_what_is_left(capsys: Capture) -> None:
    write("a.sql", f"\ufeff{FIXABLE}")
    Path("a.sql").chmod(0o640)
    code, lines, error = scanned(capsys, "--fix", "a.sql")
    assert (code, lines, error) == (0, [], "flake8-aiguard: a.sql: fixed 1\n")
    assert Path("a.sql").read_bytes() == f"\ufeff{FIXABLE.replace('DISTINCT ', '')}".encode()
    assert Path("a.sql").stat().st_mode & 0o777 == 0o640
    write("a.sql", f"{FIXABLE};\n{BAD_SQL}")
    assert scanned(capsys, "--fix", "a.sql")[:2] == (1, ["a.sql:4:1: AIG205"])


def test_a_fix_loses_no_comment() -> None:
    (found,) = engine.evaluate(
        "SELECT a FROM t WHERE a IN (SELECT DISTINCT /* why */ b FROM u)", "x", "sql", RULES
    )
    assert found.code == "AIG203"
    assert found.edit is None


def test_of_two_fixes_that_overlap_the_first_counts() -> None:
    text = "SELECT a FROM t WHERE a IN (SELECT DISTINCT b FROM u)"
    (found,) = engine.evaluate(text, "x", "sql", RULES)
    assert engine.apply(text, [found, found]) == text.replace("DISTINCT ", "")


# -- suppressions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM t; -- noqa: AIG205",
        "DELETE FROM t; -- noqa: AIG205 the table is a cache",
        "DELETE FROM t; -- why -- noqa:aig205",
        "DELETE FROM t; -- noqa: AIG201, AIG205 both",
        "DELETE FROM t; /* noqa: AIG205 */",
        "-- noqa: AIG205\nDELETE FROM t;",
        "-- a sample\n-- noqa: disable=all\n\nDELETE FROM t;",
        "/* noqa: AIG205 */\nDELETE FROM t;",
        "DELETE -- noqa: AIG205\nFROM t;",
        "DELETE FROM t; -- ast-grep-ignore",
        "-- ast-grep-ignore: AIG205\nDELETE FROM t;",
        "-- ast-grep-ignore\n\nSELECT 1;\nDELETE FROM t;",
    ],
)
def test_silenced(text: str) -> None:
    assert codes(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM t; -- noqa: AIG201",
        "DELETE FROM t; -- noqa",
        "DELETE FROM t; -- no noqa: here",
        "-- noqa: AIG205\n\nDELETE FROM t;",
        "DELETE FROM t;\n-- noqa: disable=all",
        "-- noqa: disable=all\nDELETE FROM t;\n-- noqa: enable=all",
        "SELECT 1; -- noqa: AIG205\nDELETE FROM t;",
        "SELECT '-- noqa: AIG205'; DELETE FROM t;",
        "DELETE\nFROM t; -- noqa: AIG205",
        "DELETE FROM t; -- ast-grep-ignore: AIG201",
    ],
)
def test_not_silenced(text: str) -> None:
    assert codes(text) == ["AIG205"]


@pytest.mark.parametrize(
    ("language", "bad", "good"),
    [
        ("yaml", "timeout: 0", "timeout: 0 # noqa: AIG303 none wanted"),
        ("yaml", "timeout: 0", "# ast-grep-ignore: AIG303\ntimeout: 0"),
        ("hcl", "timeout = 0", "timeout = 0 // noqa: AIG303"),
        ("hcl", "timeout = 0", "timeout = 0 # noqa: AIG303"),
        ("hcl", "timeout = 0", "/* ast-grep-ignore: AIG303-hcl */\ntimeout = 0"),
        ("bash", "curl x", "curl x # noqa: AIG304"),
        ("json", '{"timeout": 0}', '{"timeout": 0} // noqa: AIG303'),
    ],
)
def test_comments_of_each_language(language: str, bad: str, good: str) -> None:
    assert len(codes(bad, language)) == 1
    assert codes(good, language) == []


def test_a_text_that_looks_like_a_comment_silences_nothing() -> None:
    assert codes('timeout: 0\nnote: "x # noqa: AIG303"\n', "yaml") == ["AIG303"]
    assert codes('- {timeout: 0, note: "# noqa: AIG303"}\n', "yaml") == ["AIG303"]


# -- templates -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "select * from {{ ref('orders') }}",
        "{{ config(materialized='table') }}\nselect\n    {# why #} *\nfrom {{ ref(\n  'orders') }}",
        "{% if x %}select{% endif %} * from a",
    ],
)
def test_masking_moves_nothing(text: str) -> None:
    masked = masking.mask_templates(text)
    assert [len(line) for line in masked.split("\n")] == [len(line) for line in text.split("\n")]
    assert "{" not in masked
    (found,) = engine.evaluate(text, "x", "sql", RULES)
    assert text.split("\n")[found.line - 1][found.column - 1] == "*"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("a = :id AND b = %s AND c = %(cents)s", "a = 777 AND b = 77 AND c = 777777777"),
        ("a::date = ':id' -- :id\n", None),
        ("SELECT 'a %s', \":id\" FROM t /* %s */", None),
        ("SELECT id FROM :orders JOIN %s", None),
        ("SELECT a[1:n], b := c, t %sum", None),
        ("AS $$ BEGIN x := :y; END $$", None),
        ("a = 'it''s :id' AND b = :id", "a = 'it''s :id' AND b = 777"),
    ],
)
def test_placeholders_are_numbers_of_the_same_length(text: str, masked: str | None) -> None:
    assert masking.mask_templates(text) == (text if masked is None else masked)


def test_a_condition_on_a_placeholder_is_read() -> None:
    assert codes("SELECT id FROM orders WHERE date(created) = :day;") == ["AIG207"]
    assert codes("UPDATE orders SET state = %(state)s;") == ["AIG205"]
    assert codes("SELECT id FROM orders ORDER BY id LIMIT :most OFFSET :first;") == ["AIG209"]


def test_what_a_template_may_hide_is_not_reported() -> None:
    assert codes("DELETE FROM {{ this }} {{ where }}") == []
    assert codes("DELETE FROM {{ this }} {% if x %} WHERE a = 1 {% endif %}") == []
    assert codes("DELETE FROM {{ this }}") == ["AIG205"]


def test_macros_and_helm_templates_are_skipped_with_a_word(capsys: Capture) -> None:
    write("macros/m.sql", "{% macro m() %} DELETE FROM t {% endmacro %}")
    write("chart/Chart.yaml", "name: x\n")
    write("chart/templates/deep/a.yaml", "timeout: 0\nname: {{ .Values.name }}\n")
    write("chart/values.yaml", "timeout: 0\n")
    code, lines, error = scanned(capsys)
    assert (code, [line.rpartition(" ")[2] for line in lines]) == (1, ["AIG303"])
    assert "a.yaml: is a template of a Helm chart, no YAML" in error
    assert "m.sql: defines macros of dbt, no statements" in error
    assert error.count("\n") == 2


def test_staging_models_of_dbt_may_select_star(capsys: Capture) -> None:
    write("models/staging/shop/orders.sql", "select * from {{ source('shop', 'orders') }}")
    write("models/stg_orders.sql", "select * from raw.orders")
    write("models/orders.sql", "select * from {{ ref('stg_orders') }}")
    assert scanned(capsys)[1] == [f"{os.path.join('models', 'orders.sql')}:1:8: AIG201"]


# -- rules of a project's own ----------------------------------------------------------------------

OWN = """\
id: no-drop
language: sql
severity: warning
message: "$VERB takes the data with it"
rule: {kind: keyword_drop, pattern: $VERB, inside: {matches: dropping}}
"""
UTIL = "id: dropping\nlanguage: sql\nrule: {kind: drop_table}\n"


def own(text: str, path: str = "lint/rules/no-drop.yml") -> None:
    write(path, text)
    write("pyproject.toml", '[tool.aiguard]\nrule-dirs = ["lint/rules"]\n')


def test_rules_of_the_project(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    own(OWN)
    own(UTIL, "lint/rules/utils/dropping.yml")
    write("src/a.sql", "DROP TABLE t;\n")
    assert main(["scan", "--select", "no-drop", "src"]) == 1
    path = os.path.join("src", "a.sql")
    assert capsys.readouterr().out == f"{path}:1:1: no-drop DROP takes the data with it [no-drop]\n"
    write("src/a.sql", "DROP TABLE t; -- noqa: no-drop\n")
    monkeypatch.chdir("src")
    assert scanned(capsys) == (0, [], ""), "rule-dirs are relative to their pyproject.toml"


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("id: a\nid: b\n", 2, "the key 'id' stands twice"),
        (OWN.replace("severity", "serverity"), 3, "there is no key 'serverity'; did you mean severity?"),
        (OWN.replace("warning", "fatal"), 3, "severity 'fatal' is none of error, warning, info, hint, off"),
        (OWN.replace("sql", "sqll"), 2, "there is no language 'sqll'; did you mean sql?"),
        (OWN.replace("keyword_drop", "keyword_dorp"), 5, "Kind `keyword_dorp` is invalid"),
        (OWN + "rewriters: []\n", 6, "rewriters do not work in process; write the fix without them"),
        (OWN + "transform: {NEW: 'rewrite($VERB, rewriters=[a])'}\n", 6, "rewriters do not work in process"),
        (OWN + "transform: {NEW: {rewrite: {source: $VERB, rewriters: [a]}}}\n", 6, "rewriters do not work"),
        (OWN + "metadata: {words: [LIKE]}\n", 6, "metadata.words must be a list of words in lower case"),
        (OWN + "metadata: {prefilter: '('}\n", 6, "metadata.prefilter is no regular expression"),
        (OWN + "fix: {template: x, expandEnd: {regex: y}}\n", 6, "no expandStart or expandEnd"),
        (OWN + "files: '*.sql'\n", 6, "'files' must be a list of patterns"),
        ("id: a\nlanguage: sql\n", 1, "'rule' is missing"),
        ("language: sql\n", 1, "'id' is missing"),
        ("- id: a\n", 1, "a rule is a mapping of keys to values"),
        ("id: [\n", 2, "node content"),
        (
            OWN.replace("no-drop", "AIG205").replace(", inside: {matches: dropping}", ""),
            1,
            "the id 'AIG205' is taken",
        ),
        (OWN, 5, "`dropping` is not defined"),
    ],
)
def test_a_rule_file_that_does_not_load(text: str, line: int, reason: str, capsys: Capture) -> None:
    own(text)
    code, lines, error = scanned(capsys)
    path = os.path.join("lint", "rules", "no-drop.yml")
    assert (code, lines) == (2, [])
    assert error.startswith(f"flake8-aiguard: {path}:{line}: ")
    assert reason in error
    assert error.count("\n") == 1


def test_messages_name_what_matched_and_what_it_became(capsys: Capture) -> None:
    own(
        "id: no-call\nlanguage: js\nmessage: '$KEY as $LOUD: $$$VALUES, no $OTHER'\n"
        "rule: {pattern: 'call($KEY, $$$VALUES)'}\n"
        "transform: {LOUD: 'convert($KEY, toCase=upperCase)'}\n"
    )
    write("a.js", "call(kind, 1, 2)\n")
    assert main(["scan", "--select", "no-call", "a.js"]) == 1
    assert capsys.readouterr().out == "a.js:1:1: no-call kind as KIND: 1, 2, no [no-call]\n"


def test_a_file_that_may_not_be_read_is_named(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    write("closed.sql", BAD_SQL)
    write("open.sql", BAD_SQL)
    read_bytes = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "closed.sql":
            raise PermissionError(13, "Permission denied")
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert scanned(capsys, ".", "--jobs", "1") == (
        1,
        ["open.sql:1:1: AIG205"],
        "flake8-aiguard: closed.sql: cannot be read: Permission denied\n",
    )


def test_a_folder_with_the_name_of_a_file_is_a_folder(capsys: Capture) -> None:
    write("dump.sql/a.sql", BAD_SQL)
    expected = [f"{os.path.join('dump.sql', 'a.sql')}:1:1: AIG205"]
    assert scanned(capsys)[1] == expected
    assert scanned(capsys, "dump.sql")[1] == expected


def test_a_folder_of_rules_that_does_not_exist(capsys: Capture) -> None:
    write("pyproject.toml", '[tool.aiguard]\nrule-dirs = ["missing"]\n')
    code, _, error = scanned(capsys)
    assert code == 2
    assert error == "flake8-aiguard: missing: rule-dirs names a folder that does not exist\n"


def test_words_of_yaml_1_1_stay_words() -> None:
    own(OWN.replace('"$VERB takes the data with it"', "no"))
    own(UTIL, "lint/rules/utils/dropping.yml")
    (rule,) = [rule for rule in rulefiles.load(["lint/rules"]) if rule.id == "no-drop"]
    assert rule.message == "no"


def test_files_and_ignores() -> None:
    own(OWN + 'files: ["db/**"]\nignores: ["**/old/*.sql"]\n')
    own(UTIL, "lint/rules/utils/dropping.yml")
    (rule,) = [rule for rule in rulefiles.load(["lint/rules"]) if rule.id == "no-drop"]
    seen = [path for path in ("db/a.sql", "db/x/a.sql", "a.sql", "db/old/a.sql") if rule.looks_at(path)]
    assert seen == ["db/a.sql", "db/x/a.sql"]


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("**/a/*.yml", "a/x.yml", True),
        ("**/a/*.yml", "b/a/x.yml", True),
        ("**/a/*.yml", "b/a/c/x.yml", False),
        ("*.{yml,yaml}", "x.yaml", True),
        ("*.{yml,yaml}", "x.json", False),
        ("a/[!b].sql", "a/c.sql", True),
        ("a/[!b].sql", "a/b.sql", False),
        ("a/**", "a/b/c", True),
        ("x?.sql", "x1.sql", True),
        ("./x.sql", "x.sql", True),
    ],
)
def test_globs(pattern: str, path: str, expected: bool) -> None:
    assert globs.matches_any(path, [pattern], above_here=False) is expected


# -- what is missing -------------------------------------------------------------------------------


def test_a_missing_extra_is_one_line_and_exits_2(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(languages, "_ready", False)
    monkeypatch.setitem(sys.modules, "ast_grep_py", None)
    code, lines, error = scanned(capsys)
    assert (code, lines) == (2, [])
    assert error == 'flake8-aiguard: ast_grep_py is not installed; pip install "flake8-aiguard[sql]"\n'


def test_another_version_of_the_grammar_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(languages, "_ready", False)
    monkeypatch.setattr("importlib.metadata.version", lambda _: "0.3.13")
    with pytest.raises(
        MissingExtraError, match=r"must be 0\.3\.9, as later ones hide their grammar; found 0\.3\.13"
    ):
        languages.prepare()


def test_many_statements_ask_the_file_for_nothing_that_is_not_in_it() -> None:
    insert = "INSERT INTO orders (id) VALUES (:id);\n"
    rule = next(rule for rule in RULES if rule.code == "AIG217")
    assert rule.matcher(insert) != rule.config
    assert rule.matcher(f"CREATE TABLE orders (id int);\n{insert}") is rule.config
    assert codes(insert * 4000, opt_in=True) == ["AIG217"] * 4000


def test_deep_and_long_texts_are_no_trouble() -> None:
    assert codes("SELECT " + "(" * 3000 + "1" + ")" * 3000 + ";") == []
    assert len(codes("DELETE FROM t;\n" * 2000)) == 2000
    assert codes("timeout: 0\n" + "a:\n" + "".join(" " * n + "- b:\n" for n in range(1, 200)), "yaml") == [
        "AIG303"
    ]


def test_an_empty_name_and_a_missing_folder_are_errors() -> None:
    with pytest.raises(SelectionError):
        selection.chosen(RULES, [""], [], [])
    with pytest.raises(RuleFileError):
        rulefiles.load(["nowhere"])
