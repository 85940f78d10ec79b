"""Writes the first version of a new rule: a small working one, for its author to replace."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

import flake8_aiguard
from flake8_aiguard import catalog
from flake8_aiguard.errors import MisuseError
from flake8_aiguard.files import write_whole

_ENTRY_POINTS: Final = '[project.entry-points."flake8.extension"]'
_ADDED: Final = r"## \[Unreleased\]\n(?:(?!## ).*\n)*?### Added"

_RULE: Final = Template('''\
"""$code $slug."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from flake8_aiguard.checker import Checker, Finding


class $name(Checker):
    """Call of ``legacy.$function``, the example that a new rule starts from.

    Why: say what breaks, when, and why nobody notices before.

    Bad::

        import legacy

        legacy.$function("x")

    Good::

        import modern

        modern.$function("x")

    Limits: does not follow the function through other variables or containers.
    """

    code = "$code"
    slug = "$slug"
    since = "$version"
    severity = "warning"
    message = "{call}() is what $slug stands for; call modern.$function()"
    triggers = ("$function",)

    def call_names(self) -> Collection[str]:
        """Return the last identifiers of the calls to look at."""
        return ("$function",)

    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        """Yield a finding for a call of the function, by its resolved name."""
        if self.module.qualname(node.func) == "legacy.$function":
            yield from self.found(node, call="legacy.$function")
