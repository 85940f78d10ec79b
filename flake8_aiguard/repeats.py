"""Asserts that the statements after them repeat: Python raises by itself further down."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from flake8_aiguard.module import Module
from flake8_aiguard.shapes import dotted, following, last_name, string

_NEAR: Final = 3
_EXISTENCE: Final = ("exists", "is_dir", "is_file", "isdir", "isfile")
_CONVERSIONS: Final = ("Decimal", "UUID", "float", "int", "strptime")
_OPENING: Final = ("iterdir", "listdir", "open", "read_bytes", "read_text", "scandir")


class Repeats:
    """The asserts of one file whose condition the statements after them ask again.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def holds(self, node: ast.Assert) -> bool:
        """Whether the next statement raises by itself where the assert would."""
        return (
            self._is_by_index(node)
            or self._is_by_key(node)
            or self._is_by_unpacking(node)
            or self._is_by_keys(node)
            or self._is_by_keyword(node)
            or self._is_by_opening(node)
            or self._is_by_refusal(node)
        )

    def is_by_call(self, condition: ast.expr, node: ast.Assert) -> bool:
        """Whether the next statements call an optional argument that is asserted to be there: they raise without it."""
        return isinstance(condition, ast.Name) and any(
            isinstance(item, ast.Call) and dotted(item.func) == condition.id
            for after in self._following(node)
            if not isinstance(after, ast.Assert)
            for item in direct_nodes(after)
        )

    def is_by_format(self, node: ast.Assert) -> bool:
        """Whether a length is asserted before ``struct.unpack``, which raises where the data is too short."""
        test = node.test
        sides = [test.left, *test.comparators] if isinstance(test, ast.Compare) else []
        sized = {
            dotted(side.args[0])
            for side in sides
            if isinstance(side, ast.Call) and last_name(side.func) == "len" and len(side.args) == 1
        } - {None}
        return bool(sized) and any(
            isinstance(item, ast.Call)
            and last_name(item.func) in ("unpack", "unpack_from")
            and any(dotted(part) in sized for given in item.args for part in ast.walk(given))
            for after in self._following(node)
            for item in direct_nodes(after)
        )

    def is_by_conversion(self, condition: ast.expr, node: ast.Assert) -> bool:
        """Whether the next statements raise where a text is missing: they convert it, or take it for one of some words.

        ``int(rank)``, and ``if kind == "a": ... elif kind == "b": ... else: raise ValueError(...)``.

        Args:
            condition: the truth of a name.
            node: the assert.
        """
        if not isinstance(condition, ast.Name):
            return False
        return any(
            (_takes_word(after, condition.id) if isinstance(after, ast.If) else False)
            or any(
                isinstance(item, ast.Call)
                and last_name(item.func) in _CONVERSIONS
                and condition.id in map(dotted, item.args)
                for item in direct_nodes(after)
            )
            for after in self._following(node)
        )

    def _is_by_refusal(self, node: ast.Assert) -> bool:
        """Whether ``assert name`` stands shortly before ``if not NAME.match(name): raise``, which refuses more."""
        return isinstance(node.test, ast.Name) and any(
            isinstance(after, ast.If)
            and isinstance(after.test, ast.UnaryOp)
            and isinstance(after.test.operand, ast.Call)
            and isinstance(after.body[-1], ast.Raise)
            and node.test.id in map(dotted, after.test.operand.args)
            for after in self._following(node)
        )

    def _is_by_index(self, node: ast.Assert) -> bool:
        """Whether ``assert i < len(xs)`` stands directly before ``xs[i]``, which raises IndexError without it."""
        test = node.test
        if not isinstance(test, ast.Compare) or len(test.ops) != 1:
            return False
        smaller, larger = test.left, test.comparators[0]
        if isinstance(test.ops[0], ast.Gt):
            smaller, larger = larger, smaller
        elif not isinstance(test.ops[0], ast.Lt):
            return False
        if not isinstance(larger, ast.Call) or len(larger.args) != 1 or last_name(larger.func) != "len":
            return False
        items = dotted(larger.args[0])
        after = next_statement(self._module, node, skips_asserts=False)
        return after is not None and any(
            isinstance(item, ast.Subscript)
            and dotted(item.value) == items is not None
            and _is_same(item.slice, smaller)
            for item in direct_nodes(after)
        )

    def _is_by_key(self, node: ast.Assert) -> bool:
        """Whether ``assert key in d`` stands before ``d[key]`` or ``d.remove(key)`` in the same block, which raise without it."""
        test = node.test
        if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.In):
            return False
        items = dotted(test.comparators[0])
        return items is not None and any(
            (
                isinstance(item, ast.Subscript)
                and isinstance(item.ctx, ast.Load)
                and dotted(item.value) == items
                and _is_same(item.slice, test.left)
            )
            or (
                isinstance(item, ast.Call)
                and isinstance(item.func, ast.Attribute)
                and item.func.attr in ("index", "remove")
                and dotted(item.func.value) == items
                and len(item.args) == 1
                and _is_same(item.args[0], test.left)
            )
            for after in self._following(node)
            for item in direct_nodes(after)
        )

    def _is_by_unpacking(self, node: ast.Assert) -> bool:
        """Whether ``assert len(pair) == 2`` stands directly before ``a, b = pair``, which raises ValueError without it."""
        test = node.test
        if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.Eq):
            return False
        sized, size = test.left, test.comparators[0]
        after = next_statement(self._module, node)
        if not isinstance(after, ast.Assign) or not isinstance(size, ast.Constant):
            return False
        target = after.targets[0]
        return (
            isinstance(sized, ast.Call)
            and last_name(sized.func) == "len"
            and len(sized.args) == 1
            and isinstance(target, (ast.Tuple, ast.List))
            and len(target.elts) == size.value
            and not any(isinstance(item, ast.Starred) for item in target.elts)
            and dotted(after.value) == dotted(sized.args[0]) is not None
        )

    def _is_by_keys(self, node: ast.Assert) -> bool:
        """Whether ``assert any(key in d for key in keys)`` stands before ``d[keys[0]]`` or ``[d[key] for key in keys]``."""
        test = node.test
        if (
            not isinstance(test, ast.Call)
            or last_name(test.func) not in ("all", "any")
            or len(test.args) != 1
        ):
            return False
        every = test.args[0]
        if not isinstance(every, (ast.GeneratorExp, ast.ListComp)) or len(every.generators) != 1:
            return False
        asked, keys = every.elt, dotted(every.generators[0].iter)
        if not isinstance(asked, ast.Compare) or not isinstance(asked.ops[0], ast.In) or keys is None:
            return False
        items = dotted(asked.comparators[0])
        if items is None or dotted(asked.left) != dotted(every.generators[0].target):
            return False
        return any(_takes_each(after, items, keys) for after in self._following(node))

    def _is_by_keyword(self, node: ast.Assert) -> bool:
        """Whether ``assert "k" not in options`` stands before ``f(k=1, **options)``, which raises TypeError without it."""
        test = node.test
        if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.NotIn):
            return False
        keyword, options = string(test.left), dotted(test.comparators[0])
        if keyword is None or options is None:
            return False
        return any(
            isinstance(item, ast.Call)
            and any(given.arg == keyword for given in item.keywords)
            and any(given.arg is None and dotted(given.value) == options for given in item.keywords)
            for after in self._following(node)
            for item in direct_nodes(after)
        )

    def _is_by_opening(self, node: ast.Assert) -> bool:
        """Whether ``assert os.path.exists(path)`` stands before the call that opens it, which raises OSError without it."""
        test = node.test
        if not isinstance(test, ast.Call) or last_name(test.func) not in _EXISTENCE:
            return False
        path = self._path(test)
        for after in following(self._module.index.parent(node), node, _NEAR):
            calls = [item for item in ast.walk(after) if isinstance(item, ast.Call)]
            if any(last_name(call.func) in _OPENING and self._path(call) == path for call in calls):
                return path is not None
            if calls and not isinstance(after, ast.Assert):
                return False
        return False

    def _path(self, call: ast.Call) -> str | None:
        """The name of the path that a call is about: the first argument of a function, else what it is a method of."""
        if self._module.qualname(call.func) is not None:
            return dotted(call.args[0]) if call.args else None
        held = call.func.value if isinstance(call.func, ast.Attribute) else None
        while isinstance(held, ast.BinOp):
            held = held.left  # ``(folder / name).open()``
        return None if held is None else dotted(held)

    def _following(self, node: ast.Assert) -> list[ast.stmt]:
        """The statements after an assert in its block, as far as one can see both."""
        return following(self._module.index.parent(node), node, _NEAR)


