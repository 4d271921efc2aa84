"""Whatever the bytes, reading and checking a spec ends in a model or a SpecError, at a place of the text."""

import random

import pytest

from specs import SpecError, read_file, read_text, validate

from .machine import MACHINE, Machine

SEEDS = (
    MACHINE,
    "arch: x\nclock: 1 GHz\nmemories: {}\nunits: {a: {kind: vector, lanes: = 2 * rows}}\n",
    "arch: x\nunits:\n  a: {kind: systolic, rows: 1Ki, cols: = rows}\nnotes: ['a[b]', |\n",
    "memories:\n  dram: {size: 16 MiB, width: 64 b}\nlimit: none\ncache: {ways: 4}\n",
)
PIECES = (
    *":-[]{}'\"|>&*!%@#,\n\t =+/?~.0",
    *("\n  ", ": ", "- ", "&a ", "*a", "!!int ", "---\n", "...\n", "null", "true", "1e999", "0x1f"),
    *("= ", "= rows / 0", "kind: ", "16 MiB", "\x00", "\ufeff", "\u2028", "\x85", "\U0001f600"),
    *("a: " * 40, "[" * 40),
)


def mutate(text: str, draw: random.Random) -> str:
    letters = list(text)
    for _ in range(draw.randint(1, 6)):
        at = draw.randrange(len(letters) + 1)
        match draw.randrange(5):
            case 0:
                letters[at:at] = draw.choice(PIECES)
            case 1:
                del letters[at : at + draw.randint(1, 20)]
            case 2:
                other = draw.randrange(len(letters) + 1)
                letters[at:at] = letters[other : other + draw.randint(1, 30)]
            case 3:
                letters[at : at + 1] = chr(draw.choice((draw.randrange(128), draw.randrange(0x2100))))
            case 4:
                letters[at:at] = "".join(letters[at : at + 10])
    return "".join(letters)


def check(text: str) -> bool:
    """Whether the text is a good spec; any exception but SpecError goes through."""
    try:
        validate(read_text(text, "f.yaml"), Machine, "arch", [("rows", "8")], "f.yaml:rows=8")
    except SpecError as error:
        lines = text.count("\n") + text.count("\r") + text.count("\x85") + text.count("\u2028") + 2
        for problem in error.problems:
            assert problem.message
            assert problem.place is not None
            if problem.place.line is not None and problem.place.column is not None:
                assert 1 <= problem.place.line <= lines + text.count("\u2029")
                assert problem.place.column >= 1
        return False
    return True


def test_ten_thousand_mutated_specs():
    draw = random.Random(20240611)
    good = sum(check(mutate(draw.choice(SEEDS), draw)) for _ in range(10_000))
    assert 0 < good < 10_000  # both ways out were taken


def test_random_bytes(tmp_path):
    draw = random.Random(7)
    file = tmp_path / "bytes.yaml"
    for _ in range(500):
        file.write_bytes(draw.randbytes(draw.randint(0, 200)))
        with pytest.raises(SpecError):
            validate(read_file(file), Machine, "arch")
