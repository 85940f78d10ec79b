"""Whether what holds a cache outlives a piece of work, as the file shows."""

from __future__ import annotations

import ast
import re
from typing import Final

from flake8_aiguard.classes import serves_one_request
from flake8_aiguard.entries import Entries
from flake8_aiguard.index import FUNCTIONS, Function
from flake8_aiguard.lasting import Holder, Lasting
from flake8_aiguard.manifold import are_many, are_surely_many
from flake8_aiguard.memo import memoised
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import dotted, last_name, own_nodes, parameters

# Objects that work on one input and are then dropped, by the last word of their class; and those that serve on.
_SHORT_LIVED: Final = regex(
    r"\w*(?:Action|Assembler|Attributes\w*|Backup|Builder|Codegen|CodeGenerator|Collector|Command|Comparer|Compiler|Config|Context"
    r"|Copier|Differ|Dumper|Emitter|Episode\w*|Evaluator|Explainer|Exporter|Finder|Form|Frame|Importer|Inspector"
    r"|Job|Judge|Lexer|Linter|Migration|Migrator|Mixin|Module|Node|Optimizer|Planner|Printer|Queryer|Report|Reporter"
    r"|Request|Response|Rewriter|Run|Scope|Session|Simplifier|State|Step|Task|TestCase|Trace|Transaction"
    r"|Traverser|Unpickler|View|ViewSet|Visitor|Walker|Writer)(?:Base|Impl|V\d)?"
)
# Those that work on one input, or on one after the other.
_WORKS: Final = regex(
    r"\w*(?:Analyzer|Checker|Converter|Decoder|Encoder|Extractor|Formatter|Notification|Parser"
    r"|Processor|Reader|Renderer|Scanner|Serializer|Tokenizer|Transformer|Translator|Validator)(?:Base|Impl|V\d)?"
)
# They are the place where things are kept, and no copy of what is kept elsewhere.
_IS_STORE: Final = regex(
    r"_*(?:Dummy|Fake|InMemory|Memory|Mock|Null|Stub)\w*|\w+(?:InMemory|Memory)(?:Backend|Repository|Storage|Store)"
)
_SERVES_ON: Final = regex(
    r"\w*(?:Api|API|App|Application|Backend|Bot|Broker|Bus|Cache|Catalog(?:ue)?|Client|Connector|Controller|Database|DB|Db"
    r"|Directory|Dispatcher|Driver|Gateway|Handler|Hub|Index|Integration|Limiter|Manager|Memo|Middleware|Monitor|Pool|Provider"
    r"|Registry|Repo|Repository|Router|Scheduler|SDK|Server|Service|Storage|Store|Supervisor|Tracker|Watcher|Worker)s?(?:Base|Impl|V?\d)?"
)
# Those that may do either, and serve on where they ask a service for what they keep.
_MAY_SERVE_ON: Final = regex(
    r"\w*(?:Adapter|Agent|Engine|Facade|Factory|Fetcher|Loader|Locator|Lookup|Model|Proxy|Resolver|Source|System)s?(?:Base|Impl|V?\d)?"
)
# Attributes that hold a client of something outside of the object.
_CLIENT: Final = regex(
    r"_*(?:\w+_)?(?:api|backend|client|conn|connection|database|db|gateway|http|pool|redis|repo|repository|rpc|session|store)",
    re.IGNORECASE,
)
_PER_WORK: Final = regex(
    r"\b(?:one|new|fresh|creat\w+|made|built|instances?|instantiat\w+|lives?|lifetime)\b[^.]{0,40}\b(?:per|for (?:each|every|one|a single)|of (?:one|a single))\b"
    r"|short-lived|\bingestion\b|\b(?:per|for (?:a|one|the|this)|of (?:a|one|this)|this|single|one)[- ](?:build|invocation|job|run|scan|session)\b",
    re.IGNORECASE,
)
_PIPELINES: Final = ("etl/", "ingestion/")  # a run of them ends
_KEEPS: Final = regex(r"_*(?:add|append|attach|extend|include|insert|put|register|set|subscribe|update)")
_APPLICATIONS: Final = frozenset({"app", "application", "current_app"})
CACHE_NAME: Final = regex(r"cache|memo|_by_|lookup", re.IGNORECASE)
"""Names that say cache."""
SOMEBODY: Final = regex(
    r"\w*(?:account|customer|host|_?id|org|request|session|tenant|ur[il]|user)\w*", re.IGNORECASE
)
"""Keys that are somebody's, of which there are more every day."""
_KINDS: Final = regex(r"\w*(?:Type|Kind|Enum)")
_INITS: Final = ("__init__", "__new__", "__post_init__")


