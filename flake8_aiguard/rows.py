"""What becomes of the rows that a statement brings: read by position, by name, as a whole, or only counted."""

from __future__ import annotations

import ast
import bisect
import dataclasses
import enum
import functools
from collections.abc import Iterator
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.index import COMPREHENSIONS, Function
from flake8_aiguard.module import Module
from flake8_aiguard.shapes import dotted, last_name, parameters, start_of, string, words

WRAPPERS: Final = frozenset({"text", "SQL", "TextClause"})
"""Calls that hold a statement and do not send it."""

_ONE: Final = frozenset(
    ("fetchone", "fetchrow", "fetch_one", "execute_fetchone", "first", "one", "one_or_none", "next")
)
_MANY: Final = frozenset(("all", "fetchall", "fetchmany", "fetch_all", "mappings", "result", "unique"))
_VALUE: Final = frozenset(("fetchval", "fetch_val", "scalar", "scalar_one", "scalar_one_or_none"))
_SCALAR: Final = _VALUE | {"scalars"}
_AT_MOST_ONE: Final = _ONE | _VALUE
_SENDS: Final = frozenset(("execute", "executemany", "executescript"))
_SAME_STATEMENT: Final = frozenset(
    ("bindparams", "columns", "execution_options", "format", "strip", "lstrip", "rstrip")
)
_SAME_ROWS: Final = frozenset(("aclosing", "cast", "closing", "iter", "list", "reversed", "set", "tuple"))
_ITEM: Final = frozenset(("__getitem__", "get", "pop"))
_MAPPING: Final = frozenset(("_asdict", "copy", "items", "keys", "model_dump", "values"))
# What a function that turns a row into something else is called.
_CONVERTS: Final = frozenset(
    (
        *(
            "as",
            "build",
            "convert",
            "decode",
            "deserialize",
            "from",
            "hydrate",
            "load",
            "make",
            "map",
            "model",
        ),
        *("parse", "record", "row", "to", "validate"),
    )
)
_FROM_DICT: Final = frozenset(("from_dict", "from_row", "model_validate", "parse_obj"))
_DEEPEST: Final = 3  # functions that hand a row on
_LONGEST: Final = 200  # expressions that are followed


class Use(enum.Flag):
    """A way in which rows are used."""

    NONE = 0
    POSITION = enum.auto()
    NAME = enum.auto()
    WHOLE = enum.auto()  # mapped with all of its columns: `dict(row)`, `Model(**row)`, `self._from_row(row)`
    MODEL = enum.auto()  # so mapped to an object of a class, which has a field for each: `Model(**row)`
    KEPT = enum.auto()  # kept by an object beside other values: `Device(name=row["name"], raw=row)`
    DICT = enum.auto()  # handed on with every column by its name: `return dict(row)`
    TEST = enum.auto()  # whether there is one
    COUNT = enum.auto()
    DESCRIPTION = enum.auto()  # the names of the columns are asked for
    OPEN = enum.auto()  # returned, passed on: others may do anything


@dataclasses.dataclass(slots=True)
class Uses:
    """How the rows of a statement are used.

    Attributes:
        kinds: the ways.
        names: the columns that are read by name.
        is_one: whether one row is fetched, or of several one is taken.
    """

    kinds: Use = Use.NONE
    names: set[str] = dataclasses.field(default_factory=set)
    is_one: bool = False


class _Level(enum.Enum):
    """What an expression holds."""

    STATEMENT = enum.auto()
    ROWS = enum.auto()
    ROW = enum.auto()
    MAPPED = enum.auto()  # a row as a dict


@dataclasses.dataclass(frozen=True, slots=True)
class _Step:
    node: ast.expr
    level: _Level
    depth: int


