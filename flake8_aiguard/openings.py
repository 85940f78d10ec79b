"""Files that a coroutine opens: who reads them, and whether it is worth a thread."""

from __future__ import annotations

import ast
import bisect
from collections.abc import Callable
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.blocking import names
from flake8_aiguard.index import TRIES
from flake8_aiguard.module import Module
from flake8_aiguard.scopes import Binding, Kind, Use
from flake8_aiguard.shapes import argument, dotted, last_name, names_in, parameters, string, words

_Blocking = Callable[[ast.Call], knowledge.Row | None]

_READS: Final = ("read_bytes", "read_text")
_TAKERS: Final = ("extend", "join", "writelines")  # methods that iterate over what they are given
_WORKS: Final = ("read", "readline", "readlines", "write", "writelines")
_FILE_LOCKS: Final = ("fcntl.flock", "fcntl.lockf", "msvcrt.locking")
_LOCKS: Final = (*_FILE_LOCKS, "os.close")
_TOUCHES: Final = ("close", "fileno", "name", "seek", "tell")
_HEAD: Final = 64 * 1024  # bytes of a file that are read at once, from the page cache as a rule
_BASE, _EXPONENT = 10, 64  # of a power that is worked out
_CHUNK: Final = 128 * 1024  # bytes that are written sooner than a thread takes over
_MAX_STEPS: Final = 50  # from a path to the parts that it is built of
_IN_MEMORY: Final = frozenset({"io.BytesIO", "io.StringIO"})
_ENTRIES: Final = ("iterdir", "scandir")
_WHOLE_WRITES: Final = ("write_bytes", "write_text")
# What a server reads when it starts: of few kilobytes by their nature.
_CREDENTIALS: Final = frozenset(
    (
        "cafile",
        "cert",
        "certfile",
        "certificate",
        "keyfile",
        "pem",
        "pidfile",
        "pkeyfile",
        "privkey",
        "ssl",
        "tls",
    )
)
_CONFIGURATION: Final = frozenset(("conf", "config", "configuration", "settings"))
_SETTINGS: Final = frozenset((*_CONFIGURATION, "env", "environment"))
_RESOURCES: Final = (
    *("importlib.resources.as_file", "importlib.resources.files", "importlib.resources.path"),
    *("importlib_resources.as_file", "importlib_resources.files", "importlib_resources.path"),
)
_ENVIRONMENT: Final = ("os.environ", "os.environ.get", "os.getenv")

_SOON: Final = 8  # uses of a name, from where it is bound


