"""A run file: what one machine measured in one go, as its measuring script wrote it (JSON).

Keys that are not named here are let be, since what was measured once cannot be measured again. What is named is held
to what makes a measurement one: its units, enough runs, percentiles in order, and the gate that comes before any time.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from specs import Misplaced, Place, Problem, SpecError, faults
from specs.units import LARGEST_COUNT

from .point import BYTES, Point
from .run import LEAST_S, MOST_S, Measurements, Run, Times, Unfinished

SCHEMA = "einfuse-gpu-runs/1"
LEAST_RUNS = 20
MOST_RELATIVE_ERROR = 1e-2  # against float64; what the measuring script's gate lets pass
MOST_ENERGY_ROWS = 40

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0, le=1e12)]
Seconds = Annotated[float, Field(ge=LEAST_S, le=MOST_S)]
Whole = Annotated[int, Field(gt=0, le=LARGEST_COUNT)]
Parameter = int | float | bool | str | None  # of a kernel: tile sizes, splits, warps, stages


class Written(BaseModel):
    """The base of what a script writes: frozen, no infinities, further keys let be."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, allow_inf_nan=False)


class ScriptSpec(Written):
    """Which script measured."""

    commit: str | None
    sha256: str


class GridSpec(Written):
    """Which points it was to measure."""

    name: Literal["quick", "full"]
    sha256: str
    rows: Whole


class CeilingSpec(Written):
    """A measured ceiling: its distribution, and of how many runs."""

    median: Positive
    p10: Positive
    p90: Positive
    runs: Whole


class CeilingsSpec(Written):
    """What a plain product and a plain copy reached on the same chip."""

    gemm_bf16_tflops: CeilingSpec
    copy_gb_per_s: CeilingSpec


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


class RowSpec(Written):
    """A kernel at a point. Times are in seconds, energies in joules of one call."""

    id: str
    phase: Literal["prefill", "decode"]
    batch: Whole
    q_len: Whole
    kv_len: Whole
    q_heads: Whole
    kv_heads: Whole
    head_dim: Whole
    dtype: str
    causal: bool
    window: Whole | None
    kernel: str
    parameters: dict[str, Parameter]
    status: Literal["ok", "skipped", "wrong", "failed"]
    reason: str | None
    median: Seconds | None
    p10: Seconds | None
    p90: Seconds | None
    runs: Annotated[int, Field(ge=0)] | None
    median_warm: Seconds | None = None
    p10_warm: Seconds | None = None
    p90_warm: Seconds | None = None
    runs_warm: Annotated[int, Field(ge=0)] | None = None
    relative_error: Annotated[float, Field(ge=0)] | None
    sm_mhz: NonNegative | None = None
    energy_j: NonNegative | None = None
    idle_energy_j: NonNegative | None = None
    energy_runs: Annotated[int, Field(ge=0)] | None = None

    @field_validator("dtype")
    @classmethod
    def _type_is_known(cls, dtype: str) -> str:
        if dtype not in BYTES:
            raise ValueError(f"found '{dtype}', expected one of: {', '.join(BYTES)}")
        return dtype

    @model_validator(mode="after")
    def _is_whole(self) -> RowSpec:
        self.point()
        if self.status == "ok":
            self._is_measured()
        elif self.median is not None:
            raise Misplaced(f"found a time of a row that is '{self.status}', expected null", ("median",))
        elif not self.reason:
            raise Misplaced(f"a row that is '{self.status}' says why", ("reason",))
        return self

    def _is_measured(self) -> None:
        for name in ("median", "p10", "p90"):
            if getattr(self, name) is None:
                raise Misplaced("found null, expected a time, since the row is 'ok'", (name,))
        if (self.runs or 0) < LEAST_RUNS:
            raise Misplaced(f"found {self.runs}, expected at least {LEAST_RUNS}", ("runs",))
        if self.relative_error is None or self.relative_error > MOST_RELATIVE_ERROR:
            found = "null" if self.relative_error is None else self.relative_error
            message = f"found {found}, expected at most {MOST_RELATIVE_ERROR:g}, since the row is 'ok'"
            raise Misplaced(message, ("relative_error",))
        for suffix in ("", "_warm"):
            low, middle, high = (getattr(self, f"{name}{suffix}") for name in ("p10", "median", "p90"))
            if None not in (low, middle, high) and not low <= middle <= high:
                message = f"found {middle:g} outside of p10 to p90, {low:g} to {high:g}"
                raise Misplaced(message, (f"median{suffix}",))

    def point(self) -> Point:
        """What was computed."""
        return Point(
            self.phase, self.batch, self.q_len, self.kv_len, self.q_heads, self.kv_heads, self.head_dim, self.dtype,
            causal=self.causal, window=self.window,
        )  # fmt: skip


class RunFileSpec(Written):
    """A run file."""

    format: Annotated[Literal["einfuse-gpu-runs/1"], Field(alias="schema")]
    script: ScriptSpec
    grid: GridSpec
    gpu: str
    gpu_memory_bytes: Whole
    sm_count: Whole
    compute_capability: str
    driver: str
    cuda: str
    torch: str
    triton: str | None
    cudnn: str | None
    python: str
    date: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
    power_limit_w: Positive | None
    seconds: Positive
    ceilings: CeilingsSpec
    clocks: ClocksSpec
    idle_power_w: NonNegative | None
    rows: list[RowSpec]

    @model_validator(mode="after")
    def _rows_agree(self) -> RunFileSpec:
        seen: dict[str, int] = {}
        for index, row in enumerate(self.rows):
            if row.id in seen:
                raise Misplaced(f"'{row.id}' is the id of row {seen[row.id]} already", ("rows", index, "id"))
            seen[row.id] = index
        priced = sum(row.energy_j is not None for row in self.rows)
        if priced > MOST_ENERGY_ROWS:
            raise Misplaced(f"found {priced} rows with an energy, expected at most {MOST_ENERGY_ROWS}", ("rows",))
        return self


def read_run_file(path: Path) -> Measurements:
    """A run file of ours. Raises SpecError that names the file, the row and the key of every fault."""
    spec = checked(_json(path), str(path))
    source = f"{path.name} ({spec.gpu}, {spec.date[:10]})"
    runs = tuple(_run(row, spec.gpu, source) for row in spec.rows if row.status == "ok")
    unfinished = tuple(
        Unfinished(row.id, row.kernel, row.status, row.reason or "") for row in spec.rows if row.status != "ok"
    )
    return Measurements(source, "run file", len(spec.rows), runs, unfinished, spec)


def checked(value: Any, source: str) -> RunFileSpec:
    """The run file that plain data is. Raises SpecError with all faults."""
    try:
        return RunFileSpec.model_validate(value)
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise SpecError(faults.problems(details, value, RunFileSpec, "run file", lambda *_: Place(source))) from None


def _run(row: RowSpec, chip: str, source: str) -> Run:
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
    )


def _json(path: Path) -> Any:
    def refuse(word: str) -> None:
        raise ValueError(f"{word} is no number of JSON; write null")

    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    except ValueError as error:
        raise SpecError(Problem(f"not a run file: {error}", Place(str(path)))) from None
