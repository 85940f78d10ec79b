"""Answers that one object remembers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast, overload

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Self = TypeVar("Self")


class lazy(Generic[T_co]):
    """A property that is computed once, as ``functools.cached_property`` without its lock, which Python 3.12 dropped.

    For what is asked in every file. No instance is shared between threads.

    Args:
        func: the method.
    """

    def __init__(self, func: Callable[[Any], T_co]) -> None:
        self.func = func
        self.__doc__ = func.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> lazy[T_co]: ...

    @overload
    def __get__(self, instance: object, owner: type | None = None) -> T_co: ...

    def __get__(self, instance: object, owner: type | None = None) -> T_co | lazy[T_co]:
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self.func(instance)
        return value


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
