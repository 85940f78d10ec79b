"""How attempts that all fail go on: how they pause in between, and whether they end."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Final

from flake8_aiguard.attempts import AttemptLoops, Attempts
from flake8_aiguard.blocks import NESTED, Block, bound_by, called_name, calls_in, ends_of, statements_in
from flake8_aiguard.index import FUNCTIONS, TRIES, Try
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.numeric import number, truth
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import default, dotted, names_in, string

_UNTIL: Final = 4.0  # what stands for a limit whose number the file does not show
_TURNS: Final = 40  # turns that are played
_LEAVES: Final = (ast.Return, ast.Raise, ast.Break)


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause between two attempts.

    Attributes:
        call: the call that pauses.
        seconds: how long; ``None`` where that is not known.
        is_sleep: whether it is known to do nothing but sleep, each time.
    """

    call: ast.AST
    seconds: float | None
    is_sleep: bool


@dataclass(slots=True)
class Course:
    """How attempts that all fail go on.

    Attributes:
        gaps: the pauses between one attempt and the next, for each pair of attempts played.
        tail: the pauses after the last attempt; none where a function that is told the number of the attempt may see to that.
        ends: whether the attempts come to an end by themselves; ``None`` where something else may end them.
    """

    gaps: list[list[Pause]] = field(default_factory=list)
    tail: list[Pause] = field(default_factory=list)
    ends: bool | None = False


