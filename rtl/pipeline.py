"""Values that keep pace: a chain of registers delays a value by whole cycles."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value

__all__ = ["delayed"]


def delayed(module: Module, value: Value, cycles: int, name: str = "delayed") -> Value:
    """`value` as it was `cycles` clock edges ago; the value itself for none. Registers begin at 0.

    >>> from amaranth.hdl import Signal, unsigned
    >>> delayed(Module(), Signal(unsigned(5)), 3).shape()
    unsigned(5)
    """
    for age in range(1, cycles + 1):
        register = Signal(value.shape(), name=f"{name}_{age}")
        module.d.sync += register.eq(value)
        value = register
    return value
