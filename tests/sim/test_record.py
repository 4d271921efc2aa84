"""The record and its page."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from sim import Record

PAGE = Path(__file__).parents[2] / "docs" / "record.md"


def test_the_page_of_the_record_names_every_field() -> None:
    text = PAGE.read_text()
    assert [f.name for f in fields(Record) if f"`{f.name}`" not in text] == []
