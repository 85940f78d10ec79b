"""Names of what there may be any number of: somebody's ids, texts, places on the network, numbers."""

from __future__ import annotations

import re
from typing import Final

from flake8_aiguard.regex import regex

_ANY: Final = (
    # who and which
    r"account|address|addr|client|company|contact|customer|e?mail|employee|guid|hash|id|identifier|ids|ip|isbn|item|key|login|member"
    r"|order|owner|person|pk|product|sku|tenant|ticket|token|uid|user|username|uuid|user_agent|agent_header|session|phone"
    # where
    r"|domain|file|filename|href|host|hostname|link|location|path|place|street|ur[il]|city|country|lat|latitude|lng|lon|longitude|point|postcode|zip"
    # texts
    r"|body|chunk|code|comment|content|contents|doc|document|expr|expression|header|html|json|line|lines|message|msg|packet|page|paragraph"
    r"|payload|phrase|prompt|query|question|record|request|req|row|search|sentence|sql|string|template|term|text|texts|title|topic|word|words|xml"
    # numbers and times
    r"|amount|cents|count|currency|date|day|days|end|hour|index|integer|length|limit|month|n|net|num|number|numbers|offset|position|price"
    r"|start|stop|target|threshold|time|timestamp|total|ts|value|values|week|weight|width|height|year|base|currency_pair|pair|symbol|ticker"
    # whatever it may be
    r"|arg|args|argument|arguments|data|element|entry|input|inputs|kwargs|name|names|node|obj|object|param|params|parameter|parameters|thing|val|[a-z]"
)
_MANY: Final = regex(rf"_*(?:{_ANY})\d*", re.IGNORECASE)
_MANY_OF: Final = regex(
    rf"_*\w+_(?!names?$|values?$|path$|data$|index$|count$|length$|limit$|input$|base$|target$|[a-z]$|code$|args$|params$)(?:{_ANY})\d*"
    r"|\w*(?:account|author|city|company|country|customer|doc|document|file|first|full|given|host|image|item|last|order|owner|person|product|street"
    r"|tenant|user|zip)_?(?:code|data|input|names?|path|values?)"
    r"|(?:input|output|raw|src|dst|local|remote|\w*file|image|document|upload)_?(?:data|path|values?)",
    re.IGNORECASE,
)


def are_many(name: str) -> bool:
    """Whether a name says that the program may meet any number of such values.

    Args:
        name: the name of a parameter: ``user_id``, ``query``, ``n``; not ``feature`` or ``validator_name``.
    """
    return bool(_MANY.fullmatch(name) or _MANY_OF.fullmatch(name))
