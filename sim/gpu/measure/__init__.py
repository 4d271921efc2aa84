"""Measuring attention on a GPU: `script` does it, alone if need be, and `estimate` says how long a grid takes."""
