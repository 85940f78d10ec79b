"""Which variables of a module are constants, and which functions change them on purpose."""

from __future__ import annotations

import ast
import functools
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final, cast

from flake8_aiguard.children import walk
from flake8_aiguard.classes import ending
from flake8_aiguard.index import TRIES, Function, Scope, Try
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Binding, Kind
from flake8_aiguard.shapes import dotted, holds, is_constant, last_name, names_in, parameters, root

_CAPITALS: Final = regex(r"_{0,2}[A-Z][A-Z0-9]+(_[A-Z0-9]+)*_?|_{0,2}[A-Z](_[A-Z0-9]+)+")
# Words of names that say that the value is to change.
_STATE: Final = regex(
    r"(?:^|_)(ACTIVE|BUFFERS?|CACHED?|CACHES|CLIENTS?|CONNECTIONS?|CONTEXTS?|COUNT|COUNTS|COUNTERS?|CURRENT|DB|DATABASE|FLAGS?"
    r"|HISTORY|INITIALI[SZ]ED|INSTANCES?|JOBS|LAST|LOADED|LOCKS?|MEMO|METRICS|NEXT|PENDING|POOLS?|PREVIOUS|QUEUES?|REGISTERED"
    r"|REGISTRATIONS?|REGISTRY|REGISTRIES|RUNNING|SEEN|SEQ|SEQUENCE|SESSIONS?|STATES?|STATISTICS|STATS|STATUS(?!_(?:CODES?|COLOU?RS?|LABELS?|MAP|MAPPING|MESSAGES?|NAMES?|TEXTS?)(?:_|$))|STORE|TASKS|WARNED)(?=_|$)"
)
_SAID: Final = regex(
    r"\b(accumulat|cach|chang(?:e|ed|es) (?:at|by|in|on)|configurable|filled|global state|lazil|may be changed|memo|modified|mutable"
    r"|mutated|overrid|overwritten|populated|re-?assigned|registr|runtime|set (?:at|by|from|in|on|via|when)|singleton|updated)",
    re.IGNORECASE,
)
# Words of names that say constant, for what another module binds.
_SAYS_CONSTANT: Final = regex(r"(?:^|_)(ALLOWED|DEFAULTS?|EXCLUDED|MAX|MIN|REQUIRED|SUPPORTED|VALID)(?=_|$)")
# First words of the names of functions whose task is the change; those that configure rebind what they are given.
_ON_PURPOSE: Final = regex(
    r"(?!__)_?(deregister|install|main|monkeypatch|register|set_?[uU]p|tear_?[dD]own|unregister)(?![a-z])"
)
_PUTS_BACK: Final = regex(r"(?!__)_?(clear|invalidate|reset|restore)(?![a-z])")
_CONFIGURES: Final = regex(
    r"(?!__)_?(bootstrap|configure|disable|enable|init|initiali[sz]e|install|load|parse_args|refresh|reload|use)(?![a-z])"
)
_ADDS: Final = regex(r"_*(?:add|register)_")
_PUTS: Final = ("add", "append")
_GROWS: Final = ("add", "append", "extend", "insert")
_TAKES: Final = ("discard", "remove")
_RANDOM: Final = regex(r"rand|uuid|nonce|token_(bytes|hex|urlsafe)", re.IGNORECASE)
_SETTINGS: Final = regex(r"(?:^|_)(CONF|CONFIG|CONFIGURATION|OPTIONS|PREFERENCES|SETTINGS)(?=_|$)")
_SETTER: Final = regex(r"_*set(?![a-z])")
_HOOKS: Final = frozenset(
    {"__enter__", "__exit__", "__aenter__", "__aexit__", "__getattr__", "__init_subclass__", "__set_name__"}
)
_TEMPORARY: Final = frozenset({"contextmanager", "asynccontextmanager", "fixture"})
_ONCE: Final = ("functools.cache", "functools.lru_cache")
_CONTAINERS: Final = frozenset(
    f"builtins.{name}" for name in ("bytearray", "dict", "frozenset", "list", "set", "tuple")
) | {"collections.OrderedDict", "collections.deque"}
_DISPLAYS: Final = (
    ast.Constant,
    ast.Dict,
    ast.DictComp,
    ast.List,
    ast.ListComp,
    ast.Set,
    ast.SetComp,
    ast.Tuple,
)
_IMMUTABLE: Final = (ast.Constant, ast.JoinedStr, ast.Tuple)
_DEPTH: Final = 8


