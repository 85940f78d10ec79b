"""Reads rule files: standard ast-grep YAML, read strictly, with the fields that ast-grep-py leaves to us."""

from __future__ import annotations

import difflib
import functools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import ast_grep_py
import yaml

from flake8_aiguard.astgrep import globs, languages
from flake8_aiguard.astgrep.errors import RuleFileError
from flake8_aiguard.regex import regex

HERE: Final = Path(__file__).parent
_PACKAGED: Final = f"{HERE}{os.sep}"
_KEYS: Final = frozenset(
    {
        *("id", "language", "rule", "constraints", "utils", "transform", "fix", "severity"),
        *("message", "note", "url", "metadata", "files", "ignores", "labels", "rewriters"),
    }
)
_MATCHER_KEYS: Final = ("rule", "constraints", "transform")
_SEVERITIES: Final[Mapping[str, str]] = {
    "error": "error",
    "warning": "warning",
    "info": "note",
    "hint": "note",
    "off": "off",
}
_SLUG: Final = regex(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


_NOTHING: Final = {"regex": r"[^\s\S]"}
_pattern = functools.lru_cache(re.compile)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        id: ast-grep's id, unique among all rules.
        code: what is selected, reported and suppressed; the id without the language where one code needs a rule
            for each of several languages.
        slug: the bad pattern in words.
        language: the language of the files that it looks at.
        severity: ``error``, ``warning``, ``note`` or ``off``.
        message: the text of a finding, with metavariables.
        note: why, and what to do instead.
        url: where to read more.
        metadata: what else the file says.
        is_opt_in: whether it reports only when it is selected.
        words: a text without any of these words, whatever their case, or `::` where it is one, has no finding; empty where
            nothing is known.
        prefilter: a text in which this is not found has no finding; ``None`` where nothing is known.
        config: what ast-grep-py takes.
        fix: the replacement, with metavariables.
        files: patterns of the paths that it looks at; all where it is empty.
        ignores: patterns of the paths that it leaves out.
        origin: its file.
    """

    id: str
    code: str
    slug: str
    language: str
    severity: str
    message: str
    note: str
    url: str
    metadata: Mapping[str, Any]
    is_opt_in: bool
    words: frozenset[str]
    prefilter: re.Pattern[str] | None
    config: ast_grep_py.Config
    fix: str | None
    files: tuple[str, ...]
    ignores: tuple[str, ...]
    origin: str

    @property
    def is_packaged(self) -> bool:
        """Whether the rule is one of ours, none of the project's."""
        return self.origin.startswith(_PACKAGED)

    def matcher(self, text: str) -> ast_grep_py.Config:
        """What ast-grep-py takes for a text.

        Utility rules that look through the whole file for what is in no such text match nothing: they would ask all its
        statements for each candidate.
        """
        patterns = self.metadata.get("same-file", {}) if self.is_packaged else {}
        idle = [
            name
            for pattern, names in patterns.items()
            if not _pattern(pattern).search(text)
            for name in names
        ]
        if not idle:
            return self.config
        utils = {**self.config["utils"], **dict.fromkeys(idle, _NOTHING)}
        return cast(ast_grep_py.Config, {**self.config, "utils": utils})

    def looks_at(self, path: str) -> bool:
        """Tell whether the rule looks at a file of its language."""
        if not self.files and not self.ignores:
            return True
        if self.files and not globs.matches_any(path, self.files, above_here=True):
            return False
        return not globs.matches_any(path, self.ignores, above_here=False)


# In C where PyYAML was built with it: the rules are read once in each process, also in each flake8 worker.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """YAML as ast-grep reads it: a key stands once, and ``on`` or ``no`` are words."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        if key.tag == "tag:yaml.org,2002:merge":
            raise yaml.constructor.ConstructorError(None, None, "'<<' is no YAML of ast-grep", key.start_mark)
        if key.value in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key.value!r} stands twice", key.start_mark
            )
        seen.add(key.value)
    values: dict[Any, Any] = loader.construct_mapping(node, deep=True)
    return values


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.yaml_implicit_resolvers = {
    letter: [pair for pair in pairs if not pair[0].endswith((":bool", ":timestamp"))]
    for letter, pairs in _Loader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF")
)


