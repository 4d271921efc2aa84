"""Tensors and Einsums from the statements of a cascade, each checked against what stands before it.

A state (`RM[m1+1]` from `RM[m1]`) may be read before it is defined, at its previous value; everything else is
defined before it is used.
"""

from __future__ import annotations

from specs import unknown

from .cascade import Einsum, Read, Tensor
from .loops import check_loops
from .notation import Access, Index, Statement, accesses, constant
from .spec import Faults


class Definitions:
    """Everything known of the tensors of one cascade while its statements are walked."""

    def __init__(
        self,
        faults: Faults,
        parts: dict[str, tuple[str, ...]],
        statements: list[tuple[int, Statement]],
        broken: set[str],
    ) -> None:
        self.faults, self.spec, self.parts = faults, faults.spec, parts
        self.statements = statements
        self.broken = set(broken)  # tensors in faulty statements: what is said of them is not followed up
        self.family_of = {p: rank for rank, group in parts.items() for p in group}
        self.initial: dict[str, float] = {}
        self.iterated: dict[str, str] = {}
        self.ranks: dict[str, tuple[str, ...]] = {}
        self.defined_at: dict[str, int] = {}
        self.stepped = {ix.name for _, s in statements for ix in s.target.indices if ix.name and ix.shift}

    def build(self) -> tuple[dict[str, Tensor], tuple[Einsum, ...]]:
        """Every tensor and Einsum that is free of faults."""
        initials = [(i, s) for i, s in self.statements if any(ix.name is None for ix in s.target.indices)]
        definitions = [(i, s) for i, s in self.statements if (i, s) not in initials]
        for i, statement in definitions:
            self._define(i, statement)
        for i, statement in initials:
            self._start(i, statement)
        self._check_share()
        made = [(i, self._einsum(i, statement)) for i, statement in definitions]
        einsums = [(i, einsum) for i, einsum in made if einsum]
        for name in self.iterated:
            self._check_started(name)
        check_loops(self.faults, einsums)
        return {name: self._tensor(name) for name in self.ranks}, tuple(einsum for _, einsum in einsums)

    def _tensor(self, name: str) -> Tensor:
        role = "intermediate"
        if name in self.spec.inputs:
            role = "input"
        elif name in self.spec.outputs:
            role = "output"
        ranks = self._each(name) + self.ranks[name]
        return Tensor(name, ranks, role, self.iterated.get(name), self.initial.get(name))

    def _each(self, name: str) -> tuple[str, ...]:
        """The ranks that a tensor carries unwritten."""
        return tuple(r for r in self.spec.each if r not in self.spec.share.get(name, ()))

    # --------------------------------------------------------------- what is made

    def _define(self, i: int, statement: Statement) -> None:
        target, name = statement.target, statement.target.tensor
        if name in self.defined_at:
            line = self.faults.line(self.defined_at[name])
            self._report(f"tensor '{name}' is defined twice, first on line {line}", i, target)
            return
        if name in self.spec.inputs:
            self._report(f"tensor '{name}' is an input and cannot be defined", i, target)
            return
        self.defined_at[name] = i
        names = self._parts_of(target, i)
        if names is None or not self._check_ranks(target, names, i):
            self.broken.add(name)
            return
        for index, part in zip(target.indices, names, strict=True):
            if index.name != part:
                message = f"'{index}' is read for the final value; a result is written at '{part}'"
                self._report(message, i, index)
                self.broken.add(name)
            elif index.shift > 1 or (index.shift and name in self.iterated):
                self._report(f"a state iterates over one rank by +1, found '{index}'", i, index)
                self.broken.add(name)
            elif index.shift:
                self.iterated[name] = part
        self.ranks[name] = names

    def _start(self, i: int, statement: Statement) -> None:
        """An initial value: `RM[0,p] = -inf`."""
        target, name = statement.target, statement.target.tensor
        value = constant(statement.body)
        if name in self.broken:
            return
        if value is None or statement.reduction:
            self._report("an initial value must be a constant such as 0 or -inf", i, target)
        elif name not in self.iterated:
            message = f"'{name}' has an initial value, but no statement makes it a state, as '{name}[m1+1] = ...' does"
            self._report(message, i, target)
        elif name in self.initial:
            self._report(f"'{name}' has two initial values", i, target)
        else:
            wanted = self._at_start(name)
            if str(target) != wanted:
                self._report(f"found '{target}', expected '{wanted}' for the initial value", i, target)
        self.initial.setdefault(name, value if value is not None else 0.0)

    def _at_start(self, name: str) -> str:
        indices = ["0" if r == self.iterated[name] else r for r in self.ranks[name]]
        return f"{name}[{','.join(indices)}]"

    def _check_started(self, name: str) -> None:
        if name not in self.initial and name not in self.broken:
            message = f"'{name}' iterates over '{self.iterated[name]}' but has no initial value"
            self._report(f"{message}; add '{self._at_start(name)} = ...'", self.defined_at[name])

    def _check_share(self) -> None:
        known = [*self.spec.inputs, *self.defined_at]
        for name, ranks in self.spec.share.items():
            if name not in known and name not in self.broken:
                self.faults.report(unknown("tensor", name, known), "share", name, key=True)
            for k, rank in enumerate(ranks):
                if rank not in self.spec.each:
                    self.faults.report(unknown("rank", rank, self.spec.each), "share", name, k)

    # --------------------------------------------------------------- one Einsum

    def _einsum(self, i: int, statement: Statement) -> Einsum | None:
        target, name = statement.target, statement.target.tensor
        if self.defined_at.get(name) != i or name in self.broken:
            return None
        reads = [self._read(i, statement, access) for access in accesses(statement.body)]
        good = [read for read in reads if read]
        if len(good) < len(reads):
            return None
        kept, reduced = self.ranks[name], tuple(str(index.name) for index in statement.reduced)
        present = {
            part
            for read in good
            for index, part in zip(read.access.indices, self.ranks[read.tensor], strict=True)
            if index.name == part
        }
        if not self._check_reduced(i, statement, present):
            return None
        for index, part in zip(target.indices, kept, strict=True):
            if part not in present:
                self._report(f"rank '{part}' of the result is in no operand", i, index)
        stray: set[str] = set()
        for read in good:
            for index in read.access.indices:
                if index.name in present and index.name not in (*kept, *reduced, *stray):
                    self._report(f"rank '{index.name}' is neither kept in the result nor reduced", i, index)
                    stray.add(str(index.name))
        return Einsum(
            name, statement, self._each(name) + kept, reduced, statement.reduction, tuple(good),
            self.iterated.get(name),
        )  # fmt: skip

    def _check_reduced(self, i: int, statement: Statement, present: set[str]) -> bool:
        before = len(self.faults.problems)
        kept = self.ranks[statement.target.tensor]
        for k, index in enumerate(statement.reduced):
            if index.name not in self.family_of:
                self._report(self._unknown_rank(str(index.name)), i, index)
            elif index.name in self.spec.each:
                message = f"rank '{index.name}' is carried by every tensor ('each') and cannot be reduced"
                self._report(message, i, index)
            elif index.name not in present:
                self._report(f"reduction over rank '{index.name}', which no operand has", i, index)
            elif index.name in kept:
                self._report(f"rank '{index.name}' is both kept and reduced", i, index)
            elif index.name in [other.name for other in statement.reduced[:k]]:
                self._report(f"rank '{index.name}' is reduced twice", i, index)
        return len(self.faults.problems) == before

    # --------------------------------------------------------------- one operand

    def _read(self, i: int, statement: Statement, access: Access) -> Read | None:
        name = access.tensor
        names = self._parts_of(access, i)
        if names is None or name in self.broken:
            return None
        if name not in self.spec.inputs and name not in self.defined_at:
            self._report(unknown("tensor", name, [*self.spec.inputs, *self.defined_at]), i, access)
            return None
        known = self.ranks.get(name, names)
        if names != known and "" not in names:
            first = f"{name}[{','.join(known)}]"
            self._report(f"{access} does not match {first}, as it stands elsewhere", i, access)
            return None
        version = self._version(access, names, i)
        if version is None:
            return None
        if name not in self.ranks:  # an input has the ranks of its first use
            if not self._check_ranks(access, names, i):
                self.broken.add(name)
                return None
            self.ranks[name] = names
        if version != "previous" and self.defined_at.get(name, -1) >= i:
            self._report_order(i, statement, access)
            return None
        bare = [r for r in self._each(name) if r not in self._each(statement.target.tensor)]
        if bare:
            message = f"'{statement.target.tensor}' is shared over '{bare[0]}', but {access}, which it reads, is not"
            self._report(message, i, access)
            return None
        return Read(name, version, access)

    def _version(self, access: Access, names: tuple[str, ...], i: int) -> str | None:
        part = self.iterated.get(access.tensor)
        version = "plain"
        for index, name in zip(access.indices, names, strict=True):
            final = index.name is not None and index.name != name
            if index.name is None:
                message = f"index '{index}' stands only in an initial value, '{access.tensor}[{index},...] = constant'"
            elif index.shift > 1 or (final and index.shift):
                message = f"found '{index}'; a state is read at '{name}', '{name}+1' or '{name.upper()}'"
            elif name != part and (final or index.shift):
                is_state = f"iterates over '{part}'" if part else "is no state"
                message = f"index '{index}' is for a state that iterates over '{name}'; '{access.tensor}' {is_state}"
            else:
                if name == part:
                    version = "final" if final else "current" if index.shift else "previous"
                continue
            self._report(message, i, index)
            return None
        return version

    def _report_order(self, i: int, statement: Statement, access: Access) -> None:
        """A tensor that is defined later: a cycle if it needs this one, else an order to mend."""
        needs = {s.target.tensor: {a.tensor for a in accesses(s.body)} for _, s in self.statements}
        path = _path(needs, access.tensor, statement.target.tensor)
        if path:
            message = f"a cycle: {' needs '.join([statement.target.tensor, *path])}"
        else:
            line = self.faults.line(self.defined_at[access.tensor])
            message = f"tensor '{access.tensor}' is used before it is defined on line {line}"
        self._report(message, i, access)

    # --------------------------------------------------------------- ranks

    def _parts_of(self, access: Access, i: int) -> tuple[str, ...] | None:
        """The part behind each index (`M1` is `m1`, `0` is ''); None and a problem if one is not declared."""
        result = []
        for index in access.indices:
            name = index.name or ""
            if name in self.family_of or not name:
                result.append(name)
            elif name == name.upper() and name.lower() in self.family_of:
                result.append(name.lower())
            else:
                if not any(name in group for group in self.spec.partition.values()):  # else said there
                    self._report(self._unknown_rank(name), i, index)
                return None
        return tuple(result)

    def _unknown_rank(self, name: str) -> str:
        divided = self.parts.get(name.lower())
        hint = f"; rank '{name}' is divided into {', '.join(divided)}" if divided else ""
        return unknown("rank", name, [p for p in self.family_of if p not in self.spec.each]) + hint

    def _check_ranks(self, access: Access, names: tuple[str, ...], i: int) -> bool:
        before = len(self.faults.problems)
        for k, (index, name) in enumerate(zip(access.indices, names, strict=True)):
            if name in names[:k]:
                self._report(f"rank '{name}' stands twice in {access}", i, index)
            if name in self.spec.each:
                self._report(f"rank '{name}' is carried by every tensor ('each') and is not written", i, index)
        for family, group in self.parts.items():
            carried = [p for p in group if p in names]
            inner = [p for p in group if p not in self.stepped]
            if carried and carried not in (list(group[: len(carried)]), inner[: len(carried)]):
                missing = next(p for p in group if p not in names)
                message = f"{access} carries '{carried[-1]}' without '{missing}', the part of '{family}' outside of it"
                self._report(message, i, access)
        return len(self.faults.problems) == before

    def _report(self, message: str, i: int, at: Access | Index | None = None) -> None:
        self.faults.report(message, "einsums", i, offset=at.offset if at else 0)


def _path(needs: dict[str, set[str]], start: str, goal: str) -> list[str] | None:
    """A shortest chain of needs from start to goal, both included."""
    frontier, seen = [[start]], {start}
    while frontier:
        chain = frontier.pop(0)
        if chain[-1] == goal:
            return chain
        for name in sorted(needs.get(chain[-1], ())):
            if name not in seen:
                seen.add(name)
                frontier.append([*chain, name])
    return None
