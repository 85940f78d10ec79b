"""Bindings, uses and escapes of names, per scope."""

from __future__ import annotations

import ast
import enum
from collections import defaultdict
from collections.abc import Collection
from typing import NamedTuple, TypeAlias

from flake8_aiguard.index import COMPREHENSIONS, FUNCTIONS, Index, Scope


class Kind(enum.Enum):
    """How a name is bound."""

    IMPORT = enum.auto()
    ASSIGN = enum.auto()
    ANNOTATED = enum.auto()
    AUGMENTED = enum.auto()
    PARAMETER = enum.auto()
    FUNCTION = enum.auto()
    CLASS = enum.auto()
    WITH = enum.auto()
    FOR = enum.auto()
    DELETE = enum.auto()
    OTHER = enum.auto()


class Binding(NamedTuple):
    """One binding of a name.

    Attributes:
        kind: how the name is bound.
        node: the node that binds it: a Name, arg, alias, definition, handler or pattern.
        value: what it is bound to, where that is one expression: the assigned value, the context expression of a
            ``with``, the iterable of a ``for``; ``None`` for unpacked targets and everything else.
        annotation: the annotation of a variable or parameter.
    """

    kind: Kind
    node: ast.AST
    value: ast.expr | None = None
    annotation: ast.expr | None = None


class Use(enum.Enum):
    """What one mention of a name does with its value."""

    RETURNED = enum.auto()
    YIELDED = enum.auto()
    STORED = enum.auto()
    PASSED = enum.auto()
    CLOSED_OVER = enum.auto()
    METHOD_CALL = enum.auto()
    ATTRIBUTE = enum.auto()
    METHOD_PASSED = enum.auto()
    SUBSCRIPT = enum.auto()
    TESTED = enum.auto()
    ENTERED = enum.auto()
    ITERATED = enum.auto()
    AWAITED = enum.auto()
    OTHER = enum.auto()


# Uses after which somebody else may hold the value.
ESCAPES = frozenset({Use.RETURNED, Use.YIELDED, Use.STORED, Use.PASSED, Use.CLOSED_OVER, Use.METHOD_PASSED})

_Table: TypeAlias = "dict[Scope, list[ast.AST]]"
_TRANSPARENT = (ast.Tuple, ast.List, ast.Set, ast.Dict, ast.Starred, ast.IfExp, ast.BoolOp, ast.NamedExpr)


