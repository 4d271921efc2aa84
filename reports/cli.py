"""The command `einfuse`: its commands, options and exit codes.

Each command imports what it needs when it runs, so that `einfuse --help` answers at once.
"""

from __future__ import annotations

import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from .console import answer, note, say, write, write_json
from .explore import commands as explore
from .failures import BAD_INPUT, COMPARISON_FAILED, INTERRUPTED, OK, RUN_FAILED, guarded
from .gpu_commands import gpu
from .options import SPEC, Arch, Graph, Json, Mapping, Workload
from .rtl_commands import rtl

app = typer.Typer(
    name="einfuse",
    help="Cost attention on an accelerator: latency, energy, traffic, utilisation, and what bounds it.",
    epilog="Exit codes: 0 ok, 1 a comparison failed, 2 bad input, 3 infeasible, 4 a tool is missing, 5 failed at work.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

app.add_typer(rtl, name="rtl")
app.add_typer(gpu, name="gpu")


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> int:
    if version:
        from specs.version import version as installed

        write(f"einfuse {installed()}\n")
        raise typer.Exit(OK)
    if context.invoked_subcommand is None:
        write(f"{context.get_help()}\n")
    return OK


@app.command("list")
def list_specs(
    what: Annotated[str, typer.Argument(metavar="cascades|workloads|archs|mappings")], as_json: Json = False
) -> int:
    """List the specs of a library."""
    from . import catalog
    from .console import table

    kind = catalog.known_kind(what, plural=True)
    found = catalog.entries(kind)
    if as_json:
        rows = [{"name": entry.name, "summary": entry.summary} for entry in found]
        write_json({"schema": "einfuse.list/1", "kind": kind, "entries": rows})
    else:
        say(table((kind, "summary"), [(entry.name, entry.summary) for entry in found], indent=0))
    return OK


@app.command()
def show(
    name: Annotated[str | None, typer.Argument(help=f"A spec: {SPEC}.")] = None,
    workload: Annotated[str | None, typer.Option("--workload", "-w", metavar="W", help="Of a schedule: what,")] = None,
    arch: Annotated[str | None, typer.Option("--arch", "-a", metavar="A", help="on which machine,")] = None,
    mapping: Annotated[str | None, typer.Option("--mapping", "-m", metavar="M", help="and how.")] = None,
    graph: Graph = None,
) -> int:
    """Show a spec, or a schedule (with -w, -a and -m)."""
    from . import show as pages

    references = (workload, arch, mapping)
    if name is None and all(references):
        say(*pages.schedule(str(workload), str(arch), str(mapping)))
        return OK
    if name is None or any(references):
        raise typer.BadParameter("give a NAME to show a spec, or all of -w, -a and -m to show a schedule")
    say(*pages.spec(name))
    if graph is not None:
        pages.draw(name, graph)
        note(f"drawn: {graph}")
    return OK


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Spec files of any kind.")],
    arch: Annotated[
        str | None, typer.Option("-a", "--arch", metavar="A", help="Hold mappings against this machine too.")
    ] = None,
) -> int:
    """Check spec files; report all faults at once."""
    from .check import check_files
    from .console import table

    say(table(("file", "is a"), [(str(path), kind) for path, kind in check_files(files, arch)], indent=0))
    return OK


