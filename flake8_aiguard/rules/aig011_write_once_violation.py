"""AIG011: state that is declared immutable is changed."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.classes import Classes, ending
from flake8_aiguard.constants import Constants
from flake8_aiguard.contracts import WORD, Contract, Contracts
from flake8_aiguard.index import TRIES
from flake8_aiguard.scopes import Binding, Kind
from flake8_aiguard.shapes import argument, dotted, is_constant, last_name, string
from flake8_aiguard.writes import How, Write, Writes

_FINAL: Final = frozenset({"typing.Final", "typing_extensions.Final"})
_AROUND_FINAL: Final = frozenset(
    f"{module}.{name}" for module in ("typing", "typing_extensions") for name in ("Annotated", "ClassVar")
)
_READ_ONLY: Final = (
    "AbstractSet",
    "Collection",
    "FrozenSet",
    "Iterable",
    "Mapping",
    "MappingProxyType",
    "Sequence",
    "frozenset",
)
_BYPASSES: Final = ("__setattr__", "__delattr__", "__dict__", "vars")
_CONTAINERS: Final = ("array.", "builtins.", "collections.", "typing.")
_EXPECTS: Final = ("raises", "assertRaises", "assertRaisesRegex")
_FINAL_TEXT: Final = re.compile(r"\s*(\w+\.)?Final\b")
_IDENTITY: Final = (ast.In, ast.Is, ast.IsNot, ast.NotIn)
_FINAL_READ_ONLY: Final = re.compile(rf"\s*(\w+\.)?Final\[(\w+\.)*({'|'.join(_READ_ONLY)})\b")
_Found: TypeAlias = Iterator[tuple[ast.AST, Iterator[Finding]]]

_CONTRACT: Final = "{text} {verb} {name}, which is {said}; set it in __init__ only, or build a new object"
_FROZEN: Final = "{text} {verb} {name} of the frozen class {owner} after it was constructed; build a changed copy with {copy}"
_DECLARED: Final = "{text} {verb} {name}, which line {line} declares Final; use another name, or drop Final where it has to change"
_PROXY: Final = (
    "{text} changes what the read-only view of line {line} shows, as a MappingProxyType is no copy; "
    "wrap a copy: MappingProxyType(dict({name}))"
)
_REBOUND: Final = (
    "{text} sets the module constant {name} anew, and whoever has read it before keeps the old value; "
    "pass the value as an argument"
)
_ALIAS: Final = "{text} changes the module constant {name} for all callers, as {alias} is only another name for it; copy it first"
_VERBS: Final = {How.REBOUND: "sets", How.DELETED: "deletes", How.CHANGED: "changes"}


class WriteOnceViolation(Checker):
    """State that is declared immutable is changed after it was set.

    Why: readers rely on the declaration. They hash the object, share it between threads, keep a copy of the value or a
    derived one; none of them looks again, and each sees another state. The type checker does not follow
    ``object.__setattr__`` or a change in place.

    Bad::

        from dataclasses import dataclass

        DEFAULT_HEADERS = {"Accept": "application/json"}

        @dataclass(frozen=True)
        class Quota:
            limit: int

            def raise_to(self, limit):
                object.__setattr__(self, "limit", limit)

        def headers_for(token):
            headers = DEFAULT_HEADERS
            headers["Authorization"] = f"Bearer {token}"
            return headers

    Good::

        from dataclasses import dataclass, replace

        DEFAULT_HEADERS = {"Accept": "application/json"}

        @dataclass(frozen=True)
        class Quota:
            limit: int

            def raised_to(self, limit):
                return replace(self, limit=limit)

        def headers_for(token):
            return {**DEFAULT_HEADERS, "Authorization": f"Bearer {token}"}

    Limits: a plain assignment to a frozen object raises by itself and is not reported. An attribute of a frozen class that
    is filled once behind a check for it, or whose name begins with an underscore, is a cache, unless every object is
    constructed with it. What is declared ``field(init=False)`` is set later by design. ``Final`` forbids rebinding; a change in place counts where the annotation names a read-only type, or
    the value is a display with content. A module constant is a name in capitals that is bound to a literal with content:
    what starts empty, as a flag or as ``None``, or is named or commented as a cache, a registry or state, is none; of an
    imported one the name has to say so (``DEFAULT_``, ``ALLOWED_`` ...). Not reported are changes of constants on import, in
    decorators, in functions that register or reset, in hooks
    such as ``add_route(route)`` that do nothing but add what they are given, in setters and loaders that rebind through ``global``, in functions named
    for the constant (``set_limit()`` for ``LIMIT``) or that bind flags along with it, in ``main()``, of what a function adds because
    it could not be imported before, and in test files. A private dict behind a ``MappingProxyType`` that starts empty is a live view. Contracts (the comment
    ``# aiguard: write-once`` where an attribute or a variable of the module is set, the setting ``write-once``) are checked
    file by file: a receiver counts where its class is known by ``self``, construction, annotation or import, and a class
    imported from a package around its module is taken for the same.
    """

    code = "AIG011"
    slug = "write-once-violation"
    since = "0.1.0"
    severity = "error"
    message = "{text} {verb} the module constant {name} for all who read it; change a copy, or pass the value as an argument"
    ruff = (
        "Ruff's PLW0603 reports every `global` statement; where it is enabled, a constant rebound through `global` is left "
        "to it."
    )
    settings = ("write-once",)

    def finish(self) -> Iterable[Finding]:
        seen: set[ast.AST] = set()
        for finder in (self._contracts, self._frozen, self._finals, self._proxies, self._constants):
            for node, found in finder():
                if node not in seen:  # one finding for what two declarations forbid
                    seen.add(node)
                    yield from found

    @functools.cached_property
    def _classes(self) -> Classes:
        return Classes(self.module)

    @functools.cached_property
    def _writes(self) -> Writes:
        return Writes(self.module)

    @functools.cached_property
    def _known(self) -> Constants:
        return Constants(self.module)

    def _report(
        self, write: Write, message: str | None, ruff: str | None = None, **words: object
    ) -> tuple[ast.AST, Iterator[Finding]]:
        verb = _VERBS[write.how]
        return write.node, self.found(
            write.node, message=message, ruff=ruff, text=write.text, verb=verb, **words
        )

    # -- the project's own contracts

    def _contracts(self) -> _Found:
        if WORD not in self.module.source and not self.module.settings.write_once:
            return
        contracts = Contracts(self.module, self._classes)
        for miss in contracts.missed:
            yield miss.node, self.found(miss.node, message="{text}", text=miss.text)
        marked = {contract.marked for contract in contracts.kept}
        for contract in contracts.kept:
            for write in self._under(contract, contracts):
                is_set_here = self.module.index.statement(write.node) in marked
                if not is_set_here and not self._is_expected_to_raise(write.node):
                    yield self._report(write, _CONTRACT, name=contract.name, said=contract.said)

    def _under(self, contract: Contract, contracts: Contracts) -> Iterator[Write]:
        """The writes that a contract forbids, by the class of the receiver or by the variable."""
        name = contract.name
        if contract.owner is not None:
            for write in self._writes.to_attribute(name):
                assert write.receiver is not None
                kind = self._classes.of(write.receiver)
                if (
                    kind is not None
                    and any(contracts.is_class(item, contract.owner) for item in self._classes.lineage(kind))
                    and self._is_write_of_value(write)
                    and not self._classes.is_building(write.node, write.receiver)
                ):
                    yield write
        elif "." not in name:
            for write in self._writes.to_variable(self.module.tree, name):
                if self.module.index.function(write.node) is not None and self._is_write_of_value(write):
                    yield write
        else:
            module, _, last = name.rpartition(".")
            for write in self._writes.to_attribute(last):
                if write.receiver is not None and self.module.qualname(write.receiver) == module:
                    yield write
            for scope, local in contracts.imported(name):
                for write in self._writes.to_variable(scope, local):
                    if write.how is How.CHANGED and self._is_write_of_value(write):
                        yield write

    def _is_write_of_value(self, write: Write) -> bool:
        """Whether a method call changes the value itself: it is a container, as far as its class is known."""
        if write.how is not How.CHANGED or not isinstance(write.node, ast.Call):
            return True
        if write.deep or not isinstance(write.node.func, ast.Attribute):
            return not write.deep
        kind = self._classes.of(write.node.func.value)
        return kind is None or (isinstance(kind, str) and kind.startswith(_CONTAINERS))

    # -- frozen classes

    def _frozen(self) -> _Found:
        source = self.module.source
        if not self._classes.may_be_frozen or not any(word in source for word in _BYPASSES):
            return
        for name, write in self._writes.by_name:
            if not write.bypasses or write.receiver is None:
                continue
            owner = self._classes.of(write.receiver)
            if not isinstance(owner, ast.ClassDef) or (name or "").startswith("__"):
                continue
            row = self._classes.frozen(owner)
            if row is None and name not in self._classes.frozen_fields(owner):
                continue
            if not self._is_cache(owner, name, write) and not self._classes.is_building(
                write.node, write.receiver
            ):
                copy = row["copy"] if row else "model_copy(update=...)"
                shown = repr(name) if name else "attributes"
                yield self._report(write, _FROZEN, name=shown, owner=owner.name, copy=copy)

    def _is_cache(self, owner: ast.ClassDef, name: str | None, write: Write) -> bool:
        """Whether an attribute is filled late on purpose, and no part of what the object was constructed with."""
        if self._is_expected_to_raise(write.node):
            return True
        if name is None:
            return False
        bindings = self._classes.bindings(owner, name)
        if any(binding.kind is Kind.FUNCTION for binding in bindings):
            return True
        if any(self._is_set_later(binding) for binding in bindings):
            return True
        if name.startswith("_") and not any(
            binding.kind is Kind.ANNOTATED and binding.value is None for binding in bindings
        ):
            return True
        return self._is_guarded(write.node, name)

    def _is_set_later(self, binding: Binding) -> bool:
        """Whether a field is declared ``field(init=False)``: no constructor takes it, and ``replace()`` refuses it."""
        value = binding.value
        return (
            isinstance(value, ast.Call)
            and ending(self.module, value.func) in ("field", "attrib", "ib")
            and is_constant(argument(value, "init"), False)
        )

    def _is_guarded(self, node: ast.AST, name: str) -> bool:
        """Whether a function asks whether an attribute is set: it fills it once."""
        index = self.module.index
        if name in self._asked.get(index.function(node), ()):
            return True
        caught = [outer.type for outer in index.ancestors(node) if isinstance(outer, ast.ExceptHandler)]
        return any(
            last_name(item) in ("AttributeError", "KeyError")
            for kind in caught
            for item in (kind.elts if isinstance(kind, ast.Tuple) else [kind])
        )

    @functools.cached_property
    def _asked(self) -> dict[ast.AST | None, set[str]]:
        """The attributes that the conditions in each function ask for: set or not, true or not."""
        index = self.module.index
        found: dict[ast.AST | None, set[str]] = {}
        nodes: list[ast.If | ast.IfExp] = [*index.nodes(ast.If), *index.nodes(ast.IfExp)]
        for node in nodes:
            names = found.setdefault(index.function(node), set())
            for part in ast.walk(node.test):
                asked: list[ast.expr] = []
                if isinstance(part, ast.Compare) and isinstance(part.ops[0], _IDENTITY):
                    asked = [part.left, *part.comparators]
                elif isinstance(part, ast.Call) and last_name(part.func) in ("hasattr", "getattr"):
                    asked = part.args
                elif isinstance(part, ast.Attribute) and _is_truth(index.parent(part)):
                    asked = [part]
                names.update(
                    item.attr if isinstance(item, ast.Attribute) else string(item) or "" for item in asked
                )
        return found

    def _is_expected_to_raise(self, node: ast.AST) -> bool:
        """Whether a test expects the write to raise."""
        return any(
            isinstance(item.context_expr, ast.Call)
            and ending(self.module, item.context_expr.func) in _EXPECTS
            for item in self.module.index.with_items(self.module.index.statement(node))
        )

    # -- Final

    def _finals(self) -> _Found:
        declarations = self.module.index.nodes(ast.AnnAssign)
        if not declarations or "Final" not in self.module.source:
            return
        for node in declarations:
            inner = self._final(node.annotation)
            if inner is None:
                continue
            name = last_name(node.target) or ""
            for write in self._after_final(node):
                if write.how is How.CHANGED and not self._is_constant_value(node, inner):
                    continue
                if write.how is How.CHANGED and self._known.is_on_purpose(write.node, name):
                    continue
                yield self._report(write, _DECLARED, name=name, line=node.lineno)

    def _final(self, annotation: ast.expr) -> ast.expr | None:
        """What a ``Final`` annotation holds; itself, where it holds nothing."""
        node = annotation
        while isinstance(node, ast.Subscript) and self.module.qualname(node.value) in _AROUND_FINAL:
            node = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) and node.slice.elts else node.slice
        text = string(node)
        if text is not None:
            return node if _FINAL_TEXT.match(text) else None
        base = node.value if isinstance(node, ast.Subscript) else node
        if self.module.qualname(base) not in _FINAL:
            return None
        return node.slice if isinstance(node, ast.Subscript) else node

    def _after_final(self, node: ast.AnnAssign) -> Iterator[Write]:
        """The writes to what is declared Final that are not its initialisation."""
        index = self.module.index
        target = node.target
        owner: ast.AST | None = None
        if isinstance(target, ast.Name):
            scope = self.module.scopes.owner(index.scope(target), target.id)
            if scope is None:
                return
            for write in self._writes.to_variable(scope, target.id):
                statement = index.statement(write.node)
                if statement is node or (node.value is None and write.how is not How.CHANGED):
                    continue
                if not self._excludes(node, statement) and (
                    write.how is not How.CHANGED or index.function(write.node) is not index.function(node)
                ):
                    yield write
            owner = scope
        elif isinstance(target, ast.Attribute):
            owner = self._classes.around(target)
        if isinstance(owner, ast.ClassDef):
            for write in self._writes.to_attribute(last_name(target) or ""):
                assert write.receiver is not None
                kind = self._classes.of(write.receiver)
                if (
                    isinstance(kind, ast.ClassDef)
                    and owner in self._classes.lineage(kind)
                    and index.statement(write.node) is not node
                    and not self._classes.is_building(write.node, write.receiver)
                    and not self._is_expected_to_raise(write.node)
                ):
                    yield write

    def _excludes(self, one: ast.AST, other: ast.AST) -> bool:
        """Whether two statements stand in different branches of one ``if``, ``try`` or ``match``."""
        index = self.module.index
        path = {one: one}
        child = one
        for outer in index.ancestors(one):
            path[outer] = child
            child = outer
        child = other
        for outer in index.ancestors(other):
            if outer in path:
                fields = [
                    name
                    for side in (child, path[outer])
                    for name, value in ast.iter_fields(outer)
                    if value is side or (isinstance(value, list) and side in value)
                ]
                return isinstance(outer, (ast.If, ast.Match, *TRIES)) and (
                    fields[0] != fields[-1] or isinstance(outer, ast.Match)
                )
            child = outer
        return False

    def _is_constant_value(self, node: ast.AnnAssign, inner: ast.expr) -> bool:
        """Whether a Final value is not to change either: a read-only type, or a display with content."""
        base = inner.value if isinstance(inner, ast.Subscript) else inner
        if ending(self.module, base) in _READ_ONLY or _FINAL_READ_ONLY.match(string(inner) or ""):
            return True
        if node.value is None or not self._known.has_content(node.value):
            return False
        return isinstance(node.target, ast.Name) and not self._known.is_state(node.target.id)

    # -- a MappingProxyType's source

    def _proxies(self) -> _Found:
        if "types" not in self.module.index.packages:
            return
        for call in self.module.index.calls_named(("MappingProxyType",)):
            source = argument(call, "mapping", 0)
            if self.module.qualname(call.func) == "types.MappingProxyType" and source is not None:
                for write in self._behind(call, source):
                    yield self._report(write, _PROXY, name=dotted(source), line=call.lineno)

    def _behind(self, call: ast.Call, source: ast.expr) -> Iterator[Write]:
        """The changes of a proxy's source after the proxy was made."""
        index = self.module.index
        if isinstance(source, ast.Name):
            scope = self.module.scopes.owner(index.scope(source), source.id)
            bindings = [] if scope is None else self.module.scopes.bindings(scope, source.id)
            if scope is None or len(bindings) != 1 or not self._is_filled(bindings[0]):
                return
            for write in self._writes.to_variable(scope, source.id):
                if write.how is not How.CHANGED or write.deep:
                    continue
                if isinstance(scope, ast.Module):
                    if not self._known.is_on_purpose(write.node, source.id):
                        yield write
                elif write.node.lineno > call.lineno and not self._excludes(
                    index.statement(call), index.statement(write.node)
                ):
                    yield write
        elif isinstance(source, ast.Attribute) and isinstance(
            index.statement(call), (ast.Assign, ast.AnnAssign)
        ):
            owner = self._classes.of(source.value)
            if not isinstance(owner, ast.ClassDef):
                return
            values = [
                parent.value
                for store in self.module.receivers.attribute_stores(owner, source.attr)
                if isinstance(parent := index.parent(store), (ast.Assign, ast.AnnAssign))
            ]
            if len(values) != 1 or values[0] is None or not self._known.has_content(values[0]):
                return
            for write in self._writes.to_attribute(source.attr):
                if (
                    write.how is How.CHANGED
                    and not write.deep
                    and write.receiver is not None
                    and self._classes.of(write.receiver) is owner
                    and not self._classes.is_building(write.node, write.receiver)
                ):
                    yield write

    def _is_filled(self, binding: Binding) -> bool:
        """Whether a source is bound to something that was complete when it was wrapped."""
        if binding.kind is Kind.PARAMETER:
            return True
        value = binding.value
        if isinstance(value, ast.Call) and (value.args or value.keywords):
            return ending(self.module, value.func) not in (
                "defaultdict",
                "WeakValueDictionary",
                "WeakKeyDictionary",
            )
        return value is not None and self._known.has_content(value)

    # -- module constants

    def _constants(self) -> _Found:
        tree = self.module.tree
        for name, in_place in self._known.named():
            yield from self._changed(name, self._writes.to_variable(tree, name, in_place=in_place))
        for scope, name in self._known.imported():
            writes = self._writes.to_variable(scope, name)
            yield from self._changed(name, (write for write in writes if write.how is How.CHANGED))

    def _changed(self, name: str, writes: Iterable[Write]) -> _Found:
        """The first write of each function to a constant, unless it is that function's task."""
        functions: set[ast.AST] = set()
        for write in writes:
            function = self.module.index.function(write.node)
            if function is None or function in functions or write.deep:
                continue
            if self._known.is_on_purpose(write.node, name) or self.module.is_test:
                continue
            functions.add(function)
            message = _ALIAS if write.alias else None if write.how is How.CHANGED else _REBOUND
            ruff = None if write.how is How.CHANGED else "PLW0603"
            yield self._report(write, message, ruff, name=name, alias=write.alias)


def _is_truth(parent: ast.AST | None) -> bool:
    """Whether what stands below this node is asked for its truth."""
    return isinstance(parent, (ast.If, ast.IfExp, ast.BoolOp)) or (
        isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)
    )