class Scopes:
    """The symbol tables of one file.

    Args:
        index: the file's index.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._binders: defaultdict[str, list[ast.AST]] = defaultdict(list)
        self._tables: dict[str, _Table] = {}
        self._bindings: dict[tuple[Scope, str], list[Binding]] = {}
        self._globals: defaultdict[Scope, set[str]] = defaultdict(set)
        self._nonlocals: defaultdict[Scope, set[str]] = defaultdict(set)
        self._owners: dict[tuple[Scope, str], Scope | None] = {}
        self._mentions: dict[str, list[ast.Name]] | None = None
        self._uses: dict[str, dict[Scope | None, list[ast.Name]]] = {}
        self.star_imports = False
        self._collect()

    # -- bindings

    def _collect(self) -> None:
        """Sort what binds names by name: most names of a file are never asked for."""
        index, binders, load = self._index, self._binders, ast.Load
        for statement in index.nodes(ast.Global):
            self._globals[index.scope(statement)].update(statement.names)
        for outer in index.nodes(ast.Nonlocal):
            self._nonlocals[index.scope(outer)].update(outer.names)
        for name in [item for item in index.nodes(ast.Name) if item.ctx.__class__ is not load]:
            binders[name.id].append(name)
        for alias in index.nodes(ast.alias):
            if alias.name == "*":
                self.star_imports = True
            elif alias.asname is not None:
                binders[alias.asname].append(alias)
            elif isinstance(index.parent(alias), ast.Import):
                binders[alias.name.partition(".")[0]].append(alias)
            else:
                binders[alias.name].append(alias)
        for parameter in index.nodes(ast.arg):
            binders[parameter.arg].append(parameter)
        definitions: list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef] = [
            *index.nodes(ast.FunctionDef),
            *index.nodes(ast.AsyncFunctionDef),
            *index.nodes(ast.ClassDef),
        ]
        for definition in definitions:
            binders[definition.name].append(definition)
        others: list[ast.ExceptHandler | ast.MatchAs | ast.MatchStar] = [
            *index.nodes(ast.ExceptHandler),
            *index.nodes(ast.MatchAs),
            *index.nodes(ast.MatchStar),
        ]
        for other in others:
            if other.name:
                binders[other.name].append(other)
        for mapping in index.nodes(ast.MatchMapping):
            if mapping.rest:
                binders[mapping.rest].append(mapping)

    def _table(self, name: str) -> _Table:
        """What binds a name, by scope."""
        table = self._tables.get(name)
        if table is None:
            table = self._tables[name] = {}
            for node in self._binders.get(name, ()):
                scope = self._scope(node)
                if name in self._globals.get(scope, ()):
                    scope = self._index.tree
                elif name in self._nonlocals.get(scope, ()):
                    scope = self._enclosing_function(scope)
                table.setdefault(scope, []).append(node)
        return table

    def _scope(self, node: ast.AST) -> Scope:
        """The scope whose name a node binds, ``global`` and ``nonlocal`` aside."""
        index = self._index
        if isinstance(node, ast.arg):
            return index.parent(index.parent(node))  # type: ignore[arg-type, return-value]
        scope = index.scope(node)
        if isinstance(scope, COMPREHENSIONS) and isinstance(index.parent(node), ast.NamedExpr):
            while isinstance(scope, COMPREHENSIONS):
                scope = index.scope(scope)
        return scope

    def _binding(self, node: ast.AST) -> Binding:
        if isinstance(node, ast.Name):
            return self._bound_name(node)
        if isinstance(node, ast.arg):
            return Binding(Kind.PARAMETER, node, annotation=node.annotation)
        if isinstance(node, ast.alias):
            kind = Kind.IMPORT
        elif isinstance(node, ast.ClassDef):
            kind = Kind.CLASS
        else:
            is_function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            kind = Kind.FUNCTION if is_function else Kind.OTHER
        return Binding(kind, node)

    def _enclosing_function(self, scope: Scope) -> Scope:
        outer = self._index.scope(scope)
        while not isinstance(outer, FUNCTIONS) and outer is not self._index.tree:
            outer = self._index.scope(outer)
        return outer

    def _bound_name(self, name: ast.Name) -> Binding:
        index = self._index
        parent = index.parent(name)
        if isinstance(parent, (ast.Assign, ast.NamedExpr)):
            binding = Binding(Kind.ASSIGN, name, parent.value)
        elif isinstance(parent, ast.AnnAssign):
            binding = Binding(Kind.ANNOTATED, name, parent.value, parent.annotation)
        elif isinstance(parent, ast.AugAssign):
            binding = Binding(Kind.AUGMENTED, name)
        elif isinstance(parent, (ast.For, ast.AsyncFor, ast.comprehension)):
            binding = Binding(Kind.FOR, name, parent.iter)
        elif isinstance(parent, ast.withitem):
            binding = Binding(Kind.WITH, name, parent.context_expr)
        elif isinstance(parent, ast.Delete):
            binding = Binding(Kind.DELETE, name)
        elif isinstance(parent, (ast.Tuple, ast.List)):
            binding = Binding(Kind.ASSIGN, name, _unpacked(index, name, parent))
        else:
            binding = Binding(Kind.OTHER, name)
        return binding

    def bindings(self, scope: Scope, name: str) -> list[Binding]:
        """The bindings of a name in one scope, in no particular order; not to be changed."""
        nodes = self._table(name).get(scope)
        if nodes is None:
            return []
        key = (scope, name)
        if key not in self._bindings:
            self._bindings[key] = [self._binding(node) for node in nodes]
        return self._bindings[key]

    def names(self) -> Collection[str]:
        """The names that some scope of the file binds."""
        return self._binders.keys()

    def binders(self, name: str) -> list[ast.AST]:
        """The nodes that bind a name in any scope; not to be changed."""
        return self._binders.get(name, [])

    def owner(self, scope: Scope, name: str) -> Scope | None:
        """The scope in which a name that is used in ``scope`` is bound.

        Args:
            scope: where the name stands.
            name: the identifier.

        Returns:
            The scope, or ``None`` where the file does not bind the name (a built-in, or from a star import).
        """
        key = (scope, name)
        if key not in self._owners:
            self._owners[key] = self._find_owner(scope, name)
        return self._owners[key]

    def _find_owner(self, scope: Scope, name: str) -> Scope | None:
        tree, table = self._index.tree, self._table(name)
        if table.keys() <= {tree}:
            return tree if table else None
        start = scope
        while scope is not tree:
            if name in self._globals.get(scope, ()):
                break
            # A class body sees its own names; the functions in it do not.
            visible = scope is start or not isinstance(scope, ast.ClassDef)
            if visible and scope in table and name not in self._nonlocals.get(scope, ()):
                return scope
            scope = self._index.scope(scope)
        return tree if tree in table else None

    def resolve(self, name: ast.Name) -> tuple[Scope, list[Binding]] | None:
        """The scope and the bindings that a name refers to; ``None`` where the file does not bind it."""
        tree, table = self._index.tree, self._table(name.id)
        # Most names are bound in the module alone, or not at all: no climb to their scope is needed.
        if table.keys() <= {tree}:
            return (tree, self.bindings(tree, name.id)) if table else None
        owner = self.owner(self._index.scope(name), name.id)
        return None if owner is None else (owner, self.bindings(owner, name.id))

    # -- uses

    def uses(self, scope: Scope, name: str) -> list[ast.Name]:
        """The loads of the variable ``name`` of ``scope``, those in nested scopes included, in document order."""
        by_scope = self._uses.get(name)
        if by_scope is None:
            if self._mentions is None:
                found, load = defaultdict(list), ast.Load
                for mention in self._index.nodes(ast.Name):
                    if mention.ctx.__class__ is load:
                        found[mention.id].append(mention)
                self._mentions = found
            mentions, table = self._mentions.get(name, []), self._table(name)
            if table.keys() <= {self._index.tree}:
                by_scope = self._uses[name] = {self._index.tree if table else None: mentions}
            else:
                by_scope = self._uses[name] = defaultdict(list)
                for mention in mentions:
                    by_scope[self.owner(self._index.scope(mention), name)].append(mention)
        return by_scope.get(scope, [])

    def use(self, name: ast.Name) -> tuple[Use, ast.AST]:
        """What one load of a name does with its value.

        Args:
            name: the load.

        Returns:
            The use, and the node that decides it: the return statement, the call that it is passed to, the method call.
            For a name passed on inside a display (``return f, x``), what happens to the display.
        """
        return self.use_of(name, self.owner(self._index.scope(name), name.id))

    def use_of(self, value: ast.expr, owner: Scope | None = None) -> tuple[Use, ast.AST]:
        """As :meth:`use`, for any expression.

        Args:
            value: the expression.
            owner: the scope that its name belongs to: a use in a function within that scope is a closure.
        """
        index = self._index
        if owner is not None and index.function(value) is not _function(index, owner):
            return Use.CLOSED_OVER, value
        node: ast.AST = value
        parent = index.parent(node)
        while parent is not None:
            if isinstance(parent, ast.IfExp) and node is parent.test:
                return Use.TESTED, parent
            if isinstance(parent, ast.NamedExpr):
                return Use.STORED, parent
            if not isinstance(parent, _TRANSPARENT):
                break
            node, parent = parent, index.parent(parent)
        return _classify(index, node, parent)


def _function(index: Index, scope: Scope) -> ast.AST | None:
    return scope if isinstance(scope, FUNCTIONS) else index.function(scope)


def _unpacked(index: Index, name: ast.Name, target: ast.Tuple | ast.List) -> ast.expr | None:
    """The value that ``a, b = x, y`` gives to one of its names."""
    assign = index.parent(target)
    if not isinstance(assign, ast.Assign) or not isinstance(assign.value, (ast.Tuple, ast.List)):
        return None
    values = assign.value.elts
    if len(values) != len(target.elts) or any(
        isinstance(item, ast.Starred) for item in (*values, *target.elts)
    ):
        return None
    return next((value for item, value in zip(target.elts, values, strict=True) if item is name), None)


def _classify(index: Index, node: ast.AST, parent: ast.AST | None) -> tuple[Use, ast.AST]:
    use, decider = Use.OTHER, parent if parent is not None else node
    if isinstance(parent, ast.Attribute):
        outer = index.parent(parent)
        if isinstance(outer, ast.Call) and outer.func is parent:
            use, decider = Use.METHOD_CALL, outer
        elif isinstance(outer, (ast.Call, ast.keyword, ast.Return, *_TRANSPARENT)):
            use, decider = Use.METHOD_PASSED, parent
        else:
            use = Use.ATTRIBUTE
    elif isinstance(parent, ast.Call):
        use = Use.PASSED if node is not parent.func else Use.METHOD_CALL
    elif isinstance(parent, ast.keyword):
        use, decider = Use.PASSED, index.parent(parent) or parent
    elif isinstance(parent, ast.Return) or (isinstance(parent, ast.Lambda) and node is parent.body):
        use = Use.RETURNED
    elif isinstance(parent, (ast.Yield, ast.YieldFrom)):
        use = Use.YIELDED
    elif isinstance(parent, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        use = Use.STORED
    elif isinstance(parent, ast.Subscript):
        use = Use.SUBSCRIPT if node is parent.value else Use.OTHER
    elif isinstance(parent, (ast.Compare, ast.If, ast.While, ast.Assert)) or (
        isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)
    ):
        use = Use.TESTED
    elif isinstance(parent, ast.withitem):
        use = Use.ENTERED
    elif isinstance(parent, (ast.For, ast.AsyncFor)):
        use = Use.ITERATED if node is parent.iter else Use.OTHER
    elif isinstance(parent, ast.comprehension):
        use = Use.ITERATED if node is parent.iter else Use.TESTED
    elif isinstance(parent, ast.Await):
        use = Use.AWAITED
    elif isinstance(parent, COMPREHENSIONS):
        use = Use.STORED
    return use, decider
