"""What two callers do twice who both pass a check before an ``await``, and whether that is worth a lock."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_aiguard.attributes import Access, Kind
from flake8_aiguard.children import walk
from flake8_aiguard.locking import is_lifecycle_name
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import is_constant, last_name, own_nodes, start_of
from flake8_aiguard.shared_state import SharedState

_OPENS = regex(
    r"_*(?:a?connect|open|dial|login|enter_async_context)(?:_\w+)?|_*a?(?:create|make|new|open|build|start|init)_(?:\w+_)?"
    r"(?:pool|conn|connection|session|channel|socket|websocket|client|engine|driver|server|browser|producer|consumer)"
)
# What makes something, goes out for it or has it computed: worth doing once.
_DOES = regex(
    r"_*(?:a|async_|try_|safe_|do_)?(?:acquire|allocate|analy[sz]e|assign|book|build|calculate|call|charge|claim|complete|compute|connect"
    r"|construct|convert|copy|crawl|create|delete|deploy|derive|dial|discover|dispatch|download|embed|emit|encode|enqueue|ensure|evaluate"
    r"|expensive|export|extract|fetch|fill|forward|generate|handshake|import|index|infer|initiali[sz]e|insert|install|instantiate"
    r"|invoke|issue|join|launch|load|log_?in|make|mint|notify|obtain|open|populate|post|predict|prefetch|prepare|process|produce|provision"
    r"|publish|pull|purchase|push|put|read|refresh|register|remove|render|request|reserve|resolve|run(?!_in_)|save|scan|scrape|send|set_?up|sign"
    r"|solve|spawn|start|store|stream|submit|subscribe|summari[sz]e|sync|train|transcribe|translate|update|upload|upsert|warm|work|write)"
    r"(?:s|_\w+)?"
    r"|_*(?:\w+_)?(?:factory|loader|fetcher|builder|maker|producer|creator|generator|opener|getter|callback|func|function|fn|f|coro)"
)
# Whose answers come from elsewhere, whatever the method is called: ``self.client.page(key)``.
_REMOTE = regex(r"(?:\w+_)?(?:api|client|gateway|http|origin|provider|remote|rpc|service|source|upstream)")
_LOOKS_UP = regex(
    r"_*(?:get|find|look_?up|describe|list|query|select|is|check|wait)(?:_\w+)?|\w+_look_?up|exists|ping|ready"
)
_DECLARES = regex(r"_*declare(?:_\w+)?")  # of what is there already, a broker takes no notice
_STARTS = ("create_task", "ensure_future", "start_soon")
# Counts of what has happened, which nobody hands out.
_TALLY = regex(
    r"(?:^|_)(?:attempts?|calls?|cycles?|errors?|failed|failures?|hits|invocations?|iterations?|misses|requests|retries|rounds?|steps?|tries"
    r"|turns?|warnings)(?:_|$)"
)
_COLLECTS = frozenset(
    {
        "Condition",
        "Event",
        "Future",
        "Lock",
        "OrderedDict",
        "Queue",
        "Semaphore",
        "defaultdict",
        "deque",
        "dict",
        "list",
        "set",
    }
)
# Of anything else, one ``open()`` may give all callers the same object.
_CONNECTED = regex(
    r"(?:browser|channel|client|conn|connection|consumer|cursor|database|db|driver|engine|pool|producer|redis|server|session|sock|socket"
    r"|websocket|ws)s?$"
)


def harm(state: SharedState, write: Access) -> str:
    """What two callers do who both passed the check before a write.

    Args:
        state: the shared state of the file.
        write: a write after an ``await`` that rests on a check before it.

    Returns:
        ``fetch``, ``work``, ``open`` or ``count``.
    """
    if (
        state.mentions.key(write.node) is None
        or state.mentions.augments(write.node)
        or write.method.startswith("append")
    ):
        is_opened = write.kind is Kind.BIND and not state.mentions.recounts(write)
        return "open" if is_opened else "count"
    value = state.mentions.assigned(write.node)
    if value is None or not any(state.grounds.awaited(value)):
        return "work"
    return "open" if opens(state, write, value) else "fetch"


def opens(state: SharedState, write: Access, value: ast.expr) -> bool:
    """Whether a write keeps a connection that an ``await`` opened: the second one leaks. Not where opening it is all that a
    method, or the one around it, is there for, and not a stream of which its object is the one user."""
    function: ast.AST | None = write.function
    while function is not None:
        name = getattr(function, "name", "")
        if is_lifecycle_name(name) or (_OPENS.fullmatch(name) and not _hands_back(function)):
            return False
        function = state.module.index.function(function)
    names = [last_name(call.func) or "" for call in state.grounds.awaited(value)]
    return any(
        _OPENS.fullmatch(name) and not (name.strip("_") == "open" and not _CONNECTED.search(write.name))
        for name in names
    )


def _hands_back(function: ast.AST) -> bool:
    """Whether a function returns what it has opened, or anything else."""
    return any(isinstance(item, ast.Return) and item.value is not None for item in own_nodes(function))


def _serves_on(write: Access) -> bool:
    """Whether a function ends by serving for as long as its object is at work: two callers would be two servers anyway."""
    last = write.function.body[-1]
    return last.lineno > write.node.lineno and any(
        isinstance(item, ast.AsyncFor) or (isinstance(item, ast.While) and is_constant(item.test, True))
        for item in (last, *(getattr(last, "body", None) or ()))
    )


def is_worth_a_lock(state: SharedState, read: ast.expr, write: Access, kind: str) -> bool:
    """Whether it can be seen that doing it twice costs or breaks something.

    Looking an entry up twice gives the same entry. What makes, starts, fetches or changes something is done twice; so is
    what the write itself awaits, and of two new containers one is lost with what is in it.

    Args:
        state: the shared state of the file.
        read: the check.
        write: the write that rests on it.
        kind: its harm.
    """
    value = state.mentions.assigned(write.node)
    if kind == "open":
        return not _serves_on(write)
    if kind == "count":
        return not _is_tally(state, write)
    if _is_refused(state, read):
        return False
    awaited = list(_awaited_between(state, read, write))
    if any(last_name(call.func) == "shield" for call in awaited):
        return False  # one task works for all who wait for it
    made = [] if value is None else [item.value for item in walk(value) if isinstance(item, ast.Await)]
    if made and not all(
        isinstance(call, ast.Call) and _DECLARES.fullmatch(last_name(call.func) or "") for call in made
    ):
        return True  # await f(), cast(Entry, await f()), Entry(await f())
    if isinstance(value, (ast.Dict, ast.List, ast.Set)) or (
        isinstance(value, ast.Call) and last_name(value.func) in _COLLECTS
    ):
        return True
    return any(_does(write, call) for call in awaited) or _starts_tasks(state, read, write)


def _is_tally(state: SharedState, write: Access) -> bool:
    """Whether an attribute counts what has happened, or a handler counts what went wrong: nothing is handed out twice."""
    statement = state.module.index.statement(write.node)
    is_raised = isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add)
    if write.method == "append":
        return _TALLY.search(write.name) is not None
    return is_raised and (
        _TALLY.search(write.name) is not None
        or any(
            isinstance(outer, ast.ExceptHandler)
            for outer in state.module.index.outwards(write.node, write.function)
        )
    )


def _is_refused(state: SharedState, read: ast.expr) -> bool:
    """Whether a hit raises: a name that is taken is refused, and nothing is shared by those who ask."""
    statement = state.module.index.statement(read)
    return (
        isinstance(statement, ast.If)
        and isinstance(statement.body[-1], ast.Raise)
        and len(statement.body) == 1
    )


def _does(write: Access, call: ast.Call) -> bool:
    """Whether a call that is awaited makes, starts, fetches or changes something, or may do anything: a parameter is called."""
    name = last_name(call.func)
    if name is None:
        return False
    if isinstance(call.func, ast.Name) and any(
        item.arg == name for item in (*write.function.args.args, *write.function.args.kwonlyargs)
    ):
        return True
    if isinstance(call.func, ast.Attribute) and _REMOTE.fullmatch(
        (last_name(call.func.value) or "").strip("_")
    ):
        return not _LOOKS_UP.fullmatch(name)
    return _DOES.fullmatch(name) is not None


def _awaited_between(state: SharedState, read: ast.expr, write: Access) -> Iterator[ast.Call]:
    """The calls that are awaited between a check and a write, but for what is done when they fail."""
    around = set(state.module.index.outwards(write.node, write.function))
    for item in state.module.index.nodes(ast.Await):
        if (
            start_of(read) < start_of(item) <= start_of(write.node)
            and isinstance(item.value, ast.Call)
            and state.module.index.function(item) is write.function
            and not any(
                isinstance(outer, ast.ExceptHandler) and outer not in around
                for outer in state.module.index.outwards(item, write.function)
            )
        ):
            yield item.value


def _starts_tasks(state: SharedState, read: ast.expr, write: Access) -> bool:
    """Whether tasks are started between a check and a write."""
    return any(
        start_of(read) < start_of(call) <= start_of(write.node)
        and state.module.index.function(call) is write.function
        for call in state.module.index.calls_named(_STARTS)
    )
