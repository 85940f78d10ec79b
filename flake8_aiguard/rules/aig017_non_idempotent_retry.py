"""AIG017: a retry that may do twice what must be done once."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.effects import Effect, Effects, Key
from flake8_aiguard.retries import Policies, Policy, Retried, Retries, are_possible
from flake8_aiguard.shapes import is_constant, is_none, string

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
    receiver's name says client and the method's name says effect. Nothing is said of retries for errors that say that nothing was
    done (a refused connection, a rate limit), of POST to a URL, or in a function, named for search, login, tokens, inference and the like,
    and of headers that a parameter hands in. Whether the other side ignores repetitions by itself is not known.
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
        for effect in effects.within(retried.body, retried.around):
            if effect.kind in ("sql", "orm") and retried.errors.are("refused", "conflict"):
                continue  # the database has undone the attempt
            if effects.key(effect, retried.around) in (Key.NONE, Key.MINTED):
                return effect
        return None

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
            if allowed and not self._is_before_sending(policies, policy):
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
