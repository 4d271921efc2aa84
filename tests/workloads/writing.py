"""Cascades given as text."""

from __future__ import annotations

from textwrap import dedent

import pytest

from specs import Loaded, SpecError, read_text, validate
from workloads import Cascade, CascadeSpec, WorkloadSpec, check_cascade


def check(text: str) -> Cascade:
    """The cascade of a text, whose indentation does not matter."""
    document = read_text(dedent(text).strip() + "\n", "c.yaml")
    return check_cascade(validate(document, CascadeSpec, "cascade"))


def faults(text: str) -> list[str]:
    """What is wrong with the cascade of a text, each as `line:column: message`."""
    with pytest.raises(SpecError) as caught:
        check(text)
    return [str(problem).removeprefix("c.yaml:") for problem in caught.value.problems]


def loaded_workload(text: str) -> Loaded[WorkloadSpec]:
    """The workload spec of a text."""
    document = read_text(dedent(text).strip() + "\n", "w.yaml")
    loaded: Loaded[WorkloadSpec] = validate(document, WorkloadSpec, "workload")
    return loaded
