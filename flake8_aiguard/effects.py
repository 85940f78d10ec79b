"""Effects that must not happen twice: which calls have one, and whether the other side can tell a repetition."""

from __future__ import annotations

import ast
import dataclasses
import enum
import functools
import itertools
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from flake8_aiguard import arguments, knowledge
from flake8_aiguard.children import walk
from flake8_aiguard.index import FUNCTIONS
from flake8_aiguard.loops import Variable
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.posts import Posts, words
from flake8_aiguard.queries import Queries
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import (
    argument,
    calls_before,
    chain,
    default,
    dotted,
    hides_arguments,
    is_constant,
    is_none,
    last_name,
    names_in,
    parameters,
    start_of,
    string,
)

_SAFE_SQL: Final = regex(
    r"\bON\s+CONFLICT\b|\bON\s+DUPLICATE\s+KEY\b|\bINSERT\s+(OR\s+)?(IGNORE|REPLACE)\b|\bOR\s+(IGNORE|REPLACE)\b|\bMERGE\b|\bREPLACE\s+INTO\b"
    r"|\bUPSERT\b|\bNOT\s+EXISTS\b|\bEXCEPT\s+SELECT\b|\bTEMP(ORARY)?\b",
    re.IGNORECASE,
)
_SAFE_CONSTRUCTS: Final = regex(r"on_conflict_do_\w+|on_duplicate_key_update|prefix_with|from_select|merge")
# The header of a request by which the other side knows a repetition; Standard Webhooks: webhook-id.
_HEADER: Final = regex(
    r"^(x-)?idempotency|^(x-)?dedup|-(delivery|webhook)-id$|^webhook-id$|(?-i:(DELIVERY|WEBHOOK|IDEMPOTENCY)_(ID|KEY)_HEADER)",
    re.IGNORECASE,
)
_STEP: Final = regex(r"\bSET\b.*?\b(\w+)\s*=\s*(?:\w+\.)?\1\s*[-+]", re.IGNORECASE | re.DOTALL)
_FETCHED: Final = regex(r"(?:first|get|one)(?:_or_404)?|one_or_none|scalar\w*|merge")
_FUNCTION: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
_STEPS: Final = 60  # expressions behind an argument that are looked at
_HOPS: Final = 3  # attributes between a typed client and the method


class Key(enum.Enum):
    """What lets the other side recognise a repetition."""

    NONE = "nothing"
    GIVEN = "a key that stays the same"
    MINTED = "a key that each attempt makes anew"
    HIDDEN = "perhaps something that the file does not show"


@dataclass(frozen=True, slots=True)
class Effect:
    """An effect.

    Attributes:
        node: the call or statement that has it; where a function of this file has it, the call of that function.
        inner: the call or statement itself.
        kind: ``http``, ``payment``, ``mail``, ``message``, ``cloud``, ``sql``, ``orm``, ``counter``, ``amount`` or ``append``.
        shown: the text for a message.
        row: its row in the tables.
    """

    node: ast.Call | ast.AugAssign
    kind: str
    shown: str
    row: knowledge.Row
    inner: ast.Call | ast.AugAssign


_USED_UP: Final = frozenset({"quota", "rate", "ratelimit"})


