"""Calls that read and change nothing, and what may change what they have read."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, TypeAlias

from flake8_aiguard import knowledge
from flake8_aiguard.children import children, walk
from flake8_aiguard.index import FUNCTIONS
from flake8_aiguard.memo import lazy, memoised
from flake8_aiguard.module import Module
from flake8_aiguard.queries import READS, Queries, names_by_package
from flake8_aiguard.shapes import (
    argument,
    chain,
    dotted,
    end_of,
    hides_arguments,
    last_name,
    names_in,
    start_of,
    string,
)
from flake8_aiguard.wordings import first_word, name_words

_Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_Position: TypeAlias = tuple[int, int]
_BINARY: Final = frozenset("rb")
_TEXT: Final = frozenset("rt")
_RUNS_AFTER: Final = (
    *(ast.AnnAssign, ast.Assign, ast.AugAssign, ast.Call, ast.NamedExpr),
    *(ast.With, ast.AsyncWith, ast.Yield, ast.YieldFrom),
)
_IDENTITY_MAP: Final = frozenset({"get", "get_one"})


@dataclass(frozen=True, slots=True)
class Read:
    """A call that reads and changes nothing.

    Attributes:
        call: the call.
        key: equal for two calls that read the same, as long as their names mean the same.
        shown: the call as a message names it.
        opens: whether it opens a file, whose content is read by what follows.
    """

    call: ast.Call
    key: str
    shown: str
    opens: bool = False


class Reads:
    """The pure reads of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._queries = Queries(module)

    @lazy
    def names(self) -> frozenset[str]:
        """The last identifiers of the calls in this file to ask about."""
        index = self._module.index
        known = _led_to_by(index.packages & _leading())
        return (
            known.intersection(index.names_called()) | self._readers
        )  # & would go through all that is known

    def may_be(self, call: ast.Call) -> bool:
        """Whether a call of one of these names is worth asking about: a look at its names alone."""
        name = last_name(call.func)
        return (
            name in self._table_names
            or name in self._readers
            or name in self.helpers
            or self._queries.may_be(call)
        )

    @lazy
    def _table_names(self) -> frozenset[str]:
        return knowledge.names_of(_by_package(), self._module.index.packages)

    @lazy
    def _readers(self) -> frozenset[str]:
        """The names of functions of this file that say that they read."""
        wanted = self.called_like(_says_read)
        if not wanted:
            return frozenset()
        index = self._module.index
        definitions: list[_Definition] = [*index.nodes(ast.FunctionDef), *index.nodes(ast.AsyncFunctionDef)]
        return frozenset(item.name for item in definitions if item.name in wanted)

    @lazy
    def helpers(self) -> frozenset[str]:
        """The names of other functions of this file that read and are called more than once: they may do nothing else."""
        index = self._module.index
        reading = {index.function(call) for name in self.names & at_once() for call in index.calls_to(name)}
        return frozenset(
            item.name
            for item in reading
            if isinstance(item, _Definition)
            and item.name not in self.names
            and len(index.calls_to(item.name)) > 1
            and words_of("change").isdisjoint(name_words(item.name))
        )

    def called_like(self, says: Callable[[str], bool]) -> AbstractSet[str]:
        """The names called in this file that say something, asked once for each name of all files."""
        seen, found = _vocabulary(says)
        called = self._module.index.names_called()
        if not called <= seen:
            new = called - seen
            seen |= new
            found.update(filter(says, new))
        return called & found

    def of(self, call: ast.Call) -> Read | None:
        """What a call reads; ``None`` where it may do something else, or is not known."""
        if hides_arguments(call):
            return None
        found = self._from_table(call) or self._query(call)
        if found is not None:
            return found
        name = last_name(call.func)
        if name not in self._readers and name not in self.helpers:
            return None
        definition = self._module.receivers.definition(call.func)
        if isinstance(definition, _Definition) and self._only_reads(definition):
            return Read(call, ast.dump(call), f"{dotted(call.func) or definition.name}()")
        return None

    def _from_table(self, call: ast.Call) -> Read | None:
        name = self._module.called(call)
        if name is None or name not in _rows():
            return None
        row = _rows()[name]
        is_path = name == "pathlib.Path.open"
        if "mode" not in row and not is_path:
            return Read(call, ast.dump(call), f"{dotted(call.func) or name}()")
        mode = argument(call, "mode", 0 if is_path else row["mode"])
        letters = frozenset("r" if mode is None else string(mode) or "w")
        if not (letters <= _BINARY or letters <= _TEXT):
            return None
        file = call.func if is_path else argument(call, "file", 0)
        if file is None:
            return None
        rest = sorted(
            f"{item.arg}={ast.dump(item.value)}" for item in call.keywords if item.arg not in ("mode", "file")
        )
        key = f"{name} {ast.dump(file)} {'b' in letters} {rest}"
        return Read(call, key, f"{dotted(call.func) or name}()", opens=True)

    def _query(self, call: ast.Call) -> Read | None:
        if not self._queries.may_be(call):
            return None
        query = self._queries.of(call)
        if query is None or query.bound:
            return None
        row = query.row
        if row["effect"] == "read":
            if row["kind"] == "orm" and last_name(call.func) in _IDENTITY_MAP and row.get("statement") == 0:
                return None  # the session has the object
            return Read(call, ast.dump(call), chain(call))
        if row["effect"] != "statement" or not self._is_select(call):
            return None
        fetches = (last_name(call.func) or "").startswith(("fetch", "scalar"))
        return Read(call, ast.dump(query.top), chain(query.top)) if fetches or query.top is not call else None

    def _is_select(self, call: ast.Call) -> bool:
        query = self._queries.of(call)
        statement = None if query is None else self._queries.statement(query)
        return statement is not None and self._queries.verb(statement) in READS

    @memoised
    def _only_reads(self, definition: _Definition) -> bool:
        """Whether a function asks something outside, changes nothing, and does not remember the answer."""
        words = {word for item in definition.decorator_list for word in _identifiers(item)}
        if any("cache" in word or "memo" in word or "property" in word for word in words):
            return False
        reads = False
        for node in _walk(definition):
            if isinstance(node, (ast.Yield, ast.YieldFrom, ast.Global, ast.Nonlocal)):
                return False
            if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(
                node.ctx, (ast.Store, ast.Del)
            ):
                return False
            if isinstance(node, (ast.Name, ast.Attribute)):
                name = last_name(node) or ""
                if not words_of("cache").isdisjoint(name_words(name)):
                    return False
            if isinstance(node, ast.Call):
                is_read = self.asks(node)
                reads = reads or is_read
                name = last_name(node.func) or ""
                if not is_read and not words_of("once").isdisjoint(name_words(name)):
                    return False
                if not is_read and not self._closes_its_own(node) and self._may_change(node):
                    return False
        return reads

    def asks(self, call: ast.Call) -> bool:
        """Whether a call itself reads from outside: a row of the tables, a select."""
        if self._from_table(call) is not None:
            return True
        query = self._queries.of(call) if self._queries.may_be(call) else None
        if query is None:
            return False
        return query.row["effect"] == "read" or (query.row["effect"] == "statement" and self._is_select(call))

    def does_input(self, definition: ast.AST) -> bool:
        """Whether a function of this file reads from outside."""
        return isinstance(definition, _Definition) and any(
            isinstance(node, ast.Call) and self.asks(node) for node in _walk(definition)
        )

    # -- what changes what was read

    def is_changed(self, first: Read, second: Read, block: Sequence[ast.stmt]) -> bool:
        """Whether something between two equal reads may change what they give.

        Args:
            first: the earlier read.
            second: the later one.
            block: the statements from the first read's to the second's.
        """
        start, end = end_of(first.call), start_of(second.call)
        used = set(_dotted(second.call))
        given = {text for item in _given(second.call) for text in _dotted(item)}
        outer = set(self._module.index.ancestors(second.call))
        for statement in block:
            for node in _walk(statement):
                if node is first.call or node in outer or not self._is_between(node, first.call, start, end):
                    continue
                if self._changes(node, used, given):
                    return True
        return False

    def _is_between(self, node: ast.AST, first: ast.Call, start: _Position, end: _Position) -> bool:
        """Whether a node runs after the first read and before the second one."""
        if not hasattr(node, "lineno"):
            return False
        at = start_of(node)
        if at >= end:
            return False
        # What holds the first read starts before it, and runs after it.
        return at >= start or (end_of(node) >= start and isinstance(node, _RUNS_AFTER))

    def _changes(self, node: ast.AST, used: Collection[str], given: Collection[str]) -> bool:
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return True
        if isinstance(node, (ast.With, ast.AsyncWith)):
            names = (
                word
                for item in node.items
                for name in _identifiers(item.context_expr)
                for word in name_words(name)
            )
            return not words_of("lock").isdisjoint(names)
        if isinstance(
            node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete, ast.For, ast.AsyncFor, ast.NamedExpr)
        ):
            return any(_touches(target, used) for target in _targets(node))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, (ast.Store, ast.Del)):
            return (dotted(node) or "") in used
        return isinstance(node, ast.Call) and self._may_change(node, given)

    def _may_change(self, call: ast.Call, given: Collection[str] = ()) -> bool:
        """Whether a call may change what is outside, or one of these values."""
        if self.asks(call) or self._connects(call):
            return False
        name = last_name(call.func) or ""
        words = name_words(name)
        qualified = self._module.qualname(call.func) or ""
        if name in words_of("harmless") and name != "set" or qualified == "builtins.set":
            return False
        if qualified in _programs():
            return True
        definition = self._module.receivers.definition(call.func) if call.func else None
        if isinstance(definition, _Definition):
            return not self._is_harmless(definition)
        if not words_of("change").isdisjoint(words):
            return not self._is_in_memory(call, given)
        shares = any(text in given for item in _given(call) for text in _dotted(item))
        return shares and not (words and words[0] in words_of("harmless") | words_of("read"))

    def _connects(self, call: ast.Call) -> bool:
        """Whether a call opens a connection: that changes nothing yet."""
        connects = knowledge.by_call("connections.opener")
        return last_name(call.func) in knowledge.last_names("connections.opener") and (
            self._module.called(call) in connects
        )

    def _closes_its_own(self, call: ast.Call) -> bool:
        """Whether a call closes what the same function has opened: nobody else had it."""
        owner = (
            call.func.value if isinstance(call.func, ast.Attribute) and call.func.attr == "close" else None
        )
        function = self._module.index.function(call)
        if not isinstance(owner, ast.Name) or function is None:
            return False
        bindings = self._module.scopes.bindings(function, owner.id)
        return bool(bindings) and all(isinstance(item.value, ast.Call) for item in bindings)

    def _is_in_memory(self, call: ast.Call, given: Collection[str]) -> bool:
        """Whether a call changes a list, dict or other built-in value that the read is not given."""
        receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
        return (
            receiver is not None
            and dotted(receiver) not in given
            and self._module.kinds.of(receiver) is not None
        )

    @memoised
    def _is_harmless(self, definition: _Definition) -> bool:
        """Whether a function of this file neither stores nor calls anything that may change something."""
        for node in _walk(definition):
            if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(
                node.ctx, (ast.Store, ast.Del)
            ):
                return False
            if isinstance(node, (ast.Global, ast.Nonlocal, ast.Yield, ast.YieldFrom)):
                return False
            if isinstance(node, ast.Call) and not (
                self.asks(node) or self._connects(node) or self._closes_its_own(node)
            ):
                words = name_words(last_name(node.func) or "")
                if not words_of("change").isdisjoint(words) and last_name(node.func) not in words_of(
                    "harmless"
                ):
                    return False
                if self._module.qualname(node.func) in _programs():
                    return False
        return True


