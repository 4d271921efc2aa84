"""Number types of tensors: width in bits and how to round to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cascade import Cascade


@dataclass(frozen=True)
class NumberType:
    """A storage or accumulation type; `dtype` names it for NumPy or ml_dtypes."""

    name: str
    bits: int
    dtype: str

    def numpy(self) -> Any:
        """The NumPy dtype; ml_dtypes registers those that NumPy lacks."""
        import ml_dtypes
        import numpy as np

        return np.dtype(getattr(ml_dtypes, self.dtype, None) or self.dtype)


TYPES: Mapping[str, NumberType] = {
    t.name: t
    for t in (
        NumberType("fp64", 64, "float64"),
        NumberType("fp32", 32, "float32"),
        NumberType("fp16", 16, "float16"),
        NumberType("bf16", 16, "bfloat16"),
        NumberType("fp8", 8, "float8_e4m3fn"),
        NumberType("int32", 32, "int32"),
        NumberType("int16", 16, "int16"),
        NumberType("int8", 8, "int8"),
    )
}

DEFAULT_STORAGE = "bf16"  # inputs and intermediates: 16 bits
DEFAULT_STATE = "fp32"  # running state and accumulation: 32 bits


@dataclass(frozen=True)
class TensorType:
    """What a tensor is stored as, and what sums into it are accumulated in."""

    storage: NumberType
    accumulation: NumberType

    def __str__(self) -> str:
        return f"{self.storage.name} (accumulated in {self.accumulation.name})"


TypePin = str | Mapping[str, str]  # "bf16", or {storage: bf16, accumulation: fp32}


def tensor_type(pin: TypePin) -> TensorType:
    """The type that a pin stands for; integers accumulate in int32, floating point in fp32 or wider unless told.

    >>> str(tensor_type("int8")), str(tensor_type({"storage": "bf16", "accumulation": "bf16"}))
    ('int8 (accumulated in int32)', 'bf16 (accumulated in bf16)')
    """
    if isinstance(pin, str):
        pin = {"storage": pin}
    storage = TYPES[pin["storage"]]
    default = "int32" if storage.name.startswith("int") else "fp64" if storage.bits == 64 else DEFAULT_STATE
    return TensorType(storage, TYPES[pin.get("accumulation", default)])


def tensor_types(cascade: Cascade, *pins: Mapping[str, TypePin]) -> dict[str, TensorType]:
    """The type of every tensor; earlier pins win (workload, machine, mapping, then the cascade's own).

    A pin maps a tensor's name, or `*` for all of them, to a type.

    >>> from workloads import cascade
    >>> c = cascade("attention-1pass")
    >>> tensor_types(c)["RD"].storage.name, tensor_types(c, {}, {"RD": "bf16"})["RD"].storage.name
    ('fp32', 'bf16')
    """
    result = {}
    for name, tensor in cascade.tensors.items():
        chosen: TypePin = DEFAULT_STATE if tensor.iterated else DEFAULT_STORAGE
        for pin in (*pins, cascade.types):
            if name in pin or "*" in pin:
                chosen = pin[name] if name in pin else pin["*"]
                break
        result[name] = tensor_type(chosen)
    return result


def check_pins(pins: Mapping[str, TypePin]) -> list[tuple[tuple[str, ...], str, str]]:
    """Type names that do not exist, as (path, found, legal names)."""
    wrong = []
    for tensor, pin in pins.items():
        entries = {(tensor,): pin} if isinstance(pin, str) else {(tensor, key): value for key, value in pin.items()}
        wrong += [(path, str(name), ", ".join(TYPES)) for path, name in entries.items() if name not in TYPES]
    return wrong
