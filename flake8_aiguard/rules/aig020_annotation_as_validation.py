"""AIG020: an annotation says what type a value from outside has, and nothing checks it."""

from __future__ import annotations

import ast
import dataclasses
import functools
import re
import sys
from collections import defaultdict
from collections.abc import Iterator

from flake8_aiguard import knowledge
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.classes import Classes
from flake8_aiguard.handling import Handling, spelled
from flake8_aiguard.promises import Promises
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import dotted, last_name, own_nodes, shown, string
from flake8_aiguard.untyped import Lookup, Shape, Untyped, asked, is_fixed

_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_WORDS = regex(r"[a-z]+|[A-Z][a-z]*")
_CLIENT = regex(
    r"api|cache|client|conn|db|http|queue|redis|session|stor(e|age)$", re.IGNORECASE
)  # what .get() asks there
_LONGEST = 40  # characters of an expression in a message
_STEPS = 8  # of a chain of lookups
_CONFIGURES = ("TOML",)  # what nothing but configuration is written in
_PACKAGED = ("JSON", "YAML")  # what the data files of a package are written in
_CONTAINERS = ("builtins.dict", "builtins.list", "typing.Dict", "typing.List")
_NUMBERS = {"builtins.float", "builtins.int"}
_KNOWN = sys.stdlib_module_names | {"typing_extensions"}  # modules whose types are what they say
_FROM_FILES = ("load", "safe_load")  # what parses a file
_FIELDS_ONLY = ("pydantic.validate_call", "pydantic.validate_arguments")  # which check that a dict is one
_JSON: dict[str, type] = {
    "builtins.dict": dict,
    "builtins.float": float,
    "builtins.int": int,
    "builtins.list": list,
    "builtins.str": str,
}


