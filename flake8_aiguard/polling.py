"""What a condition asks: the state of this process, the time, or something that only asking again can tell."""

from __future__ import annotations

import ast
import functools
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from flake8_aiguard import knowledge
from flake8_aiguard.classes import Classes
from flake8_aiguard.index import Scope
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Binding, Kind
from flake8_aiguard.shapes import argument, dotted, is_none, last_name, names_in

Turn: TypeAlias = Mapping[str, list[ast.expr]]

_CONTAINERS = frozenset(
    {
        *(f"builtins.{name}" for name in ("bytearray", "dict", "list", "set")),
        *(f"collections.{name}" for name in ("Counter", "OrderedDict", "defaultdict", "deque")),
        *("multiprocessing.managers.DictProxy", "multiprocessing.managers.ListProxy"),
    }
)
_PLAIN_BASES = frozenset(
    {
        "abc.ABC",
        "builtins.object",
        "multiprocessing.Process",
        "threading.Thread",
        "typing.NamedTuple",
        "typing.Protocol",
    }
)
_READS = ("get", "items", "keys", "values", "copy", "count")
_CONSTANT = regex(r"_*[A-Z][A-Z0-9_]*")
_NAME = regex(r"[A-Za-z_]\w*")
_MAX_STEPS = 200  # parts of one condition
_VIEWS = ("items", "keys", "values")
_HOPS = 3  # methods and properties that a condition goes through


@dataclass(frozen=True, slots=True)
class State:
    """A piece of state of this process that a condition asks for.

    Attributes:
        node: the expression.
        kind: ``flag``, ``container``, or the kind of a row of ``polls.state``.
        row: the row.
        subject: the receiver of a method or attribute of a row, else the expression.
    """

    node: ast.expr
    kind: str
    row: knowledge.Row | None
    subject: ast.expr | None


@dataclass(slots=True)
class Asked:
    """What a condition asks.

    Attributes:
        states: the state of this process.
        is_timed: whether it asks for the time.
        is_known: whether nothing else is in it.
    """

    states: list[State] = field(default_factory=list)
    is_timed: bool = False
    is_known: bool = True


