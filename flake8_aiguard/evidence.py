"""What speaks for a contract with callers where an assert without words checks an argument."""

from __future__ import annotations

import ast
from typing import Final, TypeAlias

from flake8_aiguard import knowledge
from flake8_aiguard.checks import MATCHES, atoms, decides
from flake8_aiguard.children import walk
from flake8_aiguard.inputs import Input, Inputs
from flake8_aiguard.memo import lazy
from flake8_aiguard.module import Module
from flake8_aiguard.nouns import says
from flake8_aiguard.scopes import Binding, Kind
from flake8_aiguard.shapes import (
    default,
    dotted,
    last_name,
    names_in,
    parameters,
    string,
    words,
)

_Def: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

_ORDERING: Final = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_MEMBERSHIP: Final = (ast.In, ast.NotIn)
_PLAIN_TYPES: Final = ("builtins.", "collections.abc.", "typing.", "decimal.", "datetime.", "uuid.")
OUTSIDE: Final = frozenset(
    (
        *("arguments", "args", "cfg", "conf", "config", "configuration", "opt", "options", "opts"),
        *("params", "payload", "request", "settings"),
        *("account", "customer", "member", "user"),
    )
)  # words in the names of parameters that hold what people or their files say
_OF_STATE: Final = ("all", "any", "dim", "done", "equals", "is_alive", "is_set", "item", "numel", "size")
_OF_ARRAY: Final = ("dtype", "ndim", "shape")
_SEQUENCES: Final = ("collection", "frozenset", "iterable", "list", "sequence", "set", "tuple")
_MAX_ARITY: Final = 4  # things that a list holds one by one; keys and digests are longer
_MAX_STEPS: Final = 8  # from a name back to what it was taken from


