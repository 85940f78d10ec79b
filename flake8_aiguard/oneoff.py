"""Code that runs once: migrations, seeds, repairs, commands, and the helpers of tests."""

from __future__ import annotations

import ast
import functools
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.index import FUNCTIONS
from flake8_aiguard.module import Module
from flake8_aiguard.queries import known
from flake8_aiguard.shapes import parameters, words

_TEST_CODE: Final = (
    *("test/", "testing/", "testing.py", "test_utils/", "testutils/", "*_testutils/", "testcases.py"),
    *("noop*/", "noop*.py", "fake*.py", "*_fake.py", "mock*.py", "*_mock.py"),
)


class OneOff:
    """What one file runs once.

    Args:
        module: the file.
    """

    def __init__(self, module: Module) -> None:
        self._module = module

    @functools.cached_property
    def is_file(self) -> bool:
        """Whether the file is a migration, a seed or a command, by its path."""
        name = self._module.filename.replace("\\", "/").rpartition("/")[2].removesuffix(".py")
        return bool(known("one-off file") & words(name)) or self._module.matches(
            (*_one_off_folders(), *_TEST_CODE)
        )

    def runs(self, function: ast.AST | None) -> bool:
        """Whether a function is a migration or fills a database once."""
        if self._is_alembic:
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

    @functools.cached_property
    def _is_alembic(self) -> bool:
        return "alembic" in self._module.source and any(
            isinstance(parent := self._module.index.parent(item), ast.ImportFrom)
            and parent.module == "alembic"
            for item in self._module.index.nodes(ast.alias)
        )


@knowledge.cached
def _one_off_folders() -> tuple[str, ...]:
    return tuple(f"{name}/" for name in sorted(known("one-off folder")))
