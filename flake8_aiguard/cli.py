"""The command ``flake8-aiguard``: run, list, explain, document and start rules, and scan what is no Python.

Exit codes: 0 done, 1 something to act on, 2 misuse. What only one command needs is imported there: `check` runs on every commit.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flake8_aiguard
from flake8_aiguard.errors import MisuseError

if TYPE_CHECKING:
    from flake8_aiguard.astgrep.rulefiles import Rule
    from flake8_aiguard.checker import Checker

_FORMATS = ("agent", "github", "gitlab", "json", "sarif", "text")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: the arguments; those of the process where it is ``None``.

    Returns:
        The exit code: 0 done, 1 something to act on, 2 misuse.

    Raises:
        SystemExit: the arguments are malformed (2), or ask for help or version (0).
    """
    given = list(sys.argv[1:] if argv is None else argv)
    # What follows these is flake8's: its parser knows the options of the configured formatters.
    if given[:1] in (["check"], ["baseline"]):
        arguments = argparse.Namespace(command=_check if given[0] == "check" else _baseline, given=given[1:])
    else:
        arguments = _parser().parse_args(given)
    command: Callable[[argparse.Namespace], int] = arguments.command
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal without UTF-8 still gets the page
    try:
        code = command(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, e.g. `head`, has seen enough
        _drop_output()
        return 0
    except (MisuseError, OSError) as error:
        print(f"flake8-aiguard: {error}", file=sys.stderr)
        try:
            sys.stdout.flush()
        except OSError:  # a full disk behind it
            _drop_output()
        return 2
    except KeyboardInterrupt:
        print("flake8-aiguard: stopped", file=sys.stderr)
        return 2
    return code


def _drop_output() -> None:
    """What is still in the buffer goes nowhere, and Python does not complain about it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="flake8-aiguard",
        description="Companion of the flake8 plugin: runs, lists, explains, documents and starts its rules; scans SQL "
        "and configuration.",
        epilog="Exit codes: 0 done, 1 something to act on, 2 misuse.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {flake8_aiguard.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    commands.add_parser(
        "check", add_help=False, help="check code with these rules alone; takes the options of flake8"
    )
    commands.add_parser(
        "baseline", add_help=False, help="accept the findings of today, so that new ones alone are reported"
    )

    diagnosis = commands.add_parser(
        "doctor", help="find what in the project's configuration silences or deletes findings"
    )
    diagnosis.add_argument(
        "paths", nargs="*", default=["."], metavar="PATH", help="where to look at comments (default: .)"
    )
    diagnosis.set_defaults(command=_doctor)

    hook = commands.add_parser(
        "hook",
        help="tell a coding agent what its last change broke",
        description="Checks the changed lines of the files that an agent has edited: findings on stderr and exit code 2, "
        "silence and 0 without; 1 where the check could not be made.",
    )
    hook.add_argument(
        "agent",
        choices=("claude-code", "generic"),
        help="claude-code: reads its event from stdin; generic: takes the files as arguments",
    )
    hook.add_argument("paths", nargs="*", metavar="PATH", help="the edited files, for generic")
    hook.add_argument(
        "--time-limit", type=float, default=10.0, metavar="SECONDS", help="give up after that (default: 10)"
    )
    hook.set_defaults(command=_hook)

    listing = commands.add_parser("rules", help="list all rules, or the code that is tagged as generated")
    listing.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    listing.add_argument(
        "--generated",
        nargs="+",
        metavar="PATH",
        help="instead of the rules, list the files, classes and functions tagged @generated(...) "
        "with model, task and confidence",
    )
    listing.set_defaults(command=_rules)

    explain = commands.add_parser("explain", help="print the page of one rule")
    explain.add_argument("rule", metavar="CODE", help="code or slug, e.g. AIG014 or missing-timeout")
    explain.set_defaults(command=_explain)

    pages = commands.add_parser("docs", help="write the pages of a source checkout from its rules")
    pages.add_argument(
        "--check", action="store_true", help="write nothing; list pages that differ and exit 1"
    )
    pages.set_defaults(command=_docs)

    scan = commands.add_parser(
        "scan",
        help="check SQL, YAML, JSON, HCL and shell files",
        description="Checks SQL and configuration with the ast-grep rules of the package and of `rule-dirs`. Folders are "
        "searched for files that git does not ignore, hidden ones included; in tests, fixtures and vendored files only rules "
        "of your own look, unless the file itself is named. Exit codes: 0 clean, 1 findings, 2 misuse.",
    )
    scan.add_argument(
        "paths", nargs="*", default=["."], metavar="PATH", help="files and folders (default: .)"
    )
    scan.add_argument(
        "--format",
        choices=("text", "json", *(f"aiguard-{name}" for name in _FORMATS)),
        default="text",
        metavar="FORMAT",
        help="text (default), json, or one of those of check: "
        + ", ".join(f"aiguard-{name}" for name in _FORMATS),
    )
    scan.add_argument("--output-file", metavar="FILE", help="replace this file instead of printing")
    for option, text in (
        ("--select", "report these rules only, by code or its beginning, separated by commas"),
        ("--ignore", "do not report these rules"),
        ("--extend-select", "report these rules, too: the opt-in ones"),
    ):
        scan.add_argument(option, action="append", metavar="CODES", help=text)
    scan.add_argument(
        "--fix", action="store_true", help="write the safe fixes, which are otherwise shown as a diff"
    )
    scan.add_argument("--jobs", type=_positive, metavar="N", help="processes (default: one for each core)")
    scan.set_defaults(command=_scan)

    new = commands.add_parser("new", help="start a new rule in a source checkout")
    new.add_argument(
        "slug", metavar="SLUG", help="names the bad pattern and reads after 'allow', e.g. missing-timeout"
    )
    new.add_argument("--code", help="the code to take (default: the lowest free one)")
    new.set_defaults(command=_new)
    return parser


def _check(arguments: argparse.Namespace) -> int:
    from flake8_aiguard import garbage

    with garbage.seldom_collected():  # the imports make more objects than a small run
        from flake8_aiguard import commands

        return commands.check(arguments.given)


def _baseline(arguments: argparse.Namespace) -> int:
    from flake8_aiguard import commands

    return commands.baseline(arguments.given)


def _doctor(arguments: argparse.Namespace) -> int:
    from flake8_aiguard import doctor

    found = list(doctor.diagnose(arguments.paths))
    for item in found:
        print(f"{item.place}: {'' if item.is_problem else 'note: '}{item.text}")
    problems = sum(item.is_problem for item in found)
    print(f"{problems} to act on" if problems else "nothing to act on")
    return int(problems > 0)


def _hook(arguments: argparse.Namespace) -> int:
    from flake8_aiguard import agents

    return agents.hook(arguments.agent, arguments.paths, arguments.time_limit)


def _record(rule: type[Checker]) -> dict[str, Any]:
    from flake8_aiguard import catalog, docs

    return {
        "code": rule.code,
        "slug": rule.slug,
        "summary": docs.sections(rule).summary,
        "default": catalog.default(rule),
        "gate": rule.gate,
        "in_tests": rule.in_tests,
        "severity": rule.severity,
        "since": rule.since,
        "message": rule.message,
        "ruff": rule.ruff,
        "settings": list(docs.settings_of(rule)),
        "page": f"docs/rules/{docs.page_name(rule)}",
    }


def _scan_record(group: Sequence[Rule]) -> dict[str, Any]:
    from flake8_aiguard import catalog, docs

    first = group[0]
    return {
        "code": first.code,
        "slug": first.slug,
        "summary": first.metadata["summary"],
        "default": catalog.scan_default(first),
        "gate": False,
        "in_tests": True,
        "severity": first.severity,
        "since": first.metadata["since"],
        "message": first.message,
        "ruff": "None.",
        "settings": ["scan-select", "scan-ignore", "scan-extend-select"],
        "page": f"docs/rules/{docs.scan_page_name(first)}",
    }


def _rules(arguments: argparse.Namespace) -> int:
    if arguments.generated is not None:
        return _generated(arguments)
    from flake8_aiguard import catalog
    from flake8_aiguard.astgrep.errors import MissingExtraError

    records = [_record(rule) for rule in catalog.rules()]
    try:
        records += [_scan_record(group) for group in catalog.scan_rules().values()]
    except MissingExtraError as error:
        print(
            f"flake8-aiguard: without the SQL and configuration rules, and AIG029 is inactive: {error}",
            file=sys.stderr,
        )
    if arguments.format == "json":
        print(json.dumps(records, indent=2))
        return 0
    _table([(record["code"], record["slug"], record["default"], record["summary"]) for record in records])
    return 0


def _generated(arguments: argparse.Namespace) -> int:
    """List the tagged code; a value that is missing shows as ``-``, one that cannot be read as ``?``."""
    from flake8_aiguard import inventory

    found = []
    for item in inventory.tagged(arguments.generated):
        if isinstance(item, str):
            print(f"flake8-aiguard: {_one_line(item)}", file=sys.stderr)
        else:
            found.append(item)
    if arguments.format == "json":
        print(json.dumps([dataclasses.asdict(item) for item in found], indent=2))
        return 0
    rows = []
    for item in found:
        said = {"model": item.model, "task_id": item.task_id, "confidence": item.confidence}
        unsaid = {key: "?" if key in item.unreadable else "-" for key in said}
        shown = (unsaid[key] if value is None else str(value) for key, value in said.items())
        what = item.kind if item.name is None else f"{item.kind} {item.name}"
        rows.append((f"{item.path}:{item.line}", what, *shown))
    _table([tuple(map(_one_line, row)) for row in rows])
    return 0


def _one_line(text: str) -> str:
    return text if text.isprintable() else repr(text)[1:-1]


def _table(rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows with their columns aligned, but for the last one."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    for row in rows:
        print(*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1], sep="  ")


def _explain(arguments: argparse.Namespace) -> int:
    from flake8_aiguard import catalog, docs

    retired = catalog.RETIRED.get(arguments.rule.strip().upper())
    if retired is not None:
        print(f"{arguments.rule.strip().upper()} is retired: {retired}")
    elif group := catalog.find_scan_rule(arguments.rule):
        print(docs.scan_page(group), end="")
    else:
        print(docs.page(catalog.find(arguments.rule)), end="")
    return 0


def _docs(arguments: argparse.Namespace) -> int:
    from flake8_aiguard import docs, scaffold

    root = scaffold.checkout(Path.cwd())
    pages = docs.render(root)
    stale = docs.stale(pages)
    if not arguments.check:
        docs.write(pages, stale)
    for path in stale:
        print(path.relative_to(root).as_posix())
    if stale and arguments.check:
        print("flake8-aiguard: these pages differ; run `flake8-aiguard docs`", file=sys.stderr)
        return 1
    return 0


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a number from 1, not {text!r}")
    return int(text)


def _scan(arguments: argparse.Namespace) -> int:
    from flake8_aiguard import settings
    from flake8_aiguard.astgrep import languages
    from flake8_aiguard.checker import Checker
    from flake8_aiguard.frame import clear_errors

    languages.prepare()
    from flake8_aiguard.astgrep import command  # it imports the packages of the extra

    with clear_errors():
        Checker.parse_options(settings.project_options())
    formatter = None
    if arguments.format.startswith("aiguard-"):
        from flake8_aiguard import formats

        formatter = formats.made(arguments.format, arguments.output_file)
    return command.run(
        command.Request(
            paths=arguments.paths,
            settings=Checker.options,
            baseline=Checker.baseline,
            formatter=formatter,
            format=arguments.format,
            output=arguments.output_file,
            select=_codes(arguments.select),
            ignore=_codes(arguments.ignore),
            extend_select=_codes(arguments.extend_select),
            fix=arguments.fix,
            jobs=arguments.jobs,
        )
    )


def _codes(values: list[str] | None) -> tuple[str, ...] | None:
    """The codes of an option that may be given several times; ``None`` where it is not given."""
    if values is None:
        return None
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())


def _new(arguments: argparse.Namespace) -> int:
    from flake8_aiguard import scaffold

    root = scaffold.checkout(Path.cwd())
    plan = scaffold.plan(root, arguments.slug, arguments.code)
    scaffold.write(plan)
    print(
        f"{plan.code} {arguments.slug}: wrote",
        *(path.relative_to(root).as_posix() for path in plan.files),
        sep="\n  ",
    )
    print(plan.steps, end="")
    return 0
