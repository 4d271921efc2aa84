"""The commands `einfuse rtl ...`: one-pass attention as hardware."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

import typer

from .console import answer, say, write
from .failures import COMPARISON_FAILED, OK
from .options import Arch, Json, Mapping, Simulator, Workload

rtl = typer.Typer(
    help="Generate one-pass attention as hardware, and verify it.",
    rich_markup_mode=None,
)


@rtl.callback(invoke_without_command=True)
def _rtl(context: typer.Context) -> int:
    # What is refused, or ends early, may leave components behind that were made and never used.
    warnings.filterwarnings("ignore", ".* created but never used")
    if context.invoked_subcommand is None:
        write(f"{context.get_help()}\n")
    return OK


@rtl.command()
def emit(
    arch: Arch,
    mapping: Mapping,
    folder: Annotated[str, typer.Option("--output", "-o", metavar="DIR", help="The folder to write.")],
    top: Annotated[str, typer.Option("--top", metavar="NAME", help="The uppermost module, and its file.")] = "top",
    simulator: Simulator = "amaranth",
) -> int:
    """Write a machine's hardware as Verilog, with a test bench."""
    from .hardware import emission

    if not folder.strip():
        raise typer.BadParameter("-o takes the folder that the hardware is written to; write -o . for this one")
    say(*emission.emit(arch, mapping, Path(folder), top, simulator))
    return OK


@rtl.command()
def verify(
    workload: Workload,
    arch: Arch,
    mapping: Mapping,
    simulator: Simulator = "amaranth",
    stalls: Annotated[
        str | None,
        typer.Option("--stalls", metavar="SEED|FILE", help="When the streams stand still: drawn, or a JSON file."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of the inputs that are drawn.")] = 0,
    as_json: Json = False,
) -> int:
    """Run a schedule's hardware; compare it with the models."""
    from .hardware import verification

    found = verification.verify_named(workload, arch, mapping, simulator, stalls, seed)
    answer(as_json, found.as_dict, lambda: verification.as_text(found))
    return OK if found.passed else COMPARISON_FAILED
