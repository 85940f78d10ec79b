"""What a loop searches for each of its items: the collection, and whether both grow with the data."""

from __future__ import annotations

import ast
import functools
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.children import children, walk
from flake8_aiguard.index import COMPREHENSIONS, Comprehension, Loop
from flake8_aiguard.loops import Place, Variable
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.nouns import forms, says
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import default, dotted, last_name, names_in, single_targets, string
from flake8_aiguard.wordings import name_words

_HOPS: Final = 12
_GROWS: Final = frozenset({"append", "extend", "insert"})
_CHANGES: Final = _GROWS | {"add", "clear", "discard", "pop", "popitem", "remove", "setdefault", "update"}
# what gives the lines of a file or the entries of a folder
_READERS: Final = frozenset(
    {"fetchall", "glob", "iterdir", "listdir", "readlines", "rglob", "scandir", "splitlines"}
)
_VIEWS: Final = frozenset({"values", "items", "copy"})
_WRAPPERS: Final = frozenset(
    f"builtins.{name}" for name in ("enumerate", "list", "sorted", "reversed", "tuple", "iter")
)
_UNHASHABLE: Final = frozenset(
    {"list", "dict", "set", "bytearray", "mapping", "mutablemapping", "ndarray", "defaultdict"}
)
_HASHABLE: Final = re.compile(
    r"Any|Decimal|Hashable|(Pure)?Path|date|(date)?time|timedelta|.*(Enum|I[dD]|Key|Name|Str|U[uU]?I[dD])"
)
_OBJECTS: Final = frozenset({"instance", "obj", "object"})
_PARTS: Final = frozenset(
    {
        "items",
        "keys",
        "values",
        "copy",
        "get",
        "split",
        "splitlines",
        *(name.rpartition(".")[2] for name in _WRAPPERS),
    }
)
_HOLDERS: Final = frozenset({"list", "sequence", "iterable", "collection", "iterator"})
_MUTABLE: Final = (ast.List, ast.Dict, ast.Set, *COMPREHENSIONS)
_CONTAINER_METHODS: Final = frozenset(
    {"get", "items", "keys", "values", "update", "append", "extend", "pop", "setdefault"}
)
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
_BETWEEN: Final = (
    " \t\r\n"  # what stands between the words or lines of a text; other separators cut a name or an option
)
_FETCHES: Final = frozenset(
    {"all", "fetch", "fetchall", "find", "list", "load", "query", "read", "scan", "search", "select"}
)
_FORBIDS: Final = frozenset(
    {"allowed", "blocked", "keys"}
)  # of a caller's list, these say nothing about its length
# what may be a list: displays, and what is built of other variables
_LISTS: Final = frozenset(
    (ast.List, ast.ListComp, ast.Tuple, ast.BinOp, ast.BoolOp, ast.IfExp, ast.Name, ast.Subscript)
)
_STARTS: Final = frozenset((ast.If, ast.Assign, ast.AnnAssign))
_WORK: Final = (ast.Assign, ast.AnnAssign)
_EQUALITIES: Final = frozenset((ast.Eq, ast.NotEq))


@dataclass(frozen=True, slots=True)
class Scan:
    """One pass over a collection that keeps the items which meet a condition.

    Attributes:
        node: what a person would change.
        iterable: the collection.
        target: what an item is bound to.
        targets: the names of the item, and of what is taken from it.
        tests: conditions without one of which an item is of no use.
        unequal: whether the conditions are what items of no use meet.
    """

    node: ast.expr | ast.stmt
    iterable: ast.expr
    target: ast.AST
    targets: frozenset[str]
    tests: tuple[ast.expr, ...]
    unequal: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """What two items are compared by.

    Attributes:
        key: the expression of the item that is searched.
        value: what it is compared with.
    """

    key: ast.expr
    value: ast.expr


