"""Design sweeps: their specs, grids of points, and the evaluation of points box by box (see docs/sweeps.md)."""
