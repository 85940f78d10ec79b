"""Which literals are limits: timeouts, retry counts, backoffs, delays, pool sizes and rates."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.index import TRIES, Scope
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import argument, is_constant, last_name, string
from flake8_aiguard.timeouts import Timeouts

_CAMEL: Final = regex(r"(?<=[a-z0-9])(?=[A-Z])")
_RATE: Final = regex(r"\d+\s*(?:/|per)\s*\w+\s*", re.IGNORECASE)
_VALUES: Final = (ast.Constant, ast.BinOp, ast.Tuple, ast.Call)
_SETTINGS_FILES: Final = ("settings/", "settings.py", "settings_*.py", "*_settings.py")
_DEPTH: Final = 4  # 60 * 60 * 24
_POLL: Final = 0.2  # seconds
_CLOCKS: Final = frozenset({"time.time", "time.monotonic", "time.perf_counter"})
_LOGS: Final = ("debug", "echo", "info", "log", "print", "warning")
_SHOWN: Final = 40
_DURATION: Final = "datetime.timedelta"
_ENUMS: Final = ("Enum", "IntEnum", "StrEnum", "Flag", "IntFlag", "Choices", "IntegerChoices")
_SETTINGS: Final = ("Settings", "Config", "BaseModel", "Conf", "Options", "Schema", "TypedDict", "NamedTuple")


@dataclass(frozen=True, slots=True)
class Limit:
    """One literal that is a limit.

    Attributes:
        node: the argument or assignment.
        text: how the code gives it: ``timeout=30``, ``5``, ``RETRY_DELAY = 2``.
    """

    node: ast.AST
    text: str


class Limits:
    """The limits of one file that are written as literals.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._timeouts = Timeouts(module)

    def given(self, call: ast.Call) -> list[Limit]:
        """The limits among the arguments of a call, in document order.

        Args:
            call: the call.
        """
        if not self._may_hold(call):
            return []
        name = (self._module.called(call) or "") if call in self._known else ""
        everything = self._is_limiting_decorator(call)
        positions = range(len(call.args)) if everything else self._positions(call, name)
        by_position = (argument(call, None, position) for position in positions)
        limits = [
            Limit(value, _shown(value))
            for value in by_position
            if value is not None
            and self._is_literal(value)
            and not (name in _pools() and is_constant(value, 1))
            and not (name in _pauses() and self._is_look(call, value))
        ]
        for item in call.keywords:
            if (
                item.arg is not None
                and (everything or self._is_limit(call, name, item.arg, item.value))
                and self._is_literal(item.value)
                and not (everything and _is_other(item.arg))
            ):
                limits.append(Limit(item, f"{item.arg}={_shown(item.value)}"))
        return limits

    def _may_hold(self, call: ast.Call) -> bool:
        """Whether an argument may be a literal that is a limit: asked before anything is resolved."""
        for item in (*call.args, *call.keywords):
            value = item.value if isinstance(item, ast.keyword) else item
            if isinstance(value, ast.Constant):
                if _is_positive(value.value) or (isinstance(value.value, str) and value.value[:1].isdigit()):
                    return True
            elif isinstance(value, (ast.BinOp, ast.Tuple)) or value in self._durations:
                return True
        return False

    def _is_limit(self, call: ast.Call, name: str, keyword: str, value: ast.expr) -> bool:
        """Whether a keyword argument of a call is a limit by its name or by the table."""
        row = _calls().get(name)
        own = row is not None and keyword in row["keywords"]
        if not own and (not is_limit(keyword) or _is_other(keyword)):
            return False
        if _matches(_pool(), keyword) and is_constant(value, 1):
            return False  # one after the other
        pauses = (own or keyword == "timeout") and (name or last_name(call.func)) in _pauses_and_their_names()
        return not ((pauses or _is_poll(keyword)) and self._is_look(call, value))

    def constant(self, node: ast.Assign | ast.AnnAssign) -> Limit | None:
        """The limit that an assignment gives a name to.

        Args:
            node: the assignment.

        Returns:
            The limit; ``None`` for a variable that is bound again, a field of a class that is set or has bases, or settings.
        """
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
        if not isinstance(target, ast.Name) or not isinstance(node.value, _VALUES):
            return None
        if not is_limit(target.id) or _is_other(target.id) or not self._is_literal(node.value):
            return None
        scope = self._module.index.scope(node)
        if self._module.matches(_SETTINGS_FILES):
            return None
        if isinstance(scope, ast.ClassDef) and not self._is_own_constant(node, target.id, scope):
            return None
        if _is_poll(target.id) and _is_short(node.value):
            return None
        if self._is_log_cadence(target, scope):
            return None
        if len(self._module.scopes.bindings(scope, target.id)) > 1 or self._is_code(node.value):
            return None
        return Limit(node, f"{target.id} = {_shown(node.value)}")

    def _is_own_constant(self, node: ast.Assign | ast.AnnAssign, name: str, owner: ast.ClassDef) -> bool:
        """Whether a class keeps a limit as a constant: in capitals, or as an attribute of a plain class that nobody sets."""
        if self._holds_settings(owner):
            return False
        if name.isupper():
            return True
        is_plain = isinstance(node, ast.Assign) and not (
            owner.bases or owner.keywords or owner.decorator_list
        )
        return is_plain and name not in self._set

    @functools.cached_property
    def _set(self) -> frozenset[str]:
        """The attributes that the file sets."""
        nodes = self._module.index.nodes(ast.Attribute)
        return frozenset(node.attr for node in nodes if isinstance(node.ctx, ast.Store))

    # -- calls

    @functools.cached_property
    def _known(self) -> frozenset[ast.Call]:
        """The calls that may be in the tables."""
        index = self._module.index
        rows = _names_by_package()
        names = knowledge.names_of(rows, index.packages)
        return frozenset(index.calls_named(names))

    def _positions(self, call: ast.Call, name: str) -> Collection[int]:
        """Where a call takes a limit by position."""
        row = _calls().get(name)
        if row is not None:
            return [int(position) for position in row["positions"]]
        found = self._timeouts.row(call, name, _timeouts())
        return () if found is None or "position" not in found else (found["position"],)

    def _is_look(self, call: ast.Call, value: ast.expr) -> bool:
        """Whether a pause is how often something is looked at, and no limit: under a second, and after no failure.

        So is the pause of a loop that only idles, and a short one in a loop that a deadline ends.
        """
        loop = next(self._module.index.loops(call), None)
        if (
            isinstance(loop, ast.While)
            and isinstance(loop.test, ast.Constant)
            and loop.body == [self._module.index.statement(call)]
        ):
            return True
        return _is_short(value) and (
            not self._is_retry(call)
            or self._asks(call, value)
            or (isinstance(loop, ast.While) and self._asks_clock(loop.test))
        )

    def _asks_clock(self, test: ast.expr) -> bool:
        """Whether a condition asks what time it is."""
        return any(
            isinstance(item, ast.Call) and self._module.qualname(item.func) in _CLOCKS
            for item in ast.walk(test)
        )

    def _asks(self, call: ast.Call, value: ast.expr) -> bool:
        """Whether a very short pause stands in a ``while`` that is left only where a condition holds: it polls, though it may fail to."""
        index = self._module.index
        loop = index.parent(index.statement(call))
        if not isinstance(loop, ast.While) or index.statement(call) not in loop.body:
            return False
        exits = [
            item
            for statement in loop.body
            for item in ast.walk(statement)
            if isinstance(item, (ast.Break, ast.Return)) and next(index.loops(item), None) is loop
        ]
        return (
            isinstance(value, ast.Constant)
            and isinstance(value.value, (int, float))
            and value.value <= _POLL
            and (bool(exits) or _has_call(loop.test))
            and all(
                isinstance(index.parent(item), ast.If)
                and (not isinstance(item, ast.Return) or item.value is None or is_constant(item.value, True))
                for item in exits
            )
        )

    def _is_log_cadence(self, target: ast.Name, scope: Scope) -> bool:
        """Whether a constant only says how often a loop logs: ``while not done.wait(EVERY): log.info(...)``."""
        uses = self._module.scopes.uses(scope, target.id)
        call = self._module.index.parent(uses[0]) if len(uses) == 1 else None
        if not isinstance(call, ast.Call) or last_name(call.func) != "wait":
            return False
        negated = self._module.index.parent(call)
        loop = self._module.index.parent(negated) if isinstance(negated, ast.UnaryOp) else None
        return (
            isinstance(loop, ast.While)
            and loop.test is negated
            and all(
                isinstance(item, ast.Expr)
                and isinstance(item.value, ast.Call)
                and last_name(item.value.func) in _LOGS
                for item in loop.body
            )
        )

    def _is_retry(self, call: ast.Call) -> bool:
        """Whether a pause follows what has failed: in a handler, or in a loop and behind a ``try``."""
        within: set[ast.AST] = set()
        for outer in self._module.index.ancestors(call):
            if isinstance(outer, ast.ExceptHandler):
                return True
            if isinstance(outer, (ast.While, ast.For, ast.AsyncFor)):
                return any(isinstance(part, TRIES) and part not in within for part in outer.body)
            if isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                break
            within.add(outer)
        return False

    @functools.cached_property
    def _decorators(self) -> frozenset[ast.expr]:
        index = self._module.index
        functions: list[ast.FunctionDef | ast.AsyncFunctionDef] = [
            *index.nodes(ast.FunctionDef),
            *index.nodes(ast.AsyncFunctionDef),
        ]
        return frozenset(item for function in functions for item in function.decorator_list)

    def _is_limiting_decorator(self, call: ast.Call) -> bool:
        name = last_name(call.func)
        return name is not None and call in self._decorators and _matches(_decorator(), name)

    # -- values

    def _is_literal(self, node: ast.expr) -> bool:
        """Whether a value is written out: a number but 0 and -1, a product of numbers, a pair, a timedelta, ``"5/m"``."""
        if isinstance(node, ast.Constant):
            return _is_positive(node.value) or _RATE.fullmatch(string(node) or "") is not None
        if isinstance(node, ast.Tuple):
            return bool(node.elts) and all(map(_is_number, node.elts))
        if isinstance(node, ast.Call):
            return node in self._durations and all(
                _is_number(value) for value in (*node.args, *(item.value for item in node.keywords))
            )
        return isinstance(node, ast.BinOp) and _is_number(node)

    @functools.cached_property
    def _durations(self) -> frozenset[ast.Call]:
        calls = self._module.index.calls_named(("timedelta",))
        return frozenset(call for call in calls if self._module.called(call) == _DURATION)

    def _is_code(self, value: ast.expr | None) -> bool:
        """Whether a number is a code of an operating system or protocol: those are written in base 16."""
        line = self._module.lines[value.lineno - 1] if value is not None else ""
        return value is not None and line.encode()[value.col_offset :][:2].lower() == b"0x"

    def _holds_settings(self, owner: ast.ClassDef) -> bool:
        names = [owner.name, *(last_name(base) or "" for base in owner.bases)]
        return any(name.endswith((*_ENUMS, *_SETTINGS)) for name in names)


