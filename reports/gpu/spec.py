"""A report of measured runs, as data: what it is called, and which kernels are held against which.

The files are in `reports/gpu/studies/`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from specs import Count, Library, Spec


class AimSpec(Spec):
    """At most so many times the other's time, under a causal mask, at a head dimension and a length."""

    head_dim: Count
    length: Count
    times: Annotated[float, Field(gt=0)]


class ComparedSpec(Spec):
    """A kernel of ours, one that it is held against, and what is aimed at."""

    ours: str
    theirs: str
    aim: AimSpec | None = None


class GpuStudySpec(Spec):
    """The file of a report."""

    gpu_study: str
    title: str
    summary: str
    source: list[str]
    compared: list[ComparedSpec]


GPU_STUDIES = Library("gpu_study", Path(__file__).parent / "studies", GpuStudySpec)


def gpu_study(reference: str) -> GpuStudySpec:
    """The report of that name, or of that file. Raises SpecError.

    >>> gpu_study("gpu-runs").compared[0].theirs
    'sdpa-flash'
    """
    spec: GpuStudySpec = GPU_STUDIES.load(reference).model
    return spec
