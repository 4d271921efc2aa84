"""What the loops of an operation are to a matrix in the banks, and to the vectors that it is multiplied by.

Of the loops that a bank goes through in time, some index the matrix, some the vectors, some the results. That says what
each is: of *outputs* (matrix and result), *batches* (all three: another matrix and another vector), *vectors* (vector
and result) or *sums* (matrix and vector). Their order is the order in which the bank goes through its part of the
matrix, and in which that lies in its rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mappings import Access, Operation, Schedule
from specs import Problem, SpecError

CHANNELS, BANKS, LANES = "channels", "banks", "lanes"
BATCH, OUTPUT, VECTOR, SUM = "batch", "output", "vector", "sum"


@dataclass(frozen=True)
class Extent:
    """Indices that there are, and that there is room for."""

    used: int
    room: int

    @property
    def grows(self) -> bool:
        """Whether more of them may come."""
        return self.room > self.used


@dataclass(frozen=True)
class Product:
    """Loops of a bank, from the outermost in: turns, batches, outputs, inner batches, vectors; then of a sum, and of
    results that lie inside of it.

    `turns` are vectors for each of which the whole matrix is gone through; for each of `vectors` only an output of it.
    `parts` of each result come from as many channels.
    """

    turns: int
    batches: int
    outputs: Extent
    inner_batches: int
    vectors: int
    sums: Extent  # columns of a vector
    results: int
    parts: int
    channels: int

    @property
    def sums_of_all(self) -> int:
        """Sums that all its banks' loops make in one channel: results, of each bank."""
        return self.turns * self.batches * self.outputs.used * self.inner_batches * self.vectors * self.results


@dataclass(frozen=True)
class _Loop:
    part: str
    kind: str
    extent: Extent


def product_of(schedule: Schedule, operation: Operation) -> Product:
    """The product that an operation on the banks is. Raises `SpecError` for what banks do not do."""
    _check(schedule, operation)
    _check_types(schedule, operation)
    loops = _loops(schedule, operation)
    first = next((i for i, loop in enumerate(loops) if loop.kind == SUM), len(loops))
    around, inside = loops[:first], loops[first:]
    odd = [loop.part for loop in inside if loop.kind in (VECTOR, BATCH) and loop.extent.used > 1]
    if odd:
        _refuse(operation, f"takes '{odd[0]}', of which each has a vector of its own, inside of a sum")
    matrix = [i for i, loop in enumerate(around) if loop.kind in (BATCH, OUTPUT)]
    low, high = (matrix[0], matrix[-1] + 1) if matrix else (len(around), len(around))
    odd = [loop.part for loop in around[low:high] if loop.kind == VECTOR and loop.extent.used > 1]
    if odd:
        _refuse(operation, f"takes vectors, '{odd[0]}', in between loops of the matrix, which go inside or outside")
    outer = next((i for i in range(low, high) if around[i].kind == OUTPUT), high)
    grown = [loop for loop in (*around[outer:high], *inside) if loop.extent.grows]
    if any(loop not in (around[outer : outer + 1] + inside[:1]) for loop in grown):
        _refuse(operation, f"has '{grown[0].part}', which grows, inside of loops that lie closer together")
    return Product(
        turns=_used(around[:low]),
        batches=_used(around[low:outer]),
        outputs=_extent(around[outer:high], OUTPUT),
        inner_batches=_used([loop for loop in around[outer:high] if loop.kind == BATCH]),
        vectors=_used(around[high:]),
        sums=_extent(inside, SUM),
        results=_used([loop for loop in inside if loop.kind == OUTPUT]),
        parts=_parts(schedule, operation),
        channels=_indices(schedule, operation.spatial[CHANNELS]) if CHANNELS in operation.spatial else 1,
    )


def matrix_of(operation: Operation) -> str:
    """The tensor that is the matrix of an operation. Raises `SpecError` if neither operand is."""
    return operands(operation)[0].tensor


def operands(operation: Operation) -> tuple[Access, Access]:
    """The matrix and the vectors. Raises `SpecError` if neither operand is a matrix.

    The matrix is indexed by what lies on channels and banks; if both are, it has more of the result's parts.
    """
    placed = [part for axis, part in operation.spatial.items() if axis != LANES]
    reads = [access for access in operation.accesses if access.cause == "operand"]
    kept = {part for access in operation.accesses if access.action == "write" for part in access.parts}
    reads.sort(key=lambda each: -len(kept.intersection(each.parts)))
    found = [access for access in reads if all(part in access.parts for part in placed)]
    if len(reads) != 2 or not found:
        message = (
            f"'{operation.name}' has no operand that is indexed by all that lies on channels and banks "
            f"({', '.join(placed)}); a product of a matrix and vectors has one"
        )
        raise SpecError([Problem(message)])
    matrix = found[0]
    (vector,) = (access for access in reads if access is not matrix)
    return matrix, vector


