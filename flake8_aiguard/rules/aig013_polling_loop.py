"""AIG013: a loop that sleeps until something in this process changes."""

from __future__ import annotations

import ast
import functools
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from flake8_aiguard import knowledge
from flake8_aiguard.bounds import ORDER
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.index import COMPREHENSIONS, FUNCTIONS, TRIES
from flake8_aiguard.polling import Asked, Conditions, State
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import (
    dotted,
    is_constant,
    is_main_guard,
    last_name,
    names_in,
    parameters,
    string,
    words,
)

_LOGS = regex(r"log(ger|ging)?\.(debug|info|warning|error|exception|critical|log)$", re.IGNORECASE)
_TEST_FOLDERS = ("testing/",)  # helpers for tests, which other packages import
# What Ruff reads as "this is meant".
_MEANT = regex(r"ruff:\s*ignore\[[^\]]*(async-busy-wait|ASYNC110)|noqa:.*\bASYNC110\b")
_SIGNAL = regex(r"\bsignal[ -]handlers?\b", re.IGNORECASE)
_POLLS = regex(r"\bpoll|\bbusy.wait|\bsleep", re.IGNORECASE)
_REASON = regex(
    r"\b(?:can(?:not|'t)|could(?: not|n't)|rather than|instead of|would (?:block|deadlock|defeat|hang|leak|strand)"
    r"|(?:has|have|is|are|there's) no\b[^.]{0,30}\b(?:api|callback|event|hook|notification|signal|way))",
    re.IGNORECASE,
)
_ATTEMPTS = regex(r"(^|_)(attempt|retr(y|ie)|tries)", re.IGNORECASE)
_BEGUN = ("is_alive", "running")
_RATES = frozenset(("quota", "rate", "rates"))
_EXITS = (ast.Break, ast.Return, ast.Raise)


@dataclass(slots=True)
class _Turn:
    """What one turn of a loop does.

    Attributes:
        sleeps: its calls that sleep.
        ends: the conditions under which it leaves the loop.
        tests: its other conditions.
        assigned: what it assigns to local names.
        counted: the local names that it counts up or down.
    """

    sleeps: list[ast.Call] = field(default_factory=list)
    ends: list[ast.expr] = field(default_factory=list)
    tests: list[ast.expr] = field(default_factory=list)
    assigned: defaultdict[str, list[ast.expr]] = field(default_factory=lambda: defaultdict(list))
    counted: set[str] = field(default_factory=set)


