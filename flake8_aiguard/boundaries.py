"""What a comparison with a limit does where both sides are equal: four shapes of limits that are off by one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Final

from flake8_aiguard.children import children, walk
from flake8_aiguard.counting import Counts, Guard, holds, inner, is_length, is_limit, leaves, refuses
from flake8_aiguard.index import FUNCTIONS, Function
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.numeric import number
from flake8_aiguard.shapes import dotted, is_constant, last_name, string, text_parts
from flake8_aiguard.wordings import Claim, claims, name_of, name_words, speaks, words

_NEGATIVE: Final = frozenset(
    {"not", "no", "over", "exceed", "exceeds", "exceeded", "disallow", "limited", "throttled"}
)
_DOCUMENTED: Final = re.compile(
    r"\b(?:allow(?:s|ed)?|permit(?:s|ted)?|admit(?:s|ted)?|acquires?|appl(?:y|ies)|checks?|enforces?|quota|limit\w*|rate.?limit\w*|throttl\w+)\b",
    re.IGNORECASE,
)
_FINISHED: Final = frozenset(
    {"size", "length", "len", "amount", "value", "bytes", "width", "height", "age", "n", "number", "num"}
)
_NEAR: Final = 12  # lines of a condition and the branch that complains
_AFTER: Final = 3  # lines after a branch, where another one complains
_REPORTS: Final = frozenset(
    {"abort", "add", "add_error", "append", "critical", "error", "exit", "extend", "fail"}
)
_JUDGES: Final = frozenset(
    {"assert", "clean", "init", "is", "load", "parse", "read", "restore", "validate", "verify"}
)
_CONTRARY: Final = re.compile(r"error|fail|full|invalid|refus|reject|too ", re.IGNORECASE)
# "if the limit permits one more" speaks of the next one, not of one above the limit.
_NEXT_ONE: Final = re.compile(
    r"\b(?:if|unless|until|when|whether|room for|space for)\b[^.,;]*\bone more\b(?! than)"
)
_REFUSED: Final = 400  # HTTP statuses from here on refuse
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
_NAMED: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SOME: Final = 3  # statements of a branch that refuses
_FEW: Final = 40  # guards that are compared with each other
_MANY: Final = 8  # a literal from which on it is a limit of what a collection holds


class Boundaries:
    """The guards of one file at the value that equals the limit.

    Args:
        module: the file.
        counts: its guards.
    """

    def __init__(self, module: Module, counts: Counts) -> None:
        self._module = module
        self._counts = counts

    # -- 1: the current one is not counted yet

    def admits_one_more(self, guard: Guard) -> bool:
        """Whether a guard is an admission check that lets one more through.

        Args:
            guard: a guard whose bound looks like a limit.
        """
        function = self._module.index.function(guard.node)
        if not guard.strict or not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return False
        if not is_limit(guard.bound, room=True) or not self._counts.is_count(guard.value):
            return False
        says = self._says(function) if self._counts.is_kept(guard.value) else None
        if says is None or self._is_inclusive(function):
            return False
        if self._adds_within(guard, function):
            return not self._counts.is_counted(guard, function)
        if not is_limit(guard.bound):
            return False
        if not self._answers(guard) or not self._is_held(guard):
            return False
        if self._counts.is_counted(guard, function) or self._counts.adds(
            function, self._counts.stores(guard.value)
        ):
            return False
        by_callers = self._counts.added_by_callers(guard, function)
        if any(by_callers):
            return False
        return (
            bool(by_callers)
            or says == "decides"
            or (says == "limits" and self._counts.is_added_in_file(guard))
        )

    def _says(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> str | None:
        """How a function says that it admits: by deciding, by guarding a limit, or by guarding something."""
        found = set(name_words(function.name))
        if not found.isdisjoint(_NEGATIVE):
            return "guards"
        if not found.isdisjoint(words("decides")):
            return "decides"
        guards = found & words("guards")
        if len(guards) > 1:
            return "limits"
        if guards or _DOCUMENTED.search(ast.get_docstring(function, clean=False) or ""):
            return "guards"
        around = [item.name for item in self._module.index.ancestors(function) if isinstance(item, _NAMED)]
        said = words("guards") | words("decides")
        return "guards" if any(not said.isdisjoint(name_words(name)) for name in around) else None

    def _adds_within(self, guard: Guard, function: Function) -> bool:
        """Whether the branch that admits counts the current one, and the one that refuses does not."""
        adds = self._counts.adds(function, self._counts.stores(guard.value))
        if not adds:
            return False
        if guard.is_within:
            other = (*guard.above, *(() if leaves(guard.above) else guard.rest))
            return any(holds(guard.within, add) for add in adds) and not any(
                holds(other, add) for add in adds
            )
        if not leaves(guard.above) and not _waits(guard.above):
            return False
        after = (*guard.within, *guard.rest)
        return any(holds(after, add) for add in adds) and not any(holds(guard.above, add) for add in adds)

    def _is_held(self, guard: Guard) -> bool:
        """Whether a count is how many there are, and not how long the value is that a check is given."""
        if not is_length(guard.value) or self._counts.is_added_in_file(guard):
            return True
        return not words("count").isdisjoint(name_words(name_of(inner(guard.value)) or ""))

    def _answers(self, guard: Guard) -> bool:
        """Whether a guard refuses by its answer: ``return n <= limit``, ``return False``, ``raise``."""
        if isinstance(guard.holder, ast.Return):
            return guard.is_within
        if not isinstance(guard.holder, ast.If):
            return False
        within = (*guard.within, *guard.rest)
        if guard.is_within:
            refused = guard.above or guard.rest
            return refuses(refused) and leaves(guard.within) and not refuses(guard.within)
        return refuses(guard.above) and not refuses(within)

    def _is_inclusive(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Whether a docstring or comment says that one more is meant."""
        owner = self._module.index.class_of(function)
        texts = [ast.get_docstring(item, clean=False) or "" for item in (function, owner) if item is not None]
        texts += [
            line.partition("#")[2] for line in self._module.lines[function.lineno - 2 : function.end_lineno]
        ]
        return _says_inclusive("\n".join(texts))

    # -- 2: an add after the check

    def adds_past(self, guard: Guard) -> bool:
        """Whether a guard asks a length by ``>``, leaves or takes one out, and an add to the same follows.

        Args:
            guard: a guard whose bound looks like a limit.
        """
        index = self._module.index
        function = index.function(guard.node)
        if not guard.strict or guard.is_within or function is None or not is_length(guard.value):
            return False
        if not is_limit(guard.bound, room=True) or not isinstance(guard.holder, (ast.If, ast.While)):
            return False
        if isinstance(guard.bound, ast.Constant) and int(str(guard.bound.value)) < _MANY:
            return False
        text = dotted(inner(guard.value)) or ast.unparse(inner(guard.value))
        evicts = _evicts(guard.above, text)
        if not evicts and (not leaves(guard.above) or isinstance(guard.holder, ast.While)):
            return False
        after = guard.rest if evicts else (*guard.within, *guard.rest)
        stores = self._counts.stores(guard.value)
        adds = self._counts.adds(function, stores)
        if not any(
            holds(after, add) and not isinstance(add, ast.AugAssign) and _grows(add, text) for add in adds
        ):
            return False
        if any(holds(guard.above, add) for add in adds) or self._counts.is_counted(guard, function):
            return False
        return not self._is_lookahead(guard, function, text) and not self._is_inclusive_here(function)

    def _is_inclusive_here(self, function: Function) -> bool:
        return not isinstance(function, ast.Lambda) and self._is_inclusive(function)

    def _is_lookahead(self, guard: Guard, function: Function, text: str) -> bool:
        """Whether the function cuts the collection or asks its length again: one more tells that there are more."""
        bound = ast.dump(guard.bound)
        for node in walk(function):
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
                if dotted(node.value) == text:
                    return True
            elif isinstance(node, ast.Compare) and node is not guard.node and len(node.ops) == 1:
                sides = (node.left, node.comparators[0])
                if any(ast.dump(side) == bound for side in sides) and any(
                    is_length(side) and dotted(inner(side)) == text for side in sides
                ):
                    return True
        return False

    # -- 3: one pair, two operators

    def disagreeing(self, guards: list[Guard]) -> Iterator[tuple[Guard, Guard]]:
        """The pairs of guards on the same two expressions that differ in the operator, and in nothing else."""
        if len({guard.strict for guard in guards}) < 2:
            return
        guards = guards[:_FEW]
        for at, second in enumerate(guards):
            for first in guards[:at]:
                if first.strict is not second.strict and self._is_same_effect(first, second):
                    yield first, second
                    break

    def _is_same_effect(self, first: Guard, second: Guard) -> bool:
        index = self._module.index
        here, there = index.function(first.node), index.function(second.node)
        effect = _effect(first)
        if effect is None or effect != _effect(second) or here is None or there is None:
            return False
        if not (first.above_alone and second.above_alone) or first.holder is second.holder:
            return False
        if here is there:
            return not self._is_changed_between(first, second, here)
        if not _is_refusal(first) or not self._is_same_value(first, here, there):
            return False
        if self._takes(first, here) is self._takes(second, there):
            return True
        # One adds. The other one may judge what is finished, unless it says the very same of what it has not touched.
        return _is_same_refusal(first, second) and not any(
            self._is_judged(guard, function)
            for guard, function in ((first, here), (second, there))
            if guard.strict
        )

    def _is_judged(self, guard: Guard, function: Function) -> bool:
        """Whether a function makes what it asks, or is one that judges by its name."""
        if not isinstance(function, ast.Lambda) and not _JUDGES.isdisjoint(name_words(function.name)):
            return True
        texts = self._counts.stores(guard.value)
        return any(
            isinstance(node, (ast.Name, ast.Attribute))
            and isinstance(node.ctx, ast.Store)
            and dotted(node) in texts
            for node in walk(function)
        )

    def _is_same_value(self, guard: Guard, here: Function, there: Function) -> bool:
        """Whether the expressions of a guard mean the same in two functions."""
        classes = self._module.index.class_of(here), self._module.index.class_of(there)
        for side in (guard.value, guard.bound):
            for name in walk(side):
                if isinstance(name, ast.Name) and name.id in ("self", "cls") and classes[0] is not classes[1]:
                    return False
        return True

    def _takes(self, guard: Guard, function: Function) -> bool:
        """Whether a function adds what it is given, by its name or its code: ``>=`` is right before the add."""
        if isinstance(function, ast.Lambda) or self._counts.adds(function, self._counts.stores(guard.value)):
            return True
        found = set(name_words(function.name))
        return not found.isdisjoint(words("takes") | words("add") | words("decides"))

    def _is_changed_between(self, first: Guard, second: Guard, function: Function) -> bool:
        stores = self._counts.stores(first.value)
        return any(
            first.node.lineno <= getattr(add, "lineno", 0) <= second.node.lineno
            for add in self._counts.adds(function, stores)
        )

    # -- 4: text and operator

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
        for where, claim in self._claims(guard, refused):
            if claim.refuses[0] != says[0] or claim.refuses == says or not claim.is_about(guard.bound, value):
                continue
            if len(says) > 1 and not self._is_finished(guard):
                continue  # the next one is not counted yet
            if not self._is_equality_handled(guard):
                return where, claim
        return None

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
        for where, claim in prose:
            is_named = len(limit) > 1 and is_limit(guard.bound) and claim.words[: len(limit)] == limit
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
        adds = self._counts.adds(function, self._counts.stores(value))
        if is_length(value) and isinstance(counted, ast.Name) and self._is_made_of_given(counted):
            return not any(_grows(add, counted.id) for add in adds)
        if isinstance(counted, ast.Name):
            found = self._counts.is_given(counted)
            if not found:
                bound = self._counts.bound(counted)
                found = len(bound) == 1 and (
                    self._is_given_length(bound[0]) or not self._counts.is_count(value)
                )
        else:
            found = isinstance(counted, ast.Attribute) and not is_length(value)
        return found and not adds and (is_length(value) or not self._is_counting(counted))

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