class Openings:
    """The calls of one file that open, read or write files.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def is_handed_over(self, node: ast.Call, blocking: _Blocking) -> bool:
        """Whether the file that a call opens is read and written elsewhere, or not at all.

        Elsewhere is in threads, by a process, or by a function that nothing is known of: it wants a sync file.

        Args:
            node: the call.
            blocking: gives the row of a call that blocks, ``None`` for others.
        """
        if self._module.type_of(node) != "io.IOBase":
            return False
        parent = self._module.index.parent(node)
        if isinstance(parent, ast.Attribute):
            return parent.attr in _TOUCHES or self._reads_head(parent, node)
        if isinstance(parent, ast.Dict) and not self._is_read_within(parent):
            return True  # files = {"image": open(path, "rb")}
        how, by = self._module.scopes.use_of(node)
        if how is Use.PASSED and isinstance(by, ast.Call):
            row = self._handover(by)
            return bool(row.get("opened", False)) if row is not None else not self._reads(by)
        uses = self._uses(node)
        return bool(uses) and all(self._hands_over(use, node, blocking) for use in uses)

    def is_passed(self, node: ast.Call) -> bool:
        """Whether the file that a call opens is passed to a function, which wants a sync file.

        Args:
            node: the call.
        """
        if self._module.type_of(node) != "io.IOBase":
            return False
        uses = self._uses(node)
        first = bisect.bisect_left(uses, node.lineno, key=lambda use: use.lineno)
        soon = map(self._module.scopes.use, uses[first : first + _SOON])
        return any(
            how is Use.PASSED and isinstance(by, ast.Call)
            for how, by in (self._module.scopes.use_of(node), *soon)
        )

    def is_given_back(self, target: ast.Name) -> bool:
        """Whether what a name is bound to is returned, by itself or in the object that wraps it."""
        scopes = self._module.scopes
        owner = scopes.owner(self._module.index.scope(target), target.id)
        for use in () if owner is None else scopes.uses(owner, target.id):
            how, by = scopes.use(use)
            if how is Use.RETURNED or (
                how is Use.PASSED and by is not None and isinstance(self._module.index.parent(by), ast.Return)
            ):
                return True
        return False

    def _uses(self, node: ast.Call) -> list[ast.Name]:
        """The uses of the name that a ``with`` or an assignment gives to the result."""
        index, scopes = self._module.index, self._module.scopes
        parent = index.parent(node)
        while isinstance(parent, ast.IfExp):
            parent = index.parent(parent)
        if isinstance(parent, ast.withitem):
            target = parent.optional_vars
        else:
            target = parent.targets[0] if isinstance(parent, ast.Assign) else None
        if not isinstance(target, ast.Name):
            return []
        owner = scopes.owner(index.scope(target), target.id)
        uses = [] if owner is None else scopes.uses(owner, target.id)
        block = index.parent(parent) if isinstance(parent, ast.withitem) else None
        if isinstance(block, ast.With):
            end = block.end_lineno or 0
            first, last = (
                bisect.bisect_left(uses, line, key=lambda use: use.lineno) for line in (block.lineno, end + 1)
            )
            uses = uses[first:last]
        return list(uses)

    def _hands_over(self, use: ast.Name, opening: ast.Call, blocking: _Blocking) -> bool:
        how, by = self._module.scopes.use(use)
        if how is Use.YIELDED:
            return True  # to those who enter the context: they read it
        if how is Use.PASSED and isinstance(by, ast.Call):
            row = blocking(by)
            if row is not None:
                # what reads or writes all of the file is the cause, and reported itself
                return not self.is_in_memory(by, row)
            return not self._reads(by)
        parent = self._module.index.parent(use)
        if isinstance(parent, ast.Attribute):
            if parent.attr in _TOUCHES or self._reads_head(parent, opening) or self._writes_chunk(parent):
                return True
            taker = self._module.index.parent(parent)
            # map(f.write, lines)
            return how is Use.METHOD_PASSED and not (isinstance(taker, ast.Call) and self._reads(taker))
        # files={"image": (name, file)}: for a client, which reads it itself
        return how is Use.ENTERED or (
            how is Use.STORED
            and isinstance(parent, (ast.Tuple, ast.Dict))
            and not self._is_read_within(parent)
        )

    def _is_read_within(self, display: ast.expr) -> bool:
        """Whether a call is given a display of files that it reads here and now."""
        outer: ast.AST | None = display
        while isinstance(outer, (ast.Tuple, ast.List, ast.Dict, ast.keyword)):
            outer = self._module.index.parent(outer)
        return isinstance(outer, ast.Call) and self._module.called(outer) in names("blocking.reader")

    def _reads(self, call: ast.Call) -> bool:
        """Whether a call reads or writes the open file that it is given, or hands it back."""
        if self._module.called(call) == "functools.partial":
            taker = self._module.index.parent(call)
            return isinstance(taker, ast.Call) and taker.func is not call and self._reads(taker)
        if last_name(call.func) in _TAKERS or self._module.called(call) in names("blocking.reader"):
            return True
        return self._is_read_by(call)

    def _is_read_by(self, call: ast.Call) -> bool:
        """Whether a call leads to a function of this file that reads or writes the file which it is given first, on the same thread."""
        definition = self._module.receivers.definition(call.func)
        taken = parameters(definition)[:1] if isinstance(definition, ast.FunctionDef) and call.args else []
        if not taken or not isinstance(definition, ast.FunctionDef) or isinstance(call.func, ast.Attribute):
            return False
        parent = self._module.index.parent
        for use in self._module.scopes.uses(definition, taken[0].arg):
            outer = parent(use)
            if isinstance(outer, ast.Attribute) and outer.attr in _WORKS:
                return True
            if isinstance(outer, (ast.For, ast.comprehension)) and outer.iter is use:
                return True
        return False

    def _reads_head(self, method: ast.Attribute, opening: ast.Call) -> bool:
        """Whether a method reads no more than the first bytes of the file, once."""
        index = self._module.index
        call = index.parent(method)
        return (
            method.attr == "read"
            and isinstance(call, ast.Call)
            and self._is_of_bytes(call, _HEAD)
            and index.function(call) is index.function(opening)
            and next(index.loops(call), None) is next(index.loops(opening), None)
        )

    def _writes_chunk(self, method: ast.Attribute) -> bool:
        """Whether a method writes what comes in chunks of up to 128 KiB, each of which is awaited: into the page cache."""
        call = self._module.index.parent(method)
        if method.attr != "write" or not isinstance(call, ast.Call) or len(call.args) != 1:
            return False
        chunk = call.args[0]
        bindings = (
            (self._module.scopes.resolve(chunk) or (None, []))[1] if isinstance(chunk, ast.Name) else []
        )
        return bool(bindings) and all(map(self._is_small_chunk, bindings))

    def _is_small_chunk(self, binding: Binding) -> bool:
        """Whether a binding is ``chunk = await body.read(8192)`` or ``async for chunk in body.iter_chunked(8192)``."""
        given = binding.value
        if isinstance(given, ast.Await):
            given = given.value
        elif not isinstance(self._module.index.parent(binding.node), ast.AsyncFor):
            return False
        return isinstance(given, ast.Call) and self._is_of_bytes(given, _CHUNK)

    def _is_of_bytes(self, call: ast.Call, most: int) -> bool:
        """Whether the one argument of a call is a number of bytes up to a bound: ``8192``, ``64 * 1024``, ``2**16``."""
        given = [*call.args, *(item.value for item in call.keywords)]
        if len(given) != 1:
            return False
        size = given[0]
        if isinstance(size, ast.Name):
            bindings = (self._module.scopes.resolve(size) or (None, []))[1]
            size = bindings[0].value or size if len(bindings) == 1 else size
        number = _number(size)
        return number is not None and 0 < number <= most

    def _handover(self, node: ast.Call) -> knowledge.Row | None:
        return knowledge.by_call("blocking.handover").get(self._module.called(node) or "")

    def is_in_memory(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether the file or the archive is one in memory."""
        return row["kind"] == "file" and not _IN_MEMORY.isdisjoint(self._module.receivers.given_types(node))

    def is_small(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether a file is small by its nature: a certificate or key, or what a variable of the environment names."""
        if row["kind"] != "file":
            return False
        path = node.func.value if isinstance(node.func, ast.Attribute) else None
        if self._module.qualname(node.func) == "builtins.open":
            path = node.args[0] if node.args else None
        bound = self._bound(path)
        origin = bound.value if isinstance(bound, ast.Subscript) else bound
        asked = origin.func if isinstance(origin, ast.Call) else origin
        if asked is not None and self._module.qualname(asked) in _ENVIRONMENT:
            return True
        if isinstance(path, ast.Call) and path.args:
            path = path.args[0]  # Path(cert).read_bytes()
        named = words(last_name(path) or "") if path is not None else frozenset()
        function = self._module.index.function(node)
        return not _CREDENTIALS.isdisjoint(named) or (
            # an object is built from its configuration, once
            not _CONFIGURATION.isdisjoint(named)
            and isinstance(function, ast.AsyncFunctionDef)
            and any(last_name(item) == "classmethod" for item in function.decorator_list)
        )

    def is_lock_file(self, node: ast.Call) -> bool:
        """Whether a file is opened only to be locked, or for a function that threads run: nothing is read or written here.

        What is made for one process at a time, and is there already for the others, is a lock, too.
        """
        mode = string(argument(node, "mode", 1)) if last_name(node.func) == "open" else None
        if "x" in (mode or "") and self._expects_file(node):
            return True
        uses = self._uses(node) if self._module.qualname(node.func) == "os.open" else []
        return bool(uses) and (all(map(self._locks, uses)) or any(map(self._is_locked, uses)))

    def _expects_file(self, node: ast.Call) -> bool:
        """``except FileExistsError`` around a call."""
        handlers = (
            handler
            for block in self._module.index.ancestors(self._module.index.statement(node))
            if isinstance(block, TRIES)
            for handler in block.handlers
        )
        return any(
            item is not None and self._module.qualname(item) == "builtins.FileExistsError"
            for handler in handlers
            for item in (handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type])
        )

    def _is_locked(self, use: ast.Name) -> bool:
        by = self._module.index.parent(use)
        return isinstance(by, ast.Call) and self._module.qualname(by.func) in _FILE_LOCKS

    def _locks(self, use: ast.Name) -> bool:
        if self._module.scopes.use(use)[0] in (Use.CLOSED_OVER, Use.TESTED):
            return True
        by = self._module.index.parent(use)
        if not isinstance(by, ast.Call) or use is by.func:
            return False
        # asyncio.to_thread(fcntl.flock, descriptor, fcntl.LOCK_EX)
        return any(self._module.qualname(item) in _LOCKS for item in (by.func, *by.args))

    def is_kept(self, node: ast.Call) -> bool:
        """Whether an open file is kept on an object: what reads and writes it is reported, where it does."""
        index = self._module.index
        if self._module.type_of(node) != "io.IOBase":
            return False
        parent = index.parent(node)
        if isinstance(parent, ast.Call) and last_name(parent.func) == "enter_context":
            parent = index.parent(parent)
        return isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Attribute)

    def is_temporary_text(self, node: ast.Call) -> bool:
        """Whether one text is written into a temporary directory of the function: arguments of a program that it starts."""
        if last_name(node.func) != "write_text" or not isinstance(node.func, ast.Attribute):
            return False
        if next(self._module.index.loops(node), None) is not None:
            return False
        return self._is_below_temporary(node.func.value)

    def _bound(self, node: ast.expr | None) -> ast.expr | None:
        """What a name is bound to, where that is once."""
        if not isinstance(node, ast.Name):
            return node
        bindings = (self._module.scopes.resolve(node) or (None, []))[1]
        return bindings[0].value if len(bindings) == 1 else None

    def is_beside_code(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether one file that comes with the code is read: small, and in the page cache after the first time."""
        if row["kind"] != "file":
            return False
        called = self._module.called(node)
        if last_name(node.func) in _READS or called == "pathlib.Path.open":
            path = node.func.value if isinstance(node.func, ast.Attribute) else None
        else:
            path = node.args[0] if called == "builtins.open" and node.args else None
        mode = argument(node, "mode", 1 if called == "builtins.open" else 0)
        if last_name(node.func) == "open" and mode is not None and string(mode) not in ("r", "rb", "rt"):
            return False
        return path is not None and self._is_packaged(path)

    def _is_packaged(self, path: ast.expr) -> bool:
        """Whether a path is built of ``__file__``, or of what ``importlib.resources`` gives, and constants alone."""
        stack, is_packaged = [path], False
        for _ in range(_MAX_STEPS):
            if not stack:
                break
            item = stack.pop()
            if isinstance(item, ast.Name) and item.id == "__file__":
                is_packaged = True
            elif isinstance(item, ast.Name):
                bindings = (self._module.scopes.resolve(item) or (None, []))[1]
                if len(bindings) != 1 or bindings[0].kind not in (Kind.ASSIGN, Kind.ANNOTATED, Kind.WITH):
                    return False
                if bindings[0].value is None:
                    return False
                stack.append(bindings[0].value)
            elif isinstance(item, ast.Call) and (self._module.qualname(item.func) or "") in _RESOURCES:
                is_packaged = True
            elif isinstance(item, ast.Call):
                stack += item.args
                if isinstance(item.func, ast.Attribute) and self._module.qualname(item.func) is None:
                    stack.append(item.func.value)
            elif isinstance(item, ast.BinOp):
                stack += (item.left, item.right)
            elif isinstance(item, (ast.Attribute, ast.Subscript)):
                stack.append(item.value)
            elif not isinstance(item, ast.Constant):
                return False
        return is_packaged and not stack

    def is_empty(self, node: ast.Call) -> bool:
        """Whether a file is only made, and nothing read or written: ``with open(path, "w"): pass``."""
        item = self._module.index.parent(node)
        block = self._module.index.parent(item) if isinstance(item, ast.withitem) else None
        if not isinstance(item, ast.withitem) or not isinstance(block, ast.With):
            return False
        unnamed = item.optional_vars is None or dotted(item.optional_vars) == "_"
        return (
            unnamed
            and len(block.items) == 1
            and all(isinstance(statement, ast.Pass) for statement in block.body)
        )

    def is_one_text(self, node: ast.Call) -> bool:
        """Whether one text is read at once, and not time after time.

        It is below a temporary directory of the function, what an ``await`` has just brought here, what the own settings name,
        or what a static method builds its result from.
        """
        if not self._is_text(node) or next(self._module.index.loops(node), None) is not None:
            return False
        function = self._module.index.function(node)
        path = node.args[0] if node.args else None
        if path is None or not isinstance(function, ast.AsyncFunctionDef):
            return False
        return (
            self._is_brought(path)
            or self._is_below_temporary(path)
            or self._is_of_settings(path)
            or (self._is_static(function) and not self._is_repeated(function))
        )

    def _is_text(self, node: ast.Call) -> bool:
        """Whether a ``with`` opens a file to read all of its text with one call."""
        called = self._module.qualname(node.func)
        if called not in ("builtins.open", "codecs.open", "io.open"):
            return False
        mode = argument(node, "mode", 1)
        if mode is not None and string(mode) not in ("r", "rt"):
            return False
        uses = self._uses(node)
        if len(uses) != 1 or not isinstance(self._module.index.parent(node), ast.withitem):
            return False
        method = self._module.index.parent(uses[0])
        call = self._module.index.parent(method) if isinstance(method, ast.Attribute) else None
        return (
            isinstance(method, ast.Attribute)
            and method.attr in ("read", "readlines")
            and isinstance(call, ast.Call)
            and not call.args
        )

    def _is_brought(self, path: ast.expr) -> bool:
        """Whether a path is an attribute of what an ``await`` has given: ``(await downloader.run()).path``."""
        if not isinstance(path, ast.Attribute) or not isinstance(path.value, ast.Name):
            return False
        bindings = (self._module.scopes.resolve(path.value) or (None, []))[1]
        return bool(bindings) and all(isinstance(item.value, ast.Await) for item in bindings)

    def _is_below_temporary(self, path: ast.expr) -> bool:
        bound = self._bound(path)
        return bound is not None and any(
            isinstance(origin := self._bound(name), ast.Call)
            and self._module.qualname(origin.func) == "tempfile.TemporaryDirectory"
            for name in names_in(bound)
        )

    def _is_of_settings(self, path: ast.expr) -> bool:
        """Whether a path is nothing but attributes of settings: ``self.config.banner_file``."""
        values: list[ast.expr | None] = [path]
        if isinstance(path, ast.Name):
            values = [item.value for item in (self._module.scopes.resolve(path) or (None, []))[1]]
        return bool(values) and all(
            isinstance(item, ast.Attribute)
            and isinstance(item.value, ast.Attribute)
            and item.value.attr.strip("_") in _SETTINGS
            for item in values
        )

    def _is_static(self, function: ast.AsyncFunctionDef) -> bool:
        return any(self._module.qualname(item) == "builtins.staticmethod" for item in function.decorator_list)

    def _is_repeated(self, function: ast.AsyncFunctionDef) -> bool:
        """Whether a loop of the file calls a function, or something else than a plain ``await`` does."""
        index = self._module.index
        return any(
            next(index.loops(call), None) is not None or not isinstance(index.parent(call), ast.Await)
            for call in index.calls_named((function.name,))
            if self._module.receivers.definition(call.func) is function
        )

    def is_listing(self, node: ast.Call, blocking: _Blocking) -> bool:
        """Whether a loop over a directory opens what it finds, which is reported there."""
        loop = self._module.index.parent(node)
        return (
            last_name(node.func) in _ENTRIES
            and isinstance(loop, ast.For)
            and loop.iter is node
            and any(
                isinstance(item, ast.Call) and (row := blocking(item)) is not None and row["kind"] == "file"
                for statement in loop.body
                for item in ast.walk(statement)
            )
        )

    def is_glance(self, node: ast.Call) -> bool:
        """Whether only the first entry of a directory is asked for: ``any(path.iterdir())``."""
        taker = self._module.index.parent(node)
        return (
            last_name(node.func) in _ENTRIES
            and isinstance(taker, ast.Call)
            and self._module.qualname(taker.func) in ("builtins.any", "builtins.next")
        )

    def is_constant_once(self, node: ast.Call) -> bool:
        """Whether constant text is written where no file is yet: ``if not path.exists(): path.write_text(TEMPLATE)``."""
        if last_name(node.func) not in _WHOLE_WRITES or not isinstance(node.func, ast.Attribute):
            return False
        content = node.args[0] if node.args else None
        while isinstance(content, ast.Name):
            bindings = (self._module.scopes.resolve(content) or (None, []))[1]
            content = bindings[0].value if len(bindings) == 1 else None
        branch = self._module.index.parent(self._module.index.statement(node))
        test = branch.test if isinstance(branch, ast.If) else None
        asked = test.operand if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) else None
        return (
            isinstance(content, ast.Constant)
            and isinstance(asked, ast.Call)
            and last_name(asked.func) in ("exists", "is_file")
            and isinstance(asked.func, ast.Attribute)
            and dotted(node.func.value) in (dotted(asked.func.value), *map(dotted, asked.args[:1]))
        )


def _number(node: ast.expr) -> int | None:
    """The value of ``8192``, ``64 * 1024`` or ``2**16``."""
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) is int else None
    if not isinstance(node, ast.BinOp) or not isinstance(node.left, ast.Constant):
        return None
    left, right = node.left.value, getattr(node.right, "value", None)
    if type(left) is not int or type(right) is not int:
        return None
    if isinstance(node.op, ast.Mult):
        return left * right
    return (
        left**right
        if isinstance(node.op, ast.Pow) and 0 <= left <= _BASE and 0 <= right <= _EXPONENT
        else None
    )
