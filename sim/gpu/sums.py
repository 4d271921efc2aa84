"""Nothing measured is edited: run files are what `SHA256SUMS` beside them says, which `sha256sum -c` reads too."""

from __future__ import annotations

import hashlib
from pathlib import Path

from specs import Place, Problem, SpecError

SUMS = "SHA256SUMS"


def checked_files(folder: Path) -> tuple[Path, ...]:
    """The run files of a folder, sorted. Raises SpecError unless each has its line in `SHA256SUMS`, and its sum."""
    listed = folder / SUMS
    found = sorted(folder.glob("*.json"))
    stated, problems = _stated(listed) if listed.is_file() else ({}, [])
    for path in found:
        if path.name not in stated:
            message = f"no sum of '{path.name}'; add the line that `sha256sum {path.name}` prints"
            problems.append(Problem(message, Place(str(listed))))
        elif stated[path.name] != digest(path):
            message = f"its sum is not the one in {SUMS}: it was changed since it was measured; restore it"
            problems.append(Problem(message, Place(str(path))))
    present = {path.name for path in found}
    for name in stated.keys() - present:
        problems.append(Problem(f"'{name}' is not there; restore the file, or remove the line", Place(str(listed))))
    if problems:
        raise SpecError(problems)
    return tuple(found)


def digest(path: Path) -> str:
    """The SHA-256 sum of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _stated(listed: Path) -> tuple[dict[str, str], list[Problem]]:
    stated, problems = {}, []
    for line, text in enumerate(listed.read_text(encoding="utf-8").splitlines(), start=1):
        sum_, separator, name = text.partition("  ")
        if len(sum_) != 64 or not separator or not name.endswith(".json") or name != Path(name).name:
            message = f"found '{text}', expected the sum of a run file, as sha256sum writes it"
            problems.append(Problem(message, Place(str(listed), line)))
        else:
            stated[name] = sum_
    return stated, problems
