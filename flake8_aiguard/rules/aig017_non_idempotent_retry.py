"""AIG017: a retry that may do twice what must be done once."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator

from flake8_aiguard import knowledge
from flake8_aiguard.attempts import AttemptLoops, attempt_loops
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.children import walk
from flake8_aiguard.effects import Effect, Effects, Key
from flake8_aiguard.index import TRIES
from flake8_aiguard.regex import regex
from flake8_aiguard.retries import Policies, Policy, Retried, Retries, are_possible
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import is_constant, is_none, last_name, names_in, own_nodes, string

_SAFE_STATUS = frozenset({413, 429, 503})


class NonIdempotentRetry(Checker):
    """Retried code with an effect that happens twice when only the answer was lost.

    Why: a timeout does not say that nothing happened. The charge, the row, the mail or the message of the first attempt may
    have gone through, and the next attempt repeats it: the customer pays twice. A key that is made before the first attempt and
    sent with each lets the other side recognise the repetition.

    Bad::

        import time

        import requests

        def charge(url, order):
            for attempt in range(3):
                try:
                    return requests.post(f"{url}/charges", json={"order": order}, timeout=5)
                except requests.RequestException:
                    if attempt == 2:
                        raise
                    time.sleep(2**attempt)

    Good::

        import time
        import uuid

        import requests

        def charge(url, order):
            headers = {"Idempotency-Key": str(uuid.uuid4())}
            for attempt in range(3):
                try:
                    return requests.post(f"{url}/charges", json={"order": order}, headers=headers, timeout=5)
                except requests.RequestException:
                    if attempt == 2:
                        raise
                    time.sleep(2**attempt)

    Limits: looks at functions under the decorators of tenacity, backoff, stamina, retrying and google.api_core, at what
    their callers and context managers run, at Celery tasks with ``autoretry_for`` or ``self.retry()``, and at loops that attempt
    something until it succeeds, and at the functions of the same file that these call. Calls without a known type count where the
    receiver's name says client and the method's name says effect. Nothing is said of policies with one attempt, of retries for errors that say that nothing was
    done (a refused connection, a rate limit, a status below 500 that the handler asks for, an error of the project's own that the file raises for such an answer only, a row or table that is or is not there, also where the function turns that into an error of its own, a deadlock or contention by the name of what is asked), of an INSERT beside its own UPDATE, or at the end of an attempt that
    is repeated only for errors of a library that what stands before it has raised, of rows that come from a query, of rows in a loop that asks for SERIALIZABLE and rolls back on an operational error, of messages
    that are made of an argument before the loop, or are an argument with an id of its own (``message.message_id``), of requests whose failure is passed over and of which only a status is returned, of POST to a URL, or in a function, named for search, login, heart beats, tokens, inference and the like,
    of requests whose fields ask (a query, a prompt with ``max_tokens``, a ``model`` with its ``input``), of those of a class named for a language model, of functions that this file gives paths that read only or whose docstring begins with what reads (``Fetch ...``), of those whose answer is parsed and by no word of function, class, URL and fields make, send or pay anything, of those that stop or delete something, where the code asks for a conflict (409),
    of conditional requests (``If-Match``), of the number by which a loop ends (``while left:``), of what is sent with a hash of its content (``hashlib``), of headers that a parameter hands in, of downloads that go on where the file ends (``Range``), of files that each attempt makes anew in the folder for
    temporary ones, and of adapters in a file whose POST requests all read, or whose comment says that they do, or that repetitions are dropped. Whether the other side ignores repetitions by itself is not known.
    """

    code = "AIG017"
    slug = "non-idempotent-retry"
    since = "0.1.0"
    severity = "error"
    message = "{what} is repeated by {by} although the first attempt may have succeeded; {advice}"
    triggers = ("except", "etr", "backoff", "stamina")

    def is_possible(self) -> bool:
        return are_possible(self.module)

    def finish(self) -> Iterable[Finding]:
        seen: set[ast.AST] = set()
        for retried in Retries(self.module).bodies():
            if retried.errors.is_known and not retried.errors.are("refused"):
                effect = self._first(retried)
                if effect is not None and effect.node not in seen:
                    seen.add(effect.node)
                    yield from self._report(effect, retried)
        policies = Policies(self.module)
        for policy in policies.made():
            if "methods" in policy.row:
                yield from self._adapter(policies, policy)

    def _first(self, retried: Retried) -> Effect | None:
        """The first effect of a retried body that nothing makes harmless."""
        effects = Effects(self.module)
        is_recognised: bool | None = None
        for effect in effects.within(retried.body, retried.around):
            if effect.kind in ("sql", "orm") and (
                retried.errors.are("refused", "conflict") or self._is_unwritten(effect, retried)
            ):
                continue  # the database has undone the attempt
            if effect.kind in ("http", "payment"):
                if is_recognised is None:
                    is_recognised = (
                        self._is_refused(retried) or _is_recognised(retried) or self._is_declined(retried)
                    )
                if is_recognised or (effect.kind == "http" and self._is_known_by_hash(effect)):
                    continue
            if isinstance(effect.node, ast.AugAssign) and self._is_stale(effects, effect.node, retried):
                continue
            if effect.kind in _HARMLESS and self._is_best_effort(retried):
                continue
            if effect.kind == "message" and self._is_same(effect, retried.around):
                continue
            if effect.kind in _LOCAL and self._is_last(effect, retried):
                continue
            if effects.key(effect, retried.around) in (Key.NONE, Key.MINTED):
                return effect
        return None

    # -- what makes a repetition harmless

    def _going_on(self, retried: Retried) -> list[ast.ExceptHandler]:
        """The handlers of an attempt loop after which the next attempt follows."""
        loops = self.module.shared(attempt_loops)
        return [handler for item in loops if item.loop is retried.around for handler in item.handlers]

    def _is_unwritten(self, effect: Effect, retried: Retried) -> bool:
        """Whether the next attempt follows only where the row was not written, or is written otherwise."""
        names = retried.errors.names
        if names and all(map(_UNWRITTEN.search, names)):
            return True
        if names and _is_raised_unwritten(names, retried.around):
            return True
        handlers = self._going_on(retried)
        if handlers and all(map(_asks_why, handlers)):
            return True
        if names and names <= _OPERATIONAL and all(map(_rolls_back, handlers)) and handlers:
            return any(_SERIALIZABLE in (string(node) or "") for node in walk(retried.around))
        inner: ast.AST = effect.inner
        for outer in self.module.index.ancestors(effect.inner):
            if outer is retried.around:
                break
            if isinstance(outer, TRIES) and inner in outer.body and any(map(_updates, outer.handlers)):
                return True
            inner = outer
        return False

    def _is_refused(self, retried: Retried) -> bool:
        """Whether the next attempt follows only after answers by which the other side has refused the request."""
        handlers = self._going_on(retried)
        return bool(handlers) and all(map(self._asks_for_refusal, handlers))

    def _asks_for_refusal(self, handler: ast.ExceptHandler) -> bool:
        """``if error.status not in (409, 412): raise``."""
        if not any(isinstance(item, ast.Raise) for item in ast.walk(handler)):
            return False
        codes = [
            node.value
            for item in ast.walk(handler)
            if isinstance(item, ast.If)
            for compare in ast.walk(item.test)
            if isinstance(compare, ast.Compare) and isinstance(compare.ops[0], _EQUALS)
            for side in (compare.left, *compare.comparators)
            for node in ast.walk(Policies(self.module).value(side))
            if isinstance(node, ast.Constant) and type(node.value) is int and node.value >= _BAD_REQUEST
        ]
        return bool(codes) and all(code < _SERVER_ERROR or code in _SAFE_STATUS for code in codes)

    def _is_declined(self, retried: Retried) -> bool:
        """Whether all that is retried are errors of the project's own that this file raises for answers which refuse the request:
        ``if status == 429: raise Busy``, ``if message == "too many requests": raise Busy``."""
        names = retried.errors.names
        policies = Policies(self.module)
        decorators = getattr(retried.around, "decorator_list", ())
        if not names or sum(policies.of(item) is not None for item in decorators) > 1:
            return False
        if any(
            last_name(base) in names for item in self.module.index.nodes(ast.ClassDef) for base in item.bases
        ):
            return False  # what else is an error of that kind
        if len([*Effects(self.module).within(retried.body, retried.around)]) > 1:
            return False  # the answer to the second request refuses that one only
        raised: dict[str | None, list[ast.Raise]] = {}
        for item in self.module.index.nodes(ast.Raise):
            error = item.exc.func if isinstance(item.exc, ast.Call) else item.exc
            if error is not None and last_name(error) in names:
                raised.setdefault(last_name(error) if self._is_own(error) else None, []).append(item)
        return names == raised.keys() and all(
            self._is_for_refusal(item) for found in raised.values() for item in found
        )

    def _is_own(self, error: ast.expr) -> bool:
        """Whether a class stands in this file or in another one of the project."""
        if isinstance(self.module.receivers.definition(error), ast.ClassDef):
            return True
        name = self.module.qualname(error) or ""
        folders = self.module.filename.replace("\\", "/").split("/")[:-1]
        return name.startswith(".") or name.partition(".")[0] in folders

    def _is_for_refusal(self, item: ast.Raise) -> bool:
        """Whether an error is raised only where an answer, by its code or text, has refused the request."""
        around = self.module.index.parent(item)
        if not isinstance(around, ast.If) or item not in around.body or isinstance(around.test, ast.BoolOp):
            return False
        test = around.test
        values = [node.value for node in walk(test) if isinstance(node, ast.Constant)]
        if isinstance(test, ast.Compare) and isinstance(test.ops[0], (ast.Eq, ast.In)):
            codes = [value for value in values if type(value) is int]
            if codes:
                return all(
                    _BAD_REQUEST <= code < _SERVER_ERROR or code in _SAFE_STATUS for code in codes
                ) and (_TIMED_OUT not in codes)
        elif not (isinstance(test, ast.Call) and last_name(test.func) == "startswith"):
            return False
        texts = [value for value in values if isinstance(value, str)]
        return any(map(_REFUSES.search, texts))

    def _is_last(self, effect: Effect, retried: Retried) -> bool:
        """Whether nothing but a pause follows an effect in its attempt, and all errors that lead to the next one are of a library
        that only what stands before it can raise: ``except TimeoutException`` of a browser, around an INSERT at the end."""
        for attempts in self.module.shared(attempt_loops):
            body = attempts.trial.body
            if attempts.loop is retried.around and (own := self.module.index.statement(effect.node)) in body:
                after = body[body.index(own) + 1 :]
                return (
                    own is not body[0]
                    and all(map(self._does_nothing, after))
                    and all(self._is_foreign(handler.type) for handler in attempts.handlers)
                )
        return False

    def _does_nothing(self, statement: ast.stmt) -> bool:
        """Whether a statement pauses or leaves."""
        if isinstance(statement, ast.Expr):
            call = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
            return isinstance(call, ast.Call) and AttemptLoops(self.module).pause(call) is not False
        return isinstance(statement, (ast.Break, ast.Continue, ast.Pass)) or (
            isinstance(statement, ast.Return)
            and (statement.value is None or isinstance(statement.value, ast.Constant))
        )

    def _is_foreign(self, caught: ast.expr | None) -> bool:
        """Whether all errors of a handler are a library's that knows neither databases nor files."""
        types = caught.elts if isinstance(caught, ast.Tuple) else [caught]
        packages = [
            None if item is None else (self.module.qualname(item) or "").partition(".")[0] for item in types
        ]
        return all(item and item not in sys.stdlib_module_names | _databases() for item in packages)

    @staticmethod
    def _is_stale(effects: Effects, change: ast.AugAssign, retried: Retried) -> bool:
        """Whether an amount is read anew where somebody else's write came first, and this one was refused."""
        names = retried.errors.names
        return bool(names and all(map(_OVERTAKEN.search, names))) and effects.is_read_anew(
            change.target, retried.around
        )

    def _is_known_by_hash(self, effect: Effect) -> bool:
        """Whether what is sent goes with a hash of its content, ``copy(stream, hashlib.sha256())``: the same content is the same thing."""
        for call in (effect.node, effect.inner):
            given = (
                [*call.args, *(item.value for item in call.keywords)] if isinstance(call, ast.Call) else []
            )
            for name in (item for item in given if isinstance(item, ast.Name)):
                resolved = self.module.scopes.resolve(name)
                for binding in resolved[1] if resolved is not None else ():
                    made = binding.value
                    if isinstance(made, ast.Call) and (self.module.qualname(made.func) or "").startswith(
                        "hashlib."
                    ):
                        return True
        return False

    def _is_best_effort(self, retried: Retried) -> bool:
        """Whether nobody waits for an effect: failures pass without a word, and a status is all that is returned."""
        handlers = self._going_on(retried)
        function = self.module.index.function(retried.around) if handlers else None
        if function is None or not all(isinstance(item.body[0], ast.Pass) for item in handlers):
            return False
        nodes = [*own_nodes(function)]
        returned = [item.value for item in nodes if isinstance(item, ast.Return)]
        return not any(isinstance(item, ast.Raise) for item in nodes) and all(
            value is None or isinstance(value, ast.Constant) for value in returned
        )

    def _is_same(self, effect: Effect, around: ast.AST) -> bool:
        """Whether a message is made before the loop, of an argument: consumers see the same bytes, with what identifies them."""
        call = effect.node
        if not isinstance(around, (ast.For, ast.While)) or not isinstance(call, ast.Call):
            return False
        is_made = False
        for given in (*call.args, *(item.value for item in call.keywords)):
            for name in names_in(given):
                resolved = self.module.scopes.resolve(name)
                for binding in resolved[1] if resolved is not None else ():
                    if around.lineno <= getattr(binding.node, "lineno", 0) <= (around.end_lineno or 0):
                        return False
                    is_made = is_made or (binding.value is not None and self._is_of_argument(binding.value))
                    if binding.kind is Kind.PARAMETER and self._is_whole(name):
                        is_made = is_made or _reads_id(around, name.id)
            if any(
                isinstance(item, ast.Call)
                and not item.args
                and not item.keywords
                and last_name(item.func) not in _SERIALISE
                for item in ast.walk(given)
            ):
                return False  # uuid4(), now()
        return is_made

    def _is_whole(self, name: ast.Name) -> bool:
        """Whether an object itself is sent, or what it makes of itself: ``message.encode()``."""
        parent = self.module.index.parent(name)
        return not isinstance(parent, (ast.Attribute, ast.Subscript)) or last_name(parent) in _SERIALISE

    def _is_of_argument(self, value: ast.expr) -> bool:
        """Whether a value is computed from a parameter, perhaps through other variables."""
        stack, seen = [value], set[str]()
        while stack:
            for name in names_in(stack.pop()):
                resolved = self.module.scopes.resolve(name)
                for binding in resolved[1] if resolved is not None and name.id not in seen else ():
                    if binding.kind is Kind.PARAMETER and name.id not in ("self", "cls"):
                        return True
                    if binding.value is not None:
                        stack.append(binding.value)
                seen.add(name.id)
        return False

    def _report(self, effect: Effect, retried: Retried) -> Iterator[Finding]:
        key = Effects(self.module).key(effect, retried.around)
        if key is Key.MINTED:
            yield from self.found(effect.node, message=_MINTED, what=effect.shown, by=retried.by)
        else:
            yield from self.found(
                effect.node,
                what=_WHAT.get(effect.kind, "{}").format(effect.shown),
                by=retried.by,
                advice=_ADVICE[effect.kind],
            )

    # -- Retry objects of urllib3

    def _adapter(self, policies: Policies, policy: Policy) -> Iterator[Finding]:
        """``Retry(allowed_methods=None)``: POST is retried after it was sent."""
        row = policy.row
        if policy.call is None or policies.is_hidden(policy):
            return
        for name in row["methods"]:
            value = policies.given(
                policy, name, row["methods_position"] if name == row["methods"][0] else None
            )
            if value is None:
                continue
            allowed = self._allowed(value)
            if not allowed or self._is_before_sending(policies, policy):
                continue
            if not self._is_documented(policy) and not Effects(self.module).only_reads():
                yield from self.found(
                    policy.node,
                    message=_ADAPTER,
                    call=policy.shown,
                    given=f"{name}={ast.unparse(value)}",
                    verb=allowed,
                )

    def _allowed(self, value: ast.expr) -> str | None:
        """Which method that is not idempotent a value of ``allowed_methods`` lets through."""
        if is_none(value) or is_constant(value, False):
            return "POST"
        texts = {(string(node) or "").upper() for node in ast.walk(value)}
        return next((verb for verb in ("POST", "PATCH") if verb in texts), None)

    def _is_documented(self, policy: Policy) -> bool:
        """Whether a comment in or above a policy says that what it repeats only reads, or that the other side knows repetitions."""
        end = policy.node.end_lineno or policy.node.lineno
        start = self.module.index.statement(policy.node).lineno
        comments = self.module.comments.near(start, *range(policy.node.lineno, end + 1))
        return any(_READS.search(text) for text in map(str, comments))

    @staticmethod
    def _is_before_sending(policies: Policies, policy: Policy) -> bool:
        """Whether only failures to connect, and answers that refuse, are retried."""
        read = policies.given(policy, "read")
        if read is None or not (is_constant(read, 0) or is_constant(read, False)):
            return False
        codes = policies.given(policy, "status_forcelist")
        return codes is None or all(
            node.value in _SAFE_STATUS
            for node in ast.walk(codes)
            if isinstance(node, ast.Constant) and isinstance(node.value, int)
        )


_LOCAL = ("append", "orm", "sql")  # what a library for anything else does not raise errors for
_HARMLESS = ("counter", "http", "message")  # where nobody waits for the answer
_UNWRITTEN = regex(r"Duplicate|Integrity|Unique|AlreadyExists|NoSuchTable|UndefinedTable")
_OVERTAKEN = regex(r"Conflict|Stale|Version")
_OPERATIONAL = frozenset({"DBAPIError", "OperationalError"})
_SERIALIZABLE = "SERIALIZABLE"
_WHY = regex(
    r"unique|duplicate|no.?such.?table|undefined.?table|integrity"
    r"|deadlock|serializ|40001|40p01|transient|contention|(?<!b)locked|busy",  # the database has undone all of it
    re.IGNORECASE,
)
_READS = regex(
    r"\bread-?\s?only\b|\bsafe methods\b|(?<!not )(?<!no )\bde-?duplicat\w+|(?<!not )(?<!non-)(?<!non)\bidempotent\b",
    re.IGNORECASE,
)
# What makes of an object, or of bytes, what is sent: the same each time.
_SERIALISE = frozenset(
    {
        *("SerializeToString", "as_dict", "asdict", "dict", "dumps", "encode", "json", "model_dump"),
        *("model_dump_json", "pack", "serialize", "to_bytes", "to_dict", "to_json", "tobytes"),
    }
)
_IDS = regex(
    r"((correlation|event|message|msg|request)_?(uu)?id|(dedup\w*|idempot\w*)_(id|key|token))", re.IGNORECASE
)
_EQUALS = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)
_BAD_REQUEST, _CONFLICT, _SERVER_ERROR = 400, 409, 500
_TIMED_OUT = 408
_REFUSES = regex(
    r"\btoo[ _-]many\b|\brate[ _-]?limit|throttl|\bquota\b|queue (is )?full|limit (exceeded|reached)|\b(not|un)[ _-]?auth(enticated|ori[sz]ed)|denied|forbidden",
    re.IGNORECASE,
)
_UPDATE = regex(r"\s*UPDATE\b", re.IGNORECASE)


