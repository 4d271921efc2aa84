"""Tables: every row comes back as published, laws between and beyond, and what each cost says of itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arch.cost import Cost, total
from arch.table import table, table_names
from arch.widths import WIDTHS
from specs import SpecError

FUSEMAX, HOROWITZ, TPU = table("fusemax-45nm"), table("horowitz-45nm"), table("tpu-7nm")
TABLES = [table(name) for name in table_names()]
sizes = st.integers(1 << 10, 1 << 30)
MIB = 1 << 20


@pytest.mark.parametrize(
    ("component", "attributes", "read", "write"),
    [
        ("dram", {"bits": 64}, 249.6, 249.6),
        ("dram", {}, 249.6, 249.6),
        ("sram", {"size_bytes": 16 * MIB, "row_bits": 4096}, 12512.760572, 15751.460572),
        ("sram", {"size_bytes": 32 * MIB, "row_bits": 4096}, 23854.664592, 27097.564592),
        ("register_file", {"depth": 4}, 2.182395, 1.894395),
        ("register_file", {"depth": 12}, 2.190435, 1.902435),
        ("register_file", {"depth": 16}, 2.190435, 1.902435),
        ("register_file", {"depth": 32, "word_bits": 16}, 2.194455, 1.906455),
    ],
)
def test_fusemax_memory_rows_come_back_exactly(component, attributes, read, write):
    costs = [FUSEMAX.energy_pj(component, action, **attributes) for action in ("read", "write")]
    assert [cost.value for cost in costs] == [read, write]
    assert {cost.how for cost in costs} == {"table"}


@pytest.mark.parametrize(
    ("operation", "energy", "area"),
    [
        ("mac", 17.1645, 1545.0),
        ("mul", 17.1645, 1545.0),
        ("add", 8.3395, 1030.0),
        ("max", 0.028036, 49.29),
        ("min", 0.028036, 49.29),
        ("exp", 94.6475, 8240.0),
        ("divide", 36.251153, 23740.94),
    ],
)
def test_fusemax_operation_rows_come_back_exactly(operation, energy, area):
    assert FUSEMAX.energy_pj(operation, "compute").value == energy
    assert FUSEMAX.area_um2(operation).value == area


@pytest.mark.parametrize(("depth", "area"), [(4, 16814.3), (12, 16837.6), (16, 16837.6), (32, 16849.2)])
def test_fusemax_register_file_areas_are_the_published_ones(depth, area):
    assert FUSEMAX.area_um2("register_file", depth=depth).value == pytest.approx(area, abs=0.05)


@pytest.mark.parametrize(
    "row", FUSEMAX.spec.sram.area if FUSEMAX.spec.sram else (), ids=lambda row: f"{row.side}-{row.size}"
)
def test_fusemax_buffer_area_rows_come_back_exactly(row):
    cost = FUSEMAX.area_um2("sram", size_bytes=row.size, side=row.side)
    assert (cost.value, cost.how) == (round(row.area * 1e6), "table")


@pytest.mark.parametrize(
    ("operation", "type", "energy", "area"),
    [
        ("add", "fp16", 0.4, 1360),
        ("add", "fp32", 0.9, 4184),
        ("add", "int8", 0.03, 36),
        ("add", "int16", 0.05, 67),
        ("add", "int32", 0.1, 137),
        ("mul", "fp16", 1.1, 1640),
        ("mul", "fp32", 3.7, 7700),
        ("mul", "int8", 0.2, 282),
        ("mul", "int32", 3.1, 3495),
        ("mac", None, 1.1 + 0.9, 1640 + 4184),
    ],
)
def test_horowitz_rows_come_back_exactly(operation, type, energy, area):
    assert HOROWITZ.energy_pj(operation, "compute", type=type).value == energy
    assert HOROWITZ.area_um2(operation, type=type).value == area


@pytest.mark.parametrize(
    ("operation", "type", "energy"),
    [
        ("add", "int8", 0.007),
        ("add", "int32", 0.03),
        ("add", "bf16", 0.11),
        ("add", "fp16", 0.16),
        ("add", "fp32", 0.38),
        ("mul", "int8", 0.07),
        ("mul", "int32", 1.48),
        ("mul", "bf16", 0.21),
        ("mul", "fp16", 0.34),
        ("mul", "fp32", 1.31),
        ("mac", None, 0.21 + 0.38),
    ],
)
def test_tpu_rows_come_back_exactly(operation, type, energy):
    cost = TPU.energy_pj(operation, "compute", type=type)
    assert (cost.value, cost.how) == (energy, "table")


@pytest.mark.parametrize(("size", "energy"), [(8 << 10, 7.5), (32 << 10, 8.5), (MIB, 14.0)])
def test_tpu_memory_rows_come_back_exactly(size, energy):
    assert TPU.energy_pj("sram", "read", size_bytes=size, row_bits=64).value == energy
    assert TPU.energy_pj("dram", "read").value == (250 + 450) / 2


def test_the_authors_mac_is_several_times_what_others_publish_at_45_nm():
    ratio = (
        FUSEMAX.energy_pj("mac", "compute", type="fp16").value / HOROWITZ.energy_pj("mac", "compute", type="fp16").value
    )
    assert ratio == pytest.approx(8.58, abs=0.01)


@pytest.mark.parametrize(("size", "energy"), [(8 << 10, 10.0), (32 << 10, 20.0), (MIB, 100.0)])
def test_horowitz_cache_rows_come_back_exactly(size, energy):
    assert HOROWITZ.energy_pj("sram", "read", size_bytes=size, row_bits=64) == Cost(
        energy, "table", "Horowitz, ISSCC 2014, figure 1.1.9 (a cache access)"
    )


@pytest.mark.parametrize("costs", TABLES, ids=lambda each: each.name)
@given(points=st.lists(sizes, min_size=1, max_size=8), side=st.integers(1, 2048))
def test_arrays_hold_the_values_of_their_numbers(costs, points, side):
    array = np.array(points, dtype=np.int64)
    sides = np.resize([side, 16, 300], len(points))
    together = costs.energy_pj("sram", "write", size_bytes=array, row_bits=side * 16).value
    apart = [costs.energy_pj("sram", "write", size_bytes=point, row_bits=side * 16).value for point in points]
    assert list(together) == pytest.approx(apart, rel=1e-13)
    areas = costs.area_um2("sram", size_bytes=array, side=sides).value
    apart = [
        costs.area_um2("sram", size_bytes=point, side=int(one)).value for point, one in zip(points, sides, strict=True)
    ]
    assert list(areas) == pytest.approx(apart, rel=1e-13)
    depths = array % 1000 + 1
    for cost in (
        lambda depth: costs.energy_pj("register_file", "read", depth=depth),
        lambda depth: costs.area_um2("register_file", depth=depth),
    ):
        assert list(cost(depths).value) == [cost(int(depth)).value for depth in depths]


@pytest.mark.parametrize("costs", TABLES, ids=lambda each: each.name)
@given(points=st.lists(sizes, min_size=2, max_size=8), side=st.integers(1, 2048))
def test_a_larger_memory_never_costs_less(costs, points, side):
    array = np.array(sorted(points))
    for value in (
        costs.energy_pj("sram", "read", size_bytes=array, row_bits=64).value,
        costs.area_um2("sram", size_bytes=array, side=side).value,
        costs.energy_pj("register_file", "read", depth=array).value * np.ones(len(array)),
        costs.area_um2("register_file", depth=array).value,
    ):
        assert (value > 0).all()
        assert (np.diff(value) >= -1e-12 * value[:-1]).all()


@given(bits=st.integers(1, 1 << 20))
def test_energy_is_in_proportion_to_the_bits_moved(bits):
    dram = FUSEMAX.energy_pj("dram", "read", bits=bits).value
    assert dram == pytest.approx(249.6 * bits / 64)
    row = FUSEMAX.energy_pj("sram", "read", size_bytes=16 * MIB, row_bits=bits).value
    assert row == pytest.approx(12512.760572 * bits / 4096)


@pytest.mark.parametrize(
    ("component", "attributes", "how"),
    [
        ("sram", {"size_bytes": 16 * MIB, "row_bits": 4096}, "table"),
        (
            "sram",
            {"size_bytes": 24 * MIB, "row_bits": 4096},
            "interpolated: sram energy by a power law in size within 16 MiB to 32 MiB",
        ),
        (
            "sram",
            {"size_bytes": MIB // 2, "row_bits": 512},
            "extrapolated: sram energy by a power law in size beyond 16 MiB to 32 MiB; "
            "extrapolated: sram row in proportion to bits from 4096 b",
        ),
        (
            "sram",
            {"size_bytes": np.array([16, 24, 64]) * MIB, "row_bits": 4096},
            "interpolated: sram energy by a power law in size within 16 MiB to 32 MiB; "
            "extrapolated: sram energy by a power law in size beyond 16 MiB to 32 MiB",
        ),
        (
            "register_file",
            {"depth": 8},
            "interpolated: register file energy, linear in address bits within 2 to 5",
        ),
        (
            "register_file",
            {"depth": 64},
            "extrapolated: register file energy, linear in address bits beyond 2 to 5",
        ),
    ],
)
def test_how_names_the_law_and_whether_it_left_the_rows(component, attributes, how):
    assert FUSEMAX.energy_pj(component, "read", **attributes).how == how


@pytest.mark.parametrize(
    ("size", "side", "how"),
    [
        (256 << 10, 256, "table"),
        (384 << 10, 256, "interpolated: sram area, affine in bytes within 256 KiB to 512 KiB"),
        (16 * MIB, 256, "extrapolated: sram area, affine in bytes beyond 256 KiB to 512 KiB"),
        (256 << 10, 200, "extrapolated: sram area as banked for the nearest side, 256"),
    ],
)
def test_how_names_the_law_of_an_area(size, side, how):
    assert FUSEMAX.area_um2("sram", size_bytes=size, side=side).how == how


def test_an_area_without_banking_is_in_proportion_to_bytes():
    cell_um2, share = 0.346, 0.5
    for size in (1, MIB, 16 * MIB):
        area = HOROWITZ.area_um2("sram", size_bytes=size, side=77)
        assert area.value == pytest.approx(size * 8 * cell_um2 / share, rel=1e-6)
        assert "nearest side" not in area.how


def test_a_halfway_size_by_hand():
    """Halfway between two rows the area is their mean, and in ratio the energy their geometric mean."""
    area = FUSEMAX.area_um2("sram", size_bytes=384 << 10, side=256).value
    assert area == (2141035 + 2797486) / 2
    assert HOROWITZ.energy_pj("sram", "read", size_bytes=16 << 10, row_bits=64).value == pytest.approx(200**0.5)


@pytest.mark.parametrize(
    ("component", "action", "how"),
    [
        ("max", "compute", "assumption: floats compare as integers of their width, by the int32 adder"),
        ("exp", "compute", "assumption: a pipeline of 6 macs"),
        (
            "dram",
            "read",
            "assumption: the middle of the published range 1.3 to 2.6 nJ per 64 bits (Horowitz, ISSCC 2014, "
            "figure 1.1.9)",
        ),
    ],
)
def test_an_assumption_shows_in_how(component, action, how):
    assert HOROWITZ.energy_pj(component, action).how == how


@pytest.mark.parametrize(
    ("costs", "operation", "type", "energy", "how"),
    [
        (FUSEMAX, "mac", "fp8", 17.1645 / 4, "assumption: mac in fp8 from fp16, by the square of the width"),
        (FUSEMAX, "mac", "fp32", 17.1645 * 4, "assumption: mac in fp32 from fp16, by the square of the width"),
        (FUSEMAX, "mac", "int16", 17.1645, "assumption: mac in int16 as in fp16, of the same width"),
        (FUSEMAX, "add", "fp64", 8.3395 * 4, "assumption: add in fp64 from fp16, in proportion to the width"),
        (
            HOROWITZ,
            "mac",
            "int16",
            (0.3 * 3.2) ** 0.5,
            "assumption: mac in int16 between int8 and int32, by a power of the width",
        ),
        (
            HOROWITZ,
            "max",
            "int8",
            0.025,
            "assumption: max in int8 from int32, in proportion to the width; "
            "assumption: floats compare as integers of their width, by the int32 adder",
        ),
        (HOROWITZ, "mac", "nf3", 2.0, "assumption: mac in nf3 costs what it costs in fp16"),
    ],
)
def test_a_type_without_a_row_is_priced_by_a_law_that_how_names(costs, operation, type, energy, how):
    cost = costs.energy_pj(operation, "compute", type=type)
    assert (cost.value, cost.how) == (pytest.approx(energy, rel=1e-12), how)


@pytest.mark.parametrize("costs", TABLES, ids=lambda each: each.name)
def test_every_type_has_a_price_that_grows_with_its_width(costs):
    for operation in costs.spec.operations:
        for family in (("fp8", "fp16", "fp32", "fp64"), ("fp8", "bf16", "fp32", "fp64"), ("int8", "int16", "int32")):
            for value in (
                [costs.energy_pj(operation, "compute", type=type).value for type in family],
                [costs.area_um2(operation, type=type).value for type in family],
            ):
                assert value == sorted(value) and value[0] < value[-1], (operation, family)
    mac = {type: costs.energy_pj("mac", "compute", type=type).value for type in WIDTHS}
    assert mac["int8"] < mac["bf16"] <= mac["fp16"] <= mac["fp32"] < mac["fp64"]


@pytest.mark.parametrize("costs", TABLES, ids=lambda each: each.name)
def test_fixed_point_costs_what_integers_of_its_width_do(costs):
    def all_in(type):
        return np.array([costs.energy_pj(each, "compute", type=type).value for each in costs.spec.operations])

    for bits in (8, 16, 32):
        np.testing.assert_array_equal(all_in(f"fix{bits}.{bits - 6}"), all_in(f"int{bits}"))
    assert (all_in("fix64.26") > all_in("int32")).all()


def test_a_register_file_is_priced_by_the_bits_of_its_word():
    assert FUSEMAX.energy_pj("register_file", "read", depth=16, word_bits=32).value == 2 * 2.190435
    whole, half = (FUSEMAX.area_um2("register_file", depth=16, word_bits=bits) for bits in (16, 8))
    assert whole.value is not None and half.value is not None
    assert whole.value - half.value == pytest.approx(64 * 16 * 5.98)
    assert (whole.how, half.how) == ("table", "extrapolated: register word in proportion to bits from 16 b")


def test_hardware_inside_another_operation_is_not_counted_again():
    assert FUSEMAX.area_um2("add", beside=("mac",)).value == 0
    assert FUSEMAX.area_um2("add", beside=("max",)).value == 1030.0


@pytest.mark.parametrize("costs", TABLES, ids=lambda each: each.name)
def test_every_row_has_a_source(costs):
    for name, rows in costs.spec.operations.items():
        assert all(row.source for row in rows)
        assert costs.energy_pj(name, "compute").source


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda: FUSEMAX.energy_pj("tanh", "compute"),
            "unknown component 'tanh' in table 'fusemax-45nm'; allowed: dram, sram, register_file, mac, mul, "
            "add, max, min, exp, divide",
        ),
        (
            lambda: FUSEMAX.energy_pj("sram", "reed"),
            "unknown action 'reed' of 'sram'; did you mean 'read'? allowed: read, write",
        ),
        (lambda: FUSEMAX.energy_pj("mac", "read"), "unknown action 'read' of 'mac'; allowed: compute"),
        (
            lambda: FUSEMAX.energy_pj("sram", "read", size_bytes=None, row_bits=64),
            "table 'fusemax-45nm' has no energy of an unlimited sram; give the memory a size",
        ),
        (
            lambda: table("fusmax-45nm"),
            "unknown table 'fusmax-45nm'; did you mean 'fusemax-45nm'? allowed: cent, fgdram, fusemax-45nm, "
            "horowitz-45nm, iddx16, tpu-7nm (or a path to a .yaml file)",
        ),
    ],
)
def test_what_a_table_lacks_is_named(ask, message):
    with pytest.raises(SpecError) as caught:
        ask()
    assert str(caught.value) == message


def test_faults_of_a_table_come_together(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "table: mine\n"
        "sram:\n"
        "  row: 64 b\n"
        "  energy:\n"
        "    - {size: 1 KiB, read: 1 pJ, write: 1 pJ, source: a}\n"
        "    - {size: 1 KiB, read: 2 pJ, write: 1 pJ, source: b}\n"
        "register_file:\n"
        "  word: 16 b\n"
        "  energy:\n"
        "    - {depth: 9, read: 1 pJ, write: 1 pJ, source: a}\n"
        "    - {depth: 16, read: 2 pJ, write: 1 pJ, source: a}\n"
        "operations:\n"
        "  mac: [{energy: 3, source: a}]\n"
        "  add: [{energy: 3 pJ, source: ''}]\n"
        "  sub: [{energy: 3 pJ, source: 'a; b'}]\n"
    )
    with pytest.raises(SpecError) as caught:
        table(str(path))
    assert str(caught.value).replace(f"{path}:", "").splitlines() == [
        "6:7: sram.energy.1: two rows have the same size",
        "11:7: register_file.energy.1: depths 9 and 16 have as many address bits but different energies",
        "13:18: operations.mac.0.energy: missing unit: found '3', expected an energy such as '1.2 pJ'",
        "14:33: operations.add.0.source: a source is missing: name a publication, or write 'assumption: ' "
        "and the reasoning",
        "15:3: operations.sub: unknown operation 'sub'; allowed: mac, mul, add, max, min, exp, divide, sqrt, tanh, log",
        "15:33: operations.sub.0.source: found ';' in a source; write ','",
    ]


def test_a_total_keeps_every_how_and_source_once():
    parts = [Cost(1.0, "table", "a"), Cost(2.0, "table; extrapolated: x", "a; b"), Cost(3.0, "table", "")]
    assert total(parts) == Cost(6.0, "extrapolated: x", "a; b")
