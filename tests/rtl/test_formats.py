"""Widths: as small as the largest numbers allow, and designs that they cannot hold are refused with the arithmetic."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtl.formats import MOST_KEYS, Formats, Word
from rtl.mac import Mac
from specs import SpecError

ONE = 1 << 26


@given(st.integers(1, 131071), st.integers(1, 1 << 12), st.integers(1, MOST_KEYS))
def test_words_hold_the_extremes_and_not_much_more(head_dim: int, key_tile: int, max_keys: int) -> None:
    formats = Formats(head_dim, 8, key_tile, max_keys)
    words, tile = formats.words, min(key_tile, max_keys)
    extremes = {
        "QK": (-128 * 127 * head_dim, 128 * 128 * head_dim),
        "SLN": (0, ONE),
        "SLD": (0, tile * ONE),
        "RD": (0, max_keys * ONE),
        "SLNV": (-128 * tile * ONE, 127 * tile * ONE),
        "RNV": (-128 * max_keys * ONE, 127 * max_keys * ONE),
        "AV": (-128 * 65536, 127 * 65536),
    }
    for name, (low, high) in extremes.items():
        assert words[name].holds([low, high]), name
        tighter = Word(words[name].bits - 1, words[name].signed)
        assert name == "AV" or not tighter.holds([low, high]), name  # an output has room for rounding
    assert formats.lowest < -128 * 127 * head_dim
    assert formats.correction().state_bits == words["RNV"].bits > words["RD"].bits


@given(st.integers(1, 1024), st.integers(1, MOST_KEYS))
def test_multipliers_are_wide_enough_for_all_that_goes_through_them(head_dim: int, max_keys: int) -> None:
    """An element's for the series of a weight and for weight · value, a lane's for a factor's and for corrections."""
    formats = Formats(head_dim, 8, 256, max_keys)
    element, lane = Mac(), formats.correction().mac
    for mac, series in ((element, formats.weight().mac), (lane, formats.factor().mac)):
        assert mac.wide_bits >= series.wide_bits and mac.narrow_bits >= series.narrow_bits
        assert mac.addend_bits >= series.addend_bits
    assert element.wide_bits > formats.words["SLN"].bits and element.addend_bits >= formats.words["SLNV"].bits


def test_longest_design_divides_without_overflow() -> None:
    """At most 64.5 units of 2^-26 a correction beyond 128, and still below what the quotient holds."""
    assert 128 + 64.5 * MOST_KEYS / ONE < 256
    words = Formats(64, 64, 256, MOST_KEYS).words
    assert (words["RD"].bits, words["RNV"].bits) == (53, 60)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (
            {"head_dim": 131072},
            "head_dim 131072: a score may reach 131072 · 128 · 128 = 2147483648, more than int32's 2147483647; "
            "allowed: head_dim 1 to 131071",
        ),
        (
            {"max_keys": 65536, "state_bits": 48},
            "max_keys 65536: a numerator needs 26 (weight) + 7 (value) + 16 (keys) + 1 (sign) = 50 bits, "
            "and a state has 48; allowed: max_keys 1 to 16384, or state_bits 50",
        ),
        (
            {"state_bits": 32},
            "max_keys 65536: a numerator needs 26 (weight) + 7 (value) + 16 (keys) + 1 (sign) = 50 bits, "
            "and a state has 32; allowed: state_bits from 50",
        ),
        (
            {"max_keys": 1 << 27},
            "max_keys 134217728: roundings of 134217728 corrections may lift an output to "
            "128 + 64.5 · 134217728 / 2^26 = 257; allowed: max_keys 1 to 67108864",
        ),
        ({"state_bits": 65}, "state_bits 65: allowed: 1 to 64"),
        ({"score_scale": -1.0}, "score_scale -1.0: it is not a positive number"),
        (
            {"score_scale": 2.0},
            "a step of one in a score halves its weight 2.88539 times; allowed: 2.32831e-10 to 1 times; "
            "change score_scale, which is ln 2 = 0.693 times that",
        ),
        (
            {"head_dim": 0, "key_tile": 2.5},
            "head_dim 0: it is not a positive integer\nkey_tile 2.5: it is not a positive integer",
        ),
        (
            {"head_dim": 200000, "max_keys": 1 << 30},
            "head_dim 200000: a score may reach 200000 · 128 · 128 = 3276800000, more than int32's 2147483647; "
            "allowed: head_dim 1 to 131071\n"
            "max_keys 1073741824: roundings of 1073741824 corrections may lift an output to "
            "128 + 64.5 · 1073741824 / 2^26 = 1160; allowed: max_keys 1 to 67108864",
        ),
    ],
)
def test_designs_that_cannot_be_held_are_refused_with_the_arithmetic(sizes: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as error:
        Formats(**{"head_dim": 64, "value_dim": 64, "key_tile": 256, **sizes})
    assert str(error.value) == message


def test_every_format_in_the_documents_table(shared_table: str) -> None:
    """docs/rtl.md shows the words of one design; they are these."""
    words = Formats(head_dim=64, value_dim=64, key_tile=256, max_keys=65536).words
    for name, word in words.items():
        assert any(f"`{name}`" in line and f"| {word} |" in line for line in shared_table.splitlines()), (
            name,
            str(word),
        )


@pytest.fixture
def shared_table(request: pytest.FixtureRequest) -> str:
    """The text of docs/rtl.md."""
    return (request.config.rootpath / "docs" / "rtl.md").read_text(encoding="utf-8")
