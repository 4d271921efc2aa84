"""Runs of a sweep or a search: who does the chunks, and the folder that keeps them (see docs/runs.md)."""
