"""What is computed and how large: the keys of a workload and the sizes and settings that follow from them.

A workload is a file of the library (`bert`, `attention`), a file of the user's, or a bare cascade with the keys
that its ranks are computed from (`gemm:M=1024,N=1024,K=64`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, StrictBool

from specs import Count, ExpressionError, Loaded, Place, Problem, Quantity, SpecError, parse_quantity, unknown

from .cascade import Cascade
from .spec import TypeSpec, plain_pins
from .types import TypePin, check_pins, is_type, unknown_type
from .whole import LARGEST, is_array

Part = Literal["attention", "linear", "end-to-end"]
Blocks = Annotated[int, Quantity("count", most=1 << 12)]


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
    causal: StrictBool = False
    window: Count | None = None
    precision: str | dict[str, str | TypeSpec] | None = None
    part: Part = "attention"
    blocks: Blocks = 1
    tokens: Blocks = 1
    phase: Literal["prefill", "decode"] = "prefill"


@dataclass(frozen=True)
class Repeated:
    """`blocks` of one shape, one after the other, and of all of them `tokens` in turn, each with as many keys."""

    blocks: int = 1
    tokens: int = 1

    @property
    def times(self) -> int:
        """How often a block is computed."""
        return self.blocks * self.tokens


ONCE = Repeated()


LAYERS = "linear-layers"  # the cascade of the layers around attention


@dataclass(frozen=True)
class Workload:
    """A workload with its values settled.

    `values` hold what ranks are sized by (`batch`, `keys`, or `M`), integers or arrays of design points; `settings`
    the keys of masks; `types` the pins of its `precision`; `cascade` the one it insists on, if it is a bare cascade.
    `places` say where a key of the workload was set, `place` where the workload was named. `part` is what of a block is
    computed: attention, the linear layers around it, or both; `repeated` says how often that is done.
    """

    name: str
    values: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    types: Mapping[str, TypePin] = field(default_factory=dict)
    cascade: str | None = None
    place: Place | None = None
    places: Mapping[str, Place] = field(default_factory=dict)
    part: Part = "attention"
    repeated: Repeated = ONCE

    def core(self) -> Workload | None:
        """The attention of a layer, if the workload has it."""
        return None if self.part == "linear" else replace(self, part="attention")

    def layers(self) -> Workload | None:
        """The linear layers, which have no masks and tensors of their own, if the workload has them."""
        if self.part == "attention":
            return None
        everywhere = {name: pin for name, pin in self.types.items() if name == "*"}
        return replace(self, part="attention", settings={}, types=everywhere, cascade=LAYERS)

    def sizes(self, cascade: Cascade) -> dict[str, Any]:
        """The size of every rank of a cascade.

        Raises `SpecError` if the workload and the cascade do not fit: a size that is not given or not a whole
        number, a mask or a tensor's type that the cascade does not have.
        """
        problems = self._misfits(cascade)
        missing = [key for key in size_keys(cascade) if key not in self.values]
        if missing:
            given = ", ".join(sorted(self.values))
            message = (
                f"cascade '{cascade.name}' needs {', '.join(missing)}, which workload '{self.name}' does not set; "
                f"it sets {given}"
            )
            raise SpecError([*problems, Problem(message, self.place)])
        try:
            sizes = cascade.sizes(self.values.__getitem__)
        except ExpressionError as error:
            raise SpecError([*problems, Problem(f"cascade '{cascade.name}': {error}", self.place)]) from None
        for rank, size in sizes.items():
            if is_array(size):
                wrong = size[(size != size // 1) | (size < 1)]
                size = wrong[0].item() if wrong.size else 1
            if size != int(size) or not 1 <= size <= LARGEST:
                text = cascade.rank_sizes[rank].text
                message = f"rank '{rank}' of cascade '{cascade.name}' has size {text} = {size}, expected a whole number"
                problems.append(Problem(f"{message} from 1 to 2^63 - 1", self.place))
        if problems:
            raise SpecError(problems)
        return sizes

    def _misfits(self, cascade: Cascade) -> list[Problem]:
        masks = sorted({clause.key for clause in cascade.mask})
        problems = []
        for key, value in self.settings.items():
            if key not in masks and value not in (None, False):
                message = f"workload '{self.name}' sets '{key}', but cascade '{cascade.name}' has no such mask"
                where = self.places.get(key, self.place)
                problems.append(Problem(f"{message}; it has {', '.join(masks) or 'none'}", where))
        for tensor in self.types:
            if tensor != "*" and tensor not in cascade.tensors:
                message = unknown("tensor", tensor, cascade.tensors, f"in precision, for cascade '{cascade.name}'")
                problems.append(Problem(message, self.places.get("precision", self.place)))
        return problems


def attention_workload(loaded: Loaded[WorkloadSpec]) -> Workload:
    """Settles the keys of an attention workload: queries and keys from the sequence, phase and context.

    Prefill has `seq_len` queries over `context + seq_len` keys; decode one query over `context`, or `seq_len`, keys.
    `queries` and `keys` say so directly.
    """
    spec, problems = loaded.model, []
    whole = Place(f"workload argument '{loaded.reference}'") if loaded.reference else loaded.place(())

    def report(message: str, *path: str) -> None:
        problems.append(Problem(message, loaded.place(path)))

    kv_heads = spec.kv_heads or spec.heads
    if spec.heads % kv_heads:
        report(f"heads ({spec.heads}) must be a multiple of kv_heads ({kv_heads})", "kv_heads")
    queries, keys = _lengths(spec)
    if queries is None or keys is None:
        message = "a length is missing; set seq_len, or queries and keys, such as seq_len=1Ki"
        problems.append(Problem(message, whole))
    for key in _without_effect(spec):
        rule = "decode takes its keys from keys, context or seq_len" if spec.phase == "decode" else _PREFILL
        report(f"'{key}' has no effect beside the other lengths; {rule}", key)
    sizes = {name: value for name in _SIZES if (value := getattr(spec, name)) is not None}
    derived = {
        "kv_heads": kv_heads,
        "value_dim": spec.value_dim or spec.head_dim,
        "queries": queries,
        "keys": keys,
    }
    for name in [*_SIZES, "context", "seq_len", "window"]:
        if (getattr(spec, name) or 0) > LARGEST:
            report(_too_large(name, getattr(spec, name)), name)
    if keys is not None and keys > LARGEST and not problems:
        report(_too_large("context + seq_len", keys), "seq_len")
    pins: dict[str, TypePin] = {}
    if isinstance(spec.precision, str):
        pins = {"*": spec.precision}
    elif spec.precision:
        pins = plain_pins(spec.precision)
    for path, found, _ in check_pins(pins):
        report(unknown_type(found), "precision", *(() if path == ("*",) else path))
    if spec.tokens > 1 and spec.phase != "decode":
        report("tokens come one after the other in phase=decode only", "tokens")
    if problems:
        raise SpecError(problems)
    repeated = Repeated(spec.blocks, spec.tokens)
    masks = {"causal": spec.causal, "window": spec.window}
    places = {key: loaded.place((key,)) for key in ("causal", "window", "precision")}
    return Workload(loaded.name, sizes | derived, masks, pins, None, whole, places, spec.part, repeated)


_SIZES = (
    "batch", "heads", "kv_heads", "queries", "keys", "head_dim", "value_dim", "d_model", "d_ff"
)  # fmt: skip
_PREFILL = "prefill has seq_len queries over context + seq_len keys, unless queries and keys are set"


def _lengths(spec: WorkloadSpec) -> tuple[int | None, int | None]:
    """The numbers of queries and of keys."""
    if spec.phase == "decode":
        return spec.queries or 1, spec.keys or spec.context or spec.seq_len
    past = spec.context or 0
    return spec.queries or spec.seq_len, spec.keys or (spec.seq_len + past if spec.seq_len else None)


def _without_effect(spec: WorkloadSpec) -> list[str]:
    """Lengths that are set though others already settle what they would."""
    given = [key for key in ("keys", "context", "seq_len") if getattr(spec, key) is not None]
    if spec.phase == "decode":
        return given[1:]
    idle = ["context"] if spec.keys and spec.context else []
    return idle + (["seq_len"] if spec.seq_len and spec.queries and spec.keys else [])


def _too_large(key: str, value: int) -> str:
    return f"'{key}' is {value:.4g}, more than a count can be (2^63 - 1)"


def bare_cascade(cascade: Cascade, overrides: Mapping[str, str], reference: str) -> Workload:
    """The workload that a cascade's own size keys make: `gemm:M=8,N=8,K=4`.

    Of an attention cascade `batch` and `heads` are 1, `kv_heads` is `heads` and `value_dim` is `head_dim` unless set.
    """
    place = Place(f"workload argument '{reference}'")
    masks = {clause.key: clause.key in clause.bound.names() for clause in cascade.mask}  # key: takes a number
    names = size_keys(cascade)
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    types: dict[str, TypePin] = {}
    for key, text in overrides.items():
        try:
            if key == "precision":
                types["*"] = _type_name(text)
            elif key in masks and not masks[key]:
                settings[key] = _truth(key, text)
            elif key in masks:
                settings[key] = _count(key, text)
            elif key in names:
                values[key] = _count(key, text)
            else:
                raise ValueError(unknown("key", key, [*names, *masks, "precision"]))
        except ValueError as error:
            problems.append(Problem(str(error), place))
    values = _with_defaults(values, names)
    if missing := [key for key in names if key not in values and key not in overrides]:
        wanted = [*(f"{k}={v}" for k, v in overrides.items() if k in names), *(f"{k}=..." for k in missing)]
        message = f"missing {', '.join(missing)}; write {cascade.name}:{','.join(wanted)}"
        problems.append(Problem(message, place))
    if problems:
        raise SpecError(problems)
    found = Workload(cascade.name, values, settings, types, cascade.name, place)
    found.sizes(cascade)
    return found


def size_keys(cascade: Cascade) -> list[str]:
    """The keys that the ranks are sized by, in the order of the ranks."""
    return list(dict.fromkeys(key for size in cascade.rank_sizes.values() for key in sorted(size.names())))


def _with_defaults(values: Mapping[str, int], names: Collection[str]) -> dict[str, int]:
    defaults = {"batch": 1, "heads": 1, "kv_heads": values.get("heads", 1)}
    if "head_dim" in values:
        defaults["value_dim"] = values["head_dim"]
    return {key: value for key, value in defaults.items() if key in names} | dict(values)


def _type_name(text: str) -> str:
    if not is_type(text):
        raise ValueError(unknown_type(text))
    return text


def _truth(key: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"'{key}' is true or false, found '{text}'")
    return text == "true"


def _count(key: str, text: str) -> int:
    try:
        count = parse_quantity(text, "count")
    except ValueError as error:
        raise ValueError(f"'{key}': {error}") from None
    if count < 1 or count != int(count):
        raise ValueError(f"'{key}' must be a whole number of at least 1, found '{text}'")
    if count > LARGEST:
        raise ValueError(_too_large(key, int(count)))
    return int(count)
