"""What the entries of a cache are: results that can be computed again, or resources that are shared on purpose."""

from __future__ import annotations

import ast
import math
import re
from typing import Final

from flake8_aiguard.index import FUNCTIONS, Function
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import default, is_constant, last_name, own_nodes, string

# There is one for each configured server, account or class; whoever evicts it cuts others off, or breaks a lock in two.
_RESOURCE: Final = regex(
    r"(?:\w*_)?(?:adapter|client|connect|connection|connector|engine|lock|manager|mutex|pool|router|semaphore|session|sessionmaker|transport)s?"
    r"|\w*(?:Adapter|Backend|Client|Condition|Connection|Connector|Driver|Engine|Factory|Lock|Manager|Mutex|Parser|Pool|Provider|Registry"
    r"|Repository|Resolver|Router|Semaphore|Serializer|Session|Storage|Store|Transport)"
    r"|enter_(?:async_)?context"  # open until a with statement ends
    r"|import_module|import_string|load_object|resolve_name"
    r"|prepare(?:_(?:async|query|statement))?"  # the statements of a program, which a database keeps as well
    r"|create_model|make_dataclass|namedtuple|new_class|type|\w+_class"
    r"|get_template"  # of an environment that keeps them itself
    r"|(?:\w+_)?logger|\w*Logger"  # one for each name in the program's text
    r"|load_inline|load_jit|(?:\w+_)?kernel|_?(?:build|compile|create|get|make)_(?:\w+_)?kernel\w*|_?jit_\w+"
)
# Code of the program's own files, and code that is made for the shapes of a model.
_COMPILERS: Final = frozenset(
    {
        "builtins.compile",
        "cutlass.cute.compile",
        "torch.compile",
    }
)
_PATHS: Final = regex(
    r"\w*jsonpath\w*(?:\.\w+)*\.parse|jmespath\.compile"
)  # the paths that the program's text spells
_CLONES: Final = ("clone", "clone_from")
_NAMED_RESOURCES: Final = regex(
    r"(?:\w*_)?(?:adapter|client|connection|connector|engine|lock|mutex|pool|router|semaphore|transport)s?(?:_(?:by_\w+|cache|map))?",
    re.IGNORECASE,
)
_CREDENTIALS: Final = regex(
    r"(?:\w+_)?(?:api_?key|credentials?|dsn|password|secret)|(?:access|auth|bearer)_token"
    r"|(?:api|base|broker|database|db|endpoint|jwks|redis|server|service)_ur[il]",
    re.IGNORECASE,
)
_MOST: Final = 64  # expressions behind one value


