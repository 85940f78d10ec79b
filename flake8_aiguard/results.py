"""What a run keeps of a finding: without its tree, so that it can be sent, kept and compared."""

from __future__ import annotations

from typing import NamedTuple


class Identity(NamedTuple):
    """A place in the code, by its contents.

    Attributes:
        name: the dotted name of the function or class around it; empty in a module's body.
        statement: a hash of the statement, or of its head where it has a body: the same for another layout, other quotes, other
            comments.
        first: the first line of that statement.
        last: its last line, or that of its head.
    """

    name: str
    statement: str
    first: int
    last: int


class Result(NamedTuple):
    """One result of a file, as flake8's ``FileChecker`` keeps it, and what Ruff calls it.

    Attributes:
        code: ``AIG014`` or ``E999``.
        line: its line, from 1.
        column: its column, as the rule gave it.
        text: the message without the code.
        noqa_line: the source of the logical line, in which a ``noqa`` counts.
        ruff: Ruff's codes for this very shape, with spaces between them.
        identity: by what it is recognised when its line has moved; ``None`` for what is no finding of a rule.
    """

    code: str
    line: int
    column: int
    text: str
    noqa_line: str | None
    ruff: str | None = None
    identity: Identity | None = None
