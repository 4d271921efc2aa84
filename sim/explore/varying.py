"""Which axes may be arrays: numbers of spatial machines and sizes of workloads, where the model is analytic."""

from __future__ import annotations

from . import machines, workloads
from .axes import Axis
from .points import Design, References
from .readers import machine_of, workload_of


def can_vary(axis: Axis, design: Design, point: References) -> bool:
    """Whether the values of an axis may be an array for this design; `point` is any point of it."""
    if not axis.is_number:
        return False
    if axis.part == "arch":
        return machines.can_vary(machine_of(point.arch), design.arch, axis.key)
    return axis.part == "workload" and workloads.can_vary(workload_of(point.workload), axis.key)
