"""Putting a report's files in their place: all of them or none, and never over a file that no earlier report wrote.

A folder that holds a report has a manifest, the names and SHA-256 sums of its files; other kinds of output have one of
another name. A file is ours if the manifest
names it and its content is still that; any other file is its owner's.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from specs import SpecError

MANIFEST = ".einfuse-report"  # in the form of sha256sum, so that `sha256sum -c` reads it


def refuse(
    folder: Path, names: Iterable[str], manifest: str = MANIFEST, what: str = "report", writer: str = "report"
) -> None:
    """Raise SpecError if the folder cannot be one, is in a run, or has a file of our names that is not ours.

    In messages `what` is written to it, by a `writer`.
    """
    for path in (folder, *folder.parents):
        if path.is_dir():
            break
        if path.exists() or path.is_symlink():
            raise SpecError(f"'{path}' is not a folder; -o takes the folder that the {what} is written to")
    _refuse_runs(folder, what)
    ours = _ours(folder, manifest)
    for name in (*names, manifest):
        path = folder / name
        if name not in ours and (path.exists() or path.is_symlink()):
            raise SpecError(
                f"'{path}' is in the way: no earlier {writer} wrote it, or it was changed since; move it away, or give "
                "-o another folder"
            )


def _refuse_runs(folder: Path, what: str) -> None:
    """Raise SpecError within the run of a sweep: all files below it are parts of its table to those who read it."""
    from sim.explore.runs.store import RUN

    whole = folder.absolute()
    for path in (whole, *whole.parents):
        if (path / RUN).is_file():
            raise SpecError(
                f"'{folder}' is in the run '{path}', whose files are its table; the {what} would be in the way, give "
                "-o another folder"
            )


@contextmanager
def placed(folder: Path, last: str, manifest: str = MANIFEST) -> Iterator[Path]:
    """A draft folder whose files are moved to `folder` when all of them are written, the one named `last` at the end.

    Nothing is left behind if that fails or is interrupted. Files of an earlier report are replaced, or removed if the
    new one lacks them. Raises SpecError as `refuse` does, OSError that names `folder` if it cannot be written.
    """
    beside = folder if folder.is_dir() else folder.absolute().parent
    made = [path for path in (beside, *beside.parents) if not path.exists()]
    work: Path | None = None
    done = False
    try:
        try:
            beside.mkdir(parents=True, exist_ok=True)
            work = Path(tempfile.mkdtemp(prefix=".einfuse-report-", dir=beside))
            draft = work / "draft"
            draft.mkdir()
        except OSError as error:
            raise OSError(error.errno, f"cannot be written: {error.strerror}", str(folder)) from None
        try:
            yield draft
            _move(draft, folder, last, manifest)
        except OSError as error:
            if error.filename is None or str(work) not in str(error.filename):
                raise
            raise OSError(error.errno, error.strerror, str(folder / Path(error.filename).name)) from None
        done = True
    finally:
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)
        for path in () if done else made:
            with suppress(OSError):  # it is not empty: another's now
                path.rmdir()


def _move(draft: Path, folder: Path, last: str, manifest: str) -> None:
    files = sorted(draft.iterdir(), key=lambda each: each.name == last)
    lines = [f"{_sum(file)}  {file.name}\n" for file in files]
    (draft / manifest).write_text("".join(lines), encoding="utf-8")
    if not folder.is_dir():
        draft.rename(folder)
        return
    names = [file.name for file in files]
    refuse(folder, names, manifest)  # what appeared while we worked
    for name in _ours(folder, manifest) - {*names, manifest}:
        (folder / name).unlink()
    for name in (*names[:-1], manifest, names[-1]):
        os.replace(draft / name, folder / name)


def _ours(folder: Path, manifest: str) -> set[str]:
    """The files of the earlier report in a folder, as it left them; its manifest among them."""
    listed = folder / manifest
    if listed.is_symlink() or not listed.is_file():
        return set()
    found = {manifest}
    for line in listed.read_text(encoding="utf-8", errors="replace").splitlines():
        digest, separator, name = line.partition("  ")
        path = folder / name
        if len(digest) != 64 or not separator or name != Path(name).name:
            return set()  # not a manifest
        if path.is_file() and not path.is_symlink() and _sum(path) == digest:
            found.add(name)
    return found


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
