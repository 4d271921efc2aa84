"""What can be wrong with a spec, and where.

A `Problem` is one sentence about one place of one file. A `SpecError` carries every problem that was found,
so that a file is repaired in one go. The other exceptions separate a spec that is well-formed but
cannot be met, an outside tool that is missing, and work that failed; the command turns each into its own
exit code.

This module knows nothing about YAML, units or models.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

LISTED = 24  # more alternatives than this are counted instead of listed


@dataclass(frozen=True)
class Place:
    """A position in a source; lines and columns count from 1.

    >>> str(Place("arch.yaml", 3, 7)), str(Place("arch.yaml", 3)), str(Place("arch.yaml"))
    ('arch.yaml:3:7', 'arch.yaml:3', 'arch.yaml')
    """

    source: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        parts = (self.source, self.line, self.column)
        return ":".join(str(part) for part in parts if part is not None)

    @property
    def order(self) -> tuple[str, int, int]:
        """The key by which places sort: as they are met when reading; a whole source comes before its
        lines.
        """
        return (self.source, self.line or 0, self.column or 0)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: what was found and what is allowed.

    >>> str(Problem("missing key 'clock' in arch", Place("arch.yaml", 1, 1)))
    "arch.yaml:1:1: missing key 'clock' in arch"
    """

    message: str
    place: Place | None = None

    def __str__(self) -> str:
        return self.message if self.place is None else f"{self.place}: {self.message}"


class SpecError(Exception):
    """The input is wrong. Holds every problem found, in the order of their places, each once.

    >>> error = SpecError([Problem("second", Place("a.yaml", 2, 1)), Problem("first", Place("a.yaml", 1, 9))])
    >>> print(error)
    a.yaml:1:9: first
    a.yaml:2:1: second
    """

    problems: tuple[Problem, ...]

    def __init__(self, problems: Iterable[Problem] | Problem | str) -> None:
        if isinstance(problems, str):
            problems = Problem(problems)
        if isinstance(problems, Problem):
            problems = (problems,)
        unique = dict.fromkeys(problems)
        self.problems = tuple(sorted(unique, key=_reading_order))
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class Infeasible(Exception):
    """The spec is well-formed, but the design does not fit; `reason` says what exceeds what."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class ToolMissing(Exception):
    """An outside program or package is not installed; the message says how to get it."""


class RunFailed(Exception):
    """Work could not be done, or came to no end, though what was asked for is right; the message is whole."""


class Misplaced(ValueError):
    """A validator's complaint about one part of its value.

    Raise it inside a pydantic validator. `path` leads from the validated value to the faulty part, `offset`
    counts characters into a text, and `key` points at the key instead of its value. A plain ValueError
    points at the value.

    >>> Misplaced("unknown rank 'q'", path=("einsums", 2), offset=4).path
    ('einsums', 2)
    """

    def __init__(self, message: str, path: tuple[str | int, ...] = (), offset: int = 0, key: bool = False) -> None:
        self.path = path
        self.offset = offset
        self.key = key
        super().__init__(message)


def nearest(word: str, legal: Iterable[str]) -> str | None:
    """The legal word most like `word`, or None if none is alike.

    >>> nearest("bufer", ["clock", "buffer"])
    'buffer'
    >>> nearest("zzz", ["clock", "buffer"]) is None
    True
    """
    words = sorted(set(legal))
    found = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if not found:  # a slip of the shift key is no other word
        folded = {each.lower(): each for each in reversed(words)}
        found = [folded[each] for each in difflib.get_close_matches(word.lower(), list(folded), n=1, cutoff=0.6)]
    return found[0] if found else None


def unknown(kind: str, word: str, legal: Iterable[str], where: str = "") -> str:
    """The sentence for a word that is not among the legal ones. `where` names the place of the word.

    >>> unknown("key", "bufer", ["buffer", "clock"])
    "unknown key 'bufer'; did you mean 'buffer'? allowed: buffer, clock"
    >>> unknown("key", "zzz", ["clock"], where="in arch")
    "unknown key 'zzz' in arch; allowed: clock"
    """
    words = list(dict.fromkeys(legal))
    guess = nearest(word, words)
    sentence = f"unknown {kind} '{shorten(word)}'" + (f" {where}" if where else "")
    hint = f"; did you mean '{guess}'? " if guess else "; "
    return sentence + hint + "allowed: " + enumerate_words(words)


def enumerate_words(words: Iterable[str]) -> str:
    """The words with commas; a long list is cut and the rest counted.

    >>> enumerate_words([])
    'none'
    >>> enumerate_words(str(n) for n in range(26)).endswith('22, 23 and 2 more')
    True
    """
    listed = list(words)
    if not listed:
        return "none"
    text = ", ".join(listed[:LISTED])
    return text if len(listed) <= LISTED else f"{text} and {len(listed) - LISTED} more"


def shorten(text: str, limit: int = 60) -> str:
    """The text on one line, cut to `limit` characters, without control characters.

    >>> shorten("a\\nb" + "c" * 100, limit=10)
    'a bcccc...'
    """
    line = "".join(letter if letter.isprintable() else " " for letter in text[: limit + 1])
    return line if len(line) <= limit else line[: limit - 3] + "..."


def _reading_order(problem: Problem) -> tuple[str, int, int]:
    return problem.place.order if problem.place else ("", 0, 0)
