"""Calls that go to a database, a store or a remote service: which they are, and what their SQL says."""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.memo import lazy
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import argument, names_in, root, string, text_parts

READS: Final = frozenset({"SELECT", "WITH", "VALUES", "MATCH", "OPTIONAL"})
_SQLITE: Final = frozenset({"sqlite3", "aiosqlite"})
WRITES: Final = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "UPSERT"})
_VERB: Final = regex(r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*([A-Za-z]+)", re.DOTALL)
_TEXTS: Final = frozenset({"text", "SQL"})  # sqlalchemy.text("..."), psycopg.sql.SQL("...")
_SAME_TEXT: Final = frozenset({"bindparams", "execution_options", "lstrip", "rstrip", "strip"})
_CONSTRUCTS: Final = {
    f"{module}.{name}": name.upper()
    for module in ("sqlalchemy", "sqlalchemy.future", "sqlalchemy.sql", "sqlmodel")
    for name in ("select", "insert", "update", "delete")
}
_TABLE_METHODS: Final = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})
_CONSUMERS: Final = frozenset(
    f"builtins.{name}"
    for name in (
        *("all", "any", "bool", "dict", "enumerate", "filter", "frozenset", "len", "list", "map"),
        *("max", "min", "next", "set", "sorted", "sum", "tuple", "zip"),
    )
)
_CAPWORD: Final = regex(r"_*[A-Z](\w*[a-z]\w*)?")
_SQL_NAME: Final = regex(r"sql|query|statement|stmt", re.IGNORECASE)
_DATABASES: Final = frozenset({"db", "database", "mongo_db", "mongodb"})
_LONGEST_CHAIN: Final = 40


@dataclass(frozen=True, slots=True)
class Query:
    """A call that makes a round trip.

    Attributes:
        call: the call.
        top: the whole chain of calls that it is part of: ``cur.execute(...).fetchone()``.
        receiver: what the chain starts from, ``None`` for a function.
        chain: the calls before it whose arguments count as its own, as in ``objects.filter(...).first()``.
        bound: of these, what the variable is bound to that the query is sent through.
        row: its row in the tables.
    """

    call: ast.Call
    top: ast.Call
    receiver: ast.expr | None
    chain: tuple[ast.Call, ...]
    bound: tuple[ast.Call, ...]
    row: knowledge.Row

    @property
    def arguments(self) -> list[ast.expr]:
        """All arguments, those of the chain included."""
        return [
            value
            for call in (self.call, *self.chain)
            for value in (*call.args, *(item.value for item in call.keywords))
        ]


