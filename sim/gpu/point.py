"""What one measured call of attention computes, and its FLOPs and bytes in closed form.

The last query sees the last key, whatever the lengths (FlashAttention's alignment since 2.1): query i of Q stands at
position K - Q + i of K keys. Causal, it sees no key after its own; with a window of W, none before the last W up to it.
"""

from __future__ import annotations

from dataclasses import dataclass

PHASES = ("prefill", "decode")
DIRECTIONS = ("fwd", "fwd+bwd")
BYTES = {"bf16": 2, "fp16": 2, "fp8": 1}  # of an element, by type

BACKWARD_FLOPS = 2.5  # of the forward pass's: five products instead of two (FlashAttention's benchmarks)
BACKWARD_BYTES = 2  # of the forward pass's: all read once more, each with a gradient that is read or written


@dataclass(frozen=True)
class Point:
    """The shape of a call. `window` counts keys, the query's own among them; without one, all keys are in sight.

    Raises ValueError if heads do not divide, or if a query would see no key.
    """

    phase: str
    batch: int
    q_len: int
    kv_len: int
    q_heads: int
    kv_heads: int
    head_dim: int
    dtype: str
    causal: bool = False
    window: int | None = None
    direction: str = "fwd"
    value_dim: int | None = None  # of a value and a result, where it is not head_dim
    kv_dtype: str | None = None  # of keys and values, where it is not dtype

    def __post_init__(self) -> None:
        if self.q_heads % self.kv_heads:
            raise ValueError(
                f"q_heads: found {self.q_heads} heads of queries to {self.kv_heads} of keys, expected a multiple"
            )
        if self.q_len > self.kv_len and (self.causal or self.window is not None):
            raise ValueError(
                f"q_len: found {self.q_len} queries to {self.kv_len} keys; with a mask, expected at most as many"
            )

    @property
    def tokens(self) -> int:
        """Queries of the whole batch."""
        return self.batch * self.q_len

    @property
    def pairs(self) -> int:
        """Query-key pairs in sight, of one head of one sequence.

        >>> Point("prefill", 1, 4, 4, 1, 1, 64, "bf16", causal=True).pairs  # 1 + 2 + 3 + 4
        10
        >>> Point("prefill", 1, 4, 4, 1, 1, 64, "bf16", causal=True, window=2).pairs  # 1 + 2 + 2 + 2
        7
        """
        later = _triangle(self.q_len - 1) if self.causal else 0  # keys after a query's own
        first = self.kv_len - self.q_len  # the first query's position
        earlier = 0  # keys that a window leaves out
        if self.window is not None:
            earlier = _triangle(self.kv_len - self.window) - _triangle(first - self.window)
        return self.q_len * self.kv_len - later - earlier

    @property
    def least_flops(self) -> float:
        """FLOPs of the two products on the pairs in sight, exactly; softmax is not counted.

        >>> Point("decode", 2, 1, 3, 4, 2, 8, "bf16").least_flops  # 2 · 4 · 3 pairs, 2 · (8 + 8) FLOPs each
        768.0
        """
        return self._flops(self.pairs)

    @property
    def flops(self) -> float:
        """FLOPs by which TFLOP/s are published: a causal square counts as half of all its pairs.

        That is FlashAttention's convention; elsewhere (windows, fewer queries than keys, decoding) as `least_flops`.
        """
        square = self.causal and self.window is None and self.q_len == self.kv_len and self.phase == "prefill"
        return self._flops(self.q_len * self.kv_len / 2) if square else self.least_flops

    @property
    def least_bytes(self) -> int:
        """Bytes of queries, results, and keys and values in anyone's sight, each moved once (in each pass).

        >>> Point("decode", 1, 1, 1024, 64, 8, 64, "bf16").least_bytes  # 2 · 64 · (2 · 64 + 2 · 1024 · 8)
        2113536
        """
        of_both = self.head_dim + self.values
        queries = self.tokens * self.q_heads * of_both * BYTES[self.dtype]
        keys = self.batch * self.keys_in_sight * self.kv_heads * of_both * BYTES[self.kv_dtype or self.dtype]
        return (queries + keys) * (1 if self.direction == "fwd" else 1 + BACKWARD_BYTES)

    @property
    def values(self) -> int:
        """Elements of a value, and of a result."""
        return self.head_dim if self.value_dim is None else self.value_dim

    @property
    def keys_in_sight(self) -> int:
        """Keys that some query sees."""
        return self.kv_len if self.window is None else min(self.kv_len, self.q_len + self.window - 1)

    def _flops(self, pairs: float) -> float:
        passes = 1.0 if self.direction == "fwd" else 1 + BACKWARD_FLOPS
        return 2.0 * self.batch * self.q_heads * pairs * (self.head_dim + self.values) * passes


def _triangle(rows: int) -> int:
    """1 + 2 + ... up to a number of rows; 0 if there are none."""
    return rows * (rows + 1) // 2 if rows > 0 else 0
