"""Which collections have as many items as the data, by their names, their sources and who gives them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from flake8_aiguard.children import children
from flake8_aiguard.index import COMPREHENSIONS
from flake8_aiguard.lists import WRAPPERS, Lists, collection
from flake8_aiguard.memo import lazy
from flake8_aiguard.module import Module
from flake8_aiguard.nouns import says
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import default, dotted, last_name, string
from flake8_aiguard.wordings import name_words

_HOPS: Final = 12
_GROWS: Final = frozenset({"append", "extend", "insert"})
# what gives the lines of a file or the entries of a folder
_READERS: Final = frozenset(
    {"fetchall", "glob", "iterdir", "listdir", "readlines", "rglob", "scandir", "splitlines"}
)
ROW_READERS: Final = frozenset({"csv.DictReader", "csv.reader"})  # a row for each line of a file
_PARTS: Final = frozenset(
    {
        "items",
        "keys",
        "values",
        "copy",
        "get",
        "split",
        "splitlines",
        *(name.rpartition(".")[2] for name in WRAPPERS),
    }
)
_BETWEEN: Final = (
    " \t\r\n"  # what stands between the words or lines of a text; other separators cut a name or an option
)
_COMMAS: Final = frozenset(
    {"", ",", ";", "|"}
)  # what stands between the items of a list that is written as a text
_FETCHES: Final = frozenset(
    {"all", "fetch", "fetchall", "find", "json", "list", "load", "query", "read", "scan", "search", "select"}
)
_QUERIES: Final = ("execute", "scalars")  # whose answer a loop goes over
_FORBIDS: Final = frozenset(
    {"allowed", "blocked", "keys"}
)  # of a caller's list, these say nothing about its length


class Amounts:
    """The collections of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._lists = Lists(module)

    def is_data(self, node: ast.expr, *, keyed: bool = False) -> bool:
        """Whether a collection has as many items as the data: no option that a caller spells out, nothing of the schema.

        Args:
            node: the collection.
            keyed: whether its items are told apart by what records are known by, so that they are some.
        """
        if self.is_read(node) or self._is_rows(node):
            return True
        part = self._module.bounds.unbounded(node) or self._gathered(node)
        if part is None or self._is_split_name(node):
            return False
        if says(last_name(node) or "") == "single" and not (
            self.is_given_whole(node) or self._is_copied(node)
        ):
            return False
        if keyed:
            return not self.is_optional(part)
        said = {says(name) for name in (*self.named(node), *self.named(part), *self._copied(node))}
        return "chosen" not in said and ("data" in said or not self.is_optional(part))

    def _is_rows(self, node: ast.expr) -> bool:
        """Whether a collection has a row for each line of a file: ``csv.DictReader(file)``."""
        value = collection(self._module, node)
        return isinstance(value, ast.Call) and self._module.qualname(value.func) in ROW_READERS

    def _is_copied(self, node: ast.expr) -> bool:
        """Whether a local list is the copy of another collection: ``keys = list(rows)``."""
        resolved = self._module.scopes.resolve(node) if isinstance(node, ast.Name) else None
        return resolved is not None and all(
            binding.value is not None and self._lists.is_built(binding.value) for binding in resolved[1]
        )

    def _copied(self, node: ast.expr) -> Iterator[str]:
        """The attribute that a local starts as a copy of: ``merged = list(table.fields)``."""
        resolved = self._module.scopes.resolve(node) if isinstance(node, ast.Name) else None
        for binding in () if resolved is None else resolved[1]:
            if (
                isinstance(binding.value, ast.Call)
                and binding.value.args
                and isinstance(source := binding.value.args[0], ast.Attribute)
                and self._module.qualname(binding.value.func) == "builtins.list"
            ):
                yield source.attr

    def is_read(self, node: ast.expr) -> bool:
        """Whether a list holds what was read: the lines of a file, the entries of a folder."""
        return last_name(node) in self._read

    @lazy
    def _read(self) -> frozenset[str]:
        """The last identifiers of what is bound to what was read."""
        index = self._module.index
        sources: list[ast.AST] = list(index.calls_named(_READERS))
        for opened in index.calls_named(("open",)):
            item = index.parent(opened)
            if isinstance(item, ast.withitem) and isinstance(item.optional_vars, ast.Name):
                variable = self._module.loops.variable(item.optional_vars)
                uses = [] if variable is None else self._module.scopes.uses(*variable)
                sources += [
                    use for use in uses if isinstance(index.parent(use), (ast.comprehension, ast.Call))
                ]
        found: set[str] = set()
        for source in sources:
            statement = index.statement(source)
            if isinstance(statement, (ast.Assign, ast.AnnAssign)):
                targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                found.update(last_name(target) or "" for target in targets)
        return frozenset(found - {""})

    def named(self, node: ast.AST, *, with_arguments: bool = True) -> Iterator[str]:
        """The names by which an expression, or what it wraps, is called; those of what a call is given, too, or only of what it wraps."""
        stack, looked = [node], 0
        while stack and looked < _HOPS:
            item = stack.pop()
            looked += 1
            name = last_name(item)
            if name is not None:
                yield name
            elif isinstance(item, ast.Call):
                called = last_name(item.func) or ""
                if called not in _PARTS:
                    yield called
                if isinstance(item.func, ast.Attribute) and self._module.qualname(item.func) is None:
                    stack.append(item.func.value)
                if with_arguments or called in _PARTS:
                    stack += item.args
            elif isinstance(item, ast.Subscript):
                yield string(item.slice) or ""
                stack.append(item.value)
            elif isinstance(
                item, (ast.BinOp, ast.BoolOp, ast.IfExp, ast.List, ast.Tuple, ast.Starred, ast.Await)
            ):
                stack += children(item)
            elif isinstance(item, COMPREHENSIONS):
                stack += [part.iter for part in item.generators]

    def _gathered(self, node: ast.expr) -> ast.expr | None:
        """A list that a ``while`` adds to."""
        variable = self._module.loops.variable(node) if isinstance(node, ast.Name) else None
        grown = variable is not None and any(
            isinstance(attribute := self._module.index.parent(use), ast.Attribute)
            and attribute.attr in _GROWS
            and any(isinstance(loop, ast.While) for loop in self._module.index.loops(use))
            for use in self._module.scopes.uses(*variable)
        )
        return node if grown else None

    def _is_split_name(self, node: ast.expr) -> bool:
        """Whether a collection holds the parts of a name or option: ``path.split("/")``, ``split_tags(args.tags)``."""
        resolved = self._module.scopes.resolve(node) if isinstance(node, ast.Name) else None
        values = [node] if resolved is None else [item.value for item in resolved[1]]
        if isinstance(node, ast.Attribute):
            owner = self._module.receivers.class_behind(node.value)
            stores = [] if owner is None else self._module.receivers.attribute_stores(owner, node.attr)
            values = [getattr(self._module.index.parent(store), "value", None) for store in stores]
        for value in values:
            called = last_name(value.func) if isinstance(value, ast.Call) else None
            if not isinstance(value, ast.Call) or called is None or "split" not in called:
                continue
            if called in ("split", "rsplit") and any(
                (string(item) or "").strip(_BETWEEN) for item in value.args
            ):
                return True
            if "split" in name_words(called)[:1] and "chosen" in map(says, self.named(value)):
                return True
        return False

    def is_optional(self, node: ast.expr) -> bool:
        """Whether a parameter may be left out."""
        resolved = self._module.scopes.resolve(node) if isinstance(node, ast.Name) else None
        if resolved is None or not isinstance(resolved[0], (ast.FunctionDef, ast.AsyncFunctionDef)):
            return False
        return any(
            binding.kind is Kind.PARAMETER
            and isinstance(binding.node, ast.arg)
            and default(resolved[0], binding.node) is not None
            for binding in resolved[1]
        )

    def says_data(self, node: ast.expr) -> bool:
        return "data" in map(says, self.named(node))

    def is_given(self, node: ast.expr) -> bool:
        """Whether a caller gives a collection, or what it is a copy of: ``self.rooms = list(rooms)``."""
        if self.is_parameter(node):
            return True
        name, module = dotted(node), self._module
        return any(
            isinstance(target, (ast.Name, ast.Attribute))
            and dotted(target) == name is not None
            and (isinstance(target, ast.Attribute) or module.index.scope(target) is module.index.scope(node))
            and self.is_parameter(collection(module, assign.value))
            for assign in module.index.nodes(ast.Assign)
            for target in assign.targets
        )

    def is_fetched(self, node: ast.expr) -> bool:
        """Whether a collection is the answer of a query: ``users = query.all()``."""
        resolved = self._module.scopes.resolve(node) if isinstance(node, ast.Name) else None
        values = [node] if resolved is None else [item.value for item in resolved[1]]
        calls = [value.value if isinstance(value, ast.Await) else value for value in values]
        return any(
            isinstance(call, ast.Call) and (name_words(last_name(call.func) or "") or ("",))[0] in _FETCHES
            for call in calls
        )

    def is_reading(self, call: ast.Call) -> bool:
        """Whether a call gives the lines of a file, the entries of a folder or the answer of a query."""
        return last_name(call.func) in (*_READERS, *_QUERIES) or self.is_fetched(call)

    def is_part(self, node: ast.expr) -> bool:
        """Whether a loop runs over the parts of one record or of one text: ``file.owners``, ``slo["ids"]``, ``line.split(",")``."""
        resolved = self._module.scopes.resolve(node) if isinstance(node, ast.Name) else None
        made = resolved[1][0].value if resolved is not None and len(resolved[1]) == 1 else None
        if isinstance(made, ast.ListComp):
            node = made.generators[0].iter
        elif isinstance(made, ast.Call) and last_name(made.func) == "pop" and made.args:
            node = made  # after = self.after.pop(name, [])
        node = collection(self._module, node)
        if isinstance(node, ast.Call):
            called = last_name(node.func)
            if called in ("split", "rsplit"):
                return any((string(item) or "").strip(_BETWEEN) for item in node.args)
            return called in ("get", "pop") and isinstance(node.func, ast.Attribute) and bool(node.args)
        if isinstance(node, ast.Subscript):
            return string(node.slice) is not None
        if not isinstance(node, ast.Attribute) or self._module.qualname(node) is not None:
            return False
        return not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))

    def is_answer(self, node: ast.expr) -> bool:
        """Whether a loop runs over what a function of this file makes of its arguments: ``references(text)``."""
        call = collection(self._module, node)
        return isinstance(call, ast.Call) and self._module.receivers.definition(call.func) is not None

    def is_given_whole(self, node: ast.expr) -> bool:
        """Whether a caller must give a list of any length, and its name alone would say otherwise: ``allowed: list[str]``."""
        return (
            isinstance(node, ast.Name)
            and node.id in _FORBIDS
            and self.is_parameter(node)
            and not self.is_optional(node)
        )

    def is_asked_for(self, node: ast.expr) -> bool:
        """Whether a caller must give a list, as its annotation says, or what a list is made of: nobody knows of how many items.

        ``tags: list[str]``; ``pool = sorted(wanted)``; ``words = text.split(",")`` of such a parameter.
        """
        resolved = self._module.scopes.resolve(node) if isinstance(node, ast.Name) else None
        if resolved is None:
            return False
        if all(item.kind is Kind.PARAMETER for item in resolved[1]):
            is_told = all(item.annotation is not None for item in resolved[1])
            return is_told and not self.is_optional(node) and self._module.bounds.unbounded(node) is not None
        made = resolved[1][0].value if len(resolved[1]) == 1 else None
        if not isinstance(made, ast.Call):
            return False
        source = made.args[0] if self._lists.is_built(made) and made.args else None
        if last_name(made.func) == "split" and isinstance(made.func, ast.Attribute):
            is_listed = all((string(item) or "").strip() in _COMMAS for item in made.args)
            source = made.func.value if is_listed else None
        return source is not None and self.is_parameter(source) and not self.is_optional(source)

    def is_parameter(self, node: ast.expr) -> bool:
        """Whether a caller gives a collection."""
        resolved = self._module.scopes.resolve(node) if isinstance(node, ast.Name) else None
        return resolved is not None and any(binding.kind is Kind.PARAMETER for binding in resolved[1])

    @staticmethod
    def is_chosen(item: ast.expr) -> bool:
        """Whether what is looked for is one of a few, by its name: ``event.kind``."""
        name = last_name(item)
        return name is not None and says(name) == "chosen"
