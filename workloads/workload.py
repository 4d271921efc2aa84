"""What is computed and how large: the keys of a workload and the sizes and settings that follow from them.

A workload is a file of the library (`bert`, `attention`), a file of the user's, or a bare cascade with the keys that its
ranks are computed from (`gemm:M=1024,N=1024,K=64`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from specs import Count, Loaded, Place, Problem, SpecError

from .cascade import Cascade
from .checking import TypeSpec, plain_pins
from .types import TYPES, TypePin, check_pins


class WorkloadSpec(BaseModel):
    """The file of an attention workload; every key may be overridden on the command line."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    ties: ClassVar[bool] = False

    workload: str
    summary: str = ""
    source: list[str] = []
    batch: Count = 1
    heads: Count = 1
    kv_heads: Count | None = None
    seq_len: Count | None = None
    queries: Count | None = None
    keys: Count | None = None
    context: Count | None = None
    head_dim: Count
    value_dim: Count | None = None
    d_model: Count | None = None
    d_ff: Count | None = None
    causal: bool = False
    window: Count | None = None
    precision: str | dict[str, str | TypeSpec] | None = None
    part: Literal["attention"] = "attention"
    phase: Literal["prefill", "decode"] = "prefill"


@dataclass(frozen=True)
class Workload:
    """A workload with its values settled.

    `values` hold what ranks are sized by (`batch`, `keys`, or `M`), integers or arrays of design points; `settings` the
    keys of masks; `types` the pins of its `precision`; `cascade` the one it insists on, if it is a bare cascade.
    """

    name: str
    values: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    types: Mapping[str, TypePin] = field(default_factory=dict)
    cascade: str | None = None
    place: Place | None = None

    def sizes(self, cascade: Cascade) -> dict[str, Any]:
        """The size of every rank of a cascade; `SpecError` if this workload does not give one."""
        missing = sorted(cascade.size_names() - set(self.values))
        if missing:
            given = ", ".join(sorted(self.values))
            message = (
                f"cascade '{cascade.name}' needs {', '.join(missing)}, which workload '{self.name}' does not set; "
                f"it sets {given}"
            )
            raise SpecError([Problem(message, self.place)])
        return cascade.sizes(self.values.__getitem__)


def attention_workload(loaded: Loaded[WorkloadSpec]) -> Workload:
    """Settles the keys of an attention workload: queries and keys from the sequence, phase and context.

    Prefill has `seq_len` queries over `context + seq_len` keys; decode one query over `context`, or `seq_len`, keys.
    """
    spec, problems = loaded.model, []

    def report(message: str, key: str) -> None:
        problems.append(Problem(message, loaded.place((key,))))

    kv_heads = spec.kv_heads or spec.heads
    if spec.heads % kv_heads:
        report(f"heads ({spec.heads}) must be a multiple of kv_heads ({kv_heads})", "kv_heads")
    values: dict[str, Any] = {
        "batch": spec.batch,
        "heads": spec.heads,
        "kv_heads": kv_heads,
        "head_dim": spec.head_dim,
        "value_dim": spec.value_dim or spec.head_dim,
    }
    if spec.phase == "decode":
        queries, keys = spec.queries or 1, spec.keys or spec.context or spec.seq_len
    else:
        queries = spec.queries or spec.seq_len
        keys = spec.keys or (spec.seq_len + (spec.context or 0) if spec.seq_len else None)
    if queries is None or keys is None:
        report("a sequence length is missing; set 'seq_len', or 'queries' and 'keys', such as seq_len=1Ki", "seq_len")
    values |= {"queries": queries, "keys": keys}
    values |= {name: value for name in ("d_model", "d_ff") if (value := getattr(spec, name)) is not None}
    pins: dict[str, TypePin] = {}
    if isinstance(spec.precision, str):
        pins = {"*": spec.precision}
    elif spec.precision:
        pins = plain_pins(spec.precision)
    for path, found, legal in check_pins(pins):
        path = ("precision",) if path == ("*",) else ("precision", *path)
        problems.append(Problem(f"unknown type '{found}'; allowed: {legal}", loaded.place(path)))
    if problems:
        raise SpecError(problems)
    return Workload(
        loaded.name, values, {"causal": spec.causal, "window": spec.window}, pins, place=loaded.place(())
    )


def bare_cascade(cascade: Cascade, overrides: Mapping[str, str], reference: str) -> Workload:
    """The workload that a cascade's own size keys make: `gemm:M=8,N=8,K=4`."""
    from specs import parse_quantity, unknown

    place, problems = Place(reference), []
    masks = {clause.key for clause in cascade.mask}
    legal = {*cascade.size_names(), *masks, "precision"}
    values: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    types: dict[str, TypePin] = {}
    for key, text in overrides.items():
        try:
            if key not in legal:
                raise ValueError(unknown("key", key, legal))
            if key == "precision":
                if text not in TYPES:
                    raise ValueError(unknown("type", text, TYPES))
                types["*"] = text
            elif key in masks and text in ("true", "false"):
                settings[key] = text == "true"
            else:
                count = parse_quantity(text, "count")
                if count < 1:
                    raise ValueError(f"'{key}' must be at least 1, found {text}")
                (settings if key in masks else values)[key] = count
        except ValueError as error:
            problems.append(Problem(str(error), place))
    if "heads" in legal and "kv_heads" in legal and "heads" in values:
        values.setdefault("kv_heads", values["heads"])
    if "head_dim" in values and "value_dim" in legal:
        values.setdefault("value_dim", values["head_dim"])
    for key in ("batch", "heads", "kv_heads"):
        if key in legal:
            values.setdefault(key, 1)
    missing = sorted(cascade.size_names() - set(values))
    if missing and not problems:
        wanted = ",".join(f"{key}=..." for key in missing)
        problems.append(Problem(f"missing {', '.join(missing)}; write {cascade.name}:{wanted}", place))
    if problems:
        raise SpecError(problems)
    return Workload(cascade.name, values, settings, types, cascade.name, place)
