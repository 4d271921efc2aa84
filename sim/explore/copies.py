"""The work of a sweep's file as other processes get it: the file's name and what was changed, to be read anew there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from specs import RunFailed

if TYPE_CHECKING:
    import pyarrow

    from .evaluate import Evaluator


@dataclass(frozen=True, eq=False)
class FileWork:
    """The `Work` of a sweep's file, which is read and checked when it is first asked for anything.

    A copy is a reference and its changes, and the identity of the original: if a file that the sweep depends on was
    changed in between, the copy does nothing.
    """

    reference: str
    changes: tuple[str, ...] = ()
    original: Mapping[str, str] | None = None

    @cached_property
    def evaluator(self) -> Evaluator:
        """What does the work. Raises SpecError with every problem of the file, RunFailed if it is another by now."""
        from .evaluate import Evaluator
        from .sweep import sweep

        made = Evaluator(sweep(self.reference, self.changes))
        if self.original is not None and dict(made.identity) != dict(self.original):
            raise RunFailed(f"'{self.reference}', or a file that it names, was changed while the sweep went on")
        return made

    @property
    def chunks(self) -> int:
        """How many chunks there are."""
        return self.evaluator.chunks

    @property
    def points(self) -> int:
        """How many points there are."""
        return self.evaluator.points

    @property
    def identity(self) -> Mapping[str, str]:
        """Hashes of everything that the rows depend on."""
        return self.evaluator.identity

    def table(self, chunk: int) -> pyarrow.Table:
        """The rows of a chunk."""
        return self.evaluator.table(chunk)

    def __reduce__(self) -> tuple[type[FileWork], tuple[str, tuple[str, ...], Mapping[str, str]]]:
        return FileWork, (self.reference, self.changes, dict(self.identity))
