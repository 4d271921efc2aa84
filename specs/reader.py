"""From the events of the YAML parser to plain data, marks and problems.

The reader never builds a graph, so there is nothing to recurse into, expand or construct. What is refused
is listed in `specs.document`; reading goes on after a problem wherever the rest can still be understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from specs.marks import Key, Mark
from specs.problems import Place, Problem, shorten
from specs.scalars import read_scalar, show_scalar

DEEPEST = 32  # nested mappings and lists

Event = Any  # the parser's events share attributes that its classes do not declare


@dataclass
class _Open:
    """A mapping or list that is being read."""

    path: Key
    value: dict[str, Any] | list[Any]
    keys: dict[str, int] = field(default_factory=dict)  # key -> its line, to name both of a duplicate
    key: Event = None
    name: str | None = ""  # None: the key is unusable
    dropped: int = 0  # values of unusable keys so far: read for problems, and left out


class Reader:
    """Turns events into plain data, marks and problems."""

    def __init__(self, source: str, text: str) -> None:
        self.source = source
        self.text = text
        self.value: Any = None
        self.marks: dict[Key, Mark] = {}
        self.problems: list[Problem] = []
        self.unread: dict[Key, Problem] = {}  # values that stand as null because of a problem
        self.broken = False  # whether the text cannot be understood to its end
        self.documents = 0
        self.empty = False
        self.stack: list[_Open] = []
        self.in_key = 0  # depth inside a mapping or list that was written as a key

    def complain(self, message: str, line: int, column: int) -> None:
        self.problems.append(Problem(message, Place(self.source, line + 1, column + 1)))

    def read(self) -> None:
        try:
            for event in self._events():
                if not self._take(event):
                    return
            return
        except ReaderError as error:
            before = self.text[: error.position]
            column = error.position - (before.rfind("\n") + 1)
            message = f"not YAML: the character U+{_code(error.character):04X} is not allowed"
            self.complain(message, before.count("\n"), column)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self.complain(_readable(error), mark.line if mark else 0, mark.column if mark else 0)
        except (YAMLError, ValueError, IndexError, KeyError, TypeError, AttributeError, AssertionError):
            # The parser has rare slips of its own on garbage; the text is not YAML either way.
            self.complain("not YAML: the text cannot be read", 0, 0)
        self.broken = True

    def _events(self) -> Iterator[Event]:
        yield from YAML(typ="safe", pure=True).parse(self.text)

    def _take(self, event: Event) -> bool:
        """Take one event; False stops reading."""
        at = event.start_mark
        if isinstance(event, DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self.complain("a second document starts here: a file holds one", at.line, at.column)
                return False
            if event.version not in (None, (1, 2)):
                self.complain("found a YAML version other than 1.2", at.line, at.column)
        elif isinstance(event, AliasEvent):
            self.complain(f"alias '*{shorten(event.anchor)}' is not allowed: repeat the value", at.line, at.column)
            self._put_unread(event)
        elif isinstance(event, ScalarEvent):
            self._refuse_labels(event)
            try:
                self._put(event, self._scalar(event))
            except ValueError as error:
                self.complain(str(error), at.line, at.column)
                self._put_unread(event)
        elif isinstance(event, MappingStartEvent | SequenceStartEvent):
            self._refuse_labels(event)
            if len(self.stack) + self.in_key >= DEEPEST:
                self.complain(f"nested deeper than {DEEPEST} levels", at.line, at.column)
                self.broken = True
                return False
            self._open(event)
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            if self.in_key:
                self.in_key -= 1
            else:
                self.stack.pop()
        return True

    def _refuse_labels(self, event: Event) -> None:
        at = event.start_mark
        if event.anchor is not None:
            message = f"anchor '&{shorten(event.anchor)}' is not allowed: aliases are not read"
            self.complain(message, at.line, at.column)
        if event.tag is not None:
            tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
            self.complain(f"tag '{shorten(tag)}' is not allowed: write plain data", at.line, at.column)

    def _scalar(self, event: ScalarEvent) -> Any:
        if event.style:
            return event.value
        self.empty = not self.stack and event.value == ""
        return read_scalar(event.value)

    def _expects_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].value, dict) and self.stack[-1].key is None

    def _open(self, event: Event) -> None:
        if self.in_key:
            self.in_key += 1
            return
        if self._expects_key():
            at = event.start_mark
            self.complain("found a mapping or list as a key, expected text", at.line, at.column)
            self._take_key(event, None)
            self.in_key = 1
            return
        value: dict[str, Any] | list[Any] = {} if isinstance(event, MappingStartEvent) else []
        path = self._put(event, value)
        self.stack.append(_Open(path, value))

    def _put_unread(self, event: Event) -> None:
        """Store a null for a value that the last problem left out."""
        self.unread[self._put(event, None)] = self.problems[-1]

    def _put(self, event: Event, value: Any) -> Key:
        """Store a node where it belongs and mark it; returns its path."""
        if self.in_key:
            return ()
        if self._expects_key():
            self._take_key(event, value)
            return ()
        mark = _mark(event)
        path: Key = ()
        if not self.stack:
            self.value = value
        else:
            top = self.stack[-1]
            if isinstance(top.value, list):
                path = (*top.path, len(top.value))
                top.value.append(value)
            else:
                path = (*top.path, f"\0{top.dropped}" if top.name is None else top.name)
                assert top.key is not None
                key_at = top.key.start_mark
                mark = _mark(event, key_at.line + 1, key_at.column + 1)
                if top.name is not None:
                    top.value[top.name] = value
                top.key = None
        self.marks[path] = mark
        return path

    def _take_key(self, event: Event, value: Any) -> None:
        top, at = self.stack[-1], event.start_mark
        top.key = event
        if isinstance(value, str):
            first = top.keys.setdefault(value, at.line)
            if value in top.value:
                lines = f"first on line {first + 1}, again on line {at.line + 1}"
                self.complain(f"duplicate key '{shorten(value)}': {lines}", at.line, at.column)
            else:
                top.name = value
                return
        elif isinstance(event, ScalarEvent):
            message = f"key {show_scalar(value)} is not text: put it in quotes"
            self.complain(message, at.line, at.column)
        top.dropped += 1
        top.name = None


def _mark(event: Event, key_line: int | None = None, key_column: int | None = None) -> Mark:
    start, end = event.start_mark, event.end_mark
    style = getattr(event, "style", None) or ""
    return Mark(start.line + 1, start.column + 1, start.index, end.index, style, key_line, key_column)


def _code(character: int | str | bytes) -> int:
    return character if isinstance(character, int) else ord(character[:1])


# The parser's wording, and ours. The first pattern that matches the parser's problem is taken.
_SENTENCES = (
    (
        r"mapping values are not allowed",
        "found ':' where no key can be; check the indentation, or quote the text",
    ),
    (r"found character '\\t'", "found a tab; indent with spaces"),
    (r"found character (.+) that cannot start", r"found \1; text that starts with it needs quotes"),
    (r"found unexpected end of stream", "a quoted text does not end"),
    (r"found unknown escape character (.+)", r"unknown escape \1 in a double-quoted text"),
    (
        r"but (?:found|got) '<(?:stream|document) end>'",
        "the text ends inside a list or mapping; a bracket is missing",
    ),
    (r"expected <block end>", "the indentation does not match the lines above"),
    (
        r"expected ',' or '[]}]', but (?:found|got) (.+)",
        r"expected ',' or a closing bracket, found \1",
    ),
    (r"expected the node content, but found (.+)", r"expected a value, found \1"),
    (r"could not find expected ':'", "expected ':' after a key"),
    (r"incompatible YAML", "found a YAML version other than 1.2"),
    (r"expected alphabetic or numeric", "found a '*' or '&' without a name; quote the text"),
)


def _readable(error: MarkedYAMLError) -> str:
    problem = str(error.problem or error.context or "")
    context = str(error.context or "")
    if "scanning a tag" in context or "parsing a tag" in context:
        return "not YAML: a tag is malformed; write plain data"
    for pattern, sentence in _SENTENCES:
        match = re.search(pattern, problem)
        if match:
            return "not YAML: " + shorten(match.expand(sentence), 120)
    return "not YAML: " + (shorten(problem.replace("\0", "end"), 120) or "the text cannot be read")
