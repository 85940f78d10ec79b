"""What texts beside a comparison say of its bound, and where the operator does not do it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Final

from flake8_aiguard.children import children, walk
from flake8_aiguard.counting import Counts, Guard, grows, inner, is_length, is_limit, leaves
from flake8_aiguard.index import FUNCTIONS
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.numeric import number
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import is_constant, last_name, root, string, text_parts
from flake8_aiguard.wordings import Claim, claims, name_of, name_words, speaks, words

_FINISHED: Final = frozenset(
    {"size", "length", "len", "amount", "value", "bytes", "width", "height", "age", "n", "number", "num"}
)
_POSITIONS: Final = frozenset({"col", "column", "idx", "index", "offset", "pos", "position", "rank", "row"})
_NEAR: Final = 12  # lines of a condition and the branch that complains
_AFTER: Final = 3  # lines after a branch, where another one complains
_REPORTS: Final = frozenset(
    {"abort", "add", "add_error", "append", "critical", "error", "exit", "extend", "fail"}
)
_WHOLE: Final = frozenset({"frozenset", "list", "set", "sorted", "tuple"})
_PARTS: Final = frozenset(
    {
        "casefold",
        "decode",
        "encode",
        "lower",
        "lstrip",
        "read",
        "rstrip",
        "split",
        "splitlines",
        "strip",
        "upper",
    }
)
# "The documentation says 100, but the server accepts 100 as well."
_DISPUTES: Final = regex(
    r"\b(?:docs?|documented|documentation|manual|spec(?:ification)?|message|text)\b.*\b(?:wrong|incorrect|inaccurate|mistaken|misleading|but|however|actual(?:ly)?|reality)\b"
    r"|\b(?:wrong|incorrect|inaccurate|contrary|despite|actual(?:ly)?|reality|unlike)\b.*\b(?:docs?|documented|documentation|manual|spec(?:ification)?|message|text)\b"
    r"|\b(?:actual|real|true) (?:limit|bound|maximum|minimum)\b",
    re.IGNORECASE,
)
_SOME: Final = 3  # statements of a branch that refuses


class Contradictions:
    """The texts beside the guards of one file.

    Args:
        module: the file.
        counts: its guards.
    """

    def __init__(self, module: Module, counts: Counts) -> None:
        self._module = module
        self._counts = counts

    def may_be_described(self, holder: ast.If | ast.Assert) -> bool:
        """Whether a text that speaks of bounds stands near a condition, or in its function's docstring."""
        raises, end = True, holder.end_lineno
        if isinstance(holder, ast.If):
            last, other = holder.body[-1], holder.orelse[-1:] or [holder]
            raises = isinstance(last, ast.Raise) or isinstance(other[0], ast.Raise)
            if len(holder.body) > _SOME or not (raises or isinstance(last, (ast.Return, ast.Expr))):
                return False
            end = (other[0] if holder.orelse else last).end_lineno
        end = min((end or 0) + _AFTER, holder.lineno + _NEAR)
        if speaks("".join(self._module.lines[max(holder.lineno - 2, 0) : end]).lower()):
            return True
        function = self._module.index.function(holder) if raises else None
        return isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) and bool(
            self._documented(function)
        )

    def says_otherwise(self, guard: Guard) -> tuple[str, Claim] | None:
        """Where a text beside a guard says what its operator does not do, and what it says."""
        if not isinstance(guard.holder, (ast.If, ast.Assert)):
            return None
        refused = self._refused(guard)
        if refused is None:
            return None
        is_above = refused is guard.above or (refused is not guard.within and guard.is_within)
        says = guard.op if is_above else "<=" if guard.strict else "<"
        value = self._number(guard.bound)
        found = list(self._claims(guard, refused))
        agreed = {
            where for where, claim in found if claim.refuses == says and claim.is_about(guard.bound, value)
        }
        for where, claim in found:
            if where == "docstring" and not agreed.isdisjoint(("docstring", "message")):
                continue  # speaks of another value
            if claim.refuses[0] != says[0] or claim.refuses == says or not claim.is_about(guard.bound, value):
                continue
            if isinstance(guard.value, ast.BinOp) and isinstance(guard.value.op, ast.Div):
                continue  # a ratio hardly ever equals its bound
            if (
                len(says) > 1
                and _is_position(guard.value)
                and (claim.describes or claim.text.startswith("exceed"))
            ):
                continue  # the position that equals the size is one too far, however it is said
            if len(says) > 1 and _names_last(guard.holder, guard.bound):
                continue  # numbered from zero
            if len(says) > 1 and ("already" in claim.sentence or not self._is_finished(guard)):
                continue  # the next one is not counted yet
            if not self._is_equality_handled(guard) and not self._is_disputed(guard.holder, refused):
                return where, claim
        return None

    def _is_disputed(self, holder: ast.stmt, refused: tuple[ast.stmt, ...]) -> bool:
        """Whether a comment between a condition and what it raises says that the text is wrong, and the operator meant."""
        lines = self._module.lines[holder.lineno - 1 : refused[-1].lineno]
        return any(_DISPUTES.search(line.partition("#")[2]) for line in lines)

    def _refused(self, guard: Guard) -> tuple[ast.stmt, ...] | None:
        """The branch that complains: that of the condition, else the other one."""
        if isinstance(guard.holder, ast.Assert):
            return guard.above or guard.within
        first, other = (guard.within, guard.above) if guard.is_within else (guard.above, guard.within)
        if _complains(first):
            return first
        other = other or (guard.rest[:_SOME] if leaves(first) else ())
        return other if _complains(other) else None

    @memoised
    def _said(self, refused: tuple[ast.stmt, ...]) -> list[Claim]:
        """What the texts in statements say of bounds."""
        return [claim for parts in _texts(refused) for claim in claims(parts)]

    def _claims(self, guard: Guard, refused: tuple[ast.stmt, ...]) -> Iterator[tuple[str, Claim]]:
        for claim in self._said(refused):
            yield "message", claim
        function = self._module.index.function(guard.node)
        subject = name_words(name_of(inner(guard.value)) or "")
        prose = [("comment", claim) for claim in claims([self._comment(guard.holder)])]
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) and isinstance(
            refused[-1], (ast.Raise, ast.Assert)
        ):
            prose += [("docstring", claim) for claim in self._documented(function)]
        limit = name_words(name_of(guard.bound) or "")
        is_only = _is_only_parameter(inner(guard.value), function)
        for where, claim in prose:
            is_named = len(limit) > 1 and is_limit(guard.bound) and claim.words[: len(limit)] == limit
            is_named = is_named or (is_only and isinstance(claim.bound, float))
            if is_named or (subject and claim.sentence.issuperset(subject)):
                yield where, claim

    @memoised
    def _documented(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[Claim]:
        """What a function's docstring says of bounds."""
        first = function.body[0]
        text = string(first.value) if isinstance(first, ast.Expr) else None
        return list(claims([text])) if text is not None and speaks(text.lower()) else []

    def _comment(self, statement: ast.stmt) -> str:
        """The comment on a statement's first line, or directly above it."""
        lines = self._module.lines
        above = lines[statement.lineno - 2].strip() if statement.lineno > 1 else ""
        own = lines[statement.lineno - 1].partition("  #")[2]
        return f"{above if above.startswith('#') else ''}\n\n{own}".strip()

    def _number(self, node: ast.expr) -> float | None:
        """The number of a literal, or of a constant of this module."""
        sign = 1
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            node, sign = node.operand, -1
        if isinstance(node, ast.Name) and node.id.isupper():
            found = self._module.scopes.bindings(self._module.tree, node.id)
            node = found[0].value or node if len(found) == 1 else node
        known = number(node)
        return None if known is None else sign * known

    def _is_finished(self, guard: Guard) -> bool:
        """Whether what is compared is a value to judge, not how many there are before the next one."""
        function = self._module.index.function(guard.node)
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return False
        value, counted = guard.value, inner(guard.value)
        if not set(name_words(function.name)).isdisjoint(words("add") | words("decides")):
            return False
        if any(_is_next(node, value) for node in walk(function)):
            return False  # parse(depth + 1)
        adds = self._counts.adds(function, self._counts.stores(value))
        if is_length(value) and isinstance(counted, ast.Name) and self._is_made_of_given(counted):
            return not any(grows(add, counted.id) for add in adds)
        if isinstance(counted, ast.Name):
            found = self._counts.is_given(counted)
            if not found:
                bound = self._counts.bound(counted)
                found = len(bound) == 1 and (
                    self._is_given_length(bound[0]) or not self._counts.is_count(value)
                )
        else:
            found = isinstance(counted, ast.Attribute) and (
                not is_length(value) or self._is_of_given(counted)
            )
        return (
            found
            and not adds
            and (is_length(value) or not self._is_counting(counted) or self._is_amount(counted))
        )

    def _is_of_given(self, counted: ast.Attribute) -> bool:
        """Whether something belongs to an object that a caller hands in: ``request.rows``, not ``self.rows``."""
        owner = root(counted)
        return (
            isinstance(owner, ast.Name) and owner.id not in ("self", "cls") and self._counts.is_given(owner)
        )

    def _is_given_length(self, node: ast.expr) -> bool:
        counted = inner(node)
        return is_length(node) and isinstance(counted, ast.Name) and self._counts.is_given(counted)

    def _is_made_of_given(self, name: ast.Name) -> bool:
        """Whether a local variable holds nothing but what is made of the parameters: ``sorted(set(tags))``, ``file.read()``."""
        stack: list[ast.expr] = [name]
        seen: set[str] = set()
        while stack:
            node = stack.pop()
            while isinstance(node, (ast.Await, ast.Call, ast.ListComp, ast.SetComp)):
                if isinstance(node, ast.Await):
                    node = node.value
                elif isinstance(node, (ast.ListComp, ast.SetComp)):
                    node = node.generators[0].iter
                elif isinstance(node.func, ast.Attribute) and node.func.attr in _PARTS:
                    node = node.func.value
                elif isinstance(node.func, ast.Name) and node.func.id in _WHOLE and len(node.args) == 1:
                    node = node.args[0]
                else:
                    return False
            if not isinstance(node, ast.Name) or node.id == "self":
                return False
            if node.id in seen or self._counts.is_given(node):
                continue
            seen.add(node.id)
            bound = self._counts.bound(node)
            if not bound:
                return False
            stack += bound
        return True

    def _is_amount(self, node: ast.expr) -> bool:
        """Whether a parameter says how many are wanted, not how many there are: it is returned, or a range or slice ends with it."""
        if not isinstance(node, ast.Name) or not self._counts.is_given(node):
            return False
        index = self._module.index
        for use in self._module.scopes.uses(self._module.index.scope(node), node.id):
            outer = index.parent(use)
            if isinstance(outer, (ast.Return, ast.Slice)) or (
                isinstance(outer, ast.Call) and self._module.qualname(outer.func) == "builtins.range"
            ):
                return True
        return False

    def _is_counting(self, node: ast.expr) -> bool:
        found = set(name_words(name_of(node) or "")) & words("count")
        return bool(found - _FINISHED)

    def _is_equality_handled(self, guard: Guard) -> bool:
        """Whether the function also compares the two otherwise."""
        function = self._module.index.function(guard.node) or self._module.tree
        sides = {ast.dump(guard.value), ast.dump(guard.bound)}
        return any(
            isinstance(node, ast.Compare)
            and node is not guard.node
            and len(node.ops) == 1
            and {ast.dump(node.left), ast.dump(node.comparators[0])} == sides
            for node in walk(function)
        )


def _is_position(value: ast.expr) -> bool:
    """Whether a value counts from zero, by its name."""
    return not _POSITIONS.isdisjoint(name_words(name_of(value) or "")[-1:])


def _is_only_parameter(value: ast.expr, function: ast.AST | None) -> bool:
    """Whether all that a function is given is the value that it judges."""
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) or not isinstance(value, ast.Name):
        return False
    spec = function.args
    given = [item.arg for item in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)]
    return [name for name in given if name not in ("self", "cls")] == [value.id]


