"""What is kept where, and checks of it: a value must still be there when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from specs import Loaded, Problem, SpecError, unknown
from workloads import Cascade

from .access import Residence
from .orders import Orders
from .schedule import Nest, Operation
from .spec import MappingSpec

ROOT = "*"  # kept for the whole run


def keeps_of(
    loaded: Loaded[MappingSpec], cascade: Cascade, machine: Any, orders: Orders
) -> dict[str, dict[str, str | None]]:
    """Per tensor the levels that keep it, outermost first, with the loop of which it stays for one iteration.

    Raises `SpecError`.
    """
    problems: list[Problem] = []
    keep: dict[str, dict[str, str | None]] = {}
    levels = list(machine.memories)
    for level, tensors in loaded.model.keep.items():
        if level not in levels:
            problems.append(Problem(unknown("memory", level, levels), loaded.place(("keep", level), key=True)))
            continue
        for tensor, loop in tensors.items():
            if tensor not in cascade.tensors:
                place = loaded.place(("keep", level, tensor), key=True)
                problems.append(Problem(unknown("tensor", tensor, cascade.tensors), place))
            if loop != ROOT and loop not in orders.loops:
                place = loaded.place(("keep", level, tensor))
                problems.append(Problem(unknown("loop", loop, [*orders.loops, ROOT]), place))
            keep.setdefault(tensor, {})[level] = None if loop == ROOT else loop
    for tensor, held in keep.items():
        chain = [level for level in levels if level in held]
        for outer, inner in pairwise(chain):
            if not problems and not _inside(held[inner], held[outer], orders):
                message = (
                    f"tensor '{tensor}' is kept in '{inner}' for an iteration of '{held[inner] or ROOT}', longer than "
                    f"in '{outer}' outside of it ('{held[outer]}')"
                )
                problems.append(Problem(message, loaded.place(("keep", inner, tensor))))
    if problems:
        raise SpecError(problems)
    return {t: {level: held[level] for level in levels if level in held} for t, held in keep.items()}


def _inside(inner: str | None, outer: str | None, orders: Orders) -> bool:
    """Whether an iteration of the inner loop lies within one of the outer, in every order that has the inner one."""
    return outer is None or (inner is not None and all(outer in around for around in orders.around(inner, ())))


def check_states(
    loaded: Loaded[MappingSpec],
    cascade: Cascade,
    keep: Mapping[str, Mapping[str, str | None]],
    orders: Orders,
    siblings: Mapping[str, tuple[str, ...]],
) -> None:
    """A running state outlives its loop; its previous value is gone once another nest has written the next one."""
    problems = []
    for tensor in cascade.tensors.values():
        part = tensor.iterated
        if part is None:
            continue
        loops = orders.of[tensor.name]
        if part not in loops:
            place = loaded.place(("loops",))
            problems.append(Problem(f"'{tensor.name}' iterates over '{part}', which must be a loop", place))
            continue
        held = keep.get(tensor.name, {})
        if not held or any(loop not in (None, *loops[: loops.index(part)]) for loop in held.values()):
            outer = [*loops[: loops.index(part)], "*"]
            message = f"state '{tensor.name}' must be kept at a loop outside of '{part}': {', '.join(outer)}"
            where = ("keep", next(iter(held)), tensor.name) if held else ("keep",)
            problems.append(Problem(message, loaded.place(where)))
        for einsum in cascade.einsums:
            late = siblings[einsum.name] != siblings[tensor.name]
            if late and any(r.tensor == tensor.name and r.version == "previous" for r in einsum.reads):
                message = (
                    f"Einsum '{einsum.name}' reads the previous value of state '{tensor.name}' and must stand in the "
                    f"same loops and stage as the Einsum that writes the next"
                )
                problems.append(Problem(message, loaded.place(("stages",) if loaded.model.stages else ("loops",))))
    if problems:
        raise SpecError(problems)


def check_residence(
    loaded: Loaded[MappingSpec],
    cascade: Cascade,
    residence: Residence,
    root: Nest,
    operations: Mapping[str, Operation],
) -> None:
    """Whoever touches a kept tensor stands within the loop that keeps it; an intermediate within one iteration.

    What the mapping keeps in several levels is touched, outside of the loop of an inner one, in the one outside of it.
    """
    paths = _paths(root, ())
    problems = []
    for tensor, held in residence.keep.items():
        users = [n for n, o in operations.items() if any(a.tensor == tensor for a in o.accesses)]
        for i, (level, loop) in enumerate(held.items()):
            if loop is None:
                continue
            inside = [name for name in users if loop in (nest.part for nest in paths[name])]
            for name in users if i == 0 or not inside else ():
                if loop not in (nest.part for nest in paths[name]):
                    message = (
                        f"tensor '{tensor}' is kept in '{level}' for an iteration of '{loop}', but Einsum '{name}' "
                        f"uses it outside of that loop; keep it at {_legal(paths[name], paths[users[0]])}"
                    )
                    problems.append(Problem(message, loaded.place(("keep", level, tensor))))
        home = next(iter(held.items()), None)
        if cascade.tensors[tensor].role != "intermediate" or home is None or home[1] is None or problems:
            continue
        level, loop = home
        holders = {id(next(n for n in paths[name] if n.part == loop)) for name in users}
        if len(holders) > 1:
            shared = _shared([paths[name] for name in users])
            message = (
                f"tensor '{tensor}' is kept in '{level}' for an iteration of '{loop}', but is made and used in "
                f"different traversals of that loop; keep it at {', '.join([*(str(n.part) for n in shared), '*'])}"
            )
            problems.append(Problem(message, loaded.place(("keep", level, tensor))))
    if problems:
        raise SpecError(problems)


def _legal(one: tuple[Nest, ...], other: tuple[Nest, ...]) -> str:
    return ", ".join([*(str(n.part) for n in _shared([one, other])), "*"])


def _shared(paths: list[tuple[Nest, ...]]) -> list[Nest]:
    """The nests that several operations have in common, outermost first."""
    common = []
    for level in zip(*paths, strict=False):
        if any(nest is not level[0] for nest in level):
            break
        common.append(level[0])
    return common


def _paths(nest: Nest, around: tuple[Nest, ...]) -> dict[str, tuple[Nest, ...]]:
    """The nests around every operation, outermost first, the root left out."""
    found: dict[str, tuple[Nest, ...]] = {}
    for item in nest.body:
        if isinstance(item, Nest):
            found |= _paths(item, (*around, item))
        else:
            found[item] = around
    return found
