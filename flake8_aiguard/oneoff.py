"""Code that runs once: migrations, seeds, repairs, commands, and the helpers of tests."""

from __future__ import annotations

import ast
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.index import FUNCTIONS
from flake8_aiguard.memo import lazy, memoised
from flake8_aiguard.module import Module
from flake8_aiguard.queries import known
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import is_main_guard, last_name, parameters, words

_TEST_CODE: Final = (
    *(
        "test/",
        "_tests/",
        "testing/",
        "testing.py",
        "test_utils/",
        "testutils/",
        "*_testutils/",
        "testcases.py",
    ),
    *("noop*/", "noop*.py", "fake*.py", "*_fake.py", "mock*.py", "*_mock.py"),
)
_STAND_INS: Final = (
    *("fake*/", "fake*.py", "mock*/", "mock*.py", "simulator*/", "simulator*.py"),
    *("virtual_*/", "virtual_*.py"),
)
_MAIN: Final = regex(r"(^|_)main(_|$)")
_MIGRATIONS: Final = (
    "migration/",
    "migrations/",
    "migrations.py",
    "delta/",
    "upgrade_scripts/",
    "migrate_*.py",
)
_STEPS: Final = (frozenset({"backwards", "forwards"}), frozenset({"downgrade", "upgrade"}))
_RUNNERS: Final = ("anyio.run", "asyncio.run", "trio.run")
_VERSIONS: Final = (
    "versions/",
)  # where Alembic keeps its own; wherever they stand, they say which one came before


class OneOff:
    """What one file runs once.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    @lazy
    def is_file(self) -> bool:
        """Whether the file is a migration, a seed or a command, by its path."""
        name = self._module.filename.replace("\\", "/").rpartition("/")[2].removesuffix(".py")
        return bool(known("one-off file") & words(name)) or self._module.matches(
            (*_one_off_folders(), *_TEST_CODE)
        )

    @lazy
    def is_test(self) -> bool:
        """Whether the file is a test, or a helper of tests."""
        return self._module.is_test or self._module.matches(_TEST_CODE)

    @lazy
    def is_stand_in(self) -> bool:
        """Whether the file stands in for a device or a service, to try out what uses it."""
        return self._module.matches(_STAND_INS)

    @lazy
    def is_script(self) -> bool:
        """Whether the file is a program that does one thing and ends: it parses a command line and is no server."""
        packages = self._module.index.packages
        return self._is_in_scripts or (
            bool(packages & known("command package"))
            and not packages & known("server package")
            and any(map(is_main_guard, self._module.tree.body))
        )

    @lazy
    def _is_in_scripts(self) -> bool:
        return self._module.matches(_script_paths())

    def ends_after(self, node: ast.AST) -> bool:
        """Whether the process ends soon after a node has run: in a command, a function among scripts, or what only ``main()`` calls.

        Unlike :attr:`is_script`, it doubts the classes of scripts, and the functions of a program that others may call as well.

        Args:
            node: anything in the file.
        """
        if self._module.entrypoints.around(node) is not None:
            return False
        function = self._module.index.function(node)
        if (
            (self._is_in_scripts or self._runs_on_import)
            and function is not None
            and self._module.index.class_of(function) is None
        ):
            return True
        return self._ends(function)

    @lazy
    def _runs_on_import(self) -> bool:
        """Whether the file runs its coroutines as soon as it is read, until they are done, so that nobody can import it."""
        return any(
            isinstance(statement, ast.Expr)
            and isinstance(statement.value, ast.Call)
            and (
                last_name(statement.value.func) == "run_until_complete"
                or self._module.qualname(statement.value.func) in _RUNNERS
            )
            for statement in self._module.tree.body
        )

    @memoised
    def _ends(self, start: ast.AST | None) -> bool:
        """Whether a function is a command, or a ``main()`` that the file calls only under ``if __name__ == "__main__"``.

        Or at the end of a chain of functions that nothing but such a one calls, outside of loops.
        """
        index, scopes, tree = self._module.index, self._module.scopes, self._module.tree
        waiting = [start]
        seen: set[ast.AST | None] = set()
        while waiting:
            function = waiting.pop()
            if function in seen:
                continue
            seen.add(function)
            if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                return False
            if self._is_command(function):
                continue
            uses = scopes.uses(tree, function.name) if index.scope(function) is tree else []
            if uses and _MAIN.search(function.name) and all(map(self.is_in_main, uses)):
                continue
            if not uses or any(True for use in uses for _ in index.loops(use)):
                return False
            waiting += map(index.function, uses)
        return True

    def is_in_main(self, node: ast.AST) -> bool:
        """Whether a node stands under ``if __name__ == "__main__":``."""
        index = self._module.index
        return any(map(is_main_guard, index.ancestors(index.statement(node))))

    def _is_command(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Whether a decorator makes a function a command of click or its like."""
        if not self._module.index.packages & known("command package"):
            return False
        names = (
            last_name(item.func if isinstance(item, ast.Call) else item) for item in function.decorator_list
        )
        return any(name in ("command", "group") for name in names)

    @lazy
    def is_migration(self) -> bool:
        """Whether the file changes the schema or the data of a database once, and is then left as it is."""
        if self._module.matches(_MIGRATIONS):
            return True
        return "alembic" in self._module.index.packages and (
            self._module.matches(_VERSIONS)
            or bool(self._module.scopes.bindings(self._module.tree, "down_revision"))
        )

    def runs(self, function: ast.AST | None) -> bool:
        """Whether a function is a migration or fills a database once, or only such functions of the file call it."""
        if self.is_migration:
            return True
        index = self._module.index
        while isinstance(function, FUNCTIONS):
            if self._is_step(function):
                return True
            calls = index.calls_to(getattr(function, "name", ""))
            if calls and all(self._is_step(index.function(call)) for call in calls):
                return True
            function = index.function(function)
        return False

    def _is_step(self, function: ast.AST | None) -> bool:
        """Whether a function says of itself that it is a migration or fills a database once."""
        if not isinstance(function, FUNCTIONS):
            return False
        return (
            self.is_undoable(function)
            or bool(words(getattr(function, "name", "")) & known("one-off function"))
            or any(
                item.arg == "schema_editor" or "migration" in words(item.arg) for item in parameters(function)
            )
        )

    def is_undoable(self, function: ast.AST | None) -> bool:
        """Whether a step of a migration stands beside what undoes it: ``forwards()`` and ``backwards()``, ``upgrade()`` and ``downgrade()``."""
        if not isinstance(function, FUNCTIONS):
            return False
        around = self._module.index.class_of(function)
        if around is None and not self.is_migration:
            return False
        beside = self._module.tree.body if around is None else around.body
        steps = next((item for item in _STEPS if getattr(function, "name", "") in item), None)
        return steps is not None and steps <= {
            item.name for item in beside if isinstance(item, ast.FunctionDef)
        }


@knowledge.cached
def _one_off_folders() -> tuple[str, ...]:
    return tuple(f"{name}/" for name in sorted(known("one-off folder")))


@knowledge.cached
def _script_paths() -> tuple[str, ...]:
    return ("__main__.py", "setup.py", *(f"{name}/" for name in sorted(known("script folder"))))
