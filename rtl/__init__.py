"""Hardware: blocks of the generated array in Amaranth, each beside its bit-exact software model, and what runs them.

One file is one block: a frozen dataclass of parameters that makes both, `compute` in NumPy integers and `create()` as
a component. `formats` derives every width and scale from a design; `model` is the whole attention in these formats.
`harness` runs a component in Amaranth's simulator or Verilator and logs it; `compare` holds logs against each other.
`verilog` writes a component as one file, `bench` a run of it as a test bench, which `icarus` runs.

Imports mappings and below, never sim: simulator and hardware meet in reports. Importing this package loads no Amaranth.
"""
