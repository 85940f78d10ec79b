"""Which comments give a reason for a value, and which only say again what it is.

A comment gives a reason where it

- cites something: a decision record, a ticket, an issue, a URL, an RFC, a document;
- names an agreement: an SLA, a quota, a contract, a recommendation;
- has a clause that says why: because, so that, otherwise, to avoid ..., must, cannot;
- names what was measured or how long something takes: p99, worst case, takes up to;
- relates the value to another one: less than, twice, the same as, below the proxy's.

Everything else says what the code says already ("timeout in seconds", "retry three times"), and a comment that calls the value
arbitrary gives none either, unless it cites something.
"""

from __future__ import annotations

import re
from typing import Final

from flake8_aiguard.regex import regex

_TOOL: Final = regex(
    r"#*\s*\b(?:noqa|nosec|type:|pylint:|pragma:|fmt:|ruff:|mypy:|pyright:|isort:|aiguard:)[^#]*"
)
# What has to happen says nothing about the value: "wait until the server answers", "retry when a call fails".
_CONDITION: Final = regex(
    r"(?i)\b(?:until|till|if|when|whenever|after|before|in case)\b[^,.;:]*?(?=\bbecause\b|[,.;:]|$)"
)
_CITES: Final = regex(
    r"https?://|\bwww\.|(?:^|[\s(/:\w])#\d+\b|\bGH-\d+|\bRFC[ -]?\d+|\bCVE-\d+|\b(?:docs?|adr)/\w|\b[sS]ee\s+(?!above|below)\S|\bcf\.\s"
    r"|\b(?:[Ii]ssue|[Bb]ug) #?\d+|\b(?:runbook|post-?mortem|incident|outage|ticket|changelog|design doc)\b"
    r"|\b(?!(?:AES|ASCII|CP|HTTP|IPV?|ISO|KOI|PEP|SHA|TLS|UTF|UTC|GMT|X)\b-)[A-Z][A-Z0-9]{1,9}-\d+\b|\bPEP[ -]\d+"
)
_AGREED: Final = regex(
    r"\bSL[AOI]s?\b"
    r"|(?i:\b(?:service level|quotas?|contract(?:s|ual|ually)?|agreed|agreement|recommend(?:s|ed|ation)?|documented|documentation"
    r"|mandated?s?|guarantee[sd]?|compliance|polic(?:y|ies)"
    r"|docs (?:say|state)|requires"
    r"|(?:required|imposed|enforced|specified|dictated|given|limited|capped|allowed|demanded) by"
    r"|according to|as per|per (?:the|our|their|its)|requirements?)\b)"
)
_WHY: Final = regex(
    r"(?i)\b(?:because|due to|owing to|thanks to|caused by|so that|so (?:a|an|the|it|we|they|one|that|callers?|clients?|users?|nobody|no)"
    r"|in order to|otherwise|or else|reason(?:s|ing)?(?=:)|rationale|why(?=:)"
    r"|since (?!(?:the )?(?:last|epoch|start|first|previous)\b)\w+"
    r"|as (?:it|they|we|this|some|most|each|our|its|their)\b|as (?:an? |the )?\w+(?: \w+)? (?:is|are|can|may|do|does|has|have|takes?|\w{3,}s)\b"
    r"|(?:not )?to (?:avoid|prevent|keep|let|allow|leave|stay|ensure|make sure|survive|cover|match|protect|bound|reduce|spare|absorb"
    r"|ride out|outlast|outlive|accommodate|tolerate|fail (?:fast|early|over)|save|free|limit the|give (?:the|it|them|others|slow))"
    r"|prevents?|avoids?|protects?|guards? against|must|needs?|cannot|can't|can not|won't|would|could|might|means|while (?:still|not|keeping|leaving)|shouldn't|should not|else the"
    r"|allows|permits|caps|throttles|rejects|drops|closes|kills|enforces|restarts|recovers|settles|rotates|tolerates|accepts|answers|completes|expires|fails|finishes|gives up"
    r"|hangs?|responds|starts|times out"
    r"|slow|flaky|unreliable|cold[- ]?starts?|bursts?|bursty|thundering|hammer\w*|overload\w*|overwhelm\w*|spik(?:e|es|y)|starv\w+)\b"
)
_MEASURED: Final = regex(
    r"(?i)\b(?:p\d\d(?:\.?\d+)?|percentiles?|median|measured|measurements?|observed|benchmark(?:s|ed)?|load[- ]?test(?:s|ed|ing)?|profil(?:ed|ing)"
    r"|empirical(?:ly)?|in practice|worst[- ]case|at peak|peak (?:load|traffic|hours?)|typical(?:ly)?|usual(?:ly)?|on average|averages"
    r"|slowest|longest|(?<!it )takes?|took|lasts|tuned)\b"
)
_RELATES: Final = regex(
    r"(?i)\b(?:(?:long|short|slow|fast|high|low|small|larg|bigg|great|few|strict|tight)e?r than|(?:less|more) than (?:the|our|its|a|an|any)\b|same (?:\w+ ){0,2}as|matches"
    r"|matching|mirrors|equals?|aligned with|in line with|consistent with|twice|double|half (?:of|the)|(?:third|quarter|tenth|fraction) of"
    r"|(?:leaves?|leaving) (?:room|time|space)|head-?room|margin|plus (?:a|some) buffer|budget|too (?:long|short|many|few|low|high|much|little|slow|aggressive|eager)"
    r"|enough (?:for|to|that)|(?:below|under|above|beyond) (?:the|our|its|their|(?-i:[A-Z]\w+)|\w+'s)"
    r"|covers?|(?:stays?|kept|keep) (?:below|under|above|within))(?!\w)"
)
_NONE: Final = regex(
    r"(?i)\b(?:arbitrar(?:y|ily)|guess(?:ed|work)?|no (?:\w+ )?reason|magic (?:number|value)s?|random(?:ly)? (?:chosen|picked|value|number)"
    r"|feels? (?:right|ok|okay|good)|not sure|don't know|dunno|(?:seems?|looks?|should be) (?:fine|ok|okay|enough|reasonable|good|sufficient)"
    r"|(?:reasonable|sensible|sane|good) (?:default|value|number)|just because|why\?)"
)


def is_reason(comment: str, record: re.Pattern[str]) -> bool:
    """Whether a comment gives a reason for the value that it stands by.

    Args:
        comment: its text.
        record: what a citation of a decision record looks like (setting ``adr-pattern``).
    """
    text = _TOOL.sub(" ", comment)
    if record.search(text) or _CITES.search(text):
        return True
    if _NONE.search(text):
        return False
    text = _CONDITION.sub(" ", text)
    return any(grammar.search(text) for grammar in (_AGREED, _WHY, _MEASURED, _RELATES))


def cited(comment: str, record: re.Pattern[str]) -> list[str]:
    """The decision records that a comment cites.

    Args:
        comment: its text.
        record: what a citation looks like.
    """
    return [match[0] for match in record.finditer(comment)]


def names_record(file_name: str, citation: str) -> bool:
    """Whether a file is the decision record of a citation: ``0012-use-queues.md``, ``ADR-12.md`` for ``ADR-12``.

    Args:
        file_name: the name of the file, without its folder.
        citation: the citation.
    """
    stem = file_name.rpartition(".")[0] or file_name
    number = re.search(r"\d+(?!.*\d)", citation)
    if number is None:
        return citation.lower() in stem.lower()
    leading = re.match(r"[a-z]*[-_ ]?0*(\d+)(?!\d)", stem, re.IGNORECASE)
    return leading is not None and int(leading[1]) == int(number[0])
