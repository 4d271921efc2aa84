"""Quantities: no unit is implied, arithmetic is exact, and what is shown is read back."""

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from specs import (
    Area,
    Bandwidth,
    Count,
    Current,
    Energy,
    Fraction,
    Frequency,
    NonNegativeCount,
    Power,
    Size,
    Time,
    Voltage,
    Width,
    in_base_units,
)
from specs.quantity import parse_quantity, show_quantity
from specs.units import DIMENSIONS, LIMITS

WHOLE = ("count", "width")
EXACT = ("count", "width", "size", "bandwidth", "frequency")
finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.sampled_from(EXACT), st.integers(-(10**30), 10**30))
def test_a_shown_whole_number_is_read_back(dimension, value):
    parsed = parse_quantity(show_quantity(value, dimension), dimension)
    assert parsed == value and isinstance(parsed, int)


@given(st.sampled_from([name for name in DIMENSIONS if name not in WHOLE]), finite)
def test_a_shown_number_is_read_back(dimension, value):
    assert parse_quantity(show_quantity(value, dimension), dimension) == value


@given(st.sampled_from(sorted(DIMENSIONS)), st.integers(1, 10**9))
def test_every_unit_scales_exactly(dimension, number):
    kind = DIMENSIONS[dimension]
    for unit, factor in kind.units.items():
        if dimension in WHOLE and (number * factor).denominator != 1:
            continue
        for gap in ("", " "):
            assert parse_quantity(f"{number}{gap}{unit}", dimension) == pytest.approx(float(number * factor), rel=1e-15)


@pytest.mark.parametrize(
    ("text", "dimension", "value", "shown"),
    [
        ("16Ki", "count", 16384, "16Ki"),
        ("1000", "count", 1000, "1000"),
        ("1.5Ki", "count", 1536, "1536"),
        ("940MHz", "frequency", 940_000_000, "940 MHz"),
        ("1.41 GHz", "frequency", 1_410_000_000, "1.41 GHz"),
        ("16 MiB", "size", 1 << 24, "16 MiB"),
        ("0.3 MB", "size", 300_000, "0.3 MB"),
        ("12 b", "size", 1.5, "1.5 B"),
        ("2 B", "width", 16, "16 b"),
        ("400 GiB/s", "bandwidth", 400 << 30, "400 GiB/s"),
        ("8 Gb/s", "bandwidth", 10**9, "1 GB/s"),
        ("12.5 ns", "time", 12.5e-9, "12.5 ns"),
        ("1.2 pJ", "energy", 1.2e-12, "1.2 pJ"),
        ("40 um²", "area", 40e-6, "40 um2"),
        ("1.5 mm2", "area", 1.5, "1.5 mm2"),
        ("35 mW", "power", 0.035, "35 mW"),
        ("90%", "fraction", 0.9, "0.9"),
        ("-3 W", "power", -3.0, "-3 W"),
        ("0 B", "size", 0, "0 B"),
    ],
)
def test_values_by_hand(text, dimension, value, shown):
    parsed = parse_quantity(text, dimension)
    assert parsed == value and type(parsed) is type(value)
    assert show_quantity(parsed, dimension) == shown


