"""Mappings: their specs, binding to a schedule, closed-form counts, and the brute-force interpreter.

Imports specs, workloads and arch.
"""

from .best import Preference, fewest_bytes
from .bind import bind
from .counts import AccessCount, Counts, OperationCount, count
from .library import MAPPINGS, check_mapping, has_ways, mapping, schedule, schedules
from .parameters import Native, OperationParameters, Parameters, UnitParameters
from .schedule import (
    Access,
    Dependency,
    Epoch,
    Family,
    InBanks,
    Kept,
    Nest,
    Operation,
    Part,
    Schedule,
    Spill,
    Transfer,
    Wait,
)
from .spec import AboutSpec, AnyMapping, MappingSpec, NestSpec, OptionSpec, SequenceSpec

__all__ = [
    "MAPPINGS",
    "AboutSpec",
    "Access",
    "AccessCount",
    "AnyMapping",
    "Counts",
    "Dependency",
    "Epoch",
    "Family",
    "InBanks",
    "Kept",
    "MappingSpec",
    "Native",
    "Nest",
    "NestSpec",
    "Operation",
    "OperationCount",
    "OperationParameters",
    "OptionSpec",
    "Parameters",
    "Part",
    "Preference",
    "Schedule",
    "SequenceSpec",
    "Spill",
    "Transfer",
    "UnitParameters",
    "Wait",
    "bind",
    "check_mapping",
    "count",
    "fewest_bytes",
    "has_ways",
    "mapping",
    "schedule",
    "schedules",
]  # fmt: skip
