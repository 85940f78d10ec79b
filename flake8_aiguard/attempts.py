"""Loops that attempt the same thing again after it failed, and how they pause in between."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from flake8_aiguard import knowledge
from flake8_aiguard.index import FUNCTIONS, TRIES, Try
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.numeric import number, truth
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import dotted, last_name, names_in, string

Block: TypeAlias = "Iterable[ast.stmt]"

_COUNTS: Final = re.compile(r"_|.*(attempt|retr(?!ie?v)|tries|try|(?<![a-z])n?th$)", re.IGNORECASE)
_TAKES: Final = re.compile(r"_*(next\w*|pop\w*|(\w+_)?get(_nowait)?|read\w*|recv\w*|popleft)", re.IGNORECASE)
_SUPPLIES: Final = re.compile(r"_*(next\w*|pop\w*|recv\w*|popleft|stat)", re.IGNORECASE)
_MAKES: Final = re.compile(
    r"choice|choices|sample|uuid\d|token_\w+|mk\w*temp"
    r"|(.*_)?(gen|generate\w*|random\w*|rand\w*|free|unused|unique|new|next|alloc\w*|pick\w*|number|slug|suffix)(_.*)?",
    re.IGNORECASE,
)
_ASKS: Final = re.compile(
    r"(.*\.)?(input|raw_input|getpass|getkey|getch|get_wch|getchar)|(.*\.)?(stdin|tty|term\w*|console)\.readline|readline"
    r"|((click|typer)\.)?(prompt|confirm)|(questionary|inquirer|[Pp]rompt|Confirm)\.\w+"
)
_PAUSES: Final = re.compile(
    r"(^|_)(sleep\w*|pause|delay\w*|back_?off\w*|wait\w*|throttle|cool_?down|poll)(_|$)", re.IGNORECASE
)
_LOGS: Final = re.compile(
    r"_*(debug|info|warn|warning|error|exception|critical|log\w*|v+|print|append|format\w*|str|repr|write|echo|secho|print_exc|type|isinstance|len|getattr"
    r"|rollback|inc|increment|record\w*|join|get|hasattr|display|msg|display_\w+|locals|min|max|set_exception|with_traceback|notice|put|add|strip|lower|int|float)"
)
_EXITS: Final = re.compile(r"_?exit(_json)?|fail(_json\w*)?|abort|quit|die|fatal|skip|sys_exit")
_CLASHES: Final = re.compile(
    r"exist|conflict|duplicate|collision|unique|already|race|concurren|precondition|integrity|deadlock|serializ|taken|in_?use",
    re.IGNORECASE,
)
_CONFLICTS: Final = (409, 412)  # HTTP statuses of one who was too late
_LOCAL: Final = frozenset(
    (
        *(
            "builtins",
            "copy",
            "ctypes",
            "fcntl",
            "functools",
            "glob",
            "importlib",
            "io",
            "json",
            "logging",
            "msvcrt",
            "multiprocessing",
            "os",
        ),
        *(
            "pathlib",
            "pickle",
            "psutil",
            "re",
            "shutil",
            "signal",
            "sqlite3",
            "stat",
            "sys",
            "tempfile",
            "threading",
            "time",
            "yaml",
        ),
    )
)
_UNTIL: Final = 4.0  # what stands for a limit whose number the file does not show
_TURNS: Final = 40  # turns that are played
_LEAVES: Final = (ast.Return, ast.Raise, ast.Break)
_NESTED: Final = (*FUNCTIONS, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class Attempts:
    """A loop that attempts something until it succeeds.

    Attributes:
        loop: the loop.
        trial: the ``try`` whose body is attempted.
        handlers: its handlers after which the next attempt follows.
        is_strict: whether each success leaves the loop; otherwise it may poll for a state of the other side.
    """

    loop: ast.For | ast.While
    trial: Try
    handlers: tuple[ast.ExceptHandler, ...]
    is_strict: bool


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
        tail: the pauses after the last attempt.
        ends: whether the attempts come to an end by themselves; ``None`` where something else may end them.
    """

    gaps: list[list[Pause]] = field(default_factory=list)
    tail: list[Pause] = field(default_factory=list)
    ends: bool | None = False


