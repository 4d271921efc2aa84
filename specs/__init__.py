"""Reading specs: safe YAML with the line and column of everything, quantities with units, values tied by
arithmetic, `NAME[:key=value,...]` references, validation that reports all problems of a file at once, and
JSON Schema.

A spec is read in steps, one module each: `document` (text to plain data and marks), `quantity` and
`expression` (what a value may say), `reference` (what an argument may say), `load` (data to a checked
model, libraries of named specs). `problems` has the exceptions. Nothing here knows what a cascade or a
machine is.
"""

from specs.document import Document, read_file, read_text, read_value
from specs.expression import Expression, is_expression, parse_expression
from specs.load import Library, Loaded, load_file, validate
from specs.model import Spec, schema
from specs.problems import Infeasible, Misplaced, Place, Problem, RunFailed, SpecError, ToolMissing, nearest, unknown
from specs.quantity import (
    Area,
    Bandwidth,
    Count,
    Current,
    Energy,
    Fraction,
    Frequency,
    NonNegativeCount,
    Power,
    Quantity,
    Size,
    Time,
    Voltage,
    Width,
    in_base_units,
    parse_quantity,
    show_quantity,
)
from specs.reference import Reference, parse_reference
from specs.terms import ExpressionError

__all__ = [
    "Area",
    "Bandwidth",
    "Count",
    "Current",
    "Document",
    "Energy",
    "Expression",
    "ExpressionError",
    "Fraction",
    "Frequency",
    "Infeasible",
    "Library",
    "Loaded",
    "Misplaced",
    "NonNegativeCount",
    "Place",
    "Power",
    "Problem",
    "Quantity",
    "Reference",
    "RunFailed",
    "Size",
    "Spec",
    "SpecError",
    "Time",
    "ToolMissing",
    "Voltage",
    "Width",
    "in_base_units",
    "is_expression",
    "load_file",
    "nearest",
    "parse_expression",
    "parse_quantity",
    "parse_reference",
    "read_file",
    "read_text",
    "read_value",
    "schema",
    "show_quantity",
    "unknown",
    "validate",
]