@knowledge.cached
def _databases() -> frozenset[str]:
    """The packages whose errors may be those of a database."""
    known = {name.partition(".")[0] for name in knowledge.by_call("connections.opener")}
    types = {name for row in knowledge.rows("effects.orm") for name in row["types"]}
    return frozenset(known | {name.partition(".")[0] for name in types} | {"builtins", "django"})


def _is_recognised(retried: Retried) -> bool:
    """Whether the code takes a conflict for what it is: the first attempt got through, or somebody else was faster."""
    return any(
        isinstance(node, ast.Compare)
        and isinstance(node.ops[0], ast.Eq)
        and any(_is_conflict(part) for side in (node.left, *node.comparators) for part in walk(side))
        for node in walk(retried.around)
    )


def _is_conflict(node: ast.AST) -> bool:
    return is_constant(node, _CONFLICT) or (isinstance(node, ast.Attribute) and node.attr == "CONFLICT")


def _asks_why(handler: ast.ExceptHandler) -> bool:
    """Whether a handler goes on only for errors of rows that are there already, of a table that is not, or after which all is undone."""
    tests = [item.test for item in ast.walk(handler) if isinstance(item, ast.If)]
    raises = any(isinstance(item, ast.Raise) for item in ast.walk(handler))
    asked = (string(item) or last_name(item) or "" for test in tests for item in ast.walk(test))
    return raises and any(map(_WHY.search, asked))


