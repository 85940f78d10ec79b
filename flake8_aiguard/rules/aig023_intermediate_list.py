"""AIG023: a list that is built only to be iterated once."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.children import walk
from flake8_aiguard.index import COMPREHENSIONS
from flake8_aiguard.memo import memoised
from flake8_aiguard.passes import Passes
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import dotted, last_name, names_in

_BUILT: Final = "{list} is built only to be {used} once; {instead}"
_GROUPED: Final = (
    "{name} is filtered by one pass only to be grouped by the next; filter and group in one pass"
)
_LINES: Final = "readlines() builds a list of all lines only to be {used} once; use {file} itself"
_GENERATOR: Final = "use a generator expression"
_SET: Final = "use a set comprehension"
_CONSUMERS: Final = frozenset(
    f"builtins.{name}" for name in ("sum", "any", "all", "min", "max", "set", "frozenset")
)
_NAMES: Final = frozenset(name.rpartition(".")[2] for name in _CONSUMERS) | {"enumerate"}
_LAZY: Final = frozenset(f"builtins.{name}" for name in ("map", "filter", "zip", "enumerate"))
_RUFF: Final = {"any": "C419", "all": "C419", "set": "C403"}
_NEW: Final = frozenset({"dict", "list", "set", "defaultdict", "Counter", "OrderedDict", "deque", "Decimal"})
# Calls that are made for their effect.
_ACTS: Final = regex(
    r"_?(run|save|send|write|delete|remove|update|process|execute|create|add|put|post|push|set|apply|install|close|stop|start"
    r"|is_valid|full_clean|submit|register|load|check|validate|try|visit|handle|wait|call|fire|emit|notify|publish|commit|flush|sync|test)(_|$)"
)
_WAITS: Final = frozenset({"communicate", "join", "result", "wait", "wait_until_done", "wait_until_ready"})
_FILES: Final = ("typing.TextIO", "typing.BinaryIO", "typing.IO", "io.", "_io.")


class IntermediateList(Checker):
    """List that is built only to be iterated once.

    Why: the list holds all items at once, though each is used and forgotten: a file of a gigabyte takes several of memory, and the
    first result waits for the last. One pass is also the shorter text. For a few hundred items a list is as fast, hence a gate.

    Bad::

        def by_day(orders):
            paid = [order for order in orders if order.paid]
            days = {}
            for order in paid:
                days.setdefault(order.day, []).append(order)
            return days

    Good::

        def by_day(orders):
            days = {}
            for order in orders:
                if order.paid:
                    days.setdefault(order.day, []).append(order)
            return days

    Limits: counts comprehensions, ``list()`` around ``map``, ``filter``, ``zip``, ``enumerate`` or a generator expression, and
    ``readlines()`` of an opened file, looped over or given to ``sum``, ``any``, ``all``, ``min``, ``max`` or ``set``: at once, or
    through a local name with this one use in the same block and nothing but new, empty values made in between. A list that a loop
    appends to counts where the next loop groups its items. ``str.join`` and ``sorted`` need a list. Silent where the loop changes
    what the list is built from, or may do so through attributes, globals and methods by which items leave (a snapshot); with
    ``await`` or ``:=`` inside; for cursors, queries, pipes and the like, which are drained first; for calls that ``any`` or
    ``all`` would not reach, or that begin what the loop then waits for (``join()``, ``wait()``, ``result()``); over few, fixed
    items; for what a test asserts, names in tests, and a name that is bound to another list, too.
    """

    code = "AIG023"
    slug = "intermediate-list"
    since = "0.1.0"
    severity = "note"
    message = _BUILT
    gate = True
    ruff = (
        "Ruff has C419 for any() and all(), C403 for set() and FURB129 for readlines() (all default), where they are given the "
        "list directly; what passes through a name is only ours."
    )

    @functools.cached_property
    def _passes(self) -> Passes:
        return Passes(self.module)

    # -- candidates

    def visit_ListComp(self, node: ast.ListComp) -> Iterator[Finding]:
        yield from self._iterated(node, node, "this list", _GENERATOR)

    def call_names(self) -> tuple[str, ...]:
        return ("list", "readlines")

    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        if isinstance(node.func, ast.Attribute) and node.func.attr == "readlines":
            if not node.args and not node.keywords and self._is_file(node.func.value):
                yield from self._iterated(node, node, _LINES, "")
            return
        if len(node.args) != 1 or node.keywords or self.module.qualname(node.func) != "builtins.list":
            return
        inner = node.args[0]
        if isinstance(inner, (ast.GeneratorExp, ast.ListComp)):
            yield from self._iterated(node, inner, "this list", _GENERATOR)
        elif isinstance(inner, ast.Call) and self.module.qualname(inner.func) in _LAZY:
            name = last_name(inner.func)
            yield from self._iterated(node, inner, f"list({name}())", f"{name}() itself will do")

    def visit_List(self, node: ast.List) -> Iterator[Finding]:
        """``paid = []``, a loop that appends to it, and one that groups what it holds."""
        assign = self.module.index.parent(node)
        if node.elts or not isinstance(assign, (ast.Assign, ast.AnnAssign)):
            return
        target = assign.targets[0] if isinstance(assign, ast.Assign) else assign.target
        owner = self.module.index.function(node) if isinstance(target, ast.Name) else None
        if not isinstance(target, ast.Name) or owner is None:
            return
        uses = self.module.scopes.uses(owner, target.id)
        loop = self.module.index.parent(uses[-1]) if len(uses) == 2 else None
        if not isinstance(loop, ast.For) or loop.iter is not uses[-1]:
            return
        if len(self.module.scopes.bindings(owner, target.id)) != 1:
            return
        filled = self._filled(uses[0])
        if filled is None or not self._are_in_order([assign, filled, loop]):
            return
        if self._groups(loop) and self._passes.are_apart(filled, loop):
            yield from self.found(node, message=_GROUPED, name=target.id)

    # -- what iterates

    def _iterated(self, node: ast.expr, source: ast.expr, built: str, instead: str) -> Iterator[Finding]:
        """The finding for a list that is iterated once, where it stands or through a name."""
        assign, used, name = self.module.index.parent(node), node, None
        if isinstance(assign, (ast.Assign, ast.AnnAssign)):
            use = self._only_use(assign)
            if use is None:
                return
            used, name = use, use.id
        consumer = self._consumer(used)
        if consumer is None or self._is_few(source) or built != _LINES and not self._passes.is_plain(source):
            return
        if isinstance(consumer, ast.Call) and (
            self._is_needed(consumer, source) or self._is_asserted(consumer)
        ):
            return
        if isinstance(consumer, (ast.For, ast.AsyncFor)) and (
            not self._passes.are_apart(source, consumer) or _waits(source, consumer)
        ):
            return
        if isinstance(consumer, ast.comprehension) and not self._is_plain_part(consumer):
            return
        by = last_name(consumer.func) if isinstance(consumer, ast.Call) else None
        words = {
            "list": name or built,
            "used": "looped over" if by is None else f"given to {by}()",
            "instead": instead,
        }
        if built == _LINES:
            assert isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            ruff = "FURB129" if by is None and name is None else None
            yield from self.found(node, message=_LINES, ruff=ruff, file=_text(node.func.value), **words)
        elif (
            name is not None
            and isinstance(consumer, ast.For)
            and self._is_filter(source)
            and self._groups(consumer)
        ):
            yield from self.found(node, message=_GROUPED, name=name)
        else:
            is_comprehension = name is None and isinstance(node, ast.ListComp)
            if by == "set" and instead == _GENERATOR:
                words["instead"] = _SET
            yield from self.found(node, ruff=_RUFF.get(by or "") if is_comprehension else None, **words)

    def _only_use(self, assign: ast.Assign | ast.AnnAssign) -> ast.Name | None:
        """The one use of a local variable, which has this value alone."""
        index = self.module.index
        target = assign.targets[0] if isinstance(assign, ast.Assign) else assign.target
        function = index.function(assign)
        if (
            not isinstance(target, ast.Name)
            or (isinstance(assign, ast.Assign) and len(assign.targets) > 1)
            or not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
            or index.scope(assign) is not function
        ):
            return None
        if self.module.is_test:
            return None  # a name explains what is tested
        mentions = self.module.scopes.uses(function, target.id)
        bindings = self.module.scopes.bindings(function, target.id)
        use = next((item for item in mentions if self._follows(assign, item)), None)
        if use is None or len(mentions) == len(bindings) == 1:
            return use
        flow = self.module.def_use(function)
        if flow.uses(assign) != (use,) or flow.definitions(use) != frozenset((assign,)):
            return None
        # what has to be a list elsewhere stays one for those who check types
        return (
            use if all(len(flow.uses(index.statement(item.node)) or ()) == 1 for item in bindings) else None
        )

    def _follows(self, assign: ast.Assign | ast.AnnAssign, use: ast.Name) -> bool:
        """Whether a mention iterates over a variable right after an assignment, and not once for each item of something."""
        index = self.module.index
        if use.lineno < assign.lineno or self._consumer(use) is None:
            return False
        if index.function(use) is not index.function(assign):
            return False  # a closure may run more than once
        return next(index.loops(use), None) is next(index.loops(assign), None) and self._are_in_order(
            [assign, index.statement(use)]
        )

    def _is_few(self, source: ast.expr) -> bool:
        if isinstance(source, COMPREHENSIONS):
            return self.module.loops.is_small(source.generators[0].iter)
        return isinstance(source, ast.Call) and any(map(self.module.loops.is_small, source.args[-1:]))

    def _consumer(self, node: ast.expr) -> ast.For | ast.AsyncFor | ast.comprehension | ast.Call | None:
        """What iterates over an expression once: a loop, or a call such as ``sum``."""
        parent = self.module.index.parent(node)
        if isinstance(parent, ast.Call) and parent.args[:1] == [node]:
            name = self.module.qualname(parent.func) if last_name(parent.func) in _NAMES else None
            if name == "builtins.enumerate":
                node, parent = parent, self.module.index.parent(parent)
            elif name in _CONSUMERS and (len(parent.args) == 1 or name == "builtins.sum"):
                return parent
        if isinstance(parent, (ast.For, ast.AsyncFor, ast.comprehension)) and parent.iter is node:
            return parent
        return None

    def _is_needed(self, consumer: ast.Call, source: ast.expr) -> bool:
        """Whether the calls of all items are wanted: ``any`` and ``all`` stop at the first that decides."""
        if last_name(consumer.func) not in ("any", "all"):
            return False
        made = source.elt if isinstance(source, (ast.ListComp, ast.GeneratorExp)) else source
        return any(
            isinstance(item, ast.Call) and _ACTS.match(last_name(item.func) or "") for item in ast.walk(made)
        )

    def _is_asserted(self, consumer: ast.Call) -> bool:
        """Whether a test asserts something of the items: a list says which ones when that fails."""
        return self.module.is_test and isinstance(self.module.index.statement(consumer), ast.Assert)

    def _is_plain_part(self, part: ast.comprehension) -> bool:
        owner = self.module.index.parent(part)
        return isinstance(owner, COMPREHENSIONS) and not any(
            isinstance(item, (ast.Await, ast.NamedExpr))
            or isinstance(item, ast.comprehension)
            and item.is_async
            for item in ast.walk(owner)
        )

    # -- blocks

    def _are_in_order(self, statements: list[ast.stmt]) -> bool:
        """Whether statements stand in one block, with nothing but new, empty values made between them."""
        parent = self.module.index.parent(statements[0])
        if parent is None or any(self.module.index.parent(item) is not parent for item in statements):
            return False
        block, first = self._block(parent, statements[0])
        others, last = self._block(parent, statements[-1])
        return (
            block is others
            and first < last
            and all(item in statements or self._is_inert(item) for item in block[first:last])
        )

    @memoised
    def _blocks(self, parent: ast.AST) -> dict[ast.stmt, tuple[list[ast.stmt], int]]:
        """The blocks of a node, and the position of each statement in its own."""
        blocks: list[list[ast.stmt]] = [
            block
            for field in ("body", "orelse", "finalbody")
            if isinstance(block := getattr(parent, field, None), list)
        ]
        return {statement: (block, number) for block in blocks for number, statement in enumerate(block)}

    def _block(self, parent: ast.AST, statement: ast.stmt) -> tuple[list[ast.stmt], int]:
        return self._blocks(parent).get(statement, ([], 0))

    def _is_inert(self, statement: ast.stmt) -> bool:
        """``days = {}``, ``days = defaultdict(list)``, ``total = 0``: nothing that could change or observe anything."""
        if not isinstance(statement, (ast.Assign, ast.AnnAssign)):
            return False
        value = statement.value
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        if not all(isinstance(target, ast.Name) for target in targets):
            return False
        if isinstance(value, ast.Call):
            plain = (ast.Name, ast.Constant)
            is_new = (self.module.qualname(value.func) or "").rpartition(".")[2] in _NEW
            return is_new and all(isinstance(item, plain) for item in value.args) and not value.keywords
        if isinstance(value, (ast.List, ast.Set, ast.Tuple)):
            return all(isinstance(item, ast.Constant) for item in value.elts)
        return (
            isinstance(value, ast.Constant)
            or value is None
            or (isinstance(value, ast.Dict) and not value.keys)
        )

    # -- filter and group

    def _filled(self, use: ast.Name) -> ast.For | None:
        """The loop that does nothing but append some of its items to a list."""
        method = self.module.index.parent(use)
        call = self.module.index.parent(method) if isinstance(method, ast.Attribute) else None
        if not isinstance(method, ast.Attribute) or method.attr != "append" or not isinstance(call, ast.Call):
            return None
        branch = self.module.index.parent(self.module.index.statement(call))
        loop = self.module.index.parent(branch) if isinstance(branch, ast.If) else None
        if not isinstance(loop, ast.For) or not isinstance(branch, ast.If) or loop.orelse or branch.orelse:
            return None
        is_alone = len(loop.body) == 1 and len(branch.body) == 1
        return (
            loop
            if is_alone and self._passes.is_plain(branch.test) and not self._passes.is_handle(loop.iter)
            else None
        )

    def _is_filter(self, source: ast.expr) -> bool:
        if isinstance(source, (ast.ListComp, ast.GeneratorExp)):
            return any(part.ifs for part in source.generators)
        return isinstance(source, ast.Call) and last_name(source.func) == "filter"

    def _groups(self, loop: ast.For) -> bool:
        """Whether a loop sorts its items into the entries of a dict."""
        targets = {name.id for name in names_in(loop.target)}
        for item in (item for statement in loop.body for item in ast.walk(statement)):
            key: ast.expr | None = None
            if isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute):
                holder = item.func.value
                if item.func.attr == "setdefault" and item.args:
                    key = item.args[0]
                elif item.func.attr in ("append", "add") and isinstance(holder, ast.Subscript):
                    key = holder.slice
            elif isinstance(item, ast.AugAssign) and isinstance(item.target, ast.Subscript):
                key = item.target.slice
            elif isinstance(item, ast.Assign) and isinstance(item.targets[0], ast.Subscript):
                holder = item.targets[0].value
                again = any(dotted(part) == dotted(holder) is not None for part in ast.walk(item.value))
                key = item.targets[0].slice if again else None  # days[day] = days.get(day, 0) + 1
            if key is not None and any(
                name.id in targets or _is_taken(name, loop, targets) for name in names_in(key)
            ):
                return True
        return False

    # -- files

    def _is_file(self, node: ast.expr) -> bool:
        """Whether ``readlines()`` is that of an opened file, or of the standard input."""
        if isinstance(node, ast.Call):
            return self._opens(node)
        name = self.module.qualname(node)
        if name is not None:
            return name == "sys.stdin"
        if (self.module.type_of(node) or "").startswith(_FILES):
            return True
        resolved = self.module.scopes.resolve(node) if isinstance(node, ast.Name) else None
        return resolved is not None and all(
            isinstance(binding.value, ast.Call) and self._opens(binding.value) for binding in resolved[1]
        )

    def _opens(self, call: ast.Call) -> bool:
        name = self.module.called(call)
        return (name is not None and name in _openers()) or (
            name is None and isinstance(call.func, ast.Attribute) and call.func.attr == "open"
        )


def _waits(source: ast.expr, loop: ast.For | ast.AsyncFor) -> bool:
    """Whether calls make what a loop then waits for: the list starts all of them before the first one is waited for."""
    if not isinstance(source, ast.ListComp) or not isinstance(source.elt, ast.Call):
        return False
    targets = {name.id for name in names_in(loop.target)}
    return any(
        isinstance(item, ast.Call)
        and isinstance(item.func, ast.Attribute)
        and item.func.attr in _WAITS
        and isinstance(item.func.value, ast.Name)
        and item.func.value.id in targets
        for statement in loop.body
        for item in walk(statement)
    )


def _is_taken(name: ast.Name, loop: ast.For, targets: set[str]) -> bool:
    """Whether a name of a loop's body is bound to something of an item."""
    return any(
        isinstance(item, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == name.id for target in item.targets)
        and any(part.id in targets for part in names_in(item.value))
        for item in loop.body
    )


def _text(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 40 else f"{text[:37]}..."


@knowledge.cached
def _openers() -> frozenset[str]:
    """What opens a file that gives its lines one by one."""
    return frozenset(
        name for name in knowledge.by_call("resources.opener") if name.endswith(("open", "File", "fdopen"))
    )
