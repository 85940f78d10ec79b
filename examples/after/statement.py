"""A customer's statement as a PDF stream."""

from collections.abc import Iterable


def render(pages: Iterable[bytes]) -> bytes:
    return b"".join([b"%PDF-1.7\n", *pages])
