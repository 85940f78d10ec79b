"""How many values a parameter can take: whether the program's own text limits them."""

from __future__ import annotations

import ast
import functools
import re
from collections import defaultdict
from typing import Final

from flake8_aiguard import arguments
from flake8_aiguard.children import walk
from flake8_aiguard.index import FUNCTIONS
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.receivers import first_parameter
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import (
    default,
    dotted,
    is_none,
    last_name,
    own_nodes,
    parameters,
    root,
    string,
)

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_TYPING: Final = ("typing", "typing_extensions")
_ENUMS: Final = frozenset(
    f"enum.{name}" for name in ("Enum", "EnumMeta", "Flag", "IntEnum", "IntFlag", "ReprEnum", "StrEnum")
) | {"django.db.models.TextChoices", "django.db.models.IntegerChoices", "django.db.models.Choices"}
_FINITE: Final = frozenset(
    (
        *(f"builtins.{name}" for name in ("bool", "type", "None")),
        *(f"types.{name}" for name in ("BuiltinFunctionType", "FunctionType", "ModuleType", "NoneType")),
        *(f"{module}.{name}" for module in _TYPING for name in ("Callable", "Literal", "Type")),
        *("collections.abc.Callable", "numpy.dtype", "torch.dtype", "inspect.Signature"),
    )
)
_WRAPPERS: Final = frozenset(
    f"{module}.{name}" for module in _TYPING for name in ("Annotated", "ClassVar", "Final", "Optional")
)
_COMPOUNDS: Final = frozenset(
    {
        "builtins.tuple",
        "builtins.frozenset",
        *(f"{module}.Tuple" for module in _TYPING),
        *(f"{module}.Union" for module in _TYPING),
    }
)
# A class or type, a function or a module: the program has so many of them, and no more.
_PROGRAM_PART: Final = regex(
    r"_*(?:cls|klass|kls|type|typ|tp|types_?|func|fn|function|callable|callback|method|module|mod)_*\d*"
    r"|\w+_(?:cls|klass|class|type|types|func|fn|function|dtype|model)|dtype|model|models",
    re.IGNORECASE,
)
# The world, the program or its configuration has so many of them, whatever their type.
_NAMED: Final = regex(
    r"(?:lang|language|locale)(?:_code|_name)?|charset|encoding|codec|tz\w*|timezone|time_zone"
    r"|(?:\w+_)?(?:prefix|urlconf|namespace)|import_path|dotted_path|import_name|import_string|lookup_view|ns_pattern|entry_point|app_label"
    r"|(?:\w+_)?(?:executable|interpreter|shell)(?:_path)?|\w+_(?:callable|function)"
    r"|(?:app|attr|attribute|class|dist|distribution|field|func|function|method|mod|module|package|pkg|plugin|setting|template)_name|field_path"
    r"|(?:base|project|root)_(?:dir|root|path)|(?:project_)?roots?|prompt_file|\w+_handle|(?:event_)?loop|logger|resolver|converters|settings?_(?:file|path)"
    r"|(?:\w+_)?(?:arch|backend|catalog|component|device|dialect|driver|engine|env|environment|locale|mime|package|platform|protocol|provider"
    r"|region|runtime|zone)(?:_(?:code|folder|id|name|type))?|service(?:_name)?|default_\w+"
    r"|(?:\w+_)?(?:checkpoint|model|pretrained|tokenizer)(?:_(?:dir|id|name|path))?|(?:\w+_)?(?:cfg|config|revision)|architecture|repo_id|repo_type|cache_dir|so_file|srcs|source_(?:files|paths)"
    r"|attr|attribute|(?:\w+_)?annotations?|\w+_description|pattern|regexp?"
)
# A model, its tensors and the machine have few of each.
_MEASURED: Final = regex(
    r"(?:\w+_)?(?:device|gpu|rank)s?(?:_(?:id|idx|index|ordinal))?|(?:\w+_)?(?:dims?|dtype|heads?|shape|sizes?)"
    r"|(?:block|dim|head|num|tile)_\w+",
    re.IGNORECASE,
)
# What computes with tensors: its keys are shapes and layouts, unless they are texts or somebody's.
_TENSORS: Final = frozenset(
    {
        *("aiter", "cupy", "cutlass", "flashinfer", "flydsl", "helion", "jax", "numba", "tilelang", "torch"),
        *("transformers", "triton", "tvm"),
    }
)
_KERNELS: Final = frozenset({"cute", "tl", "triton"})
_TEXTUAL: Final = regex(
    r"\w*(?:account|content|customer|document|file\w*|_?id|key|message|path|prompt|query|question|request|sentence|session|tenant|text"
    r"|ur[il]|user)s?",
    re.IGNORECASE,
)
_NUMBERS: Final = ("builtins.bool", "builtins.float", "builtins.int")
_TEXT_TYPES: Final = ("Any", "Path", "PathLike", "bytes", "object", "str")
_OF_TENSORS: Final = ("torch.device", "torch.dtype")
_SOMEBODY: Final = regex(r"\w*(?:account|customer|tenant|user)\w*")  # there are more of them every day
_CONFIGURES: Final = regex(r"(?:\w+_)?settings?(?:_\w+)?|get_(?:class|handler|finder)|\w+_once")
# An imported class of such a name is an enumeration or as good as one.
_CATEGORY: Final = regex(
    r"\w*(?:Enum|Type|Kind|Mode|Level|Flag|Flags|Status|State|Category|Policy|Strategy|Format|Choice|Severity|Platform|Language|Color"
    r"|Colour|Backend|DType|Direction|Operator|Version|Config|Settings|ProcessGroup|Capability)"
)
_CONSTANT: Final = regex(r"_*[A-Z][A-Z0-9_]*")
_KNOWN_TO_IMPORT: Final = frozenset(
    {
        "builtins.__import__",
        "importlib.import_module",
        "importlib.util.find_spec",
        *(
            f"importlib.metadata.{name}"
            for name in ("distribution", "files", "metadata", "requires", "version")
        ),
        "shutil.which",
    }
)
# What a mapping is called that is asked over a network, or is a cache itself: it knows more keys than the program has.
_REMOTE: Final = regex(
    r"\w*(?:api|cache\w*|client|collection|conn|connection|cursor|database|db|http|memo\w*|objects|redis|repo|repository|requests|session"
    r"|storage|store)",
    re.IGNORECASE,
)
_ONE_PLACE: Final = regex(r"\w*(?:cwd|default|home|root)\w*", re.IGNORECASE)
_REGISTERS: Final = regex(r"_*(?:register|set_?up)(?:_|$)")
# What takes classes, functions and modules apart.
_REFLECTS: Final = frozenset(
    {
        "builtins.dir",
        "dataclasses.fields",
        *(
            f"inspect.{name}"
            for name in ("getdoc", "getfile", "getmembers", "getmodule", "getmro", "getsource", "signature")
        ),
        *(f"{module}.get_type_hints" for module in _TYPING),
    }
)
# What says where the packages of the program are.
_INSTALLED: Final = (
    "site.getsitepackages",
    "site.getusersitepackages",
    "sysconfig.get_path",
    "sysconfig.get_paths",
)
_IN_FILES: Final = frozenset(
    {"__file__", "co_filename", "co_name", "__module__", "__name__", "__qualname__", "__class__"}
)
_FILLS: Final = frozenset({"MappingProxyType", "dict", "frozenset", "list", "set", "sorted", "tuple"})
_MAX_CALLERS: Final = 8
# What is loaded once, when a program starts.
_LOADED: Final = regex(
    r"_*(?:\w+_)?(?:adapters|backends|commands|drivers|entry_points|extensions|handlers|plugins|providers|registry)(?:_\w+)?",
    re.IGNORECASE,
)
_MEMOS: Final = ("functools.cache", "functools.lru_cache")
_DEFAULT: Final = regex(r"_*[A-Z][A-Z0-9_]*|_*default_\w+")
_PLACE: Final = regex(r"_*(?:\w+_)?(?:dir|directory|file|folder|home|path|root)")
_SETTINGS: Final = regex(r"_*(?:\w*config|conf|environ|getenv|options|os|settings)", re.IGNORECASE)
_OF_CALLER: Final = regex(r"current|request|session|user", re.IGNORECASE)
_TEXTS: Final = ("builtins.str", "os.fspath", "os.path.abspath", "pathlib.Path")


