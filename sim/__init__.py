"""Simulation: timing models, energy, area, and the result record.

Imports mappings and below.
"""

from .accounting import ACCOUNTINGS, AccountingSpec, accounting
from .analytic import Latency, latency
from .energy import Energy, energy
from .pricing import priced
from .record import Record
from .simulate import MODELS, Analysis, Engine, Simulation, analyse, simulate, simulation

__all__ = [
    "ACCOUNTINGS", "MODELS", "AccountingSpec", "Analysis", "Energy", "Engine", "Latency", "Record",
    "Simulation", "accounting", "analyse", "energy", "latency", "priced", "simulate", "simulation",
]  # fmt: skip