def is_limit(name: str) -> bool:
    """Whether an argument or a constant of this name is a limit.

    Args:
        name: ``max_retries``, ``connectTimeoutMS``, ``RETRY_DELAY``.
    """
    return _matches(_limit(), name)


@functools.lru_cache(maxsize=4096)
def _matches(pattern: re.Pattern[str], name: str) -> bool:
    return pattern.search(_snake(name)) is not None


def _is_other(name: str) -> bool:
    return _matches(_other(), name)


def _snake(name: str) -> str:
    return _CAMEL.sub("_", name).lower()


def _is_number(node: ast.expr | None) -> bool:
    stack = [(node, 0)]
    while stack:
        item, depth = stack.pop()
        if isinstance(item, ast.BinOp) and depth < _DEPTH:
            stack += ((item.left, depth + 1), (item.right, depth + 1))
        elif not isinstance(item, ast.Constant) or not _is_positive(item.value):
            return False
    return True


def _is_short(value: ast.expr | None) -> bool:
    """Whether a pause is under a second."""
    return isinstance(value, ast.Constant) and isinstance(value.value, (int, float)) and value.value < 1


def _has_call(test: ast.expr) -> bool:
    return any(isinstance(item, ast.Call) for item in ast.walk(test))


def _is_poll(name: str) -> bool:
    return _matches(_poll(), name)


