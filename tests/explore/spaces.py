"""Searches over drawn spaces, small enough to see every member."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sim.explore.search.space import Search, search

LEAST, LIMIT = 12, 400  # members of a drawn space

GEMM: dict[str, Any] = {
    "workload": ["gemm:M=48,N=32,K=24", "gemm:M=30,N=64,K=9"],
    "arch": ["systolic:rows=8,cols=8", "fusemax-edge"],
    "mapping": {
        "partition": {
            "m": {"m2": "rest", "m1": 4, "m0": 4},
            "n": {"n1": "rest", "n0": 4},
            "k": {"k1": "rest", "k0": 8},
        },
        "loops": ["m2", "n1", "k1"],
        "keep": {"buffer": {"A": "n1", "B": "*", "C": "n1"}},
        "overlap": "units",
    },
    "open": {
        "partition.m": [{"m0": [1, 2, 4, 8]}, {"m1": "any"}, {"m1": [1, 2, 3], "m0": [2, 8]}],
        "partition.n": [{"n0": [2, 4, 8]}, {"n0": "any"}],
        "partition.k": [{"k0": "any"}],
        "loops": ["any", [["m2", "n1", "k1"], ["k1", "m2", "n1"]]],
        "keep.buffer": [{"A": "any"}, {"B": "any"}, {"C": ["n1", "m2", "*"]}, {"A": "any", "C": "any"}],
        "overlap": [["none", "units"]],
    },
    "bind": {"einsums": ["C"], "spatial": {"rows": "m0", "cols": "n0"}},
}
ATTENTION: dict[str, Any] = {
    "workload": [
        "attention:queries=64,keys=96,head_dim=8,value_dim=8",
        "attention:queries=32,keys=48,head_dim=4,value_dim=8,causal=true",
    ],
    "arch": ["fusemax-edge", "fusemax-edge:dram.bandwidth=4GiB/s", "fusemax-edge:buffer.size=2KiB"],
    "mapping": ["fusemax-binding:split=search", "fusemax-architecture", "examples/attention-by-hand.yaml"],
    "open": {
        "partition.p": [{"p1": "any"}, {"p1": "any", "p0": [8, 16, 32]}],
        "partition.m": [{"m0": [8, 16, 32]}, {"m0": "any"}],
        "loops": [
            [["b", "n", "p2", "m1", "g", "p1"], ["b", "n", "g", "p2", "m1", "p1"], ["b", "n", "m1", "g", "p2", "p1"]]
        ],
        "bind": [{"RD": "any", "SPD": "any"}, {"LM": "any", "SLD": "any", "RNV": "any"}, {"SLN": "any"}],
        "keep.buffer": [{"Q": ["p2", "none"]}, {"K": ["m1", "none", "*"]}, {"RM": ["p2", "*"]}, {"V": "any"}],
        "overlap": [["epochs", "units", "none"]],
        "interleave": [[1, 2]],
    },
}
FLAT: dict[str, Any] = {
    "workload": ["attention:queries=64,keys=64,head_dim=8,value_dim=8"],
    "arch": ["flat-edge", "flat-edge:buffer.size=16KiB"],
    "mapping": ["flat"],
    "open": {
        "partition.p": [{"p1": [1, 2]}, {"p1": "any"}],
        "choose": [
            "any",
            {
                "stationarity": "any",
                "scores": "any",
                "queries": ["stream"],
                "keys": "any",
                "values": ["buffer"],
                "results": "any",
            },
        ],
    },
}
BANKS: dict[str, Any] = {
    "workload": ["gemv:M=256,N=128", "gemv:M=300,N=96"],
    "arch": ["hbm3-pim", "gddr6-aim"],
    "mapping": ["bank-parallel"],
    "open": {
        "partition.m": [{"mb": [1, 2, 4], "mc": [1, 2, 4]}, {"mb": [2, 4], "mc": [1, 8]}],
        "partition.n": [{"n0": [2, 4, 8, 16]}, {"n0": ["any", 4]}],
    },
}
HEADS: dict[str, Any] = {
    "workload": ["attention:queries=1,keys=100,head_dim=64,heads=3"],
    "arch": ["hbm3-pim", "gddr6-aim"],
    "mapping": ["bank-parallel-attention", "bank-parallel-attention:io=excluded"],
    "open": {
        "choose": ["any", {"keys": "any"}, {"values": "any"}],
        "sequence": [
            [{"partition": {"e": {"e0": [2, 3, 8, 16]}}}, {}, {}, {"partition": {"f": {"f0": ["any", 2]}}}],
            [{}, {"partition": {"m": {"m0": [1, 4, 16]}}}, {}, {}],
        ],
    },
}
THREE_MEMORIES: dict[str, Any] = {
    "workload": ["gemm:M=48,N=32,K=24", "gemm:M=30,N=50,K=9"],
    "arch": ["tests/explore/three-memories.yaml", "tests/explore/three-memories.yaml:outer.size=400B"],
    "mapping": ["tests/explore/spilling-product.yaml"],
    "open": {
        "partition.m": [{"m0": [1, 2, 4, 8]}, {"m1": "any"}],
        "partition.k": [{"k0": ["fit", 2, 4]}, {"k0": "any"}],
        "loops": ["any", [["m2", "n2", "k1", "m1", "n1"], ["k1", "m2", "n2", "n1", "m1"]]],
        "keep.buffer": [{"A": "any"}, {"B": "any"}, {"C": "any"}],
        "keep.outer": [{"A": "any"}, {"B": "any"}, {"C": "any"}],
    },
}
TWO_PASSES: dict[str, Any] = {
    "workload": ["attention:queries=33,keys=97,head_dim=8,value_dim=8", ATTENTION["workload"][1]],
    "arch": ["fusemax-edge:array_2d.rows=8,array_2d.cols=8,dram.bandwidth=1GiB/s"],
    "mapping": ["tests/explore/two-passes.yaml"],
    "open": {
        "sequence": [
            [{}, {"partition": {"m": {"m0": ["fit", 1, 8]}}}, {"partition": {"m": {"m0": "any"}}}, {}],
            [{"partition": {"p": {"p1": "any"}}, "keep": {"buffer": {"K": "any"}}}, {}, {"bind": {"SN": "any"}}, {}],
            [{}, {}, {"loops": [["b", "n", "g", "p2", "m1", "p1"], ["b", "n", "m1", "g", "p2", "p1"]],
                      "keep": {"buffer": {"V": "any"}}}, {"partition": {"f": {"f0": ["fit", 4, 8]}}}],
        ],
    },
}  # fmt: skip
KEPT: dict[str, Any] = {
    "workload": THREE_MEMORIES["workload"],
    "arch": [
        "tests/explore/three-memories.yaml",
        "tests/explore/three-memories.yaml:outer.size=400B",
        "tests/explore/three-memories.yaml:dram.bandwidth=1GiB/s",
        "tests/explore/three-memories.yaml:buffer.bandwidth=2GiB/s,buffer.size=256B",
    ],
    "mapping": ["tests/explore/two-level-product.yaml"],
    "open": {
        "partition.m": [{"m0": [2, 4]}, {"m1": [1, 4]}],
        "loops": ["any", [["m2", "n2", "k1", "m1", "n1"], ["k1", "m2", "n2", "n1", "m1"]]],
        "keep.buffer": [{"A": "any"}, {"A": "any", "B": ["k1", "none", "n1"]}, {"C": "any"}, {"B": "any", "C": "any"}],
        "keep.outer": [{"A": "any"}, {"B": "any"}, {"C": "any", "B": ["n2", "none"]}],
    },
}
KEPT_TENSORS: dict[str, Any] = {
    **ATTENTION,
    "arch": ["fusemax-edge", "fusemax-edge:dram.bandwidth=1GiB/s", "fusemax-edge:buffer.size=3KiB"],
    "mapping": ["examples/attention-by-hand.yaml"],
    "open": {
        **{name: ATTENTION["open"][name] for name in ("partition.p", "loops", "overlap", "interleave")},
        "bind": [{"RD": "any"}],
        "keep.buffer": [
            {"Q": "any", "K": "any"},
            {"V": "any", "RM": ["p2", "m1", "*"], "K": ["p1", "m1"]},
            {"RNV": ["p2", "none", "*"], "Q": "any"},
            {"RM": "any", "QK": ["none", "p1", "p2"]},
        ],
    },
}
KEEPS = (KEPT, KEPT_TENSORS)  # where keeps and loops decide: energy, bytes, or a memory that bounds the latency
BYTES = ("read_bytes.dram", "written_bytes.dram", "read_bytes.buffer", "written_bytes.buffer")
KINDS = (GEMM, ATTENTION, ATTENTION, FLAT, BANKS, HEADS, THREE_MEMORIES, TWO_PASSES)
IN_BANKS = (BANKS, HEADS)


def drawn(folder: Path, seed: int, kinds: Sequence[dict[str, Any]] = KINDS, first: str | None = None) -> Search:
    """A search with a space of `LEAST` to `LIMIT` members, and whichever objectives; the `first`, if it is given."""
    source = random.Random(seed)
    kind = kinds[seed % len(kinds)]
    spec = {name: source.choice(kind[name]) for name in ("workload", "arch")}
    spec["mapping"] = _gemm(folder, spec["arch"]) if kind is GEMM else source.choice(kind["mapping"])
    names = ["latency_s", "read_bytes.dram", "written_bytes.dram"] if kind is THREE_MEMORIES else ["latency_s"]
    names += ["energy_j", "energy_j.banks", "energy_j.dram.background"] if kind in IN_BANKS else []
    if kind not in (BANKS, THREE_MEMORIES):
        names += ["cycles", *(["energy_j"] if "systolic" not in spec["arch"] and kind is not HEADS else [])]
    spec["objectives"] = source.sample(names, source.choice([1, 1, 2]) if len(names) > 1 else 1)
    if kind in KEEPS:
        names = ["energy_j", "latency_s", "energy_j.dram", "cycles", *BYTES]
        spec["objectives"] = source.sample(names, source.choice([1, 1, 2]))
    if first is not None:
        spec["objectives"] = [first, *(name for name in spec["objectives"] if name != first)]
    axes = {} if kind in IN_BANKS else {"arch.dram.bandwidth": ["8 GiB/s", "64 GiB/s"]}
    spec["axes"] = axes if source.random() < 0.4 and "bandwidth" not in spec["arch"] else {}
    if kind in (GEMM, ATTENTION, *KEEPS) and source.random() < 0.2:
        spec["model"] = "cycle"
    most = LIMIT // 10 if "model" in spec else LIMIT
    while True:
        spec["open"] = _opened(kind["open"], source)
        made = search(_written(folder, {"search": f"drawn-{seed}", **spec}))
        if LEAST <= made.size <= most:
            return made


def _gemm(folder: Path, arch: str) -> str:
    """A product's mapping, for the unit that the machine has."""
    unit = "array" if arch.startswith("systolic") else "array_2d"
    own = {"mapping": "drawn", "cascade": "gemm", **GEMM["mapping"], "bind": [{"unit": unit, **GEMM["bind"]}]}
    path = folder / "product.yaml"
    path.write_text(json.dumps(own))
    return str(path)


def _opened(known: dict[str, list[Any]], source: random.Random) -> dict[str, Any]:
    """Some of what may be open, nested as in the file."""
    found: dict[str, Any] = {}
    for name in source.sample(sorted(known), source.randint(1, min(3, len(known)))):
        head, _, rest = name.partition(".")
        value = source.choice(known[name])
        found[head] = found.get(head, {}) | {rest: value} if rest else value
    return found


def _written(folder: Path, spec: dict[str, Any]) -> str:
    path = folder / "search.yaml"
    path.write_text(json.dumps(spec))
    return str(path)