class PollingLoop(Checker):
    """Loop that sleeps until a condition within this process changes.

    Why: whatever changes the condition could wake the waiter up. A poll wakes up for nothing until then, and notices the change
    up to one pause too late; under load, thousands of such loops are the load.

    Bad::

        import time

        class Worker:
            def __init__(self):
                self.ready = False

            def wait_until_ready(self):
                while not self.ready:
                    time.sleep(0.1)

    Good::

        import threading

        class Worker:
            def __init__(self):
                self.ready = threading.Event()

            def wait_until_ready(self):
                self.ready.wait()

    Limits: reports loops in which a turn does nothing but ask and sleep, log, or look at the time, and whose conditions are variables,
    attributes and containers of this process, events, threads, processes, futures, queues and locks. An attribute counts where this file
    stores it or shows its class.

    - Silent on loops that do other work, wait for a time or a count of turns only, wait for two kinds of things at once, or ask a
      function that this file does not show.
    - Files and the events of ``multiprocessing`` are outside of this process: other processes change them.
    - Silent where nothing could set an event: flags that only handlers of signals set (in sync loops), events whose clearing is waited for and that the
      file does not touch, quotas and rates that grow by themselves.
    - Silent on waits for the start of a thread, process or future, for several of them under one time limit, and on what the
      function has itself called and waited for.
    - Silent in loops that keep a script alive below ``if __name__ == "__main__":``, beside a branch that waits for the same thing, and
      in helpers of tests.
    - Silent where a comment or docstring says why the loop polls (``cannot be cancelled``, ``has no event``), or tells Ruff that ASYNC110 is meant.
    """

    code = "AIG013"
    slug = "polling-loop"
    since = "0.1.0"
    severity = "warning"
    message = "this loop sleeps and asks again until {condition} changes; wait for it with {instead}"
    in_tests = False
    ruff = (
        "Ruff's ASYNC110 (opt-in) reports a `while` in async code whose body is one awaited sleep; other bodies, `while True` "
        "with a break, and loops in sync code are only ours."
    )

    def is_possible(self) -> bool:
        index = self.module.index
        return bool(index.nodes(ast.While)) and not index.names_called().isdisjoint(
            knowledge.last_names("polls.sleep")
        )

    def visit_While(self, node: ast.While) -> Iterator[Finding]:
        turn = self._turn(node)
        if turn is None or not turn.sleeps or not turn.ends or _counts_items(turn):
            return
        asked, rest = (
            self._conditions.asked(part, turn.assigned, turn.counted) for part in (turn.ends, turn.tests)
        )
        if not (asked.is_known and rest.is_known):
            return
        if not asked.states or not self._is_one_wait(turn, asked) or self._keeps_alive(node):
            return
        if self._is_count_of_others(asked) or self._is_bounded_by_caller(node, turn) or _samples(node):
            return
        if self._is_settled(node, asked) or any(map(self._is_measure, asked.states)):
            return
        if any(self._waits_for_start(node, state) or _is_rate(state) for state in asked.states):
            return
        if all(self._is_parked(node, state) for state in asked.states):
            return
        if not self._has_no_call(turn, asked) and not self._is_meant(node):
            yield from self._report(node, turn, asked)

    def _applies(self) -> bool:
        return super()._applies() and not self.module.matches(_TEST_FOLDERS)

    def _keeps_alive(self, loop: ast.While) -> bool:
        """Whether a loop keeps a script alive: it stands under ``if __name__ == "__main__":``."""
        return self.module.index.function(loop) is None and any(
            map(is_main_guard, self.module.index.ancestors(loop))
        )

    @functools.cached_property
    def _conditions(self) -> Conditions:
        return Conditions(self.module)

    # -- what a turn does

    def _turn(self, loop: ast.While) -> _Turn | None:
        """What a turn of a loop does; ``None`` where that may be work."""
        turn = _Turn()
        if not (isinstance(loop.test, ast.Constant) and loop.test.value):
            turn.ends.append(loop.test)
        stack: list[ast.stmt] = list(loop.body)
        while stack:
            statement = stack.pop()
            if isinstance(statement, ast.If):
                self._branch(loop, statement, turn, stack)
            elif isinstance(statement, TRIES):
                stack += (*statement.body, *statement.orelse, *statement.finalbody)
                for handler in statement.handlers:
                    stack += () if isinstance(handler.body[-1], _EXITS) else handler.body
            elif isinstance(statement, (ast.With, ast.AsyncWith)):
                if any(isinstance(item.context_expr, ast.Call) for item in statement.items):
                    return None
                stack += statement.body
            elif isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
                if not self._assign(statement, turn):
                    return None
            elif isinstance(statement, ast.Expr):
                if not self._is_pause(statement.value, turn):
                    return None
            elif isinstance(statement, ast.Assert):
                turn.ends.append(statement.test)
            elif isinstance(statement, ast.Return):
                if statement.value is not None and _calls(statement.value):
                    return None
            elif not isinstance(statement, (ast.Pass, ast.Continue, ast.Break, ast.Raise)):
                return None
        return turn

    @staticmethod
    def _branch(loop: ast.While, statement: ast.If, turn: _Turn, stack: list[ast.stmt]) -> None:
        stays = isinstance(statement.body[-1], ast.Continue) and isinstance(loop.body[-1], _EXITS)
        blocks = [block for block in (statement.body, statement.orelse) if block]
        leaves = [isinstance(block[-1], _EXITS) for block in blocks]
        (turn.ends if stays or any(leaves) else turn.tests).append(statement.test)
        for block, is_exit in zip(blocks, leaves, strict=True):
            if not is_exit:
                stack += block

    def _assign(self, statement: ast.Assign | ast.AnnAssign | ast.AugAssign, turn: _Turn) -> bool:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        scope = self.module.index.scope(statement)
        for target in targets:
            if not isinstance(target, ast.Name) or self.module.scopes.owner(scope, target.id) is not scope:
                return False
            if isinstance(statement, ast.AugAssign) or _is_step(statement.value, target.id):
                turn.counted.add(target.id)
            if statement.value is not None:
                turn.assigned[target.id].append(statement.value)
                turn.tests.append(statement.value)
        return True

    def _is_pause(self, value: ast.expr, turn: _Turn) -> bool:
        """Whether an expression statement only sleeps or logs."""
        call = value.value if isinstance(value, ast.Await) else value
        if isinstance(call, ast.Constant):
            return True
        if not isinstance(call, ast.Call):
            return False
        row = knowledge.by_call("polls.sleep").get(self.module.called(call) or "")
        if row is not None and row["awaited"] is isinstance(value, ast.Await):
            turn.sleeps.append(call)
            return True
        if self.module.qualname(call.func) == "builtins.print":
            return not call.keywords and all(string(item) for item in call.args)
        return bool(_LOGS.search(dotted(call.func) or "")) and not any(
            map(_calls, (*call.args, *call.keywords))
        )

    # -- the finding

    @staticmethod
    def _is_one_wait(turn: _Turn, asked: Asked) -> bool:
        """Whether one call can wait for all that is asked: not for whichever of two threads ends first, or a thread or a flag."""
        kinds = {"flag" if state.row is None else state.kind for state in asked.states}
        subjects = {state.subject and ast.unparse(state.subject) for state in asked.states if state.row}
        if len(kinds) > 1 or len(subjects) < 2 or kinds == {"future"}:
            return len(kinds) == 1
        test = turn.ends[0]
        return len(turn.ends) == 1 and isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or)

    def _has_no_call(self, turn: _Turn, asked: Asked) -> bool:
        """Whether nothing waits for it within a limit: several threads or processes, or one's own key in a shared set."""
        return asked.is_timed and any(
            (state.row is not None and "untimed" in state.row)
            or (
                state.kind in ("thread", "process")
                and isinstance(self.module.index.scope(state.node), COMPREHENSIONS)
            )
            or (state.kind != "event" and self._is_own_key(state) and _counts_to_constant(turn))
            for state in asked.states
        )

    def _is_count_of_others(self, asked: Asked) -> bool:
        """Whether a loop waits until one number has come up to another, and the file changes neither after construction."""
        index = self.module.index
        nodes = [state.node for state in asked.states]
        for node in nodes:
            parent = index.parent(node)
            if not isinstance(node, ast.Attribute) or not isinstance(parent, ast.Compare):
                return False
            if not isinstance(parent.ops[0], ORDER):
                return False
        names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        return not any(
            item.attr in names
            and isinstance(item.ctx, ast.Store)
            and getattr(index.function(item), "name", "") != "__init__"
            for item in index.nodes(ast.Attribute)
        )

    def _stores(self, state: State) -> list[ast.Attribute]:
        """Where the file stores an attribute that a loop asks for, construction apart."""
        if not isinstance(state.node, ast.Attribute):
            return []
        attr, index = state.node.attr, self.module.index
        found = (
            item
            for item in index.nodes(ast.Attribute)
            if item.attr == attr and isinstance(item.ctx, ast.Store)
        )
        return [item for item in found if getattr(index.function(item), "name", "") != "__init__"]

    def _is_settled(self, loop: ast.While, asked: Asked) -> bool:
        """Whether all that changes what is asked has returned when the loop is reached: its function has called it itself, and
        nobody is given it."""
        index = self.module.index
        function = index.function(loop)
        if any(not isinstance(state.node, ast.Attribute) or state.row for state in asked.states):
            return False
        setters = {index.function(item) for state in asked.states for item in self._stores(state)}
        if not setters or function is None or function in setters or index.in_async(loop):
            return False
        for setter in setters:
            name = getattr(setter, "name", "")
            uses = [item for item in index.nodes(ast.Attribute) if item.attr == name]
            calls = [item for item in index.calls_named((name,)) if index.function(item) is function]
            if not any(item.lineno < loop.lineno for item in calls) or not all(
                isinstance(call := index.parent(item), ast.Call) and call.func is item for item in uses
            ):
                return False
        return True

    def _is_parked(self, loop: ast.While, state: State) -> bool:
        """Whether a loop only ends by being cancelled: nothing sets its private flag but the ``finally`` around it."""
        index = self.module.index
        node = state.node
        if state.kind == "event" and isinstance(state.subject, ast.Attribute):
            node = state.subject
        if not isinstance(node, ast.Attribute) or not node.attr.startswith("_"):
            return False
        changes: list[ast.AST] = []
        for item in index.nodes(ast.Attribute):
            if item.attr != node.attr or getattr(index.function(item), "name", "") == "__init__":
                continue
            parent = index.parent(item)
            if isinstance(item.ctx, ast.Store) or isinstance(parent, ast.Attribute) and parent.attr == "set":
                changes.append(item)
            elif state.kind == "event" and not isinstance(parent, ast.Attribute):
                return False  # handed on
        around = [
            item
            for parent in index.ancestors(loop)
            if isinstance(parent, TRIES) and index.function(parent) is index.function(loop)
            for item in parent.finalbody
        ]
        return bool(changes) and all(
            any(index.statement(change) is item for item in around) for change in changes
        )

    def _is_measure(self, state: State) -> bool:
        """Whether an attribute grows by fractions, as what is simulated or measured does: a threshold is no event."""
        index = self.module.index
        steps = [index.parent(item) for item in self._stores(state)]
        return any(
            isinstance(step, ast.AugAssign)
            and any(
                isinstance(part, ast.BinOp) and isinstance(part.op, ast.Div) for part in ast.walk(step.value)
            )
            for step in steps
        )

    def _waits_for_start(self, loop: ast.While, state: State) -> bool:
        """Whether a loop waits until a thread, process or future has begun: what waits for them waits for their end."""
        node = state.node
        return (
            isinstance(node, ast.Call)
            and last_name(node.func) in _BEGUN
            and self._waits_for_truth(loop, node)
        )

    def _is_bounded_by_caller(self, loop: ast.While, turn: _Turn) -> bool:
        """Whether a loop counts down the attempts that its function is given: ``while attempts:``."""
        function = self.module.index.function(loop)
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return False
        return any(item.arg in turn.counted and _ATTEMPTS.search(item.arg) for item in parameters(function))

    def _is_own_key(self, state: State) -> bool:
        """Whether a loop asks whether something that it has is in an attribute: ``peer in self.known``."""
        parent = self.module.index.parent(state.node)
        return (
            isinstance(state.node, ast.Attribute)
            and isinstance(parent, ast.Compare)
            and isinstance(parent.ops[0], (ast.In, ast.NotIn))
            and parent.comparators[0] is state.node
            and isinstance(parent.left, ast.Name)
        )

    def _is_meant(self, loop: ast.While) -> bool:
        """Whether a comment tells Ruff so, or says why nothing else will do, as the docstring of the function may."""
        comments = self.module.comments.all
        first = loop.lineno
        while first - 1 in comments and self.module.lines[first - 2].lstrip().startswith("#"):
            first -= 1
        texts = [comments.get(line, "") for line in range(first, (loop.test.end_lineno or loop.lineno) + 1)]
        if any(map(_MEANT.search, texts)):
            return True
        function = self.module.index.function(loop)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            texts.append(ast.get_docstring(function, clean=False) or "")
            owner = self.module.index.class_of(function)
            texts.append("" if owner is None else ast.get_docstring(owner, clean=False) or "")
        said = " ".join(texts)
        if _SIGNAL.search(said) and not self.module.index.in_async(loop):
            return True
        return bool(_POLLS.search(said) and _REASON.search(said))

    def _report(self, node: ast.While, turn: _Turn, asked: Asked) -> Iterator[Finding]:
        state = min(asked.states, key=_position)
        is_clearing = state.kind == "event" and not self._waits_for_truth(node, state.node)
        if is_clearing and not self._conditions.is_told(state):
            return  # nothing here could notify of it
        if not self.module.index.in_async(node) and self._conditions.is_set_by_signal(state):
            return
        if self._waits_elsewhere(node, state) or _sleeps_the_rest(node, turn) or self._is_measured(turn):
            return
        yield from self.found(
            node,
            condition=ast.unparse(state.node),
            instead=self._lock(turn)
            if self._is_lock(node, state)
            else self._instead(state, turn, is_timed=asked.is_timed, is_clearing=is_clearing),
            ruff=self._ruff(node, turn),
        )

    def _is_measured(self, turn: _Turn) -> bool:
        """Whether a loop waits for measurements to be better: ``while max(self.loads[-3:]) > 60``."""
        return any(
            isinstance(part, ast.Call) and self.module.qualname(part.func) in _MEASURES
            for test in turn.ends
            for part in ast.walk(test)
        )

    def _waits_elsewhere(self, loop: ast.While, state: State) -> bool:
        """Whether the other branch of an ``if`` around a loop waits for the same thing: here something keeps it from that."""
        if state.subject is None:
            return False
        waited = f"{ast.unparse(state.subject)}.wait"
        child: ast.AST = loop
        for parent in self.module.index.ancestors(loop):
            if isinstance(parent, FUNCTIONS):
                return False
            if isinstance(parent, ast.If):
                other = parent.orelse if child in parent.body else parent.body
                if any(
                    isinstance(node, ast.Call) and dotted(node.func) == waited
                    for statement in other
                    for node in ast.walk(statement)
                ):
                    return True
            child = parent
        return False

    def _instead(self, state: State, turn: _Turn, *, is_timed: bool, is_clearing: bool) -> str:
        in_async = self.module.index.in_async(turn.sleeps[0])
        if state.row is not None and not is_clearing:
            return self._ready_made(state, state.row, in_async=in_async, is_timed=is_timed)
        if isinstance(state.node, ast.Name) and any(map(_keeps_undone, turn.assigned[state.node.id])):
            wait = "await asyncio.wait" if in_async else "concurrent.futures.wait"
            limit = "timeout=..., " if is_timed else ""
            return f"{wait}({state.node.id}, {limit}return_when=FIRST_COMPLETED)"
        library, thing = self._library(turn)
        within = _WITHIN.get(library, "") if is_timed else ""
        if is_clearing:
            return f"{thing}.Condition{within}, as an event cannot be waited for to be cleared"
        if state.kind == "container" and not self._conditions.asks_for_presence(state):
            return f"a queue, or {thing}.Condition that is notified of the change{within}"
        if in_async and self._conditions.is_set_by_callback(state):
            return f"{thing}.Event that is set where it changes, through loop.call_soon_threadsafe(){within}"
        return f"{thing}.Event that is set where it changes{within}"

    def _library(self, turn: _Turn) -> tuple[str, str]:
        """The library whose locks and events a loop can wait for, and how a sentence begins that names one."""
        sleep = turn.sleeps[0]
        library = "asyncio" if self.module.index.in_async(sleep) else "threading"
        if isinstance(self.module.index.parent(sleep), ast.Await):
            library = (self.module.called(sleep) or library).partition(".")[0]
        return library, f"a{'n' * (library[0] == 'a')} {library}"

    def _is_lock(self, loop: ast.While, state: State) -> bool:
        """Whether a flag is a lock made by hand: who has waited until it is false sets it, and clears it at the end."""
        index = self.module.index
        text = dotted(state.node)
        if state.kind != "flag" or text is None or self._waits_for_truth(loop, state.node):
            return False
        function = index.function(loop)
        waits: list[ast.AST] = [loop]
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            waits += index.calls_named((function.name,))
        return any(self._is_held_after(wait, text) for wait in waits)

    def _is_held_after(self, wait: ast.AST, text: str) -> bool:
        """Whether the function that has waited sets a flag, and clears it further down."""
        index = self.module.index
        start: int = getattr(wait, "end_lineno", 0)
        held = False
        for item in index.nodes(ast.Assign):
            if item.lineno <= start or index.function(item) is not index.function(wait):
                continue
            if dotted(item.targets[0]) == text:
                held = held or is_constant(item.value, True)
                if held and is_constant(item.value, False):
                    return True
        return False

    def _lock(self, turn: _Turn) -> str:
        return f"{self._library(turn)[1]}.Lock, held where it is set: between the question and the setting another one may get in"

    def _ready_made(self, state: State, row: knowledge.Row, *, in_async: bool, is_timed: bool) -> str:
        column = "instead_async" if in_async else "instead"
        if in_async and "instead_built" in row and self._conditions.is_built_beside(state):
            column = "instead_built"
        text: str = row.get(f"{column}_timed" if is_timed else column, row[column])
        return text.format(object="it" if state.subject is None else ast.unparse(state.subject))

    def _waits_for_truth(self, loop: ast.While, node: ast.expr) -> bool:
        """Whether the loop ends when a part of its conditions becomes true."""
        index = self.module.index
        truth = True
        for parent in index.ancestors(node):
            if isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not):
                truth = not truth
            if parent is loop:
                return not truth
            if isinstance(parent, ast.If):
                return truth
        return True

    def _ruff(self, node: ast.While, turn: _Turn) -> str | None:
        """ASYNC110 where it reports the loop: where the body is one awaited sleep."""
        value = getattr(node.body[0], "value", None)
        if len(node.body) > 1 or not isinstance(value, ast.Await):
            return None
        name = self.module.imports.imported(turn.sleeps[0].func) or ""
        row = knowledge.by_call("polls.sleep").get(name, {})
        return "ASYNC110" if name.partition(".")[0] in row.get("ruff", ()) else None


