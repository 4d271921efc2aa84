"""Points in order: exact Pareto fronts, the best few, and how far two rankings of the same points agree."""
