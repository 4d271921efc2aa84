"""Latency and energy of a model's attention over the sequence length, from Python.

Run it with `python examples/lengths.py`, in the environment that einfuse is installed in.
"""

from sim import simulate


def main() -> None:
    print(f"{'tokens':>8} {'latency':>12} {'energy':>12}  bound by")
    for tokens in (1024, 4096, 16384, 65536):
        record = simulate(f"bert:seq_len={tokens}", "fusemax-cloud", "fusemax-binding")
        print(f"{tokens:8} {record.latency_s:10.4g} s {record.energy_j:10.4g} J  {record.bound_by}")


if __name__ == "__main__":
    main()