@knowledge.cached
def _programs() -> frozenset[str]:
    """The calls that start another program, which may change anything."""
    rows = knowledge.by_call("blocking.call").items()
    return frozenset(name for name, row in rows if row["kind"] == "process")


def starts_with(name: str, kind: str) -> bool:
    """Whether a name starts with a word of one kind in the table ``reads.word``."""
    return first_word(name) in words_of(kind)


def _says_read(name: str) -> bool:
    return starts_with(name, "read")


@knowledge.cached
def _vocabulary(_says: Callable[[str], bool]) -> tuple[set[str], set[str]]:
    """The names met so far, and those of them that say something: files have most of their names in common."""
    return set(), set()


def _touches(target: ast.expr, used: Collection[str]) -> bool:
    """Whether an assignment to a target changes what one of these texts gives."""
    while isinstance(target, (ast.Subscript, ast.Starred)):
        target = target.value
    if isinstance(target, (ast.Tuple, ast.List)):
        return any(_touches(item, used) for item in target.elts)
    text = dotted(target)
    return text is None or any(item == text or item.startswith(f"{text}.") for item in used)


def _targets(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, (ast.Assign, ast.Delete)):
        return node.targets
    target = getattr(node, "target", None)
    return [] if target is None else [target]


def _given(call: ast.Call) -> Iterator[ast.expr]:
    """The arguments of a call, and the object that its method is called on."""
    yield from call.args
    for item in call.keywords:
        yield item.value
    if isinstance(call.func, ast.Attribute):
        start = call.func.value
        while isinstance(start, (ast.Attribute, ast.Subscript)):
            start = start.value
        if not isinstance(start, (ast.Call, ast.Await)):  # what a call gives is another object
            yield call.func.value


