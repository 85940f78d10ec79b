"""How long what a call builds is held: for one turn of a loop, for one run of a function, or longer."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Final

from flake8_aiguard import arguments
from flake8_aiguard.index import COMPREHENSIONS, FUNCTIONS, TRIES, Loop
from flake8_aiguard.loops import contains
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind, Use
from flake8_aiguard.shapes import block_of, dotted, is_none, last_name, string

_COLLECTING: Final = frozenset(
    (
        "add",
        "append",
        "appendleft",
        "insert",
        "put",
        "put_nowait",
        "push",
        "register",
        "set",
        "setdefault",
        "update",
    )
)
_ENTERING: Final = frozenset(("aclosing", "closing", "enter_async_context", "enter_context"))
_SETTING: Final = frozenset(("authenticate", "login", "mount"))
_SETTING_PART: Final = frozenset(("set", "setdefault", "update"))
_SLEEPS: Final = frozenset(("sleep", "wait"))
_LEAVES: Final = (ast.Return, ast.Raise, ast.Break)
_DISPLAYS: Final = (ast.Tuple, ast.List, ast.Set, ast.Dict, ast.Starred, ast.Await, ast.keyword)
_MOST: Final = 60  # mentions of a variable that are looked at
_CLOSING: Final = frozenset(("aclose", "close"))
# Headers that say who asks; any other one can be given with each request.
_PERSONAL: Final = regex(
    r"auth|token|cookie|secret|credential|session|tenant|account|customer|organi[sz]ation|user(?!-agent)|(?<!idempotency-)key",
    re.IGNORECASE,
)

Region = Loop | ast.FunctionDef | ast.AsyncFunctionDef


class Lifetimes:
    """The lifetimes of what the calls of one file build.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._index = module.index
        self._scopes = module.scopes

    def outlives(self, call: ast.Call, region: Region) -> bool:
        """Whether what a call builds is held after one turn of a loop, or one run of a function.

        Args:
            call: the construction.
            region: a loop or function around it.

        Returns:
            Whether it is returned, yielded, stored or collected, or built only where there is none yet.
        """
        return self._is_lazy(call, region) or self._escapes(call, region)

    # -- where it goes

    def _escapes(self, call: ast.expr, region: Region) -> bool:
        waiting: list[ast.AST] = [call]
        seen: set[ast.AST] = {call}
        while waiting:
            node = waiting.pop()
            step = self._next(node, region)
            if step is None:
                return True
            fresh = [item for item in step if item not in seen]
            seen.update(fresh)
            waiting += fresh
        return False

    def _next(self, node: ast.AST, region: Region) -> Sequence[ast.AST] | None:
        """What holds the value of a node next; ``None`` where that is something that outlives the region."""
        parent = self._index.parent(node)
        if isinstance(parent, _DISPLAYS):
            return [parent]
        if isinstance(parent, (ast.Return, ast.Yield, ast.YieldFrom, ast.Lambda)):
            return None
        if isinstance(parent, ast.BoolOp):
            return None if node is not parent.values[0] else [parent]
        if isinstance(parent, ast.IfExp):
            other = parent.orelse if node is parent.body else parent.body
            return None if isinstance(other, (ast.Name, ast.Attribute, ast.Subscript)) else [parent]
        if isinstance(parent, (ast.Assign, ast.AnnAssign, ast.NamedExpr)):
            targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
            found: list[ast.AST] = [parent] if isinstance(parent, ast.NamedExpr) else []
            for target in targets:
                held = self._held_by(target, node, region)
                if held is None:
                    return None
                found += held
            return found
        if isinstance(parent, ast.withitem):
            bound = parent.optional_vars
            uses = self._uses(bound) if isinstance(bound, ast.Name) else []
            return None if any(self._scopes.use(use)[0] is Use.YIELDED for use in uses) else []
        if isinstance(parent, ast.Call):
            return self._passed(parent, node)
        if isinstance(parent, COMPREHENSIONS):
            if parent is not region:
                return [parent]
            iterable = parent.generators[0].iter
            counts = isinstance(iterable, ast.Call) and dotted(iterable.func) == "range"
            return None if counts or isinstance(parent, ast.DictComp) else []
        return []

    def _held_by(self, target: ast.expr, node: ast.AST, region: Region) -> Sequence[ast.AST] | None:
        if isinstance(target, (ast.Tuple, ast.List)):
            if isinstance(node, ast.Tuple) and len(node.elts) == len(target.elts):
                return [use for item in target.elts if isinstance(item, ast.Name) for use in self._uses(item)]
            return []
        if isinstance(target, ast.Attribute):
            # the object of a view lives as long as the request
            is_own = (
                isinstance(region, FUNCTIONS)
                and self._module.receivers.class_behind(target.value) is not None
            )
            return [] if is_own else None
        if not isinstance(target, ast.Name):
            return None
        function = self._index.function(target)
        owner = self._scopes.owner(self._index.scope(target), target.id)
        if isinstance(owner, ast.Module) and function is not None:
            return None
        uses = self._uses(target)
        if not isinstance(region, FUNCTIONS) and any(
            self._index.function(use) is not function for use in uses
        ):
            return None
        return uses

    def _passed(self, call: ast.Call, node: ast.AST) -> Sequence[ast.AST] | None:
        """What holds an argument of a call: a container, or the object that is built with it."""
        if node is call.func:
            return []
        name = last_name(call.func) or ""
        if isinstance(call.func, ast.Attribute) and name in _COLLECTING:
            return None
        if name == "setattr":
            return None
        return [call] if name in _ENTERING or name[:1].isupper() or name == "partial" else []

    def _uses(self, name: ast.Name) -> list[ast.Name]:
        owner = self._scopes.owner(self._index.scope(name), name.id)
        return [] if owner is None else self._scopes.uses(owner, name.id)[:_MOST]

    # -- when it is built

    def _is_lazy(self, call: ast.Call, region: Region) -> bool:
        """Whether it is built only where a test says that there is none, or where the old one failed."""
        targets = self._targets(call)
        texts = {dotted(item.value if isinstance(item, ast.Subscript) else item) for item in targets} - {None}
        attributes = {item.attr for item in targets if isinstance(item, ast.Attribute)}
        child: ast.AST = call
        for parent in self._index.ancestors(call):
            if parent is region:
                return False
            if isinstance(parent, ast.If) and child is not parent.test:
                asked = list(ast.walk(parent.test))
                if any(dotted(item) in texts or string(item) in attributes for item in asked):
                    return True
                if not isinstance(region, FUNCTIONS) and any(
                    self._is_bound_outside(item, region) for item in targets if isinstance(item, ast.Name)
                ):
                    return True
                if not isinstance(region, FUNCTIONS) and self._happens_once(parent, child, region):
                    return True
            if isinstance(parent, ast.ExceptHandler) and (attributes or not isinstance(region, FUNCTIONS)):
                return True
            child = parent
        return False

    def _happens_once(self, branch: ast.If, statement: ast.AST, loop: Region) -> bool:
        """Whether a branch of a loop binds what its test misses, so that no other turn takes it: ``if x is None: ...; x = make(y)``."""
        test = branch.test
        if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Is) and is_none(test.comparators[0]):
            name = test.left
        elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            name = test.operand
        else:
            return False
        resolved = self._scopes.resolve(name) if isinstance(name, ast.Name) else None
        if resolved is None or statement not in branch.body:
            return False
        first, last = loop.lineno, loop.end_lineno or loop.lineno
        inside = [
            binding
            for binding in resolved[1]
            if binding.kind is not Kind.PARAMETER and first <= getattr(binding.node, "lineno", first) <= last
        ]
        return len(inside) == 1 and any(
            isinstance(item, ast.Assign) and inside[0].node in item.targets and not is_none(item.value)
            for item in branch.body
        )

    def _targets(self, call: ast.Call) -> list[ast.expr]:
        parent = self._index.parent(call)
        while isinstance(parent, (ast.Await, ast.Call)):
            parent = self._index.parent(parent)
        if isinstance(parent, ast.Assign):
            return parent.targets
        if isinstance(parent, (ast.AnnAssign, ast.NamedExpr)):
            return [parent.target]
        bound = parent.optional_vars if isinstance(parent, ast.withitem) else None
        return [] if bound is None else [bound]

    def _is_bound_outside(self, name: ast.Name, loop: Region) -> bool:
        resolved = self._scopes.resolve(name)
        if resolved is None:
            return False
        first, last = loop.lineno, loop.end_lineno or loop.lineno
        return any(
            binding.kind is Kind.PARAMETER or not first <= getattr(binding.node, "lineno", first) <= last
            for binding in resolved[1]
        )

    def is_seldom(self, call: ast.Call, loop: Loop, seconds: float) -> bool:
        """Whether a loop builds again only after a failure, or after a long wait.

        Args:
            call: the construction.
            loop: the innermost loop around it.
            seconds: what a long wait is.
        """
        child: ast.AST = self._index.statement(call)
        if isinstance(loop, COMPREHENSIONS):
            return False
        if isinstance(child, _LEAVES):
            return True
        retries = takes = False
        while child is not loop:
            parent = self._index.parent(child)
            if parent is None:
                return False
            block = block_of(parent, child)
            is_tried = isinstance(parent, TRIES) and child in parent.body
            if _leaves(block) or (isinstance(parent, TRIES) and is_tried and _leaves(parent.orelse)):
                return True
            at = block.index(child) if isinstance(child, ast.stmt) and block else 0
            if isinstance(loop, ast.While):
                if any(map(self._serves, block[at:])):
                    return True
                if isinstance(parent, TRIES) and is_tried:
                    retries = retries or any(self._sleeps(parent.handlers, 0))
            takes = takes or any(map(_takes, block[:at]))
            child = parent
        if not isinstance(loop, ast.While):
            return False
        return (retries and not takes) or any(self._sleeps(loop.body, seconds))

    def _serves(self, statement: ast.stmt) -> bool:
        """Whether a statement runs a loop of its own that goes on as long as a connection stands."""
        return isinstance(statement, (ast.While, ast.AsyncFor)) or (
            isinstance(statement, (ast.With, ast.AsyncWith, *TRIES))
            and any(map(self._serves, statement.body))
        )

    def _sleeps(self, block: Sequence[ast.AST], seconds: float) -> Iterator[bool]:
        """Whether a block waits for at least so long, for each call in it that waits."""
        for statement in block:
            for node in ast.walk(statement):
                if isinstance(node, ast.Call) and last_name(node.func) in _SLEEPS and node.args:
                    values = [node.args[0]]
                    if isinstance(values[0], ast.Name):
                        resolved = self._scopes.resolve(values[0])
                        values = [item.value for item in resolved[1] if item.value] if resolved else []
                    for value in values:
                        number = value.value if isinstance(value, ast.Constant) else None
                        yield not seconds or (isinstance(number, (int, float)) and number >= seconds)

    # -- how it is set up

    def setup(self, call: ast.Call) -> Iterator[ast.expr]:
        """What the variable of a construction is set up with after it was built.

        Args:
            call: the construction.

        Yields:
            The values of ``client.auth = x``, ``client.headers["k"] = x``, ``client.headers.update(x)``,
            ``client.mount(p, x)``; of headers those that say who asks.
        """
        for target in self._targets(call):
            for use in self._uses(target) if isinstance(target, ast.Name) else ():
                node: ast.AST = use
                parent = self._index.parent(node)
                while isinstance(parent, (ast.Attribute, ast.Subscript)) and parent.value is node:
                    node, parent = parent, self._index.parent(parent)
                if node is use:
                    continue
                is_header = _is_headers(node)
                if isinstance(parent, ast.Assign) and node in parent.targets:
                    key = string(node.slice) if isinstance(node, ast.Subscript) else None
                    if not is_header or key is None or _PERSONAL.search(key):
                        yield parent.value
                elif isinstance(parent, ast.Call) and parent.func is node:
                    is_part = isinstance(node, ast.Attribute) and node.value is not use
                    if last_name(node) not in (_SETTING_PART if is_part else _SETTING):
                        continue
                    for value in parent.args:
                        yield from personal(value) if is_header else (value,)
                    yield from (item.value for item in parent.keywords)

    # -- how it is used

    def requests(self, call: ast.Call) -> list[ast.Call] | None:
        """The calls of methods of what a call builds, those that close it left out.

        Args:
            call: the construction.

        Returns:
            The calls, in this function and in those of the file that it is passed to; ``None`` where it is used otherwise, so
            that there may be more.
        """
        found: list[ast.Call] = []
        waiting: list[ast.AST] = [call]
        for target in self._targets(call):
            if not isinstance(target, ast.Name):
                return None
            statement = self._index.statement(call)
            is_entered = isinstance(statement, (ast.With, ast.AsyncWith))  # until its end
            waiting += [use for use in self._uses(target) if not is_entered or contains(statement, use)]
        seen = set(waiting)
        for node in waiting:
            parent = self._index.parent(node)
            outer = None if parent is None else self._index.parent(parent)
            if isinstance(parent, ast.Attribute) and isinstance(outer, ast.Call) and outer.func is parent:
                if parent.attr not in _CLOSING:
                    found.append(outer)
            elif isinstance(parent, (ast.Call, ast.keyword)):
                uses = self._received(parent if isinstance(parent, ast.Call) else outer, node)
                if uses is None:
                    return None
                waiting += [use for use in uses if use not in seen]
                seen.update(uses)
            elif node is not call and not isinstance(parent, ast.withitem):
                return None
        return found

    def _received(self, call: ast.AST | None, node: ast.AST) -> list[ast.Name] | None:
        """The uses of the parameter of a function of the file that receives an argument."""
        function = self._module.receivers.definition(call.func) if isinstance(call, ast.Call) else None
        if not isinstance(call, ast.Call) or not isinstance(
            function, (ast.FunctionDef, ast.AsyncFunctionDef)
        ):
            return None
        name = arguments.receiver(self._index, call, function, node)
        return None if name is None else self._scopes.uses(function, name)[:_MOST]


