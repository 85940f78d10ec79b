"""What a comparison with a limit does where both sides are equal: three shapes of limits that are off by one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Final

from flake8_aiguard.children import children, walk
from flake8_aiguard.counting import Counts, Guard, grows, holds, inner, is_length, is_limit, leaves, refuses
from flake8_aiguard.index import Function
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import dotted, is_constant, last_name
from flake8_aiguard.wordings import name_of, name_words, words

_NEGATIVE: Final = frozenset(
    {"not", "no", "over", "exceed", "exceeds", "exceeded", "disallow", "limited", "throttled"}
)
_DOCUMENTED: Final = regex(
    r"\b(?:allow(?:s|ed)?|permit(?:s|ted)?|admit(?:s|ted)?|acquires?|appl(?:y|ies)|checks?|enforces?|quota|limit\w*|rate.?limit\w*|throttl\w+)\b",
    re.IGNORECASE,
)
_JUDGES: Final = frozenset(
    {"assert", "clean", "init", "is", "load", "parse", "read", "restore", "validate", "verify"}
)
_CONTRARY: Final = regex(r"error|fail|full|invalid|refus|reject|too ", re.IGNORECASE)
# "if the limit permits one more" speaks of the next one, not of one above the limit.
_NEXT_ONE: Final = regex(
    r"\b(?:if|unless|until|when|whether|room for|space for)\b[^.,;]*\bone more\b(?! than)"
)
# What refuses a finished thing says what it may not have; a check of the next one says that there is no room.
_SAYS_MORE: Final = regex(
    r"\b(?:can(?:no|')t|may not|must not|only)\b.*\b(?:bigger|greater|higher|larger|longer|more) than\b"
)
_REFUSED: Final = 400  # HTTP statuses from here on refuse
_NAMED: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_FEW: Final = 40  # guards that are compared with each other
_MANY: Final = 8  # a literal from which on it is a limit of what a collection holds
_RETRIES = frozenset(("reattempts", "reconnects", "retries", "retry"))


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
        if not words("asked").isdisjoint(name_words(name_of(guard.value) or "")):
            return False
        if not _RETRIES.isdisjoint(name_words(name_of(guard.bound) or "")):
            return False  # the first try is none of them
        if self._is_given_size(guard, function):
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
        if by_callers or _says_more(guard):
            return bool(by_callers)
        is_told = says == "decides" or (says == "limits" and isinstance(guard.value, ast.Name))
        return (is_told and self._counts.is_state(guard.value)) or (
            (says == "limits" or self._checks_next(guard, function)) and self._counts.is_added_in_file(guard)
        )

    @staticmethod
    def _checks_next(guard: Guard, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Whether a function that is called a check of a limit does nothing but answer ``n <= limit``."""
        is_alone = isinstance(guard.holder, ast.Return) and guard.holder.value is guard.node
        return is_alone and "check" in name_words(function.name)

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
        if any(name.startswith("test") for name in around):
            return None  # a fake that counts how often it is asked
        said = words("guards") | words("decides")
        return "guards" if any(not said.isdisjoint(name_words(name)) for name in around) else None

    def _adds_within(self, guard: Guard, function: Function) -> bool:
        """Whether the branch that admits counts the current one, and the one that refuses does not."""
        adds = [
            add
            for add in self._counts.adds(function, self._counts.stores(guard.value))
            if not _is_local_sum(add)
        ]
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

    def _is_given_size(self, guard: Guard, function: Function) -> bool:
        """Whether a count is how long an argument is, which is no collection by its name, and to which nothing is added."""
        measured = guard.value
        if isinstance(measured, ast.Name):
            bound = self._counts.bound(measured)
            measured = bound[0] if len(bound) == 1 else measured
        counted = inner(measured)
        if not is_length(measured) or not isinstance(counted, ast.Name) or not self._counts.is_given(counted):
            return False
        if not words("count").isdisjoint(name_words(counted.id)):
            return False
        adds = self._counts.adds(function, frozenset({counted.id}))
        return not any(grows(add, counted.id) for add in adds)

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
        loop = next(index.loops(guard.holder), None)
        if not any(
            holds(after, add)
            and next(index.loops(add), None) is loop  # else a whole page is added
            and not isinstance(add, ast.AugAssign)
            and grows(add, text)
            and not self._replaces(add)
            for add in adds
        ):
            return False
        if any(holds(guard.above, add) for add in adds) or self._counts.is_counted(guard, function):
            return False
        return not self._is_lookahead(guard, function, text) and not self._is_inclusive_here(function)

    def _replaces(self, add: ast.AST) -> bool:
        """Whether an assignment replaces an item by its number: ``for i, x in enumerate(xs): xs[i] = clean(x)``."""
        if not isinstance(add, ast.Assign):
            return False
        numbers = {
            target.slice.id
            for target in add.targets
            if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Name)
        }
        return any(
            isinstance(loop, ast.For)
            and isinstance(loop.iter, ast.Call)
            and last_name(loop.iter.func) in ("enumerate", "range")
            and any(isinstance(node, ast.Name) and node.id in numbers for node in walk(loop.target))
            for loop in self._module.index.ancestors(add)
        )

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
            return not (
                self._is_alternative(first, second)
                or self._is_changed_between(first, second, here)
                or self._is_bound_between(first, second, here)
            )
        if not _is_refusal(first) or not self._is_same_value(first, here, there):
            return False
        over, function = (first, here) if first.strict else (second, there)
        if self._counts.is_counted(over, function):
            return False  # `>` behind the add lets as many through as `>=` before it
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
        return self._made_of(guard.bound, here) == self._made_of(guard.bound, there)

    def _made_of(self, bound: ast.expr, function: Function) -> list[str]:
        """What a function assigns to its own variables in a bound: ``limit = 1 << bits`` is another one than ``limit = 7``."""
        scopes = self._module.scopes
        names = sorted({name.id for name in walk(bound) if isinstance(name, ast.Name)})
        return [
            "" if binding.value is None else ast.unparse(binding.value)
            for name in names
            for binding in scopes.bindings(function, name)
        ]

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

    def _is_alternative(self, first: Guard, second: Guard) -> bool:
        """Whether the guards stand in the two branches of one condition: ``if exclusive: ... else: ...``."""
        around = [item for item in self._module.index.ancestors(first.holder) if isinstance(item, ast.If)]
        return any(holds(item.body, first.holder) and holds(item.orelse, second.holder) for item in around)

    def _is_bound_between(self, first: Guard, second: Guard, function: Function) -> bool:
        """Whether the same name is another value at the second guard."""
        names = {node.id for node in walk(first.node) if isinstance(node, ast.Name)}
        return any(
            isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Store)
            and node.id in names
            and first.node.lineno < node.lineno < second.node.lineno
            for node in walk(function)
        )


