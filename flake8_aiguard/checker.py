"""The base class of all rules: flake8's plugin protocol, and nothing about rules."""

from __future__ import annotations

import argparse
import ast
import functools
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

from flake8.defaults import NOQA_INLINE_REGEXP
from flake8.exceptions import ExecutionError
from flake8.options.manager import OptionManager
from flake8.violation import Violation

from flake8_aiguard import __version__, knowledge, settings
from flake8_aiguard.baseline import Baseline, BaselineError, Known
from flake8_aiguard.regex import regex
from flake8_aiguard.results import Identity
from flake8_aiguard.settings import Settings

if TYPE_CHECKING:
    from flake8_aiguard.module import Module


@functools.cache
def _module_class() -> type[Module]:
    """:class:`Module`, and all layers with it: a run whose results are all kept ones does not import them."""
    from flake8_aiguard.module import Module

    return Module


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One finding of a rule.

    Attributes:
        line: its line, from 1.
        column: its column in characters, from 0.
        text: the whole message, with code and slug.
        ruff: Ruff's code for this very shape, if it has one; several with spaces between them.
        node: where it is; ``None`` for a rule that failed.
        waivers: other tools' codes for shapes of this kind: a ``noqa`` with one of them waives the finding as well,
            and so does a ``pylint: disable`` (whose names are written in capitals here).
    """

    line: int
    column: int
    text: str
    ruff: str | None = None
    node: ast.AST | None = field(default=None, compare=False, repr=False)
    waivers: Collection[str] = field(default=(), compare=False, repr=False)


_PYLINT: Final = regex(r"pylint: *disable(-next)? *=(?P<codes>[-\w, ]+)", re.IGNORECASE)
_NOTHING: Final[Iterator[tuple[int, int, str, type[Any]]]] = iter(())


class Checker:
    """A rule. Subclasses declare what follows and define ``visit_<Node>`` methods that yield findings.

    Attributes:
        code: ``AIG014``.
        slug: names the bad pattern; reads after "allow ...".
        since: the version that brought the rule.
        severity: ``error``, ``warning`` or ``note``.
        message: one line, what is wrong and what to do; a format string for :meth:`found`.
        triggers: words of which at least one stands in any source with a finding.
        in_tests: whether the rule reports in test files.
        gate: whether it reports only in generated code, unless the setting ``gates`` says otherwise.
        ruff: what Ruff has for the pattern, in one sentence.
        settings: the keys of the settings that touch the rule.

    Args:
        tree: the file's tree.
        filename: its name.
        lines: its physical lines.
    """

    name = "flake8-aiguard"
    version = __version__

    code: ClassVar[str]
    slug: ClassVar[str]
    since: ClassVar[str]
    severity: ClassVar[str]
    message: ClassVar[str]
    triggers: ClassVar[tuple[str, ...]] = ()
    in_tests: ClassVar[bool] = True
    gate: ClassVar[bool] = False
    ruff: ClassVar[str] = "Ruff has nothing for this pattern."
    settings: ClassVar[tuple[str, ...]] = ()

    options: ClassVar[Settings] = Settings()
    baseline: ClassVar[Baseline] = Baseline()
    _flake8_options: ClassVar[argparse.Namespace]
    _handlers: ClassVar[tuple[tuple[type[ast.AST], str], ...]] = ()

    def __init_subclass__(cls) -> None:
        names = [name for name in dir(cls) if name.startswith("visit_")]
        cls._handlers = tuple((getattr(ast, name.removeprefix("visit_")), name) for name in names)

    def __init__(self, tree: ast.Module, filename: str, lines: Sequence[str]) -> None:
        self.module: Module = _module_class().of(tree, filename, lines, self.options)

    # -- flake8's protocol

    @classmethod
    def add_options(cls, option_manager: OptionManager) -> None:
        """Register the options of all rules, once."""
        settings.add_options(option_manager)

    @classmethod
    def parse_options(cls, options: argparse.Namespace) -> None:
        """Take over the options, for all rules.

        Args:
            options: flake8's options.

        Raises:
            ExecutionError: a setting is wrong.
        """
        Checker.options = settings.from_options(options)
        Checker._flake8_options = options
        try:
            Checker.baseline = Baseline.nearest(Checker.options.baseline)
        except BaselineError as error:
            raise ExecutionError(str(error)) from None
        for row in Checker.options.tables:
            try:
                knowledge.check(row.table, row.columns)
            except knowledge.KnowledgeError as error:
                raise ExecutionError(f"{row.origin}: [[tool.aiguard.table]]: {error}") from None
        knowledge.use_rows([(row.table, row.columns) for row in Checker.options.tables])

    def run(self) -> Iterator[tuple[int, int, str, type[Any]]]:
        """The findings of this rule in the file, as flake8 takes them: without those of the baseline."""
        found = self.findings()
        return self._reportable(found) if found else _NOTHING  # most rules find nothing in most files

    def _reportable(self, found: list[Finding]) -> Iterator[tuple[int, int, str, type[Any]]]:
        found = [finding for finding in found if not self._is_left_to_ruff(finding)]
        known = self.baseline.known(self.module.filename) if found else None
        for finding in found if known is None else self._new(found, known):
            yield finding.line, finding.column, finding.text, type(self)

    def _new(self, found: Iterable[Finding], known: Known) -> Iterator[Finding]:
        """What the baseline does not cover; what a noqa silences is left to flake8, and uses up no entry."""
        from flake8.processor import FileProcessor

        options, filename, lines = self._flake8_options, self.module.filename, self.module.lines
        processor = None
        if self.module.has_noqa:
            processor = FileProcessor(filename, options, list(lines))
        for finding in found:
            noqa_line = "" if processor is None else processor.noqa_line_for(finding.line)
            violation = Violation(self.code, filename, finding.line, finding.column, finding.text, noqa_line)
            if violation.is_inline_ignored(options.disable_noqa) or not known.covers(
                self.code, self.identity(finding)
            ):
                yield finding

    def identity(self, finding: Finding) -> Identity | None:
        """By what a finding is recognised when its line has moved; ``None`` for a rule that failed."""
        return None if finding.node is None else self.module.identities.of(finding.node)

    def findings(self) -> list[Finding]:
        """The findings of this rule in the file, those that Ruff reports too among them.

        A rule that fails is reported under its own code on line 1: visible, and nothing else is lost.

        Returns:
            Each once, sorted; nothing where the rule was asked before, as it may be registered as a local plugin too.
        """
        reported = self.module.reported
        if self.code in reported:
            return []
        reported.add(self.code)
        found: list[Finding] = []
        try:
            if self._applies():
                self._check(found)
        except Exception as error:  # noqa: BLE001 -- one failing rule must not lose the findings of the others
            what = " ".join(f"{type(error).__name__}: {error}".split())
            found.append(Finding(1, 0, f"{self.code} internal error in {self.slug}: {what}"))
        if not found:
            return found
        found = [finding for finding in found if self._stands(finding)]
        return sorted(set(found), key=lambda item: (item.line, item.column, item.text))

    def _applies(self) -> bool:
        """Whether the rule has anything to look at here: what all rules share is asked first, as it is known by then."""
        module = self.module
        if module.is_exempt or (not self.in_tests and module.is_test) or not self.is_possible():
            return False
        gates = self.options.gates if self.gate else "all"
        if gates == "off" or (gates == "generated" and not self.module.has_tags):
            return False
        if not self.triggers:
            return True
        source = module.source
        for word in self.triggers:
            if word in source:
                return True
        return False

    def _check(self, found: list[Finding]) -> None:
        """Add the findings of all handlers: what came before a failure counts."""
        self.start()
        index = self.module.index
        for cls, name in self._handlers:
            nodes: Collection[ast.AST] | None = index.buckets.get(cls)
            if nodes and cls is ast.Call:
                names = self.call_names()
                if names is not None:
                    nodes = index.calls_named(names)
            if nodes:
                handler = getattr(self, name)
                for node in nodes:
                    found += handler(node)
        found += self.finish()

    def _stands(self, finding: Finding) -> bool:
        """Whether a finding is about code that runs, and nobody has decided on it under the name of another tool."""
        from flake8_aiguard.unreached import is_unreached

        if finding.node is not None and is_unreached(self.module, finding.node):
            return False
        codes = (*(finding.ruff or "").split(), *finding.waivers)
        return not (codes and self.options.defer_to_ruff and self._is_waived(finding, codes))

    def _is_left_to_ruff(self, finding: Finding) -> bool:
        """Whether the project's own Ruff configuration reports the very same."""
        if finding.ruff is None or not self.options.defer_to_ruff:
            return False
        from flake8_aiguard import ruff

        return any(ruff.reports(code, self.module.filename) for code in finding.ruff.split())

    def _is_waived(self, finding: Finding, codes: Collection[str]) -> bool:
        """Whether a ``noqa`` or ``pylint: disable`` at a finding names one of these codes: somebody has decided."""
        if not self.module.has_noqa and not self.module.says("pylint"):
            return False
        last = getattr(finding.node, "end_lineno", None) or finding.line
        body = getattr(finding.node, "body", None)
        if isinstance(body, list):  # of a statement, its head alone
            last = max(finding.line, body[0].lineno - 1)
        comments = self.module.comments.all
        said = [comments.get(line, "") for line in range(finding.line, last + 1)]
        waivers = [*map(NOQA_INLINE_REGEXP.search, said)]
        waivers += map(_PYLINT.search, (*said, self.module.comments.above(finding.line)))
        return any(
            not {*(waiver["codes"] or "").upper().replace(",", " ").split()}.isdisjoint(codes)
            for waiver in waivers
            if waiver is not None
        )

    # -- for rules

    def is_possible(self) -> bool:
        """Whether the file can have a finding at all: a look at what the index has anyway, cheaper than ``triggers``."""
        return True

    def start(self) -> None:
        """Prepare what the handlers need: called before them, in the files that the rule looks at."""

    def call_names(self) -> Collection[str] | None:
        """The last identifiers of the calls that ``visit_Call`` wants to see; ``None`` for all."""
        return None

    def finish(self) -> Iterable[Finding]:
        """What is left to report after all nodes were visited."""
        return ()

    def found(
        self,
        node: ast.AST,
        *,
        message: str | None = None,
        ruff: str | None = None,
        waivers: Collection[str] = (),
        **words: str | int,
    ) -> Iterator[Finding]:
        """A finding at a node; none where the rule is a gate and the node not in generated code.

        Args:
            node: the node that a person would change.
            message: a message of its own instead of the rule's.
            ruff: Ruff's code for this very shape; several with spaces between them.
            waivers: other tools' codes for shapes of this kind, which a ``noqa`` or ``pylint: disable`` may name.
            **words: the fields of the message.

        Yields:
            The finding.
        """
        if self.gate and self.options.gates != "all" and not self.module.generated.covers(node):
            return
        line: int = getattr(node, "lineno", 1)
        text = (self.message if message is None else message).format(**words)
        column = self._column(line, getattr(node, "col_offset", 0))
        yield Finding(line, column, f"{self.code} {text} [{self.slug}]", ruff, node, waivers)

    def _column(self, line: int, offset: int) -> int:
        """The column in characters: the tree counts bytes."""
        text = self.module.lines[line - 1] if line <= len(self.module.lines) else ""
        return offset if text.isascii() else len(text.encode()[:offset].decode(errors="ignore"))
