"""Dicts that a file uses as caches, and whether anything in the file ever takes an entry out."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from flake8_aiguard.askers import Askers
from flake8_aiguard.domains import Domains
from flake8_aiguard.entries import Entries
from flake8_aiguard.index import COMPREHENSIONS, FUNCTIONS, TRIES, Function
from flake8_aiguard.lasting import Holder, Lasting
from flake8_aiguard.lifespans import CACHE_NAME, SOMEBODY, Lifespans
from flake8_aiguard.lookups import Lookup, is_tested
from flake8_aiguard.manifold import are_many, are_surely_many
from flake8_aiguard.memo import lazy, memoised
from flake8_aiguard.module import Module
from flake8_aiguard.receivers import first_parameter
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Binding, Kind
from flake8_aiguard.shapes import last_name, root, string

_DICTS: Final = frozenset({"builtins.dict", "collections.OrderedDict", "collections.defaultdict"})
MAKERS: Final = frozenset(
    {"Factory", "Field", "OrderedDict", "PrivateAttr", "attrib", "defaultdict", "dict", "field", "ib"}
)
_COLLECTIONS: Final = frozenset(
    (
        *(f"builtins.{name}" for name in ("bytearray", "dict", "frozenset", "list", "set", "tuple")),
        *(f"collections.{name}" for name in ("Counter", "OrderedDict", "defaultdict", "deque")),
    )
)
# Methods and built-ins that leave the entries where they are.
_READS: Final = frozenset(
    {"__contains__", "__getitem__", "copy", "get", "items", "keys", "setdefault", "update", "values"}
)
_READERS: Final = frozenset(
    f"builtins.{name}"
    for name in (
        *(
            "all",
            "any",
            "bool",
            "dict",
            "enumerate",
            "frozenset",
            "isinstance",
            "iter",
            "len",
            "list",
            "max",
            "min",
        ),
        *("print", "repr", "set", "sorted", "str", "sum", "tuple"),
    )
)
# What has few values, whatever it is asked of.
_COARSE: Final = frozenset(
    f"builtins.{name}"
    # An identity says nothing once its object is gone: whoever keeps it keeps the object too.
    for name in ("bool", "callable", "id", "isinstance", "issubclass", "type")
)
_CLOCKS: Final = frozenset(f"time.{name}" for name in ("monotonic", "perf_counter", "time", "time_ns"))
_TAKES: Final = frozenset({"get_nowait", "pop", "popleft", "popitem"})
_PARTS: Final = frozenset({"__class__", "__module__", "__name__", "__qualname__", "dtype"})
_MISSING: Final = frozenset(
    {"builtins.KeyError", "builtins.LookupError", "builtins.Exception", "builtins.BaseException"}
)
_BY_NAME: Final = frozenset(
    {"__get__", "__getattr__", "__getattribute__", "__class_getitem__", "__set_name__", "__init_subclass__"}
)
# What keys of such a name stand for was set up before: parts of the program, of its configuration or of its deployment.
_PARTS_OF = (
    r"action|actor|adapter|agent|alias|app|arch|attr|attribute|backend|bucket|button|category|channel|charset|class|cls|cluster|codec|column"
    r"|command|component|config|connection|conn|database|dataset|db|device|dialect|distribution|driver|dsn|dtype|encoding|engine|env"
    r"|environment|event|exchange|extension|feature|field|flag|flags|fmt|format|formatter|func|function|group|handler|index|interface|intf"
    r"|criteri(?:on|a)|kind|lang|language|level|loader|locale|method|metric|mime|mode|model|module|namespace|node|option|package|partition|pipeline|platform"
    r"|plugin|policy|pool|port|pattern|property|protocol|provider|queue|rank|regexp?|region|relation|resource|role|runtime|scheme|schema|scope|section|serializer|server"
    r"|service|setting|shard|signal|stage|strategy|table|task|template|timezone|tool|topic|transport|type|tz|validator|version|worker|zone"
)
_FEW: Final = regex(
    rf"_*(?:\w+_)?(?:{_PARTS_OF})s?(?:_(?:alias|class|code|key|label|names?|path|type|ur[il]|version))?"
    r"|(?:\w+_)?(?:actor|agent|app|application|bot|cluster|collection|column|evaluator|index|model|node|partition|pipeline|plugin|region|shard|source|store|worker)_(?:addr|address|handle|id|identifier)"
    r"|(?:api|base|broker|database|db|endpoint|registry|repo|repository|server|service|store)_ur[il]"
    r"|(?:\w+_)?(?:cache|def|definition|dimension|job|label|project|repo|repository|metric)_name|\w+_kwargs"
    r"|(?:\w+_)?(?:gpu|head|block|tile)s?(?:_(?:id|idx|index|size))?|(?:\w+_)?(?:dims?|heads?|shape|sizes?)|num_\w+|\w+_(?:ref|source)|lock_?key"
    r"|(?:\w+_)?(?:annotations?(?:_\w+)?|chars|context|dbname|project)|cls|conf(?:ig)?s?(?:_\w+)?|configuration|default(?:_\w+)?|format_string|interpreter|klass|offset|options|opts|python|settings|using",
    re.IGNORECASE,
)
# Of these, the account that an object works with has a few.
_OF_ACCOUNT: Final = regex(r"(?:\w+_)?(?:project|workspace)(?:_(?:id|name|slug))?")
_ON_DEVICE: Final = regex(r"(?:\w+_)?(?:device|dtype)(?:_\w+)?", re.IGNORECASE)
# What is read once and then stays, whatever its files are called; an id in the key is somebody's.
_SETTINGS: Final = regex(
    r"_*(?:\w+_)?(?:config|loaded_models?|options|presets?|settings)(?:_(?:cache|by_\w+))?", re.IGNORECASE
)
_SETS: Final = regex(r"_*(?:put|save|set|store|update|write)(?:_|$)")
_REGISTERS: Final = regex(r"_*(?:un|de)?register(?:_|$)")
# An import happens once, and an instance is the one of its name.
_ONE_OF_EACH: Final = regex(r"_*(?:\w+_)?(?:instances|modules?)(?:_(?:cache|by_\w+))?", re.IGNORECASE)
# What each has brought last: the state of it, which says whether something has changed since.
_STATE: Final = regex(r"_*(?:(?:current|last|latest|prev|previous)_\w+|\w+_snapshot)")
_CHANGES: Final = frozenset(
    {
        "add",
        "append",
        "difference_update",
        "discard",
        "extend",
        "insert",
        "remove",
        "symmetric_difference_update",
        "update",
    }
)
_NAMES: Final = regex(
    r"_*(?:\w+_)?(?:names?|identifier)"
)  # of what the program has, unless somebody else is asked
_LONGEST_KEY: Final = 40
_MAKES: Final = regex(
    r"(?:_?(?:connect|create|make|build|new|spawn|start|open|init|initialize|initialise|setup|register|instantiate|get_or_create|constructor|factory)(?:_\w+)?)"
)


@dataclass(frozen=True, slots=True)
class Cache:
    """A dict that grows by one entry for each key it has not seen.

    Attributes:
        target: what binds it.
        key: its keys, as they are written; the parameter that they derive from, where they are long.
        write: the statement that adds an entry.
    """

    target: ast.expr
    key: str
    write: ast.AST


class Caches:
    """The dicts of one file that are used as caches.

    Args:
        module: the file.
        domains: its parameters.
        lasting: its globals and attributes.
        askers: what its functions are asked for.
    """

    def __init__(self, module: Module, domains: Domains, lasting: Lasting, askers: Askers) -> None:
        self._module = module
        self._askers = askers
        self._domains = domains
        self._lasting = lasting
        self._entries = Entries(module)
        self._lifespans = Lifespans(module, lasting, self._entries)

    def unbounded(self) -> Iterator[Cache]:
        """The caches that nothing in the file ever takes an entry out of.

        The dict is made empty in the module or class body or in ``__init__``. A function looks a key up that derives from one of its
        parameters, returns or uses what it finds, and else stores what a call computes. It is none where it may be emptied,
        replaced or handed to somebody else; where its keys are named after parts of the program or its configuration; where it
        holds clients, locks and the like, objects that are made for each key and is not called a cache, or entries that are
        changed later; where another parameter says whether it keeps an entry; and in objects of which the file does not show
        that they live on.

        Yields:
            One cache for each dict.
        """
        if not self._dict_names:
            return
        seen: set[Holder] = set()
        for write, container, key, value in self._writes():
            function = self._module.index.function(write)
            if function is None or not self._is_on_miss(write, container, key, function):
                continue
            found = list(
                self._parameters(key, function)
            )  # before what needs the attributes of the whole file
            if (
                not found
                or self._is_on_device(key, function)
                or not self._is_hit_used(container, key, write, function)
            ):
                continue
            holder = self._lasting.holder(container)
            holder = holder and self._aliased(holder)
            if holder is None or holder.is_local or holder in seen:
                continue
            target = self._made(holder)
            asked = [name for asker, name in found if self._is_asked(holder, asker, name)]
            if target is None or not asked:
                continue
            telling = (name for name in asked if SOMEBODY.fullmatch(name) or are_surely_many(name))
            parameter = next(telling, asked[0])
            if not self._is_computed(
                value,
                function,
                bool(CACHE_NAME.search(holder.name)) and not _is_factory(holder.owner),
                self._askers.is_certain(function, parameter),
                self._lookups(container, key, function),
            ):
                continue
            if _ONE_OF_EACH.fullmatch(holder.name) or _STATE.fullmatch(holder.name):
                continue
            if _NAMES.fullmatch(parameter) and not self._are_data(function, holder):
                continue
            if not SOMEBODY.fullmatch(parameter) and (
                _SETTINGS.fullmatch(holder.name) or self._entries.is_refused(write, function)
            ):
                continue
            if self._is_known(write, container, key, function) or self._is_linked(write, value, function):
                continue
            if not self._lifespans.lives_on(holder, function, parameter) or self._is_registry(
                write, container, key, value, target
            ):
                continue
            if (
                self._only_grows(holder, target)
                and not self._is_mirror(holder, function)
                and not self._is_walked(holder, function)
            ):
                seen.add(holder)
                yield Cache(target, self._shown(key, function, parameter), write)

    # -- the dict

    @lazy
    def _dict_names(self) -> frozenset[str]:
        """The last identifiers of the globals and attributes that are bound to a new dict, and their local aliases."""
        index = self._module.index
        found: set[str] = set()
        made: list[ast.expr] = [node for node in index.nodes(ast.Dict) if not node.keys]
        for value in (*made, *index.calls_named(MAKERS)):
            item = index.parent(value)
            if isinstance(item, (ast.Assign, ast.AnnAssign)):
                target = item.targets[0] if isinstance(item, ast.Assign) else item.target
                is_local = isinstance(target, ast.Name) and (
                    isinstance(index.parent(item), FUNCTIONS) or index.function(target) is not None
                )
                if not is_local:
                    found.add(last_name(target) or "")
        if not found:
            return frozenset()
        for assign in index.nodes(ast.Assign):
            if isinstance(assign.targets[0], ast.Name) and last_name(assign.value) in found:
                found.add(assign.targets[0].id)
        return frozenset(found)

    def _aliased(self, holder: Holder) -> Holder:
        """What a local name is another name for."""
        if not holder.is_local:
            return holder
        bindings = self._module.scopes.bindings(holder.owner, holder.name)
        value = bindings[0].value if len(bindings) == 1 and bindings[0].kind is Kind.ASSIGN else None
        return (None if value is None else self._lasting.holder(value)) or holder

    @memoised
    def _made(self, holder: Holder) -> ast.expr | None:
        """The one target that binds a holder, to an empty dict; ``None`` where there are others."""
        stores = self._lasting.stores(holder)
        if len(stores) != 1 or not self._lasting.is_made_once(stores[0]):
            return None
        parent = self._module.index.parent(stores[0])
        if not isinstance(parent, (ast.Assign, ast.AnnAssign)) or parent.value is None:
            return None
        return stores[0] if self._is_empty_dict(parent.value) else None

    def _is_empty_dict(self, value: ast.expr) -> bool:
        if isinstance(value, ast.Dict):
            return not value.keys
        if not isinstance(value, ast.Call):
            return False
        name = self._module.qualname(value.func)
        if name == "collections.defaultdict" or (name in _DICTS and not value.args and not value.keywords):
            return True
        for item in value.keywords:
            if item.arg in ("default_factory", "factory"):
                return self._module.qualname(item.value) in _DICTS
        return name in ("attr.Factory", "attrs.Factory") and bool(
            value.args and self._module.qualname(value.args[0]) in _DICTS
        )

    def _is_registry(
        self, write: ast.AST, container: ast.expr, key: ast.expr, value: ast.expr, target: ast.expr
    ) -> bool:
        """Whether a dict keeps objects on purpose: resources, what is set up later, or what the caller asks to keep."""
        function = self._module.index.function(write)
        if (
            function is None
            or self._entries.is_resource(value, function)
            or self._entries.are_resources(target)
        ):
            return True
        lookup = Lookup(self._module, self._asked.get(function, {}), container, key, function)
        return (
            lookup.is_configured(write)
            or self._entries.is_optional(write, key, function)
            or self._entries.is_checked(write, key, function)
            or self._entries.is_digest(value, function)
        )

    def _is_mirror(self, holder: Holder, function: Function) -> bool:
        """Whether other functions store what they are given, or change entries: the dict mirrors settings that are kept elsewhere, or
        what was registered."""
        index = self._module.index
        if _REGISTERS.match(getattr(function, "name", "")):
            return True
        return any(
            index.function(entry) not in (None, function)
            and (
                self._is_set(entry)
                or self._is_changed(entry)
                or self._is_new(entry)
                or self._is_registered(entry)
            )
            and self._lasting.holder(entry.value) == holder
            for entry in self._entries_by_name[holder.name]
        )

    def _is_walked(self, holder: Holder, function: Function) -> bool:
        """Whether another function loops over all entries: the dict says what there is, to close or show it."""
        index = self._module.index
        return any(
            isinstance(method, ast.Attribute)
            and method.attr in ("items", "values")
            and index.function(method) is not function
            and (call := index.parent(method)) is not None
            and isinstance(loop := index.parent(call), (ast.For, ast.comprehension))
            and loop.iter is call
            for method in map(index.parent, self._lasting.mentions(holder))
        )

    def _is_registered(self, entry: ast.Subscript) -> bool:
        """Whether a function named ``register_...`` stores entries: there are as many as were registered."""
        setter = self._module.index.function(entry)
        return isinstance(entry.ctx, (ast.Store, ast.Del)) and bool(
            _REGISTERS.match(getattr(setter, "name", ""))
        )

    def _is_set(self, entry: ast.Subscript) -> bool:
        """Whether a function binds an entry to a parameter of its own; one that is called so, ``put()``, also to what is made of it."""
        assign, setter = self._module.index.parent(entry), self._module.index.function(entry)
        if not isinstance(assign, ast.Assign) or setter is None:
            return False
        value = assign.value
        if (
            isinstance(value, ast.Call)
            and len(value.args) == 1
            and _SETS.match(getattr(setter, "name", ""))
            and ast.unparse(value.args[0]) != ast.unparse(entry.slice)
        ):
            value = value.args[0]
        if not isinstance(value, ast.Name):
            return False
        bindings = self._module.scopes.bindings(setter, value.id)
        return bool(bindings) and all(item.kind is Kind.PARAMETER for item in bindings)

    def _is_new(self, entry: ast.Subscript) -> bool:
        """Whether a function stores an object that it has just made, and goes on to change: the dict holds the one object of each key."""
        assign, setter = self._module.index.parent(entry), self._module.index.function(entry)
        if not isinstance(assign, ast.Assign) or not isinstance(assign.value, ast.Name) or setter is None:
            return False
        made = [item.value for item in self._module.scopes.bindings(setter, assign.value.id)]
        index = self._module.index
        methods = [index.parent(use) for use in self._module.scopes.uses(setter, assign.value.id)]
        calls = [index.parent(method) for method in methods if isinstance(method, ast.Attribute)]
        is_made = any(
            isinstance(item, ast.Call) and (last_name(item.func) or "").lstrip("_")[:1].isupper()
            for item in made
        )
        return is_made and any(
            isinstance(call, ast.Call)
            and isinstance(index.parent(call), ast.Expr)
            and call.lineno > assign.lineno
            for call in calls
        )

    def _is_changed(self, entry: ast.Subscript) -> bool:
        """Whether ``c[k].add(x)`` changes an entry."""
        index = self._module.index
        method = index.parent(entry)
        call = index.parent(method) if isinstance(method, ast.Attribute) else None
        return (
            isinstance(call, ast.Call)
            and call.func is method
            and isinstance(method, ast.Attribute)
            and method.attr in _CHANGES
            and isinstance(index.parent(call), ast.Expr)
        )

    # -- the miss and the hit

    @lazy
    def _subscripts(self) -> list[ast.Subscript]:
        """The subscripts, read or written, of what goes by the name of such a dict."""
        names = self._dict_names
        return [node for node in self._module.index.nodes(ast.Subscript) if last_name(node.value) in names]

    @lazy
    def _entries_by_name(self) -> defaultdict[str | None, list[ast.Subscript]]:
        found: defaultdict[str | None, list[ast.Subscript]] = defaultdict(list)
        for entry in self._subscripts:
            found[last_name(entry.value)].append(entry)
        return found

    def _writes(self) -> Iterator[tuple[ast.AST, ast.expr, ast.expr, ast.expr]]:
        """The statements ``c[k] = v`` and calls ``c.setdefault(k, v)`` on containers of these names."""
        index = self._module.index
        for target in self._subscripts:
            assign = index.parent(target)
            if isinstance(target.ctx, ast.Store) and isinstance(assign, ast.Assign):
                yield assign, target.value, target.slice, assign.value
        for call in index.calls_named(("setdefault",)):
            if (
                isinstance(call.func, ast.Attribute)
                and len(call.args) == 2
                and last_name(call.func.value) in self._dict_names
                and not isinstance(index.parent(call), ast.Expr)
            ):
                yield call, call.func.value, call.args[0], call.args[1]

    def _is_on_miss(self, write: ast.AST, container: ast.expr, key: ast.expr, function: Function) -> bool:
        """Whether an entry is added only where the key has none."""
        if isinstance(write, ast.Call):
            return True  # setdefault
        index = self._module.index
        lookup = Lookup(self._module, self._asked.get(function, {}), container, key, function)
        child: ast.AST = write
        for parent in index.ancestors(write):
            if parent is function:
                return lookup.leaves_before(child, function)
            if isinstance(parent, ast.If) and isinstance(child, ast.stmt):
                if child in parent.body and lookup.is_miss(parent.test):
                    return True
                if child in parent.orelse and lookup.is_hit(parent.test) and not _raises(parent.body):
                    return True
            if isinstance(parent, ast.ExceptHandler):
                tried = index.parent(parent)
                if isinstance(tried, TRIES) and self._catches_missing(parent) and lookup.reads(tried.body):
                    return True
            elif isinstance(child, ast.stmt) and lookup.leaves_before(child, parent):
                return True
            child = parent
        return False

    def _catches_missing(self, handler: ast.ExceptHandler) -> bool:
        if handler.type is None:
            return True
        types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        return any(self._module.qualname(item) in _MISSING for item in types)

    @lazy
    def _asked(self) -> dict[Function | None, dict[str, list[ast.expr]]]:
        """The subscripts and ``get`` calls of each function, by the last identifier of what they ask."""
        index, names = self._module.index, self._dict_names
        found: defaultdict[Function | None, defaultdict[str, list[ast.expr]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for node in self._subscripts:
            if isinstance(node.ctx, ast.Load):
                found[index.function(node)][last_name(node.value) or ""].append(node)
        for call in index.calls_named(("get",)):
            name = last_name(call.func.value) if isinstance(call.func, ast.Attribute) else None
            if name in names:
                found[index.function(call)][name].append(call)
        return dict(found)

    def _lookups(self, container: ast.expr, key: ast.expr, function: Function) -> list[ast.expr]:
        """Where a function asks a dict for a key."""
        return Lookup(self._module, self._asked.get(function, {}), container, key, function).entries()

    def _is_known(self, write: ast.AST, container: ast.expr, key: ast.expr, function: Function) -> bool:
        """Whether another mapping of the object must have the key, or the function fails before it adds an entry."""
        spelled, line = ast.dump(key), getattr(write, "lineno", 0)
        asked = [
            item
            for item in self._own_subscripts.get(function, ())
            if last_name(item.value) != last_name(container) and ast.dump(item.slice) == spelled
        ]
        filled = {last_name(item.value) for item in asked if isinstance(item.ctx, ast.Store)}
        if any(item.lineno <= line and last_name(item.value) not in filled for item in asked):
            return True
        return any(
            isinstance(test := item.test, ast.Compare)
            and isinstance(test.ops[0], ast.In)
            and ast.dump(test.left) == spelled
            for item in self._asserts.get(function, ())
        )

    def _is_linked(self, write: ast.AST, value: ast.expr, function: Function) -> bool:
        """Whether what is stored is the key of an entry elsewhere, which the same function adds: a store's second index."""
        return isinstance(value, ast.Name) and any(
            isinstance(item.ctx, ast.Store)
            and isinstance(item.slice, ast.Name)
            and item.slice.id == value.id
            and self._module.index.parent(item) is not write
            for item in self._own_subscripts.get(function, ())
        )

    @lazy
    def _asserts(self) -> dict[Function | None, list[ast.Assert]]:
        found: defaultdict[Function | None, list[ast.Assert]] = defaultdict(list)
        for item in self._module.index.nodes(ast.Assert):
            found[self._module.index.function(item)].append(item)
        return found

    @lazy
    def _own_subscripts(self) -> dict[Function | None, list[ast.Subscript]]:
        """The subscripts of attributes, by function."""
        found: defaultdict[Function | None, list[ast.Subscript]] = defaultdict(list)
        for item in self._module.index.nodes(ast.Subscript):
            if isinstance(item.value, ast.Attribute):
                found[self._module.index.function(item)].append(item)
        return found

    def _is_computed(
        self,
        value: ast.expr,
        function: Function,
        made_counts: bool,
        built_counts: bool,
        asked: Collection[ast.expr],
    ) -> bool:
        """Whether a call computes a value: not a fresh container, not what the caller gave, not the time.

        Args:
            value: the value.
            function: the function that stores it.
            made_counts: whether an object that is made on the spot counts, such as a client or a lock for each key.
            built_counts: whether the result of ``build_report(user)`` counts, and a part of what a call has answered.
            asked: where the function asks for the entry itself.
        """
        seen: set[str] = set()
        stack = [value]
        while stack:
            item = stack.pop()
            if isinstance(item, ast.Await):
                stack.append(item.value)
            elif isinstance(item, ast.Call):
                name = self._module.qualname(item.func)
                if item in asked or name in _CLOCKS or _is_instance_of_class(item) or _is_taken(item):
                    continue
                if name in _COLLECTIONS:
                    stack += [arg for arg in item.args if not isinstance(arg, ast.Name)]
                elif (
                    made_counts
                    or (built_counts and (last_name(item.func) or "").startswith("build_"))
                    or not self._is_made_here(item)
                ):
                    return True
            elif isinstance(item, ast.Name):
                if item.id not in seen:
                    seen.add(item.id)
                    bindings = self._module.scopes.bindings(function, item.id)
                    stack += [
                        binding.value
                        for binding in bindings
                        if binding.value is not None and binding.kind is not Kind.FOR
                    ]
                    stack += self._unpacked(bindings)
            elif isinstance(item, (*COMPREHENSIONS, ast.Subscript, ast.Attribute)):
                stack += [child for child in ast.walk(item) if isinstance(child, (ast.Call, ast.Await))][:1]
                if built_counts and isinstance(item, (ast.Subscript, ast.Attribute)):
                    stack.append(root(item))  # a part of an answer
            elif isinstance(item, ast.expr) and not isinstance(item, ast.Lambda):
                stack += [child for child in ast.iter_child_nodes(item) if isinstance(child, ast.expr)]
        return False

    def _is_made_here(self, call: ast.Call) -> bool:
        """Whether a call makes an object rather than computing a value: ``Client(name)``, ``create_engine(url)``."""
        name = last_name(call.func) or ""
        return name.lstrip("_")[:1].isupper() or name in ("cls", "type") or bool(_MAKES.fullmatch(name))

    def _unpacked(self, bindings: list[Binding]) -> Iterator[ast.expr]:
        """The calls whose results ``a, b = f()`` takes apart."""
        for binding in bindings:
            parent = self._module.index.parent(binding.node)
            if isinstance(parent, (ast.Tuple, ast.List)):
                assign = self._module.index.parent(parent)
                if isinstance(assign, ast.Assign):
                    yield assign.value

    def _is_hit_used(self, container: ast.expr, key: ast.expr, write: ast.AST, function: Function) -> bool:
        """Whether the function returns or uses the entry that it finds."""
        if isinstance(write, ast.Call):
            return True
        lookup = Lookup(self._module, self._asked.get(function, {}), container, key, function)
        return any(lookup.is_used(entry) for entry in lookup.entries())

    # -- the key

    def _shown(self, key: ast.expr, function: Function, parameter: str) -> str:
        """A key as the reader knows it: what a local variable stands for, or the parameter behind a long expression."""
        if isinstance(key, ast.Name) and key.id != parameter:
            bindings = self._module.scopes.bindings(function, key.id)
            made = bindings[0].value if len(bindings) == 1 else None
            if made is None or bindings[0].kind is not Kind.ASSIGN:
                return parameter
            key = made
        if not isinstance(key, (ast.Name, ast.Attribute, ast.Tuple)):
            return parameter
        text = ast.unparse(key)
        return text if len(text) <= _LONGEST_KEY else parameter

    def _is_on_device(self, key: ast.expr, function: Function) -> bool:
        """Whether a key has a device or an element type in it: a kernel or a constant tensor for what the model is made of."""
        if isinstance(key, ast.Name):
            bindings = self._module.scopes.bindings(function, key.id)
            made = bindings[0].value if len(bindings) == 1 else None
            key = key if made is None else made
        if not isinstance(key, ast.Tuple):
            return False
        parts = (
            item.args[0] if isinstance(item, ast.Call) and len(item.args) == 1 else item for item in key.elts
        )
        return any(_ON_DEVICE.fullmatch(last_name(item) or "") for item in parts)

    def _is_asked(self, holder: Holder, asker: Function, parameter: str) -> bool:
        """Whether there may be any number of keys: for certain, where each instance has a dict of its own."""
        owner = holder.owner
        is_asked = self._askers.may_be_many(asker, parameter)
        if not isinstance(owner, ast.ClassDef) or self._lifespans.is_class_level(holder):
            return is_asked
        if _OF_ACCOUNT.fullmatch(parameter):
            return False
        return self._askers.is_certain(asker, parameter) or (
            is_asked and (self._entries.is_fetched(asker) or self._lifespans.asks_client(asker, owner))
        )

    def _are_data(self, function: Function, holder: Holder) -> bool:
        """Whether what is kept by name is called a cache, or asked for elsewhere: on the network, of a client or a database."""
        return (
            bool(CACHE_NAME.search(holder.name))
            or self._entries.is_fetched(function)
            or (
                isinstance(holder.owner, ast.ClassDef) and self._lifespans.asks_client(function, holder.owner)
            )
        )

    def _parameters(self, key: ast.expr, function: Function) -> Iterator[tuple[Function, str]]:
        """The parameters with no end of values that a key derives from, each with its function."""
        scopes, index = self._module.scopes, self._module.index
        seen: set[tuple[object, str]] = set()
        stack: list[ast.AST] = [key]
        while stack:
            node = stack.pop()
            if isinstance(node, ast.Call) and (
                self._module.qualname(node.func) in _COARSE or last_name(node.func) in ("bool", "type")
            ):
                continue
            if isinstance(node, ast.Attribute) and (node.attr in _PARTS or _FEW.fullmatch(node.attr)):
                continue
            if isinstance(node, ast.Name) and _FEW.fullmatch(node.id):
                continue
            if isinstance(node, (ast.Compare, ast.Lambda)) or (
                isinstance(node, ast.BinOp)
                and isinstance(node.op, ast.Mod)
                and not isinstance(node.left, (ast.Constant, ast.JoinedStr))
            ):
                continue
            if isinstance(node, ast.Subscript) and self._domains.is_table(node.value):
                continue
            if isinstance(node, ast.Call) and self._domains.is_refused(node):
                continue
            if self._is_option(node):
                continue
            if not isinstance(node, ast.Name):
                stack += reversed(
                    [*self._receiver(node), *node.args, *(item.value for item in node.keywords)]
                    if isinstance(node, ast.Call)
                    else list(ast.iter_child_nodes(node))
                )
                continue
            owner = scopes.owner(index.scope(node), node.id)
            if (
                owner is None
                or (owner, node.id) in seen
                or not isinstance(owner, (*FUNCTIONS, *COMPREHENSIONS))
            ):
                continue
            seen.add((owner, node.id))
            for binding in scopes.bindings(owner, node.id):
                if (
                    binding.kind is Kind.PARAMETER
                    and isinstance(binding.node, ast.arg)
                    and isinstance(owner, FUNCTIONS)
                ):
                    if self._is_open(owner, binding.node):
                        yield owner, binding.node.arg
                elif binding.value is not None:
                    stack.append(binding.value)
                else:
                    stack += self._unpacked([binding])

    def _is_option(self, node: ast.AST) -> bool:
        """Whether an expression takes one argument out of ``**kwargs`` by a name that does not say that there are many."""
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("get", "pop")
        ):
            mapping, key = node.func.value, node.args[0] if node.args else None
        elif isinstance(node, ast.Subscript):
            mapping, key = node.value, node.slice
        else:
            return False
        if not isinstance(mapping, ast.Name) or not isinstance(name := string(key), str) or are_many(name):
            return False
        owner = self._module.scopes.owner(self._module.index.scope(mapping), mapping.id)
        named = owner.args.kwarg if isinstance(owner, FUNCTIONS) else None
        return named is not None and named.arg == mapping.id

    def _receiver(self, call: ast.Call) -> list[ast.expr]:
        return [call.func.value] if isinstance(call.func, ast.Attribute) else []

    def _is_open(self, function: Function, parameter: ast.arg) -> bool:
        if isinstance(function, ast.Lambda):
            return True
        if function.name in _BY_NAME:
            return False  # the names that the program's text spells
        if self._module.index.class_of(function) is not None and parameter is first_parameter(function):
            return False
        return not self._domains.is_finite(function, parameter)

    # -- never emptied

    def _only_grows(self, holder: Holder, target: ast.expr) -> bool:
        """Whether no mention in the file takes an entry out, bounds the dict, or hands it to somebody else."""
        if holder.is_attribute and holder.name in self._lasting.named_in_text():
            return False
        return all(self._is_harmless(mention) for mention in self._lasting.mentions(holder))

    def _is_harmless(self, mention: ast.expr) -> bool:
        index = self._module.index
        parent = index.parent(mention)
        if isinstance(parent, ast.Subscript):
            return parent.value is not mention or not isinstance(parent.ctx, ast.Del)
        if isinstance(parent, ast.Attribute):
            call = index.parent(parent)
            if not isinstance(call, ast.Call) or call.func is not parent or parent.attr not in _READS:
                return False
            return parent.attr != "update" or not any(
                map(self._domains.is_table, call.args)
            )  # no cache: a table
        if isinstance(parent, ast.Call):
            name = self._module.qualname(parent.func)
            if mention not in parent.args or name not in _READERS:
                return False
            return name != "builtins.len" or not self._decides(parent)
        if isinstance(parent, (ast.For, ast.AsyncFor, ast.comprehension)):
            return parent.iter is mention
        if isinstance(
            parent,
            (
                ast.Compare,
                ast.If,
                ast.IfExp,
                ast.BoolOp,
                ast.UnaryOp,
                ast.FormattedValue,
                ast.Expr,
                ast.Assert,
            ),
        ):
            return not isinstance(parent, (ast.IfExp, ast.BoolOp)) or is_tested(index.parent(parent))
        return self._lasting.is_alias(mention)

    def _decides(self, length: ast.Call) -> bool:
        """Whether something hangs on the size of the dict."""
        for parent in self._module.index.ancestors(length):
            if isinstance(parent, (ast.Compare, ast.If, ast.While, ast.IfExp, ast.BinOp)):
                return True
            if isinstance(parent, ast.stmt):
                return isinstance(parent, (ast.Assign, ast.AnnAssign))
        return False


def _is_instance_of_class(call: ast.Call) -> bool:
    """Whether a metaclass makes the instance that its class shares: ``super().__call__(*args)``."""
    return (
        isinstance(call.func, ast.Attribute)
        and call.func.attr in ("__call__", "__new__")
        and isinstance(call.func.value, ast.Call)
        and last_name(call.func.value.func) == "super"
    )


def _is_factory(owner: ast.AST) -> bool:
    """Whether a class is there to make one object of each kind, and give out the same one again."""
    return isinstance(owner, ast.ClassDef) and owner.name.endswith("Factory")


def _raises(body: list[ast.stmt]) -> bool:
    return isinstance(body[-1], ast.Raise)


def _is_taken(call: ast.Call) -> bool:
    """Whether a call takes something out of another container: ``self.waiting.pop(0)`` computes nothing."""
    return isinstance(call.func, ast.Attribute) and call.func.attr in _TAKES