def _is_local_sum(add: ast.AST) -> bool:
    """Whether an addition makes a total of what is asked next: ``needed += scheduled``."""
    return (
        isinstance(add, ast.AugAssign)
        and isinstance(add.target, ast.Name)
        and not isinstance(add.value, ast.Constant)
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
    """Whether statements take one item out of a collection; a sweep through all items for those that have expired may take none."""
    stack: list[ast.AST] = [*body]
    while stack:
        node = stack.pop()
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
        if isinstance(node, ast.For) and any(getattr(part, "ifs", ()) for part in walk(node.iter)):
            continue
        for below in children(node):
            if not (isinstance(node, ast.For) and _is_chosen(below)):
                stack.append(below)
    return False


def _is_chosen(inner: ast.AST) -> bool:
    """Whether a statement of a loop body runs for some items only, and does not end the loop with the first of them."""
    return isinstance(inner, ast.If) and not isinstance(inner.body[-1], ast.Break)


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


def _says_more(guard: Guard) -> bool:
    """Whether a refusal says that something cannot have more than the limit, as it is compared."""
    return any(
        isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(_SAYS_MORE.search(node.value))
        for statement in guard.above
        for node in walk(statement)
    )


def _is_same_refusal(first: Guard, second: Guard) -> bool:
    """Whether two guards refuse by the same text or value, not only by the same kind of error."""
    here, there = first.above[-1], second.above[-1]
    return ast.dump(here) == ast.dump(there) and any(
        isinstance(node, ast.Constant) and isinstance(node.value, (str, int)) for node in walk(here)
    )
