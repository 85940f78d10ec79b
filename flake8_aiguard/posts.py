"""POST requests: whether they only read, or something says that a second one does harm."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.children import walk
from flake8_aiguard.module import Module
from flake8_aiguard.regex import regex
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import (
    argument,
    hides_arguments,
    last_name,
    names_in,
    parameters,
    string,
    text_parts,
)

_WORD: Final = regex(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PLAIN: Final = frozenset((*dir(str), *dir(dict)))  # methods that say nothing: items(), format()
_BODY: Final = ("body", "content", "data", "fields", "files", "json")
_PLURAL: Final = regex(r"/\w*[a-rt-z]s/?$")  # POST to a collection adds to it
_WRAPPER: Final = regex(r"_*(do_|send_)?(post|request)(_v?\d+|_json)?")
_POST: Final = {"url": 0, "url_keyword": "url"}
_REQUEST: Final = {"url": 1, "url_keyword": "url"}
_CONTENT: Final = (
    "aiter_bytes",
    "aiter_lines",
    "content",
    "data",
    "iter_content",
    "iter_lines",
    "json",
    "read",
    "text",
)
_PARENTS: Final = 2  # parts of a path that say what a file is for
_FUNCTION: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
_STEPS: Final = 60  # expressions behind an argument that are looked at
_HOPS: Final = 3  # names behind a body


class Posts:
    """The POST requests of one file.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def only_read(self) -> bool:
        """Whether the file sends POST requests, and none of them says that it does harm twice; those of wrappers say nothing.

        A file that sends none itself says by its path what its sessions are for: ``embedding_providers/base.py``.
        """
        index = self._module.index
        found = [(call, _POST) for call in index.calls_named(("post",))]
        found += [
            (call, _REQUEST)
            for call in index.calls_named(("request", "_request"))
            if (string(argument(call, "method", 0)) or "").upper() == "POST"
        ]
        if not found:
            path = self._module.filename.replace("\\", "/").rpartition(".")[0].split("/")[-_PARENTS:]
            return not _reading("anywhere").isdisjoint(word for part in path for word in words(part))
        harmful = [call for call, row in found if not self.reads(call, row) and self.is_evident(call, row)]
        return len(harmful) < len(found) and all(map(self._is_wrapped, harmful))

    def _is_wrapped(self, call: ast.Call) -> bool:
        """Whether a request is sent by a method that is only called ``post`` or ``request``, and that this file does not call."""
        function = self._module.index.function(call)
        return (
            isinstance(function, _FUNCTION)
            and _WRAPPER.fullmatch(function.name) is not None
            and not self._callers(function)
        )

    def reads(self, call: ast.Call, row: knowledge.Row) -> bool:
        """Whether the URL of a POST, its fields, or the function or class around it say that it only reads.

        Args:
            call: the request.
            row: its row in ``effects.toml``.
        """
        index = self._module.index
        function = index.function(call)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            said = words(function.name)
            what = words((ast.get_docstring(function) or "").partition("\n")[0])
            if {*said[:1], *what[:1]} & _reading("functions") or {*said, *what} & _reading("anywhere"):
                return True
        url = argument(call, row["url_keyword"], row["url"])
        if url is not None and self._says(url, "words"):
            return True
        body = argument(call, "json") or argument(call, "data")
        if body is not None and self._asks(body):
            return True
        if not isinstance(function, _FUNCTION):
            return False
        return self._is_model(function, url) or (url is not None and self._is_asked(function, url))

    def is_evident(self, call: ast.Call, row: knowledge.Row) -> bool:
        """Whether something says that a second request does harm: PATCH, a word for what makes, sends or pays, a body for ``/orders``.

        Where a function is told the path, its callers in this file say so; without any it is a plain POST.

        Args:
            call: the request.
            row: its row in ``effects.toml``.
        """
        function = self._module.index.function(call)
        verb = string(argument(call, row["verb_keyword"], row["verb"])) if "verb" in row else None
        said = verb or (self._module.qualname(call.func) or last_name(call.func) or "").rpartition(".")[2]
        if said.lower() == "patch" or not isinstance(function, _FUNCTION):
            return True
        url = argument(call, row["url_keyword"], row["url"])
        is_told = self.is_told(function, url)
        callers = self._callers(function) if is_told else []
        if callers:
            return any(map(self.is_evident_caller, callers))
        if self._acts(call, function):
            return True
        if not ("body" in row or _has_body(call, url)) or self._is_parsed(call):
            return False  # perhaps its answer is all that comes of it
        paths = [] if is_told or url is None else [text for text in self._texts(url) if "/" in text]
        return not paths or any(map(_PLURAL.search, paths))

    def is_told(self, function: ast.FunctionDef | ast.AsyncFunctionDef, url: ast.expr | None) -> bool:
        """Whether a function is told the path of its requests, perhaps through variables; ``f"{base}/orders"`` is its own.

        Args:
            function: the function.
            url: the URL of the request.
        """
        told = {item.arg for item in parameters(function)} - {"self", "cls"}
        stack, seen = [] if url is None else [url], set[str]()
        while stack and len(seen) < _STEPS:
            value = stack.pop()
            end = (text_parts(value) or [value])[-1]
            for name in names_in(value) if not isinstance(end, str) or not words(end) else ():
                if name.id in told:
                    return True
                if name.id not in seen:
                    seen.add(name.id)
                    stack += self.bound(name)
        return False

    def _callers(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.Call]:
        """The calls of a function in this file."""
        calls = self._module.index.calls_named((function.name,))
        return [item for item in calls if self._function(item) is function]

    def is_evident_caller(self, call: ast.Call) -> bool:
        """Whether a call of what is told a path stands in a function, or tells it a path, that makes, sends or pays something.

        Args:
            call: the call; functions that are themselves only called ``post`` say nothing against it.
        """
        around = self._module.index.function(call)
        if not isinstance(around, _FUNCTION):
            return True
        if self._is_question(call):
            return False
        said = [
            around.name,
            *(part for item in call.args for part in text_parts(item) or () if isinstance(part, str)),
        ]
        return _WRAPPER.fullmatch(around.name) is not None or any(map(_is_act, said))

    def _acts(self, call: ast.Call, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Whether anything about a request says that it makes, sends or pays something: function, docstring, URL, fields, names."""
        said = [function.name, (ast.get_docstring(function) or "").partition("\n")[0]]
        cls = self._module.index.class_of(function)
        said += [cls.name] if cls is not None else []
        for item in (*call.args, *(keyword.value for keyword in call.keywords if keyword.arg != "headers")):
            said += self._texts(item)
        return any(map(_is_act, said))

    def _is_parsed(self, call: ast.Call) -> bool:
        """Whether an answer is wanted for what it says: its content is read, or it is handed to a function."""
        index = self._module.index
        node: ast.AST = call
        outer = index.parent(node)
        if isinstance(outer, ast.Await):
            node, outer = outer, index.parent(outer)
        if isinstance(outer, ast.Attribute):
            return outer.attr in _CONTENT
        bound = outer.optional_vars if isinstance(outer, ast.withitem) else None
        if isinstance(outer, ast.Assign) and len(outer.targets) == 1:
            bound = outer.targets[0]
        resolved = self._module.scopes.resolve(bound) if isinstance(bound, ast.Name) else None
        if resolved is None or not isinstance(bound, ast.Name):
            return False
        parents = [index.parent(use) for use in self._module.scopes.uses(resolved[0], bound.id)]
        return any(
            isinstance(item, ast.Call) or (isinstance(item, ast.Attribute) and item.attr in _CONTENT)
            for item in parents
        )

    def _says(self, node: ast.expr, column: str) -> bool:
        return any(not _reading(column).isdisjoint(words(text)) for text in self._texts(node))

    def _is_model(self, function: ast.FunctionDef | ast.AsyncFunctionDef, url: ast.expr | None) -> bool:
        """Whether a method of a class named for a language model or the like asks it, by no word that says that it makes something."""
        cls = self._module.index.class_of(function)
        names = [] if cls is None else [cls.name, *(last_name(base) or "" for base in cls.bases)]
        is_model = any(not _reading("classes").isdisjoint(words(name)) for name in names)
        makes = not _reading("makes").isdisjoint(words(function.name))
        return is_model and not makes and not (url is not None and self._says(url, "makes"))

    def _is_asked(self, function: ast.FunctionDef | ast.AsyncFunctionDef, url: ast.expr) -> bool:
        """Whether a function is told the path, and all that this file tells it are paths, or are told by functions, that only read."""
        if not self.is_told(function, url):
            return False
        calls = self._callers(function)
        return bool(calls) and all(map(self._is_question, calls))

    def _is_question(self, call: ast.Call) -> bool:
        around = self._module.index.function(call)
        if isinstance(around, _FUNCTION) and not _reading("functions").isdisjoint(words(around.name)[:1]):
            return True
        return any(
            not _reading("words").isdisjoint(words(text))
            for item in call.args
            if (text := string(item)) is not None
        )

    def _asks(self, body: ast.expr) -> bool:
        """Whether a request carries a question, by its fields: a search, or a prompt with what generates the answer."""
        found, stack = set[str](), [body]
        for _ in range(_HOPS):
            if not stack:
                break
            value = stack.pop()
            stack += self.bound(value) if isinstance(value, ast.Name) else ()
            for item in walk(value):
                if isinstance(item, ast.Dict):
                    found.update(text for key in item.keys if (text := string(key)) is not None)
                elif isinstance(item, ast.keyword) and item.arg is not None:
                    found.add(item.arg)
        if not _reading("not_fields").isdisjoint(found):
            return False
        is_inference = "model" in found and not _reading("asked").isdisjoint(found)
        return is_inference or not _reading("fields").isdisjoint(found)

    def _texts(self, node: ast.expr) -> Iterator[str]:
        """The literal texts and the names in an expression and in what its names are bound to."""
        stack, steps = [node], 0
        seen: set[str] = set()
        while stack and steps < _STEPS:
            steps += 1
            item = stack.pop()
            for part in text_parts(item) or [item]:
                if isinstance(part, str):
                    # the host and what it is asked for say nothing of the path
                    yield re.sub(r"^\w+://[^/]*", "", part).partition("?")[0]
                    continue
                for inner in ast.walk(part):
                    if isinstance(inner, ast.Attribute) and inner.attr not in _PLAIN:
                        yield inner.attr
                    elif isinstance(inner, ast.Name):
                        yield inner.id
                        if inner.id not in seen:
                            seen.add(inner.id)
                            stack += self.bound(inner)
                    elif (text := string(inner)) is not None:
                        yield re.sub(r"^\w+://[^/]*", "", text)

    def bound(self, name: ast.Name) -> list[ast.expr]:
        """What is assigned to a variable.

        Args:
            name: a use of it.
        """
        resolved = self._module.scopes.resolve(name)
        if resolved is None:
            return []
        return [
            item.value
            for item in resolved[1]
            if item.value is not None and item.kind in (Kind.ASSIGN, Kind.ANNOTATED)
        ]

    def _function(self, call: ast.Call) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The function of this file that is called."""
        found = self._module.receivers.definition(call.func)
        return found if isinstance(found, _FUNCTION) else None


def words(text: str) -> list[str]:
    """The words of an identifier or a path, in lower case: ``["http", "client"]`` for ``_httpClient``."""
    return [word.lower() for word in _WORD.findall(text)]


def _is_act(text: str) -> bool:
    """Whether a word says that something is made, sent or paid."""
    return not _reading("acts").isdisjoint(words(text))


def _has_body(call: ast.Call, url: ast.expr | None) -> bool:
    """Whether a request carries something, or may."""
    return (
        hides_arguments(call) or any(item.arg in _BODY for item in call.keywords) or call.args[-1:] != [url]
    )


@knowledge.cached
def _reading(column: str) -> frozenset[str]:
    return frozenset(word for row in knowledge.rows("effects.reading") for word in row.get(column, ()))