def _is_next(node: ast.AST, value: ast.expr) -> bool:
    """Whether an expression is one more than a value."""
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Add)
        and is_constant(node.right, 1)
        and ast.dump(node.left) == ast.dump(value)
    )


def _complains(body: Sequence[ast.stmt]) -> bool:
    """Whether a short branch raises or says something."""
    if not body or len(body) > _SOME:
        return False
    last = body[-1]
    if isinstance(last, ast.Expr):
        # A log line may only describe what happens.
        return isinstance(last.value, ast.Call) and last_name(last.value.func) in _REPORTS
    return isinstance(last, ast.Raise) or next(_texts(body), None) is not None


def _texts(body: Sequence[ast.stmt]) -> Iterator[list[str | ast.expr]]:
    """The texts in statements, each with what fills its holes; those in nested blocks are others' texts."""
    stack: list[ast.AST] = []
    for item in body:
        if isinstance(item, ast.Assert):
            stack += [] if item.msg is None else [item.msg]
        elif isinstance(item, (ast.Raise, ast.Expr, ast.Return, ast.Assign)):
            stack.append(item)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Call) and len(node.args) > 1 and "%" in (string(node.args[0]) or ""):
            # log.error("at most %d", limit)
            template = ast.BinOp(node.args[0], ast.Mod(), ast.Tuple(node.args[1:], ast.Load()))
            yield text_parts(template) or []
        elif isinstance(node, ast.expr):
            parts = text_parts(node)
            if parts is not None:
                yield parts
                continue
        if not isinstance(node, FUNCTIONS):
            stack.extend(children(node))


def _names_last(holder: ast.stmt, bound: ast.expr) -> bool:
    """Whether a text beside a condition says that one less than the bound is the last: ``f"0 to {size - 1}"``."""
    last = f"{ast.unparse(bound)} - 1"
    return any(
        isinstance(node, ast.FormattedValue) and ast.unparse(node.value) == last for node in ast.walk(holder)
    )
