"""Compiled files in a folder of the user's, each under the hash of everything that it was made of.

A file carries the digest of its content at its end, which neither a linker nor a loader minds. It is written aside and
moved into place, so that others see all of it or nothing; what two processes make at once is the same. A file whose
digest does not fit is as good as none. What has not been used for longest goes when there are too many.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

KEPT = 256
MARK = b"einfuse-sha256:"
_TRAILER = len(MARK) + hashlib.sha256().digest_size


def cache_folder() -> Path:
    """Where compiled files are: `$EINFUSE_CACHE_DIR`, or a folder of the user's cache."""
    chosen = os.environ.get("EINFUSE_CACHE_DIR")
    return Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "einfuse"


def key_of(kind: str, *parts: str) -> str:
    """The name of what is made of these texts; it begins with a word for people.

    >>> key_of("program", "ab", "c") == key_of("program", "a", "bc")
    False
    """
    joined = b"".join(f"{len(part.encode())}:".encode() + part.encode() for part in parts)
    return f"{kind}-{hashlib.sha256(joined).hexdigest()[:32]}"


def fetched(key: str, folder: Path) -> Path | None:
    """The whole file of that name, if it is there; it is marked as used."""
    path = folder / key
    try:
        content = path.read_bytes()
        if content[-_TRAILER:] != _trailer(content[:-_TRAILER]):
            return None
        os.utime(path)
    except OSError:
        return None
    return path


def stored(key: str, made: Path, folder: Path) -> Path:
    """Put a file that was made into the folder under a name, in one step, and clear what is too much."""
    folder.mkdir(parents=True, exist_ok=True)
    content = made.read_bytes()
    descriptor, draft = tempfile.mkstemp(prefix=".draft-", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content + _trailer(content))
        os.chmod(draft, 0o755)
        os.replace(draft, folder / key)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    _clear(folder)
    return folder / key


def _trailer(content: bytes) -> bytes:
    return MARK + hashlib.sha256(content).digest()


def _clear(folder: Path) -> None:
    """Remove what was not used for longest, beyond the number that is kept; others may be doing the same."""
    ages = []
    for path in folder.iterdir():
        try:
            ages.append((path.stat().st_mtime, path))
        except OSError:
            continue
    for _, path in sorted(ages, reverse=True)[KEPT:]:
        path.unlink(missing_ok=True)
