"""Attention as measured on GPUs: ours and others' runs against ceilings, and against each other."""
