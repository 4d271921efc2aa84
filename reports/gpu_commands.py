"""The commands `einfuse gpu ...`: what is done on a GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rtl.failures import RunFailed

from .console import note, write
from .failures import OK

gpu = typer.Typer(help="Measure attention on an NVIDIA GPU.", rich_markup_mode=None)


@gpu.callback(invoke_without_command=True)
def _gpu(context: typer.Context) -> int:
    if context.invoked_subcommand is None:
        write(f"{context.get_help()}\n")
    return OK


@gpu.command()
def measure(
    file: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file of runs to write, as JSON.")],
    grid: Annotated[
        str, typer.Option("--grid", metavar="quick|full", help="What is measured; full takes up to 8 minutes.")
    ] = "quick",
) -> int:
    """Time attention kernels on this machine's GPU."""
    from sim.gpu.measure import script
    from specs import ToolMissing

    if grid not in script.GRIDS:
        raise typer.BadParameter(f"the grid is {' or '.join(script.GRIDS)}, found '{grid}'")
    lacking = script.missing()
    if lacking is not None:
        raise ToolMissing(lacking)
    try:
        counts = script.measure(file, grid, say=note)
    except OSError:
        raise
    except Exception as error:  # whatever a library raises on a GPU; rows that were measured are in the file
        raise RunFailed(f"the run broke off: {type(error).__name__}: {error}") from error
    write(f"{file}: {', '.join(f'{number} {status}' for status, number in counts.items())}\n")
    return script.ended(counts)
