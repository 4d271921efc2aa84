"""From what a search opens to the space around a mapping: what `any` stands for, and what cannot be opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import factorial, prod
from typing import Any

from specs import Loaded, Place, Problem, SpecError, unknown
from workloads import Cascade, Workload, ceil_div

from .bind import lookup_of
from .extents import ANY, FIT, REST, divisors, evaluate
from .openings import OpenNestSpec, OpenSpec
from .sequence import nests_of, workload_of
from .space import NOT_KEPT, WHOLE_RUN, Opening, Space
from .spec import MappingSpec, SequenceSpec

Where = Callable[..., Place]  # the place of a path of `open`; `key` is that of its key

MOST_ORDERS = 1 << 17  # of the loops of a nest
MOST_EXTENTS = 1 << 16  # of the parts of a rank together
MOST_CELLS = 1 << 16  # members that differ in extents only, whose bounds are in memory at once
OVERLAPS = ("none", "units", "epochs")

# What is fixed first: where work is done and how it overlaps is what bounds are about; extents are tried all at once.
ORDER = ("choose", "bind", "overlap", "partition", "interleave", "loops", "keep")


def space_around(
    loaded: Loaded[Any], given: OpenSpec, cascade: Cascade, workload: Workload, machine: Any, where: Where
) -> Space:
    """The space of mappings around a mapping of a cascade. Raises `SpecError` with all that cannot be opened.

    >>> from arch import machine
    >>> from mappings import mapping
    >>> from workloads import cascade, workload
    >>> given = OpenSpec(partition={"p": {"p1": "any"}}, bind={"RM": "any"})
    >>> around, of = mapping("fusemax-binding"), cascade("attention-1pass")
    >>> work, host = workload("bert:seq_len=1Ki"), machine("fusemax-cloud")
    >>> space = space_around(around, given, of, work, host, lambda *path, key=False: None)
    >>> [(each.name, len(each.options)) for each in space.openings]
    [('bind.RM', 2), ('partition.p.p1', 3)]
    """
    problems: list[Problem] = []
    nests = nests_of(loaded, cascade)
    several = isinstance(loaded.model, SequenceSpec)
    if several:
        opened = _of_sequence(given, len(nests), where, problems)
    else:
        opened = [(given, ())]
        if given.sequence:
            message = f"mapping '{loaded.name}' is one nest; give what is open without 'sequence'"
            problems.append(Problem(message, where("sequence", key=True)))
    found = list(_choices(given, loaded, where, problems))
    for i, ((spec, at), (part, nest)) in enumerate(zip(opened, nests, strict=False)):
        number = i if several else None
        work = workload_of(workload, part, cascade)
        openings = _Nest(spec, nest, part, work, machine, _below(where, at), problems)
        found += [Opening(each.kind, each.path, each.options, number) for each in openings.all()]
    if problems:
        raise SpecError(problems)
    found = _with_room(found)
    ordered = sorted(found, key=lambda each: (each.is_extents, ORDER.index(each.kind)))
    return Space(loaded, tuple(ordered))


def _with_room(openings: Sequence[Opening]) -> list[Opening]:
    """The openings, of which those of extents are at most `MOST_CELLS` members together; others are tried singly."""
    found = list(openings)
    while prod(len(each.options) for each in found if each.is_extents) > MOST_CELLS:
        most = max((each for each in found if each.is_extents), key=lambda each: len(each.options))
        found[found.index(most)] = replace(most, single=True)
    return found


def _below(where: Where, at: tuple[str | int, ...]) -> Where:
    return lambda *path, key=False: where(*at, *path, key=key)


def _of_sequence(
    given: OpenSpec, nests: int, where: Where, problems: list[Problem]
) -> list[tuple[OpenNestSpec, tuple[str | int, ...]]]:
    """What is open of each nest of a sequence."""
    for name in OpenNestSpec.model_fields:
        if name in given.model_fields_set:
            message = f"the mapping is a sequence of {nests} nests; give '{name}' below 'sequence', nest by nest"
            problems.append(Problem(message, where(name, key=True)))
    if len(given.sequence) > nests:
        message = f"the mapping has {nests} nests, found {len(given.sequence)}"
        problems.append(Problem(message, where("sequence", nests)))
    return [(spec, ("sequence", i)) for i, spec in enumerate(given.sequence[:nests])]


def _choices(given: OpenSpec, loaded: Loaded[Any], where: Where, problems: list[Problem]) -> Iterator[Opening]:
    spec = loaded.model
    nests = spec.sequence if isinstance(spec, SequenceSpec) else [spec]
    known: dict[str, list[str]] = {}
    for nest in nests:
        for choice, options in nest.choices.items():
            known[choice] = [name for name in known.get(choice, options) if name in options]
    wanted: Mapping[str, Any] = dict.fromkeys(known, ANY) if isinstance(given.choose, str) else given.choose
    for choice, names in wanted.items():
        if choice not in known:
            problems.append(Problem(unknown("choice", choice, known), where("choose", choice, key=True)))
            continue
        chosen = known[choice] if isinstance(names, str) else names
        _check(chosen, known[choice], f"option of '{choice}'", ("choose", choice), where, problems)
        yield Opening("choose", (choice,), tuple(chosen))


def _check(
    names: Sequence[str], legal: Sequence[str], what: str, at: tuple[str | int, ...], where: Where, found: list[Problem]
) -> None:
    """Notes names that there are not, and those that stand twice."""
    for i, name in enumerate(names):
        if name not in legal:
            found.append(Problem(unknown(what, name, legal), where(*at, i)))
        elif name in names[:i]:
            found.append(Problem(f"'{name}' is given twice", where(*at, i)))


@dataclass(frozen=True)
class _Nest:
    """What is open of one nest."""

    given: OpenNestSpec
    loaded: Loaded[MappingSpec]
    cascade: Cascade
    workload: Workload
    machine: Any
    where: Where
    problems: list[Problem]

    def report(self, message: str, *path: str | int, key: bool = False) -> None:
        self.problems.append(Problem(message, self.where(*path, key=key)))

    def all(self) -> Iterator[Opening]:
        yield from self.bindings()
        yield from self.plain()
        yield from self.extents()
        yield from self.orders()
        yield from self.keeps()

    def plain(self) -> Iterator[Opening]:
        """Keys that are one word or number."""
        if self.given.overlap is not None:
            names = OVERLAPS if isinstance(self.given.overlap, str) else self.given.overlap
            yield Opening("overlap", (), _led_by(self.loaded.model.overlap, names))
        if self.given.interleave is not None:
            yield Opening("interleave", (), tuple(self.given.interleave))

    def bindings(self) -> Iterator[Opening]:
        spec, units = self.loaded.model, self.machine.units
        bound = {name: binding.unit for binding in spec.bind for name in binding.einsums}
        used = list(dict.fromkeys(binding.unit for binding in spec.bind if binding.unit in units))
        for einsum, names in self.given.bind.items():
            if einsum not in bound or einsum not in self.cascade.by_name:
                self.report(unknown("Einsum that is bound here", einsum, list(bound)), "bind", einsum, key=True)
                continue
            needed = set(self.cascade.by_name[einsum].operations)
            able = [unit for unit in used if needed <= set(units[unit].operations)]
            if not isinstance(names, str):
                _check(names, able, f"unit that can do '{einsum}' here", ("bind", einsum), self.where, self.problems)
            yield Opening("bind", (einsum,), _led_by(bound[einsum], able if isinstance(names, str) else names))

    def extents(self) -> Iterator[Opening]:
        partition = self.loaded.model.partition
        for rank, wanted in self.given.partition.items():
            if rank not in partition:
                self.report(unknown("rank that is divided", rank, list(partition)), "partition", rank, key=True)
                continue
            outermost = next(iter(partition[rank]))
            wrong = [part for part in wanted if part not in partition[rank] or part == outermost]
            for part in wrong:
                message = unknown(f"inner part of '{rank}'", part, list(partition[rank])[1:])
                self.report(message, "partition", rank, part, key=True)
            if wanted and not wrong:
                options = self.chains(rank, wanted)
                parts = [part for part in partition[rank] if part in wanted]
                if options:
                    yield Opening("partition", (rank, *parts), options)

    def chains(self, rank: str, wanted: Mapping[str, Any]) -> tuple[Any, ...]:
        """The extents of the open parts of a rank, outermost first, all together."""
        lookup, size = lookup_of(self.machine, self.workload), self.workload.sizes(self.cascade)[rank]
        found: list[tuple[tuple[Any, ...], Any]] = [((), 1)]  # extents, and elements of what is inside
        for part, extent in reversed(self.loaded.model.partition[rank].items()):
            if part not in wanted:
                if extent == REST:
                    continue
                unset = isinstance(extent, str) and extent in (FIT, ANY)
                value = None if unset else evaluate(extent, lookup, self.loaded, "partition", rank, part)
                found = [(chain, _times(chunk, value)) for chain, chunk in found]
                continue
            longer = []
            for chain, chunk in found:
                for option in self.options(rank, part, wanted[part], size, chunk):
                    longer.append(((option, *chain), _times(chunk, option)))
            found = longer
            if len(found) > MOST_EXTENTS:
                message = f"the parts of '{rank}' may have more than {MOST_EXTENTS} extents together; list fewer"
                self.report(message, "partition", rank, key=True)
                return ()
        return tuple(dict.fromkeys(chain for chain, _ in found))

    def options(self, rank: str, part: str, wanted: Any, size: int, chunk: int | None) -> Sequence[Any]:
        """What one part may be, if what is inside of it has so many elements (None: nobody knows)."""
        if isinstance(wanted, str):
            if chunk is not None:
                return divisors(int(ceil_div(size, chunk)))
            message = f"what is left for '{part}' is not known: a part inside of it is settled later; open that one too"
            self.report(message, "partition", rank, part)
            return []
        lookup, found = lookup_of(self.machine, self.workload), []
        for i, each in enumerate(wanted):
            value = each
            if isinstance(each, str) and each not in (FIT, ANY):
                if not each.lstrip().startswith("="):
                    message = f"an extent is a number, '{FIT}', '{ANY}' or '= expression', found '{each}'"
                    self.report(message, "partition", rank, part, i)
                    continue
                try:
                    value = int(evaluate(each, lookup, self.loaded))
                except SpecError as error:
                    self.report(error.problems[0].message, "partition", rank, part, i)
                    continue
            if not isinstance(value, str) and value < 1:
                self.report(f"the extent of '{part}' must be at least 1, found {value}", "partition", rank, part, i)
                continue
            found.append(value)
        return found

    def orders(self) -> Iterator[Opening]:
        given, spec = self.given.loops, self.loaded.model
        if given is None:
            return
        if not isinstance(given, str):
            yield Opening("loops", (), _led_by(tuple(spec.loops), [tuple(order) for order in given]))
            return
        rank_of = self._ranks()
        alike = [rank_of.get(loop, loop) for loop in spec.loops]
        number = factorial(len(alike)) // prod(factorial(alike.count(rank)) for rank in set(alike))
        if number > MOST_ORDERS:
            self.report(f"{len(alike)} loops have {number} orders; list those that are of interest", "loops")
            return
        yield Opening("loops", (), _led_by(tuple(spec.loops), list(_arranged(spec.loops, alike))))

    def _ranks(self) -> dict[str, str]:
        """The rank of each part."""
        found = {part: rank for rank, parts in self.cascade.parts.items() for part in parts}
        return found | {part: rank for rank, parts in self.loaded.model.partition.items() for part in parts}

    def keeps(self) -> Iterator[Opening]:
        spec, levels = self.loaded.model, list(self.machine.memories)
        own = [loop for binding in spec.bind for loop in binding.loops]
        options = [option for choice in spec.choices.values() for option in choice.values()]
        own += [loop for option in options for loop in (*option.loops, *(p for b in option.bind for p in b.loops))]
        loops = [NOT_KEPT, WHOLE_RUN, *dict.fromkeys([*spec.loops, *own])]
        for level, tensors in self.given.keep.items():
            if level not in levels:
                self.report(unknown("memory", level, levels), "keep", level, key=True)
                continue
            for tensor, wanted in tensors.items():
                if tensor not in self.cascade.tensors:
                    message = unknown("tensor", tensor, self.cascade.tensors)
                    self.report(message, "keep", level, tensor, key=True)
                    continue
                if not isinstance(wanted, str):
                    _check(wanted, loops, "loop", ("keep", level, tensor), self.where, self.problems)
                own_loop = spec.keep.get(level, {}).get(tensor, NOT_KEPT)
                names = loops if isinstance(wanted, str) else wanted
                yield Opening("keep", (level, tensor), _led_by(own_loop, names))


def _led_by(own: Any, options: Sequence[Any]) -> tuple[Any, ...]:
    """The options, first what the mapping has: a walk in order begins near it."""
    return (*(each for each in options if each == own), *(each for each in options if each != own))


def _times(chunk: Any, extent: Any) -> Any:
    """The elements of a part; None where one of them is settled later."""
    return None if chunk is None or extent is None or isinstance(extent, str) else chunk * extent


def _arranged(loops: Sequence[str], ranks: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The orders of loops in which those of one rank stay as they are."""
    own = [
        tuple(loop for loop, each in zip(loops, ranks, strict=True) if each == rank) for rank in dict.fromkeys(ranks)
    ]
    yield from _merged(tuple(own))


def _merged(queues: tuple[tuple[str, ...], ...]) -> Iterator[tuple[str, ...]]:
    """The ways to take from queues until all are empty."""
    if not any(queues):
        yield ()
    for i, queue in enumerate(queues):
        if queue:
            for rest in _merged((*queues[:i], queue[1:], *queues[i + 1 :])):
                yield (queue[0], *rest)