class Searches:
    """The searches of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._places: dict[Loop, Place] = {}

    # -- which loop searches

    def around(
        self, node: ast.expr | ast.stmt, searched: ast.expr, item: ast.expr, *, keyed: bool = False
    ) -> Loop | None:
        """The loop for each of whose items a collection is searched from its start.

        Args:
            node: the search.
            searched: the collection.
            item: what is looked for.
            keyed: whether what is looked for is what records are known by.

        Returns:
            The innermost loop over data that decides what is looked for; ``None`` where there is none, and where the loop builds
            or chooses the collection anew.
        """
        if not keyed and any(says(name.id) in ("chosen", "single") for name in names_in(item)):
            return None
        for loop in self._module.index.loops(node):
            place = self.place(loop)
            if self._is_position(item, loop) or self._module.loops.dependents(searched, place):
                return None
            if not self._stays(searched, loop):
                return None
            if self._decides(item, place) and self._is_data_loop(loop, searched, keyed=keyed):
                return loop
        return None

    def place(self, loop: Loop) -> Place:
        """What a turn of a loop runs."""
        if loop not in self._places:
            self._places[loop] = self._module.loops.place(loop)
        return self._places[loop]

    def _decides(self, item: ast.expr, place: Place) -> bool:
        if self._module.loops.dependents(item, place):
            return True
        if not isinstance(place.loop, ast.While):
            return False
        variables = (self._module.loops.variable(name) for name in names_in(item))
        return any(
            variable is not None and bool(self._module.loops.writes(variable, place.loop))
            for variable in variables
        )

    def _is_position(self, item: ast.expr, loop: Loop) -> bool:
        """Whether what is looked for is a number that a loop counts: ``i`` of ``range(n)`` or ``enumerate(xs)``."""
        names = {name.id for name in names_in(item)}
        if isinstance(item, (ast.Attribute, ast.Subscript, ast.Call)) or isinstance(loop, ast.While):
            return False
        pairs = (
            [(part.target, part.iter) for part in loop.generators]
            if isinstance(loop, COMPREHENSIONS)
            else [(loop.target, loop.iter)]
        )
        for target, iterable in pairs:
            called = self._module.qualname(iterable.func) if isinstance(iterable, ast.Call) else None
            if called == "builtins.enumerate" and isinstance(target, ast.Tuple) and target.elts:
                target = target.elts[0]
            elif called != "builtins.range":
                continue
            if not names.isdisjoint(_names(target)):
                return True
        return False

    def _stays(self, searched: ast.expr, loop: Loop) -> bool:
        """Whether a loop leaves a collection in its place, though it may grow."""
        loops = self._module.loops
        variables = [
            variable
            for item in names_in(searched)
            if (variable := loops.variable(item)) is not None
            and (variable[0] is loop or not isinstance(variable[0], COMPREHENSIONS))
        ]
        if any(not write.carries for variable in variables for write in loops.writes(variable, loop)):
            return False
        held = {dotted(item) for item in walk(searched) if isinstance(item, ast.Attribute)}
        return not held or not any(
            isinstance(item, ast.Attribute) and not isinstance(item.ctx, ast.Load) and dotted(item) in held
            for item in walk(loop)
        )

    def _is_data_loop(self, loop: Loop, searched: ast.expr, *, keyed: bool) -> bool:
        if isinstance(loop, ast.While):
            return bool(self.place(loop).targets) or self.grows(searched, loop)
        if any(self._module.qualname(iterable) == "sys.stdin" for iterable in _iterables(loop)):
            return True
        is_data = any(self.is_data(iterable, keyed=keyed) for iterable in _iterables(loop))
        return is_data and self._module.bounds.over(loop) is not None

    def grows(self, searched: ast.expr, loop: Loop) -> bool:
        """Whether a loop adds to a collection."""
        return dotted(searched) in self._grown.get(loop, ())

    @functools.cached_property
    def _grown(self) -> defaultdict[Loop, set[str]]:
        """What each loop adds to."""
        calls = self._module.index.calls_named(_GROWS)
        return self._by_loop([call.func.value for call in calls if isinstance(call.func, ast.Attribute)])

    def _by_loop(self, nodes: Iterable[ast.expr]) -> defaultdict[Loop, set[str]]:
        found: defaultdict[Loop, set[str]] = defaultdict(set)
        for node in nodes:
            name = dotted(node)
            if name is not None:
                for loop in self._module.index.loops(node):
                    found[loop].add(name)
        return found

    def gathers(self, node: ast.Compare, searched: ast.expr, item: ast.expr, loop: Loop) -> bool:
        """Whether a set beside a list that grows would do: each item is asked for, and then added to a local list.

        Not where only some items come so far, nor where a method adds what a comprehension has left over.

        Args:
            node: the search.
            searched: the list.
            item: what is looked for.
            loop: the loop.
        """
        index = self._module.index
        if isinstance(searched, ast.Attribute) and not self.is_only_asked(searched):
            return False
        if isinstance(loop, COMPREHENSIONS):
            return False
        sought, name = ast.dump(item), dotted(searched)
        added = [
            call
            for call in index.calls_named(("append",))
            if isinstance(call.func, ast.Attribute)
            and dotted(call.func.value) == name
            and loop in index.loops(call)
        ]
        conditions = sum(isinstance(outer, ast.If) for outer in index.outwards(node, loop))
        return conditions <= 1 and any(
            len(call.args) == 1 and ast.dump(call.args[0]) == sought for call in added
        )

    def is_partial(self, call: ast.Call, loop: Loop) -> bool:
        """Whether a loop removes only what a list begins with, or moves it to the end.

        Args:
            call: ``xs.remove(x)``.
            loop: the loop.
        """
        if not isinstance(call.func, ast.Attribute) or isinstance(loop, COMPREHENSIONS):
            return False
        name = dotted(call.func.value)
        index = self._module.index
        return any(isinstance(item, ast.Break) for item in walk(loop)) or any(
            isinstance(other.func, ast.Attribute)
            and dotted(other.func.value) == name
            and loop in index.loops(other)
            for other in index.calls_named(("append",))
        )

    def is_filled(self, node: ast.Compare, searched: ast.expr) -> bool:
        """Whether a comprehension is what its own list is extended by: ``found.extend(x for x in more if x not in found)``."""
        call = next((item for item in self._module.index.ancestors(node) if isinstance(item, ast.Call)), None)
        return (
            call is not None
            and isinstance(call.func, ast.Attribute)
            and call.func.attr == "extend"
            and dotted(call.func.value) == dotted(searched)
        )

    def is_stale(self, searched: ast.expr, loop: Loop) -> bool:
        """Whether a loop changes what it searches in place: an index made before the loop would not know.

        Args:
            searched: a collection, or a comprehension over it.
            loop: the loop.
        """
        parts = (
            [part.iter for part in searched.generators]
            if isinstance(searched, COMPREHENSIONS)
            else [searched]
        )
        return any(dotted(part) in self._changed.get(loop, ()) for part in parts)

    @functools.cached_property
    def _changed(self) -> defaultdict[Loop, set[str]]:
        """What each loop changes in place."""
        index = self._module.index
        calls = index.calls_named(_CHANGES)
        nodes = [call.func.value for call in calls if isinstance(call.func, ast.Attribute)]
        nodes += [item.value for item in index.nodes(ast.Subscript) if not isinstance(item.ctx, ast.Load)]
        return self._by_loop(nodes)

    # -- joins

    def scans(self) -> Iterator[Scan]:
        """All passes of the file over a collection that keep what meets a condition."""
        index = self._module.index
        loops: list[ast.For | ast.AsyncFor] = [*index.nodes(ast.For), *index.nodes(ast.AsyncFor)]
        for loop in loops:
            if loop.body[-1].__class__ is ast.If or loop.body[0].__class__ in _STARTS:
                yield from _of_loop(loop)
        comprehensions: list[Comprehension] = [
            *index.nodes(ast.ListComp),
            *index.nodes(ast.SetComp),
            *index.nodes(ast.DictComp),
            *index.nodes(ast.GeneratorExp),
        ]
        for node in comprehensions:
            yield from self._of_comprehension(node)
        for call in index.calls_named(("filter",)):
            if (
                len(call.args) == 2
                and isinstance(function := call.args[0], ast.Lambda)
                and self._module.qualname(call.func) == "builtins.filter"
            ):
                yield Scan(call, call.args[1], function.args, _names(function.args), (function.body,))

    def _of_comprehension(self, node: Comprehension) -> Iterator[Scan]:
        tests = [test for part in node.generators for test in part.ifs]
        is_whole = not tests
        if not tests and isinstance(node, (ast.GeneratorExp, ast.ListComp)):
            tests = [node.elt]
        if not any(map(_may_be_equal, tests)):
            return
        call = self._module.index.parent(node)
        name = last_name(call.func) if isinstance(call, ast.Call) and node in call.args[:1] else None
        if not is_whole or name in ("any", "sum", "all"):
            outer = call if isinstance(call, ast.Call) and name is not None else node
            for part in node.generators:
                yield Scan(
                    outer,
                    part.iter,
                    part.target,
                    _names(part.target),
                    tuple(tests),
                    is_whole and name == "all",
                )

    def joined(self, scan: Scan) -> tuple[Loop | ast.comprehension, Match] | None:
        """The loop for each of whose items another collection is passed through, and by what the items are matched.

        Args:
            scan: the pass.

        Returns:
            The loop, or the earlier part of the same comprehension; ``None`` for a pass that is no join.
        """
        pairs = [pair for test in scan.tests for pair in _pairs(test, scan.targets, scan.unequal)]
        if not pairs or not self._is_repeated(scan):
            return None
        iterable = collection(self._module, scan.iterable)
        if not isinstance(iterable, (ast.Name, ast.Attribute)):
            return None
        if self._is_part(iterable) and not self._says_data(iterable):
            return None
        if not self.is_data(scan.iterable, keyed=True) and not self.is_data(scan.iterable):
            return None
        positions = self._positions(scan)
        pairs = [pair for pair in pairs if positions.isdisjoint(name.id for name in names_in(pair.key))]
        earlier = self._earlier(scan)
        for part in earlier:
            names = _names(part.target)
            if not names.isdisjoint(name.id for name in names_in(iterable)):
                return None
            for pair in pairs:
                keyed = _is_known_by(pair)
                if not names.isdisjoint(name.id for name in names_in(pair.key)):
                    continue
                if not names.isdisjoint(name.id for name in names_in(pair.value)) and self.is_data(
                    part.iter, keyed=keyed
                ):
                    return (part, pair) if self.is_data(scan.iterable, keyed=keyed) else None
        for pair in pairs:
            keyed = _is_known_by(pair)
            loop = self.around(scan.node, scan.iterable, pair.value, keyed=keyed)
            if loop is not None and (self.is_stale(iterable, loop) or self._falls_through(scan, loop)):
                return None
            if loop is not None and (
                self._is_cut_to_fit(pair.key, scan, loop) or not self._is_worth_join(iterable, loop)
            ):
                return None
            if loop is not None:
                is_key = not isinstance(pair.key, ast.Name) or (
                    self.is_hashable(pair.key, iterable, loop)
                    and self.is_hashable(pair.value, iterable, loop)
                )
                return (loop, pair) if is_key and self.is_data(scan.iterable, keyed=keyed) else None
        return None

    def _is_worth_join(self, iterable: ast.expr, loop: Loop) -> bool:
        """Whether both collections may be long: nothing that one record holds, and one of them given, or data by its name."""
        outer = [collection(self._module, item) for item in _iterables(loop)]
        if any(self._is_part(item) and not self._says_data(item) for item in outer):
            return False
        return any(
            self._is_given(item) or self._says_data(item) or self.is_read(item) or self._is_fetched(item)
            for item in (iterable, *outer)
        )

    def _says_data(self, node: ast.expr) -> bool:
        return "data" in map(says, self._named(node))

    def _is_given(self, node: ast.expr) -> bool:
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

    def _is_fetched(self, node: ast.expr) -> bool:
        """Whether a collection is the answer of a query: ``users = query.all()``."""
        resolved = self._module.scopes.resolve(node) if isinstance(node, ast.Name) else None
        values = [node] if resolved is None else [item.value for item in resolved[1]]
        calls = [value.value if isinstance(value, ast.Await) else value for value in values]
        return any(
            isinstance(call, ast.Call) and (name_words(last_name(call.func) or "") or ("",))[0] in _FETCHES
            for call in calls
        )

    def _is_cut_to_fit(self, key: ast.expr, scan: Scan, loop: Loop) -> bool:
        """Whether a key depends on what it is compared with, so that no dict can have it: ``name[:len(prefix)] == prefix``."""
        place = self.place(loop)
        return any(
            self._module.loops.dependents(name, place)
            for name in names_in(key)
            if name.id not in scan.targets
        )

    def _falls_through(self, scan: Scan, loop: Loop) -> bool:
        """Whether the same turn reads the item behind the pass: where none meets the condition, it is the last one."""
        function = self._module.index.function(scan.node)
        if not isinstance(scan.node, (ast.For, ast.AsyncFor)) or scan.node.orelse or function is None:
            return False
        first, last = scan.node.end_lineno or 0, loop.end_lineno or 0
        uses = self._module.def_use(function).uses(scan.node) or ()
        return any(first < use.lineno <= last for use in uses)

    def _is_repeated(self, scan: Scan) -> bool:
        return bool(self._earlier(scan)) or next(self._module.index.loops(scan.node), None) is not None

    def _earlier(self, scan: Scan) -> list[ast.comprehension]:
        part = self._module.index.parent(scan.iterable)
        owner = None if part is None else self._module.index.parent(part)
        if not isinstance(part, ast.comprehension) or not isinstance(owner, COMPREHENSIONS):
            return []
        return list(reversed(owner.generators[: owner.generators.index(part)]))

    def _positions(self, scan: Scan) -> frozenset[str]:
        """The counter of ``enumerate``."""
        iterable = scan.iterable
        if isinstance(iterable, ast.Call) and self._module.qualname(iterable.func) == "builtins.enumerate":
            parent = self._module.index.parent(iterable)
            target = getattr(parent, "target", None)
            if isinstance(target, ast.Tuple) and target.elts:
                return _names(target.elts[0])
        return frozenset()

    # -- what is a list

    def _may_be_list(self, node: ast.expr) -> bool:
        """The cheap question before the kind of a variable."""
        if isinstance(node, ast.Attribute):
            return isinstance(node.value, ast.Name) and node.attr in self._attributes
        resolved = self._module.scopes.resolve(node) if isinstance(node, ast.Name) else None
        return resolved is not None and any(
            binding.annotation is not None or self._may_give_list(binding.value) for binding in resolved[1]
        )

    @functools.cached_property
    def _list_calls(self) -> Collection[ast.AST]:
        """The calls that may give a list."""
        index = self._module.index
        functions: list[ast.FunctionDef | ast.AsyncFunctionDef] = [
            *index.nodes(ast.FunctionDef),
            *index.nodes(ast.AsyncFunctionDef),
        ]
        annotated = {function.name for function in functions if function.returns is not None}
        return set(index.calls_named(_list_names() | annotated))

    def _may_give_list(self, value: ast.expr | None) -> bool:
        if isinstance(value, ast.Await):
            value = value.value
        return value.__class__ in _LISTS or value in self._list_calls

    @functools.cached_property
    def _attributes(self) -> Collection[str]:
        """The attributes that may hold a list."""
        index = self._module.index
        found = {last_name(item.target) or "" for item in index.nodes(ast.AnnAssign)}
        for item in index.nodes(ast.Assign):
            if self._may_give_list(item.value):
                found |= {last_name(target) or "" for target in single_targets(item.targets)}
        return found

    def is_built(self, node: ast.expr) -> bool:
        """Whether a list is built on the spot: a comprehension, ``list(xs)``, ``sorted(xs)``."""
        if isinstance(node, (ast.ListComp, ast.GeneratorExp)):
            return True
        return isinstance(node, ast.Call) and self._module.qualname(node.func) in (
            "builtins.list",
            "builtins.sorted",
        )

    def is_list(self, node: ast.expr) -> bool:
        """Whether a collection is proved to be a list: by all assignments, an annotation or a call known to give one."""
        if not self._may_be_list(node):
            return False
        kind = self._module.kinds.of(node)
        if kind is not None:
            return kind == "list"
        variable = self._module.loops.variable(node) if isinstance(node, ast.Name) else None
        if variable is None or not isinstance(node, ast.Name):
            return False
        return self._holds_list(variable) or self._is_bound_anew(node, variable)

    def _is_bound_anew(self, name: ast.Name, variable: Variable) -> bool:
        """Whether a parameter was made a list before: ``ids = list(ids)``."""
        scope, bindings = variable[0], self._module.scopes.bindings(*variable)
        if (
            not isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef))
            or not any(binding.kind is Kind.PARAMETER for binding in bindings)
            or not any(self._is_made_list(binding.value) for binding in bindings)
        ):
            return False
        definitions = self._module.def_use(scope).definitions(name)
        return bool(definitions) and all(
            isinstance(item, ast.Assign) and self._is_made_list(item.value) for item in definitions or ()
        )

    def _is_made_list(self, value: ast.expr | None) -> bool:
        return value is not None and (self._module.kinds.of(value) == "list" or self._gives_list(value))

    @memoised
    def _holds_list(self, variable: Variable) -> bool:
        bindings = self._module.scopes.bindings(*variable)
        values = [binding.value for binding in bindings if binding.kind is not Kind.AUGMENTED]
        return bool(values) and all(
            binding.kind is Kind.AUGMENTED
            or binding.kind is Kind.ASSIGN
            and self._is_made_list(binding.value)
            for binding in bindings
        )

    def _gives_list(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Await):
            node = node.value
        if not isinstance(node, ast.Call):
            return False
        if isinstance(node.func, ast.Attribute) and node.func.attr in _list_methods():
            return True
        definition = self._module.receivers.definition(node.func)
        return (
            isinstance(definition, (ast.FunctionDef, ast.AsyncFunctionDef))
            and definition.returns is not None
            and self._module.receivers.annotated(definition.returns) in ("builtins.list", "typing.List")
        )

    # -- what grows with the data

    def is_data(self, node: ast.expr, *, keyed: bool = False) -> bool:
        """Whether a collection has as many items as the data: no option that a caller spells out, nothing of the schema.

        Args:
            node: the collection.
            keyed: whether its items are told apart by what records are known by, so that they are some.
        """
        if self.is_read(node):
            return True
        part = self._module.bounds.unbounded(node) or self._gathered(node)
        if part is None or self._is_split_name(node):
            return False
        if says(last_name(node) or "") == "single" and not (
            self._is_given_whole(node) or self._is_copied(node)
        ):
            return False
        if keyed:
            return not self._is_optional(part)
        said = {says(name) for name in (*self._named(node), *self._named(part))}
        return "chosen" not in said and ("data" in said or not self._is_optional(part))

    def _is_copied(self, node: ast.expr) -> bool:
        """Whether a local list is the copy of another collection: ``keys = list(rows)``."""
        resolved = self._module.scopes.resolve(node) if isinstance(node, ast.Name) else None
        return resolved is not None and all(
            binding.value is not None and self.is_built(binding.value) for binding in resolved[1]
        )

    def is_read(self, node: ast.expr) -> bool:
        """Whether a list holds what was read: the lines of a file, the entries of a folder."""
        return last_name(node) in self._read

    @functools.cached_property
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

    def is_collected(self, node: ast.expr, searched: ast.expr) -> bool:
        """Whether a local list gathers what a loop over records around the search brings: ``articles``, not one ``row``."""
        return isinstance(searched, ast.Name) and any(
            self.grows(searched, loop)
            and any(
                name.endswith("s") and says(name) == "data"
                for part in _iterables(loop)
                for name in self._named(part)
            )
            for loop in self._module.index.loops(node)
        )

    def _named(self, node: ast.AST) -> Iterator[str]:
        """The names by which an expression, or what it wraps, is called."""
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
        """Whether a collection holds the parts of a name: ``path.split("/")``."""
        resolved = self._module.scopes.resolve(node) if isinstance(node, ast.Name) else None
        values = [node] if resolved is None else [item.value for item in resolved[1]]
        return any(
            isinstance(value, ast.Call)
            and last_name(value.func) in ("split", "rsplit")
            and any((string(item) or "").strip(_BETWEEN) for item in value.args)
            for value in values
        )

    def _is_optional(self, node: ast.expr) -> bool:
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

    def is_worth(self, node: ast.expr, searched: ast.expr, item: ast.expr, loop: Loop) -> bool:
        """Whether the names speak of data, or the change is a small one: a list that is only asked, or that the loop runs over.

        Args:
            node: the search.
            searched: the list.
            item: what is looked for.
            loop: the loop.
        """
        iterables = _iterables(loop)
        around = {says(name) for iterable in iterables for name in self._named(iterable)}
        asked = {*(name.id for name in names_in(item)), *self._named(item)} - {
            "item"
        }  # what everything is called
        around |= set(map(says, asked))
        own = set(map(says, self._named(searched)))
        if self.grows(searched, loop) and any(
            self._is_part(item) or (self._is_answer(item) and not self._is_fetched(item))
            for item in iterables
        ):
            return False
        if self._is_optional(searched) and any(
            says(word) == "option" for word in name_words(dotted(searched) or "")
        ):
            return False
        if "data" in own or self.is_read(searched):
            return True
        is_asked = self.is_only_asked(searched)
        if "option" in own:
            return "data" in around or (is_asked and self._is_given_whole(searched))
        if is_asked or (isinstance(searched, ast.Name) and "data" in around):
            return True
        name = dotted(searched)
        return last_name(getattr(node, "func", None)) in ("index", "count") and any(
            dotted(collection(self._module, iterable)) == name for iterable in iterables
        )

    def _is_part(self, node: ast.expr) -> bool:
        """Whether a loop runs over the parts of one record or of one text: ``file.owners``, ``slo["ids"]``, ``line.split(",")``."""
        node = collection(self._module, node)
        if isinstance(node, ast.Call):
            called = last_name(node.func)
            if called in ("split", "rsplit"):
                return any((string(item) or "").strip(_BETWEEN) for item in node.args)
            return called == "get" and isinstance(node.func, ast.Attribute) and bool(node.args)
        if isinstance(node, ast.Subscript):
            return string(node.slice) is not None
        if not isinstance(node, ast.Attribute) or self._module.qualname(node) is not None:
            return False
        return not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))

    def _is_answer(self, node: ast.expr) -> bool:
        """Whether a loop runs over what a function of this file makes of its arguments: ``references(text)``."""
        call = collection(self._module, node)
        return isinstance(call, ast.Call) and self._module.receivers.definition(call.func) is not None

    def _is_given_whole(self, node: ast.expr) -> bool:
        """Whether a caller must give a list of any length, and its name alone would say otherwise: ``allowed: list[str]``."""
        return (
            isinstance(node, ast.Name)
            and node.id in _FORBIDS
            and self.is_parameter(node)
            and not self._is_optional(node)
        )

    def is_parameter(self, node: ast.expr) -> bool:
        """Whether a caller gives a collection."""
        resolved = self._module.scopes.resolve(node) if isinstance(node, ast.Name) else None
        return resolved is not None and any(binding.kind is Kind.PARAMETER for binding in resolved[1])

    def is_only_asked(self, searched: ast.expr) -> bool:
        """Whether nothing but lookups is done with a list, so that it could as well be a set."""
        if isinstance(searched, ast.Attribute):
            index = self._module.index
            uses = [item for item in index.nodes(ast.Attribute) if item.attr == searched.attr]
            return all(not isinstance(use.ctx, ast.Load) or self._asks_or_grows(use) for use in uses)
        if not isinstance(searched, ast.Name):
            return True
        variable = self._module.loops.variable(searched)
        return variable is not None and all(map(self._asks_or_grows, self._module.scopes.uses(*variable)))

    def _asks_or_grows(self, use: ast.expr) -> bool:
        parent = self._module.index.parent(use)
        if isinstance(parent, ast.Compare):
            return isinstance(parent.ops[-1], (ast.In, ast.NotIn)) and parent.comparators[-1] is use
        return isinstance(parent, ast.Attribute) and parent.attr in (*_GROWS, "index", "count", "remove")

    @staticmethod
    def is_chosen(item: ast.expr) -> bool:
        """Whether what is looked for is one of a few, by its name: ``event.kind``."""
        name = last_name(item)
        return name is not None and says(name) == "chosen"

    def _alike(self, item: ast.Name, searched: ast.expr, loop: Loop) -> Iterator[ast.Name]:
        """The uses of a variable, and of others that stand for items of the same collections."""
        scopes = self._module.scopes
        items = [item]
        is_item = self._module.loops.variable(item) in self.place(loop).targets
        for collected in (searched, *_iterables(loop)) if is_item else ():
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

    def is_hashable(self, item: ast.expr, searched: ast.expr, loop: Loop) -> bool:
        """Whether nothing speaks against looking a value up in a set: no list or dict, nor what a call makes of an item."""
        if self._module.kinds.of(item) in _UNHASHABLE or isinstance(item, _MUTABLE):
            return False
        if isinstance(item, ast.Name) and self._is_sifted(loop):
            return False
        if self._holds_unhashable(searched):
            return False
        if not isinstance(item, ast.Name):
            return not isinstance(item, ast.Call) or self._makes_hashable(item)
        if any(map(self._holds_unhashable, _iterables(loop))) or _holds_objects(searched):
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

    def _is_sifted(self, loop: Loop) -> bool:
        """Whether a condition asks first whether a loop goes over a list: of such data, nobody knows what the items are."""
        names = {dotted(iterable) for iterable in _iterables(loop)} - {None}
        return any(
            isinstance(test, ast.Call)
            and last_name(test.func) == "isinstance"
            and bool(test.args)
            and dotted(test.args[0]) in names
            for outer in self._module.index.ancestors(loop)
            if isinstance(outer, ast.If)
            for test in (outer.test, *getattr(outer.test, "values", ()))
        )

    def _holds_unhashable(self, node: ast.expr) -> bool:
        """Whether an annotation says that the items of a collection are dicts or lists, or of a class that may not be hashable.

        ``rows: list[dict]``, ``steps: list[Step]`` of a class from elsewhere, or of a dataclass that compares by value.
        """
        resolved = self._module.scopes.resolve(node) if isinstance(node, ast.Name) else None
        for binding in () if resolved is None else resolved[1]:
            for part in () if binding.annotation is None else walk(binding.annotation):
                if isinstance(part, ast.Subscript) and (last_name(part.value) or "").lower() in _HOLDERS:
                    return self._is_unhashable(part.slice)
        return False

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
                if _compares_by_value(known):
                    return True
            elif (
                name
                and name.partition(".")[0] != "builtins"
                and not _HASHABLE.fullmatch(name.rpartition(".")[2])
            ):
                return True
        return False

    def _makes_hashable(self, call: ast.Call) -> bool:
        kind = self._module.kinds.of(call)
        if kind is not None:
            return kind not in _UNHASHABLE
        name = last_name(call.func) or ""
        return name in _PLAIN or says(name) == "data"

    def _shows_container(self, use: ast.Name) -> bool:
        """Whether a use shows a dict or list, or an object of any class: ``item["id"]``, ``isinstance(item, Step)``."""
        parent = self._module.index.parent(use)
        if isinstance(parent, ast.Call) and last_name(parent.func) == "isinstance" and use in parent.args[:1]:
            return not (self._module.qualname(parent.args[-1]) or "").startswith("builtins.")
        if isinstance(parent, ast.Subscript) and parent.value is use:
            return string(parent.slice) is not None or not isinstance(parent.ctx, ast.Load)
        return isinstance(parent, ast.Attribute) and parent.attr in _CONTAINER_METHODS


def _iterables(loop: Loop) -> list[ast.expr]:
    if isinstance(loop, ast.While):
        return []
    return [part.iter for part in loop.generators] if isinstance(loop, COMPREHENSIONS) else [loop.iter]


def collection(module: Module, node: ast.expr) -> ast.expr:
    """What an expression passes through: ``xs`` of ``enumerate(xs)``, ``d`` of ``d.values()``."""
    for _ in range(_HOPS):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            node = node.value
        elif not isinstance(node, ast.Call):
            break
        elif isinstance(node.func, ast.Attribute) and node.func.attr in _VIEWS and not node.args:
            node = node.func.value
        elif node.args and module.qualname(node.func) in _WRAPPERS:
            node = node.args[0]
        else:
            break
    return node


def _of_loop(loop: ast.For | ast.AsyncFor) -> Iterator[Scan]:
    """The condition that stands before everything a loop does with an item."""
    number, last = 0, len(loop.body) - 1
    while number < last and loop.body[number].__class__ in _WORK:
        number += 1
    statement = loop.body[number]
    if not isinstance(statement, ast.If) or not _may_compare(statement):
        return
    names = set(_names(loop.target))
    for work in loop.body[:number]:
        taken = _taken(work, names)
        if taken is None:
            return
        names |= taken
    if number == last:
        tests = [statement.test]
        while (
            len(statement.body) == 1
            and isinstance(statement.body[0], ast.If)
            and not statement.body[0].orelse
        ):
            statement = statement.body[0]
            tests.append(statement.test)
        if not isinstance(statement.body[-1], ast.Continue):
            yield Scan(loop, loop.iter, loop.target, frozenset(names), tuple(tests))
    elif len(statement.body) == 1 and isinstance(statement.body[0], ast.Continue):
        yield Scan(loop, loop.iter, loop.target, frozenset(names), (statement.test,), unequal=True)


def _may_compare(statement: ast.If) -> bool:
    """Whether an ``if`` without work in its ``else`` may ask for an equality."""
    if any(item.__class__ not in (ast.Pass, ast.Continue) for item in statement.orelse):
        return False
    return _may_be_equal(statement.test) or statement.body[0].__class__ is ast.If


def _may_be_equal(test: ast.expr) -> bool:
    """The cheap question before :func:`_pairs`."""
    while isinstance(test, ast.UnaryOp):
        test = test.operand
    for item in test.values if isinstance(test, ast.BoolOp) else (test,):
        if item.__class__ is ast.UnaryOp:
            return True
        if (
            isinstance(item, ast.Compare)
            and item.ops[0].__class__ in _EQUALITIES
            and item.comparators[0].__class__ is not ast.Constant
        ):
            return True
    return False


def _taken(work: ast.stmt, names: Collection[str]) -> set[str] | None:
    """The names that a statement binds to something of an item; ``None`` where it does anything else."""
    if not isinstance(work, _WORK) or work.value is None:
        return None
    targets: list[ast.expr] = list(work.targets) if isinstance(work, ast.Assign) else [work.target]
    if all(item.id not in names for item in names_in(work.value)):
        return None
    found = {item.id for item in targets if isinstance(item, ast.Name)}
    return found if len(found) == len(targets) else None


def _is_known_by(pair: Match) -> bool:
    """Whether two records are matched by what records are known by: ``user.id == order.user_id``."""
    return any(
        isinstance(node, (ast.Attribute, ast.Subscript))
        and says(last_name(node) or string(getattr(node, "slice", None)) or "") == "data"
        for node in (pair.key, pair.value)
    )


def _pairs(test: ast.expr, inner: frozenset[str], unequal: bool) -> Iterator[Match]:
    """The equalities that an item has to meet."""
    while isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, unequal = test.operand, not unequal
    joint = ast.Or if unequal else ast.And
    tests = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, joint) else [test]
    for item in tests:
        if not isinstance(item, ast.Compare) or len(item.ops) != 1:
            continue
        if not isinstance(item.ops[0], ast.NotEq if unequal else ast.Eq):
            continue
        left, right = item.left, item.comparators[0]
        if isinstance(left, ast.Constant) or isinstance(right, ast.Constant):
            continue
        for key, value in ((left, right), (right, left)):
            roots = {name.id for name in names_in(key)}
            others = {name.id for name in names_in(value)}
            if roots & inner and others and not others & inner and _is_key(key):
                yield Match(key, value)


def _is_key(node: ast.expr) -> bool:
    """Whether an expression picks something of an item, or is it; its length or class tells no two items apart."""
    return not (isinstance(node, ast.Call) and last_name(node.func) in ("len", "type", "id"))


def _names(target: ast.AST) -> frozenset[str]:
    if isinstance(target, ast.Name):
        return frozenset((target.id,))
    if isinstance(target, ast.arguments):
        return frozenset(item.arg for item in target.args)
    return frozenset(name.id for name in names_in(target))


def _alternatives(annotation: ast.expr) -> Iterator[ast.expr]:
    """``A`` and ``B`` of ``A | B``."""
    stack = [annotation]
    while stack:
        part = stack.pop()
        if isinstance(part, ast.BinOp):
            stack += (part.left, part.right)
        else:
            yield part


def _compares_by_value(known: ast.ClassDef) -> bool:
    """Whether a class has an ``__eq__`` and so no hash: a dataclass that is not frozen, a pydantic model."""
    if any(last_name(base) == "BaseModel" for base in known.bases):
        return True
    defined = {item.name for item in known.body if isinstance(item, ast.FunctionDef)}
    for item in known.decorator_list:
        if last_name(item.func if isinstance(item, ast.Call) else item) == "dataclass":
            set_by = {word.arg for word in item.keywords} if isinstance(item, ast.Call) else set()
            return set_by.isdisjoint(("eq", "frozen", "unsafe_hash")) and "__hash__" not in defined
    return "__eq__" in defined and "__hash__" not in defined


def _holds_objects(searched: ast.expr) -> bool:
    """Whether a name says that it holds objects of any class: ``obj_list``."""
    return not _OBJECTS.isdisjoint(forms(last_name(searched) or ""))


@knowledge.cached
def _list_names() -> frozenset[str]:
    """The last identifiers of the calls known to give a list."""
    rows = (row for row in knowledge.rows("kinds.call") if row["kind"] == "list")
    calls = {name.rpartition(".")[2] for row in rows for name in row["calls"]}
    return _list_methods() | calls | {"split", "rsplit", "copy"}


@knowledge.cached
def _list_methods() -> frozenset[str]:
    return frozenset(name for row in knowledge.rows("searches.list") for name in row["methods"])