class Effects:
    """The effects in one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    @functools.cached_property
    def _queries(self) -> Queries:
        return Queries(self._module)

    @functools.cached_property
    def _posts(self) -> Posts:
        return Posts(self._module)

    def within(self, body: Iterable[ast.AST], around: ast.AST) -> Iterator[Effect]:
        """The effects that running some code has, in document order.

        Args:
            body: its statements or expressions.
            around: the loop or function that is run again.
        """
        nodes = sorted(_runs(body), key=start_of)
        for node in nodes:
            if isinstance(node, ast.AugAssign):
                found = self._amount(node, around) if _is_followed(node, nodes) else None
            else:
                found = self.of(node, nodes) or self._inside(node)
            if found is not None:
                yield found

    @memoised
    def _inside(self, call: ast.Call) -> Effect | None:
        """The first effect of the function of this file that is called, keys apart."""
        definition = self._function(call)
        if definition is None:
            return None
        nodes = sorted(_runs(definition.body), key=start_of)
        for node in nodes:
            found = self.of(node, nodes) if isinstance(node, ast.Call) else None
            if found is not None and (
                self._is_switched_off(node, definition, call)
                or self._is_told_otherwise(found, definition, call)
            ):
                continue
            if found is not None and self.key(found, definition) in (Key.NONE, Key.MINTED):
                shown_as = f"{found.shown} in {chain(call).partition('(')[0]}()"
                return dataclasses.replace(found, node=call, shown=shown_as)
        return None

    def _is_switched_off(
        self, node: ast.AST, definition: ast.FunctionDef | ast.AsyncFunctionDef, call: ast.Call
    ) -> bool:
        """Whether a node runs only under a flag that a call of its function leaves, or sets, to false."""
        if hides_arguments(call):
            return False
        flags = {item.arg: item for item in parameters(definition)}
        child = node
        for outer in self._module.index.ancestors(node):
            if outer is definition:
                break
            if isinstance(outer, ast.If) and child in outer.body and isinstance(outer.test, ast.Name):
                given = arguments.given(self._module.index, call, definition, outer.test.id)
                flag = flags.get(outer.test.id)
                if flag is not None and is_constant(given or default(definition, flag), False):
                    return True
            child = outer
        return False

    def of(self, call: ast.Call, beside: Iterable[ast.AST] = ()) -> Effect | None:
        """The effect of a call.

        Args:
            call: the call.
            beside: the nodes that run with it: an ORM object is inserted by the commit among them.
        """
        method = last_name(call.func)
        if method in _statements():
            found = self._sql(call)
            if found is not None:
                return found
        if method is None or not (method in _methods() or isinstance(call.func, ast.Name)):
            return self._appended(call)
        row = self._typed(call)
        if row is None and isinstance(call.func, ast.Attribute):
            row = self._named(call, call.func) or self._orm(call, call.func, beside)
        if row is None or not self._is_sent(call, row):
            return self._appended(call)
        return Effect(call, row.get("kind", "orm"), chain(call), row, call)

    # -- which row

    def _typed(self, call: ast.Call) -> knowledge.Row | None:
        rows = knowledge.by_call("effects.effect")
        name = self._module.qualname(call.func)
        if name is not None:
            return rows.get(name)
        node: ast.expr = call.func
        path: list[str] = []
        while isinstance(node, ast.Attribute) and len(path) < _HOPS:
            path.insert(0, node.attr)
            node = node.value
            found = self._module.type_of(node)
            if found is not None:
                return rows.get(f"{found}.{'.'.join(path)}")
        return None

    def _named(self, call: ast.Call, function: ast.Attribute) -> knowledge.Row | None:
        rows = _named_rows().get(function.attr)
        if rows is None or not self._is_open(function.value):
            return None
        receiver = function.value
        if isinstance(receiver, ast.Call):
            receiver = receiver.func
        said = last_name(receiver)
        if said is None:
            return None
        found = {*words(said), said.lower().strip("_")}
        return next(
            (row for row in rows if found & {*row["names"]} and not found & {*row.get("not_names", ())}), None
        )

    def _is_open(self, receiver: ast.expr) -> bool:
        """Whether the type of a receiver leaves its name to decide: none is known, or it is a class of the project."""
        name = self._module.type_of(receiver)
        if name is None:
            name = self._module.qualname(receiver)
        return name is None or name.partition(".")[0] not in sys.stdlib_module_names | _packages()

    def _orm(
        self, call: ast.Call, function: ast.Attribute, beside: Iterable[ast.AST]
    ) -> knowledge.Row | None:
        for row in knowledge.rows("effects.orm"):
            if function.attr not in row["methods"] or not call.args and not call.keywords:
                continue
            found = self._module.type_of(function.value)
            said = last_name(function.value) or ""
            if (
                found not in row["types"]
                if found is not None
                else words(said)[-1:] != words(said)[-1:] or not ({*words(said)[-1:]} & {*row["names"]})
            ):
                continue
            if any(
                not is_constant(argument(call, name), False) and argument(call, name)
                for name in row.get("safe", ())
            ):
                continue
            if function.attr == "add" and call.args and self._is_fetched(call.args[0]):
                continue
            commits = row.get("commit")
            if commits is None or self._commits(function.value, commits, beside):
                return row
        return None

    def _is_fetched(self, row: ast.expr) -> bool:
        """Whether an object that is added comes from a query: its row is there, and adding it again inserts none."""
        made = self._bound(row) if isinstance(row, ast.Name) else []
        calls = [item.value if isinstance(item, ast.Await) else item for item in made]
        return bool(calls) and all(
            isinstance(call, ast.Call) and _FETCHED.fullmatch(last_name(call.func) or "") for call in calls
        )

    def _commits(self, receiver: ast.expr, commits: list[str], beside: Iterable[ast.AST]) -> bool:
        text = dotted(receiver)
        for node in beside:
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in commits
                and dotted(node.func.value) == text
            ):
                return True
            # with Session.begin() as session: ..., with session.begin(): ...
            if isinstance(node, ast.Call) and last_name(node.func) == "begin":
                item = self._module.index.parent(node)
                if isinstance(item, ast.withitem) and text in (
                    dotted(item.optional_vars),
                    dotted(node.func.value) if isinstance(node.func, ast.Attribute) else None,
                ):
                    return True
        return False

    def _is_sent(self, call: ast.Call, row: knowledge.Row) -> bool:
        if "verb" in row:
            verb = string(argument(call, row["verb_keyword"], row["verb"]))
            if verb is None or verb.upper() not in ("POST", "PATCH"):
                return False
        if "body" in row:
            body = argument(call, row["body"], row["body_position"])
            if (body is None or is_none(body)) and not self._is_post(argument(call, None, row["url"])):
                return False
        if row.get("kind") != "http":
            return True
        if self._posts.reads(call, row):
            return False
        function = self._module.index.function(call) or call
        return self._posts.is_evident(call, row) or any(True for _ in self._keys(call, function))

    def only_reads(self) -> bool:
        """Whether none of the POST requests of the file does harm twice."""
        return self._posts.only_read()

    def sends_keys(self) -> bool:
        """Whether the file puts a key by which the other side knows a repetition among the headers of its requests."""
        index = self._module.index
        said: list[ast.expr | None] = [
            node.slice for node in index.nodes(ast.Subscript) if isinstance(node.ctx, ast.Store)
        ]
        said += (name for node in index.nodes(ast.Dict) for name in node.keys)
        return any(
            _HEADER.search(string(name) or last_name(name) or "") is not None
            for name in said
            if name is not None
        )

    def _is_post(self, request: ast.expr | None) -> bool:
        """Whether an expression is an ``urllib.request.Request`` with data, or with such a method."""
        made = self._bound(request) if isinstance(request, ast.Name) else [request]
        for value in made:
            if isinstance(value, ast.Call) and self._module.qualname(value.func) == "urllib.request.Request":
                verb = argument(value, "method", 5)
                data = argument(value, "data", 1)
                has_data = data is not None and not is_none(data)
                if has_data if verb is None else (string(verb) or "").upper() in ("POST", "PATCH"):
                    return True
        return False

    def _is_told_otherwise(
        self, found: Effect, definition: ast.FunctionDef | ast.AsyncFunctionDef, call: ast.Call
    ) -> bool:
        """Whether a function sends a request to where its caller says, and this one does not say that it does harm twice."""
        if found.kind != "http" or not isinstance(found.inner, ast.Call):
            return False
        url = argument(found.inner, found.row["url_keyword"], found.row["url"])
        return self._posts.is_told(definition, url) and not self._posts.is_evident_caller(call)

    def _bound(self, name: ast.Name) -> list[ast.expr]:
        return self._posts.bound(name)

    # -- SQL

    def _sql(self, call: ast.Call) -> Effect | None:
        statement = argument(call, None, 0)
        if statement is None or not isinstance(call.func, ast.Attribute):
            return None
        values = self._bound(statement) if isinstance(statement, ast.Name) else []
        for value in values or [statement]:
            verb = self._queries.verb(value)
            if verb not in ("INSERT", "UPDATE"):
                continue
            text = "".join(
                part if isinstance(part, str) else "?" for part in self._queries.parts(value) or ()
            )
            is_insert = verb == "INSERT" and not (
                _SAFE_SQL.search(text) or _SAFE_CONSTRUCTS.search(_chain(value))
            )
            if (
                verb == "INSERT"
                and not text
                and values
                and any(_SAFE_CONSTRUCTS.search(_chain(other)) for other in values)
            ):
                continue
            if is_insert or (verb == "UPDATE" and _STEP.search(text)):
                what = "an INSERT" if is_insert else "an UPDATE that adds to a column"
                return Effect(call, "sql", what, {"kind": "sql"}, call)
        return None

    # -- files, amounts

    def _appended(self, call: ast.Call) -> Effect | None:
        """A write to a file that was opened for appending."""
        target: ast.expr | None = None
        method = last_name(call.func)
        if isinstance(call.func, ast.Attribute) and method in ("write", "writelines"):
            target = call.func.value
        elif method == "print":
            target = argument(call, "file")
        elif method == "dump" and len(call.args) > 1:
            target = call.args[1]
        elif isinstance(call.func, ast.Attribute) and method in ("writerow", "writerows"):
            made = self._module.receivers.origin(call.func.value).calls
            target = made[0].args[0] if made and made[0].args else None  # csv.writer(file)
        if not isinstance(target, ast.Name):
            return None
        resolved = self._module.scopes.resolve(target)
        function = self._module.index.function(call)
        for binding in resolved[1] if resolved is not None else ():
            if isinstance(binding.value, ast.Call) and self._appends(binding.value):
                if any(self._module.index.function(made) is function for made in self._temporary):
                    continue  # each call starts with a file of its own
                if self._resumes(function):
                    continue
                return Effect(call, "append", chain(call), {"kind": "append"}, call)
        return None

    @staticmethod
    def _resumes(function: ast.AST | None) -> bool:
        """Whether a function goes on where a file ends: it asks for the rest by a ``Range`` header."""
        return function is not None and any(
            isinstance(node, ast.Constant) and node.value in ("Range", "range") for node in ast.walk(function)
        )

    @functools.cached_property
    def _temporary(self) -> list[ast.Call]:
        calls = self._module.index.calls_named(("mkstemp", "NamedTemporaryFile", "mkdtemp"))
        return [call for call in calls if (self._module.qualname(call.func) or "").startswith("tempfile.")]

    def _appends(self, opened: ast.Call) -> bool:
        name = last_name(opened.func)
        if name != "open":
            return False
        is_method = isinstance(opened.func, ast.Attribute) and self._module.qualname(opened.func) is None
        mode = string(argument(opened, "mode", 0 if is_method else 1))
        return mode is not None and mode.startswith("a")

    def _amount(self, node: ast.AugAssign, around: ast.AST) -> Effect | None:
        """``account.balance -= amount``, where what follows may fail."""
        if not isinstance(node.op, (ast.Add, ast.Sub)) or self._is_left_by(node):
            return None
        target = node.target
        said = string(target.slice) if isinstance(target, ast.Subscript) else last_name(target)
        if said is None or not {said, *words(said)[-1:]} & _amounts():
            return None
        if not _USED_UP.isdisjoint(words(ast.unparse(target).replace(".", "_"))):
            return None  # the other side counts each attempt, too
        if isinstance(target, ast.Name):
            owner = self._module.scopes.owner(self._module.index.scope(target), target.id)
            if owner is around or target.id in self._compared(around):
                return None  # each call of the function starts anew; the loop counts its own attempts
        return Effect(node, "amount", ast.unparse(target), {"kind": "amount"}, node)

    def _is_left_by(self, node: ast.AugAssign) -> bool:
        """Whether a plain ``return`` follows a change, so that nothing fails after it."""
        parent = self._module.index.parent(node)
        for block in (getattr(parent, "body", []), getattr(parent, "orelse", [])):
            for one, following in itertools.pairwise(block) if node in block else ():
                if one is node and isinstance(following, ast.Return):
                    return not isinstance(following.value, (ast.Call, ast.Await))
        return False

    @memoised
    def _compared(self, around: ast.AST) -> frozenset[str]:
        """The variables that a loop compares or counts down, as it does with the number of its own attempts: ``while left:``."""
        nodes = [*walk(around)]
        tests: list[ast.expr] = [node for node in nodes if isinstance(node, ast.Compare)]
        if isinstance(around, ast.While):
            tests.append(around.test)
        for handler in (node for node in nodes if isinstance(node, ast.ExceptHandler)):
            tests += [item.test for item in walk(handler) if isinstance(item, ast.If)]
        return frozenset(name.id for node in tests for name in names_in(node))

    # -- keys

    def key(self, effect: Effect, around: ast.AST) -> Key:
        """What lets the other side recognise a repetition of an effect.

        Args:
            effect: the effect.
            around: the loop or function that is run again.
        """
        call = effect.inner
        if call is not effect.node:
            around = self._module.index.function(call) or around
        if not isinstance(call, ast.Call) or effect.kind in ("sql", "append", "orm", "counter"):
            return Key.NONE
        if hides_arguments(call) and self._module.receivers.keywords(call) is None:
            return Key.HIDDEN
        found = {
            Key.MINTED if self._is_minted(value, region) else Key.GIVEN
            for value, region in self._keys(call, around)
        }
        if Key.GIVEN in found:
            return Key.GIVEN
        if Key.MINTED in found:
            return Key.MINTED
        if self._is_configured(effect, call) or self._is_handed_in(call):
            return Key.HIDDEN
        return Key.NONE

    def _is_handed_in(self, call: ast.Call) -> bool:
        """Whether the headers come from the caller or from a function elsewhere."""
        headers = argument(call, "headers")
        if isinstance(headers, ast.Name):
            resolved = self._module.scopes.resolve(headers)
            return resolved is not None and any(item.kind is Kind.PARAMETER for item in resolved[1])
        return False

    def _is_configured(self, effect: Effect, call: ast.Call) -> bool:
        names = effect.row.get("constructor")
        if not names or not isinstance(call.func, ast.Attribute):
            return False
        for made in self._module.receivers.origin(call.func.value).calls:
            for value in (*made.args, *made.keywords):
                mentions = [
                    string(inner) if isinstance(inner, ast.Constant) else getattr(inner, "arg", None)
                    for inner in ast.walk(value)
                ]
                if not {*names}.isdisjoint(mentions):
                    return True
        return False

    def _keys(self, call: ast.Call, around: ast.AST) -> Iterator[tuple[ast.expr, ast.AST]]:
        """The values of what looks like a key in the arguments of a call, and behind their names.

        Yields:
            Each, with the code around it that is run anew for each attempt if it stands there.
        """
        stack: list[tuple[ast.AST, ast.AST]] = [(item, around) for item in (*call.args, *call.keywords)]
        for before in calls_before(call):
            stack += [(item, around) for item in (*before.args, *before.keywords)]
        seen: set[Variable] = set()
        steps = 0
        while stack and steps < _STEPS:
            steps += 1
            start, region = stack.pop()
            for item in ast.walk(start):
                if isinstance(item, ast.keyword) and _is_key(item.arg):
                    yield item.value, region
                elif isinstance(item, ast.Dict):
                    for key, value in zip(item.keys, item.values, strict=True):
                        if _is_key(string(key) or last_name(key)):
                            yield value, region
                elif isinstance(item, ast.Attribute) and _is_key(item.attr):
                    yield item, region
                elif isinstance(item, ast.Call):
                    definition = self._function(item)
                    if definition is not None:
                        inner = definition if _holds(region, item) else item
                        stack += [(part, inner) for part in _parts(definition)]
                elif isinstance(item, ast.Name) and isinstance(item.ctx, ast.Load):
                    if _is_key(item.id):
                        yield item, region
                    variable = self._module.loops.variable(item)
                    if variable is not None and variable not in seen:
                        seen.add(variable)
                        yield from ((value, region) for value in self._items(variable))
                        stack += [(value, region) for value in self._bound(item)]
                        function = self._module.index.function(item)
                        if function is not None:
                            writes = self._module.loops.writes(variable, function)
                            stack += [(write.value, region) for write in writes]

    def _items(self, variable: Variable) -> Iterator[ast.expr]:
        """The values of ``headers["Idempotency-Key"] = ...`` and ``message.key = ...``."""
        scopes, index = self._module.scopes, self._module.index
        for use in scopes.uses(*variable):
            parent = index.parent(use)
            said = None
            if isinstance(parent, ast.Subscript) and parent.value is use:
                said = string(parent.slice) or last_name(parent.slice)
            elif isinstance(parent, ast.Attribute):
                said = parent.attr
            if said is not None and _is_key(said) and isinstance(parent, (ast.Subscript, ast.Attribute)):
                statement = index.parent(parent)
                if isinstance(statement, ast.Assign) and isinstance(parent.ctx, ast.Store):
                    yield statement.value
            elif said == "setdefault" and isinstance(parent, ast.Attribute):
                outer = index.parent(parent)
                if isinstance(outer, ast.Call) and outer.args and _is_key(string(outer.args[0])):
                    yield outer.args[0]

    def _function(self, call: ast.Call) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The function of this file that is called."""
        found = self._module.receivers.definition(call.func)
        return found if isinstance(found, (ast.FunctionDef, ast.AsyncFunctionDef)) else None

    def _is_minted(self, value: ast.expr, region: ast.AST) -> bool:
        """Whether a value is made anew each time that some code is run."""
        stack: list[tuple[ast.AST, ast.AST]] = [(value, region)]
        seen: set[str] = set()
        steps = 0
        while stack and steps < _STEPS:
            steps += 1
            start, around = stack.pop()
            for item in ast.walk(start):
                if isinstance(item, ast.Call) and _holds(around, item):
                    if self._module.qualname(item.func) in knowledge.by_call("effects.mint"):
                        return True
                    definition = self._function(item)
                    if definition is not None:
                        stack += [
                            (part, definition) for part in definition.body if isinstance(part, ast.Return)
                        ]
                elif isinstance(item, ast.Name) and isinstance(item.ctx, ast.Load) and item.id not in seen:
                    seen.add(item.id)
                    resolved = self._module.scopes.resolve(item)
                    for binding in resolved[1] if resolved is not None else ():
                        if (
                            binding.value is not None
                            and _holds(around, binding.node)
                            and not self._is_kept(binding.node, item.id, binding.value, around)
                        ):
                            stack.append((binding.value, around))
        return False

    def _is_kept(self, node: ast.AST, name: str, value: ast.expr, around: ast.AST) -> bool:
        """Whether a loop keeps what the variable held before: ``key = key or uuid4()``, ``if key is None: key = uuid4()``."""
        if isinstance(around, FUNCTIONS):
            return False
        if isinstance(value, (ast.BoolOp, ast.IfExp)) and any(item.id == name for item in names_in(value)):
            return True
        return any(
            isinstance(parent, ast.If) and any(item.id == name for item in names_in(parent.test))
            for parent in self._module.index.ancestors(node)
            if _holds(around, parent)
        )


