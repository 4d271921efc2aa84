"""Which einfuse this is."""

from __future__ import annotations

from functools import cache


@cache
def version() -> str:
    """The version of einfuse that is installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("einfuse")
    except PackageNotFoundError:
        return "not installed"
