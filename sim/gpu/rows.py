"""A row of a run file: a kernel at a point, with what was measured of it, or why nothing was.

A row holds what makes a measurement one: units, enough runs, percentiles in order, the gate that comes before any
time, and an id that is that of its fields.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from specs import Misplaced
from specs.units import LARGEST_COUNT

from .point import BYTES, Point
from .run import LEAST_S, MOST_S

LEAST_RUNS = 20
MOST_RELATIVE_ERROR = 1e-2  # against float64; what the measuring script's gate lets pass

Positive = Annotated[float, Field(gt=0, le=1e12)]
NonNegative = Annotated[float, Field(ge=0, le=1e12)]
Seconds = Annotated[float, Field(ge=LEAST_S, le=MOST_S)]
Whole = Annotated[int, Field(gt=0, le=LARGEST_COUNT)]
Natural = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]
Text = Annotated[str, Field(min_length=1)]
Parameter = int | float | bool | str | None  # of a kernel: tile sizes, splits, warps, stages

TIMES = ("median", "p10", "p90")
WARM = "_warm"
ENERGY = ("energy_j", "energy_runs", "energy_seconds")
NUMBERS = (*TIMES, *(f"{name}{WARM}" for name in TIMES), "sm_mhz", "sm_mhz_flushed", *ENERGY, "idle_energy_j")


class Written(BaseModel):
    """The base of what a script writes: frozen, no infinities, further keys let be."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, allow_inf_nan=False)


class RowSpec(Written):
    """A kernel at a point. Times are in seconds, energies in joules of one call, `energy_seconds` of all of them."""

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
    kernel: Text
    parameters: dict[Text, Parameter]
    status: Literal["ok", "skipped", "wrong", "failed"]
    reason: Text | None
    median: Seconds | None
    p10: Seconds | None
    p90: Seconds | None
    runs: Natural | None
    median_warm: Seconds | None = None
    p10_warm: Seconds | None = None
    p90_warm: Seconds | None = None
    runs_warm: Natural | None = None
    relative_error: NonNegative | None
    sm_mhz: NonNegative | None = None
    sm_mhz_flushed: NonNegative | None = None
    energy_j: NonNegative | None = None
    idle_energy_j: NonNegative | None = None
    energy_runs: Natural | None = None
    energy_seconds: Positive | None = None

    @field_validator("dtype")
    @classmethod
    def _type_is_known(cls, dtype: str) -> str:
        if dtype not in BYTES:
            raise ValueError(f"found '{dtype}', expected one of: {', '.join(BYTES)}")
        return dtype

    @model_validator(mode="after")
    def _is_whole(self) -> RowSpec:
        self.point()
        self._is_named()
        in_order(self)
        in_order(self, WARM)
        if self.status == "ok":
            self._is_measured()
        else:
            self._says_why()
        return self

    def _is_named(self) -> None:
        plain, given = self.name, _given(self.parameters)
        if self.id not in (plain, f"{plain}@{given}"):
            also = f" or '{plain}@{given}'" if given else ""
            raise Misplaced(f"found '{self.id}', expected '{plain}'{also}, by the row's fields", ("id",))

    def _is_measured(self) -> None:
        for name in TIMES:
            if getattr(self, name) is None:
                raise Misplaced("found null, expected a time, since the row is 'ok'", (name,))
        warm = [f"{name}{WARM}" for name in TIMES if getattr(self, f"{name}{WARM}") is not None]
        for name in ("runs", *(("runs_warm",) if warm else ())):
            if (getattr(self, name) or 0) < LEAST_RUNS:
                raise Misplaced(f"found {getattr(self, name)}, expected at least {LEAST_RUNS}", (name,))
        if self.relative_error is None or self.relative_error > MOST_RELATIVE_ERROR:
            found = "null" if self.relative_error is None else self.relative_error
            message = f"found {found}, expected at most {MOST_RELATIVE_ERROR:g}, since the row is 'ok'"
            raise Misplaced(message, ("relative_error",))
        absent = [name for name in ENERGY if not getattr(self, name) and name != "energy_j"]
        if self.energy_j is not None and absent:
            raise Misplaced("found nothing, expected a number, since the row has an energy", (absent[0],))

    def _says_why(self) -> None:
        for name in NUMBERS:
            if getattr(self, name) is not None:
                raise Misplaced(f"found a number of a row that is '{self.status}', expected null", (name,))
        for name in ("runs", "runs_warm"):
            if getattr(self, name):
                raise Misplaced(f"found runs of a row that is '{self.status}', expected 0", (name,))
        if self.relative_error is not None and self.status != "wrong":
            raise Misplaced(f"found an error of a row that is '{self.status}', expected null", ("relative_error",))
        if not self.reason:
            raise Misplaced(f"a row that is '{self.status}' says why", ("reason",))

    @property
    def name(self) -> str:
        """The id of point and kernel, as the measuring script writes it."""
        shape = f"b{self.batch}-q{self.q_len}-k{self.kv_len}-h{self.q_heads}-g{self.kv_heads}-d{self.head_dim}"
        mask = ("-causal" if self.causal else "") + (f"-w{self.window}" if self.window is not None else "")
        return f"{self.phase}-{shape}{mask}/{self.kernel}"

    @property
    def asked(self) -> tuple[Any, ...]:
        """What was to be measured: no two rows of a file ask for the same."""
        return self.name, self.dtype, tuple(sorted((key, str(value)) for key, value in self.parameters.items()))

    @property
    def power_w(self) -> float | None:
        """Power while energy was counted."""
        if self.energy_j is None or not self.energy_runs or not self.energy_seconds:
            return None
        return self.energy_j * self.energy_runs / self.energy_seconds

    def point(self) -> Point:
        """What was computed."""
        return Point(
            self.phase, self.batch, self.q_len, self.kv_len, self.q_heads, self.kv_heads, self.head_dim, self.dtype,
            causal=self.causal, window=self.window,
        )  # fmt: skip


def in_order(spec: Any, suffix: str = "") -> None:
    """Raise Misplaced if the tenth percentile, the median and the ninetieth are not in this order, as far as given."""
    low, middle, high = (getattr(spec, f"{name}{suffix}") for name in ("p10", "median", "p90"))
    known = [value for value in (low, middle, high) if value is not None]
    if known != sorted(known):
        message = (
            f"found {middle:g} outside of p10 to p90, {low:g} to {high:g}" if len(known) == 3 else "p10 is above p90"
        )
        raise Misplaced(message, (f"median{suffix}",))


def _given(parameters: dict[str, Parameter]) -> str:
    """Parameters as an id tells them; empty if they are not those of a kernel of ours.

    >>> _given({"block_q": 128, "block_k": 64, "warps": 8, "stages": 2})
    '128x64w8s2'
    """
    first = parameters.get("block_q", parameters.get("splits"))
    rest = [parameters.get(name) for name in ("block_k", "warps", "stages")]
    return "" if first is None or None in rest else f"{first}x{rest[0]}w{rest[1]}s{rest[2]}"
