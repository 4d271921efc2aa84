"""Number types of tensors: width in bits and how to round to them.

`fp8` is E4M3 of the OCP 8-bit floating point specification (arXiv 2209.05433), which has no infinity. A value
beyond ±448, infinities included, saturates to ±448, as accelerators do by default; integers saturate likewise.
`bf16`, `fp16` and `fp32` overflow to infinity. `fix32.26` is fixed point: a signed integer of 32 bits that counts units
of 2^-26; it saturates as integers do. Rounding is to nearest, ties to even. NaN stays NaN.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from specs import unknown

from .recurrence import tied

if TYPE_CHECKING:
    from .cascade import Cascade


@dataclass(frozen=True)
class NumberType:
    """A storage or accumulation type; `dtype` names it, as it is stored, for NumPy or ml_dtypes."""

    name: str
    bits: int
    dtype: str
    fraction_bits: int = 0  # of an integer that counts units of 2^-fraction_bits

    @property
    def is_integer(self) -> bool:
        """Whether it is stored as an integer: of ones, or of units of 2^-fraction_bits."""
        return self.dtype.startswith("int")

    def numpy(self) -> Any:
        """The NumPy dtype; ml_dtypes registers those that NumPy lacks."""
        import ml_dtypes
        import numpy as np

        return np.dtype(getattr(ml_dtypes, self.dtype, None) or self.dtype)

    def rounded(self, value: Any) -> Any:
        """The nearest values of this type, as float64.

        >>> [float(TYPES[name].rounded(1 + 2**-8 + 2**-40)) for name in ("bf16", "fp8", "int8")]
        [1.0078125, 1.0, 1.0]
        >>> [float(TYPES[name].rounded(1e9)) for name in ("bf16", "fp16", "fp8", "int16")]
        [998244352.0, inf, 448.0, 32767.0]
        """
        import numpy as np

        value = np.asarray(value, dtype=np.float64)
        if self.is_integer:
            limits = np.iinfo(self.numpy())
            # The greatest integer of 64 bits is no float64; the one below it that is, is the largest value here.
            highest = np.ldexp((1 << 53) - 1, self.bits - 54) if self.bits > 53 else limits.max
            return np.ldexp(np.clip(self.in_units(value), limits.min, highest), -self.fraction_bits)
        with np.errstate(over="ignore", invalid="ignore"):
            if self.dtype.startswith("float") and self.bits >= 16:
                return value.astype(self.numpy()).astype(np.float64)
            return self._rounded_once(value)

    def in_units(self, value: Any) -> Any:
        """The nearest whole numbers of units of an integer type, as float64 and of any size.

        >>> float(number_type("fix32.26").in_units(0.5))
        33554432.0
        """
        import numpy as np

        with np.errstate(over="ignore"):
            return np.rint(np.ldexp(np.asarray(value, dtype=np.float64), self.fraction_bits))

    def _rounded_once(self, value: Any) -> Any:
        """Rounds in units of the last place; ml_dtypes would round to float32 first, and so at times twice."""
        import ml_dtypes
        import numpy as np

        limits = ml_dtypes.finfo(self.numpy())
        _, exponent = np.frexp(value)
        place = np.ldexp(1.0, np.maximum(exponent - 1, limits.minexp) - limits.nmant)
        result = np.rint(value / place) * place
        largest = float(limits.max)
        if self.bits == 8:
            return np.clip(result, -largest, largest)
        return np.where(np.abs(result) > largest, np.copysign(np.inf, result), result)


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

_FIXED = re.compile(r"fix(8|16|32|64)\.([1-9][0-9]?)")
TYPE_NAMES = (*TYPES, "fix<8|16|32|64>.<1 to bits - 1>")  # for people: all there are


def number_type(name: str) -> NumberType:
    """The type of a name: one of `TYPES`, or fixed point, `fix<bits>.<fraction bits>`. Raises KeyError for another.

    >>> found = number_type("fix16.8")
    >>> found.bits, [float(found.rounded(x)) for x in (1 / 3, 200, -200)]
    (16, [0.33203125, 127.99609375, -128.0])
    """
    if name in TYPES:
        return TYPES[name]
    fixed = _FIXED.fullmatch(name)
    bits, fraction_bits = map(int, fixed.groups()) if fixed else (0, 0)
    if fraction_bits >= bits:  # of two bits one is the sign
        raise KeyError(unknown_type(name))
    return NumberType(name, bits, f"int{bits}", fraction_bits)


def is_type(name: str) -> bool:
    """Whether a type has this name."""
    try:
        number_type(name)
    except KeyError:
        return False
    return True


def unknown_type(name: str) -> str:
    """The sentence for a name that no type has.

    >>> unknown_type("fix32.32")[:45]
    "unknown type 'fix32.32'; allowed: fp64, fp32,"
    """
    return unknown("type", name, TYPE_NAMES)


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
    """The type that a pin stands for.

    Unless told, integers accumulate in int32, fixed point in 64 bits of the same unit, others in fp32 or wider.

    >>> str(tensor_type("int8")), str(tensor_type({"storage": "bf16", "accumulation": "bf16"}))
    ('int8 (accumulated in int32)', 'bf16 (accumulated in bf16)')
    >>> str(tensor_type("fix32.26"))
    'fix32.26 (accumulated in fix64.26)'
    """
    if isinstance(pin, str):
        pin = {"storage": pin}
    storage = number_type(pin["storage"])
    return TensorType(storage, number_type(pin.get("accumulation", _accumulation(storage))))


def _accumulation(storage: NumberType) -> str:
    """The name of the type in which sums are taken that are stored in another, unless told."""
    if storage.fraction_bits:
        return f"fix64.{storage.fraction_bits}"
    return "int32" if storage.is_integer else "fp64" if storage.bits == 64 else DEFAULT_STATE


def tensor_types(cascade: Cascade, *pins: Mapping[str, TypePin]) -> dict[str, TensorType]:
    """The type of every tensor; earlier pins win (workload, machine, mapping, then the cascade's own).

    A pin maps a tensor's name, or `*` for all of them, to a type. A tensor without a pin is stored in 16 bits; a
    running state in 32. What is computed between one version of a state and the next (`SPD` from `RD`) follows the
    state, because rounding it would round the state.

    >>> from workloads import cascade
    >>> c = cascade("attention-1pass")
    >>> [tensor_types(c)[name].storage.name for name in ("QK", "RD", "SPD")]
    ['bf16', 'fp32', 'fp32']
    >>> [tensor_types(c, {}, {"RD": "fp16"})[name].storage.name for name in ("QK", "RD", "SPD")]
    ['bf16', 'fp16', 'fp16']
    """
    result, free = {}, []
    for name, tensor in cascade.tensors.items():
        pin = next((p[name] if name in p else p["*"] for p in (*pins, cascade.types) if name in p or "*" in p), None)
        if pin is None and not tensor.iterated:
            free.append(name)
        result[name] = tensor_type(pin or (DEFAULT_STATE if tensor.iterated else DEFAULT_STORAGE))
    for name in free:
        states = [other for other in tied(cascade.by_name, name) if cascade.tensors[other].iterated]
        if states:
            result[name] = result[max(states, key=lambda state: result[state].storage.bits)]
    return result


def check_pins(pins: Mapping[str, TypePin]) -> list[tuple[tuple[str, ...], str, str]]:
    """Type names that do not exist, as (path, found, legal names)."""
    wrong: list[tuple[tuple[str, ...], str, str]] = []
    for tensor, pin in pins.items():
        if isinstance(pin, str):
            entries: dict[tuple[str, ...], str] = {(tensor,): pin}
        else:
            entries = {(tensor, key): value for key, value in pin.items()}
        wrong += [(path, name, ", ".join(TYPE_NAMES)) for path, name in entries.items() if not is_type(name)]
    return wrong
