"""Renders the pages of the rules and settings, and tells whether the committed ones are current."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flake8_aiguard import catalog, settings
from flake8_aiguard.checker import Checker
from flake8_aiguard.errors import MisuseError
from flake8_aiguard.files import write_whole

if TYPE_CHECKING:
    from flake8_aiguard.astgrep.rulefiles import Rule

BEGIN, END = "<!-- rules: begin -->", "<!-- rules: end -->"
SCAN_BEGIN, SCAN_END = "<!-- scan rules: begin -->", "<!-- scan rules: end -->"
_SCAN_NOTICE = "<!-- Written by `flake8-aiguard docs`; edit the rule's YAML. -->"
_SECTIONS = ("Why:", "Bad::", "Good::", "Limits:")
_NOTICE = "<!-- Written by `flake8-aiguard docs`; edit the rule's docstring. -->"


class DocsError(MisuseError):
    """A docstring or page lacks what the rendering needs; the text names place and remedy."""


@dataclass(frozen=True, slots=True)
class Sections:
    """What a rule's docstring says, section by section; ``bad`` and ``good`` are Python source."""

    summary: str
    why: str
    bad: str
    good: str
    limits: str


def sections(rule: type[Checker]) -> Sections:
    """Split a rule's docstring: summary, ``Why:``, ``Bad::``, ``Good::``, ``Limits:``.

    Raises:
        DocsError: a section is missing, empty, twice or out of order.
    """
    blocks: dict[str, list[str]] = {"": []}
    current = ""
    for line in inspect.cleandoc(rule.__doc__ or "").splitlines():
        header = next((name for name in _SECTIONS if line.startswith(name)), None)
        if header is None:
            blocks[current].append(line)
            continue
        if header in blocks:
            raise _error(rule, f"'{header}' stands twice")
        current = header
        blocks[current] = [line[len(header) :].strip()]
    if tuple(blocks) != ("", *_SECTIONS):
        found = " ".join(name for name in blocks if name) or "none"
        raise _error(rule, f"expected the sections {' '.join(_SECTIONS)} in this order; found {found}")
    for name, lines in blocks.items():
        if not any(line.strip() for line in lines):
            raise _error(rule, f"'{name}' is empty" if name else "the summary is missing")
    for name in ("Bad::", "Good::"):
        if any(line[:1].strip() for line in blocks[name]):
            raise _error(rule, f"the code below '{name}' must be indented, with no text beside the header")
    # docstrings mark code as reStructuredText does, the pages are Markdown
    prose = {
        name: inspect.cleandoc("\n".join(blocks[name])).replace("``", "`") for name in ("", "Why:", "Limits:")
    }
    if "\n" in prose[""]:
        raise _error(rule, "the summary must be one line")
    code = {name: textwrap.dedent("\n".join(blocks[name])).strip("\n") for name in ("Bad::", "Good::")}
    return Sections(prose[""], prose["Why:"], code["Bad::"], code["Good::"], prose["Limits:"])


def _error(rule: type[Checker], problem: str) -> DocsError:
    return DocsError(f"{rule.__module__}.{rule.__qualname__}: docstring: {problem}")


def page_name(rule: type[Checker]) -> str:
    """Return the file name of a rule's page, e.g. ``aig014-missing-timeout.md``."""
    return f"{rule.code.lower()}-{rule.slug}.md"


def settings_of(rule: type[Checker]) -> tuple[str, ...]:
    """Return the keys of all settings that change what a rule reports; ``vendored`` holds for every rule alike."""
    shared = (
        ("gates", rule.gate),
        ("tests", not rule.in_tests),
        ("defer-to-ruff", rule.ruff != Checker.ruff),
    )
    return (*rule.settings, *(key for key, touches in shared if touches and key not in rule.settings))


def page(rule: type[Checker]) -> str:
    """Render the page of one rule as Markdown.

    Raises:
        DocsError: the rule's docstring lacks a section.
    """
    text = sections(rule)
    keys = ", ".join(f"`{key}`" for key in settings_of(rule))
    configure = f"{keys}: see [settings](../settings.md)." if keys else "none."
    return f"""\
# {rule.code} {rule.slug}

{text.summary}

- Code: `{rule.code}`
- Slug: `{rule.slug}`
- Severity: {rule.severity}
- Since: {rule.since}
- Default: {catalog.default(rule)}

**Why:** {text.why}

**Bad:**

```python
{text.bad}
```

**Good:**

```python
{text.good}
```

**Limits:** {text.limits}

**Ruff:** {rule.ruff}

**Settings:** {configure}
"""


def scan_page_name(rule: Rule) -> str:
    """Return the file name of the page of a rule of ``scan``."""
    return f"{rule.code.lower()}-{rule.slug}.md"


