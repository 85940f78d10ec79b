"""AIG028: an accumulator that is copied on every turn of a loop, and a value that is converted there and back."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.index import COMPREHENSIONS, Loop
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import (
    argument,
    dotted,
    hides_arguments,
    is_constant,
    last_name,
    names_in,
    string,
    words,
)

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
_COPIES: Final = "this copies all of {name} on every turn of the loop; {instead}"
_SHIFTS: Final = "{call}() moves every item of the list on every turn of the loop; {instead}"
_JOINS: Final = "{call}() copies everything joined so far for each item; {instead}"
_TRIP: Final = "{back}() undoes {there}(): the round trip costs two conversions; {instead}"
_ADDS: Final = ("operator.add", "operator.concat", "operator.__add__")
_ONLY_LISTS: Final = ("insert", "sort", "[:]")  # what a deque does not have, or not fast
_NAMES: Final = frozenset({"sum", "reduce", "insert", "pop", "int"})
_TEST_CODE: Final = ("test_kit/", "test_utils/", "testing/", "testutils/")
_HEADERS: Final = ("struct.pack", "builtins.int.to_bytes")
_COMPLAINTS: Final = frozenset({"err", "error", "errors", "message", "messages", "msg"})
_GROWS: Final = frozenset({"append", "appendleft", "extend", "insert", "add", "update", "setdefault"})


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

    Limits: an accumulator counts where the file proves what it is (a list, tuple, dict, set, bytes or string), where the loop
    never starts it afresh and does not run over few, fixed items. A local ``s += t`` is silent, as CPython extends it in place;
    so is ``+=`` on a list. ``insert(0)`` and ``s = t + s`` count in ``for`` loops, where ``while`` mostly climbs a short path.
    Silent where the loop reads or keeps what has been gathered so far, puts items at both ends or reads the first one, and
    where each turn halves or divides what it counts. ``pop(0)`` counts on a list that is built here, and not
    where its length is asked first, or the loop sorts or slices it. Silent on ``+=`` in tests, in helpers of tests, in ``except`` clauses, over ``*args``, for bytes that begin
    with a packed header and for texts of errors, all of which stay short. A round trip counts with plain
    arguments, outside of tests and of ``try``: an encoder, ``sort_keys``, another codec or ``errors`` make it a conversion.
    """

    code = "AIG028"
    slug = "quadratic-copy"
    since = "0.1.0"
    severity = "warning"
    message = _COPIES
    ruff = "Ruff has RUF017 (default) for sum(lists, [])."

    def __init__(self, tree: ast.Module, filename: str, lines: Sequence[str]) -> None:
        super().__init__(tree, filename, lines)
        self._reported: set[tuple[Loop, str]] = set()

    def is_possible(self) -> bool:
        return not self.module.matches(_TEST_CODE)

    # -- accumulators

    def visit_AugAssign(self, node: ast.AugAssign) -> Iterator[Finding]:
        name = dotted(node.target) or (
            dotted(node.target.value) if isinstance(node.target, ast.Subscript) else None
        )
        if name is None or not isinstance(node.op, ast.Add):
            return
        if isinstance(node.value, ast.Constant) or next(self.module.index.loops(node), None) is None:
            return
        kind = self._kind(node.target, node.value)
        if kind not in ("tuple", "bytes", "str") or self.module.is_test:
            return
        loop = self._loop(node, node.target)
        if loop is None or self._is_measured(node.target, loop):
            return
        if kind != "bytes" and self._is_shared(node, node.target, loop):
            return
        if kind == "bytes" and self._is_message(node.target):
            return
        if kind == "str" and self._is_complaint(node.target):
            return
        if kind in ("tuple", "bytes") or (kind == "str" and self._is_kept_outside(node.target)):
            yield from self._copied(node, node.target, kind)

    def visit_BinOp(self, node: ast.BinOp) -> Iterable[Finding]:
        is_assigned = isinstance(self.module.index.parent(node), ast.Assign)
        return self._assigned(node) if is_assigned and isinstance(node.op, (ast.Add, ast.BitOr)) else ()

    def visit_Starred(self, node: ast.Starred) -> Iterable[Finding]:
        display = self.module.index.parent(node)
        return self._assigned(display) if isinstance(display, (ast.List, ast.Tuple, ast.Set)) else ()

    def visit_Dict(self, node: ast.Dict) -> Iterable[Finding]:
        is_assigned = isinstance(self.module.index.parent(node), ast.Assign)
        return self._assigned(node) if is_assigned and None in node.keys else ()

    def _assigned(self, value: ast.expr) -> Iterator[Finding]:
        """``xs = xs + [x]`` and its kin: a variable is bound to a copy of itself with more in it."""
        node = self.module.index.parent(value)
        if not isinstance(node, ast.Assign) or node.value is not value:
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
        loop = self._loop(node, target)
        if loop is None or self._is_measured(target, loop):
            return
        if kind != "bytes" and self._is_shared(node, target, loop):
            return
        if not _is_put_before(name, value):
            yield from self._copied(node, target, kind)
        elif kind in _BEFORE and _is_one(value, kind) and not self._keeps_front(loop, target):
            yield from self._copied(node, target, kind, _BEFORE[kind])

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
        kind = self._kind(first.left if is_first else last, last if is_first else first.left)
        if isinstance(value.op, ast.BitOr):
            return kind if kind in ("dict", "set") else None
        if not isinstance(value.op, ast.Add) or kind not in ("list", "tuple", "bytes", "str"):
            return None
        if kind == "str" and is_first and not self._is_kept_outside(first.left):
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
            instead = (
                "set the key in place" if is_dict else "change it in place, or copy it once before the loop"
            )
        if is_copied and self._loop(node, target) is not None:
            yield from self.found(call, message=_COPIES, name=name, instead=instead)

    def _copied(self, node: ast.stmt, target: ast.expr, kind: str, instead: str = "") -> Iterator[Finding]:
        shown = dotted(target) or ast.unparse(target)
        loop = next(self.module.index.loops(node))
        if (loop, shown) in self._reported:
            return
        self._reported.add((loop, shown))
        instead = instead or _INSTEAD[kind]
        if kind in ("list", "dict", "set") and not self._is_own(target):
            instead = "copy it once before the loop and change the copy"
        yield from self.found(node, name=shown, instead=instead)

    def _is_own(self, target: ast.expr) -> bool:
        """Whether a collection is made here: nobody else sees it change."""
        variable = self.module.loops.variable(target) if isinstance(target, ast.Name) else None
        return variable is not None and not any(
            item.kind is Kind.PARAMETER or isinstance(item.value, (ast.Name, ast.Attribute, ast.Subscript))
            for item in self.module.scopes.bindings(*variable)
        )

    def _kind(self, target: ast.expr, added: ast.expr) -> str | None:
        """What an accumulator is: by its own assignments, else by what is added to it."""
        own = self._entry(target) if isinstance(target, ast.Subscript) else target
        kind = None if own is None else self.module.kinds.of(own)
        return kind or self.module.kinds.of(added)

    def _entry(self, target: ast.Subscript) -> ast.expr | None:
        """What an entry begins as, where a dict is written with it: ``page = {"html": ""}``."""
        resolved = self.module.scopes.resolve(target.value) if isinstance(target.value, ast.Name) else None
        key = string(target.slice)
        if resolved is None or key is None or len(resolved[1]) > 1:
            return None
        value = resolved[1][0].value if resolved[1][0].kind is Kind.ASSIGN else None
        if not isinstance(value, ast.Dict):
            return None
        return next((item for part, item in zip(value.keys, value.values, strict=True) if part and string(part) == key), None)

    def _is_kept_outside(self, target: ast.expr) -> bool:
        """Whether a string is no plain local, which CPython extends in place."""
        if not isinstance(target, ast.Name):
            return True
        scope = self.module.index.scope(target)
        return self.module.scopes.owner(scope, target.id) is not scope

    def _is_message(self, target: ast.expr) -> bool:
        """Whether bytes begin with a packed header: one message of a protocol, which is short."""
        variable = self.module.loops.variable(target) if isinstance(target, ast.Name) else None
        return variable is not None and any(
            isinstance(item.value, ast.Call) and self.module.qualname(item.value.func) in _HEADERS
            for item in self.module.scopes.bindings(*variable)
            if item.kind is Kind.ASSIGN
        )

    def _is_complaint(self, target: ast.expr) -> bool:
        """Whether a string is what a person reads about what went wrong."""
        while isinstance(target, ast.Subscript):
            target = target.value
        return not _COMPLAINTS.isdisjoint(words(last_name(target) or ""))

    def _is_measured(self, target: ast.expr, loop: Loop) -> bool:
        """Whether the loop runs until the accumulator is long enough, or nothing is left to wait for: the parts of one message."""
        if not isinstance(loop, ast.While):
            return False
        asked = {dotted(item) for item in ast.walk(loop.test) if isinstance(item, (ast.Name, ast.Attribute))}
        counted = (
            dotted(item.target)
            for item in ast.walk(loop)
            if isinstance(item, ast.AugAssign) and isinstance(item.op, ast.Sub)
        )
        return dotted(target) in asked or any(name in asked for name in counted)

    def _is_climb(self, loop: Loop) -> bool:
        """Whether a loop climbs a path or counts digits: few turns, and the order is the point."""
        return isinstance(loop, ast.While) or (
            isinstance(loop, (ast.For, ast.AsyncFor))
            and isinstance(loop.iter, ast.Call)
            and self.module.qualname(loop.iter.func) == "builtins.range"
        )

    def _is_shared(self, node: ast.stmt, target: ast.expr, loop: Loop) -> bool:
        """Whether the loop needs the value of each turn: something keeps it, or reads it before the loop ends."""
        name = dotted(target.value if isinstance(target, ast.Subscript) else target)
        for item in ast.walk(loop):
            if not isinstance(item, (ast.Name, ast.Attribute)) or not isinstance(item.ctx, ast.Load):
                continue
            if dotted(item) == name and self.module.index.statement(item) is not node:
                parent = self.module.index.parent(item)
                is_measured = isinstance(parent, ast.Call) and last_name(parent.func) == "len"
                grows = isinstance(self.module.index.statement(item), (ast.AugAssign, ast.Assign)) and any(
                    dotted(part) == name
                    for part in ast.walk(self.module.index.statement(item))
                    if isinstance(part, (ast.Name, ast.Attribute)) and not isinstance(part.ctx, ast.Load)
                )
                if (
                    not is_measured
                    and not grows
                    and not isinstance(
                        parent, (ast.Attribute, ast.Compare, ast.Subscript, ast.If, ast.UnaryOp, ast.BoolOp)
                    )
                ):
                    return True
        return False

    def _loop(self, node: ast.AST, target: ast.expr) -> Loop | None:
        """The loop in which a value grows: over many items, and never starting it afresh."""
        loop = next(self.module.index.loops(node), None)
        if loop is None or self._is_short(loop) or self._is_last(node, loop):
            return None
        if any(isinstance(item, ast.ExceptHandler) for item in self.module.index.outwards(node, loop)):
            return None  # as often as something fails
        key = dotted(target.value if isinstance(target, ast.Subscript) else target)
        if key is not None and key.endswith("__"):
            return None
        return None if key is None or self._is_started(key, target, loop) else loop

    def _is_last(self, node: ast.AST, loop: Loop) -> bool:
        """Whether the loop is left right after."""
        statement: ast.AST = self.module.index.statement(node)
        while statement is not loop:
            parent = self.module.index.parent(statement)
            if parent is None or isinstance(parent, ast.Module):
                break
            blocks: list[list[ast.AST]] = [getattr(parent, field, []) for field in ("body", "orelse")]
            if any(
                statement in block and isinstance(block[-1], (ast.Return, ast.Break, ast.Raise))
                for block in blocks
            ):
                return True
            statement = parent
        return False

    def _is_short(self, loop: Loop) -> bool:
        if isinstance(loop, ast.While):
            return _is_halved(loop)
        iterables = (
            [part.iter for part in loop.generators] if isinstance(loop, COMPREHENSIONS) else [loop.iter]
        )
        return (
            any(map(self.module.loops.is_small, iterables))
            or any(map(self._is_varargs, iterables))
            or (self.module.is_test and any(map(self._is_split_parameter, iterables)))
        )

    def _is_varargs(self, items: ast.expr) -> bool:
        """Whether a loop goes over ``*args``: what a call lists."""
        function = self.module.index.function(items)
        spec = getattr(function, "args", None)
        return (
            isinstance(items, ast.Name)
            and spec is not None
            and spec.vararg is not None
            and spec.vararg.arg == items.id
        )

    def _is_split_parameter(self, items: ast.expr) -> bool:
        """``name.split(".")`` of what a function is given: a helper of tests, which pass it a literal."""
        if not isinstance(items, ast.Call) or not isinstance(items.func, ast.Attribute):
            return False
        text = items.func.value
        variable = self.module.loops.variable(text) if isinstance(text, ast.Name) else None
        return (
            items.func.attr == "split"
            and variable is not None
            and any(item.kind is Kind.PARAMETER for item in self.module.scopes.bindings(*variable))
        )

    def _keeps_front(self, loop: Loop, target: ast.expr) -> bool:
        """Whether appending and reversing would be wrong: the loop puts items at the end as well, or reads the first one.

        Or it would gain nothing.
        """
        if self._is_climb(loop):
            return True
        name = dotted(target)
        for item in ast.walk(loop):
            if isinstance(item, ast.AugAssign):
                is_meant = dotted(item.target) == name
            elif isinstance(item, ast.Subscript) and isinstance(item.ctx, ast.Load):
                is_meant = is_constant(item.slice, 0) and dotted(item.value) == name
            else:
                is_meant = isinstance(item, ast.Assign) and (
                    dotted(item.targets[0]) == name and _is_put_after(name, item.value)
                )
            if is_meant:
                return True
        return self._does(loop, target, ("append", "extend", "pop"))

    def _is_started(self, name: str, target: ast.expr, loop: Loop) -> bool:
        """Whether a loop assigns the variable, or what holds it, without its own old value."""
        # a container gets new strings: d.append("")
        starts = {"clear", *_GROWS} if isinstance(target, ast.Subscript) else {"clear"}
        for item in ast.walk(loop):
            if isinstance(item, (ast.Name, ast.Attribute)) and not isinstance(item.ctx, ast.Load):
                stored = dotted(item)
                if stored is not None and (stored == name or name.startswith(f"{stored}.")):
                    parent = self.module.index.parent(item)
                    if isinstance(parent, ast.AugAssign):
                        continue
                    value = parent.value if isinstance(parent, ast.Assign) else None
                    if value is None or not any(
                        isinstance(part, ast.expr) and dotted(part) == stored for part in ast.walk(value)
                    ):
                        return True
            elif isinstance(item, ast.Attribute) and item.attr in starts and dotted(item.value) == name:
                return True
        key = target.slice if isinstance(target, ast.Subscript) else None
        keys = set() if key is None else {self.module.loops.variable(part) for part in names_in(key)}
        return any(
            item in self.module.loops.place(loop).targets
            or (self.module.loops.writes(item, loop) and self._is_continuation(target, loop))
            for item in keys
            if item is not None
        )

    def _is_continuation(self, node: ast.AST, loop: Loop) -> bool:
        """Whether a statement adds to a field what is indented below it: few lines, of one entry among many."""
        for item in self.module.index.ancestors(node):
            if item is loop:
                break
            if isinstance(item, ast.If) and any(
                (string(part) or "x").isspace()
                or (isinstance(part, ast.Attribute) and part.attr == "isspace")
                for part in ast.walk(item.test)
                if isinstance(part, ast.expr)
            ):
                return True
        return False

    # -- calls

    def call_names(self) -> frozenset[str]:
        return knowledge.names_of(_names_by_package(), self.module.index.packages)

    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        name = last_name(node.func)
        if name in ("insert", "pop") and isinstance(node.func, ast.Attribute):
            yield from self._shifted(node, node.func)
        elif name == "sum":
            yield from self._summed(node)
        elif self.module.qualname(node.func) == "functools.reduce":
            yield from self._reduced(node)
        elif isinstance(self.module.index.parent(node), ast.Assign):
            yield from self._assigned(node)
            yield from self._round_trip(node)
        else:
            yield from self._round_trip(node)

    def _shifted(self, node: ast.Call, method: ast.Attribute) -> Iterator[Finding]:
        """``xs.insert(0, x)`` and ``xs.pop(0)``."""
        if not node.args or not is_constant(node.args[0], 0) or self.module.kinds.of(method.value) != "list":
            return
        loop = self._loop(node, method.value)
        if loop is None:
            return
        if method.attr == "insert":
            is_seldom = self.module.index.parent(self.module.index.statement(node)) is not loop
            if is_seldom or self._keeps_front(loop, method.value):
                return
            instead = "append to it and reverse it after the loop, or use collections.deque"
        else:
            if len(node.args) > 1 or self._is_bounded(node, method.value) or not self._is_long(method.value):
                return
            if self.module.index.parent(self.module.index.statement(node)) is not loop:
                return  # now and then
            if self._does(loop, method.value, _ONLY_LISTS) or self._waits(loop) or _is_stripped(loop, node):
                return
            instead = "use collections.deque and popleft(), or loop over the list"
        yield from self.found(
            node, message=_SHIFTS, call=dotted(method) or f"{ast.unparse(method)}", instead=instead
        )

    def _does(self, loop: Loop, receiver: ast.expr, methods: Collection[str]) -> bool:
        """Whether a loop calls one of these methods of a list, or with ``[:]`` among them takes slices."""
        name = dotted(receiver)
        return any(
            (isinstance(item, ast.Attribute) and item.attr in methods and dotted(item.value) == name)
            or (
                isinstance(item, ast.Subscript)
                and isinstance(item.slice, ast.Slice)
                and "[:]" in methods
                and dotted(item.value) == name
            )
            for item in ast.walk(loop)
        )

    def _waits(self, loop: Loop) -> bool:
        """Whether a turn sleeps, next to which no list is long."""
        return any(isinstance(item, ast.Call) and last_name(item.func) == "sleep" for item in ast.walk(loop))

    def _is_bounded(self, node: ast.AST, receiver: ast.expr) -> bool:
        """Whether an ``if`` asks for the length before an item is taken: a window of fixed size."""
        for item in self.module.index.ancestors(node):
            if isinstance(item, (ast.If, ast.While)) and any(
                isinstance(part, ast.Call)
                and last_name(part.func) == "len"
                and part.args
                and dotted(part.args[0]) == dotted(receiver)
                for part in ast.walk(item.test)
            ):
                return True
            if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)):
                break
        return False

    def _is_long(self, receiver: ast.expr) -> bool:
        """Whether a list is filled in a loop, read from a file or made of another collection."""
        variable = self.module.loops.variable(receiver) if isinstance(receiver, ast.Name) else None
        if variable is None:
            return False
        for binding in self.module.scopes.bindings(*variable):
            value = binding.value
            if isinstance(value, ast.ListComp) or (binding.kind is Kind.PARAMETER and binding.annotation):
                return True
            if isinstance(value, ast.Call) and last_name(value.func) in (
                *("list", "sorted", "splitlines", "readlines", "findall", "listdir", "glob"),
            ):
                return True
        return any(
            isinstance(parent := self.module.index.parent(use), ast.Attribute)
            and parent.attr in _GROWS
            and next(self.module.index.loops(use), None) is not None
            for use in self.module.scopes.uses(*variable)
        )

    def _summed(self, node: ast.Call) -> Iterator[Finding]:
        """``sum(lists, [])``."""
        start = argument(node, "start", 1)
        if self.module.qualname(node.func) != "builtins.sum" or hides_arguments(node) or not node.args:
            return
        if not isinstance(start, (ast.List, ast.Tuple)) or start.elts or self._is_few(node.args[0]):
            return
        chained = "itertools.chain.from_iterable()"
        if isinstance(self.module.index.parent(node), (ast.Assign, ast.AnnAssign, ast.NamedExpr)):
            # kept: an iterator would be empty after its first use
            chained = f"{'list' if isinstance(start, ast.List) else 'tuple'}({chained})"
        yield from self.found(node, message=_JOINS, call="sum", instead=f"use {chained}", ruff="RUF017")

    def _is_few(self, items: ast.expr) -> bool:
        if isinstance(items, (ast.GeneratorExp, ast.ListComp)):
            return all(self.module.loops.is_small(part.iter) for part in items.generators)
        return self.module.loops.is_small(items)

    def _reduced(self, node: ast.Call) -> Iterator[Finding]:
        """``reduce(operator.add, lists)``."""
        if len(node.args) < 2 or hides_arguments(node) or self._is_few(node.args[1]):
            return
        adds, items = node.args[:2]
        start = node.args[2] if len(node.args) > 2 else None
        kind = None if start is None else self.module.kinds.of(start)
        kind = kind or self.module.kinds.of_items(items)
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

    # -- round trips

    def _round_trip(self, node: ast.Call) -> Iterator[Finding]:
        if self.module.is_test or node.keywords or next(self.module.index.handlers(node), None) is not None:
            return  # a test of the encoder, or of the value
        if self.module.qualname(node.func) == "builtins.int":
            yield from self._retold(node)
            return
        method = f".{node.func.attr}" if isinstance(node.func, ast.Attribute) else ""
        back = self.module.qualname(node.func) or method
        for row in knowledge.rows("copies.trip"):
            if back not in row["back"]:
                continue
            if back == method and isinstance(node.func, ast.Attribute):
                inner: ast.expr | None = node.func.value
            else:
                inner = node.args[0] if len(node.args) == 1 else None
            if isinstance(inner, ast.Call) and self.module.qualname(inner.func) == "io.StringIO":
                inner = inner.args[0] if len(inner.args) == 1 else None
            if not isinstance(inner, ast.Call) or any(
                item.arg not in row.get("plain", ()) for item in inner.keywords
            ):
                continue
            there = self.module.qualname(inner.func) or f".{last_name(inner.func)}"
            if there in row["there"] and self._is_plain(node, inner, back == method):
                yield from self.found(
                    node,
                    message=_TRIP,
                    back=dotted(node.func) or back.lstrip("."),
                    there=dotted(inner.func) or there.lstrip("."),
                    instead=row["instead"],
                )
                return

    def _is_plain(self, node: ast.Call, inner: ast.Call, is_codec: bool) -> bool:
        """Whether neither way says how to convert."""
        if is_codec:
            given = [string(item) for item in (*node.args, *inner.args)]
            return len(node.args) == len(inner.args) <= 1 and all(
                (text or "").lower() in ("utf-8", "utf8") for text in given
            )
        is_method = isinstance(inner.func, ast.Attribute) and self.module.qualname(inner.func) is None
        return len(node.args) == 1 and len(inner.args) == (0 if is_method else 1)

    def _retold(self, node: ast.Call) -> Iterator[Finding]:
        """``int(str(n))`` of a number."""
        inner = node.args[0] if len(node.args) == 1 else None
        if (
            isinstance(inner, ast.Call)
            and self.module.qualname(inner.func) == "builtins.str"
            and len(inner.args) == 1
            and not inner.keywords
            and self.module.kinds.of(inner.args[0]) == "number"
        ):
            yield from self.found(
                node, message=_TRIP, back="int", there="str", instead="use the number itself"
            )


