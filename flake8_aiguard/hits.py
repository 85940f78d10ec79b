"""What is fetched before a cache is asked, and thrown away on a hit."""

from __future__ import annotations

import ast
import functools
import operator
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from flake8_aiguard.blocking import Blocking
from flake8_aiguard.children import walk
from flake8_aiguard.index import TRIES, Function, Try
from flake8_aiguard.lookups import Lookup
from flake8_aiguard.memo import lazy
from flake8_aiguard.module import Module
from flake8_aiguard.reads import Reads, at_once, words_of
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import dotted, following, last_name, names_in, root
from flake8_aiguard.wordings import first_word, name_words

_LEAVES: Final = (ast.Return, ast.Continue, ast.Break)
# What stands between a fetch and the assignment of its result.
_STEPS: Final = frozenset((ast.Attribute, ast.Await, ast.Call, ast.Subscript))
LEADS: Final = _STEPS | {ast.AnnAssign, ast.Assign, ast.Expr, ast.withitem}
_ASKS: Final = frozenset((ast.If, *TRIES))
_LINE: Final = operator.attrgetter("lineno")
_REMOTE: Final = frozenset(
    {"cloud", "database", "http"}
)  # kinds of calls that bring what they name from elsewhere
_NEAR: Final = (
    6  # statements between a fetch and the question, and steps from a fetch to what is taken from it
)
_TAKEN_OR_KEPT: Final = ("[", ".get(", " = ", ": ", " := ")  # what follows the name of a cache or an entry
_CLASS: Final = regex(r"[A-Z]+\w*[a-z]")  # what a class is called
# "Resolve the pool before taking the lock: it takes the same one."
_EARLY: Final = regex(r"\b(before|outside|prior to|without)\b[^.]{0,30}\block\b", re.IGNORECASE)
_SETTERS: Final = frozenset({"add", "put", "set", "setdefault", "setex", "store"})


@dataclass(frozen=True, slots=True)
class Wasted:
    """A fetch whose result a hit does not use.

    Attributes:
        call: the fetch.
        cache: the text of the cache that is asked afterwards.
    """

    call: ast.Call
    cache: str


