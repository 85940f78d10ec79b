"""Which passes are joins: another collection is passed through for each item of a loop."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from flake8_aiguard.amounts import Amounts
from flake8_aiguard.children import walk
from flake8_aiguard.hashables import Hashables, is_slice
from flake8_aiguard.index import COMPREHENSIONS, Loop
from flake8_aiguard.lists import collection
from flake8_aiguard.loops import iterables
from flake8_aiguard.module import Module
from flake8_aiguard.nouns import forms, says
from flake8_aiguard.scans import Match, Scan, names_of, pairs_of
from flake8_aiguard.searches import Searches
from flake8_aiguard.shapes import dotted, last_name, names_in, string


class Joins:
    """The joins of one file.

    Args:
        module: the file.
        searches: its searches.
        amounts: how many items its collections have.
    """

    def __init__(self, module: Module, searches: Searches, amounts: Amounts) -> None:
        self._module = module
        self._searches = searches
        self._amounts = amounts
        self._hashables = Hashables(module)

    def joined(self, scan: Scan) -> tuple[Loop | ast.comprehension, Match] | None:
        """The loop for each of whose items another collection is passed through, and by what the items are matched.

        Args:
            scan: the pass.

        Returns:
            The loop, or the earlier part of the same comprehension; ``None`` for a pass that is no join.
        """
        if not self._is_repeated(scan):
            return None
        pairs = [pair for test in scan.tests for pair in pairs_of(test, scan.targets, scan.unequal)]
        if not pairs or self._is_picky(scan):
            return None
        iterable = collection(self._module, scan.iterable)
        if not isinstance(iterable, (ast.Name, ast.Attribute)) or self._is_iterator(iterable):
            return None
        if self._amounts.is_part(iterable) and not self._amounts.says_data(iterable):
            return None
        if not self._amounts.is_data(scan.iterable, keyed=True) and not self._amounts.is_data(scan.iterable):
            return None
        positions = self._positions(scan)
        pairs = [pair for pair in pairs if positions.isdisjoint(name.id for name in names_in(pair.key))]
        earlier = self._earlier(scan)
        for part in earlier:
            names = names_of(part.target)
            if not names.isdisjoint(name.id for name in names_in(iterable)):
                return None
            for pair in pairs:
                keyed = is_known_by(pair)
                if not names.isdisjoint(name.id for name in names_in(pair.key)):
                    continue
                if not names.isdisjoint(name.id for name in names_in(pair.value)) and self._amounts.is_data(
                    part.iter, keyed=keyed
                ):
                    return (part, pair) if self._amounts.is_data(scan.iterable, keyed=keyed) else None
        for pair in pairs:
            if is_slice(pair.key) or is_slice(pair.value):
                return None
            keyed = is_known_by(pair)
            loop = self._searches.around(scan.node, scan.iterable, pair.value, keyed=keyed)
            if loop is not None and (
                self._searches.is_stale(iterable, loop)
                or self._falls_through(scan, loop)
                or self._is_passed_anyway(iterable, loop)
                or self._is_of_a_kind(scan, loop)
            ):
                return None
            if loop is not None and (
                self._is_cut_to_fit(pair.key, scan, loop) or not self._is_worth_join(iterable, loop)
            ):
                return None
            if loop is not None:
                is_key = not isinstance(pair.key, ast.Name) or (
                    self._hashables.is_hashable(pair.key, iterable, loop)
                    and self._hashables.is_hashable(pair.value, iterable, loop)
                )
                if not is_key or not self._amounts.is_data(scan.iterable, keyed=keyed):
                    return None
                return loop, self._all_of(pair, pairs, scan, loop)
        return None

    def _all_of(self, pair: Match, pairs: Sequence[Match], scan: Scan, loop: Loop) -> Match:
        """What items are matched by: a tuple where several equalities with the item of the loop have to hold."""
        keys, place = {ast.dump(pair.key): pair}, self._searches.place(loop)
        for other in pairs:
            varies = self._module.loops.dependents(other.value, place)
            if varies and not self._is_cut_to_fit(other.key, scan, loop):
                keys.setdefault(ast.dump(other.key), other)
        if len(keys) == 1:
            return pair
        return Match(
            ast.Tuple([item.key for item in keys.values()], ast.Load()),
            ast.Tuple([item.value for item in keys.values()], ast.Load()),
        )

    def depends(self, scan: Scan, loop: Loop) -> bool:
        """Whether a condition beside the equalities hangs on the item of the loop, so that a set cannot answer it.

        Args:
            scan: the pass.
            loop: the loop for each of whose items it is made.
        """
        place = self._searches.place(loop)
        tests = [
            part
            for test in scan.tests
            for part in (test.values if isinstance(test, ast.BoolOp) else (test,))
            if not list(pairs_of(part, scan.targets, scan.unequal))
        ]
        return any(self._module.loops.dependents(test, place) for test in tests)

    def _is_picky(self, scan: Scan) -> bool:
        """Whether further conditions choose the items, so that a dict made before would need them all."""
        stack, filters = list(scan.tests), 0
        while stack:
            test = stack.pop()
            if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
                stack += test.values
            elif not list(pairs_of(test, scan.targets, scan.unequal)):
                filters += 2 if isinstance(test, ast.BoolOp) else 1
        return filters > 1

    def _is_iterator(self, iterable: ast.expr) -> bool:
        """Whether each pass goes on where the last one ended: ``rest = iter(lines)``."""
        resolved = self._module.scopes.resolve(iterable) if isinstance(iterable, ast.Name) else None
        return resolved is not None and any(
            isinstance(item.value, ast.GeneratorExp)
            or (
                isinstance(item.value, ast.Call) and self._module.qualname(item.value.func) == "builtins.iter"
            )
            for item in resolved[1]
        )

    def _is_worth_join(self, iterable: ast.expr, loop: Loop) -> bool:
        """Whether both collections may be long: nothing that one record holds, and one of them given, or data by its name."""
        outer = [collection(self._module, item) for item in iterables(loop)]
        if any(
            self._amounts.is_part(item)
            and (not self._amounts.says_data(item) or "id" in forms(last_name(item) or ""))
            for item in outer
        ):
            return False  # what one record holds, or is told of
        if any(isinstance(item, ast.Subscript) and not self._amounts.says_data(item) for item in outer):
            return False
        if any(
            isinstance(item, ast.Attribute)
            and not (self._amounts.is_given(item) or self._amounts.says_data(item))
            for item in (iterable, *outer)
        ):
            return False
        if any(
            isinstance(item, COMPREHENSIONS)
            and item.generators[0].ifs
            and dotted(item.generators[0].iter) == dotted(iterable)
            for item in outer
        ):
            return False  # those of them that are of another kind
        return any(
            self._amounts.is_given(item)
            or self._amounts.says_data(item)
            or self._amounts.is_read(item)
            or self._amounts.is_fetched(item)
            for item in (iterable, *outer)
        )

    def _is_cut_to_fit(self, key: ast.expr, scan: Scan, loop: Loop) -> bool:
        """Whether a key depends on what it is compared with, so that no dict can have it: ``name[:len(prefix)] == prefix``."""
        place = self._searches.place(loop)
        return any(
            self._module.loops.dependents(name, place)
            for name in names_in(key)
            if name.id not in scan.targets
        )

    def _is_passed_anyway(self, iterable: ast.expr, loop: Loop) -> bool:
        """Whether a turn goes through the collection for all but the equal ones as well: ``[x for x in xs if x.id != y.id]``."""
        return any(
            isinstance(item, COMPREHENSIONS)
            and dotted(item.generators[0].iter) == dotted(iterable)
            and any(
                isinstance(operator, ast.NotEq)
                for test in item.generators[0].ifs
                for part in walk(test)
                for operator in getattr(part, "ops", ())
            )
            for item in walk(loop)
        )

    def _is_of_a_kind(self, scan: Scan, loop: Loop) -> bool:
        """Whether the pass is made for items of one kind only: ``if node.kind == "fork":``."""
        place, index = self._searches.place(loop), self._module.index
        return any(
            isinstance(outer, ast.If)
            and isinstance(test := outer.test, ast.Compare)
            and isinstance(test.ops[0], ast.Eq)
            and isinstance(test.comparators[0], ast.Constant)
            and self._module.loops.dependents(test.left, place)
            for outer in index.outwards(scan.node, loop)
        )

    def _falls_through(self, scan: Scan, loop: Loop) -> bool:
        """Whether the same turn reads the item behind the pass: where none meets the condition, it is the last one."""
        function = self._module.index.function(scan.node)
        if not isinstance(scan.node, (ast.For, ast.AsyncFor)) or scan.node.orelse or function is None:
            return False
        first, last = scan.node.end_lineno or 0, loop.end_lineno or 0
        uses = self._module.def_use(function).uses(scan.node) or ()
        return any(first < use.lineno <= last for use in uses)

    def _is_repeated(self, scan: Scan) -> bool:
        return bool(self._earlier(scan)) or next(self._module.index.loops(scan.node), None) is not None

    def _earlier(self, scan: Scan) -> list[ast.comprehension]:
        part = self._module.index.parent(scan.iterable)
        owner = None if part is None else self._module.index.parent(part)
        if not isinstance(part, ast.comprehension) or not isinstance(owner, COMPREHENSIONS):
            return []
        return list(reversed(owner.generators[: owner.generators.index(part)]))

    def _positions(self, scan: Scan) -> frozenset[str]:
        """The counter of ``enumerate``."""
        iterable = scan.iterable
        if isinstance(iterable, ast.Call) and self._module.qualname(iterable.func) == "builtins.enumerate":
            parent = self._module.index.parent(iterable)
            target = getattr(parent, "target", None)
            if isinstance(target, ast.Tuple) and target.elts:
                return names_of(target.elts[0])
        return frozenset()


def is_known_by(pair: Match) -> bool:
    """Whether two records are matched by what records are known by: ``user.id == order.user_id``.

    Args:
        pair: what they are matched by.
    """
    sides = (pair.key, pair.value)
    parts = [part for side in sides for part in (side.elts if isinstance(side, ast.Tuple) else [side])]
    return any(
        isinstance(node, (ast.Attribute, ast.Subscript))
        and says(last_name(node) or string(getattr(node, "slice", None)) or "") == "data"
        for node in parts
    )
