"""Simulation: timing models, energy, area, and the result record.

Imports mappings and below.
"""

from .accounting import ACCOUNTINGS, AccountingSpec, accounting
from .analytic import Latency, latency
from .energy import Energy, energy
from .pricing import priced
from .record import Record
from .simulate import MODELS, Analysis, Engine, analyse, analysed, simulate

__all__ = [
    "ACCOUNTINGS", "MODELS", "AccountingSpec", "Analysis", "Energy", "Engine", "Latency", "Record", "accounting",
    "analyse", "analysed", "energy", "latency", "priced", "simulate",
]  # fmt: skip
