"""AIG021: a limit that lets one more through, or one less, than it says."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from flake8_aiguard.boundaries import Boundaries
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.contradictions import Contradictions
from flake8_aiguard.counting import Counts, Guard, is_limit, leaves
from flake8_aiguard.index import FUNCTIONS
from flake8_aiguard.shapes import dotted, is_constant
from flake8_aiguard.wordings import Claim, name_of, name_words

_ADMITS: Final = (
    "{compare} admits one more than {limit}, as the current one is not counted yet; {verb} with {instead}"
)
_GROWS: Final = "{compare} {verb} only when {count} is over {limit}, and the add below makes it one too many; ask {instead}"
_DIFFERS: Final = "{compare} here and {other} in line {line} do the same, but differ where both sides are equal; use one operator"
_SAYS: Final = "{compare} {does} the value that equals {limit}, but the {where} says {phrase!r}; {advice}"
_INSTEAD: Final[dict[type[ast.cmpop], str]] = {ast.Gt: ">=", ast.GtE: ">", ast.Lt: "<=", ast.LtE: "<"}
_HOLDERS: Final = (ast.If, ast.While, ast.Assert, ast.Return, ast.Assign)
_MOST: Final = frozenset({"max", "min"})  # words of a bound that is the last value that is right
_LONG: Final = 60  # of an expression in a message


class OffByOneLimit(Checker):
    """Limit that lets one more through, or one less, than it says.

    Why: ``>`` where the current one is not counted yet admits the 101st of 100. Tests with one or two requests do not
    see it, and the service behind the limit does.

    Bad::

        class RateLimiter:
            def __init__(self, limit):
                self.limit = limit
                self.calls = []

            def allow(self, now):
                self.calls = [call for call in self.calls if now - call < 60]
                if len(self.calls) > self.limit:
                    return False
                self.calls.append(now)
                return True

    Good::

        class RateLimiter:
            def __init__(self, limit):
                self.limit = limit
                self.calls = []

            def allow(self, now):
                self.calls = [call for call in self.calls if now - call < 60]
                if len(self.calls) >= self.limit:
                    return False
                self.calls.append(now)
                return True

    Limits: four shapes. (1) A function whose name or docstring says that it admits (allow, permit, acquire, quota ...) and compares a count
    with a limit by ``>``, where the current one is counted afterwards. (2) ``if len(xs) > LIMIT:`` that leaves or evicts one, and an add to
    ``xs`` after it. (3) The same two expressions compared by ``>`` and by ``>=`` to the same effect in one file. (4) A message, docstring or comment
    such as "must be less than 10" or "at most 10" beside an operator that does the opposite.

    - Counts and limits are told by their names. Without a proof that the current one is counted later, (1) needs a function that decides about
      the next one by its name, or a check of a limit that is handed how many there are (``check_rate_limit(request_count, limit)``).
    - Silent on the size of a finished value, and on a parameter ``count`` that says how many are wanted.
    - Silent for a limit of retries in (1), as the first try is none.
    - Silent where the current one is counted before, ``depth + 1`` is passed on, or a collection begins with one item.
    - Silent on eviction after an insert, sweeps of what has expired, one more that is fetched to know whether there are more, and whole pages.
    - Silent where a text says "reaches or exceeds", "already", that the bound is inclusive, or what the operator does, and on positions beside the number of places.
    """

    code = "AIG021"
    slug = "off-by-one-limit"
    since = "0.1.0"
    severity = "warning"
    message = _ADMITS
    ruff = "Ruff has nothing for this pattern."

    def start(self) -> None:
        self.limits = Counts(self.module)
        self.boundaries = Boundaries(self.module, self.limits)
        self.contradictions = Contradictions(self.module, self.limits)
        self.pairs: defaultdict[tuple[str, str], list[Guard]] = defaultdict(list)
        self.reported: set[ast.Compare] = set()
        self.contradicted: set[tuple[ast.stmt, str]] = set()

    def _compare(self, node: ast.Compare) -> Iterator[Finding]:
        holder = self.module.index.parent(node)
        while isinstance(holder, (ast.BoolOp, ast.UnaryOp)):
            holder = self.module.index.parent(holder)
        if not isinstance(holder, _HOLDERS):
            return
        limited = any(is_limit(side, room=True) for side in (node.left, *node.comparators))
        described = isinstance(holder, (ast.If, ast.Assert)) and self.contradictions.may_be_described(holder)
        if not limited and not described:
            return
        guards = [guard for guard in self.limits.guards(node) if not isinstance(guard.value, ast.Constant)]
        for guard in guards if limited else ():
            if self.boundaries.admits_one_more(guard):
                yield from self._report(guard, _ADMITS, "admit" if guard.is_within else "refuse")
                return
            if self.boundaries.adds_past(guard):
                yield from self._report(guard, _GROWS, "leaves" if leaves(guard.above) else "evicts")
                return
            if is_limit(guard.bound) and not isinstance(guard.bound, ast.Constant):
                self.pairs[ast.dump(guard.value), ast.dump(guard.bound)].append(guard)
        for guard in guards if described else ():
            claimed = self.contradictions.says_otherwise(guard)
            if (
                claimed is not None
                and (guard.holder, claimed[1].text) not in self.contradicted
                and not self._is_never_zero(guard)
            ):
                self.contradicted.add((guard.holder, claimed[1].text))
                yield from self._contradicted(guard, *claimed)
                return

    def _is_never_zero(self, guard: Guard) -> bool:
        """Whether a number that is compared with 0 is none: ``if count: assert count >= 0``."""
        name = dotted(guard.value)
        if name is None or not is_constant(guard.bound, 0):
            return False
        child: ast.AST = guard.node
        for outer in self.module.index.ancestors(guard.node):
            if isinstance(outer, FUNCTIONS):
                return False
            if isinstance(outer, ast.If) and child in outer.body and dotted(outer.test) == name:
                return True
            child = outer
        return False

    def finish(self) -> Iterator[Finding]:
        for node in self.module.index.nodes(ast.Compare):
            if isinstance(node.ops[-1], (ast.Gt, ast.GtE, ast.Lt, ast.LtE)):
                yield from self._compare(node)
        for guards in self.pairs.values():
            for first, second in self.boundaries.disagreeing(guards):
                if second.node not in self.reported and first.node not in self.reported:
                    self.reported |= {first.node, second.node}
                    yield from self.found(
                        second.node,
                        message=_DIFFERS,
                        compare=_text(second.node),
                        other=_text(first.node),
                        line=first.node.lineno,
                    )

    def _report(self, guard: Guard, message: str, verb: str) -> Iterator[Finding]:
        self.reported.add(guard.node)
        yield from self.found(
            guard.node,
            message=message,
            compare=_text(guard.node),
            count=_text(guard.value),
            limit=_text(guard.bound),
            verb=verb,
            instead=self._instead(guard),
        )

    def _instead(self, guard: Guard) -> str:
        """The operator as it stands in the source, turned round where both sides are equal."""
        node = guard.node
        sides = [node.left, *node.comparators]
        at = min(sides.index(guard.value), sides.index(guard.bound))
        return _INSTEAD[type(node.ops[at])]

    def _contradicted(self, guard: Guard, where: str, claim: Claim) -> Iterator[Finding]:
        self.reported.add(guard.node)
        # Where the text describes the failure, or the bound itself is an ordinary value, the operator is hardly what is wrong.
        # Whoever writes "must be less than" in a message mostly means "at most".
        is_meant = is_constant(guard.bound, 0) or (
            len(claim.refuses) > 1
            and (where == "message" or not _MOST.isdisjoint(name_words(name_of(guard.bound) or "")))
        )
        mends = [f"use {self._instead(guard)}", f"correct the {where}"]
        if claim.describes or is_meant:
            mends.reverse()
        yield from self.found(
            guard.node,
            message=_SAYS,
            compare=_text(guard.node),
            does="refuses" if len(claim.refuses) == 1 else "lets through",
            limit=_text(guard.bound),
            where=where,
            phrase=claim.text,
            advice=", or ".join(mends),
        )


def _text(node: ast.expr) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= _LONG else f"{text[: _LONG - 3]}..."