class Constants:
    """The constants of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def named(self) -> Iterator[tuple[str, bool]]:
        """The constants of the module that code may change: those bound once, to what cannot change in place, are left out.

        Yields:
            Each name, and whether its value can be changed in place.
        """
        scopes, tree, index = self._module.scopes, self._module.tree, self._module.index
        # By the names, as most statements of a module bind none in capitals.
        for name in scopes.names():
            if not name.isupper():
                continue
            binders = scopes.binders(name)
            if len(binders) == 1 and isinstance(getattr(index.parent(binders[0]), "value", None), _IMMUTABLE):
                continue
            bindings = scopes.bindings(tree, name)
            if len(bindings) == 1 and isinstance(bindings[0].value, _IMMUTABLE):
                continue
            first = next(filter(self._is_assigned_on_import, bindings), None)
            if first is not None and self.is_constant(name):
                yield name, not isinstance(first.value, _IMMUTABLE)

    def _is_assigned_on_import(self, binding: Binding) -> bool:
        index = self._module.index
        return (
            isinstance(index.parent(binding.node), (ast.Assign, ast.AnnAssign))
            and index.function(binding.node) is None
        )

    def imported(self) -> Iterator[tuple[Scope, str]]:
        """The scopes and names of constants that are imported from another module, whose names alone say so."""
        index = self._module.index
        for alias in index.nodes(ast.alias):
            if (
                alias.name.isupper()
                and _CAPITALS.fullmatch(alias.name)
                and _SAYS_CONSTANT.search(alias.name)
                and not self.is_state(alias.name)
            ):
                yield index.scope(alias), alias.asname or alias.name

    def is_constant(self, name: str) -> bool:
        """Whether a variable of the module is a constant: its name, its values and the comments beside them say so."""
        module = self._module
        if not _CAPITALS.fullmatch(name) or self.is_state(name):
            return False
        on_import = [
            binding
            for binding in module.scopes.bindings(module.tree, name)
            if binding.kind is not Kind.AUGMENTED and module.index.function(binding.node) is None
        ]
        return bool(on_import) and all(
            binding.value is not None
            and binding.kind in (Kind.ASSIGN, Kind.ANNOTATED)
            and self.has_content(binding.value)
            and not any(module.index.loops(binding.node))
            and not self._is_said_to_change(binding.node)
            for binding in on_import
        )

    @staticmethod
    def is_state(name: str) -> bool:
        """Whether a name says that its value is to change: a cache, a registry, a counter."""
        return bool(_STATE.search(name.upper()))

    def has_content(self, value: ast.expr, depth: int = _DEPTH) -> bool:
        """Whether an expression is written as the value of a constant, not as a place to fill.

        Args:
            value: the expression.
            depth: through how many displays it is followed.

        Returns:
            ``False`` for what is empty, a flag or ``None``, for containers of nothing but these, and for most calls.
        """
        if depth == 0:
            return True
        if isinstance(value, ast.Constant):
            return not isinstance(value.value, bool) and bool(value.value)
        if isinstance(value, (ast.List, ast.Set, ast.Tuple)):
            return any(self._is_filled(item, depth) for item in value.elts)
        if isinstance(value, ast.Dict):
            return any(self._is_filled(item, depth) for item in value.values)
        if isinstance(value, (ast.ListComp, ast.SetComp)):
            return self._is_filled(value.elt, depth)
        if isinstance(value, ast.DictComp):
            return self._is_filled(value.value, depth)
        if isinstance(value, ast.BinOp):
            sides = (value.left, value.right)
            return all(self.has_content(side, depth - 1) for side in sides)
        if isinstance(value, ast.Call) and self._module.qualname(value.func) in _CONTAINERS:
            given = [*value.args[:1], *(item.value for item in value.keywords)]
            return any(not isinstance(item, _DISPLAYS) or self.has_content(item, depth - 1) for item in given)
        return isinstance(value, ast.JoinedStr)

    def is_container(self, value: ast.expr) -> bool:
        """Whether an expression makes a container, be it empty: ``{}``, ``list()``."""
        if isinstance(value, ast.Call):
            return self._module.qualname(value.func) in _CONTAINERS
        return isinstance(value, (ast.Dict, ast.List, ast.Set))

    def _is_filled(self, item: ast.expr, depth: int) -> bool:
        """Whether an item of a container is anything but a placeholder."""
        if isinstance(
            item, (ast.Constant, ast.List, ast.Set, ast.Tuple, ast.Dict, ast.ListComp, ast.DictComp)
        ):
            return self.has_content(item, depth - 1)
        if isinstance(item, ast.Call) and not item.args and not item.keywords:
            return self._module.qualname(item.func) not in _CONTAINERS
        return not isinstance(item, ast.UnaryOp)

    def _is_said_to_change(self, node: ast.AST) -> bool:
        """Whether a comment at an assignment or directly above it says that the value is to change."""
        lines = self._module.lines
        statement = self._module.index.statement(node)
        text = []
        line = statement.lineno - 2
        while line >= 0 and lines[line].lstrip().startswith("#"):
            text.append(lines[line])
            line -= 1
        for line in {statement.lineno, statement.end_lineno or statement.lineno}:
            text.append(lines[line - 1].partition("#")[2])
        return bool(_SAID.search("".join(text)))

    # -- who changes it

    def is_on_purpose(self, node: ast.AST, name: str, *, is_final: bool = False) -> bool:
        """Whether a change of a constant is the task of the code around it.

        Args:
            node: the change.
            name: the constant.
            is_final: whether it is declared ``Final``, which a hook such as ``add_host(host)`` does not outweigh.

        Returns:
            Whether it runs on import, in a function that registers, resets or configures, in one that sets what it is given or
            is named for it, in a decorator, at most once, is undone in a ``finally``, makes an entry on demand, adds what could
            not be imported before, or is bound together with flags.
        """
        index = self._module.index
        function = index.function(node)
        if function is None or self._is_undone(function, name) or self._falls_back(node, name):
            return True
        if self._is_new_in_each_run(node, name) or self._is_cell(node, name) or self._is_made_on_demand(node):
            return True
        if self._is_kept_by_hooks(node, function, name) or self._is_next_number(node, function, name):
            return True
        if self._adds_import(node, function) or self._goes_with_flags(node, function, name):
            return True
        if self._is_unregistered(function, name):
            return True
        while function is not None:
            if not isinstance(function, ast.Lambda):
                is_setter = function.name.strip("_") == f"set_{name.strip('_').lower()}"
                is_whole = (
                    isinstance(node, ast.Name)
                    or ast.get_docstring(function) is not None
                    or self._is_refilled(node)
                )
                if (is_setter and is_whole) or self._is_task(function, node, is_final=is_final):
                    return True
            function = index.function(function)
        return False

    def _is_refilled(self, node: ast.AST) -> bool:
        """Whether a change takes out all that a container held: ``ROLES[:] = roles``, ``ROLES.clear()``."""
        if isinstance(node, ast.Subscript):
            return isinstance(node.slice, ast.Slice) and node.slice.lower is node.slice.upper is None
        statement = self._module.index.statement(node)
        return (
            isinstance(statement, ast.Expr)
            and isinstance(statement.value, ast.Call)
            and last_name(statement.value.func) == "clear"
        )

    def _is_made_on_demand(self, node: ast.AST) -> bool:
        """Whether an entry is made when it is first asked for: behind a check that there is none, or where looking it up failed."""
        if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Store):
            return False
        statement = self._module.index.statement(node)
        guard = self._module.index.parent(statement)
        if isinstance(guard, ast.ExceptHandler) and last_name(guard.type) == "KeyError":
            attempt = cast(Try, self._module.index.parent(guard))
            entry = (dotted(node.value), ast.dump(node.slice))
            return any(
                isinstance(item, ast.Subscript) and (dotted(item.value), ast.dump(item.slice)) == entry
                for part in attempt.body
                for item in walk(part)
            )
        return (
            isinstance(guard, ast.If)
            and holds(guard.body, statement)
            and isinstance(guard.test, ast.Compare)
            and isinstance(guard.test.ops[0], ast.NotIn)
            and ast.dump(guard.test.left) == ast.dump(node.slice)
            and dotted(guard.test.comparators[0]) == dotted(node.value)
        )

    def _is_cell(self, node: ast.AST, name: str) -> bool:
        """Whether a list of one item is there for this item to be changed: ``CHARSET[0] = config.charset``."""
        bindings = self._module.scopes.bindings(self._module.tree, name)
        return (
            isinstance(node, ast.Subscript)
            and is_constant(node.slice, 0)
            and all(isinstance(item.value, ast.List) and len(item.value.elts) == 1 for item in bindings)
        )

    def _is_next_number(self, node: ast.AST, function: Function, name: str) -> bool:
        """Whether a variable counts on, and the function takes the next number at once."""
        index = self._module.index
        statement = index.statement(node)
        return (
            isinstance(statement, ast.AugAssign)
            and isinstance(statement.value, ast.Constant)
            and any(
                use.lineno > statement.lineno and index.function(use) is function
                for use in self._module.scopes.uses(self._module.tree, name)
            )
        )

    def _is_kept_by_hooks(self, node: ast.AST, function: Function, name: str) -> bool:
        """Whether one function does nothing but add what it is given, and another nothing but take it out again: ``ignore(x)`` and
        ``unignore(x)`` are how the collection is to be changed."""
        hooks: dict[bool, set[Function]] = {True: set(), False: set()}
        for call in self._module.index.calls_named((*_PUTS, *_TAKES)):
            hook = self._module.index.function(call)
            if (
                isinstance(call.func, ast.Attribute)
                and isinstance(call.func.value, ast.Name)
                and call.func.value.id == name
                and isinstance(hook, ast.FunctionDef)
                and self._only_adds(hook, call)
            ):
                hooks[call.func.attr in _PUTS].add(hook)
        return bool(hooks[True] and hooks[False]) and function in hooks[True] | hooks[False]

    def _is_unregistered(self, function: Function, name: str) -> bool:
        """Whether a function takes out what ``register_...`` of the file puts in: ``remove_host`` beside ``register_host``."""
        verb, _, noun = getattr(function, "name", "").partition("_")
        if verb not in ("delete", "drop", "remove"):
            return False
        index = self._module.index
        return any(
            getattr(index.function(use), "name", None) == f"register_{noun}"
            for use in self._module.scopes.uses(self._module.tree, name)
        )

    def _is_new_in_each_run(self, node: ast.AST, name: str) -> bool:
        """Whether a run chooses its own value, such as a random text, and only functions read it: ``MARK = random_text()``."""
        statement = self._module.index.statement(node)
        if not isinstance(statement, ast.Assign) or not isinstance(node, ast.Name):
            return False
        scopes, index = self._module.scopes, self._module.index
        return any(
            isinstance(item, ast.Call) and _RANDOM.search(last_name(item.func) or "")
            for item in ast.walk(statement.value)
        ) and all(index.function(use) is not None for use in scopes.uses(self._module.tree, name))

    def _falls_back(self, node: ast.AST, name: str) -> bool:
        """Whether a constant is refined once it can be, and else stays: ``WIDTH = ask() or WIDTH``."""
        statement = self._module.index.statement(node)
        value = statement.value if isinstance(statement, ast.Assign) else None
        return isinstance(value, ast.BoolOp) and any(
            isinstance(item, ast.Name) and item.id == name for item in value.values
        )

    def _adds_import(self, node: ast.AST, function: Function) -> bool:
        """Whether a change puts in what the function itself imports, late because modules import each other."""
        value = getattr(self._module.index.statement(node), "value", None)
        if not isinstance(value, (ast.Attribute, ast.Name, ast.Tuple, ast.List)):
            return False
        return any(
            binding.kind is Kind.IMPORT
            for name in names_in(value)
            for binding in self._module.scopes.bindings(function, name.id)
        )

    def _goes_with_flags(self, node: ast.AST, function: Function, name: str) -> bool:
        """Whether a function sets a variable together with flags of the module, for an entry under names in capitals as well: state."""
        module = self._module
        is_bound = isinstance(node, ast.Name)
        together = {
            other
            for statement in module.index.nodes(ast.Global)
            if module.index.function(statement) is function and (name in statement.names or not is_bound)
            for other in statement.names
            if is_bound or _CAPITALS.fullmatch(other)
        }
        return any(
            isinstance(binding.value, ast.Constant) and isinstance(binding.value.value, (bool, type(None)))
            for other in together - {name}
            for binding in module.scopes.bindings(module.tree, other)
            if module.index.function(binding.node) is None
        )

    def _is_task(
        self, function: ast.FunctionDef | ast.AsyncFunctionDef, node: ast.AST, *, is_final: bool
    ) -> bool:
        owner = self._module.index.class_of(function)
        if owner is not None and any(self._module.qualname(base) == "builtins.type" for base in owner.bases):
            return True
        if owner is not None and isinstance(node, ast.Subscript) and self._is_command(owner):
            return True
        if function.name in _HOOKS or _ON_PURPOSE.match(function.name):
            return True
        if _PUTS_BACK.match(function.name) and not self._only_grows(function, node):
            return True
        if isinstance(node, ast.Name) and _CONFIGURES.match(function.name):
            return True
        is_adder = not is_final and _ADDS.match(function.name) is not None
        if is_adder and (self._only_adds(function, node) or self._says_that_it_adds(function, node)):
            return True
        for item in function.decorator_list:
            decorator = item.func if isinstance(item, ast.Call) else item
            runs_once = self._module.qualname(decorator) in _ONCE and not parameters(function)
            if runs_once or ending(self._module, decorator) in _TEMPORARY:
                return True
        is_setter = _SETTER.match(function.name) and (
            isinstance(node, ast.Name)
            or ast.get_docstring(function) is not None
            or _SETTINGS.search(getattr(root(node), "id", "") if isinstance(node, ast.expr) else "")
        )
        if (is_setter or self._hands_back(function)) and self._stores_parameter(function, node):
            return True
        return self._decorates(function) or self._runs_on_import(function)

    def _only_grows(self, function: ast.FunctionDef | ast.AsyncFunctionDef, node: ast.AST) -> bool:
        """Whether a change only adds to what there is, and the function neither empties nor binds it: nothing is put back."""
        statement = self._module.index.statement(node)
        name = root(node) if isinstance(node, ast.expr) else None
        is_added = isinstance(statement, ast.AugAssign) or (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _GROWS
        )
        return (
            is_added
            and isinstance(name, ast.Name)
            and not any(
                isinstance(use, ast.Name)
                and use.id == name.id
                and (
                    isinstance(self._module.index.parent(use), (ast.Assign, ast.AnnAssign))
                    or last_name(self._module.index.parent(use)) in ("clear", "remove", "discard", "pop")
                )
                for use in ast.walk(function)
            )
        )

    @staticmethod
    def _is_command(owner: ast.ClassDef) -> bool:
        """Whether a class is a command, which runs once in its process: what it fills in, it alone has."""
        return any((last_name(base) or "").endswith("Command") for base in owner.bases)

    def _only_adds(self, function: ast.FunctionDef | ast.AsyncFunctionDef, node: ast.AST) -> bool:
        """Whether a change that puts in what a function is given is all that it does: it is there to be called on start-up.

        One that rebinds through ``global`` is, where it has a docstring.
        """
        body = function.body
        if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            body = [statement for statement in body[1:] if not isinstance(statement, ast.Global)]
        return body == [self._module.index.statement(node)] and self._stores_parameter(function, node)

    def _says_that_it_adds(self, function: ast.FunctionDef | ast.AsyncFunctionDef, node: ast.AST) -> bool:
        """Whether a public function of the module with a docstring puts in what it is given: that is how others extend a table,
        unless the table's name says that it has all there is to be."""
        name = root(node) if isinstance(node, ast.expr) else node
        return (
            not function.name.startswith("_")
            and self._module.index.class_of(function) is None
            and ast.get_docstring(function, clean=False) is not None
            and not _SAYS_CONSTANT.search(getattr(name, "id", ""))
            and self._stores_parameter(function, node)
        )

    def _stores_parameter(self, function: ast.FunctionDef | ast.AsyncFunctionDef, node: ast.AST) -> bool:
        """Whether what a change puts in is made of a parameter of the function."""
        given = {parameter.arg for parameter in parameters(function)}
        changed = root(node) if isinstance(node, ast.expr) else node
        statement = self._module.index.statement(node)
        stored = statement.value if isinstance(statement, ast.Assign) else statement
        return any(item.id in given and item is not changed for item in names_in(stored))

    @memoised
    def _decorates(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Whether a function is used as a decorator in this file."""
        index = self._module.index
        for mention in self._mentions.get(function.name, ()):
            outer = index.parent(mention)
            user = index.parent(outer) if isinstance(outer, ast.Call) and outer.func is mention else outer
            if isinstance(user, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and any(
                item in (mention, outer) for item in user.decorator_list
            ):
                return True
        return False

    def _hands_back(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Whether a function returns what it is given, as a decorator does."""
        given = {parameter.arg for parameter in parameters(function)}
        last = function.body[-1]
        return isinstance(last, ast.Return) and isinstance(last.value, ast.Name) and last.value.id in given

    @memoised
    def _runs_on_import(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Whether a function is only ever called by code that runs on import."""
        index = self._module.index
        mentions = self._mentions.get(function.name, ())
        return bool(mentions) and all(
            isinstance(index.parent(mention), ast.Call)
            and index.function(mention) is None
            and not any(
                isinstance(outer, ast.If) and any(item.id == "__name__" for item in names_in(outer.test))
                for outer in index.ancestors(mention)
            )
            for mention in mentions
        )

    @memoised
    def _is_undone(self, function: Function, name: str) -> bool:
        """Whether a function writes the constant in a ``finally`` too, or the ``__exit__`` of its class calls it or names the
        constant: what it was before."""
        index = self._module.index
        owner = index.class_of(function)
        leave = None if owner is None or isinstance(function, ast.Lambda) else self._leaving(owner)
        if leave is not None and any(
            (isinstance(part, ast.Name) and part.id == name)
            or (isinstance(part, ast.Attribute) and part.attr == getattr(function, "name", ""))
            for part in walk(leave)
        ):
            return True
        tries = cast("list[Try]", [statement for kind in TRIES for statement in index.nodes(kind)])
        return any(
            item.id == name
            for statement in tries
            if statement.finalbody and index.function(statement) is function
            for part in statement.finalbody
            for item in names_in(part)
        )

    @staticmethod
    def _leaving(owner: ast.ClassDef) -> ast.FunctionDef | None:
        return next(
            (item for item in owner.body if isinstance(item, ast.FunctionDef) and item.name == "__exit__"),
            None,
        )

    @functools.cached_property
    def _mentions(self) -> dict[str, list[ast.Name]]:
        found: dict[str, list[ast.Name]] = defaultdict(list)
        for name in self._module.index.nodes(ast.Name):
            if isinstance(name.ctx, ast.Load):
                found[name.id].append(name)
        return found
