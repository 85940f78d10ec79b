"""How many items an iterable has: a number that somebody chose, or as many as the data."""

from __future__ import annotations

import ast
import functools
import itertools
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Final, TypeAlias

from flake8_aiguard import knowledge
from flake8_aiguard.children import children
from flake8_aiguard.imports import Imports
from flake8_aiguard.index import COMPREHENSIONS, FUNCTIONS, Index, Loop, Scope
from flake8_aiguard.receivers import Receivers
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Binding, Kind, Scopes
from flake8_aiguard.shapes import argument, is_constant, is_none, last_name, names_in, string

Variable: TypeAlias = "tuple[Scope, str]"

_DEPTH: Final = 12  # wrappers and variables that are looked through; beyond them nothing is said
_AROUND: Final = 30  # nodes around a use that are looked at for a guard
_PARTS: Final = 200  # nodes of a call that are looked at for a limit
_ENVIRONMENT: Final = regex(r"^_*(get|load|parse|read)_?env(_|$)|_from_env(ironment)?$")
_CONSTANT: Final = regex(r"_*[A-Z][A-Z0-9_]*|_*[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*|__members__")
_BATCH: Final = regex(
    r"(^|_)(chunk|batch|window|slice|partition)(_|$)"
)  # one; "chunks" are as many as the data
_CUTS: Final = regex(r"chunk|batch|window|slice|group|partition")
# A number by these names is chosen, one by those follows the data.
_CHOSEN: Final = regex(
    r"worker|concurren|parallel|thread|proc|replica|shard|pool|limit|max|min|batch|chunk|retr|attempt|slot|consumer"
    r"|producer|connection|client|cpu|core",
    re.IGNORECASE,
)
_COUNTED: Final = regex(
    r"pages?(_|$)|total|rows?(_|$)|records|items|users|orders|urls|files|entries|documents|docs(_|$)|length|last_",
    re.IGNORECASE,
)
_LIMITS: Final = regex(r"limit|max_\w+|top_?k|top|k|n|first|per_page|page_size|num_results|size|count")
# Arguments without a keyword say less: what a page or a text may measure is no number of items.
_LIMIT_NAMES: Final = regex(
    r"limit|top_?k|(max|n|num)_(\w+_)?(chunks|documents|docs|entries|files|hits|images|items|links|matches|pages|queries|records"
    r"|results|rows|searches|urls|webpages)(_to_\w+)?"
)
_PASSED: Final = regex(r"(^|_)(kw)?args?$")  # as many as a caller writes, but each may hold anything
_CAMEL: Final = regex(r"(?<=[a-z0-9])(?=[A-Z])")
_LIMITED: Final = frozenset(
    {"limit", "head", "tail", "fetchmany", "most_common", "nlargest", "nsmallest", "take"}
)
_SQL_LIMIT: Final = regex(r"\b(LIMIT|TOP|FETCH\s+(FIRST|NEXT))\s+\d", re.IGNORECASE)
_VIEWS: Final = frozenset({"items", "keys", "values", "copy", "split", "splitlines", "difference", "union"})
_GROWS: Final = frozenset({"append", "add", "appendleft", "insert", "setdefault"})
_EXTENDS: Final = frozenset({"extend", "extendleft", "update"})
_CLASSES: Final = frozenset({"builtins.type", "typing.Type"})
_FIXED_TYPES: Final = frozenset(
    ("builtins.type", "typing.Type", "typing.Literal", "typing_extensions.Literal", "builtins.bool")
)
ORDER: Final = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


