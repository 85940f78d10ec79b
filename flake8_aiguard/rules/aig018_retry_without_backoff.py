"""AIG018: a retry that has no bound, or does not wait."""

from __future__ import annotations

import ast
import functools
import re
import sys
from collections.abc import Iterable, Iterator

from flake8_aiguard import knowledge
from flake8_aiguard.attempts import AttemptLoops, Attempts, attempt_loops
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.courses import Course, Courses, Pause
from flake8_aiguard.regex import regex
from flake8_aiguard.retries import Errors, Policies, Policy, Wait, are_possible
from flake8_aiguard.shapes import argument, is_constant, last_name, string
from flake8_aiguard.timeouts import Timeouts


class RetryWithoutBackoff(Checker):
    """Retry that never gives up, does not wait, or waits the same time for everybody.

    Why: attempts that follow at once hit a service while it is down, and all its clients hit it together when it comes back; attempts
    without an end turn an outage into a hang. Pauses that grow, with some randomness, spread the load.

    Bad::

        import requests

        def fetch(url):
            for attempt in range(3):
                try:
                    return requests.get(url, timeout=5)
                except requests.RequestException:
                    continue

    Good::

        import random
        import time

        import requests

        def fetch(url):
            for attempt in range(3):
                try:
                    return requests.get(url, timeout=5)
                except requests.RequestException:
                    if attempt == 2:
                        raise
                    time.sleep(2**attempt + random.random())

    Limits: reads the policies of tenacity, backoff, stamina, retrying, google.api_core and urllib3 where they are written out, and loops
    around one ``try`` that success leaves and failure repeats. Pauses that grow are fine with and without jitter, as are those whose
    length the file does not show. One retry in all is left alone.

    - Silent where it is no retry: the loop goes on after success, through different items (another host or port for each attempt), or
      another way after a failure, be it that a list of what has failed goes along.
    - Silent on errors which waiting does not mend (a value, a key, an answer that cannot be parsed, a file that exists), expiries,
      signals and interrupted calls.
    - Silent on waits for something to be there, for a person or for a change that somebody else made first, and on what only touches this machine.
    - Silent where the client retries by itself (``OpenAI()``, botocore), or a command is run again until a deadline.
    - An endless loop may be meant: its comment, docstring or log text says so, its error says that the other side is not there yet, or
      it waits a random or growing time.
    - Fixed pauses count in policies and around calls or errors of a network client; not where a comment gives their length, in polls, conflicts
      and deadlines, in attempts that end within ten seconds, or under 0.1 s.
    - Silent in tests, where three attempts at once have each waited for their ``timeout``, and around a desktop program's windows.
    """

    code = "AIG018"
    slug = "retry-without-backoff"
    since = "0.1.0"
    severity = "warning"
    message = "{what} retries forever{more}; {advice}"
    triggers = ("except", "etr", "backoff", "stamina")

    def is_possible(self) -> bool:
        return are_possible(self.module)

    def finish(self) -> Iterable[Finding]:
        for policy in self._policies.made():
            yield from self._policy(policy)
        source = self.module.source
        if "retry" in source and "autoretry_for" in source:
            for call in self.module.index.nodes(ast.Call):
                yield from self._task(call)
        for attempts in self.module.shared(attempt_loops):
            yield from self._loop(attempts)

    @functools.cached_property
    def _policies(self) -> Policies:
        return Policies(self.module)

    @functools.cached_property
    def _loops(self) -> AttemptLoops:
        return AttemptLoops(self.module)

    @functools.cached_property
    def _courses(self) -> Courses:
        return Courses(self.module)

    @functools.cached_property
    def _timeouts(self) -> Timeouts:
        return Timeouts(self.module)

    @functools.cached_property
    def _has_sleep(self) -> bool:
        """Whether the file sleeps at all."""
        return bool(self.module.index.calls_named(knowledge.last_names("polls.sleep")))

    # -- libraries

    def _policy(self, policy: Policy) -> Iterator[Finding]:
        row, wait = policy.row, self._policies.wait(policy)
        if not self._policies.is_bounded(policy):
            if wait is Wait.FINE and (
                self._is_awaited(policy)
                or self._is_swap(policy)
                or self._is_meant_to_go_on(policy)
                or self._is_asked_for(policy)
            ):
                return
            more, advice = "", f"give it {row['stop']}"
            if wait is Wait.NONE:
                more, advice = " and without a pause", f"{advice} and {row['wait']}"
            yield from self.found(policy.node, what=policy.shown, more=more, advice=advice)
            return
        attempts = self._policies.attempts(policy)
        retried = self.module.index.parent(policy.node)
        if isinstance(retried, (ast.FunctionDef, ast.AsyncFunctionDef)) and self._loops.only_reads_text(
            retried
        ):
            return
        if wait is Wait.FINE or (attempts is not None and attempts <= _FEW):
            return
        errors = self._policies.errors(policy)
        is_poll = bool(row.get("polls")) or "result" in (errors.names or ()) or self._polls(policy)
        if errors.are("answer") or (wait is Wait.FIXED and (is_poll or self._is_short(policy))):
            return
        if errors.names and all(map(_SWAPS.search, errors.names)):
            return  # compare and swap: the next attempt reads anew
        if errors.names and all(map(_LASTING.search, errors.names)):
            return  # waiting does not mend it, or a model is asked for another answer
        if wait is Wait.FIXED and self._is_condition(policy, errors):
            return
        if row["kind"] == "adapter":
            if not self._sets_factor and not self._is_only_asked(policy):
                yield from self.found(
                    policy.node, message=_AT_ONCE, what=policy.shown, wait=f"pass {row['wait']}"
                )
        elif wait is Wait.NONE:
            yield from self.found(
                policy.node, message=_AT_ONCE, what=policy.shown, wait=f"give it {row['wait']}"
            )
        elif wait is Wait.ZERO_FIRST:
            yield from self.found(
                policy.node, message=_FIRST, what=policy.shown, why="its first pause is zero"
            )
        elif not self._awaits_state(policy) and not any(
            _FIXED_MEANT.search(text) for text in self._texts(policy)
        ):
            yield from self.found(policy.node, message=_FIXED, what=policy.shown)

    def _polls(self, policy: Policy) -> bool:
        """Whether a function is asked again because of its result alone, until a deadline or as it is named for waiting."""
        function = self.module.index.parent(policy.node)
        given = () if policy.call is None else policy.call.keywords
        return (
            isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
            and (_WAITS.search(function.name) is not None or self._deadline(policy) is not None)
            and {"retry_on_result"} == {item.arg for item in given if (item.arg or "").startswith("retry")}
        )

    @staticmethod
    def _awaits_state(policy: Policy) -> bool:
        """Whether a predicate, by its name, knows a state of the other side that passes: ``retry_if_exception(is_busy)``."""
        given = [] if policy.call is None else [item.value for item in policy.call.keywords]
        return any(
            _PASSES.search(last_name(part) or "")
            for value in given
            if isinstance(value, ast.Call)
            for part in value.args
        )

    def _is_asked_for(self, policy: Policy) -> bool:
        """Whether no error is retried but what the function raises to be called again: ``retry=retry_never`` and ``TryAgain``."""
        given = () if policy.call is None else policy.call.keywords
        return any(item.arg == "retry" and self.module.qualname(item.value) in _ON_REQUEST for item in given)

    def _is_meant_to_go_on(self, policy: Policy) -> bool:
        """Whether what is retried is an expiry, which comes again and again, or a comment says that attempts never end."""
        names = self._policies.errors(policy).names
        if names and (all(map(_EXPIRES.search, names)) or all(map(_COMES_UP.search, names))):
            return True
        if self._is_configured(policy) and self._raises(
            self.module.index.parent(policy.node), self._policies.errors(policy)
        ):
            return True  # a step without which there is nothing to do: the pauses are the operator's choice
        return any(_NO_END.search(text) or _UNTIL.search(text) for text in self._texts(policy))

    def _texts(self, policy: Policy) -> Iterator[str]:
        """What is said of a policy: comments above and beside it, and the docstring of the function that it is in or decorates."""
        yield from self._comments(policy)
        end = policy.node.end_lineno or policy.node.lineno
        yield from self.module.comments.near(*range(policy.node.lineno, end + 1))
        for outer in (self.module.index.parent(policy.node), self.module.index.function(policy.node)):
            if isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield ast.get_docstring(outer) or ""

    @staticmethod
    def _is_configured(policy: Policy) -> bool:
        """Whether the longest pause is an option: ``max=self.conf.max_retry_interval``."""
        given = () if policy.call is None else ast.walk(policy.call)
        return any(
            isinstance(item, ast.keyword) and item.arg == "max" and isinstance(item.value, ast.Attribute)
            for item in given
        )

    def _comments(self, policy: Policy) -> Iterator[str]:
        """The comments above a policy, above the function that it decorates and above the one around that."""
        starts = [policy.node.lineno]
        for outer in (self.module.index.parent(policy.node), self.module.index.function(policy.node)):
            if isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef)):
                starts += [item.lineno for item in (outer, *outer.decorator_list)]
        yield from map(self.module.comments.above, starts)

    def _is_short(self, policy: Policy) -> bool:
        """Whether a deadline ends all attempts within seconds: what is waited for just comes up."""
        found = self._deadline(policy)
        seconds = None if found is None else self._courses.constant(found[0])
        return found is not None and seconds is not None and seconds * found[1] <= _SHORT

    def _deadline(self, policy: Policy) -> tuple[ast.expr, float] | None:
        """What bounds all attempts of a policy together, and how many seconds its unit has."""
        for row in knowledge.rows("retries.deadline"):
            if self.module.qualname(policy.call.func if policy.call else policy.node) not in row["policies"]:
                continue
            value = self._policies.given(policy, row["bound"])
            if row["calls"]:
                is_one = isinstance(value, ast.Call) and self.module.qualname(value.func) in row["calls"]
                value = (
                    argument(value, row["parameter"], 0) if is_one and isinstance(value, ast.Call) else None
                )
            if value is not None:
                return value, row["seconds"]
        return None

    def _is_awaited(self, policy: Policy) -> bool:
        """Whether a function that is named for waiting polls for something, as long as that takes."""
        function = self.module.index.parent(policy.node)
        is_wait = isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) and _WAITS.search(
            function.name
        )
        return bool(is_wait) and self._raises(function, self._policies.errors(policy))

    def _is_swap(self, policy: Policy) -> bool:
        """Whether only an answer is tried for again: a compare and swap, which has to win, after a random time; a state that may also be the end."""
        given = (
            [] if policy.call is None else [*policy.call.args, *(item.value for item in policy.call.keywords)]
        )
        is_random = any(
            "random" in (last_name(node) or "") or "jitter" in (last_name(node) or "")
            for value in given
            for node in ast.walk(self._policies.value(value))
        )
        if self._policies.errors(policy).names != frozenset({"result"}):
            return False
        function = self.module.index.parent(policy.node)
        return is_random or (
            isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
            and any(isinstance(node, ast.Raise) for node in ast.walk(function))
        )

    def _is_condition(self, policy: Policy, errors: Errors) -> bool:
        """Whether a function polls a condition of its own, until a deadline."""
        return self._deadline(policy) is not None and self._raises(
            self.module.index.parent(policy.node), errors
        )

    @staticmethod
    def _raises(function: ast.AST | None, errors: Errors) -> bool:
        """Whether a function itself raises all that it is retried for."""
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) or not errors.names:
            return False
        raised = {
            last_name(node.exc.func if isinstance(node.exc, ast.Call) else node.exc)
            for node in ast.walk(function)
            if isinstance(node, ast.Raise) and node.exc is not None
        }
        return errors.names <= raised

    def _is_only_asked(self, policy: Policy) -> bool:
        """Whether a policy is kept in an attribute that this file only calls methods on, as ``parse_retry_after()``."""
        index = self.module.index
        holder = index.parent(policy.node)
        target = holder.targets[0] if isinstance(holder, ast.Assign) else None
        if not isinstance(target, ast.Attribute):
            return False
        uses = [
            index.parent(node)
            for node in index.nodes(ast.Attribute)
            if node.attr == target.attr and isinstance(node.ctx, ast.Load)
        ]
        return bool(uses) and all(isinstance(use, ast.Attribute) and use.attr in _ASKED for use in uses)

    def _task(self, call: ast.Call) -> Iterator[Finding]:
        """A Celery task with ``autoretry_for``; its defaults are three retries, three minutes apart."""
        found = self._policies.task_wait(call)
        if found is None:
            return
        is_bounded, wait = found
        if not is_bounded:
            yield from self.found(
                call, what="autoretry_for", more="", advice="give it a number as max_retries"
            )
        elif wait is Wait.NONE:
            yield from self.found(
                call, message=_AT_ONCE, what="autoretry_for", wait="give it retry_backoff=True"
            )

    @functools.cached_property
    def _sets_factor(self) -> bool:
        """Whether the file gives a policy its factor afterwards."""
        return any(
            node.attr == "backoff_factor" and isinstance(node.ctx, ast.Store)
            for node in self.module.index.nodes(ast.Attribute)
        )

    # -- loops

    def _loop(self, attempts: Attempts) -> Iterator[Finding]:
        if self._loops.changes_approach(attempts) or self._loops.is_local(attempts):
            return
        if self._loops.waits_itself(attempts) or self._waits_for_lock(attempts):
            return
        if self._is_signalled(attempts):
            return
        for handler in attempts.handlers:
            errors = self._policies.types(handler.type)
            if errors.are("wait", "absent", "conflict") or self._is_own(attempts, handler, errors):
                continue
            if _is_interrupted(handler, errors):
                continue
            is_final = errors.are("local", "answer", "conflict", "wait", "absent")
            if is_final and not self._has_sleep:
                continue
            course = self._courses.course(attempts, handler)
            if is_final and not _sleeps(course):
                continue
            found = [*self._judge(attempts, handler, course, errors)]
            if found:
                yield from found
                return

    def _is_own(self, attempts: Attempts, handler: ast.ExceptHandler, errors: Errors) -> bool:
        """Whether a handler is for the lock of a database file, or for a race on an object of this process."""
        types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        if all(
            item is not None and (self.module.qualname(item) or "").startswith("sqlite3.") for item in types
        ):
            return True
        if errors.names != frozenset({"RuntimeError"}):
            return False
        inside = [node for item in attempts.trial.body for node in ast.walk(item)]
        return not any(isinstance(node, ast.Await) for node in inside) and all(
            self._is_in_memory(node) for node in inside if isinstance(node, ast.Call)
        )

    def _is_signalled(self, attempts: Attempts) -> bool:
        """Whether a loop starts anew where somebody asks for that by an exception: no attempt has failed."""
        names = {
            name for handler in attempts.handlers for name in self._policies.types(handler.type).names or ()
        }
        return bool(names) and all(map(_SIGNALS.search, names))

    @staticmethod
    def _waits_for_lock(attempts: Attempts) -> bool:
        """Whether a loop is one wait for a lock, in slices: ``lock.acquire(timeout=1)``, and nothing but the next one where it fails."""
        if any(not isinstance(item, _GOES_ON) for handler in attempts.handlers for item in handler.body):
            return False
        calls = [
            node for item in attempts.trial.body for node in ast.walk(item) if isinstance(node, ast.Call)
        ]
        return (
            len(calls) == 1
            and any(item.arg == "timeout" for item in calls[0].keywords)
            and any(
                isinstance(item, ast.Attribute) and item.attr == "acquire"
                for item in (calls[0].func, *calls[0].args[:1])
            )
        )

    def _waits_for_peer(self, attempts: Attempts, errors: Errors) -> bool:
        """Whether a loop blocks until the other side is up, as a comment says, and says so each turn: the call's own timeout paces it."""
        names = errors.names or frozenset()
        if len(names) != 1 or not all(_TIMES_OUT.search(name) for name in names):
            return False
        speaks = all(
            any(isinstance(node, ast.Call) and last_name(node.func) in _SAYS for node in ast.walk(handler))
            for handler in attempts.handlers
        )
        lines = range(attempts.loop.lineno, (attempts.loop.end_lineno or attempts.loop.lineno) + 1)
        return speaks and any(_AWAITS.search(str(text)) for text in self.module.comments.near(*lines))

    @staticmethod
    def _is_clock(attempts: Attempts, call: ast.AST) -> bool:
        """Whether the loop adds up what it sleeps, so that its bound is a time: ``time.sleep(step); waited += step``."""
        if not isinstance(attempts.loop, ast.While) or not isinstance(call, ast.Call) or not call.args:
            return False
        tested = {node.id for node in ast.walk(attempts.loop.test) if isinstance(node, ast.Name)}
        is_timed = bool(_LIMITS.search(ast.unparse(attempts.loop.test)))
        return any(
            isinstance(node, ast.AugAssign)
            and isinstance(node.op, ast.Add)
            and isinstance(node.target, ast.Name)
            and node.target.id in tested
            and ast.dump(node.value) == ast.dump(call.args[0])
            and (is_timed or not is_constant(node.value, 1))
            for node in ast.walk(attempts.loop)
        )

    def _is_in_memory(self, call: ast.Call) -> bool:
        name = self.module.qualname(call.func)
        if name is not None:
            return name.startswith("builtins.")
        return isinstance(call.func, ast.Attribute) and call.func.attr in _VIEWS

    def _is_remote(self, attempts: Attempts) -> bool:
        """Whether what is attempted provably asks another machine: by a call, or by the error that is caught."""
        called = [
            self.module.called(node)
            for item in attempts.trial.body
            for node in ast.walk(item)
            if isinstance(node, ast.Call)
        ]
        caught = [
            self.module.qualname(node)
            for handler in attempts.handlers
            for node in ([] if handler.type is None else ast.walk(handler.type))
            if isinstance(node, (ast.Name, ast.Attribute))
        ]
        return any(
            name in _BROKEN or (name or "").partition(".")[0] in _remote() for name in (*called, *caught)
        )

    @staticmethod
    def _asks_client(attempts: Attempts) -> bool:
        """Whether what is attempted asks something that is named for a client of another machine."""
        return any(
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and _CLIENT.search(last_name(node.func.value) or "")
            for item in attempts.trial.body
            for node in ast.walk(item)
        )

    def _is_meant(self, attempts: Attempts, course: Course, errors: Errors) -> bool:
        """Whether a loop pauses until one thing is over, for as long as that takes, as its function says."""
        function = self.module.index.function(attempts.loop)
        is_one = errors.names is not None and len(errors.names) == 1 and not errors.names & _ANY
        if not (is_one and course.gaps and all(course.gaps)) or function is None:
            return False
        said = isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) and ast.get_docstring(function)
        return bool(said and _ENDLESS.search(said))

    def _is_explained(self, attempts: Attempts, course: Course) -> bool:
        """Whether a comment or log text beside the failure says that a loop with a pause goes on until the other side is back."""
        if not (course.gaps and all(any(pause.is_sleep for pause in gap) for gap in course.gaps)):
            return False
        texts = [string(node) or "" for handler in attempts.handlers for node in ast.walk(handler)]
        end = attempts.loop.end_lineno or attempts.loop.lineno
        texts += map(str, self.module.comments.near(*range(attempts.loop.lineno, end + 1)))
        return any(_GOES_ON_UNTIL.search(text) or _NO_END.search(text) for text in texts)

    def _retries_itself(self, attempts: Attempts) -> bool:
        """Whether all that is awaited of an attempt is a client that pauses and retries by itself; the loop is there for answers that are of no use."""
        calls = [
            node for item in attempts.trial.body for node in ast.walk(item) if isinstance(node, ast.Call)
        ]
        asked = [made for call in calls for made in self._made(call.func)]
        return bool(asked) and all(
            self.module.qualname(made.func) in _RETRY_THEMSELVES
            and not is_constant(argument(made, "max_retries"), 0)
            for made in asked
        )

    def _made(self, function: ast.expr) -> list[ast.Call]:
        """The constructions of the client that a method, or a method of a part of it, is called on."""
        node = function
        while isinstance(node, ast.Attribute):
            node = node.value
            found = [
                item
                for item in ast.walk(self._policies.value(node))
                if isinstance(item, ast.Call) and (last_name(item.func) or "")[:1].isupper()
            ]
            if found:
                return found
        return []

    def _judge(
        self, attempts: Attempts, handler: ast.ExceptHandler, course: Course, errors: Errors
    ) -> Iterator[Finding]:
        """The worst that is to be said of a loop."""
        loop, gaps = attempts.loop, course.gaps
        is_wait = self._is_wait(loop) or any(_POLLED.search(_text(pause)) for gap in gaps for pause in gap)
        is_transient = errors.names is None or not any(map(_LASTING.search, errors.names))
        repairs = self._loops.repairs(attempts)
        is_plain = is_transient and not repairs
        if course.ends is False and not is_wait and is_plain and not errors.are("over"):
            if not (
                self._is_meant(attempts, course, errors)
                or self._is_explained(attempts, course)
                or self._waits_for_peer(attempts, errors)
                or self._timeouts.is_guarded(loop)
                or self._is_invoked(loop)
            ):
                yield from self.found(loop, what="this loop", more="", advice=_BOUND)
        elif len(gaps) >= _FEW and not any(gaps):
            is_meant = (
                errors.are("over")
                or (
                    errors.are("timeout")
                    and (not self._is_remote(attempts) or (len(gaps) <= _WAITED and _is_limited(attempts)))
                )
                or self._loops.clashes(attempts)
                or (not attempts.is_strict and self._retries_itself(attempts))
                or _asks_store(attempts)
                or self._is_of_aws(handler)
                or self._is_timed_command(handler)
                or self._would_freeze(attempts)
            )
            if is_plain and not is_meant and not self._loops.may_pause(attempts, handler):
                yield from self.found(loop, message=_AT_ONCE, what="this loop", wait=_PAUSE)
        elif is_wait or not attempts.is_strict:
            pass  # a poll
        elif any(self._is_clock(attempts, pause.call) for gap in (*gaps, course.tail) for pause in gap):
            pass  # a deadline
        elif len(gaps) >= _FEW and _starts_at_zero(gaps):
            first = gaps[0][0]
            yield from self.found(
                first.call,
                message=_FIRST,
                what="this loop",
                why=f"{_text(first)} is a pause of zero at first",
            )
        elif len(gaps) >= _FEW and all(
            pause.is_sleep and pause.seconds is not None for gap in gaps for pause in gap
        ):
            sums = [sum(pause.seconds or 0 for pause in gap) for gap in gaps]
            pause = next(pause for gap in gaps for pause in gap)
            if not any(sums) and not self._waits_elsewhere(attempts, gaps):
                yield from self.found(pause.call, message=_AT_ONCE, what="this loop", wait=_PAUSE)
            elif gaps[0] and sums[0] <= 0 < sums[-1]:
                yield from self.found(
                    pause.call,
                    message=_FIRST,
                    what="this loop",
                    why=f"{_text(pause)} is a pause of zero at first",
                )
            elif len(set(sums)) == 1 and course.ends and len(gaps) < _POLLS:
                found = [*self._tail(attempts, course)]
                if self._loops.clashes(attempts):
                    yield from found
                elif self.module.is_test or sums[0] < _BRIEF:
                    pass
                elif self._is_remote(attempts) or self._asks_client(attempts):
                    fixed = self.found(pause.call, message=_FIXED, what=f"with {_text(pause)} this loop")
                    yield from found or fixed
                elif sums[0] >= _LONG:
                    yield from found
            else:
                yield from self._tail(attempts, course)
        else:
            yield from self._tail(attempts, course)

    def _is_of_aws(self, handler: ast.ExceptHandler) -> bool:
        """Whether an error is one of botocore, which has paused and retried by itself before it raises."""
        types = [] if handler.type is None else ast.walk(handler.type)
        return any(
            (self.module.qualname(item) or "").startswith("botocore.")
            for item in types
            if isinstance(item, (ast.Attribute, ast.Name))
        )

    def _is_timed_command(self, handler: ast.ExceptHandler) -> bool:
        """Whether a command is run again until a deadline: how long each run takes is the pause."""
        if handler.type is None or self.module.qualname(handler.type) != "subprocess.CalledProcessError":
            return False
        return any(
            _DEADLINE.search(last_name(node) or "")
            for item in handler.body
            if isinstance(item, ast.If)
            for node in ast.walk(item.test)
        )

    def _is_invoked(self, loop: ast.For | ast.While) -> bool:
        """Whether a loop stands in the handler of a cloud function, ``handler(event, context)``, which the platform's deadline ends."""
        function = self.module.index.function(loop)
        return isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) and [
            item.arg for item in function.args.args
        ] == ["event", "context"]

    def _waits_elsewhere(self, attempts: Attempts, gaps: list[list[Pause]]) -> bool:
        """Whether something in a loop waits beside its pauses of no length, ``await asyncio.sleep(0)``."""
        pauses = {pause.call for gap in gaps for pause in gap}
        return any(
            node not in pauses and self._loops.pause(node) is not False
            for item in attempts.loop.body
            for node in ast.walk(item)
            if isinstance(node, ast.Call)
        )

    def _would_freeze(self, attempts: Attempts) -> bool:
        """Whether a pause would freeze the windows of a desktop program, and nothing shows that another machine is asked."""
        return not (
            self.module.index.packages.isdisjoint(_WINDOWS)
            or self._is_remote(attempts)
            or self._asks_client(attempts)
        )

    def _tail(self, attempts: Attempts, course: Course) -> Iterator[Finding]:
        """A pause after the last attempt."""
        if self.module.is_test:
            return  # nobody waits for it but a test that fails
        if self._loops.is_told(attempts):
            return
        if course.ends and len(course.gaps) < _POLLS and not self._loops.is_followed(attempts):
            for pause in course.tail:
                if pause.is_sleep and not (pause.seconds is not None and pause.seconds <= _BRIEF):
                    yield from self.found(pause.call, message=_TAIL, pause=_text(pause))
                    return

    def _is_wait(self, loop: ast.For | ast.While) -> bool:
        """Whether a loop is there to wait, by the words of its limit and of its function: what it asks for each second is no failure."""
        if isinstance(loop, ast.For) and _LIMITS.search(ast.unparse(loop.iter)):
            return True
        function = self.module.index.function(loop)
        return isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) and bool(
            _WAITS.search(function.name) or (ast.get_docstring(function) or "").startswith("Wait")
        )


