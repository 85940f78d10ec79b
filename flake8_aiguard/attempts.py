"""Loops that attempt the same thing again after it failed, and how they pause in between."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.blocks import Block, bound_by, called_name, calls_in, outcomes, statements_in
from flake8_aiguard.index import TRIES, Try
from flake8_aiguard.module import Module
from flake8_aiguard.numeric import number
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import dotted, last_name, names_in, string

_ADDS: Final = frozenset({"add", "append", "extend", "update"})
_COUNTS: Final = regex(r"_|.*(attempt|retr(?!ie?v)|tries|try|(?<![a-z])n?th$)", re.IGNORECASE)
_TAKES: Final = regex(r"_*(next\w*|pop\w*|(\w+_)?get(_nowait)?|read\w*|recv\w*|popleft)", re.IGNORECASE)
_SUPPLIES: Final = regex(r"_*(next\w*|pop\w*|recv\w*|popleft|stat)", re.IGNORECASE)
_MAKES: Final = regex(
    r"choice|choices|sample|uuid\d|token_\w+|mk\w*temp"
    r"|(.*_)?(gen|generate\w*|random\w*|rand\w*|free|unused|unique|new|next|alloc\w*|pick\w*|number|slug|suffix)(_.*)?",
    re.IGNORECASE,
)
_PORT: Final = regex(r"(\w+_)?port")
_ASKS: Final = regex(
    r"(.*\.)?(input|raw_input|getpass|getkey|getch|get_wch|getchar)|(.*\.)?(stdin|tty|term\w*|console)\.readline|readline"
    r"|((click|typer)\.)?(prompt|confirm)|(questionary|inquirer|[Pp]rompt|Confirm)\.\w+|(.*\.)?(prompter|prompt_session|pt_session)\.\w+"
    r"|(.*\.)?_*(ask|get|prompt|read|request)_(?:\w+_)?(passphrase|password|pin|user_input)"
)
_PAUSES: Final = regex(
    r"(^|_)(sleep\w*|pause|delay\w*|back_?off\w*|wait\w*|throttle|cool_?down|poll)(_|$)", re.IGNORECASE
)
_READS_TEXT: Final = regex(r"_*(parse|decode|deserialize|validate)(_\w+)?|\w+_from_json")
_STEPS: Final = ("builtins.anext", "builtins.next")
_LOGS: Final = regex(
    r"_*(debug|info|warn|warning|error|exception|critical|log\w*|v+|print|append|format\w*|str|repr|write|echo|secho|print_exc|type|isinstance|len|getattr"
    r"|rollback|inc|increment|record\w*|join|get|hasattr|display|msg|display_\w+|locals|min|max|set_exception|with_traceback|notice|put|add|strip|lower|int|float"
    r"|(show|print|report|emit)_(\w+_)?(warnings?|errors?|messages?|progress|status|traceback))"
)
_CLASHES: Final = regex(
    r"exist|conflict|duplicate|collision|unique|already|race|concurren|precondition|integrity|deadlock|serializ|taken|in_?use",
    re.IGNORECASE,
)
_SERIALIZABLE: Final = "SERIALIZABLE"
_CONFLICTS: Final = (409, 412)  # HTTP statuses of one who was too late
_LOCAL: Final = frozenset(
    (
        *(
            "builtins",
            "copy",
            "ctypes",
            "distro",
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
            "platform",
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
# What is asked of a child of this process; what a command itself does may be anything.
_OWN_PROCESS: Final = (
    *(
        "subprocess.Popen.kill",
        "subprocess.Popen.poll",
        "subprocess.Popen.terminate",
        "subprocess.Popen.wait",
    ),
    *("asyncio.shield", "asyncio.wrap_future"),  # of a future that somebody here sets
)


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
                ends = (ends - {"fall"}) | outcomes(after)
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
            for item in statements_in(block)
            if isinstance(item, ast.Assign)
            and any(
                isinstance(target, ast.Name)
                and (target.id in awaited or (target.id in tested and isinstance(item.value, ast.Constant)))
                for target in item.targets
            )
        ]
        if said and not any(item in block for item in said) and any(map(_is_loop, statements_in(block))):
            said = []  # a turn of many steps, of which some finish the work: the next turn goes on with it
        return True if said or is_strict else None

    def _takes_items(self, loop: ast.For | ast.While, trial: Try) -> bool:
        """Whether each turn is about something else: the number itself, or something taken from a supply."""
        used = {name.id for item in trial.body for name in names_in(item) if isinstance(name.ctx, ast.Load)}
        if isinstance(loop, ast.For):
            targets = {name.id for name in names_in(loop.target)}
            items = {name for name in targets if not _COUNTS.fullmatch(name) and not _is_pause_name(name)}
            if (items | self._derived(statements_in(loop.body, stop=trial), items)) & used:
                return True
        before = [*statements_in(loop.body, stop=trial)]
        if self._binds(before, used, _TAKES):
            return True
        taken = {
            target.id
            for item in before
            for target in bound_by(item)
            if isinstance(target, ast.Name) and self._binds([item], None, _SUPPLIES)
        }
        if taken and self._derived(before, taken) & used:
            return True
        if isinstance(loop, ast.While) and self._empties(loop):
            return True
        if getattr(self._module.index.function(loop), "name", "") in ("__next__", "__anext__"):
            return True  # an iterator passes over an item that it cannot give
        return any(self._asks(call) for item in (*trial.body, *before) for call in calls_in(item))

    def _asks(self, call: ast.Call, depth: int = 1) -> bool:
        """Whether a call asks a person, or calls a function of the file that does."""
        if _ASKS.fullmatch(dotted(call.func) or ""):
            return True
        called = self._module.receivers.definition(call.func) if depth else None
        return isinstance(called, (ast.FunctionDef, ast.AsyncFunctionDef)) and any(
            self._asks(inner, depth - 1) for item in called.body for inner in calls_in(item)
        )

    @staticmethod
    def _empties(loop: ast.While) -> bool:
        """Whether a loop goes on while a container holds something, and each turn takes some of it out: ``while self.jobs``."""
        supply = {dotted(node) for node in ast.walk(loop.test) if isinstance(node, (ast.Attribute, ast.Name))}
        return any(
            isinstance(call.func, ast.Attribute)
            and _SUPPLIES.fullmatch(call.func.attr)
            and dotted(call.func.value) in supply
            for item in loop.body
            for call in calls_in(item)
        )

    @staticmethod
    def _derived(items: Iterable[ast.stmt], names: set[str]) -> set[str]:
        """What is bound to a value that mentions one of these names, or one of what is: ``port = first + number``."""
        found: set[str] = set()
        for item in items:
            if isinstance(item, ast.Assign) and any(
                name.id in names or name.id in found for name in names_in(item.value)
            ):
                found.update(target.id for target in item.targets if isinstance(target, ast.Name))
        return found

    @staticmethod
    def _binds(items: Iterable[ast.stmt], names: set[str] | None, made_by: re.Pattern[str]) -> bool:
        """Whether one of these names, or any, is bound to what such a call gives."""
        for item in items:
            if isinstance(item, (ast.Assign, ast.AnnAssign)) and item.value is not None:
                bound = {
                    name.id
                    for target in bound_by(item)
                    for name in names_in(target)
                    if isinstance(name.ctx, ast.Store)
                }
                if (names is None or bound & names) and any(
                    made_by.fullmatch(called_name(call)) for call in calls_in(item.value)
                ):
                    return True
        return False

    # -- the course of attempts that fail

    def changes_approach(self, attempts: Attempts) -> bool:
        """Whether the next attempt does something else: with another encoding, another name or number."""
        trial = attempts.trial
        if isinstance(attempts.loop, ast.For) and self._asks_number(attempts.loop):
            return True
        if self._takes_next(attempts):
            return True
        if self._binds(statements_in(attempts.loop.body), None, _MAKES):
            timing = self._timing(attempts.loop.body)
            if self._binds(
                (item for item in statements_in(attempts.loop.body) if item not in timing), None, _MAKES
            ):
                return True
        bound = {
            name.id for item in trial.body for name in names_in(item) if not isinstance(name.ctx, ast.Load)
        }
        used = {
            name.id for item in trial.body for name in names_in(item) if isinstance(name.ctx, ast.Load)
        } - bound
        failing = [*statements_in(self._failing(attempts))]
        if any(
            isinstance(target, ast.Subscript) and self._derived(before, {dotted(target.value) or ""}) & used
            for before in [[*statements_in(attempts.loop.body, stop=trial)]]
            for item in failing
            if isinstance(item, ast.Delete)
            for target in item.targets
        ):
            return True  # link = links[0], and del links[0]
        if self._reduces(attempts, failing, used):
            return True
        tried = [*statements_in(attempts.loop.body, stop=trial), *statements_in(trial.body)]
        asked = {name.id for item in tried for name in names_in(item)} - set(map(_added_to, tried))
        if any(_added_to(item) in asked for item in failing):
            return True  # create(without=failed), and failed.append(found)
        for item in failing:
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

    @staticmethod
    def _takes_next(attempts: Attempts) -> bool:
        """Whether an attempt uses what the turn has chosen for it: ``hosts[attempt % len(hosts)]``, another port."""
        loop, trial = attempts.loop, attempts.trial
        counted = {name.id for name in names_in(loop.target)} if isinstance(loop, ast.For) else set()
        used = {name.id for item in trial.body for name in names_in(item)}
        return any(
            isinstance(target, ast.Name)
            and target.id in used
            and (
                (
                    isinstance(item.value, ast.Subscript)
                    and not _is_pause_name(target.id)
                    and any(name.id in counted for name in names_in(item.value.slice))
                )
                or (isinstance(item.value, ast.Call) and _PORT.fullmatch(target.id) is not None)
            )
            for item in statements_in(loop.body)
            if isinstance(item, ast.Assign)
            for target in item.targets
        )

    @staticmethod
    def _asks_number(loop: ast.For) -> bool:
        """Whether an attempt is told whether it is the first: ``connect(fresh=attempt > 0)``."""
        counted = {name.id for name in names_in(loop.target)}
        return any(
            isinstance(value, ast.Compare) and any(name.id in counted for name in names_in(value))
            for item in loop.body
            for call in calls_in(item)
            for value in (*call.args, *(keyword.value for keyword in call.keywords))
        )

    @staticmethod
    def _reduces(attempts: Attempts, failing: list[ast.stmt], used: set[str]) -> bool:
        """Whether a failure leaves less of what the turn makes its input of: ``rows = rows[:-1]``."""
        reduced = {
            target.id
            for item in failing
            if isinstance(item, ast.Assign)
            and isinstance(item.value, ast.Subscript)
            and isinstance(item.value.slice, ast.Slice)
            for target in item.targets
            if isinstance(target, ast.Name) and dotted(item.value.value) == target.id
        }
        return bool(reduced) and any(
            not reduced.isdisjoint(name.id for name in names_in(item))
            and any(isinstance(target, ast.Name) and target.id in used for target in bound_by(item))
            for item in statements_in(attempts.loop.body, stop=attempts.trial)
        )

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
            called_name(call) == "get"
            and not call.args
            and any(item.arg == "timeout" for item in call.keywords)
            and all(item.arg in ("block", "timeout") for item in call.keywords)
            for item in attempts.trial.body
            for call in calls_in(item)
        )

    def is_local(self, attempts: Attempts) -> bool:
        """Whether what is attempted provably stays on this machine: nobody else is spared by waiting."""
        calls = [call for item in attempts.trial.body for call in calls_in(item)]
        if any(_READS_TEXT.fullmatch(called_name(call)) for call in calls):
            calls = [call for call in calls if not _is_plain(call)]  # the same text, read again
        names = [self._module.called(call) for call in calls]
        return all(
            name is not None and (name.partition(".")[0] in _LOCAL or name in _OWN_PROCESS) for name in names
        )

    def only_reads_text(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Whether all that a function does is to make something of a text that it was given, on this machine."""
        calls = [call for item in function.body for call in calls_in(item)]
        names = [self._module.called(call) or "" for call in calls if not _is_plain(call)]
        return any(_READS_TEXT.fullmatch(called_name(call)) for call in calls) and all(
            name.partition(".")[0] in _LOCAL for name in names
        )

    def is_told(self, attempts: Attempts) -> bool:
        """Whether a function of the file is told which attempt it is, and decides by that whether another one follows."""
        loop = attempts.loop
        counted = {name.id for name in names_in(loop.target if isinstance(loop, ast.For) else loop.test)}
        for call in (found for item in attempts.trial.body for found in calls_in(item)):
            given = {item.id for item in call.args if isinstance(item, ast.Name)} & counted
            definition = self._module.receivers.definition(call.func) if given else None
            if isinstance(definition, (ast.FunctionDef, ast.AsyncFunctionDef)) and any(
                isinstance(node, ast.Compare) and given & {name.id for name in names_in(node)}
                for node in ast.walk(definition)
            ):
                return True
        return False

    def repairs(self, attempts: Attempts) -> bool:
        """Whether a handler does something about the failure: connects again, fetches another token."""
        failing = self._failing(attempts)
        calls = [call for part in failing for call in calls_in(part)]
        given_up = {
            call
            for item in statements_in(failing)
            if isinstance(item, (ast.Raise, ast.Return))
            for call in calls_in(item)
        }
        doing = {
            call
            for call in calls
            if self._is_loaded(call)
            or not (_LOGS.fullmatch(called_name(call)) or called_name(call)[:1].isupper() or self.pause(call))
        }
        doing -= given_up
        doing.update(
            call for call in calls if called_name(call) in ("rollback", "_rollback") and self._is_asked(call)
        )
        if doing:
            doing.difference_update(inner for call in calls if self.pause(call) for inner in calls_in(call))
        if doing:
            doing.difference_update(call for item in self._timing(failing) for call in calls_in(item))
        return bool(doing)

    def _is_asked(self, call: ast.Call) -> bool:
        """Whether the result of a call decides: ``if self.rollback() is False: break`` goes back to something else."""
        return not isinstance(self._module.index.parent(call), (ast.Expr, ast.Await))

    def _is_loaded(self, call: ast.Call) -> bool:
        """Whether a call that is named like a look-up is made for what it does: ``browser.get(page)`` as a statement."""
        return called_name(call) == "get" and isinstance(
            self._module.index.parent(call), (ast.Expr, ast.Await)
        )

    def _timing(self, block: Block) -> set[ast.stmt]:
        """The assignments that only compute how long a pause is: ``delay = random.uniform(1, delay * 3)``."""
        items = [*statements_in(block)]
        pauses = [item.value for item in items if isinstance(item, ast.Expr)]
        lengths = {
            name.id
            for value in pauses
            for call in calls_in(value)
            if self.pause(call)
            for name in names_in(call)
        }
        found: set[ast.stmt] = set()
        for item in reversed(items):
            names = {dotted(target) for target in bound_by(item)}
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

    def may_pause(self, attempts: Attempts, handler: ast.ExceptHandler) -> bool:
        """Whether something in the loop may pause after a failure that one handler catches, on whatever condition."""
        others = [item for item in attempts.trial.handlers if item is not handler]
        beside = {call for item in others for part in item.body for call in calls_in(part)}
        return any(
            self.pause(call) is not False
            for item in attempts.loop.body
            for call in calls_in(item)
            if call not in beside
        )

    @staticmethod
    def clashes(attempts: Attempts) -> bool:
        """Whether a handler says that somebody else was faster: an attempt at once is then as good as a later one."""
        return (
            any(
                _CLASHES.search(said)
                for handler in attempts.handlers
                for node in ast.walk(handler)
                if (said := last_name(node) or string(node)) is not None
            )
            or any(
                isinstance(node, ast.Constant) and node.value in _CONFLICTS
                for handler in attempts.handlers
                for node in ast.walk(handler)
            )
            or any(_SERIALIZABLE in (string(node) or "") for node in ast.walk(attempts.loop))
        )

    def is_followed(self, attempts: Attempts) -> bool:
        """Whether what is attempted is called once more after the loop."""
        tried = {called_name(call) for item in attempts.trial.body for call in calls_in(item)}
        index = self._module.index
        parent = index.parent(attempts.loop)
        rest = [*attempts.loop.orelse]
        for block in (getattr(parent, "body", []), getattr(parent, "orelse", [])):
            if attempts.loop in block:
                rest += block[block.index(attempts.loop) + 1 :]
        return any(called_name(call) in tried for item in rest for call in calls_in(item))

    def pause(self, call: ast.Call) -> bool | None:
        """Whether a call pauses: ``None`` where its name says so, or its definition in this file sleeps, that of a generator whose
        ``next()`` it is included."""
        name = self._module.called(call)
        if name in knowledge.by_call("polls.sleep"):
            return True
        if name == "asyncio.wait_for":
            return False  # a limit, no pause
        if _PAUSES.search(called_name(call)):
            return None
        steps = [call.func]
        if name in _STEPS and call.args and isinstance(call.args[0], ast.Name):
            resolved = self._module.scopes.resolve(call.args[0])
            bindings = () if resolved is None else resolved[1]
            steps = [item.value.func for item in bindings if isinstance(item.value, ast.Call)]
        definitions = [self._module.receivers.definition(item) for item in steps]
        if any(
            _PAUSES.search(called_name(inner))
            for definition in definitions
            if isinstance(definition, (ast.FunctionDef, ast.AsyncFunctionDef))
            for item in definition.body
            for inner in calls_in(item)
        ):
            return None
        return False


def attempt_loops(module: Module) -> tuple[Attempts, ...]:
    """The attempt loops of a file."""
    return tuple(AttemptLoops(module).all())


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


def _is_plain(call: ast.Call) -> bool:
    """Whether a call makes an object, reads a text or looks a field up: ``parse_json(text)``, ``Goal(...)``, ``fields.get("goal")``."""
    name = called_name(call)
    field = string(call.args[0]) if name == "get" and call.args else None
    return (
        bool(_READS_TEXT.fullmatch(name))
        or name[:1].isupper()
        or (field is not None and field.isidentifier())
    )


def _added_to(statement: ast.stmt) -> str | None:
    """The variable to which a statement adds an item: ``seen.add(item)``."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    if (
        not isinstance(call, ast.Call)
        or not isinstance(call.func, ast.Attribute)
        or call.func.attr not in _ADDS
    ):
        return None
    return dotted(call.func.value)


def _is_pause_name(name: str) -> bool:
    return bool(re.search(r"delay|backoff|wait|sleep|pause|timeout", name, re.IGNORECASE))
