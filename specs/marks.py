"""Where a node of a YAML text lies, and where one character of a text value lies."""

from __future__ import annotations

from dataclasses import dataclass

Key = tuple[str | int, ...]  # a path into plain data


@dataclass(frozen=True)
class Mark:
    """Where a node lies: first and last character of its value, its style, and the start of its key.

    Lines and columns count from 1, indices from 0 into the text.
    """

    line: int
    column: int
    index: int
    end_index: int
    style: str = ""
    key_line: int | None = None
    key_column: int | None = None


_ESCAPED = {"x": 4, "u": 6, "U": 10}  # length of an escape in a double-quoted text, the backslash included


def character_index(text: str, mark: Mark, value: str, offset: int) -> int:
    """The index in `text` of character `offset` of a scalar.

    Walks over what the writing adds: quotes, escapes, the header of a block, indentation and folded line
    ends.
    """
    index = mark.index
    if mark.style in ("'", '"'):
        index += 1
    elif mark.style in ("|", ">"):
        index = text.find("\n", index) + 1
    stop = max(mark.end_index - (mark.style in ("'", '"')), index)
    # White space may be folded, so only the other characters are matched one by one.
    target = min(offset, len(value))
    for letter in value[:target]:
        if letter.isspace() and not (mark.style == '"' and text[index : index + 1] == "\\"):
            continue
        index = _over_space(text, index, stop)
        index += _written_length(text, index, mark.style)
    blanks = len(value[:target]) - len(value[:target].rstrip())
    if target < len(value) and not value[target].isspace():
        index = _over_space(text, index, stop)
    else:
        index += blanks
    return min(index, stop)


def _over_space(text: str, index: int, stop: int) -> int:
    while index < stop and text[index].isspace():
        index += 1
    return index


def _written_length(text: str, index: int, style: str) -> int:
    if style == "'" and text[index : index + 2] == "''":
        return 2
    if style == '"' and text[index : index + 1] == "\\":
        return _ESCAPED.get(text[index + 1 : index + 2], 2)
    return 1
