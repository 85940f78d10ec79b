"""The project's own contracts: what may be written once, by a comment or by the setting ``write-once``."""

from __future__ import annotations

import ast
import bisect
import functools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from flake8_aiguard.classes import Class, Classes
from flake8_aiguard.index import Scope
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import single_targets, string

WORD: Final = "aiguard:"
_ROOTS: Final = (".", "lib", "src")
_MARK: Final = regex(r"aiguard:\s*write-once\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Contract:
    """Something that may be written once.

    Attributes:
        owner: the class whose attribute it is, of this file or by its dotted name; ``None`` for a variable of a module.
        name: the attribute; for a variable of another module its dotted name.
        said: where the contract stands, for messages.
        marked: the assignment that a comment marks.
    """

    owner: Class | None
    name: str
    said: str
    marked: ast.stmt | None = None


@dataclass(frozen=True, slots=True)
class Miss:
    """A contract that names nothing in the file that it points to.

    Attributes:
        node: where to report it.
        text: what is missing, and what to do.
    """

    node: ast.AST
    text: str


class Contracts:
    """The contracts that concern one file.

    Args:
        module: the file.
        classes: its classes.
    """

    def __init__(self, module: Module, classes: Classes) -> None:
        self._module = module
        self._classes = classes
        self.kept: list[Contract] = []
        self.missed: list[Miss] = []
        if WORD in module.source:
            self._read_comments()
        for entry in module.settings.write_once:
            self._read_entry(entry)

    # -- comments

    def _read_comments(self) -> None:
        module = self._module
        statements: list[ast.Assign | ast.AnnAssign] = [
            *module.index.nodes(ast.Assign),
            *module.index.nodes(ast.AnnAssign),
        ]
        statements.sort(key=lambda item: item.lineno)
        starts = [statement.lineno for statement in statements]
        for line, comment in module.comments.all.items():
            stands_alone = module.lines[line - 1].lstrip().startswith("#")
            segments = [segment.strip() for segment in comment.split("#")[1:]]
            if not any(_MARK.match(segment) for segment in segments[: 1 if stands_alone else None]):
                continue
            at = bisect.bisect_right(starts, line) - 1
            statement = statements[at] if at >= 0 and line <= (statements[at].end_lineno or 0) else None
            if statement is None and stands_alone:
                after = self._next_line(line)
                at = bisect.bisect_left(starts, after)
                statement = statements[at] if at < len(starts) and starts[at] == after else None
            found = [] if statement is None else list(self._marked(statement))
            self.kept += found
            if not found:
                node = ast.Pass(lineno=line, col_offset=module.lines[line - 1].index("#"))
                what = "a local variable" if isinstance(statement, ast.stmt) else "no assignment"
                self.missed.append(
                    Miss(
                        node,
                        f"the comment `aiguard: write-once` marks {what}; put it where an attribute or a variable of the module is set",
                    )
                )

    def _next_line(self, line: int) -> int:
        """The line of the code below a comment that stands alone."""
        lines = self._module.lines
        while line < len(lines) and lines[line].lstrip().startswith("#"):
            line += 1
        return line + 1

    def _marked(self, statement: ast.Assign | ast.AnnAssign) -> Iterator[Contract]:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        said = f"marked write-once on line {statement.lineno}"
        for target in single_targets(targets):
            if isinstance(target, ast.Attribute):
                owner = self._classes.of(target.value)
                if owner is not None:
                    yield Contract(owner, target.attr, said, statement)
            elif isinstance(target, ast.Name):
                scope = self._module.scopes.owner(self._module.index.scope(target), target.id)
                if isinstance(scope, ast.ClassDef):
                    yield Contract(scope, target.id, said, statement)
                elif isinstance(scope, ast.Module):
                    yield Contract(None, target.id, said, statement)

    # -- the setting

    def _read_entry(self, entry: str) -> None:
        name, _, path = entry.partition(":")
        outer, _, last = path.rpartition(".")
        said = "listed in the setting write-once"
        if not self._is_module(name):
            words = {last, outer.rpartition(".")[2] or name.rpartition(".")[2]}
            if all(word in self._module.source for word in words):
                owner = f"{name}.{outer}" if outer else None
                self.kept.append(Contract(owner, last if outer else f"{name}.{last}", said))
            return
        tree = self._module.tree
        scope: ast.Module | ast.ClassDef = tree
        for part in outer.split(".") if outer else ():
            bindings = self._module.scopes.bindings(scope, part)
            inner = bindings[0].node if len(bindings) == 1 else None
            if not isinstance(inner, ast.ClassDef):
                if not bindings and not self._is_open(scope):
                    self._miss(entry, scope, f"class {part}")
                return
            scope = inner
        if isinstance(scope, ast.ClassDef):
            self.kept.append(Contract(scope, last, said))
            if not self._has_attribute(scope, last):
                self._miss(entry, scope, f"attribute {last} in the class {scope.name}")
            return
        bindings = self._module.scopes.bindings(tree, last)
        self.kept.append(Contract(None, last, said))
        if any(binding.kind in (Kind.CLASS, Kind.FUNCTION) for binding in bindings):
            self._miss(entry, tree, f"variable {last} (a class or function is none: name its attribute)")
        elif not bindings and not self._is_open(tree):
            self._miss(entry, tree, f"variable {last}")

    def _miss(self, entry: str, scope: ast.Module | ast.ClassDef, what: str) -> None:
        if not self._is_surely(entry.partition(":")[0]):
            return
        node = ast.Pass(lineno=getattr(scope, "lineno", 1), col_offset=getattr(scope, "col_offset", 0))
        text = f'the setting write-once lists "{entry}", but {os.path.basename(self._module.filename)} has no {what}; correct or remove the entry'
        self.missed.append(Miss(node, text))

    def _is_open(self, scope: ast.Module | ast.ClassDef) -> bool:
        """Whether names may come into a scope that the file does not show."""
        if isinstance(scope, ast.ClassDef):
            return not self._classes.is_closed(scope)
        return self._module.scopes.star_imports or bool(self._module.scopes.bindings(scope, "__getattr__"))

    def _has_attribute(self, cls: ast.ClassDef, name: str) -> bool:
        """Whether a class has an attribute, or may have it from what the file does not show."""
        if self._is_open(cls) or cls.keywords or not all(map(self._classes.is_plain, cls.decorator_list)):
            return True
        for item in self._classes.lineage(cls):
            if not isinstance(item, ast.ClassDef):
                continue
            bound = self._module.scopes.bindings
            if bound(item, name) or self._module.receivers.attribute_stores(item, name):
                return True
            if bound(item, "__getattr__") or bound(item, "__getattribute__"):
                return True
        # Set from outside, by setattr or __dict__, or named in __slots__.
        return any(
            node.attr == name
            and isinstance(node.ctx, ast.Store)
            and self._classes.of(node.value) in (None, cls)
            for node in self._module.index.nodes(ast.Attribute)
        ) or any(string(node) == name for node in self._module.index.nodes(ast.Constant))

    # -- which file a module is

    @functools.cached_property
    def _parts(self) -> tuple[str, ...]:
        """The path of the file as a module: its folders and its name, a package under the name of its folder."""
        path = os.path.abspath(self._module.filename)
        stem = os.path.splitext(path)[0]
        return tuple(part for part in stem.split(os.sep) if part)

    def _is_module(self, name: str) -> bool:
        """Whether this file is the module of that name: its path ends so, and no package stands around that."""
        parts = self._parts[:-1] if self._parts[-1:] == ("__init__",) else self._parts
        wanted = tuple(name.split("."))
        if parts[-len(wanted) :] != wanted or not self._module.filename.endswith((".py", ".pyi")):
            return False
        outside = os.sep + os.path.join(*parts[: -len(wanted)]) if len(parts) > len(wanted) else os.sep
        return not os.path.exists(os.path.join(outside, "__init__.py"))

    def _is_surely(self, name: str) -> bool:
        """Whether this file can hardly be another module of that name: many folders have a module of one plain name."""
        folder = os.path.relpath(os.path.dirname(os.path.abspath(self._module.filename)))
        return "." in name or folder in _ROOTS

    def imported(self, name: str) -> Iterator[tuple[Scope, str]]:
        """The scopes and names under which this file imports a variable of another module.

        Args:
            name: its dotted name.
        """
        index = self._module.index
        for alias in index.nodes(ast.alias):
            if (
                alias.name == name.rpartition(".")[2]
                and isinstance(index.parent(alias), ast.ImportFrom)
                and self.is_same(self._module.imports.spelled(alias), name)
            ):
                yield index.scope(alias), alias.asname or alias.name

    def is_class(self, cls: Class, wanted: Class) -> bool:
        """Whether a class is that of a contract."""
        if isinstance(cls, str) and isinstance(wanted, str):
            return self.is_same(cls, wanted)
        return cls is wanted

    def is_same(self, name: str, wanted: str) -> bool:
        """Whether a dotted name that this file uses is that of a contract.

        Args:
            name: the name; relative ones begin with dots.
            wanted: the name in the contract.

        Returns:
            Whether it is, be it through a package around the module that passes it on.
        """
        last = wanted.rpartition(".")[2]
        if name == wanted or name.rpartition(".")[2] != last:
            return name == wanted
        if name.startswith("."):
            bare = name.lstrip(".")
            parts = (*self._parts[: -(len(name) - len(bare))], *bare.split("."))
            return self._passes_on(parts, tuple(wanted.split(".")))
        return wanted.startswith(f"{name.rpartition('.')[0]}.")

    @staticmethod
    def _passes_on(parts: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
        """Whether a path from the root names what is wanted, or a package around it names the same."""
        return parts[-1] == wanted[-1] and any(
            parts[:-1][-count:] == wanted[:count] for count in range(1, len(wanted))
        )
