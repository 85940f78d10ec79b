"""Finds all rules for docs, command line and tests; the flake8 run never imports it."""

from __future__ import annotations

import difflib
import functools
import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Final

from flake8_aiguard import rules as rules_package
from flake8_aiguard.astgrep import languages
from flake8_aiguard.astgrep.errors import MissingExtraError
from flake8_aiguard.checker import Checker
from flake8_aiguard.errors import MisuseError

if TYPE_CHECKING:
    from flake8_aiguard.astgrep.rulefiles import Rule

RETIRED: Final[Mapping[str, str]] = {}
"""Codes that had a rule once, with the reason why it went. A code is never given to another rule."""


class CatalogError(MisuseError):
    """A rule file does not hold exactly one rule class."""


class UnknownRuleError(MisuseError, LookupError):
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


def scan_rules() -> dict[str, tuple[Rule, ...]]:
    """Return the packaged rules of ``flake8-aiguard scan``: those for each language, by code.

    Raises:
        ScanError: the extra ``sql`` is missing, or a rule file does not load.
    """
    languages.prepare()
    from flake8_aiguard.astgrep import rulefiles  # it imports the packages of the extra

    found: dict[str, tuple[Rule, ...]] = {}
    for rule in rulefiles.packaged():
        found[rule.code] = (*found.get(rule.code, ()), rule)
    return {
        code: tuple(sorted(group, key=lambda rule: "summary" not in rule.metadata))
        for code, group in found.items()
    }


def all_scan_rules(folders: Sequence[str]) -> dict[str, Rule]:
    """Return the rules of ``flake8-aiguard scan`` and of a project's own folders, one for each code.

    Args:
        folders: the setting ``rule-dirs``.

    Raises:
        ScanError: the extra ``sql`` is missing, or a rule file does not load.
    """
    languages.prepare()
    from flake8_aiguard.astgrep import rulefiles  # it imports the packages of the extra

    found = {rule.code: rule for rule in rulefiles.load(tuple(folders))}
    return found | {code: group[0] for code, group in scan_rules().items()}


def find_scan_rule(name: str) -> tuple[Rule, ...]:
    """Return the packaged rules of ``scan`` with this code or slug, in any case; none where there is no such rule.

    Raises:
        ScanError: the name is that of such a rule, and the extra ``sql`` is missing.
    """
    wanted = name.strip().lower()
    try:
        groups = scan_rules()
    except MissingExtraError:
        if wanted.startswith(("aig2", "aig3")):
            raise
        return ()
    return next((group for code, group in groups.items() if wanted in (code.lower(), group[0].slug)), ())


def scan_default(rule: Rule) -> str:
    """Say whether a rule of ``scan`` reports when nothing is configured."""
    return "opt-in" if rule.is_opt_in else "on"


def default(rule: type[Checker]) -> str:
    """Say where a rule reports when nothing is configured."""
    where = "gate: generated code only" if rule.gate else "on"
    return where if rule.in_tests else f"{where}, not in tests"