class Evidence:
    """The contracts of one file.

    Args:
        module: the file.
        inputs: its inputs.
    """

    def __init__(self, module: Module, inputs: Inputs) -> None:
        self._module = module
        self._inputs = inputs

    def holds(self, condition: ast.expr, value: Input, node: ast.Assert) -> bool:
        """Whether a condition that no words explain is about what a caller hands over, as far as the caller knows it.

        The argument itself, its length, its keys and a value of it that is compared with a literal are what callers
        decide. What lies further inside (the state of an object, one place of a tuple, arithmetic with the own state),
        and arguments that have to fit each other are decided by the program, unless the function says that it
        takes them from outside: it describes the argument, gives it a plain type, or refuses another one by ``raise``.
        So are conditions that refuse no values, on arguments whose name is none of data or of what people say.

        Args:
            condition: a condition of the assert.
            value: the argument that it is about.
            node: the assert.
        """
        function = self._module.index.function(node)
        if not isinstance(function, _Def):
            return True
        if isinstance(condition, ast.Compare):
            operands = [condition.left, *condition.comparators]
        else:
            operands = [condition]
        views = [(operand, self._inputs.view(operand)) for operand in operands]
        if any(isinstance(item, ast.Attribute) and item.attr in _OF_ARRAY for item in operands):
            return False  # the form of an array is its type
        if self._is_nested(value, node) or self._is_of_local(condition):
            return self._is_refusing(function) or _describes(function, value.name)
        passed = [(operand, view) for operand, view in views if view is not None and view.is_passed]
        if (
            function.name != "__init__"
            and _is_arity(condition)
            and self._is_sequence(value)
            and OUTSIDE.isdisjoint(words(value.name))
        ):
            return self._is_refusing(function) or _describes(function, value.name)
        inside = [operand for operand, view in passed if self._is_inside(operand, view, condition)]
        if inside and not isinstance(condition, ast.Compare):
            return False  # that an object has something: its kind or state is narrowed
        if inside:
            return self._is_refusing(function) or _describes(function, value.name)
        if _is_setter(function) and any(_are_keys(operand) for operand, _ in passed):
            return False
        if any(map(self._computes_with_state, operands)):
            return self._is_refusing(function) or _describes(function, value.name)
        fit = any(len(self._names(operand)) > 1 for operand in operands) or (
            isinstance(condition, ast.Compare)
            and isinstance(condition.ops[0], ast.Eq)
            and len({view.name for item, view in passed if not isinstance(item, ast.Compare)}) > 1
            and all(OUTSIDE.isdisjoint(words(view.name)) for _, view in passed)
        )
        if not fit and self._refuses_values(condition):
            return True
        return (
            self._is_contract(function, value)
            or _is_given(value.name)
            or any(isinstance(decorator, ast.Call) for decorator in function.decorator_list)
        )

    def _refuses_values(self, condition: ast.expr) -> bool:
        """Whether a condition refuses values that a caller can give: by a limit, fixed words, a pattern, a validator.

        What else is said of an argument without words (how many it holds, which characters, what stands in a registry)
        is as often what the program knows of its own calls.
        """
        if isinstance(condition, ast.Call):
            return decides(condition) or any(map(self._refuses_values, _of_each(condition)))
        if not isinstance(condition, ast.Compare):
            return False
        operator, sides = condition.ops[0], (condition.left, *condition.comparators)
        if any(isinstance(side, ast.Call) and last_name(side.func) in MATCHES for side in sides):
            return True
        if any(
            isinstance(item, ast.Call) and last_name(item.func) == "len"
            for side in sides
            for item in walk(side)
        ):
            return False
        if isinstance(operator, _ORDERING):
            return True
        if isinstance(operator, _MEMBERSHIP):
            return isinstance(sides[1], (ast.List, ast.Set, ast.Tuple)) or _is_constant(sides[1])
        if isinstance(sides[0], ast.BinOp):
            return isinstance(sides[0].op, ast.Mod)
        fixed = (ast.Constant,) if isinstance(operator, ast.NotEq) else ()
        return any(
            string(side) is not None or _is_constant(side) or isinstance(side, fixed) for side in sides
        )

    def is_contract(self, value: Input, node: ast.Assert) -> bool:
        """Whether the function around an assert says that it takes a value from callers.

        Args:
            value: the argument.
            node: the assert.
        """
        function = self._module.index.function(node)
        return not isinstance(function, _Def) or self._is_contract(function, value)

    def _is_contract(self, function: _Def, value: Input) -> bool:
        """Whether the function says that it takes a plain value: by a type, a default, a description, or a refusal."""
        if self._is_refusing(function) or _describes(function, value.name):
            return True
        if value.origin == "field":
            return False  # an object whose parts do not fit was built by the program
        if value.annotation is not None:
            return (self._module.receivers.annotated(value.annotation) or "").startswith(_PLAIN_TYPES)
        parameter = next((item for item in parameters(function) if item.arg == value.name), None)
        given = None if parameter is None else default(function, parameter)
        return isinstance(given, ast.Constant) and given.value is not None

    def _is_inside(self, operand: ast.expr, view: Input, condition: ast.expr) -> bool:
        """Whether what is asked lies inside of the argument, where the program has put it."""
        if (
            isinstance(operand, ast.Call)
            and isinstance(operand.func, ast.Attribute)
            and operand.func.attr in _OF_STATE
            and self._inputs.view(operand.func.value) is not None
        ):
            return True
        if view.part == "item":
            place = self._place(operand)
            return place == "unpacked" or (place == "index" and not _is_told(operand, view, condition))
        is_bound = isinstance(operand, ast.Name)  # to a local of its own
        if view.part != "attribute" or is_bound or not OUTSIDE.isdisjoint(words(view.name)):
            return False
        if isinstance(condition, ast.Compare):
            return not self._is_value(operand, condition)
        return isinstance(operand, ast.Attribute)

    def _is_nested(self, value: Input, node: ast.Assert) -> bool:
        """Whether the assert stands in a branch or loop that is about something else: a step of the algorithm."""
        for parent in self._module.index.ancestors(node):
            if isinstance(parent, _Def):
                break
            if isinstance(parent, (ast.If, ast.While)):
                about: ast.expr = parent.test
            elif isinstance(parent, (ast.For, ast.AsyncFor)):
                about = parent.iter
            elif isinstance(parent, ast.Match):
                about = parent.subject
            else:
                continue
            names = list(names_in(about))
            views = map(self._inputs.input, names)
            is_same = any(view is not None and view.name == value.name for view in views)
            if not is_same and any(map(self._is_local, names)):
                return True
        return False

    def _is_local(self, name: ast.Name) -> bool:
        resolved = self._module.scopes.resolve(name)
        return resolved is not None and not isinstance(resolved[0], ast.Module)

    def _is_of_local(self, condition: ast.expr) -> bool:
        """Whether a text that was computed here is asked about an argument: ``folder.startswith(path)``."""
        return (
            isinstance(condition, ast.Call)
            and isinstance(condition.func, ast.Attribute)
            and condition.func.attr in ("endswith", "startswith")
            and self._inputs.view(condition.func.value) is None
        )

    def _is_sequence(self, value: Input) -> bool:
        """Whether an argument is a list of things by its type, or by the plural of its name: no text, no key."""
        if value.annotation is None:
            return value.name.endswith("s")
        kind = self._module.receivers.annotated(value.annotation) or ""
        return kind.rpartition(".")[2].lower() in _SEQUENCES

    def _is_value(self, operand: ast.expr, comparison: ast.Compare) -> bool:
        """Whether an attribute is compared as values are: with a limit, with one of some words, with a word."""
        others = [item for item in (comparison.left, *comparison.comparators) if item is not operand]
        operator = comparison.ops[0]
        if isinstance(operator, _ORDERING):
            return not any(isinstance(item, ast.Attribute) and not item.attr.isupper() for item in others)
        if isinstance(operator, _MEMBERSHIP):
            if operand is not comparison.left:
                return string(comparison.left) is not None
            return self._inputs.view(comparison.comparators[0]) is None
        return all(string(item) is not None for item in others)

    def _place(self, operand: ast.expr) -> str:
        """How an expression was taken from one place of a sequence.

        Returns:
            ``index`` for ``pair[0]``, ``unpacked`` for ``a`` of ``a, b = pair``, else nothing: keys are names of data.
        """
        place = ""
        node: ast.expr | None = operand
        for _ in range(_MAX_STEPS):
            if isinstance(node, ast.Subscript):
                if not isinstance(node.slice, (ast.Constant, ast.Slice, ast.UnaryOp)) or string(node.slice):
                    return ""
                if not isinstance(node.slice, ast.Slice):
                    place = place or "index"
                node = node.value
            elif isinstance(node, ast.Attribute):
                node = node.value
            elif isinstance(node, ast.Call) and last_name(node.func) != "get":
                node = node.args[0] if node.args else getattr(node.func, "value", None)
            elif isinstance(node, ast.Name):
                binding = self._binding(node)
                if binding is None or binding.kind is Kind.PARAMETER:
                    return place
                if binding.value is None:
                    place = "unpacked"
                node = binding.value or self._unpacked(binding.node)
            else:
                break
        return ""

    def _binding(self, name: ast.Name) -> Binding | None:
        """The binding of a name, of a parameter that is bound again the first one."""
        resolved = self._module.scopes.resolve(name)
        bindings = resolved[1] if resolved is not None else []
        passed = (binding for binding in bindings if binding.kind is Kind.PARAMETER)
        return next(passed, bindings[0] if bindings else None)

    def _unpacked(self, target: ast.AST) -> ast.expr | None:
        """What an assignment or loop takes apart; not the pairs of ``items()``, ``enumerate()`` and the like."""
        holder = next(
            item
            for item in self._module.index.ancestors(target)
            if not isinstance(item, (ast.Tuple, ast.List, ast.Starred))
        )
        taken = holder.value if isinstance(holder, ast.Assign) else getattr(holder, "iter", None)
        return None if isinstance(taken, ast.Call) else taken

    def _computes_with_state(self, operand: ast.expr) -> bool:
        """Whether an operand is arithmetic with attributes of the own object, or what lies deep inside of one."""
        nodes = list(ast.walk(operand))
        return any(isinstance(item, (ast.BinOp, ast.Subscript)) for item in nodes) and any(
            isinstance(item, ast.Attribute)
            and isinstance(item.value, ast.Name)
            and self._module.receivers.class_behind(item.value) is not None
            and self._inputs.input(item) is None
            for item in nodes
        )

    def _names(self, operand: ast.expr) -> set[str]:
        """The arguments that an operand computes with; what is left of a division by another is a value like any other."""
        if not isinstance(operand, ast.BinOp) or isinstance(operand.op, ast.Mod):
            return set()
        found = (self._inputs.input(name) for name in names_in(operand))
        return {view.name for view in found if view is not None and view.is_passed}

    def _is_refusing(self, function: _Def) -> bool:
        """Whether a function refuses other arguments by ``raise``: who wrote it thinks of callers that give wrong ones."""
        return function in self._refusing

    @lazy
    def _refusing(self) -> set[ast.AST]:
        index = self._module.index
        found: set[ast.AST] = set()
        for item in index.nodes(ast.Raise):
            function, branch = index.function(item), index.parent(item)
            if not isinstance(function, _Def) or not isinstance(branch, ast.If):
                continue
            names = {parameter.arg for parameter in parameters(function)} - {"self", "cls"}
            if any(name.id in names for name in names_in(branch.test)):
                found.add(function)
        return found


