"""Whether a set or dict in place of a list would be worth it: what the names say, and what the change costs."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from flake8_aiguard.amounts import Amounts
from flake8_aiguard.children import walk
from flake8_aiguard.index import Loop
from flake8_aiguard.lists import collection
from flake8_aiguard.loops import iterables, target_names
from flake8_aiguard.module import Module
from flake8_aiguard.nouns import is_filter, says
from flake8_aiguard.scopes import Kind
from flake8_aiguard.searches import Searches
from flake8_aiguard.shapes import dotted, last_name, names_in, string
from flake8_aiguard.wordings import name_words


class Worth:
    """What the searches of one file are worth.

    Args:
        module: the file.
        searches: its searches.
        amounts: how many items its collections have.
    """

    def __init__(self, module: Module, searches: Searches, amounts: Amounts) -> None:
        self._module = module
        self._searches = searches
        self._amounts = amounts

    def of(self, node: ast.expr, searched: ast.expr, item: ast.expr, loop: Loop) -> bool:
        """Whether the names speak of data, or the change is a small one: a list that is only asked, or that the loop runs over.

        Args:
            node: the search.
            searched: the list.
            item: what is looked for.
            loop: the loop.
        """
        outer = list(iterables(loop))
        around = {says(name) for part in outer for name in self._amounts.named(part, with_arguments=False)}
        asked = {*(name.id for name in names_in(item)), *self._amounts.named(item)} - {
            "item"
        }  # what everything is called
        around |= set(map(says, asked))
        own = set(map(says, self._amounts.named(searched)))
        if self._searches.grows(searched, loop) and any(
            self._amounts.is_part(item)
            or (self._amounts.is_answer(item) and not self._amounts.is_fetched(item))
            for item in outer
        ):
            return False
        name = dotted(searched)
        if self._amounts.is_optional(searched) and (
            is_filter(name or "") or any(says(word) == "option" for word in name_words(name or ""))
        ):
            return False
        if self._is_of_pairs(loop) or self._is_told(searched) or self._is_brief(node, searched, item, loop):
            return False
        if name is None:  # built anew on each turn, which costs more than the search
            return not (isinstance(searched, ast.Call) and self._is_of_parts(searched.args[:1]))
        if self._is_always(node, item, searched, loop) or self._is_shared(searched):
            return False
        is_asked = self._searches.is_only_asked(searched)
        is_own = is_asked and isinstance(searched, ast.Name) and not self._amounts.is_parameter(searched)
        if not is_own and (self._is_of_parts(outer) or self._searches.is_handed_on(searched, loop)):
            return False  # a few turns, or what is called may add to the list
        if _returns(loop) and (isinstance(searched, ast.Attribute) or self._amounts.is_parameter(searched)):
            return False
        is_for_place = isinstance(node, ast.Call) or self._searches.is_placed(searched)
        if is_for_place and self._is_of_held(searched, outer):
            return False
        if "data" in own or self._amounts.is_read(searched):
            return True
        if "chosen" in own and self._amounts.is_asked_for(searched):
            is_given = all(
                self._amounts.is_parameter(item) and not self._amounts.is_optional(item) for item in outer
            )
            return is_asked and is_given and "chosen" not in around and not is_filter(f"{name}_")
        if "option" in own:
            return "data" in around or (is_asked and self._amounts.is_given_whole(searched))
        if is_asked and (
            is_own
            or "data" in around
            or self._searches.grows(searched, loop)
            or any(map(self._amounts.is_fetched, outer))
            or all(map(self._amounts.is_given, outer))
        ):
            return True
        if isinstance(searched, ast.Name) and "data" in around:
            return not self._is_of_parts(outer)
        return last_name(getattr(node, "func", None)) in ("index", "count") and any(
            dotted(collection(self._module, iterable)) == name for iterable in outer
        )

    def _is_always(self, node: ast.expr, item: ast.expr, searched: ast.expr, loop: Loop) -> bool:
        """Whether a loop asks what it has just taken from a list: ``[x for x in xs if x in xs]``. Drop the condition."""
        return (
            isinstance(node, ast.Compare)
            and dotted(item) in target_names(loop)
            and dotted(searched) in map(dotted, iterables(loop))
        )

    def _is_shared(self, searched: ast.expr) -> bool:
        """Whether a list that grows belongs to the module, so that others may read it in its order."""
        resolved = self._module.scopes.resolve(searched) if isinstance(searched, ast.Name) else None
        return (
            resolved is not None
            and isinstance(searched, ast.Name)
            and isinstance(resolved[0], ast.Module)
            and not searched.id.startswith("_")
            and self._searches.is_added_to(searched)
        )

    def _is_of_held(self, searched: ast.expr, outer: Sequence[ast.expr]) -> bool:
        """Whether a list is made of the parts of one record, or what is removed is held by an object: a few."""
        made = self._searches.made(searched)
        if isinstance(made, ast.ListComp) and self._is_of_parts([made.generators[0].iter]):
            return True
        held = [
            item for item in outer if isinstance(item, ast.Attribute) and dotted(item) != dotted(searched)
        ]
        return bool(held) and not any(map(self._amounts.says_data, held))

    def _is_of_parts(self, outer: Sequence[ast.expr]) -> bool:
        """Whether a loop goes over the parts of one record, which are few unless they are records by their name."""
        return bool(outer) and all(
            (self._amounts.is_part(item) or self._is_item(item)) and not self._amounts.says_data(item)
            for item in outer
        )

    def _is_item(self, node: ast.expr) -> bool:
        """Whether a loop goes over what one turn of the loop around it brings: ``for key, value in d.items()``."""
        resolved = self._module.scopes.resolve(node) if isinstance(node, ast.Name) else None
        return resolved is not None and all(
            binding.kind is Kind.FOR
            or (
                binding.kind is Kind.ASSIGN
                and isinstance(self._module.index.statement(binding.node), (ast.For, ast.AsyncFor))
            )
            for binding in resolved[1]
        )

    def _is_of_pairs(self, loop: Loop) -> bool:
        """Whether a turn compares its item with all that follow anyway: ``for j in range(i + 1, len(xs))``."""
        counted = {name.id for name in names_in(loop.target)} if isinstance(loop, ast.For) else set()
        return bool(counted) and any(
            isinstance(item, ast.For)
            and item is not loop
            and isinstance(call := item.iter, ast.Call)
            and last_name(call.func) == "range"
            and len(call.args) > 1
            and isinstance(start := call.args[0], ast.BinOp)
            and not counted.isdisjoint(name.id for name in names_in(start))
            for item in walk(loop)
        )

    def _is_brief(self, node: ast.expr, searched: ast.expr, item: ast.expr, loop: Loop) -> bool:
        """Whether a list is short for a reason: the characters of a text, or it is fresh on each turn of a loop around.

        What drops the items that come twice counts even then.
        """
        made = self._searches.made(searched)
        if isinstance(made, ast.ListComp) and self._is_text(made.generators[0].iter):
            return True
        is_fresh = self._searches.grows(searched, loop) and not all(
            self._searches.stays(searched, outer) for outer in self._module.index.loops(loop)
        )
        return is_fresh and not (
            isinstance(node, ast.Compare) and self._searches.gathers(node, searched, item, loop)
        )

    def _is_text(self, node: ast.expr) -> bool:
        """Whether a variable holds a text, at least where it is bound anew: ``text = text + "."``."""
        resolved = self._module.scopes.resolve(node) if isinstance(node, ast.Name) else None
        values = [node] if resolved is None else [item.value for item in resolved[1]]
        return self._module.kinds.of(node) == "str" or any(
            value is not None and self._module.kinds.of(value) == "str" for value in values
        )

    def _is_told(self, searched: ast.expr) -> bool:
        """Whether a person is told all items of a local list, so that they are a handful: ``", ".join(names)``."""
        variable = self._module.loops.variable(searched) if isinstance(searched, ast.Name) else None
        for use in () if variable is None else self._module.scopes.uses(*variable):
            call = self._module.index.parent(use)
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr == "join"
                and (
                    string(call.func.value) == ", "
                    or isinstance(self._module.index.statement(call), ast.Raise)
                )
            ):
                return True
        return False


def _returns(loop: Loop) -> bool:
    """Whether a loop ends the function as soon as it has found something."""
    return isinstance(loop, ast.For) and any(isinstance(item, ast.Return) for item in walk(loop))
