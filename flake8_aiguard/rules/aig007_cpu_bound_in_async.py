"""AIG007: a call that computes for a millisecond or more on the event loop."""

from __future__ import annotations

import ast
import functools
import itertools
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping

from flake8_aiguard import knowledge
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.children import walk
from flake8_aiguard.eventloop import EventLoop, is_startup
from flake8_aiguard.memo import memoised
from flake8_aiguard.pictures import Pictures
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import (
    argument,
    block_of,
    bound_value,
    calls_before,
    dotted,
    end_of,
    hides_arguments,
    is_constant,
    is_none,
    last_name,
    start_of,
    string,
    words,
)
from flake8_aiguard.vectors import Vectors
from flake8_aiguard.written import Written

_ADVICE = {
    "released": "it releases the GIL, so a thread is enough: await asyncio.to_thread()",
    "partly": "a thread keeps the loop turning but gains little throughput, as it holds the GIL for part of that; a process pool gains both",
    "throughout": "it holds the GIL throughout, so a thread does not help: use a process pool",
    "held": "a thread keeps the loop turning but gains no throughput, as it holds the GIL; a process pool gains both",
    "pickled": "a thread keeps the loop turning but gains no throughput, as it holds the GIL; a process pool does not help, as it pickles its answer too",
}
_IN_MEMORY = frozenset({"io.BytesIO"})
_AS_BYTES = ("encode", "tobytes")
_READS = ("read", "read_bytes", "read_text")
_IMAGE = "PIL.Image.Image"
_SAVE = f"{_IMAGE}.save"
_OPERATIONS = "PIL.ImageOps."
_PAGE = "bs4.BeautifulSoup"
_SIGN_IN = frozenset(
    (
        "auth",
        "authenticate",
        "authentication",
        "authorize",
        "form",
        "login",
        "logon",
        "mfa",
        "oauth",
        "signin",
        "sso",
    )
)
_JUMPS = (ast.Return, ast.Raise, ast.Break, ast.Continue)
# What answers to several at a time, by its class or its method.
_SERVES = regex(
    r"(?:Api|API|App|Application|Backend|Bot|Cog|Consumer|Controller|Endpoint|Gateway|Handler|Hub|Listener|Manager|Middleware"
    r"|Pipeline|Provider|Resource|Router|Server|Service|Skill|Spider|Tool|Toolkit|View|ViewSet|Worker)s?(?:Base|Mixin|V?\d)?$"
)
_HANDLES = regex(
    r"_*(?:handle|process|on|dispatch|serve)(?:_\w+)?|__call__|get|post|put|patch|delete|head|options|invoke|execute"
)
_DEARER = 10  # times, for a later call of a block to be reported in the place of the first
_LOOKED_BACK = 8  # calls on one object, for the one that begins the block
_FEW_CALLS = 4  # in a loop that is cheap next to a reader
_ATTEMPTS = 8  # names that lead from an operand to its literal


