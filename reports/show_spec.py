"""`einfuse show NAME` for machines, workloads and mappings: what a spec says once every value is settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import quantities
from .console import bullets, fields, heading, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from arch import Machine, Unit
    from mappings import NestSpec
    from specs import Loaded
    from workloads import WorkloadSpec


def machine_text(machine: Machine) -> list[RenderableType]:
    """A machine: clock, memories, units with their operations."""
    about = [
        ("summary", machine.summary),
        ("kind", machine.kind),
        ("clock", quantities.rate(machine.clock_hz)),
        ("energy", f"table {machine.energy}"),
    ]
    if machine.types:
        about.append(("types", ", ".join(f"{name}: {kind}" for name, kind in machine.types.items())))
    about += _source(machine.source)
    memories = [
        (
            memory.name,
            "unlimited" if memory.size_bytes is None else quantities.data(memory.size_bytes),
            "unlimited" if memory.bandwidth_bytes_per_s is None else _rate(memory.bandwidth_bytes_per_s),
            f"{memory.row_bits} b",
        )
        for memory in machine.memories.values()
    ]
    parts: list[RenderableType] = [heading(f"arch {machine.name}"), fields(about, indent=2)]
    parts += ["", heading("memories"), table(("memory", "size>", "bandwidth>", "row>"), memories)]
    for unit in machine.units.values():
        shape = " × ".join(f"{size} {axis}" for axis, size in unit.axes.items())
        registers = f", {unit.registers} registers each" if unit.registers is not None else ""
        parts += ["", heading(f"unit {unit.name}: {shape}{registers}"), _operations(unit)]
    if machine.assumptions:
        parts += ["", heading("assumptions"), bullets(machine.assumptions)]
    return parts


def workload_text(loaded: Loaded[WorkloadSpec]) -> list[RenderableType]:
    """A workload: its keys and values, those that an argument set included; a sequence length may still be open."""
    spec = loaded.model
    pairs = [("summary", " ".join(spec.summary.split()))] if spec.summary else []
    for name, value in spec.model_dump(exclude={"workload", "summary", "source"}, exclude_none=True).items():
        pairs.append((name, quantities.count(value) if type(value) is int else str(value).lower()))
    if spec.seq_len is None and spec.queries is None:
        pairs.append(("seq_len", "to be given, as in seq_len=16Ki"))
    return [heading(f"workload {loaded.name}"), fields([*pairs, *_source(spec.source)], indent=2)]


def mapping_text(loaded: Loaded[Any]) -> list[RenderableType]:
    """A mapping: how ranks are divided and looped, what runs where, what is kept, what overlaps; nest by nest."""
    from mappings import SequenceSpec

    spec = loaded.model
    about = [("summary", " ".join(spec.summary.split())), ("cascade", spec.cascade)]
    choices = [("split", spec.split)] if spec.split != "published" or isinstance(spec, SequenceSpec) else []
    last = [*choices, ("accounting", spec.accounting), *_source(spec.source)]
    parts: list[RenderableType] = [heading(f"mapping {loaded.name}")]
    if isinstance(spec, SequenceSpec):
        parts.append(fields([*about, *last], indent=2))
        for i, step in enumerate(spec.sequence, 1):
            title = f"nest {i}: {' '.join(step.einsums)}"
            parts += ["", heading(title), fields(_nest_fields(step), indent=2), "", *_nest_tables(step)]
    else:
        parts += [fields([*about, *_nest_fields(spec), *last], indent=2), "", *_nest_tables(spec)]
    if spec.assumptions:
        parts += ["", heading("assumptions"), bullets(spec.assumptions)]
    return parts


def _nest_fields(nest: NestSpec) -> list[tuple[str, str]]:
    about = []
    for rank, division in nest.partition.items():
        about.append((f"rank {rank}", ", ".join(f"{part}: {_extent(size)}" for part, size in division.items())))
    about.append(("loops", " ".join(nest.loops)))
    if nest.fuse is not None:
        stages = "; ".join(" ".join(stage) for stage in nest.stages)
        about.append(("stages", f"below {nest.fuse}: {stages}"))
    for level, limit in nest.budget.items():
        about.append((f"budget of {level}", quantities.data(limit)))
    about.append(("overlap", nest.overlap))
    about += [(f"epoch {i}", " ".join(epoch.einsums)) for i, epoch in enumerate(nest.epochs, 1)]
    about += [("interleave", _extent(nest.interleave)), ("fold overlap", nest.fold_overlap)]
    for row in nest.published:
        where = ", ".join(f"{key} = {quantities.count(value)}" for key, value in row.when.items())
        extents = ", ".join(f"{part}: {quantities.count(extent)}" for part, extent in row.extents.items())
        about.append(("published", f"{extents} for {where}"))
    return about


def _nest_tables(nest: NestSpec) -> list[RenderableType]:
    placed = [
        (
            binding.unit,
            " ".join(binding.einsums),
            ", ".join(f"{axis}: {part}" for axis, part in binding.spatial.items()),
            " ".join(binding.steps),
        )
        for binding in nest.bind
    ]
    kept = [
        (level, tensor, "the whole run" if loop == "*" else f"one {loop}")
        for level, tensors in nest.keep.items()
        for tensor, loop in tensors.items()
    ]
    parts: list[RenderableType] = [heading("units"), table(("unit", "Einsums", "in space", "in time"), placed)]
    return [*parts, "", heading("kept"), table(("level", "tensor", "for"), kept)] if kept else parts


def _operations(unit: Unit) -> RenderableType:
    rows = []
    for operation in unit.operations.values():
        steps = " + ".join(f"{n} {native}" for native, n in operation.sequence.items())
        how = "native" if operation.native else steps
        latency = str(operation.latency) if operation.native else ""
        rows.append((operation.name, how, str(unit.slots(operation.name)), latency))
    return table(("operation", "as", "slots>", "latency>"), rows)


def _extent(size: int | str) -> str:
    return quantities.count(size) if isinstance(size, int) else size.removeprefix("= ")


def _rate(bytes_per_s: float) -> str:
    return f"{quantities.data(bytes_per_s)}/s"


def _source(source: tuple[str, ...] | list[str]) -> list[tuple[str, str]]:
    return [("source", ", ".join(source))] if source else []