def _of_each(call: ast.Call) -> list[ast.expr]:
    """The conditions of ``all(value > 0 for value in values)``."""
    if last_name(call.func) not in ("all", "any") or len(call.args) != 1:
        return []
    looped = call.args[0]
    if not isinstance(looped, (ast.GeneratorExp, ast.ListComp)):
        return []
    return [atom.node for atom in atoms(looped.elt)]


def _is_constant(node: ast.expr) -> bool:
    """Whether a value is a constant by its name: ``FORMATS``, ``Mode.READ``."""
    return isinstance(node, (ast.Name, ast.Attribute)) and (last_name(node) or "").isupper()


def _is_given(name: str) -> bool:
    """Whether the name of a parameter says that it holds data, or what people or their files say."""
    return says(name) == "data" or not (OUTSIDE | _given_words()).isdisjoint(words(name))


def says_form(condition: ast.expr) -> bool:
    """Whether a condition says how a value is built: an exact length, that it is not negative, that it holds no mark, a remainder.

    Args:
        condition: without ``and``, ``or`` and ``not``.
    """
    if not isinstance(condition, ast.Compare) or len(condition.ops) != 1:
        return False
    operator, operands = condition.ops[0], [condition.left, *condition.comparators]
    if any(isinstance(item, ast.BinOp) for item in operands) or isinstance(operator, ast.NotIn):
        return True
    if isinstance(operator, (ast.Eq, ast.NotEq, ast.In)):
        return any(isinstance(item, ast.Call) and last_name(item.func) == "len" for item in operands)
    return isinstance(operator, ast.GtE) and isinstance(operands[1], ast.Constant) and operands[1].value == 0


