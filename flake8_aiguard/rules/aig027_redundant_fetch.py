"""AIG027: a fetch whose result is thrown away, or that is made twice."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.hits import LEADS, Hits, Wasted
from flake8_aiguard.index import COMPREHENSIONS, FUNCTIONS
from flake8_aiguard.memo import lazy
from flake8_aiguard.reads import Read, Reads, words_of
from flake8_aiguard.shapes import block_of, dotted, holds, last_name, place_in, start_of

_EARLY: Final = (
    "{call} runs before {cache} is asked, and a hit throws its result away; move it behind the miss"
)
_TWICE: Final = "{call} reads again what it read in line {line}, and nothing in between changes that; keep the first result"
_MOST: Final = 12  # equal calls of one block that are looked at: what repeats, repeats among the first
_FAR: Final = 25  # statements of a block between two reads
_READERS: Final = frozenset({"reader", "DictReader"})


class RedundantFetch(Checker):
    """Fetch whose result a cache hit throws away, or that reads the same twice.

    Why: a cache that is asked after the fetch saves nothing: every hit still pays for the request. And a second read of
    the same file, page or row costs as much as the first one, and may show another state.

    Bad::

        def product(session, cache, key):
            row = session.fetch_product(key)
            if key in cache:
                return cache[key]
            cache[key] = row
            return row

    Good::

        def product(session, cache, key):
            if key in cache:
                return cache[key]
            row = session.fetch_product(key)
            cache[key] = row
            return row

    Limits: (1) A call that reads from outside, or whose name says so (``fetch_``, ``load_`` ...), whose result only the miss uses (a variable, what a
    ``with`` takes from its answer, or a cursor's rows), within a few statements before a dict, an attribute or a store is asked. (2) Two reads with the same arguments in one block, both of which
    always run: files opened for reading, GET requests, lookups by typed clients, cursors and models, and functions of this file that read and do nothing else.

    - Silent where a hit is refused with an error, and where the fetch asks a cache of its own by its name, or a comment on it says that it comes before a lock.
    - Silent where something in between may change the answer: an assignment to what the call is given, a function that is given the same, a
      call whose name says that it changes or waits for something, a lock, a ``yield``.
    - Silent on different branches, loops, retries in handlers, other modes of one file, and handles that are open at the same time.
    - Silent where the first read takes a part of a file only (but a first line, or the number of lines, of what is then held whole is reported).
    - Silent on listings of folders, cursors and queues that give something else on each call, and objects that an ORM's session keeps.
    """

    code = "AIG027"
    slug = "redundant-fetch"
    since = "0.1.0"
    severity = "warning"
    message = _TWICE
    in_tests = False
    ruff = "Ruff has nothing for this pattern."

    @lazy
    def reads(self) -> Reads:
        return Reads(self.module)

    @lazy
    def hits(self) -> Hits:
        return Hits(self.module, self.reads)

    def finish(self) -> Iterator[Finding]:
        yield from self._early()
        yield from self._twice()

    def is_possible(self) -> bool:
        return bool(self.reads.names or self.hits.names)

    def _early(self) -> Iterator[Finding]:
        index = self.module.index
        found: dict[ast.stmt, Wasted] = {}  # one for each statement: the first call that stands in it
        for name in self.hits.names:
            for call in index.calls_to(name):
                wasted = self.hits.wasted(call) if index.parent(call).__class__ in LEADS else None
                if wasted is not None:
                    known = found.setdefault(index.statement(call), wasted)
                    if start_of(call) < start_of(known.call):
                        found[index.statement(call)] = wasted
        for wasted in found.values():
            name = dotted(wasted.call.func) or last_name(wasted.call.func) or ""
            yield from self.found(wasted.call, message=_EARLY, call=f"{name}()", cache=wasted.cache)

    def _twice(self) -> Iterator[Finding]:
        index = self.module.index
        for name in self.reads.names | self.reads.helpers:
            named = index.calls_to(name)
            if len(named) < 2:
                continue
            same: defaultdict[object, list[ast.Call]] = defaultdict(list)
            for call in named:
                same[_looks(call)].append(call)
            for calls in same.values() if len(same) < len(named) else ():
                if len(calls) > 1:
                    yield from self._within_blocks(calls)

    def _within_blocks(self, calls: list[ast.Call]) -> Iterator[Finding]:
        """The repeated reads among calls that look alike: those whose statements stand side by side."""
        index = self.module.index
        groups: defaultdict[ast.AST | None, list[ast.Call]] = defaultdict(list)
        for call in calls:
            groups[index.parent(index.statement(call))].append(call)
        for group in groups.values():
            if len(group) > 1:
                found = [call for call in group[:_MOST] if self.reads.may_be(call)]
                if len(found) > 1:
                    yield from self._repeated(found)

    def _repeated(self, calls: list[ast.Call]) -> Iterator[Finding]:
        """The reads below one statement that repeat an earlier one in the same block."""
        places: defaultdict[str, list[ast.Call]] = defaultdict(list)
        for call in calls:
            if self._always_runs(call, self.module.index.statement(call)):
                places[ast.dump(call.args[0]) if call.args else ast.dump(call.func)].append(call)
        for found in places.values():
            if len(found) < 2:
                continue
            first: dict[str, Read] = {}
            for call in sorted(found, key=start_of):
                read = self.reads.of(call)
                if read is None:
                    continue
                before = first.setdefault(read.key, read)
                if before is read:
                    continue
                block = self._between(before.call, call)
                if block is not None and self._is_same(before, read, block):
                    yield from self.found(call, message=_TWICE, call=read.shown, line=before.call.lineno)
                    break
                first[read.key] = read

    def _always_runs(self, call: ast.Call, statement: ast.stmt) -> bool:
        """Whether a statement, once reached, makes a call once."""
        index = self.module.index
        child: ast.AST = call
        for parent in index.ancestors(call):
            if isinstance(parent, (*FUNCTIONS, *COMPREHENSIONS)):
                return False
            if isinstance(parent, ast.IfExp) and child is not parent.test:
                return False
            if isinstance(parent, ast.BoolOp) and child is not parent.values[0]:
                return False
            if child is statement or parent is statement:
                return not isinstance(statement, ast.While)
            child = parent
        return True

    def _between(self, first: ast.Call, second: ast.Call) -> list[ast.stmt] | None:
        """The statements from the first call's to the second's, where they stand in one block."""
        index = self.module.index
        start, end = index.statement(first), index.statement(second)
        block = block_of(index.parent(start), start)
        if not holds(block, end):
            return None
        part = block[place_in(block, start) : place_in(block, end) + 1]
        return part if 0 < len(part) <= _FAR else None

    def _is_same(self, first: Read, second: Read, block: list[ast.stmt]) -> bool:
        if first.opens and (
            self._are_items(first.call, second.call)
            or not (
                self._is_read_whole(first.call)
                or (self._is_sampled(first.call) and self._is_kept(second.call))
            )
        ):
            return False
        return not self.reads.is_changed(first, second, block)

    def _are_items(self, first: ast.Call, second: ast.Call) -> bool:
        """Whether two handles are open at the same time."""
        index = self.module.index
        return index.statement(first) is index.statement(second) and isinstance(
            index.parent(first), ast.withitem
        )

    def _is_read_whole(self, call: ast.Call) -> bool:
        """Whether an opened file is read to its end and done with, before the next statement."""
        index = self.module.index
        parent = index.parent(call)
        if isinstance(parent, ast.withitem):
            name = parent.optional_vars
            return isinstance(name, ast.Name) and self._takes_all(index.statement(call), name.id)
        return not isinstance(parent, ast.For) and self._is_whole(call, parent)

    def _takes_all(self, statement: ast.stmt, handle: str) -> bool:
        """Whether all that happens to an open file is that it is read to its end."""
        index = self.module.index
        uses = _uses(statement, handle)
        return bool(uses) and all(self._is_whole(use, index.parent(use)) for use in uses)

    def _is_sampled(self, call: ast.Call) -> bool:
        """Whether a first line is all that is taken of an open file, or the number of its lines."""
        return self._all_go_to(call, frozenset({"readline", "sum"}))

    def _is_kept(self, call: ast.Call) -> bool:
        """Whether an opened file is held in memory as it is, so that its lines are at hand."""
        return self._all_go_to(call, frozenset({"list", "read", "readlines"}))

    def _all_go_to(self, call: ast.Call, names: frozenset[str]) -> bool:
        """Whether a ``with`` opens a file, and does nothing with it but call its methods, or functions, of these names."""
        index = self.module.index
        item = index.parent(call)
        if not isinstance(item, ast.withitem) or not isinstance(item.optional_vars, ast.Name):
            return False
        uses = _uses(index.statement(call), item.optional_vars.id)
        return bool(uses) and all(self._goes_to(use) in names for use in uses)

    def _goes_to(self, use: ast.Name) -> str | None:
        index = self.module.index
        parent = index.parent(use)
        if isinstance(parent, ast.comprehension):
            generator = index.parent(parent)
            parent = None if generator is None else index.parent(generator)
        outer = index.parent(parent) if isinstance(parent, ast.Attribute) else parent
        is_plain = isinstance(outer, ast.Call) and (outer is parent or not outer.args)
        return last_name(outer.func) if is_plain and isinstance(outer, ast.Call) else None

    def _is_whole(self, use: ast.expr, parent: ast.AST | None) -> bool:
        index = self.module.index
        if isinstance(parent, ast.Attribute):
            call = index.parent(parent)
            return isinstance(call, ast.Call) and not call.args and parent.attr in words_of("whole")
        if isinstance(parent, ast.Call):
            outer = index.parent(parent)
            if last_name(parent.func) in _READERS and not isinstance(outer, ast.Assign):
                return self._is_whole(parent, outer)
            return last_name(parent.func) in words_of("whole")
        if isinstance(parent, ast.comprehension):
            comprehension = index.parent(parent)
            return not isinstance(comprehension, ast.GeneratorExp)
        return isinstance(parent, ast.For) and parent.iter is use


def _uses(statement: ast.stmt, handle: str) -> list[ast.Name]:
    """Where a statement uses a variable."""
    return [
        node
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and node.id == handle and isinstance(node.ctx, ast.Load)
    ]


def _looks(call: ast.Call) -> tuple[object, ...]:
    """What two equal calls of one name share: a cheap look."""
    first = call.args[0] if call.args else None
    owner = getattr(call.func, "value", None)
    return (
        first.__class__,
        getattr(first, "id", None) or getattr(first, "attr", None),
        first.value if isinstance(first, ast.Constant) else None,
        getattr(owner, "id", None) or getattr(owner, "attr", None),
    )
