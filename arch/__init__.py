"""Machines: memories, units and their operations, and the energy and area of their components.

Imports specs only. NumPy is imported when a cost is asked for, not when a machine is read.
"""

from .area import machine_area_um2
from .cost import Cost, total
from .machine import ARCHS, Hardware, Machine, Memory, Unit, UnitOperation, machine, machine_names
from .operations import OPERATIONS
from .spec import ArchSpec
from .table import TABLES, Table, table, table_names

__all__ = [
    "ARCHS", "OPERATIONS", "TABLES", "ArchSpec", "Cost", "Hardware", "Machine", "Memory", "Table",
    "Unit", "UnitOperation", "machine", "machine_area_um2", "machine_names", "table", "table_names", "total",
]  # fmt: skip