def _is_told(operand: ast.expr, view: Input, condition: ast.expr) -> bool:
    """Whether an item of an argument is compared with literals, as what was read from outside is: ``row[0] == "id"``."""
    if not isinstance(condition, ast.Compare) or view.attributes:
        return False
    others = (item for item in (condition.left, *condition.comparators) if item is not operand)
    parts = (part for item in others for part in getattr(item, "elts", [item]))
    return all(isinstance(part, ast.Constant) for part in parts)


def _is_arity(condition: ast.expr) -> bool:
    """Whether a condition counts the few things in a list: ``len(stmts) == 2``."""
    if not isinstance(condition, ast.Compare) or not isinstance(condition.ops[0], ast.Eq):
        return False
    size, count = condition.left, condition.comparators[0]
    return (
        isinstance(size, ast.Call)
        and last_name(size.func) == "len"
        and all(isinstance(item, ast.Name) for item in size.args)
        and isinstance(count, ast.Constant)
        and isinstance(count.value, int)
        and count.value <= _MAX_ARITY
    )


def _are_keys(operand: ast.expr) -> bool:
    return isinstance(operand, ast.Call) and last_name(operand.func) == "keys"


def _is_setter(function: _Def) -> bool:
    return any(
        isinstance(item, ast.Attribute) and item.attr == "setter" and dotted(item.value) == function.name
        for item in function.decorator_list
    )


def _describes(function: _Def, name: str) -> bool:
    """Whether the docstring describes a parameter: ``:param size: ...``, ``size (int): ...``, ``size : int``."""
    for line in (ast.get_docstring(function, clean=False) or "").splitlines():
        text = line.strip().lstrip("*`-")
        if text.startswith(":param") and f" {name}:" in text:
            return True
        if text.startswith(name) and text[len(name) :].lstrip("`* ").startswith((":", "(")):
            return True
    return False


@knowledge.cached
def _given_words() -> frozenset[str]:
    return frozenset(word for row in knowledge.rows("untrusted.given") for word in row["words"])
