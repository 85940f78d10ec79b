"""Which collections have few items for a reason that the file shows: the parts of a name, what is unpacked, what a call lists."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Final

from flake8_aiguard import arguments, knowledge
from flake8_aiguard.bounds import is_allowance
from flake8_aiguard.index import COMPREHENSIONS, Loop
from flake8_aiguard.loops import SMALL, Variable, iterables
from flake8_aiguard.memo import lazy
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Binding, Kind
from flake8_aiguard.shapes import argument, default, last_name, string

_HOPS: Final = 12  # wrappers and variables that are looked through
_WRAPPERS: Final = frozenset({"enumerate", "list", "reversed", "set", "sorted", "tuple", "zip"})
_VIEWS: Final = frozenset({"copy", "items", "keys", "values"})
_BETWEEN: Final = " \t\r\n,;|"  # what stands between the words, lines or values of a text; others cut a name
_COLLECTION: Final = regex(r"(dict|list|map|set|tuple)$", re.IGNORECASE)
_COMMAND_LINES: Final = frozenset({"parse_args", "parse_known_args"})
_LEAVES: Final = (ast.Break, ast.Continue, ast.Raise, ast.Return)


class Few:
    """The small collections of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._known: dict[Variable, bool] = {}

    def turns(self, loop: Loop) -> bool:
        """Whether a loop has few turns, as what it goes over has few items; a ``while`` never says so.

        Args:
            loop: the loop.
        """
        return any(map(self.items, iterables(loop)))

    def items(self, node: ast.expr) -> bool:
        """Whether a collection has few items.

        Args:
            node: the collection.

        Returns:
            True for displays, constants, enumerations, ``*args`` and ``**options``; for the parts of a name (``path.split("/")``,
            ``s.partition(x)``), of a signature, class or command line; for what is unpacked or measured (``a, b = xs``,
            ``if len(xs) != 3: return``); and for a parameter of a private function to which every
            call of the file gives such a collection.
        """
        return self._items(node, _HOPS)

    def _items(self, node: ast.expr, hops: int) -> bool:
        if not hops:
            return False
        if self._module.loops.is_small(node):
            return True
        if isinstance(node, COMPREHENSIONS):
            return all(self._items(part.iter, hops - 1) for part in node.generators)
        if isinstance(node, ast.Call):
            return self._called(node, hops - 1)
        if not isinstance(node, (ast.Attribute, ast.Name)):
            return False
        if isinstance(node, ast.Attribute):
            return (
                node.attr in _words("attribute")
                or node.attr.endswith("__")
                or self._is_argument(node)
                or self._is_spelled(node)
                or self._is_network(node)
                or (node.attr in _words("path") and last_name(node.value) in _words("path owner"))
            )
        variable = self._module.loops.variable(node)
        return variable is not None and (node.id in _words("name") or self._holds_few(variable))

    def _called(self, call: ast.Call, hops: int) -> bool:
        name = last_name(call.func) or ""
        if name in _words("call"):
            return True
        if isinstance(call.func, ast.Attribute):
            if name in ("split", "splitlines") and self._is_docstring(call.func.value, hops):
                return True
            if name in ("split", "rsplit"):
                most = argument(call, "maxsplit", 1)
                if isinstance(most, ast.Constant):
                    return True
                return bool((string(argument(call, "sep", 0)) or "").strip(_BETWEEN))
            if name in _VIEWS and not call.args:
                return self._items(call.func.value, hops)
        if name in _WRAPPERS and (self._module.qualname(call.func) or "").startswith("builtins."):
            given = call.args if name == "zip" else call.args[:1]  # enumerate(xs, 1)
            return any(self._items(item, hops) for item in given)
        qualname = self._module.qualname(call.func)
        if qualname == "builtins.range":  # a number by such a name is chosen: range(batch_size)
            return any(
                (isinstance(item, (ast.Attribute, ast.Name)) and is_allowance(item)) or _is_dimensions(item)
                for item in call.args
            )
        if _COLLECTION.search(name) and call.args and not call.keywords:
            # OrderedDict([("a", 1)])
            return all(
                isinstance(item, (ast.Dict, ast.List, ast.Tuple)) and self._module.loops.is_small(item)
                for item in call.args
            )
        return qualname in _calls()

    def _is_docstring(self, text: ast.expr, hops: int) -> bool:
        """Whether a text is a docstring, or what is left of one: ``dedent(function.__doc__)``.

        A parameter of a private function counts where a call of the file gives it one.
        """
        if not hops:
            return False
        if isinstance(text, ast.Call):
            inner = text.func.value if isinstance(text.func, ast.Attribute) else None
            given = [*text.args[:1], *([] if inner is None else [inner])]
            return last_name(text.func) == "getdoc" or any(
                self._is_docstring(item, hops - 1) for item in given
            )
        if isinstance(text, ast.BoolOp):
            return any(self._is_docstring(item, hops - 1) for item in text.values)
        name = last_name(text) or ""
        if not isinstance(text, ast.Name) or name.endswith("docstring"):
            return name == "__doc__" or name.endswith("docstring")
        variable = self._module.loops.variable(text)
        return variable is not None and any(
            self._is_docstring(value, hops - 1)
            for binding in self._module.scopes.bindings(*variable)
            for value in self._given(binding, variable[0])
        )

    def _given(self, binding: Binding, scope: ast.AST) -> list[ast.expr]:
        """What a variable is bound to; of a parameter of a private function, what the calls of the file give."""
        if binding.value is not None:
            return [binding.value]
        node = binding.node
        if not isinstance(node, ast.arg) or not isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return []
        place = arguments.place(self._module.index, scope, node.arg)
        if place is None or not scope.name.startswith("_") or scope.name.endswith("__"):
            return []
        found = (argument(call, node.arg, place) for call in self._module.index.calls_named((scope.name,)))
        return [item for item in found if item is not None]

    # -- variables

    def _holds_few(self, variable: Variable) -> bool:
        if variable not in self._known:
            self._known[variable] = False  # what is made of itself says nothing
            self._known[variable] = self._is_told_few(variable)
        return self._known[variable]

    def _is_told_few(self, variable: Variable) -> bool:
        bindings = self._module.scopes.bindings(*variable)
        if any(map(self._is_unpacked, bindings)):
            return True
        if any(map(self._tells_number, self._module.scopes.uses(*variable))):
            return True
        if _is_one_or_some(variable[1], bindings):
            return True
        if all(binding.kind is Kind.PARAMETER for binding in bindings):
            return all(self._is_given_few(binding, variable[0]) for binding in bindings)
        return all(
            binding.kind in (Kind.ANNOTATED, Kind.ASSIGN)
            and isinstance(
                binding.value, (ast.Call, ast.Name, *COMPREHENSIONS)
            )  # others fill an empty display
            and self._items(binding.value, _HOPS - 2)
            for binding in bindings
        )

    def _is_unpacked(self, binding: Binding) -> bool:
        """``a, b = both = xs``: as many items as names."""
        parent = self._module.index.parent(binding.node)
        return (
            isinstance(parent, ast.Assign)
            and len(parent.targets) > 1
            and any(map(_names_each, parent.targets))
        )

    def _tells_number(self, use: ast.Name) -> bool:
        """``a, b = xs``, ``if len(xs) != 3: return``, ``assert len(xs) == 3``: as many items, or no line below is reached."""
        index = self._module.index
        call = index.parent(use)
        if isinstance(call, ast.Assign):
            return any(map(_names_each, call.targets))
        if not isinstance(call, ast.Call) or last_name(call.func) != "len":
            return False
        compare = index.parent(call)
        number = compare.comparators[0] if isinstance(compare, ast.Compare) else None
        if (
            not isinstance(compare, ast.Compare)
            or not isinstance(number, ast.Constant)
            or not isinstance(number.value, int)
            or number.value > SMALL
        ):
            return False
        operator, outer = compare.ops[0], index.parent(compare)
        if isinstance(outer, ast.BoolOp) and isinstance(outer.op, ast.Or):
            outer = index.parent(outer)
        if isinstance(operator, (ast.Gt, ast.GtE, ast.NotEq)):
            return isinstance(outer, ast.If) and isinstance(outer.body[0], _LEAVES)
        return isinstance(operator, ast.Eq) and isinstance(outer, ast.Assert)

    def _is_given_few(self, binding: Binding, function: ast.AST) -> bool:
        """Whether a parameter is ``*args``, or one of a private function that each mention calls with few items."""
        spec, node = self._module.index.parent(binding.node), binding.node
        if not isinstance(spec, ast.arguments) or not isinstance(node, ast.arg):
            return False
        if node in (spec.vararg, spec.kwarg):
            return True
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return False
        name = function.name
        if not name.startswith("_") or name.endswith("__") or default(function, node) is not None:
            return False
        index = self._module.index
        calls = index.calls_named((name,))
        return len(calls) == self._mentions[name] > 0 and all(
            _is_sum_of(self._module.loops.is_small, arguments.given(index, call, function, node.arg))
            for call in calls
        )

    @lazy
    def _mentions(self) -> Counter[str]:
        """How often each name and attribute is read."""
        index = self._module.index
        read = [item.id for item in index.nodes(ast.Name) if isinstance(item.ctx, ast.Load)]
        return Counter(read + [item.attr for item in index.nodes(ast.Attribute)])

    # -- attributes

    def _is_argument(self, node: ast.Attribute) -> bool:
        """Whether an attribute is what a command line says: ``args.names`` of ``args = parser.parse_args()``."""
        variable = self._module.loops.variable(node.value) if isinstance(node.value, ast.Name) else None
        return variable is not None and any(
            isinstance(binding.value, ast.Call) and last_name(binding.value.func) in _COMMAND_LINES
            for binding in self._module.scopes.bindings(*variable)
        )

    def _is_spelled(self, node: ast.Attribute) -> bool:
        """Whether a class writes out what an attribute holds, and nothing is added: ``self.kinds = ["a", "b"]``."""
        owner = self._module.receivers.class_behind(node.value)
        stores = [] if owner is None else self._module.receivers.attribute_stores(owner, node.attr)
        values = [getattr(self._module.index.parent(store), "value", None) for store in stores]
        if owner is not None:
            values += [binding.value for binding in self._module.scopes.bindings(owner, node.attr)]
        return (
            bool(values)
            and all(
                isinstance(value, (ast.List, ast.Set, ast.Tuple))
                and value.elts
                and self._module.loops.is_small(value)
                for value in values
            )
            and all(last_name(getattr(call.func, "value", None)) != node.attr for call in self._additions)
        )

    def _is_network(self, node: ast.Attribute) -> bool:
        """Whether a class keeps the layers of its network in an attribute: ``self.blocks = nn.ModuleList(...)``."""
        owner = self._module.receivers.class_behind(node.value)
        stores = [] if owner is None else self._module.receivers.attribute_stores(owner, node.attr)
        values = [getattr(self._module.index.parent(store), "value", None) for store in stores]
        return bool(values) and all(
            isinstance(value, ast.Call) and self._module.qualname(value.func) in _calls() for value in values
        )

    @lazy
    def _additions(self) -> Collection[ast.Call]:
        return self._module.index.calls_named(("add", "append", "extend", "insert"))


