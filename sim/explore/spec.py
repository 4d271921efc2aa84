"""The file of a sweep: what is swept, over which axes, which points count, and what is kept of them."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from specs import Library, Loaded, Misplaced, Problem, Reference, Spec, SpecError, parse_reference, validate
from specs.document import Document, read_file
from specs.problems import shorten
from specs.scalars import show_scalar

PARTS = ("workload", "arch", "mapping")  # what an axis may set a key of

KEPT = r"^(all|front|top-[1-9][0-9]{0,8})$"

Scalar = bool | int | float | str
Whole = Annotated[int, Field(strict=True)]


class RangeSpec(Spec):
    """Values from one to another, both included: each `times` the one before, or `steps` of them in equal steps."""

    first: int | float | str = Field(alias="from")
    last: int | float | str = Field(alias="to")
    times: int | float | None = None
    steps: Whole | None = None

    @model_validator(mode="after")
    def _one_way(self) -> RangeSpec:
        if (self.times is None) == (self.steps is None):
            found = "neither" if self.times is None else "both"
            raise Misplaced(f"a range has 'times' (a factor) or 'steps' (a number of values); found {found}", key=True)
        if self.steps is not None and self.steps < 2:
            raise Misplaced(f"both ends are included: expected at least 2 steps, found {self.steps}", ("steps",))
        if self.times is not None and not self.times > 1:
            raise Misplaced(f"expected a factor of more than 1, found {self.times}", ("times",))
        return self


def _tie(found: Any) -> Any:
    if not isinstance(found, str) or not found.lstrip().startswith("="):
        ways = "a list such as [1, 2], a range {from: 1, to: 8, times: 2} or '= expression'"
        raise ValueError(f"found {show_scalar(found)}, expected {ways}")
    return found


def _kept(found: str) -> str:
    if not re.fullmatch(KEPT, found):
        raise ValueError(f"found '{shorten(found)}', expected all, front, or a number of the best such as top-100")
    return found


def _form(value: Any) -> str:
    return "range" if isinstance(value, dict | RangeSpec) else "list" if isinstance(value, list | tuple) else "tie"


AxisSpec = Annotated[
    Annotated[RangeSpec, Tag("range")]
    | Annotated[list[Scalar], Tag("list")]
    | Annotated[str, BeforeValidator(_tie), Tag("tie")],
    Discriminator(_form),
]
Names = str | list[str]
Objectives = Annotated[tuple[str, ...], Field(min_length=1, max_length=4)]  # fronts have no more (fronts/pareto.py)
Model = Literal["analytic", "cycle"]


class DesignSpec(Spec):
    """A machine and a mapping for it."""

    arch: str
    mapping: str


class SweepSpec(Spec):
    """A sweep: a workload on a machine under one mapping or several, or on `designs`, machines with mappings of theirs.

    Keys of `axes` are those of references, after `workload.`, `arch.` or `mapping.`.
    """

    sweep: str
    summary: str = ""
    source: tuple[str, ...] = ()
    workload: str
    arch: str | None = None
    mapping: Names | None = None
    designs: Annotated[list[DesignSpec], Field(min_length=1)] | None = None
    model: Model | Annotated[list[Model], Field(min_length=1)] | None = None
    axes: dict[str, AxisSpec]
    constraints: tuple[str, ...] = ()
    objectives: Objectives = ("latency_s", "energy_j", "area_mm2")
    keep: Annotated[str, AfterValidator(_kept), WithJsonSchema({"type": "string", "pattern": KEPT})] = "all"
    columns: Literal["default", "all"] = "default"

    @model_validator(mode="after")
    def _what_is_swept(self) -> SweepSpec:
        if self.designs is not None and (self.arch is not None or self.mapping is not None):
            raise Misplaced(
                "'designs' hold machines and mappings; leave out 'arch' and 'mapping'", ("designs",), key=True
            )
        if self.designs is None and (self.arch is None or not self.mapping):
            missing = "arch" if self.arch is None else "mapping"
            raise Misplaced(f"missing key '{missing}'; give 'arch' and 'mapping', or 'designs'")
        return self

    @model_validator(mode="after")
    def _each_once(self) -> SweepSpec:
        for key in ("model", "mapping", "designs", "objectives"):
            given = getattr(self, key)
            for i, each in enumerate(given if isinstance(given, list | tuple) else ()):
                if each in given[:i]:
                    name = f"{each.mapping} on {each.arch}" if isinstance(each, DesignSpec) else each
                    raise Misplaced(f"'{shorten(name)}' is given twice", (key, i))
        return self

    @property
    def all_designs(self) -> tuple[DesignSpec, ...]:
        """The machines with their mappings, in order."""
        if self.designs is not None:
            return tuple(self.designs)
        mappings = [self.mapping] if isinstance(self.mapping, str) else self.mapping or []
        return tuple(DesignSpec(arch=str(self.arch), mapping=mapping) for mapping in mappings)

    @property
    def models(self) -> tuple[str | None, ...]:
        """The models, in order; None is the one that is a machine's own."""
        return tuple(self.model) if isinstance(self.model, list) else (self.model,)


SWEEPS = Library("sweep", Path(__file__).parent / "library", SweepSpec)


def load_sweep(reference: str, changes: Sequence[str] = ()) -> Loaded[SweepSpec]:
    """The sweep of a file, with `changes` such as `arch.buffer.size=[1MiB, 2MiB]` or `keep=front`.

    A change may add an axis, too. Raises SpecError with every problem.

    >>> loaded = load_sweep("examples/area_latency.yaml", ["keep=front"])
    >>> loaded.name, loaded.model.keep, len(loaded.model.axes)
    ('area-latency', 'front', 7)
    """
    return load_file_of("sweep", SweepSpec, reference, changes)


def load_file_of(kind: str, model: Any, reference: str, changes: Sequence[str] = ()) -> Loaded[Any]:
    """The file of a sweep, or of another kind that has axes, with changes. Raises SpecError with every problem."""
    parsed = parse_reference(reference)
    path = Path(parsed.name)
    if not path.is_file():
        raise SpecError(f"no such {kind} file: '{parsed.name}'")
    overrides = [*parsed.overrides, *(_change(each) for each in changes)]
    document = _with_new_axes(read_file(path), [key for key, _ in overrides])
    return validate(document, model, kind, overrides, str(Reference(parsed.name, tuple(overrides))))


def _change(text: str) -> tuple[str, str]:
    key, equals, value = (each.strip() for each in text.partition("="))
    if not (key and equals and value):
        raise SpecError(Problem(f"expected KEY=VALUE such as arch.buffer.size=[1MiB, 2MiB], found '{text}'"))
    return key, value


def _with_new_axes(document: Document, keys: Sequence[str]) -> Document:
    """The document with an empty place for each axis that only an argument gives."""
    axes = document.value.get("axes") if isinstance(document.value, dict) else None
    if not isinstance(axes, dict):
        return document
    known = [key for key in axes if isinstance(key, str)]
    new = [key for key in keys if key.split(".")[0] in PARTS and "." in key and key not in known]
    value = copy.deepcopy(document.value)
    value["axes"] |= dict.fromkeys(new)
    return replace(document, value=value)
