"""10,000 mutated specs of every kind, all the way to a record: wrong input is told, never a traceback."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from arch import ARCHS
from mappings import MAPPINGS
from sim import simulate
from specs import Infeasible, SpecError, read_text, validate
from workloads import CASCADES, WORKLOADS, CascadeSpec, check_cascade

SPECS = 10_000
SCRAPS = [
    "", " ", "\n", "  - ", ": ", "{", "}", "[", "]", ",", "=", "= ", "0", "-1", "1e400", "inf", "nan", "null", "true",
    "~", "'", '"', "*a", "&a", "!!python/object:os.system", "<<: ", "#", "%", "é", "\x00", "\ud7ff", "16 MiB", "940 MHz",
    "rest", "fit", "= array_2d.rows", "= 1/0", "= p0", "m0", "m1+1", "M1", "QK[m1,m0,p]", "sum{e}", "exp(", "9" * 40,
]  # fmt: skip


def mutated(text: str, rng: random.Random) -> str:
    """A text with one to four small injuries: cut, doubled, swapped or replaced by a scrap."""
    for _ in range(rng.randint(1, 4)):
        i = rng.randrange(len(text) + 1)
        j = min(len(text), i + rng.randint(0, 12))
        action = rng.randrange(5)
        if action == 0:
            text = text[:i] + text[j:]
        elif action == 1:
            text = text[:i] + rng.choice(SCRAPS) + text[j:]
        elif action == 2:
            text = text[:i] + rng.choice(SCRAPS) + text[i:]
        elif action == 3:
            lines = text.splitlines()
            a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
            lines[a], lines[b] = lines[b], lines[a]
            text = "\n".join(lines) or "x"
        else:
            lines = text.splitlines()
            lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))
            text = "\n".join(lines)
    return text


def try_spec(kind: str, name: str, text: str, folder: Path) -> None:
    """All that a command would do with a file of this kind: read, check, bind, count, time and price it."""
    path = folder / "fuzz.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    if kind == "cascade":
        check_cascade(validate(read_text(text, "fuzz.yaml"), CascadeSpec, "cascade"))
    elif kind == "workload":
        simulate(f"{path}:seq_len=512" if "seq_len" not in text else str(path), "fusemax-cloud", "fusemax-binding")
    elif kind == "arch":
        work, by = ("gemm:M=64,N=64,K=64", "output-stationary") if name == "systolic" else (SHORT, "fusemax-binding")
        by = "fusemax-cascade" if name == "flat-cloud" else by
        json.dumps(simulate(work, str(path), by).as_dict())
    else:
        work, on = ("gemm:M=64,N=64,K=64", "systolic") if "stationary" in name else (SHORT, "fusemax-cloud")
        on = "flat-cloud" if name == "fusemax-cascade" else on
        record = simulate(work, on, str(path))
        assert record.cycles >= max(record.cycles_by_einsum.get("array_2d", {"": 0}).values())


SHORT = "attention:queries=256,keys=512,causal=true"


@pytest.mark.slow
def test_ten_thousand_mutated_specs_are_accepted_or_refused(tmp_path: Path) -> None:
    rng = random.Random(20240612)
    libraries = {"cascade": CASCADES, "workload": WORKLOADS, "arch": ARCHS, "mapping": MAPPINGS}
    texts = [(kind, name, lib.path(name).read_text()) for kind, lib in libraries.items() for name in lib.names()]
    outcomes = {"accepted": 0, "refused": 0}
    for number in range(SPECS):
        kind, name, text = rng.choice(texts)
        broken = mutated(text, rng)
        try:
            try_spec(kind, name, broken, tmp_path)
            outcomes["accepted"] += 1
        except SpecError as error:
            assert error.problems and all(p.message for p in error.problems)
            outcomes["refused"] += 1
        except Infeasible as error:
            assert error.reason
            outcomes["refused"] += 1
        except Exception as error:
            pytest.fail(f"{kind} spec {number}: {type(error).__name__}: {error}\n{broken}")
    assert sum(outcomes.values()) == SPECS
    assert outcomes["refused"] > SPECS // 4 and outcomes["accepted"] > SPECS // 20, outcomes
