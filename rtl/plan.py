"""The control of an array as values: which lines each resource does in which order, and what each of them waits for.

Tiles are numbered in the order of the loops: for each head and block of query tiles, row after row of a key tile and
all query tiles that see it. A *line* is one entry of a unit's or a channel's program (an operation, a fill, a drain). A
resource does its lines round after round: in round i a line of age a does tile i - a, if that is one of its tiles, and
within a round lines go by their place. A line begins as soon as its resource is free, it is its turn, and every token
is there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from specs import SpecError


class Tiles(Enum):
    """The tiles that a line is for, or that a token counts."""

    EACH = "each"
    ROW_BEGINS = "row begins"  # the first of each row: what a key tile is fetched for
    ROW_ENDS = "row ends"
    FIRST = "first"  # each query tile's first key tile
    LATER = "later"  # all but that
    LAST = "last"  # each query tile's last key tile


class Ahead(Enum):
    """By how many starts a producer may be behind, where the number depends on the loops."""

    SLOTS = "slots"  # query tiles of a block
    ROW = "row"  # query tiles of the consumer's row


@dataclass(frozen=True)
class Line:
    """An entry of a program: its tiles, what it holds and for how long, and its age and place in a round.

    A transfer holds its resource for `cycles` at least: until its last word has passed.
    """

    name: str
    resource: str
    cycles: int
    age: int = 0
    place: int = 0
    tiles: Tiles = Tiles.EACH
    transfer: bool = False


@dataclass(frozen=True)
class Token:
    """What a line waits for: at its tiles of the kind `asked`, enough starts of a producer, so many cycles ago.

    Of the producer, starts at tiles of the kind `given` count. With its n-th tile of the kind `counted` a consumer
    wants n of them, less `ahead`. A transfer gives its token when its last word passes, not when it starts.
    """

    consumer: str
    producer: str
    cycles: int
    ahead: int | Ahead = 0
    asked: Tiles = Tiles.EACH
    counted: Tiles = Tiles.EACH
    given: Tiles = Tiles.EACH
    cause: str = "operand"


@dataclass(frozen=True)
class Loops:
    """The loops of one run: repeats of blocks of rows of query tiles, and what of it a causal mask leaves.

    `keys` is how many there are in all, `offset` keys less queries: query number i sees keys up to i + offset.
    """

    repeats: int
    blocks: int
    slots: int  # query tiles of a block
    keys: int
    causal: bool = False
    offset: int = 0


@dataclass(frozen=True)
class Tile:
    """One tile of a run: its number, the head and block that it is of, its key tile, its place among query tiles."""

    number: int
    repeat: int
    block: int
    row: int
    slot: int
    kinds: frozenset[Tiles]


def tiles(loops: Loops, rows: int, columns: int) -> Iterator[Tile]:
    """All tiles of a run in order, for an array of rows × columns.

    >>> [(tile.row, tile.slot) for tile in tiles(Loops(1, 1, 2, keys=5, causal=True, offset=1), rows=2, columns=2)]
    [(0, 0), (0, 1), (1, 0), (1, 1), (2, 1)]
    """
    number = 0
    for repeat in range(loops.repeats):
        for block in range(loops.blocks):
            seen = [
                min(loops.keys - 1, (block * loops.slots + slot + 1) * columns - 1 + loops.offset)
                if loops.causal
                else loops.keys - 1
                for slot in range(loops.slots)
            ]
            for row in range(max(seen) // rows + 1):
                here = [slot for slot in range(loops.slots) if row * rows <= seen[slot]]
                for slot in here:
                    kinds = {
                        Tiles.EACH: True,
                        Tiles.ROW_BEGINS: slot == here[0],
                        Tiles.ROW_ENDS: slot == here[-1],
                        Tiles.FIRST: row == 0,
                        Tiles.LATER: row > 0,
                        Tiles.LAST: (row + 1) * rows > seen[slot],
                    }
                    yield Tile(number, repeat, block, row, slot, frozenset(kind for kind, it in kinds.items() if it))
                    number += 1


@dataclass(frozen=True)
class Plan:
    """The control of an array: its lines, those of a resource by place, and tokens in the order of their causes.

    >>> Plan((Line("QK", "array_2d", 8),), ()).resources
    ('array_2d',)
    """

    lines: tuple[Line, ...]
    tokens: tuple[Token, ...]

    def __post_init__(self) -> None:
        names = Counter(line.name for line in self.lines)
        problems = [f"line '{name}' stands twice" for name, times in names.items() if times > 1]
        problems += [f"line '{x.name}' takes {x.cycles} cycles, expected 1 or more" for x in self.lines if x.cycles < 1]
        for token in self.tokens:
            problems += [
                f"token of '{name}', which is no line" for name in (token.consumer, token.producer) if name not in names
            ]
            if token.cycles < 0:
                problems.append(f"'{token.consumer}' would begin {-token.cycles} cycles before '{token.producer}'")
        if problems:
            raise SpecError("; ".join(problems))

    @property
    def resources(self) -> tuple[str, ...]:
        """What lines hold, in order."""
        return tuple(dict.fromkeys(line.resource for line in self.lines))

    def line(self, name: str) -> Line:
        """The line of a name."""
        return next(line for line in self.lines if line.name == name)

    def causes(self, resource: str) -> tuple[str, ...]:
        """What the lines of a resource may wait for."""
        mine = {line.name for line in self.lines if line.resource == resource}
        return tuple(dict.fromkeys(token.cause for token in self.tokens if token.consumer in mine))