@dataclass(frozen=True, slots=True)
class _Document:
    """A document of a rule file, with the lines of its keys."""

    origin: str
    line: int
    lines: Mapping[str, int]
    values: Mapping[str, Any]

    def error(self, reason: str, key: str = "") -> RuleFileError:
        return RuleFileError(f"{self.origin}:{self.lines.get(key, self.line)}: {reason}")

    def text(self, key: str, default: str | None = None) -> str:
        value = self.values.get(key, default)
        if value is None:
            raise self.error(f"{key!r} is missing")
        if not isinstance(value, str) or (default is None and not value.strip()):
            raise self.error(f"{key!r} must be text", key)
        return value.strip()

    def table(self, key: str) -> Mapping[str, Any]:
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            raise self.error(f"{key!r} must be a mapping", key)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(f"{key!r} must be a list of patterns", key)
        return tuple(value)


def _documents(path: Path) -> Iterator[_Document]:
    origin = os.path.relpath(path) if path.is_absolute() and not path.is_relative_to(HERE) else str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RuleFileError(f"{origin}:1: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RuleFileError(f"{origin}:1: is not UTF-8: {error.reason}") from error
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if not isinstance(node, yaml.MappingNode):
                line = node.start_mark.line + 1 if node else 1
                raise RuleFileError(f"{origin}:{line}: a rule is a mapping of keys to values")
            line = node.start_mark.line + 1
            values = loader.construct_document(node)
            lines = {key.value: key.start_mark.line + 1 for key, _ in node.value}
            yield _Document(origin, line, lines, values)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise RuleFileError(f"{origin}:{line}: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise RuleFileError(f"{origin}:1: is not YAML: {error}") from error
    finally:
        loader.dispose()


@functools.cache
def packaged() -> tuple[Rule, ...]:
    """Return our own rules, ordered by code and language.

    Raises:
        RuleFileError: a file does not load.
        MissingExtraError: a package of the extra is missing.
    """
    return tuple(_load(HERE / "rules", _utils(HERE / "utils")))


def load(folders: Sequence[str]) -> tuple[Rule, ...]:
    """Return our own rules and those of a project's folders.

    Args:
        folders: the setting ``rule-dirs``. A folder ``utils`` within holds global utility rules.

    Raises:
        RuleFileError: a folder does not exist, a file does not load, or an id stands twice.
        MissingExtraError: a package of the extra is missing.
    """
    found = list(packaged())
    origins = {rule.id: rule.origin for rule in found}
    for name in folders:
        folder = Path(name)
        if not folder.is_dir():
            raise RuleFileError(f"{name}: rule-dirs names a folder that does not exist")
        for rule in _load(folder, _utils(folder / "utils")):
            if rule.id in origins:
                raise RuleFileError(f"{rule.origin}:1: the id {rule.id!r} is taken by {origins[rule.id]}")
            origins[rule.id] = rule.origin
            found.append(rule)
    return tuple(found)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in (".yml", ".yaml") and path.is_file())


def _load(folder: Path, utils: Mapping[str, Mapping[str, Any]]) -> list[Rule]:
    languages.prepare()
    paths = [path for path in _files(folder) if path.relative_to(folder).parts[0] != "utils"]
    rules = [_rule(document, utils) for path in paths for document in _documents(path)]
    return sorted(rules, key=lambda rule: (rule.code, list(languages.known()).index(rule.language)))


def _utils(folder: Path) -> dict[str, Mapping[str, Any]]:
    """The global utility rules of a folder, by language and id."""
    found: dict[str, Mapping[str, Any]] = {}
    for path in _files(folder) if folder.is_dir() else ():
        for document in _documents(path):
            key = f"{_language(document)}:{document.text('id')}"
            if key in found:
                raise document.error(f"the utility rule {document.text('id')!r} stands twice", "id")
            if unknown := sorted(set(document.values) - {"id", "language", "rule"}):
                raise document.error(f"a utility rule has no {unknown[0]!r} here", unknown[0])
            found[key] = document.table("rule")
    return found


def _language(document: _Document) -> str:
    name = document.text("language")
    language = languages.named(name)
    if language is None:
        near = difflib.get_close_matches(name.lower(), languages.known(), 1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(languages.known())}"
        raise document.error(f"there is no language {name!r}; {hint}", "language")
    return language


def _rule(document: _Document, utils: Mapping[str, Mapping[str, Any]]) -> Rule:
    for key in document.values:
        if key not in _KEYS:
            near = difflib.get_close_matches(str(key), _KEYS, 1)
            raise document.error(
                f"there is no key {key!r}" + (f"; did you mean {near[0]}?" if near else ""), key
            )
    rewrites = [value for value in document.table("transform").values() if "rewrite" in str(value)]
    if "rewriters" in document.values or any(_uses_rewriters(value) for value in rewrites):
        key = "rewriters" if "rewriters" in document.values else "transform"
        raise document.error("rewriters do not work in process; write the fix without them", key)
    name, language, metadata = document.text("id"), _language(document), document.table("metadata")
    severity = document.text("severity", "hint")
    if severity not in _SEVERITIES:
        raise document.error(f"severity {severity!r} is none of {', '.join(_SEVERITIES)}", "severity")
    rule = Rule(
        id=name,
        code=str(metadata.get("code", name)),
        slug=_slug(document, metadata),
        language=language,
        severity=_SEVERITIES[severity],
        message=document.text("message", name),
        note=document.text("note", ""),
        url=document.text("url", ""),
        metadata=metadata,
        is_opt_in=metadata.get("opt-in") is True,
        words=_words(document, metadata),
        prefilter=_prefilter(document, metadata),
        config=_config(document, language, utils),
        fix=_fix(document),
        files=document.texts("files"),
        ignores=document.texts("ignores"),
        origin=document.origin,
    )
    try:
        ast_grep_py.SgRoot("", language).root().find_all(rule.config)
    except Exception as error:  # its errors share no class
        reason, *_ = str(error).split("Stack backtrace:")
        raise document.error(" ".join(reason.split()), "rule") from error
    return rule


def _uses_rewriters(transform: object) -> bool:
    return "rewrite" in transform if isinstance(transform, dict) else str(transform).startswith("rewrite(")


def _slug(document: _Document, metadata: Mapping[str, Any]) -> str:
    slug = metadata.get("slug")
    if slug is None:
        lowered = re.sub(r"[^a-z0-9]+", "-", document.text("id").lower()).strip("-")
        return lowered or "rule"
    if not isinstance(slug, str) or not _SLUG.fullmatch(slug):
        raise document.error(f"metadata.slug {slug!r} must be lower-case words joined by '-'", "metadata")
    return slug


def _words(document: _Document, metadata: Mapping[str, Any]) -> frozenset[str]:
    words = metadata.get("words", [])
    if not isinstance(words, list) or not all(
        isinstance(word, str) and (word.islower() or word == "::") for word in words
    ):
        raise document.error("metadata.words must be a list of words in lower case", "metadata")
    return frozenset(words)


def _prefilter(document: _Document, metadata: Mapping[str, Any]) -> re.Pattern[str] | None:
    pattern = metadata.get("prefilter")
    if pattern is None:
        return None
    try:
        return re.compile(str(pattern))
    except re.error as error:
        raise document.error(f"metadata.prefilter is no regular expression: {error}", "metadata") from error


def _fix(document: _Document) -> str | None:
    fix = document.values.get("fix")
    if isinstance(fix, dict):
        if set(fix) != {"template"}:
            raise document.error("a fix has a template here, no expandStart or expandEnd", "fix")
        fix = fix["template"]
    if fix is not None and not isinstance(fix, str):
        raise document.error("'fix' must be text", "fix")
    return fix


def _config(document: _Document, language: str, utils: Mapping[str, Mapping[str, Any]]) -> ast_grep_py.Config:
    """What ast-grep-py takes: the matcher, its utility rules and those global ones that it refers to."""
    if not document.table("rule"):
        raise document.error("'rule' is missing")
    config: dict[str, Any] = {key: document.table(key) for key in _MATCHER_KEYS if key in document.values}
    local = dict(document.table("utils"))
    wanted = [*_references(config), *_references(local)]
    while wanted:
        name = wanted.pop()
        if name not in local and f"{language}:{name}" in utils:
            local[name] = utils[f"{language}:{name}"]
            wanted.extend(_references(local[name]))
    if local:
        config["utils"] = local
    return cast(ast_grep_py.Config, config)


def _references(value: object) -> Iterator[str]:
    """The names of the utility rules that a rule refers to."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "matches" and isinstance(inner, str):
                yield inner
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
