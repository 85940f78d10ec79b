"""Options of the test run."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that rewrites the cross-fire table."""
    parser.addoption(
        "--update-crossfire",
        action="store_true",
        help="rewrite tests/crossfire.json from what the rules report now; read its diff before committing",
    )
