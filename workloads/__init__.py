"""Workloads: cascades of Einsums, their notation and analysis, model shapes, and the NumPy oracle.

Imports specs only. Loading a cascade imports neither NumPy nor networkx: the oracle and the graph are imported from
their own modules (`workloads.oracle`, `workloads.graph`). `README.md` explains the notation.
"""

from .analysis import live_between_passes, operations, points
from .band import visited, visited_pairs
from .cascade import OPERATIONS, Band, Cascade, Einsum, MaskClause, Read, Tensor
from .checking import check_cascade
from .library import CASCADES, WORKLOADS, cascade, workload
from .notation import Access, Apply, NotationError, Number, Statement, parse_statement
from .passes import PassCount, count_passes
from .spec import CascadeSpec, TypeSpec, plain_pins
from .types import TYPES, NumberType, TensorType, TypePin, check_pins, number_type, tensor_types, unknown_type
from .whole import LARGEST, ceil_div, choose, is_array, least, most, part_of, quotient
from .workload import LAYERS, ONCE, Repeated, Workload, WorkloadSpec, attention_workload, size_keys

__all__ = [
    "CASCADES",
    "LARGEST",
    "LAYERS",
    "ONCE",
    "OPERATIONS",
    "TYPES",
    "WORKLOADS",
    "Access",
    "Apply",
    "Band",
    "Cascade",
    "CascadeSpec",
    "Einsum",
    "MaskClause",
    "NotationError",
    "Number",
    "NumberType",
    "PassCount",
    "Read",
    "Repeated",
    "Statement",
    "Tensor",
    "TensorType",
    "TypePin",
    "TypeSpec",
    "Workload",
    "WorkloadSpec",
    "attention_workload",
    "cascade",
    "ceil_div",
    "check_cascade",
    "check_pins",
    "choose",
    "count_passes",
    "is_array",
    "least",
    "live_between_passes",
    "most",
    "number_type",
    "operations",
    "parse_statement",
    "part_of",
    "plain_pins",
    "points",
    "quotient",
    "size_keys",
    "tensor_types",
    "unknown_type",
    "visited",
    "visited_pairs",
    "workload",
]  # fmt: skip
