"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SPEC = "NAME[:key=value,...] or a file"
Workload = Annotated[str, typer.Option("--workload", "-w", metavar="W", help=f"What is computed: {SPEC}.")]
Arch = Annotated[str, typer.Option("--arch", "-a", metavar="A", help=f"The machine: {SPEC}.")]
Mapping = Annotated[str, typer.Option("--mapping", "-m", metavar="M", help=f"How the one runs on the other: {SPEC}.")]
Graph = Annotated[Path | None, typer.Option("--graph", metavar="FILE", help="Draw a cascade: .svg, .png or .pdf.")]
Simulator = Annotated[str, typer.Option("--simulator", metavar="amaranth|verilator", help="What runs the hardware.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
