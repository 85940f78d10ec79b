"""AIG026: everything is fetched, then filtered, counted or cut in Python."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from typing import Final

from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.children import walk
from flake8_aiguard.fetches import Fetch, Fetches
from flake8_aiguard.index import COMPREHENSIONS, Comprehension, Function
from flake8_aiguard.oneoff import OneOff
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import dotted, is_constant, last_name, string

_FILTERED: Final = (
    "{call} fetches every row, and Python keeps those with {predicate}; put that condition into the query"
)
_COUNTED: Final = "{call} fetches every row only to count them; let the store count"
_CUT: Final = "{call} fetches every row, and {by} keeps only some; order and limit in the query"
_SUMMED: Final = "{call} fetches every row for one value; compute it in the query"
_FIRST: Final = "{call} fetches every row for the first one; limit the query to one row"
_EAGER: Final = frozenset({"all", "fetchall", "scan"})
_COPIES: Final = {f"builtins.{name}" for name in ("list", "tuple", "iter")}
_PAIRS: Final[tuple[tuple[type[ast.cmpop], type[ast.cmpop]], ...]] = (
    *((ast.Eq, ast.NotEq), (ast.Lt, ast.GtE), (ast.Gt, ast.LtE)),
    *((ast.In, ast.NotIn), (ast.Is, ast.IsNot)),
)
_OPPOSITES: Final = {**dict(_PAIRS), **{second: first for first, second in _PAIRS}}
_OPERATORS: Final = (" == ", " != ", " < ", " <= ", " > ", " >= ", " in ")
# An attribute whose truth a store can check: others are often properties.
_FLAG: Final = regex(
    r"(is|has|was|can)_\w+|\w+ed|active|visible|hidden|public|private|open|done|sent|paid|staff|admin|current|default"
)
_CHANGES: Final = ("add", "append", "discard", "remove", "update")
_TEXT: Final = 60  # of a predicate in a message


class FetchAllThenFilter(Checker):
    """Everything is fetched, then filtered, counted or cut in Python.

    Why: the store would have sent the few rows that are wanted. Fetched whole, the table crosses the network and fills
    the memory of every worker, and gets slower with each customer that is added.

    Bad::

        def overdue(db, day):
            rows = db.execute("SELECT id, due, cents FROM invoices").fetchall()
            return [row for row in rows if row[1] < day]

    Good::

        def overdue(db, day):
            return db.execute("SELECT id, due, cents FROM invoices WHERE due < ?", (day,)).fetchall()

    Limits: the fetch and what is done with it stand in one function: a chain, or a variable that is assigned once. The condition must be a comparison of one
    attribute or item of the row, or its truth, where it is named as a flag is (``is_active``, ``archived``).

    - Silent where the query has a condition, a limit, a grouping or a join, where its text is not seen, where any other use takes the rows
      whole, and where a lazy query turns the slice into a limit itself.
    - Of a function that is only called ``fetch_all_...`` or ``get_all_...``, comparisons alone are reported.
    - Silent there where it is asked for some (``get_all_episodes(season=1)``), lists what the program, a machine or a database is made of (``get_all_modules()``, ``get_all_scopes()``), or asks
      an object or class that has them in memory.
    - Silent where the rows of two fetches are joined, as a query for each row costs more.
    - Silent in migrations, and in loops that only skip rows without a value, which they then parse.
    """

    code = "AIG026"
    slug = "fetch-all-then-filter"
    since = "0.1.0"
    severity = "warning"
    message = _FILTERED
    in_tests = False
    ruff = "Ruff has nothing for this pattern."

    def start(self) -> None:
        self.fetches = Fetches(self.module)

    def call_names(self) -> frozenset[str]:
        return self.fetches.names()

    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        value = self._whole(node)
        if value is None or OneOff(self.module).is_migration:
            return
        function = self.module.index.function(node)
        if function is not None and self._is_upgrade(function):
            return
        uses = self._uses(value)
        if not uses:
            return
        judged = [self._judged(use) for use in uses]
        first = judged[0]
        if first is None or any(other is None for other in judged):
            return  # also used whole
        if any(self._is_joined(use, node) for use in uses):
            return  # a query for each turn costs more
        fetch = self.fetches.of(node)
        if fetch is None or (
            fetch.promised and not all(other and _is_comparison(*other) for other in judged)
        ):
            return
        if fetch.promised and any(map(self._asks_python, uses)):
            return
        if not fetch.promised and value is node and self._is_sliced_by_store(fetch, uses):
            return
        messages = {message for message, _ in filter(None, judged)}
        if len(messages) > 1 and _COUNTED in messages:
            return  # counts what it goes through anyway
        yield from self.found(node, message=first[0], call=fetch.shown, predicate=first[1], by=first[1])

    def _whole(self, node: ast.Call) -> ast.expr | None:
        """The expression that holds the rows: the outermost call of a chain, its ``Items``, awaited."""
        index = self.module.index
        value: ast.expr = node
        while True:
            parent = index.parent(value)
            if isinstance(parent, ast.Attribute):
                call = index.parent(parent)
                if (
                    parent.attr == "get"
                    and isinstance(call, ast.Call)
                    and string(call.args[0] if call.args else None)
                ):
                    value = call
                    continue
                return None
            if (
                isinstance(parent, ast.Await)
                or (
                    isinstance(parent, ast.Subscript)
                    and string(parent.slice) == "Items"
                    and parent.value is value
                )
                or (
                    isinstance(parent, ast.Call)
                    and value in parent.args[:1]
                    and self.module.qualname(parent.func) in _COPIES
                )
            ):
                value = parent
            else:
                return value

    def _uses(self, value: ast.expr) -> list[ast.expr]:
        """Where the rows are used: the expression itself, or the variable that is bound to it and nothing else."""
        parent = self.module.index.parent(value)
        if not isinstance(parent, ast.Assign):
            return [value]
        target = parent.targets[0]
        if len(parent.targets) > 1 or not isinstance(target, ast.Name):
            return []
        owner = self.module.scopes.owner(self.module.index.scope(target), target.id)
        if not isinstance(owner, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return []
        if len(self.module.scopes.bindings(owner, target.id)) != 1:
            return []
        uses: list[ast.expr] = []
        for use in self.module.scopes.uses(owner, target.id):
            item: ast.expr = use
            outer = self.module.index.parent(item)
            if isinstance(outer, ast.Subscript) and string(outer.slice) == "Items":
                item = outer
            elif isinstance(outer, (ast.If, ast.UnaryOp)) and not isinstance(
                self.module.index.parent(outer), ast.Return
            ):
                continue  # if not rows: return
            uses.append(item)
        return uses

    def _is_upgrade(self, function: Function) -> bool:
        """Whether a function is a step of a schema: ``@db.upgrade("users")``, or the ``upgrade()`` of Alembic."""
        if (
            getattr(function, "name", None) in ("upgrade", "downgrade")
            and "alembic" in self.module.index.packages
        ):
            return True
        return any(
            last_name(item.func if isinstance(item, ast.Call) else item) == "upgrade"
            for item in getattr(function, "decorator_list", ())
        )

    # -- what is done with the rows

    def _judged(self, rows: ast.expr) -> tuple[str, str] | None:
        """The message for one use of the rows and its words; ``None`` where all of them are wanted."""
        parent = self.module.index.parent(rows)
        if isinstance(parent, ast.For) and parent.iter is rows:
            predicate = self._loop_filter(parent)
            return None if predicate is None else (_FILTERED, predicate)
        if isinstance(parent, ast.comprehension) and parent.iter is rows:
            return self._comprehended(parent)
        if isinstance(parent, ast.Subscript) and parent.value is rows and isinstance(parent.ctx, ast.Load):
            if isinstance(parent.slice, ast.Slice):
                is_head = parent.slice.upper is not None and parent.slice.lower is None
                return (_CUT, f"[{ast.unparse(parent.slice)}]") if is_head else None
            return (_FIRST, "") if is_constant(parent.slice, 0) else None
        if isinstance(parent, ast.Call) and parent.args[:1] == [rows]:
            return self._passed(parent)
        if isinstance(parent, ast.Call) and parent.args[1:] == [rows]:
            return self._filter_function(parent)
        return None

    def _passed(self, call: ast.Call) -> tuple[str, str] | None:
        name = self.module.qualname(call.func)
        if name == "builtins.len":
            return _COUNTED, ""
        key = next((item.value for item in call.keywords if item.arg == "key"), None)
        if not (
            isinstance(key, ast.Lambda) and self._is_field(key.body, {item.arg for item in key.args.args})
        ):
            return None
        if name in ("builtins.max", "builtins.min"):
            return _CUT, f"{name.rpartition('.')[2]}()"
        outer = self.module.index.parent(call)
        if name == "builtins.sorted" and isinstance(outer, ast.Subscript) and outer.value is call:
            if isinstance(outer.slice, ast.Slice):
                return (_CUT, f"[{ast.unparse(outer.slice)}]") if outer.slice.upper is not None else None
            return (_CUT, f"[{ast.unparse(outer.slice)}]") if isinstance(outer.slice, ast.Constant) else None
        return None

    def _asks_python(self, rows: ast.expr) -> bool:
        """Whether a condition on the rows calls something, or asks for ``__name__``, which shows objects in memory."""
        parent = self.module.index.parent(rows)
        tests = parent.ifs if isinstance(parent, ast.comprehension) else []
        if isinstance(parent, ast.For) and isinstance(parent.body[0], ast.If):
            tests = [parent.body[0].test]
        return any(
            isinstance(item, ast.Call) or (isinstance(item, ast.Attribute) and item.attr.startswith("__"))
            for test in tests
            for item in ast.walk(test)
        )

    def _is_joined(self, rows: ast.expr, fetch: ast.Call) -> bool:
        """Whether a loop around the use, and not around the fetch, has the value that the rows are compared with."""
        index = self.module.index
        parent = index.parent(rows)
        around = set(index.loops(fetch))
        others = {
            name.removeprefix("=")
            for loop in index.loops(rows)
            if loop not in around and isinstance(loop, (ast.For, ast.AsyncFor))
            for name in _names(loop.target)
        }
        if isinstance(parent, ast.For) and isinstance(parent.body[0], ast.If):
            tests = [parent.body[0].test]
        else:
            tests = parent.ifs if isinstance(parent, ast.comprehension) else []
        return bool(others) and any(_mentions(test, others) for test in tests)

    def _filter_function(self, call: ast.Call) -> tuple[str, str] | None:
        function = call.args[0]
        if self.module.qualname(call.func) != "builtins.filter" or not isinstance(function, ast.Lambda):
            return None
        predicate = self._predicate(function.body, {item.arg for item in function.args.args})
        return None if predicate is None else (_FILTERED, predicate)

    def _comprehended(self, part: ast.comprehension) -> tuple[str, str] | None:
        names = _names(part.target)
        for condition in part.ifs:
            predicate = self._predicate(condition, names)
            if predicate is not None:
                return _FILTERED, predicate
        comprehension = self.module.index.parent(part)
        call = self.module.index.parent(comprehension) if comprehension is not None else None
        if part.ifs or not isinstance(comprehension, COMPREHENSIONS) or not isinstance(call, ast.Call):
            return None
        return self._reduced(call, comprehension, names)

    def _reduced(
        self, call: ast.Call, comprehension: Comprehension, names: set[str]
    ) -> tuple[str, str] | None:
        """``sum(row.cents for row in rows)``, ``any(row.id == x for row in rows)``."""
        name = self.module.qualname(call.func)
        if isinstance(comprehension, ast.DictComp) or len(comprehension.generators) > 1:
            return None
        if name in ("builtins.sum", "builtins.min", "builtins.max") and self._is_field(
            comprehension.elt, names
        ):
            return _SUMMED, ""
        if name == "builtins.any":
            predicate = self._predicate(comprehension.elt, names)
            return None if predicate is None else (_FILTERED, predicate)
        return None

    def _loop_filter(self, loop: ast.For) -> str | None:
        """The condition that a loop body starts with, and without which it does nothing."""
        names, first = _names(loop.target), loop.body[0]
        if not isinstance(first, ast.If) or first.orelse:
            return None
        if len(loop.body) == 1:
            condition, body = first.test, first.body
        elif isinstance(first.body[-1], ast.Continue) and len(first.body) == 1:
            condition, body = _opposite(first.test), loop.body[1:]
        else:
            return None
        is_all = isinstance(condition, ast.BoolOp) and isinstance(condition.op, ast.And)
        parts = condition.values if is_all and isinstance(condition, ast.BoolOp) else [condition]
        found = (self._predicate(part, names) for part in parts if not _is_presence(part, body))
        return next((item for item in found if item is not None), None)

    def _predicate(self, condition: ast.expr, names: set[str]) -> str | None:
        """The text of a condition that a store could check; of several that all hold, the first such one."""
        if isinstance(condition, ast.BoolOp):
            found = [self._predicate(item, names) for item in condition.values]
            if isinstance(condition.op, ast.And):
                return next((item for item in found if item is not None), None)
            return _text(condition) if all(found) else None
        if isinstance(condition, ast.UnaryOp) and isinstance(condition.op, ast.Not):
            return _text(condition) if self._is_flag(condition.operand, names) else None
        if self._is_flag(condition, names):
            return _text(condition)
        if not isinstance(condition, ast.Compare) or len(condition.ops) != 1:
            return None
        left, right = condition.left, condition.comparators[0]
        for field, other in ((left, right), (right, left)):
            if self._is_field(field, names) and not _mentions(other, names) and _is_plain(other):
                if isinstance(condition.ops[0], (ast.In, ast.NotIn)) and (
                    field is right
                    or isinstance(condition.ops[0], ast.NotIn)
                    or self._is_changed(other)
                    or self._is_looked_up(other, field)
                ):
                    return None  # "x" in row.tags; all but a few; what was not seen before; if key in found: found[key] += 1
                return _text(condition)
        return None

    def _is_changed(self, collection: ast.expr) -> bool:
        """Whether a collection that a condition asks grows in the same loop: what was seen before."""
        index, name = self.module.index, dotted(collection)
        loop = next(index.loops(collection), None)
        return name is not None and any(
            isinstance(call.func, ast.Attribute)
            and dotted(call.func.value) == name
            and any(around is loop for around in index.loops(call))
            for call in index.calls_named(_CHANGES)
        )

    def _is_looked_up(self, container: ast.expr, key: ast.expr) -> bool:
        """Whether the loop takes the entry of a container whose key it has asked for."""
        index = self.module.index
        loop = next(index.loops(container), None)
        texts = ast.dump(container), ast.dump(key)
        return loop is not None and any(
            isinstance(node, ast.Subscript) and (ast.dump(node.value), ast.dump(node.slice)) == texts
            for node in walk(loop)
        )

    def _is_flag(self, node: ast.expr, names: set[str]) -> bool:
        """Whether an expression is a column that is true or false by itself."""
        name = last_name(node)
        if name is not None and (_FLAG.fullmatch(name) is None or name in self._properties):
            return False
        return self._is_field(node, names)

    @functools.cached_property
    def _properties(self) -> frozenset[str]:
        """What this file computes in Python."""
        return frozenset(
            function.name
            for function in self.module.index.nodes(ast.FunctionDef)
            if any(
                (self.module.qualname(item) or last_name(item) or "").endswith("property")
                for item in function.decorator_list
            )
        )

    def _is_field(self, node: ast.expr, names: set[str]) -> bool:
        """Whether an expression is one attribute or item of the row."""
        if isinstance(node, ast.Call):
            # DynamoDB items: item.get("status")
            method = node.func
            return (
                isinstance(method, ast.Attribute)
                and method.attr == "get"
                and dotted(method.value) in names
                and len(node.args) in (1, 2)
                and isinstance(node.args[0], ast.Constant)
            )
        if isinstance(node, ast.Name):
            return f"={node.id}" in names
        if isinstance(node, ast.Attribute):
            return dotted(node.value) in names and node.attr not in self._properties
        while isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            node = node.value  # DynamoDB: item["state"]["S"]
            if dotted(node) in names:
                return True
        return False

    def _is_sliced_by_store(self, fetch: Fetch, uses: list[ast.expr]) -> bool:
        """Whether a lazy query turns a slice into a limit itself: one of Django, one of SQLAlchemy without ``.all()``."""
        parents = map(self.module.index.parent, uses)
        is_lazy = ".objects" in fetch.shown or last_name(fetch.call.func) not in _EAGER
        return is_lazy and any(isinstance(parent, ast.Subscript) for parent in parents)


def _names(target: ast.expr) -> set[str]:
    """The name of the row; with ``=`` before them, the names that it is unpacked to."""
    if isinstance(target, ast.Tuple):
        return {f"={item.id}" for item in target.elts if isinstance(item, ast.Name)}
    return {target.id} if isinstance(target, ast.Name) else set()


def _is_comparison(message: str, predicate: str) -> bool:
    return message is _FILTERED and any(operator in predicate for operator in _OPERATORS)


def _is_presence(condition: ast.expr, body: list[ast.stmt]) -> bool:
    """Whether a condition only asks that there is a value, which the body then computes with: ``if row["data"]: load(row["data"])``."""
    if not isinstance(condition, (ast.Attribute, ast.Name, ast.Subscript)):
        return False
    text = ast.dump(condition)
    return any(
        isinstance(node, ast.Call) and any(ast.dump(item) == text for item in node.args)
        for item in body
        for node in ast.walk(item)
    )


def _opposite(test: ast.expr) -> ast.expr:
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and type(test.ops[0]) in _OPPOSITES:
        return ast.Compare(test.left, [_OPPOSITES[type(test.ops[0])]()], test.comparators)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        return ast.BoolOp(ast.And(), [_opposite(item) for item in test.values])
    return ast.UnaryOp(ast.Not(), test)


def _mentions(node: ast.expr, names: set[str]) -> bool:
    return any(
        isinstance(item, ast.Name) and not names.isdisjoint((item.id, f"={item.id}"))
        for item in ast.walk(node)
    )


def _is_plain(node: ast.expr) -> bool:
    """Whether a value is there before the rows are: no work for each of them."""
    return all(
        not isinstance(item, (ast.Lambda, *COMPREHENSIONS, ast.Await)) for item in ast.walk(node)
    ) and (not isinstance(node, ast.Call) or last_name(node.func) is not None)


def _text(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= _TEXT else f"{text[: _TEXT - 3]}..."
