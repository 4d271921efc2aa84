"""Files of a folder that are written whole or not at all, and notes of them with checksums.

A part is written to a draft, flushed, renamed, and then noted. Whatever ends a process in between leaves no part, or
one without a note, which is done again. A note whose part the disk has lost, or changed, is found by its checksum.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from .shards import WHOLE, Shard
from .work import Tally

PART = "part-{:08d}.parquet"
PARTS = "part-*.parquet"
NOTES = "_parts*.jsonl"
DRAFT = "_tmp-"

Write: TypeAlias = Callable[[Path, bytes], None]


def flushed(path: Path, data: bytes) -> None:
    """Write a file, and wait until the disk has it."""
    with path.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())


def placed(path: Path, data: bytes, shard: Shard, write: Write = flushed) -> None:
    """Write a file whole or not at all."""
    draft = path.with_name(f"{DRAFT}{path.name}{shard.suffix}")
    try:
        with _named(path):
            write(draft, data)
            os.replace(draft, path)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Failures of the disk say which file they are of."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


@dataclass(frozen=True)
class Note:
    """What is noted of a part: its file, the checksum of that, the run that it is of, and its points."""

    part: str
    sha256: str
    run: str
    tally: Tally

    @property
    def line(self) -> str:
        """The note as a line of JSON."""
        tally = {name: value for name, value in asdict(self.tally).items() if value != {}}
        return json.dumps({"part": self.part, "sha256": self.sha256, "run": self.run, **tally}) + "\n"

    @classmethod
    def read(cls, line: str) -> Note | None:
        """The note of a line; None if it is none, such as one that was cut off."""
        try:
            found: dict[str, Any] = json.loads(line)
            return cls(found.pop("part"), found.pop("sha256"), found.pop("run"), Tally(**found))
        except (ValueError, TypeError, KeyError, AttributeError):
            return None


@dataclass(frozen=True)
class Parts:
    """The parts in a folder, as one shard of a run sees them; `run` is a digest of all that they depend on."""

    folder: Path
    run: str
    shard: Shard = WHOLE
    write: Write = flushed

    def path(self, number: int) -> Path:
        """Where a part is."""
        return self.folder / PART.format(number)

    @property
    def notes(self) -> Path:
        """The notes that this shard takes; those of all are read."""
        return self.folder / f"_parts{self.shard.suffix}.jsonl"

    def add(self, number: int, data: bytes, tally: Tally) -> None:
        """Write a part and note it. Raises OSError."""
        path = self.path(number)
        placed(path, data, self.shard, self.write)
        note = Note(path.name, hashlib.sha256(data).hexdigest(), self.run, tally)
        with _named(self.notes), self.notes.open("a", encoding="utf-8") as out:
            out.write(note.line)
            out.flush()
            os.fsync(out.fileno())

    def noted(self) -> dict[str, list[Note]]:
        """The notes of this run by part, of whichever shard; its files are not looked at."""
        found: dict[str, list[Note]] = {}
        for path in self._all_notes():
            for note in filter(None, map(Note.read, _lines(path))):
                if note.run == self.run:
                    found.setdefault(note.part, []).append(note)
        return found

    def whole(self, numbers: Iterable[int]) -> dict[int, Note]:
        """Those of some parts that are there and unharmed: each is read and its checksum compared."""
        notes = self.noted()
        found: dict[int, Note] = {}
        for number in numbers:
            path = self.path(number)
            if path.name in notes and path.is_file():
                digest = _sum(path)
                found.update((number, note) for note in notes[path.name] if note.sha256 == digest)
        return found

    def cleared(self, numbers: range) -> dict[int, Note]:
        """The parts that are whole; others, and drafts, are removed, and notes of what is not there forgotten.

        A shard leaves alone what may be another's.
        """
        found = self.whole(numbers)
        ours = {self.path(number).name for number in numbers}
        good = {note.part for note in found.values()}
        for path in self.folder.glob(PARTS):
            if path.name not in good and (self.shard.is_whole or path.name in ours):
                path.unlink(missing_ok=True)
        drafts = f"{DRAFT}*{self.shard.suffix}"
        for path in self.folder.glob(drafts):
            path.unlink(missing_ok=True)
        self._renoted(list(found.values()))
        return found

    def _renoted(self, good: list[Note]) -> None:
        """Let the notes say what is there and no more; a shard mends its own, the whole puts all into one file."""
        lines = [note.line for note in good]
        if not self.shard.is_whole:
            own = set(_lines(self.notes))
            lines = [line for line in lines if line in own]
        text = "".join(lines)
        if "".join(sorted(_lines(self.notes))) != "".join(sorted(lines)):
            placed(self.notes, text.encode(), self.shard, self.write)
        for path in self._all_notes() if self.shard.is_whole else ():
            if path != self.notes:
                path.unlink(missing_ok=True)

    def _all_notes(self) -> list[Path]:
        return sorted(self.folder.glob(NOTES))


def _sum(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _lines(path: Path) -> list[str]:
    """The lines of a file with their ends; none if it is not there."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    except FileNotFoundError:
        return []
