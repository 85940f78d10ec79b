"""Which calls block: the row of the tables that a call meets, and whether its arguments let it wait."""

from __future__ import annotations

import ast
import functools
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.receivers import Origin, Variable
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import argument, dotted, is_constant, is_none, names_in

# Conditions of a row that arguments which are not written out may meet.
_CONDITIONS: Final = ("flag", "timeout", "needs", "blocking", "nonblocking")


class Blocking:
    """The calls of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    @memoised
    def row(self, node: ast.Call) -> knowledge.Row | None:
        """The row of ``blocking.toml`` that a call meets by its name or the type of its receiver."""
        name = self._module.qualname(node.func)
        if name is not None:
            return knowledge.by_call("blocking.call").get(name) or methods().get(name)
        if not isinstance(node.func, ast.Attribute):
            return None
        owner, between = node.func.value, list[str]()
        while (receiver := self._module.type_of(owner)) is None:
            if not isinstance(owner, ast.Attribute):
                receiver = self._returned(owner)
                break
            between.append(owner.attr)
            owner = owner.value
        return None if receiver is None else _method(receiver, node.func.attr, between)

    def _returned(self, owner: ast.expr) -> str | None:
        """The type of a variable that a function of this file gives its value, which says what it returns."""
        bindings = (
            (self._module.scopes.resolve(owner) or (None, []))[1] if isinstance(owner, ast.Name) else []
        )
        call = bindings[0].value if len(bindings) == 1 and bindings[0].kind is Kind.ASSIGN else None
        giver = self._module.receivers.definition(call.func) if isinstance(call, ast.Call) else None
        if not isinstance(giver, ast.FunctionDef) or giver.returns is None or giver.decorator_list:
            return None
        return self._module.receivers.annotated(giver.returns)

    def waits(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether the arguments of a call let it wait.

        Args:
            node: the call.
            row: its row, whose columns the head of ``blocking.toml`` explains.
        """
        keywords = self._module.receivers.keywords(node)
        if keywords is None or any(isinstance(item, ast.Starred) for item in node.args):
            return not any(condition in row for condition in _CONDITIONS)

        def given(name: str) -> ast.expr | None:
            return keywords.get(row.get(name, ""), argument(node, None, row.get(f"{name}_position")))

        flag, timeout, needed = given("flag"), given("timeout"), given("needs")
        if flag is not None and not (isinstance(flag, ast.Constant) and flag.value):
            return False
        if isinstance(timeout, ast.Constant) and timeout.value == 0:
            return False
        if "needs" in row and (needed is None or (isinstance(needed, ast.Constant) and not needed.value)):
            return False
        if "blocking" in row:
            return self._mentions(node, row["blocking"])
        return "nonblocking" not in row or not self._mentions(node, row["nonblocking"])

    def _mentions(self, node: ast.Call, names: Collection[str]) -> bool:
        """Whether one of these names stands among the arguments, as in ``os.WNOHANG | os.WUNTRACED``."""
        stack: list[ast.expr] = [*node.args, *(item.value for item in node.keywords)]
        seen: set[ast.expr] = set()
        while stack:
            item = stack.pop()
            if item in seen:
                continue
            seen.add(item)
            if isinstance(item, ast.BinOp):
                stack += (item.left, item.right)
            elif self._module.qualname(item) in names:
                return True
            elif isinstance(item, ast.Name):
                bindings = (self._module.scopes.resolve(item) or (None, []))[1]
                # FLAGS = os.WNOHANG | os.WUNTRACED
                if len(bindings) == 1 and isinstance(bindings[0].value, ast.BinOp):
                    stack += (bindings[0].value.left, bindings[0].value.right)
        return False

    def is_bounded(self, node: ast.Call) -> bool:
        """Whether a queue was built with a bound, so that ``put()`` may have to wait."""
        for built in self.origin(node).calls:
            bound = argument(built, "maxsize", 0)
            if bound is not None and not isinstance(bound, ast.UnaryOp) and not is_constant(bound, 0):
                return True
        return False

    def is_no_pipe(self, node: ast.Call) -> bool:
        """Whether the process was started without a pipe at this stream, which is ``None`` then."""
        pipe = node.func.value if isinstance(node.func, ast.Attribute) else None
        if not isinstance(pipe, ast.Attribute) or self._module.type_of(pipe) != "subprocess.PIPE":
            return False
        origin = self._module.receivers.origin(pipe.value)
        given = [self._module.receivers.keywords(call) for call in origin.calls]
        return origin.known and all(found is not None and pipe.attr not in found for found in given)

    def is_of_ended_process(self, node: ast.Call) -> bool:
        """Whether a pipe is read below ``if process.poll() is not None``: nobody writes to it any more."""
        pipe = node.func.value if isinstance(node.func, ast.Attribute) else None
        if not isinstance(pipe, ast.Attribute) or self._module.type_of(pipe) != "subprocess.PIPE":
            return False
        index = self._module.index
        process = dotted(pipe.value)
        child: ast.AST = node
        for parent in index.outwards(node, index.function(node) or self._module.tree):
            if isinstance(parent, ast.If) and child in parent.body and isinstance(parent.test, ast.Compare):
                asked = parent.test.left
                if (
                    isinstance(parent.test.ops[0], ast.IsNot)
                    and is_none(parent.test.comparators[0])
                    and dotted(asked.func if isinstance(asked, ast.Call) else asked)
                    in (f"{process}.poll", f"{process}.returncode")
                ):
                    return True
            child = parent
        return False

    def is_free(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether nobody else can hold a lock yet, or its constructor says not to wait for it."""
        if row["kind"] != "lock":
            return False
        built = self.origin(node).calls
        if any(self._gives_up(call, row) for call in built):
            return True
        functions = {self._module.index.function(call) for call in built}
        is_local = isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)
        return (
            bool(row.get("task_deadlock", False))
            and is_local
            and functions == {self._module.index.function(node)}
        )

    def is_ready_or_raises(self, node: ast.Call) -> bool:
        """Whether ``except BlockingIOError`` around a call says that it is on what never blocks."""
        if not self._module.says("BlockingIOError"):
            return False
        index = self._module.index
        child: ast.AST = node
        for parent in index.outwards(node, index.function(node) or self._module.tree):
            if isinstance(parent, ast.Try) and child in parent.body:
                for handler in parent.handlers:
                    if handler.type is not None and any(
                        item.id == "BlockingIOError" for item in names_in(handler.type)
                    ):
                        return True
            child = parent
        return False

    def _gives_up(self, built: ast.Call, row: knowledge.Row) -> bool:
        timeout, flag = (argument(built, row.get(key)) for key in ("timeout", "flag"))
        return is_constant(timeout, 0) or is_constant(flag, False)

    def is_asked_first(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether the code asks the object if it would block, tells it not to, or waits for it in another way."""
        built_with = row.get("unless_built_with", ())
        if built_with and any(self._mentions(call, built_with) for call in self.origin(node).calls):
            return True
        called, passed = tuple(row.get("unless_called", ())), tuple(row.get("unless_passed", ()))
        if not called and not passed:
            return False
        variables = self.origin(node).variables
        if (called, passed) not in self._asked:
            self._asked[called, passed] = frozenset(self._asked_variables(called, passed))
        if not variables.isdisjoint(self._asked[called, passed]):
            return True
        if (
            row["kind"] == "queue"
            and self._module.says("._reader")
            and not variables.isdisjoint(self._watched)
        ):
            return True
        # What as_completed() yields has a result.
        return bool(passed) and any(
            item.kind is Kind.FOR
            for variable in variables
            for item in self._module.scopes.bindings(*variable)
        )

    @functools.cached_property
    def _asked(self) -> dict[tuple[tuple[str, ...], tuple[str, ...]], frozenset[Variable]]:
        return {}

    @functools.cached_property
    def _watched(self) -> frozenset[Variable]:
        """The queues whose pipe the file asks for, to wait for it by ``select``."""
        pipes = (item for item in self._module.index.nodes(ast.Attribute) if item.attr == "_reader")
        origin = self._module.receivers.origin
        return frozenset(variable for pipe in pipes for variable in origin(pipe.value).variables)

    def _asked_variables(self, called: Collection[str], passed: Collection[str]) -> Iterator[Variable]:
        """The variables on which one of these methods is called, or which one of these functions is given."""
        origin = self._module.receivers.origin
        for call in self._module.index.calls_named({name.rpartition(".")[2] for name in (*called, *passed)}):
            if isinstance(call.func, ast.Attribute) and call.func.attr in called:
                yield from origin(call.func.value).variables
            elif self._module.qualname(call.func) in passed:
                for name in (name for item in call.args for name in names_in(item)):
                    yield from origin(name).variables

    def origin(self, method: ast.Call) -> Origin:
        """Where the receiver of a method comes from; nothing is known of ``read = Path.read_text; read(path)``."""
        if isinstance(method.func, ast.Attribute):
            return self._module.receivers.origin(method.func.value)
        return Origin(frozenset(), (), known=False)


@knowledge.cached
def names_by_package() -> Mapping[str, frozenset[str]]:
    """The last identifiers of the calls that the tables know, by the package that has to be imported."""
    return knowledge.by_package((*knowledge.by_call("blocking.call"), *methods()))


def methods() -> Mapping[str, knowledge.Row]:
    """The rows of methods, by ``package.Type.method``."""
    return knowledge.by_call("blocking.method")


@knowledge.cached
def names(table: str) -> frozenset[str]:
    """The calls that a table of ``blocking.toml`` lists."""
    return frozenset(knowledge.by_call(table))


def _method(receiver: str, method: str, between: Collection[str]) -> knowledge.Row | None:
    """The row of a method of a typed receiver, or of what a chain of attributes leads to from there."""
    keys = [f"{receiver}.{method}", f"{receiver}.*"]
    while receiver:
        receiver = receiver.rpartition(".")[0]
        keys.append(f"{receiver}.*.*")
    row = next((row for key in keys if (row := methods().get(key)) is not None), None)
    if (
        row is None
        or method.startswith("_")
        or any(fnmatchcase(method, name) for name in row.get("except", ()))
    ):
        return None
    if between and (not row.get("chain", False) or not set(between).isdisjoint(row.get("not_through", ()))):
        return None
    return row
