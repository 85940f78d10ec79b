"""Comment tokens, and what only looks like one."""

from __future__ import annotations

from flake8_aiguard.comments import Comments


def comments(source: str) -> Comments:
    return Comments(source.splitlines(keepends=True))


def test_only_comment_tokens_count() -> None:
    found = comments('# head\nx = "# no"  # yes\n"""\n# no\n"""\n')
    assert found.all == {1: "# head", 2: "# yes"}


def test_before_reads_no_further_than_asked() -> None:
    found = comments("# one\n# two\nx = (\n# three\n)\n")
    assert found.before(3) == {1: "# one", 2: "# two"}
    assert found.before(5) == {1: "# one", 2: "# two", 4: "# three"}


def test_text_that_does_not_tokenise_gives_what_came_before() -> None:
    assert comments("# one\nx = '''\n# no\n").all == {1: "# one"}
    assert comments("").all == {}


def test_comments_near_a_line() -> None:
    found = comments("# one\n# two\nx = 1  # three\ny = 2  # four\n\n# five\n\nz = 3\n")
    assert found.near(3) == ["one two", "three"]
    assert found.near(4) == ["four"]  # what stands at the end of the line above belongs to that line
    assert found.near(8) == []  # a blank line separates
    assert found.near(3, 4, 3) == ["one two", "three", "four"]
    assert found.near(1) == ["one"]


def test_what_may_be_said_is_looked_for_in_strings_too() -> None:
    found = comments('# one\nx = "two"\n')
    assert [found.may_say("one"), found.may_say("two"), found.may_say("three")] == [True, True, False]
