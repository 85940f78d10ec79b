"""What an accumulator is, and whether its loop needs the value of each turn."""

from __future__ import annotations

import ast
from collections.abc import Collection
from typing import Final

from flake8_aiguard.children import walk
from flake8_aiguard.index import COMPREHENSIONS, Loop
from flake8_aiguard.module import Module
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import block_of, dotted, is_constant, last_name, names_in, string, words

_PASSES: Final = frozenset({"all", "any", "list", "max", "min", "reversed", "set", "sorted", "sum", "tuple"})
_PLACES: Final = 4  # that one list would change
_COMPLAINTS: Final = frozenset(
    {"err", "error", "errors", "message", "messages", "msg", "note", "notes", "warning", "warnings"}
)


class Accumulators:
    """The accumulators of one file: variables, attributes and items that gather something in a loop.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def kind(self, target: ast.expr, added: ast.expr) -> str | None:
        """What an accumulator is: by its own assignments, else by what is added to it."""
        kind = None if isinstance(target, ast.Subscript) else self._module.kinds.of(target)
        return kind or self._module.kinds.of(added)

    def may_be_list(self, target: ast.expr) -> bool:
        """Whether nothing says that what a tuple is added to is one: ``xs = type(old)()``, which a list extends in place."""
        if isinstance(target, ast.Subscript):
            return False
        return self._module.kinds.of(target) is None

    def is_one_value(self, node: ast.AugAssign) -> bool:
        """Whether an entry of a dict or list is one value in parts, as a blank or comma goes between: ``fields[name] += " " + line``."""
        if not isinstance(node.target, ast.Subscript):
            return False
        added = node.value
        while isinstance(added, ast.BinOp) and isinstance(added.op, ast.Add):
            added = added.left
        first = added.values[0] if isinstance(added, ast.JoinedStr) and added.values else added
        between = string(first) or ""
        return between.startswith((" ", ",")) and not between.endswith("\n")

    def is_everywhere(self, target: ast.expr) -> bool:
        """Whether many places of nested functions add to a variable of the function around them, so that a list would change them all."""
        return (
            isinstance(target, ast.Name)
            and sum(
                isinstance(item.target, ast.Name) and item.target.id == target.id
                for item in self._module.index.nodes(ast.AugAssign)
            )
            > _PLACES
        )

    def is_seldom(self, node: ast.AugAssign, loop: Loop) -> bool:
        """Whether an attribute grows under two conditions or more: few of the items get there.

        Args:
            node: the statement that adds to it.
            loop: the loop.
        """
        index = self._module.index
        conditions = [
            item
            for item in index.outwards(node, loop)
            if isinstance(item, (ast.If, ast.match_case))
            and not (isinstance(outer := index.parent(item), ast.If) and outer.orelse == [item])  # elif
        ]
        return isinstance(node.target, ast.Attribute) and len(conditions) > 1

    def is_own(self, target: ast.expr, loop: Loop) -> bool:
        """Whether a collection is made here, at the latest right before the loop: nobody else sees it change."""
        parent = self._module.index.parent(loop)
        before = block_of(parent, loop) if isinstance(loop, ast.stmt) else []
        for statement in before:
            if statement is loop:
                break
            if isinstance(target, ast.Attribute) and _sets(statement, target):
                return isinstance(
                    getattr(statement, "value", None), (ast.Dict, ast.List, ast.Set, *COMPREHENSIONS)
                )
        variable = self._module.loops.variable(target) if isinstance(target, ast.Name) else None
        return variable is not None and not any(
            item.kind is Kind.PARAMETER or isinstance(item.value, (ast.Name, ast.Attribute, ast.Subscript))
            for item in self._module.scopes.bindings(*variable)
        )

    def is_published(self, target: ast.expr, loop: Loop) -> bool:
        """Whether other tasks may read an attribute between two turns: they see each version whole."""
        waits = (ast.Await, ast.AsyncFor, ast.AsyncWith)
        return isinstance(target, ast.Attribute) and any(isinstance(item, waits) for item in walk(loop))

    def is_seen(self, target: ast.expr, loop: Loop) -> bool:
        """Whether a loop yields while an attribute grows: whoever takes what is yielded sees each value of it."""
        while isinstance(target, ast.Subscript):
            target = target.value
        if not any(isinstance(item, (ast.Yield, ast.YieldFrom)) for item in walk(loop)):
            return False
        if not isinstance(target, ast.Attribute):
            return self.is_kept_outside(target)
        owner: ast.expr = target.value
        while isinstance(owner, ast.Attribute):
            owner = owner.value
        variable = self._module.loops.variable(owner) if isinstance(owner, ast.Name) else None
        return variable is None or any(
            item.kind is not Kind.ASSIGN for item in self._module.scopes.bindings(*variable)
        )

    def is_within_budget(self, loop: Loop) -> bool:
        """Whether a loop is left as soon as a total that it adds up is too large: ``if size + more > most: break``."""
        totals: set[str | None] = set()
        asked: set[str | None] = set()
        for item in walk(loop):
            if isinstance(item, ast.AugAssign) and not isinstance(item.value, ast.Constant):
                totals.add(dotted(item.target))
            elif isinstance(item, ast.If) and isinstance(item.body[-1], ast.Break):
                test = item.test
                if isinstance(test, ast.Compare) and isinstance(test.ops[0], (ast.Gt, ast.GtE)):
                    asked.add(dotted(test.left.left if isinstance(test.left, ast.BinOp) else test.left))
        return bool((totals & asked) - {None})

    def is_handed_over(self, target: ast.expr, loop: Loop) -> bool:
        """Whether what a call makes of the copy is kept, as each of them needs a copy of its own."""
        name = dotted(target)
        return any(
            not isinstance(self._module.index.parent(call), ast.Expr)
            for call in walk(loop)
            if isinstance(call, ast.Call)
            and last_name(call.func) != "deepcopy"
            and any(dotted(value) == name for value in (*call.args, *(item.value for item in call.keywords)))
        )

    def is_carried_on(self, node: ast.Assign, copy: ast.expr, source: ast.expr) -> bool:
        """Whether each turn changes a copy of an accumulator, and the copy takes its place: ``new = copy(acc)``, ``acc = new``.

        Args:
            node: the statement that copies.
            copy: the variable that holds the copy.
            source: the accumulator.
        """
        index = self._module.index
        loop = next(index.loops(node), None)
        block = block_of(index.parent(node), node)
        if not isinstance(loop, (ast.For, ast.AsyncFor)) or node not in loop.body:
            return False
        if not isinstance(copy, ast.Name) or not isinstance(source, ast.Name):
            return False
        places = [
            item
            for item in block
            if isinstance(item, ast.Assign)
            and dotted(item.targets[0]) == source.id
            and dotted(item.value) == copy.id
        ]
        uses = [item for item in names_in(loop) if item.id in (copy.id, source.id)]
        return len(places) == 1 and all(
            index.statement(use) in (node, *places)
            or (use.id == copy.id and isinstance(index.parent(use), (ast.Attribute, ast.Subscript)))
            for use in uses
        )

    def is_empty_before(self, target: ast.expr) -> bool:
        """Whether a list is bound to nothing but an empty one."""
        variable = self._module.loops.variable(target) if isinstance(target, ast.Name) else None
        return variable is not None and all(
            (isinstance(item.value, ast.List) and not item.value.elts)
            or (
                isinstance(item.value, ast.Call)
                and not item.value.args
                and last_name(item.value.func) == "list"
            )
            or any(dotted(part) == dotted(target) for part in walk(item.value or item.node))
            for item in self._module.scopes.bindings(*variable)
        )

    def is_given(self, target: ast.expr) -> bool:
        """Whether a list is a parameter: its caller knows what is in it already, and how little is put before that."""
        variable = self._module.loops.variable(target) if isinstance(target, ast.Name) else None
        return variable is not None and any(
            item.kind is Kind.PARAMETER for item in self._module.scopes.bindings(*variable)
        )

    def is_kept_outside(self, target: ast.expr) -> bool:
        """Whether a string is no plain local, which CPython extends in place."""
        if not isinstance(target, ast.Name):
            return True
        scope = self._module.index.scope(target)
        return self._module.scopes.owner(scope, target.id) is not scope

    def is_complaint(self, target: ast.expr) -> bool:
        """Whether a string is what a person reads about what went wrong."""
        while isinstance(target, ast.Subscript):
            target = target.value
        return not _COMPLAINTS.isdisjoint(words(last_name(target) or ""))

    def is_measured(self, target: ast.expr, loop: Loop) -> bool:
        """Whether the loop runs until the accumulator is long enough, or nothing is left to wait for: the parts of one message."""
        if not isinstance(loop, ast.While):
            return False
        asked = {dotted(item) for item in walk(loop.test) if isinstance(item, (ast.Name, ast.Attribute))}
        counted = (
            dotted(item.target)
            for item in walk(loop)
            if isinstance(item, ast.AugAssign) and isinstance(item.op, ast.Sub)
        )
        return dotted(target) in asked or any(name in asked for name in counted)

    def is_shared(self, node: ast.stmt, target: ast.expr, loop: Loop, *, text: bool = False) -> bool:
        """Whether the loop needs the value of each turn: something keeps it, or reads it before the loop ends.

        Args:
            node: the statement that adds to it.
            target: the accumulator.
            loop: the loop.
            text: whether it is a string, all of whose methods read it whole.
        """
        name = dotted(target.value if isinstance(target, ast.Subscript) else target)
        for item in walk(loop):
            if not isinstance(item, (ast.Name, ast.Attribute)) or not isinstance(item.ctx, ast.Load):
                continue
            if dotted(item) == name and self._module.index.statement(item) is not node:
                parent = self._module.index.parent(item)
                if isinstance(target, ast.Subscript) and isinstance(parent, ast.Subscript):
                    if not isinstance(parent.ctx, ast.Load) or ast.dump(parent.slice) != ast.dump(
                        target.slice
                    ):
                        continue
                    parent = self._module.index.parent(parent)
                if text and isinstance(parent, ast.Attribute):
                    return True
                is_measured = isinstance(parent, ast.Call) and last_name(parent.func) == "len"
                grows = isinstance(self._module.index.statement(item), (ast.AugAssign, ast.Assign)) and any(
                    dotted(part) == name
                    for part in walk(self._module.index.statement(item))
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

    def keeps_front(self, loop: Loop, target: ast.expr) -> bool:
        """Whether appending and reversing would be wrong: the loop puts items at the end as well, or reads the first one.

        Or it would gain nothing.
        """
        if self._is_climb(loop):
            return True
        name = dotted(target)
        for item in walk(loop):
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
        return self.does(loop, target, ("append", "extend", "pop"))

    def _is_climb(self, loop: Loop) -> bool:
        """Whether a loop climbs a path or counts digits: few turns, and the order is the point."""
        if not isinstance(loop, (ast.For, ast.AsyncFor)) or not isinstance(loop.iter, ast.Call):
            return isinstance(loop, ast.While)
        counted, name = loop.iter, self._module.qualname(loop.iter.func)
        if name == "builtins.reversed" and counted.args and isinstance(counted.args[0], ast.Call):
            counted = counted.args[0]
            name = self._module.qualname(counted.func)
            if any(isinstance(item, ast.Call) for item in counted.args):
                return False  # reversed(range(len(items)))
        return name == "builtins.range"

    def does(self, loop: Loop, receiver: ast.expr, methods: Collection[str]) -> bool:
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
            for item in walk(loop)
        )

    def is_read_whole(self, loop: Loop, receiver: ast.expr) -> bool:
        """Whether each turn goes through a list anyway: copies, sorts or loops over it, or puts others before it."""
        name = dotted(receiver)
        for item in walk(loop):
            if not isinstance(item, (ast.Name, ast.Attribute)) or dotted(item) != name:
                continue
            parent = self._module.index.parent(item)
            if isinstance(parent, (ast.For, ast.comprehension)) and parent.iter is item:
                return True
            if isinstance(parent, ast.Call) and item in parent.args and last_name(parent.func) in _PASSES:
                return True
            if isinstance(parent, ast.BinOp) and parent.right is item:
                return True
        return False


def _sets(statement: ast.AST, target: ast.Attribute) -> bool:
    return isinstance(statement, ast.Assign) and dotted(statement.targets[0]) == dotted(target)


def _is_put_after(name: str | None, value: ast.expr) -> bool:
    """Whether the accumulator comes first: ``s = s + t``, ``xs = [*xs, x]``."""
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        return dotted(value.left) == name
    first = value.elts[0] if isinstance(value, (ast.List, ast.Tuple)) and value.elts else None
    return isinstance(first, ast.Starred) and dotted(first.value) == name
