"""`einfuse show -w W -a A -m M`: the schedule as a person reads it.

The loop tree with its transfers and operations, what is kept where, what waits for what, and the counts. Knows the
values of a schedule only, no name of an Einsum or a rank.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import quantities
from .console import heading, table, wrapped

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mappings import Counts, Nest, Operation, Schedule

INDENT = "  "


def as_text(schedule: Schedule, counts: Counts, title: str) -> list[RenderableType]:
    """The whole page about one schedule."""
    parts: list[RenderableType] = [heading(title), f"  cascade {schedule.cascade}, overlap {schedule.overlap}"]
    fold_overlap = "on" if schedule.fold_overlap else "off"
    parts.append(f"  interleave {schedule.interleave}, fold overlap {fold_overlap}, accounting {schedule.accounting}")
    if schedule.band is not None:
        low, high = (
            quantity if quantity is not None else "any" for quantity in (schedule.band.low, schedule.band.high)
        )
        masked = " ".join(name for name, operation in schedule.operations.items() if operation.masked)
        band = f"{low} <= {schedule.band.column} - {schedule.band.row} <= {high}"
        parts += ["", heading(f"mask {band}"), wrapped(f"  skips whole tiles of {masked}")]
    parts += ["", heading("loop tree"), "\n".join(tree(schedule))]
    parts += ["", heading("kept"), _kept(schedule)]
    if schedule.epochs:
        parts += ["", heading("epochs"), "\n".join(_epochs(schedule))]
    parts += ["", heading("dependencies"), _dependencies(schedule)]
    parts += ["", heading("operations"), _operations(counts)]
    return [*parts, "", heading("transfers and accesses"), _moved(schedule, counts)]


def tree(schedule: Schedule) -> list[str]:
    """One line for each loop, transfer and operation, in program order."""
    return list(_lines(schedule, schedule.root, INDENT))


def _lines(schedule: Schedule, nest: Nest, indent: str) -> Iterator[str]:
    from mappings import Nest as NestType

    inner = indent
    if nest.part is not None:
        family = schedule.families[schedule.family_of[nest.part]]
        part = family.part(nest.part)
        tile = f"  (tiles of {quantities.count(part.chunk)})" if part.chunk > 1 else ""
        yield f"{indent}for {nest.part} in {quantities.count(family.extent(nest.part))}{tile}"
        inner = indent + INDENT
    for transfer in nest.transfers:
        if transfer.kind == "fill":
            yield f"{inner}fill {transfer.tensor}: {transfer.outer} → {transfer.inner}"
    for item in nest.body:
        if isinstance(item, NestType):
            yield from _lines(schedule, item, inner)
        else:
            yield inner + operation_line(schedule, schedule.operations[item])
    for transfer in nest.transfers:
        if transfer.kind != "fill":
            yield f"{inner}{transfer.kind} {transfer.tensor}: {transfer.inner} → {transfer.outer}"


def operation_line(schedule: Schedule, operation: Operation) -> str:
    """One operation: its unit, what lies on each axis, its steps in time, and the slots of a point."""

    def size(part: str) -> str:
        return f"{part} {schedule.families[schedule.family_of[part]].extent(part)}"

    space = ", ".join(f"{axis}: {size(part)}" for axis, part in operation.spatial.items())
    text = f"{operation.name:<5} {operation.unit} [{space}]"
    if operation.steps:
        text += f", steps {', '.join(size(part) for part in operation.steps)}"
    if operation.slots != 1:
        text += f", {operation.slots} slots a point" if operation.slots else ", no slot"
    return text


def _kept(schedule: Schedule) -> RenderableType:
    rows = []
    for level, memory in schedule.machine.memories.items():
        tiles = [tile for tile in schedule.kept if tile.level == level and tile.use != "within"]
        for tile in tiles:
            held = f"one {tile.loop}" if tile.loop else "the whole run"
            held = {"stream": "streams past", "in place": f"{held}, in place"}.get(tile.use, held)
            storage = schedule.types[tile.tensor].storage.name
            rows.append((level, tile.tensor, held, storage, f"{quantities.whole(tile.size_bytes)} B"))
        if tiles:
            size = memory.size_bytes
            limit = "unlimited" if size is None else f"of {quantities.data(size)}"
            rows.append((level, "all", limit, "", f"{quantities.whole(schedule.footprint_bytes(level))} B"))
    return table(("level", "tensor", "for", "type", "takes>"), rows) if rows else "  nothing"


def _epochs(schedule: Schedule) -> Iterator[str]:
    for number, epoch in enumerate(schedule.epochs, 1):
        waits = "".join(f"; {wait.cycles} cycles more per slot of {wait.operation}" for wait in epoch.waits)
        yield f"  {number}. {' '.join(epoch.operations)}{waits}"


def _dependencies(schedule: Schedule) -> RenderableType:
    rows = []
    for each in schedule.dependencies:
        when = "this tile" if each.distance == 0 else f"{each.distance} of {each.loop} before"
        rows.append((each.consumer, each.tensor, each.producer, when))
    return table(("operation", "needs", "from", "of"), rows) if rows else "  none"


def _operations(counts: Counts) -> RenderableType:
    """What each operation amounts to in the whole run."""
    rows = []
    for name, counted in counts.operations.items():
        actions = ", ".join(f"{quantities.whole(n)} {native}" for native, n in counted.actions.items())
        rows.append((name, quantities.whole(counted.cycles), actions or "none"))
    return table(("operation", "cycles>", "actions>"), rows)


def _moved(schedule: Schedule, counts: Counts) -> RenderableType:
    """Bytes by level and tensor; what an action reads and writes."""
    rows = []
    for level in schedule.machine.memories:
        tensors = dict.fromkeys(tensor for where, tensor, _ in counts.moved if where == level)
        for tensor in tensors:
            read, written = (counts.moved.get((level, tensor, action), 0) for action in ("read", "write"))
            rows.append((level, tensor, f"{quantities.whole(read)} B", f"{quantities.whole(written)} B"))
        read, written = (counts.level_bytes(level, action) for action in ("read", "write"))
        rows.append((level, "all", f"{quantities.whole(read)} B", f"{quantities.whole(written)} B"))
    return table(("level", "tensor", "read>", "written>"), rows)
