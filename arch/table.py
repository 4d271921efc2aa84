"""Component energy and area: the rows of a table, continued by stated laws, each answer with its provenance.

- `dram`, read and write: `bits`. Energy in proportion to bits. Not on the chip.
- `sram`, read and write: `size_bytes`, `row_bits`. Energy of a row by a power law in size (a line on
  log-log paper), in proportion to the bits of a row. Area: `size_bytes`, `side`; affine in bytes
  (periphery and cells), by the rows of the side that is nearest on a logarithmic scale.
- `register_file`, read and write: `depth`, `word_bits`. Energy linear in the address bits ⌈log2 depth⌉, in
  proportion to the bits of a word. Area: `depth`, `word_bits`; the table's formula, its bits in the same proportion.
- `mac`, `add`, ..., compute: `type`. Energy of the row for that number type, or by the laws of `arch.widths` from
  the nearest. Without a type, of the first row. Area: `type`, `beside`;
  nothing where the hardware lies inside that of an operation it stands `beside`.
- `column`, `machine`: areas that come with each column of an array and with the machine, if the table has
  them.

Attributes may be arrays of design points. The laws keep their last piece beyond the first and last row.
Where no row is hit, `Cost.how` names the law and says whether the point lies between rows or beyond them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from specs import Library, SpecError, unknown

from .cost import ASSUMPTION, Cost, join
from .tablespec import PlainArea, SramAreaRow, TableSpec
from .widths import row_for

_ARRAYS = Path(__file__).parent / "tables"
_DRAM = _ARRAYS / "dram"
TABLES = Library("table", (_ARRAYS, _DRAM), TableSpec)
MEMORIES = ("dram", "sram", "register_file")
MEMORY_ACTIONS = ("read", "write")


@dataclass(frozen=True)
class Table:
    """An energy and area table, by name.

    >>> table("fusemax-45nm").energy_pj("mac", "compute")
    Cost(value=17.1645, how='table', source='arXiv 2406.10491, artifact (Accelergy, Aladdin plug-in)')
    """

    name: str
    spec: TableSpec

    @property
    def components(self) -> tuple[str, ...]:
        """What the table has.

        >>> table("fusemax-45nm").components[:4]
        ('dram', 'sram', 'register_file', 'mac')
        """
        present = [name for name in MEMORIES if getattr(self.spec, name) is not None]
        return (*present, *self.spec.operations)

    def energy_pj(self, component: str, action: str, **attributes: Any) -> Cost:
        """The energy of one action in pJ; attributes as listed above, numbers or arrays.

        Raises SpecError for a component or action that the table lacks, TypeError for wrong attributes.

        >>> table("fusemax-45nm").energy_pj("sram", "read", size_bytes=2**24, row_bits=4096).value
        12512.760572
        >>> table("fusemax-45nm").energy_pj("sram", "read", size_bytes=2**26, row_bits=4096).how
        'extrapolated: sram energy by a power law in size beyond 16 MiB to 32 MiB'
        """
        self._require(component)
        actions = ("compute",) if component in self.spec.operations else MEMORY_ACTIONS
        if action not in actions:
            raise SpecError(unknown("action", action, actions, where=f"of '{component}'"))
        if component in self.spec.operations:
            return self._operation_energy(component, **attributes)
        energy: Callable[..., Cost] = getattr(self, f"_{component}_energy")
        return energy(action, **attributes)

    def area_um2(self, component: str, **attributes: Any) -> Cost:
        """The area of one component in µm²; attributes as listed above. The value is None where it has none.

        Raises SpecError for a component that the table lacks, TypeError for wrong attributes.

        >>> fusemax = table("fusemax-45nm")
        >>> fusemax.area_um2("add").value, fusemax.area_um2("add", beside=("mac", "max")).value
        (1030.0, 0.0)
        >>> round(fusemax.area_um2("register_file", depth=16).value, 1)
        16837.6
        """
        if component in ("column", "machine"):
            return _plain_area(getattr(self.spec, component))
        self._require(component)
        if component == "dram":
            return Cost(0.0, "table", "")
        if component == "sram":
            return self._sram_area(**attributes)
        if component == "register_file":
            return self._register_file_area(**attributes)
        return self._operation_area(component, **attributes)

    def _require(self, component: str) -> None:
        if component not in self.components:
            raise SpecError(unknown("component", component, self.components, where=f"in table '{self.name}'"))

    def _dram_energy(self, action: str, bits: Any = None) -> Cost:
        row = self.spec.dram
        assert row is not None
        return _cost(in_pj(getattr(row, action)) * (1 if bits is None else bits / row.bits), [], [row.source])

    def _sram_energy(self, action: str, size_bytes: Any, row_bits: Any) -> Cost:
        from .laws import power_law

        sram = self.spec.sram
        assert sram is not None
        if size_bytes is None:
            raise SpecError(f"table '{self.name}' has no energy of an unlimited sram; give the memory a size")
        rows = sorted(sram.energy, key=lambda row: row.size)
        sizes = [row.size for row in rows]
        value = power_law(size_bytes, sizes, [in_pj(getattr(row, action)) for row in rows])
        hows = [_how("sram energy by a power law in size", size_bytes, sizes, _sizes)]
        if _differs(row_bits, sram.row):
            hows.append(f"extrapolated: sram row in proportion to bits from {sram.row} b")
        return _cost(value * (row_bits / sram.row), hows, [row.source for row in rows])

    def _register_file_energy(self, action: str, depth: Any, word_bits: Any = None) -> Cost:
        from .laws import address_bits, straight_lines

        file = self.spec.register_file
        assert file is not None
        word_bits = file.word if word_bits is None else word_bits
        rows = {address_bits(row.depth): row for row in sorted(file.energy, key=lambda row: row.depth)}
        bits, xs = address_bits(depth), list(rows)
        value = straight_lines(bits, xs, [in_pj(getattr(row, action)) for row in rows.values()])
        hows = [_how("register file energy, linear in address bits", bits, xs, _bits)]
        if _differs(word_bits, file.word):
            hows.append(f"extrapolated: register word in proportion to bits from {file.word} b")
        return _cost(value * (word_bits / file.word), hows, [row.source for row in file.energy])

    def _operation_energy(self, name: str, type: str | None = None) -> Cost:
        row, factor, hows = row_for(name, self.spec.operations[name], type, lambda row: row.energy)
        return _cost(in_pj(row.energy) * factor, hows, [row.source])

    def _operation_area(self, name: str, beside: Sequence[str] = (), type: str | None = None) -> Cost:
        rows = self.spec.operations[name]
        if not any(type in row.types for row in rows):  # no law continues an area that is not there
            rows = [row for row in rows if row.area is not None] or rows
        row, factor, hows = row_for(name, rows, type, lambda row: row.area or row.energy)
        source = row.area_source or row.source
        if row.inside in beside:
            return Cost(0.0, "table", source)
        if row.area is None:
            return Cost(None, f"missing: table '{self.name}' has no area of '{name}'", "")
        return _cost(_um2(row.area) * factor, hows, [source])

    def _sram_area(self, size_bytes: Any, side: Any, ports: int = 1) -> Cost:
        """The area of an SRAM with this many ports; of a table without a rule for them, with one."""
        single = self._single_port_area(size_bytes, side)
        if ports == 1 or single.value is None:
            return single
        assert self.spec.sram is not None
        rule = self.spec.sram.ports
        if rule is None:
            return Cost(
                single.value, join([single.how, f"assumption: {ports} ports take no more than one"]), single.source
            )
        found = single.times(1 + rule.each * (ports - 1))
        return Cost(found.value, join([found.how, rule.source]), found.source)

    def _single_port_area(self, size_bytes: Any, side: Any) -> Cost:
        import numpy as np

        from .laws import nearest_row

        assert self.spec.sram is not None
        rows = sorted(self.spec.sram.area, key=lambda row: row.size)
        if not rows:
            return Cost(None, f"missing: table '{self.name}' has no area of sram", "")
        if size_bytes is None:
            return Cost(None, "missing: an unlimited sram has no area", "")
        sides = sorted({row.side for row in rows if row.side is not None})
        if not sides:
            value, how = _banked_area(size_bytes, rows)
            return _cost(value, [how], [row.source for row in rows])
        size_bytes, side = np.broadcast_arrays(size_bytes, side)
        chosen = nearest_row(side, sides)
        value, hows, sources = np.zeros(size_bytes.shape), list[str](), list[str]()
        for index in np.unique(chosen):
            points = chosen == index
            group = [row for row in rows if row.side == sides[index]]
            value[points], how = _banked_area(size_bytes[points], group)
            hows.append(how)
            sources += [row.source for row in group]
            if (side[points] != sides[index]).any():
                hows.append(f"extrapolated: sram area as banked for the nearest side, {sides[index]}")
        return _cost(float(value) if value.ndim == 0 else value, hows, sources)

    def _register_file_area(self, depth: Any, word_bits: Any = None) -> Cost:
        import numpy as np

        from .laws import address_bits

        file = self.spec.register_file
        assert file is not None
        area = file.area
        if area is None:
            return Cost(None, f"missing: table '{self.name}' has no area of register_file", "")
        if depth is None:
            return Cost(None, "missing: the registers of the unit are not stated", "")
        words, bits, hows = np.maximum(area.least_depth, depth), area.bits, list[str]()
        if word_bits is not None and _differs(word_bits, file.word):
            bits = bits * word_bits / file.word
            hows.append(f"extrapolated: register word in proportion to bits from {file.word} b")
        value = words * (_um2(area.per_word) + bits * _um2(area.per_bit))
        value = value + area.ports * _um2(area.per_address_bit) * address_bits(depth)
        return _cost(float(value) if np.ndim(value) == 0 else value, hows, [area.source])


@cache
def table(name: str) -> Table:
    """The table of that name, or of that file. Raises SpecError."""
    loaded = TABLES.load(name)
    return Table(loaded.name, loaded.model)


def table_names() -> tuple[str, ...]:
    """The tables of the library that price memories and operations of spatial machines.

    >>> table_names()
    ('fusemax-45nm', 'horowitz-45nm', 'tpu-7nm')
    """
    return tuple(Library("table", _ARRAYS, TableSpec).names())


def command_table_names() -> tuple[str, ...]:
    """The tables of the library that price the commands of DRAM devices.

    >>> command_table_names()
    ('cent', 'fgdram', 'iddx16')
    """
    return tuple(Library("table", _DRAM, TableSpec).names())


def known_table(name: str) -> str:
    """The name of a table of spatial machines, or of a table's file. Raises ValueError that lists the tables."""
    return _known(name, "energy table", table_names())


