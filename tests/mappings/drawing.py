"""Draws (cascade, mapping, machine, sizes) at random: cascades of the library and others, any legal mapping of them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from arch import Machine, Memory, Unit, UnitOperation
from mappings import MappingSpec, Schedule, bind
from specs import SpecError, read_text, validate
from workloads import CASCADES, Cascade, CascadeSpec, Workload, check_cascade

OUTSIDE = {
    "chain": """
cascade: chain
ranks: {m: M, n: N, k: K, j: J}
inputs: [A, B, C]
einsums:
  - T[m,j] = sum{k} A[m,k] * B[k,j]
  - D[m,n] = sum{j} T[m,j] * C[j,n]
output: D
""",
    "spread": """
cascade: spread
ranks: {r: R, c: C}
inputs: [X]
einsums:
  - S[r]   = sum{c} X[r,c]
  - U[r]   = S[r] / 8
  - D[r,c] = X[r,c] - U[r]
  - G[r]   = max{c} D[r,c]
  - L[r]   = min{c} D[r,c]
  - Y[r,c] = (D[r,c] - L[r]) / (1 + G[r] - L[r])
output: Y
""",
    "running": """
cascade: running
ranks: {r: R, c: C, z: Z}
each: [z]
partition: {c: [c1, c0]}
inputs: [X, W]
mask:
  causal: c <= r + 1
einsums:
  - L[c1,r]   = sum{c0} X[r,c1,c0]
  - H[c1,r]   = max{c0} W[c1,c0] * X[r,c1,c0]
  - S[0,r]    = 0.5
  - S[c1+1,r] = S[c1,r] + L[c1,r]
  - T[0,r]    = -inf
  - T[c1+1,r] = max(T[c1,r], H[c1,r])
  - Y[r]      = S[C1,r] * exp(T[C1,r])
output: Y
""",
    "two-outputs": """
cascade: two-outputs
ranks: {i: I, j: J}
inputs: [X, y]
einsums:
  - P[i]   = sum{j} X[i,j] * y[j]
  - Q[j,i] = X[i,j] + y[j]
  - R[j]   = sum{i} Q[j,i] * P[i]