''')

_FIXTURE: Final = Template("""\
import legacy
import legacy as old
import modern
from legacy import $function
from legacy import $function as renamed

legacy.$function("module attribute")  # $code: legacy.$function
old.$function("module under another name")  # $code
$function("imported function")  # $code
renamed("imported function under another name")  # $code


def nested():
    legacy.$function("in a function")  # $code
    return [legacy.$function(item) for item in "ab"]  # $code


modern.$function("another module")  # ok: the function that the rule recommends
callback = legacy.$function  # ok: passed on, not called
text = "legacy.$function()"  # ok: text, not a call
nested().$function("method")  # ok: names are not resolved through a call


def shadowed_by_parameter(legacy):
    legacy.$function("parameter")  # ok: the parameter hides the module


def shadowed_by_assignment():
    $function = print
    $function("local")  # ok: the local name hides the import
""")

_STEPS: Final = Template("""\
Next:
1. Write the rule: $rule
   Replace the example: docstring, message, triggers, and what visit_* finds.
   Give `ruff` and `settings` where they apply.
2. Write its fixtures: $fixture
   Mark what must be reported, and give near misses with their reason; split into several files as it grows.
3. Say in CHANGELOG.md what the rule reports, and show it in examples/.
4. Run `flake8-aiguard docs`, then `pip install -e .` again (a new entry point), then the tests.
""")


class ScaffoldError(MisuseError):
    """The new rule cannot be written; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The files to write, and the steps that are left to the author."""

    code: str
    files: dict[Path, str]
    steps: str


def checkout(start: Path) -> Path:
    """Return the source checkout around a folder.

    Raises:
        ScaffoldError: there is none, or another installation than the checkout's own is running.
    """
    for folder in (start, *start.parents):
        pyproject = folder / "pyproject.toml"
        if pyproject.is_file() and '\nname = "flake8-aiguard"\n' in pyproject.read_text(encoding="utf-8"):
            break
    else:
        raise ScaffoldError(
            f"{start}: not in a source checkout of flake8-aiguard; clone it and run this there"
        )
    running = Path(flake8_aiguard.__file__).resolve().parent
    if running != (folder / "flake8_aiguard").resolve():
        raise ScaffoldError(
            f"{folder}: the running flake8-aiguard is {running}, not this checkout's; "
            "run `pip install -e .` in the checkout first"
        )
    return folder


def plan(root: Path, slug: str, code: str | None = None) -> Plan:
    """Work out what a new rule consists of, without writing anything.

    Args:
        root: the source checkout.
        slug: the rule's slug: lower-case words joined by hyphens, two or more.
        code: the code to take; the lowest free one where it is not given.

    Raises:
        ScaffoldError: the slug or code is malformed or taken, or a file lacks the place for its new line.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)+", slug):
        raise ScaffoldError(
            f"slug {slug!r}: expected two or more lower-case words joined by hyphens, e.g. missing-timeout"
        )
    taken = {rule.code: rule.slug for rule in catalog.rules()}
    if slug in taken.values():
        raise ScaffoldError(
            f"slug {slug!r}: another rule has it; `flake8-aiguard explain {slug}` shows that one"
        )
    code = _free_code(taken) if code is None else _checked_code(code.upper(), taken)
    identifier = slug.replace("-", "_")
    names = {
        "code": code,
        "slug": slug,
        "name": "".join(word.capitalize() for word in slug.split("-")),
        "function": identifier,
        "version": flake8_aiguard.__version__,
    }
    module = f"{code.lower()}_{identifier}"
    rule = root / "flake8_aiguard" / "rules" / f"{module}.py"
    fixture = root / "tests" / "fixtures" / code / f"{identifier}.py"
    pyproject, changelog = root / "pyproject.toml", root / "CHANGELOG.md"
    entry = f'{code} = "flake8_aiguard.rules.{module}:{names["name"]}"'
    return Plan(
        code=code,
        files={
            rule: _RULE.substitute(names),
            fixture: _FIXTURE.substitute(names),
            pyproject: _insert(pyproject, re.escape(_ENTRY_POINTS), _ENTRY_POINTS, entry),
            changelog: _insert(changelog, _ADDED, "[Unreleased], Added", f"- {code} {slug}."),
        },
        steps=_STEPS.substitute(rule=rule.relative_to(root), fixture=fixture.relative_to(root)),
    )


def write(plan: Plan) -> None:
    """Write the files of a plan.

    Raises:
        ScaffoldError: a rule or fixture file stands there already.
    """
    for path in plan.files:
        if path.suffix == ".py" and path.exists():
            raise ScaffoldError(f"{path}: exists already; move it away or take another slug")
    for path, text in plan.files.items():
        write_whole(path, text)


def _free_code(taken: dict[str, str]) -> str:
    codes = (f"AIG{number:03}" for number in range(1, 100))
    free = next((code for code in codes if code not in taken and code not in catalog.RETIRED), None)
    if free is None:
        raise ScaffoldError("no code is free between AIG001 and AIG099")
    return free


def _checked_code(code: str, taken: dict[str, str]) -> str:
    if not re.fullmatch(r"AIG0[0-9]{2}", code) or code == "AIG000":
        raise ScaffoldError(f"code {code!r}: expected one between AIG001 and AIG099")
    if code in taken:
        raise ScaffoldError(f"code {code}: taken by {taken[code]}; leave out --code to get a free one")
    if code in catalog.RETIRED:
        raise ScaffoldError(f"code {code}: retired ({catalog.RETIRED[code]}); codes are never given twice")
    return code


def _insert(path: Path, header: str, where: str, line: str) -> str:
    """Return the file's text with a line added to the section below a header, in order of the codes.

    Args:
        path: the file.
        header: a regular expression for the lines that lead to the section.
        where: the section's name for the error message.
        line: the new line.

    Raises:
        ScaffoldError: the file or the section is missing.
    """
    text = path.read_text(encoding="utf-8").rstrip("\n") + "\n" if path.is_file() else ""
    section = re.search(rf"^{header}\n(?P<body>(?:(?![\[#]).*\n)*)", text, re.MULTILINE)
    if section is None:
        raise ScaffoldError(f"{path}: the section {where} is missing; add it and run this again")
    body = section["body"].rstrip("\n").splitlines()
    prefix = line[: line.index("AIG") + len("AIG")]
    later = (at for at, old in enumerate(body) if old.startswith(prefix) and old > line)
    body.insert(next(later, len(body)), line)
    if line.startswith("-") and body[0]:
        body.insert(0, "")
    rest = text[section.end() :]
    return text[: section.start("body")] + "\n".join(body) + ("\n\n" if rest else "\n") + rest