def _chain(value: ast.expr) -> str:
    """The methods of a chain of calls."""
    found = []
    node: ast.expr = value
    while isinstance(node, (ast.Call, ast.Attribute)):
        if isinstance(node, ast.Attribute):
            found.append(node.attr)
        node = node.func if isinstance(node, ast.Call) else node.value
    return " ".join(found)


def _runs(body: Iterable[ast.AST]) -> Iterator[ast.Call | ast.AugAssign]:
    """The calls and additions that running some code makes, nested functions and except clauses left out."""
    stack = list(body)
    while stack:
        node = stack.pop()
        if isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.ExceptHandler)):
            continue
        if isinstance(node, (ast.Call, ast.AugAssign)):
            yield node
        stack.extend(ast.iter_child_nodes(node))


def _parts(definition: ast.AST) -> Iterator[ast.AST]:
    """The dicts and keywords in a function, where a key may stand."""
    found = (item for item in ast.walk(definition) if isinstance(item, (ast.Dict, ast.keyword)))
    return itertools.islice(found, _STEPS)


def _is_followed(node: ast.AugAssign, nodes: Iterable[ast.Call | ast.AugAssign]) -> bool:
    """Whether a call follows, which may fail."""
    return any(isinstance(other, ast.Call) and other.lineno > (node.end_lineno or 0) for other in nodes)


