"""Renders the pages of the rules and settings, and tells whether the committed ones are current."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from flake8_aiguard import catalog, settings
from flake8_aiguard.checker import Checker
from flake8_aiguard.files import write_whole

BEGIN, END = "<!-- rules: begin -->", "<!-- rules: end -->"
_SECTIONS = ("Why:", "Bad::", "Good::", "Limits:")
_NOTICE = "<!-- Written by `flake8-aiguard docs`; edit the rule's docstring. -->"


class DocsError(Exception):
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


def insert_table(readme: str) -> str:
    """Return the README with the table of rules between its two markers.

    Raises:
        DocsError: the markers are missing, repeated or in the wrong order.
    """
    parts = re.split(f"({re.escape(BEGIN)}|{re.escape(END)})", readme)
    if parts[1::2] != [BEGIN, END]:
        raise DocsError(f"README.md: expected one line {BEGIN!r} and after it one line {END!r}")
    parts[2] = f"\n\n{table('docs/rules/')}\n"
    return "".join(parts)


def render(root: Path) -> dict[Path, str | None]:
    """Render every page of a checkout.

    Args:
        root: the checkout's folder.

    Returns:
        The text by path; ``None`` for a page whose rule is gone.

    Raises:
        DocsError: a docstring lacks a section, or the README its markers.
    """
    folder, readme = root / "docs" / "rules", root / "README.md"
    if not readme.is_file():
        raise DocsError(f"README.md: missing; write one with the lines {BEGIN!r} and {END!r}")
    pages: dict[Path, str | None] = dict.fromkeys(sorted(folder.glob("aig*.md")))
    pages |= {folder / page_name(rule): f"{_NOTICE}\n\n{page(rule)}" for rule in catalog.rules()}
    pages[folder / "README.md"] = f"{_NOTICE}\n\n# Rules\n\n{table('')}"
    pages[root / "docs" / "settings.md"] = settings.render_docs()
    pages[readme] = insert_table(readme.read_text(encoding="utf-8"))
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