class Rows:
    """The rows that the statements of one file bring.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def uses(self, call: ast.Call) -> Uses:
        """How the rows are used that a call brings, or that the statement brings that it wraps.

        Args:
            call: a call that takes a statement: ``execute()``, ``fetch()``, ``text()``.

        Returns:
            The uses as far as they can be followed within the file; ``kinds`` is ``NONE`` where nothing fetches.
        """
        found = Uses()
        if last_name(call.func) in WRAPPERS:
            stack = [_Step(call, _Level.STATEMENT, 0)]
        else:
            stack = list(self._brought(call, 0))
        found.is_one = last_name(call.func) in _AT_MOST_ONE
        seen: set[ast.expr] = set()
        while stack:
            step = stack.pop()
            if step.node in seen:
                continue
            seen.add(step.node)
            if len(seen) > _LONGEST:
                found.kinds |= Use.OPEN
                break
            stack += self._followed(step, found)
        return found

    def _brought(self, call: ast.Call, depth: int) -> Iterator[_Step]:
        """What a call brings: its value, or what is fetched from its cursor later."""
        index = self._module.index
        name = last_name(call.func)
        if name in _SENDS and isinstance(call.func, ast.Attribute):
            outer = index.parent(call)
            if isinstance(outer, ast.Await):
                outer = index.parent(outer)
            if isinstance(outer, ast.Expr):
                yield from self._fetched(call, call.func.value, depth)
                return
        yield _Step(call, _Level.ROW if name in _ONE else _Level.ROWS, depth)

    def _fetched(self, call: ast.Call, cursor: ast.expr, depth: int) -> Iterator[_Step]:
        """The mentions of a cursor from one statement to the next, but for the other branch of an ``if``."""
        index = self._module.index
        elsewhere = [
            range(outer.orelse[0].lineno, (outer.orelse[-1].end_lineno or 0) + 1)
            for outer in index.ancestors(call)
            if isinstance(outer, ast.If) and outer.orelse and outer.orelse[0].lineno > call.lineno
        ]
        mentions = self._mentions.get((index.function(call), dotted(cursor) or ""), [])
        end = (call.end_lineno or 0, call.end_col_offset or 0)
        for node in mentions[bisect.bisect_left(mentions, end, key=start_of) :]:
            outer = index.parent(node)
            if any(node.lineno in lines for lines in elsewhere):
                continue
            if isinstance(outer, ast.Attribute) and outer.attr in _SENDS:
                return
            if isinstance(node.ctx, ast.Load):
                yield _Step(node, _Level.ROWS, depth)

    @functools.cached_property
    def _mentions(self) -> dict[tuple[Function | None, str], list[ast.Name | ast.Attribute]]:
        """Names and attributes by the function that runs them and their text, in order."""
        index = self._module.index
        found: dict[tuple[Function | None, str], list[ast.Name | ast.Attribute]] = {}
        names: list[ast.Name | ast.Attribute] = [*index.nodes(ast.Name), *index.nodes(ast.Attribute)]
        for node in names:
            text = dotted(node)
            if text is not None:
                found.setdefault((index.function(node), text), []).append(node)
        for nodes in found.values():
            nodes.sort(key=start_of)
        return found

    def _followed(self, step: _Step, found: Uses) -> Iterator[_Step]:
        """Where what an expression holds goes next; ends are noted in ``found``."""
        node, level = step.node, step.level
        parent = self._module.index.parent(node)
        if isinstance(parent, ast.Await):
            yield _Step(parent, level, step.depth)
        elif isinstance(parent, (ast.Assign, ast.AnnAssign, ast.NamedExpr)):
            targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
            for target in targets:
                yield from self._bound(target, parent, step, found)
            if isinstance(parent, ast.NamedExpr):
                yield _Step(parent, level, step.depth)
        elif isinstance(parent, ast.withitem):
            if parent.optional_vars is not None:
                yield from self._bound(parent.optional_vars, parent, step, found)
        elif isinstance(parent, ast.Attribute):
            yield from self._attribute(parent, step, found)
        elif isinstance(parent, ast.Subscript) and parent.value is node:
            yield from self._subscript(parent, step, found)
        elif isinstance(parent, (ast.For, ast.AsyncFor, ast.comprehension)) and parent.iter is node:
            if level is _Level.ROWS:
                row = _Step(node, _Level.ROW, step.depth)
                yield from self._bound(parent.target, parent, row, found)
            else:
                self._end(level, found)
        elif isinstance(parent, ast.keyword):
            call = self._module.index.parent(parent)
            if parent.arg is None:
                found.kinds |= Use.MODEL if _is_class(getattr(call, "func", None)) else Use.WHOLE
            elif isinstance(call, ast.Call):
                yield from self._passed(call, step, found)
        elif isinstance(parent, ast.Call):
            yield from self._passed(parent, step, found)
        elif isinstance(parent, ast.IfExp) and parent.test is not node:
            yield _Step(parent, level, step.depth)
        elif isinstance(parent, ast.BoolOp) and not isinstance(
            self._module.index.parent(parent), (ast.If, ast.While, ast.UnaryOp)
        ):
            found.kinds |= Use.TEST
            yield _Step(parent, level, step.depth)
        elif isinstance(parent, ast.Compare) and isinstance(parent.ops[0], (ast.In, ast.NotIn)):
            self._tested(parent, step, found)
        elif isinstance(
            parent, (ast.If, ast.While, ast.IfExp, ast.Assert, ast.BoolOp, ast.UnaryOp, ast.Compare)
        ):
            found.kinds |= Use.TEST
        elif isinstance(parent, ast.Starred):
            found.kinds |= Use.POSITION if level is _Level.ROW else Use.OPEN
        elif isinstance(parent, ast.Dict) and any(
            key is None and value is node for key, value in zip(parent.keys, parent.values, strict=True)
        ):
            found.kinds |= Use.WHOLE
        elif not isinstance(parent, ast.Expr):
            if isinstance(parent, COMPREHENSIONS) and level is _Level.ROW:
                yield _Step(parent, _Level.ROWS, step.depth)
            else:
                self._end(level, found)

    def _end(self, level: _Level, found: Uses) -> None:
        found.kinds |= Use.DICT if level is _Level.MAPPED else Use.OPEN

    def _bound(self, target: ast.expr, definition: ast.AST, step: _Step, found: Uses) -> Iterator[_Step]:
        """The uses of a name that holds rows or a row."""
        if isinstance(target, (ast.Tuple, ast.List)) and step.level is _Level.ROW:
            found.kinds |= Use.POSITION
            return
        names = None
        if isinstance(target, ast.Name):
            function = self._module.index.function(target) or self._module.tree
            names = self._module.def_use(function).uses(definition)
        if names is None:
            self._end(step.level, found)
            return
        for name in names:
            yield _Step(name, step.level, step.depth)

    def _tested(self, test: ast.Compare, step: _Step, found: Uses) -> None:
        """``"key" in row`` asks which columns there are; of anything else nothing is known."""
        if step.level in (_Level.ROW, _Level.MAPPED) and string(test.left) is not None:
            found.kinds |= Use.DESCRIPTION
        else:
            self._end(step.level, found)

    def _attribute(self, node: ast.Attribute, step: _Step, found: Uses) -> Iterator[_Step]:
        outer = self._module.index.parent(node)
        call = outer if isinstance(outer, ast.Call) and outer.func is node else None
        name, level = node.attr, step.level
        if level is _Level.STATEMENT:
            if call is not None and name in _SAME_STATEMENT:
                yield _Step(call, level, step.depth)
            else:
                found.kinds |= Use.OPEN
        elif level is _Level.ROWS:
            if name in _SCALAR:
                found.is_one |= name in _VALUE
                found.kinds |= Use.POSITION
            elif name == "rowcount":
                found.kinds |= Use.COUNT
            elif name in ("description", "keys"):
                found.kinds |= Use.DESCRIPTION
            elif call is not None and name in _ONE:
                found.is_one = True
                yield _Step(call, _Level.ROW, step.depth)
            elif call is not None and name in _MANY:
                found.is_one |= name == "fetchmany" and not (
                    call.args or call.keywords
                )  # one row at a time, by PEP 249
                yield _Step(call, level, step.depth)
            elif isinstance(node.ctx, ast.Load) and name not in ("aclose", "close"):
                found.kinds |= Use.OPEN
        elif call is None:
            if name == "_mapping":
                yield _Step(node, _Level.MAPPED, step.depth)
            else:
                self._read(name, found)
        elif name in _ITEM and call.args:
            self._item(call.args[0], found)
        else:
            found.kinds |= Use.WHOLE if name in _MAPPING or level is _Level.MAPPED else Use.OPEN

    def _subscript(self, node: ast.Subscript, step: _Step, found: Uses) -> Iterator[_Step]:
        if step.level is _Level.ROWS:
            if isinstance(node.slice, ast.Slice):
                yield _Step(node, _Level.ROWS, step.depth)
            else:
                found.is_one = True
                yield _Step(node, _Level.ROW, step.depth)
        elif step.level is _Level.STATEMENT:
            found.kinds |= Use.OPEN
        elif isinstance(node.ctx, ast.Load):
            self._item(node.slice, found)

    def _item(self, key: ast.expr, found: Uses) -> None:
        name = string(key)
        if name is not None:
            self._read(name, found)
        elif isinstance(key, (ast.Constant, ast.Slice, ast.UnaryOp)):
            found.kinds |= Use.POSITION
        else:
            found.kinds |= Use.WHOLE  # one column after the other

    def _read(self, name: str, found: Uses) -> None:
        found.kinds |= Use.NAME
        found.names.add(name.lower())

    def _passed(self, call: ast.Call, step: _Step, found: Uses) -> Iterator[_Step]:
        """What a function does with a statement, rows or a row that it is given."""
        name, level = last_name(call.func) or "", step.level
        if level is _Level.STATEMENT:
            if name in WRAPPERS:
                yield _Step(call, level, step.depth)
            elif name in _sending():
                found.is_one |= name in _AT_MOST_ONE
                yield from self._brought(call, step.depth)
            else:
                found.kinds |= Use.OPEN
        elif name == "bool":
            found.kinds |= Use.TEST
        elif name == "len":
            of_rows = Use.TEST if found.is_one else Use.COUNT
            found.kinds |= of_rows if level is _Level.ROWS else Use.DESCRIPTION
        elif name in _SAME_ROWS:
            yield _Step(call, level, step.depth)
        elif level is _Level.ROWS and name in ("next", "anext"):
            found.is_one = True
            yield _Step(call, _Level.ROW, step.depth)
        elif level is _Level.ROW and name == "dict":
            yield _Step(call, _Level.MAPPED, step.depth)
        elif name == "zip" and level is _Level.ROW:
            found.kinds |= Use.WHOLE  # with the names of the columns
        elif (uses := self._within(call, step)) is not None:
            yield from uses
        elif level is _Level.MAPPED and name in _FROM_DICT and _is_class(getattr(call.func, "value", None)):
            found.kinds |= Use.MODEL
        elif level is _Level.ROW and name[:1].isupper() and len(call.args) + len(call.keywords) > 1:
            found.kinds |= Use.WHOLE | Use.KEPT
        elif level is _Level.ROW and (name[:1].isupper() or not _CONVERTS.isdisjoint(words(name))):
            found.kinds |= Use.WHOLE
        else:
            self._end(level, found)

    def _within(self, call: ast.Call, step: _Step) -> list[_Step] | None:
        """The uses of an argument in a function of this file; ``None`` where they are not known."""
        body = self._module.receivers.definition(call.func)
        if step.depth >= _DEEPEST or not isinstance(body, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return None
        names = parameters(body)
        is_bound = (
            isinstance(call.func, ast.Attribute)
            and self._module.index.class_of(body) is not None
            and not any(last_name(item) == "staticmethod" for item in body.decorator_list)
        )
        if step.node in call.args:
            place = call.args.index(step.node) + is_bound
            parameter = names[place] if place < len(names) else None
        else:
            keyword = next((item.arg for item in call.keywords if item.value is step.node), None)
            parameter = next((item for item in names if item.arg == keyword), None)
        uses = None if parameter is None else self._module.def_use(body).uses(parameter)
        return None if uses is None else [_Step(use, step.level, step.depth + 1) for use in uses]


def _is_class(node: ast.AST | None) -> bool:
    """Whether a name is one of a class."""
    name = last_name(node) if isinstance(node, ast.expr) else None
    return name is not None and (name == "cls" or name.lstrip("_")[:1].isupper())


@knowledge.cached
def _sending() -> frozenset[str]:
    """The last identifiers of the calls that take a statement."""
    return frozenset(name for row in knowledge.rows("sinks.sink") for name in row["names"]) | {"stream"}
