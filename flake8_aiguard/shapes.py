"""Small pure predicates on nodes."""

from __future__ import annotations

import ast
import bisect
from collections.abc import Iterable, Iterator
from typing import Final, cast

from flake8_aiguard.children import children, walk
from flake8_aiguard.regex import regex

_WORD: Final = regex(r"[A-Za-z]{3}")
_SWALLOWS: Final = frozenset({"suppress", "raises", "assertRaises", "assertRaisesRegex"})


def argument(call: ast.Call, keyword: str | None = None, position: int | None = None) -> ast.expr | None:
    """An argument of a call, by keyword or by position.

    Args:
        call: the call.
        keyword: the parameter's name.
        position: the parameter's index; a starred argument before it hides it.

    Returns:
        The argument's expression, or ``None`` where it is not written out.
    """
    if keyword is not None:
        for item in call.keywords:
            if item.arg == keyword:
                return item.value
    if position is None or position >= len(call.args):
        return None
    hidden = any(isinstance(item, ast.Starred) for item in call.args[: position + 1])
    return None if hidden else call.args[position]


def hides_arguments(call: ast.Call) -> bool:
    """Whether ``*args`` or ``**kwargs`` in a call may carry arguments that are not written out."""
    return any(item.arg is None for item in call.keywords) or any(
        isinstance(item, ast.Starred) for item in call.args
    )


def is_constant(node: ast.AST | None, value: object) -> bool:
    """Whether a node is the literal ``value``, of the same type."""
    return isinstance(node, ast.Constant) and type(node.value) is type(value) and node.value == value


def is_none(node: ast.AST | None) -> bool:
    """Whether a node is the literal ``None``."""
    return isinstance(node, ast.Constant) and node.value is None


def string(node: ast.AST | None) -> str | None:
    """The value of a string literal, else ``None``."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def dotted(node: ast.AST | None) -> str | None:
    """The text of a plain chain of names, ``self.client.get``; ``None`` for anything else.

    This is text, not a resolved name: for messages and for comparing receivers in one scope.
    """
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    parts.append(node.id)
    return ".".join(reversed(parts))


def shown(node: ast.expr, longest: int) -> str:
    """The source of an expression on one line, for messages, cut where it is longer than so many characters."""
    try:
        text = " ".join(ast.unparse(node).split())
    except RecursionError:
        return "..."
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def chain(node: ast.expr) -> str:
    """What is called or named as a message shows it, arguments left out: ``session.get``, ``session.query(...).first()``."""
    calls: list[str] = []
    while True:
        if isinstance(node, ast.Await):
            node = node.value
        elif isinstance(node, ast.Call):
            calls.append("(...)" if calls and (node.args or node.keywords) else "()")
            node = node.func
        elif isinstance(node, ast.Subscript):
            calls.append("[...]")
            node = node.value
        elif isinstance(node, ast.Attribute):
            calls.append(f".{node.attr}")
            node = node.value
        else:
            calls.append(node.id if isinstance(node, ast.Name) else "...")
            break
    text = "".join(reversed(calls))
    head, _, _ = text.partition("(...)")
    last = text.rpartition(".")[2]
    return text if len(text) <= 60 else f"{head}(...)...{last}"


def start_of(node: ast.AST) -> tuple[int, int]:
    """Where a node begins: line and column; zeros for one without a place."""
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def end_of(node: ast.AST) -> tuple[int, int]:
    """Where a node ends: line and column; zeros for one without a place."""
    return getattr(node, "end_lineno", 0), getattr(node, "end_col_offset", 0)


def bound_value(definition: ast.AST | None) -> ast.expr | None:
    """What a definition of one name binds it to; ``None`` where it takes something apart, or is no assignment."""
    if isinstance(definition, ast.withitem):
        return definition.context_expr if isinstance(definition.optional_vars, ast.Name) else None
    if isinstance(definition, ast.Assign):
        return definition.value if isinstance(definition.targets[0], ast.Name) else None
    return definition.value if isinstance(definition, (ast.AnnAssign, ast.NamedExpr)) else None


def root(node: ast.expr) -> ast.expr:
    """What a chain of attributes, subscripts and calls starts with: ``a`` in ``a.b[0].c()``."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call, ast.Await)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node


def calls_before(node: ast.Call) -> Iterator[ast.Call]:
    """The calls that stand before this one in its chain: ``a()`` for ``a().b[0].c()``."""
    inner = node.func
    while isinstance(inner, (ast.Attribute, ast.Subscript, ast.Await, ast.Call)):
        if isinstance(inner, ast.Call):
            yield inner
        inner = inner.func if isinstance(inner, ast.Call) else inner.value


