"""AIG030: a tag of generated code whose metadata are missing or malformed."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_aiguard import provenance
from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.generated import WORD, Tag
from flake8_aiguard.shapes import dotted

_EXAMPLES = {
    "model": '"vendor-model-1.5"',
    "timestamp": '"2025-03-01T09:30:00+01:00"',
    "task_id": '"PROJ-1234"',
    "confidence": "0.8",
}


class ProvenanceTag(Checker):
    """Tag of generated code that does not say which model wrote it, when, for which task, how surely.

    Why: the tag is what an audit reads after an incident, to find everything that the same model or the same
    task brought in. A key that is missing, a time without an offset, a confidence that is a word: nobody notices
    for months, and then the code cannot be traced.

    Bad::

        from .provenance import generated

        @generated(model="vendor-model-1.5", timestamp="2025-03-01T09:30:00", confidence="high")
        def settle(order):
            return order.total - order.paid

    Good::

        from .provenance import generated

        @generated(
            model="vendor-model-1.5",
            timestamp="2025-03-01T09:30:00+01:00",
            task_id="PROJ-1234",
            confidence=0.8,
        )
        def settle(order):
            return order.total - order.paid

    Limits: a tag is a decorator ``generated`` that is unresolved, defined in the file, imported relatively or from
    a module in ``generated-from``, or a comment ``# @generated(...)`` above the first statement. Silent on the bare
    ``# @generated`` of code generators, on a ``generated`` that is imported from anywhere else or that a call into
    another package returns, and in stub files. Values are read as literals, through constants of the file, from
    the defaults of a decorator in the file, and from a module-level dict literal behind ``**``; any other ``*args``
    or ``**kwargs`` may carry what seems to be missing. A wrong constant that several tags share is reported at the
    first. Not reported: code without a tag, a time in the future, a model or task that does not exist.
    """

    code = "AIG030"
    slug = "provenance-tag"
    since = "0.1.0"
    severity = "warning"
    message = "the @generated tag of {target} lacks {keys}; add {pronoun}, such as {arguments}"
    triggers = ("@generated", ".generated", "generated as ", "= generated")
    settings = ("provenance-required", "generated-from")

    def is_possible(self) -> bool:
        return WORD in self.module.source

    def finish(self) -> Iterator[Finding]:
        if self.module.filename.endswith(".pyi"):
            return
        judged: set[ast.expr] = set()
        for tag in self.module.generated.tags:
            if tag.call is None and isinstance(tag.target, ast.Module):
                yield from self._unparsed(tag)
                continue
            metadata = provenance.read(self.module, tag)
            yield from self._missing(tag, metadata)
            for key, entry in metadata.entries.items():
                if entry.source not in judged:
                    judged.add(entry.source)
                    yield from self._wrong(key, entry)

    def _unparsed(self, tag: Tag) -> Iterator[Finding]:
        yield from self.found(
            tag.node,
            message="the comment @generated(...) cannot be parsed as a call; write @generated({arguments})",
            arguments=_arguments(self.options.provenance_required),
        )

    def _missing(self, tag: Tag, metadata: provenance.Metadata) -> Iterator[Finding]:
        """One finding for all keys that a tag lacks."""
        keys = metadata.missing(self.options.provenance_required)
        if not keys or not metadata.is_complete:
            return
        if metadata.unnamed:
            yield from self.found(
                tag.node,
                message="the @generated tag of {target} gives {count} by position, and nothing here says "
                "which keys they are; write {arguments}",
                target=_target(tag),
                count=f"{metadata.unnamed} value{'s' * (metadata.unnamed > 1)}",
                arguments=_arguments(keys),
            )
        else:
            yield from self.found(
                tag.node,
                target=_target(tag),
                keys=_listed(keys),
                pronoun="it" if len(keys) == 1 else "them",
                arguments=_arguments(keys),
            )

    def _wrong(self, key: str, entry: provenance.Entry) -> Iterator[Finding]:
        """A finding for a value that is malformed, or cannot be read."""
        if key not in (*_EXAMPLES, *self.options.provenance_required):
            return
        if not entry.is_known:
            yield from self.found(
                entry.node,
                message="{key}={value} in @generated cannot be read without running the code; "
                "write a literal or a constant of this file",
                key=key,
                value=_expression(entry.source),
            )
        elif (fault := provenance.fault(key, entry.value)) is not None:
            yield from self.found(
                entry.node,
                message="{key}={value} in @generated {fault}",
                key=key,
                value=provenance.shown(entry.value),
                fault=fault,
            )


def _target(tag: Tag) -> str:
    if isinstance(tag.target, ast.Module):
        return "this file"
    return f"class {tag.target.name}" if isinstance(tag.target, ast.ClassDef) else f"{tag.target.name}()"


def _listed(keys: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(keys[:-1]), keys[-1])))


def _arguments(keys: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"{key}={_EXAMPLES.get(key, '...')}" for key in keys)


def _expression(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        return f"{dotted(node.func) or '...'}(...)"
    return dotted(node) or "..."
