"""Seconds for everything that FuseMax's authors published, as a ratio to the nine hours of their flow.

    python benchmarks/fusemax.py [--reference published.csv] [--runs N]

Each run is a process of its own, Python's start included: every configuration under both accountings, all models and
lengths, linear layers, arrays of other sizes, the headline and the checks of FLAT's model; with a reference its rows
are compared as well. Nothing is remembered from one run to the next.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

AUTHORS_S = 9 * 3600  # Timeloop and Accelergy, FPSG-UIUC/micro24-fusemax-artifact

EVERYTHING = """
import sys
from pathlib import Path
from reports.comparison import compare, compare_reference
from reports.results import Point

reference = Path(sys.argv[1]) if len(sys.argv) > 1 else None
whole = compare("fusemax")
runs = whole.runs
for label, spec in runs.paper.beside.items():
    numbers = spec.numbers or (None,)
    for accounting in runs.paper.accountings:
        for model in runs.paper.models:
            for length in spec.lengths or runs.paper.lengths:
                for number in numbers:
                    runs.record(Point(label, model, length, accounting, number))
rows = 0 if reference is None else len(compare_reference(runs, reference).rows)
print(len(runs.known), rows, int(whole.ok))
"""


def measure(reference: Path | None) -> tuple[float, int, int, bool]:
    """Seconds of one process, the design points that it costed, the published rows, and whether all agree."""
    arguments = [sys.executable, "-c", EVERYTHING, *([str(reference)] if reference else [])]
    begin = time.perf_counter()
    done = subprocess.run(arguments, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    points, rows, ok = (int(word) for word in done.stdout.split())
    return seconds, points, rows, bool(ok)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, help="a CSV of published rows, compared as well")
    parser.add_argument("--runs", type=int, default=3, help="processes to run one after the other (default: 3)")
    given = parser.parse_args()
    found = [measure(given.reference) for _ in range(max(1, given.runs))]
    median = statistics.median(seconds for seconds, *_ in found)
    _, points, rows, ok = found[0]
    print(f"{points:,} design points, {rows:,} published rows, {'all agree' if ok else 'NOT ALL AGREE'}")
    print(f"median {median:.2f} s of {len(found)} runs ({', '.join(f'{each[0]:.2f}' for each in found)}), one process")
    print(f"the authors' flow, nine hours: {AUTHORS_S / median:,.0f} times as long; {os.cpu_count()} cores here")
    return 0 if ok else 1


if __name__ == "__main__":
    raise SystemExit(main())
