"""AIG024: a collection is searched from its start for each item of a loop."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from typing import Final

from flake8_aiguard.amounts import Amounts
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.children import walk
from flake8_aiguard.few import Few
from flake8_aiguard.hashables import Hashables
from flake8_aiguard.index import COMPREHENSIONS, FUNCTIONS, Loop
from flake8_aiguard.joins import Joins, is_known_by
from flake8_aiguard.lists import Lists, collection
from flake8_aiguard.loops import iterables
from flake8_aiguard.nouns import is_many
from flake8_aiguard.oneoff import OneOff
from flake8_aiguard.scans import Match, Scan, Scans
from flake8_aiguard.searches import Searches
from flake8_aiguard.shapes import dotted, last_name, start_of
from flake8_aiguard.volumes import Volumes
from flake8_aiguard.worth import Worth

_JOIN: Final = (
    "{inner} is scanned for each item of {outer}; "
    "index it by {key} in a dict before the loop (of lists where several share it)"
)
_FIRST: Final = (
    "{inner} is scanned for each item of {outer}; "
    "index it by {key} in a dict before the loop (setdefault() keeps the first where several share it)"
)
_ASKED_FOR: Final = "{inner} is scanned for each item of {outer}; collect {key} in a set before the loop"
_GROUPED: Final = (
    "{inner} is scanned for each item of {outer}; group it by {key} in a dict of lists before the loop"
)
_KEYED: Final = "{inner} is scanned for each item of {outer} though it is a dict; ask it for {value}"
_EQUAL: Final = "{inner} is scanned for each item of {outer}; look {value} up in a set made before the loop"
_MEMBER: Final = (
    "{item} in {inner} scans the list for each item of {outer}; look it up in a set made before the loop"
)
_KEYS: Final = "{item} in {inner} copies and scans the keys for each item of {outer}; ask the dict itself, without list()"
_PARTED: Final = (
    "{item} not in {inner} scans the list for each item of {outer}; "
    "ask the opposite of what {inner} was filtered by, or make it a set"
)
_PLACED: Final = "{item} in {inner} scans the list for each item of {outer}; keep the positions in a dict made before the loop"
_ASKED: Final = "{item} in {inner} scans the list for each item of {outer}; make {inner} a set"
_SEEN: Final = (
    "{item} in {inner} scans all that was gathered so far for each item of {outer}; keep a set beside it"
)
_UNIQUE: Final = (
    "{item} in {inner} scans all that was gathered so far for each item of {outer}; "
    "list(dict.fromkeys()) keeps one of each, in order"
)
_GUARD: Final = (
    "{item} in {inner} scans the list for each item of {outer}, and remove() scans it again; "
    "build the list of what stays, or use a set or dict"
)
_METHOD: Final = "{inner}.{method}({item}) scans the list for each item of {outer}; {instead}"
_NUMBER: Final = "number its items with enumerate()"
_INSTEAD: Final = {
    "index": "keep the positions in a dict made before the loop",
    "count": "count once with collections.Counter before the loop",
    "remove": "build the list of what stays, or use a set or dict",
}


_LOOPS: Final = (ast.For, ast.While, ast.AsyncFor, ast.comprehension)
_MEMBERSHIP: Final = frozenset((ast.In, ast.NotIn))
_SEARCHED: Final = frozenset((ast.Name, ast.Attribute, ast.Call, ast.ListComp, ast.GeneratorExp))


class NestedScan(Checker):
    """List that is searched from its start for each item of a loop.

    Why: a thousand orders against a thousand users are a million comparisons; both lists grow with the business. A dict or
    a set, built once, answers each lookup at once.

    Bad::

        def names(orders, users):
            found = []
            for order in orders:
                for user in users:
                    if user.id == order.user_id:
                        found.append(user.name)
            return found

    Good::

        def names(orders, users):
            by_id = {user.id: user for user in users}
            return [by_id[order.user_id].name for order in orders if order.user_id in by_id]

    Limits: a join is a pass whose every turn hangs on an equality with the item of the loop around it. ``in``, ``index``, ``count`` and
    ``remove`` count where the file proves a list, by all assignments, an annotation or a call known to give one. Both collections must grow with
    the data, one for certain: a plural of records (``orders``, ``user_ids``, ``seen``), what was read, fetched or made of such; the other, too, or a caller must give it.

    - Silent on displays, constants, batches and limits, and on what somebody chose, by its name: columns, options, types,
      parts of the program, what is configured, ids of things that are no records (``context_ids``).
    - Silent on the parts of one record or text (``file.owners``, ``line.split(",")``), what a caller may leave out, and what the
      file shows to be few: unpacked, measured, told to a person by ``", ".join(names)``.
    - Silent where a dict or set made before would be stale: the loop changes, builds or chooses the collection anew, or hands it to its own functions
      (``if x in xs: xs.remove(x)`` alone counts).
    - Silent where all equal items are kept or counted, two further conditions choose, or a list is kept in order by ``bisect``.
    - Silent on items that a set may not take: objects that may have no hash, slices, boxes, ``list[Any]``.
    - Silent in loops that return at the first hit of a given list, for positions, all pairs, migrations and helpers of tests.
    - Sets, dicts and strings never count. One set serves all loops of a function, so there is one finding for them.
    """

    code = "AIG024"
    slug = "nested-scan"
    since = "0.1.0"
    severity = "warning"
    message = _JOIN
    in_tests = False
    ruff = "Ruff has PLR6201 (opt-in) for literals only."

    def start(self) -> None:
        self._reported: set[tuple[ast.AST, str]] = set()
        self._asked: list[tuple[ast.Compare | ast.Call, ast.expr, ast.expr, Loop]] = []

    def _ask(self, node: ast.Compare | ast.Call, searched: ast.expr, item: ast.expr) -> None:
        """Keep a search of a list in mind that a loop repeats for each of its items."""
        searches, amounts, name = self._searches, self._amounts, last_name(searched)
        if isinstance(item, ast.Constant) or next(self.module.index.loops(node), None) is None:
            return
        is_constant, is_kind = name is not None and name.isupper(), amounts.is_chosen(item)
        is_asked = is_constant or is_kind or amounts.is_chosen(searched)
        grown = searches.is_collected(node, searched) if is_asked else None
        if grown is False and (
            is_kind or not (amounts.is_read(searched) or (not is_constant and amounts.is_asked_for(searched)))
        ):
            return
        if not (self._lists.is_built(searched) if name is None else self._lists.is_list(searched)):
            return
        grown = searches.is_collected(node, searched) if grown is None else grown
        if self._is_fallback(node) or not (
            grown or amounts.is_data(searched) or (not is_kind and amounts.is_asked_for(searched))
        ):
            return
        loop = searches.around(node, searched, item, keyed=grown)
        if (
            loop is not None
            and not searches.is_other(searched, item)
            and not (name is None and searches.is_stale(searched, loop))
            and not self._is_last(node)
            and not self._is_for_error(loop)
            and self._hashables.is_hashable(item, searched, loop)
            and (isinstance(node, ast.Call) or not self._hashables.is_record(item, searched, loop))
            and self._worth.of(node, searched, item, loop)
            and (amounts.is_read(searched) or not self._few.items(searched))
            and not self._few.turns(loop)
            and self._volumes.meet(
                searched, loop, keyed=is_many(f"{last_name(item)}s") and not searches.grows(searched, loop)
            )
        ):
            self._asked.append((node, searched, item, loop))

    @functools.cached_property
    def _few(self) -> Few:
        return Few(self.module)

    @functools.cached_property
    def _volumes(self) -> Volumes:
        return Volumes(self.module, self._searches, self._amounts)

    @functools.cached_property
    def _hashables(self) -> Hashables:
        return Hashables(self.module)

    def finish(self) -> Iterator[Finding]:
        index = self.module.index
        loops = sum(len(index.nodes(kind)) for kind in _LOOPS)
        one_off = OneOff(self.module)
        if not loops or "pytest" in index.packages or one_off.is_migration:
            return
        self._lists, self._amounts = Lists(self.module), Amounts(self.module)
        self._searches = Searches(self.module, self._amounts)
        self._worth = Worth(self.module, self._searches, self._amounts)
        for compare in index.nodes(ast.Compare):
            if compare.ops[0].__class__ in _MEMBERSHIP and len(compare.ops) == 1:
                searched = compare.comparators[0]
                if searched.__class__ in _SEARCHED:
                    self._ask(compare, searched, compare.left)
        for call in index.calls_named(_INSTEAD):
            if isinstance(call.func, ast.Attribute) and len(call.args) == 1 and not call.keywords:
                self._ask(call, call.func.value, call.args[0])
        for node, searched, item, loop in sorted(self._asked, key=lambda asked: start_of(asked[0])):
            if one_off.is_undoable(index.function(node)):
                continue
            if self._is_first(loop, searched, is_member=isinstance(node, ast.Compare)):
                yield from self._search(node, searched, item, loop)
        if loops < 2 and not index.calls_named(("filter",)):
            return  # no loop within a loop
        joins = Joins(self.module, self._searches, self._amounts)
        for scan in Scans(self.module).scans():
            joined = joins.joined(scan)
            if joined is None or self._few.items(scan.iterable):
                continue
            outer = joined[0]
            if (
                self._few.items(outer.iter)
                if isinstance(outer, ast.comprehension)
                else self._few.turns(outer)
            ):
                continue
            if not self._volumes.meet(scan.iterable, outer, keyed=is_known_by(joined[1])):
                continue
            if self._is_first(outer, collection(self.module, scan.iterable)):
                is_grouped = not isinstance(outer, ast.comprehension) and joins.depends(scan, outer)
                yield from self._join(scan, *joined, is_grouped)

    def _is_first(self, loop: ast.AST, searched: ast.expr, *, is_member: bool = False) -> bool:
        """Whether no search of the collection in this loop, or a loop around it, has been reported yet: one dict serves all.

        Nor in another loop of the function, where a membership is asked: one set serves all.
        """
        name = dotted(searched) or ast.unparse(searched)
        *_, outermost = (loop, *self.module.index.loops(loop))
        keys: set[tuple[ast.AST, str]] = {(outermost, name)}
        function = self.module.index.function(searched)
        if function is not None and (
            isinstance(searched, ast.Attribute) or (is_member and self._is_bound_once(searched))
        ):
            keys.add((function, name))
        if not self._reported.isdisjoint(keys):
            return False
        self._reported |= keys
        return True

    def _is_bound_once(self, searched: ast.expr) -> bool:
        """Whether a local is the same list in all loops of its function, so that one set serves them all."""
        resolved = self.module.scopes.resolve(searched) if isinstance(searched, ast.Name) else None
        return resolved is not None and len(resolved[1]) == 1 and isinstance(resolved[0], FUNCTIONS)

    def _search(
        self, node: ast.Compare | ast.Call, searched: ast.expr, item: ast.expr, loop: Loop
    ) -> Iterator[Finding]:
        message, method = _MEMBER, ""
        if isinstance(node, ast.Call):
            message, method = _METHOD, last_name(node.func) or ""
            if method == "index" and self._searches.is_emptied(searched, loop):
                return  # what follows what is taken out moves up
            if method == "remove" and (
                self._searches.is_partial(node, loop)
                or any(self._amounts.is_part(part) for part in iterables(loop))
            ):
                return
        elif _is_of_keys(searched):
            message = _KEYS
        elif self._searches.is_parted(node, searched, loop):
            message = _PARTED
        elif (
            isinstance(searched, ast.Name)
            and self._searches.is_only_asked(searched)
            and not self._amounts.is_parameter(searched)
        ):
            if self._is_crossed_off(node, searched):
                return
            message = _PLACED if self._searches.is_placed(searched) else _ASKED
        elif self._searches.is_guard(node, searched):
            message = _GUARD
        elif (
            self._searches.is_filled(node, searched)
            or self._searches.is_emptied(searched, loop)
            or self._searches.is_ordered(searched)
        ):
            return
        elif self._searches.grows(searched, loop):
            if not self._searches.gathers(node, searched, item, loop):
                return
            is_nested = next(self.module.index.loops(loop), None) is not None
            message = _UNIQUE if not is_nested and _is_only_gathered(node, loop) else _SEEN
        elif self._searches.is_gathered_around(searched, loop):
            message = _SEEN
        yield from self.found(
            node,
            message=message,
            item=_text(item),
            inner=_text(searched),
            outer=_outer(loop),
            method=method,
            instead=_NUMBER if _is_own_index(node, item, loop) else _INSTEAD.get(method, ""),
        )

    def _is_fallback(self, node: ast.AST) -> bool:
        """Whether a search is for values that no set takes: under ``except TypeError``."""
        for outer in self.module.index.ancestors(node):
            if isinstance(outer, FUNCTIONS):
                return False
            if isinstance(outer, ast.ExceptHandler) and outer.type is not None:
                return any(last_name(item) == "TypeError" for item in walk(outer.type))
        return False

    def _is_last(self, node: ast.AST) -> bool:
        """Whether the loop is left right after: ``xs.remove(x)`` once, then ``break``, here or behind the ``if`` around it."""
        index = self.module.index
        statement, loop = index.statement(node), next(index.loops(node), None)
        if loop is not next(index.loops(statement), None):
            return False
        while True:
            parent = index.parent(statement)
            body = getattr(parent, "body", [])
            if statement in body and isinstance(body[-1], (ast.Break, ast.Return, ast.Raise)):
                return True
            if not isinstance(parent, ast.If) or not isinstance(node, ast.Call):
                return False
            statement = parent

    def _is_for_error(self, loop: Loop) -> bool:
        """Whether a comprehension is made for the error that ends its branch: ``if ...: twice = [...]; raise ValueError(twice)``."""
        statement = self.module.index.statement(loop)
        parent = self.module.index.parent(statement)
        return (
            isinstance(loop, COMPREHENSIONS)
            and isinstance(parent, ast.If)
            and statement in parent.body
            and isinstance(parent.body[-1], ast.Raise)
        )

    def _is_crossed_off(self, node: ast.expr, searched: ast.expr) -> bool:
        """Whether each item that is found takes away one of several that are equal: ``if x in xs: xs.remove(x); continue``."""
        choice = self.module.index.parent(node)
        first = choice.body[0] if isinstance(choice, ast.If) else None
        call = first.value if isinstance(first, ast.Expr) else None
        return isinstance(call, ast.Call) and dotted(call.func) == f"{dotted(searched)}.remove"

    def _is_counted(self, scan: Scan) -> bool:
        """Whether a pass counts what it keeps, which a set does not: ``sum(1 for ...)``."""
        calls = (scan.node, self.module.index.parent(scan.node))
        return any(isinstance(call, ast.Call) and last_name(call.func) in ("len", "sum") for call in calls)

    def _found_by(self, scan: Scan) -> str:
        """What a pass needs of the items that it keeps: whether there is one, all of them, or the one."""
        node = scan.node
        if isinstance(node, (ast.For, ast.AsyncFor)):
            kept = node.body[-1]
            is_asked = isinstance(kept, ast.If) and all(
                isinstance(item, ast.Break)
                or isinstance(item, ast.Assign)
                and isinstance(item.value, ast.Constant)
                for item in kept.body
            )
            if is_asked:
                return _ASKED_FOR
            return _FIRST if any(isinstance(item, (ast.Break, ast.Return)) for item in walk(kept)) else _JOIN
        name = last_name(node.func) if isinstance(node, ast.Call) else None
        found = node.args[0] if isinstance(node, ast.Call) and node.args else None
        is_told = name == "next" and isinstance(getattr(found, "elt", None), ast.Constant)
        if name in ("any", "all") or is_told:
            return _ASKED_FOR
        parent = self.module.index.parent(node)
        is_one = name == "next" or (
            isinstance(parent, ast.Subscript) and isinstance(parent.slice, ast.Constant)
        )
        return _FIRST if is_one else _GROUPED

    def _is_kept(self, node: ast.ListComp) -> bool:
        """Whether a list is kept, and not only asked whether or how many there are."""
        parent = self.module.index.parent(node)
        return not isinstance(
            parent, (ast.If, ast.IfExp, ast.BoolOp, ast.UnaryOp, ast.Call, ast.comprehension)
        )

    def _is_whole(self, scan: Scan, key: ast.Name) -> bool:
        """Whether items are compared themselves, their numbers in ``enumerate(xs)`` aside where nothing else reads those."""
        if dotted(scan.target) == key.id or isinstance(scan.target, ast.arguments):
            return True
        if (
            not isinstance(scan.iterable, ast.Call)
            or self.module.qualname(scan.iterable.func) != "builtins.enumerate"
            or not isinstance(scan.target, ast.Tuple)
            or dotted(scan.target.elts[-1]) != key.id
        ):
            return False
        number = scan.target.elts[0]
        counter = self.module.loops.variable(number) if isinstance(number, ast.Name) else None
        return counter is not None and not self.module.scopes.uses(*counter)

    def _is_asked_for_its_keys(self, scan: Scan) -> bool:
        """Whether what is passed through is a dict, as the pass asks it: ``for key in legend: if key == name: legend[key]``."""
        searched, key = dotted(scan.iterable), dotted(scan.target)
        return self.module.kinds.of(scan.iterable) == "dict" or any(
            isinstance(item, ast.Subscript) and dotted(item.value) == searched and dotted(item.slice) == key
            for item in walk(scan.node)
        )

    def _join(
        self, scan: Scan, loop: Loop | ast.comprehension, match: Match, is_grouped: bool
    ) -> Iterator[Finding]:
        message = _JOIN if isinstance(loop, ast.comprehension) else self._found_by(scan)
        if is_grouped and message is _ASKED_FOR:
            message = _GROUPED
        if isinstance(match.key, ast.Name):
            is_whole = self._is_whole(scan, match.key)
            if is_whole and isinstance(scan.node, ast.ListComp) and self._is_kept(scan.node):
                return  # all equal items, which no set gives
            if is_whole and self._is_counted(scan):
                return
            if _is_key_of_items(scan, match.key) or (is_whole and self._is_asked_for_its_keys(scan)):
                message = _KEYED
            elif is_whole:
                message = _EQUAL
        yield from self.found(
            scan.node,
            message=message,
            inner=_text(collection(self.module, scan.iterable)),
            outer=_outer(loop),
            key=_text(match.key),
            value=_text(match.value),
        )


def _is_key_of_items(scan: Scan, key: ast.Name) -> bool:
    """Whether a name is the first of ``for key, value in d.items()``."""
    return (
        isinstance(scan.iterable, ast.Call)
        and isinstance(scan.iterable.func, ast.Attribute)
        and scan.iterable.func.attr == "items"
        and isinstance(scan.target, ast.Tuple)
        and isinstance(first := scan.target.elts[0], ast.Name)
        and first.id == key.id
    )


def _is_own_index(node: ast.Compare | ast.Call, item: ast.expr, loop: Loop) -> bool:
    """``for x in xs: xs.index(x)``."""
    if isinstance(loop, ast.While) or not isinstance(node, ast.Call):
        return False
    source = loop.generators[0] if isinstance(loop, COMPREHENSIONS) else loop
    return (
        isinstance(node.func, ast.Attribute)
        and node.func.attr == "index"
        and dotted(source.iter) == dotted(node.func.value) is not None
        and dotted(source.target) == dotted(item)
    )


def _is_only_gathered(node: ast.Compare | ast.Call, loop: Loop) -> bool:
    """Whether a loop does nothing else: ``for x in xs: if x not in found: found.append(x)``."""
    if not isinstance(loop, (ast.For, ast.AsyncFor)) or len(loop.body) != 1 or loop.orelse:
        return False
    choice = loop.body[0]
    return isinstance(choice, ast.If) and choice.test is node and len(choice.body) == 1 and not choice.orelse


def _is_of_keys(searched: ast.expr) -> bool:
    """``list(d.keys())``."""
    return (
        isinstance(searched, ast.Call)
        and bool(searched.args)
        and isinstance(view := searched.args[0], ast.Call)
        and last_name(view.func) == "keys"
        and not view.args
    )


def _outer(loop: Loop | ast.comprehension) -> str:
    """What a loop runs over, as the message shows it."""
    if isinstance(loop, COMPREHENSIONS):
        return _text(loop.generators[0].iter)
    return "the while loop" if isinstance(loop, ast.While) else _text(loop.iter)


def _text(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 40 else f"{text[:37]}..."
