"""AIG016: a limit whose value nobody explains."""

from __future__ import annotations

import ast
import bisect
import functools
import os
import re
from collections.abc import Iterable, Iterator

from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.limits import Limit, Limits
from flake8_aiguard.reasons import cited, is_reason, names_record
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import dotted, last_name, string

_URL = regex(r"https?://")
_BODIES = ("body", "orelse", "finalbody")


class UnexplainedLimit(Checker):
    """Literal timeout, retry count, delay, pool size or rate without a comment that says why this value.

    Why: a limit is a decision about somebody else: how long the gateway may take, how many connections the database
    bears. A number without a reason can be neither kept nor changed with confidence, and generated code is full of
    numbers that merely look right.

    Bad::

        import requests

        def price(url):
            return requests.get(url, timeout=30).json()

    Good::

        import requests

        def price(url):
            # The shop's SLA leaves 2 s for a page; p99 of the price service is 400 ms.
            return requests.get(url, timeout=1).json()

    Limits: a gate: right by its own definition, and not wanted everywhere. Reads the comment at the end of the line and the block directly above
    the line, the call or the statement; for a constant also one that ends two lines above, and the string below it; of the block above the function, a
    URL. A retry policy of tenacity is one finding.

    - A reason cites something (a decision record, a ticket, a URL), names an agreement (SLA, quota), says why (because, so that, to avoid, must), names a
      measurement, or relates the value to another. What says the name of the value again is none.
    - Silent on 0, -1 and ``None``, on values from variables, configuration or environment, on defaults of parameters and fields of settings.
    - Silent on short pauses: under a second where no failure precedes them, up to 0.2 seconds where a loop asks until a condition holds.
    - Silent on heartbeats, pools of one, variables that are bound again, attributes, files named settings, and in tests.
    - With ``adr-dir`` set, a cited decision record for which there is no file is reported.
    """

    code = "AIG016"
    slug = "unexplained-limit"
    since = "0.1.0"
    severity = "note"
    message = (
        "{limit} gives no reason for its value; add a comment with what it follows from: "
        "a measurement, an SLA, a ticket or a decision record"
    )
    in_tests = False
    gate = True
    ruff = "Ruff's PLR2004 reports numbers in comparisons; nothing asks for a reason."
    settings = ("adr-pattern", "adr-dir")

    def start(self) -> None:
        self._limits = Limits(self.module)
        self._record = re.compile(self.options.adr_pattern)
        self._reported: set[int] = set()
        self._policies: set[ast.AST] = set()

    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        limits = self._limits.given(node)
        if not limits:
            return
        comments = {limit: self._around(node, limit.node) for limit in limits}
        unexplained = [limit for limit in limits if not self._reasons(comments[limit])]
        together = unexplained or limits
        text = ", ".join(limit.text for limit in together)
        if self.module.qualname(node.func) != "builtins.dict":  # which is but a way to write the key
            text = f"{dotted(node.func) or last_name(node.func)}({text})"
        policy = self._policy(node)
        if policy in self._policies:
            return
        for finding in self._report(together[0], text, comments[together[0]]):
            self._policies.add(policy)
            yield finding

    def _policy(self, node: ast.Call) -> ast.AST:
        """The retry policy of which a call is a part, which takes one comment; else the call itself."""
        for outer in self.module.index.ancestors(node):
            if not isinstance(outer, (ast.BinOp, ast.Call, ast.keyword)):
                break
            if isinstance(outer, ast.Call) and (self.module.called(outer) or "").startswith("tenacity."):
                return outer
        return node

    def visit_Assign(self, node: ast.Assign) -> Iterator[Finding]:
        yield from self._constant(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Iterator[Finding]:
        yield from self._constant(node)

    def _constant(self, node: ast.Assign | ast.AnnAssign) -> Iterator[Finding]:
        limit = self._limits.constant(node)
        if limit is not None:
            yield from self._report(limit, limit.text, self._about(node))

    def _reasons(self, comments: Iterable[str]) -> list[str]:
        return [comment for comment in comments if is_reason(comment, self._record)]

    def _report(self, limit: Limit, text: str, comments: Iterable[str]) -> Iterator[Finding]:
        line = _line(limit.node)
        if line in self._reported:
            return  # one comment explains all of a line
        reasons = self._reasons(comments)
        found = self._missing_records(limit, text, reasons) if reasons else self.found(limit.node, limit=text)
        for finding in found:
            self._reported.add(line)
            yield finding

    def _missing_records(self, limit: Limit, text: str, reasons: list[str]) -> Iterator[Finding]:
        if not self.options.adr_dir:
            return
        for citation in dict.fromkeys(item for reason in reasons for item in cited(reason, self._record)):
            if not any(names_record(name, citation) for name in self._records):
                yield from self.found(
                    limit.node,
                    message="{limit} cites {citation}, but {folder} has no such record; cite one that exists, or write it",
                    limit=text,
                    citation=citation,
                    folder=self.options.adr_dir,
                )
                return

    @functools.cached_property
    def _records(self) -> list[str]:
        folder = self.options.adr_dir
        return os.listdir(folder) if os.path.isdir(folder) else []

    # -- the comments that belong to a limit

    def _around(self, call: ast.Call, value: ast.AST) -> list[str]:
        """The comments at an argument, its call and its statement."""
        statement = self.module.index.statement(call)
        lines = [_line(value), call.lineno, call.end_lineno or call.lineno, statement.lineno]
        lines += [item.lineno for item in getattr(statement, "decorator_list", ())]
        for outer in self.module.index.ancestors(call):
            if not isinstance(outer, (ast.keyword, ast.Call)):
                break
            lines += (outer.lineno, outer.end_lineno or outer.lineno)
        return [*self.module.comments.near(*lines), *self._origin(call)]

    def _origin(self, call: ast.Call) -> list[str]:
        """The comment directly above the function around a call, where it says by a URL what the code is taken from."""
        function = self.module.index.function(call)
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return []
        first = min([function.lineno, *(item.lineno for item in function.decorator_list)])
        comment = self.module.comments.above(first)
        return [comment] if _URL.search(comment) else []

    def _about(self, node: ast.Assign | ast.AnnAssign) -> list[str]:
        """The comments at a constant and within two lines above it, and the string below it."""
        comments = self.module.comments
        found = comments.near(node.lineno, node.end_lineno or node.lineno)
        found.append(comments.above(node.lineno - 1))
        parent = self.module.index.parent(node)
        for name in _BODIES:
            block: list[ast.stmt] = getattr(parent, name, None) or []
            after = bisect.bisect_right(block, node.lineno, key=lambda statement: statement.lineno)
            if 0 < after < len(block) and block[after - 1] is node:
                text = block[after]
                if isinstance(text, ast.Expr) and (reason := string(text.value)) is not None:
                    found.append(reason)
        return found


def _line(node: ast.AST) -> int:
    return getattr(node, "lineno", 1)
