"""Evaluates rules on one text: prefilters, matches, messages, fixes and suppressions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import ast_grep_py

from flake8_aiguard.astgrep import exemptions, languages, masking, places, recovery, suppressions
from flake8_aiguard.astgrep.rulefiles import Rule
from flake8_aiguard.astgrep.source import Source
from flake8_aiguard.regex import regex
from flake8_aiguard.results import Identity

_VARIABLE: Final = regex(r"\$\$\$([A-Z_][A-Z0-9_]*)|\$([A-Z_][A-Z0-9_]*)")
_WRITTEN: Final = 2000  # characters of a line: beyond, a program has written it
_WORD: Final = regex(r"[a-z_]\w+|::")
_LONGEST: Final = 80


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement: characters ``start`` to ``end`` of a text become ``text``."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found; lines and columns count characters from 1, the end is the place behind the last one.

    Attributes:
        code: the rule's code.
        slug: the rule's slug.
        path: the file.
        line: the first line.
        column: the first column.
        end_line: the last line.
        end_column: the column behind the last character.
        message: what happens, and what to do instead.
        severity: ``error``, ``warning`` or ``note``.
        url: where to read more; empty without.
        edit: the safe fix, ``None`` without one.
        identity: by what it is recognised when its line has moved.
    """

    code: str
    slug: str
    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    message: str
    severity: str
    url: str
    edit: Edit | None
    identity: Identity


def possible(rules: Sequence[Rule], text: str) -> list[Rule]:
    """The rules that may find something in a text, by their words and prefilters: cheap, as nothing is parsed.

    Args:
        rules: the rules.
        text: the text.
    """
    words = set(_WORD.findall(text.lower())) if any(rule.words for rule in rules) else set()
    return [
        rule
        for rule in rules
        if (not rule.words or not rule.words.isdisjoint(words))
        and (rule.prefilter is None or rule.prefilter.search(text))
    ]


def evaluate(
    text: str,
    path: str,
    language: str,
    rules: Sequence[Rule],
    *,
    whole: bool = False,
    heed: bool = True,
) -> list[Finding]:
    """Evaluate rules on a text.

    Args:
        text: the text.
        path: its file, for the findings; not read.
        language: its language.
        rules: the rules; those of other languages are passed over.
        whole: whether a text with an error has no findings, but for those of rules that look for errors.
        heed: whether comments silence findings.

    Returns:
        The findings that no comment silences, in order of their place and code.
    """
    languages.prepare()
    wanted = possible([rule for rule in rules if rule.language == language], text)
    if not wanted:
        return []
    masked = masking.mask_templates(text) if language == "sql" else text
    root = ast_grep_py.SgRoot(masked, language).root()
    matches = [(rule, node) for rule in wanted for node in root.find_all(rule.matcher(masked))]
    if language == "sql" and not whole:
        matches += _recovered(root, masked, wanted)
    if matches and whole and root.find(kind="ERROR") is not None:
        matches = [(rule, node) for rule, node in matches if rule.metadata.get("in-errors") is True]
    if matches and language == "sql":
        source = Source(text, path)
        matches = [
            (rule, node)
            for rule, node in matches
            if not (rule.is_packaged and exemptions.is_exempt(rule.code, source, *_place(node)))
        ]
    if matches and language == "json":
        lines = text.split("\n")
        matches = [
            (rule, node)
            for rule, node in matches
            if not (rule.is_packaged and len(lines[node.range().start.line]) > _WRITTEN)
        ]
    if not matches:
        return []
    silenced = suppressions.read(root, text, language) if heed else suppressions.Suppressions({}, set())
    # what the grammar reads in spite of an error is found once more in the recovered text
    found: dict[tuple[object, ...], Finding] = {}
    for rule, node in matches:
        if not silenced.cover(node.range().start.line, (rule.code, rule.id)):
            finding = _finding(rule, node, text, path)
            found.setdefault((finding.code, finding.line, finding.column, finding.message), finding)
    return sorted(found.values(), key=lambda finding: (finding.line, finding.column, finding.code))


