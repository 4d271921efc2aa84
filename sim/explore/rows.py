"""The rows of a box while it is evaluated, and as a table of Arrow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mappings.schedule import Pick

from ..labels import labels
from ..simulate import Analysis
from .axes import Axis
from .columns import is_whole, measured
from .constraints import held
from .grid import Box
from .points import Sweep
from .reasons import by_reason

if TYPE_CHECKING:
    import pyarrow

At = Sequence[int | range]  # on every dimension of the grid an index, or a range of them


class Names:
    """Texts that stand for themselves as numbers, in the order of their first use; -1 is none."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def code(self, text: str) -> int:
        return self.known.setdefault(text, len(self.known))


class Rows:
    """The results of a box's points, each column an array of the box's shape.

    Points that are `refused` have no results; those that only a constraint excludes keep theirs.
    """

    def __init__(self, sweep: Sweep, box: Box) -> None:
        self.sweep, self.box = sweep, box
        self.numbers = {
            name: np.zeros(box.shape, dtype=np.int64 if is_whole(name) else np.float64) for name in sweep.columns
        }
        self.missing: dict[str, Any] = {}
        self.fits = np.ones(box.shape, dtype=bool)
        self.bound = np.zeros(box.shape, dtype=np.int32)
        self.why = np.full(box.shape, -1, dtype=np.int32)
        self.bounds, self.reasons = Names(), Names()

    def fill(self, at: At, found: Analysis, axes: Mapping[str, Any]) -> None:
        """Puts numbers, or arrays of them, where they belong."""
        place = self._place(at)
        for name, column in self.numbers.items():
            value = measured(found, name)
            if value is None:
                self.missing.setdefault(name, np.zeros(self.box.shape, dtype=bool))[place] = True
            else:
                column[place] = value
        bound = labels(found.latency.bound_by)
        self.bound[place] = np.array([self.bounds.code(name) for name in bound.names], dtype=np.int32)[bound.codes]
        for text, constraint in self.sweep.constraints:
            names = constraint.names()
            values = {name: axes[name] if name in axes else measured(found, name) for name in names}
            if any(value is None for value in values.values()):
                self._exclude(place, True, f"constraint: {text} (not known)")
                continue
            holds, failed = held(constraint, values)
            for message, where in failed.items():
                self._exclude(place, where, f"constraint: {text} ({message})")
            self._exclude(place, np.logical_not(holds), f"constraint: {text}")

    def put(self, at: At, found: Rows) -> None:
        """Puts what was found of points that follow each other, in their order, where they belong."""
        place = self._place(at)
        shape = self.fits[place].shape
        for name, column in self.numbers.items():
            column[place] = found.numbers[name].reshape(shape)
        for name, cells in found.missing.items():
            self.missing.setdefault(name, np.zeros(self.box.shape, dtype=bool))[place] = cells.reshape(shape)
        self.fits[place] = found.fits.reshape(shape)
        self.bound[place] = _recoded(found.bound, found.bounds, self.bounds).reshape(shape)
        self.why[place] = _recoded(found.why, found.reasons, self.reasons).reshape(shape)

    def refuse(self, at: At, reason: str) -> None:
        """Notes that a point does not fit."""
        place = self._place(at)
        self.fits[place] = False
        self.why[place] = self.reasons.code(reason)

    def refuse_where(self, at: At, condition: Any, reason: Callable[[Pick], str]) -> None:
        """Notes where points do not fit for a reason, if they are not known to be so for another."""
        place = self._place(at)
        here = self.fits[place]  # a view: `at` holds slices and single indices
        cells = np.reshape(condition, np.shape(condition) or (1,) * here.ndim)
        codes = np.full(cells.shape, -1, dtype=np.int32)
        still = cells & _anywhere(here, cells.shape)
        if not still.any():
            return
        where = np.nonzero(still)
        for text, points in by_reason(reason, where):
            codes[tuple(axis[points] for axis in where)] = self.reasons.code(text)
        new = here & (codes >= 0)
        self.why[place] = np.where(new, codes, self.why[place])
        here &= ~np.broadcast_to(cells, here.shape)

    def _exclude(self, place: Any, where: Any, reason: str) -> None:
        """Notes what a constraint excludes and nothing before it."""
        if np.any(where):
            here = self.why[place]
            self.why[place] = np.where(np.logical_and(where, here < 0), self.reasons.code(reason), here)

    def _place(self, at: At) -> tuple[int | slice, ...]:
        """Where the points lie within the box."""
        found: list[int | slice] = []
        for index, whole in zip(at, self.box.ranges, strict=True):
            if isinstance(index, range):
                found.append(slice(index.start - whole.start, index.stop - whole.start))
            else:
                found.append(index - whole.start)
        return tuple(found)

    def table(self) -> pyarrow.Table:
        """The rows, in the order of their points."""
        import pyarrow as pa

        points = self.box.points
        columns: dict[str, Any] = {
            "point": pa.array(np.arange(self.box.first, self.box.first + points, dtype=np.int64))
        }
        for axis in self.sweep.axes:
            columns[axis.path] = self._axis(axis)
        columns |= self._names_of_designs()
        valid = None if self.fits.all() else self.fits
        for name, values in self.numbers.items():
            missing = self.missing.get(name)
            known = valid if missing is None else self.fits & ~missing
            columns[name] = _numbers(values, known)
        columns["bound_by"] = _texts(
            np.where(self.fits, self.bound, -1) if valid is not None else self.bound, self.bounds.known
        )
        columns["feasible"] = pa.array((self.why < 0).ravel())
        columns["reason"] = _texts(self.why, self.reasons.known)
        return pa.table(columns)

    def _axis(self, axis: Axis) -> Any:
        ranges = self.box.ranges[2:]
        values = axis.values[tuple(slice(ranges[i].start, ranges[i].stop) for i in axis.over)]
        shape = [1] * len(self.box.shape)
        for i, size in zip(axis.over, values.shape, strict=True):
            shape[i + 2] = size
        if axis.is_number:
            return _numbers(np.broadcast_to(values.reshape(shape), self.box.shape), None)
        known = list(dict.fromkeys(values.ravel().tolist()))
        codes = np.array([known.index(value) for value in values.ravel()], dtype=np.int32).reshape(shape)
        return _texts(np.broadcast_to(codes, self.box.shape), known)

    def _names_of_designs(self) -> dict[str, Any]:
        """Machine, mapping and model, where there are several."""
        spec, shape = self.sweep.spec, self.box.shape
        found = {}
        for name, texts, dimension in (
            ("arch", [design.arch.reference for design in self.sweep.designs], 1),
            ("mapping", [design.mapping.reference for design in self.sweep.designs], 1),
            ("model", [str(model) for model in spec.models], 0),
        ):
            known = list(dict.fromkeys(texts))
            if len(known) > 1:
                codes = np.array([known.index(texts[i]) for i in self.box.ranges[dimension]], dtype=np.int32)
                aligned = codes.reshape([-1 if i == dimension else 1 for i in range(len(shape))])
                found[name] = _texts(np.broadcast_to(aligned, shape), known)
        return found