def _is_rate(state: State) -> bool:
    """Whether an attribute is a rate: it falls as time goes by, and who waits for that is throttled."""
    return isinstance(state.node, ast.Attribute) and not _RATES.isdisjoint(words(state.node.attr))


def _position(state: State) -> tuple[bool, int, int]:
    return state.row is None, state.node.lineno, state.node.col_offset


def _is_step(value: ast.expr | None, name: str) -> bool:
    """Whether a value is computed from the variable that it is assigned to: ``tries = tries + 1``."""
    return isinstance(value, ast.BinOp) and any(item.id == name for item in names_in(value))


def _counts_to_constant(turn: _Turn) -> bool:
    """Whether the loop ends after a number of turns that is written out."""
    return any(
        isinstance(item, ast.Compare)
        and isinstance(item.left, ast.Name)
        and item.left.id in turn.counted
        and (
            isinstance(item.comparators[0], ast.Constant) or (last_name(item.comparators[0]) or "").isupper()
        )
        for end in turn.ends
        for item in ast.walk(end)
    )


def _samples(loop: ast.While) -> bool:
    """Whether a loop leaves when something has not changed since the last turn: ``if count == seen: break``, then ``seen = count``."""
    kept = {}
    for item in ast.walk(loop):
        if isinstance(item, ast.NamedExpr):
            kept[item.target.id] = ast.unparse(item.value)
        elif isinstance(item, ast.Assign) and isinstance(item.targets[0], ast.Name):
            kept[item.targets[0].id] = ast.unparse(item.value)
    return any(
        isinstance(item, ast.Compare)
        and isinstance(item.ops[0], (ast.Eq, ast.NotEq))
        and any(
            isinstance(one, ast.Name) and kept.get(one.id) == ast.unparse(other)
            for one, other in ((item.left, item.comparators[0]), (item.comparators[0], item.left))
        )
        for item in ast.walk(loop)
    )


