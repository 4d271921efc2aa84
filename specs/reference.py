"""How a spec is named on the command line and in sweeps: `NAME[:key=value,...]` or
`path/to/file.yaml[:key=value,...]`.

Only the text is read here; whether the name exists and the keys are legal is for `specs.load`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from specs.problems import Place, Problem, SpecError, shorten

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*(\.[A-Za-z0-9_][A-Za-z0-9_-]*)*")
_CLOSING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class Reference:
    """A name or a file path, and the overrides that follow it, as texts in the order written."""

    name: str
    overrides: tuple[tuple[str, str], ...] = ()

    @property
    def is_path(self) -> bool:
        """Whether the name is a file's path: it holds a slash, or ends in .yaml or .yml."""
        return "/" in self.name or self.name.endswith((".yaml", ".yml"))

    def __str__(self) -> str:
        tail = ",".join(f"{key}={value}" for key, value in self.overrides)
        return f"{self.name}:{tail}" if tail else self.name


@lru_cache(1 << 12)  # sweeps name the same again and again
def parse_reference(text: str) -> Reference:
    """Split a reference into its name and overrides.

    Commas inside brackets do not split. Raises SpecError with every problem, each at its column of the text.

    >>> parse_reference("bert:seq_len=16Ki,windows=[1,2]")
    Reference(name='bert', overrides=(('seq_len', '16Ki'), ('windows', '[1,2]')))
    >>> parse_reference("bert:seq_len")
    Traceback (most recent call last):
    ...
    specs.problems.SpecError: bert:seq_len:1:6: expected key=value, found 'seq_len'
    """
    problems: list[Problem] = []

    def complain(message: str, index: int) -> None:
        problems.append(Problem(message, Place(shorten(text, 200), 1, index + 1)))

    name, colon, tail = text.partition(":")
    reference = Reference(name.strip())
    if not reference.name:
        complain("missing name: expected NAME[:key=value,...] or a file path", 0)
    elif not reference.is_path and not _NAME.fullmatch(reference.name):
        wrong = re.search(r"[^A-Za-z0-9_.+-]", name.strip()) or re.search(r"^.", name.strip())
        found = shorten(wrong.group() if wrong else name)
        at = name.index(reference.name) + (wrong.start() if wrong else 0)
        complain(f"found '{found}' in a name; allowed: letters, digits and _ . + - (a path holds a '/')", at)
    if colon and not tail.strip():
        complain("expected key=value after ':'", len(name) + 1)
    overrides: dict[str, str] = {}
    parts, unbalanced = _split(tail, len(name) + 1) if tail.strip() else ([], None)
    if unbalanced:
        complain(*unbalanced)
    for part, index in parts:
        key, equals, value = part.partition("=")
        start = index + len(key) - len(key.lstrip())
        key, value = key.strip(), value.strip()
        if not equals:
            complain(f"expected key=value, found '{shorten(part.strip())}'", start)
        elif not _KEY.fullmatch(key):
            complain(f"expected a key such as 'buffer.size' before '=', found '{shorten(key)}'", start)
        elif not value:
            complain(f"missing value after '{key}=' (write null for none)", index + len(part))
        elif key in overrides:
            complain(f"duplicate key '{key}': it is set to '{shorten(overrides[key])}' before", start)
        else:
            overrides[key] = value
    if problems:
        raise SpecError(problems)
    return Reference(reference.name, tuple(overrides.items()))


def _split(tail: str, start: int) -> tuple[list[tuple[str, int]], tuple[str, int] | None]:
    """The parts between top-level commas with the index of each, and the first unbalanced bracket if any."""
    parts: list[tuple[str, int]] = []
    open_brackets: list[tuple[str, int]] = []
    begin = 0
    for index, letter in enumerate(tail):
        if letter in _CLOSING:
            open_brackets.append((letter, start + index))
        elif letter in _CLOSING.values():
            if not open_brackets or _CLOSING[open_brackets.pop()[0]] != letter:
                return parts, (f"found '{letter}' without its opening bracket", start + index)
        elif letter == "," and not open_brackets:
            parts.append((tail[begin:index], start + begin))
            begin = index + 1
    parts.append((tail[begin:], start + begin))
    if open_brackets:
        letter, index = open_brackets[-1]
        return parts[:-1], (f"'{letter}' is not closed: expected '{_CLOSING[letter]}'", index)
    return parts, None