class Courses:
    """The courses of the attempt loops of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def course(self, attempts: Attempts, handler: ast.ExceptHandler) -> Course:
        """How the attempts go on if each of them fails, caught by one handler.

        Args:
            attempts: the loop.
            handler: one of its handlers.

        Returns:
            The pauses in between, as far as they can be computed: at most some dozens of turns are played.
        """
        return _Play(self._module, attempts, handler, *self._start(attempts.loop)).course

    def _start(self, loop: ast.For | ast.While) -> tuple[dict[str, float | None], dict[str, ast.expr]]:
        """The numbers that variables hold when a loop starts, and what those are computed from whose number is not known."""
        scopes, index = self._module.scopes, self._module.index
        found: dict[str, float | None] = {}
        computed: dict[str, ast.expr] = {}
        for name in names_in(loop):
            if name.id in found:
                continue
            resolved = scopes.resolve(name)
            if resolved is None:
                continue
            owner, bindings = resolved
            found[name.id] = None
            if owner is index.scope(loop) and owner is not self._module.tree:
                before = [item for item in bindings if _line(item.node) < loop.lineno]
            else:
                before = bindings if len(bindings) == 1 else []
            if before and (last := max(before, key=lambda item: _line(item.node))).kind in (
                Kind.ASSIGN,
                Kind.ANNOTATED,
            ):
                found[name.id] = number(last.value)
                if found[name.id] is None and isinstance(last.value, ast.Name):
                    found[name.id] = self.constant(last.value)
                elif found[name.id] is None and isinstance(last.value, ast.BinOp):
                    computed[name.id] = last.value
            elif len(before) == 1 and isinstance(last.node, ast.arg) and isinstance(owner, FUNCTIONS):
                given = number(default(owner, last.node))
                found[name.id] = (
                    given if given else None
                )  # none by default: whoever wants attempts says how many
        return found, computed

    @memoised
    def constant(self, node: ast.expr) -> float | None:
        """The number that an expression of literals and of constants of this file is."""
        values: dict[str, float | None] = {}
        for name in names_in(node):
            resolved = self._module.scopes.resolve(name)
            if (
                resolved is not None
                and len(resolved[1]) == 1
                and resolved[1][0].kind in (Kind.ASSIGN, Kind.ANNOTATED)
            ):
                values[name.id] = number(resolved[1][0].value)
        return number(node, values.get)


class _Play:
    """Plays the turns of a loop in which each attempt fails."""

    def __init__(
        self,
        module: Module,
        attempts: Attempts,
        handler: ast.ExceptHandler,
        start: dict[str, float | None],
        computed: dict[str, ast.expr],
    ) -> None:
        self._module = module
        self._loops = AttemptLoops(module)
        self._attempts = attempts
        self._handler = handler
        self._env = start
        self._computed = computed
        self._written = {
            text
            for item in statements_in(attempts.loop.body)
            for target in bound_by(item)
            if (text := dotted(target)) is not None
        } | {name.id for name in names_in(attempts.loop) if isinstance(name.ctx, ast.Store)}
        self._pauses: list[Pause] = []
        self._maybe_ends = False
        self._answers: set[str] = set()  # what such a function has answered: delay = next_delay(attempt)
        self._is_asked = (
            False  # whether a function that is told the number of the attempt says whether to go on
        )
        self.course = Course()
        self._play()

    def _play(self) -> None:
        loop, course = self._attempts.loop, self.course
        turns = self._turns(loop)
        attempted = False
        for turn in turns:
            if isinstance(loop, ast.While):
                test = self._truth(loop.test)
                if test is None:
                    self._maybe_ends = True
                if test is False:
                    course.ends = True
                    break
            elif isinstance(loop.target, ast.Name):
                self._env[loop.target.id] = turn
            self._tried = False
            self._gap = attempted
            outcome = self._run(loop.body)
            attempted = attempted or self._tried
            if outcome == "leave":
                course.ends = True
                break
        else:
            if isinstance(loop, ast.For) and self._is_finite:
                course.ends = True
        is_endless = isinstance(loop, ast.For) or isinstance(loop.test, ast.Constant)
        if course.ends is False and (self._maybe_ends or not is_endless):
            course.ends = None
        course.tail = [] if self._is_asked else self._pauses

    def _turns(self, loop: ast.For | ast.While) -> list[float | None]:
        """The values of the variable of a ``for``; as many turns as are played for other loops."""
        self._is_finite = True
        items = loop.iter if isinstance(loop, ast.For) else None
        if isinstance(items, (ast.Tuple, ast.List)):
            return [number(item) for item in items.elts][:_TURNS]
        if isinstance(items, ast.Call):
            last = called_name(items)
            values: list[float | None] = [self._limit(item) for item in items.args]
            if last == "range" and values and None not in values:
                found = (
                    list(range(*(int(item or 0) for item in values))[:_TURNS])
                    if values[-1] != 0 or len(values) < 3
                    else []
                )
                self._is_finite = True
                return [float(item) if isinstance(item, float) else item for item in found]
            if last == "reversed" and items.args and isinstance(items.args[0], ast.Call):
                bound = self._limit(items.args[0].args[0]) if len(items.args[0].args) == 1 else None
                return [*reversed(range(min(int(_UNTIL if bound is None else bound), _TURNS)))]
            if last == "count":
                self._is_finite = False
                return [
                    (values[0] if values and values[0] is not None else 0.0) + step for step in range(_TURNS)
                ]
        if isinstance(loop, ast.While):
            return [None] * _TURNS
        return [None] * int(_UNTIL)

    def _limit(self, node: ast.expr) -> float | None:
        """A bound, with a number that stands for each variable whose number is not known."""
        for name in ast.walk(node):
            text = dotted(name) if isinstance(name, (ast.Name, ast.Attribute)) else None
            if text is not None and self._env.get(text) is None and text not in self._written:
                computed = self._computed.pop(text, None)
                known = None if computed is None else self._limit(computed)  # last = attempts - 1
                self._env[text] = _UNTIL if known is None else known
        return number(node, self._env.get)

    def _truth(self, test: ast.expr) -> bool | None:
        """Whether a condition holds; a variable with which a counter is compared stands for some number."""
        for node in ast.walk(test):
            if isinstance(node, ast.Compare) and len(node.ops) == 1:
                sides = (node.left, node.comparators[0])
                for one, other in (sides, sides[::-1]):
                    counter = number(one, self._env.get)
                    if (
                        counter is not None
                        and {dotted(item) for item in ast.walk(one)} & self._written
                        and number(other, self._env.get) is None
                        and not any(isinstance(item, ast.Call) for item in ast.walk(other))
                    ):
                        self._limit(other)
        return truth(test, self._env.get)

    def _run(self, block: Block) -> str:
        """Play statements: how they end, ``fall``, ``next`` turn or ``leave``."""
        for item in block:
            outcome = self._step(item)
            if outcome != "fall":
                return outcome
        return "fall"

    def _step(self, item: ast.stmt) -> str:
        if isinstance(item, _LEAVES) or ends_of(item) == {"raise"} or _is_farewell(item):
            return "leave"
        if isinstance(item, ast.Continue):
            return "next"
        if isinstance(item, TRIES):
            return self._try(item)
        if isinstance(item, ast.If):
            return self._if(item)
        if isinstance(item, (ast.With, ast.AsyncWith)):
            return self._run(item.body)
        if isinstance(item, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            self._assign(item)
        if isinstance(item, NESTED):
            return "fall"
        is_block = isinstance(item, (ast.For, ast.AsyncFor, ast.While)) or not isinstance(
            item, (ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign)
        )
        for call in calls_in(item):
            pauses = self._loops.pause(call)
            if pauses is not False:
                known = pauses is True and not is_block
                seconds = number(call.args[0], self._env.get) if known and call.args else None
                self._pauses.append(Pause(call, seconds, known))
        return "fall"

    def _try(self, item: Try) -> str:
        if item is not self._attempts.trial:
            outcome = self._run(item.body)
            if outcome == "leave" and item.handlers:
                self._maybe_ends, outcome = True, "fall"
        else:
            if self._gap:
                self.course.gaps.append(self._pauses)
            self._pauses, self._gap, self._tried = [], True, True
            self._attempt(item.body)
            outcome = self._run(self._handler.body)
        after = self._run(item.finalbody)
        return outcome if after == "fall" else after

    def _attempt(self, body: list[ast.stmt]) -> None:
        """What an attempt does before it fails: it counts, it pauses if it is not the first one, it may look at a deadline."""
        is_first = True
        for item in body:
            if isinstance(item, ast.If) and any(
                isinstance(inner, _LEAVES) for inner in statements_in(item.body)
            ):
                self._maybe_ends = True
            if is_first:
                is_first = not any(True for _ in calls_in(item))
                if is_first:
                    self._assign(item)
            for call in calls_in(item):
                if self._loops.pause(call) is not False:
                    self._pauses.append(Pause(call, None, False))

    def _if(self, item: ast.If) -> str:
        test = self._truth(item.test)
        if test is not None:
            if any(isinstance(inner, _LEAVES) for inner in statements_in(item.orelse if test else item.body)):
                self._maybe_ends = True
            return self._run(item.body if test else item.orelse)
        before, pauses = dict(self._env), list(self._pauses)
        ends = []
        for block in (item.body, item.orelse):
            self._env, self._pauses = dict(before), []
            ends.append((self._run(block), self._env, self._pauses))
        self._pauses = pauses
        goes_on = [branch for branch in ends if branch[0] != "leave"]
        if len(goes_on) < len(ends):
            self._maybe_ends = True
            self._is_asked = self._is_asked or self._depends_on_number(item.test)
        if not goes_on:
            return "leave"
        self._env = goes_on[0][1]
        for _, env, _ in goes_on[1:]:
            self._env = {name: value if env.get(name) == value else None for name, value in self._env.items()}
        is_sure = len(goes_on) == 1
        self._pauses += [
            pause if is_sure else Pause(pause.call, None, False) for branch in goes_on for pause in branch[2]
        ]
        return "fall" if any(branch[0] == "fall" for branch in goes_on) else "next"

    def _depends_on_number(self, test: ast.expr) -> bool:
        """Whether a condition is what a function makes of the number of the attempt: ``if not may_retry(error, attempt): raise``."""
        return self._tells_number(test) or any(name.id in self._answers for name in names_in(test))

    def _tells_number(self, node: ast.expr) -> bool:
        """Whether a function is told the number of the attempt."""
        return any(
            isinstance(given, ast.Name) and given.id in self._written and self._env.get(given.id) is not None
            for call in calls_in(node)
            for given in (*call.args, *(keyword.value for keyword in call.keywords))
        )

    def _assign(self, item: ast.stmt) -> None:
        if isinstance(item, ast.AugAssign):
            targets: list[ast.expr] = [item.target]
            value: ast.expr = ast.BinOp(_load(item.target), item.op, item.value)
        elif isinstance(item, (ast.Assign, ast.AnnAssign)) and item.value is not None:
            targets = item.targets if isinstance(item, ast.Assign) else [item.target]
            value = item.value
        else:
            return
        found = number(value, self._env.get)
        is_answer = self._tells_number(value)
        for target in targets:
            text = dotted(target)
            if text is not None and is_answer:
                self._answers.add(text)
            if text is not None:
                self._env[text] = found
            else:
                for name in names_in(target):
                    if isinstance(name.ctx, ast.Store):
                        self._env[name.id] = None


def _load(target: ast.expr) -> ast.expr:
    return target


def _line(node: ast.AST) -> int:
    line: int = getattr(node, "lineno", 0)
    return line


def _is_farewell(item: ast.stmt) -> bool:
    """Whether a function that is named for it exits with a text: ``our_exit(f"Update failed: {error}")``."""
    call = item.value if isinstance(item, ast.Expr) else None
    return (
        isinstance(call, ast.Call)
        and called_name(call).endswith("_exit")
        and any(isinstance(value, ast.JoinedStr) or string(value) is not None for value in call.args)
    )