def _is_interrupted(handler: ast.ExceptHandler, errors: Errors) -> bool:
    """Whether a handler is for a system call that a signal has interrupted: what was waited for goes on; or for a test that fails."""
    return (
        (bool(errors.names) and all("Interrupted" in name for name in errors.names or ()))
        or any(last_name(node) == "EINTR" for node in ast.walk(handler))
        or last_name(handler.type) == "failureException"
    )


def _starts_at_zero(gaps: list[list[Pause]]) -> bool:
    """Whether the first pause is zero and the later ones are a multiple of what is not known: ``self.delay * attempt``."""
    first, *others = gaps
    return (
        bool(first)
        and all(pause.is_sleep and pause.seconds == 0 for pause in first)
        and all(gap and all(pause.is_sleep and pause.seconds is None for pause in gap) for gap in others)
    )


def _is_limited(attempts: Attempts) -> bool:
    """Whether what is attempted is given a limit of time: each attempt that has timed out has waited for it."""
    return any(
        isinstance(node, ast.keyword) and node.arg == "timeout"
        for item in attempts.trial.body
        for node in ast.walk(item)
    )


def _asks_store(attempts: Attempts) -> bool:
    """Whether an object store of AWS is asked, by its keywords: botocore retries by itself, and pauses; the loop is for what breaks while it is read."""
    return any(
        isinstance(node, ast.keyword) and node.arg == "Bucket"
        for item in attempts.trial.body
        for node in ast.walk(item)
    )