class Domains:
    """The domains of parameters in one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._open: set[tuple[_Function, str]] = set()

    def unbounded(self, function: _Function | ast.Lambda) -> list[ast.arg]:
        """The parameters that may take any number of values, ``self`` and ``cls`` of a method left out."""
        bound = (
            first_parameter(function)
            if not isinstance(function, ast.Lambda) and self._module.index.class_of(function) is not None
            else None
        )
        found = [
            item for item in parameters(function) if item is not bound and not self.is_finite(function, item)
        ]
        rest = (function.args.vararg, function.args.kwarg)
        if all(item in rest for item in found) and len(parameters(function)) > len(found) + (
            bound is not None
        ):
            return []  # what goes along with parameters of which there are few
        return found

    @memoised
    def is_finite(self, function: _Function | ast.Lambda, parameter: ast.arg) -> bool:
        """Whether the program's text limits the values of a parameter.

        It is annotated as ``bool``, an enumeration, ``Literal``, a class, function or module; without an annotation, its
        default or name says so; the function looks it up in a constant table or imports it by name; or the function is
        private and every call in the file gives a constant.

        Args:
            function: the function.
            parameter: one of its parameters.
        """
        if isinstance(function, ast.Lambda):
            return False
        if self._reflects(function):
            return True
        if parameter in (function.args.vararg, function.args.kwarg):
            return False
        if parameter.annotation is not None and self.is_finite_type(parameter.annotation):
            return True
        if _NAMED.fullmatch(parameter.arg) or (
            _CONFIGURES.fullmatch(function.name.strip("_")) and not _SOMEBODY.fullmatch(parameter.arg)
        ):
            return True
        if _MEASURED.fullmatch(parameter.arg) or self._measures(function, parameter):
            return True
        if self.is_of_tensors and not self._is_textual(parameter):
            return True
        if parameter.annotation is None:
            value = default(function, parameter)
            if isinstance(value, ast.Constant) and isinstance(value.value, bool):
                return True
            if _PROGRAM_PART.fullmatch(parameter.arg) or self._names_part(function, parameter):
                return True
        return (
            self._is_looked_up(function, parameter)
            or self._falls_back(function, parameter)
            or self._has_fallback(function, parameter)
            or self._gets_constants(function, parameter)
            or self._is_left_at_default(function, parameter)
            or self._only_registers(function)
            or self._names_packaged_file(function, parameter)
            or self._makes_closures_of_settings(function, parameter)
        )

    def is_finite_type(self, annotation: ast.expr) -> bool:
        """Whether an annotation names a type with as many values as the program's text has."""
        stack = [annotation]
        while stack:
            node = stack.pop()
            text = string(node)
            if text is not None:
                try:
                    parsed = ast.parse(text, mode="eval").body
                except (SyntaxError, ValueError, RecursionError, MemoryError):
                    return False
                if not self._is_finite_parsed(parsed, annotation):
                    return False
            elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
                stack += (node.left, node.right)
            elif isinstance(node, ast.Subscript):
                base = self._module.qualname(node.value)
                inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
                if base in _COMPOUNDS:
                    stack += inner
                elif base in _WRAPPERS:
                    stack.append(inner[0])
                elif base not in _FINITE:
                    return False
            elif not is_none(node) and not self._is_finite_class(node):
                return False
        return True

    def _is_finite_parsed(self, node: ast.expr, annotation: ast.expr) -> bool:
        """As :meth:`is_finite_type`, for the text of an annotation; its nodes are not of the tree."""
        imports, scope = self._module.imports, self._module.index.scope(annotation)
        stack = [node]
        while stack:
            item = stack.pop()
            if isinstance(item, ast.BinOp):
                stack += (item.left, item.right)
                continue
            base = item.value if isinstance(item, ast.Subscript) else item
            name = imports.qualname(base, scope)
            if isinstance(base, ast.Name) and self._is_enum(self._class(scope, base.id)):
                continue
            if not is_none(item) and name not in _FINITE:
                return False
        return True

    def _is_finite_class(self, node: ast.expr) -> bool:
        name = self._module.qualname(node)
        if name is not None:
            last = name.rpartition(".")[2]
            return name in _FINITE or name in _ENUMS or bool(_CATEGORY.fullmatch(last) and last[0].isupper())
        found = self._module.receivers.definition(node)
        return isinstance(found, ast.ClassDef) and self._is_enum(found)

    def _class(self, scope: ast.AST, name: str) -> ast.ClassDef | None:
        owner = self._module.scopes.owner(scope, name)  # type: ignore[arg-type]
        bindings = [] if owner is None else self._module.scopes.bindings(owner, name)
        found = bindings[0].node if len(bindings) == 1 else None
        return found if isinstance(found, ast.ClassDef) else None

    @memoised
    def _is_enum(self, owner: ast.ClassDef | None) -> bool:
        seen: set[ast.ClassDef] = set()
        stack = [owner]
        while stack:
            item = stack.pop()
            if item is None or item in seen:
                continue
            seen.add(item)
            for base in item.bases:
                name = self._module.qualname(base)
                if name in _ENUMS or (name is not None and name.rpartition(".")[2].endswith("Enum")):
                    return True
                found = self._module.receivers.definition(base)
                stack.append(found if isinstance(found, ast.ClassDef) else None)
        return False

    def is_enum(self, owner: ast.ClassDef) -> bool:
        """Whether a class of this file is an enumeration, whose instances are its members."""
        return self._is_enum(owner)

    # -- what the function does with it

    def _is_looked_up(self, function: _Function, parameter: ast.arg) -> bool:
        """Whether another value fails: it indexes a constant table, makes a member of an enumeration, or is imported by name."""
        scopes, index = self._module.scopes, self._module.index
        for use in scopes.uses(function, parameter.arg):
            parent = index.parent(use)
            if isinstance(parent, ast.Subscript) and parent.slice is use and isinstance(parent.ctx, ast.Load):
                if self.is_table(parent.value):
                    return True
            elif isinstance(parent, ast.Call) and use in parent.args:
                if self._module.qualname(parent.func) in _KNOWN_TO_IMPORT or self._is_enum_call(parent):
                    return True
                if self._module.qualname(parent.func) == "builtins.getattr" and use in parent.args[1:2]:
                    return len(parent.args) == 2
                if self.is_refused(parent):
                    return True
            elif isinstance(parent, ast.Compare) and (self._rejects(parent) or self._picks(parent, use)):
                return True
        return False

    def _picks(self, test: ast.Compare, use: ast.expr) -> bool:
        """Whether ``next((p for p in plugins() if p.name == name), default)`` finds one of the parts that are loaded."""
        index = self._module.index
        found = index.parent(test)
        if not isinstance(found, ast.comprehension) or not isinstance(test.ops[0], ast.Eq):
            return False
        generator = index.parent(found)
        call = index.parent(generator) if generator is not None else None
        if not isinstance(call, ast.Call) or self._module.qualname(call.func) != "builtins.next":
            return False
        other = next(side for side in (test.left, test.comparators[0]) if side is not use)
        iterated = self._behind(found.iter)
        return any(
            isinstance(item, ast.Attribute) and ast.unparse(found.target) == dotted(item.value)
            for item in ast.walk(other)
        ) and self._is_loaded(iterated)

    def _behind(self, node: ast.expr) -> ast.expr:
        """What the one assignment of a local variable gives it; the expression itself for others."""
        resolved = self._module.scopes.resolve(node) if isinstance(node, ast.Name) else None
        if resolved is None or len(resolved[1]) != 1 or resolved[1][0].kind is not Kind.ASSIGN:
            return node
        return resolved[1][0].value or node

    def _is_loaded(self, iterated: ast.expr) -> bool:
        """Whether something gives the plugins or handlers of the program: by its name, or as it is computed once for all."""
        called = iterated.func if isinstance(iterated, ast.Call) else iterated
        if isinstance(iterated, ast.Call) and (iterated.args or iterated.keywords):
            return False
        if _LOADED.fullmatch(last_name(called) or ""):
            return True
        definition = self._module.receivers.definition(called)
        return (
            isinstance(iterated, ast.Call)
            and isinstance(definition, ast.FunctionDef)
            and not parameters(definition)
            and any(
                self._module.qualname(item.func if isinstance(item, ast.Call) else item) in _MEMOS
                for item in definition.decorator_list
            )
        )

    def _measures(self, function: _Function, parameter: ast.arg) -> bool:
        """Whether a number comes with a device or an element type: the shape of a tensor or a kernel that the model needs."""
        return self._annotated(parameter) in _NUMBERS and any(
            item is not parameter
            and (item.arg in ("device", "dtype") or self._annotated(item) in _OF_TENSORS)
            for item in parameters(function)
        )

    @functools.cached_property
    def is_of_tensors(self) -> bool:
        """Whether the file computes with tensors, or is written for a device that does."""
        index = self._module.index
        return not index.packages.isdisjoint(_TENSORS) or any(
            alias.name in _KERNELS for alias in index.nodes(ast.alias)
        )

    def _is_textual(self, parameter: ast.arg) -> bool:
        """Whether a parameter may be a text that is no name of a part: by its name and, if it has one, its annotation."""
        if not _TEXTUAL.fullmatch(parameter.arg):
            return False
        return parameter.annotation is None or any(
            isinstance(node, ast.Name) and node.id in _TEXT_TYPES or string(node) in _TEXT_TYPES
            for node in walk(parameter.annotation)
            if isinstance(node, ast.expr)
        )

    def _is_left_at_default(self, function: _Function, parameter: ast.arg) -> bool:
        """Whether a parameter has a text of the program as its default, and no call in the file gives another value."""
        if not string(default(function, parameter)):
            return False
        return all(
            arguments.given(self._module.index, call, function, parameter.arg) is None
            for call in self._module.index.calls_named((function.name,))
            if self._module.receivers.definition(call.func) is function
        )

    def _annotated(self, parameter: ast.arg) -> str:
        return (parameter.annotation and self._module.qualname(parameter.annotation)) or ""

    def _names_part(self, function: _Function, parameter: ast.arg) -> bool:
        """Whether a name goes with the class or model that has it: ``label(model, name)``."""
        return parameter.arg in ("field", "key", "name") and any(
            item is not parameter and item.annotation is None and _PROGRAM_PART.fullmatch(item.arg)
            for item in parameters(function)
        )

    @memoised
    def _reflects(self, function: _Function) -> bool:
        """Whether a function takes one of its arguments apart as a part of the program, or asks where its packages are."""
        if any(
            isinstance(node, ast.Call) and self._module.qualname(node.func) in _INSTALLED
            for node in ast.walk(function)
        ):
            return True
        return any(
            isinstance(call, ast.Call) and use in call.args and self._module.qualname(call.func) in _REFLECTS
            for parameter in parameters(function)
            for use in self._module.scopes.uses(function, parameter.arg)
            for call in (self._module.index.parent(use),)
        )

    def _falls_back(self, function: _Function, parameter: ast.arg) -> bool:
        """Whether a parameter is seldom given, as it stands for one place: ``path = path or source_root()``."""
        if not is_none(default(function, parameter)):
            return False
        for use in self._module.scopes.uses(function, parameter.arg):
            choice = self._module.index.parent(use)
            if isinstance(choice, ast.BoolOp) and isinstance(choice.op, ast.Or) and choice.values[0] is use:
                last = choice.values[-1]
                name = last_name(last.func if isinstance(last, ast.Call) else last) or ""
                if len(choice.values) == 2 and _ONE_PLACE.fullmatch(name):
                    return True
        return False

    def _has_fallback(self, function: _Function, parameter: ast.arg) -> bool:
        """Whether callers in this file give a value of the program where they are given none: ``x or self.default_syntax``."""
        given = [
            arguments.given(self._module.index, call, function, parameter.arg)
            for call in self._module.index.calls_named((function.name,))
            if self._module.receivers.definition(call.func) is function
        ]
        return bool(given) and all(
            isinstance(value, ast.BoolOp)
            and isinstance(value.op, ast.Or)
            and bool(_DEFAULT.fullmatch(last_name(value.values[-1]) or ""))
            for value in given
        )

    def _names_packaged_file(self, function: _Function, parameter: ast.arg) -> bool:
        """Whether a parameter names a file beside the code: ``(Path(__file__).parent / "sql" / name).read_text()``."""
        if not self._module.says("__file__") and not self._module.says("resources"):
            return False
        index = self._module.index
        for use in self._module.scopes.uses(function, parameter.arg):
            part: ast.expr = use
            outer = index.parent(use)
            while isinstance(outer, (ast.FormattedValue, ast.JoinedStr)) or (
                isinstance(outer, ast.Call) and self._module.qualname(outer.func) in _TEXTS
            ):  # f"{name}.sql", Path(name)
                part, outer = outer, index.parent(outer)
            if isinstance(outer, ast.BinOp) and isinstance(outer.op, ast.Div) and outer.right is part:
                if self._is_beside_code(outer.left):
                    return True
            elif isinstance(outer, ast.Call) and part in outer.args[1:]:
                if self._module.qualname(outer.func) == "os.path.join" and self._is_beside_code(
                    outer.args[0]
                ):
                    return True
            elif isinstance(outer, ast.Call) and last_name(outer.func) == "joinpath":
                assert isinstance(outer.func, ast.Attribute)
                if self._is_beside_code(outer.func.value):
                    return True
        return False

    def _is_beside_code(self, folder: ast.expr) -> bool:
        """Whether a folder is found by ``__file__`` or as a resource, itself or as a constant of the module."""
        return any(
            (isinstance(node, ast.Name) and node.id == "__file__")
            or (
                isinstance(node, ast.Call) and self._module.qualname(node.func) == "importlib.resources.files"
            )
            for node in walk(self._behind(folder))
        )

    def _makes_closures_of_settings(self, function: _Function, parameter: ast.arg) -> bool:
        """Whether a function that makes functions is only asked for what an object was set up with: ``make(self.width)``, set in
        ``__init__`` and never again."""
        inner = {
            item.name for item in function.body if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef))
        }
        returned = [item.value for item in own_nodes(function) if isinstance(item, ast.Return)]
        if not inner or not all(isinstance(value, ast.Name) and value.id in inner for value in returned):
            return False
        given = self._given(function, parameter)
        return bool(given) and all(self._is_set_once(value) for value in given or ())

    def _is_set_once(self, value: ast.expr) -> bool:
        """Whether a value is an attribute of the own object that only ``__init__`` sets."""
        owner = self._module.receivers.class_behind(value.value) if isinstance(value, ast.Attribute) else None
        if owner is None or not isinstance(value, ast.Attribute):
            return False
        stores = self._module.receivers.attribute_stores(owner, value.attr)
        functions = [self._module.index.function(store) for store in stores]
        return bool(functions) and all(getattr(item, "name", "") == "__init__" for item in functions)

    @memoised
    def _only_registers(self, function: _Function) -> bool:
        """Whether several functions of this file call another, and all of them register or set up parts of the program."""
        callers = [
            self._module.index.function(call)
            for call in self._module.index.calls_named((function.name,))
            if self._module.receivers.definition(call.func) is function
        ]
        return len(callers) > 1 and all(
            isinstance(caller, (ast.FunctionDef, ast.AsyncFunctionDef)) and _REGISTERS.match(caller.name)
            for caller in callers
        )

    @memoised
    def is_refused(self, call: ast.Call) -> bool:
        """Whether ``m.get(key)`` asks a mapping whose keys are all that there are: a miss raises or returns at once."""
        index = self._module.index
        is_get = isinstance(call.func, ast.Attribute) and call.func.attr == "get"
        if (
            not is_get
            or call.keywords
            or len(call.args) != 1 + (len(call.args) == 2 and is_none(call.args[1]))
        ):
            return False
        assert isinstance(call.func, ast.Attribute)
        asked = call.func.value.func if isinstance(call.func.value, ast.Call) else call.func.value
        if _REMOTE.fullmatch(last_name(asked) or "client"):
            return False
        outer = index.parent(call)
        target = outer.targets[0] if isinstance(outer, ast.Assign) else getattr(outer, "target", None)
        block = getattr(index.parent(outer), "body", None) if isinstance(outer, ast.stmt) else None
        if not isinstance(target, ast.Name) or not isinstance(block, list) or outer not in block:
            return False
        following = block[block.index(outer) + 1 :][:1]
        return any(
            isinstance(item, ast.If)
            and _is_missing(item.test, target.id)
            and isinstance(item.body[-1], (ast.Raise, ast.Return))
            for item in following
        )

    def _is_enum_call(self, call: ast.Call) -> bool:
        found = self._module.receivers.definition(call.func)
        return isinstance(found, ast.ClassDef) and self._is_enum(found)

    def _rejects(self, test: ast.Compare) -> bool:
        """Whether an ``if x not in KNOWN`` raises, also with more tables: ``if x not in system() and x not in packaged()``."""
        parent = self._module.index.parent(test)
        if isinstance(parent, ast.BoolOp) and isinstance(parent.op, ast.And):
            parent = self._module.index.parent(parent)
        known = test.comparators[0]
        return (
            isinstance(test.ops[0], ast.NotIn)
            and (self.is_table(known) or self.is_constant(known) or self._is_reader(known))
            and isinstance(parent, ast.If)
            and isinstance(parent.body[-1], ast.Raise)
        )

    def _is_reader(self, node: ast.expr) -> bool:
        """Whether a call of the file's own function without parameters tells what there is: ``available_zones()``."""
        if not isinstance(node, ast.Call) or node.args or node.keywords:
            return False
        found = self._module.receivers.definition(node.func)
        return isinstance(found, ast.FunctionDef) and len(parameters(found)) == (
            self._module.index.class_of(found) is not None
        )

    def is_table(self, node: ast.expr) -> bool:
        """Whether an expression is a mapping or sequence that the program's text spells: a display, or a name for one."""
        if isinstance(node, ast.Name):
            resolved = self._module.scopes.resolve(node)
            if resolved is None:
                return False
            if not _CONSTANT.fullmatch(node.id):
                chosen = [binding.value for binding in resolved[1] if binding.kind is Kind.ASSIGN]
                return len(chosen) == len(resolved[1]) and all(
                    isinstance(value, ast.Name)
                    and _CONSTANT.fullmatch(value.id) is not None
                    and self.is_table(value)
                    for value in chosen
                )
            return all(binding.kind is Kind.IMPORT or _is_filled(binding.value) for binding in resolved[1])
        if isinstance(node, ast.Attribute):
            owner = self._module.receivers.class_behind(node.value)
            return bool(_CONSTANT.fullmatch(node.attr)) and (
                owner is None
                or all(_is_filled(item.value) for item in self._module.scopes.bindings(owner, node.attr))
            )
        return _is_filled(node)

    def is_constant(self, node: ast.expr) -> bool:
        """Whether an expression is fixed in the program's text: a literal, a display of them, an ALL_CAPS name, a class."""
        stack = [node]
        while stack:
            item = stack.pop()
            if isinstance(item, (ast.Tuple, ast.List, ast.Set)):
                stack += item.elts
            elif isinstance(item, ast.Dict):
                stack += [key for key in item.keys if key is not None]
            elif isinstance(item, (ast.Name, ast.Attribute)):
                last = item.attr if isinstance(item, ast.Attribute) else item.id
                if not _CONSTANT.fullmatch(last) and not self._is_program_part(item):
                    return False
            elif not isinstance(item, ast.Constant):
                return False
        return True

    def _is_program_part(self, node: ast.expr) -> bool:
        found = self._module.receivers.definition(node)
        if found is not None:
            return True
        if not isinstance(node, ast.Name):
            owner = self._module.receivers.definition(node.value) if isinstance(node, ast.Attribute) else None
            return isinstance(owner, ast.ClassDef) and self._is_enum(owner)
        if node.id in ("__file__", "__name__", "__package__"):
            return True
        resolved = self._module.scopes.resolve(node)
        return (
            resolved is not None
            and resolved[0] is self._module.tree
            and len(resolved[1]) == 1
            and resolved[1][0].kind in (Kind.ASSIGN, Kind.ANNOTATED)
            and isinstance(resolved[1][0].value, ast.Constant)
        )

    # -- what its callers give

    def _gets_constants(self, function: _Function, parameter: ast.arg) -> bool:
        """Whether a private function is only called in this file, with constants for the parameter; or several calls here of a
        public one all do so."""
        if function.name.startswith("__"):
            return False
        key = (function, parameter.arg)
        if key in self._open or len(self._open) >= _MAX_CALLERS:
            return True  # recursion adds no value of its own
        self._open.add(key)
        try:
            given = self._given(function, parameter)
            return (
                given is not None
                and (function.name.startswith("_") or len(given) > 1)
                and all(self._is_finite_value(value) for value in given)
            )
        finally:
            self._open.discard(key)

    def _given(self, function: _Function, parameter: ast.arg) -> list[ast.expr] | None:
        """What the calls of a function give for a parameter; ``None`` where not all are known, or there are none."""
        if self._module.index.class_of(function) is not None and first_parameter(function) is parameter:
            return None  # the object itself
        position = arguments.place(self._module.index, function, parameter.arg)
        found: list[ast.expr] = []
        calls = 0
        for mention in self._mentions().get(function.name, ()):
            if mention in function.decorator_list:
                continue
            call = self._module.index.parent(mention)
            if not isinstance(call, ast.Call) or call.func is not mention:
                return None
            if any(isinstance(item, ast.Starred) for item in call.args) or any(
                item.arg is None for item in call.keywords
            ):
                return None
            calls += 1
            value = next((item.value for item in call.keywords if item.arg == parameter.arg), None)
            if value is None and position is not None and position < len(call.args):
                value = call.args[position]
            if value is None:
                value = default(function, parameter)
            if value is not None:
                found.append(value)
        return found if calls else None

    def _is_finite_value(self, value: ast.expr) -> bool:
        if self.is_constant(value) or _is_of_code(value):
            return True
        if (
            isinstance(value, ast.Call)
            and self._module.qualname(value.func) in _TEXTS
            and len(value.args) == 1
        ):
            value = value.args[0]
        if isinstance(value, ast.Call):
            if self._module.qualname(value.func) in ("builtins.type", "builtins.bool"):
                return True
            return self._is_configured(value)
        if not isinstance(value, ast.Name):
            return False
        resolved = self._module.scopes.resolve(value)
        if resolved is None:
            return False
        owner, bindings = resolved
        for binding in bindings:
            if (
                binding.kind is Kind.PARAMETER
                and isinstance(owner, FUNCTIONS)
                and isinstance(binding.node, ast.arg)
            ):
                if not self.is_finite(owner, binding.node):
                    return False
            elif binding.value is None or not (
                self.is_constant(binding.value)
                or _is_of_code(binding.value)
                or (isinstance(binding.value, ast.Call) and self._is_configured(binding.value))
                or (self._is_reader(binding.value) and not _OF_CALLER.search(ast.unparse(binding.value)))
            ):
                return False
        return True

    def _is_configured(self, call: ast.Call) -> bool:
        """Whether a call asks what is the same for all callers: ``config.get("store", "path")``, ``_history_file()``."""
        name = last_name(call.func) or ""
        start = root(call.func)
        resolved = self._module.scopes.resolve(start) if isinstance(start, ast.Name) else None
        if resolved is None or resolved[0] is not self._module.tree or call.keywords:
            return False
        if not call.args:
            return isinstance(call.func, ast.Name) and bool(_PLACE.fullmatch(name))
        is_asked = name in ("get", "getenv") and all(isinstance(item, ast.Constant) for item in call.args)
        return is_asked and bool(_SETTINGS.fullmatch(last_name(getattr(call.func, "value", call.func)) or ""))

    @memoised
    def _mentions(self) -> dict[str, list[ast.expr]]:
        found: defaultdict[str, list[ast.expr]] = defaultdict(list)
        for name in self._module.index.nodes(ast.Name):
            if isinstance(name.ctx, ast.Load):
                found[name.id].append(name)
        for attribute in self._module.index.nodes(ast.Attribute):
            found[attribute.attr].append(attribute)
        return found


