"""Studies of memory that computes: a workload under all choices of rows, activation and refresh, and its attention."""
