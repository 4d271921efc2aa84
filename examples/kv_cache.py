"""A KV cache in DRAM banks, from Python: GPT-2 XL's attention over the number of keys, and by how many tokens append at
once.

Run it with `python examples/kv_cache.py`, in the environment that einfuse is installed in.
"""

from collections.abc import Sequence

from sim import Record, simulate

ARCH, MAPPING = "gddr6-aim:channels=8", "bank-parallel-attention"


def main(contexts: Sequence[int] = (256, 1024, 4096), at_once: Sequence[int] = (1, 2, 4, 8, 16)) -> None:
    print(f"{'keys':>12} {'a token':>10} {'appends':>9} {'other units':>12}  bound by")
    for keys in contexts:
        record = simulate(f"gpt2-xl:part=attention,context={keys}", ARCH, MAPPING)
        print(f"{keys:12} {line(record, 1)}")
    print(f"\n{'at once':>12} {'a token':>10} {'appends':>9} {'other units':>12}  bound by")
    for tokens in at_once:
        record = simulate(f"gpt2-xl:part=attention,tokens={tokens}", ARCH, f"{MAPPING}:append={tokens}")
        print(f"{tokens:12} {line(record, tokens)}")


def line(record: Record, tokens: int) -> str:
    """The time of a token, the shares of appends and other units in it, and what bounds it."""
    phases = record.cycles_by_phase or {}
    appends, others = (phases.get(name, 0) / record.cycles for name in ("append", "other units"))
    return f"{1e3 * record.latency_s / tokens:7.3f} ms {appends:9.1%} {others:12.1%}  {record.bound_by}"


if __name__ == "__main__":
    main()
