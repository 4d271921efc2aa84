"""Hardware: Amaranth generators, each beside its software model, and the harness that runs what they generate.

Imports mappings and below, never sim: simulator and hardware meet in reports. Importing this package loads no Amaranth.
"""