def _sleeps(course: Course) -> bool:
    """Whether a loop sleeps between all attempts: it expects that time mends the failure, whatever it is called."""
    return len(course.gaps) > 0 and all(any(pause.is_sleep for pause in gap) for gap in course.gaps)


def _text(pause: Pause) -> str:
    return ast.unparse(pause.call)


_BRIEF = 0.1  # seconds that nobody misses after the last attempt
_WAITED = 3  # so many retries of what has waited for its own timeout are none too many
_FEW = 2  # so many attempts are one retry, for which no pause grows
_POLLS = 20  # so many attempts wait for something to come up
_WAITS = regex(r"(^|_)(wait|poll|until|daemon|ready|alive|watch)", re.IGNORECASE)
# Words of exceptions for what waiting does not mend.
_LASTING = regex(
    r"Already|Answer|Assert|Attribute|Bad(Data|Format|Gzip|Json|Message|Request|Signature|Zip)|Bind|Click|Collision|Conflict|Decod|Duplicate|Empty|Exist|Fatal|Import|Index|Integrity|Invalid|Key|Lookup|Malformed|Mismatch"
    r"|Missing|Not[A-Z]"
    r"|NotFound|Pars|Partial|Permission|Programming|Schema|Stale|Stop|Syntax|Type|Unicode|Unique|Unsupported|Usage|UserError|Valid|Value|Version|Warning"
)
# Words of exceptions by which somebody else was faster.
_SWAPS = regex(r"Conflict|Duplicate|Stale|Integrity|Lock(ed|Error|Not|Timeout|$)|Serializ|Deadlock|Concurren")
_ASKED = ("get_backoff_time", "get_retry_after", "is_exhausted", "is_retry", "parse_retry_after")
_ENDLESS = regex(r"\b(continuous\w*|until|forever|endless\w*|wait(s|ing)?)\b", re.IGNORECASE)
# Exceptions that say that something has run out, as it does from time to time; not TimeoutExpired.
_EXPIRES = regex(r"(?<!Timeout)Expired")
# Exceptions for the other side, or what it offers, not being there yet.
_COMES_UP = regex(r"Not(Available|Ready|Running|Started|Supported|Yet)")
_SIGNALS = regex(r"(Again|Changed|Interrupt|Reload|Rerun|Restart|Switch)(Exception|Signal)?$")
_GOES_ON_UNTIL = regex(
    r"\b(never (gives?|giving) up|(constantly|keeps?( on)?) retry\w*"
    r"|until (\S+ ){0,5}?(is back|comes? back|recover(s|ed)?|is restored|responds|is reachable|is available again))\b",
    re.IGNORECASE,
)
# Clients with retries and growing pauses of their own, unless told otherwise.
_RETRY_THEMSELVES = frozenset(
    f"{package}.{prefix}{name}"
    for package, names in (
        ("openai", ("OpenAI", "AzureOpenAI")),
        ("anthropic", ("Anthropic", "AnthropicBedrock", "AnthropicVertex")),
    )
    for name in names
    for prefix in ("", "Async")
)
_NO_END = regex(
    r"\b(?:re)?try(?:ing)? (?:it )?(?:forever|indefinitely|endlessly|again and again)\b", re.IGNORECASE
)
_UNTIL = regex(r"\bretr(?:y|ie[sd]|ying) (?:\w+ ){0,3}?(?:until|as long as)\b", re.IGNORECASE)
_FIXED_MEANT = regex(
    r"\b(fixed|constant) (wait|delay|pause|interval|backoff)\b|\bwait(s|ing)? \d+ ?(m?s|sec\w*|minutes?)\b|\bbetween (each|tries|(re)?tries|attempts|calls)\b",
    re.IGNORECASE,
)
_GOES_ON = (ast.Continue, ast.Pass)
_POLLED = regex(r"poll|waiter", re.IGNORECASE)  # what a pause between questions is named for
# What a predicate is named for that knows a state of the other side which passes.
_PASSES = regex(r"busy|being_|in_progress|not_(yet_)?ready|pending|transition|updating", re.IGNORECASE)
_TIMES_OUT = regex(r"[a-z]Timeout(Error|Exception)?$")  # of one library: TimeoutError is anybody's
_SAYS = ("critical", "debug", "error", "exception", "info", "log", "warn", "warning")
_AWAITS = regex(
    r"\b(wait\w*|until|forever|not (yet )?(be )?(ready|up|available)|start(s|ing)? up|startup|comes? up)\b",
    re.IGNORECASE,
)
_ANY = frozenset({"Exception", "BaseException"})
_DEADLINE = regex(r"(^|_)(expired|deadline|elapsed|monotonic|perf_counter|time_?out)(_|$)", re.IGNORECASE)
_CLIENT = regex(r"(^|_)(api|client|gateway|https?|requester|rest|rpc|session)$", re.IGNORECASE)
_BROKEN = ("builtins.ConnectionAbortedError", "builtins.ConnectionError", "builtins.ConnectionResetError")
_WINDOWS = frozenset({"PyQt5", "PyQt6", "PySide2", "PySide6", "aqt", "kivy", "tkinter", "wx"})
_VIEWS = ("copy", "get", "items", "keys", "pop", "values")
_ON_REQUEST = ("tenacity.retry_never", "tenacity.retry.retry_never")
_SHORT = 10  # seconds
_LONG = 1  # seconds that are a loss where nothing is left to wait for
_LIMITS = regex(r"time_?out|seconds|_sec\b|max_wait|wait_", re.IGNORECASE)
_BOUND = "count the attempts, or set a deadline, and raise at the end"
_PAUSE = "sleep, longer each time and with some randomness"
_AT_ONCE = "{what} retries without a pause; {wait}"
_FIRST = "{what} retries without a pause at first, as {why}; let the first pause be more than zero"
_FIXED = "{what} waits the same time before each retry; let the pause grow, and add jitter so that clients do not retry in step"
_TAIL = "{pause} also runs after the last attempt, when nothing is left to wait for; leave the loop before it"


@knowledge.cached
def _remote() -> frozenset[str]:
    """The packages of clients: what their calls ask stands elsewhere."""
    known = {name.partition(".")[0] for name in knowledge.by_call("timeouts.call")}
    types = {name for row in knowledge.rows("timeouts.call") for name in row.get("types", ())}
    known |= {name.partition(".")[0] for name in types}
    # The daemon of docker stands on this machine.
    known -= {"docker"}
    return frozenset(known - sys.stdlib_module_names | {"ftplib", "http", "imaplib", "smtplib", "urllib"})
