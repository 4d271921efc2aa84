"""Nothing measured is edited: run files are what `SHA256SUMS` beside them says, which `sha256sum -c` reads too."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path, PurePosixPath

from specs import Place, Problem, SpecError

SUMS = "SHA256SUMS"
RUN_FILE = ".json"
LINE = re.compile(r"(?P<sum>[0-9a-fA-F]{64}) [ *](?P<name>\S.*)")


def checked_files(folder: Path) -> tuple[Path, ...]:
    """The run files of a folder and those below it, sorted; however their endings are written.

    Raises SpecError unless each has its line in `SHA256SUMS`, once, and its sum.
    """
    listed = folder / SUMS
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if is_run_file(path)}
    stated, problems = _stated(listed) if listed.is_file() else ({}, [])
    for name, path in found.items():
        if name not in stated:
            message = f"no sum of '{name}'; add the line that `sha256sum {name}` prints"
            problems.append(Problem(message, Place(str(listed))))
        elif stated[name] != digest(path):
            message = f"its sum is not the one in {SUMS}: it was changed since it was measured; restore it"
            problems.append(Problem(message, Place(str(path))))
    for name in stated.keys() - found:
        problems.append(Problem(f"'{name}' is not there; restore the file, or remove the line", Place(str(listed))))
    if problems:
        raise SpecError(problems)
    return tuple(found.values())


def is_run_file(path: Path) -> bool:
    """Whether a file's ending is that of a run file.

    >>> is_run_file(Path("runs.JSON")), is_run_file(Path("runs.csv"))
    (True, False)
    """
    return path.suffix.casefold() == RUN_FILE and not path.is_dir()


def digest(path: Path) -> str:
    """The SHA-256 sum of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _stated(listed: Path) -> tuple[dict[str, str], list[Problem]]:
    try:
        lines = listed.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise SpecError(Problem(f"not a text of sums: {error}", Place(str(listed)))) from None
    stated: dict[str, str] = {}
    problems = []
    for line, text in enumerate(lines, start=1):
        found = LINE.fullmatch(text)
        name = PurePosixPath(found["name"]) if found else PurePosixPath()
        if found is None or not is_run_file(Path(name)) or name.is_absolute() or ".." in name.parts:
            message = f"found '{text}', expected the sum of a run file, as sha256sum writes it"
            problems.append(Problem(message, Place(str(listed), line)))
        elif str(name) in stated:
            message = f"'{name}' has a sum already; remove the one that is not its own"
            problems.append(Problem(message, Place(str(listed), line)))
        else:
            stated[str(name)] = found["sum"].lower()
    return stated, problems