def _dotted(node: ast.AST) -> Iterator[str]:
    """The texts of the names and attribute chains below a node, longest ones."""
    stack = [node]
    while stack:
        item = stack.pop()
        text = dotted(item)
        if text is not None:
            yield text
        else:
            stack.extend(children(item))


def _identifiers(node: ast.AST) -> Iterator[str]:
    for name in names_in(node):
        yield name.id.lower()
    for item in walk(node):
        if isinstance(item, ast.Attribute):
            yield item.attr.lower()


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below a statement or definition that it runs itself."""
    stack: list[ast.AST] = (
        [node]
        if isinstance(node, ast.stmt) and not isinstance(node, FUNCTIONS)
        else list(getattr(node, "body", []))
    )
    while stack:
        item = stack.pop()
        yield item
        if not isinstance(item, (*FUNCTIONS, ast.ClassDef)):
            stack.extend(children(item))


@knowledge.cached
def words_of(kind: str) -> frozenset[str]:
    """The words of one kind in the table ``reads.word``."""
    return frozenset(
        word for row in knowledge.rows("reads.word") if row["kind"] == kind for word in row["words"]
    )


@knowledge.cached
def _rows() -> dict[str, knowledge.Row]:
    return {**knowledge.by_call("reads.method"), **knowledge.by_call("reads.call")}


@knowledge.cached
def _packages_of() -> dict[str, set[str]]:
    """The packages whose import may lead to each call that the tables know to read, by its last identifier."""
    found: dict[str, set[str]] = {}
    asked = _asking_names()
    for table in (_by_package(), names_by_package()):
        for package, names in table.items():
            for name in names:
                if table is not names_by_package() or name in asked:
                    found.setdefault(name, set()).add(package)
    for row in knowledge.rows("queries.receiver"):
        for method in row["methods"] if row["effect"] != "write" else ():
            found.setdefault(method, set()).add("builtins")  # whatever the file imports
    return found


@knowledge.cached
def _leading() -> frozenset[str]:
    """The packages whose import may lead to a call that reads."""
    return frozenset(package for packages in _packages_of().values() for package in packages)


@knowledge.cached
def _led_to_by(imported: frozenset[str]) -> frozenset[str]:
    """The last identifiers of the calls that some packages may lead to: many files import the same ones of these."""
    return frozenset(name for name, packages in _packages_of().items() if not packages.isdisjoint(imported))


@knowledge.cached
def at_once() -> frozenset[str]:
    """Those of them that read where they stand, not where a loop or a later call asks for the rows."""
    return (
        knowledge.last_names("reads.call") | knowledge.last_names("reads.method") | _asking_names(lazy=False)
    )


@knowledge.cached
def _asking_names(lazy: bool = True) -> frozenset[str]:
    tables = ("queries.call", "queries.method", "queries.receiver")
    found = [row for table in tables for row in knowledge.rows(table) if row["effect"] != "write"]
    return frozenset(
        name.rpartition(".")[2]
        for row in found
        if lazy or not row.get("lazy")
        for name in (*row.get("calls", ()), *row.get("methods", ()))
    )


@knowledge.cached
def _by_package() -> dict[str, frozenset[str]]:
    return dict(knowledge.by_package(_rows()))
