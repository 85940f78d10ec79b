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
_MIGRATIONS: Final = (
    "migrations/",
    "migrations.py",
    "delta/",
)  # those of Alembic import it and say how to go up and down, wherever they stand
_REVISES: Final = ("upgrade", "downgrade")


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
        index = self._module.index
        return "alembic" in index.packages and any(
            function.name in _REVISES for function in index.nodes(ast.FunctionDef)
        )

    def runs(self, function: ast.AST | None) -> bool:
        """Whether a function is a migration or fills a database once."""
        if self.is_migration:
            return True
        while isinstance(function, FUNCTIONS):
            if words(getattr(function, "name", "")) & known("one-off function"):
                return True
            if any(
                item.arg == "schema_editor" or "migration" in words(item.arg) for item in parameters(function)
            ):
                return True
            function = self._module.index.function(function)
        return False


@knowledge.cached
def _one_off_folders() -> tuple[str, ...]:
    return tuple(f"{name}/" for name in sorted(known("one-off folder")))
