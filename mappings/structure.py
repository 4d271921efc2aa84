"""The structure of a schedule: everything that does not depend on a number.

Which part is a loop, a step or spatial, which unit does which Einsum, the loop tree, and which memory each operand
touches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from specs import Loaded, Problem, SpecError, unknown
from workloads import Cascade, Einsum

from .access import AccessBuilder, Residence
from .extents import Division, divisions, rough_divisions
from .faults import Faults, check_names
from .orders import Orders, orders_of
from .residence import check_residence, check_states, keeps_of
from .schedule import Dependency, Nest, Operation
from .spec import BindSpec, MappingSpec
from .tree import TreeBuilder


@dataclass(frozen=True)
class Structure:
    """All that does not depend on a number."""

    divided: Mapping[str, Division]
    family_of: Mapping[str, str]
    parts_of: Mapping[str, tuple[str, ...]]
    keep: Mapping[str, Mapping[str, str | None]]
    orders: Orders
    operations: Mapping[str, Operation]
    root: Nest
    dependencies: tuple[Dependency, ...]
    builder: AccessBuilder

    def users(self, tensor: str) -> list[str]:
        """The operations that touch a tensor in a memory."""
        return [name for name, o in self.operations.items() if any(a.tensor == tensor for a in o.accesses)]


@dataclass(frozen=True)
class Skeleton:
    """What of a structure reads no keeps: loops, operations without their accesses, and the tree without transfers."""

    cascade: Cascade
    divided: Mapping[str, Division]
    family_of: Mapping[str, str]
    parts_of: Mapping[str, tuple[str, ...]]
    orders: Orders
    operations: Mapping[str, Operation]
    root: Nest
    siblings: Mapping[str, tuple[str, ...]]  # of an operation those of the same innermost body, in order


def structure(cascade: Cascade, machine: Any, loaded: Loaded[MappingSpec]) -> Structure:
    """The structure of a mapping on a machine. Raises `SpecError` with all faults that can be found at once."""
    return with_keeps(skeleton(cascade, machine, loaded), machine, loaded)


def skeleton(cascade: Cascade, machine: Any, loaded: Loaded[MappingSpec]) -> Skeleton:
    """The structure without what is kept. Raises `SpecError` as `structure`, faults of keeps included."""
    faults = Faults(loaded)
    divided, family_of, orders, stages = _loop_plan(faults, cascade)
    parts_of: dict[str, tuple[str, ...]] = {
        p: (p,) for rank, parts in cascade.parts.items() if len(parts) > 1 for p in parts
    }
    parts_of |= {rank: divided[rank].names for rank, parts in cascade.parts.items() if len(parts) == 1}
    none: dict[str, Operation] = {}
    nothing: dict[str, dict[str, str | None]] = {}
    operations = faults.collect(lambda: _operations(cascade, machine, loaded, parts_of, family_of, orders), none)
    faults.collect(lambda: keeps_of(loaded, cascade, machine, orders), nothing)
    check_names(faults, cascade, list(machine.memories))
    faults.stop()
    loops_of = {name: operation.loops for name, operation in operations.items()}
    carried = {e.name: tuple(p for r in e.target_ranks for p in parts_of[r]) for e in cascade.einsums}
    root = TreeBuilder(cascade, loops_of, carried, orders, stages).build()
    siblings = {name: body for _, body in _bodies(root, ()) for name in body}
    return Skeleton(cascade, divided, family_of, parts_of, orders, operations, root, siblings)


def with_keeps(
    bare: Skeleton, machine: Any, loaded: Loaded[MappingSpec], known: Mapping[str, Operation] | None = None
) -> Structure:
    """The structure with what a mapping keeps, which is all that is read of it. Raises `SpecError` as `structure`.

    `known` are operations whose accesses are there already.
    """
    cascade, operations, siblings = bare.cascade, bare.operations, bare.siblings
    done = known or {}
    keep = keeps_of(loaded, cascade, machine, bare.orders)
    builder = AccessBuilder(cascade, bare.parts_of, bare.family_of, Residence(tuple(machine.memories), keep))
    check_states(loaded, cascade, keep, bare.orders, siblings)
    try:
        operations = {
            name: done.get(name) or builder.with_accesses(operation, [operations[each] for each in siblings[name]])
            for name, operation in operations.items()
        }
    except SpecError as error:
        raise SpecError([replace(p, place=p.place or loaded.place(("keep",))) for p in error.problems]) from None
    check_residence(loaded, cascade, builder.residence, bare.root, operations)
    root = builder.with_transfers(bare.root, operations)
    dependencies = _dependencies(cascade, operations)
    return Structure(
        bare.divided, bare.family_of, bare.parts_of, keep, bare.orders, operations, root, dependencies, builder
    )


def check_loops(loaded: Loaded[MappingSpec], cascade: Cascade) -> None:
    """Checks of a mapping what needs no machine: partitioning, loops, stages, epochs and types."""
    faults = Faults(loaded)
    _loop_plan(faults, cascade)
    check_names(faults, cascade, None)
    faults.stop()


def _loop_plan(faults: Faults, cascade: Cascade) -> tuple[dict[str, Division], dict[str, str], Orders, dict[str, int]]:
    """How ranks are divided, the rank of each part, the loops and the stages; best guesses where there are faults."""
    loaded = faults.loaded
    divided = faults.collect(lambda: divisions(loaded, cascade), rough_divisions(loaded, cascade))
    family_of = {name: d.rank for d in divided.values() for name in d.names}
    known = tuple(dict.fromkeys(p for p in loaded.model.loops if p in family_of))
    guess = Orders({einsum.name: known for einsum in cascade.einsums}, len(known))
    orders = faults.collect(lambda: orders_of(loaded, cascade, divided, family_of), guess)
    unstaged: dict[str, int] = {}
    stages = faults.collect(lambda: _stages(loaded, cascade), unstaged)
    return divided, family_of, orders, stages


def _bodies(nest: Nest, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """The operations that stand side by side in each nest."""
    here = tuple(item for item in nest.body if isinstance(item, str))
    found = [(path, here)] if here else []
    for item in nest.body:
        if isinstance(item, Nest):
            found += _bodies(item, (*path, str(item.part)))
    return found


def _stages(loaded: Loaded[MappingSpec], cascade: Cascade) -> dict[str, int]:
    """The stage of every Einsum; without stages, each is its own."""
    problems, stage_of = [], {}
    for i, stage in enumerate(loaded.model.stages):
        for j, name in enumerate(stage):
            place = loaded.place(("stages", i, j))
            if name not in cascade.by_name:
                problems.append(Problem(unknown("Einsum", name, cascade.by_name), place))
            elif name in stage_of:
                problems.append(Problem(f"Einsum '{name}' is in two stages", place))
            stage_of[name] = i
    if problems:
        raise SpecError(problems)
    free = len(loaded.model.stages)
    for k, einsum in enumerate(cascade.einsums):
        stage_of.setdefault(einsum.name, free + k)
    return stage_of


def _operations(
    cascade: Cascade,
    machine: Any,
    loaded: Loaded[MappingSpec],
    parts_of: Mapping[str, tuple[str, ...]],
    family_of: Mapping[str, str],
    orders: Orders,
) -> dict[str, Operation]:
    problems: list[Problem] = []
    found: dict[str, Operation] = {}
    for i, binding in enumerate(loaded.model.bind):
        if binding.unit not in machine.units:
            place = loaded.place(("bind", i, "unit"))
            problems.append(Problem(unknown(f"unit of '{machine.name}'", binding.unit, machine.units), place))
            continue
        loops = next((orders.of[name] for name in binding.einsums if name in orders.of), ())
        problems += _binding_problems(loaded, i, binding, machine.units[binding.unit], family_of, loops)
        for j, name in enumerate(binding.einsums):
            place = loaded.place(("bind", i, "einsums", j))
            if name not in cascade.by_name:
                problems.append(Problem(unknown("Einsum", name, cascade.by_name), place))
                continue
            if name in found:
                problems.append(Problem(f"Einsum '{name}' is bound twice", place))
                continue
            einsum = cascade.by_name[name]
            lacking = _lacking(einsum, binding.unit, machine)
            if lacking:
                problems.append(Problem(lacking, place))
                continue
            ranks = tuple(p for r in einsum.ranks for p in parts_of[r])
            operation = operation_of(einsum, machine.units[binding.unit], ranks, binding, loops, cascade)
            problems += [] if problems else _order_problems(operation, family_of, loaded, i)
            found[name] = operation
    missing = [e.name for e in cascade.einsums if e.name not in found]
    if missing and not problems:
        message = f"Einsum {', '.join(repr(m) for m in missing)} of cascade '{cascade.name}' is bound to no unit"
        problems.append(Problem(message, loaded.place(("bind",), key=True)))
    if problems:
        raise SpecError(tuple(dict.fromkeys(problems)))
    return {e.name: found[e.name] for e in cascade.einsums}


def _binding_problems(
    loaded: Loaded[MappingSpec], i: int, binding: BindSpec, unit: Any, family_of: Mapping[str, str],
    loops: tuple[str, ...],
) -> list[Problem]:  # fmt: skip
    """Axes and steps that name what does not exist, or what is already placed."""
    problems = []
    placed = list(binding.spatial.values())
    for axis, part in binding.spatial.items():
        place = loaded.place(("bind", i, "spatial", axis))
        if axis not in unit.axes:
            problems.append(Problem(unknown(f"axis of '{unit.name}'", axis, unit.axes), place))
        if part not in family_of:
            problems.append(Problem(unknown("part", part, family_of), place))
        elif part in loops:
            problems.append(Problem(f"part '{part}' is a loop and cannot be spatial as well", place))
        elif placed.count(part) > 1:
            problems.append(Problem(f"part '{part}' is on two axes", place))
    for j, name in enumerate(binding.pipelined):
        if name not in binding.einsums:
            message = unknown("Einsum bound here", name, binding.einsums)
            problems.append(Problem(message, loaded.place(("bind", i, "pipelined", j))))
    for j, part in enumerate(binding.steps):
        if part not in family_of or part in loops or part in placed:
            message = f"'{part}' cannot be a step: steps are parts that are neither loops nor spatial"
            problems.append(Problem(message, loaded.place(("bind", i, "steps", j))))
    return problems


def _lacking(einsum: Einsum, unit_name: str, machine: Any) -> str | None:
    """The sentence for an Einsum whose unit cannot perform it, or None."""
    unit = machine.units[unit_name]
    lacking = [kind for kind in einsum.operations if kind not in unit.operations]
    if not lacking:
        return None
    able = [u.name for u in machine.units.values() if set(einsum.operations) <= set(u.operations)]
    return (
        f"Einsum '{einsum.name}' needs {', '.join(lacking)}, which unit '{unit_name}' does not have "
        f"(it has {', '.join(unit.operations)}); "
        + (f"units that can: {', '.join(able)}" if able else f"no unit of '{machine.name}' can")
    )


def _order_problems(
    operation: Operation, family_of: Mapping[str, str], loaded: Loaded[MappingSpec], i: int
) -> list[Problem]:
    """Within a rank, loops are outside of steps and steps outside of spatial parts; chunks nest only so."""
    where = {p: 0 for p in operation.loops} | {p: 1 for p in operation.steps}
    where |= {p: 2 for p in operation.spatial.values()}
    seen: dict[str, tuple[int, int, str]] = {}
    problems = []
    for part in (p for p in family_of if p in where):  # each rank's parts, outermost first
        position = operation.steps.index(part) if where[part] == 1 else 0
        before = seen.get(family_of[part], (0, -1, ""))
        if (where[part], position) < before[:2] and (where[part] != 0):
            message = f"part '{part}' is inside of '{before[2]}' and cannot be taken in time outside of it"
            problems.append(Problem(message, loaded.place(("bind", i))))
        seen[family_of[part]] = (where[part], position, part)
    return problems


def operation_of(
    einsum: Einsum,
    unit: Any,
    ranks: tuple[str, ...],
    binding: BindSpec,
    loops: tuple[str, ...],
    cascade: Cascade,
) -> Operation:
    """An Einsum with these parts on a unit, below those of the loops that it has."""
    placed = {axis: part for axis, part in binding.spatial.items() if part in ranks}
    free = [p for p in ranks if p not in loops and p not in placed.values()]
    steps = tuple([p for p in binding.steps if p in free] + [p for p in free if p not in binding.steps])
    actions: dict[str, int] = {}
    each: list[int] = []
    for kind, count in einsum.operations.items():
        for native, times in unit.cost(kind).items():
            actions[native] = actions.get(native, 0) + count * times
            each.append(count * times * unit.operations[native].interval)
    own_loops = tuple(p for p in loops if p in ranks)
    pipelined = einsum.name in binding.pipelined
    slots = max(each, default=0) if pipelined else sum(each)
    masked = cascade.is_masked(einsum.ranks)
    return Operation(einsum, unit.name, own_loops, steps, placed, slots, actions, masked, pipelined=pipelined)


def _dependencies(cascade: Cascade, operations: Mapping[str, Operation]) -> tuple[Dependency, ...]:
    found = []
    for einsum in cascade.einsums:
        for read in einsum.reads:
            if read.tensor in cascade.by_name:
                state = cascade.tensors[read.tensor].iterated if read.version == "previous" else None
                found.append(Dependency(read.tensor, einsum.name, read.tensor, state, 1 if state else 0))
    return tuple(dict.fromkeys(found))
