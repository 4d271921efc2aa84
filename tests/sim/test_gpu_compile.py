"""Our GPU kernels compile in bf16 for the GPUs that they are meant for, and fit into a multiprocessor, without a GPU.

Needs the extra `gpu`; skips without. That they compile says nothing of their time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sim.gpu.measure.script import TILES

ROOT = Path(__file__).parents[2]
# Shared memory of a block at most, by compute capability (CUDA C++ Programming Guide): 163 and 227 KiB.
MOST_BYTES = {80: 163 * 1024, 90: 227 * 1024}


@pytest.mark.slow
@pytest.mark.parametrize("capability", MOST_BYTES)
def test_every_stated_tile_compiles_and_fits(capability: int, tmp_path: Path) -> None:
    pytest.importorskip("triton", reason="2 tests that compile GPU kernels: Triton is missing; pip install -e '.[gpu]'")
    env = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    env |= {"TRITON_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "tests.sim.gpu_compile", str(capability)]
    run = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    found = json.loads(run.stdout)
    assert len(found) == sum(map(len, TILES.values())) + 2 * len(TILES)
    assert all(taken <= MOST_BYTES[capability] for taken in found.values()), found
    operands = 128 * 128 * 2  # bytes of a tile of queries of head dim 128, all of which the kernel keeps at hand
    assert found["triton-1pass 128 128x128w8s2"] > operands
