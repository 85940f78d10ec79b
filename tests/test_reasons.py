"""What counts as a reason in a comment."""

from __future__ import annotations

import re

import harness
import pytest

from flake8_aiguard import catalog
from flake8_aiguard.reasons import cited, is_reason, names_record

ADR = re.compile(r"ADR-\d+")


@pytest.mark.parametrize(
    "comment",
    [
        # citations
        "ADR-12",
        "see ADR-7 for the numbers",
        "SHOP-311: the gateway hangs",
        "TODO(OPS-9): measure again",
        "#4711",
        "acme/gateway#12",
        "GH-40",
        "https://docs.example.com/limits",
        "RFC 9110 says so",
        "docs/limits.md",
        "see the runbook",
        "agreed in the post-mortem of May",
        # agreements
        "SLA: 2 s per call",
        "the SLO of the payment API",
        "quota of the mail provider",
        "as per contract",
        "recommended by the vendor",
        "documented maximum",
        "limited by the gateway",
        # clauses
        "because the gateway answers late",
        "so that a restart of the broker goes unnoticed",
        "so the load balancer does not give up first",
        "otherwise the worker is killed",
        "to avoid a retry storm",
        "to keep workers free",
        "must stay below the proxy's 60 s",
        "the bank cannot answer faster",
        "since exports are large",
        "as it runs at night",
        "as the broker restarts nightly",
        "the API allows 10 requests a second",
        "uploads over slow links",
        "reason: nightly batch",
        "longer timeout means more messages in one answer",
        "generous, while still failing in the end",
        "the gateway gives up by itself then",
        "a failover completes in 20 s",
        "the vendor's docs say so",
        "Stripe recommends 80 s, as bug 12 shows",
        # measurements
        "p99 is 1.8 s",
        "measured on the old cluster",
        "worst case in load tests",
        "an export takes up to ten minutes",
        "the index lasts until morning",
        # relations
        "longer than the slowest report",
        "same as in the mobile app",
        "twice the median",
        "half the lease",
        "keep below ALB's idle timeout",
        "under ALB idle timeout",
        "three tries cover one failover",
        "leaves room for two retries",
        "under the 30 s of nginx's keep-alive, under the proxy's limit",
        "too many connections stop the database",
    ],
)
def test_gives_a_reason(comment: str) -> None:
    assert is_reason(comment, ADR)


@pytest.mark.parametrize(
    "comment",
    [
        "",
        "timeout in seconds",
        "seconds",
        "5 seconds",
        "30s timeout",
        "timeout for the request",
        "request timeout for the payment API",
        "default timeout for HTTP requests",
        "retry three times",
        "maximum number of retries",
        "number of attempts before giving up",
        "wait between attempts",
        "wait 5 seconds before retrying",
        "seconds since the last retry",
        "exponential backoff",
        "exponential backoff with jitter",
        "pool size",
        "maximum number of connections kept in the pool",
        "requests per second",
        "how long to wait for the server",
        "Use a 10 second timeout",
        "Give up after 30 seconds",
        "delay in ms",
        "wait until the server answers",
        "retry when a call fails",
        "wait if it hangs, in seconds",
        "UTF-8, ISO-8601, SHA-256 and TLS-1",
        "TODO: tune",
        "step #",
        "see below",
        # says itself that there is none
        "arbitrary, because nobody measured it",
        "should be enough",
        "magic number",
        "no particular reason",
        "a guess so that it works",
        "reasonable default",
        # for tools
        "noqa: S113",
        "type: ignore[arg-type]",
        "pylint: disable=line-too-long  # noqa: E501",
        "nosec B113",
    ],
)
def test_gives_no_reason(comment: str) -> None:
    assert not is_reason(comment, ADR)


def test_a_tools_comment_beside_a_reason() -> None:
    assert is_reason("p99 is 2 s  # noqa: S113", ADR)
    assert is_reason("noqa: S113  # p99 is 2 s", ADR)


def test_what_calls_itself_arbitrary_may_cite() -> None:
    assert is_reason("arbitrary, see SHOP-12", ADR)


def test_own_pattern_of_records() -> None:
    own = re.compile(r"DR \d{4}")
    assert is_reason("DR 0012", own)
    assert not is_reason("DR 12", own)
    assert cited("DR 0012, replaced by DR 0040", own) == ["DR 0012", "DR 0040"]


@pytest.mark.parametrize(
    ("file_name", "citation", "found"),
    [
        ("0012-use-queues.md", "ADR-12", True),
        ("ADR-12.md", "ADR-12", True),
        ("adr_0012_queues.rst", "ADR-12", True),
        ("12.md", "ADR-0012", True),
        ("0112-use-queues.md", "ADR-12", False),
        ("0002-keep-12-days.md", "ADR-12", False),
        ("README.md", "ADR-12", False),
        ("use-queues.md", "DR use-queues", False),
        ("use-queues.md", "use-queues", True),
        ("2024-12-queues.md", "ADR-12", False),
    ],
)
def test_which_file_is_a_record(file_name: str, citation: str, found: bool) -> None:
    assert names_record(file_name, citation) is found


def test_cited_record_must_exist() -> None:
    rule = catalog.find("AIG016")
    source = "# ADR-12\nCONNECT_TIMEOUT = 3\n\nREAD_TIMEOUT = 4  # ADR-13 and ADR-12\n"
    with harness.project([rule], {"gates": "all", "adr-dir": "docs/adr"}) as folder:
        (folder / "docs" / "adr").mkdir(parents=True)
        (folder / "docs" / "adr" / "0012-limits-of-the-gateway.md").touch()
        found = harness.run([rule], *harness.parse(source), "shop.py")
    assert [(finding.line, finding.text) for finding in found] == [
        (
            4,
            (
                "AIG016 READ_TIMEOUT = 4 cites ADR-13, but docs/adr has no such record; cite one that exists, "
                "or write it [unexplained-limit]"
            ),
        )
    ]
