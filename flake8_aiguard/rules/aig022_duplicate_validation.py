"""AIG022: the same guard twice, in a function and in all its callers, or in one function."""

from __future__ import annotations

import ast
import functools
import itertools
import re
from collections import Counter
from collections.abc import Iterator

from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.guards import Guard, Guards
from flake8_aiguard.receivers import first_parameter
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import following, last_name, names_in, parameters, shown, string

_Def = ast.FunctionDef | ast.AsyncFunctionDef
_LONGEST = 50


class DuplicateValidation(Checker):
    """Guard that repeats what every caller, or the same function, has just checked.

    Why: two copies of a rule drift apart: one gets the new limit, the other one does not, and nobody knows which of them the rest
    relies on. A check that cannot fail also hides the one that was meant: often the wrong variable was copied along.

    Bad::

        def _charge(amount: int) -> None:
            if amount <= 0:
                raise ValueError("amount must be positive")
            print(amount)

        def checkout(amount: int) -> None:
            if amount <= 0:
                raise ValueError("amount must be positive")
            _charge(amount)

    Good::

        def _charge(amount: int) -> None:
            print(amount)

        def checkout(amount: int) -> None:
            if amount <= 0:
                raise ValueError("amount must be positive")
            _charge(amount)

    Limits: compares conditions as they are written, with the names of parameters replaced by what a caller passes; the texts of the exceptions may
    differ, their classes and codes may not. Assertions are no guards.

    - Of a function and its callers, only guards that raise and open the function count, and only where every call in this file stands behind the same
      guard and nothing in between may have changed the answer.
    - The function has to be private, nested, left out of ``__all__``, or one of the module with several callers in the file: others may have callers elsewhere, as
      may what is decorated, passed on, named in a text, or made to be subclassed.
    - Guards on the object's own state alone are left to each method.
    - In one function, guards that return or go on count as well, but not after a call, an ``await`` or a ``with`` that may change what they ask.
    - Of a copied block of guards, the first one is reported; none that a comment calls a second look ("re-check", "race").
    """

    code = "AIG022"
    slug = "duplicate-validation"
    since = "0.1.0"
    severity = "note"
    message = (
        "{function}() checks {test} once more: {callers} it in this file has just done so; "
        "validate once, at the boundary"
    )
    triggers = ("raise", "return")
    ruff = "Ruff has nothing for this pattern."

    def is_possible(self) -> bool:
        return len(self.module.index.nodes(ast.If)) > 1

    def finish(self) -> Iterator[Finding]:
        if not self._guards.are_several:
            return
        called = self.module.index.names_called()
        functions = [
            function
            for function in self._guards.raising
            if function.name in called and self._is_local(function)
        ]
        reported = set()
        for function in functions:
            guards = [
                guard
                for guard in self._guards.opening(function)
                if self._asks_argument(guard, function) and not self._guards.is_alone(guard)
            ]
            callers = self._callers(function) if guards else []
            if not self._is_private(function):
                guards = [guard for guard in guards if not _is_narrowing(guard, function)]
                callers = callers if len(callers) >= _SEVERAL else []
            for guard in guards if callers else ():
                is_repeated = all(self._repeats(guard, function, call) for call in callers)
                if not is_repeated or self._has_others(function):
                    continue
                if self._mentions[function.name] == len(callers):
                    reported.add(guard.statement)
                    yield from self.found(
                        guard.statement,
                        function=function.name,
                        test=shown(guard.test, _LONGEST),
                        callers="the one caller of" if len(callers) == 1 else "every caller of",
                    )
        pairs = sorted(self._guards.repeated(), key=lambda pair: pair[1].statement.lineno)
        for (first, second), before in zip(pairs, [None, *pairs], strict=False):
            is_copied = before is not None and self._continues((first, second), before)
            if second.statement not in reported and not is_copied and not self._is_meant(second):
                yield from self.found(
                    second.statement,
                    message=_NEVER if self._is_elif(second.statement) else _TWICE,
                    test=shown(second.test, _LONGEST),
                    line=first.statement.lineno,
                )

    @functools.cached_property
    def _guards(self) -> Guards:
        return Guards(self.module)

    def _is_meant(self, guard: Guard) -> bool:
        """Whether a comment says that the answer may have changed: somebody else may have been here in the meantime."""
        line = guard.statement.lineno
        return any(_AGAIN.search(str(text)) for text in self.module.comments.near(line, line + 1))

    def _continues(self, pair: tuple[Guard, Guard], before: tuple[Guard, Guard]) -> bool:
        """Whether two equal guards stand right behind two others that are: one block was copied."""
        if pair[0] is before[1]:
            return False
        return all(
            self._is_next(one.statement, other.statement) for one, other in zip(before, pair, strict=True)
        )

    def _is_next(self, one: ast.stmt, other: ast.stmt) -> bool:
        """Whether one statement stands right before another one."""
        return following(self.module.index.parent(one), one, 1) == [other]

    def _is_elif(self, statement: ast.If) -> bool:
        line = self.module.lines[statement.lineno - 1]
        return line.encode()[statement.col_offset :].startswith(b"elif")

    # -- callers

    def _callers(self, function: _Def) -> list[ast.Call]:
        """All calls of a function; none where some may be of another one, or only it calls itself."""
        index = self.module.index
        calls = list(index.calls_named((function.name,)))
        if all(index.function(call) is function for call in calls):
            return []
        known = all(self.module.receivers.definition(call.func) is function for call in calls)
        return calls if known else []

    def _is_local(self, function: _Def) -> bool:
        """Whether a function may be for this file alone, as far as its name and decorators say."""
        if any(
            not isinstance(item, ast.Name) or item.id not in ("staticmethod", "classmethod")
            for item in function.decorator_list
        ):
            return False
        if function.name.startswith("__") and function.name.endswith("__"):
            return False
        return self._is_private(function) or self.module.index.scope(function) is self.module.tree

    def _has_others(self, function: _Def) -> bool:
        """Whether there may be callers that the file does not show: by the function's name in a text, or from a subclass elsewhere."""
        is_spelled = any(node.value == function.name for node in self.module.index.nodes(ast.Constant))
        return is_spelled or self._is_inherited(function)

    def _is_inherited(self, function: _Def) -> bool:
        """Whether a method is for the classes of other files, too: its class is abstract, or leaves methods to its subclasses."""
        cls = self.module.index.class_of(function)
        if cls is None or cls.name.startswith("_") or function.name.startswith("__"):
            return False
        if _BASE.search(cls.name) or any(
            last_name(item) in _ABSTRACT for item in (*cls.bases, *(word.value for word in cls.keywords))
        ):
            return True
        methods = [item for item in cls.body if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef))]
        return any(
            isinstance(item, ast.Raise)
            and (last_name(item.exc.func if isinstance(item.exc, ast.Call) else item.exc) or "").startswith(
                _LEFT_OPEN
            )
            for method in methods
            for item in method.body
        )

    def _is_private(self, function: _Def) -> bool:
        """Whether a function is no other file's, by its name, its place or what the file exports."""
        scope = self.module.index.scope(function)
        if function.name.startswith("_") or isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return True
        if scope is not self.module.tree or self._exported is None:
            return False
        return function.name not in self._exported

    @functools.cached_property
    def _exported(self) -> frozenset[str] | None:
        """The names that ``__all__`` lists; ``None`` where the file has none that can be read."""
        bindings = self.module.scopes.bindings(self.module.tree, "__all__")
        value = bindings[0].value if len(bindings) == 1 else None
        uses = self.module.scopes.uses(self.module.tree, "__all__")
        if not isinstance(value, (ast.List, ast.Tuple)) or uses:
            return None  # __all__.extend(...)
        names = [string(item) for item in value.elts]
        return None if None in names else frozenset(name for name in names if name is not None)

    def _asks_argument(self, guard: Guard, function: _Def) -> bool:
        """Whether a guard asks for an argument, not only for the object's own state."""
        own = first_parameter(function) if self.module.index.class_of(function) is not None else None
        names = {item.arg for item in parameters(function) if item is not own}
        return any(item.id in names for item in names_in(guard.test))

    @functools.cached_property
    def _mentions(self) -> Counter[str]:
        """How often names and attributes are read; those that are not called are passed on."""
        index = self.module.index
        names = Counter(name.id for name in index.nodes(ast.Name) if name.ctx.__class__ is ast.Load)
        names.update(attribute.attr for attribute in index.nodes(ast.Attribute))
        return names

    # -- the same guard

    def _repeats(self, guard: Guard, function: _Def, call: ast.Call) -> bool:
        """Whether a caller runs the guard on what it then passes."""
        spelled = self._guards.spelled(guard.test, self._passed(function, call))
        return spelled is not None and self._guards.before(call, spelled, guard.error) is not None

    def _passed(self, function: _Def, call: ast.Call) -> dict[str, str]:
        """What a call passes for each parameter, as :meth:`Guards.spelled` spells it."""
        positional = [*function.args.posonlyargs, *function.args.args]
        found = {item.arg: "" for item in parameters(function)}
        given = list(itertools.takewhile(lambda item: not isinstance(item, ast.Starred), call.args))
        if self._is_bound(function, call):
            assert isinstance(call.func, ast.Attribute)
            given.insert(0, call.func.value)
        pairs = [(item.arg, value) for item, value in zip(positional, given, strict=False)]
        pairs += [(item.arg, item.value) for item in call.keywords if item.arg is not None]
        for name, value in pairs:
            found[name] = self._guards.spelled(value) or ""
        return found

    def _is_bound(self, function: _Def, call: ast.Call) -> bool:
        """Whether a call gives its receiver as the first argument: ``Class.method(self)`` does not."""
        if not isinstance(call.func, ast.Attribute) or self.module.index.class_of(function) is None:
            return False
        receiver = call.func.value
        resolved = self.module.scopes.resolve(receiver) if isinstance(receiver, ast.Name) else None
        if resolved is not None and any(binding.kind is Kind.CLASS for binding in resolved[1]):
            return any(last_name(item) == "classmethod" for item in function.decorator_list)
        return first_parameter(function) is not None


def _is_narrowing(guard: Guard, function: _Def) -> bool:
    """Whether a type checker needs a guard: ``x is None`` of a parameter that is annotated optional."""
    test = guard.test
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.Is):
        return False
    found = [item.annotation for item in parameters(function) if item.arg == last_name(test.left)]
    return any(item is not None and _OPTIONAL.search(ast.unparse(item)) for item in found)


_OPTIONAL = regex(r"\bOptional\[|\bNone\b")
_AGAIN = regex(
    r"\b(double|re)-?check\w*|\bcheck\w* again\b|\btoctou\b|\braces?\b|\bmeantime\b|\bmeanwhile\b",
    re.IGNORECASE,
)
_BASE = regex(r"^(Base|Abstract)[A-Z]|[a-z](Base|Mixin)$")
_ABSTRACT = ("ABC", "ABCMeta")
_LEFT_OPEN = "NotImplemented"  # or its error
_SEVERAL = 2  # callers that run the guard of a public function: a habit of the file
_NEVER = "{test} was settled on line {line} and nothing has changed since, so this branch is never reached; drop it, or test what was meant"
_TWICE = (
    "{test} was settled on line {line} and nothing has changed since, so this check never holds; "
    "drop it, or test what was meant"
)