def _is_stripped(loop: Loop, pop: ast.Call) -> bool:
    """Whether a loop only drops what a list begins with: ``while lines and not lines[0]: lines.pop(0)``."""
    body = loop.body if isinstance(loop, ast.While) else []
    return len(body) == 1 and isinstance(body[0], ast.Expr) and body[0].value is pop


def _is_put_before(name: str, value: ast.expr) -> bool:
    """Whether the accumulator comes last: ``s = t + s``, ``xs = [x, *xs]``."""
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        return dotted(value.right) == name
    last = value.elts[-1] if isinstance(value, (ast.List, ast.Tuple)) and len(value.elts) > 1 else None
    return isinstance(last, ast.Starred) and dotted(last.value) == name


def _is_put_after(name: str | None, value: ast.expr) -> bool:
    """Whether the accumulator comes first: ``s = s + t``, ``xs = [*xs, x]``."""
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        return dotted(value.left) == name
    first = value.elts[0] if isinstance(value, (ast.List, ast.Tuple)) and value.elts else None
    return isinstance(first, ast.Starred) and dotted(first.value) == name


def _is_one(value: ast.expr, kind: str) -> bool:
    """Whether one item is put before the others, so that a reversed list has the same order."""
    if not isinstance(value, ast.BinOp):
        return isinstance(value, (ast.List, ast.Tuple)) and len(value.elts) == 2
    if kind == "str":
        return isinstance(value.left, (ast.Constant, ast.JoinedStr, ast.Name, ast.Attribute, ast.BinOp))
    return isinstance(value.left, (ast.List, ast.Tuple)) and len(value.left.elts) == 1


