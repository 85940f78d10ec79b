"""Finds the rule classes for docs, command line and tests; the flake8 run never imports it."""

from __future__ import annotations

import difflib
import functools
import importlib
import pkgutil
from collections.abc import Mapping
from types import ModuleType
from typing import Final

from flake8_aiguard import rules as rules_package
from flake8_aiguard.checker import Checker

RETIRED: Final[Mapping[str, str]] = {}
"""Codes that had a rule once, with the reason why it went. A code is never given to another rule."""


class CatalogError(Exception):
    """A rule file does not hold exactly one rule class."""


class UnknownRuleError(LookupError):
    """No rule has this code or slug; the text names the nearest one."""


def rule_of(module: ModuleType) -> type[Checker]:
    """Return the one rule class that a rule file defines.

    Raises:
        CatalogError: the file defines none, or several.
    """
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Checker) and value.__module__ == module.__name__
    ]
    if len(found) != 1:
        names = ", ".join(rule.__name__ for rule in found) or "none"
        raise CatalogError(
            f"{module.__file__}: a rule file defines exactly one Checker subclass; found {names}"
        )
    return found[0]


@functools.cache
def rules() -> tuple[type[Checker], ...]:
    """Return the class of every rule file, ordered by code.

    Raises:
        CatalogError: a rule file does not hold exactly one rule class.
    """
    modules = (
        importlib.import_module(f"{rules_package.__name__}.{entry.name}")
        for entry in pkgutil.iter_modules(rules_package.__path__)
        if entry.name.startswith("aig")
    )
    return tuple(sorted(map(rule_of, modules), key=lambda rule: rule.code))


def find(name: str) -> type[Checker]:
    """Return the rule with this code or slug, in upper or lower case.

    Raises:
        UnknownRuleError: there is none; the text names the nearest one.
    """
    by_name = {key.lower(): rule for rule in rules() for key in (rule.code, rule.slug)}
    wanted = name.strip().lower()
    if wanted in by_name:
        return by_name[wanted]
    nearest = difflib.get_close_matches(wanted, by_name, n=1, cutoff=0.0)
    hint = "".join(f"; the nearest is {by_name[key].code} {by_name[key].slug}" for key in nearest)
    raise UnknownRuleError(f"no rule has the code or slug {name!r}{hint}")


def default(rule: type[Checker]) -> str:
    """Say where a rule reports when nothing is configured."""
    where = "gate: generated code only" if rule.gate else "on"
    return where if rule.in_tests else f"{where}, not in tests"
