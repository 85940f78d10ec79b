"""Which language a file is in, and the grammars that must be there to parse it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import threading
from collections.abc import Mapping
from typing import Final

from flake8_aiguard.astgrep.errors import MissingExtraError

INSTALL: Final = 'pip install "flake8-aiguard[sql]"'
SQL_GRAMMAR: Final = "0.3.9"
"""The last release of tree-sitter-sql whose library exports its symbol."""

_SUFFIXES: Final[Mapping[str, str]] = {
    "bash": "bash bats ksh sh zsh",
    "c": "c h",
    "cpp": "cc cpp cxx hpp hxx",
    "csharp": "cs",
    "css": "css",
    "dart": "dart",
    "elixir": "ex exs",
    "go": "go",
    "haskell": "hs",
    "hcl": "hcl nomad tf tfvars",
    "html": "html htm xhtml",
    "java": "java",
    "javascript": "js mjs cjs jsx",
    "json": "json",
    "kotlin": "kt kts",
    "lua": "lua",
    "markdown": "md markdown",
    "nix": "nix",
    "php": "php",
    "python": "py pyi",
    "ruby": "rb",
    "rust": "rs",
    "scala": "scala sc sbt",
    "solidity": "sol",
    "sql": "sql",
    "swift": "swift",
    "tsx": "tsx",
    "typescript": "ts mts cts",
    "yaml": "yaml yml",
    "zig": "zig",
}
_OF_SUFFIX: Final = {suffix: language for language, names in _SUFFIXES.items() for suffix in names.split()}
_ALIASES: Final[Mapping[str, str]] = {
    "bash": "bash",
    "c#": "csharp",
    "cs": "csharp",
    "golang": "go",
    "js": "javascript",
    "jsx": "javascript",
    "py": "python",
    "rb": "ruby",
    "rs": "rust",
    "ts": "typescript",
    "yml": "yaml",
}
_COMMENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "dart": ("comment", "documentation_comment"),
    "java": ("line_comment", "block_comment"),
    "kotlin": ("line_comment", "multiline_comment"),
    "rust": ("line_comment", "block_comment"),
    "scala": ("comment", "block_comment"),
    "sql": ("comment", "marginalia"),
    "swift": ("comment", "multiline_comment"),
    "markdown": (),
}


def named(name: str) -> str | None:
    """Return the language that a rule file names, ``None`` for one that is not known."""
    lowered = name.lower()
    language = _ALIASES.get(lowered, lowered)
    return language if language in _SUFFIXES else None


def known() -> tuple[str, ...]:
    """Return the names of all languages."""
    return tuple(_SUFFIXES)


def of_file(path: str) -> str | None:
    """Return the language of a file by its suffix, ``None`` for one without a grammar."""
    return _OF_SUFFIX.get(os.path.splitext(path)[1][1:].lower())


def comment_kinds(language: str) -> tuple[str, ...]:
    """Return the kinds of node that are comments in a language."""
    return _COMMENTS.get(language, ("comment",))


def installed() -> tuple[str | None, ...]:
    """Return the versions of the packages of the extra, ``None`` for one that is missing."""
    found: list[str | None] = []
    for name in ("ast-grep-py", "tree-sitter-sql", "PyYAML"):
        try:
            found.append(importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            found.append(None)
    return tuple(found)


_lock = threading.Lock()
_ready = False


def prepare() -> None:
    """Register the SQL grammar with ast-grep, once in each process.

    ast-grep takes all its dynamic languages in one call and ignores every later one without a word, so a
    statement is parsed to see whether ours counted.

    Raises:
        MissingExtraError: a package is missing or of the wrong version.
    """
    global _ready
    with _lock:
        if not _ready:
            _register()
            _ready = True


def _register() -> None:
    try:
        import ast_grep_py
        import yaml  # noqa: F401 - the rule files need it; better said here than file by file
    except ImportError as error:
        raise MissingExtraError(f"{error.name} is not installed; {INSTALL}") from error
    spec = importlib.util.find_spec("tree_sitter_sql")
    binding = importlib.util.find_spec("tree_sitter_sql._binding") if spec else None
    if binding is None or binding.origin is None:
        raise MissingExtraError(f"tree-sitter-sql is not installed; {INSTALL}")
    found = importlib.metadata.version("tree-sitter-sql")
    if found != SQL_GRAMMAR:
        raise MissingExtraError(
            f"tree-sitter-sql must be {SQL_GRAMMAR}, as later ones hide their grammar; found {found}; {INSTALL}"
        )
    try:
        ast_grep_py.register_dynamic_language(
            {
                "sql": {
                    "library_path": binding.origin,
                    "language_symbol": "tree_sitter_sql",
                    "extensions": ["sql"],  # type: ignore[typeddict-unknown-key]  # missing in its types only
                    "expando_char": "_",  # what `$` of a metavariable becomes: `$` begins no name in SQL
                }
            }
        )
        kind = ast_grep_py.SgRoot("SELECT 1", "sql").root().kind()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # an unknown language is a panic, which is no Exception
        raise MissingExtraError(f"the SQL grammar cannot be loaded ({error}); {INSTALL}") from error
    if kind != "program":
        raise MissingExtraError(f"another package registered its own SQL grammar in this process; {INSTALL}")