def _says_inclusive(text: str) -> bool:
    lower = _NEXT_ONE.sub("", text.lower())
    return any(word in lower for word in words("inclusive"))


def _waits(body: Sequence[ast.stmt]) -> bool:
    return any(
        isinstance(node, ast.Call) and last_name(node.func) in words("wait")
        for item in body
        for node in walk(item)
    )


def _evicts(body: Sequence[ast.stmt], text: str) -> bool:
    """Whether statements take one item out of a collection."""
    for item in body:
        for node in walk(item):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr in words("evict") and dotted(node.func.value) == text:
                    return True
            elif isinstance(node, ast.Delete) and any(
                isinstance(target, ast.Subscript)
                and not isinstance(target.slice, ast.Slice)
                and dotted(target.value) == text
                for target in node.targets
            ):
                return True
    return False


def _grows(add: ast.AST, text: str) -> bool:
    """Whether an addition makes the very collection longer: ``xs.append(x)``, ``d[k] = v``."""
    if isinstance(add, ast.Call) and isinstance(add.func, ast.Attribute):
        return (dotted(add.func.value) or ast.unparse(add.func.value)) == text
    return isinstance(add, ast.Assign) and any(
        isinstance(target, ast.Subscript)
        and not isinstance(target.slice, ast.Slice)
        and (dotted(target.value) or ast.unparse(target.value)) == text
        for target in add.targets
    )


