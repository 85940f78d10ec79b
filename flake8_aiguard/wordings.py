"""What texts say of bounds: "must be less than 10" refuses 10, "at most 10" does not."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from flake8_aiguard import knowledge
from flake8_aiguard.regex import regex
from flake8_aiguard.shapes import last_name

_NUMBERS: Final = {"zero": 0, "one": 1, "two": 2, "three": 3}
_ABBREVIATED: Final = {
    "maximum": "max",
    "minimum": "min",
    "number": "num",
    "length": "len",
    "characters": "chars",
}
_CAMEL: Final = regex(r"(?<=[a-z0-9])(?=[A-Z])")
_HOLE: Final = "\x00{}\x00"
# Text that str.format(), % or a translation fills later: its field's name says what.
_FIELD: Final = regex(r"%\((\w+)\)\w|\{(\w+)(?:![rsa])?(?::[^{}]*)?\}")
# Also at each parameter of a docstring, "size: ..." and numpy's "size : int".
_SENTENCE: Final = regex(r"[.;!?]\s|\n\s*(?=\n|[-*:])|\n\s*(?=\w+(?:, \w+)* ?:)")
_WORDS: Final = 6  # of a bound that is written out
_NEGATED: Final = regex(
    r"(?:\bcannot|n't|n’t|\b(?:must|should|may|can|shall|could|does|is|are)\s+not|\bnever)(?:\s+(?:ever|be|have|contain|take|use|allow))?(?:\s+an?)?$"
    r"|\b(?:no|not)$"
)
_REQUIRED: Final = regex(
    r"\b(?:must|should|shall|has to|have to|needs? to|expect(?:s|ed)?|requires?|required|only)(?:\s+(?:an?|be|strictly|have|contain|to|value|values|length)){0,4}$"
)
_STATED: Final = regex(r"\b(?:is|are|was|were|has|have|got)(?:\s+\w+)?$")
_UNSURE: Final = regex(
    r"\b(?:would|will|could|might|if|when|unless|until|once|while|whether|not necessarily)\b[^,]*$"
)
_UNITS: Final[dict[str, tuple[int, ...]]] = {
    unit: scales
    for power, letter in enumerate("kmgt", 1)
    for unit, scales in (
        (f"{letter}b", (1000**power, 1024**power)),
        (f"{letter}ib", (1024**power,)),
    )
}
# "reaches or exceeds", "is equal to or greater than", "at or above": the bound itself belongs to what follows.
_OR_EQUAL: Final = regex(
    r"\b(?:at|equal(?:s|ed)?(?:\s+to)?|reach(?:es|ed)?|meets?|met|match(?:es)?|hits?)\s+or(?:\s+(?:is|be|are|has))?$"
)
_COMPARED: Final = regex(r"\b(?:than|equal\s+to)(?:\s+(?:an?|its|our|the|their|your))?$")
_FLIPPED: Final = {">": "<=", ">=": "<", "<": ">=", "<=": ">"}


@dataclass(frozen=True, slots=True)
class Claim:
    """What a text says about a value and its bound.

    Attributes:
        refuses: how a value stands to the bound where it is refused: ``>=`` for "must be less than 10".
        bound: the number or the expression that fills the text there; ``None`` for words.
        words: the words there, as parts of names are written.
        sentence: the words of the sentence, as parts of names are written.
        before: those before the phrase.
        text: the phrase with its bound.
        scales: what the number may stand for beside itself: 1048576 for each of "5 MiB".
        describes: whether the phrase says how the refused value is ("is greater than 4"), and not how one has to be.
    """

    refuses: str
    bound: float | ast.expr | None
    words: tuple[str, ...]
    sentence: frozenset[str]
    before: frozenset[str]
    text: str
    scales: tuple[int, ...] = ()
    describes: bool = False

    def is_about(self, bound: ast.expr, value: float | None) -> bool:
        """Whether the text's bound is this one.

        Args:
            bound: the expression that code compares with.
            value: its number, where that is known.
        """
        if isinstance(self.bound, ast.expr):
            return ast.dump(self.bound) == ast.dump(bound)
        if self.bound is not None:
            return value is not None and any(self.bound * scale == value for scale in (1, *self.scales))
        name = name_words(name_of(bound) or "")
        # "slice stop must be greater than slice start" speaks of ``start``.
        skips = (0, 1) if self.words[0] in self.before else (0,)
        return bool(name) and any(name == self.words[skip : skip + len(name)] for skip in skips)


def claims(parts: Sequence[str | ast.expr]) -> Iterator[Claim]:
    """What a text says about bounds.

    Args:
        parts: its pieces, and the expressions that fill its holes, as :func:`shapes.text_parts` gives them.

    Yields:
        A claim for each phrase whose sense is clear.
    """
    if not any(isinstance(part, str) and speaks(part.lower()) for part in parts):
        return
    holes = [part for part in parts if not isinstance(part, str)]
    numbered = iter(range(len(holes)))
    text = "".join(part if isinstance(part, str) else _HOLE.format(next(numbered)) for part in parts)
    text = _FIELD.sub(lambda found: found[1] or found[2], text)
    for sentence in _SENTENCE.split(text):
        yield from _claims(sentence, holes)


def _claims(sentence: str, holes: Sequence[ast.expr]) -> Iterator[Claim]:
    lower = sentence.lower()
    if not speaks(lower):
        return
    pattern, kinds = _phrases()
    for found in pattern.finditer(lower):
        before = lower[: found.start()].rstrip()
        equal = _OR_EQUAL.search(before)
        said = before[: equal.start()].rstrip() if equal else before
        refuses = _refused(kinds[found["core"]], said, found["core"], bool(found["equal"] or equal))
        if refuses is None:
            continue
        rest = re.sub(r"^\s*(?:the|an?|value|of|than)\b", "", lower[found.end() :])
        bound, words = _bound(rest, holes)
        if bound is None and not words:
            continue
        negated = _NEGATED.search(said)
        no = "no " if negated is not None and negated[0] == "no" else ""
        shown = f"{no}{found[0].strip()} {_shown(bound, words)}"
        unit = re.match(r"\W*[\d_.,]+\s*([kmgt]i?b)\b", rest)
        scales = _UNITS[unit[1]] if unit else ()
        describes = not (negated or _REQUIRED.search(said)) and "than" in found["core"]
        yield Claim(
            refuses,
            bound,
            words,
            frozenset(_words(sentence)),
            frozenset(_words(before)),
            shown,
            scales,
            describes,
        )


def _refused(kind: str, before: str, core: str, or_equal: bool) -> str | None:
    """How a refused value stands to the bound of a phrase; ``None`` where the phrase is not clear."""
    if _UNSURE.search(before):
        return None
    negated = bool(_NEGATED.search(before))
    if not core[0].isalpha() and not _REQUIRED.search(before):
        return None  # "0 <= n < 10" describes
    if kind in ("most", "least"):
        # "is greater than or equal to the maximum of 10" has said it before.
        return None if negated or _COMPARED.search(before) else ">" if kind == "most" else "<"
    says = (">=" if or_equal else ">") if kind == "more" else ("<=" if or_equal else "<")
    if negated or core == "exceeds":
        return says
    if _REQUIRED.search(before):
        return _FLIPPED[says]
    return says if _STATED.search(before) else None


def _shown(bound: float | ast.expr | None, words: Sequence[str]) -> str:
    if isinstance(bound, ast.expr):
        return ast.unparse(bound)
    return f"{bound:.15g}" if bound is not None else " ".join(words)


def _bound(rest: str, holes: Sequence[ast.expr]) -> tuple[float | ast.expr | None, tuple[str, ...]]:
    """What a text names as the bound: a filled hole, a number, or words."""
    rest = rest.lstrip(" \t\n:`'\"*")
    hole = re.match(r"\x00(\d+)\x00(?!\s*[-+*/%])", rest)
    if hole:
        return holes[int(hole[1])], ()
    number = re.match(r"([-+]?\d[\d_,]*(?:\.\d+)?)(?![\w%]|\s*[-+*/])", rest)
    if number:
        return float(re.sub("[_,]", "", number[1]).rstrip(",")), ()
    words = tuple(_words(re.split(r"[\x00,;()]|\.\s", rest)[0]))[:_WORDS]
    return (float(_NUMBERS[words[0]]), ()) if words and words[0] in _NUMBERS else (None, words)


def _words(text: str) -> list[str]:
    return [word for name in re.findall(r"\w+", text) for word in name_words(name)]


@functools.lru_cache(maxsize=4096)
def name_words(name: str) -> tuple[str, ...]:
    """The words of a name, lower case, with the usual abbreviations: ``maxItems`` and ``maximum_items`` are the same."""
    parts = (name if name.islower() else _CAMEL.sub("_", name).lower()).split("_")
    return tuple(_ABBREVIATED.get(part, part) for part in parts if part)


def first_word(name: str) -> str:
    """The first word of :func:`name_words`, for names that are asked about once: nothing is remembered."""
    start = name.lstrip("_").partition("_")[0]
    if start.islower():
        return _ABBREVIATED.get(start, start)
    words = name_words(name)
    return words[0] if words else ""


def name_of(node: ast.expr) -> str | None:
    """What an expression is called: the last identifier, or the key of ``config["limit"]`` and ``config.get("limit")``."""
    if isinstance(node, ast.Subscript):
        key: ast.AST = node.slice
    elif (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "get"
        and node.args
    ):
        key = node.args[0]
    else:
        return last_name(node)
    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None


def speaks(text: str) -> bool:
    """Whether a lower-case text may have one of the phrases: the cheap question."""
    for mark in _marks():
        if mark in text:
            return True
    return False


@knowledge.cached
def _marks() -> tuple[str, ...]:
    """Pieces of which each phrase has one: ``than`` for "less than" and "greater than"."""
    found = {"than" if word.endswith(" than") else word for word in _phrases()[1]}
    signs = {word for word in found if not word[0].isalpha()}
    return (*(found - signs), *(f"{verb} {sign}" for sign in signs for verb in ("be", "is", "expected")))


@knowledge.cached
def words(kind: str) -> frozenset[str]:
    """The words of one kind in the table ``counting.word``."""
    return frozenset(
        word for row in knowledge.rows("counting.word") if row["kind"] == kind for word in row["words"]
    )


@knowledge.cached
def _phrases() -> tuple[re.Pattern[str], dict[str, str]]:
    """The pattern of all phrases that compare, and what kind each is."""
    kinds = {word: kind for kind in ("more", "less", "most", "least") for word in words(kind)}
    longest = "|".join(
        (rf"\b{re.escape(word)}\b" if word[0].isalpha() else rf"(?<![-<>=]){re.escape(word)}(?![<>=])")
        for word in sorted(kinds, key=len, reverse=True)
    )
    return re.compile(rf"(?P<core>{longest})(?P<equal>\s+or\s+equals?(?:\s+to|\s+than)?)?"), kinds
