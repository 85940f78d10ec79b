"""AIG007: a call that computes for a millisecond or more on the event loop."""

from __future__ import annotations

import ast
import functools
from collections.abc import Collection, Iterator, Mapping

from flake8_aiguard import knowledge
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.eventloop import EventLoop, is_startup
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import argument, calls_before, dotted

_ADVICE = {
    "released": "it releases the GIL, so a thread is enough: await asyncio.to_thread()",
    "partly": "it holds the GIL for part of that, so a thread helps little: use a ProcessPoolExecutor",
    "held": "it holds the GIL, so a thread does not help: use a ProcessPoolExecutor",
}
_IN_MEMORY = frozenset({"io.BytesIO"})
_READS = ("read", "read_bytes", "read_text")
_MOST_PARTS = 500  # of a literal that is still small
_ATTEMPTS = 8  # names that lead from an operand to its literal


class CpuBoundInAsync(Checker):
    """Call that computes for milliseconds or more in ``async def``, while the event loop runs nothing else.

    Why: one event loop serves all tasks of a process, in one thread. A password hash, a dataframe, an image or a model
    holds it as long as it computes: a login every second with a hash of 250 ms takes a quarter of all tasks' time. A
    thread helps only where the library releases the GIL meanwhile; where it holds it, the loop waits just the same.

    Bad::

        import bcrypt

        async def log_in(users, name, password):
            user = await users.find(name)
            return bcrypt.checkpw(password, user.hashed)

    Good::

        import asyncio
        import bcrypt

        async def log_in(users, name, password):
            user = await users.find(name)
            return await asyncio.to_thread(bcrypt.checkpw, password, user.hashed)

    Limits: knows the calls of a table, each measured by ``benchmarks/gil.py``; loops in Python, cheap calls of the same
    libraries (``numpy.array``, ``json.loads``, ``hashlib.sha256``), decompression with zlib, and what a sync function of
    this project computes are not reported. A model or dataframe is known by its constructor, loader or annotation, not
    when ``joblib.load`` returns it. Of a chain, the first call is reported. Silent on literal operands and few rounds, on
    products of vectors whose length the function takes, on readers that are told to go in chunks, in ``startup()``, ``lifespan()`` and the like, in commands of click, typer and
    cyclopts, and for what ``main()`` does before it first waits. Extracting an archive from a file is AIG006's.
    """

    code = "AIG007"
    slug = "cpu-bound-in-async"
    since = "0.1.0"
    severity = "warning"
    message = "{call}() computes on the event loop, which stops every task ({time} for {input}); {advice}"
    triggers = ("async def",)
    in_tests = False

    def call_names(self) -> Collection[str] | None:
        if not self.module.index.nodes(ast.AsyncFunctionDef):
            return ()
        names = _names_by_package()
        found = frozenset[str]().union(*(names.get(item, ()) for item in self.module.index.packages))
        return None if "__call__" in found else found

    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        if not self._computes(node) or any(map(self._computes, calls_before(node))) or self._runs_alone(node):
            return
        row = self._row(node)
        if row is not None:
            yield from self.found(
                node,
                call=dotted(node.func) or self._called(node),
                time=_duration(row["milliseconds"]),
                input=row["input"],
                advice=_ADVICE[row["gil"]],
            )

    @functools.cached_property
    def _loop(self) -> EventLoop:
        return EventLoop(self.module)

    def _runs_alone(self, node: ast.Call) -> bool:
        """Whether nobody waits for the event loop yet, or at all."""
        function = self.module.index.function(node)
        if not isinstance(function, ast.AsyncFunctionDef):
            return False
        return (
            is_startup(function) or self._loop.is_command(function) or self._loop.is_before_first_wait(node)
        )

    # -- which row

    def _row(self, node: ast.Call) -> knowledge.Row | None:
        if node not in self._rows:
            self._rows[node] = self._find_row(node)
        return self._rows[node]

    @functools.cached_property
    def _rows(self) -> dict[ast.Call, knowledge.Row | None]:
        return {}

    def _find_row(self, node: ast.Call) -> knowledge.Row | None:
        name = self.module.qualname(node.func)
        if name is not None:
            return knowledge.by_call("cpu_bound.call").get(name) or _methods().get(name)
        if isinstance(node.func, ast.Attribute):
            for receiver in self._types(node.func.value):
                row = _method(receiver, node.func.attr)
                if row is not None:
                    return row
        if isinstance(self.module.receivers.definition(node.func), ast.ClassDef):
            return None
        return next(filter(None, (_method(item, "__call__") for item in self._types(node.func))), None)

    def _types(self, node: ast.expr) -> Iterator[str]:
        """The type of an object, or the types that its class in this file inherits from."""
        found = self.module.type_of(node)
        if found is not None:
            yield found
        else:
            yield from self.module.receivers.inherited(node)

    def _called(self, node: ast.Call) -> str:
        """A name for a call that is no plain chain of names: ``Image.open(p).convert``."""
        name = node.func
        return name.attr if isinstance(name, ast.Attribute) else "the model"

    # -- whether it computes for long

    def _computes(self, node: ast.Call) -> bool:
        row = self._row(node)
        if row is None or not self._loop.runs(node):
            return False
        return not (
            self._is_lazy(node, row)
            or self._is_quick(node, row)
            or self._is_small(node, row)
            or (row.get("vectors", False) and self._is_of_vectors(node))
            or (row.get("memory", False) and not self._is_in_memory(node))
            or ("file_position" in row and not self._is_of_file(node, row["file_position"]))
        )

    def _is_lazy(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether an argument makes the call return at once, or read little."""
        if "unless" not in row:
            return False
        keywords = self.module.receivers.keywords(node)
        return keywords is None or not keywords.keys().isdisjoint(row["unless"])

    def _is_quick(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether a literal says that there are few rounds."""
        if "least" not in row:
            return False
        rounds = argument(node, row["rounds"], row.get("rounds_position"))
        return (
            isinstance(rounds, ast.Constant) and isinstance(rounds.value, int) and rounds.value < row["least"]
        )

    def _is_small(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether a literal operand or receiver shows that there is little to compute."""
        first = row.get("operand")
        if first is not None:
            operands = node.args[first : first + row.get("operands", 1)]
            if any(map(self._is_small_value, operands)):
                return True
        if "types" not in row or not isinstance(node.func, ast.Attribute):
            return False
        origin = self.module.receivers.origin(node.func.value)
        return origin.known and bool(origin.calls) and all(map(self._is_small_value, origin.calls))

    def _is_of_vectors(self, node: ast.Call) -> bool:
        """Whether the function takes the length of an operand: ``dot(a, b) / (norm(a) * norm(b))``."""
        function = self.module.index.function(node)
        return any((function, dotted(operand)) in self._vectors for operand in node.args[:2])

    @functools.cached_property
    def _vectors(self) -> set[tuple[ast.AST | None, str | None]]:
        """The variables whose length is taken, with the function that does."""
        return {
            (self.module.index.function(call), dotted(call.args[0]))
            for call in self.module.index.calls_named({"norm"})
            if len(call.args) == 1
            and not call.keywords
            and isinstance(call.args[0], (ast.Name, ast.Attribute))
            and self.module.qualname(call.func) == "numpy.linalg.norm"
        }

    def _is_small_value(self, node: ast.expr) -> bool:
        """Whether a value is written out: a literal, what is built of literals, or a name for one."""
        stack, parts, names = [node], 0, 0
        while stack:
            item = stack.pop()
            parts += 1
            if parts > _MOST_PARTS:
                return False
            if isinstance(item, (ast.List, ast.Tuple, ast.Set)):
                stack += item.elts
            elif isinstance(item, ast.Dict):
                stack += item.values
            elif isinstance(item, ast.UnaryOp):
                stack.append(item.operand)
            elif isinstance(item, ast.Call):
                row = knowledge.by_call("cpu_bound.small").get(self.module.qualname(item.func) or "")
                given = [*item.args, *(keyword.value for keyword in item.keywords)]
                if isinstance(item.func, ast.Attribute) and item.func.attr == "encode":
                    given.append(item.func.value)
                elif row is None or any(_is_large(value, row["most"]) for value in given):
                    return False
                stack += given
            elif isinstance(item, ast.Name):
                names += 1
                bindings = (self.module.scopes.resolve(item) or (None, []))[1]
                if names > _ATTEMPTS or len(bindings) != 1 or bindings[0].kind is not Kind.ASSIGN:
                    return False
                if bindings[0].value is None:
                    return False
                stack.append(bindings[0].value)
            elif not isinstance(item, ast.Constant):
                return False
        return True

    def _is_in_memory(self, node: ast.Call) -> bool:
        return not _IN_MEMORY.isdisjoint(self.module.receivers.given_types(node))

    def _is_of_file(self, node: ast.Call, position: int) -> bool:
        """Whether an argument is a file, or read from one on the spot."""
        given = argument(node, None, position)
        if (
            isinstance(given, ast.Call)
            and isinstance(given.func, ast.Attribute)
            and given.func.attr in _READS
        ):
            given = given.func.value
        return given is not None and self.module.type_of(given) in ("io.IOBase", "pathlib.Path")


def _is_large(node: ast.expr, most: int) -> bool:
    """Whether a literal size is above a bound."""
    sizes = node.elts if isinstance(node, (ast.Tuple, ast.List)) else [node]
    return any(
        isinstance(size, ast.Constant) and isinstance(size.value, int) and size.value > most for size in sizes
    )


def _duration(milliseconds: float) -> str:
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.0f} s"


@knowledge.cached
def _names_by_package() -> Mapping[str, frozenset[str]]:
    return knowledge.by_package((*knowledge.by_call("cpu_bound.call"), *_methods()))


def _methods() -> Mapping[str, knowledge.Row]:
    return knowledge.by_call("cpu_bound.method")


def _method(receiver: str, method: str) -> knowledge.Row | None:
    """The row of a method of a type, or of all types of its package: ``sklearn.*``."""
    rows = _methods()
    row = rows.get(f"{receiver}.{method}")
    while row is None and receiver:
        receiver = receiver.rpartition(".")[0]
        row = rows.get(f"{receiver}.*.{method}")
    return row
