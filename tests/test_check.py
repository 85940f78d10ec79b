"""The command ``check``: equal to flake8, with results kept between runs."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import harness
import pytest

from flake8_aiguard.cache import FOLDER, Cache, Result

CALL = "import requests\n\nrequests.get('https://example.org')\n"
FILES = {
    "service/orders.py": CALL,
    "service/quiet.py": CALL.replace("')", "')  # noqa: AIG014"),
    "service/other_noqa.py": CALL.replace("')", "')  # noqa: E501"),
    "service/waived.py": CALL.replace("')", "')  # noqa: S113 -- the peer closes"),
    "service/python2.py": "import requests\nimport six\n\nif six.PY2:\n    requests.get('https://example.org')\n",
    "service/whole.py": "# flake8: noqa\n" + CALL,
    "service/whole_code.py": "# flake8: noqa: AIG014\n" + CALL,
    "service/broken.py": "def f(:\n",
    "service/empty.py": "",
    "service/text.py": "name = 'ü'\n" + CALL + "x = '''\n' '''\n",
    "skipped/orders.py": CALL,
    "per_file/orders.py": CALL + "def public(value):\n    assert value > 0\n    return value\n",
    "tests/test_orders.py": "def public(value):\n    assert value > 0\n    return value\n",
}
CONFIGURATIONS = {
    "none": "",
    "select": "[flake8]\nselect = AIG014\n",
    "narrow": "[flake8]\nselect = AIG019,E9\nexclude = skipped\n",
    "ours are not selected": "[flake8]\nselect = W,F\n",
    "all": "[flake8]\nexclude = skipped\nextend-ignore = E302\nper-file-ignores =\n    per_file/*: AIG014\n",
    "ignored": "[flake8]\nextend-ignore = AIG014\n",
    "extended": "[flake8]\nextend-select = AIG\nignore = AIG0\n",
    "others": "[flake8]\nmax-complexity = 3\ninline-quotes = single\nenable-extensions = G\n",
    "settings": "[flake8]\naiguard-tests = service/\n",
    "beside no Ruff": "[flake8]\naiguard-defer-to-ruff = false\n",
    "local": "[flake8:local-plugins]\nextension =\n"
    "    AIG014 = flake8_aiguard.rules.aig014_missing_timeout:MissingTimeout\n",
}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def check(folder: Path, *argv: str, stdin: str | None = None) -> harness.Flake8:
    """Run the command in a folder."""
    run = subprocess.run(
        [sys.executable, "-m", "flake8_aiguard", "check", *argv],
        cwd=folder,
        env=harness.environment(),
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return harness.Flake8(run.returncode, run.stdout, run.stderr)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write(tmp_path, FILES)
    return tmp_path


# -- as flake8


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_findings_are_those_of_flake8(tree: Path, name: str) -> None:
    (tree / ".flake8").write_text(CONFIGURATIONS[name], encoding="utf-8")
    wanted = [item for item in harness.flake8(tree, ".").reported if item.code.startswith(("AIG", "E9"))]
    cold, warm = check(tree, "."), check(tree, ".")
    assert cold.reported == wanted
    assert (warm.status, warm.out, warm.err) == (cold.status, cold.out, cold.err)
    assert cold.status == int(bool(wanted))
    if name == "none":
        assert {item.code for item in wanted} == {"AIG014", "AIG019", "E999"}


def test_options_of_flake8(tree: Path) -> None:
    argv = ("--select=AIG", "--show-source", "--statistics", "--count", "--disable-noqa", ".")
    assert check(tree, *argv).out == harness.flake8(tree, *argv).out
    assert check(tree, "--exit-zero", ".").status == 0
    assert check(tree, "--format=pylint", "service/orders.py").out == (
        harness.flake8(tree, "--format=pylint", "--select=AIG", "service/orders.py").out
    )


def test_stdin(tmp_path: Path) -> None:
    run = check(tmp_path, "--stdin-display-name=service/orders.py", "-", stdin=CALL)
    assert [(item.path, item.line, item.code) for item in run.reported] == [
        ("service/orders.py", 3, "AIG014")
    ]
    assert not (tmp_path / FOLDER).exists()


def test_shapes_left_to_ruff_follow_its_configuration_of_today(tree: Path) -> None:
    assert "AIG014" in check(tree, "service/orders.py").codes
    (tree / "ruff.toml").write_text('[lint]\nselect = ["S113"]\n', encoding="utf-8")
    assert check(tree, "service/orders.py").codes == []


def started(folder: Path, script: str) -> harness.Flake8:
    """Run a script in a folder."""
    (folder / "start").write_text(script, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "start"],
        cwd=folder,
        env=harness.environment(),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return harness.Flake8(run.returncode, run.stdout, run.stderr)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers(tree: Path, method: str) -> None:
    script = (
        "import multiprocessing, sys\nfrom flake8_aiguard.cli import main\n"
        "if __name__ == '__main__':\n"
        f"    multiprocessing.set_start_method({method!r})\n"
        "    sys.exit(main(['check', '--no-cache', '--jobs=2', 'service', 'per_file']))\n"
    )
    run = started(tree, script)
    assert (run.status, run.err) == (1, "")
    assert run.out == check(tree, "--no-cache", "--jobs=1", "service", "per_file").out


def test_a_killed_worker_is_a_clear_error(tree: Path) -> None:
    script = (
        "import multiprocessing, os, signal, sys\n"
        "from flake8_aiguard.checker import Checker\nfrom flake8_aiguard.cli import main\n"
        "def kill(rule):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        "if __name__ == '__main__':\n"
        "    multiprocessing.set_start_method('fork')\n    Checker.findings = kill\n"
        "    sys.exit(main(['check', '--jobs=2', 'service', 'per_file']))\n"
    )
    run = started(tree, script)
    assert (run.status, run.out) == (2, "")
    *others, last = run.err.splitlines()
    assert last.startswith("flake8-aiguard: a worker was killed")
    assert not [
        line for line in others if not line.startswith("Process ")
    ]  # what multiprocessing says of a worker


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize(("files", "shown"), [(250, True), (20, False)])
def test_a_terminal_shows_how_far_a_run_over_many_files_is(tmp_path: Path, files: int, shown: bool) -> None:
    import pty

    for number in range(files):
        (tmp_path / f"m{number}.py").write_text("x = 1\n", encoding="utf-8")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "flake8_aiguard", "check", "--no-scan", "."]
    with open(ours, "rb", buffering=0) as terminal:
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=harness.environment(),
            stdout=subprocess.PIPE,
            stderr=theirs,
            check=False,
        )
        os.write(theirs, b"end")
        text = b""
        while not text.endswith(b"end"):
            text += terminal.read(4096)
        os.close(theirs)
    assert (done.returncode, done.stdout) == (0, b"")
    parts = [b"50/250 files", b"100/250 files", b"150/250 files", b"200/250 files", b"250/250 files"]
    wanted = b"".join(b"\r" + part for part in parts) + b"\r\x1b[K"
    assert text == (wanted if shown else b"") + b"end"


# -- misuse


def test_a_missing_path_is_misuse(tree: Path) -> None:
    run = check(tree, "nowhere.py")
    assert (run.status, run.out) == (2, "")
    assert run.err == "flake8-aiguard: nowhere.py: no such file or folder; correct the path\n"


def test_wrong_arguments_name_the_command(tree: Path) -> None:
    run = check(tree, "--jobs=many", ".")
    assert (run.status, run.out) == (2, "")
    assert run.err.startswith("usage: flake8-aiguard check [options] file file ...\n")
    assert "argument -j/--jobs: 'many' must be 'auto' or an integer" in run.err


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("[flake8]\nextend-ignore = not-valid\n", "not-valid"),
        ("[flake8]\naiguard-gates = some\n", "use one of"),
        ("[flake8]\nrequire-plugins = flake8-nothing\n", "flake8-nothing"),
    ],
)
def test_a_wrong_configuration_is_misuse(tree: Path, config: str, words: str) -> None:
    (tree / ".flake8").write_text(config, encoding="utf-8")
    run = check(tree, ".")
    assert (run.status, run.out) == (2, "")
    assert run.err.startswith("flake8-aiguard: ")
    assert words in run.err
    assert len(run.err.splitlines()) == 1


# -- the cache


def entries(folder: Path) -> list[Path]:
    return sorted((folder / FOLDER).glob("*.json"))


def test_a_second_run_takes_what_the_first_has_kept(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    check(tree, "service/orders.py")
    [entry] = entries(tree)
    assert (tree / FOLDER / ".gitignore").read_text(encoding="utf-8") == "*\n"
    kept = json.loads(entry.read_text(encoding="utf-8").split("\n")[1])
    cache = Cache(tree, ())
    cache.add("service/orders.py", kept["service/orders.py"][0], [Result("AIG014", 1, 0, "kept", None, None)])
    cache.write()
    assert check(tree, "service/orders.py").out == "service/orders.py:1:1: AIG014 kept\n"


def damaged(text: str) -> str:
    """A part of the cache that is whole, and holds what nobody has written."""
    return f"{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}\n{text}"


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[:-2],
        lambda text: text.replace("AIG014", "AIG015"),
        lambda text: text.split("\n")[0] + "\n[]",
        lambda text: damaged("[]"),
        lambda text: damaged('{"service/orders.py": 1}'),
        lambda text: damaged('{"service/orders.py": ["", [[]]]}'),
        lambda text: "\udcff" + text,
    ],
)
def test_a_damaged_entry_is_made_anew(tree: Path, damage: object) -> None:
    first = check(tree, "service/orders.py")
    [entry] = entries(tree)
    whole = entry.read_text(encoding="utf-8")
    assert callable(damage)
    entry.write_text(damage(whole), encoding="utf-8", errors="surrogateescape")
    second = check(tree, "service/orders.py")
    assert (second.out, second.err) == (first.out, first.err)
    assert entry.read_text(encoding="utf-8") == whole


def test_what_an_entry_depends_on(tmp_path: Path) -> None:
    cache, others = Cache(tmp_path, ("settings",)), Cache(tmp_path, ("other",))
    result = [Result("AIG014", 3, 0, "text", "line\n", "S113")]
    key = cache.key("a.py", b"content")
    cache.add("a.py", key, result)
    cache.write()
    assert Cache(tmp_path, ("settings",)).read("a.py", key) == result
    assert Cache(tmp_path, ("settings",)).read("./a.py", key) == result
    cache = Cache(tmp_path, ())
    for other in (
        cache.key("a.py", b"changed"),
        cache.key("b.py", b"content"),
        others.key("a.py", b"content"),
    ):
        assert other != key
        assert cache.read("a.py", other) is None
    assert cache.read("b.py", key) is None


def test_an_entry_of_another_version_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path, ())
    key = cache.key("a.py", b"")
    cache.add("a.py", key, [])
    cache.write()
    assert Cache(tmp_path, ()).read("a.py", Cache(tmp_path, ()).key("a.py", b"")) == []
    for name, value in (("flake8.__version__", "0"), ("sys.version", "4.0")):
        with monkeypatch.context() as patched:
            patched.setattr(name, value)
            other = Cache(tmp_path, ())
            assert other.read("a.py", other.key("a.py", b"")) is None
    monkeypatch.setattr("flake8_aiguard.cache._PACKAGE", str(tmp_path))
    other = Cache(tmp_path, ())
    assert other.read("a.py", other.key("a.py", b"")) is None, "the rules are others"


def test_settings_and_contents_count(tree: Path) -> None:
    assert check(tree, "service").codes.count("AIG014") == 3
    (tree / "service" / "orders.py").write_text("", encoding="utf-8")
    assert check(tree, "service").codes.count("AIG014") == 2
    assert check(tree, "--disable-noqa", "service").codes.count("AIG014") == 5
    (tree / "pyproject.toml").write_text("[tool.aiguard]\ntests = []\n", encoding="utf-8")
    assert "AIG019" in check(tree, "tests").codes


def test_what_stands_beside_a_file_counts(tree: Path) -> None:
    (tree / "pyproject.toml").write_text(
        '[tool.aiguard]\nadr-dir = "adr"\nrule-dirs = ["lint"]\ngates = "all"\n', encoding="utf-8"
    )
    rule = "id: no-secret\nlanguage: sql\nmessage: no secrets\nrule: {kind: select, regex: secret}\n"
    write(
        tree,
        {
            "adr/0001-first.md": "",
            "lint/secret.yml": rule,
            "service/limit.py": "import time\n\ntime.sleep(17)  # ADR-12\n",
            "service/text.py": "def f(cursor):\n    cursor.execute('SELECT secret FROM orders')\n",
        },
    )
    paths = ("service/limit.py", "service/text.py")
    first = check(tree, *paths)
    assert first.codes == ["AIG016", "AIG029"]
    assert check(tree, *paths).out == first.out
    (tree / "adr" / "0012-pause.md").touch()
    assert check(tree, *paths).codes == ["AIG029"]
    (tree / "lint" / "secret.yml").write_text(rule.replace("regex: secret", "regex: other"), encoding="utf-8")
    assert check(tree, *paths).codes == []


def test_the_packages_of_the_extra_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.metadata

    from flake8_aiguard.astgrep import languages

    assert None not in languages.installed()
    with monkeypatch.context() as patched:
        patched.setattr(importlib.metadata.Distribution, "from_name", classmethod(missing))
        assert languages.installed() == (None, None, None)


def missing(cls: type, name: str) -> None:
    """No distribution is there."""
    import importlib.metadata

    raise importlib.metadata.PackageNotFoundError(name)


def test_only_what_has_an_entry_is_read_to_look_it_up(tmp_path: Path) -> None:
    first, name = Cache(tmp_path, ()), "a.py"
    assert not first.has(name)
    first.add(name, first.key(name, b"x"), [])
    first.write()
    later = Cache(tmp_path, ())
    assert [later.has(name), later.has("b.py")] == [True, False]
    assert later.read(name, later.key(name, b"x")) == []
    assert later.read(name, later.key(name, b"y")) is None


def test_without_a_cache_nothing_is_written(tree: Path) -> None:
    assert check(tree, "--no-cache", ".").status == 1
    assert not (tree / FOLDER).exists()


def test_where_nothing_can_be_written_the_run_goes_on(tree: Path) -> None:
    (tree / FOLDER).write_text("a file in the way", encoding="utf-8")
    run = check(tree, "service/orders.py")
    assert run.codes == ["AIG014"]
    assert run.err.startswith(f"flake8-aiguard: {FOLDER}: ")
    assert run.err.endswith("results are not kept for the next run\n")


def test_runs_at_the_same_time(tree: Path) -> None:
    command = [sys.executable, "-m", "flake8_aiguard", "check", "--jobs=2", "."]
    runs = [
        subprocess.Popen(
            command, cwd=tree, env=harness.environment(), stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        for _ in range(3)
    ]
    outputs = {run.communicate()[0] for run in runs}
    assert outputs == {check(tree, ".").out}
    assert not [name for name in os.listdir(tree / FOLDER) if name.endswith(".partial")]


def test_entries_of_other_runs_stay_and_those_of_deleted_files_go(tmp_path: Path) -> None:
    one, other = Cache(tmp_path, ()), Cache(tmp_path, ())
    names = [f"m{number}.py" for number in range(100)]
    for name in names:
        (tmp_path / name).touch()
        one.read(name, "")  # both know that nothing is kept
        other.read(name, "")
    for number, name in enumerate(names):
        (one if number % 2 else other).add(name, one.key(name, b""), [])
    one.write()
    other.write()
    assert len(entries(tmp_path)) == 16
    assert [name for name in names if Cache(tmp_path, ()).read(name, one.key(name, b"")) is None] == []
    (tmp_path / "m0.py").unlink()
    for name in names[1:]:
        other.add(name, one.key(name, b""), [])
    other.write()
    assert Cache(tmp_path, ()).read("m0.py", one.key("m0.py", b"")) is None


@pytest.mark.parametrize("name", ["--no-cache", "--jobs=1"])
def test_results_are_those_of_the_bytes_that_were_read(tree: Path, name: str) -> None:
    text = "# -*- coding: latin-1 -*-\n" + CALL.replace("')", "\xe4')  # \x0c\x85")
    (tree / "service" / "latin.py").write_bytes(text.encode("latin-1").replace(b"\n", b"\r\n"))
    (tree / "service" / "unknown.py").write_bytes(b"# coding: nothing\n" + CALL.encode())
    (tree / "service" / "wrong.py").write_bytes(CALL.encode() + b"# \xff\n")
    (tree / "service" / "mark.py").write_bytes(b"\xef\xbb\xbf" + CALL.encode())
    wanted = [
        item for item in harness.flake8(tree, "service").reported if item.code.startswith(("AIG", "E9"))
    ]
    assert check(tree, name, "service").reported == wanted
    assert len([item for item in wanted if item.code == "AIG014"]) >= 4


def test_a_stopped_run_keeps_what_it_has_done(tree: Path) -> None:
    script = (
        "import sys\nfrom flake8_aiguard import onefile\nfrom flake8_aiguard.cli import main\n"
        "real = onefile.checked\n"
        "def stopped(filename, *arguments, **named):\n"
        "    if 'orders' in filename:\n        raise KeyboardInterrupt\n"
        "    return real(filename, *arguments, **named)\n"
        "onefile.checked = stopped\n"
        "sys.exit(main(['check', '--jobs=1', 'service/broken.py', 'service/orders.py', 'service/quiet.py']))\n"
    )
    run = started(tree, script)
    assert (run.status, run.out, run.err) == (2, "", "flake8-aiguard: stopped; nothing was reported\n")
    kept = [name for entry in entries(tree) for name in json.loads(entry.read_text().split("\n")[1])]
    assert kept == ["service/broken.py"]


# -- start-up


def test_a_run_on_kept_results_imports_no_rule(tree: Path) -> None:
    script = (
        "import sys\nfrom flake8_aiguard.cli import main\n"
        "status = main(['check', 'service', 'per_file'])\n"
        "print('loaded:', *sorted(name for name in sys.modules))\nsys.exit(status)\n"
    )
    cold, warm = started(tree, script), started(tree, script)
    before, *_ = cold.out.partition("loaded:")
    assert (warm.status, warm.err) == (cold.status, cold.err) == (1, "")
    assert warm.out.startswith(f"{before}loaded: ")
    loaded = set(warm.out.rpartition("loaded:")[2].split())
    assert "flake8_aiguard.runner" in loaded
    assert not [name for name in loaded if name.startswith("flake8_aiguard.rules.")]
    needless = {
        *(
            "flake8_aiguard.formats",
            "flake8_aiguard.index",
            "flake8_aiguard.module",
            "flake8_aiguard.onefile",
        ),
        *("flake8_aiguard.workers", "flake8_aiguard.astgrep.scan", "ast_grep_py", "yaml", "tomllib", "tomli"),
    }
    assert loaded & needless == set()


WITHOUT_EXTRA = (
    "import sys\nsys.modules['ast_grep_py'] = None\nfrom flake8_aiguard.cli import main\n"
    "sys.exit(main(['check', '--jobs=2', '.']))\n"
)


def test_without_the_extra_it_says_once_what_it_did_not_look_at(tree: Path) -> None:
    wanted = check(tree, "--no-scan", ".").out
    assert (started(tree, WITHOUT_EXTRA).out, started(tree, WITHOUT_EXTRA).err) == (wanted, "")
    (tree / "service" / "rows.sql").write_text("DELETE FROM rows;\n", encoding="utf-8")
    run = started(tree, WITHOUT_EXTRA)
    assert (run.status, run.out) == (1, wanted)
    [line] = run.err.splitlines()
    assert line.startswith(
        "flake8-aiguard: SQL and configuration were not looked at: ast_grep_py is not installed;"
    )
