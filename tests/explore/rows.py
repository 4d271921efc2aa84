"""What the rows of a sweep must be: the records that `simulate` gives for the references that each row spells out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from sim import simulate
from sim.explore.evaluate import Evaluator
from sim.explore.points import Sweep
from specs import Infeasible


def table_of(made: Sweep) -> pa.Table:
    """All rows, in the order of their points."""
    evaluator = Evaluator(made)
    tables = [evaluator.table(i) for i in range(evaluator.chunks)]
    return pa.concat_tables(tables, promote_options="default").unify_dictionaries().combine_chunks()


def written(folder: Path, text: str) -> str:
    """A sweep's file."""
    path = folder / "swept.yaml"
    path.write_text(text)
    return str(path)


def expected(made: Sweep, point: int) -> dict[str, Any]:
    """The row of a point, from a simulation of its references."""
    refs = made.references(made.grid.place(point))
    row: dict[str, Any] = dict.fromkeys((*made.columns, "bound_by"))
    row |= {"point": point, "feasible": True, "reason": None}
    try:
        found = simulate(refs.workload, refs.arch, refs.mapping, refs.model)
    except Infeasible as error:
        return row | {"feasible": False, "reason": error.reason}
    row["bound_by"] = found.bound_by
    plain = {n: getattr(found, n) for n in ("cycles", "latency_s", "energy_j", "area_mm2")}
    for name in made.columns:
        head, _, rest = name.partition(".")
        if not rest:
            row[name] = plain[name]
        elif head in ("utilization", "busy"):
            row[name] = getattr(found, head).get(rest)
        elif head in ("read_bytes", "written_bytes"):
            row[name] = found.traffic_bytes.get(rest, {}).get("read" if head == "read_bytes" else "write")
        elif head in ("energy_j", "area_mm2"):
            table = found.energy_by_component_j if head == "energy_j" else found.area_by_component_mm2
            row[name] = table.get(rest)
        elif rest in found.cycles_by_einsum:
            row[name] = sum(found.cycles_by_einsum[rest].values())
    return row