class Queries:
    """The queries and requests of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._sql: dict[tuple[ast.AST, str, bool], bool] = {}

    def names(self) -> frozenset[str]:
        """The last identifiers of the calls in this file to ask about."""
        called = self._module.index.names_called()
        # & would go through all that is known
        return self._typed_names.intersection(called) | _receiver_methods().intersection(called)

    @lazy
    def _typed_names(self) -> frozenset[str]:
        """The names of functions and methods of the packages that the file imports."""
        return self._module.shared(_typed_names)

    @lazy
    def _lazy_names(self) -> frozenset[str]:
        """The variables that may hold a lazy query, by their names."""
        return self._module.shared(_lazy_names)

    def lazy_names(self) -> frozenset[str]:
        """As :attr:`_lazy_names`, looked for anew."""
        if not any(word in self._module.source for word in _lazy_words()):
            return frozenset()
        return frozenset(
            assign.targets[0].id
            for assign in self._module.index.nodes(ast.Assign)
            if isinstance(assign.targets[0], ast.Name)
            and isinstance(assign.value, ast.Call)
            and self._is_named(assign.value)
        )

    def may_be(self, call: ast.Call) -> bool:
        """Whether a call is worth asking about: a look at its names alone, without scopes."""
        last = _last(call.func)
        # A function may have an alias; ``Index.calls_named`` has undone it.
        if last in self._typed_names or (self._typed_names and isinstance(call.func, ast.Name)):
            return True
        if self._is_named(call):
            return True
        start = root(call) if last in _chain_methods() else None
        return isinstance(start, ast.Name) and start.id in self._lazy_names

    def _is_named(self, call: ast.Call) -> bool:
        method = _last(call.func) or ""
        names = _receiver_names().get(method)
        receiver, chain = _start(call) if names is not None else (None, ())
        if receiver is None or names is None:
            return False
        written = (_last(receiver) or "", _last(chain[0].func) or "" if chain else "")
        if names.isdisjoint(written) and names.isdisjoint(map(_plain, written)) and "" not in names:
            return False
        return any(self._is_receiver(receiver, chain, row) for row in _by_method()[method])

    def of(self, call: ast.Call) -> Query | None:
        """What a call asks for.

        Args:
            call: the call.

        Returns:
            The query; ``None`` where the call is none, its receiver has neither a type nor a name of the tables, or a lazy
            query is not consumed near the call.
        """
        if not self.may_be(call):
            return None
        name = self._module.called(call) if self._typed_names else None
        row = _typed().get(name or "")
        receiver, chain = _start(call)
        bound: tuple[ast.Call, ...] = ()
        if row is None:
            value = self._bound_query(receiver)
            if value is not None:
                receiver, before = _start(value)
                bound = (value,)
                chain = (*chain, value, *before)
            row = self._named(call, receiver, chain)
        elif name in knowledge.by_call("queries.call"):
            receiver = None
        elif not row.get("chain") and isinstance(call.func, ast.Attribute):
            receiver = call.func.value
        if row is None or not self._reads_by_verb(call, row):
            return None
        top = self._top(call)
        if row.get("lazy") and not (top is call and self.is_consumed(top, _ends(row))):
            return None
        return Query(call, top, receiver, chain if row.get("chain") else (), bound, row)

    def lookup(self, call: ast.Call) -> Query | None:
        """What a call asks for; ``None`` also where it is known to write."""
        query = self.of(call)
        return None if query is None or query.row["effect"] == "write" else query

    def _reads_by_verb(self, call: ast.Call, row: knowledge.Row) -> bool:
        if "verb" not in row:
            return True
        verb = string(argument(call, row["verb_keyword"], row["verb"]))
        return verb is not None and verb.upper() in ("GET", "HEAD")

    def _top(self, call: ast.Call) -> ast.Call:
        index = self._module.index
        while True:
            method = index.parent(call)
            if isinstance(method, ast.Await):
                method = index.parent(method)
            outer = index.parent(method) if isinstance(method, ast.Attribute) else None
            if not isinstance(outer, ast.Call) or outer.func is not method:
                return call
            call = outer

    # -- receivers by name

    def _bound_query(self, receiver: ast.expr | None) -> ast.Call | None:
        """The lazy query that a variable is bound to, once."""
        if not isinstance(receiver, ast.Name) or receiver.id not in self._lazy_names:
            return None
        resolved = self._module.scopes.resolve(receiver)
        if resolved is None or len(resolved[1]) != 1 or resolved[1][0].kind is not Kind.ASSIGN:
            return None
        value = resolved[1][0].value
        if not isinstance(value, ast.Call):
            return None
        row = self._named(value, *_start(value))
        return value if row is not None and row.get("lazy") else None

    def _named(
        self, call: ast.Call, receiver: ast.expr | None, chain: tuple[ast.Call, ...]
    ) -> knowledge.Row | None:
        if receiver is None or not isinstance(call.func, ast.Attribute):
            return None
        for row in _by_method().get(call.func.attr, ()):
            if (
                self._is_receiver(receiver, chain, row)
                and self._is_via(call, chain, row)
                and self._is_evident(call, chain, row)
                and self._may_be(receiver, row)
            ):
                return row
        return None

    def _is_receiver(self, receiver: ast.expr, chain: tuple[ast.Call, ...], row: knowledge.Row) -> bool:
        if row.get("chain") or not chain:
            return self._is_owned(receiver, row)
        return _last(chain[0].func) in row["names"]  # made on the spot: connection.cursor()

    def _is_owned(self, receiver: ast.expr, row: knowledge.Row) -> bool:
        last = _last(receiver)
        owner = row.get("owner")
        if owner == "db":
            holder = receiver.value if isinstance(receiver, (ast.Attribute, ast.Subscript)) else None
            return holder is not None and _plain(_last(holder) or "") in _DATABASES
        if last is None or not {last.strip("_"), _plain(last)} & {*row["names"]}:
            return False
        if owner == "capword":
            return isinstance(receiver, ast.Attribute) and bool(
                _CAPWORD.fullmatch(_last(receiver.value) or "")
            )
        return True

    def _may_be(self, receiver: ast.expr, row: knowledge.Row) -> bool:
        """Whether the type of a receiver leaves its name to decide: none is known, or it is a class of the project."""
        found = self._module.type_of(receiver)
        if row["kind"] == "sql" and (self._is_local if found is None else _is_local(found)):
            return False
        return found is None or (
            row["evidence"] != "none" and found.partition(".")[0] not in sys.stdlib_module_names | _packages()
        )

    @lazy
    def _is_local(self) -> bool:
        """Whether the one database that the file imports runs in this process."""
        packages = self._module.index.packages
        return any(map(_is_local, packages)) and packages.isdisjoint(_database_packages())

    def _is_via(self, call: ast.Call, chain: tuple[ast.Call, ...], row: knowledge.Row) -> bool:
        via = row.get("via")
        first = chain[-1] if chain else call
        return via is None or (isinstance(first.func, ast.Attribute) and first.func.attr == via)

    def _is_evident(self, call: ast.Call, chain: tuple[ast.Call, ...], row: knowledge.Row) -> bool:
        evidence = row["evidence"]
        if evidence == "none":
            return True
        first = chain[-1] if chain and row.get("chain") else call
        value = first.args[0] if first.args else None
        if evidence == "sql":
            return value is not None and self._is_sql(value, has_parameters=len(call.args) == 2)
        if evidence == "model":
            return value is not None and any(
                _CAPWORD.fullmatch(_last(item) or "")
                for item in (value, *names_in(value))  # User, self.Model, func.count(User.id)
            )
        if evidence == "key":
            given = len(call.args) + len(call.keywords)
            return value is not None and given > 1 and bool(_CAPWORD.fullmatch(_last(value) or ""))
        mapping = argument(call, "Key", 0)
        return mapping is not None and any(isinstance(item, ast.Dict) for item in self._bound(mapping))

    def _is_sql(self, value: ast.expr, *, has_parameters: bool) -> bool:
        """Whether an expression is SQL by its text or construct; with parameters behind it, its name is enough."""
        owner = (
            self._module.scopes.owner(self._module.index.scope(value), value.id)
            if isinstance(value, ast.Name)
            else None
        )
        key = (owner or value, value.id if isinstance(value, ast.Name) else "", has_parameters)
        if key not in self._sql:
            bound = self._bound(value)
            self._sql[key] = any(self.verb(item) in READS | WRITES for item in bound) or (
                has_parameters and any(_SQL_NAME.search(_last(item) or "") for item in bound)
            )
        return self._sql[key]

    def _bound(self, value: ast.expr) -> list[ast.expr]:
        """The expression, or what its name is bound to."""
        resolved = self._module.scopes.resolve(value) if isinstance(value, ast.Name) else None
        return [value] if resolved is None else [item.value for item in resolved[1] if item.value is not None]

    # -- lazy queries

    def is_consumed(self, query: ast.expr, ends: frozenset[str], followed: bool = True) -> bool:
        """Whether a lazy query is sent where it stands, or where the variable that it is assigned to is used.

        Args:
            query: the query object.
            ends: the methods that send it.
            followed: whether a variable may be followed.
        """
        index = self._module.index
        parent = index.parent(query)
        if isinstance(parent, ast.keyword):
            parent = index.parent(parent)
        if isinstance(parent, (ast.For, ast.AsyncFor, ast.comprehension)):
            return parent.iter is query
        if isinstance(parent, ast.Call):
            method = parent.func.attr if isinstance(parent.func, ast.Attribute) else None
            return self._module.qualname(parent.func) in _CONSUMERS or method in ("extend", "update", "join")
        if isinstance(parent, (ast.If, ast.While, ast.IfExp, ast.Assert)):
            return parent.test is query
        if isinstance(parent, (ast.YieldFrom, ast.Starred, ast.UnaryOp)):
            return True
        if isinstance(parent, ast.BoolOp):
            return isinstance(index.parent(parent), (ast.If, ast.While, ast.IfExp))
        if isinstance(parent, ast.Subscript):
            return not isinstance(parent.slice, ast.Slice) or self.is_consumed(parent, ends, followed)
        if isinstance(parent, ast.Compare):
            return query in parent.comparators and isinstance(parent.ops[-1], (ast.In, ast.NotIn))
        if isinstance(parent, ast.Assign) and followed and len(parent.targets) == 1:
            return any(self._consumes(use, ends) for use in self._uses(parent.targets[0]))
        return False

    def _uses(self, target: ast.expr) -> list[ast.Name]:
        if not isinstance(target, ast.Name):
            return []
        owner = self._module.scopes.owner(self._module.index.scope(target), target.id)
        return [] if owner is None else self._module.scopes.uses(owner, target.id)

    def _consumes(self, use: ast.Name, ends: frozenset[str]) -> bool:
        method = self._module.index.parent(use)
        if isinstance(method, ast.Attribute):
            return method.attr in ends and isinstance(self._module.index.parent(method), ast.Call)
        return self.is_consumed(use, ends, followed=False)

    def word(self, function: ast.expr) -> str:
        """The last identifier of a function, as its package calls it."""
        return (self._module.qualname(function) or _last(function) or "").rpartition(".")[2]

    # -- SQL

    def statement(self, query: Query) -> ast.expr | None:
        """The SQL or query object that a call is given; ``None`` where it takes none or it is hidden."""
        position = query.row.get("statement")
        return (
            None if position is None else argument(query.call, query.row.get("statement_keyword"), position)
        )

    def parts(self, value: ast.expr) -> list[str | ast.expr] | None:
        """The SQL text of an expression and what fills its holes: see :func:`~flake8_aiguard.shapes.text_parts`."""
        for _ in range(_LONGEST_CHAIN):
            if isinstance(value, ast.Name) and (bound := self._bound_once(value)) is not None:
                value = bound
            if not isinstance(value, ast.Call):
                break
            if value.args and self.word(value.func) in _TEXTS:
                value = value.args[0]
            elif isinstance(value.func, ast.Attribute) and value.func.attr in _SAME_TEXT:
                value = value.func.value
            else:
                break
        return text_parts(value)

    def _bound_once(self, name: ast.Name) -> ast.expr | None:
        """What a variable holds that one assignment binds: ``QUERY = "SELECT ..."``."""
        resolved = self._module.scopes.resolve(name)
        if resolved is None or len(resolved[1]) != 1 or resolved[1][0].kind is not Kind.ASSIGN:
            return None
        parent = self._module.index.parent(resolved[1][0].node)
        return resolved[1][0].value if isinstance(parent, ast.Assign) else None

    def is_sqlite(self, query: Query) -> bool:
        """Whether a query is a statement of sqlite3 or aiosqlite, which run in this process."""
        found = None if query.receiver is None else self._module.type_of(query.receiver)
        if found is not None:
            return found.partition(".")[0] in _SQLITE
        databases = self._module.index.packages & _database_packages()
        return query.row["kind"] == "sql" and bool(databases) and databases <= _SQLITE

    def is_local(self, query: Query) -> bool:
        """Whether a statement looks like one of sqlite3: ``self.db.execute("... = ?", (key,)).fetchone()``, whatever the file imports.

        Drivers that go to a server write ``%s``, or have no ``execute()`` but that of a cursor.
        """
        receiver, statement = query.receiver, self.statement(query)
        if not isinstance(receiver, ast.Attribute) or statement is None or self._module.type_of(receiver):
            return False
        parts = self.parts(statement) or ()
        return query.top is not query.call and any("?" in part for part in parts if isinstance(part, str))

    @lazy
    def is_in_memory(self) -> bool:
        """Whether all databases of SQLite that the file opens are in memory."""
        opened = [
            call
            for call in self._module.index.calls_named(("connect",))
            if (self._module.qualname(call.func) or "").partition(".")[0] in _SQLITE
        ]
        return bool(opened) and all(call.args and string(call.args[0]) == ":memory:" for call in opened)

    def verb(self, value: ast.expr) -> str | None:
        """The verb of a statement: of its text, or of the SQLAlchemy construct that builds it."""
        parts = self.parts(value)
        if parts is not None:
            found = _VERB.match(parts[0]) if isinstance(parts[0], str) else None
            return None if found is None else found[1].upper()
        start = _first_call(value)
        if start is None:
            return None
        if isinstance(start.func, ast.Attribute) and not (start.args or start.keywords):
            method = start.func.attr.upper()  # users.update().where(...)
            return method if method in _TABLE_METHODS else None
        return _CONSTRUCTS.get(self._module.qualname(start.func) or "")


@knowledge.cached
def known(kind: str) -> frozenset[str]:
    """The words of one kind, as the table ``queries.word`` lists them."""
    return frozenset(
        word for row in knowledge.rows("queries.word") if row["kind"] == kind for word in row["words"]
    )


def _start(call: ast.Call) -> tuple[ast.expr | None, tuple[ast.Call, ...]]:
    """What a chain of calls starts from, and the calls before the last one, last one first."""
    if not isinstance(call.func, ast.Attribute):
        return None, ()
    chain: list[ast.Call] = []
    node = call.func.value
    while isinstance(node, (ast.Call, ast.Await)) and len(chain) < _LONGEST_CHAIN:
        if isinstance(node, ast.Await):
            node = node.value
        elif isinstance(node.func, ast.Attribute):
            chain.append(node)
            # mongoengine calls the manager itself: User.objects(name=x)
            node = node.func if node.func.attr == "objects" else node.func.value
        else:
            return None, ()
    return node, tuple(chain)


def _first_call(node: ast.expr) -> ast.Call | None:
    found = None
    while isinstance(node, (ast.Call, ast.Attribute)):
        if isinstance(node, ast.Call):
            found, node = node, node.func
        else:
            node = node.value
    return found


def _plain(name: str) -> str:
    """``cursor`` for ``_cursor2``."""
    return name.strip("_").rstrip("0123456789")


def _last(node: ast.expr) -> str | None:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


@knowledge.cached
def _typed() -> Mapping[str, knowledge.Row]:
    return {**knowledge.by_call("queries.method"), **knowledge.by_call("queries.call")}


@knowledge.cached
def _by_method() -> Mapping[str, list[knowledge.Row]]:
    found: defaultdict[str, list[knowledge.Row]] = defaultdict(list)
    for row in knowledge.rows("queries.receiver"):
        for method in row["methods"]:
            found[method].append(row)
    return found


def _ends(row: knowledge.Row) -> frozenset[str]:
    """The methods that send the lazy query of a row: those of the other rows for the same receivers."""
    table = knowledge.rows("queries.receiver") if "names" in row else knowledge.rows("queries.method")
    same = "names" if "names" in row else "types"
    return frozenset(
        method
        for other in table
        if other.get(same) == row[same] and other.get("chain") and not other.get("lazy")
        for method in other["methods"]
    )


@knowledge.cached
def _packages() -> frozenset[str]:
    """The packages whose types the tables know."""
    return frozenset(name.partition(".")[0] for name in _typed())


@knowledge.cached
def _database_packages() -> frozenset[str]:
    """The packages whose types send SQL to a database."""
    return frozenset(
        name.partition(".")[0] for name, row in _typed().items() if row["kind"] in ("sql", "orm")
    )


def _is_local(name: str) -> bool:
    """Whether a type or a package belongs to a database that runs in this process."""
    return any(name.partition(".")[0] in row["packages"] for row in knowledge.rows("queries.local"))


def _typed_names(module: Module) -> frozenset[str]:
    return knowledge.names_of(names_by_package(), module.index.packages)


def _lazy_names(module: Module) -> frozenset[str]:
    return Queries(module).lazy_names()


@knowledge.cached
def _chain_methods() -> frozenset[str]:
    return frozenset(method for method, rows in _by_method().items() if any(row.get("chain") for row in rows))


@knowledge.cached
def _receiver_methods() -> frozenset[str]:
    return frozenset(_by_method())


@knowledge.cached
def _receiver_names() -> Mapping[str, frozenset[str]]:
    """The names of the receivers that each method may have; an empty one where any may."""
    return {
        method: frozenset(name for row in rows for name in row["names"] or [""])
        for method, rows in _by_method().items()
    }


@knowledge.cached
def names_by_package() -> Mapping[str, frozenset[str]]:
    """The last identifiers of typed queries, by the packages whose import may lead to them."""
    return knowledge.by_package(_typed())


@knowledge.cached
def _lazy_words() -> frozenset[str]:
    """What the source of a lazy query mentions."""
    rows = (row for row in knowledge.rows("queries.receiver") if row.get("lazy"))
    return frozenset(
        word
        for row in rows
        for word in ([f".{row['via']}("] if "via" in row else [f".{name}." for name in row["names"]])
    )