def _is_headers(node: ast.AST) -> bool:
    """Whether a node is ``x.headers``, an item or a method of it."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        if isinstance(node, ast.Attribute) and node.attr == "headers":
            return True
        node = node.value
    return False


def personal(headers: ast.expr) -> Iterator[ast.expr]:
    """The values of a dictionary of headers that say who asks; the whole expression where it is none that is spelled out.

    Args:
        headers: what a client is given as the headers of all its requests.
    """
    if not isinstance(headers, ast.Dict):
        yield headers
        return
    for key, value in zip(headers.keys, headers.values, strict=True):
        name = string(key)
        if name is None or _PERSONAL.search(name):
            yield value


def _leaves(block: Sequence[ast.stmt]) -> bool:
    """Whether a block ends by leaving the loop."""
    while block:
        last = block[-1]
        if isinstance(last, _LEAVES):
            return True
        if isinstance(last, ast.If):
            return _leaves(last.body) and _leaves(last.orelse)
        if isinstance(last, TRIES):
            block = last.orelse or last.body
        elif isinstance(last, (ast.With, ast.AsyncWith)):
            block = last.body
        else:
            return False
    return False


def _takes(statement: ast.stmt) -> bool:
    """Whether a statement takes something new: ``job = queue.get()``."""
    value = statement.value if isinstance(statement, (ast.Assign, ast.AnnAssign)) else None
    return isinstance(value.value if isinstance(value, ast.Await) else value, ast.Call)
