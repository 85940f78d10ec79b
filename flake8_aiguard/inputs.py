"""What is input: parameters of public functions, data from outside, and what is taken from these."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace
from typing import Final

from flake8_aiguard import arguments, knowledge
from flake8_aiguard.index import COMPREHENSIONS, FUNCTIONS
from flake8_aiguard.module import Module
from flake8_aiguard.receivers import first_parameter
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Binding, Kind
from flake8_aiguard.shapes import default, dotted, is_none, last_name, start_of, string

MAX_STEPS: Final = 12  # from an expression back to the input
_PRIVATE: Final = ("_[!_]*/", "_[!_]*.py", "internal/")
_PUBLIC_DUNDERS: Final = (
    "__init__",
    "__new__",
    "__call__",
    "__getitem__",
    "__setitem__",
    "__delitem__",
    "__contains__",
)
_DECLARING: Final = (
    "abc.abstractmethod",
    "abc.abstractproperty",
    "typing.overload",
    "typing_extensions.overload",
)
_OPTIONALS: Final = ("typing.Optional", "typing_extensions.Optional")
_PROTOCOLS: Final = ("typing.Protocol", "typing_extensions.Protocol")
_RAISED: Final = regex(r"\w*(?:Error|Exception)")
_OPTIONAL: Final = regex(r"\b(None|Optional)\b")
_MAPPING: Final = regex(r"dict|mapping|headers|params|config|json|\bAny\b|\bobject\b", re.IGNORECASE)
_WHERE: Final = {
    "argv": "the command line",
    "csv": "a CSV file",
    "environment": "the environment",
    "event": "the event",
    "file": "a file",
    "input": "the terminal",
    "json": "JSON",
    "request": "the request",
    "response": "a response",
    "toml": "TOML",
    "xml": "XML",
    "yaml": "YAML",
}


@dataclass(frozen=True, slots=True)
class Input:
    """A value from outside.

    Attributes:
        name: what the message calls it.
        origin: ``parameter``, ``field``, or for data from a source, where it comes from.
        annotation: the parameter's or field's annotation.
        optional: whether ``None`` is a value that it may have.
        part: how the value was reached from there: ``""`` for itself, else ``attribute`` or ``item``.
        attributes: the number of attributes on the way.
    """

    name: str
    origin: str
    annotation: ast.expr | None = None
    optional: bool = False
    part: str = ""
    attributes: int = 0

    @property
    def is_passed(self) -> bool:
        """Whether a caller passes it, as parameter or field."""
        return self.origin in ("parameter", "field")

    def __str__(self) -> str:
        return f"the {self.origin} {self.name!r}" if self.is_passed else f"{self.name!r} from {self.origin}"


class Inputs:
    """The inputs of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._names: dict[ast.Name, Input | None] = {}
        self._bindings: dict[tuple[ast.AST, str], dict[ast.AST, Binding]] = {}
        self._stores: dict[tuple[ast.ClassDef, str], dict[ast.AST | None, list[ast.Attribute]]] = {}

    def view(self, node: ast.expr, depth: int = 0) -> Input | None:
        """The input of which an expression shows the value, the length or a part."""
        if depth > MAX_STEPS:
            return None
        found = self.input(node)
        if found is not None:
            return found
        if isinstance(node, ast.Await):
            shown = [node.value]
        elif isinstance(node, ast.UnaryOp):
            shown = [node.operand]
        elif isinstance(node, ast.BinOp):
            shown = [node.left, node.right]
        elif isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            shown = node.elts
        elif isinstance(node, (ast.Attribute, ast.Subscript)):
            shown = [node.value] if isinstance(node.value, (ast.Call, ast.BinOp)) else []
        elif isinstance(node, ast.Compare):
            shown = [node.left]
        elif isinstance(node, COMPREHENSIONS):
            shown = [node.generators[0].iter]
        elif isinstance(node, ast.Call) and self.is_view(node):
            receiver = [node.func.value] if isinstance(node.func, ast.Attribute) else []
            shown = [*receiver, *node.args, *(keyword.value for keyword in node.keywords)]
        else:
            return None
        views = (self.view(item, depth + 1) for item in shown[:MAX_STEPS])
        return next((view for view in views if view is not None), None)

    def is_view(self, call: ast.Call) -> bool:
        """Whether the result of a call only shows what it is given."""
        name = self._module.qualname(call.func)
        if name is not None:
            return name in _views() or name.startswith(("os.path.", "math."))
        return isinstance(call.func, ast.Attribute) and call.func.attr in _pure()

    def input(self, node: ast.expr, depth: int = 0) -> Input | None:
        """The input that an expression is, or is an attribute or item of."""
        if depth > MAX_STEPS:
            return None
        row = self._module.sources.row(node)
        if row is not None:
            # what a helper calls request may be one that is sent
            is_guess = "parameters" in row and self._is_helper(node)
            # a pickle in memory is what the program itself has packed
            return None if is_guess or row["kind"] == "pickle" else Input(spoken(node), _WHERE[row["kind"]])
        if isinstance(node, ast.Name):
            return self._named(node, depth + 1)
        if isinstance(node, ast.Await):
            return self.input(node.value, depth + 1)
        if isinstance(node, ast.Attribute):
            if node.attr.startswith("_"):
                return None
            found = self.input(node.value, depth + 1)
            if found is None:
                return self._own(node, depth + 1)
            return replace(found, part="attribute", attributes=found.attributes + 1)
        inner, is_call = _container(node)
        found = None if inner is None else self.input(inner, depth + 1)
        if found is None or (is_call and not _is_mapping(found, node)):
            return None
        return replace(found, part="item")

    def _is_helper(self, node: ast.expr) -> bool:
        return getattr(self._module.index.function(node), "name", "").startswith("_")

    def _named(self, node: ast.Name, depth: int) -> Input | None:
        if node not in self._names:
            self._names[node] = None  # a name that is defined by itself is no input
            self._names[node] = self._resolved(node, depth)
        return self._names[node]

    def _resolved(self, node: ast.Name, depth: int) -> Input | None:
        resolved = self._module.scopes.resolve(node)
        if resolved is None:
            return None
        owner, bindings = resolved
        if isinstance(owner, FUNCTIONS) and owner is not self._module.index.function(node):
            return None  # a function in a function has its caller's checks
        if len(bindings) > 1:
            bindings = self._reaching(node, owner, bindings)
        values = [self._bound(node.id, owner, binding, depth) for binding in bindings]
        passed = [
            value for value, binding in zip(values, bindings, strict=True) if binding.kind is Kind.PARAMETER
        ]
        # a parameter stays one where a branch gave it another value, a local has to come from input in all of them
        if not passed and not all(values):
            return None
        found = next(iter(passed or values), None)
        return found if found is None or found.is_passed else replace(found, name=node.id)

    def _reaching(self, node: ast.Name, owner: ast.AST, bindings: list[Binding]) -> list[Binding]:
        """The bindings whose value a mention of the name may have."""
        if not isinstance(owner, (*FUNCTIONS, ast.Module)):
            return []
        key = (owner, node.id)
        if key not in self._bindings:
            self._bindings[key] = {self._definition(binding.node): binding for binding in bindings}
        known = self._bindings[key]
        definitions = self._module.def_use(owner).definitions(node) or ()
        found = [known[definition] for definition in definitions if definition in known]
        return sorted(found, key=lambda binding: start_of(binding.node))

    def _definition(self, target: ast.AST) -> ast.AST:
        """The node that :class:`DefUse` takes for the definition of a target."""
        if not isinstance(target, ast.Name):
            return target
        binders = (ast.stmt, ast.NamedExpr, ast.withitem, ast.comprehension)
        return next(parent for parent in self._module.index.ancestors(target) if isinstance(parent, binders))

    def _bound(self, name: str, owner: ast.AST, binding: Binding, depth: int) -> Input | None:
        """The input that one binding gives to a name."""
        if binding.kind is Kind.PARAMETER:
            return self._parameter(owner, binding.node)
        if binding.kind not in (Kind.ASSIGN, Kind.ANNOTATED, Kind.FOR):
            return None
        value, is_part = binding.value, binding.kind is Kind.FOR
        if value is None or is_part:
            value, is_part = self._unpacked(binding.node), True
        if value is None:
            return None
        found = self.input(value, depth)
        if found is None:
            return self._converted(name, value, depth)
        return replace(found, part="item") if is_part else found

    def _unpacked(self, target: ast.AST) -> ast.expr | None:
        """The expression of which a loop or an unpacking gives the elements to a target."""
        index = self._module.index
        element, parent = target, index.parent(target)
        while isinstance(parent, (ast.Tuple, ast.List, ast.Starred)):
            element, target, parent = target, parent, index.parent(parent)
        if isinstance(parent, ast.Assign):
            return parent.value
        if not isinstance(parent, (ast.For, ast.AsyncFor, ast.comprehension)):
            return None
        looped = parent.iter
        if isinstance(looped, ast.Call):
            if isinstance(looped.func, ast.Attribute) and looped.func.attr in ("items", "keys", "values"):
                return looped.func.value
            called = self._module.qualname(looped.func)
            elements = target.elts if isinstance(target, (ast.Tuple, ast.List)) else []
            if called == "builtins.enumerate" and looped.args and elements[1:] == [element]:
                return looped.args[0]
            if called == "builtins.zip":
                return next(
                    (value for value, item in zip(looped.args, elements, strict=False) if item is element),
                    None,
                )
        return looped

    def _converted(self, name: str, value: ast.expr, depth: int) -> Input | None:
        """A parsed value of a source, or a parameter that is converted or gets its default under its own name."""
        if isinstance(value, ast.Call) and self.is_view(value):
            inputs = [value.func.value] if isinstance(value.func, ast.Attribute) else []
            inputs += value.args[:1]
        elif isinstance(value, ast.IfExp):
            inputs = [value.body, value.orelse]
        elif isinstance(value, ast.BoolOp):
            inputs = value.values[:1]
        else:
            return None
        for inner in inputs:
            found = self.input(inner, depth)
            if found is not None and (
                not found.is_passed or (isinstance(inner, ast.Name) and inner.id == name)
            ):
                return replace(found, annotation=None, optional=False)
        return None

    def _own(self, node: ast.Attribute, depth: int) -> Input | None:
        """``self.x`` right after ``self.x = x``, or a field in ``__post_init__``."""
        owner = self._module.receivers.class_behind(node.value)
        function = self._module.index.function(node)
        if owner is None or not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return None
        if function.name == "__post_init__" and self._is_public(function):
            for binding in self._module.scopes.bindings(owner, node.attr):
                if binding.annotation is not None:
                    optional = self._is_optional(binding.annotation, binding.value)
                    return Input(node.attr, "field", binding.annotation, optional)
        key = (owner, node.attr)
        if key not in self._stores:
            stores = self._stores[key] = {}
            for store in self._module.receivers.attribute_stores(owner, node.attr):
                stores.setdefault(self._module.index.function(store), []).append(store)
        here = self._stores[key].get(function, [])
        if len(here) != 1 or here[0].lineno >= node.lineno:
            return None
        assign = self._module.index.parent(here[0])
        if isinstance(assign, (ast.Assign, ast.AnnAssign)) and isinstance(assign.value, ast.Name):
            return self.input(assign.value, depth)
        return None

    def _parameter(self, function: ast.AST, parameter: ast.AST) -> Input | None:
        if not isinstance(parameter, ast.arg) or not isinstance(
            function, (ast.FunctionDef, ast.AsyncFunctionDef)
        ):
            return None
        is_method = self._module.index.class_of(function) is not None
        if (is_method and parameter is first_parameter(function)) or not self._is_public(function):
            return None
        if parameter.arg.startswith("_") or self._is_handed(function, parameter):
            return None
        optional = self._is_optional(parameter.annotation, default(function, parameter))
        return Input(parameter.arg, "parameter", parameter.annotation, optional)

    def _is_handed(self, function: ast.FunctionDef | ast.AsyncFunctionDef, parameter: ast.arg) -> bool:
        """Whether a framework fills a parameter with an object of its own, the context of click, or it is an exception that came about."""
        annotation = parameter.annotation
        if annotation is not None and self._module.receivers.annotated(annotation) in _handed("types"):
            return True
        known = None if annotation is None else self._module.qualname(annotation) or last_name(annotation)
        if known is not None and _RAISED.fullmatch(known.rpartition(".")[2]):
            return True
        if not function.decorator_list:
            return False
        return arguments.place(self._module.index, function, parameter.arg) == 0 and any(
            self._module.qualname(decorator) in _handed("decorators") for decorator in function.decorator_list
        )

    def _is_optional(self, annotation: ast.expr | None, value: ast.expr | None) -> bool:
        """Whether ``None`` is a value, by the default or the annotation."""
        if is_none(value) or annotation is None:
            return is_none(value)
        return any(
            is_none(part)
            or _OPTIONAL.search(string(part) or "") is not None
            or (isinstance(part, (ast.Name, ast.Attribute)) and self._module.is_one_of(part, _OPTIONALS))
            for part in ast.walk(annotation)
        )

    def _is_public(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Whether anybody may call the function, and it is more than a declaration."""
        if self._module.matches(_PRIVATE):
            return False
        if function.name.startswith("_") and function.name not in (*_PUBLIC_DUNDERS, "__post_init__"):
            return False
        if any(self._module.is_one_of(decorator, _DECLARING) for decorator in function.decorator_list):
            return False
        scope = self._module.index.scope(function)
        if isinstance(scope, ast.ClassDef) and any(
            (last_name(base) or "").endswith(("Error", "Exception")) for base in scope.bases
        ):
            return False  # who raises it passes the arguments
        while isinstance(scope, ast.ClassDef):
            if scope.name.startswith("_") or any(
                self._module.is_one_of(base, _PROTOCOLS) for base in scope.bases
            ):
                return False
            scope = self._module.index.scope(scope)
        return isinstance(scope, ast.Module)


def _container(node: ast.expr) -> tuple[ast.expr | None, bool]:
    """What an expression takes an item of, and whether it does so by ``.get``."""
    if isinstance(node, ast.Subscript):
        return node.value, False
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "get"
        and node.args
    ):
        return node.func.value, True
    return None, False


def _is_mapping(found: Input, call: ast.expr) -> bool:
    """Whether ``.get`` takes an item: not that of a client or session."""
    if not found.is_passed:
        return True
    if found.annotation is not None and not found.part:
        return _MAPPING.search(ast.unparse(found.annotation)) is not None
    assert isinstance(call, ast.Call)
    key = call.args[0]
    return isinstance(key, ast.Constant) or (last_name(key) or "").isupper()


def spoken(node: ast.expr) -> str:
    """How a message names an expression."""
    if isinstance(node, (ast.Call, ast.Await)):
        inner = node.func if isinstance(node, ast.Call) else node.value
        return f"{spoken(inner)}()" if isinstance(node, ast.Call) else spoken(inner)
    if isinstance(node, ast.Subscript) and string(node.slice):
        return repr(string(node.slice))
    return dotted(node) or last_name(node) or "this value"


@knowledge.cached
def _handed(column: str) -> frozenset[str]:
    return frozenset(name for row in knowledge.rows("untrusted.handed") for name in row.get(column, ()))


@knowledge.cached
def _pure() -> frozenset[str]:
    return frozenset(name for row in knowledge.rows("untrusted.pure") for name in row.get("methods", ()))


@knowledge.cached
def _views() -> frozenset[str]:
    return frozenset(name for row in knowledge.rows("untrusted.pure") for name in row.get("calls", ()))