def known_command_table(name: str) -> str:
    """The name of a table of DRAM commands, or of a table's file. Raises ValueError that lists the tables."""
    return _known(name, "energy table of DRAM commands", command_table_names())


def _known(name: str, kind: str, names: Sequence[str]) -> str:
    if name not in names and not (name.endswith((".yaml", ".yml")) and Path(name).is_file()):
        raise ValueError(unknown(kind, name, names))
    return name


def _banked_area(sizes: Any, rows: Sequence[SramAreaRow]) -> tuple[Any, str]:
    """Area by the rows of one side: affine in bytes, through the origin if there is one row."""
    from .laws import straight_lines

    xs, ys = [row.size for row in rows], [_um2(row.area) for row in rows]
    if len(rows) == 1:
        how = f"extrapolated: sram area in proportion to bytes from {_sizes(xs[:1])[0]}"
        return sizes * (ys[0] / xs[0]), how if _differs(sizes, xs[0]) else "table"
    return straight_lines(sizes, xs, ys), _how("sram area, affine in bytes", sizes, xs, _sizes)


def _how(law: str, x: Any, xs: Sequence[float], show: Callable[[Sequence[float]], list[str]]) -> str:
    from .laws import coverage

    on, between, beyond = coverage(x, xs)
    first, last = show([xs[0], xs[-1]])
    rows = f"{first} to {last}"
    outside = f"beyond {rows}" if len(xs) > 1 else f"as at {first}"
    parts = (
        (on, "table"),
        (between, f"interpolated: {law} within {rows}"),
        (beyond, f"extrapolated: {law} {outside}"),
    )
    return join(text for holds, text in parts if holds)


