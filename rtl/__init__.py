"""Hardware: blocks of the generated array in Amaranth, each beside its bit-exact software model.

One file is one block: a frozen dataclass of parameters that makes both, `compute` in NumPy integers and `create()` as
a component. `formats` derives every width and scale from a design; `model` is the whole attention in these formats.

A simulator's word is checked against this package, so nothing here knows `sim`; only the commands that emit and verify
import it, because Amaranth takes the better part of a second.
"""
