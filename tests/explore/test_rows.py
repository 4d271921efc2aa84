"""The law of sweeps: a row is what `simulate` says of the references that it spells out, to the last bit."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sim.explore.sweep import sweep
from tests.explore.rows import expected, table_of, written

# Values of axes of a spatial machine; a sweep takes some of them.
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "arch.array_2d.rows": st.sampled_from([16, 32, 100, 128, 256]),
    "arch.array_2d.cols": st.sampled_from([16, 33, 128, 256]),
    "arch.buffer.size": st.sampled_from(["64 KiB", "1 MiB", "5000001 B", "16 MiB", "1 GiB"]),
    "arch.dram.bandwidth": st.one_of(
        st.integers(1, 3000).map(lambda n: f"{n} GiB/s"), st.floats(1e9, 1e12).map(lambda n: f"{n!r} B/s")
    ),
    "arch.clock": st.one_of(st.integers(100, 2000).map(lambda n: f"{n} MHz"), st.just("333.333333 Hz")),
    "arch.array_1d.registers": st.sampled_from([4, 8, 33, 64]),
    "arch.energy": st.sampled_from(["fusemax-45nm", "horowitz-45nm", "tpu-7nm"]),
    "workload.batch": st.integers(1, 70),
    "workload.seq_len": st.integers(1, 3000),
    "workload.heads": st.sampled_from([4, 8, 12]),
    "workload.head_dim": st.sampled_from([16, 64, 65]),
    "workload.causal": st.booleans().map(lambda each: str(each).lower()),
    "workload.window": st.integers(1, 3000),
    "mapping.interleave": st.integers(1, 8),
}
MAPPINGS = {
    "fusemax-cloud": ["fusemax-binding", "fusemax-architecture"],
    "fusemax-edge": ["fusemax-binding", "fusemax-decode"],
    "flat-cloud": ["flat", "unfused", "fusemax-cascade"],
}


@st.composite
def texts(draw: st.DrawFn) -> str:
    """The file of a small sweep."""
    paths = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=4, unique=True))
    axes: dict[str, Any] = {path: draw(st.lists(VALUES[path], min_size=1, max_size=3, unique=True)) for path in paths}
    if "arch.array_2d.rows" in axes and draw(st.booleans()):
        axes["arch.array_2d.cols"] = "= min(arch.array_2d.rows, 64)"
    if "workload.batch" in axes and "arch.buffer.size" in axes and draw(st.booleans()):
        axes["arch.buffer.size"] = "= 1 MiB * workload.batch + 3 B"
    length = "" if "workload.seq_len" in axes else ",seq_len=777"
    arch = draw(st.sampled_from(list(MAPPINGS)))
    mappings = draw(st.lists(st.sampled_from(MAPPINGS[arch]), min_size=1, max_size=2, unique=True))
    if "unfused" in mappings or "flat" in mappings:  # sequences of nests have no key of their own for it
        axes.pop("mapping.interleave", None)
    lines = [f"  {path}: {_flow(values)}" for path, values in axes.items()] or ["  workload.batch: [1, 2]"]
    return "\n".join(
        [
            "sweep: swept",
            f"workload: attention:heads=4,kv_heads=2,head_dim=64{length}",
            f"arch: {arch}",
            f"mapping: [{', '.join(mappings)}]",
            "columns: all",
            "axes:",
            *lines,
            "",
        ]
    )


def _flow(values: Any) -> str:
    return values if isinstance(values, str) else "[" + ", ".join(str(each) for each in values) + "]"


@settings(max_examples=25, deadline=None)
@given(texts(), st.sampled_from([1, 5, 64]))
def test_a_row_is_what_simulate_says_of_its_references(text: str, chunk: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = sweep(written(Path(folder), text), chunk=chunk)
        rows = table_of(made).to_pylist()
        assert [row["point"] for row in rows] == list(range(made.grid.points))
        for point, row in enumerate(rows):
            want = expected(made, point)
            assert {name: row[name] for name in want} == want, (text, point)