def _cost(value: Any, hows: Sequence[str], sources: Sequence[str]) -> Cost:
    """A cost whose rows rest on those sources; a source that is an assumption becomes part of how."""
    assumed = [each for each in sources if each.startswith(ASSUMPTION)]
    measured = [each for each in hows if each != "table"] if assumed else hows
    return Cost(value, join([*measured, *assumed]) or "table", join(sources))


def _plain_area(row: PlainArea | None) -> Cost:
    return Cost(0.0, "table", "") if row is None else _cost(_um2(row.area), [], [row.source])


def _differs(value: Any, row: float) -> bool:
    return bool((value != row).any()) if hasattr(value, "any") else bool(value != row)


def _sizes(values: Sequence[float]) -> list[str]:
    """Sizes in the largest unit in which all are whole.

    >>> _sizes([256 * 1024, 512 * 1024]), _sizes([1024**2])
    (['256 KiB', '512 KiB'], ['1 MiB'])
    """
    units = {"GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10, "B": 1}
    unit = next((unit for unit, size in units.items() if all(value % size == 0 for value in values)), "B")
    return [f"{value / units[unit]:.15g} {unit}" for value in values]


def _bits(values: Sequence[float]) -> list[str]:
    return [f"{value:g}" for value in values]


def in_pj(energy_j: float) -> float:
    """An energy of a table in pJ.

    >>> in_pj(249.6e-12)
    249.6
    """
    return float(Decimal(repr(energy_j)).scaleb(12))  # by decimals


def _um2(area_mm2: float | None) -> float:
    return 0.0 if area_mm2 is None else float(Decimal(repr(area_mm2)).scaleb(6))