class Hits:
    """How the functions of one file ask their caches.

    Args:
        module: the file.
        reads: its reads.
    """

    def __init__(self, module: Module, reads: Reads) -> None:
        self._module = module
        self._reads = reads

    @lazy
    def _blocking(self) -> Blocking:
        return Blocking(self._module)

    @lazy
    def names(self) -> frozenset[str]:
        """The identifiers of the calls in this file that bring something, by the tables or by their name."""
        read = self._reads.names & at_once()
        return read | self._reads.called_like(may_fetch)

    def wasted(self, call: ast.Call) -> Wasted | None:
        """What a call fetches too early.

        Args:
            call: a call whose name says that it fetches, or a read.

        Returns:
            ``None`` where its result is not assigned to one name, is used before a cache is asked or on a hit, or no
            cache is asked near it.
        """
        lead = self._lead(call)
        if lead is None:
            return None
        assign, names, following = lead
        if any(map(_CLASS.match, names)):
            return None  # Order = load_model("shop", "Order")
        for item in following:
            if item.__class__ not in _ASKS:
                continue
            if isinstance(item, ast.If):
                asked = _asked_first(item.test)
                if isinstance(asked, ast.Name) and asked.id in names:
                    return None  # mostly: the result itself is asked
                if asked is not None and self._may_concern(asked, following):
                    break
            if isinstance(item, TRIES):
                if _attempted(item) is None:
                    return None
                break
        else:
            return None
        name = call_name(call)
        if (name == "get" or not may_fetch(name)) and not self._reads.may_be(call):
            return None
        function = self._module.index.function(assign)
        if function is None:
            return None
        cache = self._asked_next(following, names, assign, function)
        if cache is None or (not may_fetch(call_name(call)) and not self._is_fetch(call)):
            return None
        text, is_stored = cache
        if (call_name(call) == "get" and not self._is_fetch(call)) or _is_asked_before(
            text, assign, function
        ):
            return None
        if not words_of("cache").isdisjoint(name_words(call_name(call))):
            return None  # it asks a cache of its own
        if any(map(_EARLY.search, self._module.comments.near(assign.lineno))):
            return None
        is_cache = is_stored or not words_of("cache").isdisjoint(name_words(text.replace(".", "_")))
        return Wasted(call, text) if is_cache and (is_stored or self._is_fetch(call)) else None

    def _may_concern(self, asked: ast.expr, near: Sequence[ast.stmt]) -> bool:
        """Whether what a condition asks may be a cache or an entry: by its name and the text near it alone."""
        name = last_name(asked)
        if name is None or not words_of("cache").isdisjoint(name_words(name)):
            return True
        text = "".join(self._module.lines[near[0].lineno - 1 : near[-1].end_lineno])
        for sign in _TAKEN_OR_KEPT:
            if name + sign in text:
                return True
        return False

    def _lead(self, call: ast.Call) -> tuple[ast.stmt, set[str], list[ast.stmt]] | None:
        """The statement that fetches, the variables that get the result, and the statements after them."""
        parent_of = self._module.index.parent
        parent = parent_of(call)
        for _ in range(_NEAR):
            if parent is None or parent.__class__ not in _STEPS:
                break
            parent = parent_of(parent)
        if isinstance(parent, (ast.Assign, ast.AnnAssign)):
            name = _only_name(parent)
            return None if name is None else (parent, {name}, self._following(parent))
        if isinstance(parent, ast.withitem):
            statement = self._module.index.statement(call)
            names = _taken_from(statement, parent)
            return (statement, names, self._following(statement)) if names else None
        return self._rows(call, parent) if isinstance(parent, ast.Expr) else None

    def _rows(self, call: ast.Call, statement: ast.Expr) -> tuple[ast.stmt, set[str], list[ast.stmt]] | None:
        """The same for ``cursor.execute(...)`` before ``rows = cursor.fetchall()``."""
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        if not isinstance(owner, ast.Name):
            return None
        for item in following(self._module.index.parent(statement), statement, 1):
            name = _only_name(item)
            start = None if name is None else root(item.value)  # type: ignore[attr-defined]
            if name is None or not isinstance(start, ast.Name) or start.id != owner.id:
                return None
            return statement, {name}, self._following(item)
        return None

    def _is_fetch(self, call: ast.Call) -> bool:
        """Whether a call reads from outside, by the tables, its definition or its name."""
        if self._reads.asks(call):
            return True
        definition = self._module.receivers.definition(call.func)
        if definition is not None:
            return self._reads.does_input(definition)
        words = name_words(call_name(call))
        row = self._blocking.row(call) if may_fetch(call_name(call)) else None
        if row is not None and row["kind"] in _REMOTE:
            return True
        return bool(words) and words[0] in ("fetch", "download", "query", "request", "retrieve", "scrape")

    def _following(self, statement: ast.stmt) -> list[ast.stmt]:
        """The statements after one, those in a ``with`` among them; after the ``try`` that makes nothing but an error of its own."""
        parent = self._module.index.parent(statement)
        if isinstance(parent, TRIES) and _only_translates(parent):
            return self._following(parent)
        found: list[ast.stmt] = []
        for item in following(parent, statement, _NEAR):
            found.append(item)
            if isinstance(item, (ast.With, ast.AsyncWith)):
                found += item.body
        if not found and isinstance(parent, (ast.With, ast.AsyncWith)):
            return self._following(parent)
        return found

    def _asked_next(
        self, statements: Sequence[ast.stmt], names: set[str], assign: ast.stmt, function: Function
    ) -> tuple[str, bool] | None:
        """The cache that the next statements ask, and whether the result is kept in it."""
        for statement in statements:
            if isinstance(statement, ast.If):
                may_ask = _may_ask(statement.test)
                found = self._condition(statement, names, assign, function) if may_ask else None
                if found is not None or not may_ask or self._mentions([statement], names):
                    return found
            elif isinstance(statement, TRIES):
                return self._attempt(statement, names, assign, function)
            elif isinstance(statement, (ast.With, ast.AsyncWith)):
                if any(self._mentions([item.context_expr], names) for item in statement.items):
                    return None
            elif isinstance(statement, ast.Assign) and self._mentions([statement.value], names):
                target = statement.targets[0]
                if not isinstance(target, ast.Name):
                    return None
                names = names | {target.id}
            elif not isinstance(statement, (ast.Assign, ast.AnnAssign, ast.Expr)) or self._mentions(
                [statement], names
            ):
                return None
        return None

    def _condition(
        self, statement: ast.If, names: set[str], assign: ast.stmt, function: Function
    ) -> tuple[str, bool] | None:
        """The cache that a condition asks, where only the miss uses the result."""
        leaves = isinstance(statement.body[-1], _LEAVES) or bool(statement.orelse)
        body = self._mentions(statement.body, names)
        if not (body or leaves) or self._mentions([statement.test], names):
            return None
        other = self._mentions(statement.orelse, names)
        if body and other:
            return None
        for container, hit, miss in self._questions(statement.test, function):
            if _refuses(statement.orelse if miss else statement.body):
                continue
            if (miss and body) or (hit and not miss and not body):
                other = other or self._used(names, assign, function, after=statement)
                return None if body is other else self._kept(container, names, function)
        return None

    def _attempt(
        self, statement: ast.stmt, names: set[str], assign: ast.stmt, function: Function
    ) -> tuple[str, bool] | None:
        """``try: return cache[key]`` whose handler, or what follows, uses the result."""
        assert isinstance(statement, TRIES)
        value = _attempted(statement)
        if value is None or self._mentions(statement.body, names):
            return None
        in_handler = any(self._mentions(handler.body, names) for handler in statement.handlers)
        if in_handler or self._used(names, assign, function, after=statement):
            return self._kept(value.value, names, function)
        return None

    def _questions(self, test: ast.expr, function: Function) -> Iterator[tuple[ast.expr, bool, bool]]:
        """The containers that a condition asks, and whether it holds on a hit or on a miss."""
        asked: dict[str, list[ast.expr]] | None = None
        for node in walk(test):
            container: ast.expr | None = None
            key: ast.expr | None = None
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
                key, container = node.left, node.comparators[0]
                if isinstance(container, ast.Call) and isinstance(container.func, ast.Attribute):
                    container = container.func.value
            elif isinstance(node, ast.Name):
                container, key = self._entry(node, function)
            elif isinstance(node, ast.Call):
                container, key = _parts(node)
                if container is None:
                    container = _has(node)
                    if container is not None:
                        negated = isinstance(test, ast.UnaryOp)
                        yield container, not negated, negated
                        container = None
            elif isinstance(node, ast.Attribute) and node in _tested(test):
                negated = _is_miss_of(test, node)
                yield node, not negated, negated
            if container is not None and key is not None and self._may_be_cache(container, key, function):
                asked = self._asked(function) if asked is None else asked
                lookup = Lookup(self._module, asked, container, key, function)
                yield container, lookup.is_hit(test), lookup.is_miss(test)

    def _may_be_cache(self, container: ast.expr, key: ast.expr, function: Function) -> bool:
        """Whether a container may keep results: its name says so, or it outlives the call and has keys that vary."""
        text = dotted(container)
        if text is None or not words_of("cache").isdisjoint(name_words(text.replace(".", "_"))):
            return text is not None
        if isinstance(key, ast.Constant):
            return False
        bindings = self._module.scopes.bindings(function, text) if isinstance(container, ast.Name) else []
        return all(item.kind is Kind.PARAMETER for item in bindings)

    def _entry(self, name: ast.Name, function: Function) -> tuple[ast.expr | None, ast.expr | None]:
        """The container and key of the entry that a local variable holds."""
        for binding in self._module.scopes.bindings(function, name.id):
            value = binding.value.value if isinstance(binding.value, ast.Await) else binding.value
            if value is not None:
                found = _parts(value)
                if found[0] is not None:
                    return found
        return None, None

    def _asked(self, function: Function) -> dict[str, list[ast.expr]]:
        found: dict[str, list[ast.expr]] = {}
        for node in walk(function):
            if isinstance(node, (ast.Subscript, ast.Call)):
                container, _ = _parts(node)
                if container is not None:
                    found.setdefault(last_name(container) or "", []).append(node)
        return found

    def _mentions(self, nodes: Sequence[ast.expr] | Sequence[ast.stmt], names: set[str]) -> bool:
        """Whether nodes, in document order, mention one of these names."""
        if not nodes:
            return False
        text = "".join(self._module.lines[nodes[0].lineno - 1 : nodes[-1].end_lineno])
        # Most mention none: a look at the text spares the walk.
        return any(_has_word(text, name) for name in names) and any(
            item.id in names for node in nodes for item in names_in(node)
        )

    def _used(self, names: set[str], assign: ast.stmt, function: Function, *, after: ast.stmt) -> bool:
        """Whether the result is used behind a statement, within what the same assignment reaches."""
        end = after.end_lineno or 0
        if after in self._module.index.ancestors(assign):
            return False
        return any(
            isinstance(use.ctx, ast.Load) and use.lineno > end
            for name in names
            for use in self._module.scopes.uses(function, name)
        )

    def _kept(self, container: ast.expr, names: set[str], function: Function) -> tuple[str, bool]:
        """The text of a cache, and whether the function puts the result into it, and takes it from there."""
        text = dotted(container) or ""
        is_stored = is_taken = False
        names = names | _made_of(names, function)
        for node in walk(function):
            if isinstance(node, ast.Assign) and _is_made_of(node.value, names):
                targets = [item.value if isinstance(item, ast.Subscript) else item for item in node.targets]
                is_stored = is_stored or any(dotted(item) == text for item in targets)
            elif isinstance(node, ast.Return):
                is_taken = is_taken or dotted(node.value) == text
            elif isinstance(node, (ast.Call, ast.Subscript)):
                asked, _ = _parts(node)
                is_taken = is_taken or (asked is not None and dotted(asked) == text)
                method = node.func if isinstance(node, ast.Call) else None
                if (
                    isinstance(method, ast.Attribute)
                    and method.attr in _SETTERS
                    and isinstance(node, ast.Call)
                ):
                    is_stored = is_stored or (
                        dotted(method.value) == text and self._mentions(node.args, names)
                    )
        return text, is_stored and is_taken


