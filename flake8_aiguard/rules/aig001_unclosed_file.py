"""AIG001: a file-like object that some path does not close."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Collection, Iterator

from flake8_aiguard import knowledge
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.flow import Release
from flake8_aiguard.handles import Handles, Leak
from flake8_aiguard.index import TRIES
from flake8_aiguard.inline import is_inline
from flake8_aiguard.oneoff import OneOff
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import (
    argument,
    block_of,
    dotted,
    is_constant,
    is_none,
    last_name,
    root,
    string,
)

_MODULE_LEVEL = frozenset({"archive", "file", "image", "response", "temporary"})
_READ = frozenset({"archive", "file", "image", "response"})
_MODELESS = frozenset({"directory", "image", "response"})
_ITERATED = frozenset({"directory iterator", "pipe"})
_LASTING = frozenset({"directory", "process", "selector", "temporary"})
_READING = regex(r"[rbtU]+([:|].*)?")
_HANDLE_TYPES = ("io.", "typing.BinaryIO", "typing.IO", "typing.TextIO", "socket.")
_OF_PATHS = frozenset({"exists", "is_file", "parent", "stem", "suffix", "with_suffix"})
_PATHS = regex(r"path|file|name|^(src|source|dst|dest|target|p|fn)$", re.IGNORECASE)
_HANDLE_NAMES = regex(
    r"f|fp|fd|fh|fo|io|bio|obj|raw|data|body|blob|src|dst|file|source|content|contents|image|resp|response|payload"
    r"|.*(stream|buf|buffer|bytes|fileobj|file_obj|filelike|file_like|handle|upload|uploaded|_io|_fp|_file|_data)",
    re.IGNORECASE,
)
_HANDLE_CALLS = regex(r"(open|io|stream|buffer)$", re.IGNORECASE)
_LOG = regex(r"log|lock|pid", re.IGNORECASE)
_ONCE = regex(
    r"\bone[ -](?:off|shot|time) (?:command|import|migration|script)|\b(?:run|used) only once\b",
    re.IGNORECASE,
)
_STANDARD = regex(r"sys\.(__)?std(in|out|err)\b")


class UnclosedFile(Checker):
    """File, socket, process or other handle that is not closed on every path.

    Why: an open handle keeps its descriptor, its lock and its unwritten data until the garbage collector finds it. The
    ``close()`` after the work is not reached when the work raises, and an exception's traceback keeps the handle alive.

    Bad::

        import json

        def load(path):
            source = open(path)
            data = json.load(source)
            source.close()
            return data

    Good::

        import json

        def load(path):
            with open(path) as source:
                return json.load(source)

    Limits: reports a handle in a local variable or a variable of the module that some path leaves open. Processes, images and
    temporary directories are reported only where nothing releases them.

    - A handle that is returned, yielded, stored, used by a nested function or passed to a call that may own it is its new owner's.
      A function of this file does not own what it neither closes nor keeps.
    - Handles of a module count only where the module itself reads or writes them and they are no logs; its sockets and
      processes never.
    - Silent for processes that are meant to go on: with a new session, or whose ``Popen`` object is not kept; and where the ``pid`` is kept.
    - Silent for what is only read where the process ends soon (commands, scripts, ``main()``), at import, and in tests, where temporary files
      are silent, too.
    - Not taken to raise: logging, methods of texts, lists and dicts, ``len()`` and its kin, ``bind(("", 0))``.
    - What an expression statement drops is closed at once, and so is a directory iterator that nothing holds.
    - Silent where nothing is open yet (a handler of ``HTTPError``), and where a temporary file only lends its name.
    - A ``noqa`` with SIM115 or a disabled ``consider-using-with`` waives the finding, unless ``defer-to-ruff = false``.
    - Not followed: descriptors (``os.open``, ``tempfile.mkstemp``).
    """

    code = "AIG001"
    slug = "unclosed-file"
    since = "0.1.0"
    severity = "warning"
    message = "the {noun} that {call}() opens inside an expression is never {released}; use {with_}"
    ruff = (
        "Ruff's SIM115 (default) reports openers of files, also those closed in `finally`; sockets, processes, archives, "
        "`path.open()` and `return json.load(open(p))` are only ours."
    )

    def call_names(self) -> Collection[str]:
        return knowledge.last_names("resources.opener")

    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        row = knowledge.by_call("resources.opener").get(self.module.called(node) or "")
        if row is None or not self._opens(node, row) or self._is_first_of_two(node):
            return
        if self.module.is_to_fail(node) or is_inline(self.module, node):
            return
        leak = self._handles.leak(node, row)
        if leak is None or self._is_meant_to_stay(node, row, leak) or not self._handles.is_new(node, leak):
            return
        yield from self.found(
            node,
            message=self._message(node, leak),
            with_="an async with statement" if row.get("awaited") else "a with statement",
            waivers=("SIM115", "R1732", "CONSIDER-USING-WITH"),
            ruff=row.get("ruff") if self._ruff_reports(node, row) else None,
            **self._handles.words(node, row, leak),
        )

    @functools.cached_property
    def _once(self) -> OneOff:
        return OneOff(self.module)

    @functools.cached_property
    def _handles(self) -> Handles:
        return Handles(self.module)

    # -- what is opened

    def _opens(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether the call opens something of its own, not what belongs to the caller."""
        keywords = self.module.receivers.keywords(node)
        if keywords is None:
            return not {"closefd", "fileobj", "detached"} & row.keys()
        closefd = keywords.get("closefd", argument(node, None, row.get("closefd")))
        if closefd is not None and not is_constant(closefd, True):
            return False
        descriptor = node.args[0] if "closefd" in row and node.args else keywords.get("fileno")
        if descriptor is not None and self._is_standard_stream(descriptor):
            return False
        fileobj = keywords.get("fileobj", argument(node, None, row.get("fileobj")))
        if fileobj is not None and not is_none(fileobj):
            return False
        if "path" in row:
            path = keywords.get(row["path"], argument(node, None, row["path_position"]))
            if path is None or self._is_handle(path):
                return False
            if row["kind"] == "image" and self._may_be_image(path):
                return False
        return not any(name in keywords for name in row.get("detached", ()))

    def _is_first_of_two(self, node: ast.Call) -> bool:
        """Whether something is opened through it at once, which is reported instead: ``ZipFile(path).open(name)``."""
        attribute = self.module.index.parent(node)
        call = self.module.index.parent(attribute) if isinstance(attribute, ast.Attribute) else None
        return isinstance(call, ast.Call) and self.module.called(call) in knowledge.by_call(
            "resources.opener"
        )

    @staticmethod
    def _is_standard_stream(node: ast.expr) -> bool:
        if isinstance(node, ast.Constant):
            return isinstance(node.value, int)
        return bool(isinstance(node, ast.Call) and _STANDARD.match(dotted(node.func) or ""))

    def _is_handle(self, node: ast.expr) -> bool:
        """Whether an argument that may be a path or an open file is, or may well be, an open file."""
        if isinstance(node, ast.Call):
            name = self.module.called(node) or dotted(node.func) or ""
            return name in knowledge.by_call("resources.opener") or bool(_HANDLE_CALLS.search(name))
        kind = self.module.type_of(node)
        if kind is not None:
            return kind.startswith(_HANDLE_TYPES) or kind in knowledge.by_call("resources.opener")
        name = (dotted(node) or "").rpartition(".")[2]
        return _HANDLE_NAMES.fullmatch(name) is not None and not self._is_asked_as_path(node)

    def _is_asked_as_path(self, node: ast.expr) -> bool:
        """Whether a variable is asked what only a path knows, ``source.exists()``, or made by what is called so."""
        scopes = self.module.scopes
        resolved = scopes.resolve(node) if isinstance(node, ast.Name) else None
        if resolved is None or not isinstance(node, ast.Name):
            return False
        return any(
            isinstance(binding.value, ast.Call) and "path" in (last_name(binding.value.func) or "")
            for binding in resolved[1]
        ) or any(
            isinstance(outer := self.module.index.parent(use), ast.Attribute) and outer.attr in _OF_PATHS
            for use in scopes.uses(resolved[0], node.id)
        )

    def _may_be_image(self, node: ast.expr) -> bool:
        """Whether nothing says that a variable holds a path: images come as streams as often, from uploads and answers."""
        name = last_name(node) if isinstance(node, (ast.Name, ast.Attribute)) else None
        return name is not None and self.module.type_of(node) is None and not _PATHS.search(name)

    # -- what is meant

    def _is_meant_to_stay(self, node: ast.Call, row: knowledge.Row, leak: Leak) -> bool:
        """Whether the handle outlives this code on purpose: with a started process, a context manager or the program."""
        if self._is_harmless(node, row, leak):
            return True
        if leak.name is None:
            if self._is_only_word(node):
                return True
            is_kept = not isinstance(self.module.index.parent(node), ast.Expr) and not self._asks_pid(node)
            return "detached" in row and not is_kept
        if "detached" in row and leak.release is Release.NEVER and all(map(self._asks_pid, leak.uses)):
            return True
        if (
            leak.release is Release.EXCEPTION
            and self.module.is_test
            and self._is_closed_below(node, row, leak.name)
        ):
            return True
        if (
            row["kind"] == "process"
            and leak.release is Release.NEVER
            and any(map(self._hands_pid_on, leak.uses))
        ):
            return True
        function = self.module.index.function(node)
        if function is None:
            return row["kind"] not in _MODULE_LEVEL or not leak.uses or self._is_log(node, leak.name)
        return self._handles.is_lent(node)

    def _is_harmless(self, node: ast.Call, row: knowledge.Row, leak: Leak) -> bool:
        """Whether nothing is lost: it is gone at once, or with a program or test that ends, and nothing waits to be written."""
        index, is_read = self.module.index, self._is_read(node, row)
        is_gone = leak.name is None and row["kind"] not in _LASTING
        if is_gone and isinstance(index.parent(node), ast.Expr) and (is_read or row["kind"] == "socket"):
            return True
        if is_gone and self._is_silencer(node):
            return True
        if self._once.is_test:
            return is_gone or is_read or (leak.name is not None and row["kind"] == "temporary")
        if not is_read:
            return leak.release is Release.EXCEPTION and self._once.ends_after(node)
        is_at_import = index.function(node) is None and row["noun"] in ("pipe", "response")
        return (
            (leak.name is None and (row["noun"] == "directory iterator" or is_at_import))
            or self._once.is_in_main(node)
            or self._once.is_script
            or self._once.ends_after(node)
            or self._is_run_once(node)
        )

    def _is_silencer(self, node: ast.Call) -> bool:
        """Whether nothing of what is written is kept: ``redirect_stdout(open(os.devnull, "w"))``."""
        outer = self.module.index.parent(node)
        return (
            isinstance(outer, ast.Call)
            and (self.module.qualname(outer.func) or "").startswith("contextlib.redirect_std")
            and bool(node.args)
            and self.module.qualname(node.args[0]) == "os.devnull"
        )

    def _is_read(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether no more is done with it than reading; a mode that is no literal may be any."""
        if (row["kind"] not in _READ and row["noun"] not in _ITERATED) or "writes" in row:
            return False
        if row["kind"] in _MODELESS:
            return True
        mode = argument(node, "mode", 0 if row.get("types") == ["pathlib.Path"] else 1)
        return mode is None or _READING.fullmatch(string(mode) or "") is not None

    def _is_only_word(self, node: ast.Call) -> bool:
        """Whether a temporary file gives no more than a word: ``basename(NamedTemporaryFile().name)``, or that ``+ ".gz"``."""
        name = self.module.index.parent(node)
        user = (
            self.module.index.parent(name)
            if isinstance(name, ast.Attribute) and name.attr == "name"
            else None
        )
        if isinstance(user, ast.BinOp):  # another file's name
            return (
                user.left is name
                and string(user.right) is not None
                and self.module.called(node) == "tempfile.NamedTemporaryFile"
                and argument(node, "delete") is None
            )
        return isinstance(user, ast.Call) and self.module.qualname(user.func) == "os.path.basename"

    def _is_closed_below(self, node: ast.Call, row: knowledge.Row, name: str) -> bool:
        """Whether it is closed on the way that a test takes: what raises there fails the test anyway."""
        statement = self.module.index.statement(node)
        releasing = {f"{name}.{method}" for method in row["close"]}
        stack = list(block_of(self.module.index.parent(statement), statement))
        while stack:
            item = stack.pop()
            if isinstance(item, TRIES):
                stack += item.body
            value = item.value if isinstance(item, ast.Expr) else None
            call = value.value if isinstance(value, ast.Await) else value
            if (
                isinstance(call, ast.Call)
                and dotted(call.func) in releasing
                and item.lineno > statement.lineno
            ):
                return True
        return False

    def _is_run_once(self, node: ast.AST) -> bool:
        """Whether the docstring of the file, or of the class around, says that it runs once: what it only reads loses nothing."""
        function = self.module.index.function(node)
        around = (self.module.tree, None if function is None else self.module.index.class_of(function))
        return any(
            _ONCE.search(" ".join((ast.get_docstring(item, clean=False) or "").split())) is not None
            for item in around
            if item is not None
        )

    def _asks_pid(self, node: ast.expr) -> bool:
        parent = self.module.index.parent(node)
        return isinstance(parent, ast.Attribute) and parent.attr == "pid"

    def _hands_pid_on(self, node: ast.expr) -> bool:
        """Whether the number of a process is kept, by which somebody else waits for it."""
        parent = self.module.index.parent(node)
        kept = self.module.index.parent(parent) if parent is not None and self._asks_pid(node) else None
        return isinstance(kept, ast.Assign) and any(
            isinstance(target, (ast.Attribute, ast.Subscript)) for target in kept.targets
        )

    @staticmethod
    def _is_log(node: ast.Call, name: str) -> bool:
        """Whether a program's file is a log or a lock, which stays open as long as it runs."""
        mode = string(argument(node, "mode", 1)) or ""
        return "a" in mode or bool(_LOG.search(f"{name} {string(argument(node, 'file', 0))}"))

    # -- the finding

    def _message(self, node: ast.Call, leak: Leak) -> str | None:
        if leak.name:
            return self._outlived(node, leak) or _MESSAGES.get(leak.release)
        parent = self.module.index.parent(node)
        is_name = isinstance(parent, ast.Attribute) and parent.attr == "name"
        name = self.module.called(node)
        if not is_name or name not in ("tempfile.TemporaryDirectory", "tempfile.NamedTemporaryFile"):
            return None
        return _GONE if argument(node, "delete") is None else _KEPT

    def _outlived(self, node: ast.Call, leak: Leak) -> str | None:
        """The message where a function hands back no more than the name of what is deleted as soon as nobody holds it."""
        message = _OUTLIVED.get(self.module.called(node) or "")
        if message is None or leak.release is not Release.NEVER or argument(node, "delete") is not None:
            return None
        names = [
            parent
            for use in leak.uses
            if isinstance(parent := self.module.index.parent(use), ast.Attribute) and parent.attr == "name"
        ]
        is_only_name = bool(names) and len(names) == len(leak.uses)
        returned = any(isinstance(self.module.index.parent(item), ast.Return) for item in names)
        return message if is_only_name and returned else None

    def _ruff_reports(self, node: ast.Call, row: knowledge.Row) -> bool:
        """Whether SIM115 reports this call.

        It knows ``Path(x).open()`` only and no alias by assignment, and skips ``with``, ``return`` and ``__enter__``.
        """
        start = root(node.func)
        resolved = self.module.scopes.resolve(start) if isinstance(start, ast.Name) else None
        if resolved is not None and any(binding.kind is Kind.ASSIGN for binding in resolved[1]):
            return False
        is_chained = isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Call)
        if "types" in row and not is_chained:
            return False
        function = self.module.index.function(node)
        if isinstance(function, ast.FunctionDef) and function.name == "__enter__":
            return False
        return not isinstance(self.module.index.statement(node), (ast.With, ast.AsyncWith, ast.Return))