def _rolls_back(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Call) and last_name(node.func) == "rollback" for node in walk(handler))


def _is_raised_unwritten(names: frozenset[str], function: ast.AST) -> bool:
    """Whether a function raises what it is retried for, and only where the row is there: in ``except IntegrityError``."""
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    nodes = [*own_nodes(function)]
    within = {
        node
        for handler in nodes
        if isinstance(handler, ast.ExceptHandler) and handler.type is not None
        for types in [handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]]
        if all(_UNWRITTEN.search(last_name(item) or "") for item in types)
        for node in ast.walk(handler)
    }
    raised = [[item for item in nodes if _raises(item, name)] for name in names]
    return all(items and within.issuperset(items) for items in raised)


def _raises(node: ast.AST, name: str) -> bool:
    """Whether a statement raises an error of this name."""
    error = node.exc if isinstance(node, ast.Raise) else None
    return last_name(error.func if isinstance(error, ast.Call) else error) == name


def _reads_id(around: ast.AST, name: str) -> bool:
    """Whether code knows an object that is sent by an id of its own: ``message.message_id``."""
    return any(
        isinstance(node, ast.Attribute) and _IDS.fullmatch(node.attr) and last_name(node.value) == name
        for node in walk(around)
    )


def _updates(handler: ast.ExceptHandler) -> bool:
    """Whether a handler writes the row that is there already."""
    return any(
        _UPDATE.match(string(item) or "") or (isinstance(item, ast.Call) and last_name(item.func) == "update")
        for item in ast.walk(handler)
    )


_MINTED = (
    "{what} sends a key that is made anew in each attempt of {by}, so that the other side cannot recognise the repetition; "
    "make the key before the first attempt"
)
_ADAPTER = "{call} with {given} sends {verb} again after it may have been carried out; leave {verb} out, or send an idempotency key with each request"
_KEY = "send an idempotency key that is made before the first attempt"
_WHAT = {
    "amount": "the change of {}",
    "append": "{} to a file opened for appending",
    "orm": "{} with its commit",
}
_ADVICE = {
    "amount": "move it behind the part that may fail",
    "append": "write once, after the part that may fail",
    "cloud": "pass a ClientToken that is made before the first attempt",
    "counter": "count once, after the part that may fail, or keep a set of what was counted",
    "http": _KEY,
    "mail": "send it once, outside of what is retried, or remember that it was sent",
    "message": "give it an id that is made before the first attempt and by which consumers drop duplicates, or publish outside of what is retried",
    "orm": "look for the row first, or insert with ON CONFLICT and a unique key",
    "payment": _KEY,
    "sql": "add ON CONFLICT with a unique key, or retry only what the database has rolled back",
}
