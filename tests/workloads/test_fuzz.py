"""Whatever is written, a cascade file gives a cascade that can be used, or a SpecError at a place of the file."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

import workloads
from specs import SpecError, read_text, validate
from tests.workloads.test_faults import GOOD
from workloads import Cascade, CascadeSpec, check_cascade, count_passes, operations, tensor_types
from workloads.notation import LONGEST, NotationError, parse_statement
from workloads.oracle import evaluate, make_grid

FOLDER = Path(workloads.__file__).parent / "library" / "cascades"
SEEDS = [GOOD, *(path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.yaml")))]
PIECES = (
    *"[]{}(),:=+-*/<>#|&01 \n",
    *("m1+1", "M1", "m0", "p", "QK[m1,m0,p]", "RM[m1,p]", "RM[M1,p]", "RM[0,p]", "sum{m0} ", "max{m1,m0} ", "exp("),
    *("\n  - ", " = ", "-inf", "1e999", "inf", "e-3", "share: ", "types: ", "fp8", "m <= p", "window", "é", "\x00"),
    *("(" * 200, "-" * 100, "+QK[m1,m0,p]" * 90, "[m1,m0]", "{m0}", "output: ", "each: [p]"),
)


def mutate(text: str, draw: random.Random) -> str:
    letters = list(text)
    for _ in range(draw.choice((1, 1, 1, 2, 3, 6))):
        at = draw.randrange(len(letters) + 1)
        match draw.randrange(5):
            case 0:
                letters[at:at] = draw.choice(PIECES)
            case 1:
                del letters[at : at + draw.randint(1, 12)]
            case 2:
                other = draw.randrange(len(letters) + 1)
                letters[at:at] = letters[other : other + draw.randint(1, 40)]
            case 3:
                letters[at : at + 1] = chr(draw.randrange(32, 127))
            case 4:  # one name for another
                words = [w for w in ("m1", "m0", "p", "e", "f", "QK", "RM", "RD", "LM", "m1+1", "M1") if w in text]
                old, new = draw.choice(words or ["m"]), draw.choice(words or ["m"])
                whole = "".join(letters)
                found = whole.find(old, at)
                letters = list(whole[:found] + new + whole[found + len(old) :]) if found >= 0 else letters
    return "".join(letters)


def use(c: Cascade) -> None:
    """Everything that a good cascade is good for."""
    names = sorted(c.size_names())
    sizes = c.sizes(dict.fromkeys(names, 3).__getitem__)
    if not all(isinstance(size, int) and 1 <= size <= 9 for size in sizes.values()):
        return
    for rank in c.parts:
        assert 0 <= count_passes(c, rank).passes <= len(c.einsums)
    settings = {clause.key: 2 if clause.key in clause.bound.names() else True for clause in c.mask}
    band = c.band(sizes, settings)
    grid = make_grid(c, sizes, dict.fromkeys((p for group in c.parts.values() for p in group[1:]), 2))
    operations(c, sizes, grid.extents, band)
    inputs = {}
    for name, tensor in c.tensors.items():
        if tensor.role == "input":
            families = dict.fromkeys(c.family_of[r] for r in tensor.ranks)
            inputs[name] = np.ones([sizes[f] for f in families])
    found = evaluate(c, inputs, grid, band)
    assert set(c.outputs) <= set(found)
    evaluate(c, inputs, grid, band, tensor_types(c))


@pytest.mark.parametrize("seed", range(4))
def test_mutated_cascades(seed):
    draw = random.Random(seed)
    good = 0
    for _ in range(1000):
        text = mutate(draw.choice(SEEDS), draw)
        try:
            c = check_cascade(validate(read_text(text, "f.yaml"), CascadeSpec, "cascade"))
        except SpecError as error:
            assert error.problems
            for problem in error.problems:
                assert problem.message
                assert problem.place is not None
                assert problem.place.line is None or 1 <= problem.place.line <= text.count("\n") + 2
            continue
        good += 1
        use(c)
    assert 100 < good < 900  # both ways out were taken


def test_mutated_statements():
    draw = random.Random(5)
    lines = [line.strip()[2:] for text in SEEDS for line in text.splitlines() if line.strip().startswith("- ")]
    for _ in range(5000):
        text = mutate(draw.choice(lines), draw)
        try:
            parse_statement(text)
        except NotationError as error:
            assert 0 <= error.offset <= min(len(text), LONGEST)
            assert str(error)