def last_name(node: ast.AST | None) -> str | None:
    """The last identifier of a name or attribute: ``get`` of ``self.client.get``; ``None`` for anything else."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def names_in(node: ast.AST) -> Iterator[ast.Name]:
    """All names below a node, itself included, in no particular order."""
    for item in walk(node):
        if isinstance(item, ast.Name):
            yield item


def identifiers(node: ast.AST) -> Iterator[str]:
    """The names and attributes below a node, itself included."""
    for item in walk(node):
        if isinstance(item, ast.Name):
            yield item.id
        elif isinstance(item, ast.Attribute):
            yield item.attr


def words(name: str) -> set[str]:
    """The words of an identifier: ``fetch`` and ``all`` of ``fetch_all``."""
    return set(name.lower().split("_"))


def own_nodes(region: ast.AST) -> Iterator[ast.AST]:
    """The nodes below a region that it runs itself: nested functions and classes left out; in no particular order."""
    stack = list(children(region))
    while stack:
        item = stack.pop()
        if not isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            yield item
            stack.extend(children(item))


def following(parent: ast.AST | None, statement: ast.AST, count: int | None = None) -> list[ast.stmt]:
    """The next statements of the block that a statement stands in.

    Args:
        parent: its parent.
        statement: the statement.
        count: how many of them; all where it is left out.
    """
    block = block_of(parent, statement)
    at = place_in(block, statement) + 1 if block else 0
    return block[at : None if count is None else at + count]


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> list[ast.arg]:
    """All parameters of a function, ``*args`` and ``**kwargs`` included, in order of declaration."""
    spec = function.args
    found = [*spec.posonlyargs, *spec.args]
    if spec.vararg:
        found.append(spec.vararg)
    found.extend(spec.kwonlyargs)
    if spec.kwarg:
        found.append(spec.kwarg)
    return found


_BLOCKS = ("body", "orelse", "finalbody")
_MANY = 40  # statements, from which on a search by position beats one after the other
_FORMATS = 5  # "..." % a % b ...: more of them are nobody's text
_PERCENT = regex(r"%(?:\((?P<name>\w+)\))?[-#0 +]*\d*(?:\.\d+)?(?P<kind>[sdrifx%])")
_BRACES = regex(r"\{(?P<name>\w*)[^{}]*\}")


def text_parts(node: ast.expr, formats: int = _FORMATS) -> list[str | ast.expr] | None:
    """The literal pieces of a string expression and what fills its holes, in order.

    Reads f-strings, ``+``, ``%`` and ``.format()``.

    Args:
        node: the expression.
        formats: how many ``%`` and ``.format()`` may be nested.

    Returns:
        Literal texts and expressions; ``None`` where the expression shows no literal text.
    """
    parts: list[str | ast.expr] = []
    stack = [node]
    while stack:
        item = stack.pop()
        text = string(item)
        if text is not None:
            parts.append(text)
        elif isinstance(item, ast.JoinedStr):
            stack += reversed(item.values)
        elif isinstance(item, ast.FormattedValue):
            parts.append(item.value)
        elif isinstance(item, ast.BinOp) and isinstance(item.op, ast.Add):
            stack += (item.right, item.left)
        else:
            parts += (_formatted(item, formats - 1) if formats else None) or [item]
    return parts if any(isinstance(part, str) for part in parts) else None


def is_named_constant(node: ast.expr) -> bool:
    """Whether an expression is a constant by its name: a literal that stands in one place."""
    return isinstance(node, ast.Name) and node.id.isupper()


def explains(message: ast.expr | None) -> bool:
    """Whether the message of an assert has words of its own, and does not only show values."""
    stack = [message]
    for item in stack:
        text = getattr(item, "value", None) if isinstance(item, ast.Constant) else None
        if isinstance(text, (str, bytes)):
            if _WORD.search(text if isinstance(text, str) else text.decode("latin-1")) is not None:
                return True
        elif isinstance(item, ast.JoinedStr):
            stack += item.values
        elif isinstance(item, ast.BinOp):
            stack += (item.left, item.right) if isinstance(item.op, ast.Add) else (item.left,)
        elif isinstance(item, ast.IfExp):
            stack += (item.body, item.orelse)
        elif isinstance(item, ast.Call):
            stack += (getattr(item.func, "value", None), *item.args)
    return False


def _formatted(node: ast.expr, formats: int) -> list[str | ast.expr] | None:
    """The parts of ``"..." % values`` and ``"...".format(...)``."""
    values: dict[str, ast.expr] = {}
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        template, pattern = node.left, _PERCENT
        if isinstance(node.right, ast.Dict):
            values = {
                string(key) or "": value
                for key, value in zip(node.right.keys, node.right.values, strict=True)
            }
        else:
            items = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
            values = {str(number): value for number, value in enumerate(items)}
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        template, pattern = node.func.value, _BRACES
        values = {str(number): value for number, value in enumerate(node.args)}
        values |= {item.arg: item.value for item in node.keywords if item.arg}
    else:
        return None
    parts = text_parts(template, formats)
    if parts is None:
        return None
    filled: list[str | ast.expr] = []
    count = 0
    for part in parts:
        if not isinstance(part, str):
            filled.append(part)
            continue
        end = 0
        for hole in pattern.finditer(part):
            if hole.groupdict().get("kind") == "%":
                continue
            filled.append(part[end : hole.start()])
            filled.append(values.get(hole["name"] or str(count), node))
            count += not hole["name"]
            end = hole.end()
        filled.append(part[end:])
    return filled


def default(
    function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, parameter: ast.arg
) -> ast.expr | None:
    """The default value of a parameter; ``None`` where it has none."""
    spec = function.args
    positional = [*spec.posonlyargs, *spec.args]
    for known, value in zip(reversed(positional), reversed(spec.defaults), strict=False):
        if known is parameter:
            return value
    keyword_only = zip(spec.kwonlyargs, spec.kw_defaults, strict=True)
    return next((value for known, value in keyword_only if known is parameter), None)


def single_targets(targets: Iterable[ast.expr]) -> Iterator[ast.expr]:
    """The single targets in (nested) tuples and lists."""
    stack = list(targets)
    while stack:
        target = stack.pop()
        if isinstance(target, (ast.Tuple, ast.List)):
            stack.extend(target.elts)
        elif isinstance(target, ast.Starred):
            stack.append(target.value)
        else:
            yield target


def is_main_guard(node: ast.AST) -> bool:
    """Whether a statement is ``if __name__ == "__main__":``."""
    if not isinstance(node, ast.If) or not isinstance(node.test, ast.Compare):
        return False
    sides = (node.test.left, *node.test.comparators)
    return any(dotted(side) == "__name__" for side in sides) and any(
        is_constant(side, "__main__") for side in sides
    )


def blocks(owner: ast.AST | None) -> Iterator[list[ast.stmt]]:
    """The lists of statements that a node holds: a body, an ``else``, a ``finally``."""
    for name in _BLOCKS:
        block = getattr(owner, name, None)
        if isinstance(block, list) and block:
            yield block


def block_of(parent: ast.AST | None, statement: ast.AST) -> list[ast.stmt]:
    """The statements among which one stands; ``parent`` is its parent."""
    for name in _BLOCKS:
        block = getattr(parent, name, None)
        if block.__class__ is list and holds(block, statement):
            return cast("list[ast.stmt]", block)
    return []


def holds(block: list[ast.stmt], statement: ast.AST) -> bool:
    """Whether a statement is one of a block."""
    if len(block) < _MANY:
        return statement in block
    at = place_in(block, statement)
    return at < len(block) and block[at] is statement


def place_in(block: list[ast.stmt], statement: ast.AST) -> int:
    """How many statements of its block stand before one."""
    if len(block) < _MANY:
        return next((at for at, item in enumerate(block) if item is statement), len(block))
    return bisect.bisect_left(block, start_of(statement), key=start_of)


def swallows(context: ast.expr) -> bool:
    """Whether a context manager swallows exceptions: `contextlib.suppress(...)`, `pytest.raises(...)`."""
    return isinstance(context, ast.Call) and (dotted(context.func) or "").rpartition(".")[2] in _SWALLOWS


def captures(pattern: ast.pattern) -> list[tuple[str, ast.AST]]:
    """The names that a pattern binds, with the nodes that bind them."""
    found: list[tuple[str, ast.AST]] = []
    for node in ast.walk(pattern):
        if isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
            found.append((node.name, node))
        elif isinstance(node, ast.MatchMapping) and node.rest:
            found.append((node.rest, node))
    return found


def is_irrefutable(pattern: ast.pattern) -> bool:
    """Whether a pattern matches everything."""
    while isinstance(pattern, ast.MatchAs):
        if pattern.pattern is None:
            return True
        pattern = pattern.pattern
    return isinstance(pattern, ast.MatchOr) and is_irrefutable(pattern.patterns[-1])


def evaluated_outside(
    function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
) -> list[ast.expr]:
    """What a definition evaluates where it stands: decorators and defaults."""
    decorators = [] if isinstance(function, ast.Lambda) else function.decorator_list
    return [
        *decorators,
        *function.args.defaults,
        *(default for default in function.args.kw_defaults if default),
    ]
