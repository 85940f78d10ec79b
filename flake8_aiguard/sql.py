"""SQL in Python strings: which strings reach a database, what they say, and where in the file a finding is."""

from __future__ import annotations

import ast
import bisect
import functools
import io
import re
import tokenize
from collections.abc import Iterator, KeysView, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flake8_aiguard import dialects, knowledge
from flake8_aiguard.ddl import asks_the_system
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.rows import WRAPPERS
from flake8_aiguard.shapes import argument, last_name, start_of, string

if TYPE_CHECKING:
    from flake8_aiguard.astgrep.rulefiles import Rule

_STATEMENT: Final = regex(
    r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*"
    r"(?:select\s|insert\s+(?:or\s+\w+\s+)?into\s|replace\s+into\s|update\s+.+?\sset\s|delete\s+from\s"
    r"|with\s+(?:recursive\s+)?\S+\s*(?:\([^)]*\)\s*)?as\s"
    r"|create\s+(?:unique\s+)?(?:index|view|or\s+replace\s+view|materialized\s+view)\s|alter\s+table\s)",
    re.IGNORECASE | re.DOTALL,
)
# The beginning of a statement behind a quote: without one, no name of the file is worth following.
_QUOTED_STATEMENT: Final = regex(
    r"[\"'](?:\\?\s|\\n)*(?:(?:select|insert|replace|update|delete|with|create|alter)\s|--|/\*|\()",
    re.IGNORECASE,
)
_LONGEST: Final = 20_000
HOLE: Final = "hole_"
"""What stands in the text for what is not known."""

# What stands in for a name, not for a clause: a table, column, alias or index.
_NAME_BEFORE: Final = regex(
    r"(?:\b(?:from|into|update|join|table|index|view|on|references|as|exists|only)\s+[\"`\[]?|\.[\"`\[]?|\"|`|\[)$",
    re.IGNORECASE,
)
_VALUE_BEFORE: Final = regex(r"(?:[=<>]\s*|'[^']*|\b(?:limit|offset|like)\s+)$", re.IGNORECASE)
_PERCENT: Final = regex(r"%(?:\([^)]*\))?[-#0 +]*\d*(?:\.\d+)?[a-zA-Z]|%%")
_BRACES: Final = regex(r"\{\{|\}\}|\{[^{}]*\}")
_SAME_TEXT: Final = frozenset({"dedent", "cleandoc", "strip", "lstrip", "rstrip"})
_ONCE: Final = 8  # names followed from one to the next

# -- what keeps the grammar from reading a dialect, hidden at the same length

_QUOTED: Final = r"(?P<quoted>'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/)"
_PLACEHOLDER: Final = r"%\(\w+\)s|%s|(?<![:\w]):[A-Za-z_]\w*|\$\d+|\?(?!\?)"
_MASKED: Final = regex(
    rf"{_QUOTED}"
    rf"|(?P<list>\bin\s+(?:{_PLACEHOLDER}))"
    r"|(?P<json>(?<=[\w)\]\"]\s)\?[|&]?(?=\s+(?:'|array\b)))"
    rf"|(?P<value>(?:{_PLACEHOLDER})(?:::\w+(?:\(\d+\))?(?:\[\])?)?)"
    rf"|(?P<derived>\b(?:from|join)\s*\(\s*{HOLE}\s*\))"
    rf"|(?P<count>\b(?:limit|offset)\s+{HOLE}\b)"
    r"|(?P<bracket>(?<![\w\])])\[[A-Za-z_][\w ]*\])"
    r"|(?P<percent>%%)",
    re.IGNORECASE | re.DOTALL,
)
_MASKED_SIGNS: Final = ("%", "?", ":", "$", "[", HOLE)  # what stands in each text that the expression changes


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a statement.

    Attributes:
        text: what it says.
        node: the string that it stands in; ``None`` for a hole, whose text is not known.
        hole: what fills the hole, where that can be seen.
    """

    text: str
    node: ast.expr | None
    hole: ast.expr | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that reaches a database.

    Attributes:
        node: the whole expression.
        pieces: its parts.
        text: what it says, a name for each hole.
    """

    node: ast.expr
    pieces: tuple[Piece, ...]
    text: str

    def holes(self, start: int, end: int) -> list[ast.expr | None]:
        """What fills the holes between two places of the text, ``None`` for what cannot be seen."""
        found, place = [], 0
        for piece in self.pieces:
            if piece.node is None and place < end and place + len(piece.text) > start:
                found.append(piece.hole)
            place += len(piece.text)
        return found

    @property
    def may_hide_a_clause(self) -> bool:
        """Whether a hole may be a whole clause, not only a name or value."""
        before = ""
        for piece in self.pieces:
            if piece.node is None and not (_NAME_BEFORE.search(before) or _VALUE_BEFORE.search(before)):
                return True
            before = f"{before[-200:]}{piece.text}"
        return False


