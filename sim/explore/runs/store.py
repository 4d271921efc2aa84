"""The folder of a run: the sweep that it is of, its parts, and the lock of those at work on it.

What starts with `_` is for us; everything else is a part of the table, so that `pandas.read_parquet(RUN)` is the table.

    _sweep.yaml             the spec, as it was given
    _run.json               hashes of all that the rows depend on, and the versions that they were made with
    _lock                   locked by those who are at work
    _parts.jsonl            notes of parts: name, checksum, what is known of its points
    part-00000000.parquet   the rows of a chunk
    _fronts/                of sweeps that keep some rows only: the parts of chunks, before they are put together
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from specs import SpecError
from specs.problems import enumerate_words

from .keep import Keep
from .parts import DRAFT, NOTES, PARTS, Parts, Write, flushed, placed
from .shards import WHOLE, Shard, locked
from .work import Work

RUN, SPEC, FRONTS = "_run.json", "_sweep.yaml", "_fronts"
SCHEMA = "einfuse.run/1"
LIBRARIES = ("numpy", "pyarrow")
HASH = re.compile("[0-9a-f]{32,}")
SHOWN = 12  # characters of a hash in messages


@dataclass(frozen=True)
class Description:
    """What a run is of: hashes by name, how many chunks there are, and what is kept."""

    identity: Mapping[str, str]
    chunks: int
    keep: Keep

    @classmethod
    def of(cls, work: Work, keep: Keep) -> Description:
        """That of a run of this work."""
        return cls(dict(work.identity), work.chunks, keep)

    @property
    def compared(self) -> dict[str, str]:
        """All that the parts of a run have in common, by name."""
        return {**self.identity, "chunks": str(self.chunks), "keep": str(self.keep)}

    @property
    def digest(self) -> str:
        """A hash of all of that."""
        return hashlib.sha256(json.dumps(self.compared, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def text(self) -> str:
        """The file that describes the run."""
        keep = {"rule": self.keep.rule, "objectives": list(self.keep.objectives), "count": self.keep.count}
        versions = {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}
        value = {"schema": SCHEMA, "identity": dict(self.identity), "chunks": self.chunks, "keep": keep}
        return json.dumps({**value, "versions": versions}, indent=2) + "\n"

    @classmethod
    def read(cls, folder: Path) -> Description:
        """That of the run in a folder. Raises SpecError if there is none, OSError if it cannot be read."""
        path = folder / RUN
        if not path.is_file():
            raise SpecError(f"'{folder}' is not a run: it has no {RUN}; give the folder that a sweep was written to")
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            keep = Keep(found["keep"]["rule"], tuple(found["keep"]["objectives"]), found["keep"]["count"])
            return cls(dict(found["identity"]), int(found["chunks"]), keep)
        except (ValueError, KeyError, TypeError):
            raise SpecError(f"'{path}' is not what a sweep writes; start anew with --fresh") from None

    def refuse_other(self, folder: Path) -> None:
        """Raise SpecError, with both values of all that differs, if the run in a folder is of something else."""
        other = Description.read(folder).compared
        names = dict.fromkeys([*other, *self.compared])
        pairs = {name: (other.get(name, "none"), self.compared.get(name, "none")) for name in names}
        changed = [
            f"{name}: {_short(there)} there, {_short(now)} now" for name, (there, now) in pairs.items() if there != now
        ]
        if changed:
            raise SpecError(
                f"'{folder}' is a run of something else ({'; '.join(changed)}); give -o another folder, or start anew "
                "with --fresh"
            )


def _short(value: str) -> str:
    """A hash as far as a person compares it; other values whole."""
    return value[:SHOWN] if HASH.fullmatch(value) else value


@dataclass(frozen=True)
class Store:
    """A run's folder while this process holds it, or one of its shards.

    `chunks` are the parts of chunks; `table` are those that make up the table. They are the same if all rows are kept,
    otherwise the table is one part.
    """

    folder: Path
    description: Description
    chunks: Parts
    table: Parts


@contextmanager
def opened(
    folder: Path, work: Work, keep: Keep, text: str, shard: Shard, fresh: bool = False, write: Write = flushed
) -> Iterator[Store]:
    """The run of this work in a folder, begun if there is none, while nobody else is at work on it, or on its shard.

    With `fresh` what is there is removed first. Raises SpecError if the folder holds something else, RunFailed if
    another process is at work on it, OSError if it cannot be written.
    """
    description = Description.of(work, keep)
    _refuse_strangers(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, shard):
        if fresh:
            _clear(folder)
        if (folder / RUN).exists():
            description.refuse_other(folder)
        else:
            placed(folder / SPEC, text.encode(), shard, write)
            placed(folder / RUN, description.text.encode(), shard, write)
        found = store(folder, description, shard, write)
        found.chunks.folder.mkdir(exist_ok=True)
        yield found


def store(folder: Path, description: Description, shard: Shard = WHOLE, write: Write = flushed) -> Store:
    """A run's folder as it is."""
    table = Parts(folder, description.digest, shard, write)
    if description.keep.rule == "all":
        return Store(folder, description, table, table)
    return Store(folder, description, Parts(folder / FRONTS, description.digest, shard, write), table)


def _refuse_strangers(folder: Path) -> None:
    """Raise SpecError if `folder` is no folder, or holds what would be taken for a part of the table."""
    for path in (folder, *folder.parents):
        if path.is_dir():
            break
        if path.exists() or path.is_symlink():
            raise SpecError(f"'{path}' is not a folder; -o takes the folder that the run is written to")
    if not folder.is_dir():
        return
    strangers = sorted(path.name for path in folder.iterdir() if not path.match(PARTS) and path.name[0] not in "_.")
    if strangers:
        raise SpecError(
            f"'{folder}' holds what is not of a run ({enumerate_words(strangers)}); move it away, or give -o another "
            "folder"
        )


def _clear(folder: Path) -> None:
    """Remove a run, what describes it first, so that nothing that is left of it would be taken for whole."""
    (folder / RUN).unlink(missing_ok=True)
    shutil.rmtree(folder / FRONTS, ignore_errors=True)
    for pattern in (NOTES, PARTS, f"{DRAFT}*", SPEC):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)