class Lifespans:
    """The objects of one file that hold caches.

    Args:
        module: the file.
        lasting: its globals and attributes.
        entries: the entries of its caches.
    """

    def __init__(self, module: Module, lasting: Lasting, entries: Entries) -> None:
        self._module = module
        self._lasting = lasting
        self._entries = entries

    def lives_on(self, holder: Holder, function: Function, parameter: str) -> bool:
        """Whether the file shows that the object which holds an attribute is more than a piece of work.

        It is kept in a global or an application, its class is named after what serves on, or the class asks a service for
        what the attribute keeps.

        Args:
            holder: what holds a dict.
            function: the function that adds entries.
            parameter: the parameter that their keys derive from.
        """
        owner = holder.owner
        if not isinstance(owner, ast.ClassDef):
            return True
        if _IS_STORE.fullmatch(owner.name):
            return False
        if self._module.index.function(owner) is not None:
            return False
        if self.is_class_level(holder):
            if self._makes_instances(function, owner):
                return bool(CACHE_NAME.search(holder.name)) and not _KINDS.fullmatch(owner.name)
            return True
        if (
            _SHORT_LIVED.fullmatch(owner.name)
            or self._is_made_in_passing(owner)
            or serves_one_request(self._module, owner)
        ):
            return False
        if self.asks_what_it_is_made_with(function, owner, parameter):
            return not _PER_WORK.search(ast.get_docstring(owner, clean=False) or "")
        if _WORKS.fullmatch(owner.name):
            return False
        if _PER_WORK.search(ast.get_docstring(owner, clean=False) or ""):
            return False
        if self._is_kept(owner):
            return True
        if self._module.matches(_PIPELINES):
            return False
        if _SERVES_ON.fullmatch(owner.name):
            return True
        if CACHE_NAME.search(holder.name) and SOMEBODY.fullmatch(parameter):
            return True
        if CACHE_NAME.search(holder.name) or _MAY_SERVE_ON.fullmatch(owner.name):
            return self._entries.is_fetched(function) or self.asks_client(function, owner)
        return bool(SOMEBODY.fullmatch(parameter) or are_surely_many(parameter)) and self.asks_client(
            function, owner
        )

    def asks_client(self, function: Function, owner: ast.ClassDef) -> bool:
        """Whether a public method asks a client that the object was made with: ``self.db.load(key)``.

        Args:
            function: the method.
            owner: its class.
        """
        if isinstance(function, ast.Lambda) or function.name.startswith("_"):
            return False
        asked = {
            node.func.value.attr
            for node in ast.walk(function)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Attribute)
            and isinstance(node.func.value.value, ast.Name)
            and node.func.value.value.id == "self"
            and _CLIENT.fullmatch(node.func.value.attr)
        }
        return any(self._is_given(owner, name) for name in asked)

    def asks_what_it_is_made_with(self, function: Function, owner: ast.ClassDef, parameter: str) -> bool:
        """Whether what keeps entries hands its caller's text or id to an object that its own was made with: ``self.model.encode(query)``.

        Such an object serves its callers, one after the other; one that works on a single input has got that when it was made.

        Args:
            function: the method that adds entries: a public one, or one that public ones call.
            owner: its class.
            parameter: the parameter that their keys derive from.
        """
        if isinstance(function, ast.Lambda) or not are_surely_many(parameter):
            return False
        given = {item.arg for item in parameters(function) if are_surely_many(item.arg)}
        for item in own_nodes(function):
            if (
                isinstance(item, ast.Assign)
                and isinstance(item.targets[0], ast.Name)
                and _names(item.value) & given
            ):
                given.add(item.targets[0].id)
        if function.name.startswith("_") and not self._is_called_in_public(function):
            return False
        asked = {
            node.func.value.attr
            for node in own_nodes(function)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Attribute)
            and isinstance(node.func.value.value, ast.Name)
            and node.func.value.value.id == "self"
            and any(_names(item) & given for item in (*node.args, *(item.value for item in node.keywords)))
        }
        return any(
            self._is_given(owner, name) for name in asked if _CLIENT.fullmatch(name) or not are_many(name)
        )

    def _is_called_in_public(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        index = self._module.index
        callers = (
            index.function(call)
            for call in index.calls_named((function.name,))
            if self._module.receivers.definition(call.func) is function
        )
        return any(not getattr(caller, "name", "_").startswith("_") for caller in callers)

    def _is_given(self, owner: ast.ClassDef, name: str) -> bool:
        """Whether ``__init__`` binds an attribute to a parameter as it is."""
        return any(
            isinstance(assign := self._module.index.parent(store), (ast.Assign, ast.AnnAssign))
            and isinstance(assign.value, ast.Name)
            and isinstance(holder := self._module.index.function(store), ast.FunctionDef)
            and holder.name == "__init__"
            for store in self._module.receivers.attribute_stores(owner, name)
        )

    @memoised
    def _is_kept(self, owner: ast.ClassDef) -> bool:
        """Whether an instance is made on import, or kept in a global, on an application or by an object that serves on."""
        index, scopes = self._module.index, self._module.scopes
        for call in index.calls_named((owner.name,)):
            if self._module.receivers.definition(call.func) is not owner:
                continue
            if index.function(call) is None:
                return True
            assign = index.parent(call)
            if not isinstance(assign, (ast.Assign, ast.AnnAssign)):
                continue
            target = assign.targets[0] if isinstance(assign, ast.Assign) else assign.target
            if isinstance(target, ast.Name):
                if isinstance(scopes.owner(index.scope(target), target.id), ast.Module):
                    return True
            elif not _APPLICATIONS.isdisjoint((dotted(target) or "").split(".")[:-1]):
                return True
            else:
                function = index.function(call)
                keeper = None if function is None else index.class_of(function)
                if (dotted(target) or "").startswith("self.") and _SERVES_ON.fullmatch(
                    getattr(keeper, "name", "")
                ):
                    return True
        return False

    def _makes_instances(self, function: Function, owner: ast.ClassDef) -> bool:
        """Whether a function is ``__init__`` or called by it: what the instances of a class share by the arguments they are made with."""
        index = self._module.index
        if isinstance(function, ast.Lambda) or function.name in _INITS:
            return not isinstance(function, ast.Lambda)
        callers = (
            index.function(call)
            for call in index.calls_named((function.name,))
            if self._module.receivers.definition(call.func) is function
        )
        return any(
            isinstance(caller, ast.FunctionDef) and caller.name in _INITS and index.class_of(caller) is owner
            for caller in callers
        )

    def is_class_level(self, holder: Holder) -> bool:
        """Whether the class itself holds it, for all its instances."""
        return any(
            isinstance(target, ast.Name)
            and not isinstance(getattr(self._module.index.parent(target), "value", None), ast.Call)
            for target in self._lasting.stores(holder)
        )

    @memoised
    def _is_made_in_passing(self, owner: ast.ClassDef) -> bool:
        """Whether functions of this file make instances for themselves, and none that is kept."""
        index, scopes = self._module.index, self._module.scopes
        made = [
            call
            for call in index.calls_named((owner.name,))
            if self._module.receivers.definition(call.func) is owner
        ]
        if not made:
            return False
        for call in made:
            parent = index.parent(call)
            if index.function(call) is None:
                return False
            if isinstance(parent, ast.Attribute) or self._is_lent(call):
                continue  # Walker().walk(tree), walk(Walker())
            target = parent.targets[0] if isinstance(parent, ast.Assign) else None
            if not isinstance(target, ast.Name):
                return False
            variable = scopes.owner(index.scope(target), target.id)
            if not isinstance(variable, FUNCTIONS) or not all(
                isinstance(index.parent(use), ast.Attribute) or self._is_lent(use)
                for use in scopes.uses(variable, target.id)
            ):
                return False
        return True

    def _is_lent(self, node: ast.expr) -> bool:
        """Whether an object is only given to a function, not to a constructor or a collection, which would keep it."""
        call = self._module.index.parent(node)
        if isinstance(call, ast.keyword):
            call = self._module.index.parent(call)
        if not isinstance(call, ast.Call) or call.func is node:
            return False
        name = last_name(call.func) or ""
        return not name.lstrip("_")[:1].isupper() and not _KEEPS.match(name)


def _names(node: ast.expr) -> set[str]:
    return {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}