@pytest.mark.parametrize(
    ("text", "dimension", "message"),
    [
        ("940", "frequency", "missing unit: found '940', expected a frequency such as '940 MHz'"),
        (
            "16 GiB/s",
            "size",
            "wrong unit: 'GiB/s' is a bandwidth, expected a size such as '16 MiB'",
        ),
        (
            "1 MHzz",
            "frequency",
            "unknown unit 'MHzz'; did you mean 'MHz'? expected a frequency such as '940 MHz'",
        ),
        (
            "3 cycles",
            "time",
            "unknown unit 'cycles'; allowed: s, ms, us, ns, ps; expected a time such as '12.5 ns'",
        ),
        ("16 KiB", "count", "wrong unit: 'KiB' is a size, expected a count such as '16Ki'"),
        ("16k", "count", "unknown unit 'k'; did you mean 'Ki'? expected a count such as '16Ki'"),
        ("1.5", "count", "expected a whole number such as '16Ki', found 1.5"),
        ("1.5 b", "width", "expected a whole number of bits such as '16 b', found 1.5"),
        ("nan", "size", "expected a finite number, found 'nan'"),
        ("-inf W", "power", "expected a finite number, found '-inf W'"),
        ("1e999 s", "time", "number out of range: found '1e999'; a time is from 1e-6 ps to 1e9 s"),
        (
            "9e399 s",
            "time",
            "number out of range: found '9e399 s'; a time is from 1e-6 ps to 1e9 s",
        ),
        ("big", "size", "found 'big', expected a size such as '16 MiB'"),
        ("", "energy", "found '', expected an energy such as '1.2 pJ'"),
        ("x", "fraction", "found 'x', expected a fraction such as '0.9' or '90%'"),
    ],
)
def test_what_is_refused_says_what_was_found_and_what_is_allowed(text, dimension, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_quantity(text, dimension)


@pytest.mark.parametrize(
    ("kind", "found", "message"),
    [
        (Frequency, 940, "missing unit: found '940', expected a frequency such as '940 MHz'"),
        (Frequency, None, "found null, expected a frequency such as '940 MHz'"),
        (Count, True, "found true, expected a count such as '16Ki'"),
        (Count, 0, "must be greater than zero: found 0"),
        (Count, "-1Ki", "must be greater than zero: found '-1Ki'"),
        (NonNegativeCount, -1, "must not be negative: found -1"),
        (Size, "12 b", "must be a whole number of bytes: found '12 b'"),
        (Size, [], "found a list, expected a size such as '16 MiB'"),
        (Fraction, 95, "must be at most 1: found 95"),
        (Count, 1 << 63, f"number out of range: found {1 << 63}; a count is at most {(1 << 63) - 1} (2^63 - 1)"),
        (
            Frequency,
            "1e308MHz",
            "number out of range: found '1e308MHz'; a frequency is from 1 Hz to 1000 GHz",
        ),
        (
            Frequency,
            "1e-300MHz",
            "number out of range: found '1e-300MHz'; a frequency is from 1 Hz to 1000 GHz",
        ),
        (
            Size,
            "1e400MiB",
            "number out of range: found '1e400MiB'; a size is from 1 b to 9223372036854775807 B (2^63 - 1)",
        ),
        (Width, "2e12 b", "number out of range: found '2e12 b'; a width is from 1 b to 1099511627776 b (2^40)"),
        (Fraction, float("nan"), "expected a finite number, found nan"),
    ],
)
def test_fields_refuse(kind, found, message):
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(found)
    assert str(caught.value.errors()[0]["ctx"]["error"]) == message


FIELDS = {
    "count": Count, "frequency": Frequency, "size": Size, "width": Width, "bandwidth": Bandwidth, "time": Time,
    "energy": Energy, "area": Area, "power": Power, "voltage": Voltage, "current": Current,
    "fraction": Fraction,
}  # fmt: skip
digits = st.text("0123456789", min_size=1, max_size=420)
literals = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "+", "-"]),
    digits | st.builds("{}.{}".format, digits, digits),
    st.just("") | st.integers(-420, 420).map("e{}".format) | digits.map("e{}".format) | digits.map("E-{}".format),
    st.sampled_from(sorted({"", *(unit for kind in DIMENSIONS.values() for unit in kind.units)})),
)


@pytest.mark.parametrize("dimension", FIELDS)
@given(literal=literals | st.integers(-(10**400), 10**400) | st.floats())
def test_no_literal_is_worse_than_refused(dimension, literal):
    kind, limits = DIMENSIONS[dimension], LIMITS[dimension]
    try:
        value: Any = TypeAdapter(FIELDS[dimension]).validate_python(literal)
    except ValidationError as error:
        assert str(error.errors()[0]["ctx"]["error"])
    else:
        assert float(limits.least) <= value <= limits.most
        assert math.isfinite(float(value)) and kind.name == dimension


@pytest.mark.parametrize("dimension", FIELDS)
def test_the_words_of_the_limits_are_their_numbers(dimension):
    limits = LIMITS[dimension]
    field: TypeAdapter[Any] = TypeAdapter(FIELDS[dimension])
    match = re.search(r"(?:from (.+) to|at most) (\S+( \S+)?)", limits.words)
    assert match is not None
    most = match[2].removesuffix(" (2^63")
    assert field.validate_python(most) == (1 if dimension == "fraction" else limits.most)
    if match[1] and dimension != "size":  # the smallest size is not whole bytes
        assert field.validate_python(match[1]) == pytest.approx(float(limits.least), rel=1e-12)


def test_fields_take_texts_and_numbers_in_base_units():
    assert TypeAdapter(Size).validate_python("16 MiB") == 1 << 24
    assert TypeAdapter(NonNegativeCount).validate_python(0) == 0
    assert TypeAdapter(Fraction).validate_python("50%") == 0.5
    number = TypeAdapter(Width).validate_python(in_base_units(16))
    assert number == 16 and type(number) is int


@pytest.mark.parametrize("kind", [Count, Frequency, Size, Fraction])
def test_the_json_schema_accepts_its_own_example(kind):
    schema = TypeAdapter(kind).json_schema()
    text = next((each for each in schema.get("anyOf", []) if each["type"] == "string"), schema)
    for example in text["examples"]:
        assert re.search(text["pattern"], example)
        TypeAdapter(kind).validate_python(example)
