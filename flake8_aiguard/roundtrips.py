"""Values that are converted there and back: ``json.loads(json.dumps(x))``, ``int(str(n))``."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from flake8_aiguard import knowledge
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import dotted, last_name, string, words

_READS = ("json.load", "json.loads")
_OTHER_TYPES = tuple(
    f"collections.{name}"
    for name in ("ChainMap", "Counter", "OrderedDict", "UserDict", "defaultdict", "deque")
)
# What an object makes of itself may hold ordered dicts, tuples or enumerations, which JSON makes plain.
_OF_OBJECT = regex(
    r"_*(?:to_|as_?|model_|obj_to_)?(?:dict|dump|json_?dict|serializable)|(?:to_|as_)py(?:dict|list)?"
)
_OF_MOMENTS = {"date": "date", "time": "time", "timetz": "time"}
_CONSTRUCTORS = ("__init__", "__post_init__")
_NO_MODELS = ("ABC", "Generic", "Protocol", "object")


@dataclass(frozen=True, slots=True)
class Trip:
    """A conversion and the one that undoes it.

    Attributes:
        back: the call that undoes it.
        there: the call that is undone.
        instead: what does without both.
    """

    back: str
    there: str
    instead: str


class RoundTrips:
    """The round trips of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def undone(self, node: ast.Call) -> Trip | None:
        """The round trip that a call completes.

        Args:
            node: a call.

        Returns:
            ``None`` for any other call, where one of the two says how to convert, where nobody uses what comes back, in tests and
            below ``try``.
        """
        if self._module.is_test or node.keywords or next(self._module.index.handlers(node), None) is not None:
            return None  # a test of the encoder, or of the value
        if isinstance(self._module.index.parent(node), ast.Expr):
            return None  # a test whether it can be done
        if self._module.qualname(node.func) == "builtins.int":
            return self._retold(node)
        method = f".{node.func.attr}" if isinstance(node.func, ast.Attribute) else ""
        back = self._module.qualname(node.func) or method
        for row in knowledge.rows("copies.trip"):
            if back not in row["back"]:
                continue
            if back == method and isinstance(node.func, ast.Attribute):
                inner: ast.expr | None = node.func.value
            else:
                inner = node.args[0] if len(node.args) == 1 else None
            if isinstance(inner, ast.Call) and self._module.qualname(inner.func) == "io.StringIO":
                inner = inner.args[0] if len(inner.args) == 1 else None
            if not isinstance(inner, ast.Call) or any(
                item.arg not in row.get("plain", ()) for item in inner.keywords
            ):
                continue
            there = self._module.qualname(inner.func) or f".{last_name(inner.func)}"
            if there not in row["there"] or not self._is_plain(node, inner, back == method):
                continue
            if there == ".isoformat" and self._is_other_type(back, inner):
                continue
            if (
                not self._is_compared(node)
                and not self._is_of_mixin(inner)
                and not self._is_meant(node, inner)
            ):
                return Trip(
                    dotted(node.func) or back.lstrip("."),
                    dotted(inner.func) or there.lstrip("."),
                    row["instead"],
                )
        return None

    def _is_compared(self, node: ast.Call) -> bool:
        """Whether a value is brought into the form of one that was read from JSON, to compare the two."""
        index = self._module.index
        if self._module.qualname(node.func) != "json.loads":
            return False
        function = index.function(node)
        if not any(
            other is not node
            and index.function(other) is function
            and self._module.qualname(other.func) in _READS
            for other in index.calls_named({"load", "loads"})
        ):
            return False
        parent = index.parent(node)
        values: list[ast.expr] = [node]
        if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
            values += self._module.def_use(function or self._module.tree).uses(parent) or ()
        return any(
            isinstance(outer := index.parent(value), ast.Compare)
            and all(isinstance(operator, (ast.Eq, ast.NotEq)) for operator in outer.ops)
            for value in values
        )

    def _is_meant(self, node: ast.Call, inner: ast.Call) -> bool:
        """Whether a value is brought into the form of JSON on purpose: it is no plain dict, YAML gave or takes it, or the name of the function says so."""
        if self._module.qualname(inner.func) != "json.dumps":
            return False
        function = self._module.index.function(node)
        if getattr(function, "name", "") in _CONSTRUCTORS:
            return True  # what an object keeps is a copy that nobody else changes
        if isinstance(self._module.index.parent(node), ast.Return) and "json" in words(
            getattr(function, "name", "")
        ):
            return True
        if self._is_for_yaml(node) or self._is_told_again(node):
            return True
        given = inner.args[0]
        resolved = self._module.scopes.resolve(given) if isinstance(given, ast.Name) else None
        values = [given] if resolved is None else [binding.value for binding in resolved[1]]
        return any(
            self._is_numbered(value)
            or isinstance(value, ast.Call)
            and (
                (name := self._module.qualname(value.func) or "").startswith("yaml.")
                or name in _OTHER_TYPES
                or _OF_OBJECT.fullmatch(last_name(value.func) or "") is not None
            )
            for value in values
        )

    def _is_numbered(self, value: ast.expr | None) -> bool:
        """Whether the keys of a dict are numbers, which JSON makes texts."""
        if isinstance(value, ast.DictComp):
            return self._module.kinds.of(value.key) == "number"
        return isinstance(value, ast.Dict) and any(
            key is not None and self._module.kinds.of(key) == "number" for key in value.keys
        )

    def _is_told_again(self, node: ast.Call) -> bool:
        """``json.dumps(json.loads(json.dumps(value)), sort_keys=True)``: the first trip makes texts of all keys."""
        parent = self._module.index.parent(node)
        return (
            isinstance(parent, ast.Call)
            and node in parent.args
            and self._module.qualname(parent.func) == "json.dumps"
        )

    def _is_for_yaml(self, node: ast.Call) -> bool:
        """Whether what comes back is written as YAML, which takes plain types only: ``yaml.safe_dump(json.loads(...))``."""
        index = self._module.index
        parent = index.parent(node)
        values: list[ast.expr] = [node]
        if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
            values += self._module.def_use(index.function(node) or self._module.tree).uses(parent) or ()
        return any(
            isinstance(call := index.parent(value), ast.Call)
            and (self._module.qualname(call.func) or "").startswith("yaml.")
            for value in values
        )

    def _is_of_mixin(self, inner: ast.Call) -> bool:
        """Whether a class without a base promises no more than this method: ``self.model_dump_json()`` of a mixin."""
        function = inner.func
        if not isinstance(function, ast.Attribute) or function.attr != "model_dump_json":
            return False
        if not isinstance(function.value, ast.Name) or function.value.id != "self":
            return False
        owner = self._module.receivers.class_behind(function.value)
        return owner is not None and all(
            last_name(base.value if isinstance(base, ast.Subscript) else base) in _NO_MODELS
            for base in owner.bases
        )

    def _is_other_type(self, back: str, inner: ast.Call) -> bool:
        """``datetime.fromisoformat(moment.date().isoformat())``: the text of a date is read as a moment, that of midnight."""
        value = inner.func.value if isinstance(inner.func, ast.Attribute) else None
        if isinstance(value, ast.Call) and (kind := last_name(value.func)) in _OF_MOMENTS:
            return not back.endswith(f".{_OF_MOMENTS[kind]}.fromisoformat")
        kind = None if value is None else self._module.type_of(value)
        return kind is not None and f"{kind}.fromisoformat" != back

    def _is_plain(self, node: ast.Call, inner: ast.Call, is_codec: bool) -> bool:
        """Whether neither way says how to convert."""
        if is_codec:
            given = [string(item) for item in (*node.args, *inner.args)]
            return len(node.args) == len(inner.args) <= 1 and all(
                (text or "").lower() in ("utf-8", "utf8") for text in given
            )
        is_method = isinstance(inner.func, ast.Attribute) and self._module.qualname(inner.func) is None
        return len(node.args) == 1 and len(inner.args) == (0 if is_method else 1)

    def _retold(self, node: ast.Call) -> Trip | None:
        """``int(str(n))`` of a number."""
        inner = node.args[0] if len(node.args) == 1 else None
        if (
            isinstance(inner, ast.Call)
            and self._module.qualname(inner.func) == "builtins.str"
            and len(inner.args) == 1
            and not inner.keywords
            and self._module.kinds.of(inner.args[0]) == "number"
        ):
            return Trip("int", "str", "use the number itself")
        return None
