"""The loops around each Einsum, outermost first: those that the nest shares, then those of its binding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from specs import Loaded, Problem, SpecError, unknown
from workloads import Cascade

from .extents import Division
from .spec import MappingSpec


@dataclass(frozen=True)
class Orders:
    """The order of loops for each Einsum; an Einsum runs in those of them whose ranks it has."""

    of: Mapping[str, tuple[str, ...]]
    shared: int  # loops with an index below this are shared by all stages

    @property
    def loops(self) -> tuple[str, ...]:
        """Every loop once."""
        return tuple(dict.fromkeys(part for order in self.of.values() for part in order))

    def around(self, loop: str | None, einsums: Iterable[str]) -> tuple[tuple[str, ...], ...]:
        """The loops down to and including `loop`, in each order in which it stands around one of the Einsums.

        >>> Orders({"A": ("p", "m"), "B": ("p", "q", "m")}, 1).around("m", ["A", "B"])
        (('p', 'm'), ('p', 'q', 'm'))
        """
        if loop is None:
            return ((),)
        orders = [self.of[name] for name in einsums if loop in self.of.get(name, ())]
        orders = orders or [order for order in self.of.values() if loop in order]
        return tuple(dict.fromkeys(order[: order.index(loop) + 1] for order in orders))


def orders_of(
    loaded: Loaded[MappingSpec], cascade: Cascade, divided: Mapping[str, Division], family_of: Mapping[str, str]
) -> Orders:
    """The order of every Einsum. Raises `SpecError` for a loop that cannot be where it is."""
    spec = loaded.model
    problems = _problems(loaded, tuple(spec.loops), 0, ("loops",), divided, family_of)
    if spec.fuse is not None and spec.fuse not in spec.loops:
        problems.append(Problem(unknown("loop", spec.fuse, spec.loops), loaded.place(("fuse",))))
    whole = spec.fuse is None or spec.fuse not in spec.loops
    shared = tuple(spec.loops) if whole else tuple(spec.loops[: spec.loops.index(str(spec.fuse)) + 1])
    of = {einsum.name: tuple(spec.loops) for einsum in cascade.einsums}
    for i, binding in enumerate(spec.bind):
        if binding.loops and spec.fuse is None:
            message = "loops of a binding stand below the loop that fusion ends at; name that one under 'fuse'"
            problems.append(Problem(message, loaded.place(("bind", i, "loops"), key=True)))
        elif binding.loops:
            order = (*shared, *binding.loops)
            problems += _problems(loaded, order, len(shared), ("bind", i, "loops"), divided, family_of)
            of |= dict.fromkeys((name for name in binding.einsums if name in of), order)
    if problems:
        raise SpecError(problems)
    return Orders(of, len(shared))


def _problems(
    loaded: Loaded[MappingSpec],
    loops: tuple[str, ...],
    first: int,
    at: tuple[str | int, ...],
    divided: Mapping[str, Division],
    family_of: Mapping[str, str],
) -> list[Problem]:
    """What is wrong with the loops from the index `first` on."""
    problems = []
    for i, part in enumerate(loops[first:], first):
        place = loaded.place((*at, i - first))
        if part not in family_of:
            problems.append(Problem(unknown("part", part, family_of), place))
            continue
        if part in loops[:i]:
            problems.append(Problem(f"loop '{part}' stands twice", place))
        names = divided[family_of[part]].names
        missing = [p for p in names[: names.index(part)] if p not in loops[:i]]
        if missing:
            message = f"loop '{part}' needs the loop over '{missing[-1]}', the part outside of it, before it"
            problems.append(Problem(message, place))
    return problems
