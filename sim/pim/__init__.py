"""Processing in memory: from a schedule to the commands of each channel, their time and their energy.

`layout` says where a matrix lies in the rows of a bank, `lowering` what a channel does for a schedule, `latency` how
long that takes, `energy` what it costs. The channel itself is `sim.dram`.
"""