class Bounds:
    """The iterables of one file.

    Args:
        index: the file's index.
        scopes: its symbol tables.
        imports: its canonical names.
        receivers: its definitions.
    """

    def __init__(self, index: Index, scopes: Scopes, imports: Imports, receivers: Receivers) -> None:
        self._index = index
        self._scopes = scopes
        self._imports = imports
        self._receivers = receivers
        self._variables: dict[Variable, bool] = {}

    def unbounded(self, iterable: ast.expr) -> ast.expr | None:
        """The part of an iterable that has as many items as the data.

        Bounded are displays, constants by their name, enumerations, ``range`` of a chosen number, slices with an end, batches,
        what ``limit=`` or ``.limit()`` cuts off, the parts of a program by their name (``plugins``), what its configuration
        says, and what is built from these alone.

        Args:
            iterable: what a ``for`` or a comprehension runs over, or what is unpacked.

        Returns:
            The parameter, attribute or call that decides the number: ``urls`` of ``enumerate(urls)``. ``None`` where the
            number is bounded, and where nothing is known of the expression.
        """
        return self._open(iterable, _DEPTH)

    def over(self, loop: Loop) -> ast.expr | None:
        """The unbounded part of what a loop runs over, the innermost one of a comprehension; ``None`` for a ``while``."""
        return self._loop(loop, _DEPTH)

    def _loop(self, loop: Loop, depth: int) -> ast.expr | None:
        if isinstance(loop, ast.While):
            return None
        if isinstance(loop, COMPREHENSIONS):
            generators = [item for item in reversed(loop.generators) if not any(map(self._caps, item.ifs))]
            return self._first([item.iter for item in generators], depth)
        return self._open(loop.iter, depth)

    def counted(self, number: ast.expr) -> ast.expr | None:
        """The part of a number that follows the data: ``len(items)``; ``None`` where it is chosen, or nothing is known of it."""
        return self._number(number, _DEPTH)

    def returned(self, function: ast.AST) -> list[ast.expr]:
        """The values that a function of the file returns."""
        return self._returns.get(function, [])

    # -- expressions

    def _open(self, node: ast.expr, depth: int) -> ast.expr | None:
        while isinstance(node, (ast.Await, ast.Starred, ast.NamedExpr)):
            node = node.value
        if not depth:
            return None
        depth -= 1
        if self._is_configured(node):
            return None
        if isinstance(node, (ast.Name, ast.Attribute)):
            return node if self._is_open(node, depth) else None
        if isinstance(node, ast.Call):
            return self._called(node, depth)
        if isinstance(node, COMPREHENSIONS):
            return self._loop(node, depth)
        if isinstance(node, ast.Subscript):
            return self._item(node, depth)
        parts: list[ast.expr] = []
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            parts = [item for item in node.elts if isinstance(item, ast.Starred)]
        elif isinstance(node, ast.Dict):
            parts = [value for key, value in zip(node.keys, node.values, strict=True) if key is None]
        elif isinstance(node, ast.IfExp):
            parts = [node.body, node.orelse]
        elif isinstance(node, ast.BoolOp):
            parts = node.values
        elif isinstance(node, ast.BinOp):
            if isinstance(node.op, (ast.Add, ast.BitOr)):
                parts = [node.left, node.right]
            elif (
                isinstance(node.op, ast.Sub)
                or isinstance(node.op, ast.BitAnd)
                and self._open(node.right, depth)
            ):
                parts = [node.left]
            elif isinstance(node.op, ast.Mult) and isinstance(node.left, (ast.List, ast.Tuple)):
                return self._number(node.right, depth)
        return self._first(parts, depth)

    def _first(self, nodes: list[ast.expr], depth: int) -> ast.expr | None:
        return next((part for node in nodes if (part := self._open(node, depth)) is not None), None)

    def _item(self, node: ast.Subscript, depth: int) -> ast.expr | None:
        """A slice is bounded where it has an end; an item of data has as many items as the data."""
        if isinstance(node.slice, ast.Slice):
            upper, lower = node.slice.upper, node.slice.lower
            if upper is None:
                return None if _is_negative(lower) else self._open(node.value, depth)
            return self._open(node.value, depth) if _is_negative(upper) else None
        base: ast.expr = node
        while isinstance(base, ast.Subscript):
            base = base.value
        key = string(node.slice) or ""
        name = last_name(base) or ""
        is_bounded = _is_bounded_name(name) and not _PASSED.search(name)
        return None if is_bounded or _is_bounded_name(key) or self._is_table(base) else node

    def _is_table(self, node: ast.expr) -> bool:
        """Whether a name is a dictionary that a module spells out, this one or another, or an attribute all of whose entries
        the file spells out as one."""
        if isinstance(node, ast.Attribute):
            entries = self._entries.get(node.attr, [])
            return bool(entries) and all(
                isinstance(item, ast.Dict) and _is_spelled_out(item) for item in entries
            )
        if not isinstance(node, ast.Name):
            return False
        resolved = self._scopes.resolve(node)
        if resolved is None or len(resolved[1]) != 1:
            return False
        (binding,) = resolved[1]
        if isinstance(binding.value, ast.Dict) and isinstance(resolved[0], ast.Module):
            return bool(binding.value.keys)  # others fill an empty one
        return binding.kind is Kind.IMPORT

    def _is_configured(self, node: ast.expr) -> bool:
        """Whether a value is taken out of a configuration: ``self.config["urls"]``, ``settings.urls``, ``config.all_urls()``,
        ``entry.data[CONF_URLS]``, ``get_env_urls()``."""
        for _ in range(_DEPTH):
            if isinstance(node, ast.Call):
                if _ENVIRONMENT.search(last_name(node.func) or ""):
                    return True
                if not isinstance(node.func, ast.Attribute):
                    return False
                keys, is_read = node.args[:1], node.func.attr == "get"
                node = node.func.value
                if is_read and any(map(_is_option, keys)):
                    return True
                if not is_read and not words_pattern("configuration").search((last_name(node) or "").lower()):
                    return False
            elif isinstance(node, (ast.Attribute, ast.Subscript)):
                if isinstance(node, ast.Subscript) and _is_option(node.slice):
                    return True
                node = node.value
            else:
                return False
            if words_pattern("configuration").search((last_name(node) or "").lower()):
                return True
            if self._imports.qualname(node) == "os.environ":
                return True
        return False

    def _called(self, call: ast.Call, depth: int) -> ast.expr | None:
        name = self._imports.qualname(call.func)
        if name == "builtins.range":
            return self._range(call, depth)
        if name == "os.getenv" or is_part_name(last_name(call.func) or ""):
            return None
        row = knowledge.by_call("fanout.iterable").get(name or "")
        if row is not None:
            return self._wrapped(call, row, depth)
        if (_cuts(call) and len(call.args) + len(call.keywords) > 1) or self._is_limited(call):
            return None
        if isinstance(call.func, ast.Attribute):
            if call.func.attr in _VIEWS:
                return self._open(call.func.value, depth)
            holder = last_name(call.func.value) or ""
            if call.func.attr == "get" and is_part_name(holder) and not _PASSED.search(holder):
                return None  # handlers.get(event)
        definition = self._receivers.definition(call.func)
        if isinstance(definition, (ast.FunctionDef, ast.AsyncFunctionDef)):
            returned = self.returned(definition)
            if returned and not any(self._open(value, depth) for value in returned):
                return None
        return call

    def _wrapped(self, call: ast.Call, row: knowledge.Row, depth: int) -> ast.expr | None:
        kind = row["items"]
        if kind == "bounded":
            return None
        if kind == "parts":
            number = argument(call, "indices_or_sections", 1)
            return None if number is None else self._number(number, depth)
        if kind == "stop":
            stop = call.args[-1] if len(call.args) < 3 else call.args[2]
            return self._open(call.args[0], depth) if len(call.args) > 1 and is_none(stop) else None
        parts = call.args[row["first"] : row.get("last")]
        if kind == "shortest":
            found = [self._open(part, depth) for part in parts]
            return found[0] if found and None not in found else None
        return self._first(parts, depth)

    def _is_limited(self, call: ast.Call) -> bool:
        """Whether a call or one in its chain or arguments is told how much to give."""
        stack: list[ast.AST] = [call]
        looked = 0
        while stack and looked < _PARTS:
            node = stack.pop()
            looked += 1
            if isinstance(node, ast.Call):
                if (last_name(node.func) or "") in _LIMITED and node.args:
                    return True
                for item in node.keywords:
                    if item.arg and _LIMITS.fullmatch(item.arg) and not is_none(item.value):
                        return True
                if any(_LIMIT_NAMES.fullmatch(last_name(item) or "") for item in node.args):
                    return True
            elif isinstance(node, ast.Constant) and _SQL_LIMIT.search(string(node) or ""):
                return True
            elif isinstance(node, ast.Name):
                resolved = self._scopes.resolve(node)
                if resolved is not None and len(resolved[1]) == 1 and resolved[1][0].kind is Kind.ASSIGN:
                    value = resolved[1][0].value
                    if isinstance(value, (ast.Call, ast.Constant)) and value is not call:
                        stack.append(value)
            stack.extend(children(node))
        return False

    # -- numbers

    def _range(self, call: ast.Call, depth: int) -> ast.expr | None:
        if not call.args or len(call.args) > 2:
            return None  # steps are batches
        return call if self._number(call.args[-1], depth) is not None else None

    def _number(self, node: ast.expr, depth: int) -> ast.expr | None:
        """The part of a number that follows the data; ``None`` where it is chosen, or nothing is known of it."""
        while isinstance(node, ast.Await):
            node = node.value
        if not depth:
            return None
        depth -= 1
        if isinstance(node, ast.BinOp):
            return self._number(node.left, depth) or self._number(node.right, depth)
        if isinstance(node, ast.Subscript):
            return node if _COUNTED.search(string(node.slice) or "") else None
        if isinstance(node, ast.Call):
            name = self._imports.qualname(node.func) or ""
            if name == "builtins.len" and node.args:
                return self._open(node.args[0], depth)
            parts = [self._number(item, depth) for item in node.args]
            if name == "builtins.min":
                return None if None in parts else node
            if name.startswith(("builtins.", "math.")):
                return next((part for part in parts if part is not None), None)
            return node if _counts(last_name(node.func)) else None
        if isinstance(node, ast.Name):
            if _CHOSEN.search(node.id) or _CONSTANT.fullmatch(node.id):
                return None
            resolved = self._scopes.resolve(node)
            values = (
                [] if resolved is None else [item.value for item in resolved[1] if item.kind is Kind.ASSIGN]
            )
            if any(value is not None and self._number(value, depth) for value in values):
                return node
        return node if _counts(last_name(node)) else None

    # -- variables

    def _is_open(self, node: ast.Name | ast.Attribute, depth: int) -> bool:
        name = node.id if isinstance(node, ast.Name) else node.attr
        if _is_bounded_name(name):
            return False
        if isinstance(node, ast.Attribute):
            return self._is_open_attribute(node, depth)
        scope = self._scopes.owner(self._index.scope(node), name)
        if scope is None:
            return False
        variable = (scope, name)
        if variable not in self._variables:
            self._variables[variable] = False  # what is built from itself adds nothing
            bindings = self._scopes.bindings(scope, name)
            self._variables[variable] = (
                not self._is_measured(variable)
                and not any(self._is_cut(binding, name, depth) for binding in bindings)
                and (
                    any(self._is_bound_open(binding, depth) for binding in bindings)
                    or any(self._grows(use, scope, depth) for use in self._scopes.uses(scope, name))
                )
            )
        return self._variables[variable]

    def _is_cut(self, binding: Binding, name: str, depth: int) -> bool:
        """``urls = urls[:50]``."""
        value = binding.value if binding.kind in (Kind.ASSIGN, Kind.ANNOTATED) else None
        if value is None or isinstance(value, ast.Name) or all(item.id != name for item in names_in(value)):
            return False
        return self._has_end(value, depth)

    def _has_end(self, value: ast.expr, depth: int) -> bool:
        """Whether a value is a slice with an end, or a call that takes so many."""
        while isinstance(value, ast.Call) and value.args:
            row = knowledge.by_call("fanout.iterable").get(self._imports.qualname(value.func) or "")
            if row is None or row["items"] != "all":
                return row is not None and self._wrapped(value, row, depth) is None
            value = value.args[row["first"]]
        return isinstance(value, ast.Subscript) and self._item(value, depth) is None

    def _is_open_attribute(self, node: ast.Attribute, depth: int) -> bool:
        """An attribute is bounded where the class in this file gives it nothing but bounded values."""
        owner = self._receivers.class_behind(node.value)
        if owner is None:
            return self._imports.qualname(node) is None  # a value of another module is a constant
        variable = (owner, node.attr)
        if variable in self._variables:
            return self._variables[variable]
        self._variables[variable] = False
        values = [binding.value for binding in self._scopes.bindings(owner, node.attr)]
        for store in self._receivers.attribute_stores(owner, node.attr):
            parent = self._index.parent(store)
            values.append(parent.value if isinstance(parent, (ast.Assign, ast.AnnAssign)) else None)
        self._variables[variable] = not values or any(
            value is None or is_none(value) or self._open(value, depth) is not None or _is_empty(value)
            for value in values
        )
        return self._variables[variable]

    def _is_bound_open(self, binding: Binding, depth: int) -> bool:
        parent = self._index.parent(binding.node)
        if binding.kind is Kind.PARAMETER:
            assert isinstance(binding.node, ast.arg) and isinstance(parent, ast.arguments)
            spelled = binding.node in (parent.vararg, parent.kwarg)  # as many as its caller writes
            return not spelled and not self._is_fixed(binding.annotation)
        if binding.kind is Kind.FOR:
            if binding.value is None or _cuts(binding.value):
                return binding.value is None
            return self._open(binding.value, depth) is not None
        if binding.kind is Kind.AUGMENTED:
            assert isinstance(parent, ast.AugAssign)
            return self._open(parent.value, depth) is not None or self._repeats(parent, depth)
        if binding.kind in (Kind.ASSIGN, Kind.ANNOTATED):
            if binding.value is None:  # unpacked, or declared only
                return binding.kind is Kind.ASSIGN and not self._is_numbered_batch(parent)
            return self._open(binding.value, depth) is not None
        return False

    def _is_numbered_batch(self, target: ast.AST | None) -> bool:
        """``for number, batch in enumerate(batched(items, 10))``."""
        while isinstance(target, (ast.Tuple, ast.List)):
            target = self._index.parent(target)
        if not isinstance(target, (ast.For, ast.AsyncFor, ast.comprehension)):
            return False
        return isinstance(target.iter, ast.Call) and any(_cuts(item) for item in target.iter.args)

    def _is_fixed(self, annotation: ast.expr | None) -> bool:
        """Whether an annotation says how many items there are at most, or that they are classes: ``Iterable[type[Reader]] | None``."""
        if isinstance(annotation, ast.BinOp):
            parts = [item for item in (annotation.left, annotation.right) if not is_none(item)]
            return all(map(self._is_fixed, parts))
        if isinstance(annotation, ast.Call) or not isinstance(annotation, ast.Subscript):
            return False
        base = self._imports.qualname(annotation.value)
        inner = annotation.slice
        if base in _FIXED_TYPES:
            return True
        if base == "typing.Optional":
            return self._is_fixed(inner)
        items = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        if isinstance(items[0], ast.Subscript) and self._imports.qualname(items[0].value) in _CLASSES:
            return True  # as many as the code has
        if base in ("builtins.tuple", "typing.Tuple"):
            return not any(is_constant(item, ...) for item in items)
        limits = (argument(item, "max_length") for item in items if isinstance(item, ast.Call))
        return any(limit is not None for limit in limits)

    def _grows(self, use: ast.Name, scope: Scope, depth: int) -> bool:
        """Whether a use adds to a collection for each item of something unbounded, or in a function that others call."""
        parent = self._index.parent(use)
        if isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Store) and parent.value is use:
            return self._repeats(parent, depth) and not self._is_guarded(use)
        call = self._index.parent(parent) if isinstance(parent, ast.Attribute) else None
        if not isinstance(parent, ast.Attribute) or not isinstance(call, ast.Call):
            return False
        if parent.attr in _GROWS | _EXTENDS and self._index.function(use) is not _function(
            self._index, scope
        ):
            return True
        if parent.attr in _EXTENDS:
            return any(self._open(item, depth) for item in call.args) or self._repeats(call, depth)
        return parent.attr in _GROWS and self._repeats(call, depth) and not self._is_guarded(use)

    def _is_guarded(self, use: ast.Name) -> bool:
        """Whether a variable is used only while there are few: ``if len(found) < limit: found.append(x)``."""
        child: ast.AST = use
        for parent in itertools.islice(self._index.ancestors(use), _AROUND):
            if isinstance(parent, FUNCTIONS):
                return False
            if isinstance(parent, ast.If) and isinstance(child, ast.stmt):
                is_then = child.lineno <= parent.body[-1].lineno
                if is_then and self._caps(parent.test, use.id):
                    return True
            child = parent
        return False

    def _caps(self, test: ast.expr, grown: str | None = None) -> bool:
        """Whether a condition holds for the first items only: ``number < limit`` with what counts them.

        Args:
            test: the condition.
            grown: the collection whose length counts as well.
        """
        tests = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]
        for item in tests:
            if not isinstance(item, ast.Compare) or len(item.ops) != 1:
                continue
            few, most = item.left, item.comparators[0]
            if isinstance(item.ops[0], (ast.Gt, ast.GtE)):
                few, most = most, few
            elif not isinstance(item.ops[0], (ast.Lt, ast.LtE)):
                continue
            if isinstance(few, ast.Call) and few.args and self._imports.qualname(few.func) == "builtins.len":
                counts = grown is not None and last_name(few.args[0]) == grown
            else:
                counts = isinstance(few, ast.Name) and self._is_counter(few)
            if counts and (is_allowance(most) or self._is_parameter(most)):
                return True
        return False

    def _is_counter(self, name: ast.Name) -> bool:
        """Whether a name is the number of a turn: the first variable of ``enumerate()``, or what is counted up."""
        resolved = self._scopes.resolve(name)
        for binding in () if resolved is None else resolved[1]:
            target = self._index.parent(binding.node)
            loop = None if target is None else self._index.parent(target)
            if binding.kind is Kind.AUGMENTED:
                return True
            if (
                isinstance(loop, (ast.For, ast.AsyncFor, ast.comprehension))
                and isinstance(target, ast.Tuple)
                and target.elts[0] is binding.node
                and isinstance(loop.iter, ast.Call)
                and self._imports.qualname(loop.iter.func) == "builtins.enumerate"
            ):
                return True
        return False

    def _is_parameter(self, node: ast.expr) -> bool:
        resolved = self._scopes.resolve(node) if isinstance(node, ast.Name) else None
        return resolved is not None and resolved[1][0].kind is Kind.PARAMETER

    def _repeats(self, node: ast.AST, depth: int) -> bool:
        return any(self._loop(loop, depth) is not None for loop in self._index.loops(node))

    def _is_measured(self, variable: Variable) -> bool:
        """Whether the code compares the variable's length with a number of items that it allows."""
        for use in self._scopes.uses(*variable):
            call = self._index.parent(use)
            compare = self._index.parent(call) if isinstance(call, ast.Call) else None
            if (
                isinstance(call, ast.Call)
                and isinstance(compare, ast.Compare)
                and len(compare.ops) == 1
                and isinstance(compare.ops[0], ORDER)
                and self._imports.qualname(call.func) == "builtins.len"
                and is_allowance(compare.comparators[0] if compare.left is call else compare.left)
            ):
                return True
        return False

    @functools.cached_property
    def _entries(self) -> Mapping[str, list[ast.expr]]:
        """What the file puts under the keys of attributes: ``self.jobs[key] = {...}``, also below it, as ``self.jobs[key][x] = y``."""
        found: dict[str, list[ast.expr]] = defaultdict(list)
        for statement in self._index.nodes(ast.Assign):
            for target in statement.targets:
                base: ast.expr = target
                while isinstance(base, ast.Subscript):
                    base = base.value
                if isinstance(base, ast.Attribute) and base is not target:
                    found[base.attr].append(statement.value)
        return found

    @functools.cached_property
    def _returns(self) -> Mapping[ast.AST, list[ast.expr]]:
        """What the functions of the file return."""
        found: dict[ast.AST, list[ast.expr]] = defaultdict(list)
        for statement in self._index.nodes(ast.Return):
            function = self._index.function(statement)
            if function is not None and statement.value is not None:
                found[function].append(statement.value)
        return found