def extent_of(schedule: Schedule, part: str) -> Extent:
    """Indices of a part, and those that there is room for: more than there are if its rank is one that grows."""
    family = schedule.families[schedule.family_of[part]]
    chunk, cache = family.part(part).chunk, schedule.in_banks
    room = cache.room if family.name == cache.grows and cache.room is not None else family.size
    if room < family.size:
        message = (
            f"room={room} is less than the {family.size} indices that '{family.name}' has; give more, or leave it out"
        )
        raise SpecError([Problem(message)])
    outermost = family.parts[0].name == part
    return Extent(_indices(schedule, part), -(-room // chunk) if outermost else _indices(schedule, part))


def _check(schedule: Schedule, operation: Operation) -> None:
    """Refuse what is no sum over lanes. A sum may also be over channels: their parts are added outside."""
    faults = []
    if list(operation.actions) != ["mac"]:
        faults.append(f"does {', '.join(operation.actions)}")
    for axis, part in operation.spatial.items():
        if axis != CHANNELS and schedule.indexes(operation, part) == (axis == LANES):
            faults.append(f"has '{part}', {'a part of its result' if axis == LANES else 'which is summed'}, on {axis}")
    if LANES not in operation.spatial:
        faults.append("has nothing on lanes")
    if faults:
        message = (
            f"'{operation.name}' {' and '.join(faults)}; banks sum products over their lanes, and each bank has "
            f"results of its own"
        )
        raise SpecError([Problem(message)])
    if _hides(schedule, operation):
        message = (
            f"'{operation.name}' is under a mask, and banks go through all of a matrix; leave the mask out, or "
            f"give the workload only the keys that are seen"
        )
        raise SpecError([Problem(message)])


def _check_types(schedule: Schedule, operation: Operation) -> None:
    """Refuse operands of another type than the multipliers take."""
    taken = schedule.machine.units[operation.unit].operand_type
    stored = {read.tensor: schedule.types[read.tensor].storage.name for read in operation.einsum.reads}
    wrong = [f"'{tensor}' as {found}" for tensor, found in stored.items() if found != taken]
    if taken is not None and wrong:
        message = (
            f"'{operation.name}' reads {' and '.join(wrong)}, and the multipliers of '{schedule.machine.name}' take "
            f"{taken}; leave these types out of 'precision' and 'types', or make them {taken}"
        )
        raise SpecError([Problem(message)])


def _hides(schedule: Schedule, operation: Operation) -> bool:
    """Whether a mask hides a point of an operation."""
    band = schedule.band
    if band is None or not operation.masked:
        return False
    rows, columns = schedule.families[band.row].size, schedule.families[band.column].size
    return bool((band.high is not None and band.high < columns - 1) or (band.low is not None and band.low > 1 - rows))


def _loops(schedule: Schedule, operation: Operation) -> list[_Loop]:
    of_matrix, of_vector = (access.parts for access in operands(operation))
    found = []
    for part in (*operation.loops, *operation.steps):
        in_matrix, in_vector, kept = part in of_matrix, part in of_vector, schedule.indexes(operation, part)
        kinds = {
            (True, True, True): BATCH,
            (True, False, True): OUTPUT,
            (False, True, True): VECTOR,
            (True, True, False): SUM,
        }
        kind = kinds.get((in_matrix, in_vector, kept))
        if kind is None:
            _refuse(operation, f"sums over '{part}', which only one of its operands has")
        found.append(_Loop(part, str(kind), extent_of(schedule, part)))
    return found


def _parts(schedule: Schedule, operation: Operation) -> int:
    """Parts of a result that as many channels sum."""
    part = operation.spatial.get(CHANNELS)
    return 1 if part is None or schedule.indexes(operation, part) else _indices(schedule, part)


def _indices(schedule: Schedule, part: str) -> int:
    family = schedule.families[schedule.family_of[part]]
    return int(min(family.extent(part), -(-family.size // family.part(part).chunk)))


def _extent(loops: Sequence[_Loop], kind: str) -> Extent:
    kept = [loop.extent for loop in loops if loop.kind == kind]
    return Extent(math.prod(each.used for each in kept), math.prod(each.room for each in kept))


def _used(loops: Sequence[_Loop]) -> int:
    return math.prod(loop.extent.used for loop in loops)


def _refuse(operation: Operation, fault: str) -> None:
    raise SpecError([Problem(f"'{operation.name}' {fault}")])
