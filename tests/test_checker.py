"""The base class: candidates, gates, failures, positions."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import replace

import pytest

from flake8_aiguard.checker import Checker, Finding
from flake8_aiguard.settings import Settings


class Sample(Checker):
    """A rule that reports every call of ``bad``."""

    code = "AIG999"
    slug = "sample"
    since = "0"
    severity = "note"
    message = "{what} is bad"
    triggers = ("bad",)

    def call_names(self) -> Collection[str]:
        return ("bad",)

    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        yield from self.found(node, what=ast.unparse(node))


class Gate(Sample):
    gate = True


class NotInTests(Sample):
    in_tests = False


class Fails(Sample):
    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        yield from super().visit_Call(node)
        raise ZeroDivisionError("oh")


class FailsWhenAsked(Fails):
    def is_possible(self) -> bool:
        return bool(self.module.index.nodes(ast.AsyncFunctionDef))


class Overlaps(Sample):
    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        yield from self.found(node, what="this", ruff="S113")


def run(
    rule: type[Checker], source: str, filename: str = "example.py", settings: Settings | None = None
) -> list[tuple[int, int, str]]:
    """Run one rule as flake8 does."""
    before, Checker.options = Checker.options, settings or Settings()
    try:
        checker = rule(ast.parse(source), filename, source.splitlines(keepends=True))
        return [found[:3] for found in checker.run()]
    finally:
        Checker.options = before


def test_text_has_code_message_and_slug() -> None:
    assert run(Sample, "bad(1)\n") == [(1, 0, "AIG999 bad(1) is bad [sample]")]


def test_findings_are_sorted_and_unique() -> None:
    assert [found[:2] for found in run(Sample, "x = bad\nx(bad(1), bad(2)); bad()\n")] == [
        (2, 0),
        (2, 2),
        (2, 10),
        (2, 19),
    ]


def test_columns_count_characters_not_bytes() -> None:
    assert run(Sample, "'äöü€'; bad()\n")[0][:2] == (1, 8)


def test_without_a_trigger_nothing_runs() -> None:
    assert run(Fails, "good()\n") == []


def test_where_no_finding_is_possible_nothing_runs() -> None:
    assert run(FailsWhenAsked, "bad()\n") == []
    assert len(run(FailsWhenAsked, "async def f():\n    bad()\n")) == 2


def test_a_failing_rule_is_reported_and_keeps_what_it_found() -> None:
    assert [found[2] for found in run(Fails, "x\nbad(1)\n")] == [
        "AIG999 internal error in sample: ZeroDivisionError: oh",
        "AIG999 bad(1) is bad [sample]",
    ]


def test_the_same_rule_registered_twice_reports_once() -> None:
    tree, lines = ast.parse("bad()\n"), ["bad()\n"]
    first, second = (list(Sample(tree, "example.py", lines).run()) for _ in range(2))
    assert len(first) == 1
    assert second == []


def test_modules_are_shared_between_rules_and_not_between_files() -> None:
    tree, lines = ast.parse("bad()\n"), ["bad()\n"]
    first, second = Sample(tree, "a.py", lines), Gate(tree, "a.py", lines)
    assert first.module is second.module
    assert Sample(ast.parse("bad()\n"), "a.py", lines).module is not first.module


TAGGED = '@generated(model="m")\ndef f(): bad()\n\ndef g(): bad()\n'


@pytest.mark.parametrize(("gates", "lines"), [("generated", [2]), ("all", [2, 4]), ("off", [])])
def test_gates(gates: str, lines: list[int]) -> None:
    settings = replace(Settings(), gates=gates)
    assert [found[0] for found in run(Gate, TAGGED, settings=settings)] == lines


def test_rules_that_do_not_run_in_tests() -> None:
    assert run(NotInTests, "bad()\n", "tests/helpers.py") == []
    assert run(NotInTests, "bad()\n", "src/test_x.py") == []
    assert len(run(NotInTests, "bad()\n", "src/x.py")) == 1
    assert len(run(NotInTests, "bad()\n", "tests/helpers.py", replace(Settings(), tests=()))) == 1
    assert len(run(Sample, "bad()\n", "tests/helpers.py")) == 1


def test_no_rule_reports_in_vendored_files() -> None:
    assert run(Sample, "bad()\n", "src/_vendor/helpers.py") == []
    assert run(Gate, TAGGED, "src/_vendor/helpers.py") == []
    assert run(Sample, "# Vendored from somewhere 1.2\nbad()\n", "src/helpers.py") == []
    assert run(Sample, '"""Vendored copy of helpers."""\nbad()\n', "src/helpers.py") == []
    assert len(run(Sample, "# reads the vendored schemas\nbad()\n", "src/helpers.py")) == 1
    assert len(run(Sample, "bad()\n", "src/vendor.py")) == 1
    assert len(run(Sample, "bad()\n", "src/_vendor/helpers.py", replace(Settings(), vendored=()))) == 1
    assert run(Sample, "bad()\n", "src/extern/a.py", replace(Settings(), vendored=("extern/",))) == []


def test_shapes_that_ruff_reports_are_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def reports(code: str, filename: str) -> bool:
        asked.append((code, filename))
        return True

    monkeypatch.setattr("flake8_aiguard.ruff.reports", reports)
    assert run(Overlaps, "bad()\n") == []
    assert asked == [("S113", "example.py")]
    assert len(run(Overlaps, "bad()\n", settings=replace(Settings(), defer_to_ruff=False))) == 1
    assert len(run(Sample, "bad()\n")) == 1


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("bad()  # noqa: S113\n", 0),
        ("bad(  # noqa: E501,S113 -- the pool has one\n    1,\n)\n", 0),
        ("bad(\n    1,\n)  # noqa: s113\n", 0),
        ("bad()  # noqa: S1134\n", 1),
        ("bad()  # noqa\n", 1),  # flake8 silences that by itself, and --disable-noqa shows it
        ("bad()  # S113\n", 1),
        ("bad()\nother()  # noqa: S113\n", 1),
    ],
)
def test_what_a_noqa_waives_for_ruff_is_waived(source: str, expected: int) -> None:
    assert len(run(Overlaps, source)) == expected
    assert len(run(Overlaps, source, settings=replace(Settings(), defer_to_ruff=False))) == 1
    assert len(run(Sample, source)) == 1


class Waived(Sample):
    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        yield from self.found(node, what="this", waivers=("ASYNC230", "ASYNC240"))


def test_codes_of_the_same_kind_waive_what_ruff_does_not_see(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flake8_aiguard.ruff.reports", lambda code, filename: True)
    assert len(run(Waived, "bad()\n")) == 1
    assert len(run(Waived, "bad()  # noqa: ASYNC251\n")) == 1
    source = "bad()  # noqa: ASYNC240\n"
    assert run(Waived, source) == []
    assert len(run(Waived, source, settings=replace(Settings(), defer_to_ruff=False))) == 1


class OverlapsTwice(Sample):
    def visit_Call(self, node: ast.Call) -> Iterator[Finding]:
        yield from self.found(node, what="this", ruff="RUF018 S101")


@pytest.mark.parametrize("reported", ["RUF018", "S101"])
def test_one_of_several_codes_of_ruff_is_enough(monkeypatch: pytest.MonkeyPatch, reported: str) -> None:
    monkeypatch.setattr("flake8_aiguard.ruff.reports", lambda code, filename: code == reported)
    assert run(OverlapsTwice, "bad()\n") == []
    monkeypatch.setattr("flake8_aiguard.ruff.reports", lambda code, filename: code == "S113")
    assert len(run(OverlapsTwice, "bad()\n")) == 1


def test_a_misspelt_node_name_fails_at_class_creation() -> None:
    with pytest.raises(AttributeError, match="Cal"):

        class Misspelt(Checker):
            def visit_Cal(self, node: ast.Call) -> Iterator[Finding]: ...


@pytest.mark.parametrize(
    ("head", "count"),
    [
        ("# Generated by the protocol compiler.  DO NOT EDIT!\n", 0),
        ("# This file was automatically generated from spec.py.\n#\n# Do not edit it manually.\n\n", 0),
        ("# Do not edit this line.\n", 1),
        ("# Reports are generated nightly.\n", 1),
        ("import x\n# Generated code, do not edit.\n", 1),
    ],
)
def test_what_a_tool_wrote_is_mended_in_the_tool(head: str, count: int) -> None:
    assert len(run(Sample, head + "bad()\n")) == count
