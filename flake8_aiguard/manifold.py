"""Names of what there may be any number of: somebody's ids, texts, places on the network, numbers."""

from __future__ import annotations

import re
from typing import Final

from flake8_aiguard.regex import regex

_ANY: Final = (
    # who and which
    r"account|address|addr|client|company|contact|customer|e?mail|employee|guid|hash|id|identifier|ids|ip|isbn|item|key|login|member"
    r"|article|author|book|booking|chat|claim|guild|device_id|invoice|movie|parcel|patient|payment|photo|player|post|recipe|review|shipment|song|student"
    r"|subscriber|trade|transaction|trip|txn|vehicle|video|visitor"
    r"|order|owner|person|pk|product|sku|tenant|ticket|token|uid|user|username|uuid|user_agent|agent_header|session|phone"
    # where
    r"|domain|file|filename|href|host|hostname|link|location|path|place|street|ur[il]|city|country|lat|latitude|lng|lon|longitude|point|postcode|zip"
    # texts
    r"|body|chunk|code|comment|content|contents|doc|document|expr|expression|header|html|json|line|lines|message|msg|packet|page|paragraph"
    r"|payload|phrase|prompt|query|question|record|request|req|row|search|segment|sentence|slug|source|sql|string|template|term|text|texts|title|topic|word|words|xml"
    # numbers and times
    r"|amount|cents|count|currency|date|day|days|end|hour|index|integer|length|limit|month|n|net|num|number|numbers|offset|position|price"
    r"|start|stop|target|threshold|time|timestamp|total|ts|value|values|week|weight|width|height|year|base|currency_pair|pair|symbol|ticker"
    # whatever it may be
    r"|arg|args|argument|arguments|data|element|entry|input|inputs|kwargs|name|names|node|obj|object|param|params|parameter|parameters|thing|val|[a-eg-z]"
)
# What the program or its configuration may also have few of: names, places, numbers, and what says nothing.
_PERHAPS: Final = (
    r"args|base|cents|code|count|currency|data|date|days?|element|end|entry|file|filename|hour|identifier|index|inputs?|integer|items|length|limit|link|location|month|names?|net"
    r"|node|num|number|numbers|object|obj|offset|params?|parameters?|path|pk|place|point|position|start|stop|target|term|threshold|token|total|val"
    r"|values?|week|weight|width|height|year"
)
_MANY: Final = regex(rf"_*(?:{_ANY})s?\d*", re.IGNORECASE)
_MANY_OF: Final = regex(
    rf"_*\w+_(?!names?$|values?$|path$|data$|index$|count$|length$|limit$|input$|base$|target$|[a-z]$|code$|args$|params$)(?:{_ANY})\d*"
    r"|\w*(?:account|author|city|company|country|customer|doc|document|file|first|full|given|host|image|item|last|order|owner|person|product|street"
    r"|tenant|user|zip)_?(?:code|data|input|names?|path|values?)"
    r"|(?:input|output|raw|src|dst|local|remote|\w*file|image|document|upload)_?(?:data|path|values?)",
    re.IGNORECASE,
)

_MAYBE_FEW: Final = regex(
    rf"_*(?:\w+_)?(?:{_PERHAPS})s?\d*|\w*(?:file|image|item|first|full|given|last|path)_?(?:names?|path)",
    re.IGNORECASE,
)


def are_many(name: str) -> bool:
    """Whether a name says that the program may meet any number of such values.

    Args:
        name: the name of a parameter: ``user_id``, ``query``, ``n``; not ``feature`` or ``validator_name``.
    """
    return bool(_MANY.fullmatch(name) or _MANY_OF.fullmatch(name))


def are_surely_many(name: str) -> bool:
    """Whether a name leaves no doubt that the program may meet any number of such values.

    Args:
        name: the name of a parameter: ``user_id``, ``query``, ``url``; not ``name``, ``path`` or ``value``.
    """
    return are_many(name) and not _MAYBE_FEW.fullmatch(name)
