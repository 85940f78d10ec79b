"""Answers that one object remembers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")
Self = TypeVar("Self")


def memoised(method: Callable[Concatenate[Self, P], T]) -> Callable[Concatenate[Self, P], T]:
    """Remember a method's answers on its object: ``functools.cache`` would keep every file's objects alive.

    Args:
        method: a method whose positional arguments are hashable and decide its answer.

    Returns:
        The method, asked once for the same arguments.
    """
    slot = f"_memo_{method.__name__}"

    @functools.wraps(method)
    def remembered(self: Self, *args: P.args, **kwargs: P.kwargs) -> T:
        memo: dict[Any, T] = self.__dict__.setdefault(slot, {})
        if args not in memo:
            memo[args] = method(self, *args, **kwargs)
        return memo[args]

    return cast("Callable[Concatenate[Self, P], T]", remembered)
