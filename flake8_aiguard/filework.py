"""Whether what a coroutine does with files is worth a thread: who says which file, and what is in it."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Final

from flake8_aiguard.index import FUNCTIONS
from flake8_aiguard.memo import lazy
from flake8_aiguard.module import Module
from flake8_aiguard.oneoff import OneOff
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import last_name, names_in, string, words

_MAX_STEPS: Final = 50  # from a path to the parts that it is built of
_OWN: Final = ("cls", "self")
# Of few kilobytes by their nature.
_SECRETS: Final = frozenset(
    ("cert", "certificate", "certificates", "certs", "credentials", "ssl", "tls", "token", "tokens")
)
# Patterns of what a tool passes over: a few lines.
_SMALL: Final = frozenset(("dockerignore", "gitignore", "ignore", "ssl", "tls"))
_OF_A_WORD: Final = frozenset({".version", "version", "version.txt"})
# A run on its own loop.
_EVALUATIONS: Final = (
    *("bench/", "benchmark/", "benchmark_*/", "benchmarks/"),
    *("eval/", "eval_*/", "evals/", "evaluation/", "evaluations/"),
)
_STREAMED: Final = ("read", "readline", "readlines")  # of a file that an object keeps
_TREES: Final = frozenset(("copytree", "make_archive", "rglob", "rmtree", "unpack_archive", "walk"))


class FileWork:
    """What the coroutines of one file do with files.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._given: dict[ast.AST, bool] = {}

    def is_worth(self, node: ast.Call) -> bool:
        """Whether something shows that a call may read or write much, or does so often.

        That is a loop, a request that is answered, a path or a content that somebody hands over, that an ``await`` brings
        or that a loop goes through, a path that is written out in the call, or a whole tree of folders.

        Args:
            node: a call that opens, reads, writes, moves or removes files.
        """
        index = self._module.index
        function = index.function(node)
        if self._once.is_file or self._once.runs(function) or self._is_small(node, function):
            return False
        if self._module.matches(_EVALUATIONS):
            return False
        if next(index.loops(node), None) is not None or last_name(node.func) in (*_TREES, *_STREAMED):
            return True
        if isinstance(function, ast.AsyncFunctionDef) and self._module.entrypoints.kind(function):
            return True
        return _is_written_out(node) or any(map(self._is_given, (node, *self._contents(node))))

    @lazy
    def _once(self) -> OneOff:
        return OneOff(self._module)

    def _is_small(self, node: ast.Call, function: ast.AST | None) -> bool:
        """Whether a function is about certificates or tokens, or a path or a content is one, an ignore file or a version, by its name."""
        named = words(getattr(function, "name", ""))
        for item in self._origins(node):
            text = string(item) if isinstance(item, ast.Constant) else None
            if text is not None and text.rpartition("/")[2].lower() in _OF_A_WORD:
                return True
            named |= words(text.replace(".", "_")) if text is not None else frozenset()
        path = words(last_name(node.args[0]) or "") if node.args else frozenset()
        return not (_SECRETS.isdisjoint(named) and _SMALL.isdisjoint(path))

    def _contents(self, node: ast.Call) -> Iterable[ast.expr]:
        """What is written to the file that a ``with`` opens: ``file.write(text)``, ``json.dump(rows, file)``."""
        item = self._module.index.parent(node)
        block = self._module.index.parent(item) if isinstance(item, ast.withitem) else None
        handle = item.optional_vars if isinstance(item, ast.withitem) else None
        if not isinstance(block, ast.With) or not isinstance(handle, ast.Name):
            return
        for part in (part for statement in block.body for part in ast.walk(statement)):
            if isinstance(part, ast.Call) and any(
                name.id == handle.id for source in (part.func, *part.args) for name in names_in(source)
            ):
                yield from (given for given in part.args if last_name(given) != handle.id)

    def _origins(self, node: ast.expr) -> Iterable[ast.expr]:
        """The constants and names that an expression is built of, by what its names are bound to."""
        stack, seen = [node], set[int]()
        for _ in range(_MAX_STEPS):
            if not stack:
                return
            for item in ast.walk(stack.pop()):
                if isinstance(item, (ast.Await, ast.Constant)):
                    yield item
                if not isinstance(item, ast.Name) or id(item) in seen:
                    continue
                seen.add(id(item))
                yield item
                for binding in (self._module.scopes.resolve(item) or (None, []))[1]:
                    if binding.value is not None and id(binding.value) not in seen:
                        seen.add(id(binding.value))
                        stack.append(binding.value)

    def _is_given(self, node: ast.expr) -> bool:
        """Whether a caller, a loop or an ``await`` gives a part of an expression."""
        if node not in self._given:
            self._given[node] = any(
                isinstance(item, ast.Await) or (isinstance(item, ast.Name) and self._comes_from_outside(item))
                for item in self._origins(node)
            )
        return self._given[node]

    def _comes_from_outside(self, name: ast.Name) -> bool:
        scope, bindings = self._module.scopes.resolve(name) or (None, [])
        return name.id not in _OWN and any(
            binding.kind is Kind.FOR or (binding.kind is Kind.PARAMETER and isinstance(scope, FUNCTIONS))
            for binding in bindings
        )


def _is_written_out(node: ast.Call) -> bool:
    """Whether the path stands in the call as a text: ``open("orders.csv")``, ``Path("orders.csv").read_text()``."""
    maker = node.func.value if isinstance(node.func, ast.Attribute) else node
    return isinstance(maker, ast.Call) and bool(maker.args) and string(maker.args[0]) is not None
