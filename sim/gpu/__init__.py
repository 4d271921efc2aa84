"""Attention as measured on GPUs: values, readers of run files and of published tables, and what physics allows."""
