"""Reading a YAML file safely, with the line and column of every key and value.

Plain data only: mappings with text keys, lists and scalars. Tags, anchors, aliases, duplicate keys, nesting
deeper than 32, several documents and files over 1 MiB are refused. Where the rest can still be understood, the
document comes with its `problems`, so that `validate` reports them together with what else is wrong, and refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from specs.marks import Key, Mark, character_index
from specs.problems import Place, Problem, SpecError, shorten
from specs.reader import Reader
from specs.scalars import read_scalar, show_scalar

LARGEST_BYTES = 1 << 20


@dataclass(frozen=True)
class Document:
    """A YAML document as plain data, and where each part of it stands.

    >>> document = read_text("arch: toy\\nclock: 1 GHz\\n", "toy.yaml")
    >>> document.value
    {'arch': 'toy', 'clock': '1 GHz'}
    >>> str(document.place(("clock",))), str(document.place(("clock",), key=True))
    ('toy.yaml:2:8', 'toy.yaml:2:1')
    """

    value: Any
    source: str
    marks: Mapping[Key, Mark] = field(repr=False)
    text: str = field(default="", repr=False)
    problems: tuple[Problem, ...] = ()  # what is refused in it; of a duplicate key the first value stands
    unread: Mapping[Key, Problem] = field(default_factory=dict, repr=False)  # values that a problem left out

    def place(self, path: Key = (), offset: int = 0, key: bool = False) -> Place:
        """The place of the value at `path`, or of its key.

        `offset` counts characters into a text value: the place is that of the character in the file, past
        the opening quote and over escapes and folded lines. A path that is not in the file gives its
        nearest parent.
        """
        path = tuple(path)
        whole = path
        while path and path not in self.marks:
            path = path[:-1]
        mark = self.marks.get(path)
        if mark is None:
            return Place(self.source)
        if path != whole:  # the key of a mapping reads better than the first of its many keys
            key, offset = bool(path), 0
        if key and mark.key_line is not None:
            return Place(self.source, mark.key_line, mark.key_column)
        value = self.at(path)
        if isinstance(value, str) and (offset > 0 or mark.style):
            return self._place_of(character_index(self.text, mark, value, max(offset, 0)))
        return Place(self.source, mark.line, mark.column)

    def at(self, path: Key) -> Any:
        """The value at `path`; None where there is none."""
        value = self.value
        for step in path:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def _place_of(self, index: int) -> Place:
        line_start = self.text.rfind("\n", 0, index) + 1
        return Place(self.source, self.text.count("\n", 0, index) + 1, index - line_start + 1)


def read_file(path: Path | str, name: str = "") -> Document:
    """Read one YAML file as `read_text` does. Raises SpecError for one that cannot be read at all.

    The file is called by `name` in messages; without one by its path, from the current directory if it lies below.
    """
    source = name or _shown(path)
    try:
        with open(path, "rb") as file:
            raw = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        why = (error.strerror or "it cannot be opened").lower()
        raise SpecError(Problem(f"cannot read the file: {why}", Place(source))) from None
    except ValueError:  # a NUL in the name
        raise SpecError(Problem("cannot read the file: not a file name", Place(shorten(source)))) from None
    if len(raw) > LARGEST_BYTES:
        raise SpecError(_too_large(source))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        column = error.start - before.rfind(b"\n")
        message = f"not a text file: byte 0x{raw[error.start]:02x} is not UTF-8"
        raise SpecError(Problem(message, Place(source, before.count(b"\n") + 1, column))) from None
    return read_text(text, source)


def read_text(text: str, source: str) -> Document:
    """Read one YAML document whose top level is a mapping.

    What is refused in it stands in its `problems`. Raises SpecError, with every problem found, if it cannot be
    understood.

    >>> document = read_text("size: 16 MiB\\nwidth: !!int 3\\nsize: 1 B\\n", "a.yaml")
    >>> document.value
    {'size': '16 MiB', 'width': 3}
    >>> for problem in document.problems:
    ...     print(problem)
    a.yaml:2:8: tag '!!int' is not allowed: write plain data
    a.yaml:3:1: duplicate key 'size': first on line 1, again on line 3
    """
    return _read(text, source, top_level=True)


def read_value(text: str, source: str) -> Any:
    """The value of one argument: a plain scalar, a quoted text, or a flow list or mapping (`[1, 2]`, `{a:
    1}`).

    Raises SpecError with every problem.

    >>> [read_value(text, "argument") for text in ("16Ki", "3", "[1, 2Ki]", "'3'")]
    ['16Ki', 3, [1, '2Ki'], '3']
    """
    text = text.strip()
    if text[:1] and text[0] in "[{'\"":
        document = _read(text, source, top_level=False)
        if document.problems:
            raise SpecError(document.problems)
        return document.value
    try:
        return read_scalar(text)
    except ValueError as error:
        raise SpecError(Problem(str(error), Place(source))) from None


def _read(text: str, source: str, top_level: bool) -> Document:
    text = text.removeprefix("\ufeff")
    if len(text) > LARGEST_BYTES or len(text.encode("utf-8", "replace")) > LARGEST_BYTES:
        raise SpecError(_too_large(source))
    reader = Reader(source, text)
    reader.read()
    if not reader.broken and top_level:
        if isinstance(reader.value, dict):
            pass
        elif not reader.documents or (reader.value is None and reader.empty):
            reader.complain("the document is empty: expected a mapping of keys to values", 0, 0)
        elif not reader.problems:
            found = show_scalar(reader.value)
            mark = reader.marks[()]
            reader.complain(f"found {found}, expected a mapping of keys to values", mark.line - 1, mark.column - 1)
    if reader.broken or (reader.problems and top_level and not isinstance(reader.value, dict)):
        raise SpecError(reader.problems)
    return Document(reader.value, source, reader.marks, text, tuple(reader.problems), reader.unread)


def _shown(path: Path | str) -> str:
    """How messages call a file: from the current directory where it lies below it, else as given."""
    given = Path(path)
    try:
        return str(given.relative_to(Path.cwd())) if given.is_absolute() else str(path)
    except (OSError, ValueError):  # elsewhere, or the current directory is gone
        return str(path)


def _too_large(source: str) -> Problem:
    return Problem(f"the file is larger than {LARGEST_BYTES >> 20} MiB", Place(source))
