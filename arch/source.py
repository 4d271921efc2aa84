"""Where a row of a table is from."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator


def _one_phrase(source: str) -> str:
    if not source.strip():
        raise ValueError("a source is missing: name a publication, or write 'assumption: ' and the reasoning")
    if ";" in source:  # the provenance of a sum joins sources by semicolons
        raise ValueError("found ';' in a source; write ','")
    return source


Source = Annotated[str, AfterValidator(_one_phrase)]