def _is_missing(test: ast.expr, name: str) -> bool:
    """Whether a condition is ``name is None`` or ``not name``."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return isinstance(test.operand, ast.Name) and test.operand.id == name
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.ops[0], ast.Is)
        and isinstance(test.left, ast.Name)
        and test.left.id == name
        and is_none(test.comparators[0])
    )


def _is_of_code(value: ast.expr) -> bool:
    """Whether a value names a part of the code that is loaded: ``module.__file__``, ``frame.f_code.co_filename``."""
    if isinstance(value, ast.Attribute):
        return value.attr in _IN_FILES
    return (
        isinstance(value, ast.Call)
        and (last_name(value.func) or "").endswith("getattr")
        and len(value.args) > 1
        and string(value.args[1]) in _IN_FILES
    )


def _is_filled(value: ast.expr | None) -> bool:
    """Whether a value is a display with something in it, or is computed from one."""
    if isinstance(value, ast.Dict):
        return bool(value.keys)
    if isinstance(value, (ast.List, ast.Set, ast.Tuple)):
        return bool(value.elts)
    if isinstance(value, ast.Call):
        return bool(value.args or value.keywords) and last_name(value.func) in _FILLS
    return isinstance(value, (ast.DictComp, ast.ListComp, ast.SetComp))
