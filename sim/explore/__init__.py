"""Design exploration: sweeps over design points, the folders that keep them, and their Pareto fronts.

Imports sim, mappings and below.
"""
