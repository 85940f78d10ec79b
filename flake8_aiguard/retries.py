"""What is run again when it fails: the policies of retry libraries, and the code that they and attempt loops repeat."""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.attempts import Attempts, attempt_loops
from flake8_aiguard.courses import Courses
from flake8_aiguard.index import TRIES, Index
from flake8_aiguard.memo import lazy
from flake8_aiguard.module import Module
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import argument, is_constant, is_none, last_name

_REFUSED: Final = frozenset({429, 503})  # answers that say that nothing was done
_FUNCTION: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
_STEPS: Final = 40


class Wait(enum.Enum):
    """How long a policy waits between attempts."""

    NONE = "not at all"
    ZERO_FIRST = "not before the second attempt"
    FIXED = "the same each time, without jitter"
    FINE = "longer each time, or with jitter, or unknown"


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy of a retry library.

    Attributes:
        node: where it is made: a call, or the bare decorator.
        call: the call; ``None`` for a bare decorator.
        shown: the text for a message.
        row: its row in ``retries.toml``.
    """

    node: ast.expr
    call: ast.Call | None
    shown: str
    row: knowledge.Row


@dataclass(frozen=True, slots=True)
class Errors:
    """What is retried.

    Attributes:
        names: the last names of the exceptions; ``None`` for all.
        is_known: whether nothing else narrows them.
    """

    names: frozenset[str] | None
    is_known: bool = True

    def are(self, *kinds: str) -> bool:
        """Whether all of them are of these kinds in ``retries.error``."""
        return bool(self.names) and self.names is not None and self.names <= error_names(kinds)


@dataclass(frozen=True, slots=True)
class Retried:
    """Code that is run again when it fails.

    Attributes:
        by: the text for a message of what retries it.
        body: what is run again.
        around: the function or loop that starts anew each time.
        errors: what it is retried for.
    """

    by: str
    body: tuple[ast.AST, ...]
    around: ast.AST
    errors: Errors


class Policies:
    """The retry policies of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    @lazy
    def are_imported(self) -> bool:
        """Whether the file imports a retry library."""
        return not self._module.index.packages.isdisjoint(_packages())

    def made(self) -> Iterator[Policy]:
        """The policies, where they are made, in no particular order."""
        if not self.are_imported:
            return
        index = self._module.index
        for call in index.calls_named(knowledge.last_names("retries.policy")):
            found = self._made(call)
            if found is not None:
                yield found
        for function in functions(index):
            for decorator in function.decorator_list:
                if isinstance(decorator, (ast.Name, ast.Attribute)):
                    row = self._row(decorator)
                    if row is not None and row.get("bare"):
                        yield Policy(decorator, None, f"@{ast.unparse(decorator)}", row)

    def _row(self, function: ast.expr) -> knowledge.Row | None:
        return knowledge.by_call("retries.policy").get(self._module.qualname(function) or "")

    def _made(self, call: ast.Call) -> Policy | None:
        row = self._row(call.func)
        return None if row is None else Policy(call, call, f"{ast.unparse(call.func)}()", row)

    def of(self, node: ast.expr) -> Policy | None:
        """The policy that an expression is: a decorator, a call, or a variable that is bound to one once."""
        for _ in range(_STEPS):
            if isinstance(node, ast.Call):
                return self._made(node)
            row = self._row(node)
            if row is not None:
                return Policy(node, None, f"@{ast.unparse(node)}", row) if row.get("bare") else None
            value = self.value(node)
            if value is node:
                return None
            node = value
        return None

    def value(self, node: ast.expr) -> ast.expr:
        """What a variable or an attribute of ``self`` is bound to, once; else the expression itself."""
        if isinstance(node, ast.Name):
            resolved = self._module.scopes.resolve(node)
            if resolved is not None and len(resolved[1]) == 1:
                binding = resolved[1][0]
                if binding.kind in (Kind.ASSIGN, Kind.ANNOTATED) and binding.value is not None:
                    return binding.value
        if isinstance(node, ast.Attribute):
            owner = self._module.receivers.class_behind(node.value)
            stores = [] if owner is None else self._module.receivers.attribute_stores(owner, node.attr)
            statement = self._module.index.parent(stores[0]) if len(stores) == 1 else None
            if isinstance(statement, ast.Assign):
                return statement.value
        return node

    def task_wait(self, call: ast.Call) -> tuple[bool, Wait] | None:
        """Of a task that is retried by itself: whether it is bounded, and how long it waits.

        Args:
            call: the decorator that makes the task.

        Returns:
            ``None`` where it is no such task, or its options are hidden.
        """
        options = self._module.receivers.keywords(call)
        for row in knowledge.rows("retries.task"):
            if options is None or not any(name in options for name in row["names"]):
                continue
            inner = options.get(row["mapping"])
            held = None if inner is None else self._module.receivers.mapping(self.value(inner))
            given = {**(held or {}), **options}
            is_bounded = not any(is_none(given.get(name)) for name in row["bounds"])
            zero = any(name in given and self._number(given[name]) == 0 for name in row["waits"])
            other = any(name in given for name in row["unless"])
            return is_bounded, Wait.NONE if zero and not other else Wait.FINE
        return None

    # -- arguments

    def given(self, policy: Policy, parameter: str, position: int | None = None) -> ast.expr | None:
        """An argument of a policy, those behind ``**`` of a known dict included."""
        if policy.call is None:
            return None
        keywords = self._module.receivers.keywords(policy.call) or {}
        found = argument(policy.call, parameter, position) or keywords.get(parameter)
        return None if found is None else self.value(found)

    def is_hidden(self, policy: Policy) -> bool:
        """Whether ``*args`` or ``**kwargs`` may carry arguments that the file does not show."""
        call = policy.call
        if call is None:
            return False
        return self._module.receivers.keywords(call) is None or any(
            isinstance(item, ast.Starred) for item in call.args
        )

    def _number(self, node: ast.expr | None) -> float | None:
        return None if node is None else Courses(self._module).constant(node)

    # -- bounds and pauses

    def is_bounded(self, policy: Policy) -> bool:
        """Whether the attempts of a policy end; those of arguments that the file does not show do."""
        row = policy.row
        if self.is_hidden(policy):
            return True
        values = [
            self.given(policy, name, row.get("bounds_position") if name == row["bounds"][0] else None)
            for name in row["bounds"]
        ]
        given = [value for value in values if value is not None]
        if any(not self._is_never(value, row) for value in given):
            return True
        if row["is_bounded"]:
            return len(given) < len(row["bounds"]) and not (given and row.get("same"))
        return False

    def _is_never(self, value: ast.expr, row: knowledge.Row) -> bool:
        return is_none(value) or self._module.qualname(value) in row.get("never", ())

    def wait(self, policy: Policy) -> Wait:
        """How long a policy waits; :attr:`Wait.FINE` where the file does not show it."""
        row, call = policy.row, policy.call
        if self.is_hidden(policy):
            return Wait.FINE
        if row["kind"] == "adapter":
            return self._adapter_wait(policy)
        waits = {
            name: value
            for name in row["waits"]
            if (
                value := self.given(
                    policy, name, row.get("waits_position") if name == row["waits"][0] else None
                )
            )
            is not None
        }
        if row.get("first"):
            return self._first_wait(policy, waits)
        if not waits or call is None:
            return Wait.NONE
        if row.get("unit") == "ms":
            return self._wait_of_parameters(waits)
        found = self._strategy(next(iter(waits.values())), call)
        if found is Wait.FIXED and row.get("jitters"):
            jitter = self.given(policy, row["jitter"])
            return Wait.FIXED if is_none(jitter) else Wait.FINE
        return found

    def _first_wait(self, policy: Policy, waits: dict[str, ast.expr]) -> Wait:
        """A policy whose pauses grow from a first one that its parameters add up to."""
        if set(waits) == set(policy.row["waits"]) and not any(
            self._number(value) != 0 for value in waits.values()
        ):
            return Wait.ZERO_FIRST if len(waits) > 1 else Wait.NONE
        return Wait.FINE

    def _wait_of_parameters(self, waits: dict[str, ast.expr]) -> Wait:
        """The pauses of ``retrying``: one parameter for each strategy, the longest counts."""
        said = {name for name, value in waits.items() if not is_none(value)}
        if not said:
            return Wait.NONE
        if said == {"wait_fixed"}:
            pause = self._number(waits["wait_fixed"])
            return Wait.FINE if pause is None else Wait.NONE if pause == 0 else Wait.FIXED
        if said <= {"wait_incrementing_start", "wait_incrementing_increment", "wait_incrementing_max"}:
            start = waits.get("wait_incrementing_start")
            return Wait.ZERO_FIRST if start is None or self._number(start) == 0 else Wait.FINE
        return Wait.FINE

    def _strategy(self, wait: ast.expr, call: ast.Call) -> Wait:
        """How long a strategy of tenacity or backoff waits; strategies that are added up wait for the sum."""
        stack = [wait]
        found: list[tuple[str, float | None]] = []
        while stack and len(found) < _STEPS:
            node = self.value(stack.pop())
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
                stack += (node.left, node.right)
                continue
            made = node if isinstance(node, ast.Call) else None
            name = self._module.qualname(node if made is None else made.func) or ""
            row = knowledge.by_call("retries.pause").get(name)
            if row is None:
                return Wait.FINE
            source = made if made is not None else call
            value = argument(source, row.get("parameter"), row.get("position") if made is not None else None)
            seconds = row.get("default") if value is None else self._number(self.value(value))
            found.append((row["kind"], seconds))
        kinds = {kind for kind, _ in found}
        if kinds & {"growing", "random"}:
            return Wait.FINE
        if all(kind == "none" or (kind == "fixed" and seconds == 0) for kind, seconds in found):
            return Wait.NONE
        if "start" in kinds:
            return (
                Wait.ZERO_FIRST
                if all(seconds == 0 or kind == "none" for kind, seconds in found)
                else Wait.FINE
            )
        if any(seconds is None for kind, seconds in found if kind == "fixed"):
            return Wait.FINE  # whoever configures it knows why
        return Wait.FIXED

    def _adapter_wait(self, policy: Policy) -> Wait:
        row = policy.row
        if not row["waits"]:  # an adapter that takes a number
            count = self._number(self.given(policy, row["bounds"][0], row["bounds_position"]))
            return Wait.NONE if count is not None and count > 1 else Wait.FINE
        if any(
            self._number(value) != 0
            for name in row["waits"]
            if (value := self.given(policy, name)) is not None
        ):
            return Wait.FINE
        total = self.given(policy, row["bounds"][0], row["bounds_position"])
        if total is not None and not is_none(total):
            count = self._number(total)
            # one retry is at once in any case; a factor may be set later where the object is at hand
            return Wait.FINE if is_constant(total, False) or (count is not None and count <= 1) else Wait.NONE
        others = [
            self._number(value)
            for name in ("connect", "read", "status", "other")
            if (value := self.given(policy, name)) is not None
        ]
        if others and all(count is not None and count <= 1 for count in others):
            return Wait.FINE
        return Wait.NONE

    def attempts(self, policy: Policy) -> float | None:
        """To how many attempts a policy is bounded; ``None`` where that is not known."""
        for name in policy.row["bounds"]:
            value = self.given(
                policy, name, policy.row.get("bounds_position") if name == policy.row["bounds"][0] else None
            )
            if value is None:
                continue
            if name in ("max_tries", "stop_max_attempt_number", "attempts"):
                return self._number(value)
            for node in ast.walk(value):
                row = (
                    knowledge.by_call("retries.attempts").get(self._module.qualname(node.func) or "")
                    if isinstance(node, ast.Call)
                    else None
                )
                if row is not None and isinstance(node, ast.Call):
                    return self._number(argument(node, row["parameter"], row["position"]))
        return None

    # -- what is retried

    def errors(self, policy: Policy) -> Errors:
        """What a policy retries."""
        row = policy.row
        name = row.get("errors")
        if self.is_hidden(policy):
            return Errors(None, is_known=False)
        value = None if name is None else self.given(policy, name, row.get("errors_position"))
        return Errors(None) if value is None else self.types(value)

    def types(self, node: ast.expr | None) -> Errors:
        """The exceptions that an expression stands for: types, tuples of them, filters, predicates."""
        stack: list[ast.expr] = [] if node is None else [node]
        names: set[str] = set()
        steps = 0
        while stack:
            steps += 1
            item = self.value(stack.pop())
            if steps > _STEPS:
                return Errors(None, is_known=False)
            if isinstance(item, (ast.Tuple, ast.List, ast.Set)):
                stack += item.elts
            elif isinstance(item, ast.Starred):
                stack.append(item.value)
            elif isinstance(item, ast.BinOp):
                stack += (item.left, item.right)
            elif isinstance(item, ast.Call):
                row = knowledge.by_call("retries.filter").get(self._module.qualname(item.func) or "")
                if row is None:
                    return Errors(None, is_known=False)
                if row["kind"] == "rest":
                    return Errors(None)
                if row["kind"] == "result":
                    names.add("result")
                else:
                    stack += (*item.args, *(keyword.value for keyword in item.keywords))
            elif isinstance(item, ast.Lambda):
                names |= self._asked_for([item.body])
            else:
                definition = self._module.receivers.definition(item)
                last = self._last(item)
                if isinstance(definition, _FUNCTION):
                    names |= self._asked_for(definition.body)
                elif last is not None and (
                    _is_type(last.rpartition(".")[2]) or last in ("error", "gaierror", "timeout")
                ):
                    names.add(last or "")
                else:
                    return Errors(None, is_known=False)
        return Errors(frozenset(names)) if names else Errors(None)

    def _last(self, node: ast.expr) -> str | None:
        """The last name of an exception, as its package calls it; its canonical one where the table has that."""
        name = self._module.qualname(node) or last_name(node) or ""
        return name if name in error_names(("refused",)) else name.rpartition(".")[2] or None

    def _asked_for(self, body: Iterable[ast.AST]) -> set[str]:
        """What a predicate of exceptions asks for: the types by their names, the codes of answers."""
        found: set[str] = set()
        for item in body:
            for node in ast.walk(item):
                if (
                    isinstance(node, ast.Call)
                    and last_name(node.func) == "isinstance"
                    and len(node.args) == 2
                ):
                    types = node.args[1]
                    for part in types.elts if isinstance(types, ast.Tuple) else [types]:
                        found.add(self._last(part) or "?")
                elif (
                    isinstance(node, ast.Constant) and isinstance(node.value, int) and 400 <= node.value < 600
                ):
                    found.add("RateLimited" if node.value in _REFUSED else "?")
        return found or {"?"}


