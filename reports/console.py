"""What a person sees: data on stdout, messages on stderr, readable at 80 columns and through a pipe."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

PIPED_COLUMNS = 80
GAP = 2  # columns between two columns of a table
LABEL = 32  # characters of a first column that are kept on one line


class ReaderGone(Exception):
    """Whoever read our stdout has closed it: nothing more to say, and nothing to complain about."""


def write(text: str) -> None:
    """Put text on stdout as it is."""
    try:
        sys.stdout.write(text)
    except BrokenPipeError:
        raise ReaderGone from None


def write_json(value: dict[str, Any]) -> None:
    """Put one JSON object on stdout; what JSON cannot say (NaN, infinity) is refused."""
    write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def say(*parts: RenderableType) -> None:
    """Put text and tables on stdout, in colour only on a terminal."""
    write(render(*parts))


def note(message: str) -> None:
    """Put one message on stderr, unwrapped."""
    print(message, file=sys.stderr, flush=True)


def width() -> int:
    """Columns of the terminal, or 80 where there is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPED_COLUMNS


def render(*parts: RenderableType) -> str:
    """What `say` would print."""
    from io import StringIO

    from rich.console import Console

    buffer = StringIO()
    console = Console(
        file=buffer,
        force_terminal=sys.stdout.isatty(),
        width=width(),
        highlight=False,
        emoji=False,
        markup=False,
    )
    for part in parts:
        console.print(part)
    lines = buffer.getvalue().split("\n")
    return "\n".join(line.rstrip() for line in lines)


def heading(text: str) -> RenderableType:
    """A section's title."""
    from rich.text import Text

    return Text(text, style="bold")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], indent: int = 2) -> Table:
    """A plain table; a column whose name ends in `>` is aligned to the right.

    Text wraps where it must. Where that does not fit either, each row becomes a block of names and values.

    >>> print(render(table(("level", "read>"), [("dram", "384 MiB"), ("buffer", "6 MiB")])), end="")
      level      read
      dram    384 MiB
      buffer    6 MiB
    """
    body = [[str(cell) for cell in row] for row in rows]
    short = all(len(row[0]) <= LABEL for row in body)
    rigid = [name.endswith(">") or (index == 0 and short) for index, name in enumerate(columns)]
    if _least_width(columns, body, rigid, indent) > width():
        return _blocks(columns, body, indent)
    return _grid(columns, body, rigid, indent)


def _grid(columns: Sequence[str], rows: Sequence[Sequence[str]], rigid: Sequence[bool], indent: int) -> Table:
    from rich.table import Table

    made = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim")
    for index, name in enumerate(columns):
        justify: Any = "right" if name.endswith(">") else "left"
        label = name.removesuffix(">")
        label = " " * indent + label if index == 0 else label
        made.add_column(label, justify=justify, overflow="fold", no_wrap=rigid[index])
    for first, *rest in rows:
        made.add_row(" " * indent + first, *rest)
    return made


def _least_width(columns: Sequence[str], rows: Sequence[Sequence[str]], rigid: Sequence[bool], indent: int) -> int:
    """The narrowest that a grid can be: rigid columns whole, text wrapped between words."""
    from rich.cells import cell_len

    total = indent + GAP * (len(columns) - 1)
    for index, name in enumerate(columns):
        cells = [name.removesuffix(">"), *(row[index] for row in rows)]
        parts = [part for cell in cells for part in (cell.splitlines() if rigid[index] else cell.split())]
        total += max((cell_len(part) for part in parts), default=0)
    return total


def one_line(column: str) -> str:
    """The name of a column without its mark, and without the breaks that make it narrow.

    >>> one_line("arch.\\nbuffer.\\nsize>"), one_line("values\\nof all")
    ('arch.buffer.size', 'values of all')
    """
    return " ".join(column.removesuffix(">").replace(".\n", ".").split())


def _blocks(columns: Sequence[str], rows: Sequence[Sequence[str]], indent: int) -> Table:
    """One block for each row: its first cell, then the other columns by name; an empty first cell repeats the last."""
    from rich.table import Table

    names = [one_line(name) for name in columns]
    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, GAP, 0, 0))
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    group = ""
    for first, *rest in rows:
        group = first or group
        made.add_row(" " * indent + (names[0] or "of"), group)
        for name, cell in zip(names[1:], rest, strict=True):
            made.add_row(" " * (indent + 2) + name, cell)
    return made


def wrapped(text: str) -> str:
    """A sentence within 80 columns, or the terminal's if it is narrower; what is indented stays so.

    >>> print(wrapped("  " + "word " * 16))
      word word word word word word word word word word word word word word word
      word
    """
    indent = text[: len(text) - len(text.lstrip())]
    return textwrap.fill(text.strip(), _text_width(), initial_indent=indent, subsequent_indent=indent)


def bullets(notes: Iterable[str]) -> str:
    """Sentences as a list, as wide as `wrapped` makes them.

    >>> print(bullets(["one", "two"]))
      - one
      - two
    """
    wrap = textwrap.TextWrapper(_text_width(), initial_indent="  - ", subsequent_indent="    ")
    return "\n".join(wrap.fill(note) for note in notes)


def _text_width() -> int:
    return max(min(PIPED_COLUMNS, width()) - 2, 20)


def fields(pairs: Iterable[tuple[str, str]], indent: int = 0) -> Table:
    """Names and values side by side.

    >>> print(render(fields([("latency", "2 ms"), ("area", "-")])), end="")
    latency  2 ms
    area     -
    """
    from rich.table import Table

    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs:
        made.add_row(" " * indent + name, value)
    return made


def answer(as_json: bool, data: Any, text: Any) -> None:
    """Print a command's result as JSON or for people; only the one asked for is made."""
    if as_json:
        write_json(data())
    else:
        parts: list[RenderableType] = text()
        say(*parts)