@dataclass(frozen=True, slots=True)
class Found:
    """A finding of an SQL rule in a statement.

    Attributes:
        rule: the rule.
        message: what it says.
        line: the physical line, from 1.
        column: the column in characters, from 0.
        start: where it begins in the text of the statement.
        end: where it ends there.
    """

    rule: Rule
    message: str
    line: int
    column: int
    start: int
    end: int


class Statements:
    """The SQL statements of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._seen: set[ast.expr] = set()

    @functools.cached_property
    def has_any(self) -> bool:
        """Whether a string of the file begins like a statement."""
        return _QUOTED_STATEMENT.search(self._module.source) is not None

    def sent_by(self, call: ast.Call) -> Iterator[Statement]:
        """The statements that a call sends, each once in a file.

        Args:
            call: a call.

        Yields:
            Statements, as far as they read as SQL.
        """
        if not self.has_any:
            return
        for row in _sinks().get(self._word(call.func), ()):
            value = argument(call, row["keyword"], row["statement"])
            if value is None:
                continue
            pieces = self._pieces(value)
            strings = [piece.node for piece in pieces if piece.node is not None]
            if not strings or not pieces[0].node or self._seen.issuperset(strings):
                continue
            text = "".join(piece.text for piece in pieces)
            if len(text) <= _LONGEST and _STATEMENT.match(text):
                self._seen.update(strings)
                yield Statement(value, tuple(pieces), text)

    def texts(self, call: ast.Call) -> Iterator[str]:
        """What a call sends as far as it can be read, whether or not it was seen before.

        Args:
            call: a call.
        """
        for row in _sinks().get(self._word(call.func), ()):
            value = argument(call, row["keyword"], row["statement"])
            if value is not None:
                yield "".join(piece.text for piece in self._pieces(value))

    def _pieces(self, value: ast.expr) -> list[Piece]:
        """The parts of a string expression: f-strings, ``+``, ``%``, ``.format()``, ``dedent()`` and names assigned once."""
        found: list[Piece] = []
        stack: list[tuple[ast.expr, ast.expr | None, re.Pattern[str] | None, int]] = [(value, None, None, 0)]
        while stack:
            node, f_string, template, names = stack.pop()
            if (text := string(node)) is not None:
                found.extend(_filled(text, f_string or node, template))
            elif isinstance(node, ast.JoinedStr):
                stack += ((item, f_string or node, template, names) for item in reversed(node.values))
            elif isinstance(node, ast.FormattedValue):
                stack.append((node.value, None, template, names))
            elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
                stack += ((node.right, None, template, names), (node.left, None, template, names))
            elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
                stack.append((node.left, None, _PERCENT, names))
            elif isinstance(node, ast.Call) and (inner := self._same_text(node)) is not None:
                stack.append((inner[0], None, inner[1] or template, names))
            elif names < _ONCE and (bound := self._bound(node)) is not None:
                stack.append((bound, None, template, names + 1))
            else:
                found.append(Piece(HOLE, None, node))
        return found

    def _same_text(self, call: ast.Call) -> tuple[ast.expr, re.Pattern[str] | None] | None:
        """The string that a call passes on, and how its holes are written."""
        if isinstance(call.func, ast.Attribute):
            if call.func.attr == "format":
                return call.func.value, _BRACES
            if call.func.attr in _SAME_TEXT and not call.args:
                return call.func.value, None
        if call.args and call in self._wrappers:
            return call.args[0], None
        return None

    @functools.cached_property
    def _wrappers(self) -> frozenset[ast.Call]:
        """The calls that return the text of their argument."""
        return frozenset(self._module.index.calls_named(_SAME_TEXT | WRAPPERS))

    def _word(self, function: ast.expr) -> str:
        """The last identifier of a function, after undoing import aliases."""
        name = last_name(function) or ""
        if name in _sinks():
            return name
        return (self._module.qualname(function) or name).rpartition(".")[2]

    def _bound(self, name: ast.expr) -> ast.expr | None:
        """What a name or attribute is assigned, where that happens once."""
        if isinstance(name, ast.Attribute):
            return self._attribute(name)
        if not isinstance(name, ast.Name):
            return None
        resolved = self._module.scopes.resolve(name)
        if resolved is None or len(resolved[1]) != 1:
            return None
        binding = resolved[1][0]
        parent = self._module.index.parent(binding.value) if binding.value is not None else None
        return binding.value if isinstance(parent, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) else None

    def _attribute(self, node: ast.Attribute) -> ast.expr | None:
        """What an attribute of a class of this file, or of ``self``, is assigned, where that happens once."""
        index = self._module.index
        owner = self._module.receivers.class_behind(node.value)
        values: list[ast.expr | None] = []
        for item in () if owner is None else owner.body:
            targets = item.targets if isinstance(item, ast.Assign) else [getattr(item, "target", None)]
            if any(isinstance(target, ast.Name) and target.id == node.attr for target in targets):
                values.append(getattr(item, "value", None))
        for stored in index.nodes(ast.Attribute) if owner is not None else ():
            if stored.attr == node.attr and not isinstance(stored.ctx, ast.Load):
                parent = index.parent(stored)
                values.append(parent.value if isinstance(parent, (ast.Assign, ast.AnnAssign)) else None)
        return values[0] if len(values) == 1 else None


def sinks() -> KeysView[str]:
    """The last identifiers of calls that take a statement."""
    return _sinks().keys()


@knowledge.cached
def _sinks() -> dict[str, list[knowledge.Row]]:
    found: dict[str, list[knowledge.Row]] = {}
    for row in knowledge.rows("sinks.sink"):
        for name in row["names"]:
            found.setdefault(name, []).append(row)
    return found


def _filled(text: str, node: ast.expr, template: re.Pattern[str] | None) -> Iterator[Piece]:
    """A string, its fields turned to holes."""
    end = 0
    for field in template.finditer(text) if template else ():
        if end < field.start():
            yield Piece(text[end : field.start()], node)
        if field[0] in ("%%", "{{", "}}"):
            yield Piece(field[0][0], node)
        else:
            yield Piece(HOLE, None)
        end = field.end()
    if end < len(text) or not text:
        yield Piece(text[end:], node)


def readable(text: str) -> str:
    """A statement as the grammar can read it: what it does not know is replaced at the same length.

    Args:
        text: a statement in some dialect, with placeholders.

    Returns:
        Text of the same length: numbers for placeholders, blanks for row locks, collations and the like.
    """
    if any(sign in text for sign in _MASKED_SIGNS):
        text = _MASKED.sub(_replaced, text)
    return dialects.readable(text)


def _replaced(match: re.Match[str]) -> str:
    text, kind = match[0], match.lastgroup
    if kind == "value":
        return "7" * len(text)
    if kind == "list":
        return text[:2] + "(" + "7" * (len(text) - 4) + ")"
    if kind == "percent":
        return "% "
    if kind == "derived":
        return text.replace("(", " ").replace(")", " ")
    if kind == "count":
        return text.replace(HOLE, "7" * len(HOLE))
    if kind == "bracket":
        return f'"{text[1:-1]}"'
    if kind == "json":
        return "=".ljust(len(text))
    return text


def evaluate(module: Module, statement: Statement, rules: Sequence[Rule]) -> Iterator[Found]:
    """Evaluate SQL rules on a statement.

    Args:
        module: its file.
        statement: the statement.
        rules: the rules.

    Yields:
        The findings; none where the statement does not parse, where a hole could be what a rule misses, or of what the
        database says of itself, which nobody can index.
    """
    if not rules:
        return
    from flake8_aiguard.astgrep import engine  # it imports the packages of the extra

    wanted = engine.possible(rules, statement.text)
    if not wanted or asks_the_system(statement.text):
        return
    text = readable(statement.text)
    hides = statement.may_hide_a_clause
    by_code = {rule.code: rule for rule in wanted if not (hides and rule.metadata.get("absence") is True)}
    starts = [0]
    for row in text.split("\n"):
        starts.append(starts[-1] + len(row) + 1)
    ends: list[int] = []
    for piece in statement.pieces:
        ends.append((ends[-1] if ends else 0) + len(piece.text))
    for finding in engine.evaluate(text, module.filename, "sql", list(by_code.values()), whole=True):
        offset = starts[finding.line - 1] + finding.column - 1
        number = min(bisect.bisect_right(ends, offset), len(ends) - 1)
        line, column = _place(module, statement, number, offset - (ends[number - 1] if number else 0))
        end = starts[finding.end_line - 1] + finding.end_column - 1
        yield Found(by_code[finding.code], finding.message, line, column, offset, end)


def _place(module: Module, statement: Statement, number: int, offset: int) -> tuple[int, int]:
    """The physical place of a character of a piece; the place of the statement's node where it stands in none."""
    node = statement.pieces[number].node
    if node is None:
        return statement.node.lineno, statement.node.col_offset
    before = "".join(piece.text for piece in statement.pieces[:number] if piece.node is node)
    if isinstance(node, ast.JoinedStr):
        return _place_in_f_string(module, statement, node, before + statement.pieces[number].text[:offset])
    offset += len(before)
    for line, column, value, prefix in _literals(module, node):
        if offset < len(value) or (offset == len(value) and not value):
            before = value[:offset]
            breaks = before.count("\n")
            if breaks and prefix >= 3:
                return line + breaks, len(before) - before.rindex("\n") - 1
            return line, column + prefix + (0 if breaks else offset)
        offset -= len(value)
    return node.lineno, node.col_offset