def _recoded(codes: Any, known: Names, names: Names) -> Any:
    """Codes of texts as other names have them; -1 stays none."""
    return np.array([*(names.code(text) for text in known.known), -1], dtype=np.int32)[codes]


def _anywhere(here: Any, shape: tuple[int, ...]) -> Any:
    """Of the cells of a smaller shape that is repeated over `here`, those in which anything holds."""
    repeated = tuple(i for i, size in enumerate(shape) if size == 1)
    return here.any(axis=repeated, keepdims=True)


def _numbers(values: Any, known: Any) -> Any:
    import pyarrow as pa

    flat = np.ascontiguousarray(values).ravel()
    kind = pa.int64() if flat.dtype == np.int64 else pa.float64()
    validity = None if known is None else pa.py_buffer(np.packbits(known.ravel(), bitorder="little"))
    return pa.Array.from_buffers(kind, len(flat), [validity, pa.py_buffer(flat)])


def _texts(codes: Any, known: Iterable[str]) -> Any:
    """A dictionary column; -1 is null."""
    import pyarrow as pa

    flat = np.ascontiguousarray(codes, dtype=np.int32).ravel()
    none = flat < 0
    indices = pa.array(flat, mask=none) if none.any() else pa.array(flat)
    return pa.DictionaryArray.from_arrays(indices, pa.array(list(known), type=pa.string()))
