"""Images whose size the code tells."""

from __future__ import annotations

import ast
import functools
from collections import defaultdict
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.module import Module
from flake8_aiguard.shapes import argument, bound_value, end_of, start_of
from flake8_aiguard.written import Written, is_large

_THUMBNAIL: Final = "PIL.Image.Image.thumbnail"
_MOST_STEPS: Final = 500  # names and calls that an image may come from


class Pictures:
    """The images of one file.

    Args:
        module: the file.
        written: its values that are written out.
    """

    def __init__(self, module: Module, written: Written) -> None:
        self._module = module
        self._written = written

    def is_small(self, image: ast.expr) -> bool:
        """Whether literals tell that an image has few pixels, whichever way it comes to be.

        Args:
            image: the image.
        """
        rows = knowledge.by_call("cpu_bound.sized")
        stack, seen = [image], set[ast.AST]()
        while stack:
            item = stack.pop()
            if item in seen:
                continue
            seen.add(item)
            if len(seen) > _MOST_STEPS:
                return False
            if isinstance(item, ast.Name):
                if self._is_shrunk(item):
                    continue
                made = [bound_value(definition) for definition in self._module.definitions(item)]
                values = [value for value in made if value is not None]
                if not values or len(values) < len(made):
                    return False
                stack += values
            elif isinstance(item, ast.Call):
                row = rows.get(self._module.called(item) or "")
                if row is None:
                    return False
                if self._is_small_size(
                    argument(item, row["size"], row["size_position"]) if "size" in row else None, row
                ):
                    continue
                if "keeps" not in row or not isinstance(item.func, ast.Attribute):
                    return False
                stack.append(item.func.value)
            else:
                return False
        return True

    def _is_small_size(self, size: ast.expr | None, row: knowledge.Row) -> bool:
        return (
            size is not None
            and self._written.is_small(size)
            and not is_large(self._written.literal(size), row["most"])
        )

    def _is_shrunk(self, image: ast.Name) -> bool:
        """Whether ``image.thumbnail()`` has made the same image small before."""
        index = self._module.index
        row = knowledge.by_call("cpu_bound.sized")[_THUMBNAIL]
        for call in self._thumbnails[index.function(image), image.id]:
            assert isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name)
            if (
                end_of(call) < start_of(image)
                and any(index.parent(index.statement(call)) is item for item in index.ancestors(image))
                and self._module.definitions(call.func.value) == self._module.definitions(image)
                and self._is_small_size(argument(call, row["size"], row["size_position"]), row)
            ):
                return True
        return False

    @functools.cached_property
    def _thumbnails(self) -> defaultdict[tuple[ast.AST | None, str], list[ast.Call]]:
        found: defaultdict[tuple[ast.AST | None, str], list[ast.Call]] = defaultdict(list)
        for call in self._module.index.calls_named({"thumbnail"}):
            if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
                found[self._module.index.function(call), call.func.value.id].append(call)
        return found