def _recovered(
    root: ast_grep_py.SgNode, text: str, rules: Sequence[Rule]
) -> list[tuple[Rule, ast_grep_py.SgNode]]:
    """What packaged rules find in statements that another one hides from the grammar."""
    mended = recovery.mended(root, text)
    if mended is None:
        return []
    tree = ast_grep_py.SgRoot(mended, "sql").root()
    again = possible([rule for rule in rules if rule.is_packaged], mended)
    return [(rule, node) for rule in again for node in tree.find_all(rule.matcher(mended))]


def silenced(
    text: str, path: str, language: str, rules: Sequence[Rule]
) -> Iterator[tuple[suppressions.Comment, str, list[Finding]]]:
    """What the comments of a text silence.

    Args:
        text: the text.
        path: its file.
        language: its language.
        rules: the rules.

    Yields:
        Each name of each comment, with the findings that would be there without it.
    """
    languages.prepare()
    masked = masking.mask_templates(text) if language == "sql" else text
    comments = list(suppressions.comments(ast_grep_py.SgRoot(masked, language).root(), text, language))
    found = evaluate(text, path, language, rules, heed=False) if comments else []
    for comment in comments:
        for name in comment.names:
            yield comment, name, [item for item in found if comment.covers(name, item.line - 1, item.code)]


def _place(node: ast_grep_py.SgNode) -> tuple[int, int]:
    place = node.range()
    return place.start.index, place.end.index


def _finding(rule: Rule, node: ast_grep_py.SgNode, text: str, path: str) -> Finding:
    place = node.range()
    return Finding(
        code=rule.code,
        slug=rule.slug,
        path=path,
        line=place.start.line + 1,
        column=place.start.column + 1,
        end_line=place.end.line + 1,
        end_column=place.end.column + 1,
        message=" ".join(_filled(rule.message, node, text, shorten=True).split()),
        severity=rule.severity,
        url=rule.url,
        edit=_edit(rule, node, text),
        identity=places.identity(node, text, rule.language),
    )


def _edit(rule: Rule, node: ast_grep_py.SgNode, text: str) -> Edit | None:
    """The rule's fix of a match, ``None`` where it would lose a comment."""
    if rule.fix is None:
        return None
    place = node.range()
    replacement = _filled(rule.fix, node, text, shorten=False)
    for kind in languages.comment_kinds(rule.language):
        if any(comment.text() not in replacement for comment in node.find_all(kind=kind)):
            return None
    return Edit(place.start.index, place.end.index, replacement)


def _filled(template: str, node: ast_grep_py.SgNode, text: str, *, shorten: bool) -> str:
    """A template with what its metavariables matched, as it stands in the text before masking."""

    def value(name: re.Match[str]) -> str:
        several = node.get_multiple_matches(name[1]) if name[1] else []
        one = node.get_match(name[2]) if name[2] else None
        if several:
            found = text[several[0].range().start.index : several[-1].range().end.index]
        elif one is not None:
            found = text[one.range().start.index : one.range().end.index]
        else:
            found = node.get_transformed(name[1] or name[2]) or ""
        return found if not shorten or len(found) <= _LONGEST else f"{found[:_LONGEST]}..."

    return _VARIABLE.sub(value, template)


def apply(text: str, findings: Sequence[Finding]) -> str:
    """Apply the fixes of a text's findings; of two that overlap, the first.

    Args:
        text: the text that the findings are of.
        findings: the findings, in order of their place.

    Returns:
        The text after the fixes.
    """
    return "".join(_pieces(text, findings))


def _pieces(text: str, findings: Sequence[Finding]) -> Iterator[str]:
    done = 0
    for edit in sorted((f.edit for f in findings if f.edit is not None), key=lambda edit: edit.start):
        if edit.start >= done:
            yield text[done : edit.start]
            yield edit.text
            done = edit.end
    yield text[done:]