def _place_in_f_string(
    module: Module, statement: Statement, node: ast.JoinedStr, before: str
) -> tuple[int, int]:
    """The place behind some text of an f-string; its holes have a width that only the source tells."""
    written = "".join(piece.text for piece in statement.pieces if piece.node is node)
    first = module.lines[node.lineno - 1].rstrip("\r\n")
    continued = "\n" * first.endswith(('"""\\', "'''\\"))  # the first line break is escaped
    written, before = continued + written, continued + before
    breaks = before.count("\n")
    if written.count("\n") != (node.end_lineno or node.lineno) - node.lineno or not breaks:
        return node.lineno, node.col_offset
    line = module.lines[node.lineno + breaks - 1]
    column = len(before) - before.rindex("\n") - 1
    return node.lineno + breaks, min(column, max(len(line.rstrip()) - 1, 0))


def _literals(module: Module, node: ast.expr) -> Iterator[tuple[int, int, str, int]]:
    """Line, column, value and length of the opening quotes of the literals that a string is written as."""
    source = "".join(module.lines[node.lineno - 1 : node.end_lineno])
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        tokens = list(_tokens_before_error(source))
    for token in tokens:
        line, column = node.lineno + token.start[0] - 1, token.start[1]
        if token.type != tokenize.STRING or (line, column) < start_of(node):
            continue
        try:
            value = ast.literal_eval(token.string)
        except (ValueError, SyntaxError):
            continue  # an f-string
        opening = re.match(r"[A-Za-z]*(\"\"\"|'''|\"|')", token.string)
        if isinstance(value, str) and opening:
            if token.string.startswith(("\\\n", "\\\r\n"), opening.end()):
                yield line + 1, -3, value, 3  # the first line break is escaped
            else:
                yield line, column, value, opening.end()


def _tokens_before_error(source: str) -> Iterator[tokenize.TokenInfo]:
    try:
        yield from tokenize.generate_tokens(io.StringIO(source).readline)
    except (tokenize.TokenError, SyntaxError):
        return
