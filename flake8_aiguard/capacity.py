"""Whether what is given as the size of a buffer bounds it, and whether a process lives long enough to need one."""

from __future__ import annotations

import ast
import functools
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.module import Module
from flake8_aiguard.scopes import Kind
from flake8_aiguard.shapes import is_main_guard, is_none, string

_INFINITE: Final = frozenset(
    {"math.inf", "numpy.inf", "sys.maxsize", "sys.float_info.max", "builtins.float.inf"}
)
_HUGE: Final = 10**9  # more entries than any machine holds
_NAMES: Final = 4  # constants behind constants
_RUN_ONCE: Final = (
    *("__main__.py", "cli.py", "conf.py", "fabfile.py", "manage.py", "noxfile.py", "setup.py"),
    *(
        "benchmarks/",
        "bin/",
        "cli/",
        "management/commands/",
        "migrations/",
        "module_utils/",
        "scripts/",
        "tools/",
    ),
)


class Bounds:
    """The bounds that one file gives.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    def value(self, node: ast.expr) -> ast.expr:
        """What an expression stands for: the one value of a constant, else the expression itself."""
        for _ in range(_NAMES):
            if not isinstance(node, ast.Name):
                break
            resolved = self._module.scopes.resolve(node)
            if resolved is None or len(resolved[1]) != 1:
                break
            binding = resolved[1][0]
            if binding.value is None or binding.kind not in (Kind.ASSIGN, Kind.ANNOTATED):
                break
            node = binding.value
        return node

    def is_infinite(self, size: ast.expr, *, zero: bool) -> bool:
        """Whether a size is none: ``None``, ``math.inf``, ``sys.maxsize``, a literal beyond all memory.

        Args:
            size: the argument.
            zero: whether 0 and negative numbers are no bound either.
        """
        found = self.value(size)
        if is_none(found) or self._module.qualname(found) in _INFINITE:
            return True
        if isinstance(found, ast.Call) and self._module.qualname(found.func) == "builtins.float":
            text = string(found.args[0]) if found.args else None
            return text is not None and text.strip("+").lower() in ("inf", "infinity")
        negative = isinstance(found, ast.UnaryOp) and isinstance(found.op, ast.USub)
        number = found.operand if isinstance(found, ast.UnaryOp) else found
        if not isinstance(number, ast.Constant) or not isinstance(number.value, (int, float)):
            return False
        if negative or number.value <= 0:
            return zero
        return number.value >= _HUGE

    @functools.cached_property
    def ends_soon(self) -> bool:
        """Whether the file is a program that does its work and ends, so that what it keeps is freed soon.

        A script by its first line, its name or its folder, or a main guard beside a command line parser; not where it loops
        for ever or imports a server, worker or scheduler (``buffers.service``).
        """
        module = self._module
        if not module.index.packages.isdisjoint(_packages("host")):
            return True
        is_script = (
            module.matches(_RUN_ONCE)
            or (bool(module.lines) and module.lines[0].startswith("#!"))
            or ("__main__" in module.source and self._has_main_guard())
        )
        return is_script and not self._runs_on()

    def _has_main_guard(self) -> bool:
        packages = self._module.index.packages
        if packages.isdisjoint(_packages("command")) and not self._module.says("argv"):
            return False
        return any(map(is_main_guard, self._module.tree.body))

    def _runs_on(self) -> bool:
        if not self._module.index.packages.isdisjoint(_packages("service")):
            return True
        return self._module.says("serve_forever") or any(
            isinstance(loop.test, ast.Constant) and bool(loop.test.value)
            for loop in self._module.index.nodes(ast.While)
        )


@knowledge.cached
def _packages(array: str) -> frozenset[str]:
    return frozenset(name for row in knowledge.rows(f"buffers.{array}") for name in row["packages"])


def service_packages() -> frozenset[str]:
    """The packages whose import shows a process that runs on: web servers, workers, schedulers."""
    return _packages("service")
