"""Machines: memories, units and their operations, and the energy and area of their components.

Imports specs only. NumPy is imported when a cost is asked for, not when a machine is read.
"""

from .area import machine_area_um2
from .commandcosts import command_pj, operation_pj, pin_pj, standby_w
from .cost import Cost, total
from .dram import Device
from .machine import ARCHS, Hardware, Machine, Memory, Override, Unit, UnitOperation, machine, machine_names
from .operations import OPERATIONS
from .owners import machines_with, without_unit
from .spec import ArchSpec
from .table import TABLES, Table, command_table_names, table, table_names

__all__ = [
    "ARCHS", "OPERATIONS", "TABLES", "ArchSpec", "Cost", "Device", "Hardware", "Machine", "Memory", "Override",
    "Table", "Unit", "UnitOperation", "command_pj", "command_table_names", "machine", "machine_area_um2",
    "machine_names", "machines_with", "operation_pj", "pin_pj", "standby_w", "table", "table_names", "total",
    "without_unit",
]  # fmt: skip
