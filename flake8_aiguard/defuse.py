"""Path reasoning within one function: which definitions of a name reach which of its uses.

Interprets the structured statements of one function (or of the module body) abstractly; nested functions count as uses.
"""

from __future__ import annotations

import ast

from flake8_aiguard.index import Function
from flake8_aiguard.lowering import Compiler
from flake8_aiguard.reaching import MAX_DEFINITIONS, Runner, flatten


class DefUse:
    """Reaching definitions of the local names of one function, lambda or module body.

    A definition is the node that binds: `ast.arg`, the assignment statement, `ast.NamedExpr`, the `for`
    statement, `ast.withitem`, `ast.alias`, `ast.ExceptHandler`, the capturing pattern, the nested `def` or
    `class`, or, for the names of a comprehension, its `ast.comprehension`. A use is a loaded `ast.Name` (an
    augmented assignment uses its target).

    Branches join, loops carry their definitions round, and a handler sees every definition of its `try` body.
    A use in a nested function sees every definition of the name.
    """

    def __init__(self, function: Function | ast.Module) -> None:
        compiled = Compiler(function)
        self._function = function  # its nodes must live as long as their ids are used here
        self._bound = compiled.bound
        self._unknown = compiled.unknown
        self._hidden = compiled.hidden
        self._inner = {id(use): node for use, node in compiled.inner}
        self._closure = {id(use) for loads in compiled.closure.values() for use in loads}
        runner = Runner()
        for argument in compiled.arguments:
            runner.write(argument.arg, argument)
        runner.run(compiled.ops)
        self._values = runner.values
        self._by_name = runner.by_name
        self._names: dict[int, dict[str, None]] = {}  # in order
        for name, nodes in compiled.bound.items():
            for node in nodes:
                self._names.setdefault(id(node), {})[name] = None
        for use, node in compiled.inner:
            self._by_name.setdefault(use.id, []).append(use)
            self._names.setdefault(id(node), {})[use.id] = None
        for name, loads in compiled.closure.items():
            self._by_name.setdefault(name, []).extend(loads)
        self._reverse: dict[str, dict[int, list[ast.Name]] | None] = {}

    def definitions(self, use: ast.Name) -> frozenset[ast.AST] | None:
        """The definitions that may reach a use.

        Returns:
            The binding nodes (empty where none reaches it), or `None` where they are unknown: the name is not
            bound here, is `global` or `nonlocal`, rebound by a nested function, may have been deleted, stands
            beside `exec` or a star import, or has more than 64 reaching definitions.
        """
        inner = self._inner.get(id(use))
        if inner is not None:
            return frozenset({inner})
        name = use.id
        if self._unknown is None or name in self._unknown or name not in self._bound:
            return None
        if id(use) in self._closure:
            nodes = self._bound[name]
            return frozenset(nodes) if len(nodes) <= MAX_DEFINITIONS else None
        if id(use) not in self._values:
            return None
        return flatten(self._values[id(use)])

    def uses(self, definition: ast.AST) -> tuple[ast.Name, ...] | None:
        """The uses that a definition may reach, in the order of the code, those in nested functions last.

        Returns:
            `None` where they are unknown: not a definition here, a use of the name has unknown definitions,
            or `locals()` or `eval` may read it.
        """
        names = self._names.get(id(definition))
        if names is None or self._hidden:
            return None
        found: list[ast.Name] = []
        for name in names:
            if name not in self._reverse:
                self._reverse[name] = self._uses_of(name)
            reverse = self._reverse[name]
            if reverse is None:
                return None
            found += reverse.get(id(definition), ())
        return tuple(found)

    def _uses_of(self, name: str) -> dict[int, list[ast.Name]] | None:
        if self._unknown is None or name in self._unknown:
            return None
        reverse: dict[int, list[ast.Name]] = {}
        for use in self._by_name.get(name, ()):
            definitions = self.definitions(use)
            if definitions is None:
                return None
            for definition in definitions:
                reverse.setdefault(id(definition), []).append(use)
        return reverse