def _is_positive(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0


def _shown(node: ast.expr) -> str:
    """A literal as the code writes it, all but long ones."""
    text = ast.unparse(node)
    return text if len(text) <= _SHOWN else "..."


@knowledge.cached
def _calls() -> Mapping[str, knowledge.Row]:
    """The rows of calls whose arguments are limits, timeout objects among them."""
    objects = {
        name: {
            "positions": [str(position) for position in range(len(row["parameters"]))],
            "keywords": [*row["parameters"], *row["parts"]],
        }
        for name, row in knowledge.by_call("disabled_timeouts.object").items()
    }
    return {**objects, **knowledge.by_call("limits.call")}


@knowledge.cached
def _timeouts() -> Mapping[str, knowledge.Row]:
    """The rows of calls that take a timeout, those that may wait on purpose and those around others included."""
    tables = ("timeouts.guard", "timeouts.wait", "timeouts.call")
    return {name: row for table in tables for name, row in knowledge.by_call(table).items()}


@knowledge.cached
def _pauses() -> frozenset[str]:
    """The calls that pause, or wait for another part of the program."""
    waits = knowledge.by_call("timeouts.wait").keys()
    return frozenset(waits) | {
        name for name, row in knowledge.by_call("limits.call").items() if row["kind"] == "pause"
    }


@knowledge.cached
def _pauses_and_their_names() -> frozenset[str]:
    """The same, and their last identifiers for calls that nothing resolves."""
    return _pauses() | {name.rpartition(".")[2] for name in _pauses()}


@knowledge.cached
def _pools() -> frozenset[str]:
    return frozenset(name for name, row in knowledge.by_call("limits.call").items() if row["kind"] == "pool")


@knowledge.cached
def _names_by_package() -> Mapping[str, frozenset[str]]:
    return knowledge.by_package({**_timeouts(), **_calls()})


@knowledge.cached
def _limit() -> re.Pattern[str]:
    return _any_word("name")


@knowledge.cached
def _pool() -> re.Pattern[str]:
    return _any_word("name", "pool size")


@knowledge.cached
def _other() -> re.Pattern[str]:
    return _any_word("other")


@knowledge.cached
def _decorator() -> re.Pattern[str]:
    return _any_word("decorator")


@knowledge.cached
def _poll() -> re.Pattern[str]:
    return _any_word("name", "poll")


def _any_word(array: str, kind: str | None = None) -> re.Pattern[str]:
    rows = [row for row in knowledge.rows(f"limits.{array}") if kind in (None, row.get("kind"))]
    words = [word for row in rows for word in row["words"]]
    return re.compile(rf"(?:^|_)(?:{'|'.join(words)})(?:_|$)")
