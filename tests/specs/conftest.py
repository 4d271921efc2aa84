"""What the tests of specs share."""

import pytest

from specs import Document, read_text

from .machine import MACHINE


@pytest.fixture
def machine() -> Document:
    """The sample machine, read from text."""
    return read_text(MACHINE, "toy.yaml")
