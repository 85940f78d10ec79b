"""What a function does with a value that it has looked up: whether another type of value would come to light, or harm."""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence
from typing import Final, TypeGuard

from flake8_aiguard.children import walk
from flake8_aiguard.index import FUNCTIONS
from flake8_aiguard.memo import lazy
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import following, last_name, start_of, string
from flake8_aiguard.untyped import asked
from flake8_aiguard.wordings import name_words

_STEPS: Final = 8  # of a chain of lookups
_FUNCTION: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
_NEXT: Final = 2  # statements behind an assignment in which the value is used at once
_LOOKS: Final = ("get", "items", "keys", "values")
_SWEEPS: Final = ("items", "keys", "values")
# Functions that raise TypeError for what is no text.
_TAKE_TEXT: Final = frozenset(
    {
        *(
            f"re.{name}"
            for name in ("findall", "finditer", "fullmatch", "match", "search", "split", "sub", "subn")
        ),
        *(
            "ast.parse",
            "base64.b64decode",
            "binascii.unhexlify",
            "html.escape",
            "html.unescape",
            "json.loads",
        ),
        *("shlex.split", "textwrap.dedent"),
    }
)
# Methods and functions whose arguments are only shown to people.
_SHOW: Final = frozenset(
    {
        *("critical", "debug", "echo", "error", "exception", "fail", "info", "log", "notice", "secho"),
        *("success", "trace", "verbose", "warn", "warning"),
    }
)
_TELL: Final = frozenset({"announce", "display", "message", "notify", "reply", "say", "send", "show", "tell"})
_ARRAYS: Final = ("numpy.array", "numpy.asarray", "torch.tensor", "torch.as_tensor")
_NAMES_A_PLACE: Final = regex(
    r"(?i)(?:^|_)(?:cmd|command|endpoint|file|filename|key|path|query|sql|stmt|uri|url)s?$"
)
_PASSES: Final = (ast.Call, ast.FormattedValue, ast.Return, ast.Tuple, ast.keyword)  # what computes nothing
_SAME: Final = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)