def _is_dimensions(node: ast.expr) -> bool:
    """Whether a number is that of the dimensions of an array: ``len(x.shape)``, ``x.ndim``."""
    if isinstance(node, ast.Call) and last_name(node.func) == "len" and node.args:
        return (last_name(node.args[0]) or "").endswith("shape")
    return isinstance(node, ast.Attribute) and node.attr == "ndim"


def _names_each(target: ast.expr) -> bool:
    """Whether a target takes a collection apart, item by item."""
    return isinstance(target, (ast.List, ast.Tuple)) and not any(
        isinstance(item, ast.Starred) for item in target.elts
    )


def _is_one_or_some(name: str, bindings: Collection[Binding]) -> bool:
    """Whether a parameter with a default may be a single one: ``ids = ids if is_list(ids) else [ids]``. A caller writes it out."""
    is_single = any(
        isinstance(choice := binding.value, ast.IfExp)
        and any(
            isinstance(part, ast.List) and [last_name(item) for item in part.elts] == [name]
            for part in (choice.body, choice.orelse)
        )
        for binding in bindings
    )
    return is_single and any(
        isinstance(binding.node, ast.arg) and binding.kind is Kind.PARAMETER for binding in bindings
    )


def _is_sum_of(asked: Callable[[ast.expr], bool], node: ast.expr | None) -> bool:
    """Whether what is asked holds for an expression, or for all that it adds up: ``FIRST + SECOND``."""
    parts = [node]
    for part in parts:
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Add):
            parts += (part.left, part.right)
        elif part is None or not asked(part):
            return False
    return True


@knowledge.cached
def _words(kind: str) -> frozenset[str]:
    return frozenset(
        word for row in knowledge.rows("few.word") if row["kind"] == kind for word in row["words"]
    )


@knowledge.cached
def _calls() -> Mapping[str, knowledge.Row]:
    return knowledge.by_call("few.call")