class Retries:
    """The code of one file that is run again when it fails.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._policies = Policies(module)

    def bodies(self) -> Iterator[Retried]:
        """All of them, in no particular order."""
        yield from self._functions()
        if self._policies.are_imported:
            yield from self._loops_over_policies()
            yield from self._called()
        for attempts in self._module.shared(attempt_loops):
            yield Retried("this loop", tuple(_before(attempts)), attempts.loop, self._caught(attempts))

    def _caught(self, attempts: Attempts) -> Errors:
        found = [self._policies.types(handler.type) for handler in attempts.handlers]
        if any(item.names is None for item in found):
            return Errors(None)
        return Errors(frozenset().union(*(item.names or () for item in found)))

    def _functions(self) -> Iterator[Retried]:
        index = self._module.index
        source = self._module.source
        celery = "retry" in source and ("autoretry_for" in source or ".retry(" in source)
        if not (self._policies.are_imported or celery):
            return
        for function in functions(index):
            found = self._decorated(function)
            if found is None and celery:
                found = self._task(function)
            if found is not None:
                yield found

    def _decorated(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Retried | None:
        for decorator in function.decorator_list if self._policies.are_imported else ():
            policy = self._policies.of(decorator)
            if policy is not None and self._repeats(policy):
                by = f"@{ast.unparse(decorator.func if isinstance(decorator, ast.Call) else decorator)}"
                return Retried(by, tuple(function.body), function, self._policies.errors(policy))
        return None

    def _repeats(self, policy: Policy) -> bool:
        """Whether a policy wraps what it repeats, and is not bounded to one attempt."""
        return policy.row["kind"] == "wrapper" and self._policies.attempts(policy) != 1

    def _task(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Retried | None:
        """A Celery task that is retried for some exceptions, or retries itself in a handler."""
        for decorator in function.decorator_list:
            types = argument(decorator, "autoretry_for") if isinstance(decorator, ast.Call) else None
            if types is not None:
                return Retried("autoretry_for", tuple(function.body), function, self._policies.types(types))
            if isinstance(decorator, ast.Call) and self._module.entrypoints.kind(function) == "task":
                return self._retries_itself(function)
        owner = self._module.index.class_of(function)
        if owner is not None and function.name == "run":
            for binding in self._module.scopes.bindings(owner, "autoretry_for"):
                if binding.value is not None:
                    return Retried(
                        "autoretry_for", tuple(function.body), function, self._policies.types(binding.value)
                    )
        return None

    def _retries_itself(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Retried | None:
        first = function.args.args[0].arg if function.args.args else function.name
        for call in self._module.index.calls_named({"retry"}):
            receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
            if (
                isinstance(receiver, ast.Name)
                and receiver.id in (first, function.name)
                and self._module.index.function(call) is function
            ):
                for parent in self._module.index.ancestors(call):
                    if isinstance(parent, ast.ExceptHandler):
                        trial = self._module.index.parent(parent)
                        body: list[ast.AST] = [
                            part
                            for item in function.body
                            if item.lineno < getattr(trial, "lineno", 0)
                            for part in _reaching(item)
                        ]
                        body += getattr(trial, "body", [])
                        return Retried(
                            f"{receiver.id}.retry()", tuple(body), function, self._policies.types(parent.type)
                        )
        return None

    def _loops_over_policies(self) -> Iterator[Retried]:
        """``for attempt in Retrying(...): with attempt: ...``."""
        index = self._module.index
        loops: list[ast.For | ast.AsyncFor] = [*index.nodes(ast.For), *index.nodes(ast.AsyncFor)]
        for loop in loops:
            policy = self._policies.of(loop.iter)
            if policy is not None and self._repeats(policy):
                yield Retried(policy.shown, tuple(loop.body), loop, self._policies.errors(policy))

    def _called(self) -> Iterator[Retried]:
        """``Retrying(...)(send, order)``, ``retryer.call(send, order)``, ``retry(...)(send)``."""
        for call in self._module.index.nodes(ast.Call):
            function = call.func
            if isinstance(function, ast.Attribute) and function.attr == "call":
                function = function.value
            elif not isinstance(function, (ast.Call, ast.Name, ast.Attribute)) or not call.args:
                continue
            policy = (
                self._policies.of(function)
                if function is not call.func or not self._is_policy(call)
                else None
            )
            if policy is None or policy.call is None or not self._repeats(policy):
                continue
            for position, given in enumerate(call.args[:2]):
                body = self._body(given, call, position)
                if body is not None:
                    yield Retried(policy.shown, *body, self._policies.errors(policy))
                    break

    def _is_policy(self, call: ast.Call) -> bool:
        return self._policies.of(call) is not None

    def _body(
        self, given: ast.expr, call: ast.Call, position: int
    ) -> tuple[tuple[ast.AST, ...], ast.AST] | None:
        """What a callable runs: the body of a function of this file, or the call itself."""
        if isinstance(given, ast.Lambda):
            return (given.body,), given
        definition = self._module.receivers.definition(given)
        if isinstance(definition, _FUNCTION):
            return tuple(definition.body), definition
        if isinstance(given, (ast.Attribute, ast.Name)) and not isinstance(definition, ast.ClassDef):
            made = ast.Call(given, call.args[position + 1 :], call.keywords)
            return (ast.copy_location(made, call),), call
        return None


def _reaching(item: ast.stmt) -> Iterator[ast.AST]:
    """What of a statement runs before the next one: branches that return do not get there."""
    while isinstance(item, ast.If):
        yield item.test
        if not isinstance(item.body[-1], (ast.Return, ast.Raise)):
            yield from item.body
        if len(item.orelse) != 1 or not isinstance(item.orelse[0], ast.If):
            if item.orelse and not isinstance(item.orelse[-1], (ast.Return, ast.Raise)):
                yield from item.orelse
            return
        item = item.orelse[0]
    yield item


def _before(attempts: Attempts) -> Iterator[ast.AST]:
    """What each turn of an attempt loop runs up to what may fail."""
    if isinstance(attempts.loop, ast.While):
        yield attempts.loop.test
    for item in attempts.loop.body:
        if item is attempts.trial:
            yield from attempts.trial.body
            return
        yield item


def are_possible(module: Module) -> bool:
    """Whether a file can retry anything: it imports a retry library, has a ``try`` and a loop, or a task that is retried.

    Args:
        module: the file.
    """
    index = module.index
    has_loop = bool(index.nodes(ast.While) or index.nodes(ast.For))
    if has_loop and any(index.nodes(cls) for cls in TRIES):
        return True
    if not index.packages.isdisjoint(_packages()):
        return True
    return bool(index.nodes(ast.Call)) and ("autoretry_for" in module.source or ".retry(" in module.source)


def functions(index: Index) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions of a file."""
    return [*index.nodes(ast.FunctionDef), *index.nodes(ast.AsyncFunctionDef)]


@knowledge.cached
def error_names(kinds: tuple[str, ...]) -> frozenset[str]:
    """The exceptions of these kinds in ``retries.error``."""
    return frozenset(
        name for row in knowledge.rows("retries.error") if row["kind"] in kinds for name in row["names"]
    )


@knowledge.cached
def _packages() -> frozenset[str]:
    return frozenset(name.partition(".")[0] for name in knowledge.by_call("retries.policy"))


def _is_type(name: str) -> bool:
    """Whether a name may be one of a type: ``Timeout``, ``_Moved``; ``_ERRORS`` is a constant."""
    return name[:1].isupper() or (name.lstrip("_")[:1].isupper() and not name.isupper())
