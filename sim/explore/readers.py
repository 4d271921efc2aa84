"""References read once: a sweep names the same machines, workloads and mappings again and again."""

from __future__ import annotations

from functools import lru_cache

from arch import machine
from mappings import mapping
from workloads import workload

MOST = 1 << 14  # of each that are remembered

machine_of = lru_cache(MOST)(machine)
workload_of = lru_cache(MOST)(workload)
mapping_of = lru_cache(MOST)(mapping)
