"""Units that compute, in the files of machines: their keys, their units, and what may stand together."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from specs import Misplaced, Quantity, Spec
from specs.paths import slots

from .operations import OperationName

AXES = ("rows", "cols", "lanes")
OF_ARRAYS = ("rows", "cols", "return_path", "hop")  # keys of units with rows and cols
OF_VECTORS = ("lanes",)  # and of units with lanes
RESERVED = ("machine", "control", "clock", "leakage", "wires")  # components that every machine has in results

Path = tuple[str | int, ...]
Axis = Annotated[int, Quantity("count", most=1 << 20)]  # elements along one axis
Depth = Annotated[int, Quantity("count", most=1 << 20)]  # words of a register file
Cycles = Annotated[int, Quantity("count", most=1 << 20)]  # of one operation, and steps of a sequence
ComponentName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]  # so that paths and ties can name it


class OperationSpec(Spec):
    """One operation: native (one every `interval` cycles, done after `latency`), or `as` a sequence.

    A latency that is not given is the interval. `as: {mac: 6}` spells an operation in native ones; it then takes
    their time and energy.
    """

    sequence: dict[OperationName, Cycles] | None = Field(default=None, alias="as")
    interval: Cycles = 1
    latency: Cycles | None = None

    @field_validator("latency")
    @classmethod
    def _over_before_its_result(cls, latency: int | None, others: ValidationInfo) -> int | None:
        interval = others.data.get("interval", 1)
        is_native = others.data.get("sequence") is None
        if is_native and latency is not None and latency < interval:
            cycles = "1 cycle" if latency == 1 else f"{latency} cycles"
            found = f"a latency of {cycles} is shorter than the interval of {interval}"
            why = "a result cannot be there before its operation is over"
            raise Misplaced(f"{found}: {why}; give a latency of at least {interval}")
        return latency

    @model_validator(mode="after")
    def _one_timing(self) -> OperationSpec:
        for key in ("interval", "latency"):
            if self.sequence is not None and key in self.model_fields_set:
                message = f"a sequence takes the {key} of its steps; leave out '{key}' or 'as'"
                raise Misplaced(message, (key,), key=True)
        if self.sequence == {}:
            raise Misplaced("a sequence of nothing; leave 'as' out for a native operation", ("as",), key=True)
        return self


class UnitSpec(Spec):
    """An array of rows × cols, or a vector of lanes, with `registers` words for each element.

    Of an array, `return_path` says how a value that was made below the columns gets back to the rows, and `hop`
    how many cycles lie between one row and the next. `handover` says how results leave that go straight to memory.
    """

    rows: Axis | None = None
    cols: Axis | None = None
    lanes: Axis | None = None
    registers: Depth | None = None
    return_path: Literal["broadcast", "wrap"] = "broadcast"
    hop: Cycles | None = None
    handover: Literal["wavefront", "rows"] = "wavefront"
    operations: Annotated[dict[OperationName, OperationSpec], Field(min_length=1)]

    @field_validator("return_path", "hop")
    @classmethod
    def _of_rows(cls, value: Any, others: ValidationInfo) -> Any:
        shape = [axis for axis in AXES if others.data.get(axis) is not None]
        if shape == ["lanes"] and value is not None:
            key = others.field_name
            message = f"only a unit with 'rows' and 'cols' has '{key}'; found 'lanes': leave '{key}' out"
            raise Misplaced(message, key=True)
        return value

    @model_validator(mode="after")
    def _one_shape(self) -> UnitSpec:
        given = list(axes(self))
        if given not in (["rows", "cols"], ["lanes"]):
            found = " and ".join(f"'{axis}'" for axis in given) or "neither"
            raise Misplaced(f"a unit has 'rows' and 'cols', or 'lanes'; found {found}", key=True)
        return self


def axes(unit: UnitSpec) -> dict[str, Any]:
    """The axes of a unit in order."""
    return {axis: size for axis in AXES if (size := getattr(unit, axis)) is not None}


def settable(cls: type[Spec], data: Any) -> list[str]:
    """The keys of a machine that an argument or a tie may name: of a unit's only those that suit its shape.

    So `lanes` alone reaches the one vector of a machine, and `cols` its one array.
    """
    units = data.get("units") if isinstance(data, dict) else None
    others = {
        f"units.{name}.{key}"
        for name, unit in (units.items() if isinstance(units, dict) else ())
        if isinstance(unit, dict)
        for key in (OF_ARRAYS if "lanes" in unit else OF_VECTORS if "rows" in unit else ())
        if key not in unit
    }
    return [path for path in slots(cls, data) if path not in others]


def reserved(key: str, names: Collection[str]) -> Iterator[tuple[str, Path]]:
    """Names under a key that results give to other components: a sentence for each, and its path."""
    for name in sorted(set(names) & set(RESERVED)):
        yield f"'{name}' is what results call another component of their own; choose another name", (key, name)


def unit_faults(units: Mapping[str, UnitSpec], memories: Collection[str]) -> Iterator[tuple[str, Path]]:
    """What does not fit together in units that are each in order: sentences, and paths of keys."""
    yield from reserved("units", units)
    for name in sorted(set(memories) & set(units)):
        yield f"'{name}' is a memory and a unit; give them different names", ("units", name)
    for name, unit in units.items():
        native = [each for each, operation in unit.operations.items() if operation.sequence is None]
        for each, operation in unit.operations.items():
            for step in operation.sequence or ():
                if step not in native:
                    known = ", ".join(native) or "none"
                    message = f"'{each}' uses '{step}', which is not native on unit '{name}'; native: {known}"
                    yield message, ("units", name, "operations", each, "as", step)