class Conditions:
    """Reads the conditions of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._index = module.index
        self._scopes = module.scopes
        self._classes = Classes(module)

    def asked(self, conditions: Iterable[ast.expr], turn: Turn, counted: Collection[str] = ()) -> Asked:
        """What some conditions of a loop ask together.

        Args:
            conditions: the expressions.
            turn: what a turn of the loop assigns to local names.
            counted: the local names that it counts up or down; what they and the time are compared with is a limit, no state.

        Returns:
            States of the process are variables and attributes that other code changes, containers that it fills, and the rows
            of ``polls.toml``. A method or property of this file is read where it only returns an expression.
        """
        found = Asked()
        stack: list[tuple[ast.AST, int]] = [(item, 0) for item in conditions]
        read: set[str] = set()
        limits: set[str] = set()
        steps = 0
        while stack and found.is_known:
            node, hops = stack.pop()
            steps += 1
            parts: Iterable[ast.AST] | None
            if steps > _MAX_STEPS or hops > _HOPS:
                parts = None
            elif isinstance(node, ast.Name) and node.id in turn and not hops:
                parts = () if node.id in read else turn[node.id]
                read.add(node.id)
            elif isinstance(node, ast.Compare) and self._is_limit(node, turn, counted):
                found.is_timed = True
                limits |= {ast.unparse(item) for item in ast.walk(node) if isinstance(item, ast.Attribute)}
                parts = [item for item in ast.walk(node) if isinstance(item, (ast.Call, ast.Await))]
            elif isinstance(node, ast.Call):
                body = self._returned(node.func)
                if body is not None:
                    stack += ((part, hops + 1) for part in (body, *node.args))
                    continue
                parts = self._call(node, found)
            elif isinstance(node, ast.Attribute):
                body = self._property(node)
                if body is not None:
                    stack.append((body, hops + 1))
                    continue
                parts = self._attribute(node, found)
            else:
                parts = self._other(node, found)
            if parts is None:
                found.is_known = False
            else:
                stack += ((part, hops) for part in parts)
        found.states = [state for state in found.states if ast.unparse(state.node) not in limits]
        return found

    def _is_limit(self, node: ast.Compare, turn: Turn, counted: Collection[str]) -> bool:
        """Whether a comparison is one of the time, or of a count of the turns, with a limit."""
        stack: list[ast.AST] = [node]
        seen: set[str] = set()
        while stack:
            item = stack.pop()
            if isinstance(item, ast.Name):
                if item.id in counted:
                    return True
                if item.id in turn and item.id not in seen:
                    seen.add(item.id)
                    stack += turn[item.id]
            elif isinstance(item, ast.Call) and self._module.called(item) in knowledge.by_call("polls.clock"):
                return True
            stack += ast.iter_child_nodes(item)
        return False

    def is_told(self, state: State) -> bool:
        """Whether this file sets or clears an event that a condition asks for."""
        return state.subject is not None and last_name(state.subject) in self._told

    @functools.cached_property
    def _told(self) -> frozenset[str | None]:
        calls = self._index.calls_named(("set", "clear"))
        return frozenset(last_name(call.func.value) for call in calls if isinstance(call.func, ast.Attribute))

    def is_built_beside(self, state: State) -> bool:
        """Whether the function that asks for the state of an object builds that object."""
        if not isinstance(state.subject, ast.Name) or state.row is None:
            return False
        function = self._index.function(state.node)
        origin = self._module.receivers.origin(state.subject)
        return origin.known and any(
            self._module.called(call) in state.row["types"] and self._index.function(call) is function
            for call in origin.calls
        )

    def asks_for_presence(self, state: State) -> bool:
        """Whether a condition only asks whether a value is there: ``key in d``, ``d.get(key)``, ``d[key] is None``."""
        node: ast.AST = state.node
        parent = self._index.parent(node)
        is_entry = isinstance(node, ast.Subscript)
        if isinstance(parent, ast.Attribute) and parent.attr == "get":
            node = self._index.parent(parent) or parent
            parent = self._index.parent(node)
            is_entry = True
        if isinstance(parent, ast.NamedExpr):
            node, parent = parent, self._index.parent(parent)
        if isinstance(parent, ast.Compare):
            if all(isinstance(operator, (ast.In, ast.NotIn)) for operator in parent.ops):
                return parent.left is not node
            return any(is_none(item) for item in parent.comparators)
        return is_entry and isinstance(parent, (ast.UnaryOp, ast.BoolOp, ast.While, ast.If))

    # -- expressions: the parts to go on with, or None for what is unknown

    def _other(self, node: ast.AST, found: Asked) -> Iterable[ast.AST] | None:
        if isinstance(node, ast.Name):
            return self._name(node, found)
        if isinstance(node, ast.Subscript):
            if not self._is_container(node.value):
                return None
            found.states.append(State(node, "container", None, node.value))
            return (node.slice,)
        if isinstance(node, ast.Compare):
            return self._compare(node, found)
        if isinstance(node, ast.NamedExpr):
            return (node.value,)
        if isinstance(node, ast.comprehension):
            return node.ifs if dotted(_viewed(node.iter)) else (node.iter, *node.ifs)
        if isinstance(node, (ast.GeneratorExp, ast.ListComp, ast.SetComp)):
            self._contents(node, found)
            return (node.elt, *node.generators)
        if isinstance(node, (ast.Await, ast.Yield, ast.YieldFrom, ast.Lambda)) or not isinstance(
            node, ast.expr
        ):
            return None
        return [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]

    def _contents(self, node: ast.GeneratorExp | ast.ListComp | ast.SetComp, found: Asked) -> None:
        """Notes a container whose items are asked for themselves: ``any(state == BUSY for state in self.states.values())``."""
        for generator in node.generators:
            container = _viewed(generator.iter)
            if not isinstance(generator.target, ast.Name) or not self._is_container(container):
                continue
            item = generator.target.id
            uses = [self._index.parent(name) for name in names_in(node) if name.id == item]
            if all(isinstance(use, (ast.Compare, ast.comprehension)) or use is node for use in uses):
                found.states.append(State(container, "container", None, container))

    def _compare(self, node: ast.Compare, found: Asked) -> Iterable[ast.AST]:
        parts = [node.left]
        for operator, right in zip(node.ops, node.comparators, strict=True):
            is_asked = isinstance(operator, (ast.In, ast.NotIn)) and isinstance(right, ast.Name)
            if is_asked and self._is_container(right):
                found.states.append(State(right, "container", None, right))
            else:
                parts.append(right)
        return parts

    def _name(self, node: ast.Name, found: Asked) -> Iterable[ast.AST] | None:
        resolved = self._scopes.resolve(node)
        if resolved is None:
            return () if self._module.qualname(node) else None
        owner, bindings = resolved
        kinds = {binding.kind for binding in bindings}
        if kinds <= {Kind.FUNCTION, Kind.CLASS, Kind.PARAMETER, Kind.FOR} or _CONSTANT.fullmatch(node.id):
            return ()
        if kinds == {Kind.IMPORT}:
            return None
        if self._are_containers(bindings):
            found.states.append(State(node, "container", None, node))
        elif self._is_changed_elsewhere(node, owner, bindings):
            found.states.append(State(node, "flag", None, node))
        return ()

    def _is_changed_elsewhere(self, node: ast.Name, owner: Scope, bindings: list[Binding]) -> bool:
        """Whether another function than the one that asks binds a variable, or it is a flag from around it."""
        function = self._index.function(node)
        if function is not None and owner is not function and any(map(_is_flag, bindings)):
            return True
        outside = None if owner is self._index.tree else function
        return len(bindings) > 1 and any(
            self._index.function(binding.node) is not outside for binding in bindings
        )

    def _attribute(self, node: ast.Attribute, found: Asked) -> Iterable[ast.AST] | None:
        kind = self._module.type_of(node.value)
        row = None if kind is None else _attributes().get(f"{kind}.{node.attr}")
        if row is not None:
            found.states.append(State(node, row["kind"], row, node.value))
            return ()
        if kind == "multiprocessing.Value":
            return None
        name = self._module.qualname(node)
        is_of_class = (last_name(node.value) or "")[:1].isupper()
        if is_of_class and _CONSTANT.fullmatch(node.attr):
            return ()  # Status.RUNNING
        if name is not None:
            if is_of_class or _CONSTANT.fullmatch(node.attr):
                return ()
            if not name.startswith(".") and name.partition(".")[0] in self._index.packages:
                return None
        if not self._is_plain(node):
            return None
        is_container = any(
            isinstance(value, ast.expr) and self._is_display(value) for value in self._assigned(node)
        )
        found.states.append(State(node, "container" if is_container else "flag", None, node))
        return ()

    def _call(self, node: ast.Call, found: Asked) -> Iterable[ast.AST] | None:
        name = self._module.called(node)
        arguments = [*node.args, *(item.value for item in node.keywords)]
        if name in knowledge.by_call("polls.clock"):
            found.is_timed = True
            return arguments
        row = self._state(node, name)
        if row is not None:
            subject = node.func.value if isinstance(node.func, ast.Attribute) and "types" in row else None
            found.states.append(State(node, row["kind"], row, subject))
            return ()
        if name == "builtins.len" and len(node.args) == 1 and self._is_container(node.args[0]):
            found.states.append(State(node.args[0], "container", None, node.args[0]))
            return ()
        if name in knowledge.by_call("polls.plain"):
            return arguments
        function = node.func
        if not isinstance(function, ast.Attribute) or function.attr not in _READS:
            return None
        if not self._are_dicts(function.value):
            return None
        found.states.append(State(function.value, "container", None, function.value))
        return arguments

    def _state(self, node: ast.Call, name: str | None) -> knowledge.Row | None:
        known_rows = knowledge.by_call("polls.state")
        row = known_rows.get(name or "")
        if row is not None or not isinstance(node.func, ast.Attribute) or node.args or node.keywords:
            return row
        receiver = node.func.value
        owner = self._owner(receiver)
        for base in owner.bases if owner is not None else ():
            row = known_rows.get(f"{self._module.qualname(base)}.{node.func.attr}")
            if row is not None:
                return row
        if self._module.type_of(receiver) is not None or self._module.qualname(receiver) is not None:
            return None
        if self._module.receivers.definition(node.func) is not None:
            return None
        for known in _named().get(node.func.attr, ()):
            if re.fullmatch(known["names"], last_name(receiver) or "") and (
                "compared" not in known or self._is_compared(node)
            ):
                return known
        return None

    def _is_compared(self, node: ast.Call) -> bool:
        parent = self._index.parent(node)
        if isinstance(parent, (ast.Assign, ast.NamedExpr)):
            return True
        return isinstance(parent, ast.Compare) and any(map(is_none, parent.comparators))

    def is_set_by_callback(self, state: State) -> bool:
        """Whether a function that is no coroutine and that this file never calls sets a variable: somebody else calls it,
        perhaps in another thread."""
        resolved = self._scopes.resolve(state.node) if isinstance(state.node, ast.Name) else None
        setters = (self._index.function(binding.node) for binding in resolved[1]) if resolved else ()
        return resolved is not None and any(
            isinstance(setter, ast.FunctionDef)
            and setter is not resolved[0]
            and not any(self._index.calls_named((setter.name,)))
            for setter in setters
        )

    def is_set_by_signal(self, state: State) -> bool:
        """Whether only handlers of signals set a flag: they run between any two steps of the loop, where setting an event may
        deadlock."""
        handlers = self._signal_handlers
        if not handlers:
            return False
        if isinstance(state.node, ast.Name):
            resolved = self._scopes.resolve(state.node)
            bound = [item.node for item in resolved[1]] if resolved else []
            setters = {self._index.function(node) for node in bound}
            start = None if resolved is None or resolved[0] is self._index.tree else resolved[0]
        else:
            owner = self._owner(state.node.value) if isinstance(state.node, ast.Attribute) else None
            if owner is None or not isinstance(state.node, ast.Attribute):
                return False
            stores = self._module.receivers.attribute_stores(owner, state.node.attr)
            setters = {self._index.function(node) for node in stores}
            setters = {item for item in setters if getattr(item, "name", "") != "__init__"}
            start = None
        setters.discard(start)
        return bool(setters) and setters <= handlers

    @functools.cached_property
    def _signal_handlers(self) -> set[ast.AST]:
        """The functions that the file gives to ``signal.signal``."""
        found: set[ast.AST] = set()
        for call in self._index.calls_named(("signal",)):
            handler = argument(call, "handler", 1)
            if handler is not None and self._module.qualname(call.func) == "signal.signal":
                definition = self._module.receivers.definition(handler)
                found.add(handler if definition is None else definition)
        return found

    # -- containers

    def _is_container(self, node: ast.expr) -> bool:
        """Whether other code of this process fills what an expression names, if anything does."""
        if isinstance(node, ast.Subscript):
            return self._is_container(node.value)
        if isinstance(node, ast.Name):
            resolved = self._scopes.resolve(node)
            if resolved is None:
                return False
            if all(binding.kind is Kind.PARAMETER for binding in resolved[1]):
                return self._module.type_of(node) in (None, *_CONTAINERS) and not self._is_own(node)
            return resolved[0] is self._index.tree or self._are_containers(resolved[1])
        return (
            isinstance(node, ast.Attribute) and self._module.qualname(node) is None and self._is_plain(node)
        )

    def _is_own(self, node: ast.Name) -> bool:
        """``self[...]``: an object of its own kind."""
        return self._module.receivers.class_behind(node) is not None

    def _are_containers(self, bindings: list[Binding]) -> bool:
        values = [binding.value for binding in bindings if binding.kind in (Kind.ASSIGN, Kind.ANNOTATED)]
        return bool(values) and all(value is not None and self._is_display(value) for value in values)

    def _is_display(self, value: ast.expr) -> bool:
        if isinstance(value, (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)):
            return True
        return isinstance(value, ast.Call) and self._module.called(value) in _CONTAINERS

    def _are_dicts(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            resolved = self._scopes.resolve(node)
            if resolved is None:
                return False
            if all(binding.kind is Kind.PARAMETER for binding in resolved[1]):
                return self._module.type_of(node) in _CONTAINERS
            return self._are_containers(resolved[1])
        values = self._assigned(node) if isinstance(node, ast.Attribute) else []
        return bool(values) and all(value is not None and self._is_display(value) for value in values)

    # -- attributes

    def _is_plain(self, node: ast.Attribute) -> bool:
        """Whether an attribute is a plain variable of an object: the file stores it, or shows the whole class."""
        owner = self._owner(node.value)
        if owner is None:
            text = dotted(node)
            return text is not None and any(
                dotted(store) == text for store in self._stores.get(node.attr, ())
            )
        if self._is_declared(owner, node.attr):
            return True
        if self._module.scopes.bindings(owner, node.attr):
            return False
        if any(self._bases(owner)):
            return self._inherits(owner, node.attr)
        return not owner.bases

    def _owner(self, receiver: ast.expr) -> ast.ClassDef | None:
        """The class of this file whose instance a receiver is."""
        found = self._classes.of(receiver)
        return found if isinstance(found, ast.ClassDef) else None

    def _is_declared(self, owner: ast.ClassDef, name: str) -> bool:
        """Whether a class makes an attribute: assigns it in a method, or gives it a plain value in its body.

        What only other methods than ``__init__`` assign may be a property of a base class that the file does not show.
        """
        stores = self._module.receivers.attribute_stores(owner, name)
        functions = map(self._index.function, stores)
        if stores and (
            not self._has_unknown_base(owner)
            or any(getattr(function, "name", "") == "__init__" for function in functions)
        ):
            return True
        return any(
            binding.kind is Kind.ANNOTATED
            or (binding.kind is Kind.ASSIGN and not isinstance(binding.value, ast.Call))
            for binding in self._scopes.bindings(owner, name)
        )

    def _has_unknown_base(self, owner: ast.ClassDef) -> bool:
        return any(
            self._module.receivers.definition(base) is None
            and self._module.qualname(base) not in _PLAIN_BASES
            for base in owner.bases
            if not isinstance(base, ast.Subscript)
        )

    def _bases(self, owner: ast.ClassDef) -> list[ast.ClassDef]:
        found = map(self._module.receivers.definition, owner.bases)
        return [base for base in found if isinstance(base, ast.ClassDef)]

    def _inherits(self, owner: ast.ClassDef, name: str) -> bool:
        seen: set[ast.ClassDef] = set()
        stack = [owner]
        while stack:
            item = stack.pop()
            if item not in seen:
                seen.add(item)
                if self._is_declared(item, name):
                    return True
                stack += self._bases(item)
        return False

    def _assigned(self, node: ast.Attribute) -> list[ast.expr | None]:
        owner = self._owner(node.value)
        stores = [] if owner is None else self._module.receivers.attribute_stores(owner, node.attr)
        parents = map(self._index.parent, stores)
        values = [item.value for item in parents if isinstance(item, (ast.Assign, ast.AnnAssign))]
        return [value for value in values if not is_none(value)]

    @functools.cached_property
    def _stores(self) -> dict[str, list[ast.Attribute]]:
        found: defaultdict[str, list[ast.Attribute]] = defaultdict(list)
        for node in self._index.nodes(ast.Attribute):
            if isinstance(node.ctx, ast.Store):
                found[node.attr].append(node)
        return found

    # -- one hop

    def _returned(self, function: ast.expr) -> ast.expr | None:
        """What a function or method of this file returns, where it does nothing else."""
        found = self._module.receivers.definition(function)
        if found is None and isinstance(function, ast.Attribute):
            owner = self._owner(function.value)
            bindings = [] if owner is None else self._scopes.bindings(owner, function.attr)
            node = bindings[0].node if len(bindings) == 1 else None
            found = node if isinstance(node, ast.FunctionDef) else None
        return _only_returns(found) if isinstance(found, ast.FunctionDef) else None

    @memoised
    def _property(self, node: ast.Attribute) -> ast.expr | None:
        """What a property of a class of this file returns, where it does nothing else."""
        owner = self._owner(node.value)
        if owner is None:
            return None
        for item in (owner, *self._bases(owner)):
            for binding in self._scopes.bindings(item, node.attr):
                if isinstance(binding.node, ast.FunctionDef) and any(
                    last_name(decorator) in ("property", "cached_property")
                    for decorator in binding.node.decorator_list
                ):
                    return _only_returns(binding.node)
        return None


def _is_flag(binding: Binding) -> bool:
    value = binding.value
    return isinstance(value, ast.Constant) and (value.value is None or isinstance(value.value, bool))


def _only_returns(function: ast.FunctionDef) -> ast.expr | None:
    """The expression that a function returns after its docstring, perhaps under a lock."""
    body = function.body
    while body:
        first = body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            body = body[1:]
        elif isinstance(first, ast.With) and not any(
            isinstance(item.context_expr, ast.Call) for item in first.items
        ):
            body = first.body
        else:
            return first.value if isinstance(first, ast.Return) else None
    return None


@knowledge.cached
def _attributes() -> dict[str, knowledge.Row]:
    return {
        f"{owner}.{name}": row
        for row in knowledge.rows("polls.state")
        for owner in row.get("types", ())
        for name in row.get("attributes", ())
    }


@knowledge.cached
def _named() -> dict[str, list[knowledge.Row]]:
    """The rows by method that also count for a receiver of unknown type, by its name."""
    found: defaultdict[str, list[knowledge.Row]] = defaultdict(list)
    for row in knowledge.rows("polls.state"):
        if "names" in row:
            for method in row["methods"]:
                found[method].append(row)
    return found


def _viewed(node: ast.expr) -> ast.expr:
    """What a view shows: ``jobs`` of ``jobs.values()``."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _VIEWS:
        return node.func.value
    return node
