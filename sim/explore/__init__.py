"""Design exploration: sweeps over design points, the folders that keep them, their Pareto fronts (see docs/sweeps.md).

Imports sim, mappings and below.
"""
