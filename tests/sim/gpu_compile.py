"""Compiles our GPU kernels for a compute capability, in bf16, and prints the shared memory that each takes, as JSON.

Needs no GPU, but a process in which Triton compiles: without TRITON_INTERPRET.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from triton import compile as compiled
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from sim.gpu.measure import script

ALIGNED = 16  # what Triton finds of a GPU's tensors, and of lengths that are multiples of it
NUMBERS = {"scale": "fp32", **dict.fromkeys(("group", "q_len", "kv_len", "window", "splits"), "i32")}
STATE = dict.fromkeys(("maxima", "denominators", "numerators"), "*fp32")
TENSORS = {**dict.fromkeys(("query", "key", "value", "output"), "*bf16"), **STATE}
ALIKE = {*TENSORS, "q_len", "kv_len", "window"}


def shared_bytes(kernel: Any, capability: int, constants: dict[str, Any], warps: int, stages: int) -> int:
    """Bytes of shared memory that a compiled kernel takes."""
    signature = {name: (NUMBERS | TENSORS).get(name, "constexpr") for name in kernel.arg_names}
    known = {(i,): [["tt.divisibility", ALIGNED]] for i, name in enumerate(kernel.arg_names) if name in ALIKE}
    source = ASTSource(kernel, signature, constexprs=constants, attrs=known)
    options = {"num_warps": warps, "num_stages": stages, "enable_fp_fusion": True}
    return int(compiled(source, target=GPUTarget("cuda", capability, 32), options=options).metadata.shared)


def all_shared_bytes(capability: int) -> dict[str, int]:
    """Of every stated tile, and of the decode kernels at every head dim, by name."""
    found = {}
    for head_dim, tiles in script.TILES.items():
        for causal, windowed, tile in ((True, False, tile) for tile in tiles):
            constants = {"CAUSAL": causal, "WINDOWED": windowed, "HEAD_DIM": head_dim}
            constants |= {"BLOCK_Q": tile["block_q"], "BLOCK_K": tile["block_k"]}
            name = f"triton-1pass {head_dim} {tile['block_q']}x{tile['block_k']}w{tile['warps']}s{tile['stages']}"
            found[name] = shared_bytes(script._one_pass, capability, constants, tile["warps"], tile["stages"])
        sizes = {"BLOCK_G": 16, "BLOCK_K": script.split(4)["block_k"], "HEAD_DIM": head_dim}
        found[f"triton-split {head_dim}"] = shared_bytes(script._split_keys, capability, sizes, 4, 3)
        most = {"MOST": max(script.SPLITS), "HEAD_DIM": head_dim}
        found[f"triton-split {head_dim}, combined"] = shared_bytes(script._combine_splits, capability, most, 4, 3)
    return found


if __name__ == "__main__":
    print(json.dumps(all_shared_bytes(int(sys.argv[1]))))
