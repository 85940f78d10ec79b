"""Reaching definitions: runs what :mod:`flake8_aiguard.lowering` made of a function, and notes what each name may hold."""

from __future__ import annotations

import ast
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from flake8_aiguard.lowering import Bind, Choice, Guarded, Jump, Loop, Op

MAX_DEFINITIONS = 64


class Phi:
    """A value that may come from several definitions: `operands`, and what `name` was at some `times`."""

    __slots__ = ("history", "known", "operands", "reaching", "times")

    def __init__(
        self, operands: list[Value], history: _History | None = None, times: Sequence[int] = ()
    ) -> None:
        self.operands = operands
        self.history = history
        self.times = times
        self.reaching: frozenset[ast.AST] | None = None
        self.known = False

    def sources(self) -> Iterator[Value]:
        yield from self.operands
        if self.history is not None:
            yield from self.history.at_any(self.times)


class _Deleted:
    """The value of a name after `del`."""


Value: TypeAlias = ast.AST | Phi | _Deleted | None  # None: not bound


class _History:
    """All values that a name has had, with the time of each write."""

    __slots__ = ("times", "values")

    def __init__(self) -> None:
        self.times: list[int] = []
        self.values: list[Value] = []

    def at(self, time: int) -> Value:
        index = bisect_right(self.times, time)
        return self.values[index - 1] if index else None

    def at_any(self, times: Sequence[int]) -> Iterator[Value]:
        """The values at some (ascending) times; cost follows the number of writes, not of times."""
        index = 0
        for position, value in enumerate(self.values):
            index = bisect_left(times, self.times[position], index)
            if index == len(times):
                return
            if position + 1 == len(self.times) or times[index] < self.times[position + 1]:
                yield value

    def since(self, time: int) -> list[Value]:
        return self.values[bisect_right(self.times, time) :]


@dataclass(slots=True)
class _Running:
    """A loop under way: when it was left or continued, and what `finally` blocks bound on these ways."""

    breaks: list[int]
    continues: list[int]
    extra: dict[str, list[Value]]


_NO_VALUES: Mapping[str, list[Value]] = {}


def _join(values: Iterable[Value]) -> Value:
    distinct: list[Value] = list({id(value): value for value in values if value is not None}.values())
    if len(distinct) > 1:
        return Phi(distinct)
    return distinct[0] if distinct else None


def flatten(value: Value) -> frozenset[ast.AST] | None:
    """The definitions behind a value; `None` for a deleted name or too many of them."""
    if value is None:
        return frozenset()
    if isinstance(value, _Deleted):
        return None
    if not isinstance(value, Phi):
        return frozenset({value})
    if not value.known:
        value.known = True
        value.reaching = _reaching(value)
    return value.reaching


def _reaching(phi: Phi) -> frozenset[ast.AST] | None:
    found: set[ast.AST] = set()
    seen = {id(phi)}
    stack = [phi]
    while stack:
        for value in stack.pop().sources():
            if isinstance(value, Phi):
                if id(value) not in seen:
                    seen.add(id(value))
                    stack.append(value)
            elif isinstance(value, _Deleted):
                return None
            elif value is not None:
                found.add(value)
                if len(found) > MAX_DEFINITIONS:
                    return None
    return frozenset(found)


