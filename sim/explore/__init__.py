"""Exploration of design spaces: sweeps, their fronts, searches.

Imports mappings and below, and sim; nothing of reports.
"""
