"""Names of design points: an array of few names, held as indices into them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workloads import is_array


@dataclass(frozen=True, eq=False)
class Labels:
    """A name for each design point: `names[codes]`; NumPy takes it as an array of names.

    >>> import numpy as np
    >>> np.asarray(Labels(("dram", "array"), np.array([0, 1, 1])))
    array(['dram', 'array', 'array'], dtype='<U5')
    """

    names: tuple[str, ...]
    codes: Any

    def __getitem__(self, point: Any) -> Any:
        return label(self.names, self.codes[point])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        import numpy as np

        return np.array(self.names, dtype=dtype)[self.codes]


def label(names: Sequence[str], code: Any) -> Any:
    """The name of an index; `Labels` for an array of indices.

    >>> label(["dram", "array"], 1)
    'array'
    """
    return Labels(tuple(names), code) if is_array(code) else names[int(code)]


def labels(found: Any) -> Labels:
    """A name, or names, as `Labels`."""
    import numpy as np

    return found if isinstance(found, Labels) else Labels((str(found),), np.zeros((), dtype=np.int64))