@app.command()
def passes(
    cascade: Annotated[str, typer.Argument(help="A cascade: NAME or a file.")],
    rank: Annotated[
        str | None, typer.Option("--rank", metavar="R", help="The rank; by default that of the keys.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Count a cascade's passes over a rank, and say why."""
    from workloads import cascade as cascade_of

    from . import passes as counting

    found = cascade_of(cascade)
    counted = counting.passes(found, rank)
    answer(as_json, lambda: counting.as_dict(found, counted), lambda: counting.as_text(found, counted))
    return OK


@app.command()
def schema(kind: Annotated[str, typer.Argument(metavar="arch|cascade|workload|mapping|sweep")]) -> int:
    """Print the JSON Schema of a kind of spec."""
    import specs

    from . import catalog

    write_json(specs.schema(catalog.library(catalog.known_kind(kind)).model))
    return OK


@app.command()
def doctor(as_json: Json = False) -> int:
    """Say whether this installation is whole."""
    from . import doctor as examination
    from .console import table

    found = examination.findings()
    rows = [(each.name, each.state, each.detail) for each in found]
    answer(as_json, lambda: examination.as_dict(found), lambda: [table(("what", "state", "detail"), rows, indent=0)])
    return OK if examination.is_whole(found) else RUN_FAILED


@app.command()
def simulate(
    workload: Workload,
    arch: Arch,
    mapping: Mapping,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="MODEL", help="How time is modelled: analytic, or cycle by cycle: cycle."),
    ] = None,
    trace: Annotated[
        Path | None,
        typer.Option(
            "--trace", metavar="FILE", help="Write what happens when: .json, .vcd, or .txt (pim); model cycle."
        ),
    ] = None,
    window: Annotated[
        str | None, typer.Option("--window", metavar="FROM:TO", help="The cycles to trace; by default 0:100000.")
    ] = None,
    no_jump: Annotated[
        bool, typer.Option("--no-jump", help="Step through every tile instead of jumping over what repeats.")
    ] = False,
    stalls: Annotated[
        str | None,
        typer.Option("--stalls", metavar="SEED|FILE", help="When outside streams stand still: drawn, or a JSON file."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Cost a workload on a machine under a mapping."""
    import sim
    from arch import machine
    from sim.simulate import model_for

    from . import record_table, tracing

    known = machine(arch)
    asked = tracing.Asked.of(known, model_for(known, model), trace, window, no_jump, stalls)
    engine = asked.engine(mapping)
    record = sim.simulate(workload, arch, mapping, model=model, engine=engine)
    if asked.path is not None:
        note(asked.write(workload, arch, mapping, engine))
    answer(as_json, record.as_dict, lambda: record_table.as_text(record))
    return OK


@app.command()
def compare(
    paper: Annotated[str, typer.Argument(help="A published result: fusemax, or a file.")],
    reference: Annotated[Path | None, typer.Option("--reference", metavar="CSV", help="The published numbers.")] = None,
    as_json: Json = False,
) -> int:
    """Set our numbers beside a paper's."""
    from . import comparison

    found = comparison.compare(paper, reference)
    answer(as_json, found.as_dict, lambda: comparison.as_text(found))
    return OK if found.ok else COMPARISON_FAILED


@app.command()
def report(
    name: Annotated[str, typer.Argument(help="What of: fusemax, fusemax-cycles, pim, gpu-runs, or a file.")],
    folder: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="DIR", help="The folder to write; some need none."),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(
            "--reference", metavar="CSV", help="Published numbers, drawn beside ours; of gpu-runs a folder too."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; of pim and gpu-runs.")] = False,
) -> int:
    """Write tables, figures and an HTML page."""
    from . import report as writing

    if folder is not None and not folder.strip():
        raise typer.BadParameter("-o takes the folder that the report is written to; write -o . for this one")
    place = None if folder is None else Path(folder)
    if writing.kind_of(name) == "pim":
        from .pim import report as studies

        writing.without_reference(name, reference)
        study = studies.pim_report(name, place)
        answer(as_json, lambda: studies.as_dict(study), lambda: studies.as_text(study, place))
        return OK
    if writing.kind_of(name) == "gpu":
        from .gpu import report as measured

        runs = measured.gpu_report(name, place, reference)
        answer(as_json, lambda: measured.as_dict(runs), lambda: measured.as_text(runs, place))
        return OK
    if place is None or as_json:
        message = "has no --json" if as_json else "is written to a folder; give it with -o"
        raise typer.BadParameter(f"the report '{name}' {message}")
    say(*writing.write_report(name, place, reference))
    return OK


app.command()(explore.sweep)
app.command()(explore.pareto)


def main(argv: list[str] | None = None) -> NoReturn:
    """Run the command with these arguments (by default those of the process) and exit with its code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal without × or µ shows ? for them
            stream.reconfigure(errors="replace")
    sys.exit(guarded(lambda: _dispatch(arguments)))


def _dispatch(arguments: list[str]) -> int:
    """Run one command; a wrong use of it becomes one line on stderr."""
    usage_error, command_error = typer.BadParameter.__mro__[1:3]
    try:
        code: Any = app(args=arguments, prog_name="einfuse", standalone_mode=False)
    except typer.Abort:
        note("interrupted")
        return INTERRUPTED
    except usage_error as error:  # type: ignore[misc]
        return _wrong_use(error)
    except command_error as error:  # type: ignore[misc]
        note(f"einfuse: {error}")
        return BAD_INPUT
    if code == INTERRUPTED:  # typer has turned the interrupt into its code
        note("interrupted")
    return code if isinstance(code, int) else OK


def _wrong_use(error: Any) -> int:
    """A message in the form of all others, for a command line that cannot be read."""
    message = error.format_message().strip().rstrip(".")
    command = error.ctx.command_path if error.ctx else "einfuse"
    note(f"{command}: {message[:1].lower()}{message[1:]}; see '{command} --help'")
    return BAD_INPUT