def _is_spelled_out(node: ast.Dict) -> bool:
    """Whether a dict is written with all of its keys."""
    return bool(node.keys) and all(isinstance(key, ast.Constant) for key in node.keys)


def _function(index: Index, scope: Scope) -> ast.AST | None:
    return scope if isinstance(scope, FUNCTIONS) else index.function(scope)


def _counts(name: str | None) -> bool:
    return name is not None and bool(_COUNTED.search(name)) and not _CHOSEN.search(name)


def _is_option(key: ast.expr) -> bool:
    """Whether a key's name says that it is one of a configuration."""
    return (last_name(key) or "").startswith(("CONF_", "CONFIG_"))


def _cuts(node: ast.expr) -> bool:
    """Whether a call's name says that it cuts something into batches."""
    return isinstance(node, ast.Call) and bool(_CUTS.search((last_name(node.func) or "").lower()))


@functools.lru_cache(maxsize=4096)
def _is_bounded_name(name: str) -> bool:
    """Whether a name says that it is a constant, one batch of many items, or parts of the program."""
    return bool(_CONSTANT.fullmatch(name) or _BATCH.search(name.lower())) or is_part_name(name)


def is_part_name(name: str, *, own: bool = False) -> bool:
    """Whether a name says that it holds parts of the program, as many as somebody wrote or configured: ``plugins``.

    Args:
        name: the name of a collection, or of what gives one.
        own: whether a method of each item runs, so that further names count.
    """
    text = _CAMEL.sub("_", name).lower()
    return bool(words_pattern("part").search(text) or own and words_pattern("own part").search(text))


