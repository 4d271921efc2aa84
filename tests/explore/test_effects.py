"""What axes do to objectives, and the best over two of them: made-up runs by hand, and drawn ones by pandas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.explore.runs.effects import best, densities, effects, space_of
from sim.explore.runs.keep import Keep
from sim.explore.runs.local import serial
from sim.explore.runs.reading import stored
from sim.explore.runs.run import run
from specs import Infeasible

OBJECTIVES = ("latency_s", "area_mm2")


@dataclass(frozen=True)
class Grid:
    """A grid of three axes, in parts of four points."""

    latency_s: tuple[float, ...]
    feasible: tuple[bool, ...]

    @property
    def frame(self) -> pd.DataFrame:
        places = list(product((2, 4, 8), ("flat", "unfused"), (0.5, 1.5)))[: len(self.latency_s)]
        frame = pd.DataFrame(places, columns=["arch.rows", "mapping", "arch.clock"])
        frame.insert(0, "point", range(len(frame)))
        fit = np.array(self.feasible)
        frame["latency_s"] = np.where(fit, self.latency_s, np.nan)
        frame["area_mm2"] = np.where(fit, frame["arch.rows"] ** 2, np.nan)
        frame["feasible"] = fit
        frame["reason"] = [None if each else "too small" for each in fit]
        return frame

    @property
    def chunks(self) -> int:
        return -(-len(self.latency_s) // 4)

    @property
    def points(self) -> int:
        return len(self.latency_s)

    @property
    def identity(self) -> Mapping[str, str]:
        return {"spec": str(hash(self))}

    def table(self, chunk: int) -> pa.Table:
        part = self.frame.iloc[4 * chunk : 4 * chunk + 4]
        columns = {name: pa.array(part[name], from_pandas=True) for name in part}
        columns |= {name: columns[name].cast(pa.string()).dictionary_encode() for name in ("mapping", "reason")}
        return pa.table(columns)


def written(grid: Grid, folder: Path) -> Path:
    run(grid, folder, Keep("all", OBJECTIVES), engine=serial)
    return folder


def test_by_hand(tmp_path: Path) -> None:
    latency = tuple(10.0 * rows * more for rows, more in product((1, 10, 100), (1, 1, 1, 1)))
    space = space_of(stored(written(Grid(latency, (True,) * 12), tmp_path)))
    assert (space.points, space.low["latency_s"], space.high["latency_s"]) == (12, 10, 1000)
    found = effects(space)["latency_s"]
    assert found["arch.rows"].share == pytest.approx(1) and found["mapping"].share == pytest.approx(0)
    assert [found["arch.rows"].low, found["arch.rows"].high] == pytest.approx([10, 1000])
    least = best(space, "latency_s", "mapping", "arch.rows")
    assert (least.one, least.other) == (["flat", "unfused"], [2, 4, 8])
    assert least.least.tolist() == [[10, 100, 1000]] * 2
    (density,) = densities(space, [OBJECTIVES])
    assert density.counts.sum() == 12 and sorted(density.counts[density.counts > 0].tolist()) == [4, 4, 4]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 50), st.booleans()), min_size=12, max_size=12))
def test_drawn_runs_as_pandas_has_them(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, bool]]) -> None:
    grid = Grid(tuple(float(value) for value, _ in rows), tuple(fits for _, fits in rows))
    folder = written(grid, tmp_path_factory.mktemp("run"))
    frame = grid.frame[grid.frame["feasible"]]
    if frame.empty:
        with pytest.raises(Infeasible, match="none of the points"):
            space_of(stored(folder))
        return
    space = space_of(stored(folder))
    logs = np.log(frame["latency_s"])
    whole = float(((logs - logs.mean()) ** 2).sum())
    for name, effect in effects(space)["latency_s"].items():
        groups = logs.groupby(frame[name])
        between = float((groups.size() * (groups.mean() - logs.mean()) ** 2).sum())
        assert effect.share == pytest.approx(between / whole if whole > 1e-12 else 0, abs=1e-9)
        assert effect.low == pytest.approx(np.exp(groups.mean().min()))
        assert 0 <= effect.share <= 1 + 1e-12
    least = best(space, "latency_s", "arch.rows", "mapping")
    wanted = frame.groupby(["arch.rows", "mapping"])["latency_s"].min()
    for i, rows_ in enumerate(least.one):
        for j, mapping in enumerate(least.other):
            assert least.least[i, j] == pytest.approx(wanted.get((rows_, mapping), np.nan), nan_ok=True)
    assert sum(int(each.counts.sum()) for each in densities(space, [OBJECTIVES])) == len(frame)