class CpuBoundInAsync(Checker):
    """Call that computes for milliseconds or more in ``async def``, while the event loop runs nothing else.

    Why: one event loop serves all tasks of a process, in one thread. A password hash, a dataframe, an image or a model
    holds it as long as it computes: a login every second with a hash of 250 ms takes a quarter of all tasks' time. A
    thread keeps the loop turning. Where the library releases the GIL meanwhile, the threads compute at the same time as
    well; where it holds the GIL, they take turns, and only a process pool gains throughput. One call of an extension may
    hold it throughout, as ``numpy.linalg.det`` does: then only a process pool helps at all.

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

    Limits: knows the calls of a table, each measured by ``benchmarks/gil.py``. A model or dataframe is known by its constructor, loader or
    annotation, not when ``joblib.load`` returns it. Of a chain, and of calls on one object with no ``await`` between them, the first is
    reported, or the dearest where that takes ten times as long. Loops in Python, and what a sync function of this project computes, are not followed.

    - Silent on cheap calls of the same libraries (``numpy.array``, ``json.loads``, ``hashlib.sha256``), literal operands and few rounds.
    - Silent on products with a vector, by its shape, its name (``query_vec``) or annotation, and on products that are one number.
    - Silent on images that the function makes, resizes or crops to at most 1500 by 1500 pixels, written out.
    - Silent on readers that go in chunks, compression of one item of a loop, archives that are written without compression, and opening a
      PDF, which is cheap: extracting its text is reported.
    - Silent in ``startup()``, ``lifespan()`` and the like, in commands, and for what ``main()`` does before it first waits.
    - Where the file starts no other task and serves nobody, silent on small documents (HTML, XML, YAML) and on coroutines that never wait.
    - YAML counts where a handler reads or writes it in a file. ``pickle.dump()`` into a file that the coroutine opens, and extracting
      an archive, are AIG006's.
    """

    code = "AIG007"
    slug = "cpu-bound-in-async"
    since = "0.1.0"
    severity = "warning"
    message = "{call}() computes on the event loop, which stops every task ({time} for {input}); {advice}"
    in_tests = False

    def is_possible(self) -> bool:
        return bool(self.module.index.nodes(ast.AsyncFunctionDef))

    def call_names(self) -> Collection[str] | None:
        found = knowledge.names_of(_names_by_package(), self.module.index.packages)
        return None if "__call__" in found else found

    def visit_Call(self, node: ast.Call) -> Iterable[Finding]:
        if (
            self._computes(node)
            and not any(map(self._computes, calls_before(node)))
            and not self._runs_alone(node)
            and not self._is_in_turn(node)
            and not self._is_sign_in(node)
            and not self._is_dump(node)
        ):
            self._found.append(node)
        return ()

    def finish(self) -> Iterator[Finding]:
        before: defaultdict[Hashable, list[tuple[ast.Call, list[tuple[ast.Call, knowledge.Row]]]]] = (
            defaultdict(list)
        )
        blocks: list[list[tuple[ast.Call, knowledge.Row]]] = []
        for node in sorted(self._found, key=start_of):
            row = self._row(node)
            if row is None:
                continue
            found = before[self._object(node, row)]
            block = next(
                (block for earlier, block in found[-_LOOKED_BACK:] if self._goes_on_to(node, earlier)), None
            )
            if block is None:
                block = []
                blocks.append(block)
            block.append((node, self._row_of_format(node) or row))
            found.append((node, block))
        for block in blocks:
            node, row = block[0]
            dearest = max(block, key=lambda item: float(item[1]["milliseconds"]))
            if dearest[1]["milliseconds"] > _DEARER * row["milliseconds"]:
                node, row = dearest
            yield from self.found(
                node,
                call=dotted(node.func) or self._called(node),
                time=_duration(row["milliseconds"]),
                input=row["input"],
                advice=_advice(row),
            )

    @functools.cached_property
    def _found(self) -> list[ast.Call]:
        return []

    @functools.cached_property
    def _loop(self) -> EventLoop:
        return EventLoop(self.module)

    @functools.cached_property
    def _written(self) -> Written:
        return Written(self.module)

    @functools.cached_property
    def _pictures(self) -> Pictures:
        return Pictures(self.module, self._written)

    @functools.cached_property
    def _vectors(self) -> Vectors:
        return Vectors(self.module)

    def _runs_alone(self, node: ast.Call) -> bool:
        """Whether nobody waits for the event loop yet, or at all."""
        function = self.module.index.function(node)
        if not isinstance(function, ast.AsyncFunctionDef):
            return False
        return (
            is_startup(function)
            or self._loop.is_command(function)
            or self._loop.is_before_first_wait(node)
            or self._is_small_part(node, function)
        )

    def _is_small_part(self, node: ast.Call, function: ast.AsyncFunctionDef) -> bool:
        """Whether a coroutine that never waits works on in loops over what is read: all of it belongs into a thread, or none."""
        parent = self.module.index.parent(node)
        target = parent.targets[0] if isinstance(parent, ast.Assign) else None
        if (
            not isinstance(target, ast.Name)
            or self._waits[function]
            or self.module.entrypoints.kind(function)
        ):
            return False
        owner = self.module.index.class_of(function)
        if owner is not None and self._serves(owner, function):
            return False
        return any(
            isinstance(loop, ast.For)
            and any(isinstance(item, ast.Name) and item.id == target.id for item in walk(loop.iter))
            and sum(isinstance(item, ast.Call) for item in walk(loop)) > _FEW_CALLS
            for loop in walk(function)
        )

    def _is_in_turn(self, node: ast.Call) -> bool:
        """Whether nothing shows that anybody waits while a document is parsed, which no thread makes faster.

        In a method of what is named after no service, and in a generator without ``await``, in a file that starts no other task.
        """
        row, index = self._row(node), self.module.index
        function = index.function(node)
        if row is None or row["gil"] != "held" or not isinstance(function, ast.AsyncFunctionDef):
            return False
        if self._loop.is_shared:
            return False
        if function in self._generators and not self._waits[function]:
            return True
        owner = index.class_of(function)
        return bool(row.get("document")) and owner is not None and not self._serves(owner, function)

    def _is_sign_in(self, node: ast.Call) -> bool:
        """Whether a page is the form by which a client signs in, as its function or file is named: a few KB, once."""
        if self.module.qualname(node.func) != _PAGE:
            return False
        named = getattr(self.module.index.function(node), "name", ""), _stem(self.module.filename)
        return any(not _SIGN_IN.isdisjoint(words(name)) for name in named)

    def _is_dump(self, node: ast.Call) -> bool:
        """Whether an object is dumped to a file that the coroutine opens: AIG006 reports that, and one thread does both."""
        given = argument(node, "file", 1)
        if self.module.qualname(node.func) != "pickle.dump" or given is None:
            return False
        index = self.module.index
        return any(
            index.function(call) is index.function(node)
            and self.module.qualname(call.func) == "builtins.open"
            for call in self.module.receivers.origin(given).calls
        )

    @functools.cached_property
    def _generators(self) -> set[ast.AST | None]:
        return {self.module.index.function(item) for item in self.module.index.nodes(ast.Yield)}

    def _serves(self, owner: ast.ClassDef, function: ast.AsyncFunctionDef) -> bool:
        """Whether a method is named after what answers to others, or its class, or a base class of that."""
        named = [owner.name, *(last_name(base) or "" for base in owner.bases)]
        return any(map(_SERVES.search, named)) or bool(_HANDLES.fullmatch(function.name))

    # -- which row

    @memoised
    def _row(self, node: ast.Call) -> knowledge.Row | None:
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

    def _row_of_format(self, node: ast.Call) -> knowledge.Row | None:
        """What is known about saving an image in the format that the call tells."""
        if self._row(node) is not knowledge.by_call("cpu_bound.method")[_SAVE]:
            return None
        file = argument(node, "fp", 0)
        form = string(argument(node, "format", 1)) or _suffix(file)
        in_memory = file is not None and self.module.type_of(file) in _IN_MEMORY
        return next(
            (
                row
                for row in knowledge.rows("cpu_bound.save")
                if form.lower() in row["formats"] and row.get("memory", in_memory) is in_memory
            ),
            None,
        )

    # -- one finding for a block

    def _object(self, node: ast.Call, row: knowledge.Row) -> Hashable:
        """What a call works on: the expression that makes the object, or its variable; the call itself for no object."""
        value = node.func
        if isinstance(value, ast.Attribute) and "types" in row:
            if any(_method(receiver, value.attr) for receiver in self._types(value.value)):
                value = value.value
        elif self._is_operation(node):
            value = node.args[0]
        elif "types" not in row:
            return node
        for _ in range(_ATTEMPTS):
            if isinstance(value, ast.Await):
                value = value.value
            elif isinstance(value, ast.Call):
                if self._is_operation(value):
                    value = value.args[0]
                elif isinstance(value.func, ast.Attribute) and self.module.qualname(value.func) is None:
                    value = value.func.value
                else:
                    return value
            elif isinstance(value, ast.Name):
                definition = min(self.module.definitions(value), key=start_of, default=None)
                made = bound_value(definition)
                if made is None:
                    return definition or (
                        self.module.scopes.owner(self.module.index.scope(value), value.id),
                        value.id,
                    )
                value = made
            elif isinstance(value, ast.Attribute):
                return self.module.index.function(node), dotted(value) or node
            else:
                return node
        return node

    def _is_operation(self, node: ast.Call) -> bool:
        """Whether a call is a function that works on the image that it is given first."""
        return bool(node.args) and (self.module.qualname(node.func) or "").startswith(_OPERATIONS)

    def _goes_on_to(self, node: ast.Call, earlier: ast.Call) -> bool:
        """Whether no other task runs between two calls of one function, and the first leads to the second."""
        index = self.module.index
        function = index.function(node)
        if function is None or index.function(earlier) is not function:
            return False
        waits = self._waits[function]
        at = bisect_left(waits, end_of(earlier))
        if at < len(waits) and waits[at] < start_of(node):
            return False
        path = [node, *index.ancestors(node)]
        below = {id(parent): child for child, parent in itertools.pairwise(path)}
        statement: ast.AST = index.statement(earlier)
        parent = index.parent(statement)
        while parent is not None and id(parent) not in below:
            if not _falls_through(parent, statement):
                return False
            statement, parent = parent, index.parent(parent)
        return parent is not None and not _excludes(parent, statement, below[id(parent)])

    @functools.cached_property
    def _waits(self) -> defaultdict[ast.AST | None, list[tuple[int, int]]]:
        """Where the places end in each coroutine at which other tasks may run."""
        found: defaultdict[ast.AST | None, list[tuple[int, int]]] = defaultdict(list)
        for item in self._loop.waiting_points:
            at = end_of(item) if isinstance(item, ast.Await) else start_of(item)
            found[self.module.index.function(item)].append(at)
        for ends in found.values():
            ends.sort()
        return found

    # -- whether it computes for long

    def _computes(self, node: ast.Call) -> bool:
        row = self._row(node)
        if row is None or not self._loop.runs(node):
            return False
        return not (
            self._is_lazy(node, row)
            or self._is_quick(node, row)
            or self._is_small(node, row)
            or self._is_stored(node, row)
            or self._is_copied(node, row)
            or self._is_of_small_image(node, row)
            or (row.get("vectors", False) and self._vectors.are_multiplied(node))
            or (row.get("items", False) and self._is_of_item(node))
            or (row.get("memory", False) and not self._is_in_memory(node))
            or ("file_position" in row and not self._is_of_served_file(node, row["file_position"]))
        )

    def _is_lazy(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether an argument makes the call return at once, or read little."""
        if "unless" not in row:
            return False
        keywords = self.module.receivers.keywords(node)
        return keywords is None or any(
            not (is_none(value) or is_constant(value, False))
            for name, value in keywords.items()
            if name in row["unless"]
        )

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
            if any(map(self._written.is_small, operands)):
                return True
        if "types" not in row or not isinstance(node.func, ast.Attribute):
            return False
        origin = self.module.receivers.origin(node.func.value)
        return origin.known and bool(origin.calls) and all(map(self._written.is_small, origin.calls))

    def _is_stored(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether an archive is provably opened without compression: what goes into it is only copied."""
        if "stores" not in row or not isinstance(node.func, ast.Attribute) or hides_arguments(node):
            return False
        origin = self.module.receivers.origin(node.func.value)
        if not origin.known or not origin.calls or any(map(hides_arguments, origin.calls)):
            return False
        given = [argument(made, row["compression"], row["compression_position"]) for made in origin.calls]
        given.append(argument(node, row["compresses"], row["compresses_position"]))
        return all(value is None or self.module.qualname(value) == row["stores"] for value in given)

    def _is_copied(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether a tar archive is provably written as it is: ``tarfile.open(fileobj=buffer, mode="w")``."""
        if "copies" not in row or not isinstance(node.func, ast.Attribute):
            return False
        origin = self.module.receivers.origin(node.func.value)
        return (
            origin.known
            and bool(origin.calls)
            and all(
                string(argument(made, row["mode"], row["mode_position"])) in row["copies"]
                for made in origin.calls
            )
        )

    def _is_of_item(self, node: ast.Call) -> bool:
        """Whether the operand is one item of a loop, as bytes: ``row.tobytes()``, ``row.text.encode()``."""
        given = node.args[0] if node.args else None
        if not isinstance(given, ast.Call) or not isinstance(given.func, ast.Attribute):
            return False
        item = given.func.value
        if given.func.attr == "encode" and not isinstance(item, ast.Attribute):
            return False
        return given.func.attr in _AS_BYTES and self._vectors.is_from_loop(item, node)

    # -- images

    def _is_of_small_image(self, node: ast.Call, row: knowledge.Row) -> bool:
        if _IMAGE in row.get("types", ()) and isinstance(node.func, ast.Attribute):
            return self._pictures.is_small(node.func.value)
        return self._is_operation(node) and self._pictures.is_small(node.args[0])

    def _is_in_memory(self, node: ast.Call) -> bool:
        return not _IN_MEMORY.isdisjoint(self.module.receivers.given_types(node))

    def _is_of_served_file(self, node: ast.Call, position: int) -> bool:
        """Whether a file is read or written for each request or message; elsewhere it holds a few settings, and is read once."""
        return self._is_of_file(node, position) and self.module.entrypoints.around(node) is not None

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


def _falls_through(parent: ast.AST, statement: ast.AST) -> bool:
    """Whether the block of a statement goes on after its last one."""
    block = block_of(parent, statement)
    return not block or not isinstance(block[-1], _JUMPS)


def _excludes(parent: ast.AST, one: ast.AST, other: ast.AST) -> bool:
    """Whether only one of two parts of a statement runs."""
    if isinstance(one, (ast.ExceptHandler, ast.match_case)):
        return type(one) is type(other) and one is not other
    if not isinstance(parent, ast.If) or not parent.orelse or one is parent.test:
        return False
    return end_of(one) < start_of(parent.orelse[0]) <= start_of(other)


def _stem(path: str) -> str:
    """The name of a module: ``login_flow`` of ``client/login_flow.py``."""
    return path.replace("\\", "/").rpartition("/")[2].removesuffix(".py")


def _suffix(file: ast.expr | None) -> str:
    """The suffix of a file whose name is written out, without the dot."""
    if isinstance(file, ast.BinOp) and isinstance(file.op, ast.Div):
        file = file.right
    if isinstance(file, ast.JoinedStr) and file.values:
        file = file.values[-1]
    name = string(file) or ""
    return name.rpartition(".")[2] if "." in name else ""


def _advice(row: knowledge.Row) -> str:
    return _ADVICE[next((key for key in ("throughout", "pickled") if row.get(key)), row["gil"])]


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