@knowledge.cached
def words_pattern(kind: str) -> re.Pattern[str]:
    """The names that end in a word of ``fanout.part`` (``part``, or ``own part`` for its own rows) or ``fanout.configuration``."""
    table = "configuration" if kind == "configuration" else "part"
    rows = [row for row in knowledge.rows(f"fanout.{table}") if row.get("own", False) is (kind == "own part")]
    words = "|".join(word for row in rows for word in row["words"])
    if kind == "configuration":
        return re.compile(rf"(^|_)({words})$")
    # "settings_by_device" are settings
    return re.compile(rf"(?:^|(?<!by)_)({words})s?(_(calls|dict|list|objs|specs|configs|to_\w+))?$")


def is_allowance(node: ast.expr) -> bool:
    """Whether a number, by its value or its name, is one that somebody allows: ``100``, ``MAX_ITEMS``, ``limit``."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int) and node.value > 1
    name = last_name(node)
    return name is not None and bool(_CONSTANT.fullmatch(name) or _CHOSEN.search(name))


def _is_negative(node: ast.expr | None) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)


def _is_empty(node: ast.expr) -> bool:
    """Whether a value is an empty collection, which others fill."""
    if isinstance(node, ast.Call):
        return not node.args and not node.keywords
    return not (node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", [node]))