def _counts_items(turn: _Turn) -> bool:
    """Whether the loop goes through something by a count of its own: ``while n < len(items)``."""
    test = turn.ends[0]
    return (
        len(turn.ends) == 1
        and isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Name)
        and test.left.id in turn.counted
        and isinstance(test.comparators[0], ast.Call)
        and last_name(test.comparators[0].func) == "len"
    )


def _keeps_undone(value: ast.expr) -> bool:
    """``[task for task in tasks if not task.done()]``."""
    return isinstance(value, ast.ListComp) and any(
        isinstance(test, ast.UnaryOp)
        and isinstance(test.operand, ast.Call)
        and isinstance(test.operand.func, ast.Attribute)
        and test.operand.func.attr == "done"
        for test in value.generators[0].ifs
    )


def _sleeps_the_rest(loop: ast.While, turn: _Turn) -> bool:
    """Whether a loop waits for a time: ``while (left := self.due - now()) > 0: sleep(min(left, 1))``."""
    slept = {name.id for sleep in turn.sleeps for item in sleep.args for name in names_in(item)}
    left = loop.test.left if isinstance(loop.test, ast.Compare) else None
    if isinstance(left, ast.NamedExpr):
        return left.target.id in slept
    # now = clock(); if now >= self.due: return; sleep(self.due - now)
    asked = {
        item.left.id
        for item in turn.ends
        if isinstance(item, ast.Compare) and isinstance(item.left, ast.Name)
    }
    for sleep in turn.sleeps:
        pause = sleep.args[0] if sleep.args else None
        if (
            isinstance(pause, ast.BinOp)
            and isinstance(pause.op, ast.Sub)
            and isinstance(pause.right, ast.Name)
            and pause.right.id in asked
            and any(map(_calls, turn.assigned.get(pause.right.id, ())))
        ):
            return True
    # left = self.due - now(); if left <= 0: raise TimeoutError; sleep(left)
    whole = {item.id for sleep in turn.sleeps for item in sleep.args if isinstance(item, ast.Name)}
    return any(
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Name)
        and test.left.id in whole
        and any(map(_is_rest, turn.assigned.get(test.left.id, ())))
        for test in turn.ends
    )


def _is_rest(value: ast.expr) -> bool:
    """Whether a value is a time less that of a clock."""
    return isinstance(value, ast.BinOp) and isinstance(value.op, ast.Sub) and _calls(value.right)


def _calls(node: ast.AST) -> bool:
    return any(isinstance(item, (ast.Call, ast.Await)) for item in ast.walk(node))


_MEASURES = ("builtins.max", "builtins.min", "builtins.sum", "statistics.fmean", "statistics.mean")
# How to wait for at most some time.
_WITHIN = {
    "threading": ", by wait(timeout=...)",
    "asyncio": ", by asyncio.wait_for(..., timeout=...)",
    "anyio": ", under anyio.move_on_after(...)",
    "trio": ", under trio.move_on_after(...)",
}
