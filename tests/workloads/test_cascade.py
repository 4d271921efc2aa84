"""What a checked cascade says of its tensors and Einsums."""

from __future__ import annotations

import subprocess
import sys

from tests.workloads.writing import check
from workloads import cascade

GROUPED = """
cascade: grouped
ranks: {h: HEADS, g: GROUP, p: P, m: M, d: D}
each: [h, g]
share: {X: [g], W: [g], K: [g]}
inputs: [Q, X, W]
einsums:
  - K[m] = sum{d} X[m,d] * W[d]
  - S[m,p] = Q[p] * K[m]
output: S
"""


def test_a_tensor_made_from_shared_ones_may_be_shared():
    """Projected keys: made once for a group, in an iteration space without the group's rank."""
    c = check(GROUPED)
    assert c.tensors["K"].ranks == ("h", "m")
    assert c.by_name["K"].ranks == ("h", "m", "d")
    assert c.by_name["S"].ranks == ("h", "g", "m", "p")


def test_a_shared_tensor_is_evaluated_once_for_its_group():
    import numpy as np

    from workloads.oracle import evaluate, make_grid

    c = check(GROUPED)
    rng = np.random.default_rng(1)
    q, x, w = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 5, 6)), rng.normal(size=(2, 6))
    found = evaluate(c, {"Q": q, "X": x, "W": w}, make_grid(c, dict(h=2, g=3, p=4, m=5, d=6)))
    k = np.einsum("hmd,hd->hm", x, w)
    np.testing.assert_allclose(found["S"], np.einsum("hgp,hm->hgmp", q, k), rtol=1e-13)


def test_operations_of_each_einsum():
    """A sum of a product is a mac; a subtraction is an add; a copy is nothing."""
    c = check(
        """
        cascade: c
        ranks: {m: M}
        inputs: [A, B]
        einsums:
          - P[m] = A[m]
          - R[] = sum{m} P[m] * B[m]
          - S[] = sum{m} A[m] - B[m]
          - T[m] = -exp(A[m]) + max(B[m], R[] / S[]) * 2
          - U[] = max{m} T[m]
        output: U
        """
    )
    assert {e.name: e.operations for e in c.einsums} == {
        "P": {},
        "R": {"mac": 1},
        "S": {"add": 2},
        "T": {"exp": 1, "add": 2, "divide": 1, "max": 1, "mul": 1},
        "U": {"max": 1},
    }


def test_versions_of_a_state():
    c = cascade("attention-1pass")
    versions = {(r.tensor, e.name): r.version for e in c.einsums for r in e.reads if c.tensors[r.tensor].iterated}
    assert versions["RM", "RM"] == "previous"
    assert versions["RM", "SLN"] == "current"
    assert versions["RNV", "AV"] == "final"
    assert c.tensors["RM"].stored_ranks == ("b", "n", "g", "p")


def test_loading_a_cascade_imports_neither_numpy_nor_networkx():
    program = (
        "import sys, workloads; workloads.cascade('attention-1pass'); workloads.workload('bert:seq_len=8');"
        "print({'numpy', 'networkx', 'matplotlib', 'ml_dtypes'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


def test_the_readme_shows_the_cascade_of_the_library():
    """Its statements are the library's, its masks and ranks too; and its types are good pins."""
    from pathlib import Path

    import workloads
    from specs import read_text

    text = (Path(workloads.__file__).parent / "README.md").read_text(encoding="utf-8")
    shown = read_text(text.split("```yaml\n")[1].split("```")[0], "README.md").value
    library = read_text(
        (Path(workloads.__file__).parent / "library/cascades/attention-1pass.yaml").read_text(encoding="utf-8"), "l"
    ).value
    plain = {statement.replace(" ", "") for statement in library["einsums"]}
    assert {statement.replace(" ", "") for statement in shown["einsums"]} <= plain
    for key in ("cascade", "summary", "ranks", "each", "share", "inputs", "partition", "mask", "output"):
        assert shown[key] == library[key], key
    c = cascade("attention-1pass")
    types = workloads.tensor_types(c, shown["types"])
    assert str(types["QK"]) == "bf16 (accumulated in fp32)"