def _takes_word(branch: ast.If, name: str) -> bool:
    """Whether each branch is for one word that a name holds, and the last one raises."""
    test = branch.test
    if not isinstance(test, ast.Compare) or dotted(test.left) != name or not isinstance(test.ops[0], ast.Eq):
        return False
    rest = branch.orelse[-1] if branch.orelse else None
    return isinstance(rest, ast.Raise) or (isinstance(rest, ast.If) and _takes_word(rest, name))


def _takes_each(statement: ast.stmt, items: str, keys: str) -> bool:
    """Whether a statement takes the items of these keys, or of one of them."""
    nodes = list(direct_nodes(statement))
    each = {
        dotted(item.target)
        for item in nodes
        if isinstance(item, ast.comprehension) and dotted(item.iter) == keys
    }
    return any(
        isinstance(item, ast.Subscript)
        and isinstance(item.ctx, ast.Load)
        and dotted(item.value) == items
        and (
            dotted(item.slice) in each - {None}
            or (isinstance(item.slice, ast.Subscript) and dotted(item.slice.value) == keys)
        )
        for item in nodes
    )


def next_statement(module: Module, node: ast.Assert, *, skips_asserts: bool = True) -> ast.stmt | None:
    """The statement after an assert in its block."""
    for after in following(module.index.parent(node), node):
        if not isinstance(after, ast.Assert):
            return after
        if not skips_asserts:
            return None
    return None


def direct_nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement, those of the blocks in it left out."""
    yield statement
    for child in ast.iter_child_nodes(statement):
        if not isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            yield from ast.walk(child)


def _is_same(left: ast.expr, right: ast.expr) -> bool:
    """Whether two expressions are the same name, attribute or constant."""
    if isinstance(left, ast.Constant) and isinstance(right, ast.Constant):
        return bool(left.value == right.value)
    return dotted(left) == dotted(right) is not None
