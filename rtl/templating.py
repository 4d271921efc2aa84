"""Text that is made of a template of this package's."""

from __future__ import annotations

from importlib.resources import files
from typing import Any


def filled(name: str, **values: Any) -> str:
    """The template `name` with its values; one that it wants and does not get is an error."""
    from jinja2 import Environment, StrictUndefined

    source = files(__package__).joinpath("templates", f"{name}.jinja").read_text(encoding="utf-8")
    template = Environment(undefined=StrictUndefined, keep_trailing_newline=True).from_string(source)
    return template.render(**values)
