"""What a person sees: data on stdout, messages on stderr, readable at 80 columns and through a pipe."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

PIPED_COLUMNS = 80
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


def render(*parts: RenderableType) -> str:
    """What `say` would print: at the terminal's width, or 80 columns where there is none."""
    from io import StringIO

    from rich.console import Console

    terminal = sys.stdout.isatty()
    buffer = StringIO()
    console = Console(
        file=buffer,
        force_terminal=terminal,
        width=None if terminal else PIPED_COLUMNS,
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

    >>> print(render(table(("level", "read>"), [("dram", "384 MiB"), ("buffer", "6 MiB")])), end="")
      level      read
      dram    384 MiB
      buffer    6 MiB
    """
    from rich.table import Table

    rows = [[str(cell) for cell in row] for row in rows]
    short = all(len(row[0]) <= LABEL for row in rows)
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for index, name in enumerate(columns):
        justify: Any = "right" if name.endswith(">") else "left"
        label = name.removesuffix(">")
        label = " " * indent + label if index == 0 else label
        made.add_column(label, justify=justify, overflow="fold", no_wrap=justify == "right" or (index == 0 and short))
    for first, *rest in rows:
        made.add_row(" " * indent + first, *rest)
    return made


def wrapped(text: str) -> str:
    """A sentence within 80 columns; what is indented stays so.

    >>> print(wrapped("  " + "word " * 16))
      word word word word word word word word word word word word word word word
      word
    """
    indent = text[: len(text) - len(text.lstrip())]
    return textwrap.fill(text.strip(), PIPED_COLUMNS - 2, initial_indent=indent, subsequent_indent=indent)


def bullets(notes: Iterable[str]) -> str:
    """Sentences as a list, within 80 columns.

    >>> print(bullets(["one", "two"]))
      - one
      - two
    """
    wrap = textwrap.TextWrapper(PIPED_COLUMNS - 2, initial_indent="  - ", subsequent_indent="    ")
    return "\n".join(wrap.fill(note) for note in notes)


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