class Runner:
    """Runs the operations once over a single environment.

    A branch is undone by the log of its writes, and a join looks only at what its branches wrote, so that
    cost follows the number of bindings, not the number of names times the number of branches.
    """

    def __init__(self) -> None:
        self.values: dict[int, Value] = {}
        self.by_name: dict[str, list[ast.Name]] = {}
        self.env: dict[str, Value] = {}
        self.log: list[tuple[str, Value]] = []
        self.histories: dict[str, _History] = {}
        self.clock = 0
        self.alive = True
        self.loops: list[_Running] = []
        self.touched: list[set[str]] = []  # per `try` under way: names bound since

    def write(self, name: str, value: Value) -> None:
        self.log.append((name, self.env.get(name)))
        self._set(name, value)

    def _set(self, name: str, value: Value) -> None:
        self.env[name] = value
        if self.touched:
            self.touched[-1].add(name)
        self.clock += 1
        history = self.histories.setdefault(name, _History())
        history.times.append(self.clock)
        history.values.append(value)

    def delta(self, mark: int) -> dict[str, Value]:
        """What has been written since a mark in the log, with its present value."""
        return {name: self.env[name] for name, _ in self.log[mark:]}

    def rollback(self, mark: int) -> None:
        before: dict[str, Value] = {}
        for name, value in self.log[mark:]:
            before.setdefault(name, value)
        del self.log[mark:]
        for name, value in before.items():
            self._set(name, value)

    def run(self, ops: list[Op]) -> None:
        for op in ops:
            if isinstance(op, ast.Name):
                self.values[id(op)] = self.env.get(op.id)
                self.by_name.setdefault(op.id, []).append(op)
            elif isinstance(op, Bind):
                value: Value = op.node or _Deleted()
                self.write(op.name, _join((self.env.get(op.name), value)) if op.weak else value)
            elif isinstance(op, Jump):
                if self.alive and self.loops and op.kind != "leave":
                    loop = self.loops[-1]
                    (loop.breaks if op.kind == "break" else loop.continues).append(self.clock)
                self.alive = False
            elif isinstance(op, Choice):
                self.choice(op)
            elif isinstance(op, Loop):
                self.loop(op)
            else:
                self.guarded(op)

    def merge(self, ends: list[dict[str, Value]], also: Mapping[str, list[Value]] = _NO_VALUES) -> None:
        """Go on from the ends of alternatives, given by what each has written since this point."""
        written: dict[str, list[Value]] = {}
        for end in ends:
            for name, value in end.items():
                written.setdefault(name, []).append(value)
        for name in also:
            written.setdefault(name, [])
        for name, values in written.items():
            if len(values) < len(ends):
                values.append(self.env.get(name))
            self.write(name, _join((*values, *also.get(name, ()))))
        self.alive = bool(ends)

    def choice(self, op: Choice) -> None:
        alive = self.alive
        ends: list[dict[str, Value]] = []
        between: dict[str, list[Value]] = {}
        for index, (test, body) in enumerate(op.arms):
            mark = len(self.log)
            self.run(test)
            if index:  # earlier arms end without what this test binds
                for name, value in self.log[mark:]:
                    between.setdefault(name, []).append(value)
            mark = len(self.log)
            self.run(body)
            if self.alive:
                ends.append(self.delta(mark))
            self.rollback(mark)
            self.alive = alive
        if alive and not op.exhaustive:
            ends.append({})
        self.merge(ends, between)

    def loop(self, op: Loop) -> None:
        alive = self.alive
        running = _Running([], [], {})
        heads = {name: Phi([self.env.get(name)]) for name in op.names}
        for name, head in heads.items():
            self.write(name, head)
        self.loops.append(running)
        self.run(op.test)
        mark = len(self.log)
        self.run(op.body)
        self.loops.pop()
        for name, head in heads.items():
            if self.alive:
                head.operands.append(self.env.get(name))
            if running.continues:
                head.operands.append(
                    Phi(running.extra.get(name, []), self.histories[name], running.continues)
                )
        self.rollback(mark)
        self.alive = alive and not op.forever
        self.run(op.orelse)
        if running.breaks:
            after = self.delta(mark) if self.alive else {}
            changed = op.names | {name for name, _ in self.log[mark:]}
            ended = self.alive
            self.rollback(mark)
            for name in changed:
                values = [after.get(name, self.env.get(name))] if ended else []
                if name in op.names:
                    values.append(Phi(running.extra.get(name, []), self.histories[name], running.breaks))
                elif ended:
                    values.append(self.env.get(name))
                self.write(name, _join(values) if values else self.env.get(name))
            self.alive = True

    def guarded(self, op: Guarded) -> None:
        alive = self.alive
        start, mark = self.clock, len(self.log)
        jumps = self.jumps()
        touched: set[str] = set()
        self.touched.append(touched)
        ends: list[dict[str, Value]] = []
        self.run(op.body)
        finished, result = self.alive, self.delta(mark)
        self.rollback(mark)
        midway = {name: self.since(name, start) for name in touched}
        for handler in op.handlers:
            self.alive = alive
            for name, value in midway.items():
                self.write(name, value)
            self.run(handler)
            if self.alive:
                ends.append(self.delta(mark))
            self.rollback(mark)
        self.alive = finished
        for name, value in result.items():
            self.write(name, value)
        self.run(op.orelse)
        if self.alive:
            ends.append(self.delta(mark))
        self.rollback(mark)
        self.touched.pop()
        if self.touched:
            self.touched[-1] |= touched
        last: dict[str, Value] = {}
        if op.final:
            for name in touched:
                self.write(name, self.since(name, start))
            self.alive = alive
            inner = len(self.log)
            self.run(op.final)
            last = self.delta(inner)
            finished = self.alive
            self.rollback(mark)
        self.merge(ends)
        for name, value in last.items():
            self.write(name, value)
        if op.final:
            self.alive = self.alive and finished
            if self.jumps() > jumps:
                for name, value in last.items():
                    self.loops[-1].extra.setdefault(name, []).append(value)

    def jumps(self) -> int:
        return len(self.loops[-1].breaks) + len(self.loops[-1].continues) if self.loops else 0

    def since(self, name: str, start: int) -> Value:
        """Any value that a name has had since a point in time, or had then."""
        history = self.histories[name]
        return _join([history.at(start), *history.since(start)])