def _holds(outer: ast.AST, inner: ast.AST) -> bool:
    start, end = getattr(outer, "lineno", 0), getattr(outer, "end_lineno", 0)
    return start <= getattr(inner, "lineno", -1) <= end


def _is_key(said: str | None) -> bool:
    if said is None:
        return False
    plain = re.sub(r"[^a-z0-9]", "", said.lower())
    return any(word in plain for row in knowledge.rows("effects.key") for word in row["words"])


@knowledge.cached
def _named_rows() -> Mapping[str, list[knowledge.Row]]:
    found: defaultdict[str, list[knowledge.Row]] = defaultdict(list)
    for row in knowledge.rows("effects.named"):
        for method in row["methods"]:
            found[method].append(row)
    return found


@knowledge.cached
def _methods() -> frozenset[str]:
    """The last identifiers of everything that may have an effect."""
    orm = (method for row in knowledge.rows("effects.orm") for method in row["methods"])
    typed = (name.rpartition(".")[2] for name in knowledge.by_call("effects.effect"))
    return frozenset((*_named_rows(), *orm, *typed))


@knowledge.cached
def _statements() -> frozenset[str]:
    return frozenset(method for row in knowledge.rows("effects.statement") for method in row["methods"])


@knowledge.cached
def _packages() -> frozenset[str]:
    return frozenset(name.partition(".")[0] for name in knowledge.by_call("effects.effect"))


@knowledge.cached
def _amounts() -> frozenset[str]:
    return frozenset(name for row in knowledge.rows("effects.amount") for name in row["names"])
