"""Which list a loop searches for each of its items, and whether another way would be worth it."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from flake8_aiguard.amounts import Amounts
from flake8_aiguard.children import walk
from flake8_aiguard.index import COMPREHENSIONS, Loop
from flake8_aiguard.loops import Place, iterables, target_names
from flake8_aiguard.memo import lazy
from flake8_aiguard.module import Module
from flake8_aiguard.nouns import says
from flake8_aiguard.scans import names_of
from flake8_aiguard.shapes import dotted, last_name, names_in

_GROWS: Final = frozenset({"append", "extend", "insert"})
_ORDERS: Final = ("bisect", "bisect_left", "bisect_right", "insort", "insort_left", "insort_right")
_TAKES: Final = ("clear", "pop", "remove")
_CHANGES: Final = _GROWS | {"add", "clear", "discard", "pop", "popitem", "remove", "setdefault", "update"}


class Searches:
    """The searches of one file.

    Args:
        module: the file.
        amounts: how many items its collections have.
    """

    def __init__(self, module: Module, amounts: Amounts) -> None:
        self._module = module
        self._amounts = amounts
        self._places: dict[Loop, Place] = {}

    def around(
        self, node: ast.expr | ast.stmt, searched: ast.expr, item: ast.expr, *, keyed: bool = False
    ) -> Loop | None:
        """The loop for each of whose items a collection is searched from its start.

        Args:
            node: the search.
            searched: the collection.
            item: what is looked for.
            keyed: whether what is looked for is what records are known by.

        Returns:
            The innermost loop over data that decides what is looked for; ``None`` where there is none, and where the loop builds
            or chooses the collection anew.
        """
        if not keyed and any(says(name.id) in ("chosen", "single") for name in names_in(item)):
            return None
        for loop in self._module.index.loops(node):
            place = self.place(loop)
            if self._is_position(item, loop) or self._module.loops.dependents(searched, place):
                return None
            if not self.stays(searched, loop):
                return None
            if self._decides(item, place) and self._is_data_loop(loop, searched, keyed=keyed):
                return loop
        return None

    def place(self, loop: Loop) -> Place:
        """What a turn of a loop runs."""
        if loop not in self._places:
            self._places[loop] = self._module.loops.place(loop)
        return self._places[loop]

    def _decides(self, item: ast.expr, place: Place) -> bool:
        if self._module.loops.dependents(item, place):
            return True
        if not isinstance(place.loop, ast.While):
            return False
        variables = (self._module.loops.variable(name) for name in names_in(item))
        return any(
            variable is not None and bool(self._module.loops.writes(variable, place.loop))
            for variable in variables
        )

    def _is_position(self, item: ast.expr, loop: Loop) -> bool:
        """Whether what is looked for is a number that a loop counts: ``i`` of ``range(n)`` or ``enumerate(xs)``."""
        names = {name.id for name in names_in(item)}
        if isinstance(item, (ast.Attribute, ast.Subscript, ast.Call)) or isinstance(loop, ast.While):
            return False
        pairs = (
            [(part.target, part.iter) for part in loop.generators]
            if isinstance(loop, COMPREHENSIONS)
            else [(loop.target, loop.iter)]
        )
        for target, iterable in pairs:
            called = self._module.qualname(iterable.func) if isinstance(iterable, ast.Call) else None
            if called == "builtins.enumerate" and isinstance(target, ast.Tuple) and target.elts:
                target = target.elts[0]
            elif called != "builtins.range":
                continue
            if not names.isdisjoint(names_of(target)):
                return True
        return False

    def stays(self, searched: ast.expr, loop: Loop) -> bool:
        """Whether a loop leaves a collection in its place, though it may grow."""
        loops = self._module.loops
        variables = [
            variable
            for item in names_in(searched)
            if (variable := loops.variable(item)) is not None
            and (variable[0] is loop or not isinstance(variable[0], COMPREHENSIONS))
        ]
        if any(not write.carries for variable in variables for write in loops.writes(variable, loop)):
            return False
        held = {dotted(item) for item in walk(searched) if isinstance(item, ast.Attribute)}
        return not held or not any(
            isinstance(item, ast.Attribute) and not isinstance(item.ctx, ast.Load) and dotted(item) in held
            for item in walk(loop)
        )

    def _is_data_loop(self, loop: Loop, searched: ast.expr, *, keyed: bool) -> bool:
        if isinstance(loop, ast.While):
            return bool(self.place(loop).targets) or self.grows(searched, loop)
        if any(self._module.qualname(iterable) == "sys.stdin" for iterable in iterables(loop)):
            return True
        is_data = any(self._amounts.is_data(iterable, keyed=keyed) for iterable in iterables(loop))
        return is_data and self._module.bounds.over(loop) is not None

    def grows(self, searched: ast.expr, loop: Loop) -> bool:
        """Whether a loop adds to a collection."""
        return dotted(searched) in self._grown.get(loop, ())

    @lazy
    def _grown(self) -> defaultdict[Loop, set[str]]:
        """What each loop adds to."""
        calls = self._module.index.calls_named(_GROWS)
        return self._by_loop([call.func.value for call in calls if isinstance(call.func, ast.Attribute)])

    def _by_loop(self, nodes: Iterable[ast.expr]) -> defaultdict[Loop, set[str]]:
        found: defaultdict[Loop, set[str]] = defaultdict(set)
        for node in nodes:
            name = dotted(node)
            if name is not None:
                for loop in self._module.index.loops(node):
                    found[loop].add(name)
        return found

    def is_handed_on(self, searched: ast.expr, loop: Loop) -> bool:
        """Whether a loop hands what it searches to the function that it stands in, which may add to it: ``visit(parent, order)``."""
        index = self._module.index
        name = getattr(index.function(loop), "name", "")
        return any(
            loop in index.loops(call) and any(dotted(item) == dotted(searched) for item in call.args)
            for call in (index.calls_named((name,)) if name else ())
        )

    def is_collected(self, node: ast.expr, searched: ast.expr) -> bool:
        """Whether a local list gathers what a loop over records around the search brings: ``articles``, not one ``row``."""
        if not isinstance(searched, ast.Name) or not self.is_added_to(searched):
            return False
        return any(
            self.grows(searched, loop)
            and self.stays(searched, loop)
            and any(
                name.endswith("s") and says(name) == "data"
                for part in iterables(loop)
                for name in self._amounts.named(part)
            )
            for loop in self._module.index.loops(node)
        )

    def is_added_to(self, searched: ast.expr) -> bool:
        """Whether something is added to a collection, or to another one of its name."""
        return last_name(searched) in self._added_to

    @lazy
    def _added_to(self) -> Collection[str]:
        """The names that something is added to, wherever."""
        calls = self._module.index.calls_named(_GROWS)
        return {last_name(call.func.value) or "" for call in calls if isinstance(call.func, ast.Attribute)}

    def gathers(self, node: ast.Compare, searched: ast.expr, item: ast.expr, loop: Loop) -> bool:
        """Whether a set beside a list that grows would do: each item is asked for, and then added to a local list.

        Not where only some items come so far, nor where a method adds what a comprehension has left over.

        Args:
            node: the search.
            searched: the list.
            item: what is looked for.
            loop: the loop.
        """
        index = self._module.index
        if isinstance(searched, ast.Attribute) and not self.is_only_asked(searched):
            return False
        if isinstance(loop, COMPREHENSIONS):
            return False
        sought, name = ast.dump(item), dotted(searched)
        added = [
            call
            for call in index.calls_named(("append",))
            if isinstance(call.func, ast.Attribute)
            and dotted(call.func.value) == name
            and loop in index.loops(call)
        ]
        if self._is_bounded(node, item, loop):
            return False
        conditions = sum(isinstance(outer, ast.If) for outer in index.outwards(node, loop))
        beside = index.parent(node)
        tests = beside.values if isinstance(beside, ast.BoolOp) else [node]
        return (
            conditions <= 1
            and len(tests) <= (2 if next(index.loops(node), None) is loop else 1)
            and any(len(call.args) == 1 and ast.dump(call.args[0]) == sought for call in added)
        )

    def _is_bounded(self, node: ast.Compare, item: ast.expr, loop: Loop) -> bool:
        """Whether few items can come: others raise (``if x not in KNOWN: raise``), or a chain raises where it is a ring."""
        sought, choice = ast.dump(item), self._module.index.parent(node)
        if isinstance(loop, ast.While):
            return isinstance(choice, ast.If) and isinstance(choice.body[-1], ast.Raise)
        return any(
            isinstance(statement, ast.If)
            and isinstance(statement.body[-1], ast.Raise)
            and isinstance(test := statement.test, ast.Compare)
            and isinstance(test.ops[0], ast.NotIn)
            and ast.dump(test.left) == sought
            for statement in getattr(loop, "body", ())
        )

    def is_parted(self, node: ast.Compare, searched: ast.expr, loop: Loop) -> bool:
        """Whether a loop keeps what a filter of the same collection has left out: ``odd = [x for x in xs if x not in even]``.

        Args:
            node: the search.
            searched: the list.
            loop: the loop.
        """
        made = self.made(searched)
        if not isinstance(node.ops[0], ast.NotIn) or not isinstance(made, ast.ListComp):
            return False
        part = made.generators[0]
        return (
            len(made.generators) == 1
            and bool(part.ifs)
            and dotted(made.elt) == dotted(part.target) is not None
            and dotted(part.iter) in {dotted(item) for item in iterables(loop)} - {None}
            and dotted(node.left) in target_names(loop)
        )

    def made(self, searched: ast.expr) -> ast.expr | None:
        """What a local is bound to, where it is bound once."""
        resolved = self._module.scopes.resolve(searched) if isinstance(searched, ast.Name) else None
        return resolved[1][0].value if resolved is not None and len(resolved[1]) == 1 else None

    def is_other(self, searched: ast.expr, item: ast.expr) -> bool:
        """Whether a list is filled with objects, and an attribute of one is looked for: ``seen.append(user)``, ``user.id in seen``.

        Args:
            searched: the list.
            item: what is looked for.
        """
        if not isinstance(item, ast.Attribute) or not isinstance(item.value, ast.Name):
            return False
        added = self._additions.get((self._module.index.function(searched), dotted(searched)), ())
        return bool(added) and all(
            len(call.args) == 1 and dotted(call.args[0]) == item.value.id for call in added
        )

    @lazy
    def _additions(self) -> Mapping[tuple[ast.AST | None, str | None], Sequence[ast.Call]]:
        """The calls that add to a list, by their function and its name."""
        found: defaultdict[tuple[ast.AST | None, str | None], list[ast.Call]] = defaultdict(list)
        for call in self._module.index.calls_named(_GROWS):
            if isinstance(call.func, ast.Attribute):
                found[self._module.index.function(call), dotted(call.func.value)].append(call)
        return found

    def is_gathered_around(self, searched: ast.expr, loop: Loop) -> bool:
        """Whether a loop around another adds to what that one searches, so that a set made before it would be made anew each time.

        Args:
            searched: the list.
            loop: the inner loop.
        """
        return any(
            self.grows(searched, outer) and self.stays(searched, outer)
            for outer in self._module.index.loops(loop)
        )

    def is_emptied(self, searched: ast.expr, loop: Loop) -> bool:
        """Whether a loop takes items out of what it searches: a set made before would not know, and the list stays.

        Args:
            searched: the list.
            loop: the loop.
        """
        name = dotted(searched)
        return name is not None and any(
            isinstance(call.func, ast.Attribute)
            and dotted(call.func.value) == name
            and loop in self._module.index.loops(call)
            for call in self._module.index.calls_named(_TAKES)
        )

    def is_ordered(self, searched: ast.expr) -> bool:
        """Whether a list is kept in order, so that ``bisect`` finds what a set would: ``insort(xs, x)``.

        Args:
            searched: the list.
        """
        name = dotted(searched)
        return name is not None and any(
            dotted(argument) == name
            for call in self._module.index.calls_named(_ORDERS)
            for argument in call.args[:1]
        )

    def is_guard(self, node: ast.expr, searched: ast.expr) -> bool:
        """Whether a search only asks whether an item of a local list may be removed: ``if x in xs: xs.remove(x)``."""
        choice = self._module.index.parent(node)
        if not isinstance(choice, ast.If) or len(choice.body) != 1 or choice.orelse:
            return False
        taken = choice.body[0].value if isinstance(choice.body[0], ast.Expr) else None
        return (
            isinstance(searched, ast.Name)
            and isinstance(taken, ast.Call)
            and dotted(taken.func) == f"{searched.id}.remove"
        )

    def is_partial(self, call: ast.Call, loop: Loop) -> bool:
        """Whether a loop removes only what a list begins with, or moves it to the end.

        Args:
            call: ``xs.remove(x)``.
            loop: the loop.
        """
        if not isinstance(call.func, ast.Attribute) or isinstance(loop, COMPREHENSIONS):
            return False
        name = dotted(call.func.value)
        index = self._module.index
        return any(isinstance(item, ast.Break) for item in walk(loop)) or any(
            isinstance(other.func, ast.Attribute)
            and dotted(other.func.value) == name
            and loop in index.loops(other)
            for other in index.calls_named(("append",))
        )

    def is_filled(self, node: ast.Compare, searched: ast.expr) -> bool:
        """Whether a comprehension is what its own list is extended by: ``found.extend(x for x in more if x not in found)``."""
        call = next((item for item in self._module.index.ancestors(node) if isinstance(item, ast.Call)), None)
        return (
            call is not None
            and isinstance(call.func, ast.Attribute)
            and call.func.attr == "extend"
            and dotted(call.func.value) == dotted(searched)
        )

    def is_stale(self, searched: ast.expr, loop: Loop) -> bool:
        """Whether a loop changes what it searches in place: an index made before the loop would not know.

        Args:
            searched: a collection, or a comprehension over it.
            loop: the loop.
        """
        parts = (
            [part.iter for part in searched.generators]
            if isinstance(searched, COMPREHENSIONS)
            else [searched]
        )
        return any(dotted(part) in self._changed.get(loop, ()) for part in parts)

    @lazy
    def _changed(self) -> defaultdict[Loop, set[str]]:
        """What each loop changes in place."""
        index = self._module.index
        calls = index.calls_named(_CHANGES)
        nodes = [call.func.value for call in calls if isinstance(call.func, ast.Attribute)]
        nodes += [item.value for item in index.nodes(ast.Subscript) if not isinstance(item.ctx, ast.Load)]
        return self._by_loop(nodes)

    def is_only_asked(self, searched: ast.expr) -> bool:
        """Whether nothing but lookups is done with a list, so that it could as well be a set."""
        if isinstance(searched, ast.Attribute):
            index = self._module.index
            uses = [item for item in index.nodes(ast.Attribute) if item.attr == searched.attr]
            return all(not isinstance(use.ctx, ast.Load) or self._asks_or_grows(use) for use in uses)
        if not isinstance(searched, ast.Name):
            return True
        variable = self._module.loops.variable(searched)
        return variable is not None and all(map(self._asks_or_grows, self._module.scopes.uses(*variable)))

    def is_placed(self, searched: ast.expr) -> bool:
        """Whether a list is asked for positions as well, which a set does not have: ``xs.index(x)``."""
        variable = self._module.loops.variable(searched) if isinstance(searched, ast.Name) else None
        return variable is not None and any(
            isinstance(parent := self._module.index.parent(use), ast.Attribute) and parent.attr == "index"
            for use in self._module.scopes.uses(*variable)
        )

    def _asks_or_grows(self, use: ast.expr) -> bool:
        parent = self._module.index.parent(use)
        if isinstance(parent, ast.Compare):
            return isinstance(parent.ops[-1], (ast.In, ast.NotIn)) and parent.comparators[-1] is use
        return isinstance(parent, ast.Attribute) and parent.attr in (*_GROWS, "index", "count", "remove")