class Entries:
    """The entries of the caches of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def is_resource(self, value: ast.expr, function: Function) -> bool:
        """Whether a value is a client, connection, lock, class or the like, made here or elsewhere.

        Args:
            value: what is stored.
            function: the function that stores it.
        """
        seen: set[str] = set()
        stack = [value]
        for _ in range(_MOST):
            if not stack:
                break
            item = stack.pop()
            if isinstance(item, (ast.Await, ast.NamedExpr)):
                stack.append(item.value)
            elif isinstance(item, (ast.Tuple, ast.List)):
                stack += item.elts
            elif isinstance(item, ast.IfExp):
                stack += (item.body, item.orelse)
            elif isinstance(item, ast.BoolOp):
                stack += item.values
            elif isinstance(item, ast.Call):
                name = self._name(item.func)
                known = self._module.qualname(item.func) or ""
                if known in _COMPILERS or _PATHS.fullmatch(known):
                    return True
                if _RESOURCE.fullmatch(name) or (_is_class(name) and _takes_credentials(item)):
                    return True
            elif isinstance(item, ast.Name) and item.id not in seen:
                seen.add(item.id)
                stack += [
                    binding.value
                    for binding in self._module.scopes.bindings(function, item.id)
                    if binding.value is not None and binding.kind in (Kind.ASSIGN, Kind.ANNOTATED, Kind.WITH)
                ]
        return False

    def is_digest(self, value: ast.expr, function: Function) -> bool:
        """Whether a value is no more than the digest of something: a few bytes for what was read in full.

        Args:
            value: what is stored.
            function: the function that stores it.
        """
        if isinstance(value, ast.Name):
            bindings = self._module.scopes.bindings(function, value.id)
            made = bindings[0].value if len(bindings) == 1 else None
            if made is None:
                return False
            value = made
        return isinstance(value, ast.Call) and last_name(value.func) in ("digest", "hexdigest")

    def are_resources(self, target: ast.expr) -> bool:
        """Whether the name or the annotation of a dict says that its values are resources.

        Args:
            target: the target that binds the dict.
        """
        if _NAMED_RESOURCES.fullmatch(last_name(target) or ""):
            return True
        assign = self._module.index.parent(target)
        annotation = assign.annotation if isinstance(assign, ast.AnnAssign) else None
        if not isinstance(annotation, ast.Subscript) or not isinstance(annotation.slice, ast.Tuple):
            return False
        return self._names_resource(annotation.slice.elts[-1])

    def _name(self, node: ast.expr) -> str:
        """The last identifier of what an expression refers to, import aliases undone."""
        return (self._module.qualname(node) or last_name(node) or "").rpartition(".")[2]

    def _names_resource(self, annotation: ast.expr) -> bool:
        words: list[str] = []
        for node in ast.walk(annotation):
            if isinstance(node, (ast.Name, ast.Attribute)):
                words.append(self._name(node))
            else:
                words += re.findall(r"\w+", (string(node) if isinstance(node, ast.expr) else None) or "")
        return any(map(_RESOURCE.fullmatch, words))

    @memoised
    def makes_resource(self, function: Function) -> bool:
        """Whether a function returns a resource: by its name, its annotation or all that it returns; or clones a repository."""
        if isinstance(function, ast.Lambda):
            return self.is_resource(function.body, function)
        if _RESOURCE.fullmatch(function.name) or (
            function.returns and self._names_resource(function.returns)
        ):
            return True
        index = self._module.index
        if any(
            isinstance(node, ast.Call) and last_name(node.func) in _CLONES and node.keywords
            for node in ast.walk(function)
        ):
            return True  # whoever evicts it clones the repository again
        returned = [
            node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Return) and node.value is not None and index.function(node) is function
        ]
        return bool(returned) and all(self.is_resource(value, function) for value in returned)

    @memoised
    def is_fetched(self, function: Function) -> bool:
        """Whether a function asks somebody else for what it returns: it awaits, or reads from the network."""
        return any(
            isinstance(node, ast.Await)
            or (
                isinstance(node, ast.Call)
                and (
                    bool(_FETCHES.match(self._name(node.func)))
                    or (self._module.qualname(node.func) or "").partition(".")[0] in _NETWORK
                )
            )
            for node in ast.walk(function)
        )

    def is_checked(self, write: ast.AST, key: ast.expr, function: Function) -> bool:
        """Whether a function opens the file that a key names on every call: there are only so many files.

        Args:
            write: the statement that adds an entry.
            key: its key.
            function: the function around it.
        """
        if isinstance(function, ast.Lambda) or not isinstance(key, ast.Name):
            return False
        opened = (
            item.context_expr
            for statement in function.body
            if isinstance(statement, ast.With) and statement.lineno < getattr(write, "lineno", 0)
            for item in statement.items
        )
        return any(
            isinstance(call, ast.Call)
            and last_name(call.func) == "open"
            and any(isinstance(node, ast.Name) and node.id == key.id for node in ast.walk(call))
            for call in opened
        )

    def is_refused(self, write: ast.AST, function: Function) -> bool:
        """Whether a function raises "not found" before it adds an entry: it keeps what another side has, and nobody's made-up key.

        Args:
            write: the statement that adds an entry.
            function: the function around it.
        """
        return self._first_refusal(function) <= getattr(write, "lineno", 0)

    @memoised
    def _first_refusal(self, function: Function) -> float:
        """The line where a function, or one of the file that it calls, first raises "not found"."""
        lines = [self._first_raise(function)]
        for node in own_nodes(function):
            if isinstance(node, ast.Call) and node.args:
                called = self._module.receivers.definition(node.func)
                if isinstance(called, ast.FunctionDef) and self._first_raise(called) < math.inf:
                    lines.append(node.lineno)
        return min(lines)

    @memoised
    def _first_raise(self, function: Function) -> float:
        """The line where a function first raises "not found", or anything because somebody else did."""
        lines = []
        for node in own_nodes(function):
            if isinstance(node, ast.Raise) and node.exc is not None:
                named = [node.exc.func if isinstance(node.exc, ast.Call) else node.exc]
            elif isinstance(node, ast.ExceptHandler) and any(
                isinstance(item, ast.Raise) for item in own_nodes(node)
            ):
                named = (
                    node.type.elts if isinstance(node.type, ast.Tuple) else [node.type or ast.Constant(None)]
                )
            else:
                continue
            if any(_NOT_FOUND.search(last_name(item) or "") for item in named):
                lines.append(node.lineno)
        return min(lines, default=math.inf)

    def is_optional(self, write: ast.AST, key: ast.expr, function: Function) -> bool:
        """Whether another parameter than the key's says whether an entry is kept, and by default none is: a registration.

        Args:
            write: the statement that adds an entry.
            key: its key.
            function: the function around it.
        """
        index = self._module.index
        keyed = {node.id for node in ast.walk(key) if isinstance(node, ast.Name)}
        for outer in index.ancestors(write):
            if isinstance(outer, FUNCTIONS):
                return False
            test = outer.test if isinstance(outer, ast.If) else None
            if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
                test = test.operand
            if isinstance(test, ast.Name) and test.id not in keyed:
                bindings = self._module.scopes.bindings(function, test.id)
                parameter = bindings[0].node if len(bindings) == 1 else None
                if isinstance(parameter, ast.arg):
                    return not is_constant(default(function, parameter), True)
        return False


_NOT_FOUND: Final = regex(r"NotFound|DoesNotExist|NoSuch|Un(?:defined|known|registered|supported)")
_FETCHES: Final = regex(r"_*(?:download|fetch|query|request|urlopen)")
_NETWORK: Final = frozenset({"aiohttp", "boto3", "httpx", "requests", "urllib", "urllib3"})


def _is_class(name: str) -> bool:
    return name.lstrip("_")[:1].isupper()


def _takes_credentials(call: ast.Call) -> bool:
    names = [last_name(item) or "" for item in call.args] + [item.arg or "" for item in call.keywords]
    return any(map(_CREDENTIALS.fullmatch, names))
