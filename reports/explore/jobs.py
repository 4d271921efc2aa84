"""Job scripts: a sweep as an array of shards, for batch systems on which we start no workers ourselves.

What a batch system wants to read is a template of its name.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from specs import SpecError, unknown

from .sweeping import Asked

TEMPLATES = Path(__file__).parent / "batch"


def job_script(asked: Asked, shards: int | None, system: str | None) -> str:
    """The script of a job array that does a sweep in so many shards. Raises SpecError."""
    systems = sorted(path.stem for path in TEMPLATES.glob("*.sh"))
    if shards is None or system is None:
        raise SpecError(f"a job script needs --shards N and --script {'|'.join(systems)}; give both")
    if system not in systems:
        raise SpecError(unknown("batch system", system, systems))
    if asked.shard.count > 1 or asked.fresh:
        raise SpecError("a job script is of all shards, and goes on where they are; leave out --shard and --fresh")
    if asked.chosen.name != "local":
        raise SpecError(f"the shards of a job script do the work themselves; leave out --engine {asked.chosen.name}")
    import jinja2

    loader = jinja2.FileSystemLoader(TEMPLATES)
    environment = jinja2.Environment(
        loader=loader, undefined=jinja2.StrictUndefined, keep_trailing_newline=True, trim_blocks=True
    )
    content = {
        "name": "".join(letter if letter.isalnum() else "-" for letter in asked.sweep.name),
        "shards": min(shards, asked.sweep.work.chunks),
        "jobs": asked.jobs or 1,
        "folder": shlex.quote(str(Path.cwd())),  # which the spec's own references may start from
        "command": _command(asked),
    }
    return environment.get_template(f"{system}.sh").render(content)


def _command(asked: Asked) -> str:
    """The command of the whole sweep, for a shell, wherever it runs; a shard's has its number and workers beside."""
    spec, colon, tail = asked.spec.partition(":")
    words = ["einfuse", "sweep", f"{Path(spec).resolve()}{colon}{tail}", "-o", str(asked.folder.resolve())]
    for change in asked.changes:
        words += ["--set", change]
    return shlex.join(words)
