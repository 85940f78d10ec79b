"""What in ``.pre-commit-config.yaml`` keeps our findings from being seen."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from flake8_aiguard.regex import regex

FILE: Final = ".pre-commit-config.yaml"
_IDS: Final = ("aiguard", "aiguard-flake8", "aiguard-suppressions", "aiguard-config")
_SELECTING: Final = frozenset({"aiguard", "aiguard-flake8", "flake8"})
_FLAKE8: Final = regex(r"(^|/)flake8(\.git)?/?$")
_OURS: Final = regex(r"(^|/)flake8-aiguard(\.git)?/?$")


def problems(text: str) -> Iterator[tuple[int, str]]:
    """What is wrong with the hooks that run our rules.

    Args:
        text: the file.

    Yields:
        Line, and what to write there.

    Raises:
        ImportError: nothing can read YAML, as the extra ``sql`` is missing.
        ValueError: the file is not valid YAML, or no configuration of pre-commit.
    """
    import yaml

    try:
        data = yaml.safe_load(text)
        repositories = data["repos"]
        hooks = [
            (str(repository["repo"]), hook) for repository in repositories for hook in repository["hooks"]
        ]
        lines = _Lines(text)
        for repository, hook in hooks:
            yield from _hook(repository, hook, lines.next(str(hook["id"])))
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        what = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"is no valid configuration of pre-commit ({what})") from None


class _Lines:
    """The lines of the hooks, which stand in the order of the file."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._done = 0

    def next(self, name: str) -> int:
        pattern = re.compile(rf"[-\s{{,]*['\"]?id['\"]?\s*:\s*['\"]?{re.escape(name)}\b")
        for number in range(self._done, len(self._lines)):
            if pattern.search(self._lines[number]):
                self._done = number + 1
                break
        return self._done


def _hook(repository: str, hook: Mapping[str, Any], line: int) -> Iterator[tuple[int, str]]:
    name = str(hook["id"])
    is_ours = bool(_OURS.search(repository)) or name in _IDS
    is_flake8 = bool(_FLAKE8.search(repository)) and name == "flake8"
    installed = [str(item) for item in hook.get("additional_dependencies", ())]
    has_plugin = any(re.match(r"flake8[-_.]aiguard\b", item, re.IGNORECASE) for item in installed)
    if is_ours and name not in _IDS:
        yield line, f"there is no hook {name}; write one of {', '.join(_IDS)}"
        return
    if not is_ours and not (is_flake8 and has_plugin):
        return
    if "args" in hook and name in _SELECTING:
        for text in _arguments([str(item) for item in hook["args"]]):
            yield line, text
    if name == "aiguard-config" and "additional_dependencies" in hook and repository != "local":
        missing = [item for item in ("ast-grep-py", "tree-sitter-sql", "PyYAML") if not _has(installed, item)]
        if missing:
            yield (
                line,
                (
                    f"additional_dependencies replaces that of the hook and lacks {', '.join(missing)}; leave it out, or add them"
                ),
            )


def _has(installed: Sequence[str], package: str) -> bool:
    return any(re.match(rf"{package}\b", item, re.IGNORECASE) for item in installed)


def _arguments(arguments: Sequence[str]) -> Iterator[str]:
    """The user's ``args`` replace those of the hook, and with them the selection that it had."""
    options = list(_options(arguments))
    select = [value for option, value in options if option == "--select"]
    if select and not any(_reaches(code, "AIG") for code in _codes(select[-1])):
        yield f"args select {select[-1]}, which leaves out our rules; write: --select=AIG,E9"
    elif select and not any(_reaches(code, "E999") for code in _codes(select[-1])):
        yield "args select no E9, so that a file that does not parse passes; write: --select=AIG,E9"
    for option, value in options:
        if option in ("--ignore", "--extend-ignore") and {"A", "AI", "AIG"} & {*_codes(value)}:
            yield f"args ignore {value}, and with it all of our rules; take AIG out of it"


def _options(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    for number, word in enumerate(arguments):
        option, equals, value = word.partition("=")
        if equals:
            yield option, value
        elif number + 1 < len(arguments):
            yield option, arguments[number + 1]


def _codes(value: str) -> list[str]:
    return [code.upper() for code in re.split(r"[,\s]+", value) if code]


def _reaches(code: str, name: str) -> bool:
    return name.startswith(code) or code.startswith(name)
