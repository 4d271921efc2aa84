"""The commands `einfuse sweep` and `einfuse pareto`: their options. What they do is imported when they run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..console import say, write, write_json
from ..failures import OK

Run = Annotated[
    str | None, typer.Option("--output", "-o", metavar="RUN", help="The run's folder; by default its name.")
]
Changes = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set an axis or another key; may be repeated.")
]
Jobs = Annotated[int | None, typer.Option("--jobs", metavar="N", min=1, help="Workers; by default one for each core.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def sweep(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="The file of a sweep.")],
    folder: Run = None,
    changes: Changes = None,
    jobs: Jobs = None,
    shard: Annotated[str | None, typer.Option("--shard", metavar="I/N", help="Do one of N shards.")] = None,
    engine: Annotated[str, typer.Option("--engine", metavar="local", help="Who does the work.")] = "local",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how much work, time and space it takes.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Remove what is in RUN, and start anew.")] = False,
    shards: Annotated[
        int | None, typer.Option("--shards", metavar="N", min=1, help="Write a job script of N shards;")
    ] = None,
    script: Annotated[
        str | None, typer.Option("--script", metavar="slurm|lsf|sge", help="for this batch system, to stdout.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Evaluate a space of designs; resume if it was begun."""
    from . import sweeping

    asked = sweeping.Asked.of(spec, changes or [], folder, jobs, shard, engine, fresh)
    if shards is not None or script is not None:
        from . import jobs as writing

        write(writing.job_script(asked, shards, script))
        return OK
    if dry_run:
        found = sweeping.estimated(asked)
        _answer(as_json, sweeping.estimate_as_dict(found), sweeping.estimate_as_text(found, asked.folder))
        return OK
    outcome = sweeping.swept(asked)
    _answer(as_json, sweeping.as_dict(outcome), sweeping.as_text(outcome))
    return sweeping.refuse_hopeless(outcome)


def pareto(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    objectives: Annotated[
        str | None, typer.Option("--objectives", metavar="A,B", help="Columns; by default those of the sweep.")
    ] = None,
    as_json: Json = False,
) -> int:
    """List the Pareto front of a run."""
    from . import fronts

    found = fronts.front(run, objectives)
    _answer(as_json, fronts.as_dict(run, found), fronts.as_text(found))
    return OK


def _answer(as_json: bool, data: dict, text: list) -> None:
    if as_json:
        write_json(data)
    else:
        say(*text)
