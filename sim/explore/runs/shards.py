"""A sweep done by several processes, on as many machines as there are: which chunks each does, and who may be at work.

Locks are the system's, so that none outlives its process, however that ends.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from specs import RunFailed, SpecError

LOCK = "_lock"
MOST = 1_000_000  # shards


@dataclass(frozen=True)
class Shard:
    """One of `count` shards, numbered from 1, or the whole of a sweep."""

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """The shard `I/N`. Raises SpecError.

        >>> Shard.parse("2/8")
        Shard(number=2, count=8)
        """
        found = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", text)
        if found is None or not 1 <= int(found[1]) <= int(found[2]) <= MOST:
            raise SpecError(f"a shard is I/N with I from 1 to N, and N at most {MOST:,}, such as 2/8; found '{text}'")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @property
    def is_whole(self) -> bool:
        """Whether that is all of the sweep."""
        return self.count == 1

    @property
    def suffix(self) -> str:
        """What the names of its own files have, which no other shard's have.

        >>> Shard(2, 8).suffix, Shard().suffix
        ('-2-of-8', '')
        """
        return "" if self.is_whole else f"-{self.number}-of-{self.count}"

    def chunks(self, total: int) -> range:
        """Its chunks of so many: every `count`-th, for what is far apart differs most in how long it takes.

        >>> [list(Shard(i, 3).chunks(7)) for i in (1, 2, 3)]
        [[0, 3, 6], [1, 4], [2, 5]]
        """
        return range(self.number - 1, total, self.count)


WHOLE = Shard()


@contextmanager
def locked(folder: Path, shard: Shard) -> Iterator[None]:
    """Be the only process on a run, or on a shard of it beside other shards. Raises RunFailed if another one is.

    A process must not open the lock a second time: closing either would release it.
    """
    path = folder / LOCK
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        who = "the run" if shard.is_whole else f"shard {shard}, or on all of it"
        whole, own = (0, 1 + shard.count * MOST + shard.number)  # the bytes that are locked; the file stays empty
        wanted = [(fcntl.LOCK_EX, whole)] if shard.is_whole else [(fcntl.LOCK_SH, whole), (fcntl.LOCK_EX, own)]
        for kind, byte in wanted:
            try:
                fcntl.lockf(descriptor, kind | fcntl.LOCK_NB, 1, byte)
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EAGAIN):
                    message = f"cannot be locked: {error.strerror}; use a folder on a file system with locks"
                    raise OSError(error.errno, message, str(path)) from None
                message = f"'{folder}': another process is at work on {who}; wait for it, or give -o another folder"
                raise RunFailed(message) from None
        yield
    finally:
        os.close(descriptor)
