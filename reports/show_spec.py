"""`einfuse show NAME` for machines, workloads and mappings: what a spec says once every value is settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import quantities, show_device
from .console import bullets, fields, heading, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from arch import Machine, Unit
    from mappings import AboutSpec, NestSpec, OptionSpec
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
    if machine.hardware is not None:
        about.append(("hardware", ", ".join(f"{name}: {value}" for name, value in vars(machine.hardware).items())))
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
        operands = f", operands of {unit.operand_type}" if unit.operand_type is not None else ""
        parts += ["", heading(f"unit {unit.name}: {shape}{registers}{operands}"), _operations(unit)]
    if machine.device is not None:
        parts += show_device.as_text(machine.device, machine.clock_hz, machine.overrides)
    if machine.assumptions:
        parts += ["", heading("assumptions"), bullets(machine.assumptions)]
    return parts


def workload_text(loaded: Loaded[WorkloadSpec]) -> list[RenderableType]:
    """A workload: its keys and values, those that an argument set included; a sequence length may still be open."""
    spec = loaded.model
    pairs = [("summary", " ".join(spec.summary.split()))] if spec.summary else []
    for name, value in spec.model_dump(exclude={"workload", "summary", "source"}, exclude_none=True).items():
        pairs.append((name, quantities.count(value) if type(value) is int else str(value).lower()))
    decodes = spec.phase == "decode" and (spec.keys or spec.context) is not None
    if spec.seq_len is None and spec.queries is None and not decodes:
        pairs.append(("seq_len", "to be given, as in seq_len=16Ki"))
    return [heading(f"workload {loaded.name}"), fields([*pairs, *_source(spec.source)], indent=2)]


def mapping_text(loaded: Loaded[Any]) -> list[RenderableType]:
    """A mapping: how ranks are divided and looped, what runs where, what is kept, what overlaps; nest by nest."""
    from mappings import SequenceSpec

    spec = loaded.model
    about = [("summary", " ".join(spec.summary.split())), ("cascade", spec.cascade)]
    choices = [("split", spec.split)] if spec.split != "published" or isinstance(spec, SequenceSpec) else []
    layers = [("layers", spec.layers)] if spec.layers is not None else []
    last = [*choices, *_in_banks(spec), *layers, ("accounting", spec.accounting), *_source(spec.source)]
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


def _in_banks(spec: AboutSpec) -> list[tuple[str, str]]:
    """What a mapping says of matrices in DRAM banks."""
    about: list[tuple[str, str]] = []
    about += [(key, str(getattr(spec, key))) for key in ("rows", "io") if key in spec.model_fields_set]
    if spec.grows is None:
        return about
    written = {0: "nothing", 1: "each token"}.get(spec.append, f"{spec.append} tokens at once")
    room = f"for those of {spec.grows} that there are" if spec.room is None else quantities.count(spec.room)
    return [*about, ("grows", f"{spec.grows}, with each token"), ("append", written), ("room", room)]


def _nest_fields(nest: NestSpec) -> list[tuple[str, str]]:
    about = []
    for rank, division in nest.partition.items():
        about.append((f"rank {rank}", _division(division)))
    if nest.loops:
        about.append(("loops", " ".join(nest.loops)))
    if nest.fuse is not None:
        stages = "; ".join(" ".join(stage) for stage in nest.stages)
        about.append(("stages", f"below {nest.fuse}: {stages}"))
    for level, limit in nest.budget.items():
        about.append((f"budget of {level}", quantities.data(limit)))
    about += [("in place", " ".join(group)) for group in _all_in_place(nest)]
    for level, streams in nest.reserve.items():
        about.append((f"streams in {level}", ", ".join(f"{t}: {_extent(size)} B" for t, size in streams.items())))
    if nest.spill:
        about.append(("spill", ", ".join(nest.spill)))
    about += [(f"choice {name}", " or ".join(options)) for name, options in nest.choices.items()]
    about.append(("overlap", nest.overlap))
    about += [(f"epoch {i}", " ".join(epoch.einsums)) for i, epoch in enumerate(nest.epochs, 1)]
    about += [("interleave", _extent(nest.interleave)), ("fold overlap", nest.fold_overlap)]
    if nest.published and nest.published_for:
        about.append(("published for", _conditions(nest.published_for)))
    return about


def _division(division: Mapping[str, int | str]) -> str:
    return ", ".join(f"{part}: {_extent(size)}" for part, size in division.items())


def _conditions(when: Mapping[str, int]) -> str:
    return ", ".join(f"{key} = {quantities.count(value)}" for key, value in when.items())


def _all_in_place(nest: NestSpec) -> list[list[str]]:
    """Tensors that take each other's room, by the nest or by one of its options."""
    options = [option for options in nest.choices.values() for option in options.values()]
    return [*nest.in_place, *(group for option in options for group in option.in_place)]


