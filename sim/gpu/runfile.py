"""A run file: what one machine measured in one go, as its measuring script wrote it (JSON).

Keys that are not named here are let be, since what was measured once cannot be measured again. What is named is held
to what makes a measurement one: its units, enough runs, percentiles in order, and the gate that comes before any time.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from specs import Misplaced, Place, Problem, SpecError, faults

from .rows import NonNegative, Positive, RowSpec, Text, Whole, Written, in_order
from .run import Measurements, Run, Times, Unfinished

SCHEMA = "einfuse-gpu-runs/1"
MOST_ENERGY_ROWS = 40
LEAST_ENERGY_S = 2.0
OVER_LIMIT = 1.1  # of the power limit: an assumption of how far a board may pass it for two seconds

Sum = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ScriptSpec(Written):
    """Which script measured."""

    commit: Text | None
    sha256: Sum


class GridSpec(Written):
    """Which points it was to measure."""

    name: Literal["quick", "full"]
    sha256: Sum
    rows: Whole


class CeilingSpec(Written):
    """A measured ceiling: its distribution, of how many runs, and at which clock."""

    median: Positive
    p10: Positive
    p90: Positive
    runs: Whole
    sm_mhz: NonNegative | None = None

    @model_validator(mode="after")
    def _is_in_order(self) -> CeilingSpec:
        in_order(self)
        return self


class CeilingsSpec(Written):
    """What a plain product and a plain copy reached on the same chip; null, where a note says why."""

    gemm_bf16_tflops: CeilingSpec | None
    copy_gb_per_s: CeilingSpec | None


class ClockSpec(Written):
    """The state of the chip at one moment; null is what could not be had."""

    sm_mhz: NonNegative | None = None
    sm_mhz_max: NonNegative | None = None
    mem_mhz: NonNegative | None = None
    throttle_reasons: list[str] | None = None
    temperature_c: float | None = None
    power_w: NonNegative | None = None


class ClocksSpec(Written):
    """Before the first point, and after the last."""

    before: ClockSpec
    after: ClockSpec


class RunFileSpec(Written):
    """A run file."""

    format: Annotated[Literal["einfuse-gpu-runs/1"], Field(alias="schema")]
    script: ScriptSpec
    grid: GridSpec
    gpu: Text
    gpu_memory_bytes: Whole
    sm_count: Whole
    compute_capability: Annotated[str, Field(pattern=r"^\d+\.\d+$")]
    driver: Text
    cuda: Text
    torch: Text
    triton: Text | None
    cudnn: Text | None
    python: Text
    date: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
    power_limit_w: Positive | None
    seconds: Positive
    ceilings: CeilingsSpec
    clocks: ClocksSpec
    idle_power_w: NonNegative | None
    notes: list[Text] = Field(default_factory=list)
    rows: list[RowSpec]

    @field_validator("date")
    @classmethod
    def _day_is_one(cls, date: str) -> str:
        try:
            datetime.strptime(date, "%Y-%m-%dT%H:%M:%SZ")
        except ValueError:
            raise ValueError(f"found '{date}', which is no day and time") from None
        return date

    @model_validator(mode="after")
    def _rows_agree(self) -> RunFileSpec:
        if len(self.rows) > self.grid.rows:
            raise Misplaced(
                f"found {len(self.rows)} rows, expected at most the {self.grid.rows} of the grid", ("rows",)
            )
        seen: dict[Any, int] = {}
        for index, row in enumerate(self.rows):
            for key, what in ((row.id, f"'{row.id}' is the id"), (row.asked, "kernel, point and parameters are those")):
                if key in seen:
                    raise Misplaced(f"{what} of row {seen[key]} already", ("rows", index, "id"))
            seen |= {row.id: index, row.asked: index}
        priced = sum(row.energy_j is not None for row in self.rows)
        if priced > MOST_ENERGY_ROWS:
            raise Misplaced(f"found {priced} rows with an energy, expected at most {MOST_ENERGY_ROWS}", ("rows",))
        return self

    @model_validator(mode="after")
    def _energies_can_be(self) -> RunFileSpec:
        for index, row in enumerate(self.rows):
            if row.energy_seconds is not None and row.energy_seconds < LEAST_ENERGY_S:
                message = f"found {row.energy_seconds:g} s, expected at least {LEAST_ENERGY_S:g} s"
                raise Misplaced(message, ("rows", index, "energy_seconds"))
            power, limit = row.power_w, self.power_limit_w
            if power is not None and limit is not None and power > OVER_LIMIT * limit:
                message = (
                    f"found {power:.0f} W for {row.energy_seconds:.2g} s, expected no more than {limit:g} W, the limit"
                )
                raise Misplaced(message, ("rows", index, "energy_j"))
        return self


def read_run_file(path: Path) -> Measurements:
    """A run file of ours. Raises SpecError that names the file, the row and the key of every fault."""
    data = path.read_bytes()
    spec = checked(_json(path, data), str(path))
    source = f"{path.name} ({spec.gpu}, {spec.date[:10]})"
    sha256 = hashlib.sha256(data).hexdigest()
    runs = tuple(_run(row, spec.gpu, source, sha256) for row in spec.rows if row.status == "ok")
    unfinished = tuple(
        Unfinished(row.id, row.kernel, row.status, row.reason or "") for row in spec.rows if row.status != "ok"
    )
    return Measurements(source, "run file", len(spec.rows), runs, unfinished, spec, sha256)


def checked(value: Any, source: str) -> RunFileSpec:
    """The run file that plain data is. Raises SpecError with all faults."""
    try:
        return RunFileSpec.model_validate(value)
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise SpecError(faults.problems(details, value, RunFileSpec, "run file", lambda *_: Place(source))) from None


def _run(row: RowSpec, chip: str, source: str, sha256: str) -> Run:
    assert row.median is not None
    warm = None if row.median_warm is None else Times(row.median_warm, row.p10_warm, row.p90_warm)
    return Run(
        chip,
        row.kernel,
        row.point(),
        Times(row.median, row.p10, row.p90),
        source,
        row=row.id,
        ours=True,
        warm=warm,
        energy_j=row.energy_j,
        idle_energy_j=row.idle_energy_j,
        relative_error=row.relative_error,
        parameters=row.parameters,
        sm_mhz=row.sm_mhz if row.sm_mhz_flushed is None else row.sm_mhz_flushed,
        file=sha256,
    )


def _json(path: Path, data: bytes) -> Any:
    def refuse(word: str) -> None:
        raise ValueError(f"{word} is no number of JSON; write null")

    try:
        value = json.loads(data.decode("utf-8"), parse_constant=refuse, object_pairs_hook=_once)
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # half of a pair of surrogates is no text
    except RecursionError:
        raise SpecError(Problem("not a run file: its values are nested too deep", Place(str(path)))) from None
    except ValueError as error:
        raise SpecError(Problem(f"not a run file: {error}", Place(str(path)))) from None
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these keys. Raises ValueError if one is there twice: which of both was measured?"""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key '{twice}' is there twice in one object")
    return found