def _only_name(statement: ast.stmt) -> str | None:
    """The variable that an assignment binds, where it is one."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        target = statement.target
    else:
        return None
    return target.id if isinstance(target, ast.Name) else None


def _only_translates(statement: Try) -> bool:
    """Whether a ``try`` holds one statement, and all its handlers end with an error."""
    return (
        len(statement.body) == 1
        and not (statement.orelse or statement.finalbody)
        and all(isinstance(handler.body[-1], ast.Raise) for handler in statement.handlers)
    )


def _taken_from(statement: ast.stmt, item: ast.withitem) -> set[str]:
    """The variables that a ``with`` fills from its answer, where it does nothing else but ask the answer itself."""
    if not isinstance(statement, (ast.With, ast.AsyncWith)) or not isinstance(item.optional_vars, ast.Name):
        return set()
    found, known = set(), {item.optional_vars.id}
    for line in statement.body:
        name = _only_name(line)
        value = getattr(line, "value", None)
        value = value.value if isinstance(value, ast.Await) else value
        if not isinstance(value, ast.expr) or not _is_made_of(value, known):
            return set()
        if name is not None:
            found.add(name)
            known.add(name)
        elif not isinstance(line, ast.Expr):
            return set()
    return found


def _attempted(statement: ast.stmt) -> ast.Subscript | None:
    """The entry that a ``try`` returns and does nothing else."""
    assert isinstance(statement, TRIES)
    last = statement.body[-1]
    value = last.value if isinstance(last, ast.Return) and len(statement.body) == 1 else None
    return value if isinstance(value, ast.Subscript) and dotted(value.value) else None


def _refuses(block: Sequence[ast.stmt]) -> bool:
    """Whether a block ends what was asked for with an error: what is there already is no hit."""
    for item in block:
        value = item.value if isinstance(item, ast.Expr) else None
        value = value.value if isinstance(value, ast.Await) else value
        if isinstance(item, ast.Raise) or (isinstance(value, ast.Call) and call_name(value) == "abort"):
            return True
    return False


def _may_ask(test: ast.expr) -> bool:
    return _asked_first(test) is not None


def _asked_first(test: ast.expr) -> ast.expr | None:
    """What a condition asks first, where that may be whether there is an entry: by ``in``, by ``is``, or by its truth."""
    while isinstance(test, (ast.UnaryOp, ast.BoolOp)):
        test = test.operand if isinstance(test, ast.UnaryOp) else test.values[0]
    if isinstance(test, ast.Compare):
        if isinstance(test.ops[0], (ast.In, ast.NotIn)):
            container = test.comparators[0]
            return container if isinstance(container, ast.Call) or dotted(container) is not None else None
        if not isinstance(test.ops[0], (ast.Is, ast.IsNot)):
            return None
        test = test.left
    if isinstance(test, ast.Call):
        return test if call_name(test) == "get" or call_name(test) in words_of("has") else None
    return test if isinstance(test, (ast.Attribute, ast.Await, ast.Name, ast.NamedExpr)) else None


def _has_word(text: str, word: str) -> bool:
    """Whether a text has a word that is not part of a longer one."""
    at = text.find(word)
    while at >= 0:
        around = text[at - 1 : at] + text[at + len(word) : at + len(word) + 1]
        if not any(char.isalnum() or char == "_" for char in around):
            return True
        at = text.find(word, at + 1)
    return False


@functools.lru_cache(maxsize=4096)
def may_fetch(name: str) -> bool:
    """Whether a function's name says that it brings something: ``fetch_user``, ``load``, ``urlopen``."""
    word = first_word(name)
    return (word in words_of("fetch") or word == "urlopen") and name != "list"