class AttemptLoops:
    """The attempt loops of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def all(self) -> Iterator[Attempts]:
        """The loops, in document order."""
        index = self._module.index
        for trial in (item for cls in TRIES for item in index.nodes(cls)):
            assert isinstance(trial, TRIES)
            around = index.parent(trial)
            while isinstance(around, (ast.With, ast.AsyncWith)):
                around = index.parent(around)
            if not isinstance(around, (ast.For, ast.While)):
                continue  # a look at the parents is cheaper than the climb to the loop
            loop = next(index.loops(trial), None)
            if isinstance(loop, (ast.For, ast.While)) and trial.handlers:
                found = self._attempts(loop, trial)
                if found is not None:
                    yield found

    def _attempts(self, loop: ast.For | ast.While, trial: Try) -> Attempts | None:
        if not (isinstance(loop, ast.While) or self._is_counted(loop)):
            return None
        after = self._after(loop, trial)
        if after is None:
            return None
        handlers = []
        for handler in trial.handlers:
            ends = outcomes([*handler.body])
            if "fall" in ends:
                ends |= outcomes(after)
            if ends & {"fall", "continue"} and not _ends_loop(loop, handler):
                handlers.append(handler)
        success = self._success(loop, trial, after)
        if not handlers or success is None or self._takes_items(loop, trial):
            return None
        return Attempts(loop, trial, tuple(handlers), success)

    def _is_counted(self, loop: ast.For) -> bool:
        """Whether a loop counts: ``range(3)``, ``count()``, or a display of numbers, the pauses."""
        items = loop.iter
        name = self._module.qualname(items.func) if isinstance(items, ast.Call) else None
        if isinstance(items, ast.Call) and name in ("builtins.reversed", "builtins.enumerate") and items.args:
            items = items.args[0]
            name = self._module.qualname(items.func) if isinstance(items, ast.Call) else name
        if isinstance(items, (ast.Tuple, ast.List)):
            return all(number(item) is not None for item in items.elts)
        if isinstance(items, ast.Name):
            return bool(re.search(r"delay|backoff|wait|sleep|pause", items.id, re.IGNORECASE))
        return name in ("builtins.range", "itertools.count", "itertools.repeat")

    def _after(self, loop: ast.For | ast.While, trial: Try) -> list[ast.stmt] | None:
        """What a turn runs after the trial; ``None`` where the trial does not stand in the body itself, or in a ``with`` there."""
        index = self._module.index
        found: list[ast.stmt] = []
        node: ast.AST = trial
        while node is not loop:
            parent = index.parent(node)
            if parent is None or (parent is not loop and not isinstance(parent, (ast.With, ast.AsyncWith))):
                return None
            for block in (getattr(parent, "body", []), getattr(parent, "orelse", [])):
                if node in block:
                    found += block[block.index(node) + 1 :]
            node = parent
        return found

    @staticmethod
    def _success(loop: ast.For | ast.While, trial: Try, after: list[ast.stmt]) -> bool | None:
        """Whether each success leaves the loop; ``None`` where success goes on."""
        ends = outcomes([*trial.body, *trial.orelse])
        if "fall" in ends:
            ends = (ends - {"fall"}) | outcomes(after)
        leaves = bool(ends & {"return", "break"})
        is_strict = leaves and not ends & {"fall", "continue"}
        if isinstance(loop, ast.For):
            return is_strict if leaves else None
        tested = {name.id for name in names_in(loop.test)}
        awaited = _awaited(loop.test)
        block = [*trial.body, *trial.orelse]
        said = [
            item
            for item in _statements(block)
            if isinstance(item, ast.Assign)
            and any(
                isinstance(target, ast.Name)
                and (target.id in awaited or (target.id in tested and isinstance(item.value, ast.Constant)))
                for target in item.targets
            )
        ]
        if said and not any(item in block for item in said) and any(map(_is_loop, _statements(block))):
            said = []  # a turn of many steps, of which some finish the work: the next turn goes on with it
        return True if said or is_strict else None

    def _takes_items(self, loop: ast.For | ast.While, trial: Try) -> bool:
        """Whether each turn is about something else: the number itself, or something taken from a supply."""
        used = {name.id for item in trial.body for name in names_in(item) if isinstance(name.ctx, ast.Load)}
        if isinstance(loop, ast.For):
            targets = {name.id for name in names_in(loop.target)}
            items = {name for name in targets if not _COUNTS.fullmatch(name) and not _is_pause_name(name)}
            if (items | self._derived(_statements(loop.body, stop=trial), items)) & used:
                return True
        before = [*_statements(loop.body, stop=trial)]
        if self._binds(before, used, _TAKES):
            return True
        taken = {
            target.id
            for item in before
            for target in _targets(item)
            if isinstance(target, ast.Name) and self._binds([item], None, _SUPPLIES)
        }
        if taken and self._derived(before, taken) & used:
            return True
        return any(_ASKS.fullmatch(dotted(call.func) or "") for item in trial.body for call in _calls(item))

    @staticmethod
    def _derived(items: Iterable[ast.stmt], names: set[str]) -> set[str]:
        """What is bound to a value that mentions one of these names: ``port = first + number``."""
        return {
            target.id
            for item in items
            if isinstance(item, ast.Assign) and any(name.id in names for name in names_in(item.value))
            for target in item.targets
            if isinstance(target, ast.Name)
        }

    @staticmethod
    def _binds(items: Iterable[ast.stmt], names: set[str] | None, made_by: re.Pattern[str]) -> bool:
        """Whether one of these names, or any, is bound to what such a call gives."""
        for item in items:
            if isinstance(item, (ast.Assign, ast.AnnAssign)) and item.value is not None:
                bound = {
                    name.id
                    for target in _targets(item)
                    for name in names_in(target)
                    if isinstance(name.ctx, ast.Store)
                }
                if (names is None or bound & names) and any(
                    made_by.fullmatch(_called(call)) for call in _calls(item.value)
                ):
                    return True
        return False

    # -- the course of attempts that fail

    def changes_approach(self, attempts: Attempts) -> bool:
        """Whether the next attempt does something else: with another encoding, another name or number."""
        trial = attempts.trial
        if self._binds(_statements(attempts.loop.body), None, _MAKES):
            timing = self._timing(attempts.loop.body)
            if self._binds(
                (item for item in _statements(attempts.loop.body) if item not in timing), None, _MAKES
            ):
                return True
        bound = {
            name.id for item in trial.body for name in names_in(item) if not isinstance(name.ctx, ast.Load)
        }
        used = {
            name.id for item in trial.body for name in names_in(item) if isinstance(name.ctx, ast.Load)
        } - bound
        for item in _statements(self._failing(attempts)):
            targets: list[ast.expr] = []
            if isinstance(item, ast.Assign):
                targets = item.targets
            elif isinstance(item, (ast.AugAssign, ast.AnnAssign)):
                targets = [item.target]
            elif isinstance(item, ast.Delete):
                targets = item.targets
            for target in targets:
                attribute = None
                while isinstance(target, (ast.Subscript, ast.Attribute)):
                    attribute = target.attr if isinstance(target, ast.Attribute) else None
                    target = target.value
                if not isinstance(target, ast.Name) or target.id not in used or _COUNTS.fullmatch(target.id):
                    continue
                if attribute is None or self._may_read(trial, target.id, attribute):
                    return True
        return False

    def _may_read(self, trial: Try, name: str, attribute: str) -> bool:
        """Whether an attempt reads an attribute of an object, itself or in what it calls with the object or on it."""
        parent = self._module.index.parent
        for used in (found for item in trial.body for found in names_in(item) if found.id == name):
            outer = parent(used)
            if not isinstance(outer, ast.Attribute) or outer.attr == attribute:
                return True
            call = parent(outer)
            if isinstance(call, ast.Call) and call.func is outer:
                return True
        return False

    @staticmethod
    def waits_itself(attempts: Attempts) -> bool:
        """Whether an attempt is itself a wait for the next item: ``queue.get(timeout=1)``."""
        return any(
            _called(call) == "get"
            and not call.args
            and any(item.arg == "timeout" for item in call.keywords)
            and all(item.arg in ("block", "timeout") for item in call.keywords)
            for item in attempts.trial.body
            for call in _calls(item)
        )

    def is_local(self, attempts: Attempts) -> bool:
        """Whether what is attempted provably stays on this machine: nobody else is spared by waiting."""
        names = [self._module.called(call) for item in attempts.trial.body for call in _calls(item)]
        return all(name is not None and name.partition(".")[0] in _LOCAL for name in names)

    def repairs(self, attempts: Attempts) -> bool:
        """Whether a handler does something about the failure: connects again, fetches another token."""
        failing = self._failing(attempts)
        calls = [call for part in failing for call in _calls(part)]
        doing = {
            call
            for call in calls
            if not (_LOGS.fullmatch(_called(call)) or _called(call)[:1].isupper() or self.pause(call))
        }
        if doing:
            doing.difference_update(inner for call in calls if self.pause(call) for inner in _calls(call))
        if doing:
            doing.difference_update(call for item in self._timing(failing) for call in _calls(item))
        return bool(doing)

    def _timing(self, block: Block) -> set[ast.stmt]:
        """The assignments that only compute how long a pause is: ``delay = random.uniform(1, delay * 3)``."""
        items = [*_statements(block)]
        pauses = [item.value for item in items if isinstance(item, ast.Expr)]
        lengths = {
            name.id
            for value in pauses
            for call in _calls(value)
            if self.pause(call)
            for name in names_in(call)
        }
        found: set[ast.stmt] = set()
        for item in reversed(items):
            names = {dotted(target) for target in _targets(item)}
            if names and names <= lengths:
                found.add(item)
                lengths.update(name.id for name in names_in(item))
        return found

    def _failing(self, attempts: Attempts) -> list[ast.stmt]:
        """What runs between a failure and the next attempt: what follows the trial only where a handler does not go on by itself."""
        found = [item for handler in attempts.handlers for item in handler.body]
        if any("fall" in outcomes(handler.body) for handler in attempts.handlers):
            found += self._after(attempts.loop, attempts.trial) or []
        return found

    def may_pause(self, attempts: Attempts) -> bool:
        """Whether something in the loop pauses, on whatever condition."""
        return any(self.pause(call) is not False for item in attempts.loop.body for call in _calls(item))

    @staticmethod
    def clashes(attempts: Attempts) -> bool:
        """Whether a handler says that somebody else was faster: an attempt at once is then as good as a later one."""
        return any(
            _CLASHES.search(said)
            for handler in attempts.handlers
            for node in ast.walk(handler)
            if (said := last_name(node) or string(node)) is not None
        ) or any(
            isinstance(node, ast.Constant) and node.value in _CONFLICTS
            for handler in attempts.handlers
            for node in ast.walk(handler)
        )

    def is_followed(self, attempts: Attempts) -> bool:
        """Whether what is attempted is called once more after the loop."""
        tried = {_called(call) for item in attempts.trial.body for call in _calls(item)}
        index = self._module.index
        parent = index.parent(attempts.loop)
        rest = [*attempts.loop.orelse]
        for block in (getattr(parent, "body", []), getattr(parent, "orelse", [])):
            if attempts.loop in block:
                rest += block[block.index(attempts.loop) + 1 :]
        return any(_called(call) in tried for item in rest for call in _calls(item))

    def course(self, attempts: Attempts, handler: ast.ExceptHandler) -> Course:
        """How the attempts go on if each of them fails, caught by one handler.

        Args:
            attempts: the loop.
            handler: one of its handlers.

        Returns:
            The pauses in between, as far as they can be computed: at most some dozens of turns are played.
        """
        return _Play(self._module, attempts, handler, self._start(attempts.loop)).course

    def _start(self, loop: ast.For | ast.While) -> dict[str, float | None]:
        """The numbers that variables hold when a loop starts."""
        scopes, index = self._module.scopes, self._module.index
        found: dict[str, float | None] = {}
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
        return found

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

    def pause(self, call: ast.Call) -> bool | None:
        """Whether a call pauses: ``None`` where its name says so, or its definition in this file sleeps."""
        if self._module.called(call) in knowledge.by_call("polls.sleep"):
            return True
        if _PAUSES.search(_called(call)):
            return None
        definition = self._module.receivers.definition(call.func)
        if isinstance(definition, (ast.FunctionDef, ast.AsyncFunctionDef)) and any(
            _PAUSES.search(_called(inner)) for item in definition.body for inner in _calls(item)
        ):
            return None
        return False


def attempt_loops(module: Module) -> tuple[Attempts, ...]:
    """The attempt loops of a file."""
    return tuple(AttemptLoops(module).all())


class _Play:
    """Plays the turns of a loop in which each attempt fails."""

    def __init__(
        self,
        module: Module,
        attempts: Attempts,
        handler: ast.ExceptHandler,
        start: dict[str, float | None],
    ) -> None:
        self._module = module
        self._loops = AttemptLoops(module)
        self._attempts = attempts
        self._handler = handler
        self._env = start
        self._written = {
            text
            for item in _statements(attempts.loop.body)
            for target in _targets(item)
            if (text := dotted(target)) is not None
        } | {name.id for name in names_in(attempts.loop) if isinstance(name.ctx, ast.Store)}
        self._pauses: list[Pause] = []
        self._maybe_ends = False
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
        course.tail = self._pauses

    def _turns(self, loop: ast.For | ast.While) -> list[float | None]:
        """The values of the variable of a ``for``; as many turns as are played for other loops."""
        self._is_finite = True
        items = loop.iter if isinstance(loop, ast.For) else None
        if isinstance(items, (ast.Tuple, ast.List)):
            return [number(item) for item in items.elts][:_TURNS]
        if isinstance(items, ast.Call):
            last = _called(items)
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
                self._env[text] = _UNTIL
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
        if isinstance(item, _LEAVES) or _ends(item, 0) == {"raise"}:
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
        if isinstance(item, _NESTED):
            return "fall"
        is_block = isinstance(item, (ast.For, ast.AsyncFor, ast.While)) or not isinstance(
            item, (ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign)
        )
        for call in _calls(item):
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
                isinstance(inner, _LEAVES) for inner in _statements(item.body)
            ):
                self._maybe_ends = True
            if is_first:
                is_first = not any(True for _ in _calls(item))
                if is_first:
                    self._assign(item)
            for call in _calls(item):
                if self._loops.pause(call) is not False:
                    self._pauses.append(Pause(call, None, False))

    def _if(self, item: ast.If) -> str:
        test = self._truth(item.test)
        if test is not None:
            if any(isinstance(inner, _LEAVES) for inner in _statements(item.orelse if test else item.body)):
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
        for target in targets:
            text = dotted(target)
            if text is not None:
                self._env[text] = found
            else:
                for name in names_in(target):
                    if isinstance(name.ctx, ast.Store):
                        self._env[name.id] = None


def outcomes(block: Block) -> set[str]:
    """How statements may end: ``fall``, ``continue``, ``break``, ``return``, ``raise``.

    Args:
        block: the statements.

    Returns:
        The ways; an inner loop is taken to end by itself, and to hold a ``return`` if one stands in it.
    """
    stack = [iter(block)]
    return _outcomes(list(stack[0]), 0)


_DEEPEST: Final = 40  # blocks in blocks that are looked into; an elif chain counts once


def _outcomes(block: list[ast.stmt], depth: int) -> set[str]:
    found: set[str] = set()
    if depth > _DEEPEST:
        return {"fall", "continue"}
    for item in block:
        ends = _ends(item, depth)
        found |= ends - {"fall"}
        if "fall" not in ends:
            return found
    return found | {"fall"}


def _ends(item: ast.stmt, depth: int) -> set[str]:
    if isinstance(item, ast.Continue):
        return {"continue"}
    if isinstance(item, ast.Break):
        return {"break"}
    if isinstance(item, ast.Return):
        return {"return"}
    if isinstance(item, ast.Raise):
        return {"raise"}
    if (
        isinstance(item, ast.Expr)
        and isinstance(item.value, ast.Call)
        and _EXITS.fullmatch(_called(item.value))
    ):
        return {"raise"}  # sys.exit(), module.fail_json()
    if isinstance(item, ast.If):
        found: set[str] = set()
        branch: list[ast.stmt] = [item]
        while len(branch) == 1 and isinstance(branch[0], ast.If):
            found |= _outcomes(branch[0].body, depth + 1)
            branch = branch[0].orelse
        return found | _outcomes(branch, depth + 1)
    if isinstance(item, (ast.With, ast.AsyncWith)):
        return _outcomes(item.body, depth + 1)
    if isinstance(item, TRIES):
        found = _outcomes([*item.body, *item.orelse], depth + 1)
        for handler in item.handlers:
            found |= _outcomes(handler.body, depth + 1)
        last = _outcomes(item.finalbody, depth + 1)
        return found if "fall" in last else last
    if isinstance(item, (ast.For, ast.AsyncFor, ast.While)):
        inner = _outcomes(item.body, depth + 1) & {"return", "raise"}
        return inner | {"fall"}
    if isinstance(item, ast.Match):
        found = {"fall"}
        for case in item.cases:
            found |= _outcomes(case.body, depth + 1)
        return found
    return {"fall"}


def _awaited(test: ast.expr) -> set[str]:
    """The variables for which a loop goes on until they are set: ``while x is None``, ``while not x``."""
    found: set[str] = set()
    for item in test.values if isinstance(test, ast.BoolOp) else [test]:
        if isinstance(item, ast.UnaryOp) and isinstance(item.op, ast.Not):
            found.add(last_name(item.operand) or "")
        elif isinstance(item, ast.Compare) and isinstance(item.ops[0], (ast.Is, ast.Eq)):
            found.add(last_name(item.left) or "")
    return found


def _ends_loop(loop: ast.For | ast.While, handler: ast.ExceptHandler) -> bool:
    """Whether a handler itself sets what a loop waits for: a default in place of what failed."""
    awaited = _awaited(loop.test) if isinstance(loop, ast.While) else set()
    return any(
        isinstance(target, ast.Name) and target.id in awaited
        for item in handler.body
        if isinstance(item, ast.Assign)
        and not (isinstance(item.value, ast.Constant) and not item.value.value)
        for target in item.targets
    )


def _is_loop(item: ast.stmt) -> bool:
    return isinstance(item, (ast.For, ast.AsyncFor, ast.While))


def _statements(block: Block, stop: ast.stmt | None = None) -> Iterator[ast.stmt]:
    """The statements of blocks and of those within, not of nested functions; up to one of them."""
    stack = list(block)[::-1]
    while stack:
        item = stack.pop()
        if item is stop:
            return
        yield item
        if not isinstance(item, _NESTED):
            inner = [part for part in ast.iter_child_nodes(item) if isinstance(part, ast.stmt)]
            inner += [
                part
                for group in ast.iter_child_nodes(item)
                if isinstance(group, (ast.ExceptHandler, ast.match_case))
                for part in group.body
            ]
            stack += inner[::-1]


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """The calls that running a node makes, nested functions left out."""
    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, ast.Call):
            yield item
        if not isinstance(item, _NESTED):
            stack.extend(ast.iter_child_nodes(item))


def _called(call: ast.Call) -> str:
    return last_name(call.func) or ""


def _targets(item: ast.stmt) -> list[ast.expr]:
    if isinstance(item, ast.Assign):
        return item.targets
    return [item.target] if isinstance(item, (ast.AugAssign, ast.AnnAssign)) else []


def _load(target: ast.expr) -> ast.expr:
    return target


def _line(node: ast.AST) -> int:
    line: int = getattr(node, "lineno", 0)
    return line


def _is_pause_name(name: str) -> bool:
    return bool(re.search(r"delay|backoff|wait|sleep|pause|timeout", name, re.IGNORECASE))
