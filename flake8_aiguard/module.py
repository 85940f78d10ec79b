"""What a rule asks about one file: the layers below, each built on the first question."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, ClassVar, TypeVar, cast

from flake8_aiguard.bounds import Bounds
from flake8_aiguard.comments import Comments
from flake8_aiguard.defuse import DefUse
from flake8_aiguard.entrypoints import Entrypoints
from flake8_aiguard.generated import WORD, Generated
from flake8_aiguard.identity import Identities
from flake8_aiguard.imports import Imports
from flake8_aiguard.index import Function, Index
from flake8_aiguard.kinds import Kinds
from flake8_aiguard.loops import Loops
from flake8_aiguard.memo import lazy
from flake8_aiguard.receivers import Receivers
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Scopes
from flake8_aiguard.settings import Settings, is_test_path
from flake8_aiguard.shapes import last_name
from flake8_aiguard.sources import Sources

T = TypeVar("T")

_WRITTEN_BY_TOOL = regex(r"generated\b", re.IGNORECASE)
_NOT_TO_EDIT = regex(
    r"\b(do not|don't|should not be|not be|never)\s+(manually\s+)?(edit|modif|change)", re.IGNORECASE
)
_COPIED = regex(r"\bvendored (copy of|file|from)\b", re.IGNORECASE)
_HEAD = 10  # lines that say what a file is


class Module:
    """One file.

    Args:
        tree: its tree.
        filename: its name as flake8 shows it.
        lines: its physical lines, with their ends.
        settings: the settings of this run.
    """

    _slot: ClassVar[Module | None] = None

    def __init__(self, tree: ast.Module, filename: str, lines: Sequence[str], settings: Settings) -> None:
        self.tree = tree
        self.filename = filename
        self.lines = lines
        self.settings = settings
        self.reported: set[str] = set()  # codes of the checkers that have run
        self._said: dict[str, bool] = {}
        self._def_uses: dict[Function | ast.Module, DefUse] = {}
        self._shared: dict[Callable[[Module], Any], Any] = {}

    @classmethod
    def of(cls, tree: ast.Module, filename: str, lines: Sequence[str], settings: Settings) -> Module:
        """The module of a tree: made for the first checker that asks, found by the others.

        One slot is enough, as flake8 hands over file after file. An attribute on the tree would be a cycle that waits for the
        collector, and a weak dictionary whose values refer to their keys never lets go.
        """
        found = cls._slot
        if found is None or found.tree is not tree or found.settings is not settings:
            found = cls._slot = cls(tree, filename, lines, settings)
        return found

    def shared(self, ask: Callable[[Module], T]) -> T:
        """The answer of a function of a layer above about this file, asked once for all rules."""
        if ask not in self._shared:
            self._shared[ask] = ask(self)
        return cast("T", self._shared[ask])

    @lazy
    def source(self) -> str:
        """The text of the file."""
        return "".join(self.lines)

    @lazy
    def has_noqa(self) -> bool:
        """Whether a ``noqa`` may stand in the file."""
        return "noqa" in self.source.lower()

    @lazy
    def is_test(self) -> bool:
        """Whether the file's path matches the setting ``tests``."""
        return is_test_path(self.filename, self.settings.tests)

    @lazy
    def is_vendored(self) -> bool:
        """Whether the project does not maintain the file: its path matches the setting ``vendored``, or its head says so."""
        return self.matches(self.settings.vendored) or any(
            "endored" in line and _COPIED.search(line) is not None for line in self.lines[:_HEAD]
        )

    @lazy
    def is_exempt(self) -> bool:
        """Whether nobody here would change the file: a tool wrote it, or it is vendored."""
        return self.is_machine_made or self.is_vendored

    @lazy
    def is_machine_made(self) -> bool:
        """Whether the comments in the file's head say that a tool wrote it and nobody edits it."""
        if not self.lines or not (self.lines[0].startswith("#") or self.lines[0].isspace()):
            return False  # most files start with their docstring or an import
        head = itertools.takewhile(lambda line: line.isspace() or line.startswith("#"), self.lines)
        text = "".join(head)
        return bool(_WRITTEN_BY_TOOL.search(text) and _NOT_TO_EDIT.search(text))

    @lazy
    def index(self) -> Index:
        """Nodes by class, and what encloses them."""
        return Index(self.tree)

    @lazy
    def identities(self) -> Identities:
        """By what findings are recognised when their lines have moved."""
        return Identities(self.index)

    @lazy
    def scopes(self) -> Scopes:
        """Bindings, uses and escapes of names."""
        return Scopes(self.index)

    @lazy
    def imports(self) -> Imports:
        """Canonical dotted names."""
        return Imports(self.index, self.scopes)

    @lazy
    def receivers(self) -> Receivers:
        """Types of receivers, and definitions in this file."""
        return Receivers(self.index, self.scopes, self.imports)

    @lazy
    def entrypoints(self) -> Entrypoints:
        """Request handlers and tasks."""
        return Entrypoints(self.index, self.scopes, self.imports, self.receivers)

    @lazy
    def sources(self) -> Sources:
        """Where values come from outside."""
        return Sources(self.index, self.scopes, self.imports, self.receivers, self.entrypoints)

    @lazy
    def loops(self) -> Loops:
        """What depends on the variable of a loop."""
        return Loops(self.index, self.scopes, self.imports)

    @lazy
    def kinds(self) -> Kinds:
        """Which variables hold lists, strings and other built-in values."""
        return Kinds(self.index, self.scopes, self.imports, self.receivers)

    @lazy
    def bounds(self) -> Bounds:
        """How many items iterables have."""
        return Bounds(self.index, self.scopes, self.imports, self.receivers)

    @lazy
    def comments(self) -> Comments:
        """Comment tokens."""
        return Comments(self.lines)

    @lazy
    def generated(self) -> Generated:
        """Code tagged as generated."""
        return Generated(self.index, self.scopes, self.imports, self.comments, self.settings.generated_from)

    @lazy
    def has_tags(self) -> bool:
        """Whether some code of the file is tagged as generated."""
        return WORD in self.source and bool(self.generated.tags)

    def says(self, word: str) -> bool:
        """Whether a word stands in the source: looked for once, as candidates ask again and again."""
        said = self._said.get(word)
        if said is None:
            said = self._said[word] = word in self.source
        return said

    def matches(self, patterns: tuple[str, ...]) -> bool:
        """Whether the file's path matches one of these patterns, written as in the setting ``tests``."""
        return is_test_path(self.filename, patterns)

    def is_one_of(self, node: ast.expr, names: Collection[str]) -> bool:
        """Whether an expression is one of these canonical names, or would be if the file imported it from there."""
        name = self.qualname(node)
        return name in names or (
            name is None and any(known.endswith(f".{last_name(node)}") for known in names)
        )

    def def_use(self, body: Function | ast.Module) -> DefUse:
        """The reaching definitions of a function or of the module body; see :class:`DefUse`."""
        if body not in self._def_uses:
            self._def_uses[body] = DefUse(body)
        return self._def_uses[body]

    def definitions(self, name: ast.Name) -> frozenset[ast.AST]:
        """The definitions of a variable of a function that a use may see; none where they are unknown."""
        function = self.index.function(name)
        if function is None:
            return frozenset()
        return self.def_use(function).definitions(name) or frozenset()

    def is_to_fail(self, node: ast.AST) -> bool:
        """Whether a test expects that what is around a node raises: ``with pytest.raises(RuntimeError):``."""
        return any(
            isinstance(item.context_expr, ast.Call)
            and (last_name(item.context_expr.func) or "").startswith(("raises", "assertRaises"))
            for item in self.index.with_items(self.index.statement(node))
        )

    def qualname(self, node: ast.expr) -> str | None:
        """The canonical dotted name of an expression; see :meth:`Imports.qualname`."""
        return self.imports.qualname(node)

    def type_of(self, node: ast.expr) -> str | None:
        """The type of a receiver; see :meth:`Receivers.type_of`."""
        return self.receivers.type_of(node)

    def called(self, call: ast.Call) -> str | None:
        """What a call calls, as the tables write it.

        Args:
            call: the call.

        Returns:
            The canonical name of its function, or ``<type>.<method>`` for a method of a typed receiver:
            ``requests.get``, ``requests.Session.get``; ``None`` where neither is known.
        """
        name = self.imports.qualname(call.func)
        if name is None and isinstance(call.func, ast.Attribute):
            receiver = self.receivers.type_of(call.func.value)
            if receiver is not None:
                return f"{receiver}.{call.func.attr}"
        return name