output: [P, R]
""",
}

RENAMED = {
    "m": "w", "m1": "w1", "m2": "w2", "m0": "w0", "p": "u", "e": "c", "f": "d", "QK": "score", "AV": "out",
    "RM": "peak", "RD": "weight", "M": "W", "M1": "W1", "P": "U", "SLN": "share",
}  # fmt: skip


def cascade_text(name: str, renamed: bool = False) -> str:
    """The file of a cascade, of the library or from outside; renamed, its ranks and tensors have other names."""
    text = OUTSIDE[name] if name in OUTSIDE else Path(CASCADES.path(name)).read_text()
    if renamed:
        text = re.sub(r"\b(" + "|".join(RENAMED) + r")\b", lambda match: RENAMED[match[1]], text)
    return text


def make_cascade(name: str, renamed: bool = False) -> Cascade:
    """A checked cascade of `cascade_text`."""
    document = read_text(cascade_text(name, renamed), f"{name}.yaml")
    return check_cascade(validate(document, CascadeSpec, "cascade"))


OPERATIONS = ("mac", "mul", "add", "max", "min", "divide", "exp", "sqrt")


@dataclass(frozen=True)
class Drawn:
    """One triple, bound."""

    cascade: Cascade
    workload: Workload
    mapping: str
    machine: Machine
    schedule: Schedule
    sizes: dict[str, int]

    def __repr__(self) -> str:
        return f"Drawn({self.mapping}, {self.workload.values}, {self.workload.settings})"


@st.composite
def machines(draw: Any) -> Machine:
    """A machine with two units and two or three memories of drawn row widths."""
    native = {name: UnitOperation(name, {name: 1}, draw(st.integers(1, 2))) for name in OPERATIONS}
    built = native | {"exp": UnitOperation("exp", {"mac": draw(st.integers(1, 4)), "add": 1})}
    names = ["far", "middle", "near"] if draw(st.booleans()) else ["far", "near"]
    memories = {name: Memory(name, None, None, draw(st.sampled_from([16, 24, 64]))) for name in names}
    units = {
        "grid": Unit("grid", {"rows": 6, "cols": 6}, built, 8),
        "line": Unit("line", {"lanes": 6}, native, 8),
    }
    return Machine("drawn", "spatial", "", 1_000_000_000, memories, units, "fusemax-45nm")


@st.composite
def triples(draw: Any) -> Drawn:
    """A cascade, a mapping and a machine that fit together, with small sizes."""
    name = draw(st.sampled_from([*CASCADES.names(), *OUTSIDE]))
    cascade = make_cascade(name, name.startswith("attention") and draw(st.booleans()))
    machine = draw(machines())
    workload, sizes = draw(workloads_of(cascade))
    full = draw(mapping_specs(cascade, machine))
    alike = full | {"stages": [], "bind": [{k: v for k, v in each.items() if k != "loops"} for each in full["bind"]]}
    plain = alike | {"fuse": full["loops"][-1] if full["loops"] else None}
    near = list(machine.memories)[-1]
    everything = {t.name: "*" for t in cascade.tensors.values() if t.role == "intermediate"}
    attempts = [full, plain, plain | {"keep": {near: everything}}]
    for i, spec in enumerate(attempts):
        text = json.dumps({k: v for k, v in spec.items() if v is not None})
        loaded = validate(read_text(text, "drawn.yaml"), MappingSpec, "mapping")
        try:
            schedule = bind(cascade, workload, machine, loaded)
        except SpecError:
            if i == len(attempts) - 1:
                raise
            continue
        return Drawn(cascade, workload, text, machine, schedule, sizes)
    raise AssertionError("unreachable")


@st.composite
def workloads_of(draw: Any, cascade: Cascade) -> tuple[Workload, dict[str, int]]:
    """Sizes of every workload key of a cascade, and its masks on or off."""
    small = {"batch": 2, "kv_heads": 2, "Z": 2, "head_dim": 3, "value_dim": 3}
    values = {key: draw(st.integers(1, small.get(key, 7))) for key in sorted(cascade.size_names())}
    if "heads" in values:
        values["heads"] = values["kv_heads"] * draw(st.integers(1, 2))
    settings: dict[str, Any] = {}
    for clause in cascade.mask:
        settings[clause.key] = draw(st.booleans()) if clause.key == "causal" else draw(st.integers(1, 5)) or None
    if draw(st.booleans()):
        settings.pop("window", None)
    workload = Workload("drawn", values, settings)
    return workload, workload.sizes(cascade)


@st.composite
def mapping_specs(draw: Any, cascade: Cascade, machine: Machine) -> dict[str, Any]:
    """The file of a mapping, most often a legal one."""
    partition: dict[str, dict[str, Any]] = {}
    parts: dict[str, list[str]] = {}
    iterated = {t.iterated for t in cascade.tensors.values() if t.iterated}
    for rank, given in cascade.parts.items():
        names = list(given)
        if len(names) == 1 and rank not in cascade.each:
            count = draw(st.integers(1, 3))
            names = [rank] if count == 1 else [f"{rank}_{i}" for i in reversed(range(count))]
        parts[rank] = names
        if len(names) > 1:
            partition[rank] = {n: "rest" if i == 0 else draw(st.integers(1, 3)) for i, n in enumerate(names)}
    looped: dict[str, int] = {}
    for rank, names in parts.items():
        least = max((i + 1 for i, n in enumerate(names) if n in iterated), default=0)
        looped[rank] = draw(st.integers(least, len(names)))
    queues = {rank: names[: looped[rank]] for rank, names in parts.items()}
    order = draw(st.permutations([rank for rank, names in queues.items() for _ in names]))
    loops = [queues[rank].pop(0) for rank in order]
    free = {rank: names[looped[rank] :] for rank, names in parts.items()}
    fuse = draw(st.sampled_from([None, *loops]))
    bind = draw(bindings(cascade, machine, free, partition))
    for binding in bind if fuse is not None else ():
        below = loops[loops.index(fuse) + 1 :]
        if below and draw(st.booleans()):
            rank_of = {part: rank for rank, names in parts.items() for part in names}
            left = {rank: [part for part in below if rank_of[part] == rank] for rank in parts}
            binding["loops"] = [left[rank].pop(0) for rank in draw(st.permutations([rank_of[p] for p in below]))]
    return {
        "mapping": "drawn",
        "cascade": cascade.name,
        "partition": partition,
        "loops": loops,
        "fuse": fuse,
        "stages": draw(stages(cascade)),
        "bind": bind,
        "keep": draw(keeps(cascade, machine, loops)),
        "overlap": "units",
    }


@st.composite
def stages(draw: Any, cascade: Cascade) -> list[list[str]]:
    """Consecutive groups of Einsums, or none."""
    if draw(st.booleans()):
        return []
    groups: list[list[str]] = [[]]
    for einsum in cascade.einsums:
        if groups[-1] and draw(st.integers(0, 3)) == 0:
            groups.append([])
        groups[-1].append(einsum.name)
    return groups


@st.composite
def bindings(draw: Any, cascade: Cascade, machine: Machine, free: dict[str, list[str]], partition: Any) -> list[dict]:
    """Each Einsum on one of the units, with parts on its axes that fit and lie innermost in their rank."""
    on: dict[str, list[str]] = {unit: [] for unit in machine.units}
    for einsum in cascade.einsums:
        on[draw(st.sampled_from(sorted(on)))].append(einsum.name)
    result = []
    for unit, einsums in on.items():
        if not einsums:
            continue
        spatial: dict[str, str] = {}
        available = {rank: list(names) for rank, names in free.items()}
        for axis in machine.units[unit].axes:
            ends = [n[-1] for r, n in available.items() if n and partition.get(r, {}).get(n[-1], "rest") != "rest"]
            chosen = draw(st.sampled_from([None, *ends]))
            if chosen:
                spatial[axis] = chosen
                next(n for n in available.values() if n and n[-1] == chosen).pop()
        steps = [p for names in available.values() for p in names]
        mixed = draw(st.permutations(list(available))) if draw(st.booleans()) else []
        order = [p for rank in mixed for p in available[rank] if p in steps]
        result.append({"unit": unit, "einsums": einsums, "spatial": spatial, "steps": order})
    return result


@st.composite
def keeps(draw: Any, cascade: Cascade, machine: Machine, loops: list[str]) -> dict[str, dict[str, str]]:
    """Some tensors at some levels; intermediates mostly for the whole run."""
    keep: dict[str, dict[str, str]] = {}
    levels = list(machine.memories)
    for tensor in cascade.tensors.values():
        for level in levels if tensor.role == "intermediate" else levels[1:]:
            if draw(st.integers(0, 2)) == 0:
                continue
            loop = draw(st.sampled_from(["*", "*", *loops]))
            keep.setdefault(level, {})[tensor.name] = loop
    return keep
