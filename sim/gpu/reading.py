"""Reading measurements from wherever they are: a file of any kind that is known, or a folder of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from specs import SpecError

from .run import Measurements
from .runfile import read_run_file
from .sums import RUN_FILE, checked_files, is_run_file
from .tables import PARQUET, is_near, read_columns, read_measurements

TABLES = (".csv", ".txt", PARQUET)
MEASURED = Path(__file__).parent.parent / "measured"  # runs of ours


@dataclass(frozen=True)
class Collected:
    """What was read, and the names of files in a folder that hold something else."""

    files: tuple[Measurements, ...] = ()
    others: tuple[str, ...] = ()


def read(path: Path) -> Measurements:
    """One file: a run file (.json), or a published table (.csv, .txt, .parquet). Raises SpecError, OSError."""
    if is_run_file(path):
        return read_run_file(path)
    if _is_table(path):
        return read_measurements(path)
    raise SpecError(f"'{path}' ends in none of: {', '.join((RUN_FILE, *TABLES))}")


def collect(path: Path) -> Collected:
    """A file, or all files of a folder; tables whose columns are not near to any format's are left out, and named.

    Raises SpecError if there is nothing, or if what is there is wrong: a damaged table is not left out.
    """
    if path.is_file():
        return Collected((read(path),))
    if not path.is_dir():
        raise SpecError(f"'{path}' is neither a file nor a folder; give measurements: a run file, CSV or Parquet")
    files, others = [], []
    for each in sorted(path.iterdir()):
        if is_run_file(each) or (_is_table(each) and is_near(read_columns(each))):
            files.append(read(each))
        elif _is_table(each):
            others.append(each.name)
    return Collected(tuple(files), tuple(others))


def measured(folder: Path | None = None) -> tuple[Measurements, ...]:
    """The run files of a folder, by default those that ship with einfuse, in the order of their names.

    Raises SpecError if one was changed.

    >>> [file.kind for file in measured()] == len(measured()) * ["run file"]
    True
    """
    return tuple(read_run_file(path) for path in checked_files(folder or MEASURED))


def _is_table(path: Path) -> bool:
    return path.suffix.casefold() in TABLES and path.is_file()
