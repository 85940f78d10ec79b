"""AIG028: an accumulator that is copied on every turn of a loop, and a value that is converted there and back."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.accumulators import Accumulators
from flake8_aiguard.bytestrings import Bytestrings
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.few import Few
from flake8_aiguard.fronts import Fronts
from flake8_aiguard.growth import Growth, is_paged
from flake8_aiguard.index import TRIES, Loop
from flake8_aiguard.large import Large
from flake8_aiguard.nouns import says
from flake8_aiguard.regex import regex
from flake8_aiguard.roundtrips import RoundTrips
from flake8_aiguard.shapes import argument, chain, dotted, hides_arguments, is_constant, last_name

_INSTEAD: Final[Mapping[str, str]] = {
    "list": "append to it",
    "tuple": "append to a list and make the tuple after the loop",
    "dict": "set the key in place",
    "set": "add to it in place",
    "bytes": "use a bytearray, or b''.join() after the loop",
    "str": "append to a list and join it after the loop",
}
_BEFORE: Final[Mapping[str, str]] = {
    "list": "append to it and reverse it after the loop",
    "tuple": "append to a list, reverse it after the loop and make the tuple then",
    "str": "append to a list and join it reversed after the loop",
}
_IN_FRONT: Final = "gather the items in another list and put them before it once, reversed, after the loop"
_EXTEND: Final = "extend it"
_UPDATE: Final = "update() it in place"
_COPIES: Final = "this copies all of {name} on every turn of the loop; {instead}"
_SHIFTS: Final = "{call}() moves every item of the list on every turn of the loop; {instead}"
_JOINS: Final = "{call}() copies everything joined so far for each item; {instead}"
_TRIP: Final = "{back}() undoes {there}(): the round trip costs two conversions; {instead}"
_ADDS: Final = ("operator.add", "operator.concat", "operator.__add__")
_NAMES: Final = frozenset({"sum", "reduce", "insert", "pop", "int"})
_TAKES_ITERABLE: Final = frozenset(
    {"Counter", "all", "any", "enumerate", "extend", "frozenset", "join", "list", "map", "max", "min", "set"}
    | {"sorted", "sum", "tuple", "update", "zip"}
)
_REASONS: Final = {
    "pickle.loads": regex(r"copy"),
    "json.loads": regex(r"(?i)\b(convert|enum|normali[sz]e|ordered ?dicts?|plain|serializable|types?)"),
}
_COPY: Final = regex(r"(?i)\bdeep[ -]?cop(y|ies)\b|\bplain (copy|types?)\b|\bround[ -]?trips?\b")
_FORM: Final = regex(r"(?i)\bto an? JSON\b|\bJSON[ -](compatible|safe|serializable)\b|\bordered ?dicts?\b")
_RUNNERS: Final = frozenset({"pytest", "unittest"})
_TEST_CODE: Final = ("test_kit/", "test_utils/", "testing/", "testutils/")
_TEST_WORDS: Final = ("test_kit", "test_utils", "testing", "testutils")


class QuadraticCopy(Checker):
    """Accumulator that is copied on every turn of a loop, or a value converted there and back.

    Why: a copy of what has been gathered so far costs more on every turn: ten times the items take a hundred times as long.
    A test with ten items shows nothing; the first large customer does.

    Bad::

        def merge(pages):
            rows = []
            for page in pages:
                rows = rows + [page.title]
            return rows

    Good::

        def merge(pages):
            rows = []
            for page in pages:
                rows.append(page.title)
            return rows

    Limits: the file must prove what the accumulator is (list, tuple, dict, set, bytes or string), that the loop never starts
    it afresh, and that it grows with the data: the loop goes over records by their name, what was read, fetched or received,
    or plain ``values`` and ``lists`` that a caller gives; or the accumulator itself is named for records. A table that each turn
    reads counts over anything (``pd.concat([df, pd.read_csv(path)])``).

    - Silent over what somebody wrote down or one object holds, by the name (``phases``, ``self.codecs``, ``path.parts``), over
      literals, ``*args``, what is unpacked or measured, and the parts of each item of a loop around it.
    - A local ``s += t`` is silent, as CPython extends it in place; so is ``+=`` on what may be a list.
    - Silent where the loop needs what has been gathered so far: reads, keeps, yields or hands it to a call, or other
      tasks may see the attribute; and where its length ends the loop.
    - Silent for texts of errors and notes, values in parts (``d[k] += ", " + line``), strings under two
      conditions, messages that begin with a packed header, one word read character by character, and numbers taken digit by digit.
    - Whole pages are silent in a ``while`` that asks for the next page: the request costs far more than the copy.
    - ``insert(0)`` and ``s = t + s`` count in ``for`` loops; not below an ``if`` or in a handler, not where items go to both ends, the first one is read, or a budget ends the loop.
    - ``pop(0)`` counts on lists of records, of a caller, or of a walk over a graph; not where the length is asked first, the loop sorts or slices the list,
      only strips its beginning, goes a few steps deep, or the rest is used behind it; nor on the words of one line.
    - ``reduce(add, ...)`` counts where a start, an annotation or the name says what the items are; ``sum()`` not where its twin
      carries ``noqa: RUF017``.
    - A round trip counts with plain arguments, outside of tests and of ``try``. Silent where it converts: an encoder, ``sort_keys``, another
      codec, keys that are numbers, what an object makes of itself (``x.to_dict()``), a comparison with JSON, a comment or docstring that speaks of a copy or of types.
    - ``+=``, ``sum()``, ``insert(0)`` and ``deepcopy()`` are silent in tests. One finding for an accumulator, and for a list that a function uses up.
    """

    code = "AIG028"
    slug = "quadratic-copy"
    since = "0.1.0"
    severity = "warning"
    message = _COPIES
    ruff = "Ruff has RUF017 (default) for sum(lists, [])."

    def start(self) -> None:
        self._growth = Growth(self.module)
        self._accumulators = Accumulators(self.module)
        self._bytes = Bytestrings(self.module)
        self._trips = RoundTrips(self.module)
        self._fronts = Fronts(self.module, self._accumulators)
        self._reported: set[tuple[ast.AST, str]] = set()

    def is_possible(self) -> bool:
        name = self.module.filename  # comparing paths with patterns is dear
        return not (any(word in name for word in _TEST_WORDS) and self.module.matches(_TEST_CODE))

    @functools.cached_property
    def _is_test(self) -> bool:
        return self.module.is_test or not _RUNNERS.isdisjoint(self.module.index.packages)

    # -- accumulators

    def visit_AugAssign(self, node: ast.AugAssign) -> Iterator[Finding]:
        name = dotted(node.target) or (
            dotted(node.target.value) if isinstance(node.target, ast.Subscript) else None
        )
        if name is None or not isinstance(node.op, ast.Add):
            return
        if isinstance(node.value, ast.Constant) or next(self.module.index.loops(node), None) is None:
            return
        kind = self._accumulators.kind(node.target, node.value)
        if kind not in ("tuple", "bytes", "str") or self._is_test:
            return
        if kind == "tuple" and (
            self._accumulators.may_be_list(node.target)
            or (
                isinstance(node.value, ast.Tuple)
                and all(isinstance(item, ast.Constant) for item in node.value.elts)
            )
        ):
            return
        loop = self._growth.loop(node, node.target)
        if loop is None or self._accumulators.is_measured(node.target, loop):
            return
        if kind != "bytes" and self._accumulators.is_shared(node, node.target, loop, text=kind == "str"):
            return
        if self._accumulators.is_seen(node.target, loop):
            return
        if kind == "bytes" and (
            self._bytes.is_message(node.target)
            or self._bytes.is_drained(node.value, loop)
            or self._bytes.is_word(node.value, loop)
        ):
            return
        if kind != "bytes" and self._accumulators.is_complaint(node.target):
            return
        if kind == "str" and (
            self._accumulators.is_one_value(node)
            or self._accumulators.is_seldom(node, loop)
            or self._accumulators.is_everywhere(node.target)
        ):
            return
        if not self._is_worth(node, node.target, kind, loop):
            return
        if kind in ("tuple", "bytes") or (kind == "str" and self._accumulators.is_kept_outside(node.target)):
            yield from self._copied(node, node.target, kind)

    def visit_BinOp(self, node: ast.BinOp) -> Iterable[Finding]:
        is_assigned = isinstance(self.module.index.parent(node), (ast.Assign, ast.IfExp))
        return self._assigned(node) if is_assigned and isinstance(node.op, (ast.Add, ast.BitOr)) else ()

    def visit_Starred(self, node: ast.Starred) -> Iterable[Finding]:
        display = self.module.index.parent(node)
        return self._assigned(display) if isinstance(display, (ast.List, ast.Tuple, ast.Set)) else ()

    def visit_Dict(self, node: ast.Dict) -> Iterable[Finding]:
        is_assigned = isinstance(self.module.index.parent(node), (ast.Assign, ast.IfExp))
        return self._assigned(node) if is_assigned and None in node.keys else ()

    def _assigned(self, value: ast.expr) -> Iterator[Finding]:
        """``xs = xs + [x]`` and its kin: a variable is bound to a copy of itself with more in it, be it on one branch of an ``if``."""
        whole: ast.AST = value
        while isinstance(node := self.module.index.parent(whole), ast.IfExp) and node.test is not whole:
            whole = node
        if not isinstance(node, ast.Assign) or node.value is not whole:
            return
        target = node.targets[0]
        name = dotted(target)
        if name is None or len(node.targets) > 1 or next(self.module.index.loops(node), None) is None:
            return
        if isinstance(value, ast.Call):
            yield from self._joined(node, target, value)
            return
        kind: str | None = None
        if isinstance(value, ast.BinOp):
            kind = self._added(name, value)
        elif isinstance(value, ast.Dict):
            # a constant key is set again and again, and behind others the old value wins
            parts = list(zip(value.keys, value.values, strict=True))[1:]
            grows = any(
                self._is_new(part) if key is None else not isinstance(key, ast.Constant)
                for key, part in parts
            )
            is_first = bool(value.keys) and value.keys[0] is None and dotted(value.values[0]) == name
            kind = "dict" if is_first and grows else None
        elif isinstance(value, (ast.List, ast.Tuple, ast.Set)):
            copied = [item.value for item in value.elts if isinstance(item, ast.Starred)]
            kinds = {ast.List: "list", ast.Tuple: "tuple", ast.Set: "set"}
            kind = kinds[type(value)] if any(dotted(item) == name for item in copied) else None
        if kind is None:
            return
        loop = self._growth.loop(node, target)
        if loop is None or self._accumulators.is_measured(target, loop):
            return
        if kind != "bytes" and self._accumulators.is_shared(node, target, loop, text=kind == "str"):
            return
        if kind not in ("bytes", "str") and self._accumulators.is_published(target, loop):
            return
        if self._accumulators.is_seen(target, loop) or self._accumulators.is_within_budget(loop):
            return
        if not self._is_worth(node, target, kind, loop):
            return
        if kind == "list" and _adds_more(value) and is_paged(loop):
            return
        if not _is_put_before(name, value):
            more = _UPDATE if kind in ("dict", "set") else _EXTEND if kind == "list" else ""
            yield from self._copied(node, target, kind, more if _adds_more(value) else "")
        elif kind in _BEFORE and _is_one(value, kind) and not self._accumulators.keeps_front(loop, target):
            is_filled = kind == "list" and not self._accumulators.is_empty_before(target)
            yield from self._copied(node, target, kind, _IN_FRONT if is_filled else _BEFORE[kind])

    def _is_worth(self, node: ast.stmt, target: ast.expr, kind: str, loop: Loop) -> bool:
        """Whether what is copied may get long, and need not be there whole on every turn."""
        loops = self._growth.loops(node, target)
        if self._growth.is_of_few(loops) or not self._large.grows(target, loops):
            return False
        is_plural = (last_name(target) or "").endswith("s")
        if kind not in ("bytes", "str") and is_plural and self._growth.is_chosen(target):
            return False  # fieldnames | set(row), and no index
        return kind != "bytes" or not (
            self._bytes.is_needed(node, target, loop, lambda item: self._growth.is_last(item, loop))
        )

    def _is_new(self, part: ast.expr) -> bool:
        """Whether what is merged into a dict is another one on each turn."""
        loop = next(self.module.index.loops(part), None)
        if loop is None or isinstance(loop, ast.While):
            return isinstance(part, ast.Call)
        return bool(self.module.loops.dependents(part, self.module.loops.place(loop)))

    def _added(self, name: str, value: ast.BinOp) -> str | None:
        """The kind of an accumulator that a sum or a union with itself makes anew."""
        first, last = value, value.right
        while isinstance(first.left, ast.BinOp) and isinstance(first.left.op, type(value.op)):
            first = first.left
        is_first, is_last = dotted(first.left) == name, dotted(last) == name
        if not is_first and not is_last:
            return None
        kind = self._accumulators.kind(first.left if is_first else last, last if is_first else first.left)
        if isinstance(value.op, ast.BitOr):
            return kind if kind in ("dict", "set") else None
        if not isinstance(value.op, ast.Add) or kind not in ("list", "tuple", "bytes", "str"):
            return None
        if kind == "str" and is_first and not self._accumulators.is_kept_outside(first.left):
            return None  # in place, as s += t
        return kind

    def _joined(self, node: ast.Assign, target: ast.expr, call: ast.Call) -> Iterator[Finding]:
        """``df = pd.concat([df, row])``, ``acc = dict(acc, **more)``, ``acc = copy.deepcopy(acc)``."""
        name = dotted(target)
        qualname = self.module.qualname(call.func)
        first = call.args[0] if call.args else argument(call, "objs")
        row = knowledge.by_call("copies.join").get(qualname or "")
        parts = first.elts if isinstance(first, (ast.List, ast.Tuple)) else [first]
        if row is not None:
            given = [first] if row["first"] else parts
            is_copied = not (not row["first"] and parts == [first]) and any(
                item is not None and dotted(item) == name for item in given
            )
            instead = row["instead"]
        else:
            more = bool(call.keywords) or len(call.args) > 1
            is_dict = qualname == "builtins.dict" and more
            is_copied = (
                first is not None and dotted(first) == name and (is_dict or qualname == "copy.deepcopy")
            )
            instead = _UPDATE if is_dict else "change it in place, or copy it once before the loop"
        if qualname == "copy.deepcopy" and self._is_test:
            return
        loop = self._growth.loop(node, target) if is_copied else None
        loops = [] if loop is None else self._growth.loops(node, target)
        if loops and self._growth.is_of_few(loops):
            return
        if loop is not None and not self._large.grows(target, loops):
            added = [*parts, *call.args[1:]] if row is not None else []
            if not self._large.joins_read([item for item in added if dotted(item) != name], loop):
                return
        if loop is None and qualname == "copy.deepcopy" and first is not None:
            around = next(self.module.index.loops(node))
            if self._accumulators.is_carried_on(node, target, first) and not self._few.turns(around):
                yield from self.found(call, message=_COPIES, name=chain(first), instead=instead)
        if loop is None:
            return
        is_needed = (
            self._accumulators.is_handed_over(target, loop)
            if qualname == "copy.deepcopy"
            else self._accumulators.is_shared(node, target, loop)
        )
        if not is_needed and self._is_first(node, target, f"{qualname} {name}"):
            yield from self.found(call, message=_COPIES, name=chain(target), instead=instead)

    def _is_first(self, node: ast.stmt, target: ast.expr, shown: str) -> bool:
        """Whether an accumulator has not been reported yet, in this loop or one around it: one change mends all."""
        key = (self._growth.loops(node, target)[-1], shown)
        is_new = key not in self._reported
        self._reported.add(key)
        return is_new

    def _copied(self, node: ast.stmt, target: ast.expr, kind: str, instead: str = "") -> Iterator[Finding]:
        shown = dotted(target) or ast.unparse(target)
        if not self._is_first(node, target, shown):
            return
        loop = next(self.module.index.loops(node))
        instead = instead or _INSTEAD[kind]
        if kind in ("list", "dict", "set") and not self._accumulators.is_own(target, loop):
            instead = "copy it once before the loop and change the copy"
        yield from self.found(node, name=shown, instead=instead)

    # -- calls

    def call_names(self) -> frozenset[str]:
        return knowledge.names_of(_names_by_package(), self.module.index.packages)

    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        name = last_name(node.func)
        if name in ("insert", "pop") and isinstance(node.func, ast.Attribute):
            yield from self._shifted(node, node.func)
        elif name == "sum":
            yield from self._summed(node)
        elif name == "int":
            yield from self._undone(node)
        elif self.module.qualname(node.func) == "functools.reduce":
            yield from self._reduced(node)
        elif isinstance(self.module.index.parent(node), (ast.Assign, ast.IfExp)):
            yield from self._assigned(node)
            yield from self._undone(node)
        else:
            yield from self._undone(node)

    def _shifted(self, node: ast.Call, method: ast.Attribute) -> Iterator[Finding]:
        """``xs.insert(0, x)`` and ``xs.pop(0)``."""
        if (
            not node.args
            or not is_constant(node.args[0], 0)
            or next(self.module.index.loops(node), None) is None
        ):
            return
        if self.module.kinds.of(method.value) != "list":
            return
        loop, name = self._growth.loop(node, method.value), ast.unparse(method)
        if loop is None:
            return
        if method.attr == "insert":
            if (
                self._is_seldom(node, loop)
                or self._is_test
                or self._accumulators.keeps_front(loop, method.value)
            ):
                return
            if self._accumulators.is_given(method.value) or self._accumulators.is_within_budget(loop):
                return
            if self._accumulators.is_shared(self.module.index.statement(node), method.value, loop):
                return
            instead = (
                "append to it and reverse it after the loop, or use collections.deque"
                if self._accumulators.is_empty_before(method.value)
                else _IN_FRONT
            )
        else:
            if len(node.args) > 1 or not self._fronts.is_slow(node, method.value, loop):
                return
            instead = "use collections.deque and popleft(), or loop over the list"
        is_large = (
            self._large.grows(method.value, [loop])
            if method.attr == "insert"
            else self._large.has_long(node, method.value)
        )
        if not is_large:
            return
        # another data structure mends all loops of a function
        place = loop if method.attr == "insert" else self.module.index.function(node) or loop
        if (place, name) in self._reported:
            return
        self._reported.add((place, name))
        yield from self.found(node, message=_SHIFTS, call=name, instead=instead)

    def _is_seldom(self, node: ast.Call, loop: ast.AST) -> bool:
        """Whether a condition or a handler decides in which turns of a loop a call runs."""
        for parent in self.module.index.outwards(self.module.index.statement(node), loop):
            if not isinstance(parent, (*TRIES, ast.With, ast.AsyncWith)):
                return True
        return False

    @functools.cached_property
    def _large(self) -> Large:
        return Large(self.module)

    @functools.cached_property
    def _few(self) -> Few:
        return Few(self.module)

    def _summed(self, node: ast.Call) -> Iterator[Finding]:
        """``sum(lists, [])``."""
        start = argument(node, "start", 1)
        if self.module.qualname(node.func) != "builtins.sum" or hides_arguments(node) or not node.args:
            return
        if not isinstance(start, (ast.List, ast.Tuple)) or start.elts or self._is_few(node.args[0]):
            return
        if not self._has_large(node.args[0]):
            return
        if self._is_test or self._is_decided(node) or self._is_tree(node.args[0]):
            return
        chained = "itertools.chain.from_iterable()"
        if not self._is_passed_once(node):
            # kept, returned or indexed: an iterator would be empty after its first use
            chained = f"{'list' if isinstance(start, ast.List) else 'tuple'}({chained})"
        yield from self.found(node, message=_JOINS, call="sum", instead=f"use {chained}", ruff="RUF017")

    def _has_large(self, items: ast.expr) -> bool:
        """Whether a collection of lists is long, or holds what was read."""
        return self._large.of(items) or self._large.is_of_anything(items) or self._large.are_read(items)

    def _is_passed_once(self, node: ast.Call) -> bool:
        """Whether nothing but one pass is made over a value: by a loop, or by a function that takes any iterable."""
        parent = self.module.index.parent(node)
        if isinstance(parent, (ast.For, ast.AsyncFor, ast.comprehension, ast.Starred, ast.YieldFrom)):
            return True
        return (
            isinstance(parent, ast.Call) and node in parent.args and last_name(parent.func) in _TAKES_ITERABLE
        )

    def _is_tree(self, items: ast.expr) -> bool:
        """Whether a local holds the levels of a tree, each half as long: ``while len(rows[-1]) > 1``."""
        variable = self.module.loops.variable(items) if isinstance(items, ast.Name) else None
        uses = () if variable is None else self.module.scopes.uses(*variable)
        return any(
            isinstance(last := self.module.index.parent(use), ast.Subscript)
            and isinstance(measured := self.module.index.parent(last), ast.Call)
            and last_name(measured.func) == "len"
            and isinstance(self.module.index.statement(use), ast.While)
            for use in uses
        )

    def _is_decided(self, node: ast.Call) -> bool:
        """Whether a ``noqa: RUF017`` in the same function says of the very same sum that it is meant."""
        if not self.module.says("RUF017"):
            return False
        index, text = self.module.index, ast.unparse(node)
        return any(
            "RUF017" in self.module.comments.all.get(call.lineno, "")
            for call in index.calls_named(("sum",))
            if index.function(call) is index.function(node) and ast.unparse(call) == text
        )

    def _is_few(self, items: ast.expr) -> bool:
        if isinstance(items, (ast.GeneratorExp, ast.ListComp)):
            first = items.generators[0].iter
            return (
                all(self._few.items(part.iter) for part in items.generators)
                or self._growth.is_part(first)
                or self._growth.is_chosen(first)
            )
        return self._few.items(items)

    def _reduced(self, node: ast.Call) -> Iterator[Finding]:
        """``reduce(operator.add, lists)``."""
        if len(node.args) < 2 or hides_arguments(node) or self._is_few(node.args[1]):
            return
        if not self._has_large(node.args[1]):
            return
        adds, items = node.args[:2]
        start = node.args[2] if len(node.args) > 2 else None
        kind = None if start is None else self.module.kinds.of(start)
        kind = kind or self.module.kinds.of_items(items)
        if kind is None and self._are_lists(items):
            kind = "list"
        is_sum = self.module.qualname(adds) in _ADDS or (
            isinstance(adds, ast.Lambda)
            and isinstance(adds.body, ast.BinOp)
            and isinstance(adds.body.op, ast.Add)
            and [dotted(adds.body.left), dotted(adds.body.right)] == [item.arg for item in adds.args.args]
        )
        is_concat = self.module.qualname(adds) == "operator.concat"
        if is_concat or (is_sum and kind in ("list", "tuple", "str", "bytes")):
            instead = (
                "use ''.join()"
                if kind == "str"
                else "use b''.join()"
                if kind == "bytes"
                else ("use itertools.chain.from_iterable()")
            )
            yield from self.found(node, message=_JOINS, call=dotted(node.func) or "reduce", instead=instead)

    def _are_lists(self, items: ast.expr) -> bool:
        """Whether names say that items are lists: ``lists``, ``[chapter.pages for chapter in chapters]``."""
        resolved = self.module.scopes.resolve(items) if isinstance(items, ast.Name) else None
        made = resolved[1][0].value if resolved is not None and len(resolved[1]) == 1 else items
        if isinstance(made, (ast.GeneratorExp, ast.ListComp)):
            part = made.elt
            return isinstance(part, ast.Attribute) and part.attr.endswith("s") and says(part.attr) == "data"
        return isinstance(items, ast.Name) and items.id.endswith("lists")

    def _undone(self, node: ast.Call) -> Iterator[Finding]:
        trip = self._trips.undone(node)
        if trip is not None and not self._is_explained(node):
            yield from self.found(node, message=_TRIP, back=trip.back, there=trip.there, instead=trip.instead)

    def _is_explained(self, node: ast.Call) -> bool:
        """Whether a comment says of a trip through pickle that a copy is what it is for, or of one through JSON what it converts.

        Or the docstring, that the function gives a copy, or the form of JSON.
        """
        reason = _REASONS.get(self.module.qualname(node.func) or "")
        function = self.module.index.function(node)
        if reason is not None and isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            told = ast.get_docstring(function, clean=False) or ""
            there = node.args[0] if node.args else None
            is_json = isinstance(there, ast.Call) and self.module.qualname(there.func) == "json.dumps"
            if _COPY.search(told) or (is_json and _FORM.search(told)):
                return True
        line = self.module.index.statement(node).lineno
        if reason is None or not any("#" in text for text in self.module.lines[max(0, line - 2) : line]):
            return False  # tokenising a file is dear
        comments = (*self.module.comments.near(line), self.module.comments.all.get(line - 1, ""))
        return any(map(reason.search, comments))


def _is_put_before(name: str, value: ast.expr) -> bool:
    """Whether the accumulator comes last: ``s = t + s``, ``xs = [x, *xs]``."""
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        return dotted(value.right) == name
    last = value.elts[-1] if isinstance(value, (ast.List, ast.Tuple)) and len(value.elts) > 1 else None
    return isinstance(last, ast.Starred) and dotted(last.value) == name


def _adds_more(value: ast.expr) -> bool:
    """Whether a collection grows by others than one item: ``xs = xs + more``, ``xs = [*xs, *more]``, ``d = {**d, **more}``."""
    if isinstance(value, ast.BinOp):
        right = value.right
        if isinstance(right, ast.Dict):
            return len(right.keys) != 1 or None in right.keys
        return not isinstance(right, (ast.List, ast.Set)) or len(right.elts) != 1
    if isinstance(value, ast.Dict):
        return None in value.keys[1:]
    if isinstance(value, ast.Set):
        return any(isinstance(item, ast.Starred) for item in value.elts[1:])
    return not isinstance(value, ast.List) or len(value.elts) != 2 or isinstance(value.elts[1], ast.Starred)


def _is_one(value: ast.expr, kind: str) -> bool:
    """Whether one item is put before the others, so that a reversed list has the same order."""
    if not isinstance(value, ast.BinOp):
        return isinstance(value, (ast.List, ast.Tuple)) and len(value.elts) == 2
    if kind == "str":
        return isinstance(value.left, (ast.Constant, ast.JoinedStr, ast.Name, ast.Attribute, ast.BinOp))
    return isinstance(value.left, (ast.List, ast.Tuple)) and len(value.left.elts) == 1


@knowledge.cached
def _names_by_package() -> Mapping[str, frozenset[str]]:
    """The calls to look at, by the package to import: methods, and what gives a longer copy of what it is given."""
    joiners = knowledge.by_package((*knowledge.by_call("copies.join"), "builtins.dict", "copy.deepcopy"))
    return {**joiners, "builtins": joiners["builtins"] | _NAMES | _backs()}


@knowledge.cached
def _backs() -> frozenset[str]:
    return frozenset(name.rpartition(".")[2] for row in knowledge.rows("copies.trip") for name in row["back"])