def scan_page(group: Sequence[Rule]) -> str:
    """Render the page of a rule of ``scan`` as Markdown.

    Args:
        group: the rule for each of its languages; the first says what it is about.
    """
    first = group[0]
    examples = "\n".join(
        f"**{title}** ({rule.language}):\n\n```{rule.language}\n{rule.metadata[key].strip()}\n```\n"
        for rule in group
        for title, key in (("Bad", "bad"), ("Good", "good"))
    )
    example = "--extend-select" if first.is_opt_in else "--select"
    mark = {"sql": "--"}.get(first.language, "#")
    return f"""\
# {first.code} {first.slug}

{first.metadata["summary"]}

- Code: `{first.code}`
- Slug: `{first.slug}`
- Languages: {", ".join(rule.language for rule in group)}
- Severity: {first.severity}
- Since: {first.metadata["since"]}
- Default: {catalog.scan_default(first)}
- Fix: {"`flake8-aiguard scan --fix` writes it" if first.fix else "none"}

**Message:** {first.message}.

**Why:** {first.note}

{examples}
**Limits:** {first.metadata["limits"]}

**Run:** `flake8-aiguard scan {example} {first.code} PATH`; `{mark} noqa: {first.code}` and a reason, behind the first line of the
finding or alone above it, silences one.

**Settings:** `scan-select`, `scan-ignore`, `scan-extend-select`: see [settings](../settings.md).
"""


def scan_table(prefix: str) -> str:
    """Render the table of the rules of ``scan``; ``prefix`` leads from the table's file to the rule pages."""
    rows = [
        f"| [{first.code}]({prefix}{scan_page_name(first)}) | {first.slug} | {_cell(first.metadata['summary'])} "
        f"| {', '.join(rule.language for rule in group)} | {catalog.scan_default(first)} |"
        for group in catalog.scan_rules().values()
        for first in group[:1]
    ]
    return "\n".join(["| Code | Slug | Reports | In | Default |", "|---|---|---|---|---|", *rows]) + "\n"


def table(prefix: str) -> str:
    """Render the table of all rules; ``prefix`` leads from the table's file to the rule pages."""
    rows = [
        f"| [{rule.code}]({prefix}{page_name(rule)}) | {rule.slug} | {_cell(sections(rule).summary)} "
        f"| {catalog.default(rule)} |"
        for rule in catalog.rules()
    ]
    return "\n".join(["| Code | Slug | Reports | Default |", "|---|---|---|---|", *rows]) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def insert_table(readme: str, text: str, begin: str = BEGIN, end: str = END) -> str:
    """Return the README with a table between its two markers.

    Raises:
        DocsError: the markers are missing, repeated or in the wrong order.
    """
    parts = re.split(f"({re.escape(begin)}|{re.escape(end)})", readme)
    if parts[1::2] != [begin, end]:
        raise DocsError(f"README.md: expected one line {begin!r} and after it one line {end!r}")
    parts[2] = f"\n\n{text}\n"
    return "".join(parts)


def render(root: Path) -> dict[Path, str | None]:
    """Render every page of a checkout.

    Args:
        root: the checkout's folder.

    Returns:
        The text by path; ``None`` for a page whose rule is gone.

    Raises:
        DocsError: a docstring lacks a section, or the README its markers.
        ScanError: the extra ``sql``, which reads the rules of ``scan``, is missing.
    """
    folder, readme = root / "docs" / "rules", root / "README.md"
    if not readme.is_file():
        raise DocsError(f"README.md: missing; write one with the lines {BEGIN!r} and {END!r}")
    pages: dict[Path, str | None] = dict.fromkeys(sorted(folder.glob("aig*.md")))
    pages |= {folder / page_name(rule): f"{_NOTICE}\n\n{page(rule)}" for rule in catalog.rules()}
    pages |= {
        folder / scan_page_name(group[0]): f"{_SCAN_NOTICE}\n\n{scan_page(group)}"
        for group in catalog.scan_rules().values()
    }
    pages[folder / "README.md"] = (
        f"{_NOTICE}\n\n# Rules\n\n{table('')}\n## SQL and configuration: `flake8-aiguard scan`\n\n{scan_table('')}"
    )
    pages[root / "docs" / "settings.md"] = settings.render_docs()
    text = insert_table(readme.read_text(encoding="utf-8"), table("docs/rules/"))
    pages[readme] = insert_table(text, scan_table("docs/rules/"), SCAN_BEGIN, SCAN_END)
    return pages


def stale(pages: Mapping[Path, str | None]) -> list[Path]:
    """Return the paths whose file on disk differs from the rendered page, in order."""

    def on_disk(path: Path) -> str | None:
        return path.read_text(encoding="utf-8") if path.is_file() else None

    return sorted(path for path, text in pages.items() if on_disk(path) != text)


def write(pages: Mapping[Path, str | None], paths: Iterable[Path]) -> None:
    """Write these pages, and remove those whose rule is gone."""
    for path in paths:
        text = pages[path]
        if text is None:
            path.unlink()
        else:
            write_whole(path, text)
