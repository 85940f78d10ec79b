"""AIG017: a retry that may do twice what must be done once."""

from __future__ import annotations

import ast
import builtins
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
from flake8_aiguard.retries import Errors, Policies, Policy, Retried, Retries, are_possible, error_names
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import block_of, is_constant, is_none, last_name, names_in, own_nodes, string

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

    Limits: looks at functions under the decorators of tenacity, backoff, stamina, retrying and google.api_core, at Celery tasks
    with ``autoretry_for`` or ``self.retry()``, at loops that attempt something until it succeeds, and at functions of the file that these call.
    The file must show that an error is retried that leaves open what became of the first attempt, and that the effect happens twice.

    - Retried errors that leave it open: all errors, a timeout, a lost connection, an error of a server or driver; not a refusal, a conflict, a rate
      limit, or an error of the project's own that says neither.
    - Of a POST, a word must say that it makes, sends or pays something (function, docstring, URL or fields), or a path that ends in a plural; POST
      without a body, for search, login, tokens or inference, and what stops or deletes something is silent.
    - Calls without a known type count where the receiver's name says client and the method's name says effect.
    - Silent on an INSERT beside its own UPDATE, under SERIALIZABLE with a rollback, or of rows that come from a query; on messages with an id of their own;
      on conditional requests (``If-Match``) and handled conflicts (409).
    - Silent where the content's hash or a header from a parameter goes along, on downloads that go on (``Range``), on files that each
      attempt makes anew, and after what is written and left at once. A file that puts ``Idempotency-Key`` into its headers may retry POST.
    - Not known: whether the other side ignores repetitions by itself.
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
            if not _leave_open(retried.errors, effect.kind):
                continue
            if effect.kind in ("sql", "orm") and self._is_unwritten(effect, retried):
                continue  # the database has undone the attempt
            if effect.kind in ("http", "payment"):
                if is_recognised is None:
                    is_recognised = self._is_refused(retried) or _is_recognised(retried)
                if self._is_completed(effect, retried):
                    continue
                if is_recognised or (effect.kind == "http" and self._is_known_by_hash(effect)):
                    continue
            if effect.kind in _HARMLESS and self._is_best_effort(retried):
                continue
            if effect.kind == "message" and self._is_same(effect, retried.around):
                continue
            if effect.kind in _LOCAL and self._is_last(effect, retried):
                continue
            if effect.kind in _AT_HAND and self._is_left_behind(effect):
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
        handlers = self._going_on(retried)
        if handlers and all(map(_asks_why, handlers)):
            return True
        if names and names <= _OPERATIONAL and all(map(_rolls_back, handlers)) and handlers:
            is_local = all(map(self._is_embedded, handlers))  # a commit that fails has not happened
            return is_local or any(_SERIALIZABLE in (string(node) or "") for node in walk(retried.around))
        inner: ast.AST = effect.inner
        for outer in self.module.index.ancestors(effect.inner):
            if outer is retried.around:
                break
            if isinstance(outer, TRIES) and inner in outer.body and any(map(_updates, outer.handlers)):
                return True
            inner = outer
        return False

    def _is_embedded(self, handler: ast.ExceptHandler) -> bool:
        """Whether a handler catches errors of a database in the same process only."""
        caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        return all(
            item is not None and (self.module.qualname(item) or "").startswith(_EMBEDDED) for item in caught
        )

    def _is_completed(self, effect: Effect, retried: Retried) -> bool:
        """Whether the next attempt follows only where a handler has added to what is sent what the answer missed, and else raises."""
        sent = {name.id for name in names_in(effect.node)}
        handlers = self._going_on(retried)
        return bool(handlers) and all(
            isinstance(handler.body[-1], ast.Raise)
            and any(
                isinstance(item, ast.Subscript)
                and isinstance(item.ctx, ast.Store)
                and last_name(item.value) in sent
                for item in ast.walk(handler)
            )
            for handler in handlers
        )

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

    def _is_left_behind(self, effect: Effect) -> bool:
        """Whether what is retried ends right after an effect that tells at once whether it succeeded: ``log(path); return None``."""
        own = self.module.index.statement(effect.node)
        block = block_of(self.module.index.parent(own), own)
        after = block[block.index(own) + 1 :] if own in block else []
        return (
            bool(after)
            and isinstance(after[-1], (ast.Break, ast.Return))
            and all(map(self._does_nothing, after))
        )

    def _does_nothing(self, statement: ast.stmt) -> bool:
        """Whether a statement pauses or leaves."""
        if isinstance(statement, ast.Expr):
            call = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
            return isinstance(call, ast.Call) and AttemptLoops(self.module).pause(call) is not False
        return isinstance(statement, (ast.Break, ast.Continue, ast.Pass)) or (
            isinstance(statement, ast.Return)
            and (statement.value is None or isinstance(statement.value, (ast.Constant, ast.Name)))
        )

    def _is_foreign(self, caught: ast.expr | None) -> bool:
        """Whether all errors of a handler are a library's that knows neither databases nor files."""
        types = caught.elts if isinstance(caught, ast.Tuple) else [caught]
        packages = [
            None if item is None else (self.module.qualname(item) or "").partition(".")[0] for item in types
        ]
        return all(item and item not in sys.stdlib_module_names | _databases() for item in packages)

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
            effects = Effects(self.module)
            if not self._is_documented(policy) and not effects.only_reads() and not effects.sends_keys():
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
_AT_HAND = ("amount", "append")  # what nobody else answers for
_HARMLESS = ("counter", "http", "message")  # where nobody waits for the answer
# Errors after which nobody knows whether the first attempt has succeeded, and those that say why it has not.
_OPEN = regex(
    r"^((Base)?Exception|(OS|IO|EOF|Environment|Runtime)?[Ee]rror|result|\?)$|time.?d?.?out|deadline|connect|reset|broken|closed|pipe|network|transport|protocol"
    r"|transient|tempor|unavailable|unreachable|incomplete|fail|gateway|server|request|response|status|https?|url|ssl|ssh|client|api|sdk|service|operational|dbapi"
    r"|interface|database|sql|amqp|pika|kafka|redis|postgres|mongo|smtp|socket|stream|channel|rpc|broker|nats|stripe|twilio|slack|boto|aws|azure|google|payment"
    r"|internal|retr(y|ia)|again|remote|upstream|publish|deliver|sen[dt]|mail",
    re.IGNORECASE,
)
_SAYS_WHY = regex(
    r"auth|denied|forbidden|credential|permission|throttl|too.?many|rate.?limit|quota|conflict|concurren|exist|duplicate|not.?found|invalid"
    r"|validat|verif|integrity|serializ|roll(ed)?.?back|abort|busy|lock|(?<!timeout)expired|stale|refused|reject|declined",
    re.IGNORECASE,
)
_OPERATIONAL = frozenset({"DBAPIError", "OperationalError"})
_EMBEDDED = ("sqlite3.", "aiosqlite.", "duckdb.")
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
_UPDATE = regex(r"\s*UPDATE\b", re.IGNORECASE)


def _leave_open(errors: Errors, kind: str) -> bool:
    """Whether an error is retried after which the first attempt may have succeeded: ``Timeout``, not ``TokenExpired``.

    For payments, mail and messages, which nobody takes back, an error that says neither is enough, unless Python itself raises it.
    """
    is_unsaid_enough = kind in ("cloud", "mail", "message", "payment")
    return errors.names is None or any(
        (_OPEN.search(name) or (is_unsaid_enough and not hasattr(builtins, name)))
        and not _SAYS_WHY.search(name)
        for name in errors.names - error_names(("refused",))
    )


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
