"""AIG011: state that is declared immutable is changed."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final, TypeAlias

from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.classes import Classes, is_expected_to_raise
from flake8_aiguard.constants import Constants
from flake8_aiguard.contracts import WORD, Contract, Contracts
from flake8_aiguard.declared import Declared
from flake8_aiguard.frozen import Frozen
from flake8_aiguard.index import FUNCTIONS
from flake8_aiguard.shapes import dotted, last_name
from flake8_aiguard.writes import How, Write, Writes

_CONTAINERS: Final = ("array.", "builtins.", "collections.", "typing.")
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

    Limits: a plain assignment to a frozen object raises by itself and is not reported. A module constant is a name in capitals bound
    to a literal with content; what starts empty, as a flag or as ``None``, or is named or commented as a cache, registry or state is none; an imported
    one must say so by its name (``DEFAULT_``, ``ALLOWED_``). A function that changes several attributes of a frozen class has one finding.

    - Of a frozen class, silent on what is filled once behind a check for it, private names that no constructor sets, ``field(init=False)``, and
      ``set_...`` methods that fill what is ``None`` otherwise.
    - ``Final`` forbids rebinding; a change in place counts where the annotation names a read-only type or the value is a display with content.
    - Of constants, silent on changes on import, in decorators, in functions that register, install, load or reset, in hooks that only add what they are
      given, in pairs (``ignore(x)``, ``unignore(x)``), and on an entry made behind ``if key not in NAME``.
    - Silent in setters that have a docstring or are named for the constant (``set_limit()`` for ``LIMIT``), on counters that a function
      takes numbers from, in ``main()``, and in test files.
    - A private dict behind a ``MappingProxyType`` that starts empty is a live view.
    - Contracts (``# aiguard: write-once``, the setting ``write-once``) are checked file by file: a receiver counts where its class is known by
      ``self``, construction, annotation or import.
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

    @functools.cached_property
    def _declared(self) -> Declared:
        return Declared(self.module, self._classes, self._writes, self._known)

    def _report(
        self, write: Write, message: str | None, ruff: str | None = None, **words: Any
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
                if not is_set_here and not is_expected_to_raise(self.module, write.node):
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

    # -- frozen classes, Final, read-only views

    def _frozen(self) -> _Found:
        if not self._classes.may_be_frozen:
            return
        reported: set[tuple[ast.AST | None, ast.ClassDef]] = set()
        for found in Frozen(self.module, self._classes, self._writes).bypasses():
            place = self.module.index.function(found.write.node), found.owner
            if place in reported:  # one changed copy replaces them all
                continue
            reported.add(place)
            shown = repr(found.name) if found.name else "attributes"
            yield self._report(found.write, _FROZEN, name=shown, owner=found.owner.name, copy=found.copy)

    def _finals(self) -> _Found:
        if not self.module.index.nodes(ast.AnnAssign):
            return
        for node, write in self._declared.finals():
            yield self._report(write, _DECLARED, name=last_name(node.target) or "", line=node.lineno)

    def _proxies(self) -> _Found:
        if "types" not in self.module.index.packages:
            return
        for call, source, write in self._declared.proxies():
            yield self._report(write, _PROXY, name=dotted(source), line=call.lineno)

    # -- module constants

    def _constants(self) -> _Found:
        tree = self.module.tree
        if self.module.is_test or not any(map(self.module.index.nodes, FUNCTIONS)):
            return
        for name, in_place in self._known.named():
            yield from self._changed(name, self._writes.to_variable(tree, name, in_place=in_place))
        for scope, name in self._known.imported():
            writes = self._writes.to_variable(scope, name)
            yield from self._changed(name, (write for write in writes if write.how is How.CHANGED))

    def _changed(self, name: str, writes: Iterable[Write]) -> _Found:
        """The first write of each function to a constant, unless one of them is that function's task."""
        first: dict[ast.AST, Write] = {}
        meant: set[ast.AST] = set()
        for write in writes:
            function = self.module.index.function(write.node)
            if function is None or write.deep or function in meant:
                continue
            if self._known.is_on_purpose(write.node, name):
                meant.add(function)
            else:
                first.setdefault(function, write)
        for place, write in first.items():
            if place in meant:
                continue
            ruff = None if write.how is How.CHANGED else "PLW0603"
            if self._grows_in_place(write, name):
                write = replace(write, how=How.CHANGED)
            message = _ALIAS if write.alias else None if write.how is How.CHANGED else _REBOUND
            yield self._report(write, message, ruff, name=name, alias=write.alias)

    def _grows_in_place(self, write: Write, name: str) -> bool:
        """Whether ``+=`` keeps the list that all who have read it hold."""
        index, scopes = self.module.index, self.module.scopes
        return isinstance(index.statement(write.node), ast.AugAssign) and any(
            item.value is not None and self._known.is_container(item.value)
            for item in scopes.bindings(self.module.tree, name)
        )
