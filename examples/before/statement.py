"""A customer's statement as a PDF stream."""

from collections.abc import Iterable


def render(pages: Iterable[bytes]) -> bytes:
    document = b"%PDF-1.7\n"
    for page in pages:
        document += page
    return document
