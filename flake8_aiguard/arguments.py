"""Which argument of a call a parameter of the called function gets, and the other way round."""

from __future__ import annotations

import ast
from typing import TypeAlias

from flake8_aiguard.index import Index
from flake8_aiguard.receivers import first_parameter
from flake8_aiguard.shapes import argument, parameters

_Def: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


def positional(index: Index, function: _Def) -> list[str]:
    """The parameters that positional arguments fill, in order.

    Args:
        index: the file's index.
        function: the function that is called; a method gets its object from the call itself.
    """
    names = [item.arg for item in (*function.args.posonlyargs, *function.args.args)]
    is_bound = index.class_of(function) is not None and first_parameter(function) is not None
    return names[is_bound:]


def place(index: Index, function: _Def, parameter: str) -> int | None:
    """Which positional argument a parameter gets.

    Args:
        index: the file's index.
        function: the function that is called.
        parameter: the name.

    Returns:
        Counted from 0; ``None`` for a parameter that is given by keyword only, for ``*args`` and ``**kwargs``, and for the
        object itself.
    """
    names = positional(index, function)
    return names.index(parameter) if parameter in names else None


def given(index: Index, call: ast.Call, function: _Def, parameter: str) -> ast.expr | None:
    """What a call gives to a parameter, as far as it is written out.

    Args:
        index: the file's index.
        call: the call.
        function: the function that it calls.
        parameter: the name.
    """
    return argument(call, parameter, place(index, function, parameter))


def receiver(index: Index, call: ast.Call, function: _Def, value: ast.AST) -> str | None:
    """The name of the parameter that gets an argument.

    Args:
        index: the file's index.
        call: the call.
        function: the function that it calls.
        value: one of its arguments.

    Returns:
        ``None`` where it is one of ``*args`` or ``**kwargs``.
    """
    spread = {item.arg for item in (function.args.vararg, function.args.kwarg) if item is not None}
    names = (item.arg for item in parameters(function) if item.arg not in spread)
    return next((name for name in names if given(index, call, function, name) is value), None)
