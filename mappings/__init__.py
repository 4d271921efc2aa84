"""Mappings: their specs, binding to a schedule, closed-form counts, and the brute-force interpreter.

Imports specs, workloads and arch.
"""

from .bind import bind
from .counts import AccessCount, Counts, OperationCount, count
from .library import MAPPINGS, check_mapping, mapping, schedule, schedules
from .schedule import Access, Dependency, Epoch, Family, Kept, Nest, Operation, Part, Schedule, Transfer, Wait
from .spec import AnyMapping, ChoiceSpec, MappingSpec, NestSpec, SequenceSpec

__all__ = [
    "MAPPINGS", "Access", "AccessCount", "AnyMapping", "ChoiceSpec", "Counts", "Dependency", "Epoch", "Family", "Kept",
    "MappingSpec", "Nest", "NestSpec", "Operation", "OperationCount", "Part", "Schedule", "SequenceSpec", "Transfer",
    "Wait", "bind", "check_mapping", "count", "mapping", "schedule", "schedules",
]  # fmt: skip
