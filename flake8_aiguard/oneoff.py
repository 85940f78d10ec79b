"""Code that runs once: migrations, seeds, repairs, commands, and the helpers of tests."""

from __future__ import annotations

import ast
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.index import FUNCTIONS
from flake8_aiguard.memo import lazy
from flake8_aiguard.module import Module
from flake8_aiguard.queries import known
from flake8_aiguard.shapes import parameters, words

_TEST_CODE: Final = (
    *("test/", "testing/", "testing.py", "test_utils/", "testutils/", "*_testutils/", "testcases.py"),
    *("noop*/", "noop*.py", "fake*.py", "*_fake.py", "mock*.py", "*_mock.py"),
)
_MIGRATIONS: Final = ("migrations/", "migrations.py", "delta/", "upgrade_scripts/", "migrate_*.py")
_STEPS: Final = (frozenset({"backwards", "forwards"}), frozenset({"downgrade", "upgrade"}))
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