class Handling:
    """The uses of the values that one file looks up.

    Args:
        module: the file.
        others: the types that a document may hold.
    """

    def __init__(self, module: Module, others: Sequence[type]) -> None:
        self._module = module
        self._others = others

    def uses(self, target: ast.expr) -> list[ast.Name]:
        """The mentions of a local variable; none for anything else."""
        resolved = self._module.scopes.resolve(target) if isinstance(target, ast.Name) else None
        if resolved is None or not isinstance(resolved[0], FUNCTIONS) or not isinstance(target, ast.Name):
            return []
        return list(self._module.scopes.uses(resolved[0], target.id))

    def only_looks_into(self, target: ast.expr) -> bool:
        """Whether a container is only looked into, filled, and put back, as in the lookup itself: nobody relies on more than that."""
        uses = self.uses(target)
        return bool(uses) and all(map(self._looks_into, uses))

    def only_asks(self, target: ast.expr) -> bool:
        """Whether a dict is only asked by ``.get()``, which nothing else has that a document may hold."""
        parents = [self._module.index.parent(use) for use in self.uses(target)]
        return bool(parents) and all(
            isinstance(parent, ast.Attribute) and parent.attr == "get" for parent in parents
        )

    def _looks_into(self, use: ast.Name) -> bool:
        parent = self._module.index.parent(use)
        if isinstance(parent, ast.Attribute):
            return parent.attr in _LOOKS
        if isinstance(parent, ast.Subscript):
            return parent.value is use
        if isinstance(parent, (ast.For, ast.comprehension)):
            return parent.iter is use
        if isinstance(parent, ast.Assign):
            return all(isinstance(target, ast.Subscript) for target in parent.targets)
        return isinstance(parent, ast.FormattedValue)

    def only_hands_on(self, target: ast.expr) -> bool:
        """Whether a method does nothing with a value but hand it on by its name to an object of its own: ``self.api.put(name=name)``."""
        uses = self.uses(target)
        return bool(uses) and all(map(self._hands_on, uses))

    def _hands_on(self, use: ast.Name) -> bool:
        keyword = self._module.index.parent(use)
        call = self._module.index.parent(keyword) if isinstance(keyword, ast.keyword) else None
        if not isinstance(call, ast.Call) or not isinstance(keyword, ast.keyword) or keyword.arg != use.id:
            return False
        receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
        return isinstance(receiver, ast.Attribute) and last_name(receiver.value) == "self"

    def only_passes_out(self, target: ast.expr) -> bool:
        """Whether a value is only returned, logged, or handed on by its name."""
        uses = self.uses(target)
        return bool(uses) and all(map(self._passes_out, uses))

    def _passes_out(self, use: ast.Name) -> bool:
        parent = self._module.index.parent(use)
        if isinstance(parent, ast.Tuple):
            parent = self._module.index.parent(parent)
        if isinstance(parent, ast.keyword):
            return parent.arg == use.id
        return isinstance(parent, ast.Return) or self._shows(use)

    def is_reckoned_with(self, target: ast.expr) -> bool:
        """Whether a value is computed with as a number, or cuts a slice; a comparison would raise for most other types."""
        uses = self._mentions.get(target.attr, ()) if isinstance(target, ast.Attribute) else self.uses(target)
        return any(isinstance(self._module.index.parent(use), (ast.BinOp, ast.Slice)) for use in uses)

    def is_computed_with(self, target: ast.Attribute) -> bool:
        """Whether the file computes with what an object keeps in an attribute, and does not only show it or hand it on."""
        uses = self._mentions.get(target.attr, ())
        return any(not isinstance(self._module.index.parent(use), _PASSES) for use in uses)

    @lazy
    def _mentions(self) -> dict[str, list[ast.expr]]:
        """Where the attributes of own objects are read, by their names."""
        found: dict[str, list[ast.expr]] = {}
        for item in self._module.index.nodes(ast.Attribute):
            if (
                isinstance(item, ast.Attribute)
                and isinstance(item.ctx, ast.Load)
                and isinstance(item.value, ast.Name)
                and item.value.id == "self"
            ):
                found.setdefault(item.attr, []).append(item)
        return found

    def fills(self, container: ast.expr) -> bool:
        """Whether a function puts entries into a dict itself: then it is one that the program works with."""
        index = self._module.index
        return any(
            isinstance(parent, ast.Subscript) and parent.value is use and isinstance(parent.ctx, ast.Store)
            for use in self.uses(container)
            for parent in [index.parent(use)]
        )

    def converts_each(self, target: ast.expr, conversions: Collection[str]) -> bool:
        """Whether all that a comprehension takes out of a container is converted: ``[int(item) for item in items]``."""
        uses = self.uses(target)
        return bool(uses) and all(self._converts_each(use, conversions) for use in uses)

    def _converts_each(self, use: ast.Name, conversions: Collection[str]) -> bool:
        part = self._module.index.parent(use)
        outer = self._module.index.parent(part) if isinstance(part, ast.comprehension) else None
        made = getattr(outer, "elt", None)
        if not isinstance(part, ast.comprehension) or not isinstance(made, ast.Call) or not made.args:
            return False
        name = self._module.qualname(made.func) or ""
        is_typed = name in _ARRAYS and any(item.arg == "dtype" for item in made.keywords)
        return ast.unparse(made.args[0]) == ast.unparse(part.target) and (is_typed or name in conversions)

    def only_shows(self, target: ast.expr) -> bool:
        """Whether a value is only logged, or put into a text that is no address, path, statement or result: any type has a text."""
        uses = self.uses(target)
        return bool(uses) and all(map(self._shows, uses))

    def _shows(self, use: ast.expr) -> bool:
        index = self._module.index
        node: ast.AST = use
        is_text = False
        for parent in index.ancestors(use):
            if isinstance(parent, ast.Call):
                if (
                    isinstance(parent.func, ast.Attribute)
                    and parent.func.attr == "format"
                    and node is not parent.func
                ):
                    is_text = True
                elif node is not parent.func:
                    name = last_name(parent.func) or ""
                    return (
                        name in _SHOW
                        or (is_text and not _TELL.isdisjoint(name_words(name)))
                        or isinstance(index.parent(parent), ast.Raise)
                    )
            elif (
                isinstance(parent, (ast.FormattedValue, ast.JoinedStr))
                or isinstance(parent, ast.BinOp)
                and isinstance(parent.op, ast.Mod)
                and self._is_text(parent.left)
            ):
                is_text = True
            elif isinstance(parent, (ast.Assign, ast.AnnAssign)):
                targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
                return is_text and not any(_NAMES_A_PLACE.search(last_name(item) or "") for item in targets)
            elif not isinstance(parent, (ast.keyword, ast.Tuple)):
                return False
            node = parent
        return False

    def _is_text(self, node: ast.expr) -> bool:
        return (
            string(node) is not None or isinstance(node, ast.JoinedStr) or (last_name(node) or "").isupper()
        )

    def only_compares(self, target: ast.expr) -> bool:
        """Whether a value is only asked for being equal to something: one of another type is simply not equal."""
        uses = self.uses(target)
        return bool(uses) and all(map(self._compares, uses))

    def _compares(self, use: ast.Name) -> bool:
        parent = self._module.index.parent(use)
        if not isinstance(parent, ast.Compare) or not all(isinstance(kind, _SAME) for kind in parent.ops):
            return False
        is_searched = isinstance(parent.ops[0], (ast.In, ast.NotIn))
        return parent.left is use if is_searched else True

    def is_asked_whether(self, node: ast.AnnAssign) -> bool:
        """Whether code asks of a value, in its next use or at each of them, whether there is one: ``parse(text) if text else None``."""
        first = self._used_next(node)
        if isinstance(first, ast.Name) and self._is_under_test(first):
            return True
        uses = self.uses(node.target)
        return bool(uses) and all(map(self._is_under_test, uses))

    def _is_under_test(self, use: ast.Name) -> bool:
        """Whether a mention asks for the truth of a variable or for ``None``, or runs only where one that does has said yes."""
        inner: ast.AST = use
        for outer in self._module.index.ancestors(use):
            if isinstance(outer, (*FUNCTIONS, ast.ClassDef)):
                return False
            if isinstance(outer, (ast.If, ast.IfExp, ast.While)) and _asks_whether(outer.test, use.id):
                return inner is outer.test or inner is getattr(outer, "body", None) or _is_in(inner, outer)
            if isinstance(outer, ast.BoolOp) and any(
                _asks_whether(item, use.id) for item in outer.values[:-1]
            ):
                return True
            inner = outer
        return False

    def is_there(self, node: ast.AnnAssign, lookup: str) -> bool:
        """Whether an assignment runs only where a condition has found the key that it looks up: ``if data.get("name"): name: str = data.get("name")``."""
        inner: ast.AST = node
        for outer in self._module.index.ancestors(node) if lookup else ():
            if isinstance(outer, (*FUNCTIONS, ast.ClassDef)):
                return False
            if isinstance(outer, ast.If) and _is_in(inner, outer) and _finds(outer.test, lookup):
                return True
            inner = outer
        return False

    def is_returned_to_compare(self, target: ast.expr) -> bool:
        """Whether a private function only returns a value that all its callers in the file only compare."""
        index = self._module.index
        uses = self.uses(target)
        if not uses or not all(isinstance(index.parent(use), ast.Return) for use in uses):
            return False
        function = index.function(uses[0])
        if not isinstance(function, _FUNCTION) or not function.name.startswith("_"):
            return False
        calls = list(index.calls_named((function.name,)))
        return bool(calls) and all(
            self._module.receivers.definition(call.func) is function and self._is_only_compared(call)
            for call in calls
        )

    def _is_only_compared(self, call: ast.Call) -> bool:
        parent = self._module.index.parent(call)
        if isinstance(parent, ast.Compare):
            return all(isinstance(kind, (ast.Eq, ast.NotEq)) for kind in parent.ops)
        return (
            isinstance(parent, ast.Assign)
            and len(parent.targets) == 1
            and self.only_compares(parent.targets[0])
        )

    def sweeps(self, target: ast.expr) -> bool:
        """Whether a function asks a value for all its entries, which fails here on all but a dict."""
        parents = map(self._module.index.parent, self.uses(target))
        return any(isinstance(parent, ast.Attribute) and parent.attr in _SWEEPS for parent in parents)

    def fails_at_once(self, node: ast.AnnAssign, wanted: type) -> bool:
        """Whether the next statements do with a value what only one type can.

        Args:
            node: the assignment.
            wanted: the type that its annotation names.
        """
        first = self._used_next(node)
        outer = None if first is None else self._module.index.parent(first)
        if isinstance(outer, ast.BinOp) and isinstance(outer.op, ast.Add):
            other = outer.right if outer.left is first else outer.left
            return wanted is str and isinstance(other, ast.Constant) and isinstance(other.value, str)
        if isinstance(outer, ast.Attribute):
            return self._is_only_of(outer.attr, wanted)
        return wanted is str and self.is_read_as_text(node)

    def is_read_as_text(self, node: ast.AnnAssign) -> bool:
        """Whether the next statements give a value to a function that raises for all but text."""
        first = self._used_next(node)
        outer = None if first is None else self._module.index.parent(first)
        return (
            isinstance(outer, ast.Call) and first in outer.args and self._module.called(outer) in _TAKE_TEXT
        )

    def _used_next(self, node: ast.AnnAssign) -> ast.Name | ast.Attribute | None:
        """The first use of what an assignment has set, in the next statements."""
        text = spelled(node.target)
        for statement in following(self._module.index.parent(node), node, _NEXT):
            uses = [item for item in walk(statement) if _is_use(item, text)]
            if uses:
                return min(uses, key=start_of)
        return None

    def _is_only_of(self, method: str, wanted: type) -> bool:
        """Whether of all types that a document may hold, one has a method."""
        return hasattr(wanted, method) and not any(
            hasattr(other, method) for other in self._others if other is not wanted
        )


