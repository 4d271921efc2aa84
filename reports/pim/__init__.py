"""Studies of memory that computes: one workload under every choice of rows, activation and refresh of a device; and its attention."""