def _parts(node: ast.expr) -> tuple[ast.expr | None, ast.expr | None]:
    """The container and key of ``c[k]`` and ``c.get(k)``."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        return node.value, node.slice
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "get"
        and node.args
    ):
        return node.func.value, node.args[0]
    return None, None


def _has(call: ast.Call) -> ast.expr | None:
    """The cache of ``cache.has(key)`` and ``cache_file.exists()``."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in words_of("has"):
        return None
    text = dotted(call.func.value)
    if text is None or words_of("cache").isdisjoint(name_words(text.replace(".", "_"))):
        return None
    return call.func.value


def _tested(test: ast.expr) -> list[ast.expr]:
    """What a condition asks to be there: ``x``, ``not x``, ``x is None``, ``x is not None``."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return [test.operand]
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], (ast.Is, ast.IsNot)):
        return [test.left]
    return [test]


def _is_miss_of(test: ast.expr, node: ast.expr) -> bool:
    return test is not node and not (isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.IsNot))


def _is_asked_before(cache: str, assign: ast.stmt, function: Function) -> bool:
    """Whether the cache has been asked before the fetch, by a condition or for an entry, so that the next one only asks again."""
    for node in walk(function):
        if getattr(node, "lineno", assign.lineno) >= assign.lineno:
            continue
        if isinstance(node, (ast.If, ast.While)):
            if any(
                isinstance(item, (ast.Name, ast.Attribute)) and dotted(item) == cache
                for item in walk(node.test)
            ):
                return True
        elif isinstance(node, (ast.Call, ast.Subscript)):
            container, _ = _parts(node)
            if container is not None and dotted(container) == cache:
                return True
    return False


def _made_of(names: set[str], function: Function) -> set[str]:
    """The variables that a function assigns what it makes of these."""
    return {
        target.id
        for node in walk(function)
        if isinstance(node, ast.Assign) and _is_made_of(node.value, names)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _is_made_of(value: ast.expr, names: set[str]) -> bool:
    """Whether a value is a fetched one, or what one call makes of it: ``v``, ``v.json()``, ``v.decode("utf-8")``, ``dict(v)``; not what is asked with it."""
    start = root(value)
    if isinstance(start, ast.Name) and start.id in names:
        return True
    if isinstance(value, (ast.ListComp, ast.SetComp, ast.DictComp)) and len(value.generators) == 1:
        return _is_made_of(value.generators[0].iter, names)
    if not isinstance(value, ast.Call) or len(value.args) != 1 or value.keywords:
        return False
    return not may_fetch(call_name(value)) and _is_made_of(value.args[0], names)


def call_name(call: ast.Call) -> str:
    """The last identifier of what a call calls."""
    return last_name(call.func) or ""