def spelled(node: ast.expr) -> str:
    """The text of a chain of names, attributes and lookups; ``""`` for anything else."""
    parts: list[str] = []
    for _ in range(_STEPS):
        container, key, _ = asked(node)
        if container is not None and isinstance(key, (ast.Constant, ast.Name)):
            parts.append(f"[{key.value!r}]" if isinstance(key, ast.Constant) else f"[{key.id}]")
            node = container
        elif isinstance(node, ast.Attribute):
            parts.append(f".{node.attr}")
            node = node.value
        else:
            break
    return "".join((node.id, *reversed(parts))) if isinstance(node, ast.Name) else ""


def _asks_whether(test: ast.expr, name: str) -> bool:
    """Whether a condition, or what stands first in it, asks whether a variable holds something."""
    parts = test.values if isinstance(test, ast.BoolOp) else [test]
    return any(
        (isinstance(item, ast.Name) and item.id == name)
        or (
            isinstance(item, ast.Compare)
            and isinstance(item.ops[0], (ast.Is, ast.IsNot))
            and last_name(item.left) == name
            and isinstance(item.left, ast.Name)
        )
        for part in parts
        for item in [part.operand if isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.Not) else part]
    )


def _finds(test: ast.expr, lookup: str) -> bool:
    """Whether a condition that holds says that a lookup gives something."""
    for part in test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]:
        if spelled(part) == lookup:
            return True
        if not isinstance(part, ast.Compare) or len(part.ops) > 1:
            continue
        if isinstance(part.ops[0], ast.IsNot) and spelled(part.left) == lookup:
            return True
        is_in = isinstance(part.ops[0], ast.In) and isinstance(part.left, ast.Constant)
        if is_in and f"{spelled(part.comparators[0])}[{ast.unparse(part.left)}]" == lookup:
            return True
    return False


def _is_in(node: ast.AST, holder: ast.AST) -> bool:
    """Whether a statement stands in the body of another one."""
    body = getattr(holder, "body", None)
    return isinstance(body, list) and node in body


def _is_use(node: ast.AST, text: str) -> TypeGuard[ast.Name | ast.Attribute]:
    """Whether a node reads what a target names."""
    return (
        isinstance(node, (ast.Name, ast.Attribute))
        and isinstance(node.ctx, ast.Load)
        and spelled(node) == text
    )
