"""Which values a set or dict takes, as far as names, annotations and uses show."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from flake8_aiguard.children import walk
from flake8_aiguard.index import COMPREHENSIONS, FUNCTIONS, Loop
from flake8_aiguard.loops import iterables
from flake8_aiguard.module import Module
from flake8_aiguard.nouns import forms, says
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Binding, Kind
from flake8_aiguard.shapes import dotted, last_name, names_in, parameters, string

_UNHASHABLE: Final = frozenset(
    {"list", "dict", "set", "bytearray", "mapping", "mutablemapping", "ndarray", "defaultdict"}
)
_HASHABLE: Final = regex(
    r"Decimal|Hashable|(Pure)?Path|date|(date)?time|timedelta|.*(Enum|I[dD]|Key|Name|Str|U[uU]?I[dD])"
)
_OBJECTS: Final = frozenset({"instance", "obj", "object"})
_HOLDERS: Final = frozenset({"list", "sequence", "iterable", "collection", "iterator"})
_MUTABLE: Final = (ast.List, ast.Dict, ast.Set, *COMPREHENSIONS)
_CONTAINER_METHODS: Final = frozenset(
    {"get", "items", "keys", "values", "update", "append", "extend", "pop", "setdefault"}
)
# attributes of paths, dates and enumerations, which have a hash
_OF_VALUES: Final = frozenset({"day", "month", "name", "parent", "stem", "suffix", "value", "year"})
# calls that give a text, or an item of a collection
_PLAIN: Final = frozenset(
    (
        "lower",
        "upper",
        "strip",
        "casefold",
        "title",
        "isoformat",
        "hexdigest",
        "get",
        "group",
        "Path",
        "pop",
        "popleft",
        "popitem",
    )
    + ("heappop", "get_nowait", "next")
)


class Hashables:
    """The values of one file that are looked up.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._spoken: dict[ast.AST, bool] = {}

    def is_hashable(self, item: ast.expr, searched: ast.expr, loop: Loop) -> bool:
        """Whether nothing speaks against looking a value up in a set: no list or dict, nor what a call makes of an item."""
        if self._module.kinds.of(item) in _UNHASHABLE or isinstance(item, _MUTABLE) or is_slice(item):
            return False
        if isinstance(item, ast.Name) and self._is_sifted(loop):
            return False
        if self._holds_unhashable(searched) or self._speaks_of_hashes(item):
            return False
        if not isinstance(item, ast.Name):
            return not isinstance(item, ast.Call) or self._makes_hashable(item)
        if any(map(self._holds_unhashable, iterables(loop))) or _holds_objects(searched):
            return False
        if any(
            self._makes_objects(part) or self._gives_containers(part) for part in (searched, *iterables(loop))
        ):
            return False
        variable = self._module.loops.variable(item)
        if variable is None:
            return True
        if any(map(self._shows_container, self._alike(item, searched, loop))):
            return False
        bindings = self._module.scopes.bindings(*variable)
        values = [binding.value for binding in bindings if binding.kind is Kind.ASSIGN]
        return says(item.id) == "data" or all(
            not isinstance(value, ast.Call) or self._makes_hashable(value) for value in values
        )

    def _makes_objects(self, node: ast.expr) -> bool:
        """Whether a local is a list of objects that are made on the spot, of a class from elsewhere: ``[Watcher(*x) for x in xs]``."""
        made = [item.value for item in self._bindings(node)]
        return any(
            isinstance(value, ast.ListComp)
            and isinstance(value.elt, ast.Call)
            and (last_name(value.elt.func) or "")[:1].isupper()
            and self._is_unhashable(value.elt.func)
            for value in made
        )

    def _gives_containers(self, node: ast.expr) -> bool:
        """Whether an item that is taken by its number is a container: ``rows[i]["name"]``."""
        variable = self._module.loops.variable(node) if isinstance(node, ast.Name) else None
        return variable is not None and any(
            isinstance(taken := self._module.index.parent(use), ast.Subscript)
            and taken.value is use
            and not isinstance(taken.slice, ast.Slice)
            and string(taken.slice) is None
            and self._shows_container(taken)
            for use in self._module.scopes.uses(*variable)
        )

    def _bindings(self, node: ast.expr) -> Sequence[Binding]:
        resolved = self._module.scopes.resolve(node) if isinstance(node, ast.Name) else None
        return () if resolved is None else resolved[1]

    def is_record(self, item: ast.expr, searched: ast.expr, loop: Loop) -> bool:
        """Whether a loop goes over objects with attributes, of a class that nobody knows to have a hash.

        Args:
            item: what is looked for.
            searched: the list.
            loop: the loop.
        """
        variable = self._module.loops.variable(item) if isinstance(item, ast.Name) else None
        if not isinstance(item, ast.Name) or variable is None:
            return False
        if any(binding.kind is not Kind.FOR for binding in self._module.scopes.bindings(*variable)):
            return False
        index = self._module.index
        return any(
            isinstance(attribute := index.parent(use), ast.Attribute)
            and attribute.attr not in _OF_VALUES
            and not (isinstance(call := index.parent(attribute), ast.Call) and call.func is attribute)
            for use in self._alike(item, searched, loop)
        )

    def _alike(self, item: ast.Name, searched: ast.expr, loop: Loop) -> Iterator[ast.Name]:
        """The uses of a variable, and of others that stand for items of the same collections."""
        scopes = self._module.scopes
        items = [item]
        is_item = self._module.loops.variable(item) in self._module.loops.place(loop).targets
        for collected in (searched, *iterables(loop)) if is_item else ():
            resolved = scopes.resolve(collected) if isinstance(collected, ast.Name) else None
            uses = (
                scopes.uses(resolved[0], collected.id) if resolved and isinstance(collected, ast.Name) else []
            )
            for use in uses:
                parent = self._module.index.parent(use)
                if isinstance(parent, (ast.For, ast.AsyncFor, ast.comprehension)) and isinstance(
                    parent.target, ast.Name
                ):
                    items.append(parent.target)
        for name in items:
            variable = self._module.loops.variable(name)
            if variable is not None:
                yield from scopes.uses(*variable)

    def _speaks_of_hashes(self, item: ast.expr) -> bool:
        """Whether a function says what is hashable: ``# dicts are not hashable``."""
        function = self._module.index.function(item)
        if function is None or not self._module.says("hashable"):
            return False
        if function not in self._spoken:
            lines = self._module.lines[function.lineno - 1 : function.end_lineno]
            self._spoken[function] = any("hashable" in line for line in lines)
        return self._spoken[function]

    def _is_sifted(self, loop: Loop) -> bool:
        """Whether a condition asks first whether a loop goes over a list: of such data, nobody knows what the items are.

        Or each call of a function that goes over its parameters stands below such a condition.
        """
        index, searched = self._module.index, list(iterables(loop))
        if self._is_asked_kind(loop, searched):
            return True
        function = index.function(loop)
        names = {item.id for iterable in searched for item in names_in(iterable)}
        if not isinstance(function, FUNCTIONS) or names.isdisjoint(item.arg for item in parameters(function)):
            return False
        calls = index.calls_to(getattr(function, "name", ""))
        return bool(calls) and all(self._is_asked_kind(call, call.args) for call in calls)

    def _is_asked_kind(self, node: ast.AST, values: Iterable[ast.expr]) -> bool:
        """Whether a condition around a node asks whether one of some values is a list."""
        names = {dotted(value) for value in values} - {None}
        return bool(names) and any(
            isinstance(test, ast.Call)
            and last_name(test.func) == "isinstance"
            and bool(test.args)
            and dotted(test.args[0]) in names
            for outer in self._module.index.ancestors(node)
            if isinstance(outer, ast.If)
            for test in (outer.test, *getattr(outer.test, "values", ()))
        )

    def _holds_unhashable(self, node: ast.expr) -> bool:
        """Whether an annotation says that the items of a collection are dicts or lists, or of a class that may not be hashable.

        ``rows: list[dict]``, ``steps: list[Step]`` of a class from elsewhere, or of a dataclass that compares by value.
        """
        bindings = self._bindings(node)
        annotations = [item.annotation for item in bindings]
        for binding in bindings:  # candidates = list(found[name])
            if isinstance(binding.value, ast.Call) and last_name(binding.value.func) in ("list", "sorted"):
                names = names_in(binding.value)
                annotations += [item.annotation for name in names for item in self._bindings(name)]
        for annotation in (*annotations, self._returned_as(node)):
            for part in () if annotation is None else walk(annotation):
                if isinstance(part, ast.Subscript) and (last_name(part.value) or "").lower() in _HOLDERS:
                    return self._is_unhashable(part.slice)
        return False

    def _returned_as(self, node: ast.expr) -> ast.expr | None:
        """What a function says that it returns, where a local is what it returns: ``-> list[Step]``."""
        function = self._module.index.function(node)
        if not isinstance(node, ast.Name) or not isinstance(
            function, (ast.FunctionDef, ast.AsyncFunctionDef)
        ):
            return None
        last = function.body[-1]
        return function.returns if isinstance(last, ast.Return) and dotted(last.value) == node.id else None

    def _is_unhashable(self, annotation: ast.expr) -> bool:
        for part in _alternatives(annotation):
            name = self._module.receivers.annotated(part) or ""
            if name.rpartition(".")[2].lower() in _UNHASHABLE:
                return True
            known = (
                self._module.receivers.definition(part)
                if isinstance(part, (ast.Attribute, ast.Name))
                else None
            )
            if isinstance(known, ast.ClassDef):
                if self._compares_by_value(known):
                    return True
            elif (
                name
                and name.partition(".")[0] != "builtins"
                and not _HASHABLE.fullmatch(name.rpartition(".")[2])
            ):
                return True
        return False

    def _compares_by_value(self, known: ast.ClassDef) -> bool:
        """Whether a class has an ``__eq__`` and so no hash: a dataclass that is not frozen, a pydantic model."""
        if any(self._called(base) == "BaseModel" for base in known.bases):
            return True
        defined = {item.name for item in known.body if isinstance(item, ast.FunctionDef)}
        for item in known.decorator_list:
            if self._called(item.func if isinstance(item, ast.Call) else item) == "dataclass":
                set_by = {word.arg for word in item.keywords} if isinstance(item, ast.Call) else set()
                return set_by.isdisjoint(("eq", "frozen", "unsafe_hash")) and "__hash__" not in defined
        return "__eq__" in defined and "__hash__" not in defined

    def _called(self, node: ast.expr) -> str:
        """What a class or decorator is called where it comes from."""
        return (self._module.qualname(node) or last_name(node) or "").rpartition(".")[2]

    def _makes_hashable(self, call: ast.Call) -> bool:
        kind = self._module.kinds.of(call)
        if kind is not None:
            return kind not in _UNHASHABLE
        name = last_name(call.func) or ""
        return name in _PLAIN or says(name) == "data"

    def _shows_container(self, use: ast.expr) -> bool:
        """Whether a use shows a dict or list, or an object of any class: ``item["id"]``, ``isinstance(item, Step)``."""
        parent = self._module.index.parent(use)
        if isinstance(parent, ast.Call) and last_name(parent.func) == "isinstance" and use in parent.args[:1]:
            return not (self._module.qualname(parent.args[-1]) or "").startswith("builtins.")
        if isinstance(parent, ast.Subscript) and parent.value is use:
            return string(parent.slice) is not None or not isinstance(parent.ctx, ast.Load)
        return isinstance(parent, ast.Attribute) and parent.attr in _CONTAINER_METHODS


def is_slice(item: ast.expr) -> bool:
    """Whether a value is a slice by its name, which has a hash since Python 3.12 only, or a box, a list of four numbers: ``block["bbox"]``."""
    name = string(item.slice) if isinstance(item, ast.Subscript) else last_name(item)
    return (name or "").lower().endswith(("slice", "bbox"))


def _alternatives(annotation: ast.expr) -> Iterator[ast.expr]:
    """``A`` and ``B`` of ``A | B``."""
    stack = [annotation]
    while stack:
        part = stack.pop()
        if isinstance(part, ast.BinOp):
            stack += (part.left, part.right)
        else:
            yield part


def _holds_objects(searched: ast.expr) -> bool:
    """Whether a name says that it holds objects of any class: ``obj_list``."""
    return not _OBJECTS.isdisjoint(forms(last_name(searched) or ""))