_GONE = (
    "the {noun} of {call}() is deleted as soon as this expression ends, only its name is left; "
    "keep it open in {with_} while the name is used"
)
_OUTLIVED = {
    "tempfile.TemporaryDirectory": (
        "{call}() deletes its directory as soon as {name} is gone, so the name that is returned leads nowhere; "
        "use tempfile.mkdtemp(), and let the caller remove it"
    ),
    "tempfile.NamedTemporaryFile": (
        "{call}() deletes its file as soon as {name} is gone, so the name that is returned leads nowhere; "
        "pass delete=False, in {with_}"
    ),
}
_KEPT = (
    "the {noun} that {call}() opens only for its name is never {released}; open it in {with_} before, "
    "and take its name there"
)
_MESSAGES = {
    Release.NEVER: "the {noun} that {call}() opens is bound to {name} and never {released}; use {with_}",
    Release.EXCEPTION: (
        "the {noun} {name} of {call}() is not {released} when {raising} on line {line} raises; "
        "use {with_}, or call {name}.{release}() in finally"
    ),
    Release.SOME_PATH: (
        "the {noun} {name} of {call}() is not {released} {ends}; use {with_}, or call {name}.{release}() in finally"
    ),
    Release.REBOUND: "the {noun} {name} of {call}() is not {released} {ends}; use {with_}",
}