class AnnotationAsValidation(Checker):
    """Annotation that claims a type for a value from outside, which nothing checks.

    Why: an annotation does nothing at run time. ``user_id: int = data["user_id"]`` makes the type checker and every reader
    believe that the value is an ``int``, while it is whatever the sender wrote: ``"7"``, ``None``, a list. The error then
    appears far from here, or never, as a wrong row.

    Bad::

        import json

        def load_user(text: str) -> tuple[int, str]:
            data = json.loads(text)
            user_id: int = data["user_id"]
            name: str = data.get("name")
            return user_id, name

    Good::

        import json

        def load_user(text: str) -> tuple[int, str]:
            data = json.loads(text)
            user_id = int(data["user_id"])
            name = data.get("name")
            if not isinstance(name, str):
                raise ValueError("name must be a string")
            return user_id, name

    Limits: reports annotated assignments from a lookup (``[...]``, ``.get``, ``.pop``) in what ``json``, ``yaml``, ``tomllib`` and their kin
    return, in ``.json()``, the body of a request, the event of a handler, and in what is annotated ``dict``, ``dict[str, Any]`` or ``Any``
    and named for what comes from outside (``data``, ``payload``, ``row``), through locals, loops, attributes of the own class and functions of the file.

    - Silent where the annotation is ``Any``, a TypedDict, a type variable or a class of another module (which may be one), admits
      the ``None`` of ``.get``, or is a ``bool`` with a default.
    - Silent where the value is compared, asserted, converted or asked for its type later in the function, or the data is given to
      something that validates it; under decorators and parsers that are given a schema or a hook.
    - Silent where the value is only returned, logged or handed on by its name, and where the next statement fails on any other type.
    - Of dicts that the program itself hands around, only fixed names of plain types count that are computed with; not
      parameters of methods, private functions or dicts that the code fills itself.
    - Silent where the same class has written the dict or file (``to_dict``, ``save``), all callers make it of an object
      (``asdict(sample)``), or a dict in the file says of the key what a schema says.
    - Silent for containers that are only looked into or filled, for data files beside the code, and for TOML of a configuration.
    - Silent in tests. A whole document (``config: Config = json.load(f)``) is no lookup.
    """

    code = "AIG020"
    slug = "annotation-as-validation"
    since = "0.1.0"
    severity = "warning"
    in_tests = False
    message = (
        "{target} is annotated {annotation}, but {lookup} comes from {origin} and nothing checks its type; "
        "validate or convert it first"
    )
    ruff = "Ruff has nothing for this pattern."

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Iterator[Finding]:
        if node.value is None or asked(node.value)[0] is None or not self._is_concrete(node.annotation):
            return
        lookup = self._untyped.lookup(node.value)
        if lookup is None:
            return
        if lookup.may_miss and self._handling.is_there(node, spelled(lookup.node)):
            if not lookup.data.origin:
                return
            lookup = dataclasses.replace(lookup, may_miss=False)
        if not self._claims(node, lookup) or self._is_checked(node, lookup):
            return
        if self._is_harmless(node, lookup):
            return
        if not (self._is_from_outside(lookup) if lookup.data.origin else self._is_said_outside(node, lookup)):
            return
        yield from self.found(
            node,
            message=self._message(node, lookup),
            target=shown(node.target, _LONGEST),
            annotation=shown(node.annotation, _LONGEST),
            lookup=shown(node.value, _LONGEST),
            container=shown(lookup.container, _LONGEST),
            origin=lookup.data.origin,
        )

    def _is_harmless(self, node: ast.AnnAssign, lookup: Lookup) -> bool:
        """Whether another type of value would do no harm, or raise at once."""
        handling = self._handling
        if handling.only_hands_on(node.target) or handling.only_compares(node.target):
            return True
        if handling.is_returned_to_compare(node.target):
            return True
        if lookup.may_miss and handling.is_asked_whether(node):
            return True
        if self._is_flag(node, lookup):
            return True
        if lookup.may_miss:
            return False  # None is a likely value, and looks like one in a text
        return (
            (self._is_answer(node, lookup) and handling.only_passes_out(node.target))
            or (self._is_container(node) and self._fails_at_once(node))
            or handling.only_shows(node.target)
            or handling.is_read_as_text(node)
            or handling.converts_each(node.target, _column("conversion", "calls"))
        )

    def _is_flag(self, node: ast.AnnAssign, lookup: Lookup) -> bool:
        """Whether what a service or a file says of a flag is false where it is missing: JSON has truth values of its own."""
        names = [self._name(shape) for shape in self._shapes(node.annotation)]
        return names == ["builtins.bool"] and lookup.has_default and not lookup.data.is_text

    def _is_answer(self, node: ast.AnnAssign, lookup: Lookup) -> bool:
        """Whether a method takes a text, or a container of anything, out of what a service has answered, or a function perhaps a text.

        What that is says the contract with the service; numbers are computed with somewhere.
        """
        function = self.module.index.function(node)
        shapes = self._shapes(node.annotation)
        if function is None or lookup.data.origin not in ("", "JSON", "a response"):
            return False
        is_simple = all(map(self._is_simple, shapes))
        if is_simple and shapes[0].optional:
            return True  # who takes it on has to ask what it is
        if self.module.index.class_of(function) is None:
            return False
        start = _start(lookup)
        held = self._held(start) if isinstance(start, ast.Name) else [start]
        calls = [item.value if isinstance(item, ast.Await) else item for item in held]
        if not calls or not all(isinstance(item, ast.Call) for item in calls):
            return False
        if not lookup.data.origin:
            return True  # another method has received it, and says that it is a dict
        return is_simple and (lookup.data.origin != "JSON" or all(map(self._is_received, calls)))

    def _is_container(self, node: ast.AnnAssign) -> bool:
        """Whether a container of anything is claimed."""
        shapes = self._shapes(node.annotation)
        return all(self._name(shape) in _CONTAINERS and self._is_vague(shape) for shape in shapes)

    def _is_simple(self, shape: Shape) -> bool:
        """Whether a type says least: a text, or a container of anything."""
        name = self._name(shape)
        return name == "builtins.str" or (name in _CONTAINERS and self._is_vague(shape))

    def _is_received(self, call: ast.expr) -> bool:
        """Whether what a call parses was received in this function: no file, and nothing that the caller hands in."""
        if not isinstance(call, ast.Call) or last_name(call.func) != "loads" or not call.args:
            return False
        node, is_asked = call.args[0], False
        while isinstance(node, (ast.Attribute, ast.Await, ast.Call)):
            is_asked = is_asked or isinstance(node, ast.Call)
            node = node.func if isinstance(node, ast.Call) else node.value
        if isinstance(node, ast.Name) and node.id == "self":
            return is_asked
        resolved = self.module.scopes.resolve(node) if isinstance(node, ast.Name) else None
        return resolved is not None and all(item.kind is not Kind.PARAMETER for item in resolved[1])

    def _message(self, node: ast.AnnAssign, lookup: Lookup) -> str | None:
        if lookup.may_miss:
            return _MISSING
        if lookup.data.is_text:
            return _TEXT
        return None if lookup.data.origin else _ANNOTATED

    @functools.cached_property
    def _untyped(self) -> Untyped:
        return Untyped(self.module)

    @functools.cached_property
    def _promises(self) -> Promises:
        return Promises(self.module, self._untyped)

    @functools.cached_property
    def _handling(self) -> Handling:
        return Handling(self.module, tuple(_JSON.values()))

    @functools.cached_property
    def _classes(self) -> Classes:
        return Classes(self.module)

    # -- what is claimed

    def _shapes(self, annotation: ast.expr) -> list[Shape]:
        return self._untyped.shapes(annotation, self.module.index.scope(annotation))

    def _is_concrete(self, annotation: ast.expr) -> bool:
        """Whether an annotation names types: neither ``Any`` nor a type variable nor a TypedDict."""
        shapes = self._shapes(annotation)
        return bool(shapes) and not any(
            self._untyped.is_any(shape) or self._is_open(shape) for shape in shapes
        )

    def _is_open(self, shape: Shape) -> bool:
        """Whether an annotation is a type variable, or the shape of a dict that a TypedDict describes."""
        node = shape.annotation
        if not isinstance(node, (ast.Name, ast.Attribute)):
            return False
        owner = self.module.scopes.owner(shape.scope, node.id) if isinstance(node, ast.Name) else None
        bindings = (
            []
            if owner is None or not isinstance(node, ast.Name)
            else self.module.scopes.bindings(owner, node.id)
        )
        if any(isinstance(binding.value, ast.Call) for binding in bindings):
            return True  # TypeVar("T"), TypedDict("Row", ...), NewType
        cls = self._classes.annotated(node, shape.scope)
        if cls is None:
            return not bindings
        if isinstance(cls, str):
            return cls.rpartition(".")[2].endswith("Dict") and not cls.startswith("typing.")
        return any(str(base).rpartition(".")[2] == "TypedDict" for base in self._classes.lineage(cls))

    def _claims(self, node: ast.AnnAssign, lookup: Lookup) -> bool:
        """Whether the annotation says more than is known of the value."""
        shapes = self._shapes(node.annotation)
        if shapes[0].optional and lookup.may_miss:
            return False
        names = [self._name(shape) for shape in shapes]
        if lookup.data.is_text and names == ["builtins.str"]:
            return lookup.may_miss
        if any(map(self._is_unseen, shapes)):
            return False
        if lookup.data.origin:
            return not (len(shapes) == 1 and (self._is_step(node, shapes[0]) or self._is_swept(node, lookup)))
        # A dict that is handed around inside of the program: only where it is used as a record, and the value has to be there.
        if shapes[0].optional or not _is_record(lookup.node):
            return False
        if lookup.has_default and not self._is_handed_in(lookup.container):
            return False
        kept = node.target if isinstance(node.target, ast.Attribute) and not lookup.may_miss else None
        if kept is not None and not self._handling.is_computed_with(kept):
            return False
        is_client = isinstance(lookup.node, ast.Call) and _CLIENT.search(last_name(lookup.container) or "")
        return not is_client and self._untyped.is_mapping(lookup.data) and all(map(self._is_plain, shapes))

    def _is_handed_in(self, container: ast.expr) -> bool:
        """Whether a dict is a parameter of a public function of the module: who calls it is not seen, and made no object of it."""
        resolved = self.module.scopes.resolve(container) if isinstance(container, ast.Name) else None
        if resolved is None or [item.kind for item in resolved[1]] != [Kind.PARAMETER]:
            return False
        owner = resolved[0]
        return (
            isinstance(owner, (ast.FunctionDef, ast.AsyncFunctionDef))
            and self.module.index.parent(owner) is self.module.tree
            and not owner.name.startswith("_")
        )

    def _name(self, shape: Shape) -> str | None:
        node = shape.annotation
        base = node.value if isinstance(node, ast.Subscript) else node
        return None if base is None else self.module.imports.qualname(base, shape.scope)

    def _is_plain(self, shape: Shape) -> bool:
        """Whether a type is one of data, and says something about its parts."""
        node = shape.annotation
        assert node is not None
        name = self._name(shape)
        if name in _column("plain", "names"):
            return not self._is_vague(shape)
        cls = self._classes.annotated(node, shape.scope)
        if not isinstance(cls, ast.ClassDef):
            return False
        known = {
            self.module.qualname(item.func if isinstance(item, ast.Call) else item)
            for item in cls.decorator_list
        }
        known.update(base for base in self._classes.lineage(cls) if isinstance(base, str))
        return not known.isdisjoint(_column("plain", "bases"))

    def _is_unseen(self, shape: Shape) -> bool:
        """Whether an annotation names, perhaps in a container, a class of another module: it may be a TypedDict, or check itself."""
        part: Shape | None = shape
        for _ in range(_STEPS):
            if part is None or part.annotation is None:
                return False
            name = self._name(part)
            if name is not None and not isinstance(part.annotation, ast.Constant):
                top = name.partition(".")[0]
                found = self._classes.annotated(part.annotation, part.scope)
                if not isinstance(found, ast.ClassDef) and top not in _KNOWN:
                    return True
            part = self._untyped.element(part)
        return False

    def _is_vague(self, shape: Shape) -> bool:
        """Whether an annotation says that something is a container, and nothing about what is in it."""
        data = self._untyped.element(shape)
        steps = _STEPS
        while data is not None and steps:
            if self._untyped.is_any(data):
                return True
            data = self._untyped.element(data)
            steps -= 1
        return False

    def _is_step(self, node: ast.AnnAssign, shape: Shape) -> bool:
        """Whether a container of anything is only looked into, as in the lookup itself: nobody relies on more than that."""
        name = self._name(shape)
        annotation = shape.annotation
        if not isinstance(node.target, ast.Name) or name not in _CONTAINERS:
            return False
        if not self._is_vague(shape) if isinstance(annotation, ast.Subscript) else name in _JSON:
            return (
                name == "builtins.dict" and _is_or_empty(node.value) and self._handling.only_asks(node.target)
            )
        return self._handling.only_looks_into(node.target)

    def _is_swept(self, node: ast.AnnAssign, lookup: Lookup) -> bool:
        """Whether what should be a dict in a file is asked for its entries in this function, which fails on anything else."""
        start = _start(lookup)
        parsed = self._held(start) if isinstance(start, ast.Name) else [start]
        return (
            all(isinstance(item, ast.Call) and last_name(item.func) in _FROM_FILES for item in parsed)
            and self._name(self._shapes(node.annotation)[0]) in _CONTAINERS
            and self._handling.sweeps(node.target)
        )

    # -- where it comes from

    def _is_from_outside(self, lookup: Lookup) -> bool:
        """Whether parsed data is not what the program comes with: a file beside the code, configuration by what its path is called."""
        if lookup.data.origin not in (*_CONFIGURES, *_PACKAGED):
            return True
        start = _start(lookup)
        if self._promises.is_written_here(start, lookup.key):
            return False
        stack = self._held(start) if isinstance(start, ast.Name) else [start]
        texts: list[str] = []
        for _ in range(_STEPS):
            if not stack:
                break
            for item in ast.walk(stack.pop()):
                if item is start:
                    continue
                if isinstance(item, ast.Name):
                    texts.append(item.id)
                    stack += self._held(item)
                elif isinstance(item, ast.Attribute):
                    texts.append(item.attr)
                elif isinstance(item, ast.Constant) and isinstance(item.value, str):
                    texts.append(item.value)
        if "__file__" in texts:
            return False
        if lookup.data.origin not in _CONFIGURES:
            return True
        said = {word.lower() for text in texts for word in _WORDS.findall(text)}
        return said.isdisjoint(_column("own", "words"))

    def _held(self, name: ast.Name) -> list[ast.expr]:
        """What a variable is bound to: by assignment, by the ``with`` that opens it, or by the loop that takes it out."""
        resolved = self.module.scopes.resolve(name)
        found: list[ast.expr] = []
        for binding in resolved[1] if resolved is not None else ():
            if binding.value is not None:
                found.append(binding.value)
            else:
                parent = self.module.index.parent(binding.node)
                found += [parent.context_expr] if isinstance(parent, ast.withitem) else []
                while isinstance(parent, ast.Tuple):
                    parent = self.module.index.parent(parent)
                found += [parent.iter] if isinstance(parent, ast.For) else []
        return found

    def _is_said_outside(self, node: ast.AnnAssign, lookup: Lookup) -> bool:
        """Whether a dict of which only the annotation is known is called what comes from outside, and nothing else says no."""
        start = _start(lookup)
        words = _WORDS.findall(last_name(start) or "")
        if not words or not (self._is_word(start, words) or self._is_reckoned(node, start, words)):
            taken = [_origin(item) for item in (self._held(start) if isinstance(start, ast.Name) else ())]
            if len(taken) != 1 or taken[0] is None or not self._is_handed_in(taken[0]):
                return False
            words = _WORDS.findall(last_name(taken[0]) or "")
            if not words or words[-1].lower() not in _column("outside", "words"):
                return False
        if words == ["data"] and self._is_private(node):
            return False
        if self._handling.fills(start):
            return False
        held = self._held(start) if isinstance(start, ast.Name) else []
        if any(self._is_copied(item) or self._is_made_here(item) for item in held):
            return False
        if self._promises.is_in_schema(lookup.key) or self._promises.is_made_inside(start):
            return False
        if self._promises.is_written_here(start, lookup.key):
            return False
        return lookup.may_miss or not self._fails_at_once(node)

    def _is_reckoned(self, node: ast.AnnAssign, start: ast.expr, words: list[str]) -> bool:
        """Whether a number of a dict that is handed in, under any name but that of the program's own, is computed with."""
        resolved = self.module.scopes.resolve(start) if isinstance(start, ast.Name) else None
        if resolved is None or [item.kind for item in resolved[1]] != [Kind.PARAMETER]:
            return False
        if words[-1].lower() in _column("outside", "own"):
            return False
        named = {self._name(shape) for shape in self._shapes(node.annotation)}
        return named <= _NUMBERS and self._handling.is_reckoned_with(node.target)

    def _fails_at_once(self, node: ast.AnnAssign) -> bool:
        """Whether the next statement does with the value what only the annotated type can."""
        shapes = self._shapes(node.annotation)
        name = (self._name(shapes[0]) or "").lower().replace("typing.", "builtins.")
        wanted = _JSON.get(name) if len(shapes) == 1 else None
        return wanted is not None and self._handling.fails_at_once(node, wanted)

    def _is_word(self, start: ast.expr, words: list[str]) -> bool:
        """Whether a name says that a dict comes from outside; a plain word does where it is handed in, unless it is the program's own."""
        last = words[-1].lower()
        if last in _column("outside", "words"):
            return True
        is_plain = len(words) == 1 or last in _column("outside", "handed_in")
        return is_plain and last not in _column("outside", "own") and self._is_handed_in(start)

    def _is_private(self, node: ast.AnnAssign) -> bool:
        """Whether a private function, by its name, is no first reader of what comes from outside: its caller made the dict."""
        function = self.module.index.function(node)
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return False
        said = {word.lower() for word in _WORDS.findall(function.name)}
        is_reader = not said.isdisjoint(_column("outside", "words") | _column("outside", "readers"))
        return function.name.startswith("_") and not function.name.endswith("__") and not is_reader

    def _is_copied(self, value: ast.expr) -> bool:
        """Whether a value is the copy of something whose keys have types."""
        if not isinstance(value, ast.Call):
            return False
        last = last_name(value.func) or ""
        if last != "dict" and "copy" not in last.lower():
            return False
        given = [*value.args, *(item.value for item in value.keywords)]
        if not given and isinstance(value.func, ast.Attribute):
            given = [value.func.value]
        return any(self._untyped.data(item) is None for item in given)

    def _is_made_here(self, value: ast.expr) -> bool:
        """Whether a function of this file writes out the keys of the dict that it returns."""
        value = value.value if isinstance(value, ast.Await) else value
        made = self.module.receivers.definition(value.func) if isinstance(value, ast.Call) else None
        if not isinstance(made, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return False
        returned = [item.value for item in own_nodes(made) if isinstance(item, ast.Return)]
        displays = [
            shown_as
            for item in returned
            if item is not None
            for shown_as in (item, *(self._held(item) if isinstance(item, ast.Name) else ()))
        ]
        return any(isinstance(item, ast.Dict) and any(item.keys) for item in displays)

    # -- what is checked

    def _is_checked(self, node: ast.AnnAssign, lookup: Lookup) -> bool:
        function = self.module.index.function(node)
        checks = self._checks
        if any(line > node.lineno for line in checks.get((function, spelled(node.target)), ())):
            return True
        looked_up = spelled(lookup.node)
        if looked_up and any(line <= node.lineno for line in checks.get((function, looked_up), ())):
            return True
        if lookup.data.origin == "TOML" and self._has_schema:
            return True
        if self._is_checked_on_construction(node, lookup):
            return True
        decorators = [
            item
            for item in getattr(function, "decorator_list", ())
            if self.module.qualname(getattr(item, "func", item)) not in _FIELDS_ONLY
        ]
        if any(_says(last_name(getattr(item, "func", item)) or "", "decorators") for item in decorators):
            return True
        if any(isinstance(item, ast.Call) and _has_schema(item) for item in decorators):
            return True
        container: ast.expr | None = lookup.container
        for _ in range(_STEPS):
            if container is None:
                break
            if (function, spelled(container)) in self._validated or _is_validator(last_name(container) or ""):
                return True
            container = asked(container)[0]
        return False

    def _is_checked_on_construction(self, node: ast.AnnAssign, lookup: Lookup) -> bool:
        """Whether a constructor gives a validator the same key of what it keeps: ``_validate_id(data.get("id"))``."""
        index = self.module.index
        function = index.function(node)
        owner = None if function is None else index.class_of(function)
        key = lookup.key
        if owner is None or not isinstance(key, ast.Constant):
            return False
        if not (dotted(lookup.container) or "").startswith("self."):
            return False
        for call in index.calls_named([name for name in index.names_called() if _is_validator(name)]):
            around = index.function(call)
            if getattr(around, "name", "") in ("__init__", "__post_init__") and around in owner.body:
                keys = [asked(item)[1] for item in call.args]
                if any(isinstance(item, ast.Constant) and item.value == key.value for item in keys):
                    return True
        return False

    @functools.cached_property
    def _has_schema(self) -> bool:
        return any(_says(name, "schema") for name in self.module.index.names_called())

    @functools.cached_property
    def _validated(self) -> set[tuple[ast.AST | None, str]]:
        """What each function gives to a validator."""
        index = self.module.index
        names = [name for name in index.names_called() if _is_validator(name)]
        return {
            (index.function(call), spelled(item))
            for call in index.calls_named(names)
            for item in (*call.args, *(keyword.value for keyword in call.keywords))
            if spelled(item)
        }

    @functools.cached_property
    def _checks(self) -> dict[tuple[ast.AST | None, str], list[int]]:
        """What each function checks or converts, and where."""
        index = self.module.index
        found: dict[tuple[ast.AST | None, str], list[int]] = defaultdict(list)
        tests = [
            (node.test, isinstance(node.body[-1], ast.Raise))
            for node in index.nodes(ast.If)
            if _turns_away(node)
        ]
        tests += [(node.test, True) for node in index.nodes(ast.Assert)]
        tests += [(node.subject, True) for node in index.nodes(ast.Match)]
        for test, refuses in tests:
            for part in _operands(test, refuses):
                found[index.function(test), spelled(part)].append(test.lineno)
        names = [name for name in index.names_called() if name in _asking() or _is_validator(name)]
        for call in index.calls_named(names):
            name = self.module.qualname(call.func)
            if name in _column("question", "calls") or name in _column("conversion", "calls"):
                asked_for = call.args[:1]
            elif _is_validator(last_name(call.func) or ""):
                asked_for = [*call.args, *(keyword.value for keyword in call.keywords)]
            else:
                continue
            for item in asked_for:
                found[index.function(call), spelled(item)].append(call.lineno)
        return {key: lines for key, lines in found.items() if key[1]}


_MISSING = (
    "{target} is annotated {annotation}, but {lookup} is None where the key is missing, and nothing checks it; "
    "check for None, or ask with [...] and validate the value"
)
_TEXT = "{target} is annotated {annotation}, but {lookup} comes from {origin} as str; convert it"
_ANNOTATED = (
    "{target} is annotated {annotation}, but {container} promises no type for {lookup} and nothing checks it; "
    "validate or convert it first, or describe {container} by a TypedDict"
)


def _has_schema(decorator: ast.Call) -> bool:
    """Whether a decorator is given a schema: ``@activity(config={"schema": Schema({"name": str})})``."""
    said = (
        string(item) or (item.arg if isinstance(item, ast.keyword) else last_name(item))
        for item in ast.walk(decorator)
    )
    return "schema" in (text.lower() for text in said if text is not None)


def _start(lookup: Lookup) -> ast.expr:
    """What a chain of lookups starts from."""
    node = lookup.container
    for _ in range(_STEPS):
        container = asked(node)[0]
        if container is None:
            break
        node = container
    return node


def _origin(value: ast.expr) -> ast.expr | None:
    """What a chain of lookups starts from; ``None`` for any other expression."""
    container = asked(value)[0]
    for _ in range(_STEPS):
        if container is None or asked(container)[0] is None:
            return container
        container = asked(container)[0]
    return None


def _is_record(node: ast.expr) -> bool:
    """Whether a chain of lookups asks for fixed names."""
    for _ in range(_STEPS):
        container, key, _ = asked(node)
        if container is None or key is None:
            return True
        if not is_fixed(key):
            return False
        node = container
    return False


def _turns_away(node: ast.If) -> bool:
    """Whether an ``if`` refuses a value: it raises, or leaves where something is wrong or missing."""
    last = node.body[-1]
    if isinstance(last, ast.Raise):
        return True
    is_flag = isinstance(node.test, (ast.Name, ast.Attribute, ast.Subscript))
    return isinstance(last, _LEAVES) and not is_flag


def _operands(test: ast.expr, refuses: bool) -> Iterator[ast.expr]:
    """What a condition asks about; a value whose method it calls only where the condition refuses: else it merely uses the value."""
    stack = [test]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.BoolOp):
            stack += node.values
        elif isinstance(node, ast.UnaryOp):
            stack.append(node.operand)
        elif isinstance(node, ast.NamedExpr):
            stack += (node.target, node.value)
        elif isinstance(node, ast.Compare):
            stack += (node.left, *node.comparators)
        elif isinstance(node, ast.Call) and asked(node)[0] is None:
            stack += node.args
            if refuses and isinstance(node.func, ast.Attribute):
                stack.append(node.func.value)
        else:
            yield node


def _is_validator(name: str) -> bool:
    return _says(name, "words")


def _says(name: str, column: str) -> bool:
    return any(word.lower() in _column("validator", column) for word in _WORDS.findall(name))


@knowledge.cached
def _column(table: str, column: str) -> frozenset[str]:
    return frozenset(name for row in knowledge.rows(f"untyped.{table}") for name in row.get(column, ()))


@knowledge.cached
def _asking() -> frozenset[str]:
    return knowledge.last_names("untyped.question") | knowledge.last_names("untyped.conversion")


def _is_or_empty(value: ast.expr | None) -> bool:
    """Whether a lookup gives an empty dict where the key is missing: ``data.get("info", {})``."""
    return (
        isinstance(value, ast.Call)
        and len(value.args) > 1
        and isinstance(value.args[1], ast.Dict)
        and not value.args[1].keys
    )