def _nest_tables(nest: NestSpec) -> list[RenderableType]:
    """How options divide and loop; what runs where and what is kept, of an option with the choice that it is of."""
    options = [
        (
            f"{choice}: {name}",
            "\n".join(_division(division) for division in option.partition.values()),
            " ".join(option.loops),
        )
        for choice, options in nest.choices.items()
        for name, option in options.items()
        if option.partition or option.loops
    ]
    givers: list[tuple[str, NestSpec | OptionSpec]] = [("", nest)]
    givers += [(f"{c}: {name}", option) for c, options in nest.choices.items() for name, option in options.items()]
    placed = [
        (
            binding.unit,
            " ".join(binding.einsums),
            " ".join(binding.loops),
            ", ".join(f"{axis}: {part}" for axis, part in binding.spatial.items()),
            " ".join(binding.steps),
            where,
        )
        for where, giver in givers
        for binding in giver.bind
    ]
    kept = [
        (
            level,
            tensor,
            ("the whole run" if loop == "*" else f"one {loop}") + _copies(giver, level, tensor),
            where,
        )
        for where, giver in givers
        for level, tensors in giver.keep.items()
        for tensor, loop in tensors.items()
    ]
    columns = ("unit", "Einsums", "loops", "in space", "in time", "if")
    parts: list[RenderableType] = []
    if options:
        parts += [heading("options"), _without_empty(("if", "ranks", "loops"), options), ""]
    parts += [heading("units"), _without_empty(columns, placed)]
    if kept:
        parts += ["", heading("kept"), _without_empty(("level", "tensor", "for", "if"), kept)]
    return [*parts, "", heading("published"), _published(nest)] if nest.published else parts


def _published(nest: NestSpec) -> RenderableType:
    """A row for each thing that the authors chose: when, and what."""
    when = list(dict.fromkeys(key for row in nest.published for key in row.when))
    extents = list(dict.fromkeys(part for row in nest.published for part in row.extents))
    chosen = list(dict.fromkeys(choice for row in nest.published for choice in row.choose))
    rows = [
        (
            *(quantities.count(row.when[key]) if key in row.when else "" for key in when),
            *(quantities.count(row.extents[part]) if part in row.extents else "" for part in extents),
            *(row.choose.get(choice, "") for choice in chosen),
        )
        for row in nest.published
    ]
    return table((*(f"{key}>" for key in when), *(f"{part}>" for part in extents), *chosen), rows)


def _copies(giver: NestSpec | OptionSpec, level: str, tensor: str) -> str:
    """How many tiles of a tensor are kept at once, if more than one."""
    number = giver.copies.get(level, {}).get(tensor, 1)
    return f", {number} copies" if number > 1 else ""


def _without_empty(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> RenderableType:
    """A table without the columns that no row fills."""
    shown = [i for i, _ in enumerate(columns) if any(row[i] for row in rows) or columns[i] in ("in space", "in time")]
    return table(tuple(columns[i] for i in shown), [tuple(row[i] for i in shown) for row in rows])


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