def _effect(guard: Guard) -> tuple[str, str] | None:
    """What a guard does where it refuses: the error it raises, the answer it returns."""
    last = guard.above[-1] if guard.above else None
    if isinstance(last, ast.Raise) and last.exc is not None:
        error = last.exc.func if isinstance(last.exc, ast.Call) else last.exc
        return "raise", ast.dump(error)
    if isinstance(last, ast.Return) and guard.holder is not last:
        if last.value is not None and is_constant(last.value, False):
            return "return False", ""
        return "return", "" if last.value is None else ast.dump(last.value)
    return (type(last).__name__, "") if isinstance(last, (ast.Break, ast.Continue)) else None


def _is_refusal(guard: Guard) -> bool:
    """Whether a guard raises, or returns no or what stands for an error."""
    last = guard.above[-1]
    if not isinstance(last, ast.Return):
        return isinstance(last, ast.Raise)
    value = last.value
    if value is None or isinstance(value, (ast.Constant, ast.Name)):
        return is_constant(value, False)
    return any(
        isinstance(node, ast.Constant)
        and (
            (type(node.value) is int and node.value >= _REFUSED)
            or (isinstance(node.value, str) and bool(_CONTRARY.search(node.value)))
        )
        for node in walk(value)
    )


def _is_same_refusal(first: Guard, second: Guard) -> bool:
    """Whether two guards refuse by the same text or value, not only by the same kind of error."""
    here, there = first.above[-1], second.above[-1]
    return ast.dump(here) == ast.dump(there) and any(
        isinstance(node, ast.Constant) and isinstance(node.value, (str, int)) for node in walk(here)
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