def _is_halved(loop: ast.While) -> bool:
    """Whether each turn shifts or divides the number that the loop runs on: ``n >>= 1``, ``n, rest = divmod(n, 10)``."""
    asked = {dotted(item) for item in ast.walk(loop.test) if isinstance(item, (ast.Name, ast.Attribute))}
    for item in loop.body:
        if isinstance(item, ast.If) and isinstance(item.body[-1], (ast.Break, ast.Return)):
            asked |= {
                dotted(part) for part in ast.walk(item.test) if isinstance(part, (ast.Name, ast.Attribute))
            }
    return any(_divided(item) in asked - {None} for item in loop.body)


def _divided(statement: ast.stmt) -> str | None:
    """The number that a statement shifts or divides."""
    if isinstance(statement, ast.AugAssign):
        return dotted(statement.target) if isinstance(statement.op, (ast.RShift, ast.FloorDiv)) else None
    if not isinstance(statement, ast.Assign):
        return None
    target, value = statement.targets[0], statement.value
    if isinstance(value, ast.BinOp) and isinstance(value.op, (ast.RShift, ast.FloorDiv)):
        return dotted(target) if dotted(value.left) == dotted(target) else None
    if isinstance(value, ast.Call) and last_name(value.func) == "divmod" and isinstance(target, ast.Tuple):
        return dotted(target.elts[0]) if target.elts and value.args else None
    return None


@knowledge.cached
def _names_by_package() -> Mapping[str, frozenset[str]]:
    """The calls to look at, by the package to import: methods, and what gives a longer copy of what it is given."""
    joiners = knowledge.by_package((*knowledge.by_call("copies.join"), "builtins.dict", "copy.deepcopy"))
    return {**joiners, "builtins": joiners["builtins"] | _NAMES | _backs()}


@knowledge.cached
def _backs() -> frozenset[str]:
    return frozenset(name.rpartition(".")[2] for row in knowledge.rows("copies.trip") for name in row["back"])
