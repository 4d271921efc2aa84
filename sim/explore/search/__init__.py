"""Searches where points cannot be enumerated: mappings, and machines with them (see docs/search.md)."""
